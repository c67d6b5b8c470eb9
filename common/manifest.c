#include "common/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"

static const char *const split_names[LC_SPLIT_COUNT] = {"none", "train", "val", "test"};

const char *lc_split_name(unsigned split)
{
    return split < LC_SPLIT_COUNT ? split_names[split] : "unknown";
}

lc_status lc_split_parse(const char *name, unsigned *out)
{
    for (unsigned i = 0; i < LC_SPLIT_COUNT; i++) {
        if (strcmp(name, split_names[i]) == 0) {
            *out = i;
            return LC_OK;
        }
    }
    return lc_fail(LC_ERR_ARG, "no split is called '%s': train, val, test or none", name);
}

void lc_manifest_free(lc_manifest *manifest)
{
    if (!manifest) {
        return;
    }
    lc_free_strings(manifest->paths, manifest->rows);
    lc_free_strings(manifest->class_names, manifest->classes);
    free(manifest->root);
    free(manifest->labels);
    free(manifest->indicator);
    free(manifest->splits);
    free(manifest->whole_sha256);
    free(manifest);
}

lc_status lc_manifest_path(const lc_manifest *manifest, size_t row, char **out)
{
    const char *root = manifest->root, *path = manifest->paths[row];
    size_t n = strlen(root);
    if (n == 0 || path[0] == '/') {
        return lc_strdup(out, path);
    }
    return lc_sprintf(out, "%s%s%s", root, root[n - 1] == '/' ? "" : "/", path);
}

bool lc_manifest_has(const lc_manifest *m, size_t row, size_t k)
{
    return m->indicator ? m->indicator[row * m->classes + k] : m->labels[row] == (int32_t)k;
}

lc_status lc_manifest_labels(const lc_manifest *m, size_t row, char **out)
{
    lc_text text;
    bool some = false;
    if (!m->indicator) {
        return lc_strdup(out, m->labels[row] < 0 ? "" : m->class_names[m->labels[row]]);
    }
    LC_TRY(lc_text_open(&text));
    for (size_t k = 0; k < m->classes; k++) {
        if (lc_manifest_has(m, row, k)) {
            fprintf(text.stream, "%s%s", some ? ";" : "", m->class_names[k]);
            some = true;
        }
    }
    lc_status status = lc_text_close(&text);
    *out = text.text;
    return status;
}

bool lc_manifest_same_labels(const lc_manifest *a, size_t i, const lc_manifest *b, size_t j)
{
    bool same = a->labels[i] == b->labels[j] && a->classes == b->classes;
    for (size_t k = 0; same && (a->indicator || b->indicator) && k < a->classes; k++) {
        same = lc_manifest_has(a, i, k) == lc_manifest_has(b, j, k);
    }
    return same;
}

/* Collecting rows -------------------------------------------------------------------------------------------- */

typedef struct {
    char *name;
    int32_t index;
} class_entry;

typedef struct {
    char *path;
    class_entry **labels; /* (count), unique */
    size_t count, capacity;
    uint8_t split;
} row_entry;

typedef struct {
    row_entry *rows;
    size_t count, capacity;
    void *classes; /* tree of class_entry by name, see tsearch(3) */
    size_t hidden, other_files, unreadable_folders;
} collection;

static int compare_classes(const void *a, const void *b)
{
    return strcmp(((const class_entry *)a)->name, ((const class_entry *)b)->name);
}

static void free_class(void *entry)
{
    free(((class_entry *)entry)->name);
    free(entry);
}

static void free_row(row_entry *row)
{
    free(row->path);
    free(row->labels);
}

static void release(collection *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free_row(&c->rows[i]);
    }
    free(c->rows);
    tdestroy(c->classes, free_class);
}

