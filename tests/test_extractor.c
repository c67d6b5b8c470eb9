/*
 * The extractor's door: pooling, preprocessing as typed, pictures into stores and memory, resuming, refusals.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/interrupt.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memory.h"
#include "extractor/network.h"
#include "tests/temp_folder.h"
#include "tests/try.h"

static void expect(lc_status status, lc_status wanted, const char *says)
{
    if (status != wanted || !strstr(lc_error_message(), says)) {
        fail_msg("status %s: %s", lc_status_name(status), lc_error_message());
    }
}

/* Pooling ------------------------------------------------------------------------------------------------------ */

static void pooled(const char *text, const size_t shape[3], const float *map, const float *wanted, size_t n)
{
    lc_pooling p;
    const lc_kernels *k;
    size_t dim;
    float row[64], scratch[16];
    TRY(lc_kernels_get(&k));
    TRY(lc_pooling_parse(text, &p));
    TRY(lc_pooling_dim(&p, shape, &dim));
    assert_int_equal(dim, n);
    lc_pooling_apply(&p, k, shape, map, scratch, row);
    for (size_t i = 0; i < n; i++) {
        if (fabsf(row[i] - wanted[i]) > 1e-6f) {
            fail_msg("%s: element %zu is %g, not %g", text, i, (double)row[i], (double)wanted[i]);
        }
    }
}

static void test_pooling(void **state)
{
    (void)state;
    /* (C,H,W) = (2,2,3), in the engine's order: pixel by pixel */
    const float map[] = {1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6};
    const size_t shape[] = {2, 2, 3}, vector[] = {3, 1, 1};
    pooled("avg", shape, map, (float[]){3.5f, -3.5f}, 2);
    pooled("max", shape, map, (float[]){6, -1}, 2);
    pooled("avgmax", shape, map, (float[]){3.5f, -3.5f, 6, -1}, 4);
    pooled("flat", shape, map, (float[]){1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6}, 12);
    pooled("grid:1", shape, map, (float[]){3.5f, -3.5f}, 2);
    /* adaptive: columns 0-1 and 1-2 of three */
    pooled("grid:2", shape, map, (float[]){1.5f, 2.5f, 4.5f, 5.5f, -1.5f, -2.5f, -4.5f, -5.5f}, 8);
    pooled("avgmax", vector, map, map, 3);
    pooled("grid:4", vector, map, map, 3);
    lc_pooling p;
    expect(lc_pooling_parse("median", &p), LC_ERR_ARG, "'median'");
    expect(lc_pooling_parse("grid:", &p), LC_ERR_ARG, "'grid:'");
    expect(lc_pooling_parse("grid:0", &p), LC_ERR_ARG, "'grid:0'");
    expect(lc_pooling_parse("grid:3x", &p), LC_ERR_ARG, "'grid:3x'");
}

/* Preprocessing as typed --------------------------------------------------------------------------------------- */

static lc_preprocess settings(lc_network *net, const lc_setting *s, size_t n)
{
    lc_preprocess p;
    TRY(lc_network_preprocess(net, &(lc_extract_options){.settings = s, .setting_count = n}, &p));
    return p;
}

