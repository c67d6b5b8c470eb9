/* train F.h5 -o C.h5: a classifier on stored features, its parameters by cross-validation unless given. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/log.h"
#include "common/manifest.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/usage.h"
#include "tools/cli.h"
#include "tools/groups.h"
#include "tools/inputs.h"

typedef struct {
    const char *output, *layer, *classifier, *kernel, *norm, *pca, *whiten, *multiclass, *class_weight, *model, *probability;
    const char *group_by, *preset, *only, *per_class;
    lc_cli_pairs hyper;
    size_t folds, repeats, nested, jobs;
    bool dry_run, bundle;
} train_arguments;

static const char *preset_name(size_t i)
{
    const lc_preset *preset = lc_preset_at(i);
    return preset ? preset->name : NULL;
}

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(train_arguments, output, LC_CLI_STRING, "output", 'o', "C.h5", "classifier file to write"),
     .file = LC_CLI_FILE_WRITTEN, .required = true},
    {LC_CLI_OPTION(train_arguments, layer, LC_CLI_STRING, "layer", 'l', "L[,L2]",
                   "layers to train on, side by side (default: the deepest)")},
    {LC_CLI_OPTION(train_arguments, classifier, LC_CLI_STRING, "classifier", 0, "K", "one of those below (default: svm)"),
     .list = lc_classifier_name},
    {LC_CLI_OPTION(train_arguments, preset, LC_CLI_STRING, "preset", 0, "P",
                   "a protocol by name, see below; other options change it"),
     .list = preset_name},
    {LC_CLI_OPTION(train_arguments, kernel, LC_CLI_STRING, "kernel", 0, "K",
                   "its kernel or distance (default: the first one listed below)"),
     .words = LC_KERNEL_WORDS},
    {LC_CLI_OPTION(train_arguments, norm, LC_CLI_STRING, "norm", 0, "N[,N2...]",
                   "in this order: l2 (default), none, power, zscore, minmax, pca:D, whiten:D, nystroem:M[:G]; what is "
                   "learned is learned on the training rows of each fold"),
     .words = LC_NORM_WORDS},
    {LC_CLI_OPTION(train_arguments, pca, LC_CLI_STRING, "pca", 0, "D", "the same as pca:D at the end of --norm")},
    {LC_CLI_OPTION(train_arguments, whiten, LC_CLI_STRING, "whiten", 0, "D", "the same as whiten:D at the end of --norm")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "c", 0, "C[,C2...]",
                   "cost; one value of each parameter means no search")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "g", 0, "G[,G2...]", "gamma of a kernel")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "d", 0, "D[,D2...]", "degree of the poly kernel")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "r", 0, "R[,R2...]", "its constant term")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "log2c", 0, "B,E,S",
                   "grid of C as grid.py has it: from 2^B to 2^E, exponent step S")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "log2g", 0, "B,E,S", "the same for gamma")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "nu", 0, "NU[,...]", "nu of nusvm")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "lambda", 0, "L[,L2...]", "penalty of logreg and ridge")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "log10lambda", 0, "B,E,S", "its grid in powers of 10")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "k", 0, "K[,K2...]", "neighbours of knn")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "t", 0, "T[,T2...]", "temperature of their weights, 0: all alike")},
    {LC_CLI_OPTION(train_arguments, hyper, LC_CLI_PAIR, "shrinkage", 0, "S[,...]", "of lda's covariance, 0 to 1")},
    {LC_CLI_OPTION(train_arguments, multiclass, LC_CLI_STRING, "multiclass", 0, "M",
                   "of an svm: ovo (one-vs-one, default) or ovr (one-vs-rest)"),
     .words = "ovo ovr"},
    {LC_CLI_OPTION(train_arguments, folds, LC_CLI_SIZE, "folds", 'v', "N",
                   "folds of the cross-validation (default: 5; ridge: leave-one-out)")},
    {LC_CLI_OPTION(train_arguments, repeats, LC_CLI_SIZE, "repeats", 0, "N", "of the cross-validation, with other folds")},
    {LC_CLI_OPTION(train_arguments, per_class, LC_CLI_STRING, "train-per-class", 0, "N[,N2...]",
                   "train on N rows of each class, judge on the others, --repeats times (default: 1); C.h5 is the first of the "
                   "last N")},
    {LC_CLI_OPTION(train_arguments, nested, LC_CLI_SIZE, "nested", 0, "N",
                   "first judge the whole training, search included, by N outer folds")},
    {LC_CLI_OPTION(train_arguments, group_by, LC_CLI_STRING, "group-by", 0, "G",
                   "folder, or LIST.csv:COLUMN: rows with the same one stay in one fold")},
    {LC_CLI_OPTION(train_arguments, only, LC_CLI_STRING, "only", 0, "LIST.csv",
                   "of the training rows only those in split train of this list, by path"),
     .file = LC_CLI_FILE_READ},
    {LC_CLI_OPTION(train_arguments, class_weight, LC_CLI_STRING, "class-weight", 'w', "W",
                   "balanced, or NAME:WEIGHT,NAME:WEIGHT; '*:WEIGHT' for all, against the rest of a one-vs-rest machine")},
    {LC_CLI_OPTION(train_arguments, probability, LC_CLI_STRING, "probability", 0, "P",
                   "platt or temperature: scores become probabilities, fitted on rows the folds held out"),
     .words = "platt temperature"},
    {LC_CLI_OPTION(train_arguments, model, LC_CLI_STRING, "model", 'm', "PATH",
                   "network for predict, when it is not where extract found it"),
     .file = LC_CLI_FILE_READ},
    {LC_CLI_OPTION(train_arguments, bundle, LC_CLI_FLAG, "bundle", 0, NULL,
                   "put the network, up to the layers, into C.h5 too: predict then needs no other file")},
    {LC_CLI_OPTION(train_arguments, jobs, LC_CLI_SIZE, "jobs", 0, "N",
                   "fits of an svm side by side (default: --threads), each with up to 512 MB of kernel rows; the same result for "
                   "any. The others share all folds' products")},
    {LC_CLI_OPTION(train_arguments, dry_run, LC_CLI_FLAG, "dry-run", 0, NULL,
                   "check everything, say how much work and memory it takes, and stop")},
    {0},
};

enum { MAX_COLUMNS = 10 };

/* Distinct values of one parameter over the points, in order of appearance; count MAX_COLUMNS + 1: too many to show. */
static size_t distinct_values(const lc_train_report *r, size_t p, double values[static MAX_COLUMNS + 1])
{
    size_t count = 0;
    for (size_t i = 0; i < r->point_count && count <= MAX_COLUMNS; i++) {
        size_t j = 0;
        while (j < count && values[j] != r->points[i].values[p]) {
            j++;
        }
        if (j == count) {
            values[count++] = r->points[i].values[p];
        }
    }
    return count;
}

