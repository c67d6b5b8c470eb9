/*
 * A constant matrix packed for the kernels' tiles, and the product with it: what convolutions and linear layers share.
 *
 * The matrix (k, n) is cut into panels of at most tile_vectors * vector columns; within a panel the columns of one k lie
 * side by side, padded with zeros to whole vectors.
 */
#ifndef LC_EXTRACTOR_OPS_GEMM_H
#define LC_EXTRACTOR_OPS_GEMM_H

#include "extractor/ops/op.h"

typedef struct {
    size_t k, n;
    float *packed;
} lc_gemm;

/* Element (k, j) of the matrix is data[j * column + (k / channels) * tap + (k % channels) * channel]. */
typedef struct {
    const float *data;
    size_t column, tap, channel, channels;
} lc_gemm_source;

LC_CHECKED lc_status lc_gemm_pack(lc_gemm *m, const lc_kernels *kernels, size_t k, size_t n, const lc_gemm_source *source);
void lc_gemm_free(lc_gemm *m);

/* The same into memory of k * (n + LC_COLUMN_PADDING) floats that stays the caller's. */
void lc_gemm_pack_into(lc_gemm *m, const lc_kernels *kernels, size_t k, size_t n, const lc_gemm_source *source, float *memory);

/*
 * One tile of rows against all columns: c[i * ldc + j] = e(sum over segments), see lc_kernels.gemm_tile. `e` belongs to
 * the whole result, in which this tile begins at (row, column).
 */
void lc_gemm_run(const lc_gemm *m, const lc_kernels *kernels, size_t rows, size_t segments, const float *const *a, float *c,
                 size_t ldc, const lc_epilogue *e, size_t row, size_t column);

/* The epilogue of the part of a result that begins at (row, column). */
lc_epilogue lc_epilogue_at(const lc_epilogue *e, size_t row, size_t column);

/* out = e(in 0) over a whole map: what pointwise operators do when they were not folded away. */
LC_CHECKED lc_status lc_finish_map(const lc_op_call *c, const lc_epilogue *e);

/* A copy of values[0..n) with LC_COLUMN_PADDING zeros behind it, as epilogues want them. *out is the caller's, free(). */
LC_CHECKED lc_status lc_pad_columns(float **out, const float *values, size_t n);

#endif
