/*
 * Two-dimensional convolution, grouped or depthwise, as ONNX's Conv.
 *
 * On channels-last maps a convolution is a matrix product whose rows are output pixels and whose inner dimension runs
 * over (ky, kx, c): for each kernel tap the C inputs of a pixel lie side by side. No matrix of patches is built: a tile
 * of the product takes one pointer per row and tap ("indirection", Dukhan, "The Indirect Convolution Algorithm",
 * arXiv:1907.02129). Taps in the padding point at a row of zeros. 3x3 kernels of stride 1 go by winograd.c.
 *
 * With few input channels (a network's first layer) such a segment would be too short to pay for its pointers. Then
 * the picture is copied once into a padded frame, where the kw * C inputs of a whole kernel row lie side by side.
 *
 * Rows are counted through the batch, so that small maps of several pictures fill tiles together. Each output's sum
 * runs over its own terms in one order, wherever it stands: tiles, threads and batches do not change bytes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/ops/conv.h"
#include "extractor/ops/winograd.h"

static const lc_attr attributes[] = {
    LC_WINDOW_ATTRIBUTES(lc_conv_params),
    {"group", LC_ATTR_INT, offsetof(lc_conv_params, group), 0, 1},
    {NULL, 0, 0, 0, 0},
};

enum {
    FEW_CHANNELS = 16,   /* below, a kernel row is one segment of a padded copy */
    MAX_DEPTHWISE_KERNEL = 7,
    MAX_DEPTHWISE_ROWS = 32, /* of output pixels in an item */
};

lc_status lc_conv_shape_of(const lc_op_call *c, lc_conv_shape *s)
{
    const lc_conv_params *p = c->params;
    LC_TRY(lc_op_expect(c, 2, 4));
    const lc_tensor *x = c->in[0], *weights = c->in[1];
    if (weights->rank != 4 || !weights->data) {
        return lc_fail(LC_ERR_UNSUPPORTED, "wants constant weights of 4 dimensions, got %zu%s", weights->rank,
                       weights->data ? "" : ", computed");
    }
    *s = (lc_conv_shape){.batch = x->dims[0], .in_c = x->dims[3], .out_c = weights->dims[0], .groups = (size_t)p->group};
    if (p->group < 1 || s->out_c == 0 || s->out_c % s->groups || s->in_c % s->groups ||
        weights->dims[1] != s->in_c / s->groups) {
        return lc_fail(LC_ERR_SHAPE, "weights %zux%zux%zux%zu in %lld groups do not fit an input of %zu channels",
                       weights->dims[0], weights->dims[1], weights->dims[2], weights->dims[3], (long long)p->group, s->in_c);
    }
    LC_TRY(lc_window_resolve(&s->w, &p->window, x->dims[1], x->dims[2], weights->dims[2], weights->dims[3]));
    if (s->w.kernel_h != weights->dims[2] || s->w.kernel_w != weights->dims[3]) {
        return lc_fail(LC_ERR_SHAPE, "kernel_shape %zux%zu differs from the weights' %zux%zu", s->w.kernel_h, s->w.kernel_w,
                       weights->dims[2], weights->dims[3]);
    }
    if (c->inputs > 2 && c->in[2] && (!c->in[2]->data || lc_tensor_count(c->in[2]) != s->out_c)) {
        return lc_fail(LC_ERR_SHAPE, "wants a constant bias of %zu numbers", s->out_c);
    }
    s->depthwise = s->groups == s->in_c && s->out_c == s->in_c && s->groups > 1;
    s->dense = s->w.kernel_h * s->w.kernel_w == 1 && s->w.stride_h * s->w.stride_w == 1 && s->w.out_h == s->w.in_h &&
               s->w.out_w == s->w.in_w && s->w.top + s->w.left == 0;
    s->framed = s->in_c < FEW_CHANNELS && s->groups == 1 && s->w.dilation_w == 1 && s->w.kernel_w > 1;
    s->winograd = s->groups == 1 && !s->framed ? lc_winograd_tile(&s->w, s->in_c, s->out_c) : 0;
    if (c->band) {
        lc_window_band(&s->w, c->band);
    }
    s->frame_h = s->w.in_h + s->w.top + s->w.bottom;
    s->frame_w = s->w.in_w + s->w.left + s->w.right;
    if (s->framed) { /* ceil-mode windows may reach past the padding the file asks for */
        size_t h = (s->w.out_h - 1) * s->w.stride_h + (s->w.kernel_h - 1) * s->w.dilation_h + 1;
        size_t w = (s->w.out_w - 1) * s->w.stride_w + s->w.kernel_w;
        s->frame_h = h > s->frame_h ? h : s->frame_h;
        s->frame_w = w > s->frame_w ? w : s->frame_w;
    }
    size_t segments = s->framed ? s->w.kernel_h : s->w.kernel_h * s->w.kernel_w;
    if (segments > (s->depthwise ? LC_CONV_POINTERS : LC_CONV_POINTERS / LC_MAX_TILE_ROWS)) {
        return lc_fail(LC_ERR_UNSUPPORTED, "a kernel of %zux%zu is too large", s->w.kernel_h, s->w.kernel_w);
    }
    return LC_OK;
}

