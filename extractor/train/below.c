#include "extractor/train/below.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

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

bool lc_below_computes(const lc_below *b)
{
    return b->plan != NULL;
}
