/*
 * ONNX files, read by protobuf-c with the part of the schema in onnx.proto.
 *
 * A node becomes an operator by its op_type, its attributes are put into the operator's parameters by the operator's
 * table: this file knows no operator by name but Constant. The parsed message stays alive as long as the graph, whose
 * constants point into it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/models/models.h"
#include "extractor/models/onnx.pb-c.h"

enum { TYPE_FLOAT = 1, TYPE_INT32 = 6, TYPE_INT64 = 7, TYPE_BOOL = 9 };
enum { OPSET_LEAST = 7, OPSET_MOST = 21 };
enum { DEFAULT_SIZE = 224 }; /* of inputs whose height and width the file leaves open */

typedef struct {
    const char *name;
    Onnx__TensorProto *tensor; /* of constants */
    size_t value;              /* in the graph, or LC_NO_VALUE as long as nobody used the constant */
} entry;

/* Names to values: open addressing, at most half full. */
typedef struct {
    entry *slots;
    size_t mask;
} name_map;

typedef struct {
    lc_graph *graph;
    Onnx__GraphProto *proto;
    name_map names;
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
    entry *e = slot_of(m, name);
    if (e->name) {
        return lc_fail(LC_ERR_FORMAT, "the value '%s' is defined twice", name);
    }
    *e = (entry){name, tensor, value};
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

/* Number of elements of a tensor, checked against what it holds (element_size bytes each in raw_data). */
static lc_status tensor_count(const Onnx__TensorProto *t, size_t element_size, size_t listed, size_t *count)
{
    const char *name = t->name ? t->name : "";
    size_t bytes;
    *count = 1;
    if (t->has_data_location && t->data_location != 0) {
        return lc_fail(LC_ERR_UNSUPPORTED, "tensor '%s' lies in another file", name);
    }
    for (size_t i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 0 || !lc_mul(*count, (size_t)t->dims[i], count)) {
            return lc_fail(LC_ERR_FORMAT, "tensor '%s' has a dimension of %" PRId64, name, t->dims[i]);
        }
    }
    if (!lc_mul(*count, element_size, &bytes) || (t->has_raw_data ? t->raw_data.len != bytes : listed != *count)) {
        return lc_fail(LC_ERR_FORMAT, "tensor '%s' should hold %zu values, but holds %zu", name, *count,
                       t->has_raw_data ? t->raw_data.len / element_size : listed);
    }
    return LC_OK;
}

static lc_status unsupported_type(const Onnx__TensorProto *t)
{
    return lc_fail(LC_ERR_UNSUPPORTED, "tensor '%s' is of type %d; float32 constants are known", t->name ? t->name : "",
                   t->data_type);
}

/* A number of a small constant (shapes, axes, limits): both forms; a float's integer form is its truncation. */
typedef struct {
    double real;
    int64_t whole;
} number;

static number of_float(float f)
{
    return (number){(double)f, f > -0x1p62f && f < 0x1p62f ? (int64_t)f : 0}; /* a NaN fails both */
}

static number of_int(int64_t i)
{
    return (number){(double)i, i};
}

/* Number i of tensor t, whatever its type; *count is how many it has. */
static lc_status tensor_number(const Onnx__TensorProto *t, size_t i, size_t *count, number *out)
{
    static const size_t sizes[] = {[TYPE_FLOAT] = 4, [TYPE_INT32] = 4, [TYPE_INT64] = 8, [TYPE_BOOL] = 1};
    int type = t->data_type;
    if (type != TYPE_FLOAT && type != TYPE_INT32 && type != TYPE_INT64 && type != TYPE_BOOL) {
        return unsupported_type(t);
    }
    size_t listed = type == TYPE_FLOAT ? t->n_float_data : type == TYPE_INT64 ? t->n_int64_data : t->n_int32_data;
    LC_TRY(tensor_count(t, sizes[type], listed, count));
    if (i >= *count) {
        return LC_OK;
    }
    if (!t->has_raw_data) {
        *out = type == TYPE_FLOAT   ? of_float(t->float_data[i])
               : type == TYPE_INT64 ? of_int(t->int64_data[i])
                                    : of_int(t->int32_data[i]);
        return LC_OK;
    }
    const unsigned char *p = t->raw_data.data + i * sizes[type];
    float f;
    int32_t i32;
    int64_t i64;
    switch (type) {
    case TYPE_FLOAT:
        memcpy(&f, p, sizeof f);
        *out = of_float(f);
        break;
    case TYPE_INT32:
        memcpy(&i32, p, sizeof i32);
        *out = of_int(i32);
        break;
    case TYPE_INT64:
        memcpy(&i64, p, sizeof i64);
        *out = of_int(i64);
        break;
    default:
        *out = of_int(*p);
    }
    return LC_OK;
}

