/*
 * ONNX's own node tests (onnx/backend/test/data/node), where LC_SHARED has them: every case whose inputs and outputs are
 * float32 passes or is refused by name; the counts per operator are printed.
 *
 * Each float32 input of a case is an activation first. What then is refused - an operator that wants its weights as
 * constants - is tried again with all inputs but the first as constants. Inputs of other types are constants always.
 * A case passes when every element is within 1e-5 of the largest value.
 */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/bytes.h"
#include "common/memory.h"
#include "extractor/models/onnx.h"
#include "tests/try.h"

enum { MAX_FILES = 8, MAX_OPERATORS = 128 };

/* A serialised TensorProto: type and values of float32 ones. */
typedef struct {
    lc_mapping file;
    uint64_t type;
    size_t count;
    float *values;
} tensor_file;

static uint64_t varint(lc_bytes *b)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = lc_bytes_uint(b, 1);
        v |= (byte & 127) << shift;
        if (byte < 128) {
            break;
        }
    }
    return v;
}

/* Fields of TensorProto: 2 data_type, 4 float_data (packed), 9 raw_data. */
static tensor_file read_tensor_file(const char *path)
{
    tensor_file t = {0};
    const unsigned char *data = NULL;
    TRY(lc_map_file(&t.file, path));
    lc_bytes b = {.data = t.file.data, .size = t.file.size};
    while (b.at < b.size && !b.overrun) {
        uint64_t key = varint(&b), field = key >> 3;
        if ((key & 7) == 0) {
            uint64_t v = varint(&b);
            t.type = field == 2 ? v : t.type;
        } else {
            size_t size = (key & 7) == 2 ? (size_t)varint(&b) : (key & 7) == 5 ? 4 : 8;
            const unsigned char *p = lc_bytes_take(&b, size);
            if (field == 4 || field == 9) {
                data = p;
                t.count = size / sizeof(float);
            }
        }
    }
    assert_false(b.overrun);
    t.values = malloc(t.count * sizeof(float) + 1);
    if (data) {
        memcpy(t.values, data, t.count * sizeof(float));
    }
    return t;
}

static void free_tensor_file(tensor_file *t)
{
    lc_unmap_file(&t->file);
    free(t->values);
}

typedef struct {
    size_t inputs, outputs;
    lc_mapping model;
    tensor_file in[MAX_FILES], out[MAX_FILES];
} node_case;

static size_t read_files(const char *folder, const char *what, tensor_file *files)
{
    size_t n = 0;
    for (; n < MAX_FILES; n++) {
        char path[512];
        snprintf(path, sizeof path, "%s/test_data_set_0/%s_%zu.pb", folder, what, n);
        if (access(path, R_OK) != 0) {
            break;
        }
        files[n] = read_tensor_file(path);
    }
    return n;
}

static bool is_float(const node_case *c)
{
    bool any = false;
    for (size_t i = 0; i < c->inputs; i++) {
        any = any || c->in[i].type == 1;
    }
    return (any || c->inputs == 0) && c->outputs > 0 && c->out[0].type == 1;
}

