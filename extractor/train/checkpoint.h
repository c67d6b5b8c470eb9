/*
 * A training run in a file: safetensors, complete or not there at all. Tensors are <i>.weight, <i>.slot0, <i>.slot1, <i>.average,
 * <i>.best of parameter i; __metadata__ has "run" (what it must be of) and "state" (JSON: the rest of lc_training_state).
 */
#ifndef LC_EXTRACTOR_TRAIN_CHECKPOINT_H
#define LC_EXTRACTOR_TRAIN_CHECKPOINT_H

#include "extractor/train/train.h"

typedef struct {
    size_t epoch, batch;      /* where to go on: epochs that are done, batches of the next one */
    uint64_t step;            /* optimiser steps done */
    double loss, penalty;     /* sums over the pictures of the epoch so far */
    size_t correct, pictures;
    double seconds;           /* of the epoch so far */
    double best;              /* score; NAN: none yet */
    size_t best_epoch;
    lc_epoch *history;        /* (epoch) */
    size_t history_capacity;
} lc_training_state;

LC_CHECKED lc_status lc_checkpoint_write(const char *path, const char *run, const lc_training_state *state, const lc_parameter *parameters,
                                         size_t count);

/* Into parameters whose arrays are there. LC_ERR_STALE: of another run. */
LC_CHECKED lc_status lc_checkpoint_read(const char *path, const char *run, lc_training_state *state, const lc_parameter *parameters,
                                        size_t count);

#endif
