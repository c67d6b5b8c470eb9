/*
 * The image room against PIL and torchvision. Golden values: tests/golden/image_*.txt; when a comparison fails because
 * the promise itself has changed, make them again:  python3 tests/golden/make_golden_image.py
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/rng.h"
#include "common/sha256.h"
#include "common/threads.h"
#include "extractor/image/edit.h"
#include "extractor/image/resize_loops.h"
#include "tests/try.h"

#define AGAIN "; make again: python3 tests/golden/make_golden_image.py"
#define CORPUS "tests/corpus/image/"

enum { FILES = 94 };

/* The first `digits` digits of the SHA-256. */
static const char *digest(const void *data, size_t size, size_t digits)
{
    static char hex[LC_SHA256_HEX_SIZE];
    uint8_t sum[LC_SHA256_SIZE];
    assert_int_equal(lc_sha256(data, size, sum), LC_OK);
    lc_sha256_hex(sum, hex);
    hex[digits] = '\0';
    return hex;
}

static const char *digest_of(const lc_image *image, size_t digits)
{
    return digest(image->pixels, image->width * image->height * 3, digits);
}

static FILE *open_golden(const char *name)
{
    FILE *f = fopen(name, "r");
    if (!f) {
        fail_msg("cannot open %s" AGAIN, name);
    }
    return f;
}

static unsigned char *read_whole(const char *path, size_t *size)
{
    unsigned char *bytes;
    if (lc_read_file(&bytes, size, path, 1 << 28) != LC_OK) {
        fail_msg("%s", lc_error_message());
    }
    return bytes;
}

static lc_image decode_file(const char *path)
{
    size_t size;
    unsigned char *bytes = read_whole(path, &size);
    lc_image image;
    if (lc_image_decode(&image, bytes, size, false) != LC_OK) {
        fail_msg("%s: %s", path, lc_error_message());
    }
    free(bytes);
    return image;
}

/* The picture that draw() of make_golden_image.py draws. */
static lc_image draw(size_t width, size_t height, int kind)
{
    lc_image image = {width, height, malloc(width * height * 3)};
    uint8_t *p = image.pixels;
    assert_non_null(p);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            for (uint32_t c = 0; c < 3; c++) {
                uint32_t v = x * 73856093u ^ y * 19349663u ^ c * 83492791u;
                v ^= v >> 13;
                v = v * 1274126177u >> 16 & 255;
                *p++ = (uint8_t)(kind == 1 ? x * 5 + y * 3 + c * 40 : kind == 0 ? v : (v >> 7) * 255);
            }
        }
    }
    return image;
}

static void test_files_of_every_kind(void **state)
{
    (void)state;
    FILE *golden = open_golden("tests/golden/image_files.txt");
    char name[128], want[32], path[256];
    size_t width, height, files = 0;
    for (; fscanf(golden, "%127s %zu %zu %31s", name, &width, &height, want) == 4; files++) {
        snprintf(path, sizeof path, CORPUS "%s", name);
        lc_image image = decode_file(path);
        if (image.width != width || image.height != height || strcmp(digest_of(&image, 16), want) != 0) {
            fail_msg("%s: %zu x %zu %s, PIL has %zu x %zu %s" AGAIN, name, image.width, image.height,
                     digest_of(&image, 16), width, height, want);
        }
        lc_image_free(&image);
    }
    fclose(golden);
    assert_int_equal(files, FILES);
}

typedef struct {
    char name[128], want[32];
} known_file;

static lc_status decode_known(void *context, size_t item)
{
    const known_file *file = (const known_file *)context + item % FILES;
    char path[256], hex[LC_SHA256_HEX_SIZE];
    unsigned char *bytes;
    size_t size;
    uint8_t sum[LC_SHA256_SIZE];
    lc_image image = {0};
    snprintf(path, sizeof path, CORPUS "%s", file->name);
    LC_TRY(lc_read_file(&bytes, &size, path, 1 << 20));
    lc_status status = lc_image_decode(&image, bytes, size, false);
    if (status == LC_OK) {
        status = lc_sha256(image.pixels, image.width * image.height * 3, sum);
    }
    if (status == LC_OK) {
        lc_sha256_hex(sum, hex);
        status = strncmp(hex, file->want, 16) == 0 ? LC_OK : lc_fail(LC_ERR_FORMAT, "%s: other pixels", path);
    }
    lc_image_free(&image);
    free(bytes);
    return status;
}

