/*
 * Graphs and the ONNX reader: every tap of five real networks against ONNX Runtime, folding and batching that change no
 * bit, names and selectors, files that are refused.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "extractor/models/models.h"
#include "tests/try.h"

#define SHARED (getenv("LC_SHARED") ? getenv("LC_SHARED") : "../shared")
typedef struct {
    const char *name, *input, *logits;
    size_t n, total;
    float divisor;      /* of drawn pictures */
    const char *folder; /* NULL: the shared weights */
} network;

static network squeezenet = {"squeezenet1_0", "squeezenet1_0.input_8x3x224x224.f32", "squeezenet1_0.logits_8x1000.f32", 2, 8, 1, NULL};
static network mobilenet = {"mobilenet_v2", "mobilenet_v2.input_8x3x224x224.f32", "mobilenet_v2.logits_8x1000.f32", 2, 8, 1, NULL};
static network resnet20 = {"cifar_resnet20", "cifar.input_8x3x32x32.f32", "cifar_resnet20.logits_8x10.f32", 2, 8, 1, NULL};
static network resnet56 = {"cifar_resnet56", "cifar.input_8x3x32x32.f32", "cifar_resnet56.logits_8x10.f32", 2, 8, 1, NULL};
static network digits = {"mnist", NULL, NULL, 1, 1, 1, NULL};
static network residual = {"residual", NULL, NULL, 2, 2, 100, "tests/corpus/onnx"};
static network pools = {"pools", NULL, NULL, 1, 1, 100, "tests/corpus/onnx"};
static network depthwise = {"depthwise", NULL, NULL, 3, 3, 100, "tests/corpus/onnx"};
static network attention = {"attention", NULL, NULL, 1, 1, 100, "tests/corpus/onnx"};
static network shapes = {"shapes", NULL, NULL, 1, 1, 100, "tests/corpus/onnx"};
static network gates = {"gates", NULL, NULL, 2, 2, 100, "tests/corpus/onnx"};
static network stored = {"stored", NULL, NULL, 2, 2, 100, "tests/corpus/onnx"};
static network sequences = {"sequences", NULL, NULL, 2, 2, 100, "tests/corpus/onnx"};
static network attention_batch = {"attention", NULL, NULL, 3, 3, 100, "tests/corpus/onnx"};
static network shapes_batch = {"shapes", NULL, NULL, 3, 3, 100, "tests/corpus/onnx"};

static char *weights_path(const char *name)
{
    char *path;
    TRY(lc_sprintf(&path, "%s/assets/weights/%s", SHARED, name));
    return path;
}

static float *read_floats(const char *path, size_t *count)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *count = (size_t)ftell(f) / sizeof(float);
    rewind(f);
    float *v = malloc(*count * sizeof *v);
    assert_int_equal(fread(v, sizeof *v, *count, f), *count);
    fclose(f);
    return v;
}

/* The network, or a skipped test where the shared files are not. */
static lc_model open_network(const network *net)
{
    char *path, *file;
    lc_mapping map;
    lc_model model;
    const char *format;
    TRY(lc_sprintf(&file, "%s.onnx", net->name));
    if (net->folder) {
        TRY(lc_sprintf(&path, "%s/%s", net->folder, file));
    } else {
        path = weights_path(file);
    }
    free(file);
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not here\n", path);
        free(path);
        skip();
    }
    TRY(lc_map_file(&map, path));
    TRY(lc_model_open(&model, &format, path, &map));
    lc_unmap_file(&map);
    free(path);
    return model;
}

