/*
 * Functions of one number, element by element: a table of rows, one operator each. What they compute stands in
 * kernels.h, how in kernels/functions.inc.
 */
#include "extractor/ops/elementwise.h"

#include <string.h>

#include "extractor/ops/gemm.h"
#include "extractor/ops/gradient.h"

enum { CHUNK = 1 << 14, GATE = 1 << 10 };

typedef struct {
    lc_function_params numbers;
    char approximate[LC_OP_WORD]; /* of Gelu */
} function_params;

static const lc_attr gelu_attributes[] = {
    {"approximate", LC_ATTR_WORD, offsetof(function_params, approximate), 0, 0},
    {NULL, 0, 0, 0, 0},
};

/* x -> y of the same shape */
static lc_status infer(lc_op_call *c)
{
    LC_TRY(lc_op_expect(c, 1, 0));
    *c->out = *c->in[0];
    return LC_OK;
}

typedef struct {
    const lc_op_call *c;
    lc_function f;
    size_t count;
} map_run;

static lc_status map_chunk(void *context, size_t item)
{
    const map_run *r = context;
    const lc_function_params *p = r->c->params;
    size_t first = item * CHUNK, n = r->count - first < CHUNK ? r->count - first : CHUNK;
    r->c->kernels->map(r->f, p->alpha, p->beta, n, r->c->in[0]->data + first, r->c->out->data + first);
    return LC_OK;
}

static lc_status run(const lc_op_call *c, lc_function f)
{
    map_run r = {c, f, lc_tensor_count(c->in[0])};
    return lc_parallel_for(c->threads, (r.count + CHUNK - 1) / CHUNK, map_chunk, &r);
}

typedef struct {
    map_run map;
    const lc_op_train *t;
} back_run;

static lc_status back_chunk(void *context, size_t item)
{
    const back_run *r = context;
    const lc_op_call *c = r->map.c;
    const lc_function_params *p = c->params;
    size_t first = item * CHUNK, n = r->map.count - first < CHUNK ? r->map.count - first : CHUNK;
    c->kernels->map_back(r->map.f, p->alpha, p->beta, n, c->in[0]->data + first, r->t->dout + first, r->t->add[0], r->t->din[0] + first);
    return LC_OK;
}

static lc_status back(const lc_op_call *c, const lc_op_train *t, lc_function f)
{
    back_run r = {{c, f, lc_tensor_count(c->in[0])}, t};
    return lc_wants(c, t, 0) ? lc_parallel_for(c->threads, (r.map.count + CHUNK - 1) / CHUNK, back_chunk, &r) : LC_OK;
}

static lc_activation activation(const lc_op_call *c, lc_function f)
{
    const lc_function_params *p = c->params;
    return (lc_activation){.there = true, .function = f, .a = p->alpha, .b = p->beta};
}

void lc_activate(const lc_op_call *c, size_t rows, size_t columns, float *y, size_t stride)
{
    const lc_activation *a = &c->activation;
    float gate[GATE];
    if (columns == stride) { /* one row */
        columns *= rows;
        rows = 1;
    }
    for (size_t i = 0; a->there && i < rows; i++, y += stride) {
        for (size_t j = 0; j < columns; j += GATE) {
            size_t n = columns - j < GATE ? columns - j : GATE;
            c->kernels->map(a->function, a->a, a->b, n, y + j, a->gate ? gate : y + j);
            if (a->gate) {
                c->kernels->combine(LC_MUL, n, y + j, false, gate, false, y + j);
            }
        }
    }
}

