/* extract MODEL IMAGES -o F.h5: pictures -> activations of the chosen taps, in one forward pass. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/shard.h"
#include "common/tensor.h"
#include "common/text.h"
#include "common/usage.h"
#include "tools/cli.h"
#include "tools/inputs.h"

typedef struct {
    const char *output, *layers, *pool, *dtype, *shard, *flush;
    bool dry_run, refresh, compress;
    lc_picture_arguments pictures;
} extract_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(extract_arguments, output, LC_CLI_STRING, "output", 'o', "F.h5",
                   "features file to write, or to go on with after an interruption"),
     .file = LC_CLI_STORE_WRITTEN, .required = true},
    {LC_CLI_OPTION(extract_arguments, layers, LC_CLI_STRING, "layers", 'l', "SEL",
                   "taps: names, globs (layer3.*), @block @conv @relu, #12, all; comma-separated (default: penultimate)")},
    {LC_CLI_OPTION(extract_arguments, pool, LC_CLI_STRING, "pool", 'p', "P", "avg (default), max, avgmax, grid:K or flat"),
     .words = LC_POOL_WORDS},
    {LC_CLI_OPTION(extract_arguments, dry_run, LC_CLI_FLAG, "dry-run", 'n', NULL,
                   "say what it comes to - numbers, bytes, memory, time - and write nothing")},
    {LC_CLI_OPTION(extract_arguments, refresh, LC_CLI_FLAG, "refresh", 0, NULL,
                   "bring an existing file up to date: compute new and changed pictures, keep the others, add layers")},
    {LC_CLI_OPTION(extract_arguments, dtype, LC_CLI_STRING, "dtype", 0, "T", "f32 (default), or f16 for half the size"),
     .words = "f32 f16"},
    {LC_CLI_OPTION(extract_arguments, compress, LC_CLI_FLAG, "compress", 0, NULL,
                   "compress the file once it is complete (shuffle, gzip 1)")},
    {LC_CLI_OPTION(extract_arguments, flush, LC_CLI_STRING, "flush", 0, "SECONDS",
                   "finished rows wait at most so long for the disk (default: 5)")},
    {LC_CLI_OPTION(extract_arguments, shard, LC_CLI_STRING, "shard", 0, "I/N",
                   "only part I of N, for jobs on several machines; 'merge' joins the parts")},
    LC_PICTURE_OPTIONS(extract_arguments, pictures),
    {0},
};

enum { NOTE_WIDTH = 70, MEASURE_SECONDS = 2 };

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

static void say_network(const lc_network *network)
{
    const lc_network_info *info = lc_network_describe(network);
    char shape[96];
    lc_log(LC_LOG_INFO, "network   %s (%s), input %s", info->name, info->format, lc_shape_text(shape, 3, info->input));
    for (const char *note = info->note ? info->note : ""; *note;) {
        size_t line = lc_text_line(note, NOTE_WIDTH);
        lc_log(LC_LOG_INFO, "          %.*s", (int)line, note);
        note += line + (note[line] == ' ');
    }
}

static void say_pictures(const lc_manifest *m)
{
    char text[128];
    if (m->classes) {
        lc_log(LC_LOG_INFO, "pictures  %zu in %zu classes; %s", m->rows, m->classes, split_text(text, sizeof text, m));
    } else {
        lc_log(LC_LOG_INFO, "pictures  %zu, no labels", m->rows);
    }
    if (m->parts) {
        lc_log(LC_LOG_INFO, "          part %zu of %zu of %zu pictures", m->part, m->parts, m->whole_rows);
    }
    if (m->hidden + m->other_files + m->unreadable_folders) {
        lc_log(LC_LOG_INFO, "          passed over: %zu hidden, %zu other files, %zu unreadable folders", m->hidden,
               m->other_files, m->unreadable_folders);
    }
}

/* "35 min", "3 h 20 min": two units at most. */
static const char *duration_text(char text[static 32], double seconds)
{
    double minutes = seconds / 60;
    if (seconds < 100) {
        snprintf(text, 32, "%.0f s", seconds);
    } else if (minutes < 100) {
        snprintf(text, 32, "%.0f min", minutes);
    } else {
        snprintf(text, 32, "%.0f h %.0f min", floor(minutes / 60), floor(fmod(minutes, 60)));
    }
    return text;
}

