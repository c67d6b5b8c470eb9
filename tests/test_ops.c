/*
 * Forward passes of operators, over the cases of op_cases.h. Each asks: equals the plain reference (double precision)? the
 * same on every instruction set, to rounding? the same bytes with threads, in place, row by row, and with an epilogue folded
 * in or run behind?
 */
#include "tests/op_cases.h"

/* `largest`: of the numbers that were added up, where the truth does not show it. */
static void compare(const op_test *t, size_t index, const fixture *f, const double *truth, double largest, const char *what)
{
    double worst = 0;
    size_t n = lc_tensor_count(&f->out), at = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)f->out.data[i] - truth[i]);
        largest = fabs(truth[i]) > largest ? fabs(truth[i]) : largest;
        if (!(d <= worst)) {
            worst = d;
            at = i;
        }
    }
    /* Winograd's transforms multiply the rounding errors of a sum. */
    if (!(worst <= (t->op == &lc_op_conv && f->call.arithmetic != LC_EXACT ? 1e-5 : 2e-6) * largest)) {
        fail_msg("%s case %zu, %s, %s: element %zu is %g, should be %g", t->op->name, index, f->call.kernels->name, what, at,
                 (double)f->out.data[at], truth[at]);
    }
}

static void check_epilogue(const op_test *t, size_t index, fixture *f, const double *plain)
{
    size_t n = lc_tensor_count(&f->out), columns = f->out.dims[f->out.rank - 1];
    lc_rng rng = lc_rng_new(9, index);
    float *scale = random_floats(columns + LC_COLUMN_PADDING, &rng, false), *shift = random_floats(columns + LC_COLUMN_PADDING, &rng, false);
    float *residual = random_floats(n, &rng, false), *alone = malloc(n * sizeof *alone);
    double *truth = malloc(n * sizeof *truth), largest = 0;
    lc_epilogue e = {.scale = scale, .shift = shift, .residual = residual, .residual_stride = columns, .low = -0.5f, .high = 1.5f};
    for (size_t i = 0; i < n; i++) {
        double v = plain[i] * (double)scale[i % columns] + (double)shift[i % columns] + (double)residual[i];
        truth[i] = fmin(fmax(v, -0.5), 1.5);
        largest = fmax(largest, fabs(v));
    }
    forward(f, t); /* then the same epilogue behind it */
    memcpy(alone, f->out.data, n * sizeof *alone);
    f->call.kernels->finish(n / columns, columns, alone, columns, alone, columns, &e);
    f->call.epilogue = e;
    forward(f, t);
    compare(t, index, f, truth, largest, "with an epilogue");
    if (memcmp(alone, f->out.data, n * sizeof *alone) != 0) {
        fail_msg("%s case %zu, %s: an epilogue gives other bytes folded than alone", t->op->name, index, f->call.kernels->name);
    }
    if (t->op->flags & LC_OP_INTO_RESIDUAL) {
        float *own = f->out.data;
        f->out.data = residual;
        TRY(t->op->forward(&f->call));
        f->out.data = own;
        if (memcmp(alone, residual, n * sizeof *alone) != 0) {
            fail_msg("%s case %zu, %s: other bytes where the addend lies", t->op->name, index, f->call.kernels->name);
        }
    }
    f->call.epilogue = lc_epilogue_none();
    free(scale);
    free(shift);
    free(residual);
    free(alone);
    free(truth);
}

/* The output as the first columns of a wider map: the same numbers, and nothing between them touched. */
static void check_stride(const op_test *t, size_t index, fixture *f, const float *dense)
{
    size_t n = lc_tensor_count(&f->out), columns = f->out.dims[f->out.rank - 1], wide = columns + 3;
    float *own = f->out.data, *map = calloc(n / columns * wide, sizeof *map);
    f->out.data = map;
    f->call.out_stride = wide;
    forward(f, t);
    for (size_t i = 0; i < n / columns * wide; i++) {
        float expected = i % wide < columns ? dense[i / wide * columns + i % wide] : 0;
        if (memcmp(&map[i], &expected, sizeof expected) != 0) {
            fail_msg("%s case %zu, %s: column %zu of row %zu is wrong with a stride", t->op->name, index, f->call.kernels->name,
                     i % wide, i / wide);
        }
    }
    f->out.data = own;
    f->call.out_stride = 0;
    free(map);
}

/* A function folded in gives the bytes of that function run behind, alone and multiplied by what it is taken of; dense, and
 * between the columns of a wider map. */
