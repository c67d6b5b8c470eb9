/*
 * Rows are cut into parts that depend on their number alone; each part sums its X'r in float32 over blocks of rows, and the
 * parts are added in order in float64. Taking a centre off is  (X - 1c')v = Xv - (c'v)1  and  (X - 1c')'r = X'r - c(1'r).
 */
#include "classifier/products.h"

#include <stdlib.h>
#include <string.h>

#include "common/blas.h"
#include "common/interrupt.h"
#include "common/memory.h"

enum { BLOCK = 256, PARTS = 16, MAX_COLUMNS = 640, SMALL = 1 << 21 };

typedef struct {
    const float *x;
    size_t rows, dim, stride, part_rows, parts;
    lc_product_fit **fits; /* (count) those still at work */
    size_t count;
    float *v;      /* (dim + 1, stride) */
    float *g;      /* (parts, dim, stride) */
    double *sums;  /* (parts, stride) of r */
    double *loss;  /* (parts, count) */
    double *total; /* (dim + 1, stride) */
    const double *centre;
} product_job;

static lc_status multiply_part(void *context, size_t part)
{
    const product_job *job = context;
    size_t stride = job->stride, begin = part * job->part_rows;
    size_t end = begin + job->part_rows < job->rows ? begin + job->part_rows : job->rows;
    float *u, *g = job->g + part * job->dim * stride;
    double *sums = job->sums + part * stride;
    LC_TRY(lc_interrupt_check());
    LC_TRY(lc_alloc_raw(&u, BLOCK * stride, sizeof *u));
    memset(g, 0, job->dim * stride * sizeof *g);
    memset(sums, 0, stride * sizeof *sums);
    for (size_t first = begin; first < end; first += BLOCK) {
        size_t count = end - first < BLOCK ? end - first : BLOCK, column = 0;
        const float *x = job->x + first * job->dim, *bias = job->v + job->dim * stride;
        lc_blas_gemm(false, count, stride, job->dim, x, job->dim, job->v, stride, u, stride);
        for (size_t i = 0; i < count; i++) {
            for (size_t c = 0; c < stride; c++) {
                u[i * stride + c] += bias[c];
            }
        }
        for (size_t f = 0; f < job->count; f++) {
            job->loss[part * job->count + f] += job->fits[f]->rows(job->fits[f]->state, first, count, u + column, stride);
            column += job->fits[f]->columns;
        }
        lc_blas_gemm_tn(job->dim, stride, count, x, job->dim, u, stride, g, stride);
        for (size_t i = 0; i < count; i++) {
            for (size_t c = 0; c < stride; c++) {
                sums[c] += (double)u[i * stride + c];
            }
        }
    }
    free(u);
    return LC_OK;
}

static lc_status add_parts(void *context, size_t d)
{
    const product_job *job = context;
    double *out = job->total + d * job->stride;
    memset(out, 0, job->stride * sizeof *out);
    for (size_t p = 0; p < job->parts; p++) {
        for (size_t c = 0; c < job->stride; c++) {
            out[c] += d < job->dim ? (double)job->g[(p * job->dim + d) * job->stride + c] : job->sums[p * job->stride + c];
        }
    }
    return LC_OK;
}

static void take_centre_off(const product_job *job)
{
    const double *sum = job->total + job->dim * job->stride;
    for (size_t d = 0; job->centre && d < job->dim; d++) {
        for (size_t c = 0; c < job->stride; c++) {
            job->total[d * job->stride + c] -= job->centre[d] * sum[c];
        }
    }
}

static void ask_all(const product_job *job)
{
    float *bias = job->v + job->dim * job->stride;
    for (size_t f = 0, column = 0; f < job->count; column += job->fits[f++]->columns) {
        job->fits[f]->ask(job->fits[f]->state, job->v + column, job->stride);
    }
    for (size_t c = 0; job->centre && c < job->stride; c++) {
        double product = 0;
        for (size_t d = 0; d < job->dim; d++) {
            product += job->centre[d] * (double)job->v[d * job->stride + c];
        }
        bias[c] = (float)((double)bias[c] - product);
    }
}