static void test_settings(void **state)
{
    (void)state;
    lc_network *net;
    lc_preprocess p;
    TRY(lc_network_open(&net, "embedded"));
    p = settings(net, NULL, 0);
    assert_int_equal(p.resize, 32); /* a small network sees the whole picture */
    assert_int_equal(p.height, 32);
    lc_setting all[] = {{"mean", "128/255"}, {"std", "0.5,0.25,1"}, {"resize", "100"}, {"interpolation", "bicubic"},
                        {"crop_mode", "squash"}, {"input", "96"}, {"exif", "1"}};
    p = settings(net, all, 7);
    assert_true(p.height == 96 && p.width == 96 && p.resize == 100 && p.exif);
    assert_true(p.mean[0] == (float)(128.0 / 255) && p.mean[2] == p.mean[0] && p.std[1] == 0.25f);
    assert_true(p.interpolation == LC_FILTER_BICUBIC && p.crop_mode == LC_CROP_SQUASH);
    assert_int_equal(lc_network_describe(net)->input[1], 96);
    lc_setting pct[] = {{"crop_pct", "0.875"}, {"input", "3x56x112"}, {"crop_mode", "squash"}};
    p = settings(net, pct, 3);
    assert_true(p.height == 56 && p.width == 112 && p.resize == 64);
    static const struct {
        lc_setting s;
        const char *says;
    } wrong[] = {
        {{"mean", "a"}, "--mean a"},      {{"mean", "1,2"}, "--mean 1,2"},          {{"mean", "1/0"}, "--mean 1/0"},
        {{"std", "0"}, "std"},            {{"resize", "12x"}, "--resize 12x"},      {{"resize", "10"}, "resize"},
        {{"input", "1x64x64"}, "--input"}, {{"input", "x"}, "--input x"},           {{"crop_pct", "1.5"}, "--crop_pct"},
        {{"interpolation", "cubic"}, "cubic"}, {{"crop_mode", "border"}, "border"}, {{"gamma", "2"}, "'gamma'"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        expect(lc_network_preprocess(net, &(lc_extract_options){.settings = &wrong[i].s, .setting_count = 1}, &p), LC_ERR_ARG,
               wrong[i].says);
    }
    lc_network_free(net);
}

static void test_recipe(void **state)
{
    (void)state;
    lc_network *net;
    char *text, *again;
    lc_setting s[] = {{"input", "80"}, {"mean", "0.1"}};
    TRY(lc_network_open(&net, "embedded"));
    TRY(lc_extract_recipe(net, &(lc_extract_options){.settings = s, .setting_count = 2}, &text));
    TRY(lc_extract_recipe(net, &(lc_extract_options){.recipe = text}, &again));
    assert_string_equal(text, again);
    assert_non_null(strstr(text, "\"input_size\":[3,80,80]"));
    lc_network_free(net);
    free(text);
    free(again);
}

static void test_unknown_networks(void **state)
{
    (void)state;
    lc_network *net;
    expect(lc_network_open(&net, "resnet999"), LC_ERR_NOTFOUND, "LAYERCUT_HOME");
    expect(lc_network_open(&net, "no/such/file.onnx"), LC_ERR_IO, "No such file");
    FILE *f = fopen(temp_path("empty.onnx"), "w");
    fclose(f);
    expect(lc_network_open(&net, temp_path("empty.onnx")), LC_ERR_FORMAT, "empty");
    f = fopen(temp_path("noise.bin"), "w");
    fputs("this is not a network", f);
    fclose(f);
    expect(lc_network_open(&net, temp_path("noise.bin")), LC_ERR_FORMAT, "noise.bin");
}

/* A file in $LAYERCUT_HOME is found by its name. */
static void test_known_names(void **state)
{
    (void)state;
    lc_network *net;
    char command[1024];
    snprintf(command, sizeof command, "cp tests/corpus/onnx/residual.onnx %s", temp_path("tiny.onnx"));
    assert_int_equal(system(command), 0);
    setenv("LAYERCUT_HOME", temp_folder, 1);
    TRY(lc_network_open(&net, "tiny"));
    const lc_network_info *info = lc_network_describe(net);
    assert_string_equal(info->name, "tiny");
    assert_int_equal(info->classes, 3);
    assert_string_equal(info->class_names[1], "b");
    lc_network_free(net);
    unsetenv("LAYERCUT_HOME");
}

/* Pictures ------------------------------------------------------------------------------------------------------- */

enum { PICTURES = 23, BAD = 7 };

/* Small PPM pictures by a formula; number BAD is cut short. */
static void draw_pictures(void)
{
    char name[64];
    mkdir(temp_path("set"), 0700);
    mkdir(temp_path("set/even"), 0700);
    mkdir(temp_path("set/odd"), 0700);
    for (int i = 0; i < PICTURES; i++) {
        snprintf(name, sizeof name, "set/%s/%02d.ppm", i % 2 ? "odd" : "even", i);
        FILE *f = fopen(temp_path(name), "wb");
        assert_non_null(f);
        int side = 40 + i;
        fprintf(f, "P6 %d %d 255\n", side, side);
        for (int p = 0; p < (i == BAD ? 100 : side * side * 3); p++) {
            fputc((p * (i + 3) + p / 7) & 255, f);
        }
        fclose(f);
    }
}

typedef struct {
    lc_network *net;
    lc_manifest *manifest;
} fixture;

static fixture open_set(void)
{
    fixture f;
    TRY(lc_network_open(&f.net, "embedded"));
    TRY(lc_manifest_read(&f.manifest, temp_path("set")));
    assert_int_equal(f.manifest->rows, PICTURES);
    return f;
}

static void close_set(fixture *f)
{
    lc_network_free(f->net);
    lc_manifest_free(f->manifest);
}

/* Every number in a store's layers, rows behind each other. */
static float *all_values(const char *path, size_t *count)
{
    lc_store *s;
    float *v = NULL;
    *count = 0;
    TRY(lc_store_open(&s, path));
    for (size_t l = 0; l < lc_store_layer_count(s); l++) {
        size_t n = PICTURES * lc_store_layer_at(s, l)->dim;
        v = realloc(v, (*count + n) * sizeof *v);
        TRY(lc_store_read(s, l, 0, PICTURES, v + *count));
        *count += n;
    }
    lc_store_free(s);
    return v;
}

static lc_extract_report extract(fixture *f, const char *path, size_t threads, size_t batch)
{
    lc_extract_report r;
    lc_extract_options o = {.layers = "layer1.0,layer3,penultimate", .pool = "avgmax", .threads = threads, .batch = batch};
    TRY(lc_extract(f->net, f->manifest, &o, path, "test", &r));
    return r;
}

static void test_threads_and_batches(void **state)
{
    (void)state;
    static const size_t threads[] = {1, 2, 5, 3}, batches[] = {1, 7, 4, 64};
    fixture f = open_set();
    float *first = NULL;
    size_t count;
    for (size_t i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "run%zu.h5", i);
        lc_extract_report r = extract(&f, temp_path(name), threads[i], batches[i]);
        assert_true(r.rows == PICTURES && r.computed == PICTURES && r.kept == 0 && r.failed == 1);
        float *v = all_values(temp_path(name), &count);
        if (first) {
            assert_memory_equal(first, v, count * sizeof *v);
            free(v);
        } else {
            first = v;
        }
    }
    free(first);
    lc_store *s;
    lc_store_row row;
    TRY(lc_store_open(&s, temp_path("run0.h5")));
    assert_true(lc_store_complete(s));
    assert_string_equal(lc_store_layer_at(s, 0)->name, "layer1.0"); /* stored as asked for */
    assert_string_equal(lc_store_layer_at(s, 2)->name, "view");
    for (size_t i = 0; i < PICTURES; i++) {
        TRY(lc_store_read_row(s, i, &row));
        if (strcmp(lc_store_manifest(s)->paths[i], "odd/07.ppm") == 0) {
            assert_true(row.status == LC_ROW_FAILED && row.error[0]);
        } else {
            assert_true(row.status == LC_ROW_OK && row.width == row.height && row.width >= 40);
        }
    }
    lc_store_free(s);
    close_set(&f);
}

