/*
 * Running a plan: the steps before the turn picture by picture, those behind it on the whole batch (see lc_place).
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/memory.h"
#include "extractor/graph/plan.h"

/* What a thread needs to run steps of its own. */
typedef struct {
    float *arena, *scratch;
    size_t scratch_size;
    lc_tensor *values;    /* (max_inputs + 2) inputs, output and residual of the step in work */
    const lc_tensor **in;
    double *seconds;      /* by step, of a profile; or NULL */
} lane;

struct lc_exec {
    const lc_plan *plan;
    float *shared;
    lane *lanes;
    size_t lane_count;
    double *seconds;      /* the caller's, of a profile; or NULL */
    size_t pictures;      /* of the last run */
    _Atomic size_t next;  /* picture that a lane takes, in the present one */
    lc_threads *threads;  /* of the present run, for the steps that they share */
};

lc_status lc_exec_new(lc_exec **out, const lc_plan *plan, size_t lanes)
{
    lc_exec *x;
    *out = NULL;
    LC_TRY(lc_alloc_array(&x, 1, sizeof *x));
    x->plan = plan;
    lc_status status = lc_alloc_raw(&x->shared, plan->shared * plan->batch, sizeof(float));
    if (status == LC_OK) {
        status = lc_alloc_array(&x->lanes, lanes, sizeof *x->lanes);
    }
    x->lane_count = status == LC_OK ? lanes : 0;
    for (size_t i = 0; status == LC_OK && i < lanes; i++) {
        lane *l = &x->lanes[i];
        status = lc_alloc_raw(&l->arena, plan->local, sizeof(float));
        if (status == LC_OK) {
            l->scratch_size = i == 0 ? lc_plan_scratch(plan, lanes) : plan->lane_scratch;
            status = lc_alloc_raw(&l->scratch, l->scratch_size, sizeof(float));
        }
        if (status == LC_OK) {
            status = lc_alloc_array(&l->values, plan->max_inputs + 2, sizeof *l->values);
        }
        if (status == LC_OK) {
            status = lc_alloc_array(&l->in, plan->max_inputs + 1, sizeof *l->in);
        }
        if (status == LC_OK) {
            status = lc_alloc_array(&l->seconds, plan->step_count, sizeof *l->seconds);
        }
    }
    if (status != LC_OK) {
        lc_exec_free(x);
        return status;
    }
    *out = x;
    return LC_OK;
}

void lc_exec_free(lc_exec *x)
{
    if (!x) {
        return;
    }
    for (size_t i = 0; i < x->lane_count; i++) {
        free(x->lanes[i].arena);
        free(x->lanes[i].scratch);
        free(x->lanes[i].values);
        free(x->lanes[i].in);
        free(x->lanes[i].seconds);
    }
    free(x->lanes);
    free(x->shared);
    free(x);
}

void lc_exec_profile(lc_exec *x, double *seconds)
{
    x->seconds = seconds;
}

/* Pictures first.. of value v, n of them; of constants the whole, they are the same for all. */
static lc_tensor value_of(const lc_exec *x, const lane *l, size_t v, size_t first, size_t n)
{
    const lc_place *place = &x->plan->places[v];
    const lc_tensor *one = &x->plan->graph->values[v].t;
    lc_tensor t = *one;
    if (t.data || place->offset == LC_NO_VALUE) {
        return t;
    }
    if (place->local) {
        t.data = l->arena + place->offset + place->column;
        return t;
    }
    size_t each = lc_tensor_count(place->inside == LC_NO_VALUE ? one : &x->plan->graph->values[place->inside].t);
    t.data = x->shared + place->offset * x->plan->batch + first * each + place->column;
    if (t.rank > 0 && t.dims[0] == 1) {
        t.dims[0] = n;
    }
    return t;
}

float *lc_exec_input(lc_exec *x)
{
    return lc_exec_input_of(x, x->plan->graph->input);
}

float *lc_exec_input_of(lc_exec *x, size_t value)
{
    return value_of(x, &x->lanes[0], value, 0, 1).data;
}

