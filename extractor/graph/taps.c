/*
 * Names of taps.
 *
 * A file that PyTorch exported calls a node "/layer1/layer1.0/conv1/Conv": the modules on the way, each with its path,
 * then the operator. The user knows it as "layer1.0.conv1". When a module has inner modules of its own, an operator
 * directly in it was written as a function, and is called by its name: "/features/features.3/Concat" is
 * "features.3.cat", as torchvision's feature extraction calls it. A module without inner modules that became several
 * operators is called so where its last one stands. Other files' node names are taken as they are.
 *
 * The file's own node and value names stay as aliases. A module's name ("layer1.0", "features.3") is an alias of the
 * last node within it, unless a node is called so.
 */
#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "extractor/graph/graph.h"

/*
 * "/layer1/layer1.0/conv1/Conv_1" -> module "layer1.0.conv1", *suffix "_1". A component that repeats the one before
 * with a dot behind it continues it ("downsample/downsample.0"); another is appended.
 */
static lc_status module_of(const char *node, char **module, const char **suffix)
{
    char *path;
    LC_TRY(lc_alloc_array(&path, strlen(node) + 2, 1));
    const char *last = strrchr(node, '/');
    size_t used = 0, before = 0; /* where the component before begins */
    for (const char *p = node + 1; p < last;) {
        const char *end = strchr(p, '/');
        size_t n = (size_t)(end - p), length = used - before;
        if (used && n > length && strncmp(p, path + before, length) == 0 && p[length] == '.') {
            used = before;
        } else if (used) {
            path[used++] = '.';
        }
        before = used;
        memcpy(path + used, p, n);
        used += n;
        path[used] = '\0';
        p = end + 1;
    }
    const char *underscore = strrchr(last, '_');
    *suffix = underscore && underscore[1] && strspn(underscore + 1, "0123456789") == strlen(underscore + 1) ? underscore : "";
    *module = path;
    return LC_OK;
}

static bool is_inside(const char *path, const char *module)
{
    size_t n = strlen(module);
    return strncmp(path, module, n) == 0 && (path[n] == '.' || n == 0);
}

static bool name_taken(const lc_taps *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->taps[i].name && strcmp(t->taps[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The tap that answers to `name` exactly: a name first, then an alias. LC_NO_VALUE: none. */
static size_t find(const lc_taps *t, const char *name)
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

/* Adds an alias where there is room and nobody is called so yet. */
static lc_status add_alias(lc_taps *t, size_t tap, const char *alias)
{
    lc_tap_entry *e = &t->taps[tap];
    if (!alias[0] || e->alias_count == LC_TAP_ALIASES || find(t, alias) != LC_NO_VALUE) {
        return LC_OK;
    }
    LC_TRY(lc_strdup(&e->aliases[e->alias_count], alias));
    e->alias_count++;
    return LC_OK;
}

/* The tap of a value; LC_NO_VALUE: it is the input, or hidden. */
static size_t tap_of(const lc_taps *t, size_t value)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->taps[i].value == value) {
            return i;
        }
    }
    return LC_NO_VALUE;
}

/* What torch.nn.functional calls an operator. */
static const char *function_of(const lc_op *op)
{
    static const char *const names[][2] = {
        {"concat", "cat"}, {"global_avgpool", "adaptive_avg_pool2d"}, {"avgpool", "avg_pool2d"}, {"maxpool", "max_pool2d"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(op->name, names[i][0]) == 0) {
            return names[i][1];
        }
    }
    return op->name;
}

/*
 * Is tap i one step of a module without inner modules, which the exporter wrote as several operators (SiLU as Sigmoid and
 * Mul), and not its last? *parts: there are several. Equal operators are a module that is called again.
 */
static bool is_step(const lc_taps *t, const lc_graph *g, char **modules, size_t i, bool *parts)
{
    size_t last = i;
    *parts = false;
    for (size_t k = 0; k < t->count; k++) {
        if (modules[k] && strcmp(modules[k], modules[i]) == 0) {
            *parts = *parts || g->nodes[t->taps[k].node].op != g->nodes[t->taps[i].node].op;
            last = k;
        }
    }
    return *parts && last != i;
}

