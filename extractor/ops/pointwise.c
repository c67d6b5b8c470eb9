/*
 * ReLU and clipping; what does nothing. Each is a stage of an epilogue, and on its own that epilogue run over
 * the map: the same code either way.
 */
#include <math.h>
#include <string.h>

#include "common/rng.h"
#include "extractor/ops/gemm.h"
#include "extractor/ops/gradient.h"

enum { CHUNK_ROWS = 256, CHUNK = 1 << 14 };

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
    r->c->kernels->finish(rows, r->columns, r->c->in[0]->data + first * r->columns, r->columns,
                           r->c->out->data + first * r->columns, r->columns, &at);
    return LC_OK;
}

lc_status lc_finish_map(const lc_op_call *c, const lc_epilogue *e)
{
    const lc_tensor *x = c->in[0];
    size_t columns = x->rank ? x->dims[x->rank - 1] : 1, count = lc_tensor_count(x);
    finish_run r = {c, e, columns ? count / columns : 0, columns};
    return lc_parallel_for(c->threads, (r.rows + CHUNK_ROWS - 1) / CHUNK_ROWS, finish_chunk, &r);
}

/* x -> y of the same shape */
static lc_status infer_same(lc_op_call *c)
{
    LC_TRY(lc_op_expect(c, 1, 0));
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

typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
    float low, high;
} clamp_run;

static lc_status clamp_chunk(void *context, size_t item)
{
    const clamp_run *r = context;
    size_t first = item * CHUNK, count = lc_tensor_count(r->c->out), n = count - first < CHUNK ? count - first : CHUNK;
    r->c->kernels->clamp_back(n, r->low, r->high, r->c->out->data + first, r->t->dout + first, r->t->add[0], r->t->din[0] + first);
    return LC_OK;
}

/* Between the bounds the gradient passes, at them it does not: PyTorch's choice for ReLU and Hardtanh. */
static lc_status clamp_backward(const lc_op_call *c, const lc_op_train *t, float low, float high)
{
    clamp_run r = {c, t, low, high};
    return lc_wants(c, t, 0) ? lc_parallel_for(c->threads, (lc_tensor_count(c->out) + CHUNK - 1) / CHUNK, clamp_chunk, &r) : LC_OK;
}

static lc_status backward_relu(const lc_op_call *c, const lc_op_train *t)
{
    return clamp_backward(c, t, 0, INFINITY);
}

const lc_op lc_op_relu = {
    .name = "relu",
    .onnx = "Relu",
    .flags = LC_OP_INPLACE | LC_OP_EITHER,
    .infer = infer_same,
    .forward = forward_relu,
    .stage = stage_relu,
    .keep = LC_KEEP_OUTPUT,
    .backward = backward_relu,
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

static lc_status backward_clip(const lc_op_call *c, const lc_op_train *t)
{
    const clip_params *p = c->params;
    return clamp_backward(c, t, p->low, p->high);
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
    .keep = LC_KEEP_OUTPUT,
    .backward = backward_clip,
};

const lc_op lc_op_identity = {
    .name = "identity",
    .onnx = "Identity",
    .flags = LC_OP_VIEW | LC_OP_EITHER,
    .infer = infer_same,
    .backward = lc_view_backward,
};

/*
 * Dropout (Srivastava et al. 2014) in the "inverted" form: in training each element is kept with probability 1 - ratio and
 * then divided by that, or else 0; in inference nothing happens. Whether element i is kept is a function of the seed and i.
 */
typedef struct {
    float ratio;
    int64_t training_mode;
} dropout_params;

static const lc_attr dropout_attributes[] = {
    {"ratio", LC_ATTR_FLOAT, offsetof(dropout_params, ratio), 1, 0.5},
    {"training_mode", LC_ATTR_INT, offsetof(dropout_params, training_mode), 2, 0},
    {NULL, 0, 0, 0, 0},
};

static lc_status infer_dropout(lc_op_call *c)
{
    const dropout_params *p = c->params;
    if (p->training_mode && p->ratio != 0) {
        return lc_fail(LC_ERR_UNSUPPORTED, "exported in training mode; export the network in eval mode");
    }
    return infer_same(c);
}

typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
    const float *from;
    float *to;
    bool add;
} dropout_run;

