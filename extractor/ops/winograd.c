/*
 * Tiles of 4x4 (2x2) outputs, counted through the batch, take three steps, a block of tiles at a time so that V and M stay
 * in the cache in between:
 *
 *   in    each tile's 6x6 (4x4) inputs are transformed: V[position] (tiles, C)
 *   gemm  36 (16) products M[position] = V[position] U[position], on the same tiles of registers as any other product
 *   out   each tile's M, transformed back and finished, is 4x4 (2x2) output pixels
 */
#include "extractor/ops/winograd.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum {
    POSITIONS = LC_WINOGRAD_POSITIONS,
    MOST_TILES = 480,       /* of a block */
    LEAST_MAP = 6,          /* smaller maps waste too much of their tiles */
    LEAST_CHANNELS = 8,
    FEW_PIXELS = 100,       /* of an output map: see lc_winograd_tile */
    FEW_WEIGHTS = 1 << 14,
    FEW_TILES = 32,         /* of a batch: see lc_winograd_training_tile */
    TILES_PER_ITEM = 8,
    BLOCKS_PER_THREAD = 3,  /* from here on threads take blocks of their own, however large the weights are */
    LINE = 16,              /* floats beyond a power of two, so that the streams do not fall on one cache set */
};

/*
 * The transformed weights of 4x4 tiles are four times the original ones, and on a small map of a single picture reading
 * them takes longer than multiplying. Those of 2x2 tiles are not twice the original ones, for more multiplications. In a
 * batch large tiles would pay, but the batch must not change results.
 */
size_t lc_winograd_tile(const lc_window *w, size_t in_c, size_t out_c)
{
    if (w->kernel_h != 3 || w->kernel_w != 3 || w->stride_h != 1 || w->stride_w != 1 || w->dilation_h != 1 || w->dilation_w != 1 ||
        w->out_h < LEAST_MAP || w->out_w < LEAST_MAP || in_c < LEAST_CHANNELS || out_c < LEAST_CHANNELS) {
        return 0;
    }
    return w->out_h * w->out_w >= FEW_PIXELS || in_c * out_c <= FEW_WEIGHTS ? 4 : 2;
}

static size_t positions_of(size_t tile)
{
    return (tile + 2) * (tile + 2);
}

static size_t tiles_of(const lc_window *w, size_t tile)
{
    return lc_ceil_div(w->out_h, tile) * lc_ceil_div(w->out_w, tile);
}

size_t lc_winograd_training_tile(const lc_window *w, size_t batch, size_t in_c, size_t out_c)
{
    size_t tile = lc_winograd_tile(w, in_c, out_c);
    return tile && tiles_of(w, 4) * batch >= FEW_TILES ? 4 : tile;
}

/*
 * Tiles of a block: as many as leave V and M in the cache; but where the weights are large, so many that reading them is
 * no more traffic than V and M are, written and read. In whole tiles of the product.
 */
static size_t block_tiles(size_t tile, size_t in_c, size_t out_c)
{
    size_t near = LC_NEAR_FLOATS / (positions_of(tile) * (in_c + out_c)), worth = in_c * out_c / (in_c + out_c) * 3 / 2;
    size_t n = near > worth ? near : worth;
    return n < 12 ? 12 : (n < MOST_TILES ? n : MOST_TILES) / 12 * 12;
}

void lc_winograd_scratch(const lc_window *w, size_t tile, size_t in_c, size_t out_c, size_t *floats, size_t *most)
{
    size_t tiles = tiles_of(w, tile), block = block_tiles(tile, in_c, out_c), channels = in_c + out_c;
    *floats = positions_of(tile) * ((tiles < block ? tiles : block) * channels + 2 * LINE);
    *most = positions_of(tile) * (block * channels + 2 * LINE);
}

bool lc_winograd_floats(size_t tile, size_t in_c, size_t out_c, size_t *floats)
{
    size_t padded, one;
    return lc_add(out_c, LC_COLUMN_PADDING, &padded) && lc_mul(padded, in_c, &one) && lc_mul(one, positions_of(tile), floats);
}

lc_status lc_winograd_new(lc_winograd **out, size_t tile, size_t in_c, size_t out_c)
{
    size_t all;
    lc_winograd *w;
    if (!lc_winograd_floats(tile, in_c, out_c, &all)) {
        return lc_fail(LC_ERR_NOMEM, "weights of %zu x %zu channels are too large", in_c, out_c);
    }
    LC_TRY(lc_alloc_array(&w, 1, sizeof *w));
    lc_status status = lc_alloc_raw(&w->memory, all, sizeof(float));
    if (status != LC_OK) {
        lc_winograd_free(w);
        return status;
    }
    lc_winograd_place(w, tile, in_c, out_c, w->memory);
    *out = w;
    return LC_OK;
}

