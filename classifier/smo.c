/*
 * The dual of a C-SVC is  min_a 1/2 a'Qa - sum(a),  0 <= a_t <= C_t,  sum_t y_t a_t = 0,  Q_st = y_s y_t K_st. With G its
 * gradient let f_t = -y_t G_t = y_t - sum_s y_s a_s K_st. Moving b_t = y_t a_t by +delta at i and -delta at j keeps the
 * constraint and changes f_t by -delta (K_it - K_jt): no sign of y is left in any loop. A row may go up (b_t larger) while
 * it is not at that end of its box, and likewise down; the machine is optimal when no row that may go up has a larger f
 * than one that may go down, and LIBSVM stops when the largest less the smallest is below eps.
 *
 * i is the row that may go up with the largest f. Of the rows that may go down, j is the one with which the pair gains
 * most: (f_i - f_j)^2 / (K_ii + K_jj - 2 K_ij). The step delta = (f_i - f_j) / (K_ii + K_jj - 2 K_ij) is cut at the box.
 *
 * Why not svm_train itself. With a precomputed kernel LIBSVM reads K(i, j) as x[i][(int)x[j][0].value].value: 16 bytes of
 * a node, and a second cache line to learn the column, per value, into a copy of its own for every pair, fold and C. Here a
 * kernel row is gathered once per machine from a float32 matrix and serves all costs; and since a path of costs grows, each
 * starts at the last one's solution. LIBSVM's shrinking saves loads that these loops hardly feel and is left out.
 *
 * Measured, one rbf fit of 10 classes at C = 10, the pairs on two threads, LIBSVM 3.24 on a shared matrix of nodes: 2 000 rows
 * 0.015 s here, 0.045 to 0.057 s there; 10 000 rows 0.10 to 0.11 s here, 0.41 to 0.46 s there and 0.67 s to fill the nodes, which
 * take 1.6 GB where the matrix takes 0.4. 20 000 rows would want 6.4 GB of nodes. That both end at the same machine is held by
 * tests/test_classifier.c and, against svm-train itself, tests/compare_stock.py.
 */
#include "classifier/smo.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/loops.h"
#include "common/interrupt.h"
#include "common/log.h"
#include "common/memory.h"

static const double tau = 1e-12;
enum { CHECK_STEPS = 1 << 14 };

struct lc_smo {
    lc_smo_problem p;
    const lc_loops *loops;
    bool direct;             /* the rows are all of the kernel's, in order: nothing to gather */
    double *alpha, *f;       /* (rows) */
    float *up, *low;         /* (rows) 0, or what keeps a row from being chosen: -inf, +inf */
    float *diagonal, *zeros; /* (rows) */
    double cost[2];          /* of +1, of -1 */
    size_t slots, used, next;
    float **row;   /* (rows) where row t is kept, or NULL */
    size_t *owner; /* (slots) */
    float **slot;  /* (slots) */
};

void lc_smo_free(lc_smo *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; s->slot && i < s->used; i++) {
        free(s->slot[i]);
    }
    void *const arrays[] = {s->alpha, s->f, s->up, s->low, s->diagonal, s->zeros, s->row, s->owner, s->slot};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        free(arrays[i]);
    }
    free(s);
}

lc_status lc_smo_new(lc_smo **out, const lc_smo_problem *p)
{
    lc_smo *s;
    size_t n = p->rows;
    *out = NULL;
    LC_TRY(lc_alloc_array(&s, 1, sizeof *s));
    s->p = *p;
    s->loops = lc_loops_get();
    s->slots = LC_SMO_CACHE / (n * sizeof(float));
    s->slots = s->slots < 2 ? 2 : s->slots > n ? n : s->slots;
    lc_status status;
    if ((status = lc_alloc_array(&s->alpha, n, sizeof *s->alpha)) != LC_OK ||
        (status = lc_alloc_raw(&s->f, n, sizeof *s->f)) != LC_OK ||
        (status = lc_alloc_raw(&s->up, n, sizeof *s->up)) != LC_OK ||
        (status = lc_alloc_raw(&s->low, n, sizeof *s->low)) != LC_OK ||
        (status = lc_alloc_raw(&s->diagonal, n, sizeof *s->diagonal)) != LC_OK ||
        (status = lc_alloc_array(&s->zeros, n, sizeof *s->zeros)) != LC_OK ||
        (status = lc_alloc_array(&s->row, n, sizeof *s->row)) != LC_OK ||
        (status = lc_alloc_array(&s->owner, s->slots, sizeof *s->owner)) != LC_OK ||
        (status = lc_alloc_array(&s->slot, s->slots, sizeof *s->slot)) != LC_OK) {
        lc_smo_free(s);
        return status;
    }
    s->direct = n == p->stride;
    for (size_t t = 0; t < n; t++) {
        s->f[t] = t < p->positive ? 1 : -1;
        s->diagonal[t] = p->kernel[p->index[t] * (p->stride + 1)];
        s->direct = s->direct && p->index[t] == t;
    }
    *out = s;
    return LC_OK;
}

