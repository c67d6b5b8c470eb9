/* Any bytes through the decoders, and what decodes through a small preprocessing. */
#include <stdint.h>
#include <stdlib.h>

#include "extractor/image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lc_preprocess p = LC_PREPROCESS_IMAGENET;
    lc_image image;
    float input[3 * 8 * 11];
    p.height = 8;
    p.width = 11; /* 33 bytes: more than a vector, not a multiple of it */
    p.resize = 12;
    if (lc_image_decode(&image, data, size, true) == LC_OK) {
        if (lc_preprocess_apply(&p, &image, input) != LC_OK) {
            abort();
        }
        lc_image_free(&image);
    }
    return 0;
}
