/*
 * The gradient of a convolution by its input and bias; conv_gradient_weights.c makes that by its weights.
 *
 * By the input: dx[i][c] = sum over the taps (ky, kx) under which an output pixel o saw i, and over k, of dout[o][k]
 * W[k][c][tap]. Input row y is seen by output row (y + top - ky dilation) / stride where that divides, so the rows and
 * columns of x fall into stride_h * stride_w classes; all pixels of a class have the same taps, each tap belongs to one
 * class, and no multiplication is spent on others (Dumoulin and Visin, arXiv:1603.07285, chapter 4, without their zeros
 * between the pixels). Each class is a product like that of conv.c, against weights packed as (tap, k) x c.
 *
 * With stride 1 there is one class, and the gradient is the convolution of dout with the weights turned by half a turn and
 * C and K exchanged: 3x3 kernels go by winograd.c.
 *
 * In training the batch is known, and small maps of many channels go there too, forward and backward.
 */
#include <string.h>

#include "extractor/ops/conv.h"
#include "extractor/ops/winograd.h"

typedef struct {
    size_t y, x;       /* the first pixel of the class */
    size_t rows, columns;
    size_t taps;
    unsigned short ky[LC_CONV_POINTERS], kx[LC_CONV_POINTERS];
} pixel_class;

typedef struct {
    const lc_op_call *c;
    const lc_conv_shape *s;
    const float *dout;
    float *dx;
    bool add;
    float *packed, *zeros;
    pixel_class now;
    size_t g;
    lc_gemm weights; /* those of the class and group at hand */
    lc_gemm_split split;
} input_run;

static size_t padded(size_t columns)
{
    return columns + LC_COLUMN_PADDING;
}

/* Does output pixel place * stride - begin + k * dilation = at have a `place`? */
static bool seen_by(size_t at, size_t k, size_t begin, size_t stride, size_t dilation, size_t out, size_t *place)
{
    size_t from = at + begin, back = k * dilation;
    *place = from < back ? 0 : (from - back) / stride;
    return from >= back && (from - back) % stride == 0 && *place < out;
}

/* Class (y, x), y < stride_h, x < stride_w. */
static void find_class(const lc_window *w, size_t y, size_t x, pixel_class *p)
{
    p->y = y;
    p->x = x;
    p->rows = w->in_h > y ? (w->in_h - y + w->stride_h - 1) / w->stride_h : 0;
    p->columns = w->in_w > x ? (w->in_w - x + w->stride_w - 1) / w->stride_w : 0;
    p->taps = 0;
    for (size_t t = 0; t < w->kernel_h * w->kernel_w; t++) {
        size_t ky = t / w->kernel_w, kx = t % w->kernel_w;
        /* Modulo the stride, and above zero: + kernel * dilation * stride. */
        size_t dy = y + w->top + ky * w->dilation_h * (w->stride_h - 1), dx = x + w->left + kx * w->dilation_w * (w->stride_w - 1);
        if (dy % w->stride_h == 0 && dx % w->stride_w == 0) {
            p->ky[p->taps] = (unsigned short)ky;
            p->kx[p->taps++] = (unsigned short)kx;
        }
    }
}

/* A panel of the class's weights, (tap, k) x c. */
static lc_status pack_panel(void *context, size_t panel)
{
    input_run *r = context;
    const lc_conv_shape *s = r->s;
    size_t taps = s->w.kernel_h * s->w.kernel_w, in_g = s->in_c / s->groups, out_g = s->out_c / s->groups, columns, width;
    size_t j = panel * lc_gemm_width(r->c->kernels, in_g);
    float *to = lc_gemm_panel(&r->weights, r->c->kernels, j, &columns, &width);
    for (size_t k = 0; k < out_g; k++) {
        const float *from = r->c->in[1]->data + ((r->g * out_g + k) * in_g + j) * taps;
        for (size_t t = 0; t < r->now.taps; t++) {
            float *p = to + (t * out_g + k) * width;
            size_t tap = r->now.ky[t] * s->w.kernel_w + r->now.kx[t];
            for (size_t q = 0; q < columns; q++) {
                p[q] = from[q * taps + tap];
            }
            memset(p + columns, 0, (width - columns) * sizeof *p);
        }
    }
    return LC_OK;
}

