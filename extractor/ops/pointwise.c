/*
 * ReLU and clipping. Each is a stage of an epilogue, and on its own that epilogue run over
 * the map: the same code either way.
 */
#include <math.h>
#include <string.h>

#include "extractor/ops/gemm.h"

enum { CHUNK_ROWS = 256 };

typedef struct {
    const lc_op_call *c;
    const lc_epilogue *e;
    size_t rows, columns;
} finish_run;

static lc_status finish_chunk(void *context, size_t item)
{
    const finish_run *r = context;
    size_t first = item * CHUNK_ROWS, rows = r->rows - first < CHUNK_ROWS ? r->rows - first : CHUNK_ROWS;
    lc_epilogue at = lc_epilogue_at(r->e, first, 0);
    r->c->kernels->finish(rows, r->columns, r->c->in[0]->data + first * r->columns, r->c->out->data + first * r->columns, &at);
    return LC_OK;
}

lc_status lc_finish_map(const lc_op_call *c, const lc_epilogue *e)
{
    const lc_tensor *x = c->in[0];
    size_t columns = x->dims[x->rank - 1], count = lc_tensor_count(x);
    finish_run r = {c, e, columns ? count / columns : 0, columns};
    return lc_parallel_for(c->threads, (r.rows + CHUNK_ROWS - 1) / CHUNK_ROWS, finish_chunk, &r);
}

/* x -> y of the same shape */
static lc_status infer_same(lc_op_call *c)
{
    LC_TRY(lc_op_expect(c, 1, 0));
    if (c->in[0]->rank == 0) {
        return lc_fail(LC_ERR_UNSUPPORTED, "of a single number");
    }
    *c->out = *c->in[0];
    return LC_OK;
}

/* Clamps of clamps compose; the fold only has to keep them behind everything else, which they are. */
static bool clamp(lc_epilogue *e, float low, float high)
{
    if (e->low != -INFINITY || e->high != INFINITY) {
        return false;
    }
    e->low = low;
    e->high = high;
    return true;
}

static bool stage_relu(const lc_op_call *c, lc_epilogue *e, int *addend)
{
    (void)c;
    *addend = -1;
    return clamp(e, 0, INFINITY);
}

static lc_status forward_relu(const lc_op_call *c)
{
    lc_epilogue e = lc_epilogue_none();
    e.low = 0;
    return lc_finish_map(c, &e);
}

const lc_op lc_op_relu = {
    .name = "relu",
    .onnx = "Relu",
    .flags = LC_OP_INPLACE | LC_OP_EITHER,
    .infer = infer_same,
    .forward = forward_relu,
    .stage = stage_relu,
};

typedef struct {
    float low, high;
} clip_params;

static const lc_attr clip_attributes[] = {
    {"min", LC_ATTR_FLOAT, offsetof(clip_params, low), 1, -INFINITY},
    {"max", LC_ATTR_FLOAT, offsetof(clip_params, high), 2, INFINITY},
    {NULL, 0, 0, 0, 0},
};

static bool stage_clip(const lc_op_call *c, lc_epilogue *e, int *addend)
{
    const clip_params *p = c->params;
    *addend = -1;
    return clamp(e, p->low, p->high);
}

static lc_status forward_clip(const lc_op_call *c)
{
    const clip_params *p = c->params;
    lc_epilogue e = lc_epilogue_none();
    e.low = p->low;
    e.high = p->high;
    return lc_finish_map(c, &e);
}

const lc_op lc_op_clip = {
    .name = "clip",
    .onnx = "Clip",
    .attributes = clip_attributes,
    .params_size = sizeof(clip_params),
    .flags = LC_OP_INPLACE | LC_OP_EITHER,
    .infer = infer_same,
    .forward = forward_clip,
    .stage = stage_clip,
};

const lc_op lc_op_identity = {
    .name = "identity",
    .onnx = "Identity",
    .flags = LC_OP_VIEW,
    .infer = infer_same,
};

/* Dropout does nothing in inference (Srivastava et al. 2014, in the "inverted" form that scales while training). */
const lc_op lc_op_dropout = {
    .name = "dropout",
    .onnx = "Dropout",
    .flags = LC_OP_VIEW,
    .infer = infer_same,
};

typedef struct {
    int64_t axis;
} softmax_params;

/* Of ONNX: the last axis since opset 13, axis 1 before; on vectors (N,C) these are the same. */
static const lc_attr softmax_attributes[] = {
    {"axis", LC_ATTR_AXIS, offsetof(softmax_params, axis), 0, -1},
    {NULL, 0, 0, 0, 0},
};

/* x (N,...,C) -> y, each row of C summing to 1 */
static lc_status infer_softmax(lc_op_call *c)
{
    const softmax_params *p = c->params;
    LC_TRY(infer_same(c));
    if (p->axis != (int64_t)c->in[0]->rank - 1) {
        return lc_fail(LC_ERR_UNSUPPORTED, "over dimension %lld of %zu", (long long)p->axis, c->in[0]->rank);
    }
    return LC_OK;
}

static lc_status softmax_row(void *context, size_t item)
{
    const lc_op_call *c = context;
    size_t columns = c->in[0]->dims[c->in[0]->rank - 1];
    c->kernels->softmax(columns, c->in[0]->data + item * columns, c->out->data + item * columns);
    return LC_OK;
}

static lc_status forward_softmax(const lc_op_call *c)
{
    size_t rows = lc_tensor_count(c->in[0]) / c->in[0]->dims[c->in[0]->rank - 1];
    return lc_parallel_for(c->threads, rows, softmax_row, (void *)(uintptr_t)c);
}

const lc_op lc_op_softmax = {
    .name = "softmax",
    .onnx = "Softmax",
    .attributes = softmax_attributes,
    .params_size = sizeof(softmax_params),
    .flags = LC_OP_INPLACE,
    .infer = infer_softmax,
    .forward = forward_softmax,
};
