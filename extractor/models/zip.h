/*
 * Zip archives in a mapping (PKWARE's APPNOTE 6.3.10, with zip64): where each entry's bytes lie. PyTorch stores tensors
 * uncompressed so that they can be used in place; libzip reads archives but does not tell where an entry lies, and two
 * readers of one hostile directory would be one too many.
 */
#ifndef LC_EXTRACTOR_MODELS_ZIP_H
#define LC_EXTRACTOR_MODELS_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/file.h"

typedef struct {
    const char *name; /* in the mapping, no zero behind it */
    size_t name_size;
    const unsigned char *data; /* as it lies in the file: packed_size bytes */
    size_t packed_size, size;
    unsigned method; /* 0: stored; 8: deflate */
    uint32_t crc;
} lc_zip_entry;

typedef struct {
    lc_zip_entry *entries; /* sorted by name */
    size_t count;
} lc_zip;

/* The archive's entries, each checked to lie in the file; out->entries is the caller's, free(). */
LC_CHECKED lc_status lc_zip_open(lc_zip *out, const lc_mapping *file);

/* The entry called <folder><name> (no zero behind either); NULL if there is none. */
const lc_zip_entry *lc_zip_find(const lc_zip *zip, const char *folder, size_t folder_size, const char *name,
                                size_t name_size);

/*
 * The entry's bytes (e->size): *data points into the mapping and *block is NULL when they are stored; else both are the
 * caller's block of inflated bytes, checked against their CRC.
 */
LC_CHECKED lc_status lc_zip_read(const lc_zip_entry *e, const unsigned char **data, void **block);

/*
 * One gzip member (RFC 1952), at most `limit` bytes of it: *out (*out_size) is the caller's, free(). LC_ERR_FORMAT when it
 * is truncated, damaged (its CRC is checked), longer, or followed by anything.
 */
LC_CHECKED lc_status lc_gunzip(const unsigned char *data, size_t size, size_t limit, void **out, size_t *out_size);

#endif
