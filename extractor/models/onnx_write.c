/*
 * Writing ONNX. A network that was read from ONNX is written as its own file's graph: the nodes that the outputs need,
 * and the initializers that these read, with those constants of the graph in their place that were replaced since
 * (fine-tuning, random weights). Any other network is exported (onnx_export.c). The weights are not copied: pieces of the
 * message point to them where they lie, and the message goes to the disk as it is packed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/memory.h"
#include "extractor/graph/names.h"
#include "extractor/models/onnx_proto.h"

/* The source ------------------------------------------------------------------------------------------------------ */

void lc_onnx_release(void *owned)
{
    lc_onnx_source *s = owned;
    lc_external_free(&s->files);
    for (size_t i = 0; i < s->given_count; i++) {
        onnx__tensor_proto__free_unpacked(s->given[i], NULL);
    }
    onnx__model_proto__free_unpacked(s->proto, NULL);
    lc_constants_free(&s->made);
    free(s->constants);
    free(s->given);
    free(s->path);
    free(s);
}

lc_status lc_onnx_note_constants(lc_onnx_source *s, const lc_graph *g)
{
    LC_TRY(lc_alloc_array(&s->constants, g->value_count, sizeof *s->constants));
    s->constant_count = g->value_count;
    for (size_t v = 0; v < g->value_count; v++) {
        s->constants[v] = g->values[v].t.data;
    }
    return LC_OK;
}

lc_status lc_onnx_raw(lc_onnx_source *s, const Onnx__TensorProto *t, lc_raw_tensor *out)
{
    *out = (lc_raw_tensor){.name = t->name ? t->name : "", .type = t->data_type, .rank = t->n_dims, .dims = t->dims};
    if (t->has_data_location && t->data_location != 0) {
        const char *location = "", *offset = NULL, *length = NULL;
        for (size_t i = 0; i < t->n_external_data; i++) {
            const char *key = t->external_data[i]->key, *text = t->external_data[i]->value;
            if (key && text) {
                location = strcmp(key, "location") == 0 ? text : location;
                offset = strcmp(key, "offset") == 0 ? text : offset;
                length = strcmp(key, "length") == 0 ? text : length;
            }
        }
        return lc_external_find(&s->files, &s->made, s->path, location, offset, length, out);
    }
    if (t->has_raw_data) {
        out->data = t->raw_data.data;
        out->bytes = t->raw_data.len;
    } else if (t->n_float_data) {
        out->listed = LC_LISTED_FLOAT;
        out->data = t->float_data;
        out->bytes = t->n_float_data * sizeof *t->float_data;
    } else if (t->n_double_data) {
        out->listed = LC_LISTED_DOUBLE;
        out->data = t->double_data;
        out->bytes = t->n_double_data * sizeof *t->double_data;
    } else if (t->n_int64_data) {
        out->listed = LC_LISTED_INT64;
        out->data = t->int64_data;
        out->bytes = t->n_int64_data * sizeof *t->int64_data;
    } else {
        out->listed = LC_LISTED_INT32;
        out->data = t->int32_data;
        out->bytes = t->n_int32_data * sizeof *t->int32_data;
    }
    return LC_OK;
}

/* Pieces ---------------------------------------------------------------------------------------------------------- */

lc_status lc_onnx_own(lc_onnx_pieces *p, void *block)
{
    lc_status status = lc_grow(&p->blocks, &p->capacity, p->count + 1, sizeof *p->blocks);
    if (status != LC_OK) {
        free(block);
        return status;
    }
    p->blocks[p->count++] = block;
    return LC_OK;
}

lc_status lc_onnx_piece(lc_onnx_pieces *p, size_t count, size_t size, void *out)
{
    void *block;
    LC_TRY(lc_alloc_array(&block, count, size));
    LC_TRY(lc_onnx_own(p, block));
    *(void **)out = block;
    return LC_OK;
}

lc_status lc_onnx_text(lc_onnx_pieces *p, const char *text, char **out)
{
    LC_TRY(lc_onnx_piece(p, strlen(text) + 1, 1, out));
    strcpy(*out, text);
    return LC_OK;
}

void lc_onnx_pieces_free(lc_onnx_pieces *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->blocks[i]);
    }
    free(p->blocks);
}

