/*
 * stb_image, fed through its callbacks. Two things are gained by that:
 *
 * - It reads zeros behind the end of a file and calls the picture whole. The callbacks see such a read, and the
 *   picture fails as truncated.
 * - It reads some headers otherwise than PIL does, or leaves parts of a palette undefined. Each format has an
 *   edit_*() that checks what stb_image does not and puts a few other bytes in the place of the file's (`pieces`), so
 *   that the file itself is never copied. finish() then does what the edit left to do.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/memory.h"
#include "extractor/image/decode.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_JPEG
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_NO_PIC
#define STBI_NO_PNM
#define stbi_set_unpremultiply_on_load_thread stbi__unpremultiply_on_load_thread /* declared and defined differently */
#define STBI_ASSERT(x) ((void)0) /* its asserts guard its own logic; a library of ours never aborts */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

/* Deflate makes at most 1032 bytes of one, each of 8 pixels; LZW and run lengths stay below that. */
enum { DENSEST = 8300 };

enum { MAX_PIECES = 5, PALETTE_SIZE = 256 };

typedef struct {
    const uint8_t *data;
    size_t size;
} piece;

typedef struct {
    const uint8_t *bytes; /* the file */
    size_t size;
    piece pieces[MAX_PIECES]; /* what stb_image gets to read */
    size_t count, at_piece, at;
    bool overrun;
    uint8_t edit[54 + 4 * PALETTE_SIZE]; /* bytes in the place of the file's */
    uint8_t palette[PALETTE_SIZE][3];
    unsigned index_scale; /* of a palette PNG: stb_image's grey / index_scale is the index; else 0 */
    uint8_t depth[3];     /* of a 16-bit BMP: bits per channel; else 0 */
    int blank;            /* of a GIF: the palette's entry of pixels that stb_image leaves transparent; else -1 */
} source;

static void add_piece(source *s, const uint8_t *data, size_t size)
{
    s->pieces[s->count++] = (piece){data, size};
}

static int read_source(void *user, char *data, int size)
{
    source *s = user;
    int got = 0;
    while (got < size && s->at_piece < s->count) {
        const piece *p = &s->pieces[s->at_piece];
        size_t n = p->size - s->at < (size_t)(size - got) ? p->size - s->at : (size_t)(size - got);
        memcpy(data + got, p->data + s->at, n);
        got += (int)n;
        s->at += n;
        if (s->at == p->size) {
            s->at_piece++;
            s->at = 0;
        }
    }
    s->overrun |= got == 0;
    return got;
}

static void skip_source(void *user, int n)
{
    source *s = user;
    size_t left = n > 0 ? (size_t)n : 0;
    while (left > 0 && s->at_piece < s->count) {
        size_t step = s->pieces[s->at_piece].size - s->at;
        if (left < step) {
            s->at += left;
            return;
        }
        left -= step;
        s->at_piece++;
        s->at = 0;
    }
}

static int source_ended(void *user)
{
    const source *s = user;
    return s->at_piece >= s->count;
}

static const stbi_io_callbacks callbacks = {read_source, skip_source, source_ended};

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static uint32_t le16(const uint8_t *p)
{
    return (uint32_t)p[1] << 8 | p[0];
}

static void put_le32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

static lc_status truncated(const char *kind)
{
    return lc_fail(LC_ERR_FORMAT, "%s: the file is truncated", kind);
}

/* PNG -------------------------------------------------------------------------------------------------------- */

/* CRC-32 of a chunk's type and data (PNG specification, annex D), by half bytes. */
static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t c = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        c = table[c & 15] ^ c >> 4;
        c = table[c & 15] ^ c >> 4;
    }
    return ~c;
}

static bool checksum_matches(const uint8_t *chunk, size_t length)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    return crc32_of(chunk, length + 4) != 1; /* a fuzzer would never find the right one */
#else
    return crc32_of(chunk, length + 4) == be32(chunk + 4 + length);
#endif
}

/*
 * Walks the chunks: whole, checksums right, nothing critical unknown (stb_image would write its name into a static),
 * as much compressed data as the picture needs. A palette picture is handed on as a grey one, whose values are the
 * indices: stb_image leaves entries beyond a short palette undefined; PIL's are grey.
 */
