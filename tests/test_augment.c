/*
 * Augmentation and the loader: what is drawn stays within its bounds and depends on (seed, epoch, row) alone. That the edits
 * themselves are PIL's is held by test_image.c.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "extractor/image/edit.h"
#include "extractor/train/loader.h"
#include "tests/try.h"

enum { SIDE = 32, FLOATS = SIDE * SIDE * 3 };

/* Input = pixel value. */
static const lc_preprocess plain = {.channels = 3, .height = SIDE, .width = SIDE, .resize = SIDE,
                                    .interpolation = LC_FILTER_BILINEAR, .std = {1.0f / 255, 1.0f / 255, 1.0f / 255}};

static lc_augment parsed(const char *text)
{
    lc_augment a;
    TRY(lc_augment_parse(text, &a));
    return a;
}

/* Noise without zeros. */
static lc_image noise(size_t width, size_t height, uint32_t seed)
{
    lc_image image = {width, height, malloc(width * height * 3)};
    assert_non_null(image.pixels);
    for (size_t i = 0; i < width * height * 3; i++) {
        seed = seed * 1664525u + 1013904223u;
        image.pixels[i] = (uint8_t)(1 + (seed >> 24) % 255);
    }
    return image;
}

static void augmented(const char *text, uint64_t seed, uint64_t epoch, uint64_t row, const lc_image *image, float *out)
{
    lc_augment a = parsed(text);
    bool whole = lc_augment_wants_whole(&a, &plain, image);
    lc_image crop = {0};
    if (!whole) {
        TRY(lc_preprocess_crop(&plain, image, &crop));
    }
    TRY(lc_augment_picture(&a, &plain, seed, epoch, row, whole ? image : &crop, whole, out));
    lc_image_free(&crop);
}

static void test_words(void **state)
{
    (void)state;
    lc_augment a = parsed("none"), zero = {0};
    assert_memory_equal(&a, &zero, sizeof a);
    a = parsed("strong,mixup=1,hue=0,pad=0.25");
    assert_true(a.scale == 0.08 && a.pad == 0.25 && a.flip == 0.5 && a.brightness == 0.4 && a.hue == 0.0 && a.erase == 0.25 &&
                a.mixup == 1.0 && a.cutmix == 0.0);
    char *text;
    TRY(lc_augment_text(&a, &text));
    assert_string_equal(text, "crop=0.08,pad=0.25,flip=0.5,brightness=0.4,contrast=0.4,saturation=0.4,erase=0.25,mixup=1");
    lc_augment back = parsed(text);
    assert_memory_equal(&a, &back, sizeof a);
    free(text);
    TRY(lc_augment_text(&zero, &text));
    assert_string_equal(text, "none");
    free(text);
    static const char *const bad[] = {"", "lihgt", "light,", "flip=", "flip=2", "flip=x", "rotate", "rotate=nan", "hue=0.6",
                                      "light=1", "jitter", "crop=0", "mixup=0.01"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(lc_augment_parse(bad[i], &a), LC_ERR_ARG);
    }
    assert_memory_equal(&a, &back, sizeof a);
}

static void test_none_is_the_preprocessing(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{SIDE, SIDE}, {50, 40}, {20, 31}};
    static float a[FLOATS], b[FLOATS];
    for (size_t i = 0; i < 3; i++) {
        lc_image image = noise(sizes[i][0], sizes[i][1], (uint32_t)i);
        augmented("none", 1, 2, 3, &image, a);
        TRY(lc_preprocess_apply(&plain, &image, b));
        assert_memory_equal(a, b, sizeof a);
        lc_image_free(&image);
    }
}

static void test_numbers_follow_seed_epoch_and_row(void **state)
{
    (void)state;
    static float a[FLOATS], b[FLOATS];
    lc_image image = noise(50, 60, 1);
    augmented("strong", 1, 2, 3, &image, a);
    augmented("strong", 1, 2, 3, &image, b);
    assert_memory_equal(a, b, sizeof a);
    static const uint64_t others[][3] = {{2, 2, 3}, {1, 3, 3}, {1, 2, 4}};
    for (size_t i = 0; i < 3; i++) {
        augmented("strong", others[i][0], others[i][1], others[i][2], &image, b);
        assert_memory_not_equal(a, b, sizeof a);
    }
    lc_image_free(&image);
}

