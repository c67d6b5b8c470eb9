/*
 * 3x3 convolutions of stride 1 with a quarter of the multiplications, or four ninths: Winograd's F(4x4, 3x3) and
 * F(2x2, 3x3), see kernels/winograd.inc.
 *
 * How a layer is computed is a question of its shapes alone, never of the batch or the threads, so that results do not
 * change from run to run. The error is about twice that of a direct sum.
 */
#ifndef LC_EXTRACTOR_OPS_WINOGRAD_H
#define LC_EXTRACTOR_OPS_WINOGRAD_H

#include "extractor/ops/gemm.h"
#include "extractor/ops/window.h"

enum { LC_WINOGRAD_POSITIONS = 36 };

typedef struct {
    size_t tile;          /* outputs of a tile are tile x tile */
    lc_gemm position[LC_WINOGRAD_POSITIONS]; /* (C, K) each: G g G^T at (y, x) = position[y * (tile + 2) + x] */
    float *memory;        /* theirs */
} lc_winograd;

/* The tile by which a convolution with this window, of in_c to out_c channels in one group, is fastest: 4, 2, or 0: a direct
 * sum is. */
size_t lc_winograd_tile(const lc_window *w, size_t in_c, size_t out_c);

/* Floats of scratch per picture, and the most that any number of pictures needs. */
void lc_winograd_scratch(const lc_window *w, size_t tile, size_t in_c, size_t out_c, size_t *floats, size_t *most);

/* Memory for the transformed weights of in_c to out_c channels; their contents come with lc_winograd_fill. */
LC_CHECKED lc_status lc_winograd_new(lc_winograd **out, size_t tile, size_t in_c, size_t out_c);
void lc_winograd_free(lc_winograd *winograd);

/* The same in the caller's memory, of so many floats (false: too many). */
bool lc_winograd_floats(size_t tile, size_t in_c, size_t out_c, size_t *floats);
void lc_winograd_place(lc_winograd *winograd, size_t tile, size_t in_c, size_t out_c, float *memory);

/* weights (K,C,3,3); turned: (C,K,3,3), each kernel turned by half a turn, which makes the gradient by the input of the
 * convolution with those weights. */
LC_CHECKED lc_status lc_winograd_fill(lc_winograd *winograd, const lc_kernels *kernels, lc_threads *threads, const float *weights,
                                      bool turned);

/* x (N,H,W,C) -> y (N,H',W',K), finished by `e`; zeros: a pixel of zeros. c: for tensors, scratch, kernels, threads. */
LC_CHECKED lc_status lc_winograd_run(const lc_winograd *winograd, const lc_op_call *c, const lc_window *w, const float *zeros,
                                     const lc_epilogue *e);

/* The gradient by the weights: x (N,H,W,C), dout (N,H',W',K) -> dw (K,C,3,3); `add`: to what stands there. */
LC_CHECKED lc_status lc_winograd_dweights(const lc_kernels *kernels, lc_threads *threads, const lc_window *w, size_t batch,
                                          size_t in_c, size_t out_c, const float *x, const float *dout, float *dw, bool add,
                                          float *scratch);
size_t lc_winograd_dweights_scratch(const lc_kernels *kernels, const lc_window *w, size_t batch, size_t in_c, size_t out_c);

/* lc_winograd_tile in training, where results may depend on the batch: large tiles pay where there are enough of them. */
size_t lc_winograd_training_tile(const lc_window *w, size_t batch, size_t in_c, size_t out_c);

#endif
