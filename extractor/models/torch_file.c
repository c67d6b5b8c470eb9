/*
 * What torch.save wrote, in both of its formats (torch/serialization.py):
 *
 *   zip, since 1.6      <folder>/data.pkl, the pickle; <folder>/data/<key>, one raw storage each;
 *                       <folder>/byteorder, "little", since 2.0
 *   stream, before 1.6  five pickles: a magic number, the protocol 1001, facts about the machine, the object, the list of
 *                       the storages' keys; then for each key the storage: its elements' number (8 bytes), its elements
 *
 * In the pickle a tensor is a call of torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ..), its storage the
 * persistent id ("storage", class of the storage, key, device, number of elements).
 *
 * Storages of the zip format are aligned to 64 bytes and used in place; in the stream they lie anywhere, so
 * lc_weights_f32 copies them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "extractor/models/pickle.h"
#include "extractor/models/weights.h"
#include "extractor/models/zip.h"

enum { REBUILD_TENSOR, REBUILD_PARAMETER, SIZE, INERT, STORAGE }; /* STORAGE + its lc_dtype */
enum { PROTOCOL = 1001, NESTED_MOST = 3 };

/* All that checkpoints of training scripts hold beside tensors; what is INERT is read over. */
static const lc_pickle_class classes[] = {
    {"torch._utils._rebuild_tensor_v2", REBUILD_TENSOR},
    {"torch._utils._rebuild_tensor", REBUILD_TENSOR},
    {"torch._utils._rebuild_parameter", REBUILD_PARAMETER},
    {"torch._utils._rebuild_parameter_with_state", REBUILD_PARAMETER},
    {"torch.Size", SIZE},
    {"torch.FloatStorage", STORAGE + LC_DTYPE_F32},
    {"torch.DoubleStorage", STORAGE + LC_DTYPE_F64},
    {"torch.HalfStorage", STORAGE + LC_DTYPE_F16},
    {"torch.BFloat16Storage", STORAGE + LC_DTYPE_BF16},
    {"torch.LongStorage", STORAGE + LC_DTYPE_I64},
    {"torch.IntStorage", STORAGE + LC_DTYPE_I32},
    {"torch.ShortStorage", STORAGE + LC_DTYPE_I16},
    {"torch.CharStorage", STORAGE + LC_DTYPE_I8},
    {"torch.ByteStorage", STORAGE + LC_DTYPE_U8},
    {"torch.BoolStorage", STORAGE + LC_DTYPE_BOOL},
    {"builtins.set", INERT},
    {"__builtin__.set", INERT},
    {"torch.device", INERT},
    {"argparse.Namespace", INERT},
    {"collections.Counter", INERT},
    {"collections.defaultdict", INERT},
    {"numpy.core.multiarray.scalar", INERT},
    {"numpy._core.multiarray.scalar", INERT},
    {"numpy.dtype", INERT},
    {"_codecs.encode", INERT},
    {NULL, 0},
};

/* Where training scripts put the state dict. */
static const char *const usual_keys[] = {"state_dict", "model_state_dict", "model_state", "model", "net"};

typedef struct {
    const lc_pickle_value *key; /* a string */
    lc_dtype dtype;
    size_t count; /* elements, as the pickle says; `data` has at least as many */
    const unsigned char *data;
} storage;

typedef struct {
    lc_weights *w;
    lc_pickle *pickle;
    storage *storages; /* sorted by key */
    size_t count;
} reader;

/* Storages --------------------------------------------------------------------------------------------------- */

static const char *show(const lc_pickle_value *v)
{
    return lc_text_show(v->text, v->text_size);
}

static int compare_keys(const lc_pickle_value *a, const lc_pickle_value *b)
{
    int order = memcmp(a->text, b->text, a->text_size < b->text_size ? a->text_size : b->text_size);
    return order ? order : (a->text_size > b->text_size) - (a->text_size < b->text_size);
}

