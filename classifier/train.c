#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/classifier.h"
#include "classifier/clf.h"
#include "classifier/hyper.h"
#include "classifier/search.h"
#include "classifier/task.h"
#include "classifier/trained.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"

enum { DEFAULT_FOLDS = 5 };

void lc_train_report_free(lc_train_report *report)
{
    free(report->points);
    report->points = NULL;
    report->point_count = 0;
}

/* Rows per class; *counts is the caller's. */
static lc_status count_classes(const lc_dataset *d, size_t **counts, size_t *present)
{
    LC_TRY(lc_alloc_array(counts, d->classes, sizeof **counts));
    *present = 0;
    for (size_t i = 0; i < d->rows; i++) {
        *present += (*counts)[d->labels[i]]++ == 0;
    }
    return LC_OK;
}

static lc_status check_classes(const lc_dataset *d, const size_t *counts, size_t present)
{
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

/* "name:weight,name:weight"; a name ends at the last colon before its comma. */
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
        if (k == d->classes) {
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

/* *weights (classes) is the caller's. "balanced" makes every class weigh the same: rows / (classes * rows of the class). */
static lc_status class_weights(const lc_dataset *d, const char *text, const size_t *counts, size_t present,
                               double **weights)
{
    LC_TRY(lc_alloc_array(weights, d->classes, sizeof **weights));
    bool balanced = text && strcmp(text, "balanced") == 0;
    for (size_t k = 0; k < d->classes; k++) {
        (*weights)[k] = balanced && counts[k] ? (double)d->rows / ((double)present * (double)counts[k]) : 1;
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

static lc_status search(const lc_search *s, lc_train_report *report, lc_classifier *c)
{
    double start = lc_clock(), gram_before = report->gram_seconds;
    report->point_count = lc_grid_points(s->grid);
    LC_TRY(lc_alloc_array(&report->points, report->point_count, sizeof *report->points));
    if (!s->whole->transform.fitted) {
        LC_TRY(lc_task_gram(s->whole, s->clf, s->threads, &report->gram_seconds));
    }
    LC_TRY(lc_search_run(s, report->points, &report->best));
    report->search_seconds = lc_clock() - start - (report->gram_seconds - gram_before);
    lc_grid_point(s->grid, s->clf, report->best, c->params);
    report->at_edge = lc_grid_at_edge(s->grid, c->params);
    c->info.cv_accuracy = report->points[report->best].accuracy;
    return LC_OK;
}

static lc_status fit(lc_classifier *c, lc_task *task, const size_t *rows, lc_threads *threads, lc_train_report *report)
{
    void *work = NULL;
    LC_TRY(lc_task_gram(task, c->clf, threads, &report->gram_seconds));
    double start = lc_clock();
    LC_TRY(c->clf->prepare(&work, &task->view, c->params, threads));
    lc_status status = c->clf->train(&c->model, work, c->params, rows, task->view.rows);
    c->clf->release(work);
    report->fit_seconds = lc_clock() - start;
    return status;
}

static lc_status judge_training_rows(const lc_classifier *c, const lc_dataset *d, lc_threads *threads, double *accuracy)
{
    int32_t *labels;
    size_t right = 0;
    LC_TRY(lc_alloc_raw(&labels, d->rows, sizeof *labels));
    lc_status status = lc_classifier_scores(c, d->x, d->rows, d->dim, labels, NULL, threads);
    for (size_t i = 0; status == LC_OK && i < d->rows; i++) {
        right += labels[i] == d->labels[i];
    }
    *accuracy = (double)right / (double)d->rows;
    free(labels);
    return status;
}

/* What a training works on, and the classifier that comes of it. */
typedef struct {
    const lc_dataset *data;
    const lc_clf *clf;
    const char *kernel;
    size_t *counts, present; /* rows per class; classes that have any */
    double *weights;         /* (classes) */
    size_t *rows;            /* (rows) all of them */
    lc_grid *grid;
    lc_task task;
    lc_threads *threads;
    lc_classifier *c;
} training;

static void training_free(training *t)
{
    lc_task_free(&t->task);
    lc_threads_free(t->threads);
    free(t->counts);
    free(t->weights);
    free(t->rows);
    free(t->grid);
}

/* Everything that can be wrong is found here, before the work. */
static lc_status prepare(training *t, const lc_train_options *o)
{
    const lc_dataset *d = t->data;
    if (d->rows == 0) {
        return lc_fail(LC_ERR_ARG, "no rows to train on");
    }
    LC_TRY(lc_clf_find(o->classifier, &t->clf));
    LC_TRY(lc_clf_kernel(t->clf, o->kernel, &t->kernel));
    LC_TRY(count_classes(d, &t->counts, &t->present));
    LC_TRY(check_classes(d, t->counts, t->present));
    LC_TRY(class_weights(d, o->class_weight, t->counts, t->present, &t->weights));
    LC_TRY(lc_threads_new(&t->threads, o->threads ? o->threads : lc_threads_available()));
    LC_TRY(lc_alloc_raw(&t->rows, d->rows, sizeof *t->rows));
    LC_TRY(lc_alloc_array(&t->grid, 1, sizeof *t->grid));
    LC_TRY(lc_alloc_array(&t->c, 1, sizeof *t->c));
    LC_TRY(describe(t->c, d, o->seed));
    t->c->clf = t->clf;
    for (size_t i = 0; i < d->rows; i++) {
        t->rows[i] = i;
    }
    LC_TRY(lc_task_init(&t->task, d, o->norm, t->kernel, t->weights, t->rows, d->rows));
    return lc_grid_parse(t->grid, t->clf, t->kernel, o->hyper, o->hyper_count, lc_task_scale(&t->task));
}

lc_status lc_classifier_train(lc_classifier **out, const lc_dataset *d, const lc_train_options *o, lc_train_report *report)
{
    training t = {.data = d};
    *out = NULL;
    *report = (lc_train_report){.folds = o->folds ? o->folds : DEFAULT_FOLDS};
    lc_status status = prepare(&t, o);
    if (status != LC_OK) {
        goto done;
    }
    if (lc_grid_points(t.grid) > 1) {
        lc_search s = {d, t.clf, t.grid, &t.task, report->folds, o->seed, t.threads, &report->gram_seconds};
        if ((status = check_folds(d, t.counts, s.folds)) != LC_OK || (status = search(&s, report, t.c)) != LC_OK) {
            goto done;
        }
    } else {
        lc_grid_point(t.grid, t.clf, 0, t.c->params);
    }
    if ((status = fit(t.c, &t.task, t.rows, t.threads, report)) != LC_OK) {
        goto done;
    }
    t.c->transform = t.task.transform;
    t.task.transform = (lc_transform){0};
    lc_classifier_publish(t.c, t.kernel);
    status = judge_training_rows(t.c, d, t.threads, &report->train_accuracy);
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
