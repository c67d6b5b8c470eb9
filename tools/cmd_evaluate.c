/* evaluate: a classifier on stored features, or a network's own last layer on pictures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "tools/cli.h"
#include "tools/inputs.h"
#include "tools/trial.h"

typedef struct {
    const char *split, *classes, *predictions;
    lc_picture_arguments pictures;
} evaluate_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(evaluate_arguments, split, LC_CLI_STRING, "split", 's', "S",
                   "train, val, test or all (default: test, else val; pictures without splits: all)"),
     .words = LC_SPLIT_WORDS},
    {LC_CLI_OPTION(
        evaluate_arguments, classes, LC_CLI_STRING, "classes", 0, "FILE",
        "names of a network's outputs, one per line (default: the network file's, else the class folders, sorted)"),
     .file = LC_CLI_FILE_READ},
    {LC_CLI_OPTION(evaluate_arguments, predictions, LC_CLI_STRING, "predictions", 0, "FILE.csv",
                   "of a classifier: path, truth, prediction and score per row; the first three also in --json, for compare; "
                   "of several labels the score of every class"),
     .file = LC_CLI_FILE_WRITTEN},
    LC_PICTURE_OPTIONS(evaluate_arguments, pictures),
    {0},
};

/* Metrics of rows with several labels, printed and put into the result. */
static lc_status report_labels(const lc_cli *cli, const lc_label_metrics *metrics, const char *split, lc_json *result)
{
    char *text;
    LC_TRY(lc_label_metrics_text(metrics, &text));
    lc_cli_print(cli, "%zu rows, split %s\n\n%s", metrics->rows, split, text);
    free(text);
    lc_json_set_string(result, "split", split);
    lc_json_set(result, "metrics", lc_label_metrics_json(metrics));
    return LC_OK;
}

static void put_field(FILE *f, const char *text)
{
    lc_text_put_quoted(f, text);
    fputc(',', f);
}

static void put_prediction(FILE *f, const lc_dataset *d, size_t i, int32_t predicted, const float *scores)
{
    put_field(f, d->paths[i]);
    put_field(f, d->class_names[d->labels[i]]);
    put_field(f, d->class_names[predicted]);
    fprintf(f, "%.9g\n", (double)scores[i * d->classes + (size_t)predicted]);
}

/* Row i of rows with several labels: truth and prediction "cat;dog", then a score per class. */
static lc_status put_label_prediction(FILE *f, const lc_dataset *d, size_t i, const float *scores)
{
    char *truth = NULL, *said = NULL;
    lc_status st = lc_join_labels(d, i, NULL, &truth);
    if (st == LC_OK && (st = lc_join_labels(d, i, scores, &said)) == LC_OK) {
        put_field(f, d->paths[i]);
        put_field(f, truth);
        put_field(f, said);
        for (size_t k = 0; k < d->classes; k++) {
            fprintf(f, "%.9g%c", (double)scores[i * d->classes + k], k + 1 < d->classes ? ',' : '\n');
        }
    }
    free(truth);
    free(said);
    return st;
}

static lc_status write_predictions(const char *path, const lc_dataset *d, const int32_t *predicted, const float *scores)
{
    lc_text t;
    LC_TRY(lc_text_open(&t));
    lc_status st = LC_OK;
    fputs(d->indicator ? "path,truth,prediction" : "path,truth,prediction,score\n", t.stream);
    for (size_t k = 0; d->indicator && k < d->classes; k++) {
        fputc(',', t.stream);
        lc_text_put_quoted(t.stream, d->class_names[k]);
        fputs(k + 1 < d->classes ? "" : "\n", t.stream);
    }
    for (size_t i = 0; st == LC_OK && i < d->rows; i++) {
        if (d->indicator) {
            st = put_label_prediction(t.stream, d, i, scores);
        } else {
            put_prediction(t.stream, d, i, predicted[i], scores);
        }
    }
    lc_status closed = lc_text_close(&t);
    st = st == LC_OK ? closed : st;
    if (st == LC_OK) {
        st = lc_write_file(path, t.text, t.size);
    }
    free(t.text);
    return st;
}

