#include "classifier/curvature.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/covariance.h"
#include "common/blas.h"
#include "common/memory.h"

struct lc_curvature {
    size_t dim;
    float *vectors; /* (dim, dim) row i: eigenvector i */
    double *values; /* (dim) */
};

void lc_curvature_free(lc_curvature *c)
{
    if (c) {
        free(c->vectors);
        free(c->values);
        free(c);
    }
}

double lc_curvature_bytes(size_t dim, double *kept)
{
    double square = (double)dim * (double)dim;
    *kept = square * sizeof(float);
    return square * (sizeof(float) + sizeof(double)) + lc_blas_eigen_bytes(dim);
}

lc_status lc_curvature_new(lc_curvature **out, const float *x, size_t rows, size_t dim, const double *mean,
                           lc_threads *threads)
{
    lc_curvature *c;
    double *scatter = NULL;
    size_t *all = NULL;
    *out = NULL;
    LC_TRY(lc_alloc_array(&c, 1, sizeof *c));
    c->dim = dim;
    lc_status status;
    if ((status = lc_blas_open()) != LC_OK || (status = lc_alloc_raw(&all, rows, sizeof *all)) != LC_OK ||
        (status = lc_alloc_raw(&scatter, dim * dim, sizeof *scatter)) != LC_OK ||
        (status = lc_alloc_raw(&c->vectors, dim * dim, sizeof *c->vectors)) != LC_OK ||
        (status = lc_alloc_raw(&c->values, dim, sizeof *c->values)) != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < rows; i++) {
        all[i] = i;
    }
    if ((status = lc_scatter(x, dim, all, rows, mean, NULL, scatter, threads)) != LC_OK ||
        (status = lc_blas_eigen(dim, scatter, c->values)) != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < dim * dim; i++) {
        c->vectors[i] = (float)scatter[i];
    }
done:
    free(all);
    free(scatter);
    if (status == LC_OK) {
        *out = c;
    } else {
        lc_curvature_free(c);
    }
    return status;
}

void lc_curvature_divide(const lc_curvature *c, double penalty, double share, double *v, size_t columns, float *scratch)
{
    size_t n = c->dim * columns;
    float *in = scratch, *turned = scratch + n;
    for (size_t i = 0; i < n; i++) {
        in[i] = (float)v[i];
    }
    lc_blas_gemm(false, c->dim, columns, c->dim, c->vectors, c->dim, in, columns, turned, columns);
    for (size_t i = 0; i < c->dim; i++) {
        /* Eigenvalues of float32 rows are 0 up to rounding where they are negative. */
        float divisor = (float)(penalty + share * fmax(0, c->values[i]));
        for (size_t k = 0; k < columns; k++) {
            turned[i * columns + k] /= divisor;
        }
    }
    memset(in, 0, n * sizeof *in);
    lc_blas_gemm_tn(c->dim, columns, c->dim, c->vectors, c->dim, turned, columns, in, columns);
    for (size_t i = 0; i < n; i++) {
        v[i] = (double)in[i];
    }
}