static lc_status edit_png(source *s)
{
    const uint8_t *b = s->bytes, *transparency = NULL;
    size_t at = 8, data = 0;
    if (s->size < 33) {
        return truncated("PNG");
    }
    if (memcmp(b + 12, "IHDR", 4) != 0) {
        return lc_fail(LC_ERR_FORMAT, "PNG: the header is damaged");
    }
    size_t width = be32(b + 16), height = be32(b + 20);
    bool palette = b[25] == 3;
    LC_TRY(lc_image_judge(width, height, s->size, DENSEST));
    for (bool end = false; !end;) {
        if (s->size - at < 12 || be32(b + at) > s->size - at - 12) {
            return truncated("PNG");
        }
        const uint8_t *chunk = b + at + 4;
        size_t length = be32(b + at);
        bool critical = (chunk[0] & 0x20) == 0;
        if (critical && !checksum_matches(chunk, length)) {
            return lc_fail(LC_ERR_FORMAT, "PNG: damaged, the checksum of a chunk is wrong");
        }
        if (memcmp(chunk, "PLTE", 4) == 0) {
            memcpy(s->palette, chunk + 4, length < sizeof s->palette ? length : sizeof s->palette);
        } else if (memcmp(chunk, "tRNS", 4) == 0) {
            transparency = transparency ? transparency : chunk;
        } else if (memcmp(chunk, "IDAT", 4) == 0) {
            data += length;
        } else if (memcmp(chunk, "IEND", 4) == 0) {
            end = true;
        } else if (critical && memcmp(chunk, "IHDR", 4) != 0) {
            return lc_fail(LC_ERR_UNSUPPORTED, "PNG: an unknown critical chunk");
        }
        at += length + 12;
    }
    LC_TRY(lc_image_judge(width, height, data, DENSEST));
    if (!palette) {
        add_piece(s, b, s->size);
        return LC_OK;
    }
    if (b[24] != 1 && b[24] != 2 && b[24] != 4 && b[24] != 8) {
        return lc_fail(LC_ERR_FORMAT, "PNG: a palette with %d bits", b[24]);
    }
    s->index_scale = 255u / ((1u << b[24]) - 1);
    s->edit[0] = 0; /* grey */
    add_piece(s, b, 25);
    add_piece(s, s->edit, 1);
    if (transparency) {
        memcpy(s->edit + 1, "tRNs", 4); /* a name that readers pass over */
        add_piece(s, b + 26, (size_t)(transparency - b) - 26);
        add_piece(s, s->edit + 1, 4);
        add_piece(s, transparency + 4, s->size - (size_t)(transparency - b) - 4);
    } else {
        add_piece(s, b + 26, s->size - 26);
    }
    return LC_OK;
}

/* GIF -------------------------------------------------------------------------------------------------------- */

/*
 * Walks to the first picture. stb_image leaves its transparent pixels, and those of the screen that it does not cover,
 * without colour; PIL gives them the colour of the transparent index, or of index 0 where there is none. PIL also
 * enlarges a screen that the picture does not fit into.
 */
static lc_status edit_gif(source *s)
{
    lc_bytes b = {.data = s->bytes, .size = s->size};
    const uint8_t *head = lc_bytes_take(&b, 13), *colours = NULL;
    if (!head) {
        return truncated("GIF");
    }
    unsigned bits = (head[10] & 7u) + 1;
    if (head[10] & 0x80) {
        colours = lc_bytes_take(&b, 3u << bits);
    }
    s->blank = 0;
    for (uint8_t tag; (tag = (uint8_t)lc_bytes_uint(&b, 1)) != ',';) {
        if (b.overrun) {
            return truncated("GIF");
        }
        if (tag == ';') {
            return lc_fail(LC_ERR_FORMAT, "GIF: no picture in the file");
        }
        if (tag == '!') {
            bool control = lc_bytes_uint(&b, 1) == 0xf9;
            for (size_t n; (n = lc_bytes_uint(&b, 1)) > 0;) {
                const uint8_t *block = lc_bytes_take(&b, n);
                if (control && block && n == 4) {
                    s->blank = block[0] & 1 ? block[3] : 0;
                }
            }
        }
    }
    const uint8_t *frame = lc_bytes_take(&b, 9);
    if (frame && frame[8] & 0x80) {
        bits = (frame[8] & 7u) + 1;
        colours = lc_bytes_take(&b, 3u << bits);
    }
    if (!frame || b.overrun) {
        return truncated("GIF");
    }
    if (colours) {
        memcpy(s->palette, colours, 3u << bits);
    }
    uint32_t right = le16(frame) + le16(frame + 4), bottom = le16(frame + 2) + le16(frame + 6);
    uint32_t width = le16(head + 6), height = le16(head + 8);
    width = right > width ? right : width;
    height = bottom > height ? bottom : height;
    if (width > 65535 || height > 65535) {
        return lc_fail(LC_ERR_FORMAT, "GIF: the picture lies outside of its screen");
    }
    memcpy(s->edit, head, 13);
    put_le32(s->edit + 6, width | height << 16);
    s->edit[11] = 0; /* the background colour that stb_image would fill with */
    add_piece(s, s->edit, 13);
    add_piece(s, s->bytes + 13, s->size - 13);
    return LC_OK;
}

