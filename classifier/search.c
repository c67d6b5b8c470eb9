#include "classifier/search.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/interrupt.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/rng.h"

/*
 * scikit-learn's StratifiedKFold: sorted by class, row p belongs to fold p mod folds, which says how many rows of each
 * class a fold gets; the class's rows then fill the folds one after the other, in their order. Seed 0 keeps that order,
 * so that neighbours (often takes of one scene) stay in one fold and the numbers compare with scikit-learn's; any other
 * seed shuffles the rows of each class first. Classes count in order of first appearance.
 */
lc_status lc_folds_assign(const int32_t *labels, size_t rows, size_t classes, size_t folds, uint64_t seed, size_t *fold_of)
{
    size_t *members = NULL, *quota = NULL, place = 0;
    bool *dealt = NULL;
    lc_status status = lc_alloc_raw(&members, rows, sizeof *members);
    if (status != LC_OK || (status = lc_alloc_array(&quota, folds, sizeof *quota)) != LC_OK ||
        (status = lc_alloc_array(&dealt, classes, sizeof *dealt)) != LC_OK) {
        goto done;
    }
    for (size_t first = 0; first < rows; first++) {
        size_t count = 0, at = 0;
        if (dealt[labels[first]]) {
            continue;
        }
        dealt[labels[first]] = true;
        for (size_t i = first; i < rows; i++) {
            if (labels[i] == labels[first]) {
                members[count++] = i;
            }
        }
        if (seed) {
            lc_rng rng = lc_rng_new(seed, (uint64_t)labels[first]);
            lc_rng_shuffle(&rng, members, count);
        }
        memset(quota, 0, folds * sizeof *quota);
        for (size_t i = 0; i < count; i++) {
            quota[place++ % folds]++;
        }
        for (size_t f = 0; f < folds; f++) {
            for (; quota[f]; quota[f]--) {
                fold_of[members[at++]] = f;
            }
        }
    }
done:
    free(members);
    free(quota);
    free(dealt);
    return status;
}

/* One kernel matrix, and the fits that share it: points [first_point, +point_count) x folds [first_fold, +fold_count). */
typedef struct {
    const lc_search *search;
    const size_t *fold_of;
    const void *work;
    size_t first_point, point_count, first_fold;
    size_t *correct; /* (points, folds) */
    size_t *done, total;
    pthread_mutex_t *lock;
} fit_group;

static lc_status fit_one(void *context, size_t item)
{
    const fit_group *g = context;
    const lc_search *s = g->search;
    size_t rows = s->data->rows, point = g->first_point + item % g->point_count,
           fold = g->first_fold + item / g->point_count;
    size_t *order = NULL, seen = 0, judged = 0;
    int32_t *labels = NULL;
    double params[LC_CLF_MAX_PARAMS] = {0};
    lc_status status = lc_interrupt_check();
    if (status != LC_OK || (status = lc_alloc_raw(&order, rows, sizeof *order)) != LC_OK ||
        (status = lc_alloc_raw(&labels, rows, sizeof *labels)) != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < rows; i++) {
        seen += g->fold_of[i] != fold;
    }
    for (size_t i = 0, a = 0; i < rows; i++) {
        order[g->fold_of[i] != fold ? a++ : seen + judged++] = i;
    }
    lc_grid_point(s->grid, s->clf, point, params);
    status = s->clf->validate(g->work, params, order, seen, order + seen, judged, labels);
    if (status != LC_OK) {
        goto done;
    }
    size_t right = 0;
    for (size_t i = 0; i < judged; i++) {
        right += labels[i] == s->data->labels[order[seen + i]];
    }
    g->correct[point * s->folds + fold] = right;
    pthread_mutex_lock(g->lock);
    lc_progress("fits", ++*g->done, g->total);
    pthread_mutex_unlock(g->lock);
done:
    free(order);
    free(labels);
    return status;
}

static bool same_kernel(const lc_clf *clf, const double *a, const double *b)
{
    bool same = true;
    for (size_t p = 0; clf->params[p].name; p++) {
        same = same && (!clf->params[p].in_kernel || a[p] == b[p]);
    }
    return same;
}

