/*
 * Architectures of state dicts: what is recognised, and how what is not is refused; what modules and layers are called,
 * which of them drop in training, which are blocks. Their values: test_arch.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/state_dicts.h"

static entry *entry_of(dict *d, const char *name)
{
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->entries[i].name, name) == 0) {
            return &d->entries[i];
        }
    }
    fail_msg("no tensor %s", name);
    return NULL;
}

/* Takes out what begins with `prefix`. */
static void take_out(dict *d, const char *prefix)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->count; i++) {
        if (strncmp(d->entries[i].name, prefix, strlen(prefix)) == 0) {
            free(d->entries[i].name);
        } else {
            d->entries[kept++] = d->entries[i];
        }
    }
    assert_true(kept < d->count);
    d->count = kept;
}

static void rename_to(dict *d, const char *from, const char *to)
{
    entry *e = entry_of(d, from);
    free(e->name);
    TRY(lc_strdup(&e->name, to));
}

/* Recognition --------------------------------------------------------------------------------------------------------- */

static void expect_opens(dict *d, const char *arch, const char *wanted, size_t outputs)
{
    lc_model m;
    const char *format;
    finish(d, false);
    TRY(lc_model_open_as(&m, &format, "test", &d->map, arch));
    assert_string_equal(format, "safetensors");
    assert_string_equal(m.architecture, wanted);
    assert_int_equal(lc_tensor_count(&m.graph->values[m.graph->output].t), outputs);
    lc_model_free(&m);
    drop(d);
}

static void expect_refused(dict *d, const char *arch, lc_status wanted, const char *says)
{
    lc_model m;
    const char *format;
    finish(d, false);
    assert_int_equal(lc_model_open_as(&m, &format, "test", &d->map, arch), wanted);
    if (!strstr(lc_error_message(), says)) {
        fail_msg("expected '%s' in: %s", says, lc_error_message());
    }
    drop(d);
}

/* No two rows want the same tensors, and each recognises its own, with any number of classes. */
static void test_rows(void **state)
{
    (void)state;
    bool full = getenv("LC_TEST_FULL") != NULL;
    for (size_t i = 0; i < lc_arch_count; i++) {
        dict d = dict_of(lc_archs[i].name, 7);
        size_t bytes = 0;
        for (size_t k = 0; k < d.count; k++) {
            bytes += d.entries[k].count * sizeof(float);
        }
        if (bytes < (size_t)1 << 29 || full) {
            expect_opens(&d, NULL, lc_archs[i].name, 7);
        }
        drop(&d);
    }
}

static void test_heads(void **state)
{
    (void)state;
    static const struct {
        const char *arch, *head;
        size_t outputs;
    } cases[] = {
        {"resnet18", "fc.", 512},
        {"squeezenet1_1", "classifier.", 512 * 13 * 13},
        {"mobilenet_v2", "classifier.", 1280},
        {"alexnet", "classifier.", 9216},
        {"alexnet", "classifier.4.", 4096},
        {"densenet121", "classifier.", 1024},
        {"googlenet", "fc.", 1024},
        {"shufflenet_v2_x0_5", "fc.", 1024},
        {"mobilenet_v3_small", "classifier.", 576},
        {"efficientnet_b0", "classifier.", 1280},
        {"regnet_y_400mf", "fc.", 440},
        {"convnext_tiny", "classifier.", 768},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dict d = dict_of(cases[i].arch, 1000);
        take_out(&d, cases[i].head);
        if (strcmp(cases[i].head, "classifier.4.") == 0) {
            take_out(&d, "classifier.6.");
        }
        expect_opens(&d, NULL, cases[i].arch, cases[i].outputs);
    }
}

static void test_variants(void **state)
{
    (void)state;
    /* Heads that only train, counters: passed over. */
    dict d = dict_of("googlenet", 1000);
    add(&d, "aux1.conv.conv.weight", 4, (const size_t[]){128, 512, 1, 1});
    add(&d, "conv1.bn.num_batches_tracked", 1, (const size_t[]){1});
    expect_opens(&d, NULL, "googlenet", 1000);
    /* Older spelling. */
    d = dict_of("densenet121", 1000);
    rename_to(&d, "features.denseblock1.denselayer1.norm1.weight", "features.denseblock1.denselayer1.norm.1.weight");
    rename_to(&d, "features.denseblock4.denselayer16.conv2.weight", "features.denseblock4.denselayer16.conv.2.weight");
    expect_opens(&d, NULL, "densenet121", 1000);
    /* Grey pictures. */
    d = dict_of("resnet18", 10);
    entry *e = entry_of(&d, "conv1.weight");
    e->dims[1] = 1;
    e->count /= 3;
    expect_opens(&d, NULL, "resnet18", 10);
    /* More than the network has: by name only. */
    d = dict_of("resnet18", 10);
    add(&d, "projection.weight", 2, (const size_t[]){4, 512});
    expect_refused(&d, NULL, LC_ERR_UNSUPPORTED, "looks like resnet18, but has a tensor projection.weight");
    d = dict_of("resnet18", 10);
    add(&d, "projection.weight", 2, (const size_t[]){4, 512});
    expect_opens(&d, "resnet18", "resnet18", 10);
}

