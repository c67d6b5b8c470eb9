#include "tools/comparison.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/subset.h"
#include "tools/picture_lists.h"
#include "tools/results.h"
#include "tools/steps.h"
#include "tools/table.h"

enum { MAX_MODES = 8, MAX_FRACTIONS = 16, MAX_SEEDS = 100, DEFAULT_EPOCHS = 10 };

/* One cell of modes x fractions x seeds, and what it rests on. */
typedef struct {
    lc_json *files[3]; /* evaluation or fine-tuning, training, extraction */
    lc_result result;
    lc_result_test test; /* against the first mode */
    const char *diverged; /* why there is no result, in the file; NULL: there is */
} cell;

typedef struct {
    lc_cli *cli;
    const lc_comparison_arguments *a;
    lc_manifest *pictures;
    lc_words modes;
    char *default_modes;
    const char *suffix; /* of tuned networks: what the network's own format is written as */
    double fractions[MAX_FRACTIONS], per_class[MAX_FRACTIONS]; /* per_class: training pictures, mean over classes */
    size_t fraction_count, seeds;
    cell *cells; /* (fractions, modes, seeds) */
    size_t diverged; /* cells */
} comparison;

static const char *const FROZEN = "svm";

static bool frozen(const comparison *c, size_t mode)
{
    return strcmp(c->modes.items[mode], FROZEN) == 0;
}

static cell *cell_at(const comparison *c, size_t fraction, size_t mode, size_t seed)
{
    return &c->cells[(fraction * c->modes.count + mode) * c->seeds + seed];
}

/* What is asked for ------------------------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static lc_status read_fractions(comparison *c)
{
    lc_words words;
    LC_TRY(lc_words_split(&words, c->a->fractions ? c->a->fractions : "1", ','));
    lc_status st = words.count && words.count <= MAX_FRACTIONS
                       ? LC_OK
                       : lc_fail(LC_ERR_ARG, "--label-fractions %s: wants 1 to %d numbers", c->a->fractions, MAX_FRACTIONS);
    for (size_t i = 0; i < words.count && st == LC_OK; i++) {
        char *end;
        double f = strtod(words.items[i], &end);
        if (*end || !(f > 0 && f <= 1)) {
            st = lc_fail(LC_ERR_ARG, "--label-fractions: '%s' is no number above 0, up to 1", words.items[i]);
        }
        c->fractions[c->fraction_count++] = f;
    }
    lc_words_free(&words);
    qsort(c->fractions, c->fraction_count, sizeof *c->fractions, by_value);
    return st;
}

/* What tuned networks are written as, and the last block by the name of its module; NULL: a network without blocks, or an architecture's
 * name, which is enough for mode scratch. *block is the caller's. */
static lc_status look_at_network(comparison *c, char **block)
{
    lc_network *network;
    size_t *taps, count;
    *block = NULL;
    c->suffix = "safetensors";
    lc_status st = lc_network_open_as(&network, c->cli->operands[0], c->a->pictures.arch);
    if (st != LC_OK) {
        return c->a->modes ? LC_OK : st;
    }
    if (strcmp(lc_network_describe(network)->format, "onnx") == 0) {
        c->suffix = "onnx";
    }
    st = lc_network_select(network, "@block", &taps, &count);
    if (st == LC_ERR_NOTFOUND) {
        st = LC_OK;
    } else if (st == LC_OK) {
        st = lc_strdup(block, lc_module_name(lc_network_tap(network, taps[count - 1])));
        free(taps);
    }
    lc_network_free(network);
    return st;
}

