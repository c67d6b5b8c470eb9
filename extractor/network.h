/*
 * Inside of the door: what network.c and extract.c share.
 */
#ifndef LC_EXTRACTOR_NETWORK_H
#define LC_EXTRACTOR_NETWORK_H

#include "extractor/extractor.h"
#include "extractor/image/image.h"
#include "extractor/models/arch.h"
#include "extractor/models/models.h"

struct lc_network {
    lc_model model;
    lc_mapping file;     /* empty when the model does not use it */
    lc_taps taps;
    lc_tap *public_taps; /* (taps.count), what the door shows */
    lc_network_info info;
    size_t own_input[3]; /* (C,H,W) as the file or its weights have it, whatever size the graph has been given since */
    char *name, *path, sha256[LC_SHA256_HEX_SIZE];
    float **owned; /* (owned_count) weights that were changed: not the file's */
    size_t owned_count, owned_capacity;
};

/* Constant `value` moves to zeroed memory of the network's own, of `count` numbers: *out is it. */
LC_CHECKED lc_status lc_network_replace(lc_network *network, size_t value, size_t count, float **out);

/* Weights as training begins with them, see lc_network_new, into the constants of learned layers from node `first` on. */
LC_CHECKED lc_status lc_network_begin(lc_network *network, size_t first, uint64_t seed);

/* weights (count) and bias (biases, or NULL) of a layer as PyTorch begins it: uniform within +- 1 / sqrt(fan_in). */
void lc_begin_like_torch(float *weights, size_t count, size_t fan_in, float *bias, size_t biases, uint64_t seed, uint64_t stream);

/* What the door shows of the taps; again after shapes have changed. */
LC_CHECKED lc_status lc_network_show_taps(lc_network *network);

/* The network's preprocessing with the options' settings, or exactly the options' recipe; the graph is given its input size. */
LC_CHECKED lc_status lc_network_preprocess(lc_network *network, const lc_extract_options *options, lc_preprocess *out);

/* "f32" "f32-exact" "bf16"; NULL is "f32". LC_ERR_ARG for another word. */
LC_CHECKED lc_status lc_network_precision(const char *text, lc_arithmetic *out);

/* The base recipe of a preprocessing and of the options' precision, or of the options' recipe's. *out is the caller's. */
LC_CHECKED lc_status lc_network_recipe(const lc_network *network, const lc_extract_options *options, const lc_preprocess *p,
                                       lc_arithmetic *arithmetic, char **out);

/* Shape of an activation as (C,H,W); vectors are (C,1,1). */
void lc_network_shape(const lc_tensor *t, size_t shape[3]);

/*
 * lc_extract without refresh and pack. `trusted`: the rows of an existing file are known to be of the pictures as they
 * are, so these are not read again.
 */
LC_CHECKED lc_status lc_extract_rows(lc_network *network, const lc_manifest *manifest, const lc_extract_options *options,
                                     const char *path, const char *command, bool trusted, lc_extract_report *report);

/* The bytes of the picture of row `row` (the caller's, free()) and their hash. */
LC_CHECKED lc_status lc_picture_read(const lc_manifest *manifest, size_t row, unsigned char **bytes, size_t *size,
                                     uint8_t sha256[static LC_SHA256_SIZE]);

typedef struct {
    uint8_t sha256[LC_SHA256_SIZE];
    bool known; /* the file could be read */
} lc_fingerprint;

/* prints (rows of the manifest): the hash of every picture as it is now. threads 0: all. */
LC_CHECKED lc_status lc_pictures_hash(const lc_manifest *manifest, size_t threads, lc_fingerprint *prints);

/* The layers of a file as a selector, and behind them `others` (or NULL). *out is the caller's, free(). */
LC_CHECKED lc_status lc_layers_selector(const lc_store *store, const char *others, char **out);

/* How a map becomes a row --------------------------------------------------------------------------------------- */

typedef enum { LC_POOL_AVG, LC_POOL_MAX, LC_POOL_AVGMAX, LC_POOL_GRID, LC_POOL_FLAT } lc_pool_kind;

typedef struct {
    lc_pool_kind kind;
    size_t grid; /* of LC_POOL_GRID: rows and columns */
} lc_pooling;

/* "avg" "max" "avgmax" "grid:K" "flat"; LC_ERR_ARG for another word. */
LC_CHECKED lc_status lc_pooling_parse(const char *text, lc_pooling *out);

/* Length of the row that a map of `shape` (C,H,W) becomes. A vector (H = W = 1) is kept as it is by every pooling. */
LC_CHECKED lc_status lc_pooling_dim(const lc_pooling *p, const size_t shape[3], size_t *dim);

/*
 * map (H,W,C) -> row, in (C,H,W) order. avgmax: the averages, then the maxima. grid:K: averages over K x K regions whose
 * borders are those of PyTorch's AdaptiveAvgPool2d. `scratch` has room for 2 C floats.
 */
void lc_pooling_apply(const lc_pooling *p, const lc_kernels *kernels, const size_t shape[3], const float *map, float *scratch, float *row);

#endif
