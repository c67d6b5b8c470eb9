/*
 * PCA: with C = sum (x - m)(x - m)' = V S V', directions are the rows of V' of largest S; with fewer rows than features from
 * the rows' own inner products, X X' = U S U', V = X' U S^(-1/2). Whitened directions are divided by sqrt(S / (rows - 1)), as
 * scikit-learn's PCA does.
 *
 * Nystroem: k(x, L) K_LL^(-1/2) has inner products k(x, L) K_LL^-1 k(L, y), which equal k(x, y) on the landmarks' span;
 * eigenvalues of K_LL below 1e-12 count as 1e-12, as in scikit-learn's Nystroem.
 *
 * Products run on blocks of 16 rows that are the columns of a GEMM, filled with zeros, so that a row's result is the same
 * bytes wherever it stands (see svm_machine.c).
 */
#include "classifier/transform.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/covariance.h"
#include "common/blas.h"
#include "common/interrupt.h"
#include "common/memory.h"
#include "common/rng.h"

enum { BLOCK = 16, MAX_EIGEN = 16384 };

/* Row-wise ------------------------------------------------------------------------------------------------------ */

static void apply_none(const lc_step *s, const float *x, float *out)
{
    memcpy(out, x, s->in * sizeof *x);
}

static void apply_l2(const lc_step *s, const float *x, float *out)
{
    double square = 0;
    for (size_t d = 0; d < s->in; d++) {
        square += (double)x[d] * (double)x[d];
    }
    double factor = square > 0 ? 1 / sqrt(square) : 1;
    for (size_t d = 0; d < s->in; d++) {
        out[d] = (float)((double)x[d] * factor);
    }
}

static void apply_power(const lc_step *s, const float *x, float *out)
{
    for (size_t d = 0; d < s->in; d++) {
        out[d] = copysignf(sqrtf(fabsf(x[d])), x[d]);
    }
}

static void apply_scale(const lc_step *s, const float *x, float *out)
{
    for (size_t d = 0; d < s->in; d++) {
        out[d] = (float)(((double)x[d] - s->shift[d]) / s->scale[d]);
    }
}

/* Two passes, since a sum of squares loses everything when the mean is large. */
static lc_status fit_zscore(lc_step *s, const float *x, const size_t *rows, size_t count, uint64_t seed, lc_threads *threads)
{
    double n = (double)count;
    (void)seed;
    (void)threads;
    lc_mean(x, s->in, rows, count, s->shift);
    memset(s->scale, 0, s->in * sizeof *s->scale);
    for (size_t i = 0; i < count; i++) {
        const float *row = x + rows[i] * s->in;
        for (size_t d = 0; d < s->in; d++) {
            double off = (double)row[d] - s->shift[d];
            s->scale[d] += off * off;
        }
    }
    for (size_t d = 0; d < s->in; d++) {
        /* What rounding alone makes of a constant feature: scikit-learn's bound (_is_constant_feature). */
        double variance = s->scale[d] / n, noise = n * fabs(s->shift[d]) * DBL_EPSILON;
        bool constant = variance <= n * DBL_EPSILON * variance + noise * noise;
        s->scale[d] = constant ? 1 : sqrt(variance);
    }
    return LC_OK;
}

static lc_status fit_minmax(lc_step *s, const float *x, const size_t *rows, size_t count, uint64_t seed, lc_threads *threads)
{
    (void)seed;
    (void)threads;
    for (size_t d = 0; d < s->in; d++) {
        double low = INFINITY, high = -INFINITY;
        for (size_t i = 0; i < count; i++) {
            low = fmin(low, (double)x[rows[i] * s->in + d]);
            high = fmax(high, (double)x[rows[i] * s->in + d]);
        }
        s->shift[d] = low;
        s->scale[d] = high > low ? high - low : 1;
    }
    return LC_OK;
}

/* By matrix ----------------------------------------------------------------------------------------------------- */

/* matrix (out, in) of largest eigenvalues first; values (n) ascending, vectors (n, in) in that order. */
static void keep_directions(lc_step *s, const double *values, const double *vectors, size_t n, size_t count, bool whiten)
{
    for (size_t k = 0; k < s->out; k++) {
        double variance = fmax(values[n - 1 - k], 0) / (double)(count - 1);
        double factor = whiten && variance > 0 ? 1 / sqrt(variance) : 1;
        for (size_t d = 0; d < s->in; d++) {
            s->matrix[k * s->in + d] = (float)(vectors[(n - 1 - k) * s->in + d] * factor);
        }
    }
}

