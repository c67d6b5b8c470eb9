/*
 * Operators that give the same elements another shape, and the two that change their order between channels-last and
 * the file's (N,C,H,W).
 */
#include "extractor/ops/shape.h"

#include "common/memory.h"
#include "extractor/ops/gradient.h"

static const lc_attr flatten_attributes[] = {
    {"axis", LC_ATTR_INT, offsetof(lc_axis_params, axis), 0, 1},
    {NULL, 0, 0, 0, 0},
};

/* x -> y (product of the dimensions before `axis`, product of the others) */
static lc_status infer_flatten(lc_op_call *c)
{
    const lc_axis_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 0));
    const lc_tensor *x = c->in[0];
    int64_t axis = p->axis < 0 ? p->axis + (int64_t)x->rank : p->axis;
    if (axis < 0 || axis > (int64_t)x->rank) {
        return lc_fail(LC_ERR_SHAPE, "from dimension %lld of %zu on", (long long)p->axis, x->rank);
    }
    size_t outer = 1;
    for (size_t i = 0; i < (size_t)axis; i++) {
        outer *= x->dims[i];
    }
    *c->out = (lc_tensor){.rank = 2, .dims = {outer, lc_tensor_count(x) / outer}};
    return LC_OK;
}

const lc_op lc_op_flatten = {
    .name = "flatten",
    .onnx = "Flatten",
    .attributes = flatten_attributes,
    .params_size = sizeof(lc_axis_params),
    .flags = LC_OP_VIEW | LC_OP_PLANAR,
    .infer = infer_flatten,
    .backward = lc_view_backward,
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

/* x -> y of the shape that is asked for: 0 keeps a dimension, -1 is what remains. */
static lc_status infer_reshape(lc_op_call *c)
{
    const reshape_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 0));
    const lc_tensor *x = c->in[0];
    lc_tensor out = {.rank = p->shape.count};
    size_t count = lc_tensor_count(x), product = 1, open = LC_MAX_RANK;
    if (p->shape.count > LC_MAX_RANK) {
        return lc_fail(LC_ERR_UNSUPPORTED, "to %zu dimensions", p->shape.count);
    }
    for (size_t i = 0; i < out.rank; i++) {
        int64_t d = p->shape.v[i];
        if (d == -1 && open == LC_MAX_RANK) {
            open = i;
            continue;
        }
        if (d == 0 && i < x->rank && !p->allowzero) {
            d = (int64_t)x->dims[i];
        }
        if (d < 1 || !lc_mul(product, (size_t)d, &product)) {
            return lc_fail(LC_ERR_SHAPE, "dimension %zu is to be %lld", i, (long long)d);
        }
        out.dims[i] = (size_t)d;
    }
    if (open < LC_MAX_RANK && count % product == 0) {
        out.dims[open] = count / product;
        product = count;
    }
    if (product != count) {
        return lc_fail(LC_ERR_SHAPE, "%zu values do not fill %zu", count, product);
    }
    *c->out = out;
    return LC_OK;
}

const lc_op lc_op_reshape = {
    .name = "reshape",
    .onnx = "Reshape",
    .attributes = reshape_attributes,
    .params_size = sizeof(reshape_params),
    .flags = LC_OP_VIEW | LC_OP_PLANAR,
    .infer = infer_reshape,
    .backward = lc_view_backward,
};

static const lc_attr axes_attributes[] = {
    {"axes", LC_ATTR_INTS, offsetof(lc_axes_params, axes), 1, 0},
    {NULL, 0, 0, 0, 0},
};

/* Marks the dimensions that `axes` names among `rank`. */
static lc_status mark_axes(const lc_ints *axes, size_t rank, bool *marked)
{
    for (size_t i = 0; i < axes->count; i++) {
        int64_t axis = axes->v[i] < 0 ? axes->v[i] + (int64_t)rank : axes->v[i];
        if (axis < 0 || axis >= (int64_t)rank || marked[axis]) {
            return lc_fail(LC_ERR_SHAPE, "dimension %lld of %zu", (long long)axes->v[i], rank);
        }
        marked[axis] = true;
    }
    return LC_OK;
}

/* x -> y without the dimensions of 1 that are named, or without any */
static lc_status infer_squeeze(lc_op_call *c)
{
    const lc_axes_params *p = c->params;
    bool gone[LC_MAX_RANK] = {false};
    LC_TRY(lc_op_expect(c, 1, 0));
    const lc_tensor *x = c->in[0];
    lc_tensor out = {0};
    LC_TRY(mark_axes(&p->axes, x->rank, gone));
    for (size_t i = 0; i < x->rank; i++) {
        if (gone[i] && x->dims[i] != 1) {
            return lc_fail(LC_ERR_SHAPE, "dimension %zu is %zu, not 1", i, x->dims[i]);
        }
        /* The batch counts as 1, but is none of those that go unless it is named. */
        if (!gone[i] && (p->axes.count || x->dims[i] != 1 || (i == 0 && !x->data))) {
            out.dims[out.rank++] = x->dims[i];
        }
    }
    *c->out = out;
    return LC_OK;
}

