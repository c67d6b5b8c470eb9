#include "extractor/models/arch.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "extractor/ops/norm.h"
#include "extractor/ops/shape.h"
#include "extractor/ops/window.h"

enum { MAX_PARAMS = 1024 };

/* Names --------------------------------------------------------------------------------------------------------- */

static void fail_if(lc_arch_builder *b, lc_status status)
{
    b->status = b->status == LC_OK ? status : b->status;
}

/* The full name of `name`, or of `name`.`part`. Names are the builders' own and short: 2 * LC_ARCH_NAME holds them. */
static const char *full(const lc_arch_builder *b, char text[2 * LC_ARCH_NAME], const char *name, const char *part)
{
    snprintf(text, 2 * LC_ARCH_NAME, "%s%s%s%s", b->scope, name, part ? "." : "", part ? part : "");
    return text;
}

size_t lc_arch_enter(lc_arch_builder *b, const char *text, ...)
{
    size_t mark = b->scope_length, room = sizeof b->scope - 1 - mark;
    va_list args;
    va_start(args, text);
    int n = vsnprintf(b->scope + mark, room, text, args);
    va_end(args);
    assert(n > 0 && (size_t)n < room);
    b->scope_length += (size_t)n;
    b->scope[b->scope_length++] = '.';
    b->scope[b->scope_length] = '\0';
    return mark;
}

void lc_arch_leave(lc_arch_builder *b, size_t mark)
{
    b->scope_length = mark;
    b->scope[mark] = '\0';
}

const char *lc_arch_text(lc_arch_builder *b, const char *text, ...)
{
    char *out = b->texts[b->text++ % 4];
    va_list args;
    va_start(args, text);
    vsnprintf(out, sizeof b->texts[0], text, args);
    va_end(args);
    return out;
}

/* The file's tensor of this name, or of the family's older spelling of it; NULL: none. */
static const lc_weight *find(const lc_arch_builder *b, const char *name, size_t *i)
{
    char old[2 * LC_ARCH_NAME];
    if (!b->weights) {
        return NULL;
    }
    if (lc_weights_find(b->weights, name, i)) {
        return lc_weights_at(b->weights, *i);
    }
    return b->respell && b->respell(old, name) && lc_weights_find(b->weights, old, i) ? lc_weights_at(b->weights, *i)
                                                                                      : NULL;
}

static const lc_weight *find_part(const lc_arch_builder *b, const char *module, const char *part)
{
    char text[2 * LC_ARCH_NAME];
    size_t i;
    return find(b, full(b, text, module, part), &i);
}

bool lc_arch_has(const lc_arch_builder *b, const char *name)
{
    return !b->weights || find_part(b, name, "weight") != NULL;
}

size_t lc_arch_rows(const lc_arch_builder *b, const char *name)
{
    const lc_weight *w = find_part(b, name, "weight");
    return !b->weights ? b->classes : w && w->rank ? w->dims[0] : 0;
}

void lc_arch_alias(lc_arch_builder *b, size_t value, const char *text, ...)
{
    char name[LC_ARCH_NAME], whole[2 * LC_ARCH_NAME];
    va_list args;
    va_start(args, text);
    vsnprintf(name, sizeof name, text, args);
    va_end(args);
    if (b->status == LC_OK) {
        fail_if(b, lc_graph_alias(b->graph, value, full(b, whole, name, NULL)));
    }
}

static const lc_tensor *tensor_of(const lc_arch_builder *b, size_t value)
{
    return &b->graph->values[value].t;
}

size_t lc_arch_channels(const lc_arch_builder *b, size_t value)
{
    const lc_tensor *t;
    if (b->status != LC_OK) {
        return 0;
    }
    t = tensor_of(b, value);
    return t->dims[t->rank - 1];
}

/* Tensors of the file ------------------------------------------------------------------------------------------- */

static bool same_shape(const lc_weight *w, size_t rank, const size_t *dims)
{
    return w->rank == rank && memcmp(w->dims, dims, rank * sizeof *dims) == 0;
}

