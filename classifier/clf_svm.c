/*
 * "svm": C-SVC, one-vs-one as LIBSVM has it (Chang and Lin, "LIBSVM: a library for support vector machines", 2011) or
 * one-vs-rest, on one kernel matrix.
 *
 * Fits are split into binary machines: one per fold and pair of classes (or class). Each walks all values of C upwards,
 * starting every solution at the one before (smo.h), and judges its fold's rows on the way; votes of pairs are counted as
 * they come, since sums of whole numbers do not depend on their order. A kernel matrix takes 4 bytes per pair of rows,
 * its base (kernel.h) 4 more; for the linear kernel, and in the last fit, it stands in the base's place.
 *
 * The decision of the pair (i, j) is  sum_s coef_s K(s, x) - rho,  positive for i. Ties of votes go to the first class.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/clf.h"
#include "classifier/kernel.h"
#include "classifier/loops.h"
#include "classifier/smo.h"
#include "classifier/svm_machine.h"
#include "common/memory.h"

enum { P_C };
/* Where a machine stops (smo.h): svm-train's own eps in a search, a tenth of it for the machine that is kept. */
static const double search_eps = 1e-3, final_eps = 1e-4;

typedef struct {
    const lc_clf_task *task;
    lc_kernel kernel;
    const float *matrix; /* (rows, rows) */
    float *own;          /* the same, unless it stands in the task's base */
} svm_work;

static void svm_release(void *work)
{
    svm_work *w = work;
    if (w) {
        free(w->own);
        free(w);
    }
}

/* Linear and intersection kernels are their own base. */
static bool is_base(const char *kernel)
{
    lc_kernel_kind kind = lc_kernel_kind_of(kernel);
    return kind == LC_KERNEL_LINEAR || kind == LC_KERNEL_INTERSECTION;
}

static size_t svm_pair_bytes(const char *kernel, bool last)
{
    return last || is_base(kernel) ? 0 : sizeof(float);
}

static lc_status svm_prepare(void **work, const lc_clf_task *task, const double *params, lc_threads *threads)
{
    svm_work *w;
    *work = NULL;
    LC_TRY(lc_alloc_array(&w, 1, sizeof *w));
    w->task = task;
    w->kernel = lc_svm_kernel(&lc_clf_svm, task->kernel, params);
    w->matrix = task->base;
    lc_status status = LC_OK;
    if (!is_base(task->kernel)) {
        if (!task->last) {
            status = lc_alloc_raw(&w->own, task->rows * task->rows, sizeof *w->own);
            w->matrix = w->own;
        }
        if (status == LC_OK) {
            status = lc_kernel_matrix(&w->kernel, task->base, task->rows, task->last ? task->base : w->own, threads);
        }
    }
    if (status != LC_OK) {
        svm_release(w);
        return status;
    }
    *work = w;
    return LC_OK;
}

/* The rows of a fit, class by class, and which classes have any. Rows of several labels stand in order, as if all were of the
 * first class. */
typedef struct {
    size_t count, present;
    uint32_t *rows;         /* (count) */
    int32_t *labels;        /* (present) */
    size_t *first, *number; /* (present) the rows of a class */
} class_rows;

/* Classes with a machine of their own: those that have rows, and others. */
static lc_status label_rows_init(class_rows *c, const lc_clf_task *t, const size_t *rows)
{
    for (size_t k = 0; k < t->classes; k++) {
        size_t positive = 0;
        for (size_t i = 0; i < c->count; i++) {
            positive += t->indicator[rows[i] * t->classes + k];
        }
        if (positive > 0 && positive < c->count) {
            c->labels[c->present] = (int32_t)k;
            c->first[c->present] = c->present ? c->count : 0;
            c->number[c->present] = c->present ? 0 : c->count;
            c->present++;
        }
    }
    for (size_t i = 0; i < c->count; i++) {
        c->rows[i] = (uint32_t)rows[i];
    }
    return LC_OK;
}

