#include "extractor/models/weights.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"

typedef struct {
    char *key, *value;
} text_pair;

struct lc_weights {
    const char *format;
    lc_mapping kept; /* empty unless handed over */
    lc_weight *tensors;
    float **copies; /* (count) what lc_weights_f32 converted, NULL for the others */
    size_t count, capacity;
    size_t *slots; /* names to numbers: open addressing, at most half full; `empty`: nobody */
    size_t mask;
    text_pair *texts;
    size_t text_count, text_capacity;
    void **blocks;
    size_t block_count, block_capacity;
};

static const size_t empty = SIZE_MAX;

enum { PIECE = 1 << 20 };   /* elements that are converted at a time */
enum { WRAPPED_MOST = 8 }; /* wrappers that are removed: a hostile name may have a hundred thousand */

#define LC_WEIGHTS_FORMAT(name) &lc_weights_reader_##name,
static const lc_weights_reader *const readers[] = {
#include "extractor/models/weights_list.inc"
};
#undef LC_WEIGHTS_FORMAT

/* What modules are wrapped in: DataParallel, torch.compile. */
static const char *const wrappers[] = {"module.", "_orig_mod."};

size_t lc_dtype_size(lc_dtype dtype)
{
    static const unsigned char sizes[LC_DTYPES] = {
        [LC_DTYPE_F32] = 4, [LC_DTYPE_F64] = 8, [LC_DTYPE_F16] = 2, [LC_DTYPE_BF16] = 2, [LC_DTYPE_I64] = 8,
        [LC_DTYPE_I32] = 4, [LC_DTYPE_I16] = 2, [LC_DTYPE_I8] = 1,  [LC_DTYPE_U8] = 1,   [LC_DTYPE_BOOL] = 1,
    };
    return sizes[dtype];
}

/* Making ----------------------------------------------------------------------------------------------------- */

lc_status lc_weights_add(lc_weights *w, const char *name, size_t name_size, const lc_weight *t, size_t available)
{
    if (memchr(name, '\0', name_size)) {
        return lc_fail(LC_ERR_FORMAT, "its name has a zero byte in it");
    }
    size_t size = lc_dtype_size(t->dtype), count = 1, bytes, last = 0, step;
    bool fits = true;
    for (size_t d = 0; d < t->rank; d++) {
        fits = fits && lc_mul(count, t->dims[d], &count);
    }
    for (size_t d = 0; count > 0 && d < t->rank; d++) {
        fits = fits && lc_mul(t->dims[d] - 1, t->strides[d], &step) && lc_add(last, step, &last);
    }
    size_t held = available / size;
    if (!fits || !lc_mul(count, size, &bytes) || (count > 0 && last >= held)) {
        return lc_fail(LC_ERR_FORMAT, "reaches beyond the %zu elements that are there", held);
    }
    if (count > held) {
        return lc_fail(LC_ERR_UNSUPPORTED, "repeats elements: %zu of them from %zu", count, held);
    }
    LC_TRY(lc_grow(&w->tensors, &w->capacity, w->count + 1, sizeof *w->tensors));
    char *copy = strndup(name, name_size);
    if (!copy) {
        return lc_fail(LC_ERR_NOMEM, "no memory for a name of %zu bytes", name_size);
    }
    lc_text_make_utf8(copy);
    w->tensors[w->count] = *t;
    w->tensors[w->count].name = copy;
    w->tensors[w->count++].count = count;
    return LC_OK;
}

lc_status lc_weights_add_metadata(lc_weights *w, const char *key, const char *value)
{
    LC_TRY(lc_grow(&w->texts, &w->text_capacity, w->text_count + 1, sizeof *w->texts));
    text_pair pair;
    LC_TRY(lc_strdup(&pair.key, key));
    lc_status status = lc_strdup(&pair.value, value);
    if (status != LC_OK) {
        free(pair.key);
        return status;
    }
    w->texts[w->text_count++] = pair;
    return LC_OK;
}

lc_status lc_weights_add_block(lc_weights *w, void *block)
{
    lc_status status = lc_grow(&w->blocks, &w->block_capacity, w->block_count + 1, sizeof *w->blocks);
    if (status != LC_OK) {
        free(block);
        return status;
    }
    w->blocks[w->block_count++] = block;
    return LC_OK;
}

static bool all_start_with(const lc_weights *w, const char *prefix, size_t size)
{
    for (size_t i = 0; i < w->count; i++) {
        if (strncmp(w->tensors[i].name, prefix, size) != 0 || w->tensors[i].name[size] == '\0') {
            return false;
        }
    }
    return w->count > 0;
}

static void unwrap(lc_weights *w)
{
    size_t kinds = sizeof wrappers / sizeof *wrappers, removed = 0;
    for (size_t k = 0; k < kinds && removed < WRAPPED_MOST;) {
        size_t size = strlen(wrappers[k]);
        if (!all_start_with(w, wrappers[k], size)) {
            k++;
            continue;
        }
        for (size_t i = 0; i < w->count; i++) {
            char *name = (char *)w->tensors[i].name; /* ours: a copy made by lc_weights_add */
            memmove(name, name + size, strlen(name + size) + 1);
        }
        removed++;
        k = 0; /* one wrapper in another, in any order */
    }
}