static lc_status dropout_chunk(void *context, size_t item)
{
    const dropout_run *r = context;
    const dropout_params *p = r->c->params;
    size_t first = item * CHUNK, count = lc_tensor_count(r->c->out), end = count - first < CHUNK ? count : first + CHUNK;
    lc_rng rng = lc_rng_new(r->t->seed, 0);
    const float factors[] = {0, p->ratio < 1 ? 1 / (1 - p->ratio) : 0}; /* no branch: nothing could foresee it */
    rng.counter = first;
    for (size_t i = first; i < end; i++) {
        float v = r->from[i] * factors[lc_rng_uniform(&rng) >= (double)p->ratio];
        r->to[i] = r->add ? r->to[i] + v : v;
    }
    return LC_OK;
}

static lc_status drop(const lc_op_call *c, const lc_op_train *t, const float *from, float *to, bool add)
{
    dropout_run r = {c, t, from, to, add};
    return lc_parallel_for(c->threads, (lc_tensor_count(c->out) + CHUNK - 1) / CHUNK, dropout_chunk, &r);
}

static lc_status train_dropout(const lc_op_call *c, const lc_op_train *t)
{
    return drop(c, t, c->in[0]->data, c->out->data, false);
}

static lc_status backward_dropout(const lc_op_call *c, const lc_op_train *t)
{
    return lc_wants(c, t, 0) ? drop(c, t, t->dout, t->din[0], t->add[0]) : LC_OK;
}

const lc_op lc_op_dropout = {
    .name = "dropout",
    .onnx = "Dropout",
    .attributes = dropout_attributes,
    .params_size = sizeof(dropout_params),
    .flags = LC_OP_VIEW | LC_OP_EITHER,
    .infer = infer_dropout,
    .train = train_dropout,
    .backward = backward_dropout,
};

/* Conversions of type: all that is not an integer stays as it is. */
typedef struct {
    int64_t to, saturate;
} cast_params;

static const lc_attr cast_attributes[] = {
    {"to", LC_ATTR_INT, offsetof(cast_params, to), 0, 1},
    {"saturate", LC_ATTR_INT, offsetof(cast_params, saturate), 0, 1},
    {NULL, 0, 0, 0, 0},
};

bool lc_cast_is_whole(const void *params)
{
    const cast_params *p = params;
    return p->to != 1 && p->to != 10 && p->to != 11 && p->to != 16; /* float32, float16, double, bfloat16 */
}

static lc_status infer_cast(lc_op_call *c)
{
    const cast_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 0));
    if (p->to != 1 && !c->in[0]->data) {
        return lc_fail(LC_ERR_UNSUPPORTED, "activations to type %lld; they are float32", (long long)p->to);
    }
    *c->out = *c->in[0];
    return LC_OK;
}

static lc_status forward_cast(const lc_op_call *c)
{
    const cast_params *p = c->params;
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        float x = c->in[0]->data[i];
        c->out->data[i] = p->to == 9 ? (float)(x != 0) : lc_cast_is_whole(p) ? truncf(x) : x;
    }
    return LC_OK;
}

static lc_status backward_cast(const lc_op_call *c, const lc_op_train *t)
{
    const cast_params *p = c->params;
    if (p->to == 9 || lc_cast_is_whole(p)) {
        return lc_fail(LC_ERR_UNSUPPORTED, "no gradient passes a conversion to type %lld", (long long)p->to);
    }
    return lc_view_backward(c, t);
}

const lc_op lc_op_cast = {
    .name = "cast",
    .onnx = "Cast",
    .attributes = cast_attributes,
    .params_size = sizeof(cast_params),
    .flags = LC_OP_INPLACE | LC_OP_EITHER,
    .infer = infer_cast,
    .forward = forward_cast,
    .backward = backward_cast,
};
