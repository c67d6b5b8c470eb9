#include <math.h>

#include "common/bytes.h"
#include "extractor/image/decode.h"

/*
 * netpbm's formats. Their header is text: magic, width, height and, except for bitmaps, the value that means white,
 * each behind white space or a comment that ends with its line. Plain files (P1 P2 P3) go on as text, raw ones
 * (P4 P5 P6) follow one white space later: eight pixels a byte, or one byte a sample, two (big-endian) beyond 255.
 * A sample becomes round(value / white * 255), half to even, which is PIL's rule.
 */

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Passes white space and comments; false at the end of the data. */
static bool skip_space(lc_bytes *b)
{
    bool comment = false;
    for (; b->at < b->size; b->at++) {
        unsigned char c = b->data[b->at];
        if (comment) {
            comment = c != '\n' && c != '\r';
        } else if (c == '#') {
            comment = true;
        } else if (!is_space(c)) {
            return true;
        }
    }
    b->overrun = true;
    return false;
}

/* The next number, of at most `digits` digits; anything else is an overrun. */
static uint32_t number(lc_bytes *b, int digits)
{
    uint32_t v = 0;
    int n = 0;
    if (skip_space(b)) {
        for (; n < digits && b->at < b->size && b->data[b->at] >= '0' && b->data[b->at] <= '9'; n++) {
            v = v * 10 + (uint32_t)(b->data[b->at++] - '0');
        }
    }
    if (n == 0) {
        b->overrun = true;
    }
    return v;
}

static uint8_t scale(uint32_t v, uint32_t white)
{
    return v >= white ? 255 : (uint8_t)rint((double)v / white * 255);
}

/* A row of a bitmap: 1 is black. */
static void bitmap_row(lc_bytes *b, bool plain, uint8_t *out, size_t width)
{
    const unsigned char *bits = plain ? NULL : lc_bytes_take(b, (width + 7) / 8);
    for (size_t x = 0; x < width && !b->overrun; x++) {
        bool black = plain ? number(b, 1) != 0 : bits[x / 8] >> (7 - x % 8) & 1;
        out[3 * x] = out[3 * x + 1] = out[3 * x + 2] = black ? 0 : 255;
    }
}

static void sample_row(lc_bytes *b, bool plain, uint32_t white, size_t channels, uint8_t *out, size_t width)
{
    for (size_t x = 0; x < width; x++) {
        for (size_t c = 0; c < 3; c++) {
            if (c < channels) {
                uint32_t v = plain ? number(b, 9) : (uint32_t)lc_bytes_uint(b, 1);
                if (!plain && white > 255) {
                    v = v << 8 | (uint32_t)lc_bytes_uint(b, 1);
                }
                out[3 * x + c] = scale(v, white);
            } else {
                out[3 * x + c] = out[3 * x];
            }
        }
    }
}

lc_status lc_decode_pnm(lc_image *out, const uint8_t *bytes, size_t size)
{
    lc_bytes b = {.data = bytes, .size = size, .at = 2};
    int kind = bytes[1] - '0';
    bool plain = kind <= 3, bitmap = kind == 1 || kind == 4;
    size_t channels = kind == 3 || kind == 6 ? 3 : 1;
    size_t width = number(&b, 9), height = number(&b, 9);
    uint32_t white = bitmap ? 1 : number(&b, 9);
    *out = (lc_image){0};
    if (b.overrun || white == 0 || white > 65535 || b.at >= size || !is_space(b.data[b.at])) {
        return lc_fail(LC_ERR_FORMAT, "PNM: the header is damaged");
    }
    b.at++;
    LC_TRY(lc_image_judge(width, height, size, 8));
    LC_TRY(lc_image_new(out, width, height));
    for (size_t y = 0; y < height && !b.overrun; y++) {
        uint8_t *row = out->pixels + y * width * 3;
        if (bitmap) {
            bitmap_row(&b, plain, row, width);
        } else {
            sample_row(&b, plain, white, channels, row, width);
        }
    }
    if (b.overrun) {
        lc_image_free(out);
        return lc_fail(LC_ERR_FORMAT, "PNM: the file is truncated");
    }
    return LC_OK;
}
