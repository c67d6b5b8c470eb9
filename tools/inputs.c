#include "tools/inputs.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/tensor.h"
#include "common/text.h"

enum { MAX_LIST_BYTES = 1 << 26, SHOWN_FAILURES = 20 };

lc_file_kind lc_file_kind_of(const char *path)
{
    static const char signature[8] = "\x89HDF\r\n\x1a\n";
    if (lc_classifier_sniff(path)) {
        return LC_FILE_CLASSIFIER;
    }
    /* A store cut down to nothing has no signature left, but its name still says what is damaged. */
    const char *dot = strrchr(path, '.');
    bool is_store = dot && (strcmp(dot, ".h5") == 0 || strcmp(dot, ".hdf5") == 0);
    FILE *f = fopen(path, "rb");
    if (f) {
        char head[sizeof signature];
        is_store = is_store || (fread(head, 1, sizeof head, f) == sizeof head && memcmp(head, signature, sizeof head) == 0);
        fclose(f);
    }
    return is_store ? LC_FILE_STORE : LC_FILE_NETWORK;
}

lc_status lc_refuse_store(const char *path, const char *cure)
{
    lc_store *store;
    LC_TRY(lc_store_open(&store, path));
    lc_store_free(store);
    return lc_fail(LC_ERR_ARG, "%s is a features file; %s", path, cure);
}

/* The value of an option of text; `arguments` is what its table fills. */
static const char *value_of(const lc_cli_option *option, const void *arguments)
{
    return *(const char *const *)(const void *)((const char *)arguments + option->offset);
}

static bool is_file(const char *path, const struct stat *file)
{
    struct stat other;
    return path && stat(path, &other) == 0 && other.st_dev == file->st_dev && other.st_ino == file->st_ino;
}

/* Whether the command reads this file: an operand, or what an option names. */
static bool reads(const lc_cli *cli, const void *arguments, const struct stat *file)
{
    for (size_t i = 0; i < cli->operand_count; i++) {
        if (is_file(cli->operands[i], file)) {
            return true;
        }
    }
    for (const lc_cli_option *o = cli->command->options; o->name; o++) {
        if (o->file == LC_CLI_FILE_READ && is_file(value_of(o, arguments), file)) {
            return true;
        }
    }
    return false;
}

enum { MAX_OUTPUTS = 8 };

typedef struct {
    const lc_cli_option *option;
    const char *path;
} output;

/* The files that options of one table write, behind those of `count`; `base` is what the table fills. */
static size_t add_outputs(output *outputs, size_t count, const lc_cli_option *options, const void *base)
{
    for (const lc_cli_option *o = options; o->name; o++) {
        if ((o->file == LC_CLI_FILE_WRITTEN || o->file == LC_CLI_STORE_WRITTEN) && value_of(o, base)) {
            assert(count < MAX_OUTPUTS);
            outputs[count++] = (output){o, value_of(o, base)};
        }
    }
    return count;
}

static lc_status check_output(const lc_cli *cli, const void *arguments, const output *out)
{
    struct stat written;
    const char *name = out->option->name, *path = out->path;
    if (stat(path, &written) != 0) {
        return LC_OK;
    }
    if (reads(cli, arguments, &written)) {
        return lc_fail(LC_ERR_ARG, "--%s %s would write over what is read: give it another name", name, path);
    }
    if (out->option->file != LC_CLI_STORE_WRITTEN && S_ISREG(written.st_mode) && written.st_size > 0 &&
        lc_file_kind_of(path) == LC_FILE_STORE) {
        return lc_fail(LC_ERR_ARG, "--%s %s would write over a features file: give it another name", name, path);
    }
    return LC_OK;
}

lc_status lc_check_outputs(const lc_cli *cli, const void *arguments)
{
    output outputs[MAX_OUTPUTS];
    size_t count = add_outputs(outputs, 0, cli->command->options, arguments);
    count = add_outputs(outputs, count, lc_cli_common_options, cli);
    for (size_t i = 0; i < count; i++) {
        LC_TRY(check_output(cli, arguments, &outputs[i]));
        for (size_t j = 0; j < i; j++) {
            if (strcmp(outputs[i].path, outputs[j].path) == 0) {
                return lc_fail(LC_ERR_ARG, "--%s and --%s would both write %s: give one another name", outputs[j].option->name,
                               outputs[i].option->name, outputs[i].path);
            }
        }
    }
    return LC_OK;
}

/* Words -------------------------------------------------------------------------------------------------------- */

