#include "classifier/svm_machine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/loops.h"
#include "common/blas.h"
#include "common/memory.h"
#include "common/text.h"

enum { SV_TILE = 512, SV_DIGITS = 9 };

lc_kernel lc_svm_kernel(const lc_clf *clf, const char *kernel, const double *params)
{
    return (lc_kernel){.kind = lc_kernel_kind_of(kernel),
                       .gamma = lc_clf_param_value(clf, params, "g"),
                       .coef0 = lc_clf_param_value(clf, params, "r"),
                       .degree = (unsigned)lc_clf_param_value(clf, params, "d")};
}

void lc_svm_machine_free(void *model)
{
    lc_svm_machine *m = model;
    if (m) {
        void *const arrays[] = {m->labels, m->counts, m->rho, m->coef, m->sv, m->centre, m->centred, m->squares, m->w};
        for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
            free(arrays[i]);
        }
        free(m);
    }
}

lc_status lc_svm_machine_new(lc_svm_machine **out, size_t classes, size_t present, size_t count, size_t dim, bool one_vs_rest)
{
    lc_svm_machine *m;
    size_t coefs, values;
    *out = NULL;
    if (!lc_mul(present, count, &coefs) || !lc_mul(count, dim, &values)) {
        return lc_fail(LC_ERR_NOMEM, "%zu support vectors of %zu numbers are too many", count, dim);
    }
    LC_TRY(lc_alloc_array(&m, 1, sizeof *m));
    *m = (lc_svm_machine){.classes = classes,
                          .present = present,
                          .machines = one_vs_rest ? present : present * (present - 1) / 2,
                          .one_vs_rest = one_vs_rest,
                          .type = "c_svc",
                          .dim = dim,
                          .count = count};
    lc_status status;
    if ((status = lc_alloc_array(&m->labels, present, sizeof *m->labels)) != LC_OK ||
        (status = lc_alloc_array(&m->counts, present, sizeof *m->counts)) != LC_OK ||
        (status = lc_alloc_array(&m->rho, m->machines, sizeof *m->rho)) != LC_OK ||
        (status = lc_alloc_array(&m->coef, coefs, sizeof *m->coef)) != LC_OK ||
        (status = lc_alloc_array(&m->sv, values, sizeof *m->sv)) != LC_OK ||
        (status = lc_alloc_array(&m->centre, dim, sizeof *m->centre)) != LC_OK) {
        lc_svm_machine_free(m);
        return status;
    }
    *out = m;
    return LC_OK;
}

/* Rows of coef. */
static size_t coef_rows(const lc_svm_machine *m)
{
    return m->one_vs_rest ? m->present : m->present - 1;
}

/*
 * Calls the coefficients of the pair (a, b): class a's support vectors carry theirs against b in row b - 1, class b's
 * against a in row a (LIBSVM's layout of sv_coef).
 */
typedef struct {
    size_t first_a, count_a, first_b, count_b;
    const double *coef_a, *coef_b; /* (count): index by support vector */
} svm_pair;

static svm_pair pair_of(const lc_svm_machine *m, const size_t *start, size_t a, size_t b)
{
    return (svm_pair){start[a],
                      (size_t)m->counts[a],
                      start[b],
                      (size_t)m->counts[b],
                      m->coef + (b - 1) * m->count,
                      m->coef + a * m->count};
}

/* start (present): the first support vector of each class. *start is the caller's. */
static lc_status class_starts(const lc_svm_machine *m, size_t **start)
{
    LC_TRY(lc_alloc_array(start, m->present, sizeof **start));
    for (size_t k = 1; k < m->present; k++) {
        (*start)[k] = (*start)[k - 1] + (size_t)m->counts[k - 1];
    }
    return LC_OK;
}

static void add_rows(const lc_svm_machine *m, size_t first, size_t count, const double *coef, double *sum)
{
    for (size_t s = first; s < first + count; s++) {
        for (size_t d = 0; coef[s] != 0 && d < m->dim; d++) {
            sum[d] += coef[s] * ((double)m->sv[s * m->dim + d] - m->centre[d]);
        }
    }
}