/* The pictures as the engine wants them, (N,H,W,C). */
static float *pictures(const network *net, const lc_graph *g, size_t n)
{
    const size_t *d = g->values[g->input].t.dims;
    size_t area = d[1] * d[2], channels = d[3], count;
    float *out = malloc(n * area * channels * sizeof *out);
    if (!net->input) { /* the formula of make_golden_taps.py */
        for (size_t i = 0; i < n * area * channels; i++) {
            size_t k = i % channels, x = i / channels % d[2], y = i / channels / d[2] % d[1], picture = i / channels / area;
            out[i] = (float)((double)((x * 37 + y * 91 + x * y * 13 + k * 71 + picture * 29) % 256) / (double)net->divisor);
        }
        return out;
    }
    char *path = weights_path(net->input);
    float *in = read_floats(path, &count);
    free(path);
    assert_true(count >= n * area * channels);
    for (size_t i = 0; i < n; i++) {
        for (size_t c = 0; c < channels; c++) {
            for (size_t p = 0; p < area; p++) {
                out[(i * area + p) * channels + c] = in[(i * channels + c) * area + p];
            }
        }
    }
    free(in);
    return out;
}

/* Value `at` of a tap in ONNX's order, (N,C,H,W). */
static float value_at(const lc_tensor *t, size_t at)
{
    if (t->rank != 4) {
        return t->data[at];
    }
    size_t area = t->dims[1] * t->dims[2], c = at / area % t->dims[3], n = at / area / t->dims[3];
    return t->data[(n * area + at % area) * t->dims[3] + c];
}

typedef struct {
    lc_plan *plan;
    lc_exec *exec;
} engine;

static engine start(const lc_graph *g, const size_t *values, size_t count, size_t batch, const lc_kernels *k)
{
    engine e;
    if (!k) {
        TRY(lc_kernels_get(&k));
    }
    TRY(lc_plan_new(&e.plan, g, values, count, batch, LC_FLOAT32, k, NULL));
    TRY(lc_exec_new(&e.exec, e.plan, 1));
    return e;
}

static void stop(engine *e)
{
    lc_exec_free(e->exec);
    lc_plan_free(e->plan);
}

static void run(engine *e, const lc_graph *g, const float *x, size_t n)
{
    size_t count = lc_tensor_count(&g->values[g->input].t);
    memcpy(lc_exec_input(e->exec), x, n * count * sizeof *x);
    TRY(lc_exec_run(e->exec, n, NULL));
}

/* All of a tap's values against a dump by make_golden_taps.py, where one is named. */
static double whole_error(const network *net, size_t index, const lc_tensor *t)
{
    const char *folder = getenv("LC_TAPS_DIR");
    if (!folder) {
        return 0;
    }
    char *path;
    size_t count;
    TRY(lc_sprintf(&path, "%s/%s/%zu.f32", folder, net->name, index));
    float *v = read_floats(path, &count);
    free(path);
    assert_int_equal(count, lc_tensor_count(t));
    double worst = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)value_at(t, i) - (double)v[i]);
        worst = d > worst ? d : worst;
        largest = fabs((double)v[i]) > largest ? fabs((double)v[i]) : largest;
    }
    free(v);
    return worst / largest;
}

/* Every tap within 1e-5 of its largest value, on every instruction set this CPU has. */
static void test_taps(void **state)
{
    const network *net = *state;
    lc_model m = open_network(net);
    lc_taps taps;
    TRY(lc_taps_new(&taps, m.graph));
    float *x = pictures(net, m.graph, net->n);
    size_t *values = malloc(taps.count * sizeof *values);
    for (size_t i = 0; i < taps.count; i++) {
        values[i] = taps.taps[i].value;
    }
    const lc_kernels *tables[8];
    size_t n_tables = lc_kernels_runnable(tables, 8);
    for (size_t k = 0; k < n_tables; k++) {
        engine e = start(m.graph, values, taps.count, net->n, tables[k]);
        run(&e, m.graph, x, net->n);
        char path[64], name[256];
        snprintf(path, sizeof path, "tests/golden/taps_%s.txt", net->name);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        size_t count, seen = 0, index = 0;
        double largest, worst = 0;
        char worst_name[256] = "";
        for (; fscanf(f, "%255s %zu %lf", name, &count, &largest) == 3; index++) {
            size_t tap = 0;
            while (tap < taps.count && strcmp(m.graph->values[values[tap]].name, name) != 0) {
                tap++;
            }
            assert_true(tap < taps.count);
            lc_tensor t = lc_exec_tap(e.exec, tap);
            assert_int_equal(lc_tensor_count(&t), count);
            double error = whole_error(net, index, &t);
            for (size_t s = 0; s < 16; s++) {
                double v;
                assert_int_equal(fscanf(f, "%lf", &v), 1);
                size_t at = (size_t)(((uint64_t)s * 2654435761u + 7919 * index) % count);
                double d = fabs((double)value_at(&t, at) - v) / largest;
                error = d > error ? d : error;
            }
            if (error > worst) {
                worst = error;
                strcpy(worst_name, taps.taps[tap].name);
            }
            seen++;
        }
        fclose(f);
        assert_int_equal(seen, taps.count);
        print_message("%s, %s: %zu taps, worst error %.1e of the largest value (%s)\n", net->name, tables[k]->name, seen, worst,
                      worst_name);
        if (worst > 1e-5) {
            fail_msg("%s: %s differs by %.2e (golden values: tests/golden/make_golden_taps.py)", net->name, worst_name, worst);
        }
        stop(&e);
    }
    free(values);
    free(x);
    lc_taps_free(&taps);
    lc_model_free(&m);
}

