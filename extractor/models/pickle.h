/*
 * Python's pickles, protocols 2 to 5 (PEP 307, PEP 3154; opcodes as in CPython's Lib/pickletools.py), as inert values.
 *
 * Nothing is ever executed. Where a pickle calls a class or a function, an LC_PICKLE_OBJECT says what would have been
 * called with which arguments; a class or function that is not on the caller's list is refused by its name, as is an
 * opcode that torch.save does not write. The only classes known here are the mappings, which become LC_PICKLE_DICT.
 *
 * Values may contain themselves, as in Python: who walks them keeps count of the depth.
 */
#ifndef LC_EXTRACTOR_MODELS_PICKLE_H
#define LC_EXTRACTOR_MODELS_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"

typedef enum {
    LC_PICKLE_NONE,
    LC_PICKLE_BOOL,   /* whole */
    LC_PICKLE_INT,    /* whole */
    LC_PICKLE_FLOAT,  /* its number is not kept */
    LC_PICKLE_STRING, /* text */
    LC_PICKLE_BYTES,  /* text; also integers of more than 64 bits */
    LC_PICKLE_TUPLE,  /* items */
    LC_PICKLE_LIST,
    LC_PICKLE_SET,
    LC_PICKLE_DICT,       /* items: key, value, key, value, .. */
    LC_PICKLE_CLASS,      /* class */
    LC_PICKLE_OBJECT,     /* class; items: the arguments it was called with. Its state is not kept */
    LC_PICKLE_PERSISTENT, /* items[0]: the persistent id */
} lc_pickle_kind;

typedef struct {
    const char *name; /* "module.name"; the list ends with NULL */
    int role;         /* the caller's */
} lc_pickle_class;

typedef struct lc_pickle_value {
    lc_pickle_kind kind;
    int64_t whole;
    const char *text; /* in the pickle's own bytes, no zero behind it */
    size_t text_size;
    const lc_pickle_class *class;
    struct lc_pickle_value **items;
    size_t count, capacity;
} lc_pickle_value;

typedef struct lc_pickle lc_pickle;

/*
 * Reads one pickle from `bytes` on, and moves them behind it. *out is the caller's; it points into the bytes.
 * LC_ERR_UNSUPPORTED names a class or opcode that is refused.
 */
LC_CHECKED lc_status lc_pickle_read(lc_pickle **out, lc_bytes *bytes, const lc_pickle_class *classes);
void lc_pickle_free(lc_pickle *p); /* NULL is fine */

/* What belongs to the pickle: the value it stands for, and every persistent id in it. */
const lc_pickle_value *lc_pickle_root(const lc_pickle *p);
size_t lc_pickle_persistent_count(const lc_pickle *p);
const lc_pickle_value *lc_pickle_persistent(const lc_pickle *p, size_t i);

/* Is the value (NULL: no) the string `text`? */
bool lc_pickle_is(const lc_pickle_value *v, const char *text);

/* The value of a string key in a dict; NULL if there is none, or `dict` is NULL or something else. */
const lc_pickle_value *lc_pickle_get(const lc_pickle_value *dict, const char *key);

#endif
