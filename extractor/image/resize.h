/*
 * Resizing with a window: the part of a resized picture that somebody is going to look at.
 */
#ifndef LC_EXTRACTOR_IMAGE_RESIZE_H
#define LC_EXTRACTOR_IMAGE_RESIZE_H

#include "extractor/image/image.h"

/* In pixels of the resized picture. */
typedef struct {
    size_t full_width, full_height; /* what the picture is resized to; at most INT32_MAX */
    size_t x, y, width, height;     /* the window, inside of it */
} lc_resize_window;

/*
 * The window of Image.resize((full_width, full_height), filter), the same bytes as cut out of the whole result; only
 * what the window needs is computed. out->pixels is the caller's. LC_ERR_UNSUPPORTED for a picture so long and thin
 * that the work would not fit into LC_IMAGE_MAX_PIXELS.
 */
LC_CHECKED lc_status lc_resize_window_of(lc_image *out, const lc_image *in, const lc_resize_window *window,
                                         lc_filter filter);

#endif
