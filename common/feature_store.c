#include "common/feature_store.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/h5.h"
#include "common/memory.h"
#include "common/recipe.h"
#include "common/text.h"

#define FORMAT_NAME "layercut-features"

enum { FORMAT_VERSION = 1, FLUSH_SECONDS = 5, BUFFER_BYTES = 32 << 20, READ_BLOCK = 1024 };

/* Text attributes of the root, in the order of the header's list. */
enum { AT_CREATED, AT_TOOL, AT_COMMAND, AT_RECIPE, AT_MODEL_NAME, AT_MODEL_SHA256, AT_SOURCE_ROOT, ATTRIBUTES };

static const char *const attribute_names[ATTRIBUTES] = {
    [AT_CREATED] = "created_utc",     [AT_TOOL] = "tool_version",
    [AT_COMMAND] = "command",         [AT_RECIPE] = "recipe",
    [AT_MODEL_NAME] = "model_name",   [AT_MODEL_SHA256] = "model_sha256",
    [AT_SOURCE_ROOT] = "source_root",
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

struct lc_store {
    lc_h5 *file;
    char *path;
    char *attributes[ATTRIBUTES];
    lc_manifest *manifest;
    lc_store_layer *layers;
    size_t layer_count;
    uint8_t *status; /* (N) as in the file */
    bool writable, complete;

    /* Rows that wait to be written: which, what came of them, and values[l] (capacity, dim). */
    size_t waiting, capacity;
    size_t *row;
    lc_store_row *result;
    float **values;
    struct timespec flushed;

    /* Rows read last by lc_store_read_row. */
    lc_store_row *block;
    size_t block_first, block_count;
};

/* "<file>: <what>" for a file that is refused. */
#define STALE(store, ...) lc_fail_in(lc_fail(LC_ERR_STALE, __VA_ARGS__), "%s", (store)->path)

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

static lc_status layer_path(char **out, const char *id)
{
    return lc_sprintf(out, "/layers/%s", id);
}

/* ISO 8601; SOURCE_DATE_EPOCH is the clock of reproducible runs (reproducible-builds.org). */
static void write_time(char text[static 32])
{
    const char *fixed = getenv("SOURCE_DATE_EPOCH");
    time_t now = fixed ? (time_t)strtoll(fixed, NULL, 10) : time(NULL);
    struct tm utc;
    text[0] = '\0';
    if (gmtime_r(&now, &utc)) {
        strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
}

static lc_status write_attributes(lc_h5 *file, const lc_store_options *o)
{
    char created[32], hex[LC_SHA256_HEX_SIZE];
    uint8_t digest[LC_SHA256_SIZE];
    write_time(created);
    const char *texts[ATTRIBUTES] = {
        [AT_CREATED] = created,         [AT_TOOL] = LC_VERSION,
        [AT_COMMAND] = o->command,      [AT_RECIPE] = o->recipe,
        [AT_MODEL_NAME] = o->model_name, [AT_MODEL_SHA256] = o->model_sha256,
        [AT_SOURCE_ROOT] = o->manifest->root,
    };
    LC_TRY(lc_sha256(o->recipe, strlen(o->recipe), digest));
    lc_sha256_hex(digest, hex);
    LC_TRY(lc_h5_set_text(file, "/", "format", FORMAT_NAME));
    LC_TRY(lc_h5_set_ints(file, "/", "format_version", (int64_t[]){FORMAT_VERSION}, 1));
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        LC_TRY(lc_h5_set_text(file, "/", attribute_names[i], texts[i] ? texts[i] : ""));
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
    lc_status status = id[0] && strcmp(id, ".") != 0 ? layer_path(&path, id)
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

static lc_status write_structure(lc_h5 *file, const lc_store_options *o)
{
    LC_TRY(write_attributes(file, o));
    LC_TRY(write_images(file, o->manifest));
    LC_TRY(lc_h5_group(file, "/layers"));
    for (size_t i = 0; i < o->layer_count; i++) {
        LC_TRY(write_layer(file, &o->layers[i], i, o->manifest->rows, i + 1 == o->layer_count));
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
            return STALE(s, "%s has %zu in dimension %zu where %zu belong", path, found.dims[i], i, wanted->dims[i]);
        }
    }
    return same ? LC_OK : STALE(s, "%s is not of the type and shape of a features file", path);
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
        return STALE(s, "not a features file (attribute format is not '" FORMAT_NAME "')");
    }
    LC_TRY(lc_h5_get_ints(s->file, "/", "format_version", &version, 1));
    if (version != FORMAT_VERSION) {
        return STALE(s, "format_version %lld; this program reads %d", (long long)version, FORMAT_VERSION);
    }
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        LC_TRY(lc_h5_get_text(s->file, "/", attribute_names[i], &s->attributes[i]));
    }
    LC_TRY(lc_h5_get_text(s->file, "/", "recipe_sha256", &text));
    lc_status status = lc_sha256(s->attributes[AT_RECIPE], strlen(s->attributes[AT_RECIPE]), digest);
    if (status == LC_OK) {
        lc_sha256_hex(digest, hex);
        status = strcmp(text, hex) == 0 ? LC_OK : STALE(s, "recipe_sha256 is not the hash of recipe");
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
            return STALE(s, "row %zu (%s) has label %d of %zu classes", i, m->paths[i], m->labels[i], m->classes);
        }
        if (m->splits[i] >= LC_SPLIT_COUNT || s->status[i] > LC_ROW_FAILED) {
            return STALE(s, "row %zu (%s) has split %u and status %u", i, m->paths[i], m->splits[i], s->status[i]);
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
        return STALE(s, "%s is not a matrix of real numbers", path);
    }
    if (found.dims[0] != s->manifest->rows) {
        return STALE(s, "%s has %zu rows, /images/path %zu", path, found.dims[0], s->manifest->rows);
    }
    layer->dim = found.dims[1];
    for (size_t i = 0; i < 3; i++) {
        if (shape[i] < 1) {
            return STALE(s, "%s comes from an activation of %lld x %lld x %lld", path, (long long)shape[0], (long long)shape[1],
                         (long long)shape[2]);
        }
        layer->shape[i] = (size_t)shape[i];
    }
    /* Every pooling keeps the channels apart, so a row is so many numbers per channel. */
    if (layer->dim == 0 || layer->dim % layer->shape[0] != 0) {
        return STALE(s, "%s has rows of %zu numbers, which %zu channels cannot give", path, layer->dim, layer->shape[0]);
    }
    return LC_OK;
}

