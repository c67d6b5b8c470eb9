/*
 * Functions of two numbers, element by element, the smaller input repeated as ONNX broadcasts: dimensions are compared
 * from the last one back, those of 1 and missing ones are repeated.
 *
 * Addition of two maps of one shape is also a stage of the epilogue of the layer before it (a residual connection).
 */
#include <math.h>
#include <string.h>

#include "extractor/ops/gemm.h"
#include "extractor/ops/gradient.h"

enum { CHUNK = 1 << 14 };

/* y[i] = f(a[..], b[..]) over `rank` dimensions; neighbours that both inputs walk evenly are one dimension. */
typedef struct {
    size_t rank, dims[LC_MAX_RANK], step_a[LC_MAX_RANK], step_b[LC_MAX_RANK];
} walk;

/* Size of dimension i of `rank` aligned to the end; missing ones are 1. */
static size_t aligned(const lc_tensor *t, size_t rank, size_t i)
{
    return i < rank - t->rank ? 1 : t->dims[i - (rank - t->rank)];
}

static walk walk_of(const lc_tensor *a, const lc_tensor *b, const lc_tensor *out)
{
    walk w = {0};
    size_t full_a = 1, full_b = 1, dims[LC_MAX_RANK], step_a[LC_MAX_RANK], step_b[LC_MAX_RANK];
    for (size_t i = out->rank; i-- > 0;) {
        size_t da = aligned(a, out->rank, i), db = aligned(b, out->rank, i);
        dims[i] = out->dims[i];
        step_a[i] = da == 1 ? 0 : full_a;
        step_b[i] = db == 1 ? 0 : full_b;
        full_a *= da;
        full_b *= db;
    }
    for (size_t i = 0; i < out->rank; i++) {
        size_t last = w.rank - 1;
        if (dims[i] == 1) {
            continue;
        }
        if (w.rank && w.step_a[last] == step_a[i] * dims[i] && w.step_b[last] == step_b[i] * dims[i]) {
            w.dims[last] *= dims[i];
            w.step_a[last] = step_a[i];
            w.step_b[last] = step_b[i];
            continue;
        }
        w.dims[w.rank] = dims[i];
        w.step_a[w.rank] = step_a[i];
        w.step_b[w.rank++] = step_b[i];
    }
    if (w.rank == 0) {
        w = (walk){.rank = 1, .dims = {1}};
    }
    return w;
}

/* a, b, ... -> y of the shape that all are repeated to */
static lc_status infer_many(lc_op_call *c)
{
    lc_tensor out = {0};
    LC_TRY(lc_op_expect(c, c->inputs ? c->inputs : 1, 0));
    for (size_t k = 0; k < c->inputs; k++) {
        out.rank = c->in[k]->rank > out.rank ? c->in[k]->rank : out.rank;
    }
    for (size_t i = 0; i < out.rank; i++) {
        out.dims[i] = 1;
        for (size_t k = 0; k < c->inputs; k++) {
            size_t d = aligned(c->in[k], out.rank, i);
            if (d != out.dims[i] && d != 1 && out.dims[i] != 1) {
                char ta[96], tb[96];
                return lc_fail(LC_ERR_SHAPE, "shapes %s and %s differ", lc_shape_text(ta, c->in[0]->rank, c->in[0]->dims),
                               lc_shape_text(tb, c->in[k]->rank, c->in[k]->dims));
            }
            out.dims[i] = d == 1 ? out.dims[i] : d;
        }
    }
    *c->out = out;
    /* Aligned to the end, a batch of fewer dimensions would meet another dimension than the batch. */
    for (size_t k = 0; k < c->inputs; k++) {
        c->whole = c->whole || (!c->in[k]->data && c->in[k]->rank != out.rank);
    }
    return LC_OK;
}

static lc_status infer(lc_op_call *c)
{
    LC_TRY(lc_op_expect(c, 2, 0));
    return c->inputs == 2 ? infer_many(c) : lc_fail(LC_ERR_SHAPE, "wants 2 inputs, got %zu", c->inputs);
}

typedef struct {
    const lc_op_call *c;
    const float *a, *b;
    lc_binary f;
    walk w;
    size_t count;
} binary_run;

