/* info FILE: what a features file, a classifier file or a network holds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/tensor.h"
#include "tools/cli.h"
#include "tools/inputs.h"
#include "tools/table.h"

typedef struct {
    bool failed;
} info_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(info_arguments, failed, LC_CLI_FLAG, "failed", 'f', NULL,
                   "of a features file: the pictures that failed, each with its reason")},
    {0},
};

enum { SHOWN_CLASSES = 20 };

/* A recipe as a line per word, and as JSON. */
static lc_status show_recipe(const lc_cli *cli, const char *recipe, lc_json *result)
{
    lc_json *words;
    const char *title = "recipe";
    LC_TRY(lc_json_parse(&words, recipe, strlen(recipe)));
    lc_status st = LC_OK;
    for (size_t i = 0; st == LC_OK && i < lc_json_size(words); i++) {
        const lc_json *value;
        const char *key = lc_json_key_at(words, i, &value);
        char *text = NULL;
        st = lc_json_text(value, 0, &text);
        if (st == LC_OK && strcmp(key, "network") != 0) { /* its hash stands above */
            lc_cli_print(cli, "%-13s %s %s\n", title, key, text);
            title = "";
        }
        free(text);
    }
    lc_json_set(result, "recipe", words);
    return st;
}

/* Features file ------------------------------------------------------------------------------------------------- */

static lc_status list_failed_rows(const lc_cli *cli, lc_store *store, lc_json *result)
{
    lc_failures failures = {0};
    lc_status st = lc_failures_read(&failures, store);
    for (size_t i = 0; st == LC_OK && i < failures.count; i++) {
        lc_cli_print(cli, "%s\t%s\n", failures.items[i].path, failures.items[i].reason);
    }
    lc_json_set(result, "failures", lc_failures_json(&failures));
    lc_failures_free(&failures);
    return st;
}

/* counts (classes, LC_SPLIT_COUNT) */
static lc_status print_classes(const lc_cli *cli, const lc_manifest *m, const size_t *counts)
{
    static const char *const titles[] = {"<class", ">none", ">train", ">val", ">test"};
    lc_text cells;
    LC_TRY(lc_text_open(&cells));
    for (size_t k = 0; k < m->classes && k < SHOWN_CLASSES; k++) {
        lc_table_cell(&cells, "%s", m->class_names[k]);
        for (unsigned s = 0; s < LC_SPLIT_COUNT; s++) {
            lc_table_cell(&cells, "%zu", counts[k * LC_SPLIT_COUNT + s]);
        }
    }
    lc_cli_print(cli, m->indicator ? "\nseveral labels per row\n" : "\n");
    LC_TRY(lc_table_print(cli, titles, sizeof titles / sizeof titles[0], &cells));
    if (m->classes > SHOWN_CLASSES) {
        lc_cli_print(cli, "and %zu more classes (--json has all)\n", m->classes - SHOWN_CLASSES);
    }
    return LC_OK;
}

/* Rows per class and split. */
static lc_status show_classes(const lc_cli *cli, const lc_manifest *m, lc_json *result)
{
    size_t *counts;
    LC_TRY(lc_alloc_array(&counts, m->classes * LC_SPLIT_COUNT, sizeof *counts));
    for (size_t i = 0; i < m->rows * m->classes; i++) {
        counts[i % m->classes * LC_SPLIT_COUNT + m->splits[i / m->classes]] += lc_manifest_has(m, i / m->classes, i % m->classes);
    }
    if (m->indicator) {
        lc_json_set_bool(result, "several_labels", true);
    }
    lc_json *classes = lc_json_array();
    lc_json_set(result, "classes", classes);
    for (size_t k = 0; k < m->classes; k++) {
        lc_json *object = lc_json_object();
        lc_json_set_string(object, "name", m->class_names[k]);
        for (unsigned s = 0; s < LC_SPLIT_COUNT; s++) {
            lc_json_set_int(object, lc_split_name(s), (int64_t)counts[k * LC_SPLIT_COUNT + s]);
        }
        lc_json_add(classes, object);
    }
    lc_status st = m->classes ? print_classes(cli, m, counts) : LC_OK;
    free(counts);
    return st;
}

static lc_status show_layers(const lc_cli *cli, lc_store *store, lc_json *result)
{
    static const char *const titles[] = {"<layer", "<op", ">CxHxW", "<pool", ">dim"};
    lc_text cells;
    LC_TRY(lc_text_open(&cells));
    for (size_t i = 0; i < lc_store_layer_count(store); i++) {
        const lc_store_layer *l = lc_store_layer_at(store, i);
        char shape[96];
        lc_table_cell(&cells, "%s", l->name);
        lc_table_cell(&cells, "%s", l->op);
        lc_table_cell(&cells, "%s", lc_map_text(shape, l->shape));
        lc_table_cell(&cells, "%s", l->pool);
        lc_table_cell(&cells, "%zu", l->dim);
    }
    lc_json_set(result, "layers", lc_layers_json(store));
    lc_cli_print(cli, "\n");
    return lc_table_print(cli, titles, sizeof titles / sizeof titles[0], &cells);
}

