/* Every object lies in -1..1 both ways, y downwards. v() makes one part differ from picture to picture. */
#include "datasets/drawn/objects.h"

#include <math.h>
#include <stddef.h>

static const double PI = 3.14159265358979323846;

/* Around `middle`, up to a fifth more or less. */
static double v(pen *p, double middle)
{
    return middle * between(p->rng, 0.8, 1.2);
}

static int coin(pen *p)
{
    return lc_rng_below(p->rng, 2) == 0;
}

static void airplane(pen *p)
{
    double body = v(p, 0.17), sweep = v(p, 0.35), span = v(p, 0.85);
    POLYGON(p, 1, {0.25, -0.05}, {-0.15 - sweep * 0.3, -span}, {-0.35 - sweep * 0.3, -span}, {-0.2, -0.05});
    POLYGON(p, 2, {-0.7, 0}, {-0.95, -0.4}, {-0.8, -0.42}, {-0.45, 0});
    ellipse(p, 0, 0, 0, 0.98, body, 0);
    POLYGON(p, 1, {0.3, 0.03}, {-0.1 - sweep * 0.3, span}, {-0.33 - sweep * 0.3, span}, {-0.15, 0.03});
    POLYGON(p, 2, {-0.65, 0.02}, {-0.92, 0.36}, {-0.78, 0.36}, {-0.5, 0.02});
    for (int i = 0; i < 4; i++) {
        ellipse(p, 3, 0.55 - 0.22 * i, -body * 0.25, 0.06, 0.05, 0);
    }
}

static void bicycle(pen *p)
{
    double wheel = v(p, 0.37), tyre = v(p, 0.08), frame = v(p, 0.085), y = 0.35;
    for (int i = -1; i <= 1; i += 2) {
        arc(p, 0, 0.56 * i, y, wheel, wheel, 0, 2 * PI, tyre);
        ellipse(p, 3, 0.56 * i, y, 0.05, 0.05, 0);
    }
    LINE(p, 1, frame, {-0.56, y}, {-0.2, -0.3}, {0.38, -0.28}, {-0.05, y}, {-0.56, y});
    LINE(p, 1, frame, {-0.05, y}, {-0.25, -0.45});
    LINE(p, 1, frame, {0.56, y}, {0.33, -0.55});
    LINE(p, 2, frame * 1.3, {-0.4, -0.48}, {-0.1, -0.48});
    if (coin(p)) {
        LINE(p, 2, frame, {0.2, -0.6}, {0.52, -0.58}, {0.56, -0.42});
    } else {
        LINE(p, 2, frame, {0.33, -0.55}, {0.6, -0.66});
    }
}

static void boat(pen *p)
{
    double mast = v(p, 0.85), deck = v(p, 0.35), left = v(p, 0.6), right = v(p, 0.6);
    LINE(p, 3, 0.08, {0, deck}, {0, -mast});
    POLYGON(p, 1, {0.07, -mast + 0.05}, {0.1 + right, deck - 0.18}, {0.07, deck - 0.12});
    if (coin(p)) {
        POLYGON(p, 2, {-0.07, -mast + 0.2}, {-0.07, deck - 0.12}, {-0.05 - left, deck - 0.15});
    } else {
        POLYGON(p, 2, {0, -mast - 0.02}, {-0.3, -mast + 0.1}, {0, -mast + 0.2});
    }
    POLYGON(p, 0, {-0.95, deck}, {0.98, deck}, {0.65, deck + 0.42}, {-0.6, deck + 0.42});
    LINE(p, 2, 0.07, {-0.8, deck + 0.12}, {0.85, deck + 0.12});
}

static void car(pen *p)
{
    double roof = v(p, 0.45), wheel = v(p, 0.22), front = v(p, 0.5), back = v(p, 0.55), y = 0.38;
    POLYGON(p, 0, {-back - 0.12, -0.02}, {-back + 0.12, -roof}, {front - 0.2, -roof}, {front + 0.12, -0.02});
    POLYGON(p, 2, {-back + 0.04, -0.02}, {-back + 0.2, -roof + 0.1}, {-0.08, -roof + 0.1}, {-0.08, -0.02});
    POLYGON(p, 2, {0.05, -0.02}, {0.05, -roof + 0.1}, {front - 0.26, -roof + 0.1}, {front - 0.03, -0.02});
    POLYGON(p, 0, {-0.97, 0}, {0.8, -0.04}, {0.98, 0.12}, {0.98, y}, {-0.97, y});
    for (int i = -1; i <= 1; i += 2) {
        ellipse(p, 1, 0.54 * i, y, wheel, wheel, 0);
        ellipse(p, 3, 0.54 * i, y, wheel * 0.45, wheel * 0.45, 0);
    }
    ellipse(p, 3, 0.88, 0.14, 0.07, 0.08, 0);
}

