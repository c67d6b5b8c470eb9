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

/*
 * Where a value lies. Steps before `turn` run picture by picture, so that maps stay in the cache from one layer to the
 * next; the steps from there on, whose weights outweigh their maps, run on the whole batch. A value that lives and dies
 * before the turn is kept for one picture only, in memory of each lane.
 */
typedef struct {
    size_t offset;  /* in floats: of one picture's values (local), or to be multiplied by the batch; LC_NO_VALUE: nowhere */
    bool local;
    size_t inside;  /* the concatenation that it is written into, LC_NO_VALUE: none. Then */
    size_t column;  /* its first column there */
} lc_place;

struct lc_plan {
    const lc_graph *graph;
    const lc_kernels *kernels;
    size_t batch;
    bool exact;
    size_t *taps, tap_count;
    lc_step *steps;
    size_t step_count, turn;
    void **states;        /* by node, from prepare; NULL */
    size_t max_inputs;    /* of any step */
    lc_place *places;     /* by value */
    size_t shared, local; /* floats per picture of the batch; floats of a lane */
    size_t scratch;       /* floats: the most of any step behind the turn */
    size_t thread_scratch; /* the most of any of them whose threads each use their own */
    size_t lane_scratch;  /* the most of any step before the turn */
};

/* Fills steps: the nodes that the taps need, in order, then folded. Prepares every one of these nodes. */
LC_CHECKED lc_status lc_plan_fold(lc_plan *plan);

/* Floats of scratch of the first of `lanes` lanes, which also runs what threads share. */
size_t lc_plan_scratch(const lc_plan *plan, size_t lanes);

bool lc_plan_is_tap(const lc_plan *plan, size_t value);

#endif
