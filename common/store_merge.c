#include "common/store_merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/recipe.h"
#include "common/shard.h"

typedef struct {
    const char *path;
    lc_store *store;
    const lc_manifest *manifest;
} part;

static lc_status open_part(part *p, const char *path)
{
    size_t pending = 0;
    p->path = path;
    LC_TRY(lc_store_open(&p->store, path));
    p->manifest = lc_store_manifest(p->store);
    if (!p->manifest->parts) {
        return lc_fail(LC_ERR_STALE, "%s is no part: it was not made with --shard", path);
    }
    for (size_t i = 0; i < p->manifest->rows; i++) {
        pending += lc_store_status(p->store)[i] == LC_ROW_PENDING;
    }
    if (pending || !lc_store_complete(p->store)) {
        return lc_fail(LC_ERR_STALE, "%s is unfinished: %zu of %zu pictures pending; the command that made it goes on: %s",
                       path, pending, p->manifest->rows, lc_store_attribute(p->store, "command"));
    }
    return LC_OK;
}

/* Whether `p` belongs to the same job as `first`. */
static lc_status check_same_job(const part *first, const part *p)
{
    lc_store_options job;
    const lc_manifest *a = first->manifest, *b = p->manifest;
    lc_store_describe(first->store, &job);
    lc_status status = lc_recipe_check(job.recipe, first->path, lc_store_recipe(p->store), p->path);
    if (status == LC_OK) {
        status = lc_store_compare_recipe(p->store, &job);
    }
    if (status == LC_OK) {
        status = lc_store_compare_layers(p->store, &job);
    }
    if (status != LC_OK) {
        return lc_fail_in(status, "%s and %s are of different jobs", first->path, p->path);
    }
    if (a->parts != b->parts || a->whole_rows != b->whole_rows || strcmp(a->whole_sha256, b->whole_sha256) != 0 ||
        a->classes != b->classes) {
        return lc_fail(LC_ERR_STALE, "%s is a part of other pictures (%zu/%zu of %zu) than %s (%zu/%zu of %zu)", p->path, b->part,
                       b->parts, b->whole_rows, first->path, a->part, a->parts, a->whole_rows);
    }
    return LC_OK;
}

/* "2/4, 3/4": the parts that nobody gave; of many, the first. */
static lc_status say_missing(const part *const *seats, size_t parts)
{
    char names[256] = "";
    size_t used = 0, missing = 0;
    for (size_t i = 0; i < parts; i++) {
        if (seats[i]) {
            continue;
        }
        if (used < sizeof names - 32) {
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%zu/%zu", missing ? ", " : "", i + 1, parts);
        }
        missing++;
    }
    return missing ? lc_fail(LC_ERR_STALE, "%zu of %zu parts missing: %s", missing, parts, names) : LC_OK;
}

/* seats[i] becomes part i + 1; `parts` of them. */
static lc_status seat_parts(part *p, size_t count, const part **seats, size_t parts)
{
    for (size_t i = 0; i < count; i++) {
        const part **seat = &seats[p[i].manifest->part - 1];
        if (*seat) {
            return lc_fail(LC_ERR_STALE, "part %zu/%zu is there twice: %s and %s", p[i].manifest->part, parts, (*seat)->path,
                           p[i].path);
        }
        *seat = &p[i];
    }
    LC_TRY(say_missing(seats, parts));
    for (size_t i = 0; i < parts; i++) {
        const lc_manifest *m = seats[i]->manifest;
        size_t rows = lc_shard_first(m->whole_rows, i + 2, parts) - lc_shard_first(m->whole_rows, i + 1, parts);
        if (m->rows != rows) {
            return lc_fail(LC_ERR_STALE, "%s has %zu rows; part %zu/%zu of %zu has %zu", seats[i]->path, m->rows, i + 1, parts,
                           m->whole_rows, rows);
        }
    }
    return LC_OK;
}

/* The manifest of the whole; paths and names belong to the parts, arrays are the caller's. */
static lc_status join_manifests(lc_manifest *out, const part *const *seats, size_t parts)
{
    const lc_manifest *first = seats[0]->manifest;
    char *hash;
    *out = (lc_manifest){.root = first->root, .classes = first->classes, .class_names = first->class_names};
    LC_TRY(lc_alloc_array(&out->paths, first->whole_rows, sizeof *out->paths));
    LC_TRY(lc_alloc_array(&out->labels, first->whole_rows, sizeof *out->labels));
    LC_TRY(lc_alloc_array(&out->splits, first->whole_rows, sizeof *out->splits));
    if (first->indicator) {
        size_t cells;
        if (!lc_mul(first->whole_rows, first->classes, &cells)) {
            return lc_fail(LC_ERR_STALE, "%s: %zu rows of %zu classes are too many", seats[0]->path, first->whole_rows,
                           first->classes);
        }
        LC_TRY(lc_alloc_array(&out->indicator, cells, sizeof *out->indicator));
    }
    for (size_t i = 0; i < parts; i++) {
        const lc_manifest *m = seats[i]->manifest;
        if (m->indicator && out->indicator) {
            memcpy(out->indicator + out->rows * out->classes, m->indicator, m->rows * m->classes);
        }
        memcpy(out->paths + out->rows, m->paths, m->rows * sizeof *m->paths);
        memcpy(out->labels + out->rows, m->labels, m->rows * sizeof *m->labels);
        memcpy(out->splits + out->rows, m->splits, m->rows * sizeof *m->splits);
        out->rows += m->rows;
    }
    LC_TRY(lc_shard_hash(out, &hash));
    bool same = strcmp(hash, first->whole_sha256) == 0;
    free(hash);
    return same ? LC_OK : lc_fail(LC_ERR_STALE, "the pictures of the parts are not those that whole_sha256 of %s names", seats[0]->path);
}