static void class_rows_free(class_rows *c)
{
    free(c->rows);
    free(c->labels);
    free(c->first);
    free(c->number);
}

static lc_status class_rows_init(class_rows *c, const lc_clf_task *t, const size_t *rows, size_t count)
{
    *c = (class_rows){.count = count};
    LC_TRY(lc_alloc_raw(&c->rows, count, sizeof *c->rows));
    LC_TRY(lc_alloc_raw(&c->labels, t->classes, sizeof *c->labels));
    LC_TRY(lc_alloc_raw(&c->first, t->classes, sizeof *c->first));
    LC_TRY(lc_alloc_raw(&c->number, t->classes, sizeof *c->number));
    size_t n = 0;
    if (t->indicator) {
        return label_rows_init(c, t, rows);
    }
    for (size_t k = 0; k < t->classes; k++) {
        size_t first = n;
        for (size_t i = 0; i < count; i++) {
            if ((size_t)t->y[rows[i]] == k) {
                c->rows[n++] = (uint32_t)rows[i];
            }
        }
        if (n > first) {
            c->labels[c->present] = (int32_t)k;
            c->first[c->present] = first;
            c->number[c->present++] = n - first;
        }
    }
    return LC_OK;
}

static size_t machine_count(const class_rows *c, bool one_vs_rest)
{
    return one_vs_rest ? c->present : c->present * (c->present - 1) / 2;
}

/* Machine m of a fit: the pair (a, b), or class a against all others (b = present). */
static void machine_sides(const class_rows *c, bool one_vs_rest, size_t m, size_t *a, size_t *b)
{
    *a = one_vs_rest ? m : 0;
    *b = c->present;
    if (!one_vs_rest) {
        for (; m >= c->present - 1 - *a; (*a)++) {
            m -= c->present - 1 - *a;
        }
        *b = *a + 1 + m;
    }
}

/* index (count): the machine's rows, side a first; place (count): where they stand in c. */
static void machine_rows(const class_rows *c, const lc_clf_task *t, size_t a, size_t b, uint32_t *index, uint32_t *place,
                         lc_smo_problem *p)
{
    size_t n = 0;
    for (int other = 0; other < 2; other++) {
        for (size_t k = 0; k < c->present; k++) {
            bool wanted = t->indicator || (other ? k != a && (k == b || b == c->present) : k == a);
            for (size_t i = c->first[k]; wanted && i < c->first[k] + c->number[k]; i++) {
                if (!t->indicator || lc_clf_is(t, c->rows[i], c->labels[a]) != (bool)other) {
                    place[n++] = (uint32_t)i;
                }
            }
        }
        p->positive = other ? p->positive : n;
    }
    for (size_t i = 0; i < n; i++) {
        index[i] = c->rows[place[i]];
    }
    p->index = index;
    p->rows = n;
}

/*
 * In one-vs-rest the others of a class have different weights; as in LIBSVM's two classes the rest is one class, of
 * weight 1.
 */
static lc_status solve(lc_smo *s, const lc_clf_task *t, const class_rows *c, size_t a, size_t b, double cost)
{
    double other = b == c->present ? 1 : t->class_weight[c->labels[b]];
    return lc_smo_solve(s, cost * t->class_weight[c->labels[a]], cost * other);
}

/* Search -------------------------------------------------------------------------------------------------------- */

/* One fold: what its machines have said so far. */
typedef struct {
    const lc_clf_fold *fold;
    class_rows c;
    size_t left;       /* machines still to come */
    uint32_t *judged;  /* (judged) */
    uint16_t *votes;   /* one-vs-one: (points, judged, present) */
    double *decisions; /* one-vs-rest: the same */
    pthread_mutex_t lock;
} fold_state;

typedef struct {
    const svm_work *work;
    const lc_clf_point *points;
    size_t count;
    fold_state *folds;
    size_t fold_count;
    lc_clf_judged judged;
    void *context;
} search_job;

