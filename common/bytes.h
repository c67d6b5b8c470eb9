/*
 * A bounded little-endian reader over (pointer, length): every byte of a foreign file that no library parses goes
 * through it. A read past the end gives zeros and sets `overrun`; check it once per record.
 */
#ifndef LC_COMMON_BYTES_H
#define LC_COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const unsigned char *data;
    size_t size, at;
    bool overrun;
} lc_bytes;

/* The next n bytes, or NULL past the end. */
static inline const unsigned char *lc_bytes_take(lc_bytes *b, size_t n)
{
    if (n > b->size - b->at) {
        b->overrun = true;
        return NULL;
    }
    const unsigned char *p = b->data + b->at;
    b->at += n;
    return p;
}

static inline uint64_t lc_bytes_uint(lc_bytes *b, size_t n)
{
    const unsigned char *p = lc_bytes_take(b, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return v;
}

static inline uint32_t lc_bytes_u32(lc_bytes *b)
{
    return (uint32_t)lc_bytes_uint(b, 4);
}

static inline uint64_t lc_bytes_u64(lc_bytes *b)
{
    return lc_bytes_uint(b, 8);
}

#endif
