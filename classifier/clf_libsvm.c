/*
 * "svm": LIBSVM's C-SVC (Chang and Lin, "LIBSVM: a library for support vector machines", 2011), one-vs-one, on a kernel
 * matrix of ours.
 *
 * For every pair of classes LIBSVM solves the dual
 *     min_a  1/2 a'Qa - sum(a),   0 <= a_i <= C w_class(i),   sum_i y_i a_i = 0,     Q_ij = y_i y_j K(x_i, x_j)
 * which sees rows through K alone. With kernel_type PRECOMPUTED it reads K(i, j) as x[i][serial of j].value, where x is an
 * array of pointers to rows. So one matrix of nodes, rows numbered from 1, serves every subset of rows by its pointers:
 * every fold, every C and every class pair share it without a copy. A node takes 16 bytes; its float32 Gram matrix 4 more.
 *
 * LIBSVM numbers classes in the order in which it meets them; it is given rows sorted by class, so its order is ours, and
 * ties of votes go to the first class in both.
 *
 * The decision of the pair (i, j) is  sum_s coef_s K(s, x) - rho,  positive for i. A linear machine with fewer pairs than
 * support vectors is kept as w = sum_s coef_s (s - centre) per pair: a row then costs one product per pair.
 */
#include <libsvm/svm.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/clf.h"
#include "common/blas.h"
#include "common/memory.h"
#include "common/text.h"

enum { P_C, P_GAMMA };
enum { SV_TILE = 512, SV_DIGITS = 9 };

/* Preparing and fitting ----------------------------------------------------------------------------------------- */

typedef struct {
    const lc_clf_task *task;
    struct svm_node *nodes; /* (rows, rows + 1): serial number, then the kernel values */
    double gamma;           /* 0: linear */
} svm_work;

static void silent(const char *text)
{
    (void)text;
}

static void silence_libsvm(void)
{
    svm_set_print_string_function(silent);
}

/* exp(-gamma |a - b|^2) from |a|^2, |b|^2 and <a, b>; the distance is never below 0 but for rounding. */
static double gaussian(double gamma, double square_a, double square_b, double product)
{
    return exp(-gamma * fmax(square_a + square_b - 2 * product, 0));
}

static lc_status fill_row(void *context, size_t i)
{
    const svm_work *w = context;
    size_t n = w->task->rows;
    const float *gram = w->task->gram;
    struct svm_node *row = w->nodes + i * (n + 1);
    row[0] = (struct svm_node){0, (double)(i + 1)};
    for (size_t j = 0; j < n; j++) {
        double value = (double)gram[i * n + j];
        if (w->gamma > 0) {
            value = gaussian(w->gamma, (double)gram[i * n + i], (double)gram[j * n + j], value);
        }
        row[j + 1] = (struct svm_node){(int)(j + 1), value};
    }
    return LC_OK;
}

static void svm_release(void *work)
{
    svm_work *w = work;
    if (w) {
        free(w->nodes);
        free(w);
    }
}

static lc_status svm_prepare(void **work, const lc_clf_task *task, const double *params, lc_threads *threads)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, silence_libsvm);
    svm_work *w;
    *work = NULL;
    LC_TRY(lc_alloc_array(&w, 1, sizeof *w));
    w->task = task;
    w->gamma = params[P_GAMMA];
    lc_status status = lc_alloc_raw(&w->nodes, task->rows * (task->rows + 1), sizeof *w->nodes);
    if (status == LC_OK) {
        status = lc_parallel_for(threads, task->rows, fill_row, w);
    }
    if (status != LC_OK) {
        svm_release(w);
        return status;
    }
    *work = w;
    return LC_OK;
}

/*
 * One call of svm_train. The model points into the work's nodes. order (count): the rows in LIBSVM's order, so that
 * order[sv_indices[s] - 1] is the row of support vector s.
 */
