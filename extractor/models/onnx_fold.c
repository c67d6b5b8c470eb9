#include "extractor/models/onnx_fold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

lc_status lc_constants_block(lc_constants *owner, size_t count, float **out)
{
    if (count > owner->left) {
        return lc_fail(LC_ERR_UNSUPPORTED, "constants of %zu more numbers are too many for this file", count);
    }
    LC_TRY(lc_grow(&owner->blocks, &owner->capacity, owner->count + 1, sizeof *owner->blocks));
    LC_TRY(lc_alloc_array(out, count, sizeof **out));
    owner->left -= count;
    owner->blocks[owner->count++] = *out;
    return LC_OK;
}

void lc_constants_free(lc_constants *owner)
{
    for (size_t i = 0; i < owner->count; i++) {
        free(owner->blocks[i]);
    }
    free(owner->blocks);
}

lc_status lc_constant_list(lc_constants *owner, const size_t *values, size_t count, lc_constant *out)
{
    *out = (lc_constant){.t = {.rank = 1, .dims = {count}}, .whole = true};
    LC_TRY(lc_constants_block(owner, count, &out->t.data));
    for (size_t i = 0; i < count; i++) {
        out->t.data[i] = (float)values[i];
    }
    return LC_OK;
}

int64_t lc_constant_whole(const lc_constant *c, size_t i)
{
    float f = c->t.data[i];
    return f >= 0x1p63f ? INT64_MAX : f > -0x1p63f ? (int64_t)f : INT64_MIN; /* a NaN fails both */
}

/* Operators that can do with tensors of no elements, as exporters make of shapes. */
static bool takes_empty(const lc_op *op)
{
    return op == &lc_op_slice || op == &lc_op_concat || op == &lc_op_cast || op == &lc_op_identity;
}

bool lc_fold_knows(const lc_op *op)
{
    return (op->flags & (LC_OP_EITHER | LC_OP_PLANAR)) && !op->macs;
}

lc_status lc_fold(lc_constants *owner, const lc_op *op, void *params, const lc_constant *const *in, size_t inputs,
                  lc_constant *out)
{
    const lc_tensor **tensors;
    const lc_kernels *kernels;
    void *state = NULL;
    float *scratch = NULL;
    LC_TRY(lc_kernels_get(&kernels));
    LC_TRY(lc_alloc_array(&tensors, inputs + 1, sizeof *tensors));
    for (size_t i = 0; i < inputs; i++) {
        tensors[i] = in[i] ? &in[i]->t : NULL;
        if (in[i] && lc_tensor_count(&in[i]->t) == 0 && !takes_empty(op)) {
            free(tensors);
            return lc_fail(LC_ERR_UNSUPPORTED, "input %zu has no elements", i);
        }
    }
    size_t like = op == &lc_op_where ? 1 : 0; /* the input whose type the result has */
    *out = (lc_constant){.whole = op == &lc_op_dequantize ? false : op == &lc_op_cast ? lc_cast_is_whole(params) : inputs > like && in[like] && in[like]->whole};
    lc_op_call c = {.params = params, .inputs = inputs, .in = tensors, .out = &out->t, .epilogue = lc_epilogue_none(), .kernels = kernels};
    lc_params_turn(op, params, in[0] ? in[0]->t.rank : 0, false);
    size_t rows = in[0] && in[0]->t.rank ? in[0]->t.dims[0] : 1, floats = 0;
    lc_status status = op->infer(&c);
    if (status == LC_OK) {
        out->t.data = NULL;
        status = lc_shape_check(out->t.rank, out->t.dims);
    }
    if (status == LC_OK && !lc_mul(c.scratch, rows, &floats)) {
        status = lc_fail(LC_ERR_NOMEM, "too large");
    }
    if (status == LC_OK && lc_tensor_count(&out->t) == 0) {
        status = lc_constants_block(owner, 0, &out->t.data);
        goto done;
    }
    if (status == LC_OK && !op->forward) {
        out->t.data = in[0]->t.data;
        goto done;
    }
    if (status == LC_OK) {
        status = lc_constants_block(owner, lc_tensor_count(&out->t), &out->t.data);
    }
    if (status == LC_OK) {
        status = lc_alloc_raw(&scratch, floats, sizeof *scratch);
    }
    c.scratch_data = scratch;
    if (status == LC_OK && op->prepare) {
        status = op->prepare(&c, &state);
    }
    if (status == LC_OK) {
        c.state = state;
        status = op->forward(&c);
    }
    for (size_t i = 0; status == LC_OK && out->whole && op == &lc_op_div && i < lc_tensor_count(&out->t); i++) {
        out->t.data[i] = truncf(out->t.data[i]); /* integers divide towards zero */
    }
done:
    if (state) {
        op->release(state);
    }
    free(scratch);
    free(tensors);
    return status;
}

lc_status lc_fold_range(lc_constants *owner, const lc_constant *const in[3], lc_constant *out)
{
    for (size_t i = 0; i < 3; i++) {
        if (lc_tensor_count(&in[i]->t) != 1) {
            return lc_fail(LC_ERR_FORMAT, "wants single numbers");
        }
    }
    double start = (double)in[0]->t.data[0], limit = (double)in[1]->t.data[0], step = (double)in[2]->t.data[0];
    double n = ceil((limit - start) / step);
    if (!(n < 0x1p31)) {
        return lc_fail(LC_ERR_UNSUPPORTED, "from %g to %g in steps of %g", start, limit, step);
    }
    size_t count = n > 0 ? (size_t)n : 0;
    *out = (lc_constant){.t = {.rank = 1, .dims = {count}}, .whole = in[0]->whole};
    LC_TRY(lc_constants_block(owner, count, &out->t.data));
    for (size_t i = 0; i < count; i++) {
        out->t.data[i] = (float)(start + (double)i * step);
    }
    return LC_OK;
}

lc_status lc_fold_fill(lc_constants *owner, const lc_constant *shape, float value, bool whole, lc_constant *out)
{
    size_t rank = lc_tensor_count(&shape->t);
    *out = (lc_constant){.t = {.rank = rank}, .whole = whole};
    if (rank > LC_MAX_RANK) {
        return lc_fail(LC_ERR_UNSUPPORTED, "to %zu dimensions", rank);
    }
    for (size_t i = 0; i < rank; i++) {
        int64_t n = lc_constant_whole(shape, i);
        if (n < 0) {
            return lc_fail(LC_ERR_SHAPE, "a dimension of %lld", (long long)n);
        }
        out->t.dims[i] = (size_t)n;
    }
    LC_TRY(lc_shape_check(rank, out->t.dims));
    size_t count = lc_tensor_count(&out->t);
    LC_TRY(lc_constants_block(owner, count, &out->t.data));
    for (size_t i = 0; i < count; i++) {
        out->t.data[i] = value;
    }
    return LC_OK;
}