/* Under the thread sanitizer: no decoder has state that threads share. */
static void test_decoding_on_threads(void **state)
{
    (void)state;
    static known_file files[FILES];
    FILE *golden = open_golden("tests/golden/image_files.txt");
    for (size_t i = 0; i < FILES; i++) {
        assert_int_equal(fscanf(golden, "%127s %*u %*u %31s", files[i].name, files[i].want), 2);
    }
    fclose(golden);
    lc_threads *pool;
    assert_int_equal(lc_threads_new(&pool, 4), LC_OK);
    if (lc_parallel_for(pool, 800, decode_known, files) != LC_OK) {
        fail_msg("%s", lc_error_message());
    }
    lc_threads_free(pool);
}

/* A file that ends early fails with a reason, or has lost nothing that its pixels need. */
static void test_truncated_files_fail(void **state)
{
    (void)state;
    FILE *golden = open_golden("tests/golden/image_files.txt");
    char name[128], want[32], path[256];
    while (fscanf(golden, "%127s %*u %*u %31s", name, want) == 2) {
        snprintf(path, sizeof path, CORPUS "%s", name);
        size_t size;
        unsigned char *bytes = read_whole(path, &size);
        for (size_t cut = 0; cut < size; cut += cut + 40 < size && cut > 64 ? 7 : 1) {
            /* A copy of the exact length lets the address sanitizer see a read behind it. */
            unsigned char *part = malloc(cut ? cut : 1);
            assert_non_null(part);
            memcpy(part, bytes, cut);
            lc_image image;
            lc_status status = lc_image_decode(&image, part, cut, true);
            bool text = name[0] == 'p' && strncmp(name, "plain.p", 7) == 0; /* its last number may have lost a digit */
            if (status == LC_OK && !text && strcmp(digest_of(&image, 16), want) != 0) {
                fail_msg("%s cut to %zu of %zu bytes gives another picture", name, cut, size);
            }
            if (status != LC_OK) {
                assert_true(status == LC_ERR_FORMAT || status == LC_ERR_UNSUPPORTED);
                assert_null(image.pixels);
                assert_true(lc_error_message()[0] != '\0');
            } else {
                assert_true(cut > size / 3);
            }
            lc_image_free(&image);
            free(part);
        }
        free(bytes);
    }
    fclose(golden);
}

static void check_refused(const void *bytes, size_t size, lc_status want, const char *word)
{
    lc_image image;
    lc_status status = lc_image_decode(&image, bytes, size, true);
    if (status != want || !strstr(lc_error_message(), word)) {
        fail_msg("wanted %s with '%s', got %s: %s", lc_status_name(want), word, lc_status_name(status),
                 status == LC_OK ? "" : lc_error_message());
    }
    assert_null(image.pixels);
}

