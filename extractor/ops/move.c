/*
 * Operators that move values without computing: concatenation, slices, transposition, repetition, padding.
 */
#include <math.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/ops/gemm.h"
#include "extractor/ops/gradient.h"
#include "extractor/ops/shape.h"

enum { CONCAT_ROWS = 32 }; /* at a time */

/* out[i0][i1]... = from[i0 * steps[0] + i1 * steps[1] + ...]: what most of these are. */
typedef struct {
    size_t rank, dims[2 * LC_MAX_RANK];
    ptrdiff_t steps[2 * LC_MAX_RANK];
} copy_plan;

typedef struct {
    const copy_plan *p;
    const float *from;
    float *to;
    size_t row, rows; /* elements of the innermost dimension, rows per item */
    size_t all;
} copy_run;

static lc_status copy_rows(void *context, size_t item)
{
    const copy_run *r = context;
    const copy_plan *p = r->p;
    size_t end = (item + 1) * r->rows < r->all ? (item + 1) * r->rows : r->all;
    ptrdiff_t step = p->rank ? p->steps[p->rank - 1] : 1;
    for (size_t at = item * r->rows; at < end; at++) {
        const float *from = r->from;
        float *to = r->to + at * r->row;
        size_t rest = at;
        for (size_t i = p->rank ? p->rank - 1 : 0; i-- > 0; rest /= p->dims[i]) {
            from += (ptrdiff_t)(rest % p->dims[i]) * p->steps[i];
        }
        if (step == 1) {
            memcpy(to, from, r->row * sizeof *to);
            continue;
        }
        for (size_t k = 0; k < r->row; k++, from += step) {
            to[k] = *from;
        }
    }
    return LC_OK;
}

static lc_status copy_strided(const lc_op_call *c, const copy_plan *p, const float *from)
{
    size_t row = p->rank ? p->dims[p->rank - 1] : 1;
    copy_run r = {p, from, c->out->data, row, row < 4096 ? 4096 / row : 1, lc_tensor_count(c->out) / row};
    return lc_parallel_for(c->threads, (r.all + r.rows - 1) / r.rows, copy_rows, &r);
}

/* Backward: every element adds to the one it came from. */
typedef struct {
    const copy_plan *p;
    const float *from;
    float *to;
    size_t part; /* elements of the output in an item */
} return_run;

static lc_status return_part(void *context, size_t item)
{
    const return_run *r = context;
    const copy_plan *p = r->p;
    size_t row = p->rank ? p->dims[p->rank - 1] : 1;
    ptrdiff_t step = p->rank ? p->steps[p->rank - 1] : 1;
    for (size_t at = item * r->part / row; at < (item + 1) * r->part / row; at++) {
        const float *from = r->from + at * row;
        float *to = r->to;
        size_t rest = at;
        for (size_t i = p->rank ? p->rank - 1 : 0; i-- > 0; rest /= p->dims[i]) {
            to += (ptrdiff_t)(rest % p->dims[i]) * p->steps[i];
        }
        for (size_t k = 0; k < row; k++, to += step) {
            *to += from[k];
        }
    }
    return LC_OK;
}

/* `to`: where in din[0] the plan begins. Items meet no element of another's: the first dimension where it is not repeated. */
static lc_status return_strided(const lc_op_call *c, const lc_op_train *t, const copy_plan *p, size_t to)
{
    if (!lc_wants(c, t, 0)) {
        return LC_OK;
    }
    if (!t->add[0]) {
        memset(t->din[0], 0, lc_tensor_count(c->in[0]) * sizeof(float));
    }
    size_t items = p->rank > 1 && p->steps[0] ? p->dims[0] : 1;
    return_run r = {p, t->dout, t->din[0] + to, lc_tensor_count(c->out) / items};
    return lc_parallel_for(c->threads, items, return_part, &r);
}

static const lc_attr concat_attributes[] = {
    {"axis", LC_ATTR_AXIS, offsetof(lc_axis_params, axis), 0, 1},
    {NULL, 0, 0, 0, 0},
};

