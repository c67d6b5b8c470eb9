/*
 * Pooling: max, average, global average. A window's taps outside the map are left out of the maximum; whether they
 * count in an average's divisor is count_include_pad, and windows that reach past the padding (ceil_mode) count only
 * what lies within it, as in PyTorch.
 */
#include <string.h>

#include "extractor/ops/gradient.h"
#include "extractor/ops/window.h"

enum { MAX_TAPS = 4096 };

static const lc_attr max_attributes[] = {
    LC_WINDOW_ATTRIBUTES(lc_pool_params),
    {"storage_order", LC_ATTR_INT, offsetof(lc_pool_params, storage_order), 0, 0},
    {NULL, 0, 0, 0, 0},
};

static const lc_attr average_attributes[] = {
    LC_WINDOW_ATTRIBUTES(lc_pool_params),
    {"count_include_pad", LC_ATTR_INT, offsetof(lc_pool_params, count_include_pad), 0, 0},
    {NULL, 0, 0, 0, 0},
};

/* Along one dimension: does some window touch nothing of the map? Only one that starts before it or behind it can. */
static bool window_misses(size_t in, size_t out, size_t kernel, size_t stride, size_t dilation, size_t begin)
{
    if ((out - 1) * stride >= in + begin) {
        return true;
    }
    for (size_t o = 0; o < out && o * stride < begin; o++) {
        size_t before = begin - o * stride, tap = (before + dilation - 1) / dilation; /* the first one not before the map */
        if (tap >= kernel || tap * dilation - before >= in) {
            return true;
        }
    }
    return false;
}

static lc_status window_of(const lc_op_call *c, lc_window *w)
{
    const lc_pool_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 4));
    if (p->window.kernel_shape.count == 0) {
        return lc_fail(LC_ERR_SHAPE, "has no kernel_shape");
    }
    LC_TRY(lc_window_resolve(w, &p->window, c->in[0]->dims[1], c->in[0]->dims[2], 1, 1));
    if (w->kernel_h * w->kernel_w > MAX_TAPS) {
        return lc_fail(LC_ERR_UNSUPPORTED, "a window of %zux%zu is too large", w->kernel_h, w->kernel_w);
    }
    if (window_misses(w->in_h, w->out_h, w->kernel_h, w->stride_h, w->dilation_h, w->top) ||
        window_misses(w->in_w, w->out_w, w->kernel_w, w->stride_w, w->dilation_w, w->left)) {
        return lc_fail(LC_ERR_SHAPE, "padding %zux%zu + %zux%zu is wider than the window %zux%zu: some windows see nothing",
                       w->top, w->left, w->bottom, w->right, w->kernel_h, w->kernel_w);
    }
    if (c->band) {
        lc_window_band(w, c->band);
    }
    return LC_OK;
}

static bool rows_of(const lc_op_call *c, lc_rows *rows)
{
    lc_window w;
    if (window_of(c, &w) != LC_OK) {
        return false;
    }
    *rows = lc_window_rows(&w);
    return true;
}

/* x (N,H,W,C) -> y (N,H',W',C) */
static lc_status infer(lc_op_call *c)
{
    lc_window w;
    LC_TRY(window_of(c, &w));
    *c->out = (lc_tensor){.rank = 4, .dims = {c->in[0]->dims[0], w.out_h, w.out_w, c->in[0]->dims[3]}};
    return LC_OK;
}

typedef struct {
    const lc_op_call *c;
    const lc_op_train *t; /* in backward */
    lc_window w;
    bool average;
} pool_run;

/* Positions of a window of `extent` from `start` on that lie within 0..limit, where position = start + i * step. */
static size_t inside(size_t start, size_t kernel, size_t step, size_t limit)
{
    size_t n = 0;
    for (size_t i = 0; i < kernel; i++) {
        n += start + i * step < limit;
    }
    return n;
}

/* The pixels of the window (oy, ox) that lie within the map. Returns how many. */
static size_t pixels_of(const lc_window *w, size_t oy, size_t ox, size_t pixels[MAX_TAPS])
{
    size_t count = 0;
    for (size_t ky = 0; ky < w->kernel_h; ky++) {
        size_t iy = oy * w->stride_h + ky * w->dilation_h - w->top;
        for (size_t kx = 0; kx < w->kernel_w; kx++) {
            size_t ix = ox * w->stride_w + kx * w->dilation_w - w->left;
            if (iy < w->in_h && ix < w->in_w) { /* unsigned: before the map is a huge number */
                pixels[count++] = iy * w->in_w + ix;
            }
        }
    }
    return count;
}

