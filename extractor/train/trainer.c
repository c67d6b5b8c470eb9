/*
 * Epochs of steps. Whatever is summed is summed in a fixed order: pieces of parameters of one size, by one thread in their order;
 * so threads change nothing. Where a run was stopped, `state` and the parameters' arrays are all that the next one needs: batches are a
 * function of seed and epoch.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/interrupt.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/rng.h"
#include "extractor/train/below.h"
#include "extractor/train/checkpoint.h"
#include "extractor/train/regularizer.h"

enum { PIECE = 1 << 14 }; /* numbers that a thread updates at a time */

typedef struct {
    size_t parameter, first, end;
    double square; /* of its gradient */
} piece;

struct lc_trainer {
    lc_trainer_options options;
    lc_parameter *parameters;
    lc_threads *pool;
    lc_tape *tape;
    lc_below *below;  /* what is frozen */
    float *kept;      /* (rows of the manifest, kept_each) boundary values that stay the same, or NULL: they change, or are too many */
    bool *is_kept;    /* (rows of the manifest) */
    size_t kept_each;
    lc_loader *loader;
    lc_regularizers *regularizers; /* NULL: none */
    piece *pieces;
    size_t piece_count;
    lc_training_state state;
    double started;   /* lc_clock() of the epoch, less the seconds it had taken before */
    float rate;       /* of the present step */
    lc_optimizer_step step;
    float scale;      /* of gradients, by clipping */
};

/* Making ---------------------------------------------------------------------------------------------------------- */

lc_status lc_trained_values(size_t **out, size_t *count, const lc_parameter *parameters, size_t parameter_count)
{
    *count = 0;
    LC_TRY(lc_alloc_array(out, parameter_count, sizeof **out));
    for (size_t i = 0; i < parameter_count; i++) {
        if (parameters[i].trained) {
            (*out)[(*count)++] = parameters[i].value;
        }
    }
    return LC_OK;
}

static lc_status make_tape(lc_trainer *t, const lc_kernels *kernels)
{
    const lc_trainer_options *o = &t->options;
    size_t *trained, count, watched_count;
    const size_t *watched = lc_regularizers_watched(t->regularizers, &watched_count);
    LC_TRY(lc_trained_values(&trained, &count, o->parameters, o->parameter_count));
    const lc_tape_options options = {
        .graph = o->graph,
        .output = o->logits,
        .trained = trained,
        .trained_count = count,
        .batch = o->loader.batch,
        .batch_statistics = o->batch_statistics,
        .momentum = 0.1f,
        .checkpointing = o->checkpointing,
        .dropout = true,
        .kernels = kernels,
        .threads = t->pool,
        .watched = watched,
        .watched_count = watched_count,
    };
    lc_status status = lc_tape_new(&t->tape, &options);
    free(trained);
    return status == LC_OK ? lc_below_new(&t->below, o->graph, t->tape, o->loader.batch, kernels, t->pool) : status;
}

/* Without augmentation a picture's boundary values are the same in every epoch: they are kept, if they fit beside the pictures. */
static lc_status make_kept(lc_trainer *t)
{
    const lc_loader_options *o = &t->options.loader;
    size_t floats, bytes;
    char *augmentation;
    LC_TRY(lc_augment_text(&o->augment, &augmentation));
    bool same = strcmp(augmentation, "none") == 0;
    free(augmentation);
    for (size_t i = 0; i < lc_tape_boundaries(t->tape); i++) {
        t->kept_each += lc_tensor_count(&t->options.graph->values[lc_tape_boundary(t->tape, i)].t);
    }
    if (!same || !lc_below_computes(t->below) || !lc_mul(o->manifest->rows, t->kept_each, &floats) || !lc_mul(floats, sizeof(float), &bytes) ||
        bytes > LC_LOADER_KEEP_BYTES) {
        return LC_OK;
    }
    LC_TRY(lc_alloc_array(&t->is_kept, o->manifest->rows, sizeof *t->is_kept));
    return lc_alloc_raw(&t->kept, floats, sizeof(float));
}

