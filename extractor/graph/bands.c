/*
 * Which steps run together, band by band.
 *
 * A map that is larger than the cache goes to memory and comes back. Where one step alone reads what the step before it
 * makes, the two can take turns instead: a few rows of the first, the rows of the second that these allow, and so on. Of the
 * map in between no more is kept than the rows that are still to be read. MobileNetV2's blocks (expand, depthwise, project)
 * are the example: their maps in between are six times as wide as those at their ends.
 *
 * Which steps is a question of shapes alone, and a row has the same bytes however it is made.
 */
#include <stdlib.h>

#include "common/memory.h"
#include "extractor/graph/plan.h"
#include "extractor/ops/gemm.h"

enum {
    LEAST_MAP = LC_NEAR_FLOATS,        /* smaller ones stay in the cache by themselves */
    MOST_KEPT = LC_NEAR_FLOATS,
    MOST_WEIGHTS = LC_NEAR_FLOATS / 2, /* of a chain: read again for every band */
};

static size_t row_floats(const lc_tensor *map)
{
    return map->dims[2] * map->dims[3];
}

/* The constants that a step reads, in floats. */
static size_t weights_of(const lc_plan *p, const lc_node *n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n->inputs; i++) {
        const lc_tensor *t = n->in[i] == LC_NO_VALUE ? NULL : &p->graph->values[n->in[i]].t;
        sum += t && t->data ? lc_tensor_count(t) : 0;
    }
    return sum;
}

/* Fills rows of step s; false: it makes whole maps only. `in` has room for its inputs. */
static bool has_rows(const lc_plan *p, size_t s, const lc_tensor **in, lc_rows *rows)
{
    const lc_node *n = &p->graph->nodes[p->steps[s].node];
    lc_tensor out = p->graph->values[n->out].t;
    lc_op_call c = lc_graph_call(p->graph, p->steps[s].node, in, &out);
    bool there = n->op->rows && !n->single && n->op->rows(&c, rows);
    for (size_t v = 0; there && v < p->graph->value_count; v++) {
        there = p->places[v].inside != p->steps[s].out; /* its parts would be made in a place that it does not have */
    }
    return there;
}

/* Does step s + 1 alone read what step s makes, and is that worth keeping near? */
static bool linked(const lc_plan *p, size_t s)
{
    size_t v = p->steps[s].out;
    return lc_plan_readers(p, v) == 1 && p->graph->nodes[p->steps[s + 1].node].in[0] == v && s + 1 != p->turn && !lc_plan_is_tap(p, v) &&
           p->places[v].inside == LC_NO_VALUE && lc_tensor_count(&p->graph->values[v].t) > LEAST_MAP;
}

static size_t round_up(size_t n, size_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* Sets where the steps of a chain keep their rows when the last one makes `rows` at a time. Returns floats of it all, or more
 * than MOST_KEPT. */
static size_t keep(lc_plan *p, lc_chain *chain, size_t rows)
{
    size_t all = 0;
    chain->rows = rows;
    for (size_t s = chain->end - 1; s > chain->begin && all <= MOST_KEPT; s--) {
        lc_step *before = &p->steps[s - 1];
        const lc_tensor *map = &p->graph->values[before->out].t;
        const lc_rows *r = &p->steps[s].rows;
        rows = (rows - 1) * r->stride + (r->extent > r->stride ? r->extent : r->stride);
        rows = rows < map->dims[1] ? rows : map->dims[1];
        before->kept = all;
        all += round_up(rows * row_floats(map), LC_ALIGN_FLOATS);
    }
    return all;
}

/* The chain that begins at step s; chain->end stays s + 1 where there is none. */
static void find_chain(lc_plan *p, size_t s, const lc_tensor **in, lc_chain *chain)
{
    size_t weights = weights_of(p, &p->graph->nodes[p->steps[s].node]), scratch = 0;
    *chain = (lc_chain){.begin = s, .end = s + 1};
    if (!has_rows(p, s, in, &p->steps[s].rows)) {
        return;
    }
    for (; chain->end < p->step_count && chain->end - s < LC_CHAIN_STEPS && linked(p, chain->end - 1); chain->end++) {
        weights += weights_of(p, &p->graph->nodes[p->steps[chain->end].node]);
        if (weights > MOST_WEIGHTS || !has_rows(p, chain->end, in, &p->steps[chain->end].rows)) {
            break;
        }
    }
    while (chain->end > s + 1 && keep(p, chain, 1) > MOST_KEPT) {
        chain->end--;
    }
    if (chain->end == s + 1) {
        return;
    }
    size_t height = p->graph->values[p->steps[chain->end - 1].out].t.dims[1], rows = 1;
    while (rows < height && keep(p, chain, rows + 1) <= MOST_KEPT) {
        rows++;
    }
    for (size_t i = s; i < chain->end; i++) {
        size_t floats = p->graph->nodes[p->steps[i].node].scratch;
        scratch = floats > scratch ? floats : scratch;
    }
    chain->op_scratch = round_up(scratch, LC_ALIGN_FLOATS);
    chain->scratch = chain->op_scratch + keep(p, chain, rows);
}

lc_status lc_plan_chain(lc_plan *p)
{
    const lc_tensor **in;
    LC_TRY(lc_alloc_array(&p->chains, p->step_count, sizeof *p->chains));
    LC_TRY(lc_alloc_array(&in, p->max_inputs + 1, sizeof *in));
    for (size_t s = 0; s < p->step_count; s = p->chains[s].end) {
        find_chain(p, s, in, &p->chains[s]);
        for (size_t i = s + 1; i < p->chains[s].end; i++) {
            p->chains[i] = p->chains[s];
        }
    }
    free(in);
    return LC_OK;
}