/* CHUNK elements of the output, row by row of the innermost dimension. */
static lc_status binary_chunk(void *context, size_t item)
{
    const binary_run *r = context;
    const walk *w = &r->w;
    size_t last = w->rank - 1, end = r->count - item * CHUNK < CHUNK ? r->count : (item + 1) * CHUNK, n;
    for (size_t to = item * CHUNK; to < end; to += n) {
        size_t at = to % w->dims[last], rest = to / w->dims[last];
        size_t from_a = at * w->step_a[last], from_b = at * w->step_b[last];
        n = w->dims[last] - at < end - to ? w->dims[last] - at : end - to;
        for (size_t i = last; i-- > 0; rest /= w->dims[i]) {
            from_a += rest % w->dims[i] * w->step_a[i];
            from_b += rest % w->dims[i] * w->step_b[i];
        }
        r->c->kernels->combine(r->f, n, r->a + from_a, w->step_a[last] == 0, r->b + from_b,
                               w->step_b[last] == 0, r->c->out->data + to);
    }
    return LC_OK;
}

/* out = f(a, b); a may be out itself. */
static lc_status combine(const lc_op_call *c, lc_binary f, const lc_tensor *a, const lc_tensor *b)
{
    binary_run r = {c, a->data, b->data, f, walk_of(a, b, c->out), lc_tensor_count(c->out)};
    return lc_parallel_for(c->threads, (r.count + CHUNK - 1) / CHUNK, binary_chunk, &r);
}

static lc_status run(const lc_op_call *c, lc_binary f)
{
    return combine(c, f, c->in[0], c->in[1]);
}

/* The first two, then each of the others with what came out so far, in this order. */
static lc_status run_many(const lc_op_call *c, lc_binary f)
{
    if (c->inputs == 1) {
        memmove(c->out->data, c->in[0]->data, lc_tensor_count(c->out) * sizeof(float));
        return LC_OK;
    }
    LC_TRY(run(c, f));
    for (size_t i = 2; i < c->inputs; i++) {
        LC_TRY(combine(c, f, c->out, c->in[i]));
    }
    return LC_OK;
}

/*
 * Backward. With y = f(a, b) the gradient by a is df/da dy, summed over all places where an element of a was repeated. `other`
 * is the argument beside the one that is differentiated by, NULL where its values do not matter.
 */
typedef struct {
    const lc_kernels *kernels;
    const float *own, *other, *y, *dy;
    size_t own_step, other_step; /* 1, or 0 for a single number */
} slope_at;

typedef void (*slope_fn)(const slope_at *s, size_t n, float *d); /* d[i] = df/d own dy[i] */

typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
    const lc_tensor *other;
    slope_fn slope;
    float factor;
    size_t input;
    walk w; /* a: the input, b: the other */
    size_t count, part; /* elements; of an item, whose gradients no other item adds to */
} back_run;

enum { AT_ONCE = 1024 };

static lc_status back_part(void *context, size_t item)
{
    const back_run *r = context;
    const walk *w = &r->w;
    const float *own = r->c->in[r->input]->data, *other = r->other ? r->other->data : NULL, *y = r->c->out->data, *dy = r->t->dout;
    size_t last = w->rank - 1, first = item * r->part, end = r->count - first < r->part ? r->count : first + r->part, n;
    float *to = r->t->din[r->input], d[AT_ONCE];
    for (size_t at = first; at < end; at += n) {
        size_t index = at % w->dims[last], rest = at / w->dims[last];
        size_t from_a = index * w->step_a[last], from_b = index * w->step_b[last];
        bool start = w->step_a[last] != 0 || index == 0; /* of the sum into this element */
        n = w->dims[last] - index < end - at ? w->dims[last] - index : end - at;
        n = n < AT_ONCE ? n : AT_ONCE;
        for (size_t i = last; i-- > 0; rest /= w->dims[i]) {
            from_a += rest % w->dims[i] * w->step_a[i];
            from_b += rest % w->dims[i] * w->step_b[i];
            start = start && (w->step_a[i] != 0 || rest % w->dims[i] == 0);
        }
        bool add = r->t->add[r->input] || !start;
        slope_at s = {r->c->kernels, own + from_a, other ? other + from_b : NULL, y + at, dy + at, w->step_a[last], w->step_b[last]};
        r->slope(&s, n, d);
        if (w->step_a[last]) {
            r->c->kernels->scale(n, r->factor, d, add, to + from_a);
            continue;
        }
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += (double)d[i];
        }
        lc_put(to + from_a, sum * (double)r->factor, add);
    }
    return LC_OK;
}

