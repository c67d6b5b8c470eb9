#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extractor/image/edit.h"
#include "extractor/image/resize.h"

const lc_preprocess LC_PREPROCESS_IMAGENET = {
    .channels = 3,
    .height = 224,
    .width = 224,
    .resize = 256,
    .interpolation = LC_FILTER_BILINEAR,
    .crop_mode = LC_CROP_CENTER,
    .mean = {0.485f, 0.456f, 0.406f},
    .std = {0.229f, 0.224f, 0.225f},
};

/* No network looks at more; keeps every product below far from overflow. */
enum { MAX_SIDE = 1 << 15 };

static const char *const filter_names[] = {
    [LC_FILTER_NEAREST] = "nearest", [LC_FILTER_BILINEAR] = "bilinear", [LC_FILTER_BICUBIC] = "bicubic"};
static const char *const crop_mode_names[] = {[LC_CROP_CENTER] = "center", [LC_CROP_SQUASH] = "squash"};

lc_status lc_filter_parse(const char *name, lc_filter *out)
{
    for (size_t i = 0; i < sizeof filter_names / sizeof filter_names[0]; i++) {
        if (strcmp(name, filter_names[i]) == 0) {
            *out = (lc_filter)i;
            return LC_OK;
        }
    }
    return lc_fail(LC_ERR_ARG, "no interpolation '%s'; there are nearest, bilinear and bicubic", name);
}

lc_status lc_crop_mode_parse(const char *name, lc_crop_mode *out)
{
    for (size_t i = 0; i < sizeof crop_mode_names / sizeof crop_mode_names[0]; i++) {
        if (strcmp(name, crop_mode_names[i]) == 0) {
            *out = (lc_crop_mode)i;
            return LC_OK;
        }
    }
    return lc_fail(LC_ERR_ARG, "no crop_mode '%s'; there are center and squash", name);
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

lc_status lc_preprocess_check(const lc_preprocess *p)
{
    size_t shorter = min_size(p->height, p->width), longer = p->height + p->width - shorter;
    if (p->channels != 1 && p->channels != 3) {
        return lc_fail(LC_ERR_ARG, "%zu input channels; pictures have 1 or 3", p->channels);
    }
    if (shorter < 1 || longer > MAX_SIDE) {
        return lc_fail(LC_ERR_ARG, "an input of %zu x %zu pixels; 1 to %d on each side", p->height, p->width, MAX_SIDE);
    }
    if (p->resize < (p->crop_mode == LC_CROP_CENTER ? longer : shorter) || p->resize > MAX_SIDE) {
        return lc_fail(LC_ERR_ARG, "cannot cut %zu x %zu pixels out of a picture resized to %zu", p->height, p->width,
                       p->resize);
    }
    for (size_t c = 0; c < p->channels; c++) {
        if (!isfinite(p->mean[c]) || !isfinite(p->std[c]) || p->std[c] <= 0.0f) {
            return lc_fail(LC_ERR_ARG, "mean %g, std %g of channel %zu; std must be above 0", (double)p->mean[c],
                           (double)p->std[c], c);
        }
    }
    return LC_OK;
}

/* Half of what is left over, half to even, as Python's round() does it. */
static size_t centre(size_t full, size_t crop)
{
    size_t left = full - crop;
    return left / 2 + (left % 2 & left / 2 % 2);
}

static lc_resize_window window_of(const lc_preprocess *p, size_t width, size_t height)
{
    lc_resize_window w = {.width = p->width, .height = p->height};
    if (p->crop_mode == LC_CROP_SQUASH) {
        size_t shorter = min_size(p->height, p->width);
        w.full_width = p->width * p->resize / shorter;
        w.full_height = p->height * p->resize / shorter;
    } else {
        size_t shorter = min_size(height, width);
        w.full_width = width * p->resize / shorter; /* p->resize for the shorter side */
        w.full_height = height * p->resize / shorter;
    }
    w.x = centre(w.full_width, w.width);
    w.y = centre(w.full_height, w.height);
    return w;
}

lc_status lc_preprocess_crop(const lc_preprocess *p, const lc_image *in, lc_image *out)
{
    lc_image grey = {0};
    *out = (lc_image){0};
    LC_TRY(lc_preprocess_check(p));
    if (p->channels == 1) {
        LC_TRY(lc_image_crop(&grey, in, 0, 0, in->width, in->height));
        lc_image_make_grey(&grey);
        in = &grey;
    }
    lc_resize_window window = window_of(p, in->width, in->height);
    lc_status status = lc_resize_window_of(out, in, &window, p->interpolation);
    lc_image_free(&grey);
    return status;
}

void lc_preprocess_floats(const lc_preprocess *p, const lc_image *crop, float *out)
{
    float table[3][256];
    for (size_t c = 0; c < p->channels; c++) {
        for (int v = 0; v < 256; v++) {
            table[c][v] = ((float)v / 255.0f - p->mean[c]) / p->std[c];
        }
    }
    const uint8_t *pixel = crop->pixels;
    size_t pixels = p->height * p->width;
    for (size_t i = 0; p->channels == 3 && i < pixels; i++, pixel += 3, out += 3) {
        out[0] = table[0][pixel[0]];
        out[1] = table[1][pixel[1]];
        out[2] = table[2][pixel[2]];
    }
    for (size_t i = 0; p->channels == 1 && i < pixels; i++, pixel += 3) {
        out[i] = table[0][pixel[0]];
    }
}

lc_status lc_preprocess_apply(const lc_preprocess *p, const lc_image *in, float *out)
{
    lc_image crop;
    LC_TRY(lc_preprocess_crop(p, in, &crop));
    lc_preprocess_floats(p, &crop, out);
    lc_image_free(&crop);
    return LC_OK;
}

/* The shortest decimal that reads back as the same float32. */
static void add_float(lc_json *array, float value)
{
    char text[32];
    double decimal = (double)value;
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        decimal = strtod(text, NULL);
        if ((float)decimal == value) {
            break;
        }
    }
    lc_json_add_real(array, decimal);
}

