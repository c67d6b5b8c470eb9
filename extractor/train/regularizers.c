/*
 * The regularisers of a run. Values of the network as it began come from a plan made before the first step: what it packs of
 * the weights stays as it was.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/blas.h"
#include "common/memory.h"
#include "extractor/train/regularizer.h"

enum { MOST = 8 }; /* of one run */

#define LC_REGULARIZER(name) &lc_regularizer_##name,
const lc_regularizer *const lc_regularizer_table[] = {
#include "extractor/train/regularizer_list.inc"
    NULL,
};
#undef LC_REGULARIZER

typedef struct {
    const lc_regularizer *kind;
    double strength;
    void *state;
    bool begun;
} member;

struct lc_regularizers {
    lc_regularizer_setup setup;
    member members[MOST];
    size_t count;
    unsigned wants;
    size_t *watched, watched_count; /* the features first */
    lc_plan *plan;                  /* of the network as it began; NULL: nobody compares */
    lc_exec *exec;
    lc_tensor *now, *before;        /* (watched_count) of a step */
    float **gradient;
    double *penalties;              /* (parameter_count) of one regulariser */
    const member *at;               /* whose weights are in work */
};

/* Words ----------------------------------------------------------------------------------------------------------- */

static lc_status find(const char *name, size_t length, const lc_regularizer **out)
{
    char names[256] = "";
    for (size_t i = 0; lc_regularizer_table[i]; i++) {
        *out = lc_regularizer_table[i];
        if (strlen((*out)->name) == length && strncmp((*out)->name, name, length) == 0) {
            return LC_OK;
        }
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", (*out)->name);
    }
    return lc_fail(LC_ERR_NOTFOUND, "no regulariser is called '%.*s'; there are %s", (int)length, name, names);
}

/* One NAME[:strength] of `length` characters. */
static lc_status parse_member(const char *text, size_t length, member *out)
{
    const char *colon = memchr(text, ':', length);
    size_t name = colon ? (size_t)(colon - text) : length;
    LC_TRY(find(text, name, &out->kind));
    out->strength = out->kind->strength;
    if (colon) {
        char *end;
        out->strength = strtod(colon + 1, &end);
        if (end == colon + 1 || end != text + length || !isfinite(out->strength) || out->strength < 0) {
            return lc_fail(LC_ERR_ARG, "'%.*s': the strength is a number from 0 on", (int)length, text);
        }
    }
    return LC_OK;
}

static lc_status parse(const char *text, member *members, size_t *count)
{
    *count = 0;
    while (text && *text) {
        size_t length = strcspn(text, ",");
        if (*count == MOST) {
            return lc_fail(LC_ERR_ARG, "more than %d regularisers", MOST);
        }
        LC_TRY(parse_member(text, length, &members[(*count)++]));
        text += length + (text[length] == ',');
    }
    return LC_OK;
}

lc_status lc_regularizers_check(const char *text, bool pretrained)
{
    member members[MOST];
    size_t count;
    LC_TRY(parse(text, members, &count));
    for (size_t i = 0; i < count && !pretrained; i++) {
        if (members[i].kind->wants & LC_WANTS_START) {
            return lc_fail(LC_ERR_ARG, "%s keeps a network near what it was; what begins anew was nothing", members[i].kind->name);
        }
    }
    return LC_OK;
}

/* Making ---------------------------------------------------------------------------------------------------------- */

/* The node of the first trained constant. */
static size_t first_trained(const lc_regularizer_setup *s)
{
    const lc_graph *g = s->graph;
    for (size_t n = 0; n < g->node_count; n++) {
        for (size_t i = 1; i < g->nodes[n].inputs; i++) {
            for (size_t p = 0; p < s->parameter_count; p++) {
                if (s->parameters[p].trained && s->parameters[p].value == g->nodes[n].in[i]) {
                    return n;
                }
            }
        }
    }
    return g->node_count;
}

/* The last map of every resolution between the first trained layer and the features. */
static lc_status choose_watched(lc_regularizers *r)
{
    const lc_graph *g = r->setup.graph;
    size_t last = g->values[r->setup.features].node;
    LC_TRY(lc_alloc_array(&r->watched, g->node_count + 1, sizeof *r->watched));
    r->watched[r->watched_count++] = r->setup.features;
    for (size_t n = first_trained(&r->setup); (r->wants & LC_WANTS_MAPS) && last != LC_NO_VALUE && n <= last; n++) {
        const lc_value *v = &g->values[g->nodes[n].out];
        if (v->t.rank != 4 || v->planar || v->t.dims[1] * v->t.dims[2] < 2) {
            continue;
        }
        size_t same = 1;
        while (same < r->watched_count && memcmp(g->values[r->watched[same]].t.dims + 1, v->t.dims + 1, 2 * sizeof(size_t)) != 0) {
            same++;
        }
        r->watched[same] = g->nodes[n].out;
        r->watched_count += same == r->watched_count;
    }
    return LC_OK;
}

