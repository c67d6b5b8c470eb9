/*
 * Seconds of a clock that only goes forward, for reports of how long a step took.
 */
#ifndef LC_CLASSIFIER_CLOCK_H
#define LC_CLASSIFIER_CLOCK_H

#include <time.h>

static inline double lc_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#endif
