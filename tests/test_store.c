/* HDF5, the features file, and what a killed run or a full disk leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/feature_store.h"
#include "common/file.h"
#include "common/h5.h"
#include "common/manifest.h"
#include "common/memory.h"
#include "common/rng.h"
#include "tests/store_checks.h"
#include "tests/temp_folder.h"
#include "tests/store_rows.h"

/* HDF5 --------------------------------------------------------------------------------------------------------- */

static void test_h5_values(void **state)
{
    (void)state;
    lc_h5 *f;
    lc_h5_shape shape;
    const float rows[6] = {1, 2, 3, 4, 5, 6};
    double back[15];
    char text[3][8] = {"one", "\xC3\xBC", "12345678"}, text_back[3][8], **names;
    size_t count;
    OK(lc_h5_create(&f, temp_path("values.h5")));
    OK(lc_h5_make(f, "/g/h/m", &(lc_h5_shape){LC_H5_F32, 0, 2, {5, 3}}));
    OK(lc_h5_make(f, "/g/t", &(lc_h5_shape){LC_H5_TEXT, 8, 1, {4}}));
    OK(lc_h5_make(f, "/g/none", &(lc_h5_shape){LC_H5_I64, 0, 2, {0, 4}}));
    OK(lc_h5_make(f, "/g/r4", &(lc_h5_shape){LC_H5_U8, 0, 4, {2, 3, 4, 5}}));
    OK(lc_h5_write(f, "/g/h/m", LC_H5_F32, 2, 2, rows));
    OK(lc_h5_write(f, "/g/t", LC_H5_TEXT, 1, 3, text));
    OK(lc_h5_write(f, "/g/none", LC_H5_I64, 0, 0, rows));
    OK(lc_h5_soft_link(f, "/g/h/m", "/link"));
    OK(lc_h5_close(f));
    OK(lc_h5_open(&f, temp_path("values.h5"), false));
    OK(lc_h5_read(f, "/link", LC_H5_F64, 0, 5, back));
    for (size_t i = 0; i < 15; i++) { /* what was never written reads as zeros */
        assert_true(back[i] == (i >= 6 && i < 12 ? (double)(i - 5) : 0.0));
    }
    OK(lc_h5_read(f, "/g/t", LC_H5_TEXT, 1, 3, text_back));
    assert_memory_equal(text, text_back, sizeof text);
    OK(lc_h5_shape_of(f, "/g/r4", &shape));
    assert_true(shape.type == LC_H5_U8 && shape.rank == 4 && shape.dims[3] == 5);
    OK(lc_h5_shape_of(f, "/g/none", &shape));
    assert_true(shape.type == LC_H5_I64 && shape.dims[0] == 0 && shape.dims[1] == 4);
    OK(lc_h5_read(f, "/g/none", LC_H5_I64, 0, 0, back));
    OK(lc_h5_list(f, "/g", &names, &count));
    assert_int_equal(count, 4);
    assert_string_equal(names[0], "h");
    assert_string_equal(names[3], "t");
    lc_free_strings(names, count);
    assert_true(lc_h5_exists(f, "/") && lc_h5_exists(f, "/g/h/m") && lc_h5_exists(f, "/link"));
    assert_false(lc_h5_exists(f, "/g/h/n") || lc_h5_exists(f, "/x/y/z"));
    assert_int_equal(lc_h5_read(f, "/g/h/m", LC_H5_F32, 3, 3, back), LC_ERR_SHAPE);
    assert_int_equal(lc_h5_read(f, "/g/h/m", LC_H5_F32, SIZE_MAX, 2, back), LC_ERR_SHAPE);
    assert_int_equal(lc_h5_read(f, "/g/h/m", LC_H5_TEXT, 0, 1, back), LC_ERR_STALE);
    assert_int_equal(lc_h5_read(f, "/g/h", LC_H5_F32, 0, 1, back), LC_ERR_STALE);
    assert_int_equal(lc_h5_read(f, "/nothing", LC_H5_F32, 0, 1, back), LC_ERR_STALE);
    says("there is no dataset /nothing");
    OK(lc_h5_close(f));
    OK(lc_h5_close(NULL));
}

