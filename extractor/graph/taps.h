/*
 * Inside of naming: what taps.c asks of blocks.c and costs.c.
 */
#ifndef LC_EXTRACTOR_GRAPH_TAPS_H
#define LC_EXTRACTOR_GRAPH_TAPS_H

#include "extractor/graph/graph.h"
#include "extractor/graph/names.h"

/*
 * The modules that are blocks, as prefixes of the taps' names: those in which values meet ("layer1.0" of "layer1.0.add"),
 * and those built of the same parts at the same depth, whose shortcut is missing (an inverted residual with a stride).
 * Within a block only numbered ones: layers of a dense block, not the parts of an attention.
 */
LC_CHECKED lc_status lc_taps_blocks(const lc_taps *taps, const lc_graph *graph, lc_names *blocks);

/* Does the node add or concatenate several activations? */
bool lc_node_joins(const lc_graph *graph, const lc_node *node);

/* Parameters and multiply-adds of everything each tap needs. */
LC_CHECKED lc_status lc_taps_costs(lc_taps *taps, const lc_graph *graph);

#endif
