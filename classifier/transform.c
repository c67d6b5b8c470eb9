#include "classifier/transform.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

static void apply_none(const lc_transform *t, const float *x, float *out)
{
    memmove(out, x, t->dim * sizeof *x);
}

static void apply_l2(const lc_transform *t, const float *x, float *out)
{
    double square = 0;
    for (size_t d = 0; d < t->dim; d++) {
        square += (double)x[d] * (double)x[d];
    }
    double factor = square > 0 ? 1 / sqrt(square) : 1;
    for (size_t d = 0; d < t->dim; d++) {
        out[d] = (float)((double)x[d] * factor);
    }
}

static void apply_zscore(const lc_transform *t, const float *x, float *out)
{
    for (size_t d = 0; d < t->dim; d++) {
        out[d] = (float)(((double)x[d] - t->mean[d]) / t->scale[d]);
    }
}

/* Two passes, since a sum of squares loses everything when the mean is large. */
static void fit_zscore(lc_transform *t, const float *x, const size_t *rows, size_t count)
{
    double n = (double)count;
    for (size_t i = 0; i < count; i++) {
        const float *row = x + rows[i] * t->dim;
        for (size_t d = 0; d < t->dim; d++) {
            t->mean[d] += (double)row[d];
        }
    }
    for (size_t d = 0; d < t->dim; d++) {
        t->mean[d] /= n;
    }
    for (size_t i = 0; i < count; i++) {
        const float *row = x + rows[i] * t->dim;
        for (size_t d = 0; d < t->dim; d++) {
            double off = (double)row[d] - t->mean[d];
            t->scale[d] += off * off;
        }
    }
    for (size_t d = 0; d < t->dim; d++) {
        /* What rounding alone makes of a constant feature: scikit-learn's bound (_is_constant_feature). */
        double variance = t->scale[d] / n, noise = n * fabs(t->mean[d]) * DBL_EPSILON;
        bool constant = variance <= n * DBL_EPSILON * variance + noise * noise;
        t->scale[d] = constant ? 1 : sqrt(variance);
    }
}

static const struct {
    const char *name;
    void (*apply)(const lc_transform *t, const float *x, float *out);
    void (*fit)(lc_transform *t, const float *x, const size_t *rows, size_t count); /* NULL: row-wise */
} kinds[] = {
    {"l2", apply_l2, NULL},
    {"none", apply_none, NULL},
    {"zscore", apply_zscore, fit_zscore},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static size_t kind_of(const lc_transform *t)
{
    size_t i = 0;
    while (kinds[i].name != t->name) {
        i++;
    }
    return i;
}

lc_status lc_transform_init(lc_transform *out, const char *name, size_t dim)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (!name || strcmp(name, kinds[i].name) == 0) {
            *out = (lc_transform){.name = kinds[i].name, .fitted = kinds[i].fit != NULL, .dim = dim};
            return LC_OK;
        }
    }
    return lc_fail(LC_ERR_ARG, "no norm '%s'; there are: l2, none, zscore", name);
}

lc_status lc_transform_make_ready(lc_transform *t)
{
    if (t->fitted) {
        LC_TRY(lc_alloc_array(&t->mean, t->dim, sizeof *t->mean));
        LC_TRY(lc_alloc_array(&t->scale, t->dim, sizeof *t->scale));
    }
    return LC_OK;
}

lc_status lc_transform_fit(lc_transform *t, const float *x, const size_t *rows, size_t count)
{
    if (t->fitted) {
        LC_TRY(lc_transform_make_ready(t));
        kinds[kind_of(t)].fit(t, x, rows, count);
    }
    return LC_OK;
}

void lc_transform_apply(const lc_transform *t, const float *x, size_t rows, float *out)
{
    size_t kind = kind_of(t);
    for (size_t i = 0; i < rows; i++) {
        kinds[kind].apply(t, x + i * t->dim, out + i * t->dim);
    }
}

void lc_transform_free(lc_transform *t)
{
    free(t->mean);
    free(t->scale);
    t->mean = t->scale = NULL;
}
