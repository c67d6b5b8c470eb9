/*
 * Where activations, saved numbers and gradients lie.
 *
 * Time: 0 the boundary values are written, s + 1 step s runs, S + 1 the loss is computed, then the segments go back, the last one first,
 * each but that one behind a second run of its steps. Each block lives from its first time to its last (graph/arena.h).
 *
 * A ReLU or an addition behind a batch normalisation is folded into it: what is between exists nowhere.
 *
 * An activation lives until its last reader has run, and on to the backward passes that look at it: of readers that keep
 * inputs, of its maker if that keeps its output. An operator that can work in place does so where the content of its
 * input is needed by nobody later. Views share memory with what they show; so do their gradients, if nobody else reads
 * what they show.
 *
 * An activation that its own segment alone needs in the backward pass lives twice: as above up to its last reader, and from the second
 * run of its step on. One that a later segment reads then, or needs for a second run, is not made a second time: it lives on.
 */
#include <math.h>
#include <stdlib.h>

#include "common/memory.h"
#include "extractor/graph/arena.h"
#include "extractor/train/tape_layout.h"

enum { ALIGN_FLOATS = LC_ALIGNMENT / 4 };

/* Folding --------------------------------------------------------------------------------------------------------- */

bool lc_tape_is_view(const lc_tape_layout *l, const lc_node *n)
{
    return (n->op->flags & LC_OP_VIEW) && !(n->op->train && l->dropout);
}

unsigned lc_tape_keep(const lc_tape_step *step, const lc_graph *g)
{
    bool clamps = step->epilogue.low != -INFINITY || step->epilogue.high != INFINITY;
    return g->nodes[step->node].op->keep | (clamps && step->residual != LC_NO_VALUE ? LC_KEEP_OUTPUT : 0);
}

