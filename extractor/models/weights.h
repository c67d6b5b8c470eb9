/*
 * Files of weights: a state dict as named tensors, whatever format it lies in. A format is a row in weights_list.inc.
 *
 *   safetensors   a JSON header and raw tensors
 *   torch_zip     torch.save since 1.6: a zip of a pickle and raw storages
 *   torch_stream  torch.save before that: pickles, then raw storages
 *
 * Names are those of the module's parameters and buffers (`layer1.0.bn1.running_mean`). A prefix that every tensor has
 * because the module was wrapped when it was saved (`module.`, `_orig_mod.`) is removed. A checkpoint's state dict is
 * found below its usual keys (torch_file.c); epochs, optimizers and the like are passed over.
 *
 * Tensors are views into the file's bytes, which are never copied unless they must be: to become float32, contiguous
 * or aligned, or to be inflated.
 */
#ifndef LC_EXTRACTOR_MODELS_WEIGHTS_H
#define LC_EXTRACTOR_MODELS_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/file.h"
#include "common/json.h"
#include "common/tensor.h"

typedef enum {
    LC_DTYPE_F32,
    LC_DTYPE_F64,
    LC_DTYPE_F16,
    LC_DTYPE_BF16,
    LC_DTYPE_I64,
    LC_DTYPE_I32,
    LC_DTYPE_I16,
    LC_DTYPE_I8,
    LC_DTYPE_U8,
    LC_DTYPE_BOOL,
    LC_DTYPES,
} lc_dtype;

/* Bytes of one element. */
size_t lc_dtype_size(lc_dtype dtype);

typedef struct {
    const char *name; /* UTF-8 */
    lc_dtype dtype;
    size_t rank, count; /* count: product of dims[0..rank), 1 for a scalar */
    size_t dims[LC_MAX_RANK];
    size_t strides[LC_MAX_RANK]; /* in elements */
    const unsigned char *data;   /* the first element, of any alignment; every element lies within the file */
} lc_weight;

typedef struct lc_weights lc_weights;

/*
 * Reads what the bytes of `file` say; they must outlive *out, which is the caller's. LC_ERR_FORMAT: damaged;
 * LC_ERR_UNSUPPORTED: a class, opcode or type that a state dict does not need, named.
 */
LC_CHECKED lc_status lc_weights_open(lc_weights **out, const lc_mapping *file);

/* Weights that lie in memory: float32 tensors (tensors[i] is called names[i]) in a block (malloc'ed) that becomes the weights', or is freed
 * when that fails. *out is the caller's. */
LC_CHECKED lc_status lc_weights_make(lc_weights **out, size_t count, const char *const *names, const lc_tensor *tensors, void *block);

/* Hands a mapping made by lc_map_file over: lc_weights_free unmaps it. *file becomes empty. */
void lc_weights_keep(lc_weights *w, lc_mapping *file);

void lc_weights_free(lc_weights *w); /* NULL is fine */

/* Is the file, by its first bytes, one of the formats above? */
bool lc_weights_sniff(const lc_mapping *file);

/* Asking; what is returned belongs to the weights. */
const char *lc_weights_format(const lc_weights *w); /* the name of its row */
size_t lc_weights_count(const lc_weights *w);
const lc_weight *lc_weights_at(const lc_weights *w, size_t i); /* in the order of the file */
bool lc_weights_find(const lc_weights *w, const char *name, size_t *i);

/*
 * The elements of tensor i as contiguous float32, its last dimension fastest: in place where the file has them so, else
 * a converted copy, made once. Integers are converted too. Not for two threads at a time.
 */
LC_CHECKED lc_status lc_weights_f32(lc_weights *w, size_t i, const float **out);

/*
 * Everybody who needed the tensors has what he needs for now (packed filters): memory that the mapping of a kept file
 * takes goes back to the system. Pointers stay valid; what is looked at again comes back from the file.
 */
void lc_weights_unload(const lc_weights *w);

/* Strings beside the tensors (safetensors' __metadata__): by key, NULL if there is none of it; by number. */
const char *lc_weights_metadata(const lc_weights *w, const char *key);
size_t lc_weights_metadata_count(const lc_weights *w);
const char *lc_weights_metadata_at(const lc_weights *w, size_t i, const char **key);

/*
 * Writes float32 tensors (tensors[i] is called names[i]) and `metadata`, an object of strings or NULL, as safetensors;
 * piece by piece, and `path` appears complete or not at all. LC_ERR_ARG: a name that is there twice.
 */
LC_CHECKED lc_status lc_safetensors_write(const char *path, size_t count, const char *const *names,
                                          const lc_tensor *tensors, const lc_json *metadata);

/* For readers of formats -------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    bool (*sniff)(const lc_mapping *file);
    /* Adds the file's tensors to `w`, which the caller frees, also after a failure. */
    lc_status (*read)(lc_weights *w, const lc_mapping *file);
} lc_weights_reader;

#define LC_WEIGHTS_FORMAT(name) extern const lc_weights_reader lc_weights_reader_##name;
#include "extractor/models/weights_list.inc"
#undef LC_WEIGHTS_FORMAT

/*
 * Adds a tensor; its name (name_size bytes) is copied, its count is computed. `available` is how many bytes there are
 * from t->data on: every element must lie in them, and there may be no more elements than fit into them, so that a few
 * bytes cannot grow into gigabytes by strides of 0. Messages do not say the name: the caller puts it before them.
 */
LC_CHECKED lc_status lc_weights_add(lc_weights *w, const char *name, size_t name_size, const lc_weight *t,
                                    size_t available);

/* Adds a string beside the tensors; both are copied. */
LC_CHECKED lc_status lc_weights_add_metadata(lc_weights *w, const char *key, const char *value);

/* A block that tensors point into (malloc'ed) becomes the weights'; when that fails it is freed. */
LC_CHECKED lc_status lc_weights_add_block(lc_weights *w, void *block);

#endif
