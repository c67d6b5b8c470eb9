/* finetune MODEL IMAGES -o TUNED.safetensors: the network itself is trained, saved, and judged as evaluate does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/usage.h"
#include "tools/cli.h"
#include "tools/curves.h"
#include "tools/report/plot.h"
#include "tools/trial.h"

typedef struct {
    const char *output, *mode, *reinit, *optimizer, *lr, *backbone_factor, *decay, *momentum, *schedule, *warmup, *smoothing, *augment, *bn, *clip,
        *ema, *history, *plot, *regularizer, *fisher;
    size_t epochs, train_batch, patience;
    bool nesterov, no_decay_norms, balance, checkpointing, resume;
    lc_picture_arguments pictures;
} finetune_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(finetune_arguments, output, LC_CLI_STRING, "output", 'o', "TUNED.safetensors", "network file to write: .safetensors, of an ONNX network .onnx"),
     .file = LC_CLI_FILE_WRITTEN, .required = true},
    {LC_CLI_OPTION(finetune_arguments, mode, LC_CLI_STRING, "mode", 'm', "M",
                   "head, from:LAYER (it and all behind it), full (default), or scratch: all weights begun anew; then MODEL may "
                   "be the name of an architecture; none: a new head, no training")},
    {LC_CLI_OPTION(finetune_arguments, reinit, LC_CLI_STRING, "reinit", 0, "LAYER",
                   "weights of LAYER and all behind it are drawn anew before training; all: every weight, as in mode scratch")},
    {LC_CLI_OPTION(finetune_arguments, epochs, LC_CLI_SIZE, "epochs", 'e', "N", "passes over the pictures (default: 10)")},
    {LC_CLI_OPTION(finetune_arguments, train_batch, LC_CLI_SIZE, "train-batch", 'b', "N", "pictures of a training step (default: 32)")},
    {LC_CLI_OPTION(finetune_arguments, optimizer, LC_CLI_STRING, "optimizer", 0, "K", "sgd (default) or adamw"),
     .words = "sgd adamw"},
    {LC_CLI_OPTION(finetune_arguments, lr, LC_CLI_STRING, "lr", 0, "R", "learning rate (default: sgd 0.01, adamw 0.001)")},
    {LC_CLI_OPTION(finetune_arguments, backbone_factor, LC_CLI_STRING, "backbone-lr-factor", 0, "F",
                   "of the learning rate below the last layer (default: 0.1; scratch: 1)")},
    {LC_CLI_OPTION(finetune_arguments, momentum, LC_CLI_STRING, "momentum", 0, "M", "of sgd (default: 0.9)")},
    {LC_CLI_OPTION(finetune_arguments, nesterov, LC_CLI_FLAG, "nesterov", 0, NULL, "Nesterov's momentum")},
    {LC_CLI_OPTION(finetune_arguments, decay, LC_CLI_STRING, "weight-decay", 0, "D", "default: sgd 1e-4, adamw 0.01")},
    {LC_CLI_OPTION(finetune_arguments, no_decay_norms, LC_CLI_FLAG, "no-decay-norms", 0, NULL, "none of it on biases and normalisations")},
    {LC_CLI_OPTION(finetune_arguments, schedule, LC_CLI_STRING, "schedule", 0, "S",
                   "of the learning rate: cosine (default), constant, step or onecycle")},
    {LC_CLI_OPTION(finetune_arguments, warmup, LC_CLI_STRING, "warmup", 0, "E", "epochs in which it rises (default: 0)")},
    {LC_CLI_OPTION(finetune_arguments, smoothing, LC_CLI_STRING, "label-smoothing", 0, "S", "0 to 1 (default: 0)")},
    {LC_CLI_OPTION(finetune_arguments, balance, LC_CLI_FLAG, "balance", 0, NULL, "classes weigh as if all had as many pictures")},
    {LC_CLI_OPTION(finetune_arguments, augment, LC_CLI_STRING, "augment", 0, "A",
                   "none, light (default: crop, flip), strong, or words: crop,flip,rotate=10,jitter=0.4,erase,mixup,cutmix")},
    {LC_CLI_OPTION(finetune_arguments, bn, LC_CLI_STRING, "bn", 0, "B",
                   "batch normalisation: train (default: the batch's statistics, running ones follow by 0.1) or frozen")},
    {LC_CLI_OPTION(finetune_arguments, checkpointing, LC_CLI_FLAG, "checkpointing", 0, NULL,
                   "less memory: compute most activations again on the way back in place of keeping them; the same result")},
    {LC_CLI_OPTION(finetune_arguments, regularizer, LC_CLI_STRING, "regularizer", 0, "K[:S]",
                   "against forgetting, with its strength: l2, l2sp, ewc, delta, bss, cotuning, lwf; several parted by commas")},
    {LC_CLI_OPTION(finetune_arguments, fisher, LC_CLI_STRING, "fisher-images", 0, "FOLDER",
                   "for ewc: pictures that the network was trained on before, labels not needed (default: the training pictures)"),
     .file = LC_CLI_FILE_READ},
    {LC_CLI_OPTION(finetune_arguments, clip, LC_CLI_STRING, "clip", 0, "N",
                   "largest norm of all gradients together, 0: any (default: 1 for networks without normalisations, else 0)")},
    {LC_CLI_OPTION(finetune_arguments, ema, LC_CLI_STRING, "ema", 0, "D",
                   "the result is a moving average of the weights, which keeps D of itself each step (0.999)")},
    {LC_CLI_OPTION(finetune_arguments, patience, LC_CLI_SIZE, "patience", 0, "N",
                   "stop after N epochs without a better accuracy on split val, and return to the best")},
    {LC_CLI_OPTION(finetune_arguments, resume, LC_CLI_FLAG, "resume", 0, NULL, "go on from TUNED.checkpoint, if it is there")},
    {LC_CLI_OPTION(finetune_arguments, history, LC_CLI_STRING, "history", 0, "FILE.jsonl", "a JSON line per epoch"),
     .file = LC_CLI_FILE_WRITTEN},
    {LC_CLI_OPTION(finetune_arguments, plot, LC_CLI_STRING, "plot", 0, "FILE",
                   "draw loss, accuracy and learning rate by epoch, as .svg or .png, by gnuplot"),
     .file = LC_CLI_FILE_WRITTEN},
    LC_PICTURE_OPTIONS(finetune_arguments, pictures),
    {0},
};

/* A run as it goes: what it said of itself so far. */
typedef struct {
    const finetune_arguments *a;
    size_t epochs; /* asked for */
    lc_finetune_epoch *done;
    size_t count, capacity;
} talk;