/* vectors (n, in) = rows of U' X, the last `out` of them, each of length 1; a direction without variance becomes 0. */
static void directions_of_rows(const lc_step *s, const float *x, const size_t *rows, size_t n, const double *u, double *vectors)
{
    for (size_t k = n - s->out; k < n; k++) {
        double *v = vectors + k * s->in, square = 0, largest = 0;
        memset(v, 0, s->in * sizeof *v);
        for (size_t i = 0; i < n; i++) {
            for (size_t d = 0; d < s->in; d++) {
                v[d] += u[k * n + i] * ((double)x[rows[i] * s->in + d] - s->shift[d]);
            }
        }
        for (size_t d = 0; d < s->in; d++) {
            square += v[d] * v[d];
            largest = fabs(v[d]) > fabs(largest) ? v[d] : largest;
        }
        double factor = square > 0 ? copysign(1 / sqrt(square), largest) : 0;
        for (size_t d = 0; d < s->in; d++) {
            v[d] *= factor;
        }
    }
}

static lc_status fit_directions(lc_step *s, const float *x, const size_t *rows, size_t count, bool whiten,
                                lc_threads *threads)
{
    bool by_rows = count < s->in;
    size_t n = by_rows ? count : s->in;
    double *a = NULL, *values = NULL, *vectors = NULL;
    if (s->out > (by_rows ? count - 1 : s->in)) {
        return lc_fail(LC_ERR_ARG, "pca:%zu wants at least %zu rows and %zu features; there are %zu and %zu", s->out,
                       s->out + 1, s->out, count, s->in);
    }
    if (n > MAX_EIGEN) {
        return lc_fail(LC_ERR_NOMEM, "pca of %zu features and %zu rows wants the eigenvectors of %zu; at most %d", s->in,
                       count, n, MAX_EIGEN);
    }
    lc_mean(x, s->in, rows, count, s->shift);
    lc_status status;
    if ((status = lc_alloc_raw(&a, n * n, sizeof *a)) != LC_OK ||
        (status = lc_alloc_raw(&values, n, sizeof *values)) != LC_OK ||
        (status = by_rows ? lc_inner(x, s->in, rows, count, s->shift, a, threads)
                          : lc_scatter(x, s->in, rows, count, s->shift, NULL, a, threads)) != LC_OK ||
        (status = lc_blas_eigen(n, a, values)) != LC_OK) {
        goto done;
    }
    if (by_rows) {
        status = lc_alloc_raw(&vectors, n * s->in, sizeof *vectors);
        if (status != LC_OK) {
            goto done;
        }
        directions_of_rows(s, x, rows, n, a, vectors);
    }
    keep_directions(s, values, by_rows ? vectors : a, n, count, whiten);
done:
    free(a);
    free(values);
    free(vectors);
    return status;
}

static lc_status fit_pca(lc_step *s, const float *x, const size_t *rows, size_t count, uint64_t seed, lc_threads *threads)
{
    (void)seed;
    return fit_directions(s, x, rows, count, false, threads);
}

static lc_status fit_whiten(lc_step *s, const float *x, const size_t *rows, size_t count, uint64_t seed, lc_threads *threads)
{
    (void)seed;
    return fit_directions(s, x, rows, count, true, threads);
}

/* out (BLOCK, out) = matrix (out, in) times the block's rows. */
static lc_status multiply(const float *matrix, const float *x, size_t in, size_t out_dim, float *out)
{
    float *columns;
    LC_TRY(lc_alloc_raw(&columns, out_dim * BLOCK, sizeof *columns));
    lc_blas_gemm(true, out_dim, BLOCK, in, matrix, in, x, in, columns, BLOCK);
    for (size_t k = 0; k < out_dim; k++) {
        for (size_t i = 0; i < BLOCK; i++) {
            out[i * out_dim + k] = columns[k * BLOCK + i];
        }
    }
    free(columns);
    return LC_OK;
}

static lc_status apply_pca(const lc_step *s, const float *x, float *out)
{
    float *centred;
    LC_TRY(lc_alloc_raw(&centred, BLOCK * s->in, sizeof *centred));
    for (size_t i = 0; i < BLOCK * s->in; i++) {
        centred[i] = (float)((double)x[i] - s->shift[i % s->in]);
    }
    lc_status status = multiply(s->matrix, centred, s->in, s->out, out);
    free(centred);
    return status;
}