/* A classifier on a features file -------------------------------------------------------------------------------- */

static lc_status evaluate_classifier(const lc_cli *cli, const evaluate_arguments *a, lc_json *result)
{
    lc_classifier *classifier;
    lc_judgement j;
    lc_rows rows;
    LC_TRY(lc_rows_parse(a->split, LC_ROWS_JUDGE, &rows));
    LC_TRY(lc_classifier_open(&classifier, cli->operands[0]));
    lc_status st = lc_judge(&j, cli, classifier, cli->operands[1], rows);
    if (st == LC_OK && a->predictions) {
        st = write_predictions(a->predictions, j.data, j.predicted, j.scores);
    }
    if (st == LC_OK) {
        if (a->predictions && !j.label_metrics) {
            lc_json_set(result, "predictions", lc_predictions_json(j.data->rows, j.data->paths, (const char *const *)j.data->class_names,
                                                                      j.data->labels, j.predicted));
        }
        lc_json_set_string(result, "classifier", cli->operands[0]);
        lc_json_set_int(result, "trained_parameters", (int64_t)lc_classifier_describe(classifier)->trained_parameters);
        lc_json_set_string(result, "features", cli->operands[1]);
        st = j.label_metrics ? report_labels(cli, j.label_metrics, j.data->split_name, result)
                             : lc_report_metrics(cli, j.metrics, j.data->split_name, result);
    }
    lc_judgement_free(&j);
    lc_classifier_free(classifier);
    return st;
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    const evaluate_arguments *a = arguments;
    const char *judged = cli->operands[0], *on = cli->operands[1];
    lc_file_kind kind = lc_file_kind_of(judged), data = lc_file_kind_of(on);
    if (kind == LC_FILE_STORE) {
        return lc_refuse_store(judged, "the classifier or network comes first");
    }
    if (kind == LC_FILE_CLASSIFIER && data != LC_FILE_STORE) {
        return lc_fail(LC_ERR_ARG, "%s is no features file; 'layercut extract' makes one of pictures", on);
    }
    if (kind == LC_FILE_NETWORK && a->predictions) {
        return lc_fail(LC_ERR_ARG, "--predictions goes with a classifier; 'layercut predict %s' says them of a network", judged);
    }
    if (kind == LC_FILE_CLASSIFIER && (a->pictures.settings.count || a->classes)) {
        return lc_fail(LC_ERR_ARG,
                       "%s fixes classes and preprocessing itself; --classes and preprocessing go with a network", judged);
    }
    if (kind == LC_FILE_NETWORK && data != LC_FILE_NETWORK) {
        return lc_fail(LC_ERR_ARG, "%s is a network, it is judged on pictures; %s is none of those", judged, on);
    }
    const lc_trial_arguments trial = {judged, on, a->split, a->classes, &a->pictures, false};
    lc_json *result = lc_cli_json(cli);
    lc_status st = kind == LC_FILE_CLASSIFIER ? evaluate_classifier(cli, a, result) : lc_trial_network(cli, &trial, result);
    if (st == LC_OK) {
        st = lc_cli_write_json(cli, result);
    }
    lc_json_free(result);
    return st;
}

const lc_cli_command lc_command_evaluate = {
    .name = "evaluate",
    .group = "Classify",
    .summary = "metrics of a classifier on features, or of a network on pictures",
    .usage = "C.h5 F.h5 [--split S] [options]\nMODEL IMAGES [--classes FILE] [--split S] [options]",
    .description = "Judges a classifier on the rows of a features file, by default split test, else val; rows of several "
                   "labels by average precision, as the area under its curve and in VOC2007's 11 points. With a network in "
                   "place of the classifier, its own last layer is judged on pictures in class folders.",
    .example = "layercut evaluate classifier.h5 features.h5",
    .options = options,
    .arguments_size = sizeof(evaluate_arguments),
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
