/*
 * "logreg": multinomial logistic regression, the linear probe of Kornblith, Shlens and Le, "Do better ImageNet models transfer
 * better?", CVPR 2019. With p = softmax(W x + b),
 *
 *     min_W,b  sum_i c_i -log p_i,y(i) + lambda/2 |W|^2           (b is not penalised; two classes: one logistic function)
 *
 * which is scikit-learn's LogisticRegression(C = 1 / lambda). L-BFGS (Nocedal, "Updating quasi-Newton matrices with limited
 * storage", 1980; the two-loop recursion of Nocedal and Wright, Numerical Optimization, alg. 7.4) with a backtracking line search;
 * its products run for all folds at once (products.h). Penalties are walked from the largest down, each starting at the
 * solution of the one before.
 *
 * Its first guess of the Hessian is lambda + share X'X, the share being the mean of p (1 - p) at hand (curvature.h), and the pairs of
 * differences that one penalty has left are right for the next when their y changes by (lambda' - lambda) s.
 *
 * Rows are centred: with a free b that changes nothing but the conditioning, which features after a ReLU, all of one sign,
 * have a bad one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/covariance.h"
#include "classifier/curvature.h"
#include "classifier/linear_machine.h"
#include "classifier/products.h"
#include "common/memory.h"

enum { P_LAMBDA, MEMORY = 10, MAX_STEPS = 1000 };
/*
 * A gradient this small relative to that at 0 ends a fit (in a search sooner); so do STALLED steps in a row that leave it where it was, since float32
 * products carry no further. They tell losses apart to `search_noise`; below that a step is judged by the slope at its end, as in Hager
 * and Zhang, "A new conjugate gradient method with guaranteed descent and an efficient line search", 2005.
 */
static const double relative_gradient = 1e-6, search_gradient = 1e-4, search_noise = 1e-6, final_noise = 1e-13;
enum { STALLED = 10 };
enum { MOST_CURVED = 4096, VECTORS = 6 };

/* A decomposition of dim^3 pays where the fits of all penalties have more columns x rows than dim^2; above MOST_CURVED it takes too long. */
static bool curvature_pays(size_t rows, size_t dim, double columns)
{
    return dim <= MOST_CURVED && columns * (double)rows > (double)dim * (double)dim;
}

/* One fold; where rows have several labels, one class of it. Vectors are (dim + 1, columns), the last row being b. */
typedef struct {
    const lc_clf_task *task;
    const lc_clf_fold *fold;
    const lc_clf_point *points;
    size_t count, point; /* points are taken from the last, the largest penalty */
    size_t present, columns, values;
    int32_t *labels, *index;
    int32_t class_; /* the one against all others; -1: all classes */
    float *cost; /* (rows) c_i; 0: held out */
    bool precise;
    const lc_curvature *curvature; /* NULL: none */
    float *scratch;                /* (2, dim, columns) for it */
    float *spread;                 /* (rows) mean over columns of p (1 - p), times c_i, where a step was tried */
    double share;                  /* their mean at w */
    double tolerance, noise, lambda, f, first_gradient, least_gradient, step;
    bool started;
    size_t steps, stalled, kept, newest;
    double *w, *gradient, *direction, *trial, *new_gradient;
    double *last, before; /* w at the penalty before the last, and the last */
    double *s[MEMORY], *y[MEMORY], rho[MEMORY];
    int32_t *said, *said_new; /* (rows) the label at w, and where a step was tried */
    int32_t *results;         /* (points, judged) or NULL */
    double *z, *z_new;        /* (rows) of one class: the decisions at w, and where a step was tried */
    double *decisions;        /* (points, judged) of one class, or NULL */
} probe;

static void probe_ask(void *state, double *v, size_t stride)
{
    const probe *p = state;
    for (size_t d = 0; d <= p->task->dim; d++) {
        for (size_t c = 0; c < p->columns; c++) {
            v[d * stride + c] = p->trial[d * p->columns + c];
        }
    }
}

