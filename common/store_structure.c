#include "common/store_structure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"

#define FORMAT_NAME "layercut-features"

enum { FORMAT_VERSION = 1 };

const char *const lc_store_attribute_names[ATTRIBUTES] = {
    [AT_CREATED] = "created_utc",     [AT_TOOL] = "tool_version",     [AT_COMMAND] = "command",
    [AT_RECIPE] = "recipe",           [AT_MODEL_NAME] = "model_name", [AT_MODEL_SHA256] = "model_sha256",
    [AT_SOURCE_ROOT] = "source_root", [AT_MODEL_PATH] = "model_path",
};

/* Datasets of one row per picture, beside /images/path: `columns` 0 for a vector. */
static const struct {
    const char *path;
    lc_h5_type type;
    size_t text_size, columns;
} image_sets[] = {
    {"/images/label", LC_H5_I32, 0, 0},
    {"/images/split", LC_H5_U8, 0, 0},
    {"/images/status", LC_H5_U8, 0, 0},
    {"/images/error", LC_H5_TEXT, LC_ROW_ERROR_SIZE, 0},
    {"/images/sha256", LC_H5_U8, 0, LC_SHA256_SIZE},
    {"/images/width", LC_H5_I32, 0, 0},
    {"/images/height", LC_H5_I32, 0, 0},
};

enum { IMAGE_SETS = sizeof image_sets / sizeof *image_sets };

/* Making a file ---------------------------------------------------------------------------------------------- */

/* The tap's name as the name of a dataset: '/' would make groups of it. */
static lc_status id_of(char **out, const char *name)
{
    LC_TRY(lc_strdup(out, name));
    for (char *p = *out; *p; p++) {
        *p = *p == '/' ? '.' : *p;
    }
    return LC_OK;
}

lc_status lc_store_layer_path(char **out, const char *id)
{
    return lc_sprintf(out, "/layers/%s", id);
}

static lc_status write_attributes(lc_h5 *file, const lc_store_options *o)
{
    char created[32], hex[LC_SHA256_HEX_SIZE];
    uint8_t digest[LC_SHA256_SIZE];
    lc_clock_utc(created);
    const char *texts[ATTRIBUTES] = {
        [AT_CREATED] = created,
        [AT_TOOL] = LC_VERSION,
        [AT_COMMAND] = o->command,
        [AT_RECIPE] = o->recipe,
        [AT_MODEL_NAME] = o->model_name,
        [AT_MODEL_SHA256] = o->model_sha256,
        [AT_SOURCE_ROOT] = o->manifest->root,
        [AT_MODEL_PATH] = o->model_path,
    };
    LC_TRY(lc_sha256(o->recipe, strlen(o->recipe), digest));
    lc_sha256_hex(digest, hex);
    LC_TRY(lc_h5_set_text(file, "/", "format", FORMAT_NAME));
    LC_TRY(lc_h5_set_ints(file, "/", "format_version", (int64_t[]){FORMAT_VERSION}, 1));
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        LC_TRY(lc_h5_set_text(file, "/", lc_store_attribute_names[i], texts[i] ? texts[i] : ""));
    }
    LC_TRY(lc_h5_set_text(file, "/", "recipe_sha256", hex));
    return lc_h5_set_ints(file, "/", "complete", (int64_t[]){0}, 1);
}

static lc_h5_shape image_shape(size_t set, size_t rows)
{
    size_t columns = image_sets[set].columns;
    return (lc_h5_shape){image_sets[set].type, image_sets[set].text_size, columns ? 2 : 1, {rows, columns}};
}

static lc_status write_images(lc_h5 *file, const lc_manifest *m)
{
    size_t n = m->rows;
    LC_TRY(lc_h5_write_strings(file, "/images/path", (const char *const *)m->paths, n));
    for (size_t i = 0; i < IMAGE_SETS; i++) {
        const lc_h5_shape shape = image_shape(i, n);
        LC_TRY(lc_h5_make(file, image_sets[i].path, &shape));
    }
    LC_TRY(lc_h5_write(file, "/images/label", LC_H5_I32, 0, n, m->labels));
    LC_TRY(lc_h5_write(file, "/images/split", LC_H5_U8, 0, n, m->splits));
    LC_TRY(lc_h5_soft_link(file, "/images/label", "/labels"));
    return lc_h5_write_strings(file, "/classes", (const char *const *)m->class_names, m->classes);
}

