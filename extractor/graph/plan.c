/*
 * Where every value lies, and which steps run picture by picture.
 *
 * A value lives from the step that makes it to the last step that reads it; taps live to the end; arena.h places them.
 * Views, and in-place operators whose input dies with them, share their input's place, a sum the one of its residual: the
 * union of such values is one block. So do the parts of a concatenation whose makers can write between the columns of a
 * wider map: nothing is left to copy. Inside of a chain of steps (bands.c) values have no place.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/graph/arena.h"
#include "extractor/graph/plan.h"

typedef struct {
    lc_life life; /* floats per picture; steps */
    size_t owner; /* block it was merged into, or itself */
    bool pinned;  /* holds a tap already: must not be overwritten */
    bool local;   /* dies before the turn, see lc_place */
} block;

static size_t root(const block *blocks, size_t v)
{
    while (blocks[v].owner != v) {
        v = blocks[v].owner;
    }
    return v;
}

static void use(block *blocks, size_t v, size_t step)
{
    lc_life *l = &blocks[root(blocks, v)].life;
    l->last = step > l->last ? step : l->last;
}

static lc_status sizes(const lc_plan *p, block *blocks)
{
    for (size_t v = 0; v < p->graph->value_count; v++) {
        size_t n = lc_tensor_count(&p->graph->values[v].t), all;
        if (!lc_add(n, LC_ALIGN_FLOATS - 1, &n) || !lc_mul(n, p->batch, &all) || !lc_mul(all, sizeof(float), &all)) {
            return lc_fail(LC_ERR_NOMEM, "a batch of %zu pictures is too large", p->batch);
        }
        blocks[v] = (block){.life = {.size = n / LC_ALIGN_FLOATS * LC_ALIGN_FLOATS, .first = LC_NO_VALUE}, .owner = v};
    }
    return LC_OK;
}

/* How many times the steps from `step` on read value v or anything that shares its place. */
static size_t reads_from(const lc_plan *p, const block *blocks, size_t v, size_t step)
{
    size_t r = root(blocks, v), reads = 0;
    for (size_t s = step; s < p->step_count; s++) {
        const lc_node *n = &p->graph->nodes[p->steps[s].node];
        for (size_t i = 0; i < n->inputs; i++) {
            reads += n->in[i] != LC_NO_VALUE && root(blocks, n->in[i]) == r;
        }
        reads += p->steps[s].residual != LC_NO_VALUE && root(blocks, p->steps[s].residual) == r;
    }
    return reads;
}

/* May step s make its output where v lies, which it reads number by number? Nobody else wants v, not even a step that is at
 * work at the same time. */
static bool may_overwrite(const lc_plan *p, const block *blocks, size_t s, size_t v)
{
    const lc_value *values = p->graph->values;
    return v != LC_NO_VALUE && !values[v].t.data && lc_tensor_count(&values[v].t) == lc_tensor_count(&values[p->steps[s].out].t) &&
           !blocks[root(blocks, v)].pinned && reads_from(p, blocks, v, p->chains[s].begin) == 1;
}

/* The step that makes value v; step_count: none. */
static size_t maker_of(const lc_plan *p, size_t v)
{
    size_t s = 0;
    while (s < p->step_count && p->steps[s].out != v) {
        s++;
    }
    return s;
}

size_t lc_plan_readers(const lc_plan *p, size_t v)
{
    size_t n = 0;
    for (size_t s = 0; s < p->step_count; s++) {
        const lc_node *node = &p->graph->nodes[p->steps[s].node];
        for (size_t i = 0; i < node->inputs; i++) {
            n += node->in[i] == v;
        }
        n += p->steps[s].residual == v;
    }
    return n;
}