/* A number that was typed, from `low` to `high`; *out stays where it was not. */
static lc_status number(const char *option, const char *text, double low, double high, double *out)
{
    if (!text) {
        return LC_OK;
    }
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || !(v >= low && v <= high)) {
        return high < INFINITY ? lc_fail(LC_ERR_ARG, "--%s %s: wants a number from %g to %g", option, text, low, high)
                               : lc_fail(LC_ERR_ARG, "--%s %s: wants a number of at least %g", option, text, low);
    }
    *out = v;
    return LC_OK;
}

static lc_status epoch_done(void *context, const lc_finetune_epoch *epochs, size_t count)
{
    talk *t = context;
    const lc_finetune_epoch *e = &epochs[count - 1];
    char val[64] = "";
    if (!isnan(e->val_accuracy)) {
        snprintf(val, sizeof val, "  val %.4f %5.1f %%", e->val_loss, 100 * e->val_accuracy);
    }
    lc_log(LC_LOG_INFO, "epoch %3zu/%zu  loss %.4f  accuracy %5.1f %%%s  lr %.3g  %.0f pictures/s", e->epoch, t->epochs, e->loss,
           100 * e->accuracy, val, e->rate, (double)e->pictures / (e->seconds > 0 ? e->seconds : 1));
    LC_TRY(lc_grow(&t->done, &t->capacity, count, sizeof *t->done));
    memcpy(t->done, epochs, count * sizeof *epochs);
    t->count = count;
    return t->a->history ? lc_curves_write(t->a->history, epochs, count) : LC_OK;
}

