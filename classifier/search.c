#include "classifier/search.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"

/* One kernel matrix, and the fits that share it: points [first_point, +point_count) on some folds. */
typedef struct {
    const lc_search *search;
    size_t first_point, point_count;
    const size_t *which; /* the folds given to the classifier, as numbers among all */
    size_t *correct;     /* (points, folds) */
    size_t done, total;
    pthread_mutex_t lock;
} fit_group;

static size_t fold_count(const lc_search *s)
{
    return s->folds ? s->folds->count : 1;
}

static lc_status judged(void *context, size_t index, const int32_t *labels)
{
    fit_group *g = context;
    const lc_search *s = g->search;
    size_t fold = g->which[index], folds = fold_count(s), points = lc_grid_points(s->grid), n = s->folds->folds[fold].judged_count;
    const size_t *rows = s->folds->folds[fold].judged;
    pthread_mutex_lock(&g->lock);
    for (size_t p = 0; p < g->point_count; p++) {
        size_t right = 0;
        for (size_t i = 0; i < n; i++) {
            right += labels[p * n + i] == s->data->labels[rows[i]];
        }
        g->correct[(g->first_point + p) * folds + fold] = right;
    }
    lc_status status = LC_OK;
    for (size_t p = g->first_point; s->journal && status == LC_OK && p < g->first_point + g->point_count; p++) {
        status = lc_journal_add(s->journal, fold * points + p, g->correct[p * folds + fold]);
    }
    if (s->journal && status == LC_OK) {
        status = lc_journal_flush(s->journal);
    }
    g->done += g->point_count;
    lc_progress("fits", g->done, g->total);
    pthread_mutex_unlock(&g->lock);
    return status;
}

/* Whether the journal has all points of the group on this fold; then they are taken from there. */
static bool known(fit_group *g, size_t fold)
{
    const lc_search *s = g->search;
    size_t folds = fold_count(s), points = lc_grid_points(s->grid);
    for (size_t p = g->first_point; p < g->first_point + g->point_count; p++) {
        if (!s->journal || !lc_journal_find(s->journal, fold * points + p, &g->correct[p * folds + fold])) {
            return false;
        }
    }
    g->done += g->point_count;
    return true;
}

static bool same_kernel(const lc_clf *clf, const double *a, const double *b)
{
    bool same = true;
    for (size_t p = 0; clf->params[p].name; p++) {
        same = same && (!clf->params[p].in_kernel || a[p] == b[p]);
    }
    return same;
}

/* How many points from `first` on share a kernel. */
static size_t group_size(const lc_search *s, size_t first)
{
    double one[LC_CLF_MAX_PARAMS] = {0}, next[LC_CLF_MAX_PARAMS] = {0};
    size_t n = 1, points = lc_grid_points(s->grid);
    lc_grid_point(s->grid, s->options->clf, first, one);
    for (; first + n < points; n++) {
        lc_grid_point(s->grid, s->options->clf, first + n, next);
        if (!same_kernel(s->options->clf, one, next)) {
            break;
        }
    }
    return n;
}

/* The points of the group, on the folds `which`. */
static lc_status fit_points(fit_group *g, const lc_task *task, const size_t *which, size_t count)
{
    const lc_search *s = g->search;
    const lc_clf *clf = s->options->clf;
    lc_clf_point *points = NULL;
    lc_clf_fold *folds = NULL;
    int32_t *labels = NULL;
    void *work = NULL;
    lc_status status;
    if ((status = lc_alloc_array(&points, g->point_count, sizeof *points)) != LC_OK ||
        (status = lc_alloc_array(&folds, count, sizeof *folds)) != LC_OK) {
        goto done;
    }
    for (size_t p = 0; p < g->point_count; p++) {
        lc_grid_point(s->grid, clf, g->first_point + p, points[p].values);
    }
    if ((status = clf->prepare(&work, &task->view, points[0].values, s->threads)) != LC_OK) {
        goto done;
    }
    if (s->folds) {
        for (size_t f = 0; f < count; f++) {
            folds[f] = s->folds->folds[which[f]];
        }
        g->which = which;
        status = clf->validate(work, points, g->point_count, folds, count, s->threads, judged, g);
    } else if ((status = lc_alloc_raw(&labels, g->point_count * s->data->rows, sizeof *labels)) == LC_OK) {
        status = clf->leave_one_out(work, points, g->point_count, s->threads, labels);
        for (size_t i = 0; status == LC_OK && i < g->point_count * s->data->rows; i++) {
            g->correct[g->first_point + i / s->data->rows] += labels[i] == s->data->labels[i % s->data->rows];
        }
    }
    clf->release(work);
done:
    free(points);
    free(folds);
    free(labels);
    return status;
}

