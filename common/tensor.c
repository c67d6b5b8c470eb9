#include "common/tensor.h"

#include <stdint.h>
#include <stdio.h>

#include "common/memory.h"

size_t lc_tensor_count(const lc_tensor *t)
{
    size_t n = 1;
    for (size_t i = 0; i < t->rank; i++) {
        n *= t->dims[i];
    }
    return n;
}

lc_status lc_shape_check(size_t rank, const size_t *dims)
{
    size_t n = sizeof(float);
    for (size_t i = 0; i < rank; i++) {
        if (!lc_mul(n, dims[i], &n) || n > PTRDIFF_MAX / 2) {
            char text[96];
            return lc_fail(LC_ERR_SHAPE, "a tensor of shape %s is too large", lc_shape_text(text, rank, dims));
        }
    }
    return LC_OK;
}

const char *lc_shape_text(char text[static 96], size_t rank, const size_t *dims)
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < rank && at < 96; i++) {
        int n = snprintf(text + at, 96 - at, i ? "x%zu" : "%zu", dims[i]);
        at += n > 0 ? (size_t)n : 0;
    }
    return text;
}
