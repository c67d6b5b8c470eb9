/*
 * draw textures|scenes FOLDER [SEED [TRAIN VAL TEST]]: two sets of pictures that are asked different questions.
 *
 * Every picture, 64 x 64 PPM, shows an object before a surface. In `textures` the surface gives the class (its fine
 * structure: checks, dots, wood ...) and the object is there to distract; in `scenes` the object gives the class (what
 * its parts make together: a house, a bicycle ...) and the surface distracts. Colours, sizes, angles, places, light and
 * fills are random and tell nothing. FOLDER/train|val|test/class/NNN.ppm, 40, 20 and 20 of each class unless given;
 * picture N of a class and split is the same however many are asked for.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "datasets/drawn/objects.h"
#include "datasets/drawn/surfaces.h"

enum { KINDS = 16 }; /* streams of random numbers per split: more than there are classes */

static size_t count_surfaces(void)
{
    size_t n = 0;
    while (surface_kinds[n].name) {
        n++;
    }
    return n;
}

static size_t count_objects(void)
{
    size_t n = 0;
    while (object_kinds[n].name) {
        n++;
    }
    return n;
}

/* Four colours that stand out from the lightness behind them, and ink that stands out from most. */
static void choose_colours(pen *p, double behind)
{
    int lighter = behind < between(p->rng, 0.3, 0.7);
    for (int i = 0; i < 4; i++) {
        double away = between(p->rng, 0.3, 0.5) + 0.1 * (i == 3);
        /* The first two are the bulk; of the details one is of the other polarity. */
        int up = i == 0 ? !lighter : i == 3 ? !lighter : lighter;
        double lightness = behind + (up ? away : -away);
        p->palette[i] = any_colour(p->rng, lightness < 0.06 ? 0.06 : lightness > 0.94 ? 0.94 : lightness);
    }
    p->ink = any_colour(p->rng, lighter ? between(p->rng, 0.02, 0.15) : between(p->rng, 0.85, 0.98));
}

/* Even fills, patterned fills, fills with outlines, outlines alone. */
static void choose_style(pen *p, int may_be_hollow)
{
    p->pattern = lc_rng_below(p->rng, 2) ? (int)lc_rng_below(p->rng, 6) : 0;
    p->pattern_period = between(p->rng, 4, 8);
    p->outline = lc_rng_below(p->rng, 2) ? between(p->rng, 1, 1.8) : 0;
    p->hollow = may_be_hollow && lc_rng_below(p->rng, 8) == 0;
}

/* Light from one side, noise of the sensor. */
static void finish(canvas *c, lc_rng *r, double light, double sensor)
{
    double angle = between(r, 0, 6.283185307179586), slope = between(r, 0, light);
    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE; x++) {
            double shade = 1 + slope * ((x - SIZE / 2) * cos(angle) + (y - SIZE / 2) * sin(angle)) / (SIZE / 2);
            double speck = sensor * lc_rng_normal(r);
            colour *q = &c->at[y][x];
            *q = (colour){(float)(q->r * shade + speck), (float)(q->g * shade + speck), (float)(q->b * shade + speck)};
        }
    }
}

static void draw_texture(canvas *c, lc_rng *r, size_t class)
{
    double low = between(r, 0.12, 0.45), high = low + between(r, 0.3, 0.5);
    int swapped = lc_rng_below(r, 2) == 0;
    fill_surface(c, r, &surface_kinds[class], between(r, 9, 14), between(r, 0, 0.4), any_colour(r, swapped ? high : low),
                 any_colour(r, swapped ? low : high));
    pen p = {.on = c, .rng = r};
    choose_colours(&p, (low + high) / 2);
    choose_style(&p, 0);
    place(&p, between(r, 8, 56), between(r, 8, 56), between(r, 12, 19), between(r, -0.6, 0.6), lc_rng_below(r, 2) == 0,
          between(r, 0.8, 1.25));
    object_kinds[lc_rng_below(r, count_objects())].draw(&p);
    finish(c, r, 0.35, 0.02);
}