/* x_i (..., D_i, ...) -> y (..., sum D_i, ...) */
static lc_status infer_concat(lc_op_call *c)
{
    const lc_axis_params *p = c->params;
    LC_TRY(lc_op_expect(c, c->inputs ? c->inputs : 1, 0));
    const lc_tensor *first = c->in[0];
    size_t axis = (size_t)p->axis, sum = 0;
    bool constant = false;
    if (p->axis < 0 || axis >= first->rank) {
        return lc_fail(LC_ERR_SHAPE, "along dimension %lld of %zu", (long long)p->axis, first->rank);
    }
    for (size_t i = 0; i < c->inputs; i++) {
        lc_tensor t = *c->in[i];
        bool fits = axis < t.rank && lc_add(sum, t.dims[axis], &sum);
        t.dims[axis] = first->dims[axis];
        constant = constant || c->in[i]->data;
        if (!fits || t.rank != first->rank || memcmp(t.dims, first->dims, t.rank * sizeof t.dims[0]) != 0) {
            char a[96], b[96];
            return lc_fail(LC_ERR_SHAPE, "shapes %s and %s do not fit beside each other",
                           lc_shape_text(a, first->rank, first->dims), lc_shape_text(b, c->in[i]->rank, c->in[i]->dims));
        }
    }
    *c->out = *first;
    c->out->dims[axis] = sum;
    c->whole = axis == 0 || constant; /* a constant is the same for every picture */
    return LC_OK;
}

typedef struct {
    const lc_op_call *c;
    size_t outer, inner; /* indices of the dimensions before the axis; floats per index of it */
    size_t row;          /* floats of the output per index before the axis */
    bool columns;        /* the axis is the last dimension: the epilogue's columns */
} concat_run;

static lc_status concat_rows(void *context, size_t item)
{
    const concat_run *r = context;
    const lc_op_call *c = r->c;
    size_t column = 0, axis = (size_t)((const lc_axis_params *)c->params)->axis, first = item * CONCAT_ROWS;
    size_t rows = r->outer - first < CONCAT_ROWS ? r->outer - first : CONCAT_ROWS;
    for (size_t i = 0; i < c->inputs; i++) {
        size_t part = c->in[i]->dims[axis] * r->inner, parts = part && !c->band ? lc_tensor_count(c->in[i]) / part : r->outer;
        const float *x = c->in[i]->data;
        float *y = c->out->data + first * r->row + column;
        if (x == c->out->data + column) {
            /* made in its place */
        } else if (r->columns && parts == r->outer) {
            lc_epilogue e = lc_epilogue_at(&c->epilogue, first, column);
            c->kernels->finish(rows, part, x + first * part, part, y, r->row, &e);
        } else {
            for (size_t o = 0; o < rows; o++) { /* a constant is there once for all pictures of a batch */
                lc_epilogue e = r->columns ? lc_epilogue_at(&c->epilogue, first + o, column) : lc_epilogue_none();
                c->kernels->finish(1, part, x + (first + o) % parts * part, part, y + o * r->row, part, &e);
            }
        }
        column += part;
    }
    return LC_OK;
}

static lc_status forward_concat(const lc_op_call *c)
{
    size_t axis = (size_t)((const lc_axis_params *)c->params)->axis, nested = 0;
    const lc_epilogue *e = &c->epilogue;
    concat_run r = {.c = c, .outer = 1, .inner = 1, .columns = axis + 1 == c->out->rank};
    for (size_t i = 0; i < axis; i++) {
        r.outer *= c->out->dims[i];
    }
    for (size_t i = axis + 1; i < c->out->rank; i++) {
        r.inner *= c->out->dims[i];
    }
    if (c->band) {
        r.outer = c->band->count * c->out->dims[2];
    }
    r.row = c->out->dims[axis] * r.inner;
    for (size_t i = 0, column = 0; i < c->inputs; i++) {
        nested += c->in[i]->data == c->out->data + column;
        column += c->in[i]->dims[axis] * r.inner;
    }
    if (nested < c->inputs) {
        LC_TRY(lc_parallel_for(c->threads, (r.outer + CONCAT_ROWS - 1) / CONCAT_ROWS, concat_rows, &r));
    }
    if (r.columns || !(e->scale || e->residual || e->low > -INFINITY || e->high < INFINITY)) {
        return LC_OK;
    }
    const lc_tensor *y = c->out;
    lc_op_call in_place = *c;
    in_place.in = &y;
    return lc_finish_map(&in_place, e);
}

