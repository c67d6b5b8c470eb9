/*
 * A constant matrix packed for the kernels' tiles, and the product with it: what convolutions and linear layers share.
 *
 * The matrix (k, n) is cut into panels of columns (lc_gemm_width); within a panel the columns of one k lie side by side,
 * padded with zeros to whole vectors.
 */
#ifndef LC_EXTRACTOR_OPS_GEMM_H
#define LC_EXTRACTOR_OPS_GEMM_H

#include "extractor/ops/op.h"

/* Terms of a sum that go through a panel at once (up to 1 MB of it); a sum of bfloat16 in lc_gemm_run has no more pairs. */
enum { LC_GEMM_INNER = 4096 };

enum {
    LC_NEAR_FLOATS = 1 << 17, /* of what is to stay near: half of the smallest second-level cache we know (1 MB) */
    LC_ITEMS_PER_THREAD = 4,  /* of parallel work, so that threads end together */
};

/* a / b, rounded up. */
static inline size_t lc_ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

typedef struct {
    size_t k, n;  /* of a matrix of bfloat16: k is how many pairs (kernels.h) */
    float *packed;
    bool bf16;
} lc_gemm;

/* Element (k, j) of the matrix is data[j * column + (k / channels) * tap + (k % channels) * channel]. */
typedef struct {
    const float *data;
    size_t column, tap, channel, channels;
} lc_gemm_source;

/* Memory for a matrix, and its contents: once, or again after the source has changed. */
LC_CHECKED lc_status lc_gemm_allocate(lc_gemm *m, const lc_kernels *kernels, bool bf16, size_t k, size_t n);
void lc_gemm_fill(lc_gemm *m, const lc_kernels *kernels, const lc_gemm_source *source);

/* Both. Rounded to bfloat16 where bf16; k must be even then, and products have one segment. The left rows stay float32 and
 * are rounded on the way. */
LC_CHECKED lc_status lc_gemm_pack_as(lc_gemm *m, const lc_kernels *kernels, bool bf16, size_t k, size_t n, const lc_gemm_source *source);

LC_CHECKED lc_status lc_gemm_pack(lc_gemm *m, const lc_kernels *kernels, size_t k, size_t n, const lc_gemm_source *source);
void lc_gemm_free(lc_gemm *m);

/* Those of all groups of a convolution, and their array; it may be NULL. */
void lc_gemm_free_groups(lc_gemm *group, size_t groups);

/* The same into memory of k * (n + LC_COLUMN_PADDING) floats that stays the caller's. */
void lc_gemm_pack_into(lc_gemm *m, const lc_kernels *kernels, size_t k, size_t n, const lc_gemm_source *source, float *memory);

/* The panel that begins at column j, a multiple of its most columns: (k, *width) floats of which *columns per row count. */
float *lc_gemm_panel(const lc_gemm *m, const lc_kernels *kernels, size_t j, size_t *columns, size_t *width);

/*
 * How a product of `rows` rows is divided into items of parallel work: blocks of row tiles times groups of panels. In an
 * item the panels are the outer loop, so that each comes from far away once per block and not once per tile. Division
 * never changes a value.
 */
typedef struct {
    size_t rows, tile;              /* rows of the product, at most of a tile */
    size_t tiles, blocks;           /* as even as tiles allow: with threads of one speed each has the same rows in every layer */
    size_t panels, group, groups;   /* of the matrix, in an item, groups */
    size_t items;
} lc_gemm_split;

/* `per_row`: floats of the left matrix that a row brings into the cache; `pointers`: the most pointers of a block,
 * `segments` per row. */
lc_gemm_split lc_gemm_divide(const lc_gemm *m, const lc_kernels *kernels, size_t rows, size_t per_row, size_t segments,
                             size_t pointers, lc_threads *threads);

/* Columns of a panel of a matrix of n columns: as few panels as the kernels allow, as even as can be in whole vectors. The last
 * one may have fewer. */
size_t lc_gemm_width(const lc_kernels *kernels, size_t n);

/* Rows of the tiles that `rows` rows are divided into against a matrix of n columns: as even as the kernels allow; rows 0: the
 * most that they allow. */
size_t lc_gemm_tile(const lc_kernels *kernels, size_t n, size_t rows);

/* Rows from *first on and how many of them item `item` has; *panel: its first panel. */
size_t lc_gemm_item(const lc_gemm_split *s, size_t item, size_t *first, size_t *panel);

/*
 * `rows` rows of any number against `panels` panels from `panel` on: c[i * ldc + j] = e(sum over segments). Pointers stand
 * tile by tile (lc_gemm_tile), within a tile as in lc_kernels.gemm_tile. `c` and `e` belong to column 0 of the matrix; `e` to the whole
 * result, in which these rows begin at (row, column).
 */
void lc_gemm_run(const lc_gemm *m, const lc_kernels *kernels, size_t panel, size_t panels, size_t rows, size_t segments,
                 const float *const *a, float *c, size_t ldc, const lc_epilogue *e, size_t row, size_t column);

/* y (rows, n) = e(x (rows, k) m), both dense. */
LC_CHECKED lc_status lc_gemm_dense(const lc_gemm *m, const lc_kernels *kernels, lc_threads *threads, size_t rows, const float *x,
                                   float *y, const lc_epilogue *e);

/*
 * The products of gradients. `add`: to what stands in the result. Sums are cut by their length alone.
 *
 *   lc_gemm_turned   y (rows, n) = x (rows, k) m^T, where row j of m is m[j * row + i * column], i < k. m is packed piece by
 *                    piece; scratch: lc_gemm_turned_scratch floats
 *   lc_gemm_outer    y (m, n) = a^T b of a (k, m), b (k, n)
 *
 * All but m are dense.
 */
LC_CHECKED lc_status lc_gemm_turned(const lc_kernels *kernels, lc_threads *threads, size_t rows, size_t k, size_t n, const float *x,
                                    const float *m, size_t row, size_t column, float *y, bool add, float *scratch);
size_t lc_gemm_turned_scratch(const lc_threads *threads);
LC_CHECKED lc_status lc_gemm_outer(const lc_kernels *kernels, lc_threads *threads, size_t k, size_t m, size_t n, const float *a,
                                   const float *b, float *y, bool add);

/* The epilogue of the part of a result that begins at (row, column). */
lc_epilogue lc_epilogue_at(const lc_epilogue *e, size_t row, size_t column);

/* c->activation, in place, of `columns` numbers in each of `rows` rows of y, `stride` floats from one to the next. */
void lc_activate(const lc_op_call *c, size_t rows, size_t columns, float *y, size_t stride);

/* out = e(in 0) over a whole map: what pointwise operators do when they were not folded away. */
LC_CHECKED lc_status lc_finish_map(const lc_op_call *c, const lc_epilogue *e);

/* A copy of values[0..n) with LC_COLUMN_PADDING zeros behind it, as epilogues want them. *out is the caller's, free(). */
LC_CHECKED lc_status lc_pad_columns(float **out, const float *values, size_t n);

#endif
