/*
 * Architectures: what a state dict leaves out. An architecture is a row of arch_list.inc, a family of them one file
 * arch_<family>.c that builds the graph from the row's numbers.
 *
 * The builder is also what recognises a file: a row fits when every tensor it asks for is there in the shape it wants,
 * and the file holds none that nobody asked for. So a builder names all sizes but the number of classes, and leaves
 * out the head where the file has none.
 *
 * Nodes are named as torchvision's feature extraction names them (get_graph_node_names with leaf_modules=[]), tensors
 * as its state dicts do. What does nothing in inference (dropout, stochastic depth, permutations) is no tap; its name
 * is an alias of the value it would have passed on. Of these only dropout is a node, a hidden one, for training.
 *
 * Builders read like the module they build. Therefore errors are kept, not returned: after the first failure every call
 * does nothing, and `status` and this thread's message say what it was.
 */
#ifndef LC_EXTRACTOR_MODELS_ARCH_H
#define LC_EXTRACTOR_MODELS_ARCH_H

#include "extractor/graph/graph.h"
#include "extractor/models/models.h"
#include "extractor/models/weights.h"

enum { LC_ARCH_NUMBERS = 12, LC_ARCH_NAME = 160 };

typedef struct {
    lc_graph *graph;
    lc_weights *weights;
    lc_status status;
    float epsilon;            /* of normalisation layers; 1e-5 unless the family says otherwise */
    bool biased;              /* convolutions have biases; false unless the family says otherwise */
    size_t input_size;        /* of the row */
    char scope[LC_ARCH_NAME]; /* what stands before the names of nodes and tensors: "layer1.0." */
    size_t scope_length;
    char texts[4][LC_ARCH_NAME]; /* of lc_arch_text */
    unsigned text;
    /* Where a tensor has no such name, perhaps it has the one that older files use; false: there is none. NULL: never. */
    bool (*respell)(char old[2 * LC_ARCH_NAME], const char *name);
    /* Instead of weights (NULL): who is told of every tensor that the row asks for, heads with `classes` rows. */
    void (*list)(void *context, const char *name, size_t rank, const size_t *dims);
    void *context;
    size_t classes;
    /* How well it fits. */
    bool survey;           /* count misfits and go on, instead of failing at the first */
    bool cut;              /* the file may lack tensors: it is of a network that was cut */
    unsigned char *used;   /* by tensor of the file: asked for */
    size_t wanted, fitted; /* tensors asked for; of them, those that fit */
    char misfit[512];      /* of the first that does not */
} lc_arch_builder;

typedef struct {
    const char *name;
    void (*build)(lc_arch_builder *b, const int *numbers);
    lc_model_preprocess preprocess; /* of torchvision's default weights */
    int numbers[LC_ARCH_NUMBERS];   /* what they mean stands above the family's rows */
} lc_arch;

/* What a tensor that is not there points to. */
extern const float lc_arch_nothing;

extern const lc_arch lc_archs[];
extern const size_t lc_arch_count;

#define LC_ARCH(name, family, ...) void lc_arch_##family(lc_arch_builder *b, const int *numbers);
#include "extractor/models/arch_list.inc"
#undef LC_ARCH

/* The row of that name; NULL: none. */
const lc_arch *lc_arch_find(const char *name);

/* The network of a row with all its constants 0, in memory that may be written, for `classes` outputs. */
LC_CHECKED lc_status lc_arch_new(lc_graph **graph, const lc_arch *arch, size_t classes);

/*
 * Builds the network that the weights are of: the only row that fits, or the row called `name` (then tensors it has no
 * use for are passed over). The graph owns the weights from then on; on failure they stay the caller's. LC_ERR_NOTFOUND:
 * no row of that name. LC_ERR_UNSUPPORTED: none fits; the message names the nearest and what does not fit.
 */
LC_CHECKED lc_status lc_arch_open(lc_graph **graph, const lc_arch **arch, lc_weights *weights, const char *name);

/*
 * The same of a file that has the tensors of row `name` up to the taps that `layers` names (lc_network_write): the graph
 * ends there. LC_ERR_FORMAT: it lacks a tensor that they need.
 */
LC_CHECKED lc_status lc_arch_open_cut(lc_graph **graph, const lc_arch **arch, lc_weights *weights, const char *name,
                                      const char *layers);

/* The names and shapes of all tensors that a state dict of this architecture has, in the order of computation. */
LC_CHECKED lc_status lc_arch_tensors(const lc_arch *arch, size_t classes,
                                     void (*list)(void *context, const char *name, size_t rank, const size_t *dims),
                                     void *context);

/* For builders: names ------------------------------------------------------------------------------------------- */

/* What follows is inside module <text>; returns what lc_arch_leave takes. */
size_t lc_arch_enter(lc_arch_builder *b, const char *text, ...) __attribute__((format(printf, 2, 3)));
void lc_arch_leave(lc_arch_builder *b, size_t mark);

/* A name made of numbers; valid until the fourth call from now. */
const char *lc_arch_text(lc_arch_builder *b, const char *text, ...) __attribute__((format(printf, 2, 3)));

