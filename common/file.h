/*
 * Whole files: mapped for reading, written under another name and renamed when complete.
 */
#ifndef LC_COMMON_FILE_H
#define LC_COMMON_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

typedef struct {
    const unsigned char *data;
    size_t size;
    bool nameless; /* of bytes, not of a file: nothing lies beside it */
} lc_mapping;

/* Maps a regular file read-only; an empty file gives size 0. The mapping is the caller's, lc_unmap_file. */
LC_CHECKED lc_status lc_map_file(lc_mapping *out, const char *path);
/* Maps a copy of the bytes, in an unnamed temporary file: what lc_map_file would give if they were one. */
LC_CHECKED lc_status lc_map_bytes(lc_mapping *out, const void *data, size_t size);
void lc_unmap_file(lc_mapping *mapping);

/*
 * `size` bytes of a mapping made by lc_map_file, from `from` on, are not needed for now: the pages that lie wholly in
 * them go back to the system. When they are looked at again they come back from the file.
 */
void lc_unload_file(const lc_mapping *mapping, const void *from, size_t size);

/* Reads a whole regular file of at most `limit` bytes into *data (the caller's, free()), followed by a zero byte. */
LC_CHECKED lc_status lc_read_file(unsigned char **data, size_t *size, const char *path, size_t limit);

/* Writes `path` by way of a temporary name beside it: the final name appears complete or not at all. */
LC_CHECKED lc_status lc_write_file(const char *path, const void *data, size_t size);

/*
 * Bytes that can still be written in the folder that `path` lies in; UINT64_MAX where the file system does not say.
 * *taken: bytes that a file at `path` has on the disk already, 0 when there is none.
 */
LC_CHECKED lc_status lc_disk_room(const char *path, uint64_t *room, uint64_t *taken);

/* lc_write_file in pieces: create, append ..., then finish or discard. *out is the caller's. */
typedef struct lc_file_writer lc_file_writer;

LC_CHECKED lc_status lc_file_create(lc_file_writer **out, const char *path);
LC_CHECKED lc_status lc_file_append(lc_file_writer *w, const void *data, size_t size);
/* Gives the file its name, or removes it when that fails; frees the writer either way. */
LC_CHECKED lc_status lc_file_finish(lc_file_writer *w);
/* Removes what was written, frees; NULL is fine. */
void lc_file_discard(lc_file_writer *w);

#endif
