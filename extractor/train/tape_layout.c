/*
 * Where activations, saved numbers and gradients lie.
 *
 * Time: 0 the boundary values are written, s + 1 step s runs, S + 1 the loss is computed, 2 S + 1 - s step s goes back. Each block
 * lives from its first time to its last; blocks are placed largest first at the lowest offset where they meet nobody of
 * an overlapping life, as in graph/plan.c.
 *
 * An activation lives until its last reader has run, and on to the backward passes that look at it: of readers that keep
 * inputs, of its maker if that keeps its output. An operator that can work in place does so where the content of its
 * input is needed by nobody later. Views share memory with what they show; so do their gradients, if nobody else reads
 * what they show.
 */
#include <stdlib.h>

#include "common/memory.h"
#include "extractor/train/tape_layout.h"

enum { ALIGN_FLOATS = LC_ALIGNMENT / 4 };

typedef struct {
    size_t size, first, last, offset;
    size_t owner; /* block it was merged into, or itself */
} block;

/* Blocks: activations by value, gradients by value, then what steps save. */
typedef struct {
    const lc_graph *g;
    lc_tape_layout *layout;
    size_t batch, loss; /* loss: the time */
    block *blocks;
    size_t count;
    bool *on_tape;   /* by value: made by a step */
    size_t *readers; /* by value: how many inputs of steps it is, and 1 for the loss */
} work;

static size_t root(const block *blocks, size_t b)
{
    while (blocks[b].owner != b) {
        b = blocks[b].owner;
    }
    return b;
}

static void live(work *w, size_t b, size_t time)
{
    block *r = &w->blocks[root(w->blocks, b)];
    r->first = time < r->first ? time : r->first;
    r->last = time > r->last ? time : r->last;
}

static void merge(work *w, size_t from, size_t into)
{
    size_t a = root(w->blocks, from), b = root(w->blocks, into);
    if (a != b) {
        w->blocks[a].owner = b;
        if (w->blocks[a].first != LC_NO_VALUE) {
            live(w, b, w->blocks[a].first);
            live(w, b, w->blocks[a].last);
        }
    }
}

static const lc_node *node_of(const work *w, size_t s)
{
    return &w->g->nodes[w->layout->steps[s].node];
}

static bool is_activation(const work *w, size_t v)
{
    return v != LC_NO_VALUE && !w->g->values[v].t.data;
}

static size_t back(const work *w, size_t s)
{
    return 2 * w->layout->step_count + 1 - s;
}

/* Lives of activations. */
static void live_values(work *w)
{
    for (size_t s = 0; s < w->layout->step_count; s++) {
        const lc_node *n = node_of(w, s);
        for (size_t i = 0; i < n->inputs; i++) {
            if (is_activation(w, n->in[i])) {
                live(w, n->in[i], s + 1);
                if (!w->on_tape[n->in[i]]) {
                    live(w, n->in[i], 0);
                }
                if (n->op->keep & LC_KEEP_INPUT) {
                    live(w, n->in[i], back(w, s));
                }
            }
        }
        live(w, n->out, s + 1);
        if (n->op->keep & LC_KEEP_OUTPUT) {
            live(w, n->out, back(w, s));
        }
    }
}

/* Views join what they show, operators in place what they overwrite. */
static void join_values(work *w)
{
    for (size_t s = 0; s < w->layout->step_count; s++) {
        const lc_node *n = node_of(w, s);
        if (n->op->flags & LC_OP_VIEW) {
            merge(w, n->out, n->in[0]);
        }
    }
    for (size_t s = 0; s < w->layout->step_count; s++) {
        const lc_node *n = node_of(w, s);
        if (!(n->op->flags & LC_OP_INPLACE) || (n->op->flags & LC_OP_VIEW) || !n->inputs || !is_activation(w, n->in[0]) ||
            lc_tensor_count(&w->g->values[n->in[0]].t) != lc_tensor_count(&w->g->values[n->out].t)) {
            continue;
        }
        size_t r = root(w->blocks, n->in[0]);
        bool last = w->blocks[r].last == s + 1;
        for (size_t i = 1; i < n->inputs; i++) {
            last = last && (!is_activation(w, n->in[i]) || root(w->blocks, n->in[i]) != r);
        }
        if (last) {
            merge(w, n->out, n->in[0]);
        }
    }
}

/* Lives of gradients: block value_count + v. */
static void live_gradients(work *w)
{
    size_t base = w->g->value_count;
    for (size_t s = 0; s < w->layout->step_count; s++) {
        const lc_node *n = node_of(w, s);
        live(w, base + n->out, back(w, s));
        for (size_t i = 0; i < n->inputs; i++) {
            if (is_activation(w, n->in[i]) && w->on_tape[n->in[i]]) {
                live(w, base + n->in[i], back(w, s));
            }
        }
    }
    for (size_t s = 0; s < w->layout->step_count; s++) {
        const lc_node *n = node_of(w, s);
        if ((n->op->flags & LC_OP_VIEW) && w->on_tape[n->in[0]] && w->readers[n->in[0]] == 1) {
            merge(w, base + n->in[0], base + n->out);
        }
    }
}

static bool overlap(const block *a, const block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static size_t place(const block *blocks, const size_t *order, size_t placed, const block *b)
{
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < placed; i++) {
            const block *o = &blocks[order[i]];
            if (overlap(o, b) && at < o->offset + o->size && o->offset < at + b->size) {
                at = o->offset + o->size;
                moved = true;
            }
        }
    }
    return at;
}

