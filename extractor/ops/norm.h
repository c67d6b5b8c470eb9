/*
 * Parameters of normalisations that architectures are built with.
 */
#ifndef LC_EXTRACTOR_OPS_NORM_H
#define LC_EXTRACTOR_OPS_NORM_H

#include <stdint.h>

/* Of lc_op_layernorm. axis: the last dimension, -1; 1 for the channels of a map. */
typedef struct {
    int64_t axis, stash_type;
    float epsilon;
} lc_layernorm_params;

/* Of lc_op_lrn; alpha is divided by size, as in ONNX and PyTorch. */
typedef struct {
    int64_t size;
    float alpha, beta, bias;
} lc_lrn_params;

/* Of lc_op_softmax and lc_op_log_softmax: over dimension `axis`; opset below 13 means from it on. */
typedef struct {
    int64_t axis, opset;
} lc_softmax_params;

#endif