static lc_status read_options(const finetune_arguments *a, lc_finetune_options *o)
{
    o->mode = a->mode ? a->mode : o->mode;
    o->epochs = a->epochs ? a->epochs : o->epochs;
    o->batch = a->train_batch ? a->train_batch : o->batch;
    o->optimizer = a->optimizer ? a->optimizer : o->optimizer;
    o->schedule = a->schedule ? a->schedule : o->schedule;
    o->augment = a->augment ? a->augment : o->augment;
    o->bn = a->bn ? a->bn : o->bn;
    o->regularizer = a->regularizer;
    o->begin = a->reinit;
    o->backbone_factor = strcmp(o->mode, "scratch") == 0 ? 1 : 0.1;
    LC_TRY(number("lr", a->lr, 0, INFINITY, &o->rate));
    LC_TRY(number("backbone-lr-factor", a->backbone_factor, 0, INFINITY, &o->backbone_factor));
    LC_TRY(number("weight-decay", a->decay, 0, INFINITY, &o->decay));
    LC_TRY(number("momentum", a->momentum, 0, 1, &o->momentum));
    LC_TRY(number("warmup", a->warmup, 0, INFINITY, &o->warmup));
    LC_TRY(number("label-smoothing", a->smoothing, 0, 1, &o->smoothing));
    LC_TRY(number("clip", a->clip, 0, INFINITY, &o->clip));
    LC_TRY(number("ema", a->ema, 0, 1, &o->average));
    o->nesterov = a->nesterov;
    o->no_decay_norms = a->no_decay_norms;
    o->balance = a->balance;
    o->checkpointing = a->checkpointing;
    o->patience = a->patience;
    o->resume = a->resume;
    return LC_OK;
}

/* A network file; where all weights begin anew also an architecture. */
static lc_status open_network(lc_network **out, const lc_cli *cli, const finetune_arguments *a, const lc_finetune_options *o, size_t classes)
{
    const char *model = cli->operands[0];
    bool anew = strcmp(o->mode, "scratch") == 0 || (o->begin && strcmp(o->begin, "all") == 0);
    if (anew && access(model, F_OK) != 0 && lc_architecture_known(model)) {
        return lc_network_new(out, model, classes, o->seed);
    }
    return lc_network_open_as(out, model, a->pictures.arch);
}

/* What was asked for, as a command that asks for it again: the same however the run was split and on any threads. */
static lc_status describe(const lc_cli *cli, const lc_finetune_options *o, char **out)
{
    lc_text t;
    LC_TRY(lc_text_open(&t));
    fprintf(t.stream, "layercut finetune %s %s --mode %s --epochs %zu --train-batch %zu --optimizer %s --schedule %s", cli->operands[0],
            cli->operands[1], o->mode, o->epochs, o->batch, o->optimizer, o->schedule);
    if (o->rate > 0) {
        fprintf(t.stream, " --lr %.9g", o->rate);
    }
    if (o->decay >= 0) {
        fprintf(t.stream, " --weight-decay %.9g", o->decay);
    }
    fprintf(t.stream, " --backbone-lr-factor %.9g --momentum %.9g --warmup %.9g --label-smoothing %.9g --ema %.9g",
            o->backbone_factor, o->momentum, o->warmup, o->smoothing, o->average);
    if (o->clip >= 0) {
        fprintf(t.stream, " --clip %.9g", o->clip);
    }
    fprintf(t.stream, " --augment %s --bn %s%s%s%s", o->augment, o->bn, o->nesterov ? " --nesterov" : "",
            o->no_decay_norms ? " --no-decay-norms" : "", o->balance ? " --balance" : "");
    if (o->begin) {
        fprintf(t.stream, " --reinit %s", o->begin);
    }
    if (o->regularizer) {
        fprintf(t.stream, " --regularizer %s", o->regularizer);
    }
    if (o->source) {
        fprintf(t.stream, " --fisher-images %s", o->source->root);
    }
    for (size_t i = 0; i < o->setting_count; i++) {
        fprintf(t.stream, " --%s %s", o->settings[i].key, o->settings[i].value);
    }
    if (o->patience) {
        fprintf(t.stream, " --patience %zu", o->patience);
    }
    fprintf(t.stream, " --seed %llu", (unsigned long long)o->seed);
    lc_status st = lc_text_close(&t);
    if (st == LC_OK) {
        *out = t.text;
    } else {
        free(t.text);
    }
    return st;
}