static double logistic_row(probe *p, size_t row, double *u)
{
    double z = u[0], cost = (double)p->cost[row], e = exp(-fabs(z));
    double one = z >= 0 ? 1 / (1 + e) : e / (1 + e);
    bool second = lc_clf_is(p->task, row, p->class_ < 0 ? p->labels[1] : p->class_);
    if (p->class_ < 0) {
        p->said_new[row] = p->labels[z > 0];
    } else {
        p->z_new[row] = u[0];
    }
    p->spread[row] = (float)(cost * one * (1 - one));
    u[0] = cost * (one - (second ? 1 : 0));
    return cost > 0 ? cost * (log1p(e) + (second ? fmax(-z, 0) : fmax(z, 0))) : 0;
}

static double softmax_row(probe *p, size_t row, double *u)
{
    size_t best = 0;
    double cost = (double)p->cost[row], sum = 0;
    int32_t own = p->index[p->task->y[row]];
    for (size_t c = 1; c < p->columns; c++) {
        best = u[c] > u[best] ? c : best;
    }
    p->said_new[row] = p->labels[best];
    if (cost <= 0) {
        memset(u, 0, p->columns * sizeof *u);
        p->spread[row] = 0;
        return 0;
    }
    double top = u[best], own_value = u[own];
    for (size_t c = 0; c < p->columns; c++) {
        u[c] = p->precise ? exp(u[c] - top) : (double)expf((float)(u[c] - top));
        sum += u[c];
    }
    double squares = 0;
    for (size_t c = 0; c < p->columns; c++) {
        double share = u[c] / sum;
        squares += share * share;
        u[c] = cost * (share - ((int32_t)c == own ? 1 : 0));
    }
    p->spread[row] = (float)(cost * (1 - squares) / (double)p->columns);
    return cost * (log(sum) + top - own_value);
}

static double probe_rows(void *state, size_t first, size_t count, double *u, size_t stride)
{
    probe *p = state;
    double loss = 0;
    for (size_t i = 0; i < count; i++) {
        loss += p->columns == 1 ? logistic_row(p, first + i, u + i * stride) : softmax_row(p, first + i, u + i * stride);
    }
    return loss;
}

static void try_step(probe *p)
{
    for (size_t i = 0; i < p->values; i++) {
        p->trial[i] = p->w[i] + p->step * p->direction[i];
    }
}

/* v = (lambda + share X'X)^-1 v. b has no penalty, and is apart from the weights of centred rows. */
static void divide(const probe *p, double *v)
{
    size_t penalised = p->task->dim * p->columns;
    double rows = p->share * (double)p->task->rows;
    lc_curvature_divide(p->curvature, p->lambda, p->share, v, p->columns, p->scratch);
    for (size_t i = penalised; i < p->values; i++) {
        v[i] /= rows > 0 ? rows : 1;
    }
}

/* direction = H0 direction, scaled so that H0 is right along the newest pair; trial is scratch. */
static void guess(probe *p)
{
    divide(p, p->direction);
    if (p->kept > 0) {
        const double *y = p->y[p->newest];
        memcpy(p->trial, y, p->values * sizeof *p->trial);
        divide(p, p->trial);
        double scale = 1 / (p->rho[p->newest] * lc_dot(y, p->trial, p->values));
        for (size_t i = 0; i < p->values; i++) {
            p->direction[i] *= scale;
        }
    }
}

