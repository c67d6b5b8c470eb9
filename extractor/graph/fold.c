/*
 * Which nodes run, and which become the epilogue of the one before them.
 *
 * A node B joins the layer A whose output it reads when nobody else reads that output, it is no tap, and either A's operator
 * honours epilogues and B's stage still fits behind the stages A has, or B is a function of each number and A's operator
 * applies such. x f(x), in ONNX two nodes, is one too: then those two alone read x. A runs at B's place (its inputs are alive
 * until there, and a residual must be computed before), and makes B's value.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/graph/plan.h"

bool lc_plan_is_tap(const lc_plan *plan, size_t value)
{
    for (size_t i = 0; i < plan->tap_count; i++) {
        if (plan->taps[i] == value) {
            return true;
        }
    }
    return false;
}

typedef struct {
    lc_plan *plan;
    const bool *needed;
} preparation;

/* Packs the weights of one node, if it is needed. */
static lc_status prepare(void *context, size_t node)
{
    const preparation *r = context;
    lc_plan *p = r->plan;
    const lc_node *n = &p->graph->nodes[node];
    if (!n->op->prepare || !r->needed[node]) {
        return LC_OK;
    }
    const lc_tensor **in;
    lc_tensor out = p->graph->values[n->out].t;
    LC_TRY(lc_alloc_array(&in, n->inputs + 1, sizeof *in));
    lc_op_call c = lc_graph_call(p->graph, node, in, &out);
    c.kernels = p->kernels;
    c.arithmetic = p->arithmetic;
    lc_status status = n->op->prepare(&c, &p->states[node]);
    free(in);
    return status == LC_OK ? LC_OK : lc_fail_in(status, "node '%s'", n->name);
}

/* Tries to make node b, reading step a's value as its input `main`, the next stage of a; `in` has room for b's inputs. */
static bool join(const lc_plan *p, lc_step *a, size_t b, size_t main, const lc_tensor **in)
{
    const lc_node *n = &p->graph->nodes[b];
    lc_tensor out = p->graph->values[n->out].t;
    lc_op_call c = lc_graph_call(p->graph, b, in, &out);
    c.state = p->states[b];
    lc_epilogue e = a->epilogue;
    const float present = 0; /* stands for the residual, whose address is known when the plan runs */
    int addend;
    e.residual = a->residual == LC_NO_VALUE ? NULL : &present;
    if (!n->op->stage(&c, &e, &addend)) {
        return false;
    }
    if (addend >= 0) {
        a->residual = n->in[main == 0 ? (size_t)addend : 0];
    }
    e.residual = NULL;
    a->epilogue = e;
    a->out = n->out;
    return true;
}

/* What the search for folds knows of values: how many nodes read them, and the step + 1 that makes them. */
typedef struct {
    size_t *readers, *maker;
} uses;

/* The step that makes value v, if its operator has these flags, `readers` nodes alone read v and no function of its
 * numbers has been folded into it; NULL: there is none. */
static lc_step *maker_of(const lc_plan *p, const uses *u, size_t v, unsigned flags, size_t readers)
{
    lc_step *made = v == LC_NO_VALUE || !u->maker[v] ? NULL : &p->steps[u->maker[v] - 1];
    return made && (p->graph->nodes[made->node].op->flags & flags) == flags && u->readers[v] == readers && !lc_plan_is_tap(p, v) &&
           !made->activation.there ? made : NULL;
}

/* The step that node b becomes an activation of, as a function of the step's numbers, or (SiLU, hard swish in ONNX) as their
 * product with one. *gate: then the step of that function. NULL: none. */
static lc_step *activate(const lc_plan *p, const uses *u, size_t b, const lc_tensor **in, lc_step **gate)
{
    const lc_graph *g = p->graph;
    const lc_node *n = &g->nodes[b];
    *gate = NULL;
    for (size_t i = 0; i < 2 && n->op == &lc_op_mul; i++) {
        lc_step *f = maker_of(p, u, n->in[1 - i], 0, 1), *made = maker_of(p, u, n->in[i], LC_OP_ACTIVATION, 2);
        const lc_node *function = f ? &g->nodes[f->node] : NULL;
        if (made && function && function->op->activation && function->out == f->out && function->in[0] == n->in[i]) {
            *gate = f;
            b = f->node;
            break;
        }
    }
    lc_step *made = maker_of(p, u, g->nodes[b].inputs ? g->nodes[b].in[0] : LC_NO_VALUE, LC_OP_ACTIVATION, *gate ? 2 : 1);
    lc_tensor out = g->values[g->nodes[b].out].t;
    lc_op_call c = lc_graph_call(g, b, in, &out);
    if (!made || !g->nodes[b].op->activation) {
        return NULL;
    }
    made->activation = g->nodes[b].op->activation(&c);
    made->activation.gate = *gate;
    made->out = n->out;
    return made;
}

lc_status lc_plan_fold(lc_plan *p, lc_threads *threads)
{
    const lc_graph *g = p->graph;
    bool *needed = NULL;
    uses u = {0};
    const lc_tensor **in = NULL;
    lc_status status = lc_alloc_array(&needed, g->node_count, sizeof *needed);
    if (status == LC_OK) {
        status = lc_alloc_array(&u.readers, g->value_count, sizeof *u.readers);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&u.maker, g->value_count, sizeof *u.maker);
    }
    for (size_t n = 0; n < g->node_count; n++) {
        p->max_inputs = g->nodes[n].inputs > p->max_inputs ? g->nodes[n].inputs : p->max_inputs;
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&in, p->max_inputs + 1, sizeof *in);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&p->steps, g->node_count, sizeof *p->steps);
    }
    if (status != LC_OK) {
        goto done;
    }
    lc_graph_needed(g, p->taps, p->tap_count, needed);
    preparation packing = {p, needed};
    status = lc_parallel_for(threads, g->node_count, prepare, &packing);
    if (status != LC_OK) {
        goto done;
    }
    for (size_t n = 0; n < g->node_count; n++) {
        for (size_t i = 0; needed[n] && i < g->nodes[n].inputs; i++) {
            if (g->nodes[n].in[i] != LC_NO_VALUE) {
                u.readers[g->nodes[n].in[i]]++;
            }
        }
    }
    for (size_t n = 0; n < g->node_count; n++) {
        if (!needed[n]) {
            continue;
        }
        const lc_node *node = &g->nodes[n];
        lc_step step = {.node = n, .out = node->out, .epilogue = lc_epilogue_none(), .residual = LC_NO_VALUE};
        size_t tries = !node->op->stage ? 0 : node->op->flags & LC_OP_COMMUTES ? 2 : 1;
        lc_step *into = NULL, *gate = NULL;
        for (size_t i = 0; i < tries && !into; i++) {
            into = maker_of(p, &u, node->in[i], LC_OP_EPILOGUE, 1);
            into = into && join(p, into, n, i, in) ? into : NULL;
        }
        into = into ? into : activate(p, &u, n, in, &gate);
        if (into) {
            step = *into;
            into->out = LC_NO_VALUE; /* moved here */
        }
        if (gate) {
            gate->out = LC_NO_VALUE;
        }
        p->steps[p->step_count++] = step;
        u.maker[step.out] = p->step_count;
    }
    size_t kept = 0;
    for (size_t i = 0; i < p->step_count; i++) {
        if (p->steps[i].out != LC_NO_VALUE) {
            p->steps[kept++] = p->steps[i];
        }
    }
    p->step_count = kept;
done:
    free(needed);
    free(u.readers);
    free(u.maker);
    free(in);
    return status;
}
