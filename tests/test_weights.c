/*
 * Files of weights: every form in which PyTorch and safetensors write tensors, against the values PyTorch reads
 * (golden/make_corpus_weights.py); what is in place and what is copied; files that are refused; what is written comes
 * back; pairs of real files that hold the same tensors.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "extractor/models/pickle.h"
#include "extractor/models/weights.h"
#include "tests/temp_folder.h"
#include "tests/try.h"

#define CORPUS "tests/corpus/"
static lc_weights *open_weights(const char *path)
{
    lc_mapping file;
    lc_weights *w;
    TRY(lc_map_file(&file, path));
    if (lc_weights_open(&w, &file) != LC_OK) {
        fail_msg("%s: %s", path, lc_error_message());
    }
    lc_weights_keep(w, &file);
    assert_null(file.data);
    return w;
}

static void refused_bytes(const void *data, size_t size, lc_status status, const char *message)
{
    lc_mapping file = {.data = data, .size = size};
    lc_weights *w;
    assert_int_equal(lc_weights_open(&w, &file), status);
    assert_null(w);
    if (!strstr(lc_error_message(), message)) {
        fail_msg("says '%s', should say '%s'", lc_error_message(), message);
    }
}

static void refused(const char *name, lc_status status, const char *message)
{
    char path[256];
    lc_mapping file;
    snprintf(path, sizeof path, CORPUS "%s", name);
    TRY(lc_map_file(&file, path));
    refused_bytes(file.data, file.size, status, message);
    lc_unmap_file(&file);
}

/* Values ----------------------------------------------------------------------------------------------------- */

static const char *const dtype_names[LC_DTYPES] = {
    [LC_DTYPE_F32] = "F32", [LC_DTYPE_F64] = "F64", [LC_DTYPE_F16] = "F16", [LC_DTYPE_BF16] = "BF16",
    [LC_DTYPE_I64] = "I64", [LC_DTYPE_I32] = "I32", [LC_DTYPE_I16] = "I16", [LC_DTYPE_I8] = "I8",
    [LC_DTYPE_U8] = "U8",   [LC_DTYPE_BOOL] = "BOOL",
};

/* One line of weights.txt behind the file's name: tensor, type, shape, values. */
static void check_tensor(lc_weights *w, const char *path, char *line)
{
    char text[96], *rest, *name = strtok_r(line, " ", &rest);
    char *dtype = strtok_r(NULL, " ", &rest), *shape = strtok_r(NULL, " ", &rest);
    size_t i, n = 0;
    const float *values;
    if (!lc_weights_find(w, name, &i)) {
        fail_msg("%s: no tensor '%s'", path, name);
    }
    const lc_weight *t = lc_weights_at(w, i);
    assert_string_equal(t->name, name);
    assert_string_equal(dtype_names[t->dtype], dtype);
    assert_string_equal(t->rank ? lc_shape_text(text, t->rank, t->dims) : "-", shape);
    TRY(lc_weights_f32(w, i, &values));
    for (char *word; (word = strtok_r(NULL, " ", &rest)); n++) {
        float wanted = strtof(word, NULL);
        if (n >= t->count || memcmp(&wanted, &values[n], sizeof wanted) != 0) {
            fail_msg("%s: '%s'[%zu] is not %s (made by golden/make_corpus_weights.py)", path, name, n, word);
        }
    }
    assert_int_equal(n, t->count);
}

static void test_values(void **state)
{
    (void)state;
    FILE *f = fopen("tests/golden/weights.txt", "r");
    assert_non_null(f);
    char *line = NULL, path[256] = "";
    size_t capacity = 0, files = 0, tensors = 0;
    lc_weights *w = NULL;
    while (getline(&line, &capacity, f) > 0) {
        char now[256], *rest = strchr(line, ' ');
        line[strcspn(line, "\n")] = '\0';
        *rest++ = '\0';
        snprintf(now, sizeof now, CORPUS "%s", line);
        if (strcmp(path, now) != 0) {
            assert_true(!w || tensors == lc_weights_count(w));
            lc_weights_free(w);
            w = open_weights(now);
            strcpy(path, now);
            tensors = 0;
            files++;
        }
        check_tensor(w, path, rest);
        tensors++;
    }
    assert_true(files >= 19);
    lc_weights_free(w);
    free(line);
    fclose(f);
}

static void expect_place(lc_weights *w, const char *name, bool in_place)
{
    size_t i;
    const float *values, *again;
    assert_true(lc_weights_find(w, name, &i));
    TRY(lc_weights_f32(w, i, &values));
    assert_int_equal((const void *)values == (const void *)lc_weights_at(w, i)->data, in_place);
    TRY(lc_weights_f32(w, i, &again));
    assert_ptr_equal(values, again);
}

