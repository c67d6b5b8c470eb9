/* Features files of other kinds: float16, compressed, not yet named, parts and what they are merged into. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/feature_store.h"
#include "common/file.h"
#include "common/half.h"
#include "common/shard.h"
#include "common/store_merge.h"
#include "tests/store_checks.h"
#include "tests/temp_folder.h"
#include "tests/store_rows.h"

/* Ties, both ends of the normal and subnormal range, and what is beyond them: numpy's astype(float16). */
static void test_half(void **state)
{
    (void)state;
    static const struct {
        float value;
        uint16_t bits;
    } cases[] = {
        {0.0f, 0},           {-0.0f, 0x8000},        {1.0f, 0x3c00},          {-2.5f, 0xc100},         {65504.0f, 0x7bff},
        {65519.0f, 0x7bff},  {65520.0f, 0x7c00},     {1e9f, 0x7c00},          {-INFINITY, 0xfc00},     {6.103515625e-5f, 0x0400},
        {6.0975552e-5f, 0x03ff}, {5.9604645e-8f, 1}, {2.9802322e-8f, 0},      {2.9802326e-8f, 1},      {8.9406967e-8f, 2},
        {1.00048828125f, 0x3c00}, {1.0014648f, 0x3c02}, {0.333333343f, 0x3555}, {2047.5f, 0x6800},     {1e-30f, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (lc_half(cases[i].value) != cases[i].bits) {
            fail_msg("%g: %04x, wanted %04x", (double)cases[i].value, lc_half(cases[i].value), cases[i].bits);
        }
    }
    assert_int_equal(lc_half(NAN) & 0x7c00, 0x7c00);
    assert_int_not_equal(lc_half(NAN) & 0x3ff, 0);
}

static void test_store_of_halves(void **state)
{
    (void)state;
    lc_store *s;
    lc_manifest *m = new_manifest();
    lc_store_options o = options_for(m);
    lc_store_row row = {.status = LC_ROW_OK, .width = 1, .height = 1};
    float values[LAYERS][BIG], back[BIG];
    const float *pointers[LAYERS] = {values[0], values[1], values[2]};
    o.half = true;
    for (size_t j = 0; j < BIG; j++) {
        values[0][j] = values[1][j] = values[2][j] = (float)j / 64.0f;
    }
    OK(lc_store_create(&s, temp_path("half.h5"), &o));
    OK(lc_store_write(s, 0, 1, &row, pointers));
    values[1][2] = 65505.0f;
    assert_int_equal(lc_store_write(s, 1, 1, &row, pointers), LC_ERR_ARG);
    says("layer 'middle' of p001.jpg has the value 65505; float16 ends at 65504: use --dtype f32");
    values[1][2] = NAN;
    row.status = LC_ROW_FAILED;
    OK(lc_store_write(s, 1, 1, &row, pointers));
    OK(lc_store_finish(s));
    OK(lc_store_open(&s, temp_path("half.h5")));
    assert_true(lc_store_half(s) && lc_store_layout_of(s) == LC_STORE_PLAIN);
    OK(lc_store_read(s, 0, 0, 1, back));
    assert_memory_equal(back, values[0], BIG * sizeof(float));
    OK(lc_store_read(s, 0, 1, 1, back));
    assert_true(isnan(back[0]));
    lc_store_free(s);
    o.half = false;
    assert_int_equal(lc_store_resume(&s, temp_path("half.h5"), &o), LC_ERR_STALE);
    says("dtype differs: f32 (this run), f16 (");
    lc_manifest_free(m);
}

static void test_store_packed(void **state)
{
    (void)state;
    lc_store *s;
    lc_manifest *m = new_manifest();
    lc_store_options o = options_for(m);
    uint64_t before, after;
    write_whole(temp_path("unpacked.h5"), m);
    write_whole(temp_path("packed.h5"), m);
    OK(lc_store_pack(temp_path("packed.h5"), &before, &after));
    assert_true(after < before);
    assert_same_values(temp_path("packed.h5"), temp_path("unpacked.h5"));
    OK(lc_store_pack(temp_path("packed.h5"), &before, &after)); /* is already */
    assert_true(after == before);
    OK(lc_store_resume(&s, temp_path("packed.h5"), &o));
    assert_true(lc_store_layout_of(s) == LC_STORE_PACKED && lc_store_complete(s));
    lc_store_free(s);
    OK(lc_store_create(&s, temp_path("packed.h5"), &o));
    OK(lc_store_finish(s));
    assert_int_equal(lc_store_pack(temp_path("packed.h5"), &before, &after), LC_ERR_ARG);
    says("packed.h5 is unfinished");
    assert_int_equal(leftovers("packed.h5"), 0);
    lc_manifest_free(m);
}

/* A file that is begun has no name until it is whole, and takes nobody's place unless asked to. */
static void test_store_begun(void **state)
{
    (void)state;
    lc_store *s;
    lc_manifest *m = new_manifest();
    lc_store_options o = options_for(m);
    OK(lc_write_file(temp_path("begun.h5.1-0.new"), "what a killed run left", 22));
    OK(lc_store_begin(&s, temp_path("begun.h5"), &o, false));
    assert_int_equal(leftovers("begun.h5"), 1);
    assert_int_not_equal(access(temp_path("begun.h5"), F_OK), 0);
    lc_store_free(s);
    assert_int_equal(leftovers("begun.h5"), 0);
    OK(lc_store_begin(&s, temp_path("begun.h5"), &o, false));
    write_whole(temp_path("begun.h5"), m);
    OK(write_row(s, 1, 0));
    assert_int_equal(lc_store_finish(s), LC_ERR_IO);
    says("File exists");
    assert_int_equal(leftovers("begun.h5"), 0);
    OK(lc_store_resume(&s, temp_path("begun.h5"), &o));
    lc_store_free(s);
    lc_manifest_free(m);
}

static void test_shards(void **state)
{
    (void)state;
    size_t part, parts, rows = 0;
    static const char *const bad[] = {"", "1", "1/", "/2", "0/2", "3/2", "-1/2", "1/2x", "1/+2", " 1/2", "1/9999999"};
    OK(lc_shard_parse("3/7", &part, &parts));
    assert_true(part == 3 && parts == 7);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(lc_shard_parse(bad[i], &part, &parts), LC_ERR_ARG);
    }
    for (size_t i = 1; i <= 7; i++) {
        lc_manifest *whole = new_manifest(), *m = new_manifest();
        OK(lc_shard_take(m, i, 7));
        assert_true(m->rows >= ROWS / 7 && m->rows <= ROWS / 7 + 1);
        for (size_t k = 0; k < m->rows; k++) {
            assert_string_equal(m->paths[k], whole->paths[rows + k]);
            assert_int_equal(m->labels[k], whole->labels[rows + k]);
            assert_int_equal(m->splits[k], whole->splits[rows + k]);
        }
        rows += m->rows;
        lc_manifest_free(m);
        lc_manifest_free(whole);
    }
    assert_int_equal(rows, ROWS);
    lc_manifest *m = new_manifest();
    assert_int_equal(lc_shard_take(m, 1, ROWS + 1), LC_ERR_ARG);
    lc_manifest_free(m);
}

