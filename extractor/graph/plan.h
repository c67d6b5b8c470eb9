/*
 * Inside of a plan: shared by fold.c (which steps), plan.c (where in memory) and exec.c (running them).
 */
#ifndef LC_EXTRACTOR_GRAPH_PLAN_H
#define LC_EXTRACTOR_GRAPH_PLAN_H

#include "common/memory.h"
#include "extractor/graph/graph.h"

enum {
    LC_ALIGN_FLOATS = LC_ALIGNMENT / 4, /* of values in memory */
    LC_CHAIN_STEPS = 16,                /* at most */
};

typedef struct {
    size_t node;          /* whose operator runs */
    size_t out;           /* value it makes: its node's own, or that of the last node folded into it */
    lc_epilogue epilogue; /* without the residual's address */
    lc_activation activation;
    size_t residual;      /* value number, or LC_NO_VALUE */
    lc_rows rows;         /* in a chain of several steps */
    size_t kept;          /* there, of all but the last: where in the chain's scratch the rows lie that it has made */
} lc_step;

/* Steps begin..end-1 run band by band (see bands.c); end = begin + 1: a step by itself. */
typedef struct {
    size_t begin, end;
    size_t rows;       /* of the last step's output in a band */
    size_t op_scratch; /* floats of scratch for the operators; behind them lie kept rows */
    size_t scratch;    /* floats of both, for each thread; 0: a step by itself */
} lc_chain;

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
    lc_arithmetic arithmetic;
    size_t *taps, tap_count;
    lc_step *steps;
    size_t step_count, turn;
    lc_chain *chains;     /* by step: the one that it belongs to */
    void **states;        /* by node, from prepare; NULL */
    size_t max_inputs;    /* of any node */
    lc_place *places;     /* by value */
    size_t shared, local; /* floats per picture of the batch; floats of a lane */
    size_t scratch;       /* floats: the most of any step behind the turn */
    size_t thread_scratch; /* the most of any of them whose threads each use their own */
    size_t lane_scratch;  /* the most of any step before the turn, and of any chain */
};

/* Fills steps: the nodes that the taps need, in order, then folded. Prepares every one of these nodes, side by side. */
LC_CHECKED lc_status lc_plan_fold(lc_plan *plan, lc_threads *threads);

/* Fills chains. Wants places of parts of concatenations, and the turn. */
LC_CHECKED lc_status lc_plan_chain(lc_plan *plan);

/* Floats of scratch of the first of `lanes` lanes, which also runs what threads share. */
size_t lc_plan_scratch(const lc_plan *plan, size_t lanes);

bool lc_plan_is_tap(const lc_plan *plan, size_t value);

/* How many times the steps read a value, as an input or as a residual. */
size_t lc_plan_readers(const lc_plan *plan, size_t value);

#endif