/* The entry of the class `name`, made when it is new. */
static lc_status find_class(collection *c, char *name, class_entry **out)
{
    class_entry wanted = {.name = name};
    class_entry **found = tfind(&wanted, &c->classes, compare_classes);
    if (found) {
        *out = *found;
        return LC_OK;
    }
    class_entry *entry;
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

/* Gives the row one more label, unless it has it. */
static lc_status add_label(collection *c, row_entry *row, char *name)
{
    class_entry *entry;
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

/* Takes `path` over, also when it fails. */
static lc_status add_row(collection *c, char *path)
{
    lc_status status = lc_grow(&c->rows, &c->capacity, c->count + 1, sizeof *c->rows);
    if (status != LC_OK) {
        free(path);
        return status;
    }
    c->rows[c->count++] = (row_entry){.path = path};
    return LC_OK;
}

/* Walks the classes in order of name, numbers them and hands their names to the manifest. */
static void take_class(const void *node, VISIT visit, void *manifest)
{
    if (visit == postorder || visit == leaf) {
        class_entry *entry = *(class_entry *const *)node;
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
static lc_status mark_labels(lc_manifest *m, const collection *c)
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

static int32_t first_label(const row_entry *row)
{
    int32_t first = -1;
    for (size_t l = 0; l < row->count; l++) {
        first = first < 0 || row->labels[l]->index < first ? row->labels[l]->index : first;
    }
    return first;
}

/* Moves the collection into a manifest. */
static lc_status finish(lc_manifest **out, collection *c, const char *root, const char *source)
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
        row_entry *row = &c->rows[i];
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

/* Folders ---------------------------------------------------------------------------------------------------- */

static const char *extension_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && !strchr(dot, '/') ? dot + 1 : "";
}

static bool is_picture(const char *name)
{
    static const char *const known[] = {"jpg", "jpeg", "jpe", "jfif", "png", "bmp",
                                        "gif", "tga",  "pnm", "ppm",  "pgm", "pbm", "psd", "webp"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcasecmp(extension_of(name), known[i]) == 0) {
            return true;
        }
    }
    return false;
}

static lc_status join(char **out, const char *folder, const char *name)
{
    size_t n = strlen(folder);
    return lc_sprintf(out, "%s%s%s", folder, n == 0 || folder[n - 1] == '/' ? "" : "/", name);
}

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

/*
 * Adds the pictures below root/folder; `folder` is relative to the root, "" for the root itself. All names of a folder
 * are read before one below is entered, so that one folder is open at a time.
 */
static lc_status scan(collection *c, const char *root, const char *folder, const ancestor *above)
{
    char *full = NULL, *path = NULL, **folders = NULL;
    size_t count = 0, capacity = 0;
    DIR *directory = NULL;
    struct stat info;
    ancestor here = {.above = above};
    lc_status status = folder[0] ? join(&full, root, folder) : lc_strdup(&full, root);
    if (status != LC_OK) {
        goto done;
    }
    directory = opendir(full);
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
        const char *name = entry->d_name;
        if (name[0] == '.') {
            c->hidden += strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
            continue;
        }
        free(path);
        path = NULL;
        status = join(&path, full, name);
        kind what = status == LC_OK ? kind_of(path, entry->d_type) : IS_OTHER;
        char *relative = NULL;
        if (status == LC_OK) {
            status = join(&relative, folder, name);
        }
        if (status == LC_OK && what == IS_FOLDER) {
            status = lc_grow(&folders, &capacity, count + 1, sizeof *folders);
        }
        if (status != LC_OK) {
            free(relative);
        } else if (what == IS_FOLDER) {
            folders[count++] = relative;
        } else if (what == IS_FILE && is_picture(name)) {
            status = add_row(c, relative);
        } else {
            c->other_files++;
            free(relative);
        }
    }
    closedir(directory);
    directory = NULL;
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        status = scan(c, root, folders[i], &here);
    }
done:
    if (directory) {
        closedir(directory);
    }
    for (size_t i = 0; i < count; i++) {
        free(folders[i]);
    }
    free(folders);
    free(path);
    free(full);
    return status;
}

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const row_entry *)a)->path, ((const row_entry *)b)->path);
}

static void sort_rows(collection *c, size_t from)
{
    if (c->count > from) {
        qsort(c->rows + from, c->count - from, sizeof *c->rows, compare_rows);
    }
}

/* The class of a picture is the folder directly below the root, or below its split. */
static lc_status label_rows(collection *c, bool has_splits)
{
    for (size_t i = 0; i < c->count; i++) {
        row_entry *row = &c->rows[i];
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
            lc_status status = add_label(c, row, name);
            *slash = '/';
            LC_TRY(status);
        }
    }
    return LC_OK;
}