/* LC_OK: passed. Otherwise why not; *wrong where it ran and gave other numbers. */
static lc_status run_case(const node_case *c, bool constants, bool *wrong)
{
    lc_mapping given[MAX_FILES] = {{0}};
    lc_model m;
    lc_plan *plan = NULL;
    lc_exec *exec = NULL;
    const lc_kernels *kernels;
    for (size_t i = 0; i < c->inputs; i++) {
        if (c->in[i].type != 1 || (constants && i > 0)) {
            given[i] = c->in[i].file;
        }
    }
    LC_TRY(lc_kernels_get(&kernels));
    LC_TRY(lc_onnx_open_plain(&m, &c->model, given, c->inputs));
    size_t planar = m.graph->output;
    lc_status status = LC_OK;
    /* The expected values are in the file's order, which is that of the planar twin. */
    if (m.graph->values[planar].t.rank == 4 && !m.graph->values[planar].planar) {
        if (m.graph->values[planar].twin == LC_NO_VALUE) {
            status = lc_graph_node(m.graph, &lc_op_reshape, "", &(struct { lc_ints s; int64_t z; }){{1, {-1}}, 0}, &planar, 1, "flat", &planar);
        } else {
            planar = m.graph->values[planar].twin;
        }
    }
    if (status == LC_OK) {
        status = lc_plan_new(&plan, m.graph, &planar, 1, 1, LC_EXACT, kernels, NULL);
    }
    if (status == LC_OK) {
        status = lc_exec_new(&exec, plan, 1);
    }
    if (status == LC_OK) {
        size_t next = 0;
        for (size_t v = 0; v < m.graph->value_count; v++) {
            if (m.graph->values[v].node != LC_NO_VALUE || m.graph->values[v].t.data) {
                continue;
            }
            while (given[next].data) {
                next++;
            }
            assert_int_equal(lc_tensor_count(&m.graph->values[v].t), c->in[next].count);
            memcpy(lc_exec_input_of(exec, v), c->in[next].values, c->in[next].count * sizeof(float));
            next++;
        }
        status = lc_exec_run(exec, 1, NULL);
    }
    if (status == LC_OK) {
        lc_tensor t = lc_exec_tap(exec, 0);
        double largest = 1e-30, worst = 0;
        for (size_t i = 0; i < c->out[0].count; i++) {
            double truth = (double)c->out[0].values[i];
            largest = fabs(truth) > largest && isfinite(truth) ? fabs(truth) : largest;
        }
        *wrong = lc_tensor_count(&t) != c->out[0].count;
        for (size_t i = 0; i < c->out[0].count && !*wrong; i++) {
            double truth = (double)c->out[0].values[i], d = fabs((double)t.data[i] - truth);
            bool same = (double)t.data[i] == truth || (isnan(truth) && isnan(t.data[i]));
            worst = !same && !(d <= worst) ? d : worst;
        }
        *wrong = *wrong || !(worst <= 1e-5 * largest);
        if (*wrong) {
            status = lc_fail(LC_ERR_SHAPE, "WRONG: %zu values of %zu, error %.2e of the largest", lc_tensor_count(&t), c->out[0].count,
                             worst / largest);
        }
    }
    lc_exec_free(exec);
    lc_plan_free(plan);
    lc_model_free(&m);
    return status;
}

typedef struct {
    char name[64];
    int passed, refused;
} tally;

static void test_nodes(void **state)
{
    (void)state;
    const char *shared = getenv("LC_SHARED") ? getenv("LC_SHARED") : "../shared";
    char path[512], line[256], op[64], name[128], kind[32];
    tally counts[MAX_OPERATORS] = {{{0}, 0, 0}};
    size_t operators = 0;
    int passed = 0, total = 0, wrong_count = 0;
    snprintf(path, sizeof path, "%s/assets/onnx_node/index.txt", shared);
    FILE *f = fopen(path, "r");
    if (!f) {
        print_message("skipped: %s is not here\n", path);
        skip();
        return;
    }
    while (fgets(line, sizeof line, f) && sscanf(line, "%63s %127s %31s", op, name, kind) == 3) {
        node_case c = {0};
        char folder[400];
        bool wrong = false;
        snprintf(folder, sizeof folder, "%s/assets/onnx_node/%s", shared, name);
        snprintf(path, sizeof path, "%s/model.onnx", folder);
        TRY(lc_map_file(&c.model, path));
        c.inputs = read_files(folder, "input", c.in);
        c.outputs = read_files(folder, "output", c.out);
        if (strcmp(kind, "float32") == 0 && is_float(&c)) {
            size_t k = 0;
            while (k < operators && strcmp(counts[k].name, op) != 0) {
                k++;
            }
            if (k == operators) {
                assert_true(operators < MAX_OPERATORS);
                strcpy(counts[operators++].name, op);
            }
            lc_status status = run_case(&c, false, &wrong);
            if (status != LC_OK && !wrong) {
                status = run_case(&c, true, &wrong);
            }
            total++;
            passed += status == LC_OK;
            wrong_count += wrong;
            counts[k].passed += status == LC_OK;
            counts[k].refused += status != LC_OK;
            if (status != LC_OK) {
                print_message("%s: %s\n", name, lc_error_message());
                /* Refused by name: the message says which operator. */
                assert_true(wrong || strstr(lc_error_message(), op) || strstr(lc_error_message(), "input") || strstr(lc_error_message(), "no node"));
            }
        }
        lc_unmap_file(&c.model);
        for (size_t i = 0; i < MAX_FILES; i++) {
            free_tensor_file(&c.in[i]);
            free_tensor_file(&c.out[i]);
        }
    }
    fclose(f);
    for (size_t k = 0; k < operators; k++) {
        print_message("%-28s %3d passed %3d refused\n", counts[k].name, counts[k].passed, counts[k].refused);
    }
    print_message("%d of %d float32 cases pass, %d give wrong numbers\n", passed, total, wrong_count);
    assert_int_equal(wrong_count, 0);
    assert_true(10 * passed >= 9 * total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