static void cat(pen *p)
{
    double ear = v(p, 0.85), wide = v(p, 0.75), eye = v(p, 0.15);
    POLYGON(p, 1, {-wide, -0.05}, {-wide * 0.85, -ear}, {-0.12, -0.42});
    POLYGON(p, 1, {wide, -0.05}, {wide * 0.85, -ear}, {0.12, -0.42});
    ellipse(p, 1, 0, 0.17, wide, 0.62, 0);
    for (int i = -1; i <= 1; i += 2) {
        ellipse(p, 3, 0.33 * i, 0.02, eye, eye * 0.9, 0);
        ellipse(p, 0, 0.33 * i, 0.02, eye * 0.35, eye * 0.85, 0);
        LINE(p, 0, 0.045, {0.25 * i, 0.38}, {0.95 * i, 0.28});
        LINE(p, 0, 0.045, {0.25 * i, 0.45}, {0.92 * i, 0.52});
        arc(p, 0, 0.13 * i, 0.42, 0.13, 0.13, 0, PI, 0.06);
    }
    POLYGON(p, 2, {-0.12, 0.24}, {0.12, 0.24}, {0, 0.4});
}

static void face(pen *p)
{
    double wide = v(p, 0.72), eye = v(p, 0.12), smile = v(p, 0.4);
    double mood = coin(p) ? 1 : -0.6;
    ellipse(p, 1, -wide, 0.1, 0.15, 0.2, 0);
    ellipse(p, 1, wide, 0.1, 0.15, 0.2, 0);
    ellipse(p, 1, 0, 0.05, wide, 0.9, 0);
    switch (lc_rng_below(p->rng, 3)) {
        case 0: POLYGON(p, 2, {-wide, -0.3}, {-0.6, -0.8}, {0, -1}, {0.6, -0.8}, {wide, -0.3}, {0.3, -0.55}, {-0.2, -0.5}); break;
        case 1:
            box(p, 2, -0.55, -1, 0.55, -0.55);
            box(p, 2, -0.85, -0.6, 0.85, -0.47);
            break;
        default: break;
    }
    for (int i = -1; i <= 1; i += 2) {
        ellipse(p, 3, 0.3 * i, -0.12, eye * 1.3, eye, 0);
        ellipse(p, 0, 0.3 * i, -0.12, eye * 0.6, eye * 0.7, 0);
        LINE(p, 0, 0.06, {0.15 * i, -0.34}, {0.45 * i, -0.36});
    }
    LINE(p, 0, 0.06, {0.02, -0.05}, {-0.1, 0.2}, {0.06, 0.22});
    arc(p, 0, 0, mood > 0 ? 0.4 : 0.62, smile, 0.22 * fabs(mood), mood > 0 ? 0.15 : PI + 0.3, mood > 0 ? PI - 0.15 : 2 * PI - 0.3, 0.08);
}

static void fish(pen *p)
{
    double high = v(p, 0.42), tail = v(p, 0.42), fin = v(p, 0.3);
    POLYGON(p, 2, {-0.45, 0}, {-0.98, -tail}, {-0.82, 0}, {-0.98, tail});
    POLYGON(p, 2, {0.25, -high * 0.8}, {-0.1, -high - fin}, {-0.35, -high - fin * 0.8}, {-0.25, -high * 0.7});
    POLYGON(p, 2, {0.1, high * 0.8}, {-0.2, high + fin * 0.8}, {-0.15, high * 0.8});
    ellipse(p, 1, 0.15, 0, 0.72, high, 0);
    POLYGON(p, 2, {0.2, 0.05}, {-0.12, 0.24}, {-0.08, 0.02});
    arc(p, 0, 0.62, 0, 0.22, high * 0.75, PI * 0.7, PI * 1.3, 0.05);
    ellipse(p, 3, 0.6, -high * 0.3, 0.11, 0.11, 0);
    ellipse(p, 0, 0.62, -high * 0.3, 0.055, 0.055, 0);
    LINE(p, 0, 0.05, {0.86, 0.06}, {0.7, 0.12});
}