static lc_status make_arrays(lc_trainer *t)
{
    const lc_trainer_options *o = &t->options;
    size_t trained = 0, pieces = 0;
    for (size_t i = 0; i < o->parameter_count; i++) {
        lc_parameter *p = &t->parameters[i];
        p->data = o->graph->values[p->value].t.data;
        p->count = lc_tensor_count(&o->graph->values[p->value].t);
        if (p->trained) {
            p->gradient = lc_tape_weight_gradient(t->tape, trained++);
            for (size_t s = 0; s < o->optimizer->slots; s++) {
                LC_TRY(lc_alloc_array(&p->slot[s], p->count, sizeof *p->slot[s]));
            }
            pieces += (p->count + PIECE - 1) / PIECE;
        }
        if (o->average > 0) {
            LC_TRY(lc_alloc_array(&p->average, p->count, sizeof *p->average));
            memcpy(p->average, p->data, p->count * sizeof *p->data);
        }
        if (o->patience) {
            LC_TRY(lc_alloc_array(&p->best, p->count, sizeof *p->best));
            memcpy(p->best, p->data, p->count * sizeof *p->data);
        }
    }
    LC_TRY(lc_alloc_array(&t->pieces, pieces, sizeof *t->pieces));
    for (size_t i = 0; i < o->parameter_count; i++) {
        const lc_parameter *p = &t->parameters[i];
        for (size_t first = 0; p->trained && first < p->count; first += PIECE) {
            size_t end = first + PIECE < p->count ? first + PIECE : p->count;
            t->pieces[t->piece_count++] = (piece){i, first, end, 0};
        }
    }
    return LC_OK;
}

static lc_status make_regularizers(lc_trainer *t, const lc_kernels *kernels)
{
    const lc_trainer_options *o = &t->options;
    const lc_regularizer_setup setup = {
        .graph = o->graph,
        .features = o->features,
        .logits = o->logits,
        .parameters = t->parameters,
        .parameter_count = o->parameter_count,
        .head = o->source_head,
        .loader = &t->options.loader,
        .source = o->source,
        .checkpointing = o->checkpointing,
        .kernels = kernels,
        .threads = t->pool,
    };
    return lc_regularizers_new(&t->regularizers, o->regularizers, &setup);
}

static lc_status make(lc_trainer *t)
{
    const lc_trainer_options *o = &t->options;
    const lc_kernels *kernels;
    size_t threads = o->loader.threads ? o->loader.threads : lc_threads_available();
    LC_TRY(lc_kernels_get(&kernels));
    LC_TRY(lc_alloc_array(&t->parameters, o->parameter_count, sizeof *t->parameters));
    memcpy(t->parameters, o->parameters, o->parameter_count * sizeof *t->parameters);
    LC_TRY(threads > 1 ? lc_threads_new(&t->pool, threads) : LC_OK);
    LC_TRY(make_regularizers(t, kernels));
    LC_TRY(make_tape(t, kernels));
    LC_TRY(make_kept(t));
    LC_TRY(make_arrays(t));
    LC_TRY(lc_regularizers_begin(t->regularizers));
    LC_TRY(lc_loader_new(&t->loader, &o->loader));
    t->state.best = NAN;
    if (o->resume && o->checkpoint && access(o->checkpoint, F_OK) == 0) {
        LC_TRY(lc_checkpoint_read(o->checkpoint, o->identity, &t->state, t->parameters, o->parameter_count));
    }
    return lc_tape_prepare(t->tape);
}

lc_status lc_trainer_new(lc_trainer **out, const lc_trainer_options *options)
{
    lc_trainer *t;
    *out = NULL;
    LC_TRY(lc_alloc_array(&t, 1, sizeof *t));
    t->options = *options;
    lc_status status = make(t);
    if (status != LC_OK) {
        lc_trainer_free(t);
        return status;
    }
    *out = t;
    return LC_OK;
}

