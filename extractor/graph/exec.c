#include <stdlib.h>

#include "common/memory.h"
#include "extractor/graph/plan.h"

struct lc_exec {
    const lc_plan *plan;
    float *arena, *scratch;
    lc_tensor *values;    /* by value: shape for the present batch, place in the arena */
    const lc_tensor **in; /* inputs of the step in work */
};

lc_status lc_exec_new(lc_exec **out, const lc_plan *plan)
{
    lc_exec *x;
    *out = NULL;
    LC_TRY(lc_alloc_array(&x, 1, sizeof *x));
    x->plan = plan;
    lc_status status = lc_alloc_raw(&x->arena, plan->arena * plan->batch, sizeof(float));
    if (status == LC_OK) {
        status = lc_alloc_raw(&x->scratch, plan->scratch * plan->batch, sizeof(float));
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&x->values, plan->graph->value_count, sizeof *x->values);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&x->in, plan->max_inputs + 1, sizeof *x->in);
    }
    if (status != LC_OK) {
        lc_exec_free(x);
        return status;
    }
    for (size_t v = 0; v < plan->graph->value_count; v++) {
        x->values[v] = plan->graph->values[v].t;
        if (plan->offsets[v] != LC_NO_VALUE) {
            x->values[v].data = x->arena + plan->offsets[v] * plan->batch;
        }
    }
    *out = x;
    return LC_OK;
}

void lc_exec_free(lc_exec *x)
{
    if (x) {
        free(x->arena);
        free(x->scratch);
        free(x->values);
        free(x->in);
        free(x);
    }
}

float *lc_exec_input(lc_exec *x)
{
    return x->values[x->plan->graph->input].data;
}

lc_status lc_exec_run(lc_exec *x, size_t n, lc_threads *threads)
{
    const lc_plan *p = x->plan;
    const lc_graph *g = p->graph;
    x->values[g->input].dims[0] = n;
    for (size_t s = 0; s < p->step_count; s++) {
        const lc_step *step = &p->steps[s];
        const lc_node *node = &g->nodes[step->node];
        x->values[step->out].dims[0] = n;
        if (!node->op->forward) {
            continue;
        }
        for (size_t i = 0; i < node->inputs; i++) {
            x->in[i] = node->in[i] == LC_NO_VALUE ? NULL : &x->values[node->in[i]];
        }
        lc_op_call c = {
            .params = node->params,
            .state = p->states[step->node],
            .inputs = node->inputs,
            .in = x->in,
            .out = &x->values[step->out],
            .scratch_data = x->scratch,
            .epilogue = step->epilogue,
            .kernels = p->kernels,
            .threads = threads,
        };
        if (step->residual != LC_NO_VALUE) {
            const lc_tensor *r = &x->values[step->residual];
            c.epilogue.residual = r->data;
            c.epilogue.residual_stride = r->dims[r->rank - 1];
        }
        lc_status status = node->op->forward(&c);
        if (status != LC_OK) {
            return lc_fail_in(status, "node '%s'", node->name);
        }
    }
    return LC_OK;
}

lc_tensor lc_exec_tap(const lc_exec *x, size_t i)
{
    return x->values[x->plan->taps[i]];
}