/* Stops a run after some pictures, as Ctrl-C does. */
static size_t stop_after;

static void on_progress(void *payload, const char *what, size_t done, size_t total)
{
    (void)payload, (void)what, (void)total;
    if (stop_after && done >= stop_after) {
        lc_interrupt_request();
    }
}

/* In a child, because a requested stop stays requested. */
static void interrupted_run(const char *path, size_t after)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        fixture f = open_set();
        lc_extract_report r;
        lc_extract_options o = {.layers = "layer1.0,layer3,penultimate", .pool = "avgmax", .threads = 2, .batch = 2};
        stop_after = after;
        lc_log_set(NULL, on_progress, NULL);
        lc_status status = lc_extract(f.net, f.manifest, &o, path, "test", &r);
        close_set(&f);
        _exit(status == LC_ERR_INTERRUPTED && r.computed >= after ? 0 : 1);
    }
    int how;
    waitpid(child, &how, 0);
    assert_int_equal(how, 0);
}

static void test_resume(void **state)
{
    (void)state;
    fixture f = open_set();
    size_t count;
    const char *path = temp_path("stopped.h5");
    interrupted_run(path, 9);
    lc_store *s;
    TRY(lc_store_open(&s, path));
    assert_false(lc_store_complete(s));
    lc_store_free(s);
    lc_extract_report r = extract(&f, path, 2, 3);
    assert_true(r.kept >= 8 && r.kept + r.computed == PICTURES && r.failed == 1);
    float *a = all_values(temp_path("run0.h5"), &count), *b = all_values(temp_path("stopped.h5"), &count);
    assert_memory_equal(a, b, count * sizeof *a);
    free(a);
    free(b);
    r = extract(&f, temp_path("stopped.h5"), 1, 0); /* nothing left but the failed row, which is tried again */
    assert_true(r.kept == PICTURES - 1 && r.computed == 1 && r.failed == 1);
    close_set(&f);
}

