#include "classifier/sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/gram.h"
#include "classifier/screen.h"
#include "common/feature_store.h"
#include "common/interrupt.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"

enum { SIMILARITY_ROWS = 1000, LEAST_KEPT = 3 };

const char *const lc_screen_names[LC_SCREENS] = {"logme", "hscore", "ridge"};

/* Listing --------------------------------------------------------------------------------------------------------- */

void lc_sweep_free(lc_sweep *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        free(s->rows[i].name);
        free(s->rows[i].layer);
        free(s->rows[i].network);
        free(s->rows[i].pool);
    }
    free(s->rows);
    free(s->similarity);
    free(s);
}

static bool wanted(const lc_sweep_options *o, const lc_store_layer *l)
{
    bool any = o->layer_count == 0;
    for (size_t i = 0; i < o->layer_count; i++) {
        any = any || strcmp(o->layers[i], l->name) == 0 || strcmp(o->layers[i], l->id) == 0;
    }
    return any;
}

/* A row of unknown judgements; its strings are copies. */
static lc_status add_row(lc_sweep *s, const char *name, const char *layer, const char *network, const char *pool)
{
    lc_sweep_row *r;
    size_t capacity = s->count;
    LC_TRY(lc_grow(&s->rows, &capacity, s->count + 1, sizeof *s->rows));
    r = &s->rows[s->count];
    *r = (lc_sweep_row){.milliseconds = NAN, .accuracy = NAN, .error = NAN, .floor = NAN, .floor_error = NAN};
    for (size_t i = 0; i < LC_SCREENS; i++) {
        r->screens[i] = NAN;
    }
    char *text[4] = {0};
    const char *from[4] = {name, layer, network, pool};
    lc_status status = LC_OK;
    for (size_t i = 0; i < 4 && status == LC_OK; i++) {
        status = lc_strdup(&text[i], from[i]);
    }
    r->name = text[0];
    r->layer = text[1];
    r->network = text[2];
    r->pool = text[3];
    s->count++;
    return status;
}

static lc_status list_store(lc_sweep *s, const lc_sweep_options *o, size_t number, const lc_store *store)
{
    const char *network = lc_store_attribute(store, "model_name");
    for (size_t l = 0; l < lc_store_layer_count(store); l++) {
        const lc_store_layer *layer = lc_store_layer_at(store, l);
        char *name;
        if (!wanted(o, layer)) {
            continue;
        }
        LC_TRY(o->store_count > 1 ? lc_sprintf(&name, "%s:%s", network, layer->name) : lc_strdup(&name, layer->name));
        lc_status status = add_row(s, name, layer->name, network, layer->pool);
        free(name);
        LC_TRY(status);
        lc_sweep_row *r = &s->rows[s->count - 1];
        r->store = o->stores[number];
        r->store_number = number;
        r->dim = layer->dim;
        r->macs = layer->macs;
        r->parameters = layer->parameters;
    }
    return LC_OK;
}

/* Every layer asked for is in some store. */
static lc_status check_wanted(const lc_sweep *s, const lc_sweep_options *o)
{
    for (size_t i = 0; i < o->layer_count; i++) {
        bool found = false;
        for (size_t r = 0; r < s->count; r++) {
            found = found || strcmp(s->rows[r].layer, o->layers[i]) == 0;
        }
        if (!found) {
            lc_store *store;
            size_t at;
            LC_TRY(lc_store_open(&store, o->stores[0]));
            lc_status status = lc_store_find_layer(store, o->layers[i], &at);
            lc_store_free(store);
            LC_TRY(status);
        }
    }
    return LC_OK;
}

