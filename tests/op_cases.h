/*
 * Operators: one table of cases, made from op_list.inc, so that an operator without cases does not compile. Each case has
 * its plain reference in double precision. test_ops.c asks about forward passes, test_gradients.c about backward ones.
 */
#ifndef LC_TESTS_OP_CASES_H
#define LC_TESTS_OP_CASES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/memory.h"
#include "common/rng.h"
#include "extractor/ops/elementwise.h"
#include "extractor/ops/gemm.h"
#include "extractor/ops/norm.h"
#include "extractor/ops/shape.h"
#include "extractor/ops/window.h"
#include "tests/try.h"

enum { MAX_INPUTS = 5 };

typedef struct {
    lc_tensor in[MAX_INPUTS]; /* shapes; rank 0 ends the list */
    size_t activations;       /* inputs before the constants; 0 means 1 */
    lc_conv_params conv;      /* of windowed operators; the others' parameters overlap from its start */
    struct {
        float a, b;
        int64_t i, j;
    } numbers;
    lc_axis_params axis;
    int64_t after_axis; /* some operators have another integer behind it */
    lc_ints shape;
    const void *params;       /* or all of them */
    bool positive;            /* inputs above 0.5 */
    bool constant;            /* input 0 too is a constant */
} op_case;

/* Parameters as the operators' own structs see them. */
typedef struct {
    lc_ints shape;
    int64_t allowzero;
} reshape_params;

static const void *params_of(const lc_op *op, const op_case *c, void *scratch)
{
    if (c->params) {
        return c->params;
    }
    if (op == &lc_op_conv) {
        return &c->conv;
    }
    if (op == &lc_op_maxpool || op == &lc_op_avgpool) {
        return memcpy(scratch, &(lc_pool_params){.window = c->conv.window, .count_include_pad = c->numbers.i}, sizeof(lc_pool_params));
    }
    if (op == &lc_op_concat || op == &lc_op_flatten || op == &lc_op_gather || op == &lc_op_dequantize) {
        return &c->axis;
    }
    if (op == &lc_op_reshape) {
        return memcpy(scratch, &(reshape_params){.shape = c->shape}, sizeof(reshape_params));
    }
    return &c->numbers; /* clip: a, b; linear: alpha, beta, transA, transB; batchnorm: epsilon */
}

/* Of operators with one list of integers. */
typedef struct {
    lc_ints list;
} one_list;

/* References --------------------------------------------------------------------------------------------------- */

/* An input that the gradient tests move, by less than a float can tell. */
static const lc_tensor *moved;
static const double *moved_by;

static double value_of(const lc_tensor *t, size_t i)
{
    return (double)t->data[i] + (t == moved ? moved_by[i] : 0);
}
#define D(t, i) value_of(t, (size_t)(i))

static double act(double v)
{
    return v > 0 ? v : 0;
}

static void ref_relu(const lc_op_call *c, double *y)
{
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        y[i] = act(D(c->in[0], i));
    }
}

static void ref_clip(const lc_op_call *c, double *y)
{
    const float *p = c->params;
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        y[i] = fmin(fmax(D(c->in[0], i), (double)p[0]), (double)p[1]);
    }
}

static void ref_copy(const lc_op_call *c, double *y)
{
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        y[i] = D(c->in[0], i);
    }
}

static void ref_batchnorm(const lc_op_call *c, double *y)
{
    const float *p = c->params;
    size_t channels = lc_tensor_count(c->in[1]);
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        size_t j = i % channels;
        y[i] = (D(c->in[0], i) - D(c->in[3], j)) / sqrt(D(c->in[4], j) + (double)p[0]) * D(c->in[1], j) + D(c->in[2], j);
    }
}

static void ref_linear(const lc_op_call *c, double *y)
{
    const struct {
        float alpha, beta;
        int64_t ta, tb;
    } *p = c->params;
    size_t n = c->out->dims[0], k = c->in[0]->dims[p->ta ? 0 : 1], m = c->out->dims[1];
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < m; j++) {
            double s = 0;
            for (size_t q = 0; q < k; q++) {
                s += D(c->in[0], p->ta ? q * n + i : i * k + q) * D(c->in[1], p->tb ? j * k + q : q * m + j);
            }
            y[i * m + j] = (double)p->alpha * s + (c->inputs > 2 ? (double)p->beta * D(c->in[2], (c->in[2]->rank == 2 ? i * c->in[2]->dims[1] : 0) + j % c->in[2]->dims[c->in[2]->rank - 1]) : 0);
        }
    }
}