static lc_status place_all(work *w)
{
    size_t *order, count = 0, all = 0;
    LC_TRY(lc_alloc_array(&order, w->count, sizeof *order));
    bool fits = true;
    for (size_t b = 0; b < w->count; b++) {
        if (w->blocks[b].owner == b && w->blocks[b].first != LC_NO_VALUE && w->blocks[b].size) {
            size_t j = count++;
            for (; j > 0 && w->blocks[order[j - 1]].size < w->blocks[b].size; j--) {
                order[j] = order[j - 1];
            }
            order[j] = b;
            fits = fits && lc_add(all, w->blocks[b].size, &all);
        }
    }
    if (!fits || !lc_mul(all, sizeof(float), &all)) {
        free(order);
        return lc_fail(LC_ERR_NOMEM, "a batch of %zu pictures is too large", w->batch);
    }
    for (size_t i = 0; i < count; i++) {
        block *b = &w->blocks[order[i]];
        b->offset = place(w->blocks, order, i, b);
        size_t end = b->offset + b->size;
        w->layout->size = end > w->layout->size ? end : w->layout->size;
    }
    free(order);
    return LC_OK;
}

/* Sizes of all blocks; a block for every value, every gradient, every step. */
static lc_status measure(work *w)
{
    size_t values = w->g->value_count;
    for (size_t b = 0; b < w->count; b++) {
        size_t n;
        bool fits = true;
        if (b < 2 * values) {
            fits = lc_mul(lc_tensor_count(&w->g->values[b % values].t), w->batch, &n);
        } else {
            n = w->layout->steps[b - 2 * values].saved_size;
        }
        if (!fits || !lc_add(n, ALIGN_FLOATS - 1, &n)) {
            return lc_fail(LC_ERR_NOMEM, "a batch of %zu pictures is too large", w->batch);
        }
        w->blocks[b] = (block){.size = n / ALIGN_FLOATS * ALIGN_FLOATS, .first = LC_NO_VALUE, .owner = b};
    }
    return LC_OK;
}

static lc_status find_boundaries(work *w)
{
    lc_tape_layout *l = w->layout;
    bool *seen;
    size_t most = 0;
    for (size_t s = 0; s < l->step_count; s++) {
        w->on_tape[node_of(w, s)->out] = true;
        most += node_of(w, s)->inputs;
    }
    LC_TRY(lc_alloc_array(&l->boundaries, most, sizeof *l->boundaries));
    LC_TRY(lc_alloc_array(&seen, w->g->value_count, sizeof *seen));
    for (size_t s = 0; s < l->step_count; s++) {
        const lc_node *n = node_of(w, s);
        for (size_t i = 0; i < n->inputs; i++) {
            size_t v = n->in[i];
            if (v != LC_NO_VALUE) {
                w->readers[v]++;
            }
            if (is_activation(w, v) && !w->on_tape[v] && !seen[v]) {
                seen[v] = true;
                l->boundaries[l->boundary_count++] = v;
            }
        }
    }
    free(seen);
    return LC_OK;
}

lc_status lc_tape_lay_out(lc_tape_layout *l, const lc_graph *g, size_t batch, size_t output, const size_t *watched, size_t watched_count)
{
    size_t values = g->value_count;
    work w = {.g = g, .layout = l, .batch = batch, .loss = l->step_count + 1, .count = 2 * values + l->step_count};
    lc_status status = lc_alloc_array(&w.blocks, w.count, sizeof *w.blocks);
    if (status == LC_OK) {
        status = lc_alloc_array(&w.on_tape, values, sizeof *w.on_tape);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&w.readers, values, sizeof *w.readers);
    }
    if (status == LC_OK) {
        status = measure(&w);
    }
    if (status == LC_OK) {
        status = find_boundaries(&w);
    }
    if (status != LC_OK) {
        goto done;
    }
    live_values(&w);
    for (size_t i = 0; i <= watched_count; i++) {
        size_t v = i < watched_count ? watched[i] : output;
        live(&w, v, w.loss);
        w.readers[v]++;
        if (w.on_tape[v]) {
            live(&w, values + v, w.loss);
        }
    }
    join_values(&w);
    live_gradients(&w);
    for (size_t s = 0; s < l->step_count; s++) {
        live(&w, 2 * values + s, s + 1);
        live(&w, 2 * values + s, back(&w, s));
    }
    status = place_all(&w);
    for (size_t v = 0; status == LC_OK && v < values; v++) {
        const block *a = &w.blocks[root(w.blocks, v)], *d = &w.blocks[root(w.blocks, values + v)];
        l->value[v] = a->first == LC_NO_VALUE ? LC_NO_VALUE : a->offset;
        l->gradient[v] = d->first == LC_NO_VALUE ? LC_NO_VALUE : d->offset;
    }
    for (size_t s = 0; status == LC_OK && s < l->step_count; s++) {
        l->steps[s].saved = w.blocks[2 * values + s].offset;
    }
done:
    free(w.blocks);
    free(w.on_tape);
    free(w.readers);
    return status;
}

void lc_tape_layout_free(lc_tape_layout *l)
{
    free(l->steps);
    free(l->value);
    free(l->gradient);
    free(l->boundaries);
}
