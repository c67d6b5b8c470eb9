/*
 * float32 rows widen to float64 panel by panel: products of raw features lose the small eigenvalues in float32, and those
 * decide ridge regression with a small penalty. Tiles of the result are independent, sums within one run in row order.
 */
#include "classifier/covariance.h"

#include <stdlib.h>
#include <string.h>

#include "common/blas.h"
#include "common/interrupt.h"
#include "common/memory.h"

enum { TILE = 256, PANEL = 256 };

void lc_mean(const float *x, size_t dim, const size_t *rows, size_t count, double *mean)
{
    memset(mean, 0, dim * sizeof *mean);
    for (size_t i = 0; i < count; i++) {
        for (size_t d = 0; d < dim; d++) {
            mean[d] += (double)x[rows[i] * dim + d];
        }
    }
    for (size_t d = 0; d < dim; d++) {
        mean[d] /= (double)count;
    }
}

typedef struct {
    const float *x;
    size_t dim, count;
    const size_t *rows;
    const double *means;
    const int32_t *group;
    double *out;
} moment_job;

/* panel (height, width): columns first.. of rows[top..], less their means. */
static void widen(const moment_job *job, size_t top, size_t height, size_t first, size_t width, double *panel)
{
    for (size_t i = 0; i < height; i++) {
        const float *row = job->x + job->rows[top + i] * job->dim + first;
        const double *mean = job->means + (job->group ? (size_t)job->group[job->rows[top + i]] * job->dim : 0) + first;
        for (size_t d = 0; d < width; d++) {
            panel[i * width + d] = (double)row[d] - mean[d];
        }
    }
}

static void mirror(double *out, size_t n, size_t row, size_t column, size_t height, size_t width)
{
    for (size_t i = row; i < row + height; i++) {
        for (size_t j = column; j < column + width && j < i; j++) {
            out[j * n + i] = out[i * n + j];
        }
    }
}

static void tile_of(size_t item, size_t n, size_t *row, size_t *column, size_t *height, size_t *width)
{
    size_t i = 0;
    while ((i + 1) * (i + 2) / 2 <= item) {
        i++;
    }
    *row = i * TILE;
    *column = (item - i * (i + 1) / 2) * TILE;
    *height = n - *row < TILE ? n - *row : TILE;
    *width = n - *column < TILE ? n - *column : TILE;
}

static lc_status scatter_tile(void *context, size_t item)
{
    const moment_job *job = context;
    size_t n = job->dim, row, column, height, width;
    double *a, *b;
    LC_TRY(lc_interrupt_check());
    tile_of(item, n, &row, &column, &height, &width);
    LC_TRY(lc_alloc_raw(&a, 2 * PANEL * TILE, sizeof *a));
    b = a + PANEL * TILE;
    for (size_t i = row; i < row + height; i++) {
        memset(job->out + i * n + column, 0, width * sizeof *a);
    }
    for (size_t top = 0; top < job->count; top += PANEL) {
        size_t rows = job->count - top < PANEL ? job->count - top : PANEL;
        widen(job, top, rows, row, height, a);
        widen(job, top, rows, column, width, b);
        lc_blas_gemm_tn_f64(height, width, rows, a, height, b, width, job->out + row * n + column, n);
    }
    mirror(job->out, n, row, column, height, width);
    free(a);
    return LC_OK;
}

static lc_status inner_tile(void *context, size_t item)
{
    const moment_job *job = context;
    size_t n = job->count, row, column, height, width;
    double *a = NULL, *b = NULL;
    LC_TRY(lc_interrupt_check());
    tile_of(item, n, &row, &column, &height, &width);
    lc_status status = lc_alloc_raw(&a, height * job->dim, sizeof *a);
    if (status == LC_OK && (status = lc_alloc_raw(&b, width * job->dim, sizeof *b)) == LC_OK) {
        widen(job, row, height, 0, job->dim, a);
        widen(job, column, width, 0, job->dim, b);
        lc_blas_gemm_f64(true, height, width, job->dim, a, job->dim, b, job->dim, job->out + row * n + column, n);
        mirror(job->out, n, row, column, height, width);
    }
    free(a);
    free(b);
    return status;
}

static lc_status run(moment_job *job, size_t n, lc_item_fn tile, lc_threads *threads)
{
    LC_TRY(lc_blas_open());
    size_t tiles = (n + TILE - 1) / TILE;
    return lc_parallel_for(threads, tiles * (tiles + 1) / 2, tile, job);
}

lc_status lc_scatter(const float *x, size_t dim, const size_t *rows, size_t count, const double *means,
                     const int32_t *group, double *out, lc_threads *threads)
{
    moment_job job = {x, dim, count, rows, means, group, out};
    return run(&job, dim, scatter_tile, threads);
}

lc_status lc_inner(const float *x, size_t dim, const size_t *rows, size_t count, const double *mean, double *out,
                   lc_threads *threads)
{
    moment_job job = {x, dim, count, rows, mean, NULL, out};
    return run(&job, count, inner_tile, threads);
}
