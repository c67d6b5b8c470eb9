/* compare RESULT.json...: results in one table, and whether two of them differ by more than chance. compare MODEL IMAGES -o DIR:
 * makes the results first. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memory.h"
#include "tools/cli.h"
#include "tools/comparison.h"
#include "tools/results.h"
#include "tools/table.h"

enum { MAX_RESULTS = 64 };

typedef struct {
    lc_comparison_arguments whole;
} compare_arguments;

static const lc_cli_option options[] = {
    LC_COMPARISON_OPTIONS(compare_arguments, whole),
    LC_PICTURE_OPTIONS(compare_arguments, whole.pictures),
    {0},
};

static lc_status print_table(const lc_cli *cli, const lc_result *results, size_t count)
{
    static const char *const titles[] = {"<result", LC_RESULT_TITLES};
    lc_text cells;
    LC_TRY(lc_text_open(&cells));
    for (size_t i = 0; i < count; i++) {
        lc_table_cell(&cells, "%s", results[i].name);
        lc_result_cells(&cells, &results[i]);
    }
    return lc_table_print(cli, titles, sizeof titles / sizeof titles[0], &cells);
}

/* b against a, if their files hold predictions of the same rows. */
static void print_test(const lc_cli *cli, const lc_result *a, const lc_result *b, lc_json *tests)
{
    lc_result_test t;
    bool same;
    if (!lc_results_test(a, b, &same, &t)) {
        return;
    }
    if (!same) {
        lc_cli_print(cli, "%s and %s: other pictures, no test\n", a->name, b->name);
        return;
    }
    lc_cli_print(cli, "%s and %s: only the first is right on %zu rows,\n  only the second on %zu; p = %.4g (McNemar, exact)\n", a->name,
                 b->name, t.only_first, t.only_second, t.p);
    lc_json *test = lc_json_object();
    lc_json_set_string(test, "first", a->name);
    lc_json_set_string(test, "second", b->name);
    lc_json_set_int(test, "only_first_right", (int64_t)t.only_first);
    lc_json_set_int(test, "only_second_right", (int64_t)t.only_second);
    lc_json_set_real(test, "p", t.p);
    lc_json_add(tests, test);
}

static lc_json *results_json(const lc_result *results, size_t count)
{
    lc_json *list = lc_json_array();
    for (size_t i = 0; i < count; i++) {
        lc_json *object = lc_json_object();
        lc_json_set_string(object, "result", results[i].name);
        lc_result_put_json(object, &results[i]);
        lc_json_add(list, object);
    }
    return list;
}

static lc_status compare_files(lc_cli *cli)
{
    lc_json *files[MAX_RESULTS] = {0}, *out = lc_cli_json(cli), *tests = lc_json_array();
    lc_result results[MAX_RESULTS];
    size_t count = 0, read = 0;
    lc_status st = LC_OK;
    for (; read < cli->operand_count && st == LC_OK; read++) {
        st = lc_result_read(cli->operands[read], &files[read]);
    }
    for (size_t i = 0; i < read && st == LC_OK; i++) {
        if (lc_result_of(&results[count], cli->operands[i], files, read, i)) {
            count++;
        } else if (!lc_json_string(files[i], "output")) {
            st = lc_fail(LC_ERR_ARG, "%s is no result of evaluate or finetune (nor of train or extract): it has no metrics", cli->operands[i]);
        }
    }
    if (st == LC_OK && count == 0) {
        st = lc_fail(LC_ERR_ARG, "no result of evaluate or finetune among the files");
    }
    if (st == LC_OK) {
        st = print_table(cli, results, count);
    }
    for (size_t i = 1; i < count && st == LC_OK; i++) {
        print_test(cli, &results[0], &results[i], tests);
    }
    if (st == LC_OK) {
        lc_json_set(out, "results", results_json(results, count));
        lc_json_set(out, "tests", tests);
        tests = NULL;
        st = lc_cli_write_json(cli, out);
    }
    for (size_t i = 0; i < read; i++) {
        lc_json_free(files[i]);
    }
    lc_json_free(tests);
    lc_json_free(out);
    return st;
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    const compare_arguments *a = arguments;
    struct stat second;
    if (!a->whole.output) {
        return cli->operand_count == 2 && stat(cli->operands[1], &second) == 0 && S_ISDIR(second.st_mode)
                   ? lc_fail(LC_ERR_ARG, "to compare a network on pictures, -o DIR must say where the results go")
                   : compare_files(cli);
    }
    return cli->operand_count == 2 ? lc_comparison_run(cli, &a->whole)
                                   : lc_fail(LC_ERR_ARG, "with -o, compare wants a network and pictures: MODEL IMAGES");
}

const lc_cli_command lc_command_compare = {
    .name = "compare",
    .group = "Classify",
    .summary = "frozen + SVM against fine-tuning; results in one table",
    .usage = "RESULT.json... [options]\nMODEL IMAGES -o DIR [options]",
    .description = "One line per result that evaluate or finetune wrote with --json; results of train and extract beside them give "
                   "the seconds. Each that holds predictions (finetune's do, evaluate's with --predictions) is tested against the "
                   "first (McNemar's test). With -o the results are made first: frozen features and an SVM, and every mode of "
                   "finetune, on the same pictures and seeds; where a training diverges its row says so, the others stand, and the "
                   "exit code is 1.",
    .example = "layercut compare tuned.safetensors pictures -o comparison --epochs 2",
    .options = options,
    .arguments_size = sizeof(compare_arguments),
    .min_operands = 1,
    .max_operands = MAX_RESULTS,
    .run = run,
};
