/*
 * IEEE 754 binary16, the numbers of a features file written with --dtype f16.
 */
#ifndef LC_COMMON_HALF_H
#define LC_COMMON_HALF_H

#include <stdint.h>
#include <string.h>

/* The largest of them. */
#define LC_HALF_MAX 65504.0f

/* The bits of the nearest one, ties to even (as numpy's astype(float16)); beyond LC_HALF_MAX's last half step: infinity. */
static inline uint16_t lc_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
        return (uint16_t)(sign | 0x7e00u); /* NaN */
    }
    if (magnitude >= 0x477ff000u) { /* 65520: rounds to 2^16 */
        return (uint16_t)(sign | 0x7c00u);
    }
    uint32_t shift = 13, mantissa = magnitude - (112u << 23); /* the exponent's bias becomes 15 */
    if (magnitude < 0x38800000u) {                            /* below 2^-14: multiples of 2^-24 */
        shift = 126 - (magnitude >> 23);
        mantissa = (magnitude & 0x7fffffu) | 0x800000u;
        if (shift > 24) {
            return (uint16_t)sign; /* less than half of the smallest */
        }
    }
    uint32_t half = mantissa >> shift, rest = mantissa & ((1u << shift) - 1), middle = 1u << (shift - 1);
    half += rest > middle || (rest == middle && (half & 1));
    return (uint16_t)(sign | half);
}

#endif
