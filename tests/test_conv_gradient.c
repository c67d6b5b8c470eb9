/*
 * Gradients of convolutions at sizes that test_gradients.c has no time for: several blocks of pixels, strides, batches large
 * enough for Winograd's large tiles. Some elements of each gradient against sums in double precision; threads do not change
 * bytes; a smaller batch stays within the scratch of the full one; weights packed again are as if packed anew.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/rng.h"
#include "extractor/ops/window.h"
#include "tests/try.h"

enum { PLACES = 12 };

typedef struct {
    size_t n, h, w, c, k, kernel, stride, pad, groups;
} shape;

static const shape shapes[] = {
    {2, 50, 70, 20, 26, 3, 2, 1, 1},   /* more than a block of output pixels, strided */
    {2, 61, 50, 3, 33, 7, 2, 3, 1},    /* the same framed, more columns than a panel */
    {3, 67, 60, 20, 33, 1, 2, 0, 1},   /* pixels that nobody reads */
    {2, 36, 33, 16, 20, 5, 1, 2, 1},   /* rows through several pictures */
    {5, 18, 18, 24, 36, 3, 2, 1, 3},   /* groups, several pictures in a block */
    {2, 40, 33, 33, 33, 3, 2, 1, 33},  /* depthwise */
    {8, 7, 7, 136, 128, 3, 1, 1, 1},   /* tiles of 4x4 only because of the batch */
    {2, 40, 56, 16, 24, 3, 1, 1, 1},   /* several blocks of tiles */
};

typedef struct {
    shape s;
    lc_conv_params params;
    lc_tensor x, w, b, y;
    const lc_tensor *in[3];
    lc_op_call call;
    void *state;
    float *dy, *din[3];
    bool add[3];
} fixture;

static float *random_floats(size_t n, uint64_t seed)
{
    lc_rng rng = lc_rng_new(seed, n);
    float *p = malloc(n * sizeof *p);
    for (size_t i = 0; i < n; i++) {
        p[i] = 2 * (float)lc_rng_uniform(&rng) - 1;
    }
    return p;
}

static void set_up(fixture *f, const shape *s, const lc_kernels *kernels, lc_threads *threads)
{
    int64_t k = (int64_t)s->kernel, stride = (int64_t)s->stride, pad = (int64_t)s->pad;
    *f = (fixture){.s = *s, .params = {.group = (int64_t)s->groups}, .x = {.rank = 4, .dims = {s->n, s->h, s->w, s->c}},
                   .w = {.rank = 4, .dims = {s->k, s->c / s->groups, s->kernel, s->kernel}}, .b = {.rank = 1, .dims = {s->k}}};
    f->params.window.kernel_shape = (lc_ints){2, {k, k}};
    f->params.window.strides = (lc_ints){2, {stride, stride}};
    f->params.window.pads = (lc_ints){4, {pad, pad, pad, pad}};
    f->x.data = random_floats(lc_tensor_count(&f->x), 1);
    f->w.data = random_floats(lc_tensor_count(&f->w), 2);
    f->b.data = random_floats(s->k, 3);
    f->in[0] = &f->x;
    f->in[1] = &f->w;
    f->in[2] = &f->b;
    f->call = (lc_op_call){.params = &f->params, .inputs = 3, .in = f->in, .out = &f->y, .kernels = kernels, .threads = threads,
                           .epilogue = lc_epilogue_none()};
    TRY(lc_op_conv.infer(&f->call));
    TRY(lc_op_conv.prepare(&f->call, &f->state));
    f->call.state = f->state;
    f->y.data = malloc(lc_tensor_count(&f->y) * sizeof(float));
    f->dy = random_floats(lc_tensor_count(&f->y), 4);
    size_t saved, scratch, forward = f->call.scratch * s->n;
    lc_op_conv.train_size(&f->call, &saved, &scratch);
    f->call.scratch_size = scratch > forward ? scratch : forward;
    f->call.scratch_data = malloc((f->call.scratch_size + 1) * sizeof(float));
    for (size_t i = 0; i < 3; i++) {
        f->din[i] = malloc(lc_tensor_count(f->in[i]) * sizeof(float));
    }
}

static void tear_down(fixture *f)
{
    lc_op_conv.release(f->state);
    free(f->x.data);
    free(f->w.data);
    free(f->b.data);
    free(f->y.data);
    free(f->dy);
    free(f->call.scratch_data);
    for (size_t i = 0; i < 3; i++) {
        free(f->din[i]);
    }
}

/* Forward and backward of the first n pictures. */
static void pass(fixture *f, size_t n)
{
    lc_op_train t = {.dout = f->dy, .din = f->din, .add = f->add};
    f->x.dims[0] = f->y.dims[0] = n;
    TRY(lc_op_conv.train(&f->call, &t));
    TRY(lc_op_conv.backward(&f->call, &t));
}

/* The input pixel under tap (ky, kx) of output pixel (oy, ox); false: in the padding. */
static bool input_of(const fixture *f, size_t oy, size_t ox, size_t ky, size_t kx, size_t *y, size_t *x)
{
    *y = oy * f->s.stride + ky - f->s.pad;
    *x = ox * f->s.stride + kx - f->s.pad;
    return *y < f->s.h && *x < f->s.w;
}

