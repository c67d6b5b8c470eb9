#include "tools/sweeps.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "extractor/extractor.h"
#include "tools/groups.h"
#include "tools/inputs.h"
#include "tools/report/plot.h"
#include "tools/table.h"

enum { BAR = 40, PASSES = 4, TIMED_BATCH = 8, MATRIX_MOST = 16 };

/* What a layer costs ----------------------------------------------------------------------------------------------- */

/* Opens the network that a features file was made with, at its input size. */
static lc_status open_network_of(const char *path, const lc_store *store, lc_network **out)
{
    char *recipe = NULL;
    const lc_extract_options how = {.recipe = lc_store_recipe(store)};
    const char *model = lc_store_attribute(store, "model_path");
    lc_status st = model && *model ? lc_network_open(out, model) : lc_fail(LC_ERR_NOTFOUND, "%s does not say where its network is", path);
    if (st == LC_OK && strcmp(lc_network_describe(*out)->sha256, lc_store_attribute(store, "model_sha256")) != 0) {
        st = lc_fail(LC_ERR_NOTFOUND, "%s is another network now than the one %s was made with", model, path);
    }
    if (st == LC_OK) {
        st = lc_extract_recipe(*out, &how, &recipe);
    }
    free(recipe);
    return st;
}

/* The layers of a store as a selector; *out is the caller's. */
static lc_status layers_of(const lc_store *store, char **out)
{
    lc_text t;
    LC_TRY(lc_text_open(&t));
    for (size_t i = 0; i < lc_store_layer_count(store); i++) {
        fprintf(t.stream, "%s%s", i ? "," : "", lc_store_layer_at(store, i)->name);
    }
    LC_TRY(lc_text_close(&t));
    *out = t.text;
    return LC_OK;
}

/* The recipe of a store with another network; *out is the caller's. */
static lc_status recipe_for(const lc_store *store, const lc_network *network, char **out)
{
    lc_json *recipe;
    const char *text = lc_store_recipe(store);
    LC_TRY(lc_json_parse(&recipe, text, strlen(text)));
    lc_json_set_string(recipe, "network", lc_network_describe(network)->sha256);
    lc_status st = lc_json_text(recipe, 0, out);
    lc_json_free(recipe);
    return st;
}

lc_status lc_extract_floor(const lc_cli *cli, const char *path, char **out)
{
    lc_store *store;
    lc_network *network = NULL;
    char *layers = NULL, *recipe = NULL;
    lc_extract_report done;
    LC_TRY(lc_store_open(&store, path));
    lc_status st = open_network_of(path, store, &network);
    if (st == LC_OK) {
        st = lc_network_randomise(network, cli->seed);
    }
    if (st == LC_OK) {
        st = layers_of(store, &layers);
    }
    if (st == LC_OK) {
        st = recipe_for(store, network, &recipe);
    }
    if (st == LC_OK) {
        st = lc_name_beside(out, path, "random");
    }
    if (st != LC_OK) {
        goto done;
    }
    const lc_extract_options o = {.layers = layers,
                                  .pool = lc_store_layer_at(store, 0)->pool,
                                  .recipe = recipe,
                                  .threads = cli->threads};
    lc_log(LC_LOG_INFO, "random weights, seed %llu: %s", (unsigned long long)cli->seed, *out);
    st = lc_extract(network, lc_store_manifest(store), &o, *out, cli->command_line, &done);
    if (st == LC_ERR_STALE) {
        st = lc_fail_in(st, "%s is of another job or seed; without it, it is made anew", *out);
    }
done:
    free(layers);
    free(recipe);
    lc_network_free(network);
    lc_store_free(store);
    return st;
}

