#include "classifier/search.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/metrics.h"
#include "common/log.h"
#include "common/memory.h"

/* One kernel matrix, and the fits that share it: points [first_point, +point_count) on some folds. */
typedef struct {
    const lc_search *search;
    size_t first_point, point_count;
    const size_t *which; /* the folds given to the classifier, as numbers among all */
    double *found;       /* (points, folds, measures): rows judged right; of several labels each class's average precision */
    size_t measures;     /* 1, or the classes */
    size_t done, total;
    pthread_mutex_t lock;
} fit_group;

static size_t fold_count(const lc_search *s)
{
    return s->folds ? s->folds->count : 1;
}

static double *found_at(const fit_group *g, size_t point, size_t fold)
{
    return g->found + (point * fold_count(g->search) + fold) * g->measures;
}

/* Of one point on one fold; decisions (judged, classes). */
static lc_status measure_labels(const fit_group *g, const lc_clf_fold *fold, const double *decisions, double *out)
{
    const lc_dataset *d = g->search->data;
    double *scores, eleven;
    uint8_t *positive = NULL;
    LC_TRY(lc_alloc_raw(&scores, fold->judged_count, sizeof *scores));
    lc_status status = lc_alloc_raw(&positive, fold->judged_count, sizeof *positive);
    for (size_t k = 0; k < d->classes && status == LC_OK; k++) {
        for (size_t i = 0; i < fold->judged_count; i++) {
            scores[i] = decisions[i * d->classes + k];
            positive[i] = d->indicator[fold->judged[i] * d->classes + k];
        }
        status = lc_average_precision(scores, positive, 1, fold->judged_count, &out[k], &eleven);
    }
    free(scores);
    free(positive);
    return status;
}

static lc_status measure(fit_group *g, size_t fold, const int32_t *labels, const double *decisions)
{
    const lc_search *s = g->search;
    const lc_clf_fold *f = &s->folds->folds[fold];
    for (size_t p = 0; p < g->point_count; p++) {
        double *out = found_at(g, g->first_point + p, fold);
        for (size_t i = 0; labels && i < f->judged_count; i++) {
            *out += labels[p * f->judged_count + i] == s->data->labels[f->judged[i]];
        }
        if (decisions) {
            LC_TRY(measure_labels(g, f, decisions + p * f->judged_count * s->data->classes, out));
        }
    }
    return LC_OK;
}

/* A number for the journal: whole ones as they are, others by their bits; NaN, a class without rows, as -1's. */
static size_t to_journal(const fit_group *g, double found)
{
    uint64_t bits;
    found = isnan(found) ? -1 : found;
    memcpy(&bits, &found, sizeof bits);
    return g->search->data->indicator ? bits : (size_t)found;
}

static double from_journal(const fit_group *g, size_t value)
{
    uint64_t bits = value;
    double found;
    memcpy(&found, &bits, sizeof found);
    return !g->search->data->indicator ? (double)value : found >= 0 && found <= 1 ? found : NAN;
}

/* The journal's number of a measure. */
static size_t number_of(const fit_group *g, size_t point, size_t fold, size_t m)
{
    return (fold * lc_grid_points(g->search->grid) + point) * g->measures + m;
}