void lc_trainer_free(lc_trainer *t)
{
    if (!t) {
        return;
    }
    for (size_t i = 0; t->parameters && i < t->options.parameter_count; i++) {
        for (size_t s = 0; s < LC_OPTIMIZER_SLOTS; s++) {
            free(t->parameters[i].slot[s]);
        }
        free(t->parameters[i].average);
        free(t->parameters[i].best);
    }
    lc_loader_free(t->loader);
    lc_regularizers_free(t->regularizers);
    free(t->kept);
    free(t->is_kept);
    lc_below_free(t->below);
    lc_tape_free(t->tape);
    lc_threads_free(t->pool);
    free(t->parameters);
    free(t->pieces);
    free(t->state.history);
    free(t);
}

lc_trainer_report lc_trainer_describe(const lc_trainer *t)
{
    lc_trainer_report r = {
        .pictures = lc_loader_count(t->loader),
        .failed = lc_loader_failed(t->loader),
        .steps = t->state.step,
        .epochs = t->state.epoch,
        .best = t->options.patience && t->state.best_epoch ? t->state.best_epoch : t->state.epoch,
        .bytes = lc_tape_bytes(t->tape),
        .history = t->state.history,
    };
    for (size_t i = 0; i < t->options.parameter_count; i++) {
        const lc_parameter *p = &t->parameters[i];
        r.trained += p->trained ? p->count : 0;
        for (size_t s = 0; s < LC_OPTIMIZER_SLOTS; s++) {
            r.bytes += p->slot[s] ? p->count * sizeof(float) : 0;
        }
    }
    return r;
}

/* Steps ----------------------------------------------------------------------------------------------------------- */

static lc_status square_piece(void *context, size_t i)
{
    lc_trainer *t = context;
    piece *p = &t->pieces[i];
    const float *g = t->parameters[p->parameter].gradient;
    double sum = 0;
    for (size_t j = p->first; j < p->end; j++) {
        sum += (double)g[j] * (double)g[j];
    }
    p->square = sum;
    return LC_OK;
}

/* torch.nn.utils.clip_grad_norm_ (Pascanu et al., arXiv:1211.5063): the factor of all gradients. */
static lc_status find_scale(lc_trainer *t)
{
    t->scale = 1;
    if (t->options.clip > 0) {
        double sum = 0;
        LC_TRY(lc_parallel_for(t->pool, t->piece_count, square_piece, t));
        for (size_t i = 0; i < t->piece_count; i++) {
            sum += t->pieces[i].square;
        }
        double factor = t->options.clip / (sqrt(sum) + 1e-6);
        t->scale = factor < 1 ? (float)factor : 1;
    }
    return LC_OK;
}

static lc_status update_piece(void *context, size_t i)
{
    lc_trainer *t = context;
    const lc_trainer_options *o = &t->options;
    const piece *at = &t->pieces[i];
    const lc_parameter *p = &t->parameters[at->parameter];
    lc_optimizer_step step = t->step;
    step.rate = (float)((double)t->rate * (p->head ? 1 : o->backbone_factor));
    step.decay = p->vector && !o->decay_vectors ? 0 : (float)o->decay;
    for (size_t j = at->first; t->scale < 1 && j < at->end; j++) {
        p->gradient[j] *= t->scale;
    }
    o->optimizer->step(&step, p, at->first, at->end);
    return LC_OK;
}

/* Moving averages of weights (Polyak and Juditsky 1992), of running statistics too. */
static void update_averages(lc_trainer *t)
{
    float keep = (float)t->options.average;
    for (size_t i = 0; i < t->options.parameter_count; i++) {
        lc_parameter *p = &t->parameters[i];
        for (size_t j = 0; p->average && j < p->count; j++) {
            p->average[j] = keep * p->average[j] + (1 - keep) * p->data[j];
        }
    }
}

