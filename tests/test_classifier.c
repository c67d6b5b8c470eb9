/*
 * Every classifier of clf_list.inc answers the same questions (same bytes for any threads, saved and loaded, row by row),
 * the SVM equals LIBSVM itself, and the pieces under them: Gram matrix, folds, transforms, hyperparameters, class weights.
 */
#include <libsvm/svm.h>

#include "classifier/clf.h"
#include "classifier/gram.h"
#include "classifier/hyper.h"
#include "classifier/search.h"
#include "classifier/task.h"
#include "common/file.h"
#include "tests/classifier_rows.h"
#include "tests/temp_folder.h"

typedef struct {
    const char *name;
    const clf_case *cases;
    size_t count;
} clf_cases;

/* Every classifier ---------------------------------------------------------------------------------------------- */

#define LC_CLF(name) extern const clf_cases clf_cases_##name;
#include "classifier/clf_list.inc"
#undef LC_CLF

/* One case: threads, file, row by row, and the labels are the arg max of the scores. */
static void ask(const char *name, const clf_case *c)
{
    lc_dataset *d = make_rows(c->rows, c->dim, c->classes, 0.8, 5);
    lc_train_report one, three;
    lc_classifier *a = train(name, c, d, 1, &one), *b = train(name, c, d, 3, &three), *loaded;
    char first[512], second[512];
    snprintf(first, sizeof first, "%s", temp_path("one.h5"));
    snprintf(second, sizeof second, "%s", temp_path("three.h5"));
    OK(lc_classifier_set_model_path(a, "net.onnx"));
    OK(lc_classifier_set_model_path(b, "net.onnx"));
    OK(lc_classifier_save(a, first, "train"));
    OK(lc_classifier_save(b, second, "train"));
    expect_same_files(first, second);
    assert_int_equal(one.point_count, three.point_count);
    assert_memory_equal(one.points, three.points, one.point_count * sizeof *one.points);
    assert_true(one.train_accuracy > 0.6);

    assert_true(lc_classifier_sniff(first));
    OK(lc_classifier_open(&loaded, first));
    const lc_classifier_info *i = lc_classifier_describe(loaded), *j = lc_classifier_describe(a);
    assert_string_equal(i->classifier, name);
    assert_string_equal(i->model_path, "net.onnx");
    assert_string_equal(i->recipe, j->recipe);
    assert_memory_equal(i->param_values, j->param_values, sizeof i->param_values);
    assert_true(i->support_vectors == j->support_vectors && i->dim == j->dim);
    OK(lc_classifier_match(loaded, d));

    lc_threads *pool;
    OK(lc_threads_new(&pool, 3));
    float *scores = calloc(d->rows * d->classes, sizeof *scores), *single = calloc(d->classes, sizeof *single);
    int32_t *labels = calloc(d->rows, sizeof *labels), label;
    OK(lc_classifier_scores(loaded, d->x, d->rows, d->dim, labels, scores, pool));
    for (size_t r = 0; r < d->rows; r++) {
        OK(lc_classifier_scores(a, d->x + r * d->dim, 1, d->dim, &label, single, NULL));
        assert_int_equal(label, labels[r]);
        assert_memory_equal(single, scores + r * d->classes, d->classes * sizeof *single);
        for (size_t k = 0; k < d->classes; k++) {
            assert_true((size_t)label == k || single[k] < single[label]);
        }
    }
    lc_threads_free(pool);
    free(scores);
    free(single);
    free(labels);
    lc_classifier_free(a);
    lc_classifier_free(b);
    lc_classifier_free(loaded);
    lc_train_report_free(&one);
    lc_train_report_free(&three);
    lc_dataset_free(d);
}

