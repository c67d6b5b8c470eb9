/* predict: pictures -> labels and scores, by a classifier on its network's features or by a network alone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/interrupt.h"
#include "common/log.h"
#include "common/memory.h"
#include "tools/cli.h"
#include "tools/inputs.h"
#include "tools/terminal.h"

typedef struct {
    const char *model, *classes;
    size_t top;
    lc_picture_arguments pictures;
} predict_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(predict_arguments, top, LC_CLI_SIZE, "top", 'k', "K",
                   "labels per picture, the likeliest first (default: 1, of a network 5; of a classifier of several labels "
                   "all above 0)")},
    {LC_CLI_OPTION(predict_arguments, model, LC_CLI_STRING, "model", 'm', "PATH",
                   "the classifier's network, when it is not where train found it"),
     .file = LC_CLI_FILE_READ},
    {LC_CLI_OPTION(predict_arguments, classes, LC_CLI_STRING, "classes", 0, "FILE",
                   "names of a network's outputs, one per line (default: the network file's, else their numbers)"),
     .file = LC_CLI_FILE_READ},
    LC_PICTURE_OPTIONS(predict_arguments, pictures),
    {0},
};

/* Pictures per round: results appear while the rest is worked on, and memory stays bounded. */
enum { ROUND = 512 };

/* What turns rows of features into one score per class. */
typedef struct {
    lc_network *network;
    lc_classifier *classifier;      /* NULL: the network's own outputs */
    const lc_classifier_info *info; /* of the classifier */
    lc_threads *threads;
    lc_outputs outputs; /* of a network alone */
    char *layers;       /* selector for the classifier's layers */
    lc_extract_options options;
    lc_setting settings[LC_CLI_MAX_PAIRS];
    size_t top, failed;
    bool above_zero; /* of several labels: all whose score is above 0 */
} predictor;

static void predictor_free(predictor *p)
{
    free(p->layers);
    lc_outputs_free(&p->outputs);
    lc_threads_free(p->threads);
    lc_classifier_free(p->classifier);
    lc_network_free(p->network);
}

/* The network that the file of the classifier carries along: cut off the one that it was trained on. */
static lc_status open_bundled(predictor *p, const char *classifier)
{
    const lc_classifier_info *info = p->info;
    unsigned char *bytes;
    LC_TRY(lc_classifier_attachment(p->classifier, classifier, &bytes));
    lc_status st = lc_network_open_bytes(&p->network, info->attachment, bytes, info->attachment_size);
    free(bytes);
    if (st != LC_OK) {
        return lc_fail_in(st, "network in %s", classifier);
    }
    const char *source = lc_network_describe(p->network)->source_sha256;
    return source && strcmp(source, info->model_sha256) == 0
               ? LC_OK
               : lc_fail(LC_ERR_STALE, "%s was trained on network %s with sha256 %.16s..., but what it carries is cut off another",
                         classifier, info->model_name, info->model_sha256);
}

/* The classifier's network: where --model or the classifier says; another file's activations would mean nothing. */
static lc_status open_network_of(predictor *p, const char *classifier, const char *model, const char *arch)
{
    const lc_classifier_info *info = p->info;
    if (!model && info->attachment[0]) {
        return open_bundled(p, classifier);
    }
    const char *path = model ? model : info->model_path[0] ? info->model_path : info->model_name;
    lc_status st = lc_network_open_as(&p->network, path, arch);
    if (st != LC_OK) {
        return model ? st : lc_fail_in(st, "network of %s (--model PATH says where it is)", classifier);
    }
    const lc_network_info *found = lc_network_describe(p->network);
    if (strcmp(found->sha256, info->model_sha256) != 0) {
        return lc_fail(LC_ERR_STALE, "%s was trained on network %s with sha256 %.16s..., but %s has %.16s...", classifier,
                       info->model_name, info->model_sha256, path, found->sha256);
    }
    return LC_OK;
}

/* Layers, pooling and preprocessing that the classifier was trained on. */
static lc_status follow_recipe(predictor *p, const char *classifier)
{
    const lc_classifier_info *info = p->info;
    for (size_t i = 0; i < info->layers; i++) {
        if (strcmp(info->pools[i], info->pools[0]) != 0) {
            return lc_fail(LC_ERR_UNSUPPORTED, "%s: layers of different pooling (%s, %s) cannot be predicted from pictures",
                           classifier, info->pools[0], info->pools[i]);
        }
    }
    LC_TRY(lc_layers_of(info, &p->layers));
    p->options.layers = p->layers;
    p->options.pool = info->pools[0];
    p->options.recipe = info->recipe;
    return LC_OK;
}