/* The outputs stored beside the weights, all pictures, run in uneven batches. */
static void test_logits(void **state)
{
    const network *net = *state;
    lc_model m = open_network(net);
    float *x = pictures(net, m.graph, net->total);
    char *path = weights_path(net->logits);
    size_t count, per_picture = lc_tensor_count(&m.graph->values[m.graph->input].t);
    float *truth = read_floats(path, &count);
    size_t classes = count / net->total;
    free(path);
    double largest = 0, worst = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fabs((double)truth[i]) > largest ? fabs((double)truth[i]) : largest;
    }
    engine e = start(m.graph, &m.graph->output, 1, 3, NULL);
    for (size_t first = 0; first < net->total; first += 3) {
        size_t n = net->total - first < 3 ? net->total - first : 3;
        run(&e, m.graph, x + first * per_picture, n);
        lc_tensor t = lc_exec_tap(e.exec, 0);
        assert_int_equal(lc_tensor_count(&t), n * classes);
        for (size_t i = 0; i < n * classes; i++) {
            double d = fabs((double)t.data[i] - (double)truth[first * classes + i]);
            worst = d > worst ? d : worst;
        }
    }
    print_message("%s: outputs of %zu pictures, worst error %.1e of the largest\n", net->name, net->total, worst / largest);
    assert_true(worst <= 1e-5 * largest);
    stop(&e);
    free(truth);
    free(x);
    lc_model_free(&m);
}

/* A tap has the same bytes alone or among all others (folding), in any batch, on any number of threads. */
static void test_same_bytes(void **state)
{
    const network *net = *state;
    lc_model m = open_network(net);
    lc_taps taps;
    lc_threads *pool;
    TRY(lc_taps_new(&taps, m.graph));
    TRY(lc_threads_new(&pool, 3));
    float *x = pictures(net, m.graph, net->n);
    size_t *values = malloc(taps.count * sizeof *values), per_picture = lc_tensor_count(&m.graph->values[m.graph->input].t);
    for (size_t i = 0; i < taps.count; i++) {
        values[i] = taps.taps[i].value;
    }
    engine all = start(m.graph, values, taps.count, net->n, NULL);
    run(&all, m.graph, x, net->n);
    for (size_t i = 0; i < taps.count; i += i + 1 < taps.count && i + 7 >= taps.count ? taps.count - 1 - i : 7) {
        engine one = start(m.graph, &values[i], 1, 1, NULL);
        lc_tensor a = lc_exec_tap(all.exec, i);
        size_t bytes = lc_tensor_count(&a) / a.dims[0] * sizeof(float);
        for (size_t p = 0; p < net->n; p++) {
            memcpy(lc_exec_input(one.exec), x + p * per_picture, per_picture * sizeof *x);
            TRY(lc_exec_run(one.exec, 1, p ? pool : NULL));
            lc_tensor b = lc_exec_tap(one.exec, 0);
            if (memcmp((char *)a.data + p * bytes, b.data, bytes) != 0) {
                fail_msg("%s: tap %s differs when it is computed alone", net->name, taps.taps[i].name);
            }
        }
        assert_true(lc_plan_steps(one.plan) <= lc_plan_steps(all.plan));
        assert_true(lc_plan_bytes(one.plan, 1) < lc_plan_bytes(all.plan, 1));
        stop(&one);
    }
    stop(&all);
    free(values);
    free(x);
    lc_threads_free(pool);
    lc_taps_free(&taps);
    lc_model_free(&m);
}

