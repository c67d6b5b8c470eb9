/*
 * Lists of pictures for commands that train on several choices of one set: absolute paths, so that a list may lie anywhere and
 * results of different lists name their rows alike.
 */
#ifndef LC_TOOLS_PICTURE_LISTS_H
#define LC_TOOLS_PICTURE_LISTS_H

#include "common/manifest.h"

/* Rows of one label that have a split; without any, a fifth of each class, drawn by `seed`, becomes split test. *out is the caller's. */
LC_CHECKED lc_status lc_split_pictures(lc_manifest **out, const char *source, uint64_t seed);

/*
 * Writes rows i with keep[i], keep (rows), as a list. LC_ERR_ARG when `path` is there with other contents: what lies beside it is of
 * another work.
 */
LC_CHECKED lc_status lc_write_list(const char *path, const lc_manifest *manifest, const uint8_t *keep);

/* The same of any text that tells one work from another. */
LC_CHECKED lc_status lc_keep_text(const char *path, const char *text, size_t size);

#endif
