/*
 * "linear": L2-regularised linear SVM with squared hinge loss, one-vs-rest, as LIBLINEAR's default primal solver (-s 2 -B 1)
 * has it (Fan et al., "LIBLINEAR: a library for large linear classification", JMLR 2008). Per class
 *
 *     min_w  1/2 w'w + C sum_i c_i max(0, 1 - y_i w'x_i)^2,     x with a last feature of 1
 *
 * by the trust region Newton method (Lin, Weng and Keerthi, "Trust region Newton method for logistic regression", JMLR 2008):
 * with I the rows inside the margin, the gradient is w + 2C X_I'(X_I w - y_I) and the Hessian I + 2C X_I'X_I, whose products
 * are all that conjugate gradients need. The problem is strictly convex, so its solution is LIBLINEAR's; only the products
 * differ: dense, for all classes and folds at once (products.h), and each C of a grid starts from the one before.
 *
 * The machine that is kept goes on from there by exact steps (hinge.h) where conjugate gradients do not suit: large C, long rows.
 *
 * Why not LIBLINEAR's train(): 10 000 x 2 048, 10 classes, 11 values of C, 5 folds take 5.5 s here (two threads). LIBLINEAR
 * 2.30, each value started with init_sol, takes 9.5 s of one CPU at eps 1e-2 for two classes of one fold, so 119 s for all on
 * two: it reads a node of 16 bytes per value, once for every class and fold, and 50 000 rows would be 1.6 GB of nodes. Its
 * programs hold us to the same machine: tests/compare_stock.py.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/hinge.h"
#include "classifier/linear_machine.h"
#include "classifier/loops.h"
#include "classifier/products.h"
#include "common/memory.h"

enum { P_C, MAX_NEWTON = 1000 };
/*
 * The machine that is kept is solved exactly (hinge.h) on fewer than SMALL values, where that takes no time to speak of; where C times the
 * mean square of the rows is above 1, from a solution at 1; and where conjugate gradients have not converged after PATIENCE
 * products. More of them would cost as much, and with so flat a bottom a small gradient does not say that decisions have settled.
 */
enum { SMALL = 1 << 21, PATIENCE = 64 };
static const double relative_gradient = 1e-3, final_share = 1e-2, noise = 1e-8;

typedef enum { AT_POINT, AT_DIRECTION } what_is_asked;

/* The machine of one class on one fold. Vectors have dim + 1 numbers. */
typedef struct {
    const lc_clf_task *task;
    const float *cost;  /* (rows) c_i; 0: held out. Of the fold */
    float *own_cost;    /* (rows) the same with this class's weight */
    int32_t class_;     /* +1; all others -1 */
    const lc_clf_point *points;
    size_t count, point;
    double tolerance; /* relative to the gradient at w = 0 */
    what_is_asked asked;
    bool started;
    size_t newton, cg;
    size_t products, most_products; /* of the Hessian; after so many (0: any number) another method has to finish */
    bool unfinished;
    double c, f, radius, rr;
    double unit_gradient; /* at w = 0, divided by C: it is -2C sum c_i y_i x_i */
    double *w, *gradient, *step, *residual, *direction; /* step, residual, direction: of conjugate gradients */
    double *z, *z_new;                                  /* (rows) decisions at w, and where w + step was tried */
    bool predicted;                                     /* step is complete, and its gain known: */
    double gain;
    /* When a point is solved: */
    void (*solved)(void *context, size_t point, const double *z, const double *w);
    void *context;
} newton;

static void newton_ask(void *state, double *v, size_t stride)
{
    const newton *s = state;
    for (size_t d = 0; d <= s->task->dim; d++) {
        v[d * stride] = s->asked == AT_POINT ? s->w[d] + s->step[d] : s->direction[d];
    }
}