static void test_in_place(void **state)
{
    (void)state;
    lc_weights *w = open_weights(CORPUS "torch/views.pth");
    assert_string_equal(lc_weights_format(w), "torch_zip");
    expect_place(w, "whole", true);
    expect_place(w, "row", true);
    expect_place(w, "column", false);
    expect_place(w, "transposed", false);
    lc_weights_unload(w);
    size_t whole, row;
    assert_true(lc_weights_find(w, "whole", &whole) && lc_weights_find(w, "row", &row));
    assert_ptr_equal(lc_weights_at(w, row)->data, lc_weights_at(w, whole)->data + 2 * 5 * sizeof(float)); /* one storage */
    lc_weights_free(w);
    w = open_weights(CORPUS "torch/types.pth");
    expect_place(w, "f32", true);
    expect_place(w, "f16", false);
    lc_weights_free(w);
    w = open_weights(CORPUS "safetensors/types.safetensors");
    assert_string_equal(lc_weights_format(w), "safetensors");
    expect_place(w, "f32", true);
    lc_weights_free(w);
    w = open_weights(CORPUS "torch/types.th");
    assert_string_equal(lc_weights_format(w), "torch_stream");
    lc_weights_free(w);
}

static void test_metadata(void **state)
{
    (void)state;
    const char *key;
    lc_weights *w = open_weights(CORPUS "safetensors/types.safetensors");
    assert_int_equal(lc_weights_metadata_count(w), 2);
    assert_string_equal(lc_weights_metadata(w, "format"), "pt");
    assert_string_equal(lc_weights_metadata_at(w, 1, &key), "a \"quoted\" \xc3\xa9");
    assert_string_equal(key, "note");
    assert_null(lc_weights_metadata(w, "forma"));
    lc_weights_free(w);
}

/* Refusals --------------------------------------------------------------------------------------------------- */

static void test_refused(void **state)
{
    (void)state;
    refused("torch/os_system.pth", LC_ERR_UNSUPPORTED, "refuses os.system");
    refused("torch/os_system.th", LC_ERR_UNSUPPORTED, "refuses os.system");
    refused("torch/os_system_protocol4.pth", LC_ERR_UNSUPPORTED, "refuses posix.system");
    refused("torch/module.pth", LC_ERR_UNSUPPORTED, "refuses torch.nn.modules.linear.Linear");
    refused("torch/complex.pth", LC_ERR_UNSUPPORTED, "refuses torch.ComplexFloatStorage");
    refused("torch/no_state.pth", LC_ERR_UNSUPPORTED, "no state dict, but: epoch, optimizer");
    refused("torch/repeated.pth", LC_ERR_UNSUPPORTED, "tensor 'r': repeats elements: 1000 of them from 1");
    refused("torch/rank7.pth", LC_ERR_UNSUPPORTED, "tensor 'r': has 7 dimensions");
    refused("safetensors/float8.safetensors", LC_ERR_UNSUPPORTED, "tensor 'a': of type F8_E4M3");
    refused("safetensors/gap.safetensors", LC_ERR_FORMAT, "gap or overlap at byte 16 of 40");
    refused("safetensors/overlap.safetensors", LC_ERR_FORMAT, "gap or overlap at byte 24");
    refused("safetensors/twins.safetensors", LC_ERR_FORMAT, "gap or overlap");
    refused("safetensors/beyond.safetensors", LC_ERR_FORMAT, "'b': lies at 24..44 of 40 bytes");
    refused("safetensors/shape.safetensors", LC_ERR_FORMAT, "'a': has 24 bytes, its shape needs 8 elements of F32");
    refused("safetensors/huge.safetensors", LC_ERR_FORMAT, "dimension 0");
    refused("safetensors/negative.safetensors", LC_ERR_FORMAT, "dimension 1");
    refused_bytes("", 0, LC_ERR_FORMAT, "not a file of weights");
    refused_bytes("hello, world", 12, LC_ERR_FORMAT, "not a file of weights");
    refused_bytes("PK\3\4", 4, LC_ERR_FORMAT, "cut short");
    refused_bytes("\377\0\0\0\0\0\0\0{", 9, LC_ERR_FORMAT, "cut short");
    refused_bytes("\2\0\0\0\0\0\0\0{]", 10, LC_ERR_FORMAT, "header: line 1");
    refused_bytes("\17\0\0\0\0\0\0\0{\"a\":1,\"a\":\"b\"}", 23, LC_ERR_FORMAT, "duplicate object key");
    refused_bytes("\10\0\0\0\0\0\0\0{\"a\":{}}", 16, LC_ERR_FORMAT, "'a': lacks");
    static const char scalar[] = "\63\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"U8\",\"shape\":7,\"data_offsets\":[0,1]}}x";
    refused_bytes(scalar, sizeof scalar - 1, LC_ERR_FORMAT, "'a': lacks");
    refused_bytes("\10\0\0\0\0\0\0\0{\"\":[]} ", 16, LC_ERR_FORMAT, "'': lacks");
}

