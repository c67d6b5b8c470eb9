/*
 * Objects: things composed of parts. Each is drawn with whatever pen it is given; parts vary in size and place, colours
 * mean nothing.
 */
#ifndef LC_DATASETS_OBJECTS_H
#define LC_DATASETS_OBJECTS_H

#include "datasets/drawn/canvas.h"

typedef struct {
    const char *name;
    void (*draw)(pen *p);
} object_kind;

extern const object_kind object_kinds[]; /* by name; ends with {0} */

/* A circle, triangle, box, bar, ring or star: parts that belong to nothing. */
void draw_scrap(pen *p);

#endif
