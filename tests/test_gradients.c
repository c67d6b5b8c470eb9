/*
 * Backward passes of operators, over the cases of op_cases.h. Each asks: is the gradient of a random linear functional of
 * the output that of the reference by central differences in double precision, by every input: along a random direction,
 * and by some elements? the same on every instruction set, to rounding? the same bytes with threads, and in place? the same
 * added to what stands there? without what `keep` does not name?
 */
#include "tests/op_cases.h"

enum { PLACES = 4, RESIDUAL = MAX_INPUTS, GRADIENTS };

/* What is asked for beside the case. */
typedef struct {
    const op_test *test;
    size_t index; /* of the case */
    lc_arithmetic arithmetic;
    bool batch_statistics, residual;
    float low, high;
} question;

static lc_tensor residual; /* of the epilogue, for the reference */
static lc_threads *pool;

/* Inputs that have no gradient. */
static bool refused(const lc_op *op, size_t input)
{
    return (op == &lc_op_batchnorm && input >= 3) || (op == &lc_op_gather && input == 1) || (op == &lc_op_where && input == 0) ||
           (op == &lc_op_scatter_nd && input == 1);
}

/* A call in training with all that it needs. */
typedef struct {
    fixture f;
    lc_op_train t;
    float *dout, *din[GRADIENTS];
    bool add[MAX_INPUTS];
} training;

static lc_tensor *tensor_of(training *r, size_t i)
{
    return i == RESIDUAL ? &residual : &r->f.in[i];
}

static bool asked(const training *r, const question *q, size_t i)
{
    return i == RESIDUAL ? q->residual : i < r->f.call.inputs && !refused(q->test->op, i);
}

static void begin(training *r, const question *q, const lc_kernels *kernels, lc_threads *threads)
{
    const lc_op *op = q->test->op;
    size_t saved = 0, scratch = 0, n;
    lc_rng rng = lc_rng_new(17, q->index);
    *r = (training){.t = {.batch_statistics = q->batch_statistics, .momentum = 0.1f, .seed = 3}};
    set_up(&r->f, q->test, &q->test->cases[q->index], q->arithmetic, kernels);
    r->f.call.threads = threads;
    if (op->train_size) {
        op->train_size(&r->f.call, &saved, &scratch);
    }
    if (scratch > r->f.call.scratch_size) {
        free(r->f.call.scratch_data);
        r->f.call.scratch_data = malloc(scratch * sizeof(float));
        r->f.call.scratch_size = scratch;
    }
    r->t.saved = malloc((saved + 1) * sizeof(float));
    n = lc_tensor_count(&r->f.out);
    r->dout = random_floats(n, &rng, false);
    residual = r->f.out;
    residual.data = random_floats(n, &rng, false);
    r->f.call.epilogue.low = q->low;
    r->f.call.epilogue.high = q->high;
    if (q->residual) {
        r->f.call.epilogue.residual = residual.data;
        r->f.call.epilogue.residual_stride = residual.dims[residual.rank - 1];
    }
    for (size_t i = 0; i < GRADIENTS; i++) {
        if (asked(r, q, i)) {
            r->din[i] = random_floats(lc_tensor_count(tensor_of(r, i)), &rng, false);
        }
    }
    r->t.dout = r->dout;
    r->t.din = r->din;
    r->t.add = r->add;
    r->t.dresidual = r->din[RESIDUAL];
}

static void end(training *r, const question *q)
{
    free(r->t.saved);
    free(r->dout);
    free(residual.data);
    for (size_t i = 0; i < GRADIENTS; i++) {
        free(r->din[i]);
    }
    tear_down(&r->f, q->test);
}

static void train(training *r, const question *q)
{
    if (q->test->op->train) {
        TRY(q->test->op->train(&r->f.call, &r->t));
    } else {
        forward(&r->f, q->test);
    }
}

static void fill(float *p, size_t n, float v)
{
    for (size_t i = 0; p && i < n; i++) {
        p[i] = v;
    }
}

