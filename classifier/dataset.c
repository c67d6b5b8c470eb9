#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/classifier.h"
#include "common/feature_store.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"

enum { READ_ROWS = 1024 };

void lc_dataset_free(lc_dataset *d)
{
    if (!d) {
        return;
    }
    lc_free_strings(d->paths, d->rows);
    lc_free_strings(d->class_names, d->classes);
    lc_free_strings(d->layer_names, d->layers);
    lc_free_strings(d->pools, d->layers);
    void *const arrays[] = {d->x, d->labels, d->indicator, d->layer_dims, d->recipe, d->model_name, d->model_sha256, d->source};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        free(arrays[i]);
    }
    free(d);
}

void lc_dataset_keep(lc_dataset *d, const bool *keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->rows; i++) {
        if (!keep[i]) {
            free(d->paths[i]);
            continue;
        }
        memmove(d->x + kept * d->dim, d->x + i * d->dim, d->dim * sizeof *d->x);
        if (d->indicator) {
            memmove(d->indicator + kept * d->classes, d->indicator + i * d->classes, d->classes);
        }
        d->labels[kept] = d->labels[i];
        d->paths[kept++] = d->paths[i];
    }
    d->rows = kept;
}

lc_status lc_join_labels(const lc_dataset *d, size_t i, const float *scores, char **out)
{
    lc_text text;
    bool some = false;
    LC_TRY(lc_text_open(&text));
    for (size_t k = 0; k < d->classes; k++) {
        bool has = scores ? scores[i * d->classes + k] > 0
                          : d->indicator ? d->indicator[i * d->classes + k] : d->labels[i] == (int32_t)k;
        if (has) {
            fprintf(text.stream, "%s%s", some ? ";" : "", d->class_names[k]);
            some = true;
        }
    }
    lc_status status = lc_text_close(&text);
    *out = text.text;
    return status;
}

lc_status lc_dataset_one_label(const lc_dataset *d, const char *what)
{
    return d->indicator ? lc_fail(LC_ERR_UNSUPPORTED, "%s: its rows have several labels; %s takes one label per row", d->source, what)
                        : LC_OK;
}

static lc_status choose_split(const lc_manifest *m, const char *source, lc_rows which, int *split)
{
    size_t in[LC_SPLIT_COUNT] = {0};
    for (size_t i = 0; i < m->rows; i++) {
        in[m->splits[i]]++;
    }
    bool no_splits = in[LC_SPLIT_NONE] == m->rows;
    switch (which) {
    case LC_ROWS_TRAIN:
        *split = no_splits ? -1 : LC_SPLIT_TRAIN;
        break;
    case LC_ROWS_VAL:
        *split = LC_SPLIT_VAL;
        break;
    case LC_ROWS_TEST:
        *split = LC_SPLIT_TEST;
        break;
    case LC_ROWS_JUDGE:
        *split = in[LC_SPLIT_TEST] ? LC_SPLIT_TEST : LC_SPLIT_VAL;
        break;
    default:
        *split = -1;
    }
    if (*split < 0 || in[*split] > 0) {
        return LC_OK;
    }
    return lc_fail(LC_ERR_ARG, "%s has no rows in split '%s'; it has train %zu, val %zu, test %zu, none %zu", source,
                   which == LC_ROWS_JUDGE ? "test' or 'val" : lc_split_name((unsigned)*split), in[LC_SPLIT_TRAIN],
                   in[LC_SPLIT_VAL], in[LC_SPLIT_TEST], in[LC_SPLIT_NONE]);
}

/* rows (the caller's): indices into the store of the rows that count; the others of the split are counted in d. */
static lc_status choose_rows(const lc_store *store, const char *source, lc_rows which, lc_dataset *d, size_t **rows)
{
    const lc_manifest *m = lc_store_manifest(store);
    const uint8_t *row_status = lc_store_status(store);
    size_t pending = 0;
    bool unlabelled = which & LC_ROWS_UNLABELLED;
    int split;
    LC_TRY(choose_split(m, source, which & ~(unsigned)LC_ROWS_UNLABELLED, &split));
    d->split_name = split < 0 ? "all" : lc_split_name((unsigned)split);
    LC_TRY(lc_alloc_raw(rows, m->rows, sizeof **rows));
    for (size_t i = 0; i < m->rows; i++) {
        if (split >= 0 && m->splits[i] != split) {
            continue;
        }
        if (row_status[i] != LC_ROW_OK) {
            d->failed++;
            pending += row_status[i] == LC_ROW_PENDING;
        } else if (m->labels[i] < 0 && !unlabelled) {
            d->unlabelled++;
        } else {
            (*rows)[d->rows++] = i;
        }
    }
    if (pending > 0) {
        lc_log(LC_LOG_WARNING, "%s is unfinished: %zu rows of split '%s' are still to be computed and are left out", source,
               pending, d->split_name);
    }
    if (d->rows == 0) {
        return lc_fail(LC_ERR_ARG, "%s has no %srow in split '%s': %zu rows have no label, %zu failed", source,
                       unlabelled ? "good " : "labelled ", d->split_name, d->unlabelled, d->failed);
    }
    return LC_OK;
}

