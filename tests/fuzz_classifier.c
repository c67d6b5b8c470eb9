/*
 * The reader of classifier files. HDF5 itself can crash on a damaged structure, so inputs change what the datasets of a whole
 * file hold: the first byte picks one of the files (255: a bundle), then 12 bytes a time name a dataset (250 and more: in the
 * attachment), a place in it and a value. What opens must score a row; what it carries along must be whole, or be refused.
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EDIT = 12 };

static const char *const templates[] = {"tests/golden/classifier_svm.h5", "tests/golden/classifier_linear.h5",
                                        "tests/golden/classifier_knn.h5"};
static const char bundle[] = "tests/golden/classifier_bundle.h5";
static const char *const groups[] = {"/model", "/transform", "/layers", "/parameters"};
enum { BUNDLE = 255, ATTACHMENT = 250 };

static void edit_dataset(lc_h5 *f, const char *path, size_t place, double value)
{
    lc_h5_shape s;
    if (lc_h5_shape_of(f, path, &s) != LC_OK || s.rank == 0 || s.dims[0] == 0 || s.type == LC_H5_TEXT) {
        return;
    }
    size_t row = place % s.dims[0], columns = s.rank > 1 ? s.dims[1] : 1;
    double *values = calloc(columns + 1, sizeof *values);
    if (values && lc_h5_read(f, path, LC_H5_F64, row, 1, values) == LC_OK) {
        values[place % columns] = value;
        if (lc_h5_write(f, path, LC_H5_F64, row, 1, values) != LC_OK) {
            abort();
        }
    }
    free(values);
}

static void edit(lc_h5 *f, const uint8_t *e)
{
    char **names, path[256];
    size_t count;
    double value;
    const char *group = e[0] >= ATTACHMENT ? "/attachment" : groups[e[0] % (sizeof groups / sizeof groups[0])];
    memcpy(&value, e + 4, sizeof value);
    if (!lc_h5_exists(f, group) || lc_h5_list(f, group, &names, &count) != LC_OK) {
        return;
    }
    if (count > 0) {
        snprintf(path, sizeof path, "%s/%s", group, names[e[1] % count]);
        edit_dataset(f, path, (size_t)e[2] | (size_t)e[3] << 8, value);
    }
    lc_free_strings(names, count);
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
    unsigned char *bytes;
    if (info->attachment_size && lc_classifier_attachment(c, path, &bytes) == LC_OK) {
        free(bytes);
    }
    free(x);
    free(scores);
    lc_classifier_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/fuzz_classifier_XXXXXX";
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
    if (lc_read_file(&bytes, &length, data[0] == BUNDLE ? bundle : templates[data[0] % 3], 1 << 20) != LC_OK ||
        lc_write_file(path, bytes, length) != LC_OK || lc_h5_open(&f, path, true) != LC_OK) {
        abort();
    }
    for (size_t at = 1; at + EDIT <= size; at += EDIT) {
        edit(f, data + at);
    }
    lc_h5_close(f);
    open_and_use(path);
    free(bytes);
    unlink(path);
    return 0;
}
