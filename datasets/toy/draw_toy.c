/*
 * draw_toy FOLDER [SEED]: a small set of pictures to try things on, the same on every machine.
 *
 * Five classes of texture, 64 x 64 PPM, in FOLDER/train|val|test/class: 50, 10 and 20 of each. Colours, size, angle
 * and place are drawn at random, so that only the kind of texture tells the classes apart; a little noise lies over it.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/rng.h"

enum { SIZE = 64 };

static const double PI = 3.14159265358979323846;

typedef struct {
    double period, cosine, sine, dx, dy;
} frame;

/* How much of the foreground colour shows at (u, v), both in periods: 0 or 1. */
static int stripes(double u, double v)
{
    (void)v;
    return u - floor(u) < 0.5;
}

static int checks(double u, double v)
{
    return (u - floor(u) < 0.5) != (v - floor(v) < 0.5);
}

static int dots(double u, double v)
{
    double x = u - floor(u) - 0.5, y = v - floor(v) - 0.5;
    return x * x + y * y < 0.09;
}

static int rings(double u, double v)
{
    double r = sqrt(u * u + v * v);
    return r - floor(r) < 0.5;
}

static int bricks(double u, double v)
{
    double row = floor(2 * v), x = u / 1.5 + (fmod(fabs(row), 2) < 0.5 ? 0 : 0.5);
    return 2 * v - row > 0.18 && x - floor(x) > 0.12;
}

static const struct {
    const char *name;
    int (*shows)(double u, double v);
} classes[] = {{"bricks", bricks}, {"checks", checks}, {"dots", dots}, {"rings", rings}, {"stripes", stripes}};

static const struct {
    const char *name;
    int pictures;
} splits[] = {{"train", 50}, {"val", 10}, {"test", 20}};

enum { CLASSES = sizeof classes / sizeof classes[0], SPLITS = sizeof splits / sizeof splits[0] };

static void draw(unsigned char *pixels, int class, lc_rng *r)
{
    double angle = 2 * PI * lc_rng_uniform(r);
    frame f = {11 + 6 * lc_rng_uniform(r), cos(angle), sin(angle), SIZE * lc_rng_uniform(r), SIZE * lc_rng_uniform(r)};
    double colours[2][3];
    for (int c = 0; c < 3; c++) {
        colours[0][c] = 40 + 40 * lc_rng_uniform(r);
        colours[1][c] = 170 + 50 * lc_rng_uniform(r);
    }
    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE; x++) {
            double px = x - f.dx, py = y - f.dy;
            double u = (px * f.cosine + py * f.sine) / f.period, v = (py * f.cosine - px * f.sine) / f.period;
            const double *colour = colours[classes[class].shows(u, v)];
            double noise = 6 * lc_rng_normal(r);
            for (int c = 0; c < 3; c++) {
                double value = colour[c] + noise;
                *pixels++ = (unsigned char)(value < 0 ? 0 : value > 255 ? 255 : value);
            }
        }
    }
}

static int make_folder(const char *path)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST;
}

static int write_picture(const char *path, const unsigned char *pixels)
{
    FILE *f = fopen(path, "wb");
    if (!f) {
        return 0;
    }
    int ok = fprintf(f, "P6\n%d %d\n255\n", SIZE, SIZE) > 0 && fwrite(pixels, 3, SIZE * SIZE, f) == SIZE * SIZE;
    return fclose(f) == 0 && ok;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: draw_toy FOLDER [SEED]\n", stderr);
        return 2;
    }
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    char path[4096];
    int drawn = 0;
    int ok = make_folder(argv[1]);
    for (int s = 0; ok && s < SPLITS; s++) {
        snprintf(path, sizeof path, "%s/%s", argv[1], splits[s].name);
        ok = make_folder(path);
        for (int k = 0; ok && k < CLASSES; k++) {
            snprintf(path, sizeof path, "%s/%s/%s", argv[1], splits[s].name, classes[k].name);
            ok = make_folder(path);
            for (int i = 0; ok && i < splits[s].pictures; i++) {
                unsigned char pixels[SIZE * SIZE * 3];
                lc_rng r = lc_rng_new(seed, (uint64_t)((s * CLASSES + k) * 1000 + i));
                draw(pixels, k, &r);
                snprintf(path, sizeof path, "%s/%s/%s/%03d.ppm", argv[1], splits[s].name, classes[k].name, i);
                ok = write_picture(path, pixels);
                drawn += ok;
            }
        }
    }
    if (!ok) {
        fprintf(stderr, "draw_toy: %s: %s\n", path, strerror(errno));
        return 1;
    }
    printf("%d pictures of %d classes in %s\n", drawn, CLASSES, argv[1]);
    return 0;
}