/* What lies in a folder of splits beside them. */
static lc_status count_others(collection *c, const char *root)
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
    LC_TRY(join(&path, root, name));
    *out = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    free(path);
    return LC_OK;
}

static lc_status read_folder(collection *c, const char *root)
{
    struct stat info;
    bool there, has_splits = false;
    if (stat(root, &info) != 0) {
        return lc_fail_errno("%s", root);
    }
    const ancestor top = {NULL, info.st_dev, info.st_ino};
    for (unsigned split = LC_SPLIT_TRAIN; split < LC_SPLIT_COUNT; split++) {
        LC_TRY(is_folder(root, split_names[split], &there));
        if (there) {
            has_splits = true;
            LC_TRY(scan(c, root, split_names[split], &top));
        }
    }
    LC_TRY(has_splits ? count_others(c, root) : scan(c, root, "", NULL));
    sort_rows(c, 0);
    return label_rows(c, has_splits);
}

/* Lists ------------------------------------------------------------------------------------------------------ */

typedef struct {
    const char *at, *end, *source;
    char delimiter;
    size_t line; /* that `at` stands in */
    char *field; /* what was read last, zero-terminated */
    size_t size, capacity;
    bool row_ended; /* with that field */
} list_reader;

static lc_status add_text(list_reader *r, const char *text, size_t size)
{
    LC_TRY(lc_grow(&r->field, &r->capacity, r->size + size + 1, 1));
    memcpy(r->field + r->size, text, size);
    r->size += size;
    r->field[r->size] = '\0';
    for (const char *p = text; (p = memchr(p, '\n', size - (size_t)(p - text))); p++) {
        r->line++;
    }
    return LC_OK;
}

/* RFC 4180: a quoted field may hold delimiters, line ends and doubled quotes. */
static lc_status read_quoted(list_reader *r)
{
    size_t opened = r->line;
    for (;;) {
        r->at++;
        const char *close = memchr(r->at, '"', (size_t)(r->end - r->at));
        if (!close) {
            return lc_fail(LC_ERR_FORMAT, "%s, line %zu: a quote is never closed", r->source, opened);
        }
        LC_TRY(add_text(r, r->at, (size_t)(close - r->at)));
        r->at = close + 1;
        if (r->at == r->end || *r->at != '"') {
            return LC_OK;
        }
        LC_TRY(add_text(r, "\"", 1));
    }
}

static lc_status read_field(list_reader *r)
{
    r->size = 0;
    if (r->at < r->end && *r->at == '"') {
        LC_TRY(read_quoted(r));
    } else {
        const char *stop = r->at;
        while (stop < r->end && *stop != r->delimiter && *stop != '\n' && *stop != '\r') {
            stop++;
        }
        LC_TRY(add_text(r, r->at, (size_t)(stop - r->at)));
        r->at = stop;
    }
    r->row_ended = r->at == r->end || *r->at != r->delimiter;
    if (r->at == r->end) {
        return LC_OK;
    }
    if (*r->at != r->delimiter && *r->at != '\n' && *r->at != '\r') {
        return lc_fail(LC_ERR_FORMAT, "%s, line %zu: text behind a closing quote", r->source, r->line);
    }
    r->at += r->row_ended && *r->at == '\r' && r->at + 1 < r->end && r->at[1] == '\n' ? 2 : 1;
    r->line += r->row_ended;
    return LC_OK;
}

enum { COLUMN_PATH, COLUMN_LABEL, COLUMN_SPLIT, COLUMN_COUNT };

typedef struct {
    size_t width, at[COLUMN_COUNT]; /* SIZE_MAX: not there */
} list_header;