/* x (N,H,W,C), weights (K,C/g,kh,kw)[, bias (K)] -> y (N,H',W',K) */
static lc_status infer(lc_op_call *c)
{
    lc_conv_shape s;
    LC_TRY(lc_conv_shape_of(c, &s));
    *c->out = (lc_tensor){.rank = 4, .dims = {s.batch, s.w.out_h, s.w.out_w, s.out_c}};
    if (s.framed) {
        size_t frame[] = {s.frame_h, s.frame_w, s.in_c};
        LC_TRY(lc_shape_check(3, frame));
        c->scratch = s.frame_h * s.frame_w * s.in_c;
    }
    if (s.winograd) {
        lc_winograd_scratch(&s.w, s.winograd, s.in_c, s.out_c, &c->scratch, &c->scratch_most);
    }
    return LC_OK;
}

typedef struct {
    lc_gemm *group; /* (groups) packed weights */
    size_t groups;
    lc_winograd *winograd; /* instead, or NULL */
    float *weights; /* depthwise: (kh * kw, C) */
    float *bias;    /* (K), padded, or NULL */
    float *zeros;   /* one pixel of padding */
} conv_state;

const float *lc_conv_bias(const void *state)
{
    return ((const conv_state *)state)->bias;
}

static void release(void *state)
{
    conv_state *s = state;
    if (s) {
        lc_gemm_free_groups(s->group, s->groups);
        lc_winograd_free(s->winograd);
        free(s->weights);
        free(s->bias);
        free(s->zeros);
        free(s);
    }
}

/* Memory for what prepare packs; what does not change is there. */
static lc_status make_state(const lc_op_call *c, const lc_conv_shape *s, conv_state *st)
{
    size_t taps = s->w.kernel_h * s->w.kernel_w, in_g = s->in_c / s->groups;
    LC_TRY(lc_alloc_array(&st->zeros, s->in_c + LC_COLUMN_PADDING, sizeof(float)));
    if (c->inputs > 2 && c->in[2]) {
        LC_TRY(lc_alloc_array(&st->bias, s->out_c + LC_COLUMN_PADDING, sizeof(float)));
    }
    if (s->depthwise) {
        return lc_alloc_array(&st->weights, taps * s->in_c + LC_COLUMN_PADDING, sizeof(float));
    }
    if (s->winograd && c->arithmetic != LC_EXACT) {
        return lc_winograd_new(&st->winograd, s->winograd, s->in_c, s->out_c);
    }
    bool bf16 = c->arithmetic == LC_BF16 && taps == 1 && in_g % 2 == 0 && in_g / 2 <= LC_GEMM_INNER;
    LC_TRY(lc_alloc_array(&st->group, s->groups, sizeof *st->group));
    st->groups = s->groups;
    for (size_t g = 0; g < s->groups; g++) {
        LC_TRY(lc_gemm_allocate(&st->group[g], c->kernels, bf16, taps * in_g, s->out_c / s->groups));
    }
    return LC_OK;
}