/* Milliseconds per picture up to each layer of one store: the fastest of some passes over a batch. */
static lc_status measure(lc_sweep *s, size_t store_number, const char *path, size_t threads)
{
    lc_store *store;
    lc_network *network = NULL;
    lc_bench *bench = NULL;
    const lc_bench_options o = {.batch = TIMED_BATCH, .threads = threads, .profile = true};
    LC_TRY(lc_store_open(&store, path));
    lc_status st = open_network_of(path, store, &network);
    lc_store_free(store);
    if (st != LC_OK) {
        lc_log(LC_LOG_WARNING, "no milliseconds: %s", lc_error_message());
        lc_network_free(network);
        return st == LC_ERR_NOMEM ? st : LC_OK;
    }
    st = lc_bench_new(&bench, network, &o);
    for (size_t pass = 0; bench && pass < PASSES && st == LC_OK; pass++) {
        double seconds;
        st = lc_bench_run(bench, &seconds);
        for (size_t i = 0; i < s->layers && pass > 0 && st == LC_OK; i++) {
            lc_sweep_row *r = &s->rows[i];
            size_t *taps, count;
            if (r->store_number != store_number || (st = lc_network_select(network, r->layer, &taps, &count)) != LC_OK) {
                continue;
            }
            r->milliseconds = fmin(r->milliseconds, 1e3 * lc_bench_until(bench, taps[0]) / TIMED_BATCH);
            free(taps);
        }
    }
    lc_bench_free(bench);
    lc_network_free(network);
    return st;
}

/* Table ------------------------------------------------------------------------------------------------------------ */

static bool any_known(const lc_sweep *s, size_t offset)
{
    bool known = false;
    for (size_t i = 0; i < s->count; i++) {
        double value;
        memcpy(&value, (const char *)&s->rows[i] + offset, sizeof value);
        known = known || isfinite(value);
    }
    return known;
}

static bool has_fused(const lc_sweep *s)
{
    return s->count > s->layers;
}

/* Layers that were validated. */
static size_t candidates(const lc_sweep *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->layers; i++) {
        n += !s->rows[i].left_out;
    }
    return n;
}

static void number_cell(lc_text *cells, double value, int decimals)
{
    if (isfinite(value)) {
        lc_table_cell(cells, "%.*f", decimals, value);
    } else {
        lc_table_cell(cells, "-");
    }
}

static void count_cell(lc_text *cells, uint64_t number)
{
    char text[16];
    lc_table_cell(cells, "%s", number ? lc_human(text, number) : "-");
}

/* "C 8", "C 8 gamma 0.5" */
static void params_cell(lc_text *cells, const lc_sweep_row *r)
{
    for (size_t p = 0; p < r->params; p++) {
        fprintf(cells->stream, "%s%s %g", p ? " " : "", r->labels[p], r->values[p]);
    }
    lc_table_cell(cells, r->params ? "" : "-");
}

static lc_status print_table(const lc_cli *cli, const lc_sweep *s)
{
    bool timed = any_known(s, offsetof(lc_sweep_row, milliseconds)), floor = any_known(s, offsetof(lc_sweep_row, floor));
    const char *titles[11];
    size_t columns = 0;
    titles[columns++] = "<  layer";
    titles[columns++] = ">dims";
    titles[columns++] = ">macs";
    if (timed) {
        titles[columns++] = ">ms";
    }
    titles[columns++] = "?MB";
    titles[columns++] = ">CV";
    titles[columns++] = ">+-";
    if (floor) {
        titles[columns++] = ">random";
    }
    titles[columns++] = "<chosen";
    if (s->split) {
        titles[columns++] = ">test*";
    }
    lc_text cells;
    LC_TRY(lc_text_open(&cells));
    for (size_t i = 0; i < s->count; i++) {
        const lc_sweep_row *r = &s->rows[i];
        if (r->left_out) {
            continue;
        }
        lc_table_cell(&cells, "%s%s", i == s->chosen ? "> " : "  ", r->name);
        lc_table_cell(&cells, "%zu", r->dim);
        count_cell(&cells, r->macs);
        if (timed) {
            number_cell(&cells, r->milliseconds, 2);
        }
        number_cell(&cells, r->macs ? (double)r->parameters * 4e-6 : NAN, 1);
        number_cell(&cells, r->accuracy, 4);
        number_cell(&cells, r->error, 4);
        if (floor) {
            number_cell(&cells, r->floor, 4);
        }
        params_cell(&cells, r);
        if (s->split) {
            number_cell(&cells, (double)r->test_correct / (double)s->test_rows, 4);
        }
    }
    return lc_table_print(cli, titles, columns, &cells);
}

