#include "extractor/models/onnx_data.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

struct lc_external_file {
    char *location;
    lc_mapping map;
};

void lc_external_free(lc_external *e)
{
    for (size_t i = 0; i < e->count; i++) {
        lc_unmap_file(&e->files[i].map);
        free(e->files[i].location);
    }
    free(e->files);
}

/* A file must not be able to name others than those beside it. */
static bool leaves_folder(const char *location)
{
    for (const char *p = location; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 2 && strncmp(p, "..", 2) == 0)) {
            return true;
        }
        p += n + (p[n] == '/');
    }
    return location[0] == '\0';
}

static lc_status open_beside(lc_external *e, const char *path, const char *location)
{
    char *whole = NULL, *copy = NULL;
    const char *slash = strrchr(path, '/');
    LC_TRY(lc_grow(&e->files, &e->capacity, e->count + 1, sizeof *e->files));
    lc_status status = lc_sprintf(&whole, "%.*s%s", slash ? (int)(slash - path + 1) : 0, path, location);
    if (status == LC_OK) {
        status = lc_strdup(&copy, location);
    }
    if (status == LC_OK) {
        e->files[e->count].location = copy;
        status = lc_map_file(&e->files[e->count].map, whole);
    }
    if (status == LC_OK) {
        e->count++;
        copy = NULL;
    }
    free(copy);
    free(whole);
    return status;
}

static lc_status number_of(const char *text, const char *what, const char *name, size_t *out)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end || errno || v > SIZE_MAX) {
        return lc_fail(LC_ERR_FORMAT, "tensor '%s': %s is '%s'", name, what, text);
    }
    *out = (size_t)v;
    return LC_OK;
}

lc_status lc_external_find(lc_external *e, lc_constants *owner, const char *path, const char *location, const char *offset,
                           const char *length, lc_raw_tensor *t)
{
    size_t first = 0, bytes = 0, f = 0;
    if (leaves_folder(location)) {
        return lc_fail(LC_ERR_FORMAT, "tensor '%s' lies in '%s', which is not a file beside the model", t->name, location);
    }
    if (!path) {
        return lc_fail(LC_ERR_UNSUPPORTED, "tensor '%s' lies in another file", t->name);
    }
    while (f < e->count && strcmp(e->files[f].location, location) != 0) {
        f++;
    }
    if (f == e->count) {
        LC_TRY(open_beside(e, path, location));
        owner->left += e->files[f].map.size;
    }
    const lc_mapping *map = &e->files[f].map;
    LC_TRY(number_of(offset ? offset : "0", "offset", t->name, &first));
    if (first <= map->size) {
        bytes = map->size - first;
    }
    size_t wanted = bytes;
    if (length) {
        LC_TRY(number_of(length, "length", t->name, &wanted));
    }
    if (first > map->size || wanted > bytes) {
        return lc_fail(LC_ERR_FORMAT, "tensor '%s' lies beyond the end of '%s'", t->name, location);
    }
    t->data = map->data ? map->data + first : NULL;
    t->bytes = wanted;
    t->beside = true;
    return LC_OK;
}

static float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023, bits;
    float f;
    if (exponent == 0) { /* a multiple of 2^-24, exact */
        f = (float)fraction * 0x1p-24f;
        return sign ? -f : f;
    }
    bits = sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Element i of `p`, elements of ONNX type `type`, as a number; *exact: it survives as float32. */
static float element(int type, const unsigned char *p, size_t i, bool *exact)
{
    union {
        float f;
        double d;
        int8_t i8;
        int16_t i16;
        uint16_t u16;
        int32_t i32;
        uint32_t u32;
        int64_t i64;
        uint64_t u64;
    } u;
    *exact = true;
    switch (type) {
    case LC_ONNX_FLOAT:
        memcpy(&u.f, p + 4 * i, 4);
        return u.f;
    case LC_ONNX_DOUBLE:
        memcpy(&u.d, p + 8 * i, 8);
        return (float)u.d;
    case LC_ONNX_FLOAT16:
        memcpy(&u.u16, p + 2 * i, 2);
        return half_to_float(u.u16);
    case LC_ONNX_BFLOAT16:
        memcpy(&u.u16, p + 2 * i, 2);
        u.u32 = (uint32_t)u.u16 << 16;
        return u.f;
    case LC_ONNX_UINT8:
    case LC_ONNX_BOOL:
        return (float)p[i];
    case LC_ONNX_INT8:
        memcpy(&u.i8, p + i, 1);
        return (float)u.i8;
    case LC_ONNX_UINT16:
        memcpy(&u.u16, p + 2 * i, 2);
        return (float)u.u16;
    case LC_ONNX_INT16:
        memcpy(&u.i16, p + 2 * i, 2);
        return (float)u.i16;
    case LC_ONNX_INT32:
        memcpy(&u.i32, p + 4 * i, 4);
        *exact = (double)(float)u.i32 == (double)u.i32;
        return (float)u.i32;
    case LC_ONNX_UINT32:
        memcpy(&u.u32, p + 4 * i, 4);
        *exact = (double)(float)u.u32 == (double)u.u32;
        return (float)u.u32;
    case LC_ONNX_UINT64:
        memcpy(&u.u64, p + 8 * i, 8);
        *exact = u.u64 <= 1 << 24;
        return (float)u.u64;
    default: /* int64: exact, or so near its ends that "to the end" is meant (PyTorch writes INT64_MAX, others INT32_MAX) */
        memcpy(&u.i64, p + 8 * i, 8);
        *exact = (u.i64 >= -(1 << 24) && u.i64 <= 1 << 24) || u.i64 >= INT32_MAX || u.i64 <= -INT32_MAX;
        return (float)u.i64;
    }
}

