/*
 * Which rows are held out when: folds of a cross-validation.
 */
#ifndef LC_CLASSIFIER_FOLDS_H
#define LC_CLASSIFIER_FOLDS_H

#include <stddef.h>
#include <stdint.h>

#include "classifier/clf.h"
#include "common/error.h"

/*
 * fold_of (rows): which fold holds a row out, 0..folds-1. Folds differ by at most one row in all and one row per class.
 * Seed 0: scikit-learn's StratifiedKFold, rows in order; another seed shuffles each class's rows first. A function of
 * labels, folds and seed alone.
 */
LC_CHECKED lc_status lc_folds_assign(const int32_t *labels, size_t rows, size_t classes, size_t folds, uint64_t seed,
                                     size_t *fold_of);

/*
 * The same with groups (rows) that must not be torn: those whose classes differ most in number first, each to the fold where
 * the shares of the classes stay most even, as scikit-learn's StratifiedGroupKFold. LC_ERR_ARG with fewer groups than folds.
 */
LC_CHECKED lc_status lc_folds_assign_groups(const int32_t *labels, const char *const *groups, size_t rows, size_t classes,
                                            size_t folds, uint64_t seed, size_t *fold_of);

/*
 * Rows of several labels, indicator (rows, classes): the rarest label first, each of its rows to the fold that wants that label
 * most, so that every label is shared out evenly: Sechidis, Tsoumakas, Vlahavas, "On the stratification of multi-label data",
 * ECML 2011. Folds differ in size by a few rows; seed 0 keeps rows in order, another shuffles them.
 */
LC_CHECKED lc_status lc_folds_assign_labels(const uint8_t *indicator, size_t rows, size_t classes, size_t folds,
                                            uint64_t seed, size_t *fold_of);

/* Repeated folds, ready to be worked on: fold f of repeat r is folds[r * per_repeat + f]. */
typedef struct {
    size_t count, per_repeat, rows;
    size_t *fold_of;   /* (repeats, rows) */
    lc_clf_fold *folds; /* (count) */
    size_t *storage;
} lc_folds;

/*
 * groups and indicator may be NULL; with groups, the first label of a row decides. Repeat 0 has `seed`, the others seeds made
 * of it. Release with lc_folds_free, also after a failure.
 */
LC_CHECKED lc_status lc_folds_make(lc_folds *out, const int32_t *labels, const uint8_t *indicator, const char *const *groups,
                                   size_t rows, size_t classes, size_t folds, size_t repeats, uint64_t seed);
void lc_folds_free(lc_folds *folds);

#endif
