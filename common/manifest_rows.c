#include "common/manifest_rows.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"

static void free_class(void *entry)
{
    free(((lc_manifest_class *)entry)->name);
    free(entry);
}

void lc_manifest_row_free(lc_manifest_row *row)
{
    free(row->path);
    free(row->labels);
}

void lc_manifest_rows_free(lc_manifest_rows *c)
{
    for (size_t i = 0; i < c->count; i++) {
        lc_manifest_row_free(&c->rows[i]);
    }
    free(c->rows);
    tdestroy(c->classes, free_class);
}

static int compare_classes(const void *a, const void *b)
{
    return strcmp(((const lc_manifest_class *)a)->name, ((const lc_manifest_class *)b)->name);
}

/* The entry of the class `name`, made when it is new. */
static lc_status find_class(lc_manifest_rows *c, char *name, lc_manifest_class **out)
{
    lc_manifest_class wanted = {.name = name};
    lc_manifest_class **found = tfind(&wanted, &c->classes, compare_classes);
    if (found) {
        *out = *found;
        return LC_OK;
    }
    lc_manifest_class *entry;
    LC_TRY(lc_alloc_array(&entry, 1, sizeof *entry));
    lc_status status = lc_strdup(&entry->name, name);
    if (status == LC_OK && !tsearch(entry, &c->classes, compare_classes)) {
        status = lc_fail(LC_ERR_NOMEM, "no memory for class '%s'", name);
    }
    if (status != LC_OK) {
        free_class(entry);
        return status;
    }
    *out = entry;
    return LC_OK;
}

lc_status lc_manifest_rows_label(lc_manifest_rows *c, lc_manifest_row *row, char *name)
{
    lc_manifest_class *entry;
    LC_TRY(find_class(c, name, &entry));
    for (size_t i = 0; i < row->count; i++) {
        if (row->labels[i] == entry) {
            return LC_OK;
        }
    }
    LC_TRY(lc_grow(&row->labels, &row->capacity, row->count + 1, sizeof *row->labels));
    row->labels[row->count++] = entry;
    return LC_OK;
}

lc_status lc_manifest_rows_add(lc_manifest_rows *c, char *path)
{
    lc_status status = lc_grow(&c->rows, &c->capacity, c->count + 1, sizeof *c->rows);
    if (status != LC_OK) {
        free(path);
        return status;
    }
    c->rows[c->count++] = (lc_manifest_row){.path = path};
    return LC_OK;
}

/* Walks the classes in order of name, numbers them and hands their names to the manifest. */
static void take_class(const void *node, VISIT visit, void *manifest)
{
    if (visit == postorder || visit == leaf) {
        lc_manifest_class *entry = *(lc_manifest_class *const *)node;
        lc_manifest *m = manifest;
        entry->index = (int32_t)m->classes;
        m->class_names[m->classes++] = entry->name;
        entry->name = NULL;
    }
}

static void count_class(const void *node, VISIT visit, void *count)
{
    (void)node;
    *(size_t *)count += visit == postorder || visit == leaf;
}

/* The indicator, when a row has several labels. */
static lc_status mark_labels(lc_manifest *m, const lc_manifest_rows *c)
{
    size_t most = 0, cells;
    for (size_t i = 0; i < c->count; i++) {
        most = c->rows[i].count > most ? c->rows[i].count : most;
    }
    if (most < 2) {
        return LC_OK;
    }
    if (!lc_mul(c->count, m->classes, &cells)) {
        return lc_fail(LC_ERR_NOMEM, "%zu rows with labels among %zu classes are too many", c->count, m->classes);
    }
    LC_TRY(lc_alloc_array(&m->indicator, cells, sizeof *m->indicator));
    for (size_t i = 0; i < c->count; i++) {
        for (size_t l = 0; l < c->rows[i].count; l++) {
            m->indicator[i * m->classes + (size_t)c->rows[i].labels[l]->index] = 1;
        }
    }
    return LC_OK;
}

static int32_t first_label(const lc_manifest_row *row)
{
    int32_t first = -1;
    for (size_t l = 0; l < row->count; l++) {
        first = first < 0 || row->labels[l]->index < first ? row->labels[l]->index : first;
    }
    return first;
}

lc_status lc_manifest_rows_finish(lc_manifest **out, lc_manifest_rows *c, const char *root, const char *source)
{
    lc_manifest *m = NULL;
    size_t classes = 0;
    *out = NULL;
    if (c->count == 0) {
        return lc_fail(LC_ERR_ARG,
                       "no pictures in %s: %zu files of other kinds, %zu hidden passed over, %zu folders unreadable",
                       source, c->other_files, c->hidden, c->unreadable_folders);
    }
    twalk_r(c->classes, count_class, &classes);
    if (c->count > INT32_MAX) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%s: %zu rows, more than 2^31 - 1", source, c->count);
    }
    LC_TRY(lc_alloc_array(&m, 1, sizeof *m));
    lc_status status = lc_strdup(&m->root, root);
    if (status == LC_OK) {
        status = lc_alloc_array(&m->paths, c->count, sizeof *m->paths);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&m->labels, c->count, sizeof *m->labels);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&m->splits, c->count, sizeof *m->splits);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&m->class_names, classes, sizeof *m->class_names);
    }
    if (status != LC_OK) {
        lc_manifest_free(m);
        return status;
    }
    twalk_r(c->classes, take_class, m);
    status = mark_labels(m, c);
    if (status != LC_OK) {
        lc_manifest_free(m);
        return status;
    }
    for (size_t i = 0; i < c->count; i++) {
        lc_manifest_row *row = &c->rows[i];
        m->labels[i] = first_label(row);
        m->splits[i] = row->split;
        m->paths[i] = row->path;
        row->path = NULL;
    }
    m->rows = c->count;
    m->hidden = c->hidden;
    m->other_files = c->other_files;
    m->unreadable_folders = c->unreadable_folders;
    *out = m;
    return LC_OK;
}
