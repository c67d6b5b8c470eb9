/* AVX-512 with dot products of bfloat16 pairs (AVX512_BF16): all else as in kernels_avx512.c. */
#if defined(__x86_64__)
#define ISA avx512bf16
#define PAIRS
#include "extractor/kernels/avx512.inc"
#endif
