/*
 * The last layer of a network as it was before its head was replaced: from the features that the head reads to the source's
 * logits, and back. What regularisers know of the source's classes.
 *
 * features v (P positions of D numbers, P = 1 for a vector) -> z_k = mean over positions of a(v_p . w_k + b_k), where a is ReLU
 * (SqueezeNet ends so) or nothing.
 */
#ifndef LC_EXTRACTOR_TRAIN_SOURCE_HEAD_H
#define LC_EXTRACTOR_TRAIN_SOURCE_HEAD_H

#include "extractor/graph/graph.h"

typedef struct {
    size_t classes, width, positions; /* K, D, P */
    bool relu;
    float *weights, *bias;            /* (K, D), (K): copies */
} lc_source_head;

/*
 * Copies node `head` of a graph whose output is `logits`: a linear layer or a convolution of one pixel, with at most a ReLU, the mean
 * over positions and changes of shape behind it. Anything else is LC_ERR_UNSUPPORTED. *out is the caller's.
 */
LC_CHECKED lc_status lc_source_head_take(lc_source_head **out, const lc_graph *graph, size_t head, size_t logits);
void lc_source_head_free(lc_source_head *head);

/*
 * features (n, P, D) -> logits (n, K). inner (n, P, K): what stands before a and the mean, for lc_source_head_back.
 * Needs lc_blas_open.
 */
LC_CHECKED lc_status lc_source_head_forward(const lc_source_head *head, size_t n, const float *features, float *inner, float *logits,
                                            lc_threads *threads);

/* From the gradient by the logits (n, K) to that by the features (n, P, D), which is added. inner is used up. */
LC_CHECKED lc_status lc_source_head_back(const lc_source_head *head, size_t n, float *inner, const float *by_logits, float *by_features,
                                         lc_threads *threads);

#endif
