/*
 * Regularisers against forgetting: what is added to the loss so that a network that learns pictures anew keeps what it
 * knew. Each is a row of regularizer_list.inc and a file regularizer_<name>.c with its derivation and reference.
 *
 *   begin      once, when the weights are still those that training starts from: copies what it needs, computes what it is
 *              told by (the Fisher information, outputs of the starting network)
 *   outputs    every step between the forward and the backward pass: adds to the gradients of watched values and of the logits
 *   weights    every step behind the backward pass: adds to the gradients of weights
 *   end        frees
 *
 * `outputs` and `weights` add strength times the gradient of the penalty and return strength times the penalty. Sums have a fixed order:
 * threads change nothing.
 */
#ifndef LC_EXTRACTOR_TRAIN_REGULARIZER_H
#define LC_EXTRACTOR_TRAIN_REGULARIZER_H

#include "extractor/train/train.h"

enum {
    LC_WATCH_PENULTIMATE = 1, /* the input of the head */
    LC_WATCH_BLOCKS = 2,      /* what each block of the trained part makes (@block), deepest last */
    LC_WATCH_SOURCE = 4,      /* the starting network, with its own head */
};

/* What there is when training begins; everything outlives the regulariser. */
typedef struct {
    double strength;
    const lc_parameter *parameters; /* (parameter_count); those of the new head are `head`, all those learned by gradient `trained` */
    size_t parameter_count;
    const lc_graph *graph;          /* that is trained */
    const size_t *watched;          /* (watched_count) value numbers in it */
    size_t watched_count;
    const lc_graph *source;         /* of LC_WATCH_SOURCE: with weights that stay as they were; the values have the same numbers */
    size_t source_output;           /* value: its logits */
    size_t classes, batch;
    lc_loader *loader;              /* the training pictures, for a pass over them in begin */
    const lc_kernels *kernels;
    lc_threads *threads;
} lc_regularizer_start;

/* One step. */
typedef struct {
    const lc_batch *batch;
    const lc_tensor *watched;         /* (watched_count) activations, (n,...) */
    float *const *watched_gradient;   /* (watched_count) to add to; NULL: the value depends on nothing trained */
    const float *logits;              /* (n, classes) */
    float *logits_gradient;           /* (n, classes) to add to */
    const lc_parameter *parameters;   /* their `gradient` to add to, in `weights` */
} lc_regularizer_step;

typedef struct lc_regularizer {
    const char *name, *summary;
    double strength;  /* default, from the paper */
    unsigned watches; /* LC_WATCH_... */
    /* *state is the regulariser's, for end. */
    lc_status (*begin)(void **state, const lc_regularizer_start *start);
    lc_status (*outputs)(void *state, const lc_regularizer_step *step, double *penalty); /* NULL: nothing */
    lc_status (*weights)(void *state, const lc_regularizer_step *step, double *penalty); /* NULL: nothing */
    void (*end)(void *state);
} lc_regularizer;

#define LC_REGULARIZER(name) extern const lc_regularizer lc_regularizer_##name;
#include "extractor/train/regularizer_list.inc"
#undef LC_REGULARIZER

extern const lc_regularizer *const lc_regularizers[]; /* ends with NULL */

/* "name" or "name:strength"; LC_ERR_NOTFOUND lists those there are. */
LC_CHECKED lc_status lc_regularizer_parse(const char *text, const lc_regularizer **out, double *strength);

#endif
