/*
 * What the backward passes of several operators share.
 */
#ifndef LC_EXTRACTOR_OPS_GRADIENT_H
#define LC_EXTRACTOR_OPS_GRADIENT_H

#include "extractor/ops/op.h"

/* Is the gradient by input i wanted? */
static inline bool lc_wants(const lc_op_call *c, const lc_op_train *t, size_t i)
{
    return i < c->inputs && t->din[i];
}

/* din[i] = scale * from, as many numbers as input i has; added to what stands there where t->add says so. */
LC_CHECKED lc_status lc_gradient_scaled(const lc_op_call *c, const lc_op_train *t, size_t i, const float *from, float scale);

/* Backward of operators whose output is input 0 in the same order under any shape: din[0] is dout. */
LC_CHECKED lc_status lc_view_backward(const lc_op_call *c, const lc_op_train *t);

/* How a single number of a gradient is put down, or added to what stands there. */
static inline void lc_put(float *to, double value, bool add)
{
    *to = add ? (float)((double)*to + value) : (float)value;
}

#endif
