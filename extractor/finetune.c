/*
 * Fine-tuning: a network, pictures and options become what the trainer knows - a graph, parameters, rows.
 *
 *   head       the last layer with weights becomes one for the pictures' classes, begun as PyTorch begins it
 *   parameters learned constants from the first trained layer on move to memory of the network's own
 *   train      extractor/train/
 *   watch      after every epoch split val goes through the network as it is then, by lc_features_compute
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/sha256.h"
#include "common/text.h"
#include "extractor/network.h"
#include "extractor/train/regularizer.h"

enum { MAX_BATCH = 4096 };

typedef struct {
    lc_network *net;
    const lc_manifest *manifest;
    const lc_finetune_options *o;
    lc_preprocess pre;
    size_t head;             /* node */
    size_t first;            /* node from which on is trained */
    size_t logits;           /* value */
    lc_parameter *parameters;
    size_t parameter_count;
    size_t *rows, row_count; /* of training */
    size_t *source_rows, source_count; /* of the options' source: its split train, without splits all */
    lc_manifest val;         /* a view: pictures of split val */
    float *class_weights;
    lc_source_head *source_head; /* as the network brought it; NULL: nobody asks, or it cannot be kept */
    lc_trainer *trainer;
    lc_finetune_epoch *epochs;
    size_t epoch_capacity;
    double seconds;
    lc_finetune_report *report;
} tuning;

/* Rows ------------------------------------------------------------------------------------------------------------ */

static lc_status choose_rows(tuning *t)
{
    const lc_manifest *m = t->manifest;
    size_t counts[LC_SPLIT_COUNT] = {0}, vals = 0;
    if (m->indicator) {
        return lc_fail(LC_ERR_UNSUPPORTED, "pictures have several labels; fine-tuning takes one label per picture");
    }
    LC_TRY(lc_alloc_array(&t->rows, m->rows, sizeof *t->rows));
    LC_TRY(lc_alloc_array(&t->val.paths, m->rows, sizeof *t->val.paths));
    LC_TRY(lc_alloc_array(&t->val.labels, m->rows, sizeof *t->val.labels));
    for (size_t i = 0; i < m->rows; i++) {
        counts[m->splits[i]] += m->labels[i] >= 0;
    }
    unsigned wanted = counts[LC_SPLIT_TRAIN] ? LC_SPLIT_TRAIN : LC_SPLIT_NONE;
    t->val.root = m->root;
    for (size_t i = 0; i < m->rows; i++) {
        if (m->labels[i] >= 0 && m->splits[i] == wanted) {
            t->rows[t->row_count++] = i;
        } else if (m->labels[i] >= 0 && m->splits[i] == LC_SPLIT_VAL) {
            t->val.paths[vals] = m->paths[i];
            t->val.labels[vals++] = m->labels[i];
        }
    }
    t->val.rows = vals;
    if (!t->row_count) {
        return lc_fail(LC_ERR_ARG, "%s has no labelled pictures to train on; put them into folders of their classes", m->root);
    }
    if (m->classes < 2) {
        return lc_fail(LC_ERR_ARG, "%s has one class only ('%s'); there is nothing to tell apart", m->root, m->class_names[0]);
    }
    return LC_OK;
}

/* Source pictures need no labels. */
static lc_status choose_source(tuning *t)
{
    const lc_manifest *m = t->o->source;
    bool split = false;
    LC_TRY(lc_alloc_array(&t->source_rows, m->rows, sizeof *t->source_rows));
    for (size_t i = 0; i < m->rows; i++) {
        split = split || m->splits[i] == LC_SPLIT_TRAIN;
    }
    for (size_t i = 0; i < m->rows; i++) {
        if (!split || m->splits[i] == LC_SPLIT_TRAIN) {
            t->source_rows[t->source_count++] = i;
        }
    }
    return t->source_count ? LC_OK : lc_fail(LC_ERR_ARG, "%s has no pictures", m->root);
}