static lc_status describe_store(const lc_cli *cli, lc_store *store, lc_json *result)
{
    static const char *const attributes[] = {"model_name",  "model_path",   "model_sha256",
                                             "created_utc", "tool_version", "command"};
    static const char *const layouts[] = {
        [LC_STORE_PLAIN] = "in place", [LC_STORE_PACKED] = "compressed", [LC_STORE_VIRTUAL] = "in other files"};
    const lc_manifest *m = lc_store_manifest(store);
    size_t counts[3] = {0};
    for (size_t i = 0; i < m->rows; i++) {
        counts[lc_store_status(store)[i]]++;
    }
    lc_json_set_string(result, "kind", "features");
    lc_cli_print(cli, "%-13s %s\n", "kind", "features file");
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        const char *value = lc_store_attribute(store, attributes[i]);
        lc_json_set_string(result, attributes[i], value);
        lc_cli_print(cli, "%-13s %s\n", attributes[i], value ? value : "");
    }
    lc_cli_print(cli, "%-13s %s\n", "source", m->root);
    lc_cli_print(cli, "%-13s %zu: %zu ok, %zu failed, %zu pending; %s\n", "pictures", m->rows, counts[LC_ROW_OK],
                 counts[LC_ROW_FAILED], counts[LC_ROW_PENDING], lc_store_complete(store) ? "complete" : "unfinished");
    const char *layout = layouts[lc_store_layout_of(store)], *dtype = lc_store_half(store) ? "f16" : "f32";
    lc_cli_print(cli, "%-13s %s, %s\n", "stored", dtype, layout);
    lc_json_set_string(result, "dtype", dtype);
    lc_json_set_string(result, "layout", layout);
    if (m->parts) {
        lc_cli_print(cli, "%-13s %zu of %zu, of %zu pictures\n", "part", m->part, m->parts, m->whole_rows);
        lc_json_set_int(result, "part", (int64_t)m->part);
        lc_json_set_int(result, "parts", (int64_t)m->parts);
    }
    lc_json_set_string(result, "source", m->root);
    lc_json_set_bool(result, "complete", lc_store_complete(store));
    lc_json_set_int(result, "rows", (int64_t)m->rows);
    lc_json_set_int(result, "ok", (int64_t)counts[LC_ROW_OK]);
    lc_json_set_int(result, "failed", (int64_t)counts[LC_ROW_FAILED]);
    lc_json_set_int(result, "pending", (int64_t)counts[LC_ROW_PENDING]);
    LC_TRY(show_recipe(cli, lc_store_recipe(store), result));
    LC_TRY(show_layers(cli, store, result));
    return show_classes(cli, m, result);
}

static lc_status show_store(const lc_cli *cli, const info_arguments *a, lc_json *result)
{
    lc_store *store;
    LC_TRY(lc_store_open(&store, cli->operands[0]));
    lc_status st = a->failed ? list_failed_rows(cli, store, result) : describe_store(cli, store, result);
    lc_store_free(store);
    return st;
}

/* Classifier ---------------------------------------------------------------------------------------------------- */

/* The first of them, wrapped. */
static lc_status print_class_names(const lc_cli *cli, const lc_classifier_info *info)
{
    lc_text line;
    LC_TRY(lc_text_open(&line));
    fprintf(line.stream, "%zu:", info->classes);
    for (size_t i = 0; i < info->classes && i < SHOWN_CLASSES; i++) {
        fprintf(line.stream, "%s %s", i ? "," : "", info->class_names[i]);
    }
    fputs(info->classes > SHOWN_CLASSES ? ", ..." : "", line.stream);
    LC_TRY(lc_text_close(&line));
    lc_cli_print(cli, "%-13s ", "classes");
    lc_cli_print_wrapped(cli, line.text, 14, 14);
    free(line.text);
    return LC_OK;
}