static lc_status solve(const svm_work *w, const double *params, const size_t *rows, size_t count, size_t *order,
                       struct svm_model **out)
{
    const lc_clf_task *t = w->task;
    struct svm_problem problem = {.l = (int)count};
    int *weight_labels = NULL;
    double *weights = NULL;
    lc_status status;
    *out = NULL;
    if ((status = lc_alloc_raw(&problem.x, count, sizeof *problem.x)) != LC_OK ||
        (status = lc_alloc_raw(&problem.y, count, sizeof *problem.y)) != LC_OK ||
        (status = lc_alloc_raw(&weight_labels, t->classes, sizeof *weight_labels)) != LC_OK ||
        (status = lc_alloc_raw(&weights, t->classes, sizeof *weights)) != LC_OK) {
        goto done;
    }
    size_t n = 0, weighted = 0;
    for (size_t k = 0; k < t->classes; k++) {
        size_t before = n;
        for (size_t i = 0; i < count; i++) {
            if ((size_t)t->y[rows[i]] == k) {
                problem.x[n] = w->nodes + rows[i] * (t->rows + 1);
                problem.y[n] = (double)k;
                order[n++] = rows[i];
            }
        }
        /* A weight for a class without rows would make LIBSVM warn on stderr. */
        if (n > before && t->class_weight[k] != 1) {
            weight_labels[weighted] = (int)k;
            weights[weighted++] = t->class_weight[k];
        }
    }
    struct svm_parameter p = {
        .svm_type = C_SVC,
        .kernel_type = PRECOMPUTED,
        .cache_size = 100,
        .eps = 1e-3,
        .C = params[P_C],
        .shrinking = 1,
        .nr_weight = (int)weighted,
        .weight_label = weight_labels,
        .weight = weights,
    };
    const char *complaint = svm_check_parameter(&problem, &p);
    if (complaint) {
        status = lc_fail(LC_ERR_ARG, "LIBSVM: %s", complaint);
        goto done;
    }
    *out = svm_train(&problem, &p);
    /* The model keeps pointers to the weights, which end here; nothing reads them again. */
    (*out)->param.nr_weight = 0;
    (*out)->param.weight_label = NULL;
    (*out)->param.weight = NULL;
done:
    free(problem.x);
    free(problem.y);
    free(weight_labels);
    free(weights);
    return status;
}

static lc_status svm_validate(const void *work, const double *params, const size_t *rows, size_t count,
                              const size_t *judged, size_t judged_count, int32_t *labels)
{
    const svm_work *w = work;
    size_t *order;
    struct svm_model *m = NULL;
    LC_TRY(lc_alloc_raw(&order, count, sizeof *order));
    lc_status status = solve(w, params, rows, count, order, &m);
    for (size_t i = 0; status == LC_OK && i < judged_count; i++) {
        labels[i] = (int32_t)svm_predict(m, w->nodes + judged[i] * (w->task->rows + 1));
    }
    svm_free_and_destroy_model(&m);
    free(order);
    return status;
}

/* The model ----------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t classes, present, pairs, dim, count; /* present: classes that had rows; count: support vectors */
    double gamma;                               /* 0: linear */
    int32_t *labels, *counts; /* (present) class, and its number of support vectors, which stand together */
    double *rho;              /* (pairs), for rows less the centre */
    double *coef;             /* (present - 1, count), LIBSVM's sv_coef */
    float *sv;                /* (count, dim) transformed */
    double *centre;           /* (dim) */
    /* Made from the above: */
    float *w;        /* linear and pairs <= count: (pairs, dim), else NULL and the next two: */
    float *centred;  /* (count, dim) sv - centre */
    double *squares; /* (count) their squared lengths */
} svm_machine;

static void svm_free(void *model)
{
    svm_machine *m = model;
    if (m) {
        void *const arrays[] = {m->labels, m->counts, m->rho, m->coef, m->sv, m->centre, m->centred, m->squares, m->w};
        for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
            free(arrays[i]);
        }
        free(m);
    }
}

