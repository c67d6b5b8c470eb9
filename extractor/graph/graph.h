/*
 * A network as a graph, and its life:
 *
 *   lc_graph   values and nodes in the order of computation, with shapes for one picture. Built by extractor/models.
 *   lc_taps    the names under which values can be asked for
 *   lc_plan    what has to run for some chosen taps: the steps up to the last of them, batch norms, additions and ReLUs
 *              folded into the layers before them (never across a tap), weights packed, memory laid out. Read-only
 *              afterwards: several threads run one plan.
 *   lc_exec    memory for running a plan, with a lane for each thread
 *
 * Folding never changes a value: what is folded runs the same code it would run on its own. So the bytes of a tap do
 * not depend on which other taps were asked for.
 */
#ifndef LC_EXTRACTOR_GRAPH_GRAPH_H
#define LC_EXTRACTOR_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "extractor/ops/op.h"

/* Graph ---------------------------------------------------------------------------------------------------------- */

#define LC_NO_VALUE ((size_t)-1)

/*
 * Layout. A value of rank 4 exists in one order or both: channels-last, (N,H,W,C), and planar, the file's (N,C,H,W) or
 * whatever its four dimensions mean. lc_graph_node hands every operator the order it wants (op.h) by putting hidden
 * nodes in between; the two are twins. Values of other ranks are in the file's order.
 *
 * Batch. Shapes are those of one picture; a run of n pictures holds n such blocks behind each other. Where dims[0] of
 * all that a node reads and makes is 1, it runs once with dims[0] = n; else (`single`) once per picture.
 */
typedef struct {
    char *name;
    lc_tensor t;  /* of one picture; data is NULL for activations */
    size_t node;  /* that makes it; LC_NO_VALUE for inputs and for constants */
    size_t twin;  /* the same activation in the other order; LC_NO_VALUE: nobody wanted it */
    bool planar;  /* of rank 4, in the file's order */
} lc_value;

typedef struct {
    const lc_op *op;
    void *params;
    char *name;        /* as the file calls it, may be "" */
    size_t inputs, *in; /* value numbers; LC_NO_VALUE: a missing optional input */
    size_t out;
    size_t scratch;    /* floats per picture (of one that is `single`: of the picture in work) */
    size_t scratch_most; /* what a thread can use for any number of pictures; 0: no such bound */
    bool hidden;       /* put in by the graph itself: no tap */
    bool maps, single; /* rank 4 is channels-last here; runs picture by picture */
} lc_node;

/* Another name of a value: of layers that do nothing in inference, or as other frameworks call it. */
typedef struct {
    char *name;
    size_t value;
} lc_alias;

typedef struct lc_graph {
    lc_value *values;
    size_t value_count, value_capacity;
    lc_node *nodes;
    size_t node_count, node_capacity;
    lc_alias *aliases;
    size_t alias_count, alias_capacity;
    size_t input;      /* value number */
    size_t output;     /* what the network calls its result */
    float **turned;    /* constants in another order of elements, by LC_OP_BROADCAST */
    size_t turned_count, turned_capacity;
    void *owned;       /* memory that constants point into, released with the graph */
    void (*release)(void *owned);
} lc_graph;

/* An empty graph. Takes over `owned`, released by release(owned) with the graph - also when this call fails. */
LC_CHECKED lc_status lc_graph_new(lc_graph **out, void *owned, void (*release)(void *owned));
void lc_graph_free(lc_graph *graph);

/* The pictures: (1,height,width,channels). Exactly one in a network. */
LC_CHECKED lc_status lc_graph_input(lc_graph *graph, const char *name, size_t channels, size_t height, size_t width, size_t *value);

/* The pictures as a file of channels-last order, (N,H,W,C), knows them: a rank-4 value of the file's order. */
LC_CHECKED lc_status lc_graph_input_as_file(lc_graph *graph, size_t *value);

/* An input of any shape in the file's order; graph->input is the first input of either kind. For single operators. */
LC_CHECKED lc_status lc_graph_plain_input(lc_graph *graph, const char *name, size_t rank, const size_t *dims, size_t *value);

/* A constant in the file's order of dimensions; data stays where it is. */
LC_CHECKED lc_status lc_graph_constant(lc_graph *graph, const char *name, size_t rank, const size_t *dims, const float *data, size_t *value);

/* A node: params (op->params_size bytes) is copied, LC_ATTR_AXIS fields are turned into the engine's order, shapes are inferred. */
LC_CHECKED lc_status lc_graph_node(lc_graph *graph, const lc_op *op, const char *name, const void *params, const size_t *in,
                                   size_t inputs, const char *out_name, size_t *out);

/* Gives a value another name. */
LC_CHECKED lc_status lc_graph_alias(lc_graph *graph, size_t value, const char *name);

/* Another input size: every shape anew. On failure the graph must be given a size that fits before it is used. */
LC_CHECKED lc_status lc_graph_resize(lc_graph *graph, size_t height, size_t width);

