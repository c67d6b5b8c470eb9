/*
 * What the fuzz targets for files of weights do with a file of their format: open, look at every tensor as float32, find
 * it by its name.
 */
#ifndef LC_TESTS_FUZZ_WEIGHTS_H
#define LC_TESTS_FUZZ_WEIGHTS_H

#include <stdint.h>

#include "extractor/models/weights.h"

enum { SMALL = 1 << 22 }; /* elements looked at: tensors may share their storage, so there can be more than bytes */

static void look_at_weights(const lc_mapping *file)
{
    lc_weights *w;
    volatile float sink = 0;
    size_t looked_at = 0;
    if (lc_weights_open(&w, file) != LC_OK) {
        return;
    }
    for (size_t i = 0; i < lc_weights_count(w); i++) {
        const lc_weight *t = lc_weights_at(w, i);
        const float *values;
        size_t found;
        if (!lc_weights_find(w, t->name, &found) || found != i) {
            __builtin_trap();
        }
        looked_at += t->count;
        if (looked_at > SMALL || lc_weights_f32(w, i, &values) != LC_OK) {
            break;
        }
        for (size_t k = 0; k < t->count; k++) {
            sink = values[k];
        }
    }
    (void)sink;
    lc_weights_free(w);
}

#endif