static const clf_case svm_cases[] = {
    {.kernel = "linear", .norm = "l2", .rows = 100, .dim = 33, .classes = 2},
    {.kernel = "linear", .norm = "none", .rows = 120, .dim = 17, .classes = 5, .hyper = {{"c", "1"}}, .hyper_count = 1},
    {.kernel = "linear",
     .norm = "zscore",
     .rows = 90,
     .dim = 40,
     .classes = 3,
     .hyper = {{"log2c", "-5,3,4"}},
     .hyper_count = 1},
    {.kernel = "rbf", .norm = "l2", .rows = 110, .dim = 29, .classes = 4, .hyper = {{"c", "1,10"}}, .hyper_count = 1},
    {.kernel = "rbf",
     .norm = "zscore",
     .rows = 80,
     .dim = 20,
     .classes = 2,
     .hyper = {{"c", "10"}, {"g", "0.01,0.05"}},
     .hyper_count = 2},
    /* More pairs than support vectors: decisions by kernel rows, also for the linear machine. */
    {.kernel = "linear", .norm = "l2", .rows = 150, .dim = 24, .classes = 20, .hyper = {{"c", "10"}}, .hyper_count = 1},
};
static const clf_case nusvm_cases[] = {
    {.kernel = "linear", .norm = "l2", .rows = 100, .dim = 33, .classes = 2, .hyper = {{"nu", "0.05,0.1"}}, .hyper_count = 1},
    {.kernel = "rbf", .norm = "zscore", .rows = 90, .dim = 17, .classes = 3, .hyper = {{"nu", "0.1"}}, .hyper_count = 1},
};
const clf_cases clf_cases_nusvm = {"nusvm", nusvm_cases, sizeof nusvm_cases / sizeof nusvm_cases[0]};

static const clf_case linear_cases[] = {
    {.norm = "l2", .rows = 100, .dim = 33, .classes = 2},
    {.norm = "zscore,pca:9", .rows = 120, .dim = 17, .classes = 5, .hyper = {{"log2c", "-5,1,3"}}, .hyper_count = 1},
    {.norm = "l2,nystroem:30", .rows = 90, .dim = 20, .classes = 3, .hyper = {{"c", "1"}}, .hyper_count = 1},
};
const clf_cases clf_cases_linear = {"linear", linear_cases, sizeof linear_cases / sizeof linear_cases[0]};

static const clf_case logreg_cases[] = {
    {.norm = "l2", .rows = 100, .dim = 33, .classes = 2, .hyper = {{"log10lambda", "-3,1,1"}}, .hyper_count = 1},
    {.norm = "power,l2", .rows = 120, .dim = 17, .classes = 5},
};
const clf_cases clf_cases_logreg = {"logreg", logreg_cases, sizeof logreg_cases / sizeof logreg_cases[0]};

static const clf_case ridge_cases[] = {
    {.norm = "l2", .rows = 100, .dim = 33, .classes = 2},
    {.norm = "none", .rows = 60, .dim = 90, .classes = 4},
    {.norm = "minmax", .rows = 120, .dim = 17, .classes = 5, .hyper = {{"lambda", "1,10"}}, .hyper_count = 1},
};
const clf_cases clf_cases_ridge = {"ridge", ridge_cases, sizeof ridge_cases / sizeof ridge_cases[0]};

static const clf_case lda_cases[] = {
    {.norm = "l2", .rows = 100, .dim = 33, .classes = 2},
    {.norm = "l2,whiten:8", .rows = 120, .dim = 17, .classes = 5, .hyper = {{"shrinkage", "0.2"}}, .hyper_count = 1},
};
const clf_cases clf_cases_lda = {"lda", lda_cases, sizeof lda_cases / sizeof lda_cases[0]};

static const clf_case centroid_cases[] = {
    {.norm = "l2", .rows = 100, .dim = 33, .classes = 2},
    {.norm = "zscore", .rows = 120, .dim = 17, .classes = 5},
};
const clf_cases clf_cases_centroid = {"centroid", centroid_cases, sizeof centroid_cases / sizeof centroid_cases[0]};

static const clf_case knn_cases[] = {
    {.kernel = "cosine", .norm = "none", .rows = 100, .dim = 33, .classes = 2},
    {.kernel = "euclidean", .norm = "zscore", .rows = 120, .dim = 17, .classes = 5},
};
const clf_cases clf_cases_knn = {"knn", knn_cases, sizeof knn_cases / sizeof knn_cases[0]};