static lc_status read_header(list_reader *r, list_header *h)
{
    static const char *const names[COLUMN_COUNT] = {"path", "label", "split"};
    *h = (list_header){0, {SIZE_MAX, SIZE_MAX, SIZE_MAX}};
    do {
        LC_TRY(read_field(r));
        for (size_t i = 0; i < COLUMN_COUNT; i++) {
            if (strcasecmp(r->field, names[i]) == 0) {
                if (h->at[i] != SIZE_MAX) {
                    return lc_fail(LC_ERR_FORMAT, "%s, line 1: two columns are called '%s'", r->source, names[i]);
                }
                h->at[i] = h->width;
            }
        }
        h->width++;
    } while (!r->row_ended);
    if (h->at[COLUMN_PATH] == SIZE_MAX) {
        return lc_fail(LC_ERR_FORMAT,
                       "%s, line 1: the header names no column 'path' (columns: path, label, split; parted by %s)",
                       r->source, r->delimiter == '\t' ? "tabs" : "commas");
    }
    return LC_OK;
}

/* "cat;dog". The text has no zero byte, so its words are whole. */
static lc_status take_labels(collection *c, const list_reader *r, row_entry *row, size_t line)
{
    for (char *name = r->field, *end; name; name = end) {
        end = strchr(name, ';');
        if (end) {
            *end++ = '\0';
        }
        if (!*name) {
            return lc_fail(LC_ERR_FORMAT, "%s, line %zu: an empty label beside a ';', which parts the labels of a picture",
                           r->source, line);
        }
        LC_TRY(add_label(c, row, name));
    }
    return LC_OK;
}

/* One field of the row `row`, in column `column`. */
static lc_status take_field(collection *c, list_reader *r, const list_header *h, size_t column, row_entry *row, size_t line)
{
    unsigned split = LC_SPLIT_NONE;
    if (column == h->at[COLUMN_PATH]) {
        if (r->size == 0) {
            return lc_fail(LC_ERR_FORMAT, "%s, line %zu: the path is empty", r->source, line);
        }
        return lc_strdup(&row->path, r->field);
    }
    if (column == h->at[COLUMN_LABEL] && r->size > 0) {
        return take_labels(c, r, row, line);
    }
    if (column == h->at[COLUMN_SPLIT] && r->size > 0) {
        if (lc_split_parse(r->field, &split) != LC_OK) {
            return lc_fail_in(LC_ERR_FORMAT, "%s, line %zu", r->source, line);
        }
        row->split = (uint8_t)split;
    }
    return LC_OK;
}

static lc_status read_list_row(collection *c, list_reader *r, const list_header *h)
{
    row_entry row = {0};
    size_t line = r->line, width = 0;
    lc_status status;
    do {
        status = read_field(r);
        if (status == LC_OK && width == 0 && r->row_ended && r->size == 0) {
            return LC_OK; /* a blank line */
        }
        if (status == LC_OK) {
            status = take_field(c, r, h, width++, &row, line);
        }
    } while (status == LC_OK && !r->row_ended);
    if (status == LC_OK && width != h->width) {
        status = lc_fail(LC_ERR_FORMAT, "%s, line %zu: %zu columns, the header has %zu", r->source, line, width, h->width);
    }
    if (status == LC_OK) {
        status = lc_grow(&c->rows, &c->capacity, c->count + 1, sizeof *c->rows);
    }
    if (status != LC_OK) {
        free_row(&row);
        return status;
    }
    c->rows[c->count++] = row;
    return LC_OK;
}

static size_t line_of(const char *text, const char *at)
{
    size_t line = 1;
    for (; text < at; text++) {
        line += *text == '\n';
    }
    return line;
}

static lc_status read_list(collection *c, const char *text, size_t size, char delimiter, const char *source)
{
    text = size ? text : ""; /* an empty file is mapped to no memory at all */
    list_reader r = {.at = text, .end = text + size, .source = source, .delimiter = delimiter, .line = 1};
    list_header header;
    const char *zero = memchr(text, 0, size);
    if (zero) {
        return lc_fail(LC_ERR_FORMAT, "%s, line %zu: a zero byte; a list is UTF-8 text", source, line_of(text, zero));
    }
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        r.at += 3;
    }
    lc_status status = read_header(&r, &header);
    while (status == LC_OK && r.at < r.end) {
        status = read_list_row(c, &r, &header);
    }
    free(r.field);
    if (status == LC_OK && c->count == 0) {
        status = lc_fail(LC_ERR_ARG, "no pictures in %s: a header and no rows", source);
    }
    return status;
}

