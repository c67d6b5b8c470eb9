/*
 * A training judged on rows that its search has not seen either, several times: few training rows per class (the protocols of
 * Caltech-101 and of low-shot learning), and nested cross-validation (Varma and Simon, "Bias in error estimation when using
 * cross-validation for model selection", BMC Bioinformatics 2006).
 */
#include <stdlib.h>
#include <string.h>

#include "classifier/classifier.h"
#include "classifier/folds.h"
#include "common/memory.h"
#include "common/rng.h"

/* Rows of a dataset as a dataset of their own; names and layers are the other's. */
static lc_status take_rows(lc_dataset *out, const lc_dataset *d, const size_t *rows, size_t count)
{
    *out = *d;
    out->rows = count;
    out->x = NULL;
    out->labels = NULL;
    out->paths = NULL;
    LC_TRY(lc_alloc_raw(&out->x, count * d->dim, sizeof *out->x));
    LC_TRY(lc_alloc_raw(&out->labels, count, sizeof *out->labels));
    LC_TRY(lc_alloc_raw(&out->paths, count, sizeof *out->paths));
    for (size_t i = 0; i < count; i++) {
        memcpy(out->x + i * d->dim, d->x + rows[i] * d->dim, d->dim * sizeof *d->x);
        out->labels[i] = d->labels[rows[i]];
        out->paths[i] = d->paths[rows[i]];
    }
    return LC_OK;
}

static void free_rows(lc_dataset *taken)
{
    free(taken->x);
    free(taken->labels);
    free(taken->paths);
}

/* Splits all rows in two, both ascending: rows[0..*drawn) and the rest. */
static lc_status draw(const lc_dataset *d, size_t per_class, uint64_t seed, size_t *rows, size_t *drawn)
{
    size_t *own, left = 0;
    bool *chosen;
    LC_TRY(lc_alloc_raw(&own, d->rows, sizeof *own));
    lc_status status = lc_alloc_array(&chosen, d->rows, sizeof *chosen);
    if (status != LC_OK) {
        free(own);
        return status;
    }
    *drawn = 0;
    for (size_t k = 0; k < d->classes; k++) {
        size_t n = 0;
        lc_rng r = lc_rng_new(seed, k);
        for (size_t i = 0; i < d->rows; i++) {
            if ((size_t)d->labels[i] == k) {
                own[n++] = i;
            }
        }
        if (n > 0 && n <= per_class) {
            status = lc_fail(LC_ERR_ARG, "class '%s' has %zu rows; drawing %zu of them leaves none to judge",
                             d->class_names[k], n, per_class);
            goto done;
        }
        lc_rng_shuffle(&r, own, n);
        for (size_t i = 0; i < n && i < per_class; i++) {
            chosen[own[i]] = true;
            ++*drawn;
        }
    }
    for (size_t i = 0, at = 0; i < d->rows; i++) {
        rows[chosen[i] ? at++ : *drawn + left++] = i;
    }
done:
    free(own);
    free(chosen);
    return status;
}

static lc_status judge(const lc_classifier *c, const lc_dataset *d, lc_threads *threads, lc_draw *out)
{
    const char *const *names = (const char *const *)d->class_names;
    int32_t *labels;
    lc_metrics *m = NULL;
    LC_TRY(lc_alloc_raw(&labels, d->rows, sizeof *labels));
    lc_status status = lc_classifier_scores(c, d->x, d->rows, d->dim, labels, NULL, threads);
    if (status == LC_OK) {
        status = lc_metrics_compute(&m, d->rows, d->classes, names, d->labels, labels, NULL, false);
    }
    if (status == LC_OK) {
        out->accuracy = lc_metrics_describe(m)->accuracy;
        out->balanced_accuracy = lc_metrics_describe(m)->balanced_accuracy;
    }
    lc_metrics_free(m);
    free(labels);
    return status;
}

/* Trains on rows[0..drawn) and judges the others. */
static lc_status train_and_judge(const lc_dataset *d, const lc_train_options *options, const size_t *rows, size_t drawn,
                                 lc_threads *threads, lc_draw *out, lc_classifier **c)
{
    lc_dataset train = {0}, rest = {0};
    lc_train_options o = *options;
    lc_train_report report = {0};
    const char **groups = NULL;
    lc_status status;
    if ((status = take_rows(&train, d, rows, drawn)) != LC_OK ||
        (status = take_rows(&rest, d, rows + drawn, d->rows - drawn)) != LC_OK ||
        (status = lc_alloc_raw(&groups, drawn, sizeof *groups)) != LC_OK) {
        goto done;
    }
    for (size_t i = 0; o.groups && i < drawn; i++) {
        groups[i] = o.groups[rows[i]];
    }
    o.groups = o.groups ? groups : NULL;
    o.journal = NULL;
    if ((status = lc_classifier_train(c, &train, &o, &report)) != LC_OK) {
        goto done;
    }
    out->train_rows = drawn;
    out->rows = rest.rows;
    status = judge(*c, &rest, threads, out);
    lc_train_report_free(&report);
done:
    free_rows(&train);
    free_rows(&rest);
    free(groups);
    return status;
}

