/*
 * Inside of a tape: which memory holds what, and when. Shared by tape.c, tape_layout.c and tape_segments.c.
 */
#ifndef LC_EXTRACTOR_TRAIN_TAPE_LAYOUT_H
#define LC_EXTRACTOR_TRAIN_TAPE_LAYOUT_H

#include "extractor/graph/graph.h"

typedef struct {
    size_t node;       /* whose operator runs */
    size_t out;        /* value it makes: its node's, or that of the last node folded into it */
    lc_epilogue epilogue; /* of what was folded into it, without the residual's address */
    size_t residual;   /* value number, or LC_NO_VALUE */
    size_t saved;      /* offset of what its `train` leaves for its `backward` */
    size_t saved_size; /* floats of it, for all pictures */
    size_t saved_each; /* of one picture, where the node runs picture by picture; else 0 */
    size_t segment;    /* from 0 on, rising; before one other than the last goes back, what it made is computed again */
    bool again;        /* this step then runs a second time */
} lc_tape_step;

/* Offsets are in floats from the start of the arena; LC_NO_VALUE: nowhere. */
typedef struct {
    bool dropout;        /* see lc_tape_options */
    lc_tape_step *steps; /* (step_count) in order of computation */
    size_t step_count;
    size_t *value, *value_back, *gradient; /* by value number: the activation, in the forward and in the backward pass, and the gradient
                                              of the loss by it */
    size_t *boundaries, boundary_count; /* values that steps read and no step makes */
    size_t size;         /* of the arena */
    size_t scratch;      /* the most of any step */
} lc_tape_layout;

/*
 * Makes additions and ReLUs steps of the batch normalisations before them, where nobody else reads what is between (readers:
 * inputs of steps by value, and more for values that must stay).
 */
LC_CHECKED lc_status lc_tape_fold(lc_tape_layout *layout, const lc_graph *graph, const size_t *readers);

/* Does a node only show its input under another shape? Dropout does, where it does not drop. */
bool lc_tape_is_view(const lc_tape_layout *layout, const lc_node *node);

/* Does the backward pass of a step look at its inputs, at what it made? LC_KEEP_... */
unsigned lc_tape_keep(const lc_tape_step *step, const lc_graph *graph);

/*
 * Fills boundaries, offsets and size, and `again` of the steps; their other fields are set, saved excepted, and value, value_back and
 * gradient have room for every value.
 */
LC_CHECKED lc_status lc_tape_lay_out(lc_tape_layout *layout, const lc_graph *graph, size_t batch, size_t output, const size_t *watched,
                                     size_t watched_count);

/* Cuts the steps into segments for the smallest arena, and lays them out. */
LC_CHECKED lc_status lc_tape_segment(lc_tape_layout *layout, const lc_graph *graph, size_t batch, size_t output, const size_t *watched,
                                     size_t watched_count);
void lc_tape_layout_free(lc_tape_layout *layout);

#endif