/* How the merged file names a part: relative to its own folder where the part lies in or below that, else absolute. */
static lc_status name_part(const char *output, const char *part_path, char **out)
{
    const char *slash = strrchr(output, '/');
    char *folder = NULL, *there = NULL, *here = realpath(part_path, NULL);
    lc_status status = here ? lc_sprintf(&folder, "%.*s", slash ? (int)(slash + 1 - output) : 1, slash ? output : ".")
                            : lc_fail_errno("%s", part_path);
    if (status == LC_OK) {
        there = realpath(folder, NULL);
        status = there ? LC_OK : lc_fail_errno("%s", folder);
    }
    if (status == LC_OK) {
        size_t n = strlen(there);
        bool below = strncmp(here, there, n) == 0 && (here[n] == '/' || n == 1);
        status = lc_strdup(out, below ? here + (n == 1 ? 1 : n + 1) : here);
    }
    free(folder);
    free(there);
    free(here);
    return status;
}

static lc_status name_parts(lc_store_part *out, const char *output, const part *const *seats, size_t parts)
{
    for (size_t i = 0; i < parts; i++) {
        char *name;
        LC_TRY(name_part(output, seats[i]->path, &name));
        out[i] = (lc_store_part){name, seats[i]->manifest->rows};
    }
    return LC_OK;
}

static lc_status write_merged(const lc_store_options *options, const char *path, const part *const *seats, size_t parts)
{
    lc_store *to;
    size_t at = 0;
    LC_TRY(lc_store_begin(&to, path, options, false));
    for (size_t i = 0; i < parts; i++) {
        size_t rows = seats[i]->manifest->rows;
        lc_status status = lc_store_copy(to, at, seats[i]->store, NULL, 0, rows);
        at += rows;
        if (status != LC_OK) {
            lc_store_free(to);
            return status;
        }
        lc_progress("pictures", at, options->manifest->rows);
    }
    return lc_store_finish(to);
}

/* All parts are open and of one job. */
static lc_status merge_parts(const part *const *seats, size_t parts, const char *path, bool as_links, const char *command,
                             lc_store_merge_report *report)
{
    lc_store_options options;
    lc_manifest whole = {0};
    lc_store_part *names = NULL;
    lc_status status = join_manifests(&whole, seats, parts);
    if (status == LC_OK) {
        status = lc_alloc_array(&names, parts, sizeof *names);
    }
    if (status == LC_OK && as_links) {
        status = name_parts(names, path, seats, parts);
    }
    if (status == LC_OK) {
        lc_store_describe(seats[0]->store, &options);
        options.manifest = &whole;
        options.command = command;
        options.layout = as_links ? LC_STORE_VIRTUAL : LC_STORE_PLAIN;
        options.parts = names;
        options.part_count = parts;
        *report = (lc_store_merge_report){.parts = parts, .rows = whole.rows, .layers = options.layer_count};
        for (size_t i = 0; i < parts; i++) {
            for (size_t row = 0; row < seats[i]->manifest->rows; row++) {
                report->failed += lc_store_status(seats[i]->store)[row] == LC_ROW_FAILED;
            }
        }
        status = write_merged(&options, path, seats, parts);
    }
    for (size_t i = 0; names && i < parts; i++) {
        free((char *)names[i].file);
    }
    free(names);
    free(whole.paths);
    free(whole.labels);
    free(whole.indicator);
    free(whole.splits);
    return status;
}

lc_status lc_store_merge(const char *const *paths, size_t count, const char *path, bool as_links, const char *command,
                         lc_store_merge_report *report)
{
    part *p = NULL;
    const part **seats = NULL;
    size_t parts = 0;
    if (access(path, F_OK) == 0) {
        return lc_fail(LC_ERR_ARG, "%s exists; remove it, or merge into another file", path);
    }
    lc_status status = lc_alloc_array(&p, count, sizeof *p);
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        status = open_part(&p[i], paths[i]);
        if (status == LC_OK && i > 0) {
            status = check_same_job(&p[0], &p[i]);
        }
    }
    if (status == LC_OK) {
        parts = p[0].manifest->parts;
        status = lc_alloc_array(&seats, parts, sizeof *seats);
    }
    if (status == LC_OK) {
        status = seat_parts(p, count, seats, parts);
    }
    if (status == LC_OK) {
        status = merge_parts(seats, parts, path, as_links, command, report);
    }
    for (size_t i = 0; p && i < count; i++) {
        lc_store_free(p[i].store);
    }
    free(seats);
    free(p);
    return status;
}
