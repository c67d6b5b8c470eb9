/*
 * Which rows belong together in a cross-validation: by the folder of their picture, or by a column of a list file.
 */
#ifndef LC_TOOLS_GROUPS_H
#define LC_TOOLS_GROUPS_H

#include "classifier/classifier.h"
#include "common/error.h"

typedef struct {
    const char **of_row; /* (rows of the dataset) a group's name */
    char **names;        /* (count) what they point to */
    size_t count;
} lc_groups;

/*
 * "folder", or "LIST.csv:COLUMN" whose path column names every picture of the dataset as its store does. LC_ERR_ARG for a
 * column that is not there or a row without one. Release with lc_groups_free, also after a failure.
 */
LC_CHECKED lc_status lc_groups_read(lc_groups *out, const char *text, const lc_dataset *data);
void lc_groups_free(lc_groups *groups);

#endif