static lc_status open_classifier(predictor *p, const lc_cli *cli, const predict_arguments *a)
{
    const char *path = cli->operands[0];
    if (a->pictures.settings.count || a->classes) {
        return lc_fail(LC_ERR_ARG,
                       "%s fixes classes and preprocessing itself; --classes and preprocessing go with a network", path);
    }
    LC_TRY(lc_classifier_open(&p->classifier, path));
    p->info = lc_classifier_describe(p->classifier);
    LC_TRY(open_network_of(p, path, a->model, a->pictures.arch));
    p->above_zero = p->info->several_labels && !a->top;
    p->top = a->top ? a->top : p->above_zero ? p->info->classes : 1;
    return follow_recipe(p, path);
}

static lc_status open_network(predictor *p, const lc_cli *cli, const predict_arguments *a)
{
    if (a->model) {
        return lc_fail(LC_ERR_ARG, "--model goes with a classifier; %s is a network", cli->operands[0]);
    }
    LC_TRY(lc_network_open_as(&p->network, cli->operands[0], a->pictures.arch));
    p->options.layers = "logits";
    p->options.pool = "flat";
    p->top = a->top ? a->top : 5;
    return lc_outputs_read(&p->outputs, p->network, a->classes);
}

/* x (rows, dim) = the classifier's layers side by side, in its order; the features have them in the network's. */
static lc_status join_layers(const predictor *p, const lc_features *f, float *x)
{
    size_t at = 0;
    for (size_t i = 0; i < p->info->layers; i++) {
        size_t l = 0;
        while (l < f->layers && strcmp(f->layer[l].name, p->info->layer_names[i]) != 0) {
            l++;
        }
        if (l == f->layers || f->layer[l].dim > p->info->dim - at) {
            return lc_fail(LC_ERR_STALE, "layer %s of the network is not the one that was trained on",
                           p->info->layer_names[i]);
        }
        size_t dim = f->layer[l].dim;
        for (size_t r = 0; r < f->rows; r++) {
            memcpy(x + r * p->info->dim + at, f->values[l] + r * dim, dim * sizeof *x);
        }
        at += dim;
    }
    return at == p->info->dim
               ? LC_OK
               : lc_fail(LC_ERR_STALE, "the layers have %zu numbers, the classifier was trained on %zu", at, p->info->dim);
}

/* labels (rows) and *scores (rows, *classes) of a round; *scores is the caller's. */
static lc_status score(const predictor *p, const lc_features *f, int32_t *labels, float **scores, size_t *classes)
{
    *classes = p->classifier ? p->info->classes : f->layer[0].dim;
    LC_TRY(lc_alloc_array(scores, f->rows, *classes * sizeof **scores));
    if (!p->classifier) {
        lc_softmax_rows(f->values[0], f->rows, *classes, labels, *scores);
        return LC_OK;
    }
    float *x;
    LC_TRY(lc_alloc_array(&x, f->rows, p->info->dim * sizeof *x));
    lc_status st = join_layers(p, f, x);
    if (st == LC_OK) {
        st = lc_classifier_scores(p->classifier, x, f->rows, p->info->dim, labels, *scores, p->threads);
    }
    free(x);
    return st;
}

static const char *class_name(const predictor *p, size_t k, char number[static 24])
{
    if (p->classifier) {
        return p->info->class_names[k];
    }
    if (p->outputs.names) {
        return p->outputs.names[k];
    }
    snprintf(number, 24, "%zu", k);
    return number;
}