static lc_status write_layer_at(lc_h5 *file, const char *path, const lc_store_layer *layer, size_t index, size_t rows)
{
    const int64_t shape[3] = {(int64_t)layer->shape[0], (int64_t)layer->shape[1], (int64_t)layer->shape[2]};
    if (lc_h5_exists(file, path)) {
        return lc_fail(LC_ERR_ARG, "two layers would be stored as %s", path);
    }
    LC_TRY(lc_h5_make(file, path, &(lc_h5_shape){LC_H5_F32, 0, 2, {rows, layer->dim}}));
    LC_TRY(lc_h5_set_text(file, path, "name", layer->name));
    LC_TRY(lc_h5_set_text(file, path, "op", layer->op));
    LC_TRY(lc_h5_set_text(file, path, "pool", layer->pool));
    LC_TRY(lc_h5_set_ints(file, path, "shape", shape, 3));
    return lc_h5_set_ints(file, path, "index", (int64_t[]){(int64_t)index}, 1);
}

static lc_status write_layer(lc_h5 *file, const lc_store_layer *layer, size_t index, size_t rows, bool deepest)
{
    char *id, *path = NULL;
    LC_TRY(id_of(&id, layer->name));
    /* "." is a folder's name for itself in HDF5 too. */
    lc_status status = id[0] && strcmp(id, ".") != 0
                           ? lc_store_layer_path(&path, id)
                           : lc_fail(LC_ERR_ARG, "a layer called '%s' cannot be stored", layer->name);
    if (status == LC_OK) {
        status = write_layer_at(file, path, layer, index, rows);
    }
    if (status == LC_OK && deepest) {
        status = lc_h5_soft_link(file, path, "/features");
    }
    free(path);
    free(id);
    return status;
}

lc_status lc_store_write_structure(lc_h5 *file, const lc_store_options *options)
{
    LC_TRY(write_attributes(file, options));
    LC_TRY(write_images(file, options->manifest));
    LC_TRY(lc_h5_group(file, "/layers"));
    for (size_t i = 0; i < options->layer_count; i++) {
        LC_TRY(write_layer(file, &options->layers[i], i, options->manifest->rows, i + 1 == options->layer_count));
    }
    return lc_h5_flush(file);
}

/* Reading and checking a file's structure -------------------------------------------------------------------- */

static lc_status check_shape(lc_store *s, const char *path, const lc_h5_shape *wanted)
{
    lc_h5_shape found;
    LC_TRY(lc_h5_shape_of(s->file, path, &found));
    bool same = found.type == wanted->type && found.rank == wanted->rank && found.text_size == wanted->text_size;
    for (size_t i = 0; same && i < wanted->rank; i++) {
        if (found.dims[i] != wanted->dims[i]) {
            return LC_STORE_STALE(s, "%s has %zu in dimension %zu where %zu belong", path, found.dims[i], i,
                                  wanted->dims[i]);
        }
    }
    return same ? LC_OK : LC_STORE_STALE(s, "%s is not of the type and shape of a features file", path);
}

static lc_status load_attributes(lc_store *s)
{
    char *text;
    int64_t version, complete;
    char hex[LC_SHA256_HEX_SIZE];
    uint8_t digest[LC_SHA256_SIZE];
    LC_TRY(lc_h5_get_text(s->file, "/", "format", &text));
    bool ours = strcmp(text, FORMAT_NAME) == 0;
    free(text);
    if (!ours) {
        return LC_STORE_STALE(s, "not a features file (attribute format is not '" FORMAT_NAME "')");
    }
    LC_TRY(lc_h5_get_ints(s->file, "/", "format_version", &version, 1));
    if (version != FORMAT_VERSION) {
        return LC_STORE_STALE(s, "format_version %lld; this program reads %d", (long long)version, FORMAT_VERSION);
    }
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        lc_status got = lc_h5_get_text(s->file, "/", lc_store_attribute_names[i], &s->attributes[i]);
        /* A convenience that no number rests on: a file without it is as good. */
        LC_TRY(i == AT_MODEL_PATH && got == LC_ERR_STALE ? lc_strdup(&s->attributes[i], "") : got);
    }
    LC_TRY(lc_h5_get_text(s->file, "/", "recipe_sha256", &text));
    lc_status status = lc_sha256(s->attributes[AT_RECIPE], strlen(s->attributes[AT_RECIPE]), digest);
    if (status == LC_OK) {
        lc_sha256_hex(digest, hex);
        status = strcmp(text, hex) == 0 ? LC_OK : LC_STORE_STALE(s, "recipe_sha256 is not the hash of recipe");
    }
    free(text);
    LC_TRY(status);
    LC_TRY(lc_h5_get_ints(s->file, "/", "complete", &complete, 1));
    s->complete = complete == 1;
    return LC_OK;
}

