#include "common/shard.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/sha256.h"
#include "common/text.h"

enum { MOST_PARTS = 1000000 };

lc_status lc_shard_parse(const char *text, size_t *part, size_t *parts)
{
    char *end;
    unsigned long long i = strtoull(text, &end, 10), n = 0;
    bool good = text[0] >= '0' && text[0] <= '9' && *end == '/' && end[1] >= '0' && end[1] <= '9';
    if (good) {
        n = strtoull(end + 1, &end, 10);
    }
    if (!good || *end || i < 1 || i > n || n > MOST_PARTS) {
        return lc_fail(LC_ERR_ARG, "--shard wants I/N, part I of N (1/4, 2/4, ...), not '%s'", text);
    }
    *part = (size_t)i;
    *parts = (size_t)n;
    return LC_OK;
}

size_t lc_shard_first(size_t rows, size_t part, size_t parts)
{
    /* rows < 2^31 and parts <= 10^6: the product fits */
    return rows * (part - 1) / parts;
}

lc_status lc_shard_hash(const lc_manifest *m, char **out)
{
    lc_text text;
    uint8_t digest[LC_SHA256_SIZE];
    LC_TRY(lc_text_open(&text));
    for (size_t i = 0; i < m->classes; i++) {
        fputs(m->class_names[i], text.stream);
        fputc('\0', text.stream);
    }
    for (size_t i = 0; i < m->rows; i++) {
        fputs(m->paths[i], text.stream);
        fprintf(text.stream, "%c%d %d%c", '\0', (int)m->labels[i], m->splits[i], '\0');
        if (m->indicator) {
            fwrite(m->indicator + i * m->classes, 1, m->classes, text.stream);
        }
    }
    LC_TRY(lc_text_close(&text));
    lc_status status = lc_sha256(text.text, text.size, digest);
    free(text.text);
    LC_TRY(status);
    LC_TRY(lc_alloc_array(out, LC_SHA256_HEX_SIZE, 1));
    lc_sha256_hex(digest, *out);
    return LC_OK;
}

lc_status lc_shard_take(lc_manifest *m, size_t part, size_t parts)
{
    size_t first = lc_shard_first(m->rows, part, parts), end = lc_shard_first(m->rows, part + 1, parts);
    if (first == end) {
        return lc_fail(LC_ERR_ARG, "part %zu of %zu has no pictures: there are %zu", part, parts, m->rows);
    }
    LC_TRY(lc_shard_hash(m, &m->whole_sha256));
    m->part = part;
    m->parts = parts;
    m->whole_rows = m->rows;
    for (size_t i = 0; i < m->rows; i++) {
        if (i < first || i >= end) {
            free(m->paths[i]);
        }
    }
    m->rows = end - first;
    memmove(m->paths, m->paths + first, m->rows * sizeof *m->paths);
    memmove(m->labels, m->labels + first, m->rows * sizeof *m->labels);
    memmove(m->splits, m->splits + first, m->rows * sizeof *m->splits);
    if (m->indicator) {
        memmove(m->indicator, m->indicator + first * m->classes, m->rows * m->classes);
    }
    return LC_OK;
}
