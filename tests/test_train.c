/*
 * What a step is made of, against its written-out formulas: losses, optimisers, schedules, clipping, moving averages.
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
#include "common/memory.h"
#include "common/rng.h"
#include "extractor/network.h"
#include "extractor/ops/shape.h"
#include "extractor/train/train.h"
#include "tests/temp_folder.h"
#include "tests/try.h"

static void assert_close(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance * fmax(1, fabs(b)))) {
        fail_msg("%.9g is not %.9g", a, b);
    }
}

/* Losses ---------------------------------------------------------------------------------------------------------- */

enum { N = 3, K = 4 };

static const float logits[N * K] = {1, -2, 0.5f, 3, 0, 0, 0, 0, -1, 4, 2, 0.25f};
static const int32_t labels[N] = {3, 0, 2};
static const float class_weights[K] = {0.5f, 1, 2, 3};
static const float shares[N * K] = {0.25f, 0, 0, 0.75f, 1, 0, 0, 0, 0, 0.5f, 0.5f, 0};

/* log p_k by its definition; the logits are small. */
static double log_p(const float *z, size_t k)
{
    double sum = 0;
    for (size_t j = 0; j < K; j++) {
        sum += exp((double)z[j]);
    }
    return log(exp((double)z[k]) / sum);
}

static double loss_of(const lc_loss_options *o, const float *z, const float *targets, float *gradient)
{
    float own[N * K];
    lc_loss_result r;
    lc_loss(o, N, z, labels, targets, gradient ? gradient : own, &r);
    return r.loss;
}

static void check_gradient(const lc_loss_options *o, const float *targets)
{
    float gradient[N * K], z[N * K];
    const float step = 1.0f / 256;
    loss_of(o, logits, targets, gradient);
    for (size_t i = 0; i < N * K; i++) {
        memcpy(z, logits, sizeof z);
        z[i] = logits[i] + step;
        double up = loss_of(o, z, targets, NULL);
        z[i] = logits[i] - step;
        double down = loss_of(o, z, targets, NULL);
        assert_close((double)gradient[i], (up - down) / (2 * (double)step), 1e-5);
    }
}

static void test_losses(void **state)
{
    (void)state;
    lc_loss_options o = {.classes = K};
    lc_loss_result r;
    float gradient[N * K];
    lc_loss(&o, N, logits, labels, NULL, gradient, &r);
    double plain = 0;
    for (size_t i = 0; i < N; i++) {
        plain -= log_p(logits + i * K, (size_t)labels[i]) / N;
    }
    assert_close(r.loss, plain, 1e-12);
    assert_int_equal(r.correct, 2); /* the second is a tie, the first of equals counts; the third says class 1 */
    assert_close((double)gradient[4], (0.25 - 1) / N, 1e-7);
    assert_close((double)gradient[5], 0.25 / N, 1e-7);

    o.smoothing = 0.1;
    double smooth = 0;
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < K; k++) {
            smooth -= ((1 - 0.1) * (double)((size_t)labels[i] == k) + 0.1 / K) * log_p(logits + i * K, k) / N;
        }
    }
    assert_close(loss_of(&o, logits, NULL, NULL), smooth, 1e-12);
    check_gradient(&o, NULL);

    /* PyTorch's mean with weights: divided by those of the labels. */
    o = (lc_loss_options){.classes = K, .weights = class_weights};
    double weighted = 0, norm = 3 + 0.5 + 2;
    for (size_t i = 0; i < N; i++) {
        weighted -= (double)class_weights[labels[i]] * log_p(logits + i * K, (size_t)labels[i]) / norm;
    }
    assert_close(loss_of(&o, logits, NULL, NULL), weighted, 1e-12);
    check_gradient(&o, NULL);
    o.smoothing = 0.2;
    check_gradient(&o, NULL);

    o = (lc_loss_options){.classes = K};
    double soft = 0;
    for (size_t i = 0; i < N * K; i++) {
        soft -= (double)shares[i] * log_p(logits + i / K * K, i % K) / N;
    }
    assert_close(loss_of(&o, logits, shares, NULL), soft, 1e-12);
    check_gradient(&o, shares);
    o.smoothing = 0.1;
    o.weights = class_weights;
    check_gradient(&o, shares);
}

