/*
 * Blending is PIL's: a + f (b - a) in float32, clipped, then cut (not rounded) to 8 bits, where b is the picture and a what
 * it degenerates to at f = 0.
 *
 * Hue goes through 8-bit HSV. With M, m the largest and smallest channel and D = M - m:
 *   V = M,  S = 255 D / M,  H = 255 / 6 times the hexagon's coordinate: 0 + (g - b) / D where red is the largest,
 *   2 + (b - r) / D green, 4 + (r - g) / D blue; cut to 8 bits each.
 * Backwards, with 6 H / 255 = i + f and s = S / 255, the channels are V, V (1 - s), V (1 - s f) and V (1 - s (1 - f)),
 * rounded, in the order of the sextant i. (Smith, "Color gamut transform pairs", SIGGRAPH 1978; the order of operations
 * and the roundings are those of Pillow's conversions.) Neither way gives a picture back exactly, so hue 0 is a change too.
 *
 * Rotation asks for every output pixel where its centre comes from. Nearest steps there in integers with 16 bits of fraction,
 * bilinear in double; the mean of four neighbours is cut to 8 bits.
 */
#include "extractor/image/edit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extractor/image/decode.h"

void lc_image_make_grey(lc_image *image)
{
    uint8_t *p = image->pixels;
    for (size_t i = 0; i < image->width * image->height; i++, p += 3) {
        memset(p, lc_luma(p), 3);
    }
}

lc_status lc_image_crop(lc_image *out, const lc_image *in, ptrdiff_t x, ptrdiff_t y, size_t width, size_t height)
{
    ptrdiff_t w = (ptrdiff_t)width, in_w = (ptrdiff_t)in->width;
    ptrdiff_t from = x < 0 ? 0 : x, to = x + w < in_w ? x + w : in_w; /* columns of the picture that are inside */
    LC_TRY(lc_image_new(out, width, height));
    for (size_t i = 0; i < height; i++) {
        ptrdiff_t row = y + (ptrdiff_t)i;
        uint8_t *to_row = out->pixels + i * width * 3;
        if (row < 0 || row >= (ptrdiff_t)in->height || from >= to) {
            memset(to_row, 0, width * 3);
            continue;
        }
        size_t left = (size_t)(from - x) * 3, middle = (size_t)(to - from) * 3;
        memset(to_row, 0, left);
        memcpy(to_row + left, in->pixels + (row * in_w + from) * 3, middle);
        memset(to_row + left + middle, 0, width * 3 - left - middle);
    }
    return LC_OK;
}

void lc_image_mirror(lc_image *image)
{
    for (size_t y = 0; y < image->height; y++) {
        uint8_t *a = image->pixels + y * image->width * 3, *b = a + (image->width - 1) * 3, t[3];
        for (; a < b; a += 3, b -= 3) {
            memcpy(t, a, 3);
            memcpy(a, b, 3);
            memcpy(b, t, 3);
        }
    }
}

/* Rotation -------------------------------------------------------------------------------------------------------- */

/* Output (x, y) comes from (a x + b y + c, d x + e y + f); pixel centres lie at halves. */
typedef struct {
    double a, b, c, d, e, f;
} affine;

/* Sine and cosine to 15 decimals, so that quarter turns are exact. In decimal: v * 1e15 is not exact itself. */
static double decimals(double v)
{
    char text[32];
    snprintf(text, sizeof text, "%.15f", v);
    return strtod(text, NULL);
}

static affine rotation(double degrees, size_t width, size_t height)
{
    double angle = -(degrees - 360.0 * floor(degrees / 360.0)) * (3.14159265358979323846 / 180.0);
    double cx = (double)width / 2.0, cy = (double)height / 2.0;
    affine m = {.a = decimals(cos(angle)), .b = decimals(sin(angle)), .d = decimals(-sin(angle)), .e = decimals(cos(angle))};
    m.c = m.a * -cx + m.b * -cy + cx;
    m.f = m.d * -cx + m.e * -cy + cy;
    return m;
}

static int64_t fixed(double v)
{
    return (int64_t)floor(v * 65536.0 + 0.5);
}

static void rotate_nearest(lc_image *out, const lc_image *in, const affine *m)
{
    int64_t a = fixed(m->a), b = fixed(m->b), d = fixed(m->d), e = fixed(m->e);
    int64_t x_row = fixed(m->c + m->a * 0.5 + m->b * 0.5), y_row = fixed(m->f + m->d * 0.5 + m->e * 0.5);
    int64_t width = (int64_t)in->width, height = (int64_t)in->height;
    uint8_t *to = out->pixels;
    for (size_t i = 0; i < out->height; i++, x_row += b, y_row += e) {
        int64_t x = x_row, y = y_row;
        for (size_t j = 0; j < out->width; j++, x += a, y += d, to += 3) {
            if (x >= 0 && y >= 0 && x >> 16 < width && y >> 16 < height) {
                memcpy(to, in->pixels + ((y >> 16) * width + (x >> 16)) * 3, 3);
            }
        }
    }
}

