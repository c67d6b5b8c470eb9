/*
 * transfer-matrix ARCHITECTURE IMAGES -o DIR: at which layer features cease to be general (Yosinski, Clune, Bengio and Lipson,
 * "How transferable are features in deep neural networks?", NIPS 2014, arXiv:1411.1792).
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/rng.h"
#include "tools/picture_lists.h"
#include "tools/report/plot.h"
#include "tools/results.h"
#include "tools/steps.h"
#include "tools/table.h"

enum { MAX_CUTS = 32, MAX_SEEDS = 100, DEFAULT_EPOCHS = 10, SEED_STEP = 1000 };

typedef struct {
    const char *output, *cuts, *kinds, *finetune, *plot;
    size_t epochs, seeds;
    lc_picture_arguments pictures;
} transfer_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(transfer_arguments, output, LC_CLI_STRING, "output", 'o', "DIR",
                   "folder for lists, base networks and results; what is there already is kept"),
     .file = LC_CLI_FILE_WRITTEN, .required = true},
    {LC_CLI_OPTION(transfer_arguments, cuts, LC_CLI_STRING, "cuts", 0, "L[,L2...]",
                   "taps or modules: what lies before is copied, it and all behind begin anew (default: every block, and logits)")},
    {LC_CLI_OPTION(transfer_arguments, kinds, LC_CLI_STRING, "kinds", 0, "LIST",
                   "of networks per cut (default: BnB,BnB+,AnB,AnB+,random)")},
    {LC_CLI_OPTION(transfer_arguments, epochs, LC_CLI_SIZE, "epochs", 'e', "N", "of every training (default: 10)")},
    {LC_CLI_OPTION(transfer_arguments, seeds, LC_CLI_SIZE, "seeds", 0, "N",
                   "all of it N times, with other halves and weights; the table has means (default: 1)")},
    {LC_CLI_OPTION(transfer_arguments, finetune, LC_CLI_STRING, "finetune", 0, "'OPTIONS'",
                   "further options of every finetune: --finetune='--lr 0.1 --augment none'")},
    {LC_CLI_OPTION(transfer_arguments, plot, LC_CLI_STRING, "plot", 0, "FILE", "its figure, .svg or .png, by gnuplot"),
     .file = LC_CLI_FILE_WRITTEN},
    LC_PICTURE_OPTIONS(transfer_arguments, pictures),
    {0},
};

/* What is done at a cut. The part before it comes from a base network (random: from nowhere); frozen, or trained as well. */
typedef struct {
    const char *name, *base; /* base: "A", "B"; NULL: random filters */
    bool trained;            /* the part before the cut too */
    const char *meaning;
} kind;