/* Logits whose exponentials do not fit a float, or a double. */
static void test_large_logits(void **state)
{
    (void)state;
    const float z[2] = {2000, -2000};
    const lc_loss_options o = {.classes = 2};
    float gradient[2];
    lc_loss_result r;
    lc_loss(&o, 1, z, &(int32_t){1}, NULL, gradient, &r);
    assert_close(r.loss, 4000, 1e-12);
    assert_close((double)gradient[0], 1, 1e-6);
    assert_close((double)gradient[1], -1, 1e-6);
}

/* Optimisers ------------------------------------------------------------------------------------------------------ */

enum { COUNT = 6, FIRST = 1, END = 5, STEPS = 4 };

/* Runs STEPS steps on [FIRST, END) of a parameter and compares every element with `formula`, which keeps its own memory. */
static void check_optimizer(const lc_optimizer *optimizer, lc_optimizer_step s,
                            void (*formula)(const lc_optimizer_step *s, double g, double *w, double *memory))
{
    float w[COUNT], gradient[COUNT], slot[LC_OPTIMIZER_SLOTS][COUNT] = {{0}};
    double exact[COUNT], memory[COUNT][LC_OPTIMIZER_SLOTS] = {{0}};
    lc_parameter p = {.data = w, .count = COUNT, .gradient = gradient, .slot = {slot[0], slot[1]}};
    for (size_t i = 0; i < COUNT; i++) {
        exact[i] = (double)(w[i] = 0.5f - 0.25f * (float)i);
    }
    for (s.step = 1; s.step <= STEPS; s.step++) {
        for (size_t i = 0; i < COUNT; i++) {
            gradient[i] = (float)i - 2 + 0.5f * (float)s.step;
            if (i >= FIRST && i < END) {
                formula(&s, (double)gradient[i], &exact[i], memory[i]);
            }
        }
        optimizer->step(&s, &p, FIRST, END);
        for (size_t i = 0; i < COUNT; i++) {
            assert_close((double)w[i], exact[i], 1e-6);
        }
    }
    assert_true(w[0] == 0.5f && slot[0][0] == 0 && slot[0][COUNT - 1] == 0);
}

static void sgd(const lc_optimizer_step *s, double g, double *w, double *memory)
{
    g += (double)s->decay * *w;
    memory[0] = s->step == 1 ? g : (double)s->momentum * memory[0] + g;
    *w -= (double)s->rate * (s->nesterov ? g + (double)s->momentum * memory[0] : memory[0]);
}

static void adamw(const lc_optimizer_step *s, double g, double *w, double *memory)
{
    double b1 = (double)s->beta1, b2 = (double)s->beta2, t = (double)s->step;
    memory[0] = b1 * memory[0] + (1 - b1) * g;
    memory[1] = b2 * memory[1] + (1 - b2) * g * g;
    *w -= (double)s->rate * (double)s->decay * *w;
    *w -= (double)s->rate * (memory[0] / (1 - pow(b1, t))) / (sqrt(memory[1] / (1 - pow(b2, t))) + (double)s->epsilon);
}

static void test_optimizers(void **state)
{
    (void)state;
    lc_optimizer_step s = {.rate = 0.1f, .decay = 0.01f, .momentum = 0.9f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f};
    check_optimizer(&lc_optimizer_sgd, s, sgd);
    s.nesterov = true;
    check_optimizer(&lc_optimizer_sgd, s, sgd);
    s.momentum = 0;
    s.nesterov = false;
    s.decay = 0;
    check_optimizer(&lc_optimizer_sgd, s, sgd);
    s.decay = 0.05f;
    check_optimizer(&lc_optimizer_adamw, s, adamw);
    s.decay = 0;
    s.epsilon = 0.5f;
    check_optimizer(&lc_optimizer_adamw, s, adamw);
}

