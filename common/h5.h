/*
 * HDF5 in the small: what a store and a classifier file need, with our errors; nobody else knows hdf5.h.
 *
 * Files are written in HDF5's oldest layout (superblock 0: no "open for write" flag that a crash would leave behind).
 * Fixed-size datasets are contiguous and allocated when they are made, so that after the first flush a killed run
 * leaves a file that opens: later writes change values, never structure.
 * Who writes a file holds a lock on it; a second one is refused. Packed datasets (shuffle, gzip) change structure with
 * every write, so they belong in files that get their name when complete.
 * HDF5 is touched by one thread at a time; its own error printing is off, its last message goes into ours.
 * Errors of a file that is damaged or lacks an object are LC_ERR_STALE, of the system LC_ERR_IO.
 */
#ifndef LC_COMMON_H5_H
#define LC_COMMON_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

typedef struct lc_h5 lc_h5;

/* LC_H5_F16: in memory the bits of an IEEE binary16 (common/half.h); HDF5 converts it to the other real types. */
typedef enum { LC_H5_F16, LC_H5_F32, LC_H5_F64, LC_H5_I32, LC_H5_I64, LC_H5_U8, LC_H5_TEXT } lc_h5_type;

/* In place; in compressed chunks; or in other files. */
typedef enum { LC_H5_PLAIN, LC_H5_PACKED, LC_H5_VIRTUAL } lc_h5_layout;

enum { LC_H5_MAX_RANK = 4 };

/*
 * LC_H5_TEXT: UTF-8 strings of at most text_size bytes, zero-padded, stored in place (safe to rewrite at any moment).
 * lc_h5_shape_of says text_size 0 for strings of variable length.
 */
typedef struct {
    lc_h5_type type;
    size_t text_size; /* of LC_H5_TEXT, else 0 */
    size_t rank;
    size_t dims[LC_H5_MAX_RANK];
} lc_h5_shape;

LC_CHECKED lc_status lc_h5_create(lc_h5 **out, const char *path); /* truncates */
LC_CHECKED lc_status lc_h5_open(lc_h5 **out, const char *path, bool writable);
LC_CHECKED lc_status lc_h5_flush(lc_h5 *file);
/* Flushes, and waits until the disk has it: what is written later never reaches the disk before. */
LC_CHECKED lc_status lc_h5_sync(lc_h5 *file);
/*
 * Closes and frees; reports what the last write-back could not do. A file that could not be written before gives that
 * status again and leaves the message alone. NULL is fine.
 */
lc_status lc_h5_close(lc_h5 *file);
/*
 * Moves the file to another name of the same folder; it stays open. `replace`: in place of what stands there, else
 * LC_ERR_IO when something does.
 */
LC_CHECKED lc_status lc_h5_rename(lc_h5 *file, const char *path, bool replace);

bool lc_h5_exists(lc_h5 *file, const char *object);
LC_CHECKED lc_status lc_h5_group(lc_h5 *file, const char *path);
LC_CHECKED lc_status lc_h5_soft_link(lc_h5 *file, const char *target, const char *link);
LC_CHECKED lc_status lc_h5_unlink(lc_h5 *file, const char *link);
/* What a soft link points to; LC_ERR_STALE when it is none. *target is the caller's, free(). */
LC_CHECKED lc_status lc_h5_link_target(lc_h5 *file, const char *link, char **target);
/* Names in a group, in byte order; *names is the caller's, each and all released with lc_free_strings. */
LC_CHECKED lc_status lc_h5_list(lc_h5 *file, const char *group, char ***names, size_t *count);

/* Attributes of `object` ("/" is the root). Setting replaces. *value is the caller's, free(). */
LC_CHECKED lc_status lc_h5_set_text(lc_h5 *file, const char *object, const char *name, const char *value);
LC_CHECKED lc_status lc_h5_get_text(lc_h5 *file, const char *object, const char *name, char **value);
LC_CHECKED lc_status lc_h5_set_ints(lc_h5 *file, const char *object, const char *name, const int64_t *values, size_t n);
/* Exactly n values, or LC_ERR_STALE. A scalar is n = 1. */
LC_CHECKED lc_status lc_h5_get_ints(lc_h5 *file, const char *object, const char *name, int64_t *values, size_t n);

/* A dataset whose space is allocated now and reads as zeros until written. */
LC_CHECKED lc_status lc_h5_make(lc_h5 *file, const char *path, const lc_h5_shape *shape);
/* The same in chunks of `chunk_rows` rows, shuffled and deflated (level 1): filters that every HDF5 has. */
LC_CHECKED lc_status lc_h5_make_packed(lc_h5 *file, const char *path, const lc_h5_shape *shape, size_t chunk_rows);

/* All rows of `dataset` in `file` (relative to this file's folder, or absolute) are `count` rows of a virtual dataset. */
typedef struct {
    const char *file, *dataset;
    size_t count;
} lc_h5_source;

/* A dataset of real numbers whose rows are those of the sources, one source after the other; NaN where one is missing. */
LC_CHECKED lc_status lc_h5_make_virtual(lc_h5 *file, const char *path, const lc_h5_shape *shape, const lc_h5_source *sources,
                                        size_t count);
LC_CHECKED lc_status lc_h5_layout_of(lc_h5 *file, const char *path, lc_h5_layout *out);
/* The files of a virtual dataset's sources, as they stand there; *files is the caller's, lc_free_strings. */
LC_CHECKED lc_status lc_h5_sources(lc_h5 *file, const char *path, char ***files, size_t *count);
LC_CHECKED lc_status lc_h5_shape_of(lc_h5 *file, const char *path, lc_h5_shape *out);
/* Makes a dataset (rows, columns), or (rows) with columns 0, and writes all of it. */
LC_CHECKED lc_status lc_h5_put(lc_h5 *file, const char *path, lc_h5_type type, size_t rows, size_t columns,
                               const void *data);
/* LC_ERR_STALE unless a dataset has this type and shape. */
LC_CHECKED lc_status lc_h5_expect(lc_h5 *file, const char *path, lc_h5_type type, size_t rows, size_t columns);
/*
 * Rows first..first+count-1 (along the first dimension) of a dataset; `type` is the type in memory, HDF5 converts
 * numbers. For LC_H5_TEXT, data holds count blocks of the dataset's text_size bytes.
 */
LC_CHECKED lc_status lc_h5_write(lc_h5 *file, const char *path, lc_h5_type type, size_t first, size_t count, const void *data);
LC_CHECKED lc_status lc_h5_read(lc_h5 *file, const char *path, lc_h5_type type, size_t first, size_t count, void *data);

/* Whole one-dimensional datasets of variable-length UTF-8 strings: written once, before the first flush. */
LC_CHECKED lc_status lc_h5_write_strings(lc_h5 *file, const char *path, const char *const *strings, size_t count);
LC_CHECKED lc_status lc_h5_read_strings(lc_h5 *file, const char *path, char ***strings, size_t *count);

#endif
