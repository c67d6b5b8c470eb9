/* Smooth edges come from the distance to the outline: a pixel is covered by 1/2 - distance, cut to 0..1. */
#include "datasets/drawn/canvas.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

double between(lc_rng *r, double low, double high)
{
    return low + (high - low) * lc_rng_uniform(r);
}

colour mix(colour a, colour b, double t)
{
    return (colour){(float)(a.r + (b.r - a.r) * t), (float)(a.g + (b.g - a.g) * t), (float)(a.b + (b.b - a.b) * t)};
}

static float channel(double value)
{
    return (float)(value < 0 ? 0 : value > 1 ? 1 : value);
}

/* Luma is 0.299 r + 0.587 g + 0.114 b (ITU-R BT.601); the two other coordinates turn with the hue. */
colour any_colour(lc_rng *r, double lightness)
{
    double hue = between(r, 0, 2 * PI), depth = between(r, 0.05, 0.45) * (1 - fabs(2 * lightness - 1) * 0.6);
    double u = 0.6 * depth * cos(hue), v = depth * sin(hue);
    return (colour){channel(lightness + 1.140 * v), channel(lightness - 0.395 * u - 0.581 * v),
                    channel(lightness + 2.032 * u)};
}

void place(pen *p, double x, double y, double radius, double angle, int mirrored, double aspect)
{
    double c = cos(angle), s = sin(angle), w = radius / sqrt(aspect) * (mirrored ? -1 : 1), h = radius * sqrt(aspect);
    p->xx = c * w;
    p->xy = -s * h;
    p->yx = s * w;
    p->yy = c * h;
    p->dx = x;
    p->dy = y;
}

/* Distance from (x, y) to the line through the points; negative inside a closed one (even-odd rule). */
static double distance(const point *p, int count, int closed, double x, double y)
{
    double best = 1e30;
    int inside = 0;
    for (int i = closed ? 0 : 1, j = closed ? count - 1 : 0; i < count; j = i++) {
        double ex = p[j].x - p[i].x, ey = p[j].y - p[i].y, wx = x - p[i].x, wy = y - p[i].y;
        double t = (wx * ex + wy * ey) / (ex * ex + ey * ey + 1e-12);
        t = t < 0 ? 0 : t > 1 ? 1 : t;
        double bx = wx - t * ex, by = wy - t * ey, d = bx * bx + by * by;
        best = d < best ? d : best;
        if (closed && (p[i].y > y) != (p[j].y > y) && x < ex * (y - p[i].y) / ey + p[i].x) {
            inside = !inside;
        }
    }
    return inside ? -sqrt(best) : sqrt(best);
}

/* How much darker or lighter a patterned fill is at a pixel, -1..1. */
static double pattern_at(const pen *p, double x, double y)
{
    double u = 2 * PI * x / p->pattern_period, v = 2 * PI * y / p->pattern_period;
    switch (p->pattern) {
        case 1: return sin(u);
        case 2: return sin(v);
        case 3: return sin(0.7071 * (u + v));
        case 4: return sin(u) * sin(v);
        case 5: return sin(u) + sin(v) > 1 ? 1 : -0.3;
        default: return 0;
    }
}

/* Lays `paint` over all pixels nearer than `reach` to the shape; a closed shape counts its inside. */
static void lay(pen *p, const point *points, int count, int closed, double reach, colour paint, int patterned)
{
    double left = 1e30, right = -1e30, top = 1e30, bottom = -1e30;
    for (int i = 0; i < count; i++) {
        left = fmin(left, points[i].x);
        right = fmax(right, points[i].x);
        top = fmin(top, points[i].y);
        bottom = fmax(bottom, points[i].y);
    }
    int x0 = (int)fmax(0, floor(left - reach - 1)), x1 = (int)fmin(SIZE - 1, ceil(right + reach + 1));
    int y0 = (int)fmax(0, floor(top - reach - 1)), y1 = (int)fmin(SIZE - 1, ceil(bottom + reach + 1));
    colour dark = mix(paint, (colour){0, 0, 0}, 0.25), light = mix(paint, (colour){1, 1, 1}, 0.3);
    for (int y = y0; y <= y1; y++) {
        for (int x = x0; x <= x1; x++) {
            double cover = 0.5 - (distance(points, count, closed, x + 0.5, y + 0.5) - reach);
            if (cover <= 0) {
                continue;
            }
            colour c = paint;
            if (patterned) {
                double t = pattern_at(p, x, y) + 0.4 * (1 - 2 * (y - top) / (bottom - top + 1));
                c = t > 0 ? mix(paint, light, fmin(t, 1)) : mix(paint, dark, fmin(-t, 1));
            }
            p->on->at[y][x] = mix(p->on->at[y][x], c, fmin(cover, 1));
        }
    }
}

static point mapped(const pen *p, point q)
{
    return (point){p->xx * q.x + p->xy * q.y + p->dx, p->yx * q.x + p->yy * q.y + p->dy};
}

/* Pixels per unit of the object's measure. */
static double scale_of(const pen *p)
{
    return sqrt(fabs(p->xx * p->yy - p->xy * p->yx));
}

void polygon(pen *p, int colour_number, const point *corners, int count)
{
    point q[MAX_POINTS + 1];
    for (int i = 0; i < count; i++) {
        q[i] = mapped(p, corners[i]);
    }
    if (!p->hollow) {
        lay(p, q, count, 1, 0, p->palette[colour_number], 1);
    }
    if (p->outline > 0 || p->hollow) {
        q[count] = q[0];
        lay(p, q, count + 1, 0, fmax(p->outline, 1) / 2, p->ink, 0);
    }
}

void ellipse(pen *p, int colour_number, double x, double y, double rx, double ry, double angle)
{
    point corners[28];
    double c = cos(angle), s = sin(angle);
    for (int i = 0; i < 28; i++) {
        double u = rx * cos(2 * PI * i / 28), v = ry * sin(2 * PI * i / 28);
        corners[i] = (point){x + c * u - s * v, y + s * u + c * v};
    }
    polygon(p, colour_number, corners, 28);
}

void box(pen *p, int colour_number, double left, double top, double right, double bottom)
{
    POLYGON(p, colour_number, {left, top}, {right, top}, {right, bottom}, {left, bottom});
}

void line(pen *p, int colour_number, const point *through, int count, double width)
{
    point q[MAX_POINTS];
    for (int i = 0; i < count; i++) {
        q[i] = mapped(p, through[i]);
    }
    double reach = fmax(scale_of(p) * width, 1) / 2;
    if (p->outline > 0 && !p->hollow) {
        lay(p, q, count, 0, reach + p->outline / 2, p->ink, 0);
    }
    lay(p, q, count, 0, reach, p->hollow ? p->ink : p->palette[colour_number], 0);
}

void arc(pen *p, int colour_number, double x, double y, double rx, double ry, double from, double to, double width)
{
    point through[28];
    for (int i = 0; i < 28; i++) {
        double t = from + (to - from) * i / 27;
        through[i] = (point){x + rx * cos(t), y + ry * sin(t)};
    }
    line(p, colour_number, through, 28, width);
}
