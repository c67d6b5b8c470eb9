/*
 * Hyperparameters by cross-validation over a grid.
 */
#ifndef LC_CLASSIFIER_SEARCH_H
#define LC_CLASSIFIER_SEARCH_H

#include "classifier/classifier.h"
#include "classifier/clf.h"
#include "classifier/folds.h"
#include "classifier/hyper.h"
#include "classifier/journal.h"
#include "classifier/task.h"

typedef struct {
    const lc_dataset *data;
    const lc_task_options *options;
    const lc_grid *grid;
    lc_task *whole;        /* all rows; serves every fold when its transform is row-wise */
    const lc_folds *folds; /* NULL: leave-one-out */
    lc_journal *journal;   /* NULL: none */
    lc_threads *threads;
    lc_threads *jobs;      /* the pool that works on fits */
    double *gram_seconds; /* what kernel matrices of folds took is added */
} lc_search;

/*
 * Of rows with several labels: a point's accuracy is the mean over folds and classes of average precision, and own (classes) gets the
 * best point of each class among those of one kernel, the one where these are best on average; *own_mean: their mean.
 *
 * Accuracy of every point of the grid: the mean of the folds' accuracies on the rows they did not see, as scikit-learn's
 * GridSearchCV has it; the deviation is theirs (population). best: the most accurate; of equals the smallest C, then the
 * smallest gamma (the simpler machine). points (lc_grid_points(grid)) is filled; resumed: fits that the journal knew.
 */
LC_CHECKED lc_status lc_search_run(const lc_search *search, lc_search_point *points, size_t *best, size_t *own,
                                   double *own_mean, size_t *resumed);

#endif