static lc_status print_screens(const lc_cli *cli, const lc_sweep *s)
{
    static const char *const words[LC_SCREENS] = {">LogME", ">H-score", ">ridge"};
    const char *titles[LC_SCREENS + 2] = {"<layer"};
    size_t which[LC_SCREENS], columns = 1;
    for (size_t k = 0; k < LC_SCREENS; k++) {
        if (isfinite(s->rows[0].screens[k])) {
            which[columns - 1] = k;
            titles[columns++] = words[k];
        }
    }
    if (columns == 1) {
        return LC_OK;
    }
    titles[columns] = "<";
    lc_text cells;
    LC_TRY(lc_text_open(&cells));
    for (size_t i = 0; i < s->layers; i++) {
        lc_table_cell(&cells, "%s", s->rows[i].name);
        for (size_t c = 0; c + 1 < columns; c++) {
            number_cell(&cells, s->rows[i].screens[which[c]], 4);
        }
        lc_table_cell(&cells, s->rows[i].left_out ? "" : "kept");
    }
    LC_TRY(lc_table_print(cli, titles, columns + 1, &cells));
    lc_cli_print(cli, "\n");
    return LC_OK;
}

/* Bars of accuracy: '=' up to it, '-' one standard error on, 'o' where random weights reach. */
static void print_bars(const lc_cli *cli, const lc_sweep *s)
{
    double low = 1, high = 0;
    size_t width = 0;
    bool random = any_known(s, offsetof(lc_sweep_row, floor));
    for (size_t i = 0; i < s->count; i++) {
        const lc_sweep_row *r = &s->rows[i];
        if (r->left_out) {
            continue;
        }
        low = fmin(low, fmin(r->accuracy, r->floor)); /* fmin and fmax pass over NaN */
        high = fmax(high, fmax(r->accuracy + r->error, r->floor));
        width = lc_text_length(r->name) > width ? lc_text_length(r->name) : width;
    }
    low = fmax(0, floor(low * 20 - 1) / 20);
    high = fmin(1, ceil(high * 20) / 20);
    lc_cli_print(cli, "\naccuracy from %.2f to %.2f; '-': one standard error%s\n", low, high,
                 random ? "; 'o': with random weights" : "");
    for (size_t i = 0; i < s->count; i++) {
        const lc_sweep_row *r = &s->rows[i];
        char bar[BAR + 1];
        if (r->left_out) {
            continue;
        }
        for (size_t c = 0; c < BAR; c++) {
            double at = low + (high - low) * ((double)c + 0.5) / BAR;
            bar[c] = at <= r->accuracy ? '=' : at <= r->accuracy + r->error ? '-' : ' ';
        }
        bar[BAR] = '\0';
        if (isfinite(r->floor)) {
            double at = (r->floor - low) / (high - low) * BAR;
            bar[at < 0 ? 0 : at > BAR - 1 ? BAR - 1 : (size_t)at] = 'o';
        }
        int padding = (int)(width - lc_text_length(r->name));
        lc_cli_print(cli, "%s %s%*s |%s| %.4f\n", i == s->chosen ? ">" : " ", r->name, padding, "", bar, r->accuracy);
    }
}

static const char *rule_name(const lc_sweep_options *o)
{
    return o->rule ? o->rule : "one-se";
}

static void print_choice(const lc_cli *cli, const lc_sweep *s, const lc_sweep_options *o)
{
    const lc_sweep_row *best = &s->rows[s->best], *r = &s->rows[s->chosen];
    lc_cli_print(cli, "\nchosen by %s: %s, accuracy %.4f in %s\n", rule_name(o), r->name, r->accuracy,
                 s->folds ? "cross-validation" : "leave-one-out");
    if (r != best) {
        lc_cli_print(cli, "the best is %s with %.4f +- %.4f\n", best->name, best->accuracy, best->error);
    }
    if (s->split) {
        const lc_sweep_row *top = &s->rows[s->test_best];
        double n = (double)s->test_rows;
        lc_cli_print(cli, "split %s, opened once: %.4f (%zu of %zu)\n", s->split, (double)r->test_correct / n, r->test_correct,
                     s->test_rows);
        lc_cli_print(cli,
                     "* opened after the choice, for the curve. Choosing by it would have taken\n"
                     "  %s and said %.4f; the best of %zu, judged by the rows it was chosen by,\n"
                     "  is too high by %.4f on average (bootstrap)\n",
                     top->name, (double)top->test_correct / n, candidates(s), s->optimism);
    } else {
        lc_cli_print(cli, "nothing was held back (no split val or test), so nothing judges the choice\n");
    }
    for (size_t k = 0; k < LC_SCREENS; k++) {
        if (isfinite(s->tau[k])) {
            lc_cli_print(cli, "screen %s: weighted tau %.4f with the cross-validation of %zu layers\n", lc_screen_names[k], s->tau[k],
                         candidates(s));
        }
    }
    if (has_fused(s)) {
        lc_cli_print(cli, "layers side by side are shown, not chosen: 'train --layer A,B' normalises them together\n");
    }
}

