/* Choosing hyperparameters: folds of groups and repeats, an interrupted search, plans, probabilities, bad sets. */
#include <sys/wait.h>
#include <unistd.h>

#include "classifier/calibrate.h"
#include "classifier/folds.h"
#include "classifier/journal.h"
#include "common/file.h"
#include "common/interrupt.h"
#include "common/log.h"
#include "tests/classifier_rows.h"
#include "tests/temp_folder.h"

/* No group is torn, and every fold has its share of every class. */
static void test_groups(void **state)
{
    (void)state;
    enum { ROWS = 120, GROUPS = 20, FOLDS = 4 };
    lc_dataset *d = make_rows(ROWS, 3, 3, 1, 2);
    char names[GROUPS][8];
    const char *of_row[ROWS];
    size_t folds[ROWS], home[GROUPS], in_fold[FOLDS] = {0};
    for (size_t g = 0; g < GROUPS; g++) {
        snprintf(names[g], sizeof names[g], "g%zu", g);
        home[g] = FOLDS;
    }
    for (size_t i = 0; i < ROWS; i++) {
        of_row[i] = names[i / 6];
    }
    OK(lc_folds_assign_groups(d->labels, of_row, ROWS, 3, FOLDS, 0, folds));
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(home[i / 6] == FOLDS || home[i / 6] == folds[i]);
        home[i / 6] = folds[i];
        in_fold[folds[i]]++;
    }
    for (size_t f = 0; f < FOLDS; f++) {
        assert_true(in_fold[f] >= ROWS / FOLDS - 12 && in_fold[f] <= ROWS / FOLDS + 12);
    }
    expect_fails(lc_folds_assign_groups(d->labels, of_row, ROWS, 3, GROUPS + 1, 0, folds), LC_ERR_ARG, "21 folds of 20 groups");
    lc_dataset_free(d);
}

static void test_repeats(void **state)
{
    (void)state;
    lc_dataset *d = make_rows(60, 3, 3, 1, 2);
    lc_folds f;
    OK(lc_folds_make(&f, d->labels, NULL, NULL, 60, 3, 5, 3, 0));
    assert_int_equal(f.count, 15);
    assert_memory_not_equal(f.fold_of, f.fold_of + 60, 60 * sizeof *f.fold_of);
    for (size_t i = 0; i < f.count; i++) {
        assert_int_equal(f.folds[i].count + f.folds[i].judged_count, 60);
        for (size_t j = 0; j < f.folds[i].judged_count; j++) {
            assert_int_equal(f.fold_of[i / 5 * 60 + f.folds[i].judged[j]], i % 5);
        }
    }
    lc_folds_free(&f);
    lc_dataset_free(d);
}

static void stop_at_fits(void *payload, const char *what, size_t done, size_t total)
{
    (void)payload;
    (void)done;
    (void)total;
    if (strcmp(what, "fits") == 0) {
        lc_interrupt_request();
    }
}

