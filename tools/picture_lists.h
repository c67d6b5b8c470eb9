/*
 * Lists of pictures for commands that train on several choices of one set: absolute paths, so that a list may lie anywhere and
 * results of different lists name their rows alike.
 */
#ifndef LC_TOOLS_PICTURE_LISTS_H
#define LC_TOOLS_PICTURE_LISTS_H

#include "common/manifest.h"
#include "tools/inputs.h"

/* Rows of one label that have a split; without any, a fifth of each class, drawn by `seed`, becomes split test. *out is the caller's. */
LC_CHECKED lc_status lc_split_pictures(lc_manifest **out, const char *source, uint64_t seed);

/*
 * Writes rows i with keep[i], keep (rows), as a list. LC_ERR_ARG when `path` is there with other contents: what lies beside it is of
 * another work.
 */
LC_CHECKED lc_status lc_write_list(const char *path, const lc_manifest *manifest, const uint8_t *keep);

/*
 * The same of FOLDER/settings.txt: what results there depend on beside the lists, `text` (lines) and the options for pictures, so
 * that those of other options are not taken for these.
 */
LC_CHECKED lc_status lc_keep_settings(const char *folder, const char *text, const lc_picture_arguments *pictures);

#endif