/* The graph's value of a name that a node reads; constants enter the graph when they are first used. */
static lc_status use(reader *r, const char *name, size_t *value)
{
    entry *e = slot_of(&r->names, name);
    if (!e->name) {
        return lc_fail(LC_ERR_FORMAT, "reads '%s', which nothing before it makes", name);
    }
    if (e->value == LC_NO_VALUE) {
        Onnx__TensorProto *t = e->tensor;
        size_t count, dims[LC_MAX_RANK];
        if (t->data_type != TYPE_FLOAT) {
            return unsupported_type(t);
        }
        if (t->n_dims > LC_MAX_RANK) {
            return lc_fail(LC_ERR_UNSUPPORTED, "tensor '%s' has %zu dimensions", name, t->n_dims);
        }
        LC_TRY(tensor_count(t, sizeof(float), t->n_float_data, &count));
        for (size_t i = 0; i < t->n_dims; i++) {
            dims[i] = (size_t)t->dims[i];
        }
        const float *data = t->has_raw_data ? (const float *)(const void *)t->raw_data.data : t->float_data;
        if (count == 0 || !data) {
            return lc_fail(LC_ERR_FORMAT, "tensor '%s' is empty", name);
        }
        LC_TRY(lc_graph_constant(r->graph, name, t->n_dims, dims, data, &e->value));
    }
    *value = e->value;
    return LC_OK;
}

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
    static const char *const idle[] = {"momentum", "ratio", "seed", "consumed_inputs", "is_test", "spatial"};
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
    case LC_ATTR_INTS: {
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
    case LC_ATTR_WORD:
        if (!p->has_s || p->s.len > 15 || p->s.len == 0) {
            return wrong_attribute(a);
        }
        memcpy(field, p->s.data, p->s.len);
        break;
    }
    return LC_OK;
}

static lc_status from_input(const reader *r, const lc_attr *a, const char *name, void *field)
{
    const entry *e = slot_of(&r->names, name);
    if (!e->name || !e->tensor) {
        return lc_fail(LC_ERR_UNSUPPORTED, "'%s' (%s) is computed; a constant is needed", name, a->name);
    }
    size_t count;
    number v = {0};
    LC_TRY(tensor_number(e->tensor, 0, &count, &v));
    if (a->kind == LC_ATTR_INTS) {
        lc_ints *list = field;
        if (count > LC_OP_MAX_INTS) {
            return wrong_attribute(a);
        }
        list->count = count;
        for (size_t i = 0; i < count; i++) {
            LC_TRY(tensor_number(e->tensor, i, &count, &v));
            list->v[i] = v.whole;
        }
    } else if (count != 1) {
        return wrong_attribute(a);
    } else if (a->kind == LC_ATTR_FLOAT) {
        float f = (float)v.real;
        memcpy(field, &f, sizeof f);
    } else {
        memcpy(field, &v.whole, sizeof v.whole);
    }
    return LC_OK;
}

/* Fills params; inputs that the table reads as parameters are taken out of the node's inputs. */
static lc_status read_params(const reader *r, const Onnx__NodeProto *n, const lc_op *op, void *params, bool *taken)
{
    lc_params_default(op, params);
    LC_TRY(refuse_unknown_attributes(n, op));
    for (const lc_attr *a = op->attributes; a && a->name; a++) {
        void *field = (char *)params + a->offset;
        const Onnx__AttributeProto *p = attribute_of(n, a->name);
        size_t input = (size_t)a->input;
        if (input && input < n->n_input && n->input[input][0]) {
            LC_TRY(from_input(r, a, n->input[input], field));
            taken[input] = true;
        } else if (p) {
            LC_TRY(from_attribute(a, p, field));
        }
    }
    return LC_OK;
}