static void check_activation(const op_test *t, size_t index, fixture *f, const float *plain)
{
    size_t n = lc_tensor_count(&f->out);
    float *expected = malloc(n * sizeof *expected);
    for (int gate = 0; gate < 2; gate++) {
        f->call.activation = (lc_activation){.there = true, .gate = gate, .function = LC_HARDSIGMOID, .a = 0.3f, .b = 0.4f};
        f->call.kernels->map(LC_HARDSIGMOID, 0.3f, 0.4f, n, plain, expected);
        if (gate) {
            f->call.kernels->combine(LC_MUL, n, plain, false, expected, false, expected);
        }
        forward(f, t);
        if (memcmp(expected, f->out.data, n * sizeof *expected) != 0) {
            fail_msg("%s case %zu, %s: a function folded in gives other bytes than alone", t->op->name, index, f->call.kernels->name);
        }
        check_stride(t, index, f, expected);
    }
    f->call.activation = (lc_activation){0};
    free(expected);
}

/* A band of a picture's map in memory of its own. */
static float *rows_alone(const lc_tensor *map, lc_band band)
{
    size_t row = map->dims[2] * map->dims[3];
    float *out = malloc(band.count * row * sizeof *out);
    memcpy(out, map->data + band.first * row, band.count * row * sizeof *out);
    return out;
}

/* Rows of the first picture's output, `most` at a time, from no more of the input than they are said to read: the same bytes. False: not of
 * this case. */
static bool check_bands(const op_test *t, size_t index, fixture *f, const op_case *c, size_t most)
{
    lc_tensor whole_in[MAX_INPUTS], whole = f->out;
    size_t activations = c->activations ? c->activations : 1;
    lc_rows rows;
    memcpy(whole_in, f->in, sizeof whole_in);
    for (size_t i = 0; i < activations; i++) {
        f->in[i].data = NULL;
    }
    f->call.maps = f->out.rank == 4;
    bool there = !c->constant && t->op->rows(&f->call, &rows);
    memcpy(f->in, whole_in, sizeof whole_in);
    if (!there) {
        return false;
    }
    size_t row = whole.dims[2] * whole.dims[3];
    lc_rng rng = lc_rng_new(11, index);
    float *residual = random_floats(lc_tensor_count(&whole), &rng, false);
    if (t->op->flags & LC_OP_EPILOGUE) {
        f->call.epilogue.residual = residual;
        f->call.epilogue.residual_stride = whole.dims[3];
    }
    forward(f, t);
    f->out.dims[0] = 1;
    for (lc_band band = {0, most}; band.first < whole.dims[1]; band.first += most) {
        band.count = whole.dims[1] - band.first < most ? whole.dims[1] - band.first : most;
        for (size_t i = 0; i < activations; i++) {
            f->in[i].data = rows_alone(&whole_in[i], lc_rows_read(&rows, &band, whole_in[i].dims[1]));
            f->in[i].dims[0] = 1;
        }
        f->out.data = malloc(band.count * row * sizeof(float));
        f->call.band = &band;
        f->call.epilogue.residual = f->call.epilogue.residual ? residual + band.first * row : NULL;
        forward(f, t);
        if (memcmp(f->out.data, whole.data + band.first * row, band.count * row * sizeof(float)) != 0) {
            fail_msg("%s case %zu, %s: rows %zu to %zu differ when made alone", t->op->name, index, f->call.kernels->name, band.first,
                     band.first + band.count - 1);
        }
        free(f->out.data);
        for (size_t i = 0; i < activations; i++) {
            free(f->in[i].data);
        }
    }
    memcpy(f->in, whole_in, sizeof whole_in);
    f->out = whole;
    f->call.band = NULL;
    f->call.maps = false;
    f->call.epilogue = lc_epilogue_none();
    free(residual);
    return true;
}

