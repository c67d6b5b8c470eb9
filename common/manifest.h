/*
 * The manifest: which pictures, in which order, with which labels and splits.
 *
 * Sources
 *   a folder of   class/picture                    labels, no split
 *                 train|val|test/class/picture     labels and splits
 *                 picture                          neither
 *   a list file   .csv or .tsv with a header; columns path[,label[,split]] in any order, others ignored, RFC 4180
 *                 quoting; paths are relative to the file's folder (or absolute); "-" reads csv from standard input,
 *                 relative to the current folder
 *                 a label "cat;dog" is two labels of one picture
 *   one picture   a single row without a label
 *
 * Rows of a folder stand in byte order of their relative path; rows of a list in the list's order. Within a class
 * folder, pictures are found at any depth; links to folders are followed, loops end. Names that start with '.' and
 * extensions that no decoder reads are passed over and counted, unreadable folders too. A folder that holds one of
 * train, val, test is of the second kind: whatever else lies in it is passed over.
 */
#ifndef LC_COMMON_MANIFEST_H
#define LC_COMMON_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { LC_SPLIT_NONE, LC_SPLIT_TRAIN, LC_SPLIT_VAL, LC_SPLIT_TEST, LC_SPLIT_COUNT };

typedef struct {
    char *root;      /* what paths are relative to */
    size_t rows;
    char **paths;    /* (rows) */
    int32_t *labels; /* (rows) index into classes, -1: none; of several labels the first in that order */
    uint8_t *indicator; /* (rows, classes) 1: the row has this label; NULL: no row of the source has several */
    uint8_t *splits; /* (rows) LC_SPLIT_* */
    size_t classes;
    char **class_names; /* (classes), in byte order */
    size_t hidden, other_files, unreadable_folders; /* passed over */

    /* Of a part (common/shard.h), else 0 and NULL: part `part` of `parts` of a manifest of that many rows and that hash. */
    size_t part, parts, whole_rows;
    char *whole_sha256;
} lc_manifest;

/* Reads a source. No pictures at all is LC_ERR_ARG with the counts of what was passed over. *out is the caller's. */
LC_CHECKED lc_status lc_manifest_read(lc_manifest **out, const char *source);
void lc_manifest_free(lc_manifest *manifest);

/* A manifest of the given paths (pictures or folders, searched to any depth), for predict: no labels, root "". */
LC_CHECKED lc_status lc_manifest_from_paths(lc_manifest **out, const char *const *paths, size_t count);

/*
 * A manifest of the text of a list: columns parted by `delimiter`, paths relative to `root`. LC_ERR_FORMAT names
 * `source` and the line: a row of another width than the header, a quote that stays open, an unknown split, a zero byte.
 */
LC_CHECKED lc_status lc_manifest_parse_list(lc_manifest **out, const char *text, size_t size, char delimiter,
                                            const char *root, const char *source);

/* Whether a row has label k. */
bool lc_manifest_has(const lc_manifest *manifest, size_t row, size_t k);

/* The names of a row's labels, parted by ';', as a list has them; "" without. *out is the caller's. */
LC_CHECKED lc_status lc_manifest_labels(const lc_manifest *manifest, size_t row, char **out);

/* Whether row i of a and row j of b, whose classes are the same, have the same labels. */
bool lc_manifest_same_labels(const lc_manifest *a, size_t i, const lc_manifest *b, size_t j);

/* root/paths[row]; *out is the caller's, free(). */
LC_CHECKED lc_status lc_manifest_path(const lc_manifest *manifest, size_t row, char **out);

/* "none", "train", "val", "test". */
const char *lc_split_name(unsigned split);
/* LC_ERR_ARG for a word that names no split. */
LC_CHECKED lc_status lc_split_parse(const char *name, unsigned *out);

#endif
