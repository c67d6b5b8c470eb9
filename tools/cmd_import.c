/* import SET -o FOLDER, import LIST... -o LIST.csv: picture sets as others publish them -> what extract reads. */
#include <stdint.h>

#include "common/log.h"
#include "extractor/extractor.h"
#include "tools/cli.h"

typedef struct {
    const char *output, *classes, *split, *pictures;
    size_t per_class;
} import_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(import_arguments, output, LC_CLI_STRING, "output", 'o', "OUT", "new folder, or .csv for lists"),
     .file = LC_CLI_FILE_WRITTEN, .required = true},
    {LC_CLI_OPTION(import_arguments, classes, LC_CLI_STRING, "classes", 0, "FILE",
                   "names of the classes, one per line, in the order of the labels (default: CIFAR's own, else numbers)"),
     .file = LC_CLI_FILE_READ},
    {LC_CLI_OPTION(import_arguments, split, LC_CLI_STRING, "split", 's', "S",
                   "train, val, test or none (default: by the names of the files)")},
    {LC_CLI_OPTION(import_arguments, pictures, LC_CLI_STRING, "pictures", 0, "FOLDER",
                   "where the paths of a list begin (default: the list's folder)"),
     .file = LC_CLI_FILE_READ},
    {LC_CLI_OPTION(import_arguments, per_class, LC_CLI_SIZE, "per-class", 0, "N",
                   "only the first N pictures of each class and split")},
    {0},
};

static lc_status run(lc_cli *cli, const void *arguments)
{
    const import_arguments *a = arguments;
    const lc_import_options o = {.classes = a->classes, .split = a->split, .pictures = a->pictures, .per_class = a->per_class};
    lc_import_report r;
    LC_TRY(lc_import(cli->operands, cli->operand_count, a->output, &o, &r));
    if (r.missing) {
        lc_log(LC_LOG_WARNING, "%zu pictures are not where the list says; --pictures FOLDER says where they begin", r.missing);
    }
    lc_json *result = lc_cli_json(cli), *splits = lc_json_object();
    lc_cli_print(cli, "format    %s\n", r.format);
    if (r.width) {
        lc_cli_print(cli, "size      %zu x %zu\n", r.width, r.height);
    }
    lc_cli_print(cli, "classes   %zu\npictures  ", r.classes);
    const char *comma = "";
    for (unsigned s = 0; s < LC_SPLIT_COUNT; s++) {
        if (r.pictures[s]) {
            lc_cli_print(cli, "%s%s %zu", comma, s ? lc_split_name(s) : "no split", r.pictures[s]);
            comma = ", ";
        }
        lc_json_set_int(splits, lc_split_name(s), (int64_t)r.pictures[s]);
    }
    lc_cli_print(cli, "\nwrote     %s\n", a->output);
    lc_json_set_string(result, "format", r.format);
    lc_json_set_string(result, "output", a->output);
    lc_json_set_int(result, "classes", (int64_t)r.classes);
    lc_json_set_int(result, "missing", (int64_t)r.missing);
    lc_json_set(result, "pictures", splits);
    lc_status st = lc_cli_write_json(cli, result);
    lc_json_free(result);
    return st;
}

const lc_cli_command lc_command_import = {
    .name = "import",
    .group = "Features",
    .summary = "MNIST, CIFAR or ImageNet's lists -> what extract reads",
    .usage = "FOLDER -o NEW_FOLDER [options]\n"
             "LIST... -o LIST.csv [--pictures FOLDER] [--classes FILE]",
    .description = "A folder of MNIST's idx files (or of a set in its form, also .gz) or of CIFAR's binary version becomes a folder "
                   "split/class/picture. Lists with lines such as 'n01440764/x.JPEG 0', or the ground truth of ImageNet's "
                   "development kit (a number per line, from 1), become one list that extract and run take in place of a folder.",
    .example = "layercut import mnist -o digits --per-class 100",
    .options = options,
    .arguments_size = sizeof(import_arguments),
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .run = run,
};
