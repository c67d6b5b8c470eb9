/*
 * Resizing of maps inside a network, ONNX's Resize and the older Upsample: nearest neighbour, linear, and cubic
 * convolution (Keys, IEEE Trans. ASSP 29(6), 1981), with the ways of relating places of the output to places of the input
 * that PyTorch and TensorFlow use.
 */
#include <math.h>
#include <string.h>

#include "extractor/ops/gradient.h"

typedef struct {
    lc_floats scales, early; /* opset 10 and Upsample have the scales where later ones have the region of interest */
    lc_ints sizes, axes;
    char mode[LC_OP_WORD], nearest_mode[LC_OP_WORD];
    char place[LC_OP_WORD];  /* coordinate_transformation_mode */
    int64_t opset, antialias, exclude_outside;
    float cubic, extrapolation;
} resize_params;

static const lc_attr resize_attributes[] = {
    {"", LC_ATTR_FLOATS, offsetof(resize_params, early), 1, 0},
    {"scales", LC_ATTR_FLOATS, offsetof(resize_params, scales), 2, 0},
    {"sizes", LC_ATTR_INTS, offsetof(resize_params, sizes), 3, 0},
    {"axes", LC_ATTR_INTS, offsetof(resize_params, axes), 0, 0},
    {"mode", LC_ATTR_WORD, offsetof(resize_params, mode), 0, 0},
    {"nearest_mode", LC_ATTR_WORD, offsetof(resize_params, nearest_mode), 0, 0},
    {"coordinate_transformation_mode", LC_ATTR_WORD, offsetof(resize_params, place), 0, 0},
    {"antialias", LC_ATTR_INT, offsetof(resize_params, antialias), 0, 0},
    {"exclude_outside", LC_ATTR_INT, offsetof(resize_params, exclude_outside), 0, 0},
    {"cubic_coeff_a", LC_ATTR_FLOAT, offsetof(resize_params, cubic), 0, -0.75},
    {"extrapolation_value", LC_ATTR_FLOAT, offsetof(resize_params, extrapolation), 0, 0},
    {"", LC_ATTR_OPSET, offsetof(resize_params, opset), 0, 21},
    {NULL, 0, 0, 0, 0},
};

static const lc_attr upsample_attributes[] = {
    {"scales", LC_ATTR_FLOATS, offsetof(resize_params, scales), 1, 0},
    {"mode", LC_ATTR_WORD, offsetof(resize_params, mode), 0, 0},
    {NULL, 0, 0, 0, 0},
};

typedef enum { ASYMMETRIC, HALF_PIXEL, PYTORCH_HALF_PIXEL, ALIGN_CORNERS } placing;
typedef enum { ROUND_FLOOR, ROUND_CEIL, FLOOR, CEIL } rounding;
typedef enum { NEAREST, LINEAR, CUBIC } filter;

typedef struct {
    placing place;
    rounding round;
    filter filter;
    double cubic;     /* Keys' a */
    bool inside;      /* what lies outside weighs nothing, instead of what the border does */
    double scale[2];  /* rows, columns */
    size_t out[2];
} resample;

static lc_status word_of(const char *word, const char *const *words, size_t count, const char *what, size_t *out)
{
    for (*out = 0; *out < count; ++*out) {
        if (strcmp(word, words[*out]) == 0) {
            return LC_OK;
        }
    }
    return lc_fail(LC_ERR_UNSUPPORTED, "%s '%s'", what, word);
}

static lc_status resample_of(const lc_op_call *c, bool upsample, resample *r)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", "bilinear"};
    static const char *const places[] = {"asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners"};
    static const char *const rounds[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    const resize_params *p = c->params;
    bool old = upsample || p->opset < 11;
    size_t mode, place, round;
    LC_TRY(lc_op_expect(c, 1, 4));
    const size_t *d = c->in[0]->dims;
    LC_TRY(word_of(p->mode[0] ? p->mode : "nearest", modes, 4, "mode", &mode));
    LC_TRY(word_of(p->place[0] ? p->place : old ? "asymmetric" : "half_pixel", places, 4, "coordinate_transformation_mode", &place));
    LC_TRY(word_of(p->nearest_mode[0] ? p->nearest_mode : old ? "floor" : "round_prefer_floor", rounds, 4, "nearest_mode", &round));
    if (p->antialias || p->axes.count) {
        return lc_fail(LC_ERR_UNSUPPORTED, "with %s", p->antialias ? "antialias" : "axes");
    }
    *r = (resample){.place = (placing)place, .round = (rounding)round, .filter = mode == 3 ? LINEAR : (filter)mode,
                    .cubic = (double)p->cubic, .inside = p->exclude_outside};
    const lc_floats *scales = p->scales.count ? &p->scales : &p->early;
    bool by_size = p->sizes.count == 4;
    if (!by_size && (scales->count != 4 || scales->v[0] != 1 || scales->v[1] != 1)) {
        return lc_fail(LC_ERR_UNSUPPORTED, "with %zu scales, %zu sizes; rows and columns of maps are known", scales->count, p->sizes.count);
    }
    if (by_size && (p->sizes.v[0] != 1 || p->sizes.v[1] != (int64_t)d[3])) {
        return lc_fail(LC_ERR_UNSUPPORTED, "of batch or channels");
    }
    for (size_t i = 0; i < 2; i++) {
        double size = by_size ? (double)p->sizes.v[i + 2] : floor((double)d[i + 1] * (double)scales->v[i + 2]);
        if (!(size >= 1 && size <= 1 << 16)) {
            return lc_fail(LC_ERR_SHAPE, "%zu to %g", d[i + 1], size);
        }
        r->out[i] = (size_t)size;
        r->scale[i] = by_size ? size / (double)d[i + 1] : (double)scales->v[i + 2];
    }
    return LC_OK;
}

