/*
 * Sums, means, extremes and norms over some dimensions. Sums are kept in double precision.
 */
#include <math.h>
#include <string.h>

#include "extractor/ops/gradient.h"

typedef struct {
    lc_ints axes;
    int64_t keepdims, noop;
} reduce_params;

static const lc_attr attributes[] = {
    {"axes", LC_ATTR_AXES, offsetof(reduce_params, axes), 1, 0},
    {"keepdims", LC_ATTR_INT, offsetof(reduce_params, keepdims), 0, 1},
    {"noop_with_empty_axes", LC_ATTR_INT, offsetof(reduce_params, noop), 0, 0},
    {NULL, 0, 0, 0, 0},
};

enum { LANES = 8 };

typedef enum { SUM, MEAN, MAX, MIN, L1, L2, PRODUCT, SQUARES } reduction;

static lc_status marked(const lc_op_call *c, bool gone[LC_MAX_RANK])
{
    const reduce_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 0));
    for (size_t i = 0; i < p->axes.count; i++) {
        if (p->axes.v[i] < 0 || p->axes.v[i] >= (int64_t)c->in[0]->rank) {
            return lc_fail(LC_ERR_SHAPE, "dimension %lld of %zu", (long long)p->axes.v[i], c->in[0]->rank);
        }
        gone[p->axes.v[i]] = true;
    }
    return LC_OK;
}

/* Elements that lie side by side and belong to different results: a row of the last dimension where that is kept. */
static size_t row_of(const lc_tensor *x, const bool *gone)
{
    return x->rank && !gone[x->rank - 1] ? x->dims[x->rank - 1] : 1;
}

/* x (D_0,...) -> y with the reduced dimensions 1, or without them */
static lc_status infer(lc_op_call *c)
{
    const reduce_params *p = c->params;
    bool gone[LC_MAX_RANK] = {false};
    LC_TRY(marked(c, gone));
    const lc_tensor *x = c->in[0];
    lc_tensor out = {0};
    if (p->noop && p->axes.count == x->rank) { /* which may be "none" by now, see LC_ATTR_AXES */
        return lc_fail(LC_ERR_UNSUPPORTED, "noop_with_empty_axes");
    }
    /* Without its channels, or without rows and columns, a map has the same order of elements in either layout. */
    if (c->maps && !p->keepdims && !gone[3] && !(gone[1] && gone[2])) {
        return lc_fail(LC_ERR_UNSUPPORTED, "over one dimension of channels-last maps");
    }
    for (size_t i = 0; i < x->rank; i++) {
        if (!gone[i] || p->keepdims) {
            out.dims[out.rank++] = gone[i] ? 1 : x->dims[i];
        }
    }
    *c->out = out;
    c->whole = x->rank > 0 && gone[0];
    c->scratch = 2 * (row_of(x, gone) > LANES ? row_of(x, gone) : LANES);
    return LC_OK;
}

static void accumulate(reduction kind, size_t n, const float *x, double *sum, bool first)
{
    for (size_t i = 0; i < n; i++) {
        double v = (double)x[i];
        switch (kind) {
        case SUM:
        case MEAN:
            sum[i] = first ? v : sum[i] + v;
            break;
        case MAX:
            sum[i] = first || v > sum[i] || v != v ? v : sum[i];
            break;
        case MIN:
            sum[i] = first || v < sum[i] || v != v ? v : sum[i];
            break;
        case L1:
            sum[i] = first ? fabs(v) : sum[i] + fabs(v);
            break;
        case L2:
        case SQUARES:
            sum[i] = first ? v * v : sum[i] + v * v;
            break;
        case PRODUCT:
            sum[i] = first ? v : sum[i] * v;
            break;
        }
    }
}

/* Two lanes into one. */
static void join(reduction kind, double *a, double b)
{
    switch (kind) {
    case MAX:
        *a = b > *a || b != b ? b : *a;
        break;
    case MIN:
        *a = b < *a || b != b ? b : *a;
        break;
    case PRODUCT:
        *a *= b;
        break;
    default:
        *a += b;
    }
}

static lc_status run(const lc_op_call *c, reduction kind)
{
    bool gone[LC_MAX_RANK] = {false};
    LC_TRY(marked(c, gone));
    const lc_tensor *x = c->in[0];
    size_t row = row_of(x, gone), kept = 1, reduced = 1, full[LC_MAX_RANK], product = 1;
    size_t outer = x->rank ? x->rank - 1 : 0; /* dimensions that are walked here; the last one is a row, or reduced as one */
    double *sum = (double *)(void *)c->scratch_data;
    for (size_t i = x->rank; i-- > 0; product *= x->dims[i]) {
        full[i] = product;
        if (i < outer) {
            kept *= gone[i] ? 1 : x->dims[i];
            reduced *= gone[i] ? x->dims[i] : 1;
        }
    }
    /* Where the last dimension is reduced, its elements go to LANES sums in turn: a fixed order that is also fast. */
    bool along = x->rank && gone[x->rank - 1];
    size_t columns = along ? x->dims[x->rank - 1] : row, lanes = along ? LANES : row;
    for (size_t k = 0; k < kept; k++) {
        for (size_t r = 0; r < reduced; r++) {
            size_t from = 0, rest_k = k, rest_r = r;
            for (size_t i = outer; i-- > 0;) {
                size_t *rest = gone[i] ? &rest_r : &rest_k;
                from += *rest % x->dims[i] * full[i];
                *rest /= x->dims[i];
            }
            for (size_t i = 0; i < columns; i += lanes) {
                size_t n = columns - i < lanes ? columns - i : lanes;
                accumulate(kind, n, x->data + from + i, sum, r == 0 && i == 0);
            }
        }
        for (size_t i = 1; along && i < lanes && i < columns; i++) {
            join(kind, &sum[0], sum[i]);
        }
        for (size_t i = 0; i < row; i++) {
            double v = kind == MEAN ? sum[i] / (double)(along ? reduced * columns : reduced) : kind == L2 ? sqrt(sum[i]) : sum[i];
            c->out->data[k * row + i] = (float)v;
        }
    }
    return LC_OK;
}

