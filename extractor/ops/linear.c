/*
 * Fully connected layer, ONNX's Gemm with constant weights: y = alpha x W + beta b.
 *
 * The rows of the product are the pictures of the batch, so that weights are read once per batch.
 */
#include <stdlib.h>

#include "common/memory.h"
#include "extractor/ops/gemm.h"

typedef struct {
    float alpha, beta;
    int64_t trans_a, trans_b;
} linear_params;

static const lc_attr attributes[] = {
    {"alpha", LC_ATTR_FLOAT, offsetof(linear_params, alpha), 0, 1},
    {"beta", LC_ATTR_FLOAT, offsetof(linear_params, beta), 0, 1},
    {"transA", LC_ATTR_INT, offsetof(linear_params, trans_a), 0, 0},
    {"transB", LC_ATTR_INT, offsetof(linear_params, trans_b), 0, 0},
    {NULL, 0, 0, 0, 0},
};

/* x (N,C), weights (K,C) or (C,K)[, bias (K)] -> y (N,K) */
static lc_status infer(lc_op_call *c)
{
    const linear_params *p = c->params;
    LC_TRY(lc_op_expect(c, 2, 2));
    const lc_tensor *x = c->in[0], *w = c->in[1];
    if (w->rank != 2 || !w->data || p->trans_a) {
        return lc_fail(LC_ERR_UNSUPPORTED, "wants constant weights of 2 dimensions, the input not transposed");
    }
    size_t in = w->dims[p->trans_b ? 1 : 0], out = w->dims[p->trans_b ? 0 : 1];
    if (x->dims[1] != in || in == 0 || out == 0) {
        return lc_fail(LC_ERR_SHAPE, "weights for %zu inputs, got %zu", in, x->dims[1]);
    }
    if (c->inputs > 2 && c->in[2]) {
        size_t n = lc_tensor_count(c->in[2]);
        if (!c->in[2]->data || (n != out && n != 1)) {
            return lc_fail(LC_ERR_SHAPE, "wants a constant bias of %zu numbers", out);
        }
    }
    *c->out = (lc_tensor){.rank = 2, .dims = {x->dims[0], out}};
    return LC_OK;
}

typedef struct {
    lc_gemm weights;
    float *bias; /* (K), padded, or NULL */
} linear_state;

static void release(void *state)
{
    linear_state *s = state;
    if (s) {
        lc_gemm_free(&s->weights);
        free(s->bias);
        free(s);
    }
}

static lc_status prepare(const lc_op_call *c, void **state)
{
    const linear_params *p = c->params;
    const lc_tensor *w = c->in[1];
    size_t in = w->dims[p->trans_b ? 1 : 0], out = w->dims[p->trans_b ? 0 : 1];
    linear_state *s;
    LC_TRY(lc_alloc_array(&s, 1, sizeof *s));
    lc_gemm_source source = {w->data, p->trans_b ? in : 1, 0, p->trans_b ? 1 : out, in};
    lc_status status = lc_gemm_pack(&s->weights, c->kernels, in, out, &source);
    if (status == LC_OK && p->alpha != 1) {
        for (size_t i = 0, n = in * ((out + c->kernels->vector - 1) / c->kernels->vector * c->kernels->vector); i < n; i++) {
            s->weights.packed[i] *= p->alpha;
        }
    }
    if (status == LC_OK && c->inputs > 2 && c->in[2]) {
        status = lc_alloc_array(&s->bias, out + LC_COLUMN_PADDING, sizeof(float));
        for (size_t j = 0; status == LC_OK && j < out; j++) {
            s->bias[j] = p->beta * c->in[2]->data[lc_tensor_count(c->in[2]) == 1 ? 0 : j];
        }
    }
    if (status != LC_OK) {
        release(s);
        return status;
    }
    *state = s;
    return LC_OK;
}

static lc_status forward(const lc_op_call *c)
{
    const linear_state *s = c->state;
    lc_epilogue e = c->epilogue;
    e.bias = s->bias;
    return lc_gemm_dense(&s->weights, c->kernels, c->threads, c->in[0]->dims[0], c->in[0]->data, c->out->data, &e);
}

static uint64_t macs(const lc_op_call *c)
{
    return (uint64_t)c->in[0]->dims[1] * c->out->dims[1];
}

const lc_op lc_op_linear = {
    .name = "linear",
    .onnx = "Gemm",
    .attributes = attributes,
    .params_size = sizeof(linear_params),
    .flags = LC_OP_EPILOGUE | LC_OP_WEIGHTED | LC_OP_LEARNED,
    .infer = infer,
    .prepare = prepare,
    .release = release,
    .forward = forward,
    .macs = macs,
};
