/*
 * The loader: rows of a manifest -> batches of augmented input, made by threads ahead of whoever trains on them.
 *
 *   lc_loader *loader;
 *   lc_loader_new(&loader, &options);               reads every picture once: what does not decode is known from now on
 *   lc_loader_epoch(loader, epoch, train_on, me);   calls train_on(me, &batch) for each batch, in order, on this thread
 *   lc_loader_free(loader);
 *
 * Decoded pictures are kept as 8-bit pixels as long as they fit into keep_bytes; the others are read again in every epoch. What a batch
 * holds is a function of (rows, seed, epoch, batch size): not of threads, nor of what is kept.
 */
#ifndef LC_EXTRACTOR_TRAIN_LOADER_H
#define LC_EXTRACTOR_TRAIN_LOADER_H

#include "common/manifest.h"
#include "extractor/train/augment.h"

typedef struct {
    const lc_manifest *manifest; /* outlives the loader */
    const size_t *rows;          /* (count) of the manifest, e.g. those of one split; copied */
    size_t count;
    lc_preprocess preprocess;
    lc_augment augment;          /* {0}: none */
    size_t classes;              /* width of the targets that mixing makes */
    size_t batch;                /* >= 1 */
    size_t threads;              /* that load; 0: the CPUs this process may use */
    uint64_t seed;
    bool shuffle;                /* a new order every epoch; else the rows' own */
    bool drop_last;              /* leave out a last batch that is not full (unless it is the only one) */
    size_t keep_bytes;           /* for decoded pictures; 0: LC_LOADER_KEEP_BYTES */
} lc_loader_options;

enum { LC_LOADER_KEEP_BYTES = 1 << 30 };

typedef struct lc_loader lc_loader;

/*
 * Decodes every picture. One that fails is logged as a warning with its path and reason, and left out; if none is left:
 * LC_ERR_ARG. LC_ERR_INTERRUPTED between pictures. *out is the caller's.
 */
LC_CHECKED lc_status lc_loader_new(lc_loader **out, const lc_loader_options *options);
void lc_loader_free(lc_loader *loader);

/* Pictures per epoch (before drop_last), those left out, batches per epoch. */
size_t lc_loader_count(const lc_loader *loader);
size_t lc_loader_failed(const lc_loader *loader);
size_t lc_loader_batches(const lc_loader *loader);

typedef struct {
    size_t index, count;   /* which batch of the epoch; pictures in it */
    const size_t *rows;    /* (count) of the manifest */
    const int32_t *labels; /* (count) of the manifest, before mixing */
    const float *input;    /* (count, H, W, C) */
    const float *targets;  /* (count, classes) shares that sum to 1, where pictures were mixed; else NULL */
} lc_batch;

/* Everything in *batch is the loader's, valid during the call. A failure ends the epoch. */
typedef lc_status (*lc_batch_fn)(void *context, const lc_batch *batch);

LC_CHECKED lc_status lc_loader_epoch(lc_loader *loader, uint64_t epoch, lc_batch_fn fn, void *context);

#endif