static lc_status copy_layers(const lc_store *store, const char *const *layers, size_t count, lc_dataset *d, size_t **chosen)
{
    d->layers = layers ? count : 1;
    LC_TRY(lc_alloc_raw(chosen, d->layers, sizeof **chosen));
    LC_TRY(lc_alloc_array(&d->layer_names, d->layers, sizeof *d->layer_names));
    LC_TRY(lc_alloc_array(&d->pools, d->layers, sizeof *d->pools));
    LC_TRY(lc_alloc_array(&d->layer_dims, d->layers, sizeof *d->layer_dims));
    for (size_t l = 0; l < d->layers; l++) {
        (*chosen)[l] = lc_store_layer_count(store) - 1;
        if (layers) {
            LC_TRY(lc_store_find_layer(store, layers[l], &(*chosen)[l]));
        }
        const lc_store_layer *layer = lc_store_layer_at(store, (*chosen)[l]);
        LC_TRY(lc_strdup(&d->layer_names[l], layer->name));
        LC_TRY(lc_strdup(&d->pools[l], layer->pool));
        d->layer_dims[l] = layer->dim;
        if (!lc_add(d->dim, layer->dim, &d->dim)) {
            return lc_fail(LC_ERR_STALE, "the layers are too wide");
        }
    }
    return LC_OK;
}

static lc_status copy_names(const lc_store *store, const char *source, const size_t *rows, lc_dataset *d)
{
    const lc_manifest *m = lc_store_manifest(store);
    LC_TRY(lc_alloc_array(&d->labels, d->rows, sizeof *d->labels));
    LC_TRY(lc_alloc_array(&d->paths, d->rows, sizeof *d->paths));
    for (size_t i = 0; i < d->rows; i++) {
        d->labels[i] = m->labels[rows[i]];
        LC_TRY(lc_strdup(&d->paths[i], m->paths[rows[i]]));
    }
    LC_TRY(lc_copy_strings(&d->class_names, (const char *const *)m->class_names, m->classes));
    d->classes = m->classes;
    if (m->indicator) {
        LC_TRY(lc_alloc_raw(&d->indicator, d->rows * d->classes, sizeof *d->indicator));
    }
    for (size_t i = 0; m->indicator && i < d->rows; i++) {
        memcpy(d->indicator + i * d->classes, m->indicator + rows[i] * d->classes, d->classes);
    }
    const char *name = lc_store_attribute(store, "model_name"), *sha256 = lc_store_attribute(store, "model_sha256");
    LC_TRY(lc_strdup(&d->model_name, name ? name : ""));
    LC_TRY(lc_strdup(&d->model_sha256, sha256 ? sha256 : ""));
    LC_TRY(lc_strdup(&d->recipe, lc_store_recipe(store)));
    return lc_strdup(&d->source, source);
}

/* Blocks of the layer are read whole and the wanted rows picked out. */
static lc_status read_layer(lc_store *store, size_t layer, const size_t *rows, lc_dataset *d, size_t column)
{
    size_t dim = lc_store_layer_at(store, layer)->dim, block;
    float *buffer;
    if (!lc_mul(dim, READ_ROWS, &block)) {
        return lc_fail(LC_ERR_STALE, "a layer of %zu numbers per row is too wide", dim);
    }
    LC_TRY(lc_alloc_raw(&buffer, block, sizeof *buffer));
    lc_status status = LC_OK;
    for (size_t i = 0; i < d->rows && status == LC_OK;) {
        size_t first = rows[i], last = i;
        while (last + 1 < d->rows && rows[last + 1] < first + READ_ROWS) {
            last++;
        }
        status = lc_store_read(store, layer, first, rows[last] - first + 1, buffer);
        for (; status == LC_OK && i <= last; i++) {
            memcpy(d->x + i * d->dim + column, buffer + (rows[i] - first) * dim, dim * sizeof *buffer);
        }
    }
    free(buffer);
    return status;
}

lc_status lc_dataset_read(lc_dataset **out, const char *path, const char *const *layers, size_t layer_count, lc_rows which)
{
    lc_store *store = NULL;
    lc_dataset *d = NULL;
    size_t *rows = NULL, *chosen = NULL, values;
    *out = NULL;
    lc_status status = lc_store_open(&store, path);
    if (status != LC_OK || (status = lc_alloc_array(&d, 1, sizeof *d)) != LC_OK ||
        (status = copy_layers(store, layers, layer_count, d, &chosen)) != LC_OK ||
        (status = choose_rows(store, path, which, d, &rows)) != LC_OK ||
        (status = copy_names(store, path, rows, d)) != LC_OK) {
        goto done;
    }
    if (!lc_mul(d->rows, d->dim, &values)) {
        status = lc_fail(LC_ERR_NOMEM, "%zu rows of %zu numbers are too many", d->rows, d->dim);
        goto done;
    }
    status = lc_alloc_raw(&d->x, values, sizeof *d->x);
    for (size_t l = 0, column = 0; status == LC_OK && l < d->layers; column += d->layer_dims[l++]) {
        status = read_layer(store, chosen[l], rows, d, column);
    }
done:
    free(rows);
    free(chosen);
    lc_store_free(store);
    if (status == LC_OK) {
        *out = d;
    } else {
        lc_dataset_free(d);
    }
    return status;
}