/* What the sum over the `count` pixels of an averaging window is multiplied by. */
static float share_of(const pool_run *r, size_t oy, size_t ox, size_t count)
{
    const lc_window *w = &r->w;
    const lc_pool_params *p = r->c->params;
    if (p->count_include_pad) {
        count = inside(oy * w->stride_h, w->kernel_h, w->dilation_h, w->in_h + w->top + w->bottom) *
                inside(ox * w->stride_w, w->kernel_w, w->dilation_w, w->in_w + w->left + w->right);
    }
    return 1.0f / (float)count;
}

static lc_status pool_row(void *context, size_t item)
{
    const pool_run *r = context;
    const lc_window *w = &r->w;
    size_t channels = r->c->in[0]->dims[3], n = item / w->out_h, oy = item % w->out_h;
    const float *x = r->c->in[0]->data + n * w->in_h * w->in_w * channels;
    float *y = r->c->out->data + item * w->out_w * channels;
    for (size_t ox = 0; ox < w->out_w; ox++, y += channels) {
        const float *taps[MAX_TAPS];
        size_t pixels[MAX_TAPS], count = pixels_of(w, oy, ox, pixels);
        for (size_t i = 0; i < count; i++) {
            taps[i] = x + pixels[i] * channels;
        }
        if (r->average) {
            r->c->kernels->pool_sum(channels, count, taps, share_of(r, oy, ox, count), y);
        } else {
            r->c->kernels->pool_max(channels, count, taps, y);
        }
    }
    return LC_OK;
}

static lc_status run(const lc_op_call *c, bool average)
{
    pool_run r = {.c = c, .average = average};
    LC_TRY(window_of(c, &r.w));
    return lc_parallel_for(c->threads, c->out->dims[0] * r.w.out_h, pool_row, &r);
}

static lc_status forward_max(const lc_op_call *c)
{
    return run(c, false);
}

static lc_status forward_average(const lc_op_call *c)
{
    return run(c, true);
}

/* Channels that are one thread's where a picture's are: windows of gradients overlap, a mean is one sum. */
enum { STRIP = 64 };

static size_t strips_of(const lc_op_call *c)
{
    return (c->in[0]->dims[3] + STRIP - 1) / STRIP;
}

/* The strip that an item is: of which picture, from which channel on. Returns how many channels; starts it with zeros. */
static size_t begin_strip(const lc_op_call *c, const lc_op_train *t, size_t item, size_t *picture, size_t *first)
{
    size_t channels = c->in[0]->dims[3], area = c->in[0]->dims[1] * c->in[0]->dims[2], strips = strips_of(c);
    *picture = item / strips;
    *first = item % strips * STRIP;
    size_t n = channels - *first < STRIP ? channels - *first : STRIP;
    for (size_t p = 0; p < area && !t->add[0]; p++) {
        memset(t->din[0] + (*picture * area + p) * channels + *first, 0, n * sizeof(float));
    }
    return n;
}

static lc_status pool_strip_back(void *context, size_t item)
{
    const pool_run *r = context;
    const lc_window *w = &r->w;
    const lc_kernels *k = r->c->kernels;
    size_t channels = r->c->in[0]->dims[3], picture, first, n = begin_strip(r->c, r->t, item, &picture, &first);
    const float *x = r->c->in[0]->data + picture * w->in_h * w->in_w * channels + first;
    float *dx = r->t->din[0] + picture * w->in_h * w->in_w * channels + first;
    for (size_t place = 0; place < w->out_h * w->out_w; place++) {
        size_t oy = place / w->out_w, ox = place % w->out_w, at = (picture * w->out_h * w->out_w + place) * channels + first;
        const float *taps[MAX_TAPS];
        float *back[MAX_TAPS];
        size_t pixels[MAX_TAPS], count = pixels_of(w, oy, ox, pixels);
        for (size_t i = 0; i < count; i++) {
            taps[i] = x + pixels[i] * channels;
            back[i] = dx + pixels[i] * channels;
        }
        if (!r->average) {
            k->pool_max_back(n, count, taps, r->c->out->data + at, r->t->dout + at, back);
            continue;
        }
        float share = share_of(r, oy, ox, count);
        for (size_t i = 0; i < count; i++) {
            k->scale(n, share, r->t->dout + at, true, back[i]);
        }
    }
    return LC_OK;
}

static lc_status back(const lc_op_call *c, const lc_op_train *t, bool average)
{
    pool_run r = {.c = c, .t = t, .average = average};
    if (!lc_wants(c, t, 0)) {
        return LC_OK;
    }
    LC_TRY(window_of(c, &r.w));
    return lc_parallel_for(c->threads, c->in[0]->dims[0] * strips_of(c), pool_strip_back, &r);
}

