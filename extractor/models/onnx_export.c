/*
 * A graph as ONNX: what the engine made of a state dict, turned back. Operators know their ONNX name and attributes
 * (op.h), so most nodes are written from the table; what ONNX has no operator for, or sees along another dimension, has a
 * function here. Maps are (N,C,H,W) again: the two orders of a value are one value of the file, and dimensions among the
 * parameters are those of the file's order.
 *
 * Opset 17: the first with LayerNormalization.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/graph/names.h"
#include "extractor/models/onnx_proto.h"
#include "extractor/ops/norm.h"
#include "extractor/ops/shape.h"
#include "extractor/ops/window.h"

enum { OPSET = 17, IR_VERSION = 8, MAX_INPUTS = 8 };

typedef struct {
    const lc_graph *graph;
    lc_onnx_pieces *owner;
    lc_names taken;  /* names of the file */
    char **names;    /* by value of the graph; NULL: none yet */
    Onnx__GraphProto *out;
    size_t node_capacity, tensor_capacity;
    const lc_node *node; /* that is being exported */
    const char *at;      /* its name */
} exporter;

/* Names ------------------------------------------------------------------------------------------------------------- */

/* `text`, or with a number behind it where something is called so already. */
static lc_status new_name(exporter *e, const char *text, char **out)
{
    for (size_t i = 0;; i++) {
        char *name, *mine;
        size_t *number;
        LC_TRY(i ? lc_sprintf(&name, "%s.%zu", text, i) : lc_strdup(&name, text));
        bool free_name = !lc_names_get(&e->taken, name, strlen(name));
        lc_status status = free_name ? lc_onnx_text(e->owner, name, &mine) : LC_OK;
        free(name);
        LC_TRY(status);
        if (free_name) {
            *out = mine;
            return lc_names_put(&e->taken, mine, strlen(mine), 0, &number);
        }
    }
}

/* Gives both orders of a value one name. */
static void set_name(exporter *e, size_t value, char *name)
{
    size_t twin = e->graph->values[value].twin;
    e->names[value] = name;
    if (twin != LC_NO_VALUE) {
        e->names[twin] = name;
    }
}

/* The name of a value that a node reads; constants get their place in the file when they are first read. */
static lc_status name_of(exporter *e, size_t value, char **out)
{
    static char none[] = "";
    *out = none;
    if (value == LC_NO_VALUE) {
        return LC_OK;
    }
    const lc_value *v = &e->graph->values[value];
    if (!e->names[value] && v->t.data) {
        Onnx__TensorProto *t;
        LC_TRY(new_name(e, v->name, &e->names[value]));
        LC_TRY(lc_onnx_tensor(e->owner, e->names[value], LC_ONNX_FLOAT, v->t.rank, v->t.dims, v->t.data,
                              lc_tensor_count(&v->t) * sizeof(float), &t));
        LC_TRY(lc_grow(&e->out->initializer, &e->tensor_capacity, e->out->n_initializer + 1, sizeof t));
        e->out->initializer[e->out->n_initializer++] = t;
    }
    *out = e->names[value];
    return LC_OK;
}

/* Pieces of nodes --------------------------------------------------------------------------------------------------- */

/* A node without inputs and attributes, which makes `output`. */
static lc_status add_node(exporter *e, const char *type, const char *name, char *output, Onnx__NodeProto **out)
{
    Onnx__NodeProto *n;
    LC_TRY(lc_onnx_piece(e->owner, 1, sizeof *n, &n));
    *n = (Onnx__NodeProto)ONNX__NODE_PROTO__INIT;
    LC_TRY(lc_onnx_text(e->owner, type, &n->op_type));
    LC_TRY(lc_onnx_text(e->owner, name, &n->name));
    LC_TRY(lc_onnx_piece(e->owner, 1, sizeof *n->output, &n->output));
    n->output[n->n_output++] = output;
    LC_TRY(lc_grow(&e->out->node, &e->node_capacity, e->out->n_node + 1, sizeof n));
    e->out->node[e->out->n_node++] = n;
    *out = n;
    return LC_OK;
}

static lc_status set_inputs(exporter *e, Onnx__NodeProto *n, char *const *inputs, size_t count)
{
    LC_TRY(lc_onnx_piece(e->owner, count, sizeof *n->input, &n->input));
    memcpy(n->input, inputs, count * sizeof *inputs);
    n->n_input = count;
    return LC_OK;
}

