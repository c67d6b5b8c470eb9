/*
 * Memory by lifetime: where the values of a plan, or of training's tape, lie in one block of memory.
 */
#ifndef LC_EXTRACTOR_GRAPH_ARENA_H
#define LC_EXTRACTOR_GRAPH_ARENA_H

#include <stddef.h>

typedef struct {
    size_t size;        /* in floats */
    size_t first, last; /* times from which to which it lives */
    size_t offset;      /* its place, in floats */
} lc_life;

/*
 * Sets the offset of each: largest first, at the lowest place where it meets nobody of an overlapping life (greedy by size;
 * Pisarchyk and Lee, "Efficient memory management for deep neural net inference", arXiv:2001.03288, section 5.2). The
 * pointers are sorted on the way. Returns the end of the last one; the sum of all sizes must be countable.
 */
size_t lc_arena_place(lc_life **lives, size_t count);

#endif