static lc_status prepare(const lc_op_call *c, void **state)
{
    lc_conv_shape s;
    LC_TRY(lc_conv_shape_of(c, &s));
    const float *w = c->in[1]->data;
    size_t taps = s.w.kernel_h * s.w.kernel_w, in_g = s.in_c / s.groups, out_g = s.out_c / s.groups;
    conv_state *st = *state;
    if (!st) {
        LC_TRY(lc_alloc_array(&st, 1, sizeof *st));
        lc_status status = make_state(c, &s, st);
        if (status != LC_OK) {
            release(st);
            return status;
        }
        *state = st;
    }
    if (st->bias) {
        memcpy(st->bias, c->in[2]->data, s.out_c * sizeof(float));
    }
    for (size_t k = 0; st->weights && k < s.in_c; k++) {
        for (size_t t = 0; t < taps; t++) {
            st->weights[t * s.in_c + k] = w[k * taps + t];
        }
    }
    for (size_t g = 0; g < st->groups; g++) {
        /* Element (k, j) of the matrix: k = (tap, c). In the file: (j, c, tap). */
        lc_gemm_source source = {w + g * out_g * in_g * taps, in_g * taps, 1, taps, in_g};
        lc_gemm_fill(&st->group[g], c->kernels, &source);
    }
    return st->winograd ? lc_winograd_fill(st->winograd, c->kernels, c->threads, w, false) : LC_OK;
}

typedef struct {
    const lc_op_call *c;
    const conv_state *st;
    lc_conv_shape s;
    size_t segments, ldc;
    lc_gemm_split split;
    size_t g;
    size_t blocks; /* depthwise: of a picture's rows, one an item */
} conv_run;

/* The picture, row and column of output pixel `row`. */
typedef struct {
    size_t n, y, x;
} pixel;

static pixel pixel_of(const lc_conv_shape *s, size_t row)
{
    size_t area = s->w.out_h * s->w.out_w, in_map = row % area;
    return (pixel){row / area, in_map / s->w.out_w, in_map % s->w.out_w};
}

static void next_pixel(const lc_conv_shape *s, pixel *p)
{
    if (++p->x == s->w.out_w) {
        p->x = 0;
        if (++p->y == s->w.out_h) {
            p->y = 0;
            p->n++;
        }
    }
}

/* Where kernel tap (ky, kx) of an output pixel finds its channels; NULL in the padding. */
static const float *tap_of(const lc_conv_shape *s, const float *x, pixel p, size_t ky, size_t kx)
{
    size_t y = p.y * s->w.stride_h + ky * s->w.dilation_h - s->w.top;
    size_t z = p.x * s->w.stride_w + kx * s->w.dilation_w - s->w.left;
    /* Unsigned on purpose: left of the map is a huge number. */
    return y < s->w.in_h && z < s->w.in_w ? x + ((p.n * s->w.in_h + y) * s->w.in_w + z) * s->in_c : NULL;
}

/* A row of a picture's frame. */
static lc_status copy_frame_row(void *context, size_t row)
{
    const conv_run *r = context;
    const lc_conv_shape *s = &r->s;
    size_t n = row / s->frame_h, y = row % s->frame_h - s->w.top, left = s->w.left * s->in_c, inner = s->w.in_w * s->in_c;
    float *frame = r->c->scratch_data + row * s->frame_w * s->in_c;
    if (y >= s->w.in_h) { /* unsigned: above the map is a huge number */
        memset(frame, 0, s->frame_w * s->in_c * sizeof *frame);
        return LC_OK;
    }
    memset(frame, 0, left * sizeof *frame);
    memcpy(frame + left, r->c->in[0]->data + (n * s->w.in_h + y) * inner, inner * sizeof *frame);
    memset(frame + left + inner, 0, (s->frame_w * s->in_c - left - inner) * sizeof *frame);
    return LC_OK;
}

/* The pointers of a tile of `rows` output pixels from `first` on: a[segment * rows + i]. */
static void point(const conv_run *r, size_t first, size_t rows, const float **a)
{
    const lc_conv_shape *s = &r->s;
    size_t channel = r->g * (s->in_c / s->groups);
    pixel p = pixel_of(s, first);
    for (size_t i = 0; i < rows; i++, next_pixel(s, &p)) {
        if (s->dense) {
            a[i] = r->c->in[0]->data + (first + i) * s->in_c + channel;
            continue;
        }
        if (s->framed) {
            const float *corner = r->c->scratch_data +
                                  ((p.n * s->frame_h + p.y * s->w.stride_h) * s->frame_w + p.x * s->w.stride_w) * s->in_c;
            for (size_t ky = 0; ky < s->w.kernel_h; ky++) {
                a[ky * rows + i] = corner + ky * s->w.dilation_h * s->frame_w * s->in_c;
            }
            continue;
        }
        for (size_t ky = 0; ky < s->w.kernel_h; ky++) {
            for (size_t kx = 0; kx < s->w.kernel_w; kx++) {
                const float *tap = tap_of(s, r->c->in[0]->data, p, ky, kx);
                a[(ky * s->w.kernel_w + kx) * rows + i] = tap ? tap + channel : r->st->zeros;
            }
        }
    }
}

