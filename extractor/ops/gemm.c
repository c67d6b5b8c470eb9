#include "extractor/ops/gemm.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

size_t lc_gemm_width(const lc_kernels *kernels, size_t n)
{
    size_t vectors = lc_ceil_div(n, kernels->vector), panels = lc_ceil_div(vectors, kernels->tile_vectors);
    return panels ? lc_ceil_div(vectors, panels) * kernels->vector : kernels->vector;
}

size_t lc_gemm_tile(const lc_kernels *kernels, size_t n, size_t rows)
{
    size_t most = kernels->tile_sums / (lc_gemm_width(kernels, n) / kernels->vector);
    most = most < kernels->tile_rows ? most : kernels->tile_rows;
    return rows ? lc_ceil_div(rows, lc_ceil_div(rows, most)) : most;
}

/* Columns of the panel that begins at column j, and the same in whole vectors. */
static size_t panel_columns(const lc_kernels *kernels, size_t n, size_t j)
{
    size_t most = lc_gemm_width(kernels, n);
    return n - j < most ? n - j : most;
}

static size_t whole_vectors(const lc_kernels *kernels, size_t columns)
{
    return lc_ceil_div(columns, kernels->vector) * kernels->vector;
}

float *lc_gemm_panel(const lc_gemm *m, const lc_kernels *kernels, size_t j, size_t *columns, size_t *width)
{
    *columns = panel_columns(kernels, m->n, j);
    *width = whole_vectors(kernels, *columns);
    return m->packed + j * m->k; /* those before it have no padding */
}

/* Row k of the matrix; its element j is [j * source->column]. */
static const float *row_of(const lc_gemm_source *s, size_t k)
{
    return s->data + (k / s->channels) * s->tap + (k % s->channels) * s->channel;
}

/* The nearest bfloat16, halves to even; a NaN stays one. */
static uint32_t bf16_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return x != x ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

void lc_gemm_fill(lc_gemm *m, const lc_kernels *kernels, const lc_gemm_source *source)
{
    float *p = m->packed;
    for (size_t j = 0; j < m->n; j += lc_gemm_width(kernels, m->n)) {
        size_t columns = panel_columns(kernels, m->n, j), width = whole_vectors(kernels, columns);
        for (size_t i = 0; i < m->k; i++, p += width) {
            const float *from = row_of(source, m->bf16 ? 2 * i : i) + j * source->column;
            const float *next = m->bf16 ? row_of(source, 2 * i + 1) + j * source->column : NULL;
            for (size_t q = 0; q < columns && !next; q++) {
                p[q] = from[q * source->column];
            }
            for (size_t q = 0; q < columns && next; q++) {
                uint32_t pair = bf16_bits(from[q * source->column]) | bf16_bits(next[q * source->column]) << 16;
                memcpy(&p[q], &pair, sizeof pair);
            }
            memset(p + columns, 0, (width - columns) * sizeof *p);
        }
    }
}

void lc_gemm_pack_into(lc_gemm *m, const lc_kernels *kernels, size_t k, size_t n, const lc_gemm_source *source, float *memory)
{
    *m = (lc_gemm){k, n, memory, false};
    lc_gemm_fill(m, kernels, source);
}

lc_status lc_gemm_allocate(lc_gemm *m, const lc_kernels *kernels, bool bf16, size_t k, size_t n)
{
    size_t floats;
    *m = (lc_gemm){.k = bf16 ? k / 2 : k, .n = n, .bf16 = bf16};
    if (!lc_mul(m->k, whole_vectors(kernels, n), &floats)) {
        return lc_fail(LC_ERR_NOMEM, "a matrix of %zu x %zu is too large", k, n);
    }
    return lc_alloc_raw(&m->packed, floats, sizeof(float));
}

lc_status lc_gemm_pack_as(lc_gemm *m, const lc_kernels *kernels, bool bf16, size_t k, size_t n, const lc_gemm_source *source)
{
    LC_TRY(lc_gemm_allocate(m, kernels, bf16, k, n));
    lc_gemm_fill(m, kernels, source);
    return LC_OK;
}

