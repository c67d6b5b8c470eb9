/*
 * Gamma(a) for shares is drawn by Marsaglia and Tsang's squeeze ("A simple method for generating gamma variables", ACM
 * TOMS 26, 2000); below a = 1 by Gamma(a + 1) U^(1/a). Beta(a, a) is X / (X + Y) of two of them.
 */
#include "extractor/train/augment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/rng.h"
#include "extractor/image/edit.h"
#include "extractor/image/resize.h"

enum { TRIES = 10 };
enum { PICTURE_STREAM, MIX_STREAM }; /* kinds of numbers, each with streams of its own */

static const double CROP_SHAPE[2] = {3.0 / 4.0, 4.0 / 3.0};
static const double ERASE_AREA[2] = {0.02, 0.33}, ERASE_SHAPE[2] = {0.3, 3.3};

/* Words ----------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t at;      /* in lc_augment */
    double usual;   /* where no number is given; NaN: one must be */
    double low, high;
} words[] = {
    {"crop", offsetof(lc_augment, scale), 0.08, 0.01, 1.0},
    {"pad", offsetof(lc_augment, pad), NAN, 0.0, 1.0},
    {"flip", offsetof(lc_augment, flip), 0.5, 0.0, 1.0},
    {"rotate", offsetof(lc_augment, rotate), NAN, 0.0, 180.0},
    {"brightness", offsetof(lc_augment, brightness), NAN, 0.0, 10.0},
    {"contrast", offsetof(lc_augment, contrast), NAN, 0.0, 10.0},
    {"saturation", offsetof(lc_augment, saturation), NAN, 0.0, 10.0},
    {"hue", offsetof(lc_augment, hue), NAN, 0.0, 0.5},
    {"erase", offsetof(lc_augment, erase), 0.25, 0.0, 1.0},
    {"mixup", offsetof(lc_augment, mixup), 0.2, 0.05, 100.0},
    {"cutmix", offsetof(lc_augment, cutmix), 1.0, 0.05, 100.0},
};

enum { WORDS = sizeof words / sizeof words[0] };

static const double USUAL_PAD = 0.125;

static double *value_of(lc_augment *a, size_t word)
{
    return (double *)((char *)a + words[word].at);
}

/* The number behind `equals`. */
static lc_status parse_number(const char *word, const char *equals, double low, double high, double *value)
{
    char *end;
    *value = strtod(equals + 1, &end);
    if (end == equals + 1 || *end || !(*value >= low && *value <= high)) {
        return lc_fail(LC_ERR_ARG, "augmentation '%s': the number is from %g to %g", word, low, high);
    }
    return LC_OK;
}

static lc_status parse_word(const char *word, lc_augment *a)
{
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    double value;
    if (strcmp(word, "none") == 0) {
        *a = (lc_augment){0};
        return LC_OK;
    }
    if (strcmp(word, "light") == 0) {
        return lc_augment_parse("crop,flip", a);
    }
    if (strcmp(word, "strong") == 0) {
        return lc_augment_parse("crop,flip,jitter=0.4,erase,mixup", a);
    }
    if (length == strlen("jitter") && strncmp(word, "jitter", length) == 0 && equals) {
        LC_TRY(parse_number(word, equals, 0.0, 2.0, &value));
        a->brightness = a->contrast = a->saturation = value;
        a->hue = value / 4.0;
        return LC_OK;
    }
    for (size_t i = 0; i < WORDS; i++) {
        if (length != strlen(words[i].name) || strncmp(word, words[i].name, length) != 0) {
            continue;
        }
        if (!equals && isnan(words[i].usual)) {
            return lc_fail(LC_ERR_ARG, "augmentation '%s' wants a number: %s=%g to %g", word, word, words[i].low, words[i].high);
        }
        value = words[i].usual;
        if (equals) {
            LC_TRY(parse_number(word, equals, words[i].low, words[i].high, &value));
        }
        *value_of(a, i) = value;
        if (i == 0 && a->pad <= 0.0) {
            a->pad = USUAL_PAD;
        }
        return LC_OK;
    }
    return lc_fail(LC_ERR_ARG, "no augmentation '%s'; there are none, light, strong, jitter=X, crop, pad=X, flip, rotate=DEGREES, "
                   "brightness=X, contrast=X, saturation=X, hue=X, erase, mixup, cutmix", word);
}