static lc_status load_layers(lc_store *s)
{
    char **ids = NULL, *path = NULL;
    size_t count = 0;
    LC_TRY(lc_h5_list(s->file, "/layers", &ids, &count));
    lc_status status = count > 0 ? LC_OK : STALE(s, "/layers is empty");
    if (status == LC_OK) {
        status = lc_alloc_array(&s->layers, count, sizeof *s->layers);
    }
    s->layer_count = status == LC_OK ? count : 0;
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        lc_store_layer layer = {0};
        int64_t index = -1;
        status = layer_path(&path, ids[i]);
        if (status == LC_OK) {
            status = load_layer(s, &layer, path, &index);
        }
        if (status == LC_OK && (index < 0 || (size_t)index >= count || s->layers[index].name)) {
            status = STALE(s, "%s has index %lld, which is another's or none of %zu", path, (long long)index, count);
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
    lc_h5_free_strings(ids, count);
    return status;
}

static lc_status load(lc_store *s)
{
    LC_TRY(load_attributes(s));
    LC_TRY(load_images(s));
    return load_layers(s);
}

/* Opening and closing ---------------------------------------------------------------------------------------- */

static lc_status new_store(lc_store **out, const char *path, bool writable)
{
    lc_store *s;
    *out = NULL;
    LC_TRY(lc_alloc_array(&s, 1, sizeof *s));
    s->writable = writable;
    lc_status status = lc_strdup(&s->path, path);
    if (status != LC_OK) {
        free(s);
        return status;
    }
    *out = s;
    return LC_OK;
}

static void free_memory(lc_store *s)
{
    for (size_t i = 0; i < s->layer_count; i++) {
        free(s->layers[i].name);
        free(s->layers[i].id);
        free(s->layers[i].op);
        free(s->layers[i].pool);
    }
    for (size_t i = 0; s->values && i < s->layer_count; i++) {
        free(s->values[i]);
    }
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        free(s->attributes[i]);
    }
    lc_manifest_free(s->manifest);
    free(s->layers);
    free(s->status);
    free(s->row);
    free(s->result);
    free(s->values);
    free(s->block);
    free(s->path);
    free(s);
}