/* A line per point; parameters of one value are left out, but the first. */
static void print_points(const lc_cli *cli, const lc_train_report *r)
{
    for (size_t p = 0; p < r->params; p++) {
        if (r->searched[p]) {
            lc_cli_print(cli, "%12s", r->labels[p]);
        }
    }
    lc_cli_print(cli, " %9s", r->several_labels ? "mean AP" : "accuracy");
    lc_cli_print(cli, r->folds ? " %9s\n" : "\n", "deviation");
    for (size_t i = 0; i < r->point_count; i++) {
        const lc_search_point *q = &r->points[i];
        for (size_t p = 0; p < r->params; p++) {
            if (r->searched[p]) {
                lc_cli_print(cli, "%12g", q->values[p]);
            }
        }
        lc_cli_print(cli, " %9.4f", q->accuracy);
        if (r->folds) {
            lc_cli_print(cli, " %9.4f", q->deviation);
        }
        lc_cli_print(cli, "%s\n", i == r->best ? "  <-" : "");
    }
}

/* The first parameter down, the second across, accuracy in per cent inside. */
static void print_grid(const lc_cli *cli, const lc_train_report *r, size_t down, size_t across, const double *columns,
                       size_t count)
{
    char corner[64];
    snprintf(corner, sizeof corner, "%s \\ %s", r->labels[down], r->labels[across]);
    lc_cli_print(cli, "%s in per cent\n%10s", r->several_labels ? "mean average precision" : "accuracy", corner);
    for (size_t j = 0; j < count; j++) {
        lc_cli_print(cli, " %6.2g", columns[j]);
    }
    lc_cli_print(cli, "\n");
    for (size_t i = 0; i < r->point_count; i++) {
        double value = r->points[i].values[down];
        size_t first = 0;
        while (r->points[first].values[down] != value) {
            first++;
        }
        if (first != i) {
            continue;
        }
        lc_cli_print(cli, "%10g", value);
        for (size_t j = 0; j < count; j++) {
            for (size_t q = 0; q < r->point_count; q++) {
                const lc_search_point *p = &r->points[q];
                if (p->values[down] == value && p->values[across] == columns[j]) {
                    lc_cli_print(cli, " %5.1f%c", 100 * p->accuracy, q == r->best ? '*' : ' ');
                }
            }
        }
        lc_cli_print(cli, "\n");
    }
}

