#include "tools/groups.h"

#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/manifest.h"
#include "common/memory.h"

enum { LIST_LIMIT = 1 << 30 };

void lc_groups_free(lc_groups *g)
{
    lc_free_strings(g->names, g->count);
    free(g->of_row);
    *g = (lc_groups){0};
}

/* The name of the folder that each picture lies in. */
static lc_status by_folder(lc_groups *g, const lc_dataset *data)
{
    for (size_t i = 0; i < data->rows; i++) {
        LC_TRY(lc_strdup(&g->names[i], data->paths[i]));
        char *slash = strrchr(g->names[i], '/');
        *(slash ? slash : g->names[i]) = '\0';
        g->of_row[i] = g->names[i];
    }
    return LC_OK;
}

/*
 * The header with `column` renamed to "label" and a label column to something else, so that the reader of lists reads the
 * groups as it reads labels. *out is the caller's.
 */
static lc_status rename_columns(const char *text, char delimiter, const char *column, const char *source, char **out)
{
    char separators[] = {delimiter, '\r', '\n', '\0'}, *renamed, *now;
    bool found = false;
    LC_TRY(lc_strdup(&renamed, ""));
    const char *at = text;
    for (;; at++) {
        size_t length = strcspn(at, separators);
        bool group = length == strlen(column) && strncmp(at, column, length) == 0;
        bool label = length == 5 && strncmp(at, "label", 5) == 0;
        found = found || group;
        lc_status status = lc_sprintf(&now, "%s%.*s%c", renamed, group ? 5 : label ? 9 : (int)length,
                                      group ? "label" : label ? "old_label" : at, at[length] == delimiter ? delimiter : '\n');
        free(renamed);
        LC_TRY(status);
        renamed = now;
        at += length;
        if (*at != delimiter) {
            break;
        }
    }
    at += strspn(at, "\r");
    lc_status status = found ? lc_sprintf(out, "%s%s", renamed, *at ? at + 1 : at)
                             : lc_fail(LC_ERR_ARG, "%s has no column '%s'", source, column);
    free(renamed);
    return status;
}

typedef struct {
    const char *path, *group;
} path_group;

static int by_path(const void *a, const void *b)
{
    return strcmp(((const path_group *)a)->path, ((const path_group *)b)->path);
}

static lc_status match_rows(lc_groups *g, const lc_dataset *data, const lc_manifest *m, const char *source)
{
    path_group *items;
    LC_TRY(lc_alloc_array(&items, m->rows, sizeof *items));
    lc_status status = LC_OK;
    for (size_t i = 0; i < m->rows; i++) {
        items[i] = (path_group){m->paths[i], m->labels[i] < 0 ? NULL : m->class_names[m->labels[i]]};
    }
    qsort(items, m->rows, sizeof *items, by_path);
    for (size_t i = 0; i < data->rows && status == LC_OK; i++) {
        const path_group wanted = {data->paths[i], NULL};
        const path_group *found = bsearch(&wanted, items, m->rows, sizeof *items, by_path);
        status = found && found->group
                     ? lc_strdup(&g->names[i], found->group)
                     : lc_fail(LC_ERR_ARG, "%s %s '%s'", source, found ? "has no group for" : "does not list", data->paths[i]);
        g->of_row[i] = g->names[i];
    }
    free(items);
    return status;
}

static lc_status by_column(lc_groups *g, const lc_dataset *data, const char *list, const char *column)
{
    unsigned char *text = NULL;
    char *renamed = NULL;
    size_t size, length = strlen(list);
    lc_manifest *m = NULL;
    char delimiter = length > 4 && strcmp(list + length - 4, ".tsv") == 0 ? '\t' : ',';
    lc_status status;
    if ((status = lc_read_file(&text, &size, list, LIST_LIMIT)) != LC_OK ||
        (status = rename_columns((const char *)text, delimiter, column, list, &renamed)) != LC_OK ||
        (status = lc_manifest_parse_list(&m, renamed, strlen(renamed), delimiter, "", list)) != LC_OK) {
        goto done;
    }
    status = match_rows(g, data, m, list);
done:
    free(text);
    free(renamed);
    lc_manifest_free(m);
    return status;
}

lc_status lc_groups_read(lc_groups *out, const char *text, const lc_dataset *data)
{
    *out = (lc_groups){.count = data->rows};
    LC_TRY(lc_alloc_array(&out->names, data->rows, sizeof *out->names));
    LC_TRY(lc_alloc_array(&out->of_row, data->rows, sizeof *out->of_row));
    if (strcmp(text, "folder") == 0) {
        return by_folder(out, data);
    }
    char *list;
    LC_TRY(lc_strdup(&list, text));
    char *colon = strrchr(list, ':');
    lc_status status = LC_OK;
    if (colon) {
        *colon = '\0';
        status = by_column(out, data, list, colon + 1);
    } else {
        status = lc_fail(LC_ERR_ARG, "--group-by '%s': wants 'folder' or LIST.csv:COLUMN", text);
    }
    free(list);
    return status;
}