/* Are the rows of the output those of its inputs side by side? */
static bool is_beside(const lc_graph *g, const lc_node *n)
{
    const lc_tensor *out = &g->values[n->out].t;
    size_t sum = 0;
    for (size_t i = 0; i < n->inputs; i++) {
        lc_tensor t = n->in[i] == LC_NO_VALUE ? (lc_tensor){0} : g->values[n->in[i]].t;
        if (t.rank == 0 || t.rank != out->rank || t.data) {
            return false;
        }
        sum += t.dims[t.rank - 1];
        t.dims[t.rank - 1] = out->dims[t.rank - 1];
        if (memcmp(t.dims, out->dims, t.rank * sizeof t.dims[0]) != 0) {
            return false;
        }
    }
    return n->inputs > 0 && sum == out->dims[out->rank - 1];
}

/* Lets the inputs of concatenations be made in their place. */
static void nest(lc_plan *p)
{
    const lc_graph *g = p->graph;
    for (size_t s = 0; s < p->step_count; s++) {
        const lc_node *n = &g->nodes[p->steps[s].node];
        size_t column = 0;
        if (!(n->op->flags & LC_OP_BESIDE) || n->single || p->steps[s].out != n->out || !is_beside(g, n)) {
            continue;
        }
        for (size_t i = 0; i < n->inputs; i++) {
            size_t v = n->in[i], made = maker_of(p, v);
            if (made < s && !lc_plan_is_tap(p, v) && lc_plan_readers(p, v) == 1) {
                const lc_node *maker = &g->nodes[p->steps[made].node];
                if ((maker->op->flags & LC_OP_STRIDED) && !maker->single) {
                    p->places[v].inside = n->out;
                    p->places[v].column = column;
                }
            }
            column += g->values[v].t.dims[g->values[v].t.rank - 1];
        }
    }
}

/* Lives and merges, in order of the steps. Step numbers are 1-based: the input is there at 0. */
static void find_lives(const lc_plan *p, block *blocks)
{
    const lc_graph *g = p->graph;
    for (size_t v = 0; v < g->value_count; v++) {
        if (g->values[v].node == LC_NO_VALUE && !g->values[v].t.data) {
            blocks[v].life.first = 0;
        }
    }
    for (size_t s = 0; s < p->step_count; s++) {
        const lc_step *step = &p->steps[s];
        const lc_chain *chain = &p->chains[s]; /* its steps are all at work until the last has ended */
        const lc_node *n = &g->nodes[step->node];
        for (size_t i = 0; i < n->inputs; i++) {
            if (n->in[i] != LC_NO_VALUE && !g->values[n->in[i]].t.data) {
                use(blocks, n->in[i], chain->end);
            }
        }
        if (step->residual != LC_NO_VALUE) {
            use(blocks, step->residual, chain->end);
        }
        if (s + 1 < chain->end) {
            continue; /* no place: the chain keeps what it needs */
        }
        block *out = &blocks[step->out];
        size_t in = n->inputs ? n->in[0] : LC_NO_VALUE, inside = p->places[step->out].inside;
        bool activation = in != LC_NO_VALUE && !g->values[in].t.data;
        bool view = activation && (n->op->flags & LC_OP_VIEW);
        bool inplace = (n->op->flags & LC_OP_INPLACE) && may_overwrite(p, blocks, s, in);
        if (inside != LC_NO_VALUE) {
            out->owner = inside;
            out = &blocks[inside];
        } else if (view || inplace) {
            out->owner = root(blocks, in);
        } else if ((n->op->flags & LC_OP_INTO_RESIDUAL) && may_overwrite(p, blocks, s, step->residual)) {
            out->owner = root(blocks, step->residual);
        }
        if (out->owner == (size_t)(out - blocks) && out->life.first == LC_NO_VALUE) {
            out->life.first = chain->begin + 1;
        }
        use(blocks, step->out, s + 1);
        if (lc_plan_is_tap(p, step->out)) {
            blocks[root(blocks, step->out)].pinned = true;
            use(blocks, step->out, p->step_count + 1);
        }
    }
}

/*
 * The turn. A step that runs picture by picture reads its weights once per picture, one that runs on the batch takes its
 * maps to memory and back: the turn is where the sum of both is least.
 */
