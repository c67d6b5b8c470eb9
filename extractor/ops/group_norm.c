/*
 * Instance normalisation (Ulyanov et al., arXiv:1607.08022) and group normalisation (Wu and He, arXiv:1803.08494): the
 * channels of a group are normalised together over a whole picture, then each channel has its own scale and shift.
 */
#include <math.h>

#include "extractor/ops/gradient.h"

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

typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
} back_run;

/* A group of all pictures, so that the sums into its scales and shifts are one thread's. With g = dy scale and x^ what was
 * normalised: dx = (g - mean g - x^ mean(g x^)) / sqrt(variance + epsilon), dscale = sum dy x^, dshift = sum dy. */
static lc_status one_group_back(void *context, size_t group)
{
    const back_run *r = context;
    const lc_op_call *c = r->c;
    const lc_op_train *t = r->t;
    const group_params *p = c->params;
    size_t channels = c->in[0]->dims[1], groups = p->groups ? (size_t)p->groups : channels, own = channels / groups;
    size_t pictures = c->in[0]->dims[0], area = lc_tensor_count(c->in[0]) / pictures / channels, numbers = lc_tensor_count(c->in[1]);
    double count = (double)(own * area);
    for (size_t n = 0; n < pictures; n++) {
        size_t first = (n * groups + group) * own * area;
        const float *x = c->in[0]->data + first, *dy = t->dout + first;
        double mean = 0, variance = 0, sum = 0, product = 0;
        for (size_t i = 0; i < own * area; i++) {
            mean += (double)x[i] / count;
        }
        for (size_t i = 0; i < own * area; i++) {
            variance += ((double)x[i] - mean) * ((double)x[i] - mean) / count;
        }
        double root = 1 / sqrt(variance + (double)p->epsilon);
        for (size_t k = 0; k < own; k++) {
            size_t at = (group * own + k) * numbers / channels;
            bool begun = n > 0 || (k > 0 && at == (group * own + k - 1) * numbers / channels);
            double dshift = 0, dscale = 0;
            for (size_t i = k * area; i < (k + 1) * area; i++) {
                dshift += (double)dy[i];
                dscale += (double)dy[i] * ((double)x[i] - mean) * root;
            }
            sum += dshift * (double)c->in[1]->data[at] / count;
            product += dscale * (double)c->in[1]->data[at] / count;
            if (lc_wants(c, t, 1)) {
                lc_put(t->din[1] + at, dscale, t->add[1] || begun);
            }
            if (lc_wants(c, t, 2)) {
                lc_put(t->din[2] + at, dshift, t->add[2] || begun);
            }
        }
        for (size_t i = 0; t->din[0] && i < own * area; i++) {
            double g = (double)dy[i] * (double)c->in[1]->data[(group * own + i / area) * numbers / channels];
            lc_put(t->din[0] + first + i, root * (g - sum - ((double)x[i] - mean) * root * product), t->add[0]);
        }
    }
    return LC_OK;
}

static lc_status backward(const lc_op_call *c, const lc_op_train *t)
{
    const group_params *p = c->params;
    back_run r = {c, t};
    return lc_parallel_for(c->threads, p->groups ? (size_t)p->groups : c->in[0]->dims[1], one_group_back, &r);
}

const lc_op lc_op_instance_norm = {
    .name = "instance_norm",
    .onnx = "InstanceNormalization",
    .attributes = instance_attributes,
    .params_size = sizeof(group_params),
    .flags = LC_OP_PLANAR | LC_OP_INPLACE | LC_OP_LEARNED,
    .infer = infer,
    .forward = forward,
    .keep = LC_KEEP_INPUT,
    .backward = backward,
};

const lc_op lc_op_group_norm = {
    .name = "group_norm",
    .onnx = "GroupNormalization",
    .attributes = group_attributes,
    .params_size = sizeof(group_params),
    .flags = LC_OP_PLANAR | LC_OP_INPLACE | LC_OP_LEARNED,
    .infer = infer,
    .forward = forward,
    .keep = LC_KEEP_INPUT,
    .backward = backward,
};
