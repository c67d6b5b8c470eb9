/*
 * Rows are cut into parts that depend on their number alone; each part sums its X'r (in float32 unless precise) over blocks of
 * rows, and the parts are added in order in float64. Taking a centre off is  (X - 1c')v = Xv - (c'v)1  and  (X - 1c')'r = X'r - c(1'r).
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
    bool precise;
    double *v;     /* (dim + 1, stride) */
    float *v32;    /* (dim, stride) the same, and: */
    float *g32;    /* (parts, dim, stride); NULL if precise */
    double *g;     /* (parts, dim, stride) if precise */
    double *sums;  /* (parts, stride) of r */
    double *loss;  /* (parts, count) */
    double *total; /* (dim + 1, stride) */
    const double *centre;
} product_job;

/* What one part works with. */
typedef struct {
    double *u;   /* (BLOCK, stride) */
    float *u32;  /* the same, unless precise */
    double *x64; /* (BLOCK, dim) if precise */
} part_scratch;

/* u (count, stride) = X v of a block of rows. */
static void multiply_block(const product_job *job, const part_scratch *s, const float *x, size_t count)
{
    size_t stride = job->stride;
    const double *bias = job->v + job->dim * stride;
    if (job->precise) {
        for (size_t i = 0; i < count * job->dim; i++) {
            s->x64[i] = (double)x[i];
        }
        lc_blas_gemm_f64(false, count, stride, job->dim, s->x64, job->dim, job->v, stride, s->u, stride);
    } else {
        lc_blas_gemm(false, count, stride, job->dim, x, job->dim, job->v32, stride, s->u32, stride);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < stride; c++) {
            double product = job->precise ? s->u[i * stride + c] : (double)s->u32[i * stride + c];
            s->u[i * stride + c] = product + bias[c];
        }
    }
}

/* Adds X'u of a block of rows to the part's share, and the columns of u to sums. */
static void add_block(const product_job *job, const part_scratch *s, size_t part, const float *x, size_t count, double *sums)
{
    size_t stride = job->stride, at = part * job->dim * stride;
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < stride; c++) {
            if (!job->precise) {
                s->u32[i * stride + c] = (float)s->u[i * stride + c];
            }
            sums[c] += job->precise ? s->u[i * stride + c] : (double)s->u32[i * stride + c];
        }
    }
    if (job->precise) {
        lc_blas_gemm_tn_f64(job->dim, stride, count, s->x64, job->dim, s->u, stride, job->g + at, stride);
    } else {
        lc_blas_gemm_tn(job->dim, stride, count, x, job->dim, s->u32, stride, job->g32 + at, stride);
    }
}

static lc_status multiply_part(void *context, size_t part)
{
    const product_job *job = context;
    size_t stride = job->stride, begin = part * job->part_rows, share = job->dim * stride;
    size_t end = begin + job->part_rows < job->rows ? begin + job->part_rows : job->rows;
    part_scratch s = {0};
    double *sums = job->sums + part * stride;
    lc_status status = lc_interrupt_check();
    if (status != LC_OK || (status = lc_alloc_raw(&s.u, BLOCK * stride, sizeof *s.u)) != LC_OK ||
        (!job->precise && (status = lc_alloc_raw(&s.u32, BLOCK * stride, sizeof *s.u32)) != LC_OK) ||
        (job->precise && (status = lc_alloc_raw(&s.x64, BLOCK * job->dim, sizeof *s.x64)) != LC_OK)) {
        goto done;
    }
    if (job->precise) {
        memset(job->g + part * share, 0, share * sizeof *job->g);
    } else {
        memset(job->g32 + part * share, 0, share * sizeof *job->g32);
    }
    memset(sums, 0, stride * sizeof *sums);
    for (size_t first = begin; first < end; first += BLOCK) {
        size_t count = end - first < BLOCK ? end - first : BLOCK, column = 0;
        const float *x = job->x + first * job->dim;
        multiply_block(job, &s, x, count);
        for (size_t f = 0; f < job->count; f++) {
            job->loss[part * job->count + f] += job->fits[f]->rows(job->fits[f]->state, first, count, s.u + column, stride);
            column += job->fits[f]->columns;
        }
        add_block(job, &s, part, x, count, sums);
    }
done:
    free(s.u);
    free(s.u32);
    free(s.x64);
    return status;
}

