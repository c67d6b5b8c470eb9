#include "common/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "common/manifest_rows.h"
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

lc_status lc_manifest_join(char **out, const char *folder, const char *name)
{
    size_t n = strlen(folder);
    return lc_sprintf(out, "%s%s%s", folder, n == 0 || folder[n - 1] == '/' ? "" : "/", name);
}

lc_status lc_manifest_path(const lc_manifest *manifest, size_t row, char **out)
{
    const char *path = manifest->paths[row];
    return path[0] == '/' ? lc_strdup(out, path) : lc_manifest_join(out, manifest->root, path);
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

/* Sources ---------------------------------------------------------------------------------------------------- */

const char *lc_manifest_extension(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && !strchr(dot, '/') ? dot + 1 : "";
}

bool lc_manifest_is_picture(const char *name)
{
    static const char *const known[] = {"jpg", "jpeg", "jpe", "jfif", "png", "bmp",
                                        "gif", "tga",  "pnm", "ppm",  "pgm", "pbm", "psd", "webp"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcasecmp(lc_manifest_extension(name), known[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The folder that `path` lies in. */
static lc_status folder_of(char **out, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return lc_strdup(out, ".");
    }
    return lc_sprintf(out, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static lc_status read_picture(lc_manifest **out, const char *source, const char *root)
{
    lc_manifest_rows c = {0};
    const char *slash = strrchr(source, '/');
    char *name;
    LC_TRY(lc_strdup(&name, slash ? slash + 1 : source));
    lc_status status = lc_manifest_rows_add(&c, name);
    if (status == LC_OK) {
        status = lc_manifest_rows_finish(out, &c, root, source);
    }
    lc_manifest_rows_free(&c);
    return status;
}

static lc_status read_file(lc_manifest **out, const char *source)
{
    const char *extension = lc_manifest_extension(source);
    bool csv = strcasecmp(extension, "csv") == 0, tsv = strcasecmp(extension, "tsv") == 0;
    char *root;
    if (!csv && !tsv && !lc_manifest_is_picture(source)) {
        return lc_fail(LC_ERR_ARG, "%s: neither a folder, nor a list (.csv, .tsv), nor a picture by its extension", source);
    }
    LC_TRY(folder_of(&root, source));
    lc_status status = csv || tsv ? lc_manifest_read_list_file(out, source, root, tsv ? '\t' : ',')
                                  : read_picture(out, source, root);
    free(root);
    return status;
}

lc_status lc_manifest_read(lc_manifest **out, const char *source)
{
    struct stat info;
    *out = NULL;
    if (strcmp(source, "-") == 0) {
        return lc_manifest_read_standard_input(out);
    }
    if (stat(source, &info) != 0) {
        return lc_fail_errno("%s", source);
    }
    if (!S_ISDIR(info.st_mode)) {
        return read_file(out, source);
    }
    lc_manifest_rows c = {0};
    lc_status status = lc_manifest_read_folder(&c, source);
    if (status == LC_OK) {
        status = lc_manifest_rows_finish(out, &c, source, source);
    }
    lc_manifest_rows_free(&c);
    return status;
}

/* Adds one argument: a picture whatever it is called, or all pictures below a folder. */
static lc_status add_path(lc_manifest_rows *c, const char *path)
{
    struct stat info;
    char *copy;
    if (stat(path, &info) != 0) {
        return lc_fail_errno("%s", path);
    }
    if (S_ISDIR(info.st_mode)) {
        return lc_manifest_read_tree(c, path);
    }
    LC_TRY(lc_strdup(&copy, path));
    return lc_manifest_rows_add(c, copy);
}

lc_status lc_manifest_from_paths(lc_manifest **out, const char *const *paths, size_t count)
{
    lc_manifest_rows c = {0};
    lc_status status = LC_OK;
    *out = NULL;
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        status = add_path(&c, paths[i]);
    }
    if (status == LC_OK) {
        status = lc_manifest_rows_finish(out, &c, "", count == 1 ? paths[0] : "these paths");
    }
    lc_manifest_rows_free(&c);
    return status;
}