/* direction = -H gradient by the two-loop recursion. */
static void find_direction(probe *p)
{
    double alpha[MEMORY];
    size_t n = p->values;
    for (size_t i = 0; i < n; i++) {
        p->direction[i] = -p->gradient[i];
    }
    for (size_t j = 0; j < p->kept; j++) {
        size_t m = (p->newest + MEMORY - j) % MEMORY;
        alpha[m] = p->rho[m] * lc_dot(p->s[m], p->direction, n);
        for (size_t i = 0; i < n; i++) {
            p->direction[i] -= alpha[m] * p->y[m][i];
        }
    }
    if (p->curvature) {
        guess(p);
    } else if (p->kept > 0) {
        double scale = 1 / (p->rho[p->newest] * lc_dot(p->y[p->newest], p->y[p->newest], n));
        for (size_t i = 0; i < n; i++) {
            p->direction[i] *= scale;
        }
    }
    for (size_t j = p->kept; j > 0; j--) {
        size_t m = (p->newest + MEMORY - (j - 1)) % MEMORY;
        double beta = p->rho[m] * lc_dot(p->y[m], p->direction, n);
        for (size_t i = 0; i < n; i++) {
            p->direction[i] += (alpha[m] - beta) * p->s[m][i];
        }
    }
    p->step = p->curvature || p->kept > 0 ? 1 : 1 / fmax(1e-12, sqrt(lc_dot(p->gradient, p->gradient, n)));
    try_step(p);
}

/* w did its step: the pair of differences is remembered where it curves upwards. */
static void remember(probe *p)
{
    size_t m = (p->newest + 1) % MEMORY;
    double curvature = 0;
    for (size_t i = 0; i < p->values; i++) {
        p->s[m][i] = p->trial[i] - p->w[i];
        p->y[m][i] = p->new_gradient[i] - p->gradient[i];
        curvature += p->s[m][i] * p->y[m][i];
    }
    if (curvature > 1e-12 * lc_dot(p->y[m], p->y[m], p->values)) {
        p->rho[m] = 1 / curvature;
        p->newest = m;
        p->kept = p->kept < MEMORY ? p->kept + 1 : MEMORY;
    }
}

/* The pairs as they are for another penalty. */
static void move_pairs(probe *p, double by)
{
    size_t penalised = p->task->dim * p->columns, kept = p->kept;
    for (size_t j = 0; j < kept; j++) {
        size_t m = (p->newest + MEMORY - j) % MEMORY;
        double curvature = lc_dot(p->s[m], p->y[m], p->values) + by * lc_dot(p->s[m], p->s[m], penalised);
        if (!(curvature > 0)) {
            p->kept = j;
            return;
        }
        for (size_t i = 0; i < penalised; i++) {
            p->y[m][i] += by * p->s[m][i];
        }
        p->rho[m] = 1 / curvature;
    }
}

static void start_point(probe *p)
{
    double before = p->lambda;
    p->lambda = p->points[p->count - 1 - p->point].values[P_LAMBDA];
    move_pairs(p, p->lambda - before);
    p->steps = 0;
    p->stalled = 0;
    p->least_gradient = INFINITY;
    p->started = false;
    /* The path of solutions goes on as it went, in log lambda. */
    double ahead = p->point > 1 ? log(p->lambda / before) / log(before / p->before) : 0;
    for (size_t i = 0; i < p->values; i++) {
        p->trial[i] = p->w[i] + ahead * (p->w[i] - p->last[i]);
        p->last[i] = p->w[i];
    }
    p->before = before;
}

static bool finish_point(probe *p)
{
    size_t at = (p->count - 1 - p->point) * p->fold->judged_count;
    for (size_t i = 0; p->results && i < p->fold->judged_count; i++) {
        p->results[at + i] = p->said[p->fold->judged[i]];
    }
    for (size_t i = 0; p->decisions && i < p->fold->judged_count; i++) {
        p->decisions[at + i] = p->z[p->fold->judged[i]];
    }
    if (++p->point == p->count) {
        return false;
    }
    start_point(p);
    return true;
}

static void accept(probe *p, double f)
{
    int32_t *said = p->said;
    double *z = p->z;
    p->said = p->said_new;
    p->said_new = said;
    p->z = p->z_new;
    p->z_new = z;
    memcpy(p->w, p->trial, p->values * sizeof *p->w);
    memcpy(p->gradient, p->new_gradient, p->values * sizeof *p->w);
    p->f = f;
    p->share = 0;
    for (size_t i = 0; i < p->task->rows; i++) {
        p->share += (double)p->spread[i] / (double)p->task->rows;
    }
}

