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
 * fold_of (rows): which fold holds a row out, 0..folds-1. Each class's rows are shuffled and dealt round-robin; the next
 * class goes on where the last one stopped, so that folds differ by at most one row in all and one row per class. A
 * function of labels, folds and seed alone.
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
 * Accuracy of every point of the grid: over all rows, each judged by the fit that did not see it; the deviation is that of
 * the folds' accuracies (population). best: the most accurate; of equals the smallest C, then the smallest gamma (the
 * simpler machine). points (lc_grid_points(grid)) is filled.
 */
LC_CHECKED lc_status lc_search_run(const lc_search *search, lc_search_point *points, size_t *best);

#endif