static int by_key(const void *a, const void *b)
{
    return compare_keys(((const storage *)a)->key, ((const storage *)b)->key);
}

static storage *find_storage(const reader *r, const lc_pickle_value *key)
{
    const storage wanted = {.key = key};
    return bsearch(&wanted, r->storages, r->count, sizeof *r->storages, by_key);
}

static lc_status read_storage_id(storage *out, const lc_pickle_value *persistent)
{
    const lc_pickle_value *id = persistent->items[0];
    if (id->kind != LC_PICKLE_TUPLE || id->count < 5 || !lc_pickle_is(id->items[0], "storage") ||
        id->items[1]->kind != LC_PICKLE_CLASS || id->items[1]->class->role < STORAGE ||
        id->items[2]->kind != LC_PICKLE_STRING || id->items[4]->kind != LC_PICKLE_INT || id->items[4]->whole < 0) {
        return lc_fail(LC_ERR_FORMAT, "a persistent id that is no storage");
    }
    if (id->count > 5 && id->items[5]->kind != LC_PICKLE_NONE) {
        return lc_fail(LC_ERR_UNSUPPORTED, "storage '%s' is a view of another one", show(id->items[2]));
    }
    out->key = id->items[2];
    out->dtype = (lc_dtype)(id->items[1]->class->role - STORAGE);
    out->count = (size_t)id->items[4]->whole;
    return LC_OK;
}

/* Every storage once, though many tensors may share it. */
static lc_status list_storages(reader *r)
{
    size_t all = lc_pickle_persistent_count(r->pickle);
    LC_TRY(lc_alloc_array(&r->storages, all, sizeof *r->storages));
    for (size_t i = 0; i < all; i++) {
        LC_TRY(read_storage_id(&r->storages[i], lc_pickle_persistent(r->pickle, i)));
    }
    qsort(r->storages, all, sizeof *r->storages, by_key);
    for (size_t i = 0; i < all; i++) {
        const storage *s = &r->storages[i], *before = r->count > 0 ? &r->storages[r->count - 1] : NULL;
        if (!before || compare_keys(before->key, s->key) != 0) {
            r->storages[r->count++] = *s;
        } else if (before->dtype != s->dtype || before->count != s->count) {
            return lc_fail(LC_ERR_FORMAT, "storage '%s' is said to be two different ones", show(s->key));
        }
    }
    return LC_OK;
}

/* Gives a storage its bytes. */
static lc_status place_storage(storage *s, const unsigned char *data, size_t size)
{
    size_t needed;
    if (!lc_mul(s->count, lc_dtype_size(s->dtype), &needed) || needed > size) {
        return lc_fail(LC_ERR_FORMAT, "storage '%s' has %zu bytes, %zu elements are said to be in it", show(s->key), size,
                       s->count);
    }
    s->data = data;
    return LC_OK;
}

/* Tensors ---------------------------------------------------------------------------------------------------- */

/* The call that rebuilds a tensor, out of a parameter if it is wrapped in one; NULL if the value is no tensor. */
static const lc_pickle_value *tensor_of(const lc_pickle_value *v)
{
    if (v->kind == LC_PICKLE_OBJECT && v->class->role == REBUILD_PARAMETER && v->count > 0) {
        v = v->items[0];
    }
    return v->kind == LC_PICKLE_OBJECT && v->class->role == REBUILD_TENSOR ? v : NULL;
}

/* A tuple of sizes, as it is or as a torch.Size. */
static bool read_sizes(size_t out[static LC_MAX_RANK], size_t *count, const lc_pickle_value *v)
{
    if (v->kind == LC_PICKLE_OBJECT && v->class->role == SIZE && v->count == 1) {
        v = v->items[0];
    }
    if (v->kind != LC_PICKLE_TUPLE) {
        return false;
    }
    *count = v->count;
    for (size_t i = 0; i < v->count && i < LC_MAX_RANK; i++) {
        if (v->items[i]->kind != LC_PICKLE_INT || v->items[i]->whole < 0) {
            return false;
        }
        out[i] = (size_t)v->items[i]->whole;
    }
    return true;
}

