/*
 * Regularisers against forgetting: what is added to the loss so that a fine-tuned network stays near what it was. One file
 * (regularizer_x.c, with derivation and reference) and one row of regularizer_list.inc each.
 *
 *   lc_regularizers *r;
 *   lc_regularizers_new(&r, "l2sp:0.1,bss", &setup);      NULL or "" give none
 *   lc_regularizers_watched(r, &count)                    values whose gradients they add to: the tape must watch them
 *   lc_regularizers_begin(r);                             the weights are those that training begins with
 *   lc_regularizers_on_values(r, tape, batch, &penalty);    between the forward and the backward pass of a step
 *   lc_regularizers_on_weights(r, &penalty);                behind it
 *   lc_regularizers_free(r);
 *
 * A penalty is a mean over the pictures of a batch, as the loss is, or a function of the weights alone; each file says which.
 */
#ifndef LC_EXTRACTOR_TRAIN_REGULARIZER_H
#define LC_EXTRACTOR_TRAIN_REGULARIZER_H

#include "extractor/train/source_head.h"
#include "extractor/train/train.h"

typedef struct lc_regularizer_setup {
    const lc_graph *graph;          /* with its new head */
    size_t features;                /* value that the head reads */
    size_t logits;
    const lc_parameter *parameters; /* (parameter_count) data is what training begins with */
    size_t parameter_count;
    const lc_source_head *head;     /* of the network before; NULL: it had none that can be kept */
    const lc_loader_options *loader; /* of the training pictures */
    const lc_loader_options *source; /* of pictures that the network was trained on before; NULL: not at hand */
    bool checkpointing;             /* see lc_tape_options */
    const lc_kernels *kernels;
    lc_threads *threads;
} lc_regularizer_setup;

/* Values of a step. [0] the features, behind it the maps, where somebody wants them. */
typedef struct {
    size_t n, values;
    const int32_t *labels;    /* (n) */
    const float *targets;     /* (n, classes) of mixed pictures, or NULL */
    size_t classes;
    const lc_tensor *now;     /* (values) (n,...) of the network as it is */
    const lc_tensor *before;  /* (values) of the network as it began, for the same input; NULL: nobody wants it */
    float *const *gradient;   /* (values) by `now`, to be added to; NULL where nothing below is trained */
    lc_threads *threads;
} lc_regularizer_values;

enum {
    LC_WANTS_FEATURES = 1, /* acts on the features */
    LC_WANTS_MAPS = 2,     /* and on the last map of every resolution */
    LC_WANTS_BEFORE = 4,   /* compares with the network as it began */
    LC_WANTS_HEAD = 8,     /* uses the source's head */
    LC_WANTS_START = 16,   /* makes sense only where training does not begin anew */
    LC_WANTS_SOURCE = 32,  /* looks at source pictures, where they are at hand */
};

typedef struct {
    const char *name, *summary;
    double strength; /* where none is given: its paper's */
    unsigned wants;
    size_t state_size;

    /* All may be NULL. state: state_size bytes, zero before begin. */
    lc_status (*begin)(void *state, const lc_regularizer_setup *setup, const size_t *watched, size_t watched_count);
    lc_status (*on_values)(void *state, double strength, const lc_regularizer_setup *setup, const lc_regularizer_values *v, double *penalty);
    /* Parameter `i` of the setup, which is trained, alone; called by several threads at once. */
    double (*on_weights)(void *state, double strength, const lc_regularizer_setup *setup, size_t i);
    void (*end)(void *state);
} lc_regularizer;

#define LC_REGULARIZER(name) extern const lc_regularizer lc_regularizer_##name;
#include "extractor/train/regularizer_list.inc"
#undef LC_REGULARIZER

extern const lc_regularizer *const lc_regularizer_table[]; /* ends with NULL */

typedef struct lc_regularizers lc_regularizers;

/*
 * text: NAME[:strength], several parted by commas. *out is the caller's; NULL when there is none. The setup's struct is copied, what it
 * points to must outlive it. LC_ERR_NOTFOUND lists the names; LC_ERR_UNSUPPORTED says what the network lacks. LC_ERR_ARG: source pictures
 * that none of them looks at.
 */
LC_CHECKED lc_status lc_regularizers_new(lc_regularizers **out, const char *text, const lc_regularizer_setup *setup);
void lc_regularizers_free(lc_regularizers *r);

/* Only whether the text is one, of a network that is `pretrained`. */
LC_CHECKED lc_status lc_regularizers_check(const char *text, bool pretrained);

/* The functions below do nothing for NULL. */
const size_t *lc_regularizers_watched(const lc_regularizers *r, size_t *count);

/* Looks at the training pictures, where somebody wants to; keeps what is needed of the starting weights. */
LC_CHECKED lc_status lc_regularizers_begin(lc_regularizers *r);

/* *penalty is added to. */
LC_CHECKED lc_status lc_regularizers_on_values(lc_regularizers *r, lc_tape *tape, const lc_batch *batch, double *penalty);
LC_CHECKED lc_status lc_regularizers_on_weights(lc_regularizers *r, double *penalty);

/* For regularisers ------------------------------------------------------------------------------------------------ */

/*
 * One pass over `pictures` as they are (no augmentation, at most `most` of them, in an order drawn by the seed) through the network as
 * it is, batch norms frozen: fn may set gradients and run the tape back.
 */
typedef lc_status (*lc_probe_fn)(void *context, lc_tape *tape, const lc_batch *batch);
LC_CHECKED lc_status lc_probe(const lc_regularizer_setup *setup, const lc_loader_options *pictures, const size_t *watched,
                              size_t watched_count, size_t batch, size_t most, lc_probe_fn fn, void *context);

/* (parameter_count) copies of the trained parameters as they are, NULL for the others. *out is the caller's. */
LC_CHECKED lc_status lc_starting_weights(float ***out, const lc_regularizer_setup *setup);
void lc_starting_weights_free(float **weights, size_t count);

/* strength / 2 |w - start|^2 of one parameter (start NULL: 0), its gradient added. */
double lc_pull(const lc_parameter *p, const float *start, double strength);

/* Softmax of z / temperature, (n, classes) in place. */
void lc_softmax(size_t n, size_t classes, double temperature, float *z);

#endif