static lc_status infer(lc_op_call *c, bool upsample)
{
    resample r;
    LC_TRY(resample_of(c, upsample, &r));
    const size_t *d = c->in[0]->dims;
    *c->out = (lc_tensor){.rank = 4, .dims = {d[0], r.out[0], r.out[1], d[3]}};
    return LC_OK;
}

static lc_status infer_resize(lc_op_call *c)
{
    return infer(c, false);
}

static lc_status infer_upsample(lc_op_call *c)
{
    return infer(c, true);
}

/* Where place `at` of `out` lies among `in`. */
static double source(const resample *r, size_t i, size_t at, size_t in)
{
    double x = (double)at, out = (double)r->out[i];
    switch (r->place) {
    case ASYMMETRIC:
        return x / r->scale[i];
    case ALIGN_CORNERS:
        return out > 1 ? x * ((double)in - 1) / (out - 1) : 0;
    case PYTORCH_HALF_PIXEL:
        return out > 1 ? (x + 0.5) / r->scale[i] - 0.5 : 0;
    default:
        return (x + 0.5) / r->scale[i] - 0.5;
    }
}

static size_t clamp_place(double x, size_t in)
{
    return x < 0 ? 0 : x > (double)(in - 1) ? in - 1 : (size_t)x;
}

/* The two neighbours of a place, and the weight of the second; nearest: one with weight 0. */
static void neighbours(const resample *r, size_t i, size_t at, size_t in, size_t near[2], float *weight)
{
    double x = source(r, i, at, in);
    if (r->filter == LINEAR) {
        near[0] = clamp_place(floor(x), in);
        near[1] = clamp_place(floor(x) + 1, in);
        *weight = (float)(x - floor(x));
        return;
    }
    double whole = r->round == FLOOR ? floor(x) : r->round == CEIL ? ceil(x) : r->round == ROUND_FLOOR ? ceil(x - 0.5) : floor(x + 0.5);
    near[0] = near[1] = clamp_place(whole, in);
    *weight = 0;
}

/* The four neighbours of a place and their weights. */
static void cubic_neighbours(const resample *r, size_t i, size_t at, size_t in, size_t near[4], float weights[4])
{
    double x = source(r, i, at, in), first = floor(x) - 1, a = r->cubic, w[4], sum = 0;
    for (size_t k = 0; k < 4; k++) {
        double place = first + (double)k, d = fabs(x - place);
        bool outside = place < 0 || place > (double)(in - 1);
        w[k] = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
        w[k] = r->inside && outside ? 0 : w[k];
        sum += w[k];
        near[k] = clamp_place(place, in);
    }
    for (size_t k = 0; k < 4; k++) {
        weights[k] = (float)(r->inside ? w[k] / sum : w[k]);
    }
}

typedef struct {
    const lc_op_call *c;
    resample r;
    const lc_op_train *t; /* in backward */
} resample_run;

static lc_status cubic_row(void *context, size_t item)
{
    const resample_run *run = context;
    const lc_tensor *x = run->c->in[0];
    size_t channels = x->dims[3], out_h = run->r.out[0], out_w = run->r.out[1], rows[4], columns[4];
    const float *picture = x->data + item / out_h * x->dims[1] * x->dims[2] * channels;
    float *y = run->c->out->data + item * out_w * channels, wy[4], wx[4];
    cubic_neighbours(&run->r, 0, item % out_h, x->dims[1], rows, wy);
    for (size_t ox = 0; ox < out_w; ox++, y += channels) {
        cubic_neighbours(&run->r, 1, ox, x->dims[2], columns, wx);
        for (size_t k = 0; k < channels; k++) {
            y[k] = 0;
            for (size_t i = 0; i < 4; i++) {
                const float *row = picture + rows[i] * x->dims[2] * channels + k;
                float sum = 0;
                for (size_t j = 0; j < 4; j++) {
                    sum += row[columns[j] * channels] * wx[j];
                }
                y[k] += sum * wy[i];
            }
        }
    }
    return LC_OK;
}