static const clf_case more_svm_cases[] = {
    {.kernel = "poly", .norm = "l2", .rows = 90, .dim = 21, .classes = 3, .hyper = {{"c", "1,10"}}, .hyper_count = 1},
    {.kernel = "chi2", .norm = "minmax", .rows = 80, .dim = 19, .classes = 3, .hyper = {{"c", "10"}}, .hyper_count = 1},
    {.kernel = "intersection", .norm = "l2", .rows = 80, .dim = 19, .classes = 3, .hyper = {{"c", "10"}}, .hyper_count = 1},
    {.kernel = "rbf",
     .norm = "l2",
     .multiclass = "ovr",
     .rows = 100,
     .dim = 19,
     .classes = 4,
     .hyper = {{"c", "1,10"}},
     .hyper_count = 1},
    {.kernel = "linear", .norm = "l2", .multiclass = "ovr", .probability = "platt", .rows = 100, .dim = 19, .classes = 4},
    {.kernel = "linear", .norm = "l2", .probability = "temperature", .rows = 100, .dim = 19, .classes = 2},
};

const clf_cases clf_cases_svm = {"svm", svm_cases, sizeof svm_cases / sizeof svm_cases[0]};

static void test_every_classifier(void **state)
{
    (void)state;
#define LC_CLF(name) &clf_cases_##name,
    const clf_cases *const all[] = {
#include "classifier/clf_list.inc"
    };
#undef LC_CLF
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        for (size_t c = 0; c < all[i]->count; c++) {
            ask(all[i]->name, &all[i]->cases[c]);
        }
    }
    for (size_t c = 0; c < sizeof more_svm_cases / sizeof more_svm_cases[0]; c++) {
        ask("svm", &more_svm_cases[c]);
    }
}

/* The SVM against LIBSVM itself --------------------------------------------------------------------------------- */

static void quiet(const char *text)
{
    (void)text;
}

static struct svm_node *dense(const float *x, size_t rows, size_t dim)
{
    struct svm_node *nodes = calloc(rows * (dim + 1), sizeof *nodes);
    for (size_t i = 0; i < rows; i++) {
        for (size_t d = 0; d < dim; d++) {
            nodes[i * (dim + 1) + d] = (struct svm_node){(int)d + 1, (double)x[i * dim + d]};
        }
        nodes[i * (dim + 1) + dim].index = -1;
    }
    return nodes;
}

enum { STOCK_ROWS = 240, STOCK_TRAIN = 160, STOCK_DIM = 30 };
static const double stock_eps = 1e-4; /* of ours too */

/* LIBSVM's own machine on the first STOCK_TRAIN rows of nodes, which it points into; g: gamma of rbf, NULL: linear. */
static struct svm_model *train_stock(struct svm_node *nodes, const int32_t *labels, const char *c, const char *g)
{
    struct svm_node *rows[STOCK_TRAIN];
    double y[STOCK_TRAIN];
    for (size_t i = 0; i < STOCK_TRAIN; i++) {
        rows[i] = nodes + i * (STOCK_DIM + 1);
        y[i] = labels[i];
    }
    struct svm_problem problem = {STOCK_TRAIN, y, rows};
    struct svm_parameter p = {.svm_type = C_SVC,
                              .kernel_type = g ? RBF : LINEAR,
                              .gamma = g ? atof(g) : 0,
                              .cache_size = 50,
                              .eps = stock_eps,
                              .C = atof(c),
                              .shrinking = 1};
    svm_set_print_string_function(quiet);
    return svm_train(&problem, &p);
}

/* A score is the votes plus the sum of decisions squeezed into a third; this is the sum, 0 for a winner of a tie that was
 * lifted out of it. */
static double sum_in_score(double score)
{
    double fraction = score - rint(score);
    return fabs(fraction) < 0.3333 ? fraction * 3 / (1 - 3 * fabs(fraction)) : 0;
}

static void sum_decisions(const double *decisions, size_t classes, double *sum)
{
    size_t pair = 0;
    memset(sum, 0, classes * sizeof *sum);
    for (size_t a = 0; a < classes; a++) {
        for (size_t b = a + 1; b < classes; b++, pair++) {
            sum[a] += decisions[pair];
            sum[b] -= decisions[pair];
        }
    }
}

/* Both machines stop within eps of the optimum, so a vote that hangs on less than that may fall either way. */
static bool hangs(const double *decisions, size_t classes)
{
    double nearest = INFINITY;
    for (size_t k = 0; k < classes * (classes - 1) / 2; k++) {
        nearest = fmin(nearest, fabs(decisions[k]));
    }
    return nearest < stock_eps;
}