static void ref_conv(const lc_op_call *c, double *y)
{
    const lc_conv_params *p = c->params;
    const lc_tensor *x = c->in[0], *w = c->in[1];
    lc_window win;
    TRY(lc_window_resolve(&win, &p->window, x->dims[1], x->dims[2], w->dims[2], w->dims[3]));
    size_t out_c = w->dims[0], in_g = w->dims[1], out_g = out_c / (size_t)p->group, at = 0;
    for (size_t n = 0; n < x->dims[0]; n++) {
        for (size_t oy = 0; oy < win.out_h; oy++) {
            for (size_t ox = 0; ox < win.out_w; ox++) {
                for (size_t k = 0; k < out_c; k++, at++) {
                    double s = c->inputs > 2 ? D(c->in[2], k) : 0;
                    for (size_t ky = 0; ky < win.kernel_h; ky++) {
                        for (size_t kx = 0; kx < win.kernel_w; kx++) {
                            long iy = (long)(oy * win.stride_h + ky * win.dilation_h) - (long)win.top;
                            long ix = (long)(ox * win.stride_w + kx * win.dilation_w) - (long)win.left;
                            if (iy < 0 || ix < 0 || iy >= (long)win.in_h || ix >= (long)win.in_w) {
                                continue;
                            }
                            for (size_t q = 0; q < in_g; q++) {
                                size_t pixel = (n * win.in_h + (size_t)iy) * win.in_w + (size_t)ix;
                                s += D(x, pixel * x->dims[3] + k / out_g * in_g + q) *
                                     D(w, ((k * in_g + q) * win.kernel_h + ky) * win.kernel_w + kx);
                            }
                        }
                    }
                    y[at] = s;
                }
            }
        }
    }
}

static void ref_pool(const lc_op_call *c, double *y, bool average)
{
    const lc_pool_params *p = c->params;
    const lc_tensor *x = c->in[0];
    lc_window win;
    TRY(lc_window_resolve(&win, &p->window, x->dims[1], x->dims[2], 1, 1));
    size_t channels = x->dims[3], at = 0;
    for (size_t n = 0; n < x->dims[0]; n++) {
        for (size_t oy = 0; oy < win.out_h; oy++) {
            for (size_t ox = 0; ox < win.out_w; ox++) {
                for (size_t k = 0; k < channels; k++, at++) {
                    double top = -INFINITY, sum = 0, inside = 0, padded = 0;
                    for (size_t ky = 0; ky < win.kernel_h; ky++) {
                        for (size_t kx = 0; kx < win.kernel_w; kx++) {
                            long iy = (long)(oy * win.stride_h + ky * win.dilation_h) - (long)win.top;
                            long ix = (long)(ox * win.stride_w + kx * win.dilation_w) - (long)win.left;
                            padded += iy < (long)(win.in_h + win.bottom) && ix < (long)(win.in_w + win.right);
                            if (iy < 0 || ix < 0 || iy >= (long)win.in_h || ix >= (long)win.in_w) {
                                continue;
                            }
                            double v = D(x, ((n * win.in_h + (size_t)iy) * win.in_w + (size_t)ix) * channels + k);
                            top = v > top ? v : top;
                            sum += v;
                            inside++;
                        }
                    }
                    y[at] = average ? sum / (p->count_include_pad ? padded : inside) : top;
                }
            }
        }
    }
}

static void ref_maxpool(const lc_op_call *c, double *y)
{
    ref_pool(c, y, false);
}

static void ref_avgpool(const lc_op_call *c, double *y)
{
    ref_pool(c, y, true);
}

static void ref_global_avgpool(const lc_op_call *c, double *y)
{
    const size_t *d = c->in[0]->dims;
    for (size_t i = 0; i < d[0] * d[3]; i++) {
        y[i] = 0;
        for (size_t p = 0; p < d[1] * d[2]; p++) {
            y[i] += D(c->in[0], (i / d[3] * d[1] * d[2] + p) * d[3] + i % d[3]);
        }
        y[i] /= (double)(d[1] * d[2]);
    }
}