/* n / (K n_k), as scikit-learn's "balanced"; a class without pictures weighs 0. */
static lc_status weigh_classes(tuning *t)
{
    size_t classes = t->manifest->classes, *counts;
    LC_TRY(lc_alloc_array(&counts, classes, sizeof *counts));
    lc_status status = lc_alloc_array(&t->class_weights, classes, sizeof *t->class_weights);
    for (size_t i = 0; status == LC_OK && i < t->row_count; i++) {
        counts[t->manifest->labels[t->rows[i]]]++;
    }
    for (size_t k = 0; status == LC_OK && k < classes; k++) {
        t->class_weights[k] = counts[k] ? (float)((double)t->row_count / ((double)classes * (double)counts[k])) : 0;
    }
    free(counts);
    return status;
}

/* The head -------------------------------------------------------------------------------------------------------- */

/* The last layer with weights, going back from the logits through nodes of one activation. */
static lc_status find_head(tuning *t)
{
    const lc_graph *g = t->net->model.graph;
    size_t tap = lc_taps_find(&t->net->taps, "logits");
    t->logits = tap == LC_NO_VALUE ? g->output : t->net->taps.taps[tap].value;
    for (size_t v = t->logits; v != LC_NO_VALUE && g->values[v].node != LC_NO_VALUE;) {
        const lc_node *n = &g->nodes[g->values[v].node];
        size_t activations = 0;
        for (size_t i = 0; i < n->inputs; i++) {
            activations += n->in[i] != LC_NO_VALUE && !g->values[n->in[i]].t.data;
        }
        if (activations != 1) {
            break;
        }
        if (n->op->flags & LC_OP_WEIGHTED) {
            t->head = g->values[v].node;
            return LC_OK;
        }
        v = n->in[0];
    }
    return lc_fail(LC_ERR_UNSUPPORTED, "%s ends in no layer with weights that could be its head", t->net->path);
}

/* Does the network name the classes of the pictures already, in their order? */
static bool same_classes(const tuning *t)
{
    const lc_model *m = &t->net->model;
    bool same = m->classes == t->manifest->classes;
    for (size_t i = 0; same && i < m->classes; i++) {
        same = strcmp(m->class_names[i], t->manifest->class_names[i]) == 0;
    }
    return same;
}

/* A parameter of node n that is an integer, by the name in its operator's attribute table; 0: it has none of that name. */
static int64_t integer_of(const lc_node *n, const char *name)
{
    int64_t v = 0;
    for (const lc_attr *a = n->op->attributes; a && a->name; a++) {
        if (strcmp(a->name, name) == 0) {
            memcpy(&v, (const char *)n->params + a->offset, sizeof v);
        }
    }
    return v;
}

/* Which dimension of the head's weights counts the outputs: (K,C,kh,kw); (K,C) with transB, else (C,K). */
static size_t output_dimension(const lc_node *n)
{
    return n->op == &lc_op_conv || integer_of(n, "transB") ? 0 : 1;
}

/* For regularisers. A head of another kind is not there for them: those that need it say so. */
static lc_status keep_source_head(tuning *t)
{
    const lc_finetune_options *o = t->o;
    LC_TRY(lc_regularizers_check(o->regularizer, strcmp(o->mode, "scratch") != 0));
    if (!o->regularizer) {
        return LC_OK;
    }
    lc_status status = lc_source_head_take(&t->source_head, t->net->model.graph, t->head, t->logits);
    return status == LC_ERR_UNSUPPORTED ? LC_OK : status;
}

static lc_status replace_head(tuning *t)
{
    lc_network *net = t->net;
    lc_graph *g = net->model.graph;
    const lc_node *n = &g->nodes[t->head];
    size_t classes = t->manifest->classes, bias_value = n->inputs > 2 ? n->in[2] : LC_NO_VALUE;
    lc_tensor *w = &g->values[n->in[1]].t;
    size_t d = output_dimension(n), fan_in = lc_tensor_count(w) / w->dims[d];
    float *weights, *bias = NULL;
    w->dims[d] = classes;
    LC_TRY(lc_network_replace(net, n->in[1], classes * fan_in, &weights));
    if (bias_value != LC_NO_VALUE) {
        g->values[bias_value].t = (lc_tensor){.rank = 1, .dims = {classes}};
        LC_TRY(lc_network_replace(net, bias_value, classes, &bias));
    }
    lc_begin_like_torch(weights, classes * fan_in, fan_in, bias, classes, t->o->seed, t->head);
    lc_status status = lc_graph_reshape(g);
    LC_TRY(status == LC_OK ? LC_OK : lc_fail_in(status, "%s with a head of %zu classes", net->path, classes));
    if (lc_tensor_count(&g->values[t->logits].t) != classes) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%s: its output is a map, not one number per class", net->path);
    }
    return lc_network_show_taps(net);
}