/* Three parts, each with a name of one letter; their merging has the values of one whole file. */
static void test_store_merges(void **state)
{
    (void)state;
    static const char *const names[] = {"c.h5", "a.h5", "b.h5"};
    char paths[3][512];
    const char *pointers[3];
    lc_store *s;
    lc_store_merge_report report;
    lc_manifest *whole = new_manifest();
    write_whole(temp_path("whole.h5"), whole);
    for (size_t i = 0, row = 0; i < 3; i++) {
        lc_manifest *m = new_manifest();
        OK(lc_shard_take(m, i + 1, 3));
        lc_store_options o = options_for(m);
        snprintf(paths[i], sizeof paths[i], "%s", temp_path(names[i]));
        pointers[i] = paths[i];
        OK(lc_store_create(&s, paths[i], &o));
        for (size_t k = 0; k < m->rows; k++, row++) {
            OK(write_row_at(s, 1, row, k));
        }
        OK(lc_store_finish(s));
        lc_manifest_free(m);
    }
    for (int as_links = 0; as_links < 2; as_links++) {
        unlink(temp_path("merged.h5"));
        OK(lc_store_merge(pointers, 3, temp_path("merged.h5"), as_links, "merge", &report));
        assert_true(report.rows == ROWS && report.parts == 3 && report.failed == ROWS / 10 && report.layers == LAYERS);
        assert_same_values(temp_path("merged.h5"), temp_path("whole.h5"));
        OK(lc_store_open(&s, temp_path("merged.h5")));
        assert_int_equal(check_rows(s), ROWS);
        assert_true(lc_store_layout_of(s) == (as_links ? LC_STORE_VIRTUAL : LC_STORE_PLAIN) && lc_store_complete(s));
        assert_int_equal(lc_store_manifest(s)->parts, 0);
        OK(lc_store_check_links(s));
        lc_store_free(s);
        assert_int_equal(lc_store_merge(pointers, 3, temp_path("merged.h5"), as_links, "merge", &report), LC_ERR_ARG);
    }
    assert_int_equal(lc_store_merge(pointers, 2, temp_path("two.h5"), false, "merge", &report), LC_ERR_STALE);
    says("1 of 3 parts missing: 3/3");
    assert_int_equal(leftovers("merged.h5") + leftovers("two.h5"), 0);
    lc_manifest_free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half),
        cmocka_unit_test(test_store_of_halves),
        cmocka_unit_test(test_store_packed),
        cmocka_unit_test(test_store_begun),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_store_merges),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
