#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/classifier.h"
#include "classifier/clf.h"
#include "classifier/gram.h"
#include "classifier/hyper.h"
#include "classifier/search.h"
#include "classifier/task.h"
#include "classifier/trained.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/sha256.h"
#include "common/memory.h"
#include "common/text.h"

/* Of what is there whatever is trained: the libraries with their buffers; a row's path, label and the like. */
enum { DEFAULT_FOLDS = 5, PROGRAM_BYTES = 40 << 20, ROW_BYTES = 256 };

void lc_train_report_free(lc_train_report *report)
{
    free(report->points);
    report->points = NULL;
    report->point_count = 0;
}

/* Rows per class; *counts is the caller's. Of several labels a class is present that has rows and others. */
static lc_status count_classes(const lc_dataset *d, size_t **counts, size_t *present)
{
    LC_TRY(lc_alloc_array(counts, d->classes, sizeof **counts));
    *present = 0;
    for (size_t i = 0; !d->indicator && i < d->rows; i++) {
        *present += (*counts)[d->labels[i]]++ == 0;
    }
    for (size_t i = 0; d->indicator && i < d->rows * d->classes; i++) {
        (*counts)[i % d->classes] += d->indicator[i];
    }
    for (size_t k = 0; d->indicator && k < d->classes; k++) {
        *present += (*counts)[k] > 0 && (*counts)[k] < d->rows;
    }
    return LC_OK;
}

static lc_status check_classes(const lc_dataset *d, const size_t *counts, size_t present)
{
    if (d->indicator && present < 2) {
        return lc_fail(LC_ERR_ARG, "%s: %zu classes have both rows that are of them and rows that are not in split '%s'; "
                                   "training wants two",
                       d->source, present, d->split_name);
    }
    if (present < 2) {
        size_t only = 0;
        while (only + 1 < d->classes && counts[only] == 0) {
            only++;
        }
        return lc_fail(LC_ERR_ARG, "%s: all %zu rows of split '%s' belong to class '%s'; training wants two classes",
                       d->source, d->rows, d->split_name, d->classes ? d->class_names[only] : "");
    }
    for (size_t k = 0; k < d->classes; k++) {
        if (counts[k] == 0) {
            lc_log(LC_LOG_WARNING, "class '%s' has no row in split '%s' and will never be predicted", d->class_names[k],
                   d->split_name);
        }
        if (d->indicator && counts[k] == d->rows) {
            lc_log(LC_LOG_WARNING, "every row of split '%s' is of class '%s': nothing tells it from others, and it will not be "
                                   "predicted",
                   d->split_name, d->class_names[k]);
        }
    }
    return LC_OK;
}

/* Every fit of a search must see every class, so a class needs two rows; with fewer rows than folds, some folds do not
 * judge it. */
static lc_status check_folds(const lc_dataset *d, const size_t *counts, size_t folds)
{
    size_t small = 0, first = 0;
    if (folds < 2 || folds > d->rows) {
        return lc_fail(LC_ERR_ARG, "%zu folds of %zu rows make no sense; 2 to %zu do", folds, d->rows, d->rows);
    }
    for (size_t k = 0; k < d->classes; k++) {
        if (counts[k] == 1) {
            return lc_fail(LC_ERR_ARG,
                           "class '%s' has 1 training row; a search wants 2 or more: add pictures, or give one value for "
                           "every hyperparameter",
                           d->class_names[k]);
        }
        if (counts[k] > 0 && counts[k] < folds) {
            first = small++ ? first : k;
        }
    }
    if (small > 0) {
        lc_log(LC_LOG_WARNING,
               "%zu of %zu classes have fewer rows than the %zu folds ('%s': %zu): some folds do not judge them", small,
               d->classes, folds, d->class_names[first], counts[first]);
    }
    return LC_OK;
}