/* The gradient by weight i, its largest possible size in *scale. */
static double weight_gradient(const fixture *f, size_t i, double *scale)
{
    const shape *s = &f->s;
    size_t kx = i % s->kernel, ky = i / s->kernel % s->kernel, in_g = s->c / s->groups, out_g = s->k / s->groups;
    size_t c = i / s->kernel / s->kernel % in_g, k = i / s->kernel / s->kernel / in_g, y, x;
    double sum = 0;
    *scale = 0;
    for (size_t n = 0; n < f->x.dims[0]; n++) {
        for (size_t o = 0; o < f->y.dims[1] * f->y.dims[2]; o++) {
            if (input_of(f, o / f->y.dims[2], o % f->y.dims[2], ky, kx, &y, &x)) {
                double term = (double)f->x.data[((n * s->h + y) * s->w + x) * s->c + k / out_g * in_g + c] *
                              (double)f->dy[(n * f->y.dims[1] * f->y.dims[2] + o) * s->k + k];
                sum += term;
                *scale += fabs(term);
            }
        }
    }
    return sum;
}

/* The gradient by input i. */
static double input_gradient(const fixture *f, size_t i, double *scale)
{
    const shape *s = &f->s;
    size_t c = i % s->c, place = i / s->c % (s->h * s->w), n = i / s->c / (s->h * s->w), y, x;
    size_t in_g = s->c / s->groups, out_g = s->k / s->groups, g = c / in_g;
    double sum = 0;
    *scale = 1e-3;
    for (size_t o = 0; o < f->y.dims[1] * f->y.dims[2]; o++) {
        for (size_t t = 0; t < s->kernel * s->kernel; t++) {
            if (!input_of(f, o / f->y.dims[2], o % f->y.dims[2], t / s->kernel, t % s->kernel, &y, &x) || y * s->w + x != place) {
                continue;
            }
            for (size_t k = g * out_g; k < (g + 1) * out_g; k++) {
                double term = (double)f->dy[(n * f->y.dims[1] * f->y.dims[2] + o) * s->k + k] *
                              (double)f->w.data[(k * in_g + c % in_g) * s->kernel * s->kernel + t];
                sum += term;
                *scale += fabs(term);
            }
        }
    }
    return sum;
}

static void check(const fixture *f, size_t index)
{
    lc_rng rng = lc_rng_new(5, index);
    for (size_t i = 0; i < PLACES; i++) {
        for (size_t input = 0; input < 2; input++) {
            size_t n = lc_tensor_count(f->in[input]), at = i == 0 ? 0 : i == 1 ? n - 1 : (size_t)lc_rng_below(&rng, n);
            double scale, expected = input ? weight_gradient(f, at, &scale) : input_gradient(f, at, &scale);
            if (!(fabs((double)f->din[input][at] - expected) <= 2e-6 * scale)) {
                fail_msg("shape %zu, %s, %zu pictures: gradient by input %zu at %zu is %g, should be %g", index, f->call.kernels->name,
                         f->x.dims[0], input, at, (double)f->din[input][at], expected);
            }
        }
    }
}

static void test_blocks(void **state)
{
    (void)state;
    const lc_kernels *tables[8];
    size_t n_tables = lc_kernels_runnable(tables, 8);
    lc_threads *pool;
    TRY(lc_threads_new(&pool, 3));
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (size_t q = 0; q < n_tables; q += n_tables > 1 ? n_tables - 1 : 1) { /* portable, and best */
            fixture f, shared;
            set_up(&f, &shapes[i], tables[q], NULL);
            set_up(&shared, &shapes[i], tables[q], pool);
            pass(&f, f.s.n);
            check(&f, i);
            pass(&shared, f.s.n);
            assert_memory_equal(f.y.data, shared.y.data, lc_tensor_count(&f.y) * sizeof(float));
            for (size_t in = 0; in < 3; in++) {
                assert_memory_equal(f.din[in], shared.din[in], lc_tensor_count(f.in[in]) * sizeof(float));
            }
            pass(&f, 1); /* the rest of an epoch */
            check(&f, i);
            tear_down(&f);
            tear_down(&shared);
        }
    }
    lc_threads_free(pool);
}

static void test_pack_again(void **state)
{
    (void)state;
    const lc_kernels *kernels;
    TRY(lc_kernels_get(&kernels));
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        fixture f;
        set_up(&f, &shapes[i], kernels, NULL);
        size_t n = lc_tensor_count(&f.y);
        float *expected = malloc(n * sizeof *expected);
        void *kept = f.state, *fresh = NULL;
        for (size_t q = 0; q < lc_tensor_count(&f.w); q++) {
            f.w.data[q] = -0.5f * f.w.data[q];
        }
        f.b.data[0] = 3;
        TRY(lc_op_conv.prepare(&f.call, &fresh));
        f.call.state = fresh;
        TRY(lc_op_conv.forward(&f.call));
        memcpy(expected, f.y.data, n * sizeof *expected);
        TRY(lc_op_conv.prepare(&f.call, &f.state));
        assert_ptr_equal(f.state, kept);
        f.call.state = f.state;
        TRY(lc_op_conv.forward(&f.call));
        assert_memory_equal(f.y.data, expected, n * sizeof *expected);
        lc_op_conv.release(fresh);
        free(expected);
        tear_down(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_blocks), cmocka_unit_test(test_pack_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