/* Schedules ------------------------------------------------------------------------------------------------------- */

static double factor(const char *name, uint64_t step, uint64_t steps, uint64_t warmup)
{
    const lc_schedule *s;
    TRY(lc_schedule_find(name, &s));
    return lc_schedule_factor(s, step, steps, warmup);
}

static void test_schedules(void **state)
{
    (void)state;
    const lc_schedule *none;
    assert_int_equal(lc_schedule_find("linear", &none), LC_ERR_NOTFOUND);
    for (uint64_t i = 0; i < 100; i++) {
        assert_close(factor("constant", i, 100, 0), 1, 0);
        assert_close(factor("step", i, 100, 0), i < 50 ? 1 : i < 75 ? 0.1 : 0.01, 1e-15);
        assert_close(factor("cosine", i, 100, 0), (1 + cos(acos(-1) * (double)i / 100)) / 2, 1e-15);
    }
    for (uint64_t i = 0; i < 4; i++) {
        assert_close(factor("cosine", i, 24, 4), (double)(i + 1) / 5, 1e-15);
    }
    assert_close(factor("cosine", 4, 24, 4), 1, 1e-15);
    assert_close(factor("cosine", 14, 24, 4), 0.5, 1e-15);
    /* torch.optim.lr_scheduler.OneCycleLR: up over three tenths, its own warm-up. */
    assert_close(factor("onecycle", 0, 100, 50), 1.0 / 25, 1e-15);
    assert_close(factor("onecycle", 15, 100, 50), (1.0 / 25 + 1) / 2, 1e-12);
    assert_close(factor("onecycle", 30, 100, 50), 1, 1e-12);
    for (uint64_t i = 31; i < 100; i++) {
        assert_true(factor("onecycle", i, 100, 0) < factor("onecycle", i - 1, 100, 0));
    }
    assert_true(factor("cosine", 3, 4, 4) > 0); /* nothing but warm-up */
}

/* The trainer: clipping and moving averages ------------------------------------------------------------------------- */

enum { SIDE = 4, FLOATS = SIDE * SIDE * 3, PICTURES = 6, CLASSES = 2, WEIGHTS = CLASSES * FLOATS };

typedef struct {
    float alpha, beta;
    int64_t trans_a, trans_b;
} linear_params;

static int make_pictures(void **state)
{
    int failed = temp_folder_make(state);
    lc_rng r = lc_rng_new(5, 0);
    for (size_t i = 0; !failed && i < PICTURES; i++) {
        unsigned char file[64 + FLOATS];
        char name[16];
        size_t head = (size_t)sprintf((char *)file, "P6 %d %d 255\n", SIDE, SIDE);
        for (size_t j = 0; j < FLOATS; j++) {
            file[head + j] = (unsigned char)(lc_rng_u64(&r) % 256);
        }
        snprintf(name, sizeof name, "%zu.ppm", i);
        TRY(lc_write_file(temp_path(name), file, head + FLOATS));
    }
    return failed;
}