static void fold_state_free(fold_state *f)
{
    class_rows_free(&f->c);
    free(f->judged);
    free(f->votes);
    free(f->decisions);
    pthread_mutex_destroy(&f->lock);
}

static lc_status fold_state_init(fold_state *f, const lc_clf_task *t, const lc_clf_fold *fold, size_t points)
{
    size_t n = fold->judged_count;
    f->fold = fold;
    pthread_mutex_init(&f->lock, NULL);
    LC_TRY(class_rows_init(&f->c, t, fold->rows, fold->count));
    f->left = machine_count(&f->c, t->one_vs_rest);
    LC_TRY(lc_alloc_raw(&f->judged, n, sizeof *f->judged));
    for (size_t i = 0; i < n; i++) {
        f->judged[i] = (uint32_t)fold->judged[i];
    }
    return t->one_vs_rest ? lc_alloc_array(&f->decisions, points * n * f->c.present, sizeof *f->decisions)
                          : lc_alloc_array(&f->votes, points * n * f->c.present, sizeof *f->votes);
}

/* Decisions of one machine on the judged rows, counted. */
static void record(fold_state *f, bool one_vs_rest, size_t point, size_t a, size_t b, const double *decisions)
{
    size_t n = f->fold->judged_count;
    for (size_t i = 0; i < n; i++) {
        size_t at = (point * n + i) * f->c.present;
        if (one_vs_rest) {
            f->decisions[at + a] = decisions[i];
        } else {
            f->votes[at + (decisions[i] > 0 ? a : b)]++;
        }
    }
}

/* labels (points, judged): the first of the most voted classes. */
static void take_labels(const fold_state *f, size_t points, int32_t *labels)
{
    size_t present = f->c.present;
    for (size_t i = 0; i < points * f->fold->judged_count; i++) {
        size_t best = 0;
        for (size_t k = 1; k < present; k++) {
            bool better = f->votes ? f->votes[i * present + k] > f->votes[i * present + best]
                                   : f->decisions[i * present + k] > f->decisions[i * present + best];
            best = better ? k : best;
        }
        labels[i] = f->c.labels[best];
    }
}

/* decisions (points, judged, classes) of the machines there are. */
static void take_decisions(const fold_state *f, size_t points, size_t classes, double *decisions)
{
    for (size_t i = 0; i < points * f->fold->judged_count; i++) {
        for (size_t k = 0; k < f->c.present; k++) {
            decisions[i * classes + (size_t)f->c.labels[k]] = f->decisions[i * f->c.present + k];
        }
    }
}

static lc_status report_fold(const search_job *job, size_t index)
{
    fold_state *f = &job->folds[index];
    const lc_clf_task *t = job->work->task;
    size_t n = job->count * f->fold->judged_count;
    int32_t *labels = NULL;
    double *decisions = NULL;
    lc_status status = t->indicator ? lc_alloc_array(&decisions, n * t->classes, sizeof *decisions)
                                    : lc_alloc_raw(&labels, n, sizeof *labels);
    if (status == LC_OK && t->indicator) {
        take_decisions(f, job->count, t->classes, decisions);
    } else if (status == LC_OK) {
        take_labels(f, job->count, labels);
    }
    status = status == LC_OK ? job->judged(job->context, index, labels, decisions) : status;
    free(labels);
    free(decisions);
    return status;
}

/* What the solved machine of sides a and b says of the fold's judged rows; decisions (judged) is scratch. */
static void judge(fold_state *f, const lc_clf_task *t, const lc_smo *s, const lc_smo_problem *p, const double *coef,
                  size_t point, size_t a, size_t b, double *decisions)
{
    const lc_loops *loops = lc_loops_get();
    size_t judged = f->fold->judged_count;
    double rho = lc_smo_rho(s);
    for (size_t i = 0; i < judged; i++) {
        decisions[i] = -rho;
    }
    for (size_t i = 0; i < p->rows; i++) {
        if (coef[i] != 0) {
            loops->add_gathered(judged, coef[i], p->kernel + p->index[i] * p->stride, f->judged, decisions);
        }
    }
    pthread_mutex_lock(&f->lock);
    record(f, t->one_vs_rest, point, a, b, decisions);
    pthread_mutex_unlock(&f->lock);
}

