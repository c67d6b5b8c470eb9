/*
 * Optimisers, as PyTorch computes them: the same operations in the same order, in float32.
 */
#include <math.h>
#include <string.h>

#include "extractor/train/train.h"

#define LC_OPTIMIZER(name) &lc_optimizer_##name,
const lc_optimizer *const lc_optimizers[] = {
#include "extractor/train/optimizer_list.inc"
    NULL,
};
#undef LC_OPTIMIZER

lc_status lc_optimizer_find(const char *name, const lc_optimizer **out)
{
    for (size_t i = 0; lc_optimizers[i]; i++) {
        if (strcmp(lc_optimizers[i]->name, name) == 0) {
            *out = lc_optimizers[i];
            return LC_OK;
        }
    }
    return lc_fail(LC_ERR_NOTFOUND, "no optimiser is called '%s'; there are sgd and adamw", name);
}

/*
 * Gradient descent with momentum (Sutskever et al., ICML 2013), weight decay as part of the gradient: g = dw + decay w, v = momentum v + g,
 * w -= rate v, or with Nesterov's momentum w -= rate (g + momentum v). v starts as the first g, which 0 + g is.
 */
static void step_sgd(const lc_optimizer_step *s, const lc_parameter *p, size_t first, size_t end)
{
    float *restrict w = p->data, *restrict v = p->slot[0];
    const float *restrict gradient = p->gradient;
    for (size_t i = first; i < end; i++) {
        float g = gradient[i] + s->decay * w[i];
        v[i] = s->momentum * v[i] + g;
        w[i] -= s->rate * (s->nesterov ? g + s->momentum * v[i] : v[i]);
    }
}

const lc_optimizer lc_optimizer_sgd = {
    .name = "sgd",
    .summary = "gradient descent with momentum",
    .rate = 0.01,
    .decay = 1e-4,
    .slots = 1,
    .step = step_sgd,
};

/*
 * Adam (Kingma and Ba, arXiv:1412.6980, algorithm 1) with decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101, algorithm 2):
 * w -= rate decay w; m and v are moving averages of g and g^2, divided by 1 - beta^step; w -= rate m / (sqrt(v) + epsilon).
 */
static void step_adamw(const lc_optimizer_step *s, const lc_parameter *p, size_t first, size_t end)
{
    float *restrict w = p->data, *restrict m = p->slot[0], *restrict v = p->slot[1];
    const float *restrict g = p->gradient;
    double step = (double)s->step;
    float rate = (float)((double)s->rate / (1 - pow((double)s->beta1, step)));
    float root = (float)sqrt(1 - pow((double)s->beta2, step)), keep = 1 - s->rate * s->decay;
    for (size_t i = first; i < end; i++) {
        m[i] = s->beta1 * m[i] + (1 - s->beta1) * g[i];
        v[i] = s->beta2 * v[i] + (1 - s->beta2) * g[i] * g[i];
        w[i] = w[i] * keep - rate * (m[i] / (sqrtf(v[i]) / root + s->epsilon));
    }
}

const lc_optimizer lc_optimizer_adamw = {
    .name = "adamw",
    .summary = "Adam with decoupled weight decay",
    .rate = 1e-3,
    .decay = 1e-2,
    .slots = 2,
    .step = step_adamw,
};
