/*
 * Transposed convolution, ONNX's ConvTranspose: the gradient of a convolution with respect to its input (Dumoulin and
 * Visin, arXiv:1603.07285, chapter 4).
 *
 * Computed as a product over output pixels like a convolution: kernel tap (ky, kx) of output pixel (y, x) reads input
 * pixel ((y + top - ky dilation) / stride, ...) where that divides; where it does not, or lies outside, a row of zeros.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/ops/gemm.h"
#include "extractor/ops/window.h"

typedef struct {
    lc_window_params window;
    int64_t group;
    lc_ints output_padding, output_shape;
} transpose_params;

static const lc_attr attributes[] = {
    LC_WINDOW_ATTRIBUTES(transpose_params),
    {"group", LC_ATTR_INT, offsetof(transpose_params, group), 0, 1},
    {"output_padding", LC_ATTR_INTS, offsetof(transpose_params, output_padding), 0, 0},
    {"output_shape", LC_ATTR_INTS, offsetof(transpose_params, output_shape), 0, 0},
    {NULL, 0, 0, 0, 0},
};

enum { LIMIT = 1 << 12, MAX_POINTERS = 4096 };

typedef struct {
    size_t in, out, kernel, stride, dilation, begin;
} side;

typedef struct {
    side h, w;
    size_t batch, in_c, out_c, groups;
} shape;

static lc_status number(const lc_ints *list, size_t i, size_t wanted, int64_t least, size_t fallback, size_t *out)
{
    *out = fallback;
    if (list->count == 0) {
        return LC_OK;
    }
    if (list->count != wanted || list->v[i] < least || list->v[i] > LIMIT) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%zu numbers, among them %lld", list->count, (long long)list->v[i]);
    }
    *out = (size_t)list->v[i];
    return LC_OK;
}

/* Dimension i, 0 for rows, 1 for columns. */
static lc_status side_of(const transpose_params *p, size_t i, size_t in, size_t kernel, side *s)
{
    size_t end, more, wanted;
    *s = (side){.in = in, .kernel = kernel};
    LC_TRY(number(&p->window.strides, i, 2, 1, 1, &s->stride));
    LC_TRY(number(&p->window.dilations, i, 2, 1, 1, &s->dilation));
    LC_TRY(number(&p->window.pads, i, 4, 0, 0, &s->begin));
    LC_TRY(number(&p->window.pads, i + 2, 4, 0, 0, &end));
    LC_TRY(number(&p->output_padding, i, 2, 0, 0, &more));
    LC_TRY(number(&p->output_shape, i, 2, 1, 0, &wanted));
    if (in > 1 << 16 || kernel == 0 || kernel > LIMIT) {
        return lc_fail(LC_ERR_SHAPE, "a kernel of %zu on a side of %zu", kernel, in);
    }
    size_t extent = (kernel - 1) * s->dilation + 1, full = (in - 1) * s->stride + extent + more;
    if (wanted) { /* the padding follows */
        if (wanted > full) {
            return lc_fail(LC_ERR_SHAPE, "output_shape %zu is more than the %zu there are", wanted, full);
        }
        size_t total = full - wanted;
        s->begin = strcmp(p->window.auto_pad, "SAME_UPPER") == 0 ? total / 2 : total - total / 2;
        end = total - s->begin;
    } else if (strncmp(p->window.auto_pad, "SAME", 4) == 0) { /* as many places as the input times the stride */
        size_t total = full > in * s->stride ? full - in * s->stride : 0;
        s->begin = strcmp(p->window.auto_pad, "SAME_LOWER") == 0 ? total - total / 2 : total / 2;
        end = total - s->begin;
    }
    if (full <= s->begin + end) {
        return lc_fail(LC_ERR_SHAPE, "padding of %zu + %zu leaves nothing of %zu", s->begin, end, full);
    }
    s->out = full - s->begin - end;
    return LC_OK;
}

static lc_status shape_of(const lc_op_call *c, shape *s)
{
    const transpose_params *p = c->params;
    LC_TRY(lc_op_expect(c, 2, 4));
    const lc_tensor *x = c->in[0], *w = c->in[1];
    if (w->rank != 4 || !w->data || p->window.ceil_mode) {
        return lc_fail(LC_ERR_UNSUPPORTED, "wants constant weights of 4 dimensions");
    }
    *s = (shape){.batch = x->dims[0], .in_c = x->dims[3], .groups = (size_t)p->group};
    if (p->group < 1 || s->in_c % s->groups || w->dims[0] != s->in_c || !lc_mul(w->dims[1], s->groups, &s->out_c)) {
        return lc_fail(LC_ERR_SHAPE, "weights for %zu channels in %lld groups do not fit an input of %zu", w->dims[0],
                       (long long)p->group, s->in_c);
    }
    if (c->inputs > 2 && c->in[2] && (!c->in[2]->data || lc_tensor_count(c->in[2]) != s->out_c)) {
        return lc_fail(LC_ERR_SHAPE, "wants a constant bias of %zu numbers", s->out_c);
    }
    LC_TRY(side_of(p, 0, x->dims[1], w->dims[2], &s->h));
    LC_TRY(side_of(p, 1, x->dims[2], w->dims[3], &s->w));
    if (s->h.kernel * s->w.kernel > MAX_POINTERS / LC_MAX_TILE_ROWS) {
        return lc_fail(LC_ERR_UNSUPPORTED, "a kernel of %zux%zu is too large", s->h.kernel, s->w.kernel);
    }
    return LC_OK;
}