static size_t *slot_of(const lc_weights *w, const char *name)
{
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
    for (const char *p = name; *p; p++) {
        h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
    }
    size_t i = (size_t)h & w->mask;
    while (w->slots[i] != empty && strcmp(w->tensors[w->slots[i]].name, name) != 0) {
        i = (i + 1) & w->mask;
    }
    return &w->slots[i];
}

static lc_status index_names(lc_weights *w)
{
    size_t size = 16;
    while (size < 2 * w->count) {
        size *= 2;
    }
    LC_TRY(lc_alloc_raw(&w->slots, size, sizeof *w->slots));
    w->mask = size - 1;
    for (size_t i = 0; i < size; i++) {
        w->slots[i] = empty;
    }
    for (size_t i = 0; i < w->count; i++) {
        const char *name = w->tensors[i].name;
        size_t *slot = slot_of(w, name);
        if (*slot != empty) {
            return lc_fail(LC_ERR_FORMAT, "tensor '%s': is there twice", lc_text_show(name, strlen(name)));
        }
        *slot = i;
    }
    return lc_alloc_array(&w->copies, w->count, sizeof *w->copies);
}

static const lc_weights_reader *reader_of(const lc_mapping *file)
{
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        if (readers[i]->sniff(file)) {
            return readers[i];
        }
    }
    return NULL;
}

bool lc_weights_sniff(const lc_mapping *file)
{
    return reader_of(file) != NULL;
}

lc_status lc_weights_make(lc_weights **out, size_t count, const char *const *names, const lc_tensor *tensors, void *block)
{
    lc_weights *w;
    *out = NULL;
    lc_status status = lc_alloc_array(&w, 1, sizeof *w);
    if (status != LC_OK) {
        free(block);
        return status;
    }
    w->format = "memory";
    status = lc_weights_add_block(w, block);
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        const lc_tensor *from = &tensors[i];
        lc_weight t = {.dtype = LC_DTYPE_F32, .rank = from->rank, .data = (const unsigned char *)from->data};
        size_t stride = 1;
        for (size_t d = t.rank; d-- > 0;) {
            t.dims[d] = from->dims[d];
            t.strides[d] = stride;
            stride *= t.dims[d];
        }
        status = lc_weights_add(w, names[i], strlen(names[i]), &t, lc_tensor_count(from) * sizeof(float));
    }
    if (status == LC_OK) {
        status = index_names(w);
    }
    if (status != LC_OK) {
        lc_weights_free(w);
        return status;
    }
    *out = w;
    return LC_OK;
}

lc_status lc_weights_open(lc_weights **out, const lc_mapping *file)
{
    const lc_weights_reader *reader = reader_of(file);
    *out = NULL;
    if (!reader) {
        return lc_fail(LC_ERR_FORMAT, "not a file of weights that is known (safetensors, PyTorch)");
    }
    lc_weights *w;
    LC_TRY(lc_alloc_array(&w, 1, sizeof *w));
    w->format = reader->name;
    lc_status status = reader->read(w, file);
    if (status != LC_OK) {
        goto done;
    }
    unwrap(w);
    status = index_names(w);
done:
    if (status != LC_OK) {
        lc_weights_free(w);
        return status;
    }
    *out = w;
    return LC_OK;
}

void lc_weights_keep(lc_weights *w, lc_mapping *file)
{
    w->kept = *file;
    *file = (lc_mapping){0};
}

void lc_weights_free(lc_weights *w)
{
    if (!w) {
        return;
    }
    for (size_t i = 0; i < w->count; i++) {
        free((char *)w->tensors[i].name);
        free(w->copies ? w->copies[i] : NULL);
    }
    for (size_t i = 0; i < w->text_count; i++) {
        free(w->texts[i].key);
        free(w->texts[i].value);
    }
    for (size_t i = 0; i < w->block_count; i++) {
        free(w->blocks[i]);
    }
    free(w->tensors);
    free(w->copies);
    free(w->slots);
    free(w->texts);
    free(w->blocks);
    lc_unmap_file(&w->kept);
    free(w);
}

/* Asking ----------------------------------------------------------------------------------------------------- */

const char *lc_weights_format(const lc_weights *w)
{
    return w->format;
}

size_t lc_weights_count(const lc_weights *w)
{
    return w->count;
}

const lc_weight *lc_weights_at(const lc_weights *w, size_t i)
{
    return &w->tensors[i];
}

bool lc_weights_find(const lc_weights *w, const char *name, size_t *i)
{
    *i = *slot_of(w, name);
    return *i != empty;
}

const char *lc_weights_metadata(const lc_weights *w, const char *key)
{
    for (size_t i = 0; i < w->text_count; i++) {
        if (strcmp(w->texts[i].key, key) == 0) {
            return w->texts[i].value;
        }
    }
    return NULL;
}