/* Whether the best has the smallest or largest value of a parameter. */
static bool at_end(const lc_train_report *r, size_t p)
{
    double best = r->points[r->best].values[p], least = best, most = best;
    for (size_t i = 0; i < r->point_count; i++) {
        least = fmin(least, r->points[i].values[p]);
        most = fmax(most, r->points[i].values[p]);
    }
    return best == least || best == most;
}

static void print_search(const lc_cli *cli, const lc_train_report *r)
{
    double columns[MAX_COLUMNS + 1];
    size_t searched[LC_MAX_PARAMS], axes = 0, count = 0;
    for (size_t p = 0; p < r->params; p++) {
        if (r->searched[p]) {
            searched[axes++] = p;
        }
    }
    if (axes == 2) {
        count = distinct_values(r, searched[1], columns);
    }
    lc_cli_print(cli, "search: %zu points, ", r->point_count);
    if (r->folds) {
        lc_cli_print(cli, "%zu %s%sfolds", r->folds,
                     r->several_labels && !r->grouped ? "iteratively stratified " : "stratified ", r->grouped ? "grouped " : "");
        if (r->repeats > 1) {
            lc_cli_print(cli, ", %zu times", r->repeats);
        }
    } else {
        lc_cli_print(cli, "leave-one-out");
    }
    lc_cli_print(cli, ", seed %llu\n", (unsigned long long)cli->seed);
    if (count > 1 && count <= MAX_COLUMNS) {
        print_grid(cli, r, searched[0], searched[1], columns, count);
    } else {
        print_points(cli, r);
    }
    if (r->at_edge) {
        char names[64] = "";
        for (size_t p = 0; p < axes; p++) {
            size_t used = strlen(names);
            if (at_end(r, searched[p])) {
                snprintf(names + used, sizeof names - used, "%s%s", used ? " and " : "", r->names[searched[p]]);
            }
        }
        lc_log(LC_LOG_WARNING, "the best is at the grid's edge; widen the range of %s", names);
    }
}

static lc_json *point_json(const lc_train_report *r, const lc_search_point *p)
{
    lc_json *object = lc_json_object();
    for (size_t i = 0; i < r->params; i++) {
        if (r->searched[i]) {
            lc_json_set_real(object, r->names[i], p->values[i]);
        }
    }
    lc_json_set_real(object, r->several_labels ? "mean_average_precision" : "accuracy", p->accuracy);
    lc_json_set_real(object, "deviation", p->deviation);
    return object;
}

static void report_json(lc_json *result, const char *output, const lc_dataset *data, const lc_classifier_info *info,
                        const lc_train_report *r)
{
    lc_json *search = lc_json_array();
    for (size_t i = 0; i < r->point_count; i++) {
        lc_json_add(search, point_json(r, &r->points[i]));
    }
    lc_json_set_string(result, "features", data->source);
    lc_json_set_string(result, "output", output);
    lc_json_set_string(result, "split", data->split_name);
    lc_json_set(result, "search", search);
    lc_json_set_bool(result, "at_edge", r->at_edge);
    lc_json_set_int(result, "folds", (int64_t)r->folds);
    lc_json_set_int(result, "repeats", (int64_t)r->repeats);
    lc_put_classifier_json(result, info);
    lc_json_set_real(result, r->several_labels ? "train_mean_average_precision" : "train_accuracy", r->train_accuracy);
    lc_json_set_real(result, "gram_seconds", r->gram_seconds);
    lc_json_set_real(result, "search_seconds", r->search_seconds);
    lc_json_set_real(result, "fit_seconds", r->fit_seconds);
    lc_json_set_int(result, "peak_bytes", (int64_t)lc_peak_memory());
}