static lc_status name_classes(tuning *t)
{
    lc_model *m = &t->net->model;
    char **names;
    LC_TRY(lc_copy_strings(&names, (const char *const *)t->manifest->class_names, t->manifest->classes));
    lc_free_strings(m->class_names, m->classes);
    m->class_names = names;
    m->classes = t->manifest->classes;
    t->net->info.class_names = (const char *const *)names;
    t->net->info.classes = m->classes;
    return LC_OK;
}

static lc_status keep_preprocessing(tuning *t)
{
    lc_json *json = lc_json_object();
    char *text;
    lc_preprocess_to_json(&t->pre, json);
    lc_status status = lc_json_text(json, 0, &text);
    lc_json_free(json);
    LC_TRY(status);
    free(t->net->model.preprocessing);
    t->net->model.preprocessing = text;
    return LC_OK;
}

/* Parameters ------------------------------------------------------------------------------------------------------ */

/* The first node of the tap or module `layer`; the head, if that comes before. */
static lc_status find_layer(tuning *t, const char *layer, size_t *out)
{
    const lc_taps *taps = &t->net->taps;
    size_t length = strlen(layer), *chosen, count, first = LC_NO_VALUE;
    for (size_t i = 0; i < taps->count; i++) {
        const lc_tap_entry *e = &taps->taps[i];
        if (strncmp(e->name, layer, length) == 0 && (e->name[length] == '.' || e->name[length] == '\0')) {
            first = e->node < first ? e->node : first;
        }
    }
    if (first == LC_NO_VALUE) {
        LC_TRY(lc_network_select(t->net, layer, &chosen, &count));
        first = taps->taps[chosen[0]].node;
        free(chosen);
    }
    *out = first > t->head ? t->head : first;
    return LC_OK;
}

static lc_status find_first(tuning *t)
{
    const char *mode = t->o->mode;
    if (strcmp(mode, "head") == 0) {
        t->first = t->head;
    } else if (strncmp(mode, "from:", 5) == 0) {
        LC_TRY(find_layer(t, mode + 5, &t->first));
    } else {
        t->first = 0;
    }
    return LC_OK;
}

/* Weights that are to begin anew. */
static lc_status begin_anew(tuning *t)
{
    const char *from = strcmp(t->o->mode, "scratch") == 0 ? "all" : t->o->begin;
    size_t first = 0;
    if (!from) {
        return LC_OK;
    }
    LC_TRY(strcmp(from, "all") == 0 ? LC_OK : find_layer(t, from, &first));
    return lc_network_begin(t->net, first, t->o->seed);
}

/* Constant input i of a node becomes a parameter, in memory of the network's own. */
static lc_status add_parameter(tuning *t, size_t node, size_t i, bool *seen)
{
    lc_graph *g = t->net->model.graph;
    const lc_node *n = &g->nodes[node];
    size_t v = i < n->inputs ? n->in[i] : LC_NO_VALUE;
    if (v == LC_NO_VALUE || !g->values[v].t.data || seen[v]) {
        return LC_OK;
    }
    seen[v] = true;
    const float *before = g->values[v].t.data;
    size_t count = lc_tensor_count(&g->values[v].t);
    float *own;
    LC_TRY(lc_network_replace(t->net, v, count, &own));
    memcpy(own, before, count * sizeof *own);
    t->parameters[t->parameter_count++] = (lc_parameter){
        .name = g->values[v].name,
        .value = v,
        .trained = i < 3,
        .head = node == t->head,
        .vector = i > 1 || !(n->op->flags & LC_OP_WEIGHTED),
    };
    return LC_OK;
}

static lc_status choose_parameters(tuning *t)
{
    const lc_graph *g = t->net->model.graph;
    bool *seen;
    LC_TRY(find_first(t));
    LC_TRY(lc_alloc_array(&t->parameters, g->value_count, sizeof *t->parameters));
    LC_TRY(lc_alloc_array(&seen, g->value_count, sizeof *seen));
    lc_status status = LC_OK;
    for (size_t n = t->first; n < g->node_count && status == LC_OK; n++) {
        const lc_op *op = g->nodes[n].op;
        for (size_t i = 1; (op->flags & LC_OP_LEARNED) && i < (op == &lc_op_batchnorm ? 5 : 3) && status == LC_OK; i++) {
            status = add_parameter(t, n, i, seen);
        }
    }
    free(seen);
    return status;
}

