/* AVX-512, see avx512.inc. */
#if defined(__x86_64__)
#define ISA avx512
#include "extractor/kernels/avx512.inc"
#endif