typedef struct {
    const product_job *job;
    bool *done;
} advance_job;

static lc_status advance_one(void *context, size_t f)
{
    const advance_job *a = context;
    const product_job *job = a->job;
    size_t column = 0;
    double loss = 0;
    for (size_t i = 0; i < f; i++) {
        column += job->fits[i]->columns;
    }
    for (size_t p = 0; p < job->parts; p++) {
        loss += job->loss[p * job->count + f];
    }
    a->done[f] = !job->fits[f]->advance(job->fits[f]->state, job->total + column, job->stride, loss);
    return LC_OK;
}

/* One round of the fits in job; those that are done leave the list. */
static lc_status one_round(product_job *job, bool *done, lc_threads *threads)
{
    job->stride = 0;
    for (size_t f = 0; f < job->count; f++) {
        job->stride += job->fits[f]->columns;
    }
    memset(job->loss, 0, job->parts * job->count * sizeof *job->loss);
    /* Waking the pool costs more than a small product; who computes it changes nothing. */
    threads = job->rows * job->dim * job->stride < SMALL ? NULL : threads;
    ask_all(job);
    LC_TRY(lc_parallel_for(threads, job->parts, multiply_part, job));
    LC_TRY(lc_parallel_for(threads, job->dim + 1, add_parts, job));
    take_centre_off(job);
    advance_job a = {job, done};
    LC_TRY(lc_parallel_for(threads, job->count, advance_one, &a));
    size_t kept = 0;
    for (size_t f = 0; f < job->count; f++) {
        if (!done[f]) {
            job->fits[kept++] = job->fits[f];
        }
    }
    job->count = kept;
    return LC_OK;
}

lc_status lc_products_run(const float *x, size_t rows, size_t dim, const double *centre, lc_product_fit *fits, size_t count,
                          lc_threads *threads)
{
    product_job job = {.x = x, .rows = rows, .dim = dim, .centre = centre};
    bool *done = NULL;
    size_t widest = 0, next = 0, columns = 0;
    job.part_rows = (rows + PARTS - 1) / PARTS;
    job.parts = (rows + job.part_rows - 1) / job.part_rows;
    for (size_t f = 0; f < count; f++) {
        widest = fits[f].columns > widest ? fits[f].columns : widest;
        columns += fits[f].columns;
    }
    widest = columns < MAX_COLUMNS ? columns : widest > MAX_COLUMNS ? widest : MAX_COLUMNS;
    lc_status status;
    if ((status = lc_blas_open()) != LC_OK || (status = lc_alloc_raw(&done, count, sizeof *done)) != LC_OK ||
        (status = lc_alloc_raw(&job.fits, count, sizeof *job.fits)) != LC_OK ||
        (status = lc_alloc_raw(&job.v, (dim + 1) * widest, sizeof *job.v)) != LC_OK ||
        (status = lc_alloc_raw(&job.g, job.parts * dim * widest, sizeof *job.g)) != LC_OK ||
        (status = lc_alloc_raw(&job.sums, job.parts * widest, sizeof *job.sums)) != LC_OK ||
        (status = lc_alloc_raw(&job.loss, job.parts * count, sizeof *job.loss)) != LC_OK ||
        (status = lc_alloc_raw(&job.total, (dim + 1) * widest, sizeof *job.total)) != LC_OK) {
        goto done;
    }
    while (status == LC_OK && (next < count || job.count > 0)) {
        columns = 0;
        for (size_t f = 0; f < job.count; f++) {
            columns += job.fits[f]->columns;
        }
        while (next < count && columns + fits[next].columns <= widest) {
            columns += fits[next].columns;
            job.fits[job.count++] = &fits[next++];
        }
        status = one_round(&job, done, threads);
    }
done:
    free(done);
    free(job.fits);
    free(job.v);
    free(job.g);
    free(job.sums);
    free(job.loss);
    free(job.total);
    return status;
}