/* Names -------------------------------------------------------------------------------------------------------- */

static void expect(const lc_taps *t, const lc_graph *g, const char *selector, size_t wanted, const char *first, const char *value)
{
    lc_choice *choices;
    size_t count;
    TRY(lc_taps_select(t, g, selector, &choices, &count));
    if (count != wanted || strcmp(choices[0].name, first) != 0 ||
        strcmp(g->values[t->taps[choices[0].tap].value].name, value) != 0) {
        fail_msg("'%s' chose %zu layers, first '%s' = %s", selector, count, choices[0].name,
                 g->values[t->taps[choices[0].tap].value].name);
    }
    lc_choices_free(choices, count);
}

static void expect_refused(const lc_taps *t, const lc_graph *g, const char *selector, lc_status wanted, const char *says)
{
    lc_choice *choices;
    size_t count;
    assert_int_equal(lc_taps_select(t, g, selector, &choices, &count), wanted);
    if (!strstr(lc_error_message(), says)) {
        fail_msg("'%s': %s", selector, lc_error_message());
    }
}

static void test_names_exported(void **state)
{
    (void)state;
    lc_model m = open_network(&squeezenet);
    lc_taps t;
    TRY(lc_taps_new(&t, m.graph));
    const lc_graph *g = m.graph;
    expect(&t, g, "features.0", 1, "features.0", "/features/features.0/Conv_output_0");
    expect(&t, g, "features.3", 1, "features.3", "/features/features.3/Concat_output_0");
    expect(&t, g, "features.3.cat", 1, "features.3.cat", "/features/features.3/Concat_output_0");
    expect(&t, g, "/features/features.3/Concat", 1, "/features/features.3/Concat", "/features/features.3/Concat_output_0");
    expect(&t, g, "features.3.squeeze", 1, "features.3.squeeze", "/features/features.3/squeeze/Conv_output_0");
    expect(&t, g, "classifier.3", 1, "classifier.3", "/classifier/classifier.3/GlobalAveragePool_output_0");
    expect(&t, g, "penultimate", 1, "features.12.cat", "/features/features.12/Concat_output_0");
    expect(&t, g, "logits", 1, "flatten", "logits");
    expect(&t, g, "@block", 8, "features.3", "/features/features.3/Concat_output_0");
    expect(&t, g, "@conv", 26, "features.0", "/features/features.0/Conv_output_0");
    expect(&t, g, "#9", 1, "features.3.cat", "/features/features.3/Concat_output_0");
    expect(&t, g, "features.4.*", 7, "features.4.squeeze", "/features/features.4/squeeze/Conv_output_0");
    expect(&t, g, "all", 65, "features.0", "/features/features.0/Conv_output_0");
    expect(&t, g, "features.12,features.3,#9", 2, "features.3", "/features/features.3/Concat_output_0");
    expect_refused(&t, g, "features.33", LC_ERR_NOTFOUND, "nearest: features.3");
    expect_refused(&t, g, "@lstm", LC_ERR_NOTFOUND, "@lstm");
    expect_refused(&t, g, "#65", LC_ERR_NOTFOUND, "#64");
    expect_refused(&t, g, "nothing*", LC_ERR_NOTFOUND, "nothing*");
    expect_refused(&t, g, ",", LC_ERR_ARG, "empty");
    lc_taps_free(&t);
    lc_model_free(&m);
}

