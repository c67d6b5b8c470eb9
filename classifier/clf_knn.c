/*
 * "knn": weighted nearest neighbours, by cosine or Euclidean distance. Cosine with weights exp(similarity / T) is the protocol of
 * Wu et al., "Unsupervised feature learning via non-parametric instance discrimination", CVPR 2018, and DINO (k 20, T 0.07);
 * T = 0 means that every neighbour counts the same. Of equal distances the earlier row is nearer; of equal votes the first
 * class wins. A grid of k costs one ordering of the neighbours.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/linear_machine.h"
#include "common/blas.h"
#include "common/interrupt.h"
#include "common/memory.h"

enum { P_K, P_T, TILE = 512 };

typedef struct {
    size_t rows, dim, classes, k;
    double temperature;
    bool cosine;
    float *x;        /* (rows, dim), of length 1 for cosine */
    double *squares; /* (rows) */
    int32_t *labels; /* (rows) */
} knn_model;

typedef struct {
    float nearness;
    uint32_t row;
} neighbour;

static void knn_free(void *model)
{
    knn_model *m = model;
    if (m) {
        free(m->x);
        free(m->squares);
        free(m->labels);
        free(m);
    }
}

/* Rows of length 1, unless Euclidean; their squared lengths. */
static void make_ready(knn_model *m)
{
    for (size_t i = 0; i < m->rows; i++) {
        float *row = m->x + i * m->dim;
        double square = 0;
        for (size_t d = 0; d < m->dim; d++) {
            square += (double)row[d] * (double)row[d];
        }
        double factor = m->cosine && square > 0 ? 1 / sqrt(square) : 1;
        for (size_t d = 0; d < m->dim; d++) {
            row[d] = (float)((double)row[d] * factor);
        }
        m->squares[i] = square * factor * factor;
    }
}

static lc_status model_new(knn_model **out, size_t rows, size_t dim, size_t classes, bool cosine, const double *params)
{
    knn_model *m;
    size_t values;
    *out = NULL;
    if (!lc_mul(rows, dim, &values) || rows > UINT32_MAX) {
        return lc_fail(LC_ERR_NOMEM, "%zu neighbours of %zu numbers are too many", rows, dim);
    }
    LC_TRY(lc_blas_open());
    LC_TRY(lc_alloc_array(&m, 1, sizeof *m));
    *m = (knn_model){.rows = rows,
                     .dim = dim,
                     .classes = classes,
                     .k = (size_t)params[P_K],
                     .temperature = params[P_T],
                     .cosine = cosine};
    lc_status status;
    if ((status = lc_alloc_raw(&m->x, values, sizeof *m->x)) != LC_OK ||
        (status = lc_alloc_raw(&m->squares, rows, sizeof *m->squares)) != LC_OK ||
        (status = lc_alloc_raw(&m->labels, rows, sizeof *m->labels)) != LC_OK) {
        knn_free(m);
        return status;
    }
    *out = m;
    return LC_OK;
}

static lc_status model_of(knn_model **out, const lc_clf_task *t, const double *params, const size_t *rows, size_t count)
{
    LC_TRY(model_new(out, count, t->dim, t->classes, strcmp(t->kernel, "cosine") == 0, params));
    for (size_t i = 0; i < count; i++) {
        memcpy((*out)->x + i * t->dim, t->x + rows[i] * t->dim, t->dim * sizeof(float));
        (*out)->labels[i] = t->y[rows[i]];
    }
    make_ready(*out);
    return LC_OK;
}

/* Nearer: larger; cosine similarity, or minus the squared distance but for the part that all neighbours share. */
static bool nearer(neighbour a, neighbour b)
{
    return a.nearness > b.nearness || (a.nearness == b.nearness && a.row < b.row);
}

static int by_nearness(const void *a, const void *b)
{
    const neighbour *x = a, *y = b;
    return nearer(*x, *y) ? -1 : nearer(*y, *x);
}

