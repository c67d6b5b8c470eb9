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

void lc_params_default(const lc_op *op, void *params)
{
    for (const lc_attr *a = op->attributes; a && a->name; a++) {
        char *field = (char *)params + a->offset;
        if (a->kind == LC_ATTR_FLOAT) {
            float v = (float)a->fallback;
            memcpy(field, &v, sizeof v);
        } else if (a->kind == LC_ATTR_INT || a->kind == LC_ATTR_AXIS || a->kind == LC_ATTR_OPSET) {
            int64_t v = (int64_t)a->fallback;
            memcpy(field, &v, sizeof v);
        }
    }
}

/* Dimension `axis` of the file's order in that of maps; negative counts from the end. */
static int64_t engine_axis(int64_t axis, size_t rank, bool maps)
{
    static const int64_t of_map[] = {0, 3, 1, 2};
    axis = axis < 0 ? axis + (int64_t)rank : axis;
    return rank == 4 && maps && axis >= 0 && axis < 4 ? of_map[axis] : axis;
}

void lc_params_turn(const lc_op *op, void *params, size_t rank, bool maps)
{
    for (const lc_attr *a = op->attributes; a && a->name; a++) {
        void *field = (char *)params + a->offset;
        if (a->kind == LC_ATTR_AXIS) {
            int64_t *axis = field;
            *axis = engine_axis(*axis, rank, maps);
        } else if (a->kind == LC_ATTR_AXES) {
            lc_ints *axes = field;
            for (size_t i = axes->count; axes->count == 0 && i < rank; i++) {
                axes->v[i] = (int64_t)i;
            }
            axes->count = axes->count ? axes->count : rank;
            for (size_t i = 0; i < axes->count; i++) {
                axes->v[i] = engine_axis(axes->v[i], rank, maps);
            }
        }
    }
}

lc_epilogue lc_epilogue_none(void)
{
    return (lc_epilogue){.low = -INFINITY, .high = INFINITY};
}

typedef struct {
    lc_item_fn row;
    void *context;
    size_t rows, chunk;
} row_run;

static lc_status row_chunk(void *context, size_t item)
{
    const row_run *r = context;
    size_t end = (item + 1) * r->chunk < r->rows ? (item + 1) * r->chunk : r->rows;
    for (size_t i = item * r->chunk; i < end; i++) {
        LC_TRY(r->row(r->context, i));
    }
    return LC_OK;
}

lc_status lc_op_rows(lc_threads *threads, size_t rows, size_t work, lc_item_fn row, void *context)
{
    enum { ENOUGH = 1 << 14 };
    row_run r = {row, context, rows, work < ENOUGH ? ENOUGH / (work + 1) + 1 : 1};
    return lc_parallel_for(threads, (rows + r.chunk - 1) / r.chunk, row_chunk, &r);
}

lc_band lc_rows_read(const lc_rows *rows, const lc_band *band, size_t height)
{
    size_t begin = band->first * rows->stride, end = begin;
    if (band->count > 0) {
        end = begin + (band->count - 1) * rows->stride + rows->extent;
    }
    begin = begin > rows->top ? begin - rows->top : 0;
    end = end > rows->top ? end - rows->top : 0;
    end = end < height ? end : height;
    begin = begin < end ? begin : end;
    return (lc_band){begin, end - begin};
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
