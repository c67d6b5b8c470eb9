/*
 * Every regulariser in a small network of each kind of head: the gradient of its penalty by every trained weight equals
 * central differences, for one and three threads the same bytes, and it begins where its definition says.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/memory.h"
#include "common/rng.h"
#include "extractor/ops/shape.h"
#include "extractor/ops/window.h"
#include "extractor/train/regularizer.h"
#include "tests/try.h"

enum { SIDE = 8, FLOATS = SIDE * SIDE * 3, PICTURES = 7, BATCH = 4, CLASSES = 3, SOURCE_CLASSES = 5, WIDTH = 6, WEIGHTS = 4 };

static const size_t sizes[WEIGHTS] = {5 * 3 * 9, 5, WIDTH * 5 * 9, SOURCE_CLASSES *WIDTH}; /* at most, of the head */

typedef struct {
    lc_graph *graph;
    float *weights[WEIGHTS + 1];
    size_t values[WEIGHTS + 1], features, head;
} network;

typedef struct {
    float alpha, beta;
    int64_t trans_a, trans_b;
} linear_params;

static float *drawn(uint64_t stream, size_t n, double scale)
{
    lc_rng r = lc_rng_new(11, stream);
    float *w = malloc(n * sizeof *w);
    assert_non_null(w);
    for (size_t i = 0; i < n; i++) {
        w[i] = (float)(scale * lc_rng_normal(&r));
    }
    return w;
}

static size_t add(network *n, const lc_op *op, const char *name, const void *params, size_t x, size_t w, size_t b)
{
    size_t out;
    TRY(lc_graph_node(n->graph, op, name, params, (size_t[]){x, w, b}, b != LC_NO_VALUE ? 3 : w != LC_NO_VALUE ? 2 : 1, name, &out));
    return out;
}

static void constant(network *n, size_t i, const char *name, size_t rank, const size_t *dims)
{
    TRY(lc_graph_constant(n->graph, name, rank, dims, n->weights[i], &n->values[i]));
}

static lc_conv_params window(int64_t kernel, int64_t stride)
{
    int64_t pad = kernel / 2;
    return (lc_conv_params){.window = {.kernel_shape = {2, {kernel, kernel}}, .strides = {2, {stride, stride}}, .pads = {4, {pad, pad, pad, pad}}},
                            .group = 1};
}

/* conv - tanh - conv / 2 - tanh, then mean and a linear head, or a head of 1x1 convolution, ReLU and mean. */
static network make_network(size_t classes, bool map_head)
{
    network n = {0};
    size_t x;
    lc_conv_params wide = window(3, 1), narrow = window(3, 2), point = window(1, 1);
    lc_axis_params flat = {.axis = 1};
    linear_params linear = {1, 1, 0, 1};
    TRY(lc_graph_new(&n.graph, NULL, NULL));
    for (size_t i = 0; i < WEIGHTS; i++) {
        n.weights[i] = drawn(i, sizes[i], i == 3 ? 2 : 0.4);
    }
    n.weights[WEIGHTS] = drawn(WEIGHTS, SOURCE_CLASSES, 0.4);
    constant(&n, 0, "conv1.weight", 4, (size_t[]){5, 3, 3, 3});
    constant(&n, 1, "conv1.bias", 1, (size_t[]){5});
    constant(&n, 2, "conv2.weight", 4, (size_t[]){WIDTH, 5, 3, 3});
    constant(&n, 3, "head.weight", map_head ? 4 : 2, (size_t[]){classes, WIDTH, 1, 1});
    constant(&n, 4, "head.bias", 1, (size_t[]){classes});
    TRY(lc_graph_input(n.graph, "input", 3, SIDE, SIDE, &x));
    x = add(&n, &lc_op_conv, "conv1", &wide, x, n.values[0], n.values[1]);
    x = add(&n, &lc_op_tanh, "tanh1", NULL, x, LC_NO_VALUE, LC_NO_VALUE);
    x = add(&n, &lc_op_conv, "conv2", &narrow, x, n.values[2], LC_NO_VALUE);
    x = add(&n, &lc_op_tanh, "tanh2", NULL, x, LC_NO_VALUE, LC_NO_VALUE);
    if (!map_head) {
        x = add(&n, &lc_op_global_avgpool, "pool", NULL, x, LC_NO_VALUE, LC_NO_VALUE);
        x = add(&n, &lc_op_flatten, "flat", &flat, x, LC_NO_VALUE, LC_NO_VALUE);
    }
    x = add(&n, map_head ? &lc_op_conv : &lc_op_linear, "head", map_head ? (void *)&point : (void *)&linear, x, n.values[3], n.values[4]);
    n.head = n.graph->values[x].node;
    n.features = n.graph->nodes[n.head].in[0];
    if (map_head) {
        x = add(&n, &lc_op_relu, "relu", NULL, x, LC_NO_VALUE, LC_NO_VALUE);
        x = add(&n, &lc_op_global_avgpool, "pool", NULL, x, LC_NO_VALUE, LC_NO_VALUE);
        x = add(&n, &lc_op_flatten, "flat", &flat, x, LC_NO_VALUE, LC_NO_VALUE);
    }
    n.graph->output = x;
    return n;
}