/* "name:weight,name:weight", "*:weight" for all classes; a name ends at the last colon before its comma. */
static lc_status parse_weights(const lc_dataset *d, const char *text, double *weights)
{
    char *copy, *rest, *save = NULL;
    LC_TRY(lc_strdup(&copy, text));
    lc_status status = LC_OK;
    for (char *item = strtok_r(copy, ",", &save); item && status == LC_OK; item = strtok_r(NULL, ",", &save)) {
        char *colon = strrchr(item, ':');
        double weight = colon ? strtod(colon + 1, &rest) : 0;
        if (!colon || rest == colon + 1 || *rest || !isfinite(weight) || weight <= 0) {
            status = lc_fail(LC_ERR_ARG,
                             "class weight '%s': wants 'balanced' or name:weight,name:weight with weights above 0", item);
            break;
        }
        *colon = '\0';
        size_t k = 0;
        while (k < d->classes && strcmp(d->class_names[k], item) != 0) {
            k++;
        }
        if (k == d->classes && strcmp(item, "*") == 0) {
            for (k = 0; k < d->classes; k++) {
                weights[k] = weight;
            }
        } else if (k == d->classes) {
            char near[256];
            status = lc_fail(LC_ERR_NOTFOUND, "class weight: no class '%s'; nearest: %s", item,
                             lc_text_nearest(near, sizeof near, item, (const char *const *)d->class_names, d->classes));
        } else {
            weights[k] = weight;
        }
    }
    free(copy);
    return status;
}

/*
 * *weights (classes) is the caller's. "balanced" makes every class weigh the same: rows / (classes * rows of the class). Of several
 * labels each class stands against the rest, whose weight is 1: both weigh the same.
 */
static lc_status class_weights(const lc_dataset *d, const char *text, const size_t *counts, size_t present,
                               double **weights)
{
    LC_TRY(lc_alloc_array(weights, d->classes, sizeof **weights));
    bool balanced = text && strcmp(text, "balanced") == 0;
    for (size_t k = 0; k < d->classes; k++) {
        double rest = d->indicator ? (double)(d->rows - counts[k]) : (double)d->rows / (double)present;
        (*weights)[k] = balanced && counts[k] && rest > 0 ? rest / (double)counts[k] : 1;
    }
    return text && !balanced ? parse_weights(d, text, *weights) : LC_OK;
}

/* What a classifier remembers of the rows it was trained on. */
static lc_status describe(lc_classifier *c, const lc_dataset *d, uint64_t seed)
{
    c->info.classes = d->classes;
    c->info.layers = d->layers;
    c->info.dim = d->dim;
    c->info.train_rows = d->rows;
    c->info.seed = seed;
    c->info.cv_accuracy = NAN;
    LC_TRY(lc_copy_strings(&c->class_names, (const char *const *)d->class_names, d->classes));
    LC_TRY(lc_copy_strings(&c->layer_names, (const char *const *)d->layer_names, d->layers));
    LC_TRY(lc_copy_strings(&c->pools, (const char *const *)d->pools, d->layers));
    LC_TRY(lc_alloc_array(&c->layer_dims, d->layers, sizeof *c->layer_dims));
    memcpy(c->layer_dims, d->layer_dims, d->layers * sizeof *c->layer_dims);
    LC_TRY(lc_strdup(&c->recipe, d->recipe));
    LC_TRY(lc_strdup(&c->model_name, d->model_name));
    LC_TRY(lc_strdup(&c->model_sha256, d->model_sha256));
    return lc_strdup(&c->model_path, "");
}

/* What a training works on, and the classifier that comes of it. */
typedef struct {
    const lc_dataset *data;
    const lc_train_options *o;
    lc_task_options task_options;
    size_t *counts, present; /* rows per class; classes that have any */
    double *weights;         /* (classes) */
    size_t *rows;            /* (rows) all of them */
    lc_grid *grid;
    lc_folds folds; /* made when something is cross-validated */
    lc_task task;
    lc_clf_point *own_points; /* (classes) of several labels */
    lc_threads *threads;
    lc_threads *jobs; /* of fits with memory of their own: threads, or fewer */
    lc_classifier *c;
} training;

static void training_free(training *t)
{
    lc_task_free(&t->task);
    lc_folds_free(&t->folds);
    if (t->jobs != t->threads) {
        lc_threads_free(t->jobs);
    }
    lc_threads_free(t->threads);
    free(t->counts);
    free(t->weights);
    free(t->rows);
    free(t->own_points);
    free(t->grid);
}

