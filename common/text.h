/*
 * Small services on names and text, shared by both stages.
 */
#ifndef LC_COMMON_TEXT_H
#define LC_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/error.h"

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

/* Characters of UTF-8 text, not bytes. */
size_t lc_text_length(const char *text);

/* Bytes of the first line when `text` is wrapped at `width` characters: whole words, one at least. A blank or the end
 * follows. */
size_t lc_text_line(const char *text, size_t width);

/* A field of a CSV file as RFC 4180 has it: quoted; quoted where it must be. */
void lc_text_put_quoted(FILE *f, const char *text);
void lc_text_put_field(FILE *f, const char *text);

/* Text of any length, written with stdio: fprintf(t.stream, ...) between open and close. */
typedef struct {
    FILE *stream;
    char *text; /* (size), and a zero byte behind; there after close, the caller's */
    size_t size;
} lc_text;

LC_CHECKED lc_status lc_text_open(lc_text *out);
/* LC_ERR_NOMEM, with text NULL, when something did not fit into memory. */
LC_CHECKED lc_status lc_text_close(lc_text *t);

#endif