static lc_status backward_max(const lc_op_call *c, const lc_op_train *t)
{
    return back(c, t, false);
}

static lc_status backward_average(const lc_op_call *c, const lc_op_train *t)
{
    return back(c, t, true);
}

const lc_op lc_op_maxpool = {
    .name = "maxpool",
    .onnx = "MaxPool",
    .attributes = max_attributes,
    .params_size = sizeof(lc_pool_params),
    .infer = infer,
    .forward = forward_max,
    .rows = rows_of,
    .keep = LC_KEEP_INPUT | LC_KEEP_OUTPUT,
    .backward = backward_max,
};

const lc_op lc_op_avgpool = {
    .name = "avgpool",
    .onnx = "AveragePool",
    .attributes = average_attributes,
    .params_size = sizeof(lc_pool_params),
    .infer = infer,
    .forward = forward_average,
    .rows = rows_of,
    .backward = backward_average,
};

/* x (N,H,W,C) -> y (N,1,1,C) */
static lc_status infer_global(lc_op_call *c)
{
    LC_TRY(lc_op_expect(c, 1, 4));
    *c->out = (lc_tensor){.rank = 4, .dims = {c->in[0]->dims[0], 1, 1, c->in[0]->dims[3]}};
    c->scratch = c->in[0]->dims[3];
    return LC_OK;
}

static lc_status mean_strip(void *context, size_t item)
{
    const lc_op_call *c = context;
    const lc_tensor *x = c->in[0];
    size_t channels = x->dims[3], strips = strips_of(c), first = item % strips * STRIP, at = item / strips * channels + first;
    c->kernels->mean(x->dims[1], x->dims[2], channels - first < STRIP ? channels - first : STRIP, channels,
                     x->data + item / strips * x->dims[1] * x->dims[2] * channels + first, c->scratch_data + at, c->out->data + at);
    return LC_OK;
}

static lc_status forward_global_average(const lc_op_call *c)
{
    return lc_parallel_for(c->threads, c->in[0]->dims[0] * strips_of(c), mean_strip, (void *)(uintptr_t)c);
}

typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
} picture_run;

static lc_status mean_picture_back(void *context, size_t n)
{
    const picture_run *r = context;
    const lc_tensor *x = r->c->in[0];
    size_t channels = x->dims[3], area = x->dims[1] * x->dims[2];
    for (size_t p = 0; p < area; p++) {
        r->c->kernels->scale(channels, 1 / (float)area, r->t->dout + n * channels, r->t->add[0], r->t->din[0] + (n * area + p) * channels);
    }
    return LC_OK;
}

static lc_status backward_global_average(const lc_op_call *c, const lc_op_train *t)
{
    picture_run r = {c, t};
    return lc_wants(c, t, 0) ? lc_parallel_for(c->threads, c->in[0]->dims[0], mean_picture_back, &r) : LC_OK;
}

const lc_op lc_op_global_avgpool = {
    .name = "global_avgpool",
    .onnx = "GlobalAveragePool",
    .infer = infer_global,
    .forward = forward_global_average,
    .backward = backward_global_average,
};

static lc_status max_picture(void *context, size_t n)
{
    const lc_op_call *c = context;
    const lc_tensor *x = c->in[0];
    size_t area = x->dims[1] * x->dims[2], channels = x->dims[3];
    float *y = c->out->data + n * channels;
    for (size_t p = 0; p < area; p++) {
        const float *pixel = x->data + (n * area + p) * channels;
        c->kernels->combine(LC_MAX, channels, p ? y : pixel, false, pixel, false, y);
    }
    return LC_OK;
}

static lc_status forward_global_max(const lc_op_call *c)
{
    return lc_parallel_for(c->threads, c->in[0]->dims[0], max_picture, (void *)(uintptr_t)c);
}

static lc_status max_strip_back(void *context, size_t item)
{
    const picture_run *r = context;
    const lc_tensor *x = r->c->in[0];
    size_t channels = x->dims[3], area = x->dims[1] * x->dims[2], n, first, count = begin_strip(r->c, r->t, item, &n, &first);
    for (size_t k = first; k < first + count; k++) {
        size_t p = 0;
        while (p + 1 < area && x->data[(n * area + p) * channels + k] != r->c->out->data[n * channels + k]) {
            p++;
        }
        r->t->din[0][(n * area + p) * channels + k] += r->t->dout[n * channels + k];
    }
    return LC_OK;
}

