/* AVX2 and FMA: 16 registers of 8 floats = 6 x 2 accumulators + 2 weights + 1 broadcast. */
#if defined(__x86_64__)
#define ISA avx2
#define VECTOR 8
#define TILE_ROWS 6
#define TILE_VECTORS 2
#include "extractor/kernels/body.inc"
#endif
