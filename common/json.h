/*
 * JSON values, a thin coat over jansson (json.c is the only file that knows it).
 *
 * Building never fails visibly: a lack of memory is remembered and reported by lc_json_text(). A value put into an
 * object or array belongs to it. Keys keep the order in which they were set. Real numbers print with the fewest
 * digits that read back as the same double.
 */
#ifndef LC_COMMON_JSON_H
#define LC_COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

typedef struct lc_json lc_json;

lc_json *lc_json_object(void);
lc_json *lc_json_array(void);
void lc_json_free(lc_json *value); /* NULL is fine */

/* Setting a key that is there replaces it. A NULL string and a non-finite number become null. */
void lc_json_set(lc_json *object, const char *key, lc_json *value);
void lc_json_set_string(lc_json *object, const char *key, const char *value);
void lc_json_set_int(lc_json *object, const char *key, int64_t value);
void lc_json_set_real(lc_json *object, const char *key, double value);
void lc_json_set_bool(lc_json *object, const char *key, bool value);
void lc_json_add(lc_json *array, lc_json *value);
void lc_json_add_string(lc_json *array, const char *value);
void lc_json_add_int(lc_json *array, int64_t value);
void lc_json_add_real(lc_json *array, double value);

/* Reads text[0..size); LC_ERR_FORMAT names line and column. *out is the caller's. */
LC_CHECKED lc_status lc_json_parse(lc_json **out, const char *text, size_t size);

/* The text of a value; `indent` 0 gives one line. *out is the caller's, free(). */
LC_CHECKED lc_status lc_json_text(const lc_json *value, int indent, char **out);

/* Asking. A missing key or another type gives NULL / the fallback. What is returned belongs to the value asked. */
const lc_json *lc_json_get(const lc_json *object, const char *key);
const char *lc_json_string(const lc_json *object, const char *key);
double lc_json_number(const lc_json *object, const char *key, double fallback);
bool lc_json_bool(const lc_json *object, const char *key, bool fallback);
bool lc_json_is_array(const lc_json *value);
size_t lc_json_size(const lc_json *array_or_object);
const lc_json *lc_json_at(const lc_json *array, size_t i);
double lc_json_number_at(const lc_json *array, size_t i, double fallback);
const char *lc_json_string_at(const lc_json *array, size_t i);
/* i-th key of an object and its value. */
const char *lc_json_key_at(const lc_json *object, size_t i, const lc_json **value);
/* Walks an object from *at = NULL on, one key a call; false past the last. */
bool lc_json_each(const lc_json *object, void **at, const char **key, const lc_json **value);

#endif
