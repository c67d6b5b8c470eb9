/* A network whose weights are drawn anew: what its architecture gives without training. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/rng.h"
#include "common/sha256.h"
#include "extractor/network.h"

/* Puts numbers of the network's own in place of a constant; *out is them. NULL where it is no constant, or was drawn
 * already for another node. */
static lc_status replace(lc_network *net, size_t value, bool *seen, float **out)
{
    *out = NULL;
    if (value == LC_NO_VALUE || !net->model.graph->values[value].t.data || seen[value]) {
        return LC_OK;
    }
    seen[value] = true;
    return lc_network_replace(net, value, lc_tensor_count(&net->model.graph->values[value].t), out);
}

/* Numbers that a number of the output is a sum over: of a convolution's weights (K,C/g,kh,kw), of a transposed one's
 * (C,K/g,kh,kw), of a matrix. */
static size_t fan_in(const lc_graph *g, const lc_node *n)
{
    const lc_tensor *w = &g->values[n->in[1]].t, *out = &g->values[n->out].t;
    size_t count = lc_tensor_count(w), outputs = out->dims[out->rank - 1];
    if (w->rank > 2) {
        outputs = n->op == &lc_op_conv_transpose ? w->dims[1] : w->dims[0];
    }
    return outputs && count > outputs ? count / outputs : 1;
}

static lc_status draw_layer(lc_network *net, const lc_node *n, uint64_t seed, uint64_t stream, bool *seen)
{
    const lc_graph *g = net->model.graph;
    float *weights, *bias = NULL;
    LC_TRY(replace(net, n->in[1], seen, &weights));
    LC_TRY(n->inputs > 2 ? replace(net, n->in[2], seen, &bias) : LC_OK);
    if (weights) {
        double deviation = sqrt(2.0 / (double)fan_in(g, n));
        lc_rng rng = lc_rng_new(seed, stream);
        for (size_t i = 0; i < lc_tensor_count(&g->values[n->in[1]].t); i++) {
            weights[i] = (float)(deviation * lc_rng_normal(&rng));
        }
    }
    return LC_OK;
}

/* Scale 1, shift 0; statistics of a batch normalisation: mean 0, variance 1. A number each for other learned layers
 * (PReLU) stays what it was. */
static lc_status reset_normalisation(lc_network *net, const lc_node *n, bool *seen)
{
    const lc_graph *g = net->model.graph;
    static const float begin[] = {0, 1, 0, 0, 1};
    for (size_t i = 1; i < n->inputs && i < 5; i++) {
        float *numbers;
        LC_TRY(replace(net, n->in[i], seen, &numbers));
        for (size_t j = 0; numbers && j < lc_tensor_count(&g->values[n->in[i]].t); j++) {
            numbers[j] = begin[i];
        }
    }
    return LC_OK;
}

static lc_status rename_network(lc_network *net, uint64_t seed)
{
    char text[128], *name;
    uint8_t digest[LC_SHA256_SIZE];
    int length = snprintf(text, sizeof text, "random %llu of %s", (unsigned long long)seed, net->sha256);
    LC_TRY(lc_sprintf(&name, "%s-random", net->name));
    LC_TRY(lc_sha256(text, (size_t)length, digest));
    lc_sha256_hex(digest, net->sha256);
    free(net->name);
    net->name = name;
    net->info.name = name;
    net->info.note = "random weights in place of the file's: a floor, not a trained network";
    return LC_OK;
}

lc_status lc_network_randomise(lc_network *net, uint64_t seed)
{
    const lc_graph *g = net->model.graph;
    bool *seen;
    size_t layers = 0;
    LC_TRY(lc_alloc_array(&seen, g->value_count, sizeof *seen));
    lc_status status = LC_OK;
    for (size_t i = 0; i < g->node_count && status == LC_OK; i++) {
        const lc_node *n = &g->nodes[i];
        bool constant = n->inputs > 1 && n->in[1] != LC_NO_VALUE && g->values[n->in[1]].t.data;
        if (constant && (n->op->flags & LC_OP_WEIGHTED)) {
            status = draw_layer(net, n, seed, i, seen);
            layers++;
        } else if (constant && (n->op->flags & LC_OP_LEARNED) && n->inputs > 2) {
            status = reset_normalisation(net, n, seen);
        }
    }
    free(seen);
    LC_TRY(status);
    return layers ? rename_network(net, seed)
                  : lc_fail(LC_ERR_UNSUPPORTED, "%s has no layer with weights that could be random", net->name);
}
