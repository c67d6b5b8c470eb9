/*
 * The squared hinge's exact minimum (classifier/hinge.h): from both sides of the matrix, with costs that differ and rows held out, the
 * gradient there is nothing beside that at 0, and neither threads nor the start change it.
 */
#include "classifier/hinge.h"
#include "tests/classifier_rows.h"

typedef struct {
    size_t rows, dim;
    double scale, c;
} hinge_case;

static const hinge_case cases[] = {
    {300, 20, 1, 1},    {300, 20, 100, 32768}, /* by columns */
    {60, 200, 1, 1},    {60, 200, 100, 32768}, /* by rows */
    {40, 40, 1, 0.001}, {1, 3, 1, 10},         {300, 600, 1, 1}, /* more than a tile of the moments */
};

/* Largest component of the gradient at w. */
static double largest_gradient(const lc_hinge *h, const double *w)
{
    double largest = 0, *g;
    OK(lc_alloc_array(&g, h->dim + 1, sizeof *g));
    for (size_t i = 0; i < h->rows; i++) {
        double z = w[h->dim];
        for (size_t d = 0; d < h->dim; d++) {
            z += w[d] * (double)h->x[i * h->dim + d];
        }
        double inside = fmax(0, 1 - h->y[i] * z), pull = -2 * h->c * (double)h->cost[i] * h->y[i] * inside;
        for (size_t d = 0; d <= h->dim; d++) {
            g[d] += pull * (d < h->dim ? (double)h->x[i * h->dim + d] : 1);
        }
    }
    for (size_t d = 0; d <= h->dim; d++) {
        largest = fmax(largest, fabs(g[d] + w[d]));
    }
    free(g);
    return largest;
}

static void check(const hinge_case *k, lc_threads *pool)
{
    size_t n = k->dim + 1;
    float *x, *cost;
    double *y, *w, *again, *elsewhere;
    OK(lc_alloc_array(&x, k->rows * k->dim, sizeof *x));
    OK(lc_alloc_array(&cost, k->rows, sizeof *cost));
    OK(lc_alloc_array(&y, k->rows, sizeof *y));
    OK(lc_alloc_array(&w, n, sizeof *w));
    OK(lc_alloc_array(&again, n, sizeof *again));
    OK(lc_alloc_array(&elsewhere, n, sizeof *elsewhere));
    for (size_t i = 0; i < k->rows; i++) {
        lc_rng r = lc_rng_new(11, i);
        y[i] = i % 3 ? -1 : 1;
        cost[i] = i % 7 == 6 ? 0 : y[i] > 0 ? 2.5f : 1;
        for (size_t d = 0; d < k->dim; d++) {
            x[i * k->dim + d] = (float)(k->scale * fmax(0, lc_rng_normal(&r) + (d % 2 ? 0.3 * y[i] : 0)));
        }
    }
    lc_hinge h = {x, k->rows, k->dim, y, cost, k->c};
    double first = largest_gradient(&h, w);
    assert_true(lc_hinge_fits(h.rows, h.dim));
    OK(lc_hinge_minimise(&h, h.c, w, NULL));
    double last = largest_gradient(&h, w);
    if (!(last <= 1e-9 * first)) {
        fail_msg("%zu x %zu, C %g: gradient %g of %g at 0", k->rows, k->dim, k->c, last, first);
    }
    OK(lc_hinge_minimise(&h, h.c, again, pool));
    assert_memory_equal(w, again, n * sizeof *w);
    for (size_t d = 0; d < n; d++) {
        elsewhere[d] = d % 2 ? 1 : -1;
    }
    OK(lc_hinge_minimise(&h, h.c / 1000, elsewhere, pool));
    for (size_t d = 0; d < n; d++) {
        assert_true(fabs(elsewhere[d] - w[d]) <= 1e-5 * (fabs(w[d]) + 1 / k->scale));
    }
    free(x);
    free(cost);
    free(y);
    free(w);
    free(again);
    free(elsewhere);
}

static void test_minimum(void **state)
{
    lc_threads *pool;
    (void)state;
    OK(lc_threads_new(&pool, 3));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check(&cases[i], pool);
    }
    lc_threads_free(pool);
}

static void test_what_fits(void **state)
{
    (void)state;
    assert_true(lc_hinge_fits(50000, 2048));
    assert_true(lc_hinge_fits(1000, 20000));
    assert_false(lc_hinge_fits(50000, 4096));
    assert_false(lc_hinge_fits(4000, 100352));
    assert_false(lc_hinge_fits((size_t)-1, (size_t)-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minimum),
        cmocka_unit_test(test_what_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