static double newton_rows(void *state, size_t first, size_t count, double *u, size_t stride)
{
    newton *s = state;
    double loss = 0, twice = 2 * s->c;
    for (size_t i = 0; i < count; i++) {
        size_t row = first + i;
        double value = u[i * stride], y = lc_clf_is(s->task, row, s->class_) ? 1 : -1, cost = (double)s->own_cost[row];
        if (s->asked == AT_POINT) {
            double inside = 1 - y * value;
            s->z_new[row] = value;
            u[i * stride] = inside > 0 ? -twice * cost * y * inside : 0;
            loss += inside > 0 ? s->c * cost * inside * inside : 0;
        } else {
            u[i * stride] = y * s->z[row] < 1 ? twice * cost * value : 0;
        }
    }
    return loss;
}

/* Starts conjugate gradients at the gradient of w. */
static void start_step(newton *s, size_t n)
{
    memset(s->step, 0, n * sizeof *s->step);
    for (size_t d = 0; d < n; d++) {
        s->residual[d] = -s->gradient[d];
        s->direction[d] = s->residual[d];
    }
    s->rr = lc_dot(s->residual, s->residual, n);
    s->cg = 0;
    s->asked = AT_DIRECTION;
}

/* The step is as it should be: its predicted gain -g's - s'Hs / 2 = -(g's - s'r) / 2, with r = -g - Hs. */
static void try_step(newton *s, size_t n)
{
    s->gain = -0.5 * (lc_dot(s->gradient, s->step, n) - lc_dot(s->step, s->residual, n));
    s->asked = AT_POINT;
}

/* One conjugate gradient iteration with hd = H direction; whether the step is complete. */
static bool cg_iteration(newton *s, const double *g, size_t stride, size_t n)
{
    double *d = s->direction, dhd = 0;
    for (size_t i = 0; i < n; i++) {
        dhd += d[i] * (d[i] + g[i * stride]);
    }
    double alpha = s->rr / dhd, length = 0;
    for (size_t i = 0; i < n; i++) {
        double next = s->step[i] + alpha * d[i];
        length += next * next;
    }
    bool outside = sqrt(length) > s->radius;
    if (outside) { /* to the edge of the trust region */
        double sd = lc_dot(s->step, d, n), ss = lc_dot(s->step, s->step, n), dd = lc_dot(d, d, n), room = s->radius * s->radius;
        double root = sqrt(sd * sd + dd * (room - ss));
        alpha = sd >= 0 ? (room - ss) / (sd + root) : (root - sd) / dd;
    }
    for (size_t i = 0; i < n; i++) {
        s->step[i] += alpha * d[i];
        s->residual[i] -= alpha * (d[i] + g[i * stride]);
    }
    double rr = lc_dot(s->residual, s->residual, n), beta = rr / s->rr;
    for (size_t i = 0; i < n; i++) {
        d[i] = s->residual[i] + beta * d[i];
    }
    s->rr = rr;
    s->cg++;
    s->products++;
    return outside || sqrt(rr) <= 0.1 * sqrt(lc_dot(s->gradient, s->gradient, n)) || s->cg >= n;
}

static void keep_gradient(newton *s, const double *g, size_t stride, size_t n)
{
    for (size_t d = 0; d < n; d++) {
        s->gradient[d] = s->w[d] + g[d * stride];
    }
}

static void next_point(newton *s)
{
    s->c = s->points[s->point].values[P_C];
    s->newton = 0;
    s->asked = AT_POINT;
    memset(s->step, 0, (s->task->dim + 1) * sizeof *s->step);
    s->started = false;
}

/* w is as good as it gets for this C; whether there is another. */
static bool finish_point(newton *s)
{
    s->solved(s->context, s->point, s->z, s->w);
    if (++s->point == s->count) {
        return false;
    }
    next_point(s);
    return true;
}