/* Maps with their channels side by side. */
static bool rows_of_concat(const lc_op_call *c, lc_rows *rows)
{
    bool maps = c->maps && ((const lc_axis_params *)c->params)->axis == 3;
    for (size_t i = 0; i < c->inputs; i++) {
        maps = maps && c->in[i]->rank == 4 && !c->in[i]->data;
    }
    *rows = (lc_rows){.stride = 1, .extent = 1};
    return maps;
}

typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
    size_t outer, row, column; /* rows of the output, their floats, where the input's part of one begins */
    size_t input, part, parts;
} split_run;

/* Row `item` of an input; of one that is there once for all pictures, all rows that it was repeated to. */
static lc_status split_row(void *context, size_t item)
{
    const split_run *r = context;
    for (size_t o = item; o < r->outer; o += r->parts) {
        r->c->kernels->scale(r->part, 1, r->t->dout + o * r->row + r->column, r->t->add[r->input] || o != item,
                             r->t->din[r->input] + item * r->part);
    }
    return LC_OK;
}

static lc_status backward_concat(const lc_op_call *c, const lc_op_train *t)
{
    size_t axis = (size_t)((const lc_axis_params *)c->params)->axis, inner = 1, column = 0;
    for (size_t i = axis + 1; i < c->out->rank; i++) {
        inner *= c->out->dims[i];
    }
    size_t row = c->out->dims[axis] * inner;
    for (size_t i = 0; i < c->inputs; i++) {
        size_t part = c->in[i]->dims[axis] * inner;
        split_run r = {c, t, lc_tensor_count(c->out) / row, row, column, i, part, lc_tensor_count(c->in[i]) / part};
        if (lc_wants(c, t, i)) {
            LC_TRY(lc_op_rows(c->threads, r.parts, part * (r.outer / r.parts), split_row, &r));
        }
        column += part;
    }
    return LC_OK;
}

const lc_op lc_op_concat = {
    .name = "concat",
    .onnx = "Concat",
    .attributes = concat_attributes,
    .params_size = sizeof(lc_axis_params),
    .flags = LC_OP_EITHER | LC_OP_BROADCAST | LC_OP_BESIDE | LC_OP_EPILOGUE,
    .infer = infer_concat,
    .forward = forward_concat,
    .rows = rows_of_concat,
    .backward = backward_concat,
};

static const lc_attr slice_attributes[] = {
    {"starts", LC_ATTR_INTS, offsetof(lc_slice_params, starts), 1, 0},
    {"ends", LC_ATTR_INTS, offsetof(lc_slice_params, ends), 2, 0},
    {"axes", LC_ATTR_AXES, offsetof(lc_slice_params, axes), 3, 0},
    {"steps", LC_ATTR_INTS, offsetof(lc_slice_params, steps), 4, 0},
    {NULL, 0, 0, 0, 0},
};

/* Of each dimension the first element, the step, and how many. */
typedef struct {
    size_t first[LC_MAX_RANK], count[LC_MAX_RANK];
    ptrdiff_t step[LC_MAX_RANK];
} cut;

static int64_t within(int64_t v, int64_t size, int64_t least, int64_t most)
{
    v = v < 0 ? v + size : v;
    return v < least ? least : v > most ? most : v;
}

static lc_status cut_of(const lc_op_call *c, cut *out)
{
    const lc_slice_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 0));
    const lc_tensor *x = c->in[0];
    for (size_t i = 0; i < x->rank; i++) {
        out->first[i] = 0;
        out->count[i] = x->dims[i];
        out->step[i] = 1;
    }
    if (p->starts.count == 0 || p->starts.count != p->ends.count || p->axes.count < p->starts.count ||
        (p->steps.count && p->steps.count != p->starts.count)) {
        return lc_fail(LC_ERR_SHAPE, "%zu starts, %zu ends, %zu axes, %zu steps", p->starts.count, p->ends.count, p->axes.count,
                       p->steps.count);
    }
    for (size_t i = 0; i < p->starts.count; i++) {
        int64_t axis = p->axes.v[i], step = p->steps.count ? p->steps.v[i] : 1;
        if (axis < 0 || axis >= (int64_t)x->rank || step == 0 || step < -INT32_MAX || step > INT32_MAX) {
            return lc_fail(LC_ERR_SHAPE, "dimension %lld of %zu in steps of %lld", (long long)axis, x->rank, (long long)step);
        }
        int64_t size = (int64_t)x->dims[axis];
        int64_t first = within(p->starts.v[i], size, 0, step > 0 ? size : size - 1);
        int64_t end = within(p->ends.v[i], size, step > 0 ? 0 : -1, size);
        int64_t n = step > 0 ? (end - first + step - 1) / step : (first - end - step - 1) / -step;
        n = n < 0 ? 0 : n;
        if (n == 0 && !x->data) { /* of constants, parts of shapes, nothing may be left */
            return lc_fail(LC_ERR_SHAPE, "nothing is left of dimension %lld (%lld)", (long long)axis, (long long)size);
        }
        out->first[axis] = (size_t)first;
        out->count[axis] = (size_t)n;
        out->step[axis] = (ptrdiff_t)step;
    }
    return LC_OK;
}