const lc_op lc_op_squeeze = {
    .name = "squeeze",
    .onnx = "Squeeze",
    .attributes = axes_attributes,
    .params_size = sizeof(lc_axes_params),
    .flags = LC_OP_VIEW | LC_OP_PLANAR,
    .infer = infer_squeeze,
    .backward = lc_view_backward,
};

/* x -> y with dimensions of 1 at the places that are named */
static lc_status infer_unsqueeze(lc_op_call *c)
{
    const lc_axes_params *p = c->params;
    bool new[LC_MAX_RANK] = {false};
    LC_TRY(lc_op_expect(c, 1, 0));
    const lc_tensor *x = c->in[0];
    lc_tensor out = {.rank = x->rank + p->axes.count};
    if (out.rank > LC_MAX_RANK) {
        return lc_fail(LC_ERR_UNSUPPORTED, "to %zu dimensions", out.rank);
    }
    LC_TRY(mark_axes(&p->axes, out.rank, new));
    for (size_t i = 0, from = 0; i < out.rank; i++) {
        out.dims[i] = new[i] ? 1 : x->dims[from++];
    }
    *c->out = out;
    return LC_OK;
}

const lc_op lc_op_unsqueeze = {
    .name = "unsqueeze",
    .onnx = "Unsqueeze",
    .attributes = axes_attributes,
    .params_size = sizeof(lc_axes_params),
    .flags = LC_OP_VIEW | LC_OP_PLANAR,
    .infer = infer_unsqueeze,
    .backward = lc_view_backward,
};

enum { PIXELS = 64 }; /* columns of the output that are made at a time: its rows lie far apart */

typedef struct {
    const float *from;
    float *to;
    size_t rows, columns; /* of a picture of `from` */
    bool add;
} transpose_run;

static lc_status transpose_block(void *context, size_t item)
{
    const transpose_run *r = context;
    size_t blocks = (r->rows + PIXELS - 1) / PIXELS, first = item % blocks * PIXELS, picture = item / blocks * r->rows * r->columns;
    size_t end = first + PIXELS < r->rows ? first + PIXELS : r->rows;
    for (size_t j = 0; j < r->columns; j++) {
        for (size_t i = first; i < end; i++) {
            float v = r->from[picture + i * r->columns + j], *to = r->to + picture + j * r->rows + i;
            *to = r->add ? *to + v : v;
        }
    }
    return LC_OK;
}

/* Per picture: rows x columns -> columns x rows. */
static lc_status transpose_pictures(const lc_op_call *c, size_t rows, size_t columns, const float *from, float *to, bool add)
{
    transpose_run r = {from, to, rows, columns, add};
    return lc_parallel_for(c->threads, c->in[0]->dims[0] * ((rows + PIXELS - 1) / PIXELS), transpose_block, &r);
}

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
    const size_t *d = c->in[0]->dims;
    return transpose_pictures(c, d[1] * d[2], d[3], c->in[0]->data, c->out->data, false);
}

static lc_status backward_planar(const lc_op_call *c, const lc_op_train *t)
{
    const size_t *d = c->in[0]->dims;
    return lc_wants(c, t, 0) ? transpose_pictures(c, d[3], d[1] * d[2], t->dout, t->din[0], t->add[0]) : LC_OK;
}

const lc_op lc_op_planar = {
    .name = "planar",
    .infer = infer_planar,
    .forward = forward_planar,
    .backward = backward_planar,
};

/* x (N,C,H,W) -> y (N,H,W,C) */
static lc_status infer_channels_last(lc_op_call *c)
{
    LC_TRY(lc_op_expect(c, 1, 4));
    const size_t *d = c->in[0]->dims;
    *c->out = (lc_tensor){.rank = 4, .dims = {d[0], d[2], d[3], d[1]}};
    return LC_OK;
}

static lc_status forward_channels_last(const lc_op_call *c)
{
    const size_t *d = c->in[0]->dims;
    return transpose_pictures(c, d[1], d[2] * d[3], c->in[0]->data, c->out->data, false);
}

static lc_status backward_channels_last(const lc_op_call *c, const lc_op_train *t)
{
    const size_t *d = c->in[0]->dims;
    return lc_wants(c, t, 0) ? transpose_pictures(c, d[2] * d[3], d[1], t->dout, t->din[0], t->add[0]) : LC_OK;
}

const lc_op lc_op_channels_last = {
    .name = "channels_last",
    .infer = infer_channels_last,
    .forward = forward_channels_last,
    .backward = backward_channels_last,
};