void lc_store_free(lc_store *store)
{
    if (store) {
        lc_h5_close(store->file);
        free_memory(store);
    }
}

/* The rows that wait take at most BUFFER_BYTES, and are at least one. */
static lc_status make_buffer(lc_store *s)
{
    size_t row_bytes = sizeof *s->row + sizeof *s->result;
    for (size_t i = 0; i < s->layer_count; i++) {
        row_bytes += s->layers[i].dim * sizeof(float);
    }
    s->capacity = BUFFER_BYTES / row_bytes > 0 ? BUFFER_BYTES / row_bytes : 1;
    LC_TRY(lc_alloc_raw(&s->row, s->capacity, sizeof *s->row));
    LC_TRY(lc_alloc_raw(&s->result, s->capacity, sizeof *s->result));
    LC_TRY(lc_alloc_array(&s->values, s->layer_count, sizeof *s->values));
    for (size_t i = 0; i < s->layer_count; i++) {
        LC_TRY(lc_alloc_raw(&s->values[i], s->capacity, s->layers[i].dim * sizeof(float)));
    }
    clock_gettime(CLOCK_MONOTONIC, &s->flushed);
    return LC_OK;
}

lc_status lc_store_create(lc_store **out, const char *path, const lc_store_options *options)
{
    lc_store *s = NULL;
    char *unfinished = NULL;
    *out = NULL;
    assert(options->layer_count > 0);
    lc_status status = new_store(&s, path, true);
    if (status == LC_OK) {
        status = lc_sprintf(&unfinished, "%s.new", path);
    }
    if (status == LC_OK) {
        status = lc_h5_create(&s->file, unfinished);
    }
    if (status != LC_OK) {
        goto done;
    }
    /* A file of the final name has all its structure, or a killed run would leave one that can only be refused. */
    status = write_structure(s->file, options);
    if (status == LC_OK) {
        status = lc_h5_rename(s->file, path);
    }
    if (status != LC_OK) {
        unlink(unfinished);
        goto done;
    }
    status = load(s);
    if (status == LC_OK) {
        status = make_buffer(s);
    }
done:
    free(unfinished);
    if (status == LC_OK) {
        *out = s;
    } else {
        lc_store_free(s);
    }
    return status;
}

static lc_status compare_texts(const lc_store *s, const char *what, const char *ours, const char *theirs)
{
    if (strcmp(ours ? ours : "", theirs) == 0) {
        return LC_OK;
    }
    return lc_fail(LC_ERR_STALE, "%s differs: %s (this run), %s (%s)", what, ours ? ours : "", theirs, s->path);
}

static lc_status compare_numbers(const lc_store *s, const char *what, size_t ours, size_t theirs)
{
    if (ours == theirs) {
        return LC_OK;
    }
    return lc_fail(LC_ERR_STALE, "number of %s differs: %zu (this run), %zu (%s)", what, ours, theirs, s->path);
}

static lc_status compare_layers(const lc_store *s, const lc_store_options *o)
{
    for (size_t i = 0; i < o->layer_count && i < s->layer_count; i++) {
        const lc_store_layer *ours = &o->layers[i], *theirs = &s->layers[i];
        char our_shape[96], their_shape[96];
        LC_TRY(compare_texts(s, "layer", ours->name, theirs->name));
        snprintf(our_shape, sizeof our_shape, "%zux%zux%zu pooled '%s' to %zu", ours->shape[0], ours->shape[1], ours->shape[2],
                 ours->pool, ours->dim);
        snprintf(their_shape, sizeof their_shape, "%zux%zux%zu pooled '%s' to %zu", theirs->shape[0], theirs->shape[1],
                 theirs->shape[2], theirs->pool, theirs->dim);
        lc_status status = compare_texts(s, "shape", our_shape, their_shape);
        if (status != LC_OK) {
            return lc_fail_in(status, "layer '%s'", ours->name);
        }
    }
    return compare_numbers(s, "layers", o->layer_count, s->layer_count);
}