/* Every shift of -4..4 in both directions, every mirroring, and nothing else. */
static void test_padded_crop(void **state)
{
    (void)state;
    static float out[FLOATS];
    size_t seen[2][9][9] = {{{0}}}, found = 0;
    lc_image image = noise(SIDE, SIDE, 1), mirrored = noise(SIDE, SIDE, 1);
    lc_image_mirror(&mirrored);
    const lc_image *sides[2] = {&image, &mirrored};
    for (uint64_t row = 0; row < 1500; row++) {
        augmented("light", 0, 0, row, &image, out);
        bool any = false;
        for (size_t k = 0; k < 81 * 2 && !any; k++) {
            ptrdiff_t x = (ptrdiff_t)(k / 2 % 9) - 4, y = (ptrdiff_t)(k / 18) - 4;
            lc_image want;
            float floats[3] = {0};
            size_t at = 10 * SIDE + 10;
            memcpy(floats, out + at * 3, sizeof floats); /* one pixel tells most of them apart */
            const uint8_t *p = sides[k % 2]->pixels + ((10 + y) * SIDE + 10 + x) * 3;
            if (lrintf(floats[0]) != p[0] || lrintf(floats[1]) != p[1] || lrintf(floats[2]) != p[2]) {
                continue;
            }
            TRY(lc_image_crop(&want, sides[k % 2], x, y, SIDE, SIDE));
            any = true;
            for (size_t i = 0; i < FLOATS && any; i++) {
                any = lrintf(out[i]) == want.pixels[i];
            }
            lc_image_free(&want);
            seen[k % 2][x + 4][y + 4] += any;
        }
        assert_true(any);
    }
    for (size_t i = 0; i < 162; i++) {
        found += seen[i / 81][i / 9 % 9][i % 9] > 0;
    }
    assert_int_equal(found, 162);
    lc_image_free(&image);
    lc_image_free(&mirrored);
}

/* A picture that has no part of an allowed shape and area is cut in the centre (torchvision's fallback). */
static void test_crop_of_a_thin_picture(void **state)
{
    (void)state;
    static float out[FLOATS], want[FLOATS];
    static const size_t sizes[][2] = {{1001, 6}, {6, 1001}};
    for (size_t i = 0; i < 2; i++) {
        lc_image image = noise(sizes[i][0], sizes[i][1], 5), part, resized;
        size_t w = i ? 6 : 8, h = i ? 8 : 6;
        TRY(lc_image_crop(&part, &image, (ptrdiff_t)((sizes[i][0] - w) / 2), (ptrdiff_t)((sizes[i][1] - h) / 2), w, h));
        TRY(lc_image_resize(&resized, &part, SIDE, SIDE, LC_FILTER_BILINEAR));
        lc_preprocess_floats(&plain, &resized, want);
        augmented("crop=0.9", 0, 0, i, &image, out);
        assert_memory_equal(out, want, sizeof out);
        lc_image_free(&image);
        lc_image_free(&part);
        lc_image_free(&resized);
    }
}

/* On a ramp from left to right and from top to bottom, the range of values tells which part was cut out. */
static void test_random_resized_crop(void **state)
{
    (void)state;
    static float out[FLOATS];
    lc_image image = {250, 200, malloc(250 * 200 * 3)};
    double least = 1.0, most = 0.0, flat = 10.0, tall = 0.0;
    for (size_t i = 0; i < 250 * 200; i++) {
        image.pixels[3 * i] = (uint8_t)(i % 250);
        image.pixels[3 * i + 1] = (uint8_t)(i / 250);
        image.pixels[3 * i + 2] = 7;
    }
    for (uint64_t row = 0; row < 400; row++) {
        augmented("crop=0.25", 0, 0, row, &image, out);
        double w = (double)(out[(SIDE - 1) * 3] - out[0]) * SIDE / (SIDE - 1);
        double h = (double)(out[(SIDE - 1) * SIDE * 3 + 1] - out[1]) * SIDE / (SIDE - 1);
        double area = w * h / (250 * 200), shape = w / h;
        least = area < least ? area : least;
        most = area > most ? area : most;
        flat = shape < flat ? shape : flat;
        tall = shape > tall ? shape : tall;
    }
    assert_true(least > 0.23 && least < 0.3 && most > 0.9 && most < 1.04);
    assert_true(flat > 0.72 && flat < 0.8 && tall > 1.25 && tall < 1.38);
    lc_image_free(&image);
}

static void test_random_erasing(void **state)
{
    (void)state;
    static float out[FLOATS];
    lc_image image = noise(SIDE, SIDE, 3);
    size_t erased = 0;
    for (uint64_t row = 0; row < 400; row++) {
        augmented("erase", 0, 0, row, &image, out);
        size_t zeros = 0;
        for (size_t i = 0; i < FLOATS; i++) {
            zeros += out[i] == 0.0f;
        }
        if (zeros) {
            erased++;
            assert_true(zeros % 3 == 0 && zeros > 0.015 * FLOATS && zeros < 0.35 * FLOATS);
        }
    }
    assert_true(erased > 60 && erased < 140);
    lc_image_free(&image);
}

