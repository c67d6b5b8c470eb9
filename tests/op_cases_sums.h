/*
 * Part of op_cases.h: cases and references of what sums over elements: normalisations, pooling, softmax, reductions,
 * matrix products, transposed convolution.
 */

static void ref_layernorm(const lc_op_call *c, double *y)
{
    const lc_layernorm_params *p = c->params;
    size_t k = c->out->dims[c->out->rank - 1];
    for (size_t r = 0; r < lc_tensor_count(c->out) / k; r++) {
        double mean = 0, variance = 0;
        for (size_t j = 0; j < k; j++) {
            mean += D(c->in[0], r * k + j) / (double)k;
        }
        for (size_t j = 0; j < k; j++) {
            variance += pow(D(c->in[0], r * k + j) - mean, 2) / (double)k;
        }
        for (size_t j = 0; j < k; j++) {
            double v = (D(c->in[0], r * k + j) - mean) / sqrt(variance + (double)p->epsilon) * D(c->in[1], j);
            y[r * k + j] = v + (c->inputs > 2 ? D(c->in[2], j) : 0);
        }
    }
}

static const op_case cases_layernorm[] = {
    {.in = {MAP(2, 3, 2, 17), VEC(17), VEC(17)}, .params = &(lc_layernorm_params){.axis = 3, .epsilon = 1e-6f}},
    {.in = {ROW(5, 100), VEC(100)}, .params = &(lc_layernorm_params){.axis = 1, .epsilon = 1e-5f}},
    {.in = {{.rank = 3, .dims = {2, 3, 16}}, VEC(16), VEC(16)}, .params = &(lc_layernorm_params){.axis = 2, .epsilon = 1e-5f}},
};

static void ref_lrn(const lc_op_call *c, double *y)
{
    const lc_lrn_params *p = c->params;
    long size = (long)p->size, channels = (long)c->out->dims[3];
    for (long i = 0; i < (long)lc_tensor_count(c->out); i++) {
        double sum = 0;
        for (long k = i % channels - (size - 1) / 2; k <= i % channels + (size - 1) - (size - 1) / 2; k++) {
            sum += k >= 0 && k < channels ? pow(D(c->in[0], i - i % channels + k), 2) : 0;
        }
        y[i] = D(c->in[0], i) / pow((double)p->bias + (double)p->alpha * sum / (double)size, (double)p->beta);
    }
}

static const op_case cases_lrn[] = {
    {.in = {MAP(2, 3, 2, 17)}, .params = &(lc_lrn_params){5, 0.5f, 0.75f, 1}},
    {.in = {MAP(1, 2, 2, 3)}, .params = &(lc_lrn_params){4, 1e-4f, 0.5f, 2}},
    {.in = {MAP(1, 1, 2, 2)}, .params = &(lc_lrn_params){9, 0.3f, 0.75f, 1}},
};

static void ref_global_maxpool(const lc_op_call *c, double *y)
{
    const size_t *d = c->in[0]->dims;
    for (size_t i = 0; i < d[0] * d[3]; i++) {
        y[i] = -INFINITY;
        for (size_t p = 0; p < d[1] * d[2]; p++) {
            y[i] = fmax(y[i], D(c->in[0], (i / d[3] * d[1] * d[2] + p) * d[3] + i % d[3]));
        }
    }
}

static const op_case cases_global_maxpool[] = {{.in = {MAP(2, 7, 7, 33)}}, {.in = {MAP(1, 1, 1, 5)}}};

static void ref_adaptive_avgpool(const lc_op_call *c, double *y)
{
    const size_t *d = c->in[0]->dims, *o = c->out->dims;
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        size_t k = i % o[3], ox = i / o[3] % o[2], oy = i / o[3] / o[2] % o[1], n = i / o[3] / o[2] / o[1];
        double sum = 0, count = 0;
        for (size_t iy = oy * d[1] / o[1]; (double)iy < ceil((double)(oy + 1) * (double)d[1] / (double)o[1]); iy++) {
            for (size_t ix = ox * d[2] / o[2]; (double)ix < ceil((double)(ox + 1) * (double)d[2] / (double)o[2]); ix++) {
                sum += D(c->in[0], ((n * d[1] + iy) * d[2] + ix) * d[3] + k);
                count++;
            }
        }
        y[i] = sum / count;
    }
}

