/* AVX-512 F, VL, BW, DQ: 32 registers of 16 floats = 12 x 2 accumulators + 2 weights + 1 broadcast. */
#if defined(__x86_64__)
#define ISA avx512
#define VECTOR 16
#define TILE_ROWS 12
#define TILE_VECTORS 2
#include "extractor/kernels/body.inc"
#endif
