/*
 * L2-SP: weights stay near their starting point (Li, Grandvalet and Davoine, ICML 2018, arXiv:1802.01483, equation 1). With w0
 * the pretrained weights and h those of the new head, which have no starting point worth staying at,
 *
 *   penalty = a / 2 |w - w0|^2 + b / 2 |h|^2,   gradients a (w - w0) and b h,
 *
 * a the strength, b = 0.01 as in the paper. It takes the place of weight decay: --weight-decay 0. A function of the weights.
 */
#include "extractor/train/regularizer.h"

static const double HEAD = 0.01;

typedef struct {
    float **start;
    size_t count;
} l2sp;

static lc_status begin(void *state, const lc_regularizer_setup *s, const size_t *watched, size_t watched_count)
{
    l2sp *l = state;
    (void)watched;
    (void)watched_count;
    l->count = s->parameter_count;
    return lc_starting_weights(&l->start, s);
}

static double on_weights(void *state, double strength, const lc_regularizer_setup *s, size_t i)
{
    const l2sp *l = state;
    const lc_parameter *p = &s->parameters[i];
    return p->head ? lc_pull(p, NULL, HEAD) : lc_pull(p, l->start[i], strength);
}

static void end(void *state)
{
    l2sp *l = state;
    lc_starting_weights_free(l->start, l->count);
}

const lc_regularizer lc_regularizer_l2sp = {
    .name = "l2sp",
    .summary = "weights stay near the pretrained ones",
    .strength = 0.1,
    .wants = LC_WANTS_START,
    .state_size = sizeof(l2sp),
    .begin = begin,
    .on_weights = on_weights,
    .end = end,
};
