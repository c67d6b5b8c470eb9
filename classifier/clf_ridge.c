/*
 * "ridge": least squares on class indicators (+1, -1) with a penalty on the weights, scikit-learn's RidgeClassifier. With rows
 * centred (c_i weighted) as X and targets as Y,  W = (X'X + lambda I)^-1 X'Y. From X'X = V S V' every lambda costs two products:
 * with P = X V and Q = P'Y, scores are P diag(1 / (S + lambda)) Q.
 *
 * Leave-one-out is exact (Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 7.10; the free intercept adds
 * 1/n): with h_i = 1/n + sum_d P_id^2 / (S_d + lambda), the row left out is predicted as  y_i - (y_i - f_i) / (1 - h_i).
 *
 * With fewer rows than features the same comes of the rows' inner products, X X' = U S U' and P = U S^(1/2), V = X'U S^(-1/2).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/covariance.h"
#include "classifier/linear_machine.h"
#include "common/blas.h"
#include "common/memory.h"

enum { P_LAMBDA, MAX_SIDE = 16384 };

/* What all penalties share, on some rows. */
typedef struct {
    const lc_clf_task *task;
    const size_t *rows;
    size_t count, present, directions;
    int32_t *labels, *index;
    double *centre;  /* (dim) */
    double *means;   /* (present) of the targets */
    double *v;       /* (directions, dim) eigenvectors of X'X */
    double *values;  /* (directions) */
    double *p, *q;   /* (count, directions), (directions, present) */
} ridge_base;

static void base_free(void *base)
{
    ridge_base *b = base;
    void *const arrays[] = {b->labels, b->index, b->centre, b->means, b->v, b->values, b->p, b->q};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        free(arrays[i]);
    }
}

static double target(const ridge_base *b, size_t i, size_t k)
{
    return (b->task->y[b->rows[i]] == b->labels[k] ? 1 : -1) - b->means[k];
}

/* (count, dim) rows less the centre; the caller's. */
static lc_status widen(const ridge_base *b, double **out)
{
    size_t dim = b->task->dim;
    LC_TRY(lc_alloc_raw(out, b->count * dim, sizeof **out));
    for (size_t i = 0; i < b->count; i++) {
        for (size_t d = 0; d < dim; d++) {
            (*out)[i * dim + d] = (double)b->task->x[b->rows[i] * dim + d] - b->centre[d];
        }
    }
    return LC_OK;
}

/* v, values and p from the smaller of the two symmetric matrices. */
static lc_status decompose(ridge_base *b, lc_threads *threads)
{
    const lc_clf_task *t = b->task;
    bool by_rows = b->count < t->dim;
    size_t n = by_rows ? b->count : t->dim;
    double *a = NULL, *x = NULL;
    lc_status status;
    if (n > MAX_SIDE) {
        return lc_fail(LC_ERR_NOMEM, "ridge on %zu rows of %zu features wants the eigenvectors of %zu; at most %d: --pca",
                       b->count, t->dim, n, MAX_SIDE);
    }
    b->directions = n;
    if ((status = lc_alloc_raw(&a, n * n, sizeof *a)) != LC_OK ||
        (status = lc_alloc_raw(&b->values, n, sizeof *b->values)) != LC_OK ||
        (status = lc_alloc_raw(&b->p, b->count * n, sizeof *b->p)) != LC_OK ||
        (status = by_rows ? lc_inner(t->x, t->dim, b->rows, b->count, b->centre, a, threads)
                          : lc_scatter(t->x, t->dim, b->rows, b->count, b->centre, NULL, a, threads)) != LC_OK ||
        (status = lc_blas_eigen(n, a, b->values)) != LC_OK || (status = widen(b, &x)) != LC_OK) {
        goto done;
    }
    for (size_t d = 0; d < n; d++) {
        b->values[d] = fmax(b->values[d], 0);
    }
    if (by_rows) {
        status = lc_alloc_array(&b->v, n * t->dim, sizeof *b->v);
        if (status != LC_OK) {
            goto done;
        }
        lc_blas_gemm_f64(false, n, t->dim, b->count, a, n, x, t->dim, b->v, t->dim);
        for (size_t k = 0; k < n; k++) {
            double root = sqrt(b->values[k]), smallest = 1e-14 * b->values[n - 1];
            for (size_t d = 0; d < t->dim; d++) {
                b->v[k * t->dim + d] *= b->values[k] > smallest ? 1 / root : 0;
            }
            for (size_t i = 0; i < b->count; i++) {
                b->p[i * n + k] = a[k * n + i] * root;
            }
        }
    } else {
        lc_blas_gemm_f64(true, b->count, n, t->dim, x, t->dim, a, n, b->p, n);
        b->v = a;
        a = NULL;
    }
done:
    free(a);
    free(x);
    return status;
}

