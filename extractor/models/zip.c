#include "extractor/models/zip.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/bytes.h"
#include "common/memory.h"
#include "common/text.h"

enum { END = 0x06054b50, END64 = 0x06064b50, LOCATOR64 = 0x07064b50, CENTRAL = 0x02014b50, LOCAL = 0x04034b50 };
enum { END_SIZE = 22, LOCATOR_SIZE = 20, CENTRAL_SIZE = 46, COMMENT_MOST = 65535 };
enum { STORED = 0, DEFLATE = 8, ENCRYPTED = 1, EXTRA64 = 1 };
enum { DEFLATE_RATIO = 1032 }; /* no byte of deflate gives more (zlib's technical notes) */

static const uint32_t in_extra = UINT32_MAX; /* instead of a size: it stands in the zip64 extra field */

typedef struct {
    uint64_t count, size, offset;
} directory;

static const char *show_name(const lc_zip_entry *e)
{
    return lc_text_show(e->name, e->name_size);
}

static lc_bytes bytes_at(const lc_mapping *file, uint64_t offset)
{
    bool inside = offset <= file->size;
    return (lc_bytes){file->data, file->size, inside ? (size_t)offset : file->size, !inside};
}

/* The end record: the last place whose comment fills the rest of the file. */
static bool find_end(const lc_mapping *file, size_t *at)
{
    for (size_t back = END_SIZE; back <= file->size && back <= END_SIZE + COMMENT_MOST; back++) {
        lc_bytes b = bytes_at(file, file->size - back);
        if (lc_bytes_u32(&b) == END) {
            lc_bytes_take(&b, 16);
            if (lc_bytes_uint(&b, 2) == back - END_SIZE) {
                *at = file->size - back;
                return true;
            }
        }
    }
    return false;
}

static lc_status read_end(directory *out, const lc_mapping *file)
{
    size_t at;
    *out = (directory){0};
    if (!find_end(file, &at)) {
        return lc_fail(LC_ERR_FORMAT, "cut short: a zip archive without its directory");
    }
    lc_bytes b = bytes_at(file, at + 10);
    out->count = lc_bytes_uint(&b, 2);
    out->size = lc_bytes_u32(&b);
    out->offset = lc_bytes_u32(&b);
    lc_bytes locator = bytes_at(file, at >= LOCATOR_SIZE ? at - LOCATOR_SIZE : file->size);
    if (lc_bytes_u32(&locator) != LOCATOR64) {
        return LC_OK;
    }
    lc_bytes_take(&locator, 4);
    lc_bytes end = bytes_at(file, lc_bytes_u64(&locator));
    if (lc_bytes_u32(&end) != END64) {
        return lc_fail(LC_ERR_FORMAT, "a zip64 archive without its end record");
    }
    lc_bytes_take(&end, 28);
    out->count = lc_bytes_u64(&end);
    out->size = lc_bytes_u64(&end);
    out->offset = lc_bytes_u64(&end);
    return end.overrun ? lc_fail(LC_ERR_FORMAT, "a zip64 archive whose end record is cut short") : LC_OK;
}

/* The sizes and the offset that did not fit into 32 bits stand in an extra field, in this order. */
static void read_extra(lc_bytes extra, uint64_t *size, uint64_t *packed, uint64_t *offset)
{
    while (extra.at < extra.size && !extra.overrun) {
        unsigned id = (unsigned)lc_bytes_uint(&extra, 2);
        size_t length = (size_t)lc_bytes_uint(&extra, 2);
        const unsigned char *field = lc_bytes_take(&extra, length);
        if (id != EXTRA64 || !field) {
            continue;
        }
        lc_bytes b = {field, length, 0, false};
        uint64_t *wide[] = {size, packed, offset};
        for (size_t i = 0; i < 3; i++) {
            if (*wide[i] == in_extra) {
                *wide[i] = lc_bytes_u64(&b);
            }
        }
        return;
    }
}

/* The data lie behind the entry's local header, whose name and extra field have lengths of their own. */
static bool find_data(lc_zip_entry *e, const lc_mapping *file, uint64_t offset)
{
    lc_bytes b = bytes_at(file, offset);
    if (lc_bytes_u32(&b) != LOCAL) {
        return false;
    }
    lc_bytes_take(&b, 22);
    size_t name = (size_t)lc_bytes_uint(&b, 2), extra = (size_t)lc_bytes_uint(&b, 2);
    lc_bytes_take(&b, name + extra);
    e->data = lc_bytes_take(&b, e->packed_size);
    return !b.overrun;
}