/* Weights (WEIGHTS) of a linear layer after `epochs` steps on all pictures, without momentum; it begins at weights of 0.01. */
static lc_status trained(double rate, double clip, double average, size_t epochs, float *out)
{
    char names[PICTURES][16], *paths[PICTURES];
    int32_t own_labels[PICTURES];
    size_t rows[PICTURES], flat, weights;
    for (size_t i = 0; i < PICTURES; i++) {
        snprintf(names[i], sizeof names[i], "%zu.ppm", i);
        paths[i] = names[i];
        own_labels[i] = (int32_t)(i % CLASSES);
        rows[i] = i;
    }
    lc_manifest manifest = {.root = temp_folder, .rows = PICTURES, .paths = paths, .labels = own_labels, .classes = CLASSES};
    const lc_preprocess plain = {.channels = 3, .height = SIDE, .width = SIDE, .resize = SIDE, .interpolation = LC_FILTER_BILINEAR,
                                 .std = {1, 1, 1}};
    lc_graph *g;
    const lc_axis_params flatten = {.axis = 1};
    const linear_params linear = {1, 1, 0, 1};
    for (size_t i = 0; i < WEIGHTS; i++) {
        out[i] = 0.01f;
    }
    TRY(lc_graph_new(&g, NULL, NULL));
    TRY(lc_graph_input(g, "input", SIDE, SIDE, 3, &flat));
    TRY(lc_graph_constant(g, "weight", 2, (size_t[]){CLASSES, FLOATS}, out, &weights));
    TRY(lc_graph_node(g, &lc_op_flatten, "flatten", &flatten, &flat, 1, "flatten", &flat));
    TRY(lc_graph_node(g, &lc_op_linear, "linear", &linear, (size_t[]){flat, weights}, 2, "linear", &g->output));
    lc_parameter p = {.name = "weight", .value = weights, .trained = true};
    const lc_schedule *schedule;
    TRY(lc_schedule_find("constant", &schedule));
    const lc_trainer_options o = {
        .graph = g, .logits = g->output, .parameters = &p, .parameter_count = 1,
        .loader = {.manifest = &manifest, .rows = rows, .count = PICTURES, .preprocess = plain, .classes = CLASSES, .batch = PICTURES, .threads = 1},
        .loss = {.classes = CLASSES}, .optimizer = &lc_optimizer_sgd, .schedule = schedule, .epochs = epochs, .rate = rate,
        .backbone_factor = 1, .clip = clip, .average = average,
    };
    lc_trainer *trainer;
    TRY(lc_trainer_new(&trainer, &o));
    lc_status status = lc_trainer_run(trainer);
    lc_trainer_free(trainer);
    lc_graph_free(g);
    return status;
}

static void test_clipping(void **state)
{
    (void)state;
    float plain[WEIGHTS], clipped[WEIGHTS];
    double square = 0;
    TRY(trained(1, 0, 0, 1, plain));
    for (size_t i = 0; i < WEIGHTS; i++) {
        square += ((double)plain[i] - 0.01) * ((double)plain[i] - 0.01); /* the rate is 1: the gradient */
    }
    double norm = sqrt(square), limit = norm / 3;
    TRY(trained(1, limit, 0, 1, clipped));
    for (size_t i = 0; i < WEIGHTS; i++) {
        assert_close(((double)clipped[i] - 0.01) / norm, ((double)plain[i] - 0.01) / norm * limit / (norm + 1e-6), 1e-6);
    }
    TRY(trained(1, 2 * norm, 0, 1, clipped));
    assert_memory_equal(clipped, plain, sizeof plain);
}

/* One step and two: a = keep a + (1 - keep) w, from the weights that were there. */
static void test_average(void **state)
{
    (void)state;
    const double keep = 0.75;
    float one[WEIGHTS], two[WEIGHTS], mean[WEIGHTS];
    TRY(trained(0.1, 0, 0, 1, one));
    TRY(trained(0.1, 0, 0, 2, two));
    TRY(trained(0.1, 0, keep, 2, mean));
    for (size_t i = 0; i < WEIGHTS; i++) {
        double first = keep * 0.01 + (1 - keep) * (double)one[i];
        assert_close((double)mean[i], keep * first + (1 - keep) * (double)two[i], 1e-6);
    }
}

static void test_divergence(void **state)
{
    (void)state;
    float weights[WEIGHTS];
    assert_int_equal(trained(1e39, 0, 0, 1, weights), LC_ERR_DIVERGED);
    assert_non_null(strstr(lc_error_message(), "smaller --lr"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_losses),    cmocka_unit_test(test_large_logits), cmocka_unit_test(test_optimizers),
        cmocka_unit_test(test_schedules), cmocka_unit_test(test_clipping),     cmocka_unit_test(test_average),
        cmocka_unit_test(test_divergence),
    };
    return cmocka_run_group_tests(tests, make_pictures, temp_folder_remove);
}