static void ref_concat(const lc_op_call *c, double *y)
{
    const lc_axis_params *p = c->params;
    size_t axis = (size_t)p->axis, inner = 1, outer = 1;
    for (size_t i = 0; i < c->out->rank; i++) {
        *(i < axis ? &outer : &inner) *= i == axis ? 1 : c->out->dims[i];
    }
    for (size_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < c->inputs; i++) {
            size_t part = c->in[i]->dims[axis] * inner;
            for (size_t k = 0; k < part; k++) {
                *y++ = D(c->in[i], o % (lc_tensor_count(c->in[i]) / part) * part + k);
            }
        }
    }
}

static void ref_planar(const lc_op_call *c, double *y)
{
    const size_t *d = c->in[0]->dims;
    size_t area = d[1] * d[2];
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        y[i] = D(c->in[0], (i / area / d[3] * area + i % area) * d[3] + i / area % d[3]);
    }
}

#define ref_identity ref_copy
#define ref_dropout ref_copy
#define ref_flatten ref_copy
#define ref_reshape ref_copy

/* Cases -------------------------------------------------------------------------------------------------------- */

#define MAP(n, h, w, c) {.rank = 4, .dims = {n, h, w, c}}
#define ROW(n, c) {.rank = 2, .dims = {n, c}}
#define VEC(c) {.rank = 1, .dims = {c}}
#define WINDOW(kh, kw, sh, sw, t, l, b, r, dh, dw)                                                     \
    .window = {.kernel_shape = {2, {kh, kw}}, .strides = {2, {sh, sw}}, .pads = {4, {t, l, b, r}}, \
               .dilations = {2, {dh, dw}}}
#define CONV(n, h, w, c, k, kh, kw, s, t, l, b, r, d, g)                                                        \
    {                                                                                                           \
        .in = {MAP(n, h, w, c), {.rank = 4, .dims = {k, (c) / (g), kh, kw}}, VEC(k)},                           \
        .conv = {WINDOW(kh, kw, s, s, t, l, b, r, d, d), .group = g},                                           \
    }