static void put_w(lc_svm_machine *m, size_t machine, const double *sum)
{
    for (size_t d = 0; d < m->dim; d++) {
        m->w[machine * m->dim + d] = (float)sum[d];
    }
}

static lc_status derive_w(lc_svm_machine *m)
{
    size_t *start = NULL, pair = 0;
    double *sum = NULL;
    lc_status status;
    if ((status = class_starts(m, &start)) != LC_OK || (status = lc_alloc_raw(&sum, m->dim, sizeof *sum)) != LC_OK ||
        (status = lc_alloc_raw(&m->w, m->machines * m->dim, sizeof *m->w)) != LC_OK) {
        goto done;
    }
    for (size_t a = 0; a < m->present; a++) {
        if (m->one_vs_rest) {
            memset(sum, 0, m->dim * sizeof *sum);
            add_rows(m, 0, m->count, m->coef + a * m->count, sum);
            put_w(m, a, sum);
        }
        for (size_t b = a + 1; !m->one_vs_rest && b < m->present; b++) {
            svm_pair p = pair_of(m, start, a, b);
            memset(sum, 0, m->dim * sizeof *sum);
            add_rows(m, p.first_a, p.count_a, p.coef_a, sum);
            add_rows(m, p.first_b, p.count_b, p.coef_b, sum);
            put_w(m, pair++, sum);
        }
    }
done:
    free(start);
    free(sum);
    return status;
}

/* x - centre, and its squared length. */
static double centre_row(const lc_svm_machine *m, const float *x, float *out)
{
    double square = 0;
    for (size_t d = 0; d < m->dim; d++) {
        out[d] = (float)((double)x[d] - m->centre[d]);
        square += (double)out[d] * (double)out[d];
    }
    return square;
}

lc_status lc_svm_machine_ready(lc_svm_machine *m)
{
    LC_TRY(lc_blas_open());
    if (m->kernel.kind == LC_KERNEL_LINEAR && m->machines <= m->count) {
        return derive_w(m);
    }
    LC_TRY(lc_alloc_raw(&m->centred, m->count * m->dim, sizeof *m->centred));
    LC_TRY(lc_alloc_raw(&m->squares, m->count, sizeof *m->squares));
    for (size_t s = 0; s < m->count; s++) {
        m->squares[s] = centre_row(m, m->sv + s * m->dim, m->centred + s * m->dim);
    }
    return LC_OK;
}

/* Deciding ------------------------------------------------------------------------------------------------------ */

/*
 * Both ways multiply (vectors, dim) by the block's transpose, giving (vectors, LC_CLF_BLOCK): rows of the block are then
 * the lanes of OpenBLAS's vectors, all treated alike, and a row's result is the same bytes wherever it stands in the block.
 * (Not so along the other dimension, nor for 32 rows on its Haswell and Zen kernels, where different tile shapes sum in
 * different orders.)
 */

/* decisions (LC_CLF_BLOCK, pairs) of centred rows. */
static lc_status decide_by_w(const lc_svm_machine *m, const float *x, double *decisions)
{
    float *products;
    LC_TRY(lc_alloc_raw(&products, m->machines * LC_CLF_BLOCK, sizeof *products));
    lc_blas_gemm(true, m->machines, LC_CLF_BLOCK, m->dim, m->w, m->dim, x, m->dim, products, LC_CLF_BLOCK);
    for (size_t p = 0; p < m->machines; p++) {
        for (size_t i = 0; i < LC_CLF_BLOCK; i++) {
            decisions[i * m->machines + p] = (double)products[p * LC_CLF_BLOCK + i] - m->rho[p];
        }
    }
    free(products);
    return LC_OK;
}