/* Watching -------------------------------------------------------------------------------------------------------- */

/* Accuracy and cross-entropy on split val, as an extraction of the logits gives them. */
static lc_status judge(tuning *t, lc_epoch *e)
{
    const lc_extract_options o = {
        .layers = "logits",
        .pool = "flat",
        .settings = t->o->settings,
        .setting_count = t->o->setting_count,
        .threads = t->o->threads,
        .batch = 16,
    };
    const lc_loss_options loss = {.classes = t->manifest->classes};
    lc_features f;
    float *gradient; /* that nobody wants */
    LC_TRY(lc_alloc_array(&gradient, loss.classes, sizeof *gradient));
    lc_status status = lc_features_compute(t->net, &t->val, &o, &f);
    if (status != LC_OK) {
        free(gradient);
        return status;
    }
    size_t correct = 0, good = 0;
    double sum = 0;
    for (size_t i = 0; i < f.rows; i++) {
        lc_loss_result r;
        if (f.row[i].status == LC_ROW_OK) {
            lc_loss(&loss, 1, f.values[0] + i * loss.classes, &t->val.labels[i], NULL, gradient, &r);
            sum += r.loss;
            correct += r.correct;
            good++;
        }
    }
    free(gradient);
    lc_features_free(&f);
    if (good) {
        e->score = (double)correct / (double)good;
        e->val_loss = sum / (double)good;
    }
    return LC_OK;
}

static lc_status tell(tuning *t, const lc_epoch *history, size_t count)
{
    LC_TRY(lc_grow(&t->epochs, &t->epoch_capacity, count, sizeof *t->epochs));
    t->seconds = 0;
    for (size_t i = 0; i < count; i++) {
        const lc_epoch *e = &history[i];
        t->epochs[i] = (lc_finetune_epoch){e->epoch, e->loss, e->penalty, e->accuracy, e->rate, e->seconds, e->pictures, e->val_loss, e->score};
        t->seconds += e->seconds;
    }
    return t->o->epoch_done ? t->o->epoch_done(t->o->context, t->epochs, count) : LC_OK;
}

static lc_status epoch_done(void *context, lc_epoch *history, size_t count)
{
    tuning *t = context;
    if (t->val.rows) {
        LC_TRY(judge(t, &history[count - 1]));
    }
    return tell(t, history, count);
}

/* All of it ------------------------------------------------------------------------------------------------------- */

/* SHA-256 of the paths and classes of the training pictures. */
static lc_status hash_rows(const tuning *t, char out[static LC_SHA256_HEX_SIZE])
{
    const lc_manifest *m = t->manifest;
    uint8_t digest[LC_SHA256_SIZE];
    lc_text text;
    LC_TRY(lc_text_open(&text));
    for (size_t i = 0; i < t->row_count; i++) {
        fprintf(text.stream, "%s\t%s\n", m->paths[t->rows[i]], m->class_names[m->labels[t->rows[i]]]);
    }
    lc_status status = lc_text_close(&text);
    status = status == LC_OK ? lc_sha256(text.text, text.size, digest) : status;
    free(text.text);
    if (status == LC_OK) {
        lc_sha256_hex(digest, out);
    }
    return status;
}

