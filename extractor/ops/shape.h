/*
 * Parameters of shape operators that architectures are built with.
 */
#ifndef LC_EXTRACTOR_OPS_SHAPE_H
#define LC_EXTRACTOR_OPS_SHAPE_H

#include <stdint.h>

/* Of lc_op_flatten: dimensions from `axis` on become one. Of lc_op_concat: the dimension to join along. */
typedef struct {
    int64_t axis;
} lc_axis_params;

#endif
