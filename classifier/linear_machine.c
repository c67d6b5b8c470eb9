#include "classifier/linear_machine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/blas.h"
#include "common/interrupt.h"
#include "common/memory.h"

size_t lc_present_classes(const lc_clf_task *t, const size_t *rows, size_t count, int32_t *labels, int32_t *index)
{
    size_t present = 0;
    memset(index, 0, t->classes * sizeof *index);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; t->indicator && k < t->classes; k++) {
            index[k] += t->indicator[rows[i] * t->classes + k];
        }
        index[t->y[rows[i]]] += !t->indicator;
    }
    for (size_t k = 0; k < t->classes; k++) {
        bool there = index[k] > 0 && (!t->indicator || (size_t)index[k] < count);
        index[k] = there ? (int32_t)present : -1;
        if (there) {
            labels[present++] = (int32_t)k;
        }
    }
    return present;
}

void lc_linear_machine_free(void *model)
{
    lc_linear_machine *m = model;
    if (m) {
        free(m->labels);
        free(m->weights);
        free(m->bias);
        free(m);
    }
}

lc_status lc_linear_machine_new(lc_linear_machine **out, size_t classes, size_t present, size_t dim)
{
    lc_linear_machine *m;
    size_t values;
    *out = NULL;
    if (!lc_mul(present, dim, &values)) {
        return lc_fail(LC_ERR_NOMEM, "%zu weight vectors of %zu numbers are too many", present, dim);
    }
    LC_TRY(lc_alloc_array(&m, 1, sizeof *m));
    *m = (lc_linear_machine){.classes = classes, .present = present, .dim = dim};
    lc_status status;
    if ((status = lc_blas_open()) != LC_OK || (status = lc_alloc_array(&m->labels, present, sizeof *m->labels)) != LC_OK ||
        (status = lc_alloc_array(&m->weights, values, sizeof *m->weights)) != LC_OK ||
        (status = lc_alloc_array(&m->bias, present, sizeof *m->bias)) != LC_OK) {
        lc_linear_machine_free(m);
        return status;
    }
    *out = m;
    return LC_OK;
}

int32_t lc_take_largest(const int32_t *labels, size_t present, size_t classes, const double *decisions, float *scores)
{
    size_t winner = 0;
    float lowest = INFINITY, highest = -INFINITY;
    for (size_t a = 0; a < present; a++) {
        winner = decisions[a] > decisions[winner] ? a : winner;
        lowest = fminf(lowest, (float)decisions[a]);
    }
    for (size_t k = 0; k < classes; k++) {
        scores[k] = lowest - 1;
    }
    for (size_t a = 0; a < present; a++) {
        scores[labels[a]] = (float)decisions[a];
        highest = a != winner ? fmaxf(highest, (float)decisions[a]) : highest;
    }
    float *won = &scores[labels[winner]];
    *won = *won > highest ? *won : nextafterf(highest, INFINITY);
    return labels[winner];
}

/* The block's rows are the columns of the product, see svm_machine.c. */
lc_status lc_linear_machine_scores(const void *model, const float *x, int32_t *labels, float *scores)
{
    const lc_linear_machine *m = model;
    float *products = NULL;
    double *decisions = NULL;
    lc_status status;
    if ((status = lc_alloc_raw(&products, m->present * LC_CLF_BLOCK, sizeof *products)) != LC_OK ||
        (status = lc_alloc_raw(&decisions, m->present, sizeof *decisions)) != LC_OK) {
        goto done;
    }
    lc_blas_gemm(true, m->present, LC_CLF_BLOCK, m->dim, m->weights, m->dim, x, m->dim, products, LC_CLF_BLOCK);
    for (size_t i = 0; i < LC_CLF_BLOCK; i++) {
        for (size_t k = 0; k < m->present; k++) {
            decisions[k] = (double)products[k * LC_CLF_BLOCK + i] + m->bias[k];
        }
        labels[i] = lc_take_largest(m->labels, m->present, m->classes, decisions, scores + i * m->classes);
    }
done:
    free(products);
    free(decisions);
    return status;
}