static void print_choice(const lc_cli *cli, const lc_classifier_info *info, const lc_train_report *r)
{
    const char *measure = r->several_labels ? "mean average precision" : "accuracy";
    lc_cli_print(cli, "chosen: ");
    lc_print_parameters(cli, info);
    if (info->params == 0) {
        lc_cli_print(cli, "%s has no parameters", info->classifier);
    }
    if (!isnan(info->cv_accuracy)) {
        lc_cli_print(cli, ", %s %.4f in %s", measure, info->cv_accuracy, r->folds ? "cross-validation" : "leave-one-out");
    }
    lc_cli_print(cli, "\nfitted: %s %.4f on its own training rows", measure, r->train_accuracy);
    if (info->support_vectors > 0) {
        lc_cli_print(cli, ", %zu support vectors", info->support_vectors);
    }
    lc_cli_print(cli, "\n");
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

/* --bundle: the network up to the layers, with their preprocessing, becomes part of the file that is written next. */
static lc_status bundle(lc_cli *cli, lc_classifier *classifier, const char *output, unsigned char **bytes, lc_json *result)
{
    const lc_classifier_info *info = lc_classifier_describe(classifier);
    lc_network *network = NULL;
    char *layers = NULL, *path = NULL, *name = NULL, parameters[2][16], macs[2][16], human[16];
    size_t size;
    LC_TRY(lc_network_open(&network, info->model_path[0] ? info->model_path : info->model_name));
    const lc_network_info *whole = lc_network_describe(network);
    lc_status st = strcmp(whole->sha256, info->model_sha256) == 0
                       ? LC_OK
                       : lc_fail(LC_ERR_STALE, "the features are of network %s with sha256 %.16s..., but %s has %.16s...",
                                 info->model_name, info->model_sha256, whole->path, whole->sha256);
    if (st != LC_OK || (st = lc_layers_of(info, &layers)) != LC_OK ||
        (st = lc_sprintf(&name, "%s%s", whole->name, whole->architecture ? ".safetensors" : ".onnx")) != LC_OK ||
        (st = lc_sprintf(&path, "%s.%s", output, name)) != LC_OK) {
        goto done;
    }
    const lc_write_options how = {.layers = layers, .recipe = info->recipe};
    st = lc_network_write(network, path, &how);
    if (st == LC_OK) {
        st = lc_read_file(bytes, &size, path, SIZE_MAX - 1);
        remove(path);
    }
    lc_network *part = NULL;
    if (st == LC_OK && (st = lc_classifier_attach(classifier, name, *bytes, size)) == LC_OK &&
        (st = lc_network_open_bytes(&part, name, *bytes, size)) == LC_OK) {
        const lc_network_info *cut = lc_network_describe(part);
        lc_cli_print(cli, "bundled: %s up to %s, %s bytes: %s of %s parameters, %s of %s multiply-adds\n", whole->name,
                     cut->layers, lc_human(human, size), lc_human(parameters[0], cut->parameters),
                     lc_human(parameters[1], whole->parameters), lc_human(macs[0], cut->macs), lc_human(macs[1], whole->macs));
        lc_json_set(result, "bundled", lc_network_json(cut));
    }
    lc_network_free(part);
done:
    free(layers);
    free(path);
    free(name);
    lc_network_free(network);
    return st;
}

/* Writes the file, with what --model and --bundle put into it. */
static lc_status save(lc_cli *cli, const train_arguments *a, lc_classifier *classifier, lc_json *result)
{
    unsigned char *network = NULL;
    lc_status st = keep_model_path(classifier, a->model, cli->operands[0]);
    if (st == LC_OK && a->bundle) {
        st = bundle(cli, classifier, a->output, &network, result);
    }
    if (st == LC_OK) {
        st = lc_classifier_save(classifier, a->output, cli->command_line);
    }
    free(network);
    return st;
}

/* --norm, --pca and --whiten as one list of steps; *out is the caller's. */
static lc_status join_norm(const train_arguments *a, char **out)
{
    return lc_sprintf(out, "%s%s%s%s%s", a->norm ? a->norm : "l2", a->pca ? ",pca:" : "", a->pca ? a->pca : "",
                      a->whiten ? ",whiten:" : "", a->whiten ? a->whiten : "");
}

/* Fits, saves, reports. */
static lc_status train(lc_cli *cli, const train_arguments *a, const lc_dataset *data, const lc_train_options *o,
                       lc_json *result)
{
    lc_classifier *classifier = NULL;
    lc_train_report report = {0};
    lc_status st = lc_classifier_train(&classifier, data, o, &report);
    if (st == LC_ERR_INTERRUPTED) {
        lc_log(LC_LOG_INFO, "the same command goes on with what %s remembers", o->journal);
    }
    if (st == LC_OK) {
        st = save(cli, a, classifier, result);
    }
    if (st != LC_OK) {
        goto done;
    }
    const lc_classifier_info *info = lc_classifier_describe(classifier);
    if (report.resumed) {
        lc_log(LC_LOG_INFO, "%zu fits were there from an interrupted search", report.resumed);
    }
    if (report.point_count) {
        print_search(cli, &report);
    }
    print_choice(cli, info, &report);
    lc_cli_print(cli, "wrote %s\n", a->output);
    lc_log(LC_LOG_INFO, "time: kernel matrix %.2f s, search %.2f s, fit %.2f s", report.gram_seconds, report.search_seconds,
           report.fit_seconds);
    report_json(result, a->output, data, info, &report);
    st = lc_cli_write_json(cli, result);
done:
    lc_train_report_free(&report);
    lc_classifier_free(classifier);
    return st;
}

/* "c" of "log2c". */
static const char *bare_name(const char *name)
{
    return name + (strncmp(name, "log2", 4) == 0 ? 4 : strncmp(name, "log10", 5) == 0 ? 5 : 0);
}

static void mean_and_deviation(const lc_draw *draws, size_t count, size_t balanced, double *mean, double *deviation)
{
    double square = 0;
    *mean = 0;
    for (size_t i = 0; i < count; i++) {
        *mean += (balanced ? draws[i].balanced_accuracy : draws[i].accuracy) / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        double off = (balanced ? draws[i].balanced_accuracy : draws[i].accuracy) - *mean;
        square += off * off;
    }
    *deviation = count > 1 ? sqrt(square / (double)(count - 1)) : 0;
}

/* The accuracies themselves as `name`, their means and sample deviations: [2] plain and balanced. */
static void put_draws(const lc_draw *draws, size_t count, const char *name, lc_json *result, double mean[static 2],
                      double deviation[static 2])
{
    static const char *const keys[] = {"accuracy", "balanced_accuracy"};
    lc_json *list = lc_json_array();
    for (size_t i = 0; i < count; i++) {
        lc_json_add_real(list, draws[i].accuracy);
    }
    lc_json_set(result, name, list);
    for (size_t b = 0; b < 2; b++) {
        char key[64];
        mean_and_deviation(draws, count, b, &mean[b], &deviation[b]);
        lc_json_set_real(result, keys[b], mean[b]);
        snprintf(key, sizeof key, "%s_deviation", keys[b]);
        lc_json_set_real(result, key, deviation[b]);
    }
}

/* --nested: judged before the final training, which changes nothing of it. */
static lc_status nested(const lc_cli *cli, const train_arguments *a, const lc_dataset *data, const lc_train_options *o,
                        lc_json *result)
{
    lc_draw *draws;
    double mean[2], deviation[2];
    LC_TRY(lc_alloc_array(&draws, a->nested, sizeof *draws));
    lc_status st = lc_nested_run(data, o, a->nested, draws);
    if (st == LC_OK) {
        lc_json *object = lc_json_object();
        put_draws(draws, a->nested, "folds", object, mean, deviation);
        lc_cli_print(cli, "nested: %zu outer folds, each with its own search\n", a->nested);
        lc_cli_print(cli, "accuracy %.4f, deviation %.4f\nbalanced accuracy %.4f, deviation %.4f\n", mean[0], deviation[0], mean[1],
                     deviation[1]);
        lc_json_set(result, "nested", object);
    }
    free(draws);
    return st;
}

/* Leaves the sizes that leave every class a row to judge; none would: all stay, and the first is refused with its reason. */
static void leave_out_large(lc_sizes *sizes, const lc_dataset *data, const size_t *counts)
{
    size_t kept = 0, least = 0;
    lc_sizes all = *sizes;
    for (size_t k = 1; k < data->classes; k++) {
        least = counts[k] > 0 && (counts[least] == 0 || counts[k] < counts[least]) ? k : least;
    }
    for (size_t i = 0; i < all.count; i++) {
        if (all.items[i] < counts[least]) {
            sizes->items[kept++] = all.items[i];
        }
    }
    sizes->count = kept > 0 ? kept : all.count;
    if (sizes->count < all.count) {
        lc_log(LC_LOG_WARNING, "class '%s' has %zu rows: %zu of the %zu sizes are left out", data->class_names[least], counts[least],
               all.count - kept, all.count);
    }
}

static lc_status draw_sizes(const char *text, const lc_dataset *data, lc_sizes *sizes)
{
    size_t *counts;
    LC_TRY(lc_sizes_split(sizes, text, "--train-per-class"));
    LC_TRY(lc_alloc_array(&counts, data->classes, sizeof *counts));
    for (size_t i = 0; i < data->rows; i++) {
        counts[data->labels[i]]++;
    }
    leave_out_large(sizes, data, counts);
    free(counts);
    return LC_OK;
}

static lc_status dry_run(lc_cli *cli, const train_arguments *a, const lc_dataset *data, const lc_train_options *o, lc_json *result)
{
    lc_train_plan p;
    lc_sizes sizes = {.count = 1};
    if (a->per_class) {
        LC_TRY(draw_sizes(a->per_class, data, &sizes));
    }
    size_t largest = sizes.items[sizes.count - 1], draws = a->per_class && o->repeats ? o->repeats : 1;
    LC_TRY(a->per_class ? lc_draws_plan(&p, data, o, largest) : lc_classifier_plan(&p, data, o));
    size_t folds = p.folds && p.points > 1 ? p.folds * p.repeats : 1;
    p.bytes += a->nested ? (double)(data->rows * data->dim) * sizeof *data->x : 0; /* an outer fold's rows once more */
    lc_cli_print(cli, "would train on %zu rows of %zu, %zu classes: ", p.rows, p.dim, p.classes);
    if (p.points > 1) {
        lc_cli_print(cli, "%zu points x %zu %s\n", p.points, folds, p.folds ? "folds" : "pass, leave-one-out");
    } else {
        lc_cli_print(cli, "one fit, nothing to search\n");
    }
    if (a->per_class) {
        lc_cli_print(cli, "that is %zu rows per class; %zu draws of each of %zu sizes\n", largest, draws, sizes.count);
    }
    lc_cli_print(cli, "memory: %.2f GiB at its peak", p.bytes / 0x1p30);
    lc_cli_print(cli, p.available > 0 ? " of %.2f GiB free\n" : "\n", p.available / 0x1p30);
    lc_json_set_int(result, "points", (int64_t)p.points);
    lc_json_set_int(result, "fits", (int64_t)(p.points * folds * draws * sizes.count));
    lc_json_set_real(result, "bytes", p.bytes);
    lc_json_set_real(result, "bytes_free", p.available);
    return lc_cli_write_json(cli, result);
}

/* Few rows per class, several times; the deviation is of the sample. */
static lc_status train_draws(lc_cli *cli, const train_arguments *a, const lc_dataset *data, const lc_train_options *o,
                             lc_json *result)
{
    size_t count = o->repeats ? o->repeats : 1;
    lc_classifier *first = NULL;
    lc_draw *draws;
    lc_sizes sizes;
    lc_json *list = lc_json_array();
    lc_json_set_string(result, "features", data->source);
    lc_json_set_string(result, "output", a->output);
    lc_json_set(result, "sizes", list);
    LC_TRY(draw_sizes(a->per_class, data, &sizes));
    LC_TRY(lc_alloc_array(&draws, count, sizeof *draws));
    lc_status st = LC_OK;
    for (size_t i = 0; i < sizes.count && st == LC_OK; i++) {
        double mean[2], deviation[2];
        lc_json *object = lc_json_object();
        lc_json_add(list, object);
        lc_classifier_free(first);
        first = NULL;
        if ((st = lc_draws_run(data, o, sizes.items[i], count, draws, &first)) != LC_OK) {
            break;
        }
        lc_json_set_int(object, "train_per_class", (int64_t)sizes.items[i]);
        lc_json_set_int(object, "judged_rows", (int64_t)draws[0].rows);
        put_draws(draws, count, "draws", object, mean, deviation);
        if (i == 0) {
            lc_cli_print(cli, "%zu draws of each size, judged on all other rows\nrows/class  accuracy deviation  balanced deviation\n",
                         count);
        }
        lc_cli_print(cli, "%10zu %9.4f %9.4f %9.4f %9.4f\n", sizes.items[i], mean[0], deviation[0], mean[1], deviation[1]);
    }
    if (st == LC_OK && (st = save(cli, a, first, result)) == LC_OK) {
        lc_json_set_int(result, "peak_bytes", (int64_t)lc_peak_memory());
        lc_cli_print(cli, "wrote %s: the first draw of %zu rows per class\n", a->output, sizes.items[sizes.count - 1]);
        st = lc_cli_write_json(cli, result);
    }
    lc_classifier_free(first);
    free(draws);
    return st;
}

/* The preset's hyperparameters, unless the same one was given: "log2c" is "c". */
static void add_preset_hyper(const lc_preset *p, lc_hyper *hyper, size_t *count)
{
    size_t given = *count;
    for (size_t i = 0; i < LC_MAX_PARAMS && p->hyper[i].name; i++) {
        bool there = false;
        for (size_t h = 0; h < given; h++) {
            there = there || strcmp(bare_name(hyper[h].name), bare_name(p->hyper[i].name)) == 0;
        }
        if (!there) {
            hyper[(*count)++] = p->hyper[i];
        }
    }
}

/* What it comes to, as options. */
static lc_status say_preset(const train_arguments *a, const lc_hyper *hyper, size_t count)
{
    const char *const words[][2] = {
        {"classifier", a->classifier}, {"kernel", a->kernel}, {"norm", a->norm}, {"train-per-class", a->per_class}};
    lc_text text;
    LC_TRY(lc_text_open(&text));
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i][1]) {
            fprintf(text.stream, " --%s %s", words[i][0], words[i][1]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        fprintf(text.stream, " -%s%s %s", hyper[i].name[1] ? "-" : "", hyper[i].name, hyper[i].value);
    }
    if (a->class_weight) {
        fprintf(text.stream, " --class-weight '%s'", a->class_weight);
    }
    if (a->folds) {
        fprintf(text.stream, " --folds %zu", a->folds);
    }
    if (a->repeats) {
        fprintf(text.stream, " --repeats %zu", a->repeats);
    }
    LC_TRY(lc_text_close(&text));
    lc_log(LC_LOG_INFO, "preset %s:%s", a->preset, text.text);
    free(text.text);
    return LC_OK;
}

