/* Whatever the compiler's baseline has: SSE2 on x86-64 (16 registers of 4 floats), NEON on AArch64. */
#define ISA generic
#define VECTOR 4
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define TILE_SUMS 12
#define EACH_TILE(T) T(1, 1) T(2, 1) T(3, 1) T(4, 1) T(5, 1) T(6, 1) T(1, 2) T(2, 2) T(3, 2) T(4, 2) T(5, 2) T(6, 2)
#include "extractor/kernels/body.inc"