/* The gradient by input `input`: factor times the slope. */
static lc_status back(const lc_op_call *c, const lc_op_train *t, size_t input, const lc_tensor *other, slope_fn slope, float factor)
{
    if (!lc_wants(c, t, input)) {
        return LC_OK;
    }
    back_run r = {.c = c, .t = t, .other = other, .slope = slope, .factor = factor, .input = input, .count = lc_tensor_count(c->out)};
    r.w = walk_of(c->in[input], other ? other : c->in[input], c->out);
    /* Items share no sums: along the first dimension where the input has it, else in one. */
    r.part = r.w.step_a[0] == 0 ? r.count : r.w.rank == 1 ? CHUNK : r.count / r.w.dims[0];
    return lc_parallel_for(c->threads, (r.count + r.part - 1) / r.part, back_part, &r);
}

static void slope_1(const slope_at *s, size_t n, float *d)
{
    memcpy(d, s->dy, n * sizeof *d);
}

/* An addend that is not repeated gets dout as it is. Always the first input last: its gradient may lie where dout lies. */
static lc_status back_sum(const lc_op_call *c, const lc_op_train *t, float factor)
{
    for (size_t i = c->inputs; i-- > 0;) {
        if (lc_wants(c, t, i) && lc_tensor_count(c->in[i]) == lc_tensor_count(c->out)) {
            LC_TRY(lc_gradient_scaled(c, t, i, t->dout, factor));
        } else {
            LC_TRY(back(c, t, i, NULL, slope_1, factor));
        }
    }
    return LC_OK;
}

static lc_status backward_add(const lc_op_call *c, const lc_op_train *t)
{
    return back_sum(c, t, 1);
}

static lc_status backward_sub(const lc_op_call *c, const lc_op_train *t)
{
    LC_TRY(back(c, t, 1, NULL, slope_1, -1));
    return back(c, t, 0, NULL, slope_1, 1);
}

static void slope_mul(const slope_at *s, size_t n, float *d)
{
    s->kernels->combine(LC_MUL, n, s->dy, false, s->other, s->other_step == 0, d);
}

static lc_status backward_mul(const lc_op_call *c, const lc_op_train *t)
{
    LC_TRY(back(c, t, 1, c->in[0], slope_mul, 1));
    return back(c, t, 0, c->in[1], slope_mul, 1);
}

static void slope_divisor(const slope_at *s, size_t n, float *d)
{
    for (size_t i = 0; i < n; i++) {
        float b = s->own[i * s->own_step];
        d[i] = -s->dy[i] * s->other[i * s->other_step] / (b * b);
    }
}

static void slope_dividend(const slope_at *s, size_t n, float *d)
{
    s->kernels->combine(LC_DIV, n, s->dy, false, s->other, s->other_step == 0, d);
}

static lc_status backward_div(const lc_op_call *c, const lc_op_train *t)
{
    LC_TRY(back(c, t, 1, c->in[0], slope_divisor, 1));
    return back(c, t, 0, c->in[1], slope_dividend, 1);
}

/* a^b: b a^(b - 1) */
static void slope_base(const slope_at *s, size_t n, float *d)
{
    for (size_t i = 0; i < n; i++) {
        float a = s->own[i * s->own_step], b = s->other[i * s->other_step];
        d[i] = b == 0 ? 0 : s->dy[i] * b * powf(a, b - 1);
    }
}

/* a^b log a; 0^b stays 0 for any b above 0 */
static void slope_exponent(const slope_at *s, size_t n, float *d)
{
    for (size_t i = 0; i < n; i++) {
        float a = s->other[i * s->other_step];
        d[i] = a == 0 ? 0 : s->dy[i] * s->y[i] * logf(a);
    }
}

static lc_status backward_pow(const lc_op_call *c, const lc_op_train *t)
{
    LC_TRY(back(c, t, 1, c->in[0], slope_exponent, 1));
    return back(c, t, 0, c->in[1], slope_base, 1);
}

static void slope_prelu_x(const slope_at *s, size_t n, float *d)
{
    for (size_t i = 0; i < n; i++) {
        d[i] = s->own[i * s->own_step] > 0 ? s->dy[i] : s->dy[i] * s->other[i * s->other_step];
    }
}

static void slope_prelu_slope(const slope_at *s, size_t n, float *d)
{
    for (size_t i = 0; i < n; i++) {
        float x = s->other[i * s->other_step];
        d[i] = x > 0 ? 0 : s->dy[i] * x;
    }
}

