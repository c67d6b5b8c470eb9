/*
 * What a tap costs: the sum over all nodes that it needs. Going back from a node, as soon as only one node is left to
 * be visited, everything else that is needed is what that node needs, whose cost is known. So a chain costs one step per
 * node, a residual block the nodes of the block.
 */
#include <stdlib.h>

#include "common/memory.h"
#include "extractor/graph/taps.h"

typedef struct {
    uint64_t parameters, macs;
} cost;

/* Of node n alone. `in` has room for its inputs. */
static cost own_cost(const lc_graph *g, size_t n, const lc_tensor **in)
{
    const lc_node *node = &g->nodes[n];
    lc_tensor out = g->values[node->out].t;
    lc_op_call c = lc_graph_call(g, n, in, &out);
    cost own = {.macs = node->op->macs ? node->op->macs(&c) : 0};
    for (size_t i = 1; (node->op->flags & LC_OP_LEARNED) && i < node->inputs && i < 3; i++) {
        own.parameters += in[i] && in[i]->data ? lc_tensor_count(in[i]) : 0;
    }
    return own;
}

/* Marks the nodes that node n reads from; how many were not marked. */
static size_t mark_inputs(const lc_graph *g, size_t n, bool *marked)
{
    size_t fresh = 0;
    for (size_t i = 0; i < g->nodes[n].inputs; i++) {
        size_t v = g->nodes[n].in[i], from = v == LC_NO_VALUE ? LC_NO_VALUE : g->values[v].node;
        if (from != LC_NO_VALUE && !marked[from]) {
            marked[from] = true;
            fresh++;
        }
    }
    return fresh;
}

/* all[n] from own[0..n] and all[0..n-1]; marked is clear before and after. */
static void add_up(const lc_graph *g, size_t n, const cost *own, cost *all, bool *marked)
{
    size_t at = n, left = 1;
    marked[n] = true;
    for (;; at--) {
        if (!marked[at]) {
            continue;
        }
        marked[at] = false;
        bool last = left == 1 && at != n;
        all[n].parameters += last ? all[at].parameters : own[at].parameters;
        all[n].macs += last ? all[at].macs : own[at].macs;
        left += last ? 0 : mark_inputs(g, at, marked);
        left--;
        if (left == 0) {
            return;
        }
    }
}

lc_status lc_taps_costs(lc_taps *t, const lc_graph *g)
{
    cost *own = NULL, *all = NULL;
    bool *marked = NULL;
    const lc_tensor **in = NULL;
    size_t most = 0;
    for (size_t n = 0; n < g->node_count; n++) {
        most = g->nodes[n].inputs > most ? g->nodes[n].inputs : most;
    }
    lc_status status = lc_alloc_array(&own, g->node_count, sizeof *own);
    if (status == LC_OK) {
        status = lc_alloc_array(&all, g->node_count, sizeof *all);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&marked, g->node_count, sizeof *marked);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&in, most + 1, sizeof *in);
    }
    for (size_t n = 0; status == LC_OK && n < g->node_count; n++) {
        own[n] = own_cost(g, n, in);
        add_up(g, n, own, all, marked);
    }
    for (size_t i = 0; status == LC_OK && i < t->count; i++) {
        t->taps[i].parameters = all[t->taps[i].node].parameters;
        t->taps[i].macs = all[t->taps[i].node].macs;
    }
    free(own);
    free(all);
    free(marked);
    free(in);
    return status;
}