/* What makes a run this run, as JSON: a checkpoint of another one is refused. */
static lc_status identity_of(const tuning *t, const lc_trainer_options *r, char **out)
{
    const lc_finetune_options *o = t->o;
    char rows[LC_SHA256_HEX_SIZE];
    LC_TRY(hash_rows(t, rows));
    lc_json *json = lc_json_object();
    lc_json_set_string(json, "network", t->net->sha256);
    lc_json_set_string(json, "mode", o->mode);
    lc_json_set_string(json, "reinit", o->begin ? o->begin : "");
    lc_json_set_int(json, "pictures", (int64_t)t->row_count);
    lc_json_set_string(json, "picture_list", rows);
    lc_json_set_int(json, "classes", (int64_t)t->manifest->classes);
    lc_json_set_int(json, "epochs", (int64_t)o->epochs);
    lc_json_set_int(json, "batch", (int64_t)o->batch);
    lc_json_set_string(json, "optimizer", r->optimizer->name);
    lc_json_set_real(json, "lr", r->rate);
    lc_json_set_real(json, "backbone_lr_factor", r->backbone_factor);
    lc_json_set_real(json, "weight_decay", r->decay);
    lc_json_set_bool(json, "no_decay_norms", o->no_decay_norms);
    lc_json_set_real(json, "momentum", o->momentum);
    lc_json_set_bool(json, "nesterov", o->nesterov);
    lc_json_set_string(json, "schedule", r->schedule->name);
    lc_json_set_real(json, "warmup", o->warmup);
    lc_json_set_real(json, "label_smoothing", o->smoothing);
    lc_json_set_bool(json, "balance", o->balance);
    lc_json_set_string(json, "augment", o->augment);
    lc_json_set_string(json, "bn", o->bn);
    lc_json_set_string(json, "regularizer", o->regularizer ? o->regularizer : "");
    lc_json_set_string(json, "source", o->source ? o->source->root : "");
    lc_json_set_int(json, "source_pictures", (int64_t)t->source_count);
    lc_json_set_real(json, "clip", r->clip);
    lc_json_set_real(json, "ema", o->average);
    lc_json_set_int(json, "patience", (int64_t)o->patience);
    lc_json_set_int(json, "seed", (int64_t)o->seed);
    lc_preprocess_to_json(&t->pre, json);
    lc_status status = lc_json_text(json, 0, out);
    lc_json_free(json);
    return status;
}

/* What the head reads, before anything of it is dropped. */
static size_t features_of(const tuning *t)
{
    const lc_graph *g = t->net->model.graph;
    size_t v = g->nodes[t->head].in[0], maker = g->values[v].node;
    return maker != LC_NO_VALUE && g->nodes[maker].op == &lc_op_dropout ? g->nodes[maker].in[0] : v;
}

/* Without normalisations a few large steps end in a head whose ReLU never fires again, or in infinity. */
static bool is_normalised(const lc_graph *g)
{
    bool found = false;
    for (size_t n = 0; n < g->node_count; n++) {
        const lc_op *op = g->nodes[n].op;
        found = found || op == &lc_op_batchnorm || op == &lc_op_layernorm || op == &lc_op_group_norm || op == &lc_op_instance_norm;
    }
    return found;
}

/* What the options say, but for what is looked up by name. */
static lc_trainer_options trainer_options(tuning *t, bool frozen)
{
    const lc_finetune_options *o = t->o;
    return (lc_trainer_options){
        .graph = t->net->model.graph,
        .logits = t->logits,
        .parameters = t->parameters,
        .parameter_count = t->parameter_count,
        .loader = {.manifest = t->manifest,
                   .rows = t->rows,
                   .count = t->row_count,
                   .preprocess = t->pre,
                   .classes = t->manifest->classes,
                   .batch = o->batch,
                   .threads = o->threads,
                   .seed = o->seed,
                   .shuffle = true,
                   .drop_last = !frozen},
        .loss = {t->manifest->classes, o->smoothing, t->class_weights},
        .epochs = o->epochs,
        .warmup = o->warmup,
        .backbone_factor = o->backbone_factor,
        .decay_vectors = !o->no_decay_norms,
        .momentum = (float)o->momentum,
        .nesterov = o->nesterov,
        .clip = o->clip >= 0 ? o->clip : is_normalised(t->net->model.graph) ? 0 : 1,
        .average = o->average,
        .patience = o->patience,
        .batch_statistics = !frozen,
        .checkpointing = o->checkpointing,
        .regularizers = o->regularizer,
        .features = features_of(t),
        .source_head = t->source_head,
        .checkpoint = o->checkpoint,
        .resume = o->resume,
        .epoch_done = epoch_done,
        .context = t,
    };
}

static void fill_report(const tuning *t, const lc_trainer_report *d)
{
    *t->report = (lc_finetune_report){
        .pictures = d->pictures,
        .failed = d->failed,
        .classes = t->manifest->classes,
        .epochs = d->epochs,
        .best = d->best,
        .steps = d->steps,
        .trained_parameters = d->trained,
        .seconds = t->seconds,
        .bytes = d->bytes,
    };
    for (size_t i = 0; t->epochs && i < d->epochs; i++) {
        t->report->seen += t->epochs[i].pictures;
    }
}

