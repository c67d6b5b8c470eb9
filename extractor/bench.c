/* Passes of random pictures, for measuring. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/rng.h"
#include "extractor/network.h"

enum { MAX_BATCH = 4096, MAX_THREADS = 1024, PEAK_ROUNDS = 1 << 22, KIND_SIZE = 40 };

struct lc_bench {
    const lc_network *network;
    const lc_kernels *kernels;
    lc_plan *plan;
    lc_exec *exec;
    lc_threads *pool;
    size_t threads, batch;
    float *input;             /* of the batch: a pass may overwrite the exec's own */
    size_t floats;            /* in `input` */
    double *seconds;          /* by step */
    lc_bench_step *steps;
    size_t step_count;
    char (*kinds)[KIND_SIZE]; /* (step_count) */
    float *numbers;           /* (threads, numbers_each) of the peak's loop */
    size_t numbers_each;
    lc_bench_bytes bytes;
};

/* Steps ----------------------------------------------------------------------------------------------------------- */

/* The tap whose value is `value` or its twin; NULL: none. */
static const lc_tap *tap_of(const lc_network *net, size_t value)
{
    size_t shown = lc_graph_shown(net->model.graph, value);
    for (size_t i = 0; i < net->taps.count; i++) {
        size_t v = net->taps.taps[i].value;
        if (v == value || v == shown) {
            return &net->public_taps[i];
        }
    }
    return NULL;
}

/* "conv 3x3/2", "depthwise 3x3", "conv 1x1", "linear". Strides are told from the maps' widths. */
static void write_kind(char text[KIND_SIZE], const lc_graph *g, const lc_node *n)
{
    const lc_tensor *in = n->inputs ? &g->values[n->in[0]].t : NULL, *out = &g->values[n->out].t;
    const lc_tensor *w = n->inputs > 1 && n->in[1] != LC_NO_VALUE ? &g->values[n->in[1]].t : NULL;
    if (!(n->op->flags & LC_OP_WEIGHTED) || !w || !w->data || w->rank != 4 || in->rank != 4 || out->rank != 4) {
        snprintf(text, KIND_SIZE, "%s", n->op->name);
        return;
    }
    size_t groups = w->dims[1] ? in->dims[3] / w->dims[1] : 1, stride = out->dims[2] ? in->dims[2] / out->dims[2] : 1;
    const char *word = groups <= 1 ? n->op->name : w->dims[1] == 1 ? "depthwise" : "grouped";
    int length = snprintf(text, KIND_SIZE, "%s %zux%zu", word, w->dims[2], w->dims[3]);
    if (stride > 1) {
        snprintf(text + length, KIND_SIZE - (size_t)length, "/%zu", stride);
    }
}

static lc_status describe_steps(lc_bench *b, const lc_network *net)
{
    const lc_graph *g = net->model.graph;
    size_t most = 0;
    b->step_count = lc_plan_steps(b->plan);
    LC_TRY(lc_alloc_array(&b->steps, b->step_count, sizeof *b->steps));
    LC_TRY(lc_alloc_array(&b->kinds, b->step_count, sizeof *b->kinds));
    for (size_t n = 0; n < g->node_count; n++) {
        most = g->nodes[n].inputs > most ? g->nodes[n].inputs : most;
    }
    const lc_tensor **in;
    LC_TRY(lc_alloc_array(&in, most + 1, sizeof *in));
    for (size_t s = 0; s < b->step_count; s++) {
        size_t value, node = lc_plan_step(b->plan, s, &value);
        const lc_node *n = &g->nodes[node];
        const lc_tap *tap = tap_of(net, value);
        lc_tensor out = g->values[n->out].t;
        lc_op_call c = lc_graph_call(g, node, in, &out);
        lc_bench_step *step = &b->steps[s];
        *step = (lc_bench_step){.name = tap && !n->hidden ? tap->name : n->op->name, .kind = b->kinds[s]};
        step->macs = n->op->macs ? n->op->macs(&c) : 0;
        write_kind(b->kinds[s], g, n);
        lc_network_shape(&g->values[lc_graph_shown(g, value)].t, step->shape);
    }
    free(in);
    return LC_OK;
}

/* Making ---------------------------------------------------------------------------------------------------------- */

/* Bytes of all constants. */
static uint64_t weight_bytes(const lc_graph *g)
{
    uint64_t bytes = 0;
    for (size_t v = 0; v < g->value_count; v++) {
        bytes += g->values[v].t.data ? lc_tensor_count(&g->values[v].t) * sizeof(float) : 0;
    }
    return bytes;
}