void lc_winograd_place(lc_winograd *w, size_t tile, size_t in_c, size_t out_c, float *memory)
{
    w->tile = tile;
    for (size_t p = 0; p < positions_of(tile); p++) {
        w->position[p] = (lc_gemm){in_c, out_c, memory + p * in_c * (out_c + LC_COLUMN_PADDING), false};
    }
}

typedef struct {
    lc_winograd *w;
    const lc_kernels *kernels;
    const float *weights;
    bool turned;
} fill_run;

/* A panel of output channels. */
static lc_status fill_panel(void *context, size_t panel)
{
    const fill_run *r = context;
    size_t in_c = r->w->position[0].k, out_c = r->w->position[0].n, j = panel * lc_gemm_width(r->kernels, out_c);
    size_t columns, width, step_q = r->turned ? 9 : in_c * 9, step_c = r->turned ? out_c * 9 : 9;
    float *panel_data = lc_gemm_panel(&r->w->position[0], r->kernels, j, &columns, &width);
    size_t stride = (size_t)(r->w->position[1].packed - r->w->position[0].packed);
    for (size_t c = 0; c < in_c; c++) {
        float g[9 * LC_MAX_PANEL] = {0};
        for (size_t q = 0; q < columns; q++) {
            const float *from = r->weights + (j + q) * step_q + c * step_c;
            for (size_t t = 0; t < 9; t++) {
                g[t * LC_MAX_PANEL + q] = from[r->turned ? 8 - t : t];
            }
        }
        r->kernels->winograd_weights(r->w->tile, width, g, panel_data + c * width, stride);
    }
    return LC_OK;
}

lc_status lc_winograd_fill(lc_winograd *w, const lc_kernels *kernels, lc_threads *threads, const float *weights, bool turned)
{
    fill_run r = {w, kernels, weights, turned};
    size_t panel = lc_gemm_width(kernels, w->position[0].n);
    return lc_parallel_for(threads, lc_ceil_div(w->position[0].n, panel), fill_panel, &r);
}

void lc_winograd_free(lc_winograd *w)
{
    if (w) {
        free(w->memory);
        free(w);
    }
}

typedef struct {
    const lc_winograd *u;
    const lc_op_call *c;
    const lc_window *w;
    const float *zeros;
    const lc_epilogue *e;
    size_t tile, positions, in_c, out_c, ldc;
    size_t across, per_picture;   /* tiles of a row, of a picture */
    size_t all, block;            /* tiles of the batch, of a block */
    size_t v_stride, m_stride;    /* from one position to the next */
    size_t threads;               /* that take whole blocks */
} winograd_run;

/* A block in work: V[position] begins at v + position * v_stride. */
typedef struct {
    const winograd_run *r;
    size_t first, tiles;
    float *v, *m;
} winograd_block;

static void tile_place(const winograd_run *r, size_t tile, size_t *n, size_t *y, size_t *x)
{
    size_t in_map = tile % r->per_picture;
    *n = tile / r->per_picture;
    *y = in_map / r->across * r->tile;
    *x = in_map % r->across * r->tile;
}

static lc_status in_item(void *context, size_t item)
{
    const winograd_block *b = context;
    const winograd_run *r = b->r;
    const lc_window *w = r->w;
    size_t end = (item + 1) * TILES_PER_ITEM < b->tiles ? (item + 1) * TILES_PER_ITEM : b->tiles, side = r->tile + 2;
    for (size_t t = item * TILES_PER_ITEM; t < end; t++) {
        const float *in[POSITIONS];
        size_t n, y, x;
        tile_place(r, b->first + t, &n, &y, &x);
        const float *picture = r->c->in[0]->data + n * w->in_h * w->in_w * r->in_c;
        for (size_t i = 0; i < side; i++) {
            size_t iy = y + i - w->top; /* unsigned: above the map is a huge number */
            for (size_t j = 0; j < side; j++) {
                size_t ix = x + j - w->left;
                in[i * side + j] = iy < w->in_h && ix < w->in_w ? picture + (iy * w->in_w + ix) * r->in_c : r->zeros;
            }
        }
        r->c->kernels->winograd_in(r->tile, r->in_c, in, b->v + t * r->in_c, r->v_stride);
    }
    return LC_OK;
}