/* kernel (LC_CLF_BLOCK, count): of every support vector with the block's rows. x is centred. */
static lc_status kernel_rows(const lc_svm_machine *m, const float *x, const double *squares, double *kernel)
{
    float *tile;
    bool direct = lc_kernel_wants_positive(m->kernel.kind);
    bool exponential = m->kernel.kind == LC_KERNEL_RBF || m->kernel.kind == LC_KERNEL_CHI2;
    const lc_loops *loops = lc_loops_get();
    LC_TRY(lc_alloc_raw(&tile, SV_TILE * LC_CLF_BLOCK, sizeof *tile));
    for (size_t first = 0; first < m->count; first += SV_TILE) {
        size_t width = m->count - first < SV_TILE ? m->count - first : SV_TILE;
        if (!direct) {
            lc_blas_gemm(true, width, LC_CLF_BLOCK, m->dim, m->centred + first * m->dim, m->dim, x, m->dim, tile,
                         LC_CLF_BLOCK);
        }
        for (size_t i = 0; i < LC_CLF_BLOCK; i++) {
            float base[SV_TILE], value[SV_TILE];
            double *out = kernel + i * m->count + first;
            for (size_t s = 0; s < width; s++) {
                const float *sv = m->centred + (first + s) * m->dim;
                base[s] = direct ? (float)lc_kernel_direct(m->kernel.kind, sv, x + i * m->dim, m->dim)
                                 : (float)lc_kernel_base(m->kernel.kind, squares[i], m->squares[first + s],
                                                         (double)tile[s * LC_CLF_BLOCK + i]);
            }
            if (exponential) {
                loops->gaussians(width, m->kernel.gamma, base, value);
            }
            for (size_t s = 0; s < width; s++) {
                out[s] = exponential ? (double)value[s] : lc_kernel_value(&m->kernel, (double)base[s]);
            }
        }
    }
    free(tile);
    return LC_OK;
}

static double sum_up(const double *coef, const double *kernel, size_t first, size_t count)
{
    double sum = 0;
    for (size_t s = first; s < first + count; s++) {
        sum += coef[s] * kernel[s];
    }
    return sum;
}

static lc_status decide_by_kernel(const lc_svm_machine *m, const float *x, const double *squares, double *decisions)
{
    double *kernel = NULL;
    size_t *start = NULL;
    lc_status status;
    if ((status = lc_alloc_raw(&kernel, LC_CLF_BLOCK * m->count, sizeof *kernel)) != LC_OK ||
        (status = class_starts(m, &start)) != LC_OK || (status = kernel_rows(m, x, squares, kernel)) != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < LC_CLF_BLOCK; i++) {
        const double *k = kernel + i * m->count;
        double *out = decisions + i * m->machines;
        size_t pair = 0;
        for (size_t a = 0; a < m->present; a++) {
            if (m->one_vs_rest) {
                out[a] = sum_up(m->coef + a * m->count, k, 0, m->count) - m->rho[a];
            }
            for (size_t b = a + 1; !m->one_vs_rest && b < m->present; b++, pair++) {
                svm_pair p = pair_of(m, start, a, b);
                out[pair] = sum_up(p.coef_a, k, p.first_a, p.count_a) + sum_up(p.coef_b, k, p.first_b, p.count_b) -
                            m->rho[pair];
            }
        }
    }
done:
    free(kernel);
    free(start);
    return status;
}

/* The first of the largest decisions wins; of equal ones as float32 it is lifted above the others. */
static int32_t take_largest(const lc_svm_machine *m, const double *decisions, float *scores)
{
    size_t winner = 0;
    float lowest = INFINITY, highest = -INFINITY;
    for (size_t a = 0; a < m->present; a++) {
        winner = decisions[a] > decisions[winner] ? a : winner;
        lowest = fminf(lowest, (float)decisions[a]);
    }
    for (size_t k = 0; k < m->classes; k++) {
        scores[k] = lowest - 1;
    }
    for (size_t a = 0; a < m->present; a++) {
        scores[m->labels[a]] = (float)decisions[a];
        highest = a != winner ? fmaxf(highest, (float)decisions[a]) : highest;
    }
    float *won = &scores[m->labels[winner]];
    *won = *won > highest ? *won : nextafterf(highest, INFINITY);
    return m->labels[winner];
}