static void test_bad_input_is_refused(void **state)
{
    (void)state;
    size_t size;
    static const unsigned char zeros[64];
    check_refused("", 0, LC_ERR_FORMAT, "empty");
    check_refused("a", 1, LC_ERR_FORMAT, "not a picture");
    check_refused("<!DOCTYPE html><html><body>404 not found</body></html>", 54, LC_ERR_FORMAT, "not a picture");
    check_refused(zeros, sizeof zeros, LC_ERR_FORMAT, "not a picture");
    check_refused("RIFF\x10\0\0\0WEBPVP8 ", 16, LC_ERR_FORMAT, "WebP");
    check_refused("II*\0\x10\0\0\0", 8, LC_ERR_UNSUPPORTED, "TIFF");

    /* The size in a JPEG's frame header: 65535 x 65535, then 16000 x 16000, then nothing. */
    unsigned char *bytes = read_whole(CORPUS "baseline_0.jpg", &size);
    size_t at = 2;
    while (bytes[at + 1] != 0xc0) {
        at += 2 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
    }
    memcpy(bytes + at + 5, "\xff\xff\xff\xff", 4);
    check_refused(bytes, size, LC_ERR_UNSUPPORTED, "dimension");
    memcpy(bytes + at + 5, "\x3e\x80\x3e\x80", 4);
    check_refused(bytes, size, LC_ERR_FORMAT, "16000 x 16000");
    memcpy(bytes + at + 5, "\0\x11\0\0", 4);
    check_refused(bytes, size, LC_ERR_FORMAT, "JPEG");
    free(bytes);

    bytes = read_whole(CORPUS "colour2_8bit.png", &size);
    bytes[size / 2] ^= 4;
    check_refused(bytes, size, LC_ERR_FORMAT, "checksum");
    bytes[size / 2] ^= 4;
    memcpy(bytes + 16, "\0\0\xff\xff\0\0\xff\xff", 8);
    check_refused(bytes, size, LC_ERR_UNSUPPORTED, "65535 x 65535");
    memcpy(bytes + 16, "\0\0\x3e\x80\0\0\x3e\x80", 8);
    check_refused(bytes, size, LC_ERR_FORMAT, "16000 x 16000");
    memcpy(bytes + 16, "\0\0\0\0\0\0\0\1", 8);
    check_refused(bytes, size, LC_ERR_FORMAT, "0 x 1");
    free(bytes);

    bytes = read_whole(CORPUS "rgbx.bmp", &size);
    memcpy(bytes + 18, "\x80\x3e\0\0\x80\x3e\0\0", 8);
    check_refused(bytes, size, LC_ERR_FORMAT, "16000 x 16000");
    memcpy(bytes + 22, "\0\0\0\x80", 4);
    check_refused(bytes, size, LC_ERR_FORMAT, "damaged");
    free(bytes);

    check_refused("P6 99999 99999 255 ", 19, LC_ERR_UNSUPPORTED, "99999 x 99999");
    check_refused("P6 0 5 255 ", 11, LC_ERR_FORMAT, "0 x 5");
    check_refused("P6 5 5 0 ", 9, LC_ERR_FORMAT, "header");
}

/* Kinds of damage, each with its reason: tests/golden/image_bad.txt (name, status, what PIL does, a word of the message). */
static void test_bad_files_of_every_kind(void **state)
{
    (void)state;
    FILE *golden = open_golden("tests/golden/image_bad.txt");
    char line[256], name[128], want[32], pil[32], path[256];
    int at;
    size_t size, files = 0;
    for (; fgets(line, sizeof line, golden); files++) {
        line[strcspn(line, "\n")] = '\0';
        assert_int_equal(sscanf(line, "%127s %31s %31s %n", name, want, pil, &at), 3);
        snprintf(path, sizeof path, CORPUS "bad/%s", name);
        unsigned char *bytes = read_whole(path, &size);
        lc_image image;
        lc_status status = lc_image_decode(&image, bytes, size, true);
        if (strcmp(lc_status_name(status), want) != 0 || !strstr(lc_error_message(), line + at)) {
            fail_msg("%s: wanted %s with '%s', got %s: %s" AGAIN, name, want, line + at, lc_status_name(status),
                     status == LC_OK ? "" : lc_error_message());
        }
        assert_null(image.pixels);
        free(bytes);
    }
    fclose(golden);
    assert_int_equal(files, 76);
}

/* A PNG's chunk eXIf is changed below, so its checksum is too; nobody looks at that of a chunk that is not critical. */
static void test_exif_orientation_on_request(void **state)
{
    (void)state;
    FILE *golden = open_golden("tests/golden/image_exif.txt");
    size_t size, at, width, height, cases = 0;
    int orientation;
    char name[32], want[32], path[256];
    for (; fscanf(golden, "%31s %zu %d %zu %zu %31s", name, &at, &orientation, &width, &height, want) == 6; cases++) {
        lc_image image;
        snprintf(path, sizeof path, CORPUS "%s", name);
        unsigned char *bytes = read_whole(path, &size);
        bytes[at] = (unsigned char)orientation;
        assert_int_equal(lc_image_decode(&image, bytes, size, true), LC_OK);
        assert_int_equal(image.width, width);
        assert_int_equal(image.height, height);
        assert_string_equal(digest_of(&image, 16), want);
        lc_image_free(&image);
        assert_int_equal(lc_image_decode(&image, bytes, size, false), LC_OK);
        assert_int_equal(image.width, 23);
        lc_image_free(&image);
        free(bytes);
    }
    assert_int_equal(cases, 24);
    fclose(golden);
}

