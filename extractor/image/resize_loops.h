/*
 * The two inner loops of resize.c, once for every instruction set that somebody wrote them for: the same integers, so
 * the same bytes.
 */
#ifndef LC_EXTRACTOR_IMAGE_RESIZE_LOOPS_H
#define LC_EXTRACTOR_IMAGE_RESIZE_LOOPS_H

#include <stddef.h>
#include <stdint.h>

enum {
    LC_RESIZE_BITS = 32 - 8 - 2, /* of fraction in a weight */
    LC_RESIZE_ROWS = 4,          /* rows that `along` resamples together */
    LC_RESIZE_TAPS = 4,          /* weights of a position are padded with zeros to a multiple of this */
    LC_RESIZE_SLACK = 16,        /* bytes behind an input row of `along` that may be read, whatever they are */
};

/* Where the output positions of one axis take their input from. */
typedef struct {
    size_t *first, *taps; /* (n) input positions first .. first + taps - 1 */
    int32_t *weights;     /* (n, stride), zeros behind the taps; stride a multiple of LC_RESIZE_TAPS */
    size_t n, stride;
} lc_resize_axis;

typedef struct {
    const char *name;
    /*
     * LC_RESIZE_ROWS rows of RGB, in_step bytes apart, that begin with input column `base` -> as many rows of a->n pixels,
     * out_step bytes apart. out_step is at least 3 a->n + 1: the byte behind a row may be written.
     */
    void (*along)(uint8_t *restrict out, size_t out_step, const uint8_t *restrict in, size_t in_step, size_t base,
                  const lc_resize_axis *a);
    /* out[i] for i < n: the sum of weights[k] * in[k * step + i] over k < taps; weights padded as an axis has them. */
    void (*down)(uint8_t *restrict out, const uint8_t *restrict in, size_t step, const int32_t *restrict weights,
                 size_t taps, size_t n);
} lc_resize_loops;

extern const lc_resize_loops lc_resize_generic;
#if defined(__x86_64__)
extern const lc_resize_loops lc_resize_avx2;
#endif

/* The fastest that this CPU can run. */
const lc_resize_loops *lc_resize_loops_get(void);

#endif
