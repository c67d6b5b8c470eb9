/*
 * An operator is a constant: it sees tensors and its own parameters, and knows nothing of graphs.
 *
 *   parameters   a struct per operator, filled from the importer's attributes by the operator's attribute table
 *   infer        checks the inputs, sets the outputs' shapes and the scratch size; called again for every input size
 *   prepare      packs constant inputs (weights) for the kernels in use; what it makes is `state`
 *   forward      computes; allocates nothing
 *   stage        what the operator would be as the last step of the one before it (an epilogue), or NULL
 *
 * Activations of rank 4 are channels-last, (N,H,W,C), unless the operator says otherwise (LC_OP_PLANAR, LC_OP_EITHER);
 * those of other ranks are in the file's order. dims[0] is the batch where every input's and the output's dims[0] is 1
 * for one picture. Other nodes (attention that has merged heads and pictures, say) see one picture at a time.
 * Constant inputs keep the order of the file they came from, for instance (K,C,kh,kw) for the weights of a convolution;
 * those of LC_OP_BROADCAST are turned to the order of the activations. Adding one: README.md.
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

enum { LC_OP_MAX_INTS = 8, LC_OP_WORD = 24 };

/* A list of integers with its length; what the file does not say has count 0. */
typedef struct {
    size_t count;
    int64_t v[LC_OP_MAX_INTS];
} lc_ints;

/* The same of floats. */
typedef struct {
    size_t count;
    float v[LC_OP_MAX_INTS];
} lc_floats;

typedef enum {
    LC_ATTR_INT,   /* int64_t */
    LC_ATTR_FLOAT, /* float */
    LC_ATTR_INTS,  /* lc_ints */
    LC_ATTR_AXIS,  /* int64_t: a dimension in the file's order, turned into the engine's by the graph */
    LC_ATTR_AXES,  /* lc_ints: several of them; where the file does not say: all, in order */
    LC_ATTR_FLOATS, /* lc_floats */
    LC_ATTR_WORD,  /* char[LC_OP_WORD] */
    LC_ATTR_OPSET, /* int64_t: the file's opset, for operators whose meaning changed */
} lc_attr_kind;

/* One parameter, by the name ONNX gives it; the importer fills the params struct from this table. */
typedef struct {
    const char *name;
    lc_attr_kind kind;
    size_t offset;   /* of the field in the params struct */
    int input;       /* read it from this constant input where the node has it (newer ONNX); 0: attribute only */
    double fallback; /* of numbers, when the file does not say */
} lc_attr;

/* How products are computed; extractor.h says it to users. */
typedef enum {
    LC_FLOAT32, /* with Winograd where it is faster */
    LC_EXACT,   /* sums of products as they stand */
    LC_BF16,    /* LC_FLOAT32, but factors rounded to bfloat16 in linear layers and convolutions of one pixel */
} lc_arithmetic;

/* A function of every number x behind an epilogue: f(x), or where gate x f(x). */
typedef struct {
    bool there, gate;
    lc_function function;
    float a, b; /* its numbers, see lc_function */
} lc_activation;

/* Which rows of its inputs a row of an output map needs: row y those from y * stride - top on, `extent` of them, as far as they
 * are there. The same of every input that is an activation. */
typedef struct {
    size_t stride, extent, top;
} lc_rows;

/* Rows of an output map. */
typedef struct {
    size_t first, count;
} lc_band;

typedef struct lc_op_call {
    const void *params;
    const void *state;          /* from prepare; NULL in infer and prepare */
    size_t inputs;
    const lc_tensor *const *in; /* a missing optional input is NULL; in infer, data of activations is NULL */
    lc_tensor *out;             /* one output */
    bool maps;                  /* inputs of rank 4 are channels-last (else in the file's order): for LC_OP_EITHER */
    bool whole;                 /* infer sets: dims[0] is no row of independent pictures; run picture by picture */
    size_t scratch;             /* infer sets: floats that forward needs, per element of input 0's dims[0]; */
    size_t scratch_most;        /* and how many a thread can use for any number of them (0: no such bound) */
    float *scratch_data;
    size_t scratch_size;        /* floats there: what infer asked for, or more where threads share the work */
    const lc_band *band;        /* forward: only these rows of one picture (see lc_op.rows); NULL: all. Activations, out and residual
                                 * then begin at the first row that is read or made; shapes are those of whole maps */
    size_t out_stride;          /* floats from one row of the output's last dimension to the next; for LC_OP_STRIDED */
    lc_arithmetic arithmetic;   /* for prepare */
    lc_epilogue epilogue;       /* of what was folded into this node; identity otherwise */
    lc_activation activation;   /* and what comes behind that; for LC_OP_ACTIVATION */
    const lc_kernels *kernels;
    lc_threads *threads;
} lc_op_call;

/*
 * Training. `backward` is the chain rule: from the gradient of the loss by the output it makes those by the inputs,
 * constant ones (weights, in the file's order) among them. Where a forward pass in training is another one (batch
 * normalisation takes the batch's statistics, dropout drops), `train` is that pass. Both allocate nothing, split work by
 * output and sum in a fixed order: threads do not change bytes. Constants that changed are packed again by `prepare`,
 * called with the state that it made before.
 *
 * `train` of batch normalisation finishes by residual, low and high of c->epilogue, which may be a ReLU or an addition behind
 * it; its `backward`, called with the same epilogue, goes back through them: it then reads the output where there are both a
 * residual and a clamp (else the mask is made again from the input), and dresidual takes the residual's gradient. din[0] may
 * lie where dout lies for LC_OP_INPLACE operators and views whose input 0 has as many elements as the output.
 */
