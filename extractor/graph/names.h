/*
 * Names to numbers: a hash table over strings that live elsewhere. What was put first under a name stays.
 *
 *   lc_names n = {0};
 *   lc_names_put(&n, "layer1.0", 8, 17, &number)  *number: 17, or what was put there before
 *   lc_names_free(&n)
 */
#ifndef LC_EXTRACTOR_GRAPH_NAMES_H
#define LC_EXTRACTOR_GRAPH_NAMES_H

#include <stddef.h>

#include "common/error.h"

typedef struct {
    const char *name; /* not terminated; NULL: free */
    size_t length, number;
} lc_name_slot;

typedef struct {
    lc_name_slot *slots; /* open addressing, at most half full */
    size_t count, size;  /* size: 0 or a power of two */
} lc_names;

/* The number under a name; NULL: there is none. Valid until the next put. */
size_t *lc_names_get(const lc_names *names, const char *name, size_t length);

/* The number under a name, which is `number` if it had none. The name's characters must outlive the table. */
LC_CHECKED lc_status lc_names_put(lc_names *names, const char *name, size_t length, size_t number, size_t **out);

void lc_names_free(lc_names *names);

#endif