static const op_case cases_conv[] = {
    /* columns and rows round the tiles of every table: vectors of 4, 8, 16; 6 and 12 rows */
    CONV(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1),
    CONV(1, 5, 1, 17, 3, 1, 1, 1, 0, 0, 0, 0, 1, 1),
    CONV(1, 2, 3, 16, 4, 1, 1, 1, 0, 0, 0, 0, 1, 1),
    CONV(1, 7, 1, 33, 5, 1, 1, 1, 0, 0, 0, 0, 1, 1),
    CONV(1, 11, 1, 20, 15, 1, 1, 1, 0, 0, 0, 0, 1, 1),
    CONV(2, 3, 4, 19, 16, 1, 1, 1, 0, 0, 0, 0, 1, 1),
    CONV(1, 13, 1, 18, 17, 1, 1, 1, 0, 0, 0, 0, 1, 1),
    CONV(3, 5, 5, 31, 31, 1, 1, 1, 0, 0, 0, 0, 1, 1),
    CONV(1, 4, 6, 64, 32, 1, 1, 1, 0, 0, 0, 0, 1, 1),
    CONV(1, 5, 5, 24, 33, 1, 1, 1, 0, 0, 0, 0, 1, 1),
    CONV(2, 3, 3, 40, 48, 1, 1, 1, 0, 0, 0, 0, 1, 1),
    CONV(1, 2, 2, 16, 65, 1, 1, 1, 0, 0, 0, 0, 1, 1),
    /* kernels, strides, dilation, asymmetric and wide padding */
    CONV(2, 9, 7, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1),
    CONV(1, 8, 8, 20, 24, 3, 3, 2, 0, 0, 1, 1, 1, 1),
    CONV(1, 9, 9, 32, 8, 3, 3, 2, 1, 1, 1, 1, 1, 1),
    CONV(1, 6, 11, 17, 9, 5, 3, 1, 2, 1, 2, 1, 1, 1),
    CONV(1, 10, 10, 18, 10, 3, 3, 1, 2, 2, 2, 2, 2, 1),
    CONV(1, 3, 3, 16, 5, 3, 3, 1, 2, 2, 2, 2, 1, 1),
    CONV(2, 5, 5, 16, 7, 1, 1, 2, 0, 0, 0, 0, 1, 1),
    CONV(1, 4, 4, 16, 12, 1, 7, 1, 0, 3, 0, 3, 1, 1),
    /* few channels: the padded copy */
    CONV(2, 15, 13, 3, 16, 7, 7, 2, 3, 3, 3, 3, 1, 1),
    CONV(1, 12, 12, 3, 33, 3, 3, 2, 0, 0, 1, 1, 1, 1),
    CONV(1, 9, 8, 1, 8, 5, 5, 1, 2, 2, 2, 2, 1, 1),
    CONV(3, 6, 6, 15, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1),
    CONV(1, 16, 16, 3, 20, 4, 4, 4, 0, 0, 0, 0, 1, 1),
    CONV(1, 11, 9, 3, 5, 3, 2, 1, 0, 0, 0, 0, 1, 1),
    /* 3x3 by Winograd: tiles that fit, that are cut, more than a block of them */
    CONV(1, 8, 8, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1),
    CONV(2, 13, 14, 17, 33, 3, 3, 1, 1, 1, 1, 1, 1, 1),
    CONV(1, 9, 8, 35, 9, 3, 3, 1, 0, 0, 0, 0, 1, 1),
    CONV(3, 38, 33, 16, 8, 3, 3, 1, 2, 0, 1, 2, 1, 1),
    /* small maps, many weights: tiles of 2x2 */
    CONV(2, 7, 7, 129, 128, 3, 3, 1, 1, 1, 1, 1, 1, 1),
    CONV(1, 6, 9, 160, 110, 3, 3, 1, 0, 1, 2, 1, 1, 1),
    /* groups, depthwise */
    CONV(1, 5, 5, 32, 32, 3, 3, 1, 1, 1, 1, 1, 1, 4),
    CONV(2, 4, 4, 12, 18, 3, 3, 1, 1, 1, 1, 1, 1, 3),
    CONV(1, 5, 5, 6, 12, 3, 3, 1, 1, 1, 1, 1, 1, 6),
    CONV(2, 9, 9, 31, 31, 3, 3, 2, 0, 0, 1, 1, 1, 31),
    CONV(1, 8, 7, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 16),
    CONV(1, 8, 8, 35, 35, 5, 5, 1, 2, 2, 2, 2, 1, 35),
    CONV(1, 7, 7, 64, 64, 3, 3, 1, 2, 2, 2, 2, 2, 64),
    /* depthwise: blocks of neighbours with edges, windows all in the padding, kernels without one for rows */
    CONV(2, 41, 11, 18, 18, 3, 3, 1, 1, 1, 1, 1, 1, 18),
    CONV(1, 6, 23, 33, 33, 5, 5, 2, 2, 2, 2, 2, 1, 33),
    CONV(1, 3, 2, 16, 16, 3, 3, 1, 4, 4, 4, 4, 1, 16),
    CONV(1, 9, 9, 16, 16, 3, 3, 3, 1, 1, 1, 1, 1, 16),
    CONV(1, 8, 9, 20, 20, 7, 7, 1, 3, 3, 3, 3, 1, 20),
    /* SAME padding, no bias */
    {.in = {MAP(1, 7, 6, 16), {.rank = 4, .dims = {8, 16, 3, 3}}},
     .conv = {.window = {.kernel_shape = {2, {3, 3}}, .strides = {2, {2, 2}}, .auto_pad = "SAME_UPPER"}, .group = 1}},
    {.in = {MAP(1, 7, 6, 1), {.rank = 4, .dims = {8, 1, 4, 4}}},
     .conv = {.window = {.strides = {2, {1, 1}}, .auto_pad = "SAME_LOWER"}, .group = 1}},
};

static const op_case cases_linear[] = {
    {.in = {ROW(1, 7), {.rank = 2, .dims = {5, 7}}, VEC(5)}, .numbers = {1, 1, 0, 1}},
    {.in = {ROW(13, 65), {.rank = 2, .dims = {65, 33}}, VEC(33)}, .numbers = {1, 1, 0, 0}},
    {.in = {ROW(12, 100), {.rank = 2, .dims = {31, 100}}}, .numbers = {0.5f, 2, 0, 1}},
    {.in = {ROW(3, 16), {.rank = 2, .dims = {16, 16}}, VEC(16)}, .numbers = {0.5f, 2, 0, 0}},
    {.in = {ROW(14, 8200), {.rank = 2, .dims = {40, 8200}}, VEC(40)}, .numbers = {1, 1, 0, 1}}, /* a sum in pieces */
    {.in = {ROW(1, 70), {.rank = 2, .dims = {300, 70}}, VEC(300)}, .numbers = {1, 1, 0, 1}}, /* one row */
    {.in = {ROW(9, 13), {.rank = 2, .dims = {9, 33}}, VEC(33)}, .numbers = {1, 1, 1, 0}},
    {.in = {ROW(13, 9), {.rank = 2, .dims = {33, 9}}, ROW(13, 33)}, .numbers = {1, 0.5f, 0, 1}},
    {.in = {ROW(7, 13), {.rank = 2, .dims = {7, 13}}, ROW(13, 1)}, .numbers = {0.5f, 1, 1, 0}},
};

