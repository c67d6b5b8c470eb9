/*
 * L2: weights stay small, whatever they began as. With w all that is trained,
 *
 *   penalty = a / 2 |w|^2,   gradient a w.
 *
 * The baseline of Li, Grandvalet and Davoine (ICML 2018, arXiv:1802.01483). Under SGD the same as --weight-decay a; under AdamW not,
 * whose decay is outside of the gradient. A function of the weights.
 */
#include "extractor/train/regularizer.h"

static double on_weights(void *state, double strength, const lc_regularizer_setup *s, size_t i)
{
    (void)state;
    return lc_pull(&s->parameters[i], NULL, strength);
}

const lc_regularizer lc_regularizer_l2 = {
    .name = "l2",
    .summary = "weights stay near 0",
    .strength = 0.01,
    .on_weights = on_weights,
};
