/*
 * The inner loops: one table of function pointers per instruction set, chosen once at start.
 *
 * Every kernel runs along channels (maps are channels-last) and computes each output element by the same sequence of
 * operations wherever it stands in a tile, a picture or a batch: that is why neither threads nor batches change bytes.
 * Tables of different instruction sets differ in the last bits (fused multiply-add, or not).
 *
 * A table is complete from the portable body (body.inc) compiled with that set's flags; a set that is to be faster at
 * something overwrites the entry. LC_ISA=generic (avx2, ...) in the environment forces the choice.
 */
#ifndef LC_EXTRACTOR_KERNELS_KERNELS_H
#define LC_EXTRACTOR_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/*
 * What happens to a value on its way into memory, in this order:
 *   + bias[j]    * scale[j] + shift[j]    + residual[i][j]    clamp to low..high
 * Absent stages are NULL; low and high are -INFINITY and INFINITY when there is no clamp. The arrays over j have room
 * for LC_COLUMN_PADDING more floats than there are columns. The same code finishes a convolution's tile and runs on
 * its own over a map, so fusing a batch norm, an addition or a ReLU into a convolution never changes a bit.
 */
typedef struct {
    const float *bias, *scale, *shift;
    const float *residual; /* (rows, columns), row stride residual_stride */
    size_t residual_stride;
    float low, high;
} lc_epilogue;

enum {
    LC_MAX_TILE_ROWS = 16,   /* no table has more rows in a tile */
    LC_MAX_PANEL = 64,       /* nor more columns */
    LC_ROW_PANELS = 4,       /* of gemm_row */
    LC_COLUMN_PADDING = 16,  /* the widest vector, in floats */
    LC_PEAK_CHAINS = 12,     /* vectors of multiply_add */
};

/* Functions of one number x, with numbers a and b of their own. */
typedef enum {
    LC_SIGMOID,          /* 1 / (1 + e^-x) */
    LC_HARDSIGMOID,      /* a x + b within 0..1 */
    LC_HARDSWISH,        /* x (x / 6 + 1/2 within 0..1) */
    LC_SILU,             /* x sigmoid(x) */
    LC_GELU,             /* x times the normal distribution's cumulative function (Hendrycks and Gimpel, arXiv:1606.08415) */
    LC_GELU_TANH,        /* its approximation by tanh, section 2 there */
    LC_LEAKY_RELU,       /* a x below 0 */
    LC_ELU,              /* a (e^x - 1) below 0 */
    LC_SELU,             /* b times that */
    LC_CELU,             /* a (e^(x / a) - 1) below 0 */
    LC_MISH,             /* x tanh(log(1 + e^x)) */
    LC_EXP,
    LC_TANH,
    LC_ERF,
    LC_SOFTSIGN,         /* x / (1 + |x|) */
    LC_THRESHOLDED_RELU, /* 0 up to a */
    LC_ABS,
    LC_NEGATE,
    LC_RECIPROCAL,
    LC_SQRT,
    LC_LOG,
    LC_SOFTPLUS,         /* log(1 + e^x) */
    LC_FLOOR,
    LC_CEIL,
    LC_ROUND,            /* halves to even */
    LC_NOT,              /* 1 where x is 0, else 0 */
} lc_function;

/* Functions of two numbers x, y. */
typedef enum {
    LC_ADD,
    LC_SUB,
    LC_MUL,
    LC_DIV,
    LC_POW,
    LC_MIN,   /* a NaN wins */
    LC_MAX,
    LC_PRELU, /* x y below 0, else x */
    LC_MOD,   /* x - y floor(x / y) */
    LC_FMOD,  /* the same with the quotient cut off towards 0 */
    LC_EQUAL, /* comparisons are 1 or 0 */
    LC_GREATER,
    LC_GREATER_EQUAL,
    LC_LESS,
    LC_LESS_EQUAL,
    LC_AND,
    LC_OR,
} lc_binary;

/*
 * The gradient of y = x * scale[j] + shift[j], then + residual, then clamped: dz is dout where y lies between low and high,
 * elsewhere 0; dx = a[j] dz + b[j] (x - mean[j]) + c[j].
 */
typedef struct {
    const float *mean, *scale, *shift, *a, *b, *c;
    float low, high;
} lc_norm_gradient;

/* Rows of output pixels of a depthwise convolution, rows x pixels of them. */
typedef struct {
    size_t channels, rows, pixels;
    size_t height, width, stride, left; /* of the kernel; its steps and its padding along a row */
    size_t in_width;                    /* pixels of an input row */
    const float *const *in; /* in[i * height + y]: the first pixel of the input row under kernel row y of output row i */
    const size_t *step;     /* step[i * height + y]: channels, or 0 where that row lies in the padding and `in` is a pixel of zeros */
} lc_depthwise;

