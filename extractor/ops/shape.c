/*
 * Operators that move values without computing: concatenation, flattening, reshaping, and the change from
 * channels-last to ONNX's order of elements that the latter two need.
 */
#include "extractor/ops/shape.h"

#include <string.h>

#include "common/memory.h"
#include "extractor/ops/op.h"

static const lc_attr concat_attributes[] = {
    {"axis", LC_ATTR_AXIS, offsetof(lc_axis_params, axis), 0, 1},
    {NULL, 0, 0, 0, 0},
};

/* x_i (..., D_i, ...) -> y (..., sum D_i, ...) */
static lc_status infer_concat(lc_op_call *c)
{
    const lc_axis_params *p = c->params;
    LC_TRY(lc_op_expect(c, c->inputs ? c->inputs : 1, 0));
    const lc_tensor *first = c->in[0];
    size_t axis = (size_t)p->axis, sum = 0;
    if (p->axis < 1 || axis >= first->rank) {
        return lc_fail(LC_ERR_UNSUPPORTED, "along dimension %lld of %zu", (long long)p->axis, first->rank);
    }
    for (size_t i = 0; i < c->inputs; i++) {
        lc_tensor t = *c->in[i];
        bool fits = axis < t.rank && lc_add(sum, t.dims[axis], &sum);
        t.dims[axis] = first->dims[axis];
        if (c->in[i]->data) {
            return lc_fail(LC_ERR_UNSUPPORTED, "with a constant");
        }
        if (!fits || t.rank != first->rank || memcmp(t.dims, first->dims, t.rank * sizeof t.dims[0]) != 0) {
            char a[96], b[96];
            return lc_fail(LC_ERR_SHAPE, "shapes %s and %s do not fit beside each other",
                           lc_shape_text(a, first->rank, first->dims), lc_shape_text(b, c->in[i]->rank, c->in[i]->dims));
        }
    }
    *c->out = *first;
    c->out->dims[axis] = sum;
    return LC_OK;
}

static lc_status forward_concat(const lc_op_call *c)
{
    const lc_axis_params *p = c->params;
    size_t axis = (size_t)p->axis, outer = 1, inner = 1;
    for (size_t i = 0; i < axis; i++) {
        outer *= c->out->dims[i];
    }
    for (size_t i = axis + 1; i < c->out->rank; i++) {
        inner *= c->out->dims[i];
    }
    size_t row = c->out->dims[axis] * inner;
    float *y = c->out->data;
    for (size_t i = 0; i < c->inputs; i++) {
        size_t part = c->in[i]->dims[axis] * inner;
        const float *x = c->in[i]->data;
        for (size_t o = 0; o < outer; o++) {
            memcpy(y + o * row, x + o * part, part * sizeof *x);
        }
        y += part;
    }
    return LC_OK;
}

const lc_op lc_op_concat = {
    .name = "concat",
    .onnx = "Concat",
    .attributes = concat_attributes,
    .params_size = sizeof(lc_axis_params),
    .infer = infer_concat,
    .forward = forward_concat,
};

static const lc_attr flatten_attributes[] = {
    {"axis", LC_ATTR_INT, offsetof(lc_axis_params, axis), 0, 1},
    {NULL, 0, 0, 0, 0},
};

/* x (N,...) -> y (N,D) */
static lc_status infer_flatten(lc_op_call *c)
{
    const lc_axis_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 0));
    const lc_tensor *x = c->in[0];
    if (x->rank < 2 || (p->axis != 1 && p->axis != 1 - (int64_t)x->rank)) {
        return lc_fail(LC_ERR_UNSUPPORTED, "from dimension %lld of %zu on", (long long)p->axis, x->rank);
    }
    *c->out = (lc_tensor){.rank = 2, .dims = {x->dims[0], lc_tensor_count(x) / x->dims[0]}};
    return LC_OK;
}

const lc_op lc_op_flatten = {
    .name = "flatten",
    .onnx = "Flatten",
    .attributes = flatten_attributes,
    .params_size = sizeof(lc_axis_params),
    .flags = LC_OP_VIEW | LC_OP_PLANAR,
    .infer = infer_flatten,
};

typedef struct {
    lc_ints shape;
    int64_t allowzero;
} reshape_params;

static const lc_attr reshape_attributes[] = {
    {"shape", LC_ATTR_INTS, offsetof(reshape_params, shape), 1, 0},
    {"allowzero", LC_ATTR_INT, offsetof(reshape_params, allowzero), 0, 0},
    {NULL, 0, 0, 0, 0},
};

/* x (N,...) -> y (N,D): to one row per picture. */
static lc_status infer_reshape(lc_op_call *c)
{
    const reshape_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 0));
    const lc_tensor *x = c->in[0];
    size_t count = lc_tensor_count(x) / x->dims[0];
    /* dims[0] is the batch whatever the file calls it: 1, 0 (keep) or -1 (what remains). */
    if (p->shape.count != 2 || p->shape.v[0] < -1 || p->shape.v[0] > 1) {
        return lc_fail(LC_ERR_UNSUPPORTED, "to %zu dimensions; only one row per picture is known", p->shape.count);
    }
    if (p->shape.v[1] != -1 && (p->shape.v[1] < 1 || (size_t)p->shape.v[1] != count)) {
        return lc_fail(LC_ERR_SHAPE, "%zu values per picture do not fill rows of %lld", count, (long long)p->shape.v[1]);
    }
    *c->out = (lc_tensor){.rank = 2, .dims = {x->dims[0], count}};
    return LC_OK;
}

const lc_op lc_op_reshape = {
    .name = "reshape",
    .onnx = "Reshape",
    .attributes = reshape_attributes,
    .params_size = sizeof(reshape_params),
    .flags = LC_OP_VIEW | LC_OP_PLANAR,
    .infer = infer_reshape,
};

/* x (N,H,W,C) -> y (N,C,H,W) */
static lc_status infer_planar(lc_op_call *c)
{
    LC_TRY(lc_op_expect(c, 1, 4));
    const size_t *d = c->in[0]->dims;
    *c->out = (lc_tensor){.rank = 4, .dims = {d[0], d[3], d[1], d[2]}};
    return LC_OK;
}

static lc_status forward_planar(const lc_op_call *c)
{
    const lc_tensor *x = c->in[0];
    size_t area = x->dims[1] * x->dims[2], channels = x->dims[3];
    for (size_t n = 0; n < x->dims[0]; n++) {
        const float *from = x->data + n * area * channels;
        float *to = c->out->data + n * area * channels;
        for (size_t k = 0; k < channels; k++) {
            for (size_t p = 0; p < area; p++) {
                to[k * area + p] = from[p * channels + k];
            }
        }
    }
    return LC_OK;
}

const lc_op lc_op_planar = {
    .name = "planar",
    .infer = infer_planar,
    .forward = forward_planar,
};
