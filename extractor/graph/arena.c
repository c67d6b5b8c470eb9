#include "extractor/graph/arena.h"

#include <stdbool.h>

static bool overlap(const lc_life *a, const lc_life *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset at which `l` fits beside those already placed. */
static size_t lowest(lc_life *const *lives, size_t placed, const lc_life *l)
{
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < placed; i++) {
            const lc_life *o = lives[i];
            if (overlap(o, l) && at < o->offset + o->size && o->offset < at + l->size) {
                at = o->offset + o->size;
                moved = true;
            }
        }
    }
    return at;
}

size_t lc_arena_place(lc_life **lives, size_t count)
{
    size_t end = 0;
    /* Insertion by size: a few hundred values, and no comparison function. */
    for (size_t i = 1; i < count; i++) {
        lc_life *l = lives[i];
        size_t j = i;
        for (; j > 0 && lives[j - 1]->size < l->size; j--) {
            lives[j] = lives[j - 1];
        }
        lives[j] = l;
    }
    for (size_t i = 0; i < count; i++) {
        lives[i]->offset = lowest(lives, i, lives[i]);
        size_t last = lives[i]->offset + lives[i]->size;
        end = last > end ? last : end;
    }
    return end;
}
