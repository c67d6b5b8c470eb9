#include "extractor/image/decode.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/memory.h"

lc_status lc_image_judge(size_t width, size_t height, size_t size, size_t densest)
{
    size_t pixels;
    if (width == 0 || height == 0) {
        return lc_fail(LC_ERR_FORMAT, "a picture without pixels (%zu x %zu)", width, height);
    }
    if (!lc_mul(width, height, &pixels) || pixels > LC_IMAGE_MAX_PIXELS) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%zu x %zu pixels; at most %d are read", width, height, LC_IMAGE_MAX_PIXELS);
    }
    if (pixels / densest > size) {
        return lc_fail(LC_ERR_FORMAT, "the header says %zu x %zu pixels, the file has only %zu bytes", width, height, size);
    }
    return LC_OK;
}

lc_status lc_image_new(lc_image *out, size_t width, size_t height)
{
    size_t pixels;
    *out = (lc_image){0};
    if (!lc_mul(width, height, &pixels)) {
        return lc_fail(LC_ERR_NOMEM, "no memory for %zu x %zu pixels", width, height);
    }
    LC_TRY(lc_alloc_raw(&out->pixels, pixels, 3));
    out->width = width;
    out->height = height;
    return LC_OK;
}

void lc_image_free(lc_image *image)
{
    if (image) {
        free(image->pixels);
        *image = (lc_image){0};
    }
}

/* Kinds that people have and that are not read: named, so that they know what to convert. */
static const struct {
    size_t at, length;
    const char *bytes, *name;
} unread[] = {
    {0, 4, "II*\0", "TIFF"},
    {0, 4, "MM\0*", "TIFF"},
    {4, 8, "ftypavif", "AVIF"},
    {4, 7, "ftyphei", "HEIF"},
    {4, 8, "ftypmif1", "HEIF"},
    {4, 4, "jP  ", "JPEG 2000"},
    {0, 4, "\xff\x4f\xff\x51", "JPEG 2000"},
    {4, 4, "JXL ", "JPEG XL"},
    {0, 2, "\xff\x0a", "JPEG XL"},
};

static bool starts(const uint8_t *bytes, size_t size, size_t at, const char *with, size_t length)
{
    return size >= at + length && memcmp(bytes + at, with, length) == 0;
}

static uint32_t tiff_uint(lc_bytes *b, size_t n, bool big_endian)
{
    const unsigned char *p = lc_bytes_take(b, n);
    uint32_t v = 0;
    for (size_t i = 0; p && i < n; i++) {
        v |= (uint32_t)p[i] << (8 * (big_endian ? n - 1 - i : i));
    }
    return v;
}

/* Tag 0x0112 of the first directory of a TIFF structure (Exif 2.3, 4.6.2 and 4.6.4); 1 where it says nothing. */
static uint32_t tiff_orientation(const uint8_t *tiff, size_t size)
{
    lc_bytes b = {.data = tiff, .size = size};
    const unsigned char *order = lc_bytes_take(&b, 2);
    bool big = order && order[0] == 'M';
    lc_bytes_take(&b, 2);
    b.at = tiff_uint(&b, 4, big);
    if (b.at > size) {
        return 1;
    }
    for (uint32_t entries = tiff_uint(&b, 2, big); entries > 0 && !b.overrun; entries--) {
        uint32_t tag = tiff_uint(&b, 2, big), type = tiff_uint(&b, 2, big);
        lc_bytes_take(&b, 4);
        uint32_t value = tiff_uint(&b, 2, big);
        lc_bytes_take(&b, 2);
        if (tag == 0x0112 && type == 3 && !b.overrun && value >= 1 && value <= 8) {
            return value;
        }
    }
    return 1;
}

/* Walks the segments of a JPEG up to its first scan, looking for APP1 "Exif". */
static uint32_t jpeg_orientation(const uint8_t *bytes, size_t size)
{
    lc_bytes b = {.data = bytes, .size = size};
    lc_bytes_take(&b, 2);
    for (;;) {
        const unsigned char *head = lc_bytes_take(&b, 4);
        if (!head || head[0] != 0xff || head[1] == 0xda) {
            return 1;
        }
        if (head[1] == 0xff) { /* a fill byte */
            b.at -= 3;
            continue;
        }
        size_t length = (size_t)head[2] << 8 | head[3];
        const unsigned char *segment = length >= 2 ? lc_bytes_take(&b, length - 2) : NULL;
        if (!segment) {
            return 1;
        }
        if (head[1] == 0xe1 && length >= 8 && memcmp(segment, "Exif\0", 6) == 0) {
            return tiff_orientation(segment + 6, length - 8);
        }
    }
}

