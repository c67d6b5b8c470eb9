/* Whatever the compiler makes of plain C. */
#include "extractor/image/resize_loops.h"

enum { BLOCK = 48 }; /* bytes whose sums are formed together, so that they vectorise whatever the number of taps */

static uint8_t clip(int32_t sum)
{
    int32_t v = sum >> LC_RESIZE_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void along(uint8_t *restrict out, size_t out_step, const uint8_t *restrict in, size_t in_step, size_t base,
                  const lc_resize_axis *a)
{
    for (size_t r = 0; r < LC_RESIZE_ROWS; r++, in += in_step, out += out_step) {
        for (size_t x = 0; x < a->n; x++) {
            const uint8_t *p = in + (a->first[x] - base) * 3;
            const int32_t *w = a->weights + x * a->stride;
            int32_t red = 1 << (LC_RESIZE_BITS - 1), green = red, blue = red;
            for (size_t k = 0; k < a->taps[x]; k++) {
                red += p[k * 3] * w[k];
                green += p[k * 3 + 1] * w[k];
                blue += p[k * 3 + 2] * w[k];
            }
            out[x * 3] = clip(red);
            out[x * 3 + 1] = clip(green);
            out[x * 3 + 2] = clip(blue);
        }
    }
}

static void down(uint8_t *restrict out, const uint8_t *restrict in, size_t step, const int32_t *restrict weights,
                 size_t taps, size_t n)
{
    int32_t sums[BLOCK];
    for (size_t begin = 0; begin < n; begin += BLOCK) {
        size_t block = n - begin < BLOCK ? n - begin : BLOCK;
        for (size_t i = 0; i < block; i++) {
            sums[i] = 1 << (LC_RESIZE_BITS - 1);
        }
        for (size_t k = 0; k < taps; k++) {
            for (size_t i = 0; i < block; i++) {
                sums[i] += in[k * step + begin + i] * weights[k];
            }
        }
        for (size_t i = 0; i < block; i++) {
            out[begin + i] = clip(sums[i]);
        }
    }
}

const lc_resize_loops lc_resize_generic = {"generic", along, down};

const lc_resize_loops *lc_resize_loops_get(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        return &lc_resize_avx2;
    }
#endif
    return &lc_resize_generic;
}
