/*
 * Many linear fits at once over the same rows. Every iteration of a fit, whatever its method, wants one product X v and one
 * X'r of what it makes of it; the vectors of all fits (folds, classes) stand side by side, so that both are matrix products.
 *
 * Each column is a small machine: it asks for a vector, turns the products of its column into what is to be multiplied by X',
 * and takes a step. A fold's own rows are those with a weight above 0; the others take part with r = 0, so that nothing is
 * copied, and their products are there to be judged.
 */
#ifndef LC_CLASSIFIER_PRODUCTS_H
#define LC_CLASSIFIER_PRODUCTS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/threads.h"

/* One fit of `columns` vectors. v and g have dim + 1 rows: the last belongs to a feature that is always 1. */
typedef struct {
    size_t columns;
    void *state;
    /* Writes its vectors to v[d * stride + c]. */
    void (*ask)(void *state, double *v, size_t stride);
    /* u[i * stride + c]: products of rows first..first+count-1, to be replaced by r. Returns what it adds to the loss. */
    double (*rows)(void *state, size_t first, size_t count, double *u, size_t stride);
    /* g[d * stride + c] = X'r, and the loss of all rows. Whether it goes on. */
    bool (*advance)(void *state, const double *g, size_t stride, double loss);
} lc_product_fit;

static inline double lc_dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/*
 * Runs all fits to their ends. x (rows, dim) less centre (dim, NULL: nothing); the same bytes for any pool. precise: products in
 * float64, at half the speed, for fits whose gradient must get smaller than float32 tells from rounding.
 */
LC_CHECKED lc_status lc_products_run(const float *x, size_t rows, size_t dim, const double *centre, bool precise,
                                     lc_product_fit *fits, size_t count, lc_threads *threads);

/* Memory of that at its peak, with `columns` of all fits, the widest of which has `widest`. */
double lc_products_bytes(size_t dim, size_t columns, size_t widest, bool precise, size_t threads);

#endif