/* Labels and summed decisions of ours and of LIBSVM's machine, for rows trained on and rows not seen. */
static void compare_with_libsvm(size_t classes, const char *kernel, const char *norm, const char *c, const char *g,
                                double spread)
{
    lc_dataset *all = make_rows(STOCK_ROWS, STOCK_DIM, classes, spread, 40 + classes), train_rows = *all;
    train_rows.rows = STOCK_TRAIN;
    clf_case choice = {.kernel = kernel, .norm = norm, .hyper = {{"c", c}, {"g", g}}, .hyper_count = g ? 2 : 1};
    lc_train_report report;
    lc_classifier *ours = train("svm", &choice, &train_rows, 2, &report);
    size_t index[STOCK_TRAIN];
    for (size_t i = 0; i < STOCK_TRAIN; i++) {
        index[i] = i;
    }
    lc_transform t;
    float *x = calloc(STOCK_ROWS * STOCK_DIM, sizeof *x), *scores = calloc(STOCK_ROWS * classes, sizeof *scores);
    int32_t labels[STOCK_ROWS];
    OK(lc_transform_init(&t, norm, STOCK_DIM, 0));
    OK(lc_transform_fit(&t, all->x, index, STOCK_TRAIN, NULL));
    OK(lc_transform_apply(&t, all->x, STOCK_ROWS, x, NULL));
    OK(lc_classifier_scores(ours, all->x, STOCK_ROWS, STOCK_DIM, labels, scores, NULL));
    struct svm_node *nodes = dense(x, STOCK_ROWS, STOCK_DIM);
    struct svm_model *stock = train_stock(nodes, all->labels, c, g);
    double decisions[64], sum[16], scale = 0, worst = 0;
    for (size_t i = 0; i < STOCK_ROWS; i++) {
        int label = (int)svm_predict_values(stock, nodes + i * (STOCK_DIM + 1), decisions);
        if (label != labels[i]) {
            assert_true(hangs(decisions, classes));
            continue;
        }
        sum_decisions(decisions, classes, sum);
        for (size_t k = 0; k < classes; k++) {
            scale = fmax(scale, fabs(sum[k]));
            worst = (size_t)label == k ? worst : fmax(worst, fabs(sum_in_score((double)scores[i * classes + k]) - sum[k]));
        }
    }
    if (worst > 1e-3 * scale) {
        fail_msg("%zu classes, %s, %s, C %s: decisions of scale %g differ by %g", classes, kernel, norm, c, scale, worst);
    }
    svm_free_and_destroy_model(&stock);
    free(nodes);
    free(x);
    free(scores);
    lc_transform_free(&t);
    lc_classifier_free(ours);
    lc_train_report_free(&report);
    lc_dataset_free(all);
}

static void test_equals_libsvm(void **state)
{
    (void)state;
    const char *const norms[] = {"l2", "none", "zscore"};
    for (size_t classes = 2; classes <= 10; classes++) {
        for (size_t n = 0; n < 3; n++) {
            compare_with_libsvm(classes, "linear", norms[n], "1", NULL, 0.8);
            compare_with_libsvm(classes, "rbf", norms[n], "4", n == 0 ? "2" : "0.02", 0.8);
        }
    }
    compare_with_libsvm(3, "linear", "l2", "512", NULL, 0.5);
}

static void compare_labels(const char *file, const int32_t *labels, size_t rows)
{
    FILE *f = fopen(file, "r");
    assert_non_null(f);
    for (size_t i = 0; i < rows; i++) {
        int label;
        assert_int_equal(1, fscanf(f, "%d", &label));
        assert_int_equal(label, labels[i]);
    }
    fclose(f);
}

