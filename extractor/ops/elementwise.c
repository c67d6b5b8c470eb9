/*
 * Functions of one number, element by element: a table of rows, one operator each. What they compute stands in
 * kernels.h, how in kernels/functions.inc.
 */
#include "extractor/ops/elementwise.h"

#include <string.h>

#include "extractor/ops/op.h"

enum { CHUNK = 1 << 14 };

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

/* An operator: name in graphs, ONNX op_type, function, attribute table. */
#define FUNCTION(name_, onnx_, function, attributes_)                                               \
    static lc_status forward_##name_(const lc_op_call *c)                                           \
    {                                                                                               \
        return run(c, function);                                                                    \
    }                                                                                               \
    const lc_op lc_op_##name_ = {                                                                   \
        .name = #name_,                                                                             \
        .onnx = onnx_,                                                                              \
        .attributes = attributes_,                                                                  \
        .params_size = sizeof(function_params),                                                     \
        .flags = LC_OP_INPLACE | LC_OP_EITHER,                                                      \
        .infer = infer,                                                                             \
        .forward = forward_##name_,                                                                 \
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
FUNCTION(ceil, "Ceil", LC_CEIL, NULL)
FUNCTION(erf, "Erf", LC_ERF, NULL)
FUNCTION(exp, "Exp", LC_EXP, NULL)
FUNCTION(floor, "Floor", LC_FLOOR, NULL)
FUNCTION(hardswish, "HardSwish", LC_HARDSWISH, NULL)
FUNCTION(log, "Log", LC_LOG, NULL)
FUNCTION(mish, "Mish", LC_MISH, NULL)
FUNCTION(negate, "Neg", LC_NEGATE, NULL)
FUNCTION(not, "Not", LC_NOT, NULL)
FUNCTION(reciprocal, "Reciprocal", LC_RECIPROCAL, NULL)
FUNCTION(round, "Round", LC_ROUND, NULL)
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
