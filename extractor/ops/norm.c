/*
 * Normalisations over what lies at one place.
 */
#include <math.h>

#include "extractor/ops/gradient.h"
#include "extractor/ops/norm.h"

/*
 * Layer normalisation (Ba, Kiros, Hinton, arXiv:1607.06450) over the last dimension, which is the channels of a map:
 * y = (x - mean) / sqrt(variance + epsilon) * weight + bias, the variance divided by C.
 */
static const lc_attr layernorm_attributes[] = {
    {"axis", LC_ATTR_AXIS, offsetof(lc_layernorm_params, axis), 0, -1},
    {"epsilon", LC_ATTR_FLOAT, offsetof(lc_layernorm_params, epsilon), 0, 1e-5},
    {"stash_type", LC_ATTR_INT, offsetof(lc_layernorm_params, stash_type), 0, 1},
    {NULL, 0, 0, 0, 0},
};

/* x (...,C), weight (C)[, bias (C)] -> y (...,C) */
static lc_status infer_layernorm(lc_op_call *c)
{
    const lc_layernorm_params *p = c->params;
    LC_TRY(lc_op_expect(c, 2, 0));
    const lc_tensor *x = c->in[0];
    if (x->rank < 1 || p->axis != (int64_t)x->rank - 1) {
        return lc_fail(LC_ERR_UNSUPPORTED, "from dimension %lld of %zu on; over the last one is known", (long long)p->axis, x->rank);
    }
    for (size_t i = 1; i < 3; i++) {
        if (i < c->inputs && c->in[i] && (!c->in[i]->data || lc_tensor_count(c->in[i]) != x->dims[x->rank - 1])) {
            return lc_fail(LC_ERR_SHAPE, "wants %zu constant numbers, got %zu", x->dims[x->rank - 1], lc_tensor_count(c->in[i]));
        }
    }
    *c->out = *x;
    return LC_OK;
}

static lc_status layernorm_row(void *context, size_t item)
{
    const lc_op_call *c = context;
    const lc_layernorm_params *p = c->params;
    size_t columns = c->in[0]->dims[c->in[0]->rank - 1];
    float *y = c->out->data + item * columns;
    c->kernels->normalize(columns, c->in[0]->data + item * columns, p->epsilon, y);
    c->kernels->combine(LC_MUL, columns, y, false, c->in[1]->data, false, y);
    if (c->inputs > 2 && c->in[2]) {
        c->kernels->combine(LC_ADD, columns, y, false, c->in[2]->data, false, y);
    }
    return LC_OK;
}

static lc_status forward_layernorm(const lc_op_call *c)
{
    size_t columns = c->in[0]->dims[c->in[0]->rank - 1], rows = lc_tensor_count(c->in[0]) / columns;
    return lc_op_rows(c->threads, rows, columns, layernorm_row, (void *)(uintptr_t)c);
}

const lc_op lc_op_layernorm = {
    .name = "layernorm",
    .onnx = "LayerNormalization",
    .attributes = layernorm_attributes,
    .params_size = sizeof(lc_layernorm_params),
    .flags = LC_OP_INPLACE | LC_OP_LEARNED | LC_OP_EITHER,
    .infer = infer_layernorm,
    .forward = forward_layernorm,
};

/*
 * Local response normalisation across channels (Krizhevsky et al. 2012, section 3.3, as ONNX scales it):
 * y_c = x_c / (bias + alpha / size * sum of x_i^2 for i from c - floor((size - 1) / 2) to c + ceil((size - 1) / 2)) ^ beta.
 */
static const lc_attr lrn_attributes[] = {
    {"size", LC_ATTR_INT, offsetof(lc_lrn_params, size), 0, 1},
    {"alpha", LC_ATTR_FLOAT, offsetof(lc_lrn_params, alpha), 0, 1e-4},
    {"beta", LC_ATTR_FLOAT, offsetof(lc_lrn_params, beta), 0, 0.75},
    {"bias", LC_ATTR_FLOAT, offsetof(lc_lrn_params, bias), 0, 1},
    {NULL, 0, 0, 0, 0},
};

/* x (N,H,W,C) -> y (N,H,W,C) */
static lc_status infer_lrn(lc_op_call *c)
{
    const lc_lrn_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 4));
    if (p->size < 1 || p->size > 1 << 15) {
        return lc_fail(LC_ERR_SHAPE, "a size of %lld", (long long)p->size);
    }
    *c->out = *c->in[0];
    return LC_OK;
}

static lc_status lrn_pixel(void *context, size_t item)
{
    const lc_op_call *c = context;
    const lc_lrn_params *p = c->params;
    size_t channels = c->in[0]->dims[3], size = (size_t)p->size, below = (size - 1) / 2, above = size - 1 - below;
    const float *x = c->in[0]->data + item * channels;
    float *y = c->out->data + item * channels;
    for (size_t k = 0; k < channels; k++) {
        size_t first = k > below ? k - below : 0, last = above < channels - 1 - k ? k + above : channels - 1;
        float sum = 0;
        for (size_t i = first; i <= last; i++) {
            sum += x[i] * x[i];
        }
        y[k] = x[k] / powf(p->bias + p->alpha / (float)size * sum, p->beta);
    }
    return LC_OK;
}

static lc_status forward_lrn(const lc_op_call *c)
{
    return lc_op_rows(c->threads, lc_tensor_count(c->in[0]) / c->in[0]->dims[3], c->in[0]->dims[3], lrn_pixel, (void *)(uintptr_t)c);
}

const lc_op lc_op_lrn = {
    .name = "lrn",
    .onnx = "LRN",
    .attributes = lrn_attributes,
    .params_size = sizeof(lc_lrn_params),
    .infer = infer_lrn,
    .forward = forward_lrn,
};