static void misfit(lc_arch_builder *b, const char *name, size_t rank, const size_t *dims, const lc_weight *found)
{
    char wanted[96], is[96];
    lc_shape_text(wanted, rank, dims);
    if (b->misfit[0] == '\0') {
        if (found) {
            snprintf(b->misfit, sizeof b->misfit, "%s is %s, not %s", name, lc_shape_text(is, found->rank, found->dims),
                     wanted);
        } else {
            snprintf(b->misfit, sizeof b->misfit, "it has no %s (%s)", name, wanted);
        }
    }
    if (!b->survey) {
        fail_if(b, lc_fail(LC_ERR_UNSUPPORTED, "%s", b->misfit));
    }
}

const float lc_arch_nothing;

/*
 * A constant of the graph: the file's tensor `name`, which must be of this shape. In the graph it has the shape `as`
 * (NULL: its own). In a survey a tensor that does not fit, and behind a cut one that is not there, is replaced by an
 * address that nobody reads.
 */
static size_t constant(lc_arch_builder *b, const char *name, size_t rank, const size_t *dims, size_t as_rank,
                       const size_t *as)
{
    const float *data = &lc_arch_nothing;
    size_t i, value = LC_NO_VALUE;
    if (b->status != LC_OK) {
        return value;
    }
    const lc_weight *w = find(b, name, &i);
    b->wanted++;
    if (!b->weights) {
        b->list(b->context, name, rank, dims);
        fail_if(b, lc_graph_constant(b->graph, name, as ? as_rank : rank, as ? as : dims, data, &value));
        return value;
    }
    if (w) {
        b->used[i] = 1;
    }
    if (!w && b->cut) {
        b->wanted--;
    } else if (!w || !same_shape(w, rank, dims) || w->count == 0) {
        misfit(b, name, rank, dims, w);
    } else {
        b->fitted++;
        if (!b->survey) {
            fail_if(b, lc_weights_f32(b->weights, i, &data));
        }
    }
    if (b->status == LC_OK) {
        fail_if(b, lc_graph_constant(b->graph, name, as ? as_rank : rank, as ? as : dims, data, &value));
    }
    return value;
}

static size_t vector(lc_arch_builder *b, const char *module, const char *part, size_t n)
{
    char text[2 * LC_ARCH_NAME];
    return constant(b, full(b, text, module, part), 1, &n, 0, NULL);
}

/* Nodes --------------------------------------------------------------------------------------------------------- */

/* params (size bytes, the operator's struct): NULL for what the operator falls back to. */
static size_t node(lc_arch_builder *b, const lc_op *op, const char *name, const size_t *in, size_t inputs,
                   const void *params, size_t size)
{
    _Alignas(16) char fallback[MAX_PARAMS] = {0};
    char text[2 * LC_ARCH_NAME];
    size_t out = LC_NO_VALUE;
    if (b->status != LC_OK) {
        return out;
    }
    assert(op->params_size <= sizeof fallback && (!params || size == op->params_size));
    lc_params_default(op, fallback);
    full(b, text, name, NULL);
    fail_if(b, lc_graph_node(b->graph, op, text, params ? params : fallback, in, inputs, text, &out));
    return out;
}

static const lc_attr *attribute(const lc_op *op, const char *name)
{
    const lc_attr *a = op->attributes;
    while (a->name && strcmp(a->name, name) != 0) {
        a++;
    }
    assert(a->name);
    return a;
}

/* A number among the parameters, by the name that the operator's attribute table has for it. */
static void set(const lc_op *op, void *params, const char *name, double number)
{
    const lc_attr *a = attribute(op, name);
    char *field = (char *)params + a->offset;
    if (a->kind == LC_ATTR_FLOAT) {
        float f = (float)number;
        memcpy(field, &f, sizeof f);
    } else {
        int64_t v = (int64_t)number;
        memcpy(field, &v, sizeof v);
    }
}

/* A node with one or two of its numbers set (second NULL: one), the others as they fall back. */
static size_t node_with(lc_arch_builder *b, const lc_op *op, const char *name, const size_t *in, size_t inputs,
                        const char *first, double first_number, const char *second, double second_number)
{
    _Alignas(16) char params[MAX_PARAMS] = {0};
    assert(op->params_size <= sizeof params);
    lc_params_default(op, params);
    set(op, params, first, first_number);
    if (second) {
        set(op, params, second, second_number);
    }
    return node(b, op, name, in, inputs, params, op->params_size);
}