static const char *class_of(const lc_manifest *m, size_t row)
{
    return m->labels[row] < 0 ? "none" : m->class_names[m->labels[row]];
}

static lc_status compare_rows(const lc_store *s, const lc_manifest *ours)
{
    const lc_manifest *theirs = s->manifest;
    for (size_t i = 0; i < ours->rows && i < theirs->rows; i++) {
        lc_status status = compare_texts(s, "path", ours->paths[i], theirs->paths[i]);
        if (status == LC_OK) {
            status = compare_texts(s, "class", class_of(ours, i), class_of(theirs, i));
        }
        if (status == LC_OK) {
            status = compare_texts(s, "split", lc_split_name(ours->splits[i]), lc_split_name(theirs->splits[i]));
        }
        if (status != LC_OK) {
            return lc_fail_in(status, "row %zu (%s)", i, ours->paths[i]);
        }
    }
    LC_TRY(compare_numbers(s, "pictures", ours->rows, theirs->rows));
    for (size_t i = 0; i < ours->classes && i < theirs->classes; i++) {
        LC_TRY(compare_texts(s, "class name", ours->class_names[i], theirs->class_names[i]));
    }
    return compare_numbers(s, "classes", ours->classes, theirs->classes);
}

static lc_status compare_job(const lc_store *s, const lc_store_options *o)
{
    LC_TRY(lc_recipe_check(o->recipe, "this run", s->attributes[AT_RECIPE], s->path));
    LC_TRY(compare_texts(s, "network", o->model_sha256, s->attributes[AT_MODEL_SHA256]));
    LC_TRY(compare_layers(s, o));
    return compare_rows(s, o->manifest);
}

static lc_status open_store(lc_store **out, const char *path, bool writable)
{
    LC_TRY(new_store(out, path, writable));
    lc_status status = lc_h5_open(&(*out)->file, path, writable);
    if (status == LC_OK) {
        status = load(*out);
    }
    if (status != LC_OK) {
        lc_store_free(*out);
        *out = NULL;
    }
    return status;
}

lc_status lc_store_resume(lc_store **out, const char *path, const lc_store_options *options)
{
    lc_store *s;
    *out = NULL;
    LC_TRY(open_store(&s, path, true));
    lc_status status = compare_job(s, options);
    if (status == LC_OK) {
        status = make_buffer(s);
    }
    if (status != LC_OK) {
        lc_store_free(s);
        return status;
    }
    *out = s;
    return LC_OK;
}

lc_status lc_store_open(lc_store **out, const char *path)
{
    return open_store(out, path, false);
}

/* Writing ---------------------------------------------------------------------------------------------------- */

/* Rows of the buffer from `at` on that follow each other in the file. */
static size_t run_length(const lc_store *s, size_t at)
{
    size_t n = 1;
    while (at + n < s->waiting && s->row[at + n] == s->row[at] + n) {
        n++;
    }
    return n;
}

typedef lc_status (*run_fn)(lc_store *s, size_t at, size_t first, size_t count);

static lc_status for_each_run(lc_store *s, run_fn fn)
{
    for (size_t at = 0, n; at < s->waiting; at += n) {
        n = run_length(s, at);
        LC_TRY(fn(s, at, s->row[at], n));
    }
    return lc_h5_flush(s->file);
}

static lc_status write_pending(lc_store *s, size_t at, size_t first, size_t count)
{
    (void)at;
    memset(s->status + first, LC_ROW_PENDING, count);
    return lc_h5_write(s->file, "/images/status", LC_H5_U8, first, count, s->status + first);
}

static lc_status write_values(lc_store *s, size_t at, size_t first, size_t count)
{
    for (size_t l = 0; l < s->layer_count; l++) {
        char *path;
        LC_TRY(layer_path(&path, s->layers[l].id));
        lc_status status = lc_h5_write(s->file, path, LC_H5_F32, first, count, s->values[l] + at * s->layers[l].dim);
        free(path);
        LC_TRY(status);
    }
    return LC_OK;
}