/* One line: path, then the `top` likeliest classes with their scores. `scores` is used up. */
static void print_row(const predictor *p, const lc_cli *cli, const char *path, int32_t label, float *scores, size_t classes,
                      lc_json *predictions)
{
    lc_json *row = lc_json_object(), *list = lc_json_array();
    lc_json_set_string(row, "path", path);
    lc_json_set(row, "scores", list);
    lc_cli_print(cli, "%s", path);
    for (size_t n = 0; n < p->top && n < classes; n++) {
        size_t best = n ? 0 : (size_t)label;
        for (size_t k = 0; n && k < classes; k++) {
            best = scores[k] > scores[best] ? k : best;
        }
        if (p->above_zero && !(scores[best] > 0)) {
            break;
        }
        char number[24];
        const char *name = class_name(p, best, number);
        lc_json *entry = lc_json_object();
        lc_json_set_string(entry, "class", name);
        lc_json_set_real(entry, "score", (double)scores[best]);
        lc_json_add(list, entry);
        if (n == 0) {
            lc_json_set_string(row, "label", name);
        }
        lc_cli_print(cli, "\t%s\t%.4f", name, (double)scores[best]);
        scores[best] = -INFINITY;
    }
    lc_cli_print(cli, "\n");
    lc_json_add(predictions, row);
}

static lc_status predict_round(predictor *p, const lc_cli *cli, const lc_manifest *round, lc_json *predictions)
{
    lc_features f = {0};
    float *scores = NULL;
    int32_t labels[ROUND];
    size_t classes;
    lc_status st = lc_features_compute(p->network, round, &p->options, &f);
    if (st == LC_OK) {
        st = score(p, &f, labels, &scores, &classes);
    }
    for (size_t i = 0; st == LC_OK && i < f.rows; i++) {
        if (f.row[i].status == LC_ROW_OK) {
            print_row(p, cli, round->paths[i], labels[i], scores + i * classes, classes, predictions);
            continue;
        }
        p->failed++;
        lc_log(LC_LOG_WARNING, "%s: %s", round->paths[i], f.row[i].error);
        lc_json *row = lc_json_object();
        lc_json_set_string(row, "path", round->paths[i]);
        lc_json_set_string(row, "error", f.row[i].error);
        lc_json_add(predictions, row);
    }
    free(scores);
    lc_features_free(&f);
    return st;
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    const predict_arguments *a = arguments;
    predictor p = {0};
    lc_manifest *pictures = NULL;
    lc_json *result = lc_cli_json(cli), *predictions = lc_json_array();
    lc_json_set(result, "predictions", predictions);
    p.options = lc_picture_options(cli, &a->pictures, p.settings);
    lc_file_kind kind = lc_file_kind_of(cli->operands[0]);
    lc_status st = kind == LC_FILE_CLASSIFIER ? open_classifier(&p, cli, a)
                   : kind == LC_FILE_NETWORK  ? open_network(&p, cli, a)
                                              : lc_refuse_store(cli->operands[0], "a classifier or network comes first");
    if (st == LC_OK) {
        st = lc_threads_new(&p.threads, cli->threads ? cli->threads : lc_threads_available());
    }
    if (st == LC_OK) {
        st = lc_manifest_from_paths(&pictures, cli->operands + 1, cli->operand_count - 1);
    }
    lc_terminal_hide_progress();
    for (size_t first = 0; st == LC_OK && first < pictures->rows; first += ROUND) {
        lc_manifest round = *pictures;
        round.rows = pictures->rows - first < ROUND ? pictures->rows - first : ROUND;
        round.paths += first;
        round.labels += first;
        round.splits += first;
        st = predict_round(&p, cli, &round, predictions);
        if (st == LC_OK) {
            st = lc_interrupt_check();
        }
    }
    if (st == LC_OK) {
        lc_json_set(result, "model", lc_network_json(lc_network_describe(p.network)));
        lc_json_set_int(result, "failed", (int64_t)p.failed);
        st = lc_cli_write_json(cli, result);
    }
    if (st == LC_OK) {
        st = lc_count_failed(cli, &a->pictures, p.failed, pictures->rows);
    }
    lc_json_free(result);
    lc_manifest_free(pictures);
    predictor_free(&p);
    return st;
}

const lc_cli_command lc_command_predict = {
    .name = "predict",
    .group = "Classify",
    .summary = "pictures -> labels and scores",
    .usage = "C.h5 PICTURE_OR_FOLDER... [--model PATH] [--top K]\n"
             "MODEL PICTURE_OR_FOLDER... [--classes FILE] [--top K]",
    .description = "Runs the network and the classifier trained on its features over pictures, one line each: path, label, "
                   "score, separated by tabs. A network in place of the classifier answers by its own last layer.",
    .example = "layercut predict classifier.h5 pictures --top 3",
    .options = options,
    .arguments_size = sizeof(predict_arguments),
    .min_operands = 2,
    .max_operands = SIZE_MAX,
    .run = run,
};
