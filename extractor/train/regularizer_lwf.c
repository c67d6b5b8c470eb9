/*
 * Learning without forgetting (Li and Hoiem, ECCV 2016, arXiv:1606.09282, equations 2 and 3): what the network said of the training
 * pictures with its own head, it goes on to say. With y the source's logits as it began, z those of its head on the features as they
 * are, both for the same input, and q_T = softmax(. / T), T = 2,
 *
 *   penalty = a mean over pictures of sum_k q_T(y)_k log(q_T(y)_k / q_T(z)_k),   gradient by z: a / (n T) (q_T(z) - q_T(y)).
 *
 * That is the paper's cross-entropy less the entropy of q_T(y), which nothing changes; it begins as 0. The paper records y once; here they
 * are computed for the input as it is augmented. It also trains the old head along; here that stays as it was, so that all that can move
 * are the features.
 */
#include <math.h>
#include <stdlib.h>

#include "common/memory.h"
#include "extractor/train/regularizer.h"

static const double TEMPERATURE = 2;

static lc_status on_values(void *state, double strength, const lc_regularizer_setup *s, const lc_regularizer_values *v, double *penalty)
{
    const lc_source_head *h = s->head;
    size_t n = v->n, count = n * h->classes;
    float *inner, *y, *z;
    double sum = 0, factor = strength / ((double)n * TEMPERATURE);
    (void)state;
    LC_TRY(lc_alloc_raw(&inner, count * (h->positions + 2), sizeof *inner));
    y = inner + count * h->positions;
    z = y + count;
    lc_status status = lc_source_head_forward(h, n, v->before[0].data, inner, y, v->threads);
    if (status == LC_OK) {
        status = lc_source_head_forward(h, n, v->now[0].data, inner, z, v->threads);
    }
    if (status == LC_OK) {
        lc_softmax(n, h->classes, TEMPERATURE, y);
        lc_softmax(n, h->classes, TEMPERATURE, z);
        for (size_t i = 0; i < count; i++) {
            sum += y[i] > 0 && z[i] > 0 ? (double)y[i] * log((double)y[i] / (double)z[i]) : 0;
            z[i] = (float)(factor * ((double)z[i] - (double)y[i]));
        }
        *penalty = strength * sum / (double)n;
        status = lc_source_head_back(h, n, inner, z, v->gradient[0], v->threads);
    }
    free(inner);
    return status;
}

const lc_regularizer lc_regularizer_lwf = {
    .name = "lwf",
    .summary = "the source's own outputs stay as they were (distillation, learning without forgetting)",
    .strength = 1,
    .wants = LC_WANTS_FEATURES | LC_WANTS_BEFORE | LC_WANTS_HEAD | LC_WANTS_START,
    .on_values = on_values,
};
