/* extract MODEL IMAGES -o F.h5: pictures -> activations of the chosen taps, in one forward pass. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/tensor.h"
#include "tools/cli.h"
#include "tools/inputs.h"

typedef struct {
    const char *output, *layers, *pool;
    lc_picture_arguments pictures;
} extract_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(extract_arguments, output, LC_CLI_STRING, "output", 'o', "F.h5",
                   "features file to write, or to go on with after an interruption"),
     .required = true},
    {LC_CLI_OPTION(extract_arguments, layers, LC_CLI_STRING, "layers", 'l', "SEL",
                   "taps: names, globs (layer3.*), @block @conv @relu, #12, all; comma-separated (default: penultimate)")},
    {LC_CLI_OPTION(extract_arguments, pool, LC_CLI_STRING, "pool", 'p', "P", "avg (default), max, avgmax, grid:K or flat")},
    LC_PICTURE_OPTIONS(extract_arguments, pictures),
    {0},
};

/* "train 244, val 153": rows per split, splits without rows left out. */
static const char *split_text(char *text, size_t size, const lc_manifest *m)
{
    size_t counts[LC_SPLIT_COUNT] = {0}, used = 0;
    for (size_t i = 0; i < m->rows; i++) {
        counts[m->splits[i]]++;
    }
    text[0] = '\0';
    for (unsigned s = LC_SPLIT_TRAIN; s < LC_SPLIT_COUNT; s++) {
        if (counts[s] && used < size) {
            used += (size_t)snprintf(text + used, size - used, "%s%s %zu", used ? ", " : "", lc_split_name(s), counts[s]);
        }
    }
    if (!used) {
        snprintf(text, size, "no splits");
    }
    return text;
}

/* Numbers per picture that a pooling leaves of a tap; 0 for a pooling that lc_extract will refuse. */
static size_t row_length(const lc_tap *tap, const char *pool)
{
    size_t map = tap->shape[1] * tap->shape[2], cells = 0;
    if (map == 1 || !pool || strcmp(pool, "avg") == 0 || strcmp(pool, "max") == 0) {
        return tap->pooled;
    }
    if (strcmp(pool, "avgmax") == 0) {
        return 2 * tap->pooled;
    }
    if (sscanf(pool, "grid:%zu", &cells) == 1) {
        return cells * cells * tap->pooled;
    }
    return strcmp(pool, "flat") == 0 ? tap->flat : 0;
}

/* What is about to happen; on standard error, before the work. */
static lc_status say_plan(const lc_network *network, const lc_manifest *m, const extract_arguments *a)
{
    const lc_network_info *info = lc_network_describe(network);
    char shape[96], text[128];
    size_t *taps, count, numbers = 0;
    LC_TRY(lc_network_select(network, a->layers ? a->layers : "penultimate", &taps, &count));
    lc_log(LC_LOG_INFO, "network   %s (%s), input %s", info->name, info->format, lc_shape_text(shape, 3, info->input));
    if (info->note) {
        lc_log(LC_LOG_INFO, "          %s", info->note);
    }
    if (m->classes) {
        lc_log(LC_LOG_INFO, "pictures  %zu in %zu classes; %s", m->rows, m->classes, split_text(text, sizeof text, m));
    } else {
        lc_log(LC_LOG_INFO, "pictures  %zu, no labels", m->rows);
    }
    if (m->hidden + m->other_files + m->unreadable_folders) {
        lc_log(LC_LOG_INFO, "          passed over: %zu hidden, %zu that are no pictures, %zu unreadable folders",
               m->hidden, m->other_files, m->unreadable_folders);
    }
    for (size_t i = 0; i < count; i++) {
        const lc_tap *tap = lc_network_tap(network, taps[i]);
        size_t length = row_length(tap, a->pool);
        numbers += length;
        lc_log(LC_LOG_INFO, "%s%s %s %s -> %zu", i ? "          " : "layers    ", tap->name, tap->op,
               lc_shape_text(shape, 3, tap->shape), length);
    }
    lc_log(LC_LOG_INFO, "output    %s, %s bytes", a->output, lc_human(text, (uint64_t)numbers * m->rows * sizeof(float)));
    free(taps);
    return LC_OK;
}

/* Failed rows of the store, as paths and reasons (each reason the caller's, and the arrays). */
static lc_status failed_rows(lc_store *store, const char ***paths, const char ***reasons, size_t *count)
{
    const lc_manifest *m = lc_store_manifest(store);
    const uint8_t *status = lc_store_status(store);
    *count = 0;
    LC_TRY(lc_alloc_array(paths, m->rows, sizeof **paths));
    LC_TRY(lc_alloc_array(reasons, m->rows, sizeof **reasons));
    for (size_t i = 0; i < m->rows; i++) {
        lc_store_row row;
        if (status[i] != LC_ROW_FAILED) {
            continue;
        }
        LC_TRY(lc_store_read_row(store, i, &row));
        LC_TRY(lc_strdup((char **)&(*reasons)[*count], row.error));
        (*paths)[(*count)++] = m->paths[i];
    }
    return LC_OK;
}

