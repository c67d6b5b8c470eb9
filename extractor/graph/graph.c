#include "extractor/graph/graph.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

lc_status lc_graph_new(lc_graph **out, void *owned, void (*release)(void *owned))
{
    lc_status status = lc_alloc_array(out, 1, sizeof **out);
    if (status != LC_OK) {
        if (release) {
            release(owned);
        }
        return status;
    }
    (*out)->owned = owned;
    (*out)->release = release;
    (*out)->input = (*out)->output = LC_NO_VALUE;
    return LC_OK;
}

void lc_graph_free(lc_graph *g)
{
    if (!g) {
        return;
    }
    for (size_t i = 0; i < g->value_count; i++) {
        free(g->values[i].name);
    }
    for (size_t i = 0; i < g->node_count; i++) {
        free(g->nodes[i].name);
        free(g->nodes[i].params);
        free(g->nodes[i].in);
    }
    free(g->values);
    free(g->nodes);
    if (g->release) {
        g->release(g->owned);
    }
    free(g);
}

static lc_status add_value(lc_graph *g, const char *name, const lc_tensor *t, size_t node, size_t *value)
{
    char *copy;
    LC_TRY(lc_grow(&g->values, &g->value_capacity, g->value_count + 1, sizeof *g->values));
    LC_TRY(lc_strdup(&copy, name));
    *value = g->value_count;
    g->values[g->value_count++] = (lc_value){copy, *t, node};
    return LC_OK;
}

lc_status lc_graph_input(lc_graph *g, const char *name, size_t channels, size_t height, size_t width, size_t *value)
{
    lc_tensor t = {.rank = 4, .dims = {1, height, width, channels}};
    LC_TRY(lc_shape_check(t.rank, t.dims));
    LC_TRY(add_value(g, name, &t, LC_NO_VALUE, value));
    g->input = *value;
    return LC_OK;
}

lc_status lc_graph_constant(lc_graph *g, const char *name, size_t rank, const size_t *dims, const float *data, size_t *value)
{
    if (rank > LC_MAX_RANK) {
        return lc_fail(LC_ERR_UNSUPPORTED, "constant '%s' has %zu dimensions; %d are the most", name, rank, LC_MAX_RANK);
    }
    LC_TRY(lc_shape_check(rank, dims));
    /* A constant's data is only read; a tensor's pointer serves outputs too and is not const. */
    lc_tensor t = {.rank = rank, .data = (float *)(uintptr_t)data};
    memcpy(t.dims, dims, rank * sizeof *dims);
    return add_value(g, name, &t, LC_NO_VALUE, value);
}

lc_op_call lc_graph_call(const lc_graph *g, size_t node, const lc_tensor **in, lc_tensor *out)
{
    const lc_node *n = &g->nodes[node];
    for (size_t i = 0; i < n->inputs; i++) {
        in[i] = n->in[i] == LC_NO_VALUE ? NULL : &g->values[n->in[i]].t;
    }
    return (lc_op_call){.params = n->params, .inputs = n->inputs, .in = in, .out = out, .epilogue = lc_epilogue_none()};
}

/* Shapes of node i's output from its inputs. */
static lc_status infer(lc_graph *g, size_t i)
{
    lc_node *n = &g->nodes[i];
    const lc_tensor **in;
    lc_tensor out = {0};
    LC_TRY(lc_alloc_array(&in, n->inputs + 1, sizeof *in));
    lc_op_call c = lc_graph_call(g, i, in, &out);
    /* A constant has no batch, and operators count on one in what they compute from. */
    lc_status status = n->inputs && in[0] && in[0]->data ? lc_fail(LC_ERR_UNSUPPORTED, "computes from a constant alone")
                                                         : n->op->infer(&c);
    n->scratch = c.scratch;
    free(in);
    if (status == LC_OK) {
        out.data = NULL;
        status = lc_shape_check(out.rank, out.dims);
    }
    if (status == LC_OK && (lc_tensor_count(&out) == 0 || out.dims[0] != 1)) {
        status = lc_fail(LC_ERR_SHAPE, "the output would have no elements, or no batch dimension");
    }
    if (status != LC_OK) {
        return lc_fail_in(status, "node '%s' (%s)", n->name[0] ? n->name : g->values[n->out].name, n->op->name);
    }
    g->values[n->out].t = out;
    return LC_OK;
}

