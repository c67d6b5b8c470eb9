#include "classifier/hinge.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/covariance.h"
#include "classifier/loops.h"
#include "common/blas.h"
#include "common/memory.h"

enum { MOST = 4096, MAX_STEPS = 200, ROWS = 256, COLUMNS = 256, HALVINGS = 60, GROWTH = 8 };
/* Products in a step with all rows inside the margin: some seconds. */
static const double most_work = 2.5e11;
/* A full step that moves no decision by more than this share of the largest is the last for a C; and for one on the way. */
static const double settled = 1e-7, on_the_way = 1e-2;

typedef struct {
    const lc_hinge *hinge;
    const lc_loops *loops;
    lc_threads *threads;
    double c;           /* on the way to the hinge's */
    size_t *active;     /* (count) rows inside the margin; in between, those of one side */
    size_t count;
    double *z, *slope;  /* (rows) decisions at w, and of step */
    double *step;       /* (dim + 1) */
    double *solution;   /* (dim + 1) the minimum while the active rows stay the same */
    double *weights;    /* (rows) factors of active rows, summed into solution */
    double *zeros;      /* (dim) */
    double *matrix; /* (side, side) */
    double *more;   /* (dim, dim) or NULL: there are no more rows than columns */
    const double *of;   /* (dim + 1) what decide() multiplies by */
    double *into;
} minimiser;

bool lc_hinge_fits(size_t rows, size_t dim)
{
    double side = fmin((double)rows, (double)dim);
    return side < MOST && (double)rows * (double)dim * side <= most_work;
}

double lc_hinge_bytes(size_t rows, size_t dim)
{
    double n = (double)rows, d = (double)dim + 1, side = dim < rows ? d : n;
    return (side * side + (dim < rows ? d * d : 0) + 4 * n + 3 * d) * sizeof(double);
}

static lc_status decide(void *context, size_t item)
{
    const minimiser *m = context;
    size_t dim = m->hinge->dim, end = (item + 1) * ROWS < m->hinge->rows ? (item + 1) * ROWS : m->hinge->rows;
    for (size_t i = item * ROWS; i < end; i++) {
        m->into[i] = m->loops->dot_f64(dim, m->hinge->x + i * dim, m->of) + m->of[dim];
    }
    return LC_OK;
}

/* into (rows) = X of. */
static lc_status decisions(minimiser *m, const double *of, double *into)
{
    m->of = of;
    m->into = into;
    return lc_parallel_for(m->threads, (m->hinge->rows + ROWS - 1) / ROWS, decide, m);
}

static lc_status add_columns(void *context, size_t item)
{
    minimiser *m = context;
    size_t dim = m->hinge->dim, first = item * COLUMNS, end = first + COLUMNS < dim ? first + COLUMNS : dim;
    memset(m->solution + first, 0, (end - first) * sizeof *m->solution);
    for (size_t i = 0; i < m->count; i++) {
        const float *x = m->hinge->x + m->active[i] * dim;
        for (size_t d = first; d < end; d++) {
            m->solution[d] += m->weights[i] * (double)x[d];
        }
    }
    return LC_OK;
}

/* solution = X_I' weights. */
static lc_status add_rows(minimiser *m)
{
    size_t dim = m->hinge->dim;
    m->solution[dim] = 0;
    for (size_t i = 0; i < m->count; i++) {
        m->solution[dim] += m->weights[i];
    }
    return lc_parallel_for(m->threads, (dim + COLUMNS - 1) / COLUMNS, add_columns, m);
}

static double cost_of(const minimiser *m, size_t i)
{
    return (double)m->hinge->cost[m->active[i]];
}

/* From the side of the rows: a = (D^-1/2C + X_I X_I' + 1)^-1 y_I. */
static lc_status solve_dual(minimiser *m)
{
    const lc_hinge *h = m->hinge;
    size_t n = m->count;
    LC_TRY(lc_inner(h->x, h->dim, m->active, n, m->zeros, m->matrix, m->threads));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            m->matrix[i * n + j] += 1;
        }
        m->matrix[i * n + i] += 1 / (2 * m->c * cost_of(m, i));
        m->weights[i] = h->y[m->active[i]];
    }
    LC_TRY(lc_blas_solve_spd(n, m->matrix, m->weights));
    return add_rows(m);
}

/* matrix (dim + 1, dim + 1) += cost * sum of x x' over active rows of one side; their order changes. */
static lc_status add_side(minimiser *m, double side)
{
    const lc_hinge *h = m->hinge;
    size_t dim = h->dim, n = 0;
    for (size_t i = 0; i < m->count; i++) { /* those of the side to the front */
        size_t row = m->active[i];
        if (h->y[row] == side) {
            m->active[i] = m->active[n];
            m->active[n++] = row;
        }
    }
    if (n == 0) {
        return LC_OK;
    }
    double cost = cost_of(m, 0);
    LC_TRY(lc_scatter(h->x, dim, m->active, n, m->zeros, NULL, m->more, m->threads));
    for (size_t i = 0; i < dim; i++) {
        for (size_t j = 0; j < dim; j++) {
            m->matrix[i * (dim + 1) + j] += cost * m->more[i * dim + j];
        }
    }
    return LC_OK;
}