/* "a,b" of lc_screen_names into asked (LC_SCREENS); *first decides. */
static lc_status parse_screens(const char *text, bool asked[LC_SCREENS], size_t *first)
{
    char *copy, *save = NULL;
    *first = LC_SCREENS;
    memset(asked, 0, LC_SCREENS * sizeof *asked);
    if (!text) {
        return LC_OK;
    }
    LC_TRY(lc_strdup(&copy, text));
    lc_status status = LC_OK;
    for (char *word = strtok_r(copy, ",", &save); word && status == LC_OK; word = strtok_r(NULL, ",", &save)) {
        size_t i = 0;
        while (i < LC_SCREENS && strcmp(word, lc_screen_names[i]) != 0) {
            i++;
        }
        if (i == LC_SCREENS) {
            status = lc_fail(LC_ERR_ARG, "no screen '%s'; there are: logme, hscore, ridge", word);
        } else {
            asked[i] = true;
            *first = *first == LC_SCREENS ? i : *first;
        }
    }
    free(copy);
    if (status == LC_OK && *first == LC_SCREENS) {
        status = lc_fail(LC_ERR_ARG, "an empty list of screens; there are: logme, hscore, ridge");
    }
    return status;
}

static lc_status same_pictures(const lc_store *a, const char *a_path, const lc_store *b, const char *b_path)
{
    const lc_manifest *m = lc_store_manifest(a), *n = lc_store_manifest(b);
    if (m->rows != n->rows) {
        return lc_fail(LC_ERR_STALE, "%s has %zu pictures, %s has %zu; a sweep wants the same ones", a_path, m->rows, b_path,
                       n->rows);
    }
    for (size_t i = 0; i < m->rows; i++) {
        bool same = strcmp(m->paths[i], n->paths[i]) == 0 && m->splits[i] == n->splits[i];
        const char *one = m->labels[i] < 0 ? "" : m->class_names[m->labels[i]];
        const char *other = n->labels[i] < 0 ? "" : n->class_names[n->labels[i]];
        if (!same || strcmp(one, other) != 0) {
            return lc_fail(LC_ERR_STALE, "row %zu is %s (%s) in %s, %s (%s) in %s; a sweep wants the same pictures", i,
                           m->paths[i], one, a_path, n->paths[i], other, b_path);
        }
    }
    return LC_OK;
}

static lc_status check_stores(lc_sweep *s, const lc_sweep_options *o)
{
    lc_store *first = NULL, *store = NULL;
    lc_status status = lc_store_open(&first, o->stores[0]);
    for (size_t i = 0; i < o->store_count && status == LC_OK; i++) {
        if ((status = lc_store_open(&store, o->stores[i])) == LC_OK &&
            (status = same_pictures(first, o->stores[0], store, o->stores[i])) == LC_OK) {
            status = list_store(s, o, i, store);
        }
        lc_store_free(store);
        store = NULL;
    }
    if (status == LC_OK && o->floor && (status = lc_store_open(&store, o->floor)) == LC_OK) {
        status = same_pictures(first, o->stores[0], store, o->floor);
        lc_store_free(store);
    }
    if (status == LC_OK) {
        const lc_manifest *m = lc_store_manifest(first);
        size_t in[LC_SPLIT_COUNT] = {0};
        for (size_t i = 0; i < m->rows; i++) {
            in[m->splits[i]] += m->labels[i] >= 0;
        }
        s->split = in[LC_SPLIT_TRAIN] == 0 ? NULL : in[LC_SPLIT_TEST] ? "test" : in[LC_SPLIT_VAL] ? "val" : NULL;
        s->classes = m->classes;
        status = m->indicator ? lc_fail(LC_ERR_UNSUPPORTED, "%s: its rows have several labels; a sweep takes one label per row; "
                                                            "'train --layer' judges a layer of such rows",
                                        o->stores[0])
                              : LC_OK;
    }
    lc_store_free(first);
    return status;
}

lc_status lc_sweep_open(lc_sweep **out, const lc_sweep_options *o)
{
    lc_sweep *s;
    lc_rule rule;
    bool asked[LC_SCREENS];
    size_t first;
    *out = NULL;
    LC_TRY(lc_rule_parse(o->rule, &rule));
    LC_TRY(parse_screens(o->screen, asked, &first));
    if (o->store_count > 1 && o->floor) {
        return lc_fail(LC_ERR_ARG, "random weights are a floor under one network; give one features file");
    }
    LC_TRY(lc_alloc_array(&s, 1, sizeof *s));
    lc_status status = check_stores(s, o);
    if (status == LC_OK) {
        status = check_wanted(s, o);
    }
    s->layers = s->count;
    for (size_t i = 0; i < LC_SCREENS; i++) {
        s->tau[i] = NAN;
    }
    if (status == LC_OK) {
        *out = s;
    } else {
        lc_sweep_free(s);
    }
    return status;
}

