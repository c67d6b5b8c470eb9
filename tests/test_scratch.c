/*
 * A network of every family begins by its name and takes a step: mode scratch of finetune. AlexNet and VGG are not among them: 60 million
 * weights and more.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/memory.h"
#include "common/rng.h"
#include "extractor/network.h"
#include "tests/temp_folder.h"
#include "tests/try.h"

enum { CLASSES = 2, PICTURES = 2, SIDE = 32, FLOATS = SIDE * SIDE * 3 };

/* The least input that its pools and strides leave something of. */
static const struct {
    const char *arch, *input;
} families[] = {
    {"resnet18", "32"},           {"cifar_resnet20", "32"},     {"squeezenet1_1", "32"},   {"densenet121", "32"},
    {"mobilenet_v2", "32"},       {"mnasnet0_5", "32"},         {"googlenet", "32"},       {"inception_v3", "75"},
    {"shufflenet_v2_x0_5", "32"}, {"mobilenet_v3_small", "32"}, {"efficientnet_b0", "32"}, {"efficientnet_v2_s", "32"},
    {"regnet_y_400mf", "32"},     {"convnext_tiny", "32"},
};

static void draw_pictures(void)
{
    for (size_t k = 0; k < CLASSES; k++) {
        char name[32], bytes[FLOATS + 16];
        snprintf(name, sizeof name, "%zu", k);
        assert_int_equal(mkdir(temp_path(name), 0777), 0);
        for (size_t i = 0; i < PICTURES; i++) {
            int head = sprintf(bytes, "P6 %d %d 255\n", SIDE, SIDE);
            lc_rng r = lc_rng_new(k, i);
            for (size_t j = 0; j < FLOATS; j++) {
                bytes[(size_t)head + j] = (char)lc_rng_below(&r, 256);
            }
            snprintf(name, sizeof name, "%zu/%zu.ppm", k, i);
            TRY(lc_write_file(temp_path(name), bytes, (size_t)head + FLOATS));
        }
    }
}

static lc_status epoch_done(void *context, const lc_finetune_epoch *epochs, size_t count)
{
    assert_int_equal(count, 1);
    assert_true(isfinite(epochs[0].loss));
    *(size_t *)context += epochs[0].pictures;
    return LC_OK;
}

static void test_families(void **state)
{
    (void)state;
    lc_manifest *pictures;
    draw_pictures();
    TRY(lc_manifest_read(&pictures, temp_folder));
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        const lc_setting settings[] = {{"input", families[i].input}, {"resize", families[i].input}};
        lc_finetune_options o = LC_FINETUNE_OPTIONS_INIT;
        lc_finetune_report report;
        lc_network *network;
        size_t seen = 0;
        o.mode = "scratch";
        o.epochs = 1;
        o.batch = CLASSES * PICTURES;
        o.augment = "none";
        o.threads = 1;
        o.settings = settings;
        o.setting_count = 2;
        o.epoch_done = epoch_done;
        o.context = &seen;
        TRY(lc_network_new(&network, families[i].arch, CLASSES, 1));
        TRY(lc_finetune(network, pictures, &o, &report));
        assert_int_equal(seen, CLASSES * PICTURES);
        assert_int_equal(report.steps, 1);
        lc_network_free(network);
    }
    lc_manifest_free(pictures);
}

/* As torchvision's do. */
static void test_layer_scale(void **state)
{
    (void)state;
    lc_network *network;
    size_t scales = 0;
    TRY(lc_network_new(&network, "convnext_tiny", CLASSES, 1));
    const lc_graph *g = network->model.graph;
    for (size_t v = 0; v < g->value_count; v++) {
        size_t length = strlen(g->values[v].name);
        if (length > 11 && strcmp(g->values[v].name + length - 11, "layer_scale") == 0) {
            for (size_t j = 0; j < lc_tensor_count(&g->values[v].t); j++) {
                assert_true(g->values[v].t.data[j] == 1e-6f);
            }
            scales++;
        }
    }
    assert_int_equal(scales, 18);
    lc_network_free(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_layer_scale),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