static void print_similarity(const lc_cli *cli, const lc_sweep *s)
{
    if (!s->similarity) {
        return;
    }
    lc_cli_print(cli, "\nsimilarity of layers, linear CKA on %zu rows", s->similarity_rows);
    if (s->layers > MATRIX_MOST) {
        lc_cli_print(cli, ": %zu x %zu, see --json and --plot\n", s->layers, s->layers);
        return;
    }
    lc_cli_print(cli, "\n");
    for (size_t i = 0; i < s->layers; i++) {
        for (size_t j = 0; j <= i; j++) {
            lc_cli_print(cli, "%s%.2f", j ? " " : "", s->similarity[i * s->layers + j]);
        }
        lc_cli_print(cli, " %s\n", s->rows[i].name);
    }
}

/* JSON ------------------------------------------------------------------------------------------------------------- */

static lc_json *row_json(const lc_sweep *s, size_t index)
{
    const lc_sweep_row *r = &s->rows[index];
    lc_json *row = lc_json_object(), *params = lc_json_object();
    lc_json_set_string(row, "name", r->name);
    lc_json_set_string(row, "layer", r->layer);
    lc_json_set_string(row, "features", r->store);
    lc_json_set_string(row, "network", r->network);
    lc_json_set_string(row, "pool", r->pool);
    if (r->member_count) {
        lc_json *members = lc_json_array();
        for (size_t m = 0; m < r->member_count; m++) {
            lc_json_add_string(members, s->rows[r->members[m]].name);
        }
        lc_json_set(row, "members", members);
    }
    lc_json_set_int(row, "dim", (int64_t)r->dim);
    lc_json_set_real(row, "macs", r->macs ? (double)r->macs : NAN);
    lc_json_set_real(row, "parameters", r->macs ? (double)r->parameters : NAN);
    lc_json_set_real(row, "milliseconds", r->milliseconds);
    for (size_t k = 0; k < LC_SCREENS; k++) {
        if (isfinite(r->screens[k])) {
            lc_json_set_real(row, lc_screen_names[k], r->screens[k]);
        }
    }
    lc_json_set_bool(row, "left_out", r->left_out);
    lc_json_set_real(row, "accuracy", r->accuracy);
    lc_json_set_real(row, "standard_error", r->error);
    for (size_t p = 0; p < r->params; p++) {
        lc_json_set_real(params, r->names[p], r->values[p]);
    }
    lc_json_set(row, "params", params);
    lc_json_set_bool(row, "at_edge", r->at_edge);
    if (isfinite(r->floor)) {
        lc_json_set_real(row, "random_accuracy", r->floor);
        lc_json_set_real(row, "random_standard_error", r->floor_error);
    }
    if (s->split && !r->left_out) {
        lc_json_set_int(row, "test_correct", (int64_t)r->test_correct);
        lc_json_set_real(row, "test_accuracy", (double)r->test_correct / (double)s->test_rows);
    }
    return row;
}

