/*
 * Parameters of element-by-element operators that architectures are built with.
 */
#ifndef LC_EXTRACTOR_OPS_ELEMENTWISE_H
#define LC_EXTRACTOR_OPS_ELEMENTWISE_H

#include <stdint.h>

/* Of the functions of one number with numbers of their own: lc_op_hardsigmoid (alpha x + beta; ONNX 0.2, 0.5, PyTorch
 * 1/6, 0.5), lc_op_leaky_relu and lc_op_elu (alpha). The others have none. */
typedef struct {
    float alpha, beta;
} lc_function_params;

#endif