static lc_status search_machine(void *context, size_t item)
{
    const search_job *job = context;
    const lc_clf_task *t = job->work->task;
    size_t index = 0, machines, a, b;
    while (item >= (machines = machine_count(&job->folds[index].c, t->one_vs_rest))) {
        item -= machines;
        index++;
    }
    fold_state *f = &job->folds[index];
    uint32_t *rows = NULL, *place = NULL;
    double *coef = NULL, *decisions = NULL;
    lc_smo *s = NULL;
    lc_smo_problem p = {.kernel = job->work->matrix, .stride = t->rows, .eps = search_eps};
    lc_status status;
    if ((status = lc_alloc_raw(&rows, f->c.count, sizeof *rows)) != LC_OK ||
        (status = lc_alloc_raw(&place, f->c.count, sizeof *place)) != LC_OK ||
        (status = lc_alloc_raw(&coef, f->c.count, sizeof *coef)) != LC_OK ||
        (status = lc_alloc_raw(&decisions, f->fold->judged_count, sizeof *decisions)) != LC_OK) {
        goto done;
    }
    machine_sides(&f->c, t->one_vs_rest, item, &a, &b);
    machine_rows(&f->c, t, a, b, rows, place, &p);
    status = lc_smo_new(&s, &p);
    for (size_t point = 0; status == LC_OK && point < job->count; point++) {
        status = solve(s, t, &f->c, a, b, job->points[point].values[P_C]);
        if (status != LC_OK) {
            break;
        }
        lc_smo_coefficients(s, coef);
        judge(f, t, s, &p, coef, point, a, b, decisions);
    }
    if (status == LC_OK) {
        pthread_mutex_lock(&f->lock);
        bool last = --f->left == 0;
        pthread_mutex_unlock(&f->lock);
        status = last ? report_fold(job, index) : LC_OK;
    }
done:
    lc_smo_free(s);
    free(rows);
    free(place);
    free(coef);
    free(decisions);
    return status;
}

static lc_status svm_validate(const void *work, const lc_clf_point *points, size_t count, const lc_clf_fold *folds,
                              size_t fold_count, lc_threads *threads, lc_clf_judged judged, void *context)
{
    search_job job = {work, points, count, NULL, fold_count, judged, context};
    size_t machines = 0, ready = 0;
    lc_status status = lc_alloc_array(&job.folds, fold_count, sizeof *job.folds);
    for (; status == LC_OK && ready < fold_count; ready++) {
        status = fold_state_init(&job.folds[ready], job.work->task, &folds[ready], count);
        machines += machine_count(&job.folds[ready].c, job.work->task->one_vs_rest);
    }
    if (status == LC_OK) {
        status = lc_parallel_for(threads, machines, search_machine, &job);
    }
    for (size_t f = 0; f < ready && status == LC_OK; f++) { /* nobody has reported a fold without machines */
        status = machine_count(&job.folds[f].c, job.work->task->one_vs_rest) == 0 ? report_fold(&job, f) : LC_OK;
    }
    for (size_t f = 0; f < ready; f++) {
        fold_state_free(&job.folds[f]);
    }
    free(job.folds);
    return status;
}

/* The final fit ------------------------------------------------------------------------------------------------- */

typedef struct {
    const svm_work *work;
    const class_rows *c;
    fold_state *own; /* judges the rows of the fit themselves; NULL: nobody asks */
    double cost;
    double *coef; /* (coef_rows, count) where LIBSVM keeps them, for all rows of c */
    double *rho;  /* (machines) */
} fit_job;

