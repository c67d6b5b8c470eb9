/* layers MODEL: every place where a network can be cut, with what it costs to get there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/tensor.h"
#include "tools/cli.h"
#include "tools/inputs.h"
#include "tools/table.h"

typedef struct {
    const char *layers, *input, *arch;
    bool aliases;
} layers_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(layers_arguments, layers, LC_CLI_STRING, "layers", 'l', "SEL",
                   "only these: names, globs (layer3.*), @block @conv @relu, #12, all; comma-separated")},
    {LC_CLI_OPTION(layers_arguments, aliases, LC_CLI_FLAG, "aliases", 'a', NULL,
                   "in place of the table, all names that each tap answers to")},
    {LC_CLI_OPTION(layers_arguments, input, LC_CLI_STRING, "input", 0, "SIZE",
                   "for pictures of another size, where the network allows: 224, 224x320 or 3x224x320")},
    LC_ARCH_OPTION(layers_arguments, arch),
    {0},
};

static size_t alias_count(const lc_tap *tap)
{
    size_t n = 0;
    while (n < LC_TAP_MAX_ALIASES && tap->aliases[n]) {
        n++;
    }
    return n;
}

/* Of rows of `numbers` float32 for a thousand pictures. */
static uint64_t bytes_per_1000(uint64_t numbers)
{
    return numbers * sizeof(float) * 1000;
}

static double megabytes(uint64_t bytes)
{
    return (double)bytes / 1e6;
}

/* Three digits or more, never an exponent. */
static int decimals(double value)
{
    return value >= 100 ? 0 : value >= 10 ? 1 : 2;
}

static lc_status print_taps(const lc_cli *cli, const lc_network *network, const size_t *taps, size_t count)
{
    static const char *const titles[] = {">#", "<name", "<op", ">CxHxW", ">flat", "?MB/1k", ">pooled", ">params", ">macs"};
    lc_text cells;
    LC_TRY(lc_text_open(&cells));
    for (size_t i = 0; i < count; i++) {
        const lc_tap *tap = lc_network_tap(network, taps[i]);
        char shape[96], number[16];
        lc_table_cell(&cells, "%zu", taps[i]);
        lc_table_cell(&cells, "%s", tap->name);
        lc_table_cell(&cells, "%s", tap->op);
        lc_table_cell(&cells, "%s", lc_map_text(shape, tap->shape));
        lc_table_cell(&cells, "%s", lc_human(number, tap->flat));
        double size = megabytes(bytes_per_1000(tap->flat));
        lc_table_cell(&cells, "%.*f", decimals(size), size);
        lc_table_cell(&cells, "%s", lc_human(number, tap->pooled));
        lc_table_cell(&cells, "%s", lc_human(number, tap->parameters));
        lc_table_cell(&cells, "%s", lc_human(number, tap->macs));
    }
    return lc_table_print(cli, titles, sizeof titles / sizeof titles[0], &cells);
}

/* A paragraph per tap: its name, then all others it answers to. */
static lc_status print_aliases(const lc_cli *cli, const lc_network *network, const size_t *taps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const lc_tap *tap = lc_network_tap(network, taps[i]);
        lc_text line;
        LC_TRY(lc_text_open(&line));
        fprintf(line.stream, "%s", tap->name);
        for (size_t a = 0; a < alias_count(tap); a++) {
            fprintf(line.stream, "%s %s", a ? "," : " =", tap->aliases[a]);
        }
        LC_TRY(lc_text_close(&line));
        lc_cli_print_wrapped(cli, line.text, 0, 4);
        free(line.text);
    }
    return LC_OK;
}

static lc_json *bytes_json(uint64_t flat, uint64_t pooled)
{
    lc_json *object = lc_json_object();
    lc_json_set_int(object, "flat", (int64_t)bytes_per_1000(flat));
    lc_json_set_int(object, "pooled", (int64_t)bytes_per_1000(pooled));
    return object;
}

