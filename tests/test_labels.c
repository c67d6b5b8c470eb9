/*
 * Rows of several labels: folds that share every label out, average precision in both forms, one machine per class as good as a
 * classifier of that question alone, the value that suits each class, files, and what is refused.
 */
#include "classifier/folds.h"
#include "classifier/metrics.h"
#include "common/file.h"
#include "common/h5.h"
#include "common/log.h"
#include "tests/classifier_rows.h"
#include "tests/temp_folder.h"

enum { CLASSES = 4 };
static const char *const takers[] = {"svm", "linear", "logreg"};
enum { TAKERS = sizeof takers / sizeof takers[0] };

/*
 * The class of make_rows is label 0 to CLASSES-2 of a row; a third of all rows also has the label after it; the last label is
 * that of features alone. Every row has at least one.
 */
static lc_dataset *make_label_rows(size_t rows, size_t dim, double spread, uint64_t seed)
{
    lc_dataset *d = make_rows(rows, dim, CLASSES, spread, seed);
    OK(lc_alloc_array(&d->indicator, rows * CLASSES, sizeof *d->indicator));
    for (size_t i = 0; i < rows; i++) {
        size_t own = (size_t)d->labels[i] % (CLASSES - 1);
        d->indicator[i * CLASSES + own] = 1;
        d->indicator[i * CLASSES + (own + 1) % (CLASSES - 1)] |= i % 3 == 0;
        d->indicator[i * CLASSES + CLASSES - 1] = d->x[i * dim] > 0.3f;
        size_t first = 0;
        while (!d->indicator[i * CLASSES + first]) {
            first++;
        }
        d->labels[i] = (int32_t)first;
    }
    return d;
}

static size_t count_of(const lc_dataset *d, size_t k)
{
    size_t n = 0;
    for (size_t i = 0; i < d->rows; i++) {
        n += d->indicator[i * d->classes + k];
    }
    return n;
}

/* Folds --------------------------------------------------------------------------------------------------------- */

static void test_folds(void **state)
{
    (void)state;
    enum { ROWS = 203, FOLDS = 5 };
    lc_dataset *d = make_label_rows(ROWS, 3, 1, 2);
    size_t a[ROWS], b[ROWS], in_fold[FOLDS] = {0}, both[CLASSES][FOLDS] = {{0}};
    for (size_t i = 0; i < ROWS; i++) { /* a rare label: seven rows */
        d->indicator[i * CLASSES + 2] = i % 29 == 0;
    }
    for (uint64_t seed = 0; seed < 3; seed++) {
        OK(lc_folds_assign_labels(d->indicator, ROWS, CLASSES, FOLDS, seed, a));
        OK(lc_folds_assign_labels(d->indicator, ROWS, CLASSES, FOLDS, seed, b));
        assert_memory_equal(a, b, sizeof a);
        memset(in_fold, 0, sizeof in_fold);
        memset(both, 0, sizeof both);
        for (size_t i = 0; i < ROWS; i++) {
            assert_true(a[i] < FOLDS);
            in_fold[a[i]]++;
            for (size_t k = 0; k < CLASSES; k++) {
                both[k][a[i]] += d->indicator[i * CLASSES + k];
            }
        }
        for (size_t f = 0; f < FOLDS; f++) {
            assert_true(in_fold[f] > ROWS / FOLDS - 4 && in_fold[f] < ROWS / FOLDS + 5);
            assert_true(both[2][f] == 1 || both[2][f] == 2);
            for (size_t k = 0; k < CLASSES; k++) {
                double share = (double)count_of(d, k) / FOLDS;
                assert_true(fabs((double)both[k][f] - share) < 4);
            }
        }
    }
    OK(lc_folds_assign_labels(d->indicator, ROWS, CLASSES, FOLDS, 0, b));
    assert_memory_not_equal(a, b, sizeof a);
    lc_dataset_free(d);
}

/* Average precision ----------------------------------------------------------------------------------------------- */

/*
 * By definition, in any order of rows: at each score that occurs, with all rows of at least that score taken. The area sums
 * precision x gain of recall; the 11 points take the best precision at a recall of at least t.
 */