/* Squared distances from differences: exact where a row is a landmark. */
static double similarity(const lc_step *s, const float *a, const float *b)
{
    double square = 0;
    for (size_t d = 0; d < s->in; d++) {
        double off = (double)a[d] - (double)b[d];
        square += off * off;
    }
    return exp(-s->gamma * square);
}

static lc_status apply_nystroem(const lc_step *s, const float *x, float *out)
{
    float *kernel;
    LC_TRY(lc_alloc_raw(&kernel, BLOCK * s->out, sizeof *kernel));
    for (size_t i = 0; i < BLOCK; i++) {
        for (size_t m = 0; m < s->out; m++) {
            kernel[i * s->out + m] = (float)similarity(s, x + i * s->in, s->landmarks + m * s->in);
        }
    }
    lc_status status = multiply(s->matrix, kernel, s->out, s->out, out);
    free(kernel);
    return status;
}

/* 1 / (dim * variance of all values of the rows), 1 when they are all equal. */
static double natural_gamma(const lc_step *s, const float *x, const size_t *rows, size_t count)
{
    double mean = 0, square = 0, n = (double)count * (double)s->in;
    for (size_t i = 0; i < count; i++) {
        for (size_t d = 0; d < s->in; d++) {
            mean += (double)x[rows[i] * s->in + d];
        }
    }
    mean /= n;
    for (size_t i = 0; i < count; i++) {
        for (size_t d = 0; d < s->in; d++) {
            double off = (double)x[rows[i] * s->in + d] - mean;
            square += off * off;
        }
    }
    return square > 0 ? n / ((double)s->in * square) : 1;
}

static lc_status fit_nystroem(lc_step *s, const float *x, const size_t *rows, size_t count, uint64_t seed,
                              lc_threads *threads)
{
    size_t *order = NULL, m = s->out;
    double *a = NULL, *values = NULL, *scaled = NULL, *root = NULL;
    (void)threads;
    if (m > count || m > MAX_EIGEN) {
        return lc_fail(LC_ERR_ARG, "nystroem:%zu wants as many rows to draw from (at most %d); there are %zu", m, MAX_EIGEN,
                       count);
    }
    lc_status status;
    if ((status = lc_alloc_raw(&order, count, sizeof *order)) != LC_OK ||
        (status = lc_alloc_raw(&a, m * m, sizeof *a)) != LC_OK ||
        (status = lc_alloc_raw(&scaled, m * m, sizeof *scaled)) != LC_OK ||
        (status = lc_alloc_array(&root, m * m, sizeof *root)) != LC_OK ||
        (status = lc_alloc_raw(&values, m, sizeof *values)) != LC_OK) {
        goto done;
    }
    memcpy(order, rows, count * sizeof *order);
    lc_rng rng = lc_rng_new(seed, 0);
    lc_rng_shuffle(&rng, order, count);
    for (size_t i = 0; i < m; i++) {
        memcpy(s->landmarks + i * s->in, x + order[i] * s->in, s->in * sizeof *x);
    }
    s->gamma = s->gamma > 0 ? s->gamma : natural_gamma(s, x, rows, count);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j <= i; j++) {
            a[i * m + j] = a[j * m + i] = similarity(s, s->landmarks + i * s->in, s->landmarks + j * s->in);
        }
    }
    status = lc_blas_eigen(m, a, values);
    if (status != LC_OK) {
        goto done;
    }
    for (size_t k = 0; k < m; k++) {
        for (size_t i = 0; i < m; i++) {
            scaled[k * m + i] = a[k * m + i] / sqrt(fmax(values[k], 1e-12));
        }
    }
    lc_blas_gemm_tn_f64(m, m, m, a, m, scaled, m, root, m);
    for (size_t i = 0; i < m * m; i++) {
        s->matrix[i] = (float)root[i];
    }
done:
    free(order);
    free(a);
    free(values);
    free(scaled);
    free(root);
    return status;
}