static lc_status update(lc_trainer *t)
{
    const lc_trainer_options *o = &t->options;
    uint64_t batches = lc_loader_batches(t->loader), steps = batches * o->epochs;
    LC_TRY(find_scale(t));
    t->rate = (float)(o->rate * lc_schedule_factor(o->schedule, t->state.step, steps, (uint64_t)(o->warmup * (double)batches)));
    t->step = (lc_optimizer_step){
        .momentum = o->momentum, .nesterov = o->nesterov, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f, .step = ++t->state.step};
    LC_TRY(lc_parallel_for(t->pool, t->piece_count, update_piece, t));
    update_averages(t);
    return lc_tape_prepare(t->tape);
}

/* Floats of boundary value i for one picture. */
static size_t boundary_size(const lc_trainer *t, size_t i)
{
    return lc_tensor_count(&t->options.graph->values[lc_tape_boundary(t->tape, i)].t);
}

/* Boundary value i of a batch between the tape and what is kept of its rows. */
static void move_kept(lc_trainer *t, const lc_batch *batch, bool keep)
{
    for (size_t i = 0, at = 0; i < lc_tape_boundaries(t->tape); i++) {
        size_t each = boundary_size(t, i);
        float *values = lc_tape_input(t->tape, i);
        for (size_t j = 0; j < batch->count; j++) {
            float *row = t->kept + batch->rows[j] * t->kept_each + at;
            memcpy(keep ? row : values + j * each, keep ? values + j * each : row, each * sizeof *row);
        }
        at += each;
    }
    for (size_t j = 0; keep && j < batch->count; j++) {
        t->is_kept[batch->rows[j]] = true;
    }
}

static bool all_kept(const lc_trainer *t, const lc_batch *batch)
{
    bool all = t->kept != NULL;
    for (size_t j = 0; all && j < batch->count; j++) {
        all = t->is_kept[batch->rows[j]];
    }
    return all;
}

/* The boundary values of a batch, into the tape. */
static lc_status run_frozen(lc_trainer *t, const lc_batch *batch)
{
    if (all_kept(t, batch)) {
        move_kept(t, batch, false);
        return LC_OK;
    }
    LC_TRY(lc_below_run(t->below, batch));
    if (t->kept) {
        move_kept(t, batch, true);
    }
    return LC_OK;
}

static lc_status train_batch(lc_trainer *t, const lc_batch *batch)
{
    const lc_trainer_options *o = &t->options;
    lc_rng rng = lc_rng_new(o->loader.seed, t->state.step);
    lc_loss_result result;
    double penalty = 0;
    LC_TRY(run_frozen(t, batch));
    LC_TRY(lc_tape_forward(t->tape, batch->count, lc_rng_u64(&rng)));
    lc_loss(&o->loss, batch->count, lc_tape_value(t->tape, o->logits).data, batch->labels, batch->targets,
            lc_tape_gradient(t->tape, o->logits), &result);
    if (!isfinite(result.loss)) {
        return lc_fail(LC_ERR_DIVERGED, "the loss of epoch %zu, batch %zu is not finite; use a smaller --lr (it was %g)", t->state.epoch + 1,
                       batch->index + 1, o->rate);
    }
    LC_TRY(lc_regularizers_on_values(t->regularizers, t->tape, batch, &penalty));
    LC_TRY(lc_tape_backward(t->tape));
    LC_TRY(lc_regularizers_on_weights(t->regularizers, &penalty));
    t->state.penalty += penalty * (double)batch->count;
    t->state.loss += result.loss * (double)batch->count;
    t->state.correct += result.correct;
    t->state.pictures += batch->count;
    return update(t);
}

static lc_status save(lc_trainer *t)
{
    const lc_trainer_options *o = &t->options;
    t->state.seconds = lc_clock() - t->started;
    return o->checkpoint ? lc_checkpoint_write(o->checkpoint, o->identity, &t->state, t->parameters, o->parameter_count) : LC_OK;
}

