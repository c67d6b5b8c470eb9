/* The numbers of an evaluation: equal to scikit-learn's, and readable in 80 columns. */
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

#define GOLDEN "tests/golden/classifier_metrics.json"
#define REMAKE "to make it again: tests/golden/make_golden_classifier.py"

static int32_t *ints(const lc_json *array)
{
    size_t n = lc_json_size(array);
    int32_t *out = calloc(n + 1, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        out[i] = (int32_t)lc_json_number_at(array, i, -1);
    }
    return out;
}

static void expect_close(const char *what, double got, double want)
{
    if (!(fabs(got - want) <= 1e-12) && !(isnan(got) && isnan(want))) {
        fail_msg("%s is %.17g, scikit-learn says %.17g; " REMAKE, what, got, want);
    }
}

static void judge_golden(const lc_json *c)
{
    const lc_json *names = lc_json_get(c, "names"), *scores = lc_json_get(c, "scores"), *want = lc_json_get(c, "want");
    size_t rows = (size_t)lc_json_number(c, "rows", 0), classes = lc_json_size(names);
    const char *class_names[16];
    for (size_t k = 0; k < classes; k++) {
        class_names[k] = lc_json_string_at(names, k);
    }
    int32_t *truth = ints(lc_json_get(c, "truth")), *predicted = ints(lc_json_get(c, "predicted"));
    float *s = calloc(rows * classes, sizeof *s);
    for (size_t i = 0; i < rows * classes; i++) {
        s[i] = (float)lc_json_number_at(scores, i, NAN);
    }
    lc_metrics *m;
    assert_int_equal(LC_OK, lc_metrics_compute(&m, rows, classes, class_names, truth, predicted, s,
                                               lc_json_bool(c, "probabilities", false)));
    lc_json *got = lc_metrics_json(m);
    for (size_t i = 0; i < lc_json_size(want); i++) {
        const lc_json *value;
        const char *key = lc_json_key_at(want, i, &value);
        expect_close(key, lc_json_number(got, key, NAN), lc_json_number(want, key, NAN));
    }
    const char *const per_class[] = {"precision", "recall", "f1"};
    for (size_t k = 0; k < classes; k++) {
        for (size_t i = 0; i < 3; i++) {
            expect_close(per_class[i], lc_json_number(lc_json_at(lc_json_get(got, "classes"), k), per_class[i], NAN),
                         lc_json_number_at(lc_json_get(c, per_class[i]), k, NAN));
        }
        for (size_t p = 0; p < classes; p++) {
            expect_close("confusion", lc_json_number_at(lc_json_at(lc_json_get(got, "confusion"), k), p, -1),
                         lc_json_number_at(lc_json_get(c, "confusion"), k * classes + p, NAN));
        }
    }
    char *text;
    const char *report = lc_json_string(c, "report");
    assert_int_equal(LC_OK, lc_metrics_text(m, &text));
    if (strncmp(text, report, strlen(report)) != 0) {
        fail_msg("the report reads\n%s\nand not\n%s\n" REMAKE, text, report);
    }
    free(text);
    free(s);
    free(truth);
    free(predicted);
    lc_json_free(got);
    lc_metrics_free(m);
}

static void test_equals_sklearn(void **state)
{
    (void)state;
    unsigned char *text;
    size_t size;
    lc_json *cases;
    assert_int_equal(LC_OK, lc_read_file(&text, &size, GOLDEN, 1 << 20));
    assert_int_equal(LC_OK, lc_json_parse(&cases, (const char *)text, size));
    assert_true(lc_json_size(cases) > 3);
    for (size_t i = 0; i < lc_json_size(cases); i++) {
        print_message("  %s\n", lc_json_string(lc_json_at(cases, i), "name"));
        judge_golden(lc_json_at(cases, i));
    }
    lc_json_free(cases);
    free(text);
}

/* Wilson's interval for 8 of 10, as computed by hand. */
static void test_interval(void **state)
{
    (void)state;
    const int32_t truth[10] = {0}, predicted[10] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1};
    const char *const names[] = {"a", "b"};
    lc_metrics *m;
    assert_int_equal(LC_OK, lc_metrics_compute(&m, 10, 2, names, truth, predicted, NULL, false));
    const lc_metrics_summary *s = lc_metrics_describe(m);
    assert_true(fabs(s->accuracy_low - 0.490162) < 1e-6 && fabs(s->accuracy_high - 0.943318) < 1e-6);
    assert_true(isnan(s->roc_auc) && isnan(s->top5) && isnan(s->log_loss));
    assert_true(s->balanced_accuracy == 0.8);
    lc_metrics_free(m);
}

static void test_refuses_nonsense(void **state)
{
    (void)state;
    const int32_t truth[2] = {0, 1}, wrong[2] = {0, 2};
    const float scores[4] = {0, 1, NAN, 0};
    const char *const names[] = {"a", "b"};
    lc_metrics *m;
    assert_int_equal(LC_ERR_ARG, lc_metrics_compute(&m, 0, 2, names, truth, truth, NULL, false));
    assert_int_equal(LC_ERR_ARG, lc_metrics_compute(&m, 2, 2, names, truth, wrong, NULL, false));
    assert_int_equal(LC_ERR_ARG, lc_metrics_compute(&m, 2, 2, names, truth, truth, scores, false));
    assert_null(m);
}

static size_t widest(const char *text)
{
    size_t most = 0, n = 0;
    for (; *text; text++) {
        n = *text == '\n' ? 0 : n + (((unsigned char)*text & 0xC0) != 0x80);
        most = n > most ? n : most;
    }
    return most;
}

