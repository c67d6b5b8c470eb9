/*
 * Convolution and pooling over sequences, (N,C,L), as those over maps of height 1, (N,C,1,L): what the engine knows.
 */
#ifndef LC_EXTRACTOR_MODELS_ONNX_LINE_H
#define LC_EXTRACTOR_MODELS_ONNX_LINE_H

#include "extractor/graph/graph.h"

/* Is the operator one of maps, and value `x` a sequence? */
bool lc_line_is(const lc_graph *graph, const lc_op *op, size_t x);

/* Like lc_graph_node for such an operator: its tap is a map of height 1, *out the sequence. */
LC_CHECKED lc_status lc_line_node(lc_graph *graph, const lc_op *op, const char *name, const void *params, const size_t *in,
                                  size_t inputs, const char *out_name, size_t *out);

/* The map that *out of lc_line_node was made of; other values as they are. */
size_t lc_line_map(const lc_graph *graph, size_t value);

#endif