/* x -> y, some elements of each dimension */
static lc_status infer_slice(lc_op_call *c)
{
    cut s;
    LC_TRY(cut_of(c, &s));
    *c->out = *c->in[0];
    memcpy(c->out->dims, s.count, c->out->rank * sizeof s.count[0]);
    c->whole = c->out->dims[0] != c->in[0]->dims[0] || s.step[0] != 1;
    return LC_OK;
}

/* *first: where in x the output begins. */
static lc_status plan_slice(const lc_op_call *c, copy_plan *p, size_t *first)
{
    cut s;
    LC_TRY(cut_of(c, &s));
    const lc_tensor *x = c->in[0];
    ptrdiff_t full = 1;
    *p = (copy_plan){.rank = x->rank};
    *first = 0;
    for (size_t i = x->rank; i-- > 0; full *= (ptrdiff_t)x->dims[i]) {
        p->dims[i] = c->out->dims[i];
        p->steps[i] = s.step[i] * full;
        *first += s.first[i] * (size_t)full;
    }
    return LC_OK;
}

static lc_status forward_slice(const lc_op_call *c)
{
    copy_plan p;
    size_t first;
    LC_TRY(plan_slice(c, &p, &first));
    return copy_strided(c, &p, c->in[0]->data + first);
}

static lc_status backward_slice(const lc_op_call *c, const lc_op_train *t)
{
    copy_plan p;
    size_t first;
    LC_TRY(plan_slice(c, &p, &first));
    return return_strided(c, t, &p, first);
}

const lc_op lc_op_slice = {
    .name = "slice",
    .onnx = "Slice",
    .attributes = slice_attributes,
    .params_size = sizeof(lc_slice_params),
    .flags = LC_OP_EITHER,
    .infer = infer_slice,
    .forward = forward_slice,
    .backward = backward_slice,
};

/* x (N,H,W,C) -> y (N,H,W,C), Zhang et al., arXiv:1707.01083, section 3.1 */
static lc_status infer_shuffle(lc_op_call *c)
{
    const lc_shuffle_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 4));
    if (p->groups == 0 || c->in[0]->dims[3] % p->groups) {
        return lc_fail(LC_ERR_SHAPE, "%zu channels in %zu groups", c->in[0]->dims[3], p->groups);
    }
    *c->out = *c->in[0];
    return LC_OK;
}

static lc_status forward_shuffle(const lc_op_call *c)
{
    const lc_shuffle_params *p = c->params;
    size_t channels = c->in[0]->dims[3], pixels = lc_tensor_count(c->in[0]) / channels, own = channels / p->groups;
    const float *x = c->in[0]->data;
    float *y = c->out->data;
    for (size_t i = 0; i < pixels; i++, y += channels) {
        for (size_t g = 0; g < p->groups; g++) {
            for (size_t k = 0; k < own; k++) {
                y[k * p->groups + g] = *x++;
            }
        }
    }
    return LC_OK;
}

typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
} shuffle_run;

static lc_status shuffle_pixel_back(void *context, size_t pixel)
{
    const shuffle_run *r = context;
    const lc_shuffle_params *p = r->c->params;
    size_t channels = r->c->in[0]->dims[3], own = channels / p->groups;
    for (size_t i = 0; i < channels; i++) {
        float v = r->t->dout[pixel * channels + i % own * p->groups + i / own], *to = r->t->din[0] + pixel * channels + i;
        *to = r->t->add[0] ? *to + v : v;
    }
    return LC_OK;
}

