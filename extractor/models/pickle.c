#include "extractor/models/pickle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"

/* A state dict needs some 20 values for a tensor. Items are bounded too: a tuple can be the arguments of many calls. */
enum { CHUNK = 1024, VALUES_MOST = 1 << 22, ITEMS_MOST = 1 << 24 };
enum { NAME_SIZE = 200, PROTOCOL_MOST = 5 };

struct lc_pickle {
    lc_bytes *bytes;
    size_t start;    /* of this pickle in the bytes */
    const lc_pickle_class *classes;
    lc_pickle_value *root;
    lc_pickle_value none, real; /* the same for everybody */
    lc_pickle_value **chunks; /* CHUNK values each */
    size_t chunk_count, chunk_capacity, value_count, item_count;
    lc_pickle_value **stack;
    size_t depth, stack_capacity;
    size_t *marks; /* depths at which marks stand */
    size_t mark_count, mark_capacity;
    lc_pickle_value **memo;
    size_t memo_count, memo_capacity; /* memo_count: the next that MEMOIZE fills */
    lc_pickle_value **persistent;
    size_t persistent_count, persistent_capacity;
};

static const lc_pickle_class mapping = {.name = "collections.OrderedDict"};
static const char *const mappings[] = {"collections.OrderedDict", "builtins.dict", "__builtin__.dict"};

static lc_status damaged(const lc_pickle *p, const char *what)
{
    return lc_fail(LC_ERR_FORMAT, "pickle, byte %zu: %s", p->bytes->at - p->start, what);
}

/* Values ----------------------------------------------------------------------------------------------------- */

static lc_status new_value(lc_pickle *p, lc_pickle_kind kind, lc_pickle_value **out)
{
    if (p->value_count == VALUES_MOST) {
        return lc_fail(LC_ERR_UNSUPPORTED, "pickle: more than %d values", (int)VALUES_MOST);
    }
    if (p->value_count % CHUNK == 0) {
        LC_TRY(lc_grow(&p->chunks, &p->chunk_capacity, p->chunk_count + 1, sizeof *p->chunks));
        LC_TRY(lc_alloc_array(&p->chunks[p->chunk_count], CHUNK, sizeof **p->chunks));
        p->chunk_count++;
    }
    *out = &p->chunks[p->value_count / CHUNK][p->value_count % CHUNK];
    p->value_count++;
    (*out)->kind = kind;
    return LC_OK;
}

static lc_status push(lc_pickle *p, lc_pickle_value *v)
{
    LC_TRY(lc_grow(&p->stack, &p->stack_capacity, p->depth + 1, sizeof *p->stack));
    p->stack[p->depth++] = v;
    return LC_OK;
}

static lc_status push_new(lc_pickle *p, lc_pickle_kind kind, lc_pickle_value **out)
{
    LC_TRY(new_value(p, kind, out));
    return push(p, *out);
}

static lc_status push_empty(lc_pickle *p, lc_pickle_kind kind)
{
    lc_pickle_value *v;
    return push_new(p, kind, &v);
}

static lc_status push_int(lc_pickle *p, lc_pickle_kind kind, int64_t whole)
{
    lc_pickle_value *v;
    LC_TRY(push_new(p, kind, &v));
    v->whole = whole;
    return LC_OK;
}

/* What stands above the last mark belongs to it; below it nothing may be taken. */
static size_t top_count(const lc_pickle *p)
{
    return p->depth - (p->mark_count > 0 ? p->marks[p->mark_count - 1] : 0);
}

static lc_status pop(lc_pickle *p, lc_pickle_value **out)
{
    *out = NULL;
    if (top_count(p) == 0) {
        return damaged(p, "takes from an empty stack");
    }
    *out = p->stack[--p->depth];
    return LC_OK;
}

static lc_status top(lc_pickle *p, lc_pickle_value **out)
{
    LC_TRY(pop(p, out));
    p->depth++;
    return LC_OK;
}

/* Removes the last mark; the values above it stand at p->stack[p->depth ..+ *count) until the next push. */
static lc_status pop_mark(lc_pickle *p, size_t *count)
{
    *count = 0;
    if (p->mark_count == 0) {
        return damaged(p, "goes back to a mark that is not there");
    }
    *count = top_count(p);
    p->depth = p->marks[--p->mark_count];
    return LC_OK;
}

static lc_status append(lc_pickle *p, lc_pickle_value *v, lc_pickle_value *const *items, size_t count)
{
    if (count > ITEMS_MOST - p->item_count) {
        return lc_fail(LC_ERR_UNSUPPORTED, "pickle: more than %d items in its containers", (int)ITEMS_MOST);
    }
    p->item_count += count;
    LC_TRY(lc_grow(&v->items, &v->capacity, v->count + count, sizeof *v->items));
    for (size_t i = 0; i < count; i++) {
        v->items[v->count++] = items[i];
    }
    return LC_OK;
}

