/*
 * safetensors (https://github.com/huggingface/safetensors, README "Format"):
 *
 *   8 bytes   N, little-endian: size of the header
 *   N bytes   JSON: {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, .., "__metadata__": {"k": "v"}}
 *   the rest  the tensors, row-major; offsets count from here
 *
 * As the format demands, the tensors cover the rest without gaps and without overlap.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/json.h"
#include "common/memory.h"
#include "common/text.h"
#include "extractor/models/weights.h"

enum { HEADER_MOST = 100000000 }; /* the format's own limit */

typedef struct {
    size_t begin, end;
} span;

static const char *const dtype_names[LC_DTYPES] = {
    [LC_DTYPE_F32] = "F32", [LC_DTYPE_F64] = "F64", [LC_DTYPE_F16] = "F16", [LC_DTYPE_BF16] = "BF16",
    [LC_DTYPE_I64] = "I64", [LC_DTYPE_I32] = "I32", [LC_DTYPE_I16] = "I16", [LC_DTYPE_I8] = "I8",
    [LC_DTYPE_U8] = "U8",   [LC_DTYPE_BOOL] = "BOOL",
};

static bool sniff(const lc_mapping *file)
{
    lc_bytes b = {file->data, file->size, 0, false};
    return lc_bytes_u64(&b) <= HEADER_MOST && file->size > 8 && file->data[8] == '{';
}

/* The i-th number of an array as a size; false unless it is a whole one below 2^53. */
static bool size_at(const lc_json *array, size_t i, size_t *out)
{
    double v = lc_json_number_at(array, i, -1);
    if (!(v >= 0 && v < 0x1p53)) {
        return false;
    }
    *out = (size_t)v;
    return (double)*out == v;
}

/* `data`, `size`: what all tensors lie in; *at: where in it this one does. */
static lc_status read_tensor(lc_weights *w, const char *name, const lc_json *entry, const unsigned char *data, size_t size,
                             span *at)
{
    const char *type = lc_json_string(entry, "dtype");
    const lc_json *shape = lc_json_get(entry, "shape"), *offsets = lc_json_get(entry, "data_offsets");
    lc_weight t = {.rank = lc_json_size(shape)};
    if (!type || !lc_json_is_array(shape) || lc_json_size(offsets) != 2 || !size_at(offsets, 0, &at->begin) ||
        !size_at(offsets, 1, &at->end)) {
        return lc_fail(LC_ERR_FORMAT, "lacks its dtype, shape or data_offsets");
    }
    while (t.dtype < LC_DTYPES && strcmp(dtype_names[t.dtype], type) != 0) {
        t.dtype++;
    }
    if (t.dtype == LC_DTYPES || t.rank > LC_MAX_RANK) {
        return lc_fail(LC_ERR_UNSUPPORTED, "of type %s and %zu dimensions", lc_text_show(type, strlen(type)), t.rank);
    }
    size_t bytes = lc_dtype_size(t.dtype), count = 1;
    for (size_t d = t.rank; d > 0; d--) {
        t.strides[d - 1] = count;
        if (!size_at(shape, d - 1, &t.dims[d - 1]) || !lc_mul(count, t.dims[d - 1], &count)) {
            return lc_fail(LC_ERR_FORMAT, "dimension %zu of its shape is no size", d - 1);
        }
    }
    if (at->begin > at->end || at->end > size) {
        return lc_fail(LC_ERR_FORMAT, "lies at %zu..%zu of %zu bytes", at->begin, at->end, size);
    }
    if (!lc_mul(count, bytes, &bytes) || bytes != at->end - at->begin) {
        return lc_fail(LC_ERR_FORMAT, "has %zu bytes, its shape needs %zu elements of %s", at->end - at->begin, count,
                       type);
    }
    t.data = data + at->begin;
    return lc_weights_add(w, name, strlen(name), &t, bytes);
}

static lc_status read_metadata(lc_weights *w, const lc_json *texts)
{
    const char *key;
    const lc_json *value;
    for (void *at = NULL; lc_json_each(texts, &at, &key, &value);) {
        const char *text = lc_json_string(texts, key);
        if (!text) {
            return lc_fail(LC_ERR_FORMAT, "__metadata__ '%s' is not a string", lc_text_show(key, strlen(key)));
        }
        LC_TRY(lc_weights_add_metadata(w, key, text));
    }
    return LC_OK;
}

static int by_begin(const void *a, const void *b)
{
    const span *x = a, *y = b;
    return x->begin != y->begin ? (x->begin > y->begin) - (x->begin < y->begin) : (x->end > y->end) - (x->end < y->end);
}

/* Sorted, every span begins where the one before it ends. */
static lc_status check_cover(span *spans, size_t count, size_t size)
{
    size_t reached = 0, i = 0;
    qsort(spans, count, sizeof *spans, by_begin);
    for (; i < count && spans[i].begin == reached; i++) {
        reached = spans[i].end;
    }
    if (i < count || reached != size) {
        return lc_fail(LC_ERR_FORMAT, "the tensors leave a gap or overlap at byte %zu of %zu", reached, size);
    }
    return LC_OK;
}