size_t lc_arch_input(lc_arch_builder *b, const char *first_convolution)
{
    const lc_weight *w = find_part(b, first_convolution, "weight");
    size_t value = LC_NO_VALUE, channels = w && w->rank == 4 && w->dims[1] == 1 ? 1 : 3;
    if (b->status == LC_OK) {
        fail_if(b, lc_graph_input(b->graph, "input", channels, b->input_size, b->input_size, &value));
    }
    return value;
}

typedef struct {
    size_t height, width, stride, pad_h, pad_w, groups;
} window;

static lc_window_params window_params(const window *w)
{
    int64_t h = (int64_t)w->pad_h, v = (int64_t)w->pad_w;
    return (lc_window_params){
        .kernel_shape = {2, {(int64_t)w->height, (int64_t)w->width}},
        .strides = {2, {(int64_t)w->stride, (int64_t)w->stride}},
        .pads = {4, {h, v, h, v}},
    };
}

static size_t convolution(lc_arch_builder *b, size_t x, const char *name, size_t out, window w)
{
    char text[2 * LC_ARCH_NAME];
    size_t inputs[] = {x, LC_NO_VALUE, LC_NO_VALUE};
    if (b->status != LC_OK) { /* groups may be channels that nobody knows */
        return LC_NO_VALUE;
    }
    size_t dims[] = {out, lc_arch_channels(b, x) / w.groups, w.height, w.width};
    inputs[1] = constant(b, full(b, text, name, "weight"), 4, dims, 0, NULL);
    if (b->biased) {
        inputs[2] = vector(b, name, "bias", out);
    }
    const lc_conv_params params = {.window = window_params(&w), .group = (int64_t)w.groups};
    return node(b, &lc_op_conv, name, inputs, b->biased ? 3 : 2, &params, sizeof params);
}

size_t lc_arch_conv(lc_arch_builder *b, size_t x, const char *name, size_t out, size_t kernel, size_t stride, size_t pad,
                    size_t groups)
{
    return convolution(b, x, name, out, (window){kernel, kernel, stride, pad, pad, groups});
}

size_t lc_arch_conv_wide(lc_arch_builder *b, size_t x, const char *name, size_t out, size_t height, size_t width)
{
    return convolution(b, x, name, out, (window){height, width, 1, height / 2, width / 2, 1});
}

size_t lc_arch_batchnorm(lc_arch_builder *b, size_t x, const char *name)
{
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    size_t inputs[5] = {x}, channels = lc_arch_channels(b, x);
    for (size_t i = 0; i < 4; i++) {
        inputs[i + 1] = vector(b, name, parts[i], channels);
    }
    return node_with(b, &lc_op_batchnorm, name, inputs, 5, "epsilon", (double)b->epsilon, NULL, 0);
}

size_t lc_arch_linear(lc_arch_builder *b, size_t x, const char *name, size_t out)
{
    char text[2 * LC_ARCH_NAME];
    size_t dims[] = {out, lc_arch_channels(b, x)}, inputs[] = {x, LC_NO_VALUE, LC_NO_VALUE};
    inputs[1] = constant(b, full(b, text, name, "weight"), 2, dims, 0, NULL);
    inputs[2] = vector(b, name, "bias", out);
    return node_with(b, &lc_op_linear, name, inputs, 3, "transB", 1, NULL, 0);
}

size_t lc_arch_classes(lc_arch_builder *b, size_t x, const char *name)
{
    return lc_arch_has(b, name) ? lc_arch_linear(b, x, name, lc_arch_rows(b, name)) : x;
}

size_t lc_arch_op(lc_arch_builder *b, const lc_op *op, size_t x, const char *name)
{
    return node(b, op, name, &x, 1, NULL, 0);
}

size_t lc_arch_relu(lc_arch_builder *b, size_t x, const char *name)
{
    return lc_arch_op(b, &lc_op_relu, x, name);
}

size_t lc_arch_relu6(lc_arch_builder *b, size_t x, const char *name)
{
    return node_with(b, &lc_op_clip, name, &x, 1, "min", 0, "max", 6);
}

