/*
 * Running a plan: the steps before the turn picture by picture, those behind it on the whole batch (see lc_place), and the
 * steps of a chain band by band (bands.c).
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "extractor/graph/plan.h"
#include "extractor/ops/gemm.h"

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

/* One call of a step's operator. band: these rows alone (else NULL), whose input and output lie at `in` and `to` (NULL: in the
 * step's places). */
static lc_status run_step(const lc_exec *x, lane *l, const lc_step *step, size_t first, size_t n, lc_threads *threads,
                          const lc_band *band, float *in, float *to)
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
        .band = band,
        .maps = node->maps,
        .scratch_data = l->scratch,
        .scratch_size = l->scratch_size,
        .epilogue = step->epilogue,
        .activation = step->activation,
        .kernels = p->kernels,
        .threads = threads,
    };
    if (step->residual != LC_NO_VALUE) {
        lc_tensor r = value_of(x, l, step->residual, first, n);
        c.epilogue.residual = r.data;
        c.epilogue.residual_stride = r.dims[r.rank - 1];
    }
    if (band) {
        for (size_t i = 0; i < node->inputs; i++) {
            lc_tensor *map = &l->values[i];
            if (i == 0 && in) {
                map->data = in;
            } else if (node->in[i] != LC_NO_VALUE && !p->graph->values[node->in[i]].t.data) {
                map->data += lc_rows_read(&step->rows, band, map->dims[1]).first * map->dims[2] * map->dims[3];
            }
        }
        if (c.epilogue.residual) {
            c.epilogue.residual += band->first * out->dims[2] * c.epilogue.residual_stride;
        }
        out->data = to ? to : out->data + band->first * out->dims[2] * c.out_stride;
    }
    lc_status status = node->op->forward(&c);
    return status == LC_OK ? LC_OK : lc_fail_in(status, "node '%s'", node->name);
}

/* What a step of a chain has made, in the rows of the whole map. */
typedef struct {
    size_t from;   /* its first row that is kept */
    size_t made;   /* the first that is not made yet */
    size_t wanted; /* in the present band: made up to here */
} progress;

/* Where step s of a chain, not its last one, keeps a row. */
static float *kept_row(const lc_exec *x, const lane *l, size_t s, const progress *at, size_t row)
{
    const lc_plan *p = x->plan;
    const lc_tensor *map = &p->graph->values[p->steps[s].out].t;
    return l->scratch + p->chains[s].op_scratch + p->steps[s].kept + (row - at->from) * map->dims[2] * map->dims[3];
}

/* Keeps, of what step s has made, the rows that the next step has not read for the last time. at: of s, and of the next. */
static void drop_rows(const lc_exec *x, const lane *l, size_t s, progress *at)
{
    const lc_plan *p = x->plan;
    size_t first = lc_rows_read(&p->steps[s + 1].rows, &(lc_band){at[1].made, 1}, p->graph->values[p->steps[s].out].t.dims[1]).first;
    first = first < at->made ? first : at->made; /* rows come without gaps, also those that nobody reads */
    if (first > at->from) {
        float *kept = kept_row(x, l, s, at, first), *end = kept_row(x, l, s, at, at->made);
        memmove(kept_row(x, l, s, at, at->from), kept, (size_t)(end - kept) * sizeof *kept);
        at->from = first;
    }
}