static void free_network(network *n)
{
    lc_graph_free(n->graph);
    for (size_t i = 0; i <= WEIGHTS; i++) {
        free(n->weights[i]);
    }
}

/* Pictures -------------------------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/lc_regularizers_XXXXXX", names[PICTURES][8], *paths[PICTURES];
static int32_t labels[PICTURES];
static size_t rows[PICTURES];
static lc_manifest manifest = {.root = folder, .rows = PICTURES, .paths = paths, .labels = labels, .classes = CLASSES};

static int draw_pictures(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < PICTURES; i++) {
        char path[128], bytes[FLOATS + 16];
        int head = sprintf(bytes, "P6 %d %d 255\n", SIDE, SIDE);
        lc_rng r = lc_rng_new(5, i);
        for (size_t k = 0; k < FLOATS; k++) {
            bytes[(size_t)head + k] = (char)lc_rng_below(&r, 256);
        }
        sprintf(names[i], "%zu.ppm", i);
        paths[i] = names[i];
        labels[i] = (int32_t)(i % CLASSES);
        rows[i] = i;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        TRY(lc_write_file(path, bytes, (size_t)head + FLOATS));
    }
    return 0;
}

static int remove_pictures(void **state)
{
    (void)state;
    for (size_t i = 0; i < PICTURES; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

/* A run ----------------------------------------------------------------------------------------------------------- */

typedef struct {
    network net;
    lc_source_head *head;
    lc_parameter parameters[WEIGHTS + 1];
    lc_loader_options loader;
    lc_regularizers *regularizers;
    lc_tape *tape;
    lc_threads *threads;
    float input[BATCH * FLOATS], targets[BATCH * CLASSES];
    int32_t labels[BATCH];
} run;