static lc_status backward_prelu(const lc_op_call *c, const lc_op_train *t)
{
    LC_TRY(back(c, t, 1, c->in[0], slope_prelu_slope, 1));
    return back(c, t, 0, c->in[1], slope_prelu_x, 1);
}

/* The largest or smallest takes it; of two equal ones each takes half (PyTorch's rule). */
static void slope_extreme(const slope_at *s, size_t n, float *d)
{
    for (size_t i = 0; i < n; i++) {
        bool both = s->other && s->other[i * s->other_step] == s->y[i];
        d[i] = s->own[i * s->own_step] == s->y[i] ? s->dy[i] * (both ? 0.5f : 1) : 0;
    }
}

static lc_status backward_extreme(const lc_op_call *c, const lc_op_train *t)
{
    for (size_t i = c->inputs; i-- > 0;) {
        LC_TRY(back(c, t, i, c->inputs == 2 ? c->in[1 - i] : NULL, slope_extreme, 1));
    }
    return LC_OK;
}

static lc_status backward_mean(const lc_op_call *c, const lc_op_train *t)
{
    return back_sum(c, t, 1 / (float)c->inputs);
}

static bool stage_add(const lc_op_call *c, lc_epilogue *e, int *addend)
{
    const lc_tensor *a = c->in[0], *b = c->in[1];
    *addend = 1;
    return !a->data && !b->data && a->rank > 0 && a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) == 0 &&
           !e->residual && e->low == -INFINITY && e->high == INFINITY;
}

static lc_status forward_add(const lc_op_call *c)
{
    return run(c, LC_ADD);
}

const lc_op lc_op_add = {
    .name = "add",
    .onnx = "Add",
    .flags = LC_OP_EITHER | LC_OP_BROADCAST | LC_OP_INPLACE | LC_OP_COMMUTES,
    .infer = infer,
    .forward = forward_add,
    .stage = stage_add,
    .backward = backward_add,
};

/* An operator: name in graphs, ONNX op_type, function, flags beside the common ones, what backward needs kept, backward. */
#define BINARY(name_, onnx_, function, flags_, keep_, backward_)                   \
    static lc_status forward_##name_(const lc_op_call *c)                          \
    {                                                                              \
        return run(c, function);                                                   \
    }                                                                              \
    const lc_op lc_op_##name_ = {                                                  \
        .name = #name_,                                                            \
        .onnx = onnx_,                                                             \
        .flags = LC_OP_EITHER | LC_OP_BROADCAST | LC_OP_INPLACE | flags_,          \
        .infer = infer,                                                            \
        .forward = forward_##name_,                                                \
        .keep = keep_,                                                             \
        .backward = backward_,                                                     \
    };

BINARY(sub, "Sub", LC_SUB, 0, 0, backward_sub)
BINARY(mul, "Mul", LC_MUL, 0, LC_KEEP_INPUT, backward_mul)
BINARY(div, "Div", LC_DIV, 0, LC_KEEP_INPUT, backward_div)
BINARY(pow, "Pow", LC_POW, 0, LC_KEEP_INPUT | LC_KEEP_OUTPUT, backward_pow)
BINARY(prelu, "PRelu", LC_PRELU, LC_OP_LEARNED, LC_KEEP_INPUT, backward_prelu)
BINARY(equal, "Equal", LC_EQUAL, 0, 0, NULL)
BINARY(greater, "Greater", LC_GREATER, 0, 0, NULL)
BINARY(greater_equal, "GreaterOrEqual", LC_GREATER_EQUAL, 0, 0, NULL)
BINARY(less, "Less", LC_LESS, 0, 0, NULL)
BINARY(less_equal, "LessOrEqual", LC_LESS_EQUAL, 0, 0, NULL)
BINARY(and, "And", LC_AND, 0, 0, NULL)
BINARY(or, "Or", LC_OR, 0, 0, NULL)

typedef struct {
    int64_t fmod;
} mod_params;

static const lc_attr mod_attributes[] = {
    {"fmod", LC_ATTR_INT, offsetof(mod_params, fmod), 0, 0},
    {NULL, 0, 0, 0, 0},
};

static lc_status forward_mod(const lc_op_call *c)
{
    const mod_params *p = c->params;
    return run(c, p->fmod ? LC_FMOD : LC_MOD);
}