/* One field of the rows' results becomes rows of a dataset. */
static lc_status write_field(lc_store *s, const char *path, lc_h5_type type, size_t first, size_t count,
                             const void *field, size_t size)
{
    char *column;
    LC_TRY(lc_alloc_raw(&column, count, size));
    for (size_t i = 0; i < count; i++) {
        memcpy(column + i * size, (const char *)field + i * sizeof(lc_store_row), size);
    }
    lc_status status = lc_h5_write(s->file, path, type, first, count, column);
    free(column);
    return status;
}

static lc_status write_results(lc_store *s, size_t at, size_t first, size_t count)
{
    const lc_store_row *r = s->result + at;
    LC_TRY(write_field(s, "/images/sha256", LC_H5_U8, first, count, r->sha256, sizeof r->sha256));
    LC_TRY(write_field(s, "/images/width", LC_H5_I32, first, count, &r->width, sizeof r->width));
    LC_TRY(write_field(s, "/images/height", LC_H5_I32, first, count, &r->height, sizeof r->height));
    LC_TRY(write_field(s, "/images/error", LC_H5_TEXT, first, count, r->error, sizeof r->error));
    for (size_t i = 0; i < count; i++) {
        s->status[first + i] = r[i].status;
    }
    return lc_h5_write(s->file, "/images/status", LC_H5_U8, first, count, s->status + first);
}

lc_status lc_store_flush(lc_store *store)
{
    bool rewrites = false;
    for (size_t i = 0; i < store->waiting; i++) {
        rewrites |= store->status[store->row[i]] != LC_ROW_PENDING;
    }
    if (rewrites) {
        /* What is about to change must not stand as ok meanwhile. */
        store->complete = false;
        LC_TRY(lc_h5_set_ints(store->file, "/", "complete", (int64_t[]){0}, 1));
        LC_TRY(for_each_run(store, write_pending));
    }
    if (store->waiting > 0) {
        LC_TRY(for_each_run(store, write_values));
        LC_TRY(for_each_run(store, write_results));
    }
    store->waiting = 0;
    store->block_count = 0;
    clock_gettime(CLOCK_MONOTONIC, &store->flushed);
    return LC_OK;
}

/* A row that failed is never read as data: whoever overlooks its status meets NaN, not plausible zeros. */
static void take_row(lc_store *s, size_t row, const lc_store_row *result, const float *const *values, size_t i)
{
    size_t at = s->waiting++;
    s->row[at] = row;
    s->result[at] = *result;
    s->result[at].error[LC_ROW_ERROR_SIZE - 1] = '\0';
    lc_text_make_utf8(s->result[at].error);
    for (size_t l = 0; l < s->layer_count; l++) {
        size_t dim = s->layers[l].dim;
        float *to = s->values[l] + at * dim;
        if (result->status == LC_ROW_OK) {
            memcpy(to, values[l] + i * dim, dim * sizeof *to);
        } else {
            for (size_t j = 0; j < dim; j++) {
                to[j] = NAN;
            }
        }
    }
}

lc_status lc_store_write(lc_store *store, size_t first, size_t count, const lc_store_row *rows, const float *const *values)
{
    assert(store->writable && first + count <= store->manifest->rows);
    for (size_t i = 0; i < count; i++) {
        if (store->waiting == store->capacity) {
            LC_TRY(lc_store_flush(store));
        }
        take_row(store, first + i, &rows[i], values, i);
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec - store->flushed.tv_sec >= FLUSH_SECONDS ? lc_store_flush(store) : LC_OK;
}

static lc_status mark_complete(lc_store *s)
{
    for (size_t i = 0; i < s->manifest->rows; i++) {
        if (s->status[i] == LC_ROW_PENDING) {
            return LC_OK;
        }
    }
    LC_TRY(lc_h5_set_ints(s->file, "/", "complete", (int64_t[]){1}, 1));
    return lc_h5_flush(s->file);
}

lc_status lc_store_finish(lc_store *store)
{
    lc_status status = lc_store_flush(store);
    if (status == LC_OK) {
        status = mark_complete(store);
    }
    lc_status closed = lc_h5_close(store->file);
    free_memory(store);
    return status != LC_OK ? status : closed;
}

/* Reading ---------------------------------------------------------------------------------------------------- */

const lc_manifest *lc_store_manifest(const lc_store *store)
{
    return store->manifest;
}

const uint8_t *lc_store_status(const lc_store *store)
{
    return store->status;
}

size_t lc_store_layer_count(const lc_store *store)
{
    return store->layer_count;
}

const lc_store_layer *lc_store_layer_at(const lc_store *store, size_t i)
{
    assert(i < store->layer_count);
    return &store->layers[i];
}

const char *lc_store_recipe(const lc_store *store)
{
    return store->attributes[AT_RECIPE];
}

const char *lc_store_attribute(const lc_store *store, const char *name)
{
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        if (strcmp(name, attribute_names[i]) == 0) {
            return store->attributes[i];
        }
    }
    return NULL;
}

