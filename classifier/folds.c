#include "classifier/folds.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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

/* Several labels ------------------------------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *indicator;
    size_t rows, classes, folds;
    size_t *order;                  /* (rows) those without a fold, in the order they are dealt */
    size_t left;
    size_t *rest;                   /* (classes) rows of each label among them */
    double *wants, *room;           /* (folds, classes) and (folds): shares that are still to come */
} label_deal;

/* The label with the fewest rows left; classes when none has any. */
static size_t rarest(const label_deal *d)
{
    size_t best = d->classes;
    for (size_t k = 0; k < d->classes; k++) {
        if (d->rest[k] > 0 && (best == d->classes || d->rest[k] < d->rest[best])) {
            best = k;
        }
    }
    return best;
}

/* The fold that wants label k most, of equals that with the most room; k = classes: by room alone. */
static size_t neediest(const label_deal *d, size_t k)
{
    size_t best = 0;
    for (size_t f = 1; f < d->folds; f++) {
        double more = k < d->classes ? d->wants[f * d->classes + k] - d->wants[best * d->classes + k] : 0;
        if (more > 1e-9 || (more > -1e-9 && d->room[f] > d->room[best] + 1e-9)) {
            best = f;
        }
    }
    return best;
}

static void deal(label_deal *d, size_t row, size_t fold, size_t *fold_of)
{
    fold_of[row] = fold;
    d->room[fold] -= 1;
    for (size_t k = 0; k < d->classes; k++) {
        if (d->indicator[row * d->classes + k]) {
            d->wants[fold * d->classes + k] -= 1;
            d->rest[k]--;
        }
    }
}

lc_status lc_folds_assign_labels(const uint8_t *indicator, size_t rows, size_t classes, size_t folds, uint64_t seed,
                                 size_t *fold_of)
{
    label_deal d = {.indicator = indicator, .rows = rows, .classes = classes, .folds = folds, .left = rows};
    lc_status status;
    if ((status = lc_alloc_raw(&d.order, rows, sizeof *d.order)) != LC_OK ||
        (status = lc_alloc_array(&d.rest, classes, sizeof *d.rest)) != LC_OK ||
        (status = lc_alloc_array(&d.wants, folds * classes, sizeof *d.wants)) != LC_OK ||
        (status = lc_alloc_array(&d.room, folds, sizeof *d.room)) != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < rows; i++) {
        d.order[i] = i;
        for (size_t k = 0; k < classes; k++) {
            d.rest[k] += indicator[i * classes + k];
        }
    }
    for (size_t f = 0; f < folds; f++) {
        d.room[f] = (double)rows / (double)folds;
        for (size_t k = 0; k < classes; k++) {
            d.wants[f * classes + k] = (double)d.rest[k] / (double)folds;
        }
    }
    if (seed) {
        lc_rng rng = lc_rng_new(seed, 0);
        lc_rng_shuffle(&rng, d.order, rows);
    }
    while (d.left > 0) {
        size_t k = rarest(&d), kept = 0;
        for (size_t i = 0; i < d.left; i++) {
            size_t row = d.order[i];
            if (k == classes || indicator[row * classes + k]) {
                deal(&d, row, neediest(&d, k), fold_of);
            } else {
                d.order[kept++] = row;
            }
        }
        d.left = kept;
    }
done:
    free(d.order);
    free(d.rest);
    free(d.wants);
    free(d.room);
    return status;
}

/* Groups ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    size_t row;
} named_row;

static int by_name(const void *a, const void *b)
{
    const named_row *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* group_of (rows): numbers in byte order of the names. */
static lc_status number_groups(const char *const *groups, size_t rows, size_t *group_of, size_t *count)
{
    named_row *items;
    LC_TRY(lc_alloc_raw(&items, rows, sizeof *items));
    for (size_t i = 0; i < rows; i++) {
        items[i] = (named_row){groups[i], i};
    }
    qsort(items, rows, sizeof *items, by_name);
    *count = 0;
    for (size_t i = 0; i < rows; i++) {
        *count += i == 0 || strcmp(items[i].name, items[i - 1].name) != 0;
        group_of[items[i].row] = *count - 1;
    }
    free(items);
    return LC_OK;
}

typedef struct {
    size_t rows, classes, folds, groups;
    size_t *group_of;           /* (rows) */
    size_t *in_group, *in_fold; /* (groups, classes) and (folds, classes): rows of each class */
    size_t *in_all;             /* (classes) */
    size_t *order, *home;       /* (groups): as they are dealt; the fold of each */
    double *spread;             /* (groups): variance of its classes' rows, what it disturbs */
} group_deal;

static lc_status group_deal_new(group_deal *d, const char *const *groups)
{
    LC_TRY(lc_alloc_raw(&d->group_of, d->rows, sizeof *d->group_of));
    LC_TRY(number_groups(groups, d->rows, d->group_of, &d->groups));
    if (d->groups < d->folds) {
        return lc_fail(LC_ERR_ARG, "%zu folds of %zu groups make no sense; 2 to %zu do", d->folds, d->groups, d->groups);
    }
    LC_TRY(lc_alloc_array(&d->in_group, d->groups * d->classes, sizeof *d->in_group));
    LC_TRY(lc_alloc_array(&d->in_fold, d->folds * d->classes, sizeof *d->in_fold));
    LC_TRY(lc_alloc_array(&d->in_all, d->classes, sizeof *d->in_all));
    LC_TRY(lc_alloc_raw(&d->order, d->groups, sizeof *d->order));
    LC_TRY(lc_alloc_raw(&d->home, d->groups, sizeof *d->home));
    return lc_alloc_array(&d->spread, d->groups, sizeof *d->spread);
}

