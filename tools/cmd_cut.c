/* cut MODEL --at LAYER -o SMALL.onnx: the network up to a layer as a file of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/cli.h"
#include "tools/inputs.h"

typedef struct {
    const char *output, *at, *arch;
    lc_cli_pairs settings;
} cut_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(cut_arguments, output, LC_CLI_STRING, "output", 'o', "SMALL.onnx", "file to write, .onnx or .safetensors"),
     .file = LC_CLI_FILE_WRITTEN, .required = true},
    {LC_CLI_OPTION(cut_arguments, at, LC_CLI_STRING, "at", 0, "LAYER",
                   "last layer that is kept, or several: names as `layers` lists them (default: penultimate)")},
    LC_ARCH_OPTION(cut_arguments, arch),
    LC_SETTING_OPTIONS(cut_arguments, settings),
    {0},
};

static lc_status size_of(const char *path, uint64_t *bytes)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return lc_fail_errno("%s", path);
    }
    *bytes = (uint64_t)st.st_size;
    return LC_OK;
}

/* What is left of the network, and what that costs. */
static lc_status report(lc_cli *cli, const lc_network *whole, const char *path, lc_json *result)
{
    lc_network *part;
    uint64_t before = 0, after = 0;
    char parameters[2][16], macs[2][16], bytes[2][16];
    LC_TRY(lc_network_open(&part, path));
    const lc_network_info *of = lc_network_describe(whole), *is = lc_network_describe(part);
    lc_status st = size_of(path, &after);
    if (st == LC_OK && strcmp(of->format, "embedded") != 0) {
        st = size_of(of->path, &before);
    }
    if (st == LC_OK) {
        lc_cli_print(cli, "%s cut at %s: %s of %s parameters, %s of %s multiply-adds\n", of->name, is->layers,
                     lc_human(parameters[0], is->parameters), lc_human(parameters[1], of->parameters),
                     lc_human(macs[0], is->macs), lc_human(macs[1], of->macs));
        lc_cli_print(cli, before ? "wrote %s, %s bytes of %s\n" : "wrote %s, %s bytes\n", path, lc_human(bytes[0], after),
                     lc_human(bytes[1], before));
        lc_json_set(result, "model", lc_network_json(of));
        lc_json_set(result, "cut", lc_network_json(is));
        lc_json_set_string(result, "output", path);
        lc_json_set_string(result, "layers", is->layers);
        lc_json_set_int(result, "bytes", (int64_t)after);
        st = lc_cli_write_json(cli, result);
    }
    lc_network_free(part);
    return st;
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    const cut_arguments *a = arguments;
    lc_network *network;
    lc_setting settings[LC_CLI_MAX_PAIRS];
    for (size_t i = 0; i < a->settings.count; i++) {
        settings[i] = (lc_setting){a->settings.items[i].key, a->settings.items[i].value};
    }
    const lc_write_options how = {
        .layers = a->at ? a->at : "penultimate", .settings = settings, .setting_count = a->settings.count};
    LC_TRY(lc_network_open_as(&network, cli->operands[0], a->arch));
    lc_json *result = lc_cli_json(cli);
    lc_status st = lc_network_write(network, a->output, &how);
    if (st == LC_OK) {
        st = report(cli, network, a->output, result);
    }
    lc_json_free(result);
    lc_network_free(network);
    return st;
}

const lc_cli_command lc_command_cut = {
    .name = "cut",
    .group = "Look",
    .summary = "the network up to a layer, as a file of its own",
    .usage = "MODEL --at LAYER -o SMALL.onnx|SMALL.safetensors [options]",
    .description =
        "Writes what the layer needs and nothing behind it, together with the preprocessing: `extract SMALL.onnx` gives the "
        "features that `extract MODEL --layers LAYER` gives, and other programs find a plain ONNX file. safetensors is for "
        "networks whose architecture is known (state dicts). The new file has a hash of its own, which recipes name.",
    .example = "layercut cut embedded --at layer2 -o layer2.onnx",
    .options = options,
    .arguments_size = sizeof(cut_arguments),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