static void test_resize_equals_pil(void **state)
{
    (void)state;
    FILE *golden = open_golden("tests/golden/image_resize.txt");
    size_t width, height, to_width, to_height, cases = 0;
    int kind;
    char filter_name[32], want[32];
    for (; fscanf(golden, "%zu %zu %d %zu %zu %31s %31s", &width, &height, &kind, &to_width, &to_height, filter_name,
                  want) == 7;
         cases++) {
        lc_filter filter;
        lc_image in = draw(width, height, kind), out;
        assert_int_equal(lc_filter_parse(filter_name, &filter), LC_OK);
        assert_int_equal(lc_image_resize(&out, &in, to_width, to_height, filter), LC_OK);
        if (strcmp(digest_of(&out, 16), want) != 0) {
            fail_msg("%zu x %zu to %zu x %zu, %s, differs from PIL" AGAIN, width, height, to_width, to_height, filter_name);
        }
        lc_image_free(&in);
        lc_image_free(&out);
    }
    fclose(golden);
    assert_int_equal(cases, 35 * 3);
}

/* Any weights that fit into their bits, any bytes, also behind the taps: every instruction set gives the generic bytes. */
static void test_resize_loops_agree(void **state)
{
    (void)state;
    enum { N = 70, MOST = 23, STRIDE = 24, COLUMNS = 64, IN_STEP = COLUMNS * 3 + LC_RESIZE_SLACK, OUT_STEP = N * 3 + 1 };
    static uint8_t in[MOST * IN_STEP], a[LC_RESIZE_ROWS * OUT_STEP], b[sizeof a];
    static int32_t weights[N * STRIDE];
    static size_t first[N], taps[N];
    lc_resize_axis axis = {first, taps, weights, N, STRIDE};
    const lc_resize_loops *loops = lc_resize_loops_get();
    lc_rng r = lc_rng_new(20261130, 0);
    for (size_t i = 0; i < sizeof in; i++) {
        in[i] = (uint8_t)lc_rng_below(&r, 256);
    }
    for (size_t most = 1; most <= MOST; most++) {
        memset(weights, 0, sizeof weights);
        for (size_t x = 0; x < N; x++) {
            taps[x] = 1 + lc_rng_below(&r, most);
            first[x] = lc_rng_below(&r, COLUMNS - taps[x] + 1);
            for (size_t k = 0; k < taps[x]; k++) { /* their sum is near one, some below 0 */
                int32_t share = (2 << LC_RESIZE_BITS) / (int32_t)taps[x];
                weights[x * STRIDE + k] = (int32_t)lc_rng_below(&r, (uint32_t)share) - share / 8;
            }
        }
        lc_resize_generic.along(a, OUT_STEP, in, IN_STEP, 0, &axis);
        loops->along(b, OUT_STEP, in, IN_STEP, 0, &axis);
        for (size_t row = 0; row < LC_RESIZE_ROWS; row++) {
            assert_memory_equal(a + row * OUT_STEP, b + row * OUT_STEP, N * 3);
        }
        for (size_t n = 1; n <= COLUMNS * 3; n++) {
            const int32_t *w = weights + n % N * STRIDE;
            size_t rows = taps[n % N];
            lc_resize_generic.down(a, in + (MOST - rows) * IN_STEP, IN_STEP, w, rows, n);
            loops->down(b, in + (MOST - rows) * IN_STEP, IN_STEP, w, rows, n);
            assert_memory_equal(a, b, n);
        }
    }
}