static const kind kinds[] = {
    {"BnB", "B", false, "its own layers, frozen: below base B, layers that had adapted to each other were parted"},
    {"BnB+", "B", true, "its own layers, trained on"},
    {"AnB", "A", false, "layers of the other task, frozen: below BnB, they are of their task"},
    {"AnB+", "A", true, "layers of the other task, trained on: above base B, what was learned there lasts"},
    {"random", NULL, false, "frozen layers that nobody trained"},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

typedef struct {
    lc_cli *cli;
    const transfer_arguments *a;
    lc_manifest *pictures;
    lc_words cuts;
    char *default_cuts;
    bool wanted[KINDS];
    size_t seeds;
    double interval;  /* half the 95 % interval of base B's accuracy: of any one accuracy here, about */
    double *base;     /* (2, seeds) accuracy of base A on A, of base B on B */
    double *accuracy; /* (KINDS, cuts, seeds) on B; NaN: not wanted */
} matrix;

static double *accuracy_at(const matrix *x, size_t k, size_t cut, size_t seed)
{
    return &x->accuracy[(k * x->cuts.count + cut) * x->seeds + seed];
}

/* Lists ---------------------------------------------------------------------------------------------------------- */

/* Half of the classes each, by the seed; where their number is odd, A has one more. */
static lc_status write_halves(const matrix *x, uint64_t seed)
{
    const lc_manifest *m = x->pictures;
    size_t *order = NULL;
    uint8_t *in_b = NULL, *keep = NULL;
    lc_status st = lc_alloc_array(&order, m->classes, sizeof *order);
    if (st == LC_OK) {
        st = lc_alloc_array(&in_b, m->classes, sizeof *in_b);
    }
    if (st == LC_OK) {
        st = lc_alloc_array(&keep, m->rows, sizeof *keep);
    }
    if (st == LC_OK) {
        lc_rng rng = lc_rng_new(seed, 0);
        for (size_t k = 0; k < m->classes; k++) {
            order[k] = k;
        }
        lc_rng_shuffle(&rng, order, m->classes);
        for (size_t k = (m->classes + 1) / 2; k < m->classes; k++) {
            in_b[order[k]] = 1;
        }
    }
    for (unsigned b = 0; b < 2 && st == LC_OK; b++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%c-s%llu.csv", x->a->output, "AB"[b], (unsigned long long)seed);
        for (size_t i = 0; i < m->rows; i++) {
            keep[i] = m->labels[i] >= 0 && in_b[m->labels[i]] == b;
        }
        st = lc_write_list(path, m, keep);
    }
    free(order);
    free(in_b);
    free(keep);
    return st;
}

/* Every block by the name of its module, and the last layer. */
static lc_status choose_cuts(matrix *x)
{
    lc_network *network = NULL;
    size_t *taps = NULL, count = 0;
    lc_text t;
    if (x->a->cuts) {
        return lc_words_split(&x->cuts, x->a->cuts, ',');
    }
    LC_TRY(lc_network_new(&network, x->cli->operands[0], x->pictures->classes, 0));
    lc_status st = lc_text_open(&t);
    if (st != LC_OK) {
        lc_network_free(network);
        return st;
    }
    if (lc_network_select(network, "@block", &taps, &count) == LC_OK) {
        for (size_t i = 0; i < count; i++) {
            fprintf(t.stream, "%s,", lc_module_name(lc_network_tap(network, taps[i])));
        }
        free(taps);
    }
    fputs("logits", t.stream);
    st = lc_text_close(&t);
    x->default_cuts = t.text;
    lc_network_free(network);
    return st == LC_OK ? lc_words_split(&x->cuts, x->default_cuts, ',') : st;
}

static lc_status choose_kinds(matrix *x)
{
    lc_words words;
    LC_TRY(lc_words_split(&words, x->a->kinds ? x->a->kinds : "BnB,BnB+,AnB,AnB+,random", ','));
    lc_status st = LC_OK;
    for (size_t i = 0; i < words.count && st == LC_OK; i++) {
        size_t k = 0;
        while (k < KINDS && strcmp(kinds[k].name, words.items[i]) != 0) {
            k++;
        }
        if (k == KINDS) {
            st = lc_fail(LC_ERR_ARG, "--kinds: no '%s'; there are BnB, BnB+, AnB, AnB+ and random", words.items[i]);
        } else {
            x->wanted[k] = true;
        }
    }
    lc_words_free(&words);
    return st;
}

static lc_status keep_settings(const matrix *x)
{
    const transfer_arguments *a = x->a;
    char *text;
    LC_TRY(lc_sprintf(&text, "architecture %s\nepochs %zu\nfinetune %s\n", x->cli->operands[0], a->epochs,
                      a->finetune ? a->finetune : ""));
    lc_status st = lc_keep_settings(a->output, text, &a->pictures);
    free(text);
    return st;
}

/* Training ------------------------------------------------------------------------------------------------------- */

/*
 * One network: `model` on the list of a half, into DIR/<name>.json. Weights are drawn by another seed than the base network's, or a
 * BnB would begin with the very weights that its base began with.
 */
static lc_status train(const matrix *x, const char *name, const char *model, char half, const char *mode, const char *reinit, uint64_t seed,
                       uint64_t weights_seed, double *accuracy, double *interval)
{
    const char *dir = x->a->output;
    lc_step s;
    lc_json *file;
    const char *diverged;
    lc_result result;
    char done[512], log[512];
    snprintf(done, sizeof done, "%s/%s.json", dir, name);
    snprintf(log, sizeof log, "%s/%s.txt", dir, name);
    lc_log(LC_LOG_INFO, "%s", name);
    lc_step_begin(&s, x->cli, "finetune");
    lc_step_pictures(&s, &x->a->pictures);
    lc_step_word(&s, "--seed=%llu", (unsigned long long)weights_seed);
    lc_step_word(&s, "--epochs=%zu", x->a->epochs ? x->a->epochs : (size_t)DEFAULT_EPOCHS);
    lc_step_word(&s, "--backbone-lr-factor=1");
    lc_step_words(&s, x->a->finetune);
    lc_step_word(&s, "--mode=%s", mode);
    lc_step_word(&s, "--reinit=%s", reinit);
    lc_step_word(&s, "--resume");
    lc_step_word(&s, "--output=%s/%s.safetensors", dir, name);
    lc_step_word(&s, "--json=%s", done);
    lc_step_word(&s, "--");
    lc_step_word(&s, "%s", model);
    lc_step_word(&s, "%s/%c-s%llu.csv", dir, half, (unsigned long long)seed);
    LC_TRY(lc_result_of_step(lc_step_run(&s, x->cli, done, log), done, &file, &diverged));
    if (diverged) {
        lc_log(LC_LOG_WARNING, "%s diverged: %s", name, diverged);
        *accuracy = NAN;
        lc_json_free(file);
        return LC_OK;
    }
    bool judged = lc_result_of(&result, name, &file, 1, 0);
    *accuracy = judged ? result.accuracy : NAN;
    *interval = judged ? (result.high - result.low) / 2 : NAN;
    lc_json_free(file);
    return judged ? LC_OK : lc_fail(LC_ERR_FORMAT, "%s has no metrics; remove it and the network is trained again", done);
}

static lc_status train_cut(matrix *x, size_t k, size_t cut, size_t seed_index)
{
    uint64_t seed = x->cli->seed + seed_index;
    const char *layer = x->cuts.items[cut];
    char name[256], model[512], mode[256];
    snprintf(name, sizeof name, "%s-%s-s%llu", kinds[k].name, layer, (unsigned long long)seed);
    for (char *p = name; *p; p++) {
        *p = *p == '/' ? '.' : *p;
    }
    if (kinds[k].base) {
        snprintf(model, sizeof model, "%s/base%s-s%llu.safetensors", x->a->output, kinds[k].base, (unsigned long long)seed);
    } else {
        snprintf(model, sizeof model, "%s", x->cli->operands[0]);
    }
    snprintf(mode, sizeof mode, "from:%s", layer);
    double *out = accuracy_at(x, k, cut, seed_index), interval;
    if (kinds[k].base && isnan(x->base[(size_t)(kinds[k].base[0] - 'A') * x->seeds + seed_index])) {
        *out = NAN; /* there is no base to copy from */
        return LC_OK;
    }
    return train(x, name, model, 'B', kinds[k].trained ? "full" : mode, kinds[k].base ? layer : "all", seed, seed + SEED_STEP, out,
                 &interval);
}

static lc_status train_all(matrix *x)
{
    for (size_t s = 0; s < x->seeds; s++) {
        uint64_t seed = x->cli->seed + s;
        LC_TRY(write_halves(x, seed));
        for (size_t b = 0; b < 2; b++) {
            char name[64];
            snprintf(name, sizeof name, "base%c-s%llu", "AB"[b], (unsigned long long)seed);
            LC_TRY(train(x, name, x->cli->operands[0], "AB"[b], "full", "all", seed, seed, &x->base[b * x->seeds + s],
                         &x->interval));
        }
        for (size_t cut = 0; cut < x->cuts.count; cut++) {
            for (size_t k = 0; k < KINDS; k++) {
                LC_TRY(x->wanted[k] ? train_cut(x, k, cut, s) : LC_OK);
            }
        }
    }
    return LC_OK;
}

/* What came of it ------------------------------------------------------------------------------------------------ */

static double mean(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += values[i];
    }
    return sum / (double)count;
}