static lc_status say_failed(const char *output, lc_store *store, lc_json *result)
{
    const char **paths = NULL, **reasons = NULL;
    char *where = NULL;
    size_t count = 0;
    lc_status st = failed_rows(store, &paths, &reasons, &count);
    if (st != LC_OK) {
        goto done;
    }
    lc_json *failures = lc_json_array();
    for (size_t i = 0; i < count; i++) {
        lc_json *failure = lc_json_object();
        lc_json_set_string(failure, "path", paths[i]);
        lc_json_set_string(failure, "error", reasons[i]);
        lc_json_add(failures, failure);
    }
    lc_json_set(result, "failures", failures);
    if (count) {
        lc_log(LC_LOG_WARNING, "%zu of %zu pictures failed:", count, lc_store_manifest(store)->rows);
        st = lc_sprintf(&where, "layercut info %s --failed", output);
        if (st == LC_OK) {
            st = lc_list_failed(paths, reasons, count, where);
        }
    }
done:
    for (size_t i = 0; i < count; i++) {
        free((char *)reasons[i]);
    }
    free(paths);
    free(reasons);
    free(where);
    return st;
}

static void print_summary(const lc_cli *cli, const extract_arguments *a, const lc_extract_report *r)
{
    double rate = r->seconds > 0 ? (double)r->computed / r->seconds : 0;
    lc_cli_print(cli, "pictures  %zu: %zu computed, %zu kept, %zu failed\n", r->rows, r->computed, r->kept, r->failed);
    lc_cli_print(cli, "wrote     %s\n", a->output);
    lc_log(LC_LOG_INFO, "time      %.1f s, %.1f pictures/s", r->seconds, rate);
    lc_log(LC_LOG_VERBOSE, "          decoding %.1f s, forward %.1f s (summed over threads)", r->decode_seconds,
           r->forward_seconds);
}

static void report_json(lc_json *result, const extract_arguments *a, lc_store *store, const lc_extract_report *r)
{
    lc_json *layers = lc_json_array();
    for (size_t i = 0; i < lc_store_layer_count(store); i++) {
        const lc_store_layer *l = lc_store_layer_at(store, i);
        lc_json *layer = lc_json_object();
        lc_json_set_string(layer, "name", l->name);
        lc_json_set_string(layer, "id", l->id);
        lc_json_set(layer, "shape", lc_shape_json(l->shape));
        lc_json_set_string(layer, "pool", l->pool);
        lc_json_set_int(layer, "dim", (int64_t)l->dim);
        lc_json_add(layers, layer);
    }
    lc_json_set_string(result, "output", a->output);
    lc_json_set(result, "layers", layers);
    lc_json_set_int(result, "rows", (int64_t)r->rows);
    lc_json_set_int(result, "computed", (int64_t)r->computed);
    lc_json_set_int(result, "kept", (int64_t)r->kept);
    lc_json_set_int(result, "failed", (int64_t)r->failed);
    lc_json_set_real(result, "seconds", r->seconds);
    lc_json_set_real(result, "decode_seconds", r->decode_seconds);
    lc_json_set_real(result, "forward_seconds", r->forward_seconds);
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    const extract_arguments *a = arguments;
    lc_network *network = NULL;
    lc_manifest *manifest = NULL;
    lc_store *store = NULL;
    lc_extract_report report;
    lc_setting settings[LC_CLI_MAX_PAIRS];
    lc_extract_options o = lc_picture_options(cli, &a->pictures, settings);
    o.layers = a->layers;
    o.pool = a->pool;
    lc_json *result = lc_cli_json(cli);
    lc_status st = lc_network_open_as(&network, cli->operands[0], a->pictures.arch);
    if (st != LC_OK) {
        goto done;
    }
    st = lc_manifest_read(&manifest, cli->operands[1]);
    if (st != LC_OK) {
        goto done;
    }
    st = say_plan(network, manifest, a);
    if (st != LC_OK) {
        goto done;
    }
    st = lc_extract(network, manifest, &o, a->output, cli->command_line, &report);
    if (st == LC_ERR_INTERRUPTED) {
        st = lc_fail(st, "interrupted; %s keeps what is done, the same command goes on from there", a->output);
    }
    if (st != LC_OK) {
        goto done;
    }
    st = lc_store_open(&store, a->output);
    if (st != LC_OK) {
        goto done;
    }
    print_summary(cli, a, &report);
    lc_json_set(result, "model", lc_network_json(lc_network_describe(network)));
    report_json(result, a, store, &report);
    st = say_failed(a->output, store, result);
    if (st == LC_OK) {
        st = lc_cli_write_json(cli, result);
    }
    if (st == LC_OK) {
        st = lc_count_failed(cli, &a->pictures, report.failed, report.rows);
    }
done:
    lc_json_free(result);
    lc_store_free(store);
    lc_manifest_free(manifest);
    lc_network_free(network);
    return st;
}

const lc_cli_command lc_command_extract = {
    .name = "extract",
    .group = "Features",
    .summary = "pictures -> activations of a network's layers, in a features file",
    .usage = "MODEL IMAGES -o F.h5 [--layers SEL] [--pool P] [options]",
    .description = "Runs a pretrained network over pictures and writes the activations of all chosen layers, one row per "
                   "picture, into an HDF5 file. IMAGES is a folder (class/picture, or train|val|test/class/picture, or "
                   "pictures), or a .csv or .tsv list with columns path,label,split ('-': from standard input).",
    .example = "layercut extract embedded pictures -o features.h5 --layers @block",
    .options = options,
    .arguments_size = sizeof(extract_arguments),
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
