/* Rows of one features file become rows of another: lc_store_copy, lc_store_pack. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/interrupt.h"
#include "common/memory.h"
#include "common/store_structure.h"

enum { BLOCK_BYTES = 8 << 20, BLOCK_ROWS = 4096 };

typedef struct {
    lc_store *store;
    size_t layer;
} layer_source;

/* The file that has a layer of that name and width. */
static lc_status find_source(const lc_store_layer *wanted, lc_store *from, lc_store *beside, layer_source *out)
{
    lc_store *const stores[] = {from, beside};
    for (size_t i = 0; i < 2 && stores[i]; i++) {
        for (size_t l = 0; l < stores[i]->layer_count; l++) {
            const lc_store_layer *layer = &stores[i]->layers[l];
            if (strcmp(layer->name, wanted->name) == 0 && layer->dim == wanted->dim) {
                *out = (layer_source){stores[i], l};
                return LC_OK;
            }
        }
    }
    return LC_STORE_STALE(from, "no layer '%s' with rows of %zu numbers", wanted->name, wanted->dim);
}

/* The files that one row comes from must agree on it. */
static lc_status check_beside(lc_store *from, lc_store *beside, size_t row)
{
    lc_store_row a, b;
    LC_TRY(lc_store_read_row(from, row, &a));
    LC_TRY(lc_store_read_row(beside, row, &b));
    if (a.status != b.status || memcmp(a.sha256, b.sha256, sizeof a.sha256) != 0) {
        return LC_STORE_STALE(beside, "row %zu (%s) is not of the picture that %s has there", row, from->manifest->paths[row],
                              from->path);
    }
    return LC_OK;
}

/* Rows first..first+count-1, all of them ok or failed, in one write. */
static lc_status copy_run(lc_store *to, size_t at, lc_store *from, const layer_source *sources, float **values, size_t first,
                          size_t count)
{
    lc_store_row *rows;
    bool here = to->layout != LC_STORE_VIRTUAL;
    for (size_t l = 0; here && l < to->layer_count; l++) {
        LC_TRY(lc_store_read(sources[l].store, sources[l].layer, first, count, values[l]));
    }
    LC_TRY(lc_alloc_array(&rows, count, sizeof *rows));
    lc_status status = LC_OK;
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        status = lc_store_read_row(from, first + i, &rows[i]);
    }
    if (status == LC_OK) {
        status = lc_store_write(to, at, count, rows, (const float *const *)values);
    }
    free(rows);
    return status;
}

lc_status lc_store_copy(lc_store *to, size_t at, lc_store *from, lc_store *beside, size_t first, size_t count)
{
    layer_source *sources = NULL;
    float **values = NULL;
    size_t row_bytes = 1, block;
    lc_status status = lc_alloc_array(&sources, to->layer_count, sizeof *sources);
    if (status == LC_OK) {
        status = lc_alloc_array(&values, to->layer_count, sizeof *values);
    }
    for (size_t l = 0; status == LC_OK && l < to->layer_count; l++) {
        row_bytes += to->layers[l].dim * sizeof(float);
        status = find_source(&to->layers[l], from, beside, &sources[l]);
    }
    block = BLOCK_BYTES / row_bytes ? BLOCK_BYTES / row_bytes : 1;
    block = block < BLOCK_ROWS ? block : BLOCK_ROWS;
    for (size_t l = 0; status == LC_OK && l < to->layer_count; l++) {
        status = lc_alloc_raw(&values[l], block, to->layers[l].dim * sizeof(float));
    }
    for (size_t i = 0; status == LC_OK && i < count;) {
        size_t n = 0;
        while (i + n < count && n < block && from->status[first + i + n] != LC_ROW_PENDING) {
            n++;
        }
        for (size_t k = 0; beside && status == LC_OK && k < n; k++) {
            status = check_beside(from, beside, first + i + k);
        }
        if (status == LC_OK && n > 0) {
            status = copy_run(to, at + i, from, sources, values, first + i, n);
        }
        i += n > 0 ? n : 1;
        if (status == LC_OK) {
            status = lc_interrupt_check();
        }
    }
    for (size_t l = 0; values && l < to->layer_count; l++) {
        free(values[l]);
    }
    free(values);
    free(sources);
    return status;
}

static lc_status file_size(const char *path, uint64_t *bytes)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return lc_fail_errno("%s", path);
    }
    *bytes = (uint64_t)info.st_size;
    return LC_OK;
}

static lc_status write_packed(lc_store *from)
{
    lc_store_options options;
    lc_store *to;
    lc_store_describe(from, &options);
    options.layout = LC_STORE_PACKED;
    LC_TRY(lc_store_begin(&to, from->path, &options, true));
    lc_status status = lc_store_copy(to, 0, from, NULL, 0, from->manifest->rows);
    if (status != LC_OK) {
        lc_store_free(to);
        return status;
    }
    return lc_store_finish(to);
}

lc_status lc_store_pack(const char *path, uint64_t *before, uint64_t *after)
{
    lc_store *from;
    LC_TRY(file_size(path, before));
    LC_TRY(lc_store_open_locked(&from, path));
    lc_status status = LC_OK;
    if (!from->complete || from->layout == LC_STORE_VIRTUAL) {
        status = lc_fail(LC_ERR_ARG, "%s is %s; only a finished file of its own can be compressed", path,
                         from->complete ? "made of other files" : "unfinished");
    } else if (from->layout != LC_STORE_PACKED) {
        status = write_packed(from);
    }
    lc_store_free(from);
    return status == LC_OK ? file_size(path, after) : status;
}
