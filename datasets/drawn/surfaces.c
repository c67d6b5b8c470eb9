/* Cellular patterns after Worley, "A cellular texture basis function" (SIGGRAPH 1996); noise is a lattice of random
 * values, smoothed between (value noise), octaves of it for clouds. */
#include "datasets/drawn/surfaces.h"

#include <math.h>
#include <stddef.h>

static double fraction(double x)
{
    return x - floor(x);
}

static double smooth(double low, double high, double x)
{
    double t = (x - low) / (high - low);
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return t * t * (3 - 2 * t);
}

/* A random number 0..1 of each point of the lattice. */
static double at_lattice(double i, double j, uint64_t seed)
{
    uint64_t place = (uint64_t)(int64_t)i * UINT64_C(0x100000001) ^ (uint64_t)(int64_t)j << 20;
    return (double)(lc_rng_mix(place ^ lc_rng_mix(seed)) >> 11) * 0x1p-53;
}

static double noise(double u, double v, uint64_t seed)
{
    double i = floor(u), j = floor(v), s = smooth(0, 1, u - i), t = smooth(0, 1, v - j);
    double top = at_lattice(i, j, seed) * (1 - s) + at_lattice(i + 1, j, seed) * s;
    double bottom = at_lattice(i, j + 1, seed) * (1 - s) + at_lattice(i + 1, j + 1, seed) * s;
    return top * (1 - t) + bottom * t;
}

static double bricks(double u, double v, uint64_t seed)
{
    (void)seed;
    double row = floor(2 * v), x = u / 1.1 + (fraction(row / 2) < 0.25 ? 0 : 0.5);
    return 2 * v - row > 0.22 && fraction(x) > 0.13;
}

/* Borders between the cells of scattered points: second nearest less nearest distance. */
static double cells(double u, double v, uint64_t seed)
{
    double i0 = floor(u), j0 = floor(v), first = 1e30, second = 1e30;
    for (double i = i0 - 2; i <= i0 + 2; i++) {
        for (double j = j0 - 2; j <= j0 + 2; j++) {
            double x = i + at_lattice(i, j, seed) - u, y = j + at_lattice(i, j, seed + 1) - v;
            double d = sqrt(x * x + y * y);
            second = fmin(second, fmax(first, d));
            first = fmin(first, d);
        }
    }
    return smooth(0.04, 0.16, second - first);
}

static double checks(double u, double v, uint64_t seed)
{
    (void)seed;
    return (fraction(u) < 0.5) != (fraction(v) < 0.5);
}

static double clouds(double u, double v, uint64_t seed)
{
    double sum = 0;
    for (int octave = 0; octave < 4; octave++) {
        double scale = 1 << octave;
        sum += noise(0.5 * u * scale, 0.5 * v * scale, seed + (uint64_t)octave) / scale;
    }
    return smooth(0.55, 1.35, sum);
}

/* Rows shifted by half, as bubbles lie. */
static double dots(double u, double v, uint64_t seed)
{
    (void)seed;
    double row = floor(v / 0.866), x = fraction(u + (fraction(row / 2) < 0.25 ? 0 : 0.5)) - 0.5;
    double y = (v / 0.866 - row - 0.5) * 0.866;
    return smooth(0.34, 0.26, sqrt(x * x + y * y));
}

static double grain(double u, double v, uint64_t seed)
{
    return smooth(0.25, 0.75, noise(4 * u, 4 * v, seed));
}

/* Rims of overlapping discs, as on a fish. */
static double scales(double u, double v, uint64_t seed)
{
    (void)seed;
    double row = floor(2 * v);
    for (double k = row + 1; k >= row - 1; k--) {
        double x = fraction(u + (fraction(k / 2) < 0.25 ? 0 : 0.5)) - 0.5, y = v - k / 2;
        double d = sqrt(x * x + y * y);
        if (y > 0 && d < 0.56) {
            return smooth(0.54, 0.40, d);
        }
    }
    return 0;
}

static double stripes(double u, double v, uint64_t seed)
{
    (void)v, (void)seed;
    return fraction(u) < 0.5;
}

static double waves(double u, double v, uint64_t seed)
{
    (void)seed;
    return fraction(u + 0.3 * sin(2 * 3.14159265358979323846 * v * 0.8)) < 0.5;
}

/* Strips that go over and under each other by turns, darker where they dive. */
static double weave(double u, double v, uint64_t seed)
{
    (void)seed;
    double x = fraction(u), y = fraction(v);
    int across = fraction((floor(u) + floor(v)) / 2) < 0.25;
    double along = across ? x : y, beside = across ? y : x;
    return fabs(beside - 0.5) > 0.36 ? 0 : 0.45 + 0.55 * sin(3.14159265358979323846 * along);
}

/* Rings of a trunk far from its middle, with long grain. */
static double wood(double u, double v, uint64_t seed)
{
    double bent = u + 1.6 * noise(0.35 * u, 0.12 * v, seed) + 0.2 * noise(1.5 * u, 0.4 * v, seed + 1);
    double t = fraction(bent);
    return smooth(0, 0.75, t) * smooth(1, 0.9, t) * (0.75 + 0.25 * noise(6 * u, 0.6 * v, seed + 2));
}

const surface_kind surface_kinds[] = {
    {"bricks", bricks, 0.7},   {"cells", cells, 0.75},    {"checks", checks, 0.75}, {"clouds", clouds, 0.75},
    {"dots", dots, 1},        {"grain", grain, 1},       {"scales", scales, 0.75}, {"stripes", stripes, 1},
    {"waves", waves, 1},      {"weave", weave, 1},       {"wood", wood, 0.8},      {0},
};

/* Bent by two slow waves, and averaged over 4 x 4 places of each pixel. */
void fill_surface(canvas *c, lc_rng *r, const surface_kind *kind, double period, double bend, colour low, colour high)
{
    double angle = between(r, 0, 6.283185307179586), cosine = cos(angle), sine = sin(angle);
    double dx = between(r, 0, 1000), dy = between(r, 0, 1000), p1 = between(r, 0, 6.28), p2 = between(r, 0, 6.28);
    double slow1 = between(r, 0.04, 0.1), slow2 = between(r, 0.04, 0.1);
    uint64_t seed = lc_rng_u64(r);
    double bend_x[4 * SIZE], bend_y[4 * SIZE];
    period /= kind->fineness;
    for (int i = 0; i < 4 * SIZE; i++) {
        bend_x[i] = bend * period * sin(slow1 * ((i + 0.5) / 4) + p1);
        bend_y[i] = bend * period * sin(slow2 * ((i + 0.5) / 4) + p2);
    }
    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE; x++) {
            double sum = 0;
            for (int k = 0; k < 16; k++) {
                int i = 4 * x + k % 4, j = 4 * y + k / 4;
                double bx = (i + 0.5) / 4 + bend_x[j], by = (j + 0.5) / 4 + bend_y[i];
                sum += kind->level((bx * cosine + by * sine) / period + dx, (by * cosine - bx * sine) / period + dy, seed);
            }
            c->at[y][x] = mix(low, high, sum / 16);
        }
    }
}