/* A classifier that knows its leave-one-out judgements without fits uses them, unless folds are asked for. */
static bool leaves_one_out(const training *t)
{
    return t->task_options.clf->leave_one_out && t->o->folds == 0 && !t->o->groups && t->o->repeats < 2 &&
           !t->task.transform.fitted;
}

static lc_status make_folds(training *t, const lc_train_report *report)
{
    const lc_dataset *d = t->data;
    size_t folds = report->folds ? report->folds : DEFAULT_FOLDS;
    if (t->folds.count > 0) {
        return LC_OK;
    }
    LC_TRY(check_folds(d, t->counts, folds));
    return lc_folds_make(&t->folds, d->labels, d->indicator, t->o->groups, d->rows, d->classes, folds, report->repeats, t->o->seed);
}

/* Everything that decides what a fit gives: rows, grid, folds, options. */
static lc_status fingerprint(const training *t, char hex[static LC_SHA256_HEX_SIZE])
{
    const lc_dataset *d = t->data;
    uint8_t digest[LC_SHA256_SIZE];
    char features[LC_SHA256_HEX_SIZE], labels[LC_SHA256_HEX_SIZE], grid[LC_SHA256_HEX_SIZE], folds[LC_SHA256_HEX_SIZE],
        weights[LC_SHA256_HEX_SIZE], indicator[LC_SHA256_HEX_SIZE], *text;
    const struct {
        const void *data;
        size_t size;
        char *hex;
    } parts[] = {
        {d->x, d->rows * d->dim * sizeof *d->x, features},
        {d->labels, d->rows * sizeof *d->labels, labels},
        {t->grid, sizeof *t->grid, grid},
        {t->folds.fold_of, t->folds.count ? t->folds.count / t->folds.per_repeat * d->rows * sizeof(size_t) : 0, folds},
        {t->weights, d->classes * sizeof *t->weights, weights},
        {d->indicator, d->indicator ? d->rows * d->classes : 0, indicator},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        LC_TRY(lc_sha256(parts[i].data ? parts[i].data : "", parts[i].size, digest));
        lc_sha256_hex(digest, parts[i].hex);
    }
    LC_TRY(lc_sprintf(&text, "%s %s %s %s %s %s %s %s %s %d %zu %llu %s", LC_VERSION, features, labels, indicator, grid, folds, weights,
                      t->task_options.clf->name, t->task_options.kernel, t->task_options.one_vs_rest, d->dim,
                      (unsigned long long)t->o->seed, t->task.transform.name));
    lc_status status = lc_sha256(text, strlen(text), digest);
    lc_sha256_hex(digest, hex);
    free(text);
    return status;
}

static lc_status search(training *t, lc_train_report *report)
{
    double start = lc_clock(), gram_before = report->gram_seconds;
    char hex[LC_SHA256_HEX_SIZE];
    lc_journal *journal = NULL;
    lc_classifier *c = t->c;
    size_t *own;
    double own_mean = NAN;
    report->point_count = lc_grid_points(t->grid);
    LC_TRY(lc_alloc_array(&report->points, report->point_count, sizeof *report->points));
    if (report->folds > 0) {
        LC_TRY(make_folds(t, report));
        if (t->o->journal) {
            LC_TRY(fingerprint(t, hex));
            size_t fits = report->point_count * t->folds.count;
            LC_TRY(t->data->indicator ? lc_journal_open(&journal, t->o->journal, hex, fits * t->data->classes, SIZE_MAX)
                                      : lc_journal_open(&journal, t->o->journal, hex, fits, t->data->rows));
        }
    }
    lc_search s = {t->data,          &t->task_options, t->grid,    &t->task,
                   report->folds ? &t->folds : NULL, journal,          t->threads, t->jobs, &report->gram_seconds};
    lc_status status = lc_alloc_array(&own, t->data->classes, sizeof *own);
    if (status == LC_OK) {
        status = lc_search_run(&s, report->points, &report->best, own, &own_mean, &report->resumed);
    }
    lc_journal_close(journal, status == LC_OK);
    for (size_t k = 0; status == LC_OK && c->class_values && k < t->data->classes; k++) {
        c->class_values[k] = report->points[own[k]].values[0];
    }
    free(own);
    LC_TRY(status);
    report->search_seconds = lc_clock() - start - (report->gram_seconds - gram_before);
    lc_grid_point(t->grid, c->clf, report->best, c->params);
    report->at_edge = lc_grid_at_edge(t->grid, c->params);
    c->info.cv_accuracy = c->class_values ? own_mean : report->points[report->best].accuracy;
    c->repeats = report->folds ? report->repeats : 0;
    LC_TRY(lc_alloc_array(&c->fold_of, c->repeats * t->data->rows, sizeof *c->fold_of));
    for (size_t i = 0; i < c->repeats * t->data->rows; i++) {
        c->fold_of[i] = (int32_t)t->folds.fold_of[i];
    }
    return LC_OK;
}

