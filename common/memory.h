/*
 * Memory with checked sizes. Every size that comes from a file goes through lc_mul()/lc_alloc_array(), so that a
 * hostile number becomes a status and never a small block behind a large loop.
 */
#ifndef LC_COMMON_MEMORY_H
#define LC_COMMON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

enum { LC_ALIGNMENT = 64 }; /* a cache line, and the widest vector */

/* *out = a * b; false when it does not fit. */
bool lc_mul(size_t a, size_t b, size_t *out);

/* *out = a + b; false when it does not fit. */
bool lc_add(size_t a, size_t b, size_t *out);

/* count * size zeroed bytes, LC_ALIGNMENT-aligned; *out is the caller's, released with free(). A count of 0 gives a valid block. */
LC_CHECKED lc_status lc_alloc_array(void *out, size_t count, size_t size);

/* Like lc_alloc_array, but the contents are undefined and untouched pages cost nothing. */
LC_CHECKED lc_status lc_alloc_raw(void *out, size_t count, size_t size);

/* Grows *array (malloc'ed, of *capacity elements of `size` bytes) to hold at least `count`; contents are kept. */
LC_CHECKED lc_status lc_grow(void *array, size_t *capacity, size_t count, size_t size);

/* Copies of strings; *out is the caller's, released with free(), an array of them with lc_free_strings. */
LC_CHECKED lc_status lc_strdup(char **out, const char *text);
LC_CHECKED lc_status lc_copy_strings(char ***out, const char *const *strings, size_t count);
void lc_free_strings(char **strings, size_t count);
LC_CHECKED lc_status lc_sprintf(char **out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