/* Cuts out->text at each separator. */
static lc_status split_in_place(lc_words *out, char separator)
{
    size_t parts = 1;
    for (const char *p = out->text; *p; p++) {
        parts += *p == separator;
    }
    lc_status st = lc_alloc_array(&out->items, parts, sizeof *out->items);
    if (st != LC_OK) {
        lc_words_free(out);
        return st;
    }
    for (char *p = out->text, *end; p; p = end) {
        end = strchr(p, separator);
        if (end) {
            *end++ = '\0';
        }
        size_t length = strlen(p);
        if (length && p[length - 1] == '\r') {
            p[--length] = '\0';
        }
        if (length) {
            out->items[out->count++] = p;
        }
    }
    return LC_OK;
}

lc_status lc_words_split(lc_words *out, const char *text, char separator)
{
    *out = (lc_words){0};
    LC_TRY(lc_strdup(&out->text, text));
    return split_in_place(out, separator);
}

lc_status lc_words_read(lc_words *out, const char *path)
{
    *out = (lc_words){0};
    unsigned char *data;
    size_t size;
    LC_TRY(lc_read_file(&data, &size, path, MAX_LIST_BYTES));
    out->text = (char *)data;
    return split_in_place(out, '\n');
}

void lc_words_free(lc_words *words)
{
    free(words->items);
    free(words->text);
    *words = (lc_words){0};
}

lc_status lc_sizes_split(lc_sizes *out, const char *text, const char *option)
{
    lc_words words;
    LC_TRY(lc_words_split(&words, text, ','));
    lc_status st = words.count ? LC_OK : lc_fail(LC_ERR_ARG, "%s wants numbers, not '%s'", option, text);
    out->count = 0;
    for (size_t i = 0; st == LC_OK && i < words.count; i++) {
        char *end;
        errno = 0;
        unsigned long long v = strtoull(words.items[i], &end, 10);
        if (words.items[i][0] < '0' || words.items[i][0] > '9' || *end || errno || v == 0 || v > SIZE_MAX) {
            st = lc_fail(LC_ERR_ARG, "%s wants whole numbers from 1 on, not '%s'", option, words.items[i]);
        } else if (out->count == LC_MAX_SIZES) {
            st = lc_fail(LC_ERR_ARG, "%s: more than %d numbers", option, LC_MAX_SIZES);
        } else {
            out->items[out->count++] = (size_t)v;
        }
    }
    lc_words_free(&words);
    return st;
}

lc_status lc_rows_parse(const char *word, lc_rows fallback, lc_rows *out)
{
    static const struct {
        const char *word;
        lc_rows rows;
    } table[] = {{"train", LC_ROWS_TRAIN}, {"val", LC_ROWS_VAL}, {"test", LC_ROWS_TEST}, {"all", LC_ROWS_ALL}};
    *out = fallback;
    if (!word) {
        return LC_OK;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(word, table[i].word) == 0) {
            *out = table[i].rows;
            return LC_OK;
        }
    }
    return lc_fail(LC_ERR_ARG, "--split wants train, val, test or all, not '%s'", word);
}

lc_status lc_read_rows_for(const lc_classifier *classifier, const char *features, lc_rows which, lc_dataset **out)
{
    const lc_classifier_info *info = lc_classifier_describe(classifier);
    lc_status st = lc_dataset_read(out, features, info->layer_names, info->layers, which);
    if (st == LC_OK) {
        st = lc_classifier_match(classifier, *out);
        if (st == LC_OK) {
            lc_say_left_out(*out);
        } else {
            lc_dataset_free(*out);
            *out = NULL;
        }
    }
    /* Nobody typed that layer's name: the two files do not belong together. */
    return st == LC_ERR_NOTFOUND ? lc_fail_in(LC_ERR_STALE, "layers of the classifier and of the file differ") : st;
}

lc_status lc_judge(lc_judgement *j, const lc_cli *cli, const lc_classifier *classifier, const char *features, lc_rows which)
{
    const lc_classifier_info *info = lc_classifier_describe(classifier);
    lc_threads *threads = NULL;
    *j = (lc_judgement){0};
    LC_TRY(lc_read_rows_for(classifier, features, which, &j->data));
    const lc_dataset *d = j->data;
    LC_TRY(lc_alloc_array(&j->predicted, d->rows, sizeof *j->predicted));
    LC_TRY(lc_alloc_array(&j->scores, d->rows, info->classes * sizeof *j->scores));
    LC_TRY(lc_threads_new(&threads, cli->threads ? cli->threads : lc_threads_available()));
    lc_status st = lc_classifier_scores(classifier, d->x, d->rows, d->dim, j->predicted, j->scores, threads);
    lc_threads_free(threads);
    LC_TRY(st);
    if (info->several_labels) {
        return lc_label_metrics_compute(&j->label_metrics, d->rows, info->classes, info->class_names, d->indicator, j->scores);
    }
    return lc_metrics_compute(&j->metrics, d->rows, info->classes, info->class_names, d->labels, j->predicted, j->scores,
                              info->probability[0] != '\0');
}