/* All points on the folds [first_fold, +folds), over one task. */
static lc_status search_task(fit_group *g, const lc_task *task, size_t folds)
{
    const lc_search *s = g->search;
    size_t points = lc_grid_points(s->grid);
    for (g->first_point = 0; g->first_point < points; g->first_point += g->point_count) {
        double first[LC_CLF_MAX_PARAMS] = {0}, next[LC_CLF_MAX_PARAMS] = {0};
        lc_grid_point(s->grid, s->clf, g->first_point, first);
        g->point_count = 0;
        do {
            g->point_count++;
            lc_grid_point(s->grid, s->clf, g->first_point + g->point_count, next);
        } while (g->first_point + g->point_count < points && same_kernel(s->clf, first, next));
        void *work = NULL;
        LC_TRY(s->clf->prepare(&work, &task->view, first, s->threads));
        g->work = work;
        lc_status status = lc_parallel_for(s->threads, g->point_count * folds, fit_one, g);
        s->clf->release(work);
        LC_TRY(status);
    }
    return LC_OK;
}

/* A fitted transform must not have seen the rows it is judged on: a task per fold, whose transform is learned from the
 * others. */
static lc_status search_fold(fit_group *g)
{
    const lc_search *s = g->search;
    lc_task task = {0};
    size_t *seen, count = 0;
    LC_TRY(lc_alloc_raw(&seen, s->data->rows, sizeof *seen));
    for (size_t i = 0; i < s->data->rows; i++) {
        if (g->fold_of[i] != g->first_fold) {
            seen[count++] = i;
        }
    }
    const lc_clf_task *whole = &s->whole->view;
    lc_status status =
        lc_task_init(&task, s->data, s->whole->transform.name, whole->kernel, whole->class_weight, seen, count);
    if (status == LC_OK) {
        status = lc_task_gram(&task, s->clf, s->threads, s->gram_seconds);
    }
    if (status == LC_OK) {
        status = search_task(g, &task, 1);
    }
    free(seen);
    lc_task_free(&task);
    return status;
}

/* held (folds): rows that each fold judged. */
static void sum_up(const lc_search *s, const size_t *held, const size_t *correct, lc_search_point *points, size_t *best)
{
    *best = 0;
    for (size_t p = 0; p < lc_grid_points(s->grid); p++) {
        double params[LC_CLF_MAX_PARAMS] = {0}, mean = 0, square = 0;
        lc_grid_point(s->grid, s->clf, p, params);
        for (size_t f = 0; f < s->folds; f++) {
            double accuracy = (double)correct[p * s->folds + f] / (double)held[f];
            mean += accuracy / (double)s->folds;
            square += accuracy * accuracy / (double)s->folds;
        }
        points[p] = (lc_search_point){.c = lc_clf_param_value(s->clf, params, "c"),
                                      .gamma = lc_clf_param_value(s->clf, params, "g"),
                                      .accuracy = mean,
                                      .deviation = sqrt(fmax(0, square - mean * mean))};
        const lc_search_point *b = &points[*best], *q = &points[p];
        double better = q->accuracy - b->accuracy; /* sums in another order may differ in the last digit */
        if (better > 1e-12 || (better > -1e-12 && (q->c < b->c || (q->c == b->c && q->gamma < b->gamma)))) {
            *best = p;
        }
    }
}

lc_status lc_search_run(const lc_search *s, lc_search_point *points, size_t *best)
{
    size_t count = lc_grid_points(s->grid), done_fits = 0;
    size_t *fold_of = NULL, *held = NULL, *correct = NULL;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    lc_status status = lc_alloc_raw(&fold_of, s->data->rows, sizeof *fold_of);
    if (status != LC_OK || (status = lc_alloc_array(&held, s->folds, sizeof *held)) != LC_OK ||
        (status = lc_alloc_array(&correct, count * s->folds, sizeof *correct)) != LC_OK ||
        (status = lc_folds_assign(s->data->labels, s->data->rows, s->data->classes, s->folds, s->seed, fold_of)) != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < s->data->rows; i++) {
        held[fold_of[i]]++;
    }
    fit_group g = {
        .search = s, .fold_of = fold_of, .correct = correct, .done = &done_fits, .total = count * s->folds, .lock = &lock};
    lc_progress("fits", 0, g.total);
    if (s->whole->transform.fitted) {
        for (size_t f = 0; f < s->folds && status == LC_OK; f++) {
            g.first_fold = f;
            status = search_fold(&g);
        }
    } else {
        status = search_task(&g, s->whole, s->folds);
    }
    if (status == LC_OK) {
        sum_up(s, held, correct, points, best);
    }
done:
    free(fold_of);
    free(held);
    free(correct);
    return status;
}