/* An operator: name in graphs, ONNX op_type, function, attribute table. */
#define FUNCTION(name_, onnx_, function, attributes_)                                               \
    static lc_status backward_##name_(const lc_op_call *c, const lc_op_train *t)                    \
    {                                                                                               \
        return back(c, t, function);                                                                \
    }                                                                                               \
    OPERATOR(name_, onnx_, function, attributes_, LC_KEEP_INPUT, backward_##name_)

/* One of steps: no gradient passes. */
#define STEP(name_, onnx_, function) OPERATOR(name_, onnx_, function, NULL, 0, NULL)

#define OPERATOR(name_, onnx_, function, attributes_, keep_, backward_)                             \
    static lc_status forward_##name_(const lc_op_call *c)                                           \
    {                                                                                               \
        return run(c, function);                                                                    \
    }                                                                                               \
    static lc_activation activation_##name_(const lc_op_call *c)                                    \
    {                                                                                               \
        return activation(c, function);                                                             \
    }                                                                                               \
    const lc_op lc_op_##name_ = {                                                                   \
        .name = #name_,                                                                             \
        .onnx = onnx_,                                                                              \
        .attributes = attributes_,                                                                  \
        .params_size = sizeof(function_params),                                                     \
        .flags = LC_OP_INPLACE | LC_OP_EITHER,                                                      \
        .infer = infer,                                                                             \
        .forward = forward_##name_,                                                                 \
        .activation = activation_##name_,                                                           \
        .keep = keep_,                                                                              \
        .backward = backward_,                                                                      \
    };

/* The same with numbers: what alpha and the second attribute are when the file does not say. */
#define WITH_NUMBERS(name_, onnx_, function, alpha_, second_, beta_)                                 \
    static const lc_attr attributes_##name_[] = {                                                   \
        {"alpha", LC_ATTR_FLOAT, offsetof(function_params, numbers.alpha), 0, alpha_},              \
        {second_, LC_ATTR_FLOAT, offsetof(function_params, numbers.beta), 0, beta_},                \
        {NULL, 0, 0, 0, 0},                                                                         \
    };                                                                                              \
    FUNCTION(name_, onnx_, function, attributes_##name_)

FUNCTION(abs, "Abs", LC_ABS, NULL)
STEP(ceil, "Ceil", LC_CEIL)
FUNCTION(erf, "Erf", LC_ERF, NULL)
FUNCTION(exp, "Exp", LC_EXP, NULL)
STEP(floor, "Floor", LC_FLOOR)
FUNCTION(hardswish, "HardSwish", LC_HARDSWISH, NULL)
FUNCTION(log, "Log", LC_LOG, NULL)
FUNCTION(mish, "Mish", LC_MISH, NULL)
FUNCTION(negate, "Neg", LC_NEGATE, NULL)
STEP(not, "Not", LC_NOT)
FUNCTION(reciprocal, "Reciprocal", LC_RECIPROCAL, NULL)
STEP(round, "Round", LC_ROUND)
FUNCTION(sigmoid, "Sigmoid", LC_SIGMOID, NULL)
FUNCTION(silu, NULL, LC_SILU, NULL)
FUNCTION(softplus, "Softplus", LC_SOFTPLUS, NULL)
FUNCTION(softsign, "Softsign", LC_SOFTSIGN, NULL)
FUNCTION(sqrt, "Sqrt", LC_SQRT, NULL)
FUNCTION(tanh, "Tanh", LC_TANH, NULL)
FUNCTION(gelu, "Gelu", strcmp(((const function_params *)c->params)->approximate, "tanh") == 0 ? LC_GELU_TANH : LC_GELU,
         gelu_attributes)
WITH_NUMBERS(celu, "Celu", LC_CELU, 1, NULL, 0)
WITH_NUMBERS(elu, "Elu", LC_ELU, 1, NULL, 0)
WITH_NUMBERS(hardsigmoid, "HardSigmoid", LC_HARDSIGMOID, 0.2, "beta", 0.5)
WITH_NUMBERS(leaky_relu, "LeakyRelu", LC_LEAKY_RELU, 0.01, NULL, 0)
WITH_NUMBERS(selu, "Selu", LC_SELU, 1.67326319217681884765625, "gamma", 1.05070102214813232421875)
WITH_NUMBERS(thresholded_relu, "ThresholdedRelu", LC_THRESHOLDED_RELU, 1, NULL, 0)
