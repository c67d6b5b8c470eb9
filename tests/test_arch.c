/*
 * Architectures of state dicts: every tap of every row against PyTorch, on weights and pictures that both sides compute
 * by the same formula (tests/golden/make_golden_arch.py); what is recognised, and how what is not is refused.
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
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/memory.h"
#include "common/rng.h"
#include "extractor/models/arch.h"
#include "tests/try.h"

static uint64_t fnv(const char *text)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (const char *p = text; *p; p++) {
        h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
    }
    return h;
}

/* State dicts in memory, as safetensors ---------------------------------------------------------------------------- */

typedef struct {
    char *name;
    size_t rank, dims[LC_MAX_RANK], count;
} entry;

typedef struct {
    entry *entries;
    size_t count, capacity;
    unsigned char *file;
    lc_mapping map;
} dict;

static void add(dict *d, const char *name, size_t rank, const size_t *dims)
{
    TRY(lc_grow(&d->entries, &d->capacity, d->count + 1, sizeof *d->entries));
    entry *e = &d->entries[d->count++];
    *e = (entry){.rank = rank, .count = 1};
    TRY(lc_strdup(&e->name, name));
    for (size_t i = 0; i < rank; i++) {
        e->dims[i] = dims[i];
        e->count *= dims[i];
    }
}

static void list(void *context, const char *name, size_t rank, const size_t *dims)
{
    add(context, name, rank, dims);
}

static const lc_arch *row_of(const char *name)
{
    for (size_t i = 0; i < lc_arch_count; i++) {
        if (strcmp(lc_archs[i].name, name) == 0) {
            return &lc_archs[i];
        }
    }
    fail_msg("no row %s", name);
    return NULL;
}

static dict dict_of(const char *arch, size_t classes)
{
    dict d = {0};
    TRY(lc_arch_tensors(row_of(arch), classes, list, &d));
    return d;
}

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

/* make_golden_arch.py's weights(). */
static void fill(const entry *e, float *out)
{
    const char *dot = strrchr(e->name, '.'), *last = dot ? dot + 1 : e->name;
    uint64_t seed = fnv(e->name);
    double low = -0.1, range = 0.2;
    if (strcmp(last, "layer_scale") == 0 ||
        (e->rank == 1 && strcmp(last, "bias") != 0 && strcmp(last, "running_mean") != 0)) {
        low = 0.75;
        range = 0.5;
    } else if (e->rank > 1) {
        range = 2 * sqrt((e->rank == 4 ? 3.0 : 6.0) / (double)(e->count / e->dims[0]));
        low = -range / 2;
    }
    for (size_t i = 0; i < e->count; i++) {
        double u = (double)(lc_rng_mix(seed + i) >> 11) * 0x1p-53;
        out[i] = (float)(e->rank > 1 && low < 0 ? (2 * u - 1) * -low : range * u + low);
    }
}

static void finish(dict *d, bool values)
{
    size_t bytes = 0, used = 0, room = 16;
    for (size_t i = 0; i < d->count; i++) {
        bytes += d->entries[i].count * sizeof(float);
        room += strlen(d->entries[i].name) + 200;
    }
    char *header;
    TRY(lc_alloc_array(&header, room, 1));
    header[used++] = '{';
    for (size_t i = 0, at = 0; i < d->count; i++) {
        const entry *e = &d->entries[i];
        used +=
            (size_t)snprintf(header + used, room - used, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", i ? "," : "", e->name);
        for (size_t k = 0; k < e->rank; k++) {
            used += (size_t)snprintf(header + used, room - used, "%s%zu", k ? "," : "", e->dims[k]);
        }
        used += (size_t)snprintf(header + used, room - used, "],\"data_offsets\":[%zu,%zu]}", at,
                                 at + e->count * sizeof(float));
        at += e->count * sizeof(float);
    }
    header[used++] = '}';
    while (used % 8) {
        header[used++] = ' ';
    }
    TRY(lc_alloc_raw(&d->file, 8 + used + bytes, 1));
    for (size_t i = 0; i < 8; i++) {
        d->file[i] = (unsigned char)(used >> 8 * i);
    }
    memcpy(d->file + 8, header, used);
    free(header);
    float *data = (float *)(void *)(d->file + 8 + used);
    for (size_t i = 0; i < d->count; i++) {
        if (values) {
            fill(&d->entries[i], data);
        }
        data += d->entries[i].count;
    }
    d->map = (lc_mapping){.data = d->file, .size = 8 + used + bytes};
}

static void drop(dict *d)
{
    for (size_t i = 0; i < d->count; i++) {
        free(d->entries[i].name);
    }
    free(d->entries);
    free(d->file);
    *d = (dict){0};
}

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

typedef struct {
    lc_model model;
    lc_taps taps;
    lc_plan *plan;
    lc_exec *exec;
} network;

/* All taps of a network for a picture of this size. */
static void start(network *n, const lc_mapping *map, size_t height, size_t width)
{
    const lc_kernels *kernels;
    const char *format;
    TRY(lc_kernels_get(&kernels));
    TRY(lc_model_open(&n->model, &format, "test", map));
    TRY(lc_graph_resize(n->model.graph, height, width));
    TRY(lc_taps_new(&n->taps, n->model.graph));
    size_t *values;
    TRY(lc_alloc_array(&values, n->taps.count, sizeof *values));
    for (size_t i = 0; i < n->taps.count; i++) {
        values[i] = n->taps.taps[i].value;
    }
    TRY(lc_plan_new(&n->plan, n->model.graph, values, n->taps.count, 1, LC_FLOAT32, kernels, NULL));
    free(values);
    TRY(lc_exec_new(&n->exec, n->plan, 1));
}

static void stop(network *n)
{
    lc_exec_free(n->exec);
    lc_plan_free(n->plan);
    lc_taps_free(&n->taps);
    lc_model_free(&n->model);
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
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_heads), cmocka_unit_test(test_variants),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_names),
        cmocka_unit_test(test_published), cmocka_unit_test(test_dropouts), cmocka_unit_test(test_blocks),
    };
    enum { OTHERS = sizeof others / sizeof *others };
    struct CMUnitTest *tests;
    size_t count = OTHERS;
    if (lc_alloc_array(&tests, OTHERS + lc_arch_count, sizeof *tests) != LC_OK) {
        return 1;
    }
    memcpy(tests, others, sizeof others);
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
