/*
 * Rows made ready for fits: transformed, and with the base of their kernel matrix when the classifier wants one.
 */
#ifndef LC_CLASSIFIER_TASK_H
#define LC_CLASSIFIER_TASK_H

#include "classifier/classifier.h"
#include "classifier/clf.h"
#include "classifier/transform.h"

typedef struct {
    const lc_clf *clf;
    const char *norm, *kernel;
    const double *class_weight; /* (classes) */
    bool one_vs_rest;
    uint64_t seed;
} lc_task_options;

typedef struct {
    lc_transform transform;
    lc_clf_task view; /* what a classifier sees; its arrays below belong to this */
    float *x, *base;
    double *centre;
} lc_task;

/*
 * All rows of `data`, transformed as learned from rows[0..count). The options' class weights and the dataset's labels must
 * live as long as the task. Release with lc_task_free, also after a failure.
 */
LC_CHECKED lc_status lc_task_init(lc_task *task, const lc_dataset *data, const lc_task_options *options, const size_t *rows,
                                  size_t count, lc_threads *threads);
/* Computes the base of the kernel matrix if `clf` wants one and it is not there yet; adds the time to *seconds. */
LC_CHECKED lc_status lc_task_base(lc_task *task, const lc_clf *clf, lc_threads *threads, double *seconds);
void lc_task_free(lc_task *task);

/* 1 / (dim * variance of all transformed values), the natural unit of a kernel's gamma; 1 when they are all equal. */
double lc_task_scale(const lc_task *task);

#endif
