/*
 * Two products at a time: vpmaddwd multiplies 16-bit numbers and adds neighbouring products in 32 bits. A weight w of 24
 * bits is taken apart, w = 2^11 high + low with 0 <= low < 2^11, and its halves are summed on their own:
 * sum w x = 2^11 sum high x + sum low x, exactly, since 32-bit sums are exact modulo 2^32.
 */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "extractor/image/resize_loops.h"

enum { LOW_BITS = 11, LOW_MASK = (1 << LOW_BITS) - 1, CHUNK = 32 };

static inline __m256i join(__m256i low, __m256i high)
{
    return _mm256_add_epi32(low, _mm256_slli_epi32(high, LOW_BITS));
}

static inline __m256i round_off(__m256i sum)
{
    return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << (LC_RESIZE_BITS - 1))), LC_RESIZE_BITS);
}

/* The sum of a's two lanes, above it that of b's. */
static inline __m256i add_lanes(__m256i a, __m256i b)
{
    return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}

static inline void store_pixel(uint8_t *out, int four)
{
    memcpy(out, &four, sizeof four);
}

/* Taps 0 and 1 of four are summed in the lower lane, 2 and 3 in the upper; a lane holds red, green, blue and nothing. */
static void along(uint8_t *restrict out, size_t out_step, const uint8_t *restrict in, size_t in_step, size_t base,
                  const lc_resize_axis *a)
{
    const __m256i pairs = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, /* pixels 0 and 1 */
                                           6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
    const __m256i first_half = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1),
                  second_half = _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3);
    for (size_t x = 0; x < a->n; x++, out += 3) {
        const uint8_t *p = in + (a->first[x] - base) * 3;
        const int32_t *w = a->weights + x * a->stride;
        __m256i low[LC_RESIZE_ROWS], high[LC_RESIZE_ROWS];
        for (size_t r = 0; r < LC_RESIZE_ROWS; r++) {
            low[r] = high[r] = _mm256_setzero_si256();
        }
        for (size_t k = 0; k < a->taps[x]; k += LC_RESIZE_TAPS) {
            __m128i four = _mm_loadu_si128((const __m128i *)(w + k));
            __m128i halves = _mm_packs_epi32(_mm_and_si128(four, _mm_set1_epi32(LOW_MASK)), _mm_srai_epi32(four, LOW_BITS));
            __m256i w_low = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(halves), first_half);
            __m256i w_high = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(halves), second_half);
            for (size_t r = 0; r < LC_RESIZE_ROWS; r++) {
                __m128i pixels = _mm_loadu_si128((const __m128i *)(p + r * in_step + k * 3));
                __m256i v = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(pixels), pairs);
                low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(v, w_low));
                high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(v, w_high));
            }
        }
        __m256i ab = round_off(add_lanes(join(low[0], high[0]), join(low[1], high[1])));
        __m256i cd = round_off(add_lanes(join(low[2], high[2]), join(low[3], high[3])));
        __m256i words = _mm256_packs_epi32(ab, cd), bytes = _mm256_packus_epi16(words, words);
        __m128i ac = _mm256_castsi256_si128(bytes), bd = _mm256_extracti128_si256(bytes, 1);
        store_pixel(out, _mm_extract_epi32(ac, 0));
        store_pixel(out + out_step, _mm_extract_epi32(bd, 0));
        store_pixel(out + 2 * out_step, _mm_extract_epi32(ac, 1));
        store_pixel(out + 3 * out_step, _mm_extract_epi32(bd, 1));
    }
}

static inline void down_chunk(uint8_t *restrict out, const uint8_t *restrict in, size_t step,
                              const int32_t *restrict weights, size_t taps)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i low[4] = {zero, zero, zero, zero}, high[4] = {zero, zero, zero, zero};
    for (size_t k = 0; k < taps; k += 2) {
        const uint8_t *row = in + k * step, *next = k + 1 < taps ? row + step : row; /* of weight 0 */
        uint32_t w0 = (uint32_t)weights[k], w1 = (uint32_t)weights[k + 1];
        __m256i w_low = _mm256_set1_epi32((int)((w0 & LOW_MASK) | (w1 & LOW_MASK) << 16));
        __m256i w_high =
            _mm256_set1_epi32((int)((uint16_t)(weights[k] >> LOW_BITS) | (uint32_t)(weights[k + 1] >> LOW_BITS) << 16));
        __m256i r0 = _mm256_loadu_si256((const __m256i *)row), r1 = _mm256_loadu_si256((const __m256i *)next);
        __m256i both[2] = {_mm256_unpacklo_epi8(r0, r1), _mm256_unpackhi_epi8(r0, r1)};
        for (size_t i = 0; i < 4; i++) {
            __m256i v = i % 2 ? _mm256_unpackhi_epi8(both[i / 2], zero) : _mm256_unpacklo_epi8(both[i / 2], zero);
            low[i] = _mm256_add_epi32(low[i], _mm256_madd_epi16(v, w_low));
            high[i] = _mm256_add_epi32(high[i], _mm256_madd_epi16(v, w_high));
        }
    }
    __m256i words0 = _mm256_packs_epi32(round_off(join(low[0], high[0])), round_off(join(low[1], high[1])));
    __m256i words1 = _mm256_packs_epi32(round_off(join(low[2], high[2])), round_off(join(low[3], high[3])));
    _mm256_storeu_si256((__m256i *)out, _mm256_packus_epi16(words0, words1));
}

static void down(uint8_t *restrict out, const uint8_t *restrict in, size_t step, const int32_t *restrict weights,
                 size_t taps, size_t n)
{
    if (n < CHUNK) {
        lc_resize_generic.down(out, in, step, weights, taps, n);
        return;
    }
    for (size_t i = 0; i + CHUNK < n; i += CHUNK) {
        down_chunk(out + i, in + i, step, weights, taps);
    }
    down_chunk(out + n - CHUNK, in + n - CHUNK, step, weights, taps); /* some bytes a second time */
}

const lc_resize_loops lc_resize_avx2 = {"avx2", along, down};
#endif