#define POOL(h, w, c, kh, kw, s, t, l, b, r, ceil, include)                                                             \
    {                                                                                                                   \
        .in = {MAP(2, h, w, c)},                                                                                        \
        .conv = {.window = {.kernel_shape = {2, {kh, kw}}, .strides = {2, {s, s}}, .pads = {4, {t, l, b, r}}, .ceil_mode = ceil}}, \
        .numbers = {.i = include},                                                                                      \
    }
static const op_case cases_maxpool[] = {
    POOL(9, 9, 17, 3, 3, 2, 0, 0, 0, 0, 0, 0), POOL(10, 8, 16, 3, 3, 2, 0, 0, 0, 0, 1, 0), POOL(7, 7, 5, 3, 3, 2, 1, 1, 1, 1, 0, 0),
    POOL(6, 6, 8, 2, 2, 2, 0, 0, 0, 0, 0, 0),  POOL(5, 6, 3, 3, 3, 2, 0, 0, 1, 1, 1, 0),   POOL(1, 1, 40, 1, 1, 1, 0, 0, 0, 0, 0, 0),
};
static const op_case cases_avgpool[] = {
    POOL(9, 9, 17, 3, 3, 2, 1, 1, 1, 1, 0, 0), POOL(9, 9, 17, 3, 3, 2, 1, 1, 1, 1, 0, 1), POOL(8, 8, 4, 3, 3, 2, 1, 1, 1, 1, 1, 1),
    POOL(8, 8, 4, 3, 3, 2, 0, 0, 0, 0, 1, 0),  POOL(7, 7, 33, 7, 7, 1, 0, 0, 0, 0, 0, 0),
};
static const op_case cases_global_avgpool[] = {{.in = {MAP(2, 7, 7, 33)}}, {.in = {MAP(1, 1, 1, 5)}}, {.in = {MAP(1, 56, 3, 16)}}};
static const op_case cases_relu[] = {{.in = {MAP(2, 3, 3, 17)}}, {.in = {ROW(5, 16)}}, {.in = {MAP(1, 40, 40, 3)}}};
static const op_case cases_clip[] = {
    {.in = {MAP(2, 3, 3, 31)}, .numbers = {-0.25f, 0.5f, 0, 0}},
    {.in = {ROW(3, 8)}, .numbers = {-INFINITY, 0.1f, 0, 0}},
};
static const op_case cases_batchnorm[] = {
    {.in = {MAP(2, 5, 3, 17), VEC(17), VEC(17), VEC(17), VEC(17)}, .numbers = {1e-5f, 0, 0, 0}},
    {.in = {ROW(4, 16), VEC(16), VEC(16), VEC(16), VEC(16)}, .numbers = {1e-3f, 0, 0, 0}},
};
static const op_case cases_concat[] = {
    {.in = {MAP(2, 3, 2, 5), MAP(2, 3, 2, 16), MAP(2, 3, 2, 1)}, .activations = 3, .axis = {3}},
    {.in = {ROW(3, 4), ROW(3, 9)}, .activations = 2, .axis = {1}},
    {.in = {ROW(3, 4)}, .axis = {1}},
    {.in = {ROW(3, 4), ROW(2, 4)}, .activations = 2, .axis = {0}},
    {.in = {{.rank = 3, .dims = {2, 3, 4}}, {.rank = 3, .dims = {2, 1, 4}}}, .axis = {1}},
};
static const op_case cases_flatten[] = {{.in = {MAP(2, 3, 4, 5)}, .axis = {1}}, {.in = {ROW(2, 7)}, .axis = {1}}};
static const op_case cases_reshape[] = {
    {.in = {MAP(2, 3, 4, 5)}, .shape = {2, {2, 60}}},
    {.in = {MAP(1, 3, 4, 5)}, .shape = {2, {0, -1}}},
    {.in = {ROW(4, 9)}, .shape = {3, {-1, 3, 2}}},
};
static const op_case cases_planar[] = {{.in = {MAP(2, 3, 4, 5)}}, {.in = {MAP(1, 1, 1, 9)}}};
static const op_case cases_identity[] = {{.in = {ROW(3, 10)}}};
static const op_case cases_dropout[] = {{.in = {MAP(1, 2, 2, 3)}}};