static void find_turn(lc_plan *p)
{
    const lc_graph *g = p->graph;
    double sum = 0, least = 0; /* less the maps of all steps: what the turn at step 0 costs */
    for (size_t s = 0; s < p->step_count && p->batch > 1; s++) {
        const lc_node *n = &g->nodes[p->steps[s].node];
        double maps = (double)lc_tensor_count(&g->values[p->steps[s].out].t), weights = 0;
        for (size_t i = 0; i < n->inputs; i++) {
            if (n->in[i] != LC_NO_VALUE) {
                const lc_tensor *t = &g->values[n->in[i]].t;
                *(t->data ? &weights : &maps) += (double)lc_tensor_count(t);
            }
        }
        sum += weights - maps;
        if (sum < least) {
            least = sum;
            p->turn = s + 1;
        }
    }
}

/* Blocks one behind the other are the most that a layout can need: where these can be counted, every sum below can. */
static lc_status check_total(const lc_plan *p, lc_life *const *lives, size_t count)
{
    size_t all = 0;
    for (size_t i = 0; i < count; i++) {
        if (!lc_add(all, lives[i]->size, &all)) {
            all = SIZE_MAX;
        }
    }
    if (!lc_mul(all, p->batch, &all) || !lc_mul(all, sizeof(float), &all)) {
        return lc_fail(LC_ERR_NOMEM, "a batch of %zu pictures is too large", p->batch);
    }
    return LC_OK;
}

static lc_status lay_out(lc_plan *p)
{
    const lc_graph *g = p->graph;
    block *blocks = NULL;
    lc_life **lives = NULL;
    size_t local = 0, count = 0;
    lc_status status = lc_alloc_array(&blocks, g->value_count, sizeof *blocks);
    if (status == LC_OK) {
        status = lc_alloc_array(&lives, g->value_count, sizeof *lives);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&p->places, g->value_count, sizeof *p->places);
    }
    if (status == LC_OK) {
        status = sizes(p, blocks);
    }
    if (status != LC_OK) {
        goto done;
    }
    for (size_t v = 0; v < g->value_count; v++) {
        p->places[v] = (lc_place){.offset = LC_NO_VALUE, .inside = LC_NO_VALUE};
    }
    nest(p);
    find_turn(p);
    status = lc_plan_chain(p);
    if (status != LC_OK) {
        goto done;
    }
    find_lives(p, blocks);
    for (size_t v = 0; v < g->value_count; v++) {
        lc_life *l = &blocks[v].life;
        if (l->first == LC_NO_VALUE) {
            continue;
        }
        blocks[v].local = l->first > 0 && l->last <= p->turn;
        if (blocks[v].local) {
            lives[local++] = l;
        } else if (l->first <= p->turn) { /* some picture is at every step before the turn, all the time */
            l->first = 0;
            l->last = l->last > p->turn ? l->last : p->turn;
        }
    }
    count = local;
    for (size_t v = 0; v < g->value_count; v++) {
        if (blocks[v].life.first != LC_NO_VALUE && !blocks[v].local) {
            lives[count++] = &blocks[v].life;
        }
    }
    status = check_total(p, lives, count);
    if (status != LC_OK) {
        goto done;
    }
    p->local = lc_arena_place(lives, local);
    p->shared = lc_arena_place(lives + local, count - local);
    for (size_t v = 0; v < g->value_count; v++) {
        const block *b = &blocks[root(blocks, v)];
        if (b->life.first != LC_NO_VALUE) {
            p->places[v].offset = b->life.offset;
            p->places[v].local = b->local;
        }
    }
done:
    free(blocks);
    free(lives);
    return status;
}