static lc_status judged(void *context, size_t index, const int32_t *labels, const double *decisions)
{
    fit_group *g = context;
    const lc_search *s = g->search;
    size_t fold = g->which[index];
    lc_status status = measure(g, fold, labels, decisions);
    pthread_mutex_lock(&g->lock);
    for (size_t p = g->first_point; s->journal && p < g->first_point + g->point_count; p++) {
        for (size_t m = 0; m < g->measures && status == LC_OK; m++) {
            status = lc_journal_add(s->journal, number_of(g, p, fold, m), to_journal(g, found_at(g, p, fold)[m]));
        }
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
    for (size_t p = g->first_point; p < g->first_point + g->point_count; p++) {
        for (size_t m = 0; m < g->measures; m++) {
            size_t value;
            if (!s->journal || !lc_journal_find(s->journal, number_of(g, p, fold, m), &value)) {
                return false;
            }
            found_at(g, p, fold)[m] = from_journal(g, value);
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
        status = clf->validate(work, points, g->point_count, folds, count, s->jobs, judged, g);
    } else if ((status = lc_alloc_raw(&labels, g->point_count * s->data->rows, sizeof *labels)) == LC_OK) {
        status = clf->leave_one_out(work, points, g->point_count, s->threads, labels);
        for (size_t i = 0; status == LC_OK && i < g->point_count * s->data->rows; i++) {
            *found_at(g, g->first_point + i / s->data->rows, 0) += labels[i] == s->data->labels[i % s->data->rows];
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

/* What a fold says of a point: the share of rows judged right, or the mean over classes of average precision. */
static double fold_accuracy(const fit_group *g, size_t point, size_t fold)
{
    const lc_search *s = g->search;
    const double *found = found_at(g, point, fold);
    double sum = 0, n = 0;
    if (!s->data->indicator) {
        return *found / (double)(s->folds ? s->folds->folds[fold].judged_count : s->data->rows);
    }
    for (size_t k = 0; k < g->measures; k++) {
        sum += isnan(found[k]) ? 0 : found[k];
        n += !isnan(found[k]);
    }
    return n > 0 ? sum / n : 0;
}

static bool better(const lc_search *s, double gain, const lc_search_point *a, const lc_search_point *b)
{
    /* Sums in another order may differ in the last digit. */
    return gain > 1e-12 || (gain > -1e-12 && simpler(s->options->clf, a->values, b->values));
}

static void sum_up(const fit_group *g, lc_search_point *points, size_t *best)
{
    const lc_search *s = g->search;
    size_t folds = fold_count(s);
    *best = 0;
    for (size_t p = 0; p < lc_grid_points(s->grid); p++) {
        double mean = 0, square = 0;
        points[p] = (lc_search_point){0};
        lc_grid_point(s->grid, s->options->clf, p, points[p].values);
        for (size_t f = 0; f < folds; f++) {
            double accuracy = fold_accuracy(g, p, f);
            mean += accuracy / (double)folds;
            square += accuracy * accuracy / (double)folds;
        }
        points[p].accuracy = mean;
        points[p].deviation = sqrt(fmax(0, square - mean * mean));
        *best = better(s, mean - points[*best].accuracy, &points[p], &points[*best]) ? p : *best;
    }
}

/* Mean over folds of a class's average precision; folds without its rows do not count. */
static double class_mean(const fit_group *g, size_t point, size_t k)
{
    double sum = 0, n = 0;
    for (size_t f = 0; f < fold_count(g->search); f++) {
        double found = found_at(g, point, f)[k];
        sum += isnan(found) ? 0 : found;
        n += !isnan(found);
    }
    return n > 0 ? sum / n : 0;
}

/* own (classes) and *own_mean, see the header. Points of one kernel stand together. */
static lc_status choose_own(fit_group *g, const lc_search_point *points, size_t *best, size_t *own, double *own_mean)
{
    const lc_search *s = g->search;
    size_t *mine, classes = s->data->classes;
    LC_TRY(lc_alloc_raw(&mine, classes, sizeof *mine));
    *own_mean = -1;
    for (size_t first = 0, n; first < lc_grid_points(s->grid); first += n) {
        double mean = 0;
        size_t joint = first;
        n = group_size(s, first);
        for (size_t k = 0; k < classes; k++) {
            double most = 0;
            mine[k] = first;
            for (size_t p = first; p < first + n; p++) {
                double value = class_mean(g, p, k);
                if (p == first || better(s, value - most, &points[p], &points[mine[k]])) {
                    most = value;
                    mine[k] = p;
                }
            }
            mean += most / (double)classes;
        }
        for (size_t p = first; p < first + n; p++) {
            joint = better(s, points[p].accuracy - points[joint].accuracy, &points[p], &points[joint]) ? p : joint;
        }
        if (mean > *own_mean + 1e-12) {
            *own_mean = mean;
            *best = joint;
            memcpy(own, mine, classes * sizeof *own);
        }
    }
    free(mine);
    return LC_OK;
}

lc_status lc_search_run(const lc_search *s, lc_search_point *points, size_t *best, size_t *own, double *own_mean,
                        size_t *resumed)
{
    size_t count = lc_grid_points(s->grid), folds = fold_count(s), *all = NULL;
    fit_group g = {.search = s,
                   .total = count * folds,
                   .measures = s->data->indicator ? s->data->classes : 1,
                   .lock = PTHREAD_MUTEX_INITIALIZER};
    lc_status status;
    *resumed = s->journal ? lc_journal_count(s->journal) / g.measures : 0;
    if ((status = lc_alloc_array(&g.found, count * folds * g.measures, sizeof *g.found)) != LC_OK ||
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
        sum_up(&g, points, best);
    }
    if (status == LC_OK && s->data->indicator) {
        status = choose_own(&g, points, best, own, own_mean);
    }
done:
    free(g.found);
    free(all);
    return status;
}