static lc_status add_tensor(reader *r, const lc_pickle_value *name, const lc_pickle_value *call)
{
    lc_weight t = {0};
    storage said;
    size_t strides, offset;
    if (call->count < 4 || call->items[0]->kind != LC_PICKLE_PERSISTENT || call->items[1]->kind != LC_PICKLE_INT ||
        call->items[1]->whole < 0 || !read_sizes(t.dims, &t.rank, call->items[2]) ||
        !read_sizes(t.strides, &strides, call->items[3]) || strides != t.rank) {
        return lc_fail(LC_ERR_FORMAT, "is built of something else than storage, offset, size and stride");
    }
    if (t.rank > LC_MAX_RANK) {
        return lc_fail(LC_ERR_UNSUPPORTED, "has %zu dimensions", t.rank);
    }
    LC_TRY(read_storage_id(&said, call->items[0]));
    const storage *s = find_storage(r, said.key);
    offset = (size_t)call->items[1]->whole;
    if (offset > s->count) {
        return lc_fail(LC_ERR_FORMAT, "begins at %zu of %zu elements", offset, s->count);
    }
    size_t size = lc_dtype_size(s->dtype);
    t.dtype = s->dtype;
    t.data = s->data + offset * size;
    return lc_weights_add(r->w, name->text, name->text_size, &t, (s->count - offset) * size);
}

static bool has_tensors(const lc_pickle_value *dict)
{
    for (size_t i = 0; i + 1 < dict->count; i += 2) {
        if (dict->items[i]->kind == LC_PICKLE_STRING && tensor_of(dict->items[i + 1])) {
            return true;
        }
    }
    return false;
}

/* The usual keys come first: a checkpoint may have tensors of its own beside them, such as its best accuracy. */
static const lc_pickle_value *find_state_dict(const lc_pickle_value *v, unsigned depth)
{
    if (v->kind != LC_PICKLE_DICT) {
        return NULL;
    }
    for (size_t i = 0; depth < NESTED_MOST && i < sizeof usual_keys / sizeof *usual_keys; i++) {
        const lc_pickle_value *below = lc_pickle_get(v, usual_keys[i]);
        below = below ? find_state_dict(below, depth + 1) : NULL;
        if (below) {
            return below;
        }
    }
    return has_tensors(v) ? v : NULL;
}

/* "epoch, optimizer": what a file without a state dict holds, for its message. */
static const char *list_keys(char *text, size_t size, const lc_pickle_value *v)
{
    size_t at = 0;
    snprintf(text, size, "nothing with a name");
    for (size_t i = 0; v->kind == LC_PICKLE_DICT && i + 1 < v->count && at < size; i += 2) {
        if (v->items[i]->kind == LC_PICKLE_STRING) {
            at += (size_t)snprintf(text + at, size - at, "%s%s", at ? ", " : "", show(v->items[i]));
        }
    }
    return text;
}

static lc_status add_tensors(reader *r)
{
    char listed[200];
    const lc_pickle_value *root = lc_pickle_root(r->pickle), *dict = find_state_dict(root, 0);
    if (!dict) {
        return lc_fail(LC_ERR_UNSUPPORTED, "holds no state dict, but: %s", list_keys(listed, sizeof listed, root));
    }
    for (size_t i = 0; i + 1 < dict->count; i += 2) {
        const lc_pickle_value *name = dict->items[i], *call = tensor_of(dict->items[i + 1]);
        if (call && name->kind == LC_PICKLE_STRING) {
            lc_status status = add_tensor(r, name, call);
            if (status != LC_OK) {
                return lc_fail_in(status, "tensor '%s'", show(name));
            }
        }
    }
    return LC_OK;
}

/* Zip -------------------------------------------------------------------------------------------------------- */

static bool sniff_zip(const lc_mapping *file)
{
    return file->size >= 4 && memcmp(file->data, "PK\3\4", 4) == 0;
}

