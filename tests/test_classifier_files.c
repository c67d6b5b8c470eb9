/* What goes into the classifier room and what comes out: training sets, classifier files, rows of a features file. */
#include "common/feature_store.h"
#include "common/file.h"
#include "common/h5.h"
#include "common/log.h"
#include "tests/classifier_rows.h"
#include "tests/temp_folder.h"

static char last_warning[2048];

static void keep_warning(void *payload, lc_log_level level, const char *line)
{
    (void)payload;
    if (level == LC_LOG_WARNING) {
        snprintf(last_warning, sizeof last_warning, "%s", line);
    }
}

static const clf_case linear = {.kernel = "linear", .norm = "none", .hyper = {{"c", "1"}}, .hyper_count = 1};
static const clf_case rbf_zscore = {
    .kernel = "rbf", .norm = "zscore", .hyper = {{"c", "10"}, {"g", "0.01,0.05"}}, .hyper_count = 2};

/* Bad input ----------------------------------------------------------------------------------------------------- */

static void test_bad_training_sets(void **state)
{
    (void)state;
    lc_dataset *d = make_rows(40, 6, 3, 0.5, 3);
    lc_train_options o = LC_TRAIN_OPTIONS_INIT;
    lc_train_report r;
    lc_classifier *c;
    lc_log_set(keep_warning, NULL, NULL);
    o.kernel = "poly7";
    expect_fails(lc_classifier_train(&c, d, &o, &r), LC_ERR_ARG, "linear, rbf");
    o.kernel = NULL;
    o.norm = "l3";
    expect_fails(lc_classifier_train(&c, d, &o, &r), LC_ERR_ARG, "zscore");
    o.norm = NULL;
    o.classifier = "forest";
    expect_fails(lc_classifier_train(&c, d, &o, &r), LC_ERR_NOTFOUND, "svm");
    o.classifier = NULL;
    o.folds = 41;
    expect_fails(lc_classifier_train(&c, d, &o, &r), LC_ERR_ARG, "41 folds of 40 rows");
    o.folds = 20;
    last_warning[0] = '\0';
    OK(lc_classifier_train(&c, d, &o, &r));
    assert_non_null(strstr(last_warning, "fewer rows than the 20 folds"));
    lc_classifier_free(c);
    lc_train_report_free(&r);
    o.folds = 0;

    /* A class without rows: never predicted, and scored below all others. */
    float scores[3];
    int32_t label;
    for (size_t i = 0; i < d->rows; i++) {
        d->labels[i] = d->labels[i] == 1 ? 2 : d->labels[i];
    }
    OK(lc_classifier_train(&c, d, &o, &r));
    assert_non_null(strstr(last_warning, "'class01' has no row"));
    OK(lc_classifier_scores(c, d->x, 1, d->dim, &label, scores, NULL));
    assert_true(label != 1 && scores[1] < scores[0] && scores[1] < scores[2]);
    d->x[3] = NAN;
    expect_fails(lc_classifier_scores(c, d->x, 1, d->dim, &label, scores, NULL), LC_ERR_ARG, "row 0 has NaN");
    expect_fails(lc_classifier_scores(c, d->x, 1, d->dim - 1, &label, scores, NULL), LC_ERR_SHAPE, "rows of 5");
    d->x[3] = 0;
    lc_classifier_free(c);
    lc_train_report_free(&r);

    d->labels[0] = 1;
    expect_fails(lc_classifier_train(&c, d, &o, &r), LC_ERR_ARG, "'class01' has 1 training row");
    for (size_t i = 0; i < d->rows; i++) {
        d->labels[i] = 2;
    }
    expect_fails(lc_classifier_train(&c, d, &o, &r), LC_ERR_ARG, "all 40 rows of split 'train' belong to class 'class02'");
    assert_null(c);
    lc_log_set(NULL, NULL, NULL);
    lc_dataset_free(d);
}