/* Cut anywhere, or with any one byte changed, a file opens or is refused; nothing else. */
static void test_damaged(void **state)
{
    (void)state;
    const char *const names[] = {"torch/checkpoint.pth", "torch/views.th", "torch/packed.pth",
                                 "safetensors/types.safetensors"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        char path[256];
        unsigned char *data;
        size_t size;
        snprintf(path, sizeof path, CORPUS "%s", names[k]);
        TRY(lc_read_file(&data, &size, path, 1 << 20));
        lc_weights *w;
        for (size_t cut = 0; cut < size; cut += 3) {
            unsigned char *exact = malloc(cut + 1); /* a byte read beyond it is noticed */
            memcpy(exact, data, cut);
            lc_mapping file = {.data = exact, .size = cut};
            assert_true(lc_weights_open(&w, &file) != LC_OK);
            free(exact);
        }
        for (size_t at = 0; at < size; at++) {
            unsigned char was = data[at];
            data[at] = (unsigned char)(was ^ 0xff >> at % 8);
            lc_mapping file = {.data = data, .size = size};
            if (lc_weights_open(&w, &file) == LC_OK) {
                lc_weights_free(w);
            }
            data[at] = was;
        }
        free(data);
    }
}

typedef struct {
    const char *bytes;
    size_t size;
    lc_status status;
    const char *message;
} pickle_case;

#define PICKLE(bytes, status, message) {bytes, sizeof bytes - 1, status, message}

