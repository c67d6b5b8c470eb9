/*
 * What the decoders of this room share. Each reader takes the bytes of a file whose first bytes it knows and makes an
 * 8-bit RGB picture, or fails with a short reason.
 */
#ifndef LC_EXTRACTOR_IMAGE_DECODE_H
#define LC_EXTRACTOR_IMAGE_DECODE_H

#include "extractor/image/image.h"

/*
 * Judges what a header says before anything is allocated for it: LC_ERR_FORMAT for no pixels, or for more pixels than
 * `size` bytes can hold at the format's best compression (`densest` pixels per byte); LC_ERR_UNSUPPORTED for more than
 * LC_IMAGE_MAX_PIXELS.
 */
LC_CHECKED lc_status lc_image_judge(size_t width, size_t height, size_t size, size_t densest);

/* Room for a judged size. out->pixels is the caller's, lc_image_free. */
LC_CHECKED lc_status lc_image_new(lc_image *out, size_t width, size_t height);

/* JPEG by libjpeg-turbo. Damage that libjpeg would go on from with a warning, inventing pixels, is LC_ERR_FORMAT. */
LC_CHECKED lc_status lc_decode_jpeg(lc_image *out, const uint8_t *bytes, size_t size);

/* P1 to P6, plain and raw, every maximum value (netpbm's pbm(5), pgm(5), ppm(5)). */
LC_CHECKED lc_status lc_decode_pnm(lc_image *out, const uint8_t *bytes, size_t size);

/* WebP by libwebp: lossy, lossless, of an animation the first frame. */
LC_CHECKED lc_status lc_decode_webp(lc_image *out, const uint8_t *bytes, size_t size);

/* PNG, GIF, BMP, PSD, TGA by stb_image. */
LC_CHECKED lc_status lc_decode_stb(lc_image *out, const uint8_t *bytes, size_t size);

#endif
