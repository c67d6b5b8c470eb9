/*
 * Parts of one job (`extract --shard I/N`) -> one features file.
 */
#ifndef LC_COMMON_STORE_MERGE_H
#define LC_COMMON_STORE_MERGE_H

#include <stdbool.h>

#include "common/feature_store.h"

typedef struct {
    size_t parts, rows, failed, layers;
} lc_store_merge_report;

/*
 * Joins the parts, given in any order, into a new file at `path`; its /layers and /images have the bytes that one run
 * over all pictures would have written. `as_links`: the rows stay in the parts' files, which the new one refers to - by
 * names relative to its folder where they lie in or below it, else by absolute ones.
 * LC_ERR_STALE, by name: a file that is no part, unfinished, of another recipe or of other pictures; a part that is
 * missing or there twice. LC_ERR_ARG when `path` exists already.
 */
LC_CHECKED lc_status lc_store_merge(const char *const *paths, size_t count, const char *path, bool as_links,
                                    const char *command, lc_store_merge_report *report);

#endif