/* Judging --------------------------------------------------------------------------------------------------------- */

typedef struct {
    lc_sweep *s;
    const lc_sweep_options *o;
    lc_threads *threads;
    lc_dataset *shape;  /* rows of split train of the first store, without features: what all others must agree with */
    uint8_t **correct;  /* by layer: (test_rows) */
    float **grams;      /* by layer: (similarity_rows, similarity_rows) */
} sweeping;

/* Every part of each row of length 1, as --norm l2 does for one layer: a sum of their linear kernels. */
static void normalise_parts(lc_dataset *d)
{
    for (size_t i = 0; i < d->rows; i++) {
        float *part = d->x + i * d->dim;
        for (size_t l = 0; l < d->layers; part += d->layer_dims[l++]) {
            double square = 0;
            for (size_t c = 0; c < d->layer_dims[l]; c++) {
                square += (double)part[c] * (double)part[c];
            }
            for (size_t c = 0; c < d->layer_dims[l] && square > 0; c++) {
                part[c] = (float)((double)part[c] / sqrt(square));
            }
        }
    }
}

/* The rows of one candidate; `store` in place of its own unless NULL. *out is the caller's. */
static lc_status read_rows(const lc_sweep *s, const lc_sweep_row *r, const char *store, lc_rows which, lc_dataset **out)
{
    const char *layers[LC_MAX_FUSED] = {r->layer};
    for (size_t m = 0; m < r->member_count; m++) {
        layers[m] = s->rows[r->members[m]].layer;
    }
    LC_TRY(lc_dataset_read(out, store ? store : r->store, layers, r->member_count ? r->member_count : 1, which));
    if (r->member_count) {
        normalise_parts(*out);
    }
    return LC_OK;
}

/* The first layer's rows are the measure; a picture that failed in one store only would make another task. */
static lc_status agree(sweeping *w, lc_dataset *d)
{
    if (!w->shape) {
        w->s->train_rows = d->rows;
        return LC_OK;
    }
    for (size_t i = 0; i < d->rows && d->rows == w->shape->rows; i++) {
        if (strcmp(d->paths[i], w->shape->paths[i]) != 0) {
            return lc_fail(LC_ERR_STALE, "%s and %s lack different pictures, %s for one", w->shape->source, d->source,
                           d->paths[i]);
        }
    }
    return d->rows == w->shape->rows
               ? LC_OK
               : lc_fail(LC_ERR_STALE, "%s has %zu good rows of split %s, %s has %zu; 'extract' again mends those that failed",
                         w->shape->source, w->shape->rows, d->split_name, d->source, d->rows);
}

static double standard_error(const lc_train_report *r, const lc_search_point *p, size_t rows)
{
    /* From the population deviation: deviation / sqrt(folds - 1) is the sample's / sqrt(folds). Repeats look at the same
     * rows again and are no further evidence. */
    return r->folds > 1 ? p->deviation / sqrt((double)(r->folds - 1)) : sqrt(p->accuracy * (1 - p->accuracy) / (double)rows);
}

/* Cross-validation and the fit on all rows. *classifier is the caller's. */
static lc_status validate(const sweeping *w, const lc_dataset *d, double *accuracy, double *error, lc_sweep_row *r,
                          lc_classifier **classifier)
{
    lc_train_options o = w->o->train;
    lc_train_report report;
    o.validate = true;
    o.journal = NULL;
    LC_TRY(lc_classifier_train(classifier, d, &o, &report));
    const lc_search_point *p = &report.points[report.best];
    *accuracy = p->accuracy;
    *error = standard_error(&report, p, d->rows);
    if (r) {
        const lc_classifier_info *info = lc_classifier_describe(*classifier);
        r->at_edge = report.at_edge;
        r->params = info->params;
        memcpy(r->labels, info->param_labels, sizeof r->labels);
        memcpy(r->names, info->param_names, sizeof r->names);
        memcpy(r->values, info->param_values, sizeof r->values);
        w->s->folds = report.folds;
        w->s->repeats = report.repeats;
    }
    lc_train_report_free(&report);
    return LC_OK;
}

