/*
 * Softmax and its logarithm. Since opset 13 over one dimension, the last unless the file says otherwise; before, over
 * all from one on (1 unless the file says otherwise) as if they were one.
 */
#include <math.h>
#include <string.h>

#include "extractor/ops/gradient.h"
#include "extractor/ops/norm.h"

enum { DEFAULT = -100 }; /* no dimension has this number */

static const lc_attr attributes[] = {
    {"axis", LC_ATTR_AXIS, offsetof(lc_softmax_params, axis), 0, DEFAULT},
    {"", LC_ATTR_OPSET, offsetof(lc_softmax_params, opset), 0, 21},
    {NULL, 0, 0, 0, 0},
};

/* outer x columns x inner: columns are normalised. */
typedef struct {
    size_t outer, columns, inner;
} extent;

static lc_status extent_of(const lc_op_call *c, extent *e, size_t *first)
{
    const lc_softmax_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 0));
    const lc_tensor *x = c->in[0];
    bool old = p->opset < 13;
    int64_t axis = p->axis;
    if (axis < -1) { /* the default, counted from the end by the graph */
        axis = old ? (c->maps ? 3 : 1) : c->maps ? 2 : (int64_t)x->rank - 1;
    }
    if (x->rank == 0 || axis < 0 || axis >= (int64_t)x->rank) {
        return lc_fail(LC_ERR_SHAPE, "over dimension %lld of %zu", (long long)axis, x->rank);
    }
    if (old && c->maps) { /* all but the batch are one block in any order; other blocks are not */
        if (axis != 3) {
            return lc_fail(LC_ERR_UNSUPPORTED, "from dimension %lld of channels-last maps on", (long long)axis);
        }
        axis = 1;
    }
    *first = (size_t)axis;
    *e = (extent){1, 1, 1};
    for (size_t i = 0; i < x->rank; i++) {
        size_t *part = (int64_t)i < axis ? &e->outer : (int64_t)i == axis || old ? &e->columns : &e->inner;
        *part *= x->dims[i];
    }
    return LC_OK;
}

/* x -> y of the same shape */
static lc_status infer(lc_op_call *c)
{
    extent e;
    size_t axis;
    LC_TRY(extent_of(c, &e, &axis));
    *c->out = *c->in[0];
    c->whole = axis == 0;
    c->scratch = e.inner > 1 ? e.columns : 0;
    return LC_OK;
}

typedef struct {
    const lc_op_call *c;
    extent e;
    void (*row)(size_t n, const float *in, float *out);
} softmax_run;

static lc_status softmax_row(void *context, size_t item)
{
    const softmax_run *r = context;
    size_t columns = r->e.columns;
    r->row(columns, r->c->in[0]->data + item * columns, r->c->out->data + item * columns);
    return LC_OK;
}

/* Columns that do not lie side by side go through scratch memory; on one thread, since that is one row of it. */
static void strided(const softmax_run *r)
{
    float *row = r->c->scratch_data;
    size_t columns = r->e.columns, inner = r->e.inner;
    for (size_t i = 0; i < r->e.outer * inner; i++) {
        size_t from = i / inner * columns * inner + i % inner;
        for (size_t j = 0; j < columns; j++) {
            row[j] = r->c->in[0]->data[from + j * inner];
        }
        r->row(columns, row, row);
        for (size_t j = 0; j < columns; j++) {
            r->c->out->data[from + j * inner] = row[j];
        }
    }
}

static lc_status run(const lc_op_call *c, void (*row)(size_t n, const float *in, float *out))
{
    softmax_run r = {.c = c, .row = row};
    size_t axis;
    LC_TRY(extent_of(c, &r.e, &axis));
    if (r.e.inner == 1) {
        return lc_op_rows(c->threads, r.e.outer, r.e.columns, softmax_row, &r);
    }
    strided(&r);
    return LC_OK;
}

static lc_status forward(const lc_op_call *c)
{
    return run(c, c->kernels->softmax);
}

static lc_status forward_log(const lc_op_call *c)
{
    return run(c, c->kernels->log_softmax);
}

typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
    extent e;
    bool logarithm;
} back_run;

/* Of y = softmax(x): dx = y (dy - sum dy y); of its logarithm z: dx = dz - e^z sum dz. */
static lc_status back_row(void *context, size_t item)
{
    const back_run *r = context;
    size_t step = r->e.inner, first = item / step * r->e.columns * step + item % step;
    const float *y = r->c->out->data + first, *dy = r->t->dout + first;
    float *dx = r->t->din[0] + first;
    double sum = 0;
    for (size_t j = 0; j < r->e.columns; j++) {
        sum += (double)dy[j * step] * (r->logarithm ? 1 : (double)y[j * step]);
    }
    for (size_t j = 0; j < r->e.columns; j++) {
        double d = (double)dy[j * step], p = (double)y[j * step];
        lc_put(dx + j * step, r->logarithm ? d - exp(p) * sum : p * (d - sum), r->t->add[0]);
    }
    return LC_OK;
}

static lc_status back(const lc_op_call *c, const lc_op_train *t, bool logarithm)
{
    back_run r = {.c = c, .t = t, .logarithm = logarithm};
    size_t axis;
    LC_TRY(extent_of(c, &r.e, &axis));
    return lc_wants(c, t, 0) ? lc_op_rows(c->threads, r.e.outer * r.e.inner, r.e.columns, back_row, &r) : LC_OK;
}

static lc_status backward(const lc_op_call *c, const lc_op_train *t)
{
    return back(c, t, false);
}

static lc_status backward_log(const lc_op_call *c, const lc_op_train *t)
{
    return back(c, t, true);
}

const lc_op lc_op_softmax = {
    .name = "softmax",
    .onnx = "Softmax",
    .attributes = attributes,
    .params_size = sizeof(lc_softmax_params),
    .flags = LC_OP_INPLACE | LC_OP_EITHER,
    .infer = infer,
    .forward = forward,
    .keep = LC_KEEP_OUTPUT,
    .backward = backward,
};

const lc_op lc_op_log_softmax = {
    .name = "log_softmax",
    .onnx = "LogSoftmax",
    .attributes = attributes,
    .params_size = sizeof(lc_softmax_params),
    .flags = LC_OP_INPLACE | LC_OP_EITHER,
    .infer = infer,
    .forward = forward_log,
    .keep = LC_KEEP_OUTPUT,
    .backward = backward_log,
};
