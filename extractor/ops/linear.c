/*
 * Fully connected layer, ONNX's Gemm with constant weights: y = alpha x W + beta b.
 *
 * The rows of the product are the pictures of the batch, so that weights are read once per batch. Where x is transposed or
 * each row has its own bias, rows are no pictures, and the product is made picture by picture.
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

/* Numbers of the bias from one row to the next, and from one column to the next; false: it does not fit. */
static bool bias_steps(const lc_tensor *b, size_t rows, size_t columns, size_t *row, size_t *column)
{
    size_t d[2] = {1, 1};
    for (size_t i = 0; i < b->rank && i < 2; i++) {
        d[1 - i] = b->dims[b->rank - 1 - i];
    }
    *row = d[0] == 1 ? 0 : d[1];
    *column = d[1] == 1 ? 0 : 1;
    return b->data && lc_tensor_count(b) == d[0] * d[1] && (d[0] == 1 || d[0] == rows) && (d[1] == 1 || d[1] == columns);
}

static void sizes(const lc_op_call *c, size_t *rows, size_t *in, size_t *out)
{
    const linear_params *p = c->params;
    *rows = c->in[0]->dims[p->trans_a ? 1 : 0];
    *in = c->in[1]->dims[p->trans_b ? 1 : 0];
    *out = c->in[1]->dims[p->trans_b ? 0 : 1];
}

/* x (N,C) or (C,N), weights (K,C) or (C,K)[, bias (K) or (N,K)] -> y (N,K) */
static lc_status infer(lc_op_call *c)
{
    const linear_params *p = c->params;
    LC_TRY(lc_op_expect(c, 2, 2));
    const lc_tensor *x = c->in[0], *w = c->in[1];
    if (w->rank != 2 || !w->data) {
        return lc_fail(LC_ERR_UNSUPPORTED, "wants constant weights of 2 dimensions");
    }
    size_t rows, in, out, row = 0, column, got = x->dims[p->trans_a ? 0 : 1];
    sizes(c, &rows, &in, &out);
    if (got != in || in == 0 || out == 0) {
        return lc_fail(LC_ERR_SHAPE, "weights for %zu inputs, got %zu", in, got);
    }
    if (c->inputs > 2 && c->in[2] && !bias_steps(c->in[2], rows, out, &row, &column)) {
        return lc_fail(LC_ERR_SHAPE, "wants a constant bias of %zu numbers", out);
    }
    *c->out = (lc_tensor){.rank = 2, .dims = {rows, out}};
    c->whole = p->trans_a || row;
    c->scratch = p->trans_a ? rows : 0; /* for each of x's rows */
    return LC_OK;
}

typedef struct {
    lc_gemm weights;
    float *bias;    /* (K) or (N,K), each row padded, or NULL */
    size_t bias_row; /* numbers from one row's to the next one's; 0: all rows have the same */
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
    size_t rows, in, out, row, column;
    linear_state *s;
    sizes(c, &rows, &in, &out);
    LC_TRY(lc_alloc_array(&s, 1, sizeof *s));
    lc_gemm_source source = {w->data, p->trans_b ? in : 1, 0, p->trans_b ? 1 : out, in};
    lc_status status = lc_gemm_pack(&s->weights, c->kernels, in, out, &source);
    if (status == LC_OK && p->alpha != 1) {
        for (size_t i = 0, n = in * ((out + c->kernels->vector - 1) / c->kernels->vector * c->kernels->vector); i < n; i++) {
            s->weights.packed[i] *= p->alpha;
        }
    }
    if (status == LC_OK && c->inputs > 2 && c->in[2]) {
        bool each = bias_steps(c->in[2], rows, out, &row, &column) && row;
        s->bias_row = each ? out + LC_COLUMN_PADDING : 0;
        status = lc_alloc_array(&s->bias, each ? rows : 1, (out + LC_COLUMN_PADDING) * sizeof(float));
        for (size_t i = 0; status == LC_OK && i < (each ? rows : 1); i++) {
            for (size_t j = 0; j < out; j++) {
                s->bias[i * s->bias_row + j] = p->beta * c->in[2]->data[i * row + j * column];
            }
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
    const linear_params *p = c->params;
    const linear_state *s = c->state;
    const float *x = c->in[0]->data;
    size_t rows, in, out;
    lc_epilogue e = c->epilogue;
    e.bias = s->bias;
    sizes(c, &rows, &in, &out);
    if (p->trans_a) {
        for (size_t i = 0; i < rows * in; i++) {
            c->scratch_data[i] = x[i % in * rows + i / in];
        }
        x = c->scratch_data;
    }
    if (!s->bias_row) {
        return lc_gemm_dense(&s->weights, c->kernels, c->threads, rows, x, c->out->data, &e);
    }
    for (size_t i = 0; i < rows; i++) {
        lc_epilogue own = lc_epilogue_at(&e, i, 0);
        own.bias = s->bias + i * s->bias_row;
        LC_TRY(lc_gemm_dense(&s->weights, c->kernels, c->threads, 1, x + i * in, c->out->data + i * out, &own));
    }
    return LC_OK;
}

static uint64_t macs(const lc_op_call *c)
{
    return (uint64_t)lc_tensor_count(c->in[0]) * c->out->dims[1];
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
