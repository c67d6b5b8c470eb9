/*
 * Checkpointing: of the activations a few are kept, the others are computed again in the backward pass, a segment of steps at a time
 * (Griewank and Walther, ACM TOMS 26, 2000; Chen et al., arXiv:1604.06174, section 4). The time is at most one forward pass more.
 *
 * Where the segments end: let one keep at most M floats for its own backward pass. Of all such cuts those are taken that keep the least
 * between segments, by dynamic programming over the steps,
 *
 *   f(e) = min over b < e, own(b, e) <= M, of f(b) + passed(b, e),   f(0) = 0,
 *
 * own(b, e) being what backward passes look at of what steps b..e-1 make, and passed(b, e) what steps from e on read of it; a step is a
 * segment of its own where it alone makes more than M. M is a PARTS-th of all, for 1 to PARTS parts; the smallest arena wins, gradients
 * and all. (Chen et al. search M too, their algorithm 3, but cut as soon as it is full.)
 */
#include <stdlib.h>

#include "common/memory.h"
#include "extractor/train/tape_layout.h"

enum { PARTS = 32 };

/* Floats per picture that a step makes. */
typedef struct {
    double made;
    bool kept;     /* a backward pass looks at them */
    size_t reader; /* last step that reads them; the step itself, where none does */
    double best;   /* f of the step before it */
    size_t begin;  /* of the segment that ends before it */
} part;

/* A view's readers are those of what it shows. */
static lc_status measure(part *parts, const lc_tape_layout *l, const lc_graph *g)
{
    size_t *maker; /* by value: step + 1 whose memory holds it */
    LC_TRY(lc_alloc_array(&maker, g->value_count, sizeof *maker));
    for (size_t s = 0; s < l->step_count; s++) {
        const lc_tape_step *step = &l->steps[s];
        const lc_node *n = &g->nodes[step->node];
        bool view = lc_tape_is_view(l, n);
        unsigned keep = lc_tape_keep(step, g);
        parts[s] = (part){.made = view ? 0 : (double)lc_tensor_count(&g->values[step->out].t), .kept = keep & LC_KEEP_OUTPUT, .reader = s};
        for (size_t i = 0; i <= n->inputs; i++) {
            size_t v = i < n->inputs ? n->in[i] : step->residual;
            if (v != LC_NO_VALUE && maker[v]) {
                part *p = &parts[maker[v] - 1];
                p->kept = p->kept || ((keep & LC_KEEP_INPUT) && i < n->inputs);
                p->reader = s;
            }
        }
        maker[step->out] = view ? maker[n->in[0]] : s + 1;
    }
    free(maker);
    return LC_OK;
}

/* Segments that keep at most `most` for themselves. */
static void cut(part *parts, lc_tape_layout *l, double most)
{
    size_t count = l->step_count, segments = 0;
    for (size_t e = 1; e <= count; e++) {
        double own = 0, passed = 0;
        for (size_t b = e; b-- > 0;) {
            own += parts[b].kept ? parts[b].made : 0;
            passed += parts[b].reader >= e ? parts[b].made : 0;
            if (own > most && b + 1 < e) {
                break;
            }
            double all = passed + (b ? parts[b].best : 0);
            if (b + 1 == e || all < parts[e].best) {
                parts[e].best = all;
                parts[e].begin = b;
            }
        }
    }
    for (size_t e = count; e > 0; e = parts[e].begin) {
        segments++;
    }
    for (size_t e = count; e > 0; e = parts[e].begin) {
        segments--;
        for (size_t s = parts[e].begin; s < e; s++) {
            l->steps[s].segment = segments;
        }
    }
}

lc_status lc_tape_segment(lc_tape_layout *l, const lc_graph *g, size_t batch, size_t output, const size_t *watched, size_t watched_count)
{
    part *parts;
    double all = 0, most = 0;
    size_t least = 0;
    LC_TRY(lc_alloc_array(&parts, l->step_count + 1, sizeof *parts));
    lc_status status = measure(parts, l, g);
    for (size_t s = 0; s < l->step_count; s++) {
        all += parts[s].kept ? parts[s].made : 0;
    }
    for (size_t n = 1; status == LC_OK && n <= PARTS; n++) {
        cut(parts, l, all / (double)n);
        status = lc_tape_lay_out(l, g, batch, output, watched, watched_count);
        if (n == 1 || l->size < least) {
            least = l->size;
            most = all / (double)n;
        }
    }
    if (status == LC_OK) {
        cut(parts, l, most);
        status = lc_tape_lay_out(l, g, batch, output, watched, watched_count);
    }
    free(parts);
    return status;
}
