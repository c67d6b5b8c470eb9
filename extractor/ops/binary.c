/*
 * Functions of two numbers, element by element, the smaller input repeated as ONNX broadcasts: dimensions are compared
 * from the last one back, those of 1 and missing ones are repeated.
 *
 * Addition of two maps of one shape is also a stage of the epilogue of the layer before it (a residual connection).
 */
#include <math.h>
#include <string.h>

#include "extractor/ops/gemm.h"

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

/* a, b -> y of the shape that both are repeated to */
static lc_status infer(lc_op_call *c)
{
    LC_TRY(lc_op_expect(c, 2, 0));
    const lc_tensor *a = c->in[0], *b = c->in[1];
    lc_tensor out = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (size_t i = 0; i < out.rank; i++) {
        size_t da = aligned(a, out.rank, i), db = aligned(b, out.rank, i);
        if (da != db && da != 1 && db != 1) {
            char ta[96], tb[96];
            return lc_fail(LC_ERR_SHAPE, "shapes %s and %s differ", lc_shape_text(ta, a->rank, a->dims),
                           lc_shape_text(tb, b->rank, b->dims));
        }
        out.dims[i] = da == 1 ? db : da;
    }
    *c->out = out;
    return LC_OK;
}

typedef struct {
    const lc_op_call *c;
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
        r->c->kernels->combine(r->f, n, r->c->in[0]->data + from_a, w->step_a[last] == 0, r->c->in[1]->data + from_b,
                               w->step_b[last] == 0, r->c->out->data + to);
    }
    return LC_OK;
}

static lc_status run(const lc_op_call *c, lc_binary f)
{
    binary_run r = {c, f, walk_of(c->in[0], c->in[1], c->out), lc_tensor_count(c->out)};
    return lc_parallel_for(c->threads, (r.count + CHUNK - 1) / CHUNK, binary_chunk, &r);
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
    .flags = LC_OP_EITHER | LC_OP_INPLACE | LC_OP_COMMUTES,
    .infer = infer,
    .forward = forward_add,
    .stage = stage_add,
};

#define BINARY(name_, onnx_, function, flags_)                                     \
    static lc_status forward_##name_(const lc_op_call *c)                          \
    {                                                                              \
        return run(c, function);                                                   \
    }                                                                              \
    const lc_op lc_op_##name_ = {                                                  \
        .name = #name_,                                                            \
        .onnx = onnx_,                                                             \
        .flags = LC_OP_EITHER | LC_OP_INPLACE | flags_,                                            \
        .infer = infer,                                                            \
        .forward = forward_##name_,                                                \
    };

BINARY(sub, "Sub", LC_SUB, 0)
BINARY(mul, "Mul", LC_MUL, 0)
BINARY(div, "Div", LC_DIV, 0)
BINARY(pow, "Pow", LC_POW, 0)
BINARY(prelu, "PRelu", LC_PRELU, LC_OP_LEARNED)