static lc_status machine_new(svm_machine **out, size_t classes, size_t present, size_t count, size_t dim)
{
    svm_machine *m;
    size_t coefs, values;
    *out = NULL;
    if (!lc_mul(present - 1, count, &coefs) || !lc_mul(count, dim, &values)) {
        return lc_fail(LC_ERR_NOMEM, "%zu support vectors of %zu numbers are too many", count, dim);
    }
    LC_TRY(lc_alloc_array(&m, 1, sizeof *m));
    *m = (svm_machine){
        .classes = classes, .present = present, .pairs = present * (present - 1) / 2, .dim = dim, .count = count};
    lc_status status;
    if ((status = lc_alloc_array(&m->labels, present, sizeof *m->labels)) != LC_OK ||
        (status = lc_alloc_array(&m->counts, present, sizeof *m->counts)) != LC_OK ||
        (status = lc_alloc_array(&m->rho, m->pairs, sizeof *m->rho)) != LC_OK ||
        (status = lc_alloc_array(&m->coef, coefs, sizeof *m->coef)) != LC_OK ||
        (status = lc_alloc_array(&m->sv, values, sizeof *m->sv)) != LC_OK ||
        (status = lc_alloc_array(&m->centre, dim, sizeof *m->centre)) != LC_OK) {
        svm_free(m);
        return status;
    }
    *out = m;
    return LC_OK;
}

/*
 * Calls the coefficients of the pair (a, b): class a's support vectors carry theirs against b in row b - 1, class b's
 * against a in row a (LIBSVM's layout of sv_coef).
 */
typedef struct {
    size_t first_a, count_a, first_b, count_b;
    const double *coef_a, *coef_b; /* (count): index by support vector */
} svm_pair;

static svm_pair pair_of(const svm_machine *m, const size_t *start, size_t a, size_t b)
{
    return (svm_pair){start[a],
                      (size_t)m->counts[a],
                      start[b],
                      (size_t)m->counts[b],
                      m->coef + (b - 1) * m->count,
                      m->coef + a * m->count};
}

/* start (present): the first support vector of each class. *start is the caller's. */
static lc_status class_starts(const svm_machine *m, size_t **start)
{
    LC_TRY(lc_alloc_array(start, m->present, sizeof **start));
    for (size_t k = 1; k < m->present; k++) {
        (*start)[k] = (*start)[k - 1] + (size_t)m->counts[k - 1];
    }
    return LC_OK;
}

static void add_rows(const svm_machine *m, size_t first, size_t count, const double *coef, double *sum)
{
    for (size_t s = first; s < first + count; s++) {
        for (size_t d = 0; coef[s] != 0 && d < m->dim; d++) {
            sum[d] += coef[s] * ((double)m->sv[s * m->dim + d] - m->centre[d]);
        }
    }
}

static lc_status derive_w(svm_machine *m)
{
    size_t *start = NULL, pair = 0;
    double *sum = NULL;
    lc_status status;
    if ((status = class_starts(m, &start)) != LC_OK || (status = lc_alloc_raw(&sum, m->dim, sizeof *sum)) != LC_OK ||
        (status = lc_alloc_raw(&m->w, m->pairs * m->dim, sizeof *m->w)) != LC_OK) {
        goto done;
    }
    for (size_t a = 0; a < m->present; a++) {
        for (size_t b = a + 1; b < m->present; b++, pair++) {
            svm_pair p = pair_of(m, start, a, b);
            memset(sum, 0, m->dim * sizeof *sum);
            add_rows(m, p.first_a, p.count_a, p.coef_a, sum);
            add_rows(m, p.first_b, p.count_b, p.coef_b, sum);
            for (size_t d = 0; d < m->dim; d++) {
                m->w[pair * m->dim + d] = (float)sum[d];
            }
        }
    }
done:
    free(start);
    free(sum);
    return status;
}

/* x - centre, and its squared length. */
static double centre_row(const svm_machine *m, const float *x, float *out)
{
    double square = 0;
    for (size_t d = 0; d < m->dim; d++) {
        out[d] = (float)((double)x[d] - m->centre[d]);
        square += (double)out[d] * (double)out[d];
    }
    return square;
}

static lc_status derive(svm_machine *m)
{
    LC_TRY(lc_blas_open());
    if (m->gamma == 0 && m->pairs <= m->count) {
        return derive_w(m);
    }
    LC_TRY(lc_alloc_raw(&m->centred, m->count * m->dim, sizeof *m->centred));
    LC_TRY(lc_alloc_raw(&m->squares, m->count, sizeof *m->squares));
    for (size_t s = 0; s < m->count; s++) {
        m->squares[s] = centre_row(m, m->sv + s * m->dim, m->centred + s * m->dim);
    }
    return LC_OK;
}

