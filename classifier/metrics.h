/*
 * The numbers behind lc_metrics: computed by metrics.c, printed by metrics_text.c.
 */
#ifndef LC_CLASSIFIER_METRICS_H
#define LC_CLASSIFIER_METRICS_H

#include "classifier/classifier.h"

typedef struct {
    size_t support, predicted; /* rows of this class; rows called so */
    double precision, recall, f1;
    double ap, ap11; /* average precision: area, 11 points; NaN without scores or rows */
} lc_class_metrics;

struct lc_metrics {
    lc_metrics_summary summary;
    size_t classes;
    char **names;
    lc_class_metrics *per_class; /* (classes) */
    size_t *confusion;           /* (classes, classes): truth, predicted */
    struct {
        size_t rows, correct;
        double confidence;           /* mean of the predicted classes' probabilities */
    } bins[LC_RELIABILITY_BINS];     /* by that probability; empty without probabilities */
};

/*
 * Average precision of n scores, positive[i * stride] telling which are of the class: the area under its curve, and the 11-point
 * form; NaN when none is.
 */
LC_CHECKED lc_status lc_average_precision(const double *scores, const uint8_t *positive, size_t stride, size_t n, double *ap,
                                          double *ap11);

/* The bootstrap's intervals of s. */
LC_CHECKED lc_status lc_bootstrap(lc_metrics_summary *s, size_t rows, size_t classes, const int32_t *truth,
                                  const int32_t *predicted);

#endif