/* The table ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool sized;                                                   /* name:NUMBER */
    void (*row)(const lc_step *s, const float *x, float *out);    /* one row, or */
    lc_status (*block)(const lc_step *s, const float *x, float *out); /* BLOCK rows */
    lc_status (*fit)(lc_step *s, const float *x, const size_t *rows, size_t count, uint64_t seed,
                     lc_threads *threads); /* NULL: row-wise */
    bool shift, scale, matrix, landmarks;  /* what it learns */
} kinds[] = {
    {.name = "none", .row = apply_none},
    {.name = "l2", .row = apply_l2},
    {.name = "power", .row = apply_power},
    {.name = "zscore", .row = apply_scale, .fit = fit_zscore, .shift = true, .scale = true},
    {.name = "minmax", .row = apply_scale, .fit = fit_minmax, .shift = true, .scale = true},
    {.name = "pca", .sized = true, .block = apply_pca, .fit = fit_pca, .shift = true, .matrix = true},
    {.name = "whiten", .sized = true, .block = apply_pca, .fit = fit_whiten, .shift = true, .matrix = true},
    {.name = "nystroem", .sized = true, .block = apply_nystroem, .fit = fit_nystroem, .matrix = true, .landmarks = true},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* One step's text: name, name:NUMBER or nystroem:NUMBER:GAMMA. */
static lc_status parse_step(lc_step *s, const char *text, size_t in)
{
    size_t length = strcspn(text, ":");
    *s = (lc_step){.in = in, .out = in};
    while (s->kind < KINDS && (strlen(kinds[s->kind].name) != length || strncmp(kinds[s->kind].name, text, length) != 0)) {
        s->kind++;
    }
    if (s->kind == KINDS) {
        return lc_fail(LC_ERR_ARG, "no norm '%s'; there are: none, l2, power, zscore, minmax, pca:D, whiten:D, nystroem:M[:G]",
                       text);
    }
    const char *rest = text + length;
    char *end = (char *)rest;
    if (kinds[s->kind].sized) {
        double out = *rest ? strtod(rest + 1, &end) : 0;
        bool whole = out >= 1 && out <= 1 << 20 && out == floor(out);
        if (whole && *end == ':' && kinds[s->kind].landmarks) {
            rest = end + 1;
            s->gamma = strtod(rest, &end);
            whole = end > rest && isfinite(s->gamma) && s->gamma > 0;
        }
        if (!whole || *end) {
            return lc_fail(LC_ERR_ARG, "norm '%s': wants %s:NUMBER%s, like %s:128", text, kinds[s->kind].name,
                           kinds[s->kind].landmarks ? "[:GAMMA]" : "", kinds[s->kind].name);
        }
        s->out = (size_t)out;
        if (s->out > in && !kinds[s->kind].landmarks) {
            return lc_fail(LC_ERR_ARG, "norm '%s': a row has only %zu numbers there", text, in);
        }
    } else if (*rest) {
        return lc_fail(LC_ERR_ARG, "norm '%s': '%s' takes no number", text, kinds[s->kind].name);
    }
    return LC_OK;
}

lc_status lc_transform_init(lc_transform *t, const char *name, size_t dim, uint64_t seed)
{
    char *copy = NULL, *save = NULL;
    *t = (lc_transform){.in = dim, .out = dim, .seed = seed};
    LC_TRY(lc_strdup(&t->name, name ? name : "l2"));
    LC_TRY(lc_strdup(&copy, t->name));
    lc_status status = LC_OK;
    char *item = strtok_r(copy, ",", &save);
    if (!item) {
        status = parse_step(&t->steps[0], "", dim);
    }
    for (; item && status == LC_OK; item = strtok_r(NULL, ",", &save)) {
        if (t->count == LC_MAX_STEPS) {
            status = lc_fail(LC_ERR_ARG, "norm '%s': more than %d steps", t->name, LC_MAX_STEPS);
            break;
        }
        lc_step *s = &t->steps[t->count++];
        status = parse_step(s, item, t->out);
        t->out = s->out;
        t->fitted = t->fitted || (status == LC_OK && kinds[s->kind].fit);
    }
    free(copy);
    return status;
}

static lc_status make_ready(lc_step *s)
{
    size_t columns = kinds[s->kind].landmarks ? s->out : s->in, values;
    if (!lc_mul(s->out, columns, &values) || !lc_mul(s->out, s->in, &values)) {
        return lc_fail(LC_ERR_NOMEM, "norm '%s': %zu by %zu numbers are too many", kinds[s->kind].name, s->out, columns);
    }
    if (kinds[s->kind].shift && !s->shift) {
        LC_TRY(lc_alloc_array(&s->shift, s->in, sizeof *s->shift));
    }
    if (kinds[s->kind].scale && !s->scale) {
        LC_TRY(lc_alloc_array(&s->scale, s->in, sizeof *s->scale));
    }
    if (kinds[s->kind].matrix && !s->matrix) {
        LC_TRY(lc_alloc_array(&s->matrix, s->out * columns, sizeof *s->matrix));
    }
    if (kinds[s->kind].landmarks && !s->landmarks) {
        LC_TRY(lc_alloc_array(&s->landmarks, s->out * s->in, sizeof *s->landmarks));
    }
    return LC_OK;
}

/* Applying ------------------------------------------------------------------------------------------------------ */

typedef struct {
    const lc_transform *t;
    size_t first, end; /* steps */
    const float *x;
    const size_t *index; /* NULL: rows in order */
    size_t rows, in, out_dim;
    float *out;
} apply_job;

static lc_status apply_step(const lc_step *s, const float *x, size_t rows, float *out)
{
    if (kinds[s->kind].block) {
        return kinds[s->kind].block(s, x, out);
    }
    for (size_t i = 0; i < rows; i++) {
        kinds[s->kind].row(s, x + i * s->in, out + i * s->in);
    }
    return LC_OK;
}

static lc_status apply_block(void *context, size_t block)
{
    const apply_job *job = context;
    size_t first = block * BLOCK, count = job->rows - first < BLOCK ? job->rows - first : BLOCK, widest = job->in;
    float *one = NULL, *two = NULL;
    lc_status status = lc_interrupt_check();
    for (size_t s = job->first; s < job->end; s++) {
        widest = job->t->steps[s].out > widest ? job->t->steps[s].out : widest;
    }
    if (status != LC_OK || (status = lc_alloc_array(&one, BLOCK * widest, sizeof *one)) != LC_OK ||
        (status = lc_alloc_array(&two, BLOCK * widest, sizeof *two)) != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        size_t row = job->index ? job->index[first + i] : first + i;
        memcpy(one + i * job->in, job->x + row * job->in, job->in * sizeof *one);
    }
    for (size_t s = job->first; s < job->end && status == LC_OK; s++) {
        status = apply_step(&job->t->steps[s], one, count, two);
        float *swap = one;
        one = two;
        two = swap;
    }
    memcpy(job->out + first * job->out_dim, one, count * job->out_dim * sizeof *one);
done:
    free(one);
    free(two);
    return status;
}

static lc_status apply_steps(const lc_transform *t, size_t first, size_t end, const float *x, const size_t *index,
                             size_t rows, float *out, lc_threads *threads)
{
    apply_job job = {t,
                     first,
                     end,
                     x,
                     index,
                     rows,
                     first < t->count ? t->steps[first].in : t->out,
                     end ? t->steps[end - 1].out : t->in,
                     out};
    LC_TRY(lc_blas_open());
    return lc_parallel_for(threads, (rows + BLOCK - 1) / BLOCK, apply_block, &job);
}

lc_status lc_transform_apply(const lc_transform *t, const float *x, size_t rows, float *out, lc_threads *threads)
{
    return apply_steps(t, 0, t->count, x, NULL, rows, out, threads);
}

/* Each fitted step learns from the rows as the steps before leave them. */
lc_status lc_transform_fit(lc_transform *t, const float *x, const size_t *rows, size_t count, lc_threads *threads)
{
    float *now = NULL;
    size_t *all = NULL, from = 0;
    lc_status status = lc_alloc_raw(&all, count, sizeof *all);
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        all[i] = i;
    }
    for (size_t s = 0; status == LC_OK && t->fitted && s < t->count; s++) {
        lc_step *step = &t->steps[s];
        if (!kinds[step->kind].fit) {
            continue;
        }
        if (s > from) {
            float *next;
            status = lc_alloc_raw(&next, count * step->in, sizeof *next);
            if (status != LC_OK) {
                break;
            }
            status = apply_steps(t, from, s, now ? now : x, now ? NULL : rows, count, next, threads);
            free(now);
            now = next;
            from = s;
        }
        if (status == LC_OK && (status = make_ready(step)) == LC_OK) {
            status = kinds[step->kind].fit(step, now ? now : x, now ? all : rows, count, t->seed + s, threads);
        }
    }
    free(now);
    free(all);
    return status;
}