static lc_status choose_modes(comparison *c)
{
    const char *modes = c->a->modes, *from = c->a->from;
    char *block;
    if (modes && from) {
        return lc_fail(LC_ERR_ARG, "--from %s and --modes: the list says it itself, as from:%s", from, from);
    }
    LC_TRY(look_at_network(c, &block));
    if (!modes) {
        from = from ? from : block;
        lc_status st = lc_sprintf(&c->default_modes, "%s,head,%s%s%sfull,scratch", FROZEN, from ? "from:" : "", from ? from : "", from ? "," : "");
        free(block);
        LC_TRY(st);
        modes = c->default_modes;
    } else {
        free(block);
    }
    LC_TRY(lc_words_split(&c->modes, modes, ','));
    if (c->modes.count < 1 || c->modes.count > MAX_MODES) {
        return lc_fail(LC_ERR_ARG, "--modes %s: wants 1 to %d", modes, MAX_MODES);
    }
    for (size_t m = 0; m < c->modes.count; m++) {
        if (frozen(c, m)) {
            continue;
        }
#ifdef LC_NO_TRAIN
        return lc_fail(LC_ERR_ARG, "this program was built without fine-tuning (make TRAIN=0): --modes svm is all that it can");
#else
        lc_status st = lc_finetune_check_mode(c->modes.items[m]);
        if (st != LC_OK) { /* before anything runs */
            return lc_fail_in(st, "--modes, beside %s", FROZEN);
        }
#endif
    }
    return LC_OK;
}

/* Files ---------------------------------------------------------------------------------------------------------- */

/* "from:layer4" -> "from-layer4": as part of a file's name. */
static void put_mode(char *out, size_t size, const char *mode)
{
    snprintf(out, size, "%s", mode);
    for (char *p = out; *p; p++) {
        *p = *p == ':' ? '-' : *p == '/' ? '.' : *p;
    }
}

/* What a finished row depends on, beside its mode, fraction and seed: rows of other options are not taken for these. */
static lc_status keep_settings(const comparison *c)
{
    const lc_comparison_arguments *a = c->a;
    char *text;
    LC_TRY(lc_sprintf(&text, "model %s\nlayer %s\nepochs %zu\nfinetune %s\nscratch %s\ntrain %s\n", c->cli->operands[0],
                      a->layer ? a->layer : "", a->epochs, a->finetune ? a->finetune : "", a->scratch ? a->scratch : "",
                      a->train ? a->train : ""));
    lc_status st = lc_keep_settings(a->output, text, &a->pictures);
    free(text);
    return st;
}

/* The list of all pictures. */
static lc_status write_whole(const comparison *c)
{
    uint8_t *keep;
    char *list;
    LC_TRY(lc_alloc_array(&keep, c->pictures->rows, sizeof *keep));
    memset(keep, 1, c->pictures->rows);
    lc_status st = lc_sprintf(&list, "%s/pictures.csv", c->a->output);
    if (st == LC_OK) {
        st = lc_write_list(list, c->pictures, keep);
        free(list);
    }
    free(keep);
    return st;
}

/* The list of one fraction and seed; *list is the caller's. */
static lc_status write_subset(comparison *c, size_t fraction, uint64_t seed, char **list)
{
    const lc_manifest *m = c->pictures;
    double f = c->fractions[fraction], *place = NULL;
    uint8_t *keep = NULL;
    size_t kept = 0;
    *list = NULL;
    lc_status st = f < 1 ? lc_sprintf(list, "%s/pictures-%g-s%llu.csv", c->a->output, f, (unsigned long long)seed)
                         : lc_sprintf(list, "%s/pictures.csv", c->a->output);
    if (st == LC_OK) {
        st = lc_alloc_array(&keep, m->rows, sizeof *keep);
    }
    if (st == LC_OK) {
        st = lc_alloc_array(&place, m->rows, sizeof *place);
    }
    for (size_t i = 0; st == LC_OK && i < m->rows; i++) {
        keep[i] = m->splits[i] == LC_SPLIT_TRAIN;
    }
    if (st == LC_OK) {
        st = lc_subset_places(place, m->rows, m->labels, keep, m->classes, seed);
    }
    for (size_t i = 0; st == LC_OK && i < m->rows; i++) {
        keep[i] = m->splits[i] != LC_SPLIT_TRAIN || place[i] < f;
        kept += keep[i] && m->labels[i] >= 0 && m->splits[i] == LC_SPLIT_TRAIN;
    }
    if (st == LC_OK) {
        c->per_class[fraction] = (double)kept / (double)m->classes;
        st = lc_write_list(*list, m, keep);
    }
    free(place);
    free(keep);
    if (st != LC_OK) {
        free(*list);
    }
    return st;
}

