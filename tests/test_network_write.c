/*
 * Networks written as files: every tap of small networks, cut there, gives the bytes it gave; weights that were replaced
 * are written as they are now; what files of cut networks say is followed, and checked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/memory.h"
#include "common/rng.h"
#include "extractor/models/arch.h"
#include "extractor/network.h"
#include "tests/temp_folder.h"
#include "tests/try.h"

static size_t value_of(const lc_network *net, const char *layer)
{
    size_t tap = lc_taps_find(&net->taps, layer);
    assert_int_not_equal(tap, LC_NO_VALUE);
    return net->taps.taps[tap].value;
}

/* What a value is for one drawn picture; the caller's. */
static float *run(const lc_network *net, size_t value, size_t *count)
{
    const lc_kernels *k;
    lc_plan *plan;
    lc_exec *exec;
    float *out;
    TRY(lc_kernels_get(&k));
    TRY(lc_plan_new(&plan, net->model.graph, &value, 1, 1, LC_FLOAT32, k, NULL));
    TRY(lc_exec_new(&exec, plan, 1));
    const lc_tensor *t = &net->model.graph->values[net->model.graph->input].t;
    lc_rng rng = lc_rng_new(3, 0);
    for (size_t i = 0; i < lc_tensor_count(t); i++) {
        lc_exec_input(exec)[i] = (float)lc_rng_normal(&rng);
    }
    TRY(lc_exec_run(exec, 1, NULL));
    lc_tensor y = lc_exec_tap(exec, 0);
    *count = lc_tensor_count(&y);
    TRY(lc_alloc_array(&out, *count, sizeof *out));
    memcpy(out, y.data, *count * sizeof *out);
    lc_exec_free(exec);
    lc_plan_free(plan);
    return out;
}

static void assert_same(const lc_network *a, const char *layer, const lc_network *b, const char *other)
{
    size_t n, m;
    float *x = run(a, value_of(a, layer), &n), *y = run(b, value_of(b, other), &m);
    assert_int_equal(n, m);
    if (memcmp(x, y, n * sizeof *x) != 0) {
        fail_msg("%s: %s differs from %s of %s", b->path, other, layer, a->path);
    }
    free(x);
    free(y);
}

static void write_cut(lc_network *net, const char *layers, const char *path)
{
    TRY(lc_network_write(net, path, &(lc_write_options){.layers = layers}));
}

static void test_every_tap(void **state)
{
    lc_network *net, *part;
    TRY(lc_network_open(&net, *state));
    for (size_t i = 0; i < lc_network_describe(net)->tap_count; i++) {
        const char *layer = lc_network_tap(net, i)->name;
        if (strchr(layer, ',') || lc_taps_find(&net->taps, layer) != i) {
            continue;
        }
        write_cut(net, layer, temp_path("cut.onnx"));
        TRY(lc_network_open(&part, temp_path("cut.onnx")));
        const lc_network_info *info = lc_network_describe(part);
        assert_string_equal(info->layers, layer);
        assert_string_equal(info->source_sha256, lc_network_describe(net)->sha256);
        assert_same(net, layer, part, layer);
        lc_network_free(part);
    }
    lc_network_free(net);
}

/* Weights that are not the file's any more: the file that is written has them. */
static void test_replaced(void **state)
{
    lc_network *net, *again;
    TRY(lc_network_open(&net, *state));
    TRY(lc_network_randomise(net, 5));
    TRY(lc_network_write(net, temp_path("random.onnx"), &(lc_write_options){.tuned = true}));
    TRY(lc_network_open(&again, temp_path("random.onnx")));
    assert_same(net, "logits", again, "logits");
    assert_null(lc_network_describe(again)->source_sha256);
    lc_network_free(again);
    lc_network_free(net);
}