/* What is exported is read by LIBSVM: its library always, its program where it is installed. */
static void test_export(void **state)
{
    (void)state;
    bool program = system("command -v svm-predict > /dev/null 2>&1") == 0;
    if (!program) {
        print_message("  skipped: svm-predict is not installed (Debian: libsvm-tools)\n");
    }
    for (size_t c = 0; c < clf_cases_svm.count; c++) {
        const clf_case *choice = &svm_cases[c];
        lc_dataset *d = make_rows(choice->rows, choice->dim, choice->classes, 0.8, 5);
        lc_train_report report;
        lc_classifier *ours = train("svm", choice, d, 2, &report);
        char prefix[512], path[600], command[2048];
        snprintf(prefix, sizeof prefix, "%s", temp_path("stock"));
        OK(lc_classifier_export_libsvm(ours, d, prefix));
        int32_t *labels = calloc(d->rows, sizeof *labels);
        OK(lc_classifier_scores(ours, d->x, d->rows, d->dim, labels, NULL, NULL));

        size_t index = 0;
        lc_transform t;
        float *x = calloc(d->rows * d->dim, sizeof *x);
        size_t *rows = calloc(d->rows, sizeof *rows);
        for (; index < d->rows; index++) {
            rows[index] = index;
        }
        OK(lc_transform_init(&t, choice->norm, d->dim, 0));
        OK(lc_transform_fit(&t, d->x, rows, d->rows, NULL));
        OK(lc_transform_apply(&t, d->x, d->rows, x, NULL));
        struct svm_node *nodes = dense(x, d->rows, d->dim);
        snprintf(path, sizeof path, "%s.model", prefix);
        struct svm_model *stock = svm_load_model(path);
        assert_non_null(stock);
        for (size_t i = 0; i < d->rows; i++) {
            assert_int_equal((int)svm_predict(stock, nodes + i * (d->dim + 1)), labels[i]);
        }
        if (program) {
            snprintf(command, sizeof command, "svm-predict %s.train.libsvm %s.model %s.out > /dev/null", prefix, prefix,
                     prefix);
            assert_int_equal(0, system(command));
            snprintf(path, sizeof path, "%s.out", prefix);
            compare_labels(path, labels, d->rows);
        }
        svm_free_and_destroy_model(&stock);
        free(nodes);
        free(rows);
        free(x);
        free(labels);
        lc_transform_free(&t);
        lc_classifier_free(ours);
        lc_train_report_free(&report);
        lc_dataset_free(d);
    }
}

/* Pieces -------------------------------------------------------------------------------------------------------- */

static void test_gram(void **state)
{
    (void)state;
    enum { ROWS = 300, DIM = 70 };
    lc_dataset *d = make_rows(ROWS, DIM, 3, 1, 9);
    double centre[DIM], worst = 0;
    float *one = calloc(ROWS * ROWS, sizeof *one), *two = calloc(ROWS * ROWS, sizeof *two);
    lc_threads *pool;
    OK(lc_threads_new(&pool, 3));
    lc_gram_centre(d->x, ROWS, DIM, centre);
    OK(lc_gram_compute(d->x, ROWS, DIM, centre, one, NULL));
    OK(lc_gram_compute(d->x, ROWS, DIM, centre, two, pool));
    assert_memory_equal(one, two, ROWS * ROWS * sizeof *one);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < ROWS; j++) {
            double product = 0;
            for (size_t k = 0; k < DIM; k++) {
                product += ((double)d->x[i * DIM + k] - centre[k]) * ((double)d->x[j * DIM + k] - centre[k]);
            }
            worst = fmax(worst, fabs(product - (double)one[i * ROWS + j]));
            assert_true(one[i * ROWS + j] == one[j * ROWS + i]);
        }
    }
    assert_true(worst < 1e-4);
    expect_fails(lc_gram_check(100000000, 20), LC_ERR_NOMEM, "100000000 rows");
    lc_threads_free(pool);
    free(one);
    free(two);
    lc_dataset_free(d);
}

static void test_folds(void **state)
{
    (void)state;
    enum { ROWS = 103, CLASSES = 4, FOLDS = 5 };
    lc_dataset *d = make_rows(ROWS, 3, CLASSES, 1, 2);
    size_t a[ROWS], b[ROWS], in_fold[FOLDS] = {0}, of_class[CLASSES] = {0}, both[CLASSES][FOLDS] = {{0}};
    OK(lc_folds_assign(d->labels, ROWS, CLASSES, FOLDS, 7, a));
    OK(lc_folds_assign(d->labels, ROWS, CLASSES, FOLDS, 7, b));
    assert_memory_equal(a, b, sizeof a);
    OK(lc_folds_assign(d->labels, ROWS, CLASSES, FOLDS, 8, b));
    assert_memory_not_equal(a, b, sizeof a);
    for (size_t i = 0; i < ROWS; i++) {
        in_fold[a[i]]++;
        of_class[d->labels[i]]++;
        both[d->labels[i]][a[i]]++;
    }
    for (size_t f = 0; f < FOLDS; f++) {
        assert_true(in_fold[f] == ROWS / FOLDS || in_fold[f] == ROWS / FOLDS + 1);
        for (size_t k = 0; k < CLASSES; k++) {
            assert_true(both[k][f] == of_class[k] / FOLDS || both[k][f] == of_class[k] / FOLDS + 1);
        }
    }
    lc_dataset_free(d);
}

