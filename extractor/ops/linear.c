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

/* Memory for what prepare packs. */
static lc_status make_state(const lc_op_call *c, linear_state *s)
{
    const linear_params *p = c->params;
    size_t rows, in, out, row, column;
    sizes(c, &rows, &in, &out);
    LC_TRY(lc_gemm_allocate(&s->weights, c->kernels, c->arithmetic == LC_BF16 && in % 2 == 0 && p->alpha == 1, in, out));
    if (c->inputs < 3 || !c->in[2]) {
        return LC_OK;
    }
    bool each = bias_steps(c->in[2], rows, out, &row, &column) && row;
    s->bias_row = each ? out + LC_COLUMN_PADDING : 0;
    return lc_alloc_array(&s->bias, each ? rows : 1, (out + LC_COLUMN_PADDING) * sizeof(float));
}

static lc_status prepare(const lc_op_call *c, void **state)
{
    const linear_params *p = c->params;
    size_t rows, in, out, row, column;
    linear_state *s = *state;
    sizes(c, &rows, &in, &out);
    if (!s) {
        LC_TRY(lc_alloc_array(&s, 1, sizeof *s));
        lc_status status = make_state(c, s);
        if (status != LC_OK) {
            release(s);
            return status;
        }
        *state = s;
    }
    lc_gemm_source source = {c->in[1]->data, p->trans_b ? in : 1, 0, p->trans_b ? 1 : out, in};
    lc_gemm_fill(&s->weights, c->kernels, &source);
    if (p->alpha != 1) {
        for (size_t i = 0, n = in * ((out + c->kernels->vector - 1) / c->kernels->vector * c->kernels->vector); i < n; i++) {
            s->weights.packed[i] *= p->alpha;
        }
    }
    if (s->bias && bias_steps(c->in[2], rows, out, &row, &column)) {
        for (size_t i = 0; i < (row ? rows : 1); i++) {
            for (size_t j = 0; j < out; j++) {
                s->bias[i * s->bias_row + j] = p->beta * c->in[2]->data[i * row + j * column];
            }
        }
    }
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

/* Scratch: dout times alpha and x the other way round, where that is not what there is; then lc_gemm_turned's. */
static void train_size(const lc_op_call *c, size_t *saved, size_t *scratch)
{
    const linear_params *p = c->params;
    size_t rows, in, out;
    sizes(c, &rows, &in, &out);
    *saved = 0;
    *scratch = (p->alpha != 1 ? rows * out : 0) + (p->trans_a ? rows * in : 0) + lc_gemm_turned_scratch(c->threads);
}

/* (rows, columns) -> (columns, rows), or added to that. */
static void transpose(const float *from, size_t rows, size_t columns, float *to, bool add)
{
    for (size_t i = 0; i < rows * columns; i++) {
        float *at = &to[i % columns * rows + i / columns];
        *at = add ? *at + from[i] : from[i];
    }
}

/* The bias in any of its shapes: sums over the rows and columns that share a number. */
static void bias_gradient(const lc_op_call *c, const lc_op_train *t, size_t rows, size_t out)
{
    const linear_params *p = c->params;
    size_t row = 0, column = 0, count = lc_tensor_count(c->in[2]);
    (void)bias_steps(c->in[2], rows, out, &row, &column); /* infer has seen that it fits */
    for (size_t b = 0; b < count; b++) {
        double sum = 0;
        size_t first_row = row ? b / row : 0, last_row = row ? first_row + 1 : rows;
        size_t first = column ? b - first_row * row : 0, last = column ? first + 1 : out;
        for (size_t i = first_row; i < last_row; i++) {
            for (size_t j = first; j < last; j++) {
                sum += (double)t->dout[i * out + j];
            }
        }
        t->din[2][b] = (float)((t->add[2] ? (double)t->din[2][b] : 0) + sum * (double)p->beta);
    }
}

/* dy (N,K) -> dx (N,C), dweights (K,C), dbias, each in its input's order: dx = alpha dy W^T, dW = alpha x^T dy */
static lc_status backward(const lc_op_call *c, const lc_op_train *t)
{
    const linear_params *p = c->params;
    const float *dout = t->dout, *x = c->in[0]->data, *w = c->in[1]->data;
    float *scratch = c->scratch_data;
    size_t rows, in, out;
    sizes(c, &rows, &in, &out);
    if (p->alpha != 1) {
        for (size_t i = 0; i < rows * out; i++) {
            scratch[i] = dout[i] * p->alpha;
        }
        dout = scratch;
        scratch += rows * out;
    }
    float *turned = scratch; /* x (N,C), or its gradient, where x is (C,N) */
    scratch += p->trans_a ? rows * in : 0;
    if (t->din[0]) {
        float *dx = p->trans_a ? turned : t->din[0];
        LC_TRY(lc_gemm_turned(c->kernels, c->threads, rows, out, in, dout, w, p->trans_b ? 1 : out, p->trans_b ? in : 1, dx,
                              !p->trans_a && t->add[0], scratch));
        if (p->trans_a) {
            transpose(turned, rows, in, t->din[0], t->add[0]);
        }
    }
    if (t->din[1]) {
        if (p->trans_a) {
            transpose(x, in, rows, turned, false);
            x = turned;
        }
        LC_TRY(p->trans_b ? lc_gemm_outer(c->kernels, c->threads, rows, out, in, dout, x, t->din[1], t->add[1])
                          : lc_gemm_outer(c->kernels, c->threads, rows, in, out, x, dout, t->din[1], t->add[1]));
    }
    if (c->inputs > 2 && c->in[2] && t->din[2]) {
        bias_gradient(c, t, rows, out);
    }
    return LC_OK;
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
    .keep = LC_KEEP_INPUT,
    .train_size = train_size,
    .backward = backward,
};
