/* extract MODEL IMAGES -o F.h5: pictures -> activations of the chosen taps, in one forward pass. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/tensor.h"
#include "common/text.h"
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

enum { NOTE_WIDTH = 70 };

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

/* What is about to happen; on standard error, before the work. */
static lc_status say_plan(lc_network *network, const lc_manifest *m, const lc_extract_options *o, const char *output)
{
    const lc_network_info *info = lc_network_describe(network);
    char shape[96], text[128];
    lc_extract_plan plan;
    LC_TRY(lc_extract_plan_new(network, m, o, &plan));
    lc_log(LC_LOG_INFO, "network   %s (%s), input %s", info->name, info->format, lc_shape_text(shape, 3, info->input));
    for (const char *note = info->note ? info->note : ""; *note;) {
        size_t line = lc_text_line(note, NOTE_WIDTH);
        lc_log(LC_LOG_INFO, "          %.*s", (int)line, note);
        note += line + (note[line] == ' ');
    }
    if (m->classes) {
        lc_log(LC_LOG_INFO, "pictures  %zu in %zu classes; %s", m->rows, m->classes, split_text(text, sizeof text, m));
    } else {
        lc_log(LC_LOG_INFO, "pictures  %zu, no labels", m->rows);
    }
    if (m->hidden + m->other_files + m->unreadable_folders) {
        lc_log(LC_LOG_INFO, "          passed over: %zu hidden, %zu other files, %zu unreadable folders", m->hidden,
               m->other_files, m->unreadable_folders);
    }
    for (size_t i = 0; i < plan.layers; i++) {
        const lc_store_layer *l = &plan.layer[i];
        lc_log(LC_LOG_INFO, "%-9s %s, %s %s -> %zu", i ? "" : "layers", l->name, l->op, lc_map_text(shape, l->shape),
               l->dim);
    }
    lc_log(LC_LOG_INFO, "output    %s, %s bytes", output, lc_human(text, plan.bytes));
    lc_extract_plan_free(&plan);
    return LC_OK;
}

static lc_status say_failed(const char *output, lc_store *store, lc_json *result)
{
    lc_failures failures = {0};
    char *where = NULL;
    lc_status st = lc_failures_read(&failures, store);
    if (st == LC_OK) {
        st = lc_sprintf(&where, "layercut info %s --failed", output);
    }
    if (st == LC_OK) {
        st = lc_failures_say(&failures, lc_store_manifest(store)->rows, where);
    }
    lc_json_set(result, "failures", lc_failures_json(&failures));
    lc_failures_free(&failures);
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
    lc_json_set_string(result, "output", a->output);
    lc_json_set(result, "layers", lc_layers_json(store));
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
    st = say_plan(network, manifest, &o, a->output);
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