static bool probe_advance(void *state, const double *g, size_t stride, double loss)
{
    probe *p = state;
    size_t n = p->values, penalised = p->task->dim * p->columns;
    for (size_t d = 0; d <= p->task->dim; d++) {
        for (size_t c = 0; c < p->columns; c++) {
            size_t i = d * p->columns + c;
            p->new_gradient[i] = g[d * stride + c] + (i < penalised ? p->lambda * p->trial[i] : 0);
        }
    }
    double f = loss + p->lambda / 2 * lc_dot(p->trial, p->trial, penalised), gain = p->f - f;
    if (p->started) {
        double slope = p->step * lc_dot(p->gradient, p->direction, n);
        p->steps++;
        bool flat = fabs(gain) <= p->noise * fabs(p->f) && p->step * lc_dot(p->new_gradient, p->direction, n) <= -0.8 * slope;
        if (!(gain >= -1e-4 * slope) && !flat) { /* too long: to the minimum of the parabola through what is known */
            double shorter = -slope / (2 * (f - p->f - slope));
            if (!isfinite(f) || p->steps >= MAX_STEPS || p->step < 1e-6) {
                return finish_point(p);
            }
            p->step *= fmin(0.5, fmax(0.1, shorter));
            try_step(p);
            return true;
        }
        remember(p);
    }
    accept(p, f);
    p->started = true;
    double norm = sqrt(lc_dot(p->gradient, p->gradient, n));
    p->first_gradient = p->first_gradient > 0 ? p->first_gradient : norm;
    p->stalled = norm < 0.99 * p->least_gradient ? 0 : p->stalled + 1;
    p->least_gradient = fmin(norm, p->least_gradient);
    if (norm <= p->tolerance * p->first_gradient || p->stalled > STALLED || p->steps >= MAX_STEPS) {
        return finish_point(p);
    }
    find_direction(p);
    return true;
}

static void probe_free(probe *p)
{
    void *const arrays[] = {p->last, p->labels,    p->index, p->cost,         p->w,    p->gradient, p->direction,
                            p->trial,     p->said,  p->new_gradient, p->said_new, p->results,
                            p->z,         p->z_new, p->decisions, p->scratch, p->spread};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        free(arrays[i]);
    }
    for (size_t m = 0; m < MEMORY; m++) {
        free(p->s[m]);
        free(p->y[m]);
    }
}