const lc_op lc_op_mod = {
    .name = "mod",
    .onnx = "Mod",
    .attributes = mod_attributes,
    .params_size = sizeof(mod_params),
    .flags = LC_OP_EITHER | LC_OP_BROADCAST | LC_OP_INPLACE,
    .infer = infer,
    .forward = forward_mod,
};

static lc_status forward_max(const lc_op_call *c)
{
    return run_many(c, LC_MAX);
}

static lc_status forward_min(const lc_op_call *c)
{
    return run_many(c, LC_MIN);
}

static lc_status forward_sum(const lc_op_call *c)
{
    return run_many(c, LC_ADD);
}

static lc_status forward_mean(const lc_op_call *c)
{
    const float scale = 1 / (float)c->inputs;
    const lc_tensor one = {.rank = 1, .dims = {1}, .data = (float *)(uintptr_t)&scale};
    LC_TRY(run_many(c, LC_ADD));
    return combine(c, LC_MUL, c->out, &one);
}

/* An operator of one or more inputs: name in graphs, ONNX op_type, what backward needs kept, backward. */
#define MANY(name_, onnx_, keep_, backward_)                                       \
    const lc_op lc_op_##name_ = {                                                  \
        .name = #name_,                                                            \
        .onnx = onnx_,                                                             \
        .flags = LC_OP_EITHER | LC_OP_BROADCAST | LC_OP_INPLACE,                   \
        .infer = infer_many,                                                       \
        .forward = forward_##name_,                                                \
        .keep = keep_,                                                             \
        .backward = backward_,                                                     \
    };

MANY(max, "Max", LC_KEEP_INPUT | LC_KEEP_OUTPUT, backward_extreme)
MANY(mean, "Mean", 0, backward_mean)
MANY(min, "Min", LC_KEEP_INPUT | LC_KEEP_OUTPUT, backward_extreme)
MANY(sum, "Sum", 0, backward_add)

/* condition, a, b -> a where the condition is not 0, elsewhere b */
static lc_status infer_where(lc_op_call *c)
{
    LC_TRY(lc_op_expect(c, 3, 0));
    return c->inputs == 3 ? infer_many(c) : lc_fail(LC_ERR_SHAPE, "wants 3 inputs, got %zu", c->inputs);
}

static lc_status forward_where(const lc_op_call *c)
{
    size_t at[3] = {0}, index[LC_MAX_RANK] = {0}, step[3][LC_MAX_RANK], rank = c->out->rank;
    for (size_t k = 0; k < 3; k++) {
        size_t full = 1;
        for (size_t i = rank; i-- > 0;) {
            size_t d = aligned(c->in[k], rank, i);
            step[k][i] = d == 1 ? 0 : full;
            full *= d;
        }
    }
    for (size_t to = 0, count = lc_tensor_count(c->out); to < count; to++) {
        c->out->data[to] = c->in[0]->data[at[0]] != 0 ? c->in[1]->data[at[1]] : c->in[2]->data[at[2]];
        for (size_t i = rank; i-- > 0;) { /* the next index, like an odometer */
            bool turns = ++index[i] == c->out->dims[i];
            for (size_t k = 0; k < 3; k++) {
                at[k] += turns ? 0 - (index[i] - 1) * step[k][i] : step[k][i];
            }
            if (!turns) {
                break;
            }
            index[i] = 0;
        }
    }
    return LC_OK;
}

static void slope_where(const slope_at *s, size_t n, float *d)
{
    for (size_t i = 0; i < n; i++) {
        d[i] = s->other[i * s->other_step] != 0 ? s->dy[i] : 0;
    }
}

static void slope_elsewhere(const slope_at *s, size_t n, float *d)
{
    for (size_t i = 0; i < n; i++) {
        d[i] = s->other[i * s->other_step] != 0 ? 0 : s->dy[i];
    }
}

static lc_status backward_where(const lc_op_call *c, const lc_op_train *t)
{
    if (lc_wants(c, t, 0)) {
        return lc_fail(LC_ERR_UNSUPPORTED, "no gradient passes a condition");
    }
    LC_TRY(back(c, t, 1, c->in[0], slope_where, 1));
    return back(c, t, 2, c->in[0], slope_elsewhere, 1);
}

const lc_op lc_op_where = {
    .name = "where",
    .onnx = "Where",
    .flags = LC_OP_EITHER | LC_OP_BROADCAST,
    .infer = infer_where,
    .forward = forward_where,
    .keep = LC_KEEP_INPUT,
    .backward = backward_where,
};
