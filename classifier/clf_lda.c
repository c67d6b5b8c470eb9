/*
 * "lda": linear discriminant analysis with a shrunk covariance. Of class means m_k, shares p_k
 * and the pooled covariance S = sum (x - m_y)(x - m_y)' / n of the training rows,
 *
 *     score_k = x' T^-1 m_k - m_k' T^-1 m_k / 2 + log p_k,        T = (1 - s) S + s tr(S)/dim I
 *
 * as scikit-learn's LinearDiscriminantAnalysis(solver="lsqr", shrinkage=s) has it (Friedman, "Regularized discriminant
 * analysis", 1989). From S = V D V' every s costs one product: T^-1 = V diag(1 / ((1 - s) D + s tr/dim)) V'. Directions
 * without variance count as nothing when s is 0.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/class_means.h"
#include "classifier/covariance.h"
#include "classifier/linear_machine.h"
#include "common/blas.h"
#include "common/memory.h"

enum { P_SHRINKAGE, MAX_SIDE = 16384 };

typedef struct {
    const lc_clf_task *task;
    lc_class_means of;
    double *v, *values, trace; /* (dim, dim) rows are eigenvectors of S; (dim) */
    double *turned;            /* (present, dim) V' m_k */
} lda_base;

static void base_free(void *base)
{
    lda_base *b = base;
    lc_class_means_free(&b->of);
    free(b->v);
    free(b->values);
    free(b->turned);
}

static lc_status base_init(void *base, const lc_clf_task *t, const size_t *rows, size_t count, lc_threads *threads)
{
    lda_base *b = base;
    size_t dim = t->dim;
    *b = (lda_base){.task = t};
    LC_TRY(lc_blas_open());
    LC_TRY(lc_class_means_init(&b->of, t, rows, count));
    if (dim > MAX_SIDE) {
        return lc_fail(LC_ERR_NOMEM, "lda on %zu features wants the eigenvectors of as many; at most %d: --pca", dim, MAX_SIDE);
    }
    LC_TRY(lc_alloc_raw(&b->v, dim * dim, sizeof *b->v));
    LC_TRY(lc_alloc_raw(&b->values, dim, sizeof *b->values));
    LC_TRY(lc_alloc_raw(&b->turned, b->of.present * dim, sizeof *b->turned));
    LC_TRY(lc_scatter(t->x, dim, rows, count, b->of.means, t->y, b->v, threads));
    LC_TRY(lc_blas_eigen(dim, b->v, b->values));
    for (size_t d = 0; d < dim; d++) {
        b->values[d] = fmax(b->values[d], 0) / (double)count;
        b->trace += b->values[d];
    }
    for (size_t k = 0; k < b->of.present; k++) {
        lc_blas_gemm_f64(true, 1, dim, dim, b->of.means + (size_t)b->of.labels[k] * dim, dim, b->v, dim, b->turned + k * dim, dim);
    }
    return LC_OK;
}

static lc_status solve(const void *base, const double *params, lc_linear_machine **out)
{
    const lda_base *b = base;
    size_t dim = b->task->dim;
    double *scaled, *w, shrinkage = params[P_SHRINKAGE], least = (double)dim * DBL_EPSILON * b->values[dim - 1];
    LC_TRY(lc_linear_machine_new(out, b->task->classes, b->of.present, dim));
    lc_linear_machine *m = *out;
    lc_status status = lc_alloc_raw(&scaled, 2 * dim, sizeof *scaled);
    if (status != LC_OK) {
        lc_linear_machine_free(m);
        return status;
    }
    w = scaled + dim;
    memcpy(m->labels, b->of.labels, b->of.present * sizeof *b->of.labels);
    for (size_t k = 0; k < b->of.present; k++) {
        double square = 0;
        for (size_t d = 0; d < dim; d++) {
            double turned = b->turned[k * dim + d];
            double variance = (1 - shrinkage) * b->values[d] + shrinkage * b->trace / (double)dim;
            scaled[d] = variance > least ? turned / variance : 0;
            square += scaled[d] * turned;
        }
        lc_blas_gemm_f64(false, 1, dim, dim, scaled, dim, b->v, dim, w, dim);
        for (size_t d = 0; d < dim; d++) {
            m->weights[k * dim + d] = (float)w[d];
        }
        m->bias[k] = log(b->of.shares[k]) - square / 2;
    }
    free(scaled);
    return LC_OK;
}

static const lc_linear_solver solver = {sizeof(lda_base), base_init, base_free, solve};

static lc_status lda_prepare(void **work, const lc_clf_task *task, const double *params, lc_threads *threads)
{
    (void)params;
    (void)threads;
    return lc_linear_prepare_solver(work, task, &solver);
}

static double lda_fit_bytes(const lc_clf_extent *e)
{
    double d = (double)e->dim;
    return (d * d + 3 * d * (double)e->classes) * sizeof(double) + lc_blas_eigen_bytes(e->dim);
}

static double lda_search_bytes(const lc_clf_extent *e)
{
    return lda_fit_bytes(e) + (double)(e->points * e->most_judged) * sizeof(int32_t);
}

static const char *const kernels[] = {"linear", NULL};

static const lc_clf_param lda_params[] = {
    [P_SHRINKAGE] = {.name = "shrinkage",
                     .grid = "0,0.001,0.01,0.1,0.3,0.5,0.9,1",
                     .kind = LC_PARAM_FRACTION,
                     .simple_is_large = true,
                     .help = "share of the identity in the covariance"},
    {0},
};

const lc_clf lc_clf_lda = {
    .name = "lda",
    .summary = "linear discriminant analysis with shrinkage",
    .kernels = kernels,
    .params = lda_params,
    .search_bytes = lda_search_bytes,
    .fit_bytes = lda_fit_bytes,
    .prepare = lda_prepare,
    .release = lc_linear_release,
    .validate = lc_linear_validate,
    .train = lc_linear_train,
    .scores = lc_linear_machine_scores,
    .save = lc_linear_machine_save,
    .load = lc_linear_machine_load,
    .free = lc_linear_machine_free,
    .export_weights = lc_linear_machine_weights,
};