static void test_impossible_resizes_are_refused(void **state)
{
    (void)state;
    lc_image in = draw(1, 5, 0), out;
    assert_int_equal(lc_image_resize(&out, &in, 0, 5, LC_FILTER_BILINEAR), LC_ERR_ARG);
    assert_int_equal(lc_image_resize(&out, &in, SIZE_MAX, SIZE_MAX, LC_FILTER_BILINEAR), LC_ERR_ARG);
    assert_int_equal(lc_image_resize(&out, &in, 1 << 20, 1 << 20, LC_FILTER_NEAREST), LC_ERR_ARG);
    lc_image_free(&in);

    /* Long and thin: only what the crop sees is computed, in any of the ways to get there. */
    in = draw(1, 3000000, 1);
    lc_preprocess p = LC_PREPROCESS_IMAGENET;
    assert_int_equal(lc_preprocess_crop(&p, &in, &out), LC_OK);
    lc_image_free(&out);
    p.crop_mode = LC_CROP_SQUASH;
    assert_int_equal(lc_preprocess_crop(&p, &in, &out), LC_ERR_UNSUPPORTED);
    assert_non_null(strstr(lc_error_message(), "long and thin"));
    assert_null(out.pixels);
    lc_image_free(&in);
}

static void test_preprocess_equals_torchvision(void **state)
{
    (void)state;
    FILE *golden = open_golden("tests/golden/image_preprocess.txt");
    size_t width, height, cases = 0;
    lc_preprocess p = LC_PREPROCESS_IMAGENET;
    char filter[32], mode[32], want[32];
    int kind;
    for (; fscanf(golden, "%zu %zu %zu %zu %zu %zu %31s %31s %d %31s", &width, &height, &p.channels, &p.height, &p.width,
                  &p.resize, filter, mode, &kind, want) == 10;
         cases++) {
        lc_image in = draw(width, height, kind);
        size_t values = p.channels * p.height * p.width;
        float *out = malloc(values * sizeof *out);
        assert_non_null(out);
        assert_int_equal(lc_filter_parse(filter, &p.interpolation), LC_OK);
        assert_int_equal(lc_crop_mode_parse(mode, &p.crop_mode), LC_OK);
        assert_int_equal(lc_preprocess_apply(&p, &in, out), LC_OK);
        if (strcmp(digest(out, values * sizeof *out, 16), want) != 0) {
            fail_msg("%zu x %zu to %zux%zux%zu by way of %zu, %s, %s, differs from torchvision" AGAIN, width, height,
                     p.channels, p.height, p.width, p.resize, filter, mode);
        }
        free(out);
        lc_image_free(&in);
    }
    fclose(golden);
    assert_int_equal(cases, 14);
}

static void edit(lc_image *image, const char *name, double number)
{
    lc_image out = {0};
    if (strcmp(name, "mirror") == 0) {
        lc_image_mirror(image);
    } else if (strcmp(name, "crop") == 0) {
        TRY(lc_image_crop(&out, image, (ptrdiff_t)number, (ptrdiff_t)floor(number / 2.0), 29, 31));
    } else if (strcmp(name, "brightness") == 0) {
        lc_image_brightness(image, number);
    } else if (strcmp(name, "contrast") == 0) {
        lc_image_contrast(image, number);
    } else if (strcmp(name, "saturation") == 0) {
        lc_image_saturation(image, number);
    } else if (strcmp(name, "hue") == 0) {
        lc_image_hue(image, number);
    } else {
        lc_filter filter;
        TRY(lc_filter_parse(name, &filter));
        TRY(lc_image_rotate(&out, image, number, filter));
    }
    if (out.pixels) {
        lc_image_free(image);
        *image = out;
    }
}

