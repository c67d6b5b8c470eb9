/*
 * What is on the tape: a dropout in front of the lowest trained layer drops, elsewhere below it does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "extractor/ops/shape.h"
#include "extractor/train/tape.h"
#include "tests/try.h"

enum { WIDTH = 64, BATCH = 2 };

typedef struct {
    float ratio;
    int64_t training_mode;
} dropout_params;

typedef struct {
    float alpha, beta;
    int64_t trans_a, trans_b;
} linear_params;

/* input - flatten - dropout - linear with weights 1 */
typedef struct {
    lc_graph *graph;
    float weights[WIDTH];
    size_t flat, trained;
} network;

static void make_network(network *n)
{
    const lc_axis_params flat = {.axis = 1};
    const dropout_params dropout = {.ratio = 0.5f};
    const linear_params linear = {1, 1, 0, 1};
    size_t x;
    for (size_t i = 0; i < WIDTH; i++) {
        n->weights[i] = 1;
    }
    TRY(lc_graph_new(&n->graph, NULL, NULL));
    TRY(lc_graph_input(n->graph, "input", WIDTH, 1, 1, &x));
    TRY(lc_graph_constant(n->graph, "weight", 2, (size_t[]){1, WIDTH}, n->weights, &n->trained));
    TRY(lc_graph_node(n->graph, &lc_op_flatten, "flatten", &flat, &x, 1, "flatten", &n->flat));
    TRY(lc_graph_node(n->graph, &lc_op_dropout, "dropout", &dropout, &n->flat, 1, "dropout", &x));
    TRY(lc_graph_node(n->graph, &lc_op_linear, "linear", &linear, (size_t[]){x, n->trained}, 2, "linear", &n->graph->output));
}

/* A step on pictures of ones, one loss each: how many inputs of the linear layer were not dropped, as its sums and as its gradient say. */
static void step(const network *n, bool dropout, uint64_t seed, size_t *kept)
{
    const lc_kernels *kernels;
    lc_tape *tape;
    TRY(lc_kernels_get(&kernels));
    const lc_tape_options o = {.graph = n->graph, .output = n->graph->output, .trained = &n->trained, .trained_count = 1, .batch = BATCH,
                               .dropout = dropout, .kernels = kernels};
    TRY(lc_tape_new(&tape, &o));
    assert_int_equal(lc_tape_boundaries(tape), 1);
    size_t boundary = lc_tape_boundary(tape, 0);
    assert_int_equal(boundary == n->flat, dropout);
    for (size_t i = 0; i < BATCH * WIDTH; i++) {
        lc_tape_input(tape, 0)[i] = 1;
    }
    TRY(lc_tape_forward(tape, BATCH, seed));
    const float *sums = lc_tape_value(tape, n->graph->output).data, factor = dropout ? 2 : 1;
    float *by_sums = lc_tape_gradient(tape, n->graph->output);
    double all = 0, by_weights = 0;
    for (size_t i = 0; i < BATCH; i++) {
        all += (double)(sums[i] / factor);
        by_sums[i] = 1;
    }
    TRY(lc_tape_backward(tape));
    for (size_t i = 0; i < WIDTH; i++) {
        by_weights += (double)(lc_tape_weight_gradient(tape, 0)[i] / factor);
    }
    assert_true(all == by_weights);
    *kept = (size_t)all;
    lc_tape_free(tape);
}

static void test_dropout(void **state)
{
    (void)state;
    network n;
    size_t kept, other;
    make_network(&n);
    step(&n, false, 1, &kept);
    assert_int_equal(kept, BATCH * WIDTH);
    step(&n, true, 1, &kept);
    assert_in_range(kept, 1, BATCH * WIDTH - 1);
    step(&n, true, 1, &other);
    assert_int_equal(kept, other);
    for (uint64_t seed = 2; seed < 10 && other == kept; seed++) {
        step(&n, true, seed, &other);
    }
    assert_int_not_equal(kept, other);
    lc_graph_free(n.graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dropout)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
