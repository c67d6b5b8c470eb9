/*
 * The gradient of a convolution by its weights: dW[k][c][tap] = sum over output pixels p of dout[p][k] x[p under tap][c].
 *
 * For each tap that is a matrix product whose inner dimension runs over the pixels of the whole batch (kernels' gemm_outer).
 * It is cut into blocks of about BLOCK_PIXELS pixels. A block's part of x is copied into a padded frame: padding needs no
 * tests then, and under a tap the pixels of an output row are one arithmetic progression. There and in the copy of dout,
 * channels lie in panels as wide as a tile, so that a step of the product reads whole cache lines, one after another, and a
 * panel stays in the cache while all taps and all tiles of the result pass over it.
 *
 * With few channels (`framed`, see conv.c) the frame has no panels: the kw * C inputs of a kernel row are neighbours in it,
 * and one tap. They are the rows of the product, whose number matters less than that of the columns.
 *
 * Sums are made as (K, taps, C), or (kh, kw * C, K) if framed, in the order of blocks, which depends on the shapes alone; at
 * the end they take the order of the file. 3x3 kernels of stride 1 go by winograd_gradient.c.
 */
#include <string.h>

#include "extractor/ops/conv.h"
#include "extractor/ops/winograd.h"

enum {
    BLOCK_PIXELS = 1024,
    MOST_LINES = 1024, /* of a block */
};

/* How the work is cut: a block is `lines` output rows of each of `pictures` pictures. */
typedef struct {
    size_t lines, pictures;
    size_t rows, columns;               /* of x's frame for a picture of a block */
    size_t step_h, step_w;              /* of x's pixels in the frame: a kernel of one pixel skips those between */
    size_t stride_h, stride_w;          /* of output pixels there */
    size_t taps;
    size_t panel;                       /* channels of a panel, at most */
    size_t in_width, in_panels;         /* columns of x under a tap, in a group; their panels */
    size_t out_width, out_panels;       /* of dout */
} division;

static division divide(const lc_kernels *kernels, const lc_conv_shape *s)
{
    const lc_window *w = &s->w;
    division d = {.pictures = 1, .panel = kernels->tile_vectors * kernels->vector};
    size_t lines = BLOCK_PIXELS / w->out_w ? BLOCK_PIXELS / w->out_w : 1;
    d.lines = lines < w->out_h ? lines : w->out_h;
    if (d.lines == w->out_h) {
        d.pictures = lines / w->out_h < s->batch ? lines / w->out_h : s->batch;
    }
    d.step_h = w->kernel_h == 1 ? w->stride_h : 1;
    d.step_w = w->kernel_w == 1 ? w->stride_w : 1;
    d.stride_h = w->stride_h / d.step_h;
    d.stride_w = w->stride_w / d.step_w;
    d.rows = (d.lines - 1) * d.stride_h + (w->kernel_h - 1) * w->dilation_h + 1;
    d.columns = (w->out_w - 1) * d.stride_w + (w->kernel_w - 1) * w->dilation_w + 1;
    d.taps = s->framed ? w->kernel_h : w->kernel_h * w->kernel_w;
    d.in_width = s->in_c / s->groups * (s->framed ? w->kernel_w : 1);
    d.in_panels = (d.in_width + d.panel - 1) / d.panel;
    d.out_width = s->out_c / s->groups;
    d.out_panels = (d.out_width + d.panel - 1) / d.panel;
    return d;
}

static size_t sums_size(const lc_conv_shape *s)
{
    return s->out_c * (s->in_c / s->groups) * s->w.kernel_h * s->w.kernel_w;
}

static bool by_winograd(const lc_op_call *c, const lc_conv_shape *s)
{
    return s->winograd && c->arithmetic != LC_EXACT && lc_winograd_training_tile(&s->w, s->batch, s->in_c, s->out_c) == 4;
}

