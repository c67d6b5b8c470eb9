/*
 * "centroid": the nearest class mean,  argmin_k |x - m_k|  =  argmax_k x'm_k - m_k'm_k / 2  (scikit-learn's NearestCentroid).
 */
#include <stdlib.h>
#include <string.h>

#include "classifier/class_means.h"
#include "classifier/linear_machine.h"
#include "common/memory.h"

/* -|x - m|^2 / 2 without the part that all classes share. */
static lc_status nearest_means(const lc_clf_task *t, const size_t *rows, size_t count, lc_linear_machine **out)
{
    lc_class_means b;
    lc_status status = lc_class_means_init(&b, t, rows, count);
    if (status == LC_OK && (status = lc_linear_machine_new(out, t->classes, b.present, t->dim)) == LC_OK) {
        memcpy((*out)->labels, b.labels, b.present * sizeof *b.labels);
        for (size_t k = 0; k < b.present; k++) {
            const double *mean = b.means + (size_t)b.labels[k] * t->dim;
            for (size_t d = 0; d < t->dim; d++) {
                (*out)->weights[k * t->dim + d] = (float)mean[d];
                (*out)->bias[k] -= mean[d] * mean[d] / 2;
            }
        }
    }
    lc_class_means_free(&b);
    return status;
}

static lc_status centroid_validate(const void *work, const lc_clf_point *points, size_t count, const lc_clf_fold *folds,
                                   size_t fold_count, lc_threads *threads, lc_clf_judged judged, void *context)
{
    const lc_clf_task *t = ((const lc_linear_work *)work)->task;
    lc_status status = LC_OK;
    (void)points;
    for (size_t f = 0; f < fold_count && status == LC_OK; f++) {
        lc_linear_machine *m = NULL;
        int32_t *labels = NULL;
        size_t n = folds[f].judged_count;
        if ((status = nearest_means(t, folds[f].rows, folds[f].count, &m)) == LC_OK &&
            (status = lc_alloc_raw(&labels, count * n, sizeof *labels)) == LC_OK) {
            status = lc_linear_machine_judge(m, t->x, folds[f].judged, n, labels, threads);
        }
        status = status == LC_OK ? judged(context, f, labels) : status;
        lc_linear_machine_free(m);
        free(labels);
    }
    return status;
}

static lc_status centroid_train(void **model, const void *work, const double *params, const size_t *rows, size_t count,
                                lc_threads *threads, int32_t *labels)
{
    lc_linear_machine *m = NULL;
    (void)params;
    (void)threads;
    (void)labels;
    lc_status status = nearest_means(((const lc_linear_work *)work)->task, rows, count, &m);
    *model = m;
    return status;
}

static const char *const kernels[] = {"linear", NULL};

static const lc_clf_param no_params[] = {{0}};

const lc_clf lc_clf_centroid = {
    .name = "centroid",
    .summary = "nearest class mean",
    .kernels = kernels,
    .params = no_params,
    .prepare = lc_linear_prepare,
    .release = lc_linear_release,
    .validate = centroid_validate,
    .train = centroid_train,
    .scores = lc_linear_machine_scores,
    .save = lc_linear_machine_save,
    .load = lc_linear_machine_load,
    .free = lc_linear_machine_free,
    .export_weights = lc_linear_machine_weights,
};
