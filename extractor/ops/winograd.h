/*
 * 3x3 convolutions of stride 1 with a quarter of the multiplications: Winograd's F(4x4, 3x3), see kernels/winograd.inc.
 *
 * Whether a layer is computed this way is a question of its shapes alone, never of the batch or the threads, so that
 * it does not change results from run to run. The error is about twice that of a direct sum.
 */
#ifndef LC_EXTRACTOR_OPS_WINOGRAD_H
#define LC_EXTRACTOR_OPS_WINOGRAD_H

#include "extractor/ops/gemm.h"
#include "extractor/ops/window.h"

typedef struct {
    lc_gemm position[36]; /* (C, K) each: G g G^T at (y, x) = position[y * 6 + x] */
    float *memory;        /* theirs */
} lc_winograd;

/* Is a convolution with this window, of in_c to out_c channels in one group, faster so? */
bool lc_winograd_fits(const lc_window *w, size_t in_c, size_t out_c);

/* Floats of scratch per picture, and the most that any number of pictures needs. */
void lc_winograd_scratch(const lc_window *w, size_t in_c, size_t out_c, size_t *floats, size_t *most);

/* Memory for the transformed weights of in_c to out_c channels; their contents come with lc_winograd_fill. */
LC_CHECKED lc_status lc_winograd_new(lc_winograd **out, size_t in_c, size_t out_c);
void lc_winograd_free(lc_winograd *winograd);

/* The same in the caller's memory, of so many floats (false: too many). */
bool lc_winograd_floats(size_t in_c, size_t out_c, size_t *floats);
void lc_winograd_place(lc_winograd *winograd, size_t in_c, size_t out_c, float *memory);

/* weights (K,C,3,3); turned: (C,K,3,3), each kernel turned by half a turn, which makes the gradient by the input of the
 * convolution with those weights. */
LC_CHECKED lc_status lc_winograd_fill(lc_winograd *winograd, const lc_kernels *kernels, lc_threads *threads, const float *weights,
                                      bool turned);

/* x (N,H,W,C) -> y (N,H',W',K), finished by `e`; zeros: a pixel of zeros. c: for tensors, scratch, kernels, threads. */
LC_CHECKED lc_status lc_winograd_run(const lc_winograd *winograd, const lc_op_call *c, const lc_window *w, const float *zeros,
                                     const lc_epilogue *e);

#endif