/* A node of one or two inputs that makes a new value, called as the present node with `part` behind it; *value is both. */
static lc_status step(exporter *e, const char *type, const char *part, char *x, char *y, char **value, Onnx__NodeProto **out)
{
    char *name;
    LC_TRY(lc_sprintf(&name, "%s.%s", e->at, part));
    lc_status status = new_name(e, name, value);
    free(name);
    LC_TRY(status);
    LC_TRY(add_node(e, type, *value, *value, out));
    return set_inputs(e, *out, (char *[]){x, y}, y ? 2 : 1);
}

/* The last step: it makes what the present node makes. */
static lc_status last_step(exporter *e, const char *type, char *x, char *y, Onnx__NodeProto **out)
{
    char *name = e->names[e->node->out];
    LC_TRY(add_node(e, type, e->at, name, out));
    return set_inputs(e, *out, (char *[]){x, y}, y ? 2 : 1);
}

static lc_status add_tensor(exporter *e, const char *part, int type, size_t rank, const size_t *dims, const void *data,
                            size_t bytes, char **name)
{
    char *text;
    void *copy;
    Onnx__TensorProto *t;
    LC_TRY(lc_sprintf(&text, "%s.%s", e->at, part));
    lc_status status = new_name(e, text, name);
    free(text);
    LC_TRY(status);
    LC_TRY(lc_onnx_piece(e->owner, bytes, 1, &copy));
    memcpy(copy, data, bytes);
    LC_TRY(lc_onnx_tensor(e->owner, *name, type, rank, dims, copy, bytes, &t));
    LC_TRY(lc_grow(&e->out->initializer, &e->tensor_capacity, e->out->n_initializer + 1, sizeof t));
    e->out->initializer[e->out->n_initializer++] = t;
    return LC_OK;
}

static lc_status add_number(exporter *e, const char *part, float number, char **name)
{
    return add_tensor(e, part, LC_ONNX_FLOAT, 0, NULL, &number, sizeof number, name);
}

static lc_status add_list(exporter *e, const char *part, const int64_t *numbers, size_t count, char **name)
{
    return add_tensor(e, part, LC_ONNX_INT64, 1, &count, numbers, count * sizeof *numbers, name);
}

/* AttributeProto.AttributeType */
enum { TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_STRING = 3, TYPE_FLOATS = 6, TYPE_INTS = 7 };

static lc_status add_attribute(exporter *e, Onnx__NodeProto *n, const char *name, int type, Onnx__AttributeProto **out)
{
    Onnx__AttributeProto *a, **list;
    LC_TRY(lc_onnx_piece(e->owner, 1, sizeof *a, &a));
    *a = (Onnx__AttributeProto)ONNX__ATTRIBUTE_PROTO__INIT;
    LC_TRY(lc_onnx_text(e->owner, name, &a->name));
    a->has_type = true;
    a->type = type;
    LC_TRY(lc_onnx_piece(e->owner, n->n_attribute + 1, sizeof *list, &list));
    for (size_t i = 0; i < n->n_attribute; i++) { /* of the first there is nothing to copy from */
        list[i] = n->attribute[i];
    }
    list[n->n_attribute++] = a;
    n->attribute = list;
    *out = a;
    return LC_OK;
}

static lc_status add_int(exporter *e, Onnx__NodeProto *n, const char *name, int64_t number)
{
    Onnx__AttributeProto *a;
    LC_TRY(add_attribute(e, n, name, TYPE_INT, &a));
    a->has_i = true;
    a->i = number;
    return LC_OK;
}

static lc_status add_float(exporter *e, Onnx__NodeProto *n, const char *name, float number)
{
    Onnx__AttributeProto *a;
    LC_TRY(add_attribute(e, n, name, TYPE_FLOAT, &a));
    a->has_f = true;
    a->f = number;
    return LC_OK;
}

static lc_status add_ints(exporter *e, Onnx__NodeProto *n, const char *name, const int64_t *numbers, size_t count)
{
    Onnx__AttributeProto *a;
    LC_TRY(add_attribute(e, n, name, TYPE_INTS, &a));
    LC_TRY(lc_onnx_piece(e->owner, count, sizeof *a->ints, &a->ints));
    memcpy(a->ints, numbers, count * sizeof *numbers);
    a->n_ints = count;
    return LC_OK;
}