static void test_h5_texts(void **state)
{
    (void)state;
    static const char *const strings[] = {"a", "", "\xC3\xBC/\xE2\x82\xAC", "d"};
    lc_h5 *f;
    char **back, *value;
    size_t count;
    int64_t ints[3];
    OK(lc_h5_create(&f, temp_path("texts.h5")));
    OK(lc_h5_group(f, "/made"));
    OK(lc_h5_write_strings(f, "/s/four", strings, 4));
    OK(lc_h5_write_strings(f, "/s/none", NULL, 0));
    char *longest = malloc(100001); /* longer than an attribute could hold in place */
    memset(longest, 'x', 100000);
    longest[100000] = '\0';
    OK(lc_h5_set_text(f, "/", "a", "first"));
    OK(lc_h5_set_text(f, "/", "a", longest));
    OK(lc_h5_set_text(f, "/made", "empty", ""));
    OK(lc_h5_set_ints(f, "/s/four", "shape", (int64_t[]){1, 2}, 2));
    OK(lc_h5_set_ints(f, "/s/four", "shape", (int64_t[]){3, INT64_MIN, 5}, 3));
    OK(lc_h5_set_ints(f, "/", "one", (int64_t[]){1}, 1));
    OK(lc_h5_set_ints(f, "/", "one", (int64_t[]){2}, 1));
    OK(lc_h5_close(f));
    OK(lc_h5_open(&f, temp_path("texts.h5"), false));
    OK(lc_h5_read_strings(f, "/s/four", &back, &count));
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(back[i], strings[i]);
    }
    lc_free_strings(back, count);
    OK(lc_h5_read_strings(f, "/s/none", &back, &count));
    assert_int_equal(count, 0);
    lc_free_strings(back, count);
    OK(lc_h5_get_text(f, "/", "a", &value));
    assert_string_equal(value, longest);
    free(value);
    free(longest);
    OK(lc_h5_get_text(f, "/made", "empty", &value));
    assert_string_equal(value, "");
    free(value);
    OK(lc_h5_get_ints(f, "/s/four", "shape", ints, 3));
    assert_true(ints[0] == 3 && ints[1] == INT64_MIN && ints[2] == 5);
    OK(lc_h5_get_ints(f, "/", "one", ints, 1));
    assert_int_equal(ints[0], 2);
    assert_int_equal(lc_h5_get_ints(f, "/", "one", ints, 2), LC_ERR_STALE);
    assert_int_equal(lc_h5_get_ints(f, "/", "a", ints, 1), LC_ERR_STALE);
    assert_int_equal(lc_h5_get_text(f, "/", "one", &value), LC_ERR_STALE);
    assert_int_equal(lc_h5_get_text(f, "/", "absent", &value), LC_ERR_STALE);
    says("/ has no attribute 'absent'");
    assert_int_equal(lc_h5_set_text(f, "/", "a", "read only"), LC_ERR_STALE);
    says("no write intent on file");
    assert_int_equal(lc_h5_close(f), LC_ERR_STALE); /* what failed before is not forgotten, nor its message */
    says("no write intent on file");
}

static void test_h5_refusals(void **state)
{
    (void)state;
    lc_h5 *f;
    assert_int_equal(lc_h5_open(&f, temp_path("absent.h5"), false), LC_ERR_IO);
    says("absent.h5: No such file or directory");
    assert_int_equal(lc_h5_create(&f, temp_path("no/folder.h5")), LC_ERR_IO);
    says("No such file or directory");
    OK(lc_write_file(temp_path("text.h5"), "this is text", 12));
    assert_int_equal(lc_h5_open(&f, temp_path("text.h5"), false), LC_ERR_STALE);
    assert_int_equal(lc_h5_open(&f, temp_folder, false), LC_ERR_STALE);
    assert_null(f);
}

/* The features file ---------------------------------------------------------------------------------------------- */