/* The journal of a search that was cut short at each of its lines: the same points and winner, and what it knew stays known. */
static void test_resume(void **state)
{
    (void)state;
    lc_dataset *d = make_rows(90, 10, 3, 0.8, 5);
    const lc_hyper hyper[] = {{"c", "1,10"}, {"g", "0.5,2"}};
    char path[512], partial[512];
    snprintf(path, sizeof path, "%s", temp_path("search"));
    snprintf(partial, sizeof partial, "%s", temp_path("partial"));
    lc_train_options o = LC_TRAIN_OPTIONS_INIT;
    o.kernel = "rbf";
    o.hyper = hyper;
    o.hyper_count = 2;
    o.journal = path;
    o.threads = 2;
    lc_train_report whole, again;
    lc_classifier *c;
    OK(lc_classifier_train(&c, d, &o, &whole));
    lc_classifier_free(c);
    assert_int_equal(whole.resumed, 0);
    assert_int_not_equal(access(path, F_OK), 0); /* a finished search leaves nothing */

    /* Asked to stop, which a process cannot take back: the journal holds the job's name, and the same call goes on with it. */
    int result;
    pid_t child = fork();
    if (child == 0) {
        lc_log_set(NULL, stop_at_fits, NULL);
        _exit(lc_classifier_train(&c, d, &o, &again) == LC_ERR_INTERRUPTED ? 0 : 1);
    }
    assert_true(waitpid(child, &result, 0) == child && WIFEXITED(result) && WEXITSTATUS(result) == 0);
    unsigned char *header;
    size_t size;
    OK(lc_read_file(&header, &size, path, 1 << 20));
    for (size_t known = 0; known <= 20; known += 5) {
        FILE *f = fopen(path, "w");
        fputs((const char *)header, f);
        for (size_t i = 0; i < known; i++) { /* folds in order, all points of each */
            fprintf(f, "%zu %zu\n", i, i % whole.point_count + 1);
        }
        fputs("19 1", f); /* half a line */
        fclose(f);
        OK(lc_classifier_train(&c, d, &o, &again));
        assert_int_equal(again.resumed, known);
        if (known == 0) {
            assert_memory_equal(again.points, whole.points, whole.point_count * sizeof *whole.points);
            assert_int_equal(again.best, whole.best);
        }
        if (known == 20) { /* nothing was computed: the accuracies are what the file said */
            assert_true(fabs(again.points[3].accuracy - 4.0 / 18) < 1e-12 && again.best == 3);
        }
        lc_classifier_free(c);
        lc_train_report_free(&again);
    }
    /* Another seed is another job. */
    OK(lc_write_file(path, header, size));
    o.seed = 3;
    OK(lc_classifier_train(&c, d, &o, &again));
    assert_int_equal(again.resumed, 0);
    lc_classifier_free(c);
    lc_train_report_free(&again);
    lc_train_report_free(&whole);
    free(header);
    lc_dataset_free(d);
}

static void test_plan(void **state)
{
    (void)state;
    lc_dataset *d = make_rows(60, 10, 3, 0.8, 5);
    lc_train_options o = LC_TRAIN_OPTIONS_INIT;
    lc_train_plan p;
    o.threads = 1;
    o.norm = "l2,pca:4";
    o.repeats = 2;
    OK(lc_classifier_plan(&p, d, &o));
    assert_true(p.rows == 60 && p.dim == 4 && p.points == 11 && p.folds == 5 && p.repeats == 2);
    assert_true(p.bytes > 2 * 8 * 60 * 60);
    o.classifier = "ridge";
    o.norm = NULL;
    o.repeats = 0;
    OK(lc_classifier_plan(&p, d, &o));
    assert_int_equal(p.folds, 0);
    lc_dataset_free(d);
}

/* Temperature 1 for scores that are log probabilities; Platt's sigmoid keeps the predicted class. */
static void test_probabilities(void **state)
{
    (void)state;
    enum { ROWS = 4000 };
    float *scores = calloc(2 * ROWS, sizeof *scores);
    int32_t *truth = calloc(ROWS, sizeof *truth), *said = calloc(ROWS, sizeof *said);
    for (size_t i = 0; i < ROWS; i++) {
        lc_rng r = lc_rng_new(3, i);
        double z = 4 * lc_rng_uniform(&r) - 2;
        truth[i] = lc_rng_uniform(&r) < 1 / (1 + exp(-2 * z + 0.5));
        scores[2 * i + 1] = (float)z;
        said[i] = z > 0;
    }
    lc_calibration c;
    OK(lc_calibration_parse(&c, "platt"));
    lc_calibration_fit(&c, scores, truth, ROWS, 2);
    assert_true(fabs(c.a - 2) < 0.2 && fabs(c.b + 0.5) < 0.15);
    lc_calibration_apply(&c, said, scores, ROWS, 2);
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(scores[2 * i + (size_t)said[i]] > scores[2 * i + 1 - (size_t)said[i]]);
    }
    for (size_t i = 0; i < ROWS; i++) {
        lc_rng r = lc_rng_new(4, i);
        double p = 0.02 + 0.96 * lc_rng_uniform(&r);
        truth[i] = lc_rng_uniform(&r) < p;
        scores[2 * i] = (float)(3 * log(1 - p));
        scores[2 * i + 1] = (float)(3 * log(p));
    }
    OK(lc_calibration_parse(&c, "temperature"));
    lc_calibration_fit(&c, scores, truth, ROWS, 2);
    assert_true(fabs(1 / c.a - 3) < 0.2);
    expect_fails(lc_calibration_parse(&c, "isotonic"), LC_ERR_ARG, "temperature, platt");
    free(scores);
    free(truth);
    free(said);
}