/*
 * Votes as svm_predict_values counts them, the first of the most voted classes winning. The score of a class is its votes
 * plus its summed decisions squeezed into (-1/3, 1/3), as scikit-learn's _ovr_decision_function does; a winner by order
 * alone is lifted just above the others. A class that was never trained on gets -1, below every other.
 */
static int32_t count_votes(const lc_svm_machine *m, const double *decisions, double *confidence, float *scores)
{
    for (size_t k = 0; k < m->classes; k++) {
        scores[k] = -1;
    }
    for (size_t a = 0; a < m->present; a++) {
        scores[m->labels[a]] = 0;
        confidence[a] = 0;
    }
    size_t pair = 0, winner = 0;
    for (size_t a = 0; a < m->present; a++) {
        for (size_t b = a + 1; b < m->present; b++, pair++) {
            scores[m->labels[decisions[pair] > 0 ? a : b]] += 1;
            confidence[a] += decisions[pair];
            confidence[b] -= decisions[pair];
        }
    }
    for (size_t a = 1; a < m->present; a++) {
        winner = scores[m->labels[a]] > scores[m->labels[winner]] ? a : winner;
    }
    float highest = -1;
    for (size_t a = 0; a < m->present; a++) {
        float *score = &scores[m->labels[a]];
        *score = (float)((double)*score + confidence[a] / (3 * (fabs(confidence[a]) + 1)));
        highest = a != winner && *score > highest ? *score : highest;
    }
    float *won = &scores[m->labels[winner]];
    *won = *won > highest ? *won : nextafterf(highest, INFINITY);
    return m->labels[winner];
}

lc_status lc_svm_machine_scores(const void *model, const float *x, int32_t *labels, float *scores)
{
    const lc_svm_machine *m = model;
    float *centred = NULL;
    double *decisions = NULL, *confidence = NULL, squares[LC_CLF_BLOCK];
    lc_status status;
    if ((status = lc_alloc_raw(&centred, LC_CLF_BLOCK * m->dim, sizeof *centred)) != LC_OK ||
        (status = lc_alloc_raw(&decisions, LC_CLF_BLOCK * m->machines, sizeof *decisions)) != LC_OK ||
        (status = lc_alloc_raw(&confidence, m->present, sizeof *confidence)) != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < LC_CLF_BLOCK; i++) {
        squares[i] = centre_row(m, x + i * m->dim, centred + i * m->dim);
    }
    status = m->w ? decide_by_w(m, centred, decisions) : decide_by_kernel(m, centred, squares, decisions);
    for (size_t i = 0; status == LC_OK && i < LC_CLF_BLOCK; i++) {
        const double *row = decisions + i * m->machines;
        labels[i] = m->one_vs_rest ? take_largest(m, row, scores + i * m->classes)
                                   : count_votes(m, row, confidence, scores + i * m->classes);
    }
done:
    free(centred);
    free(decisions);
    free(confidence);
    return status;
}

/* Files --------------------------------------------------------------------------------------------------------- */

lc_status lc_svm_machine_save(const void *model, lc_h5 *file)
{
    const lc_svm_machine *m = model;
    LC_TRY(lc_h5_put(file, "/model/labels", LC_H5_I32, m->present, 0, m->labels));
    LC_TRY(lc_h5_put(file, "/model/support_counts", LC_H5_I32, m->present, 0, m->counts));
    LC_TRY(lc_h5_put(file, "/model/rho", LC_H5_F64, m->machines, 0, m->rho));
    LC_TRY(lc_h5_put(file, "/model/coefficients", LC_H5_F64, coef_rows(m), m->count, m->coef));
    LC_TRY(lc_h5_put(file, "/model/support_vectors", LC_H5_F32, m->count, m->dim, m->sv));
    return lc_h5_put(file, "/model/centre", LC_H5_F64, m->dim, 0, m->centre);
}

static lc_status check_finite(const char *path, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            return lc_fail(LC_ERR_STALE, "%s holds NaN or Inf", path);
        }
    }
    return LC_OK;
}

