#include <ctype.h>
#include <string.h>

#include "extractor/graph/taps.h"

enum { DEEPEST = 31 }; /* modules within modules that are looked at; networks have up to eight */

/* A module on the way to a name: "layer1.0" of "layer1.0.conv1", of depth 2, whose part there is "conv1". */
typedef struct {
    const char *name, *part;
    size_t length, part_length, depth;
} prefix;

static prefix first_prefix(const char *name)
{
    return (prefix){.name = name, .part = name, .part_length = strcspn(name, ".")};
}

/* The next longer one; false: there is none. */
static bool next_prefix(prefix *p)
{
    if (p->part[p->part_length] == '\0' || p->depth == DEEPEST) {
        return false;
    }
    p->length = (size_t)(p->part - p->name) + p->part_length;
    p->part += p->part_length + 1;
    p->part_length = strcspn(p->part, ".");
    p->depth++;
    return true;
}

bool lc_node_joins(const lc_graph *g, const lc_node *n)
{
    size_t activations = 0;
    for (size_t i = 0; i < n->inputs; i++) {
        activations += n->in[i] != LC_NO_VALUE && !g->values[n->in[i]].t.data;
    }
    return activations > 1 && (strcmp(n->op->name, "add") == 0 || strcmp(n->op->name, "concat") == 0);
}

/* The modules that join values themselves. */
static lc_status find_joints(const lc_taps *t, const lc_graph *g, lc_names *joints)
{
    size_t *number;
    for (size_t i = 0; i < t->count; i++) {
        const char *dot = strrchr(t->taps[i].name, '.');
        if (dot && lc_node_joins(g, &g->nodes[t->taps[i].node])) {
            LC_TRY(lc_names_put(joints, t->taps[i].name, (size_t)(dot - t->taps[i].name), 0, &number));
        }
    }
    return LC_OK;
}

/* A module that joins values, and is not a part of a block that does. */
static bool is_block(const lc_names *joints, const prefix *p)
{
    if (!lc_names_get(joints, p->name, p->length)) {
        return false;
    }
    bool inside = false;
    for (prefix outer = first_prefix(p->name); next_prefix(&outer) && outer.length < p->length && !inside;) {
        inside = lc_names_get(joints, outer.name, outer.length);
    }
    return !inside || isdigit((unsigned char)p->name[p->length - 1]);
}

/* Names of parts of blocks; bit d: of blocks of depth d. */
static lc_status find_parts(const lc_taps *t, const lc_names *joints, lc_names *parts)
{
    size_t *depths;
    for (size_t i = 0; i < t->count; i++) {
        for (prefix p = first_prefix(t->taps[i].name); next_prefix(&p);) {
            if (is_block(joints, &p)) {
                LC_TRY(lc_names_put(parts, p.part, p.part_length, 0, &depths));
                *depths |= (size_t)1 << p.depth;
            }
        }
    }
    return LC_OK;
}

/* Modules with a part that no block of their depth has. */
static lc_status find_others(const lc_taps *t, const lc_names *parts, lc_names *others)
{
    size_t *number;
    for (size_t i = 0; i < t->count; i++) {
        for (prefix p = first_prefix(t->taps[i].name); next_prefix(&p);) {
            const size_t *depths = lc_names_get(parts, p.part, p.part_length);
            if (!depths || !(*depths >> p.depth & 1)) {
                LC_TRY(lc_names_put(others, p.name, p.length, 0, &number));
            }
        }
    }
    return LC_OK;
}

lc_status lc_taps_blocks(const lc_taps *t, const lc_graph *g, lc_names *blocks)
{
    lc_names joints = {0}, parts = {0}, others = {0};
    size_t *number;
    lc_status status = find_joints(t, g, &joints);
    if (status == LC_OK) {
        status = find_parts(t, &joints, &parts);
    }
    if (status == LC_OK) {
        status = find_others(t, &parts, &others);
    }
    for (size_t i = 0; i < t->count && joints.count; i++) {
        for (prefix p = first_prefix(t->taps[i].name); status == LC_OK && next_prefix(&p);) {
            if (is_block(&joints, &p) || !lc_names_get(&others, p.name, p.length)) {
                status = lc_names_put(blocks, p.name, p.length, 0, &number);
            }
        }
    }
    lc_names_free(&joints);
    lc_names_free(&parts);
    lc_names_free(&others);
    return status;
}