static lc_status base_init(void *base, const lc_clf_task *t, const size_t *rows, size_t count, lc_threads *threads)
{
    ridge_base *b = base;
    *b = (ridge_base){.task = t, .rows = rows, .count = count};
    LC_TRY(lc_blas_open());
    LC_TRY(lc_alloc_raw(&b->labels, t->classes, sizeof *b->labels));
    LC_TRY(lc_alloc_raw(&b->index, t->classes, sizeof *b->index));
    b->present = lc_present_classes(t, rows, count, b->labels, b->index);
    LC_TRY(lc_alloc_raw(&b->centre, t->dim, sizeof *b->centre));
    LC_TRY(lc_alloc_array(&b->means, b->present, sizeof *b->means));
    lc_mean(t->x, t->dim, rows, count, b->centre);
    for (size_t i = 0; i < count; i++) {
        b->means[b->index[t->y[rows[i]]]] += 2 / (double)count;
    }
    for (size_t k = 0; k < b->present; k++) {
        b->means[k] -= 1;
    }
    LC_TRY(decompose(b, threads));
    double *y;
    LC_TRY(lc_alloc_array(&b->q, b->directions * b->present, sizeof *b->q));
    LC_TRY(lc_alloc_raw(&y, count * b->present, sizeof *y));
    for (size_t i = 0; i < count * b->present; i++) {
        y[i] = target(b, i / b->present, i % b->present);
    }
    lc_blas_gemm_tn_f64(b->directions, b->present, count, b->p, b->directions, y, b->present, b->q, b->present);
    free(y);
    return LC_OK;
}

/* scaled (directions, present) = Q / (S + lambda). */
static void shrink(const ridge_base *b, double lambda, double *scaled)
{
    for (size_t d = 0; d < b->directions; d++) {
        for (size_t k = 0; k < b->present; k++) {
            scaled[d * b->present + k] = b->q[d * b->present + k] / (b->values[d] + lambda);
        }
    }
}

/* weights (present, dim) and bias for this penalty. */
static lc_status solve(const void *base, const double *params, lc_linear_machine **out)
{
    const ridge_base *b = base;
    size_t dim = b->task->dim;
    double *scaled, *w;
    LC_TRY(lc_linear_machine_new(out, b->task->classes, b->present, dim));
    lc_linear_machine *m = *out;
    lc_status status = lc_alloc_raw(&scaled, b->directions * b->present + b->present * dim, sizeof *scaled);
    if (status != LC_OK) {
        lc_linear_machine_free(m);
        return status;
    }
    w = scaled + b->directions * b->present;
    shrink(b, params[P_LAMBDA], scaled);
    memset(w, 0, b->present * dim * sizeof *w);
    lc_blas_gemm_tn_f64(b->present, dim, b->directions, scaled, b->present, b->v, dim, w, dim);
    memcpy(m->labels, b->labels, b->present * sizeof *b->labels);
    for (size_t k = 0; k < b->present; k++) {
        m->bias[k] = b->means[k];
        for (size_t d = 0; d < dim; d++) {
            m->weights[k * dim + d] = (float)w[k * dim + d];
            m->bias[k] -= w[k * dim + d] * b->centre[d];
        }
    }
    free(scaled);
    return LC_OK;
}

static const lc_linear_solver solver = {sizeof(ridge_base), base_init, base_free, solve};