static bool newton_advance(void *state, const double *g, size_t stride, double loss)
{
    newton *s = state;
    size_t n = s->task->dim + 1;
    if (s->asked == AT_DIRECTION) {
        if (cg_iteration(s, g, stride, n)) {
            try_step(s, n);
        }
        return true;
    }
    double square = 0;
    for (size_t d = 0; d < n; d++) {
        square += (s->w[d] + s->step[d]) * (s->w[d] + s->step[d]);
    }
    double f = square / 2 + loss, actual = s->f - f, length = sqrt(lc_dot(s->step, s->step, n));
    bool start = !s->started, accept = start || actual > 1e-4 * s->gain;
    bool stuck = !start && (fabs(actual) <= noise * fabs(s->f) && s->gain <= noise * fabs(s->f));
    if (!start) { /* LIBLINEAR's rules of the radius */
        double slope = lc_dot(s->gradient, s->step, n);
        double scale = f - s->f - slope <= 0 ? 4 : fmax(0.25, -0.5 * (slope / (f - s->f - slope)));
        s->radius = s->newton == 0 ? fmin(s->radius, length) : s->radius;
        s->radius = actual < 1e-4 * s->gain    ? fmin(scale * length, 0.5 * s->radius)
                    : actual < 0.25 * s->gain  ? fmax(0.25 * s->radius, fmin(scale * length, 0.5 * s->radius))
                    : actual < 0.75 * s->gain  ? fmax(0.25 * s->radius, fmin(scale * length, 4 * s->radius))
                                               : fmax(s->radius, fmin(scale * length, 4 * s->radius));
        s->newton++;
    }
    if (accept) {
        for (size_t d = 0; d < n; d++) {
            s->w[d] += s->step[d];
        }
        double *z = s->z;
        s->z = s->z_new;
        s->z_new = z;
        s->f = f;
        keep_gradient(s, g, stride, n);
    }
    double norm = sqrt(lc_dot(s->gradient, s->gradient, n));
    if (start) {
        s->started = true;
        s->unit_gradient = s->unit_gradient > 0 ? s->unit_gradient : norm / s->c;
        s->radius = norm;
    }
    bool converged = norm <= s->tolerance * s->unit_gradient * s->c;
    s->unfinished = !converged;
    if (converged || stuck || s->newton >= MAX_NEWTON || (s->most_products > 0 && s->products >= s->most_products) ||
        !isfinite(f)) {
        return finish_point(s);
    }
    start_step(s, n);
    return true;
}

static void newton_free(newton *s)
{
    void *const arrays[] = {s->own_cost, s->w, s->gradient, s->step, s->residual, s->direction, s->z, s->z_new};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        free(arrays[i]);
    }
}

/* LIBLINEAR's tolerance: eps times the smaller side's share of the rows, relative to the gradient at 0. */
static lc_status newton_init(newton *s, const lc_clf_task *t, const bool *seen, int32_t class_, double weight, double other,
                             const lc_clf_point *points, size_t count)
{
    size_t n = t->dim + 1, positive = 0, all = 0;
    *s = (newton){.task = t, .class_ = class_, .points = points, .count = count};
    double **const vectors[] = {&s->w, &s->gradient, &s->step, &s->residual, &s->direction};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        LC_TRY(lc_alloc_array(vectors[i], n, sizeof **vectors[i]));
    }
    LC_TRY(lc_alloc_raw(&s->own_cost, t->rows, sizeof *s->own_cost));
    LC_TRY(lc_alloc_array(&s->z, t->rows, sizeof *s->z));
    LC_TRY(lc_alloc_array(&s->z_new, t->rows, sizeof *s->z_new));
    for (size_t i = 0; i < t->rows; i++) {
        bool mine = lc_clf_is(t, i, class_);
        s->own_cost[i] = seen[i] ? (float)(mine ? weight : other) : 0;
        positive += seen[i] && mine;
        all += seen[i];
    }
    size_t smaller = positive < all - positive ? positive : all - positive;
    s->tolerance = relative_gradient * (double)(smaller ? smaller : 1) / (double)all;
    next_point(s);
    return LC_OK;
}

/* One fold: its machines, and what they have said of the judged rows so far. */
typedef struct {
    const lc_clf_task *task;
    const lc_clf_fold *fold;
    size_t present, machines;
    bool shared; /* two classes share one machine, that of the second */
    int32_t *labels, *index;
    bool *seen;
    newton *newtons; /* (machines) */
    struct machine_context {
        void *state;
        size_t machine;
    } *contexts;
    double *decisions; /* (machines, points, judged) */
    int32_t *said;     /* (points, judged) whose was the largest */
    lc_linear_machine *model;
} linear_fold;

