/*
 * Constants of an ONNX file, and what can be computed from them when the file is read: arguments of Reshape, Slice,
 * Resize and others that exporters write as chains of Shape, Gather, Concat, and weights written as expressions.
 *
 * A node whose inputs are all constants is folded by running its operator once. Constants are float32 whatever the file
 * holds; integers are exact up to 2^24 (indices, shapes, flags) or at int64's ends ("to the end"), others are refused.
 */
#ifndef LC_EXTRACTOR_MODELS_ONNX_FOLD_H
#define LC_EXTRACTOR_MODELS_ONNX_FOLD_H

#include "extractor/ops/op.h"

typedef struct {
    lc_tensor t; /* in the file's order; may have no elements */
    bool whole;  /* integers or truth values */
} lc_constant;

/* Owns what is computed. `left`: floats that may still be, so that a small file cannot ask for endless memory. */
typedef struct {
    void **blocks;
    size_t count, capacity, left;
} lc_constants;

/* A block of `count` floats; the owner's. */
LC_CHECKED lc_status lc_constants_block(lc_constants *owner, size_t count, float **out);
void lc_constants_free(lc_constants *owner);

/* A list of `count` integers. */
LC_CHECKED lc_status lc_constant_list(lc_constants *owner, const size_t *values, size_t count, lc_constant *out);

/* Element i as an integer: truncated, int64's ends where the float lies beyond them. */
int64_t lc_constant_whole(const lc_constant *c, size_t i);

/* Is `op` one that is folded? Those that move values or go element by element. */
bool lc_fold_knows(const lc_op *op);

/* *out = op(in...). in[i] is NULL where the optional input is missing; params have their dimensions turned here. */
LC_CHECKED lc_status lc_fold(lc_constants *owner, const lc_op *op, void *params, const lc_constant *const *in, size_t inputs,
                             lc_constant *out);

/* ONNX's Range and ConstantOfShape: start, start + step, ... before limit; `value` repeated to the shape that a list says. */
LC_CHECKED lc_status lc_fold_range(lc_constants *owner, const lc_constant *const in[3], lc_constant *out);
LC_CHECKED lc_status lc_fold_fill(lc_constants *owner, const lc_constant *shape, float value, bool whole, lc_constant *out);

#endif