static void test_refused(void **state)
{
    (void)state;
    dict d = dict_of("resnet18", 1000);
    entry *e = entry_of(&d, "layer1.0.conv1.weight");
    e->dims[2] = e->dims[3] = 5;
    e->count = e->count / 9 * 25;
    expect_refused(&d, NULL, LC_ERR_UNSUPPORTED,
                   "looks like resnet18, but layer1.0.conv1.weight is 64x64x5x5, not 64x64x3x3");
    d = dict_of("mobilenet_v3_large", 1000);
    take_out(&d, "features.5.block.2.fc1.bias");
    expect_refused(&d, NULL, LC_ERR_UNSUPPORTED,
                   "looks like mobilenet_v3_large, but it has no features.5.block.2.fc1.bias");
    d = dict_of("resnet18", 1000);
    expect_refused(&d, "resnet34", LC_ERR_UNSUPPORTED, "is no resnet34: it has no layer1.2.conv1.weight");
    d = dict_of("resnet18", 1000);
    expect_refused(&d, "resnet81", LC_ERR_NOTFOUND, "nearest: resnet18");
    add(&d, "embedding", 2, (const size_t[]){3, 4});
    expect_refused(&d, NULL, LC_ERR_UNSUPPORTED, "no architecture that is known");
    const char *format;
    lc_model m;
    assert_int_equal(lc_model_open_as(&m, &format, "embedded", &(lc_mapping){0}, "resnet18"), LC_ERR_ARG);
}

/* Names --------------------------------------------------------------------------------------------------------------- */

static void expect_name(const network *n, const char *selector, const char *tap)
{
    lc_choice *choices;
    size_t count;
    TRY(lc_taps_select(&n->taps, n->model.graph, selector, &choices, &count));
    assert_int_equal(count, 1);
    if (strcmp(n->taps.taps[choices[0].tap].name, tap) != 0) {
        fail_msg("'%s' is %s, not %s", selector, n->taps.taps[choices[0].tap].name, tap);
    }
    lc_choices_free(choices, count);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *arch, *name, *tap;
    } cases[] = {
        {"alexnet", "conv5", "features.10"},
        {"alexnet", "fc6", "classifier.1"},
        {"alexnet", "classifier.3", "classifier.2"}, /* a dropout */
        {"alexnet", "penultimate", "classifier.5"},
        {"alexnet", "logits", "classifier.6"},
        {"resnet18", "layer4", "layer4.1.relu_1"},
        {"resnet18", "layer3.0", "layer3.0.relu_1"},
        {"resnet18", "penultimate", "flatten"},
        {"mobilenet_v3_small", "features.0", "features.0.2"}, /* as torchvision calls it unless it is told to look inside */
        {"mobilenet_v3_small", "features.4.block.2", "features.4.block.2.mul"},
        {"efficientnet_b0", "features.2.1.stochastic_depth", "features.2.1.block.3.1"},
        {"efficientnet_b0", "features.2.1", "features.2.1.add"},
        {"convnext_tiny", "features.1.0.block.6", "features.1.0.block.5"},
        {"convnext_tiny", "features.2.0", "features.2.0.layer_norm"},
        {"densenet121", "features.denseblock1.denselayer1.cat", "features.pool0"},
        {"densenet121", "features.denseblock1", "features.denseblock1.cat"},
        {"googlenet", "dropout", "flatten"},
    };
    network n = {0};
    dict d = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (i == 0 || strcmp(cases[i].arch, cases[i - 1].arch) != 0) {
            stop(&n);
            drop(&d);
            n = (network){0};
            d = dict_of(cases[i].arch, 1000);
            finish(&d, true);
            start(&n, &d.map, 96, 96);
        }
        expect_name(&n, cases[i].name, cases[i].tap);
    }
    stop(&n);
    drop(&d);
}

static float ratio_of(const lc_node *n)
{
    float ratio = 0;
    for (const lc_attr *a = n->op->attributes; a->name; a++) {
        if (strcmp(a->name, "ratio") == 0) {
            memcpy(&ratio, (const char *)n->params + a->offset, sizeof ratio);
        }
    }
    return ratio;
}

