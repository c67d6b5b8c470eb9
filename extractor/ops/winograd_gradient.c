/*
 * The gradient of a 3x3 convolution by its weights with a quarter of the multiplications: see kernels/winograd.inc.
 *
 * Tiles of 4x4 output pixels, counted through the batch, a block of them at a time:
 *
 *   in    each tile's 6x6 inputs and 4x4 gradients are transformed: V[position] (tiles, C), M[position] (tiles, K)
 *   gemm  36 products dU[position] (K, C) += M[position]^T V[position]
 *
 * and when all tiles have been there, dU is transformed to 3x3 weights. V and M lie in panels of channels, so that a step
 * of the product reads whole cache lines, one after another.
 */
#include <string.h>

#include "extractor/ops/winograd.h"

enum {
    POSITIONS = LC_WINOGRAD_POSITIONS,
    LEAST_TILES = 48, /* of a block */
    MOST_TILES = 512,
    LINE = 16, /* see winograd.c */
};

typedef struct {
    const lc_kernels *kernels;
    const lc_window *w;
    const float *x, *dout, *zeros;
    float *v, *m, *sums, *dw;
    size_t in_c, out_c, panel, in_panels, out_panels;
    size_t across, per_picture, all, block; /* tiles */
    size_t first, tiles;                    /* of the block at hand */
    size_t v_stride, m_stride;              /* from one position to the next */
    bool add;
} dweights_run;

static dweights_run make_run(const lc_kernels *kernels, const lc_window *w, size_t batch, size_t in_c, size_t out_c)
{
    dweights_run r = {.kernels = kernels, .w = w, .in_c = in_c, .out_c = out_c, .panel = kernels->tile_vectors * kernels->vector};
    /* So many that reading and writing dU, once for each block, is no more traffic than writing and reading V and M. */
    size_t block = 2 * in_c * out_c / (in_c + out_c);
    block = block < LEAST_TILES ? LEAST_TILES : block < MOST_TILES ? block : MOST_TILES;
    r.across = (w->out_w + 3) / 4;
    r.per_picture = (w->out_h + 3) / 4 * r.across;
    r.all = r.per_picture * batch;
    /* Blocks of one size, as far as that goes. */
    size_t blocks = (r.all + block - 1) / block;
    r.block = (r.all + blocks - 1) / blocks;
    r.in_panels = (in_c + r.panel - 1) / r.panel;
    r.out_panels = (out_c + r.panel - 1) / r.panel;
    r.v_stride = r.block * in_c + LINE;
    r.m_stride = r.block * out_c + LINE;
    return r;
}

size_t lc_winograd_dweights_scratch(const lc_kernels *kernels, const lc_window *w, size_t batch, size_t in_c, size_t out_c)
{
    dweights_run r = make_run(kernels, w, batch, in_c, out_c);
    return (in_c > out_c ? in_c : out_c) + POSITIONS * (r.v_stride + r.m_stride + in_c * out_c + LINE);
}

/* Panel j of a matrix (tiles, channels): where tile t begins. */
static float *panel_at(const dweights_run *r, float *matrix, size_t channels, size_t j, size_t t, size_t *columns)
{
    *columns = channels - j * r->panel < r->panel ? channels - j * r->panel : r->panel;
    return matrix + j * r->panel * r->block + t * *columns;
}

/* One tile, transformed. */
static lc_status in_item(void *context, size_t t)
{
    const dweights_run *r = context;
    const lc_window *w = r->w;
    const float *in[POSITIONS], *from[POSITIONS];
    size_t tile = r->first + t, n = tile / r->per_picture, columns;
    size_t y = tile % r->per_picture / r->across * 4, x = tile % r->per_picture % r->across * 4;
    for (size_t i = 0; i < POSITIONS; i++) {
        size_t iy = y + i / 6 - w->top, ix = x + i % 6 - w->left; /* unsigned: outside the map is a huge number */
        in[i] = iy < w->in_h && ix < w->in_w ? r->x + ((n * w->in_h + iy) * w->in_w + ix) * r->in_c : NULL;
    }
    for (size_t j = 0; j < r->in_panels; j++) {
        for (size_t i = 0; i < POSITIONS; i++) {
            from[i] = in[i] ? in[i] + j * r->panel : r->zeros;
        }
        float *to = panel_at(r, r->v, r->in_c, j, t, &columns);
        r->kernels->winograd_in(4, columns, from, to, r->v_stride);
    }
    for (size_t i = 0; i < 16; i++) {
        size_t oy = y + i / 4, ox = x + i % 4;
        in[i] = oy < w->out_h && ox < w->out_w ? r->dout + ((n * w->out_h + oy) * w->out_w + ox) * r->out_c : NULL;
    }
    for (size_t j = 0; j < r->out_panels; j++) {
        for (size_t i = 0; i < 16; i++) {
            from[i] = in[i] ? in[i] + j * r->panel : r->zeros;
        }
        float *to = panel_at(r, r->m, r->out_c, j, t, &columns);
        r->kernels->winograd_dout(columns, from, to, r->m_stride);
    }
    return LC_OK;
}

/* One panel of input channels against one of output channels, at one position. */
static lc_status gemm_item(void *context, size_t item)
{
    const dweights_run *r = context;
    size_t i = item % r->out_panels, j = item / r->out_panels % r->in_panels, position = item / r->out_panels / r->in_panels;
    size_t rows, columns;
    const float *a = panel_at(r, r->m + position * r->m_stride, r->out_c, i, 0, &rows);
    const float *b = panel_at(r, r->v + position * r->v_stride, r->in_c, j, 0, &columns);
    float *to = r->sums + position * (r->in_c * r->out_c + LINE) + i * r->panel * r->in_c + j * r->panel;
    for (size_t k = 0, tile = lc_gemm_tile(r->kernels, columns, rows); k < rows; k += tile) {
        const float *left = a + k;
        r->kernels->gemm_outer(rows - k < tile ? rows - k : tile, columns, 1, r->tiles, &left, rows, &b, columns, to + k * r->in_c,
                               r->in_c, r->first > 0);
    }
    return LC_OK;
}

/* The weights of one output channel. */
static lc_status out_item(void *context, size_t k)
{
    const dweights_run *r = context;
    r->kernels->winograd_dweights(r->in_c, r->sums + k * r->in_c, r->in_c * r->out_c + LINE, r->dw + k * r->in_c * 9, r->add);
    return LC_OK;
}

lc_status lc_winograd_dweights(const lc_kernels *kernels, lc_threads *threads, const lc_window *w, size_t batch, size_t in_c,
                               size_t out_c, const float *x, const float *dout, float *dw, bool add, float *scratch)
{
    dweights_run r = make_run(kernels, w, batch, in_c, out_c);
    size_t zeros = in_c > out_c ? in_c : out_c;
    memset(scratch, 0, zeros * sizeof *scratch);
    r.zeros = scratch;
    r.v = scratch + zeros;
    r.m = r.v + POSITIONS * r.v_stride;
    r.sums = r.m + POSITIONS * r.m_stride;
    r.x = x;
    r.dout = dout;
    r.dw = dw;
    r.add = add;
    for (; r.first < r.all; r.first += r.block) {
        r.tiles = r.all - r.first < r.block ? r.all - r.first : r.block;
        LC_TRY(lc_parallel_for(threads, r.tiles, in_item, &r));
        LC_TRY(lc_parallel_for(threads, POSITIONS * r.in_panels * r.out_panels, gemm_item, &r));
    }
    return lc_parallel_for(threads, out_c, out_item, &r);
}
