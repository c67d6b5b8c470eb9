/*
 * Parameters of shape operators that architectures are built with.
 */
#ifndef LC_EXTRACTOR_OPS_SHAPE_H
#define LC_EXTRACTOR_OPS_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "extractor/ops/op.h"

/* Of lc_op_flatten: dimensions from `axis` on become one. Of lc_op_concat: the dimension to join along. */
typedef struct {
    int64_t axis;
} lc_axis_params;

/*
 * Of lc_op_slice: of dimension axes[i] the elements starts[i], starts[i] + steps[i], ... before ends[i]; negative numbers
 * count from the end, numbers beyond it mean the end. Channels b to e of a map: starts {b}, ends {e}, axes {1}.
 */
typedef struct {
    lc_ints starts, ends, axes, steps;
} lc_slice_params;

/* Of lc_op_squeeze and lc_op_unsqueeze: dimensions of 1 that go or come. */
typedef struct {
    lc_ints axes;
} lc_axes_params;

/* Of lc_op_channel_shuffle: channel i of `groups` equal groups becomes channel i / (C / groups) + i % (C / groups) * groups. */
typedef struct {
    size_t groups;
} lc_shuffle_params;

#endif
