/*
 * PIL's resampling on 8-bit pixels (Pillow 9.4, Image.resize without box and reducing_gap), bit for bit.
 *
 * Along one axis, n input positions become m output positions, with scale s = n / m. Output position i has its centre
 * at c = (i + 1/2) s in input coordinates. When the picture shrinks (s > 1) the filter f is stretched by s, so that it
 * covers all the input that falls into one output position: that is the antialiasing. With t = max(s, 1) and the
 * filter's support r (bilinear 1, bicubic 2), input position j counts when its centre j + 1/2 lies within r t of c,
 *
 *   first = floor(c - r t + 1/2),  end = floor(c + r t + 1/2),  clipped to the picture,
 *   w_j = f((j + 1/2 - c) / t) / sum of them.
 *
 * f is the triangle 1 - |x|, or the cubic convolution kernel with a = -1/2 (Keys 1981):
 *   |x| < 1:  (a + 2)|x|^3 - (a + 3)|x|^2 + 1,    |x| < 2:  a (|x|^3 - 5|x|^2 + 8|x| - 4).
 *
 * Weights are computed in double and rounded, half away from zero, to integers with 22 bits of fraction (32 bits minus 8
 * of the pixel minus 2 for sign and overshoot); sums are 32-bit integers, started at one half, shifted and clipped to
 * 8 bits. The horizontal pass comes first and its result is 8-bit again. A pass whose sizes are equal has weights 1 at
 * j = i and 0 elsewhere, and is left out.
 *
 * How the sums are formed is resize_loops.h's: `down` for the vertical pass, `along` for the horizontal one, which gets
 * LC_RESIZE_ROWS rows at a time, copied to where it may read and write behind their ends.
 */
#include "extractor/image/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/image/decode.h"
#include "extractor/image/resize_loops.h"

static double triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0) {
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    }
    return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

static void axis_free(lc_resize_axis *a)
{
    free(a->first);
    free(a->taps);
    free(a->weights);
}

/* Output positions start .. start + n - 1 of an axis that takes `from` positions to `to`. */
static lc_status axis_make(lc_resize_axis *a, size_t from, size_t to, size_t start, size_t n, lc_filter filter)
{
    double (*f)(double) = filter == LC_FILTER_BICUBIC ? cubic : triangle;
    double scale = (double)from / (double)to, stretch = scale < 1.0 ? 1.0 : scale;
    double support = (filter == LC_FILTER_BICUBIC ? 2.0 : 1.0) * stretch, shrink = 1.0 / stretch;
    size_t weights;
    double *w = NULL;
    size_t most = (size_t)ceil(support) * 2 + 1; /* taps */
    *a = (lc_resize_axis){.n = n, .stride = (most + LC_RESIZE_TAPS - 1) / LC_RESIZE_TAPS * LC_RESIZE_TAPS};
    lc_status status = lc_alloc_raw(&a->first, n, sizeof *a->first);
    if (status == LC_OK) {
        status = lc_alloc_raw(&a->taps, n, sizeof *a->taps);
    }
    if (status == LC_OK) {
        status = lc_mul(n, a->stride, &weights) ? lc_alloc_array(&a->weights, weights, sizeof *a->weights)
                                                : lc_fail(LC_ERR_NOMEM, "no memory for the weights of a resize");
    }
    if (status == LC_OK) {
        status = lc_alloc_raw(&w, a->stride, sizeof *w);
    }
    if (status != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        double centre = ((double)(start + i) + 0.5) * scale, sum = 0.0;
        double low = centre - support + 0.5, high = centre + support + 0.5;
        size_t first = low > 0.0 ? (size_t)low : 0, end = high < (double)from ? (size_t)high : from;
        size_t taps = end - first;
        int32_t *out = a->weights + i * a->stride;
        for (size_t j = 0; j < taps; j++) {
            w[j] = f(((double)(j + first) - centre + 0.5) * shrink);
            sum += w[j];
        }
        for (size_t j = 0; j < taps; j++) {
            double v = (sum != 0.0 ? w[j] / sum : w[j]) * (1 << LC_RESIZE_BITS);
            out[j] = (int32_t)(v < 0.0 ? v - 0.5 : v + 0.5);
        }
        a->first[i] = first;
        a->taps[i] = taps;
    }
done:
    free(w);
    if (status != LC_OK) {
        axis_free(a);
        *a = (lc_resize_axis){0};
    }
    return status;
}

/* The input positions that an axis touches: *first .. returned end - 1. Both ends grow with the position. */
static size_t axis_reach(const lc_resize_axis *a, size_t *first)
{
    *first = a->first[0];
    return a->first[a->n - 1] + a->taps[a->n - 1];
}

