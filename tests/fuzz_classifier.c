/*
 * The reader of classifier files. HDF5 itself can crash on a damaged structure, so inputs change what the datasets and attributes
 * of a whole file say: the lowest 7 bits of the first byte pick one of the files, then 12 bytes at a time are a change. What opens must
 * score a row; what it carries along must be whole, or be refused. With the first byte's highest bit the hash of what it carries
 * is made right again, so that the network's readers see the damage, as predict would.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "classifier/classifier.h"
#include "common/file.h"
#include "common/h5.h"
#include "common/memory.h"
#include "common/sha256.h"
#include "extractor/extractor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EDIT = 12, SEALED = 0x80, ATTRIBUTE = 200, MISSING = 220, SHAPE = 230, LARGEST = 24 };

/* One label per row: every kind of model and of learned step; then several labels; then with the network in the file. */
static const char *const templates[] = {"svm", "linear", "knn", "calibrated", "svm_labels", "linear_labels", "bundle", "bundle_labels"};
static const char *const groups[] = {"/model", "/transform", "/layers", "/parameters", "/attachment", "/"};
static const char *const attributes[] = {"classifier", "kernel", "norm", "probability", "recipe", "model_sha256", "format"};
static const char *const words[] = {
    "svm",  "nusvm",     "linear",       "logreg",         "ridge",       "lda",      "centroid", "knn",
    "rbf",  "poly",      "chi2",         "intersection",   "cosine",      "l2",       "none",     "zscore",
    "pca:3", "whiten:2", "minmax,pca:3", "l2,nystroem:4",  "nystroem:9",  "pca:99999999999", "platt", "temperature",
    "",     "{}",        "[1,{\"a\":2}]", "power,l2,zscore,minmax,pca:1,whiten:1"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void must(lc_status status)
{
    if (status != LC_OK) {
        abort();
    }
}

/* The dataset that an edit names, as a path; false: there is none. */
static bool find(lc_h5 *f, const uint8_t *e, char path[static 256])
{
    char **names;
    size_t count;
    const char *group = groups[e[0] % COUNT(groups)];
    if (!lc_h5_exists(f, group) || lc_h5_list(f, group, &names, &count) != LC_OK) {
        return false;
    }
    if (count > 0) {
        snprintf(path, 256, "%s/%s", group[1] ? group : "", names[e[1] % count]);
    }
    lc_free_strings(names, count);
    lc_h5_shape s;
    return count > 0 && lc_h5_shape_of(f, path, &s) == LC_OK;
}

/* One number of it becomes another. */
static void set_value(lc_h5 *f, const char *path, size_t place, double value)
{
    lc_h5_shape s;
    if (lc_h5_shape_of(f, path, &s) != LC_OK || s.rank == 0 || s.dims[0] == 0 || s.type == LC_H5_TEXT) {
        return;
    }
    size_t row = place % s.dims[0], columns = s.rank > 1 ? s.dims[1] : 1;
    double *values = calloc(columns + 1, sizeof *values);
    if (values && columns > 0 && lc_h5_read(f, path, LC_H5_F64, row, 1, values) == LC_OK) {
        values[place % columns] = value;
        must(lc_h5_write(f, path, LC_H5_F64, row, 1, values));
    }
    free(values);
}

/* It gets another shape and type: as many rows and columns (0: no second dimension) as the edit says, all of one value. */
static void set_shape(lc_h5 *f, const char *path, const uint8_t *e)
{
    static const lc_h5_type types[] = {LC_H5_F32, LC_H5_F64, LC_H5_I32, LC_H5_I64, LC_H5_U8};
    static double zeros[LARGEST * LARGEST];
    lc_h5_type type = types[e[4] % COUNT(types)];
    must(lc_h5_unlink(f, path));
    must(lc_h5_put(f, path, type, 1 + e[2] % LARGEST, e[3] % LARGEST, zeros));
}

static void edit(lc_h5 *f, const uint8_t *e)
{
    char path[256];
    double value;
    memcpy(&value, e + 4, sizeof value);
    if (e[0] >= ATTRIBUTE && e[0] < MISSING) {
        must(lc_h5_set_text(f, "/", attributes[e[1] % COUNT(attributes)], words[e[2] % COUNT(words)]));
    } else if (!find(f, e, path)) {
        return;
    } else if (e[0] >= SHAPE) {
        set_shape(f, path, e);
    } else if (e[0] >= MISSING) {
        must(lc_h5_unlink(f, path));
    } else {
        set_value(f, path, (size_t)e[2] | (size_t)e[3] << 8, value);
    }
}

/* The hash of the attachment, whatever it is by now. */
static void seal(lc_h5 *f)
{
    static const char path[] = "/attachment/bytes";
    lc_h5_shape s;
    uint8_t digest[LC_SHA256_SIZE];
    char hex[LC_SHA256_HEX_SIZE];
    if (!lc_h5_exists(f, path) || lc_h5_shape_of(f, path, &s) != LC_OK || s.type != LC_H5_U8 || s.rank != 1) {
        return;
    }
    unsigned char *bytes = malloc(s.dims[0]);
    if (bytes && lc_h5_read(f, path, LC_H5_U8, 0, s.dims[0], bytes) == LC_OK) {
        must(lc_sha256(bytes, s.dims[0], digest));
        lc_sha256_hex(digest, hex);
        must(lc_h5_set_text(f, "/attachment", "sha256", hex));
    }
    free(bytes);
}

static void open_and_use(const char *path)
{
    lc_classifier *c;
    if (lc_classifier_open(&c, path) != LC_OK) {
        return;
    }
    const lc_classifier_info *info = lc_classifier_describe(c);
    float *x = calloc(info->dim, sizeof *x), *scores = calloc(info->classes, sizeof *scores);
    int32_t label = 0;
    if (x && scores && lc_classifier_scores(c, x, 1, info->dim, &label, scores, NULL) == LC_OK &&
        (label < 0 || (size_t)label >= info->classes)) {
        abort();
    }
    for (size_t k = 0; info->several_labels && k < info->classes; k++) {
        if (!(info->class_values[k] > 0)) {
            abort();
        }
    }
    unsigned char *bytes;
    lc_network *network;
    if (info->attachment_size && lc_classifier_attachment(c, path, &bytes) == LC_OK) {
        if (lc_network_open_bytes(&network, info->attachment, bytes, info->attachment_size) == LC_OK) {
            lc_network_free(network);
        }
        free(bytes);
    }
    free(x);
    free(scores);
    lc_classifier_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/fuzz_classifier_XXXXXX", template[64];
    unsigned char *bytes;
    size_t length;
    lc_h5 *f;
    if (size == 0) {
        return 0;
    }
    int file = mkstemp(path);
    if (file < 0) {
        abort();
    }
    close(file);
    snprintf(template, sizeof template, "tests/golden/classifier_%s.h5", templates[(data[0] & (SEALED - 1)) % COUNT(templates)]);
    must(lc_read_file(&bytes, &length, template, 1 << 20));
    must(lc_write_file(path, bytes, length));
    must(lc_h5_open(&f, path, true));
    for (size_t at = 1; at + EDIT <= size; at += EDIT) {
        edit(f, data + at);
    }
    if (data[0] & SEALED) {
        seal(f);
    }
    must(lc_h5_close(f));
    open_and_use(path);
    free(bytes);
    unlink(path);
    return 0;
}