typedef struct {
    const char *name;
    size_t vector;       /* floats in a vector */
    size_t tile_rows;    /* rows of a GEMM tile, at most */
    size_t tile_vectors; /* columns of a GEMM tile, at most, in vectors */
    size_t tile_sums;    /* rows times vectors, at most */

    /*
     * One tile of C = A B, of no more rows and columns than that:
     *   c[i * ldc + j] = epilogue(sum over s < segments, k < length of a[s * rows + i][k] * b[(s * length + k) * width + j])
     * width = columns rounded up to whole vectors. A convolution's row is a pixel and its segments are the kernel's
     * taps; `e` points at the tile's first column and row. Meanwhile the segments * length * step bytes from `ahead` on
     * are brought into the second-level cache: what the next tile will need first.
     */
    void (*gemm_tile)(size_t rows, size_t columns, size_t segments, size_t length, const float *const *a, const float *b,
                      float *c, size_t ldc, const lc_epilogue *e, const void *ahead, size_t step);

    /*
     * One row against LC_ROW_PANELS whole panels at once, `apart` floats from one to the next, their columns side by side in c:
     * the same sums (+ c, where add). Weights of a single picture come from memory, and several streams come faster than one.
     */
    void (*gemm_row)(size_t length, const float *a, const float *b, size_t apart, float *c, bool add);

    /* gemm_tile on pairs of bfloat16 numbers, each pair in the place of a float: a[..][k] and b[..] hold numbers 2 k and
     * 2 k + 1 of the sum. And n floats turned into bfloat16, two to a float. NULL where the CPU has no such products. */
    void (*gemm_tile_bf16)(size_t rows, size_t columns, size_t segments, size_t length, const float *const *a, const float *b,
                           float *c, size_t ldc, const lc_epilogue *e, const void *ahead, size_t step);
    void (*to_bf16)(size_t n, const float *in, float *pairs);

    /*
     * One tile, no larger, of a product whose inner dimension is the rows of both matrices:
     *   c[i * ldc + j] = sum over s < segments, k < length of a[s][k * lda + i] * b[s][k * ldb + j]   (+ c, where add)
     * In the gradient by a convolution's weights a segment is a row of output pixels.
     */
    void (*gemm_outer)(size_t rows, size_t columns, size_t segments, size_t length, const float *const *a, size_t lda,
                       const float *const *b, size_t ldb, float *c, size_t ldc, bool add);

    /* One pixel of a depthwise convolution: out[j] = epilogue(sum over s < taps of in[s][j] * weights[s * channels + j]). */
    void (*depthwise)(size_t channels, size_t taps, const float *const *in, const float *weights, float *out,
                      const lc_epilogue *e);

    /* Whole rows of it, out[(i * d->pixels + x) * ldc + j]: the same sums. False: not for this kernel size, nothing done. */
    bool (*depthwise_rows)(const lc_depthwise *d, const float *weights, float *out, size_t ldc, const lc_epilogue *e);

    /* The gradient by a depthwise convolution's weights: sums[s * channels + j] += sum over x < pixels of
     * in[s][x * step + j] * dout[x * channels + j], s < taps. */
    void (*depthwise_weights)(size_t taps, size_t pixels, size_t channels, const float *const *in, size_t step, const float *dout,
                              float *sums);

    /* Winograd's F(4x4, 3x3) and F(2x2, 3x3), see winograd.inc; tile: 4 or 2, side = tile + 2. Tap y * 3 + x of 3x3 kernels,
     * in[(y * 3 + x) * LC_MAX_PANEL + j], transformed, lies at out[(y * side + x) * stride + j], j < columns <= LC_MAX_PANEL;
     * all LC_MAX_PANEL of `in` are there to be read. */
    void (*winograd_weights)(size_t tile, size_t columns, const float *in, float *out, size_t stride);

    /* One tile: its side x side input pixels in[y * side + x], transformed, lie at out[(y * side + x) * stride + j]. */
    void (*winograd_in)(size_t tile, size_t channels, const float *const *in, float *out, size_t stride);

    /* One tile of products in[(y * side + x) * stride + j] to its rows x columns (<= tile x tile) output pixels
     * out[(y * width + x) * ldc + j], finished; `e` points at the first of them, in a map `width` pixels wide. */
    void (*winograd_out)(size_t tile, size_t channels, const float *in, size_t stride, size_t rows, size_t columns, size_t width,
                         float *out, size_t ldc, const lc_epilogue *e);

    /* The same of a gradient by the weights, tile 4: pixels in[y * 4 + x] of the gradient by the output, transformed, lie at
     * out[(y * 6 + x) * stride + j]; and sums of products in[(y * 6 + x) * stride + j] become, or are added to, the
     * gradients by 3x3 weights out[j * 9 + y * 3 + x]. */
    void (*winograd_dout)(size_t channels, const float *const *in, float *out, size_t stride);
    void (*winograd_dweights)(size_t channels, const float *in, size_t stride, float *out, bool add);

    /* One pixel of a pooling: out[j] = max over s of in[s][j]; taps >= 1. */
    void (*pool_max)(size_t channels, size_t taps, const float *const *in, float *out);

    /* out[j] = scale * sum over s of in[s][j]. */
    void (*pool_sum)(size_t channels, size_t taps, const float *const *in, float scale, float *out);

    /* out[j] = mean over the height x width pixels of a map, of `channels` channels from `in` on, `step` floats from one pixel to
     * the next; each row is summed on its own, then the rows, so that the rounding error grows with height + width only. `row`
     * has room for channels floats. */
    void (*mean)(size_t height, size_t width, size_t channels, size_t step, const float *in, float *row, float *out);

    /* out[i * ldo + j] = epilogue(in[i * ldi + j]), rows x columns of them; in place is fine. */
    void (*finish)(size_t rows, size_t columns, const float *in, size_t ldi, float *out, size_t ldo, const lc_epilogue *e);

    /* out[i] = f(in[i]); in place is fine. */
    void (*map)(lc_function f, float a, float b, size_t n, const float *in, float *out);

    /* out[i] = f(a[i], b[i]); one_a, one_b: a or b is a single number. out may be a or b. */
    void (*combine)(lc_binary f, size_t n, const float *a, bool one_a, const float *b, bool one_b, float *out);

    /* out[i] = e^in[i] over the sum of all, and its logarithm; in place is fine. */
    void (*softmax)(size_t n, const float *in, float *out);
    void (*log_softmax)(size_t n, const float *in, float *out);

    /* out[i] = (in[i] - mean) / sqrt(variance + epsilon); in place is fine. */
    void (*normalize)(size_t n, const float *in, float epsilon, float *out);

    /*
     * Training. Where `add` is set, a gradient is added to what stands in its place; in place of dout is fine but for pooling.
     */

    /* mean[j] of column j of x (rows, columns), and squares[j] = sum of (x - mean[j])^2. */
    void (*moments)(size_t rows, size_t columns, const float *x, float *mean, float *squares);

    /* See lc_norm_gradient: sum[j] = sum of dz, product[j] = sum of dz (x - mean[j]). y NULL: made again from x. */
    void (*norm_sums)(size_t rows, size_t columns, const lc_norm_gradient *g, const float *x, const float *y, const float *dout,
                      float *sum, float *product);

    /* dx and dz; dz NULL: not wanted. */
    void (*norm_back)(size_t rows, size_t columns, const lc_norm_gradient *g, const float *x, const float *y, const float *dout,
                      bool add, float *dx, bool add_dz, float *dz);

    /* dx[i] = dout[i] where y[i] lies between low and high, else 0. */
    void (*clamp_back)(size_t n, float low, float high, const float *y, const float *dout, bool add, float *dx);

    /* out[i] = scale * in[i] */
    void (*scale)(size_t n, float scale, const float *in, bool add, float *out);

    /* One pixel of a maximum pooling: din[s][j] += dout[j] for the first s whose in[s][j] is the maximum out[j]. */
    void (*pool_max_back)(size_t channels, size_t taps, const float *const *in, const float *out, const float *dout, float *const *din);

    /* dx[i] = f'(x[i]) dout[i]; 0 for the functions that are steps. */
    void (*map_back)(lc_function f, float a, float b, size_t n, const float *x, const float *dout, bool add, float *dx);

    /* numbers[i] = numbers[i] / 2 + 1, `rounds` times, of LC_PEAK_CHAINS * vector numbers: as fast as this set can. */
    void (*multiply_add)(size_t rounds, float *numbers);
} lc_kernels;

/* The table in use. LC_ERR_ARG when LC_ISA names no table, or one that this CPU cannot run. */
LC_CHECKED lc_status lc_kernels_get(const lc_kernels **out);

/* All tables that this CPU can run, portable first; for the tests. Returns how many. */
size_t lc_kernels_runnable(const lc_kernels *out[], size_t capacity);

enum { LC_KERNELS_LIST = 96 };

/* Their names: "generic|avx2". */
const char *lc_kernels_list(char text[static LC_KERNELS_LIST]);

#endif
