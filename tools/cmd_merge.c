/* merge PART.h5... -o F.h5: joins the parts that `extract --shard I/N` wrote. */
#include <stdint.h>

#include "common/store_merge.h"
#include "tools/cli.h"
#include "tools/inputs.h"

typedef struct {
    const char *output;
    bool as_links;
} merge_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(merge_arguments, output, LC_CLI_STRING, "output", 'o', "F.h5", "features file to make"),
     .file = LC_CLI_STORE_WRITTEN, .required = true},
    {LC_CLI_OPTION(merge_arguments, as_links, LC_CLI_FLAG, "virtual", 0, NULL,
                   "copy nothing: the rows stay in the parts, which must stay where they are")},
    {0},
};

static lc_status run(lc_cli *cli, const void *arguments)
{
    const merge_arguments *a = arguments;
    lc_store_merge_report r;
    LC_TRY(lc_store_merge(cli->operands, cli->operand_count, a->output, a->as_links, cli->command_line, &r));
    lc_cli_print(cli, "parts     %zu\npictures  %zu, %zu failed\nlayers    %zu\nwrote     %s\n", r.parts, r.rows, r.failed, r.layers,
                 a->output);
    lc_json *result = lc_cli_json(cli);
    lc_json_set_string(result, "output", a->output);
    lc_json_set_bool(result, "virtual", a->as_links);
    lc_json_set_int(result, "parts", (int64_t)r.parts);
    lc_json_set_int(result, "rows", (int64_t)r.rows);
    lc_json_set_int(result, "failed", (int64_t)r.failed);
    lc_json_set_int(result, "layers", (int64_t)r.layers);
    lc_status st = lc_cli_write_json(cli, result);
    lc_json_free(result);
    return st;
}

const lc_cli_command lc_command_merge = {
    .name = "merge",
    .group = "Features",
    .summary = "the parts that 'extract --shard' wrote -> one features file",
    .usage = "PART.h5... -o F.h5 [--virtual] [options]",
    .description = "Joins parts, in any order, into the file that one run over all pictures would have written. A part that is "
                   "missing, there twice, unfinished or of another job is refused by name. With --virtual the new file is small "
                   "and refers to the parts: HDF5's virtual datasets, which h5py and MATLAB read like any other.",
    .example = "layercut extract embedded pictures -o part1.h5 --shard 1/2\n"
               "  layercut extract embedded pictures -o part2.h5 --shard 2/2\n"
               "  layercut merge part1.h5 part2.h5 -o merged.h5",
    .options = options,
    .arguments_size = sizeof(merge_arguments),
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .run = run,
};