/* How many taps before i are the same function in the same module: the file's own numbers are in no order. */
static size_t calls_before(const lc_taps *t, const lc_graph *g, char **modules, size_t i)
{
    size_t n = 0;
    for (size_t k = 0; k < i; k++) {
        n += modules[k] && strcmp(modules[k], modules[i]) == 0 && g->nodes[t->taps[k].node].op == g->nodes[t->taps[i].node].op;
    }
    return n;
}

/* The name of tap i, a node that PyTorch exported. */
static lc_status exported_name(const lc_taps *t, const lc_graph *g, char **modules, size_t i, char **name)
{
    const char *module = modules[i], *suffix;
    bool has_modules = module[0] == '\0', parts;
    for (size_t k = 0; k < t->count && !has_modules; k++) {
        has_modules = modules[k] && is_inside(modules[k], module);
    }
    if (!is_step(t, g, modules, i, &parts) && !has_modules) {
        char *again;
        LC_TRY(module_of(g->nodes[t->taps[i].node].name, &again, &suffix));
        free(again);
        return lc_sprintf(name, "%s%s", module, parts ? "" : suffix);
    }
    size_t calls = calls_before(t, g, modules, i);
    const char *function = function_of(g->nodes[t->taps[i].node].op), *dot = module[0] ? "." : "";
    return calls ? lc_sprintf(name, "%s%s%s_%zu", module, dot, function, calls) : lc_sprintf(name, "%s%s%s", module, dot, function);
}

/* Names of all taps; modules[i] is the module path of an exported node, or NULL. */
static lc_status name_taps(lc_taps *t, const lc_graph *g, char **modules)
{
    for (size_t i = 0; i < t->count; i++) {
        const char *node = g->nodes[t->taps[i].node].name;
        char *name = NULL;
        if (modules[i]) {
            LC_TRY(exported_name(t, g, modules, i, &name));
        } else {
            LC_TRY(lc_strdup(&name, node[0] ? node : g->values[t->taps[i].value].name));
        }
        if (name[0] == '\0' || name_taken(t, name)) {
            free(name);
            LC_TRY(lc_strdup(&name, g->values[t->taps[i].value].name));
        }
        t->taps[i].name = name;
    }
    return LC_OK;
}

/* "layer1", "layer1.0" of "layer1.0.relu": prefixes that end before a dot. Longest first, so that it is the block. */
static lc_status name_blocks(lc_taps *t)
{
    for (size_t i = t->count; i-- > 0;) {
        char *prefix;
        LC_TRY(lc_strdup(&prefix, t->taps[i].name));
        lc_status status = LC_OK;
        for (char *dot; status == LC_OK && (dot = strrchr(prefix, '.'));) {
            *dot = '\0';
            size_t before = t->taps[i].alias_count;
            status = add_alias(t, i, prefix);
            bool added = t->taps[i].alias_count > before;
            if (added && !t->taps[i].block && isdigit((unsigned char)prefix[strlen(prefix) - 1])) {
                t->taps[i].block = before + 1;
            }
        }
        free(prefix);
        LC_TRY(status);
    }
    return LC_OK;
}

/*
 * "logits": what the network calls its output, before a final softmax. "penultimate": what feeds the head - the last
 * layer with weights from which only single-input nodes lead to the output. Where several values meet behind that
 * layer (a residual network without its head), the output itself is the feature.
 */
