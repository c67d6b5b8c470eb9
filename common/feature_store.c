#include "common/feature_store.h"

#include <assert.h>
#include <fcntl.h>
#include <glob.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/half.h"
#include "common/memory.h"
#include "common/recipe.h"
#include "common/store_structure.h"
#include "common/text.h"

enum { DEFAULT_FLUSH_SECONDS = 5, FLUSH_ROWS = 1 << 16, BUFFER_BYTES = 32 << 20, READ_BLOCK = 1024 };

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
    free(s->unfinished);
    free(s->path);
    free(s);
}

void lc_store_free(lc_store *store)
{
    if (store) {
        lc_h5_close(store->file);
        if (store->unfinished) {
            unlink(store->unfinished);
        }
        free_memory(store);
    }
}

/* Layers whose values are in this file. */
static size_t layers_here(const lc_store *s)
{
    return s->layout == LC_STORE_VIRTUAL ? 0 : s->layer_count;
}

size_t lc_store_buffer_rows(const lc_store_layer *layers, size_t layer_count)
{
    size_t row_bytes = sizeof(float), rows = 1;
    for (size_t i = 0; i < layer_count; i++) {
        row_bytes += layers[i].dim * sizeof(float);
    }
    while (2 * rows <= BUFFER_BYTES / row_bytes) { /* a power of two: whole chunks of a packed file */
        rows *= 2;
    }
    return rows;
}

static lc_status make_buffer(lc_store *s)
{
    s->capacity = lc_store_buffer_rows(s->layers, s->layer_count);
    LC_TRY(lc_alloc_array(&s->values, s->layer_count, sizeof *s->values));
    for (size_t i = 0; i < layers_here(s); i++) {
        LC_TRY(lc_alloc_raw(&s->values[i], s->capacity, s->layers[i].dim * sizeof(float)));
    }
    s->flushed = lc_clock();
    s->flush_seconds = DEFAULT_FLUSH_SECONDS;
    return LC_OK;
}