static lc_status backward_shuffle(const lc_op_call *c, const lc_op_train *t)
{
    shuffle_run r = {c, t};
    size_t channels = c->in[0]->dims[3];
    return lc_wants(c, t, 0) ? lc_op_rows(c->threads, lc_tensor_count(c->in[0]) / channels, channels, shuffle_pixel_back, &r) : LC_OK;
}

const lc_op lc_op_channel_shuffle = {
    .name = "channel_shuffle",
    .params_size = sizeof(lc_shuffle_params),
    .infer = infer_shuffle,
    .forward = forward_shuffle,
    .backward = backward_shuffle,
};

typedef struct {
    lc_ints perm;
} transpose_params;

static const lc_attr transpose_attributes[] = {
    {"perm", LC_ATTR_INTS, offsetof(transpose_params, perm), 0, 0},
    {NULL, 0, 0, 0, 0},
};

/* x (D_0,D_1,...) -> y, dimension i of which is dimension perm[i] of x; all reversed where perm is not given */
static lc_status infer_transpose(lc_op_call *c)
{
    const transpose_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 0));
    const lc_tensor *x = c->in[0];
    bool seen[LC_MAX_RANK] = {false};
    *c->out = *x;
    if (p->perm.count && p->perm.count != x->rank) {
        return lc_fail(LC_ERR_SHAPE, "an order of %zu dimensions for %zu", p->perm.count, x->rank);
    }
    for (size_t i = 0; i < x->rank; i++) {
        int64_t from = p->perm.count ? p->perm.v[i] : (int64_t)(x->rank - 1 - i);
        if (from < 0 || from >= (int64_t)x->rank || seen[from]) {
            return lc_fail(LC_ERR_SHAPE, "dimension %lld of %zu", (long long)from, x->rank);
        }
        seen[from] = true;
        c->out->dims[i] = x->dims[from];
        c->whole = c->whole || (i == 0 && from != 0);
    }
    return LC_OK;
}

static copy_plan plan_transpose(const lc_op_call *c)
{
    const transpose_params *t = c->params;
    const lc_tensor *x = c->in[0];
    copy_plan p = {.rank = x->rank};
    ptrdiff_t full[LC_MAX_RANK], product = 1;
    for (size_t i = x->rank; i-- > 0; product *= (ptrdiff_t)x->dims[i]) {
        full[i] = product;
    }
    for (size_t i = 0; i < x->rank; i++) {
        p.dims[i] = c->out->dims[i];
        p.steps[i] = full[t->perm.count ? (size_t)t->perm.v[i] : x->rank - 1 - i];
    }
    return p;
}

static lc_status forward_transpose(const lc_op_call *c)
{
    copy_plan p = plan_transpose(c);
    return copy_strided(c, &p, c->in[0]->data);
}

static lc_status backward_transpose(const lc_op_call *c, const lc_op_train *t)
{
    copy_plan p = plan_transpose(c);
    return return_strided(c, t, &p, 0);
}

const lc_op lc_op_transpose = {
    .name = "transpose",
    .onnx = "Transpose",
    .attributes = transpose_attributes,
    .params_size = sizeof(transpose_params),
    .flags = LC_OP_PLANAR,
    .infer = infer_transpose,
    .forward = forward_transpose,
    .backward = backward_transpose,
};

typedef struct {
    lc_ints shape;
} expand_params;

static const lc_attr expand_attributes[] = {
    {"shape", LC_ATTR_INTS, offsetof(expand_params, shape), 1, 0},
    {NULL, 0, 0, 0, 0},
};

/* x -> y, dimensions of 1 repeated until x has the shape that is asked for */
static lc_status infer_expand(lc_op_call *c)
{
    const expand_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 0));
    const lc_tensor *x = c->in[0];
    lc_tensor out = {.rank = x->rank > p->shape.count ? x->rank : p->shape.count};
    if (out.rank > LC_MAX_RANK) {
        return lc_fail(LC_ERR_UNSUPPORTED, "to %zu dimensions", out.rank);
    }
    for (size_t i = 0; i < out.rank; i++) {
        size_t own = i < out.rank - x->rank ? 1 : x->dims[i - (out.rank - x->rank)];
        int64_t wanted = i < out.rank - p->shape.count ? 1 : p->shape.v[i - (out.rank - p->shape.count)];
        if (wanted < 1 || (own != 1 && wanted != 1 && (size_t)wanted != own)) {
            return lc_fail(LC_ERR_SHAPE, "a dimension of %zu to %lld", own, (long long)wanted);
        }
        out.dims[i] = own == 1 ? (size_t)wanted : own;
    }
    *c->out = out;
    c->whole = out.rank != x->rank;
    return LC_OK;
}

