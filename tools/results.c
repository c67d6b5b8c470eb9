#include "tools/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "classifier/classifier.h"
#include "common/file.h"
#include "tools/inputs.h"
#include "tools/table.h"

enum { MAX_BYTES = 1 << 30 };

lc_status lc_result_read(const char *path, lc_json **out)
{
    unsigned char *text;
    size_t size;
    LC_TRY(lc_read_file(&text, &size, path, MAX_BYTES));
    lc_status st = lc_json_parse(out, (const char *)text, size);
    free(text);
    return st == LC_OK ? LC_OK : lc_fail_in(st, "%s is no result in JSON", path);
}

lc_status lc_result_of_step(lc_status step, const char *path, lc_json **out, const char **diverged)
{
    *out = NULL;
    *diverged = NULL;
    if (step != LC_OK && (step != LC_ERR_IO || access(path, F_OK) != 0)) {
        return step;
    }
    LC_TRY(lc_result_read(path, out));
    *diverged = lc_json_string(*out, "diverged");
    return step == LC_OK || *diverged ? LC_OK : lc_fail(step, "a step failed behind its result %s, see above", path);
}

/* The file whose "output" is `path`; NULL: none. */
static const lc_json *maker_of(lc_json *const *files, size_t count, const char *path)
{
    for (size_t i = 0; path && i < count; i++) {
        const char *output = lc_json_string(files[i], "output");
        if (output && strcmp(output, path) == 0) {
            return files[i];
        }
    }
    return NULL;
}

static double larger(double a, double b)
{
    return isnan(a) || b > a ? b : a;
}

/* A classifier: its training, and the share of the extraction that its training rows took. */
static void add_training(lc_result *r, lc_json *const *files, size_t count, const lc_json *evaluation)
{
    const lc_json *training = maker_of(files, count, lc_json_string(evaluation, "classifier"));
    const lc_json *extraction = maker_of(files, count, lc_json_string(evaluation, "features"));
    double rows = lc_json_number(training, "train_rows", NAN), computed = lc_json_number(extraction, "computed", 0);
    r->seconds = lc_json_number(training, "gram_seconds", NAN) + lc_json_number(training, "search_seconds", NAN) +
                 lc_json_number(training, "fit_seconds", NAN);
    r->seen = rows;
    r->bytes = lc_json_number(training, "peak_bytes", NAN);
    if (extraction && computed > 0) {
        r->seconds += lc_json_number(extraction, "seconds", NAN) * rows / computed;
        r->bytes = larger(r->bytes, lc_json_number(extraction, "peak_bytes", NAN));
    }
}

bool lc_result_of(lc_result *out, const char *name, lc_json *const *files, size_t count, size_t i)
{
    const lc_json *file = files[i], *m = lc_json_get(file, "metrics");
    if (!m) {
        return false;
    }
    *out = (lc_result){
        .name = name,
        .metrics = m,
        .rows = lc_json_get(file, "predictions"),
        .accuracy = lc_json_number(m, "accuracy", NAN),
        .low = lc_json_number(m, "accuracy_low", NAN),
        .high = lc_json_number(m, "accuracy_high", NAN),
        .macro_f1 = lc_json_number(m, "macro_f1", NAN),
        .parameters = lc_json_number(file, "trained_parameters", NAN),
        .seconds = lc_json_number(file, "train_seconds", NAN),
        .seen = lc_json_number(file, "pictures_seen", NAN),
        .bytes = lc_json_number(file, "peak_bytes", NAN),
    };
    if (lc_json_string(file, "classifier")) {
        add_training(out, files, count, file);
    }
    return true;
}

static bool right(const lc_json *rows, size_t i)
{
    const char *truth = lc_json_string_at(lc_json_get(rows, "truth"), i);
    const char *prediction = lc_json_string_at(lc_json_get(rows, "prediction"), i);
    return truth && prediction && strcmp(truth, prediction) == 0;
}

/* Whether both judged the same pictures in the same order. */
static bool same_rows(const lc_json *a, const lc_json *b)
{
    const lc_json *x = lc_json_get(a, "path"), *y = lc_json_get(b, "path");
    size_t n = lc_json_size(x);
    bool same = n > 0 && n == lc_json_size(y);
    for (size_t i = 0; same && i < n; i++) {
        const char *p = lc_json_string_at(x, i), *q = lc_json_string_at(y, i);
        same = p && q && strcmp(p, q) == 0;
    }
    return same;
}

bool lc_results_test(const lc_result *a, const lc_result *b, bool *same, lc_result_test *out)
{
    *out = (lc_result_test){.p = NAN};
    if (!a->rows || !b->rows) {
        return false;
    }
    *same = same_rows(a->rows, b->rows);
    for (size_t i = 0; *same && i < lc_json_size(lc_json_get(a->rows, "path")); i++) {
        bool of_a = right(a->rows, i), of_b = right(b->rows, i);
        out->only_first += of_a && !of_b;
        out->only_second += of_b && !of_a;
    }
    if (*same) {
        out->p = lc_mcnemar(out->only_first, out->only_second);
    }
    return true;
}

void lc_result_put_json(lc_json *object, const lc_result *r)
{
    lc_json_set_real(object, "accuracy", r->accuracy);
    lc_json_set_real(object, "accuracy_low", r->low);
    lc_json_set_real(object, "accuracy_high", r->high);
    lc_json_set_real(object, "macro_f1", r->macro_f1);
    lc_json_set_real(object, "trained_parameters", r->parameters);
    lc_json_set_real(object, "seconds", r->seconds);
    lc_json_set_real(object, "pictures_seen", r->seen);
    lc_json_set_real(object, "peak_bytes", r->bytes);
}

static void put_number(lc_text *cells, const char *format, double value)
{
    if (isnan(value)) {
        lc_table_cell(cells, "-");
    } else {
        lc_table_cell(cells, format, value);
    }
}

static void put_count(lc_text *cells, double value)
{
    char text[16];
    lc_table_cell(cells, "%s", value >= 0 && value < 1e18 ? lc_human(text, (uint64_t)value) : "-");
}

void lc_result_cells(lc_text *cells, const lc_result *r)
{
    put_number(cells, "%.4f", r->accuracy);
    put_number(cells, "%.4f", r->low);
    put_number(cells, "%.4f", r->high);
    put_number(cells, "%.4f", r->macro_f1);
    put_count(cells, r->parameters);
    put_number(cells, r->seconds < 100 ? "%.2f" : "%.0f", r->seconds);
    put_count(cells, r->seen);
    put_number(cells, "%.0f", r->bytes / 1e6);
}