/* A head of three classes in place of the file's, as fine-tuning makes it. */
static void test_other_head(void **state)
{
    (void)state;
    static const char *const classes[] = {"ant", "bee, honey", "wasp"};
    static float weights[3 * 64], bias[3] = {1, 2, 3};
    lc_network *net, *again;
    TRY(lc_network_open(&net, "tests/corpus/onnx/residual.onnx"));
    lc_graph *g = net->model.graph;
    size_t last = g->node_count;
    while (last > 0 && g->nodes[last - 1].op != &lc_op_linear) {
        last--;
    }
    assert_true(last > 0);
    const lc_node *head = &g->nodes[last - 1];
    lc_tensor *w = &g->values[head->in[1]].t, *b = &g->values[head->in[2]].t;
    size_t in = lc_tensor_count(w) / lc_tensor_count(b);
    assert_true(in <= 64 && w->dims[0] == b->dims[0]);
    for (size_t i = 0; i < 3 * in; i++) {
        weights[i] = (float)i / 10;
    }
    w->dims[0] = b->dims[0] = 3;
    w->data = weights;
    b->data = bias;
    size_t h = g->values[g->input].t.dims[1], side = g->values[g->input].t.dims[2];
    TRY(lc_graph_resize(g, 2 * h, 2 * side));
    TRY(lc_graph_resize(g, h, side));
    TRY(lc_network_write(net, temp_path("head.onnx"),
                         &(lc_write_options){.tuned = true, .class_names = classes, .classes = 3}));
    TRY(lc_network_open(&again, temp_path("head.onnx")));
    const lc_network_info *info = lc_network_describe(again);
    assert_int_equal(info->classes, 3);
    assert_string_equal(info->class_names[1], "bee, honey");
    assert_same(net, "logits", again, "logits");
    lc_network_free(again);
    lc_network_free(net);
}

/* State dicts --------------------------------------------------------------------------------------------------- */

typedef struct {
    char *names[512];
    lc_tensor tensors[512];
    size_t count;
} dict;

static void draw(void *context, const char *name, size_t rank, const size_t *dims)
{
    dict *d = context;
    lc_tensor *t = &d->tensors[d->count];
    lc_rng rng = lc_rng_new(7, d->count);
    assert_true(d->count < 512);
    TRY(lc_strdup(&d->names[d->count++], name));
    *t = (lc_tensor){.rank = rank};
    memcpy(t->dims, dims, rank * sizeof *dims);
    TRY(lc_alloc_array(&t->data, lc_tensor_count(t), sizeof(float)));
    for (size_t i = 0; i < lc_tensor_count(t); i++) {
        t->data[i] = strstr(name, "running_var") ? 1 : (float)lc_rng_normal(&rng) / 8;
    }
}

static const lc_arch *row_of(const char *name)
{
    size_t i = 0;
    while (strcmp(lc_archs[i].name, name) != 0) {
        i++;
        assert_true(i < lc_arch_count);
    }
    return &lc_archs[i];
}

/* A file of drawn weights of that architecture. */
static void write_dict(const char *arch, const char *path)
{
    dict *d = calloc(1, sizeof *d);
    assert_non_null(d);
    TRY(lc_arch_tensors(row_of(arch), 10, draw, d));
    TRY(lc_safetensors_write(path, d->count, (const char *const *)d->names, d->tensors, NULL));
    for (size_t i = 0; i < d->count; i++) {
        free(d->names[i]);
        free(d->tensors[i].data);
    }
    free(d);
}

static void test_state_dict(void **state)
{
    lc_network *net, *part;
    const char *const *layers = *state; /* architecture, then taps */
    static const char *const endings[] = {"part.onnx", "part.safetensors"};
    write_dict(layers[0], temp_path("whole.safetensors"));
    TRY(lc_network_open(&net, temp_path("whole.safetensors")));
    for (size_t i = 1; layers[i]; i++) {
        for (size_t e = 0; e < 2; e++) {
            write_cut(net, layers[i], temp_path(endings[e]));
            TRY(lc_network_open(&part, temp_path(endings[e])));
            assert_same(net, layers[i], part, layers[i]);
            assert_int_equal(lc_network_describe(part)->parameters,
                             lc_network_tap(net, lc_taps_find(&net->taps, layers[i]))->parameters);
            lc_network_free(part);
        }
    }
    TRY(lc_network_write(net, temp_path("again.safetensors"), &(lc_write_options){0}));
    TRY(lc_network_open(&part, temp_path("again.safetensors")));
    assert_null(lc_network_describe(part)->layers);
    assert_same(net, "logits", part, "logits");
    lc_network_free(part);
    lc_network_free(net);
}

