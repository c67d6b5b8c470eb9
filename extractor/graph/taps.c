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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/graph/taps.h"

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

typedef struct {
    lc_taps *t;
    const lc_graph *g;
    lc_names names;  /* and aliases -> tap */
    lc_names paths;  /* of exported modules -> modules */
    char **path;     /* by tap: the module of an exported node, or NULL */
    size_t *module;  /* by tap with a path */
    size_t *before;  /* by tap with a path: the tap before it in its module, LC_NO_VALUE for the first */
    size_t *calls;   /* by tap with a path: how many before it are the same function there; the file's own numbers are in no order */
    struct module {
        size_t last;        /* tap */
        const lc_op *first; /* operator */
        bool several;       /* different operators */
        bool outer;         /* there are modules in it */
    } *modules;
    size_t module_count;
} naming;

static const lc_op *op_of(const naming *s, size_t tap)
{
    return s->g->nodes[s->t->taps[tap].node].op;
}

static bool is_taken(const naming *s, const char *name)
{
    return lc_names_get(&s->names, name, strlen(name));
}

/* Adds an alias where there is room and nobody is called so yet. */
static lc_status add_alias(naming *s, size_t tap, const char *alias)
{
    lc_tap_entry *e = &s->t->taps[tap];
    size_t *number;
    if (!alias[0] || e->alias_count == LC_TAP_ALIASES || is_taken(s, alias)) {
        return LC_OK;
    }
    LC_TRY(lc_strdup(&e->aliases[e->alias_count], alias));
    return lc_names_put(&s->names, e->aliases[e->alias_count++], strlen(alias), tap, &number);
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

/* Tap i, which has a path, is the next in its module. */
static lc_status enter_module(naming *s, size_t i)
{
    size_t *number;
    LC_TRY(lc_names_put(&s->paths, s->path[i], strlen(s->path[i]), s->module_count, &number));
    struct module *m = &s->modules[*number];
    if (*number == s->module_count) {
        *m = (struct module){.first = op_of(s, i), .last = LC_NO_VALUE, .outer = s->path[i][0] == '\0'};
        s->module_count++;
    }
    s->module[i] = *number;
    s->before[i] = m->last;
    m->several = m->several || op_of(s, i) != m->first;
    m->last = i;
    size_t same = s->before[i];
    while (same != LC_NO_VALUE && op_of(s, same) != op_of(s, i)) {
        same = s->before[same];
    }
    s->calls[i] = same == LC_NO_VALUE ? 0 : s->calls[same] + 1;
    return LC_OK;
}

/* The modules that nodes of PyTorch's exporter are in, and which of them have modules within. */
static lc_status find_modules(naming *s)
{
    for (size_t i = 0; i < s->t->count; i++) {
        const char *suffix, *name = s->g->nodes[s->t->taps[i].node].name;
        if (name[0] == '/') {
            LC_TRY(module_of(name, &s->path[i], &suffix));
            LC_TRY(enter_module(s, i));
        }
    }
    for (size_t i = 0; i < s->t->count; i++) {
        /* Each module once; the levels are few where they are not made up. */
        if (!s->path[i] || s->modules[s->module[i]].last != i) {
            continue;
        }
        enum { LEVELS = 32 };
        size_t levels = 0;
        for (const char *dot = s->path[i]; (dot = strchr(dot, '.')) && levels < LEVELS; dot++, levels++) {
            const size_t *outer = lc_names_get(&s->paths, s->path[i], (size_t)(dot - s->path[i]));
            if (outer) {
                s->modules[*outer].outer = true;
            }
        }
    }
    return LC_OK;
}

/*
 * The name of tap i, a node that PyTorch exported. In a module without inner modules, which the exporter wrote as several
 * operators (SiLU as Sigmoid and Mul), the last is called as the module, the others are its functions. Equal operators are
 * a module that is called again.
 */
static lc_status exported_name(const naming *s, size_t i, char **name)
{
    const struct module *m = &s->modules[s->module[i]];
    const char *path = s->path[i], *suffix;
    if (!m->outer && (!m->several || m->last == i)) {
        char *again;
        LC_TRY(module_of(s->g->nodes[s->t->taps[i].node].name, &again, &suffix));
        free(again);
        return lc_sprintf(name, "%s%s", path, m->several ? "" : suffix);
    }
    const char *function = function_of(op_of(s, i)), *dot = path[0] ? "." : "";
    return s->calls[i] ? lc_sprintf(name, "%s%s%s_%zu", path, dot, function, s->calls[i])
                       : lc_sprintf(name, "%s%s%s", path, dot, function);
}

static lc_status name_taps(naming *s)
{
    for (size_t i = 0; i < s->t->count; i++) {
        lc_tap_entry *e = &s->t->taps[i];
        const char *node = s->g->nodes[e->node].name, *value = s->g->values[e->value].name;
        size_t *number;
        if (s->path[i]) {
            LC_TRY(exported_name(s, i, &e->name));
        } else {
            LC_TRY(lc_strdup(&e->name, node[0] ? node : value));
        }
        if (e->name[0] == '\0' || is_taken(s, e->name)) {
            free(e->name);
            e->name = NULL;
            LC_TRY(lc_strdup(&e->name, value));
        }
        LC_TRY(lc_names_put(&s->names, e->name, strlen(e->name), i, &number));
    }
    return LC_OK;
}

/* The file's own names, and those that whoever built the graph gave. */
static lc_status name_files(naming *s)
{
    size_t *tap_of;
    for (size_t i = 0; i < s->t->count; i++) {
        LC_TRY(add_alias(s, i, s->g->nodes[s->t->taps[i].node].name));
        LC_TRY(add_alias(s, i, s->g->values[s->t->taps[i].value].name));
    }
    LC_TRY(lc_alloc_array(&tap_of, s->g->value_count, sizeof *tap_of)); /* + 1; 0: the input, or hidden */
    for (size_t i = 0; i < s->t->count; i++) {
        tap_of[s->t->taps[i].value] = i + 1;
    }
    lc_status status = LC_OK;
    for (size_t i = 0; i < s->g->alias_count && status == LC_OK; i++) {
        size_t tap = tap_of[lc_graph_shown(s->g, s->g->aliases[i].value)];
        status = tap ? add_alias(s, tap - 1, s->g->aliases[i].name) : LC_OK;
    }
    free(tap_of);
    return status;
}

/* "layer1", "layer1.0" of "layer1.0.relu": prefixes that end before a dot. Longest first, so that it is the block. */
static lc_status name_modules(naming *s, const lc_names *blocks)
{
    for (size_t i = s->t->count; i-- > 0;) {
        lc_tap_entry *e = &s->t->taps[i];
        char *prefix;
        LC_TRY(lc_strdup(&prefix, e->name));
        lc_status status = LC_OK;
        for (char *dot; status == LC_OK && e->alias_count < LC_TAP_ALIASES && (dot = strrchr(prefix, '.'));) {
            *dot = '\0';
            size_t before = e->alias_count;
            status = add_alias(s, i, prefix);
            if (e->alias_count > before && !e->block && lc_names_get(blocks, prefix, strlen(prefix))) {
                e->block = before + 1;
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
static lc_status name_ends(naming *s)
{
    const lc_taps *t = s->t;
    const lc_graph *g = s->g;
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
            status = add_alias(s, tap_of_node[g->values[ends[i]].node] - 1, names[i]);
        }
    }
    free(tap_of_node);
    return status;
}

static lc_status name_all(naming *s)
{
    size_t count = s->t->count;
    lc_names blocks = {0};
    LC_TRY(lc_alloc_array(&s->path, count, sizeof *s->path));
    LC_TRY(lc_alloc_array(&s->module, count, sizeof *s->module));
    LC_TRY(lc_alloc_array(&s->before, count, sizeof *s->before));
    LC_TRY(lc_alloc_array(&s->calls, count, sizeof *s->calls));
    LC_TRY(lc_alloc_array(&s->modules, count, sizeof *s->modules));
    LC_TRY(find_modules(s));
    LC_TRY(name_taps(s));
    LC_TRY(name_files(s));
    LC_TRY(name_ends(s));
    lc_status status = lc_taps_blocks(s->t, s->g, &blocks);
    if (status == LC_OK) {
        status = name_modules(s, &blocks);
    }
    lc_names_free(&blocks);
    return status;
}

lc_status lc_taps_new(lc_taps *out, const lc_graph *g)
{
    *out = (lc_taps){0};
    naming s = {.t = out, .g = g};
    LC_TRY(lc_alloc_array(&out->taps, g->node_count, sizeof *out->taps));
    for (size_t n = 0; n < g->node_count; n++) {
        if (!g->nodes[n].hidden) {
            out->taps[out->count++] = (lc_tap_entry){.value = lc_graph_shown(g, g->nodes[n].out), .node = n};
        }
    }
    lc_status status = name_all(&s);
    for (size_t i = 0; s.path && i < out->count; i++) {
        free(s.path[i]);
    }
    free(s.path);
    free(s.module);
    free(s.before);
    free(s.calls);
    free(s.modules);
    lc_names_free(&s.names);
    lc_names_free(&s.paths);
    if (status == LC_OK) {
        status = lc_taps_costs(out, g);
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
