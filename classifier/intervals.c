/*
 * What chance does to numbers of an evaluation.
 *
 * - Bootstrap: rows are drawn anew with replacement, as many as there are, DRAWS times; the interval runs from the 2.5th to the
 *   97.5th percentile. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 1979.
 * - McNemar's test, exact: of the rows that only one of two classifiers has right, each would be either's with probability 1/2.
 *   McNemar, "Note on the sampling error of the difference between correlated proportions", Psychometrika 1947.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/metrics.h"
#include "common/memory.h"
#include "common/rng.h"

enum { DRAWS = 1000, SEED = 0 };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void percentiles(double values[static DRAWS], double *low, double *high)
{
    qsort(values, DRAWS, sizeof *values, compare);
    *low = values[DRAWS / 40];
    *high = values[DRAWS - 1 - DRAWS / 40];
}

lc_status lc_bootstrap(lc_metrics_summary *s, size_t rows, size_t classes, const int32_t *truth, const int32_t *predicted)
{
    size_t *counts;
    double *balanced = NULL;
    LC_TRY(lc_alloc_raw(&counts, 3 * classes, sizeof *counts));
    lc_status status = lc_alloc_raw(&balanced, 2 * DRAWS, sizeof *balanced);
    if (status != LC_OK) {
        free(counts);
        return status;
    }
    double *f1 = balanced + DRAWS;
    size_t *support = counts, *called = counts + classes, *right = counts + 2 * classes;
    for (size_t draw = 0; draw < DRAWS; draw++) {
        lc_rng r = lc_rng_new(SEED, draw);
        size_t present = 0, occurring = 0;
        memset(counts, 0, 3 * classes * sizeof *counts);
        for (size_t i = 0; i < rows; i++) {
            size_t row = (size_t)lc_rng_below(&r, rows);
            support[truth[row]]++;
            called[predicted[row]]++;
            right[truth[row]] += truth[row] == predicted[row];
        }
        balanced[draw] = f1[draw] = 0;
        for (size_t k = 0; k < classes; k++) {
            present += support[k] > 0;
            occurring += support[k] + called[k] > 0;
            balanced[draw] += support[k] ? (double)right[k] / (double)support[k] : 0;
            f1[draw] += right[k] ? 2 * (double)right[k] / (double)(support[k] + called[k]) : 0;
        }
        balanced[draw] /= (double)present;
        f1[draw] /= (double)occurring;
    }
    percentiles(balanced, &s->balanced_low, &s->balanced_high);
    percentiles(f1, &s->macro_f1_low, &s->macro_f1_high);
    free(counts);
    free(balanced);
    return LC_OK;
}

double lc_mcnemar(size_t only_a, size_t only_b)
{
    size_t n = only_a + only_b, fewer = only_a < only_b ? only_a : only_b;
    double sum = 0;
    for (size_t i = 0; i <= fewer; i++) {
        sum += exp(lgamma((double)n + 1) - lgamma((double)i + 1) - lgamma((double)(n - i) + 1) - (double)n * log(2));
    }
    return fmin(1, 2 * sum);
}

double lc_break_even(size_t count, const double *x, const double *a, const double *b)
{
    size_t first = count;
    while (first > 0 && b[first - 1] > a[first - 1]) {
        first--;
    }
    if (first == count) {
        return NAN;
    }
    if (first == 0) {
        return x[0];
    }
    double behind = a[first - 1] - b[first - 1], ahead = b[first] - a[first];
    return x[first - 1] * pow(x[first] / x[first - 1], behind / (behind + ahead));
}