size_t lc_arch_silu(lc_arch_builder *b, size_t x, const char *name)
{
    return lc_arch_op(b, &lc_op_silu, x, name);
}

size_t lc_arch_sigmoid(lc_arch_builder *b, size_t x, const char *name)
{
    return lc_arch_op(b, &lc_op_sigmoid, x, name);
}

size_t lc_arch_hardswish(lc_arch_builder *b, size_t x, const char *name)
{
    return lc_arch_op(b, &lc_op_hardswish, x, name);
}

size_t lc_arch_hardsigmoid(lc_arch_builder *b, size_t x, const char *name)
{
    /* PyTorch's numbers, which are not ONNX's. */
    return node_with(b, &lc_op_hardsigmoid, name, &x, 1, "alpha", 1.0 / 6, "beta", 0.5);
}

size_t lc_arch_layernorm(lc_arch_builder *b, size_t x, const char *name, const char *function)
{
    size_t channels = lc_arch_channels(b, x), inputs[] = {x, LC_NO_VALUE, LC_NO_VALUE};
    inputs[1] = vector(b, name, "weight", channels);
    inputs[2] = vector(b, name, "bias", channels);
    return node_with(b, &lc_op_layernorm, function ? lc_arch_text(b, "%s.%s", name, function) : name, inputs, 3, "axis", 1,
                     "epsilon", (double)b->epsilon);
}

size_t lc_arch_linear_map(lc_arch_builder *b, size_t x, const char *name, size_t out)
{
    char text[2 * LC_ARCH_NAME];
    size_t in = lc_arch_channels(b, x), dims[] = {out, in}, kernel[] = {out, in, 1, 1};
    size_t inputs[] = {x, LC_NO_VALUE, LC_NO_VALUE};
    inputs[1] = constant(b, full(b, text, name, "weight"), 2, dims, 4, kernel);
    inputs[2] = vector(b, name, "bias", out);
    const lc_conv_params params = {.window = window_params(&(window){1, 1, 1, 0, 0, 1}), .group = 1};
    return node(b, &lc_op_conv, name, inputs, 3, &params, sizeof params);
}

/* As a depthwise 1x1 convolution, into which the addition behind it folds. */
size_t lc_arch_scale(lc_arch_builder *b, size_t x, const char *tensor, const char *name)
{
    char text[2 * LC_ARCH_NAME];
    size_t channels = lc_arch_channels(b, x), dims[] = {channels, 1, 1}, kernel[] = {channels, 1, 1, 1};
    size_t inputs[] = {x, constant(b, full(b, text, tensor, NULL), 3, dims, 4, kernel)};
    const lc_conv_params params = {.window = window_params(&(window){1, 1, 1, 0, 0, 1}), .group = (int64_t)channels};
    return node(b, &lc_op_conv, name, inputs, 2, &params, sizeof params);
}

size_t lc_arch_slice_channels(lc_arch_builder *b, size_t x, const char *name, size_t first, size_t end)
{
    const lc_slice_params params = {.starts = {1, {(int64_t)first}}, .ends = {1, {(int64_t)end}}, .axes = {1, {1}}};
    return node(b, &lc_op_slice, name, &x, 1, &params, sizeof params);
}

size_t lc_arch_every_second(lc_arch_builder *b, size_t x, const char *name)
{
    const lc_slice_params params = {
        .starts = {2, {0, 0}}, .ends = {2, {INT32_MAX, INT32_MAX}}, .axes = {2, {2, 3}}, .steps = {2, {2, 2}}};
    return node(b, &lc_op_slice, name, &x, 1, &params, sizeof params);
}

size_t lc_arch_pad_channels(lc_arch_builder *b, size_t x, const char *name, size_t each)
{
    _Alignas(16) char params[MAX_PARAMS] = {0};
    assert(lc_op_pad.params_size <= sizeof params);
    lc_params_default(&lc_op_pad, params);
    *(lc_ints *)(void *)(params + attribute(&lc_op_pad, "axes")->offset) = (lc_ints){1, {1}};
    *(lc_ints *)(void *)(params + attribute(&lc_op_pad, "pads")->offset) = (lc_ints){2, {(int64_t)each, (int64_t)each}};
    return node(b, &lc_op_pad, name, &x, 1, params, lc_op_pad.params_size);
}