/* A layer that reads its weights where they are trained would not stay as it began. */
static lc_status check_packed(const lc_regularizer_setup *s)
{
    const lc_graph *g = s->graph;
    for (size_t n = 0; n < g->node_count; n++) {
        for (size_t i = 1; i < g->nodes[n].inputs && !g->nodes[n].op->prepare; i++) {
            for (size_t p = 0; p < s->parameter_count; p++) {
                if (s->parameters[p].value == g->nodes[n].in[i]) {
                    return lc_fail(LC_ERR_UNSUPPORTED, "node '%s' (%s): its weights cannot be kept as they began", g->nodes[n].name,
                                   g->nodes[n].op->name);
                }
            }
        }
    }
    return LC_OK;
}

static lc_status check_source(const lc_regularizer_setup *s, unsigned wants)
{
    return s->source && !(wants & LC_WANTS_SOURCE) ? lc_fail(LC_ERR_ARG, "source pictures, but no regulariser looks at them; ewc does") : LC_OK;
}

static lc_status make(lc_regularizers *r)
{
    const lc_regularizer_setup *s = &r->setup;
    for (size_t i = 0; i < r->count; i++) {
        const lc_regularizer *k = r->members[i].kind;
        r->wants |= k->wants;
        LC_TRY(lc_alloc_array(&r->members[i].state, 1, k->state_size + 1));
        if ((k->wants & LC_WANTS_HEAD) && !s->head) {
            return lc_fail(LC_ERR_UNSUPPORTED, "%s needs the network's own last layer, and it has none that can be kept", k->name);
        }
    }
    LC_TRY(check_source(s, r->wants));
    LC_TRY(lc_blas_open());
    LC_TRY(lc_alloc_array(&r->penalties, s->parameter_count, sizeof *r->penalties));
    if (r->wants & LC_WANTS_FEATURES) {
        LC_TRY(choose_watched(r));
        LC_TRY(lc_alloc_array(&r->now, r->watched_count, sizeof *r->now));
        LC_TRY(lc_alloc_array(&r->before, r->watched_count, sizeof *r->before));
        LC_TRY(lc_alloc_array(&r->gradient, r->watched_count, sizeof *r->gradient));
    }
    return LC_OK;
}

lc_status lc_regularizers_new(lc_regularizers **out, const char *text, const lc_regularizer_setup *setup)
{
    lc_regularizers *r;
    *out = NULL;
    if (!text || !*text) {
        return check_source(setup, 0);
    }
    LC_TRY(lc_alloc_array(&r, 1, sizeof *r));
    r->setup = *setup;
    lc_status status = parse(text, r->members, &r->count);
    if (status == LC_OK) {
        status = make(r);
    }
    if (status != LC_OK) {
        lc_regularizers_free(r);
        return status;
    }
    *out = r;
    return LC_OK;
}

void lc_regularizers_free(lc_regularizers *r)
{
    if (!r) {
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        member *m = &r->members[i];
        if (m->state && m->kind->end) {
            m->kind->end(m->state);
        }
        free(m->state);
    }
    lc_exec_free(r->exec);
    lc_plan_free(r->plan);
    free(r->watched);
    free(r->now);
    free(r->before);
    free(r->gradient);
    free(r->penalties);
    free(r);
}

const size_t *lc_regularizers_watched(const lc_regularizers *r, size_t *count)
{
    *count = r ? r->watched_count : 0;
    return r ? r->watched : NULL;
}

lc_status lc_regularizers_begin(lc_regularizers *r)
{
    if (!r) {
        return LC_OK;
    }
    const lc_regularizer_setup *s = &r->setup;
    if (r->wants & LC_WANTS_BEFORE) {
        LC_TRY(check_packed(s));
        LC_TRY(lc_plan_new(&r->plan, s->graph, r->watched, r->watched_count, s->loader->batch, LC_FLOAT32, s->kernels, s->threads));
        LC_TRY(lc_exec_new(&r->exec, r->plan, lc_threads_count(s->threads)));
    }
    for (size_t i = 0; i < r->count; i++) {
        const lc_regularizer *k = r->members[i].kind;
        lc_status status = k->begin ? k->begin(r->members[i].state, s, r->watched, r->watched_count) : LC_OK;
        LC_TRY(status == LC_OK ? LC_OK : lc_fail_in(status, "%s", k->name));
    }
    return LC_OK;
}

