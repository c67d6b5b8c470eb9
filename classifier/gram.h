/*
 * The Gram matrix: inner products of all pairs of rows, computed once by BLAS and shared by every C, fold and class pair.
 */
#ifndef LC_CLASSIFIER_GRAM_H
#define LC_CLASSIFIER_GRAM_H

#include <stddef.h>

#include "common/error.h"
#include "common/threads.h"

/* Bytes that a new allocation may use without pushing others out, by the kernel's own estimate; 0: unknown. */
size_t lc_memory_available(void);

/*
 * LC_ERR_NOMEM with the numbers unless `rows`^2 pairs of `pair_bytes` fit into the memory that is available now; says
 * to the log what will be used.
 */
LC_CHECKED lc_status lc_gram_check(size_t rows, size_t pair_bytes);

/* centre (dim): the mean of x (rows, dim). */
void lc_gram_centre(const float *x, size_t rows, size_t dim, double *centre);

/* gram (rows, rows), symmetric to the bit: <x_i - centre, x_j - centre>. The same bytes for any pool. */
LC_CHECKED lc_status lc_gram_compute(const float *x, size_t rows, size_t dim, const double *centre, float *gram,
                                     lc_threads *threads);

#endif