/* Rows row0 .. row0 + out->height - 1 of `in`, resampled along x into out (its height, a->n). */
static lc_status horizontal_pass(lc_image *out, const lc_image *in, size_t row0, const lc_resize_axis *a,
                                 const lc_resize_loops *loops)
{
    size_t left, right = axis_reach(a, &left), in_row = (right - left) * 3, out_row = a->n * 3;
    size_t in_step = in_row + LC_RESIZE_SLACK, out_step = out_row + 1;
    uint8_t *lines = NULL, *result = NULL;
    lc_status status = lc_alloc_array(&lines, in_step, LC_RESIZE_ROWS);
    if (status == LC_OK) {
        status = lc_alloc_raw(&result, out_step, LC_RESIZE_ROWS);
    }
    for (size_t y = 0; status == LC_OK && y < out->height; y += LC_RESIZE_ROWS) {
        size_t rows = out->height - y < LC_RESIZE_ROWS ? out->height - y : LC_RESIZE_ROWS;
        for (size_t r = 0; r < rows; r++) {
            memcpy(lines + r * in_step, in->pixels + ((row0 + y + r) * in->width + left) * 3, in_row);
        }
        loops->along(result, out_step, lines, in_step, left, a);
        for (size_t r = 0; r < rows; r++) {
            memcpy(out->pixels + (y + r) * out_row, result + r * out_step, out_row);
        }
    }
    free(lines);
    free(result);
    return status;
}

static void vertical_pass(lc_image *out, const lc_image *in, size_t row0, const lc_resize_axis *a,
                          const lc_resize_loops *loops)
{
    size_t step = in->width * 3;
    for (size_t y = 0; y < a->n; y++) {
        loops->down(out->pixels + y * step, in->pixels + (a->first[y] - row0) * step, step, a->weights + y * a->stride,
                    a->taps[y], step);
    }
}

/* PIL steps from centre to centre by adding the scale, in double; a product would round otherwise. */
static void nearest_positions(size_t *out, size_t from, size_t to, size_t start, size_t n)
{
    double scale = (double)from / (double)to, centre = scale * 0.5;
    for (size_t i = 0; i < start + n; i++, centre += scale) {
        size_t at = (size_t)centre;
        if (i >= start) {
            out[i - start] = at < from ? at : from - 1;
        }
    }
}

static lc_status nearest(lc_image *out, const lc_image *in, const lc_resize_window *w)
{
    size_t *at;
    LC_TRY(lc_alloc_raw(&at, w->width + w->height, sizeof *at));
    size_t *xs = at, *ys = at + w->width;
    lc_status status = lc_image_new(out, w->width, w->height);
    if (status != LC_OK) {
        goto done;
    }
    nearest_positions(xs, in->width, w->full_width, w->x, w->width);
    nearest_positions(ys, in->height, w->full_height, w->y, w->height);
    for (size_t y = 0; y < w->height; y++) {
        const uint8_t *row = in->pixels + ys[y] * in->width * 3;
        for (size_t x = 0; x < w->width; x++) {
            memcpy(out->pixels + (y * w->width + x) * 3, row + xs[x] * 3, 3);
        }
    }
done:
    free(at);
    return status;
}

static lc_status antialiased(lc_image *out, const lc_image *in, const lc_resize_window *w, lc_filter filter)
{
    lc_resize_axis across = {0}, down = {0};
    lc_image middle = {0};
    const lc_resize_loops *loops = lc_resize_loops_get();
    size_t row0, rows, work;
    lc_status status = axis_make(&across, in->width, w->full_width, w->x, w->width, filter);
    if (status == LC_OK) {
        status = axis_make(&down, in->height, w->full_height, w->y, w->height, filter);
    }
    if (status != LC_OK) {
        goto done;
    }
    rows = axis_reach(&down, &row0) - row0;
    if (!lc_mul(rows, w->width, &work) || work > LC_IMAGE_MAX_PIXELS) {
        status = lc_fail(LC_ERR_UNSUPPORTED, "%zu x %zu pixels are too long and thin to be resized to %zu x %zu", in->width,
                         in->height, w->full_width, w->full_height);
        goto done;
    }
    status = lc_image_new(&middle, w->width, rows);
    if (status == LC_OK) {
        status = horizontal_pass(&middle, in, row0, &across, loops);
    }
    if (status == LC_OK) {
        status = lc_image_new(out, w->width, w->height);
    }
    if (status == LC_OK) {
        vertical_pass(out, &middle, row0, &down, loops);
    }
done:
    axis_free(&across);
    axis_free(&down);
    lc_image_free(&middle);
    return status;
}

lc_status lc_resize_window_of(lc_image *out, const lc_image *in, const lc_resize_window *w, lc_filter filter)
{
    *out = (lc_image){0};
    if (w->full_width > INT32_MAX || w->full_height > INT32_MAX) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%zu x %zu pixels are too long and thin to be resized to %zu x %zu", in->width,
                       in->height, w->full_width, w->full_height);
    }
    return filter == LC_FILTER_NEAREST ? nearest(out, in, w) : antialiased(out, in, w, filter);
}

lc_status lc_image_resize(lc_image *out, const lc_image *in, size_t width, size_t height, lc_filter filter)
{
    size_t pixels;
    *out = (lc_image){0};
    if (width == 0 || height == 0 || !lc_mul(width, height, &pixels) || pixels > LC_IMAGE_MAX_PIXELS) {
        return lc_fail(LC_ERR_ARG, "cannot resize to %zu x %zu; 1 to %d pixels", width, height, LC_IMAGE_MAX_PIXELS);
    }
    lc_resize_window whole = {width, height, 0, 0, width, height};
    return lc_resize_window_of(out, in, &whole, filter);
}