static lc_status on_batch(void *context, const lc_batch *batch)
{
    lc_trainer *t = context;
    if (batch->index < t->state.batch) { /* done before the run was stopped */
        return LC_OK;
    }
    LC_TRY(train_batch(t, batch));
    t->state.batch = batch->index + 1;
    size_t all = lc_loader_count(t->loader);
    lc_progress_note("epoch %zu/%zu  loss %.4f  accuracy %.1f %%", t->state.epoch + 1, t->options.epochs,
                     t->state.loss / (double)t->state.pictures, 100 * (double)t->state.correct / (double)t->state.pictures);
    lc_progress("pictures", t->state.epoch * all + t->state.pictures, t->options.epochs * all);
    lc_status status = lc_interrupt_check();
    return status == LC_ERR_INTERRUPTED && save(t) == LC_OK ? lc_interrupt_check() : status;
}

/* Epochs ---------------------------------------------------------------------------------------------------------- */

/* Weights and their averages change places. */
static void swap_averages(lc_trainer *t)
{
    for (size_t i = 0; i < t->options.parameter_count; i++) {
        lc_parameter *p = &t->parameters[i];
        for (size_t j = 0; p->average && j < p->count; j++) {
            float w = p->data[j];
            p->data[j] = p->average[j];
            p->average[j] = w;
        }
    }
}

static void keep_best(lc_trainer *t, double score)
{
    if (isnan(score) || (!isnan(t->state.best) && score <= t->state.best)) {
        return;
    }
    t->state.best = score;
    t->state.best_epoch = t->state.epoch;
    for (size_t i = 0; i < t->options.parameter_count; i++) {
        lc_parameter *p = &t->parameters[i];
        if (p->best) {
            memcpy(p->best, p->data, p->count * sizeof *p->data);
        }
    }
}

/* What the last step of an epoch spoilt, no loss has seen. */
static lc_status check_finite(const lc_trainer *t)
{
    for (size_t i = 0; i < t->options.parameter_count; i++) {
        const lc_parameter *p = &t->parameters[i];
        for (size_t j = 0; j < p->count; j++) {
            if (!isfinite(p->data[j])) {
                return lc_fail(LC_ERR_DIVERGED, "%s is not finite after epoch %zu; use a smaller --lr (it was %g)", p->name, t->state.epoch + 1,
                               t->options.rate);
            }
        }
    }
    return LC_OK;
}

static lc_status run_epoch(lc_trainer *t)
{
    lc_training_state *s = &t->state;
    t->started = lc_clock() - s->seconds;
    LC_TRY(lc_grow(&s->history, &s->history_capacity, s->epoch + 1, sizeof *s->history));
    LC_TRY(lc_loader_epoch(t->loader, s->epoch, on_batch, t));
    s->history[s->epoch] = (lc_epoch){
        .epoch = s->epoch + 1,
        .loss = s->loss / (double)s->pictures,
        .penalty = s->penalty / (double)s->pictures,
        .accuracy = (double)s->correct / (double)s->pictures,
        .rate = (double)t->rate,
        .seconds = lc_clock() - t->started,
        .val_loss = NAN,
        .score = NAN,
        .pictures = s->pictures,
    };
    LC_TRY(check_finite(t));
    s->epoch++;
    swap_averages(t);
    lc_status status = t->options.epoch_done ? t->options.epoch_done(t->options.context, s->history, s->epoch) : LC_OK;
    if (status == LC_OK) {
        keep_best(t, s->history[s->epoch - 1].score);
    }
    swap_averages(t);
    LC_TRY(status);
    s->batch = s->correct = s->pictures = 0;
    s->loss = s->penalty = 0;
    t->started = lc_clock();
    return save(t);
}

lc_status lc_trainer_run(lc_trainer *t)
{
    const lc_training_state *s = &t->state;
    size_t patience = t->options.patience;
    while (s->epoch < t->options.epochs && !(patience && s->best_epoch && s->epoch - s->best_epoch >= patience)) {
        LC_TRY(run_epoch(t));
        t->state.seconds = 0;
        LC_TRY(lc_interrupt_check());
    }
    if (patience && s->best_epoch) {
        for (size_t i = 0; i < t->options.parameter_count; i++) {
            lc_parameter *p = &t->parameters[i];
            memcpy(p->data, p->best, p->count * sizeof *p->data);
        }
    } else {
        swap_averages(t);
    }
    return LC_OK;
}