/* All points on the folds `candidates` over one task, whose base is computed when the first of them needs it. */
static lc_status search_task(fit_group *g, lc_task *task, const size_t *candidates, size_t count)
{
    const lc_search *s = g->search;
    size_t points = lc_grid_points(s->grid), *which;
    LC_TRY(lc_alloc_raw(&which, count, sizeof *which));
    lc_status status = LC_OK;
    for (g->first_point = 0; g->first_point < points && status == LC_OK; g->first_point += g->point_count) {
        size_t left = 0;
        g->point_count = group_size(s, g->first_point);
        for (size_t f = 0; f < count; f++) {
            if (!known(g, candidates[f])) {
                which[left++] = candidates[f];
            }
        }
        if (left > 0 && (status = lc_task_base(task, s->options->clf, s->threads, s->gram_seconds)) == LC_OK) {
            status = fit_points(g, task, which, left);
        }
    }
    free(which);
    return status;
}

/* A fitted transform must not have seen the rows it is judged on: a task per fold, whose transform is learned from the
 * others. */
static lc_status search_fold(fit_group *g, size_t fold)
{
    const lc_search *s = g->search;
    lc_task task = {0};
    const lc_clf_fold *f = &s->folds->folds[fold];
    lc_status status = lc_task_init(&task, s->data, s->options, f->rows, f->count, s->threads);
    if (status == LC_OK) {
        status = search_task(g, &task, &fold, 1);
    }
    lc_task_free(&task);
    return status;
}

/* Whether every fit of this fold is in the journal, so that not even its rows need to be made ready. */
static bool fold_known(fit_group *g, size_t fold)
{
    size_t before = g->done;
    g->first_point = 0;
    g->point_count = lc_grid_points(g->search->grid);
    bool all = known(g, fold);
    g->done = all ? g->done : before;
    return all;
}

static bool simpler(const lc_clf *clf, const double *a, const double *b)
{
    for (size_t p = 0; clf->params[p].name; p++) {
        if (a[p] != b[p]) {
            return (a[p] < b[p]) != clf->params[p].simple_is_large;
        }
    }
    return false;
}

static void sum_up(const lc_search *s, const size_t *correct, lc_search_point *points, size_t *best)
{
    size_t folds = fold_count(s);
    *best = 0;
    for (size_t p = 0; p < lc_grid_points(s->grid); p++) {
        double mean = 0, square = 0;
        points[p] = (lc_search_point){0};
        lc_grid_point(s->grid, s->options->clf, p, points[p].values);
        for (size_t f = 0; f < folds; f++) {
            size_t held = s->folds ? s->folds->folds[f].judged_count : s->data->rows;
            double accuracy = (double)correct[p * folds + f] / (double)held;
            mean += accuracy / (double)folds;
            square += accuracy * accuracy / (double)folds;
        }
        points[p].accuracy = mean;
        points[p].deviation = sqrt(fmax(0, square - mean * mean));
        double better = mean - points[*best].accuracy; /* sums in another order may differ in the last digit */
        if (better > 1e-12 || (better > -1e-12 && simpler(s->options->clf, points[p].values, points[*best].values))) {
            *best = p;
        }
    }
}

lc_status lc_search_run(const lc_search *s, lc_search_point *points, size_t *best, size_t *resumed)
{
    size_t count = lc_grid_points(s->grid), folds = fold_count(s), *all = NULL;
    fit_group g = {.search = s, .total = count * folds, .lock = PTHREAD_MUTEX_INITIALIZER};
    lc_status status;
    *resumed = s->journal ? lc_journal_count(s->journal) : 0;
    if ((status = lc_alloc_array(&g.correct, count * folds, sizeof *g.correct)) != LC_OK ||
        (status = lc_alloc_raw(&all, folds, sizeof *all)) != LC_OK) {
        goto done;
    }
    for (size_t f = 0; f < folds; f++) {
        all[f] = f;
    }
    lc_progress("fits", 0, g.total);
    if (s->folds && s->whole->transform.fitted) {
        for (size_t f = 0; f < folds && status == LC_OK; f++) {
            status = fold_known(&g, f) ? LC_OK : search_fold(&g, f);
        }
    } else {
        status = search_task(&g, s->whole, all, folds);
    }
    if (status == LC_OK) {
        sum_up(s, g.correct, points, best);
    }
done:
    free(g.correct);
    free(all);
    return status;
}