static lc_status load_images(lc_store *s)
{
    lc_manifest *m;
    LC_TRY(lc_alloc_array(&s->manifest, 1, sizeof *m));
    m = s->manifest;
    LC_TRY(lc_strdup(&m->root, s->attributes[AT_SOURCE_ROOT]));
    LC_TRY(lc_h5_read_strings(s->file, "/images/path", &m->paths, &m->rows));
    LC_TRY(lc_h5_read_strings(s->file, "/classes", &m->class_names, &m->classes));
    size_t n = m->rows;
    for (size_t i = 0; i < IMAGE_SETS; i++) {
        const lc_h5_shape shape = image_shape(i, n);
        LC_TRY(check_shape(s, image_sets[i].path, &shape));
    }
    LC_TRY(lc_alloc_array(&m->labels, n, sizeof *m->labels));
    LC_TRY(lc_alloc_array(&m->splits, n, sizeof *m->splits));
    LC_TRY(lc_alloc_array(&s->status, n, sizeof *s->status));
    LC_TRY(lc_h5_read(s->file, "/images/label", LC_H5_I32, 0, n, m->labels));
    LC_TRY(lc_h5_read(s->file, "/images/split", LC_H5_U8, 0, n, m->splits));
    LC_TRY(lc_h5_read(s->file, "/images/status", LC_H5_U8, 0, n, s->status));
    for (size_t i = 0; i < n; i++) {
        if (m->labels[i] < -1 || (m->labels[i] >= 0 && (size_t)m->labels[i] >= m->classes)) {
            return LC_STORE_STALE(s, "row %zu (%s) has label %d of %zu classes", i, m->paths[i], m->labels[i], m->classes);
        }
        if (m->splits[i] >= LC_SPLIT_COUNT || s->status[i] > LC_ROW_FAILED) {
            return LC_STORE_STALE(s, "row %zu (%s) has split %u and status %u", i, m->paths[i], m->splits[i], s->status[i]);
        }
    }
    return LC_OK;
}

/* Reads one layer; *index is its place in the network. */
static lc_status load_layer(lc_store *s, lc_store_layer *layer, const char *path, int64_t *index)
{
    int64_t shape[3];
    lc_h5_shape found;
    LC_TRY(lc_h5_get_text(s->file, path, "name", &layer->name));
    LC_TRY(lc_h5_get_text(s->file, path, "op", &layer->op));
    LC_TRY(lc_h5_get_text(s->file, path, "pool", &layer->pool));
    LC_TRY(lc_h5_get_ints(s->file, path, "shape", shape, 3));
    LC_TRY(lc_h5_get_ints(s->file, path, "index", index, 1));
    LC_TRY(lc_h5_shape_of(s->file, path, &found));
    if (found.type != LC_H5_F32 || found.rank != 2) {
        return LC_STORE_STALE(s, "%s is not a matrix of real numbers", path);
    }
    if (found.dims[0] != s->manifest->rows) {
        return LC_STORE_STALE(s, "%s has %zu rows, /images/path %zu", path, found.dims[0], s->manifest->rows);
    }
    layer->dim = found.dims[1];
    for (size_t i = 0; i < 3; i++) {
        if (shape[i] < 1) {
            return LC_STORE_STALE(s, "%s comes from an activation of %lld x %lld x %lld", path, (long long)shape[0],
                                  (long long)shape[1], (long long)shape[2]);
        }
        layer->shape[i] = (size_t)shape[i];
    }
    /* Every pooling keeps the channels apart, so a row is so many numbers per channel. */
    if (layer->dim == 0 || layer->dim % layer->shape[0] != 0) {
        return LC_STORE_STALE(s, "%s has rows of %zu numbers, which %zu channels cannot give", path, layer->dim,
                              layer->shape[0]);
    }
    return LC_OK;
}

static lc_status load_layers(lc_store *s)
{
    char **ids = NULL, *path = NULL;
    size_t count = 0;
    LC_TRY(lc_h5_list(s->file, "/layers", &ids, &count));
    lc_status status = count > 0 ? LC_OK : LC_STORE_STALE(s, "/layers is empty");
    if (status == LC_OK) {
        status = lc_alloc_array(&s->layers, count, sizeof *s->layers);
    }
    s->layer_count = status == LC_OK ? count : 0;
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        lc_store_layer layer = {0};
        int64_t index = -1;
        status = lc_store_layer_path(&path, ids[i]);
        if (status == LC_OK) {
            status = load_layer(s, &layer, path, &index);
        }
        if (status == LC_OK && (index < 0 || (size_t)index >= count || s->layers[index].name)) {
            status =
                LC_STORE_STALE(s, "%s has index %lld, which is another's or none of %zu", path, (long long)index, count);
        }
        if (status == LC_OK) {
            layer.id = ids[i];
            ids[i] = NULL;
            s->layers[index] = layer;
        } else {
            free(layer.name);
            free(layer.op);
            free(layer.pool);
        }
        free(path);
        path = NULL;
    }
    lc_free_strings(ids, count);
    return status;
}

lc_status lc_store_load_structure(lc_store *store)
{
    LC_TRY(load_attributes(store));
    LC_TRY(load_images(store));
    return load_layers(store);
}
