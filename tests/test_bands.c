/*
 * Chains of steps that run band by band (graph/bands.c), and sums in the place of an addend (graph/plan.c): the same bytes as
 * steps one by one with a place for each, whatever the batch and the threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "extractor/graph/plan.h"
#include "extractor/ops/window.h"
#include "tests/state_dicts.h"

enum { HEIGHT = 150, WIDTH = 131, PICTURES = 5 }; /* odd maps on the way down */
enum { CHANNELS = 24, LAYERS = 5, DRAWS = 20 };

/* Tap `i` of the network alone, for a batch and threads: its plan has chains where the one of all taps has none. Returns the
 * steps of its longest one. */
static size_t check_alone(const network *n, size_t i, const float *x, size_t batch, size_t threads)
{
    lc_plan *plan;
    lc_exec *exec;
    lc_threads *pool = NULL;
    const lc_graph *g = n->model.graph;
    size_t picture = lc_tensor_count(&g->values[g->input].t), longest = 0;
    if (threads > 1) {
        TRY(lc_threads_new(&pool, threads));
    }
    TRY(lc_plan_new(&plan, g, &n->taps.taps[i].value, 1, batch, LC_FLOAT32, n->plan->kernels, pool));
    TRY(lc_exec_new(&exec, plan, threads));
    memcpy(lc_exec_input(exec), x, batch * picture * sizeof *x);
    TRY(lc_exec_run(exec, batch, pool));
    lc_tensor all = lc_exec_tap(n->exec, i), alone = lc_exec_tap(exec, 0);
    size_t bytes = lc_tensor_count(&all) * sizeof(float);
    if (memcmp(all.data, (char *)alone.data + (batch - 1) * bytes, bytes) != 0) {
        fail_msg("tap %s differs when it is computed alone, batch %zu, %zu threads", n->taps.taps[i].name, batch, threads);
    }
    for (size_t s = 0; s < plan->step_count; s = plan->chains[s].end) {
        size_t steps = plan->chains[s].end - s;
        longest = steps > longest ? steps : longest;
    }
    lc_exec_free(exec);
    lc_plan_free(plan);
    lc_threads_free(pool);
    return longest;
}

/* Every `step`-th tap, alone, in batches and by threads. Returns the steps of the longest chain. */
static size_t check_taps(network *n, size_t step)
{
    size_t picture = lc_tensor_count(&n->model.graph->values[n->model.graph->input].t), longest = 0;
    lc_rng rng = lc_rng_new(3, 0);
    float *x = malloc(PICTURES * picture * sizeof *x);
    for (size_t i = 0; i < PICTURES * picture; i++) {
        x[i] = (float)lc_rng_uniform(&rng) - 0.5f;
    }
    for (size_t i = 0; i < n->taps.count; i += step) {
        for (size_t batch = 1; batch <= PICTURES; batch += PICTURES - 1) {
            memcpy(lc_exec_input(n->exec), x + (batch - 1) * picture, picture * sizeof *x); /* the last of the batch */
            TRY(lc_exec_run(n->exec, 1, NULL));
            for (size_t threads = 1; threads <= 3; threads++) {
                size_t steps = check_alone(n, i, x, batch, threads);
                longest = steps > longest ? steps : longest;
            }
        }
    }
    free(x);
    return longest;
}

static void test_architecture(void **state)
{
    dict d = dict_of(*state, 10);
    network n;
    finish(&d, true);
    start(&n, &d.map, HEIGHT, WIDTH);
    assert_true(check_taps(&n, 1 + n.taps.count / 8) > 1);
    stop(&n);
    drop(&d);
}

/* A depthwise convolution or a pooling of drawn height, stride, padding and dilation. False: it does not fit. */
static bool add_layer(lc_graph *g, lc_rng *rng, size_t i, const float *weights, size_t *value)
{
    bool pool = lc_rng_below(rng, 4) == 0;
    size_t in[2] = {*value}, kernel = 1 + lc_rng_below(rng, 5), pads = pool ? kernel : 9;
    size_t stride = lc_rng_below(rng, 3) ? 1 : 2 + lc_rng_below(rng, 3), dims[4] = {CHANNELS, 1, kernel, 3};
    lc_window_params w = {.kernel_shape = {2, {(int64_t)kernel, 3}},
                          .strides = {2, {(int64_t)stride, 1}},
                          .pads = {4, {(int64_t)lc_rng_below(rng, pads), 1, (int64_t)lc_rng_below(rng, pads), 1}},
                          .dilations = {2, {pool ? 1 : 1 + (int64_t)lc_rng_below(rng, 2), 1}}};
    char name[16], constant[16];
    snprintf(name, sizeof name, "layer%zu", i);
    snprintf(constant, sizeof constant, "weights%zu", i);
    if (pool) {
        return lc_graph_node(g, &lc_op_maxpool, name, &(lc_pool_params){.window = w}, in, 1, name, value) == LC_OK;
    }
    TRY(lc_graph_constant(g, constant, 4, dims, weights, &in[1]));
    return lc_graph_node(g, &lc_op_conv, name, &(lc_conv_params){.window = w, .group = CHANNELS}, in, 2, name, value) == LC_OK;
}

