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
    for (size_t i = 0; i < g->alias_count; i++) {
        free(g->aliases[i].name);
    }
    for (size_t i = 0; i < g->turned_count; i++) {
        free(g->turned[i]);
    }
    free(g->turned);
    free(g->values);
    free(g->nodes);
    free(g->aliases);
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
    g->values[g->value_count++] = (lc_value){.name = copy, .t = *t, .node = node, .twin = LC_NO_VALUE};
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

lc_status lc_graph_plain_input(lc_graph *g, const char *name, size_t rank, const size_t *dims, size_t *value)
{
    lc_tensor t = {.rank = rank};
    if (rank > LC_MAX_RANK) {
        return lc_fail(LC_ERR_UNSUPPORTED, "input '%s' has %zu dimensions; %d are the most", name, rank, LC_MAX_RANK);
    }
    memcpy(t.dims, dims, rank * sizeof *dims);
    LC_TRY(lc_shape_check(rank, dims));
    LC_TRY(add_value(g, name, &t, LC_NO_VALUE, value));
    g->values[*value].planar = rank == 4;
    g->input = g->input == LC_NO_VALUE ? *value : g->input;
    return LC_OK;
}

lc_tensor lc_graph_file_shape(const lc_graph *g, size_t value)
{
    const lc_value *v = &g->values[value];
    lc_tensor t = v->t;
    if (t.rank == 4 && !v->planar) {
        t = (lc_tensor){.rank = 4, .dims = {v->t.dims[0], v->t.dims[3], v->t.dims[1], v->t.dims[2]}};
    }
    return t;
}

size_t lc_graph_shown(const lc_graph *g, size_t value)
{
    const lc_value *v = &g->values[value];
    bool other = v->t.rank == 4 && v->planar == (v->t.dims[0] == 1) && v->twin != LC_NO_VALUE;
    return other ? v->twin : value;
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
    return (lc_op_call){
        .params = n->params, .inputs = n->inputs, .in = in, .out = out, .maps = n->maps, .epilogue = lc_epilogue_none()};
}

static bool is_activation(const lc_graph *g, size_t value)
{
    return value != LC_NO_VALUE && !g->values[value].t.data;
}

/* Are all that node n reads and makes rows of pictures, dims[0] being 1 for one? */
static bool is_batched(const lc_graph *g, const lc_node *n, const lc_tensor *out)
{
    bool batched = out->rank > 0 && out->dims[0] == 1;
    for (size_t i = 0; i < n->inputs && batched; i++) {
        const lc_tensor *t = is_activation(g, n->in[i]) ? &g->values[n->in[i]].t : out;
        batched = t->rank > 0 && t->dims[0] == 1;
    }
    return batched;
}

/* Shapes of node i's output from its inputs. */
static lc_status infer(lc_graph *g, size_t i)
{
    lc_node *n = &g->nodes[i];
    const lc_tensor **in;
    lc_tensor out = {0};
    LC_TRY(lc_alloc_array(&in, n->inputs + 1, sizeof *in));
    lc_op_call c = lc_graph_call(g, i, in, &out);
    lc_status status = n->op->infer(&c);
    if (status == LC_OK) {
        out.data = NULL;
        status = lc_shape_check(out.rank, out.dims);
    }
    if (status == LC_OK && lc_tensor_count(&out) == 0) {
        status = lc_fail(LC_ERR_SHAPE, "the output would have no elements");
    }
    if (status == LC_OK) {
        size_t rows = in[0] && in[0]->rank ? in[0]->dims[0] : 1;
        bool from_constant = in[0] && in[0]->data; /* it has no batch, and operators count on one in input 0 */
        n->single = c.whole || from_constant || !is_batched(g, n, &out);
        if (!lc_mul(c.scratch, n->single ? rows : 1, &n->scratch)) {
            status = lc_fail(LC_ERR_NOMEM, "too large");
        }
        n->scratch_most = c.scratch_most;
    }
    free(in);
    if (status != LC_OK) {
        return lc_fail_in(status, "node '%s' (%s)", n->name[0] ? n->name : g->values[n->out].name, n->op->name);
    }
    g->values[n->out].t = out;
    return LC_OK;
}

static lc_status append_node(lc_graph *g, const lc_op *op, const char *name, const void *params, const size_t *in,
                             size_t inputs, const char *out_name, bool hidden)
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
    return LC_OK;
}