static void flower(pen *p)
{
    int petals = 5 + (int)lc_rng_below(p->rng, 3);
    double y = -0.3, away = v(p, 0.36), length = v(p, 0.3), turn = between(p->rng, 0, PI);
    LINE(p, 2, 0.09, {0, y}, {between(p->rng, -0.1, 0.1), 0.4}, {between(p->rng, -0.1, 0.1), 1});
    ellipse(p, 2, -0.25, 0.62, 0.28, 0.1, 0.6);
    ellipse(p, 2, 0.25, 0.68, 0.28, 0.1, -0.6);
    for (int i = 0; i < petals; i++) {
        double a = turn + 2 * PI * i / petals;
        ellipse(p, 1, away * cos(a), y + away * sin(a), length, 0.9 * away * sin(PI / petals) + 0.02, a);
    }
    ellipse(p, 3, 0, y, 0.2, 0.2, 0);
}

static void house(pen *p)
{
    double wide = v(p, 0.7), eaves = v(p, 0.15), top = -0.95, ground = 0.85, door = between(p->rng, -0.4, 0.15);
    if (coin(p)) {
        box(p, 2, 0.3, -0.9, 0.5, -0.2);
    }
    box(p, 0, -wide, -0.2, wide, ground);
    POLYGON(p, 1, {-wide - eaves, -0.15}, {0, top}, {wide + eaves, -0.15});
    box(p, 2, door, 0.3, door + 0.28, ground);
    for (int i = 0; i < 2; i++) {
        double x = i ? wide - 0.4 : -wide + 0.12;
        if (i || door > -0.15) {
            box(p, 3, x, 0.02, x + 0.28, 0.3);
            LINE(p, 2, 0.04, {x + 0.14, 0.02}, {x + 0.14, 0.3});
            LINE(p, 2, 0.04, {x, 0.16}, {x + 0.28, 0.16});
        }
    }
}

static void tree(pen *p)
{
    double trunk = v(p, 0.12);
    POLYGON(p, 0, {-trunk, 0}, {trunk, 0}, {trunk * 1.5, 1}, {-trunk * 1.5, 1});
    if (coin(p)) {
        for (int i = 0; i < 3; i++) {
            double wide = v(p, 0.38 + 0.16 * (2 - i)), low = 0.55 - 0.42 * i;
            POLYGON(p, 1, {-wide, low}, {0, low - 0.68}, {wide, low});
        }
    } else {
        LINE(p, 0, 0.09, {0, 0.3}, {0.35, -0.1});
        LINE(p, 0, 0.09, {0, 0.4}, {-0.35, 0});
        for (int i = 0; i < 6; i++) {
            double a = 2 * PI * i / 6 + 0.4;
            ellipse(p, 1 + i % 2, 0.42 * cos(a), -0.38 + 0.34 * sin(a), v(p, 0.33), v(p, 0.3), 0);
        }
        ellipse(p, 1, 0, -0.38, 0.36, 0.32, 0);
    }
}

const object_kind object_kinds[] = {
    {"airplane", airplane}, {"bicycle", bicycle}, {"boat", boat},     {"car", car},   {"cat", cat}, {"face", face},
    {"fish", fish},         {"flower", flower},   {"house", house},   {"tree", tree}, {0},
};

void draw_scrap(pen *p)
{
    switch (lc_rng_below(p->rng, 6)) {
        case 0: ellipse(p, 1, 0, 0, 1, v(p, 0.8), 0); break;
        case 1: POLYGON(p, 2, {-0.9, 0.7}, {0.1, -0.9}, {0.9, 0.7}); break;
        case 2: box(p, 0, -0.9, -0.7, 0.9, 0.7); break;
        case 3: LINE(p, 2, v(p, 0.25), {-1, 0}, {1, 0}); break;
        case 4: arc(p, 1, 0, 0, 0.9, 0.9, 0, 2 * PI, v(p, 0.25)); break;
        default: {
            point star[10];
            for (int i = 0; i < 10; i++) {
                double radius = i % 2 ? 0.42 : 1;
                star[i] = (point){radius * sin(PI * i / 5), -radius * cos(PI * i / 5)};
            }
            polygon(p, 3, star, 10);
        }
    }
}