lc_status lc_manifest_parse_list(lc_manifest **out, const char *text, size_t size, char delimiter, const char *root,
                                 const char *source)
{
    collection c = {0};
    *out = NULL;
    lc_status status = read_list(&c, text, size, delimiter, source);
    if (status == LC_OK) {
        status = finish(out, &c, root, source);
    }
    release(&c);
    return status;
}

static lc_status read_standard_input(lc_manifest **out)
{
    char *text = NULL;
    size_t size = 0, capacity = 0, n;
    lc_status status;
    do {
        status = lc_grow(&text, &capacity, size + 65536, 1);
        n = status == LC_OK ? fread(text + size, 1, 65536, stdin) : 0;
        size += n;
    } while (n > 0);
    if (status == LC_OK && ferror(stdin)) {
        status = lc_fail_errno("standard input");
    }
    if (status == LC_OK) {
        status = lc_manifest_parse_list(out, text, size, ',', ".", "standard input");
    }
    free(text);
    return status;
}

/* Sources ---------------------------------------------------------------------------------------------------- */

/* The folder that `path` lies in. */
static lc_status folder_of(char **out, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return lc_strdup(out, ".");
    }
    return lc_sprintf(out, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static lc_status read_list_file(lc_manifest **out, const char *source, const char *root, char delimiter)
{
    lc_mapping file;
    LC_TRY(lc_map_file(&file, source));
    lc_status status = lc_manifest_parse_list(out, (const char *)file.data, file.size, delimiter, root, source);
    lc_unmap_file(&file);
    return status;
}

static lc_status read_picture(lc_manifest **out, const char *source, const char *root)
{
    collection c = {0};
    const char *slash = strrchr(source, '/');
    char *name;
    LC_TRY(lc_strdup(&name, slash ? slash + 1 : source));
    lc_status status = add_row(&c, name);
    if (status == LC_OK) {
        status = finish(out, &c, root, source);
    }
    release(&c);
    return status;
}

static lc_status read_file(lc_manifest **out, const char *source)
{
    const char *extension = extension_of(source);
    bool csv = strcasecmp(extension, "csv") == 0, tsv = strcasecmp(extension, "tsv") == 0;
    char *root;
    if (!csv && !tsv && !is_picture(source)) {
        return lc_fail(LC_ERR_ARG, "%s: neither a folder, nor a list (.csv, .tsv), nor a picture by its extension", source);
    }
    LC_TRY(folder_of(&root, source));
    lc_status status = csv || tsv ? read_list_file(out, source, root, tsv ? '\t' : ',') : read_picture(out, source, root);
    free(root);
    return status;
}

lc_status lc_manifest_read(lc_manifest **out, const char *source)
{
    struct stat info;
    *out = NULL;
    if (strcmp(source, "-") == 0) {
        return read_standard_input(out);
    }
    if (stat(source, &info) != 0) {
        return lc_fail_errno("%s", source);
    }
    if (!S_ISDIR(info.st_mode)) {
        return read_file(out, source);
    }
    collection c = {0};
    lc_status status = read_folder(&c, source);
    if (status == LC_OK) {
        status = finish(out, &c, source, source);
    }
    release(&c);
    return status;
}

/* Adds one argument: a picture whatever it is called, or all pictures below a folder. */
static lc_status add_path(collection *c, const char *path)
{
    struct stat info;
    char *copy;
    size_t from = c->count;
    if (stat(path, &info) != 0) {
        return lc_fail_errno("%s", path);
    }
    if (!S_ISDIR(info.st_mode)) {
        LC_TRY(lc_strdup(&copy, path));
        return add_row(c, copy);
    }
    LC_TRY(scan(c, path, "", NULL));
    sort_rows(c, from);
    for (size_t i = from; i < c->count; i++) {
        LC_TRY(join(&copy, path, c->rows[i].path));
        free(c->rows[i].path);
        c->rows[i].path = copy;
    }
    return LC_OK;
}

lc_status lc_manifest_from_paths(lc_manifest **out, const char *const *paths, size_t count)
{
    collection c = {0};
    lc_status status = LC_OK;
    *out = NULL;
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        status = add_path(&c, paths[i]);
    }
    if (status == LC_OK) {
        status = finish(out, &c, "", count == 1 ? paths[0] : "these paths");
    }
    release(&c);
    return status;
}