static lc_status add_parts(void *context, size_t d)
{
    const product_job *job = context;
    double *out = job->total + d * job->stride;
    memset(out, 0, job->stride * sizeof *out);
    for (size_t p = 0; p < job->parts; p++) {
        for (size_t c = 0; c < job->stride; c++) {
            size_t at = (p * job->dim + d) * job->stride + c;
            out[c] += d == job->dim ? job->sums[p * job->stride + c] : job->precise ? job->g[at] : (double)job->g32[at];
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
    double *bias = job->v + job->dim * job->stride;
    for (size_t f = 0, column = 0; f < job->count; column += job->fits[f++]->columns) {
        job->fits[f]->ask(job->fits[f]->state, job->v + column, job->stride);
    }
    for (size_t i = 0; !job->precise && i < job->dim * job->stride; i++) {
        job->v32[i] = (float)job->v[i];
    }
    for (size_t c = 0; job->centre && c < job->stride; c++) {
        for (size_t d = 0; d < job->dim; d++) {
            size_t i = d * job->stride + c;
            bias[c] -= job->centre[d] * (job->precise ? job->v[i] : (double)job->v32[i]);
        }
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

/* Columns that are worked on at a time. */
static size_t columns_at_once(size_t columns, size_t widest)
{
    return columns < MAX_COLUMNS ? columns : widest > MAX_COLUMNS ? widest : MAX_COLUMNS;
}

double lc_products_bytes(size_t dim, size_t columns, size_t widest, bool precise, size_t threads)
{
    double w = (double)columns_at_once(columns, widest), n = (double)dim, t = (double)threads;
    return precise ? w * n * (2 + PARTS) * sizeof(double) + t * BLOCK * (w + n) * sizeof(double)
                   : w * n * (2 * sizeof(double) + (1 + PARTS) * sizeof(float)) + t * BLOCK * w * (sizeof(double) + sizeof(float));
}

lc_status lc_products_run(const float *x, size_t rows, size_t dim, const double *centre, bool precise, lc_product_fit *fits,
                          size_t count, lc_threads *threads)
{
    product_job job = {.x = x, .rows = rows, .dim = dim, .centre = centre, .precise = precise};
    bool *done = NULL;
    size_t widest = 0, next = 0, columns = 0;
    job.part_rows = (rows + PARTS - 1) / PARTS;
    job.parts = (rows + job.part_rows - 1) / job.part_rows;
    for (size_t f = 0; f < count; f++) {
        widest = fits[f].columns > widest ? fits[f].columns : widest;
        columns += fits[f].columns;
    }
    widest = columns_at_once(columns, widest);
    lc_status status;
    if ((status = lc_blas_open()) != LC_OK || (status = lc_alloc_raw(&done, count, sizeof *done)) != LC_OK ||
        (status = lc_alloc_raw(&job.fits, count, sizeof *job.fits)) != LC_OK ||
        (status = lc_alloc_raw(&job.v, (dim + 1) * widest, sizeof *job.v)) != LC_OK ||
        (precise && (status = lc_alloc_raw(&job.g, job.parts * dim * widest, sizeof *job.g)) != LC_OK) ||
        (!precise && (status = lc_alloc_raw(&job.v32, dim * widest, sizeof *job.v32)) != LC_OK) ||
        (!precise && (status = lc_alloc_raw(&job.g32, job.parts * dim * widest, sizeof *job.g32)) != LC_OK) ||
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
    free(job.v32);
    free(job.g);
    free(job.g32);
    free(job.sums);
    free(job.loss);
    free(job.total);
    return status;
}