static lc_status gemm_item(void *context, size_t item)
{
    const conv_run *r = context;
    const lc_conv_shape *s = &r->s;
    size_t first, panel, rows = lc_gemm_item(&r->split, item, &first, &panel), column = r->g * (s->out_c / s->groups);
    lc_epilogue e = r->c->epilogue;
    e.bias = r->st->bias;
    const float *a[LC_CONV_POINTERS];
    size_t tile = lc_gemm_tile(r->c->kernels, r->st->group[r->g].n, rows);
    for (size_t i = 0; i < rows; i += tile) {
        point(r, first + i, rows - i < tile ? rows - i : tile, a + i * r->segments);
    }
    lc_gemm_run(&r->st->group[r->g], r->c->kernels, panel, r->split.group, rows, r->segments, a,
                r->c->out->data + first * r->ldc + column, r->ldc, &e, first, column);
    size_t width = lc_gemm_width(r->c->kernels, r->st->group[r->g].n), begin = panel * width, left = s->out_c / s->groups - begin;
    size_t columns = left < r->split.group * width ? left : r->split.group * width;
    lc_activate(r->c, rows, columns, r->c->out->data + first * r->ldc + column + begin, r->ldc);
    return LC_OK;
}

/* One pixel of a depthwise convolution that has no kernel for rows. */
static void depthwise_pixel(const conv_run *r, pixel p, float *out, const lc_epilogue *e)
{
    const lc_conv_shape *s = &r->s;
    const float *in[LC_CONV_POINTERS];
    size_t t = 0;
    for (size_t ky = 0; ky < s->w.kernel_h; ky++) {
        for (size_t kx = 0; kx < s->w.kernel_w; kx++) {
            const float *tap = tap_of(s, r->c->in[0]->data, p, ky, kx);
            in[t++] = tap ? tap : r->st->zeros;
        }
    }
    r->c->kernels->depthwise(s->in_c, t, in, r->st->weights, out, e);
}

/* Rows first.. of picture n's output. */
static void depthwise_block(const conv_run *r, size_t n, size_t first, size_t rows, float *out)
{
    const lc_conv_shape *s = &r->s;
    const lc_window *w = &s->w;
    size_t row = (n * w->out_h + first) * w->out_w;
    lc_epilogue e = r->c->epilogue;
    e.bias = r->st->bias;
    if (w->dilation_w == 1 && w->kernel_h <= MAX_DEPTHWISE_KERNEL) {
        const float *in[MAX_DEPTHWISE_ROWS * MAX_DEPTHWISE_KERNEL];
        size_t step[MAX_DEPTHWISE_ROWS * MAX_DEPTHWISE_KERNEL];
        lc_depthwise d = {s->in_c, rows, w->out_w, w->kernel_h, w->kernel_w, w->stride_w, w->left, w->in_w, in, step};
        for (size_t i = 0; i < rows * w->kernel_h; i++) {
            size_t y = (first + i / w->kernel_h) * w->stride_h + i % w->kernel_h * w->dilation_h - w->top;
            bool there = y < w->in_h; /* unsigned: above the map is a huge number */
            in[i] = there ? r->c->in[0]->data + (n * w->in_h + y) * w->in_w * s->in_c : r->st->zeros;
            step[i] = there ? s->in_c : 0;
        }
        lc_epilogue at = lc_epilogue_at(&e, row, 0);
        if (r->c->kernels->depthwise_rows(&d, r->st->weights, out, r->ldc, &at)) {
            return;
        }
    }
    for (size_t i = 0; i < rows * w->out_w; i++) {
        lc_epilogue at = lc_epilogue_at(&e, row + i, 0);
        depthwise_pixel(r, (pixel){n, first + i / w->out_w, i % w->out_w}, out + i * r->ldc, &at);
    }
}