static void group_deal_free(group_deal *d)
{
    free(d->group_of);
    free(d->in_group);
    free(d->in_fold);
    free(d->in_all);
    free(d->order);
    free(d->home);
    free(d->spread);
}

static void count_classes(group_deal *d, const int32_t *labels)
{
    for (size_t i = 0; i < d->rows; i++) {
        d->in_group[d->group_of[i] * d->classes + (size_t)labels[i]]++;
        d->in_all[labels[i]]++;
    }
    for (size_t g = 0; g < d->groups; g++) {
        double mean = 0, square = 0;
        for (size_t k = 0; k < d->classes; k++) {
            double n = (double)d->in_group[g * d->classes + k];
            mean += n / (double)d->classes;
            square += n * n / (double)d->classes;
        }
        d->spread[g] = fmax(0, square - mean * mean);
    }
}

/* Those that disturb most while there is room to make up for it; equals in the order of their numbers, or shuffled. */
static void order_groups(group_deal *d, uint64_t seed)
{
    for (size_t g = 0; g < d->groups; g++) {
        d->order[g] = g;
    }
    if (seed) {
        lc_rng rng = lc_rng_new(seed, 0);
        lc_rng_shuffle(&rng, d->order, d->groups);
    }
    for (size_t i = 1; i < d->groups; i++) { /* insertion, which is stable */
        size_t g = d->order[i], at = i;
        for (; at > 0 && d->spread[d->order[at - 1]] < d->spread[g]; at--) {
            d->order[at] = d->order[at - 1];
        }
        d->order[at] = g;
    }
}

/* Sum over classes of the deviation of their shares over folds, with a group of `own` (classes) rows added to fold f. */
static double unevenness(const group_deal *d, const size_t *own, size_t f)
{
    double sum = 0;
    for (size_t k = 0; k < d->classes; k++) {
        double mean = 0, square = 0;
        for (size_t g = 0; d->in_all[k] && g < d->folds; g++) {
            double share = (double)(d->in_fold[g * d->classes + k] + (g == f ? own[k] : 0)) / (double)d->in_all[k];
            mean += share / (double)d->folds;
            square += share * share / (double)d->folds;
        }
        sum += sqrt(fmax(0, square - mean * mean));
    }
    return sum;
}

/* The fold that a group of `own` (classes) rows leaves most even; of equals the smallest. */
static size_t evenest(const group_deal *d, const size_t *own)
{
    double least = DBL_MAX;
    size_t least_rows = 0, best = 0;
    for (size_t f = 0; f < d->folds; f++) {
        double value = unevenness(d, own, f);
        size_t in = 0;
        for (size_t k = 0; k < d->classes; k++) {
            in += d->in_fold[f * d->classes + k];
        }
        if (value < least - 1e-12 || (value < least + 1e-12 && in < least_rows)) {
            least = value;
            least_rows = in;
            best = f;
        }
    }
    return best;
}

lc_status lc_folds_assign_groups(const int32_t *labels, const char *const *groups, size_t rows, size_t classes,
                                 size_t folds, uint64_t seed, size_t *fold_of)
{
    group_deal d = {.rows = rows, .classes = classes, .folds = folds};
    lc_status status = group_deal_new(&d, groups);
    if (status != LC_OK) {
        goto done;
    }
    count_classes(&d, labels);
    order_groups(&d, seed);
    for (size_t i = 0; i < d.groups; i++) {
        const size_t *own = d.in_group + d.order[i] * classes;
        size_t fold = evenest(&d, own);
        d.home[d.order[i]] = fold;
        for (size_t k = 0; k < classes; k++) {
            d.in_fold[fold * classes + k] += own[k];
        }
    }
    for (size_t i = 0; i < rows; i++) {
        fold_of[i] = d.home[d.group_of[i]];
    }
done:
    group_deal_free(&d);
    return status;
}

/* Repeats --------------------------------------------------------------------------------------------------------- */

void lc_folds_free(lc_folds *f)
{
    free(f->fold_of);
    free(f->folds);
    free(f->storage);
    *f = (lc_folds){0};
}

lc_status lc_folds_make(lc_folds *out, const int32_t *labels, const uint8_t *indicator, const char *const *groups, size_t rows,
                        size_t classes, size_t folds, size_t repeats, uint64_t seed)
{
    *out = (lc_folds){.count = folds * repeats, .per_repeat = folds, .rows = rows};
    LC_TRY(lc_alloc_raw(&out->fold_of, repeats * rows, sizeof *out->fold_of));
    LC_TRY(lc_alloc_array(&out->folds, out->count, sizeof *out->folds));
    LC_TRY(lc_alloc_raw(&out->storage, out->count * rows, sizeof *out->storage));
    for (size_t r = 0; r < repeats; r++) {
        uint64_t own = r ? lc_rng_mix(seed + r) | 1 : seed;
        size_t *fold_of = out->fold_of + r * rows;
        LC_TRY(groups      ? lc_folds_assign_groups(labels, groups, rows, classes, folds, own, fold_of)
               : indicator ? lc_folds_assign_labels(indicator, rows, classes, folds, own, fold_of)
                           : lc_folds_assign(labels, rows, classes, folds, own, fold_of));
        for (size_t f = 0; f < folds; f++) {
            lc_clf_fold *fold = &out->folds[r * folds + f];
            size_t *seen = out->storage + (r * folds + f) * rows, at = 0;
            for (size_t i = 0; i < rows; i++) {
                fold->count += fold_of[i] != f;
            }
            fold->judged_count = rows - fold->count;
            fold->rows = seen;
            fold->judged = seen + fold->count;
            for (size_t i = 0, j = fold->count; i < rows; i++) {
                seen[fold_of[i] != f ? at++ : j++] = i;
            }
        }
    }
    return LC_OK;
}