/* Which rows of the split held back are judged right. The choice never sees it. */
static lc_status judge(sweeping *w, size_t index, const lc_classifier *classifier)
{
    lc_sweep *s = w->s;
    lc_dataset *d = NULL;
    int32_t *labels = NULL;
    uint8_t *correct = NULL;
    if (!s->split) {
        return LC_OK;
    }
    lc_status status = read_rows(s, &s->rows[index], NULL, LC_ROWS_JUDGE, &d);
    if (status == LC_OK && s->test_rows && s->test_rows != d->rows) {
        status = lc_fail(LC_ERR_STALE, "%s has %zu good rows of split %s, another features file has %zu", d->source, d->rows,
                         s->split, s->test_rows);
    }
    if (status != LC_OK || (status = lc_alloc_array(&labels, d->rows, sizeof *labels)) != LC_OK ||
        (status = lc_alloc_array(&correct, d->rows, 1)) != LC_OK) {
        goto done;
    }
    s->test_rows = d->rows;
    status = lc_classifier_scores(classifier, d->x, d->rows, d->dim, labels, NULL, w->threads);
    for (size_t i = 0; i < d->rows && status == LC_OK; i++) {
        correct[i] = labels[i] == d->labels[i];
        s->rows[index].test_correct += correct[i];
    }
    if (index < s->layers) {
        w->correct[index] = correct;
        correct = NULL;
    }
done:
    free(correct);
    free(labels);
    lc_dataset_free(d);
    return status;
}

static lc_status judge_floor(sweeping *w, lc_sweep_row *r)
{
    lc_dataset *d = NULL;
    lc_classifier *c = NULL;
    lc_status status = read_rows(w->s, r, w->o->floor, LC_ROWS_TRAIN, &d);
    if (status == LC_OK && (status = agree(w, d)) == LC_OK) {
        status = validate(w, d, &r->floor, &r->floor_error, NULL, &c);
    }
    lc_classifier_free(c);
    lc_dataset_free(d);
    return status;
}

/* The Gram matrix of rows spread evenly over the dataset. */
static lc_status keep_gram(sweeping *w, size_t index, const lc_dataset *d)
{
    size_t n = d->rows < SIMILARITY_ROWS ? d->rows : SIMILARITY_ROWS;
    float *x = NULL;
    double *centre = NULL;
    lc_status status = lc_alloc_raw(&x, n * d->dim, sizeof *x);
    if (status != LC_OK || (status = lc_alloc_array(&centre, d->dim, sizeof *centre)) != LC_OK ||
        (status = lc_alloc_raw(&w->grams[index], n * n, sizeof(float))) != LC_OK) {
        goto done;
    }
    w->s->similarity_rows = n;
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * d->dim, d->x + i * d->rows / n * d->dim, d->dim * sizeof *x);
    }
    lc_gram_centre(x, n, d->dim, centre);
    status = lc_gram_compute(x, n, d->dim, centre, w->grams[index], w->threads);
done:
    free(x);
    free(centre);
    return status;
}

static lc_status compare_layers(sweeping *w)
{
    lc_sweep *s = w->s;
    size_t n = s->layers;
    LC_TRY(lc_alloc_array(&s->similarity, n * n, sizeof *s->similarity));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double cka = lc_cka(w->grams[i], w->grams[j], s->similarity_rows);
            s->similarity[i * n + j] = s->similarity[j * n + i] = cka;
        }
    }
    return LC_OK;
}