lc_status lc_augment_parse(const char *text, lc_augment *out)
{
    char *copy;
    lc_augment a = {0};
    lc_status status = LC_OK;
    LC_TRY(lc_strdup(&copy, text));
    for (char *word = copy, *comma; status == LC_OK && word; word = comma ? comma + 1 : NULL) {
        comma = strchr(word, ',');
        if (comma) {
            *comma = '\0';
        }
        status = parse_word(word, &a);
    }
    free(copy);
    if (status == LC_OK) {
        *out = a;
    }
    return status;
}

/* The shortest decimal that reads back as the same number. */
static void number_text(char text[static 32], double value)
{
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, 32, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            return;
        }
    }
}

lc_status lc_augment_text(const lc_augment *a, char **out)
{
    char text[WORDS * 48] = "", number[32];
    size_t used = 0;
    lc_augment copy = *a;
    for (size_t i = 0; i < WORDS; i++) {
        double value = *value_of(&copy, i);
        if (value > 0.0) {
            number_text(number, value);
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s=%s", used ? "," : "", words[i].name, number);
        }
    }
    return lc_strdup(out, used ? text : "none");
}

/* One picture ------------------------------------------------------------------------------------------------------- */

static lc_rng rng_of(uint64_t seed, uint64_t kind, uint64_t epoch, uint64_t which)
{
    return lc_rng_new(lc_rng_mix(lc_rng_mix(seed + kind) ^ epoch), which);
}

static double between(lc_rng *r, double low, double high)
{
    return low + (high - low) * lc_rng_uniform(r);
}

static size_t below(lc_rng *r, size_t n)
{
    return (size_t)lc_rng_below(r, n);
}

/* Sides of a part of a picture: area `part` of it, `shape` times as wide as high in the middle of the range. */
static void draw_sides(lc_rng *r, double pixels, const double part[2], const double shape[2], double *width, double *height)
{
    double area = pixels * between(r, part[0], part[1]);
    double aspect = exp(between(r, log(shape[0]), log(shape[1])));
    *width = rint(sqrt(area * aspect));
    *height = rint(sqrt(area / aspect));
}

static lc_status random_resized_crop(const lc_augment *a, const lc_preprocess *p, lc_rng *r, const lc_image *in, lc_image *out)
{
    double full_width = (double)in->width, full_height = (double)in->height, w = 0.0, h = 0.0;
    const double part[2] = {a->scale, 1.0};
    size_t x = 0, y = 0;
    bool found = false;
    for (size_t i = 0; i < TRIES && !found; i++) {
        draw_sides(r, full_width * full_height, part, CROP_SHAPE, &w, &h);
        found = w >= 1.0 && h >= 1.0 && w <= full_width && h <= full_height;
    }
    if (found) {
        y = below(r, in->height - (size_t)h + 1);
        x = below(r, in->width - (size_t)w + 1);
    } else { /* the largest part of an allowed shape, in the centre */
        double shape = full_width / full_height;
        w = shape > CROP_SHAPE[1] ? rint(full_height * CROP_SHAPE[1]) : full_width;
        h = shape < CROP_SHAPE[0] ? rint(full_width / CROP_SHAPE[0]) : full_height;
        x = (in->width - (size_t)w) / 2;
        y = (in->height - (size_t)h) / 2;
    }
    lc_image part_of;
    LC_TRY(lc_image_crop(&part_of, in, (ptrdiff_t)x, (ptrdiff_t)y, (size_t)w, (size_t)h));
    lc_status status = lc_image_resize(out, &part_of, p->width, p->height, p->interpolation);
    lc_image_free(&part_of);
    return status;
}

