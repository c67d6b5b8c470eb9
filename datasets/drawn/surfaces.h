/*
 * Surfaces: textures that fill a picture. Each is a function of a place, measured in its own periods, to 0..1: how much
 * of the second colour shows there.
 */
#ifndef LC_DATASETS_SURFACES_H
#define LC_DATASETS_SURFACES_H

#include "datasets/drawn/canvas.h"

typedef struct {
    const char *name;
    double (*level)(double u, double v, uint64_t seed);
    double fineness; /* its period is that of the others divided by this, so that none is told by its coarseness */
} surface_kind;

extern const surface_kind surface_kinds[]; /* by name; ends with {0} */

/* Fills the picture with a surface at a random place and angle: `period` in pixels, bent by up to `bend` periods. */
void fill_surface(canvas *c, lc_rng *r, const surface_kind *kind, double period, double bend, colour low, colour high);

#endif