/* The steps ------------------------------------------------------------------------------------------------------ */

static lc_status extract(comparison *c)
{
    const char *dir = c->a->output;
    lc_step s;
    char done[512], log[512];
    snprintf(done, sizeof done, "%s/features.json", dir);
    snprintf(log, sizeof log, "%s/features.txt", dir);
    lc_step_begin(&s, c->cli, "extract");
    lc_step_pictures(&s, &c->a->pictures);
    lc_step_word(&s, "--layers=%s", c->a->layer ? c->a->layer : "penultimate");
    lc_step_word(&s, "--output=%s/features.h5", dir);
    lc_step_word(&s, "--json=%s", done);
    lc_step_word(&s, "--");
    lc_step_word(&s, "%s", c->cli->operands[0]);
    lc_step_word(&s, "%s/pictures.csv", dir);
    return lc_step_run(&s, c->cli, done, log);
}

static lc_status classify(comparison *c, const char *base, const char *list, uint64_t seed)
{
    const char *dir = c->a->output;
    lc_step s;
    char done[512], log[512];
    snprintf(done, sizeof done, "%s.train.json", base);
    snprintf(log, sizeof log, "%s.train.txt", base);
    lc_step_begin(&s, c->cli, "train");
    lc_step_word(&s, "--seed=%llu", (unsigned long long)seed);
    lc_step_words(&s, c->a->train);
    lc_step_word(&s, "--only=%s", list);
    lc_step_word(&s, "--output=%s.h5", base);
    lc_step_word(&s, "--json=%s", done);
    lc_step_word(&s, "--");
    lc_step_word(&s, "%s/features.h5", dir);
    LC_TRY(lc_step_run(&s, c->cli, done, log));
    snprintf(done, sizeof done, "%s.json", base);
    snprintf(log, sizeof log, "%s.txt", base);
    lc_step_begin(&s, c->cli, "evaluate");
    lc_step_word(&s, "--predictions=%s.csv", base);
    lc_step_word(&s, "--json=%s", done);
    lc_step_word(&s, "--");
    lc_step_word(&s, "%s.h5", base);
    lc_step_word(&s, "%s/features.h5", dir);
    return lc_step_run(&s, c->cli, done, log);
}

static lc_status finetune(comparison *c, const char *mode, const char *base, const char *list, uint64_t seed)
{
    lc_step s;
    char done[512], log[512], tuned[512];
    snprintf(done, sizeof done, "%s.json", base);
    snprintf(log, sizeof log, "%s.txt", base);
    snprintf(tuned, sizeof tuned, "%s.%s", base, c->suffix);
    lc_step_begin(&s, c->cli, "finetune");
    lc_step_pictures(&s, &c->a->pictures);
    lc_step_word(&s, "--seed=%llu", (unsigned long long)seed);
    lc_step_word(&s, "--epochs=%zu", c->a->epochs ? c->a->epochs : (size_t)DEFAULT_EPOCHS);
    lc_step_words(&s, c->a->finetune);
    if (strcmp(mode, "scratch") == 0) {
        lc_step_words(&s, c->a->scratch);
    }
    lc_step_word(&s, "--mode=%s", mode);
    lc_step_word(&s, "--resume");
    lc_step_word(&s, "--history=%s.jsonl", base);
    lc_step_word(&s, "--plot=%s.svg", base);
    lc_step_word(&s, "--output=%s", tuned);
    lc_step_word(&s, "--json=%s", done);
    lc_step_word(&s, "--");
    lc_step_word(&s, "%s", c->cli->operands[0]);
    lc_step_word(&s, "%s", list);
    lc_status st = lc_step_run(&s, c->cli, done, log);
    if (st == LC_OK && !c->a->keep) {
        unlink(tuned);
    }
    return st;
}