static copy_plan plan_expand(const lc_op_call *c)
{
    const lc_tensor *x = c->in[0];
    copy_plan p = {.rank = c->out->rank};
    ptrdiff_t full = 1;
    memcpy(p.dims, c->out->dims, p.rank * sizeof p.dims[0]);
    for (size_t i = x->rank; i-- > 0; full *= (ptrdiff_t)x->dims[i]) {
        p.steps[i + p.rank - x->rank] = x->dims[i] == 1 ? 0 : full;
    }
    return p;
}

static lc_status forward_expand(const lc_op_call *c)
{
    copy_plan p = plan_expand(c);
    return copy_strided(c, &p, c->in[0]->data);
}

static lc_status backward_expand(const lc_op_call *c, const lc_op_train *t)
{
    copy_plan p = plan_expand(c);
    return return_strided(c, t, &p, 0);
}

const lc_op lc_op_expand = {
    .name = "expand",
    .onnx = "Expand",
    .attributes = expand_attributes,
    .params_size = sizeof(expand_params),
    .flags = LC_OP_PLANAR,
    .infer = infer_expand,
    .forward = forward_expand,
    .backward = backward_expand,
};

typedef struct {
    lc_ints repeats;
} tile_params;

static const lc_attr tile_attributes[] = {
    {"repeats", LC_ATTR_INTS, offsetof(tile_params, repeats), 1, 0},
    {NULL, 0, 0, 0, 0},
};

/* x (D_0,D_1,...) -> y (repeats[0] * D_0, ...) */
static lc_status infer_tile(lc_op_call *c)
{
    const tile_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 0));
    *c->out = *c->in[0];
    for (size_t i = 0; i < c->out->rank; i++) {
        if (p->repeats.count != c->out->rank || p->repeats.v[i] < 1 ||
            !lc_mul(c->out->dims[i], (size_t)p->repeats.v[i], &c->out->dims[i])) {
            return lc_fail(LC_ERR_SHAPE, "%zu dimensions repeated by %zu numbers", c->out->rank, p->repeats.count);
        }
    }
    c->whole = c->out->rank > 0 && p->repeats.v[0] != 1;
    return LC_OK;
}

static copy_plan plan_tile(const lc_op_call *c)
{
    const tile_params *t = c->params;
    const lc_tensor *x = c->in[0];
    copy_plan p = {.rank = 2 * x->rank};
    ptrdiff_t full = 1;
    for (size_t i = x->rank; i-- > 0; full *= (ptrdiff_t)x->dims[i]) {
        p.dims[2 * i] = (size_t)t->repeats.v[i];
        p.dims[2 * i + 1] = x->dims[i];
        p.steps[2 * i + 1] = full;
    }
    return p;
}

static lc_status forward_tile(const lc_op_call *c)
{
    copy_plan p = plan_tile(c);
    return copy_strided(c, &p, c->in[0]->data);
}

static lc_status backward_tile(const lc_op_call *c, const lc_op_train *t)
{
    copy_plan p = plan_tile(c);
    return return_strided(c, t, &p, 0);
}

const lc_op lc_op_tile = {
    .name = "tile",
    .onnx = "Tile",
    .attributes = tile_attributes,
    .params_size = sizeof(tile_params),
    .flags = LC_OP_PLANAR,
    .infer = infer_tile,
    .forward = forward_tile,
    .backward = backward_tile,
};

typedef struct {
    int64_t blocksize;
    char mode[LC_OP_WORD];
} block_params;

static const lc_attr block_attributes[] = {
    {"blocksize", LC_ATTR_INT, offsetof(block_params, blocksize), 0, 0},
    {"mode", LC_ATTR_WORD, offsetof(block_params, mode), 0, 0},
    {NULL, 0, 0, 0, 0},
};