static lc_status probe_init(probe *p, const lc_clf_task *t, const lc_clf_fold *fold, int32_t class_,
                            const lc_clf_point *points, size_t count, bool judged)
{
    *p = (probe){.task = t, .fold = fold, .class_ = class_, .points = points, .count = count};
    p->precise = !judged;
    p->tolerance = judged ? search_gradient : relative_gradient;
    p->noise = judged ? search_noise : final_noise;
    LC_TRY(lc_alloc_raw(&p->labels, t->classes, sizeof *p->labels));
    LC_TRY(lc_alloc_raw(&p->index, t->classes, sizeof *p->index));
    p->present = lc_present_classes(t, fold->rows, fold->count, p->labels, p->index);
    p->columns = class_ >= 0 || p->present == 2 ? 1 : p->present;
    p->values = (t->dim + 1) * p->columns;
    double **const vectors[VECTORS] = {&p->w, &p->last, &p->gradient, &p->direction, &p->trial, &p->new_gradient};
    for (size_t i = 0; i < VECTORS; i++) {
        LC_TRY(lc_alloc_array(vectors[i], p->values, sizeof **vectors[i]));
    }
    for (size_t m = 0; m < MEMORY; m++) {
        LC_TRY(lc_alloc_raw(&p->s[m], p->values, sizeof **p->s));
        LC_TRY(lc_alloc_raw(&p->y[m], p->values, sizeof **p->y));
    }
    LC_TRY(lc_alloc_array(&p->cost, t->rows, sizeof *p->cost));
    LC_TRY(lc_alloc_array(&p->said, t->rows, sizeof *p->said));
    LC_TRY(lc_alloc_array(&p->said_new, t->rows, sizeof *p->said_new));
    LC_TRY(lc_alloc_array(&p->spread, t->rows, sizeof *p->spread));
    for (size_t i = 0; i < fold->count; i++) {
        size_t row = fold->rows[i];
        double weight = class_ < 0 ? t->class_weight[t->y[row]] : lc_clf_is(t, row, class_) ? t->class_weight[class_] : 1;
        p->cost[row] = (float)weight;
    }
    if (class_ >= 0) {
        LC_TRY(lc_alloc_array(&p->z, t->rows, sizeof *p->z));
        LC_TRY(lc_alloc_array(&p->z_new, t->rows, sizeof *p->z_new));
    }
    if (judged && class_ < 0) {
        LC_TRY(lc_alloc_raw(&p->results, count * fold->judged_count, sizeof *p->results));
    } else if (judged) {
        LC_TRY(lc_alloc_raw(&p->decisions, count * fold->judged_count, sizeof *p->decisions));
    }
    start_point(p);
    return LC_OK;
}

static lc_status run_probes(probe *probes, size_t count, const lc_clf_task *t, const double *centre, bool precise,
                            lc_threads *threads)
{
    lc_product_fit *fits;
    lc_curvature *curvature = NULL;
    size_t n = 0, work = 0;
    LC_TRY(lc_alloc_array(&fits, count, sizeof *fits));
    for (size_t f = 0; f < count; f++) {
        if (probes[f].task) {
            fits[n++] = (lc_product_fit){probes[f].columns, &probes[f], probe_ask, probe_rows, probe_advance};
            work += probes[f].columns * probes[f].count;
        }
    }
    lc_status status = LC_OK;
    if (curvature_pays(t->rows, t->dim, (double)work)) {
        status = lc_curvature_new(&curvature, t->x, t->rows, t->dim, centre, threads);
    }
    for (size_t f = 0; f < count && status == LC_OK && curvature; f++) {
        probes[f].curvature = curvature;
        if (probes[f].task) {
            status = lc_alloc_raw(&probes[f].scratch, 2 * t->dim * probes[f].columns, sizeof *probes[f].scratch);
        }
    }
    if (status == LC_OK) {
        status = lc_products_run(t->x, t->rows, t->dim, centre, precise, fits, n, threads);
    }
    lc_curvature_free(curvature);
    free(fits);
    return status;
}

/* centre (dim): the mean of all rows, held out or not; it conditions, it does not decide. */
static lc_status find_centre(const lc_clf_task *t, double **centre)
{
    size_t *all;
    *centre = NULL;
    LC_TRY(lc_alloc_raw(&all, t->rows, sizeof *all));
    for (size_t i = 0; i < t->rows; i++) {
        all[i] = i;
    }
    lc_status status = lc_alloc_raw(centre, t->dim, sizeof **centre);
    if (status == LC_OK) {
        lc_mean(t->x, t->dim, all, t->rows, *centre);
    }
    free(all);
    return status;
}