/* Puts the k nearest of n first (quickselect around the middle of three), then in order. */
static void select_nearest(neighbour *items, size_t n, size_t k)
{
    size_t first = 0, end = n;
    while (end - first > 16 && k > first && k < end) {
        neighbour a = items[first], b = items[first + (end - first) / 2], c = items[end - 1];
        neighbour pivot = nearer(a, b) ? (nearer(b, c) ? b : nearer(a, c) ? c : a) : (nearer(a, c) ? a : nearer(b, c) ? c : b);
        size_t i = first, j = end - 1;
        for (;;) {
            for (; nearer(items[i], pivot); i++) {
            }
            for (; nearer(pivot, items[j]); j--) {
            }
            if (i >= j) {
                break;
            }
            neighbour swap = items[i];
            items[i++] = items[j];
            items[j--] = swap;
        }
        if (k <= i) {
            end = i;
        } else {
            first = i;
        }
    }
    qsort(items, end < k ? k : end, sizeof *items, by_nearness);
}

/* lists (LC_CLF_BLOCK, rows) of the block's neighbours, unordered. x is as stored, without make_ready. */
static lc_status find_neighbours(const knn_model *m, const float *x, neighbour *lists, double *lengths)
{
    float *tile = NULL, *unit = NULL;
    lc_status status;
    if ((status = lc_alloc_raw(&tile, TILE * LC_CLF_BLOCK, sizeof *tile)) != LC_OK ||
        (status = lc_alloc_raw(&unit, LC_CLF_BLOCK * m->dim, sizeof *unit)) != LC_OK) {
        goto done;
    }
    memcpy(unit, x, LC_CLF_BLOCK * m->dim * sizeof *unit);
    knn_model block = {.rows = LC_CLF_BLOCK, .dim = m->dim, .cosine = m->cosine, .x = unit, .squares = lengths};
    make_ready(&block);
    for (size_t first = 0; first < m->rows; first += TILE) {
        size_t width = m->rows - first < TILE ? m->rows - first : TILE;
        lc_blas_gemm(true, width, LC_CLF_BLOCK, m->dim, m->x + first * m->dim, m->dim, unit, m->dim, tile, LC_CLF_BLOCK);
        for (size_t r = 0; r < width; r++) {
            for (size_t i = 0; i < LC_CLF_BLOCK; i++) {
                double product = (double)tile[r * LC_CLF_BLOCK + i];
                double near = m->cosine ? product : 2 * product - m->squares[first + r];
                lists[i * m->rows + first + r] = (neighbour){(float)near, (uint32_t)(first + r)};
            }
        }
    }
done:
    free(tile);
    free(unit);
    return status;
}

/* Weights are taken relative to the nearest, so that none overflows. */
static double weight_of(const knn_model *m, double temperature, neighbour n, neighbour nearest)
{
    return m->cosine && temperature > 0 ? exp(((double)n.nearness - (double)nearest.nearness) / temperature) : 1;
}

/* votes (classes) of the k nearest of an ordered list, as shares of all. */
static void vote(const knn_model *m, const neighbour *list, size_t k, double temperature, double *votes)
{
    double sum = 0;
    memset(votes, 0, m->classes * sizeof *votes);
    for (size_t i = 0; i < k && i < m->rows; i++) {
        double weight = weight_of(m, temperature, list[i], list[0]);
        votes[m->labels[list[i].row]] += weight;
        sum += weight;
    }
    for (size_t c = 0; c < m->classes; c++) {
        votes[c] /= sum;
    }
}

static lc_status knn_scores(const void *model, const float *x, int32_t *labels, float *scores)
{
    const knn_model *m = model;
    neighbour *lists = NULL;
    double *votes = NULL, lengths[LC_CLF_BLOCK];
    int32_t *all = NULL;
    lc_status status;
    if ((status = lc_alloc_raw(&lists, LC_CLF_BLOCK * m->rows, sizeof *lists)) != LC_OK ||
        (status = lc_alloc_raw(&votes, m->classes, sizeof *votes)) != LC_OK ||
        (status = lc_alloc_raw(&all, m->classes, sizeof *all)) != LC_OK ||
        (status = find_neighbours(m, x, lists, lengths)) != LC_OK) {
        goto done;
    }
    for (size_t c = 0; c < m->classes; c++) {
        all[c] = (int32_t)c;
    }
    for (size_t i = 0; i < LC_CLF_BLOCK; i++) {
        neighbour *list = lists + i * m->rows;
        select_nearest(list, m->rows, m->k < m->rows ? m->k : m->rows);
        vote(m, list, m->k, m->temperature, votes);
        labels[i] = lc_take_largest(all, m->classes, m->classes, votes, scores + i * m->classes);
    }
done:
    free(lists);
    free(votes);
    free(all);
    return status;
}