static const op_case cases_adaptive_avgpool[] = {
    {.in = {MAP(2, 13, 13, 17)}, .params = &(lc_adaptive_params){6, 6}},
    {.in = {MAP(1, 7, 5, 4)}, .params = &(lc_adaptive_params){7, 7}},
    {.in = {MAP(1, 4, 9, 4)}, .params = &(lc_adaptive_params){1, 3}},
};

/* Softmax over `axis`, before opset 13 over all dimensions from it on; row by row through a list of places. */
static void softmax_reference(const lc_op_call *c, double *y, bool logarithm)
{
    const lc_softmax_params *p = c->params;
    size_t columns = 1, inner = 1, axis = (size_t)p->axis, count = lc_tensor_count(c->out);
    for (size_t i = axis; i < c->out->rank; i++) {
        *(i == axis || p->opset < 13 ? &columns : &inner) *= c->out->dims[i];
    }
    for (size_t r = 0; r < count / columns; r++) {
        double sum = 0, *first = y + r / inner * columns * inner + r % inner;
        for (size_t j = 0; j < columns; j++) {
            sum += exp(D(c->in[0], (size_t)(first - y) + j * inner));
        }
        for (size_t j = 0; j < columns; j++) {
            double x = D(c->in[0], (size_t)(first - y) + j * inner);
            first[j * inner] = logarithm ? x - log(sum) : exp(x) / sum;
        }
    }
}

static void ref_softmax(const lc_op_call *c, double *y)
{
    softmax_reference(c, y, false);
}

static void ref_log_softmax(const lc_op_call *c, double *y)
{
    softmax_reference(c, y, true);
}

#define SOFTMAX                                                                                              \
    {.in = {ROW(3, 10)}, .params = &(lc_softmax_params){1, 13}},                                              \
        {.in = {MAP(2, 3, 5, 17)}, .params = &(lc_softmax_params){3, 13}},                                   \
        {.in = {MAP(2, 3, 5, 17)}, .params = &(lc_softmax_params){1, 13}},                                   \
        {.in = {MAP(2, 3, 5, 7)}, .params = &(lc_softmax_params){1, 11}}
static const op_case cases_softmax[] = {SOFTMAX}, cases_log_softmax[] = {SOFTMAX};

/* Of instance_norm and group_norm. */
typedef struct {
    int64_t groups, stash_type;
    float epsilon;
} group_params;

static void ref_group_norm(const lc_op_call *c, double *y)
{
    const group_params *p = c->params;
    const size_t *d = c->in[0]->dims;
    size_t groups = p->groups ? (size_t)p->groups : d[1], size = lc_tensor_count(c->out) / d[0] / groups;
    size_t area = lc_tensor_count(c->out) / d[0] / d[1];
    for (size_t g = 0; g < d[0] * groups; g++) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < size; i++) {
            mean += D(c->in[0], g * size + i) / (double)size;
        }
        for (size_t i = 0; i < size; i++) {
            variance += pow(D(c->in[0], g * size + i) - mean, 2) / (double)size;
        }
        for (size_t i = 0; i < size; i++) {
            size_t k = (g * size + i) / area % d[1] * lc_tensor_count(c->in[1]) / d[1];
            y[g * size + i] = (D(c->in[0], g * size + i) - mean) / sqrt(variance + (double)p->epsilon) * D(c->in[1], k) + D(c->in[2], k);
        }
    }
}

#define ref_instance_norm ref_group_norm

static const op_case cases_instance_norm[] = {
    {.in = {MAP(2, 3, 5, 17), VEC(3), VEC(3)}, .params = &(group_params){0, 1, 1e-5f}},
    {.in = {{.rank = 3, .dims = {1, 4, 33}}, VEC(4), VEC(4)}, .params = &(group_params){0, 1, 1e-3f}},
};
static const op_case cases_group_norm[] = {
    {.in = {MAP(2, 6, 5, 3), VEC(6), VEC(6)}, .params = &(group_params){2, 1, 1e-5f}},
    {.in = {MAP(2, 6, 5, 3), VEC(3), VEC(3)}, .params = &(group_params){3, 1, 1e-5f}},
};

/* Of the reductions. */
typedef struct {
    lc_ints axes;
    int64_t keepdims, noop;
} reduce_params;