/* probes (fold_count, classes) where rows have several labels, else (fold_count); those without a machine stay {0}. */
static lc_status init_probes(probe *probes, const lc_clf_task *t, const lc_clf_fold *folds, size_t fold_count,
                             const lc_clf_point *points, size_t count, bool judged)
{
    int32_t *labels = NULL, *index = NULL;
    lc_status status = LC_OK;
    if (!t->indicator) {
        for (size_t f = 0; f < fold_count && status == LC_OK; f++) {
            status = probe_init(&probes[f], t, &folds[f], -1, points, count, judged);
        }
        return status;
    }
    if ((status = lc_alloc_raw(&labels, t->classes, sizeof *labels)) != LC_OK ||
        (status = lc_alloc_raw(&index, t->classes, sizeof *index)) != LC_OK) {
        goto done;
    }
    for (size_t f = 0; f < fold_count; f++) {
        size_t present = lc_present_classes(t, folds[f].rows, folds[f].count, labels, index);
        for (size_t m = 0; m < present && status == LC_OK; m++) {
            size_t k = (size_t)labels[m];
            const lc_clf_point *own = !judged && t->own_points ? &t->own_points[k] : points;
            status = probe_init(&probes[f * t->classes + k], t, &folds[f], labels[m], own, count, judged);
        }
    }
done:
    free(labels);
    free(index);
    return status;
}

/* What the probes of one fold have found. */
static lc_status report_fold(const probe *p, const lc_clf_task *t, size_t fold, size_t values, lc_clf_judged judged, void *context)
{
    if (!t->indicator) {
        return judged(context, fold, p->results, NULL);
    }
    double *out;
    LC_TRY(lc_alloc_array(&out, values * t->classes, sizeof *out));
    for (size_t k = 0; k < t->classes; k++) {
        for (size_t i = 0; p[k].task && i < values; i++) {
            out[i * t->classes + k] = p[k].decisions[i];
        }
    }
    lc_status status = judged(context, fold, NULL, out);
    free(out);
    return status;
}

static lc_status logreg_validate(const void *work, const lc_clf_point *points, size_t count, const lc_clf_fold *folds,
                                 size_t fold_count, lc_threads *threads, lc_clf_judged judged, void *context)
{
    const lc_clf_task *t = ((const lc_linear_work *)work)->task;
    probe *probes = NULL;
    double *centre = NULL;
    size_t per_fold = t->indicator ? t->classes : 1, all = fold_count * per_fold;
    lc_status status = find_centre(t, &centre);
    if (status == LC_OK) {
        status = lc_alloc_array(&probes, all, sizeof *probes);
    }
    if (status == LC_OK && (status = init_probes(probes, t, folds, fold_count, points, count, true)) == LC_OK) {
        status = run_probes(probes, all, t, centre, false, threads);
    }
    for (size_t f = 0; f < fold_count && status == LC_OK; f++) {
        status = report_fold(&probes[f * per_fold], t, f, count * folds[f].judged_count, judged, context);
    }
    for (size_t i = 0; probes && i < all; i++) {
        probe_free(&probes[i]);
    }
    free(probes);
    free(centre);
    return status;
}

/* Row k of the model: sign times a column's weights, for rows that are not centred: b - <w, centre>. */
static void fill_row(lc_linear_machine *m, size_t k, const probe *p, size_t column, double sign, const double *centre)
{
    double bias = p->w[p->task->dim * p->columns + column];
    for (size_t d = 0; d < p->task->dim; d++) {
        double w = p->w[d * p->columns + column];
        m->weights[k * m->dim + d] = (float)(sign * w);
        bias -= w * centre[d];
    }
    m->bias[k] = sign * bias;
}

/* Two classes: the weights of the first are minus the second's. */
static void fill_model(lc_linear_machine *m, const probe *p, const double *centre)
{
    memcpy(m->labels, p->labels, p->present * sizeof *p->labels);
    for (size_t k = 0; k < p->present; k++) {
        double sign = p->columns == 1 ? (k ? 0.5 : -0.5) : 1;
        fill_row(m, k, p, p->columns == 1 ? 0 : k, sign, centre);
    }
}

/* Of several labels: probes (classes), a row per class that has a machine. */
static void fill_labels(lc_linear_machine *m, const probe *probes, const double *centre)
{
    for (size_t k = 0, at = 0; k < m->classes; k++) {
        if (probes[k].task) {
            m->labels[at] = (int32_t)k;
            fill_row(m, at++, &probes[k], 0, 1, centre);
        }
    }
}