static void fold_free(linear_fold *f)
{
    for (size_t m = 0; f->newtons && m < f->machines; m++) {
        newton_free(&f->newtons[m]);
    }
    void *const arrays[] = {f->labels, f->index, f->seen, f->newtons, f->contexts, f->decisions, f->said};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        free(arrays[i]);
    }
}

/* The machines of a fold are taken in turn of their classes when all are done, so this only keeps their decisions. */
static void judge(void *context, size_t point, const double *z, const double *w)
{
    const struct machine_context *c = context;
    linear_fold *f = c->state;
    size_t n = f->fold->judged_count, points = f->newtons[c->machine].count;
    (void)w;
    double *out = f->decisions + (c->machine * points + point) * n;
    for (size_t i = 0; i < n; i++) {
        out[i] = z[f->fold->judged[i]];
    }
}

/* Touches no other machine's row: they are kept by several threads at once. */
static void keep(void *context, size_t point, const double *z, const double *w)
{
    const struct machine_context *c = context;
    linear_fold *f = c->state;
    size_t dim = f->task->dim, row = f->shared ? 1 : c->machine;
    (void)point;
    (void)z;
    for (size_t d = 0; d < dim; d++) {
        f->model->weights[row * dim + d] = (float)w[d];
    }
    f->model->bias[row] = w[dim];
    if (f->shared) { /* the other class's row is the opposite */
        for (size_t d = 0; d < dim; d++) {
            f->model->weights[d] = (float)-w[d];
        }
        f->model->bias[0] = -w[dim];
    }
}

static lc_status fold_init(linear_fold *f, const lc_clf_task *t, const lc_clf_fold *fold, const lc_clf_point *points,
                           size_t count, bool judged)
{
    *f = (linear_fold){.task = t, .fold = fold};
    LC_TRY(lc_alloc_raw(&f->labels, t->classes, sizeof *f->labels));
    LC_TRY(lc_alloc_raw(&f->index, t->classes, sizeof *f->index));
    LC_TRY(lc_alloc_array(&f->seen, t->rows, sizeof *f->seen));
    for (size_t i = 0; i < fold->count; i++) {
        f->seen[fold->rows[i]] = true;
    }
    f->present = lc_present_classes(t, fold->rows, fold->count, f->labels, f->index);
    f->shared = f->present == 2 && !t->indicator;
    f->machines = f->shared ? 1 : f->present;
    LC_TRY(lc_alloc_array(&f->newtons, f->machines, sizeof *f->newtons));
    LC_TRY(lc_alloc_array(&f->contexts, f->machines, sizeof *f->contexts));
    if (judged) {
        LC_TRY(lc_alloc_raw(&f->decisions, f->machines * count * fold->judged_count, sizeof *f->decisions));
        LC_TRY(lc_alloc_raw(&f->said, count * fold->judged_count, sizeof *f->said));
    }
    for (size_t m = 0; m < f->machines; m++) {
        int32_t k = f->labels[f->shared ? 1 : m];
        double other = f->shared ? t->class_weight[f->labels[0]] : 1;
        const lc_clf_point *own = !judged && t->own_points ? &t->own_points[k] : points;
        LC_TRY(newton_init(&f->newtons[m], t, f->seen, k, t->class_weight[k], other, own, count));
        f->contexts[m].state = f;
        f->contexts[m].machine = m;
        f->newtons[m].solved = judged ? judge : keep;
        f->newtons[m].context = &f->contexts[m];
    }
    return LC_OK;
}