static void test_edits_equal_pil(void **state)
{
    (void)state;
    FILE *golden = open_golden("tests/golden/image_edits.txt");
    size_t width, height, cases = 0;
    int kind;
    double number;
    char name[32], want[32];
    for (; fscanf(golden, "%zu %zu %d %31s %lf %31s", &width, &height, &kind, name, &number, want) == 6; cases++) {
        lc_image image = draw(width, height, kind);
        edit(&image, name, number);
        if (strcmp(digest_of(&image, 16), want) != 0) {
            fail_msg("%s %g of %zu x %zu differs from PIL" AGAIN, name, number, width, height);
        }
        lc_image_free(&image);
    }
    fclose(golden);
    assert_int_equal(cases, 5 * 50);
}

static void test_preprocess_check(void **state)
{
    (void)state;
    lc_preprocess p = LC_PREPROCESS_IMAGENET;
    assert_int_equal(lc_preprocess_check(&p), LC_OK);
#define REFUSED(change)                                      \
    p = LC_PREPROCESS_IMAGENET;                              \
    change;                                                  \
    assert_int_equal(lc_preprocess_check(&p), LC_ERR_ARG)
    REFUSED(p.channels = 2);
    REFUSED(p.height = 0);
    REFUSED(p.width = 1 << 20);
    REFUSED(p.resize = 223);
    REFUSED((p.resize = 230, p.width = 240));
    REFUSED(p.resize = SIZE_MAX);
    REFUSED(p.std[2] = 0.0f);
    REFUSED(p.mean[1] = strtof("nan", NULL));
#undef REFUSED
    p = LC_PREPROCESS_IMAGENET;
    p.crop_mode = LC_CROP_SQUASH;
    p.width = 300; /* the shorter side is what `resize` means */
    assert_int_equal(lc_preprocess_check(&p), LC_OK);
    lc_filter filter;
    lc_crop_mode mode;
    assert_int_equal(lc_filter_parse("lanczos", &filter), LC_ERR_ARG);
    assert_non_null(strstr(lc_error_message(), "lanczos"));
    assert_int_equal(lc_crop_mode_parse("border", &mode), LC_ERR_ARG);
}

static void check_json(const lc_preprocess *p, const char *want)
{
    lc_json *object = lc_json_object();
    char *text;
    lc_preprocess_to_json(p, object);
    assert_int_equal(lc_json_text(object, 0, &text), LC_OK);
    assert_string_equal(text, want);
    lc_json_free(object);
    assert_int_equal(lc_json_parse(&object, text, strlen(text)), LC_OK);
    lc_preprocess back = LC_PREPROCESS_IMAGENET;
    assert_int_equal(lc_preprocess_from_json(&back, object), LC_OK);
    assert_int_equal(back.channels, p->channels);
    assert_int_equal(back.height, p->height);
    assert_int_equal(back.width, p->width);
    assert_int_equal(back.resize, p->resize);
    assert_int_equal(back.interpolation, p->interpolation);
    assert_int_equal(back.crop_mode, p->crop_mode);
    assert_int_equal(back.exif, p->exif);
    assert_memory_equal(back.mean, p->mean, p->channels * sizeof p->mean[0]);
    assert_memory_equal(back.std, p->std, p->channels * sizeof p->std[0]);
    free(text);
    lc_json_free(object);
}

static lc_status from_text(lc_preprocess *p, const char *text)
{
    lc_json *object;
    assert_int_equal(lc_json_parse(&object, text, strlen(text)), LC_OK);
    lc_status status = lc_preprocess_from_json(p, object);
    lc_json_free(object);
    return status;
}

