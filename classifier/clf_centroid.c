/*
 * "centroid": the nearest class mean,  argmin_k |x - m_k|  =  argmax_k x'm_k - m_k'm_k / 2  (scikit-learn's NearestCentroid).
 */
#include <stdlib.h>
#include <string.h>

#include "classifier/class_means.h"
#include "classifier/linear_machine.h"
#include "common/memory.h"

typedef struct {
    const lc_clf_task *task;
    lc_class_means of;
} centroid_base;

static lc_status base_init(void *base, const lc_clf_task *t, const size_t *rows, size_t count, lc_threads *threads)
{
    centroid_base *b = base;
    (void)threads;
    b->task = t;
    return lc_class_means_init(&b->of, t, rows, count);
}

static void base_free(void *base)
{
    lc_class_means_free(&((centroid_base *)base)->of);
}

/* -|x - m|^2 / 2 without the part that all classes share. */
static lc_status solve(const void *base, const double *params, lc_linear_machine **out)
{
    const centroid_base *b = base;
    size_t dim = b->task->dim;
    (void)params;
    LC_TRY(lc_linear_machine_new(out, b->task->classes, b->of.present, dim));
    lc_linear_machine *m = *out;
    memcpy(m->labels, b->of.labels, b->of.present * sizeof *b->of.labels);
    for (size_t k = 0; k < b->of.present; k++) {
        const double *mean = b->of.means + (size_t)b->of.labels[k] * dim;
        for (size_t d = 0; d < dim; d++) {
            m->weights[k * dim + d] = (float)mean[d];
            m->bias[k] -= mean[d] * mean[d] / 2;
        }
    }
    return LC_OK;
}

static const lc_linear_solver solver = {sizeof(centroid_base), base_init, base_free, solve};

static lc_status centroid_prepare(void **work, const lc_clf_task *task, const double *params, lc_threads *threads)
{
    (void)params;
    (void)threads;
    return lc_linear_prepare_solver(work, task, &solver);
}

static const char *const kernels[] = {"linear", NULL};

static const lc_clf_param no_params[] = {{0}};

const lc_clf lc_clf_centroid = {
    .name = "centroid",
    .summary = "nearest class mean",
    .kernels = kernels,
    .params = no_params,
    .prepare = centroid_prepare,
    .release = lc_linear_release,
    .validate = lc_linear_validate,
    .train = lc_linear_train,
    .scores = lc_linear_machine_scores,
    .save = lc_linear_machine_save,
    .load = lc_linear_machine_load,
    .free = lc_linear_machine_free,
    .export_weights = lc_linear_machine_weights,
};