static lc_status read_header(lc_weights *w, const lc_json *header, const unsigned char *data, size_t size)
{
    span *spans;
    size_t count = 0;
    const char *name;
    const lc_json *entry;
    LC_TRY(lc_alloc_array(&spans, lc_json_size(header), sizeof *spans));
    lc_status status = LC_OK;
    for (void *at = NULL; status == LC_OK && lc_json_each(header, &at, &name, &entry);) {
        if (strcmp(name, "__metadata__") == 0) {
            status = read_metadata(w, entry);
            continue;
        }
        status = read_tensor(w, name, entry, data, size, &spans[count++]);
        status = status == LC_OK ? LC_OK : lc_fail_in(status, "tensor '%s'", lc_text_show(name, strlen(name)));
    }
    if (status == LC_OK) {
        status = check_cover(spans, count, size);
    }
    free(spans);
    return status;
}

static lc_status read_safetensors(lc_weights *w, const lc_mapping *file)
{
    lc_bytes b = {file->data, file->size, 0, false};
    uint64_t size = lc_bytes_u64(&b);
    const char *text = size <= HEADER_MOST ? (const char *)lc_bytes_take(&b, (size_t)size) : NULL;
    if (!text) {
        return lc_fail(LC_ERR_FORMAT, "cut short: its header has %" PRIu64 " bytes, the file %zu", size, file->size);
    }
    lc_json *header;
    lc_status status = lc_json_parse(&header, text, (size_t)size);
    if (status != LC_OK) {
        return lc_fail_in(status, "header");
    }
    status = read_header(w, header, b.data + b.at, b.size - b.at);
    lc_json_free(header);
    return status;
}

/* Writing ---------------------------------------------------------------------------------------------------- */

static lc_status describe_metadata(lc_json *header, const lc_json *metadata)
{
    const char *key;
    const lc_json *value;
    lc_json *texts = lc_json_object();
    lc_json_set(header, "__metadata__", texts);
    for (void *at = NULL; lc_json_each(metadata, &at, &key, &value);) {
        const char *text = lc_json_string(metadata, key);
        if (!text) {
            return lc_fail(LC_ERR_ARG, "metadata '%s' is not a string", key);
        }
        lc_json_set_string(texts, key, text);
    }
    return LC_OK;
}

static lc_status describe_tensor(lc_json *header, const char *name, const lc_tensor *t, size_t *end)
{
    size_t begin = *end, bytes;
    if (lc_json_get(header, name) || strcmp(name, "__metadata__") == 0) {
        return lc_fail(LC_ERR_ARG, "two tensors are called '%s'", name);
    }
    if (!lc_mul(lc_tensor_count(t), sizeof(float), &bytes) || !lc_add(begin, bytes, end) || *end > INT64_MAX) {
        return lc_fail(LC_ERR_SHAPE, "tensor '%s' is too large", name);
    }
    lc_json *entry = lc_json_object(), *shape = lc_json_array(), *offsets = lc_json_array();
    for (size_t d = 0; d < t->rank; d++) {
        lc_json_add_int(shape, (int64_t)t->dims[d]);
    }
    lc_json_add_int(offsets, (int64_t)begin);
    lc_json_add_int(offsets, (int64_t)*end);
    lc_json_set_string(entry, "dtype", dtype_names[LC_DTYPE_F32]);
    lc_json_set(entry, "shape", shape);
    lc_json_set(entry, "data_offsets", offsets);
    lc_json_set(header, name, entry);
    return LC_OK;
}

static lc_status append_tensors(const char *path, const char *text, size_t count, const lc_tensor *tensors)
{
    /* Spaces behind the header bring the tensors to a multiple of 8, so that readers can use them where they lie. */
    size_t used = strlen(text), size = (used + 7) / 8 * 8;
    unsigned char head[8];
    lc_file_writer *w;
    for (size_t i = 0; i < sizeof head; i++) {
        head[i] = (unsigned char)(size >> (8 * i));
    }
    LC_TRY(lc_file_create(&w, path));
    lc_status status = lc_file_append(w, head, sizeof head);
    status = status == LC_OK ? lc_file_append(w, text, used) : status;
    status = status == LC_OK ? lc_file_append(w, "       ", size - used) : status;
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        status = lc_file_append(w, tensors[i].data, lc_tensor_count(&tensors[i]) * sizeof(float));
    }
    if (status != LC_OK) {
        lc_file_discard(w);
        return status;
    }
    return lc_file_finish(w);
}

lc_status lc_safetensors_write(const char *path, size_t count, const char *const *names, const lc_tensor *tensors,
                               const lc_json *metadata)
{
    lc_json *header = lc_json_object();
    char *text = NULL;
    size_t end = 0;
    lc_status status = metadata ? describe_metadata(header, metadata) : LC_OK;
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        status = describe_tensor(header, names[i], &tensors[i], &end);
    }
    if (status == LC_OK) {
        status = lc_json_text(header, 0, &text);
    }
    if (status == LC_OK) {
        status = append_tensors(path, text, count, tensors);
    }
    lc_json_free(header);
    free(text);
    return status;
}

const lc_weights_reader lc_weights_reader_safetensors = {.name = "safetensors", .sniff = sniff, .read = read_safetensors};
