/* Text of the ground: names that are near, UTF-8, lines; JSON, and recipes written in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "common/recipe.h"
#include "common/rng.h"
#include "common/text.h"

#define OK(expression) assert_int_equal(expression, LC_OK)
#define MESSAGE(text)  assert_string_equal(lc_error_message(), text)

static void test_nearest_names(void **state)
{
    (void)state;
    static const char *const names[] = {"fc", "layer2", "layer1", "layer3", "Layer1"};
    char text[64];
    assert_string_equal(lc_text_nearest(text, sizeof text, "layre1", names, 5), "layer1, Layer1 or layer2");
    assert_string_equal(lc_text_nearest(text, sizeof text, "FC", names, 1), "fc");
    assert_string_equal(lc_text_nearest(text, sizeof text, "x", names, 0), "");
    assert_string_equal(lc_text_nearest(text, 8, "layer1", names, 5), "layer1,");
    char longest[600];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_string_equal(lc_text_nearest(text, sizeof text, longest, names, 2), "layer2 or fc");
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"plain", "plain"},
        {"\xC3\xBC \xE2\x82\xAC \xF0\x9F\x90\x9C", "\xC3\xBC \xE2\x82\xAC \xF0\x9F\x90\x9C"},
        {"latin\xFC", "latin?"},
        {"cut\xE2\x82", "cut??"},
        {"\xC0\xAF\xED\xA0\x80\xF4\x90\x80\x80", "?????????"},
        {"\xE0\x80\x80\xF0\x80\x80\x80\xFF", "????????"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        snprintf(text, sizeof text, "%s", cases[i][0]);
        assert_int_equal(lc_text_make_utf8(text), strcmp(cases[i][0], cases[i][1]) != 0);
        assert_string_equal(text, cases[i][1]);
    }
}

/* JSON and recipes --------------------------------------------------------------------------------------------- */

/* Whole words, one at least; characters count, not bytes. */
static void test_lines_of_text(void **state)
{
    (void)state;
    assert_int_equal(lc_text_length("K\xC3\xA4" "fer"), 5);
    assert_int_equal(lc_text_line("one two three", 7), 7);
    assert_int_equal(lc_text_line("one two three", 6), 3);
    assert_int_equal(lc_text_line("one two three", 1), 3);
    assert_int_equal(lc_text_line("one two three", 80), 13);
    assert_int_equal(lc_text_line("\xC3\xA4\xC3\xA4 \xC3\xA4", 4), 7);
    assert_int_equal(lc_text_line("", 4), 0);
    lc_text t;
    OK(lc_text_open(&t));
    fprintf(t.stream, "%d%c%d", 1, 0, 2);
    OK(lc_text_close(&t));
    assert_int_equal(t.size, 3);
    assert_memory_equal(t.text, "1\0" "2", 4);
    free(t.text);
}


static void test_text_show(void **state)
{
    (void)state;
    char many[200];
    memset(many, 'm', sizeof many);
    assert_string_equal(lc_text_show("conv\n\x1b[1m\0x\xff \xc3\xa9", 14), "conv??[1m?x? ?");
    assert_string_equal(lc_text_show("", 0), "");
    assert_int_equal(strlen(lc_text_show(many, sizeof many)), 102);
    assert_string_equal(lc_text_show(many, sizeof many) + 98, "mm..");
}

static void test_fields(void **state)
{
    (void)state;
    lc_text t;
    OK(lc_text_open(&t));
    for (const char *const *p = (const char *const[]){"plain; it", "a,b", "the \"x\"", "two\nlines", "", NULL}; *p; p++) {
        lc_text_put_field(t.stream, *p);
        fputc('|', t.stream);
    }
    lc_text_put_quoted(t.stream, "plain");
    OK(lc_text_close(&t));
    assert_string_equal(t.text, "plain; it|\"a,b\"|\"the \"\"x\"\"\"|\"two\nlines\"||\"plain\"");
    free(t.text);
}

static void test_json_text(void **state)
{
    (void)state;
    lc_json *o = lc_json_object(), *a = lc_json_array(), *rows = lc_json_array(), *row = lc_json_array();
    char *text;
    lc_json_set_string(o, "name", "gr\xC3\xBC\xC3\x9F \"x\"\n");
    lc_json_set_string(o, "file\xFF", "\xFC.jpg");
    lc_json_set_string(o, "none", NULL);
    lc_json_set_int(o, "int", INT64_MAX);
    lc_json_set_real(o, "real", 0.1);
    lc_json_set_real(o, "whole", 2.0);
    lc_json_set_real(o, "nan", (double)NAN);
    lc_json_set_bool(o, "yes", true);
    lc_json_add_int(a, 1);
    lc_json_add_real(a, 1.0 / 3.0);
    lc_json_add_string(a, "s");
    lc_json_set(o, "list", a);
    lc_json_add_int(row, 7);
    lc_json_add_int(row, 8);
    lc_json_add(rows, row);
    lc_json_set(o, "rows", rows);
    lc_json_set(o, "empty", lc_json_object());
    lc_json_set_int(o, "int", 5); /* replaced where it stands */
    OK(lc_json_text(o, 0, &text));
    assert_string_equal(
        text, "{\"name\":\"gr\xC3\xBC\xC3\x9F \\\"x\\\"\\n\",\"file?\":\"?.jpg\",\"none\":null,\"int\":5,\"real\":0.1,"
              "\"whole\":2.0,\"nan\":null,\"yes\":true,\"list\":[1,0.3333333333333333,\"s\"],\"rows\":[[7,8]],"
              "\"empty\":{}}");
    free(text);
    OK(lc_json_text(o, 2, &text));
    assert_non_null(
        strstr(text, "  \"list\": [1, 0.3333333333333333, \"s\"],\n  \"rows\": [\n    [7, 8]\n  ],\n  \"empty\": {}\n}"));
    free(text);
    lc_json_free(o);
    assert_int_equal(lc_json_text(NULL, 0, &text), LC_ERR_NOMEM);
}