typedef struct {
    const lc_linear_machine *m;
    const float *x;
    const size_t *rows;
    size_t count;
    int32_t *labels;
} judge_job;

static lc_status judge_block(void *context, size_t block)
{
    const judge_job *job = context;
    const lc_linear_machine *m = job->m;
    size_t first = block * LC_CLF_BLOCK, count = job->count - first < LC_CLF_BLOCK ? job->count - first : LC_CLF_BLOCK;
    float *x = NULL, *scores = NULL;
    int32_t labels[LC_CLF_BLOCK];
    lc_status status = lc_interrupt_check();
    if (status != LC_OK || (status = lc_alloc_array(&x, LC_CLF_BLOCK * m->dim, sizeof *x)) != LC_OK ||
        (status = lc_alloc_raw(&scores, LC_CLF_BLOCK * m->classes, sizeof *scores)) != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(x + i * m->dim, job->x + job->rows[first + i] * m->dim, m->dim * sizeof *x);
    }
    status = lc_linear_machine_scores(m, x, labels, scores);
    if (status == LC_OK) {
        memcpy(job->labels + first, labels, count * sizeof *labels);
    }
done:
    free(x);
    free(scores);
    return status;
}

/* labels (count) of rows[0..count) of x. */
static lc_status judge_rows(const lc_linear_machine *m, const float *x, const size_t *rows, size_t count, int32_t *labels,
                            lc_threads *threads)
{
    judge_job job = {m, x, rows, count, labels};
    return lc_parallel_for(threads, (count + LC_CLF_BLOCK - 1) / LC_CLF_BLOCK, judge_block, &job);
}

/* One fold: labels (count, judged_count) of all points by one base. */
static lc_status judge_fold(const lc_linear_solver *s, const lc_clf_task *t, const lc_clf_point *points, size_t count,
                            const lc_clf_fold *fold, void *base, int32_t *labels, lc_threads *threads)
{
    LC_TRY(s->init(base, t, fold->rows, fold->count, threads));
    for (size_t p = 0; p < count; p++) {
        lc_linear_machine *m;
        LC_TRY(s->solve(base, points[p].values, &m));
        lc_status status = judge_rows(m, t->x, fold->judged, fold->judged_count, labels + p * fold->judged_count, threads);
        lc_linear_machine_free(m);
        LC_TRY(status);
    }
    return LC_OK;
}

lc_status lc_linear_validate(const void *work, const lc_clf_point *points, size_t count, const lc_clf_fold *folds,
                             size_t fold_count, lc_threads *threads, lc_clf_judged judged, void *context)
{
    const lc_linear_work *w = work;
    const lc_linear_solver *s = w->solver;
    void *base;
    LC_TRY(lc_alloc_array(&base, 1, s->base_size));
    lc_status status = LC_OK;
    for (size_t f = 0; f < fold_count && status == LC_OK; f++) {
        int32_t *labels = NULL;
        memset(base, 0, s->base_size);
        status = lc_alloc_raw(&labels, count * folds[f].judged_count, sizeof *labels);
        if (status == LC_OK) {
            status = judge_fold(s, w->task, points, count, &folds[f], base, labels, threads);
            s->free(base);
        }
        status = status == LC_OK ? judged(context, f, labels, NULL) : status;
        free(labels);
    }
    free(base);
    return status;
}

lc_status lc_linear_train(void **model, const void *work, const double *params, const size_t *rows, size_t count,
                          lc_threads *threads, int32_t *labels)
{
    const lc_linear_work *w = work;
    const lc_linear_solver *s = w->solver;
    void *base;
    lc_linear_machine *m = NULL;
    (void)labels;
    *model = NULL;
    LC_TRY(lc_alloc_array(&base, 1, s->base_size));
    lc_status status = s->init(base, w->task, rows, count, threads);
    if (status == LC_OK) {
        status = s->solve(base, params, &m);
    }
    s->free(base);
    free(base);
    *model = m;
    return status;
}

