#include "extractor/graph/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

/* Where the name is, or would be. */
static lc_name_slot *slot_of(const lc_names *n, const char *name, size_t length)
{
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < length; i++) {
        h = (h ^ (unsigned char)name[i]) * UINT64_C(1099511628211);
    }
    size_t i = (size_t)h & (n->size - 1);
    while (n->slots[i].name && (n->slots[i].length != length || memcmp(n->slots[i].name, name, length) != 0)) {
        i = (i + 1) & (n->size - 1);
    }
    return &n->slots[i];
}

size_t *lc_names_get(const lc_names *n, const char *name, size_t length)
{
    lc_name_slot *slot = n->size ? slot_of(n, name, length) : NULL;
    return slot && slot->name ? &slot->number : NULL;
}

static lc_status grow(lc_names *n)
{
    lc_names larger = {.count = n->count, .size = n->size ? 2 * n->size : 64};
    LC_TRY(lc_alloc_array(&larger.slots, larger.size, sizeof *larger.slots));
    for (size_t i = 0; i < n->size; i++) {
        if (n->slots[i].name) {
            *slot_of(&larger, n->slots[i].name, n->slots[i].length) = n->slots[i];
        }
    }
    free(n->slots);
    *n = larger;
    return LC_OK;
}

lc_status lc_names_put(lc_names *n, const char *name, size_t length, size_t number, size_t **out)
{
    if (2 * (n->count + 1) > n->size) {
        LC_TRY(grow(n));
    }
    lc_name_slot *slot = slot_of(n, name, length);
    if (!slot->name) {
        *slot = (lc_name_slot){name, length, number};
        n->count++;
    }
    *out = &slot->number;
    return LC_OK;
}

void lc_names_free(lc_names *n)
{
    free(n->slots);
    *n = (lc_names){0};
}
