#include "classifier/task.h"

#include <stdlib.h>

#include "classifier/gram.h"
#include "classifier/kernel.h"
#include "common/clock.h"
#include "common/memory.h"

static lc_status check_positive(const lc_clf_task *t)
{
    for (size_t i = 0; i < t->rows * t->dim; i++) {
        if (t->x[i] < 0) {
            return lc_fail(LC_ERR_ARG, "kernel %s wants features of at least 0, but row %zu has %g at feature %zu; --norm l2 or "
                                       "minmax of a ReLU's output keeps them so",
                           t->kernel, i / t->dim, (double)t->x[i], i % t->dim);
        }
    }
    return LC_OK;
}

lc_status lc_task_init(lc_task *task, const lc_dataset *data, const lc_task_options *o, const size_t *rows, size_t count,
                       lc_threads *threads)
{
    size_t values;
    *task = (lc_task){0};
    LC_TRY(lc_transform_init(&task->transform, o->norm, data->dim, o->seed));
    size_t dim = task->transform.out;
    if (!lc_mul(data->rows, dim, &values)) {
        return lc_fail(LC_ERR_NOMEM, "%zu rows of %zu numbers are too many", data->rows, dim);
    }
    LC_TRY(lc_transform_fit(&task->transform, data->x, rows, count, threads));
    LC_TRY(lc_alloc_raw(&task->x, values, sizeof *task->x));
    LC_TRY(lc_alloc_array(&task->centre, dim, sizeof *task->centre));
    LC_TRY(lc_transform_apply(&task->transform, data->x, data->rows, task->x, threads));
    task->view = (lc_clf_task){.rows = data->rows,
                               .dim = dim,
                               .classes = data->classes,
                               .x = task->x,
                               .y = data->labels,
                               .indicator = data->indicator,
                               .class_weight = o->class_weight,
                               .kernel = o->kernel,
                               .one_vs_rest = o->one_vs_rest,
                               .centre = task->centre};
    if (o->clf->pairs) {
        lc_kernel_kind kind = lc_kernel_kind_of(o->kernel);
        if (lc_kernel_centred(kind)) {
            lc_gram_centre(task->x, data->rows, dim, task->centre);
        }
        return lc_kernel_wants_positive(kind) ? check_positive(&task->view) : LC_OK;
    }
    return LC_OK;
}

lc_status lc_task_base(lc_task *task, const lc_clf *clf, lc_threads *threads, double *seconds)
{
    if (!clf->pairs || task->base) {
        return LC_OK;
    }
    size_t n = task->view.rows;
    double start = lc_clock();
    LC_TRY(lc_gram_check(n, clf->pair_bytes(task->view.kernel, task->view.last) + sizeof *task->base));
    LC_TRY(lc_alloc_raw(&task->base, n * n, sizeof *task->base));
    task->view.base = task->base;
    lc_status status = lc_kernel_bases(lc_kernel_kind_of(task->view.kernel), task->x, n, task->view.dim, task->centre,
                                       task->base, threads);
    *seconds += lc_clock() - start;
    return status;
}

void lc_task_free(lc_task *task)
{
    lc_transform_free(&task->transform);
    free(task->x);
    free(task->base);
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
