/*
 * A features file with known rows, for test_store.c and test_store_kinds.c. Only for tests; include after cmocka.h,
 * store_checks.h and temp_folder.h.
 */
#ifndef LC_TESTS_STORE_ROWS_H
#define LC_TESTS_STORE_ROWS_H

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/feature_store.h"
#include "common/h5.h"

/* Files of the scratch folder that begin with `name` and are not called so. */
static inline size_t leftovers(const char *name)
{
    size_t count = 0;
    DIR *folder = opendir(temp_folder);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        count += strncmp(entry->d_name, name, strlen(name)) == 0 && strcmp(entry->d_name, name) != 0;
    }
    closedir(folder);
    return count;
}

enum { ROWS = 60, LAYERS = 3, BIG = 700 };

static const char recipe[] = "{\"network\":\"ab\",\"resize\":256,\"interpolation\":\"bilinear\"}";

static lc_store_layer layers[LAYERS] = {
    {.name = "/features/conv", .op = "Conv", .pool = "grid:10", .shape = {7, 20, 20}, .dim = BIG},
    {.name = "middle", .op = "Relu", .pool = "avgmax", .shape = {3, 4, 5}, .dim = 6},
    {.name = "fc", .op = "Gemm", .pool = "avg", .shape = {5, 1, 1}, .dim = 5},
};

/* A list of ROWS pictures: two classes and some without, all splits. */
static inline lc_manifest *new_manifest(void)
{
    char text[ROWS * 40];
    size_t at = (size_t)snprintf(text, sizeof text, "path,label,split\n");
    for (size_t i = 0; i < ROWS; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "p%03zu.jpg,%s,%s\n", i,
                               i % 3 == 0   ? ""
                               : i % 3 == 1 ? "ant"
                                            : "bee",
                               lc_split_name((unsigned)(i % LC_SPLIT_COUNT)));
    }
    lc_manifest *m;
    OK(lc_manifest_parse_list(&m, text, at, ',', "pictures", "list"));
    return m;
}

static inline lc_store_options options_for(const lc_manifest *m)
{
    return (lc_store_options){.manifest = m,
                              .recipe = recipe,
                              .model_name = "net",
                              .model_sha256 = "ab",
                              .command = "layercut extract",
                              .layers = layers,
                              .layer_count = LAYERS};
}

static inline float value_of(size_t generation, size_t row, size_t layer, size_t j)
{
    return (float)(generation * 1000 + row) + (float)(layer * 1000 + j) / 4096.0f;
}

/* Row `row` of generation `generation` as row `at` of the file: the number stands in width, in the hash and in every value. Every tenth fails. */
static inline lc_status write_row_at(lc_store *s, size_t generation, size_t row, size_t at)
{
    float values[LAYERS][BIG];
    const float *pointers[LAYERS];
    lc_store_row result = {
        .status = row % 10 == 9 ? LC_ROW_FAILED : LC_ROW_OK, .width = (int32_t)generation, .height = (int32_t)row};
    memset(result.sha256, (int)generation, sizeof result.sha256);
    if (result.status == LC_ROW_FAILED) {
        snprintf(result.error, sizeof result.error, "picture %zu is cut", row);
    }
    for (size_t l = 0; l < LAYERS; l++) {
        pointers[l] = values[l];
        for (size_t j = 0; j < layers[l].dim; j++) {
            values[l][j] = value_of(generation, row, l, j);
        }
    }
    return lc_store_write(s, at, 1, &result, pointers);
}

static inline lc_status write_row(lc_store *s, size_t generation, size_t row)
{
    return write_row_at(s, generation, row, row);
}

/* How many rows are ok; each of them must be whole, of the one generation that its width names. */
static inline size_t check_rows(lc_store *s)
{
    float values[BIG];
    size_t ok = 0;
    for (size_t row = 0; row < ROWS; row++) {
        lc_store_row result;
        OK(lc_store_read_row(s, row, &result));
        assert_int_equal(result.status, lc_store_status(s)[row]);
        if (result.status == LC_ROW_PENDING) {
            continue;
        }
        assert_int_equal(result.status, row % 10 == 9 ? LC_ROW_FAILED : LC_ROW_OK);
        assert_int_equal(result.height, row);
        assert_int_equal(result.sha256[0], result.width);
        assert_int_equal(result.sha256[LC_SHA256_SIZE - 1], result.width);
        for (size_t l = 0; l < LAYERS; l++) {
            OK(lc_store_read(s, l, row, 1, values));
            for (size_t j = 0; j < layers[l].dim; j++) {
                bool right =
                    result.status == LC_ROW_OK ? values[j] == value_of((size_t)result.width, row, l, j) : isnan(values[j]);
                assert_true(right);
            }
        }
        ok++;
    }
    return ok;
}

static inline void write_whole(const char *path, const lc_manifest *m)
{
    lc_store *s;
    lc_store_options o = options_for(m);
    OK(lc_store_create(&s, path, &o));
    for (size_t row = 0; row < ROWS; row++) {
        OK(write_row(s, 1, row));
    }
    OK(lc_store_finish(s));
}

static inline void assert_same_dataset(const char *a, const char *b, const char *name, lc_h5_type type, size_t row_bytes)
{
    static char x[ROWS * BIG * sizeof(float)], y[sizeof x];
    lc_h5 *f, *g;
    OK(lc_h5_open(&f, a, false));
    OK(lc_h5_open(&g, b, false));
    OK(lc_h5_read(f, name, type, 0, ROWS, x));
    OK(lc_h5_read(g, name, type, 0, ROWS, y));
    assert_memory_equal(x, y, ROWS * row_bytes);
    OK(lc_h5_close(f));
    OK(lc_h5_close(g));
}

static inline void assert_same_values(const char *a, const char *b)
{
    assert_same_dataset(a, b, "/layers/.features.conv", LC_H5_F32, BIG * sizeof(float));
    assert_same_dataset(a, b, "/layers/middle", LC_H5_F32, 6 * sizeof(float));
    assert_same_dataset(a, b, "/layers/fc", LC_H5_F32, 5 * sizeof(float));
    assert_same_dataset(a, b, "/images/status", LC_H5_U8, 1);
    assert_same_dataset(a, b, "/images/error", LC_H5_TEXT, LC_ROW_ERROR_SIZE);
    assert_same_dataset(a, b, "/images/sha256", LC_H5_U8, LC_SHA256_SIZE);
    assert_same_dataset(a, b, "/images/width", LC_H5_I32, sizeof(int32_t));
}

#endif