static void test_store_holds_what_was_written(void **state)
{
    (void)state;
    lc_store *s;
    size_t at;
    lc_manifest *m = new_manifest();
    setenv("SOURCE_DATE_EPOCH", "86400", 1);
    write_whole(temp_path("whole.h5"), m);
    OK(lc_store_open(&s, temp_path("whole.h5")));
    assert_int_equal(check_rows(s), ROWS);
    assert_true(lc_store_complete(s));
    assert_string_equal(lc_store_recipe(s), recipe);
    assert_string_equal(lc_store_attribute(s, "model_name"), "net");
    assert_string_equal(lc_store_attribute(s, "created_utc"), "1970-01-02T00:00:00Z");
    assert_string_equal(lc_store_attribute(s, "tool_version"), LC_VERSION);
    assert_null(lc_store_attribute(s, "colour"));
    const lc_manifest *back = lc_store_manifest(s);
    assert_string_equal(back->root, "pictures");
    assert_string_equal(rows_text(back), rows_text(m));
    assert_int_equal(lc_store_layer_count(s), LAYERS);
    for (size_t l = 0; l < LAYERS; l++) { /* in network order, which is not that of the names */
        const lc_store_layer *layer = lc_store_layer_at(s, l);
        assert_string_equal(layer->name, layers[l].name);
        assert_string_equal(layer->op, layers[l].op);
        assert_string_equal(layer->pool, layers[l].pool);
        assert_int_equal(layer->dim, layers[l].dim);
        assert_memory_equal(layer->shape, layers[l].shape, sizeof layer->shape);
    }
    assert_string_equal(lc_store_layer_at(s, 0)->id, ".features.conv");
    OK(lc_store_find_layer(s, "/features/conv", &at));
    assert_int_equal(at, 0);
    OK(lc_store_find_layer(s, ".features.conv", &at));
    OK(lc_store_find_layer(s, "fc", &at));
    assert_int_equal(at, 2);
    assert_int_equal(lc_store_find_layer(s, "conv9", &at), LC_ERR_NOTFOUND);
    says("has no layer 'conv9'; it has /features/conv, middle, fc");
    lc_store_free(s);
    lc_store_free(NULL);
    lc_h5 *f;
    float last[5];
    int32_t labels[ROWS];
    OK(lc_h5_open(&f, temp_path("whole.h5"), false));
    OK(lc_h5_read(f, "/features", LC_H5_F32, 1, 1, last));
    assert_true(last[0] == value_of(1, 1, 2, 0));
    OK(lc_h5_read(f, "/labels", LC_H5_I32, 0, ROWS, labels));
    assert_memory_equal(labels, m->labels, sizeof labels);
    OK(lc_h5_close(f));
    lc_manifest_free(m);
}

/* In several sittings, rows out of order: the same values, byte for byte. */
static void test_store_resumes(void **state)
{
    (void)state;
    lc_store *s;
    lc_manifest *m = new_manifest();
    lc_store_options o = options_for(m);
    write_whole(temp_path("unbroken.h5"), m);
    OK(lc_store_create(&s, temp_path("broken.h5"), &o));
    lc_store_free(s);
    OK(lc_store_resume(&s, temp_path("broken.h5"), &o));
    assert_int_equal(check_rows(s), 0);
    for (size_t row = 40; row < ROWS; row++) {
        OK(write_row(s, 1, row));
    }
    OK(lc_store_finish(s));
    OK(lc_store_open(&s, temp_path("broken.h5")));
    assert_int_equal(check_rows(s), 20);
    assert_false(lc_store_complete(s));
    lc_store_free(s);
    OK(lc_store_resume(&s, temp_path("broken.h5"), &o));
    for (size_t row = 0; row < 40; row++) {
        OK(write_row(s, row % 2 ? 1 : 2, row));
    }
    OK(lc_store_flush(s));
    assert_int_equal(check_rows(s), ROWS);
    for (size_t row = 0; row < 40; row += 2) { /* rows that were ok are written again */
        OK(write_row(s, 1, row));
    }
    OK(lc_store_finish(s));
    assert_same_values(temp_path("broken.h5"), temp_path("unbroken.h5"));
    lc_manifest_free(m);
}