static void test_pickles(void **state)
{
    (void)state;
    static const pickle_case cases[] = {
        PICKLE("\x80\x02N.", LC_OK, ""),
        PICKLE("\x80\x06N.", LC_ERR_UNSUPPORTED, "protocol 6"),
        PICKLE("\x80\x02N", LC_ERR_FORMAT, "cut short"),
        PICKLE("\x80\x02.", LC_ERR_FORMAT, "empty stack"),
        PICKLE("\x80\x02h\x05.", LC_ERR_FORMAT, "memo that is not there"),
        PICKLE("\x80\x02Nr\xff\xff\xff\xff.", LC_ERR_FORMAT, "memo number out of order"),
        PICKLE("\x80\x02Nq\x01j\x01\0\0\0\x86.", LC_OK, ""),
        PICKLE("\x80\x02u.", LC_ERR_FORMAT, "mark that is not there"),
        PICKLE("\x80\x02}(Nu.", LC_ERR_FORMAT, "too few values"),
        PICKLE("(d.", LC_OK, ""), /* found by fuzzing: places in a stack that nobody has used */
        PICKLE("\x80\x02(Nd.", LC_ERR_FORMAT, "half a pair"),
        PICKLE("\x80\x02N(\x85.", LC_ERR_FORMAT, "empty stack"), /* what is below a mark is not taken */
        PICKLE("\x80\x02N(0.", LC_ERR_FORMAT, "empty stack"),
        PICKLE("\x80\x02NNa.", LC_ERR_FORMAT, "holds none"),
        PICKLE("\x80\x02NNb.", LC_ERR_FORMAT, "a state for"),
        PICKLE("\x80\x02N)R.", LC_ERR_FORMAT, "calls something that is no class"),
        PICKLE("\x80\x02]q\0h\0a.", LC_OK, ""), /* a list that holds itself */
        PICKLE("\x80\x02X\xff\xff\xff\x7f.", LC_ERR_FORMAT, "cut short"),
        PICKLE("\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", LC_ERR_FORMAT, "cut short"),
        PICKLE("\x80\x02" "cbuiltins\neval\n.", LC_ERR_UNSUPPORTED, "refuses builtins.eval"),
        PICKLE("\x80\x02" "cno\x1b[31m\nname\n.", LC_ERR_UNSUPPORTED, "refuses no?[31m.name"),
        PICKLE("\x80\x02" "ccut", LC_ERR_FORMAT, "cut short"),
        PICKLE("\x80\x04\x8c\x02os\x8c\x06system\x93.", LC_ERR_UNSUPPORTED, "refuses os.system"),
        PICKLE("\x80\x04NN\x93.", LC_ERR_FORMAT, "name is no string"),
        PICKLE("(ios\nsystem\n.", LC_ERR_UNSUPPORTED, "opcode 0x69 (INST, OBJ)"),
        PICKLE("Pkey\n.", LC_ERR_UNSUPPORTED, "opcode 0x50 (PERSID)"),
        PICKLE("\x80\x02\x82\x01.", LC_ERR_UNSUPPORTED, "opcode 0x82 (EXT)"),
        PICKLE("\x80\x05\x97.", LC_ERR_UNSUPPORTED, "opcode 0x97"), /* NEXT_BUFFER */
        PICKLE("\x80\x02" "ccollections\nOrderedDict\n]]U\1aNea\x85R.", LC_ERR_FORMAT, "mark that is not there"),
        PICKLE("\x80\x02" "ccollections\nOrderedDict\n](]U\1aaa\x85R.", LC_ERR_FORMAT, "empty stack"),
        PICKLE("\x80\x02" "ccollections\nOrderedDict\n]]U\1aaa\x85R.", LC_ERR_FORMAT, "something else than pairs"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lc_bytes bytes = {(const unsigned char *)cases[i].bytes, cases[i].size, 0, false};
        lc_pickle *p;
        lc_status status = lc_pickle_read(&p, &bytes, NULL);
        if (status != cases[i].status || (status != LC_OK && !strstr(lc_error_message(), cases[i].message))) {
            fail_msg("pickle %zu: %s, says '%s'; should say '%s'", i, lc_status_name(status), lc_error_message(),
                     cases[i].message);
        }
        lc_pickle_free(p);
    }
}

static const lc_pickle_value *read_one(lc_pickle **p, const char *data, size_t size)
{
    lc_bytes bytes = {(const unsigned char *)data, size, 0, false};
    TRY(lc_pickle_read(p, &bytes, NULL));
    assert_int_equal(bytes.at, size);
    return lc_pickle_root(*p);
}

static void test_pickle_values(void **state)
{
    (void)state;
    static const char longs[] = "\x80\x02(\x8a\0\x8a\1\x80\x8a\2\xff\0\x8a\x8\0\0\0\0\0\0\0\x80"
                                "J\xfe\xff\xff\xffM\xff\xfft.";
    static const int64_t wanted[] = {0, -128, 255, INT64_MIN, -2, 65535};
    /* Python 2's OrderedDict([['a', 7]]) */
    static const char ordered[] = "\x80\x02" "ccollections\nOrderedDict\nq\1]q\2]q\3(U\1aq\4K\7eaU\0000\x85q\5Rq\6.";
    lc_pickle *p;
    const lc_pickle_value *v = read_one(&p, longs, sizeof longs - 1);
    assert_int_equal(v->count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(v->items[i]->kind, LC_PICKLE_INT);
        assert_true(v->items[i]->whole == wanted[i]);
    }
    lc_pickle_free(p);
    v = lc_pickle_get(read_one(&p, ordered, sizeof ordered - 1), "a");
    assert_true(v && v->kind == LC_PICKLE_INT && v->whole == 7);
    lc_pickle_free(p);
}

/* One large tuple as the arguments of many calls, a short way to ask for much memory, ends at a bound. */
static void test_pickle_bomb(void **state)
{
    (void)state;
    static const lc_pickle_class inert[] = {{"a.b", 0}, {NULL, 0}};
    static const char head[] = "\x80\x02" "ca\nb\nq\0(", call[] = "h\0h\1R";
    size_t items = 100000, calls = 100000, size = 0;
    char *data = malloc(sizeof head + items + calls * sizeof call + 16);
    memcpy(data, head, size = sizeof head - 1);
    memset(data + size, 'N', items);
    size += items;
    memcpy(data + size, "tq\1", 3);
    size += 3;
    for (size_t i = 0; i < calls; i++, size += sizeof call - 1) {
        memcpy(data + size, call, sizeof call - 1);
    }
    lc_bytes bytes = {(unsigned char *)data, size, 0, false};
    lc_pickle *p;
    assert_int_equal(lc_pickle_read(&p, &bytes, inert), LC_ERR_UNSUPPORTED);
    assert_non_null(strstr(lc_error_message(), "items in its containers"));
    free(data);
}

/* Writing ---------------------------------------------------------------------------------------------------- */

static void test_write(void **state)
{
    (void)state;
    float kernel[12], scalar = 3;
    for (size_t i = 0; i < 12; i++) {
        kernel[i] = (float)i - 0.5f;
    }
    const char *names[] = {"conv.weight", "empty", "scale", "a \"name\""};
    lc_tensor tensors[] = {{4, {3, 2, 2, 1}, kernel}, {2, {0, 7}, kernel}, {0, {0}, &scalar}, {1, {2}, kernel + 5}};
    lc_json *metadata = lc_json_object();
    lc_json_set_string(metadata, "classes", "cat\ndog");
    const char *path = temp_path("w.safetensors"), *key;
    TRY(lc_safetensors_write(path, 4, names, tensors, metadata));
    lc_weights *w = open_weights(path);
    assert_int_equal(lc_weights_count(w), 4);
    assert_string_equal(lc_weights_metadata_at(w, 0, &key), "cat\ndog");
    for (size_t i = 0; i < 4; i++) {
        const lc_weight *t = lc_weights_at(w, i);
        const float *values;
        TRY(lc_weights_f32(w, i, &values));
        assert_string_equal(t->name, names[i]);
        assert_int_equal(t->rank, tensors[i].rank);
        assert_memory_equal(t->dims, tensors[i].dims, t->rank * sizeof *t->dims);
        assert_memory_equal(values, tensors[i].data, t->count * sizeof(float));
        expect_place(w, names[i], true);
    }
    lc_weights_free(w);

    /* What fails leaves the file that was there, and no other. */
    names[3] = "scale";
    assert_int_equal(lc_safetensors_write(path, 4, names, tensors, NULL), LC_ERR_ARG);
    assert_non_null(strstr(lc_error_message(), "two tensors are called 'scale'"));
    names[3] = "fine";
    lc_json_set_int(metadata, "epoch", 3);
    assert_int_equal(lc_safetensors_write(path, 4, names, tensors, metadata), LC_ERR_ARG);
    lc_json_free(metadata);
    assert_int_equal(lc_safetensors_write(temp_path("no/folder"), 4, names, tensors, NULL), LC_ERR_IO);
    lc_weights_free(open_weights(path));
    TRY(lc_safetensors_write(path, 0, NULL, NULL, NULL));
    w = open_weights(path);
    assert_int_equal(lc_weights_count(w), 0);
    size_t i;
    assert_false(lc_weights_find(w, "scale", &i));
    lc_weights_free(w);
}

/* Real files ------------------------------------------------------------------------------------------------- */

static void same_tensors(const char *one, const char *other)
{
    const char *shared = getenv("LC_SHARED") ? getenv("LC_SHARED") : "../shared";
    char paths[2][512];
    snprintf(paths[0], sizeof paths[0], "%s/assets/weights/%s", shared, one);
    snprintf(paths[1], sizeof paths[1], "%s/assets/weights/%s", shared, other);
    if (access(paths[0], R_OK) != 0 || access(paths[1], R_OK) != 0) {
        print_message("skipped: %s or %s is not here\n", paths[0], paths[1]);
        skip();
    }
    lc_weights *a = open_weights(paths[0]), *b = open_weights(paths[1]);
    assert_int_equal(lc_weights_count(a), lc_weights_count(b));
    for (size_t i = 0, j; i < lc_weights_count(a); i++) {
        const lc_weight *x = lc_weights_at(a, i);
        const float *in_a, *in_b;
        assert_true(lc_weights_find(b, x->name, &j));
        assert_int_equal(x->rank, lc_weights_at(b, j)->rank);
        assert_memory_equal(x->dims, lc_weights_at(b, j)->dims, x->rank * sizeof *x->dims);
        TRY(lc_weights_f32(a, i, &in_a));
        TRY(lc_weights_f32(b, j, &in_b));
        assert_memory_equal(in_a, in_b, x->count * sizeof(float));
        if (strcmp(lc_weights_format(a), "torch_zip") == 0) {
            expect_place(a, x->name, true);
        }
    }
    lc_weights_free(a);
    lc_weights_free(b);
}

static void test_squeezenet(void **state)
{
    (void)state;
    same_tensors("squeezenet1_0.pth", "squeezenet1_0.safetensors");
}

static void test_resnets(void **state)
{
    (void)state;
    same_tensors("resnet20-12fca82f.th", "cifar_resnet20.safetensors");
    same_tensors("resnet56-4bfd9763.th", "cifar_resnet56.safetensors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_pickles),
        cmocka_unit_test(test_pickle_values),
        cmocka_unit_test(test_pickle_bomb),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_squeezenet),
        cmocka_unit_test(test_resnets),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