/* Scratch memory of every step, for one picture before the turn and for the batch behind it. */
static lc_status find_scratch(lc_plan *p)
{
    for (size_t i = 0; i < p->step_count; i++) {
        const lc_node *n = &p->graph->nodes[p->steps[i].node];
        /* One that runs picture by picture uses the same scratch for all. */
        size_t floats = n->scratch, pictures = n->single || i < p->turn ? 1 : p->batch;
        bool fits = lc_mul(floats, pictures, &floats);
        bool bounded = n->scratch_most && (!fits || floats > n->scratch_most);
        if (!fits && !bounded) {
            return lc_fail(LC_ERR_NOMEM, "a batch of %zu pictures is too large", p->batch);
        }
        floats = bounded ? n->scratch_most : floats;
        if (p->chains[i].scratch) {
            p->lane_scratch = p->chains[i].scratch > p->lane_scratch ? p->chains[i].scratch : p->lane_scratch;
            floats = 0;
        }
        size_t *most = i < p->turn ? &p->lane_scratch : n->scratch_most ? &p->thread_scratch : &p->scratch;
        *most = floats > *most ? floats : *most;
    }
    size_t floats;
    if (!lc_mul(p->shared, p->batch, &floats) || !lc_add(floats, p->scratch, &floats) ||
        !lc_add(floats, p->local, &floats) || !lc_add(floats, p->thread_scratch, &floats) ||
        !lc_add(floats, p->lane_scratch, &floats) || !lc_mul(floats, sizeof(float), &floats)) {
        return lc_fail(LC_ERR_NOMEM, "a batch of %zu pictures is too large", p->batch);
    }
    return LC_OK;
}

lc_status lc_plan_new(lc_plan **out, const lc_graph *graph, const size_t *values, size_t count, size_t batch, lc_arithmetic arithmetic,
                      const lc_kernels *kernels, lc_threads *threads)
{
    lc_plan *p;
    *out = NULL;
    if (arithmetic == LC_BF16 && !kernels->gemm_tile_bf16) {
        return lc_fail(LC_ERR_UNSUPPORTED, "precision bf16 needs a CPU with AVX512_BF16; the kernels in use are %s", kernels->name);
    }
    LC_TRY(lc_alloc_array(&p, 1, sizeof *p));
    p->graph = graph;
    p->kernels = kernels;
    p->batch = batch;
    p->arithmetic = arithmetic;
    p->tap_count = count;
    lc_status status = lc_alloc_array(&p->taps, count, sizeof *p->taps);
    if (status == LC_OK) {
        memcpy(p->taps, values, count * sizeof *values);
        status = lc_alloc_array(&p->states, graph->node_count, sizeof *p->states);
    }
    if (status == LC_OK) {
        status = lc_plan_fold(p, threads);
    }
    if (status == LC_OK) {
        status = lay_out(p);
    }
    if (status == LC_OK) {
        status = find_scratch(p);
    }
    if (status != LC_OK) {
        lc_plan_free(p);
        return status;
    }
    *out = p;
    return LC_OK;
}

void lc_plan_free(lc_plan *p)
{
    if (!p) {
        return;
    }
    for (size_t i = 0; p->states && i < p->graph->node_count; i++) {
        if (p->states[i]) {
            p->graph->nodes[i].op->release(p->states[i]);
        }
    }
    free(p->states);
    free(p->taps);
    free(p->steps);
    free(p->chains);
    free(p->places);
    free(p);
}

size_t lc_plan_steps(const lc_plan *p)
{
    return p->step_count;
}

size_t lc_plan_step(const lc_plan *p, size_t i, size_t *value)
{
    *value = p->steps[i].out;
    return p->steps[i].node;
}

size_t lc_plan_scratch(const lc_plan *p, size_t lanes)
{
    size_t all = p->thread_scratch * lanes;
    all = all > p->scratch ? all : p->scratch;
    return all > p->lane_scratch ? all : p->lane_scratch;
}

size_t lc_plan_bytes(const lc_plan *p, size_t lanes)
{
    return (p->shared * p->batch + p->local * lanes + lc_plan_scratch(p, lanes) + p->lane_scratch * (lanes - 1)) * sizeof(float);
}
