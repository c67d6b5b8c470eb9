#include "extractor/train/source_head.h"

#include <stdlib.h>
#include <string.h>

#include "common/blas.h"
#include "common/memory.h"

/* What may stand between the head and the logits. */
static bool passes(const lc_op *op, bool *relu)
{
    *relu |= op == &lc_op_relu;
    return op == &lc_op_relu || op == &lc_op_global_avgpool || op == &lc_op_adaptive_avgpool || op == &lc_op_avgpool ||
           op == &lc_op_flatten || op == &lc_op_reshape || op == &lc_op_squeeze || op == &lc_op_identity || op == &lc_op_dropout ||
           op == &lc_op_planar || op == &lc_op_channels_last;
}

static lc_status refuse(const lc_graph *g, size_t head)
{
    return lc_fail(LC_ERR_UNSUPPORTED, "the network's last layer '%s' (%s) is not one that regularisers can keep beside the new one",
                   g->nodes[head].name, g->nodes[head].op->name);
}

/* (K, D) from the head's weights, whichever way they lie. */
static void copy_weights(lc_source_head *h, const lc_tensor *w, bool outputs_first)
{
    for (size_t k = 0; k < h->classes; k++) {
        for (size_t d = 0; d < h->width; d++) {
            h->weights[k * h->width + d] = outputs_first ? w->data[k * h->width + d] : w->data[d * h->classes + k];
        }
    }
}

lc_status lc_source_head_take(lc_source_head **out, const lc_graph *g, size_t head, size_t logits)
{
    const lc_node *n = &g->nodes[head];
    const lc_tensor *x = &g->values[n->in[0]].t, *w = &g->values[n->in[1]].t, *z = &g->values[logits].t;
    lc_source_head *h;
    bool relu = false, conv = n->op == &lc_op_conv;
    *out = NULL;
    for (size_t v = logits; v != n->out; v = g->nodes[g->values[v].node].in[0]) {
        if (g->values[v].node == LC_NO_VALUE || !passes(g->nodes[g->values[v].node].op, &relu)) {
            return refuse(g, head);
        }
    }
    size_t classes = lc_tensor_count(z), width = x->dims[x->rank - 1], all = lc_tensor_count(x);
    if ((!conv && n->op != &lc_op_linear) || lc_tensor_count(w) != classes * width || (!conv && all != width)) {
        return refuse(g, head);
    }
    LC_TRY(lc_alloc_array(&h, 1, sizeof *h));
    *h = (lc_source_head){.classes = classes, .width = width, .positions = all / width, .relu = relu};
    lc_status status = lc_alloc_array(&h->weights, classes * width, sizeof *h->weights);
    if (status == LC_OK) {
        status = lc_alloc_array(&h->bias, classes, sizeof *h->bias);
    }
    if (status != LC_OK) {
        lc_source_head_free(h);
        return status;
    }
    copy_weights(h, w, conv || w->dims[0] == classes);
    if (n->inputs > 2 && n->in[2] != LC_NO_VALUE && lc_tensor_count(&g->values[n->in[2]].t) == classes) {
        memcpy(h->bias, g->values[n->in[2]].t.data, classes * sizeof *h->bias);
    }
    *out = h;
    return LC_OK;
}

void lc_source_head_free(lc_source_head *h)
{
    if (h) {
        free(h->weights);
        free(h->bias);
        free(h);
    }
}

typedef struct {
    const lc_source_head *h;
    const float *features, *by_logits;
    float *inner, *logits, *by_features;
} work;

/* One picture: its products, then what the positions have in common. */
static lc_status forward_one(void *context, size_t i)
{
    const work *w = context;
    const lc_source_head *h = w->h;
    float *inner = w->inner + i * h->positions * h->classes, *z = w->logits + i * h->classes;
    lc_blas_gemm(true, h->positions, h->classes, h->width, w->features + i * h->positions * h->width, h->width, h->weights, h->width,
                 inner, h->classes);
    memset(z, 0, h->classes * sizeof *z);
    for (size_t p = 0; p < h->positions; p++) {
        float *row = inner + p * h->classes;
        for (size_t k = 0; k < h->classes; k++) {
            row[k] += h->bias[k];
            z[k] += h->relu && row[k] < 0 ? 0 : row[k];
        }
    }
    for (size_t k = 0; k < h->classes; k++) {
        z[k] /= (float)h->positions;
    }
    return LC_OK;
}

/* In place, inner becomes the gradient by itself; then its product with the weights is added, by way of a row of its own. */
static lc_status back_one(void *context, size_t i)
{
    const work *w = context;
    const lc_source_head *h = w->h;
    size_t count = h->positions * h->width;
    float *inner = w->inner + i * h->positions * h->classes, *to = w->by_features + i * count, *product;
    const float *dz = w->by_logits + i * h->classes;
    LC_TRY(lc_alloc_raw(&product, count, sizeof *product));
    for (size_t p = 0; p < h->positions; p++) {
        float *row = inner + p * h->classes;
        for (size_t k = 0; k < h->classes; k++) {
            row[k] = h->relu && row[k] <= 0 ? 0 : dz[k] / (float)h->positions;
        }
    }
    lc_blas_gemm(false, h->positions, h->width, h->classes, inner, h->classes, h->weights, h->width, product, h->width);
    for (size_t j = 0; j < count; j++) {
        to[j] += product[j];
    }
    free(product);
    return LC_OK;
}

lc_status lc_source_head_forward(const lc_source_head *h, size_t n, const float *features, float *inner, float *logits, lc_threads *threads)
{
    work w = {.h = h, .features = features, .inner = inner, .logits = logits};
    return lc_parallel_for(threads, n, forward_one, &w);
}

lc_status lc_source_head_back(const lc_source_head *h, size_t n, float *inner, const float *by_logits, float *by_features,
                              lc_threads *threads)
{
    work w = {.h = h, .by_logits = by_logits, .inner = inner, .by_features = by_features};
    return lc_parallel_for(threads, n, back_one, &w);
}