typedef struct {
    const knn_model *m;
    const lc_clf_task *task;
    const lc_clf_fold *fold;
    const lc_clf_point *points;
    size_t count, largest; /* k */
    int32_t *labels;       /* (points, judged) */
} judge_job;

static lc_status judge_block(void *context, size_t block)
{
    const judge_job *job = context;
    const knn_model *m = job->m;
    size_t n = job->fold->judged_count, first = block * LC_CLF_BLOCK;
    size_t count = n - first < LC_CLF_BLOCK ? n - first : LC_CLF_BLOCK;
    float *x = NULL;
    neighbour *lists = NULL;
    double *votes = NULL, lengths[LC_CLF_BLOCK];
    lc_status status = lc_interrupt_check();
    if (status != LC_OK || (status = lc_alloc_array(&x, LC_CLF_BLOCK * m->dim, sizeof *x)) != LC_OK ||
        (status = lc_alloc_raw(&lists, LC_CLF_BLOCK * m->rows, sizeof *lists)) != LC_OK ||
        (status = lc_alloc_raw(&votes, m->classes, sizeof *votes)) != LC_OK) {
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(x + i * m->dim, job->task->x + job->fold->judged[first + i] * m->dim, m->dim * sizeof *x);
    }
    status = find_neighbours(m, x, lists, lengths);
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        neighbour *list = lists + i * m->rows;
        select_nearest(list, m->rows, job->largest);
        for (size_t p = 0; p < job->count; p++) {
            size_t best = 0;
            vote(m, list, (size_t)job->points[p].values[P_K], job->points[p].values[P_T], votes);
            for (size_t c = 1; c < m->classes; c++) {
                best = votes[c] > votes[best] ? c : best;
            }
            job->labels[p * n + first + i] = (int32_t)best;
        }
    }
done:
    free(x);
    free(lists);
    free(votes);
    return status;
}

static lc_status knn_validate(const void *work, const lc_clf_point *points, size_t count, const lc_clf_fold *folds,
                              size_t fold_count, lc_threads *threads, lc_clf_judged judged, void *context)
{
    const lc_clf_task *t = ((const lc_linear_work *)work)->task;
    lc_status status = LC_OK;
    for (size_t f = 0; f < fold_count && status == LC_OK; f++) {
        judge_job job = {.task = t, .fold = &folds[f], .points = points, .count = count};
        knn_model *m = NULL;
        size_t n = folds[f].judged_count;
        for (size_t p = 0; p < count; p++) {
            size_t k = (size_t)points[p].values[P_K];
            k = k < folds[f].count ? k : folds[f].count;
            job.largest = k > job.largest ? k : job.largest;
        }
        if ((status = model_of(&m, t, points[0].values, folds[f].rows, folds[f].count)) == LC_OK &&
            (status = lc_alloc_raw(&job.labels, count * n, sizeof *job.labels)) == LC_OK) {
            job.m = m;
            status = lc_parallel_for(threads, (n + LC_CLF_BLOCK - 1) / LC_CLF_BLOCK, judge_block, &job);
        }
        status = status == LC_OK ? judged(context, f, job.labels, NULL) : status;
        free(job.labels);
        knn_free(m);
    }
    return status;
}

static lc_status knn_train(void **model, const void *work, const double *params, const size_t *rows, size_t count,
                           lc_threads *threads, int32_t *labels)
{
    knn_model *m;
    (void)threads;
    (void)labels;
    lc_status status = model_of(&m, ((const lc_linear_work *)work)->task, params, rows, count);
    *model = m;
    return status;
}

