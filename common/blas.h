/*
 * OpenBLAS, and the rules of living with it. blas.c is the only file that knows its header.
 *
 * The library is loaded on first use, not at start, because two of its decisions are taken from the environment at
 * the moment it is loaded:
 *   - OPENBLAS_CORETYPE: 0.3.21 does not know newer CPUs and falls back to kernels of half the speed. Unless the
 *     user has set it, the core type that the CPU's features allow is set first.
 *   - OPENBLAS_NUM_THREADS: set to 1, so that it never starts threads of its own; parallel work is split over our pool.
 *
 * Matrices are row-major float32. Every call runs on the calling thread only.
 */
#ifndef LC_COMMON_BLAS_H
#define LC_COMMON_BLAS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/* Loads OpenBLAS (once; later calls are free). Everything below needs it to have succeeded. */
LC_CHECKED lc_status lc_blas_open(void);

/* One line: version, core type, why that core type, threads; "" before lc_blas_open. */
const char *lc_blas_description(void);

/* Threads that OpenBLAS would use for one call: 1, or something is wrong. */
int lc_blas_threads(void);

/*
 * C (m,n) = A (m,k) * op(B): op(B) is B (k,n), or with `transpose_b` the transpose of B (n,k).
 * lda, ldb, ldc are row strides in elements.
 */
void lc_blas_gemm(bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                  float *c, size_t ldc);

/* The lower triangle of C (n,n) = A (n,k) * A'. */
void lc_blas_syrk(size_t n, size_t k, const float *a, size_t lda, float *c, size_t ldc);

#endif