static void by_definition(const float *scores, const uint8_t *positive, size_t stride, size_t n, double *area, double *eleven)
{
    double best[11] = {0}, positives = 0, reached = 0;
    *area = *eleven = 0;
    for (size_t i = 0; i < n; i++) {
        positives += positive[i * stride];
    }
    for (;;) {
        float threshold = -INFINITY;
        double taken = 0, found = 0;
        for (size_t i = 0; i < n; i++) { /* the next lower score: the largest that adds a row */
            double above = 0;
            for (size_t j = 0; j < n; j++) {
                above += scores[j * stride] >= scores[i * stride];
            }
            threshold = above > reached && scores[i * stride] > threshold ? scores[i * stride] : threshold;
        }
        double before = 0;
        for (size_t i = 0; i < n; i++) {
            bool in = scores[i * stride] >= threshold;
            taken += in;
            found += in && positive[i * stride];
            before += scores[i * stride] > threshold && positive[i * stride];
        }
        *area += found / taken * (found - before) / positives;
        for (int t = 0; t <= 10; t++) {
            best[t] = found / positives >= t / 10.0 - 1e-12 ? fmax(best[t], found / taken) : best[t];
        }
        reached = taken;
        if (taken >= (double)n) {
            break;
        }
    }
    for (int t = 0; t <= 10; t++) {
        *eleven += best[t] / 11;
    }
}

static void test_average_precision(void **state)
{
    (void)state;
    enum { ROWS = 40 };
    static const char *const names[CLASSES] = {"a", "b", "c", "none"};
    lc_dataset *d = make_label_rows(ROWS, 3, 1, 7);
    float scores[ROWS * CLASSES];
    for (size_t i = 0; i < ROWS * CLASSES; i++) {
        lc_rng r = lc_rng_new(3, i);
        scores[i] = (float)floor(lc_rng_normal(&r) * 4 + d->indicator[i]) / 4; /* ties */
        d->indicator[i] = i % CLASSES == 3 ? 0 : d->indicator[i];
    }
    lc_label_metrics *m;
    OK(lc_label_metrics_compute(&m, ROWS, CLASSES, names, d->indicator, scores));
    double mean = 0, mean11 = 0, area, eleven;
    for (size_t k = 0; k < 3; k++) {
        by_definition(scores + k, d->indicator + k, CLASSES, ROWS, &area, &eleven);
        assert_true(fabs(m->per_class[k].ap - area) < 1e-12 && fabs(m->per_class[k].ap11 - eleven) < 1e-12);
        mean += area / 3;
        mean11 += eleven / 3;
    }
    assert_true(isnan(m->per_class[3].ap) && isnan(m->per_class[3].ap11) && m->per_class[3].support == 0);
    assert_true(fabs(m->mean_ap - mean) < 1e-12 && fabs(m->mean_ap11 - mean11) < 1e-12);
    lc_label_metrics_free(m);

    /* By hand: right, wrong, right, wrong. Area 1/2 1 + 1/2 2/3; of the 11 points six see a precision of 1 and five 2/3. */
    static const uint8_t truth[] = {1, 0, 1, 0};
    static const float said[] = {3, 2, 1, -1};
    OK(lc_label_metrics_compute(&m, 4, 1, names, truth, said));
    assert_true(fabs(m->mean_ap - 5.0 / 6) < 1e-15 && fabs(m->mean_ap11 - (6 + 5 * 2.0 / 3) / 11) < 1e-15);
    assert_true(fabs(m->macro_precision - 2.0 / 3) < 1e-15 && m->macro_recall == 1 && m->exact == 0.75 && m->hamming_loss == 0.25);
    lc_label_metrics_free(m);
    scores[5] = NAN;
    expect_fails(lc_label_metrics_compute(&m, ROWS, CLASSES, names, d->indicator, scores), LC_ERR_ARG, "row 1 has a score");
    expect_fails(lc_label_metrics_compute(&m, 0, CLASSES, names, d->indicator, scores), LC_ERR_ARG, "nothing to judge");
    lc_dataset_free(d);
}

/* Training ------------------------------------------------------------------------------------------------------ */

static lc_train_options one_value(const char *classifier, lc_hyper *hyper)
{
    lc_train_options o = LC_TRAIN_OPTIONS_INIT;
    *hyper = (lc_hyper){strcmp(classifier, "logreg") == 0 ? "lambda" : "c", "1"};
    o.classifier = classifier;
    o.hyper = hyper;
    o.hyper_count = 1;
    o.threads = 2;
    return o;
}