/* Of a smaller batch, too, which may go the other way. */
size_t lc_conv_gradient_weights_scratch(const lc_op_call *c, const lc_conv_shape *s)
{
    if (s->depthwise) {
        return (s->batch * s->w.kernel_h * s->w.kernel_w + 1) * s->in_c;
    }
    division d = divide(c->kernels, s);
    size_t direct = d.pictures * (d.rows * d.columns * s->in_c + d.lines * s->w.out_w * s->out_c) + sums_size(s);
    size_t winograd = by_winograd(c, s) ? lc_winograd_dweights_scratch(c->kernels, &s->w, s->batch, s->in_c, s->out_c) : 0;
    return direct > winograd ? direct : winograd;
}

typedef struct {
    const lc_op_call *c;
    const lc_conv_shape *s;
    division d;
    const float *dout;
    float *dw, *frame, *panels, *sums; /* panels: of dout */
    bool add;
    size_t picture, line;   /* where the block begins */
    size_t pictures, lines; /* and its size */
} weights_run;

/* Channels of panel i of a group of `width` channels. */
static size_t panel_width(const weights_run *r, size_t width, size_t i)
{
    return width - i * r->d.panel < r->d.panel ? width - i * r->d.panel : r->d.panel;
}

/* `n` pixels that lie `step` floats apart to pixel `first` and those behind it in the panels of a block of `pixels`; NULL: zeros. */
static void to_panels(const weights_run *r, const float *from, size_t step, size_t n, size_t width, float *panels, size_t pixels,
                      size_t first)
{
    for (size_t channel = 0; channel < r->s->groups * width; ) {
        size_t columns = panel_width(r, width, channel % width / r->d.panel);
        float *to = panels + channel * pixels + first * columns;
        if (!from) {
            memset(to, 0, n * columns * sizeof *to);
        }
        for (size_t i = 0; from && i < n; i++) {
            if (columns == LC_MAX_PANEL) { /* a constant size: no call */
                memcpy(to + i * columns, from + i * step + channel, LC_MAX_PANEL * sizeof *to);
            } else {
                memcpy(to + i * columns, from + i * step + channel, columns * sizeof *to);
            }
        }
        channel += columns;
    }
}

/* One row of the frame of one picture of the block. */
static lc_status copy_row(void *context, size_t item)
{
    const weights_run *r = context;
    const division *d = &r->d;
    const lc_window *w = &r->s->w;
    size_t n = item / d->rows, channels = r->s->in_c, width = r->s->framed ? channels : d->in_width;
    size_t y = r->line * w->stride_h + item % d->rows * d->step_h - w->top; /* unsigned: above the map is a huge number */
    size_t left = (w->left + d->step_w - 1) / d->step_w, end = (w->in_w + w->left + d->step_w - 1) / d->step_w;
    size_t pixels = r->pictures * d->rows * d->columns, first = item * d->columns;
    left = y < w->in_h && left < d->columns ? left : d->columns;
    end = end < d->columns ? end : d->columns;
    end = end > left ? end : left;
    const float *from = r->c->in[0]->data + (((r->picture + n) * w->in_h + y) * w->in_w + left * d->step_w - w->left) * channels;
    if (r->s->framed) {
        float *to = r->frame + first * channels;
        memset(to, 0, left * channels * sizeof *to);
        if (end > left) {
            memcpy(to + left * channels, from, (end - left) * channels * sizeof *to);
        }
        memset(to + end * channels, 0, (d->columns - end) * channels * sizeof *to);
        return LC_OK;
    }
    to_panels(r, NULL, 0, left, width, r->frame, pixels, first);
    to_panels(r, from, d->step_w * channels, end - left, width, r->frame, pixels, first + left);
    to_panels(r, NULL, 0, d->columns - end, width, r->frame, pixels, first + end);
    return LC_OK;
}

/* One row of output pixels of the block. */
static lc_status copy_dout(void *context, size_t item)
{
    const weights_run *r = context;
    size_t row = (r->picture + item / r->lines) * r->s->w.out_h + r->line + item % r->lines, out_w = r->s->w.out_w;
    to_panels(r, r->dout + row * out_w * r->s->out_c, r->s->out_c, out_w, r->d.out_width, r->panels,
              r->pictures * r->lines * out_w, item * out_w);
    return LC_OK;
}

