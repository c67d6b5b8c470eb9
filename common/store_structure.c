#include "common/store_structure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

#define FORMAT_NAME "layercut-features"

enum { FORMAT_VERSION = 1, CHUNK_BYTES = 1 << 20 };

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

/* Of a part: what it is part of. */
static lc_status write_part(lc_h5 *file, const lc_manifest *m)
{
    if (!m->parts) {
        return LC_OK;
    }
    LC_TRY(lc_h5_set_ints(file, "/", "shard", (int64_t[]){(int64_t)m->part, (int64_t)m->parts, (int64_t)m->whole_rows}, 3));
    return lc_h5_set_text(file, "/", "whole_sha256", m->whole_sha256);
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
    LC_TRY(write_part(file, o->manifest));
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
    if (m->indicator) {
        LC_TRY(lc_h5_put(file, "/images/labels", LC_H5_U8, n, m->classes, m->indicator));
    }
    LC_TRY(lc_h5_soft_link(file, "/images/label", "/labels"));
    return lc_h5_write_strings(file, "/classes", (const char *const *)m->class_names, m->classes);
}

/* A power of two of rows: of about CHUNK_BYTES, and no more than the writer's buffer holds, so that chunks are written whole. */
static size_t chunk_rows_of(const lc_store_options *o, const lc_store_layer *layer)
{
    size_t most = lc_store_buffer_rows(o->layers, o->layer_count), rows = 1;
    while (2 * rows <= most && 2 * rows * layer->dim * sizeof(float) <= CHUNK_BYTES) {
        rows *= 2;
    }
    return rows;
}

static lc_status make_layer(lc_h5 *file, const char *path, const lc_store_layer *layer, const lc_store_options *o)
{
    const lc_h5_shape shape = {o->half ? LC_H5_F16 : LC_H5_F32, 0, 2, {o->manifest->rows, layer->dim}};
    if (o->layout == LC_STORE_PACKED) {
        return lc_h5_make_packed(file, path, &shape, chunk_rows_of(o, layer));
    }
    if (o->layout == LC_STORE_PLAIN) {
        return lc_h5_make(file, path, &shape);
    }
    lc_h5_source *sources;
    LC_TRY(lc_alloc_array(&sources, o->part_count, sizeof *sources));
    for (size_t i = 0; i < o->part_count; i++) {
        sources[i] = (lc_h5_source){o->parts[i].file, path, o->parts[i].rows};
    }
    lc_status status = lc_h5_make_virtual(file, path, &shape, sources, o->part_count);
    free(sources);
    return status;
}

static lc_status write_layer_at(lc_h5 *file, const char *path, const lc_store_options *o, size_t index)
{
    const lc_store_layer *layer = &o->layers[index];
    const int64_t shape[3] = {(int64_t)layer->shape[0], (int64_t)layer->shape[1], (int64_t)layer->shape[2]};
    if (lc_h5_exists(file, path)) {
        return lc_fail(LC_ERR_ARG, "two layers would be stored as %s", path);
    }
    LC_TRY(make_layer(file, path, layer, o));
    LC_TRY(lc_h5_set_text(file, path, "name", layer->name));
    LC_TRY(lc_h5_set_text(file, path, "op", layer->op));
    LC_TRY(lc_h5_set_text(file, path, "pool", layer->pool));
    LC_TRY(lc_h5_set_ints(file, path, "shape", shape, 3));
    if (layer->macs > 0) {
        LC_TRY(lc_h5_set_ints(file, path, "macs", (int64_t[]){(int64_t)layer->macs}, 1));
        LC_TRY(lc_h5_set_ints(file, path, "parameters", (int64_t[]){(int64_t)layer->parameters}, 1));
    }
    return lc_h5_set_ints(file, path, "index", (int64_t[]){(int64_t)index}, 1);
}