/* Each class's scores are the decisions of a two-class classifier of that question, which has the same machine. */
static void test_a_machine_per_class(void **state)
{
    (void)state;
    lc_dataset *d = make_label_rows(120, 20, 1.5, 5);
    uint8_t *indicator = d->indicator;
    int32_t said, *labels = d->labels, *binary = calloc(d->rows, sizeof *binary);
    for (size_t c = 0; c < TAKERS; c++) {
        lc_hyper hyper;
        lc_train_options o = one_value(takers[c], &hyper);
        lc_train_report r;
        lc_classifier *all, *one;
        d->indicator = indicator;
        d->labels = labels;
        OK(lc_classifier_train(&all, d, &o, &r));
        lc_train_report_free(&r);
        for (size_t k = 0; k < CLASSES; k++) {
            d->indicator = NULL;
            d->labels = binary;
            for (size_t i = 0; i < d->rows; i++) {
                binary[i] = indicator[i * CLASSES + k];
            }
            OK(lc_classifier_train(&one, d, &o, &r));
            lc_train_report_free(&r);
            for (size_t i = 0; i < d->rows; i++) {
                float scores[CLASSES], two[CLASSES];
                OK(lc_classifier_scores(all, d->x + i * d->dim, 1, d->dim, &said, scores, NULL));
                OK(lc_classifier_scores(one, d->x + i * d->dim, 1, d->dim, &said, two, NULL));
                assert_true(fabsf(scores[k]) < 1e-3f || (scores[k] > 0) == (said == 1));
                if (strcmp(takers[c], "svm") != 0) { /* whose two classes say votes; linear's are one decision and its negative */
                    double decision = (strcmp(takers[c], "linear") == 0 ? 0.5 : 1) * (double)(two[1] - two[0]);
                    assert_true(fabs((double)scores[k] - decision) < 1e-3);
                }
            }
            lc_classifier_free(one);
        }
        lc_classifier_free(all);
    }
    d->indicator = indicator;
    d->labels = labels;
    free(binary);
    lc_dataset_free(d);
}

/* Any threads, the same bytes; what is read back says the same; the label is the largest score's. */
static void test_threads_and_files(void **state)
{
    (void)state;
    lc_dataset *d = make_label_rows(120, 20, 1, 5);
    for (size_t c = 0; c < TAKERS; c++) {
        lc_hyper hyper;
        lc_train_options o = one_value(takers[c], &hyper);
        lc_classifier *trained[2], *loaded;
        char path[2][512];
        hyper.value = "0.01,1,100";
        o.norm = "zscore";
        for (size_t t = 0; t < 2; t++) {
            lc_train_report r;
            o.threads = 1 + 2 * t;
            OK(lc_classifier_train(&trained[t], d, &o, &r));
            assert_true(r.several_labels && r.point_count == 3 && r.folds == 5 && r.train_accuracy > 0.5);
            lc_train_report_free(&r);
            snprintf(path[t], sizeof path[t], "%s", temp_path(t ? "three.h5" : "one.h5"));
            OK(lc_classifier_save(trained[t], path[t], "train"));
        }
        expect_same_files(path[0], path[1]);
        OK(lc_classifier_open(&loaded, path[0]));
        const lc_classifier_info *i = lc_classifier_describe(loaded), *j = lc_classifier_describe(trained[0]);
        assert_true(i->several_labels && j->several_labels && i->cv_accuracy == j->cv_accuracy);
        assert_memory_equal(i->class_values, j->class_values, CLASSES * sizeof *i->class_values);
        float *scores = calloc(d->rows * CLASSES, sizeof *scores), own[CLASSES];
        int32_t *labels = calloc(d->rows, sizeof *labels), label;
        OK(lc_classifier_scores(loaded, d->x, d->rows, d->dim, labels, scores, NULL));
        for (size_t row = 0; row < d->rows; row++) {
            OK(lc_classifier_scores(trained[1], d->x + row * d->dim, 1, d->dim, &label, own, NULL));
            assert_int_equal(label, labels[row]);
            assert_memory_equal(own, scores + row * CLASSES, sizeof own);
            for (size_t k = 0; k < CLASSES; k++) {
                assert_true(own[k] <= own[label]);
            }
        }
        free(scores);
        free(labels);
        for (size_t t = 0; t < 2; t++) {
            lc_classifier_free(trained[t]);
        }
        lc_classifier_free(loaded);
    }
    lc_dataset_free(d);
}