static void test_json_keeps_every_bit(void **state)
{
    (void)state;
    lc_preprocess p = LC_PREPROCESS_IMAGENET;
    check_json(&p, "{\"input_size\":[3,224,224],\"resize\":256,\"crop_mode\":\"center\",\"interpolation\":\"bilinear\","
                   "\"mean\":[0.485,0.456,0.406],\"std\":[0.229,0.224,0.225],\"exif\":false}");
    p = (lc_preprocess){.channels = 1, .height = 28, .width = 30, .resize = 32, .interpolation = LC_FILTER_BICUBIC,
                        .crop_mode = LC_CROP_SQUASH, .mean = {1.0f / 3.0f}, .std = {0.1f * 3.0f}, .exif = true};
    check_json(&p, "{\"input_size\":[1,28,30],\"resize\":32,\"crop_mode\":\"squash\",\"interpolation\":\"bicubic\","
                   "\"mean\":[0.33333334],\"std\":[0.3],\"exif\":true}");

    p = LC_PREPROCESS_IMAGENET;
    assert_int_equal(from_text(&p, "{\"resize\":232}"), LC_OK);
    assert_int_equal(p.resize, 232);
    assert_int_equal(p.width, 224);
    assert_int_equal(from_text(&p, "{\"resize\":-1}"), LC_ERR_ARG);
    assert_int_equal(from_text(&p, "{\"resize\":250.5}"), LC_ERR_ARG);
    assert_int_equal(from_text(&p, "{\"input_size\":[3,224]}"), LC_ERR_ARG);
    assert_int_equal(from_text(&p, "{\"input_size\":[9,224,224]}"), LC_ERR_ARG);
    assert_int_equal(from_text(&p, "{\"mean\":[1,2]}"), LC_ERR_FORMAT);
    assert_int_equal(from_text(&p, "{\"std\":[1,2,\"x\"]}"), LC_ERR_ARG);
    assert_int_equal(from_text(&p, "{\"interpolation\":\"hamming\"}"), LC_ERR_ARG);
    assert_int_equal(p.resize, 232); /* a refused object changes nothing */
}

static void test_photographs_equal_pil(void **state)
{
    (void)state;
    const char *shared = getenv("LC_SHARED");
    char path[1024], name[512], decoded[16], cropped[16], cubic[16];
    snprintf(path, sizeof path, "%s/assets/images/hymenoptera/train", shared ? shared : "../shared");
    FILE *there = fopen(path, "r");
    if (!there) {
        print_message("skipped: no photographs in %s (set LC_SHARED)\n", path);
        skip();
    }
    fclose(there);
    FILE *golden = open_golden("tests/golden/image_photos.txt");
    size_t pictures = 0;
    for (; fscanf(golden, "%15s %15s %15s %511[^\n]", decoded, cropped, cubic, name) == 4; pictures++) {
        lc_preprocess p = LC_PREPROCESS_IMAGENET;
        lc_image crop;
        snprintf(path, sizeof path, "%s/assets/images/hymenoptera/%s", shared ? shared : "../shared", name);
        lc_image image = decode_file(path);
        if (strcmp(digest_of(&image, 8), decoded) != 0) {
            fail_msg("%s: decoded pixels differ from PIL's" AGAIN, name);
        }
        assert_int_equal(lc_preprocess_crop(&p, &image, &crop), LC_OK);
        if (strcmp(digest_of(&crop, 8), cropped) != 0) {
            fail_msg("%s: the crop differs from PIL's" AGAIN, name);
        }
        lc_image_free(&crop);
        if (cubic[0] != '-') {
            p.interpolation = LC_FILTER_BICUBIC;
            assert_int_equal(lc_preprocess_crop(&p, &image, &crop), LC_OK);
            if (strcmp(digest_of(&crop, 8), cubic) != 0) {
                fail_msg("%s: the bicubic crop differs from PIL's" AGAIN, name);
            }
            lc_image_free(&crop);
        }
        lc_image_free(&image);
    }
    fclose(golden);
    assert_int_equal(pictures, 397);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_of_every_kind),
        cmocka_unit_test(test_decoding_on_threads),
        cmocka_unit_test(test_truncated_files_fail),
        cmocka_unit_test(test_bad_input_is_refused),
        cmocka_unit_test(test_bad_files_of_every_kind),
        cmocka_unit_test(test_exif_orientation_on_request),
        cmocka_unit_test(test_resize_equals_pil),
        cmocka_unit_test(test_resize_loops_agree),
        cmocka_unit_test(test_impossible_resizes_are_refused),
        cmocka_unit_test(test_preprocess_equals_torchvision),
        cmocka_unit_test(test_edits_equal_pil),
        cmocka_unit_test(test_preprocess_check),
        cmocka_unit_test(test_json_keeps_every_bit),
        cmocka_unit_test(test_photographs_equal_pil),
    };
    return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
