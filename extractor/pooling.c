#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/network.h"

lc_status lc_pooling_parse(const char *text, lc_pooling *out)
{
    static const struct {
        const char *name;
        lc_pool_kind kind;
    } words[] = {{"avg", LC_POOL_AVG}, {"max", LC_POOL_MAX}, {"avgmax", LC_POOL_AVGMAX}, {"flat", LC_POOL_FLAT}};
    *out = (lc_pooling){0};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i].name) == 0) {
            out->kind = words[i].kind;
            return LC_OK;
        }
    }
    if (strncmp(text, "grid:", 5) == 0 && isdigit((unsigned char)text[5])) {
        char *end;
        unsigned long k = strtoul(text + 5, &end, 10);
        if (!*end && k >= 1 && k <= 1024) {
            *out = (lc_pooling){LC_POOL_GRID, k};
            return LC_OK;
        }
    }
    return lc_fail(LC_ERR_ARG, "pooling '%s' is not one of avg, max, avgmax, grid:K (K from 1 to 1024), flat", text);
}

static bool is_vector(const size_t shape[3])
{
    return shape[1] * shape[2] == 1;
}

lc_status lc_pooling_dim(const lc_pooling *p, const size_t shape[3], size_t *dim)
{
    size_t per_channel = 1;
    if (!is_vector(shape)) {
        switch (p->kind) {
        case LC_POOL_AVG:
        case LC_POOL_MAX:
            break;
        case LC_POOL_AVGMAX:
            per_channel = 2;
            break;
        case LC_POOL_GRID:
            per_channel = p->grid * p->grid;
            break;
        case LC_POOL_FLAT:
            per_channel = shape[1] * shape[2];
            break;
        }
    }
    return lc_mul(shape[0], per_channel, dim) ? LC_OK : lc_fail(LC_ERR_SHAPE, "a row would be too long");
}

static void transpose(const size_t shape[3], const float *map, float *row)
{
    size_t area = shape[1] * shape[2];
    for (size_t c = 0; c < shape[0]; c++) {
        for (size_t p = 0; p < area; p++) {
            row[c * area + p] = map[p * shape[0] + c];
        }
    }
}

static void maxima(const size_t shape[3], const float *map, float *row)
{
    memcpy(row, map, shape[0] * sizeof *row);
    for (size_t p = 1; p < shape[1] * shape[2]; p++) {
        map += shape[0];
        for (size_t c = 0; c < shape[0]; c++) {
            row[c] = map[c] > row[c] ? map[c] : row[c];
        }
    }
}

/* Region i of n over a length: from floor(i length / n) to ceil((i + 1) length / n). */
static void region(size_t i, size_t n, size_t length, size_t *begin, size_t *end)
{
    *begin = i * length / n;
    *end = ((i + 1) * length + n - 1) / n;
}

static void grid(size_t k, const size_t shape[3], const float *map, float *sum, float *row)
{
    size_t channels = shape[0], y0, y1, x0, x1;
    for (size_t gy = 0; gy < k; gy++) {
        region(gy, k, shape[1], &y0, &y1);
        for (size_t gx = 0; gx < k; gx++) {
            region(gx, k, shape[2], &x0, &x1);
            memset(sum, 0, channels * sizeof *sum);
            for (size_t y = y0; y < y1; y++) {
                for (size_t x = x0; x < x1; x++) {
                    const float *p = map + (y * shape[2] + x) * channels;
                    for (size_t c = 0; c < channels; c++) {
                        sum[c] += p[c];
                    }
                }
            }
            float count = (float)((y1 - y0) * (x1 - x0));
            for (size_t c = 0; c < channels; c++) {
                row[(c * k + gy) * k + gx] = sum[c] / count;
            }
        }
    }
}

void lc_pooling_apply(const lc_pooling *p, const lc_kernels *kernels, const size_t shape[3], const float *map, float *scratch, float *row)
{
    if (is_vector(shape)) {
        memcpy(row, map, shape[0] * sizeof *row);
        return;
    }
    switch (p->kind) {
    case LC_POOL_AVG:
    case LC_POOL_AVGMAX:
        kernels->mean(shape[1], shape[2], shape[0], shape[0], map, scratch, row);
        if (p->kind == LC_POOL_AVGMAX) {
            maxima(shape, map, row + shape[0]);
        }
        break;
    case LC_POOL_MAX:
        maxima(shape, map, row);
        break;
    case LC_POOL_GRID:
        grid(p->grid, shape, map, scratch, row);
        break;
    case LC_POOL_FLAT:
        transpose(shape, map, row);
        break;
    }
}
