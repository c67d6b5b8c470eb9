/* Weights as training begins with them. */
#include <math.h>
#include <stdlib.h>

#include "common/memory.h"
#include "common/rng.h"
#include "extractor/network.h"

static const float LAYER_SCALE = 1e-6f; /* torchvision's */

bool lc_architecture_known(const char *arch)
{
    return lc_arch_find(arch) != NULL;
}

/* The constant in memory of the network's own; NULL: none, or begun already for another node. */
static lc_status own(lc_network *net, size_t value, bool *seen, float **out)
{
    *out = NULL;
    if (value == LC_NO_VALUE || !net->model.graph->values[value].t.data || seen[value]) {
        return LC_OK;
    }
    seen[value] = true;
    return lc_network_replace(net, value, lc_tensor_count(&net->model.graph->values[value].t), out);
}

static void uniform(float *out, size_t count, double limit, lc_rng *rng)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = (float)(limit * (2 * lc_rng_uniform(rng) - 1));
    }
}

/* torch.nn.Linear and Conv2d: kaiming_uniform_(a = sqrt(5)) is uniform within 1 / sqrt(fan-in), and so is the bias. */
void lc_begin_like_torch(float *weights, size_t count, size_t fan_in, float *bias, size_t biases, uint64_t seed, uint64_t stream)
{
    lc_rng rng = lc_rng_new(seed, stream);
    double limit = 1 / sqrt((double)fan_in);
    uniform(weights, count, limit, &rng);
    if (bias) {
        uniform(bias, biases, limit, &rng);
    }
}

/* A number per channel, as a depthwise convolution of one pixel without bias: layer scale (Touvron et al., arXiv:2103.17239), by which a
 * residual branch begins as almost nothing. */
static bool is_layer_scale(const lc_graph *g, const lc_node *n)
{
    const lc_tensor *w = &g->values[n->in[1]].t, *out = &g->values[n->out].t;
    return n->op == &lc_op_conv && n->inputs == 2 && w->rank == 4 && lc_tensor_count(w) == w->dims[0] && w->dims[0] > 1 &&
           g->values[n->in[0]].t.dims[out->rank - 1] == w->dims[0];
}

static lc_status begin_layer(lc_network *net, const lc_node *n, uint64_t seed, uint64_t stream, bool *seen)
{
    const lc_graph *g = net->model.graph;
    const lc_tensor *w = &g->values[n->in[1]].t, *out = &g->values[n->out].t;
    float *weights, *bias = NULL;
    LC_TRY(own(net, n->in[1], seen, &weights));
    LC_TRY(n->inputs > 2 ? own(net, n->in[2], seen, &bias) : LC_OK);
    size_t count = lc_tensor_count(w), outputs = out->dims[out->rank - 1];
    if (weights && is_layer_scale(g, n)) {
        for (size_t i = 0; i < count; i++) {
            weights[i] = LAYER_SCALE;
        }
    } else if (weights && w->rank > 2) { /* (K,C/g,kh,kw), of a transposed convolution (C,K/g,kh,kw): fan-out is all but the second */
        lc_rng rng = lc_rng_new(seed, stream);
        double deviation = sqrt(2 / ((double)count / (double)(w->dims[1] ? w->dims[1] : 1)));
        for (size_t i = 0; i < count; i++) {
            weights[i] = (float)(deviation * lc_rng_normal(&rng));
        }
    } else if (weights) {
        lc_begin_like_torch(weights, count, outputs && count >= outputs ? count / outputs : 1, bias, outputs, seed, stream);
    }
    return LC_OK;
}

/* Scale 1, shift 0; statistics of a batch normalisation: mean 0, variance 1. */
static lc_status begin_normalisation(lc_network *net, const lc_node *n, bool *seen)
{
    static const float begin[] = {0, 1, 0, 0, 1};
    for (size_t i = 1; i < n->inputs && i < 5; i++) {
        float *numbers;
        LC_TRY(own(net, n->in[i], seen, &numbers));
        for (size_t j = 0; numbers && j < lc_tensor_count(&net->model.graph->values[n->in[i]].t); j++) {
            numbers[j] = begin[i];
        }
    }
    return LC_OK;
}

lc_status lc_network_begin(lc_network *net, size_t first, uint64_t seed)
{
    const lc_graph *g = net->model.graph;
    bool *seen;
    LC_TRY(lc_alloc_array(&seen, g->value_count, sizeof *seen));
    lc_status status = LC_OK;
    for (size_t i = first; i < g->node_count && status == LC_OK; i++) {
        const lc_node *n = &g->nodes[i];
        bool constant = n->inputs > 1 && n->in[1] != LC_NO_VALUE && g->values[n->in[1]].t.data;
        if (constant && (n->op->flags & LC_OP_WEIGHTED)) {
            status = begin_layer(net, n, seed, i, seen);
        } else if (constant && (n->op->flags & LC_OP_LEARNED) && n->inputs > 2) {
            status = begin_normalisation(net, n, seen);
        }
    }
    free(seen);
    return status;
}
