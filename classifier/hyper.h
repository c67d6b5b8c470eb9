/*
 * Hyperparameters as the user gave them -> the points of a search.
 *
 *   c=1            one value: no search along this axis
 *   c=0.1,1,10     a list
 *   log2c=-5,15,2  grid.py's form: 2^begin, 2^(begin+step), ... up to 2^end; log10l=-6,5,1 the same with 10
 *   (nothing)      the default grid of the classifier's table
 */
#ifndef LC_CLASSIFIER_HYPER_H
#define LC_CLASSIFIER_HYPER_H

#include <stdbool.h>
#include <stddef.h>

#include "classifier/classifier.h"
#include "classifier/clf.h"

enum { LC_HYPER_MAX_VALUES = 256 };

/* values[p] are those of parameter p of the classifier's table: ascending, unique; a parameter without meaning here has the
 * value 0. */
typedef struct {
    size_t axes;
    size_t counts[LC_CLF_MAX_PARAMS];
    double values[LC_CLF_MAX_PARAMS][LC_HYPER_MAX_VALUES];
} lc_grid;

/*
 * LC_ERR_ARG for a name or value that makes no sense, with what would. `data_scale`: the unit of default grids that
 * depend on the data, 1 / (dim * variance).
 */
LC_CHECKED lc_status lc_grid_parse(lc_grid *out, const lc_clf *clf, const char *kernel, const lc_hyper *hyper, size_t count,
                                   double data_scale);

size_t lc_grid_points(const lc_grid *grid);
/* Point i into params (axes). Points with the same kernel stand together: parameters of the kernel change slowest. */
void lc_grid_point(const lc_grid *grid, const lc_clf *clf, size_t i, double params[LC_CLF_MAX_PARAMS]);
/* Whether a point lies at an end of an axis of more than one value. */
bool lc_grid_at_edge(const lc_grid *grid, const double params[LC_CLF_MAX_PARAMS]);

#endif