void lc_params_default(const lc_op *op, void *params)
{
    for (const lc_attr *a = op->attributes; a && a->name; a++) {
        char *field = (char *)params + a->offset;
        if (a->kind == LC_ATTR_FLOAT) {
            float v = (float)a->fallback;
            memcpy(field, &v, sizeof v);
        } else if (a->kind == LC_ATTR_INT || a->kind == LC_ATTR_AXIS) {
            int64_t v = (int64_t)a->fallback;
            memcpy(field, &v, sizeof v);
        }
    }
}

/* Dimension `axis` of the file's (N,C,H,W) in the engine's (N,H,W,C), for maps; negative counts from the end. */
static int64_t engine_axis(int64_t axis, size_t rank)
{
    static const int64_t of_map[] = {0, 3, 1, 2};
    axis = axis < 0 ? axis + (int64_t)rank : axis;
    return rank == 4 && axis >= 0 && axis < 4 ? of_map[axis] : axis;
}

static lc_status append_node(lc_graph *g, const lc_op *op, const char *name, const void *params, const size_t *in,
                             size_t inputs, const char *out_name, bool hidden, size_t *out)
{
    lc_node node = {.op = op, .inputs = inputs, .hidden = hidden};
    lc_status status = lc_grow(&g->nodes, &g->node_capacity, g->node_count + 1, sizeof *g->nodes);
    if (status == LC_OK) {
        status = lc_strdup(&node.name, name);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&node.params, op->params_size, 1);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&node.in, inputs, sizeof *in);
    }
    if (status == LC_OK) {
        status = add_value(g, out_name, &(lc_tensor){0}, g->node_count, &node.out);
    }
    if (status != LC_OK) {
        free(node.name);
        free(node.params);
        free(node.in);
        return status;
    }
    memcpy(node.in, in, inputs * sizeof *in);
    if (params) {
        memcpy(node.params, params, op->params_size);
    }
    g->nodes[g->node_count++] = node;
    *out = node.out;
    return LC_OK;
}

lc_status lc_graph_node(lc_graph *g, const lc_op *op, const char *name, const void *params, const size_t *in, size_t inputs,
                        const char *out_name, size_t *out)
{
    size_t first = inputs ? in[0] : LC_NO_VALUE, *ins;
    lc_status status = lc_alloc_array(&ins, inputs, sizeof *ins);
    if (status != LC_OK) {
        return status;
    }
    memcpy(ins, in, inputs * sizeof *in);
    size_t rank = first == LC_NO_VALUE ? 0 : g->values[first].t.rank;
    if ((op->flags & LC_OP_PLANAR) && rank == 4 && !g->values[first].t.data) {
        status = append_node(g, &lc_op_planar, "", NULL, &first, 1, "", true, &ins[0]);
        if (status == LC_OK) {
            status = infer(g, g->node_count - 1);
        }
    }
    if (status == LC_OK) {
        status = append_node(g, op, name, params, ins, inputs, out_name, false, out);
    }
    free(ins);
    LC_TRY(status);
    lc_node *n = &g->nodes[g->node_count - 1];
    for (const lc_attr *a = op->attributes; a && a->name; a++) {
        if (a->kind == LC_ATTR_AXIS) {
            int64_t *axis = (int64_t *)(void *)((char *)n->params + a->offset);
            *axis = engine_axis(*axis, rank);
        }
    }
    return infer(g, g->node_count - 1);
}

lc_status lc_graph_resize(lc_graph *g, size_t height, size_t width)
{
    lc_tensor *t = &g->values[g->input].t;
    if (t->dims[1] == height && t->dims[2] == width) {
        return LC_OK;
    }
    t->dims[1] = height;
    t->dims[2] = width;
    LC_TRY(lc_shape_check(t->rank, t->dims));
    for (size_t i = 0; i < g->node_count; i++) {
        lc_status status = infer(g, i);
        if (status != LC_OK) {
            return lc_fail_in(status, "an input of %zux%zu does not fit this network", height, width);
        }
    }
    return LC_OK;
}