static uint64_t heap_bytes(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static lc_status make_plan(lc_bench *b, lc_network *net, const char *precision)
{
    lc_arithmetic arithmetic;
    uint64_t before = heap_bytes();
    LC_TRY(lc_network_precision(precision, &arithmetic));
    LC_TRY(lc_plan_new(&b->plan, net->model.graph, &net->model.graph->output, 1, b->batch, arithmetic, b->kernels, b->pool));
    uint64_t after = heap_bytes();
    b->bytes.packed = after > before ? after - before : 0;
    b->bytes.weights = weight_bytes(net->model.graph);
    if (net->model.uses_file) { /* the plan has its weights packed */
        lc_unload_file(&net->file, net->file.data, net->file.size);
    }
    return LC_OK;
}

/* Numbers as normalised pixels are, of mean 0 and deviation 1. */
static lc_status make_input(lc_bench *b, const size_t input[3], uint64_t seed)
{
    size_t each = input[0] * input[1] * input[2];
    b->floats = each * b->batch;
    LC_TRY(lc_alloc_raw(&b->input, b->floats, sizeof(float)));
    for (size_t i = 0; i < b->batch; i++) {
        lc_rng r = lc_rng_new(seed, i);
        for (size_t j = 0; j < each; j++) {
            b->input[i * each + j] = (float)((lc_rng_uniform(&r) - 0.5) * 3.4641016151377544); /* sqrt(12) */
        }
    }
    return LC_OK;
}

static lc_status make(lc_bench *b, lc_network *net, const lc_bench_options *o)
{
    b->network = net;
    b->batch = o->batch ? o->batch : 1;
    b->threads = o->threads ? o->threads : lc_threads_available();
    if (b->batch > MAX_BATCH) {
        return lc_fail(LC_ERR_ARG, "a batch of %zu pictures; %d are the most", b->batch, MAX_BATCH);
    }
    if (b->threads > MAX_THREADS) {
        return lc_fail(LC_ERR_ARG, "%zu threads; %d are the most", b->threads, MAX_THREADS);
    }
    LC_TRY(lc_kernels_get(&b->kernels));
    LC_TRY(lc_threads_new(&b->pool, b->threads));
    LC_TRY(make_plan(b, net, o->precision));
    LC_TRY(describe_steps(b, net));
    LC_TRY(lc_exec_new(&b->exec, b->plan, b->threads));
    LC_TRY(make_input(b, net->info.input, o->seed));
    LC_TRY(lc_alloc_array(&b->seconds, b->step_count, sizeof *b->seconds));
    if (o->profile) {
        lc_exec_profile(b->exec, b->seconds);
    }
    b->bytes.arena = lc_plan_bytes(b->plan, b->threads) + b->floats * sizeof(float);
    b->numbers_each = LC_PEAK_CHAINS * b->kernels->vector;
    return lc_alloc_array(&b->numbers, b->threads * b->numbers_each, sizeof(float));
}

lc_status lc_bench_new(lc_bench **out, lc_network *net, const lc_bench_options *options)
{
    lc_bench *b;
    *out = NULL;
    LC_TRY(lc_alloc_array(&b, 1, sizeof *b));
    lc_status status = make(b, net, options);
    if (status != LC_OK) {
        lc_bench_free(b);
        return status;
    }
    *out = b;
    return LC_OK;
}

void lc_bench_free(lc_bench *b)
{
    if (!b) {
        return;
    }
    lc_exec_free(b->exec);
    free(b->input);
    free(b->seconds);
    free(b->steps);
    free(b->kinds);
    free(b->numbers);
    lc_threads_free(b->pool);
    lc_plan_free(b->plan);
    free(b);
}

/* Running --------------------------------------------------------------------------------------------------------- */

lc_status lc_bench_run(lc_bench *b, double *seconds)
{
    double start = lc_clock();
    memcpy(lc_exec_input(b->exec), b->input, b->floats * sizeof(float));
    LC_TRY(lc_exec_run(b->exec, b->batch, b->pool));
    *seconds = lc_clock() - start;
    for (size_t s = 0; s < b->step_count; s++) {
        b->steps[s].seconds = b->seconds[s];
    }
    return LC_OK;
}

static lc_status spin(void *context, size_t i)
{
    lc_bench *b = context;
    b->kernels->multiply_add(PEAK_ROUNDS, b->numbers + i * b->numbers_each);
    return LC_OK;
}

lc_status lc_bench_peak(lc_bench *b, double *rate)
{
    double start = lc_clock();
    LC_TRY(lc_parallel_for(b->pool, b->threads, spin, b));
    *rate = (double)(b->threads * b->numbers_each) * PEAK_ROUNDS / (lc_clock() - start);
    return LC_OK;
}

/* Asking ---------------------------------------------------------------------------------------------------------- */

size_t lc_bench_steps(const lc_bench *b)
{
    return b->step_count;
}

const lc_bench_step *lc_bench_step_at(const lc_bench *b, size_t i)
{
    return &b->steps[i];
}

/* The step that makes the tap's value; of one that is folded into a later value, the first that has done all its work. */
double lc_bench_until(const lc_bench *b, size_t i)
{
    const lc_graph *g = b->network->model.graph;
    size_t value = b->network->taps.taps[i].value, last = b->step_count;
    for (size_t s = 0; s < b->step_count && last == b->step_count; s++) {
        size_t made;
        (void)lc_plan_step(b->plan, s, &made);
        last = made == value || lc_graph_shown(g, made) == value ? s : last;
    }
    uint64_t work = 0, wanted = b->network->public_taps[i].macs;
    double seconds = 0;
    for (size_t s = 0; s < b->step_count && s <= last; s++) {
        seconds += b->steps[s].seconds;
        work += b->steps[s].macs;
        if (last == b->step_count && work >= wanted) {
            break;
        }
    }
    return seconds;
}

lc_bench_bytes lc_bench_memory(const lc_bench *b)
{
    return b->bytes;
}