static lc_status load_arrays(lc_svm_machine *m, lc_h5 *file)
{
    LC_TRY(lc_h5_read(file, "/model/labels", LC_H5_I32, 0, m->present, m->labels));
    LC_TRY(lc_h5_read(file, "/model/support_counts", LC_H5_I32, 0, m->present, m->counts));
    LC_TRY(lc_h5_read(file, "/model/rho", LC_H5_F64, 0, m->machines, m->rho));
    LC_TRY(lc_h5_read(file, "/model/coefficients", LC_H5_F64, 0, coef_rows(m), m->coef));
    LC_TRY(lc_h5_read(file, "/model/support_vectors", LC_H5_F32, 0, m->count, m->sv));
    LC_TRY(lc_h5_read(file, "/model/centre", LC_H5_F64, 0, m->dim, m->centre));
    size_t sum = 0;
    for (size_t k = 0; k < m->present; k++) {
        if (m->labels[k] < (k ? m->labels[k - 1] + 1 : 0) || (size_t)m->labels[k] >= m->classes) {
            return lc_fail(LC_ERR_STALE, "/model/labels are not ascending classes of 0..%zu", m->classes - 1);
        }
        if (m->counts[k] < 0 || (size_t)m->counts[k] > m->count - sum) {
            return lc_fail(LC_ERR_STALE, "/model/support_counts do not add up to %zu", m->count);
        }
        sum += (size_t)m->counts[k];
    }
    if (sum != m->count) {
        return lc_fail(LC_ERR_STALE, "/model/support_counts add up to %zu, not to %zu", sum, m->count);
    }
    for (size_t i = 0; i < m->count * m->dim; i++) {
        if (!isfinite(m->sv[i])) {
            return lc_fail(LC_ERR_STALE, "/model/support_vectors hold NaN or Inf");
        }
    }
    LC_TRY(check_finite("/model/rho", m->rho, m->machines));
    LC_TRY(check_finite("/model/coefficients", m->coef, coef_rows(m) * m->count));
    return check_finite("/model/centre", m->centre, m->dim);
}

lc_status lc_svm_machine_load(void **model, const lc_clf *clf, const char *type, lc_h5 *file, const char *kernel, size_t dim,
                              size_t classes, const double *params)
{
    lc_h5_shape labels, vectors, coef;
    lc_svm_machine *m = NULL;
    *model = NULL;
    LC_TRY(lc_h5_shape_of(file, "/model/labels", &labels));
    LC_TRY(lc_h5_shape_of(file, "/model/support_vectors", &vectors));
    LC_TRY(lc_h5_shape_of(file, "/model/coefficients", &coef));
    size_t present = labels.dims[0], count = vectors.dims[0];
    if (labels.rank != 1 || present < 2 || present > classes) {
        return lc_fail(LC_ERR_STALE, "/model/labels names %zu classes, the file has %zu", labels.rank ? present : 0,
                       classes);
    }
    if (vectors.rank != 2 || vectors.dims[1] != dim || count == 0) {
        return lc_fail(LC_ERR_STALE, "/model/support_vectors are not rows of %zu numbers, as the layers are", dim);
    }
    bool one_vs_rest = coef.rank == 2 && coef.dims[0] == present;
    /* Every shape before the first allocation. */
    LC_TRY(lc_h5_expect(file, "/model/labels", LC_H5_I32, present, 0));
    LC_TRY(lc_h5_expect(file, "/model/support_counts", LC_H5_I32, present, 0));
    LC_TRY(lc_h5_expect(file, "/model/rho", LC_H5_F64, one_vs_rest ? present : present * (present - 1) / 2, 0));
    LC_TRY(lc_h5_expect(file, "/model/coefficients", LC_H5_F64, one_vs_rest ? present : present - 1, count));
    LC_TRY(lc_h5_expect(file, "/model/support_vectors", LC_H5_F32, count, dim));
    LC_TRY(lc_h5_expect(file, "/model/centre", LC_H5_F64, dim, 0));
    LC_TRY(lc_svm_machine_new(&m, classes, present, count, dim, one_vs_rest));
    m->type = type;
    m->kernel = lc_svm_kernel(clf, kernel, params);
    lc_status status = load_arrays(m, file);
    if (status == LC_OK) {
        status = lc_svm_machine_ready(m);
    }
    if (status != LC_OK) {
        lc_svm_machine_free(m);
        return status;
    }
    *model = m;
    return LC_OK;
}