static lc_status fit_machine(void *context, size_t item)
{
    const fit_job *job = context;
    const class_rows *c = job->c;
    const lc_clf_task *t = job->work->task;
    uint32_t *rows = NULL, *place = NULL;
    double *coef = NULL, *decisions = NULL;
    size_t a, b;
    lc_smo *s = NULL;
    lc_smo_problem p = {.kernel = job->work->matrix, .stride = t->rows, .eps = final_eps};
    lc_status status;
    machine_sides(c, t->one_vs_rest, item, &a, &b);
    if ((status = lc_alloc_raw(&rows, c->count, sizeof *rows)) != LC_OK ||
        (status = lc_alloc_raw(&place, c->count, sizeof *place)) != LC_OK ||
        (status = lc_alloc_raw(&coef, c->count, sizeof *coef)) != LC_OK ||
        (status = lc_alloc_raw(&decisions, c->count, sizeof *decisions)) != LC_OK) {
        goto done;
    }
    machine_rows(c, t, a, b, rows, place, &p);
    double cost = t->own_points ? t->own_points[c->labels[a]].values[P_C] : job->cost;
    if ((status = lc_smo_new(&s, &p)) != LC_OK || (status = solve(s, t, c, a, b, cost)) != LC_OK) {
        goto done;
    }
    lc_smo_coefficients(s, coef);
    job->rho[item] = lc_smo_rho(s);
    if (job->own) {
        judge(job->own, t, s, &p, coef, 0, a, b, decisions);
    }
    for (size_t i = 0; i < p.rows; i++) { /* one-vs-one, as LIBSVM: those of a against b in row b - 1, of b against a in row a */
        size_t row = b == c->present || i >= p.positive ? a : b - 1;
        job->coef[row * c->count + place[i]] = coef[i];
    }
done:
    lc_smo_free(s);
    free(rows);
    free(place);
    free(coef);
    free(decisions);
    return status;
}

/* Support vectors are the rows that any machine uses; the others drop out. */
static lc_status assemble(lc_svm_machine **out, const fit_job *job, size_t coef_rows)
{
    const class_rows *c = job->c;
    const lc_clf_task *t = job->work->task;
    size_t count = 0, at = 0;
    bool *used;
    LC_TRY(lc_alloc_array(&used, c->count, sizeof *used));
    for (size_t i = 0; i < c->count; i++) {
        for (size_t r = 0; r < coef_rows; r++) {
            used[i] = used[i] || job->coef[r * c->count + i] != 0;
        }
        count += used[i];
    }
    lc_svm_machine *s;
    lc_status status = lc_svm_machine_new(&s, t->classes, c->present, count, t->dim, t->one_vs_rest);
    for (size_t k = 0; status == LC_OK && k < c->present; k++) {
        s->labels[k] = c->labels[k];
        for (size_t i = c->first[k]; i < c->first[k] + c->number[k]; i++) {
            if (used[i]) {
                memcpy(s->sv + at * t->dim, t->x + c->rows[i] * t->dim, t->dim * sizeof *s->sv);
                for (size_t r = 0; r < coef_rows; r++) {
                    s->coef[r * count + at] = job->coef[r * c->count + i];
                }
                s->counts[k]++;
                at++;
            }
        }
    }
    if (status == LC_OK) {
        s->kernel = job->work->kernel;
        memcpy(s->rho, job->rho, s->machines * sizeof *s->rho);
        memcpy(s->centre, t->centre, t->dim * sizeof *s->centre);
        *out = s;
    }
    free(used);
    return status;
}

