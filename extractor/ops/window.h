/*
 * Sliding windows over a map, shared by convolution and pooling: kernel, stride, padding and dilation as ONNX gives
 * them, and the output size they lead to.
 */
#ifndef LC_EXTRACTOR_OPS_WINDOW_H
#define LC_EXTRACTOR_OPS_WINDOW_H

#include "extractor/ops/op.h"

/* The attributes of ONNX's windowed operators; the first part of their params structs. */
typedef struct {
    lc_ints kernel_shape, strides, pads, dilations;
    char auto_pad[LC_OP_WORD];
    int64_t ceil_mode;
} lc_window_params;

/* Of lc_op_conv; public because architectures are built with it. */
typedef struct {
    lc_window_params window;
    int64_t group;
} lc_conv_params;

/* Of lc_op_maxpool and lc_op_avgpool. */
typedef struct {
    lc_window_params window;
    int64_t count_include_pad, storage_order;
} lc_pool_params;

/* Of lc_op_adaptive_avgpool: the size of the output. */
typedef struct {
    size_t height, width;
} lc_adaptive_params;

#define LC_WINDOW_ATTRIBUTES(type)                                                     \
    {"kernel_shape", LC_ATTR_INTS, offsetof(type, window.kernel_shape), 0, 0},         \
        {"strides", LC_ATTR_INTS, offsetof(type, window.strides), 0, 0},               \
        {"pads", LC_ATTR_INTS, offsetof(type, window.pads), 0, 0},                     \
        {"dilations", LC_ATTR_INTS, offsetof(type, window.dilations), 0, 0},           \
        {"auto_pad", LC_ATTR_WORD, offsetof(type, window.auto_pad), 0, 0},             \
        {"ceil_mode", LC_ATTR_INT, offsetof(type, window.ceil_mode), 0, 0}

/* A window resolved against an input of height x width. */
typedef struct {
    size_t in_h, in_w, out_h, out_w;
    size_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    size_t top, left, bottom, right; /* padding */
} lc_window;

/* Numbers that make no sense, or an empty output, are LC_ERR_SHAPE. kernel_h/w are used where the params are silent. */
LC_CHECKED lc_status lc_window_resolve(lc_window *out, const lc_window_params *p, size_t height, size_t width,
                                       size_t kernel_h, size_t kernel_w);

/* How its rows depend on those of the input. And the same window of a band of output rows, against the input rows that it reads. */
lc_rows lc_window_rows(const lc_window *w);
void lc_window_band(lc_window *w, const lc_band *band);

#endif
