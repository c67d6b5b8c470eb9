/*
 * Padding of any dimensions, with a constant, the reflected or the edge elements; negative padding crops.
 */
#include <string.h>

#include "extractor/ops/gradient.h"

typedef struct {
    lc_ints pads, axes;
    char mode[LC_OP_WORD];
    float value;
} pad_params;

static const lc_attr attributes[] = {
    {"pads", LC_ATTR_INTS, offsetof(pad_params, pads), 1, 0},
    {"value", LC_ATTR_FLOAT, offsetof(pad_params, value), 2, 0},
    {"axes", LC_ATTR_AXES, offsetof(pad_params, axes), 3, 0},
    {"mode", LC_ATTR_WORD, offsetof(pad_params, mode), 0, 0},
    {NULL, 0, 0, 0, 0},
};

enum { LIMIT = 1 << 24 };

static bool is_mode(const pad_params *p, const char *mode)
{
    return strcmp(p->mode[0] ? p->mode : "constant", mode) == 0;
}

/* x (D_0,...) -> y (D_i + begin_i + end_i, ...); pads holds all begins, then all ends, in the order of axes */
static lc_status infer(lc_op_call *c)
{
    const pad_params *p = c->params;
    LC_TRY(lc_op_expect(c, 1, 0));
    const lc_tensor *x = c->in[0];
    bool seen[LC_MAX_RANK] = {false};
    *c->out = *x;
    if (!is_mode(p, "constant") && !is_mode(p, "reflect") && !is_mode(p, "edge")) {
        return lc_fail(LC_ERR_UNSUPPORTED, "mode '%s'", p->mode);
    }
    if (p->pads.count != 2 * p->axes.count) {
        return lc_fail(LC_ERR_SHAPE, "%zu numbers for %zu dimensions", p->pads.count, p->axes.count);
    }
    for (size_t i = 0; i < p->axes.count; i++) {
        int64_t axis = p->axes.v[i], begin = p->pads.v[i], end = p->pads.v[i + p->axes.count];
        if (axis < 0 || axis >= (int64_t)x->rank || seen[axis] || begin < -LIMIT || begin > LIMIT || end < -LIMIT || end > LIMIT) {
            return lc_fail(LC_ERR_SHAPE, "dimension %lld of %zu by %lld and %lld", (long long)axis, x->rank, (long long)begin,
                           (long long)end);
        }
        int64_t size = (int64_t)x->dims[axis];
        seen[axis] = true;
        if (size + begin + end < 1 || (is_mode(p, "reflect") && (begin >= size || end >= size))) {
            return lc_fail(LC_ERR_SHAPE, "a dimension of %lld by %lld and %lld", (long long)size, (long long)begin, (long long)end);
        }
        c->out->dims[axis] = (size_t)(size + begin + end);
        c->whole = c->whole || (axis == 0 && (begin || end));
    }
    return LC_OK;
}

/* Where element `at` of a padded dimension comes from; -1: from nowhere. */
static int64_t source(const pad_params *p, int64_t at, int64_t size)
{
    if (at >= 0 && at < size) {
        return at;
    }
    if (is_mode(p, "edge")) {
        return at < 0 ? 0 : size - 1;
    }
    return is_mode(p, "reflect") ? (at < 0 ? -at : 2 * (size - 1) - at) : -1;
}

static lc_status forward(const lc_op_call *c)
{
    const pad_params *p = c->params;
    const lc_tensor *x = c->in[0], *y = c->out;
    int64_t begin[LC_MAX_RANK] = {0};
    if (x->rank == 0) {
        y->data[0] = x->data[0];
        return LC_OK;
    }
    for (size_t i = 0; i < p->axes.count; i++) {
        begin[p->axes.v[i]] = p->pads.v[i];
    }
    size_t last = x->rank - 1, row = y->dims[last], rows = lc_tensor_count(y) / row;
    int64_t width = (int64_t)x->dims[last];
    for (size_t r = 0; r < rows; r++) {
        size_t rest = r, full = x->dims[last], from = 0;
        bool outside = false;
        for (size_t i = last; i-- > 0; rest /= y->dims[i], full *= x->dims[i]) {
            int64_t at = source(p, (int64_t)(rest % y->dims[i]) - begin[i], (int64_t)x->dims[i]);
            outside = outside || at < 0;
            from += at < 0 ? 0 : (size_t)at * full;
        }
        float *to = y->data + r * row;
        if (!outside && width == (int64_t)row && begin[last] == 0) {
            memcpy(to, x->data + from, row * sizeof *to);
            continue;
        }
        for (size_t k = 0; k < row; k++) {
            int64_t at = outside ? -1 : source(p, (int64_t)k - begin[last], width);
            to[k] = at < 0 ? p->value : x->data[from + (size_t)at];
        }
    }
    return LC_OK;
}

typedef struct {
    const lc_op_call *c;
    const lc_op_train *t;
    int64_t begin[LC_MAX_RANK];
    size_t part; /* elements of the output in an item */
} back_run;

/* Every element adds to the one it came from. */
static lc_status back_part(void *context, size_t item)
{
    const back_run *r = context;
    const lc_tensor *x = r->c->in[0], *y = r->c->out;
    for (size_t i = item * r->part; i < (item + 1) * r->part; i++) {
        size_t rest = i, full = 1, to = 0;
        bool outside = false;
        for (size_t k = x->rank; k-- > 0; rest /= y->dims[k], full *= x->dims[k]) {
            int64_t at = source(r->c->params, (int64_t)(rest % y->dims[k]) - r->begin[k], (int64_t)x->dims[k]);
            outside = outside || at < 0;
            to += at < 0 ? 0 : (size_t)at * full;
        }
        if (!outside) {
            r->t->din[0][to] += r->t->dout[i];
        }
    }
    return LC_OK;
}

static lc_status backward(const lc_op_call *c, const lc_op_train *t)
{
    const pad_params *p = c->params;
    const lc_tensor *x = c->in[0], *y = c->out;
    back_run r = {.c = c, .t = t};
    if (!lc_wants(c, t, 0)) {
        return LC_OK;
    }
    for (size_t i = 0; i < p->axes.count; i++) {
        r.begin[p->axes.v[i]] = p->pads.v[i];
    }
    if (!t->add[0]) {
        memset(t->din[0], 0, lc_tensor_count(x) * sizeof(float));
    }
    size_t items = x->rank && x->dims[0] == y->dims[0] && r.begin[0] == 0 ? x->dims[0] : 1;
    r.part = lc_tensor_count(y) / items;
    return lc_parallel_for(c->threads, items, back_part, &r);
}

const lc_op lc_op_pad = {
    .name = "pad",
    .onnx = "Pad",
    .attributes = attributes,
    .params_size = sizeof(pad_params),
    .flags = LC_OP_EITHER,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