/* BMP -------------------------------------------------------------------------------------------------------- */

/*
 * A palette picture gets the 40-byte header and a palette of 256 entries: stb_image reads too few of OS/2's, and leaves
 * entries beyond a short one undefined. Of the few bits of a 16-bit picture stb_image makes 8 by repeating them, PIL by
 * v * 255 / (2^bits - 1).
 */
static lc_status edit_bmp(source *s)
{
    const uint8_t *b = s->bytes;
    if (s->size < 26) {
        return truncated("BMP");
    }
    size_t offset = le32(b + 10), header = le32(b + 14);
    bool os2 = header == 12;
    unsigned bits = 0;
    if (os2) {
        bits = le16(b + 24);
    } else if (header >= 40) {
        if (s->size < 54) {
            return truncated("BMP");
        }
        bits = le16(b + 28);
    }
    if (bits == 16) {
        bool masks = s->size >= 62 && le32(b + 30) == 3;
        memset(s->depth, 5, 3);
        s->depth[1] = masks && le32(b + 58) == 0x7e0 ? 6 : 5;
    }
    if (bits != 1 && bits != 4 && bits != 8) {
        add_piece(s, b, s->size);
        return LC_OK;
    }
    if (offset < 14 + header || offset > s->size) {
        return lc_fail(LC_ERR_FORMAT, "BMP: the header is damaged");
    }
    uint8_t *e = s->edit;
    memcpy(e, b, os2 ? 14 : 54);
    put_le32(e + 10, sizeof s->edit);
    put_le32(e + 14, 40);
    if (os2) {
        put_le32(e + 18, le16(b + 18));
        put_le32(e + 22, le16(b + 20));
        memcpy(e + 26, b + 22, 4); /* planes and bits */
    }
    size_t entry = os2 ? 3 : 4, entries = (offset - 14 - header) / entry;
    for (size_t i = 0; i < entries && i < 1u << bits; i++) {
        memcpy(e + 54 + 4 * i, b + 14 + header + entry * i, 3);
    }
    add_piece(s, e, sizeof s->edit);
    add_piece(s, b + offset, s->size - offset);
    return LC_OK;
}

/* PSD -------------------------------------------------------------------------------------------------------- */

/* Says "three channels", and shortens the table of row lengths to match: stb_image would unblend alpha, PIL drops it. */
static lc_status edit_psd(source *s)
{
    const uint8_t *b = s->bytes;
    if (s->size < 26) {
        return truncated("PSD");
    }
    size_t channels = (size_t)b[12] << 8 | b[13], height = be32(b + 14), at = 26;
    for (int section = 0; section < 3; section++) { /* colour data, resources, layers */
        if (s->size - at < 4 || be32(b + at) > s->size - at - 4) {
            return truncated("PSD");
        }
        at += be32(b + at) + 4;
    }
    if (channels < 4) {
        add_piece(s, b, s->size);
        return LC_OK;
    }
    memcpy(s->edit, b, 26);
    s->edit[12] = 0;
    s->edit[13] = 3;
    add_piece(s, s->edit, 26);
    bool packed = s->size - at >= 2 && b[at + 1] == 1;
    at += 2;
    if (packed && height * channels * 2 <= s->size - at) {
        add_piece(s, b + 26, at + height * 6 - 26);
        at += height * channels * 2;
        add_piece(s, b + at, s->size - at);
    } else {
        add_piece(s, b + 26, s->size - 26);
    }
    return LC_OK;
}

/* TGA -------------------------------------------------------------------------------------------------------- */