static void test_match_names_the_word(void **state)
{
    (void)state;
    lc_dataset *d = make_rows(40, 6, 2, 0.5, 3);
    lc_train_report r;
    lc_classifier *c = train("svm", &linear, d, 1, &r);
    char *name = d->layer_names[0], *pool = d->pools[0], *recipe = d->recipe, *class;
    OK(lc_classifier_match(c, d));
    d->layer_names[0] = "fc";
    expect_fails(lc_classifier_match(c, d), LC_ERR_STALE, "'fc'");
    d->layer_names[0] = name;
    d->pools[0] = "max";
    expect_fails(lc_classifier_match(c, d), LC_ERR_STALE, "pooling 'max'");
    d->pools[0] = pool;
    d->recipe = "{\"network\":\"ab\",\"resize\":232}";
    expect_fails(lc_classifier_match(c, d), LC_ERR_STALE, "resize");
    d->recipe = recipe;
    class = d->class_names[1];
    d->class_names[1] = "wasps";
    expect_fails(lc_classifier_match(c, d), LC_ERR_STALE, "'wasps'");
    d->class_names[1] = class;
    d->layer_dims[0] = 5;
    expect_fails(lc_classifier_match(c, d), LC_ERR_STALE, "5 numbers");
    lc_classifier_free(c);
    lc_train_report_free(&r);
    lc_dataset_free(d);
}

/* Classes are matched by name: a subset in another order gets the classifier's numbers; classes without rows may be any. */
static void test_match_classes(void **state)
{
    (void)state;
    lc_dataset *d = make_rows(60, 6, 3, 0.5, 3), *part = make_rows(10, 6, 3, 0.5, 3);
    lc_train_report r;
    lc_classifier *c = train("svm", &linear, d, 1, &r);
    const char *const names[] = {"class02", "class00", "beetles"};
    for (size_t k = 0; k < 3; k++) {
        free(part->class_names[k]);
        OK(lc_strdup(&part->class_names[k], names[k]));
    }
    for (size_t i = 0; i < part->rows; i++) {
        part->labels[i] = (int32_t)(i % 2);
    }
    part->labels[4] = -1;
    part->labels[9] = 2;
    expect_fails(lc_classifier_match(c, part), LC_ERR_STALE, "not trained on class 'beetles'");
    assert_string_equal(part->class_names[0], "class02");
    assert_int_equal(part->labels[0], 0);
    part->labels[9] = 1;
    OK(lc_classifier_match(c, part));
    for (size_t i = 0; i < part->rows; i++) {
        assert_int_equal(part->labels[i], i == 4 ? -1 : i % 2 ? 0 : 2);
    }
    assert_int_equal(part->classes, 3);
    assert_string_equal(part->class_names[1], "class01");
    lc_classifier_free(c);
    lc_train_report_free(&r);
    lc_dataset_free(d);
    lc_dataset_free(part);
}

/* Damaged classifier files: a status that says what is wrong, never a crash, never a classifier. */
static void break_file(const char *path, const char *object, lc_h5_type type, size_t n, const void *values)
{
    lc_h5 *f;
    OK(lc_h5_open(&f, path, true));
    OK(lc_h5_write(f, object, type, 0, n, values));
    OK(lc_h5_close(f));
}