static lc_status save(const lc_cli *cli, lc_network *network, const char *path, const lc_finetune_options *o)
{
    char *command;
    LC_TRY(describe(cli, o, &command));
    lc_status st = lc_network_save(network, path, command);
    free(command);
    return st;
}

static lc_status train(const lc_cli *cli, const finetune_arguments *a, lc_finetune_options *o, talk *t, lc_finetune_report *report)
{
    lc_network *network = NULL;
    lc_manifest *manifest = NULL, *source = NULL;
    *t = (talk){.a = a, .epochs = o->epochs};
    o->epoch_done = epoch_done;
    o->context = t;
    lc_status st = lc_manifest_read(&manifest, cli->operands[1]);
    if (st == LC_OK && a->fisher) {
        st = lc_manifest_read(&source, a->fisher);
        o->source = source;
    }
    if (st == LC_OK) {
        st = open_network(&network, cli, a, o, manifest->classes);
    }
    if (st == LC_OK) {
        st = lc_network_can_save(network, a->output);
    }
    if (st == LC_OK) {
        lc_log(LC_LOG_INFO, "seed      %llu", (unsigned long long)o->seed);
        st = lc_finetune(network, manifest, o, report);
    }
    if (st == LC_OK) {
        st = save(cli, network, a->output, o);
    }
    o->source = NULL;
    lc_network_free(network);
    lc_manifest_free(manifest);
    lc_manifest_free(source);
    return st;
}

static void put_report(lc_json *result, const finetune_arguments *a, const lc_finetune_options *o, const lc_finetune_report *r)
{
    lc_json_set_string(result, "tuned", a->output);
    lc_json_set_string(result, "mode", o->mode);
    lc_json_set_string(result, "bn", o->bn);
    lc_json_set_string(result, "regularizer", o->regularizer ? o->regularizer : "none");
    lc_json_set_int(result, "trained_parameters", (int64_t)r->trained_parameters);
    lc_json_set_int(result, "train_pictures", (int64_t)r->pictures);
    lc_json_set_int(result, "train_failed", (int64_t)r->failed);
    lc_json_set_int(result, "epochs", (int64_t)r->epochs);
    lc_json_set_int(result, "best_epoch", (int64_t)r->best);
    lc_json_set_int(result, "steps", (int64_t)r->steps);
    lc_json_set_int(result, "pictures_seen", (int64_t)r->seen);
    lc_json_set_real(result, "train_seconds", r->seconds);
    lc_json_set_int(result, "training_bytes", (int64_t)r->bytes);
    lc_json_set_int(result, "peak_bytes", (int64_t)lc_peak_memory());
}

