/*
 * DELTA (Li, Xiong, Wang, Rao, Liu, Chen and Huan, ICLR 2019, arXiv:1901.09229, equations 4 to 6): not weights but feature maps stay
 * near those of the pretrained network, the more so the more a filter is worth to the target task. With v_l the chosen maps
 * (the last one of each resolution, and the features), P positions, v0_l those of the network as it began for the same input, h the
 * weights of the new head,
 *
 *   penalty = a / 2 mean over pictures of sum_l sum_j W_lj |v_lj - v0_lj|^2 / P_l + b / 2 |h|^2,   sum_j W_lj = 1.
 *
 * The authors' program sums over the pictures of a batch of about 50 with 0.01; as a mean that is a = 0.5. b = 0.01.
 *
 * W_l = softmax over filters j of D_lj, the increase of a classifier's loss on the training pictures when filter j is set to 0. In the
 * paper a new last layer on the frozen network is that classifier, and every filter costs a pass over the pictures. Here it is
 * multinomial logistic regression on the layer's own maps as they began, averaged over positions: D_lj comes from its logits less one
 * product each, and all filters cost one pass. D_l is divided by its standard deviation, so that the attention does not depend on how
 * many filters share the work. At most PICTURES pictures are looked at.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/blas.h"
#include "common/memory.h"
#include "extractor/train/regularizer.h"

static const double HEAD = 0.01;
enum { PICTURES = 1000, BATCH = 16, STEPS = 200 };

typedef struct {
    const lc_regularizer_setup *setup;
    const size_t *watched;
    size_t count, rows, room;
    float **pooled;  /* by watched value: (rows, width) of the network as it began */
    int32_t *labels; /* (rows) */
    float **weight;  /* by watched value: W (width) */
} delta;

static size_t width_of(const delta *d, size_t i)
{
    const lc_tensor *t = &d->setup->graph->values[d->watched[i]].t;
    return t->dims[t->rank - 1];
}

static lc_status look(void *context, lc_tape *tape, const lc_batch *batch)
{
    delta *d = context;
    for (size_t i = 0; i < d->count; i++) {
        lc_tensor v = lc_tape_value(tape, d->watched[i]);
        size_t width = width_of(d, i), positions = lc_tensor_count(&v) / batch->count / width;
        const float *x = v.data;
        for (size_t r = 0; r < batch->count; r++) {
            float *row = d->pooled[i] + (d->rows + r) * width;
            for (size_t p = 0; p < positions; p++, x += width) {
                for (size_t j = 0; j < width; j++) {
                    row[j] += x[j] / (float)positions;
                }
            }
        }
    }
    memcpy(d->labels + d->rows, batch->labels, batch->count * sizeof *d->labels);
    d->rows += batch->count;
    return LC_OK;
}

/* Attention of one layer ------------------------------------------------------------------------------------------- */

/* Mean of -log softmax(z - removed x_j)_y; z (rows, classes), w (classes, width); j == width removes nothing. */
static double loss_without(const delta *d, const float *x, size_t width, const float *z, const float *w, size_t j)
{
    size_t classes = d->setup->loader->classes;
    double sum = 0;
    for (size_t r = 0; r < d->rows; r++) {
        const float *row = z + r * classes;
        float off = j < width ? x[r * width + j] : 0;
        double most = -INFINITY, total = 0, own = 0;
        for (size_t k = 0; k < classes; k++) {
            double v = (double)row[k] - (j < width ? (double)(off * w[k * width + j]) : 0);
            total = v > most ? total * exp(most - v) + 1 : total + exp(v - most);
            most = v > most ? v : most;
            own = k == (size_t)d->labels[r] ? v : own;
        }
        sum += most + log(total) - own;
    }
    return sum / (double)d->rows;
}

