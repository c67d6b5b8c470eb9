#include <stdlib.h>

#include "common/clock.h"
#include "common/memory.h"
#include "extractor/graph/plan.h"

struct lc_exec {
    const lc_plan *plan;
    float *arena, *scratch;
    lc_tensor *values;    /* by value: shape for the present batch, place in the arena */
    const lc_tensor **in; /* inputs of the step in work */
    lc_tensor *one;       /* the same of one picture */
    size_t pictures;      /* of the last run */
    double *seconds;      /* by step, of a profile; or NULL */
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
    if (status == LC_OK) {
        status = lc_alloc_array(&x->one, plan->max_inputs + 1, sizeof *x->one);
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
        free(x->one);
        free(x);
    }
}

void lc_exec_profile(lc_exec *x, double *seconds)
{
    x->seconds = seconds;
}

float *lc_exec_input(lc_exec *x)
{
    return x->values[x->plan->graph->input].data;
}

float *lc_exec_input_of(lc_exec *x, size_t value)
{
    return x->values[value].data;
}

/* A tensor of one picture: the p-th of the blocks that value v holds; constants are the same for all. */
static void one_picture(const lc_exec *x, size_t v, size_t p, lc_tensor *t)
{
    *t = x->plan->graph->values[v].t;
    if (x->plan->offsets[v] != LC_NO_VALUE) {
        t->data = x->values[v].data + p * lc_tensor_count(t);
    }
}

/* Runs a step whose node cannot take several pictures as one batch. */
static lc_status run_single(lc_exec *x, const lc_step *step, lc_op_call c, size_t n)
{
    const lc_node *node = &x->plan->graph->nodes[step->node];
    lc_tensor out, residual;
    c.out = &out;
    for (size_t p = 0; p < n; p++) {
        for (size_t i = 0; i < node->inputs; i++) {
            if (node->in[i] != LC_NO_VALUE) {
                one_picture(x, node->in[i], p, &x->one[i]);
                x->in[i] = &x->one[i];
            }
        }
        one_picture(x, step->out, p, &out);
        if (step->residual != LC_NO_VALUE) {
            one_picture(x, step->residual, p, &residual);
            c.epilogue.residual = residual.data;
        }
        LC_TRY(node->op->forward(&c));
    }
    return LC_OK;
}

/* dims[0] of a value in a run of n pictures. */
static void set_batch(lc_exec *x, size_t v, size_t n)
{
    const lc_tensor *t = &x->plan->graph->values[v].t;
    if (t->rank > 0 && t->dims[0] == 1) {
        x->values[v].dims[0] = n;
    }
}

lc_status lc_exec_run(lc_exec *x, size_t n, lc_threads *threads)
{
    const lc_plan *p = x->plan;
    const lc_graph *g = p->graph;
    for (size_t v = 0; v < g->value_count; v++) {
        if (g->values[v].node == LC_NO_VALUE && !g->values[v].t.data) {
            set_batch(x, v, n);
        }
    }
    for (size_t s = 0; s < p->step_count; s++) {
        const lc_step *step = &p->steps[s];
        const lc_node *node = &g->nodes[step->node];
        set_batch(x, step->out, n);
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
            .maps = node->maps,
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
        double start = x->seconds ? lc_clock() : 0;
        lc_status status = node->single ? run_single(x, step, c, n) : node->op->forward(&c);
        if (status != LC_OK) {
            return lc_fail_in(status, "node '%s'", node->name);
        }
        if (x->seconds) {
            x->seconds[s] = lc_clock() - start;
        }
    }
    x->pictures = n;
    return LC_OK;
}

lc_tensor lc_exec_tap(const lc_exec *x, size_t i)
{
    size_t v = x->plan->taps[i];
    const lc_tensor *one = &x->plan->graph->values[v].t;
    if (one->rank > 0 && one->dims[0] == 1) {
        return x->values[v];
    }
    return (lc_tensor){.rank = 2, .dims = {x->pictures, lc_tensor_count(one)}, .data = x->values[v].data};
}
