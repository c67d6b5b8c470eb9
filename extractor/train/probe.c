#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/rng.h"
#include "extractor/train/below.h"
#include "extractor/train/regularizer.h"

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
    size_t *trained, count;
    LC_TRY(lc_trained_values(&trained, &count, s->parameters, s->parameter_count));
    const lc_tape_options o = {.graph = s->graph, .output = s->logits, .trained = trained, .trained_count = count, .watched = watched,
                               .watched_count = watched_count, .batch = batch, .checkpointing = s->checkpointing,
                               .kernels = s->kernels, .threads = s->threads};
    lc_status status = lc_tape_new(out, &o);
    free(trained);
    return status;
}

lc_status lc_probe(const lc_regularizer_setup *s, const lc_loader_options *pictures, const size_t *watched, size_t watched_count,
                   size_t batch, size_t most, lc_probe_fn fn, void *context)
{
    probe p = {.fn = fn, .context = context};
    lc_loader *loader = NULL;
    size_t *rows;
    lc_loader_options o = *pictures;
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