lc_status lc_onnx_tensor(lc_onnx_pieces *p, const char *name, int type, size_t rank, const size_t *dims, const void *data,
                         size_t bytes, Onnx__TensorProto **out)
{
    Onnx__TensorProto *t;
    LC_TRY(lc_onnx_piece(p, 1, sizeof *t, &t));
    *t = (Onnx__TensorProto)ONNX__TENSOR_PROTO__INIT;
    LC_TRY(lc_onnx_text(p, name, &t->name));
    LC_TRY(lc_onnx_piece(p, rank, sizeof *t->dims, &t->dims));
    for (size_t i = 0; i < rank; i++) {
        t->dims[i] = (int64_t)dims[i];
    }
    t->n_dims = rank;
    t->has_data_type = true;
    t->data_type = type;
    t->has_raw_data = true;
    t->raw_data = (ProtobufCBinaryData){bytes, (uint8_t *)(uintptr_t)data}; /* packing only reads */
    *out = t;
    return LC_OK;
}

lc_status lc_onnx_value(lc_onnx_pieces *p, const char *name, int type, size_t rank, const size_t *dims,
                        Onnx__TensorShapeProto__Dimension *batch, Onnx__ValueInfoProto **out)
{
    Onnx__ValueInfoProto *v;
    Onnx__TypeProto__Tensor *tensor;
    LC_TRY(lc_onnx_piece(p, 1, sizeof *v, &v));
    *v = (Onnx__ValueInfoProto)ONNX__VALUE_INFO_PROTO__INIT;
    LC_TRY(lc_onnx_text(p, name, &v->name));
    LC_TRY(lc_onnx_piece(p, 1, sizeof *v->type, &v->type));
    *v->type = (Onnx__TypeProto)ONNX__TYPE_PROTO__INIT;
    v->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    LC_TRY(lc_onnx_piece(p, 1, sizeof *tensor, &tensor));
    *tensor = (Onnx__TypeProto__Tensor)ONNX__TYPE_PROTO__TENSOR__INIT;
    v->type->tensor_type = tensor;
    tensor->has_elem_type = true;
    tensor->elem_type = type;
    LC_TRY(lc_onnx_piece(p, 1, sizeof *tensor->shape, &tensor->shape));
    *tensor->shape = (Onnx__TensorShapeProto)ONNX__TENSOR_SHAPE_PROTO__INIT;
    LC_TRY(lc_onnx_piece(p, rank, sizeof *tensor->shape->dim, &tensor->shape->dim));
    for (size_t i = 0; i < rank; i++) {
        Onnx__TensorShapeProto__Dimension *d = i == 0 ? batch : NULL;
        if (!d) {
            LC_TRY(lc_onnx_piece(p, 1, sizeof *d, &d));
            *d = (Onnx__TensorShapeProto__Dimension)ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT;
            d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            d->dim_value = (int64_t)dims[i];
        }
        tensor->shape->dim[tensor->shape->n_dim++] = d;
    }
    *out = v;
    return LC_OK;
}

/* The file's own graph -------------------------------------------------------------------------------------------- */

/* What stands under a name of the file. */
typedef struct {
    bool wanted;
    Onnx__TensorProto *tensor; /* an initializer */
    size_t constant;           /* of the graph, replaced since it was read; LC_NO_VALUE: none */
    char *called;              /* its new name, or NULL */
} item;

typedef struct {
    lc_onnx_source *source;
    const lc_graph *graph;
    const lc_model_part *part;
    lc_onnx_pieces *owner;
    lc_names names; /* to items */
    item *items;    /* as many as the file can have names */
} pruner;

static lc_status item_of(pruner *w, const char *name, item **out)
{
    size_t *number;
    LC_TRY(lc_names_put(&w->names, name, strlen(name), w->names.count, &number));
    *out = &w->items[*number];
    return LC_OK;
}

static size_t count_names(const Onnx__GraphProto *g, const lc_graph *graph, const lc_model_part *part)
{
    size_t names = g->n_initializer + graph->value_count + 2 * part->count;
    for (size_t i = 0; i < g->n_node; i++) {
        names += g->node[i]->n_input + g->node[i]->n_output;
    }
    return names;
}

/* Which names are initializers, and which the graph has other numbers for by now. */
static lc_status find_constants(pruner *w, const Onnx__GraphProto *g)
{
    item *it;
    for (size_t i = 0; i < g->n_initializer; i++) {
        LC_TRY(item_of(w, g->initializer[i]->name ? g->initializer[i]->name : "", &it));
        it->tensor = g->initializer[i];
    }
    for (size_t v = 0; v < w->graph->value_count; v++) {
        const lc_value *value = &w->graph->values[v];
        if (!value->t.data || (v < w->source->constant_count && w->source->constants[v] == value->t.data)) {
            continue;
        }
        if (!value->name[0]) {
            return lc_fail(LC_ERR_UNSUPPORTED, "a constant without a name was changed");
        }
        LC_TRY(item_of(w, value->name, &it));
        it->constant = v;
        if (it->tensor && it->tensor->data_type != LC_ONNX_FLOAT) {
            return lc_fail(LC_ERR_UNSUPPORTED, "'%s' was changed, but is not float32 in the file", value->name);
        }
    }
    return LC_OK;
}

