/*
 * Architectures of state dicts: every tap of every row against PyTorch, on weights and pictures that both sides compute
 * by the same formula (tests/golden/make_golden_arch.py). What is recognised: test_recognition.c.
 *
 * One row per family runs always, all with LC_TEST_FULL=1. With LC_ARCH_COMPARE it compares the whole taps of one file
 * instead (tests/golden/compare_torchvision.py).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/state_dicts.h"

/* Golden values ------------------------------------------------------------------------------------------------------ */

enum { SAMPLES = 4 };

static uint64_t number(FILE *f, size_t digits)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
    uint64_t v = 0;
    while (digits) {
        int c = fgetc(f);
        if (c == '\n') {
            continue;
        }
        const char *at = c > 0 ? strchr(alphabet, c) : NULL;
        assert_non_null(at);
        v = v << 6 | (uint64_t)(at - alphabet);
        digits--;
    }
    return v;
}

static const lc_taps *sorted_taps;

static int by_name(const void *a, const void *b)
{
    return strcmp(sorted_taps->taps[*(const size_t *)a].name, sorted_taps->taps[*(const size_t *)b].name);
}

/* Value `at` of a tap in PyTorch's order, (C,H,W). */
static double value_at(const lc_tensor *t, size_t at)
{
    if (t->rank != 4) {
        return (double)t->data[at];
    }
    size_t area = t->dims[1] * t->dims[2];
    return (double)t->data[at % area * t->dims[3] + at / area];
}

static double largest_of(const lc_tensor *t)
{
    double largest = 0;
    for (size_t i = 0; i < lc_tensor_count(t); i++) {
        double v = fabs((double)t->data[i]);
        largest = v > largest || isnan(v) ? v : largest;
    }
    return largest;
}

static void draw(network *n, size_t height, size_t width)
{
    float *x = lc_exec_input(n->exec);
    for (size_t y = 0; y < height; y++) {
        for (size_t z = 0; z < width; z++) {
            for (size_t c = 0; c < 3; c++) {
                *x++ = (float)((z * 37 + y * 91 + z * y * 13 + c * 57) % 256) / 128 - 1;
            }
        }
    }
}

static void check_taps(const network *n, FILE *f, const char *arch)
{
    char worst_name[128] = "";
    double worst = 0;
    size_t *order;
    TRY(lc_alloc_array(&order, n->taps.count, sizeof *order));
    for (size_t i = 0; i < n->taps.count; i++) {
        order[i] = i;
    }
    sorted_taps = &n->taps;
    qsort(order, n->taps.count, sizeof *order, by_name);
    for (size_t i = 0; i < n->taps.count; i++) {
        lc_tensor t = lc_exec_tap(n->exec, order[i]);
        uint32_t bits = (uint32_t)number(f, 6);
        float largest;
        memcpy(&largest, &bits, sizeof largest);
        double error = fabs(largest_of(&t) / (double)largest - 1);
        for (size_t s = 0; s < SAMPLES; s++) {
            double wanted = (double)number(f, 4) / ((1 << 24) - 1) * 2 - 1;
            double is =
                value_at(&t, (size_t)(((uint64_t)s * 2654435761u + 7919 * i) % lc_tensor_count(&t))) / (double)largest;
            error = fabs(is - wanted) > error || isnan(is) ? fabs(is - wanted) : error;
        }
        if (!(error <= worst) && !isnan(worst)) {
            worst = error;
            snprintf(worst_name, sizeof worst_name, "%s", n->taps.taps[order[i]].name);
        }
    }
    free(order);
    print_message("%-20s %4zu taps, worst error %.1e of the largest value (%s)\n", arch, n->taps.count, worst, worst_name);
    if (!(worst <= 1e-5)) {
        fail_msg("%s: %s differs by %.2e (golden values: tests/golden/make_golden_arch.py)", arch, worst_name, worst);
    }
}