static lc_status knn_save(const void *model, lc_h5 *file)
{
    const knn_model *m = model;
    LC_TRY(lc_h5_put(file, "/model/rows", LC_H5_F32, m->rows, m->dim, m->x));
    return lc_h5_put(file, "/model/row_labels", LC_H5_I32, m->rows, 0, m->labels);
}

static lc_status knn_load(void **model, lc_h5 *file, const char *kernel, size_t dim, size_t classes, const double *params)
{
    lc_h5_shape s;
    knn_model *m;
    *model = NULL;
    LC_TRY(lc_h5_shape_of(file, "/model/rows", &s));
    size_t rows = s.rank == 2 ? s.dims[0] : 0;
    if (rows == 0) {
        return lc_fail(LC_ERR_STALE, "/model/rows holds no rows");
    }
    LC_TRY(lc_h5_expect(file, "/model/rows", LC_H5_F32, rows, dim));
    LC_TRY(lc_h5_expect(file, "/model/row_labels", LC_H5_I32, rows, 0));
    LC_TRY(model_new(&m, rows, dim, classes, strcmp(kernel, "cosine") == 0, params));
    lc_status status = lc_h5_read(file, "/model/rows", LC_H5_F32, 0, rows, m->x);
    if (status == LC_OK) {
        status = lc_h5_read(file, "/model/row_labels", LC_H5_I32, 0, rows, m->labels);
    }
    for (size_t i = 0; status == LC_OK && i < rows * dim; i++) {
        status = isfinite(m->x[i]) ? LC_OK : lc_fail(LC_ERR_STALE, "/model/rows hold NaN or Inf");
    }
    for (size_t i = 0; status == LC_OK && i < rows; i++) {
        status = m->labels[i] >= 0 && (size_t)m->labels[i] < classes
                     ? LC_OK
                     : lc_fail(LC_ERR_STALE, "/model/row_labels are not classes of 0..%zu", classes - 1);
    }
    if (status != LC_OK) {
        knn_free(m);
        return status;
    }
    for (size_t i = 0; i < rows; i++) { /* as stored: of length 1 already, where that matters */
        m->squares[i] = 0;
        for (size_t d = 0; d < dim; d++) {
            m->squares[i] += (double)m->x[i * dim + d] * (double)m->x[i * dim + d];
        }
    }
    *model = m;
    return LC_OK;
}

/* The rows once more, then each thread a block's neighbours. */
static double knn_fit_bytes(const lc_clf_extent *e)
{
    double each = (double)e->dim * sizeof(float);
    return (double)e->rows * (each + sizeof(double) + sizeof(int32_t)) +
           (double)e->threads * LC_CLF_BLOCK * ((double)e->rows * sizeof(neighbour) + 2 * each);
}

static double knn_search_bytes(const lc_clf_extent *e)
{
    return knn_fit_bytes(e) + (double)(e->points * e->most_judged) * sizeof(int32_t);
}

static const char *const kernels[] = {"cosine", "euclidean", NULL};

static const lc_clf_param params_table[] = {
    [P_K] = {.name = "k", .grid = "1,5,10,20,50,100,200", .kind = LC_PARAM_WHOLE, .help = "neighbours"},
    [P_T] = {.name = "t",
             .label = "T",
             .kernels = "cosine",
             .grid = "0.07",
             .kind = LC_PARAM_NOT_NEGATIVE,
             .help = "weights exp(similarity / t), 0: all alike"},
    {0},
};

const lc_clf lc_clf_knn = {
    .name = "knn",
    .summary = "nearest neighbours, weighted",
    .kernels = kernels,
    .params = params_table,
    .search_bytes = knn_search_bytes,
    .fit_bytes = knn_fit_bytes,
    .prepare = lc_linear_prepare,
    .release = lc_linear_release,
    .validate = knn_validate,
    .train = knn_train,
    .scores = knn_scores,
    .save = knn_save,
    .load = knn_load,
    .free = knn_free,
};