static void test_mixing(void **state)
{
    (void)state;
    enum { N = 3, K = 4 };
    static float input[N * FLOATS], targets[N * K];
    double sum = 0.0;
    for (uint64_t index = 0; index < 200; index++) {
        bool cut = index % 2;
        lc_augment a = parsed(cut ? "cutmix" : "mixup=1");
        memset(targets, 0, sizeof targets);
        for (size_t i = 0; i < N; i++) {
            targets[i * K + i] = 1.0f;
            for (size_t k = 0; k < FLOATS; k++) {
                input[i * FLOATS + k] = (float)i;
            }
        }
        TRY(lc_augment_mix(&a, &plain, 7, 0, index, N, K, input, targets));
        sum += (double)targets[0];
        for (size_t i = 0; i < N; i++) {
            size_t before = (i + N - 1) % N;
            float own = targets[i * K + i], other = targets[i * K + before], mean = 0.0f;
            assert_true(own >= 0.0f && other >= 0.0f && fabsf(own + other - 1.0f) < 1e-6f);
            for (size_t k = 0; k < FLOATS; k++) {
                float v = input[i * FLOATS + k];
                mean += v / FLOATS;
                assert_true(!cut || v == (float)i || v == (float)before);
            }
            assert_true(fabsf(mean - (own * (float)i + other * (float)before)) < 1e-3f);
        }
    }
    assert_true(sum > 90.0 && sum < 130.0); /* cutmix's boxes are cut off at the border: a little above one half */
}

/* The loader ------------------------------------------------------------------------------------------------------- */

enum { PICTURES = 23, BAD = 5 };

typedef struct {
    lc_manifest manifest;
    char folder[64];
    char *paths[PICTURES];
    int32_t labels[PICTURES];
    size_t rows[PICTURES];
} set;

/* PPM files of two sizes; one is not a picture. */
static void set_make(set *s)
{
    strcpy(s->folder, "/tmp/lc_augment_XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    for (size_t i = 0; i < PICTURES; i++) {
        char path[128], *bytes;
        size_t w = i % 2 ? SIDE : 40, h = i % 2 ? SIDE : 50, head;
        lc_image image = noise(w, h, (uint32_t)i);
        bytes = malloc(w * h * 3 + 64);
        head = (size_t)sprintf(bytes, "P6 %zu %zu 255\n", w, h);
        memcpy(bytes + head, image.pixels, w * h * 3);
        s->paths[i] = malloc(16);
        sprintf(s->paths[i], "%02zu.ppm", i);
        snprintf(path, sizeof path, "%s/%s", s->folder, s->paths[i]);
        TRY(lc_write_file(path, bytes, i == BAD ? 9 : head + w * h * 3));
        s->labels[i] = (int32_t)(i % 3);
        s->rows[i] = i;
        free(bytes);
        lc_image_free(&image);
    }
    s->manifest = (lc_manifest){.root = s->folder, .rows = PICTURES, .paths = s->paths, .labels = s->labels, .classes = 3};
}

static void set_remove(const set *s)
{
    for (size_t i = 0; i < PICTURES; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", s->folder, s->paths[i]);
        unlink(path);
    }
    rmdir(s->folder);
}

static void set_free(set *s)
{
    set_remove(s);
    for (size_t i = 0; i < PICTURES; i++) {
        free(s->paths[i]);
    }
}

typedef struct {
    const lc_loader_options *options;
    size_t batches, pictures, rows[PICTURES];
    float *input, *targets;
} taken;

static lc_status take(void *context, const lc_batch *b)
{
    taken *t = context;
    assert_int_equal(b->index, t->batches++);
    memcpy(t->input + t->pictures * FLOATS, b->input, b->count * FLOATS * sizeof(float));
    assert_true((b->targets != NULL) == (t->options->augment.mixup > 0.0));
    if (b->targets) {
        memcpy(t->targets + t->pictures * 3, b->targets, b->count * 3 * sizeof(float));
    }
    for (size_t i = 0; i < b->count; i++) {
        assert_int_equal(b->labels[i], b->rows[i] % 3);
        t->rows[t->pictures++] = b->rows[i];
    }
    return LC_OK;
}

static taken take_epoch(const lc_loader_options *options, uint64_t epoch)
{
    lc_loader *loader;
    taken t = {.options = options, .input = calloc(PICTURES * FLOATS, sizeof(float)), .targets = calloc(PICTURES * 3, sizeof(float))};
    TRY(lc_loader_new(&loader, options));
    assert_int_equal(lc_loader_count(loader), PICTURES - 1);
    assert_int_equal(lc_loader_failed(loader), 1);
    TRY(lc_loader_epoch(loader, epoch, take, &t));
    assert_int_equal(t.batches, lc_loader_batches(loader));
    lc_loader_free(loader);
    return t;
}

static void taken_free(taken *t)
{
    free(t->input);
    free(t->targets);
}