static void test_names_plain(void **state)
{
    (void)state;
    lc_model m = open_network(&resnet56);
    lc_taps t;
    TRY(lc_taps_new(&t, m.graph));
    expect(&t, m.graph, "layer1.0", 1, "layer1.0", "layer1.0.relu2_out");
    expect(&t, m.graph, "layer3", 1, "layer3", "layer3.8.relu2_out");
    expect(&t, m.graph, "@block", 27, "layer1.0", "layer1.0.relu2_out");
    expect(&t, m.graph, "penultimate", 1, "features", "features_out");
    expect(&t, m.graph, "logits", 1, "linear", "linear_out");
    assert_int_equal(m.classes, 10);
    assert_string_equal(m.class_names[9], "truck");
    lc_taps_free(&t);
    lc_model_free(&m);
    m = open_network(&mobilenet);
    TRY(lc_taps_new(&t, m.graph));
    expect(&t, m.graph, "penultimate", 1, "63_global_pool", "63_global_pool_out");
    expect(&t, m.graph, "@block", 10, "10_add", "10_add_out");
    lc_taps_free(&t);
    lc_model_free(&m);
}

/* Another input size ---------------------------------------------------------------------------------------------- */

static void test_resize(void **state)
{
    (void)state;
    lc_model m = open_network(&squeezenet);
    TRY(lc_graph_resize(m.graph, 160, 96));
    engine e = start(m.graph, &m.graph->output, 1, 1, NULL);
    size_t count = lc_tensor_count(&m.graph->values[m.graph->input].t);
    assert_int_equal(count, 160 * 96 * 3);
    memset(lc_exec_input(e.exec), 0, count * sizeof(float));
    TRY(lc_exec_run(e.exec, 1, NULL));
    lc_tensor t = lc_exec_tap(e.exec, 0);
    for (size_t i = 0; i < 1000; i++) {
        assert_true(isfinite(t.data[i]));
    }
    stop(&e);
    assert_int_equal(lc_graph_resize(m.graph, 8, 8), LC_ERR_SHAPE);
    lc_model_free(&m);
    m = open_network(&digits);
    assert_int_equal(lc_graph_resize(m.graph, 56, 56), LC_ERR_SHAPE); /* its Reshape and Gemm want 28 */
    lc_model_free(&m);
}

/* Files that are refused -------------------------------------------------------------------------------------------- */

static void refused(const unsigned char *data, size_t size, const char *says)
{
    lc_mapping map = {.data = data, .size = size};
    lc_model m;
    const char *format;
    lc_status status = lc_model_open(&m, &format, "x.onnx", &map);
    assert_true(status == LC_ERR_FORMAT || status == LC_ERR_UNSUPPORTED || status == LC_ERR_SHAPE);
    if (says && !strstr(lc_error_message(), says)) {
        fail_msg("expected '%s' in: %s", says, lc_error_message());
    }
}

/* Cut anywhere, or with any one byte changed, a file opens or is refused; nothing else. */
static void test_damaged(void **state)
{
    (void)state;
    char *path = weights_path("mnist.onnx");
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not here\n", path);
        free(path);
        skip();
    }
    unsigned char *data;
    size_t size;
    TRY(lc_read_file(&data, &size, path, 1 << 20));
    free(path);
    for (size_t cut = 0; cut < size; cut += cut < 2048 ? 7 : 997) {
        refused(data, cut, NULL);
    }
    for (size_t at = 0; at < size; at += at < 2048 ? 3 : 499) {
        unsigned char was = data[at];
        lc_model m;
        const char *format;
        data[at] ^= 0x55;
        lc_mapping map = {.data = data, .size = size};
        if (lc_model_open(&m, &format, "x.onnx", &map) == LC_OK) {
            lc_model_free(&m);
        }
        data[at] = was;
    }
    free(data);
    refused((const unsigned char *)"", 0, "cut short");
    refused((const unsigned char *)"hello", 5, "not an ONNX file");
}

