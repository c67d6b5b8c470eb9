/*
 * Chains of steps that run band by band (graph/bands.c): the same bytes as steps one by one, whatever the batch and the threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "extractor/graph/plan.h"
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

#define ARCH(name) {name, test_same_bytes, NULL, NULL, name}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARCH("mobilenet_v2"), /* depthwise, strides, residuals */
        ARCH("densenet121"),  /* concatenations with an epilogue */
        ARCH("squeezenet1_1"), /* pooling that rounds up, parts made in their place */
        ARCH("regnet_y_400mf"), /* groups */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
