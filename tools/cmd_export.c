/* export FILE -o PREFIX: features and classifiers in the formats of other programs. */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "tools/cli.h"
#include "tools/inputs.h"

typedef struct {
    const char *format, *output, *layer, *split, *with;
} export_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(export_arguments, format, LC_CLI_STRING, "format", 0, "F",
                   "libsvm, csv or npy; of a classifier: libsvm, or npy (weights of a linear one)"),
     .required = true,
     .words = "libsvm csv npy"},
    {LC_CLI_OPTION(export_arguments, output, LC_CLI_STRING, "output", 'o', "PREFIX",
                   "beginning of the names of the files to write"),
     .file = LC_CLI_FILE_WRITTEN, .required = true},
    {LC_CLI_OPTION(export_arguments, layer, LC_CLI_STRING, "layer", 'l', "L[,L2]",
                   "layers of the features file, side by side (default: the deepest)")},
    {LC_CLI_OPTION(export_arguments, split, LC_CLI_STRING, "split", 's', "S",
                   "rows: train, val, test or all (default); libsvm leaves out those without a label"),
     .words = LC_SPLIT_WORDS},
    {LC_CLI_OPTION(export_arguments, with, LC_CLI_STRING, "with", 0, "F.h5",
                   "of a classifier: also write these features, scaled as svm-predict needs them"),
     .file = LC_CLI_FILE_READ},
    {0},
};

static lc_status export_classifier(const lc_cli *cli, const export_arguments *a, lc_json *result)
{
    lc_classifier *classifier = NULL;
    lc_dataset *data = NULL;
    lc_rows rows;
    LC_TRY(lc_rows_parse(a->split, LC_ROWS_ALL, &rows));
    lc_status st = lc_classifier_open(&classifier, cli->operands[0]);
    if (st != LC_OK) {
        goto done;
    }
    if (strcmp(a->format, "npy") == 0 && !a->with) {
        st = lc_classifier_export_npy(classifier, a->output);
        if (st == LC_OK) {
            lc_cli_print(cli, "wrote %s.weights.npy and %s.bias.npy, classes in the order of %s.classes.txt\n", a->output,
                         a->output, a->output);
        }
        goto done;
    }
    if (strcmp(a->format, "libsvm") != 0) {
        st = lc_fail(LC_ERR_ARG, "a classifier is exported as libsvm, or as npy without --with; not as '%s'", a->format);
        goto done;
    }
    if (a->with) {
        st = lc_read_rows_for(classifier, a->with, rows, &data);
        if (st != LC_OK) {
            goto done;
        }
    }
    st = lc_classifier_export_libsvm(classifier, data, a->output);
    if (st != LC_OK) {
        goto done;
    }
    lc_cli_print(cli, "wrote %s.model\nwrote %s.classes.txt: names of its %zu classes\n", a->output, a->output,
                 lc_classifier_describe(classifier)->classes);
    if (data) {
        lc_cli_print(cli, "wrote %s.%s.libsvm: %zu rows of %zu\n", a->output, data->split_name, data->rows, data->dim);
        lc_json_set_int(result, "rows", (int64_t)data->rows);
    }
done:
    lc_dataset_free(data);
    lc_classifier_free(classifier);
    return st;
}

static lc_status export_store(const lc_cli *cli, const export_arguments *a, lc_json *result)
{
    lc_dataset *data = NULL;
    lc_words layers = {0};
    char *path = NULL;
    lc_rows rows;
    LC_TRY(lc_rows_parse(a->split, LC_ROWS_ALL, &rows));
    lc_status st = a->layer ? lc_words_split(&layers, a->layer, ',') : LC_OK;
    if (st != LC_OK) {
        goto done;
    }
    bool libsvm = strcmp(a->format, "libsvm") == 0;
    rows |= libsvm ? 0 : LC_ROWS_UNLABELLED;
    st = lc_dataset_read(&data, cli->operands[0], layers.items, layers.count, rows);
    if (st != LC_OK) {
        goto done;
    }
    st = lc_sprintf(&path, "%s.%s", a->output, a->format);
    if (st != LC_OK) {
        goto done;
    }
    st = lc_dataset_export(data, a->format, path);
    if (st != LC_OK) {
        goto done;
    }
    lc_say_left_out(data);
    lc_cli_print(cli, "wrote %s: %zu rows of %zu\n", path, data->rows, data->dim);
    if (strcmp(a->format, "npy") == 0) {
        lc_cli_print(cli, "wrote %s.labels.npy: class numbers\n", a->output);
    } else if (libsvm) {
        lc_cli_print(cli, "wrote %s.classes.txt: names of the class numbers\n", path);
    }
    lc_json_set_string(result, "output", path);
    lc_json_set_int(result, "rows", (int64_t)data->rows);
    lc_json_set_int(result, "dim", (int64_t)data->dim);
    lc_json_set_int(result, "failed", (int64_t)data->failed);
    lc_json_set_int(result, "unlabelled", (int64_t)data->unlabelled);
done:
    free(path);
    lc_words_free(&layers);
    lc_dataset_free(data);
    return st;
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    const export_arguments *a = arguments;
    lc_file_kind kind = lc_file_kind_of(cli->operands[0]);
    if (kind == LC_FILE_NETWORK) {
        return lc_fail(LC_ERR_ARG, "%s is neither a features file nor a classifier file", cli->operands[0]);
    }
    if (kind == LC_FILE_STORE && a->with) {
        return lc_fail(LC_ERR_ARG, "--with goes with a classifier; %s is a features file", cli->operands[0]);
    }
    lc_json *result = lc_cli_json(cli);
    lc_json_set_string(result, "format", a->format);
    lc_status st = kind == LC_FILE_CLASSIFIER ? export_classifier(cli, a, result) : export_store(cli, a, result);
    if (st == LC_OK) {
        st = lc_cli_write_json(cli, result);
    }
    lc_json_free(result);
    return st;
}

const lc_cli_command lc_command_export = {
    .name = "export",
    .group = "Features",
    .summary = "features or a classifier in the formats of other programs",
    .usage = "F.h5 --format libsvm|csv|npy -o PREFIX [options]\n"
             "C.h5 --format libsvm -o PREFIX [--with F.h5]\n"
             "C.h5 --format npy -o PREFIX",
    .description = "Writes the rows of a features file as LIBSVM text, CSV or NumPy array (with labels beside it). A "
                   "classifier becomes a LIBSVM model, with data that the stock svm-predict judges the same; a linear one the weights "
                   "and bias of each class.",
    .example = "layercut export features.h5 --format npy -o features",
    .options = options,
    .arguments_size = sizeof(export_arguments),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