/* No magic, so this is where unknown bytes end. Rows of a raw file are read in a way that shows no missing end. */
static lc_status edit_tga(source *s)
{
    const uint8_t *b = s->bytes;
    add_piece(s, b, s->size);
    if (s->size >= 18 && (b[2] == 2 || b[2] == 3)) {
        size_t need = 18 + b[0] + le16(b + 12) * (size_t)le16(b + 14) * ((b[16] + 7u) / 8);
        if (b[1] == 0 && b[16] >= 8 && b[16] <= 32 && need > s->size && s->size > 18) {
            return truncated("TGA");
        }
    }
    return LC_OK;
}

/* ------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *magic, *name;
    lc_status (*edit)(source *s);
} kinds[] = {
    {"\x89PNG\r\n\x1a\n", "PNG", edit_png},
    {"GIF8", "GIF", edit_gif},
    {"BM", "BMP", edit_bmp},
    {"8BPS", "PSD", edit_psd},
    {"", "TGA", edit_tga},
};

/* Why stb_image gave up; `accepted`: it had taken the header for good. */
static lc_status explain(const source *s, const char *name, bool accepted)
{
    if (accepted) {
        return s->overrun ? truncated(name) : lc_fail(LC_ERR_FORMAT, "%s: damaged (%s)", name, stbi_failure_reason());
    }
    if (strcmp(name, "TGA") == 0) {
        return lc_fail(LC_ERR_FORMAT, "not a picture of a known kind");
    }
    return s->overrun ? truncated(name) : lc_fail(LC_ERR_UNSUPPORTED, "%s: a variant that is not read", name);
}

/* stb_image's 1 to 4 channels -> RGB, alpha dropped, with what the edits left to do. */
static void finish(const source *s, lc_image *out, const uint8_t *in, size_t channels)
{
    size_t n = out->width * out->height;
    size_t green = channels < 3 ? 0 : 1, blue = channels < 3 ? 0 : 2;
    for (size_t i = 0; i < n; i++, in += channels) {
        uint8_t *p = out->pixels + 3 * i;
        if (s->index_scale) {
            memcpy(p, s->palette[in[0] / s->index_scale], 3);
        } else if (s->blank >= 0 && in[channels - 1] == 0) {
            memcpy(p, s->palette[s->blank], 3);
        } else {
            p[0] = in[0];
            p[1] = in[green];
            p[2] = in[blue];
        }
        for (int c = 0; c < 3 && s->depth[c]; c++) {
            p[c] = (uint8_t)((p[c] >> (8 - s->depth[c])) * 255 / ((1 << s->depth[c]) - 1));
        }
    }
}

lc_status lc_decode_stb(lc_image *out, const uint8_t *bytes, size_t size)
{
    source s = {.bytes = bytes, .size = size, .blank = -1};
    stbi_uc *pixels = NULL;
    int width, height, channels;
    size_t kind = 0;
    *out = (lc_image){0};
    for (size_t n; (n = strlen(kinds[kind].magic)) > size || memcmp(bytes, kinds[kind].magic, n) != 0;) {
        kind++;
    }
    for (size_t i = 0; i < PALETTE_SIZE; i++) {
        memset(s.palette[i], (int)i, 3);
    }
    lc_status status = kinds[kind].edit(&s);
    if (status != LC_OK) {
        goto done;
    }
    if (!stbi_info_from_callbacks(&callbacks, &s, &width, &height, &channels)) {
        status = explain(&s, kinds[kind].name, false);
        goto done;
    }
    if (width < 0 || height == INT_MIN || (height < 0 && kinds[kind].edit != edit_bmp)) {
        status = lc_fail(LC_ERR_FORMAT, "%s: the header is damaged", kinds[kind].name);
        goto done;
    }
    status = lc_image_judge((size_t)width, (size_t)abs(height), size, DENSEST);
    if (status != LC_OK) {
        goto done;
    }
    s.at_piece = s.at = 0;
    s.overrun = false;
    pixels = stbi_load_from_callbacks(&callbacks, &s, &width, &height, &channels, 0);
    if (!pixels) {
        status = explain(&s, kinds[kind].name, true);
        goto done;
    }
    if (s.overrun) {
        status = truncated(kinds[kind].name);
        goto done;
    }
    status = lc_image_new(out, (size_t)width, (size_t)height);
    if (status == LC_OK) {
        finish(&s, out, pixels, (size_t)channels);
    }
done:
    stbi_image_free(pixels);
    return status;
}
