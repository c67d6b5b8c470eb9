/* run MODEL IMAGES -o DIR: extract, sweep, train at the chosen cut, evaluate; all results in one folder. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "tools/cli.h"
#include "tools/inputs.h"
#include "tools/sweeps.h"

typedef struct {
    const char *output, *layers, *pool;
    lc_sweep_arguments sweep;
    lc_picture_arguments pictures;
} run_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(run_arguments, output, LC_CLI_STRING, "output", 'o', "DIR",
                   "folder for features.h5 classifier.h5 sweep.json sweep.svg report.txt"),
     .file = LC_CLI_FILE_WRITTEN, .required = true},
    {LC_CLI_OPTION(run_arguments, layers, LC_CLI_STRING, "layers", 'l', "SEL",
                   "taps to choose among (default: @block,penultimate,logits, or @relu in place of @block in a network "
                   "without blocks)")},
    {LC_CLI_OPTION(run_arguments, pool, LC_CLI_STRING, "pool", 'p', "P", "avg (default), max, avgmax, grid:K or flat"),
     .words = LC_POOL_WORDS},
    LC_SWEEP_OPTIONS(run_arguments, sweep),
    LC_PICTURE_OPTIONS(run_arguments, pictures),
    {0},
};

/* What is made on the way; all but the network are files of the folder. */
typedef struct {
    lc_cli *cli;
    const run_arguments *a;
    char *features, *classifier, *json, *plot, *report, *floor;
    lc_sweep_job job;
    lc_json *result;
} pipeline;

static void pipeline_free(pipeline *p)
{
    char *const texts[] = {p->features, p->classifier, p->json, p->plot, p->report, p->floor};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(texts[i]);
    }
    lc_sweep_job_free(&p->job);
    lc_json_free(p->result);
}

static lc_status name_files(pipeline *p)
{
    const char *dir = p->a->output;
    if (mkdir(dir, 0777) != 0 && errno != EEXIST) {
        return lc_fail_errno("%s", dir);
    }
    LC_TRY(lc_sprintf(&p->features, "%s/features.h5", dir));
    LC_TRY(lc_sprintf(&p->classifier, "%s/classifier.h5", dir));
    LC_TRY(lc_sprintf(&p->json, "%s/sweep.json", dir));
    LC_TRY(lc_sprintf(&p->plot, "%s/sweep.svg", dir));
    return lc_sprintf(&p->report, "%s/report.txt", dir);
}

/* Where a network is cut when nobody says: at its blocks, or else behind its activations; and at its end. */
static lc_status default_layers(const lc_network *network, const char **out)
{
    static const char *const selectors[] = {"@block,penultimate,logits", "@relu,penultimate,logits", "all"};
    size_t *taps, count;
    lc_status st = LC_ERR_NOTFOUND;
    for (size_t i = 0; i < sizeof selectors / sizeof selectors[0] && st == LC_ERR_NOTFOUND; i++) {
        *out = selectors[i];
        st = lc_network_select(network, selectors[i], &taps, &count);
        if (st == LC_OK) {
            free(taps);
        }
    }
    return st;
}

static lc_status extract(pipeline *p)
{
    lc_cli *cli = p->cli;
    lc_network *network = NULL;
    lc_manifest *manifest = NULL;
    lc_extract_report report;
    lc_setting settings[LC_CLI_MAX_PAIRS];
    lc_extract_options o = lc_picture_options(cli, &p->a->pictures, settings);
    o.layers = p->a->layers;
    o.pool = p->a->pool;
    lc_status st = lc_network_open_as(&network, cli->operands[0], p->a->pictures.arch);
    if (st == LC_OK && !o.layers) {
        st = default_layers(network, &o.layers);
    }
    if (st == LC_OK) {
        st = lc_manifest_read(&manifest, cli->operands[1]);
    }
    if (st == LC_OK) {
        st = lc_extract(network, manifest, &o, p->features, cli->command_line, &report);
    }
    if (st == LC_ERR_INTERRUPTED) {
        st = lc_fail(st, "interrupted; %s keeps what is done, the same command goes on from there", p->features);
    }
    if (st == LC_OK) {
        lc_cli_print(cli, "%s on %s\npictures: %zu, %zu failed\n", lc_network_describe(network)->name, cli->operands[1], report.rows,
                     report.failed);
        lc_log(LC_LOG_INFO, "time: %.1f s for %zu pictures, %zu were there", report.seconds, report.computed, report.kept);
        lc_json_set(p->result, "model", lc_network_json(lc_network_describe(network)));
        lc_json_set_real(p->result, "extract_seconds", report.seconds);
        st = lc_count_failed(cli, &p->a->pictures, report.failed, report.rows);
    }
    lc_manifest_free(manifest);
    lc_network_free(network);
    return st;
}

