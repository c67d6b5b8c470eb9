/* train F.h5 -o C.h5: a classifier on stored features, its parameters by cross-validation unless given. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "tools/cli.h"
#include "tools/inputs.h"

typedef struct {
    const char *output, *layer, *classifier, *kernel, *norm, *class_weight, *model;
    lc_cli_pairs hyper;
    size_t folds;
} train_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(train_arguments, output, LC_CLI_STRING, "output", 'o', "C.h5", "classifier file to write"),
     .required = true},
    {LC_CLI_OPTION(train_arguments, layer, LC_CLI_STRING, "layer", 'l', "L[,L2]",
                   "layers to train on, side by side (default: the deepest)")},
    {LC_CLI_OPTION(train_arguments, classifier, LC_CLI_STRING, "classifier", 0, "K", "svm (default)")},
    {LC_CLI_OPTION(train_arguments, kernel, LC_CLI_STRING, "kernel", 0, "K", "linear (default) or rbf")},
    {LC_CLI_OPTION(train_arguments, norm, LC_CLI_STRING, "norm", 0, "N",
                   "l2 (default), zscore or none; fitted on the training rows")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "c", 0, "C[,C2...]",
                   "cost; one value means no search (default: 2^-5..2^15 by cross-validation)")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "g", 0, "G[,G2...]", "gamma of the rbf kernel")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "log2c", 0, "B,E,S",
                   "grid of C as grid.py has it: from 2^B to 2^E, exponent step S")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "log2g", 0, "B,E,S", "the same for gamma")},
    {LC_CLI_OPTION(train_arguments, folds, LC_CLI_SIZE, "folds", 'v', "N", "folds of the cross-validation (default: 5)")},
    {LC_CLI_OPTION(train_arguments, class_weight, LC_CLI_STRING, "class-weight", 'w', "W",
                   "balanced, or NAME:WEIGHT,NAME:WEIGHT")},
    {LC_CLI_OPTION(train_arguments, model, LC_CLI_STRING, "model", 'm', "PATH",
                   "network for predict, when it is not where extract found it")},
    {0},
};

enum { MAX_COLUMNS = 10 };

/* Distinct values of one parameter over the points, in order of appearance; count MAX_COLUMNS + 1: too many to show. */
static size_t distinct_gammas(const lc_train_report *r, double values[static MAX_COLUMNS + 1])
{
    size_t count = 0;
    for (size_t i = 0; i < r->point_count && count <= MAX_COLUMNS; i++) {
        size_t j = 0;
        while (j < count && values[j] != r->points[i].gamma) {
            j++;
        }
        if (j == count) {
            values[count++] = r->points[i].gamma;
        }
    }
    return count;
}

static const lc_search_point *point_at(const lc_train_report *r, double c, double gamma)
{
    for (size_t i = 0; i < r->point_count; i++) {
        if (r->points[i].c == c && r->points[i].gamma == gamma) {
            return &r->points[i];
        }
    }
    return NULL;
}

/* A line per point. */
static void print_points(const lc_cli *cli, const lc_train_report *r, bool has_gamma)
{
    lc_cli_print(cli, "%12s%s %9s %9s\n", "C", has_gamma ? "        gamma" : "", "accuracy", "deviation");
    for (size_t i = 0; i < r->point_count; i++) {
        const lc_search_point *p = &r->points[i];
        lc_cli_print(cli, "%12g", p->c);
        if (has_gamma) {
            lc_cli_print(cli, " %12g", p->gamma);
        }
        lc_cli_print(cli, " %9.4f %9.4f%s\n", p->accuracy, p->deviation, i == r->best ? "  <-" : "");
    }
}

/* C down, gamma across, accuracy in per cent inside. */
static void print_grid(const lc_cli *cli, const lc_train_report *r, const double *gammas, size_t columns)
{
    lc_cli_print(cli, "accuracy in per cent\n%10s", "C \\ gamma");
    for (size_t j = 0; j < columns; j++) {
        lc_cli_print(cli, " %6.2g", gammas[j]);
    }
    lc_cli_print(cli, "\n");
    for (size_t i = 0; i < r->point_count; i++) {
        double c = r->points[i].c;
        size_t first = 0;
        while (r->points[first].c != c) {
            first++;
        }
        if (first != i) {
            continue;
        }
        lc_cli_print(cli, "%10g", c);
        for (size_t j = 0; j < columns; j++) {
            const lc_search_point *p = point_at(r, c, gammas[j]);
            lc_cli_print(cli, " %5.1f%c", p ? 100 * p->accuracy : 0, p == &r->points[r->best] ? '*' : ' ');
        }
        lc_cli_print(cli, "\n");
    }
}

static void print_search(const lc_cli *cli, const lc_train_report *r)
{
    double gammas[MAX_COLUMNS + 1];
    size_t columns = distinct_gammas(r, gammas);
    lc_cli_print(cli, "search: %zu points, %zu stratified folds, seed %llu\n", r->point_count, r->folds,
                 (unsigned long long)cli->seed);
    if (columns > 1 && columns <= MAX_COLUMNS) {
        print_grid(cli, r, gammas, columns);
    } else {
        print_points(cli, r, gammas[0] > 0);
    }
    if (r->at_edge) {
        lc_log(LC_LOG_WARNING, "the best is at the grid's edge; widen -log2c%s", gammas[0] > 0 ? " or -log2g" : "");
    }
}

