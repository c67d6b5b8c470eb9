/*
 * "nusvm": LIBSVM's nu-SVC, one-vs-one, by svm_train itself: nu bounds the share of margin errors from above and of support
 * vectors from below (Schoelkopf et al., "New support vector algorithms", 2000).
 *
 * With kernel_type PRECOMPUTED LIBSVM reads K(i, j) as x[i][serial of j].value, where x is an array of pointers to rows. So one
 * matrix of nodes, rows numbered from 1, serves every subset of rows by its pointers: every fold, nu and class pair shares it
 * without a copy. A node takes 16 bytes. LIBSVM is given rows sorted by class, so its order of classes is ours.
 */
#include <libsvm/svm.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/clf.h"
#include "classifier/kernel.h"
#include "classifier/svm_machine.h"
#include "common/interrupt.h"
#include "common/memory.h"

enum { P_NU, CACHE_MB = 100 };

typedef struct {
    const lc_clf_task *task;
    lc_kernel kernel;
    struct svm_node *nodes; /* (rows, rows + 1): serial number, then the kernel values */
} nu_work;

static void silent(const char *text)
{
    (void)text;
}

static void silence_libsvm(void)
{
    svm_set_print_string_function(silent);
}

static lc_status fill_row(void *context, size_t i)
{
    const nu_work *w = context;
    size_t n = w->task->rows;
    const float *base = w->task->base + i * n;
    struct svm_node *row = w->nodes + i * (n + 1);
    row[0] = (struct svm_node){0, (double)(i + 1)};
    for (size_t j = 0; j < n; j++) {
        row[j + 1] = (struct svm_node){(int)(j + 1), lc_kernel_value(&w->kernel, (double)base[j])};
    }
    return LC_OK;
}

static void nu_release(void *work)
{
    nu_work *w = work;
    if (w) {
        free(w->nodes);
        free(w);
    }
}

static lc_status nu_prepare(void **work, const lc_clf_task *task, const double *params, lc_threads *threads)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, silence_libsvm);
    nu_work *w;
    *work = NULL;
    LC_TRY(lc_alloc_array(&w, 1, sizeof *w));
    w->task = task;
    w->kernel = lc_svm_kernel(&lc_clf_nusvm, task->kernel, params);
    lc_status status = lc_alloc_raw(&w->nodes, task->rows * (task->rows + 1), sizeof *w->nodes);
    if (status == LC_OK) {
        status = lc_parallel_for(threads, task->rows, fill_row, w);
    }
    if (status != LC_OK) {
        nu_release(w);
        return status;
    }
    *work = w;
    return LC_OK;
}

/*
 * One call of svm_train. The model points into the work's nodes. order (count): the rows in LIBSVM's order, so that
 * order[sv_indices[s] - 1] is the row of support vector s.
 */
static lc_status solve(const nu_work *w, double nu, const size_t *rows, size_t count, size_t *order, struct svm_model **out)
{
    const lc_clf_task *t = w->task;
    struct svm_problem problem = {.l = (int)count};
    lc_status status;
    *out = NULL;
    if ((status = lc_interrupt_check()) != LC_OK || (status = lc_alloc_raw(&problem.x, count, sizeof *problem.x)) != LC_OK ||
        (status = lc_alloc_raw(&problem.y, count, sizeof *problem.y)) != LC_OK) {
        goto done;
    }
    size_t n = 0;
    for (size_t k = 0; k < t->classes; k++) {
        for (size_t i = 0; i < count; i++) {
            if ((size_t)t->y[rows[i]] == k) {
                problem.x[n] = w->nodes + rows[i] * (t->rows + 1);
                problem.y[n] = (double)k;
                order[n++] = rows[i];
            }
        }
    }
    struct svm_parameter p = {
        .svm_type = NU_SVC, .kernel_type = PRECOMPUTED, .cache_size = CACHE_MB, .eps = 1e-3, .nu = nu, .shrinking = 1};
    const char *complaint = svm_check_parameter(&problem, &p);
    if (complaint) {
        status = lc_fail(LC_ERR_ARG, "LIBSVM: nu %g: %s: a class is too small for it", nu, complaint);
        goto done;
    }
    *out = svm_train(&problem, &p);
done:
    free(problem.x);
    free(problem.y);
    return status;
}

typedef struct {
    const nu_work *work;
    const lc_clf_point *points;
    size_t count;
    const lc_clf_fold *folds;
    int32_t **labels; /* (folds) of (points, judged) */
} nu_job;

static lc_status validate_one(void *context, size_t item)
{
    const nu_job *job = context;
    const lc_clf_fold *f = &job->folds[item / job->count];
    int32_t *labels = job->labels[item / job->count] + item % job->count * f->judged_count;
    size_t *order;
    struct svm_model *m = NULL;
    LC_TRY(lc_alloc_raw(&order, f->count, sizeof *order));
    lc_status status = solve(job->work, job->points[item % job->count].values[P_NU], f->rows, f->count, order, &m);
    for (size_t i = 0; status == LC_OK && i < f->judged_count; i++) {
        labels[i] = (int32_t)svm_predict(m, job->work->nodes + f->judged[i] * (job->work->task->rows + 1));
    }
    svm_free_and_destroy_model(&m);
    free(order);
    return status;
}