/* Forward, then backward without what it does not ask to be kept. */
static void pass(training *r, const question *q)
{
    const lc_op *op = q->test->op;
    const op_case *c = &q->test->cases[q->index];
    size_t activations = c->activations ? c->activations : 1;
    train(r, q);
    for (size_t i = 0; i < activations && !(op->keep & LC_KEEP_INPUT); i++) {
        fill(r->f.in[i].data, lc_tensor_count(&r->f.in[i]), NAN);
    }
    if (!(op->keep & LC_KEEP_OUTPUT) && !(q->residual && (q->low > -INFINITY || q->high < INFINITY))) {
        fill(r->f.out.data, lc_tensor_count(&r->f.out), NAN);
    }
    TRY(op->backward(&r->f.call, &r->t));
}

/* The derivative of sum dout y along `direction` of input i. */
static double slope(training *r, const question *q, size_t i, double *direction, double *y)
{
    size_t n = lc_tensor_count(tensor_of(r, i)), m = lc_tensor_count(&r->f.out);
    const double h = 1e-6;
    double sum[2] = {0};
    moved = tensor_of(r, i);
    moved_by = direction;
    for (size_t side = 0; side < 2; side++) {
        for (size_t k = 0; k < n; k++) {
            direction[k] *= side ? -1 : h;
        }
        q->test->reference(&r->f.call, y);
        for (size_t k = 0; k < m; k++) {
            sum[side] += (double)r->dout[k] * y[k];
        }
    }
    moved = NULL;
    for (size_t k = 0; k < n; k++) {
        direction[k] /= -h;
    }
    return (sum[0] - sum[1]) / (2 * h);
}

typedef struct {
    double *direction, along;
    size_t count, places[PLACES];
    double at[PLACES];
} differences;

static void measure(training *r, const question *q, size_t i, differences *d)
{
    size_t n = lc_tensor_count(tensor_of(r, i));
    lc_rng rng = lc_rng_new(19, i);
    double *y = malloc(lc_tensor_count(&r->f.out) * sizeof *y), *one = calloc(n, sizeof *one);
    d->direction = malloc(n * sizeof *d->direction);
    for (size_t k = 0; k < n; k++) {
        d->direction[k] = 2 * lc_rng_uniform(&rng) - 1;
    }
    d->along = slope(r, q, i, d->direction, y);
    uint64_t macs = q->test->op->macs ? q->test->op->macs(&r->f.call) : 0;
    d->count = macs > 1000000 ? 1 : PLACES; /* plain references are slow */
    for (size_t k = 0; k < d->count; k++) {
        d->places[k] = k == 1 ? 0 : k == 2 ? n - 1 : (size_t)lc_rng_below(&rng, n);
        one[d->places[k]] = 1;
        d->at[k] = slope(r, q, i, one, y);
        one[d->places[k]] = 0;
    }
    free(y);
    free(one);
}

static void check(training *r, const question *q, size_t i, const differences *d)
{
    size_t n = lc_tensor_count(tensor_of(r, i));
    const char *op = q->test->op->name, *isa = r->f.call.kernels->name;
    double most = 1e-3, squares = 0, along = 0, tolerance = q->arithmetic == LC_EXACT ? 1e-5 : 5e-5;
    for (size_t k = 0; k < n; k++) {
        double g = (double)r->din[i][k];
        most = fabs(g) > most ? fabs(g) : most;
        squares += g * g;
        along += g * d->direction[k];
    }
    for (size_t k = 0; k < d->count; k++) {
        double g = (double)r->din[i][d->places[k]];
        if (!(fabs(g - d->at[k]) <= tolerance * most)) {
            fail_msg("%s case %zu, %s: gradient by input %zu at %zu is %g, should be %g", op, q->index, isa, i, d->places[k], g, d->at[k]);
        }
    }
    if (!(fabs(along - d->along) <= tolerance * (sqrt(squares) + most))) {
        fail_msg("%s case %zu, %s: gradient by input %zu along a direction is %g, should be %g", op, q->index, isa, i, along, d->along);
    }
}