static lc_result no_result(const char *name)
{
    return (lc_result){.name = name, .accuracy = NAN, .low = NAN, .high = NAN, .macro_f1 = NAN, .parameters = NAN, .seconds = NAN, .seen = NAN,
                       .bytes = NAN};
}

/* Makes the row, or takes the one that is there, and reads it. */
static lc_status make_cell(comparison *c, size_t fraction, size_t mode, size_t seed, const char *list)
{
    cell *out = cell_at(c, fraction, mode, seed);
    const char *word = c->modes.items[mode], *dir = c->a->output;
    uint64_t number = c->cli->seed + seed;
    char safe[128], base[400], path[512];
    size_t files = 1;
    put_mode(safe, sizeof safe, word);
    snprintf(base, sizeof base, "%s/%s-%g-s%llu", dir, safe, c->fractions[fraction], (unsigned long long)number);
    lc_log(LC_LOG_INFO, "%s, seed %llu, %.0f training pictures per class", word, (unsigned long long)number, c->per_class[fraction]);
    lc_status st = frozen(c, mode) ? classify(c, base, list, number) : finetune(c, word, base, list, number);
    snprintf(path, sizeof path, "%s.json", base);
    LC_TRY(lc_result_of_step(st, path, &out->files[0], &out->diverged));
    if (out->diverged) {
        c->diverged++;
        out->result = no_result(word);
        out->test.p = NAN;
        return LC_OK;
    }
    if (frozen(c, mode)) {
        snprintf(path, sizeof path, "%s.train.json", base);
        LC_TRY(lc_result_read(path, &out->files[1]));
        snprintf(path, sizeof path, "%s/features.json", dir);
        LC_TRY(lc_result_read(path, &out->files[2]));
        files = 3;
    }
    if (!lc_result_of(&out->result, word, out->files, files, 0)) {
        return lc_fail(LC_ERR_FORMAT, "%s.json has no metrics; remove it and the row is made again", base);
    }
    if (mode == 0 || cell_at(c, fraction, 0, seed)->diverged) {
        out->test.p = NAN;
        return LC_OK;
    }
    bool same;
    return lc_results_test(&cell_at(c, fraction, 0, seed)->result, &out->result, &same, &out->test)
               ? LC_OK
               : lc_fail(LC_ERR_FORMAT, "%s.json has no predictions; remove it and the row is made again", base);
}

static lc_status make_all(comparison *c)
{
    bool features = false;
    char *list;
    LC_TRY(write_whole(c));
    for (size_t m = 0; m < c->modes.count; m++) {
        features = features || frozen(c, m);
    }
    LC_TRY(features ? extract(c) : LC_OK);
    for (size_t f = 0; f < c->fraction_count; f++) {
        for (size_t s = 0; s < c->seeds; s++) {
            LC_TRY(write_subset(c, f, c->cli->seed + s, &list));
            lc_status st = LC_OK;
            for (size_t m = 0; m < c->modes.count && st == LC_OK; m++) {
                st = make_cell(c, f, m, s, list);
            }
            free(list);
            LC_TRY(st);
        }
    }
    return LC_OK;
}

/* What came of it ------------------------------------------------------------------------------------------------ */

/* Means over seeds, NaN where one of them diverged; memory: the most. */
static lc_result mean_of(const comparison *c, size_t fraction, size_t mode)
{
    lc_result sum = cell_at(c, fraction, mode, 0)->result;
    for (size_t s = 1; s < c->seeds; s++) {
        const lc_result *r = &cell_at(c, fraction, mode, s)->result;
        sum.accuracy += r->accuracy;
        sum.low += r->low;
        sum.high += r->high;
        sum.macro_f1 += r->macro_f1;
        sum.parameters += r->parameters;
        sum.seconds += r->seconds;
        sum.seen += r->seen;
        sum.bytes = r->bytes > sum.bytes ? r->bytes : sum.bytes;
    }
    double *const fields[] = {&sum.accuracy, &sum.low, &sum.high, &sum.macro_f1, &sum.parameters, &sum.seconds, &sum.seen};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        *fields[i] /= (double)c->seeds;
    }
    return sum;
}

