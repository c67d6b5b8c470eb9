/*
 * The features file, format_version 1. Opens in h5py, MATLAB and h5dump; built-in filters only.
 *
 *   /                attributes: format="layercut-features", format_version=1, tool_version, created_utc, command,
 *                    recipe (JSON), recipe_sha256, model_name, model_sha256, model_path, source_root, complete (0/1)
 *   /images/path     (N) UTF-8      relative to source_root       /images/label   (N) int32, -1 = none
 *   /images/split    (N) uint8      0 none 1 train 2 val 3 test   /images/status  (N) uint8  0 pending 1 ok 2 failed
 *   /images/error    (N) UTF-8      why a row failed              /images/sha256  (N,32) uint8 of the file's bytes
 *   /images/width /images/height    (N) int32
 *   /images/labels   (N,K) uint8    1: the row has this class; only in a file with rows of several labels, whose
 *                                   /images/label is the first of them
 *   /classes         (K) UTF-8      sorted
 *   /layers/<id>     (N,D) float32 or float16;  id = tap name with '/' as '.'; attributes: name, op, shape (C,H,W),
 *                                   pool, index (0.. in network order), and where they are known macs, parameters (of a
 *                                   picture and the network up to there)
 *   /features        soft link to the deepest layer; /labels soft link to /images/label
 *
 * A part of a sharded job (common/shard.h) also has attributes shard (part, parts, rows of the whole) and whole_sha256.
 *
 * Layers lie in place (so that a killed writer leaves a file that opens); in a file that was compressed when complete,
 * in chunks with shuffle and gzip; in one that `merge --virtual` made, in the parts' files.
 *
 * Rows in manifest order, activations flattened C,H,W. A row's values are on the disk before its status says ok, so a
 * killed run or a machine without power leaves a file that opens and whose ok rows are whole. A row that is not ok is never read as data: a pending
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

/* How the layers of a file lie. */
typedef enum { LC_STORE_PLAIN, LC_STORE_PACKED, LC_STORE_VIRTUAL } lc_store_layout;

typedef struct lc_store lc_store;

typedef struct {
    char *name;      /* the tap's name */
    char *id;        /* its dataset: /layers/<id> */
    char *op;        /* the operator that made it */
    char *pool;      /* "avg", "max", "avgmax", "grid:K", "flat" */
    size_t shape[3]; /* C,H,W of the activation, before pooling */
    size_t dim;      /* D of the stored row */
    uint64_t macs, parameters; /* multiply-adds of a picture, and weights, up to and including this layer; 0: unknown */
} lc_store_layer;

/* What one picture came to. */
typedef struct {
    uint8_t status; /* LC_ROW_* */
    uint8_t sha256[LC_SHA256_SIZE];
    int32_t width, height;
    char error[LC_ROW_ERROR_SIZE]; /* zero-terminated UTF-8; "" unless failed */
} lc_store_row;

/* A file that holds rows of a virtual one: its name, relative to that one's folder or absolute. */
typedef struct {
    const char *file;
    size_t rows;
} lc_store_part;

typedef struct {
    const lc_manifest *manifest;
    const char *recipe; /* base recipe, see recipe.h */
    const char *model_name, *model_sha256;
    const char *model_path; /* where predict finds the network again: an absolute path or a known name; NULL: nowhere */
    const char *command;
    const lc_store_layer *layers; /* in network order, the deepest last; `id` may be NULL (derived from the name) */
    size_t layer_count;
    bool half;                    /* float16 in place of float32 */
    lc_store_layout layout;       /* other than LC_STORE_PLAIN only for lc_store_begin */
    const lc_store_part *parts;   /* of LC_STORE_VIRTUAL: whose layers these are */
    size_t part_count;
} lc_store_options;

/* Writing ---------------------------------------------------------------------------------------------------- */

/*
 * Makes a new store; an existing file of that name is replaced. All structure is written (as <path>.new) before the file
 * gets its name, so whatever is called `path` opens.
 */
LC_CHECKED lc_status lc_store_create(lc_store **out, const char *path, const lc_store_options *options);

