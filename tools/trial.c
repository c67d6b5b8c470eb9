#include "tools/trial.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"

/* Prints the metrics and puts them into the result. */
lc_status lc_report_metrics(const lc_cli *cli, const lc_metrics *metrics, const char *split, lc_json *result)
{
    char *text;
    LC_TRY(lc_metrics_text(metrics, &text));
    lc_cli_print(cli, "%zu rows, split %s\n\n%s", lc_metrics_describe(metrics)->rows, split, text);
    free(text);
    lc_json_set_string(result, "split", split);
    lc_json_set(result, "metrics", lc_metrics_json(metrics));
    return LC_OK;
}

lc_json *lc_predictions_json(size_t rows, char *const *paths, const char *const *names, const int32_t *truth, const int32_t *predicted)
{
    lc_json *object = lc_json_object(), *path = lc_json_array(), *true_names = lc_json_array(), *said = lc_json_array();
    for (size_t i = 0; i < rows; i++) {
        lc_json_add_string(path, paths[i]);
        lc_json_add_string(true_names, names[truth[i]]);
        lc_json_add_string(said, names[predicted[i]]);
    }
    lc_json_set(object, "path", path);
    lc_json_set(object, "truth", true_names);
    lc_json_set(object, "prediction", said);
    return object;
}

/* A network on pictures ------------------------------------------------------------------------------------------ */

/* Rows with a label, of one split (LC_SPLIT_COUNT: any). The view's arrays are the caller's, what they point to is m's. */
static lc_status pick_rows(lc_manifest *view, const lc_manifest *m, unsigned split)
{
    *view = *m;
    view->rows = 0;
    view->paths = NULL;
    view->labels = NULL;
    view->splits = NULL;
    LC_TRY(lc_alloc_array(&view->paths, m->rows, sizeof *view->paths));
    LC_TRY(lc_alloc_array(&view->labels, m->rows, sizeof *view->labels));
    LC_TRY(lc_alloc_array(&view->splits, m->rows, sizeof *view->splits));
    for (size_t i = 0; i < m->rows; i++) {
        if (m->labels[i] >= 0 && (split == LC_SPLIT_COUNT || m->splits[i] == split)) {
            view->paths[view->rows] = m->paths[i];
            view->labels[view->rows] = m->labels[i];
            view->splits[view->rows++] = m->splits[i];
        }
    }
    return LC_OK;
}

static void free_picked(lc_manifest *view)
{
    free(view->paths);
    free(view->labels);
    free(view->splits);
}

/* The split to judge by: the word, else test, else val, else every labelled picture. */
static lc_status choose_split(const lc_manifest *m, const char *word, unsigned *out)
{
    size_t counts[LC_SPLIT_COUNT] = {0};
    *out = LC_SPLIT_COUNT;
    if (word) {
        lc_rows rows;
        LC_TRY(lc_rows_parse(word, LC_ROWS_ALL, &rows)); /* the same words as for a features file */
        return rows == LC_ROWS_ALL ? LC_OK : lc_split_parse(word, out);
    }
    for (size_t i = 0; i < m->rows; i++) {
        counts[m->splits[i]]++;
    }
    if (counts[LC_SPLIT_TEST] + counts[LC_SPLIT_VAL]) {
        *out = counts[LC_SPLIT_TEST] ? LC_SPLIT_TEST : LC_SPLIT_VAL;
    }
    return LC_OK;
}

/* What is judged: pictures, outputs, and which output each class folder stands for. */
typedef struct {
    lc_network *network;
    lc_manifest *all, view; /* every picture, and those to judge by */
    unsigned split;         /* LC_SPLIT_COUNT: all */
    lc_outputs outputs;
    int32_t *map; /* (classes) */
    lc_features features;
} trial;

/* Names of the outputs, else of the folders when there are as many; and which output each class folder stands for. */
static lc_status match_folders(trial *t, const lc_trial_arguments *a)
{
    const lc_manifest *m = &t->view;
    const char *where = a->classes ? a->classes : a->model;
    if (!t->outputs.names) {
        if (m->classes != t->outputs.count) {
            return lc_fail(LC_ERR_ARG, "%s has %zu classes, but %s has %zu outputs; --classes FILE names them",
                           a->images, m->classes, a->model, t->outputs.count);
        }
        t->outputs.names = (const char *const *)m->class_names;
        where = "the folders";
    }
    LC_TRY(lc_alloc_array(&t->map, m->classes, sizeof *t->map));
    return lc_match_names("class folder", (const char *const *)m->class_names, m->classes, where, t->outputs.names,
                          t->outputs.count, t->map);
}

