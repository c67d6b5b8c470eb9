#include "extractor/ops/gemm.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

/* Columns of the panel that begins at column j, and the same in whole vectors. */
static size_t panel_columns(const lc_kernels *kernels, size_t n, size_t j)
{
    size_t most = kernels->tile_vectors * kernels->vector;
    return n - j < most ? n - j : most;
}

static size_t whole_vectors(const lc_kernels *kernels, size_t columns)
{
    return (columns + kernels->vector - 1) / kernels->vector * kernels->vector;
}

void lc_gemm_pack_into(lc_gemm *m, const lc_kernels *kernels, size_t k, size_t n, const lc_gemm_source *source, float *memory)
{
    float *p = memory;
    *m = (lc_gemm){k, n, memory};
    for (size_t j = 0; j < n; j += kernels->tile_vectors * kernels->vector) {
        size_t columns = panel_columns(kernels, n, j), width = whole_vectors(kernels, columns);
        for (size_t i = 0; i < k; i++, p += width) {
            const float *from = source->data + (i / source->channels) * source->tap + (i % source->channels) * source->channel;
            for (size_t q = 0; q < columns; q++) {
                p[q] = from[(j + q) * source->column];
            }
            memset(p + columns, 0, (width - columns) * sizeof *p);
        }
    }
}

lc_status lc_gemm_pack(lc_gemm *m, const lc_kernels *kernels, size_t k, size_t n, const lc_gemm_source *source)
{
    size_t floats;
    float *memory;
    *m = (lc_gemm){.k = k, .n = n};
    if (!lc_mul(k, whole_vectors(kernels, n), &floats)) {
        return lc_fail(LC_ERR_NOMEM, "a matrix of %zu x %zu is too large", k, n);
    }
    LC_TRY(lc_alloc_array(&memory, floats, sizeof(float)));
    lc_gemm_pack_into(m, kernels, k, n, source, memory);
    return LC_OK;
}

void lc_gemm_free(lc_gemm *m)
{
    free(m->packed);
    m->packed = NULL;
}

void lc_gemm_run(const lc_gemm *m, const lc_kernels *kernels, size_t rows, size_t segments, const float *const *a, float *c,
                 size_t ldc, const lc_epilogue *e, size_t row, size_t column)
{
    const float *panel = m->packed;
    for (size_t j = 0; j < m->n; j += kernels->tile_vectors * kernels->vector) {
        size_t columns = panel_columns(kernels, m->n, j);
        lc_epilogue at = lc_epilogue_at(e, row, column + j);
        kernels->gemm_tile(rows, columns, segments, m->k / segments, a, panel, c + j, ldc, &at);
        panel += m->k * whole_vectors(kernels, columns);
    }
}

lc_epilogue lc_epilogue_at(const lc_epilogue *e, size_t row, size_t column)
{
    lc_epilogue at = *e;
    at.bias = e->bias ? e->bias + column : NULL;
    at.scale = e->scale ? e->scale + column : NULL;
    at.shift = e->shift ? e->shift + column : NULL;
    at.residual = e->residual ? e->residual + row * e->residual_stride + column : NULL;
    return at;
}

lc_status lc_pad_columns(float **out, const float *values, size_t n)
{
    LC_TRY(lc_alloc_array(out, n + LC_COLUMN_PADDING, sizeof(float)));
    memcpy(*out, values, n * sizeof(float));
    return LC_OK;
}