/* Each class takes the value that is best for it, so their mean is at least every point's. */
static void test_a_value_per_class(void **state)
{
    (void)state;
    lc_dataset *d = make_label_rows(150, 15, 2, 11);
    for (size_t c = 0; c < TAKERS; c++) {
        lc_hyper hyper;
        lc_train_options o = one_value(takers[c], &hyper);
        lc_train_report r;
        lc_classifier *one;
        hyper.value = "0.001,0.1,10,1000";
        OK(lc_classifier_train(&one, d, &o, &r));
        const lc_classifier_info *info = lc_classifier_describe(one);
        for (size_t p = 0; p < r.point_count; p++) {
            assert_true(info->cv_accuracy >= r.points[p].accuracy - 1e-12);
        }
        for (size_t k = 0; k < CLASSES; k++) {
            bool there = false;
            for (size_t p = 0; p < r.point_count; p++) {
                there = there || info->class_values[k] == r.points[p].values[0];
            }
            assert_true(there);
        }
        lc_train_report_free(&r);
        lc_classifier_free(one);
    }
    lc_dataset_free(d);
}

static char last_warning[2048];

static void keep_warning(void *payload, lc_log_level level, const char *line)
{
    (void)payload;
    if (level == LC_LOG_WARNING) {
        snprintf(last_warning, sizeof last_warning, "%s", line);
    }
}

/* A class of no row, and one of every row, have no machine: both are said, and never score above 0. */
static void test_classes_without_a_machine(void **state)
{
    (void)state;
    lc_dataset *d = make_label_rows(90, 12, 1, 5);
    for (size_t i = 0; i < d->rows; i++) {
        d->indicator[i * CLASSES + 1] = 0;
    }
    lc_log_set(keep_warning, NULL, NULL);
    for (size_t c = 0; c < TAKERS; c++) {
        for (int all = 0; all < 2; all++) {
            lc_hyper hyper;
            lc_train_options o = one_value(takers[c], &hyper);
            lc_train_report r;
            lc_classifier *one;
            for (size_t i = 0; i < d->rows; i++) {
                d->indicator[i * CLASSES + 1] = (uint8_t)all;
            }
            last_warning[0] = '\0';
            OK(lc_classifier_train(&one, d, &o, &r));
            assert_non_null(strstr(last_warning, all ? "every row of split 'train' is of class 'class01'"
                                                     : "class 'class01' has no row"));
            for (size_t i = 0; i < d->rows; i++) {
                float scores[CLASSES];
                int32_t label;
                OK(lc_classifier_scores(one, d->x + i * d->dim, 1, d->dim, &label, scores, NULL));
                assert_true(label != 1 && scores[1] <= 0);
            }
            lc_train_report_free(&r);
            lc_classifier_free(one);
        }
    }
    for (size_t i = 0; i < d->rows * CLASSES; i++) {
        d->indicator[i] = i % CLASSES == 0 ? i / CLASSES % 2 == 0 : i % CLASSES == 1;
    }
    lc_hyper hyper;
    lc_train_options o = one_value("svm", &hyper);
    lc_train_report r;
    lc_classifier *one;
    expect_fails(lc_classifier_train(&one, d, &o, &r), LC_ERR_ARG, "1 classes have both rows");
    lc_log_set(NULL, NULL, NULL);
    lc_dataset_free(d);
}

static void test_refused(void **state)
{
    (void)state;
    lc_dataset *d = make_label_rows(60, 6, 1, 3), *single = make_rows(60, 6, CLASSES, 1, 3);
    static const char *const others[] = {"nusvm", "ridge", "lda", "centroid", "knn"};
    lc_train_options o = LC_TRAIN_OPTIONS_INIT;
    lc_train_report r;
    lc_classifier *one;
    lc_draw draws[3];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        o.classifier = others[i];
        expect_fails(lc_classifier_train(&one, d, &o, &r), LC_ERR_UNSUPPORTED, "svm, linear and logreg take");
    }
    o.classifier = "svm";
    o.probability = "platt";
    expect_fails(lc_classifier_train(&one, d, &o, &r), LC_ERR_UNSUPPORTED, "--probability takes one label");
    o.probability = NULL;
    o.multiclass = "ovo";
    expect_fails(lc_classifier_train(&one, d, &o, &r), LC_ERR_UNSUPPORTED, "ovo takes one label");
    o.multiclass = NULL;
    expect_fails(lc_draws_run(d, &o, 2, 3, draws, &one), LC_ERR_UNSUPPORTED, "one label");
    expect_fails(lc_nested_run(d, &o, 3, draws), LC_ERR_UNSUPPORTED, "one label");
    expect_fails(lc_dataset_export(d, "libsvm", temp_path("x")), LC_ERR_UNSUPPORTED, "one label");

    /* A classifier of one label cannot judge rows of several; the other way each row has its one label. */
    clf_case quick = {.norm = "l2", .hyper = {{"c", "1"}}, .hyper_count = 1};
    one = train("linear", &quick, single, 1, &r);
    expect_fails(lc_classifier_match(one, d), LC_ERR_UNSUPPORTED, "several labels");
    lc_classifier_free(one);
    lc_train_report_free(&r);
    one = train("linear", &quick, d, 1, &r);
    OK(lc_classifier_match(one, single));
    for (size_t i = 0; i < single->rows * CLASSES; i++) {
        assert_int_equal(single->indicator[i], single->labels[i / CLASSES] == (int32_t)(i % CLASSES));
    }
    lc_classifier_free(one);
    lc_train_report_free(&r);
    lc_dataset_free(d);
    lc_dataset_free(single);
}