void lc_judgement_free(lc_judgement *j)
{
    lc_metrics_free(j->metrics);
    lc_label_metrics_free(j->label_metrics);
    free(j->predicted);
    free(j->scores);
    lc_dataset_free(j->data);
}

void lc_say_left_out(const lc_dataset *data)
{
    if (data->failed + data->unlabelled) {
        lc_log(LC_LOG_WARNING, "left out: %zu rows that failed, %zu without a label", data->failed, data->unlabelled);
    }
}

/* Pictures ----------------------------------------------------------------------------------------------------- */

lc_extract_options lc_picture_options(const lc_cli *cli, const lc_picture_arguments *arguments, lc_setting *settings)
{
    for (size_t i = 0; i < arguments->settings.count; i++) {
        settings[i] = (lc_setting){arguments->settings.items[i].key, arguments->settings.items[i].value};
    }
    return (lc_extract_options){.settings = settings,
                                .setting_count = arguments->settings.count,
                                .threads = cli->threads,
                                .precision = arguments->exact ? "f32-exact" : arguments->precision,
                                .batch = arguments->batch};
}

lc_status lc_count_failed(lc_cli *cli, const lc_picture_arguments *arguments, size_t failed, size_t rows)
{
    cli->skipped += failed;
    if (failed && arguments->strict) {
        return lc_fail(LC_ERR_FORMAT, "%zu of %zu pictures failed (--strict)", failed, rows);
    }
    return LC_OK;
}

/* Failures ------------------------------------------------------------------------------------------------------ */

lc_status lc_failures_add(lc_failures *f, const char *path, const char *reason)
{
    LC_TRY(lc_grow(&f->items, &f->capacity, f->count + 1, sizeof *f->items));
    f->items[f->count].reason = NULL;
    LC_TRY(lc_strdup(&f->items[f->count].path, path));
    return lc_strdup(&f->items[f->count++].reason, reason);
}

lc_status lc_failures_read(lc_failures *f, lc_store *store)
{
    const lc_manifest *m = lc_store_manifest(store);
    for (size_t i = 0; i < m->rows; i++) {
        lc_store_row row;
        if (lc_store_status(store)[i] == LC_ROW_FAILED) {
            LC_TRY(lc_store_read_row(store, i, &row));
            LC_TRY(lc_failures_add(f, m->paths[i], row.error));
        }
    }
    return LC_OK;
}

void lc_failures_free(lc_failures *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->items[i].path);
        free(f->items[i].reason);
    }
    free(f->items);
    *f = (lc_failures){0};
}

lc_json *lc_failures_json(const lc_failures *f)
{
    lc_json *array = lc_json_array();
    for (size_t i = 0; i < f->count; i++) {
        lc_json *failure = lc_json_object();
        lc_json_set_string(failure, "path", f->items[i].path);
        lc_json_set_string(failure, "error", f->items[i].reason);
        lc_json_add(array, failure);
    }
    return array;
}

lc_status lc_failures_say(const lc_failures *f, size_t rows, const char *where)
{
    bool *listed;
    size_t shown = 0;
    if (!f->count) {
        return LC_OK;
    }
    LC_TRY(lc_alloc_array(&listed, f->count, sizeof *listed));
    lc_log(LC_LOG_WARNING, "%zu of %zu pictures failed:", f->count, rows);
    for (size_t i = 0; i < f->count && shown < SHOWN_FAILURES; i++) {
        if (listed[i]) {
            continue;
        }
        lc_log(LC_LOG_INFO, "  %s", f->items[i].reason);
        for (size_t j = i; j < f->count && shown < SHOWN_FAILURES; j++) {
            if (!listed[j] && strcmp(f->items[i].reason, f->items[j].reason) == 0) {
                lc_log(LC_LOG_INFO, "    %s", f->items[j].path);
                listed[j] = true;
                shown++;
            }
        }
    }
    if (shown < f->count) {
        lc_log(LC_LOG_INFO, "  and %zu more: %s", f->count - shown, where);
    }
    free(listed);
    return LC_OK;
}