static lc_json *point_json(const lc_search_point *p)
{
    lc_json *object = lc_json_object();
    lc_json_set_real(object, "c", p->c);
    lc_json_set_real(object, "gamma", p->gamma);
    lc_json_set_real(object, "accuracy", p->accuracy);
    lc_json_set_real(object, "deviation", p->deviation);
    return object;
}

static void report_json(lc_json *result, const char *output, const lc_dataset *data, const lc_classifier_info *info,
                        const lc_train_report *r)
{
    lc_json *search = lc_json_array();
    for (size_t i = 0; i < r->point_count; i++) {
        lc_json_add(search, point_json(&r->points[i]));
    }
    lc_json_set_string(result, "features", data->source);
    lc_json_set_string(result, "output", output);
    lc_json_set_string(result, "split", data->split_name);
    lc_json_set(result, "search", search);
    lc_json_set_bool(result, "at_edge", r->at_edge);
    lc_put_classifier_json(result, info);
    lc_json_set_real(result, "train_accuracy", r->train_accuracy);
    lc_json_set_real(result, "gram_seconds", r->gram_seconds);
    lc_json_set_real(result, "search_seconds", r->search_seconds);
    lc_json_set_real(result, "fit_seconds", r->fit_seconds);
}

static void print_choice(const lc_cli *cli, const lc_classifier_info *info, const lc_train_report *r)
{
    lc_cli_print(cli, "chosen: C %g", info->c);
    if (info->gamma > 0) {
        lc_cli_print(cli, ", gamma %g", info->gamma);
    }
    if (!isnan(info->cv_accuracy)) {
        lc_cli_print(cli, ", accuracy %.4f in cross-validation", info->cv_accuracy);
    }
    lc_cli_print(cli, "\nfitted: accuracy %.4f on its own training rows, %zu support vectors\n", r->train_accuracy,
                 info->support_vectors);
}

/* Where predict will look: --model, made absolute if it is a file, else where extract found it. */
static lc_status keep_model_path(lc_classifier *classifier, const char *model, const char *features)
{
    if (model) {
        char *path = realpath(model, NULL);
        lc_status st = lc_classifier_set_model_path(classifier, path ? path : model);
        free(path);
        return st;
    }
    lc_store *store;
    LC_TRY(lc_store_open(&store, features));
    lc_status st = lc_classifier_set_model_path(classifier, lc_store_attribute(store, "model_path"));
    lc_store_free(store);
    return st;
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    const train_arguments *a = arguments;
    lc_words layers = {0};
    lc_dataset *data = NULL;
    lc_classifier *classifier = NULL;
    lc_train_report report = {0};
    lc_hyper hyper[LC_CLI_MAX_PAIRS];
    for (size_t i = 0; i < a->hyper.count; i++) {
        hyper[i] = (lc_hyper){a->hyper.items[i].key, a->hyper.items[i].value};
    }
    lc_train_options o = {.classifier = a->classifier,
                          .kernel = a->kernel,
                          .norm = a->norm,
                          .hyper = hyper,
                          .hyper_count = a->hyper.count,
                          .folds = a->folds,
                          .seed = cli->seed,
                          .class_weight = a->class_weight,
                          .threads = cli->threads};
    lc_json *result = lc_cli_json(cli);
    lc_status st = a->layer ? lc_words_split(&layers, a->layer, ',') : LC_OK;
    if (st != LC_OK) {
        goto done;
    }
    st = lc_dataset_read(&data, cli->operands[0], layers.items, layers.count, LC_ROWS_TRAIN);
    if (st != LC_OK) {
        goto done;
    }
    lc_cli_print(cli, "rows: %zu of split %s, %zu classes, %zu numbers each\n", data->rows, data->split_name, data->classes,
                 data->dim);
    lc_say_left_out(data);
    st = lc_classifier_train(&classifier, data, &o, &report);
    if (st == LC_OK) {
        st = keep_model_path(classifier, a->model, cli->operands[0]);
    }
    if (st == LC_OK) {
        st = lc_classifier_save(classifier, a->output, cli->command_line);
    }
    if (st != LC_OK) {
        goto done;
    }
    const lc_classifier_info *info = lc_classifier_describe(classifier);
    if (report.point_count) {
        print_search(cli, &report);
    }
    print_choice(cli, info, &report);
    lc_cli_print(cli, "wrote %s\n", a->output);
    lc_log(LC_LOG_INFO, "time: Gram matrix %.2f s, search %.2f s, fit %.2f s", report.gram_seconds, report.search_seconds,
           report.fit_seconds);
    report_json(result, a->output, data, info, &report);
    st = lc_cli_write_json(cli, result);
done:
    lc_json_free(result);
    lc_train_report_free(&report);
    lc_classifier_free(classifier);
    lc_dataset_free(data);
    lc_words_free(&layers);
    return st;
}

const lc_cli_command lc_command_train = {
    .name = "train",
    .group = "Classify",
    .summary = "features -> classifier, its parameters by cross-validation",
    .usage = "F.h5 -o C.h5 [--layer L[,L2]] [-c C] [options]",
    .description = "Fits a classifier on the rows of split train, or on all labelled rows of a features file "
                   "without splits. Parameters take a value, a list, or grid.py's form; more than one value starts a "
                   "search by stratified cross-validation.",
    .example = "layercut train features.h5 -o classifier.h5 -log2c -5,15,2",
    .options = options,
    .arguments_size = sizeof(train_arguments),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