/* A panel of x against a panel of dout, under all taps. */
static lc_status one_pair(void *context, size_t item)
{
    const weights_run *r = context;
    const lc_conv_shape *s = r->s;
    const lc_window *w = &s->w;
    const division *d = &r->d;
    const float *in[MOST_LINES], *out[MOST_LINES];
    size_t i_out = item % d->out_panels, i_in = item / d->out_panels % d->in_panels, g = item / d->out_panels / d->in_panels;
    size_t lines = r->pictures * r->lines, n_in = panel_width(r, d->in_width, i_in), n_out = panel_width(r, d->out_width, i_out);
    size_t channel_in = g * d->in_width + i_in * d->panel, channel_out = g * d->out_width + i_out * d->panel;
    size_t step = s->framed ? s->in_c : n_in; /* floats from one pixel of the frame to the next */
    const float *frame = r->frame + (s->framed ? channel_in : channel_in * r->pictures * d->rows * d->columns);
    const float *panel = r->panels + channel_out * lines * w->out_w;
    size_t rows = s->framed ? n_in : n_out, columns = s->framed ? n_out : n_in, tile = lc_gemm_tile(r->c->kernels, columns, rows);
    size_t ldc = s->framed ? s->out_c : d->taps * d->in_width;
    bool add = r->picture + r->line > 0;
    for (size_t k = 0; k < rows; k += tile) {
        size_t n = rows - k < tile ? rows - k : tile;
        for (size_t t = 0; t < d->taps; t++) {
            size_t ky = s->framed ? t : t / w->kernel_w, kx = s->framed ? 0 : t % w->kernel_w;
            for (size_t i = 0; i < lines; i++) {
                size_t y = i / r->lines * d->rows + i % r->lines * d->stride_h + ky * w->dilation_h;
                in[i] = frame + (y * d->columns + kx * w->dilation_w) * step + (s->framed ? k : 0);
                out[i] = panel + i * w->out_w * n_out + (s->framed ? 0 : k);
            }
            if (s->framed) {
                r->c->kernels->gemm_outer(n, columns, lines, w->out_w, in, d->stride_w * step, out, n_out,
                                          r->sums + (t * d->in_width + channel_in + k) * ldc + channel_out, ldc, add);
            } else {
                r->c->kernels->gemm_outer(n, columns, lines, w->out_w, out, n_out, in, d->stride_w * step,
                                          r->sums + (channel_out + k) * ldc + t * d->in_width + i_in * d->panel, ldc, add);
            }
        }
    }
    return LC_OK;
}

/* The sums of one output channel in the file's order, (C/g, taps). */
static lc_status reorder(void *context, size_t k)
{
    const weights_run *r = context;
    size_t taps = r->s->w.kernel_h * r->s->w.kernel_w, in_g = r->s->in_c / r->s->groups, step = r->s->framed ? r->s->out_c : 1;
    const float *from = r->sums + (r->s->framed ? k : k * taps * in_g);
    float *to = r->dw + k * taps * in_g;
    for (size_t i = 0; i < in_g; i++) {
        for (size_t t = 0; t < taps; t++) {
            float sum = from[(t * in_g + i) * step];
            to[i * taps + t] = r->add ? to[i * taps + t] + sum : sum;
        }
    }
    return LC_OK;
}