static void check_pictures(FILE *f, const lc_model_preprocess *p)
{
    char filter[16];
    size_t input, resize;
    float colours[6];
    assert_int_equal(fscanf(f, " pictures %zu %zu %15s", &input, &resize, filter), 3);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(fscanf(f, "%f", &colours[i]), 1);
    }
    assert_int_equal(p->input, input);
    assert_int_equal(p->resize, resize);
    assert_string_equal(p->interpolation == LC_MODEL_BICUBIC ? "bicubic" : "bilinear", filter);
    assert_memory_equal(p->mean, colours, sizeof p->mean);
    assert_memory_equal(p->std, colours + 3, sizeof p->std);
}

static void test_taps(void **state)
{
    const lc_arch *arch = *state;
    char path[128], text[256];
    uint64_t hash, is = 0;
    size_t height, width, count;
    snprintf(path, sizeof path, "tests/golden/arch_%s.txt", arch->name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    check_pictures(f, &arch->preprocess);
    dict d = dict_of(arch->name, strncmp(arch->name, "cifar", 5) == 0 ? 10 : 1000);
    assert_int_equal(fscanf(f, " input %zu %zu tensors %zu %lx", &height, &width, &count, &hash), 4);
    for (size_t i = 0; i < d.count; i++) {
        char shape[96];
        snprintf(text, sizeof text, "%s %s", d.entries[i].name, lc_shape_text(shape, d.entries[i].rank, d.entries[i].dims));
        is += fnv(text);
    }
    if (d.count != count || is != hash) {
        fail_msg("%s: its %zu tensors are not the %zu of PyTorch's", arch->name, d.count, count);
    }
    finish(&d, true);
    network n = {0};
    start(&n, &d.map, height, width);
    assert_string_equal(n.model.architecture, arch->name);
    assert_int_equal(fscanf(f, " taps %zu %lx\n", &count, &hash), 2);
    is = 0;
    for (size_t i = 0; i < n.taps.count; i++) {
        snprintf(text, sizeof text, "%s %zu", n.taps.taps[i].name,
                 lc_tensor_count(&n.model.graph->values[n.taps.taps[i].value].t));
        is += fnv(text);
    }
    if (n.taps.count != count || is != hash) {
        fail_msg("%s: its %zu taps are not the %zu of PyTorch's", arch->name, n.taps.count, count);
    }
    draw(&n, height, width);
    TRY(lc_exec_run(n.exec, 1, NULL));
    check_taps(&n, f, arch->name);
    fclose(f);
    stop(&n);
    drop(&d);
}

/* Every file that torchvision has published gets the pictures it was trained on. */
static void test_published(void **state)
{
    (void)state;
    char name[64], weights[64], digits[9], sha256[65];
    size_t own = 0;
    FILE *f = fopen("tests/golden/arch_published.txt", "r");
    assert_non_null(f);
    while (fscanf(f, "%63s %63s %8s", name, weights, digits) == 3) {
        snprintf(sha256, sizeof sha256, "%s%056d", digits, 0);
        const lc_published *p = lc_published_find(name, sha256);
        check_pictures(f, p ? &p->preprocess : &row_of(name)->preprocess);
        if (p) {
            assert_string_equal(p->weights, weights);
            own++;
        }
    }
    fclose(f);
    assert_int_equal(own, 30);
    assert_null(lc_published_find("resnet101", "0676ba61")); /* those of resnet50 */
    assert_null(lc_published_find("resnet50", "0676ba62"));
}

/* Whole taps of a real file, for tests/golden/compare_torchvision.py ----------------------------------------------- */

static float *read_floats(const char *folder, const char *name, size_t *count)
{
    char *path;
    unsigned char *data;
    size_t size;
    TRY(lc_sprintf(&path, "%s/%s", folder, name));
    TRY(lc_read_file(&data, &size, path, SIZE_MAX / 2));
    free(path);
    *count = size / sizeof(float);
    return (float *)(void *)data;
}

/* Largest difference from the values of PyTorch. */
static double error_of(const lc_tensor *t, const float *wanted)
{
    double error = 0;
    for (size_t k = 0; k < lc_tensor_count(t); k++) {
        double d = fabs(value_at(t, k) - (double)wanted[k]);
        error = d > error || isnan(d) ? d : error;
    }
    return error;
}

/* Every name of the index must be a tap, every tap must be in the index; errors are in parts of the index's scale. */
static void compare(void **state)
{
    (void)state;
    const char *folder = getenv("LC_ARCH_COMPARE"), *file = getenv("LC_ARCH_FILE");
    char *path, arch[64], name[256], worst_name[256] = "";
    size_t count, size, elements, first;
    double worst = 0, limit, scale;
    bool *compared;
    lc_mapping map;
    network n = {0};
    TRY(lc_sprintf(&path, "%s/index.txt", folder));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    free(path);
    assert_int_equal(fscanf(f, "%63s %zu %lf", arch, &size, &limit), 3);
    float *x = read_floats(folder, "input.f32", &count), *values = read_floats(folder, "taps.f32", &elements);
    assert_int_equal(count, size * size * 3);
    TRY(lc_map_file(&map, file));
    start(&n, &map, size, size);
    if (n.model.architecture) {
        assert_string_equal(n.model.architecture, arch);
    }
    TRY(lc_alloc_array(&compared, n.taps.count, sizeof *compared));
    memcpy(lc_exec_input(n.exec), x, count * sizeof *x);
    TRY(lc_exec_run(n.exec, 1, NULL));
    while (fscanf(f, "%255s %zu %zu %lf", name, &count, &first, &scale) == 4) {
        size_t i = lc_taps_find(&n.taps, name);
        if (i == LC_NO_VALUE) {
            fail_msg("no tap is called %s", name);
        }
        lc_tensor t = lc_exec_tap(n.exec, i);
        if (lc_tensor_count(&t) != count) {
            fail_msg("%s has %zu elements, not %zu", name, lc_tensor_count(&t), count);
        }
        double error = error_of(&t, values + first);
        error = error == 0 ? 0 : error / scale;
        compared[i] = true;
        if (!(error <= worst) && !isnan(worst)) {
            worst = error;
            snprintf(worst_name, sizeof worst_name, "%s", n.taps.taps[i].name);
        }
    }
    for (size_t i = 0; i < n.taps.count; i++) {
        if (!compared[i]) {
            fail_msg("nothing to compare %s with", n.taps.taps[i].name);
        }
    }
    printf("%-20s %4zu taps, worst error %.1e of the largest value (%s), %s\n", arch, n.taps.count, worst, worst_name,
           strrchr(file, '.') + 1);
    if (!(worst <= limit)) {
        fail_msg("%s differs by %.2e; %.0e is allowed", worst_name, worst, limit);
    }
    fclose(f);
    stop(&n);
    free(compared);
    free(x);
    free(values);
    lc_unmap_file(&map);
}

int main(void)
{
    if (getenv("LC_ARCH_COMPARE")) {
        const struct CMUnitTest whole[] = {cmocka_unit_test(compare)};
        return cmocka_run_group_tests(whole, NULL, NULL);
    }
    static const char *const quick[] = {"alexnet",           "resnet18",           "resnext50_32x4d",    "squeezenet1_1",
                                        "densenet121",       "mobilenet_v2",       "mnasnet0_5",         "googlenet",
                                        "inception_v3",      "shufflenet_v2_x0_5", "mobilenet_v3_small", "efficientnet_b0",
                                        "efficientnet_v2_s", "regnet_x_400mf",     "regnet_y_400mf",     "convnext_tiny",
                                        "cifar_resnet20"};
    struct CMUnitTest *tests;
    size_t count = 0;
    if (lc_alloc_array(&tests, 1 + lc_arch_count, sizeof *tests) != LC_OK) {
        return 1;
    }
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_published);
    for (size_t i = 0; i < lc_arch_count; i++) {
        bool runs = getenv("LC_TEST_FULL") != NULL;
        for (size_t k = 0; k < sizeof quick / sizeof *quick; k++) {
            runs = runs || strcmp(quick[k], lc_archs[i].name) == 0;
        }
        if (runs) {
            tests[count++] = (struct CMUnitTest){lc_archs[i].name, test_taps, NULL, NULL, (void *)(uintptr_t)&lc_archs[i]};
        }
    }
    int failed = _cmocka_run_group_tests("architectures", tests, count, NULL, NULL);
    free(tests);
    return failed;
}
