/*
 * Made-up rows, and how the classifier room's tests train on them. Only for tests.
 */
#ifndef LC_TESTS_CLASSIFIER_ROWS_H
#define LC_TESTS_CLASSIFIER_ROWS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "classifier/classifier.h"
#include "common/file.h"
#include "common/memory.h"
#include "common/rng.h"

#define OK(call) assert_ok((call), #call, __LINE__)

static inline void assert_ok(lc_status status, const char *call, int line)
{
    if (status != LC_OK) {
        fail_msg("line %d: %s: %s", line, call, lc_error_message());
    }
}

static inline void expect_fails(lc_status got, lc_status want, const char *word)
{
    if (got != want || !strstr(lc_error_message(), word)) {
        fail_msg("%s \"%s\" and not %s with '%s'", lc_status_name(got), lc_error_message(), lc_status_name(want), word);
    }
}

static inline void expect_same_files(const char *a, const char *b)
{
    unsigned char *one, *two;
    size_t n, m;
    OK(lc_read_file(&one, &n, a, 1 << 28));
    OK(lc_read_file(&two, &m, b, 1 << 28));
    assert_int_equal(n, m);
    assert_memory_equal(one, two, n);
    free(one);
    free(two);
}

/* Rows like features of a network: ReLU of Gaussian classes, one constant feature, every tenth row a copy of another
 * class's. */
static inline lc_dataset *make_rows(size_t rows, size_t dim, size_t classes, double spread, uint64_t seed)
{
    lc_dataset *d;
    OK(lc_alloc_array(&d, 1, sizeof *d));
    *d = (lc_dataset){.rows = rows, .dim = dim, .classes = classes, .layers = 1, .split_name = "train"};
    OK(lc_alloc_array(&d->x, rows * dim, sizeof *d->x));
    OK(lc_alloc_array(&d->labels, rows, sizeof *d->labels));
    OK(lc_alloc_array(&d->paths, rows, sizeof *d->paths));
    OK(lc_alloc_array(&d->class_names, classes, sizeof *d->class_names));
    OK(lc_alloc_array(&d->layer_names, 1, sizeof *d->layer_names));
    OK(lc_alloc_array(&d->pools, 1, sizeof *d->pools));
    OK(lc_alloc_array(&d->layer_dims, 1, sizeof *d->layer_dims));
    d->layer_dims[0] = dim;
    OK(lc_strdup(&d->layer_names[0], "avgpool"));
    OK(lc_strdup(&d->pools[0], "avg"));
    OK(lc_strdup(&d->recipe, "{\"network\":\"ab\",\"resize\":256}"));
    OK(lc_strdup(&d->model_name, "net"));
    OK(lc_strdup(&d->model_sha256, "ab"));
    OK(lc_strdup(&d->source, "rows.h5"));
    for (size_t k = 0; k < classes; k++) {
        OK(lc_sprintf(&d->class_names[k], "class%02zu", k));
    }
    for (size_t i = 0; i < rows; i++) {
        lc_rng r = lc_rng_new(seed, i);
        /* Imbalanced: class 0 has half of the rows, then the others in turn; two rows of each at least. */
        size_t k = i < 2 * classes ? i % classes : i % 2 ? 0 : i / 2 % classes;
        d->labels[i] = (int32_t)k;
        OK(lc_sprintf(&d->paths[i], "%zu.jpg", i));
        for (size_t c = 0; c < dim; c++) {
            lc_rng centre = lc_rng_new(seed + 1, k * dim + c);
            double value = lc_rng_normal(&centre) + spread * lc_rng_normal(&r);
            d->x[i * dim + c] = c == 1 ? 3.0f : (float)fmax(value, 0);
        }
        if (i % 10 == 9) {
            memcpy(d->x + i * dim, d->x + (i - 3) * dim, dim * sizeof *d->x);
        }
    }
    return d;
}

typedef struct {
    const char *kernel, *norm, *multiclass, *probability;
    size_t rows, dim, classes;
    lc_hyper hyper[3];
    size_t hyper_count;
} clf_case;

static inline lc_classifier *train(const char *name, const clf_case *c, const lc_dataset *d, size_t threads,
                                   lc_train_report *report)
{
    lc_train_options o = LC_TRAIN_OPTIONS_INIT;
    lc_classifier *out;
    o.classifier = name;
    o.kernel = c->kernel;
    o.norm = c->norm;
    o.multiclass = c->multiclass;
    o.probability = c->probability;
    o.hyper = c->hyper;
    o.hyper_count = c->hyper_count;
    o.threads = threads;
    OK(lc_classifier_train(&out, d, &o, report));
    return out;
}

#endif