static void test_operator(void **state)
{
    const op_test *t = *state;
    const lc_kernels *tables[8];
    size_t n_tables = lc_kernels_runnable(tables, 8);
    lc_threads *pool;
    TRY(lc_threads_new(&pool, 3));
    assert_true(t->count > 0);
    /* Convolutions once as plain sums, once as they are computed by default. */
    size_t ways = t->op == &lc_op_conv ? 2 : 1, banded = 0;
    for (size_t i = 0; i < t->count * n_tables * ways; i++) {
        const op_case *c = &t->cases[i % t->count];
        fixture f;
        set_up(&f, t, c, i / t->count % ways == 0 ? LC_EXACT : LC_FLOAT32, tables[i / t->count / ways]);
        size_t n = lc_tensor_count(&f.out);
        double *truth = malloc(n * sizeof *truth);
        float *first = malloc(n * sizeof *first);
        t->reference(&f.call, truth);
        forward(&f, t);
        compare(t, i % t->count, &f, truth, 1e-30, "against the reference");
        memcpy(first, f.out.data, n * sizeof *first);
        f.call.threads = pool;
        forward(&f, t);
        if (memcmp(first, f.out.data, n * sizeof *first) != 0) {
            fail_msg("%s case %zu: threads change bytes", t->op->name, i % t->count);
        }
        f.call.threads = NULL;
        if (t->op->flags & LC_OP_EPILOGUE) {
            check_epilogue(t, i % t->count, &f, truth);
        }
        if (t->op->flags & LC_OP_STRIDED) {
            check_stride(t, i % t->count, &f, first);
        }
        if (t->op->flags & LC_OP_ACTIVATION) {
            check_activation(t, i % t->count, &f, first);
        }
        for (size_t most = 1; t->op->rows && most < 8; most += 3) {
            banded += check_bands(t, i % t->count, &f, c, most);
        }
        if ((t->op->flags & LC_OP_INPLACE) && lc_tensor_count(&f.in[0]) == n) {
            float *own = f.out.data;
            f.out.data = f.in[0].data;
            TRY(t->op->forward(&f.call));
            assert_memory_equal(first, f.out.data, n * sizeof *first);
            f.out.data = own;
        }
        free(truth);
        free(first);
        tear_down(&f, t);
    }
    assert_true(banded > 0 || !t->op->rows);
    lc_threads_free(pool);
}