/* rho for rows that are not centred: <s - c, x - c> = <s, x> - <s, c> - a constant whose coefficients sum to 0. */
static double plain_rho(const lc_svm_machine *m, const svm_pair *p, double rho)
{
    for (int side = 0; m->kernel.kind == LC_KERNEL_LINEAR && side < 2; side++) {
        size_t first = side ? p->first_b : p->first_a, count = side ? p->count_b : p->count_a;
        const double *coef = side ? p->coef_b : p->coef_a;
        for (size_t s = first; s < first + count; s++) {
            double product = 0;
            for (size_t d = 0; d < m->dim; d++) {
                product += (double)m->sv[s * m->dim + d] * m->centre[d];
            }
            rho += coef[s] * product;
        }
    }
    return rho;
}

static void put_header(FILE *f, const lc_svm_machine *m, const size_t *start)
{
    static const char *const words[] = {"linear", "rbf", "polynomial"};
    fprintf(f, "svm_type %s\nkernel_type %s\n", m->type, words[m->kernel.kind]);
    if (m->kernel.kind == LC_KERNEL_POLY) {
        fprintf(f, "degree %u\n", m->kernel.degree);
    }
    if (m->kernel.kind != LC_KERNEL_LINEAR) {
        fprintf(f, "gamma %.17g\n", m->kernel.gamma);
    }
    if (m->kernel.kind == LC_KERNEL_POLY) {
        fprintf(f, "coef0 %.17g\n", m->kernel.coef0);
    }
    fprintf(f, "nr_class %zu\ntotal_sv %zu\nrho", m->present, m->count);
    size_t pair = 0;
    for (size_t a = 0; a < m->present; a++) {
        for (size_t b = a + 1; b < m->present; b++, pair++) {
            svm_pair p = pair_of(m, start, a, b);
            fprintf(f, " %.17g", plain_rho(m, &p, m->rho[pair]));
        }
    }
    fprintf(f, "\nlabel");
    for (size_t k = 0; k < m->present; k++) {
        fprintf(f, " %d", m->labels[k]);
    }
    fprintf(f, "\nnr_sv");
    for (size_t k = 0; k < m->present; k++) {
        fprintf(f, " %d", m->counts[k]);
    }
    fprintf(f, "\nSV\n");
}

/* The text of svm_save_model, with digits enough to read back the same numbers (its own 8 lose a bit of float32). */
lc_status lc_svm_machine_export(const void *model, char **text, size_t *size)
{
    const lc_svm_machine *m = model;
    size_t *start;
    lc_text t;
    *text = NULL;
    if (m->one_vs_rest || m->kernel.kind > LC_KERNEL_POLY) {
        return lc_fail(LC_ERR_UNSUPPORTED, "LIBSVM has no %s to write this machine as",
                       m->one_vs_rest ? "one-vs-rest" : lc_kernel_names[m->kernel.kind]);
    }
    LC_TRY(class_starts(m, &start));
    lc_status status = lc_text_open(&t);
    if (status != LC_OK) {
        goto done;
    }
    put_header(t.stream, m, start);
    for (size_t s = 0; s < m->count; s++) {
        for (size_t k = 0; k + 1 < m->present; k++) {
            fprintf(t.stream, "%.17g ", m->coef[k * m->count + s]);
        }
        for (size_t d = 0; d < m->dim; d++) {
            if (m->sv[s * m->dim + d] != 0) {
                fprintf(t.stream, "%zu:%.*g ", d + 1, SV_DIGITS, (double)m->sv[s * m->dim + d]);
            }
        }
        fputc('\n', t.stream);
    }
    status = lc_text_close(&t);
    *text = t.text;
    *size = t.size;
done:
    free(start);
    return status;
}

size_t lc_svm_machine_support_vectors(const void *model)
{
    return ((const lc_svm_machine *)model)->count;
}