static lc_status train(tuning *t)
{
    const lc_finetune_options *o = t->o;
    bool frozen = o->bn && strcmp(o->bn, "frozen") == 0;
    lc_trainer_options r = trainer_options(t, frozen);
    if (o->bn && !frozen && strcmp(o->bn, "train") != 0) {
        return lc_fail(LC_ERR_ARG, "--bn %s: there are train and frozen", o->bn);
    }
    LC_TRY(lc_augment_parse(o->augment ? o->augment : "none", &r.loader.augment));
    LC_TRY(lc_optimizer_find(o->optimizer ? o->optimizer : "sgd", &r.optimizer));
    LC_TRY(lc_schedule_find(o->schedule ? o->schedule : "cosine", &r.schedule));
    r.rate = o->rate > 0 ? o->rate : r.optimizer->rate;
    r.decay = o->decay >= 0 ? o->decay : r.optimizer->decay;
    lc_loader_options source = r.loader;
    source.manifest = o->source;
    source.rows = t->source_rows;
    source.count = t->source_count;
    r.source = o->source ? &source : NULL;
    char *identity;
    LC_TRY(identity_of(t, &r, &identity));
    r.identity = identity;
    lc_status status = lc_trainer_new(&t->trainer, &r);
    if (status == LC_OK) {
        status = lc_trainer_run(t->trainer);
    }
    if (t->trainer) {
        lc_trainer_report d = lc_trainer_describe(t->trainer);
        if (status == LC_OK && !t->epochs && d.epochs) { /* it was stopped behind its last epoch */
            status = tell(t, d.history, d.epochs);
        }
        fill_report(t, &d);
    }
    free(identity);
    return status;
}

lc_status lc_finetune_check_mode(const char *mode)
{
    static const char *const modes[] = {"none", "head", "full", "scratch"};
    bool found = strncmp(mode, "from:", 5) == 0 && mode[5];
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        found = found || strcmp(mode, modes[i]) == 0;
    }
    return found ? LC_OK : lc_fail(LC_ERR_ARG, "no mode '%s'; there are none, head, from:LAYER, full and scratch", mode);
}

static lc_status tune(tuning *t)
{
    const lc_finetune_options *o = t->o;
    const lc_extract_options pictures = {.settings = o->settings, .setting_count = o->setting_count};
    bool none = strcmp(o->mode, "none") == 0;
    LC_TRY(lc_finetune_check_mode(o->mode));
    if (o->batch < 1 || o->batch > MAX_BATCH) {
        return lc_fail(LC_ERR_ARG, "a batch of %zu pictures; 1 to %d are possible", o->batch, MAX_BATCH);
    }
    if (o->epochs < 1) {
        return lc_fail(LC_ERR_ARG, "no epochs, no training; --epochs wants at least 1");
    }
    LC_TRY(choose_rows(t));
    LC_TRY(o->source ? choose_source(t) : LC_OK);
    LC_TRY(o->balance ? weigh_classes(t) : LC_OK);
    LC_TRY(lc_network_preprocess(t->net, &pictures, &t->pre));
    LC_TRY(find_head(t));
    LC_TRY(keep_source_head(t));
    LC_TRY(same_classes(t) ? LC_OK : replace_head(t));
    LC_TRY(begin_anew(t));
    LC_TRY(none ? LC_OK : choose_parameters(t));
    LC_TRY(name_classes(t));
    LC_TRY(keep_preprocessing(t));
    t->report->pictures = t->row_count;
    t->report->classes = t->manifest->classes;
    return none ? LC_OK : train(t);
}

lc_status lc_finetune(lc_network *net, const lc_manifest *manifest, const lc_finetune_options *options, lc_finetune_report *report)
{
    *report = (lc_finetune_report){0};
    tuning t = {.net = net, .manifest = manifest, .o = options, .report = report};
    lc_status status = tune(&t);
    lc_trainer_free(t.trainer);
    lc_source_head_free(t.source_head);
    free(t.parameters);
    free(t.rows);
    free(t.source_rows);
    free(t.val.paths);
    free(t.val.labels);
    free(t.class_weights);
    free(t.epochs);
    return status;
}