/* Memory -------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *word;
    lc_h5_type type;
    size_t rows, columns;
    void *data;
} learned;

/* What step s has learned: at most 5. */
static size_t list_learned(const lc_step *s, learned out[static 5])
{
    size_t n = 0, columns = kinds[s->kind].landmarks ? s->out : s->in;
    if (kinds[s->kind].shift) {
        out[n++] = (learned){"shift", LC_H5_F64, s->in, 0, s->shift};
    }
    if (kinds[s->kind].scale) {
        out[n++] = (learned){"scale", LC_H5_F64, s->in, 0, s->scale};
    }
    if (kinds[s->kind].matrix) {
        out[n++] = (learned){"matrix", LC_H5_F32, s->out, columns, s->matrix};
    }
    if (kinds[s->kind].landmarks) {
        out[n++] = (learned){"landmarks", LC_H5_F32, s->out, s->in, s->landmarks};
        out[n++] = (learned){"gamma", LC_H5_F64, 1, 0, (void *)&s->gamma};
    }
    return n;
}

/* Of a step while it is fitted, beside what it keeps. */
static double fitting_bytes(const lc_step *s, size_t rows)
{
    if (kinds[s->kind].landmarks) {
        return 3 * (double)s->out * (double)s->out * sizeof(double) + lc_blas_eigen_bytes(s->out);
    }
    if (!kinds[s->kind].matrix) {
        return 0;
    }
    size_t side = rows < s->in ? rows : s->in;
    double vectors = rows < s->in ? (double)rows * (double)s->in * sizeof(double) : 0;
    return (double)side * (double)side * sizeof(double) + fmax(lc_blas_eigen_bytes(side), vectors);
}