static void sweep_json(lc_json *result, const lc_cli *cli, const lc_sweep *s, const lc_sweep_options *o)
{
    lc_json *rows = lc_json_array(), *tau = lc_json_object();
    for (size_t i = 0; i < s->count; i++) {
        lc_json_add(rows, row_json(s, i));
    }
    lc_json_set_string(result, "classifier", o->train.classifier ? o->train.classifier : "svm");
    lc_json_set_string(result, "rule", rule_name(o));
    lc_json_set_int(result, "seed", (int64_t)cli->seed);
    lc_json_set_int(result, "rows", (int64_t)s->train_rows);
    lc_json_set_int(result, "classes", (int64_t)s->classes);
    lc_json_set_int(result, "folds", (int64_t)s->folds);
    lc_json_set_int(result, "repeats", (int64_t)s->repeats);
    lc_json_set(result, "layers", rows);
    lc_json_set_string(result, "best", s->rows[s->best].name);
    lc_json_set_string(result, "chosen", s->rows[s->chosen].name);
    lc_json_set_string(result, "split", s->split);
    if (s->split) {
        lc_json_set_int(result, "test_rows", (int64_t)s->test_rows);
        lc_json_set_string(result, "best_on_test", s->rows[s->test_best].name);
        lc_json_set_real(result, "optimism", s->optimism);
    }
    for (size_t k = 0; k < LC_SCREENS; k++) {
        if (isfinite(s->tau[k])) {
            lc_json_set_real(tau, lc_screen_names[k], s->tau[k]);
        }
    }
    lc_json_set(result, "weighted_tau", tau);
    if (s->similarity) {
        lc_json *matrix = lc_json_array();
        for (size_t i = 0; i < s->layers; i++) {
            lc_json *line = lc_json_array();
            for (size_t j = 0; j < s->layers; j++) {
                lc_json_add_real(line, s->similarity[i * s->layers + j]);
            }
            lc_json_add(matrix, line);
        }
        lc_json_set(result, "cka", matrix);
        lc_json_set_int(result, "cka_rows", (int64_t)s->similarity_rows);
    }
}

/* Plots ------------------------------------------------------------------------------------------------------------- */

lc_status lc_name_beside(char **out, const char *path, const char *word)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    dot = dot && (!slash || dot > slash) ? dot : path + strlen(path);
    return lc_sprintf(out, "%.*s.%s%s", (int)(dot - path), path, word, dot);
}

static lc_status plot_similarity(const lc_sweep *s, const char *path)
{
    const char **names;
    char *beside = NULL;
    LC_TRY(lc_alloc_array(&names, s->layers, sizeof *names));
    for (size_t i = 0; i < s->layers; i++) {
        names[i] = s->rows[i].name;
    }
    lc_status st = lc_name_beside(&beside, path, "cka");
    if (st == LC_OK) {
        st = lc_plot_draw_similarity(beside, "similarity of layers", names, s->layers, s->similarity);
    }
    free(beside);
    free(names);
    return st;
}

static lc_status plot_sweep(const lc_sweep *s, const char *path, size_t stores)
{
    lc_plot_point *points;
    const char **series = NULL;
    char *title = NULL;
    size_t n = 0;
    bool timed = any_known(s, offsetof(lc_sweep_row, milliseconds));
    LC_TRY(lc_alloc_array(&points, s->layers, sizeof *points));
    lc_status st = lc_alloc_array(&series, stores, sizeof *series);
    if (st == LC_OK) {
        st = lc_sprintf(&title, "%s: %zu rows, %zu classes", s->rows[0].network, s->train_rows, s->classes);
    }
    for (size_t i = 0; i < s->layers && st == LC_OK; i++) {
        const lc_sweep_row *r = &s->rows[i];
        series[r->store_number] = r->network;
        if (r->left_out) {
            continue;
        }
        double macs = r->macs ? (double)r->macs / 1e6 : NAN;
        points[n++] = (lc_plot_point){.name = r->layer,
                                      .series = r->store_number,
                                      .accuracy = r->accuracy,
                                      .error = r->error,
                                      .test = s->split ? (double)r->test_correct / (double)s->test_rows : NAN,
                                      .floor = r->floor,
                                      .floor_error = r->floor_error,
                                      .cost = timed ? r->milliseconds : macs,
                                      .chosen = i == s->chosen};
    }
    const lc_plot_sweep plot = {.title = stores > 1 ? "networks beside each other" : title,
                                .split = s->split,
                                .cost = timed ? "milliseconds per picture, up to the cut" : "million multiply-adds per picture, up to the cut",
                                .series = series,
                                .series_count = stores,
                                .points = points,
                                .count = n};
    if (st == LC_OK) {
        st = lc_plot_draw_sweep(path, &plot);
    }
    free(title);
    free(series);
    free(points);
    return st;
}

