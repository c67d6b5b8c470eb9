/*
 * What is below a tape: from a batch's pictures to the tape's boundary values, by an ordinary plan, folded and without keeping
 * anything.
 */
#ifndef LC_EXTRACTOR_TRAIN_BELOW_H
#define LC_EXTRACTOR_TRAIN_BELOW_H

#include "extractor/train/loader.h"
#include "extractor/train/tape.h"

typedef struct lc_below lc_below;

/* batch: the most pictures of a run. The tape must outlive it. */
LC_CHECKED lc_status lc_below_new(lc_below **out, const lc_graph *graph, lc_tape *tape, size_t batch, const lc_kernels *kernels, lc_threads *threads);
LC_CHECKED lc_status lc_below_run(lc_below *below, const lc_batch *batch);
void lc_below_free(lc_below *below);

/* Does it compute? False: the tape begins with the pictures. */
bool lc_below_computes(const lc_below *below);

#endif
