#include "classifier/task.h"

#include <stdlib.h>

#include "classifier/gram.h"
#include "common/clock.h"
#include "common/memory.h"

lc_status lc_task_init(lc_task *task, const lc_dataset *data, const char *norm, const char *kernel,
                       const double *class_weight, const size_t *rows, size_t count)
{
    size_t values;
    *task = (lc_task){0};
    if (!lc_mul(data->rows, data->dim, &values)) {
        return lc_fail(LC_ERR_NOMEM, "%zu rows of %zu numbers are too many", data->rows, data->dim);
    }
    LC_TRY(lc_transform_init(&task->transform, norm, data->dim));
    LC_TRY(lc_transform_fit(&task->transform, data->x, rows, count));
    LC_TRY(lc_alloc_raw(&task->x, values, sizeof *task->x));
    LC_TRY(lc_alloc_array(&task->centre, data->dim, sizeof *task->centre));
    lc_transform_apply(&task->transform, data->x, data->rows, task->x);
    lc_gram_centre(task->x, data->rows, data->dim, task->centre);
    task->view = (lc_clf_task){.rows = data->rows,
                               .dim = data->dim,
                               .classes = data->classes,
                               .x = task->x,
                               .y = data->labels,
                               .class_weight = class_weight,
                               .kernel = kernel,
                               .centre = task->centre};
    return LC_OK;
}

lc_status lc_task_gram(lc_task *task, const lc_clf *clf, lc_threads *threads, double *seconds)
{
    if (clf->pair_bytes == 0 || task->gram) {
        return LC_OK;
    }
    size_t n = task->view.rows;
    double start = lc_clock();
    LC_TRY(lc_gram_check(n, clf->pair_bytes + sizeof *task->gram));
    LC_TRY(lc_alloc_raw(&task->gram, n * n, sizeof *task->gram));
    task->view.gram = task->gram;
    lc_status status = lc_gram_compute(task->x, n, task->view.dim, task->centre, task->gram, threads);
    *seconds += lc_clock() - start;
    return status;
}

void lc_task_free(lc_task *task)
{
    lc_transform_free(&task->transform);
    free(task->x);
    free(task->gram);
    free(task->centre);
    *task = (lc_task){0};
}

double lc_task_scale(const lc_task *task)
{
    size_t n = task->view.rows * task->view.dim;
    double mean = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        mean += (double)task->x[i];
    }
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) {
        double off = (double)task->x[i] - mean;
        square += off * off;
    }
    return square > 0 ? 1 / ((double)task->view.dim * (square / (double)n)) : 1;
}
