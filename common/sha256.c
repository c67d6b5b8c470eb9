#include "common/sha256.h"

#include <openssl/evp.h>
#include <stdio.h>

lc_status lc_sha256(const void *data, size_t size, uint8_t out[static LC_SHA256_SIZE])
{
    if (EVP_Digest(data, size, out, NULL, EVP_sha256(), NULL) != 1) {
        return lc_fail(LC_ERR_UNSUPPORTED, "the OpenSSL of this system refuses to compute SHA-256");
    }
    return LC_OK;
}

void lc_sha256_hex(const uint8_t digest[static LC_SHA256_SIZE], char out[static LC_SHA256_HEX_SIZE])
{
    for (size_t i = 0; i < LC_SHA256_SIZE; i++) {
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    }
}
