#include "extractor/models/onnx_line.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/ops/shape.h"
#include "extractor/ops/window.h"

static bool has_window(const lc_op *op)
{
    return op == &lc_op_conv || op == &lc_op_maxpool || op == &lc_op_avgpool;
}

bool lc_line_is(const lc_graph *g, const lc_op *op, size_t x)
{
    bool of_maps = has_window(op) || op == &lc_op_global_avgpool || op == &lc_op_global_maxpool;
    return of_maps && x != LC_NO_VALUE && !g->values[x].t.data && g->values[x].t.rank == 3;
}

/* One number for the length becomes two, 1 for the height before it. */
static void widen(lc_ints *list)
{
    if (list->count == 1) {
        *list = (lc_ints){2, {1, list->v[0]}};
    }
}

static void widen_window(lc_window_params *w)
{
    widen(&w->kernel_shape);
    widen(&w->strides);
    widen(&w->dilations);
    if (w->pads.count == 2) {
        w->pads = (lc_ints){4, {0, w->pads.v[0], 0, w->pads.v[1]}};
    }
}

static lc_status hidden_view(lc_graph *g, const lc_op *op, size_t x, const char *out_name, size_t *out)
{
    const lc_axes_params params = {.axes = {1, {2}}};
    LC_TRY(lc_graph_node(g, op, "", &params, &x, 1, out_name, out));
    g->nodes[g->values[*out].node].hidden = true;
    return LC_OK;
}

lc_status lc_line_node(lc_graph *g, const lc_op *op, const char *name, const void *params, const size_t *in, size_t inputs,
                       const char *out_name, size_t *out)
{
    size_t *ins, map = LC_NO_VALUE;
    void *wide = NULL;
    LC_TRY(lc_alloc_array(&ins, inputs, sizeof *ins));
    memcpy(ins, in, inputs * sizeof *in);
    lc_status status = lc_alloc_array(&wide, op->params_size, 1);
    if (status == LC_OK && has_window(op)) {
        memcpy(wide, params, op->params_size);
        widen_window(wide); /* which their parameters begin with */
    }
    if (status == LC_OK) {
        status = hidden_view(g, &lc_op_unsqueeze, in[0], "", &ins[0]);
    }
    if (status == LC_OK && inputs > 1 && in[1] != LC_NO_VALUE && g->values[in[1]].t.data && g->values[in[1]].t.rank == 3) {
        const lc_tensor w = g->values[in[1]].t;
        status = lc_graph_constant(g, g->values[in[1]].name, 4, (size_t[]){w.dims[0], w.dims[1], 1, w.dims[2]}, w.data, &ins[1]);
    }
    if (status == LC_OK) {
        status = lc_graph_node(g, op, name, wide, ins, inputs, out_name, &map);
    }
    free(wide);
    free(ins);
    LC_TRY(status);
    return hidden_view(g, &lc_op_squeeze, map, out_name, out);
}

size_t lc_line_map(const lc_graph *g, size_t value)
{
    const lc_node *n = &g->nodes[g->values[value].node];
    return n->hidden && n->op == &lc_op_squeeze ? n->in[0] : value;
}