static void test_store_refuses_another_job(void **state)
{
    (void)state;
    lc_store *s;
    lc_manifest *m = new_manifest();
    const lc_store_options right = options_for(m);
    lc_store_layer other[LAYERS];
    memcpy(other, layers, sizeof other);
    const char *path = temp_path("job.h5");
    write_whole(path, m);
    OK(lc_store_resume(&s, path, &right));
    lc_store_free(s);

    lc_store_options o = right;
    o.recipe = "{\"network\":\"ab\",\"resize\":232,\"interpolation\":\"bicubic\"}";
    assert_int_equal(lc_store_resume(&s, path, &o), LC_ERR_STALE);
    says("recipe differs: resize 232 (this run), 256 (");
    o = right;
    o.model_sha256 = "cd";
    assert_int_equal(lc_store_resume(&s, path, &o), LC_ERR_STALE);
    says("network differs: cd (this run), ab (");
    o = right;
    o.layers = other;
    other[1].name = "elsewhere";
    assert_int_equal(lc_store_resume(&s, path, &o), LC_ERR_STALE);
    says("layer differs: elsewhere (this run), middle (");
    other[1] = layers[1];
    other[1].pool = "max";
    other[1].dim = 3;
    assert_int_equal(lc_store_resume(&s, path, &o), LC_ERR_STALE);
    says("layer 'middle': shape differs: 3x4x5 pooled 'max' to 3 (this run), 3x4x5 pooled 'avgmax' to 6 (");
    o.layer_count = 1;
    assert_int_equal(lc_store_resume(&s, path, &o), LC_ERR_STALE);
    says("number of layers differs: 1 (this run), 3 (");

    o = right;
    m->paths[17][0] = 'q';
    assert_int_equal(lc_store_resume(&s, path, &o), LC_ERR_STALE);
    says("row 17 (q017.jpg): path differs: q017.jpg (this run), p017.jpg (");
    m->paths[17][0] = 'p';
    m->labels[17] = 0;
    assert_int_equal(lc_store_resume(&s, path, &o), LC_ERR_STALE);
    says("row 17 (p017.jpg): class differs: ant (this run), bee (");
    m->labels[17] = 1;
    m->splits[17] = LC_SPLIT_TEST;
    assert_int_equal(lc_store_resume(&s, path, &o), LC_ERR_STALE);
    says("row 17 (p017.jpg): split differs: test (this run), train (");
    m->splits[17] = LC_SPLIT_TRAIN;
    m->rows--;
    assert_int_equal(lc_store_resume(&s, path, &o), LC_ERR_STALE);
    says("number of pictures differs: 59 (this run), 60 (");
    m->rows++;
    OK(lc_store_resume(&s, path, &o));
    lc_store_free(s);
    lc_manifest_free(m);
}

static void test_store_names_of_layers(void **state)
{
    (void)state;
    lc_store *s;
    lc_manifest *m = new_manifest();
    lc_store_options o = options_for(m);
    lc_store_layer twins[2] = {{.name = "a/b", .op = "", .pool = "avg", .shape = {1, 1, 1}, .dim = 1},
                               {.name = "a.b", .op = "", .pool = "avg", .shape = {1, 1, 1}, .dim = 1}};
    o.layers = twins;
    o.layer_count = 2;
    assert_int_equal(lc_store_create(&s, temp_path("twins.h5"), &o), LC_ERR_ARG);
    says("two layers would be stored as /layers/a.b");
    twins[1].name = "/";
    assert_int_equal(lc_store_create(&s, temp_path("twins.h5"), &o), LC_ERR_ARG);
    assert_int_not_equal(access(temp_path("twins.h5"), F_OK), 0);
    assert_int_equal(leftovers("twins.h5"), 0);
    lc_manifest_free(m);
}

typedef void (*damage_fn)(lc_h5 *file);

static void damage_format(lc_h5 *f)
{
    OK(lc_h5_set_text(f, "/", "format", "something else"));
}

static void damage_version(lc_h5 *f)
{
    OK(lc_h5_set_ints(f, "/", "format_version", (int64_t[]){2}, 1));
}

static void damage_recipe(lc_h5 *f)
{
    OK(lc_h5_set_text(f, "/", "recipe", "{}"));
}

static void damage_label(lc_h5 *f)
{
    OK(lc_h5_write(f, "/images/label", LC_H5_I32, 5, 1, (int32_t[]){2}));
}

static void damage_status(lc_h5 *f)
{
    OK(lc_h5_write(f, "/images/status", LC_H5_U8, 6, 1, (uint8_t[]){9}));
}

static void damage_index(lc_h5 *f)
{
    OK(lc_h5_set_ints(f, "/layers/fc", "index", (int64_t[]){0}, 1));
}

static void damage_shape(lc_h5 *f)
{
    OK(lc_h5_set_ints(f, "/layers/fc", "shape", (int64_t[]){4, 1, 1}, 3));
}