/* Leave-one-out accuracy of ridge regression, at its best penalty. */
static lc_status screen_ridge(const sweeping *w, const lc_dataset *d, double *out)
{
    const lc_train_options *given = &w->o->train;
    const lc_train_options o = {
        .classifier = "ridge", .norm = given->norm, .seed = given->seed, .threads = given->threads, .validate = true};
    lc_classifier *c;
    lc_train_report report;
    LC_TRY(lc_classifier_train(&c, d, &o, &report));
    *out = report.points[report.best].accuracy;
    lc_train_report_free(&report);
    lc_classifier_free(c);
    return LC_OK;
}

static lc_status screen_layer(sweeping *w, lc_sweep_row *r, const bool asked[LC_SCREENS], const lc_dataset *d)
{
    if (asked[0]) {
        LC_TRY(lc_screen_logme(d->x, d->rows, d->dim, d->labels, d->classes, &r->screens[0], w->threads));
    }
    if (asked[1]) {
        LC_TRY(lc_screen_hscore(d->x, d->rows, d->dim, d->labels, d->classes, &r->screens[1], w->threads));
    }
    return asked[2] ? screen_ridge(w, d, &r->screens[2]) : LC_OK;
}

/* First pass over all layers: Gram matrices for their similarity, screens; the rows of the first are kept to compare with. */
static lc_status look_at_layers(sweeping *w, const bool asked[LC_SCREENS], bool any)
{
    lc_sweep *s = w->s;
    lc_status status = LC_OK;
    for (size_t i = 0; i < s->layers && status == LC_OK; i++) {
        lc_dataset *d = NULL;
        if ((!any && !w->o->similarity && i > 0) || (status = lc_interrupt_check()) != LC_OK) {
            break;
        }
        status = read_rows(s, &s->rows[i], NULL, LC_ROWS_TRAIN, &d);
        if (status == LC_OK && (status = agree(w, d)) == LC_OK && w->o->similarity) {
            status = keep_gram(w, i, d);
        }
        if (status == LC_OK && any && (status = screen_layer(w, &s->rows[i], asked, d)) != LC_OK) {
            status = lc_fail_in(status, "layer '%s'", s->rows[i].name);
        }
        if (status == LC_OK && !w->shape) {
            free(d->x);
            d->x = NULL;
            w->shape = d;
            d = NULL;
        }
        lc_dataset_free(d);
    }
    return status == LC_OK && w->o->similarity ? compare_layers(w) : status;
}

/* Leaves `keep` of the layers: those that the screen puts highest, of equals the earlier. */
static void leave_out(lc_sweep *s, size_t screen, size_t keep)
{
    keep = keep ? keep : s->layers / 3 < LEAST_KEPT ? LEAST_KEPT : s->layers / 3;
    for (size_t i = 0; i < s->layers; i++) {
        size_t before = 0;
        for (size_t j = 0; j < s->layers; j++) {
            double a = s->rows[j].screens[screen], b = s->rows[i].screens[screen];
            before += a > b || (a == b && j < i);
        }
        s->rows[i].left_out = before >= keep;
    }
}

static lc_status correlate(lc_sweep *s, const bool asked[LC_SCREENS])
{
    double *screen, *truth;
    size_t n = 0;
    LC_TRY(lc_alloc_array(&screen, 2 * s->layers, sizeof *screen));
    truth = screen + s->layers;
    lc_status status = LC_OK;
    for (size_t k = 0; k < LC_SCREENS && status == LC_OK; k++, n = 0) {
        for (size_t i = 0; i < s->layers; i++) {
            if (asked[k] && !s->rows[i].left_out) {
                screen[n] = s->rows[i].screens[k];
                truth[n++] = s->rows[i].accuracy;
            }
        }
        status = n > 1 ? lc_weighted_tau(screen, truth, n, &s->tau[k]) : LC_OK;
    }
    free(screen);
    return status;
}