/* Removes what killed runs left of files that were to be called `path`: those that nobody holds a lock on. */
static lc_status remove_leftovers(const char *path)
{
    lc_text pattern;
    glob_t found;
    LC_TRY(lc_text_open(&pattern));
    for (const char *p = path; *p; p++) {
        fprintf(pattern.stream, "%s%c", strchr("*?[]\\", *p) ? "\\" : "", *p);
    }
    fputs(".[0-9]*-[0-9]*.new", pattern.stream);
    LC_TRY(lc_text_close(&pattern));
    if (glob(pattern.text, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            int fd = open(found.gl_pathv[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
            if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
                unlink(found.gl_pathv[i]);
            }
            if (fd >= 0) {
                close(fd);
            }
        }
        globfree(&found);
    }
    free(pattern.text);
    return LC_OK;
}

lc_status lc_store_begin(lc_store **out, const char *path, const lc_store_options *options, bool replace)
{
    static atomic_uint serial;
    lc_store *s = NULL;
    *out = NULL;
    assert(options->layer_count > 0);
    LC_TRY(remove_leftovers(path));
    lc_status status = new_store(&s, path, true);
    if (status != LC_OK) {
        return status;
    }
    s->replace = replace;
    status = lc_sprintf(&s->unfinished, "%s.%ld-%u.new", path, (long)getpid(), atomic_fetch_add(&serial, 1));
    if (status == LC_OK) {
        status = lc_h5_create(&s->file, s->unfinished);
    }
    if (status == LC_OK) {
        status = lc_store_write_structure(s->file, options);
    }
    if (status == LC_OK) {
        status = lc_store_load_structure(s);
    }
    if (status == LC_OK) {
        status = make_buffer(s);
    }
    if (status == LC_OK) {
        *out = s;
    } else {
        lc_store_free(s);
    }
    return status;
}

lc_status lc_store_publish(lc_store *store)
{
    LC_TRY(lc_store_flush(store));
    LC_TRY(lc_h5_sync(store->file));
    LC_TRY(lc_h5_rename(store->file, store->path, store->replace));
    free(store->unfinished);
    store->unfinished = NULL;
    return LC_OK;
}

/* A file of the final name has all its structure, or a killed run would leave one that can only be refused. */
lc_status lc_store_create(lc_store **out, const char *path, const lc_store_options *options)
{
    LC_TRY(lc_store_begin(out, path, options, true));
    lc_status status = lc_store_publish(*out);
    if (status != LC_OK) {
        lc_store_free(*out);
        *out = NULL;
    }
    return status;
}

static lc_status add_cure(lc_status status, const char *cure)
{
    char why[512];
    snprintf(why, sizeof why, "%s", lc_error_message());
    return status == LC_ERR_STALE ? lc_fail(status, "%s; %s", why, cure) : status;
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

lc_status lc_store_compare_layers(const lc_store *s, const lc_store_options *o)
{
    for (size_t i = 0; i < o->layer_count && i < s->layer_count; i++) {
        const lc_store_layer *ours = &o->layers[i], *theirs = &s->layers[i];
        char our_shape[96], their_shape[96];
        LC_TRY(add_cure(compare_texts(s, "layer", ours->name, theirs->name), "--refresh adds layers"));
        snprintf(our_shape, sizeof our_shape, "%zux%zux%zu pooled '%s' to %zu", ours->shape[0], ours->shape[1],
                 ours->shape[2], ours->pool, ours->dim);
        snprintf(their_shape, sizeof their_shape, "%zux%zux%zu pooled '%s' to %zu", theirs->shape[0], theirs->shape[1],
                 theirs->shape[2], theirs->pool, theirs->dim);
        lc_status status = compare_texts(s, "shape", our_shape, their_shape);
        if (status != LC_OK) {
            return lc_fail_in(status, "layer '%s'", ours->name);
        }
    }
    return add_cure(compare_numbers(s, "layers", o->layer_count, s->layer_count), "--refresh adds layers");
}

static lc_status compare_labels(const lc_store *s, const lc_manifest *ours, size_t row)
{
    char *one = NULL, *other = NULL;
    lc_status status = lc_manifest_labels(ours, row, &one);
    if (status == LC_OK && (status = lc_manifest_labels(s->manifest, row, &other)) == LC_OK) {
        status = compare_texts(s, "class", one[0] ? one : "none", other[0] ? other : "none");
    }
    free(one);
    free(other);
    return status;
}

static lc_status compare_rows(const lc_store *s, const lc_manifest *ours)
{
    const lc_manifest *theirs = s->manifest;
    char our_part[96], their_part[96];
    snprintf(our_part, sizeof our_part, "%zu/%zu of %zu pictures", ours->part, ours->parts, ours->whole_rows);
    snprintf(their_part, sizeof their_part, "%zu/%zu of %zu pictures", theirs->part, theirs->parts, theirs->whole_rows);
    LC_TRY(compare_texts(s, "shard", ours->parts ? our_part : "none", theirs->parts ? their_part : "none"));
    for (size_t i = 0; i < ours->rows && i < theirs->rows; i++) {
        lc_status status = compare_texts(s, "path", ours->paths[i], theirs->paths[i]);
        if (status == LC_OK) {
            status = compare_labels(s, ours, i);
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

lc_status lc_store_compare_recipe(const lc_store *s, const lc_store_options *o)
{
    LC_TRY(lc_recipe_check(o->recipe, "this run", s->attributes[AT_RECIPE], s->path));
    LC_TRY(compare_texts(s, "network", o->model_sha256, s->attributes[AT_MODEL_SHA256]));
    return compare_texts(s, "dtype", o->half ? "f16" : "f32", s->half ? "f16" : "f32");
}

static lc_status compare_job(const lc_store *s, const lc_store_options *o)
{
    LC_TRY(lc_store_compare_recipe(s, o));
    LC_TRY(lc_store_compare_layers(s, o));
    return add_cure(compare_rows(s, o->manifest), "--refresh keeps the rows of pictures that are the same");
}

static lc_status open_store(lc_store **out, const char *path, bool writable)
{
    LC_TRY(new_store(out, path, writable));
    lc_status status = lc_h5_open(&(*out)->file, path, writable);
    if (status == LC_OK) {
        status = lc_store_load_structure(*out);
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

lc_status lc_store_open_locked(lc_store **out, const char *path)
{
    return open_store(out, path, true);
}

/* Writing ---------------------------------------------------------------------------------------------------- */

typedef lc_status (*run_fn)(lc_store *s, size_t at, size_t first, size_t count);

/* Calls fn for runs of rows that follow each other in the file, among rows from..unsealed-1 of those not flushed. */
static lc_status for_each_run(lc_store *s, size_t from, run_fn fn)
{
    for (size_t at = from, n; at < s->unsealed; at += n) {
        n = 1;
        while (at + n < s->unsealed && s->row[at + n] == s->row[at] + n) {
            n++;
        }
        LC_TRY(fn(s, at, s->row[at], n));
    }
    return LC_OK;
}

static lc_status write_pending(lc_store *s, size_t at, size_t first, size_t count)
{
    (void)at;
    memset(s->status + first, LC_ROW_PENDING, count);
    return lc_h5_write(s->file, "/images/status", LC_H5_U8, first, count, s->status + first);
}

static lc_status write_layer_values(lc_store *s, size_t layer, size_t first, size_t count, const float *values)
{
    char *path;
    uint16_t *halves = NULL;
    size_t n = count * s->layers[layer].dim;
    LC_TRY(lc_store_layer_path(&path, s->layers[layer].id));
    lc_status status = s->half ? lc_alloc_raw(&halves, n, sizeof *halves) : LC_OK;
    for (size_t i = 0; halves && i < n; i++) {
        halves[i] = lc_half(values[i]);
    }
    if (status == LC_OK) {
        status = s->half ? lc_h5_write(s->file, path, LC_H5_F16, first, count, halves)
                         : lc_h5_write(s->file, path, LC_H5_F32, first, count, values);
    }
    free(halves);
    free(path);
    return status;
}

static lc_status write_values(lc_store *s, size_t at, size_t first, size_t count)
{
    size_t in_buffer = at - (s->unsealed - s->waiting);
    for (size_t l = 0; l < layers_here(s); l++) {
        LC_TRY(write_layer_values(s, l, first, count, s->values[l] + in_buffer * s->layers[l].dim));
    }
    return LC_OK;
}

/* One field of the rows' results becomes rows of a dataset. */
static lc_status write_field(lc_store *s, const char *path, lc_h5_type type, size_t first, size_t count, const void *field,
                             size_t size)
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
    return write_field(s, "/images/error", LC_H5_TEXT, first, count, r->error, sizeof r->error);
}

static lc_status write_statuses(lc_store *s, size_t at, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        s->status[first + i] = s->result[at + i].status;
    }
    return lc_h5_write(s->file, "/images/status", LC_H5_U8, first, count, s->status + first);
}

/* Writes the values that wait; their rows stay pending until lc_store_flush. */
static lc_status write_waiting(lc_store *s)
{
    size_t from = s->unsealed - s->waiting;
    bool rewrites = false;
    for (size_t i = from; i < s->unsealed; i++) {
        rewrites |= s->status[s->row[i]] != LC_ROW_PENDING;
    }
    if (rewrites) {
        /* What is about to change must not stand as ok meanwhile. */
        s->complete = false;
        LC_TRY(lc_h5_set_ints(s->file, "/", "complete", (int64_t[]){0}, 1));
        LC_TRY(for_each_run(s, from, write_pending));
        LC_TRY(lc_h5_sync(s->file));
    }
    LC_TRY(for_each_run(s, from, write_values));
    s->waiting = 0;
    return LC_OK;
}

lc_status lc_store_flush(lc_store *store)
{
    if (store->unsealed > 0) {
        LC_TRY(write_waiting(store));
        LC_TRY(for_each_run(store, 0, write_results));
        LC_TRY(lc_h5_sync(store->file));
        LC_TRY(for_each_run(store, 0, write_statuses));
        LC_TRY(lc_h5_flush(store->file));
    }
    store->unsealed = 0;
    store->block_count = 0;
    store->flushed = lc_clock();
    return LC_OK;
}

void lc_store_flush_every(lc_store *store, double seconds)
{
    store->flush_seconds = seconds;
}

/* A row that failed is never read as data: whoever overlooks its status meets NaN, not plausible zeros. */
static lc_status take_row(lc_store *s, size_t row, const lc_store_row *result, const float *const *values, size_t i)
{
    size_t at = s->waiting, seat = s->unsealed;
    for (size_t l = 0; l < layers_here(s); l++) {
        size_t dim = s->layers[l].dim;
        float *to = s->values[l] + at * dim;
        for (size_t j = 0; result->status != LC_ROW_OK && j < dim; j++) {
            to[j] = NAN;
        }
        if (result->status == LC_ROW_OK) {
            memcpy(to, values[l] + i * dim, dim * sizeof *to);
        }
        for (size_t j = 0; s->half && j < dim; j++) {
            if (fabsf(to[j]) > LC_HALF_MAX) {
                return lc_fail(LC_ERR_ARG, "layer '%s' of %s has the value %g; float16 ends at %g: use --dtype f32",
                               s->layers[l].name, s->manifest->paths[row], (double)to[j], (double)LC_HALF_MAX);
            }
        }
    }
    LC_TRY(lc_grow(&s->row, &s->row_capacity, seat + 1, sizeof *s->row));
    LC_TRY(lc_grow(&s->result, &s->result_capacity, seat + 1, sizeof *s->result));
    s->row[seat] = row;
    s->result[seat] = *result;
    s->result[seat].error[LC_ROW_ERROR_SIZE - 1] = '\0';
    lc_text_make_utf8(s->result[seat].error);
    s->waiting++;
    s->unsealed++;
    return LC_OK;
}

lc_status lc_store_write(lc_store *store, size_t first, size_t count, const lc_store_row *rows, const float *const *values)
{
    assert(store->writable && first + count <= store->manifest->rows);
    for (size_t i = 0; i < count; i++) {
        if (store->waiting == store->capacity) {
            LC_TRY(write_waiting(store));
        }
        if (store->unsealed == FLUSH_ROWS) {
            LC_TRY(lc_store_flush(store));
        }
        LC_TRY(take_row(store, first + i, &rows[i], values, i));
    }
    /* A file that nobody has seen yet can wait: its chunks are written whole. */
    return !store->unfinished && lc_clock() - store->flushed >= store->flush_seconds ? lc_store_flush(store) : LC_OK;
}

static lc_status mark_complete(lc_store *s)
{
    if (s->complete) {
        return LC_OK;
    }
    for (size_t i = 0; i < s->manifest->rows; i++) {
        if (s->status[i] == LC_ROW_PENDING) {
            return LC_OK;
        }
    }
    LC_TRY(lc_h5_set_ints(s->file, "/", "complete", (int64_t[]){1}, 1));
    s->complete = true;
    return lc_h5_sync(s->file);
}

lc_status lc_store_finish(lc_store *store)
{
    lc_status status = lc_store_flush(store);
    if (status == LC_OK) {
        status = mark_complete(store);
    }
    if (status == LC_OK && store->unfinished) {
        status = lc_store_publish(store);
    }
    lc_status closed = lc_h5_close(store->file);
    store->file = NULL;
    lc_store_free(store);
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
        if (strcmp(name, lc_store_attribute_names[i]) == 0) {
            return store->attributes[i];
        }
    }
    return NULL;
}

bool lc_store_complete(const lc_store *store)
{
    return store->complete;
}

bool lc_store_half(const lc_store *store)
{
    return store->half;
}

lc_store_layout lc_store_layout_of(const lc_store *store)
{
    return store->layout;
}

void lc_store_describe(const lc_store *store, lc_store_options *out)
{
    *out = (lc_store_options){
        .manifest = store->manifest,
        .recipe = store->attributes[AT_RECIPE],
        .model_name = store->attributes[AT_MODEL_NAME],
        .model_sha256 = store->attributes[AT_MODEL_SHA256],
        .model_path = store->attributes[AT_MODEL_PATH],
        .command = store->attributes[AT_COMMAND],
        .layers = store->layers,
        .layer_count = store->layer_count,
        .half = store->half,
    };
}

static lc_status check_link(const lc_store *s, const char *link, const char *wanted)
{
    char *target;
    LC_TRY(lc_h5_link_target(s->file, link, &target));
    lc_status status = strcmp(target, wanted) == 0
                           ? LC_OK
                           : LC_STORE_STALE(s, "%s leads to %s; it ought to lead to %s", link, target, wanted);
    free(target);
    return status;
}

lc_status lc_store_check_links(const lc_store *store)
{
    char *deepest;
    LC_TRY(lc_store_layer_path(&deepest, store->layers[store->layer_count - 1].id));
    lc_status status = check_link(store, "/features", deepest);
    free(deepest);
    return status == LC_OK ? check_link(store, "/labels", "/images/label") : status;
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
    LC_TRY(lc_store_layer_path(&path, store->layers[layer].id));
    lc_status status = lc_h5_read(store->file, path, LC_H5_F32, first, count, out);
    free(path);
    LC_TRY(status);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; store->status[first + i] == LC_ROW_OK && j < dim; j++) {
            if (!isfinite(out[i * dim + j])) {
                return LC_STORE_STALE(store, "layer '%s', row %zu (%s): number %zu is %s", store->layers[layer].name,
                                      first + i, store->manifest->paths[first + i], j,
                                      isnan(out[i * dim + j]) ? "NaN" : "infinite");
            }
        }
    }
    return LC_OK;
}

/* The other way round: rows of a dataset become one field of the rows' results. */
static lc_status read_field(lc_store *s, const char *path, lc_h5_type type, size_t first, size_t count, void *field,
                            size_t size)
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