/* <folder>/data.pkl; `folder` is what stands before the name, with its slash. */
static const lc_zip_entry *find_pickle(const lc_zip *zip, const char **folder, size_t *folder_size)
{
    static const char name[] = "data.pkl";
    size_t name_size = sizeof name - 1;
    for (size_t i = 0; i < zip->count; i++) {
        const lc_zip_entry *e = &zip->entries[i];
        if (e->name_size >= name_size && memcmp(e->name + e->name_size - name_size, name, name_size) == 0) {
            *folder = e->name;
            *folder_size = e->name_size - name_size;
            if (*folder_size == 0 || memchr(e->name, '/', e->name_size) == e->name + *folder_size - 1) {
                return e;
            }
        }
    }
    return NULL;
}

/* The entry's bytes, inflated into a block of the weights' if need be. */
static lc_status entry_bytes(lc_weights *w, const lc_zip_entry *e, const unsigned char **data)
{
    void *block;
    LC_TRY(lc_zip_read(e, data, &block));
    return block ? lc_weights_add_block(w, block) : LC_OK;
}

static lc_status check_byte_order(lc_weights *w, const lc_zip *zip, const char *folder, size_t folder_size)
{
    const unsigned char *order;
    const lc_zip_entry *e = lc_zip_find(zip, folder, folder_size, "byteorder", 9);
    if (!e) {
        return LC_OK;
    }
    LC_TRY(entry_bytes(w, e, &order));
    bool big = e->size == 3 && memcmp(order, "big", 3) == 0;
    return big ? lc_fail(LC_ERR_UNSUPPORTED, "saved on a big-endian machine") : LC_OK;
}

static lc_status place_zipped(reader *r, const lc_zip *zip, const char *folder, size_t folder_size)
{
    static const char below[] = "data/";
    char *path;
    LC_TRY(lc_sprintf(&path, "%.*s%s", (int)folder_size, folder, below));
    lc_status status = LC_OK;
    for (size_t i = 0; status == LC_OK && i < r->count; i++) {
        storage *s = &r->storages[i];
        const unsigned char *data;
        const lc_zip_entry *e = lc_zip_find(zip, path, strlen(path), s->key->text, s->key->text_size);
        if (!e) {
            status = lc_fail(LC_ERR_FORMAT, "storage '%s' is not in the archive", show(s->key));
            break;
        }
        status = entry_bytes(r->w, e, &data);
        status = status == LC_OK ? place_storage(s, data, e->size) : status;
    }
    free(path);
    return status;
}

static lc_status read_zip(lc_weights *w, const lc_mapping *file)
{
    reader r = {.w = w};
    lc_zip zip;
    const char *folder;
    size_t folder_size;
    const unsigned char *data;
    LC_TRY(lc_zip_open(&zip, file));
    lc_status status;
    const lc_zip_entry *pickle = find_pickle(&zip, &folder, &folder_size);
    if (!pickle) {
        status = lc_fail(LC_ERR_UNSUPPORTED, "a zip archive without a data.pkl: torch.save did not write it");
        goto done;
    }
    if ((status = check_byte_order(w, &zip, folder, folder_size)) != LC_OK ||
        (status = entry_bytes(w, pickle, &data)) != LC_OK) {
        goto done;
    }
    lc_bytes bytes = {data, pickle->size, 0, false};
    if ((status = lc_pickle_read(&r.pickle, &bytes, classes)) == LC_OK && (status = list_storages(&r)) == LC_OK &&
        (status = place_zipped(&r, &zip, folder, folder_size)) == LC_OK) {
        status = add_tensors(&r);
    }
done:
    lc_pickle_free(r.pickle);
    free(r.storages);
    free(zip.entries);
    return status;
}

/* Stream ----------------------------------------------------------------------------------------------------- */