/* In place of lc_result_cells. */
static void put_diverged(lc_text *cells)
{
    static const char *const titles[] = {LC_RESULT_TITLES};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        lc_table_cell(cells, i == 0 ? "diverged" : "-");
    }
}

/* Which trainings ran away, and why. */
static void print_diverged(const comparison *c)
{
    for (size_t i = 0; c->diverged && i < c->fraction_count * c->modes.count * c->seeds; i++) {
        size_t s = i % c->seeds, m = i / c->seeds % c->modes.count, f = i / c->seeds / c->modes.count;
        if (c->cells[i].diverged) {
            lc_cli_print(c->cli, "\n%s, seed %llu, %.0f pictures per class:\n  diverged, ", c->modes.items[m], (unsigned long long)(c->cli->seed + s),
                         c->per_class[f]);
            lc_cli_print_wrapped(c->cli, c->cells[i].diverged, 12, 2);
        }
    }
    if (c->diverged) {
        lc_cli_print(c->cli, "\nA smaller learning rate for all: --finetune='--lr 0.001', into another -o\n");
    }
}

static lc_status print_table(const comparison *c, size_t fraction)
{
    static const char *const titles[] = {"<mode", LC_RESULT_TITLES, ">p"};
    const lc_cli *cli = c->cli;
    lc_text cells;
    lc_cli_print(cli, "\n%.0f training pictures per class\n", c->per_class[fraction]);
    LC_TRY(lc_text_open(&cells));
    for (size_t m = 0; m < c->modes.count; m++) {
        const lc_result mean = mean_of(c, fraction, m);
        double p = cell_at(c, fraction, m, 0)->test.p;
        lc_table_cell(&cells, "%s", c->modes.items[m]);
        if (isnan(mean.accuracy)) {
            put_diverged(&cells);
        } else {
            lc_result_cells(&cells, &mean);
        }
        lc_table_cell(&cells, m == 0 || isnan(p) ? "-" : p < 0.0001 ? "<1e-4" : "%.4f", p);
    }
    return lc_table_print(cli, titles, sizeof titles / sizeof titles[0], &cells);
}

/* From how many pictures on training the network beats the first row. */
static void print_break_even(const comparison *c, size_t mode, lc_json *list)
{
    double a[MAX_FRACTIONS], b[MAX_FRACTIONS], most = c->per_class[c->fraction_count - 1];
    bool all = true;
    const char *word = c->modes.items[mode], *first = c->modes.items[0];
    for (size_t f = 0; f < c->fraction_count; f++) {
        a[f] = mean_of(c, f, 0).accuracy;
        b[f] = mean_of(c, f, mode).accuracy;
        all = all && !isnan(a[f]) && !isnan(b[f]);
    }
    double at = all ? lc_break_even(c->fraction_count, c->per_class, a, b) : NAN;
    double times = !all ? NAN : mean_of(c, c->fraction_count - 1, mode).seconds / mean_of(c, c->fraction_count - 1, 0).seconds;
    if (isnan(times)) {
        lc_cli_print(c->cli, "%s and %s: one of them diverged, no break-even\n", word, first);
    } else if (isnan(at)) {
        lc_cli_print(c->cli, "%s does not beat %s within the data (%.0f pictures per class)\n  at %.3g times the seconds\n", word, first, most, times);
    } else {
        lc_cli_print(c->cli, "%s beats %s from about %.0f pictures per class on,\n  at %.3g times the seconds\n", word, first, at, times);
    }
    lc_json *o = lc_json_object();
    lc_json_set_string(o, "mode", word);
    lc_json_set_string(o, "against", first);
    lc_json_set_real(o, "pictures_per_class", at);
    lc_json_set_real(o, "times_the_seconds", times);
    lc_json_add(list, o);
}

