/*
 * The tape: one training step through a graph, forward and back (reverse-mode differentiation: Baydin et al.,
 * arXiv:1502.05767, section 3.2).
 *
 *   lc_tape *tape;
 *   lc_tape_new(&tape, &options);                    which constants are trained, up to which value
 *   lc_tape_boundary(tape, i), lc_tape_input(tape, i)     what the caller computes or loads, and where he writes it
 *   lc_tape_forward(tape, n, seed);
 *   lc_tape_value(tape, logits), lc_tape_gradient(tape, logits)    the loss reads one and writes the other
 *   lc_tape_backward(tape);
 *   lc_tape_weight_gradient(tape, i)                 of trained constant i
 *   lc_tape_prepare(tape);                           after the weights have changed
 *   lc_tape_free(tape);
 *
 * Only nodes that depend on a trained constant are on the tape. What they read from below is a boundary value, which an
 * ordinary plan computes, folded and without keeping anything. Activations, what operators save for themselves, and
 * gradients share one arena by lifetime; an activation lives until the last backward pass that reads it (op.h, LC_KEEP_...), or,
 * where memory is short, is made a second time for that (tape_segments.c).
 * Gradients of a value with several readers are summed in the order of the readers, last first.
 */
#ifndef LC_EXTRACTOR_TRAIN_TAPE_H
#define LC_EXTRACTOR_TRAIN_TAPE_H

#include "extractor/graph/graph.h"

typedef struct {
    const lc_graph *graph;  /* outlives the tape and keeps its shapes */
    size_t output;          /* the value that the loss is of: the logits */
    const size_t *trained;  /* (trained_count) constants, by value number */
    size_t trained_count;
    const size_t *watched;  /* (watched_count) further values that are looked at behind the forward pass, and whose
                               gradients the caller may add to */
    size_t watched_count;
    size_t batch;           /* pictures of a step, at most */
    bool batch_statistics;  /* of batch normalisation, whose running statistics then follow; else the running ones */
    float momentum;         /* how far they follow */
    bool checkpointing;     /* keep few activations and compute the others again in the backward pass: the same bytes, with less memory,
                               in more time */
    bool dropout;           /* nodes of that name drop; else they pass on what they read, as in inference */
    const lc_kernels *kernels;
    lc_threads *threads;    /* NULL: this thread */
} lc_tape_options;

typedef struct lc_tape lc_tape;

/* LC_ERR_UNSUPPORTED names a node that no gradient passes; LC_ERR_ARG where `output` depends on no trained constant. */
LC_CHECKED lc_status lc_tape_new(lc_tape **out, const lc_tape_options *options);
void lc_tape_free(lc_tape *tape);

/* Values that are computed below the tape: value numbers; and where the caller writes them, n pictures behind each other. */
size_t lc_tape_boundaries(const lc_tape *tape);
size_t lc_tape_boundary(const lc_tape *tape, size_t i);
float *lc_tape_input(lc_tape *tape, size_t i);

/* Packs the constants that are trained; lc_tape_new has done it once. */
LC_CHECKED lc_status lc_tape_prepare(lc_tape *tape);

/* Runs n pictures, 1 <= n <= batch. The boundary values are used up. seed: of this step, for dropout. Allocates nothing. */
LC_CHECKED lc_status lc_tape_forward(lc_tape *tape, size_t n, uint64_t seed);

/* The output or a watched value, (n,...), until the next forward pass. */
lc_tensor lc_tape_value(const lc_tape *tape, size_t value);

/* The gradient of the loss by it, laid out alike: all of the output's is written, a watched value's (zero before) is added
 * to, between forward and backward. NULL: a watched value that depends on nothing trained. */
float *lc_tape_gradient(lc_tape *tape, size_t value);

/* From the gradient of the output to those of the trained constants. */
LC_CHECKED lc_status lc_tape_backward(lc_tape *tape);

/* Of trained constant i, in the file's order. */
float *lc_tape_weight_gradient(lc_tape *tape, size_t i);

/* Bytes of the arena, and of the gradients of weights. */
size_t lc_tape_bytes(const lc_tape *tape);

#endif
