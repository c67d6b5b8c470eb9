/*
 * Scores -> probabilities, fitted on scores of rows that the classifier had not seen.
 *
 *   temperature   softmax(scores / T); T > 0 by maximum likelihood. Guo et al., "On calibration of modern neural networks",
 *                 ICML 2017
 *   platt         two classes: P(class 1) = 1 / (1 + exp(-(a f + b))), f the difference of their scores; more: each class
 *                 against the others with one a and b for all, then divided by their sum. Platt 1999, with the smoothed targets
 *                 and Newton's method of Lin, Lin and Weng, "A note on Platt's probabilistic outputs", 2007
 *
 * The predicted class stays what it is: where b would give another one more than half, the predicted one is lifted just
 * above it.
 */
#ifndef LC_CLASSIFIER_CALIBRATE_H
#define LC_CLASSIFIER_CALIBRATE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

typedef enum { LC_CALIBRATE_NONE, LC_CALIBRATE_TEMPERATURE, LC_CALIBRATE_PLATT } lc_calibration_kind;

typedef struct {
    lc_calibration_kind kind;
    double a, b; /* temperature: a = 1 / T */
} lc_calibration;

/* "temperature", "platt"; NULL or "": none. LC_ERR_ARG lists them. */
LC_CHECKED lc_status lc_calibration_parse(lc_calibration *out, const char *name);
const char *lc_calibration_name(const lc_calibration *c);

/* scores (rows, classes) and truth (rows) of held out rows. */
void lc_calibration_fit(lc_calibration *c, const float *scores, const int32_t *truth, size_t rows, size_t classes);
/* scores (rows, classes) become probabilities; labels (rows) are the predicted classes. */
void lc_calibration_apply(const lc_calibration *c, const int32_t *labels, float *scores, size_t rows, size_t classes);

#endif