/* "0.8731", or "diverged" where a training of it did. */
static const char *accuracy_text(char out[16], double accuracy)
{
    snprintf(out, 16, isnan(accuracy) ? "diverged" : "%.4f", accuracy);
    return out;
}

/* Trainings without a result: what diverged, and what had no base to copy from. */
static size_t missing(const matrix *x)
{
    size_t count = 0;
    for (size_t i = 0; i < 2 * x->seeds; i++) {
        count += isnan(x->base[i]) != 0;
    }
    for (size_t i = 0; i < KINDS * x->cuts.count * x->seeds; i++) {
        count += x->wanted[i / x->seeds / x->cuts.count] && isnan(x->accuracy[i]);
    }
    return count;
}

static lc_status print_table(const matrix *x)
{
    char text[16];
    const char *titles[KINDS + 1] = {"<cut"};
    char words[KINDS][16];
    size_t columns = 1;
    lc_text cells;
    for (size_t k = 0; k < KINDS; k++) {
        if (x->wanted[k]) {
            snprintf(words[k], sizeof words[k], ">%s", kinds[k].name);
            titles[columns++] = words[k];
        }
    }
    LC_TRY(lc_text_open(&cells));
    for (size_t cut = 0; cut < x->cuts.count; cut++) {
        lc_table_cell(&cells, "%s", x->cuts.items[cut]);
        for (size_t k = 0; k < KINDS; k++) {
            if (x->wanted[k]) {
                lc_table_cell(&cells, "%s", accuracy_text(text, mean(accuracy_at(x, k, cut, 0), x->seeds)));
            }
        }
    }
    return lc_table_print(x->cli, titles, columns, &cells);
}