/* From the side of the columns: w = (1/2C + X_I'D X_I)^-1 X_I'D y_I. */
static lc_status solve_primal(minimiser *m)
{
    const lc_hinge *h = m->hinge;
    size_t dim = h->dim, n = dim + 1;
    memset(m->matrix, 0, n * n * sizeof *m->matrix);
    LC_TRY(add_side(m, 1));
    LC_TRY(add_side(m, -1));
    for (size_t i = 0; i < m->count; i++) { /* the feature that is always 1 */
        m->weights[i] = cost_of(m, i);
    }
    LC_TRY(add_rows(m));
    for (size_t d = 0; d < n; d++) {
        m->matrix[d * n + dim] = m->matrix[dim * n + d] = m->solution[d];
        m->matrix[d * n + d] += 1 / (2 * m->c);
    }
    for (size_t i = 0; i < m->count; i++) {
        m->weights[i] = cost_of(m, i) * h->y[m->active[i]];
    }
    LC_TRY(add_rows(m));
    return lc_blas_solve_spd(n, m->matrix, m->solution);
}

/* The slope of the objective at w + share * step. */
static double slope_at(const minimiser *m, const double *w, double share)
{
    const lc_hinge *h = m->hinge;
    double sum = 0;
    for (size_t d = 0; d <= h->dim; d++) {
        sum += m->step[d] * (w[d] + share * m->step[d]);
    }
    for (size_t i = 0; i < h->rows; i++) {
        double inside = 1 - h->y[i] * (m->z[i] + share * m->slope[i]);
        sum -= inside > 0 ? 2 * m->c * (double)h->cost[i] * h->y[i] * inside * m->slope[i] : 0;
    }
    return sum;
}

/* How far along step the objective falls, at most all of it. */
static double search_line(const minimiser *m, const double *w)
{
    double low = 0, high = 1;
    if (slope_at(m, w, 1) <= 0) {
        return 1;
    }
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        *(slope_at(m, w, middle) > 0 ? &high : &low) = middle;
    }
    return low;
}

static lc_status one_step(minimiser *m, double *w, double tolerance, bool *done)
{
    const lc_hinge *h = m->hinge;
    double moved = 0, largest = 0;
    m->count = 0;
    for (size_t i = 0; i < h->rows; i++) {
        if (h->cost[i] > 0 && h->y[i] * m->z[i] < 1) {
            m->active[m->count++] = i;
        }
    }
    if (m->count == 0) { /* beyond the minimum: the way is back to 0, where all are inside */
        memset(m->solution, 0, (h->dim + 1) * sizeof *m->solution);
    } else {
        LC_TRY(m->count > h->dim ? solve_primal(m) : solve_dual(m));
    }
    for (size_t d = 0; d <= h->dim; d++) {
        m->step[d] = m->solution[d] - w[d];
    }
    LC_TRY(decisions(m, m->step, m->slope));
    double share = search_line(m, w);
    for (size_t d = 0; d <= h->dim; d++) {
        w[d] += share * m->step[d];
    }
    for (size_t i = 0; i < h->rows; i++) {
        m->z[i] += share * m->slope[i];
        moved = fmax(moved, fabs(m->slope[i]));
        largest = fmax(largest, fabs(m->z[i]));
    }
    *done = moved <= tolerance * largest || share <= 0;
    return LC_OK;
}

lc_status lc_hinge_minimise(const lc_hinge *h, double from, double *w, lc_threads *threads)
{
    minimiser m = {.hinge = h, .loops = lc_loops_get(), .threads = threads};
    size_t side = h->dim < h->rows ? h->dim + 1 : h->rows, n = h->dim + 1;
    lc_status status;
    if ((status = lc_alloc_raw(&m.active, h->rows, sizeof *m.active)) != LC_OK ||
        (status = lc_alloc_raw(&m.z, h->rows, sizeof *m.z)) != LC_OK ||
        (status = lc_alloc_raw(&m.slope, h->rows, sizeof *m.slope)) != LC_OK ||
        (status = lc_alloc_raw(&m.weights, h->rows, sizeof *m.weights)) != LC_OK ||
        (status = lc_alloc_raw(&m.step, n, sizeof *m.step)) != LC_OK ||
        (status = lc_alloc_raw(&m.solution, n, sizeof *m.solution)) != LC_OK ||
        (status = lc_alloc_array(&m.zeros, n, sizeof *m.zeros)) != LC_OK ||
        (status = lc_alloc_raw(&m.matrix, side * side, sizeof *m.matrix)) != LC_OK ||
        (h->dim < h->rows && (status = lc_alloc_raw(&m.more, h->dim * h->dim, sizeof *m.more)) != LC_OK)) {
        goto done;
    }
    status = decisions(&m, w, m.z);
    for (m.c = from; status == LC_OK;) {
        m.c = fmin(GROWTH * m.c, h->c);
        bool done = false;
        for (int i = 0; i < MAX_STEPS && status == LC_OK && !done; i++) {
            status = one_step(&m, w, m.c < h->c ? on_the_way : settled, &done);
        }
        if (m.c >= h->c) {
            break;
        }
    }
done:;
    void *const arrays[] = {m.active, m.z, m.slope, m.weights, m.step, m.solution, m.zeros, m.matrix, m.more};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        free(arrays[i]);
    }
    return status;
}