/* Says which pictures failed, and leaves only the others: rows of logits (rows, outputs), paths and truth move up. */
static lc_status drop_failed(const lc_features *f, lc_manifest *m, const int32_t *map, int32_t *truth, size_t *rows)
{
    lc_failures failures = {0};
    size_t outputs = f->layer[0].dim, kept = 0;
    lc_status st = LC_OK;
    for (size_t i = 0; st == LC_OK && i < f->rows; i++) {
        if (f->row[i].status != LC_ROW_OK) {
            st = lc_failures_add(&failures, m->paths[i], f->row[i].error);
            continue;
        }
        memmove(f->values[0] + kept * outputs, f->values[0] + i * outputs, outputs * sizeof(float));
        m->paths[kept] = m->paths[i];
        truth[kept++] = map[m->labels[i]];
    }
    *rows = kept;
    if (st == LC_OK) {
        st = lc_failures_say(&failures, f->rows, "extract and 'info --failed' list all");
    }
    lc_failures_free(&failures);
    return st;
}

static void trial_free(trial *t)
{
    lc_features_free(&t->features);
    free(t->map);
    lc_outputs_free(&t->outputs);
    free_picked(&t->view);
    lc_manifest_free(t->all);
    lc_network_free(t->network);
}

/* Everything that can be wrong is found before the work: a wrong list of names should not cost a run. */
static lc_status prepare(trial *t, const lc_trial_arguments *a)
{
    LC_TRY(lc_network_open_as(&t->network, a->model, a->pictures->arch));
    LC_TRY(lc_manifest_read(&t->all, a->images));
    if (t->all->indicator) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%s: pictures have several labels; a network's outputs are judged on one label per "
                                           "picture. 'extract', 'train' and 'evaluate C.h5 F.h5' take several",
                       a->images);
    }
    LC_TRY(choose_split(t->all, a->split, &t->split));
    LC_TRY(pick_rows(&t->view, t->all, t->split));
    if (!t->view.rows) {
        return lc_fail(LC_ERR_ARG, "%s has no labelled pictures%s%s", a->images, a->split ? " in split " : "",
                       a->split ? a->split : "");
    }
    LC_TRY(lc_outputs_read(&t->outputs, t->network, a->classes));
    return match_folders(t, a);
}

lc_status lc_trial_network(lc_cli *cli, const lc_trial_arguments *a, lc_json *result)
{
    trial t = {0};
    lc_metrics *metrics = NULL;
    int32_t *truth = NULL, *predicted = NULL;
    size_t rows = 0;
    lc_setting settings[LC_CLI_MAX_PAIRS];
    lc_extract_options o = lc_picture_options(cli, a->pictures, settings);
    o.layers = "logits";
    o.pool = "flat";
    lc_status st = prepare(&t, a);
    if (st == LC_OK) {
        st = lc_features_compute(t.network, &t.view, &o, &t.features);
    }
    if (st == LC_OK) {
        st = lc_alloc_array(&truth, t.view.rows, sizeof *truth);
    }
    if (st == LC_OK) {
        st = lc_alloc_array(&predicted, t.view.rows, sizeof *predicted);
    }
    if (st == LC_OK) {
        st = drop_failed(&t.features, &t.view, t.map, truth, &rows);
    }
    if (st == LC_OK && !rows) {
        st = lc_fail(LC_ERR_FORMAT, "%s: not one picture could be read", a->images);
    }
    if (st != LC_OK) {
        goto done;
    }
    float *scores = t.features.values[0];
    lc_softmax_rows(scores, rows, t.outputs.count, predicted, scores);
    st = lc_metrics_compute(&metrics, rows, t.outputs.count, t.outputs.names, truth, predicted, scores, true);
    if (st != LC_OK) {
        goto done;
    }
    lc_json_set(result, "model", lc_network_json(lc_network_describe(t.network)));
    lc_json_set_string(result, "images", a->images);
    lc_json_set_int(result, "failed", (int64_t)(t.view.rows - rows));
    lc_json_set_real(result, "seconds", t.features.report.seconds);
    if (a->rows) {
        lc_json_set(result, "predictions", lc_predictions_json(rows, t.view.paths, t.outputs.names, truth, predicted));
    }
    st = lc_report_metrics(cli, metrics, t.split == LC_SPLIT_COUNT ? "all" : lc_split_name(t.split), result);
    lc_log(LC_LOG_INFO, "time: %.1f s", t.features.report.seconds);
    if (st == LC_OK) {
        st = lc_count_failed(cli, a->pictures, t.view.rows - rows, t.view.rows);
    }
done:
    lc_metrics_free(metrics);
    free(truth);
    free(predicted);
    trial_free(&t);
    return st;
}