static void test_refused(void **state)
{
    (void)state;
    fixture f = open_set();
    lc_extract_report r;
    const char *path = temp_path("run0.h5");
    lc_extract_options same = {.layers = "layer1.0,layer3,penultimate", .pool = "avgmax"}, o = same;
    lc_setting bicubic = {"interpolation", "bicubic"};
    o.settings = &bicubic;
    o.setting_count = 1;
    expect(lc_extract(f.net, f.manifest, &o, path, "test", &r), LC_ERR_STALE, "interpolation bicubic");
    o = same;
    o.pool = "max";
    expect(lc_extract(f.net, f.manifest, &o, path, "test", &r), LC_ERR_STALE, "max");
    o = same;
    o.batch = 1 << 20;
    expect(lc_extract(f.net, f.manifest, &o, path, "test", &r), LC_ERR_ARG, "batch");
    o = same;
    o.layers = "layer9";
    expect(lc_extract(f.net, f.manifest, &o, path, "test", &r), LC_ERR_NOTFOUND, "layer9");
    o = same;
    o.recipe = "{\"network\":\"0\"}";
    expect(lc_extract(f.net, f.manifest, &o, path, "test", &r), LC_ERR_STALE, "network");
    /* a picture that has changed since */
    FILE *p = fopen(temp_path("set/even/04.ppm"), "r+b");
    fseek(p, 100, SEEK_SET);
    fputc(1, p);
    fputc(2, p);
    fclose(p);
    expect(lc_extract(f.net, f.manifest, &same, path, "test", &r), LC_ERR_STALE, "even/04.ppm");
    FILE *junk = fopen(temp_path("junk.h5"), "w");
    fputs("precious notes", junk);
    fclose(junk);
    lc_status status = lc_extract(f.net, f.manifest, &same, temp_path("junk.h5"), "test", &r);
    assert_int_equal(status, LC_ERR_STALE);
    close_set(&f);
}

static void test_memory(void **state)
{
    (void)state;
    fixture f = open_set();
    lc_features in_memory;
    lc_extract_options o = {.layers = "#3,flatten", .threads = 2, .batch = 5};
    TRY(lc_features_compute(f.net, f.manifest, &o, &in_memory));
    assert_true(in_memory.rows == PICTURES && in_memory.layers == 2 && in_memory.report.failed == 1);
    lc_extract_report r;
    TRY(lc_extract(f.net, f.manifest, &o, temp_path("memory.h5"), "test", &r));
    size_t count, at = 0;
    float *v = all_values(temp_path("memory.h5"), &count);
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; i < PICTURES; i++, at += in_memory.layer[l].dim) {
            if (in_memory.row[i].status == LC_ROW_OK) {
                assert_memory_equal(v + at, in_memory.values[l] + i * in_memory.layer[l].dim, in_memory.layer[l].dim * sizeof *v);
            }
        }
    }
    free(v);
    lc_features_free(&in_memory);
    close_set(&f);
}

/* Drawn weights: as many, of the variance they ought to have, a function of the seed; the shape of the network stays. */
static void test_random_weights(void **state)
{
    (void)state;
    lc_network *net[3];
    char before[LC_SHA256_HEX_SIZE];
    for (size_t i = 0; i < 3; i++) {
        TRY(lc_network_open(&net[i], "embedded"));
        snprintf(before, sizeof before, "%s", lc_network_describe(net[i])->sha256);
        TRY(lc_network_randomise(net[i], i == 2 ? 5 : 4));
    }
    const lc_network_info *info = lc_network_describe(net[0]);
    assert_string_equal(info->name, "embedded-random");
    assert_non_null(strstr(info->note, "random weights"));
    assert_string_not_equal(info->sha256, before);
    assert_string_equal(info->sha256, lc_network_describe(net[1])->sha256);
    assert_string_not_equal(info->sha256, lc_network_describe(net[2])->sha256);
    const lc_graph *g = net[0]->model.graph;
    size_t layers = 0;
    for (size_t n = 0; n < g->node_count; n++) {
        if (!(g->nodes[n].op->flags & LC_OP_WEIGHTED)) {
            continue;
        }
        size_t value = g->nodes[n].in[1], count = lc_tensor_count(&g->values[value].t);
        const float *w = g->values[value].t.data;
        double square = 0;
        for (size_t i = 0; i < count; i++) {
            square += (double)w[i] * (double)w[i];
        }
        double wanted = 2.0 / (double)(count / g->values[value].t.dims[0]), got = square / (double)count;
        assert_true(fabs(got / wanted - 1) < 6 * sqrt(2.0 / (double)count));
        assert_memory_equal(w, net[1]->model.graph->values[value].t.data, count * sizeof *w);
        layers++;
    }
    assert_true(layers > 10);
    for (size_t i = 0; i < 3; i++) {
        lc_network_free(net[i]);
    }
}

static int make_set(void **state)
{
    int failed = temp_folder_make(state);
    if (!failed) {
        draw_pictures();
    }
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pooling),      cmocka_unit_test(test_settings),    cmocka_unit_test(test_recipe),
        cmocka_unit_test(test_unknown_networks), cmocka_unit_test(test_known_names), cmocka_unit_test(test_threads_and_batches),
        cmocka_unit_test(test_resume),       cmocka_unit_test(test_memory),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_random_weights),
    };
    return cmocka_run_group_tests(tests, make_set, temp_folder_remove);
}