static lc_status read_entry(lc_zip_entry *e, lc_bytes *b, const lc_mapping *file)
{
    bool ours = lc_bytes_u32(b) == CENTRAL;
    lc_bytes_take(b, 4);
    unsigned flags = (unsigned)lc_bytes_uint(b, 2);
    e->method = (unsigned)lc_bytes_uint(b, 2);
    lc_bytes_take(b, 4);
    e->crc = lc_bytes_u32(b);
    uint64_t packed = lc_bytes_u32(b), size = lc_bytes_u32(b);
    size_t name_size = (size_t)lc_bytes_uint(b, 2), extra_size = (size_t)lc_bytes_uint(b, 2);
    size_t comment_size = (size_t)lc_bytes_uint(b, 2);
    lc_bytes_take(b, 8);
    uint64_t offset = lc_bytes_u32(b);
    e->name = (const char *)lc_bytes_take(b, name_size);
    e->name_size = name_size;
    const unsigned char *extra = lc_bytes_take(b, extra_size);
    lc_bytes_take(b, comment_size);
    if (!ours || b->overrun) {
        return lc_fail(LC_ERR_FORMAT, "the zip archive's directory is damaged");
    }
    read_extra((lc_bytes){extra, extra_size, 0, false}, &size, &packed, &offset);
    if (flags & ENCRYPTED) {
        return lc_fail(LC_ERR_UNSUPPORTED, "zip entry '%s' is encrypted", show_name(e));
    }
    if (packed > file->size || size > SIZE_MAX) {
        return lc_fail(LC_ERR_FORMAT, "zip entry '%s' is larger than the file", show_name(e));
    }
    e->packed_size = (size_t)packed;
    e->size = (size_t)size;
    if (!find_data(e, file, offset)) {
        return lc_fail(LC_ERR_FORMAT, "zip entry '%s' does not lie in the file", show_name(e));
    }
    if (e->method == STORED ? e->size != e->packed_size : e->size / DEFLATE_RATIO > e->packed_size) {
        return lc_fail(LC_ERR_FORMAT, "zip entry '%s' cannot make %zu bytes of %zu", show_name(e), e->size, e->packed_size);
    }
    return LC_OK;
}

static int compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

static int by_name(const void *a, const void *b)
{
    const lc_zip_entry *x = a, *y = b;
    return compare(x->name, x->name_size, y->name, y->name_size);
}

/* No two entries of one name, and no more packed bytes than the file has: else one byte could be inflated many times. */
static lc_status check_entries(const lc_zip *zip, const lc_mapping *file)
{
    size_t left = file->size;
    for (size_t i = 0; i < zip->count; i++) {
        const lc_zip_entry *e = &zip->entries[i];
        if (e->packed_size > left) {
            return lc_fail(LC_ERR_FORMAT, "the zip archive's entries overlap");
        }
        left -= e->packed_size;
        if (i > 0 && by_name(e - 1, e) == 0) {
            return lc_fail(LC_ERR_FORMAT, "zip entry '%s' is there twice", show_name(e));
        }
    }
    return LC_OK;
}

lc_status lc_zip_open(lc_zip *out, const lc_mapping *file)
{
    directory dir;
    *out = (lc_zip){0};
    LC_TRY(read_end(&dir, file));
    lc_bytes b = bytes_at(file, dir.offset);
    if (b.overrun || dir.size > b.size - b.at || dir.count > dir.size / CENTRAL_SIZE) {
        return lc_fail(LC_ERR_FORMAT, "cut short: the zip archive's directory does not lie in the file");
    }
    b.size = b.at + (size_t)dir.size;
    lc_status status = lc_alloc_array(&out->entries, (size_t)dir.count, sizeof *out->entries);
    for (; status == LC_OK && out->count < dir.count; out->count++) {
        status = read_entry(&out->entries[out->count], &b, file);
    }
    if (status == LC_OK) {
        qsort(out->entries, out->count, sizeof *out->entries, by_name);
        status = check_entries(out, file);
    }
    if (status != LC_OK) {
        free(out->entries);
        *out = (lc_zip){0};
    }
    return status;
}