bool lc_store_complete(const lc_store *store)
{
    return store->complete;
}

lc_status lc_store_find_layer(const lc_store *store, const char *name, size_t *out)
{
    char names[512] = "";
    for (size_t i = 0, at = 0; i < store->layer_count; i++) {
        const lc_store_layer *layer = &store->layers[i];
        if (strcmp(name, layer->name) == 0 || strcmp(name, layer->id) == 0) {
            *out = i;
            return LC_OK;
        }
        if (at < sizeof names) {
            at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", layer->name);
        }
    }
    return lc_fail(LC_ERR_NOTFOUND, "%s has no layer '%s'; it has %s", store->path, name, names);
}

lc_status lc_store_read(lc_store *store, size_t layer, size_t first, size_t count, float *out)
{
    assert(layer < store->layer_count);
    char *path;
    size_t dim = store->layers[layer].dim;
    LC_TRY(layer_path(&path, store->layers[layer].id));
    lc_status status = lc_h5_read(store->file, path, LC_H5_F32, first, count, out);
    free(path);
    LC_TRY(status);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; store->status[first + i] == LC_ROW_OK && j < dim; j++) {
            if (!isfinite(out[i * dim + j])) {
                return STALE(store, "layer '%s', row %zu (%s): number %zu is %s", store->layers[layer].name, first + i,
                             store->manifest->paths[first + i], j, isnan(out[i * dim + j]) ? "NaN" : "infinite");
            }
        }
    }
    return LC_OK;
}

/* The other way round: rows of a dataset become one field of the rows' results. */
static lc_status read_field(lc_store *s, const char *path, lc_h5_type type, size_t first, size_t count, void *field, size_t size)
{
    char *column;
    LC_TRY(lc_alloc_raw(&column, count, size));
    lc_status status = lc_h5_read(s->file, path, type, first, count, column);
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        memcpy((char *)field + i * sizeof(lc_store_row), column + i * size, size);
    }
    free(column);
    return status;
}

/* Rows are asked for one after the other (a resumed run asks for all), so they are read in blocks. */
static lc_status read_block(lc_store *s, size_t first)
{
    size_t count = s->manifest->rows - first < READ_BLOCK ? s->manifest->rows - first : READ_BLOCK;
    if (!s->block) {
        LC_TRY(lc_alloc_array(&s->block, READ_BLOCK, sizeof *s->block));
    }
    lc_store_row *r = s->block;
    s->block_count = 0;
    LC_TRY(read_field(s, "/images/sha256", LC_H5_U8, first, count, r->sha256, sizeof r->sha256));
    LC_TRY(read_field(s, "/images/width", LC_H5_I32, first, count, &r->width, sizeof r->width));
    LC_TRY(read_field(s, "/images/height", LC_H5_I32, first, count, &r->height, sizeof r->height));
    LC_TRY(read_field(s, "/images/error", LC_H5_TEXT, first, count, r->error, sizeof r->error));
    for (size_t i = 0; i < count; i++) {
        r[i].status = s->status[first + i];
        r[i].error[LC_ROW_ERROR_SIZE - 1] = '\0';
    }
    s->block_first = first;
    s->block_count = count;
    return LC_OK;
}

lc_status lc_store_read_row(lc_store *store, size_t row, lc_store_row *out)
{
    assert(row < store->manifest->rows);
    if (row < store->block_first || row - store->block_first >= store->block_count) {
        LC_TRY(read_block(store, row));
    }
    *out = store->block[row - store->block_first];
    return LC_OK;
}