static lc_status add_word(exporter *e, Onnx__NodeProto *n, const char *name, const char *word)
{
    Onnx__AttributeProto *a;
    char *text;
    LC_TRY(add_attribute(e, n, name, TYPE_STRING, &a));
    LC_TRY(lc_onnx_text(e->owner, word, &text));
    a->has_s = true;
    a->s = (ProtobufCBinaryData){strlen(word), (uint8_t *)text};
    return LC_OK;
}

/* By the table ------------------------------------------------------------------------------------------------------ */

/* Dimension `axis` of the engine's order in the file's. */
static int64_t file_axis(const exporter *e, int64_t axis)
{
    static const int64_t of_map[] = {0, 2, 3, 1};
    bool map = e->node->maps && e->graph->values[e->node->in[0]].t.rank == 4;
    return map && axis >= 0 && axis < 4 ? of_map[axis] : axis;
}

/* A parameter that the operator reads from an input: as a constant. */
static lc_status add_parameter(exporter *e, const lc_attr *a, const void *field, char **name)
{
    lc_ints list;
    float number;
    switch (a->kind) {
    case LC_ATTR_INTS:
    case LC_ATTR_AXES:
        memcpy(&list, field, sizeof list);
        for (size_t i = 0; a->kind == LC_ATTR_AXES && i < list.count; i++) {
            list.v[i] = file_axis(e, list.v[i]);
        }
        return list.count ? add_list(e, a->name, list.v, list.count, name) : LC_OK;
    case LC_ATTR_FLOAT:
        memcpy(&number, field, sizeof number);
        return number == (float)a->fallback ? LC_OK : add_number(e, a->name, number, name);
    default:
        return lc_fail(LC_ERR_UNSUPPORTED, "parameter '%s' cannot be written", a->name);
    }
}

static lc_status add_table_attribute(exporter *e, Onnx__NodeProto *n, const lc_attr *a, const void *field)
{
    lc_ints list;
    int64_t whole;
    float number;
    switch (a->kind) {
    case LC_ATTR_INT:
        memcpy(&whole, field, sizeof whole);
        return whole == (int64_t)a->fallback ? LC_OK : add_int(e, n, a->name, whole);
    case LC_ATTR_AXIS: /* which ONNX may demand */
        memcpy(&whole, field, sizeof whole);
        return add_int(e, n, a->name, file_axis(e, whole));
    case LC_ATTR_FLOAT:
        memcpy(&number, field, sizeof number);
        return number == (float)a->fallback ? LC_OK : add_float(e, n, a->name, number);
    case LC_ATTR_INTS:
        memcpy(&list, field, sizeof list);
        return list.count ? add_ints(e, n, a->name, list.v, list.count) : LC_OK;
    case LC_ATTR_WORD:
        return *(const char *)field ? add_word(e, n, a->name, field) : LC_OK;
    default:
        return lc_fail(LC_ERR_UNSUPPORTED, "attribute '%s' cannot be written", a->name);
    }
}

static lc_status by_table(exporter *e)
{
    const lc_node *node = e->node;
    char *inputs[MAX_INPUTS + LC_OP_MAX_INTS], none[] = "", *name = e->names[node->out];
    size_t count = node->inputs;
    Onnx__NodeProto *n;
    if (!node->op->onnx) {
        return lc_fail(LC_ERR_UNSUPPORTED, "ONNX has no such operator");
    }
    LC_TRY(add_node(e, node->op->onnx, e->at, name, &n));
    LC_TRY(lc_onnx_piece(e->owner, count + LC_OP_MAX_INTS, sizeof *n->input, &n->input));
    for (size_t i = 0; i < count; i++) {
        LC_TRY(name_of(e, node->in[i], &n->input[i]));
    }
    for (size_t i = 0; i < LC_OP_MAX_INTS; i++) {
        inputs[i] = NULL;
    }
    for (const lc_attr *a = node->op->attributes; a && a->name; a++) {
        const void *field = (const char *)node->params + a->offset;
        LC_TRY(a->input ? add_parameter(e, a, field, &inputs[a->input]) : add_table_attribute(e, n, a, field));
    }
    for (size_t i = 0; i < LC_OP_MAX_INTS; i++) {
        for (; inputs[i] && count <= i; count++) { /* optional ones between stay empty */
            LC_TRY(lc_onnx_text(e->owner, none, &n->input[count]));
        }
        n->input[i] = inputs[i] ? inputs[i] : n->input[i];
    }
    n->n_input = count;
    return LC_OK;
}