/* Rows of mean length 1, so that gradient descent with step 1 is stable. */
static void scale_rows(float *x, size_t rows, size_t width)
{
    double sum = 0;
    for (size_t i = 0; i < rows * width; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    float factor = sum > 0 ? (float)sqrt((double)rows / sum) : 1;
    for (size_t i = 0; i < rows * width; i++) {
        x[i] *= factor;
    }
}

/* Logistic regression by accelerated gradient descent: w (classes, width), z (rows, classes) its logits. */
static lc_status fit(const delta *d, const float *x, size_t width, float *w, float *z)
{
    size_t classes = d->setup->loader->classes, count = classes * width;
    float *speed, *gradient;
    LC_TRY(lc_alloc_array(&speed, 2 * count, sizeof *speed));
    gradient = speed + count;
    for (size_t step = 0; step <= STEPS; step++) {
        lc_blas_gemm(true, d->rows, classes, width, x, width, w, width, z, classes);
        if (step == STEPS) {
            break;
        }
        lc_softmax(d->rows, classes, 1, z);
        for (size_t r = 0; r < d->rows; r++) {
            z[r * classes + (size_t)d->labels[r]] -= 1;
        }
        memset(gradient, 0, count * sizeof *gradient);
        lc_blas_gemm_tn(classes, width, d->rows, z, classes, x, width, gradient, width);
        for (size_t i = 0; i < count; i++) {
            speed[i] = 0.9f * speed[i] - gradient[i] / (float)d->rows;
            w[i] += speed[i];
        }
    }
    free(speed);
    return LC_OK;
}

static lc_status attend(delta *d, size_t i)
{
    size_t width = width_of(d, i), classes = d->setup->loader->classes;
    float *x = d->pooled[i], *w, *z, *attention = d->weight[i];
    double mean = 0, square = 0;
    LC_TRY(lc_alloc_array(&w, classes * (width + d->rows), sizeof *w));
    z = w + classes * width;
    scale_rows(x, d->rows, width);
    lc_status status = fit(d, x, width, w, z);
    if (status == LC_OK) {
        double all = loss_without(d, x, width, z, w, width);
        for (size_t j = 0; j < width; j++) {
            attention[j] = (float)(loss_without(d, x, width, z, w, j) - all);
            mean += (double)attention[j] / (double)width;
        }
        for (size_t j = 0; j < width; j++) {
            square += pow((double)attention[j] - mean, 2) / (double)width;
        }
        lc_softmax(1, width, square > 0 ? sqrt(square) : 1, attention);
    }
    free(w);
    return status;
}

static lc_status begin(void *state, const lc_regularizer_setup *s, const size_t *watched, size_t watched_count)
{
    delta *d = state;
    d->setup = s;
    d->watched = watched;
    d->count = watched_count;
    d->room = s->loader->count < PICTURES ? s->loader->count : PICTURES;
    LC_TRY(lc_alloc_array(&d->labels, d->room, sizeof *d->labels));
    LC_TRY(lc_alloc_array(&d->pooled, watched_count, sizeof *d->pooled));
    LC_TRY(lc_alloc_array(&d->weight, watched_count, sizeof *d->weight));
    for (size_t i = 0; i < watched_count; i++) {
        LC_TRY(lc_alloc_array(&d->pooled[i], d->room * width_of(d, i), sizeof **d->pooled));
        LC_TRY(lc_alloc_array(&d->weight[i], width_of(d, i), sizeof **d->weight));
    }
    LC_TRY(lc_probe(s, s->loader, watched, watched_count, BATCH, d->room, look, d));
    for (size_t i = 0; i < watched_count; i++) {
        LC_TRY(attend(d, i));
        free(d->pooled[i]);
        d->pooled[i] = NULL;
    }
    return LC_OK;
}

/* Steps ----------------------------------------------------------------------------------------------------------- */

typedef struct {
    const delta *d;
    const lc_regularizer_values *v;
    double strength;
    double *sums; /* (n) */
} work;

/* One picture, all its maps. */
static lc_status pull_maps(void *context, size_t r)
{
    const work *w = context;
    w->sums[r] = 0;
    for (size_t i = 0; i < w->v->values; i++) {
        const float *attention = w->d->weight[i];
        size_t width = width_of(w->d, i), each = lc_tensor_count(&w->v->now[i]) / w->v->n, positions = each / width;
        const float *now = w->v->now[i].data + r * each, *before = w->v->before[i].data + r * each;
        float *gradient = w->v->gradient[i] ? w->v->gradient[i] + r * each : NULL;
        double factor = w->strength / ((double)w->v->n * (double)positions), sum = 0;
        for (size_t p = 0; gradient && p < positions; p++) {
            for (size_t j = 0; j < width; j++) {
                float away = now[p * width + j] - before[p * width + j];
                sum += (double)attention[j] * (double)away * (double)away;
                gradient[p * width + j] += (float)factor * attention[j] * away;
            }
        }
        w->sums[r] += factor / 2 * sum;
    }
    return LC_OK;
}

static lc_status on_values(void *state, double strength, const lc_regularizer_setup *s, const lc_regularizer_values *v, double *penalty)
{
    work w = {.d = state, .v = v, .strength = strength};
    (void)s;
    LC_TRY(lc_alloc_array(&w.sums, v->n, sizeof *w.sums));
    lc_status status = lc_parallel_for(v->threads, v->n, pull_maps, &w);
    for (size_t r = 0; r < v->n; r++) {
        *penalty += w.sums[r];
    }
    free(w.sums);
    return status;
}

static double on_weights(void *state, double strength, const lc_regularizer_setup *s, size_t i)
{
    (void)state;
    (void)strength;
    return s->parameters[i].head ? lc_pull(&s->parameters[i], NULL, HEAD) : 0;
}

static void end(void *state)
{
    delta *d = state;
    for (size_t i = 0; i < d->count; i++) {
        free(d->pooled ? d->pooled[i] : NULL);
        free(d->weight ? d->weight[i] : NULL);
    }
    free(d->pooled);
    free(d->weight);
    free(d->labels);
}

const lc_regularizer lc_regularizer_delta = {
    .name = "delta",
    .summary = "feature maps stay near the pretrained network's, filters that matter most firmly (DELTA)",
    .strength = 0.5,
    .wants = LC_WANTS_FEATURES | LC_WANTS_MAPS | LC_WANTS_BEFORE | LC_WANTS_START,
    .state_size = sizeof(delta),
    .begin = begin,
    .on_values = on_values,
    .on_weights = on_weights,
    .end = end,
};
