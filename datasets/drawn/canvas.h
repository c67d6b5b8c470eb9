/*
 * A small picture and a pen: polygons, ellipses and lines with smooth edges, each filled by a colour that may run from
 * light to dark or carry a pattern. Shapes are given in the object's own frame, about -1..1 with y downwards, and go
 * through the pen's affine map. Everything random comes from the pen's generator.
 */
#ifndef LC_DATASETS_CANVAS_H
#define LC_DATASETS_CANVAS_H

#include "common/rng.h"

enum { SIZE = 64, MAX_POINTS = 64 };

typedef struct {
    double x, y;
} point;

typedef struct {
    float r, g, b;
} colour;

typedef struct {
    colour at[SIZE][SIZE]; /* rows from the top; 0 black, 1 white */
} canvas;

typedef struct {
    canvas *on;
    lc_rng *rng;
    double xx, xy, yx, yy, dx, dy; /* object (x, y) -> pixels (xx x + xy y + dx, yx x + yy y + dy) */
    colour palette[4];             /* what colour numbers mean */
    colour ink;                    /* of outlines */
    double outline;                /* width of the line around every shape in pixels, 0: none */
    int hollow;                    /* nothing but outlines */
    int pattern;                   /* 0: even fills; else fills are striped, dotted ... */
    double pattern_period;         /* in pixels */
} pen;

/* Uniform in [low, high). */
double between(lc_rng *r, double low, double high);

/* A colour of the given lightness (0 black, 1 white), of any hue. */
colour any_colour(lc_rng *r, double lightness);
colour mix(colour a, colour b, double how_much_of_b);

/* Sets the map: an object of `radius` pixels around (x, y), turned by `angle` (radians), mirrored or not, of its height
 * `aspect` times its width. */
void place(pen *p, double x, double y, double radius, double angle, int mirrored, double aspect);

/* A closed shape of `count` <= MAX_POINTS corners, {x, y} each, filled with palette[colour_number]. */
void polygon(pen *p, int colour_number, const point *corners, int count);
void ellipse(pen *p, int colour_number, double x, double y, double rx, double ry, double angle);
void box(pen *p, int colour_number, double left, double top, double right, double bottom);
/* An open line through `count` points, `width` in the object's measure. */
void line(pen *p, int colour_number, const point *through, int count, double width);
/* The rim of an ellipse from angle `from` to `to`, clockwise from the right. */
void arc(pen *p, int colour_number, double x, double y, double rx, double ry, double from, double to, double width);

#define POLYGON(p, colour_number, ...) \
    polygon(p, colour_number, (const point[]){__VA_ARGS__}, (int)(sizeof((point[]){__VA_ARGS__}) / sizeof(point)))
#define LINE(p, colour_number, width, ...) \
    line(p, colour_number, (const point[]){__VA_ARGS__}, (int)(sizeof((point[]){__VA_ARGS__}) / sizeof(point)), width)

#endif