static void damage_layers(lc_h5 *f)
{
    OK(lc_h5_make(f, "/layers/more", &(lc_h5_shape){LC_H5_F32, 0, 2, {ROWS + 1, 4}}));
    OK(lc_h5_set_text(f, "/layers/more", "name", "more"));
    OK(lc_h5_set_text(f, "/layers/more", "op", "Relu"));
    OK(lc_h5_set_text(f, "/layers/more", "pool", "avg"));
    OK(lc_h5_set_ints(f, "/layers/more", "shape", (int64_t[]){4, 1, 1}, 3));
    OK(lc_h5_set_ints(f, "/layers/more", "index", (int64_t[]){3}, 1));
}

static void test_store_refuses_damage(void **state)
{
    (void)state;
    static const struct {
        damage_fn damage;
        const char *message;
    } cases[] = {
        {damage_format, "damaged.h5: not a features file"},
        {damage_version, "format_version 2; this program reads 1"},
        {damage_recipe, "recipe_sha256 is not the hash of recipe"},
        {damage_label, "row 5 (p005.jpg) has label 2 of 2 classes"},
        {damage_status, "row 6 (p006.jpg) has split 2 and status 9"},
        {damage_index, "/layers/fc has index 0, which is another's"},
        {damage_shape, "/layers/fc has rows of 5 numbers, which 4 channels cannot give"},
        {damage_layers, "/layers/more has 61 rows, /images/path 60"},
    };
    lc_manifest *m = new_manifest();
    lc_store *s;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lc_h5 *f;
        write_whole(temp_path("damaged.h5"), m);
        OK(lc_h5_open(&f, temp_path("damaged.h5"), true));
        cases[i].damage(f);
        OK(lc_h5_close(f));
        assert_int_equal(lc_store_open(&s, temp_path("damaged.h5")), LC_ERR_STALE);
        says(cases[i].message);
        assert_null(s);
    }
    lc_manifest_free(m);
}

static void test_store_refuses_nan(void **state)
{
    (void)state;
    lc_manifest *m = new_manifest();
    lc_store *s;
    lc_h5 *f;
    float values[5 * ROWS];
    write_whole(temp_path("nan.h5"), m);
    OK(lc_h5_open(&f, temp_path("nan.h5"), true));
    OK(lc_h5_write(f, "/layers/fc", LC_H5_F32, 7, 1, (float[]){1, 2, INFINITY, 4, 5}));
    OK(lc_h5_close(f));
    OK(lc_store_open(&s, temp_path("nan.h5")));
    OK(lc_store_read(s, 2, 0, 7, values));
    OK(lc_store_read(s, 2, 9, 1, values)); /* failed, so its NaN is right */
    assert_int_equal(lc_store_read(s, 2, 0, ROWS, values), LC_ERR_STALE);
    says("layer 'fc', row 7 (p007.jpg): number 2 is infinite");
    lc_store_free(s);
    lc_manifest_free(m);
}

/* Any beginning of a file is refused, or opens and holds whole rows. */
static void test_store_refuses_a_cut_file(void **state)
{
    (void)state;
    lc_manifest *m = new_manifest();
    lc_store *s;
    unsigned char *bytes;
    size_t size;
    write_whole(temp_path("cut.h5"), m);
    OK(lc_read_file(&bytes, &size, temp_path("cut.h5"), SIZE_MAX));
    for (size_t i = 0; i < 64; i++) {
        OK(lc_write_file(temp_path("cut.h5"), bytes, size * i / 64));
        assert_int_equal(lc_store_open(&s, temp_path("cut.h5")), LC_ERR_STALE);
    }
    free(bytes);
    assert_int_equal(lc_store_open(&s, temp_path("absent.h5")), LC_ERR_IO);
    lc_manifest_free(m);
}

/* No more room for a file than `bytes`, as on a full disk. */
static void limit_files(size_t bytes)
{
    struct rlimit limit = {.rlim_max = RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
}

static bool is_full(lc_status status)
{
    return status == LC_ERR_IO && strstr(lc_error_message(), "File too large");
}

/* In a process of its own, since HDF5 does not release what belonged to a file that it could not close. */
static void fill_disk(size_t bytes, const char *path, const lc_manifest *m, bool make)
{
    lc_store *s;
    lc_store_options o = options_for(m);
    limit_files(bytes);
    if (make) {
        _exit(is_full(lc_store_create(&s, path, &o)) ? 0 : 1);
    }
    if (lc_store_resume(&s, path, &o) != LC_OK) {
        _exit(2);
    }
    for (size_t row = 10; row < ROWS; row++) {
        if (write_row(s, 1, row) != LC_OK) {
            _exit(3);
        }
    }
    bool full = is_full(lc_store_flush(s));
    lc_store_free(s);
    _exit(full && strstr(lc_error_message(), "File too large") ? 0 : 4);
}

static void assert_full(size_t bytes, const char *path, const lc_manifest *m, bool make)
{
    int ended;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        fill_disk(bytes, path, m, make);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended));
    assert_int_equal(WEXITSTATUS(ended), 0);
}