/* By hand ----------------------------------------------------------------------------------------------------------- */

/* x sigmoid(x) */
static lc_status export_silu(exporter *e)
{
    char *x, *y;
    Onnx__NodeProto *n;
    LC_TRY(name_of(e, e->node->in[0], &x));
    LC_TRY(step(e, "Sigmoid", "sigmoid", x, NULL, &y, &n));
    return last_step(e, "Mul", x, y, &n);
}

/* x / 2 (1 + erf(x / sqrt 2)); Gelu is an operator from opset 20 on */
static lc_status export_gelu(exporter *e)
{
    char *x, *half, *root, *one, *y, *left;
    Onnx__NodeProto *n;
    LC_TRY(name_of(e, e->node->in[0], &x));
    LC_TRY(add_number(e, "half", 0.5f, &half));
    LC_TRY(add_number(e, "root", 0.70710678f, &root));
    LC_TRY(add_number(e, "one", 1, &one));
    LC_TRY(step(e, "Mul", "left", x, half, &left, &n));
    LC_TRY(step(e, "Mul", "scaled", x, root, &y, &n));
    LC_TRY(step(e, "Erf", "erf", y, NULL, &y, &n));
    LC_TRY(step(e, "Add", "right", y, one, &y, &n));
    return last_step(e, "Mul", left, y, &n);
}

/* Of maps: over the channels of every pixel, which must be the last dimension for that. */
static lc_status export_layernorm(exporter *e)
{
    static const int64_t there[] = {0, 2, 3, 1}, back[] = {0, 3, 1, 2};
    const lc_layernorm_params *p = e->node->params;
    char *inputs[3], *turned, *y;
    Onnx__NodeProto *n;
    if (!e->node->maps || e->graph->values[e->node->out].t.rank != 4) {
        return by_table(e);
    }
    if (p->axis != 3) {
        return lc_fail(LC_ERR_UNSUPPORTED, "a layer norm of maps that is not over the channels");
    }
    LC_TRY(name_of(e, e->node->in[0], &inputs[0]));
    LC_TRY(step(e, "Transpose", "permute", inputs[0], NULL, &turned, &n));
    LC_TRY(add_ints(e, n, "perm", there, 4));
    LC_TRY(step(e, "LayerNormalization", "norm", turned, NULL, &y, &n));
    inputs[0] = turned;
    for (size_t i = 1; i < 3; i++) {
        LC_TRY(name_of(e, i < e->node->inputs ? e->node->in[i] : LC_NO_VALUE, &inputs[i]));
    }
    LC_TRY(set_inputs(e, n, inputs, inputs[2][0] ? 3 : 2));
    LC_TRY(add_int(e, n, "axis", -1));
    LC_TRY(add_float(e, n, "epsilon", p->epsilon));
    LC_TRY(last_step(e, "Transpose", y, NULL, &n));
    return add_ints(e, n, "perm", back, 4);
}

/* Channels as (groups, C / groups), turned: the dimensions of a picture are known, that of pictures is not (0: as it is). */
static lc_status export_shuffle(exporter *e)
{
    static const int64_t perm[] = {0, 2, 1, 3, 4};
    const lc_shuffle_params *p = e->node->params;
    lc_tensor t = lc_graph_file_shape(e->graph, e->node->in[0]);
    int64_t c = (int64_t)t.dims[1], g = (int64_t)p->groups, h = (int64_t)t.dims[2], w = (int64_t)t.dims[3];
    char *x, *shape, *y;
    Onnx__NodeProto *n;
    LC_TRY(name_of(e, e->node->in[0], &x));
    LC_TRY(add_list(e, "groups", (int64_t[]){0, g, c / g, h, w}, 5, &shape));
    LC_TRY(step(e, "Reshape", "view", x, shape, &y, &n));
    LC_TRY(step(e, "Transpose", "transpose", y, NULL, &y, &n));
    LC_TRY(add_ints(e, n, "perm", perm, 5));
    LC_TRY(add_list(e, "channels", (int64_t[]){0, c, h, w}, 4, &shape));
    return last_step(e, "Reshape", y, shape, &n);
}