static lc_status name_ends(lc_taps *t, const lc_graph *g)
{
    size_t logits = LC_NO_VALUE, penultimate = LC_NO_VALUE, *tap_of_node;
    LC_TRY(lc_alloc_array(&tap_of_node, g->node_count, sizeof *tap_of_node));
    for (size_t i = 0; i < t->count; i++) {
        tap_of_node[t->taps[i].node] = i + 1;
    }
    size_t v = g->output;
    while (v != LC_NO_VALUE && g->values[v].node != LC_NO_VALUE) {
        const lc_node *n = &g->nodes[g->values[v].node];
        size_t activations = 0;
        if (n->hidden) {
            v = n->in[0];
            continue;
        }
        for (size_t i = 0; i < n->inputs; i++) {
            activations += n->in[i] != LC_NO_VALUE && !g->values[n->in[i]].t.data;
        }
        if (logits == LC_NO_VALUE && strcmp(n->op->name, "softmax") != 0) {
            logits = v;
        }
        if (activations != 1) {
            break;
        }
        v = n->in[0];
        if (n->op->flags & LC_OP_WEIGHTED) {
            penultimate = v;
            break;
        }
    }
    /* Nodes without a name of their own (put in by the graph) hand the role to the value they read. */
    while (penultimate != LC_NO_VALUE && g->values[penultimate].node != LC_NO_VALUE &&
           g->nodes[g->values[penultimate].node].hidden) {
        penultimate = g->nodes[g->values[penultimate].node].in[0];
    }
    if (penultimate == LC_NO_VALUE || g->values[penultimate].node == LC_NO_VALUE) {
        penultimate = logits;
    }
    lc_status status = LC_OK;
    const size_t ends[] = {logits, penultimate};
    const char *names[] = {"logits", "penultimate"};
    for (size_t i = 0; i < 2 && status == LC_OK; i++) {
        if (ends[i] != LC_NO_VALUE && g->values[ends[i]].node != LC_NO_VALUE && tap_of_node[g->values[ends[i]].node]) {
            status = add_alias(t, tap_of_node[g->values[ends[i]].node] - 1, names[i]);
        }
    }
    free(tap_of_node);
    return status;
}

/* Parameters and multiply-adds of everything each tap needs. */
static lc_status add_costs(lc_taps *t, const lc_graph *g)
{
    uint64_t *macs = NULL, *parameters = NULL;
    unsigned char *needed = NULL;
    const lc_tensor **in = NULL;
    size_t most = 0;
    for (size_t n = 0; n < g->node_count; n++) {
        most = g->nodes[n].inputs > most ? g->nodes[n].inputs : most;
    }
    lc_status status = lc_alloc_array(&macs, g->node_count, sizeof *macs);
    if (status == LC_OK) {
        status = lc_alloc_array(&parameters, g->node_count, sizeof *parameters);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&needed, g->node_count, 1);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&in, most + 1, sizeof *in);
    }
    if (status != LC_OK) {
        goto done;
    }
    for (size_t n = 0; n < g->node_count; n++) {
        const lc_node *node = &g->nodes[n];
        lc_tensor out = g->values[node->out].t;
        lc_op_call c = lc_graph_call(g, n, in, &out);
        macs[n] = node->op->macs ? node->op->macs(&c) : 0;
        for (size_t i = 1; (node->op->flags & LC_OP_LEARNED) && i < node->inputs && i < 3; i++) {
            parameters[n] += in[i] && in[i]->data ? lc_tensor_count(in[i]) : 0;
        }
    }
    for (size_t i = 0; i < t->count; i++) {
        memset(needed, 0, g->node_count);
        needed[t->taps[i].node] = 1;
        for (size_t n = t->taps[i].node + 1; n-- > 0;) {
            if (!needed[n]) {
                continue;
            }
            t->taps[i].macs += macs[n];
            t->taps[i].parameters += parameters[n];
            for (size_t k = 0; k < g->nodes[n].inputs; k++) {
                size_t v = g->nodes[n].in[k];
                if (v != LC_NO_VALUE && g->values[v].node != LC_NO_VALUE) {
                    needed[g->values[v].node] = 1;
                }
            }
        }
    }
done:
    free(macs);
    free(parameters);
    free(needed);
    free(in);
    return status;
}

