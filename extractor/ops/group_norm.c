/*
 * Instance normalisation (Ulyanov et al., arXiv:1607.08022) and group normalisation (Wu and He, arXiv:1803.08494): the
 * channels of a group are normalised together over a whole picture, then each channel has its own scale and shift.
 */
#include "extractor/ops/op.h"

typedef struct {
    int64_t groups, stash_type;
    float epsilon;
} group_params;

static const lc_attr instance_attributes[] = {
    {"epsilon", LC_ATTR_FLOAT, offsetof(group_params, epsilon), 0, 1e-5},
    {NULL, 0, 0, 0, 0},
};

static const lc_attr group_attributes[] = {
    {"epsilon", LC_ATTR_FLOAT, offsetof(group_params, epsilon), 0, 1e-5},
    {"num_groups", LC_ATTR_INT, offsetof(group_params, groups), 0, 0},
    {"stash_type", LC_ATTR_INT, offsetof(group_params, stash_type), 0, 1},
    {NULL, 0, 0, 0, 0},
};

/* x (N,C,...), scale (C), shift (C) -> y (N,C,...); group normalisation before opset 21 has one of each per group */
static lc_status infer(lc_op_call *c)
{
    const group_params *p = c->params;
    LC_TRY(lc_op_expect(c, 3, 0));
    const lc_tensor *x = c->in[0];
    size_t channels = x->rank > 1 ? x->dims[1] : 0, numbers = lc_tensor_count(c->in[1]);
    if (x->rank < 2 || p->groups < 0 || (p->groups && channels % (size_t)p->groups)) {
        return lc_fail(LC_ERR_SHAPE, "%zu channels in %lld groups", channels, (long long)p->groups);
    }
    for (size_t i = 1; i < 3; i++) {
        bool per_group = p->groups && numbers == (size_t)p->groups;
        if (!c->in[i]->data || lc_tensor_count(c->in[i]) != numbers || (numbers != channels && !per_group)) {
            return lc_fail(LC_ERR_SHAPE, "wants %zu constant numbers, got %zu", channels, lc_tensor_count(c->in[i]));
        }
    }
    *c->out = *x;
    return LC_OK;
}

static lc_status one_group(void *context, size_t item)
{
    const lc_op_call *c = context;
    const group_params *p = c->params;
    const lc_tensor *x = c->in[0];
    size_t channels = x->dims[1], groups = p->groups ? (size_t)p->groups : channels, own = channels / groups;
    size_t area = lc_tensor_count(x) / x->dims[0] / channels, numbers = lc_tensor_count(c->in[1]), first = item % groups * own;
    float *y = c->out->data + item * own * area;
    c->kernels->normalize(own * area, x->data + item * own * area, p->epsilon, y);
    for (size_t k = 0; k < own; k++) {
        size_t at = (first + k) * numbers / channels;
        c->kernels->combine(LC_MUL, area, y + k * area, false, c->in[1]->data + at, true, y + k * area);
        c->kernels->combine(LC_ADD, area, y + k * area, false, c->in[2]->data + at, true, y + k * area);
    }
    return LC_OK;
}

static lc_status forward(const lc_op_call *c)
{
    const group_params *p = c->params;
    size_t groups = p->groups ? (size_t)p->groups : c->in[0]->dims[1];
    return lc_op_rows(c->threads, c->in[0]->dims[0] * groups, lc_tensor_count(c->in[0]) / c->in[0]->dims[0] / groups, one_group, (void *)(uintptr_t)c);
}

const lc_op lc_op_instance_norm = {
    .name = "instance_norm",
    .onnx = "InstanceNormalization",
    .attributes = instance_attributes,
    .params_size = sizeof(group_params),
    .flags = LC_OP_PLANAR | LC_OP_INPLACE | LC_OP_LEARNED,
    .infer = infer,
    .forward = forward,
};

const lc_op lc_op_group_norm = {
    .name = "group_norm",
    .onnx = "GroupNormalization",
    .attributes = group_attributes,
    .params_size = sizeof(group_params),
    .flags = LC_OP_PLANAR | LC_OP_INPLACE | LC_OP_LEARNED,
    .infer = infer,
    .forward = forward,
};