static lc_status backward_global_max(const lc_op_call *c, const lc_op_train *t)
{
    picture_run r = {c, t};
    return lc_wants(c, t, 0) ? lc_parallel_for(c->threads, c->in[0]->dims[0] * strips_of(c), max_strip_back, &r) : LC_OK;
}

const lc_op lc_op_global_maxpool = {
    .name = "global_maxpool",
    .onnx = "GlobalMaxPool",
    .infer = infer_global,
    .forward = forward_global_max,
    .keep = LC_KEEP_INPUT | LC_KEEP_OUTPUT,
    .backward = backward_global_max,
};

/* x (N,H,W,C) -> y (N,height,width,C): place i averages rows floor(i H / height) to ceil((i + 1) H / height), as PyTorch's. */
static lc_status infer_adaptive(lc_op_call *c)
{
    const lc_adaptive_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 4));
    if (p->height == 0 || p->width == 0 || p->height > 1 << 15 || p->width > 1 << 15) {
        return lc_fail(LC_ERR_SHAPE, "to %zux%zu", p->height, p->width);
    }
    size_t h = c->in[0]->dims[1], w = c->in[0]->dims[2];
    if ((h / p->height + 2) * (w / p->width + 2) > MAX_TAPS) {
        return lc_fail(LC_ERR_UNSUPPORTED, "a window of %zux%zu is too large", h / p->height + 2, w / p->width + 2);
    }
    *c->out = (lc_tensor){.rank = 4, .dims = {c->in[0]->dims[0], p->height, p->width, c->in[0]->dims[3]}};
    return LC_OK;
}

/* The pixels of place (oy, ox). Returns how many. */
static size_t adaptive_pixels(const lc_op_call *c, size_t oy, size_t ox, size_t pixels[MAX_TAPS])
{
    size_t in_h = c->in[0]->dims[1], in_w = c->in[0]->dims[2], out_h = c->out->dims[1], out_w = c->out->dims[2], count = 0;
    for (size_t iy = oy * in_h / out_h; iy < ((oy + 1) * in_h + out_h - 1) / out_h; iy++) {
        for (size_t ix = ox * in_w / out_w; ix < ((ox + 1) * in_w + out_w - 1) / out_w; ix++) {
            pixels[count++] = iy * in_w + ix;
        }
    }
    return count;
}

static lc_status adaptive_row(void *context, size_t item)
{
    const lc_op_call *c = context;
    const lc_tensor *x = c->in[0];
    size_t channels = x->dims[3], out_h = c->out->dims[1], out_w = c->out->dims[2], n = item / out_h;
    for (size_t ox = 0; ox < out_w; ox++) {
        const float *taps[MAX_TAPS];
        size_t pixels[MAX_TAPS], count = adaptive_pixels(c, item % out_h, ox, pixels);
        for (size_t i = 0; i < count; i++) {
            taps[i] = x->data + (n * x->dims[1] * x->dims[2] + pixels[i]) * channels;
        }
        c->kernels->pool_sum(channels, count, taps, 1.0f / (float)count, c->out->data + (item * out_w + ox) * channels);
    }
    return LC_OK;
}

static lc_status forward_adaptive(const lc_op_call *c)
{
    return lc_parallel_for(c->threads, c->out->dims[0] * c->out->dims[1], adaptive_row, (void *)(uintptr_t)c);
}

static lc_status adaptive_strip_back(void *context, size_t item)
{
    const picture_run *r = context;
    const size_t *in = r->c->in[0]->dims, *out = r->c->out->dims;
    size_t n, first, count = begin_strip(r->c, r->t, item, &n, &first);
    for (size_t place = 0; place < out[1] * out[2]; place++) {
        size_t pixels[MAX_TAPS], taps = adaptive_pixels(r->c, place / out[2], place % out[2], pixels);
        for (size_t i = 0; i < taps; i++) {
            r->c->kernels->scale(count, 1 / (float)taps, r->t->dout + (n * out[1] * out[2] + place) * out[3] + first, true,
                                 r->t->din[0] + (n * in[1] * in[2] + pixels[i]) * in[3] + first);
        }
    }
    return LC_OK;
}

static lc_status backward_adaptive(const lc_op_call *c, const lc_op_train *t)
{
    picture_run r = {c, t};
    return lc_wants(c, t, 0) ? lc_parallel_for(c->threads, c->in[0]->dims[0] * strips_of(c), adaptive_strip_back, &r) : LC_OK;
}

const lc_op lc_op_adaptive_avgpool = {
    .name = "adaptive_avgpool",
    .params_size = sizeof(lc_adaptive_params),
    .infer = infer_adaptive,
    .forward = forward_adaptive,
    .backward = backward_adaptive,
};