static lc_status depthwise_item(void *context, size_t item)
{
    const conv_run *r = context;
    const lc_window *w = &r->s.w;
    size_t block = item % r->blocks, n = item / r->blocks;
    size_t first = block * w->out_h / r->blocks, rows = (block + 1) * w->out_h / r->blocks - first;
    float *out = r->c->out->data + (n * w->out_h + first) * w->out_w * r->ldc;
    depthwise_block(r, n, first, rows, out);
    lc_activate(r->c, rows * w->out_w, r->s.in_c, out, r->ldc);
    return LC_OK;
}

/* Blocks of a picture's rows of output pixels: a block's input fits the second-level cache, and every thread has some. */
static size_t depthwise_blocks(const lc_conv_shape *s, lc_threads *threads)
{
    size_t near = LC_NEAR_FLOATS / (s->w.in_w * s->in_c * s->w.stride_h), n = lc_threads_count(threads);
    size_t rows = near < 1 ? 1 : near < MAX_DEPTHWISE_ROWS ? near : MAX_DEPTHWISE_ROWS, blocks = lc_ceil_div(s->w.out_h, rows);
    size_t wanted = n > 1 ? lc_ceil_div(n * LC_ITEMS_PER_THREAD, s->batch) : 1;
    blocks = blocks > wanted ? blocks : wanted;
    return blocks < s->w.out_h ? blocks : s->w.out_h;
}

static lc_status forward(const lc_op_call *c)
{
    conv_run r = {.c = c, .st = c->state};
    LC_TRY(lc_conv_shape_of(c, &r.s));
    const lc_conv_shape *s = &r.s;
    r.ldc = c->out_stride ? c->out_stride : s->out_c;
    if (s->depthwise) {
        r.blocks = depthwise_blocks(s, c->threads);
        return lc_parallel_for(c->threads, s->batch * r.blocks, depthwise_item, &r);
    }
    if (r.st->winograd) {
        lc_epilogue e = c->epilogue;
        e.bias = r.st->bias;
        return lc_winograd_run(r.st->winograd, c, &s->w, r.st->zeros, &e);
    }
    if (s->framed) {
        LC_TRY(lc_op_rows(c->threads, s->batch * s->frame_h, s->frame_w * s->in_c, copy_frame_row, &r));
    }
    r.segments = s->framed ? s->w.kernel_h : s->w.kernel_h * s->w.kernel_w;
    size_t rows = s->batch * s->w.out_h * s->w.out_w, per_row = s->in_c * s->w.stride_h * s->w.stride_w;
    r.split = lc_gemm_divide(&r.st->group[0], c->kernels, rows, per_row, r.segments, LC_CONV_POINTERS, c->threads);
    for (r.g = 0; r.g < s->groups; r.g++) {
        LC_TRY(lc_parallel_for(c->threads, r.split.items, gemm_item, &r));
    }
    return LC_OK;
}

/* Not by Winograd: its blocks fill the cache by themselves. */
static bool rows_of(const lc_op_call *c, lc_rows *rows)
{
    lc_conv_shape s;
    if (lc_conv_shape_of(c, &s) != LC_OK || s.winograd) {
        return false;
    }
    *rows = lc_window_rows(&s.w);
    return true;
}

static uint64_t macs(const lc_op_call *c)
{
    lc_conv_shape s;
    if (lc_conv_shape_of(c, &s) != LC_OK) {
        return 0;
    }
    return (uint64_t)s.w.out_h * s.w.out_w * s.out_c * (s.in_c / s.groups) * s.w.kernel_h * s.w.kernel_w;
}

const lc_op lc_op_conv = {
    .name = "conv",
    .onnx = "Conv",
    .attributes = attributes,
    .params_size = sizeof(lc_conv_params),
    .flags = LC_OP_EPILOGUE | LC_OP_WEIGHTED | LC_OP_LEARNED | LC_OP_STRIDED | LC_OP_ACTIVATION | LC_OP_INTO_RESIDUAL,
    .infer = infer,
    .prepare = prepare,
    .release = release,
    .forward = forward,
    .rows = rows_of,
    .macs = macs,
    .keep = LC_KEEP_INPUT,
    .train_size = lc_conv_train_size,
    .train = lc_conv_train,
    .backward = lc_conv_backward,
};
