/*
 * Hyperparameters by stratified k-fold cross-validation over a grid.
 */
#ifndef LC_CLASSIFIER_SEARCH_H
#define LC_CLASSIFIER_SEARCH_H

#include "classifier/classifier.h"
#include "classifier/clf.h"
#include "classifier/hyper.h"
#include "classifier/task.h"

/*
 * fold_of (rows): which fold holds a row out, 0..folds-1. Folds differ by at most one row in all and one row per class.
 * Seed 0: scikit-learn's StratifiedKFold, rows in order; another seed shuffles each class's rows first. A function of
 * labels, folds and seed alone.
 */
LC_CHECKED lc_status lc_folds_assign(const int32_t *labels, size_t rows, size_t classes, size_t folds, uint64_t seed,
                                     size_t *fold_of);

typedef struct {
    const lc_dataset *data;
    const lc_clf *clf;
    const lc_grid *grid;
    lc_task *whole; /* all rows; serves every fold when its transform is row-wise */
    size_t folds;
    uint64_t seed;
    lc_threads *threads;
    double *gram_seconds; /* what Gram matrices of folds took is added */
} lc_search;

/*
 * Accuracy of every point of the grid: the mean of the folds' accuracies on the rows they did not see, as scikit-learn's
 * GridSearchCV has it; the deviation is theirs (population). best: the most accurate; of equals the smallest C, then the
 * smallest gamma (the simpler machine). points (lc_grid_points(grid)) is filled.
 */
LC_CHECKED lc_status lc_search_run(const lc_search *search, lc_search_point *points, size_t *best);

#endif