lc_status lc_taps_new(lc_taps *out, const lc_graph *g)
{
    *out = (lc_taps){0};
    char **modules = NULL;
    lc_status status = lc_alloc_array(&out->taps, g->node_count, sizeof *out->taps);
    if (status == LC_OK) {
        status = lc_alloc_array(&modules, g->node_count, sizeof *modules);
    }
    for (size_t n = 0; status == LC_OK && n < g->node_count; n++) {
        if (!g->nodes[n].hidden) {
            const char *suffix, *name = g->nodes[n].name;
            if (name[0] == '/') {
                status = module_of(name, &modules[out->count], &suffix);
            }
            out->taps[out->count++] = (lc_tap_entry){.value = lc_graph_shown(g, g->nodes[n].out), .node = n};
        }
    }
    if (status == LC_OK) {
        status = name_taps(out, g, modules);
    }
    for (size_t i = 0; modules && i < out->count; i++) {
        free(modules[i]);
    }
    free(modules);
    for (size_t i = 0; status == LC_OK && i < out->count; i++) {
        status = add_alias(out, i, g->nodes[out->taps[i].node].name);
        if (status == LC_OK) {
            status = add_alias(out, i, g->values[out->taps[i].value].name);
        }
    }
    for (size_t i = 0; status == LC_OK && i < g->alias_count; i++) {
        size_t tap = tap_of(out, lc_graph_shown(g, g->aliases[i].value));
        status = tap == LC_NO_VALUE ? LC_OK : add_alias(out, tap, g->aliases[i].name);
    }
    if (status == LC_OK) {
        status = name_ends(out, g);
    }
    if (status == LC_OK) {
        status = name_blocks(out);
    }
    if (status == LC_OK) {
        status = add_costs(out, g);
    }
    if (status != LC_OK) {
        lc_taps_free(out);
    }
    return status;
}

void lc_taps_free(lc_taps *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->taps[i].name);
        for (size_t a = 0; a < t->taps[i].alias_count; a++) {
            free(t->taps[i].aliases[a]);
        }
    }
    free(t->taps);
    *t = (lc_taps){0};
}

/* Selection ------------------------------------------------------------------------------------------------------ */

typedef struct {
    const lc_taps *t;
    char **chosen; /* by tap: the name it was asked for, or NULL */
} selection;

static lc_status choose(selection *s, size_t tap, const char *name)
{
    return s->chosen[tap] ? LC_OK : lc_strdup(&s->chosen[tap], name);
}

static const char *block_name(const lc_tap_entry *e)
{
    return e->aliases[e->block - 1];
}

/* "@block" of networks whose names show no blocks: where values meet, with the activation behind. */
static bool ends_junction(const lc_taps *t, const lc_graph *g, size_t tap)
{
    const lc_node *n = &g->nodes[t->taps[tap].node];
    bool activation = n->inputs > 0 && (strcmp(n->op->name, "relu") == 0 || strcmp(n->op->name, "clip") == 0);
    if (activation && n->in[0] != LC_NO_VALUE && g->values[n->in[0]].node != LC_NO_VALUE) {
        const lc_node *before = &g->nodes[g->values[n->in[0]].node];
        return strcmp(before->op->name, "add") == 0 || strcmp(before->op->name, "concat") == 0;
    }
    bool junction = strcmp(n->op->name, "add") == 0 || strcmp(n->op->name, "concat") == 0;
    for (size_t i = 0; junction && i < g->node_count; i++) {
        const lc_node *after = &g->nodes[i];
        if (after->inputs && after->in[0] == n->out && (strcmp(after->op->name, "relu") == 0 || strcmp(after->op->name, "clip") == 0)) {
            return false;
        }
    }
    return junction;
}

static lc_status choose_kind(selection *s, const lc_graph *g, const char *kind)
{
    bool named_blocks = false, found = false;
    for (size_t i = 0; i < s->t->count; i++) {
        named_blocks = named_blocks || s->t->taps[i].block;
    }
    for (size_t i = 0; i < s->t->count; i++) {
        const lc_tap_entry *e = &s->t->taps[i];
        if (strcmp(kind, "block") == 0) {
            if (named_blocks ? e->block != 0 : ends_junction(s->t, g, i)) {
                LC_TRY(choose(s, i, named_blocks ? block_name(e) : e->name));
                found = true;
            }
        } else if (strcmp(g->nodes[e->node].op->name, kind) == 0) {
            LC_TRY(choose(s, i, e->name));
            found = true;
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
    size_t tap = find(s->t, word);
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
