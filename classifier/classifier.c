#include "classifier/classifier.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/clf.h"
#include "classifier/export.h"
#include "classifier/trained.h"
#include "common/blas.h"
#include "common/file.h"
#include "common/interrupt.h"
#include "common/memory.h"
#include "common/recipe.h"
#include "common/text.h"

void lc_classifier_free(lc_classifier *c)
{
    if (!c) {
        return;
    }
    if (c->clf && c->model) {
        c->clf->free(c->model);
    }
    lc_transform_free(&c->transform);
    lc_free_strings(c->class_names, c->info.classes);
    lc_free_strings(c->layer_names, c->info.layers);
    lc_free_strings(c->pools, c->info.layers);
    void *const arrays[] = {c->fold_of,    c->class_values, c->layer_dims, c->recipe,
                            c->model_name, c->model_sha256, c->model_path, c->attachment_name};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        free(arrays[i]);
    }
    free(c);
}

void lc_classifier_publish(lc_classifier *c, const char *kernel)
{
    lc_classifier_info *info = &c->info;
    info->classifier = c->clf->name;
    info->kernel = kernel;
    info->norm = c->transform.name;
    info->class_names = (const char *const *)c->class_names;
    info->layer_names = (const char *const *)c->layer_names;
    info->pools = (const char *const *)c->pools;
    info->recipe = c->recipe;
    info->model_name = c->model_name;
    info->model_sha256 = c->model_sha256;
    info->model_path = c->model_path;
    info->attachment = c->attachment_name ? c->attachment_name : "";
    info->support_vectors = c->clf->support_vectors ? c->clf->support_vectors(c->model) : 0;
    size_t dim = c->transform.out, numbers = c->clf->export_weights ? info->classes : info->support_vectors;
    bool machine = c->clf->support_vectors != NULL; /* a support vector has a coefficient per class but one; a class its bias */
    info->trained_parameters = numbers ? numbers * (dim + (machine ? info->classes - 1 : 1)) : info->train_rows * dim;
    info->probability = lc_calibration_name(&c->calibration);
    info->several_labels = c->class_values != NULL;
    info->class_values = c->class_values;
    info->params = 0;
    for (size_t p = 0; c->clf->params[p].name; p++) {
        const lc_clf_param *param = &c->clf->params[p];
        if (lc_clf_param_used(param, kernel)) {
            info->param_names[info->params] = param->name;
            info->param_labels[info->params] = param->label ? param->label : param->name;
            info->param_values[info->params++] = c->params[p];
        }
    }
}

const lc_classifier_info *lc_classifier_describe(const lc_classifier *c)
{
    return &c->info;
}

lc_status lc_classifier_set_model_path(lc_classifier *c, const char *path)
{
    char *copy;
    LC_TRY(lc_strdup(&copy, path));
    free(c->model_path);
    c->model_path = copy;
    c->info.model_path = copy;
    return LC_OK;
}

static lc_status match_layers(const lc_classifier *c, const lc_dataset *d)
{
    LC_TRY(lc_recipe_check(c->recipe, "the classifier", d->recipe, d->source));
    if (d->layers != c->info.layers) {
        return lc_fail(LC_ERR_STALE, "%s: %zu layers were read, the classifier was trained on %zu", d->source, d->layers,
                       c->info.layers);
    }
    for (size_t l = 0; l < d->layers; l++) {
        if (strcmp(d->layer_names[l], c->layer_names[l]) != 0) {
            return lc_fail(LC_ERR_STALE, "%s: layer '%s' was read, the classifier was trained on '%s'", d->source,
                           d->layer_names[l], c->layer_names[l]);
        }
        if (strcmp(d->pools[l], c->pools[l]) != 0) {
            return lc_fail(LC_ERR_STALE, "%s: layer '%s' has pooling '%s', the classifier was trained on '%s'", d->source,
                           d->layer_names[l], d->pools[l], c->pools[l]);
        }
        if (d->layer_dims[l] != c->layer_dims[l]) {
            return lc_fail(LC_ERR_STALE, "%s: layer '%s' has %zu numbers per row, the classifier was trained on %zu",
                           d->source, d->layer_names[l], d->layer_dims[l], c->layer_dims[l]);
        }
    }
    return LC_OK;
}