static lc_status read_operator(reader *r, const Onnx__NodeProto *n, const lc_op *op)
{
    void *params = NULL;
    size_t *in = NULL, value, inputs = 0;
    bool *taken = NULL;
    lc_status status = lc_alloc_array(&params, op->params_size, 1);
    if (status == LC_OK) {
        status = lc_alloc_array(&in, n->n_input, sizeof *in);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&taken, n->n_input, sizeof *taken);
    }
    if (status == LC_OK) {
        status = read_params(r, n, op, params, taken);
    }
    for (size_t i = 0; i < n->n_input && status == LC_OK; i++) {
        in[i] = LC_NO_VALUE;
        if (n->input[i][0] && !taken[i]) {
            status = use(r, n->input[i], &in[i]);
            inputs = i + 1;
        }
    }
    if (status == LC_OK && n->n_output == 0) {
        status = lc_fail(LC_ERR_FORMAT, "has no output");
    }
    if (status == LC_OK) {
        status = lc_graph_node(r->graph, op, n->name ? n->name : "", params, in, inputs, n->output[0], &value);
    }
    if (status == LC_OK) {
        status = define(&r->names, n->output[0], NULL, value);
    }
    free(params);
    free(in);
    free(taken);
    return status;
}

static lc_status read_node(reader *r, const Onnx__NodeProto *n, int64_t opset)
{
    const char *type = n->op_type ? n->op_type : "";
    if (n->domain && n->domain[0] && strcmp(n->domain, "ai.onnx") != 0) {
        return lc_fail(LC_ERR_UNSUPPORTED, "operator %s.%s (opset %" PRId64 ") is not known", n->domain, type, opset);
    }
    if (strcmp(type, "Constant") == 0) {
        const Onnx__AttributeProto *a = attribute_of(n, "value");
        if (!a || !a->t || n->n_output != 1) {
            return lc_fail(LC_ERR_UNSUPPORTED, "a Constant without a tensor as its value");
        }
        return define(&r->names, n->output[0], a->t, LC_NO_VALUE);
    }
    const lc_op *op = lc_op_by_onnx(type);
    if (!op) {
        return lc_fail(LC_ERR_UNSUPPORTED, "operator %s (opset %" PRId64 ") is not known", type, opset);
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
    size_t size[4] = {1, 0, DEFAULT_SIZE, DEFAULT_SIZE}, value;
    for (size_t i = 1; i < 4; i++) {
        const Onnx__TensorShapeProto__Dimension *d = picture->type->tensor_type->shape->dim[i];
        if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && d->dim_value != 0) {
            if (d->dim_value < 1 || d->dim_value > 1 << 16) {
                return lc_fail(LC_ERR_FORMAT, "input '%s' has a dimension of %" PRId64, picture->name, d->dim_value);
            }
            size[i] = (size_t)d->dim_value;
        }
    }
    if (size[1] != 1 && size[1] != 3) {
        return lc_fail(LC_ERR_UNSUPPORTED, "input '%s' has %zu channels; pictures have 3, or 1", picture->name, size[1]);
    }
    LC_TRY(lc_graph_input(r->graph, picture->name, size[1], size[2], size[3], &value));
    return define(&r->names, picture->name, NULL, value);
}