/*
 * Adaptive pooling where its regions are equal and do not overlap; to the size that the map has it does nothing. Elsewhere
 * a region has no fixed size, but its mean is a product: rows (h,H) x (N,C,H,W) columns (W,w).
 */
static lc_status means(exporter *e, const char *part, size_t from, size_t to, bool columns, char **name)
{
    float *m;
    LC_TRY(lc_onnx_piece(e->owner, from * to, sizeof *m, &m));
    for (size_t i = 0; i < to; i++) {
        size_t first = i * from / to, end = ((i + 1) * from + to - 1) / to;
        for (size_t k = first; k < end; k++) {
            m[columns ? k * to + i : i * from + k] = 1 / (float)(end - first);
        }
    }
    size_t dims[] = {columns ? from : to, columns ? to : from};
    return add_tensor(e, part, LC_ONNX_FLOAT, 2, dims, m, from * to * sizeof *m, name);
}

static lc_status export_adaptive(exporter *e)
{
    const lc_adaptive_params *p = e->node->params;
    lc_tensor t = lc_graph_file_shape(e->graph, e->node->in[0]);
    size_t h = t.dims[2], w = t.dims[3];
    char *x, *rows, *columns, *y;
    Onnx__NodeProto *n;
    LC_TRY(name_of(e, e->node->in[0], &x));
    if (h == p->height && w == p->width) {
        return last_step(e, "Identity", x, NULL, &n);
    }
    if (h % p->height == 0 && w % p->width == 0) {
        int64_t window[] = {(int64_t)(h / p->height), (int64_t)(w / p->width)};
        LC_TRY(last_step(e, "AveragePool", x, NULL, &n));
        LC_TRY(add_ints(e, n, "kernel_shape", window, 2));
        return add_ints(e, n, "strides", window, 2);
    }
    LC_TRY(means(e, "rows", h, p->height, false, &rows));
    LC_TRY(means(e, "columns", w, p->width, true, &columns));
    LC_TRY(step(e, "MatMul", "down", rows, x, &y, &n));
    return last_step(e, "MatMul", y, columns, &n);
}

/* Opset 17 has no axes: numbers for every dimension, those before, then those behind. */
static lc_status export_pad(exporter *e)
{
    const lc_attr *a = e->node->op->attributes;
    lc_ints pads = {0}, axes = {0};
    for (; a->name; a++) {
        const char *field = (const char *)e->node->params + a->offset;
        if (strcmp(a->name, "pads") == 0) {
            memcpy(&pads, field, sizeof pads);
        } else if (strcmp(a->name, "axes") == 0) {
            memcpy(&axes, field, sizeof axes);
        } else if (a->kind == LC_ATTR_WORD ? *field && strcmp(field, "constant") != 0 : *(const float *)(const void *)field != 0) {
            return lc_fail(LC_ERR_UNSUPPORTED, "padding with something else than zeros");
        }
    }
    size_t rank = e->graph->values[e->node->in[0]].t.rank;
    int64_t all[2 * LC_MAX_RANK] = {0};
    for (size_t i = 0; i < axes.count; i++) {
        size_t axis = (size_t)file_axis(e, axes.v[i]);
        all[axis] = pads.v[i];
        all[rank + axis] = pads.v[axes.count + i];
    }
    char *x, *list;
    Onnx__NodeProto *n;
    LC_TRY(name_of(e, e->node->in[0], &x));
    LC_TRY(add_list(e, "pads", all, 2 * rank, &list));
    return last_step(e, "Pad", x, list, &n);
}

/* The graph --------------------------------------------------------------------------------------------------------- */