static void test_json_numbers_read_back(void **state)
{
    (void)state;
    lc_rng r = lc_rng_new(5, 0);
    for (size_t i = 0; i < 500; i++) {
        uint64_t bits = lc_rng_u64(&r);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) {
            continue;
        }
        lc_json *a = lc_json_array(), *back;
        char *text, shorter[40];
        lc_json_add_real(a, value);
        OK(lc_json_text(a, 0, &text));
        OK(lc_json_parse(&back, text, strlen(text)));
        assert_true(lc_json_number_at(back, 0, 0) == value);
        /* One digit less does not bring it back. */
        for (int digits = 16; digits > 0; digits--) {
            snprintf(shorter, sizeof shorter, "%.*g", digits, value);
            if (strtod(shorter, NULL) != value) {
                snprintf(shorter, sizeof shorter, "%.*g", digits + 1, value);
                assert_true(strlen(text) - 2 <= strlen(shorter));
                break;
            }
        }
        free(text);
        lc_json_free(a);
        lc_json_free(back);
    }
}

static void test_json_asks(void **state)
{
    (void)state;
    static const char text[] = "{\"s\":\"x\",\"n\":2.5,\"i\":3,\"b\":true,\"a\":[1,\"two\"]}";
    lc_json *o;
    const lc_json *value;
    OK(lc_json_parse(&o, text, strlen(text)));
    assert_string_equal(lc_json_string(o, "s"), "x");
    assert_null(lc_json_string(o, "n"));
    assert_null(lc_json_string(o, "absent"));
    assert_true(lc_json_number(o, "n", 0) == 2.5 && lc_json_number(o, "i", 0) == 3.0 && lc_json_number(o, "s", 9) == 9.0);
    assert_true(lc_json_bool(o, "b", false) && lc_json_bool(o, "s", true));
    const lc_json *a = lc_json_get(o, "a");
    assert_int_equal(lc_json_size(a), 2);
    assert_int_equal(lc_json_size(o), 5);
    assert_true(lc_json_number_at(a, 0, 0) == 1.0 && lc_json_number_at(a, 1, 4) == 4.0 &&
                lc_json_number_at(a, 2, 4) == 4.0);
    assert_string_equal(lc_json_string_at(a, 1), "two");
    assert_null(lc_json_at(a, 2));
    assert_string_equal(lc_json_key_at(o, 4, &value), "a");
    assert_ptr_equal(value, a);
    assert_null(lc_json_key_at(o, 5, &value));
    assert_null(lc_json_get(NULL, "x"));
    const char *key, *keys = "sniba";
    size_t walked = 0;
    for (void *at = NULL; lc_json_each(o, &at, &key, &value); walked++) {
        assert_int_equal(key[0], keys[walked]);
        assert_ptr_equal(value, lc_json_get(o, key));
    }
    assert_int_equal(walked, 5);
    lc_json_free(o);
    lc_json_free(NULL);
    assert_int_equal(lc_json_parse(&o, "{\n \"a\":", 7), LC_ERR_FORMAT);
    assert_non_null(strstr(lc_error_message(), "line 2, column 5"));
    assert_int_equal(lc_json_parse(&o, "{\"a\":1,\"a\":2}", 13), LC_ERR_FORMAT);
}

static void test_recipes(void **state)
{
    (void)state;
    static const char ours[] =
        "{\"network\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"resize\":256,"
        "\"interpolation\":\"bilinear\",\"mean\":[0.5,0.5]}";
    static const char theirs[] =
        "{\"network\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"resize\":232,"
        "\"interpolation\":\"bicubic\",\"mean\":[0.5,0.5]}";
    OK(lc_recipe_check(ours, "this run", ours, "features.h5"));
    assert_int_equal(lc_recipe_check(ours, "this run", theirs, "features.h5"), LC_ERR_STALE);
    MESSAGE("recipe differs: resize 256 (this run), 232 (features.h5); interpolation bilinear (this run), bicubic "
            "(features.h5)");
    assert_int_equal(lc_recipe_check("{\"a\":1}", "A", "{\"b\":[1,2]}", "B"), LC_ERR_STALE);
    MESSAGE("recipe differs: a 1 (A), absent (B); b absent (A), [1,2] (B)");
    assert_int_equal(lc_recipe_check("{\"a\":1}", "A", "{\"a\": 1}", "B"), LC_ERR_STALE);
    MESSAGE("recipe differs: the same words in another spelling");
    assert_int_equal(lc_recipe_check("{\"a\":1}", "A", "{", "B"), LC_ERR_STALE);
    assert_non_null(strstr(lc_error_message(), "recipe of B: line 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest_names),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_lines_of_text),
        cmocka_unit_test(test_text_show),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_json_text),
        cmocka_unit_test(test_json_numbers_read_back),
        cmocka_unit_test(test_json_asks),
        cmocka_unit_test(test_recipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
