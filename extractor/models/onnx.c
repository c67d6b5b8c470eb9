/*
 * ONNX files, read by protobuf-c with the part of the schema in onnx.proto.
 *
 * A node becomes an operator by its op_type, its attributes are put into the operator's parameters by the operator's
 * table. This file knows by name only what is no operator: constants, shapes, and Split, which becomes slices. Nodes that
 * read nothing but constants are folded (onnx_fold.h). The parsed message stays alive as long as the graph, whose
 * constants point into it.
 */
#include "extractor/models/onnx.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/models/onnx_line.h"
#include "extractor/models/onnx_proto.h"
#include "extractor/ops/shape.h"

enum { OPSET_LEAST = 7, OPSET_MOST = 21 };
enum { DEFAULT_SIZE = 224 }; /* of inputs whose height and width the file leaves open */
enum { FREE_FLOATS = 1 << 22 }; /* that folding may make beyond what the file's size allows */

typedef struct {
    const char *name;
    Onnx__TensorProto *tensor; /* of constants that the file holds */
    lc_constant *constant;     /* of constants that were read or folded; the reader's */
    size_t value;              /* in the graph; LC_NO_VALUE as long as nobody used the constant */
} entry;

/* Names to values: open addressing, at most half full. */
typedef struct {
    entry *slots;
    size_t mask;
} name_map;

typedef struct {
    lc_graph *graph;
    Onnx__GraphProto *proto;
    lc_onnx_source *m;
    int64_t opset;
    name_map names;
    bool plain;       /* lc_onnx_open_plain */
} reader;

static entry *slot_of(const name_map *m, const char *name)
{
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
    for (const char *p = name; *p; p++) {
        h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
    }
    size_t i = (size_t)h & m->mask;
    while (m->slots[i].name && strcmp(m->slots[i].name, name) != 0) {
        i = (i + 1) & m->mask;
    }
    return &m->slots[i];
}

static lc_status define(name_map *m, const char *name, Onnx__TensorProto *tensor, size_t value)
{
    if (!name[0]) {
        return LC_OK; /* an output that nobody wants */
    }
    entry *e = slot_of(m, name);
    if (e->name) {
        return lc_fail(LC_ERR_FORMAT, "the value '%s' is defined twice", name);
    }
    *e = (entry){name, tensor, NULL, value};
    return LC_OK;
}

static lc_status make_map(name_map *m, const Onnx__GraphProto *g)
{
    size_t names = g->n_initializer + g->n_input, size = 16;
    for (size_t i = 0; i < g->n_node; i++) {
        names += g->node[i]->n_output;
    }
    while (size < 2 * names) {
        size *= 2;
    }
    m->mask = size - 1;
    return lc_alloc_array(&m->slots, size, sizeof *m->slots);
}

/* Tensors --------------------------------------------------------------------------------------------------------- */

static lc_status read_tensor(reader *r, const Onnx__TensorProto *t, lc_constant *out)
{
    lc_raw_tensor raw;
    LC_TRY(lc_onnx_raw(r->m, t, &raw));
    return lc_constant_read(&r->m->made, &raw, out);
}

/* Adds a constant of that name. */
static lc_status define_constant(reader *r, const char *name, const lc_constant *c)
{
    lc_constant *copy;
    float *block; /* of the size of a constant: it lives as long as the others */
    LC_TRY(define(&r->names, name, NULL, LC_NO_VALUE));
    LC_TRY(lc_constants_block(&r->m->made, sizeof *copy / sizeof(float), &block));
    copy = (lc_constant *)(void *)block;
    *copy = *c;
    if (name[0]) {
        slot_of(&r->names, name)->constant = copy;
    }
    return LC_OK;
}