static lc_status judge_row(sweeping *w, size_t index)
{
    lc_sweep_row *r = &w->s->rows[index];
    lc_dataset *d = NULL;
    lc_classifier *c = NULL;
    lc_status status = lc_interrupt_check();
    if (status == LC_OK && (status = read_rows(w->s, r, NULL, LC_ROWS_TRAIN, &d)) == LC_OK &&
        (status = agree(w, d)) == LC_OK && (status = validate(w, d, &r->accuracy, &r->error, r, &c)) == LC_OK) {
        r->dim = d->dim;
        status = judge(w, index, c);
    }
    lc_classifier_free(c);
    lc_dataset_free(d);
    if (status == LC_OK && w->o->floor && !r->member_count) {
        status = judge_floor(w, r);
    }
    return status == LC_OK || status == LC_ERR_INTERRUPTED ? status : lc_fail_in(status, "layer '%s'", r->name);
}

/* Several layers side by side --------------------------------------------------------------------------------------- */

/* Adds and judges a row of these members. */
static lc_status fuse(sweeping *w, const size_t *members, size_t count)
{
    lc_sweep *s = w->s;
    lc_text name;
    const lc_sweep_row *deepest = &s->rows[members[0]];
    LC_TRY(lc_text_open(&name));
    for (size_t m = 0; m < count; m++) {
        const lc_sweep_row *r = &s->rows[members[m]];
        fprintf(name.stream, "%s%s", m ? " + " : "", r->name);
        deepest = members[m] > (size_t)(deepest - s->rows) ? r : deepest;
    }
    LC_TRY(lc_text_close(&name));
    const lc_sweep_row like = *deepest;
    lc_status status = add_row(s, name.text, like.layer, like.network, like.pool);
    free(name.text);
    LC_TRY(status);
    lc_sweep_row *r = &s->rows[s->count - 1];
    r->store = like.store;
    r->store_number = like.store_number;
    r->macs = like.macs;
    r->parameters = like.parameters;
    r->milliseconds = like.milliseconds;
    r->member_count = count;
    memcpy(r->members, members, count * sizeof *members);
    return judge_row(w, s->count - 1);
}

static void drop_last(lc_sweep *s)
{
    lc_sweep_row *r = &s->rows[--s->count];
    free(r->name);
    free(r->layer);
    free(r->network);
    free(r->pool);
}

/* From the best layer on, what helps most in cross-validation is put beside, as long as something does. */
static lc_status fuse_greedily(sweeping *w, size_t best)
{
    lc_sweep *s = w->s;
    size_t members[LC_MAX_FUSED] = {best}, count = 1;
    double accuracy = s->rows[best].accuracy;
    while (count < LC_MAX_FUSED) {
        size_t pick = s->layers;
        for (size_t i = 0; i < s->layers; i++) {
            bool in = s->rows[i].left_out || s->rows[i].store_number != s->rows[best].store_number;
            for (size_t m = 0; m < count; m++) {
                in = in || members[m] == i;
            }
            if (in) {
                continue;
            }
            members[count] = i;
            LC_TRY(fuse(w, members, count + 1));
            if (s->rows[s->count - 1].accuracy > accuracy + 1e-12) {
                accuracy = s->rows[s->count - 1].accuracy;
                pick = i;
            }
            drop_last(s);
        }
        if (pick == s->layers) {
            break;
        }
        members[count++] = pick;
        LC_TRY(fuse(w, members, count));
    }
    return LC_OK;
}

static lc_status find_row(const lc_sweep *s, const char *name, size_t *out)
{
    for (*out = 0; *out < s->layers; ++*out) {
        if (strcmp(s->rows[*out].name, name) == 0 || strcmp(s->rows[*out].layer, name) == 0) {
            return LC_OK;
        }
    }
    return lc_fail(LC_ERR_NOTFOUND, "fusion: the sweep has no layer '%s'", name);
}

/* "a+b+c" */
static lc_status fuse_named(sweeping *w, char *word)
{
    size_t members[LC_MAX_FUSED], count = 0;
    char *save = NULL;
    for (char *name = strtok_r(word, "+", &save); name; name = strtok_r(NULL, "+", &save)) {
        if (count == LC_MAX_FUSED) {
            return lc_fail(LC_ERR_ARG, "fusion: %d layers side by side are the most", LC_MAX_FUSED);
        }
        LC_TRY(find_row(w->s, name, &members[count]));
        if (w->s->rows[members[count]].store_number != w->s->rows[members[0]].store_number) {
            return lc_fail(LC_ERR_ARG, "fusion: '%s' is of another features file than the first layer", name);
        }
        for (size_t m = 0; m < count; m++) {
            if (members[m] == members[count]) {
                return lc_fail(LC_ERR_ARG, "fusion: '%s' is named twice", name);
            }
        }
        count++;
    }
    return count > 1 ? fuse(w, members, count) : lc_fail(LC_ERR_ARG, "fusion wants two layers or more, as in 'a+b'");
}

