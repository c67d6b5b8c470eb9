/*
 * Picking elements by constant indices, and putting some at constant places.
 */
#include <string.h>

#include "extractor/ops/gradient.h"
#include "extractor/ops/shape.h"

/* Is `index` one of a dimension of `size`? Negative ones count from the end. */
static lc_status check_index(float index, size_t size)
{
    return index >= -(float)size && index < (float)size ? LC_OK : lc_fail(LC_ERR_SHAPE, "index %g of %zu", (double)index, size);
}

static size_t place_of(float index, size_t size)
{
    return (size_t)(index < 0 ? index + (float)size : index);
}

static const lc_attr gather_attributes[] = {
    {"axis", LC_ATTR_AXIS, offsetof(lc_axis_params, axis), 0, 0},
    {NULL, 0, 0, 0, 0},
};

/* x (...,D,...), constant indices (I...) -> y (...,I...,...): of dimension `axis` the elements at the indices */
static lc_status infer_gather(lc_op_call *c)
{
    const lc_axis_params *p = c->params;
    LC_TRY(lc_op_expect(c, 2, 0));
    const lc_tensor *x = c->in[0], *at = c->in[1];
    size_t axis = (size_t)p->axis;
    if (!at->data || p->axis < 0 || axis >= x->rank || x->rank - 1 + at->rank > LC_MAX_RANK) {
        return lc_fail(LC_ERR_UNSUPPORTED, "from dimension %lld of %zu with %s indices of %zu dimensions", (long long)p->axis,
                       x->rank, at->data ? "constant" : "computed", at->rank);
    }
    for (size_t i = 0; i < lc_tensor_count(at); i++) {
        LC_TRY(check_index(at->data[i], x->dims[axis]));
    }
    lc_tensor out = {.rank = x->rank - 1 + at->rank};
    memcpy(out.dims, x->dims, axis * sizeof out.dims[0]);
    memcpy(out.dims + axis, at->dims, at->rank * sizeof out.dims[0]);
    memcpy(out.dims + axis + at->rank, x->dims + axis + 1, (x->rank - axis - 1) * sizeof out.dims[0]);
    *c->out = out;
    c->whole = axis == 0;
    return LC_OK;
}

static lc_status forward_gather(const lc_op_call *c)
{
    const lc_axis_params *p = c->params;
    const lc_tensor *x = c->in[0], *at = c->in[1];
    size_t axis = (size_t)p->axis, inner = 1, count = lc_tensor_count(at);
    for (size_t i = axis + 1; i < x->rank; i++) {
        inner *= x->dims[i];
    }
    size_t outer = lc_tensor_count(x) / inner / x->dims[axis];
    float *y = c->out->data;
    for (size_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < count; i++, y += inner) {
            memcpy(y, x->data + (o * x->dims[axis] + place_of(at->data[i], x->dims[axis])) * inner, inner * sizeof *y);
        }
    }
    return LC_OK;
}

typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
    size_t size, inner; /* of the dimension, of what lies behind it */
} gather_run;

static lc_status gather_back(void *context, size_t outer)
{
    const gather_run *r = context;
    const lc_tensor *at = r->c->in[1];
    size_t count = lc_tensor_count(at);
    for (size_t i = 0; i < count; i++) {
        float *to = r->t->din[0] + (outer * r->size + place_of(at->data[i], r->size)) * r->inner;
        r->c->kernels->scale(r->inner, 1, r->t->dout + (outer * count + i) * r->inner, true, to);
    }
    return LC_OK;
}

static lc_status backward_gather(const lc_op_call *c, const lc_op_train *t)
{
    const lc_axis_params *p = c->params;
    const lc_tensor *x = c->in[0];
    gather_run r = {c, t, x->dims[p->axis], 1};
    if (lc_wants(c, t, 1)) {
        return lc_fail(LC_ERR_UNSUPPORTED, "no gradient by indices");
    }
    if (!lc_wants(c, t, 0)) {
        return LC_OK;
    }
    for (size_t i = (size_t)p->axis + 1; i < x->rank; i++) {
        r.inner *= x->dims[i];
    }
    if (!t->add[0]) {
        memset(t->din[0], 0, lc_tensor_count(x) * sizeof(float));
    }
    return lc_op_rows(c->threads, lc_tensor_count(x) / r.inner / r.size, r.inner * lc_tensor_count(c->in[1]), gather_back, &r);
}

const lc_op lc_op_gather = {
    .name = "gather",
    .onnx = "Gather",
    .attributes = gather_attributes,
    .params_size = sizeof(lc_axis_params),
    .flags = LC_OP_PLANAR,
    .infer = infer_gather,
    .forward = forward_gather,
    .backward = backward_gather,
};

typedef struct {
    char reduction[LC_OP_WORD];
} scatter_params;

static const lc_attr scatter_attributes[] = {
    {"reduction", LC_ATTR_WORD, offsetof(scatter_params, reduction), 0, 0},
    {NULL, 0, 0, 0, 0},
};

/* x (D_0,...), constant indices (I...,Q), updates (I...,D_Q,...) -> y: x with the blocks at x[indices[i]] replaced */
static lc_status infer_scatter_nd(lc_op_call *c)
{
    const scatter_params *p = c->params;
    LC_TRY(lc_op_expect(c, 3, 0));
    const lc_tensor *x = c->in[0], *at = c->in[1], *updates = c->in[2];
    if (!at->data || (p->reduction[0] && strcmp(p->reduction, "none") != 0)) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%s", at->data ? "with a reduction" : "with computed indices");
    }
    size_t depth = at->rank ? at->dims[at->rank - 1] : 0;
    bool fit = depth >= 1 && depth <= x->rank && updates->rank == at->rank - 1 + x->rank - depth;
    for (size_t i = 0; fit && i < updates->rank; i++) {
        fit = updates->dims[i] == (i < at->rank - 1 ? at->dims[i] : x->dims[i - (at->rank - 1) + depth]);
    }
    if (!fit) {
        char tx[96], ta[96], tu[96];
        return lc_fail(LC_ERR_SHAPE, "shapes %s, %s, %s do not fit", lc_shape_text(tx, x->rank, x->dims),
                       lc_shape_text(ta, at->rank, at->dims), lc_shape_text(tu, updates->rank, updates->dims));
    }
    for (size_t i = 0; i < lc_tensor_count(at); i++) {
        LC_TRY(check_index(at->data[i], x->dims[i % depth]));
    }
    *c->out = *x;
    c->whole = true;
    return LC_OK;
}

static lc_status forward_scatter_nd(const lc_op_call *c)
{
    const lc_tensor *x = c->in[0], *at = c->in[1], *updates = c->in[2];
    size_t depth = at->dims[at->rank - 1], places = lc_tensor_count(at) / depth, block = lc_tensor_count(updates) / places;
    memcpy(c->out->data, x->data, lc_tensor_count(x) * sizeof(float));
    for (size_t i = 0; i < places; i++) {
        size_t to = 0;
        for (size_t k = 0; k < depth; k++) {
            to = to * x->dims[k] + place_of(at->data[i * depth + k], x->dims[k]);
        }
        memcpy(c->out->data + to * block, updates->data + i * block, block * sizeof(float));
    }
    return LC_OK;
}

const lc_op lc_op_scatter_nd = {
    .name = "scatter_nd",
    .onnx = "ScatterND",
    .attributes = scatter_attributes,
    .params_size = sizeof(scatter_params),
    .flags = LC_OP_PLANAR,
    .infer = infer_scatter_nd,
    .forward = forward_scatter_nd,
};