/* One call of a step's operator. */
static lc_status run_step(const lc_exec *x, lane *l, const lc_step *step, size_t first, size_t n, lc_threads *threads)
{
    const lc_plan *p = x->plan;
    const lc_node *node = &p->graph->nodes[step->node];
    lc_tensor *out = &l->values[node->inputs];
    for (size_t i = 0; i < node->inputs; i++) {
        l->in[i] = NULL;
        if (node->in[i] != LC_NO_VALUE) {
            l->values[i] = value_of(x, l, node->in[i], first, n);
            l->in[i] = &l->values[i];
        }
    }
    *out = value_of(x, l, step->out, first, n);
    size_t inside = p->places[step->out].inside;
    const lc_tensor *wide = inside == LC_NO_VALUE ? out : &p->graph->values[inside].t;
    lc_op_call c = {
        .params = node->params,
        .state = p->states[step->node],
        .inputs = node->inputs,
        .in = l->in,
        .out = out,
        .out_stride = wide->rank ? wide->dims[wide->rank - 1] : 1,
        .maps = node->maps,
        .scratch_data = l->scratch,
        .scratch_size = l->scratch_size,
        .epilogue = step->epilogue,
        .kernels = p->kernels,
        .threads = threads,
    };
    if (step->residual != LC_NO_VALUE) {
        lc_tensor r = value_of(x, l, step->residual, first, n);
        c.epilogue.residual = r.data;
        c.epilogue.residual_stride = r.dims[r.rank - 1];
    }
    lc_status status = node->op->forward(&c);
    return status == LC_OK ? LC_OK : lc_fail_in(status, "node '%s'", node->name);
}

/* Steps from..to-1 on pictures first.., n of them. */
static lc_status run_steps(const lc_exec *x, lane *l, size_t from, size_t to, size_t first, size_t n, lc_threads *threads)
{
    for (size_t s = from; s < to; s++) {
        const lc_step *step = &x->plan->steps[s];
        const lc_node *node = &x->plan->graph->nodes[step->node];
        if (!node->op->forward) {
            continue;
        }
        double start = x->seconds ? lc_clock() : 0;
        /* A node that cannot take several pictures as one batch runs once for each. */
        size_t runs = node->single ? n : 1, each = node->single ? 1 : n;
        for (size_t i = 0; i < runs; i++) {
            LC_TRY(run_step(x, l, step, first + i, each, threads));
        }
        if (x->seconds) {
            l->seconds[s] += lc_clock() - start;
        }
    }
    return LC_OK;
}

/* Pictures, one by one, up to the turn: a lane takes the next one when it has finished one, for CPUs are not equally fast. */
static lc_status run_lane(void *context, size_t i)
{
    lc_exec *x = context;
    for (size_t picture; (picture = atomic_fetch_add(&x->next, 1)) < x->pictures;) {
        LC_TRY(run_steps(x, &x->lanes[i], 0, x->plan->turn, picture, 1, x->threads));
    }
    return LC_OK;
}

lc_status lc_exec_run(lc_exec *x, size_t n, lc_threads *threads)
{
    const lc_plan *p = x->plan;
    size_t lanes = lc_threads_count(threads);
    lanes = lanes <= n && lanes <= x->lane_count ? lanes : 1;
    for (size_t i = 0; i < x->lane_count; i++) {
        for (size_t s = 0; x->seconds && s < p->step_count; s++) {
            x->lanes[i].seconds[s] = 0;
        }
    }
    x->pictures = n;
    x->next = 0;
    x->threads = lanes > 1 ? NULL : threads;
    LC_TRY(lanes > 1 ? lc_parallel_for(threads, lanes, run_lane, x) : run_lane(x, 0));
    LC_TRY(run_steps(x, &x->lanes[0], p->turn, p->step_count, 0, n, threads));
    for (size_t s = 0; x->seconds && s < p->step_count; s++) {
        x->seconds[s] = 0;
        for (size_t i = 0; i < lanes; i++) { /* lanes run at the same time */
            x->seconds[s] += x->lanes[i].seconds[s] / (double)(s < p->turn ? lanes : 1);
        }
    }
    return LC_OK;
}

lc_tensor lc_exec_tap(const lc_exec *x, size_t i)
{
    size_t v = x->plan->taps[i];
    const lc_tensor *one = &x->plan->graph->values[v].t;
    lc_tensor t = value_of(x, &x->lanes[0], v, 0, x->pictures);
    if (one->rank > 0 && one->dims[0] == 1) {
        return t;
    }
    return (lc_tensor){.rank = 2, .dims = {x->pictures, lc_tensor_count(one)}, .data = t.data};
}