static void make_run(run *r, const char *text, bool map_head, size_t threads)
{
    const lc_kernels *kernels;
    network source = make_network(SOURCE_CLASSES, map_head);
    memset(r, 0, sizeof *r);
    TRY(lc_kernels_get(&kernels));
    TRY(threads > 1 ? lc_threads_new(&r->threads, threads) : LC_OK);
    TRY(lc_source_head_take(&r->head, source.graph, source.head, source.graph->output));
    assert_int_equal(r->head->positions, map_head ? 16 : 1);
    free_network(&source);
    r->net = make_network(CLASSES, map_head);
    r->loader = (lc_loader_options){.manifest = &manifest, .rows = rows, .count = PICTURES, .classes = CLASSES, .batch = BATCH, .threads = threads,
                                    .preprocess = {.channels = 3, .height = SIDE, .width = SIDE, .resize = SIDE, .std = {1, 1, 1}}};
    size_t trained[WEIGHTS + 1], watched_count;
    for (size_t i = 0; i <= WEIGHTS; i++) {
        const lc_value *v = &r->net.graph->values[r->net.values[i]];
        trained[i] = r->net.values[i];
        r->parameters[i] = (lc_parameter){.name = v->name, .value = trained[i], .data = r->net.weights[i], .count = lc_tensor_count(&v->t),
                                          .trained = true, .head = i >= 3};
    }
    const lc_regularizer_setup setup = {.graph = r->net.graph, .features = r->net.features, .logits = r->net.graph->output,
                                        .parameters = r->parameters, .parameter_count = WEIGHTS + 1, .head = r->head, .loader = &r->loader,
                                        .kernels = kernels, .threads = r->threads};
    TRY(lc_regularizers_new(&r->regularizers, text, &setup));
    const size_t *watched = lc_regularizers_watched(r->regularizers, &watched_count);
    const lc_tape_options o = {.graph = r->net.graph, .output = r->net.graph->output, .trained = trained, .trained_count = WEIGHTS + 1,
                               .watched = watched, .watched_count = watched_count, .batch = BATCH, .kernels = kernels, .threads = r->threads};
    TRY(lc_tape_new(&r->tape, &o));
    for (size_t i = 0; i <= WEIGHTS; i++) {
        r->parameters[i].gradient = lc_tape_weight_gradient(r->tape, i);
    }
    TRY(lc_regularizers_begin(r->regularizers));
    lc_rng rng = lc_rng_new(3, 0);
    for (size_t i = 0; i < BATCH * FLOATS; i++) {
        r->input[i] = (float)lc_rng_normal(&rng);
    }
    for (size_t i = 0; i < BATCH; i++) {
        r->labels[i] = (int32_t)(i * 2 % CLASSES);
        r->targets[i * CLASSES + i % CLASSES] = 0.75f;
        r->targets[i * CLASSES + (i + 1) % CLASSES] = 0.25f;
    }
}

static void free_run(run *r)
{
    lc_regularizers_free(r->regularizers);
    lc_tape_free(r->tape);
    lc_threads_free(r->threads);
    lc_source_head_free(r->head);
    free_network(&r->net);
}

/* A step whose own loss is 0: penalty and gradients. */
static double penalty_of(run *r, bool mixed)
{
    double penalty = 0;
    const lc_batch batch = {.count = BATCH, .rows = rows, .labels = r->labels, .input = r->input, .targets = mixed ? r->targets : NULL};
    TRY(lc_tape_prepare(r->tape));
    assert_int_equal(lc_tape_boundaries(r->tape), 1);
    memcpy(lc_tape_input(r->tape, 0), r->input, sizeof r->input);
    TRY(lc_tape_forward(r->tape, BATCH, 0));
    memset(lc_tape_gradient(r->tape, r->net.graph->output), 0, BATCH * CLASSES * sizeof(float));
    TRY(lc_regularizers_on_values(r->regularizers, r->tape, &batch, &penalty));
    TRY(lc_tape_backward(r->tape));
    TRY(lc_regularizers_on_weights(r->regularizers, &penalty));
    return penalty;
}

/* Away from where training began, so that there is something to pull back. */
static void move_weights(run *r)
{
    for (size_t i = 0; i <= WEIGHTS; i++) {
        lc_rng rng = lc_rng_new(77, i);
        for (size_t k = 0; k < r->parameters[i].count; k++) {
            r->parameters[i].data[k] += (float)(0.3 * lc_rng_normal(&rng));
        }
    }
}

