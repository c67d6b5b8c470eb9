/*
 * Part of op_cases.h: cases and references of element-by-element operators.
 */

/* ONNX's alpha and beta where a case has none of its own are 0; the cases give them. */
#define FUNCTION(name, expression)                                  \
    static void ref_##name(const lc_op_call *c, double *y)          \
    {                                                               \
        const lc_function_params *p = c->params;                    \
        double a = (double)p->alpha, b = (double)p->beta;           \
        (void)a;                                                    \
        (void)b;                                                    \
        for (size_t i = 0; i < lc_tensor_count(c->out); i++) {      \
            double x = D(c->in[0], i);                              \
            y[i] = expression;                                      \
        }                                                           \
    }

#define WIDE {.in = {MAP(2, 3, 3, 17)}}, {.in = {ROW(1, 20000)}}, {.in = {VEC(3)}}
#define WIDE_NUMBERS(a, b) {.in = {MAP(2, 3, 3, 17)}, .numbers = {a, b, 0, 0}}, {.in = {ROW(3, 8)}, .numbers = {a, b, 0, 0}}

FUNCTION(abs, fabs(x))
FUNCTION(ceil, ceil(x))
FUNCTION(erf, erf(x))
FUNCTION(exp, exp(x))
FUNCTION(floor, floor(x))
FUNCTION(gelu, x * 0.5 * (1 + erf(x / sqrt(2))))
FUNCTION(hardswish, x * fmin(fmax(x / 6 + 0.5, 0), 1))
FUNCTION(log, log(x))
FUNCTION(mish, x * tanh(log1p(exp(x))))
FUNCTION(negate, -x)
FUNCTION(not, x == 0)
FUNCTION(reciprocal, 1 / x)
FUNCTION(round, rint(x))
FUNCTION(sigmoid, 1 / (1 + exp(-x)))
FUNCTION(silu, x / (1 + exp(-x)))
FUNCTION(softplus, log1p(exp(x)))
FUNCTION(softsign, x / (1 + fabs(x)))
FUNCTION(sqrt, sqrt(x))
FUNCTION(tanh, tanh(x))
FUNCTION(celu, fmax(x, 0) + fmin(0, a * expm1(x / a)))
FUNCTION(elu, x < 0 ? a * expm1(x) : x)
FUNCTION(hardsigmoid, fmin(fmax(a * x + b, 0), 1))
FUNCTION(leaky_relu, x < 0 ? a * x : x)
FUNCTION(selu, b * (x < 0 ? a * expm1(x) : x))
FUNCTION(thresholded_relu, x > a ? x : 0)

static const op_case cases_abs[] = {WIDE}, cases_ceil[] = {WIDE}, cases_erf[] = {WIDE}, cases_exp[] = {WIDE},
                     cases_floor[] = {WIDE}, cases_gelu[] = {WIDE}, cases_hardswish[] = {WIDE}, cases_mish[] = {WIDE},
                     cases_negate[] = {WIDE}, cases_not[] = {{.in = {{.rank = 1, .dims = {3}, .data = (float[]){0, 1, -2}}}}}, cases_round[] = {WIDE}, cases_sigmoid[] = {WIDE}, cases_silu[] = {WIDE},
                     cases_softplus[] = {WIDE}, cases_softsign[] = {WIDE}, cases_tanh[] = {WIDE},
                     cases_log[] = {{.in = {MAP(2, 3, 3, 17)}, .positive = true}},
                     cases_sqrt[] = {{.in = {ROW(2, 17)}, .positive = true}},
                     cases_reciprocal[] = {{.in = {ROW(2, 17)}, .positive = true}},
                     cases_celu[] = {WIDE_NUMBERS(0.7f, 0)}, cases_elu[] = {WIDE_NUMBERS(1.5f, 0)},
                     cases_hardsigmoid[] = {WIDE_NUMBERS(0.2f, 0.5f), WIDE_NUMBERS(1.0f, 0.25f)},
                     cases_leaky_relu[] = {WIDE_NUMBERS(0.01f, 0)}, cases_selu[] = {WIDE_NUMBERS(1.67f, 1.05f)},
                     cases_thresholded_relu[] = {WIDE_NUMBERS(0.3f, 0)};

/* Element i of t repeated to the shape of `out`. */
static double repeated(const lc_tensor *t, const lc_tensor *out, size_t i)
{
    size_t at = 0, step = 1;
    for (size_t k = out->rank; k-- > 0; i /= out->dims[k]) {
        size_t missing = out->rank - t->rank, size = k < missing ? 1 : t->dims[k - missing];
        at += (size == 1 ? 0 : i % out->dims[k]) * step;
        step *= size;
    }
    return D(t, at);
}

