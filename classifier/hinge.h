/*
 * The squared hinge of one class to its minimum, by Newton's method with exact steps. The objective
 *
 *     1/2 |w|^2 + C sum_i c_i max(0, 1 - y_i w'x_i)^2
 *
 * is a parabola for each set I of rows inside the margin, so that a step solves (1/2C + X_I'D X_I) w = X_I'D y_I, or, where I has fewer
 * rows than x has columns, (D^-1/2C + X_I X_I') a = y_I with w = X_I'a, and a line search along it makes every start converge after
 * finitely many (Mangasarian, "A finite Newton method for classification", 2002; Keerthi and DeCoste, "A modified finite Newton
 * method for fast solution of large scale linear SVMs", JMLR 2005). Unlike conjugate gradients it does not mind how rows are scaled.
 */
#ifndef LC_CLASSIFIER_HINGE_H
#define LC_CLASSIFIER_HINGE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/threads.h"

typedef struct {
    const float *x; /* (rows, dim); a feature that is always 1 follows unseen, and is penalised */
    size_t rows, dim;
    const double *y;   /* (rows) 1 or -1 */
    const float *cost; /* (rows) c_i: one value for all rows of 1, one for all of -1; 0: the row takes no part */
    double c;
} lc_hinge;

/* Whether rows x dim are few enough: each step makes and solves a matrix of the smaller side, two at most are held in float64. */
bool lc_hinge_fits(size_t rows, size_t dim);

/*
 * w (dim + 1) goes from where it is, near the minimum for a C of `from` (at most the hinge's), to the minimum, along growing C: from a flat
 * start the steps to a large C are many and short. The same bytes for any pool.
 */
LC_CHECKED lc_status lc_hinge_minimise(const lc_hinge *hinge, double from, double *w, lc_threads *threads);

/* Memory of that at its peak. */
double lc_hinge_bytes(size_t rows, size_t dim);

#endif
