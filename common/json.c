#include "common/json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"

/* A value that this thread could not build for lack of memory; the next lc_json_text says so. */
static _Thread_local bool lost;

static json_t *inner(const lc_json *value)
{
    return (json_t *)value;
}

static lc_json *outer(json_t *value)
{
    lost |= !value;
    return (lc_json *)value;
}

/* JSON is UTF-8, names of files need not be: jansson refuses them, so what it refuses is made UTF-8 first. */
static char *clean_copy(const char *text)
{
    char *copy = strdup(text);
    if (copy) {
        lc_text_make_utf8(copy);
    }
    return copy;
}

static json_t *string_value(const char *text)
{
    if (!text) {
        return json_null();
    }
    json_t *value = json_string(text);
    if (!value) {
        char *copy = clean_copy(text);
        value = copy ? json_string(copy) : NULL;
        free(copy);
    }
    return value;
}

static json_t *real_value(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

lc_json *lc_json_object(void)
{
    return outer(json_object());
}

lc_json *lc_json_array(void)
{
    return outer(json_array());
}

void lc_json_free(lc_json *value)
{
    json_decref(inner(value));
}

void lc_json_set(lc_json *object, const char *key, lc_json *value)
{
    json_t *v = inner(value);
    if (json_object_set(inner(object), key, v) != 0) {
        char *copy = clean_copy(key);
        lost |= !v || !copy || json_object_set(inner(object), copy, v) != 0;
        free(copy);
    }
    json_decref(v);
}

void lc_json_set_string(lc_json *object, const char *key, const char *value)
{
    lc_json_set(object, key, outer(string_value(value)));
}

void lc_json_set_int(lc_json *object, const char *key, int64_t value)
{
    lc_json_set(object, key, outer(json_integer(value)));
}

void lc_json_set_real(lc_json *object, const char *key, double value)
{
    lc_json_set(object, key, outer(real_value(value)));
}

void lc_json_set_bool(lc_json *object, const char *key, bool value)
{
    lc_json_set(object, key, outer(json_boolean(value)));
}

void lc_json_add(lc_json *array, lc_json *value)
{
    lost |= json_array_append_new(inner(array), inner(value)) != 0;
}

void lc_json_add_string(lc_json *array, const char *value)
{
    lc_json_add(array, outer(string_value(value)));
}

void lc_json_add_int(lc_json *array, int64_t value)
{
    lc_json_add(array, outer(json_integer(value)));
}

void lc_json_add_real(lc_json *array, double value)
{
    lc_json_add(array, outer(real_value(value)));
}

lc_status lc_json_parse(lc_json **out, const char *text, size_t size)
{
    json_error_t error;
    *out = (lc_json *)json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!*out) {
        return lc_fail(LC_ERR_FORMAT, "line %d, column %d: %s", error.line, error.column, error.text);
    }
    return LC_OK;
}

/* Writing ---------------------------------------------------------------------------------------------------- */

typedef struct {
    char *text;
    size_t size, capacity, indent;
} writer;

static lc_status put(writer *w, const char *text, size_t size)
{
    LC_TRY(lc_grow(&w->text, &w->capacity, w->size + size + 1, 1));
    memcpy(w->text + w->size, text, size);
    w->size += size;
    w->text[w->size] = '\0';
    return LC_OK;
}

/* Anything but a container, written by jansson. */
static lc_status put_leaf(writer *w, const json_t *value, size_t flags)
{
    for (;;) {
        size_t room = w->capacity - w->size;
        size_t n = room ? json_dumpb(value, w->text + w->size, room - 1, flags | JSON_ENCODE_ANY) : 64;
        if (n == 0) {
            return lc_fail(LC_ERR_NOMEM, "no memory for a JSON text");
        }
        if (room && n <= room - 1) {
            w->size += n;
            w->text[w->size] = '\0';
            return LC_OK;
        }
        LC_TRY(lc_grow(&w->text, &w->capacity, w->size + n + 1, 1));
    }
}

/*
 * Every decimal number of at most 15 digits survives the way through a double, and 17 digits always bring the double
 * back, so the shortest text has 15, 16 or 17 digits (less its trailing zeros).
 */
static lc_status put_real(writer *w, const json_t *value)
{
    size_t at = w->size;
    for (unsigned digits = 15; digits <= 17; digits++) {
        w->size = at;
        LC_TRY(put_leaf(w, value, JSON_REAL_PRECISION(digits)));
        json_t *back = json_loadb(w->text + at, w->size - at, JSON_DECODE_ANY, NULL);
        bool same = json_real_value(back) == json_real_value(value);
        json_decref(back);
        if (same) {
            break;
        }
    }
    return LC_OK;
}