/* Up to 20 classes a matrix, above the worst confusions; long and non-ASCII names; counts of many digits. */
static void test_fits_80_columns(void **state)
{
    (void)state;
    enum { ROWS = 3000 };
    const size_t sizes[] = {2, 10, 20, 21, 100};
    for (size_t c = 0; c < sizeof sizes / sizeof sizes[0]; c++) {
        size_t classes = sizes[c];
        char *names[100], *text;
        int32_t *truth = calloc(ROWS, sizeof *truth), *predicted = calloc(ROWS, sizeof *predicted);
        for (size_t k = 0; k < classes; k++) {
            names[k] = malloc(128);
            snprintf(names[k], 128, "%zu \xC3\xA4\xC3\xB6\xC3\xBC a very long name of a class, %s %zu", k,
                     "which differs from others at its end only:", k);
        }
        for (size_t i = 0; i < ROWS; i++) {
            truth[i] = (int32_t)(i % 7 % classes);
            predicted[i] = (int32_t)(i % 11 % classes);
        }
        lc_metrics *m;
        assert_int_equal(LC_OK,
                         lc_metrics_compute(&m, ROWS, classes, (const char *const *)names, truth, predicted, NULL, false));
        assert_int_equal(LC_OK, lc_metrics_text(m, &text));
        assert_true(widest(text) <= 80);
        assert_int_equal(classes <= 20, strstr(text, "confusion matrix") != NULL);
        assert_int_equal(classes > 20, strstr(text, "most frequent confusions") != NULL);
        free(text);
        lc_metrics_free(m);
        free(truth);
        free(predicted);
        for (size_t k = 0; k < classes; k++) {
            free(names[k]);
        }
    }
}

static void test_softmax(void **state)
{
    (void)state;
    float x[6] = {1, 2, 3, 1000, -1000, 1000};
    int32_t predicted[2];
    lc_softmax_rows(x, 2, 3, predicted, x);
    assert_int_equal(predicted[0], 2);
    assert_int_equal(predicted[1], 0);
    assert_true(fabs((double)x[2] - 0.66524096) < 1e-7 && x[3] == 0.5f && x[4] == 0 && x[5] == 0.5f);
}

/* p of b and c: 2 sum_{i <= min} C(n, i) / 2^n, at most 1; scipy.stats.binomtest(5, 20).pvalue is the second. */
static void test_break_even(void **state)
{
    (void)state;
    const double x[] = {10, 100, 1000}, a[] = {0.5, 0.6, 0.7}, above[] = {0.6, 0.7, 0.8}, crosses[] = {0.4, 0.5, 0.8};
    const double comes_late[] = {0.6, 0.4, 0.9};
    assert_true(isnan(lc_break_even(3, x, above, a)));
    assert_true(isnan(lc_break_even(3, x, a, a)));
    assert_true(lc_break_even(3, x, a, above) == 10);
    assert_true(fabs(lc_break_even(3, x, a, crosses) - 100 * sqrt(10)) < 1e-9);
    assert_true(fabs(lc_break_even(3, x, a, comes_late) - 100 * sqrt(10)) < 1e-9);
    assert_true(isnan(lc_break_even(0, x, a, above)));
}

static void test_mcnemar(void **state)
{
    (void)state;
    assert_true(lc_mcnemar(0, 0) == 1);
    assert_true(fabs(lc_mcnemar(5, 15) - 0.04138946533203125) < 1e-12);
    assert_true(fabs(lc_mcnemar(15, 5) - lc_mcnemar(5, 15)) < 1e-15);
    assert_true(fabs(lc_mcnemar(10, 0) - 2.0 / 1024) < 1e-12);
    assert_true(lc_mcnemar(1000, 1010) > 0.8 && lc_mcnemar(1000, 1010) <= 1);
}

/* 400 rows, three of four right: the deviation of the recall is sqrt(.75 .25 / 200) of two classes, .0217 of their mean. */
static void test_bootstrap(void **state)
{
    (void)state;
    enum { ROWS = 400 };
    const char *const names[] = {"a", "b"};
    int32_t truth[ROWS], predicted[ROWS];
    lc_metrics *one, *two;
    for (int32_t i = 0; i < ROWS; i++) {
        truth[i] = i % 2;
        predicted[i] = i % 8 < 2 ? 1 - truth[i] : truth[i];
    }
    assert_int_equal(lc_metrics_compute(&one, ROWS, 2, names, truth, predicted, NULL, false), LC_OK);
    assert_int_equal(lc_metrics_compute(&two, ROWS, 2, names, truth, predicted, NULL, false), LC_OK);
    const lc_metrics_summary *s = lc_metrics_describe(one), *t = lc_metrics_describe(two);
    assert_true(s->balanced_low == t->balanced_low && s->macro_f1_high == t->macro_f1_high);
    assert_true(fabs(s->balanced_low - (0.75 - 1.96 * 0.0217)) < 0.006 && fabs(s->balanced_high - (0.75 + 1.96 * 0.0217)) < 0.006);
    assert_true(s->macro_f1_low < s->macro_f1 && s->macro_f1 < s->macro_f1_high);
    lc_metrics_free(one);
    lc_metrics_free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mcnemar),
        cmocka_unit_test(test_break_even),
        cmocka_unit_test(test_bootstrap),
        cmocka_unit_test(test_equals_sklearn),  cmocka_unit_test(test_interval), cmocka_unit_test(test_refuses_nonsense),
        cmocka_unit_test(test_fits_80_columns), cmocka_unit_test(test_softmax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
