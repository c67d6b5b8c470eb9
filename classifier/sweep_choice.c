#include "classifier/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/rng.h"

enum { DRAWS = 1000 };

lc_status lc_rule_parse(const char *text, lc_rule *out)
{
    *out = (lc_rule){LC_RULE_ONE_SE, 0};
    if (!text || strcmp(text, "one-se") == 0) {
        return LC_OK;
    }
    if (strcmp(text, "best") == 0) {
        out->kind = LC_RULE_BEST;
        return LC_OK;
    }
    char *end = NULL;
    if (strncmp(text, "cost:", 5) == 0) {
        *out = (lc_rule){LC_RULE_COST, strtod(text + 5, &end)};
    }
    return end && end != text + 5 && !*end && isfinite(out->milliseconds) && out->milliseconds > 0
               ? LC_OK
               : lc_fail(LC_ERR_ARG, "no rule '%s'; there are: one-se, best, cost:MS with milliseconds per picture above 0", text);
}

static bool cheaper(const lc_sweep_row *a, const lc_sweep_row *b)
{
    if (!a->macs || !b->macs) {
        return a < b;
    }
    return a->macs != b->macs ? a->macs < b->macs : a->dim != b->dim ? a->dim < b->dim : a < b;
}

lc_status lc_sweep_choose(const lc_sweep_row *rows, size_t count, const lc_rule *rule, size_t *best, size_t *chosen)
{
    const lc_sweep_row *top = NULL, *pick = NULL;
    for (const lc_sweep_row *r = rows; r < rows + count; r++) {
        bool better = top && r->accuracy > top->accuracy + 1e-12, equal = top && r->accuracy >= top->accuracy - 1e-12;
        if (!r->left_out && (!top || better || (equal && cheaper(r, top)))) {
            top = r;
        }
    }
    for (const lc_sweep_row *r = rows; r < rows + count; r++) {
        if (r->left_out || (rule->kind == LC_RULE_COST && !(r->milliseconds <= rule->milliseconds))) {
            continue;
        }
        bool first = !pick;
        switch (rule->kind) {
        case LC_RULE_BEST:
            pick = top;
            break;
        case LC_RULE_ONE_SE:
            pick = r->accuracy >= top->accuracy - top->error - 1e-12 && (first || cheaper(r, pick)) ? r : pick;
            break;
        case LC_RULE_COST:
            pick = first || r->accuracy > pick->accuracy ? r : pick;
            break;
        }
    }
    if (!pick) {
        return lc_fail(LC_ERR_ARG, "no layer is known to take at most %g ms per picture", rule->milliseconds);
    }
    *best = (size_t)(top - rows);
    *chosen = (size_t)(pick - rows);
    return LC_OK;
}

/* The largest of count sums, the first of equals. */
static size_t largest(const size_t *sums, size_t count)
{
    size_t best = 0;
    for (size_t k = 1; k < count; k++) {
        best = sums[k] > sums[best] ? k : best;
    }
    return best;
}

lc_status lc_sweep_optimism(const uint8_t *correct, size_t rows, size_t count, uint64_t seed, double *out)
{
    size_t *all, *drawn;
    double sum = 0;
    LC_TRY(lc_alloc_array(&all, 2 * count, sizeof *all));
    drawn = all + count;
    for (size_t i = 0; i < rows * count; i++) {
        all[i % count] += correct[i];
    }
    for (size_t draw = 0; draw < DRAWS; draw++) {
        lc_rng rng = lc_rng_new(seed, draw);
        memset(drawn, 0, count * sizeof *drawn);
        for (size_t i = 0; i < rows; i++) {
            const uint8_t *row = correct + (size_t)lc_rng_below(&rng, rows) * count;
            for (size_t k = 0; k < count; k++) {
                drawn[k] += row[k];
            }
        }
        size_t best = largest(drawn, count);
        sum += ((double)drawn[best] - (double)all[best]) / (double)rows;
    }
    free(all);
    *out = sum / DRAWS;
    return LC_OK;
}
