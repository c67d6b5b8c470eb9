/*
 * Both screens stand on the singular value decomposition F = U S V' of the rows. With z_k = U'y_k, y_k the indicator of
 * class k:
 *
 * LogME. Of the model y = F w + e, w ~ N(0, I/alpha), e ~ N(0, I/beta), the posterior mean of w is, in V's coordinates,
 * m_i = beta s_i z_i / (alpha + beta s_i^2). So
 *   |m|^2 = sum beta^2 s_i^2 z_i^2 / (alpha + beta s_i^2)^2
 *   |F m - y|^2 = |y|^2 - |z|^2 + sum z_i^2 (alpha / (alpha + beta s_i^2))^2
 * and alpha = gamma / |m|^2, beta = (n - gamma) / |F m - y|^2 with gamma = sum beta s_i^2 / (alpha + beta s_i^2) are
 * repeated until they stand (section 4.1 and algorithm 2 there, MacKay's fixed point). The log evidence is
 *   n/2 log beta + d/2 log alpha - n/2 log 2 pi - beta/2 |F m - y|^2 - alpha/2 |m|^2 - 1/2 log det(alpha I + beta F'F).
 *
 * H-score. With centred rows cov(f) = V S^2 V' / n, and the mean of class k is V S z_k / n_k, so S cancels:
 *   tr(cov(f)^+ cov(E[f|y])) = sum_k |z_k|^2 / n_k.
 *
 * S^2 and U come of the smaller of F'F and FF'; from F'F = V S^2 V', z_k = S^-1 V'F'y_k.
 */
#include "classifier/screen.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/covariance.h"
#include "common/blas.h"
#include "common/memory.h"

enum { MAX_SIDE = 16384, MAX_ROUNDS = 1000 };

typedef struct {
    size_t rows, dim, classes, directions;
    double *squares; /* (directions) s^2; 0 below what float64 tells from 0 */
    double *z;       /* (classes, directions); 0 where s^2 is */
    size_t *counts;  /* (classes) */
} spectrum;

static void spectrum_free(spectrum *s)
{
    free(s->squares);
    free(s->z);
    free(s->counts);
}

/* sums (classes, dim): of the rows of each class, less the mean. */
static void class_sums(const float *x, const int32_t *labels, const spectrum *s, const double *mean, double *sums)
{
    for (size_t i = 0; i < s->rows; i++) {
        double *sum = sums + (size_t)labels[i] * s->dim;
        for (size_t d = 0; d < s->dim; d++) {
            sum[d] += (double)x[i * s->dim + d] - mean[d];
        }
    }
}

/* z from the eigenvectors (directions, side) of FF' or F'F. */
static lc_status project(spectrum *s, const float *x, const int32_t *labels, const double *mean, const double *vectors,
                         bool by_rows)
{
    double *sums = NULL;
    LC_TRY(lc_alloc_array(&s->z, s->classes * s->directions, sizeof *s->z));
    if (by_rows) {
        for (size_t i = 0; i < s->directions; i++) {
            for (size_t r = 0; s->squares[i] > 0 && r < s->rows; r++) {
                s->z[(size_t)labels[r] * s->directions + i] += vectors[i * s->rows + r];
            }
        }
        return LC_OK;
    }
    LC_TRY(lc_alloc_array(&sums, s->classes * s->dim, sizeof *sums));
    class_sums(x, labels, s, mean, sums);
    lc_blas_gemm_f64(true, s->classes, s->directions, s->dim, sums, s->dim, vectors, s->dim, s->z, s->directions);
    for (size_t k = 0; k < s->classes; k++) {
        for (size_t i = 0; i < s->directions; i++) {
            double *z = &s->z[k * s->directions + i];
            *z = s->squares[i] > 0 ? *z / sqrt(s->squares[i]) : 0;
        }
    }
    free(sums);
    return LC_OK;
}

static lc_status decompose(spectrum *s, const float *x, size_t rows, size_t dim, const int32_t *labels, size_t classes,
                           bool centred, lc_threads *threads)
{
    bool by_rows = rows < dim;
    size_t side = by_rows ? rows : dim, *all = NULL;
    double *mean = NULL, *a = NULL;
    *s = (spectrum){.rows = rows, .dim = dim, .classes = classes, .directions = side};
    if (side > MAX_SIDE) {
        return lc_fail(LC_ERR_NOMEM, "%zu rows of %zu features want the eigenvectors of %zu; at most %d", rows, dim, side,
                       MAX_SIDE);
    }
    lc_status status = lc_alloc_raw(&all, rows, sizeof *all);
    if (status != LC_OK || (status = lc_alloc_array(&mean, dim, sizeof *mean)) != LC_OK ||
        (status = lc_alloc_raw(&a, side * side, sizeof *a)) != LC_OK ||
        (status = lc_alloc_array(&s->counts, classes, sizeof *s->counts)) != LC_OK ||
        (status = lc_alloc_array(&s->squares, side, sizeof *s->squares)) != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < rows; i++) {
        all[i] = i;
        s->counts[labels[i]]++;
    }
    if (centred) {
        lc_mean(x, dim, all, rows, mean);
    }
    status = by_rows ? lc_inner(x, dim, all, rows, mean, a, threads)
                     : lc_scatter(x, dim, all, rows, mean, NULL, a, threads);
    if (status != LC_OK || (status = lc_blas_eigen(side, a, s->squares)) != LC_OK) {
        goto done;
    }
    double least = s->squares[side - 1] * DBL_EPSILON * (double)(rows > dim ? rows : dim);
    for (size_t i = 0; i < side; i++) {
        s->squares[i] = s->squares[i] > least ? s->squares[i] : 0;
    }
    status = project(s, x, labels, mean, a, by_rows);
done:
    free(all);
    free(mean);
    free(a);
    if (status != LC_OK) {
        spectrum_free(s);
    }
    return status;
}