static lc_status run_folds(linear_fold *folds, size_t count, const lc_clf_task *t, lc_threads *threads)
{
    lc_product_fit *fits;
    size_t n = 0;
    for (size_t f = 0; f < count; f++) {
        n += folds[f].machines;
    }
    LC_TRY(lc_alloc_array(&fits, n, sizeof *fits));
    n = 0;
    for (size_t f = 0; f < count; f++) {
        for (size_t m = 0; m < folds[f].machines; m++) {
            fits[n++] = (lc_product_fit){1, &folds[f].newtons[m], newton_ask, newton_rows, newton_advance};
        }
    }
    lc_status status = lc_products_run(t->x, t->rows, t->dim, NULL, false, fits, n, threads);
    free(fits);
    return status;
}

/* The first of the largest decisions. */
static void decide(linear_fold *f, size_t points)
{
    size_t n = points * f->fold->judged_count;
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        for (size_t m = 1; m < f->machines; m++) {
            best = f->decisions[m * n + i] > f->decisions[best * n + i] ? m : best;
        }
        f->said[i] = f->labels[f->shared ? f->decisions[i] > 0 : best];
    }
}

static lc_status report_fold(linear_fold *f, size_t index, size_t points, lc_clf_judged judged, void *context)
{
    if (!f->task->indicator) {
        decide(f, points);
        return judged(context, index, f->said, NULL);
    }
    double *out;
    size_t n = points * f->fold->judged_count, classes = f->task->classes;
    LC_TRY(lc_alloc_array(&out, n * classes, sizeof *out));
    for (size_t m = 0; m < f->machines; m++) {
        for (size_t i = 0; i < n; i++) {
            out[i * classes + (size_t)f->labels[m]] = f->decisions[m * n + i];
        }
    }
    lc_status status = judged(context, index, NULL, out);
    free(out);
    return status;
}

static lc_status linear_validate(const void *work, const lc_clf_point *points, size_t count, const lc_clf_fold *folds,
                                 size_t fold_count, lc_threads *threads, lc_clf_judged judged, void *context)
{
    const lc_clf_task *t = ((const lc_linear_work *)work)->task;
    linear_fold *states;
    LC_TRY(lc_alloc_array(&states, fold_count, sizeof *states));
    lc_status status = LC_OK;
    for (size_t f = 0; f < fold_count && status == LC_OK; f++) {
        status = fold_init(&states[f], t, &folds[f], points, count, true);
    }
    if (status == LC_OK) {
        status = run_folds(states, fold_count, t, threads);
    }
    for (size_t f = 0; f < fold_count; f++) {
        status = status == LC_OK ? report_fold(&states[f], f, count, judged, context) : status;
        fold_free(&states[f]);
    }
    free(states);
    return status;
}

/* One machine, from where conjugate gradients left it to the minimum. */
static lc_status finish(linear_fold *f, size_t machine, lc_threads *threads)
{
    const lc_clf_task *t = f->task;
    newton *s = &f->newtons[machine];
    double *y;
    LC_TRY(lc_alloc_raw(&y, t->rows, sizeof *y));
    for (size_t i = 0; i < t->rows; i++) {
        y[i] = lc_clf_is(t, i, s->class_) ? 1 : -1;
    }
    lc_hinge hinge = {t->x, t->rows, t->dim, y, s->own_cost, s->points->values[P_C]};
    lc_status status = lc_hinge_minimise(&hinge, s->c, s->w, threads);
    if (status == LC_OK) {
        keep(&f->contexts[machine], 0, NULL, s->w);
    }
    free(y);
    return status;
}

static lc_status finish_alone(void *fold, size_t machine)
{
    return finish(fold, machine, NULL);
}

/* What conjugate gradients could not do, machine by machine: the matrices of one take the memory that they take. */
static lc_status finish_together(linear_fold *f, lc_threads *threads)
{
    for (size_t m = 0; m < f->machines; m++) {
        newton *s = &f->newtons[m];
        if (s->unfinished || s->c < s->points->values[P_C]) {
            LC_TRY(finish(f, m, threads));
        }
    }
    return LC_OK;
}

/* Of the lengths of rows. */
static double mean_square(const lc_clf_task *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->rows; i++) {
        const float *x = t->x + i * t->dim;
        sum += lc_loops_get()->dot(t->dim, x, x);
    }
    return sum / (double)t->rows;
}

