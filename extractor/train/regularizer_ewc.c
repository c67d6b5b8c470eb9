/*
 * Elastic weight consolidation (Kirkpatrick et al., PNAS 2017, arXiv:1612.00796, equation 3), as L2-SP-Fisher (Li et al.,
 * arXiv:1802.01483, section 3.3): near the starting point, each weight as firmly as the source task needs it,
 *
 *   penalty = a / 2 sum of F_j (w_j - w0_j)^2 + b / 2 |h|^2,   gradients a F_j (w_j - w0_j) and b h.
 *
 * F is the diagonal of the Fisher information of the pretrained network with its own head,
 *
 *   F_j = mean over pictures x of E over y ~ p(y | x, w0) of (d log p(y | x, w) / d w_j)^2 at w0,
 *
 * where the expectation is taken by one y per picture, drawn from what the network says (not the labels, which would give the
 * "empirical" Fisher information: Kunstner et al., arXiv:1905.12558). x are pictures of the source task where they are at hand, as in
 * both papers, else the training pictures; at most PICTURES of them. The derivative goes through one picture at a time, batch norms
 * frozen. F is divided by its mean, so that the strength means what it means in l2sp; b = 0.01. A function of the weights.
 */
#include <stdlib.h>

#include "common/memory.h"
#include "common/rng.h"
#include "extractor/train/regularizer.h"

static const double HEAD = 0.01;
enum { PICTURES = 1000 };

typedef struct {
    float **start, **fisher;
    size_t count;
    const lc_regularizer_setup *setup;
    size_t pictures;
    float *inner, *logits;
} ewc;

/* A class drawn from probabilities. */
static size_t draw(lc_rng *r, const float *p, size_t classes)
{
    double u = lc_rng_uniform(r), sum = 0;
    for (size_t k = 0; k + 1 < classes; k++) {
        sum += (double)p[k];
        if (u < sum) {
            return k;
        }
    }
    return classes - 1;
}

/* d -log p(y) / d logits = p - onehot(y). */
static lc_status look(void *context, lc_tape *tape, const lc_batch *batch)
{
    ewc *e = context;
    const lc_regularizer_setup *s = e->setup;
    const lc_source_head *h = s->head;
    lc_rng r = lc_rng_new(s->loader->seed ^ UINT64_C(0x6669736865720000), batch->rows[0]);
    float *by_features = lc_tape_gradient(tape, s->features), *by_logits = lc_tape_gradient(tape, s->logits);
    if (!by_features) {
        return lc_fail(LC_ERR_ARG, "nothing below the last layer is trained");
    }
    LC_TRY(lc_source_head_forward(h, 1, lc_tape_value(tape, s->features).data, e->inner, e->logits, s->threads));
    lc_softmax(1, h->classes, 1, e->logits);
    e->logits[draw(&r, e->logits, h->classes)] -= 1;
    for (size_t k = 0; k < s->loader->classes; k++) {
        by_logits[k] = 0; /* the new head has no part in it */
    }
    LC_TRY(lc_source_head_back(h, 1, e->inner, e->logits, by_features, s->threads));
    LC_TRY(lc_tape_backward(tape));
    for (size_t i = 0, trained = 0; i < s->parameter_count; i++) {
        const float *g = s->parameters[i].trained ? lc_tape_weight_gradient(tape, trained++) : NULL;
        for (size_t j = 0; g && j < s->parameters[i].count; j++) {
            e->fisher[i][j] += g[j] * g[j];
        }
    }
    e->pictures++;
    return LC_OK;
}

/* To a mean of 1 over what had a starting point. */
static void normalise(ewc *e, const lc_regularizer_setup *s)
{
    double sum = 0, count = 0;
    for (size_t i = 0; i < s->parameter_count; i++) {
        for (size_t j = 0; s->parameters[i].trained && !s->parameters[i].head && j < s->parameters[i].count; j++) {
            sum += (double)e->fisher[i][j];
            count++;
        }
    }
    for (size_t i = 0; i < s->parameter_count; i++) {
        for (size_t j = 0; s->parameters[i].trained && sum > 0 && j < s->parameters[i].count; j++) {
            e->fisher[i][j] = (float)((double)e->fisher[i][j] * count / sum);
        }
    }
}

static lc_status begin(void *state, const lc_regularizer_setup *s, const size_t *watched, size_t watched_count)
{
    ewc *e = state;
    const lc_source_head *h = s->head;
    e->count = s->parameter_count;
    e->setup = s;
    LC_TRY(lc_starting_weights(&e->start, s));
    LC_TRY(lc_alloc_array(&e->fisher, s->parameter_count, sizeof *e->fisher));
    for (size_t i = 0; i < s->parameter_count; i++) {
        LC_TRY(s->parameters[i].trained ? lc_alloc_array(&e->fisher[i], s->parameters[i].count, sizeof **e->fisher) : LC_OK);
    }
    LC_TRY(lc_alloc_array(&e->inner, h->positions * h->classes, sizeof *e->inner));
    LC_TRY(lc_alloc_array(&e->logits, h->classes, sizeof *e->logits));
    LC_TRY(lc_probe(s, s->source ? s->source : s->loader, watched, watched_count, 1, PICTURES, look, e));
    normalise(e, s);
    return LC_OK;
}

static double on_weights(void *state, double strength, const lc_regularizer_setup *s, size_t i)
{
    const ewc *e = state;
    const lc_parameter *p = &s->parameters[i];
    if (p->head) {
        return lc_pull(p, NULL, HEAD);
    }
    const float *start = e->start[i], *fisher = e->fisher[i];
    double sum = 0;
    for (size_t j = 0; j < p->count; j++) {
        float away = p->data[j] - start[j];
        sum += (double)fisher[j] * (double)away * (double)away;
        p->gradient[j] += (float)strength * fisher[j] * away;
    }
    return strength / 2 * sum;
}

static void end(void *state)
{
    ewc *e = state;
    lc_starting_weights_free(e->start, e->count);
    lc_starting_weights_free(e->fisher, e->count);
    free(e->inner);
    free(e->logits);
}

const lc_regularizer lc_regularizer_ewc = {
    .name = "ewc",
    .summary = "the same, firmly where the source task needs it (L2-SP-Fisher)",
    .strength = 0.1,
    .wants = LC_WANTS_FEATURES | LC_WANTS_HEAD | LC_WANTS_START | LC_WANTS_SOURCE,
    .state_size = sizeof(ewc),
    .begin = begin,
    .on_weights = on_weights,
    .end = end,
};