/* Row t of the problem's own kernel; `keep` must stay where it is. */
static lc_status fetch(lc_smo *s, size_t t, size_t keep, const float **out)
{
    const float *whole = s->p.kernel + s->p.index[t] * s->p.stride;
    if (s->direct || s->row[t]) {
        *out = s->direct ? whole : s->row[t];
        return LC_OK;
    }
    size_t at = s->used;
    if (s->used < s->slots) {
        LC_TRY(lc_alloc_raw(&s->slot[at], s->p.rows, sizeof **s->slot));
        s->used++;
    } else {
        at = s->owner[s->next] == keep ? (s->next + 1) % s->slots : s->next;
        s->next = (at + 1) % s->slots;
        s->row[s->owner[at]] = NULL;
    }
    s->loops->gather(s->p.rows, whole, s->p.index, s->slot[at]);
    s->owner[at] = t;
    s->row[t] = s->slot[at];
    *out = s->row[t];
    return LC_OK;
}

/* What row t may do, by where its alpha stands in its box. */
static void mark(lc_smo *s, size_t t)
{
    bool positive = t < s->p.positive, zero = s->alpha[t] <= 0, full = s->alpha[t] >= s->cost[!positive];
    s->up[t] = (positive ? full : zero) ? -INFINITY : 0;
    s->low[t] = (positive ? zero : full) ? INFINITY : 0;
}

/* Moves b_t by `sign` delta; at an end of the box exactly there. */
static void move(lc_smo *s, size_t t, double sign, double delta, double room)
{
    bool grows = (t < s->p.positive) == (sign > 0);
    double end = grows ? s->cost[t >= s->p.positive] : 0;
    s->alpha[t] = delta >= room ? end : s->alpha[t] + (grows ? delta : -delta);
    mark(s, t);
}

lc_status lc_smo_solve(lc_smo *s, double cost_positive, double cost_negative)
{
    size_t n = s->p.rows, most = n > 100000 ? 100 * n : 10000000, i, j;
    const float *row_i, *row_j;
    s->cost[0] = cost_positive;
    s->cost[1] = cost_negative;
    for (size_t t = 0; t < n; t++) {
        mark(s, t);
    }
    double top = s->loops->step(n, s->f, s->up, s->zeros, s->zeros, 0, &i);
    for (size_t steps = 0; isfinite(top); steps++) {
        if (steps % CHECK_STEPS == 0) {
            LC_TRY(lc_interrupt_check());
        }
        LC_TRY(fetch(s, i, i, &row_i));
        double bottom = s->loops->choose(n, s->f, s->low, row_i, s->diagonal, s->diagonal[i], top, &j);
        if (top - bottom < s->p.eps || j == n) {
            return LC_OK;
        }
        if (steps == most) {
            lc_log(LC_LOG_WARNING, "a machine of %zu rows is not at its optimum after %zu steps (violation %.3g, wanted %.0e)",
                   n, most, top - bottom, s->p.eps);
            return LC_OK;
        }
        LC_TRY(fetch(s, j, i, &row_j));
        double curvature = (double)s->diagonal[i] + (double)s->diagonal[j] - 2 * (double)row_i[j];
        double room_i = i < s->p.positive ? s->cost[0] - s->alpha[i] : s->alpha[i];
        double room_j = j < s->p.positive ? s->alpha[j] : s->cost[1] - s->alpha[j];
        double delta = (s->f[i] - s->f[j]) / (curvature > tau ? curvature : tau);
        delta = fmin(delta, fmin(room_i, room_j));
        move(s, i, 1, delta, room_i);
        move(s, j, -1, delta, room_j);
        top = s->loops->step(n, s->f, s->up, row_i, row_j, delta, &i);
    }
    return LC_OK;
}

void lc_smo_coefficients(const lc_smo *s, double *coefficients)
{
    for (size_t t = 0; t < s->p.rows; t++) {
        coefficients[t] = t < s->p.positive ? s->alpha[t] : -s->alpha[t];
    }
}

/* -f is the same for all rows inside their boxes; without any, the middle of what the others allow. */
double lc_smo_rho(const lc_smo *s)
{
    double sum = 0, above = INFINITY, below = -INFINITY;
    size_t inside = 0;
    for (size_t t = 0; t < s->p.rows; t++) {
        bool up = isfinite(s->up[t]), low = isfinite(s->low[t]);
        if (up && low) {
            sum += s->f[t];
            inside++;
        } else if (up) {
            below = fmax(below, s->f[t]);
        } else {
            above = fmin(above, s->f[t]);
        }
    }
    return inside ? -sum / (double)inside : -(above + below) / 2;
}