/* The magic number 0x1950a86a20f9469cfc6c, near the beginning of its pickle, wherever the protocol has it. */
static bool sniff_stream(const lc_mapping *file)
{
    static const unsigned char magic[] = {0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    size_t looked_at = file->size < 32 ? file->size : 32;
    return looked_at > 0 && file->data[0] == 0x80 && memmem(file->data, looked_at, magic, sizeof magic);
}

/* The pickles before the object: the magic number, the protocol, the machine. */
static lc_status check_preamble(lc_bytes *b)
{
    lc_pickle *magic = NULL, *protocol = NULL, *machine = NULL;
    lc_status status;
    if ((status = lc_pickle_read(&magic, b, NULL)) != LC_OK || (status = lc_pickle_read(&protocol, b, NULL)) != LC_OK ||
        (status = lc_pickle_read(&machine, b, NULL)) != LC_OK) {
        goto done;
    }
    const lc_pickle_value *version = lc_pickle_root(protocol);
    const lc_pickle_value *little = lc_pickle_get(lc_pickle_root(machine), "little_endian");
    if (version->kind != LC_PICKLE_INT || version->whole != PROTOCOL) {
        status = lc_fail(LC_ERR_UNSUPPORTED, "torch.save's protocol %" PRId64 "; %d is known", version->whole,
                         (int)PROTOCOL);
    } else if (little && little->kind == LC_PICKLE_BOOL && !little->whole) {
        status = lc_fail(LC_ERR_UNSUPPORTED, "saved on a big-endian machine");
    }
done:
    lc_pickle_free(magic);
    lc_pickle_free(protocol);
    lc_pickle_free(machine);
    return status;
}

static lc_status place_streamed(reader *r, const lc_pickle_value *keys, lc_bytes *b)
{
    if (keys->kind != LC_PICKLE_LIST) {
        return lc_fail(LC_ERR_FORMAT, "the list of storages is none");
    }
    for (size_t i = 0; i < keys->count; i++) {
        const lc_pickle_value *key = keys->items[i];
        storage *s = key->kind == LC_PICKLE_STRING ? find_storage(r, key) : NULL;
        size_t size;
        if (!s || s->data) {
            return lc_fail(LC_ERR_FORMAT, "storage %zu of the list is %s", i, s ? "there twice" : "no tensor's");
        }
        uint64_t count = lc_bytes_u64(b);
        const unsigned char *data = lc_mul((size_t)count, lc_dtype_size(s->dtype), &size) ? lc_bytes_take(b, size) : NULL;
        if (!data) {
            return lc_fail(LC_ERR_FORMAT, "cut short: storage %zu of %zu has %" PRIu64 " elements", i, keys->count, count);
        }
        LC_TRY(place_storage(s, data, size));
    }
    for (size_t i = 0; i < r->count; i++) {
        const storage *s = &r->storages[i];
        if (!s->data) {
            return lc_fail(LC_ERR_FORMAT, "storage '%s' is not in the file", show(s->key));
        }
    }
    return LC_OK;
}

static lc_status read_stream(lc_weights *w, const lc_mapping *file)
{
    reader r = {.w = w};
    lc_pickle *keys = NULL;
    lc_bytes bytes = {file->data, file->size, 0, false};
    LC_TRY(check_preamble(&bytes));
    lc_status status;
    if ((status = lc_pickle_read(&r.pickle, &bytes, classes)) == LC_OK && (status = list_storages(&r)) == LC_OK &&
        (status = lc_pickle_read(&keys, &bytes, NULL)) == LC_OK &&
        (status = place_streamed(&r, lc_pickle_root(keys), &bytes)) == LC_OK) {
        status = add_tensors(&r);
    }
    lc_pickle_free(r.pickle);
    lc_pickle_free(keys);
    free(r.storages);
    return status;
}

const lc_weights_reader lc_weights_reader_torch_zip = {.name = "torch_zip", .sniff = sniff_zip, .read = read_zip};
const lc_weights_reader lc_weights_reader_torch_stream = {
    .name = "torch_stream", .sniff = sniff_stream, .read = read_stream};