size_t lc_arch_channel_shuffle(lc_arch_builder *b, size_t x, const char *name, size_t groups)
{
    const lc_shuffle_params params = {groups};
    return node(b, &lc_op_channel_shuffle, name, &x, 1, &params, sizeof params);
}

size_t lc_arch_add(lc_arch_builder *b, size_t x, size_t y, const char *name)
{
    return node(b, &lc_op_add, name, (size_t[]){x, y}, 2, NULL, 0);
}

size_t lc_arch_concat(lc_arch_builder *b, const size_t *x, size_t count, const char *name)
{
    const lc_axis_params params = {.axis = 1};
    return node(b, &lc_op_concat, name, x, count, &params, sizeof params);
}

static lc_pool_params pool_params(size_t kernel, size_t stride, size_t pad)
{
    return (lc_pool_params){.window = window_params(&(window){kernel, kernel, stride, pad, pad, 1})};
}

size_t lc_arch_maxpool(lc_arch_builder *b, size_t x, const char *name, size_t kernel, size_t stride, size_t pad, bool ceil)
{
    lc_pool_params params = pool_params(kernel, stride, pad);
    params.window.ceil_mode = ceil;
    return node(b, &lc_op_maxpool, name, &x, 1, &params, sizeof params);
}

size_t lc_arch_avgpool(lc_arch_builder *b, size_t x, const char *name, size_t kernel, size_t stride, size_t pad)
{
    lc_pool_params params = pool_params(kernel, stride, pad);
    params.count_include_pad = 1;
    return node(b, &lc_op_avgpool, name, &x, 1, &params, sizeof params);
}

size_t lc_arch_adaptive(lc_arch_builder *b, size_t x, const char *name, size_t size)
{
    if (size == 1) {
        return lc_arch_op(b, &lc_op_global_avgpool, x, name);
    }
    const lc_adaptive_params params = {size, size};
    return node(b, &lc_op_adaptive_avgpool, name, &x, 1, &params, sizeof params);
}

size_t lc_arch_flatten(lc_arch_builder *b, size_t x, const char *name)
{
    return lc_arch_op(b, &lc_op_flatten, x, name);
}

size_t lc_arch_dropout(lc_arch_builder *b, size_t x, const char *name, double ratio)
{
    lc_arch_alias(b, x, "%s", name);
    size_t y = node_with(b, &lc_op_dropout, name, &x, 1, "ratio", ratio, NULL, 0);
    if (b->status == LC_OK) {
        b->graph->nodes[b->graph->values[y].node].hidden = true;
    }
    return y;
}

size_t lc_arch_conv_norm(lc_arch_builder *b, size_t x, const char *name, size_t out, size_t kernel, size_t stride,
                         size_t groups, lc_arch_activation *activation)
{
    size_t mark = lc_arch_enter(b, "%s", name);
    x = lc_arch_conv(b, x, "0", out, kernel, stride, (kernel - 1) / 2, groups);
    x = lc_arch_batchnorm(b, x, "1");
    x = activation ? activation(b, x, "2") : x;
    lc_arch_leave(b, mark);
    return x;
}

size_t lc_arch_squeeze_excite(lc_arch_builder *b, size_t x, const char *name, size_t squeezed,
                              lc_arch_activation *activation, lc_arch_activation *gate)
{
    size_t channels = lc_arch_channels(b, x), mark = lc_arch_enter(b, "%s", name);
    bool biased = b->biased;
    b->biased = true;
    size_t y = lc_arch_adaptive(b, x, "avgpool", 1);
    y = activation(b, lc_arch_conv(b, y, "fc1", squeezed, 1, 1, 0, 1), "activation");
    y = gate(b, lc_arch_conv(b, y, "fc2", channels, 1, 1, 0, 1), "scale_activation");
    y = node(b, &lc_op_mul, "mul", (size_t[]){x, y}, 2, NULL, 0);
    b->biased = biased;
    lc_arch_leave(b, mark);
    return y;
}