/* The pixels of dout that pixel (n, row, column) of the class takes part in: a[tap * step]. */
static void point(const input_run *r, size_t n, size_t row, size_t column, size_t channel, const float **a, size_t step)
{
    const lc_conv_shape *s = r->s;
    const lc_window *w = &s->w;
    size_t y = r->now.y + row * w->stride_h, x = r->now.x + column * w->stride_w;
    for (size_t t = 0; t < r->now.taps; t++) {
        size_t oy, ox;
        bool there = seen_by(y, r->now.ky[t], w->top, w->stride_h, w->dilation_h, w->out_h, &oy);
        there = seen_by(x, r->now.kx[t], w->left, w->stride_w, w->dilation_w, w->out_w, &ox) && there;
        a[t * step] = there ? r->dout + ((n * w->out_h + oy) * w->out_w + ox) * s->out_c + channel : r->zeros;
    }
}

/* Where pixel (n, row, column) of the class lies in dx. */
static float *pixel_at(const input_run *r, size_t n, size_t row, size_t column)
{
    const lc_window *w = &r->s->w;
    return r->dx + ((n * w->in_h + r->now.y + row * w->stride_h) * w->in_w + r->now.x + column * w->stride_w) * r->s->in_c;
}

/* Adds to what stands at `to`, where that is wanted. */
static lc_epilogue adding(const input_run *r, const float *to, size_t stride)
{
    lc_epilogue e = lc_epilogue_none();
    e.residual = r->add ? to : NULL;
    e.residual_stride = stride;
    return e;
}

/* A block of the class's pixels against some panels, cut where neighbours in the product are none in dx. */
static lc_status gemm_item(void *context, size_t item)
{
    const input_run *r = context;
    const lc_conv_shape *s = r->s;
    const pixel_class *now = &r->now;
    size_t first, panel, count = lc_gemm_item(&r->split, item, &first, &panel), end;
    size_t line = s->w.stride_h * s->w.stride_w == 1 ? r->split.rows : now->columns, ldc = s->w.stride_w * s->in_c;
    size_t in_g = s->in_c / s->groups, out_g = s->out_c / s->groups;
    const float *a[LC_CONV_POINTERS];
    for (size_t i = first; i < first + count; i = end) {
        end = i - i % line + line < first + count ? i - i % line + line : first + count;
        size_t tile = lc_gemm_tile(r->c->kernels, in_g, end - i);
        for (size_t p = i; p < end; p++) {
            size_t in_tile = (p - i) % tile, begin = p - i - in_tile, rows = end - i - begin < tile ? end - i - begin : tile;
            size_t column = p % now->columns, row = p / now->columns % now->rows, n = p / now->columns / now->rows;
            point(r, n, row, column, r->g * out_g, a + (i - first + begin) * now->taps + in_tile, rows);
        }
    }
    for (size_t q = panel; q < r->split.panels && q < panel + r->split.group; q++) {
        for (size_t i = first; i < first + count; i = end) {
            end = i - i % line + line < first + count ? i - i % line + line : first + count;
            float *to = pixel_at(r, i / now->columns / now->rows, i / now->columns % now->rows, i % now->columns) + r->g * in_g;
            lc_epilogue e = adding(r, to, ldc);
            lc_gemm_run(&r->weights, r->c->kernels, q, 1, end - i, now->taps, a + (i - first) * now->taps, to, ldc, &e, 0, 0);
        }
    }
    return LC_OK;
}

/* A row of pixels of the class that no output pixel saw. */
static lc_status clear_row(void *context, size_t item)
{
    const input_run *r = context;
    for (size_t x = 0; x < r->now.columns; x++) {
        memset(pixel_at(r, item / r->now.rows, item % r->now.rows, x), 0, r->s->in_c * sizeof(float));
    }
    return LC_OK;
}

/* A row of pixels of the class of a depthwise convolution. */
static lc_status depthwise_row(void *context, size_t item)
{
    const input_run *r = context;
    const float *in[LC_CONV_POINTERS];
    for (size_t x = 0; x < r->now.columns; x++) {
        size_t n = item / r->now.rows, row = item % r->now.rows;
        float *to = pixel_at(r, n, row, x);
        lc_epilogue e = adding(r, to, 0);
        point(r, n, row, x, 0, in, 1);
        r->c->kernels->depthwise(r->s->in_c, r->now.taps, in, r->packed, to, &e);
    }
    return LC_OK;
}

