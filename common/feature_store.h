/*
 * The features file, format_version 1. Opens in h5py, MATLAB and h5dump; built-in filters only.
 *
 *   /                attributes: format="layercut-features", format_version=1, tool_version, created_utc, command,
 *                    recipe (JSON), recipe_sha256, model_name, model_sha256, model_path, source_root, complete (0/1)
 *   /images/path     (N) UTF-8      relative to source_root       /images/label   (N) int32, -1 = none
 *   /images/split    (N) uint8      0 none 1 train 2 val 3 test   /images/status  (N) uint8  0 pending 1 ok 2 failed
 *   /images/error    (N) UTF-8      why a row failed              /images/sha256  (N,32) uint8 of the file's bytes
 *   /images/width /images/height    (N) int32
 *   /classes         (K) UTF-8      sorted
 *   /layers/<id>     (N,D) float32  id = tap name with '/' as '.'; attributes: name, op, shape (C,H,W), pool,
 *                                   index (0.. in network order)
 *   /features        soft link to the deepest layer; /labels soft link to /images/label
 *
 * Rows in manifest order, activations flattened C,H,W. A row's values are flushed before its status says ok, so a
 * killed run leaves a file that opens and whose ok rows are whole. A row that is not ok is never read as data: a pending
 * row holds zeros, a failed one NaN. A row that was ok is pending while it is written again.
 *
 * Damage, another version or another recipe is LC_ERR_STALE: the file is refused, with what differs.
 */
#ifndef LC_COMMON_FEATURE_STORE_H
#define LC_COMMON_FEATURE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/manifest.h"
#include "common/sha256.h"

enum { LC_ROW_PENDING, LC_ROW_OK, LC_ROW_FAILED };
enum { LC_ROW_ERROR_SIZE = 160 };

typedef struct lc_store lc_store;

typedef struct {
    char *name;      /* the tap's name */
    char *id;        /* its dataset: /layers/<id> */
    char *op;        /* the operator that made it */
    char *pool;      /* "avg", "max", "avgmax", "grid:K", "flat" */
    size_t shape[3]; /* C,H,W of the activation, before pooling */
    size_t dim;      /* D of the stored row */
} lc_store_layer;

/* What one picture came to. */
typedef struct {
    uint8_t status; /* LC_ROW_* */
    uint8_t sha256[LC_SHA256_SIZE];
    int32_t width, height;
    char error[LC_ROW_ERROR_SIZE]; /* zero-terminated UTF-8; "" unless failed */
} lc_store_row;

typedef struct {
    const lc_manifest *manifest;
    const char *recipe; /* base recipe, see recipe.h */
    const char *model_name, *model_sha256;
    const char *model_path; /* where predict finds the network again: an absolute path or a known name; NULL: nowhere */
    const char *command;
    const lc_store_layer *layers; /* in network order, the deepest last; `id` may be NULL (derived from the name) */
    size_t layer_count;
} lc_store_options;

/* Writing ---------------------------------------------------------------------------------------------------- */

/*
 * Makes a new store; an existing file of that name is replaced. All structure is written (as <path>.new) before the file
 * gets its name, so whatever is called `path` opens.
 */
LC_CHECKED lc_status lc_store_create(lc_store **out, const char *path, const lc_store_options *options);

/*
 * Opens an unfinished or finished store of the same job for writing: same recipe, layers, pictures, labels and
 * splits, or LC_ERR_STALE naming the first thing that differs.
 */
LC_CHECKED lc_status lc_store_resume(lc_store **out, const char *path, const lc_store_options *options);

/* Buffers rows first..first+count-1: `rows` (count), values[l] (count, layers[l].dim) for each layer. */
LC_CHECKED lc_status lc_store_write(lc_store *store, size_t first, size_t count, const lc_store_row *rows,
                                    const float *const *values);

/* Writes buffered rows: values, flush, statuses, flush. Called by itself every few seconds while writing. */
LC_CHECKED lc_status lc_store_flush(lc_store *store);

/* Flushes, marks the file complete when no row is pending, closes, frees - also when it fails. */
LC_CHECKED lc_status lc_store_finish(lc_store *store);

/* Reading ---------------------------------------------------------------------------------------------------- */

/* Opens for reading and checks the structure: datasets, types and sizes agree with each other. */
LC_CHECKED lc_status lc_store_open(lc_store **out, const char *path);

/* Closes without marking anything; rows not flushed are lost. NULL is fine. */
void lc_store_free(lc_store *store);

/* What follows belongs to the store. */
const lc_manifest *lc_store_manifest(const lc_store *store); /* root = source_root */
const uint8_t *lc_store_status(const lc_store *store);       /* (N) LC_ROW_* */
size_t lc_store_layer_count(const lc_store *store);
const lc_store_layer *lc_store_layer_at(const lc_store *store, size_t i); /* in network order */
const char *lc_store_recipe(const lc_store *store);
/* Root attributes by name: "model_name", "model_sha256", "model_path", "command", "created_utc", "tool_version"; NULL if unknown. */
const char *lc_store_attribute(const lc_store *store, const char *name);
bool lc_store_complete(const lc_store *store);

/* Layer of that name or id; LC_ERR_NOTFOUND lists the names there are. */
LC_CHECKED lc_status lc_store_find_layer(const lc_store *store, const char *name, size_t *out);

/* Rows first..first+count-1 of a layer into out (count, dim). NaN and Inf in an ok row are LC_ERR_STALE. */
LC_CHECKED lc_status lc_store_read(lc_store *store, size_t layer, size_t first, size_t count, float *out);

/* What row `row` came to. */
LC_CHECKED lc_status lc_store_read_row(lc_store *store, size_t row, lc_store_row *out);

#endif
