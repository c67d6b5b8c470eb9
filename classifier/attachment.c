/* What a classifier file carries along: a block of bytes under a name, with its hash. */
#include <stdlib.h>
#include <string.h>

#include "classifier/attachment.h"
#include "common/memory.h"
#include "common/sha256.h"

lc_status lc_classifier_attach(lc_classifier *c, const char *name, const void *bytes, size_t size)
{
    uint8_t digest[LC_SHA256_SIZE];
    char *copy;
    LC_TRY(lc_sha256(bytes, size, digest));
    LC_TRY(lc_strdup(&copy, name));
    free(c->attachment_name);
    c->attachment_name = copy;
    c->attachment = bytes;
    lc_sha256_hex(digest, c->attachment_sha256);
    c->info.attachment = copy;
    c->info.attachment_size = size;
    return LC_OK;
}

lc_status lc_attachment_save(const lc_classifier *c, lc_h5 *f)
{
    if (!c->attachment) {
        return LC_OK;
    }
    LC_TRY(lc_h5_group(f, "/attachment"));
    LC_TRY(lc_h5_set_text(f, "/attachment", "name", c->attachment_name));
    LC_TRY(lc_h5_set_text(f, "/attachment", "sha256", c->attachment_sha256));
    return lc_h5_put(f, "/attachment/bytes", LC_H5_U8, c->info.attachment_size, 0, c->attachment);
}

lc_status lc_attachment_load(lc_classifier *c, lc_h5 *f)
{
    lc_h5_shape s;
    char *hash;
    if (!lc_h5_exists(f, "/attachment")) {
        return LC_OK;
    }
    LC_TRY(lc_h5_get_text(f, "/attachment", "name", &c->attachment_name));
    LC_TRY(lc_h5_get_text(f, "/attachment", "sha256", &hash));
    bool whole = strlen(hash) == LC_SHA256_HEX_SIZE - 1;
    if (whole) {
        strcpy(c->attachment_sha256, hash);
    }
    free(hash);
    LC_TRY(lc_h5_shape_of(f, "/attachment/bytes", &s));
    if (!whole || !c->attachment_name[0] || s.type != LC_H5_U8 || s.rank != 1 || s.dims[0] == 0) {
        return lc_fail(LC_ERR_STALE, "/attachment is not a block of bytes with its name and hash");
    }
    c->info.attachment_size = s.dims[0];
    return LC_OK;
}

lc_status lc_classifier_attachment(const lc_classifier *c, const char *path, unsigned char **bytes)
{
    uint8_t digest[LC_SHA256_SIZE];
    char hash[LC_SHA256_HEX_SIZE];
    lc_h5 *f = NULL;
    size_t size = c->info.attachment_size;
    *bytes = NULL;
    if (size == 0) {
        return lc_fail(LC_ERR_NOTFOUND, "%s carries nothing along", path);
    }
    LC_TRY(lc_h5_open(&f, path, false));
    lc_status status = lc_h5_expect(f, "/attachment/bytes", LC_H5_U8, size, 0);
    if (status == LC_OK) {
        status = lc_alloc_raw(bytes, size, 1);
    }
    if (status == LC_OK) {
        status = lc_h5_read(f, "/attachment/bytes", LC_H5_U8, 0, size, *bytes);
    }
    lc_h5_close(f);
    if (status == LC_OK) {
        status = lc_sha256(*bytes, size, digest);
    }
    if (status == LC_OK) {
        lc_sha256_hex(digest, hash);
        if (strcmp(hash, c->attachment_sha256) != 0) {
            status = lc_fail(LC_ERR_STALE, "%s: %s in it is damaged: sha256 %.16s..., not %.16s...", path,
                             c->attachment_name, hash, c->attachment_sha256);
        }
    }
    if (status != LC_OK) {
        free(*bytes);
        *bytes = NULL;
    }
    return status;
}