/* The chunk "eXIf" of a PNG; walks at most to the end of the file. */
static uint32_t png_orientation(const uint8_t *bytes, size_t size)
{
    lc_bytes b = {.data = bytes, .size = size, .at = size < 8 ? size : 8};
    while (!b.overrun) {
        const unsigned char *head = lc_bytes_take(&b, 8);
        size_t length = head ? (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3] : 0;
        const unsigned char *chunk = lc_bytes_take(&b, length);
        lc_bytes_take(&b, 4);
        if (head && chunk && memcmp(head + 4, "eXIf", 4) == 0) {
            return tiff_orientation(chunk, length);
        }
    }
    return 1;
}

/* The chunk "EXIF" of a WebP, which some writers begin as a JPEG's segment begins. */
static uint32_t webp_orientation(const uint8_t *bytes, size_t size)
{
    lc_bytes b = {.data = bytes, .size = size, .at = size < 12 ? size : 12};
    while (!b.overrun) {
        const unsigned char *name = lc_bytes_take(&b, 4);
        size_t length = lc_bytes_u32(&b);
        const unsigned char *chunk = lc_bytes_take(&b, length);
        lc_bytes_take(&b, length & 1);
        if (name && chunk && memcmp(name, "EXIF", 4) == 0) {
            size_t head = length >= 6 && memcmp(chunk, "Exif\0", 6) == 0 ? 6 : 0;
            return tiff_orientation(chunk + head, length - head);
        }
    }
    return 1;
}

/* Orientation 2..8: mirrored left-right in 2 3 7 8, upside down in 3 4 6 7, rows and columns changed from 5 on. */
static lc_status orient(lc_image *image, uint32_t orientation)
{
    bool transpose = orientation >= 5;
    bool mirror = orientation == 2 || orientation == 3 || orientation >= 7;
    bool flip = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    size_t w = image->width, h = image->height;
    lc_image out;
    LC_TRY(lc_image_new(&out, transpose ? h : w, transpose ? w : h));
    for (size_t y = 0; y < out.height; y++) {
        for (size_t x = 0; x < out.width; x++) {
            size_t sx = transpose ? y : x, sy = transpose ? x : y;
            sx = mirror ? w - 1 - sx : sx;
            sy = flip ? h - 1 - sy : sy;
            memcpy(out.pixels + (y * out.width + x) * 3, image->pixels + (sy * w + sx) * 3, 3);
        }
    }
    lc_image_free(image);
    *image = out;
    return LC_OK;
}

typedef lc_status (*decode_fn)(lc_image *out, const uint8_t *bytes, size_t size);
typedef uint32_t (*orientation_fn)(const uint8_t *bytes, size_t size);

/* Which reader, by the first bytes; what none of them knows is stb_image's. */
static const struct {
    size_t at, length;
    const char *bytes;
    decode_fn decode;
    orientation_fn orientation;
} kinds[] = {
    {0, 2, "\xff\xd8", lc_decode_jpeg, jpeg_orientation},
    {0, 8, "\x89PNG\r\n\x1a\n", lc_decode_stb, png_orientation},
    {8, 4, "WEBP", lc_decode_webp, webp_orientation},
};

static lc_status turn(lc_image *image, uint32_t orientation)
{
    lc_status status = orientation == 1 ? LC_OK : orient(image, orientation);
    if (status != LC_OK) {
        lc_image_free(image);
    }
    return status;
}

lc_status lc_image_decode(lc_image *out, const void *bytes, size_t size, bool apply_exif_rotation)
{
    const uint8_t *b = bytes;
    *out = (lc_image){0};
    if (size == 0) {
        return lc_fail(LC_ERR_FORMAT, "the file is empty");
    }
    for (size_t i = 0; i < sizeof unread / sizeof unread[0]; i++) {
        if (starts(b, size, unread[i].at, unread[i].bytes, unread[i].length)) {
            return lc_fail(LC_ERR_UNSUPPORTED, "%s pictures are not read; convert to PNG or JPEG", unread[i].name);
        }
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (starts(b, size, kinds[i].at, kinds[i].bytes, kinds[i].length)) {
            LC_TRY(kinds[i].decode(out, b, size));
            return turn(out, apply_exif_rotation ? kinds[i].orientation(b, size) : 1);
        }
    }
    if (size >= 3 && b[0] == 'P' && b[1] >= '1' && b[1] <= '6') {
        return lc_decode_pnm(out, b, size);
    }
    return lc_decode_stb(out, b, size);
}
