/*
 * Seeded, counter-based random numbers: value i of stream s under seed k is a function of (k, s, i) alone, so any
 * thread may draw any of them in any order. The mixing function is SplitMix64's finaliser (Steele, Lea and Flood,
 * "Fast splittable pseudorandom number generators", OOPSLA 2014), applied twice.
 */
#ifndef LC_COMMON_RNG_H
#define LC_COMMON_RNG_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t key, counter;
} lc_rng;

static inline uint64_t lc_rng_mix(uint64_t z)
{
    z += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* The stream `stream` (a picture, a fold, a layer) under `seed`. */
static inline lc_rng lc_rng_new(uint64_t seed, uint64_t stream)
{
    return (lc_rng){lc_rng_mix(lc_rng_mix(seed) ^ stream), 0};
}

static inline uint64_t lc_rng_u64(lc_rng *r)
{
    return lc_rng_mix(r->key ^ lc_rng_mix(r->counter++));
}

/* Uniform in [0, 1), a multiple of 2^-53. */
static inline double lc_rng_uniform(lc_rng *r)
{
    return (double)(lc_rng_u64(r) >> 11) * 0x1p-53;
}

/* Uniform in 0..n-1, n > 0, without modulo bias (Lemire, "Fast random integer generation in an interval", 2019). */
static inline uint64_t lc_rng_below(lc_rng *r, uint64_t n)
{
    for (;;) {
        unsigned __int128 m = (unsigned __int128)lc_rng_u64(r) * n;
        if ((uint64_t)m >= (0 - n) % n) {
            return (uint64_t)(m >> 64);
        }
    }
}

/* Standard normal by Box and Muller's transform. */
static inline double lc_rng_normal(lc_rng *r)
{
    double u = 1.0 - lc_rng_uniform(r), v = lc_rng_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

/* Shuffles items[0..n) in place (Fisher and Yates). */
static inline void lc_rng_shuffle(lc_rng *r, size_t *items, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)lc_rng_below(r, i);
        size_t t = items[i - 1];
        items[i - 1] = items[j];
        items[j] = t;
    }
}

#endif