/* Does the file have weights for module `name`? What it does not have ends the network before it: a head. */
bool lc_arch_has(const lc_arch_builder *b, const char *name);

/* Rows of its weights in the file: the number of classes of a head. 0 where it has none. */
size_t lc_arch_rows(const lc_arch_builder *b, const char *name);

/* Another name of a value, in the present scope. */
void lc_arch_alias(lc_arch_builder *b, size_t value, const char *text, ...) __attribute__((format(printf, 3, 4)));

size_t lc_arch_channels(const lc_arch_builder *b, size_t value);

/* For builders: layers. Each returns the value it makes; `name` is the module's, in the present scope ------------- */

/* The pictures; grey or coloured as the first convolution wants them. */
size_t lc_arch_input(lc_arch_builder *b, const char *first_convolution);

size_t lc_arch_conv(lc_arch_builder *b, size_t x, const char *name, size_t out, size_t kernel, size_t stride, size_t pad,
                    size_t groups);
/* Kernel height x width, padded to keep the size; stride 1. */
size_t lc_arch_conv_wide(lc_arch_builder *b, size_t x, const char *name, size_t out, size_t height, size_t width);
size_t lc_arch_batchnorm(lc_arch_builder *b, size_t x, const char *name);
size_t lc_arch_linear(lc_arch_builder *b, size_t x, const char *name, size_t out);
/* lc_arch_linear for the classes, where the file has it; else x, which then is the output. */
size_t lc_arch_classes(lc_arch_builder *b, size_t x, const char *name);

size_t lc_arch_op(lc_arch_builder *b, const lc_op *op, size_t x, const char *name);
size_t lc_arch_add(lc_arch_builder *b, size_t x, size_t y, const char *name);
size_t lc_arch_concat(lc_arch_builder *b, const size_t *x, size_t count, const char *name);
size_t lc_arch_maxpool(lc_arch_builder *b, size_t x, const char *name, size_t kernel, size_t stride, size_t pad, bool ceil);
/* Padding counts as zeros, as in PyTorch's default. */
size_t lc_arch_avgpool(lc_arch_builder *b, size_t x, const char *name, size_t kernel, size_t stride, size_t pad);
/* Adaptive average pooling to size x size. */
size_t lc_arch_adaptive(lc_arch_builder *b, size_t x, const char *name, size_t size);
size_t lc_arch_flatten(lc_arch_builder *b, size_t x, const char *name);
/* In training each number of x is 0 with probability `ratio`. */
size_t lc_arch_dropout(lc_arch_builder *b, size_t x, const char *name, double ratio);

/* Over the channels of every pixel. The node is <name>.<function> where that is not NULL. */
size_t lc_arch_layernorm(lc_arch_builder *b, size_t x, const char *name, const char *function);
/* A linear layer for every pixel. */
size_t lc_arch_linear_map(lc_arch_builder *b, size_t x, const char *name, size_t out);
/* Every channel times its number in tensor `tensor`, (C,1,1). */
size_t lc_arch_scale(lc_arch_builder *b, size_t x, const char *tensor, const char *name);
/* Channels first to end - 1. */
size_t lc_arch_slice_channels(lc_arch_builder *b, size_t x, const char *name, size_t first, size_t end);
/* Pixels 0, 2, ... of rows 0, 2, ... */
size_t lc_arch_every_second(lc_arch_builder *b, size_t x, const char *name);
/* `each` channels of zeros before and behind. */
size_t lc_arch_pad_channels(lc_arch_builder *b, size_t x, const char *name, size_t each);
size_t lc_arch_channel_shuffle(lc_arch_builder *b, size_t x, const char *name, size_t groups);

typedef size_t lc_arch_activation(lc_arch_builder *b, size_t x, const char *name);
size_t lc_arch_relu(lc_arch_builder *b, size_t x, const char *name);
size_t lc_arch_relu6(lc_arch_builder *b, size_t x, const char *name);
size_t lc_arch_silu(lc_arch_builder *b, size_t x, const char *name);
size_t lc_arch_sigmoid(lc_arch_builder *b, size_t x, const char *name);
size_t lc_arch_hardswish(lc_arch_builder *b, size_t x, const char *name);
size_t lc_arch_hardsigmoid(lc_arch_builder *b, size_t x, const char *name);

/* torchvision's Conv2dNormActivation: <name>.0 a convolution padded to keep the size, <name>.1 a batch norm, <name>.2
 * the activation (NULL: none). */
size_t lc_arch_conv_norm(lc_arch_builder *b, size_t x, const char *name, size_t out, size_t kernel, size_t stride,
                         size_t groups, lc_arch_activation *activation);

/* torchvision's SqueezeExcitation: x times gate(fc2(activation(fc1(avgpool(x))))). */
size_t lc_arch_squeeze_excite(lc_arch_builder *b, size_t x, const char *name, size_t squeezed,
                              lc_arch_activation *activation, lc_arch_activation *gate);

#endif
