/*
 * Kernels: what each makes of a pair of rows, and the matrix of all pairs.
 *
 *   linear        <a, b>                                 base: the Gram matrix
 *   rbf           exp(-g |a - b|^2)                      base: squared distances
 *   poly          (g <a, b> + r)^d                       base: the Gram matrix
 *   chi2          exp(-g sum (a - b)^2 / (a + b))        base: the chi-squared distances; features of at least 0
 *   intersection  sum min(a, b)                          base: itself; features of at least 0
 *
 * A kernel is a function of a base that has no parameters. The base is computed once and shared by every parameter, fold,
 * C and class pair; a grid of gamma costs one pass of exponentials each.
 *
 * chi2 and intersection: Vedaldi and Zisserman, "Efficient additive kernels via explicit feature maps", PAMI 2012.
 */
#ifndef LC_CLASSIFIER_KERNEL_H
#define LC_CLASSIFIER_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/threads.h"

typedef enum { LC_KERNEL_LINEAR, LC_KERNEL_RBF, LC_KERNEL_POLY, LC_KERNEL_CHI2, LC_KERNEL_INTERSECTION } lc_kernel_kind;

typedef struct {
    lc_kernel_kind kind;
    double gamma, coef0; /* g, r */
    unsigned degree;     /* d */
} lc_kernel;

/* NULL-terminated, in the order of lc_kernel_kind. */
extern const char *const lc_kernel_names[];
/* The kind of one of these names. */
lc_kernel_kind lc_kernel_kind_of(const char *name);
/* Whether moving all rows leaves machines as they are, so that rows may be centred first. */
bool lc_kernel_centred(lc_kernel_kind kind);
/* Whether features must not be negative. */
bool lc_kernel_wants_positive(lc_kernel_kind kind);

/* The kernel of a pair whose base is known. */
double lc_kernel_value(const lc_kernel *kernel, double base);
/* The base of two rows from their product (and, rbf, squared lengths). */
double lc_kernel_base(lc_kernel_kind kind, double square_a, double square_b, double product);
/* The base of two rows; for chi2 and intersection, which have no product. */
double lc_kernel_direct(lc_kernel_kind kind, const float *a, const float *b, size_t dim);

/* base (rows, rows), symmetric to the bit, of x (rows, dim) less `centre` (dim). The same bytes for any pool. */
LC_CHECKED lc_status lc_kernel_bases(lc_kernel_kind kind, const float *x, size_t rows, size_t dim, const double *centre,
                                     float *base, lc_threads *threads);
/* out (rows, rows), which may be base, = the kernel of each base; symmetric to the bit. */
LC_CHECKED lc_status lc_kernel_matrix(const lc_kernel *kernel, const float *base, size_t rows, float *out,
                                      lc_threads *threads);

#endif
