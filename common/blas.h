/*
 * OpenBLAS, and the rules of living with it. blas.c is the only file that knows its header.
 *
 * The library is loaded on first use, not at start, because two of its decisions are taken from the environment at
 * the moment it is loaded:
 *   - OPENBLAS_CORETYPE: 0.3.21 does not know newer CPUs and falls back to kernels of half the speed. Unless the
 *     user has set it, the core type that the CPU's features allow is set first.
 *   - OPENBLAS_NUM_THREADS: set to 1, so that it never starts threads of its own; parallel work is split over our pool.
 *
 * LAPACK comes through the same door: OpenBLAS carries it.
 *
 * Matrices are row-major. Every call runs on the calling thread only.
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

/* C (m,n) += A' B of A (k,m) and B (k,n), in float32; in float64 for lc_blas_gemm_tn_f64. */
void lc_blas_gemm_tn(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c,
                     size_t ldc);
void lc_blas_gemm_tn_f64(size_t m, size_t n, size_t k, const double *a, size_t lda, const double *b, size_t ldb, double *c,
                         size_t ldc);

/* C (m,n) = A (m,k) * op(B) in float64, as lc_blas_gemm. */
void lc_blas_gemm_f64(bool transpose_b, size_t m, size_t n, size_t k, const double *a, size_t lda, const double *b,
                      size_t ldb, double *c, size_t ldc);

/*
 * Eigenvalues of the symmetric matrix a (n,n), ascending, into values (n); row i of a becomes eigenvector i, of length 1
 * (LAPACK dsyevd). Its largest component (the first of equals) is positive.
 */
LC_CHECKED lc_status lc_blas_eigen(size_t n, double *a, double *values);

/* Memory that it takes beside a and values. */
double lc_blas_eigen_bytes(size_t n);

/* b (n) becomes a^-1 b of the symmetric positive definite a (n,n), which is spoilt (LAPACK dposv). LC_ERR_ARG: it is not. */
LC_CHECKED lc_status lc_blas_solve_spd(size_t n, double *a, double *b);

/* The lower triangle of C (n,n) = A (n,k) * A'. */
void lc_blas_syrk(size_t n, size_t k, const float *a, size_t lda, float *c, size_t ldc);

#endif