static lc_json *seeds_json(const double *values, size_t count)
{
    lc_json *list = lc_json_array();
    for (size_t i = 0; i < count; i++) {
        lc_json_add_real(list, values[i]);
    }
    return list;
}

static lc_status write_json(const matrix *x)
{
    lc_json *result = lc_cli_json(x->cli), *cuts = lc_json_array();
    lc_json_set_string(result, "architecture", x->cli->operands[0]);
    lc_json_set_int(result, "seed", (int64_t)x->cli->seed);
    lc_json_set(result, "base_a", seeds_json(x->base, x->seeds));
    lc_json_set(result, "base_b", seeds_json(x->base + x->seeds, x->seeds));
    for (size_t cut = 0; cut < x->cuts.count; cut++) {
        lc_json *o = lc_json_object();
        lc_json_set_string(o, "cut", x->cuts.items[cut]);
        for (size_t k = 0; k < KINDS; k++) {
            if (x->wanted[k]) {
                lc_json_set(o, kinds[k].name, seeds_json(accuracy_at(x, k, cut, 0), x->seeds));
            }
        }
        lc_json_add(cuts, o);
    }
    lc_json_set(result, "cuts", cuts);
    lc_status st = lc_cli_write_json(x->cli, result);
    lc_json_free(result);
    return st;
}

static lc_status draw(const matrix *x)
{
    const char *names[KINDS];
    double *values;
    char *title;
    size_t series = 0;
    LC_TRY(lc_alloc_array(&values, KINDS * x->cuts.count, sizeof *values));
    for (size_t k = 0; k < KINDS; k++) {
        if (x->wanted[k]) {
            for (size_t cut = 0; cut < x->cuts.count; cut++) {
                values[series * x->cuts.count + cut] = mean(accuracy_at(x, k, cut, 0), x->seeds);
            }
            names[series++] = kinds[k].name;
        }
    }
    lc_status st = lc_sprintf(&title, "%s on two halves of %zu classes, %zu seed%s", x->cli->operands[0], x->pictures->classes, x->seeds,
                              x->seeds > 1 ? "s, means" : "");
    if (st != LC_OK) {
        free(values);
        return st;
    }
    const lc_plot_transfer p = {.title = title,
                                .cuts = x->cuts.items,
                                .cut_count = x->cuts.count,
                                .series = names,
                                .series_count = series,
                                .accuracy = values,
                                .base = mean(x->base + x->seeds, x->seeds)};
    st = lc_plot_draw_transfer(x->a->plot, &p);
    free(title);
    free(values);
    if (st == LC_ERR_NOTFOUND) { /* without gnuplot everything else is there all the same */
        lc_log(LC_LOG_WARNING, "%s was not drawn: %s", x->a->plot, lc_error_message());
        return LC_OK;
    }
    return st;
}

