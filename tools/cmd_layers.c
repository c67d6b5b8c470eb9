/* layers MODEL: every place where a network can be cut, with what it costs to get there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/tensor.h"
#include "tools/cli.h"
#include "tools/inputs.h"

typedef struct {
    const char *layers, *arch;
} layers_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(layers_arguments, layers, LC_CLI_STRING, "layers", 'l', "SEL",
                   "only these: names, globs (layer3.*), @block @conv @relu, #12, all; comma-separated")},
    LC_ARCH_OPTION(layers_arguments, arch),
    {0},
};

enum { NAME_WIDTH = 20, OP_WIDTH = 14 };

/* A name that fits in `width`: its middle gives way, since both ends tell layers apart. */
static const char *shorten(char *text, size_t width, const char *name)
{
    size_t length = strlen(name);
    if (length <= width) {
        return name;
    }
    size_t head = (width - 2) / 2;
    snprintf(text, width + 1, "%.*s..%s", (int)head, name, name + length - (width - 2 - head));
    return text;
}

static void print_tap(const lc_cli *cli, size_t index, const lc_tap *tap)
{
    char name[NAME_WIDTH + 1], op[OP_WIDTH + 1], shape[96], flat[16], pooled[16], parameters[16], macs[16];
    size_t rank = tap->shape[1] * tap->shape[2] == 1 ? 1 : 3;
    lc_cli_print(cli, "%4zu %-*s %-*s %12s %5s %6s %6s %5s\n", index, NAME_WIDTH, shorten(name, NAME_WIDTH, tap->name),
                 OP_WIDTH, shorten(op, OP_WIDTH, tap->op), lc_shape_text(shape, rank, tap->shape),
                 lc_human(flat, tap->flat), lc_human(pooled, tap->pooled), lc_human(parameters, tap->parameters),
                 lc_human(macs, tap->macs));
}

static lc_json *tap_json(size_t index, const lc_tap *tap)
{
    lc_json *object = lc_json_object();
    size_t aliases = 0;
    while (aliases < LC_TAP_MAX_ALIASES && tap->aliases[aliases]) {
        aliases++;
    }
    lc_json_set_int(object, "index", (int64_t)index);
    lc_json_set_string(object, "name", tap->name);
    lc_json_set(object, "aliases", lc_strings_json(tap->aliases, aliases));
    lc_json_set_string(object, "op", tap->op);
    lc_json_set(object, "shape", lc_shape_json(tap->shape));
    lc_json_set_int(object, "flat", (int64_t)tap->flat);
    lc_json_set_int(object, "pooled", (int64_t)tap->pooled);
    lc_json_set_int(object, "parameters", (int64_t)tap->parameters);
    lc_json_set_int(object, "macs", (int64_t)tap->macs);
    return object;
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    const layers_arguments *a = arguments;
    lc_network *network = NULL;
    size_t *taps = NULL, count;
    lc_json *result = lc_cli_json(cli);
    lc_status st = lc_network_open_as(&network, cli->operands[0], a->arch);
    if (st != LC_OK) {
        goto done;
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
    lc_cli_print(cli, "%s (%s), input %s\n\n%4s %-*s %-*s %12s %5s %6s %6s %5s\n", info->name, lc_network_kind(kind, info),
                 lc_shape_text(shape, 3, info->input), "#", NAME_WIDTH, "name", OP_WIDTH, "op", "CxHxW", "flat", "pooled",
                 "params", "macs");
    for (size_t i = 0; i < count; i++) {
        const lc_tap *tap = lc_network_tap(network, taps[i]);
        print_tap(cli, taps[i], tap);
        lc_json_add(rows, tap_json(taps[i], tap));
    }
    lc_cli_print(cli, "\n%zu of %zu taps; whole network: %s parameters, %s multiply-adds per picture\n", count,
                 info->tap_count, lc_human(parameters, info->parameters), lc_human(macs, info->macs));
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
    .description = "Lists every tap of a network: its number, name, operator, shape, length of a feature row flat and "
                   "average-pooled, and the parameters and multiply-adds needed up to there. MODEL is a file or a known "
                   "name such as 'embedded'; --json has the aliases and the names in full.",
    .example = "layercut layers embedded --layers @block",
    .options = options,
    .arguments_size = sizeof(layers_arguments),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
