/*
 * What the two directions of a convolution share: conv.c computes forward, conv_gradient.c and conv_gradient_weights.c
 * backward.
 */
#ifndef LC_EXTRACTOR_OPS_CONV_H
#define LC_EXTRACTOR_OPS_CONV_H

#include "extractor/ops/gemm.h"
#include "extractor/ops/window.h"

enum { LC_CONV_POINTERS = 4096 }; /* of a block of tiles */

typedef struct {
    lc_window w;
    size_t batch, in_c, out_c, groups;
    bool depthwise, framed;
    size_t winograd; /* tile, or 0 */
    bool dense; /* 1x1, stride 1, no padding: output pixel i reads input pixel i */
    size_t frame_h, frame_w; /* of the padded copy */
} lc_conv_shape;

/* From the inputs' shapes and the parameters of c; checks them. */
LC_CHECKED lc_status lc_conv_shape_of(const lc_op_call *c, lc_conv_shape *s);

/* The padded bias in a convolution's state; NULL: none. */
const float *lc_conv_bias(const void *state);

/* lc_op.train_size, lc_op.train and lc_op.backward of a convolution. */
void lc_conv_train_size(const lc_op_call *c, size_t *saved, size_t *scratch);
LC_CHECKED lc_status lc_conv_train(const lc_op_call *c, const lc_op_train *t);
LC_CHECKED lc_status lc_conv_backward(const lc_op_call *c, const lc_op_train *t);

/* The gradient by the weights, (K,C/g,kh,kw); `add`: to what stands there. And the floats of scratch it takes. */
LC_CHECKED lc_status lc_conv_gradient_weights(const lc_op_call *c, const lc_conv_shape *s, const float *dout, float *dw, bool add,
                                              float *scratch);
size_t lc_conv_gradient_weights_scratch(const lc_op_call *c, const lc_conv_shape *s);

#endif