typedef struct {
    float *saved;          /* what `train` leaves for `backward`; train_size says how much */
    bool again;            /* for train: of a step whose `train` has run before; saved and running statistics stand, the output is made */
    bool batch_statistics; /* batch normalisation: the batch's, and the running ones follow; else the running ones */
    float momentum;        /* how far they follow, 0..1; PyTorch's is 0.1 */
    uint64_t seed;         /* of this node in this step; for dropout */
    const float *dout;     /* for backward, laid out as c->out, dense */
    float *const *din;     /* (inputs) for backward, laid out as c->in[i]; NULL: not wanted */
    const bool *add;       /* (inputs) for backward: add to what stands in din[i] */
    float *dresidual;      /* for backward of batch normalisation: the gradient by c->epilogue's residual; NULL: not wanted */
    bool add_residual;
} lc_op_train;

enum {
    LC_KEEP_INPUT = 1,  /* backward reads activations among the inputs */
    LC_KEEP_OUTPUT = 2, /* backward reads the output */
};

enum {
    LC_OP_INPLACE = 1,  /* the output may lie where input 0 lies, if it has as many elements */
    LC_OP_VIEW = 2,     /* forward does nothing: the output is input 0 under another shape */
    LC_OP_PLANAR = 4,   /* wants maps as (N,C,H,W): the order of elements matters to it */
    LC_OP_EPILOGUE = 8, /* forward honours c->epilogue */
    LC_OP_WEIGHTED = 16, /* a layer with learned weights: what "penultimate" counts from the end */
    LC_OP_LEARNED = 32,  /* constant inputs 1 and 2 are learned parameters */
    LC_OP_COMMUTES = 64, /* inputs 0 and 1 may be exchanged */
    LC_OP_EITHER = 128,  /* takes maps in either order, all inputs in the same, and makes its output in it */
    LC_OP_STRIDED = 512,   /* forward honours c->out_stride: the output may be columns of a wider map */
    LC_OP_BESIDE = 1024,   /* puts its inputs side by side; leaves those alone that lie in their place already */
    LC_OP_ACTIVATION = 2048, /* forward honours c->activation */
    LC_OP_INTO_RESIDUAL = 4096, /* the output may lie where the residual lies: no number is read there once it is written */
    LC_OP_BROADCAST = 256, /* constants are aligned with the activations' dimensions and turned to their order */
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
    bool (*rows)(const lc_op_call *c, lc_rows *rows); /* false or NULL: forward takes no c->band */
    /* Adds this node's work to `e`, the epilogue of the node that makes its input 0; false when `e` already holds a later
     * stage or this node is not of that kind. *addend: the input that is e's residual, or -1. */
    bool (*stage)(const lc_op_call *c, lc_epilogue *e, int *addend);
    lc_activation (*activation)(const lc_op_call *c); /* what it is behind the node before it; NULL: no function of each number */
    uint64_t (*macs)(const lc_op_call *c); /* multiply-adds per picture; NULL: none */
    unsigned keep;                         /* LC_KEEP_..., see lc_op_train */
    /* Floats of `saved`, and of scratch that train and backward use, for the batch and threads of c. NULL: none of either. */
    void (*train_size)(const lc_op_call *c, size_t *saved, size_t *scratch);
    lc_status (*train)(const lc_op_call *c, const lc_op_train *t);    /* NULL: forward */
    lc_status (*backward)(const lc_op_call *c, const lc_op_train *t); /* NULL: no gradient passes */
} lc_op;

#define LC_OP(name) extern const lc_op lc_op_##name;
#include "extractor/ops/op_list.inc"
#undef LC_OP

extern const lc_op *const lc_ops[]; /* all of them; ends with NULL */

/* Sets parameters to what the attribute table falls back to. */
void lc_params_default(const lc_op *op, void *params);

/* Turns the parameters that name dimensions of an input of rank `rank` from the file's order into that of channels-last
 * maps, or (maps false) only counts negative ones from the end and fills absent lists. */
void lc_params_turn(const lc_op *op, void *params, size_t rank, bool maps);

/* Does lc_op_cast with these parameters make integers or truth values? */
bool lc_cast_is_whole(const void *params);

/* By ONNX op_type; NULL when there is none. */
const lc_op *lc_op_by_onnx(const char *op_type);

/* The epilogue that changes nothing. */
lc_epilogue lc_epilogue_none(void);

/* row(context, i) for i in 0..rows-1, each once, as lc_parallel_for, but several rows at a time where one is little work:
 * `work` is how many elements (or multiply-adds / 16) a row takes. */
LC_CHECKED lc_status lc_op_rows(lc_threads *threads, size_t rows, size_t work, lc_item_fn row, void *context);

/* The rows of an input of `height` rows that a band of the output reads. */
lc_band lc_rows_read(const lc_rows *rows, const lc_band *band, size_t height);

/* LC_ERR_SHAPE unless there are at least `inputs` inputs, input 0 having rank `rank` (0: any). */
LC_CHECKED lc_status lc_op_expect(const lc_op_call *c, size_t inputs, size_t rank);

#endif