/* Strides beyond the kernel and padding beyond it, which no architecture has but a file may. */
static void test_geometry(void **state)
{
    (void)state;
    size_t chained = 0;
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        lc_rng rng = lc_rng_new(17, draw);
        network n = {0};
        float weights[5 * 3 * CHANNELS];
        size_t value;
        for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
            weights[i] = (float)lc_rng_uniform(&rng) - 0.5f;
        }
        TRY(lc_graph_new(&n.model.graph, NULL, NULL));
        TRY(lc_graph_input(n.model.graph, "x", CHANNELS, 90 + lc_rng_below(&rng, 9), 80, &value));
        for (size_t i = 0; i < LAYERS && add_layer(n.model.graph, &rng, i, weights, &value); i++) {
            n.model.graph->output = value;
        }
        watch(&n);
        chained += check_taps(&n, 1) > 1;
        stop(&n);
    }
    assert_true(chained > DRAWS / 2);
}

/* Convolutions one behind the other (3x3 by Winograd, or 1x1), most of them with a drawn earlier value added: some addends die
 * there, so that the sum may take their place, and some are read again. `weights` stay the caller's. */
static void draw_sums(network *n, float *weights, lc_rng *rng)
{
    size_t values[2 * LAYERS + 1], count = 1, in[2], side = lc_rng_below(rng, 2) ? 90 : 12; /* maps of a chain, or not */
    lc_graph *g;
    for (size_t i = 0; i < CHANNELS * CHANNELS * 9; i++) {
        weights[i] = ((float)lc_rng_uniform(rng) - 0.5f) / CHANNELS;
    }
    TRY(lc_graph_new(&n->model.graph, NULL, NULL));
    g = n->model.graph;
    TRY(lc_graph_input(g, "x", CHANNELS, side, 80, &values[0]));
    for (size_t i = 0; i < LAYERS; i++) {
        char name[16], constant[16], sum[16];
        size_t kernel = lc_rng_below(rng, 2) ? 3 : 1, dims[] = {CHANNELS, CHANNELS, kernel, kernel};
        int64_t k = (int64_t)kernel, pad = kernel == 3;
        lc_conv_params p = {.window = {.kernel_shape = {2, {k, k}}, .strides = {2, {1, 1}}, .pads = {4, {pad, pad, pad, pad}},
                                       .dilations = {2, {1, 1}}}, .group = 1};
        snprintf(name, sizeof name, "layer%zu", i);
        snprintf(constant, sizeof constant, "weights%zu", i);
        snprintf(sum, sizeof sum, "sum%zu", i);
        in[0] = values[count - 1];
        TRY(lc_graph_constant(g, constant, 4, dims, weights, &in[1]));
        TRY(lc_graph_node(g, &lc_op_conv, name, &p, in, 2, name, &values[count++]));
        if (lc_rng_below(rng, 4)) {
            in[0] = values[count - 1];
            in[1] = values[lc_rng_below(rng, count - 1)];
            TRY(lc_graph_node(g, &lc_op_add, sum, NULL, in, 2, sum, &values[count++]));
        }
    }
    g->output = values[count - 1];
}

static void test_sums(void **state)
{
    (void)state;
    float weights[CHANNELS * CHANNELS * 9];
    size_t overwritten = 0, kept = 0;
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        lc_rng rng = lc_rng_new(29, draw);
        network n = {0};
        lc_plan *plan;
        draw_sums(&n, weights, &rng);
        watch(&n);
        check_taps(&n, 1);
        TRY(lc_plan_new(&plan, n.model.graph, &n.model.graph->output, 1, 1, LC_FLOAT32, n.plan->kernels, NULL));
        for (size_t s = 0; s < plan->step_count; s++) {
            size_t addend = plan->steps[s].residual;
            if (addend != LC_NO_VALUE) {
                bool same = plan->places[addend].offset == plan->places[plan->steps[s].out].offset;
                *(same ? &overwritten : &kept) += 1;
            }
        }
        lc_plan_free(plan);
        stop(&n);
    }
    assert_true(overwritten > 0);
    assert_true(kept > 0);
}

#define ARCH(name) {name, test_architecture, NULL, NULL, name}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_geometry),
        cmocka_unit_test(test_sums),
        ARCH("mobilenet_v2"), /* depthwise, strides, residuals */
        ARCH("densenet121"),  /* concatenations with an epilogue */
        ARCH("squeezenet1_1"), /* pooling that rounds up, parts made in their place */
        ARCH("regnet_y_400mf"), /* groups */
        ARCH("efficientnet_b0"), /* functions folded in, kernels of 5x5 */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