static void test_damaged_files(void **state)
{
    (void)state;
    lc_dataset *d = make_rows(60, 6, 3, 0.8, 3);
    lc_train_report r, again;
    lc_classifier *c = train("svm", &rbf_zscore, d, 1, &r), *loaded;
    char path[512], *recipe = d->recipe;
    unsigned char *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s", temp_path("good.h5"));
    OK(lc_classifier_save(c, path, "train"));
    OK(lc_read_file(&bytes, &size, path, 1 << 24));
    const struct {
        const char *object;
        lc_h5_type type;
        size_t count;
        double f64[3];
        int32_t i32[3];
    } bad[] = {
        {"/model/rho", LC_H5_F64, 1, {NAN}, {0}},
        {"/model/labels", LC_H5_I32, 3, {0}, {0, 2, 1}},
        {"/model/labels", LC_H5_I32, 3, {0}, {0, 1, 3}},
        {"/model/labels", LC_H5_I32, 3, {0}, {-1, 1, 2}},
        {"/model/support_counts", LC_H5_I32, 3, {0}, {-1, 1, 2}},
        {"/model/support_counts", LC_H5_I32, 3, {0}, {1, 1, 1}},
        {"/model/support_counts", LC_H5_I32, 3, {0}, {INT32_MAX, INT32_MAX, 2}},
        {"/transform/0_scale", LC_H5_F64, 1, {0}, {0}},
        {"/parameters/g", LC_H5_F64, 1, {-1}, {0}},
        {"/layers/dims", LC_H5_I32, 1, {0}, {7}},
        {"/layers/dims", LC_H5_I32, 1, {0}, {0}},
    };
    const char *broken = temp_path("broken.h5");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        OK(lc_write_file(broken, bytes, size));
        break_file(broken, bad[i].object, bad[i].type, bad[i].count,
                   bad[i].type == LC_H5_F64 ? (const void *)bad[i].f64 : (const void *)bad[i].i32);
        expect_fails(lc_classifier_open(&loaded, broken), LC_ERR_STALE, broken);
        assert_null(loaded);
    }
    lc_h5 *f;
    OK(lc_write_file(broken, bytes, size));
    OK(lc_h5_open(&f, broken, true));
    OK(lc_h5_set_ints(f, "/", "format_version", (int64_t[]){3}, 1));
    OK(lc_h5_close(f));
    expect_fails(lc_classifier_open(&loaded, broken), LC_ERR_STALE, "format_version 3");
    d->recipe = "{\"network\":";
    lc_classifier *cut_recipe = train("svm", &rbf_zscore, d, 1, &again);
    OK(lc_classifier_save(cut_recipe, broken, "train"));
    expect_fails(lc_classifier_open(&loaded, broken), LC_ERR_STALE, "attribute recipe");
    d->recipe = recipe;
    lc_classifier_free(cut_recipe);
    lc_train_report_free(&again);
    for (size_t cut = 0; cut < size; cut += 1 + size / 60) {
        OK(lc_write_file(broken, bytes, cut));
        assert_int_not_equal(LC_OK, lc_classifier_open(&loaded, broken));
    }
    OK(lc_write_file(broken, "not HDF5", 8));
    assert_false(lc_classifier_sniff(broken));
    assert_false(lc_classifier_sniff(temp_path("nothing.h5")));
    free(bytes);
    lc_classifier_free(c);
    lc_train_report_free(&r);
    lc_dataset_free(d);
}

/* Rows of a features file ------------------------------------------------------------------------------------------ */

enum { STORE_ROWS = 9 };

/* Nine rows: 4 train, 3 val, 2 test unless `split` is false; row 1 failed, row 2 without a label; layers a (2) and b (3).
 */
static void make_store(const char *path, bool split)
{
    char *paths[STORE_ROWS], *names[] = {"ants", "bees"};
    int32_t labels[STORE_ROWS];
    uint8_t splits[STORE_ROWS] = {0};
    for (int i = 0; i < STORE_ROWS; i++) {
        paths[i] = malloc(16);
        snprintf(paths[i], 16, i ? "%d.jpg" : "0,\"%d\".jpg", i);
        labels[i] = i == 2 ? -1 : i % 2;
        splits[i] = split ? (uint8_t)(i < 4   ? LC_SPLIT_TRAIN
                                      : i < 7 ? LC_SPLIT_VAL
                                              : LC_SPLIT_TEST)
                          : (uint8_t)LC_SPLIT_NONE;
    }
    lc_manifest m = {.root = ".",
                     .rows = STORE_ROWS,
                     .paths = paths,
                     .labels = labels,
                     .splits = splits,
                     .classes = 2,
                     .class_names = names};
    lc_store_layer layers[] = {{.name = "a", .op = "Relu", .pool = "avg", .shape = {2, 1, 1}, .dim = 2},
                               {.name = "b", .op = "Relu", .pool = "max", .shape = {3, 1, 1}, .dim = 3}};
    lc_store_options o = {.manifest = &m,
                          .recipe = "{\"network\":\"ab\"}",
                          .model_name = "net",
                          .model_sha256 = "ab",
                          .command = "",
                          .layers = layers,
                          .layer_count = 2};
    lc_store *s;
    lc_store_row rows[STORE_ROWS] = {0};
    float a[STORE_ROWS * 2], b[STORE_ROWS * 3];
    for (int i = 0; i < STORE_ROWS; i++) {
        rows[i].status = i == 1 ? LC_ROW_FAILED : LC_ROW_OK;
        a[2 * i] = (float)i;
        a[2 * i + 1] = 0;
        b[3 * i] = b[3 * i + 1] = b[3 * i + 2] = 0.1f * (float)i;
    }
    OK(lc_store_create(&s, path, &o));
    OK(lc_store_write(s, 0, STORE_ROWS, rows, (const float *const[]){a, b}));
    OK(lc_store_finish(s));
    for (int i = 0; i < STORE_ROWS; i++) {
        free(paths[i]);
    }
}