/* Each result by looking at every element of the input: is it one of its own? */
#define REDUCTION(name, start, expression, end)                                                       \
    static void ref_##name(const lc_op_call *c, double *y)                                            \
    {                                                                                                 \
        const reduce_params *p = c->params;                                                           \
        const lc_tensor *t = c->in[0];                                                                \
        for (size_t o = 0; o < lc_tensor_count(c->out); o++) {                                        \
            double s = start, n = 0;                                                                  \
            for (size_t i = 0; i < lc_tensor_count(t); i++) {                                         \
                size_t rest = i, at = 0, step = 1;                                                    \
                for (size_t k = t->rank; k-- > 0; rest /= t->dims[k]) {                               \
                    bool gone = false;                                                                \
                    for (size_t a = 0; a < p->axes.count; a++) {                                      \
                        gone = gone || p->axes.v[a] == (int64_t)k;                                    \
                    }                                                                                 \
                    at += gone ? 0 : rest % t->dims[k] * step;                                        \
                    step *= gone ? 1 : t->dims[k];                                                    \
                }                                                                                     \
                if (at == o) {                                                                        \
                    double x = D(t, i);                                                               \
                    s = expression;                                                                   \
                    n++;                                                                              \
                }                                                                                     \
            }                                                                                         \
            y[o] = end;                                                                               \
            (void)n;                                                                                  \
        }                                                                                             \
    }

REDUCTION(reduce_l1, 0, s + fabs(x), s)
REDUCTION(reduce_l2, 0, s + x * x, sqrt(s))
REDUCTION(reduce_max, -INFINITY, fmax(s, x), s)
REDUCTION(reduce_mean, 0, s + x, s / n)
REDUCTION(reduce_min, INFINITY, fmin(s, x), s)
REDUCTION(reduce_prod, 1, s * x, s)
REDUCTION(reduce_sum, 0, s + x, s)
REDUCTION(reduce_sum_square, 0, s + x * x, s)
#undef REDUCTION

#define REDUCED                                                                                      \
    {.in = {MAP(2, 3, 5, 7)}, .params = &(reduce_params){{2, {1, 2}}, 1, 0}},                        \
        {.in = {MAP(2, 3, 2, 3)}, .params = &(reduce_params){{2, {1, 3}}, 0, 0}},                    \
        {.in = {ROW(3, 9)}, .params = &(reduce_params){{1, {1}}, 0, 0}}, {.in = {ROW(3, 4)}, .params = &(reduce_params){{2, {0, 1}}, 0, 0}}
static const op_case cases_reduce_l1[] = {REDUCED}, cases_reduce_l2[] = {REDUCED}, cases_reduce_max[] = {REDUCED},
                     cases_reduce_mean[] = {REDUCED}, cases_reduce_min[] = {REDUCED}, cases_reduce_prod[] = {REDUCED},
                     cases_reduce_sum[] = {REDUCED}, cases_reduce_sum_square[] = {REDUCED};

static void ref_matmul(const lc_op_call *c, double *y)
{
    const lc_tensor *a = c->in[0], *b = c->in[1];
    size_t m = a->rank > 1 ? a->dims[a->rank - 2] : 1, k = a->dims[a->rank - 1], n = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    size_t in_a = lc_tensor_count(a) / m / k, in_b = lc_tensor_count(b) / k / n, batch = lc_tensor_count(c->out) / m / n;
    for (size_t i = 0; i < batch * m * n; i++) { /* in these cases one batch is the other's, or is repeated from its end */
        size_t q = i / (m * n), row = i / n % m, column = i % n;
        y[i] = 0;
        for (size_t j = 0; j < k; j++) {
            y[i] += D(a, (q % in_a * m + row) * k + j) * D(b, (q % in_b * k + j) * n + column);
        }
    }
}

#define BATCH(b, m, n) {.rank = 3, .dims = {b, m, n}}
static const op_case cases_matmul[] = {
    {.in = {ROW(13, 65), ROW(65, 33)}}, {.in = {BATCH(2, 7, 16), ROW(16, 40)}}, {.in = {VEC(5), ROW(5, 3)}}, {.in = {ROW(7, 5), VEC(5)}},
    {.in = {BATCH(2, 7, 16), BATCH(2, 16, 5)}, .activations = 2}, {.in = {MAP(2, 3, 13, 8), MAP(2, 3, 8, 33)}, .activations = 2},
    {.in = {MAP(2, 3, 5, 8), BATCH(3, 8, 4)}, .activations = 2}, {.in = {BATCH(3, 5, 8), BATCH(1, 8, 4)}},
};

