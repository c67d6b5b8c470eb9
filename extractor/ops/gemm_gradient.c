#include "common/memory.h"
#include "extractor/ops/gemm.h"

enum {
    PIECE = 1024,  /* terms of a sum at once: 256 KB of a panel */
    INNER = 2048,  /* of lc_gemm_outer */
};

typedef struct {
    const lc_kernels *kernels;
    const float *x, *m;
    float *y, *scratch;
    size_t rows, k, n, row, column, threads;
    bool add;
} turned_run;

size_t lc_gemm_turned_scratch(const lc_threads *threads)
{
    return lc_threads_count(threads) * PIECE * LC_MAX_PANEL;
}

/* A thread's panels: every `threads`-th. */
static lc_status turned_panels(void *context, size_t thread)
{
    const turned_run *r = context;
    size_t panel = lc_gemm_width(r->kernels, r->n), tile = lc_gemm_tile(r->kernels, r->n, r->rows);
    for (size_t j = thread * panel; j < r->n; j += r->threads * panel) {
        size_t columns = r->n - j < panel ? r->n - j : panel;
        for (size_t k = 0; k < r->k; k += PIECE) {
            size_t length = r->k - k < PIECE ? r->k - k : PIECE;
            lc_gemm part;
            lc_gemm_source source = {r->m + j * r->row + k * r->column, r->row, 0, r->column, length};
            lc_gemm_pack_into(&part, r->kernels, length, columns, &source, r->scratch + thread * PIECE * LC_MAX_PANEL);
            for (size_t i = 0; i < r->rows; i += tile) {
                const float *a[LC_MAX_TILE_ROWS];
                float *to = r->y + i * r->n + j;
                size_t n = r->rows - i < tile ? r->rows - i : tile;
                lc_epilogue e = lc_epilogue_none();
                e.residual = r->add || k ? to : NULL;
                e.residual_stride = r->n;
                for (size_t q = 0; q < n; q++) {
                    a[q] = r->x + (i + q) * r->k + k;
                }
                r->kernels->gemm_tile(n, columns, 1, length, a, part.packed, to, r->n, &e, part.packed, 0);
            }
        }
    }
    return LC_OK;
}

lc_status lc_gemm_turned(const lc_kernels *kernels, lc_threads *threads, size_t rows, size_t k, size_t n, const float *x,
                         const float *m, size_t row, size_t column, float *y, bool add, float *scratch)
{
    turned_run r = {kernels, x, m, y, scratch, rows, k, n, row, column, lc_threads_count(threads), add};
    return lc_parallel_for(threads, r.threads, turned_panels, &r);
}

typedef struct {
    const lc_kernels *kernels;
    const float *a, *b;
    float *y;
    size_t k, m, n, tile, tiles, panel;
    bool add;
} outer_run;

static lc_status outer_tile(void *context, size_t item)
{
    const outer_run *r = context;
    size_t i = item % r->tiles * r->tile, j = item / r->tiles * r->panel;
    size_t rows = r->m - i < r->tile ? r->m - i : r->tile, columns = r->n - j < r->panel ? r->n - j : r->panel;
    for (size_t k = 0; k < r->k; k += INNER) {
        const float *a = r->a + k * r->m + i, *b = r->b + k * r->n + j;
        r->kernels->gemm_outer(rows, columns, 1, r->k - k < INNER ? r->k - k : INNER, &a, r->m, &b, r->n, r->y + i * r->n + j, r->n,
                               r->add || k);
    }
    return LC_OK;
}

lc_status lc_gemm_outer(const lc_kernels *kernels, lc_threads *threads, size_t k, size_t m, size_t n, const float *a, const float *b,
                        float *y, bool add)
{
    outer_run r = {kernels, a, b, y, k, m, n, lc_gemm_tile(kernels, n, m), 0, lc_gemm_width(kernels, n), add};
    r.tiles = lc_ceil_div(m, r.tile);
    return lc_parallel_for(threads, r.tiles * lc_ceil_div(n, r.panel), outer_tile, &r);
}
