/*
 * Means of the classes that a fit sees, for lda and centroid.
 */
#ifndef LC_CLASSIFIER_CLASS_MEANS_H
#define LC_CLASSIFIER_CLASS_MEANS_H

#include "classifier/clf.h"

typedef struct {
    size_t present;          /* classes that have rows */
    int32_t *labels, *index; /* (present), (classes): lc_present_classes */
    double *means;           /* (classes, dim), 0 for a class without rows */
    double *shares;          /* (present) of the rows */
} lc_class_means;

/* Of rows[0..count). Release with lc_class_means_free, also after a failure. */
LC_CHECKED lc_status lc_class_means_init(lc_class_means *out, const lc_clf_task *task, const size_t *rows, size_t count);
void lc_class_means_free(lc_class_means *means);

#endif