static lc_status logreg_train(void **model, const void *work, const double *params, const size_t *rows, size_t count,
                              lc_threads *threads, int32_t *labels)
{
    const lc_clf_task *t = ((const lc_linear_work *)work)->task;
    const lc_clf_fold all = {.rows = rows, .count = count};
    size_t n = t->indicator ? t->classes : 1, present = 0;
    lc_clf_point point;
    probe *probes = NULL;
    lc_linear_machine *m = NULL;
    double *centre = NULL;
    memcpy(point.values, params, sizeof point.values);
    (void)labels;
    *model = NULL;
    lc_status status = find_centre(t, &centre);
    if (status != LC_OK || (status = lc_alloc_array(&probes, n, sizeof *probes)) != LC_OK ||
        (status = init_probes(probes, t, &all, 1, &point, 1, false)) != LC_OK ||
        (status = run_probes(probes, n, t, centre, true, threads)) != LC_OK) {
        goto done;
    }
    for (size_t k = 0; t->indicator && k < n; k++) {
        present += probes[k].task != NULL;
    }
    present = t->indicator ? present : probes[0].present;
    if ((status = lc_linear_machine_new(&m, t->classes, present, t->dim)) == LC_OK) {
        if (t->indicator) {
            fill_labels(m, probes, centre);
        } else {
            fill_model(m, probes, centre);
        }
        *model = m;
    }
done:
    for (size_t k = 0; probes && k < n; k++) {
        probe_free(&probes[k]);
    }
    free(probes);
    free(centre);
    return status;
}

/* Probes of `folds` folds, and their work. */
static double probes_bytes(const lc_clf_extent *e, size_t folds, size_t points, bool precise)
{
    size_t columns = e->several_labels || e->classes == 2 ? 1 : e->classes, probes = folds * (e->several_labels ? e->classes : 1);
    double values = ((double)e->dim + 1) * (double)columns, kept = 0, making = 0;
    double each = values * (VECTORS + 2 * MEMORY) * sizeof(double) + (double)e->rows * (4 + (e->several_labels ? 4 : 0)) * sizeof(float);
    if (curvature_pays(e->rows, e->dim, (double)(probes * columns * points))) {
        making = lc_curvature_bytes(e->dim, &kept);
        each += 2 * values * sizeof(float);
    }
    return (double)probes * each + fmax(making, kept + lc_products_bytes(e->dim, probes * columns, columns, precise, e->threads));
}

static double logreg_search_bytes(const lc_clf_extent *e)
{
    double said = e->several_labels ? (double)((e->judged + e->most_judged) * e->classes) * sizeof(double) : (double)e->judged * sizeof(int32_t);
    return probes_bytes(e, e->folds, e->points, false) + (double)e->points * said;
}

static double logreg_fit_bytes(const lc_clf_extent *e)
{
    return probes_bytes(e, 1, 1, true) + (double)(e->dim * e->classes) * sizeof(float);
}

static const char *const kernels[] = {"linear", NULL};

static const lc_clf_param params_table[] = {
    [P_LAMBDA] = {.name = "lambda",
                  .grid = "log10 -6,5,0.25",
                  .simple_is_large = true,
                  .help = "penalty lambda/2 |W|^2 beside the summed loss"},
    {0},
};

const lc_clf lc_clf_logreg = {
    .name = "logreg",
    .summary = "multinomial logistic regression (linear probe), L-BFGS",
    .kernels = kernels,
    .params = params_table,
    .several_labels = true,
    .search_bytes = logreg_search_bytes,
    .fit_bytes = logreg_fit_bytes,
    .prepare = lc_linear_prepare,
    .release = lc_linear_release,
    .validate = logreg_validate,
    .train = logreg_train,
    .scores = lc_linear_machine_scores,
    .save = lc_linear_machine_save,
    .load = lc_linear_machine_load,
    .free = lc_linear_machine_free,
    .export_weights = lc_linear_machine_weights,
};