/* Shapes that do not fit are refused with the numbers. */
static void test_refusals(void **state)
{
    (void)state;
    const struct {
        const lc_op *op;
        op_case c;
        const char *says;
    } wrong[] = {
        {&lc_op_conv, CONV(1, 4, 4, 16, 8, 5, 5, 1, 0, 0, 0, 0, 1, 1), "does not fit"},
        {&lc_op_conv, {.in = {MAP(1, 4, 4, 16), {.rank = 4, .dims = {8, 15, 1, 1}}}, .conv = {.group = 1}}, "do not fit an input of 16"},
        {&lc_op_conv, {.in = {MAP(1, 4, 4, 16), {.rank = 4, .dims = {8, 16, 1, 1}}}, .conv = {.group = 0}}, "0 groups"},
        {&lc_op_conv, {.in = {MAP(1, 4, 4, 16), {.rank = 4, .dims = {8, 16, 1, 1}}, VEC(9)}, .conv = {.group = 1}}, "bias of 8"},
        {&lc_op_conv, {.in = {ROW(1, 4), {.rank = 4, .dims = {8, 16, 1, 1}}}, .conv = {.group = 1}}, "4 dimensions"},
        {&lc_op_maxpool, POOL(4, 4, 3, 3, 3, 0, 0, 0, 0, 0, 0, 0), "strides"},
        {&lc_op_maxpool, POOL(4, 4, 3, 2, 2, 1, 2, 2, 2, 2, 0, 0), "wider than the window"},
        {&lc_op_maxpool, POOL(4, 4, 3, 2, 2, 1, 0, 0, 3, 3, 0, 0), "wider than the window"}, /* behind the map */
        {&lc_op_maxpool, POOL(1, 1, 3, 2, 2, 4, 3, 3, 3, 3, 0, 0), "wider than the window"}, /* on both sides of it */
        {&lc_op_maxpool, POOL(4, 4, 3, 99999, 2, 1, 0, 0, 0, 0, 0, 0), "kernel_shape"},
        {&lc_op_linear, {.in = {ROW(1, 6), {.rank = 2, .dims = {5, 7}}}, .numbers = {1, 1, 0, 1}}, "7 inputs, got 6"},
        {&lc_op_add, {.in = {ROW(1, 6), ROW(1, 7)}, .activations = 2}, "1x6 and 1x7"},
        {&lc_op_layernorm, {.in = {ROW(1, 6), VEC(7)}, .params = &(lc_layernorm_params){.axis = 1}}, "wants 6"},
        {&lc_op_slice, {.in = {ROW(1, 6)}, .params = &(lc_slice_params){{1, {6}}, {1, {9}}, {1, {1}}, {0}}}, "nothing is left"},
        {&lc_op_channel_shuffle, {.in = {MAP(1, 1, 1, 6)}, .params = &(lc_shuffle_params){4}}, "in 4 groups"},
        {&lc_op_concat, {.in = {MAP(1, 2, 2, 3), MAP(1, 2, 3, 3)}, .activations = 2, .axis = {3}}, "do not fit beside"},
        {&lc_op_batchnorm, {.in = {ROW(1, 6), VEC(5), VEC(6), VEC(6), VEC(6)}}, "wants 6"},
        {&lc_op_reshape, {.in = {MAP(1, 2, 2, 3)}, .shape = {2, {1, 13}}}, "12 values"},
        {&lc_op_reshape, {.in = {MAP(1, 2, 2, 3)}, .shape = {3, {1, -2, 4}}}, "dimension 1 is to be -2"},
        {&lc_op_matmul, {.in = {ROW(3, 4), ROW(5, 4)}, .activations = 2}, "3x4 and 5x4 do not fit"},
        {&lc_op_transpose, {.in = {ROW(3, 4)}, .params = &(one_list){{2, {1, 1}}}}, "dimension 1 of 2"},
        {&lc_op_gather, {.in = {ROW(3, 4), VEC(1)}, .activations = 2, .axis = {1}}, "computed indices"},
        {&lc_op_dropout, {.in = {ROW(3, 4)}, .numbers = {0.5f, 0, 1, 0}}, "training mode"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fixture f = {0};
        float one[256] = {0};
        f.call = (lc_op_call){.params = params_of(wrong[i].op, &wrong[i].c, f.scratch), .in = f.pointers, .out = &f.out};
        size_t activations = wrong[i].c.activations ? wrong[i].c.activations : 1;
        for (size_t k = 0; k < MAX_INPUTS && wrong[i].c.in[k].rank; k++) {
            f.in[k] = wrong[i].c.in[k];
            f.in[k].data = k < activations ? NULL : one;
            f.pointers[k] = &f.in[k];
            f.call.inputs = k + 1;
        }
        if (wrong[i].op->infer(&f.call) == LC_OK) {
            fail_msg("refusal %zu: taken", i);
        }
        if (!strstr(lc_error_message(), wrong[i].says)) {
            fail_msg("refusal %zu: %s", i, lc_error_message());
        }
    }
}

/* A NaN in a picture's activations stays visible. */
static void test_nan(void **state)
{
    (void)state;
    const lc_kernels *tables[8];
    size_t n_tables = lc_kernels_runnable(tables, 8);
    for (size_t k = 0; k < n_tables; k++) {
        float x[20], y[20];
        lc_epilogue e = lc_epilogue_none();
        e.low = 0;
        for (size_t i = 0; i < 20; i++) {
            x[i] = i == 3 || i == 18 ? NAN : -1;
        }
        tables[k]->finish(1, 20, x, 20, y, 20, &e);
        assert_true(isnan(y[3]) && isnan(y[18]) && y[4] == 0);
        const float *taps[] = {x, y, x};
        float out[20];
        tables[k]->pool_max(20, 3, taps, out);
        assert_true(isnan(out[3]) && isnan(out[18]));
    }
}

/* A picture alone gets the bytes that it gets in a batch, though its weights are read in another order. */
static void test_single_row(void **state)
{
    (void)state;
    const lc_kernels *tables[8];
    const size_t sizes[][2] = {{100, 300}, {4097, 129}, {9000, 260}};
    size_t n_tables = lc_kernels_runnable(tables, 8);
    lc_threads *pool;
    TRY(lc_threads_new(&pool, 3));
    for (size_t i = 0; i < n_tables * 3; i++) {
        const lc_kernels *kernels = tables[i / 3];
        size_t k = sizes[i % 3][0], n = sizes[i % 3][1];
        lc_rng rng = lc_rng_new(5, i);
        float *x = random_floats(2 * k, &rng, false), *w = random_floats(k * n, &rng, false);
        float *bias = random_floats(n + LC_COLUMN_PADDING, &rng, false), *both = calloc(2 * n, sizeof *both), *alone = calloc(n, sizeof *alone);
        lc_gemm m;
        lc_gemm_source source = {w, 1, 0, n, k};
        lc_epilogue e = lc_epilogue_none();
        e.bias = bias;
        e.low = 0;
        TRY(lc_gemm_pack(&m, kernels, k, n, &source));
        TRY(lc_gemm_dense(&m, kernels, NULL, 2, x, both, &e));
        for (size_t threads = 0; threads < 2; threads++) {
            for (size_t row = 0; row < 2; row++) {
                TRY(lc_gemm_dense(&m, kernels, threads ? pool : NULL, 1, x + row * k, alone, &e));
                assert_memory_equal(alone, both + row * n, n * sizeof *alone);
            }
        }
        lc_gemm_free(&m);
        free(x);
        free(w);
        free(bias);
        free(both);
        free(alone);
    }
    lc_threads_free(pool);
}

/* x as a bfloat16, halves to even. */
static double rounded(float x)
{
    int exponent;
    double m = frexp((double)x, &exponent);
    return ldexp(nearbyint(ldexp(m, 8)), exponent - 8);
}

/* Products of rounded factors, on one thread and on three; sums that go in pieces too. */
static void test_bf16(void **state)
{
    (void)state;
    const lc_kernels *tables[8];
    const size_t sizes[][3] = {{14, 70, 33}, {1, 2, 1}, {25, 16500, 40}};
    size_t n_tables = lc_kernels_runnable(tables, 8), found = 0;
    lc_threads *pool;
    TRY(lc_threads_new(&pool, 3));
    for (size_t i = 0; i < n_tables * 3; i++) {
        const lc_kernels *kernels = tables[i / 3];
        size_t rows = sizes[i % 3][0], k = sizes[i % 3][1], n = sizes[i % 3][2];
        if (!kernels->gemm_tile_bf16) {
            continue;
        }
        lc_rng rng = lc_rng_new(3, i);
        float *x = random_floats(rows * k, &rng, false), *w = random_floats(k * n, &rng, false);
        float *y = calloc(rows * n, sizeof *y), *again = calloc(rows * n, sizeof *again);
        lc_gemm m;
        lc_gemm_source source = {w, 1, 0, n, k};
        lc_epilogue e = lc_epilogue_none();
        e.low = -1e9f;
        TRY(lc_gemm_pack_as(&m, kernels, true, k, n, &source));
        TRY(lc_gemm_dense(&m, kernels, NULL, rows, x, y, &e));
        TRY(lc_gemm_dense(&m, kernels, pool, rows, x, again, &e));
        assert_memory_equal(y, again, rows * n * sizeof *y);
        for (size_t r = 0; r < rows; r++) {
            for (size_t j = 0; j < n; j++) {
                double sum = 0;
                for (size_t q = 0; q < k; q++) {
                    sum += rounded(x[r * k + q]) * rounded(w[q * n + j]);
                }
                assert_true(fabs((double)y[r * n + j] - sum) <= 1e-7 * (double)k + 1e-6);
            }
        }
        lc_gemm_free(&m);
        free(x);
        free(w);
        free(y);
        free(again);
        found++;
    }
    lc_threads_free(pool);
    if (!found) {
        print_message("no CPU with AVX512_BF16: skipped\n");
        skip();
    }
}

/* The loop that measures the machine does do its multiply-adds: three times x / 2 + 1. */
static void test_peak(void **state)
{
    (void)state;
    const lc_kernels *tables[8];
    size_t n_tables = lc_kernels_runnable(tables, 8);
    for (size_t k = 0; k < n_tables; k++) {
        float x[LC_PEAK_CHAINS * LC_COLUMN_PADDING];
        size_t n = LC_PEAK_CHAINS * tables[k]->vector;
        for (size_t i = 0; i < n; i++) {
            x[i] = (float)i;
        }
        tables[k]->multiply_add(3, x);
        for (size_t i = 0; i < n; i++) {
            assert_true(x[i] == (float)i / 8 + 1.75f);
        }
    }
}

static void test_forced_kernels(void **state)
{
    (void)state;
    const lc_kernels *k;
    setenv("LC_ISA", "generic", 1);
    TRY(lc_kernels_get(&k));
    assert_string_equal(k->name, "generic");
    setenv("LC_ISA", "mmx", 1);
    assert_int_equal(lc_kernels_get(&k), LC_ERR_ARG);
    unsetenv("LC_ISA");
    TRY(lc_kernels_get(&k));
}

int main(void)
{
    enum { N = sizeof tests / sizeof *tests };
    struct CMUnitTest all[N + 6];
    for (size_t i = 0; i < N; i++) {
        all[i] = (struct CMUnitTest){tests[i].op->name, test_operator, NULL, NULL, (void *)(uintptr_t)&tests[i]};
    }
    all[N] = (struct CMUnitTest)cmocka_unit_test(test_refusals);
    all[N + 1] = (struct CMUnitTest)cmocka_unit_test(test_nan);
    all[N + 2] = (struct CMUnitTest)cmocka_unit_test(test_forced_kernels);
    all[N + 3] = (struct CMUnitTest)cmocka_unit_test(test_peak);
    all[N + 4] = (struct CMUnitTest)cmocka_unit_test(test_bf16);
    all[N + 5] = (struct CMUnitTest)cmocka_unit_test(test_single_row);
    return _cmocka_run_group_tests("ops", all, N + 6, NULL, NULL);
}