/* What the user left open is the preset's. */
static lc_status apply_preset(train_arguments *a, lc_hyper *hyper, size_t *count, lc_json *result)
{
    const lc_preset *p;
    LC_TRY(lc_preset_find(a->preset, &p));
    bool same = !a->classifier || strcmp(a->classifier, p->classifier) == 0;
    a->kernel = a->kernel || !same ? a->kernel : p->kernel;
    a->classifier = a->classifier ? a->classifier : p->classifier;
    a->norm = a->norm ? a->norm : p->norm;
    a->class_weight = a->class_weight ? a->class_weight : p->class_weight;
    a->folds = a->folds ? a->folds : p->folds;
    a->repeats = a->repeats ? a->repeats : p->repeats;
    a->per_class = a->per_class ? a->per_class : p->per_class;
    if (same) {
        add_preset_hyper(p, hyper, count);
    }
    lc_json_set_string(result, "preset", p->name);
    return say_preset(a, hyper, *count);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Leaves the rows whose paths stand in split train of a list. */
static lc_status keep_only(lc_dataset *data, const char *list)
{
    lc_manifest *m;
    const char **paths = NULL;
    bool *keep = NULL;
    size_t count = 0;
    LC_TRY(lc_manifest_read(&m, list));
    lc_status st = lc_alloc_array(&paths, m->rows, sizeof *paths);
    if (st == LC_OK) {
        st = lc_alloc_array(&keep, data->rows, sizeof *keep);
    }
    for (size_t i = 0; st == LC_OK && i < m->rows; i++) {
        if (m->splits[i] == LC_SPLIT_TRAIN) {
            paths[count++] = m->paths[i];
        }
    }
    if (st == LC_OK) {
        qsort(paths, count, sizeof *paths, by_text);
        for (size_t i = 0; i < data->rows; i++) {
            keep[i] = bsearch(&data->paths[i], paths, count, sizeof *paths, by_text) != NULL;
        }
        lc_dataset_keep(data, keep);
        st = data->rows ? LC_OK : lc_fail(LC_ERR_ARG, "no training row of %s is in split train of %s", data->source, list);
    }
    free(keep);
    free(paths);
    lc_manifest_free(m);
    return st;
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    train_arguments given = *(const train_arguments *)arguments, *a = &given;
    lc_words layers = {0};
    lc_dataset *data = NULL;
    char *norm = NULL, *journal = NULL;
    lc_groups groups = {0};
    lc_hyper hyper[LC_CLI_MAX_PAIRS + LC_MAX_PARAMS];
    size_t hyper_count = a->hyper.count;
    for (size_t i = 0; i < a->hyper.count; i++) {
        hyper[i] = (lc_hyper){a->hyper.items[i].key, a->hyper.items[i].value};
    }
    lc_json *result = lc_cli_json(cli);
    lc_status st = a->preset ? apply_preset(a, hyper, &hyper_count, result) : LC_OK;
    if (st != LC_OK || (a->layer && (st = lc_words_split(&layers, a->layer, ',')) != LC_OK) ||
        (st = join_norm(a, &norm)) != LC_OK ||
        (st = lc_sprintf(&journal, "%s.search", a->output)) != LC_OK ||
        (st = lc_dataset_read(&data, cli->operands[0], layers.items, layers.count, LC_ROWS_TRAIN)) != LC_OK ||
        (a->only && (st = keep_only(data, a->only)) != LC_OK)) {
        goto done;
    }
    lc_cli_print(cli, "rows: %zu of split %s, %zu classes, %zu numbers each%s\n", data->rows, data->split_name, data->classes,
                 data->dim, data->indicator ? "; several labels per row" : "");
    lc_say_left_out(data);
    if (a->group_by && (st = lc_groups_read(&groups, a->group_by, data)) != LC_OK) {
        goto done;
    }
    lc_train_options o = {.classifier = a->classifier,
                          .kernel = a->kernel,
                          .norm = norm,
                          .multiclass = a->multiclass,
                          .hyper = hyper,
                          .hyper_count = hyper_count,
                          .folds = a->folds,
                          .repeats = a->repeats,
                          .groups = groups.of_row,
                          .seed = cli->seed,
                          .class_weight = a->class_weight,
                          .probability = a->probability,
                          .journal = journal,
                          .threads = cli->threads,
                          .jobs = a->jobs};
    if (a->nested && !a->dry_run && (st = nested(cli, a, data, &o, result)) != LC_OK) {
        goto done;
    }
    st = a->dry_run     ? dry_run(cli, a, data, &o, result)
         : a->per_class ? train_draws(cli, a, data, &o, result)
                        : train(cli, a, data, &o, result);
done:
    lc_json_free(result);
    lc_groups_free(&groups);
    lc_dataset_free(data);
    lc_words_free(&layers);
    free(norm);
    free(journal);
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
    .more_title = "classifiers, with their kernels and parameters:",
    .more_help = lc_classifier_help,
    .arguments_size = sizeof(train_arguments),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