static lc_status svm_keep(void **model, const void *work, const double *params, const size_t *rows, size_t count)
{
    const svm_work *w = work;
    const lc_clf_task *t = w->task;
    size_t *order;
    struct svm_model *trained = NULL;
    svm_machine *m = NULL;
    *model = NULL;
    LC_TRY(lc_alloc_raw(&order, count, sizeof *order));
    lc_status status = solve(w, params, rows, count, order, &trained);
    if (status != LC_OK ||
        (status = machine_new(&m, t->classes, (size_t)trained->nr_class, (size_t)trained->l, t->dim)) != LC_OK) {
        goto done;
    }
    m->gamma = w->gamma;
    for (size_t k = 0; k < m->present; k++) {
        m->labels[k] = trained->label[k];
        m->counts[k] = trained->nSV[k];
    }
    memcpy(m->rho, trained->rho, m->pairs * sizeof *m->rho);
    memcpy(m->centre, t->centre, m->dim * sizeof *m->centre);
    for (size_t k = 0; k + 1 < m->present; k++) {
        memcpy(m->coef + k * m->count, trained->sv_coef[k], m->count * sizeof *m->coef);
    }
    for (size_t s = 0; s < m->count; s++) {
        size_t row = order[trained->sv_indices[s] - 1];
        memcpy(m->sv + s * m->dim, t->x + row * m->dim, m->dim * sizeof *m->sv);
    }
    status = derive(m);
done:
    if (status == LC_OK) {
        *model = m;
    } else {
        svm_free(m);
    }
    svm_free_and_destroy_model(&trained);
    free(order);
    return status;
}

/* Deciding ------------------------------------------------------------------------------------------------------ */

/*
 * Both ways multiply (vectors, dim) by the block's transpose, giving (vectors, LC_CLF_BLOCK): rows of the block are then
 * the lanes of OpenBLAS's vectors, all treated alike, and a row's result is the same bytes wherever it stands in the block.
 * (Not so along the other dimension, nor for 32 rows on its Haswell and Zen kernels, where different tile shapes sum in
 * different orders.)
 */

/* decisions (LC_CLF_BLOCK, pairs) of centred rows. */
static lc_status decide_by_w(const svm_machine *m, const float *x, double *decisions)
{
    float *products;
    LC_TRY(lc_alloc_raw(&products, m->pairs * LC_CLF_BLOCK, sizeof *products));
    lc_blas_gemm(true, m->pairs, LC_CLF_BLOCK, m->dim, m->w, m->dim, x, m->dim, products, LC_CLF_BLOCK);
    for (size_t p = 0; p < m->pairs; p++) {
        for (size_t i = 0; i < LC_CLF_BLOCK; i++) {
            decisions[i * m->pairs + p] = (double)products[p * LC_CLF_BLOCK + i] - m->rho[p];
        }
    }
    free(products);
    return LC_OK;
}

static lc_status decide_by_kernel(const svm_machine *m, const float *x, const double *squares, double *decisions)
{
    float *tile = NULL;
    double *kernel = NULL;
    size_t *start = NULL;
    lc_status status;
    if ((status = lc_alloc_raw(&tile, SV_TILE * LC_CLF_BLOCK, sizeof *tile)) != LC_OK ||
        (status = lc_alloc_raw(&kernel, LC_CLF_BLOCK * m->count, sizeof *kernel)) != LC_OK ||
        (status = class_starts(m, &start)) != LC_OK) {
        goto done;
    }
    for (size_t first = 0; first < m->count; first += SV_TILE) {
        size_t width = m->count - first < SV_TILE ? m->count - first : SV_TILE;
        lc_blas_gemm(true, width, LC_CLF_BLOCK, m->dim, m->centred + first * m->dim, m->dim, x, m->dim, tile, LC_CLF_BLOCK);
        for (size_t i = 0; i < LC_CLF_BLOCK; i++) {
            for (size_t s = 0; s < width; s++) {
                double product = (double)tile[s * LC_CLF_BLOCK + i];
                kernel[i * m->count + first + s] =
                    m->gamma > 0 ? gaussian(m->gamma, squares[i], m->squares[first + s], product) : product;
            }
        }
    }
    for (size_t i = 0; i < LC_CLF_BLOCK; i++) {
        const double *k = kernel + i * m->count;
        size_t pair = 0;
        for (size_t a = 0; a < m->present; a++) {
            for (size_t b = a + 1; b < m->present; b++, pair++) {
                svm_pair p = pair_of(m, start, a, b);
                double sum = 0;
                for (size_t s = p.first_a; s < p.first_a + p.count_a; s++) {
                    sum += p.coef_a[s] * k[s];
                }
                for (size_t s = p.first_b; s < p.first_b + p.count_b; s++) {
                    sum += p.coef_b[s] * k[s];
                }
                decisions[i * m->pairs + pair] = sum - m->rho[pair];
            }
        }
    }
done:
    free(tile);
    free(kernel);
    free(start);
    return status;
}