/* Files --------------------------------------------------------------------------------------------------------- */

static void test_damaged_files(void **state)
{
    (void)state;
    lc_dataset *d = make_label_rows(60, 6, 1, 3);
    clf_case quick = {.norm = "l2", .hyper = {{"c", "1"}}, .hyper_count = 1};
    lc_train_report r;
    lc_classifier *one = train("linear", &quick, d, 1, &r), *loaded;
    char good[512], broken[512];
    static const double bad[] = {0, -1, NAN, INFINITY};
    unsigned char *bytes;
    size_t size;
    lc_h5 *f;
    snprintf(good, sizeof good, "%s", temp_path("good.h5"));
    snprintf(broken, sizeof broken, "%s", temp_path("broken.h5"));
    OK(lc_classifier_save(one, good, ""));
    OK(lc_read_file(&bytes, &size, good, 1 << 24));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        OK(lc_write_file(broken, bytes, size));
        OK(lc_h5_open(&f, broken, true));
        OK(lc_h5_write(f, "/class_values", LC_H5_F64, 2, 1, &bad[i]));
        OK(lc_h5_close(f));
        expect_fails(lc_classifier_open(&loaded, broken), LC_ERR_STALE, "of class 2 is no value of 'linear'");
    }
    OK(lc_write_file(broken, bytes, size));
    OK(lc_h5_open(&f, broken, true));
    OK(lc_h5_unlink(f, "/class_values"));
    OK(lc_h5_put(f, "/class_values", LC_H5_F64, CLASSES + 1, 0, (double[CLASSES + 1]){1, 1, 1, 1, 1}));
    OK(lc_h5_close(f));
    expect_fails(lc_classifier_open(&loaded, broken), LC_ERR_STALE, "class_values");
    OK(lc_write_file(broken, bytes, size)); /* what takes one label has no such values */
    OK(lc_h5_open(&f, broken, true));
    OK(lc_h5_set_text(f, "/", "classifier", "centroid"));
    OK(lc_h5_close(f));
    expect_fails(lc_classifier_open(&loaded, broken), LC_ERR_STALE, "no value of 'centroid'");
    free(bytes);
    lc_classifier_free(one);
    lc_train_report_free(&r);
    lc_dataset_free(d);
}

/* Rows and what is said of them, in words: of a row its labels, of scores the classes above 0. */
static void test_words(void **state)
{
    (void)state;
    lc_dataset *d = make_label_rows(6, 3, 1, 2);
    static const uint8_t truth[CLASSES] = {1, 0, 1, 0};
    static const float scores[CLASSES] = {-1, 0, 2, 1e-9f};
    char *text;
    float many[6 * CLASSES] = {0};
    memcpy(d->indicator + 2 * CLASSES, truth, sizeof truth);
    memcpy(many + 2 * CLASSES, scores, sizeof scores);
    OK(lc_join_labels(d, 2, NULL, &text));
    assert_string_equal(text, "class00;class02");
    free(text);
    OK(lc_join_labels(d, 2, many, &text));
    assert_string_equal(text, "class02;class03");
    free(text);
    OK(lc_join_labels(d, 1, many, &text));
    assert_string_equal(text, "");
    free(text);
    /* Kept rows keep their labels. */
    lc_dataset_keep(d, (const bool[6]){false, false, true, true, false, true});
    assert_int_equal(d->rows, 3);
    assert_memory_equal(d->indicator, truth, sizeof truth);
    assert_string_equal(d->paths[0], "2.jpg");
    lc_dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folds),          cmocka_unit_test(test_average_precision),
        cmocka_unit_test(test_words),          cmocka_unit_test(test_a_machine_per_class),
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_threads_and_files),
        cmocka_unit_test(test_damaged_files),  cmocka_unit_test(test_a_value_per_class),
        cmocka_unit_test(test_classes_without_a_machine),
    };
    return cmocka_run_group_tests(tests, temp_folder_make_dated, temp_folder_remove);
}
