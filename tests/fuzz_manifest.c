/* The reader of list files, as commas and as tabs; what it accepts must be whole. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int i = 0; i < 2; i++) {
        lc_manifest *m;
        char *path;
        if (lc_manifest_parse_list(&m, (const char *)data, size, ",\t"[i], "root", "list") != LC_OK) {
            assert(!m);
            continue;
        }
        assert(m->rows > 0);
        for (size_t row = 0; row < m->rows; row++) {
            assert(m->paths[row][0] && m->splits[row] < LC_SPLIT_COUNT);
            assert(m->labels[row] >= -1 && m->labels[row] < (int32_t)m->classes);
            if (lc_manifest_path(m, row, &path) == LC_OK) {
                free(path);
            }
        }
        lc_manifest_free(m);
    }
    return 0;
}
