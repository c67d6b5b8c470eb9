/* Folders, lists and single pictures as rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/manifest.h"
#include "tests/store_checks.h"
#include "tests/temp_folder.h"

static void make_folder(const char *name)
{
    assert_int_equal(mkdir(temp_path(name), 0700), 0);
}

static void make_file(const char *name)
{
    OK(lc_write_file(temp_path(name), "x", 1));
}

static void test_folder_of_classes(void **state)
{
    (void)state;
    lc_manifest *m;
    make_folder("classes");
    make_folder("classes/b");
    make_folder("classes/b/deep");
    make_folder("classes/a-z");
    make_folder("classes/a");
    make_folder("classes/empty");
    make_folder("classes/.git");
    make_file("classes/b/deep/1.PNG");
    make_file("classes/b/2.jpeg");
    make_file("classes/b/.hidden.jpg");
    make_file("classes/b/notes.txt");
    make_file("classes/b/new.webp");
    make_file("classes/b/old.tiff");
    make_file("classes/a-z/1.jpg");
    make_file("classes/a/z.ppm");
    make_file("classes/top.gif");
    assert_int_equal(symlink("..", temp_path("classes/b/loop")), 0);
    assert_int_equal(symlink("../a", temp_path("classes/b/other")), 0);
    assert_int_equal(symlink("nowhere", temp_path("classes/b/broken.jpg")), 0);
    OK(lc_manifest_read(&m, temp_path("classes")));
    /* '-' stands before '/' in byte order. */
    assert_string_equal(rows_text(m), "a-z/1.jpg:a-z:none a/z.ppm:a:none b/2.jpeg:b:none b/broken.jpg:b:none "
                                      "b/deep/1.PNG:b:none b/new.webp:b:none b/other/z.ppm:b:none top.gif:-:none ");
    assert_int_equal(m->classes, 3);
    assert_string_equal(m->class_names[0], "a");
    assert_string_equal(m->class_names[1], "a-z");
    assert_int_equal(m->hidden, 2);
    assert_int_equal(m->other_files, 2);
    char *path;
    OK(lc_manifest_path(m, 1, &path));
    assert_string_equal(path, temp_path("classes/a/z.ppm"));
    free(path);
    lc_manifest_free(m);
    lc_manifest_free(NULL);
}

static void test_folder_of_splits(void **state)
{
    (void)state;
    lc_manifest *m;
    make_folder("splits");
    make_folder("splits/train");
    make_folder("splits/train/b");
    make_folder("splits/val");
    make_folder("splits/val/a");
    make_folder("splits/test");
    make_folder("splits/extra");
    make_folder("splits/extra/a");
    make_file("splits/train/b/1.jpg");
    make_file("splits/val/a/1.jpg");
    make_file("splits/test/1.jpg");
    make_file("splits/extra/a/1.jpg");
    make_file("splits/loose.jpg");
    assert_int_equal(symlink("../..", temp_path("splits/train/b/up")), 0);
    OK(lc_manifest_read(&m, temp_path("splits")));
    assert_string_equal(rows_text(m), "test/1.jpg:-:test train/b/1.jpg:b:train val/a/1.jpg:a:val ");
    assert_int_equal(m->other_files, 2);
    lc_manifest_free(m);
}

static void test_sources_without_pictures(void **state)
{
    (void)state;
    lc_manifest *m;
    char expected[512];
    make_folder("none");
    make_file("none/a.txt");
    make_file("none/b.tiff");
    make_file("none/.c.jpg");
    assert_int_equal(lc_manifest_read(&m, temp_path("none")), LC_ERR_ARG);
    snprintf(expected, sizeof expected, "no pictures in %s: 2 files of other kinds, 1 hidden passed over",
             temp_path("none"));
    says(expected);
    assert_int_equal(lc_manifest_read(&m, temp_path("absent")), LC_ERR_IO);
    says("absent: No such file or directory");
    assert_int_equal(lc_manifest_read(&m, temp_path("none/a.txt")), LC_ERR_ARG);
    says("neither a folder, nor a list");
    assert_int_equal(lc_manifest_from_paths(&m, NULL, 0), LC_ERR_ARG);
}