/* The constant of a name; NULL where it is computed from pictures. */
static lc_status constant_of(reader *r, const char *name, const lc_constant **out)
{
    entry *e = slot_of(&r->names, name);
    if (!e->name) {
        return lc_fail(LC_ERR_FORMAT, "reads '%s', which nothing before it makes", name);
    }
    if (e->tensor && !e->constant) {
        float *block;
        lc_constant c;
        LC_TRY(read_tensor(r, e->tensor, &c));
        LC_TRY(lc_constants_block(&r->m->made, sizeof c / sizeof(float), &block));
        e->constant = (lc_constant *)(void *)block;
        *e->constant = c;
    }
    *out = e->constant;
    return LC_OK;
}

/* The graph's value of a name that a node reads; constants enter the graph when they are first used. */
static lc_status use(reader *r, const char *name, size_t *value)
{
    const lc_constant *c;
    LC_TRY(constant_of(r, name, &c));
    entry *e = slot_of(&r->names, name);
    if (e->value == LC_NO_VALUE) {
        if (!c->t.data || lc_tensor_count(&c->t) == 0) {
            return lc_fail(LC_ERR_FORMAT, "tensor '%s' is empty", name);
        }
        LC_TRY(lc_graph_constant(r->graph, name, c->t.rank, c->t.dims, c->t.data, &e->value));
    }
    *value = e->value;
    return LC_OK;
}

/* Nodes ----------------------------------------------------------------------------------------------------------- */

static const Onnx__AttributeProto *attribute_of(const Onnx__NodeProto *n, const char *name)
{
    for (size_t i = 0; i < n->n_attribute; i++) {
        if (n->attribute[i]->name && strcmp(n->attribute[i]->name, name) == 0) {
            return n->attribute[i];
        }
    }
    return NULL;
}