static void test_dataset(void **state)
{
    (void)state;
    char path[512];
    const char *const both[] = {"b", "a"};
    lc_dataset *d;
    snprintf(path, sizeof path, "%s", temp_path("store.h5"));
    make_store(path, true);
    OK(lc_dataset_read(&d, path, both, 2, LC_ROWS_TRAIN));
    assert_int_equal(d->rows, 2);
    assert_int_equal(d->failed, 1);
    assert_int_equal(d->unlabelled, 1);
    assert_int_equal(d->dim, 5);
    assert_true(d->x[5] == 0.1f * 3 && d->x[8] == 3 && d->labels[1] == 1);
    assert_string_equal(d->paths[1], "3.jpg");
    assert_string_equal(d->pools[0], "max");
    assert_string_equal(d->split_name, "train");
    lc_dataset_free(d);
    OK(lc_dataset_read(&d, path, NULL, 0, LC_ROWS_JUDGE));
    assert_string_equal(d->split_name, "test");
    assert_int_equal(d->rows, 2);
    assert_string_equal(d->layer_names[0], "b");
    lc_dataset_free(d);
    OK(lc_dataset_read(&d, path, NULL, 0, LC_ROWS_ALL));
    assert_int_equal(d->rows, 7);
    lc_dataset_free(d);
    OK(lc_dataset_read(&d, path, NULL, 0, LC_ROWS_ALL | LC_ROWS_UNLABELLED));
    assert_int_equal(d->rows, 8);
    assert_int_equal(d->unlabelled, 0);
    assert_int_equal(d->labels[1], -1);
    lc_dataset_free(d);
    expect_fails(lc_dataset_read(&d, path, (const char *const[]){"c"}, 1, LC_ROWS_ALL), LC_ERR_NOTFOUND, "c");
    make_store(path, false);
    OK(lc_dataset_read(&d, path, NULL, 0, LC_ROWS_TRAIN));
    assert_string_equal(d->split_name, "all");
    lc_dataset_free(d);
    expect_fails(lc_dataset_read(&d, path, NULL, 0, LC_ROWS_JUDGE), LC_ERR_ARG, "none 9");
    assert_null(d);
}

static void expect_text(const char *path, const char *want)
{
    unsigned char *text;
    size_t size;
    OK(lc_read_file(&text, &size, path, 1 << 20));
    assert_string_equal((const char *)text, want);
    free(text);
}

static void test_dataset_export(void **state)
{
    (void)state;
    char path[512];
    lc_dataset *d;
    unsigned char *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s", temp_path("store.h5"));
    make_store(path, true);
    OK(lc_dataset_read(&d, path, (const char *const[]){"a"}, 1, LC_ROWS_TRAIN));
    d->x[2] = 0.1f;
    const char *out = temp_path("rows.txt");
    OK(lc_dataset_export(d, "libsvm", out));
    expect_text(out, "0\n1 1:0.100000001\n");
    OK(lc_dataset_export(d, "csv", out));
    expect_text(out, "path,label,f0,f1\n\"0,\"\"0\"\".jpg\",ants,0,0\n3.jpg,bees,0.100000001,0\n");
    expect_text(temp_path("rows.txt.classes.txt"), "0\tants\n1\tbees\n");
    OK(lc_dataset_export(d, "npy", temp_path("rows.npy")));
    OK(lc_read_file(&bytes, &size, temp_path("rows.npy"), 1 << 20));
    assert_int_equal(size, 128 + 4 * sizeof(float));
    assert_memory_equal(bytes + 128, d->x, 4 * sizeof(float));
    assert_non_null(strstr((const char *)bytes + 10, "'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"));
    free(bytes);
    OK(lc_read_file(&bytes, &size, temp_path("rows.labels.npy"), 1 << 20));
    assert_memory_equal(bytes + 128, d->labels, 2 * sizeof(int32_t));
    free(bytes);
    d->labels[1] = -1;
    OK(lc_dataset_export(d, "csv", out));
    expect_text(out, "path,label,f0,f1\n\"0,\"\"0\"\".jpg\",ants,0,0\n3.jpg,,0.100000001,0\n");
    expect_fails(lc_dataset_export(d, "arff", out), LC_ERR_ARG, "libsvm, csv, npy");
    lc_dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_training_sets), cmocka_unit_test(test_match_names_the_word),
        cmocka_unit_test(test_match_classes),     cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_dataset),           cmocka_unit_test(test_dataset_export),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
