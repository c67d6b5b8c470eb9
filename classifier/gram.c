/*
 * Why centred. An SVM with a bias term does not change when all rows are moved: in the dual, sum_i alpha_i y_i = 0, so
 * the terms of <x_i - c, x_j - c> that contain c vanish; distances (rbf) do not change in the first place. float32 does
 * change: features after a ReLU share a large mean, and what tells rows apart would sit in the last digits.
 */
#include "classifier/gram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/blas.h"
#include "common/interrupt.h"
#include "common/log.h"
#include "common/memory.h"

enum { TILE = 512 };

size_t lc_memory_available(void)
{
    unsigned long long kilobytes = 0;
    char line[128];
    FILE *f = fopen("/proc/meminfo", "r");
    if (!f) {
        return 0;
    }
    while (fgets(line, sizeof line, f) && sscanf(line, "MemAvailable: %llu kB", &kilobytes) != 1) {
    }
    fclose(f);
    return (size_t)kilobytes * 1024;
}

lc_status lc_gram_check(size_t rows, size_t pair_bytes)
{
    size_t bytes, available = lc_memory_available();
    double gib = (double)rows * (double)rows * (double)pair_bytes / 0x1p30;
    if (!lc_mul(rows, rows, &bytes) || !lc_mul(bytes, pair_bytes, &bytes) || (available && bytes > available)) {
        return lc_fail(LC_ERR_NOMEM,
                       "%zu rows want %.1f GiB for the matrix of their pairs (%zu bytes each); %.1f GiB are free: "
                       "use fewer rows, --classifier linear, or --norm l2,nystroem:2000 in front of it",
                       rows, gib, pair_bytes, (double)available / 0x1p30);
    }
    lc_log(LC_LOG_VERBOSE, "the kernel matrix of %zu rows takes %.3f GiB", rows, gib);
    return LC_OK;
}

void lc_gram_centre(const float *x, size_t rows, size_t dim, double *centre)
{
    memset(centre, 0, dim * sizeof *centre);
    for (size_t i = 0; i < rows; i++) {
        for (size_t d = 0; d < dim; d++) {
            centre[d] += (double)x[i * dim + d];
        }
    }
    for (size_t d = 0; d < dim; d++) {
        centre[d] /= (double)rows;
    }
}

typedef struct {
    const float *x; /* centred */
    size_t rows, dim;
    float *gram;
} gram_job;

/* Tiles (i, j), j <= i, are numbered row by row: tile i(i+1)/2 + j. What lies above the diagonal is mirrored. */
static lc_status gram_tile(void *context, size_t item)
{
    const gram_job *g = context;
    LC_TRY(lc_interrupt_check());
    size_t i = 0;
    while ((i + 1) * (i + 2) / 2 <= item) {
        i++;
    }
    size_t j = item - i * (i + 1) / 2, n = g->rows;
    size_t row = i * TILE, column = j * TILE;
    size_t height = n - row < TILE ? n - row : TILE, width = n - column < TILE ? n - column : TILE;
    float *tile = g->gram + row * n + column;
    if (i == j) {
        lc_blas_syrk(height, g->dim, g->x + row * g->dim, g->dim, tile, n);
    } else {
        lc_blas_gemm(true, height, width, g->dim, g->x + row * g->dim, g->dim, g->x + column * g->dim, g->dim, tile, n);
    }
    for (size_t r = 0; r < height; r++) {
        for (size_t c = 0; c < (i == j ? r : width); c++) {
            g->gram[(column + c) * n + row + r] = tile[r * n + c];
        }
    }
    return LC_OK;
}

lc_status lc_gram_compute(const float *x, size_t rows, size_t dim, const double *centre, float *gram, lc_threads *threads)
{
    float *centred;
    LC_TRY(lc_blas_open());
    LC_TRY(lc_alloc_raw(&centred, rows * dim, sizeof *centred));
    for (size_t i = 0; i < rows; i++) {
        for (size_t d = 0; d < dim; d++) {
            centred[i * dim + d] = (float)((double)x[i * dim + d] - centre[d]);
        }
    }
    gram_job job = {centred, rows, dim, gram};
    size_t tiles = (rows + TILE - 1) / TILE;
    lc_status status = lc_parallel_for(threads, tiles * (tiles + 1) / 2, gram_tile, &job);
    free(centred);
    return status;
}
