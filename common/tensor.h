/*
 * A tensor is a shape and a pointer: a view that owns nothing. Elements are float32, dense, the last dimension fastest.
 *
 * Inside the engine a map is channels-last, (N,H,W,C). What PyTorch and ONNX call (N,C,H,W) is the same picture in
 * another order; extractor/graph converts where an operator or a user needs it.
 */
#ifndef LC_COMMON_TENSOR_H
#define LC_COMMON_TENSOR_H

#include <stddef.h>

#include "common/error.h"

enum { LC_MAX_RANK = 6 };

typedef struct {
    size_t rank;
    size_t dims[LC_MAX_RANK];
    float *data;
} lc_tensor;

/* Product of the dimensions; 1 for rank 0. The dimensions have passed lc_shape_check, so it cannot overflow. */
size_t lc_tensor_count(const lc_tensor *t);

/* LC_ERR_SHAPE unless the product of dims[0..rank) times 4 bytes fits in memory's address range. */
LC_CHECKED lc_status lc_shape_check(size_t rank, const size_t *dims);

/* "1x3x224x224" into text. */
const char *lc_shape_text(char text[static 96], size_t rank, const size_t *dims);

#endif