/* Attributes that change nothing when a network is only run. */
static bool is_idle(const char *name)
{
    static const char *const idle[] = {"momentum", "ratio", "seed", "consumed_inputs", "is_test", "spatial", "stash_type"};
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++) {
        if (strcmp(idle[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static lc_status refuse_unknown_attributes(const Onnx__NodeProto *n, const lc_op *op)
{
    for (size_t i = 0; i < n->n_attribute; i++) {
        const char *name = n->attribute[i]->name ? n->attribute[i]->name : "";
        bool known = is_idle(name);
        for (const lc_attr *a = op->attributes; a && a->name && !known; a++) {
            known = strcmp(a->name, name) == 0;
        }
        if (!known) {
            return lc_fail(LC_ERR_UNSUPPORTED, "attribute '%s' is not known", name);
        }
    }
    return LC_OK;
}

static lc_status wrong_attribute(const lc_attr *a)
{
    return lc_fail(LC_ERR_FORMAT, "attribute '%s' is of the wrong type or too long", a->name);
}

static lc_status from_attribute(const lc_attr *a, const Onnx__AttributeProto *p, void *field)
{
    switch (a->kind) {
    case LC_ATTR_INT:
    case LC_ATTR_AXIS:
        if (!p->has_i) {
            return wrong_attribute(a);
        }
        memcpy(field, &p->i, sizeof p->i);
        break;
    case LC_ATTR_FLOAT:
        if (!p->has_f) {
            return wrong_attribute(a);
        }
        memcpy(field, &p->f, sizeof p->f);
        break;
    case LC_ATTR_INTS:
    case LC_ATTR_AXES: {
        lc_ints *list = field;
        /* An empty list is a list; an empty list beside a value of another kind is none, and no default either. */
        bool other = p->has_i || p->has_f || p->has_s || p->t || p->n_floats || p->n_strings;
        if (p->n_ints > LC_OP_MAX_INTS || (p->n_ints == 0 && other)) {
            return wrong_attribute(a);
        }
        list->count = p->n_ints;
        for (size_t i = 0; i < p->n_ints; i++) {
            list->v[i] = p->ints[i];
        }
        break;
    }
    case LC_ATTR_FLOATS: {
        lc_floats *list = field;
        if (p->n_floats > LC_OP_MAX_INTS) {
            return wrong_attribute(a);
        }
        list->count = p->n_floats;
        memcpy(list->v, p->floats, p->n_floats * sizeof *list->v);
        break;
    }
    case LC_ATTR_OPSET:
        break;
    case LC_ATTR_WORD:
        if (!p->has_s || p->s.len >= LC_OP_WORD || p->s.len == 0) {
            return wrong_attribute(a);
        }
        memcpy(field, p->s.data, p->s.len);
        break;
    }
    return LC_OK;
}

static lc_status from_input(reader *r, const lc_attr *a, const char *name, void *field)
{
    const lc_constant *c;
    LC_TRY(constant_of(r, name, &c));
    if (!c) {
        return lc_fail(LC_ERR_UNSUPPORTED, "'%s' (%s) is computed from the picture; a constant is needed", name, a->name);
    }
    size_t count = lc_tensor_count(&c->t);
    if (a->kind == LC_ATTR_INTS || a->kind == LC_ATTR_AXES) {
        lc_ints *list = field;
        if (count > LC_OP_MAX_INTS) {
            return wrong_attribute(a);
        }
        list->count = count;
        for (size_t i = 0; i < count; i++) {
            list->v[i] = lc_constant_whole(c, i);
        }
    } else if (a->kind == LC_ATTR_FLOATS) {
        lc_floats *list = field;
        if (count > LC_OP_MAX_INTS) {
            return wrong_attribute(a);
        }
        list->count = count;
        for (size_t i = 0; i < count; i++) {
            list->v[i] = c->t.data[i];
        }
    } else if (count != 1) {
        return wrong_attribute(a);
    } else if (a->kind == LC_ATTR_FLOAT) {
        memcpy(field, c->t.data, sizeof(float));
    } else {
        int64_t whole = lc_constant_whole(c, 0);
        memcpy(field, &whole, sizeof whole);
    }
    return LC_OK;
}

/* Fills params; inputs that the table reads as parameters are taken out of the node's inputs. */
static lc_status read_params(reader *r, const Onnx__NodeProto *n, const lc_op *op, void *params, bool *taken)
{
    lc_params_default(op, params);
    LC_TRY(refuse_unknown_attributes(n, op));
    for (const lc_attr *a = op->attributes; a && a->name; a++) {
        void *field = (char *)params + a->offset;
        const Onnx__AttributeProto *p = attribute_of(n, a->name);
        size_t input = (size_t)a->input;
        if (a->kind == LC_ATTR_OPSET) {
            memcpy(field, &r->opset, sizeof r->opset);
        } else if (input && input < n->n_input && n->input[input][0]) {
            LC_TRY(from_input(r, a, n->input[input], field));
            taken[input] = true;
        } else if (p) {
            LC_TRY(from_attribute(a, p, field));
        }
    }
    return LC_OK;
}

/* What a node reads. */
typedef struct {
    size_t count;            /* up to the last input that is no parameter */
    const lc_constant **constants;
    size_t *values;
    bool *taken, all_constant;
    void *params;
} arguments;

static void free_arguments(arguments *a)
{
    free(a->constants);
    free(a->values);
    free(a->taken);
    free(a->params);
}

static lc_status read_arguments(reader *r, const Onnx__NodeProto *n, const lc_op *op, arguments *a)
{
    *a = (arguments){.all_constant = true};
    LC_TRY(lc_alloc_array(&a->params, op->params_size, 1));
    LC_TRY(lc_alloc_array(&a->constants, n->n_input + 1, sizeof *a->constants));
    LC_TRY(lc_alloc_array(&a->values, n->n_input, sizeof *a->values));
    LC_TRY(lc_alloc_array(&a->taken, n->n_input, sizeof *a->taken));
    LC_TRY(read_params(r, n, op, a->params, a->taken));
    for (size_t i = 0; i < n->n_input; i++) {
        a->values[i] = LC_NO_VALUE;
        if (n->input[i][0] && !a->taken[i]) {
            LC_TRY(constant_of(r, n->input[i], &a->constants[i]));
            a->all_constant = a->all_constant && a->constants[i];
            a->count = i + 1;
        }
    }
    return LC_OK;
}

/* One operator with what it reads; makes the value `output`. */
static lc_status add_operator(reader *r, const Onnx__NodeProto *n, const lc_op *op, void *params, arguments *a, const char *output)
{
    size_t value;
    if (a->count && a->all_constant && lc_fold_knows(op)) {
        lc_constant c;
        LC_TRY(lc_fold(&r->m->made, op, params, a->constants, a->count, &c));
        return define_constant(r, output, &c);
    }
    for (size_t i = 0; i < a->count; i++) {
        if (n->input[i][0] && !a->taken[i]) {
            LC_TRY(use(r, n->input[i], &a->values[i]));
        }
    }
    bool line = a->count && lc_line_is(r->graph, op, a->values[0]);
    LC_TRY((line ? lc_line_node : lc_graph_node)(r->graph, op, n->name ? n->name : "", params, a->values, a->count, output, &value));
    return define(&r->names, output, NULL, value);
}

static lc_status read_operator(reader *r, const Onnx__NodeProto *n, const lc_op *op)
{
    arguments a;
    lc_status status = read_arguments(r, n, op, &a);
    if (status == LC_OK) {
        status = add_operator(r, n, op, a.params, &a, n->output[0]);
    }
    free_arguments(&a);
    return status;
}

/* Shape in the file's order of what a node reads first. */
static lc_status shape_of_input(reader *r, const Onnx__NodeProto *n, lc_tensor *out)
{
    const lc_constant *c;
    if (n->n_input == 0) {
        return lc_fail(LC_ERR_FORMAT, "has no input");
    }
    LC_TRY(constant_of(r, n->input[0], &c));
    *out = c ? c->t : lc_graph_file_shape(r->graph, slot_of(&r->names, n->input[0])->value);
    return LC_OK;
}

static int64_t int_attribute(const Onnx__NodeProto *n, const char *name, int64_t fallback)
{
    const Onnx__AttributeProto *a = attribute_of(n, name);
    return a && a->has_i ? a->i : fallback;
}

/* Shape, of which opset 15 can take a part. The batch counts as 1. */
static lc_status read_shape(reader *r, const Onnx__NodeProto *n)
{
    lc_tensor t;
    lc_constant c;
    LC_TRY(shape_of_input(r, n, &t));
    int64_t rank = (int64_t)t.rank, start = int_attribute(n, "start", 0), end = int_attribute(n, "end", rank);
    start = start < 0 ? start + rank : start;
    end = end < 0 ? end + rank : end;
    start = start < 0 ? 0 : start > rank ? rank : start;
    end = end < start ? start : end > rank ? rank : end;
    LC_TRY(lc_constant_list(&r->m->made, t.dims + start, (size_t)(end - start), &c));
    return define_constant(r, n->output[0], &c);
}

static lc_status read_size(reader *r, const Onnx__NodeProto *n)
{
    lc_tensor t;
    lc_constant c;
    LC_TRY(shape_of_input(r, n, &t));
    size_t count = lc_tensor_count(&t);
    LC_TRY(lc_constant_list(&r->m->made, &count, 1, &c));
    c.t.rank = 0;
    return define_constant(r, n->output[0], &c);
}

/* A tensor, a number or a list of them. */
static lc_status read_constant(reader *r, const Onnx__NodeProto *n)
{
    lc_constant c = {.t = {.rank = 0}};
    for (size_t i = 0; i < n->n_attribute; i++) {
        const Onnx__AttributeProto *a = n->attribute[i];
        const char *name = a->name ? a->name : "";
        if (strcmp(name, "value") == 0 && a->t) {
            return define(&r->names, n->output[0], a->t, LC_NO_VALUE);
        }
        bool whole = strcmp(name, "value_int") == 0 || strcmp(name, "value_ints") == 0;
        bool list = strcmp(name, "value_ints") == 0 || strcmp(name, "value_floats") == 0;
        if (!whole && strcmp(name, "value_float") != 0 && strcmp(name, "value_floats") != 0) {
            continue;
        }
        size_t count = !list ? 1 : whole ? a->n_ints : a->n_floats;
        c = (lc_constant){.t = {.rank = list, .dims = {count}}, .whole = whole};
        LC_TRY(lc_constants_block(&r->m->made, count, &c.t.data));
        for (size_t k = 0; k < count; k++) {
            c.t.data[k] = !list ? (whole ? (float)a->i : a->f) : whole ? (float)a->ints[k] : a->floats[k];
        }
        return define_constant(r, n->output[0], &c);
    }
    return lc_fail(LC_ERR_UNSUPPORTED, "a Constant without a number, a list or a tensor as its value");
}

static lc_status constant_inputs(reader *r, const Onnx__NodeProto *n, size_t count, const lc_constant **in)
{
    for (size_t i = 0; i < count; i++) {
        if (i >= n->n_input) {
            return lc_fail(LC_ERR_FORMAT, "wants %zu inputs, got %zu", count, n->n_input);
        }
        LC_TRY(constant_of(r, n->input[i], &in[i]));
        if (!in[i]) {
            return lc_fail(LC_ERR_UNSUPPORTED, "'%s' is computed from the picture; a constant is needed", n->input[i]);
        }
    }
    return LC_OK;
}

static lc_status read_range(reader *r, const Onnx__NodeProto *n)
{
    const lc_constant *in[3];
    lc_constant c;
    LC_TRY(constant_inputs(r, n, 3, in));
    LC_TRY(lc_fold_range(&r->m->made, in, &c));
    return define_constant(r, n->output[0], &c);
}

static lc_status read_fill(reader *r, const Onnx__NodeProto *n)
{
    const lc_constant *shape;
    lc_constant c, value = {.whole = false};
    const Onnx__AttributeProto *a = attribute_of(n, "value");
    LC_TRY(constant_inputs(r, n, 1, &shape));
    if (a && a->t) {
        LC_TRY(read_tensor(r, a->t, &value));
        if (lc_tensor_count(&value.t) != 1) {
            return lc_fail(LC_ERR_FORMAT, "its value is not one number");
        }
    }
    LC_TRY(lc_fold_fill(&r->m->made, shape, value.t.data ? value.t.data[0] : 0, value.whole, &c));
    return define_constant(r, n->output[0], &c);
}

/* Split: one slice per output. Sizes are an attribute, an input since opset 13, or equal. */
static lc_status read_split(reader *r, const Onnx__NodeProto *n)
{
    lc_tensor t;
    const lc_constant *sizes = NULL;
    const Onnx__AttributeProto *listed = attribute_of(n, "split");
    LC_TRY(shape_of_input(r, n, &t));
    int64_t axis = int_attribute(n, "axis", 0);
    axis = axis < 0 ? axis + (int64_t)t.rank : axis;
    if (axis < 0 || axis >= (int64_t)t.rank) {
        return lc_fail(LC_ERR_SHAPE, "along dimension %" PRId64 " of %zu", axis, t.rank);
    }
    if (n->n_input > 1 && n->input[1][0]) {
        LC_TRY(constant_of(r, n->input[1], &sizes));
        if (!sizes) {
            return lc_fail(LC_ERR_UNSUPPORTED, "'%s' (split) is computed from the picture", n->input[1]);
        }
    }
    size_t given = sizes ? lc_tensor_count(&sizes->t) : listed ? listed->n_ints : n->n_output;
    if (given != n->n_output || given == 0) {
        return lc_fail(LC_ERR_SHAPE, "%zu sizes for %zu outputs", given, n->n_output);
    }
    int64_t size = (int64_t)t.dims[axis], each = (size + (int64_t)given - 1) / (int64_t)given, first = 0;
    for (size_t i = 0; i < n->n_output; i++) {
        int64_t part = sizes ? lc_constant_whole(sizes, i) : listed ? listed->ints[i] : first + each < size ? each : size - first;
        if (part < 1 || part > size - first) {
            return lc_fail(LC_ERR_SHAPE, "output %zu has %" PRId64 " of %" PRId64 " elements", i, part, size);
        }
        lc_slice_params p = {.starts = {1, {first}}, .ends = {1, {first + part}}, .axes = {1, {axis}}};
        bool taken[2] = {false, true};
        size_t value = LC_NO_VALUE;
        const lc_constant *constant;
        LC_TRY(constant_of(r, n->input[0], &constant));
        arguments a = {.count = 1, .constants = &constant, .values = &value, .taken = taken, .all_constant = constant};
        LC_TRY(add_operator(r, n, &lc_op_slice, &p, &a, n->output[i]));
        first += part;
    }
    return LC_OK;
}

static lc_status read_node(reader *r, const Onnx__NodeProto *n)
{
    static const struct {
        const char *type;
        lc_status (*read)(reader *r, const Onnx__NodeProto *n);
    } special[] = {
        {"Constant", read_constant}, {"ConstantOfShape", read_fill}, {"Range", read_range},
        {"Shape", read_shape},       {"Size", read_size},            {"Split", read_split},
    };
    const char *type = n->op_type ? n->op_type : "";
    bool foreign = n->domain && n->domain[0] && strcmp(n->domain, "ai.onnx") != 0;
    const lc_op *op = foreign ? NULL : lc_op_by_onnx(type);
    if (n->n_output == 0) {
        return lc_fail(LC_ERR_FORMAT, "has no output");
    }
    for (size_t i = 0; i < sizeof special / sizeof *special && !foreign; i++) {
        if (strcmp(type, special[i].type) == 0) {
            return special[i].read(r, n);
        }
    }
    if (!op) {
        return lc_fail(LC_ERR_UNSUPPORTED, "operator %s%s%s (opset %" PRId64 ") is not known", foreign ? n->domain : "",
                       foreign ? "." : "", type, r->opset);
    }
    return read_operator(r, n, op);
}

static lc_status read_input(reader *r)
{
    const Onnx__ValueInfoProto *picture = NULL;
    for (size_t i = 0; i < r->proto->n_input; i++) {
        const Onnx__ValueInfoProto *v = r->proto->input[i];
        if (v->name && slot_of(&r->names, v->name)->name) {
            continue; /* older files list constants among the inputs */
        }
        if (picture) {
            return lc_fail(LC_ERR_UNSUPPORTED, "has more than one input ('%s' and '%s')", picture->name ? picture->name : "",
                           v->name ? v->name : "");
        }
        picture = v;
    }
    if (!picture || !picture->name || !picture->type || picture->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
        !picture->type->tensor_type->shape || picture->type->tensor_type->shape->n_dim != 4) {
        return lc_fail(LC_ERR_UNSUPPORTED, "has no input of 4 dimensions (N,C,H,W)");
    }
    int64_t said[4] = {1, 0, 0, 0};
    for (size_t i = 1; i < 4; i++) {
        const Onnx__TensorShapeProto__Dimension *d = picture->type->tensor_type->shape->dim[i];
        said[i] = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE ? d->dim_value : 0;
        if (said[i] < 0 || said[i] > 1 << 16) {
            return lc_fail(LC_ERR_FORMAT, "input '%s' has a dimension of %" PRId64, picture->name, said[i]);
        }
    }
    /* TensorFlow's exporters keep (N,H,W,C). */
    bool last = said[1] != 1 && said[1] != 3 && (said[3] == 1 || said[3] == 3);
    size_t channels = (size_t)said[last ? 3 : 1], height = (size_t)said[last ? 1 : 2], width = (size_t)said[last ? 2 : 3], value;
    if (channels != 1 && channels != 3) {
        return lc_fail(LC_ERR_UNSUPPORTED, "input '%s' has %zu channels; pictures have 3, or 1", picture->name, channels);
    }
    LC_TRY(lc_graph_input(r->graph, picture->name, channels, height ? height : DEFAULT_SIZE, width ? width : DEFAULT_SIZE, &value));
    if (last) {
        LC_TRY(lc_graph_input_as_file(r->graph, &value));
    }
    return define(&r->names, picture->name, NULL, value);
}

/* Every input as it is, constants where they were given. */
static lc_status read_plain_inputs(reader *r)
{
    for (size_t i = 0; i < r->proto->n_input; i++) {
        const Onnx__ValueInfoProto *v = r->proto->input[i];
        size_t dims[LC_MAX_RANK], value;
        if (!v->name || slot_of(&r->names, v->name)->name) {
            continue;
        }
        if (i < r->m->given_count && r->m->given[i]) {
            LC_TRY(define(&r->names, v->name, r->m->given[i], LC_NO_VALUE));
            continue;
        }
        if (!v->type || v->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !v->type->tensor_type->shape ||
            v->type->tensor_type->elem_type != LC_ONNX_FLOAT || v->type->tensor_type->shape->n_dim > LC_MAX_RANK) {
            return lc_fail(LC_ERR_UNSUPPORTED, "input '%s' is no float32 tensor", v->name);
        }
        for (size_t k = 0; k < v->type->tensor_type->shape->n_dim; k++) {
            const Onnx__TensorShapeProto__Dimension *d = v->type->tensor_type->shape->dim[k];
            if (d->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE || d->dim_value < 1 || d->dim_value > 1 << 16) {
                return lc_fail(LC_ERR_UNSUPPORTED, "input '%s' has no fixed size", v->name);
            }
            dims[k] = (size_t)d->dim_value;
        }
        LC_TRY(lc_graph_plain_input(r->graph, v->name, v->type->tensor_type->shape->n_dim, dims, &value));
        LC_TRY(define(&r->names, v->name, NULL, value));
    }
    return LC_OK;
}

static lc_json *metadata_of(const Onnx__ModelProto *proto)
{
    lc_json *object = proto->n_metadata_props ? lc_json_object() : NULL;
    for (size_t i = 0; i < proto->n_metadata_props; i++) {
        const char *key = proto->metadata_props[i]->key, *text = proto->metadata_props[i]->value;
        if (key && text) {
            lc_json_set_string(object, key, text);
        }
    }
    return object;
}

static lc_status read_graph(reader *r, const Onnx__ModelProto *proto)
{
    for (size_t i = 0; i < proto->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *o = proto->opset_import[i];
        if (!o->domain || !o->domain[0] || strcmp(o->domain, "ai.onnx") == 0) {
            r->opset = o->version;
        }
    }
    if (r->opset < OPSET_LEAST || r->opset > OPSET_MOST) {
        return lc_fail(LC_ERR_UNSUPPORTED, "opset %" PRId64 "; %d to %d are known", r->opset, OPSET_LEAST, OPSET_MOST);
    }
    for (size_t i = 0; i < r->proto->n_initializer; i++) {
        Onnx__TensorProto *t = r->proto->initializer[i];
        LC_TRY(define(&r->names, t->name ? t->name : "", t, LC_NO_VALUE));
    }
    LC_TRY(r->plain ? read_plain_inputs(r) : read_input(r));
    for (size_t i = 0; i < r->proto->n_node; i++) {
        const Onnx__NodeProto *n = r->proto->node[i];
        lc_status status = read_node(r, n);
        if (status != LC_OK) {
            return lc_fail_in(status, "node %zu '%s' (%s, opset %" PRId64 ")", i, n->name ? n->name : "", n->op_type ? n->op_type : "",
                              r->opset);
        }
    }
    if (r->proto->n_output == 0 || !r->proto->output[0]->name) {
        return lc_fail(LC_ERR_FORMAT, "names no output");
    }
    const entry *e = slot_of(&r->names, r->proto->output[0]->name);
    if (!e->name || e->value == LC_NO_VALUE || r->graph->values[e->value].node == LC_NO_VALUE) {
        return lc_fail(LC_ERR_FORMAT, "its output '%s' is made by no node", r->proto->output[0]->name);
    }
    r->graph->output = lc_graph_shown(r->graph, lc_line_map(r->graph, e->value));
    return LC_OK;
}

static bool sniff(const char *name, const lc_mapping *file)
{
    /* ONNX has no magic number: a protobuf whose first field is the IR version, or a file called so. */
    const char *dot = strrchr(name, '.');
    return file->data && ((dot && strcmp(dot, ".onnx") == 0) || (file->size > 1 && file->data[0] == 8 && file->data[1] < 64));
}

static lc_status unpack_given(lc_onnx_source *m, const lc_mapping *given, size_t count)
{
    LC_TRY(lc_alloc_array(&m->given, count, sizeof *m->given));
    for (; m->given_count < count; m->given_count++) {
        const lc_mapping *file = &given[m->given_count];
        m->given[m->given_count] = file->data ? onnx__tensor_proto__unpack(NULL, file->size, file->data) : NULL;
        if (file->data && !m->given[m->given_count]) {
            return lc_fail(LC_ERR_FORMAT, "input %zu is no tensor", m->given_count);
        }
    }
    return LC_OK;
}

/* path: of the file; NULL: external data is refused. */
static lc_status open_file(lc_model *out, reader r, const char *path, const lc_mapping *file, const lc_mapping *given,
                           size_t given_count)
{
    LC_TRY(lc_alloc_array(&r.m, 1, sizeof *r.m));
    LC_TRY(lc_graph_new(&out->graph, r.m, lc_onnx_release));
    out->source = r.m;
    r.m->made.left = FREE_FLOATS;
    r.m->proto = file->size ? onnx__model_proto__unpack(NULL, file->size, file->data) : NULL;
    lc_status status = path ? lc_strdup(&r.m->path, path) : LC_OK;
    if (status == LC_OK) {
        status = unpack_given(r.m, given, given_count);
    }
    if (status == LC_OK && !r.m->proto) {
        status = lc_fail(LC_ERR_FORMAT, "not an ONNX file, or cut short (%zu bytes)", file->size);
    }
    if (status == LC_OK && !r.m->proto->graph) {
        status = lc_fail(LC_ERR_FORMAT, "holds no graph");
    }
    if (status == LC_OK) {
        r.graph = out->graph;
        r.proto = r.m->proto->graph;
        r.m->made.left += file->size;
        status = make_map(&r.names, r.proto);
    }
    if (status == LC_OK) {
        status = read_graph(&r, r.m->proto);
    }
    if (status == LC_OK) {
        out->metadata = metadata_of(r.m->proto);
        status = lc_onnx_note_constants(r.m, out->graph);
    }
    free(r.names.slots);
    if (status != LC_OK) {
        lc_model_free(out);
    }
    return status;
}

static lc_status open_onnx(lc_model *out, const char *name, const lc_mapping *file, const char *arch)
{
    (void)arch;
    return open_file(out, (reader){.plain = false}, file->nameless ? NULL : name, file, NULL, 0);
}

lc_status lc_onnx_open_plain(lc_model *out, const lc_mapping *file, const lc_mapping *given, size_t given_count)
{
    *out = (lc_model){0};
    return open_file(out, (reader){.plain = true}, NULL, file, given, given_count);
}

const lc_model_format lc_model_format_onnx = {.name = "onnx", .sniff = sniff, .open = open_onnx};