/* The value of an output by its new name, unless something else is called so. */
static lc_status name_outputs(pruner *w)
{
    for (size_t i = 0; i < w->part->count; i++) {
        const char *name = w->part->names[i];
        item *it;
        LC_TRY(item_of(w, w->graph->values[w->part->values[i]].name, &it));
        it->wanted = true;
        if (!lc_names_get(&w->names, name, strlen(name)) && !it->called) {
            item *taken;
            LC_TRY(lc_onnx_text(w->owner, name, &it->called));
            LC_TRY(item_of(w, it->called, &taken));
        }
    }
    return LC_OK;
}

static lc_status rename_all(pruner *w, size_t count, char **names, char ***out)
{
    LC_TRY(lc_onnx_piece(w->owner, count, sizeof **out, out));
    for (size_t i = 0; i < count; i++) {
        item *it;
        LC_TRY(item_of(w, names[i], &it));
        (*out)[i] = it->called ? it->called : names[i];
    }
    return LC_OK;
}

/* Is the node needed for something that is wanted? Then so is what it reads. */
static lc_status want(pruner *w, const Onnx__NodeProto *n, bool *needed)
{
    item *it;
    *needed = false;
    for (size_t i = 0; i < n->n_output; i++) {
        LC_TRY(item_of(w, n->output[i], &it));
        *needed = *needed || (n->output[i][0] && it->wanted && it->constant == LC_NO_VALUE);
    }
    for (size_t i = 0; *needed && i < n->n_input; i++) {
        LC_TRY(item_of(w, n->input[i], &it));
        it->wanted = true;
    }
    return LC_OK;
}

/* Nodes stand in order of computation, so one backward pass finds them. */
static lc_status prune_nodes(pruner *w, const Onnx__GraphProto *from, Onnx__GraphProto *to)
{
    bool *needed;
    LC_TRY(lc_onnx_piece(w->owner, from->n_node, sizeof *needed, &needed));
    for (size_t i = from->n_node; i-- > 0;) {
        LC_TRY(want(w, from->node[i], &needed[i]));
    }
    to->n_node = 0;
    LC_TRY(lc_onnx_piece(w->owner, from->n_node, sizeof *to->node, &to->node));
    for (size_t i = 0; i < from->n_node; i++) {
        if (needed[i]) {
            Onnx__NodeProto *n;
            LC_TRY(lc_onnx_piece(w->owner, 1, sizeof *n, &n));
            *n = *from->node[i];
            LC_TRY(rename_all(w, n->n_input, n->input, &n->input));
            LC_TRY(rename_all(w, n->n_output, n->output, &n->output));
            to->node[to->n_node++] = n;
        }
    }
    return LC_OK;
}

/* A replaced constant. One that the graph sees as a map of height 1 keeps the file's shape. */
static lc_status replaced(pruner *w, const item *it, Onnx__TensorProto **out)
{
    const lc_value *v = &w->graph->values[it->constant];
    size_t count = lc_tensor_count(&v->t), own = 1;
    LC_TRY(lc_onnx_tensor(w->owner, v->name, LC_ONNX_FLOAT, v->t.rank, v->t.dims, v->t.data, count * sizeof(float), out));
    for (size_t i = 0; it->tensor && i < it->tensor->n_dims; i++) {
        own *= (size_t)it->tensor->dims[i];
    }
    if (it->tensor && own == count) {
        (*out)->n_dims = it->tensor->n_dims;
        (*out)->dims = it->tensor->dims;
    }
    return LC_OK;
}

