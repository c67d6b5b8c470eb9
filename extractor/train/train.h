/*
 * Training: what a step is made of.
 *
 *   a batch of the loader -> the frozen part of the network -> the tape -> loss -> gradients -> clip -> optimiser -> averages
 *
 * Kinds with a table of rows each: optimisers (optimizer_list.inc), schedules of the learning rate (lc_schedules), regularisers
 * (regularizer.h, regularizer_list.inc). The trainer knows graphs and constants, not networks with names:
 * extractor/finetune.c makes the two meet.
 */
#ifndef LC_EXTRACTOR_TRAIN_TRAIN_H
#define LC_EXTRACTOR_TRAIN_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/threads.h"
#include "extractor/train/loader.h"
#include "extractor/train/source_head.h"
#include "extractor/train/tape.h"

/* Weights --------------------------------------------------------------------------------------------------------- */

enum { LC_OPTIMIZER_SLOTS = 2 };

/* A constant of the graph that training changes. */
typedef struct {
    const char *name;   /* the graph's */
    size_t value;       /* in the graph; its data is memory that may be written */
    float *data;        /* (count) */
    size_t count;
    bool trained;       /* by gradient; else it follows the data: running statistics of a batch normalisation */
    bool head;          /* of the last layer: learns with the full rate, the others with the backbone's */
    bool vector;        /* a bias, or of a normalisation: weight decay may pass over it */
    float *gradient;    /* (count), the tape's; NULL when not trained */
    float *slot[LC_OPTIMIZER_SLOTS]; /* (count) what the optimiser remembers; NULL: nothing */
    float *average;     /* (count) exponential moving average; NULL: none is kept */
    float *best;        /* (count) as of the best epoch; NULL: not kept */
} lc_parameter;

/* The value numbers of those that are trained, in their order. *out (count) is the caller's, free(). */
LC_CHECKED lc_status lc_trained_values(size_t **out, size_t *count, const lc_parameter *parameters, size_t parameter_count);

/* Loss ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    size_t classes;
    double smoothing;     /* label smoothing, 0..1 (Szegedy et al., arXiv:1512.00567, section 7) */
    const float *weights; /* (classes) of classes; NULL: 1 each */
} lc_loss_options;

typedef struct {
    double loss;    /* mean over the batch */
    size_t correct; /* pictures whose largest logit is their label's (of mixed pictures: their largest share's) */
} lc_loss_result;

/*
 * Softmax and cross-entropy, torch.nn.functional.cross_entropy with mean reduction: with labels the mean is weighted by the weights of
 * the labels' classes; with targets (shares of classes, from mixing) it is over pictures. logits (n, classes); labels (n), or
 * targets (n, classes) where not NULL -> gradient (n, classes).
 */
void lc_loss(const lc_loss_options *options, size_t n, const float *logits, const int32_t *labels, const float *targets, float *gradient,
             lc_loss_result *result);

/* Optimisers ------------------------------------------------------------------------------------------------------ */

typedef struct {
    float rate, decay;  /* learning rate and weight decay of this parameter in this step */
    float momentum;     /* sgd */
    bool nesterov;
    float beta1, beta2, epsilon; /* adamw */
    uint64_t step;      /* of this one, from 1 */
} lc_optimizer_step;

typedef struct {
    const char *name, *summary;
    double rate, decay; /* defaults */
    size_t slots;       /* arrays it remembers per parameter; they start as 0 */
    /* Elements [first, end) of a parameter. */
    void (*step)(const lc_optimizer_step *s, const lc_parameter *p, size_t first, size_t end);
} lc_optimizer;

#define LC_OPTIMIZER(name) extern const lc_optimizer lc_optimizer_##name;
#include "extractor/train/optimizer_list.inc"
#undef LC_OPTIMIZER

extern const lc_optimizer *const lc_optimizers[]; /* ends with NULL */