static lc_status gemm_item(void *context, size_t position)
{
    const winograd_block *b = context;
    const winograd_run *r = b->r;
    const float *a[MOST_TILES], *v = b->v + position * r->v_stride;
    for (size_t i = 0; i < b->tiles; i++) {
        a[i] = v + i * r->in_c;
    }
    lc_epilogue e = lc_epilogue_none();
    lc_gemm_run(&r->u->position[position], r->c->kernels, 0, SIZE_MAX, b->tiles, 1, a, b->m + position * r->m_stride, r->out_c, &e, 0, 0);
    return LC_OK;
}

static lc_status out_item(void *context, size_t item)
{
    const winograd_block *b = context;
    const winograd_run *r = b->r;
    const lc_window *w = r->w;
    size_t end = (item + 1) * TILES_PER_ITEM < b->tiles ? (item + 1) * TILES_PER_ITEM : b->tiles;
    for (size_t t = item * TILES_PER_ITEM; t < end; t++) {
        size_t n, y, x;
        tile_place(r, b->first + t, &n, &y, &x);
        size_t row = (n * w->out_h + y) * w->out_w + x;
        lc_epilogue at = lc_epilogue_at(r->e, row, 0);
        size_t rows = w->out_h - y < r->tile ? w->out_h - y : r->tile, columns = w->out_w - x < r->tile ? w->out_w - x : r->tile;
        float *out = r->c->out->data + row * r->ldc;
        r->c->kernels->winograd_out(r->tile, r->out_c, b->m + t * r->out_c, r->m_stride, rows, columns, w->out_w, out, r->ldc, &at);
        for (size_t i = 0; i < rows; i++) {
            lc_activate(r->c, columns, r->out_c, out + i * w->out_w * r->ldc, r->ldc);
        }
    }
    return LC_OK;
}

/* Block i by way of `scratch`; threads: who shares it. */
static lc_status run_block(const winograd_run *r, size_t i, float *scratch, lc_threads *threads)
{
    winograd_block b = {.r = r, .first = i * r->block, .v = scratch, .m = scratch + r->positions * r->v_stride};
    b.tiles = r->all - b.first < r->block ? r->all - b.first : r->block;
    size_t items = lc_ceil_div(b.tiles, TILES_PER_ITEM);
    LC_TRY(lc_parallel_for(threads, items, in_item, &b));
    LC_TRY(lc_parallel_for(threads, r->positions, gemm_item, &b));
    return lc_parallel_for(threads, items, out_item, &b);
}

/* A thread's blocks: every `threads`-th. */
static lc_status thread_blocks(void *context, size_t thread)
{
    const winograd_run *r = context;
    for (size_t i = thread; i * r->block < r->all; i += r->threads) {
        LC_TRY(run_block(r, i, r->c->scratch_data + thread * r->positions * (r->v_stride + r->m_stride), NULL));
    }
    return LC_OK;
}

lc_status lc_winograd_run(const lc_winograd *u, const lc_op_call *c, const lc_window *w, const float *zeros, const lc_epilogue *e)
{
    winograd_run r = {.u = u, .c = c, .w = w, .zeros = zeros, .e = e, .tile = u->tile, .positions = positions_of(u->tile),
                      .in_c = u->position[0].k, .out_c = u->position[0].n};
    r.ldc = c->out_stride ? c->out_stride : r.out_c;
    r.across = lc_ceil_div(w->out_w, r.tile);
    r.per_picture = tiles_of(w, r.tile);
    r.all = r.per_picture * c->in[0]->dims[0];
    r.block = block_tiles(r.tile, r.in_c, r.out_c);
    r.block = r.block < r.all ? r.block : r.all;
    r.threads = lc_threads_count(c->threads);
    size_t blocks = lc_ceil_div(r.all, r.block), even = lc_ceil_div(blocks, r.threads) * r.threads; /* as many for each */
    size_t share = even > blocks ? lc_ceil_div(r.all, even) : r.block;
    /* Threads with blocks of their own do not wait for each other between the steps, and find V and M in their own cache, where
     * shared blocks leave them in all threads' caches; but each of them reads all the weights. */
    bool worth = blocks >= BLOCKS_PER_THREAD * r.threads || r.threads * r.in_c * r.out_c < r.all * (r.in_c + r.out_c);
    bool own = worth && c->scratch_size >= r.threads * r.positions * (share * (r.in_c + r.out_c) + 2 * LINE);
    r.block = own ? share : r.block;
    r.v_stride = r.block * r.in_c + LINE;
    r.m_stride = r.block * r.out_c + LINE;
    if (own) {
        return lc_parallel_for(c->threads, r.threads, thread_blocks, &r);
    }
    for (size_t i = 0; i < blocks; i++) {
        LC_TRY(run_block(&r, i, c->scratch_data, c->threads));
    }
    return LC_OK;
}