/* Seed 0 against sklearn.model_selection.StratifiedKFold(5) on the same labels. */
static void test_folds_in_order(void **state)
{
    (void)state;
    static const size_t golden[29] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4};
    int32_t labels[29];
    size_t folds[29];
    for (int32_t i = 0; i < 29; i++) {
        labels[i] = i * i / 3 % 4;
    }
    OK(lc_folds_assign(labels, 29, 4, 5, 0, folds));
    assert_memory_equal(folds, golden, sizeof golden);
}

/* Mean 0 and deviation 1 over the rows it was fitted on, and only those; a constant feature is centred. */
static void test_zscore(void **state)
{
    (void)state;
    enum { ROWS = 60, DIM = 5, SEEN = 40 };
    lc_dataset *d = make_rows(ROWS, DIM, 2, 1, 3);
    size_t seen[SEEN];
    lc_task task;
    double weights[2] = {1, 1};
    for (size_t i = 0; i < SEEN; i++) {
        seen[i] = i;
    }
    lc_task_options o = {.norm = "zscore", .kernel = "linear", .class_weight = weights};
    OK(lc_clf_find("svm", &o.clf));
    OK(lc_task_init(&task, d, &o, seen, SEEN, NULL));
    for (size_t k = 0; k < DIM; k++) {
        double mean = 0, square = 0, all = 0;
        for (size_t i = 0; i < ROWS; i++) {
            double v = (double)task.x[i * DIM + k];
            mean += i < SEEN ? v / SEEN : 0;
            square += i < SEEN ? v * v / SEEN : 0;
            all += v / ROWS;
        }
        assert_true(fabs(mean) < 1e-6 && fabs(square - (k == 1 ? 0 : 1)) < 1e-5);
        assert_true(k == 1 || fabs(all) > 1e-3);
    }
    lc_task_free(&task);
    lc_dataset_free(d);
}

static void expect_values(const lc_hyper *h, const double *want, size_t n)
{
    const lc_clf *clf;
    lc_grid *grid = calloc(1, sizeof *grid);
    OK(lc_clf_find("svm", &clf));
    OK(lc_grid_parse(grid, clf, "rbf", h, 1, 0.5));
    size_t axis = strstr(h->name, "g") && h->name[strlen(h->name) - 1] == 'g' ? 1 : 0;
    assert_int_equal(grid->counts[axis], n);
    for (size_t i = 0; i < n; i++) {
        assert_true(fabs(grid->values[axis][i] - want[i]) < 1e-12 * want[i]);
    }
    free(grid);
}