static lc_status write_layer(lc_h5 *file, const lc_store_options *o, size_t index)
{
    const lc_store_layer *layer = &o->layers[index];
    char *id, *path = NULL;
    LC_TRY(id_of(&id, layer->name));
    /* "." is a folder's name for itself in HDF5 too. */
    lc_status status = id[0] && strcmp(id, ".") != 0
                           ? lc_store_layer_path(&path, id)
                           : lc_fail(LC_ERR_ARG, "a layer called '%s' cannot be stored", layer->name);
    if (status == LC_OK) {
        status = write_layer_at(file, path, o, index);
    }
    if (status == LC_OK && index + 1 == o->layer_count) {
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
        LC_TRY(write_layer(file, options, i));
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

/* Reads what write_part wrote. */
static lc_status load_part(lc_store *s)
{
    int64_t shard[3];
    char *whole;
    if (lc_h5_get_ints(s->file, "/", "shard", shard, 3) != LC_OK) {
        return LC_OK; /* not a part */
    }
    LC_TRY(lc_h5_get_text(s->file, "/", "whole_sha256", &whole));
    lc_manifest *m = s->manifest;
    m->whole_sha256 = whole;
    if (shard[0] < 1 || shard[0] > shard[1] || shard[1] > INT32_MAX || shard[2] < 1 || shard[2] > INT32_MAX) {
        return LC_STORE_STALE(s, "says it is part %lld of %lld of %lld rows", (long long)shard[0], (long long)shard[1],
                              (long long)shard[2]);
    }
    m->part = (size_t)shard[0];
    m->parts = (size_t)shard[1];
    m->whole_rows = (size_t)shard[2];
    return LC_OK;
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

/* Of a file with rows of several labels; they must agree with the one that /images/label names. */
static lc_status load_indicator(lc_store *s)
{
    static const char path[] = "/images/labels";
    lc_manifest *m = s->manifest;
    size_t cells;
    if (!lc_h5_exists(s->file, path)) {
        return LC_OK;
    }
    const lc_h5_shape shape = {LC_H5_U8, 0, 2, {m->rows, m->classes}};
    LC_TRY(check_shape(s, path, &shape));
    if (!lc_mul(m->rows, m->classes, &cells)) {
        return LC_STORE_STALE(s, "%s is too large", path);
    }
    LC_TRY(lc_alloc_array(&m->indicator, cells, sizeof *m->indicator));
    LC_TRY(lc_h5_read(s->file, path, LC_H5_U8, 0, m->rows, m->indicator));
    for (size_t i = 0; i < m->rows; i++) {
        const uint8_t *row = m->indicator + i * m->classes;
        int32_t first = -1;
        for (size_t k = m->classes; k > 0; k--) {
            first = row[k - 1] ? (int32_t)(k - 1) : first;
            if (row[k - 1] > 1) {
                return LC_STORE_STALE(s, "%s holds %u for row %zu", path, row[k - 1], i);
            }
        }
        if (first != m->labels[i]) {
            return LC_STORE_STALE(s, "row %zu (%s) has label %d, but %s begins with %d", i, m->paths[i], m->labels[i], path, first);
        }
    }
    return LC_OK;
}

static lc_status load_images(lc_store *s)
{
    lc_manifest *m;
    LC_TRY(lc_alloc_array(&s->manifest, 1, sizeof *m));
    m = s->manifest;
    LC_TRY(lc_strdup(&m->root, s->attributes[AT_SOURCE_ROOT]));
    LC_TRY(load_part(s));
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
    return load_indicator(s);
}

/* A source of virtual rows, beside the store unless its path is absolute. HDF5 itself would read rows of none as NaN. */
static lc_status find_part(lc_store *s, const char *file)
{
    const char *slash = strrchr(s->path, '/');
    char *path;
    int folder = file[0] == '/' || !slash ? 0 : (int)(slash + 1 - s->path);
    LC_TRY(lc_sprintf(&path, "%.*s%s", folder, s->path, file));
    lc_status status =
        access(path, R_OK) == 0 ? LC_OK : LC_STORE_STALE(s, "its part %s is not there: %s", path, strerror(errno));
    free(path);
    return status;
}

/* All layers have one layout and one type of numbers; the first that is read decides. */
static lc_status load_layout(lc_store *s, const char *path, bool half)
{
    lc_h5_layout found;
    LC_TRY(lc_h5_layout_of(s->file, path, &found));
    lc_store_layout layout = found == LC_H5_PLAIN ? LC_STORE_PLAIN : found == LC_H5_PACKED ? LC_STORE_PACKED : LC_STORE_VIRTUAL;
    if (s->layer_seen && (layout != s->layout || half != s->half)) {
        return LC_STORE_STALE(s, "%s is not stored as the other layers are", path);
    }
    s->layer_seen = true;
    s->layout = layout;
    s->half = half;
    if (layout != LC_STORE_VIRTUAL) {
        return LC_OK;
    }
    char **files;
    size_t count;
    LC_TRY(lc_h5_sources(s->file, path, &files, &count));
    lc_status status = LC_OK;
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        status = find_part(s, files[i]);
    }
    lc_free_strings(files, count);
    return status;
}

/* Reads one layer; *index is its place in the network. */
static lc_status load_layer(lc_store *s, lc_store_layer *layer, const char *path, int64_t *index)
{
    int64_t shape[3], macs, parameters;
    lc_h5_shape found;
    LC_TRY(lc_h5_get_text(s->file, path, "name", &layer->name));
    LC_TRY(lc_h5_get_text(s->file, path, "op", &layer->op));
    LC_TRY(lc_h5_get_text(s->file, path, "pool", &layer->pool));
    LC_TRY(lc_h5_get_ints(s->file, path, "shape", shape, 3));
    LC_TRY(lc_h5_get_ints(s->file, path, "index", index, 1));
    LC_TRY(lc_h5_shape_of(s->file, path, &found));
    if ((found.type != LC_H5_F32 && found.type != LC_H5_F16) || found.rank != 2) {
        return LC_STORE_STALE(s, "%s is not a matrix of real numbers", path);
    }
    LC_TRY(load_layout(s, path, found.type == LC_H5_F16));
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
    /* Costs are a convenience that no number rests on. */
    if (lc_h5_get_ints(s->file, path, "macs", &macs, 1) == LC_OK && macs > 0 &&
        lc_h5_get_ints(s->file, path, "parameters", &parameters, 1) == LC_OK && parameters >= 0) {
        layer->macs = (uint64_t)macs;
        layer->parameters = (uint64_t)parameters;
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