/* A classifier of rows[0..count) on its own: c's model. labels (count), may be NULL, as lc_clf's train() has them. */
static lc_status fit_rows(training *t, lc_classifier *c, lc_task *task, const size_t *rows, size_t count,
                          int32_t *labels, lc_train_report *report)
{
    void *work = NULL;
    LC_TRY(lc_task_base(task, c->clf, t->threads, &report->gram_seconds));
    LC_TRY(c->clf->prepare(&work, &task->view, c->params, t->threads));
    lc_status status = c->clf->train(&c->model, work, c->params, rows, count, t->jobs, labels);
    c->clf->release(work);
    return status;
}

/* Scores of the rows that a fold holds out, by the classifier of the others. */
static lc_status score_held_out(training *t, const lc_clf_fold *fold, lc_train_report *report, float *scores)
{
    const lc_dataset *d = t->data;
    size_t n = fold->judged_count, classes = d->classes;
    lc_task own = {0}, *task = &t->task;
    lc_classifier c = {.clf = t->c->clf, .info = {.dim = d->dim, .classes = classes}};
    float *x = NULL, *out = NULL;
    int32_t *labels = NULL;
    lc_status status = LC_OK;
    memcpy(c.params, t->c->params, sizeof c.params);
    if (t->task.transform.fitted) {
        task = &own;
        status = lc_task_init(&own, d, &t->task_options, fold->rows, fold->count, t->threads);
    }
    own.view.last = true;
    if (status != LC_OK || (status = fit_rows(t, &c, task, fold->rows, fold->count, NULL, report)) != LC_OK ||
        (status = lc_alloc_raw(&x, n * d->dim, sizeof *x)) != LC_OK ||
        (status = lc_alloc_raw(&out, n * classes, sizeof *out)) != LC_OK ||
        (status = lc_alloc_raw(&labels, n, sizeof *labels)) != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * d->dim, d->x + fold->judged[i] * d->dim, d->dim * sizeof *x);
    }
    c.transform = task->transform;
    status = lc_classifier_scores(&c, x, n, d->dim, labels, out, t->threads);
    for (size_t i = 0; status == LC_OK && i < n; i++) {
        memcpy(scores + fold->judged[i] * classes, out + i * classes, classes * sizeof *out);
    }
done:
    if (c.model) {
        c.clf->free(c.model);
    }
    lc_task_free(&own);
    free(x);
    free(out);
    free(labels);
    return status;
}

/* By the folds of the first repeat: every row is scored once. */
static lc_status calibrate(training *t, lc_train_report *report)
{
    const lc_dataset *d = t->data;
    float *scores;
    LC_TRY(make_folds(t, report));
    LC_TRY(lc_alloc_raw(&scores, d->rows * d->classes, sizeof *scores));
    lc_status status = LC_OK;
    for (size_t f = 0; f < t->folds.per_repeat && status == LC_OK; f++) {
        status = score_held_out(t, &t->folds.folds[f], report, scores);
    }
    if (status == LC_OK) {
        lc_calibration_fit(&t->c->calibration, scores, d->labels, d->rows, d->classes);
    }
    free(scores);
    return status;
}

/* Mean average precision of the classifier on its own rows of several labels; labels (rows) is scratch. */
static lc_status judge_labels(const training *t, int32_t *labels, double *out)
{
    const lc_dataset *d = t->data;
    lc_label_metrics *m = NULL;
    float *scores;
    LC_TRY(lc_alloc_raw(&scores, d->rows * d->classes, sizeof *scores));
    lc_status status = lc_classifier_scores(t->c, d->x, d->rows, d->dim, labels, scores, t->threads);
    if (status == LC_OK) {
        status = lc_label_metrics_compute(&m, d->rows, d->classes, t->c->info.class_names, d->indicator, scores);
    }
    if (status == LC_OK) {
        *out = m->mean_ap;
    }
    lc_label_metrics_free(m);
    free(scores);
    return status;
}