/* The log evidence of one class's indicator, per row. */
static double evidence(const spectrum *s, const double *z, double squared_length)
{
    double n = (double)s->rows, alpha = 1, beta = 1, rest = squared_length, length, miss, determinant;
    for (size_t i = 0; i < s->directions; i++) {
        rest -= z[i] * z[i];
    }
    for (size_t round = 0;; round++) {
        double gamma = 0;
        length = 0;
        miss = fmax(rest, 0);
        determinant = (double)(s->dim - s->directions) * log(alpha);
        for (size_t i = 0; i < s->directions; i++) {
            double spread = alpha + beta * s->squares[i], left = alpha / spread;
            gamma += beta * s->squares[i] / spread;
            length += beta * beta * s->squares[i] * z[i] * z[i] / (spread * spread);
            miss += z[i] * z[i] * left * left;
            determinant += log(spread);
        }
        /* A fit that leaves nothing, or needs nothing, has no finite precision: it ends where float64 does. */
        double next_alpha = gamma / fmax(length, DBL_EPSILON), next_beta = (n - gamma) / fmax(miss, DBL_EPSILON);
        if (round == MAX_ROUNDS || next_beta <= 0 || next_alpha <= 0 ||
            (fabs(next_alpha - alpha) <= 1e-10 * alpha && fabs(next_beta - beta) <= 1e-10 * beta)) {
            break;
        }
        alpha = next_alpha;
        beta = next_beta;
    }
    return (n * log(beta) + (double)s->dim * log(alpha) - n * log(2 * acos(-1)) - beta * miss - alpha * length -
            determinant) / (2 * n);
}

lc_status lc_screen_logme(const float *x, size_t rows, size_t dim, const int32_t *labels, size_t classes, double *out,
                          lc_threads *threads)
{
    spectrum s;
    double sum = 0;
    size_t present = 0;
    LC_TRY(lc_blas_open());
    LC_TRY(decompose(&s, x, rows, dim, labels, classes, false, threads));
    for (size_t k = 0; k < classes; k++) {
        if (s.counts[k] > 0) {
            sum += evidence(&s, s.z + k * s.directions, (double)s.counts[k]);
            present++;
        }
    }
    *out = sum / (double)present;
    spectrum_free(&s);
    return LC_OK;
}

lc_status lc_screen_hscore(const float *x, size_t rows, size_t dim, const int32_t *labels, size_t classes, double *out,
                           lc_threads *threads)
{
    spectrum s;
    *out = 0;
    LC_TRY(lc_blas_open());
    LC_TRY(decompose(&s, x, rows, dim, labels, classes, true, threads));
    for (size_t k = 0; k < classes; k++) {
        for (size_t i = 0; s.counts[k] > 0 && i < s.directions; i++) {
            double z = s.z[k * s.directions + i];
            *out += z * z / (double)s.counts[k];
        }
    }
    spectrum_free(&s);
    return LC_OK;
}

/*
 * HSIC of linear kernels is <K, L> up to a factor that cancels. gram.h centres features by a mean in float64 that
 * float32 rows miss by their rounding, so rows and columns need no second centring at the accuracy that is shown.
 */
double lc_cka(const float *a, const float *b, size_t rows)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < rows * rows; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* rank (count): 0 for the largest of `first`; of equals, the larger of `second`. */
static void rank_by(const double *first, const double *second, size_t count, size_t *rank)
{
    for (size_t i = 0; i < count; i++) {
        rank[i] = 0;
        for (size_t j = 0; j < count; j++) {
            bool before = first[j] != first[i] ? first[j] > first[i] : second[j] != second[i] ? second[j] > second[i] : j < i;
            rank[i] += before;
        }
    }
}

static int sign(double d)
{
    return (d > 0) - (d < 0);
}

static double tau_ranked(const double *a, const double *b, size_t count, const size_t *rank)
{
    double sum = 0, of_a = 0, of_b = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            double weight = 1 / (double)(rank[i] + 1) + 1 / (double)(rank[j] + 1);
            int x = sign(a[i] - a[j]), y = sign(b[i] - b[j]);
            sum += weight * x * y;
            of_a += weight * x * x;
            of_b += weight * y * y;
        }
    }
    return of_a > 0 && of_b > 0 ? sum / sqrt(of_a * of_b) : NAN;
}

lc_status lc_weighted_tau(const double *a, const double *b, size_t count, double *out)
{
    size_t *rank;
    LC_TRY(lc_alloc_array(&rank, count, sizeof *rank));
    rank_by(a, b, count, rank);
    *out = tau_ranked(a, b, count, rank) / 2;
    rank_by(b, a, count, rank);
    *out += tau_ranked(a, b, count, rank) / 2;
    free(rank);
    return LC_OK;
}
