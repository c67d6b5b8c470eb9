/*
 * Inside of a tape: which memory holds what, and when. Shared by tape.c and tape_layout.c.
 */
#ifndef LC_EXTRACTOR_TRAIN_TAPE_LAYOUT_H
#define LC_EXTRACTOR_TRAIN_TAPE_LAYOUT_H

#include "extractor/graph/graph.h"

typedef struct {
    size_t node;
    size_t saved;      /* offset of what its `train` leaves for its `backward` */
    size_t saved_size; /* floats of it, for all pictures */
    size_t saved_each; /* of one picture, where the node runs picture by picture; else 0 */
} lc_tape_step;

/* Offsets are in floats from the start of the arena; LC_NO_VALUE: nowhere. */
typedef struct {
    lc_tape_step *steps; /* (step_count) in order of computation */
    size_t step_count;
    size_t *value, *gradient; /* by value number: the activation, and the gradient of the loss by it */
    size_t *boundaries, boundary_count; /* values that steps read and no step makes */
    size_t size;         /* of the arena */
    size_t scratch;      /* the most of any step */
} lc_tape_layout;

/* Fills boundaries, offsets and size for steps whose node and saved_size are set; value and gradient have room for every value. */
LC_CHECKED lc_status lc_tape_lay_out(lc_tape_layout *layout, const lc_graph *graph, size_t batch, size_t output, const size_t *watched,
                                     size_t watched_count);
void lc_tape_layout_free(lc_tape_layout *layout);

#endif