/* Without gnuplot everything else is there all the same. */
static lc_status plot(const lc_sweep *s, const char *path, size_t stores)
{
    lc_status st = plot_sweep(s, path, stores);
    if (st == LC_OK && s->similarity) {
        st = plot_similarity(s, path);
    }
    if (st == LC_ERR_NOTFOUND) {
        lc_log(LC_LOG_WARNING, "%s was not drawn: %s", path, lc_error_message());
        return LC_OK;
    }
    return st;
}

/* All of it --------------------------------------------------------------------------------------------------------- */

static lc_status read_groups(lc_sweep_job *job, const char *word)
{
    lc_dataset *d;
    lc_sweep_options *o = &job->options;
    LC_TRY(lc_dataset_read(&d, o->stores[0], NULL, 0, LC_ROWS_TRAIN));
    lc_status st = lc_groups_read(&job->groups, word, d);
    o->train.groups = job->groups.of_row;
    lc_dataset_free(d);
    return st;
}

static void print_head(const lc_cli *cli, const lc_sweep *s, const lc_sweep_options *o)
{
    lc_cli_print(cli, "%zu rows, %zu classes; %s, ", s->train_rows, s->classes, o->train.classifier ? o->train.classifier : "svm");
    if (s->folds) {
        lc_cli_print(cli, "%zu folds", s->folds);
    } else {
        lc_cli_print(cli, "leave-one-out");
    }
    if (s->repeats > 1) {
        lc_cli_print(cli, " %zu times", s->repeats);
    }
    lc_cli_print(cli, ", seed %llu\n\n", (unsigned long long)cli->seed);
}

static lc_status report(const lc_cli *cli, const lc_sweep *s, const lc_sweep_options *o, lc_json *result)
{
    print_head(cli, s, o);
    LC_TRY(print_screens(cli, s));
    LC_TRY(print_table(cli, s));
    print_bars(cli, s);
    print_choice(cli, s, o);
    print_similarity(cli, s);
    sweep_json(result, cli, s, o);
    return LC_OK;
}

static void fill_options(lc_sweep_job *job, const lc_cli *cli, const lc_sweep_arguments *a)
{
    for (size_t i = 0; i < a->hyper.count; i++) {
        job->hyper[i] = (lc_hyper){a->hyper.items[i].key, a->hyper.items[i].value};
    }
    job->options.rule = a->rule;
    job->options.screen = a->screen;
    job->options.keep = a->keep;
    job->options.fuse = a->fuse;
    job->options.similarity = a->similarity;
    job->options.train = (lc_train_options){.classifier = a->classifier,
                                            .kernel = a->kernel,
                                            .norm = a->norm,
                                            .multiclass = a->multiclass,
                                            .hyper = job->hyper,
                                            .hyper_count = a->hyper.count,
                                            .folds = a->folds,
                                            .repeats = a->repeats,
                                            .seed = cli->seed,
                                            .class_weight = a->class_weight,
                                            .threads = cli->threads};
}

lc_status lc_sweep_job_run(lc_sweep_job *job, const lc_cli *cli, const lc_sweep_arguments *a, const char *const *stores,
                           size_t count, const char *const *layers, size_t layer_count, const char *floor, bool timed,
                           lc_json *result)
{
    *job = (lc_sweep_job){.options = {.stores = stores,
                                      .store_count = count,
                                      .layers = layers,
                                      .layer_count = layer_count,
                                      .floor = floor}};
    if (a->plot) {
        LC_TRY(lc_plot_check(a->plot));
    }
    fill_options(job, cli, a);
    LC_TRY(lc_sweep_open(&job->sweep, &job->options));
    if (a->group_by) {
        LC_TRY(read_groups(job, a->group_by));
    }
    for (size_t i = 0; i < count && timed; i++) {
        LC_TRY(measure(job->sweep, i, stores[i], cli->threads));
    }
    LC_TRY(lc_sweep_run(job->sweep, &job->options));
    LC_TRY(report(cli, job->sweep, &job->options, result));
    return a->plot ? plot(job->sweep, a->plot, count) : LC_OK;
}

void lc_sweep_job_free(lc_sweep_job *job)
{
    lc_sweep_free(job->sweep);
    lc_groups_free(&job->groups);
}