#define BINARY(name, expression)                                                                                    \
    static void ref_##name(const lc_op_call *c, double *z)                                                          \
    {                                                                                                               \
        for (size_t i = 0; i < lc_tensor_count(c->out); i++) {                                                      \
            double x = repeated(c->in[0], c->out, i), y = repeated(c->in[1], c->out, i);                            \
            z[i] = expression;                                                                                      \
        }                                                                                                           \
    }

#define TWO(a, b, n, p) {.in = {a, b}, .activations = n, .positive = p}
#define RANK3(a, b, c) {.rank = 3, .dims = {a, b, c}}
#define PAIRS(p)                                                                                                     \
    TWO(MAP(2, 3, 3, 17), MAP(2, 3, 3, 17), 2, p), TWO(MAP(2, 3, 3, 17), MAP(2, 1, 1, 17), 2, p),                    \
        TWO(MAP(2, 3, 3, 16), VEC(16), 1, p), TWO(MAP(2, 3, 3, 5), MAP(2, 3, 3, 1), 2, p), TWO(ROW(300, 70), VEC(1), 1, p), \
        TWO(RANK3(1, 1, 7), RANK3(4, 5, 1), 2, p), TWO(RANK3(3, 1, 7), RANK3(1, 7, 1), 2, p)

BINARY(add, x + y)
BINARY(sub, x - y)
BINARY(mul, x * y)
BINARY(div, x / y)
BINARY(pow, pow(x, y))
BINARY(prelu, x < 0 ? x * y : x)

static const op_case cases_add[] = {PAIRS(false), TWO(ROW(300, 7), ROW(300, 7), 2, false)}, cases_sub[] = {PAIRS(false)},
                     cases_mul[] = {PAIRS(false)}, cases_div[] = {TWO(ROW(3, 20), ROW(3, 20), 2, true), TWO(ROW(3, 20), ROW(3, 1), 2, true)},
                     cases_pow[] = {TWO(ROW(3, 20), ROW(3, 20), 2, true), TWO(ROW(3, 20), ROW(1, 20), 2, true)},
                     cases_prelu[] = {TWO(MAP(2, 3, 3, 17), VEC(17), 1, false), TWO(ROW(2, 9), VEC(1), 1, false)};

BINARY(mod, fmod(x, y))
BINARY(equal, x == y)
BINARY(greater, x > y)
BINARY(greater_equal, x >= y)
BINARY(less, x < y)
BINARY(less_equal, x <= y)
BINARY(and, x != 0 && y != 0)
BINARY(or, x != 0 || y != 0)

#define COMPARED {.in = {ROW(2, 3), {.rank = 2, .dims = {1, 3}, .data = (float[]){0, 0.5f, -0.5f}}}}
static const op_case cases_mod[] = {TWO(ROW(3, 20), ROW(3, 20), 2, true)}, cases_equal[] = {COMPARED}, cases_greater[] = {COMPARED},
                     cases_greater_equal[] = {COMPARED}, cases_less[] = {COMPARED}, cases_less_equal[] = {COMPARED},
                     cases_and[] = {COMPARED}, cases_or[] = {COMPARED};

#define MANY(name, expression, end)                                                     \
    static void ref_##name(const lc_op_call *c, double *z)                              \
    {                                                                                   \
        for (size_t i = 0; i < lc_tensor_count(c->out); i++) {                          \
            double x = repeated(c->in[0], c->out, i);                                   \
            for (size_t k = 1; k < c->inputs; k++) {                                    \
                double y = repeated(c->in[k], c->out, i);                               \
                x = expression;                                                         \
            }                                                                           \
            z[i] = end;                                                                 \
        }                                                                               \
    }

MANY(max, fmax(x, y), x)
MANY(min, fmin(x, y), x)
MANY(sum, x + y, x)
MANY(mean, x + y, x / (double)c->inputs)

#define SEVERAL {.in = {ROW(2, 17)}}, {.in = {MAP(2, 3, 3, 17), MAP(2, 1, 1, 17), VEC(17), ROW(1, 1)}, .activations = 2}
static const op_case cases_max[] = {SEVERAL}, cases_min[] = {SEVERAL}, cases_sum[] = {SEVERAL}, cases_mean[] = {SEVERAL};

static void ref_where(const lc_op_call *c, double *z)
{
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        z[i] = repeated(c->in[repeated(c->in[0], c->out, i) != 0 ? 1 : 2], c->out, i);
    }
}

static const op_case cases_where[] = {
    {.in = {{.rank = 2, .dims = {2, 1}, .data = (float[]){0, 1}}, ROW(2, 5), VEC(5)}, .activations = 1},
};

#undef FUNCTION
#undef BINARY
#undef MANY