static lc_status report(const matrix *x)
{
    const lc_cli *cli = x->cli;
    size_t gone = missing(x);
    char text[16];
    lc_cli_print(cli, "%s on two halves of %zu classes, %zu seed%s; accuracy on half B\n", cli->operands[0], x->pictures->classes, x->seeds,
                 x->seeds > 1 ? "s, means" : "");
    lc_cli_print(cli, "base A  %s (on half A)\n", accuracy_text(text, mean(x->base, x->seeds)));
    lc_cli_print(cli, "base B  %s\n\n", accuracy_text(text, mean(x->base + x->seeds, x->seeds)));
    LC_TRY(print_table(x));
    if (isfinite(x->interval)) {
        lc_cli_print(cli, "\neach accuracy is known to about +-%.3f (95 %% interval of the pictures judged)%s\n", x->interval,
                     x->seeds > 1 ? ", seed by seed" : "");
    }
    lc_cli_print(cli, "\nwhat lies before the cut is:\n");
    for (size_t k = 0; k < KINDS; k++) {
        if (x->wanted[k]) {
            lc_cli_print(cli, "  %-8s", kinds[k].name);
            lc_cli_print_wrapped(cli, kinds[k].meaning, 10, 10);
        }
    }
    LC_TRY(write_json(x));
    LC_TRY(x->a->plot ? draw(x) : LC_OK);
    return gone ? lc_fail(LC_ERR_DIVERGED, "%zu results are missing: training diverged; a smaller learning rate (--finetune='--lr 0.001', into "
                                           "another -o) may help", gone)
                : LC_OK;
}

static lc_status work(matrix *x)
{
    const transfer_arguments *a = x->a;
    if (a->seeds > MAX_SEEDS) {
        return lc_fail(LC_ERR_ARG, "--seeds %zu: at most %d", a->seeds, MAX_SEEDS);
    }
    if (!lc_architecture_known(x->cli->operands[0])) {
        return lc_fail(LC_ERR_NOTFOUND, "no architecture is called '%s'; networks are trained from nothing here, so it wants a name like cifar_resnet20",
                       x->cli->operands[0]);
    }
    LC_TRY(a->plot ? lc_plot_check(a->plot) : LC_OK);
    LC_TRY(choose_kinds(x));
    LC_TRY(lc_split_pictures(&x->pictures, x->cli->operands[1], x->cli->seed));
    if (x->pictures->classes < 4) {
        return lc_fail(LC_ERR_ARG, "%s has %zu classes; two halves of two classes are the least", x->cli->operands[1], x->pictures->classes);
    }
    LC_TRY(choose_cuts(x));
    if (x->cuts.count < 1 || x->cuts.count > MAX_CUTS) {
        return lc_fail(LC_ERR_ARG, "--cuts: %zu of them; 1 to %d are possible", x->cuts.count, MAX_CUTS);
    }
    LC_TRY(lc_alloc_array(&x->base, 2 * x->seeds, sizeof *x->base));
    LC_TRY(lc_alloc_array(&x->accuracy, KINDS * x->cuts.count * x->seeds, sizeof *x->accuracy));
    if (mkdir(a->output, 0777) != 0 && errno != EEXIST) {
        return lc_fail_errno("%s", a->output);
    }
    LC_TRY(keep_settings(x));
    LC_TRY(train_all(x));
    return report(x);
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    const transfer_arguments *a = arguments;
    matrix x = {.cli = cli, .a = a, .seeds = a->seeds ? a->seeds : 1, .interval = NAN};
    lc_status st = work(&x);
    free(x.base);
    free(x.accuracy);
    lc_words_free(&x.cuts);
    free(x.default_cuts);
    lc_manifest_free(x.pictures);
    return st;
}

const lc_cli_command lc_command_transfer_matrix = {
    .name = "transfer-matrix",
    .group = "Classify",
    .summary = "at which layer features cease to be general",
    .usage = "ARCHITECTURE IMAGES -o DIR [options]",
    .description = "Trains a small network from nothing on each half of the classes, A and B, then at every cut on B: the layers before "
                   "the cut copied from base B or base A, frozen (BnB, AnB) or trained on (BnB+, AnB+), or random; the layers behind "
                   "it begin anew. What diverges is shown as that, and the exit code is 1. The protocol is that of Yosinski et al. 2014 (arXiv:1411.1792).",
    .example = "layercut transfer-matrix cifar_resnet20 pictures -o transfer \\\n"
               "      --cuts layer3 --epochs 1 --input 16 --resize 16",
    .options = options,
    .arguments_size = sizeof(transfer_arguments),
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
