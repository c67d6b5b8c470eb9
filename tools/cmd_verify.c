/* verify F.h5: whether a features file still is what it says. */
#include <stdlib.h>

#include "extractor/extractor.h"
#include "tools/cli.h"
#include "tools/inputs.h"

typedef struct {
    const char *model, *arch, *images, *sample;
    bool without_pictures;
} verify_arguments;

enum { DEFAULT_SAMPLE = 8, MOST_SAMPLED = 1000000 };

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(verify_arguments, sample, LC_CLI_STRING, "sample", 'n', "N",
                   "rows, chosen by --seed, to compute again (default: 8; 0: none, then no network is needed)")},
    {LC_CLI_OPTION(verify_arguments, model, LC_CLI_STRING, "model", 'm', "MODEL", "the network (default: where the file says it was)"),
     .file = LC_CLI_FILE_READ},
    LC_ARCH_OPTION(verify_arguments, arch),
    {LC_CLI_OPTION(verify_arguments, images, LC_CLI_STRING, "images", 'i', "FOLDER",
                   "where the pictures are now (default: where the file says)"),
     .file = LC_CLI_FILE_READ},
    {LC_CLI_OPTION(verify_arguments, without_pictures, LC_CLI_FLAG, "no-pictures", 0, NULL,
                   "look at the file only; pictures and network may be gone")},
    {0},
};

static lc_status parse_sample(const verify_arguments *a, size_t *out)
{
    char *end;
    *out = a->without_pictures ? 0 : DEFAULT_SAMPLE;
    if (!a->sample) {
        return LC_OK;
    }
    unsigned long n = strtoul(a->sample, &end, 10);
    if (a->sample[0] < '0' || a->sample[0] > '9' || *end || n > MOST_SAMPLED) {
        return lc_fail(LC_ERR_ARG, "--sample wants a number of rows, 0 to %d, not '%s'", MOST_SAMPLED, a->sample);
    }
    *out = (size_t)n;
    return LC_OK;
}

static void print_report(const lc_cli *cli, const verify_arguments *a, const lc_verify_report *r)
{
    lc_cli_print(cli, "rows      %zu: %zu ok, %zu failed, %zu pending\n", r->rows, r->ok, r->failed, r->pending);
    lc_cli_print(cli, "file      %zu damaged places\n", r->damaged);
    if (!a->without_pictures) {
        lc_cli_print(cli, "pictures  %zu changed, %zu unreadable\n", r->changed, r->unreadable);
    }
    if (r->sampled) {
        lc_cli_print(cli, "computed  %zu rows again: %zu equal bit for bit, %zu to 1e-5, %zu different\n", r->sampled, r->equal,
                     r->close, r->sampled - r->equal - r->close);
    }
}

static void report_json(lc_json *result, const char *file, const lc_verify_report *r)
{
    lc_json_set_string(result, "file", file);
    lc_json_set_int(result, "rows", (int64_t)r->rows);
    lc_json_set_int(result, "ok", (int64_t)r->ok);
    lc_json_set_int(result, "failed", (int64_t)r->failed);
    lc_json_set_int(result, "pending", (int64_t)r->pending);
    lc_json_set_int(result, "damaged", (int64_t)r->damaged);
    lc_json_set_int(result, "changed", (int64_t)r->changed);
    lc_json_set_int(result, "unreadable", (int64_t)r->unreadable);
    lc_json_set_int(result, "sampled", (int64_t)r->sampled);
    lc_json_set_int(result, "equal", (int64_t)r->equal);
    lc_json_set_int(result, "close", (int64_t)r->close);
    lc_json_set_int(result, "problems", (int64_t)r->problems);
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    const verify_arguments *a = arguments;
    lc_verify_report r;
    lc_verify_options o = {.model = a->model,
                           .arch = a->arch,
                           .root = a->images,
                           .seed = cli->seed,
                           .without_pictures = a->without_pictures,
                           .threads = cli->threads};
    LC_TRY(parse_sample(a, &o.sample));
    LC_TRY(lc_verify(cli->operands[0], &o, &r));
    print_report(cli, a, &r);
    lc_json *result = lc_cli_json(cli);
    report_json(result, cli->operands[0], &r);
    lc_status st = lc_cli_write_json(cli, result);
    lc_json_free(result);
    if (st == LC_OK && r.problems) {
        return lc_fail(LC_ERR_STALE, "%s: %zu problem%s", cli->operands[0], r.problems, r.problems == 1 ? "" : "s");
    }
    return st;
}

const lc_cli_command lc_command_verify = {
    .name = "verify",
    .group = "Look",
    .summary = "whether a features file still is what it says",
    .usage = "F.h5 [--sample N] [--no-pictures] [options]",
    .description = "Checks a features file: structure, links, completeness, that every number is finite, that every picture still has "
                   "the hash its row was computed from, and that a random sample of rows, computed again, has the same bits. Another "
                   "type of CPU may give other last bits; up to 1e-5 of a row's largest value is no problem. Any problem: exit 4.",
    .example = "layercut verify features.h5",
    .options = options,
    .arguments_size = sizeof(verify_arguments),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
