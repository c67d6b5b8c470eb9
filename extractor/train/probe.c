#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/rng.h"
#include "extractor/train/regularizer.h"

struct lc_below {
    const lc_graph *graph;
    lc_tape *tape;
    lc_plan *plan; /* NULL: the tape begins with the pictures */
    lc_exec *exec;
    lc_threads *threads;
};

lc_status lc_below_new(lc_below **out, const lc_graph *graph, lc_tape *tape, size_t batch, const lc_kernels *kernels, lc_threads *threads)
{
    lc_below *b;
    size_t *values, count = lc_tape_boundaries(tape);
    *out = NULL;
    LC_TRY(lc_alloc_array(&b, 1, sizeof *b));
    *b = (lc_below){.graph = graph, .tape = tape, .threads = threads};
    lc_status status = lc_alloc_array(&values, count, sizeof *values);
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        values[i] = lc_tape_boundary(tape, i);
    }
    if (status == LC_OK && !(count == 1 && values[0] == graph->input)) {
        status = lc_plan_new(&b->plan, graph, values, count, batch, LC_FLOAT32, kernels, threads);
        status = status == LC_OK ? lc_exec_new(&b->exec, b->plan, lc_threads_count(threads)) : status;
    }
    free(values);
    if (status != LC_OK) {
        lc_below_free(b);
        return status;
    }
    *out = b;
    return LC_OK;
}

void lc_below_free(lc_below *b)
{
    if (b) {
        lc_exec_free(b->exec);
        lc_plan_free(b->plan);
        free(b);
    }
}

lc_status lc_below_run(lc_below *b, const lc_batch *batch)
{
    size_t bytes = batch->count * lc_tensor_count(&b->graph->values[b->graph->input].t) * sizeof(float);
    float *in = b->plan ? lc_exec_input(b->exec) : lc_tape_input(b->tape, 0);
    if (in) { /* else what is below reads constants only */
        memcpy(in, batch->input, bytes);
    }
    if (!b->plan) {
        return LC_OK;
    }
    LC_TRY(lc_exec_run(b->exec, batch->count, b->threads));
    for (size_t i = 0; i < lc_tape_boundaries(b->tape); i++) {
        lc_tensor v = lc_exec_tap(b->exec, i);
        memcpy(lc_tape_input(b->tape, i), v.data, lc_tensor_count(&v) * sizeof(float));
    }
    return LC_OK;
}

typedef struct {
    lc_tape *tape;
    lc_below *below;
    lc_probe_fn fn;
    void *context;
} probe;

static lc_status probe_batch(void *context, const lc_batch *batch)
{
    probe *p = context;
    LC_TRY(lc_below_run(p->below, batch));
    LC_TRY(lc_tape_forward(p->tape, batch->count, 0));
    return p->fn(p->context, p->tape, batch);
}

/* The tape of a setup, its batch norms frozen. */
static lc_status make_tape(lc_tape **out, const lc_regularizer_setup *s, const size_t *watched, size_t watched_count, size_t batch)
{
    size_t *trained, count = 0;
    LC_TRY(lc_alloc_array(&trained, s->parameter_count, sizeof *trained));
    for (size_t i = 0; i < s->parameter_count; i++) {
        if (s->parameters[i].trained) {
            trained[count++] = s->parameters[i].value;
        }
    }
    const lc_tape_options o = {.graph = s->graph, .output = s->logits, .trained = trained, .trained_count = count, .watched = watched,
                               .watched_count = watched_count, .batch = batch, .kernels = s->kernels, .threads = s->threads};
    lc_status status = lc_tape_new(out, &o);
    free(trained);
    return status;
}

lc_status lc_probe(const lc_regularizer_setup *s, const size_t *watched, size_t watched_count, size_t batch, size_t most, lc_probe_fn fn,
                   void *context)
{
    probe p = {.fn = fn, .context = context};
    lc_loader *loader = NULL;
    size_t *rows;
    lc_loader_options o = *s->loader;
    LC_TRY(lc_alloc_array(&rows, o.count, sizeof *rows));
    memcpy(rows, o.rows, o.count * sizeof *rows);
    lc_rng r = lc_rng_new(o.seed, UINT64_C(0x70726f6265000000)); /* apart from the epochs' orders */
    lc_rng_shuffle(&r, rows, o.count);
    o.rows = rows;
    o.count = o.count < most ? o.count : most;
    o.batch = batch < o.count ? batch : o.count;
    o.augment = (lc_augment){0};
    o.shuffle = o.drop_last = false;
    lc_status status = make_tape(&p.tape, s, watched, watched_count, o.batch);
    if (status == LC_OK) {
        status = lc_below_new(&p.below, s->graph, p.tape, o.batch, s->kernels, s->threads);
    }
    if (status == LC_OK) {
        status = lc_loader_new(&loader, &o);
    }
    if (status == LC_OK) {
        status = lc_loader_epoch(loader, 0, probe_batch, &p);
    }
    lc_loader_free(loader);
    lc_below_free(p.below);
    lc_tape_free(p.tape);
    free(rows);
    return status;
}