static lc_json *cell_json(const comparison *c, size_t f, size_t m, size_t s)
{
    const cell *x = cell_at(c, f, m, s);
    lc_json *o = lc_json_object();
    lc_json_set_string(o, "mode", c->modes.items[m]);
    lc_json_set_real(o, "fraction", c->fractions[f]);
    lc_json_set_real(o, "train_per_class", c->per_class[f]);
    lc_json_set_int(o, "seed", (int64_t)(c->cli->seed + s));
    if (x->diverged) {
        lc_json_set_string(o, "diverged", x->diverged);
    }
    lc_result_put_json(o, &x->result);
    lc_json_set_int(o, "only_first_right", (int64_t)x->test.only_first);
    lc_json_set_int(o, "only_this_right", (int64_t)x->test.only_second);
    lc_json_set_real(o, "p", x->test.p);
    return o;
}

static lc_status report(const comparison *c)
{
    lc_json *result = lc_cli_json(c->cli), *rows = lc_json_array(), *even = lc_json_array();
    lc_status st = LC_OK;
    size_t judged = 0;
    while (judged + 1 < c->fraction_count * c->modes.count * c->seeds && c->cells[judged].diverged) {
        judged++;
    }
    const char *split = lc_json_string(c->cells[judged].files[0], "split");
    lc_cli_print(c->cli, "%s on %s, judged on split %s\n", c->cli->operands[0], c->cli->operands[1], split ? split : "-");
    if (c->seeds > 1) {
        lc_cli_print(c->cli, "means over %zu seeds; p (McNemar, exact) of the first\n", c->seeds);
    }
    for (size_t f = 0; f < c->fraction_count && st == LC_OK; f++) {
        st = print_table(c, f);
        for (size_t m = 0; m < c->modes.count; m++) {
            for (size_t s = 0; s < c->seeds; s++) {
                lc_json_add(rows, cell_json(c, f, m, s));
            }
        }
    }
    if (c->fraction_count > 1) {
        lc_cli_print(c->cli, "\n");
        for (size_t m = 1; m < c->modes.count; m++) {
            print_break_even(c, m, even);
        }
    }
    print_diverged(c);
    lc_json_set(result, "rows", rows);
    lc_json_set(result, "break_even", even);
    if (st == LC_OK) {
        st = lc_cli_write_json(c->cli, result);
    }
    lc_json_free(result);
    if (st == LC_OK && c->diverged) {
        st = lc_fail(LC_ERR_DIVERGED, "%zu of %zu results are missing: training diverged", c->diverged, c->fraction_count * c->modes.count * c->seeds);
    }
    return st;
}

static lc_status work(comparison *c)
{
    const lc_comparison_arguments *a = c->a;
    if (a->seeds > MAX_SEEDS) {
        return lc_fail(LC_ERR_ARG, "--seeds %zu: at most %d", a->seeds, MAX_SEEDS);
    }
    LC_TRY(read_fractions(c));
    LC_TRY(choose_modes(c));
    LC_TRY(lc_split_pictures(&c->pictures, c->cli->operands[1], c->cli->seed));
    LC_TRY(lc_alloc_array(&c->cells, c->fraction_count * c->modes.count * c->seeds, sizeof *c->cells));
    if (mkdir(a->output, 0777) != 0 && errno != EEXIST) {
        return lc_fail_errno("%s", a->output);
    }
    LC_TRY(keep_settings(c));
    LC_TRY(make_all(c));
    return report(c);
}

lc_status lc_comparison_run(lc_cli *cli, const lc_comparison_arguments *a)
{
    comparison c = {.cli = cli, .a = a, .seeds = a->seeds ? a->seeds : 1};
    lc_status st = work(&c);
    for (size_t i = 0; c.cells && i < c.fraction_count * c.modes.count * c.seeds; i++) {
        for (size_t f = 0; f < 3; f++) {
            lc_json_free(c.cells[i].files[f]);
        }
    }
    free(c.cells);
    lc_words_free(&c.modes);
    free(c.default_modes);
    lc_manifest_free(c.pictures);
    return st;
}