/* Replaces the `count` topmost values by a container of them. */
static lc_status gather(lc_pickle *p, lc_pickle_kind kind, size_t count)
{
    lc_pickle_value *v;
    if (count > top_count(p)) {
        return damaged(p, "takes from an empty stack");
    }
    LC_TRY(new_value(p, kind, &v));
    p->depth -= count;
    LC_TRY(append(p, v, p->stack + p->depth, count));
    return push(p, v);
}

/* Replaces the values above the last mark, and the mark, by a container of them. */
static lc_status gather_marked(lc_pickle *p, lc_pickle_kind kind)
{
    size_t count;
    LC_TRY(pop_mark(p, &count));
    p->depth += count;
    if (kind == LC_PICKLE_DICT && count % 2 != 0) {
        return damaged(p, "a dict with half a pair");
    }
    return gather(p, kind, count);
}

/* The `count` topmost values go into the container below them; objects of other classes keep nothing. */
static lc_status put_into(lc_pickle *p, lc_pickle_kind kind, size_t count)
{
    lc_pickle_value *target;
    if (count > top_count(p) || (kind == LC_PICKLE_DICT && count % 2 != 0)) {
        return damaged(p, "too few values for a container");
    }
    p->depth -= count;
    LC_TRY(top(p, &target));
    if (target->kind == LC_PICKLE_OBJECT) {
        return LC_OK;
    }
    if (target->kind != kind) {
        return damaged(p, "items for something that holds none");
    }
    return append(p, target, p->stack + p->depth, count);
}

static lc_status put_marked(lc_pickle *p, lc_pickle_kind kind)
{
    size_t count;
    LC_TRY(pop_mark(p, &count));
    p->depth += count;
    return put_into(p, kind, count);
}

/* Text, integers --------------------------------------------------------------------------------------------- */

static lc_status push_text(lc_pickle *p, lc_pickle_kind kind, size_t length_bytes)
{
    lc_pickle_value *v;
    uint64_t size = lc_bytes_uint(p->bytes, length_bytes);
    const unsigned char *text = size <= SIZE_MAX ? lc_bytes_take(p->bytes, (size_t)size) : NULL;
    if (!text) {
        return damaged(p, "cut short");
    }
    LC_TRY(push_new(p, kind, &v));
    v->text = (const char *)text;
    v->text_size = (size_t)size;
    return LC_OK;
}

/* Two's complement, little-endian, of any length. */
static lc_status push_long(lc_pickle *p, size_t length_bytes)
{
    lc_pickle_value *v;
    LC_TRY(push_text(p, LC_PICKLE_BYTES, length_bytes));
    LC_TRY(top(p, &v));
    size_t n = v->text_size;
    if (n <= 8) {
        uint64_t bits = n > 0 && (v->text[n - 1] & 0x80) ? UINT64_MAX : 0;
        for (size_t i = n; i > 0; i--) {
            bits = bits << 8 | (unsigned char)v->text[i - 1];
        }
        v->kind = LC_PICKLE_INT;
        v->whole = (int64_t)bits;
    }
    return LC_OK;
}

static lc_status push_float(lc_pickle *p)
{
    lc_bytes_u64(p->bytes);
    return push(p, &p->real);
}

/* Memo ------------------------------------------------------------------------------------------------------- */

static lc_status memo_put(lc_pickle *p, size_t i)
{
    lc_pickle_value *v;
    LC_TRY(top(p, &v));
    /* Every number takes bytes to write, so one beyond the bytes so far was not counted up to. */
    if (i > p->bytes->at - p->start) {
        return damaged(p, "a memo number out of order");
    }
    size_t before = p->memo_capacity;
    LC_TRY(lc_grow(&p->memo, &p->memo_capacity, i + 1, sizeof *p->memo));
    for (size_t k = before; k < p->memo_capacity; k++) {
        p->memo[k] = NULL;
    }
    p->memo[i] = v;
    p->memo_count++;
    return LC_OK;
}

static lc_status memo_get(lc_pickle *p, size_t i)
{
    if (i >= p->memo_capacity || !p->memo[i]) {
        return damaged(p, "asks for a memo that is not there");
    }
    return push(p, p->memo[i]);
}

/* Classes ---------------------------------------------------------------------------------------------------- */

