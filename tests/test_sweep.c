/* Which layer to cut at: screens and similarity equal numpy's, rules choose what they say, a sweep is a function of its files. */
#include "tests/classifier_rows.h"

#include "classifier/gram.h"
#include "classifier/screen.h"
#include "classifier/sweep.h"
#include "common/feature_store.h"
#include "common/file.h"
#include "tests/temp_folder.h"

#define GOLDEN "tests/golden/sweep.json"
#define REMAKE "to make it again: tests/golden/make_golden_sweep.py"

static lc_json *golden(void)
{
    unsigned char *text;
    size_t size;
    lc_json *json;
    OK(lc_read_file(&text, &size, GOLDEN, 1 << 20));
    OK(lc_json_parse(&json, (const char *)text, size));
    free(text);
    return json;
}

static double *reals(const lc_json *array)
{
    double *out = calloc(lc_json_size(array) + 1, sizeof *out);
    for (size_t i = 0; i < lc_json_size(array); i++) {
        out[i] = lc_json_number_at(array, i, NAN);
    }
    return out;
}

static float *floats(const lc_json *array)
{
    double *wide = reals(array);
    float *out = calloc(lc_json_size(array) + 1, sizeof *out);
    for (size_t i = 0; i < lc_json_size(array); i++) {
        out[i] = (float)wide[i];
    }
    free(wide);
    return out;
}

static void expect_close(const char *what, double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance)) {
        fail_msg("%s is %.15g, numpy says %.15g; " REMAKE, what, got, want);
    }
}

static double cka_of(const lc_json *c, size_t rows)
{
    const char *const keys[] = {"x", "other"};
    float *gram[2];
    for (size_t l = 0; l < 2; l++) {
        const lc_json *numbers = lc_json_get(c, keys[l]);
        size_t dim = lc_json_size(numbers) / rows;
        float *x = floats(numbers);
        double *centre = calloc(dim, sizeof *centre);
        gram[l] = calloc(rows * rows, sizeof *gram[l]);
        lc_gram_centre(x, rows, dim, centre);
        OK(lc_gram_compute(x, rows, dim, centre, gram[l], NULL));
        free(x);
        free(centre);
    }
    double cka = lc_cka(gram[0], gram[1], rows);
    assert_true(fabs(lc_cka(gram[0], gram[0], rows) - 1) < 1e-12);
    free(gram[0]);
    free(gram[1]);
    return cka;
}

static void test_golden_layers(void **state)
{
    (void)state;
    lc_json *json = golden();
    const lc_json *layers = lc_json_get(json, "layers");
    assert_true(lc_json_size(layers) >= 4);
    for (size_t i = 0; i < lc_json_size(layers); i++) {
        const lc_json *c = lc_json_at(layers, i);
        size_t rows = lc_json_size(lc_json_get(c, "labels")), dim = (size_t)lc_json_number(c, "dim", 0);
        size_t classes = (size_t)lc_json_number(c, "classes", 0);
        float *x = floats(lc_json_get(c, "x"));
        int32_t *labels = calloc(rows, sizeof *labels);
        for (size_t r = 0; r < rows; r++) {
            labels[r] = (int32_t)lc_json_number_at(lc_json_get(c, "labels"), r, -1);
        }
        double logme, hscore, more;
        OK(lc_screen_logme(x, rows, dim, labels, classes, &logme, NULL));
        OK(lc_screen_hscore(x, rows, dim, labels, classes, &hscore, NULL));
        expect_close("LogME", logme, lc_json_number(c, "logme", NAN), 1e-6);
        expect_close("H-score", hscore, lc_json_number(c, "hscore", NAN), 1e-9);
        expect_close("CKA", cka_of(c, rows), lc_json_number(c, "cka", NAN), 1e-6);
        OK(lc_screen_logme(x, rows, dim, labels, classes + 1, &more, NULL)); /* a class without rows */
        assert_true(more == logme);
        free(x);
        free(labels);
    }
    lc_json_free(json);
}

static void test_golden_taus(void **state)
{
    (void)state;
    lc_json *json = golden();
    const lc_json *taus = lc_json_get(json, "taus");
    for (size_t i = 0; i < lc_json_size(taus); i++) {
        const lc_json *c = lc_json_at(taus, i);
        double *a = reals(lc_json_get(c, "a")), *b = reals(lc_json_get(c, "b")), tau;
        OK(lc_weighted_tau(a, b, lc_json_size(lc_json_get(c, "a")), &tau));
        expect_close("weighted tau", tau, lc_json_number(c, "tau", NAN), 1e-12);
        free(a);
        free(b);
    }
    lc_json_free(json);
    double tau;
    OK(lc_weighted_tau((double[]){1, 1}, (double[]){1, 2}, 2, &tau));
    assert_true(isnan(tau));
}