/* A training that ran away is a result too: compare and transfer-matrix make a row of it. */
static lc_status put_diverged(const lc_cli *cli, const finetune_arguments *a, const lc_finetune_options *o, const lc_finetune_report *r,
                              lc_json *result)
{
    char *why;
    LC_TRY(lc_strdup(&why, lc_error_message()));
    put_report(result, a, o, r);
    lc_json_set_string(result, "diverged", why);
    lc_status st = lc_cli_write_json(cli, result);
    st = st == LC_OK ? lc_fail(LC_ERR_DIVERGED, "%s", why) : st;
    free(why);
    return st;
}

static lc_status draw(const finetune_arguments *a, const lc_finetune_options *o, const talk *t, const lc_finetune_report *r)
{
    char *title;
    const char *slash = strrchr(a->output, '/');
    if (!a->plot || !t->count) {
        return LC_OK;
    }
    LC_TRY(lc_sprintf(&title, "%s: mode %s, %zu pictures", slash ? slash + 1 : a->output, o->mode, r->pictures));
    lc_status st = lc_curves_draw(a->plot, title, t->done, t->count, r->best);
    free(title);
    return st;
}

static lc_status run(lc_cli *cli, const void *arguments)
{
    const finetune_arguments *a = arguments;
    lc_finetune_options o = LC_FINETUNE_OPTIONS_INIT;
    lc_finetune_report r;
    talk t;
    lc_setting settings[LC_CLI_MAX_PAIRS];
    char *checkpoint;
    lc_extract_options pictures = lc_picture_options(cli, &a->pictures, settings);
    o.settings = pictures.settings;
    o.setting_count = pictures.setting_count;
    o.threads = cli->threads;
    o.seed = cli->seed;
    LC_TRY(read_options(a, &o));
    LC_TRY(a->plot ? lc_plot_check(a->plot) : LC_OK);
    LC_TRY(lc_sprintf(&checkpoint, "%s.checkpoint", a->output));
    o.checkpoint = checkpoint;
    lc_json *result = lc_cli_json(cli);
    lc_status st = train(cli, a, &o, &t, &r);
    if (st == LC_OK) {
        st = draw(a, &o, &t, &r);
    }
    if (st == LC_OK) {
        const lc_trial_arguments trial = {a->output, cli->operands[1], NULL, NULL, &a->pictures, cli->json != NULL};
        put_report(result, a, &o, &r);
        lc_cli_print(cli, "%s: %zu epochs of %zu pictures in %.1f s\nmode %s, batch normalisation %s\n", a->output, r.epochs, r.pictures,
                     r.seconds, o.mode, o.bn);
        lc_curves_print(cli, t.done, t.count);
        st = lc_trial_network(cli, &trial, result);
    } else if (st == LC_ERR_INTERRUPTED) {
        lc_log(LC_LOG_INFO, "stopped; the same command with --resume goes on from %s", checkpoint);
    } else if (st == LC_ERR_DIVERGED) {
        st = put_diverged(cli, a, &o, &r, result);
        unlink(checkpoint);
    }
    if (st == LC_OK) {
        unlink(checkpoint);
        st = lc_cli_write_json(cli, result);
    }
    lc_json_free(result);
    free(t.done);
    free(checkpoint);
    return st;
}

const lc_cli_command lc_command_finetune = {
    .name = "finetune",
    .group = "Classify",
    .summary = "train the network itself, or a part of it, and judge it",
    .usage = "MODEL IMAGES -o TUNED.safetensors [--mode M] [options]",
    .description = "Trains a network on split train of labelled pictures (without splits: on all), watches split val, and judges the result as "
                   "evaluate does. The last layer becomes one for the pictures' classes. A training whose loss is no longer finite ends "
                   "with exit code 1; --json then says why, as \"diverged\".",
    .example = "layercut finetune cifar_resnet20 pictures -o tuned.safetensors \\\n"
               "      --mode scratch --epochs 2",
    .options = options,
    .arguments_size = sizeof(finetune_arguments),
    .min_operands = 2,
    .max_operands = 2,
    .run = run,
};