/* map (the dataset's classes): which class of the classifier has that name, -1: none. */
static lc_status map_classes(const lc_classifier *c, const lc_dataset *d, int32_t *map)
{
    for (size_t k = 0; k < d->classes; k++) {
        map[k] = -1;
        for (size_t j = 0; j < c->info.classes; j++) {
            if (strcmp(d->class_names[k], c->class_names[j]) == 0) {
                map[k] = (int32_t)j;
            }
        }
    }
    for (size_t i = 0; i < d->rows * d->classes; i++) {
        size_t row = i / d->classes, k = i % d->classes;
        bool has = d->indicator ? d->indicator[i] : d->labels[row] == (int32_t)k;
        if (has && map[k] < 0) {
            char nearest[256];
            const char *name = d->class_names[k];
            return lc_fail(LC_ERR_STALE, "%s: the classifier was not trained on class '%s'; nearest: %s", d->source, name,
                           lc_text_nearest(nearest, sizeof nearest, name, c->info.class_names, c->info.classes));
        }
    }
    return LC_OK;
}

/* Rows for a classifier of several labels, as it numbers them; else NULL. *out is the caller's. */
static lc_status map_indicator(const lc_dataset *d, const int32_t *map, size_t classes, bool several, uint8_t **out)
{
    size_t cells;
    *out = NULL;
    if (!several) {
        return LC_OK;
    }
    if (!lc_mul(d->rows, classes, &cells)) {
        return lc_fail(LC_ERR_NOMEM, "%zu rows of %zu classes are too many", d->rows, classes);
    }
    LC_TRY(lc_alloc_array(out, cells, sizeof **out));
    for (size_t i = 0; i < d->rows * d->classes; i++) {
        size_t row = i / d->classes, k = i % d->classes;
        if (d->indicator ? d->indicator[i] : d->labels[row] == (int32_t)k) {
            (*out)[row * classes + (size_t)map[k]] = 1;
        }
    }
    return LC_OK;
}

lc_status lc_classifier_match(const lc_classifier *c, lc_dataset *d)
{
    int32_t *map;
    char **names = NULL;
    uint8_t *indicator = NULL;
    size_t classes = c->info.classes;
    LC_TRY(match_layers(c, d));
    if (!c->info.several_labels) {
        LC_TRY(lc_dataset_one_label(d, "this classifier, trained on one label per row,"));
    }
    LC_TRY(lc_alloc_array(&map, d->classes, sizeof *map));
    lc_status status = map_classes(c, d, map);
    if (status == LC_OK) {
        status = map_indicator(d, map, classes, c->info.several_labels, &indicator);
    }
    if (status == LC_OK && (status = lc_copy_strings(&names, c->info.class_names, classes)) != LC_OK) {
        free(indicator);
    }
    if (status == LC_OK) {
        for (size_t i = 0; i < d->rows; i++) {
            d->labels[i] = d->labels[i] < 0 ? -1 : map[d->labels[i]];
        }
        lc_free_strings(d->class_names, d->classes);
        d->class_names = names;
        d->classes = classes;
        free(d->indicator);
        d->indicator = indicator;
    }
    free(map);
    return status;
}

typedef struct {
    const lc_classifier *c;
    const float *x;
    size_t rows;
    int32_t *labels;
    float *scores; /* may be NULL */
} score_job;

static lc_status score_block(void *context, size_t block)
{
    const score_job *job = context;
    const lc_classifier *c = job->c;
    size_t dim = c->info.dim, classes = c->info.classes, first = block * LC_CLF_BLOCK;
    size_t count = job->rows - first < LC_CLF_BLOCK ? job->rows - first : LC_CLF_BLOCK;
    float *x = NULL, *scores = NULL;
    int32_t labels[LC_CLF_BLOCK];
    lc_status status = lc_interrupt_check();
    for (size_t i = first * dim; status == LC_OK && i < (first + count) * dim; i++) {
        if (!isfinite(job->x[i])) {
            status = lc_fail(LC_ERR_ARG, "row %zu has NaN or Inf at feature %zu", i / dim, i % dim);
        }
    }
    if (status != LC_OK || (status = lc_alloc_array(&x, LC_CLF_BLOCK * c->transform.out, sizeof *x)) != LC_OK ||
        (status = lc_alloc_raw(&scores, LC_CLF_BLOCK * classes, sizeof *scores)) != LC_OK) {
        goto done;
    }
    status = lc_transform_apply(&c->transform, job->x + first * dim, count, x, NULL);
    if (status == LC_OK) {
        status = c->clf->scores(c->model, x, labels, scores);
    }
    if (status == LC_OK) {
        memcpy(job->labels + first, labels, count * sizeof *labels);
    }
    if (status == LC_OK && job->scores) {
        lc_calibration_apply(&c->calibration, labels, scores, count, classes);
        memcpy(job->scores + first * classes, scores, count * classes * sizeof *scores);
    }
done:
    free(x);
    free(scores);
    return status;
}