/*
 * Votes as svm_predict_values counts them, the first of the most voted classes winning. The score of a class is its votes
 * plus its summed decisions squeezed into (-1/3, 1/3), as scikit-learn's _ovr_decision_function does; a winner by order
 * alone is lifted just above the others. A class that was never trained on gets -1, below every other.
 */
static int32_t count_votes(const svm_machine *m, const double *decisions, double *confidence, float *scores)
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

static lc_status svm_scores(const void *model, const float *x, int32_t *labels, float *scores)
{
    const svm_machine *m = model;
    float *centred = NULL;
    double *decisions = NULL, *confidence = NULL, squares[LC_CLF_BLOCK];
    lc_status status;
    if ((status = lc_alloc_raw(&centred, LC_CLF_BLOCK * m->dim, sizeof *centred)) != LC_OK ||
        (status = lc_alloc_raw(&decisions, LC_CLF_BLOCK * m->pairs, sizeof *decisions)) != LC_OK ||
        (status = lc_alloc_raw(&confidence, m->present, sizeof *confidence)) != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < LC_CLF_BLOCK; i++) {
        squares[i] = centre_row(m, x + i * m->dim, centred + i * m->dim);
    }
    status = m->w ? decide_by_w(m, centred, decisions) : decide_by_kernel(m, centred, squares, decisions);
    for (size_t i = 0; status == LC_OK && i < LC_CLF_BLOCK; i++) {
        labels[i] = count_votes(m, decisions + i * m->pairs, confidence, scores + i * m->classes);
    }
done:
    free(centred);
    free(decisions);
    free(confidence);
    return status;
}

/* Files --------------------------------------------------------------------------------------------------------- */

