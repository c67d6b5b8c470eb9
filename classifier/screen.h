/*
 * Judging a layer without training on it: numbers that a layer's features and labels give in closed form, and how well
 * such a number orders layers.
 *
 *   LogME    the maximised evidence of Bayesian linear regression on class indicators, per row, mean over classes
 *            (You, Liu, Wang and Long, "LogME: practical assessment of pre-trained models for transfer learning", ICML 2021)
 *   H-score  tr(cov(f)^+ cov(E[f|y])) (Bao et al., "An information-theoretic approach to transferability in task transfer
 *            learning", ICIP 2019); with no more rows than features it is the number of classes - 1, whatever the features
 *   CKA      similarity of two layers by the Gram matrices of the same rows (Kornblith, Norouzi, Lee and Hinton,
 *            "Similarity of neural network representations revisited", ICML 2019, eq. 4 with linear kernels)
 *
 * x (rows, dim), labels (rows) 0..classes-1; classes without rows are passed over. All in float64.
 */
#ifndef LC_CLASSIFIER_SCREEN_H
#define LC_CLASSIFIER_SCREEN_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/threads.h"

/* LC_ERR_NOMEM when neither rows nor dim are small enough for a decomposition. */
LC_CHECKED lc_status lc_screen_logme(const float *x, size_t rows, size_t dim, const int32_t *labels, size_t classes,
                                     double *out, lc_threads *threads);
LC_CHECKED lc_status lc_screen_hscore(const float *x, size_t rows, size_t dim, const int32_t *labels, size_t classes,
                                      double *out, lc_threads *threads);

/* Linear CKA of two layers from their Gram matrices (rows, rows) of centred features (gram.h); 0 when one is constant. */
double lc_cka(const float *a, const float *b, size_t rows);

/*
 * Kendall's tau with hyperbolic additive weights, so that exchanges among the best count most, the mean of ranking by a
 * and by b (Vigna, "A weighted correlation index for rankings with ties", WWW 2015), as scipy.stats.weightedtau. NaN
 * where it is not defined: fewer than two values, or all equal.
 */
LC_CHECKED lc_status lc_weighted_tau(const double *a, const double *b, size_t count, double *out);

#endif