static lc_status svm_train_all(void **model, const void *work, const double *params, const size_t *rows, size_t count,
                               lc_threads *threads, int32_t *labels)
{
    const svm_work *w = work;
    class_rows c;
    lc_svm_machine *m = NULL;
    fit_job job = {.work = w, .c = &c, .cost = params[P_C]};
    const lc_clf_fold fold = {.rows = rows, .count = count, .judged = rows, .judged_count = count};
    fold_state own = {0};
    *model = NULL;
    lc_status status = class_rows_init(&c, w->task, rows, count);
    if (status == LC_OK && labels) {
        job.own = &own;
        status = fold_state_init(&own, w->task, &fold, 1);
    }
    bool rest = w->task->one_vs_rest;
    size_t machines = status == LC_OK ? machine_count(&c, rest) : 0, coef_rows = rest ? c.present : c.present - 1;
    if (status != LC_OK || (status = lc_alloc_array(&job.coef, coef_rows * count, sizeof *job.coef)) != LC_OK ||
        (status = lc_alloc_array(&job.rho, machines, sizeof *job.rho)) != LC_OK ||
        (status = lc_parallel_for(threads, machines, fit_machine, &job)) != LC_OK ||
        (status = assemble(&m, &job, coef_rows)) != LC_OK || (status = lc_svm_machine_ready(m)) != LC_OK) {
        goto done;
    }
    if (labels) {
        take_labels(&own, 1, labels);
    }
done:
    if (status == LC_OK) {
        *model = m;
    } else {
        lc_svm_machine_free(m);
    }
    class_rows_free(&c);
    if (job.own) {
        fold_state_free(&own);
    }
    free(job.coef);
    free(job.rho);
    return status;
}

static lc_status svm_load(void **model, lc_h5 *file, const char *kernel, size_t dim, size_t classes, const double *params)
{
    return lc_svm_machine_load(model, &lc_clf_svm, "c_svc", file, kernel, dim, classes, params);
}

/* Every thread works on one machine: some vectors, and kernel rows. */
static double machine_bytes(const lc_clf_extent *e)
{
    double n = (double)e->pair_rows, rows = fmin(n * n * sizeof(float), fmax(LC_SMO_CACHE, 2 * n * sizeof(float)));
    return (double)e->threads * (rows + n * 96);
}

static double svm_search_bytes(const lc_clf_extent *e)
{
    double each = e->one_vs_rest ? sizeof(double) : sizeof(uint16_t), said = e->several_labels ? (double)e->classes * sizeof(double) : sizeof(int32_t);
    return machine_bytes(e) + (double)e->points * ((double)(e->judged * e->classes) * each + (double)e->most_judged * said) +
           (double)(e->folds * e->rows) * sizeof(uint32_t);
}

/* Coefficients and votes of the fit, and the machine, whose support vectors may be all rows, once more centred. */
static double svm_fit_bytes(const lc_clf_extent *e)
{
    return machine_bytes(e) + (double)e->rows * ((double)e->classes * (2 * sizeof(double) + sizeof(double)) + 2 * (double)e->dim * sizeof(float));
}

static const lc_clf_param params_table[] = {
    [P_C] = {.name = "c", .label = "C", .grid = "log2 -5,15,2", .help = "cost of an error"},
    LC_SVM_KERNEL_PARAMS,
    {0},
};

const lc_clf lc_clf_svm = {
    .name = "svm",
    .summary = "support vector machine (C-SVC), equal to LIBSVM's",
    .kernels = lc_kernel_names,
    .params = params_table,
    .pairs = true,
    .schemes = true,
    .several_labels = true,
    .judges_own = true,
    .fits_apart = true,
    .pair_bytes = svm_pair_bytes,
    .search_bytes = svm_search_bytes,
    .fit_bytes = svm_fit_bytes,
    .prepare = svm_prepare,
    .release = svm_release,
    .validate = svm_validate,
    .train = svm_train_all,
    .scores = lc_svm_machine_scores,
    .save = lc_svm_machine_save,
    .load = svm_load,
    .free = lc_svm_machine_free,
    .export_text = lc_svm_machine_export,
    .support_vectors = lc_svm_machine_support_vectors,
};