/* The same gradients in another way: `same` bytes, or to rounding; `added` to random numbers. */
static void check_again(const question *q, const lc_kernels *kernels, lc_threads *threads, bool added, bool same, float *const *din,
                        const char *what)
{
    training r;
    float *before[GRADIENTS] = {NULL};
    begin(&r, q, kernels, threads);
    for (size_t i = 0; i < GRADIENTS; i++) {
        size_t n = r.din[i] ? lc_tensor_count(tensor_of(&r, i)) : 0;
        before[i] = malloc((n + 1) * sizeof(float));
        memcpy(before[i], r.din[i] ? r.din[i] : before[i], n * sizeof(float));
        *(i == RESIDUAL ? &r.t.add_residual : &r.add[i]) = added;
    }
    pass(&r, q);
    for (size_t i = 0; i < GRADIENTS; i++) {
        size_t n = r.din[i] ? lc_tensor_count(tensor_of(&r, i)) : 0;
        float most = 1e-3f;
        for (size_t k = 0; k < n; k++) {
            most = fabsf(din[i][k]) > most ? fabsf(din[i][k]) : most;
        }
        for (size_t k = 0; k < n; k++) {
            float expected = added ? din[i][k] + before[i][k] : din[i][k], d = fabsf(r.din[i][k] - expected);
            if (same ? memcmp(&r.din[i][k], &expected, sizeof expected) != 0 : !(d <= 2e-5f * most + 1e-6f * fabsf(expected))) {
                fail_msg("%s case %zu, %s, %s: gradient by input %zu at %zu is %g, not %g", q->test->op->name, q->index, kernels->name,
                         what, i, k, (double)r.din[i][k], (double)expected);
            }
        }
        free(before[i]);
    }
    end(&r, q);
}

/* The gradient by input 0 where dout lies. */
static void check_in_place(const question *q, const lc_kernels *kernels, float *const *din)
{
    training r;
    begin(&r, q, kernels, NULL);
    size_t n = lc_tensor_count(&r.f.in[0]);
    float *own = r.din[0];
    if (n == lc_tensor_count(&r.f.out) && (q->test->op->flags & (LC_OP_INPLACE | LC_OP_VIEW))) {
        r.din[0] = r.dout;
        pass(&r, q);
        for (size_t i = 0; i < GRADIENTS; i++) {
            if (r.din[i] && memcmp(r.din[i], din[i], lc_tensor_count(tensor_of(&r, i)) * sizeof(float)) != 0) {
                fail_msg("%s case %zu, %s: in place the gradient by input %zu is another", q->test->op->name, q->index, kernels->name, i);
            }
        }
        r.din[0] = own;
    }
    end(&r, q);
}

static void ask(const question *asked_for)
{
    const lc_kernels *tables[8];
    size_t n_tables = lc_kernels_runnable(tables, 8);
    /* Convolutions once as plain sums, once as they are computed by default. */
    size_t ways = asked_for->test->op == &lc_op_conv ? 2 : 1;
    differences d[GRADIENTS] = {{0}};
    question q = *asked_for;
    training r;
    begin(&r, &q, tables[0], NULL);
    for (size_t i = 0; i < GRADIENTS; i++) {
        if (r.din[i]) {
            measure(&r, &q, i, &d[i]);
        }
    }
    end(&r, &q);
    for (size_t k = 0; k < n_tables * ways; k++) {
        const lc_kernels *kernels = tables[k / ways];
        q.arithmetic = k % ways == 0 ? LC_EXACT : LC_FLOAT32;
        begin(&r, &q, kernels, NULL);
        pass(&r, &q);
        for (size_t i = 0; i < GRADIENTS; i++) {
            if (r.din[i]) {
                check(&r, &q, i, &d[i]);
            }
        }
        float *din[GRADIENTS];
        memcpy(din, r.din, sizeof din);
        memset(r.din, 0, sizeof r.din);
        end(&r, &q);
        check_again(&q, kernels, pool, false, true, din, "with threads");
        check_again(&q, kernels, NULL, true, false, din, "added");
        check_again(&q, tables[0], NULL, false, false, din, "beside the other instruction set");
        check_in_place(&q, kernels, din);
        for (size_t i = 0; i < GRADIENTS; i++) {
            free(din[i]);
        }
    }
    for (size_t i = 0; i < GRADIENTS; i++) {
        free(d[i].direction);
    }
}

static void test_operator(void **state)
{
    const op_test *t = *state;
    for (size_t i = 0; i < t->count; i++) {
        ask(&(question){.test = t, .index = i, .low = -INFINITY, .high = INFINITY});
    }
}

