/* Lists of ImageNet's kind -> a list that lc_manifest_read reads. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "extractor/import.h"

static const size_t LIST_LIMIT = (size_t)1 << 30;

typedef struct {
    unsigned char *text;
    lc_list_line *lines;
    size_t count;
    unsigned split;
} list;

/* By the name of the list's file, "train.txt", "ILSVRC2012_validation_ground_truth.txt". */
static lc_status split_of_list(const char *path, const lc_import_options *options, unsigned *split)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    if (options->split) {
        return lc_split_parse(options->split, split);
    }
    *split = strstr(name, "train") ? LC_SPLIT_TRAIN
             : strstr(name, "val") ? LC_SPLIT_VAL
             : strstr(name, "test") ? LC_SPLIT_TEST
                                    : LC_SPLIT_NONE;
    return LC_OK;
}

static lc_status read_list(list *out, const char *path, const lc_import_options *options)
{
    size_t size;
    LC_TRY(split_of_list(path, options, &out->split));
    LC_TRY(lc_read_file(&out->text, &size, path, LIST_LIMIT));
    lc_status st = lc_list_parse((const char *)out->text, size, &out->lines, &out->count);
    return st == LC_OK ? st : lc_fail_in(st, "%s", path);
}

/* Row `i` of a list: its picture's path; the development kit's pictures are numbered. */
static lc_status picture_path(char **out, const char *root, const lc_list_line *line, size_t i)
{
    if (!line->path) {
        return lc_sprintf(out, "%s/ILSVRC2012_val_%08zu.JPEG", root, i + 1);
    }
    return lc_sprintf(out, "%s%s%.*s", line->path[0] == '/' ? "" : root, line->path[0] == '/' ? "" : "/", (int)line->path_size,
                      line->path);
}

typedef struct {
    char **names;
    size_t name_count, labels, missing;
    int digits;
    size_t *written; /* (labels) in the list at hand */
    unsigned char *seen; /* (labels) */
} rows;

static lc_status write_rows(FILE *f, const list *l, const char *root, const lc_import_options *options, rows *r,
                            lc_import_report *report)
{
    memset(r->written, 0, r->labels * sizeof *r->written);
    for (size_t i = 0; i < l->count; i++) {
        const lc_list_line *line = &l->lines[i];
        char *path, *name;
        if (options->per_class && r->written[line->label] == options->per_class) {
            continue;
        }
        LC_TRY(picture_path(&path, root, line, i));
        lc_status st = lc_label_name(&name, r->names, r->name_count, line->label, r->digits);
        if (st != LC_OK) {
            free(path);
            return lc_fail_in(st, "row %zu", i + 1);
        }
        r->missing += access(path, R_OK) != 0;
        lc_text_put_field(f, path);
        putc(',', f);
        lc_text_put_field(f, name);
        fprintf(f, ",%s\n", l->split ? lc_split_name(l->split) : "");
        free(path);
        free(name);
        r->written[line->label]++;
        r->seen[line->label] = 1;
        report->pictures[l->split]++;
    }
    return LC_OK;
}

/* The absolute folder of the pictures: as asked, or the list's own. */
static lc_status find_root(char *root, const char *list_path, const lc_import_options *options)
{
    char *folder;
    const char *slash = strrchr(list_path, '/');
    LC_TRY(options->pictures ? lc_strdup(&folder, options->pictures)
           : slash           ? lc_sprintf(&folder, "%.*s", (int)(slash - list_path + 1), list_path)
                             : lc_strdup(&folder, "."));
    lc_status st = realpath(folder, root) ? LC_OK : lc_fail_errno("%s", folder);
    free(folder);
    return st;
}

static lc_status write_lists(FILE *f, const list *lists, const char *const *paths, size_t count, const lc_import_options *options,
                             lc_import_report *report)
{
    rows r = {0};
    char root[PATH_MAX];
    lc_status st = lc_names_read(options->classes, &r.names, &r.name_count);
    for (size_t l = 0; l < count; l++) {
        for (size_t i = 0; i < lists[l].count; i++) {
            r.labels = lists[l].lines[i].label >= r.labels ? lists[l].lines[i].label + 1 : r.labels;
        }
    }
    r.digits = snprintf(NULL, 0, "%zu", r.labels - 1);
    if (st == LC_OK) {
        st = lc_alloc_array(&r.written, r.labels, sizeof *r.written);
    }
    if (st == LC_OK) {
        st = lc_alloc_array(&r.seen, r.labels, 1);
    }
    fputs("path,label,split\n", f);
    for (size_t l = 0; st == LC_OK && l < count; l++) {
        st = find_root(root, paths[l], options);
        if (st == LC_OK) {
            st = write_rows(f, &lists[l], root, options, &r, report);
        }
        st = st == LC_OK ? st : lc_fail_in(st, "%s", paths[l]);
    }
    for (size_t i = 0; st == LC_OK && i < r.labels; i++) {
        report->classes += r.seen[i];
    }
    report->missing = r.missing;
    free(r.written);
    free(r.seen);
    lc_free_strings(r.names, r.name_count);
    return st;
}

lc_status lc_import_lists(const char *const *paths, size_t count, const char *output, const lc_import_options *options,
                          lc_import_report *report)
{
    size_t n = strlen(output);
    lc_text text = {0};
    list *lists;
    if (n < 4 || strcmp(output + n - 4, ".csv") != 0) {
        return lc_fail(LC_ERR_ARG, "%s: lists become a list, whose name ends with .csv", output);
    }
    LC_TRY(lc_alloc_array(&lists, count, sizeof *lists));
    lc_status st = LC_OK;
    for (size_t i = 0; st == LC_OK && i < count; i++) {
        st = read_list(&lists[i], paths[i], options);
    }
    if (st == LC_OK) {
        st = lc_text_open(&text);
    }
    if (st == LC_OK) {
        st = write_lists(text.stream, lists, paths, count, options, report);
        lc_status closed = lc_text_close(&text);
        st = st == LC_OK ? closed : st;
    }
    if (st == LC_OK) {
        st = lc_write_file(output, text.text, text.size);
    }
    report->format = "list";
    free(text.text);
    for (size_t i = 0; i < count; i++) {
        free(lists[i].text);
        free(lists[i].lines);
    }
    free(lists);
    return st;
}
