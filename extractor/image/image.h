/*
 * A picture file becomes 8-bit RGB, then a network's input.
 *
 * Decoding: JPEG by libjpeg-turbo with the settings that give PIL's pixels (accurate integer DCT, fancy upsampling);
 * PNG, BMP, GIF, TGA and PSD by stb_image; PNM by decode_pnm.c. The result is what PIL's
 * Image.open(f).convert("RGB") gives: grey becomes three equal channels, alpha is dropped, 16 bits become 8 (the high
 * byte, also of grey, where PIL clips), palettes are expanded, CMYK and YCCK are converted. EXIF rotation is applied only
 * on request.
 *
 * Resizing: PIL's two-pass 8-bit arithmetic (Pillow's Resample.c), bit for bit: antialiased, coefficients rounded to
 * 22 bits of fraction, each pass clipped to 8 bits; horizontal first. Derivation in resize.c.
 *
 * Errors of one file are LC_ERR_FORMAT (damaged, empty, not a picture), LC_ERR_UNSUPPORTED (too many pixels, a kind
 * nobody reads) or LC_ERR_IO; nothing is allocated from an unchecked size.
 */
#ifndef LC_EXTRACTOR_IMAGE_IMAGE_H
#define LC_EXTRACTOR_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/json.h"

enum { LC_IMAGE_MAX_PIXELS = 1 << 28 };

/* 8-bit RGB, interleaved, rows without padding. */
typedef struct {
    size_t width, height;
    uint8_t *pixels; /* (height, width, 3) */
} lc_image;

typedef enum { LC_FILTER_NEAREST, LC_FILTER_BILINEAR, LC_FILTER_BICUBIC } lc_filter;

/* Decodes the bytes of a file. out->pixels is the caller's, lc_image_free. */
LC_CHECKED lc_status lc_image_decode(lc_image *out, const void *bytes, size_t size, bool apply_exif_rotation);
void lc_image_free(lc_image *image);

/* Image.resize((width, height), filter) of PIL, the whole picture. out->pixels is the caller's. */
LC_CHECKED lc_status lc_image_resize(lc_image *out, const lc_image *in, size_t width, size_t height, lc_filter filter);

typedef enum { LC_CROP_CENTER, LC_CROP_SQUASH } lc_crop_mode;

/*
 * From picture to input, as torchvision does it: Resize(resize) - the shorter side becomes `resize`, the longer
 * int(resize * long / short) - then CenterCrop(height, width), then (x / 255 - mean) / std.
 * LC_CROP_SQUASH resizes to height x width times resize/min(height, width), whatever the picture's own shape.
 * timm's crop_pct is min(height, width) / resize.
 * channels 1: the picture is first made grey as PIL's convert("L") does.
 */
typedef struct {
    size_t channels, height, width; /* of the network's input; channels 1 or 3 */
    size_t resize;
    lc_filter interpolation;
    lc_crop_mode crop_mode;
    float mean[3], std[3];
    bool exif;
} lc_preprocess;

/* ImageNet's: 3x224x224, resize 256, bilinear, centre, mean (0.485, 0.456, 0.406), std (0.229, 0.224, 0.225). */
extern const lc_preprocess LC_PREPROCESS_IMAGENET;

/* LC_ERR_ARG for numbers that make no sense (0 sizes, resize smaller than the crop, std 0...). */
LC_CHECKED lc_status lc_preprocess_check(const lc_preprocess *p);

/* out (height, width, channels) float32, channels last. Scratch is allocated inside. */
LC_CHECKED lc_status lc_preprocess_apply(const lc_preprocess *p, const lc_image *in, float *out);

/* Only the resize and crop: out is height x width RGB. What a person would look at to check a preprocessing. */
LC_CHECKED lc_status lc_preprocess_crop(const lc_preprocess *p, const lc_image *in, lc_image *out);

/* Only (x / 255 - mean) / std: crop (height, width) -> out (height, width, channels). */
void lc_preprocess_floats(const lc_preprocess *p, const lc_image *crop, float *out);

/* Sets keys input_size, resize, crop_mode, interpolation, mean, std, exif in `object` (see common/recipe.h). */
void lc_preprocess_to_json(const lc_preprocess *p, lc_json *object);
/* Keys that are missing keep the value in *p. */
LC_CHECKED lc_status lc_preprocess_from_json(lc_preprocess *p, const lc_json *object);

/* "bilinear" etc.; LC_ERR_ARG for another word. */
LC_CHECKED lc_status lc_filter_parse(const char *name, lc_filter *out);
LC_CHECKED lc_status lc_crop_mode_parse(const char *name, lc_crop_mode *out);

#endif
