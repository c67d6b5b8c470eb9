/*
 * "embedded": a small residual network (He et al., arXiv:1512.03385) that needs no file. Its filters are random, drawn
 * from a fixed seed: enough to try every command, and a floor to hold a trained network against. It says so.
 *
 * Filters are uniform within +- sqrt(6 / fan-in) (He et al., arXiv:1502.01852), drawn by integer arithmetic and square
 * roots only, so that they are the same numbers everywhere.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/rng.h"
#include "extractor/models/models.h"
#include "extractor/ops/shape.h"
#include "extractor/ops/window.h"

enum { SEED = 20261122, INPUT = 64, STAGES = 4, BLOCKS = 2, WIDTH = 32 };

typedef struct {
    lc_graph *g;
    float *weights; /* what the graph owns */
    size_t used;    /* floats of it */
    uint64_t layer;
} builder;

/* x (N,H,W,in_c) -> (N,H/stride,W/stride,out_c), the window padded to keep the size */
static lc_status conv(builder *b, const char *name, size_t in_c, size_t out_c, int64_t kernel, int64_t stride, size_t in, size_t *out)
{
    int64_t pad = kernel / 2;
    size_t dims[] = {out_c, in_c, (size_t)kernel, (size_t)kernel}, fan_in = in_c * dims[2] * dims[3], weights;
    lc_conv_params p = {
        .window = {.kernel_shape = {2, {kernel, kernel}}, .strides = {2, {stride, stride}}, .pads = {4, {pad, pad, pad, pad}}},
        .group = 1,
    };
    float *w = b->weights + b->used, limit = sqrtf(6.0f / (float)fan_in);
    lc_rng rng = lc_rng_new(SEED, b->layer++);
    for (size_t i = 0; i < out_c * fan_in; i++) {
        w[i] = limit * (float)(2 * lc_rng_uniform(&rng) - 1);
    }
    b->used += out_c * fan_in;
    LC_TRY(lc_graph_constant(b->g, name, 4, dims, w, &weights));
    return lc_graph_node(b->g, &lc_op_conv, name, &p, (size_t[]){in, weights}, 2, name, out);
}

static lc_status node(builder *b, const lc_op *op, const char *name, const size_t *in, size_t inputs, size_t *out)
{
    return lc_graph_node(b->g, op, name, NULL, in, inputs, name, out);
}

/* layer<stage>.<block>: relu(shortcut(x) + conv2(relu(conv1(x)))), the shortcut a 1x1 convolution where shapes change */
static lc_status block(builder *b, size_t stage, size_t index, size_t *x, size_t *channels)
{
    char name[5][40];
    const char *parts[] = {"conv1", "relu", "conv2", "downsample", "add"};
    size_t width = (size_t)WIDTH << stage, sum[2] = {0, *x};
    int64_t stride = index == 0 && stage > 0 ? 2 : 1;
    for (size_t i = 0; i < 5; i++) {
        snprintf(name[i], sizeof name[i], "layer%zu.%zu.%s", stage + 1, index, parts[i]);
    }
    LC_TRY(conv(b, name[0], *channels, width, 3, stride, *x, &sum[0]));
    LC_TRY(node(b, &lc_op_relu, name[1], &sum[0], 1, &sum[0]));
    LC_TRY(conv(b, name[2], width, width, 3, 1, sum[0], &sum[0]));
    if (stride != 1) {
        LC_TRY(conv(b, name[3], *channels, width, 1, stride, *x, &sum[1]));
    }
    LC_TRY(node(b, &lc_op_add, name[4], sum, 2, x));
    snprintf(name[1], sizeof name[1], "layer%zu.%zu.relu_1", stage + 1, index);
    *channels = width;
    return node(b, &lc_op_relu, name[1], x, 1, x);
}

static lc_status build(builder *b)
{
    size_t x, channels = WIDTH;
    LC_TRY(lc_graph_input(b->g, "input", 3, INPUT, INPUT, &x));
    LC_TRY(conv(b, "conv1", 3, WIDTH, 3, 2, x, &x));
    LC_TRY(node(b, &lc_op_relu, "relu", &x, 1, &x));
    for (size_t stage = 0; stage < STAGES; stage++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            LC_TRY(block(b, stage, i, &x, &channels));
        }
    }
    LC_TRY(node(b, &lc_op_global_avgpool, "avgpool", &x, 1, &x));
    lc_axis_params flat = {.axis = 1};
    return lc_graph_node(b->g, &lc_op_flatten, "flatten", &flat, &x, 1, "flatten", &b->g->output);
}

/* Floats of all filters. */
static size_t weight_count(void)
{
    size_t n = 3 * WIDTH * 9, channels = WIDTH;
    for (size_t stage = 0; stage < STAGES; stage++) {
        size_t width = (size_t)WIDTH << stage;
        n += (channels + width) * width * 9 + (BLOCKS - 1) * 2 * width * width * 9 + (stage ? channels * width : 0);
        channels = width;
    }
    return n;
}

static bool sniff(const char *name, const lc_mapping *file)
{
    return !file->data && strcmp(name, "embedded") == 0;
}

static lc_status open_embedded(lc_model *out, const char *name, const lc_mapping *file, const char *arch)
{
    (void)name;
    (void)arch;
    (void)file;
    builder b = {0};
    size_t n = weight_count();
    LC_TRY(lc_alloc_array(&b.weights, n, sizeof(float)));
    LC_TRY(lc_graph_new(&out->graph, b.weights, free));
    b.g = out->graph;
    lc_status status = build(&b);
    if (status != LC_OK) {
        lc_model_free(out);
        return status;
    }
    out->identity = b.weights;
    out->identity_size = n * sizeof(float);
    out->note = "random filters from a fixed seed, not a trained network: good to try the commands, and as a floor";
    return LC_OK;
}

const lc_model_format lc_model_format_embedded = {.name = "embedded", .sniff = sniff, .open = open_embedded};