static lc_status one_class(input_run *r)
{
    const lc_conv_shape *s = r->s;
    const lc_op_call *c = r->c;
    size_t taps = s->w.kernel_h * s->w.kernel_w, lines = s->batch * r->now.rows, pixels = lines * r->now.columns;
    if (pixels == 0) {
        return LC_OK;
    }
    if (r->now.taps == 0) {
        return r->add ? LC_OK : lc_parallel_for(c->threads, lines, clear_row, r);
    }
    if (s->depthwise) {
        for (size_t i = 0; i < r->now.taps * s->in_c; i++) {
            size_t t = i / s->in_c;
            r->packed[i] = c->in[1]->data[i % s->in_c * taps + r->now.ky[t] * s->w.kernel_w + r->now.kx[t]];
        }
        return lc_parallel_for(c->threads, lines, depthwise_row, r);
    }
    size_t panel = lc_gemm_width(c->kernels, s->in_c / s->groups);
    r->weights = (lc_gemm){r->now.taps * (s->out_c / s->groups), s->in_c / s->groups, r->packed, false};
    for (r->g = 0; r->g < s->groups; r->g++) {
        LC_TRY(lc_parallel_for(c->threads, lc_ceil_div(r->weights.n, panel), pack_panel, r));
        r->split = lc_gemm_divide(&r->weights, c->kernels, pixels, s->out_c, r->now.taps, LC_CONV_POINTERS, c->threads);
        LC_TRY(lc_parallel_for(c->threads, r->split.items, gemm_item, r));
    }
    return LC_OK;
}

/* The window of the convolution of dout with the turned weights, and the tile of Winograd's by which it goes; 0: it does not.
 * Padding beyond the kernel (which cuts pixels away) has none. */
static size_t turned_window(const lc_conv_shape *s, lc_window *turned)
{
    const lc_window *w = &s->w;
    if (w->kernel_h != 3 || w->kernel_w != 3 || w->top > 2 || w->left > 2) {
        return 0;
    }
    *turned = *w;
    turned->in_h = w->out_h;
    turned->in_w = w->out_w;
    turned->out_h = w->in_h;
    turned->out_w = w->in_w;
    turned->top = 2 - w->top;
    turned->left = 2 - w->left;
    return s->groups == 1 ? lc_winograd_training_tile(turned, s->batch, s->out_c, s->in_c) : 0;
}

/* y = x * weights by Winograd, transformed here, with what c has besides; scratch: a pixel of zeros, U, and its run's. */
static lc_status convolve(const lc_op_call *c, const lc_window *w, size_t tile, bool turned, const lc_tensor *x, lc_tensor *y,
                          const lc_epilogue *e)
{
    size_t in_c = x->dims[3], out_c = y->dims[3], floats;
    float *zeros = c->scratch_data, *packed = zeros + padded(in_c);
    const lc_tensor *in[] = {x};
    lc_winograd u;
    lc_op_call own = *c;
    if (!lc_winograd_floats(tile, in_c, out_c, &floats)) {
        return lc_fail(LC_ERR_NOMEM, "weights of %zu x %zu channels are too large", in_c, out_c);
    }
    memset(zeros, 0, padded(in_c) * sizeof *zeros);
    lc_winograd_place(&u, tile, in_c, out_c, packed);
    LC_TRY(lc_winograd_fill(&u, c->kernels, c->threads, c->in[1]->data, turned));
    own.in = in;
    own.inputs = 1;
    own.out = y;
    own.scratch_data = packed + floats;
    own.scratch_size -= (size_t)(own.scratch_data - c->scratch_data);
    return lc_winograd_run(&u, &own, w, zeros, e);
}

static size_t convolve_scratch(const lc_op_call *c, const lc_window *w, size_t tile, size_t in_c, size_t out_c)
{
    size_t floats, each, most;
    if (!lc_winograd_floats(tile, in_c, out_c, &floats)) {
        return 0;
    }
    lc_winograd_scratch(w, tile, in_c, out_c, &each, &most);
    return padded(in_c) + floats + most * lc_threads_count(c->threads);
}

static lc_status input_winograd(const input_run *r, const lc_window *turned, size_t tile)
{
    const lc_conv_shape *s = r->s;
    lc_tensor x = {.rank = 4, .dims = {s->batch, s->w.out_h, s->w.out_w, s->out_c}};
    lc_tensor y = {.rank = 4, .dims = {s->batch, s->w.in_h, s->w.in_w, s->in_c}, .data = r->dx};
    lc_op_call c = *r->c;
    lc_epilogue e = adding(r, r->dx, s->in_c);
    memcpy(&x.data, &r->dout, sizeof x.data); /* read only */
    c.out_stride = 0;
    return convolve(&c, turned, tile, true, &x, &y, &e);
}

/* The tile by which Winograd is worth it in training only, or 0. */
static size_t training_tile(const lc_op_call *c, const lc_conv_shape *s)
{
    size_t tile = s->winograd && c->arithmetic != LC_EXACT ? lc_winograd_training_tile(&s->w, s->batch, s->in_c, s->out_c) : 0;
    return tile == s->winograd ? 0 : tile;
}

