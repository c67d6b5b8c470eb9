/* AVX2 and FMA: 16 registers of 8 floats = 6 x 2 accumulators + 2 weights + 1 broadcast. */
#if defined(__x86_64__)
#include <immintrin.h>

#define ISA avx2
#define VECTOR 8
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define TILE_SUMS 12
#define EACH_TILE(T) T(1, 1) T(2, 1) T(3, 1) T(4, 1) T(5, 1) T(6, 1) T(1, 2) T(2, 2) T(3, 2) T(4, 2) T(5, 2) T(6, 2)
#define VECTOR_MAX(a, b) _mm256_max_ps(a, b)
#define VECTOR_MIN(a, b) _mm256_min_ps(a, b)
/* Lane i is set when i < n. */
#define FIRST(n) _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define VECTOR_LOAD_PART(p, n) _mm256_maskload_ps(p, FIRST(n))
#define VECTOR_STORE_PART(p, v, n) _mm256_maskstore_ps(p, FIRST(n), v)
#include "extractor/kernels/body.inc"
#endif
