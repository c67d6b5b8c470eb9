/*
 * Second moments of rows, in float64: what PCA, ridge regression and discriminant analysis are made of.
 */
#ifndef LC_CLASSIFIER_COVARIANCE_H
#define LC_CLASSIFIER_COVARIANCE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/threads.h"

/* mean (dim) of rows[0..count) of x (.., dim). */
void lc_mean(const float *x, size_t dim, const size_t *rows, size_t count, double *mean);

/*
 * out (dim, dim) = sum over rows of (x - m) (x - m)'. m is means (.., dim), row group[i] for rows[i], or its row 0 for all
 * with group NULL. The same bytes for any pool.
 */
LC_CHECKED lc_status lc_scatter(const float *x, size_t dim, const size_t *rows, size_t count, const double *means,
                                const int32_t *group, double *out, lc_threads *threads);
/* out (count, count) = inner products of rows less `mean` (dim). */
LC_CHECKED lc_status lc_inner(const float *x, size_t dim, const size_t *rows, size_t count, const double *mean, double *out,
                              lc_threads *threads);

#endif