/* An initializer as it was; what lies in a file beside the source comes into this one. */
static lc_status kept(pruner *w, Onnx__TensorProto *tensor, Onnx__TensorProto **out)
{
    lc_raw_tensor raw;
    *out = tensor;
    if (!tensor->has_data_location || tensor->data_location == 0) {
        return LC_OK;
    }
    LC_TRY(lc_onnx_raw(w->source, tensor, &raw));
    static const size_t sizes[] = {[LC_ONNX_FLOAT] = 4, [LC_ONNX_UINT8] = 1, [LC_ONNX_INT8] = 1, [LC_ONNX_UINT16] = 2,
                                   [LC_ONNX_INT16] = 2, [LC_ONNX_INT32] = 4, [LC_ONNX_INT64] = 8, [LC_ONNX_BOOL] = 1,
                                   [LC_ONNX_FLOAT16] = 2, [LC_ONNX_DOUBLE] = 8, [LC_ONNX_UINT32] = 4,
                                   [LC_ONNX_UINT64] = 8, [LC_ONNX_BFLOAT16] = 2};
    size_t dims[LC_MAX_RANK], bytes = raw.type > 0 && raw.type <= LC_ONNX_BFLOAT16 ? sizes[raw.type] : 0;
    for (size_t i = 0; i < raw.rank; i++) {
        if (i == LC_MAX_RANK || raw.dims[i] < 0 || !lc_mul(bytes, (size_t)raw.dims[i], &bytes)) {
            return lc_fail(LC_ERR_FORMAT, "tensor '%s' has no size", raw.name);
        }
        dims[i] = (size_t)raw.dims[i];
    }
    if (bytes > raw.bytes) {
        return lc_fail(LC_ERR_FORMAT, "tensor '%s' has %zu bytes of %zu", raw.name, raw.bytes, bytes);
    }
    return lc_onnx_tensor(w->owner, raw.name, raw.type, raw.rank, dims, raw.data, bytes, out);
}

static lc_status prune_constants(pruner *w, Onnx__GraphProto *to)
{
    LC_TRY(lc_onnx_piece(w->owner, w->names.count, sizeof *to->initializer, &to->initializer));
    to->n_initializer = 0;
    for (size_t i = 0; i < w->names.count; i++) {
        item *it = &w->items[i];
        Onnx__TensorProto *t = NULL;
        if (it->wanted && it->constant != LC_NO_VALUE) {
            LC_TRY(replaced(w, it, &t));
        } else if (it->wanted && it->tensor) {
            LC_TRY(kept(w, it->tensor, &t));
        }
        if (t) {
            to->initializer[to->n_initializer++] = t;
        }
    }
    return LC_OK;
}

/* The pictures, in the size that the graph has by now; constants need not stand among the inputs since IR version 4. */
static lc_status prune_inputs(pruner *w, Onnx__ModelProto *model, const Onnx__GraphProto *from)
{
    const lc_value *pictures = &w->graph->values[w->graph->input];
    Onnx__GraphProto *to = model->graph;
    LC_TRY(lc_onnx_piece(w->owner, 1, sizeof *to->input, &to->input));
    to->n_input = 0;
    model->has_ir_version = true;
    model->ir_version = model->ir_version < 4 ? 4 : model->ir_version;
    for (size_t i = 0; i < from->n_input && to->n_input == 0; i++) {
        if (!from->input[i]->name || strcmp(from->input[i]->name, pictures->name) != 0) {
            continue;
        }
        const Onnx__TypeProto__Tensor *type = from->input[i]->type->tensor_type;
        const size_t *d = pictures->t.dims;
        bool last = type->shape->dim[1]->dim_value != (int64_t)d[3]; /* channels */
        size_t dims[] = {1, last ? d[1] : d[3], last ? d[2] : d[1], last ? d[3] : d[2]};
        LC_TRY(lc_onnx_value(w->owner, pictures->name, type->elem_type, 4, dims, type->shape->dim[0], &to->input[0]));
        for (size_t k = 1; k < 4; k++) { /* what the file leaves open stays so */
            bool open = type->shape->dim[k]->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            Onnx__TensorShapeProto__Dimension **dim = &to->input[0]->type->tensor_type->shape->dim[k];
            *dim = open ? type->shape->dim[k] : *dim;
        }
        to->n_input = 1;
    }
    return LC_OK;
}

static lc_status prune(pruner *w, Onnx__ModelProto **out)
{
    const Onnx__ModelProto *from = w->source->proto;
    Onnx__ModelProto *model;
    LC_TRY(lc_onnx_piece(w->owner, 1, sizeof *model, &model));
    *model = *from;
    LC_TRY(lc_onnx_piece(w->owner, 1, sizeof *model->graph, &model->graph));
    *model->graph = *from->graph;
    model->graph->base.n_unknown_fields = 0; /* notes on values, many of which go */
    size_t names = count_names(from->graph, w->graph, w->part);
    LC_TRY(lc_onnx_piece(w->owner, names, sizeof *w->items, &w->items));
    for (size_t i = 0; i < names; i++) {
        w->items[i].constant = LC_NO_VALUE;
    }
    LC_TRY(find_constants(w, from->graph));
    /* All names of the file are known before new ones are given. */
    for (size_t i = 0; i < from->graph->n_node; i++) {
        item *it;
        for (size_t k = 0; k < from->graph->node[i]->n_output; k++) {
            LC_TRY(item_of(w, from->graph->node[i]->output[k], &it));
        }
    }
    LC_TRY(name_outputs(w));
    LC_TRY(prune_nodes(w, from->graph, model->graph));
    LC_TRY(prune_constants(w, model->graph));
    LC_TRY(prune_inputs(w, model, from->graph));
    *out = model;
    return LC_OK;
}