static void rotate_bilinear(lc_image *out, const lc_image *in, const affine *m)
{
    double width = (double)in->width, height = (double)in->height;
    uint8_t *to = out->pixels;
    for (size_t i = 0; i < out->height; i++) {
        for (size_t j = 0; j < out->width; j++, to += 3) {
            double u = (double)j + 0.5, v = (double)i + 0.5;
            double x = m->a * u + m->b * v + m->c, y = m->d * u + m->e * v + m->f;
            if (x < 0.0 || x >= width || y < 0.0 || y >= height) {
                continue;
            }
            double left = floor(x - 0.5), top = floor(y - 0.5), dx = x - 0.5 - left, dy = y - 0.5 - top;
            /* half a pixel from the border there is no neighbour: the border pixel is its own */
            size_t x0 = left < 0.0 ? 0 : (size_t)left, x1 = left + 1.0 < width ? (size_t)(left + 1.0) : x0;
            size_t y0 = top < 0.0 ? 0 : (size_t)top, y1 = top + 1.0 < height ? (size_t)(top + 1.0) : y0;
            const uint8_t *above = in->pixels + y0 * in->width * 3, *below = in->pixels + y1 * in->width * 3;
            for (size_t c = 0; c < 3; c++) {
                double p = above[x0 * 3 + c], q = below[x0 * 3 + c];
                p += (above[x1 * 3 + c] - p) * dx;
                q += (below[x1 * 3 + c] - q) * dx;
                to[c] = (uint8_t)(p + (q - p) * dy);
            }
        }
    }
}

lc_status lc_image_rotate(lc_image *out, const lc_image *in, double degrees, lc_filter filter)
{
    affine m = rotation(degrees, in->width, in->height);
    *out = (lc_image){0};
    if (filter == LC_FILTER_BICUBIC) {
        return lc_fail(LC_ERR_ARG, "pictures are rotated with nearest or bilinear, not bicubic");
    }
    LC_TRY(lc_image_new(out, in->width, in->height));
    memset(out->pixels, 0, out->width * out->height * 3);
    (filter == LC_FILTER_NEAREST ? rotate_nearest : rotate_bilinear)(out, in, &m);
    return LC_OK;
}

/* Colours --------------------------------------------------------------------------------------------------------- */

static uint8_t blend(uint8_t a, uint8_t b, float factor)
{
    float v = (float)a + factor * (float)(b - a);
    return v <= 0.0f ? 0 : v >= 255.0f ? 255 : (uint8_t)v;
}

/* Every channel blended with one grey. */
static void blend_with(lc_image *image, uint8_t grey, double factor)
{
    uint8_t table[256];
    for (int v = 0; v < 256; v++) {
        table[v] = blend(grey, (uint8_t)v, (float)factor);
    }
    for (size_t i = 0; i < image->width * image->height * 3; i++) {
        image->pixels[i] = table[image->pixels[i]];
    }
}

void lc_image_brightness(lc_image *image, double factor)
{
    blend_with(image, 0, factor);
}

void lc_image_contrast(lc_image *image, double factor)
{
    size_t n = image->width * image->height;
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += lc_luma(image->pixels + i * 3);
    }
    blend_with(image, (uint8_t)((double)sum / (double)n + 0.5), factor);
}

void lc_image_saturation(lc_image *image, double factor)
{
    uint8_t *p = image->pixels;
    for (size_t i = 0; i < image->width * image->height; i++, p += 3) {
        uint8_t grey = lc_luma(p);
        for (size_t c = 0; c < 3; c++) {
            p[c] = blend(grey, p[c], (float)factor);
        }
    }
}

static uint8_t clip(double v)
{
    return v <= 0.0 ? 0 : v >= 255.0 ? 255 : (uint8_t)v;
}

/* Hue and saturation of a pixel that is not grey, in 8 bits. */
static void hue_of(const uint8_t rgb[3], uint8_t *hue, uint8_t *saturation)
{
    uint8_t r = rgb[0], g = rgb[1], b = rgb[2];
    uint8_t most = r > g ? r : g, least = r < g ? r : g;
    most = most > b ? most : b;
    least = least < b ? least : b;
    float spread = (float)(most - least);
    float to_r = (float)(most - r) / spread, to_g = (float)(most - g) / spread, to_b = (float)(most - b) / spread;
    float h = r == most   ? to_b - to_g
              : g == most ? (float)(2.0 + (double)to_r - (double)to_b)
                          : (float)(4.0 + (double)to_g - (double)to_r);
    h = (float)fmod((double)h / 6.0 + 1.0, 1.0);
    *hue = clip((double)h * 255.0);
    *saturation = clip((double)(spread / (float)most) * 255.0);
}

static void hue_to_rgb(uint8_t hue, uint8_t saturation, uint8_t value, uint8_t rgb[3])
{
    double turn = (double)hue * 6.0 / 255.0, v = (double)value;
    int sextant = (int)turn;
    float f = (float)(turn - (double)sextant), s = (float)((double)saturation / 255.0);
    uint8_t p = clip(round(v * (1.0 - (double)s)));
    uint8_t q = clip(round(v * (1.0 - (double)(s * f))));
    uint8_t t = clip(round(v * (1.0 - (double)s * (1.0 - (double)f))));
    const uint8_t table[6][3] = {{value, t, p}, {q, value, p}, {p, value, t}, {p, q, value}, {t, p, value}, {value, p, q}};
    memcpy(rgb, table[sextant % 6], 3);
}

void lc_image_hue(lc_image *image, double turn)
{
    uint8_t shift = (uint8_t)(int)(turn * 255.0); /* wraps round, as the hue does */
    uint8_t *p = image->pixels;
    for (size_t i = 0; i < image->width * image->height; i++, p += 3) {
        if (p[0] == p[1] && p[1] == p[2]) {
            continue;
        }
        uint8_t hue, saturation, value = p[0] > p[1] ? p[0] : p[1];
        value = value > p[2] ? value : p[2];
        hue_of(p, &hue, &saturation);
        if (saturation == 0) {
            memset(p, value, 3);
        } else {
            hue_to_rgb((uint8_t)(hue + shift), saturation, value, p);
        }
    }
}
