/*
 * A trained linear classifier, one weight vector per class: what linear, logreg, ridge, lda and centroid leave behind.
 */
#ifndef LC_CLASSIFIER_LINEAR_MACHINE_H
#define LC_CLASSIFIER_LINEAR_MACHINE_H

#include "classifier/clf.h"

typedef struct {
    size_t classes, present, dim; /* present: classes that had rows */
    int32_t *labels;              /* (present) ascending */
    float *weights;               /* (present, dim) */
    double *bias;                 /* (present) score = <weights, x> + bias */
} lc_linear_machine;

/* labels (present) of a task's rows[0..count), ascending; index (classes): their place among these, -1. Of rows of several
 * labels a class is present that has rows and others. */
size_t lc_present_classes(const lc_clf_task *task, const size_t *rows, size_t count, int32_t *labels, int32_t *index);

/* Arrays of these sizes, zeroed. *out is the caller's. */
LC_CHECKED lc_status lc_linear_machine_new(lc_linear_machine **out, size_t classes, size_t present, size_t dim);

/* The functions of lc_clf (clf.h) for a model that is such a machine. */
void lc_linear_machine_free(void *model);
lc_status lc_linear_machine_scores(const void *model, const float *x, int32_t *labels, float *scores);
lc_status lc_linear_machine_save(const void *model, lc_h5 *file);
lc_status lc_linear_machine_load(void **model, lc_h5 *file, const char *kernel, size_t dim, size_t classes,
                                 const double *params);
lc_status lc_linear_machine_weights(const void *model, size_t classes, float *weights, double *bias);

/*
 * A classifier whose fits of the same rows, at whatever parameters, share what is found out of the rows once: the base.
 * free also after init has failed. solve makes the machine that these parameters give.
 */
typedef struct {
    size_t base_size;
    lc_status (*init)(void *base, const lc_clf_task *task, const size_t *rows, size_t count, lc_threads *threads);
    void (*free)(void *base);
    lc_status (*solve)(const void *base, const double *params, lc_linear_machine **out);
} lc_linear_solver;

/* The work of classifiers that need no more than the task, and who makes their machines where they have a solver. */
typedef struct {
    const lc_clf_task *task;
    const lc_linear_solver *solver;
} lc_linear_work;

/* prepare() and release() of lc_clf: without a solver; prepare() of one that has one calls the second. */
lc_status lc_linear_prepare(void **work, const lc_clf_task *task, const double *params, lc_threads *threads);
LC_CHECKED lc_status lc_linear_prepare_solver(void **work, const lc_clf_task *task, const lc_linear_solver *solver);
void lc_linear_release(void *work);

/* validate() and train() of lc_clf by the solver. */
LC_CHECKED lc_status lc_linear_validate(const void *work, const lc_clf_point *points, size_t count, const lc_clf_fold *folds,
                                        size_t fold_count, lc_threads *threads, lc_clf_judged judged, void *context);
LC_CHECKED lc_status lc_linear_train(void **model, const void *work, const double *params, const size_t *rows, size_t count,
                                     lc_threads *threads, int32_t *labels);

/* scores (classes) of one row: those that were trained as given, others below them; the first of the largest wins, lifted
 * above its equals. decisions (present). */
int32_t lc_take_largest(const int32_t *labels, size_t present, size_t classes, const double *decisions, float *scores);

#endif