static void ref_dequantize(const lc_op_call *c, double *y)
{
    size_t scales = lc_tensor_count(c->in[1]), inner = scales == 1 ? 1 : 4; /* of the cases below */
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        size_t k = i / inner % scales;
        y[i] = (D(c->in[0], i) - (c->inputs > 2 ? D(c->in[2], k) : 0)) * D(c->in[1], k);
    }
}

static const op_case cases_dequantize[] = {
    {.in = {{.rank = 3, .dims = {2, 3, 4}, .data = (float[24]){1, 2, -128, 127}}, VEC(3), VEC(3)}, .axis = {1}, .constant = true},
    {.in = {{.rank = 2, .dims = {3, 5}, .data = (float[15]){7, 0, 255}}, VEC(1)}, .axis = {1}, .constant = true},
};

/* Of conv_transpose. */
typedef struct {
    lc_window_params window;
    int64_t group;
    lc_ints output_padding, output_shape;
} conv_transpose_params;

/* By scattering: every input element adds to the outputs that its kernel covers. */
static void ref_conv_transpose(const lc_op_call *c, double *y)
{
    const conv_transpose_params *p = c->params;
    const lc_tensor *x = c->in[0], *w = c->in[1];
    const int64_t *stride = p->window.strides.v, *pads = p->window.pads.v, *dilation = p->window.dilations.v;
    const size_t *o = c->out->dims;
    size_t in_g = x->dims[3] / (size_t)p->group, out_g = w->dims[1], taps = w->dims[2] * w->dims[3];
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        y[i] = c->inputs > 2 ? D(c->in[2], i % o[3]) : 0;
    }
    for (size_t i = 0; i < lc_tensor_count(x); i++) {
        size_t q = i % x->dims[3], ix = i / x->dims[3] % x->dims[2], iy = i / x->dims[3] / x->dims[2] % x->dims[1];
        size_t n = i / x->dims[3] / x->dims[2] / x->dims[1];
        for (size_t j = 0; j < out_g * taps; j++) {
            size_t k = q / in_g * out_g + j / taps, ky = j % taps / w->dims[3], kx = j % w->dims[3];
            long oy = (long)iy * (long)stride[0] + (long)ky * (long)dilation[0] - (long)pads[0];
            long ox = (long)ix * (long)stride[1] + (long)kx * (long)dilation[1] - (long)pads[1];
            if (oy >= 0 && ox >= 0 && oy < (long)o[1] && ox < (long)o[2]) {
                y[((n * o[1] + (size_t)oy) * o[2] + (size_t)ox) * o[3] + k] += D(x, i) * D(w, q * out_g * taps + j);
            }
        }
    }
}

#define UP(n, h, w_, c, k, kh, kw, s, pad, d, g, more)                                               \
    {                                                                                                \
        .in = {MAP(n, h, w_, c), {.rank = 4, .dims = {c, (k) / (g), kh, kw}}, VEC(k)},               \
        .params = &(conv_transpose_params){{WINDOW_OF(s, pad, d)}, g, {2, {more, more}}, {0}},      \
    }
#define WINDOW_OF(s, pad, d) .strides = {2, {s, s}}, .pads = {4, {pad, pad, pad, pad}}, .dilations = {2, {d, d}}
static const op_case cases_conv_transpose[] = {
    UP(2, 4, 5, 7, 9, 2, 2, 2, 0, 1, 1, 0), UP(1, 5, 3, 16, 33, 3, 3, 2, 1, 1, 1, 1), UP(1, 4, 4, 6, 4, 3, 2, 1, 0, 2, 2, 0),
    UP(1, 3, 3, 5, 17, 4, 4, 3, 1, 1, 1, 0),
    /* Of 10 x 12 places 8 x 9 are wanted: the padding that follows is the reference's. */
    {.in = {MAP(2, 4, 5, 7), {.rank = 4, .dims = {7, 9, 4, 4}}, VEC(9)},
     .params = &(conv_transpose_params){{.strides = {2, {2, 2}}, .pads = {4, {1, 2, 1, 1}}, .dilations = {2, {1, 1}}}, 1, {0}, {2, {8, 9}}}},
};
