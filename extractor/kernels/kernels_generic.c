/* Whatever the compiler's baseline has: SSE2 on x86-64 (16 registers of 4 floats), NEON on AArch64. */
#define ISA generic
#define VECTOR 4
#include "extractor/kernels/body.inc"