static lc_status put_line(writer *w, size_t depth)
{
    if (w->indent == 0) {
        return LC_OK;
    }
    LC_TRY(put(w, "\n", 1));
    for (size_t i = 0; i < depth * w->indent; i++) {
        LC_TRY(put(w, " ", 1));
    }
    return LC_OK;
}

static lc_status put_value(writer *w, json_t *value, size_t depth);

/* An array of plain values stays on one line, also with an indent: rows of matrices, lists of numbers. */
static lc_status put_array(writer *w, json_t *array, size_t depth)
{
    bool nested = false;
    size_t i;
    json_t *value;
    json_array_foreach(array, i, value)
    {
        nested |= json_is_array(value) || json_is_object(value);
    }
    LC_TRY(put(w, "[", 1));
    json_array_foreach(array, i, value)
    {
        if (i > 0) {
            LC_TRY(put(w, ", ", w->indent && !nested ? 2 : 1));
        }
        if (nested) {
            LC_TRY(put_line(w, depth + 1));
        }
        LC_TRY(put_value(w, value, depth + 1));
    }
    if (nested) {
        LC_TRY(put_line(w, depth));
    }
    return put(w, "]", 1);
}

static lc_status put_object(writer *w, json_t *object, size_t depth)
{
    const char *key, *before = "";
    json_t *value;
    LC_TRY(put(w, "{", 1));
    json_object_foreach(object, key, value)
    {
        LC_TRY(put(w, before, strlen(before)));
        LC_TRY(put_line(w, depth + 1));
        json_t *name = json_string(key);
        lc_status status = put_leaf(w, name, 0);
        json_decref(name);
        LC_TRY(status);
        LC_TRY(put(w, ": ", w->indent ? 2 : 1));
        LC_TRY(put_value(w, value, depth + 1));
        before = ",";
    }
    if (json_object_size(object) > 0) {
        LC_TRY(put_line(w, depth));
    }
    return put(w, "}", 1);
}

static lc_status put_value(writer *w, json_t *value, size_t depth)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return put_object(w, value, depth);
    case JSON_ARRAY:
        return put_array(w, value, depth);
    case JSON_REAL:
        return put_real(w, value);
    default:
        return put_leaf(w, value, 0);
    }
}

lc_status lc_json_text(const lc_json *value, int indent, char **out)
{
    writer w = {.indent = (size_t)indent};
    *out = NULL;
    bool incomplete = lost || !value;
    lost = false;
    if (incomplete) {
        return lc_fail(LC_ERR_NOMEM, "no memory for a JSON text");
    }
    lc_status status = put_value(&w, inner(value), 0);
    if (status != LC_OK) {
        free(w.text);
        return status;
    }
    *out = w.text;
    return LC_OK;
}

/* Asking ----------------------------------------------------------------------------------------------------- */

const lc_json *lc_json_get(const lc_json *object, const char *key)
{
    return (const lc_json *)json_object_get(inner(object), key);
}

const char *lc_json_string(const lc_json *object, const char *key)
{
    return json_string_value(json_object_get(inner(object), key));
}

double lc_json_number(const lc_json *object, const char *key, double fallback)
{
    const json_t *value = json_object_get(inner(object), key);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

bool lc_json_bool(const lc_json *object, const char *key, bool fallback)
{
    const json_t *value = json_object_get(inner(object), key);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

bool lc_json_is_array(const lc_json *value)
{
    return json_is_array(inner(value));
}

size_t lc_json_size(const lc_json *array_or_object)
{
    const json_t *value = inner(array_or_object);
    return json_is_array(value) ? json_array_size(value) : json_object_size(value);
}

const lc_json *lc_json_at(const lc_json *array, size_t i)
{
    return (const lc_json *)json_array_get(inner(array), i);
}

double lc_json_number_at(const lc_json *array, size_t i, double fallback)
{
    const json_t *value = json_array_get(inner(array), i);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

const char *lc_json_string_at(const lc_json *array, size_t i)
{
    return json_string_value(json_array_get(inner(array), i));
}

const char *lc_json_key_at(const lc_json *object, size_t i, const lc_json **value)
{
    json_t *o = inner(object);
    void *at = json_object_iter(o);
    for (; at && i > 0; i--) {
        at = json_object_iter_next(o, at);
    }
    *value = at ? (const lc_json *)json_object_iter_value(at) : NULL;
    return at ? json_object_iter_key(at) : NULL;
}

bool lc_json_each(const lc_json *object, void **at, const char **key, const lc_json **value)
{
    json_t *o = inner(object);
    *at = *at ? json_object_iter_next(o, *at) : json_object_iter(o);
    *key = *at ? json_object_iter_key(*at) : NULL;
    *value = *at ? (const lc_json *)json_object_iter_value(*at) : NULL;
    return *at != NULL;
}