lc_status lc_linear_machine_save(const void *model, lc_h5 *file)
{
    const lc_linear_machine *m = model;
    LC_TRY(lc_h5_put(file, "/model/labels", LC_H5_I32, m->present, 0, m->labels));
    LC_TRY(lc_h5_put(file, "/model/weights", LC_H5_F32, m->present, m->dim, m->weights));
    return lc_h5_put(file, "/model/bias", LC_H5_F64, m->present, 0, m->bias);
}

static lc_status load_arrays(lc_linear_machine *m, lc_h5 *file)
{
    LC_TRY(lc_h5_read(file, "/model/labels", LC_H5_I32, 0, m->present, m->labels));
    LC_TRY(lc_h5_read(file, "/model/weights", LC_H5_F32, 0, m->present, m->weights));
    LC_TRY(lc_h5_read(file, "/model/bias", LC_H5_F64, 0, m->present, m->bias));
    for (size_t k = 0; k < m->present; k++) {
        if (m->labels[k] < (k ? m->labels[k - 1] + 1 : 0) || (size_t)m->labels[k] >= m->classes) {
            return lc_fail(LC_ERR_STALE, "/model/labels are not ascending classes of 0..%zu", m->classes - 1);
        }
        if (!isfinite(m->bias[k])) {
            return lc_fail(LC_ERR_STALE, "/model/bias holds NaN or Inf");
        }
    }
    for (size_t i = 0; i < m->present * m->dim; i++) {
        if (!isfinite(m->weights[i])) {
            return lc_fail(LC_ERR_STALE, "/model/weights hold NaN or Inf");
        }
    }
    return LC_OK;
}

lc_status lc_linear_machine_load(void **model, lc_h5 *file, const char *kernel, size_t dim, size_t classes,
                                 const double *params)
{
    lc_h5_shape s;
    lc_linear_machine *m;
    (void)kernel;
    (void)params;
    *model = NULL;
    LC_TRY(lc_h5_shape_of(file, "/model/labels", &s));
    size_t present = s.rank == 1 ? s.dims[0] : 0;
    if (present < 2 || present > classes) {
        return lc_fail(LC_ERR_STALE, "/model/labels names %zu classes, the file has %zu", present, classes);
    }
    /* Every shape before the first allocation. */
    LC_TRY(lc_h5_expect(file, "/model/labels", LC_H5_I32, present, 0));
    LC_TRY(lc_h5_expect(file, "/model/weights", LC_H5_F32, present, dim));
    LC_TRY(lc_h5_expect(file, "/model/bias", LC_H5_F64, present, 0));
    LC_TRY(lc_linear_machine_new(&m, classes, present, dim));
    lc_status status = load_arrays(m, file);
    if (status != LC_OK) {
        lc_linear_machine_free(m);
        return status;
    }
    *model = m;
    return LC_OK;
}

lc_status lc_linear_machine_weights(const void *model, size_t classes, float *weights, double *bias)
{
    const lc_linear_machine *m = model;
    memset(weights, 0, classes * m->dim * sizeof *weights);
    for (size_t k = 0; k < classes; k++) {
        bias[k] = -INFINITY;
    }
    for (size_t a = 0; a < m->present; a++) {
        memcpy(weights + (size_t)m->labels[a] * m->dim, m->weights + a * m->dim, m->dim * sizeof *weights);
        bias[m->labels[a]] = m->bias[a];
    }
    return LC_OK;
}

lc_status lc_linear_prepare_solver(void **work, const lc_clf_task *task, const lc_linear_solver *solver)
{
    lc_linear_work *w;
    LC_TRY(lc_alloc_array(&w, 1, sizeof *w));
    *w = (lc_linear_work){task, solver};
    *work = w;
    return LC_OK;
}

lc_status lc_linear_prepare(void **work, const lc_clf_task *task, const double *params, lc_threads *threads)
{
    (void)params;
    (void)threads;
    return lc_linear_prepare_solver(work, task, NULL);
}

void lc_linear_release(void *work)
{
    free(work);
}
