/*
 * Batch normalisation with its running statistics (Ioffe and Szegedy, arXiv:1502.03167, section 3.1):
 * y = (x - mean) / sqrt(variance + epsilon) * weight + bias, computed as y = x * scale + shift.
 */
#include <math.h>
#include <stdlib.h>

#include "common/memory.h"
#include "extractor/ops/gemm.h"

typedef struct {
    float epsilon;
    int64_t training_mode;
} norm_params;

static const lc_attr attributes[] = {
    {"epsilon", LC_ATTR_FLOAT, offsetof(norm_params, epsilon), 0, 1e-5},
    {"training_mode", LC_ATTR_INT, offsetof(norm_params, training_mode), 0, 0},
    {NULL, 0, 0, 0, 0},
};

/* x (N,H,W,C), weight (C), bias (C), mean (C), variance (C) -> y (N,H,W,C); or x (N,C) */
static lc_status infer(lc_op_call *c)
{
    const norm_params *p = c->params;
    LC_TRY(lc_op_expect(c, 5, 0));
    const lc_tensor *x = c->in[0];
    if (x->rank < 2 || p->training_mode) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%s", p->training_mode ? "exported in training mode; export the network in eval mode"
                                                                  : "wants at least 2 dimensions");
    }
    for (size_t i = 1; i < 5; i++) {
        if (!c->in[i]->data || lc_tensor_count(c->in[i]) != x->dims[x->rank - 1]) {
            return lc_fail(LC_ERR_SHAPE, "wants %zu constant numbers per statistic, got %zu", x->dims[x->rank - 1],
                           lc_tensor_count(c->in[i]));
        }
    }
    *c->out = *x;
    return LC_OK;
}

typedef struct {
    float *scale, *shift; /* (C), padded */
} norm_state;

static void release(void *state)
{
    norm_state *s = state;
    if (s) {
        free(s->scale);
        free(s->shift);
        free(s);
    }
}

static lc_status prepare(const lc_op_call *c, void **state)
{
    const norm_params *p = c->params;
    size_t channels = lc_tensor_count(c->in[1]);
    norm_state *s;
    LC_TRY(lc_alloc_array(&s, 1, sizeof *s));
    lc_status status = lc_pad_columns(&s->scale, c->in[1]->data, channels);
    if (status == LC_OK) {
        status = lc_pad_columns(&s->shift, c->in[2]->data, channels);
    }
    if (status != LC_OK) {
        release(s);
        return status;
    }
    for (size_t j = 0; j < channels; j++) {
        double scale = (double)c->in[1]->data[j] / sqrt((double)c->in[4]->data[j] + (double)p->epsilon);
        s->scale[j] = (float)scale;
        s->shift[j] = (float)((double)c->in[2]->data[j] - (double)c->in[3]->data[j] * scale);
    }
    *state = s;
    return LC_OK;
}

static bool stage(const lc_op_call *c, lc_epilogue *e, int *addend)
{
    const norm_state *s = c->state;
    *addend = -1;
    if (e->scale || e->residual || e->low != -INFINITY || e->high != INFINITY) {
        return false;
    }
    e->scale = s->scale;
    e->shift = s->shift;
    return true;
}

static lc_status forward(const lc_op_call *c)
{
    const norm_state *s = c->state;
    lc_epilogue e = lc_epilogue_none();
    e.scale = s->scale;
    e.shift = s->shift;
    return lc_finish_map(c, &e);
}

const lc_op lc_op_batchnorm = {
    .name = "batchnorm",
    .onnx = "BatchNormalization",
    .attributes = attributes,
    .params_size = sizeof(norm_params),
    .flags = LC_OP_INPLACE | LC_OP_LEARNED,
    .infer = infer,
    .prepare = prepare,
    .release = release,
    .forward = forward,
    .stage = stage,
};
