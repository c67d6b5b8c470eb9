#include "common/subset.h"

#include <stdlib.h>

#include "common/memory.h"
#include "common/rng.h"

lc_status lc_subset_places(double *place, size_t rows, const int32_t *labels, const uint8_t *member, size_t classes, uint64_t seed)
{
    size_t *of_class;
    LC_TRY(lc_alloc_array(&of_class, rows, sizeof *of_class));
    for (size_t i = 0; i < rows; i++) {
        place[i] = 1;
    }
    for (size_t k = 0; k < classes; k++) {
        size_t n = 0;
        for (size_t i = 0; i < rows; i++) {
            if (member[i] && labels[i] == (int32_t)k) {
                of_class[n++] = i;
            }
        }
        lc_rng rng = lc_rng_new(seed, k);
        lc_rng_shuffle(&rng, of_class, n);
        for (size_t i = 0; i < n; i++) {
            place[of_class[i]] = (double)i / (double)n;
        }
    }
    free(of_class);
    return LC_OK;
}