/* x (N,C,H,W) -> y (N,C/b^2,Hb,Wb), or the other way */
static lc_status infer_blocks(lc_op_call *c, bool to_space)
{
    const block_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 4));
    const size_t *d = c->in[0]->dims;
    size_t b = (size_t)p->blocksize;
    if (p->blocksize < 1 || p->blocksize > 1 << 10 || (to_space ? d[1] % (b * b) : d[2] % b || d[3] % b)) {
        return lc_fail(LC_ERR_SHAPE, "blocks of %lld", (long long)p->blocksize);
    }
    *c->out = to_space ? (lc_tensor){.rank = 4, .dims = {d[0], d[1] / b / b, d[2] * b, d[3] * b}}
                       : (lc_tensor){.rank = 4, .dims = {d[0], d[1] * b * b, d[2] / b, d[3] / b}};
    return LC_OK;
}

static lc_status infer_depth_to_space(lc_op_call *c)
{
    return infer_blocks(c, true);
}

static lc_status infer_space_to_depth(lc_op_call *c)
{
    return infer_blocks(c, false);
}

/* y[n][k][h][i][w][j] = x[n][i][j][k][h][w] (mode DCR), or x[n][k][i][j][h][w] (CRD) */
static copy_plan plan_depth_to_space(const lc_op_call *c)
{
    const block_params *p = c->params;
    const size_t *d = c->in[0]->dims;
    size_t b = (size_t)p->blocksize, k = d[1] / b / b;
    ptrdiff_t area = (ptrdiff_t)(d[2] * d[3]), w = (ptrdiff_t)d[3], own = (ptrdiff_t)k, s = (ptrdiff_t)b;
    bool crd = strcmp(p->mode, "CRD") == 0;
    copy_plan plan = {.rank = 6,
                      .dims = {d[0], k, d[2], b, d[3], b},
                      .steps = {(ptrdiff_t)d[1] * area, crd ? s * s * area : area, w, crd ? s * area : s * own * area, 1,
                                crd ? area : own * area}};
    return plan;
}

static lc_status forward_depth_to_space(const lc_op_call *c)
{
    copy_plan p = plan_depth_to_space(c);
    return copy_strided(c, &p, c->in[0]->data);
}

static lc_status backward_depth_to_space(const lc_op_call *c, const lc_op_train *t)
{
    copy_plan p = plan_depth_to_space(c);
    return return_strided(c, t, &p, 0);
}

/* y[n][i][j][k][h][w] = x[n][k][h][i][w][j] */
static copy_plan plan_space_to_depth(const lc_op_call *c)
{
    const block_params *p = c->params;
    const size_t *d = c->in[0]->dims;
    size_t b = (size_t)p->blocksize;
    ptrdiff_t area = (ptrdiff_t)(d[2] * d[3]), w = (ptrdiff_t)d[3], s = (ptrdiff_t)b;
    copy_plan plan = {.rank = 6,
                      .dims = {d[0], b, b, d[1], d[2] / b, d[3] / b},
                      .steps = {(ptrdiff_t)d[1] * area, w, 1, area, w * s, s}};
    return plan;
}

static lc_status forward_space_to_depth(const lc_op_call *c)
{
    copy_plan p = plan_space_to_depth(c);
    return copy_strided(c, &p, c->in[0]->data);
}

static lc_status backward_space_to_depth(const lc_op_call *c, const lc_op_train *t)
{
    copy_plan p = plan_space_to_depth(c);
    return return_strided(c, t, &p, 0);
}

const lc_op lc_op_depth_to_space = {
    .name = "depth_to_space",
    .onnx = "DepthToSpace",
    .attributes = block_attributes,
    .params_size = sizeof(block_params),
    .flags = LC_OP_PLANAR,
    .infer = infer_depth_to_space,
    .forward = forward_depth_to_space,
    .backward = backward_depth_to_space,
};

const lc_op lc_op_space_to_depth = {
    .name = "space_to_depth",
    .onnx = "SpaceToDepth",
    .attributes = block_attributes,
    .params_size = sizeof(block_params),
    .flags = LC_OP_PLANAR,
    .infer = infer_space_to_depth,
    .forward = forward_space_to_depth,
    .backward = backward_space_to_depth,
};