static lc_status export_node(exporter *e, size_t i)
{
    const struct {
        const lc_op *op;
        lc_status (*function)(exporter *e);
    } by_hand[] = {
        {&lc_op_silu, export_silu},       {&lc_op_gelu, export_gelu},
        {&lc_op_layernorm, export_layernorm}, {&lc_op_channel_shuffle, export_shuffle},
        {&lc_op_adaptive_avgpool, export_adaptive}, {&lc_op_pad, export_pad},
    };
    const lc_node *node = &e->graph->nodes[i];
    if (node->hidden) { /* the other order of a value, or what does nothing in inference: the same one here */
        e->names[node->out] = e->names[node->in[0]];
        return LC_OK;
    }
    e->node = node;
    e->at = node->name[0] ? node->name : e->graph->values[node->out].name;
    if (!e->names[node->out]) {
        char *name;
        LC_TRY(new_name(e, e->graph->values[node->out].name, &name));
        set_name(e, node->out, name);
    }
    lc_status (*function)(exporter *) = by_table;
    for (size_t k = 0; k < sizeof by_hand / sizeof *by_hand; k++) {
        function = by_hand[k].op == node->op ? by_hand[k].function : function;
    }
    lc_status status = function(e);
    return status == LC_OK ? LC_OK : lc_fail_in(status, "node '%s' (%s)", e->at, node->op->name);
}

static lc_status export_graph(exporter *e, const lc_model_part *part, const bool *needed)
{
    const lc_graph *g = e->graph;
    const lc_value *pictures = &g->values[g->input];
    char *name;
    for (size_t i = 0; i < part->count; i++) {
        LC_TRY(new_name(e, part->names[i], &name));
        set_name(e, part->values[i], name);
    }
    LC_TRY(new_name(e, pictures->name, &name));
    set_name(e, g->input, name);
    const size_t *d = pictures->t.dims, dims[] = {1, d[3], d[1], d[2]};
    Onnx__TensorShapeProto__Dimension *batch;
    LC_TRY(lc_onnx_piece(e->owner, 1, sizeof *batch, &batch));
    *batch = (Onnx__TensorShapeProto__Dimension)ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT;
    batch->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    LC_TRY(lc_onnx_text(e->owner, "N", &batch->dim_param));
    LC_TRY(lc_onnx_piece(e->owner, 1, sizeof *e->out->input, &e->out->input));
    LC_TRY(lc_onnx_value(e->owner, name, LC_ONNX_FLOAT, 4, dims, batch, &e->out->input[0]));
    e->out->n_input = 1;
    for (size_t i = 0; i < g->node_count; i++) {
        LC_TRY(needed[i] ? export_node(e, i) : LC_OK);
    }
    return LC_OK;
}

static lc_status new_model(lc_onnx_pieces *owner, Onnx__ModelProto **out)
{
    Onnx__ModelProto *m;
    Onnx__OperatorSetIdProto *opset;
    LC_TRY(lc_onnx_piece(owner, 1, sizeof *m, &m));
    *m = (Onnx__ModelProto)ONNX__MODEL_PROTO__INIT;
    m->has_ir_version = true;
    m->ir_version = IR_VERSION;
    LC_TRY(lc_onnx_text(owner, "layercut", &m->producer_name));
    LC_TRY(lc_onnx_piece(owner, 1, sizeof *m->opset_import, &m->opset_import));
    LC_TRY(lc_onnx_piece(owner, 1, sizeof *opset, &opset));
    *opset = (Onnx__OperatorSetIdProto)ONNX__OPERATOR_SET_ID_PROTO__INIT;
    LC_TRY(lc_onnx_text(owner, "", &opset->domain));
    opset->has_version = true;
    opset->version = OPSET;
    m->opset_import[m->n_opset_import++] = opset;
    LC_TRY(lc_onnx_piece(owner, 1, sizeof *m->graph, &m->graph));
    *m->graph = (Onnx__GraphProto)ONNX__GRAPH_PROTO__INIT;
    *out = m;
    return lc_onnx_text(owner, "network", &m->graph->name);
}

lc_status lc_onnx_export(const lc_graph *g, const lc_model_part *part, lc_onnx_pieces *owner, Onnx__ModelProto **out)
{
    exporter e = {.graph = g, .owner = owner};
    bool *needed;
    LC_TRY(new_model(owner, out));
    e.out = (*out)->graph;
    LC_TRY(lc_onnx_piece(owner, g->value_count, sizeof *e.names, &e.names));
    LC_TRY(lc_onnx_piece(owner, g->node_count, sizeof *needed, &needed));
    lc_graph_needed(g, part->values, part->count, needed);
    lc_status status = export_graph(&e, part, needed);
    lc_names_free(&e.taken);
    /* These two grew where they were. */
    lc_status nodes = lc_onnx_own(owner, e.out->node), tensors = lc_onnx_own(owner, e.out->initializer);
    return status != LC_OK ? status : nodes != LC_OK ? nodes : tensors;
}
