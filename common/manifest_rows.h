/*
 * Rows being collected for a manifest, from folders and lists. Only manifest.c and manifest_*.c include it.
 */
#ifndef LC_COMMON_MANIFEST_ROWS_H
#define LC_COMMON_MANIFEST_ROWS_H

#include "common/manifest.h"

typedef struct {
    char *name;
    int32_t index; /* among the names in byte order, once all rows are there */
} lc_manifest_class;

typedef struct {
    char *path;
    lc_manifest_class **labels; /* (count), each once */
    size_t count, capacity;
    uint8_t split;
} lc_manifest_row;

/* All zero: no rows. */
typedef struct {
    lc_manifest_row *rows;
    size_t count, capacity;
    void *classes; /* tree of lc_manifest_class by name, see tsearch(3) */
    size_t hidden, other_files, unreadable_folders;
} lc_manifest_rows;

void lc_manifest_row_free(lc_manifest_row *row);
void lc_manifest_rows_free(lc_manifest_rows *c);

/* One more row, without label or split. Takes `path` over, also when it fails. */
LC_CHECKED lc_status lc_manifest_rows_add(lc_manifest_rows *c, char *path);

/* Gives the row one more label, unless it has it. */
LC_CHECKED lc_status lc_manifest_rows_label(lc_manifest_rows *c, lc_manifest_row *row, char *name);

/* Moves the rows into a manifest. None at all is LC_ERR_ARG, which names `source`. */
LC_CHECKED lc_status lc_manifest_rows_finish(lc_manifest **out, lc_manifest_rows *c, const char *root,
                                             const char *source);

/* Adds the pictures of a folder, sorted, with the labels and splits that its own folders say; paths below `root`. */
LC_CHECKED lc_status lc_manifest_read_folder(lc_manifest_rows *c, const char *root);

/* Adds all pictures below a folder, sorted, without labels; paths begin with `folder`. */
LC_CHECKED lc_status lc_manifest_read_tree(lc_manifest_rows *c, const char *folder);

/* A manifest of a list in a file, or of one in csv on standard input. */
LC_CHECKED lc_status lc_manifest_read_list_file(lc_manifest **out, const char *source, const char *root, char delimiter);
LC_CHECKED lc_status lc_manifest_read_standard_input(lc_manifest **out);

/* folder/name; *out is the caller's. */
LC_CHECKED lc_status lc_manifest_join(char **out, const char *folder, const char *name);

/* What follows the last dot of a file's name; "" without one. */
const char *lc_manifest_extension(const char *name);

/* Whether a decoder reads files of this extension. */
bool lc_manifest_is_picture(const char *name);

#endif
