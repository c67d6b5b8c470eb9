#include <math.h>
#include <string.h>

#include "extractor/ops/op.h"

#define LC_OP(name) &lc_op_##name,
const lc_op *const lc_ops[] = {
#include "extractor/ops/op_list.inc"
    NULL,
};
#undef LC_OP

const lc_op *lc_op_by_onnx(const char *op_type)
{
    for (size_t i = 0; lc_ops[i]; i++) {
        if (lc_ops[i]->onnx && strcmp(lc_ops[i]->onnx, op_type) == 0) {
            return lc_ops[i];
        }
    }
    return NULL;
}

lc_epilogue lc_epilogue_none(void)
{
    return (lc_epilogue){.low = -INFINITY, .high = INFINITY};
}

bool lc_epilogue_is_none(const lc_epilogue *e)
{
    return !e->bias && !e->scale && !e->residual && e->low == -INFINITY && e->high == INFINITY;
}

lc_status lc_op_expect(const lc_op_call *c, size_t inputs, size_t rank)
{
    if (c->inputs < inputs) {
        return lc_fail(LC_ERR_SHAPE, "wants %zu inputs, got %zu", inputs, c->inputs);
    }
    for (size_t i = 0; i < inputs; i++) {
        if (!c->in[i]) {
            return lc_fail(LC_ERR_SHAPE, "input %zu is missing", i);
        }
    }
    if (rank && c->in[0]->rank != rank) {
        return lc_fail(LC_ERR_SHAPE, "wants an input of %zu dimensions, got %zu", rank, c->in[0]->rank);
    }
    return LC_OK;
}
