/*
 * What this process has used.
 */
#ifndef LC_COMMON_USAGE_H
#define LC_COMMON_USAGE_H

#include <stdint.h>

/* Bytes of memory that it held at most (VmHWM: ru_maxrss would count its parent's as well). 0: the system does not say. */
uint64_t lc_peak_memory(void);

#endif