static bool same(const taken *a, const taken *b)
{
    return a->pictures == b->pictures && memcmp(a->rows, b->rows, sizeof a->rows) == 0 &&
           memcmp(a->input, b->input, PICTURES * FLOATS * sizeof(float)) == 0 &&
           memcmp(a->targets, b->targets, PICTURES * 3 * sizeof(float)) == 0;
}

static void test_loader_orders(void **state)
{
    (void)state;
    set s;
    set_make(&s);
    lc_loader_options o = {.manifest = &s.manifest, .rows = s.rows, .count = PICTURES, .preprocess = plain, .batch = 4, .threads = 2};
    taken plain_order = take_epoch(&o, 0);
    assert_int_equal(plain_order.pictures, PICTURES - 1);
    for (size_t i = 0; i < PICTURES - 1; i++) {
        assert_int_equal(plain_order.rows[i], i + (i >= BAD));
    }
    o.shuffle = true;
    taken first = take_epoch(&o, 0), again = take_epoch(&o, 0), second = take_epoch(&o, 1);
    assert_true(same(&first, &again));
    assert_memory_not_equal(first.rows, second.rows, sizeof first.rows);
    assert_memory_not_equal(first.rows, plain_order.rows, sizeof first.rows);
    size_t sum = 0;
    for (size_t i = 0; i < first.pictures; i++) {
        sum += (size_t)1 << first.rows[i];
    }
    assert_int_equal(sum, ((size_t)1 << PICTURES) - 1 - (1 << BAD));
    o.drop_last = true;
    taken full = take_epoch(&o, 0);
    assert_int_equal(full.pictures, 20);
    taken_free(&plain_order);
    taken_free(&first);
    taken_free(&again);
    taken_free(&second);
    taken_free(&full);
    set_free(&s);
}

static void test_loader_same_bytes(void **state)
{
    (void)state;
    set s;
    set_make(&s);
    lc_loader_options o = {.manifest = &s.manifest, .rows = s.rows, .count = PICTURES, .preprocess = plain, .batch = 5,
                           .threads = 1, .classes = 3, .shuffle = true, .seed = 9, .augment = parsed("strong,rotate=20")};
    taken one = take_epoch(&o, 3);
    o.threads = 4;
    taken four = take_epoch(&o, 3);
    o.keep_bytes = 20000; /* some pictures */
    taken some = take_epoch(&o, 3);
    o.keep_bytes = 1;
    taken none = take_epoch(&o, 3);
    assert_true(same(&one, &four) && same(&one, &some) && same(&one, &none));
    taken_free(&one);
    taken_free(&four);
    taken_free(&some);
    taken_free(&none);
    set_free(&s);
}

static lc_status refuse(void *context, const lc_batch *b)
{
    (void)context;
    return b->index == 2 ? lc_fail(LC_ERR_INTERRUPTED, "enough") : LC_OK;
}

static void test_loader_failures(void **state)
{
    (void)state;
    set s;
    lc_loader *loader;
    set_make(&s);
    lc_loader_options o = {.manifest = &s.manifest, .rows = s.rows + BAD, .count = 1, .preprocess = plain, .batch = 2};
    assert_int_equal(lc_loader_new(&loader, &o), LC_ERR_ARG);
    assert_null(loader);
    o.count = 0;
    assert_int_equal(lc_loader_new(&loader, &o), LC_ERR_ARG);
    o.count = 2;
    o.augment = parsed("mixup");
    assert_int_equal(lc_loader_new(&loader, &o), LC_ERR_ARG); /* labels are not below 0 classes */
    o = (lc_loader_options){.manifest = &s.manifest, .rows = s.rows, .count = PICTURES, .preprocess = plain, .batch = 2, .keep_bytes = 1};
    TRY(lc_loader_new(&loader, &o));
    assert_int_equal(lc_loader_epoch(loader, 0, refuse, NULL), LC_ERR_INTERRUPTED);
    set_remove(&s); /* pictures that were there before */
    assert_int_equal(lc_loader_epoch(loader, 0, refuse, NULL), LC_ERR_IO);
    lc_loader_free(loader);
    set_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_none_is_the_preprocessing),
        cmocka_unit_test(test_numbers_follow_seed_epoch_and_row),
        cmocka_unit_test(test_padded_crop),
        cmocka_unit_test(test_crop_of_a_thin_picture),
        cmocka_unit_test(test_random_resized_crop),
        cmocka_unit_test(test_random_erasing),
        cmocka_unit_test(test_mixing),
        cmocka_unit_test(test_loader_orders),
        cmocka_unit_test(test_loader_same_bytes),
        cmocka_unit_test(test_loader_failures),
    };
    return cmocka_run_group_tests_name("augment", tests, NULL, NULL);
}