/* Steps ----------------------------------------------------------------------------------------------------------- */

lc_status lc_regularizers_on_values(lc_regularizers *r, lc_tape *tape, const lc_batch *batch, double *penalty)
{
    if (!r || !r->watched_count) {
        return LC_OK;
    }
    const lc_regularizer_setup *s = &r->setup;
    if (r->exec) {
        size_t bytes = batch->count * lc_tensor_count(&s->graph->values[s->graph->input].t) * sizeof(float);
        memcpy(lc_exec_input(r->exec), batch->input, bytes);
        LC_TRY(lc_exec_run(r->exec, batch->count, s->threads));
    }
    for (size_t i = 0; i < r->watched_count; i++) {
        r->now[i] = lc_tape_value(tape, r->watched[i]);
        r->gradient[i] = lc_tape_gradient(tape, r->watched[i]);
        r->before[i] = r->exec ? lc_exec_tap(r->exec, i) : (lc_tensor){0};
    }
    const lc_regularizer_values v = {.n = batch->count,
                                     .values = r->watched_count,
                                     .labels = batch->labels,
                                     .targets = batch->targets,
                                     .classes = s->loader->classes,
                                     .now = r->now,
                                     .before = r->exec ? r->before : NULL,
                                     .gradient = r->gradient,
                                     .threads = s->threads};
    for (size_t i = 0; i < r->count; i++) {
        const lc_regularizer *k = r->members[i].kind;
        if (!k->on_values) {
            continue;
        }
        if (!r->gradient[0]) {
            return lc_fail(LC_ERR_ARG, "%s acts on the features that the last layer reads, and nothing below it is trained", k->name);
        }
        double own = 0;
        LC_TRY(k->on_values(r->members[i].state, r->members[i].strength, s, &v, &own));
        *penalty += own;
    }
    return LC_OK;
}

static lc_status weigh(void *context, size_t i)
{
    lc_regularizers *r = context;
    r->penalties[i] = r->setup.parameters[i].trained ? r->at->kind->on_weights(r->at->state, r->at->strength, &r->setup, i) : 0;
    return LC_OK;
}

lc_status lc_regularizers_on_weights(lc_regularizers *r, double *penalty)
{
    for (size_t i = 0; r && i < r->count; i++) {
        r->at = &r->members[i];
        if (!r->at->kind->on_weights) {
            continue;
        }
        LC_TRY(lc_parallel_for(r->setup.threads, r->setup.parameter_count, weigh, r));
        for (size_t p = 0; p < r->setup.parameter_count; p++) {
            *penalty += r->penalties[p];
        }
    }
    return LC_OK;
}

/* What several of them do ----------------------------------------------------------------------------------------- */

lc_status lc_starting_weights(float ***out, const lc_regularizer_setup *s)
{
    LC_TRY(lc_alloc_array(out, s->parameter_count, sizeof **out));
    for (size_t i = 0; i < s->parameter_count; i++) {
        const lc_parameter *p = &s->parameters[i];
        if (p->trained) {
            LC_TRY(lc_alloc_raw(&(*out)[i], p->count, sizeof ***out));
            memcpy((*out)[i], p->data, p->count * sizeof ***out);
        }
    }
    return LC_OK;
}

void lc_starting_weights_free(float **weights, size_t count)
{
    for (size_t i = 0; weights && i < count; i++) {
        free(weights[i]);
    }
    free(weights);
}

double lc_pull(const lc_parameter *p, const float *start, double strength)
{
    double sum = 0;
    for (size_t i = 0; i < p->count; i++) {
        float away = start ? p->data[i] - start[i] : p->data[i];
        sum += (double)away * (double)away;
        p->gradient[i] += (float)strength * away;
    }
    return strength / 2 * sum;
}

void lc_softmax(size_t n, size_t classes, double temperature, float *z)
{
    for (size_t i = 0; i < n; i++, z += classes) {
        float most = z[0];
        double sum = 0;
        for (size_t k = 1; k < classes; k++) {
            most = z[k] > most ? z[k] : most;
        }
        for (size_t k = 0; k < classes; k++) {
            double e = exp((double)(z[k] - most) / temperature);
            z[k] = (float)e;
            sum += e;
        }
        for (size_t k = 0; k < classes; k++) {
            z[k] = (float)((double)z[k] / sum);
        }
    }
}
