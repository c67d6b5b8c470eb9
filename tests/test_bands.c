/*
 * Chains of steps that run band by band (graph/bands.c): the same bytes as steps one by one, whatever the batch and the threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "extractor/graph/plan.h"
#include "extractor/ops/window.h"
#include "tests/state_dicts.h"

enum { HEIGHT = 150, WIDTH = 131, PICTURES = 5 }; /* odd maps on the way down */

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

static void test_same_bytes(void **state)
{
    const char *arch = *state;
    dict d = dict_of(arch, 10);
    network n;
    finish(&d, true);
    start(&n, &d.map, HEIGHT, WIDTH);
    size_t picture = lc_tensor_count(&n.model.graph->values[n.model.graph->input].t), longest = 0;
    lc_rng rng = lc_rng_new(3, 0);
    float *x = malloc(PICTURES * picture * sizeof *x);
    for (size_t i = 0; i < PICTURES * picture; i++) {
        x[i] = (float)lc_rng_uniform(&rng) - 0.5f;
    }
    for (size_t i = 0; i < n.taps.count; i += 1 + n.taps.count / 8) {
        for (size_t batch = 1; batch <= PICTURES; batch += PICTURES - 1) {
            memcpy(lc_exec_input(n.exec), x + (batch - 1) * picture, picture * sizeof *x); /* the last of the batch */
            TRY(lc_exec_run(n.exec, 1, NULL));
            for (size_t threads = 1; threads <= 3; threads++) {
                size_t steps = check_alone(&n, i, x, batch, threads);
                longest = steps > longest ? steps : longest;
            }
        }
    }
    assert_true(longest > 1);
    free(x);
    stop(&n);
    drop(&d);
}

/* One step along the height of a map: a convolution of groups, or the maximum of a window. */
typedef struct {
    int64_t kernel, stride, top, bottom, dilation, groups; /* groups 0: maximum */
} window_step;

enum { CHANNELS = 16, LONG = 1203, NARROW = 16, MOST_STEPS = 5 };

/* Rows of a map that a chain keeps, for any windows: the bytes of the last step alone, whose plan has a chain, and of every
 * step by itself. Returns whether there was a chain. */
static bool check_windows(const window_step *steps, size_t count, uint64_t seed)
{
    static float weights[CHANNELS * CHANNELS * 8], x[LONG * NARROW * CHANNELS];
    const lc_kernels *kernels;
    lc_graph *g;
    lc_plan *whole;
    lc_exec *by_step;
    size_t values[MOST_STEPS], value;
    bool chained = false;
    lc_rng rng = lc_rng_new(seed, 0);
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        weights[i] = (float)lc_rng_uniform(&rng) - 0.5f;
    }
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        x[i] = (float)lc_rng_uniform(&rng) - 0.5f;
    }
    TRY(lc_kernels_get(&kernels));
    TRY(lc_graph_new(&g, NULL, NULL));
    TRY(lc_graph_input(g, "input", CHANNELS, LONG, NARROW, &value));
    for (size_t i = 0; i < count; i++) {
        const window_step *s = &steps[i];
        lc_window_params w = {.kernel_shape = {2, {s->kernel, 1}}, .strides = {2, {s->stride, 1}},
                              .pads = {4, {s->top, 0, s->bottom, 0}}, .dilations = {2, {s->dilation, 1}}};
        lc_conv_params conv = {w, s->groups};
        lc_pool_params pool = {.window = w};
        size_t in[] = {value, 0}, dims[] = {CHANNELS, CHANNELS / (size_t)(s->groups ? s->groups : 1), (size_t)s->kernel, 1};
        if (s->groups) {
            TRY(lc_graph_constant(g, "weights", 4, dims, weights, &in[1]));
        }
        TRY(lc_graph_node(g, s->groups ? &lc_op_conv : &lc_op_maxpool, "", s->groups ? (void *)&conv : (void *)&pool, in,
                          s->groups ? 2 : 1, "step", &value));
        values[i] = value;
    }
    g->output = value;
    TRY(lc_plan_new(&whole, g, values, count, 1, LC_FLOAT32, kernels, NULL));
    TRY(lc_exec_new(&by_step, whole, 1));
    memcpy(lc_exec_input(by_step), x, sizeof x);
    TRY(lc_exec_run(by_step, 1, NULL));
    lc_tensor expected = lc_exec_tap(by_step, count - 1);
    for (size_t threads = 1; threads <= 3; threads++) {
        lc_threads *pool = NULL;
        lc_plan *plan;
        lc_exec *exec;
        if (threads > 1) {
            TRY(lc_threads_new(&pool, threads));
        }
        TRY(lc_plan_new(&plan, g, &values[count - 1], 1, 1, LC_FLOAT32, kernels, pool));
        TRY(lc_exec_new(&exec, plan, threads));
        memcpy(lc_exec_input(exec), x, sizeof x);
        TRY(lc_exec_run(exec, 1, pool));
        if (memcmp(expected.data, lc_exec_tap(exec, 0).data, lc_tensor_count(&expected) * sizeof(float)) != 0) {
            fail_msg("case %llu differs in a chain, %zu threads", (unsigned long long)seed, threads);
        }
        for (size_t s = 0; s < plan->step_count; s++) {
            chained = chained || plan->chains[s].end - plan->chains[s].begin > 1;
        }
        lc_exec_free(exec);
        lc_plan_free(plan);
        lc_threads_free(pool);
    }
    lc_exec_free(by_step);
    lc_plan_free(whole);
    lc_graph_free(g);
    return chained;
}