/* Every shape anew, after constants were given other shapes. On failure they must be given shapes that fit. */
LC_CHECKED lc_status lc_graph_reshape(lc_graph *graph);

/* needed (node_count) says of every node whether one of the values depends on it. */
void lc_graph_needed(const lc_graph *graph, const size_t *values, size_t count, bool *needed);

/* Takes out what the values do not need. They keep their numbers, and the first becomes the output. */
LC_CHECKED lc_status lc_graph_keep(lc_graph *graph, const size_t *values, size_t count);

/* Shape of an activation in the file's order, for one picture. */
lc_tensor lc_graph_file_shape(const lc_graph *graph, size_t value);

/* The order of an activation that users see: maps channels-last, all else as in the file. */
size_t lc_graph_shown(const lc_graph *graph, size_t value);

/* Fills a call with node i's parameters and inputs for shape questions (no activations' data). `in` has room for its inputs. */
lc_op_call lc_graph_call(const lc_graph *graph, size_t node, const lc_tensor **in, lc_tensor *out);

/* Taps ----------------------------------------------------------------------------------------------------------- */

enum { LC_TAP_ALIASES = 12 };

typedef struct {
    size_t value, node;
    char *name;                    /* what a PyTorch user would call it where the file allows, else the file's own name */
    char *aliases[LC_TAP_ALIASES]; /* file's node and value names, lc_graph_alias, blocks it ends, "penultimate", "logits" */
    size_t alias_count;
    size_t block;                  /* index + 1 of the alias that is the innermost block it ends; 0: none */
    uint64_t parameters, macs;     /* of everything it needs */
} lc_tap_entry;

typedef struct {
    lc_tap_entry *taps;
    size_t count;
} lc_taps;

LC_CHECKED lc_status lc_taps_new(lc_taps *out, const lc_graph *graph);
void lc_taps_free(lc_taps *taps);

/* The tap that answers to `name` exactly: a name first, then an alias. LC_NO_VALUE: none. */
size_t lc_taps_find(const lc_taps *taps, const char *name);

/* One chosen tap, under the name it was asked for (globs, kinds and numbers: its own). */
typedef struct {
    size_t tap;
    char *name;
} lc_choice;

/* See lc_network_select in extractor.h. *choices is the caller's, lc_choices_free. */
LC_CHECKED lc_status lc_taps_select(const lc_taps *taps, const lc_graph *graph, const char *selector, lc_choice **choices, size_t *count);
void lc_choices_free(lc_choice *choices, size_t count);

/* Plan and execution --------------------------------------------------------------------------------------------- */

typedef struct lc_plan lc_plan;
typedef struct lc_exec lc_exec;

/* values: the taps (value numbers); batch: the most pictures of one run; threads share the packing of
 * weights. The graph must outlive the plan.
 * LC_BF16 on kernels that have no such products is LC_ERR_UNSUPPORTED. */
LC_CHECKED lc_status lc_plan_new(lc_plan **out, const lc_graph *graph, const size_t *values, size_t count, size_t batch, lc_arithmetic arithmetic,
                                 const lc_kernels *kernels, lc_threads *threads);
void lc_plan_free(lc_plan *plan);

/* The node whose operator step i runs; *value: what it makes, the value of the last node folded into it. */
size_t lc_plan_step(const lc_plan *plan, size_t i, size_t *value);

/* Steps that run, and bytes of the memory of an exec with `lanes` lanes. */
size_t lc_plan_steps(const lc_plan *plan);
size_t lc_plan_bytes(const lc_plan *plan, size_t lanes);

/* lanes: threads that share a run, at least 1. */
LC_CHECKED lc_status lc_exec_new(lc_exec **out, const lc_plan *plan, size_t lanes);
void lc_exec_free(lc_exec *exec);

/* Where the caller writes pictures before a run: (batch,height,width,channels). A run may overwrite it. */
float *lc_exec_input(lc_exec *exec);

/* The same for any input, by value number; NULL when the plan does not need it. */
float *lc_exec_input_of(lc_exec *exec, size_t value);

/* Runs n pictures, 1 <= n <= batch. Allocates nothing. Threads take pictures of their own as far as lanes and pictures
 * go; with fewer pictures than threads, and in the layers whose weights outweigh their maps, they share each layer, or the rows of
 * a chain of layers. */
LC_CHECKED lc_status lc_exec_run(lc_exec *exec, size_t n, lc_threads *threads);

/* Every later run writes how long each of its steps took to seconds (lc_plan_steps), the caller's, which must outlive those
 * runs; 0 stays where a step has nothing to do. NULL: no profile, as at first. */
void lc_exec_profile(lc_exec *exec, double *seconds);

/* Tap i of the plan after a run: (n,H,W,C) or (n,...); where dims[0] of one picture is not 1, (n,D). Valid until the next run. */
lc_tensor lc_exec_tap(const lc_exec *exec, size_t i);

#endif
