#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extractor/kernels/kernels.h"

enum { CAPACITY = 8 };

extern const lc_kernels lc_kernels_generic;
#if defined(__x86_64__)
extern const lc_kernels lc_kernels_avx2, lc_kernels_avx512, lc_kernels_avx512bf16;
#endif

size_t lc_kernels_runnable(const lc_kernels *out[], size_t capacity)
{
    size_t n = 0;
    if (n < capacity) {
        out[n++] = &lc_kernels_generic;
    }
#if defined(__x86_64__)
    if (n < capacity && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        out[n++] = &lc_kernels_avx2;
        if (n < capacity && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
            out[n++] = &lc_kernels_avx512;
            if (n < capacity && __builtin_cpu_supports("avx512bf16")) {
                out[n++] = &lc_kernels_avx512bf16;
            }
        }
    }
#endif
    return n;
}

const char *lc_kernels_list(char text[static LC_KERNELS_LIST])
{
    const lc_kernels *runnable[CAPACITY];
    size_t n = lc_kernels_runnable(runnable, CAPACITY), used = 0;
    for (size_t i = 0; i < n && used < LC_KERNELS_LIST; i++) {
        used += (size_t)snprintf(text + used, LC_KERNELS_LIST - used, "%s%s", i ? "|" : "", runnable[i]->name);
    }
    return text;
}

lc_status lc_kernels_get(const lc_kernels **out)
{
    const lc_kernels *runnable[CAPACITY];
    size_t n = lc_kernels_runnable(runnable, CAPACITY);
    const char *wanted = getenv("LC_ISA");
    *out = runnable[n - 1];
    if (!wanted || !*wanted) {
        return LC_OK;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(runnable[i]->name, wanted) == 0) {
            *out = runnable[i];
            return LC_OK;
        }
    }
    char list[LC_KERNELS_LIST];
    return lc_fail(LC_ERR_ARG, "LC_ISA=%s: not one of %s, which this CPU can run", wanted, lc_kernels_list(list));
}
