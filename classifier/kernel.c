#include "classifier/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/gram.h"
#include "classifier/loops.h"
#include "common/interrupt.h"
#include "common/memory.h"

enum { TILE = 128 };

const char *const lc_kernel_names[] = {"linear", "rbf", "poly", "chi2", "intersection", NULL};

lc_kernel_kind lc_kernel_kind_of(const char *name)
{
    int i = 0;
    while (lc_kernel_names[i + 1] && strcmp(lc_kernel_names[i], name) != 0) {
        i++;
    }
    return (lc_kernel_kind)i;
}

bool lc_kernel_centred(lc_kernel_kind kind)
{
    return kind == LC_KERNEL_LINEAR || kind == LC_KERNEL_RBF;
}

bool lc_kernel_wants_positive(lc_kernel_kind kind)
{
    return kind == LC_KERNEL_CHI2 || kind == LC_KERNEL_INTERSECTION;
}

double lc_kernel_value(const lc_kernel *k, double base)
{
    switch (k->kind) {
    case LC_KERNEL_RBF:
    case LC_KERNEL_CHI2:
        return exp(-k->gamma * base);
    case LC_KERNEL_POLY: {
        double power = 1, factor = k->gamma * base + k->coef0;
        for (unsigned d = k->degree; d > 0; d /= 2) {
            power *= d % 2 ? factor : 1;
            factor *= factor;
        }
        return power;
    }
    default:
        return base;
    }
}

/* A squared distance is never below 0 but for rounding. */
double lc_kernel_base(lc_kernel_kind kind, double square_a, double square_b, double product)
{
    return kind == LC_KERNEL_RBF ? fmax(square_a + square_b - 2 * product, 0) : product;
}

double lc_kernel_direct(lc_kernel_kind kind, const float *a, const float *b, size_t dim)
{
    const lc_loops *loops = lc_loops_get();
    return kind == LC_KERNEL_CHI2 ? loops->chi2(dim, a, b) : loops->intersection(dim, a, b);
}

/* One tile at or below the diagonal, and its mirror image. */
typedef struct {
    lc_kernel_kind kind;
    const lc_kernel *kernel; /* NULL: bases */
    const float *x, *in;     /* bases from rows, or from products in `in` */
    size_t rows, dim;
    float *out;
} tile_job;

/* Row i of the tile, columns left..left+count-1. */
static void fill_row(const tile_job *job, size_t i, size_t left, size_t count)
{
    const lc_loops *loops = lc_loops_get();
    const float *in = job->in ? job->in + i * job->rows + left : NULL;
    float *out = job->out + i * job->rows + left;
    if (job->kernel && (job->kind == LC_KERNEL_RBF || job->kind == LC_KERNEL_CHI2)) {
        loops->gaussians(count, job->kernel->gamma, in, out);
        return;
    }
    for (size_t j = 0; j < count; j++) {
        out[j] = job->kernel ? (float)lc_kernel_value(job->kernel, (double)in[j])
                             : (float)lc_kernel_direct(job->kind, job->x + i * job->dim, job->x + (left + j) * job->dim,
                                                       job->dim);
    }
}

static lc_status fill_tile(void *context, size_t item)
{
    const tile_job *job = context;
    LC_TRY(lc_interrupt_check());
    size_t row = 0, n = job->rows;
    while ((row + 1) * (row + 2) / 2 <= item) {
        row++;
    }
    size_t top = row * TILE, left = (item - row * (row + 1) / 2) * TILE, end = top + TILE < n ? top + TILE : n;
    for (size_t i = top; i < end; i++) {
        size_t last = i < left + TILE - 1 ? i : left + TILE - 1;
        fill_row(job, i, left, last - left + 1);
    }
    for (size_t j = left; j < left + TILE && j < end; j++) {
        for (size_t i = top > j ? top : j; i < end; i++) {
            job->out[j * n + i] = job->out[i * n + j];
        }
    }
    return LC_OK;
}

static lc_status fill(tile_job *job, lc_threads *threads)
{
    size_t tiles = (job->rows + TILE - 1) / TILE;
    return lc_parallel_for(threads, tiles * (tiles + 1) / 2, fill_tile, job);
}

/* Squared distances in place of products, whose diagonal stands apart in x. */
static lc_status distance_row(void *context, size_t i)
{
    const tile_job *job = context;
    lc_loops_get()->distances(job->rows, job->x[i], job->x, job->out + i * job->rows);
    job->out[i * (job->rows + 1)] = 0;
    return LC_OK;
}

static lc_status distances(float *base, size_t rows, lc_threads *threads)
{
    float *squares;
    LC_TRY(lc_alloc_raw(&squares, rows, sizeof *squares));
    for (size_t i = 0; i < rows; i++) {
        squares[i] = base[i * (rows + 1)];
    }
    tile_job job = {.x = squares, .rows = rows, .out = base};
    lc_status status = lc_parallel_for(threads, rows, distance_row, &job);
    free(squares);
    return status;
}

lc_status lc_kernel_bases(lc_kernel_kind kind, const float *x, size_t rows, size_t dim, const double *centre, float *base,
                          lc_threads *threads)
{
    tile_job job = {.kind = kind, .x = x, .rows = rows, .dim = dim, .out = base};
    if (lc_kernel_wants_positive(kind)) {
        return fill(&job, threads);
    }
    LC_TRY(lc_gram_compute(x, rows, dim, centre, base, threads));
    return kind == LC_KERNEL_RBF ? distances(base, rows, threads) : LC_OK;
}

lc_status lc_kernel_matrix(const lc_kernel *kernel, const float *base, size_t rows, float *out, lc_threads *threads)
{
    tile_job job = {.kind = kernel->kind, .kernel = kernel, .in = base, .rows = rows, .out = out};
    return fill(&job, threads);
}