/* Names -------------------------------------------------------------------------------------------------------- */

lc_status lc_outputs_read(lc_outputs *out, const lc_network *network, const char *file)
{
    const lc_network_info *info = lc_network_describe(network);
    size_t *taps, count;
    *out = (lc_outputs){0};
    LC_TRY(lc_network_select(network, "logits", &taps, &count));
    out->count = lc_network_tap(network, taps[0])->flat;
    free(taps);
    if (file) {
        LC_TRY(lc_words_read(&out->words, file));
        out->names = out->words.items;
        if (out->words.count != out->count) {
            return lc_fail(LC_ERR_ARG, "%s names %zu classes, but %s has %zu outputs", file, out->words.count, info->path,
                           out->count);
        }
    } else if (info->classes == out->count) {
        out->names = info->class_names;
    }
    return LC_OK;
}

void lc_outputs_free(lc_outputs *outputs)
{
    lc_words_free(&outputs->words);
}

lc_status lc_match_names(const char *what, const char *const *wanted, size_t count, const char *where,
                         const char *const *names, size_t name_count, int32_t *out)
{
    char nearest[256];
    for (size_t i = 0; i < count; i++) {
        size_t found = 0;
        for (size_t j = 0; j < name_count; j++) {
            if (strcmp(wanted[i], names[j]) == 0) {
                out[i] = (int32_t)j;
                found++;
            }
        }
        if (found == 0) {
            return lc_fail(LC_ERR_NOTFOUND, "%s '%s' is not among %s; nearest: %s", what, wanted[i], where,
                           lc_text_nearest(nearest, sizeof nearest, wanted[i], names, name_count));
        }
        if (found > 1) {
            return lc_fail(LC_ERR_ARG, "%s '%s' stands %zu times in %s", what, wanted[i], found, where);
        }
    }
    return LC_OK;
}

const char *lc_human(char text[static 16], uint64_t number)
{
    static const char units[] = " kMGTPE";
    double value = (double)number;
    size_t unit = 0;
    while (value >= 999.5) {
        value /= 1000;
        unit++;
    }
    if (unit == 0) {
        snprintf(text, 16, "%d", (int)number);
    } else {
        snprintf(text, 16, "%.*f%c", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, units[unit]);
    }
    return text;
}

const char *lc_map_text(char text[static 96], const size_t shape[static 3])
{
    return lc_shape_text(text, shape[1] * shape[2] == 1 ? 1 : 3, shape);
}

/* JSON --------------------------------------------------------------------------------------------------------- */

lc_json *lc_shape_json(const size_t shape[static 3])
{
    lc_json *array = lc_json_array();
    for (int i = 0; i < 3; i++) {
        lc_json_add_int(array, (int64_t)shape[i]);
    }
    return array;
}

lc_json *lc_strings_json(const char *const *strings, size_t count)
{
    lc_json *array = lc_json_array();
    for (size_t i = 0; i < count; i++) {
        lc_json_add_string(array, strings[i]);
    }
    return array;
}

const char *lc_network_kind(char text[static 96], const lc_network_info *network)
{
    const char *arch = network->architecture, *weights = network->weights;
    snprintf(text, 96, "%s%s%s%s%s", arch ? arch : "", weights ? " " : "", weights ? weights : "", arch ? " in " : "",
             network->format);
    return text;
}

const char *lc_module_name(const lc_tap *tap)
{
    const char *best = tap->name;
    size_t longest = 0;
    for (size_t i = 0; i < LC_TAP_MAX_ALIASES && tap->aliases[i]; i++) {
        size_t length = strlen(tap->aliases[i]);
        if (strncmp(tap->name, tap->aliases[i], length) == 0 && length > longest) {
            longest = length;
            best = tap->aliases[i];
        }
    }
    return best;
}

lc_json *lc_network_json(const lc_network_info *network)
{
    lc_json *object = lc_json_object();
    lc_json_set_string(object, "name", network->name);
    lc_json_set_string(object, "path", network->path);
    lc_json_set_string(object, "format", network->format);
    lc_json_set_string(object, "architecture", network->architecture);
    if (network->weights) {
        lc_json_set_string(object, "weights", network->weights);
    }
    lc_json_set_string(object, "sha256", network->sha256);
    if (network->layers) {
        lc_json_set_string(object, "layers", network->layers);
    }
    if (network->source_sha256) {
        lc_json_set_string(object, "source_sha256", network->source_sha256);
    }
    lc_json_set(object, "input", lc_shape_json(network->input));
    lc_json_set_int(object, "parameters", (int64_t)network->parameters);
    lc_json_set_int(object, "macs", (int64_t)network->macs);
    lc_json_set_string(object, "note", network->note);
    return object;
}