/* Rows begin..end-1 of a chain's output, of one picture. */
static lc_status run_rows(const lc_exec *x, lane *l, const lc_chain *chain, size_t picture, size_t begin, size_t end, double share)
{
    const lc_plan *p = x->plan;
    size_t last = chain->end - chain->begin - 1, bands = (end - begin + chain->rows - 1) / chain->rows;
    size_t rows = (end - begin + bands - 1) / bands; /* as even as can be */
    const lc_step *steps = p->steps + chain->begin;
    progress at[LC_CHAIN_STEPS];
    at[last] = (progress){begin, begin, end};
    for (size_t i = last; i > 0; i--) {
        lc_band first = {at[i].made, 1};
        size_t height = p->graph->values[steps[i - 1].out].t.dims[1];
        at[i - 1].from = at[i - 1].made = lc_rows_read(&steps[i].rows, &first, height).first;
    }
    while (at[last].made < end) {
        at[last].wanted = at[last].made + rows < end ? at[last].made + rows : end;
        for (size_t i = last; i > 0; i--) {
            lc_band wanted = {at[i].made, at[i].wanted - at[i].made};
            lc_band in = lc_rows_read(&steps[i].rows, &wanted, p->graph->values[steps[i - 1].out].t.dims[1]);
            at[i - 1].wanted = in.first + in.count > at[i - 1].made ? in.first + in.count : at[i - 1].made;
        }
        for (size_t i = 0; i <= last; i++) {
            lc_band band = {at[i].made, at[i].wanted - at[i].made};
            float *in = NULL, *to = NULL;
            double start = x->seconds ? lc_clock() : 0;
            if (band.count == 0) {
                continue;
            }
            if (i > 0) {
                size_t height = p->graph->values[steps[i - 1].out].t.dims[1];
                in = kept_row(x, l, chain->begin + i - 1, &at[i - 1], lc_rows_read(&steps[i].rows, &band, height).first);
            }
            if (i < last) {
                drop_rows(x, l, chain->begin + i, &at[i]);
                to = kept_row(x, l, chain->begin + i, &at[i], band.first);
            }
            LC_TRY(run_step(x, l, &steps[i], picture, 1, NULL, &band, in, to));
            at[i].made = at[i].wanted;
            if (x->seconds) {
                l->seconds[chain->begin + i] += (lc_clock() - start) * share;
            }
        }
    }
    return LC_OK;
}

/* Ranges of rows of several pictures, for threads to take. */
typedef struct {
    lc_exec *x;
    const lane *home; /* whose pictures they are */
    const lc_chain *chain;
    size_t first, height, range, ranges; /* rows of a range, ranges of a picture */
    size_t all, workers;
    _Atomic size_t next;
} chain_run;

static lc_status run_ranges(void *context, size_t worker)
{
    chain_run *r = context;
    lane own = r->x->lanes[worker];
    own.arena = r->home->arena;
    for (size_t i; (i = atomic_fetch_add(&r->next, 1)) < r->all;) {
        size_t begin = i % r->ranges * r->range, end = begin + r->range < r->height ? begin + r->range : r->height;
        LC_TRY(run_rows(r->x, &own, r->chain, r->first + i / r->ranges, begin, end, 1.0 / (double)r->workers));
    }
    return LC_OK;
}

/* A chain on pictures first.., n of them. Alone, a lane takes them whole; threads take ranges of rows, each in its own lane. */
static lc_status run_chain(lc_exec *x, lane *l, const lc_chain *chain, size_t first, size_t n, lc_threads *threads)
{
    const lc_step *last = &x->plan->steps[chain->end - 1];
    size_t height = x->plan->graph->values[last->out].t.dims[1], workers = lc_threads_count(threads);
    workers = workers < x->lane_count ? workers : x->lane_count;
    if (workers < 2) {
        for (size_t i = 0; i < n; i++) {
            LC_TRY(run_rows(x, l, chain, first + i, 0, height, 1));
        }
        return LC_OK;
    }
    /* What a range's first rows read is made twice: no more ranges than threads need to end together. */
    size_t range = (height * n + workers * LC_ITEMS_PER_THREAD - 1) / (workers * LC_ITEMS_PER_THREAD);
    chain_run r = {.x = x, .home = l, .chain = chain, .first = first, .height = height, .range = range, .workers = workers};
    r.ranges = (height + range - 1) / range;
    r.all = r.ranges * n;
    return lc_parallel_for(threads, workers, run_ranges, &r);
}

/* Steps from..to-1 on pictures first.., n of them. */
static lc_status run_steps(lc_exec *x, lane *l, size_t from, size_t to, size_t first, size_t n, lc_threads *threads)
{
    for (size_t s = from; s < to; s = x->plan->chains[s].end) {
        const lc_step *step = &x->plan->steps[s];
        const lc_node *node = &x->plan->graph->nodes[step->node];
        if (!node->op->forward) {
            continue;
        }
        if (x->plan->chains[s].scratch) {
            LC_TRY(run_chain(x, l, &x->plan->chains[s], first, n, threads));
            continue;
        }
        double start = x->seconds ? lc_clock() : 0;
        /* A node that cannot take several pictures as one batch runs once for each. */
        size_t runs = node->single ? n : 1, each = node->single ? 1 : n;
        for (size_t i = 0; i < runs; i++) {
            LC_TRY(run_step(x, l, step, first + i, each, threads, NULL, NULL, NULL));
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
        for (size_t i = 0; i < x->lane_count; i++) { /* lanes run at the same time */
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