/* A border of `border` pixels on each side, and a window of the old size somewhere in it. */
static ptrdiff_t draw_shift(lc_rng *r, size_t border)
{
    return (ptrdiff_t)below(r, 2 * border + 1) - (ptrdiff_t)border;
}

static lc_status padded_crop(const lc_augment *a, lc_rng *r, const lc_image *in, lc_image *out)
{
    size_t down = (size_t)rint(a->pad * (double)in->height), across = (size_t)rint(a->pad * (double)in->width);
    ptrdiff_t y = a->scale > 0.0 ? draw_shift(r, down) : 0, x = a->scale > 0.0 ? draw_shift(r, across) : 0;
    return lc_image_crop(out, in, x, y, in->width, in->height);
}

static double draw_factor(lc_rng *r, double strength)
{
    return between(r, strength < 1.0 ? 1.0 - strength : 0.0, 1.0 + strength);
}

/* ColorJitter: the order is drawn, then the four numbers, whichever of them are used. */
static void jitter(const lc_augment *a, lc_rng *r, lc_image *image)
{
    size_t order[4] = {0, 1, 2, 3};
    lc_rng_shuffle(r, order, 4);
    double brightness = draw_factor(r, a->brightness), contrast = draw_factor(r, a->contrast);
    double saturation = draw_factor(r, a->saturation), hue = between(r, -a->hue, a->hue);
    for (size_t i = 0; i < 4; i++) {
        if (order[i] == 0 && a->brightness > 0.0) {
            lc_image_brightness(image, brightness);
        } else if (order[i] == 1 && a->contrast > 0.0) {
            lc_image_contrast(image, contrast);
        } else if (order[i] == 2 && a->saturation > 0.0) {
            lc_image_saturation(image, saturation);
        } else if (order[i] == 3 && a->hue > 0.0) {
            lc_image_hue(image, hue);
        }
    }
}

/* Input 0 is the mean colour. A part as wide or as high as the picture is drawn again; after TRIES nothing is erased. */
static void random_erasing(const lc_preprocess *p, lc_rng *r, float *input)
{
    double w, h;
    for (size_t i = 0; i < TRIES; i++) {
        draw_sides(r, (double)(p->width * p->height), ERASE_AREA, ERASE_SHAPE, &w, &h);
        if (w >= (double)p->width || h >= (double)p->height) {
            continue;
        }
        size_t y = below(r, p->height - (size_t)h + 1), x = below(r, p->width - (size_t)w + 1);
        for (size_t row = y; row < y + (size_t)h; row++) {
            memset(input + (row * p->width + x) * p->channels, 0, (size_t)w * p->channels * sizeof(float));
        }
        return;
    }
}

bool lc_augment_wants_whole(const lc_augment *a, const lc_preprocess *p, const lc_image *picture)
{
    return a->scale > 0.0 && (picture->width > p->width || picture->height > p->height);
}

lc_status lc_augment_picture(const lc_augment *a, const lc_preprocess *p, uint64_t seed, uint64_t epoch, uint64_t row,
                             const lc_image *image, bool whole, float *input)
{
    lc_rng r = rng_of(seed, PICTURE_STREAM, epoch, row);
    lc_image now, turned;
    LC_TRY(whole ? random_resized_crop(a, p, &r, image, &now) : padded_crop(a, &r, image, &now));
    if (lc_rng_uniform(&r) < a->flip) {
        lc_image_mirror(&now);
    }
    if (a->rotate > 0.0) {
        lc_status status = lc_image_rotate(&turned, &now, between(&r, -a->rotate, a->rotate), LC_FILTER_BILINEAR);
        lc_image_free(&now);
        LC_TRY(status);
        now = turned;
    }
    if (a->brightness > 0.0 || a->contrast > 0.0 || a->saturation > 0.0 || a->hue > 0.0) {
        jitter(a, &r, &now);
    }
    lc_preprocess_floats(p, &now, input);
    lc_image_free(&now);
    if (lc_rng_uniform(&r) < a->erase) {
        random_erasing(p, &r, input);
    }
    return LC_OK;
}