static lc_json *tap_json(size_t index, const lc_tap *tap)
{
    lc_json *object = lc_json_object();
    lc_json_set_int(object, "index", (int64_t)index);
    lc_json_set_string(object, "name", tap->name);
    lc_json_set(object, "aliases", lc_strings_json(tap->aliases, alias_count(tap)));
    lc_json_set_string(object, "op", tap->op);
    lc_json_set(object, "shape", lc_shape_json(tap->shape));
    lc_json_set_int(object, "flat", (int64_t)tap->flat);
    lc_json_set_int(object, "pooled", (int64_t)tap->pooled);
    lc_json_set(object, "bytes_per_1000", bytes_json(tap->flat, tap->pooled));
    lc_json_set_int(object, "parameters", (int64_t)tap->parameters);
    lc_json_set_int(object, "macs", (int64_t)tap->macs);
    return object;
}

/* Gives the network another input, "224" or "3x224x320"; squashed, since a crop must fit into the resized picture. */
static lc_status resize(lc_network *network, const char *input)
{
    const lc_setting settings[] = {{"input", input}, {"crop_mode", "squash"}};
    const lc_extract_options how = {.settings = settings, .setting_count = 2};
    char *recipe = NULL;
    lc_status st = lc_extract_recipe(network, &how, &recipe);
    free(recipe);
    return st;
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    const layers_arguments *a = arguments;
    lc_network *network = NULL;
    size_t *taps = NULL, count;
    uint64_t flat = 0, pooled = 0;
    lc_json *result = lc_cli_json(cli);
    lc_status st = lc_network_open_as(&network, cli->operands[0], a->arch);
    if (st != LC_OK) {
        goto done;
    }
    if (a->input) {
        st = resize(network, a->input);
        if (st != LC_OK) {
            goto done;
        }
    }
    st = lc_network_select(network, a->layers ? a->layers : "all", &taps, &count);
    if (st != LC_OK) {
        goto done;
    }
    const lc_network_info *info = lc_network_describe(network);
    char shape[96], kind[96], parameters[16], macs[16];
    lc_json *rows = lc_json_array();
    lc_json_set(result, "model", lc_network_json(info));
    lc_json_set(result, "taps", rows);
    lc_cli_print(cli, "%s (%s), input %s\n\n", info->name, lc_network_kind(kind, info),
                 lc_shape_text(shape, 3, info->input));
    for (size_t i = 0; i < count; i++) {
        const lc_tap *tap = lc_network_tap(network, taps[i]);
        lc_json_add(rows, tap_json(taps[i], tap));
        flat += tap->flat;
        pooled += tap->pooled;
    }
    lc_json_set(result, "bytes_per_1000", bytes_json(flat, pooled));
    st = a->aliases ? print_aliases(cli, network, taps, count) : print_taps(cli, network, taps, count);
    if (st != LC_OK) {
        goto done;
    }
    lc_cli_print(cli, "\n%zu of %zu taps; whole network: %s parameters, %s multiply-adds\n", count, info->tap_count,
                 lc_human(parameters, info->parameters), lc_human(macs, info->macs));
    double large = megabytes(bytes_per_1000(flat)), small = megabytes(bytes_per_1000(pooled));
    lc_cli_print(cli, "features of 1000 pictures: %.*f MB flat, %.*f MB pooled\n", decimals(large), large, decimals(small),
                 small);
    if (info->note) {
        lc_cli_print(cli, "note: ");
        lc_cli_print_wrapped(cli, info->note, 6, 6);
    }
    st = lc_cli_write_json(cli, result);
done:
    lc_json_free(result);
    free(taps);
    lc_network_free(network);
    return st;
}

const lc_cli_command lc_command_layers = {
    .name = "layers",
    .group = "Look",
    .summary = "the layers of a network, where it can be cut",
    .usage = "MODEL [options]",
    .description =
        "Lists every tap of a network: its number, name, operator, shape, and the parameters and multiply-adds "
        "(macs) of a picture up to there. A feature row has as many numbers as 'pooled' says (averaged over the map, as by "
        "default), or 'flat'; MB/1k, left out where names are long, is the size of 1000 flat rows. --aliases shows the "
        "other names of each. MODEL is a file or a known name such as 'embedded'.",
    .example = "layercut layers embedded --layers @block",
    .options = options,
    .arguments_size = sizeof(layers_arguments),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
