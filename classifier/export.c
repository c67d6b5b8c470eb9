#include "classifier/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/memory.h"
#include "common/text.h"

enum { DIGITS = 9 }; /* read back as the same float32 */

/* The text becomes a file, whole or not at all. */
static lc_status write_text(lc_text *t, const char *path)
{
    lc_status status = lc_text_close(t);
    if (status == LC_OK) {
        status = lc_write_file(path, t->text, t->size);
    }
    free(t->text);
    return status;
}

lc_status lc_export_rows_libsvm(const char *path, const float *x, const int32_t *labels, size_t rows, size_t dim)
{
    lc_text t;
    LC_TRY(lc_text_open(&t));
    for (size_t i = 0; i < rows; i++) {
        fprintf(t.stream, "%d", labels[i]);
        for (size_t d = 0; d < dim; d++) {
            if (x[i * dim + d] != 0) {
                fprintf(t.stream, " %zu:%.*g", d + 1, DIGITS, (double)x[i * dim + d]);
            }
        }
        fputc('\n', t.stream);
    }
    return write_text(&t, path);
}

lc_status lc_export_class_names(const char *path, const char *const *names, size_t count)
{
    lc_text t;
    LC_TRY(lc_text_open(&t));
    for (size_t k = 0; k < count; k++) {
        fprintf(t.stream, "%zu\t%s\n", k, names[k]);
    }
    return write_text(&t, path);
}

static lc_status export_libsvm(const lc_dataset *d, const char *path)
{
    char *names = NULL;
    LC_TRY(lc_dataset_one_label(d, "LIBSVM text"));
    LC_TRY(lc_export_rows_libsvm(path, d->x, d->labels, d->rows, d->dim));
    LC_TRY(lc_sprintf(&names, "%s.classes.txt", path));
    lc_status status = lc_export_class_names(names, (const char *const *)d->class_names, d->classes);
    free(names);
    return status;
}

/* "cat;dog" of a row with several labels; empty without. */
static lc_status put_labels(FILE *f, const lc_dataset *d, size_t i)
{
    char *names;
    LC_TRY(lc_join_labels(d, i, NULL, &names));
    lc_text_put_field(f, names);
    free(names);
    return LC_OK;
}

static lc_status export_csv(const lc_dataset *d, const char *path)
{
    lc_text t;
    LC_TRY(lc_text_open(&t));
    fputs("path,label", t.stream);
    for (size_t i = 0; i < d->dim; i++) {
        fprintf(t.stream, ",f%zu", i);
    }
    lc_status status = LC_OK;
    for (size_t i = 0; i < d->rows && status == LC_OK; i++) {
        fputc('\n', t.stream);
        lc_text_put_field(t.stream, d->paths[i]);
        fputc(',', t.stream);
        status = put_labels(t.stream, d, i);
        for (size_t k = 0; k < d->dim; k++) {
            fprintf(t.stream, ",%.*g", DIGITS, (double)d->x[i * d->dim + k]);
        }
    }
    fputc('\n', t.stream);
    lc_status written = write_text(&t, path);
    return status == LC_OK ? written : status;
}

/* NumPy's format 1.0: magic, version, length of the header, a Python dict padded so that the data begins at a multiple
 * of 64. */
static lc_status write_npy(const char *path, const char *type, const char *shape, const void *data, size_t size)
{
    enum { PREFIX = 10 };
    char header[192];
    lc_text t;
    int n = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    size_t length = ((size_t)n + 1 + PREFIX + 63) / 64 * 64 - PREFIX;
    LC_TRY(lc_text_open(&t));
    fwrite("\x93NUMPY\x01\x00", 1, 8, t.stream);
    fputc((int)(length & 255), t.stream);
    fputc((int)(length >> 8), t.stream);
    fprintf(t.stream, "%-*s\n", (int)length - 1, header);
    fwrite(data, 1, size, t.stream);
    return write_text(&t, path);
}

lc_status lc_export_weights(const char *path, const float *weights, size_t classes, size_t dim)
{
    char shape[64];
    snprintf(shape, sizeof shape, "(%zu, %zu)", classes, dim);
    return write_npy(path, "<f4", shape, weights, classes * dim * sizeof *weights);
}

lc_status lc_export_bias(const char *path, const double *bias, size_t classes)
{
    char shape[64];
    snprintf(shape, sizeof shape, "(%zu,)", classes);
    return write_npy(path, "<f8", shape, bias, classes * sizeof *bias);
}

/* PATH holds the rows, PATH with ".labels.npy" for its ".npy" the class numbers. */
static lc_status export_npy(const lc_dataset *d, const char *path)
{
    char shape[64], *labels = NULL;
    size_t stem = strlen(path);
    stem -= stem > 4 && strcmp(path + stem - 4, ".npy") == 0 ? 4 : 0;
    LC_TRY(lc_sprintf(&labels, "%.*s.labels.npy", (int)stem, path));
    snprintf(shape, sizeof shape, "(%zu, %zu)", d->rows, d->dim);
    lc_status status = write_npy(path, "<f4", shape, d->x, d->rows * d->dim * sizeof *d->x);
    if (status == LC_OK) {
        snprintf(shape, sizeof shape, "(%zu,)", d->rows);
        if (d->indicator) {
            snprintf(shape, sizeof shape, "(%zu, %zu)", d->rows, d->classes);
        }
        status = d->indicator ? write_npy(labels, "|u1", shape, d->indicator, d->rows * d->classes)
                              : write_npy(labels, "<i4", shape, d->labels, d->rows * sizeof *d->labels);
    }
    free(labels);
    return status;
}

lc_status lc_dataset_export(const lc_dataset *data, const char *format, const char *path)
{
    static const struct {
        const char *name;
        lc_status (*write)(const lc_dataset *d, const char *path);
    } formats[] = {{"libsvm", export_libsvm}, {"csv", export_csv}, {"npy", export_npy}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(format, formats[i].name) == 0) {
            return formats[i].write(data, path);
        }
    }
    return lc_fail(LC_ERR_ARG, "no format '%s' for rows; there are: libsvm, csv, npy", format);
}