/* Class names from the file's metadata, "classes": comma-separated, when there are as many as outputs. */
static lc_status read_classes(lc_model *m, const Onnx__ModelProto *proto)
{
    const lc_tensor *out = &m->graph->values[m->graph->output].t;
    size_t outputs = lc_tensor_count(out);
    for (size_t i = 0; i < proto->n_metadata_props; i++) {
        const char *key = proto->metadata_props[i]->key, *text = proto->metadata_props[i]->value;
        if (!key || !text || strcmp(key, "classes") != 0) {
            continue;
        }
        size_t words = 1;
        for (const char *p = text; *p; p++) {
            words += *p == ',';
        }
        if (words != outputs || words < 2) {
            continue;
        }
        LC_TRY(lc_alloc_array(&m->class_names, words, sizeof *m->class_names));
        for (const char *p = text; m->classes < words; p++) {
            size_t n = strcspn(p, ",");
            LC_TRY(lc_sprintf(&m->class_names[m->classes], "%.*s", (int)n, p));
            m->classes++;
            p += n;
        }
        break;
    }
    return LC_OK;
}

static lc_status read_graph(reader *r, const Onnx__ModelProto *proto)
{
    int64_t opset = 0;
    for (size_t i = 0; i < proto->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *o = proto->opset_import[i];
        if (!o->domain || !o->domain[0] || strcmp(o->domain, "ai.onnx") == 0) {
            opset = o->version;
        }
    }
    if (opset < OPSET_LEAST || opset > OPSET_MOST) {
        return lc_fail(LC_ERR_UNSUPPORTED, "opset %" PRId64 "; %d to %d are known", opset, OPSET_LEAST, OPSET_MOST);
    }
    for (size_t i = 0; i < r->proto->n_initializer; i++) {
        Onnx__TensorProto *t = r->proto->initializer[i];
        LC_TRY(define(&r->names, t->name ? t->name : "", t, LC_NO_VALUE));
    }
    LC_TRY(read_input(r));
    for (size_t i = 0; i < r->proto->n_node; i++) {
        const Onnx__NodeProto *n = r->proto->node[i];
        lc_status status = read_node(r, n, opset);
        if (status != LC_OK) {
            return lc_fail_in(status, "node %zu '%s' (%s)", i, n->name ? n->name : "", n->op_type ? n->op_type : "");
        }
    }
    if (r->proto->n_output == 0 || !r->proto->output[0]->name) {
        return lc_fail(LC_ERR_FORMAT, "names no output");
    }
    const entry *e = slot_of(&r->names, r->proto->output[0]->name);
    if (!e->name || e->value == LC_NO_VALUE || r->graph->values[e->value].node == LC_NO_VALUE) {
        return lc_fail(LC_ERR_FORMAT, "its output '%s' is made by no node", r->proto->output[0]->name);
    }
    r->graph->output = e->value;
    return LC_OK;
}

static void release(void *proto)
{
    onnx__model_proto__free_unpacked(proto, NULL);
}

static bool sniff(const char *name, const lc_mapping *file)
{
    /* ONNX has no magic number: a protobuf whose first field is the IR version, or a file called so. */
    const char *dot = strrchr(name, '.');
    return file->data && ((dot && strcmp(dot, ".onnx") == 0) || (file->size > 1 && file->data[0] == 8 && file->data[1] < 64));
}

static lc_status open_onnx(lc_model *out, const char *name, const lc_mapping *file)
{
    (void)name;
    reader r = {0};
    Onnx__ModelProto *proto = file->size ? onnx__model_proto__unpack(NULL, file->size, file->data) : NULL;
    if (!proto) {
        return lc_fail(LC_ERR_FORMAT, "not an ONNX file, or cut short (%zu bytes)", file->size);
    }
    LC_TRY(lc_graph_new(&out->graph, proto, release));
    lc_status status = LC_OK;
    if (!proto->graph) {
        status = lc_fail(LC_ERR_FORMAT, "holds no graph");
    } else {
        r = (reader){.graph = out->graph, .proto = proto->graph};
        status = make_map(&r.names, proto->graph);
    }
    if (status == LC_OK) {
        status = read_graph(&r, proto);
    }
    if (status == LC_OK) {
        status = read_classes(out, proto);
    }
    free(r.names.slots);
    if (status != LC_OK) {
        lc_model_free(out);
    }
    return status;
}

const lc_model_format lc_model_format_onnx = {.name = "onnx", .sniff = sniff, .open = open_onnx};