size_t lc_weights_metadata_count(const lc_weights *w)
{
    return w->text_count;
}

const char *lc_weights_metadata_at(const lc_weights *w, size_t i, const char **key)
{
    *key = w->texts[i].key;
    return w->texts[i].value;
}

/* float32 ---------------------------------------------------------------------------------------------------- */

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* IEEE 754 binary16: 1 sign, 5 exponent, 10 mantissa bits. Every value is a float32. */
static float from_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 0x3ff;
    if (exponent == 0) {
        float f = (float)mantissa * 0x1p-24f;
        return sign ? -f : f;
    }
    return from_bits(sign | (exponent == 31 ? 0x7f800000 : (exponent + 112) << 23) | mantissa << 13);
}

/* n elements of the type, `step` of them apart, into out (n). Memory is little-endian, as the files are. */
#define CONVERT(type, expression)                                         \
    for (size_t k = 0; k < n; k++) {                                      \
        type v;                                                           \
        memcpy(&v, from + k * step * sizeof v, sizeof v);                 \
        out[k] = (expression);                                            \
    }                                                                     \
    break

static void convert_row(float *out, const unsigned char *from, lc_dtype dtype, size_t n, size_t step)
{
    switch (dtype) {
    case LC_DTYPE_F32: CONVERT(float, v);
    case LC_DTYPE_F64: CONVERT(double, (float)v);
    case LC_DTYPE_F16: CONVERT(uint16_t, from_half(v));
    case LC_DTYPE_BF16: CONVERT(uint16_t, from_bits((uint32_t)v << 16));
    case LC_DTYPE_I64: CONVERT(int64_t, (float)v);
    case LC_DTYPE_I32: CONVERT(int32_t, (float)v);
    case LC_DTYPE_I16: CONVERT(int16_t, (float)v);
    case LC_DTYPE_I8: CONVERT(int8_t, (float)v);
    case LC_DTYPE_U8: CONVERT(uint8_t, (float)v);
    case LC_DTYPE_BOOL: CONVERT(uint8_t, v ? 1.0f : 0.0f);
    case LC_DTYPES: break;
    }
}

void lc_weights_unload(const lc_weights *w)
{
    if (w->kept.data) {
        lc_unload_file(&w->kept, w->kept.data, w->kept.size);
    }
}

/* Only in a mapping of a file: tensors may lie in blocks of the weights' own, too. */
static void unload(const lc_weights *w, const unsigned char *from, size_t size)
{
    uintptr_t begin = (uintptr_t)w->kept.data, at = (uintptr_t)from;
    if (w->kept.data && at >= begin && at - begin < w->kept.size) {
        lc_unload_file(&w->kept, from, size);
    }
}

static bool contiguous(const lc_weight *t)
{
    size_t step = 1;
    for (size_t d = t->rank; d > 0; d--) {
        if (t->dims[d - 1] != 1 && t->strides[d - 1] != step) {
            return false;
        }
        step *= t->dims[d - 1];
    }
    return true;
}

/* In pieces, and what was read of a file is unloaded, so that the tensor is not in memory twice. */
static void convert_contiguous(float *out, const lc_weight *t, const lc_weights *w)
{
    size_t size = lc_dtype_size(t->dtype), n;
    for (size_t done = 0; done < t->count; done += n) {
        n = t->count - done < PIECE ? t->count - done : PIECE;
        const unsigned char *from = t->data + done * size;
        convert_row(out + done, from, t->dtype, n, 1);
        unload(w, from, n * size);
    }
}

static void convert_strided(float *out, const lc_weight *t)
{
    size_t row = t->dims[t->rank - 1], at[LC_MAX_RANK] = {0}, size = lc_dtype_size(t->dtype);
    for (size_t done = 0; done < t->count; done += row) {
        size_t offset = 0;
        for (size_t d = 0; d + 1 < t->rank; d++) {
            offset += at[d] * t->strides[d];
        }
        convert_row(out + done, t->data + offset * size, t->dtype, row, t->strides[t->rank - 1]);
        for (size_t d = t->rank - 1; d > 0 && ++at[d - 1] == t->dims[d - 1]; d--) {
            at[d - 1] = 0;
        }
    }
}

lc_status lc_weights_f32(lc_weights *w, size_t i, const float **out)
{
    const lc_weight *t = &w->tensors[i];
    if (t->dtype == LC_DTYPE_F32 && contiguous(t) && (uintptr_t)t->data % _Alignof(float) == 0) {
        *out = (const float *)(const void *)t->data;
        return LC_OK;
    }
    if (!w->copies[i]) {
        LC_TRY(lc_alloc_raw(&w->copies[i], t->count, sizeof(float)));
        if (contiguous(t)) {
            convert_contiguous(w->copies[i], t, w);
        } else {
            convert_strided(w->copies[i], t);
        }
    }
    *out = w->copies[i];
    return LC_OK;
}