/* A sentence each; nothing crashes, nothing is trained. */
static void test_bad_sets(void **state)
{
    (void)state;
    lc_dataset *d = make_rows(40, 6, 3, 0.5, 3);
    const struct {
        lc_train_options o;
        lc_status status;
        const char *word;
    } bad[] = {
        {{.hyper = &(lc_hyper){"c", "0"}, .hyper_count = 1}, LC_ERR_ARG, "c=0: wants a positive number"},
        {{.folds = 41}, LC_ERR_ARG, "41 folds of 40 rows"},
        {{.multiclass = "ecoc"}, LC_ERR_ARG, "ovo, ovr"},
        {{.multiclass = "ovr", .classifier = "knn"}, LC_ERR_ARG, "only svm"},
        {{.norm = "pca"}, LC_ERR_ARG, "pca:NUMBER"},
        {{.norm = "pca:7"}, LC_ERR_ARG, "only 6 numbers"},
        {{.norm = "zscore:3"}, LC_ERR_ARG, "takes no number"},
        {{.norm = "nystroem:41"}, LC_ERR_ARG, "there are 40"},
        {{.norm = "l2,scale"}, LC_ERR_ARG, "no norm 'scale'"},
        {{.norm = "zscore", .kernel = "chi2"}, LC_ERR_ARG, "features of at least 0"},
        {{.probability = "beta"}, LC_ERR_ARG, "platt"},
        {{.classifier = "lda", .hyper = &(lc_hyper){"shrinkage", "1.5"}, .hyper_count = 1}, LC_ERR_ARG, "from 0 to 1"},
        {{.classifier = "knn", .hyper = &(lc_hyper){"k", "2.5"}, .hyper_count = 1}, LC_ERR_ARG, "whole number"},
        {{.classifier = "nusvm", .hyper = &(lc_hyper){"nu", "0.99"}, .hyper_count = 1}, LC_ERR_ARG, "nu 0.99"},
    };
    lc_classifier *c;
    lc_train_report r;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_fails(lc_classifier_train(&c, d, &bad[i].o, &r), bad[i].status, bad[i].word);
        assert_null(c);
    }
    lc_train_options o = LC_TRAIN_OPTIONS_INIT;
    d->x[13] = NAN;
    expect_fails(lc_classifier_train(&c, d, &o, &r), LC_ERR_ARG, "row 2 has NaN or Inf at feature 1");
    d->x[13] = 0;
    d->labels[4] = 7;
    expect_fails(lc_classifier_train(&c, d, &o, &r), LC_ERR_ARG, "row 4 has class number 7");
    d->labels[4] = 0;
    /* Constant features: every classifier trains, and predicts some class. */
    for (size_t i = 0; i < d->rows * d->dim; i++) {
        d->x[i] = 1;
    }
    const char *const all[] = {"svm", "linear", "logreg", "ridge", "lda", "centroid", "knn"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        o.classifier = all[i];
        o.norm = "zscore";
        OK(lc_classifier_train(&c, d, &o, &r));
        assert_true(r.train_accuracy > 0);
        lc_classifier_free(c);
        lc_train_report_free(&r);
    }
    lc_dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups), cmocka_unit_test(test_repeats),       cmocka_unit_test(test_resume),
        cmocka_unit_test(test_plan),   cmocka_unit_test(test_probabilities), cmocka_unit_test(test_bad_sets),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
