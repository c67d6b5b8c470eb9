/*
 * Small services on names, shared by both stages.
 */
#ifndef LC_COMMON_TEXT_H
#define LC_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The (up to) three names nearest to `wanted` by edit distance, as "a, b or c" in text, for "did you mean".
 * Levenshtein 1966, case ignored.
 */
const char *lc_text_nearest(char *text, size_t size, const char *wanted, const char *const *names, size_t count);

/*
 * Bytes of a file as they can stand in a message: the first 100, those that do not print as '?'. Belongs to the thread,
 * valid until its next call.
 */
const char *lc_text_show(const char *bytes, size_t size);

/* Replaces, in place, every byte that is no part of UTF-8 by '?'; whether there was any. */
bool lc_text_make_utf8(char *text);

#endif