/*
 * The same, but the file keeps a name of its own (<path>.<pid>-<n>.new) until lc_store_publish or lc_store_finish; it is
 * removed when the store is freed before. What killed runs left of that kind is removed too. `replace`: it may take the
 * place of another file.
 */
LC_CHECKED lc_status lc_store_begin(lc_store **out, const char *path, const lc_store_options *options, bool replace);
/* Flushes, and gives the file its name. LC_ERR_IO when a file is called so already and is not to be replaced. */
LC_CHECKED lc_status lc_store_publish(lc_store *store);

/*
 * Opens an unfinished or finished store of the same job for writing: same recipe, layers, pictures, labels and
 * splits, or LC_ERR_STALE naming the first thing that differs.
 */
LC_CHECKED lc_status lc_store_resume(lc_store **out, const char *path, const lc_store_options *options);

/* Opens any store for writing, so that nobody else writes to it while another file is made to take its place. */
LC_CHECKED lc_status lc_store_open_locked(lc_store **out, const char *path);

/*
 * Writes the store at `path` anew, compressed, in place of itself: for finished stores. Sizes of the file in bytes
 * before and after. A store that is compressed already stays as it is; an unfinished or virtual one is LC_ERR_ARG.
 */
LC_CHECKED lc_status lc_store_pack(const char *path, uint64_t *before, uint64_t *after);

/*
 * Buffers rows first..first+count-1: `rows` (count), values[l] (count, layers[l].dim) for each layer. In a float16 file,
 * LC_ERR_ARG for a value of an ok row that is larger than float16 has.
 */
LC_CHECKED lc_status lc_store_write(lc_store *store, size_t first, size_t count, const lc_store_row *rows,
                                    const float *const *values);

/* Writes buffered rows: values, flush to the disk, statuses, flush. Called by itself while writing, see below. */
LC_CHECKED lc_status lc_store_flush(lc_store *store);

/* Seconds after which rows that wait are flushed, with the next one that is written: 5 unless said here. */
void lc_store_flush_every(lc_store *store, double seconds);

/*
 * Rows first..first+count-1 of `from` become rows at.. of `to`; pending ones stay so. Layers that `from` lacks come from
 * the same rows of `beside` (else NULL). LC_ERR_STALE when neither has a layer of that width, or when the two disagree on a
 * row's picture.
 */
LC_CHECKED lc_status lc_store_copy(lc_store *to, size_t at, lc_store *from, lc_store *beside, size_t first, size_t count);

/* Flushes, marks the file complete when no row is pending, gives it its name, closes, frees - also when it fails. */
LC_CHECKED lc_status lc_store_finish(lc_store *store);

/* Reading ---------------------------------------------------------------------------------------------------- */

/* Opens for reading and checks the structure: datasets, types and sizes agree with each other. */
LC_CHECKED lc_status lc_store_open(lc_store **out, const char *path);

/* What would make a store like this one; pointers are the store's, `layout` is LC_STORE_PLAIN. */
void lc_store_describe(const lc_store *store, lc_store_options *out);

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
bool lc_store_half(const lc_store *store); /* float16 */
lc_store_layout lc_store_layout_of(const lc_store *store);

/* LC_ERR_STALE, naming what differs, unless the layers are the options': same names, shapes, pooling, width. */
LC_CHECKED lc_status lc_store_compare_layers(const lc_store *store, const lc_store_options *options);
/* The same for recipe, network and type of numbers. */
LC_CHECKED lc_status lc_store_compare_recipe(const lc_store *store, const lc_store_options *options);
/* LC_ERR_STALE unless the links /features and /labels lead where they ought to. */
LC_CHECKED lc_status lc_store_check_links(const lc_store *store);

/* Layer of that name or id; LC_ERR_NOTFOUND lists the names there are. */
LC_CHECKED lc_status lc_store_find_layer(const lc_store *store, const char *name, size_t *out);

/* Rows first..first+count-1 of a layer into out (count, dim). NaN and Inf in an ok row are LC_ERR_STALE. */
LC_CHECKED lc_status lc_store_read(lc_store *store, size_t layer, size_t first, size_t count, float *out);

/* What row `row` came to. */
LC_CHECKED lc_status lc_store_read_row(lc_store *store, size_t row, lc_store_row *out);

#endif