lc_status lc_conv_train(const lc_op_call *c, const lc_op_train *t)
{
    lc_conv_shape s;
    (void)t; /* nothing is kept for backward */
    LC_TRY(lc_conv_shape_of(c, &s));
    size_t tile = training_tile(c, &s);
    if (!tile) {
        return lc_op_conv.forward(c);
    }
    lc_epilogue e = c->epilogue;
    e.bias = lc_conv_bias(c->state);
    return convolve(c, &s.w, tile, false, c->in[0], c->out, &e);
}

static lc_status gradient_input(const lc_op_call *c, const lc_conv_shape *s, const float *dout, float *dx, bool add)
{
    input_run r = {.c = c, .s = s, .dout = dout, .dx = dx, .add = add, .zeros = c->scratch_data, .packed = c->scratch_data + padded(s->out_c)};
    lc_window turned;
    size_t tile = turned_window(s, &turned);
    if (tile && c->arithmetic != LC_EXACT) {
        return input_winograd(&r, &turned, tile);
    }
    memset(r.zeros, 0, padded(s->out_c) * sizeof *r.zeros);
    for (size_t i = 0; i < s->w.stride_h * s->w.stride_w; i++) {
        find_class(&s->w, i / s->w.stride_w, i % s->w.stride_w, &r.now);
        LC_TRY(one_class(&r));
    }
    return LC_OK;
}

static size_t input_scratch(const lc_op_call *c, const lc_conv_shape *s)
{
    size_t taps = s->w.kernel_h * s->w.kernel_w, packed = taps * (s->out_c / s->groups) * padded(s->in_c / s->groups);
    lc_window turned;
    size_t tile = turned_window(s, &turned);
    if (s->depthwise) {
        packed = taps * s->in_c;
    } else if (tile) {
        size_t floats = convolve_scratch(c, &turned, tile, s->out_c, s->in_c);
        packed = packed > floats ? packed : floats;
    }
    return padded(s->out_c) + packed + LC_COLUMN_PADDING;
}

typedef struct {
    const lc_op_call *c;
    const lc_conv_shape *s;
    const float *dout;
    float *sums; /* (N,K), then a row of K for each picture */
} bias_run;

static lc_status bias_picture(void *context, size_t n)
{
    const bias_run *r = context;
    size_t k = r->s->out_c, h = r->s->w.out_h, w = r->s->w.out_w;
    r->c->kernels->mean(h, w, k, k, r->dout + n * h * w * k, r->sums + (r->s->batch + n) * k, r->sums + n * k);
    return LC_OK;
}

/* Means of pictures first: their rounding error stays small however many pixels there are. */
static lc_status gradient_bias(const lc_op_call *c, const lc_conv_shape *s, const float *dout, float *db, bool add)
{
    bias_run r = {c, s, dout, c->scratch_data};
    double pixels = (double)s->w.out_h * (double)s->w.out_w;
    LC_TRY(lc_parallel_for(c->threads, s->batch, bias_picture, &r));
    for (size_t k = 0; k < s->out_c; k++) {
        double sum = 0;
        for (size_t n = 0; n < s->batch; n++) {
            sum += (double)r.sums[n * s->out_c + k];
        }
        db[k] = (float)((add ? (double)db[k] : 0) + sum * pixels);
    }
    return LC_OK;
}

void lc_conv_train_size(const lc_op_call *c, size_t *saved, size_t *scratch)
{
    lc_conv_shape s;
    *saved = *scratch = 0;
    if (lc_conv_shape_of(c, &s) == LC_OK) {
        size_t sizes[] = {input_scratch(c, &s), lc_conv_gradient_weights_scratch(c, &s), 2 * s.batch * s.out_c,
                          training_tile(c, &s) ? convolve_scratch(c, &s.w, training_tile(c, &s), s.in_c, s.out_c) : 0};
        for (size_t i = 0; i < 4; i++) {
            *scratch = sizes[i] > *scratch ? sizes[i] : *scratch;
        }
    }
}

/* dy (N,H',W',K) -> dx (N,H,W,C), dweights (K,C/g,kh,kw), dbias (K) */
lc_status lc_conv_backward(const lc_op_call *c, const lc_op_train *t)
{
    lc_conv_shape s;
    LC_TRY(lc_conv_shape_of(c, &s));
    if (t->din[0]) {
        LC_TRY(gradient_input(c, &s, t->dout, t->din[0], t->add[0]));
    }
    if (t->din[1]) {
        LC_TRY(lc_conv_gradient_weights(c, &s, t->dout, t->din[1], t->add[1], c->scratch_data));
    }
    if (c->inputs > 2 && c->in[2] && t->din[2]) {
        LC_TRY(gradient_bias(c, &s, t->dout, t->din[2], t->add[2]));
    }
    return LC_OK;
}