lc_status lc_draws_run(const lc_dataset *d, const lc_train_options *options, size_t per_class, size_t count, lc_draw *draws,
                       lc_classifier **first)
{
    lc_train_options o = *options;
    lc_threads *threads = NULL;
    size_t *rows;
    *first = NULL;
    LC_TRY(lc_dataset_one_label(d, "drawing rows per class"));
    if (per_class == 0 || count == 0) {
        return lc_fail(LC_ERR_ARG, "%zu draws of %zu rows per class make no sense; both start at 1", count, per_class);
    }
    if (o.groups) {
        return lc_fail(LC_ERR_ARG, "rows drawn per class do not keep groups together; leave one of the two out");
    }
    o.repeats = 1;
    LC_TRY(lc_alloc_raw(&rows, d->rows, sizeof *rows));
    lc_status status = lc_threads_new(&threads, o.threads ? o.threads : lc_threads_available());
    for (size_t i = 0; i < count && status == LC_OK; i++) {
        lc_classifier *c = NULL;
        size_t drawn = 0;
        status = draw(d, per_class, o.seed + i, rows, &drawn);
        if (status == LC_OK) {
            status = train_and_judge(d, &o, rows, drawn, threads, &draws[i], &c);
        }
        if (i == 0 && status == LC_OK) {
            *first = c;
        } else {
            lc_classifier_free(c);
        }
    }
    if (status != LC_OK) {
        lc_classifier_free(*first);
        *first = NULL;
    }
    lc_threads_free(threads);
    free(rows);
    return status;
}

lc_status lc_draws_plan(lc_train_plan *out, const lc_dataset *d, const lc_train_options *options, size_t per_class)
{
    lc_dataset train = {0};
    lc_train_options o = *options;
    size_t *rows, drawn;
    LC_TRY(lc_dataset_one_label(d, "drawing rows per class"));
    LC_TRY(lc_alloc_raw(&rows, d->rows, sizeof *rows));
    lc_status status = draw(d, per_class, o.seed, rows, &drawn);
    if (status == LC_OK && (status = take_rows(&train, d, rows, drawn)) == LC_OK) {
        o.repeats = 1;
        status = lc_classifier_plan(out, &train, &o);
    }
    if (status == LC_OK) { /* beside it: the dataset, and the rows that judge */
        out->bytes += (double)d->dim * sizeof *d->x * (double)(2 * d->rows - drawn);
    }
    free_rows(&train);
    free(rows);
    return status;
}

lc_status lc_nested_run(const lc_dataset *d, const lc_train_options *o, size_t folds, lc_draw *draws)
{
    lc_folds outer = {0};
    lc_threads *threads = NULL;
    size_t *rows = NULL;
    lc_status status;
    LC_TRY(lc_dataset_one_label(d, "nested cross-validation"));
    if (folds < 2 || folds > d->rows) {
        return lc_fail(LC_ERR_ARG, "%zu outer folds of %zu rows make no sense; 2 to %zu do", folds, d->rows, d->rows);
    }
    if ((status = lc_folds_make(&outer, d->labels, NULL, o->groups, d->rows, d->classes, folds, 1, o->seed)) != LC_OK ||
        (status = lc_alloc_raw(&rows, d->rows, sizeof *rows)) != LC_OK ||
        (status = lc_threads_new(&threads, o->threads ? o->threads : lc_threads_available())) != LC_OK) {
        goto done;
    }
    for (size_t f = 0; f < folds && status == LC_OK; f++) {
        const lc_clf_fold *fold = &outer.folds[f];
        lc_classifier *c = NULL;
        memcpy(rows, fold->rows, fold->count * sizeof *rows);
        memcpy(rows + fold->count, fold->judged, fold->judged_count * sizeof *rows);
        status = train_and_judge(d, o, rows, fold->count, threads, &draws[f], &c);
        lc_classifier_free(c);
    }
done:
    lc_folds_free(&outer);
    lc_threads_free(threads);
    free(rows);
    return status;
}