/* What is about to happen; on standard error, before the work. Refuses what the disk has no room for. */
static lc_status say_plan(lc_network *network, const lc_manifest *m, const lc_extract_plan *plan, const char *output,
                          uint64_t *room)
{
    char shape[96], text[16];
    say_network(network);
    say_pictures(m);
    for (size_t i = 0; i < plan->layers; i++) {
        const lc_store_layer *l = &plan->layer[i];
        lc_log(LC_LOG_INFO, "%-9s %s, %s %s -> %zu", i ? "" : "layers", l->name, l->op, lc_map_text(shape, l->shape),
               l->dim);
    }
    lc_log(LC_LOG_INFO, "output    %s, %s bytes", output, lc_human(text, plan->bytes));
    return lc_extract_check_room(output, plan->bytes, room);
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
    if (r->bytes && r->packed_bytes) {
        lc_log(LC_LOG_INFO, "packed    %.1f MB -> %.1f MB", (double)r->bytes / 1e6, (double)r->packed_bytes / 1e6);
    }
    lc_log(LC_LOG_INFO, "time      %.1f s, %.1f pictures/s", r->seconds, rate);
    lc_log(LC_LOG_VERBOSE, "          decoding %.1f s, forward %.1f s (summed over threads), writing %.1f s", r->decode_seconds,
           r->forward_seconds, r->write_seconds);
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
    lc_json_set_real(result, "write_seconds", r->write_seconds);
    lc_json_set_int(result, "peak_bytes", (int64_t)lc_peak_memory());
}

/* The pictures, or the part of them that --shard names. */
static lc_status read_pictures(const char *source, const char *shard, lc_manifest **out)
{
    size_t part = 0, parts = 0;
    if (shard) {
        LC_TRY(lc_shard_parse(shard, &part, &parts));
    }
    LC_TRY(lc_manifest_read(out, source));
    return shard ? lc_shard_take(*out, part, parts) : LC_OK;
}

static lc_status parse_dtype(const char *word, bool *half)
{
    *half = word && strcmp(word, "f16") == 0;
    return !word || *half || strcmp(word, "f32") == 0 ? LC_OK : lc_fail(LC_ERR_ARG, "--dtype wants f32 or f16, not '%s'", word);
}

static lc_status parse_flush(const char *word, double *seconds)
{
    char *end = NULL;
    *seconds = word ? strtod(word, &end) : 0;
    return !word || (end != word && !*end && *seconds > 0 && *seconds <= 86400)
               ? LC_OK
               : lc_fail(LC_ERR_ARG, "--flush wants seconds, more than 0 and at most 86400, not '%s'", word);
}

typedef struct {
    lc_cli *cli;
    const extract_arguments *a;
    lc_setting settings[LC_CLI_MAX_PAIRS];
    lc_extract_options options;
    lc_network *network;
    lc_manifest *manifest;
    lc_extract_plan plan;
    uint64_t room; /* on the disk */
    lc_json *result;
} extraction;