/* The file ---------------------------------------------------------------------------------------------------------- */

/* The last name of what the node makes; the part's name, where it could have it. */
static const char *output_name(const pruner *w, const lc_model_part *part, size_t i)
{
    const char *own = w->graph->values[part->values[i]].name;
    const size_t *number = w->source ? lc_names_get(&w->names, own, strlen(own)) : NULL;
    return !w->source ? part->names[i] : number && w->items[*number].called ? w->items[*number].called : own;
}

static lc_status add_outputs(pruner *w, Onnx__ModelProto *model)
{
    Onnx__GraphProto *g = model->graph;
    const Onnx__TypeProto__Tensor *input = g->input[0]->type->tensor_type;
    LC_TRY(lc_onnx_piece(w->owner, w->part->count, sizeof *g->output, &g->output));
    for (g->n_output = 0; g->n_output < w->part->count; g->n_output++) {
        size_t i = g->n_output;
        lc_tensor t = lc_graph_file_shape(w->graph, w->part->values[i]);
        bool rows = t.rank && t.dims[0] == 1;
        LC_TRY(lc_onnx_value(w->owner, output_name(w, w->part, i), input->elem_type, t.rank, t.dims,
                             rows ? input->shape->dim[0] : NULL, &g->output[i]));
        if (!rows) { /* pictures and something else in one dimension */
            g->output[i]->type->tensor_type->shape = NULL;
        }
    }
    return LC_OK;
}

static lc_status add_metadata(pruner *w, Onnx__ModelProto *model)
{
    const char *key;
    const lc_json *value;
    LC_TRY(lc_onnx_piece(w->owner, lc_json_size(w->part->metadata), sizeof *model->metadata_props, &model->metadata_props));
    model->n_metadata_props = 0;
    for (void *at = NULL; lc_json_each(w->part->metadata, &at, &key, &value);) {
        Onnx__StringStringEntryProto *e;
        const char *text = lc_json_string(w->part->metadata, key);
        LC_TRY(lc_onnx_piece(w->owner, 1, sizeof *e, &e));
        *e = (Onnx__StringStringEntryProto)ONNX__STRING_STRING_ENTRY_PROTO__INIT;
        LC_TRY(lc_onnx_text(w->owner, key, &e->key));
        LC_TRY(lc_onnx_text(w->owner, text ? text : "", &e->value));
        model->metadata_props[model->n_metadata_props++] = e;
    }
    return LC_OK;
}

/* protobuf-c packs into one of these; the first failure is kept. */
typedef struct {
    ProtobufCBuffer base;
    lc_file_writer *file;
    lc_status status;
} sink;

static void append(ProtobufCBuffer *buffer, size_t size, const uint8_t *data)
{
    sink *s = (sink *)(void *)buffer;
    s->status = s->status == LC_OK ? lc_file_append(s->file, data, size) : s->status;
}

static lc_status pack(const Onnx__ModelProto *model, const char *path)
{
    sink s = {.base = {.append = append}};
    size_t size = onnx__model_proto__get_packed_size(model);
    if (size > INT32_MAX) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%s: an ONNX file has at most 2 GiB, this would have %zu bytes", path, size);
    }
    LC_TRY(lc_file_create(&s.file, path));
    onnx__model_proto__pack_to_buffer(model, &s.base);
    if (s.status != LC_OK) {
        lc_file_discard(s.file);
        return s.status;
    }
    return lc_file_finish(s.file);
}

lc_status lc_onnx_write(const lc_model *m, const lc_model_part *part, const char *path)
{
    lc_onnx_pieces owner = {0};
    Onnx__ModelProto *model = NULL;
    pruner w = {.source = m->source, .graph = m->graph, .part = part, .owner = &owner};
    lc_status status = m->source ? prune(&w, &model) : lc_onnx_export(m->graph, part, &owner, &model);
    if (status == LC_OK) {
        status = add_outputs(&w, model);
    }
    if (status == LC_OK) {
        status = add_metadata(&w, model);
    }
    if (status == LC_OK) {
        status = pack(model, path);
    }
    lc_names_free(&w.names);
    lc_onnx_pieces_free(&owner);
    return status;
}