/* Which modules drop in training, and how many of their numbers, as torchvision's do; none of them is a tap. */
static void test_dropouts(void **state)
{
    (void)state;
    static const struct {
        const char *arch, *names[3];
        float ratio;
    } cases[] = {
        {"alexnet", {"classifier.0", "classifier.3"}, 0.5f},
        {"vgg11", {"classifier.2", "classifier.5"}, 0.5f},
        {"resnet18", {NULL}, 0},
        {"squeezenet1_1", {"classifier.0"}, 0.5f},
        {"densenet121", {NULL}, 0},
        {"mobilenet_v2", {"classifier.0"}, 0.2f},
        {"mnasnet0_5", {"classifier.0"}, 0.2f},
        {"googlenet", {"dropout"}, 0.2f},
        {"inception_v3", {"dropout"}, 0.5f},
        {"shufflenet_v2_x0_5", {NULL}, 0},
        {"mobilenet_v3_small", {"classifier.2"}, 0.2f},
        {"efficientnet_b0", {"classifier.0"}, 0.2f},
        {"efficientnet_b3", {"classifier.0"}, 0.3f},
        {"efficientnet_b7", {"classifier.0"}, 0.5f},
        {"efficientnet_v2_s", {"classifier.0"}, 0.2f},
        {"efficientnet_v2_l", {"classifier.0"}, 0.4f},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lc_graph *g;
        size_t found = 0;
        TRY(lc_arch_new(&g, lc_arch_find(cases[i].arch), 2));
        for (size_t n = 0; n < g->node_count; n++) {
            if (g->nodes[n].op == &lc_op_dropout) {
                assert_true(found < 2 && cases[i].names[found]);
                assert_string_equal(g->nodes[n].name, cases[i].names[found++]);
                assert_true(ratio_of(&g->nodes[n]) == cases[i].ratio);
                assert_true(g->nodes[n].hidden);
            }
        }
        assert_null(cases[i].names[found]);
        lc_graph_free(g);
    }
}

/* Multiply-adds of all that node n needs and has not been counted yet. */
static uint64_t macs_of(const lc_graph *g, size_t n, bool *counted)
{
    const lc_tensor *in[64];
    lc_tensor out = g->values[g->nodes[n].out].t;
    if (counted[n]) {
        return 0;
    }
    counted[n] = true;
    assert_true(g->nodes[n].inputs <= sizeof in / sizeof *in);
    lc_op_call c = lc_graph_call(g, n, in, &out);
    uint64_t macs = g->nodes[n].op->macs ? g->nodes[n].op->macs(&c) : 0;
    for (size_t i = 0; i < g->nodes[n].inputs; i++) {
        size_t v = g->nodes[n].in[i];
        macs += v != LC_NO_VALUE && g->values[v].node != LC_NO_VALUE ? macs_of(g, g->values[v].node, counted) : 0;
    }
    return macs;
}

/* What @block means in each family, with and without shortcuts; and that every tap costs what it needs. */
static void test_blocks(void **state)
{
    (void)state;
    static const struct {
        const char *arch;
        size_t blocks;
        const char *first, *last;
    } cases[] = {
        {"resnet18", 8, "layer1.0", "layer4.1"},
        {"cifar_resnet20", 9, "layer1.0", "layer3.2"},
        {"squeezenet1_1", 8, "features.3", "features.12"},
        {"densenet121", 4 + 6 + 12 + 24 + 16, "features.denseblock1.denselayer1", "features.denseblock4"},
        {"mobilenet_v2", 17, "features.1", "features.17"},
        {"mnasnet0_5", 16, "layers.8.0", "layers.13.0"},
        {"googlenet", 9, "inception3a", "inception5b"},
        {"inception_v3", 11, "Mixed_5b", "Mixed_7c"},
        {"shufflenet_v2_x0_5", 16, "stage2.0", "stage4.3"},
        {"mobilenet_v3_small", 11, "features.1", "features.11"},
        {"efficientnet_b0", 16, "features.1.0", "features.7.0"},
        {"efficientnet_v2_s", 40, "features.1.0", "features.6.14"},
        {"regnet_y_400mf", 16, "trunk_output.block1.block1-0", "trunk_output.block4.block4-5"},
        {"convnext_tiny", 18, "features.1.0", "features.7.2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dict d = dict_of(cases[i].arch, 1000);
        lc_model m;
        lc_taps taps;
        lc_choice *choices;
        const char *format;
        size_t count;
        bool *counted;
        finish(&d, false);
        TRY(lc_model_open(&m, &format, "test", &d.map));
        TRY(lc_taps_new(&taps, m.graph));
        TRY(lc_taps_select(&taps, m.graph, "@block", &choices, &count));
        if (count != cases[i].blocks) {
            fail_msg("%s has %zu blocks, not %zu", cases[i].arch, count, cases[i].blocks);
        }
        assert_string_equal(choices[0].name, cases[i].first);
        assert_string_equal(choices[count - 1].name, cases[i].last);
        lc_choices_free(choices, count);
        TRY(lc_alloc_array(&counted, m.graph->node_count, sizeof *counted));
        for (size_t k = 0; k < taps.count; k++) {
            memset(counted, 0, m.graph->node_count * sizeof *counted);
            assert_int_equal(macs_of(m.graph, taps.taps[k].node, counted), taps.taps[k].macs);
        }
        free(counted);
        lc_taps_free(&taps);
        lc_model_free(&m);
        drop(&d);
    }
    dict d = dict_of("alexnet", 1000);
    network n = {0};
    lc_choice *choices;
    size_t count;
    finish(&d, true);
    start(&n, &d.map, 96, 96);
    assert_int_equal(lc_taps_select(&n.taps, n.model.graph, "@block", &choices, &count), LC_ERR_NOTFOUND);
    stop(&n);
    drop(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_heads), cmocka_unit_test(test_variants),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_names), cmocka_unit_test(test_dropouts),
        cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
