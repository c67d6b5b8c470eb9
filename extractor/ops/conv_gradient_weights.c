/*
 * The gradient of a convolution by its weights: dW[k][c][tap] = sum over output pixels p of dout[p][k] x[p under tap][c].
 *
 * For each tap that is a matrix product whose inner dimension runs over the pixels of the whole batch (kernels' gemm_outer).
 * It is cut into blocks of about BLOCK_PIXELS pixels, so that the block's part of dout and x stays in the second-level
 * cache while all taps and all tiles of the result pass over it. x is copied into a padded frame first: padding needs no
 * tests then, and under a tap the pixels of an output row are one arithmetic progression. With few channels (`framed`, see
 * conv.c) the kw * C inputs of a kernel row are neighbours in that frame, and one tap.
 *
 * Sums are made as (K, taps, C), in the order of blocks, which depends on the shapes alone; at the end they take the order
 * of the file.
 */
#include <string.h>

#include "extractor/ops/conv.h"

enum {
    BLOCK_PIXELS = 1024,
    MOST_LINES = 1024, /* of a block */
};

/* How the work is cut: a block is `lines` output rows of each of `pictures` pictures. */
typedef struct {
    size_t lines, pictures;
    size_t rows, columns;     /* of x's frame for a picture of a block */
    size_t taps, width;       /* of a group's part of the result: taps, columns under each */
    size_t tiles, tile;       /* of a group's rows; rows of one */
    size_t panels, panel;     /* of a group's columns; columns of one, at most */
} division;

static division divide(const lc_kernels *kernels, const lc_conv_shape *s)
{
    const lc_window *w = &s->w;
    division d = {.pictures = 1};
    size_t lines = BLOCK_PIXELS / w->out_w ? BLOCK_PIXELS / w->out_w : 1, out_g = s->out_c / s->groups;
    d.lines = lines < w->out_h ? lines : w->out_h;
    if (d.lines == w->out_h) {
        d.pictures = lines / w->out_h < s->batch ? lines / w->out_h : s->batch;
    }
    d.rows = (d.lines - 1) * w->stride_h + (w->kernel_h - 1) * w->dilation_h + 1;
    d.columns = (w->out_w - 1) * w->stride_w + (w->kernel_w - 1) * w->dilation_w + 1;
    d.taps = s->framed ? w->kernel_h : w->kernel_h * w->kernel_w;
    d.width = s->in_c / s->groups * (s->framed ? w->kernel_w : 1);
    d.tile = lc_gemm_tile(kernels, out_g);
    d.tiles = (out_g + d.tile - 1) / d.tile;
    d.panel = kernels->tile_vectors * kernels->vector;
    d.panels = (d.width + d.panel - 1) / d.panel;
    return d;
}

static size_t sums_size(const lc_conv_shape *s)
{
    return s->out_c * (s->in_c / s->groups) * s->w.kernel_h * s->w.kernel_w;
}

size_t lc_conv_gradient_weights_scratch(const lc_op_call *c, const lc_conv_shape *s)
{
    if (s->depthwise) {
        return (s->batch * s->w.kernel_h * s->w.kernel_w + 1) * s->in_c;
    }
    division d = divide(c->kernels, s);
    return d.pictures * d.rows * d.columns * s->in_c + sums_size(s);
}

typedef struct {
    const lc_op_call *c;
    const lc_conv_shape *s;
    division d;
    const float *dout;
    float *dw, *frame, *sums;
    bool add;
    size_t picture, line;   /* where the block begins */
    size_t pictures, lines; /* and its size */
} weights_run;

