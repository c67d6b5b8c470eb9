/* The table, and the simplest row: L2. */
#include "extractor/train/regularizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LC_REGULARIZER(name) &lc_regularizer_##name,
const lc_regularizer *const lc_regularizers[] = {
#include "extractor/train/regularizer_list.inc"
    NULL,
};
#undef LC_REGULARIZER

lc_status lc_regularizer_parse(const char *text, const lc_regularizer **out, double *strength)
{
    size_t length = strcspn(text, ":");
    char known[256] = "";
    for (size_t i = 0; lc_regularizers[i]; i++) {
        const lc_regularizer *r = lc_regularizers[i];
        if (strlen(r->name) == length && strncmp(r->name, text, length) == 0) {
            char *end = NULL;
            *out = r;
            *strength = text[length] ? strtod(text + length + 1, &end) : r->strength;
            if (end && (end == text + length + 1 || *end || !(*strength >= 0 && isfinite(*strength)))) {
                return lc_fail(LC_ERR_ARG, "--regularizer %s: wants a strength of at least 0 behind the colon", text);
            }
            return LC_OK;
        }
        strncat(known, i ? ", " : "", sizeof known - strlen(known) - 1);
        strncat(known, r->name, sizeof known - strlen(known) - 1);
    }
    return lc_fail(LC_ERR_NOTFOUND, "no regulariser is called '%.*s'; there are: %s", (int)length, text, known);
}

/* L2: strength / 2 |w|^2 over all trained weights; weight decay that the loss knows of (Hoerl and Kennard 1970, as ridge regression). */
typedef struct {
    double strength;
    size_t count;
} l2_state;

static lc_status begin_l2(void **state, const lc_regularizer_start *start)
{
    l2_state *s = malloc(sizeof *s);
    if (!s) {
        return lc_fail(LC_ERR_NOMEM, "no memory for a regulariser");
    }
    *s = (l2_state){start->strength, start->parameter_count};
    *state = s;
    return LC_OK;
}

static lc_status weights_l2(void *state, const lc_regularizer_step *step, double *penalty)
{
    const l2_state *s = state;
    double sum = 0;
    for (size_t i = 0; i < s->count; i++) {
        const lc_parameter *p = &step->parameters[i];
        for (size_t j = 0; p->trained && j < p->count; j++) {
            sum += (double)p->data[j] * (double)p->data[j];
            p->gradient[j] += (float)s->strength * p->data[j];
        }
    }
    *penalty = s->strength / 2 * sum;
    return LC_OK;
}

const lc_regularizer lc_regularizer_l2 = {
    .name = "l2",
    .summary = "squares of the weights themselves",
    .strength = 1e-4,
    .begin = begin_l2,
    .weights = weights_l2,
    .end = free,
};