/* Weights beside a network: only in its own folder, only as long as the file is. */
static void test_external_data(void **state)
{
    (void)state;
    const struct {
        const char *from, *to, *says;
    } changes[] = {
        {"stored.weights", "/tored.weights", "not a file beside"}, {"stored.weights", "../red.weights", "not a file beside"},
        {"stored.weights", "st/../.weights", "not a file beside"}, {"stored.weights", "stored.weight?", "stored.weight?"},
        {"433", "-43", "offset is '-43'"},                         {"433", "999", "beyond the end"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        unsigned char *data;
        size_t size;
        lc_model m;
        const char *format;
        TRY(lc_read_file(&data, &size, "tests/corpus/onnx/stored.onnx", 1 << 20));
        for (unsigned char *p = data; (p = memmem(p, size - (size_t)(p - data), changes[i].from, strlen(changes[i].from)));) {
            memcpy(p, changes[i].to, strlen(changes[i].to));
        }
        lc_mapping map = {.data = data, .size = size};
        assert_int_not_equal(lc_model_open(&m, &format, "tests/corpus/onnx/stored.onnx", &map), LC_OK);
        if (!strstr(lc_error_message(), changes[i].says)) {
            fail_msg("expected '%s' in: %s", changes[i].says, lc_error_message());
        }
        free(data);
    }
    /* A network that is no file, out of a classifier file, has nothing beside it: its name must not lead anywhere. */
    unsigned char *data;
    lc_mapping map;
    size_t size;
    lc_model m;
    const char *format;
    TRY(lc_read_file(&data, &size, "tests/corpus/onnx/stored.onnx", 1 << 20));
    TRY(lc_map_bytes(&map, data, size));
    assert_int_equal(lc_model_open(&m, &format, "tests/corpus/onnx/stored.onnx", &map), LC_ERR_UNSUPPORTED);
    assert_non_null(strstr(lc_error_message(), "lies in another file"));
    lc_unmap_file(&map);
    free(data);
}

static void test_embedded(void **state)
{
    (void)state;
    lc_model m;
    const char *format;
    TRY(lc_model_open(&m, &format, "embedded", &(lc_mapping){0}));
    assert_string_equal(format, "embedded");
    assert_non_null(m.note);
    lc_taps t;
    TRY(lc_taps_new(&t, m.graph));
    expect(&t, m.graph, "penultimate", 1, "view", "view");
    expect(&t, m.graph, "@block", 6, "layer1.0", "layer1.0.relu_1");
    engine e = start(m.graph, &m.graph->output, 1, 1, NULL);
    for (size_t i = 0; i < 32 * 32 * 3; i++) {
        lc_exec_input(e.exec)[i] = (float)(i % 255) / 128 - 1;
    }
    TRY(lc_exec_run(e.exec, 1, NULL));
    lc_tensor out = lc_exec_tap(e.exec, 0);
    double sum = 0;
    for (size_t i = 0; i < lc_tensor_count(&out); i++) {
        assert_true(isfinite(out.data[i]));
        sum += fabs((double)out.data[i]);
    }
    assert_true(sum > 0);
    stop(&e);
    lc_taps_free(&t);
    lc_model_free(&m);
}

#define ON(test, network) {#test "_" #network, test, NULL, NULL, &network}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(test_taps, squeezenet),       ON(test_taps, mobilenet),      ON(test_taps, resnet20),
        ON(test_taps, resnet56),         ON(test_taps, digits),         ON(test_logits, squeezenet),
        ON(test_logits, mobilenet),      ON(test_logits, resnet20),     ON(test_logits, resnet56),
        ON(test_taps, residual),         ON(test_taps, pools),          ON(test_taps, depthwise),
        ON(test_taps, attention),        ON(test_taps, shapes),         ON(test_taps, gates),
        ON(test_taps, stored),           ON(test_taps, sequences),      ON(test_same_bytes, sequences),
        ON(test_same_bytes, squeezenet), ON(test_same_bytes, mobilenet), ON(test_same_bytes, resnet20),
        ON(test_same_bytes, residual),   ON(test_same_bytes, pools),    ON(test_same_bytes, depthwise),
        ON(test_same_bytes, attention_batch), ON(test_same_bytes, shapes_batch), ON(test_same_bytes, gates),
        cmocka_unit_test(test_names_exported),
        cmocka_unit_test(test_names_plain),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_external_data),
        cmocka_unit_test(test_embedded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