/* What each class is fitted with: the chosen point, but its own value of the first parameter. */
static lc_status make_own_points(training *t)
{
    const lc_classifier *c = t->c;
    if (!c->class_values) {
        return LC_OK;
    }
    LC_TRY(lc_alloc_raw(&t->own_points, t->data->classes, sizeof *t->own_points));
    for (size_t k = 0; k < t->data->classes; k++) {
        memcpy(t->own_points[k].values, c->params, sizeof t->own_points[k].values);
        t->own_points[k].values[0] = c->class_values[k];
    }
    return LC_OK;
}

/* The classifier of all rows, and its accuracy on them. */
static lc_status fit_all(training *t, lc_train_report *report)
{
    const lc_dataset *d = t->data;
    lc_classifier *c = t->c;
    double start = lc_clock(), before = report->gram_seconds;
    int32_t *labels;
    size_t right = 0;
    LC_TRY(lc_alloc_raw(&labels, d->rows, sizeof *labels));
    t->task.view.last = true;
    t->task.view.own_points = t->own_points;
    lc_status status = fit_rows(t, c, &t->task, t->rows, d->rows, d->indicator ? NULL : labels, report);
    report->fit_seconds = lc_clock() - start - (report->gram_seconds - before);
    if (status == LC_OK) {
        c->transform = t->task.transform;
        t->task.transform = (lc_transform){0};
        lc_classifier_publish(c, t->task_options.kernel);
    }
    if (status == LC_OK && d->indicator) {
        status = judge_labels(t, labels, &report->train_accuracy);
        goto done;
    }
    if (status == LC_OK && !c->clf->judges_own) {
        status = lc_classifier_scores(c, d->x, d->rows, d->dim, labels, NULL, t->threads);
    }
    for (size_t i = 0; status == LC_OK && i < d->rows; i++) {
        right += labels[i] == d->labels[i];
    }
    report->train_accuracy = (double)right / (double)d->rows;
done:
    free(labels);
    return status;
}

static lc_status check_values(const lc_dataset *d)
{
    for (size_t i = 0; i < d->rows * d->dim; i++) {
        if (!isfinite(d->x[i])) {
            return lc_fail(LC_ERR_ARG, "%s: row %zu has NaN or Inf at feature %zu; 'layercut verify' or 'extract' mend a store",
                           d->source, i / d->dim, i % d->dim);
        }
    }
    for (size_t i = 0; i < d->rows; i++) {
        if (d->labels[i] < 0 || (size_t)d->labels[i] >= d->classes) {
            return lc_fail(LC_ERR_ARG, "%s: row %zu has class number %d; there are 0 to %zu", d->source, i, d->labels[i],
                           d->classes - 1);
        }
    }
    return LC_OK;
}

static lc_status parse_scheme(const lc_clf *clf, const char *word, bool *one_vs_rest)
{
    *one_vs_rest = word && strcmp(word, "ovr") == 0;
    if (word && !*one_vs_rest && strcmp(word, "ovo") != 0) {
        return lc_fail(LC_ERR_ARG, "no multiclass scheme '%s'; there are: ovo, ovr", word);
    }
    return word && !clf->schemes
               ? lc_fail(LC_ERR_ARG, "classifier '%s' is not built of two-class machines; only svm takes ovo or ovr", clf->name)
               : LC_OK;
}

/* Of several labels: one machine per class, so what takes one label per row is refused. */
static lc_status check_labels(training *t)
{
    const lc_dataset *d = t->data;
    const lc_clf *clf = t->task_options.clf;
    if (!d->indicator) {
        return LC_OK;
    }
    if (!clf->several_labels) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%s: its rows have several labels, which svm, linear and logreg take; '%s' does not",
                       d->source, clf->name);
    }
    if (t->o->probability) {
        return lc_dataset_one_label(d, "--probability");
    }
    if (clf->schemes && t->o->multiclass && !t->task_options.one_vs_rest) {
        return lc_dataset_one_label(d, "--multiclass ovo");
    }
    t->task_options.one_vs_rest = clf->schemes;
    return lc_alloc_array(&t->c->class_values, d->classes, sizeof *t->c->class_values);
}

