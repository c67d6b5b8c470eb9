/*
 * Which taps a selector means.
 */
#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "extractor/graph/taps.h"

size_t lc_taps_find(const lc_taps *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->taps[i].name, name) == 0) {
            return i;
        }
    }
    for (size_t i = 0; i < t->count; i++) {
        for (size_t a = 0; a < t->taps[i].alias_count; a++) {
            if (strcmp(t->taps[i].aliases[a], name) == 0) {
                return i;
            }
        }
    }
    return LC_NO_VALUE;
}

typedef struct {
    const lc_taps *t;
    char **chosen; /* by tap: the name it was asked for, or NULL */
} selection;

static lc_status choose(selection *s, size_t tap, const char *name)
{
    return s->chosen[tap] ? LC_OK : lc_strdup(&s->chosen[tap], name);
}

static bool is_activation(const lc_node *n)
{
    return n->inputs > 0 && n->in[0] != LC_NO_VALUE && (strcmp(n->op->name, "relu") == 0 || strcmp(n->op->name, "clip") == 0);
}

/* "@block" of networks whose names show no blocks, by node: where values meet, with the activation behind. */
static lc_status find_junctions(const lc_graph *g, bool **ends)
{
    LC_TRY(lc_alloc_array(ends, g->node_count, sizeof **ends));
    for (size_t i = 0; i < g->node_count; i++) {
        const lc_node *n = &g->nodes[i];
        size_t before = is_activation(n) ? g->values[n->in[0]].node : LC_NO_VALUE;
        (*ends)[i] = lc_node_joins(g, n);
        if (before != LC_NO_VALUE && lc_node_joins(g, &g->nodes[before])) {
            (*ends)[before] = false;
            (*ends)[i] = true;
        }
    }
    return LC_OK;
}

static lc_status choose_blocks(selection *s, const lc_graph *g, bool *found)
{
    bool named = false, *junctions;
    for (size_t i = 0; i < s->t->count; i++) {
        named = named || s->t->taps[i].block;
    }
    LC_TRY(find_junctions(g, &junctions));
    lc_status status = LC_OK;
    for (size_t i = 0; i < s->t->count && status == LC_OK; i++) {
        const lc_tap_entry *e = &s->t->taps[i];
        if (named ? e->block != 0 : junctions[e->node]) {
            status = choose(s, i, named ? e->aliases[e->block - 1] : e->name);
            *found = true;
        }
    }
    free(junctions);
    return status;
}

static lc_status choose_kind(selection *s, const lc_graph *g, const char *kind)
{
    bool found = false;
    if (strcmp(kind, "block") == 0) {
        LC_TRY(choose_blocks(s, g, &found));
    } else {
        for (size_t i = 0; i < s->t->count; i++) {
            if (strcmp(g->nodes[s->t->taps[i].node].op->name, kind) == 0) {
                LC_TRY(choose(s, i, s->t->taps[i].name));
                found = true;
            }
        }
    }
    return found ? LC_OK : lc_fail(LC_ERR_NOTFOUND, "this network has no layer of kind '@%s'", kind);
}

static lc_status choose_glob(selection *s, const char *pattern)
{
    bool found = false;
    for (size_t i = 0; i < s->t->count; i++) {
        const lc_tap_entry *e = &s->t->taps[i];
        bool match = fnmatch(pattern, e->name, 0) == 0;
        for (size_t a = 0; a < e->alias_count && !match; a++) {
            /* Of the aliases only file names: "layer3.*" means what is in layer3, not the blocks it ends. */
            match = e->aliases[a][0] == '/' && fnmatch(pattern, e->aliases[a], 0) == 0;
        }
        if (match) {
            LC_TRY(choose(s, i, e->name));
            found = true;
        }
    }
    return found ? LC_OK : lc_fail(LC_ERR_NOTFOUND, "no layer matches '%s'", pattern);
}

static lc_status unknown(const lc_taps *t, const char *name)
{
    const char **names;
    size_t n = 0;
    char nearest[512];
    LC_TRY(lc_alloc_array(&names, t->count * (LC_TAP_ALIASES + 1), sizeof *names));
    for (size_t i = 0; i < t->count; i++) {
        names[n++] = t->taps[i].name;
        for (size_t a = 0; a < t->taps[i].alias_count; a++) {
            names[n++] = t->taps[i].aliases[a];
        }
    }
    lc_text_nearest(nearest, sizeof nearest, name, names, n);
    free(names);
    return lc_fail(LC_ERR_NOTFOUND, "no layer is called '%s'; nearest: %s (all: layercut layers MODEL)", name, nearest);
}

static lc_status choose_word(selection *s, const lc_graph *g, const char *word)
{
    if (strcmp(word, "all") == 0) {
        return choose_glob(s, "*");
    }
    if (word[0] == '@') {
        return choose_kind(s, g, word + 1);
    }
    if (word[0] == '#') {
        char *end;
        unsigned long i = strtoul(word + 1, &end, 10);
        if (!isdigit((unsigned char)word[1]) || *end || i >= s->t->count) {
            return lc_fail(LC_ERR_NOTFOUND, "no layer has the number '%s'; there are #0 to #%zu", word, s->t->count - 1);
        }
        return choose(s, i, s->t->taps[i].name);
    }
    size_t tap = lc_taps_find(s->t, word);
    if (tap != LC_NO_VALUE) {
        bool role = strcmp(word, "penultimate") == 0 || strcmp(word, "logits") == 0;
        return choose(s, tap, role ? s->t->taps[tap].name : word);
    }
    return strpbrk(word, "*?[") ? choose_glob(s, word) : unknown(s->t, word);
}

lc_status lc_taps_select(const lc_taps *t, const lc_graph *g, const char *selector, lc_choice **choices, size_t *count)
{
    selection s = {.t = t};
    char *words = NULL, *rest;
    *choices = NULL;
    *count = 0;
    lc_status status = lc_alloc_array(&s.chosen, t->count, sizeof *s.chosen);
    if (status == LC_OK) {
        status = lc_strdup(&words, selector);
    }
    bool any = false;
    for (char *word = words ? strtok_r(words, ",", &rest) : NULL; status == LC_OK && word; word = strtok_r(NULL, ",", &rest)) {
        status = choose_word(&s, g, word);
        any = true;
    }
    if (status == LC_OK && !any) {
        status = lc_fail(LC_ERR_ARG, "an empty list of layers");
    }
    if (status == LC_OK) {
        status = lc_alloc_array(choices, t->count, sizeof **choices);
    }
    for (size_t i = 0; i < t->count && s.chosen; i++) {
        if (s.chosen[i] && status == LC_OK) {
            (*choices)[(*count)++] = (lc_choice){i, s.chosen[i]};
        } else {
            free(s.chosen[i]);
        }
    }
    free(s.chosen);
    free(words);
    return status;
}

void lc_choices_free(lc_choice *choices, size_t count)
{
    for (size_t i = 0; choices && i < count; i++) {
        free(choices[i].name);
    }
    free(choices);
}