double lc_transform_bytes(const lc_transform *t, size_t rows, double *kept)
{
    double most = 0, now = 0;
    *kept = 0;
    for (size_t i = 0; t->fitted && i < t->count; i++) {
        const lc_step *s = &t->steps[i];
        if (kinds[s->kind].fit) {
            learned arrays[5];
            double in = i > 0 ? (double)rows * (double)s->in * sizeof(float) : 0;
            for (size_t a = list_learned(s, arrays); a-- > 0;) {
                size_t bytes = arrays[a].type == LC_H5_F64 ? sizeof(double) : sizeof(float);
                *kept += (double)arrays[a].rows * (double)(arrays[a].columns ? arrays[a].columns : 1) * (double)bytes;
            }
            most = fmax(most, *kept + in + fmax(now, fitting_bytes(s, rows))); /* now: rows as they entered the last one */
            now = in;
        }
    }
    return most;
}

void lc_transform_free(lc_transform *t)
{
    for (size_t s = 0; s < t->count; s++) {
        free(t->steps[s].shift);
        free(t->steps[s].scale);
        free(t->steps[s].matrix);
        free(t->steps[s].landmarks);
    }
    free(t->name);
    *t = (lc_transform){0};
}

/* Files --------------------------------------------------------------------------------------------------------- */

static void learned_path(char path[static 64], size_t step, const char *word)
{
    snprintf(path, 64, "/transform/%zu_%s", step, word);
}

lc_status lc_transform_save(const lc_transform *t, lc_h5 *file)
{
    learned arrays[5];
    char path[64];
    LC_TRY(lc_h5_group(file, "/transform"));
    for (size_t s = 0; s < t->count; s++) {
        size_t n = list_learned(&t->steps[s], arrays);
        for (size_t i = 0; i < n; i++) {
            learned_path(path, s, arrays[i].word);
            LC_TRY(lc_h5_put(file, path, arrays[i].type, arrays[i].rows, arrays[i].columns, arrays[i].data));
        }
    }
    return LC_OK;
}

static lc_status check_learned(const char *path, const learned *l)
{
    size_t n = l->rows * (l->columns ? l->columns : 1);
    bool positive = strcmp(l->word, "scale") == 0 || strcmp(l->word, "gamma") == 0;
    for (size_t i = 0; i < n; i++) {
        double value = l->type == LC_H5_F64 ? ((const double *)l->data)[i] : (double)((const float *)l->data)[i];
        if (!isfinite(value) || (positive && value <= 0)) {
            return lc_fail(LC_ERR_STALE, "%s: value %zu is %g", path, i, value);
        }
    }
    return LC_OK;
}

lc_status lc_transform_load(lc_transform *t, lc_h5 *file)
{
    learned arrays[5];
    char path[64];
    for (size_t s = 0; s < t->count; s++) {
        size_t n = list_learned(&t->steps[s], arrays);
        for (size_t i = 0; i < n; i++) { /* before anything is allocated */
            learned_path(path, s, arrays[i].word);
            LC_TRY(lc_h5_expect(file, path, arrays[i].type, arrays[i].rows, arrays[i].columns));
        }
        LC_TRY(make_ready(&t->steps[s]));
        n = list_learned(&t->steps[s], arrays);
        for (size_t i = 0; i < n; i++) {
            learned_path(path, s, arrays[i].word);
            LC_TRY(lc_h5_read(file, path, arrays[i].type, 0, arrays[i].rows, arrays[i].data));
            LC_TRY(check_learned(path, &arrays[i]));
        }
    }
    return LC_OK;
}