/* Two outputs, one in a side branch; a file that lacks a tensor; one that says nonsense. */
static void test_cut_files(void **state)
{
    (void)state;
    lc_network *net, *part;
    write_dict("cifar_resnet20", temp_path("whole.safetensors"));
    TRY(lc_network_open(&net, temp_path("whole.safetensors")));
    for (size_t e = 0; e < 2; e++) {
        const char *path = e ? "two.safetensors" : "two.onnx";
        write_cut(net, "layer1.0,layer2.0.conv1", temp_path(path));
        TRY(lc_network_open(&part, temp_path(path)));
        assert_string_equal(lc_network_describe(part)->layers, "layer2.0.conv1,layer1.0");
        assert_same(net, "layer1.0", part, "layer1.0");
        assert_same(net, "layer2.0.conv1", part, "layer2.0.conv1");
        lc_network_free(part);
    }
    lc_network_free(net);

    static float one;
    const lc_tensor t = {.rank = 1, .dims = {1}, .data = &one};
    static const struct {
        const char *key, *value, *message;
    } bad[] = {
        {"layers", "layer1", "it has no conv1.weight, which its layers layer1 need"},
        {"layers", "layer9", "nearest: "},
        {"architecture", "resnet19", "no architecture is called 'resnet19'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        lc_json *said = lc_json_object();
        lc_json_set_string(said, "layercut", "1");
        lc_json_set_string(said, "architecture", "cifar_resnet20");
        lc_json_set_string(said, "layers", "layer1");
        lc_json_set_string(said, bad[i].key, bad[i].value);
        TRY(lc_safetensors_write(temp_path("bad.safetensors"), 1, (const char *const[]){"something"}, &t, said));
        lc_json_free(said);
        assert_int_not_equal(lc_network_open(&part, temp_path("bad.safetensors")), LC_OK);
        assert_non_null(strstr(lc_error_message(), bad[i].message));
    }
    TRY(lc_network_open(&net, "embedded"));
    TRY(lc_network_write(net, temp_path("graph.onnx"), &(lc_write_options){.layers = "layer2"}));
    lc_network_free(net);
    TRY(lc_network_open(&net, temp_path("graph.onnx")));
    assert_int_equal(lc_network_write(net, temp_path("x.safetensors"), &(lc_write_options){.layers = "layer1"}),
                     LC_ERR_UNSUPPORTED);
    assert_int_equal(lc_network_write(net, temp_path("x.bin"), &(lc_write_options){0}), LC_ERR_ARG);
    assert_int_equal(lc_network_write(net, temp_path("x.onnx"), &(lc_write_options){.layers = "layer9"}), LC_ERR_NOTFOUND);
    lc_network_free(net);
}

int main(void)
{
    static const char *const resnet[] = {"cifar_resnet20", "layer1", "layer2.0.conv1", "layer2.0.shortcut.pad", "logits", NULL};
    static const char *const shuffle[] = {"shufflenet_v2_x0_5", "stage2.0", "mean", NULL};
    static const char *const mobile[] = {"mobilenet_v3_small", "features.4", "classifier.1", NULL};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_every_tap, "embedded"),
        cmocka_unit_test_prestate(test_every_tap, "tests/corpus/onnx/residual.onnx"),
        cmocka_unit_test_prestate(test_every_tap, "tests/corpus/onnx/pools.onnx"),
        cmocka_unit_test_prestate(test_every_tap, "tests/corpus/onnx/depthwise.onnx"),
        cmocka_unit_test_prestate(test_every_tap, "tests/corpus/onnx/attention.onnx"),
        cmocka_unit_test_prestate(test_every_tap, "tests/corpus/onnx/shapes.onnx"),
        cmocka_unit_test_prestate(test_every_tap, "tests/corpus/onnx/gates.onnx"),
        cmocka_unit_test_prestate(test_every_tap, "tests/corpus/onnx/stored.onnx"),
        cmocka_unit_test_prestate(test_every_tap, "tests/corpus/onnx/sequences.onnx"),
        cmocka_unit_test_prestate(test_replaced, "embedded"),
        cmocka_unit_test_prestate(test_replaced, "tests/corpus/onnx/residual.onnx"),
        cmocka_unit_test_prestate(test_replaced, "tests/corpus/onnx/depthwise.onnx"),
        cmocka_unit_test(test_other_head),
        cmocka_unit_test_prestate(test_state_dict, (void *)(uintptr_t)resnet),
        cmocka_unit_test_prestate(test_state_dict, (void *)(uintptr_t)shuffle),
        cmocka_unit_test_prestate(test_state_dict, (void *)(uintptr_t)mobile),
        cmocka_unit_test(test_cut_files),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