/* Everything that can be wrong is found here, before the work. */
static lc_status prepare(training *t, lc_train_report *report)
{
    const lc_dataset *d = t->data;
    const lc_train_options *o = t->o;
    lc_task_options *to = &t->task_options;
    if (d->rows == 0) {
        return lc_fail(LC_ERR_ARG, "no rows to train on");
    }
    LC_TRY(lc_clf_find(o->classifier, &to->clf));
    LC_TRY(lc_clf_kernel(to->clf, o->kernel, &to->kernel));
    LC_TRY(parse_scheme(to->clf, o->multiclass, &to->one_vs_rest));
    LC_TRY(check_values(d));
    LC_TRY(count_classes(d, &t->counts, &t->present));
    LC_TRY(check_classes(d, t->counts, t->present));
    LC_TRY(class_weights(d, o->class_weight, t->counts, t->present, &t->weights));
    LC_TRY(lc_threads_new(&t->threads, o->threads ? o->threads : lc_threads_available()));
    t->jobs = t->threads;
    if (o->jobs && o->jobs < lc_threads_count(t->threads) && to->clf->fits_apart) {
        LC_TRY(lc_threads_new(&t->jobs, o->jobs));
    }
    LC_TRY(lc_alloc_raw(&t->rows, d->rows, sizeof *t->rows));
    LC_TRY(lc_alloc_array(&t->grid, 1, sizeof *t->grid));
    LC_TRY(lc_alloc_array(&t->c, 1, sizeof *t->c));
    LC_TRY(lc_calibration_parse(&t->c->calibration, o->probability));
    LC_TRY(describe(t->c, d, o->seed));
    LC_TRY(check_labels(t));
    t->c->clf = to->clf;
    to->norm = o->norm;
    to->class_weight = t->weights;
    to->seed = o->seed;
    for (size_t i = 0; i < d->rows; i++) {
        t->rows[i] = i;
    }
    LC_TRY(lc_task_init(&t->task, d, to, t->rows, d->rows, t->threads));
    LC_TRY(lc_grid_parse(t->grid, to->clf, to->kernel, o->hyper, o->hyper_count, lc_task_scale(&t->task)));
    report->folds = leaves_one_out(t) ? 0 : o->folds ? o->folds : DEFAULT_FOLDS;
    report->repeats = o->repeats ? o->repeats : 1;
    report->grouped = o->groups != NULL;
    report->several_labels = d->indicator != NULL;
    for (; to->clf->params[report->params].name; report->params++) {
        const lc_clf_param *p = &to->clf->params[report->params];
        report->names[report->params] = p->name;
        report->labels[report->params] = p->label ? p->label : p->name;
        report->searched[report->params] = t->grid->counts[report->params] > 1;
    }
    return LC_OK;
}

lc_status lc_classifier_train(lc_classifier **out, const lc_dataset *d, const lc_train_options *o, lc_train_report *report)
{
    training t = {.data = d, .o = o};
    *out = NULL;
    *report = (lc_train_report){0};
    lc_status status = prepare(&t, report);
    if (status != LC_OK) {
        goto done;
    }
    lc_grid_point(t.grid, t.c->clf, 0, t.c->params);
    for (size_t k = 0; t.c->class_values && k < d->classes; k++) {
        t.c->class_values[k] = t.c->params[0];
    }
    if ((lc_grid_points(t.grid) > 1 || o->validate) && (status = search(&t, report)) != LC_OK) {
        goto done;
    }
    if (t.c->calibration.kind != LC_CALIBRATE_NONE && (status = calibrate(&t, report)) != LC_OK) {
        goto done;
    }
    if ((status = make_own_points(&t)) == LC_OK) {
        status = fit_all(&t, report);
    }
done:
    training_free(&t);
    if (status == LC_OK) {
        *out = t.c;
    } else {
        lc_classifier_free(t.c);
        lc_train_report_free(report);
    }
    return status;
}