static void check_gradient(const char *text, bool map_head, bool mixed)
{
    run r;
    make_run(&r, text, map_head, 1);
    move_weights(&r);
    double penalty = penalty_of(&r, mixed), largest = 0;
    assert_true(penalty > 0);
    float *gradient[WEIGHTS + 1];
    for (size_t i = 0; i <= WEIGHTS; i++) {
        gradient[i] = malloc(r.parameters[i].count * sizeof(float));
        assert_non_null(gradient[i]);
        memcpy(gradient[i], r.parameters[i].gradient, r.parameters[i].count * sizeof(float));
        for (size_t k = 0; k < r.parameters[i].count; k++) {
            largest = fmax(largest, fabs((double)gradient[i][k]));
        }
    }
    assert_true(largest > 0);
    for (size_t i = 0; i <= WEIGHTS; i++) {
        for (size_t k = 0; k < r.parameters[i].count; k += i == 0 || i == 2 ? 7 : 1) {
            float *w = &r.parameters[i].data[k], at = *w, step = map_head ? 0.002f : 0.01f;
            *w = at + step;
            double up = penalty_of(&r, mixed);
            *w = at - step;
            double down = penalty_of(&r, mixed), slope = (up - down) / (2 * (double)step);
            *w = at;
            if (fabs(slope - (double)gradient[i][k]) > (map_head ? 2e-2 : 5e-3) * largest) { /* the map head's ReLU has corners */
                fail_msg("%s, %s head: weight %zu of %s has gradient %g, differences say %g", text, map_head ? "map" : "vector", k,
                         r.parameters[i].name, (double)gradient[i][k], slope);
            }
        }
        free(gradient[i]);
    }
    free_run(&r);
}

static void test_gradients(void **state)
{
    (void)state;
    for (size_t i = 0; lc_regularizer_table[i]; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s:0.7", lc_regularizer_table[i]->name);
        check_gradient(text, false, false);
        check_gradient(text, true, true);
    }
    check_gradient("bss:0.1,l2sp,delta", true, false);
}

/* What compares with the beginning is 0 there, but for the head's own decay; l2 and cotuning are not. */
static void test_beginning(void **state)
{
    (void)state;
    static const char *const zero[] = {"l2sp", "ewc", "delta", "lwf"};
    for (size_t i = 0; i < 4; i++) {
        run r;
        make_run(&r, zero[i], false, 1);
        double head = 0, penalty = penalty_of(&r, false);
        for (size_t p = 3; p <= WEIGHTS && i < 3; p++) {
            for (size_t k = 0; k < r.parameters[p].count; k++) {
                head += 0.01 / 2 * pow((double)r.parameters[p].data[k], 2);
            }
        }
        assert_true(fabs(penalty - head) < 1e-6);
        free_run(&r);
    }
}

static void test_threads(void **state)
{
    (void)state;
    run one, three;
    const char *all = "l2,l2sp,ewc,delta,bss,cotuning,lwf";
    make_run(&one, all, true, 1);
    make_run(&three, all, true, 3);
    move_weights(&one);
    move_weights(&three);
    double a = penalty_of(&one, false), b = penalty_of(&three, false);
    assert_memory_equal(&a, &b, sizeof a);
    for (size_t i = 0; i <= WEIGHTS; i++) {
        assert_memory_equal(one.parameters[i].gradient, three.parameters[i].gradient, one.parameters[i].count * sizeof(float));
    }
    free_run(&one);
    free_run(&three);
}

static void test_words(void **state)
{
    (void)state;
    TRY(lc_regularizers_check(NULL, false));
    TRY(lc_regularizers_check("l2:0.5,bss", false));
    assert_int_equal(lc_regularizers_check("l2sp", false), LC_ERR_ARG);
    assert_int_equal(lc_regularizers_check("l3", true), LC_ERR_NOTFOUND);
    assert_non_null(strstr(lc_error_message(), "cotuning"));
    assert_int_equal(lc_regularizers_check("l2:", true), LC_ERR_ARG);
    assert_int_equal(lc_regularizers_check("l2:-1", true), LC_ERR_ARG);
    assert_int_equal(lc_regularizers_check("l2:1x,bss", true), LC_ERR_ARG);
    assert_int_equal(lc_regularizers_check("l2,l2,l2,l2,l2,l2,l2,l2,l2", true), LC_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_beginning),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests_name("regularizers", tests, draw_pictures, remove_pictures);
}
