#include "classifier/kernel.h"

#include <math.h>
#include <string.h>

#include "classifier/gram.h"
#include "classifier/loops.h"
#include "common/interrupt.h"

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

static float value_at(const tile_job *job, size_t i, size_t j)
{
    const float *in = job->in;
    size_t n = job->rows;
    if (job->kernel) {
        return (float)lc_kernel_value(job->kernel, (double)in[i * n + j]);
    }
    return (float)lc_kernel_direct(job->kind, job->x + i * job->dim, job->x + j * job->dim, job->dim);
}

static lc_status fill_tile(void *context, size_t item)
{
    const tile_job *job = context;
    LC_TRY(lc_interrupt_check());
    size_t row = 0, n = job->rows;
    while ((row + 1) * (row + 2) / 2 <= item) {
        row++;
    }
    size_t top = row * TILE, left = (item - row * (row + 1) / 2) * TILE;
    for (size_t i = top; i < n && i < top + TILE; i++) {
        for (size_t j = left; j <= i && j < left + TILE; j++) {
            float value = value_at(job, i, j);
            job->out[i * n + j] = value;
            job->out[j * n + i] = value;
        }
    }
    return LC_OK;
}

static lc_status fill(tile_job *job, lc_threads *threads)
{
    size_t tiles = (job->rows + TILE - 1) / TILE;
    return lc_parallel_for(threads, tiles * (tiles + 1) / 2, fill_tile, job);
}

/* Squared distances in place of products; the diagonal is needed by all and comes last. */
static lc_status distance_row(void *context, size_t i)
{
    tile_job *job = context;
    size_t n = job->rows;
    for (size_t j = 0; j < n; j++) {
        if (j != i) {
            double product = (double)job->out[i * n + j];
            job->out[i * n + j] = (float)lc_kernel_base(job->kind, (double)job->out[i * (n + 1)],
                                                        (double)job->out[j * (n + 1)], product);
        }
    }
    return LC_OK;
}

lc_status lc_kernel_bases(lc_kernel_kind kind, const float *x, size_t rows, size_t dim, const double *centre, float *base,
                          lc_threads *threads)
{
    tile_job job = {.kind = kind, .x = x, .rows = rows, .dim = dim, .out = base};
    if (lc_kernel_wants_positive(kind)) {
        return fill(&job, threads);
    }
    LC_TRY(lc_gram_compute(x, rows, dim, centre, base, threads));
    if (kind == LC_KERNEL_RBF) {
        LC_TRY(lc_parallel_for(threads, rows, distance_row, &job));
        for (size_t i = 0; i < rows; i++) {
            base[i * (rows + 1)] = 0;
        }
    }
    return LC_OK;
}

lc_status lc_kernel_matrix(const lc_kernel *kernel, const float *base, size_t rows, float *out, lc_threads *threads)
{
    tile_job job = {.kind = kernel->kind, .kernel = kernel, .in = base, .rows = rows, .out = out};
    return fill(&job, threads);
}
