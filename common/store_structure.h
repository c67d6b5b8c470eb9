/*
 * What feature_store.c (opening, writing and reading rows) and store_structure.c (what a file must look like) share.
 * Nobody else includes this.
 */
#ifndef LC_COMMON_STORE_STRUCTURE_H
#define LC_COMMON_STORE_STRUCTURE_H

#include "common/feature_store.h"
#include "common/h5.h"

/* Text attributes of the root. */
enum { AT_CREATED, AT_TOOL, AT_COMMAND, AT_RECIPE, AT_MODEL_NAME, AT_MODEL_SHA256, AT_SOURCE_ROOT, AT_MODEL_PATH, ATTRIBUTES };

extern const char *const lc_store_attribute_names[ATTRIBUTES];

struct lc_store {
    lc_h5 *file;
    char *path;
    char *attributes[ATTRIBUTES];
    lc_manifest *manifest;
    lc_store_layer *layers;
    size_t layer_count;
    uint8_t *status; /* (N) as in the file */
    bool writable, complete, half;
    lc_store_layout layout;
    bool layer_seen; /* layout and half are known */
    char *unfinished; /* the name that the file has until lc_store_publish, else NULL */
    bool replace;

    /*
     * Rows since the last flush: which, and what came of them. The values of the last `waiting` of them are still in
     * values[l] (capacity, dim), those of the others in the file.
     */
    size_t unsealed, row_capacity, result_capacity;
    size_t *row;
    lc_store_row *result;
    size_t waiting, capacity;
    float **values;
    double flushed, flush_seconds; /* lc_clock at the last flush; how long until the next */

    /* Rows read last by lc_store_read_row. */
    lc_store_row *block;
    size_t block_first, block_count;
};

/* "<file>: <what>" for a file that is refused. */
#define LC_STORE_STALE(store, ...) lc_fail_in(lc_fail(LC_ERR_STALE, __VA_ARGS__), "%s", (store)->path)

/* "/layers/<id>"; *out is the caller's, free(). */
LC_CHECKED lc_status lc_store_layer_path(char **out, const char *id);

/* Rows whose values a writer's buffer holds: at least one. */
size_t lc_store_buffer_rows(const lc_store_layer *layers, size_t layer_count);

/* Writes everything but rows' results and values into a new file, and flushes it. */
LC_CHECKED lc_status lc_store_write_structure(lc_h5 *file, const lc_store_options *options);

/* Reads and checks the structure of store->file: attributes, manifest, status, layers. */
LC_CHECKED lc_status lc_store_load_structure(lc_store *store);

#endif