/* What stands behind a batch normalisation in training. */
static void stand_behind(const lc_op_call *c, double *y)
{
    for (size_t i = 0; i < lc_tensor_count(c->out); i++) {
        y[i] += c->epilogue.residual ? D(&residual, i) : 0;
        y[i] = fmin(fmax(y[i], (double)c->epilogue.low), (double)c->epilogue.high);
    }
}

static void ref_batchnorm_frozen(const lc_op_call *c, double *y)
{
    ref_batchnorm(c, y);
    stand_behind(c, y);
}

static void ref_batchnorm_train(const lc_op_call *c, double *y)
{
    const float *p = c->params;
    size_t channels = lc_tensor_count(c->in[1]), n = lc_tensor_count(c->out);
    double rows = (double)(n / channels);
    for (size_t j = 0; j < channels; j++) {
        double mean = 0, variance = 0;
        for (size_t i = j; i < n; i += channels) {
            mean += D(c->in[0], i) / rows;
        }
        for (size_t i = j; i < n; i += channels) {
            variance += pow(D(c->in[0], i) - mean, 2) / rows;
        }
        for (size_t i = j; i < n; i += channels) {
            y[i] = (D(c->in[0], i) - mean) / sqrt(variance + (double)p[0]) * D(c->in[1], j) + D(c->in[2], j);
        }
    }
    stand_behind(c, y);
}

static const op_case cases_batchnorm_train[] = {
    {.in = {MAP(2, 5, 3, 17), VEC(17), VEC(17), VEC(17), VEC(17)}, .numbers = {1e-5f, 0, 0, 0}},
    {.in = {ROW(4, 16), VEC(16), VEC(16), VEC(16), VEC(16)}, .numbers = {1e-3f, 0, 0, 0}},
    {.in = {MAP(3, 40, 37, 5), VEC(5), VEC(5), VEC(5), VEC(5)}, .numbers = {1e-5f, 0, 0, 0}},
    {.in = {MAP(2, 9, 9, 70), VEC(70), VEC(70), VEC(70), VEC(70)}, .numbers = {1e-5f, 0, 0, 0}},
    {.in = {MAP(4, 1, 1, 17000), VEC(17000), VEC(17000), VEC(17000), VEC(17000)}, .numbers = {1e-5f, 0, 0, 0}},
};
enum { NORM_CASES = sizeof cases_batchnorm_train / sizeof *cases_batchnorm_train };
static const op_test batchnorm_train = {&lc_op_batchnorm, cases_batchnorm_train, NORM_CASES, ref_batchnorm_train},
                     batchnorm_frozen = {&lc_op_batchnorm, cases_batchnorm_train, NORM_CASES, ref_batchnorm_frozen};

/* The output, and the running statistics, are PyTorch's. */
static void check_statistics(const question *q, const lc_kernels *kernels)
{
    training r, before;
    begin(&before, q, kernels, NULL);
    free(residual.data);
    begin(&r, q, kernels, NULL);
    train(&r, q);
    size_t n = lc_tensor_count(&r.f.out), channels = r.f.in[1].dims[0], rows = n / channels;
    double *y = malloc(n * sizeof *y);
    q->test->reference(&r.f.call, y);
    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)r.f.out.data[i] - y[i]) <= 5e-6 * fmax(1, fabs(y[i])))) {
            fail_msg("batchnorm in training, case %zu, %s: element %zu is %g, should be %g", q->index, kernels->name, i, (double)r.f.out.data[i], y[i]);
        }
    }
    for (size_t j = 0; j < channels; j++) {
        double mean = 0, variance = 0;
        for (size_t i = j; i < n; i += channels) {
            mean += D(&r.f.in[0], i) / (double)rows;
        }
        for (size_t i = j; i < n; i += channels) {
            variance += pow(D(&r.f.in[0], i) - mean, 2) / (double)(rows - 1);
        }
        assert_true(fabs((double)r.f.in[3].data[j] - (0.9 * D(&before.f.in[3], j) + 0.1 * mean)) < 1e-6);
        assert_true(fabs((double)r.f.in[4].data[j] - (0.9 * D(&before.f.in[4], j) + 0.1 * variance)) < 1e-6);
    }
    free(y);
    end(&r, q);
    residual.data = NULL;
    end(&before, q);
}

