/* sweep F.h5...: the same classifier on every stored layer, and which one to cut at. */
#include <stdlib.h>

#include "tools/cli.h"
#include "tools/inputs.h"
#include "tools/sweeps.h"

typedef struct {
    const char *layers;
    bool timed;
    lc_sweep_arguments sweep;
} sweep_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(sweep_arguments, layers, LC_CLI_STRING, "layer", 'l', "L[,L2]", "only these layers (default: all)")},
    {LC_CLI_OPTION(sweep_arguments, timed, LC_CLI_FLAG, "time", 't', NULL,
                   "measure the network: milliseconds per picture up to each layer")},
    {LC_CLI_OPTION(sweep_arguments, sweep.plot, LC_CLI_STRING, "plot", 'p', "FILE",
                   "draw it, as .svg or .png, by gnuplot; with --cka also FILE.cka.svg"),
     .file = LC_CLI_FILE_WRITTEN},
    LC_SWEEP_OPTIONS(sweep_arguments, sweep),
    {0},
};

static lc_status run(lc_cli *cli, const void *arguments)
{
    const sweep_arguments *a = arguments;
    lc_words layers = {0};
    lc_sweep_job job = {0};
    char *floor = NULL;
    lc_json *result = lc_cli_json(cli);
    bool timed = a->timed || (a->sweep.rule && a->sweep.rule[0] == 'c');
    lc_status st = a->layers ? lc_words_split(&layers, a->layers, ',') : LC_OK;
    if (st == LC_OK && a->sweep.random_baseline && cli->operand_count > 1) {
        st = lc_fail(LC_ERR_ARG, "--random-baseline is a floor under one network; give one features file");
    }
    if (st == LC_OK && a->sweep.random_baseline) {
        st = lc_extract_floor(cli, cli->operands[0], &floor);
    }
    if (st == LC_OK) {
        st = lc_sweep_job_run(&job, cli, &a->sweep, cli->operands, cli->operand_count, layers.items, layers.count, floor, timed,
                              result);
    }
    if (st == LC_OK) {
        st = lc_cli_write_json(cli, result);
    }
    lc_sweep_job_free(&job);
    lc_words_free(&layers);
    lc_json_free(result);
    free(floor);
    return st;
}

const lc_cli_command lc_command_sweep = {
    .name = "sweep",
    .group = "Classify",
    .summary = "the same classifier on every layer: which one to cut at",
    .usage = "F.h5... [--rule R] [--time] [--plot FILE] [options]",
    .description =
        "Judges every layer of features files by cross-validation on split train, with its cost: numbers per picture (dims), "
        "multiply-adds (macs), milliseconds (ms) and megabytes of weights (MB) up to there. The cheapest layer that is not "
        "distinguishably worse than the best is chosen; then split test, else val, is opened. Several files: the same "
        "pictures by several networks.",
    .example = "layercut sweep features.h5 --time --plot sweep.svg",
    .options = options,
    .arguments_size = sizeof(sweep_arguments),
    .min_operands = 1,
    .max_operands = 16,
    .run = run,
};
