/*
 * An operator is a constant: it sees tensors and its own parameters, and knows nothing of graphs.
 *
 *   parameters   a struct per operator, filled from the importer's attributes by the operator's attribute table
 *   infer        checks the inputs, sets the outputs' shapes and the scratch size; called again for every input size
 *   prepare      packs constant inputs (weights) for the kernels in use; what it makes is `state`
 *   forward      computes; allocates nothing
 *   stage        what the operator would be as the last step of the one before it (an epilogue), or NULL
 *
 * Activations of rank 4 are channels-last, (N,H,W,C); dims[0] is the batch. Constant inputs keep the order of the file
 * they came from, for instance (K,C,kh,kw) for the weights of a convolution. Adding one: README.md.
 */
#ifndef LC_EXTRACTOR_OPS_OP_H
#define LC_EXTRACTOR_OPS_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/tensor.h"
#include "common/threads.h"
#include "extractor/kernels/kernels.h"

enum { LC_OP_MAX_INTS = 8 };

/* A list of integers with its length; what the file does not say has count 0. */
typedef struct {
    size_t count;
    int64_t v[LC_OP_MAX_INTS];
} lc_ints;

typedef enum {
    LC_ATTR_INT,   /* int64_t */
    LC_ATTR_FLOAT, /* float */
    LC_ATTR_INTS,  /* lc_ints */
    LC_ATTR_AXIS,  /* int64_t: a dimension in the file's order, turned into the engine's by the graph */
    LC_ATTR_WORD,  /* char[16] */
} lc_attr_kind;

/* One parameter, by the name ONNX gives it; the importer fills the params struct from this table. */
typedef struct {
    const char *name;
    lc_attr_kind kind;
    size_t offset;   /* of the field in the params struct */
    int input;       /* read it from this constant input where the node has it (newer ONNX); 0: attribute only */
    double fallback; /* of numbers, when the file does not say */
} lc_attr;

typedef struct lc_op_call {
    const void *params;
    const void *state;          /* from prepare; NULL in infer and prepare */
    size_t inputs;
    const lc_tensor *const *in; /* a missing optional input is NULL; in infer, data of activations is NULL; in[0]
                                 * is one, never a constant */
    lc_tensor *out;             /* one output */
    size_t scratch;             /* infer sets: floats that forward needs per picture */
    float *scratch_data;
    lc_epilogue epilogue;       /* of what was folded into this node; identity otherwise */
    const lc_kernels *kernels;
    lc_threads *threads;
} lc_op_call;

enum {
    LC_OP_INPLACE = 1,  /* the output may lie where input 0 lies */
    LC_OP_VIEW = 2,     /* forward does nothing: the output is input 0 under another shape */
    LC_OP_PLANAR = 4,   /* wants maps as (N,C,H,W): the order of elements matters to it */
    LC_OP_EPILOGUE = 8, /* forward honours c->epilogue */
    LC_OP_WEIGHTED = 16, /* a layer with learned weights: what "penultimate" counts from the end */
    LC_OP_LEARNED = 32,  /* constant inputs 1 and 2 are learned parameters */
    LC_OP_COMMUTES = 64, /* inputs 0 and 1 may be exchanged */
};

typedef struct {
    const char *name; /* in graphs, tables and selectors (@conv) */
    const char *onnx; /* ONNX op_type, or NULL */
    const lc_attr *attributes; /* ends with a NULL name */
    size_t params_size;
    unsigned flags;
    lc_status (*infer)(lc_op_call *c);
    lc_status (*prepare)(const lc_op_call *c, void **state); /* NULL: nothing to prepare */
    void (*release)(void *state);
    lc_status (*forward)(const lc_op_call *c); /* NULL for views */
    /* Adds this node's work to `e`, the epilogue of the node that makes its input 0; false when `e` already holds a later
     * stage or this node is not of that kind. *addend: the input that is e's residual, or -1. */
    bool (*stage)(const lc_op_call *c, lc_epilogue *e, int *addend);
    uint64_t (*macs)(const lc_op_call *c); /* multiply-adds per picture; NULL: none */
} lc_op;

#define LC_OP(name) extern const lc_op lc_op_##name;
#include "extractor/ops/op_list.inc"
#undef LC_OP

extern const lc_op *const lc_ops[]; /* all of them; ends with NULL */

/* By ONNX op_type; NULL when there is none. */
const lc_op *lc_op_by_onnx(const char *op_type);

/* The epilogue that changes nothing, and whether e is it. */
lc_epilogue lc_epilogue_none(void);
bool lc_epilogue_is_none(const lc_epilogue *e);

/* LC_ERR_SHAPE unless there are at least `inputs` inputs, input 0 having rank `rank` (0: any). */
LC_CHECKED lc_status lc_op_expect(const lc_op_call *c, size_t inputs, size_t rank);

#endif