/* The part of one picture in a depthwise convolution's: sums (taps, C). */
static lc_status depthwise_picture(void *context, size_t n)
{
    const weights_run *r = context;
    const lc_window *w = &r->s->w;
    size_t channels = r->s->in_c, taps = w->kernel_h * w->kernel_w;
    const float *zeros = r->frame, *x = r->c->in[0]->data + n * w->in_h * w->in_w * channels, *in[LC_CONV_POINTERS];
    float *sums = r->sums + n * taps * channels;
    memset(sums, 0, taps * channels * sizeof *sums);
    for (size_t y = 0; y < w->out_h; y++) {
        for (size_t z = 0, pixels; z < w->out_w; z += pixels) {
            /* From this pixel on, how many see no padding left or right; else one at a time. */
            size_t first = z * w->stride_w - w->left, reach = (w->kernel_w - 1) * w->dilation_w;
            pixels = first < w->in_w && first + reach < w->in_w ? (w->in_w - 1 - reach - first) / w->stride_w + 1 : 1;
            pixels = pixels < w->out_w - z ? pixels : w->out_w - z;
            for (size_t t = 0; t < taps; t++) {
                size_t iy = y * w->stride_h + t / w->kernel_w * w->dilation_h - w->top, ix = first + t % w->kernel_w * w->dilation_w;
                bool there = iy < w->in_h && ix < w->in_w;
                in[t] = there ? x + (iy * w->in_w + ix) * channels : zeros;
            }
            const float *dout = r->dout + ((n * w->out_h + y) * w->out_w + z) * channels;
            if (pixels == 1) {
                r->c->kernels->depthwise_weights(taps, 1, channels, in, 0, dout, sums);
                continue;
            }
            for (size_t ky = 0; ky < w->kernel_h; ky++) { /* kernel rows in the padding add nothing */
                if (in[ky * w->kernel_w] != zeros) {
                    r->c->kernels->depthwise_weights(w->kernel_w, pixels, channels, in + ky * w->kernel_w, w->stride_w * channels,
                                                     dout, sums + ky * w->kernel_w * channels);
                }
            }
        }
    }
    return LC_OK;
}

static lc_status depthwise(weights_run *r)
{
    const lc_conv_shape *s = r->s;
    size_t taps = s->w.kernel_h * s->w.kernel_w;
    memset(r->frame, 0, s->in_c * sizeof *r->frame);
    r->sums = r->frame + s->in_c;
    LC_TRY(lc_parallel_for(r->c->threads, s->batch, depthwise_picture, r));
    for (size_t i = 0; i < taps * s->in_c; i++) {
        float sum = 0, *to = &r->dw[i % s->in_c * taps + i / s->in_c];
        for (size_t n = 0; n < s->batch; n++) {
            sum += r->sums[n * taps * s->in_c + i];
        }
        *to = r->add ? *to + sum : sum;
    }
    return LC_OK;
}

lc_status lc_conv_gradient_weights(const lc_op_call *c, const lc_conv_shape *s, const float *dout, float *dw, bool add, float *scratch)
{
    weights_run r = {.c = c, .s = s, .dout = dout, .dw = dw, .add = add, .frame = scratch};
    if (s->depthwise) {
        return depthwise(&r);
    }
    if (by_winograd(c, s)) {
        return lc_winograd_dweights(c->kernels, c->threads, &s->w, s->batch, s->in_c, s->out_c, c->in[0]->data, dout, dw, add, scratch);
    }
    r.d = divide(c->kernels, s);
    r.panels = scratch + r.d.pictures * r.d.rows * r.d.columns * s->in_c;
    r.sums = r.panels + r.d.pictures * r.d.lines * s->w.out_w * s->out_c;
    for (r.picture = 0; r.picture < s->batch; r.picture += r.pictures) {
        r.pictures = s->batch - r.picture < r.d.pictures ? s->batch - r.picture : r.d.pictures;
        for (r.line = 0; r.line < s->w.out_h; r.line += r.lines) {
            r.lines = s->w.out_h - r.line < r.d.lines ? s->w.out_h - r.line : r.d.lines;
            LC_TRY(lc_parallel_for(c->threads, r.pictures * r.d.rows, copy_row, &r));
            LC_TRY(lc_parallel_for(c->threads, r.pictures * r.lines, copy_dout, &r));
            LC_TRY(lc_parallel_for(c->threads, s->groups * r.d.in_panels * r.d.out_panels, one_pair, &r));
        }
    }
    return lc_parallel_for(c->threads, s->out_c, reorder, &r);
}