static lc_status resample_row(void *context, size_t item)
{
    const resample_run *run = context;
    const lc_tensor *x = run->c->in[0];
    size_t channels = x->dims[3], out_h = run->r.out[0], out_w = run->r.out[1], rows[2], columns[2];
    const float *picture = x->data + item / out_h * x->dims[1] * x->dims[2] * channels;
    float *y = run->c->out->data + item * out_w * channels, wy, wx;
    neighbours(&run->r, 0, item % out_h, x->dims[1], rows, &wy);
    for (size_t ox = 0; ox < out_w; ox++, y += channels) {
        neighbours(&run->r, 1, ox, x->dims[2], columns, &wx);
        const float *p[4];
        for (size_t i = 0; i < 4; i++) {
            p[i] = picture + (rows[i / 2] * x->dims[2] + columns[i % 2]) * channels;
        }
        if (run->r.filter == NEAREST) {
            memcpy(y, p[0], channels * sizeof *y);
            continue;
        }
        for (size_t k = 0; k < channels; k++) {
            float top = p[0][k] * (1 - wx) + p[1][k] * wx, bottom = p[2][k] * (1 - wx) + p[3][k] * wx;
            y[k] = top * (1 - wy) + bottom * wy;
        }
    }
    return LC_OK;
}

static lc_status run(const lc_op_call *c, bool upsample)
{
    resample_run r = {.c = c};
    LC_TRY(resample_of(c, upsample, &r.r));
    return lc_parallel_for(c->threads, c->out->dims[0] * c->out->dims[1], r.r.filter == CUBIC ? cubic_row : resample_row, &r);
}

static lc_status forward_resize(const lc_op_call *c)
{
    return run(c, false);
}

static lc_status forward_upsample(const lc_op_call *c)
{
    return run(c, true);
}

/* The neighbours of a place along one dimension and their weights. Returns how many. */
static size_t weights_of(const resample *r, size_t i, size_t at, size_t in, size_t near[4], float weights[4])
{
    if (r->filter == CUBIC) {
        cubic_neighbours(r, i, at, in, near, weights);
        return 4;
    }
    neighbours(r, i, at, in, near, &weights[1]);
    weights[0] = 1 - weights[1];
    return r->filter == LINEAR ? 2 : 1;
}

/* Every place gives its gradient to the neighbours it was mixed from; a picture's is one thread's. */
static lc_status picture_back(void *context, size_t n)
{
    const resample_run *run = context;
    const size_t *in = run->c->in[0]->dims, *out = run->c->out->dims;
    const float *dy = run->t->dout + n * out[1] * out[2] * out[3];
    float *dx = run->t->din[0] + n * in[1] * in[2] * in[3];
    if (!run->t->add[0]) {
        memset(dx, 0, in[1] * in[2] * in[3] * sizeof *dx);
    }
    for (size_t place = 0; place < out[1] * out[2]; place++, dy += out[3]) {
        size_t rows[4], columns[4];
        float wy[4], wx[4];
        size_t height = weights_of(&run->r, 0, place / out[2], in[1], rows, wy);
        size_t width = weights_of(&run->r, 1, place % out[2], in[2], columns, wx);
        for (size_t i = 0; i < height * width; i++) {
            float *to = dx + (rows[i / width] * in[2] + columns[i % width]) * in[3];
            run->c->kernels->scale(in[3], wy[i / width] * wx[i % width], dy, true, to);
        }
    }
    return LC_OK;
}

static lc_status back(const lc_op_call *c, const lc_op_train *t, bool upsample)
{
    resample_run r = {.c = c, .t = t};
    LC_TRY(resample_of(c, upsample, &r.r));
    return lc_wants(c, t, 0) ? lc_parallel_for(c->threads, c->in[0]->dims[0], picture_back, &r) : LC_OK;
}

static lc_status backward_resize(const lc_op_call *c, const lc_op_train *t)
{
    return back(c, t, false);
}

static lc_status backward_upsample(const lc_op_call *c, const lc_op_train *t)
{
    return back(c, t, true);
}

const lc_op lc_op_resize = {
    .name = "resize",
    .onnx = "Resize",
    .attributes = resize_attributes,
    .params_size = sizeof(resize_params),
    .infer = infer_resize,
    .forward = forward_resize,
    .backward = backward_resize,
};

const lc_op lc_op_upsample = {
    .name = "upsample",
    .onnx = "Upsample",
    .attributes = upsample_attributes,
    .params_size = sizeof(resize_params),
    .infer = infer_upsample,
    .forward = forward_upsample,
    .backward = backward_upsample,
};