/* By name; LC_ERR_NOTFOUND lists those there are. */
LC_CHECKED lc_status lc_optimizer_find(const char *name, const lc_optimizer **out);

/* Schedules ------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name, *summary;
    bool warms; /* has a warm-up of its own */
    /* The factor of the learning rate at progress t in [0, 1). */
    double (*factor)(double t);
} lc_schedule;

extern const lc_schedule lc_schedules[]; /* ends with a NULL name */

LC_CHECKED lc_status lc_schedule_find(const char *name, const lc_schedule **out);

/* Of step `step` (from 0) of `steps`, the first `warmup` of which rise linearly from 0. */
double lc_schedule_factor(const lc_schedule *s, uint64_t step, uint64_t steps, uint64_t warmup);

/* The trainer ----------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t epoch;             /* from 1 */
    double loss, penalty;     /* means over pictures: cross-entropy; what regularisers added to it */
    double accuracy;          /* on the batches as they were trained on, 0..1 */
    double rate;              /* learning rate of the last step */
    double seconds;           /* of training, without what epoch_done takes */
    double val_loss, score;   /* that epoch_done gave; NAN: none */
    size_t pictures;
} lc_epoch;

/* What the caller does after each epoch, with the weights as they would be saved (averages in place, where kept): he may give
 * epoch->score, larger is better. history[0..count) are all epochs so far, the last one is this. */
typedef lc_status (*lc_epoch_fn)(void *context, lc_epoch *history, size_t count);

typedef struct {
    lc_graph *graph;
    size_t logits;            /* value */
    lc_parameter *parameters; /* (parameter_count) name, value, trained, head, vector set; the rest is the trainer's */
    size_t parameter_count;
    lc_loader_options loader; /* training rows; batch, seed and threads are those of training */
    lc_loss_options loss;
    const lc_optimizer *optimizer;
    const lc_schedule *schedule;
    size_t epochs;
    double warmup;            /* epochs */
    double rate, backbone_factor, decay;
    bool decay_vectors;
    float momentum;
    bool nesterov;
    double clip;              /* largest norm of all gradients together; 0: any */
    double average;           /* decay of the moving average of weights, per step; 0: none */
    size_t patience;          /* stop after so many epochs without a better score, and return to the best; 0: go on to the end */
    bool batch_statistics;
    bool checkpointing;       /* see lc_tape_options */
    const char *regularizers; /* see regularizer.h; NULL: none */
    size_t features;          /* value that the head reads, for them */
    const lc_source_head *source_head; /* of the network before; NULL: none */
    const lc_loader_options *source; /* pictures that it was trained on, for them; NULL: not at hand */
    const char *checkpoint;   /* file, written every epoch and when interrupted; NULL: none */
    const char *identity;     /* what a checkpoint must be of, a JSON object */
    bool resume;
    lc_epoch_fn epoch_done;
    void *context;
} lc_trainer_options;

typedef struct {
    size_t pictures, failed;  /* of training: usable, and not */
    uint64_t steps;
    size_t epochs, best;      /* done; the one whose weights these are */
    uint64_t trained;         /* numbers that are trained */
    uint64_t bytes;           /* of the tape, gradients and optimiser */
    lc_epoch *history;        /* (epochs) the trainer's */
} lc_trainer_report;

typedef struct lc_trainer lc_trainer;

/* Everything that must outlive the trainer: what the options point to. LC_ERR_STALE: the checkpoint is of another run. */
LC_CHECKED lc_status lc_trainer_new(lc_trainer **out, const lc_trainer_options *options);
void lc_trainer_free(lc_trainer *trainer);

/* The remaining epochs. Afterwards the graph's constants are the trained ones (averages, where kept). Interrupted: the checkpoint is
 * written, LC_ERR_INTERRUPTED. LC_ERR_DIVERGED: the loss or a weight is not finite. */
LC_CHECKED lc_status lc_trainer_run(lc_trainer *trainer);

lc_trainer_report lc_trainer_describe(const lc_trainer *trainer);

#endif