/* Constant features, and features that tell the classes apart without a rest: finite all the same. */
static void test_degenerate_screens(void **state)
{
    (void)state;
    const int32_t labels[] = {0, 0, 1, 1};
    const float equal[8] = {3, 3, 3, 3, 3, 3, 3, 3}, zero[8] = {0}, perfect[8] = {1, 0, 1, 0, 0, 1, 0, 1};
    const float *const cases[] = {equal, zero, perfect};
    for (size_t i = 0; i < 3; i++) {
        double logme, hscore;
        OK(lc_screen_logme(cases[i], 4, 2, labels, 2, &logme, NULL));
        OK(lc_screen_hscore(cases[i], 4, 2, labels, 2, &hscore, NULL));
        assert_true(isfinite(logme));
        assert_true(fabs(hscore - (i == 2)) < 1e-9);
    }
}

/* Choosing ---------------------------------------------------------------------------------------------------------- */

static lc_rule rule(const char *text)
{
    lc_rule out;
    OK(lc_rule_parse(text, &out));
    return out;
}

static void expect_choice(const lc_sweep_row *rows, size_t count, const char *text, size_t best, size_t chosen)
{
    size_t b, c;
    const lc_rule r = rule(text);
    OK(lc_sweep_choose(rows, count, &r, &b, &c));
    if (b != best || c != chosen) {
        fail_msg("%s: best %zu, chosen %zu; expected %zu and %zu", text, b, c, best, chosen);
    }
}

static void test_rules(void **state)
{
    (void)state;
    lc_sweep_row rows[] = {
        {.accuracy = 0.70, .error = 0.02, .macs = 100, .dim = 8, .milliseconds = 1},
        {.accuracy = 0.88, .error = 0.02, .macs = 200, .dim = 8, .milliseconds = 2},
        {.accuracy = 0.90, .error = 0.02, .macs = 400, .dim = 8, .milliseconds = 4},
        {.accuracy = 0.95, .error = 0.02, .macs = 300, .dim = 8, .milliseconds = 3, .left_out = true},
        {.accuracy = 0.90, .error = 0.01, .macs = 300, .dim = 8, .milliseconds = NAN},
    };
    expect_choice(rows, 5, "one-se", 4, 4); /* 0.88 is below 0.90 - 0.01 */
    rows[4].accuracy = 0.89;
    expect_choice(rows, 5, "one-se", 2, 1); /* 0.88 = 0.90 - 0.02 counts as within */
    expect_choice(rows, 5, "best", 2, 2);
    expect_choice(rows, 5, "cost:2.5", 2, 1);
    expect_choice(rows, 5, "cost:1", 2, 0);
    rows[1].macs = 0; /* unknown costs: the order of the rows */
    expect_choice(rows, 5, "one-se", 2, 1);
    rows[0].accuracy = 0.88;
    expect_choice(rows, 5, "one-se", 2, 0);
    size_t b, c;
    lc_rule r = rule("cost:0.5");
    expect_fails(lc_sweep_choose(rows, 5, &r, &b, &c), LC_ERR_ARG, "0.5 ms");
    const char *const bad[] = {"worst", "cost:", "cost:x", "cost:0", "cost:-1", "cost:inf", "cost:1ms", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_fails(lc_rule_parse(bad[i], &r), LC_ERR_ARG, "no rule");
    }
}

/* One candidate cannot be chosen for its luck; many that guess can, by what the largest of as many binomials exceeds its
 * expectation. */
static void test_optimism(void **state)
{
    (void)state;
    enum { ROWS = 400, MANY = 20 };
    static uint8_t correct[ROWS * MANY];
    lc_rng r = lc_rng_new(3, 0);
    for (size_t i = 0; i < ROWS * MANY; i++) {
        correct[i] = lc_rng_uniform(&r) < 0.5;
    }
    double one, many, again;
    OK(lc_sweep_optimism(correct, ROWS * MANY, 1, 0, &one));
    OK(lc_sweep_optimism(correct, ROWS, MANY, 0, &many));
    OK(lc_sweep_optimism(correct, ROWS, MANY, 0, &again));
    assert_true(fabs(one) < 0.002);
    assert_true(many == again);
    /* sd of an accuracy is 0.025; the largest of 20 normals is 1.87 of them above the mean. */
    assert_true(many > 0.01 && many < 0.06);
}