#include "tests/op_cases_elementwise.h"
#include "tests/op_cases_sums.h"
#include "tests/op_cases_moves.h"

typedef struct {
    const lc_op *op;
    const op_case *cases;
    size_t count;
    void (*reference)(const lc_op_call *c, double *y);
} op_test;

#define LC_OP(name) {&lc_op_##name, cases_##name, sizeof cases_##name / sizeof *cases_##name, ref_##name},
static const op_test tests[] = {
#include "extractor/ops/op_list.inc"
};
#undef LC_OP

/* One case set up -------------------------------------------------------------------------------------------------- */

typedef struct {
    lc_tensor in[MAX_INPUTS], out;
    const lc_tensor *pointers[MAX_INPUTS];
    lc_op_call call;
    void *state;
    _Alignas(16) unsigned char scratch[sizeof(lc_pool_params) + sizeof(reshape_params)];
} fixture;

static float *random_floats(size_t n, lc_rng *rng, bool positive)
{
    float *v = malloc((n + 1) * sizeof *v);
    for (size_t i = 0; i < n; i++) {
        v[i] = (float)(positive ? 0.5 + lc_rng_uniform(rng) : 2 * lc_rng_uniform(rng) - 1);
    }
    return v;
}

static void set_up(fixture *f, const op_test *t, const op_case *c, lc_arithmetic arithmetic, const lc_kernels *k)
{
    lc_rng rng = lc_rng_new(5, (uint64_t)(c - t->cases));
    *f = (fixture){.call = {.in = f->pointers, .out = &f->out, .arithmetic = arithmetic, .kernels = k, .epilogue = lc_epilogue_none()}};
    f->call.params = params_of(t->op, c, f->scratch);
    size_t activations = c->activations ? c->activations : 1;
    for (size_t i = 0; i < MAX_INPUTS && c->in[i].rank; i++) {
        f->in[i] = c->in[i];
        f->in[i].data = NULL;
        f->pointers[i] = &f->in[i];
        f->call.inputs = i + 1;
        if (i >= activations || c->constant) { /* a variance, the last of batchnorm, is positive */
            f->in[i].data = random_floats(lc_tensor_count(&f->in[i]), &rng, i == 4 || c->positive);
            if (c->in[i].data) {
                memcpy(f->in[i].data, c->in[i].data, lc_tensor_count(&f->in[i]) * sizeof(float));
            }
        }
    }
    TRY(t->op->infer(&f->call));
    for (size_t i = 0; i < activations && !c->constant; i++) {
        f->in[i].data = random_floats(lc_tensor_count(&f->in[i]), &rng, c->positive);
        if (c->in[i].data) {
            memcpy(f->in[i].data, c->in[i].data, lc_tensor_count(&f->in[i]) * sizeof(float));
        }
    }
    if (t->op->prepare) {
        TRY(t->op->prepare(&f->call, &f->state));
        f->call.state = f->state;
    }
    f->out.data = malloc(lc_tensor_count(&f->out) * sizeof(float));
    f->call.scratch_size = 3 * f->call.scratch * f->in[0].dims[0]; /* as the threads of the pool may use */
    f->call.scratch_data = malloc((f->call.scratch_size + 1) * sizeof(float));
}

static void tear_down(fixture *f, const op_test *t)
{
    for (size_t i = 0; i < f->call.inputs; i++) {
        free(f->in[i].data);
    }
    if (t->op->release) {
        t->op->release(f->state);
    }
    free(f->out.data);
    free(f->call.scratch_data);
}

static void forward(fixture *f, const op_test *t)
{
    if (t->op->forward) {
        TRY(t->op->forward(&f->call));
    } else {
        memcpy(f->out.data, f->in[0].data, lc_tensor_count(&f->out) * sizeof(float));
    }
}

#endif