lc_status lc_classifier_scores(const lc_classifier *c, const float *x, size_t rows, size_t dim, int32_t *labels,
                               float *scores, lc_threads *threads)
{
    if (dim != c->info.dim) {
        return lc_fail(LC_ERR_SHAPE, "rows of %zu numbers for a classifier of %zu", dim, c->info.dim);
    }
    score_job job = {c, x, rows, labels, scores};
    return lc_parallel_for(threads, (rows + LC_CLF_BLOCK - 1) / LC_CLF_BLOCK, score_block, &job);
}

static lc_status export_model(const lc_classifier *c, const char *prefix)
{
    char *path = NULL, *text = NULL;
    size_t size;
    LC_TRY(lc_sprintf(&path, "%s.model", prefix));
    lc_status status = c->clf->export_text(c->model, &text, &size);
    if (status == LC_OK) {
        status = lc_write_file(path, text, size);
    }
    free(text);
    free(path);
    return status;
}

static lc_status export_names(const lc_classifier *c, const char *prefix)
{
    char *path;
    LC_TRY(lc_sprintf(&path, "%s.classes.txt", prefix));
    lc_status status = lc_export_class_names(path, c->info.class_names, c->info.classes);
    free(path);
    return status;
}

static lc_status export_rows(const lc_classifier *c, const lc_dataset *d, const char *prefix)
{
    char *path = NULL;
    float *x = NULL;
    lc_status status;
    size_t dim = c->transform.out;
    if ((status = lc_alloc_raw(&x, d->rows * dim, sizeof *x)) != LC_OK ||
        (status = lc_sprintf(&path, "%s.%s.libsvm", prefix, d->split_name)) != LC_OK) {
        goto done;
    }
    status = lc_transform_apply(&c->transform, d->x, d->rows, x, NULL);
    if (status == LC_OK) {
        status = lc_export_rows_libsvm(path, x, d->labels, d->rows, dim);
    }
done:
    free(x);
    free(path);
    return status;
}

lc_status lc_classifier_export_libsvm(const lc_classifier *c, const lc_dataset *data, const char *prefix)
{
    if (!c->clf->export_text) {
        return lc_fail(LC_ERR_UNSUPPORTED, "a classifier '%s' cannot be written for LIBSVM", c->clf->name);
    }
    if (data && data->dim != c->info.dim) {
        return lc_fail(LC_ERR_SHAPE, "rows of %zu numbers for a classifier of %zu", data->dim, c->info.dim);
    }
    LC_TRY(export_model(c, prefix));
    LC_TRY(export_names(c, prefix));
    return data ? export_rows(c, data, prefix) : LC_OK;
}

lc_status lc_classifier_export_npy(const lc_classifier *c, const char *prefix)
{
    size_t classes = c->info.classes, dim = c->transform.out;
    char *weights_path = NULL, *bias_path = NULL;
    float *weights = NULL;
    double *bias = NULL;
    lc_status status;
    if (!c->clf->export_weights) {
        return lc_fail(LC_ERR_UNSUPPORTED, "a classifier '%s' has no weights per class to write as npy", c->clf->name);
    }
    if ((status = lc_alloc_raw(&weights, classes * dim, sizeof *weights)) != LC_OK ||
        (status = lc_alloc_raw(&bias, classes, sizeof *bias)) != LC_OK ||
        (status = c->clf->export_weights(c->model, classes, weights, bias)) != LC_OK ||
        (status = lc_sprintf(&weights_path, "%s.weights.npy", prefix)) != LC_OK ||
        (status = lc_sprintf(&bias_path, "%s.bias.npy", prefix)) != LC_OK ||
        (status = lc_export_weights(weights_path, weights, classes, dim)) != LC_OK ||
        (status = lc_export_bias(bias_path, bias, classes)) != LC_OK) {
        goto done;
    }
    status = export_names(c, prefix);
done:
    free(weights_path);
    free(bias_path);
    free(weights);
    free(bias);
    return status;
}

size_t lc_classifier_versions(const char *lines[], size_t capacity)
{
    size_t n = 0;
    for (size_t i = 0; i < lc_clf_count && n < capacity; i++) {
        if (lc_clf_table[i]->version) {
            lines[n++] = lc_clf_table[i]->version();
        }
    }
    if (n < capacity && lc_blas_open() == LC_OK) {
        lines[n++] = lc_blas_description();
    }
    return n;
}