static lc_status sweep(pipeline *p)
{
    lc_sweep_arguments a = p->a->sweep;
    const char *stores[] = {p->features};
    a.plot = p->plot;
    if (a.random_baseline) {
        LC_TRY(lc_extract_floor(p->cli, p->features, &p->floor));
    }
    return lc_sweep_job_run(&p->job, p->cli, &a, stores, 1, NULL, 0, p->floor, true, p->result);
}

/* Where predict will find the network again. */
static lc_status keep_model_path(const pipeline *p, lc_classifier *classifier)
{
    lc_store *store;
    LC_TRY(lc_store_open(&store, p->features));
    lc_status st = lc_classifier_set_model_path(classifier, lc_store_attribute(store, "model_path"));
    lc_store_free(store);
    return st;
}

/* The metrics on the split that was held back. */
static lc_status evaluate(pipeline *p, const lc_classifier *classifier)
{
    lc_judgement j;
    char *text = NULL;
    lc_status st = lc_judge(&j, p->cli, classifier, p->features, LC_ROWS_JUDGE);
    if (st == LC_OK) {
        st = lc_metrics_text(j.metrics, &text);
    }
    if (st == LC_OK) {
        lc_cli_print(p->cli, "\n%s", text);
        lc_json_set(p->result, "metrics", lc_metrics_json(j.metrics));
    }
    free(text);
    lc_judgement_free(&j);
    return st;
}

/* What the sweep judged, kept: the same rows, options and therefore the same bytes. */
static lc_status train(pipeline *p)
{
    const lc_sweep *s = p->job.sweep;
    const char *layer = s->rows[s->chosen].layer;
    lc_dataset *d = NULL;
    lc_classifier *classifier = NULL;
    lc_train_report report;
    lc_status st = lc_dataset_read(&d, p->features, &layer, 1, LC_ROWS_TRAIN);
    if (st == LC_OK) {
        st = lc_classifier_train(&classifier, d, &p->job.options.train, &report);
    }
    if (st == LC_OK) {
        lc_train_report_free(&report);
        st = keep_model_path(p, classifier);
    }
    if (st == LC_OK) {
        st = lc_classifier_save(classifier, p->classifier, p->cli->command_line);
    }
    if (st == LC_OK && s->split) {
        st = evaluate(p, classifier);
    }
    lc_classifier_free(classifier);
    lc_dataset_free(d);
    return st;
}

static lc_status work(pipeline *p)
{
    LC_TRY(name_files(p));
    LC_TRY(extract(p));
    LC_TRY(sweep(p));
    LC_TRY(train(p));
    return lc_cli_write_json(p->cli, p->result);
}

static lc_status write_json(const char *path, const lc_json *value)
{
    char *text = NULL, *line = NULL;
    lc_status st = lc_json_text(value, 2, &text);
    if (st == LC_OK) {
        st = lc_sprintf(&line, "%s\n", text);
    }
    if (st == LC_OK) {
        st = lc_write_file(path, line, strlen(line));
    }
    free(line);
    free(text);
    return st;
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    pipeline p = {.cli = cli, .a = arguments, .result = lc_cli_json(cli)};
    double start = lc_clock();
    lc_text copy;
    lc_status st = lc_text_open(&copy);
    if (st != LC_OK) {
        goto done;
    }
    cli->copy = copy.stream;
    st = work(&p);
    cli->copy = NULL;
    lc_status closed = lc_text_close(&copy);
    if (st == LC_OK && (st = closed) == LC_OK && (st = write_json(p.json, p.result)) == LC_OK) {
        st = lc_write_file(p.report, copy.text, copy.size);
    }
    free(copy.text);
    if (st == LC_OK) {
        lc_cli_print(cli, "\nwrote %s/: features.h5 classifier.h5 sweep.json sweep.svg report.txt\n", p.a->output);
        lc_log(LC_LOG_INFO, "time: %.1f s in all", lc_clock() - start);
    }
done:
    pipeline_free(&p);
    return st;
}

const lc_cli_command lc_command_run = {
    .name = "run",
    .group = "All of it",
    .summary = "pictures -> the best cut and its classifier, in one command",
    .usage = "MODEL IMAGES -o DIR [options]",
    .description = "Extracts all block outputs of a network, sweeps over them, trains at the chosen cut and evaluates on split "
                   "test, else val. DIR gets the features, the classifier, and the sweep as JSON, picture and text. The same "
                   "command goes on with features that an interrupted one left.",
    .example = "layercut run embedded pictures -o out",
    .options = options,
    .arguments_size = sizeof(run_arguments),
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