/* Takes back the last node and its value. */
static void drop_node(lc_graph *g)
{
    lc_node *n = &g->nodes[--g->node_count];
    free(g->values[--g->value_count].name);
    free(n->name);
    free(n->params);
    free(n->in);
}

/* *value becomes the same activation in the wanted order, by a hidden node where that is needed. */
static lc_status in_order(lc_graph *g, size_t *value, bool planar)
{
    size_t v = *value;
    if (!is_activation(g, v) || g->values[v].t.rank != 4 || g->values[v].planar == planar) {
        return LC_OK;
    }
    if (g->values[v].twin == LC_NO_VALUE) {
        char *name;
        LC_TRY(lc_strdup(&name, g->values[v].name));
        lc_status status = append_node(g, planar ? &lc_op_planar : &lc_op_channels_last, "", NULL, &v, 1, name, true);
        free(name);
        LC_TRY(status);
        size_t twin = g->nodes[g->node_count - 1].out;
        LC_TRY(infer(g, g->node_count - 1));
        g->values[twin].planar = planar;
        g->values[twin].twin = v;
        g->values[v].twin = twin;
    }
    *value = g->values[v].twin;
    return LC_OK;
}

/* *value, a constant in the file's order, becomes one that broadcasts over channels-last maps. */
static lc_status turn_constant(lc_graph *g, size_t *value)
{
    lc_tensor t = g->values[*value].t;
    size_t d[4] = {1, 1, 1, 1}; /* as (N,C,H,W) */
    float *data;
    if (lc_tensor_count(&t) == 1) {
        return LC_OK;
    }
    memcpy(d + 4 - t.rank, t.dims, t.rank * sizeof *d);
    LC_TRY(lc_grow(&g->turned, &g->turned_capacity, g->turned_count + 1, sizeof *g->turned));
    LC_TRY(lc_alloc_raw(&data, lc_tensor_count(&t), sizeof *data));
    g->turned[g->turned_count++] = data;
    for (size_t n = 0, area = d[2] * d[3]; n < d[0]; n++) {
        for (size_t i = 0; i < area * d[1]; i++) {
            data[n * area * d[1] + i] = t.data[n * area * d[1] + i % d[1] * area + i / d[1]];
        }
    }
    return lc_graph_constant(g, "", 4, (size_t[]){d[0], d[2], d[3], d[1]}, data, value);
}

/* Are maps channels-last for an operator that takes either order? If one is, and nothing else forbids it. */
static bool prefers_maps(const lc_graph *g, const size_t *in, size_t inputs)
{
    bool any = false, other = false;
    for (size_t i = 0; i < inputs; i++) {
        const lc_value *v = in[i] == LC_NO_VALUE ? NULL : &g->values[in[i]];
        if (v && !v->t.data) {
            any = any || (v->t.rank == 4 && !v->planar);
            other = other || v->t.rank != 4;
        } else if (v) {
            other = other || v->t.rank > 4;
        }
    }
    return any && !other;
}

/* The node with maps in one order. On failure the node is not there. */
static lc_status add_in_order(lc_graph *g, const lc_op *op, const char *name, const void *params, const size_t *in,
                              size_t inputs, const char *out_name, bool maps, size_t *out)
{
    size_t *ins, rank = inputs && in[0] != LC_NO_VALUE ? g->values[in[0]].t.rank : 0;
    LC_TRY(lc_alloc_array(&ins, inputs, sizeof *ins));
    memcpy(ins, in, inputs * sizeof *in);
    lc_status status = LC_OK;
    for (size_t i = 0; i < inputs && status == LC_OK; i++) {
        bool constant = in[i] != LC_NO_VALUE && g->values[in[i]].t.data;
        if (!constant) {
            status = in_order(g, &ins[i], !maps);
        } else if (maps && (op->flags & LC_OP_BROADCAST)) {
            status = turn_constant(g, &ins[i]);
        }
    }
    if (status == LC_OK) {
        status = append_node(g, op, name, params, ins, inputs, out_name, false);
    }
    free(ins);
    LC_TRY(status);
    lc_node *n = &g->nodes[g->node_count - 1];
    n->maps = maps;
    lc_params_turn(op, n->params, rank, maps);
    status = infer(g, g->node_count - 1);
    if (status != LC_OK) {
        drop_node(g);
        return status;
    }
    *out = n->out;
    g->values[*out].planar = !maps && g->values[*out].t.rank == 4;
    return LC_OK;
}