static void test_single_pictures_and_paths(void **state)
{
    (void)state;
    lc_manifest *m;
    char *path;
    make_folder("few");
    make_folder("few/sub");
    make_file("few/z.jpg");
    make_file("few/sub/a.png");
    make_file("few/odd.name");
    OK(lc_manifest_read(&m, temp_path("few/z.jpg")));
    assert_string_equal(rows_text(m), "z.jpg:-:none ");
    OK(lc_manifest_path(m, 0, &path));
    assert_string_equal(path, temp_path("few/z.jpg"));
    free(path);
    lc_manifest_free(m);
    const char *paths[] = {temp_path("few/odd.name"), temp_path("few/")};
    OK(lc_manifest_from_paths(&m, paths, 2));
    assert_int_equal(m->rows, 3);
    assert_string_equal(m->root, "");
    assert_string_equal(m->paths[0], paths[0]);
    assert_string_equal(m->paths[1], temp_path("few/sub/a.png"));
    OK(lc_manifest_path(m, 2, &path));
    assert_string_equal(path, temp_path("few/z.jpg"));
    free(path);
    lc_manifest_free(m);
}

static lc_status parse(lc_manifest **m, const char *text, char delimiter)
{
    return lc_manifest_parse_list(m, text, strlen(text), delimiter, "root", "list.csv");
}

static void test_lists(void **state)
{
    (void)state;
    static const struct {
        char delimiter;
        const char *text, *rows;
    } cases[] = {
        {',', "path\na.jpg", "a.jpg:-:none "},
        {',', "path,label,split\r\nb.jpg,y,train\r\na.jpg,,\r\n", "b.jpg:y:train a.jpg:-:none "},
        {',', "\xEF\xBB\xBFsplit,PATH,x,Label\ntest,a.jpg,1,c\n\n", "a.jpg:c:test "},
        {',', "path,label\n\"a \"\"b\"\",c.jpg\",\"x\ny\"\n", "a \"b\",c.jpg:x\ny:none "},
        {'\t', "path\tlabel\na,b.jpg\tx\n", "a,b.jpg:x:none "},
        {',', "path,label\r/abs/a.jpg,it's \"x\"\r", "/abs/a.jpg:it's \"x\":none "},
        {',', "path,split\na.jpg,none", "a.jpg:-:none "},
    };
    lc_manifest *m;
    char *path;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        OK(parse(&m, cases[i].text, cases[i].delimiter));
        assert_string_equal(rows_text(m), cases[i].rows);
        OK(lc_manifest_path(m, 0, &path));
        assert_memory_equal(path, m->paths[0][0] == '/' ? "/abs/" : "root/", 5);
        free(path);
        lc_manifest_free(m);
    }
}

static void test_damaged_lists(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "line 1: the header names no column 'path'"},
        {"file,label\na.jpg,x\n", "line 1: the header names no column 'path'"},
        {"path,path\n", "line 1: two columns are called 'path'"},
        {"path,label\na.jpg,x\nb.jpg\n", "line 3: 1 columns, the header has 2"},
        {"path,label\n\"a\nb\",x\nc,d,e\n", "line 4: 3 columns, the header has 2"},
        {"path,split\na.jpg,train\nb.jpg,dev\n", "line 3: no split is called 'dev'"},
        {"path,label\n,x\n", "line 2: the path is empty"},
        {"path\n\"a.jpg\n\n", "line 2: a quote is never closed"},
        {"path\n\"a\"b.jpg\n", "line 2: text behind a closing quote"},
    };
    lc_manifest *m;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(&m, cases[i].text, ','), LC_ERR_FORMAT);
        says(cases[i].message);
        assert_null(m);
    }
    assert_int_equal(lc_manifest_parse_list(&m, "path\na\0b\n", 9, ',', "", "list.csv"), LC_ERR_FORMAT);
    says("list.csv, line 2: a zero byte");
    assert_int_equal(parse(&m, "path\n", ','), LC_ERR_ARG);
}

static void test_list_files(void **state)
{
    (void)state;
    lc_manifest *m;
    make_folder("lists");
    static const char list[] = "path\tsplit\na.jpg\tval\n";
    OK(lc_write_file(temp_path("lists/l.TSV"), list, strlen(list)));
    OK(lc_manifest_read(&m, temp_path("lists/l.TSV")));
    assert_string_equal(m->root, temp_path("lists"));
    assert_string_equal(rows_text(m), "a.jpg:-:val ");
    lc_manifest_free(m);
    OK(lc_write_file(temp_path("lists/empty.csv"), "", 0));
    assert_int_equal(lc_manifest_read(&m, temp_path("lists/empty.csv")), LC_ERR_FORMAT);
    unsigned split;
    OK(lc_split_parse("val", &split));
    assert_int_equal(split, LC_SPLIT_VAL);
    assert_int_equal(lc_split_parse("valid", &split), LC_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder_of_classes),
        cmocka_unit_test(test_folder_of_splits),
        cmocka_unit_test(test_sources_without_pictures),
        cmocka_unit_test(test_single_pictures_and_paths),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_damaged_lists),
        cmocka_unit_test(test_list_files),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
