/*
 * X'X of rows, decomposed once. The Hessian of a linear fit is penalty + X'DX, D the rows' weights; penalty + share X'X, with the mean of
 * D for the share, is near it and can be divided by for any penalty and share at the cost of two products: a preconditioner.
 */
#ifndef LC_CLASSIFIER_CURVATURE_H
#define LC_CLASSIFIER_CURVATURE_H

#include <stddef.h>

#include "common/error.h"
#include "common/threads.h"

typedef struct lc_curvature lc_curvature;

/* Of x (rows, dim) less its mean (dim). *out is the caller's; lc_curvature_free takes NULL. */
LC_CHECKED lc_status lc_curvature_new(lc_curvature **out, const float *x, size_t rows, size_t dim, const double *mean,
                                      lc_threads *threads);
void lc_curvature_free(lc_curvature *curvature);

/* v (dim, columns) becomes (penalty + share X'X)^-1 v. scratch (2, dim, columns). */
void lc_curvature_divide(const lc_curvature *curvature, double penalty, double share, double *v, size_t columns,
                         float *scratch);

/* Memory at its peak while one is made, and while it is kept. */
double lc_curvature_bytes(size_t dim, double *kept);

#endif