static void draw_scene(canvas *c, lc_rng *r, size_t class)
{
    double behind = between(r, 0.2, 0.8);
    colour base = any_colour(r, behind), other = any_colour(r, between(r, 0.1, 0.9));
    fill_surface(c, r, &surface_kinds[lc_rng_below(r, count_surfaces())], between(r, 8, 16), between(r, 0, 0.4), base,
                 mix(base, other, between(r, 0.1, 0.4)));
    pen p = {.on = c, .rng = r};
    choose_colours(&p, behind);
    for (uint64_t scraps = lc_rng_below(r, 4); scraps > 0; scraps--) {
        choose_style(&p, 1);
        place(&p, between(r, 0, 64), between(r, 0, 64), between(r, 3, 8), between(r, 0, 6.28), 0, between(r, 0.7, 1.4));
        draw_scrap(&p);
    }
    choose_style(&p, 1);
    place(&p, between(r, 27, 37), between(r, 27, 37), between(r, 23, 29), between(r, -0.3, 0.3),
          lc_rng_below(r, 2) == 0, between(r, 0.8, 1.25));
    object_kinds[class].draw(&p);
    if (lc_rng_below(r, 2)) {
        choose_style(&p, 0);
        place(&p, between(r, 0, 64), between(r, 0, 64), between(r, 4, 9), between(r, 0, 6.28), 0, between(r, 0.7, 1.4));
        draw_scrap(&p);
    }
    finish(c, r, 0.35, 0.02);
}

static const char *surface_name(size_t class)
{
    return surface_kinds[class].name;
}

static const char *object_name(size_t class)
{
    return object_kinds[class].name;
}

static const struct {
    const char *name;
    size_t (*classes)(void);
    const char *(*class_name)(size_t class);
    void (*draw)(canvas *c, lc_rng *r, size_t class);
} sets[] = {{"textures", count_surfaces, surface_name, draw_texture}, {"scenes", count_objects, object_name, draw_scene}};

enum { SETS = sizeof sets / sizeof sets[0], SPLITS = 3 };

static const char *const split_names[SPLITS] = {"train", "val", "test"};

static int write_picture(const char *path, const canvas *c)
{
    unsigned char pixels[SIZE * SIZE * 3], *out = pixels;
    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE; x++) {
            const float rgb[3] = {c->at[y][x].r, c->at[y][x].g, c->at[y][x].b};
            for (int k = 0; k < 3; k++) {
                *out++ = (unsigned char)(rgb[k] <= 0 ? 0 : rgb[k] >= 1 ? 255 : rgb[k] * 255 + 0.5f);
            }
        }
    }
    FILE *f = fopen(path, "wb");
    if (!f) {
        return 0;
    }
    int ok = fprintf(f, "P6\n%d %d\n255\n", SIZE, SIZE) > 0 && fwrite(pixels, sizeof pixels, 1, f) == 1;
    return fclose(f) == 0 && ok;
}

static int make_folder(const char *path)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST;
}

int main(int argc, char **argv)
{
    size_t set = 0;
    while (argc > 1 && set < SETS && strcmp(argv[1], sets[set].name) != 0) {
        set++;
    }
    if ((argc != 3 && argc != 4 && argc != 7) || set == SETS) {
        fputs("usage: draw textures|scenes FOLDER [SEED [TRAIN VAL TEST]]\n", stderr);
        return 2;
    }
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    size_t classes = sets[set].classes(), drawn = 0;
    long pictures[SPLITS] = {40, 20, 20};
    for (int s = 0; argc == 7 && s < SPLITS; s++) {
        pictures[s] = strtol(argv[4 + s], NULL, 10);
    }
    char path[4096];
    snprintf(path, sizeof path, "%s", argv[2]);
    int ok = make_folder(path);
    for (size_t s = 0; ok && s < SPLITS; s++) {
        if (pictures[s] <= 0) {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", argv[2], split_names[s]);
        ok = make_folder(path);
        for (size_t k = 0; ok && k < classes; k++) {
            snprintf(path, sizeof path, "%s/%s/%s", argv[2], split_names[s], sets[set].class_name(k));
            ok = make_folder(path);
            for (long i = 0; ok && i < pictures[s]; i++) {
                static canvas c;
                lc_rng r = lc_rng_new(seed, ((set * SPLITS + s) * KINDS + k) * 1000000 + (uint64_t)i);
                sets[set].draw(&c, &r, k);
                snprintf(path, sizeof path, "%s/%s/%s/%03ld.ppm", argv[2], split_names[s], sets[set].class_name(k), i);
                ok = write_picture(path, &c);
                drawn += (size_t)ok;
            }
        }
    }
    if (!ok) {
        fprintf(stderr, "draw: %s: %s\n", path, strerror(errno));
        return 1;
    }
    printf("%zu pictures of %zu classes in %s\n", drawn, classes, argv[2]);
    return 0;
}
