/* compare RESULT.json...: evaluations in one table, and whether two of them differ by more than chance. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/classifier.h"
#include "common/file.h"
#include "common/memory.h"
#include "tools/cli.h"
#include "tools/table.h"

enum { MAX_RESULTS = 64, MAX_BYTES = 1 << 30 };

/* One evaluation. */
typedef struct {
    const char *path;
    const lc_json *metrics, *rows; /* rows: its predictions, NULL: none in the file */
    double parameters, seconds;    /* NaN: not in the file */
} result;

static const lc_cli_option options[] = {{0}};

static lc_status read_result(const char *path, lc_json **out)
{
    unsigned char *text;
    size_t size;
    LC_TRY(lc_read_file(&text, &size, path, MAX_BYTES));
    lc_status st = lc_json_parse(out, (const char *)text, size);
    free(text);
    return st == LC_OK ? LC_OK : lc_fail_in(st, "%s", path);
}

/* Seconds of the training whose output the evaluation judged, when that training's result was given as well. */
static double seconds_of(lc_json *const *files, size_t count, const lc_json *evaluation)
{
    const char *classifier = lc_json_string(evaluation, "classifier");
    for (size_t i = 0; classifier && i < count; i++) {
        const char *output = lc_json_string(files[i], "output");
        if (output && strcmp(output, classifier) == 0) {
            return lc_json_number(files[i], "gram_seconds", NAN) + lc_json_number(files[i], "search_seconds", NAN) +
                   lc_json_number(files[i], "fit_seconds", NAN);
        }
    }
    return lc_json_number(evaluation, "seconds", NAN);
}

static void put_number(lc_text *cells, const char *format, double value)
{
    if (isnan(value)) {
        lc_table_cell(cells, "-");
    } else {
        lc_table_cell(cells, format, value);
    }
}

static lc_status print_table(const lc_cli *cli, const result *results, size_t count)
{
    static const char *const titles[] = {"<result", ">accuracy", ">low", ">high", ">macro F1", ">parameters", ">seconds"};
    lc_text cells;
    LC_TRY(lc_text_open(&cells));
    for (size_t i = 0; i < count; i++) {
        const lc_json *m = results[i].metrics;
        lc_table_cell(&cells, "%s", results[i].path);
        put_number(&cells, "%.4f", lc_json_number(m, "accuracy", NAN));
        put_number(&cells, "%.4f", lc_json_number(m, "accuracy_low", NAN));
        put_number(&cells, "%.4f", lc_json_number(m, "accuracy_high", NAN));
        put_number(&cells, "%.4f", lc_json_number(m, "macro_f1", NAN));
        put_number(&cells, "%.0f", results[i].parameters);
        put_number(&cells, "%.2f", results[i].seconds);
    }
    return lc_table_print(cli, titles, sizeof titles / sizeof titles[0], &cells);
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

/* b against a, if their files hold predictions of the same rows. */
static void print_test(const lc_cli *cli, const result *a, const result *b, lc_json *tests)
{
    size_t only[2] = {0};
    if (!a->rows || !b->rows) {
        return;
    }
    if (!same_rows(a->rows, b->rows)) {
        lc_cli_print(cli, "%s and %s: other pictures, no test\n", a->path, b->path);
        return;
    }
    for (size_t i = 0; i < lc_json_size(lc_json_get(a->rows, "path")); i++) {
        bool of_a = right(a->rows, i), of_b = right(b->rows, i);
        only[0] += of_a && !of_b;
        only[1] += of_b && !of_a;
    }
    double p = lc_mcnemar(only[0], only[1]);
    lc_cli_print(cli, "%s and %s: only the first is right on %zu rows,\n  only the second on %zu; p = %.4g (McNemar, exact)\n",
                 a->path, b->path, only[0], only[1], p);
    lc_json *test = lc_json_object();
    lc_json_set_string(test, "first", a->path);
    lc_json_set_string(test, "second", b->path);
    lc_json_set_int(test, "only_first_right", (int64_t)only[0]);
    lc_json_set_int(test, "only_second_right", (int64_t)only[1]);
    lc_json_set_real(test, "p", p);
    lc_json_add(tests, test);
}

static lc_json *results_json(const result *results, size_t count)
{
    static const char *const keys[] = {"accuracy", "accuracy_low", "accuracy_high", "macro_f1"};
    lc_json *list = lc_json_array();
    for (size_t i = 0; i < count; i++) {
        lc_json *object = lc_json_object();
        lc_json_set_string(object, "result", results[i].path);
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            lc_json_set_real(object, keys[k], lc_json_number(results[i].metrics, keys[k], NAN));
        }
        lc_json_set_real(object, "trained_parameters", results[i].parameters);
        lc_json_set_real(object, "seconds", results[i].seconds);
        lc_json_add(list, object);
    }
    return list;
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    lc_json *files[MAX_RESULTS] = {0}, *out = lc_cli_json(cli), *tests = lc_json_array();
    result results[MAX_RESULTS];
    size_t count = 0, read = 0;
    lc_status st = LC_OK;
    (void)arguments;
    for (; read < cli->operand_count && st == LC_OK; read++) {
        st = read_result(cli->operands[read], &files[read]);
    }
    for (size_t i = 0; i < read && st == LC_OK; i++) {
        const lc_json *metrics = lc_json_get(files[i], "metrics");
        if (metrics) {
            results[count++] = (result){.path = cli->operands[i],
                                        .metrics = metrics,
                                        .rows = lc_json_get(files[i], "predictions"),
                                        .parameters = lc_json_number(files[i], "trained_parameters", NAN),
                                        .seconds = seconds_of(files, read, files[i])};
        } else if (!lc_json_string(files[i], "output")) {
            st = lc_fail(LC_ERR_ARG, "%s is no result of evaluate (nor of train): it has no metrics", cli->operands[i]);
        }
    }
    if (st == LC_OK && count == 0) {
        st = lc_fail(LC_ERR_ARG, "no result of evaluate among the files");
    }
    if (st == LC_OK) {
        st = print_table(cli, results, count);
    }
    for (size_t i = 1; i < count && st == LC_OK; i++) {
        print_test(cli, &results[0], &results[i], tests);
    }
    if (st == LC_OK) {
        lc_json_set(out, "results", results_json(results, count));
        lc_json_set(out, "tests", tests);
        tests = NULL;
        st = lc_cli_write_json(cli, out);
    }
    for (size_t i = 0; i < read; i++) {
        lc_json_free(files[i]);
    }
    lc_json_free(tests);
    lc_json_free(out);
    return st;
}

const lc_cli_command lc_command_compare = {
    .name = "compare",
    .group = "Classify",
    .summary = "results of evaluate in one table",
    .usage = "RESULT.json... [options]",
    .description = "One line per result that evaluate wrote with --json; results of train beside them give the seconds. "
                   "Where evaluate had --predictions, each is tested against the first (McNemar's test).",
    .example = "layercut train features.h5 -o knn.h5 --classifier knn\n"
               "  layercut evaluate knn.h5 features.h5 --json knn.json --predictions k.csv\n"
               "  layercut evaluate classifier.h5 features.h5 --json svm.json \\\n"
               "      --predictions s.csv\n"
               "  layercut compare svm.json knn.json",
    .options = options,
    .min_operands = 1,
    .max_operands = MAX_RESULTS,
    .run = run,
};