/* One row of the frame of one picture of the block. */
static lc_status copy_row(void *context, size_t item)
{
    const weights_run *r = context;
    const lc_window *w = &r->s->w;
    size_t n = item / r->d.rows, row = item % r->d.rows, channels = r->s->in_c;
    size_t y = r->line * w->stride_h + row - w->top; /* unsigned: above the map is a huge number */
    float *to = r->frame + item * r->d.columns * channels;
    size_t left = w->left < r->d.columns ? w->left : r->d.columns, there = r->d.columns - left;
    there = there < w->in_w ? there : w->in_w;
    if (y >= w->in_h) {
        there = 0;
    }
    memset(to, 0, left * channels * sizeof *to);
    if (there) {
        memcpy(to + left * channels, r->c->in[0]->data + ((r->picture + n) * w->in_h + y) * w->in_w * channels,
               there * channels * sizeof *to);
    }
    memset(to + (left + there) * channels, 0, (r->d.columns - left - there) * channels * sizeof *to);
    return LC_OK;
}

/* One tile of rows against one panel of columns, under all taps. */
static lc_status one_tile(void *context, size_t item)
{
    const weights_run *r = context;
    const lc_conv_shape *s = r->s;
    const lc_window *w = &s->w;
    const division *d = &r->d;
    const float *a[MOST_LINES], *b[MOST_LINES];
    size_t tile = item % d->tiles, panel = item / d->tiles % d->panels, g = item / d->tiles / d->panels;
    size_t out_g = s->out_c / s->groups, row = tile * d->tile, column = panel * d->panel, lines = r->pictures * r->lines;
    size_t rows = out_g - row < d->tile ? out_g - row : d->tile, columns = d->width - column < d->panel ? d->width - column : d->panel;
    for (size_t i = 0; i < lines; i++) {
        size_t line = (r->picture + i / r->lines) * w->out_h + r->line + i % r->lines;
        a[i] = r->dout + line * w->out_w * s->out_c + g * out_g + row;
    }
    for (size_t t = 0; t < d->taps; t++) {
        size_t ky = s->framed ? t : t / w->kernel_w, kx = s->framed ? 0 : t % w->kernel_w;
        for (size_t i = 0; i < lines; i++) {
            size_t y = i / r->lines * d->rows + i % r->lines * w->stride_h + ky * w->dilation_h;
            b[i] = r->frame + (y * d->columns + kx * w->dilation_w) * s->in_c + g * (s->in_c / s->groups) + column;
        }
        r->c->kernels->gemm_outer(rows, columns, lines, w->out_w, a, s->out_c, b, w->stride_w * s->in_c,
                                  r->sums + ((g * out_g + row) * d->taps + t) * d->width + column, d->taps * d->width,
                                  r->picture + r->line > 0);
    }
    return LC_OK;
}

/* The sums of one output channel, (taps, C/g), in the file's order, (C/g, taps). */
static lc_status reorder(void *context, size_t k)
{
    const weights_run *r = context;
    size_t taps = r->s->w.kernel_h * r->s->w.kernel_w, in_g = r->s->in_c / r->s->groups;
    const float *from = r->sums + k * taps * in_g;
    float *to = r->dw + k * taps * in_g;
    for (size_t i = 0; i < in_g; i++) {
        for (size_t t = 0; t < taps; t++) {
            float sum = from[t * in_g + i];
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
    r.d = divide(c->kernels, s);
    r.sums = scratch + r.d.pictures * r.d.rows * r.d.columns * s->in_c;
    for (r.picture = 0; r.picture < s->batch; r.picture += r.pictures) {
        r.pictures = s->batch - r.picture < r.d.pictures ? s->batch - r.picture : r.d.pictures;
        for (r.line = 0; r.line < s->w.out_h; r.line += r.lines) {
            r.lines = s->w.out_h - r.line < r.d.lines ? s->w.out_h - r.line : r.d.lines;
            LC_TRY(lc_parallel_for(c->threads, r.pictures * r.d.rows, copy_row, &r));
            LC_TRY(lc_parallel_for(c->threads, s->groups * r.d.panels * r.d.tiles, one_tile, &r));
        }
    }
    return lc_parallel_for(c->threads, s->out_c, reorder, &r);
}
