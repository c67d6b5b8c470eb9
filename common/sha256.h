/*
 * SHA-256 of files and buffers (FIPS 180-4, by OpenSSL's libcrypto): the identity of networks, pictures and recipes.
 */
#ifndef LC_COMMON_SHA256_H
#define LC_COMMON_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { LC_SHA256_SIZE = 32, LC_SHA256_HEX_SIZE = 65 };

LC_CHECKED lc_status lc_sha256(const void *data, size_t size, uint8_t out[static LC_SHA256_SIZE]);

/* 64 lower-case hexadecimal digits and a zero. */
void lc_sha256_hex(const uint8_t digest[static LC_SHA256_SIZE], char out[static LC_SHA256_HEX_SIZE]);

#endif