static void set_floats(lc_json *object, const char *key, const float *values, size_t n)
{
    lc_json *array = lc_json_array();
    for (size_t i = 0; i < n; i++) {
        add_float(array, values[i]);
    }
    lc_json_set(object, key, array);
}

void lc_preprocess_to_json(const lc_preprocess *p, lc_json *object)
{
    lc_json *size = lc_json_array();
    lc_json_add_int(size, (int64_t)p->channels);
    lc_json_add_int(size, (int64_t)p->height);
    lc_json_add_int(size, (int64_t)p->width);
    lc_json_set(object, "input_size", size);
    lc_json_set_int(object, "resize", (int64_t)p->resize);
    lc_json_set_string(object, "crop_mode", crop_mode_names[p->crop_mode]);
    lc_json_set_string(object, "interpolation", filter_names[p->interpolation]);
    set_floats(object, "mean", p->mean, p->channels);
    set_floats(object, "std", p->std, p->channels);
    lc_json_set_bool(object, "exif", p->exif);
}

/* A number from JSON as a size; anything that is none becomes 0, which lc_preprocess_check refuses. */
static size_t size_of(double number)
{
    return number >= 1 && number <= MAX_SIDE && number == floor(number) ? (size_t)number : 0;
}

static lc_status get_floats(const lc_json *object, const char *key, float *values, size_t n)
{
    const lc_json *array = lc_json_get(object, key);
    if (!array) {
        return LC_OK;
    }
    if (lc_json_size(array) != n) {
        return lc_fail(LC_ERR_FORMAT, "'%s' wants %zu numbers", key, n);
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = (float)lc_json_number_at(array, i, (double)NAN);
    }
    return LC_OK;
}

lc_status lc_preprocess_from_json(lc_preprocess *p, const lc_json *object)
{
    lc_preprocess read = *p;
    const lc_json *size = lc_json_get(object, "input_size");
    if (size) {
        read.channels = size_of(lc_json_number_at(size, 0, 0));
        read.height = size_of(lc_json_number_at(size, 1, 0));
        read.width = size_of(lc_json_number_at(size, 2, 0));
    }
    read.resize = size_of(lc_json_number(object, "resize", (double)p->resize));
    const char *crop_mode = lc_json_string(object, "crop_mode"), *filter = lc_json_string(object, "interpolation");
    if (crop_mode) {
        LC_TRY(lc_crop_mode_parse(crop_mode, &read.crop_mode));
    }
    if (filter) {
        LC_TRY(lc_filter_parse(filter, &read.interpolation));
    }
    if (read.channels > 3) {
        return lc_preprocess_check(&read);
    }
    LC_TRY(get_floats(object, "mean", read.mean, read.channels));
    LC_TRY(get_floats(object, "std", read.std, read.channels));
    read.exif = lc_json_bool(object, "exif", p->exif);
    LC_TRY(lc_preprocess_check(&read));
    *p = read;
    return LC_OK;
}
