#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/manifest_rows.h"
#include "common/memory.h"
#include "common/text.h"

/* A folder being searched, and those it lies in: a link back to one of them is a loop. */
typedef struct ancestor {
    const struct ancestor *above;
    dev_t device;
    ino_t inode;
} ancestor;

static bool is_loop(const ancestor *folder)
{
    for (const ancestor *a = folder->above; a; a = a->above) {
        if (a->device == folder->device && a->inode == folder->inode) {
            return true;
        }
    }
    return false;
}

typedef enum { IS_FOLDER, IS_FILE, IS_OTHER } kind;

static kind kind_of(const char *path, unsigned char type)
{
    struct stat info;
    if (type == DT_REG || type == DT_DIR) {
        return type == DT_REG ? IS_FILE : IS_FOLDER;
    }
    if ((type != DT_LNK && type != DT_UNKNOWN) || stat(path, &info) != 0) {
        /* A broken link that is called a picture becomes a row, so that its row says what is wrong. */
        return type == DT_LNK ? IS_FILE : IS_OTHER;
    }
    return S_ISDIR(info.st_mode) ? IS_FOLDER : S_ISREG(info.st_mode) ? IS_FILE : IS_OTHER;
}

/* A folder's own folders, relative to the root. */
typedef struct {
    char **paths;
    size_t count, capacity;
} folder_list;

/* One entry of root/folder, whose whole path is `full`: a row, a folder for later, or neither. */
static lc_status add_entry(lc_manifest_rows *c, folder_list *below, const char *full, const char *folder,
                           const struct dirent *entry)
{
    char *path, *relative;
    if (entry->d_name[0] == '.') {
        c->hidden += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
        return LC_OK;
    }
    LC_TRY(lc_manifest_join(&path, full, entry->d_name));
    kind what = kind_of(path, entry->d_type);
    free(path);
    if (what == IS_OTHER || (what == IS_FILE && !lc_manifest_is_picture(entry->d_name))) {
        c->other_files++;
        return LC_OK;
    }
    if (what == IS_FOLDER) {
        LC_TRY(lc_grow(&below->paths, &below->capacity, below->count + 1, sizeof *below->paths));
    }
    LC_TRY(lc_manifest_join(&relative, folder, entry->d_name));
    if (what == IS_FILE) {
        return lc_manifest_rows_add(c, relative);
    }
    below->paths[below->count++] = relative;
    return LC_OK;
}

/*
 * Adds the pictures below root/folder; `folder` is relative to the root, "" for the root itself. All names of a folder
 * are read before one below is entered, so that one folder is open at a time.
 */
static lc_status scan(lc_manifest_rows *c, const char *root, const char *folder, const ancestor *above)
{
    char *full;
    folder_list below = {0};
    struct stat info;
    ancestor here = {.above = above};
    LC_TRY(folder[0] ? lc_manifest_join(&full, root, folder) : lc_strdup(&full, root));
    lc_status status = LC_OK;
    DIR *directory = opendir(full);
    if (!directory || fstat(dirfd(directory), &info) != 0) {
        lc_log(LC_LOG_WARNING, "%s: %s; passed over", full, strerror(errno));
        c->unreadable_folders++;
        goto done;
    }
    here.device = info.st_dev;
    here.inode = info.st_ino;
    if (is_loop(&here)) {
        goto done;
    }
    for (const struct dirent *entry; status == LC_OK && (entry = readdir(directory));) {
        status = add_entry(c, &below, full, folder, entry);
    }
    closedir(directory);
    directory = NULL;
    for (size_t i = 0; status == LC_OK && i < below.count; i++) {
        status = scan(c, root, below.paths[i], &here);
    }
done:
    if (directory) {
        closedir(directory);
    }
    lc_free_strings(below.paths, below.count);
    free(full);
    return status;
}

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const lc_manifest_row *)a)->path, ((const lc_manifest_row *)b)->path);
}

static void sort_rows(lc_manifest_rows *c, size_t from)
{
    if (c->count > from) {
        qsort(c->rows + from, c->count - from, sizeof *c->rows, compare_rows);
    }
}

/* The class of a picture is the folder directly below the root, or below its split. */
static lc_status label_rows(lc_manifest_rows *c, bool has_splits)
{
    for (size_t i = 0; i < c->count; i++) {
        lc_manifest_row *row = &c->rows[i];
        char *name = row->path, *slash;
        if (has_splits) {
            unsigned split = LC_SPLIT_NONE;
            slash = strchr(name, '/');
            *slash = '\0';
            lc_status status = lc_split_parse(name, &split);
            *slash = '/';
            LC_TRY(status);
            row->split = (uint8_t)split;
            name = slash + 1;
        }
        slash = strchr(name, '/');
        if (slash) {
            *slash = '\0';
            lc_status status = lc_manifest_rows_label(c, row, name);
            *slash = '/';
            LC_TRY(status);
        }
    }
    return LC_OK;
}

/* What lies in a folder of splits beside them. */
static lc_status count_others(lc_manifest_rows *c, const char *root)
{
    DIR *directory = opendir(root);
    unsigned split = LC_SPLIT_NONE;
    if (!directory) {
        return lc_fail_errno("%s", root);
    }
    for (const struct dirent *entry; (entry = readdir(directory));) {
        const char *name = entry->d_name;
        if (name[0] == '.') {
            c->hidden += strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
        } else if (lc_split_parse(name, &split) != LC_OK || split == LC_SPLIT_NONE) {
            c->other_files++;
        }
    }
    closedir(directory);
    return LC_OK;
}

static lc_status is_folder(const char *root, const char *name, bool *out)
{
    char *path;
    struct stat info;
    LC_TRY(lc_manifest_join(&path, root, name));
    *out = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    free(path);
    return LC_OK;
}

lc_status lc_manifest_read_folder(lc_manifest_rows *c, const char *root)
{
    struct stat info;
    bool there, has_splits = false;
    if (stat(root, &info) != 0) {
        return lc_fail_errno("%s", root);
    }
    const ancestor top = {NULL, info.st_dev, info.st_ino};
    for (unsigned split = LC_SPLIT_TRAIN; split < LC_SPLIT_COUNT; split++) {
        LC_TRY(is_folder(root, lc_split_name(split), &there));
        if (there) {
            has_splits = true;
            LC_TRY(scan(c, root, lc_split_name(split), &top));
        }
    }
    LC_TRY(has_splits ? count_others(c, root) : scan(c, root, "", NULL));
    sort_rows(c, 0);
    return label_rows(c, has_splits);
}

lc_status lc_manifest_read_tree(lc_manifest_rows *c, const char *folder)
{
    size_t from = c->count;
    char *path;
    LC_TRY(scan(c, folder, "", NULL));
    sort_rows(c, from);
    for (size_t i = from; i < c->count; i++) {
        LC_TRY(lc_manifest_join(&path, folder, c->rows[i].path));
        free(c->rows[i].path);
        c->rows[i].path = path;
    }
    return LC_OK;
}