static lc_status fuse_list(sweeping *w)
{
    char *copy, *save = NULL;
    LC_TRY(lc_strdup(&copy, w->o->fuse));
    lc_status status = LC_OK;
    for (char *word = strtok_r(copy, ",", &save); word && status == LC_OK; word = strtok_r(NULL, ",", &save)) {
        status = fuse_named(w, word);
    }
    free(copy);
    return status;
}

/* What the split held back says ------------------------------------------------------------------------------------- */

/* Of layers that were validated; fused rows are not candidates. */
static lc_status open_test(sweeping *w)
{
    lc_sweep *s = w->s;
    uint8_t *correct;
    size_t n = 0;
    s->test_best = s->chosen;
    LC_TRY(lc_alloc_array(&correct, s->test_rows, s->layers));
    for (size_t k = 0; k < s->layers; k++) {
        n += !s->rows[k].left_out;
        if (!s->rows[k].left_out && s->rows[k].test_correct > s->rows[s->test_best].test_correct) {
            s->test_best = k;
        }
    }
    for (size_t k = 0, column = 0; k < s->layers; k++) {
        for (size_t i = 0; i < s->test_rows && !s->rows[k].left_out; i++) {
            correct[i * n + column] = w->correct[k][i];
        }
        column += !s->rows[k].left_out;
    }
    lc_status status = lc_sweep_optimism(correct, s->test_rows, n, w->o->train.seed, &s->optimism);
    free(correct);
    return status;
}

static lc_status sweep(sweeping *w)
{
    lc_sweep *s = w->s;
    const lc_sweep_options *o = w->o;
    lc_rule rule;
    bool asked[LC_SCREENS];
    size_t first;
    LC_TRY(lc_rule_parse(o->rule, &rule));
    LC_TRY(parse_screens(o->screen, asked, &first));
    LC_TRY(lc_threads_new(&w->threads, o->train.threads ? o->train.threads : lc_threads_available()));
    LC_TRY(lc_alloc_array(&w->correct, s->layers, sizeof *w->correct));
    LC_TRY(lc_alloc_array(&w->grams, s->layers, sizeof *w->grams));
    LC_TRY(look_at_layers(w, asked, first < LC_SCREENS));
    if (first < LC_SCREENS) {
        leave_out(s, first, o->keep);
    }
    for (size_t i = 0; i < s->layers; i++) {
        lc_log(LC_LOG_VERBOSE, "layer %zu of %zu: %s", i + 1, s->layers, s->rows[i].name);
        LC_TRY(s->rows[i].left_out ? LC_OK : judge_row(w, i));
    }
    LC_TRY(correlate(s, asked));
    LC_TRY(lc_sweep_choose(s->rows, s->layers, &rule, &s->best, &s->chosen));
    if (s->split) {
        LC_TRY(open_test(w));
    }
    if (!o->fuse) {
        return LC_OK;
    }
    return strcmp(o->fuse, "greedy") == 0 ? fuse_greedily(w, s->best) : fuse_list(w);
}

lc_status lc_sweep_run(lc_sweep *s, const lc_sweep_options *o)
{
    sweeping w = {.s = s, .o = o};
    lc_status status = sweep(&w);
    for (size_t i = 0; w.correct && i < s->layers; i++) {
        free(w.correct[i]);
    }
    for (size_t i = 0; w.grams && i < s->layers; i++) {
        free(w.grams[i]);
    }
    free(w.correct);
    free(w.grams);
    lc_dataset_free(w.shape);
    lc_threads_free(w.threads);
    return status;
}