static lc_status ridge_prepare(void **work, const lc_clf_task *task, const double *params, lc_threads *threads)
{
    (void)params;
    (void)threads;
    return lc_linear_prepare_solver(work, task, &solver);
}

static lc_status ridge_leave_one_out(const void *work, const lc_clf_point *points, size_t count, lc_threads *threads,
                                     int32_t *labels)
{
    const lc_clf_task *t = ((const lc_linear_work *)work)->task;
    ridge_base b = {0};
    size_t *rows, n = t->rows;
    double *fitted = NULL, *scaled = NULL;
    LC_TRY(lc_alloc_raw(&rows, n, sizeof *rows));
    for (size_t i = 0; i < n; i++) {
        rows[i] = i;
    }
    lc_status status;
    if ((status = base_init(&b, t, rows, n, threads)) != LC_OK ||
        (status = lc_alloc_raw(&fitted, n * b.present, sizeof *fitted)) != LC_OK ||
        (status = lc_alloc_raw(&scaled, b.directions * b.present, sizeof *scaled)) != LC_OK) {
        goto done;
    }
    for (size_t p = 0; p < count; p++) {
        double lambda = points[p].values[P_LAMBDA];
        shrink(&b, lambda, scaled);
        lc_blas_gemm_f64(false, n, b.present, b.directions, b.p, b.directions, scaled, b.present, fitted, b.present);
        for (size_t i = 0; i < n; i++) {
            double h = 1 / (double)n, best = -INFINITY;
            for (size_t d = 0; d < b.directions; d++) {
                double v = b.p[i * b.directions + d];
                h += v * v / (b.values[d] + lambda);
            }
            for (size_t k = 0; k < b.present; k++) {
                double y = target(&b, i, k), score = y - (y - fitted[i * b.present + k]) / fmax(1 - h, 1e-12) + b.means[k];
                if (score > best) {
                    best = score;
                    labels[p * n + i] = b.labels[k];
                }
            }
        }
    }
done:
    base_free(&b);
    free(rows);
    free(fitted);
    free(scaled);
    return status;
}

/* While it is decomposed, then what stays and the products with it. */
static double base_bytes(const lc_clf_extent *e)
{
    double n = (double)e->rows, d = (double)e->dim, side = fmin(n, d), p = n * side, by_rows = n < d ? side * d : 0;
    double making = side * side + p + fmax(lc_blas_eigen_bytes((size_t)side) / sizeof(double), n * d + by_rows);
    double kept = p + (n < d ? by_rows : side * side) + (2 * n + 2 * side) * (double)e->classes;
    return fmax(making, kept) * sizeof(double);
}

static double ridge_search_bytes(const lc_clf_extent *e)
{
    size_t judged = e->folds ? e->most_judged : e->rows;
    return base_bytes(e) + (double)(e->points * judged) * sizeof(int32_t);
}

static double ridge_fit_bytes(const lc_clf_extent *e)
{
    return base_bytes(e) + (double)(e->classes * e->dim) * (sizeof(float) + sizeof(double));
}

static const char *const kernels[] = {"linear", NULL};

static const lc_clf_param params_table[] = {
    [P_LAMBDA] = {.name = "lambda", .grid = "log10 -6,5,0.5", .simple_is_large = true, .help = "penalty lambda |W|^2"},
    {0},
};

const lc_clf lc_clf_ridge = {
    .name = "ridge",
    .summary = "ridge regression on class indicators, exact leave-one-out",
    .kernels = kernels,
    .params = params_table,
    .search_bytes = ridge_search_bytes,
    .fit_bytes = ridge_fit_bytes,
    .prepare = ridge_prepare,
    .release = lc_linear_release,
    .validate = lc_linear_validate,
    .leave_one_out = ridge_leave_one_out,
    .train = lc_linear_train,
    .scores = lc_linear_machine_scores,
    .save = lc_linear_machine_save,
    .load = lc_linear_machine_load,
    .free = lc_linear_machine_free,
    .export_weights = lc_linear_machine_weights,
};
