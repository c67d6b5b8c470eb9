/*
 * Inside of a plan: shared by fold.c (which steps), plan.c (where in memory) and exec.c (running them).
 */
#ifndef LC_EXTRACTOR_GRAPH_PLAN_H
#define LC_EXTRACTOR_GRAPH_PLAN_H

#include "extractor/graph/graph.h"

typedef struct {
    size_t node;          /* whose operator runs */
    size_t out;           /* value it makes: its node's own, or that of the last node folded into it */
    lc_epilogue epilogue; /* without the residual's address */
    size_t residual;      /* value number, or LC_NO_VALUE */
} lc_step;

struct lc_plan {
    const lc_graph *graph;
    const lc_kernels *kernels;
    size_t batch;
    size_t *taps, tap_count;
    lc_step *steps;
    size_t step_count;
    void **states;        /* by node, from prepare; NULL */
    size_t max_inputs;    /* of any step */
    size_t *offsets;      /* by value: floats per picture from the arena's start; LC_NO_VALUE: not in it */
    size_t arena;         /* floats per picture */
    size_t scratch;       /* floats per picture, the most of any step */
};

/* Fills steps: the nodes that the taps need, in order, then folded. Prepares every one of these nodes. */
LC_CHECKED lc_status lc_plan_fold(lc_plan *plan);

bool lc_plan_is_tap(const lc_plan *plan, size_t value);

#endif