static lc_status print_classifier(const lc_cli *cli, const lc_classifier_info *info)
{
    lc_cli_print(cli, "%-13s %s, %s kernel, norm %s\n", "classifier", info->classifier, info->kernel, info->norm);
    lc_cli_print(cli, "%-13s ", "parameters");
    lc_print_parameters(cli, info);
    lc_cli_print(cli, "%sseed %llu\n", info->params ? ", " : "", (unsigned long long)info->seed);
    lc_cli_print(cli, "%-13s %zu rows of %zu", "trained on", info->train_rows, info->dim);
    if (info->support_vectors > 0) {
        lc_cli_print(cli, ", %zu support vectors", info->support_vectors);
    }
    lc_cli_print(cli, "\n");
    if (info->several_labels) {
        lc_cli_print(cli, "%-13s several per row: those whose score is above 0\n", "labels");
    }
    if (info->probability[0]) {
        lc_cli_print(cli, "%-13s by %s scaling\n", "probabilities", info->probability);
    }
    if (!isnan(info->cv_accuracy)) {
        lc_cli_print(cli, "%-13s %.4f (cross-validation)\n", info->several_labels ? "mean AP" : "accuracy", info->cv_accuracy);
    }
    if (info->attachment[0]) {
        char bytes[16];
        lc_cli_print(cli, "%-13s %s, %s bytes: predict needs no other file\n", "bundled", info->attachment,
                     lc_human(bytes, info->attachment_size));
    }
    lc_cli_print(cli, "%-13s %s\n%-13s %s\n", "network", info->model_name, "sha256", info->model_sha256);
    if (info->model_path[0]) {
        lc_cli_print(cli, "%-13s %s\n", "found at", info->model_path);
    }
    for (size_t i = 0; i < info->layers; i++) {
        lc_cli_print(cli, "%-13s %s (%s)\n", i ? "" : "layers", info->layer_names[i], info->pools[i]);
    }
    return print_class_names(cli, info);
}

static lc_status show_classifier(const lc_cli *cli, lc_json *result)
{
    lc_classifier *classifier;
    LC_TRY(lc_classifier_open(&classifier, cli->operands[0]));
    const lc_classifier_info *info = lc_classifier_describe(classifier);
    lc_json_set_string(result, "kind", "classifier");
    lc_put_classifier_json(result, info);
    lc_status st = print_classifier(cli, info);
    if (st == LC_OK) {
        st = show_recipe(cli, info->recipe, result);
    }
    lc_classifier_free(classifier);
    return st;
}

/* Network ------------------------------------------------------------------------------------------------------- */

static lc_status show_network(const lc_cli *cli, lc_json *result)
{
    lc_network *network;
    LC_TRY(lc_network_open(&network, cli->operands[0]));
    const lc_network_info *info = lc_network_describe(network);
    char shape[96], kind[96], parameters[16], macs[16];
    lc_cli_print(cli, "%-13s %s (%s)\n", "network", info->name, lc_network_kind(kind, info));
    lc_cli_print(cli, "%-13s %s\n", "sha256", info->sha256);
    lc_cli_print(cli, "%-13s %s\n", "input", lc_shape_text(shape, 3, info->input));
    lc_cli_print(cli, "%-13s %zu\n", "taps", info->tap_count);
    lc_cli_print(cli, "%-13s %s parameters, %s multiply-adds\n", "size", lc_human(parameters, info->parameters),
                 lc_human(macs, info->macs));
    if (info->layers) {
        lc_cli_print(cli, "%-13s %s\n", "cut at", info->layers);
    }
    if (info->note) {
        lc_cli_print(cli, "%-13s ", "note");
        lc_cli_print_wrapped(cli, info->note, 14, 14);
    }
    lc_json_set_string(result, "kind", "network");
    lc_json_set(result, "model", lc_network_json(info));
    lc_network_free(network);
    return LC_OK;
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    const info_arguments *a = arguments;
    lc_json *result = lc_cli_json(cli);
    lc_status st;
    lc_json_set_string(result, "file", cli->operands[0]);
    lc_file_kind kind = lc_file_kind_of(cli->operands[0]);
    if (a->failed && kind != LC_FILE_STORE) {
        st = lc_fail(LC_ERR_ARG, "--failed is for features files; %s is none", cli->operands[0]);
    } else if (kind == LC_FILE_CLASSIFIER) {
        st = show_classifier(cli, result);
    } else {
        st = kind == LC_FILE_STORE ? show_store(cli, a, result) : show_network(cli, result);
    }
    if (st == LC_OK) {
        st = lc_cli_write_json(cli, result);
    }
    lc_json_free(result);
    return st;
}

const lc_cli_command lc_command_info = {
    .name = "info",
    .group = "Look",
    .summary = "what a features file, a classifier file or a network holds",
    .usage = "FILE [--failed] [options]",
    .description = "Shows what a file holds and how it was made: network, recipe, layers, classes and splits, parameters. "
                   "--failed lists the pictures of a features file that could not be read.",
    .example = "layercut info features.h5",
    .options = options,
    .arguments_size = sizeof(info_arguments),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