static void test_hyper(void **state)
{
    (void)state;
    const lc_clf *clf;
    lc_grid *grid = calloc(1, sizeof *grid);
    expect_values(&(lc_hyper){"c", "0.1,10,1,1"}, (double[]){0.1, 1, 10}, 3);
    expect_values(&(lc_hyper){"c", "5"}, (double[]){5}, 1);
    expect_values(&(lc_hyper){"log2c", "-1,3,2"}, (double[]){0.5, 2, 8}, 3);
    expect_values(&(lc_hyper){"log2g", "3,-1,-2"}, (double[]){0.5, 2, 8}, 3);
    expect_values(&(lc_hyper){"g", "0.25"}, (double[]){0.25}, 1);
    OK(lc_clf_find(NULL, &clf));
    OK(lc_grid_parse(grid, clf, "rbf", NULL, 0, 0.5));
    assert_int_equal(grid->counts[0], 11);
    assert_true(grid->values[0][0] == 0x1p-5 && grid->values[0][10] == 0x1p15);
    assert_true(grid->counts[1] == 3 && grid->values[1][0] == 0.125 && grid->values[1][2] == 2);
    const struct {
        lc_hyper hyper;
        const char *word;
    } bad[] = {{{"c", "0"}, "c=0"},
               {{"c", "1,"}, "c=1,"},
               {{"c", "x"}, "positive"},
               {{"c", "nan"}, "positive"},
               {{"c", "-1"}, "positive"},
               {{"log2c", "1,2"}, "begin,end,step"},
               {{"log2c", "1,2,0"}, "begin"},
               {{"log2c", "2,1,1"}, "begin"},
               {{"log2c", "0,1e9,1"}, "256"},
               {{"log2c", "2000,2000,1"}, "usable"},
               {{"log2x", "1,2,1"}, "no parameter"},
               {{"x", "3"}, "no parameter 'x'"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_fails(lc_grid_parse(grid, clf, "rbf", &bad[i].hyper, 1, 1), LC_ERR_ARG, bad[i].word);
    }
    expect_fails(lc_grid_parse(grid, clf, "linear", &(lc_hyper){"g", "1"}, 1, 1), LC_ERR_ARG, "kernel 'rbf,poly,chi2'");
    expect_fails(lc_grid_parse(grid, clf, "rbf", (lc_hyper[]){{"c", "1"}, {"log2c", "1,2,1"}}, 2, 1), LC_ERR_ARG, "twice");
    free(grid);
}

/* Of equal accuracies the smallest C; a best at the end of the grid is said. */
static void test_search_ties(void **state)
{
    (void)state;
    lc_dataset *d = make_rows(60, 8, 2, 0, 3);
    for (size_t i = 0; i < d->rows; i++) {
        d->x[i * d->dim] = d->labels[i] ? 5.0f : 0.0f;
    }
    clf_case c = {.kernel = "linear", .norm = "none", .hyper = {{"c", "100,1,10"}}, .hyper_count = 1};
    lc_train_report r;
    lc_classifier *out = train("svm", &c, d, 1, &r);
    assert_int_equal(r.point_count, 3);
    assert_true(r.points[0].accuracy == 1 && r.points[1].accuracy == 1 && r.points[0].deviation == 0);
    assert_true(lc_classifier_describe(out)->param_values[0] == 1 && r.at_edge);
    assert_true(lc_classifier_describe(out)->cv_accuracy == 1 && r.train_accuracy == 1);
    lc_classifier_free(out);
    lc_train_report_free(&r);
    lc_dataset_free(d);
}

static void test_class_weights(void **state)
{
    (void)state;
    lc_dataset *d = make_rows(80, 10, 2, 2, 3);
    char balanced[128], path[2][512];
    size_t counts[2] = {0};
    for (size_t i = 0; i < d->rows; i++) {
        counts[d->labels[i]]++;
    }
    snprintf(balanced, sizeof balanced, "class01:%.17g,class00:%.17g", 40.0 / (double)counts[1], 40.0 / (double)counts[0]);
    const char *const ways[] = {"balanced", balanced};
    lc_train_options o = LC_TRAIN_OPTIONS_INIT;
    lc_hyper one = {"c", "1"};
    lc_train_report r;
    lc_classifier *c;
    o.hyper = &one;
    o.hyper_count = 1;
    for (size_t i = 0; i < 2; i++) {
        o.class_weight = ways[i];
        OK(lc_classifier_train(&c, d, &o, &r));
        assert_true(isnan(lc_classifier_describe(c)->cv_accuracy) && r.point_count == 0);
        snprintf(path[i], sizeof path[i], "%s", temp_path(i ? "w1.h5" : "w0.h5"));
        OK(lc_classifier_save(c, path[i], ""));
        lc_classifier_free(c);
    }
    expect_same_files(path[0], path[1]);
    o.class_weight = "class1:2";
    expect_fails(lc_classifier_train(&c, d, &o, &r), LC_ERR_NOTFOUND, "class1'");
    o.class_weight = "class01:-2";
    expect_fails(lc_classifier_train(&c, d, &o, &r), LC_ERR_ARG, "above 0");
    lc_dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_classifier),
        cmocka_unit_test(test_equals_libsvm),
        cmocka_unit_test(test_export),
        cmocka_unit_test(test_gram),
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_folds_in_order),
        cmocka_unit_test(test_zscore),
        cmocka_unit_test(test_hyper),
        cmocka_unit_test(test_search_ties),
        cmocka_unit_test(test_class_weights),
    };
    return cmocka_run_group_tests(tests, temp_folder_make_dated, temp_folder_remove);
}