static lc_clf_extent extent_of(const training *t, const lc_train_report *report)
{
    const lc_dataset *d = t->data;
    size_t per_repeat = report->folds ? report->folds : DEFAULT_FOLDS, at_once = t->task.transform.fitted ? 1 : per_repeat * report->repeats;
    size_t two = 0, second = 0;
    for (size_t k = 0; k < d->classes; k++) {
        second = t->counts[k] > two ? two : t->counts[k] > second ? t->counts[k] : second;
        two = t->counts[k] > two ? t->counts[k] : two;
    }
    bool rest = d->indicator || t->task_options.one_vs_rest;
    lc_clf_extent e = {.rows = d->rows,
                       .dim = t->task.transform.out,
                       .classes = t->present,
                       .pair_rows = rest ? d->rows : two + second,
                       .points = lc_grid_points(t->grid),
                       .folds = report->folds ? at_once : 0,
                       .most_judged = (d->rows + per_repeat - 1) / per_repeat,
                       .threads = lc_threads_count(t->jobs),
                       .several_labels = d->indicator != NULL,
                       .one_vs_rest = rest};
    e.judged = at_once * e.most_judged;
    return e;
}

/* What `prepare` and a function of the classifier take, with or without the base of the kernel matrix while that is made. */
static double work_bytes(const lc_clf *clf, const char *kernel, const lc_clf_extent *e, bool last, double work)
{
    double n = (double)e->rows;
    return clf->pairs ? n * n * sizeof(float) + fmax(n * (double)e->dim * sizeof(float), n * n * (double)clf->pair_bytes(kernel, last) + work) : work;
}

/*
 * The peak: rows as they are stored and as the norm leaves them, then the largest of what comes after each other. What a fitted
 * norm leaves stands there twice in a search, of all rows and of a fold's.
 */
static double peak_bytes(const training *t, const lc_train_report *report)
{
    const lc_dataset *d = t->data;
    const lc_clf *clf = t->task_options.clf;
    const char *kernel = t->task_options.kernel;
    lc_clf_extent e = extent_of(t, report);
    double n = (double)d->rows, out = n * (double)e.dim * sizeof(float), kept, norm = lc_transform_bytes(&t->task.transform, d->rows, &kept);
    bool fitted = t->task.transform.fitted, searched = e.points > 1 || t->o->validate, calibrated = t->c->calibration.kind != LC_CALIBRATE_NONE;
    double apart = fitted ? out + kept : 0, most = norm;
    double fit = clf->fit_bytes ? clf->fit_bytes(&e) : 0;
    if (searched) {
        double work = clf->search_bytes ? clf->search_bytes(&e) : 0;
        most = fmax(most, apart + fmax(norm, work_bytes(clf, kernel, &e, false, work)));
    }
    if (calibrated) {
        double copies = (double)e.most_judged * (double)d->dim * sizeof(float) + n * (double)d->classes * sizeof(float);
        most = fmax(most, apart + copies + fmax(norm, work_bytes(clf, kernel, &e, fitted, fit)));
    }
    most = fmax(most, work_bytes(clf, kernel, &e, true, fit) + (d->indicator ? n * (double)d->classes * sizeof(float) : 0));
    double folds = searched || calibrated ? (double)(report->repeats * (report->folds + 1)) * n * sizeof(size_t) : 0;
    return PROGRAM_BYTES + n * ((double)d->dim * sizeof(float) + ROW_BYTES + (d->indicator ? (double)d->classes : 0)) + out + kept + folds + most;
}

lc_status lc_classifier_plan(lc_train_plan *out, const lc_dataset *d, const lc_train_options *o)
{
    training t = {.data = d, .o = o};
    lc_train_report report = {0};
    lc_status status = prepare(&t, &report);
    if (status == LC_OK) {
        *out = (lc_train_plan){.rows = d->rows,
                               .dim = t.task.transform.out,
                               .classes = t.present,
                               .points = lc_grid_points(t.grid),
                               .folds = report.folds,
                               .repeats = report.repeats,
                               .bytes = peak_bytes(&t, &report),
                               .available = (double)lc_memory_available()};
    }
    training_free(&t);
    lc_classifier_free(t.c);
    return status;
}
