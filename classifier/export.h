/*
 * Rows and class names as text that other programs read.
 */
#ifndef LC_CLASSIFIER_EXPORT_H
#define LC_CLASSIFIER_EXPORT_H

#include <stdint.h>

#include "classifier/classifier.h"

/* LIBSVM's "label index:value ..." of x (rows, dim), labels as class numbers, zeros left out, 9 digits: float32-exact. */
LC_CHECKED lc_status lc_export_rows_libsvm(const char *path, const float *x, const int32_t *labels, size_t rows,
                                           size_t dim);
/* NumPy files of these shapes; bias as float64. */
LC_CHECKED lc_status lc_export_weights(const char *path, const float *weights, size_t classes, size_t dim);
LC_CHECKED lc_status lc_export_bias(const char *path, const double *bias, size_t classes);
/* "number<TAB>name" per class. */
LC_CHECKED lc_status lc_export_class_names(const char *path, const char *const *names, size_t count);

#endif