lc_status lc_graph_node(lc_graph *g, const lc_op *op, const char *name, const void *params, const size_t *in, size_t inputs,
                        const char *out_name, size_t *out)
{
    bool maps = op->flags & LC_OP_EITHER ? prefers_maps(g, in, inputs) : !(op->flags & LC_OP_PLANAR);
    lc_status status = add_in_order(g, op, name, params, in, inputs, out_name, maps, out);
    if (status != LC_OK && maps && (op->flags & LC_OP_EITHER)) {
        /* What an operator cannot do along channels-last dimensions it may be able to do in the file's order. */
        status = add_in_order(g, op, name, params, in, inputs, out_name, false, out);
    }
    LC_TRY(status);
    size_t shown = *out;
    return g->values[shown].planar && g->values[shown].t.dims[0] == 1 ? in_order(g, &shown, false) : LC_OK;
}

lc_status lc_graph_input_as_file(lc_graph *g, size_t *value)
{
    size_t in = g->input;
    LC_TRY(append_node(g, &lc_op_identity, "", NULL, &in, 1, "", true));
    *value = g->nodes[g->node_count - 1].out;
    LC_TRY(infer(g, g->node_count - 1));
    g->values[*value].planar = true;
    return LC_OK;
}

lc_status lc_graph_alias(lc_graph *g, size_t value, const char *name)
{
    char *copy;
    LC_TRY(lc_grow(&g->aliases, &g->alias_capacity, g->alias_count + 1, sizeof *g->aliases));
    LC_TRY(lc_strdup(&copy, name));
    g->aliases[g->alias_count++] = (lc_alias){copy, value};
    return LC_OK;
}

void lc_graph_needed(const lc_graph *g, const size_t *values, size_t count, bool *needed)
{
    memset(needed, 0, g->node_count * sizeof *needed);
    for (size_t i = 0; i < count; i++) {
        if (g->values[values[i]].node != LC_NO_VALUE) {
            needed[g->values[values[i]].node] = true;
        }
    }
    /* Nodes stand in order of computation, so one backward pass finds them. */
    for (size_t n = g->node_count; n-- > 0;) {
        for (size_t i = 0; needed[n] && i < g->nodes[n].inputs; i++) {
            size_t v = g->nodes[n].in[i];
            if (v != LC_NO_VALUE && g->values[v].node != LC_NO_VALUE) {
                needed[g->values[v].node] = true;
            }
        }
    }
}

/* The other order of a value that stays is what users may see of it. */
static void keep_twins(const lc_graph *g, bool *needed)
{
    for (size_t n = 0; n < g->node_count; n++) {
        const lc_value *out = &g->values[g->nodes[n].out];
        if (out->twin != LC_NO_VALUE && out->twin == g->nodes[n].in[0]) {
            size_t maker = g->values[out->twin].node;
            needed[n] = needed[n] || maker == LC_NO_VALUE || needed[maker];
        }
    }
}

lc_status lc_graph_keep(lc_graph *g, const size_t *values, size_t count)
{
    bool *needed;
    size_t kept = 0;
    LC_TRY(lc_alloc_array(&needed, g->node_count, sizeof *needed));
    lc_graph_needed(g, values, count, needed);
    keep_twins(g, needed);
    for (size_t n = 0; n < g->node_count; n++) {
        lc_node *node = &g->nodes[n];
        if (needed[n]) {
            g->values[node->out].node = kept;
            g->nodes[kept++] = *node;
        } else {
            g->values[node->out].node = LC_NO_VALUE;
            free(node->name);
            free(node->params);
            free(node->in);
        }
    }
    g->node_count = kept;
    g->output = values[0];
    free(needed);
    return LC_OK;
}

lc_status lc_graph_reshape(lc_graph *g)
{
    for (size_t i = 0; i < g->node_count; i++) {
        LC_TRY(infer(g, i));
    }
    return LC_OK;
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
    lc_status status = lc_graph_reshape(g);
    return status == LC_OK ? LC_OK : lc_fail_in(status, "an input of %zux%zu does not fit this network", height, width);
}
