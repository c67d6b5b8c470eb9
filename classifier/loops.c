#include "classifier/loops.h"

#include <stdlib.h>
#include <string.h>

extern const lc_loops lc_loops_generic;
#if defined(__x86_64__)
extern const lc_loops lc_loops_avx2, lc_loops_avx512;
#endif

const lc_loops *lc_loops_get(void)
{
    const lc_loops *tables[3] = {&lc_loops_generic};
    size_t count = 1;
    const char *wanted = getenv("LC_ISA");
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        tables[count++] = &lc_loops_avx2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
            tables[count++] = &lc_loops_avx512;
        }
    }
#endif
    for (size_t i = 0; wanted && i < count; i++) {
        if (strcmp(tables[i]->name, wanted) == 0) {
            return tables[i];
        }
    }
    return tables[count - 1];
}