/* Mixing ------------------------------------------------------------------------------------------------------------ */

static double draw_gamma(lc_rng *r, double alpha)
{
    double scale = 1.0;
    if (alpha < 1.0) {
        scale = pow(1.0 - lc_rng_uniform(r), 1.0 / alpha);
        alpha += 1.0;
    }
    double d = alpha - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        double x = lc_rng_normal(r), v = 1.0 + c * x;
        v = v * v * v;
        if (v > 0.0 && log(1.0 - lc_rng_uniform(r)) < 0.5 * x * x + d - d * v + d * log(v)) {
            return scale * d * v;
        }
    }
}

static double draw_share(lc_rng *r, double alpha)
{
    double x = draw_gamma(r, alpha), y = draw_gamma(r, alpha);
    return x / (x + y);
}

/* to = share * to + (1 - share) * from. */
static void add_share(float *to, const float *from, size_t n, double share)
{
    float own = (float)share, other = (float)(1.0 - share);
    for (size_t i = 0; i < n; i++) {
        to[i] = own * to[i] + other * from[i];
    }
}

/* Rows y0..y1-1, columns x0..x1-1. */
typedef struct {
    size_t x0, x1, y0, y1;
} box;

static void paste(const lc_preprocess *p, const box *b, float *to, const float *from)
{
    for (size_t y = b->y0; y < b->y1; y++) {
        size_t at = (y * p->width + b->x0) * p->channels;
        memcpy(to + at, from + at, (b->x1 - b->x0) * p->channels * sizeof(float));
    }
}

static void centred(size_t full, size_t centre, double half, size_t *from, size_t *to)
{
    size_t reach = (size_t)(half * (double)full);
    *from = centre > reach ? centre - reach : 0;
    *to = centre + reach < full ? centre + reach : full;
}

/* A box whose sides are sqrt(1 - share) of the picture's, cut off at its border; what is left is the share. */
static double draw_box(const lc_preprocess *p, lc_rng *r, double share, box *b)
{
    size_t x = below(r, p->width), y = below(r, p->height);
    double half = 0.5 * sqrt(1.0 - share);
    centred(p->width, x, half, &b->x0, &b->x1);
    centred(p->height, y, half, &b->y0, &b->y1);
    return 1.0 - (double)((b->x1 - b->x0) * (b->y1 - b->y0)) / (double)(p->width * p->height);
}

lc_status lc_augment_mix(const lc_augment *a, const lc_preprocess *p, uint64_t seed, uint64_t epoch, uint64_t index, size_t n,
                         size_t classes, float *input, float *targets)
{
    size_t pixels = p->height * p->width * p->channels;
    float *last;
    if (n < 2) {
        return LC_OK;
    }
    LC_TRY(lc_alloc_raw(&last, pixels + classes, sizeof *last));
    lc_rng r = rng_of(seed, MIX_STREAM, epoch, index);
    bool cut = a->cutmix > 0.0 && (a->mixup <= 0.0 || lc_rng_uniform(&r) < 0.5);
    double share = draw_share(&r, cut ? a->cutmix : a->mixup);
    box b = {0};
    if (cut) {
        share = draw_box(p, &r, share, &b);
    }
    /* backwards, so that every neighbour is still itself; the last one's is kept for the first */
    memcpy(last, input + (n - 1) * pixels, pixels * sizeof *last);
    memcpy(last + pixels, targets + (n - 1) * classes, classes * sizeof *last);
    for (size_t i = n; i-- > 0;) {
        const float *from = i ? input + (i - 1) * pixels : last;
        if (cut) {
            paste(p, &b, input + i * pixels, from);
        } else {
            add_share(input + i * pixels, from, pixels, share);
        }
        add_share(targets + i * classes, i ? targets + (i - 1) * classes : last + pixels, classes, share);
    }
    free(last);
    return LC_OK;
}
