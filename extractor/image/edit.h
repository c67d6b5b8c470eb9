/*
 * Changes to 8-bit pictures, as augmentation makes them: PIL's and torchvision's, the same pixels for the same numbers
 * (Pillow 9.4, torchvision 0.14 on PIL pictures). Nothing here is random: who calls it draws the numbers.
 */
#ifndef LC_EXTRACTOR_IMAGE_EDIT_H
#define LC_EXTRACTOR_IMAGE_EDIT_H

#include "extractor/image/image.h"

/* PIL's convert("L") of one pixel: ITU-R 601-2 luma with 16 bits of fraction, rounded. A grey pixel stays as it is. */
static inline uint8_t lc_luma(const uint8_t rgb[static 3])
{
    return (uint8_t)((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
}

/* Three equal channels of luma. In place. */
void lc_image_make_grey(lc_image *image);

/*
 * width x height pixels from column x, row y on, black where they lie outside of the picture: crop((x, y, x + width,
 * y + height)). Padding by p and cropping at (i, j) is x = j - p, y = i - p. out->pixels is the caller's.
 */
LC_CHECKED lc_status lc_image_crop(lc_image *out, const lc_image *in, ptrdiff_t x, ptrdiff_t y, size_t width, size_t height);

/* hflip. In place. */
void lc_image_mirror(lc_image *image);

/*
 * rotate(degrees, filter): counter-clockwise about the centre, the size kept, black in the corners. LC_FILTER_NEAREST or
 * LC_FILTER_BILINEAR. out->pixels is the caller's.
 */
LC_CHECKED lc_status lc_image_rotate(lc_image *out, const lc_image *in, double degrees, lc_filter filter);

/* adjust_brightness, adjust_contrast, adjust_saturation: 0 black, grey of the mean, grey; 1 unchanged. In place. */
void lc_image_brightness(lc_image *image, double factor);
void lc_image_contrast(lc_image *image, double factor);
void lc_image_saturation(lc_image *image, double factor);

/* adjust_hue: -0.5 to 0.5 of a turn, through 8-bit HSV. In place. */
void lc_image_hue(lc_image *image, double turn);

#endif