/* --dry-run: the numbers of the plan, and those of a moment's work, as results. */
static lc_status dry_run(const extraction *x)
{
    char text[32], shape[96];
    lc_extract_cost cost;
    const lc_extract_plan *plan = &x->plan;
    LC_TRY(lc_extract_measure(x->network, x->manifest, &x->options, MEASURE_SECONDS, &cost));
    lc_cli_print(x->cli, "pictures  %zu\n", x->manifest->rows);
    for (size_t i = 0; i < plan->layers; i++) {
        const lc_store_layer *l = &plan->layer[i];
        lc_cli_print(x->cli, "%-9s %s, %s -> %zu\n", i ? "" : "layers", l->name, lc_map_text(shape, l->shape), l->dim);
    }
    lc_cli_print(x->cli, "disk      %s bytes in %s", lc_human(text, plan->bytes), x->a->output);
    lc_cli_print(x->cli, x->room == UINT64_MAX ? "\n" : "; %s are free\n", lc_human(text, x->room));
    lc_cli_print(x->cli, "memory    at most %s bytes, and pictures while they are decoded\n", lc_human(text, cost.memory));
    lc_cli_print(x->cli, "time      about %s (%zu pictures measured)\n", duration_text(text, cost.seconds), cost.pictures);
    lc_json_set(x->result, "model", lc_network_json(lc_network_describe(x->network)));
    lc_json_set_int(x->result, "rows", (int64_t)x->manifest->rows);
    lc_json_set_int(x->result, "bytes", (int64_t)plan->bytes);
    lc_json_set_int(x->result, "memory", (int64_t)cost.memory);
    lc_json_set_int(x->result, "measured", (int64_t)cost.pictures);
    lc_json_set_real(x->result, "seconds", cost.seconds);
    return lc_cli_write_json(x->cli, x->result);
}

/* Everything up to the first picture. */
static lc_status prepare(extraction *x)
{
    const extract_arguments *a = x->a;
    x->options = lc_picture_options(x->cli, &a->pictures, x->settings);
    x->options.layers = a->layers;
    x->options.pool = a->pool;
    x->options.refresh = a->refresh;
    x->options.pack = a->compress;
    LC_TRY(parse_dtype(a->dtype, &x->options.half));
    LC_TRY(parse_flush(a->flush, &x->options.flush_seconds));
    LC_TRY(lc_network_open_as(&x->network, x->cli->operands[0], a->pictures.arch));
    LC_TRY(read_pictures(x->cli->operands[1], a->shard, &x->manifest));
    LC_TRY(lc_extract_plan_new(x->network, x->manifest, &x->options, &x->plan));
    return say_plan(x->network, x->manifest, &x->plan, a->output, &x->room);
}

static lc_status report(const extraction *x, const lc_extract_report *r)
{
    lc_store *store;
    LC_TRY(lc_store_open(&store, x->a->output));
    print_summary(x->cli, x->a, r);
    lc_json_set(x->result, "model", lc_network_json(lc_network_describe(x->network)));
    report_json(x->result, x->a, store, r);
    lc_status st = say_failed(x->a->output, store, x->result);
    lc_store_free(store);
    LC_TRY(st);
    LC_TRY(lc_cli_write_json(x->cli, x->result));
    return lc_count_failed(x->cli, &x->a->pictures, r->failed, r->rows);
}

static lc_status work(extraction *x)
{
    lc_extract_report r;
    LC_TRY(prepare(x));
    if (x->a->dry_run) {
        return dry_run(x);
    }
    lc_status st = lc_extract(x->network, x->manifest, &x->options, x->a->output, x->cli->command_line, &r);
    if (st == LC_ERR_INTERRUPTED) {
        return lc_fail(st, "interrupted; %s keeps what is done, the same command goes on from there", x->a->output);
    }
    LC_TRY(st);
    return report(x, &r);
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    extraction x = {.cli = cli, .a = arguments, .result = lc_cli_json(cli)};
    lc_status st = work(&x);
    lc_json_free(x.result);
    lc_extract_plan_free(&x.plan);
    lc_manifest_free(x.manifest);
    lc_network_free(x.network);
    return st;
}

const lc_cli_command lc_command_extract = {
    .name = "extract",
    .group = "Features",
    .summary = "pictures -> activations of a network's layers, in a features file",
    .usage = "MODEL IMAGES -o F.h5 [--layers SEL] [--pool P] [options]",
    .description = "Runs a pretrained network over pictures and writes the activations of all chosen layers, one row per "
                   "picture, into an HDF5 file. IMAGES is a folder (class/picture, or train|val|test/class/picture, or "
                   "pictures), or a .csv or .tsv list with columns path,label,split ('-': from standard input). A run that was "
                   "interrupted or killed goes on with the same command.",
    .example = "layercut extract embedded pictures -o features.h5 --layers @block",
    .options = options,
    .arguments_size = sizeof(extract_arguments),
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