static lc_status linear_train(void **model, const void *work, const double *params, const size_t *rows, size_t count,
                              lc_threads *threads, int32_t *labels)
{
    const lc_clf_task *t = ((const lc_linear_work *)work)->task;
    const lc_clf_fold all = {.rows = rows, .count = count};
    lc_clf_point point;
    linear_fold f;
    memcpy(point.values, params, sizeof point.values);
    (void)labels;
    *model = NULL;
    lc_status status = fold_init(&f, t, &all, &point, 1, false);
    if (status == LC_OK && (status = lc_linear_machine_new(&f.model, t->classes, f.present, t->dim)) == LC_OK) {
        memcpy(f.model->labels, f.labels, f.present * sizeof *f.labels);
        bool exact = lc_hinge_fits(t->rows, t->dim), small = t->rows * t->dim < SMALL;
        double gentle = 1 / fmax(mean_square(t), DBL_MIN);
        for (size_t m = 0; m < f.machines; m++) {
            f.newtons[m].tolerance *= exact && small ? 1 : final_share;
            f.newtons[m].most_products = exact ? PATIENCE : 0;
            f.newtons[m].c = exact ? fmin(f.newtons[m].c, gentle) : f.newtons[m].c;
        }
        status = run_folds(&f, 1, t, threads);
        if (status == LC_OK && exact) {
            status = small ? lc_parallel_for(threads, f.machines, finish_alone, &f) : finish_together(&f, threads);
        }
    }
    if (status == LC_OK) {
        *model = f.model;
    } else {
        lc_linear_machine_free(f.model);
    }
    fold_free(&f);
    return status;
}

static size_t machines_of(const lc_clf_extent *e)
{
    return e->classes == 2 && !e->several_labels ? 1 : e->classes;
}

/* One machine, of class_ on one fold. */
static double newton_bytes(const lc_clf_extent *e)
{
    return 5 * ((double)e->dim + 1) * sizeof(double) + (double)e->rows * (2 * sizeof(double) + sizeof(float));
}

static double linear_search_bytes(const lc_clf_extent *e)
{
    size_t machines = machines_of(e), all = e->folds * machines;
    double said = (double)(machines * e->judged) * sizeof(double) + (double)e->judged * sizeof(int32_t);
    said += e->several_labels ? (double)(e->most_judged * e->classes) * sizeof(double) : 0;
    return (double)all * newton_bytes(e) + (double)(e->folds * e->rows) + (double)e->points * said +
           lc_products_bytes(e->dim, all, 1, false, e->threads);
}

static double linear_fit_bytes(const lc_clf_extent *e)
{
    size_t machines = machines_of(e), at_once = e->rows * e->dim < SMALL ? e->threads : 1;
    double hinge = lc_hinge_fits(e->rows, e->dim) ? lc_hinge_bytes(e->rows, e->dim) + (double)e->rows * sizeof(double) : 0;
    return (double)machines * (newton_bytes(e) + (double)e->dim * sizeof(float)) + (double)e->rows +
           fmax(lc_products_bytes(e->dim, machines, 1, false, e->threads), (double)at_once * hinge);
}

static const char *const kernels[] = {"linear", NULL};

static const lc_clf_param params_table[] = {
    [P_C] = {.name = "c", .label = "C", .grid = "log2 -15,5,2", .help = "cost of an error"},
    {0},
};

const lc_clf lc_clf_linear = {
    .name = "linear",
    .summary = "linear SVM, squared hinge, one-vs-rest (LIBLINEAR -s 2 -B 1)",
    .kernels = kernels,
    .params = params_table,
    .several_labels = true,
    .search_bytes = linear_search_bytes,
    .fit_bytes = linear_fit_bytes,
    .prepare = lc_linear_prepare,
    .release = lc_linear_release,
    .validate = linear_validate,
    .train = linear_train,
    .scores = lc_linear_machine_scores,
    .save = lc_linear_machine_save,
    .load = lc_linear_machine_load,
    .free = lc_linear_machine_free,
    .export_weights = lc_linear_machine_weights,
};