/* How <folder><name> and the entry's name are ordered. */
static int compare_joined(const char *folder, size_t folder_size, const char *name, size_t name_size, const lc_zip_entry *e)
{
    size_t shared = e->name_size < folder_size ? e->name_size : folder_size;
    int order = compare(folder, folder_size, e->name, shared);
    return order ? order : compare(name, name_size, e->name + shared, e->name_size - shared);
}

const lc_zip_entry *lc_zip_find(const lc_zip *zip, const char *folder, size_t folder_size, const char *name,
                                size_t name_size)
{
    size_t low = 0, high = zip->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_joined(folder, folder_size, name, name_size, &zip->entries[middle]);
        if (order == 0) {
            return &zip->entries[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

/* zlib counts in 32 bits: both sides are given in pieces. */
static bool inflate_all(const lc_zip_entry *e, unsigned char *out)
{
    z_stream z = {.next_in = (unsigned char *)e->data, .next_out = out};
    size_t in_left = e->packed_size, out_left = e->size;
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) {
        return false;
    }
    int state;
    do {
        uInt in = in_left < UINT_MAX ? (uInt)in_left : UINT_MAX, room = out_left < UINT_MAX ? (uInt)out_left : UINT_MAX;
        z.avail_in = in;
        z.avail_out = room;
        state = inflate(&z, Z_NO_FLUSH);
        in_left -= in - z.avail_in;
        out_left -= room - z.avail_out;
    } while (state == Z_OK);
    inflateEnd(&z);
    return state == Z_STREAM_END && out_left == 0 && crc32_z(0, out, e->size) == e->crc;
}

lc_status lc_zip_read(const lc_zip_entry *e, const unsigned char **data, void **block)
{
    *block = NULL;
    *data = e->data;
    if (e->method == STORED) {
        return LC_OK;
    }
    if (e->method != DEFLATE) {
        return lc_fail(LC_ERR_UNSUPPORTED, "zip entry '%s' is packed by method %u", show_name(e), e->method);
    }
    LC_TRY(lc_alloc_raw(block, e->size, 1));
    *data = *block;
    if (!inflate_all(e, *block)) {
        free(*block);
        *block = NULL;
        return lc_fail(LC_ERR_FORMAT, "zip entry '%s' is damaged", show_name(e));
    }
    return LC_OK;
}

/* The room grows with what is there, never with what a header says. */
lc_status lc_gunzip(const unsigned char *data, size_t size, size_t limit, void **out, size_t *out_size)
{
    unsigned char *block = NULL;
    size_t capacity = 0, done = 0, in_left = size;
    z_stream z = {.next_in = (unsigned char *)data};
    *out = NULL;
    *out_size = 0;
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) {
        return lc_fail(LC_ERR_NOMEM, "no memory to unpack gzip");
    }
    lc_status st = LC_OK;
    int state = Z_OK;
    while (st == LC_OK && state == Z_OK) {
        st = done < limit ? lc_grow(&block, &capacity, done + 65536, 1)
                          : lc_fail(LC_ERR_UNSUPPORTED, "gzip of more than %zu bytes", limit);
        if (st == LC_OK) {
            uInt in = in_left < UINT_MAX ? (uInt)in_left : UINT_MAX;
            uInt room = capacity - done < UINT_MAX ? (uInt)(capacity - done) : UINT_MAX;
            z.avail_in = in;
            z.avail_out = room;
            z.next_out = block + done;
            state = inflate(&z, Z_NO_FLUSH);
            in_left -= in - z.avail_in;
            done += room - z.avail_out;
        }
    }
    inflateEnd(&z);
    if (st == LC_OK && (state != Z_STREAM_END || in_left)) {
        st = lc_fail(LC_ERR_FORMAT, state == Z_STREAM_END ? "%zu bytes behind the end of its gzip stream"
                                                          : "gzip stream is damaged or truncated, %zu bytes from its end",
                     in_left);
    }
    if (st != LC_OK) {
        free(block);
        return st;
    }
    *out = block;
    *out_size = done;
    return LC_OK;
}