/*
 * Backward: every element of x takes the gradient of its result, times the result's slope. Of an extreme the first one takes
 * it all, which the results' own marks in scratch memory tell.
 */
typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
    reduction kind;
    bool gone[LC_MAX_RANK];
    size_t step[LC_MAX_RANK]; /* of the result in each dimension of x */
    double count;             /* elements of a result */
    float *taken;
} back_run;

static double slope(const back_run *r, double x, size_t to)
{
    double y = r->kind == SUM || r->kind == MEAN ? 0 : (double)r->c->out->data[to];
    switch (r->kind) {
    case MEAN:
        return 1 / r->count;
    case MAX:
    case MIN:
        if (x != y || r->taken[to] != 0) {
            return 0;
        }
        r->taken[to] = 1;
        return 1;
    case L1:
        return x > 0 ? 1 : x < 0 ? -1 : 0;
    case L2:
        return y > 0 ? x / y : 0;
    case SQUARES:
        return 2 * x;
    default:
        return 1;
    }
}

/* The elements with one index of dimension 0, or all where results gather over it. */
static lc_status back_part(void *context, size_t item)
{
    const back_run *r = context;
    const lc_tensor *x = r->c->in[0];
    bool all = x->rank == 0 || r->gone[0];
    size_t count = lc_tensor_count(x), part = all ? count : count / x->dims[0];
    for (size_t i = item * part; i < (item + 1) * part; i++) {
        size_t rest = i, to = 0;
        for (size_t k = x->rank; k-- > 0; rest /= x->dims[k]) {
            to += rest % x->dims[k] * r->step[k];
        }
        double by = r->kind == SUM || r->kind == MEAN ? 0 : (double)x->data[i];
        lc_put(r->t->din[0] + i, (double)r->t->dout[to] * slope(r, by, to), r->t->add[0]);
    }
    return LC_OK;
}

static void train_size(const lc_op_call *c, size_t *saved, size_t *scratch)
{
    *saved = 0;
    *scratch = lc_tensor_count(c->out);
}

static lc_status back(const lc_op_call *c, const lc_op_train *t, reduction kind)
{
    const lc_tensor *x = c->in[0];
    back_run r = {.c = c, .t = t, .kind = kind, .count = (double)lc_tensor_count(x) / (double)lc_tensor_count(c->out), .taken = c->scratch_data};
    LC_TRY(marked(c, r.gone));
    for (size_t k = x->rank, step = 1; k-- > 0; step *= r.gone[k] ? 1 : x->dims[k]) {
        r.step[k] = r.gone[k] ? 0 : step;
    }
    memset(r.taken, 0, lc_tensor_count(c->out) * sizeof *r.taken);
    return lc_wants(c, t, 0) ? lc_parallel_for(c->threads, x->rank == 0 || r.gone[0] ? 1 : x->dims[0], back_part, &r) : LC_OK;
}

/* An operator: name in graphs, ONNX op_type, kind, what backward needs kept. */
#define REDUCTION(name_, onnx_, kind, keep_)                                         \
    static lc_status backward_##name_(const lc_op_call *c, const lc_op_train *t)     \
    {                                                                                \
        return back(c, t, kind);                                                     \
    }                                                                                \
    OPERATOR(name_, onnx_, kind, keep_, train_size, backward_##name_)

#define OPERATOR(name_, onnx_, kind, keep_, size_, backward_) \
    static lc_status forward_##name_(const lc_op_call *c)    \
    {                                                        \
        return run(c, kind);                                 \
    }                                                        \
    const lc_op lc_op_##name_ = {                            \
        .name = #name_,                                      \
        .onnx = onnx_,                                       \
        .attributes = attributes,                            \
        .params_size = sizeof(reduce_params),                \
        .flags = LC_OP_EITHER,                               \
        .infer = infer,                                      \
        .forward = forward_##name_,                          \
        .keep = keep_,                                       \
        .train_size = size_,                                 \
        .backward = backward_,                               \
    };

REDUCTION(reduce_l1, "ReduceL1", L1, LC_KEEP_INPUT | LC_KEEP_OUTPUT)
REDUCTION(reduce_l2, "ReduceL2", L2, LC_KEEP_INPUT | LC_KEEP_OUTPUT)
REDUCTION(reduce_max, "ReduceMax", MAX, LC_KEEP_INPUT | LC_KEEP_OUTPUT)
REDUCTION(reduce_mean, "ReduceMean", MEAN, 0)
REDUCTION(reduce_min, "ReduceMin", MIN, LC_KEEP_INPUT | LC_KEEP_OUTPUT)
OPERATOR(reduce_prod, "ReduceProd", PRODUCT, 0, NULL, NULL)
REDUCTION(reduce_sum, "ReduceSum", SUM, 0)
REDUCTION(reduce_sum_square, "ReduceSumSquare", SQUARES, LC_KEEP_INPUT | LC_KEEP_OUTPUT)
