/* AVX2 and FMA: 16 registers of 8 floats. */
#if defined(__x86_64__)
#include <immintrin.h>

#define ISA avx2
#define VECTOR 8
#define VECTOR_MAX(a, b) _mm256_max_ps(a, b)
#define VECTOR_MIN(a, b) _mm256_min_ps(a, b)
/* Lane i is set when i < n. */
#define FIRST(n) _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define VECTOR_LOAD_PART(p, n) _mm256_maskload_ps(p, FIRST(n))
#define VECTOR_STORE_PART(p, v, n) _mm256_maskstore_ps(p, FIRST(n), v)
#include "extractor/kernels/body.inc"
#endif