/* x (N,H,W,C), weights (C,K/g,kh,kw)[, bias (K)] -> y (N,H',W',K) */
static lc_status infer(lc_op_call *c)
{
    shape s;
    LC_TRY(shape_of(c, &s));
    *c->out = (lc_tensor){.rank = 4, .dims = {s.batch, s.h.out, s.w.out, s.out_c}};
    return LC_OK;
}

typedef struct {
    lc_gemm *group;
    size_t groups;
    float *bias, *zeros;
} transpose_state;

static void release(void *state)
{
    transpose_state *s = state;
    if (s) {
        lc_gemm_free_groups(s->group, s->groups);
        free(s->bias);
        free(s->zeros);
        free(s);
    }
}

static lc_status prepare(const lc_op_call *c, void **state)
{
    shape s;
    LC_TRY(shape_of(c, &s));
    size_t taps = s.h.kernel * s.w.kernel, in_g = s.in_c / s.groups, out_g = s.out_c / s.groups;
    transpose_state *st;
    LC_TRY(lc_alloc_array(&st, 1, sizeof *st));
    lc_status status = lc_alloc_array(&st->zeros, s.in_c, sizeof(float));
    if (status == LC_OK && c->inputs > 2 && c->in[2]) {
        status = lc_pad_columns(&st->bias, c->in[2]->data, s.out_c);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&st->group, s.groups, sizeof *st->group);
        st->groups = s.groups;
    }
    for (size_t g = 0; status == LC_OK && g < s.groups; g++) {
        lc_gemm_source source = {c->in[1]->data + g * in_g * out_g * taps, taps, 1, out_g * taps, in_g};
        status = lc_gemm_pack(&st->group[g], c->kernels, taps * in_g, out_g, &source);
    }
    if (status != LC_OK) {
        release(st);
        return status;
    }
    *state = st;
    return LC_OK;
}

typedef struct {
    const lc_op_call *c;
    const transpose_state *st;
    shape s;
    size_t g, rows, tile; /* tile: rows of an item */
} transpose_run;

/* The place of the input that place `at` of the output reads through kernel tap k; false: none. */
static bool place(const side *s, size_t at, size_t k, size_t *in)
{
    size_t from = at + s->begin, back = k * s->dilation;
    *in = from < back ? 0 : (from - back) / s->stride;
    return from >= back && (from - back) % s->stride == 0 && *in < s->in;
}

static lc_status one_tile(void *context, size_t item)
{
    const transpose_run *r = context;
    const shape *s = &r->s;
    const lc_kernels *kernels = r->c->kernels;
    const float *a[MAX_POINTERS];
    size_t first = item * r->tile, rows = r->rows - first < r->tile ? r->rows - first : r->tile;
    size_t in_g = s->in_c / s->groups, column = r->g * (s->out_c / s->groups);
    for (size_t i = 0; i < rows; i++) {
        size_t x = (first + i) % s->w.out, y = (first + i) / s->w.out % s->h.out, n = (first + i) / s->w.out / s->h.out;
        for (size_t t = 0; t < s->h.kernel * s->w.kernel; t++) {
            size_t iy, ix;
            bool there = place(&s->h, y, t / s->w.kernel, &iy);
            there = place(&s->w, x, t % s->w.kernel, &ix) && there;
            a[t * rows + i] = there ? r->c->in[0]->data + ((n * s->h.in + iy) * s->w.in + ix) * s->in_c + r->g * in_g : r->st->zeros;
        }
    }
    lc_epilogue e = r->c->epilogue;
    e.bias = r->st->bias;
    lc_gemm_run(&r->st->group[r->g], kernels, 0, SIZE_MAX, rows, s->h.kernel * s->w.kernel, a,
                r->c->out->data + first * s->out_c + column, s->out_c, &e, first, column);
    return LC_OK;
}

static lc_status forward(const lc_op_call *c)
{
    transpose_run r = {.c = c, .st = c->state};
    LC_TRY(shape_of(c, &r.s));
    r.rows = r.s.batch * r.s.h.out * r.s.w.out;
    r.tile = lc_gemm_tile(c->kernels, r.s.out_c / r.s.groups, 0);
    for (; r.g < r.s.groups; r.g++) {
        LC_TRY(lc_parallel_for(c->threads, lc_ceil_div(r.rows, r.tile), one_tile, &r));
    }
    return LC_OK;
}

static uint64_t macs(const lc_op_call *c)
{
    shape s;
    return shape_of(c, &s) == LC_OK ? (uint64_t)s.h.in * s.w.in * s.in_c * (s.out_c / s.groups) * s.h.kernel * s.w.kernel : 0;
}

const lc_op lc_op_conv_transpose = {
    .name = "conv_transpose",
    .onnx = "ConvTranspose",
    .attributes = attributes,
    .params_size = sizeof(transpose_params),
    .flags = LC_OP_EPILOGUE | LC_OP_WEIGHTED | LC_OP_LEARNED,
    .infer = infer,
    .prepare = prepare,
    .release = release,
    .forward = forward,
    .macs = macs,
};