/* Rows that no window reads. */
static void test_skipped_rows(void **state)
{
    (void)state;
    assert_true(check_windows((const window_step[]){{1, 1, 0, 0, 1, 1}, {1, 2, 0, 0, 1, 1}}, 2, 1));
    assert_true(check_windows((const window_step[]){{1, 1, 0, 0, 1, 1}, {1, 2, 0, 0, 1, 0}, {2, 1, 1, 1, 1, 2}}, 3, 2));
}

/* Windows that lie in the padding altogether. */
static void test_padding_alone(void **state)
{
    (void)state;
    assert_true(check_windows((const window_step[]){{1, 1, 0, 0, 1, 1}, {1, 1, 9, 9, 1, 1}}, 2, 3));
    assert_true(check_windows((const window_step[]){{1, 1, 0, 0, 1, 1}, {1, 2, 0, 0, 1, 1}, {1, 1, 900, 900, 1, 1}}, 3, 4));
}

static void test_any_windows(void **state)
{
    (void)state;
    size_t chained = 0;
    for (uint64_t seed = 100; seed < 160; seed++) {
        window_step steps[MOST_STEPS] = {{1, 1, 0, 0, 1, 1}};
        lc_rng rng = lc_rng_new(seed, 1);
        size_t count = 2 + lc_rng_below(&rng, MOST_STEPS - 1);
        for (size_t i = 1; i < count; i++) {
            window_step *s = &steps[i];
            *s = (window_step){1 + (int64_t)lc_rng_below(&rng, 5), 1 + (int64_t)lc_rng_below(&rng, 3), 0, 0,
                               1 + (int64_t)lc_rng_below(&rng, 2), (int64_t)lc_rng_below(&rng, 4)};
            s->groups = s->groups == 3 ? CHANNELS : s->groups; /* maximum, 1, 2, depthwise */
            s->top = (int64_t)lc_rng_below(&rng, s->groups ? 12 : (uint64_t)s->kernel);
            s->bottom = (int64_t)lc_rng_below(&rng, s->groups ? 12 : (uint64_t)s->kernel);
        }
        chained += check_windows(steps, count, seed);
    }
    assert_true(chained > 30);
}

#define ARCH(name) {name, test_same_bytes, NULL, NULL, name}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_skipped_rows),
        cmocka_unit_test(test_padding_alone),
        cmocka_unit_test(test_any_windows),
        ARCH("mobilenet_v2"), /* depthwise, strides, residuals */
        ARCH("densenet121"),  /* concatenations with an epilogue */
        ARCH("squeezenet1_1"), /* pooling that rounds up, parts made in their place */
        ARCH("regnet_y_400mf"), /* groups */
        ARCH("efficientnet_b0"), /* functions folded in, kernels of 5x5 */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
