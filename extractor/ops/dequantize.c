/*
 * Weights that a file keeps as small integers: y = (x - zero) * scale, one scale or one per index of a dimension.
 */
#include "extractor/ops/op.h"

typedef struct {
    int64_t axis, block_size;
} dequantize_params;

static const lc_attr attributes[] = {
    {"axis", LC_ATTR_AXIS, offsetof(dequantize_params, axis), 0, 1},
    {"block_size", LC_ATTR_INT, offsetof(dequantize_params, block_size), 0, 0},
    {NULL, 0, 0, 0, 0},
};

/* constant x, scale (1) or (D_axis)[, zero of the same shape] -> y of x's shape */
static lc_status infer(lc_op_call *c)
{
    const dequantize_params *p = c->params;
    LC_TRY(lc_op_expect(c, 2, 0));
    const lc_tensor *x = c->in[0];
    size_t scales = lc_tensor_count(c->in[1]);
    if (!x->data || !c->in[1]->data || p->block_size) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%s", p->block_size ? "in blocks" : "of activations; only quantised weights are known");
    }
    bool per_axis = scales != 1;
    if ((per_axis && (p->axis < 0 || p->axis >= (int64_t)x->rank || scales != x->dims[p->axis])) ||
        (c->inputs > 2 && c->in[2] && (!c->in[2]->data || lc_tensor_count(c->in[2]) != scales))) {
        return lc_fail(LC_ERR_SHAPE, "%zu scales along dimension %lld of %zu", scales, (long long)p->axis, x->rank);
    }
    *c->out = *x;
    return LC_OK;
}

static lc_status forward(const lc_op_call *c)
{
    const dequantize_params *p = c->params;
    const lc_tensor *x = c->in[0];
    size_t scales = lc_tensor_count(c->in[1]), inner = 1;
    for (size_t i = scales > 1 ? (size_t)p->axis + 1 : x->rank; i < x->rank; i++) {
        inner *= x->dims[i];
    }
    for (size_t i = 0; i < lc_tensor_count(x); i++) {
        size_t k = i / inner % scales;
        float zero = c->inputs > 2 && c->in[2] ? c->in[2]->data[k] : 0;
        c->out->data[i] = (x->data[i] - zero) * c->in[1]->data[k];
    }
    return LC_OK;
}

const lc_op lc_op_dequantize = {
    .name = "dequantize",
    .onnx = "DequantizeLinear",
    .attributes = attributes,
    .params_size = sizeof(dequantize_params),
    .flags = LC_OP_EITHER,
    .infer = infer,
    .forward = forward,
};
