/* AVX-512 F, VL, BW, DQ: 32 registers of 16 floats = 12 x 2 accumulators + 2 weights + 1 broadcast. */
#if defined(__x86_64__)
#include <immintrin.h>

#define ISA avx512
#define VECTOR 16
#define TILE_ROWS 12
#define TILE_VECTORS 2
#define VECTOR_MAX(a, b) _mm512_max_ps(a, b)
#define VECTOR_MIN(a, b) _mm512_min_ps(a, b)
#define FIRST(n) ((__mmask16)(0xffffu >> (16 - (n))))
#define VECTOR_LOAD_PART(p, n) _mm512_maskz_loadu_ps(FIRST(n), p)
#define VECTOR_STORE_PART(p, v, n) _mm512_mask_storeu_ps(p, FIRST(n), v)
#include "extractor/kernels/body.inc"
#endif