static void test_store_survives_a_full_disk(void **state)
{
    (void)state;
    lc_store *s;
    lc_manifest *m = new_manifest();
    lc_store_options o = options_for(m);
    struct stat info;
    assert_full(65536, temp_path("full.h5"), m, true);
    assert_int_not_equal(access(temp_path("full.h5"), F_OK), 0);
    assert_int_equal(leftovers("full.h5"), 0);

    OK(lc_store_create(&s, temp_path("full.h5"), &o));
    for (size_t row = 0; row < 10; row++) {
        OK(write_row(s, 1, row));
    }
    OK(lc_store_finish(s));
    assert_int_equal(stat(temp_path("full.h5"), &info), 0);
    assert_full((size_t)info.st_size / 2, temp_path("full.h5"), m, false);
    OK(lc_store_resume(&s, temp_path("full.h5"), &o));
    assert_int_equal(check_rows(s), 10);
    for (size_t row = 10; row < ROWS; row++) {
        OK(write_row(s, 1, row));
    }
    OK(lc_store_finish(s));
    OK(lc_store_open(&s, temp_path("full.h5")));
    assert_int_equal(check_rows(s), ROWS);
    lc_store_free(s);
    lc_manifest_free(m);
}

/* A killed run --------------------------------------------------------------------------------------------------- */

/* Writes the store again and again, generation after generation, until somebody kills it; tells when rows are safe. */
static void write_until_killed(const char *path, const lc_manifest *m, size_t generation, int started)
{
    lc_store *s;
    lc_store_options o = options_for(m);
    for (;; generation = generation % 200 + 1) {
        lc_status status = access(path, F_OK) == 0 ? lc_store_resume(&s, path, &o) : lc_store_create(&s, path, &o);
        for (size_t row = 0; status == LC_OK && row < ROWS; row++) {
            status = write_row(s, generation, row);
            if (status == LC_OK && row % 7 == 0) {
                status = lc_store_flush(s);
            }
            if (row == 7 && write(started, "", 1) != 1) {
                _exit(2);
            }
        }
        if (status != LC_OK || lc_store_finish(s) != LC_OK) {
            _exit(1);
        }
    }
}

static void test_store_survives_kills(void **state)
{
    (void)state;
    enum { KILLS = 36 };
    char path[512];
    snprintf(path, sizeof path, "%s", temp_path("killed.h5"));
    lc_manifest *m = new_manifest();
    lc_rng random = lc_rng_new(17, 0);
    size_t rows = 0;
    for (size_t i = 0; i < KILLS; i++) {
        int ends[2];
        char byte;
        if (i % 6 == 0) {
            unlink(path); /* so that some kills meet the making of the file */
        }
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            write_until_killed(path, m, i + 1, ends[1]);
        }
        close(ends[1]);
        if (i % 6 != 5) {
            assert_int_equal(read(ends[0], &byte, 1), 1);
        }
        nanosleep(&(struct timespec){0, (long)lc_rng_below(&random, 20000000)}, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        int ended;
        assert_int_equal(waitpid(child, &ended, 0), child);
        assert_true(WIFSIGNALED(ended));
        close(ends[0]);
        lc_store *s;
        OK(lc_store_open(&s, path));
        rows += check_rows(s);
        lc_store_free(s);
    }
    assert_true(rows > 0);
    lc_manifest_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h5_values),
        cmocka_unit_test(test_h5_texts),
        cmocka_unit_test(test_h5_refusals),
        cmocka_unit_test(test_store_holds_what_was_written),
        cmocka_unit_test(test_store_resumes),
        cmocka_unit_test(test_store_refuses_another_job),
        cmocka_unit_test(test_store_names_of_layers),
        cmocka_unit_test(test_store_refuses_damage),
        cmocka_unit_test(test_store_refuses_nan),
        cmocka_unit_test(test_store_refuses_a_cut_file),
        cmocka_unit_test(test_store_survives_a_full_disk),
        cmocka_unit_test(test_store_survives_kills),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