lc_status lc_constant_read(lc_constants *owner, const lc_raw_tensor *t, lc_constant *out)
{
    static const size_t sizes[] = {
        [LC_ONNX_FLOAT] = 4, [LC_ONNX_UINT8] = 1, [LC_ONNX_INT8] = 1,    [LC_ONNX_UINT16] = 2, [LC_ONNX_INT16] = 2,
        [LC_ONNX_INT32] = 4, [LC_ONNX_INT64] = 8, [LC_ONNX_BOOL] = 1,    [LC_ONNX_FLOAT16] = 2, [LC_ONNX_DOUBLE] = 8,
        [LC_ONNX_UINT32] = 4, [LC_ONNX_UINT64] = 8, [LC_ONNX_BFLOAT16] = 2};
    static const int listed_as[] = {0, LC_ONNX_FLOAT, LC_ONNX_DOUBLE, LC_ONNX_INT32, LC_ONNX_INT64};
    size_t count = 1, bytes;
    if (t->type < 1 || t->type > LC_ONNX_BFLOAT16 || !sizes[t->type]) {
        return lc_fail(LC_ERR_UNSUPPORTED, "tensor '%s' is of type %d", t->name, t->type);
    }
    if (t->rank > LC_MAX_RANK) {
        return lc_fail(LC_ERR_UNSUPPORTED, "tensor '%s' has %zu dimensions", t->name, t->rank);
    }
    bool real = t->type == LC_ONNX_FLOAT || t->type == LC_ONNX_FLOAT16 || t->type == LC_ONNX_DOUBLE || t->type == LC_ONNX_BFLOAT16;
    *out = (lc_constant){.t = {.rank = t->rank}, .whole = !real};
    for (size_t i = 0; i < t->rank; i++) {
        if (t->dims[i] < 0 || !lc_mul(count, (size_t)t->dims[i], &count)) {
            return lc_fail(LC_ERR_FORMAT, "tensor '%s' has a dimension of %" PRId64, t->name, t->dims[i]);
        }
        out->t.dims[i] = (size_t)t->dims[i];
    }
    LC_TRY(lc_shape_check(t->rank, out->t.dims));
    int type = t->listed ? listed_as[t->listed] : t->type;
    bool halves = t->listed == LC_LISTED_INT32 && sizes[t->type] == 2 && real; /* their bits, one to an int32 */
    if (!lc_mul(count, sizes[type], &bytes) || (t->beside ? t->bytes < bytes : t->bytes != bytes)) {
        return lc_fail(LC_ERR_FORMAT, "tensor '%s' should hold %zu values, but holds %zu", t->name, count, t->bytes / sizes[type]);
    }
    if (type == LC_ONNX_FLOAT && t->data && (uintptr_t)t->data % sizeof(float) == 0) {
        out->t.data = (float *)(uintptr_t)t->data; /* only read, see lc_graph_constant */
        return LC_OK;
    }
    LC_TRY(lc_constants_block(owner, count, &out->t.data));
    for (size_t i = 0; i < count; i++) {
        bool exact = true;
        if (halves) { /* the low half of a little-endian int32 */
            out->t.data[i] = element(t->type, t->data, 2 * i, &exact);
        } else {
            out->t.data[i] = element(type, t->data, i, &exact);
        }
        if (!exact) {
            return lc_fail(LC_ERR_UNSUPPORTED, "tensor '%s' holds an integer beyond 2^24", t->name);
        }
    }
    return LC_OK;
}