static void test_batchnorm_train(void **state)
{
    (void)state;
    const lc_kernels *tables[8];
    size_t n_tables = lc_kernels_runnable(tables, 8);
    const float clamps[][2] = {{-INFINITY, INFINITY}, {0, INFINITY}, {-0.5f, 0.75f}};
    for (size_t i = 0; i < 6 * NORM_CASES; i++) {
        const float *clamp = clamps[i % 6 / 2];
        question q = {&batchnorm_train, i / 6, LC_EXACT, true, i % 2, clamp[0], clamp[1]};
        if (i / 6 == NORM_CASES - 1 && i % 6 != 3) {
            continue; /* more channels than a block has numbers: once is enough */
        }
        for (size_t k = 0; k < n_tables; k++) {
            check_statistics(&q, tables[k]);
        }
        ask(&q);
        if (i / 6 < 2) {
            q.test = &batchnorm_frozen;
            q.batch_statistics = false;
            ask(&q);
        }
    }
    training r;
    const op_case one = {.in = {ROW(1, 3), VEC(3), VEC(3), VEC(3), VEC(3)}, .numbers = {1e-5f, 0, 0, 0}};
    const op_test test = {&lc_op_batchnorm, &one, 1, ref_batchnorm_train};
    question q = {&test, 0, LC_EXACT, true, false, -INFINITY, INFINITY};
    begin(&r, &q, tables[0], NULL);
    assert_int_equal(lc_op_batchnorm.train(&r.f.call, &r.t), LC_ERR_SHAPE);
    assert_non_null(strstr(lc_error_message(), "one value per channel"));
    end(&r, &q);
}

/* What is dropped depends on the seed and the place alone; backward drops the same. */
static void test_dropout(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    static float ones[COUNT], y[COUNT], again[COUNT], back[COUNT];
    struct {
        float ratio;
        int64_t training_mode;
    } params = {0.3f, 0};
    lc_tensor x = {.rank = 1, .dims = {COUNT}, .data = ones}, out = {.rank = 1, .dims = {COUNT}, .data = y};
    const lc_tensor *in[] = {&x};
    float *din[] = {back};
    const bool add[] = {false};
    lc_op_call c = {.params = &params, .inputs = 1, .in = in, .out = &out};
    lc_op_train t = {.seed = 11, .dout = ones, .din = din, .add = add};
    size_t kept = 0;
    TRY(lc_kernels_get(&c.kernels));
    fill(ones, COUNT, 1);
    TRY(lc_op_dropout.train(&c, &t));
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(y[i] == 0 || fabs((double)y[i] - 1 / 0.7) < 1e-6);
        kept += y[i] != 0;
    }
    assert_true(fabs((double)kept / COUNT - 0.7) < 0.01);
    TRY(lc_op_dropout.backward(&c, &t));
    assert_memory_equal(y, back, sizeof y);
    c.threads = pool;
    out.data = again;
    TRY(lc_op_dropout.train(&c, &t));
    assert_memory_equal(y, again, sizeof y);
    t.seed = 12;
    TRY(lc_op_dropout.train(&c, &t));
    assert_memory_not_equal(y, again, sizeof y);
    params.ratio = 0;
    TRY(lc_op_dropout.train(&c, &t));
    assert_memory_equal(ones, again, sizeof ones);
    params.ratio = 1;
    TRY(lc_op_dropout.train(&c, &t));
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(again[i] == 0);
    }
}

int main(int argc, char **argv)
{
    enum { N = sizeof tests / sizeof *tests };
    struct CMUnitTest all[N + 2];
    size_t n = 0;
    for (size_t i = 0; i < N; i++) {
        if (tests[i].op->backward && tests[i].op != &lc_op_dropout) {
            all[n++] = (struct CMUnitTest){tests[i].op->name, test_operator, NULL, NULL, (void *)(uintptr_t)&tests[i]};
        }
    }
    all[n++] = (struct CMUnitTest)cmocka_unit_test(test_batchnorm_train);
    all[n++] = (struct CMUnitTest)cmocka_unit_test(test_dropout);
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]); /* an operator's name, with * and ? */
    }
    TRY(lc_threads_new(&pool, 3));
    int failed = _cmocka_run_group_tests("gradients", all, n, NULL, NULL);
    lc_threads_free(pool);
    return failed;
}
