/*
 * Co-Tuning (You, Kou, Long and Wang, NeurIPS 2020): the source's head is trained for too, on what source classes a target class
 * looks like. With p(s | x) the pretrained network's softmax and y the target class,
 *
 *   r(s | y) = mean of p(s | x) over the training pictures x of class y        (section 3.2, "direct approach"),
 *
 * and with q the softmax of the source's head on the features as they are,
 *
 *   penalty = a mean over pictures of -sum_s r(s | y) log q_s,   gradient by its logits: a / n (q - r(. | y)),
 *
 * a = 2.3 as in the paper. Mixed pictures have mixed r. The paper trains the source's head along; here that stays as it was.
 */
#include <math.h>
#include <stdlib.h>

#include "common/memory.h"
#include "extractor/train/regularizer.h"

enum { BATCH = 16 };

typedef struct {
    const lc_regularizer_setup *setup;
    float *inner, *logits;
    double *relation; /* (target classes, source classes) */
    size_t *counts;   /* pictures of each target class */
} cotuning;

static lc_status look(void *context, lc_tape *tape, const lc_batch *batch)
{
    cotuning *c = context;
    const lc_regularizer_setup *s = c->setup;
    size_t classes = s->head->classes;
    LC_TRY(lc_source_head_forward(s->head, batch->count, lc_tape_value(tape, s->features).data, c->inner, c->logits, s->threads));
    lc_softmax(batch->count, classes, 1, c->logits);
    for (size_t i = 0; i < batch->count; i++) {
        size_t y = (size_t)batch->labels[i];
        for (size_t k = 0; k < classes; k++) {
            c->relation[y * classes + k] += (double)c->logits[i * classes + k];
        }
        c->counts[y]++;
    }
    return LC_OK;
}

static lc_status begin(void *state, const lc_regularizer_setup *s, const size_t *watched, size_t watched_count)
{
    cotuning *c = state;
    size_t classes = s->head->classes, targets = s->loader->classes;
    c->setup = s;
    LC_TRY(lc_alloc_array(&c->inner, BATCH * classes * s->head->positions, sizeof *c->inner));
    LC_TRY(lc_alloc_array(&c->logits, BATCH * classes, sizeof *c->logits));
    LC_TRY(lc_alloc_array(&c->relation, targets * classes, sizeof *c->relation));
    LC_TRY(lc_alloc_array(&c->counts, targets, sizeof *c->counts));
    LC_TRY(lc_probe(s, s->loader, watched, watched_count, BATCH, s->loader->count, look, c));
    for (size_t i = 0; i < targets * classes; i++) {
        c->relation[i] /= c->counts[i / classes] ? (double)c->counts[i / classes] : 1;
    }
    return LC_OK;
}

/* r of picture i, of source class k. */
static double related(const cotuning *c, const lc_regularizer_values *v, size_t i, size_t k, size_t classes)
{
    double sum = 0;
    if (!v->targets) {
        return c->relation[(size_t)v->labels[i] * classes + k];
    }
    for (size_t y = 0; y < v->classes; y++) {
        sum += (double)v->targets[i * v->classes + y] * c->relation[y * classes + k];
    }
    return sum;
}

static lc_status on_values(void *state, double strength, const lc_regularizer_setup *s, const lc_regularizer_values *v, double *penalty)
{
    const cotuning *c = state;
    const lc_source_head *h = s->head;
    size_t n = v->n, count = n * h->classes;
    float *inner, *z;
    double sum = 0;
    LC_TRY(lc_alloc_raw(&inner, count * (h->positions + 1), sizeof *inner));
    z = inner + count * h->positions;
    lc_status status = lc_source_head_forward(h, n, v->now[0].data, inner, z, v->threads);
    if (status == LC_OK) {
        lc_softmax(n, h->classes, 1, z);
        for (size_t i = 0; i < count; i++) {
            double r = related(c, v, i / h->classes, i % h->classes, h->classes), q = (double)z[i];
            sum -= r * log(q > 1e-30 ? q : 1e-30);
            z[i] = (float)(strength / (double)n * (q - r));
        }
        *penalty = strength * sum / (double)n;
        status = lc_source_head_back(h, n, inner, z, v->gradient[0], v->threads);
    }
    free(inner);
    return status;
}

static void end(void *state)
{
    cotuning *c = state;
    free(c->inner);
    free(c->logits);
    free(c->relation);
    free(c->counts);
}

const lc_regularizer lc_regularizer_cotuning = {
    .name = "cotuning",
    .summary = "the source's head says which of its classes a class looks like (Co-Tuning)",
    .strength = 2.3,
    .wants = LC_WANTS_FEATURES | LC_WANTS_HEAD | LC_WANTS_START,
    .state_size = sizeof(cotuning),
    .begin = begin,
    .on_values = on_values,
    .end = end,
};