lc_status lc_gemm_pack(lc_gemm *m, const lc_kernels *kernels, size_t k, size_t n, const lc_gemm_source *source)
{
    return lc_gemm_pack_as(m, kernels, false, k, n, source);
}

void lc_gemm_free(lc_gemm *m)
{
    free(m->packed);
    m->packed = NULL;
}

void lc_gemm_free_groups(lc_gemm *group, size_t groups)
{
    for (size_t g = 0; group && g < groups; g++) {
        lc_gemm_free(&group[g]);
    }
    free(group);
}

enum {
    LEAST_ROWS = 48,        /* of a block, however long they are: each block reads the matrix once */
    DENSE_ROWS = 512,       /* pointers of a dense block */
    PAIRS_FLOATS = 1 << 16, /* of rows rounded to bfloat16: LC_MAX_TILE_ROWS of LC_GEMM_INNER */
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

lc_gemm_split lc_gemm_divide(const lc_gemm *m, const lc_kernels *kernels, size_t rows, size_t per_row, size_t segments,
                             size_t pointers, lc_threads *threads)
{
    size_t tile = lc_gemm_tile(kernels, m->n, 0), wanted = LC_NEAR_FLOATS / per_row, n = lc_threads_count(threads);
    size_t weights = m->k * m->n, tiles = lc_ceil_div(rows, tile);
    lc_gemm_split s = {.rows = rows, .tile = tile, .tiles = tiles, .panels = lc_ceil_div(m->n, lc_gemm_width(kernels, m->n))};
    wanted = wanted > LEAST_ROWS ? wanted : LEAST_ROWS;
    /* A wide result that no cache holds, and what is added to it, are most of the traffic: written row by row, as the
     * hardware expects it, while the matrix stays in the cache. */
    if (m->n > m->k && weights <= LC_NEAR_FLOATS && rows > 2 * LC_NEAR_FLOATS / m->n) {
        wanted = LEAST_ROWS;
    }
    s.blocks = lc_ceil_div(tiles, smaller(wanted, pointers / segments) / tile);
    s.group = s.panels;
    if (n > 1) {
        /* The larger operand is the one to divide: each thread then reads its part of it, and all of the smaller one. A thread
         * that has rows of its own finds them in its own cache in the next layer too; otherwise half of them lie in another's,
         * which is further away than the matrix. */
        size_t parts = n * LC_ITEMS_PER_THREAD;
        if (weights > rows * per_row && (weights > LC_NEAR_FLOATS || weights > rows * (per_row + m->n / n))) {
            s.group = lc_ceil_div(s.panels, parts);
            parts = lc_ceil_div(parts, lc_ceil_div(s.panels, s.group));
        }
        s.blocks = s.blocks > parts ? lc_ceil_div(s.blocks, n) * n : parts;
        s.blocks = smaller(s.blocks, tiles);
        s.group = smaller(s.group, lc_ceil_div(s.panels, lc_ceil_div(parts, s.blocks)));
    }
    s.groups = lc_ceil_div(s.panels, s.group);
    s.items = s.blocks * s.groups;
    return s;
}

size_t lc_gemm_item(const lc_gemm_split *s, size_t item, size_t *first, size_t *panel)
{
    size_t block = item / s->groups;
    *panel = item % s->groups * s->group;
    *first = block * s->tiles / s->blocks * s->tile;
    return smaller(s->rows, (block + 1) * s->tiles / s->blocks * s->tile) - *first;
}

/* One tile of the matrix's kind of number. */
static void run_tile(const lc_gemm *m, const lc_kernels *kernels, size_t rows, size_t columns, size_t segments, size_t length,
                     const float *const *a, const float *b, float *c, const lc_epilogue *e, size_t ldc, const float *ahead, size_t step)
{
    if (m->bf16) {
        kernels->gemm_tile_bf16(rows, columns, segments, length, a, b, c, ldc, e, ahead, step);
    } else {
        kernels->gemm_tile(rows, columns, segments, length, a, b, c, ldc, e, ahead, step);
    }
}

/* lc_gemm_run on rows of the matrix's own kind of number. */
static void run(const lc_gemm *m, const lc_kernels *kernels, size_t panel, size_t panels, size_t rows, size_t segments,
                const float *const *a, float *c, size_t ldc, const lc_epilogue *e, size_t row, size_t column)
{
    size_t width = lc_gemm_width(kernels, m->n), tile = lc_gemm_tile(kernels, m->n, rows), tiles = lc_ceil_div(rows, tile);
    const float *first = m->packed + panel * m->k * width, *b = first;
    for (size_t j = panel * width; j < m->n && panels > 0; j += width, panels--) {
        size_t columns = panel_columns(kernels, m->n, j), floats = m->k * whole_vectors(kernels, columns);
        for (size_t i = 0; i < rows; i += tile) {
            size_t n = rows - i < tile ? rows - i : tile;
            lc_epilogue at = lc_epilogue_at(e, row + i, column + j);
            /* With each tile something comes nearer: a part of the next panel; behind the last one lies what this thread's next
             * item wants in most cases. Where the rows outnumber the columns it is, under the first panel, the next tile's rows,
             * if they lie one behind the other; the other panels find them near. What is used once only is left to the
             * hardware. */
            size_t step = tiles > 1 ? floats / tiles * sizeof(float) / m->k : 0;
            const float *ahead = b + floats + floats / tiles * (i / tile);
            if (b == first && rows > m->n && i + tile < rows && segments == 1 && a[i + tile] == a[i] + tile * m->k) {
                step = tile * sizeof(float);
                ahead = a[i + tile];
            }
            run_tile(m, kernels, n, columns, segments, m->k / segments, a + i * segments, b, c + i * ldc + j, &at, ldc, ahead, step);
        }
        b += floats;
    }
}

/* Rows of 2 k floats rounded to pairs; a[i] points to them. */
static void round_rows(const lc_kernels *kernels, size_t rows, size_t k, const float *const *from, float *pairs, const float **a)
{
    for (size_t i = 0; i < rows; i++) {
        kernels->to_bf16(2 * k, from[i], pairs + i * k);
        a[i] = pairs + i * k;
    }
}

void lc_gemm_run(const lc_gemm *m, const lc_kernels *kernels, size_t panel, size_t panels, size_t rows, size_t segments,
                 const float *const *a, float *c, size_t ldc, const lc_epilogue *e, size_t row, size_t column)
{
    if (!m->bf16) {
        run(m, kernels, panel, panels, rows, segments, a, c, ldc, e, row, column);
        return;
    }
    float pairs[PAIRS_FLOATS];
    const float *rounded[DENSE_ROWS];
    size_t tile = lc_gemm_tile(kernels, m->n, 0), most = PAIRS_FLOATS / m->k / tile * tile;
    most = most < DENSE_ROWS / tile * tile ? most : DENSE_ROWS / tile * tile;
    for (size_t i = 0; i < rows; i += most) {
        size_t n = rows - i < most ? rows - i : most;
        round_rows(kernels, n, m->k, a + i, pairs, rounded);
        run(m, kernels, panel, panels, n, 1, rounded, c + i * ldc, ldc, e, row + i, column);
    }
}

typedef struct {
    const lc_gemm *m;
    const lc_kernels *kernels;
    const float *x;
    float *y;
    const lc_epilogue *e;
    size_t inner; /* floats of a row of x */
    lc_gemm_split split;
} dense_run;

/*
 * Long sums go in pieces, so that a piece of a panel stays in the cache for all rows; the pieces are added by way of
 * the epilogue's residual, and the real epilogue comes last. Where a sum is cut depends on its length alone.
 */
static void run_in_pieces(const dense_run *r, size_t panel, size_t end, size_t first, size_t rows, const float **a)
{
    float pairs[PAIRS_FLOATS];
    const lc_gemm *m = r->m;
    size_t width = lc_gemm_width(r->kernels, m->n), tile = lc_gemm_tile(r->kernels, m->n, rows), ldc = m->n;
    for (size_t j = panel * width; j < m->n && j < end * width; j += width) {
        size_t columns = panel_columns(r->kernels, m->n, j);
        const float *b = m->packed + j * m->k;
        float *c = r->y + first * ldc + j;
        for (size_t k = 0; k < m->k; k += LC_GEMM_INNER) {
            size_t length = m->k - k < LC_GEMM_INNER ? m->k - k : LC_GEMM_INNER;
            for (size_t i = 0; i < rows; i += tile) {
                lc_epilogue sum = lc_epilogue_none();
                size_t n = rows - i < tile ? rows - i : tile;
                for (size_t q = 0; q < n; q++) {
                    a[q] = r->x + (first + i + q) * r->inner + (m->bf16 ? 2 * k : k);
                }
                if (m->bf16) {
                    round_rows(r->kernels, n, length, a, pairs, a);
                }
                sum.residual = k ? c + i * ldc : NULL;
                sum.residual_stride = ldc;
                run_tile(m, r->kernels, n, columns, 1, length, a, b + k * whole_vectors(r->kernels, columns), c + i * ldc, &sum, ldc, b, 0);
            }
        }
        lc_epilogue at = lc_epilogue_at(r->e, first, j);
        r->kernels->finish(rows, columns, c, ldc, c, ldc, &at);
    }
}

/* A single row by several panels at a time, as long as there are so many whole ones. Returns the next panel. */
static size_t run_row(const dense_run *r, size_t panel, size_t end)
{
    const lc_gemm *m = r->m;
    size_t width = lc_gemm_width(r->kernels, m->n), whole = m->n / width < end ? m->n / width : end;
    if (width != r->kernels->tile_vectors * r->kernels->vector) {
        return panel;
    }
    for (; panel + LC_ROW_PANELS <= whole; panel += LC_ROW_PANELS) {
        float *y = r->y + panel * width;
        for (size_t k = 0; k < m->k; k += LC_GEMM_INNER) {
            size_t length = m->k - k < LC_GEMM_INNER ? m->k - k : LC_GEMM_INNER;
            r->kernels->gemm_row(length, r->x + k, m->packed + (panel * m->k + k) * width, m->k * width, y, k > 0);
        }
        lc_epilogue at = lc_epilogue_at(r->e, 0, panel * width);
        r->kernels->finish(1, LC_ROW_PANELS * width, y, 0, y, 0, &at);
    }
    return panel;
}

static lc_status dense_item(void *context, size_t item)
{
    const dense_run *r = context;
    const float *a[DENSE_ROWS];
    size_t first, panel, rows = lc_gemm_item(&r->split, item, &first, &panel), end = panel + r->split.group;
    if (r->split.rows == 1 && !r->m->bf16) {
        panel = run_row(r, panel, end);
    }
    if (r->m->k > LC_GEMM_INNER) {
        run_in_pieces(r, panel, end, first, rows, a);
        return LC_OK;
    }
    for (size_t i = 0; i < rows; i++) {
        a[i] = r->x + (first + i) * r->inner;
    }
    lc_gemm_run(r->m, r->kernels, panel, end - panel, rows, 1, a, r->y + first * r->m->n, r->m->n, r->e, first, 0);
    return LC_OK;
}

lc_status lc_gemm_dense(const lc_gemm *m, const lc_kernels *kernels, lc_threads *threads, size_t rows, const float *x, float *y,
                        const lc_epilogue *e)
{
    dense_run r = {m, kernels, x, y, e, m->bf16 ? 2 * m->k : m->k, lc_gemm_divide(m, kernels, rows, m->k, 1, DENSE_ROWS, threads)};
    return lc_parallel_for(threads, r.split.items, dense_item, &r);
}

lc_epilogue lc_epilogue_at(const lc_epilogue *e, size_t row, size_t column)
{
    lc_epilogue at = *e;
    at.bias = e->bias ? e->bias + column : NULL;
    at.scale = e->scale ? e->scale + column : NULL;
    at.shift = e->shift ? e->shift + column : NULL;
    at.residual = e->residual ? e->residual + row * e->residual_stride + column : NULL;
    return at;
}

lc_status lc_pad_columns(float **out, const float *values, size_t n)
{
    LC_TRY(lc_alloc_array(out, n + LC_COLUMN_PADDING, sizeof(float)));
    memcpy(*out, values, n * sizeof(float));
    return LC_OK;
}