static lc_status svm_save(const void *model, lc_h5 *file)
{
    const svm_machine *m = model;
    LC_TRY(lc_h5_put(file, "/model/labels", LC_H5_I32, m->present, 0, m->labels));
    LC_TRY(lc_h5_put(file, "/model/support_counts", LC_H5_I32, m->present, 0, m->counts));
    LC_TRY(lc_h5_put(file, "/model/rho", LC_H5_F64, m->pairs, 0, m->rho));
    LC_TRY(lc_h5_put(file, "/model/coefficients", LC_H5_F64, m->present - 1, m->count, m->coef));
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

static lc_status load_arrays(svm_machine *m, lc_h5 *file)
{
    LC_TRY(lc_h5_read(file, "/model/labels", LC_H5_I32, 0, m->present, m->labels));
    LC_TRY(lc_h5_read(file, "/model/support_counts", LC_H5_I32, 0, m->present, m->counts));
    LC_TRY(lc_h5_read(file, "/model/rho", LC_H5_F64, 0, m->pairs, m->rho));
    LC_TRY(lc_h5_read(file, "/model/coefficients", LC_H5_F64, 0, m->present - 1, m->coef));
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
    LC_TRY(check_finite("/model/rho", m->rho, m->pairs));
    LC_TRY(check_finite("/model/coefficients", m->coef, (m->present - 1) * m->count));
    return check_finite("/model/centre", m->centre, m->dim);
}

static lc_status svm_load(void **model, lc_h5 *file, const char *kernel, size_t dim, size_t classes, const double *params)
{
    lc_h5_shape labels, vectors;
    svm_machine *m = NULL;
    *model = NULL;
    LC_TRY(lc_h5_shape_of(file, "/model/labels", &labels));
    LC_TRY(lc_h5_shape_of(file, "/model/support_vectors", &vectors));
    size_t present = labels.dims[0], count = vectors.dims[0];
    if (labels.rank != 1 || present < 2 || present > classes) {
        return lc_fail(LC_ERR_STALE, "/model/labels names %zu classes, the file has %zu", labels.rank ? present : 0,
                       classes);
    }
    if (vectors.rank != 2 || vectors.dims[1] != dim || count == 0) {
        return lc_fail(LC_ERR_STALE, "/model/support_vectors are not rows of %zu numbers, as the layers are", dim);
    }
    /* Every shape before the first allocation. */
    LC_TRY(lc_h5_expect(file, "/model/labels", LC_H5_I32, present, 0));
    LC_TRY(lc_h5_expect(file, "/model/support_counts", LC_H5_I32, present, 0));
    LC_TRY(lc_h5_expect(file, "/model/rho", LC_H5_F64, present * (present - 1) / 2, 0));
    LC_TRY(lc_h5_expect(file, "/model/coefficients", LC_H5_F64, present - 1, count));
    LC_TRY(lc_h5_expect(file, "/model/support_vectors", LC_H5_F32, count, dim));
    LC_TRY(lc_h5_expect(file, "/model/centre", LC_H5_F64, dim, 0));
    LC_TRY(machine_new(&m, classes, present, count, dim));
    m->gamma = strcmp(kernel, "rbf") == 0 ? params[P_GAMMA] : 0;
    lc_status status = load_arrays(m, file);
    if (status == LC_OK) {
        status = derive(m);
    }
    if (status != LC_OK) {
        svm_free(m);
        return status;
    }
    *model = m;
    return LC_OK;
}

/* rho for rows that are not centred: <s - c, x - c> = <s, x> - <s, c> - a constant whose coefficients sum to 0. */
static double plain_rho(const svm_machine *m, const svm_pair *p, double rho)
{
    for (int side = 0; m->gamma == 0 && side < 2; side++) {
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

static void put_header(FILE *f, const svm_machine *m, const size_t *start)
{
    fprintf(f, "svm_type c_svc\nkernel_type %s\n", m->gamma > 0 ? "rbf" : "linear");
    if (m->gamma > 0) {
        fprintf(f, "gamma %.17g\n", m->gamma);
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
static lc_status svm_export(const void *model, char **text, size_t *size)
{
    const svm_machine *m = model;
    size_t *start;
    lc_text t;
    *text = NULL;
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

static size_t svm_support_vectors(const void *model)
{
    return ((const svm_machine *)model)->count;
}

static const char *svm_version(void)
{
    static char text[32];
    snprintf(text, sizeof text, "LIBSVM %d.%02d", LIBSVM_VERSION / 100, LIBSVM_VERSION % 100);
    return text;
}

static const char *const kernels[] = {"linear", "rbf", NULL};

static const lc_clf_param params_table[] = {
    [P_C] = {.name = "c", .log2_grid = "-5,15,2", .help = "cost of an error"},
    [P_GAMMA] = {.name = "g",
                 .kernel = "rbf",
                 .log2_grid = "-2,2,2",
                 .data_scale = true,
                 .in_kernel = true,
                 .help = "exp(-g |a - b|^2); default grid: 1/4, 1 and 4 times 1 / (dim * variance)"},
    {0},
};

const lc_clf lc_clf_svm = {
    .name = "svm",
    .summary = "support vector machine, one-vs-one (LIBSVM C-SVC)",
    .kernels = kernels,
    .params = params_table,
    .pair_bytes = sizeof(struct svm_node),
    .prepare = svm_prepare,
    .release = svm_release,
    .validate = svm_validate,
    .train = svm_keep,
    .scores = svm_scores,
    .save = svm_save,
    .load = svm_load,
    .free = svm_free,
    .export_text = svm_export,
    .support_vectors = svm_support_vectors,
    .version = svm_version,
};