/* A sweep over files ------------------------------------------------------------------------------------------------- */

enum { ROWS = 60, LAYERS = 4 };

/* Layers 0 to 3 tell the classes apart better and better; rows 40.. are split val. */
static void make_store(const char *path, const char *first, uint64_t seed, bool costs)
{
    static const double signal[LAYERS] = {0.2, 0.6, 1.0, 1.4};
    char *paths[ROWS], *names[] = {"no", "yes"};
    int32_t labels[ROWS];
    uint8_t splits[ROWS];
    lc_store_row rows[ROWS] = {0};
    static float x[LAYERS][ROWS * 6];
    const float *values[LAYERS];
    lc_store_layer layers[LAYERS];
    for (size_t i = 0; i < ROWS; i++) {
        OK(lc_sprintf(&paths[i], "%s%02zu.jpg", i ? "" : first, i));
        labels[i] = (int32_t)(i % 2);
        splits[i] = i < 40 ? LC_SPLIT_TRAIN : LC_SPLIT_VAL;
        rows[i].status = LC_ROW_OK;
    }
    for (size_t l = 0; l < LAYERS; l++) {
        static char *const layer_names[LAYERS] = {"one", "two", "three", "four"}, op[] = "relu", pool[] = "avg";
        layers[l] = (lc_store_layer){.name = layer_names[l],
                                     .op = op,
                                     .pool = pool,
                                     .shape = {6, 1, 1},
                                     .dim = 6,
                                     .macs = costs ? 1000 * (l + 1) : 0,
                                     .parameters = 10 * l};
        for (size_t i = 0; i < ROWS * 6; i++) {
            lc_rng r = lc_rng_new(seed + l, i);
            x[l][i] = (float)(lc_rng_normal(&r) + (i % 6 < 3) * (i / 6 % 2 ? signal[l] : -signal[l]));
        }
        values[l] = x[l];
    }
    lc_manifest m = {.root = ".", .rows = ROWS, .paths = paths, .labels = labels, .splits = splits, .classes = 2, .class_names = names};
    const lc_store_options o = {.manifest = &m,
                                .recipe = "{\"network\":\"ab\"}",
                                .model_name = "net",
                                .model_sha256 = "ab",
                                .command = "",
                                .layers = layers,
                                .layer_count = LAYERS};
    lc_store *s;
    OK(lc_store_create(&s, path, &o));
    OK(lc_store_write(s, 0, ROWS, rows, values));
    OK(lc_store_finish(s));
    for (size_t i = 0; i < ROWS; i++) {
        free(paths[i]);
    }
}

static lc_sweep *run(const lc_sweep_options *o)
{
    lc_sweep *s;
    OK(lc_sweep_open(&s, o));
    OK(lc_sweep_run(s, o));
    return s;
}