static const lc_pickle_class *class_of(const lc_pickle *p, const char *name)
{
    for (size_t i = 0; i < sizeof mappings / sizeof *mappings; i++) {
        if (strcmp(mappings[i], name) == 0) {
            return &mapping;
        }
    }
    for (const lc_pickle_class *c = p->classes; c && c->name; c++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

static lc_status push_class(lc_pickle *p, const char *module, size_t module_size, const char *name, size_t name_size)
{
    char full[NAME_SIZE];
    lc_pickle_value *v;
    snprintf(full, sizeof full, "%.*s.%.*s", (int)(module_size < NAME_SIZE ? module_size : NAME_SIZE), module,
             (int)(name_size < NAME_SIZE ? name_size : NAME_SIZE), name);
    const lc_pickle_class *class = class_of(p, full);
    if (!class) {
        return lc_fail(LC_ERR_UNSUPPORTED, "refuses %s: only state dicts are read, and nothing in a pickle is executed",
                       lc_text_show(full, strlen(full)));
    }
    LC_TRY(push_new(p, LC_PICKLE_CLASS, &v));
    v->class = class;
    return LC_OK;
}

static lc_status take_line(lc_pickle *p, const char **text, size_t *size)
{
    lc_bytes *b = p->bytes;
    const unsigned char *line = b->data + b->at, *end = b->at < b->size ? memchr(line, '\n', b->size - b->at) : NULL;
    if (!end) {
        return damaged(p, "cut short");
    }
    *text = (const char *)line;
    *size = (size_t)(end - line);
    b->at += *size + 1;
    return LC_OK;
}

static lc_status push_global(lc_pickle *p)
{
    const char *module, *name;
    size_t module_size, name_size;
    LC_TRY(take_line(p, &module, &module_size));
    LC_TRY(take_line(p, &name, &name_size));
    return push_class(p, module, module_size, name, name_size);
}

static lc_status push_stack_global(lc_pickle *p)
{
    lc_pickle_value *module, *name;
    LC_TRY(pop(p, &name));
    LC_TRY(pop(p, &module));
    if (module->kind != LC_PICKLE_STRING || name->kind != LC_PICKLE_STRING) {
        return damaged(p, "a class whose name is no string");
    }
    return push_class(p, module->text, module->text_size, name->text, name->text_size);
}

/* OrderedDict(), or as Python 2 wrote it OrderedDict([[key, value], ..]). */
static lc_status push_mapping(lc_pickle *p, const lc_pickle_value *args)
{
    lc_pickle_value *v;
    LC_TRY(push_new(p, LC_PICKLE_DICT, &v));
    const lc_pickle_value *pairs = args->count > 0 ? args->items[0] : NULL;
    for (size_t i = 0; pairs && i < pairs->count; i++) {
        if (pairs->kind != LC_PICKLE_LIST || pairs->items[i]->count != 2) {
            return damaged(p, "a dict of something else than pairs");
        }
        LC_TRY(append(p, v, pairs->items[i]->items, 2));
    }
    return LC_OK;
}

/* A call, which is noted down. */
static lc_status note_call(lc_pickle *p)
{
    lc_pickle_value *args, *callee, *v;
    LC_TRY(pop(p, &args));
    LC_TRY(pop(p, &callee));
    if (callee->kind != LC_PICKLE_CLASS || args->kind != LC_PICKLE_TUPLE) {
        return damaged(p, "calls something that is no class");
    }
    if (callee->class == &mapping) {
        return push_mapping(p, args);
    }
    LC_TRY(push_new(p, LC_PICKLE_OBJECT, &v));
    v->class = callee->class;
    return append(p, v, args->items, args->count);
}

static lc_status note_call_with_keywords(lc_pickle *p)
{
    lc_pickle_value *keywords;
    LC_TRY(pop(p, &keywords));
    return note_call(p);
}

/* The state of an object (an OrderedDict has its modules' versions there) is passed over. */
static lc_status drop_state(lc_pickle *p)
{
    lc_pickle_value *state, *v;
    LC_TRY(pop(p, &state));
    LC_TRY(top(p, &v));
    bool has_state = v->kind == LC_PICKLE_OBJECT || v->kind == LC_PICKLE_DICT;
    return has_state ? LC_OK : damaged(p, "a state for something that has none");
}

static lc_status note_persistent(lc_pickle *p)
{
    lc_pickle_value *v;
    LC_TRY(gather(p, LC_PICKLE_PERSISTENT, 1));
    LC_TRY(top(p, &v));
    LC_TRY(lc_grow(&p->persistent, &p->persistent_capacity, p->persistent_count + 1, sizeof *p->persistent));
    p->persistent[p->persistent_count++] = v;
    return LC_OK;
}

/* Opcodes ---------------------------------------------------------------------------------------------------- */

static lc_status set_mark(lc_pickle *p)
{
    LC_TRY(lc_grow(&p->marks, &p->mark_capacity, p->mark_count + 1, sizeof *p->marks));
    p->marks[p->mark_count++] = p->depth;
    return LC_OK;
}

static lc_status duplicate(lc_pickle *p)
{
    lc_pickle_value *v;
    LC_TRY(top(p, &v));
    return push(p, v);
}

static lc_status drop(lc_pickle *p)
{
    lc_pickle_value *v;
    return pop(p, &v);
}

static lc_status drop_marked(lc_pickle *p)
{
    size_t count;
    return pop_mark(p, &count);
}

static lc_status check_protocol(lc_pickle *p)
{
    unsigned protocol = (unsigned)lc_bytes_uint(p->bytes, 1);
    return protocol <= PROTOCOL_MOST ? LC_OK : lc_fail(LC_ERR_UNSUPPORTED, "pickle of protocol %u", protocol);
}

static lc_status refuse(const lc_pickle *p, unsigned opcode)
{
    return lc_fail(LC_ERR_UNSUPPORTED, "pickle, byte %zu: refuses the opcode 0x%02x%s, which torch.save does not write",
                   p->bytes->at - p->start - 1, opcode,
                   opcode == 'P'                      ? " (PERSID)"
                   : opcode == 'i' || opcode == 'o'   ? " (INST, OBJ)"
                   : opcode >= 0x82 && opcode <= 0x84 ? " (EXT)"
                                                      : "");
}

static lc_status step(lc_pickle *p, unsigned opcode)
{
    lc_bytes *b = p->bytes;
    switch (opcode) {
    case 0x80: return check_protocol(p);                                      /* PROTO */
    case 0x95: return lc_bytes_take(b, 8) ? LC_OK : damaged(p, "cut short");  /* FRAME */
    case 'N': return push(p, &p->none);                                       /* NONE */
    case 0x88: return push_int(p, LC_PICKLE_BOOL, 1);                         /* NEWTRUE */
    case 0x89: return push_int(p, LC_PICKLE_BOOL, 0);                         /* NEWFALSE */
    case 'K': return push_int(p, LC_PICKLE_INT, (int64_t)lc_bytes_uint(b, 1)); /* BININT1 */
    case 'M': return push_int(p, LC_PICKLE_INT, (int64_t)lc_bytes_uint(b, 2)); /* BININT2 */
    case 'J': return push_int(p, LC_PICKLE_INT, (int32_t)lc_bytes_u32(b));    /* BININT */
    case 0x8a: return push_long(p, 1);                                        /* LONG1 */
    case 0x8b: return push_long(p, 4);                                        /* LONG4 */
    case 'G': return push_float(p);                                           /* BINFLOAT */
    case 'X': return push_text(p, LC_PICKLE_STRING, 4);                       /* BINUNICODE */
    case 0x8c: return push_text(p, LC_PICKLE_STRING, 1);                      /* SHORT_BINUNICODE */
    case 0x8d: return push_text(p, LC_PICKLE_STRING, 8);                      /* BINUNICODE8 */
    case 'U': return push_text(p, LC_PICKLE_STRING, 1);                       /* SHORT_BINSTRING: Python 2's str */
    case 'T': return push_text(p, LC_PICKLE_STRING, 4);                       /* BINSTRING */
    case 'C': return push_text(p, LC_PICKLE_BYTES, 1);                        /* SHORT_BINBYTES */
    case 'B': return push_text(p, LC_PICKLE_BYTES, 4);                        /* BINBYTES */
    case 0x8e: return push_text(p, LC_PICKLE_BYTES, 8);                       /* BINBYTES8 */
    case '(': return set_mark(p);                                             /* MARK */
    case ')': return push_empty(p, LC_PICKLE_TUPLE);                          /* EMPTY_TUPLE */
    case ']': return push_empty(p, LC_PICKLE_LIST);                           /* EMPTY_LIST */
    case '}': return push_empty(p, LC_PICKLE_DICT);                           /* EMPTY_DICT */
    case 0x8f: return push_empty(p, LC_PICKLE_SET);                           /* EMPTY_SET */
    case 0x85: return gather(p, LC_PICKLE_TUPLE, 1);                          /* TUPLE1 */
    case 0x86: return gather(p, LC_PICKLE_TUPLE, 2);                          /* TUPLE2 */
    case 0x87: return gather(p, LC_PICKLE_TUPLE, 3);                          /* TUPLE3 */
    case 't': return gather_marked(p, LC_PICKLE_TUPLE);                       /* TUPLE */
    case 'l': return gather_marked(p, LC_PICKLE_LIST);                        /* LIST */
    case 'd': return gather_marked(p, LC_PICKLE_DICT);                        /* DICT */
    case 0x91: return gather_marked(p, LC_PICKLE_SET);                        /* FROZENSET */
    case 'a': return put_into(p, LC_PICKLE_LIST, 1);                          /* APPEND */
    case 's': return put_into(p, LC_PICKLE_DICT, 2);                          /* SETITEM */
    case 'e': return put_marked(p, LC_PICKLE_LIST);                           /* APPENDS */
    case 'u': return put_marked(p, LC_PICKLE_DICT);                           /* SETITEMS */
    case 0x90: return put_marked(p, LC_PICKLE_SET);                           /* ADDITEMS */
    case '0': return drop(p);                                                 /* POP */
    case '1': return drop_marked(p);                                          /* POP_MARK */
    case '2': return duplicate(p);                                            /* DUP */
    case 'q': return memo_put(p, (size_t)lc_bytes_uint(b, 1));                /* BINPUT */
    case 'r': return memo_put(p, lc_bytes_u32(b));                            /* LONG_BINPUT */
    case 0x94: return memo_put(p, p->memo_count);                             /* MEMOIZE */
    case 'h': return memo_get(p, (size_t)lc_bytes_uint(b, 1));                /* BINGET */
    case 'j': return memo_get(p, lc_bytes_u32(b));                            /* LONG_BINGET */
    case 'c': return push_global(p);                                          /* GLOBAL */
    case 0x93: return push_stack_global(p);                                   /* STACK_GLOBAL */
    case 'R':                                                                 /* REDUCE */
    case 0x81: return note_call(p);                                           /* NEWOBJ */
    case 0x92: return note_call_with_keywords(p);                             /* NEWOBJ_EX */
    case 'b': return drop_state(p);                                           /* BUILD */
    case 'Q': return note_persistent(p);                                      /* BINPERSID */
    case '.': return pop(p, &p->root);                                        /* STOP */
    default: return refuse(p, opcode);
    }
}

lc_status lc_pickle_read(lc_pickle **out, lc_bytes *bytes, const lc_pickle_class *classes)
{
    lc_pickle *p;
    lc_status status = LC_OK;
    *out = NULL;
    LC_TRY(lc_alloc_array(&p, 1, sizeof *p));
    p->bytes = bytes;
    p->start = bytes->at;
    p->classes = classes;
    p->none.kind = LC_PICKLE_NONE;
    p->real.kind = LC_PICKLE_FLOAT;
    status = lc_grow(&p->stack, &p->stack_capacity, 1, sizeof *p->stack); /* never NULL: places in it are computed */
    while (status == LC_OK && !p->root) {
        const unsigned char *opcode = lc_bytes_take(bytes, 1);
        status = opcode ? step(p, *opcode) : damaged(p, "cut short");
        if (status == LC_OK && bytes->overrun) {
            status = damaged(p, "cut short");
        }
    }
    if (status != LC_OK) {
        lc_pickle_free(p);
        return status;
    }
    *out = p;
    return LC_OK;
}

void lc_pickle_free(lc_pickle *p)
{
    if (!p) {
        return;
    }
    for (size_t i = 0; i < p->value_count; i++) {
        free(p->chunks[i / CHUNK][i % CHUNK].items);
    }
    for (size_t i = 0; i < p->chunk_count; i++) {
        free(p->chunks[i]);
    }
    free(p->chunks);
    free(p->stack);
    free(p->marks);
    free(p->memo);
    free(p->persistent);
    free(p);
}

/* Asking ----------------------------------------------------------------------------------------------------- */

const lc_pickle_value *lc_pickle_root(const lc_pickle *p)
{
    return p->root;
}

size_t lc_pickle_persistent_count(const lc_pickle *p)
{
    return p->persistent_count;
}

const lc_pickle_value *lc_pickle_persistent(const lc_pickle *p, size_t i)
{
    return p->persistent[i];
}

bool lc_pickle_is(const lc_pickle_value *v, const char *text)
{
    return v && v->kind == LC_PICKLE_STRING && v->text_size == strlen(text) && memcmp(v->text, text, v->text_size) == 0;
}

const lc_pickle_value *lc_pickle_get(const lc_pickle_value *dict, const char *key)
{
    if (!dict || dict->kind != LC_PICKLE_DICT) {
        return NULL;
    }
    for (size_t i = 0; i + 1 < dict->count; i += 2) {
        if (lc_pickle_is(dict->items[i], key)) {
            return dict->items[i + 1];
        }
    }
    return NULL;
}