static lc_status nu_validate(const void *work, const lc_clf_point *points, size_t count, const lc_clf_fold *folds,
                             size_t fold_count, lc_threads *threads, lc_clf_judged judged, void *context)
{
    nu_job job = {work, points, count, folds, NULL};
    LC_TRY(lc_alloc_array(&job.labels, fold_count, sizeof *job.labels));
    lc_status status = LC_OK;
    for (size_t f = 0; f < fold_count && status == LC_OK; f++) {
        status = lc_alloc_raw(&job.labels[f], count * folds[f].judged_count, sizeof **job.labels);
    }
    if (status == LC_OK) {
        status = lc_parallel_for(threads, fold_count * count, validate_one, &job);
    }
    for (size_t f = 0; f < fold_count; f++) {
        status = status == LC_OK ? judged(context, f, job.labels[f], NULL) : status;
        free(job.labels[f]);
    }
    free(job.labels);
    return status;
}

static lc_status nu_train(void **model, const void *work, const double *params, const size_t *rows, size_t count,
                          lc_threads *threads, int32_t *labels)
{
    const nu_work *w = work;
    const lc_clf_task *t = w->task;
    size_t *order;
    struct svm_model *trained = NULL;
    lc_svm_machine *m = NULL;
    (void)threads;
    (void)labels;
    *model = NULL;
    LC_TRY(lc_alloc_raw(&order, count, sizeof *order));
    lc_status status = solve(w, params[P_NU], rows, count, order, &trained);
    if (status != LC_OK || (status = lc_svm_machine_new(&m, t->classes, (size_t)trained->nr_class, (size_t)trained->l, t->dim,
                                                        false)) != LC_OK) {
        goto done;
    }
    m->type = "nu_svc";
    m->kernel = w->kernel;
    for (size_t k = 0; k < m->present; k++) {
        m->labels[k] = trained->label[k];
        m->counts[k] = trained->nSV[k];
    }
    memcpy(m->rho, trained->rho, m->machines * sizeof *m->rho);
    memcpy(m->centre, t->centre, m->dim * sizeof *m->centre);
    for (size_t k = 0; k + 1 < m->present; k++) {
        memcpy(m->coef + k * m->count, trained->sv_coef[k], m->count * sizeof *m->coef);
    }
    for (size_t s = 0; s < m->count; s++) {
        memcpy(m->sv + s * m->dim, t->x + order[trained->sv_indices[s] - 1] * m->dim, m->dim * sizeof *m->sv);
    }
    status = lc_svm_machine_ready(m);
done:
    if (status == LC_OK) {
        *model = m;
    } else {
        lc_svm_machine_free(m);
    }
    svm_free_and_destroy_model(&trained);
    free(order);
    return status;
}

static lc_status nu_load(void **model, lc_h5 *file, const char *kernel, size_t dim, size_t classes, const double *params)
{
    return lc_svm_machine_load(model, &lc_clf_nusvm, "nu_svc", file, kernel, dim, classes, params);
}

static const char *nu_version(void)
{
    static char text[32];
    snprintf(text, sizeof text, "LIBSVM %d.%02d", LIBSVM_VERSION / 100, LIBSVM_VERSION % 100);
    return text;
}

static size_t nu_pair_bytes(const char *kernel, bool last)
{
    (void)kernel;
    (void)last;
    return sizeof(struct svm_node);
}

/* LIBSVM's cache and vectors of a machine per thread, and what it says of the rows. */
static double nu_search_bytes(const lc_clf_extent *e)
{
    double n = (double)e->pair_rows, cache = fmin(n * n * sizeof(float), CACHE_MB * 0x1p20);
    return (double)e->threads * (cache + (double)(e->rows * e->classes) * sizeof(double) + n * 128) +
           (double)(e->points * e->judged) * sizeof(int32_t);
}

static double nu_fit_bytes(const lc_clf_extent *e)
{
    return nu_search_bytes(e) + (double)e->rows * (2 * (double)e->classes * sizeof(double) + 2 * (double)e->dim * sizeof(float));
}

static const lc_clf_param params_table[] = {
    [P_NU] = {.name = "nu", .grid = "0.05,0.1,0.2,0.3,0.5", .kind = LC_PARAM_FRACTION, .help = "share of margin errors"},
    LC_SVM_KERNEL_PARAMS,
    {0},
};

const lc_clf lc_clf_nusvm = {
    .name = "nusvm",
    .summary = "LIBSVM's nu-SVC, one-vs-one",
    .kernels = lc_kernel_names,
    .params = params_table,
    .pairs = true,
    .fits_apart = true,
    .pair_bytes = nu_pair_bytes,
    .search_bytes = nu_search_bytes,
    .fit_bytes = nu_fit_bytes,
    .prepare = nu_prepare,
    .release = nu_release,
    .validate = nu_validate,
    .train = nu_train,
    .scores = lc_svm_machine_scores,
    .save = lc_svm_machine_save,
    .load = nu_load,
    .free = lc_svm_machine_free,
    .export_text = lc_svm_machine_export,
    .support_vectors = lc_svm_machine_support_vectors,
    .version = nu_version,
};