static void test_sweep(void **state)
{
    (void)state;
    char path[512], floor[512];
    const char *const stores[] = {path};
    snprintf(path, sizeof path, "%s", temp_path("sweep.h5"));
    snprintf(floor, sizeof floor, "%s", temp_path("floor.h5"));
    make_store(path, "", 1, true);
    make_store(floor, "", 50, true);
    lc_sweep_options o = {.stores = stores,
                          .store_count = 1,
                          .floor = floor,
                          .screen = "logme,hscore,ridge",
                          .keep = 4,
                          .fuse = "one+four,two+three+four",
                          .similarity = true,
                          .train = {.threads = 1}};
    lc_sweep *s = run(&o);
    assert_int_equal(s->count, 6);
    assert_int_equal(s->layers, 4);
    assert_int_equal(s->train_rows, 40);
    assert_int_equal(s->test_rows, 20);
    assert_string_equal(s->split, "val");
    assert_string_equal(s->rows[5].name, "two + three + four");
    assert_int_equal(s->rows[5].dim, 18);
    assert_true(s->rows[5].macs == 4000 && s->rows[5].parameters == 30);
    assert_true(s->rows[3].accuracy > s->rows[0].accuracy);
    assert_true(s->similarity[1] == s->similarity[4] && fabs(s->similarity[5] - 1) < 1e-9);
    assert_true(s->tau[0] > 0 && s->tau[2] > 0);

    /* A row is what train says of the layer. */
    const char *four = "four";
    lc_dataset *d;
    lc_classifier *c;
    lc_train_report r;
    OK(lc_dataset_read(&d, path, &four, 1, LC_ROWS_TRAIN));
    OK(lc_classifier_train(&c, d, &o.train, &r));
    assert_true(r.points[r.best].accuracy == s->rows[3].accuracy);
    assert_true(fabs(r.points[r.best].deviation / 2 - s->rows[3].error) < 1e-15); /* of 5 folds */
    assert_true(lc_classifier_describe(c)->param_values[0] == s->rows[3].values[0]);
    lc_train_report_free(&r);
    lc_classifier_free(c);
    lc_dataset_free(d);

    /* Any number of threads says the same. */
    o.train.threads = 3;
    lc_sweep *again = run(&o);
    assert_int_equal(again->chosen, s->chosen);
    assert_memory_equal(again->similarity, s->similarity, 16 * sizeof(double));
    for (size_t i = 0; i < s->count; i++) {
        const lc_sweep_row *a = &s->rows[i], *b = &again->rows[i];
        assert_true(a->accuracy == b->accuracy && a->error == b->error && a->test_correct == b->test_correct);
        assert_memory_equal(a->screens, b->screens, i < s->layers ? sizeof a->screens : 0);
    }
    lc_sweep_free(again);

    /* The screen decides who is judged; one value of everything is validated all the same. */
    o.screen = "ridge";
    o.keep = 1;
    o.fuse = "greedy";
    o.train.hyper = &(lc_hyper){"c", "1"};
    o.train.hyper_count = 1;
    o.floor = NULL;
    lc_sweep *kept = run(&o);
    size_t left = 0;
    for (size_t i = 0; i < kept->layers; i++) {
        left += !kept->rows[i].left_out;
    }
    assert_int_equal(left, 1);
    assert_false(kept->rows[kept->chosen].left_out);
    assert_true(isfinite(kept->rows[kept->chosen].accuracy) && isnan(kept->tau[2]));
    lc_sweep_free(kept);
    lc_sweep_free(s);
}

static void expect_refused(const lc_sweep_options *o, lc_status want, const char *word)
{
    lc_sweep *s = NULL;
    lc_status st = lc_sweep_open(&s, o);
    if (st == LC_OK) {
        st = lc_sweep_run(s, o);
    }
    expect_fails(st, want, word);
    lc_sweep_free(s);
}

static void test_refused(void **state)
{
    (void)state;
    char a[512], b[512];
    snprintf(a, sizeof a, "%s", temp_path("a.h5"));
    snprintf(b, sizeof b, "%s", temp_path("b.h5"));
    make_store(a, "", 1, false);
    make_store(b, "other", 1, false);
    const char *const both[] = {a, b}, *const twice[] = {a, a}, *const layers[] = {"fore"};
    lc_sweep_options o = {.stores = both, .store_count = 2};
    expect_refused(&o, LC_ERR_STALE, "a sweep wants the same pictures");
    o = (lc_sweep_options){.stores = both, .store_count = 1, .floor = b};
    expect_refused(&o, LC_ERR_STALE, "a sweep wants the same pictures");
    o = (lc_sweep_options){.stores = both, .store_count = 1, .layers = layers, .layer_count = 1};
    expect_refused(&o, LC_ERR_NOTFOUND, "fore");
    o = (lc_sweep_options){.stores = both, .store_count = 1, .screen = "nce"};
    expect_refused(&o, LC_ERR_ARG, "no screen 'nce'");
    o = (lc_sweep_options){.stores = both, .store_count = 1, .fuse = "one+five"};
    expect_refused(&o, LC_ERR_NOTFOUND, "no layer 'five'");
    o.fuse = "one";
    expect_refused(&o, LC_ERR_ARG, "two layers or more");
    o.fuse = "one+one";
    expect_refused(&o, LC_ERR_ARG, "named twice");
    o = (lc_sweep_options){.stores = both, .store_count = 1, .rule = "cost:3"};
    expect_refused(&o, LC_ERR_ARG, "at most 3 ms");
    o = (lc_sweep_options){.stores = twice, .store_count = 2, .fuse = "net:one+net:two"};
    lc_sweep *s = run(&o);
    assert_int_equal(s->layers, 8);
    assert_string_equal(s->rows[0].name, "net:one");
    lc_sweep_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_layers), cmocka_unit_test(test_golden_taus), cmocka_unit_test(test_degenerate_screens),
        cmocka_unit_test(test_rules),         cmocka_unit_test(test_optimism),    cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