/* Tries to make node b, which reads what step a makes as its input `main`, the next stage of a. `in` has room for b's inputs. */
static bool join(const lc_graph *g, lc_tape_step *a, size_t b, size_t main, const lc_tensor **in)
{
    const lc_node *n = &g->nodes[b];
    lc_tensor out = g->values[n->out].t;
    lc_op_call c = lc_graph_call(g, b, in, &out);
    lc_epilogue e = a->epilogue;
    const float present = 0; /* stands for the residual, whose address is known when the tape runs */
    int addend;
    e.residual = a->residual == LC_NO_VALUE ? NULL : &present;
    if (n->op->flags & LC_OP_LEARNED || !n->op->stage(&c, &e, &addend) || e.scale || e.bias) {
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

lc_status lc_tape_fold(lc_tape_layout *l, const lc_graph *g, const size_t *readers)
{
    size_t *maker, most = 0, kept = 0;
    const lc_tensor **in = NULL;
    LC_TRY(lc_alloc_array(&maker, g->value_count, sizeof *maker)); /* step + 1 that makes a value */
    for (size_t s = 0; s < l->step_count; s++) {
        size_t inputs = g->nodes[l->steps[s].node].inputs;
        most = inputs > most ? inputs : most;
    }
    lc_status status = lc_alloc_array(&in, most + 1, sizeof *in);
    for (size_t s = 0; status == LC_OK && s < l->step_count; s++) {
        size_t b = l->steps[s].node;
        const lc_node *n = &g->nodes[b];
        size_t tries = !n->op->stage ? 0 : n->op->flags & LC_OP_COMMUTES ? 2 : 1;
        for (size_t i = 0; i < tries; i++) {
            size_t v = n->in[i], made = v == LC_NO_VALUE ? 0 : maker[v];
            if (made && readers[v] == 1 && g->nodes[l->steps[made - 1].node].op == &lc_op_batchnorm &&
                join(g, &l->steps[made - 1], b, i, in)) {
                l->steps[s] = l->steps[made - 1];
                l->steps[made - 1].node = LC_NO_VALUE; /* moved here */
                break;
            }
        }
        maker[l->steps[s].out] = s + 1;
    }
    for (size_t s = 0; status == LC_OK && s < l->step_count; s++) {
        if (l->steps[s].node != LC_NO_VALUE) {
            l->steps[kept++] = l->steps[s];
        }
    }
    l->step_count = kept;
    free(maker);
    free(in);
    return status;
}

/* Placing --------------------------------------------------------------------------------------------------------- */

typedef struct {
    lc_life life;
    size_t owner; /* block it was merged into, or itself */
} block;

/* Blocks: activations by value, those of the backward pass by value (the same ones, where nothing is made twice), gradients by value, then
 * what steps save. */
typedef struct {
    const lc_graph *g;
    lc_tape_layout *layout;
    size_t batch, loss; /* loss: the time */
    block *blocks;
    size_t count;
    size_t *maker;   /* by value: step + 1 that makes it; 0: none */
    size_t *readers; /* by value: how many inputs of steps it is, and 1 for the loss */
    unsigned *needed; /* by value: where in the backward pass it is looked at, INSIDE or OUTSIDE of its segment */
    size_t *again, *back; /* by step: the times */
} work;

enum { INSIDE = 1, OUTSIDE = 2 };

static size_t root(const block *blocks, size_t b)
{
    while (blocks[b].owner != b) {
        b = blocks[b].owner;
    }
    return b;
}

static void live(work *w, size_t b, size_t time)
{
    lc_life *l = &w->blocks[root(w->blocks, b)].life;
    l->first = time < l->first ? time : l->first;
    l->last = time > l->last ? time : l->last;
}

static void merge(work *w, size_t from, size_t into)
{
    size_t a = root(w->blocks, from), b = root(w->blocks, into);
    if (a != b) {
        w->blocks[a].owner = b;
        if (w->blocks[a].life.first != LC_NO_VALUE) {
            live(w, b, w->blocks[a].life.first);
            live(w, b, w->blocks[a].life.last);
        }
    }
}

static const lc_node *node_of(const work *w, size_t s)
{
    return &w->g->nodes[w->layout->steps[s].node];
}

static size_t out_of(const work *w, size_t s)
{
    return w->layout->steps[s].out;
}

static size_t inputs_of(const work *w, size_t s)
{
    return node_of(w, s)->inputs + (w->layout->steps[s].residual != LC_NO_VALUE);
}

/* Input i of a step: its node's, then the residual. */
static size_t input_of(const work *w, size_t s, size_t i)
{
    const lc_node *n = node_of(w, s);
    return i < n->inputs ? n->in[i] : w->layout->steps[s].residual;
}

static bool is_view(const work *w, size_t s)
{
    return lc_tape_is_view(w->layout, node_of(w, s));
}

static bool is_activation(const work *w, size_t v)
{
    return v != LC_NO_VALUE && !w->g->values[v].t.data;
}

/* The number of the block of activation v in the backward pass, and of its gradient. */
static size_t later(const work *w, size_t v)
{
    return w->g->value_count + v;
}

static size_t gradient(const work *w, size_t v)
{
    return 2 * w->g->value_count + v;
}

static size_t saved(const work *w, size_t s)
{
    return 3 * w->g->value_count + s;
}

/* Does the backward pass of step s look at its input i? */
static bool keeps(const work *w, size_t s, size_t i)
{
    return (lc_tape_keep(&w->layout->steps[s], w->g) & LC_KEEP_INPUT) && i < node_of(w, s)->inputs;
}

/* Which steps run again; those behind a step tell what is needed of it. */
static void choose_again(work *w)
{
    lc_tape_step *steps = w->layout->steps;
    size_t count = w->layout->step_count, last = count ? steps[count - 1].segment : 0;
    for (size_t s = count; s-- > 0;) {
        size_t out = out_of(w, s);
        bool inside = w->needed[out] == INSIDE || (!w->needed[out] && (lc_tape_keep(&steps[s], w->g) & LC_KEEP_OUTPUT));
        steps[s].again = steps[s].segment != last && inside;
        if (steps[s].again) {
            w->blocks[later(w, out)].owner = later(w, out);
        }
        for (size_t i = 0; i < inputs_of(w, s); i++) {
            size_t v = input_of(w, s, i);
            if (is_activation(w, v) && w->maker[v] && (steps[s].again || keeps(w, s, i))) {
                w->needed[v] |= steps[w->maker[v] - 1].segment == steps[s].segment ? INSIDE : OUTSIDE;
            }
        }
    }
}

/* The times of second runs and of backward passes. */
static void set_times(work *w)
{
    const lc_tape_step *steps = w->layout->steps;
    size_t time = w->loss + 1;
    for (size_t end = w->layout->step_count, first; end > 0; end = first) {
        for (first = end - 1; first > 0 && steps[first - 1].segment == steps[end - 1].segment;) {
            first--;
        }
        for (size_t s = first; s < end; s++) {
            w->again[s] = time;
            time += steps[s].again;
        }
        for (size_t s = end; s-- > first;) {
            w->back[s] = time++;
        }
    }
}

/* Lives of activations. */
static void live_values(work *w)
{
    for (size_t s = 0; s < w->layout->step_count; s++) {
        bool again = w->layout->steps[s].again;
        for (size_t i = 0; i < inputs_of(w, s); i++) {
            size_t v = input_of(w, s, i);
            if (is_activation(w, v)) {
                live(w, v, s + 1);
                if (!w->maker[v]) {
                    live(w, v, 0);
                }
                if (again) {
                    live(w, later(w, v), w->again[s]);
                }
                if (keeps(w, s, i)) {
                    live(w, later(w, v), w->back[s]);
                }
            }
        }
        live(w, out_of(w, s), s + 1);
        if (again) {
            live(w, later(w, out_of(w, s)), w->again[s]);
        }
        if (lc_tape_keep(&w->layout->steps[s], w->g) & LC_KEEP_OUTPUT) {
            live(w, later(w, out_of(w, s)), w->back[s]);
        }
    }
}

/* Is input 0 of step s an activation with as many elements as what the step makes? */
static bool is_alike(const work *w, size_t s)
{
    const lc_node *n = node_of(w, s);
    return n->inputs && is_activation(w, n->in[0]) &&
           lc_tensor_count(&w->g->values[n->in[0]].t) == lc_tensor_count(&w->g->values[out_of(w, s)].t);
}

/* May step s, which runs at `time`, overwrite its input 0? base: of the blocks of its values. */
static bool works_in_place(const work *w, size_t s, size_t base, size_t time)
{
    if (!(node_of(w, s)->op->flags & LC_OP_INPLACE) || is_view(w, s) || !is_alike(w, s)) {
        return false;
    }
    size_t r = root(w->blocks, base + node_of(w, s)->in[0]);
    bool last = w->blocks[r].life.last == time;
    for (size_t i = 1; i < inputs_of(w, s); i++) {
        size_t v = input_of(w, s, i);
        last = last && (!is_activation(w, v) || root(w->blocks, base + v) != r);
    }
    return last;
}

/* Views join what they show, operators in place what they overwrite. */
static void join_values(work *w)
{
    size_t base = later(w, 0);
    for (size_t s = 0; s < w->layout->step_count; s++) {
        if (is_view(w, s)) {
            merge(w, out_of(w, s), node_of(w, s)->in[0]);
            if (w->layout->steps[s].again) {
                merge(w, base + out_of(w, s), base + node_of(w, s)->in[0]);
            }
        }
    }
    for (size_t s = 0; s < w->layout->step_count; s++) {
        if (works_in_place(w, s, 0, s + 1)) {
            merge(w, out_of(w, s), node_of(w, s)->in[0]);
        }
        if (w->layout->steps[s].again && works_in_place(w, s, base, w->again[s])) {
            merge(w, base + out_of(w, s), base + node_of(w, s)->in[0]);
        }
    }
}

/* Lives of gradients. That of an input lies where that of the output lies, for views and operators that work in
 * place, if nobody else adds to it. */
static void live_gradients(work *w)
{
    for (size_t s = 0; s < w->layout->step_count; s++) {
        live(w, gradient(w, out_of(w, s)), w->back[s]);
        for (size_t i = 0; i < inputs_of(w, s); i++) {
            size_t v = input_of(w, s, i);
            if (is_activation(w, v) && w->maker[v]) {
                live(w, gradient(w, v), w->back[s]);
            }
        }
    }
    for (size_t s = 0; s < w->layout->step_count; s++) {
        const lc_node *n = node_of(w, s);
        if ((is_view(w, s) || (n->op->flags & LC_OP_INPLACE)) && is_alike(w, s) && w->maker[n->in[0]] && w->readers[n->in[0]] == 1) {
            merge(w, gradient(w, n->in[0]), gradient(w, out_of(w, s)));
        }
    }
}

static lc_status place_all(work *w)
{
    lc_life **lives;
    size_t count = 0, all = 0;
    LC_TRY(lc_alloc_array(&lives, w->count, sizeof *lives));
    bool fits = true;
    for (size_t b = 0; b < w->count; b++) {
        lc_life *l = &w->blocks[b].life;
        if (w->blocks[b].owner == b && l->first != LC_NO_VALUE && l->size) {
            lives[count++] = l;
            fits = fits && lc_add(all, l->size, &all);
        }
    }
    fits = fits && lc_mul(all, sizeof(float), &all);
    w->layout->size = fits ? lc_arena_place(lives, count) : 0;
    free(lives);
    return fits ? LC_OK : lc_fail(LC_ERR_NOMEM, "a batch of %zu pictures is too large", w->batch);
}

/* Sizes of all blocks; nothing is made twice so far. */
static lc_status measure(work *w)
{
    size_t values = w->g->value_count;
    for (size_t b = 0; b < w->count; b++) {
        size_t n;
        bool fits = true;
        if (b < saved(w, 0)) {
            fits = lc_mul(lc_tensor_count(&w->g->values[b % values].t), w->batch, &n);
        } else {
            n = w->layout->steps[b - saved(w, 0)].saved_size;
        }
        if (!fits || !lc_add(n, ALIGN_FLOATS - 1, &n)) {
            return lc_fail(LC_ERR_NOMEM, "a batch of %zu pictures is too large", w->batch);
        }
        w->blocks[b] = (block){.life = {.size = n / ALIGN_FLOATS * ALIGN_FLOATS, .first = LC_NO_VALUE},
                               .owner = b >= values && b < 2 * values ? b - values : b};
    }
    return LC_OK;
}

static lc_status find_boundaries(work *w)
{
    lc_tape_layout *l = w->layout;
    bool *seen;
    size_t most = 0;
    for (size_t s = 0; s < l->step_count; s++) {
        w->maker[out_of(w, s)] = s + 1;
        most += inputs_of(w, s);
    }
    free(l->boundaries);
    l->boundary_count = 0;
    LC_TRY(lc_alloc_array(&l->boundaries, most, sizeof *l->boundaries));
    LC_TRY(lc_alloc_array(&seen, w->g->value_count, sizeof *seen));
    for (size_t s = 0; s < l->step_count; s++) {
        for (size_t i = 0; i < inputs_of(w, s); i++) {
            size_t v = input_of(w, s, i);
            if (v != LC_NO_VALUE) {
                w->readers[v]++;
            }
            if (is_activation(w, v) && !w->maker[v] && !seen[v]) {
                seen[v] = true;
                l->boundaries[l->boundary_count++] = v;
            }
        }
    }
    free(seen);
    return LC_OK;
}

static lc_status make_work(work *w)
{
    size_t values = w->g->value_count, steps = w->layout->step_count;
    LC_TRY(lc_alloc_array(&w->blocks, w->count, sizeof *w->blocks));
    LC_TRY(lc_alloc_array(&w->maker, values, sizeof *w->maker));
    LC_TRY(lc_alloc_array(&w->readers, values, sizeof *w->readers));
    LC_TRY(lc_alloc_array(&w->needed, values, sizeof *w->needed));
    LC_TRY(lc_alloc_array(&w->again, steps, sizeof *w->again));
    return lc_alloc_array(&w->back, steps, sizeof *w->back);
}

static void free_work(work *w)
{
    free(w->blocks);
    free(w->maker);
    free(w->readers);
    free(w->needed);
    free(w->again);
    free(w->back);
}

lc_status lc_tape_lay_out(lc_tape_layout *l, const lc_graph *g, size_t batch, size_t output, const size_t *watched, size_t watched_count)
{
    size_t values = g->value_count;
    work w = {.g = g, .layout = l, .batch = batch, .loss = l->step_count + 1, .count = 3 * values + l->step_count};
    lc_status status = make_work(&w);
    if (status == LC_OK) {
        status = measure(&w);
    }
    if (status == LC_OK) {
        status = find_boundaries(&w);
    }
    if (status != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i <= watched_count; i++) {
        w.needed[i < watched_count ? watched[i] : output] = OUTSIDE;
    }
    choose_again(&w);
    set_times(&w);
    live_values(&w);
    for (size_t i = 0; i <= watched_count; i++) {
        size_t v = i < watched_count ? watched[i] : output;
        live(&w, v, w.loss);
        w.readers[v]++;
        if (w.maker[v]) {
            live(&w, gradient(&w, v), w.loss);
        }
    }
    join_values(&w);
    live_gradients(&w);
    for (size_t s = 0; s < l->step_count; s++) {
        live(&w, saved(&w, s), s + 1);
        live(&w, saved(&w, s), w.back[s]);
    }
    status = place_all(&w);
    for (size_t v = 0; status == LC_OK && v < values; v++) {
        const size_t blocks[] = {v, later(&w, v), gradient(&w, v)};
        size_t *const offsets[] = {&l->value[v], &l->value_back[v], &l->gradient[v]};
        for (size_t i = 0; i < 3; i++) {
            const lc_life *a = &w.blocks[root(w.blocks, blocks[i])].life;
            *offsets[i] = a->first == LC_NO_VALUE ? LC_NO_VALUE : a->offset;
        }
    }
    for (size_t s = 0; status == LC_OK && s < l->step_count; s++) {
        l->steps[s].saved = w.blocks[saved(&w, s)].life.offset;
    }
done:
    free_work(&w);
    return status;
}

void lc_tape_layout_free(lc_tape_layout *l)
{
    free(l->steps);
    free(l->value);
    free(l->value_back);
    free(l->gradient);
    free(l->boundaries);
}