lc_json *lc_layers_json(const lc_store *store)
{
    lc_json *layers = lc_json_array();
    for (size_t i = 0; i < lc_store_layer_count(store); i++) {
        const lc_store_layer *l = lc_store_layer_at(store, i);
        lc_json *layer = lc_json_object();
        lc_json_set_string(layer, "name", l->name);
        lc_json_set_string(layer, "id", l->id);
        lc_json_set_string(layer, "op", l->op);
        lc_json_set(layer, "shape", lc_shape_json(l->shape));
        lc_json_set_string(layer, "pool", l->pool);
        lc_json_set_int(layer, "dim", (int64_t)l->dim);
        lc_json_add(layers, layer);
    }
    return layers;
}

lc_status lc_layers_of(const lc_classifier_info *info, char **out)
{
    size_t size = 1;
    for (size_t i = 0; i < info->layers; i++) {
        size += strlen(info->layer_names[i]) + 1;
    }
    LC_TRY(lc_alloc_array(out, size, 1));
    char *end = *out;
    for (size_t i = 0; i < info->layers; i++) {
        end = stpcpy(stpcpy(end, i ? "," : ""), info->layer_names[i]);
    }
    return LC_OK;
}

void lc_print_parameters(const lc_cli *cli, const lc_classifier_info *info)
{
    for (size_t p = 0; p < info->params; p++) {
        lc_cli_print(cli, "%s%s ", p ? ", " : "", info->param_labels[p]);
        if (p > 0 || !info->several_labels) {
            lc_cli_print(cli, "%g", info->param_values[p]);
            continue;
        }
        double least = info->class_values[0], most = least;
        for (size_t k = 1; k < info->classes; k++) {
            least = fmin(least, info->class_values[k]);
            most = fmax(most, info->class_values[k]);
        }
        lc_cli_print(cli, "%g", least);
        if (least < most) {
            lc_cli_print(cli, " to %g class by class", most);
        }
    }
}

void lc_put_classifier_json(lc_json *object, const lc_classifier_info *info)
{
    lc_json *layers = lc_json_array();
    for (size_t i = 0; i < info->layers; i++) {
        lc_json *layer = lc_json_object();
        lc_json_set_string(layer, "name", info->layer_names[i]);
        lc_json_set_string(layer, "pool", info->pools[i]);
        lc_json_add(layers, layer);
    }
    lc_json_set_string(object, "classifier", info->classifier);
    lc_json_set_string(object, "kernel", info->kernel);
    lc_json_set_string(object, "norm", info->norm);
    lc_json_set_string(object, "probability", info->probability[0] ? info->probability : NULL);
    lc_json *params = lc_json_object();
    for (size_t p = 0; p < info->params; p++) {
        lc_json_set_real(params, info->param_names[p], info->param_values[p]);
    }
    lc_json_set(object, "parameters", params);
    if (info->several_labels) {
        lc_json *own = lc_json_object();
        for (size_t k = 0; k < info->classes; k++) {
            lc_json_set_real(own, info->class_names[k], info->class_values[k]);
        }
        lc_json_set_bool(object, "several_labels", true);
        lc_json_set(object, "class_parameters", own);
    }
    lc_json_set_int(object, "seed", (int64_t)info->seed);
    lc_json_set_int(object, "train_rows", (int64_t)info->train_rows);
    lc_json_set_int(object, "dim", (int64_t)info->dim);
    lc_json_set_int(object, "support_vectors", (int64_t)info->support_vectors);
    lc_json_set_real(object, "cv_accuracy", info->cv_accuracy);
    lc_json_set_string(object, "model_name", info->model_name);
    lc_json_set_string(object, "model_sha256", info->model_sha256);
    lc_json_set_string(object, "model_path", info->model_path);
    if (info->attachment[0]) {
        lc_json_set_string(object, "bundled_network", info->attachment);
        lc_json_set_int(object, "bundled_bytes", (int64_t)info->attachment_size);
    }
    lc_json_set(object, "layers", layers);
    lc_json_set(object, "classes", lc_strings_json(info->class_names, info->classes));
}
