/*
 * What a search has finished, line by line in a text file, so that an interrupted search goes on where it was.
 *
 *   layercut-search 1 <sha256 of the job>
 *   <number> <value>            one finished fit each: fold * points + point, rows judged right; of rows with several labels
 *                               (fold * points + point) * classes + class, the bits of its average precision
 *
 * A file of another job is replaced, with a warning; a last line without its end (a kill) does not count.
 */
#ifndef LC_CLASSIFIER_JOURNAL_H
#define LC_CLASSIFIER_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

typedef struct lc_journal lc_journal;

/* Numbers are below `capacity`, values at most `most`. *out is the caller's. */
LC_CHECKED lc_status lc_journal_open(lc_journal **out, const char *path, const char *fingerprint, size_t capacity,
                                     size_t most);
/* Closes; `done` removes the file as well. NULL is fine. */
void lc_journal_close(lc_journal *j, bool done);

size_t lc_journal_count(const lc_journal *j);
bool lc_journal_find(const lc_journal *j, size_t number, size_t *value);
LC_CHECKED lc_status lc_journal_add(lc_journal *j, size_t number, size_t value);
LC_CHECKED lc_status lc_journal_flush(lc_journal *j);

#endif
