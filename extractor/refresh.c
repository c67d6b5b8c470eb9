/*
 * lc_extract: an existing file brought up to date, and compressed in the end.
 *
 * 1. Every picture is read and hashed; rows of the file whose hash is there again are copied into a new file that takes
 *    the old one's place, the others are pending in it.
 * 2. Pending rows are computed, all layers that the file has.
 * 3. Layers that are asked for and that the file lacks are computed for all rows into a file beside it, which a killed
 *    run goes on with; then a file of both takes the old one's place.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/interrupt.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/threads.h"
#include "extractor/network.h"

enum { HASH_BLOCK = 256 };
static const size_t NOWHERE = (size_t)-1;

typedef struct {
    lc_network *net;
    const lc_manifest *manifest;
    lc_extract_options options;
    const char *path, *command;
    char *recipe;
} task;

/* Hashes --------------------------------------------------------------------------------------------------------- */

typedef struct {
    const lc_manifest *manifest;
    lc_fingerprint *prints; /* (rows) */
    size_t first;
} hashing;

static lc_status hash_one(void *context, size_t item)
{
    const hashing *h = context;
    size_t row = h->first + item, size;
    unsigned char *bytes = NULL;
    lc_status status = lc_picture_read(h->manifest, row, &bytes, &size, h->prints[row].sha256);
    free(bytes);
    h->prints[row].known = status == LC_OK; /* what cannot be read says so when it is its turn */
    return status == LC_ERR_NOMEM ? status : LC_OK;
}

lc_status lc_pictures_hash(const lc_manifest *manifest, size_t threads, lc_fingerprint *prints)
{
    hashing h = {.manifest = manifest, .prints = prints};
    size_t rows = manifest->rows;
    lc_threads *pool;
    LC_TRY(lc_threads_new(&pool, threads ? threads : lc_threads_available()));
    lc_status status = LC_OK;
    for (; status == LC_OK && h.first < rows; h.first += HASH_BLOCK) {
        status = lc_parallel_for(pool, rows - h.first < HASH_BLOCK ? rows - h.first : HASH_BLOCK, hash_one, &h);
        if (status == LC_OK) {
            lc_progress("pictures hashed", h.first + HASH_BLOCK < rows ? h.first + HASH_BLOCK : rows, rows);
            status = lc_interrupt_check();
        }
    }
    lc_threads_free(pool);
    return status;
}

typedef struct {
    uint8_t sha256[LC_SHA256_SIZE];
    size_t row;
} known_row;

/* By hash, then by row: of equal pictures the first row counts. */
static int compare_known(const void *a, const void *b)
{
    const known_row *x = a, *y = b;
    int order = memcmp(x->sha256, y->sha256, sizeof x->sha256);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* The row of `rows` with that hash: `preferred` if it has it, else the first; NOWHERE. */
static size_t find_row(const known_row *rows, size_t count, const uint8_t *sha256, size_t preferred)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(rows[middle].sha256, sha256, LC_SHA256_SIZE) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t found = low < count && memcmp(rows[low].sha256, sha256, LC_SHA256_SIZE) == 0 ? rows[low].row : NOWHERE;
    for (; found != NOWHERE && low < count && memcmp(rows[low].sha256, sha256, LC_SHA256_SIZE) == 0; low++) {
        if (rows[low].row == preferred) {
            return preferred;
        }
    }
    return found;
}

/* map[i]: the good row of `old` that has the picture of row i, or NOWHERE. */
static lc_status match_rows(const task *t, lc_store *old, size_t *map)
{
    size_t rows = t->manifest->rows, old_rows = lc_store_manifest(old)->rows, good = 0;
    lc_fingerprint *prints = NULL;
    known_row *known = NULL;
    lc_status status = lc_alloc_array(&prints, rows, sizeof *prints);
    if (status == LC_OK) {
        status = lc_pictures_hash(t->manifest, t->options.threads, prints);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&known, old_rows, sizeof *known);
    }
    for (size_t i = 0; status == LC_OK && i < old_rows; i++) {
        lc_store_row row;
        if (lc_store_status(old)[i] == LC_ROW_OK) {
            status = lc_store_read_row(old, i, &row);
            memcpy(known[good].sha256, row.sha256, sizeof row.sha256);
            known[good++].row = i;
        }
    }
    if (status == LC_OK) {
        qsort(known, good, sizeof *known, compare_known);
    }
    for (size_t i = 0; status == LC_OK && i < rows; i++) {
        map[i] = prints[i].known ? find_row(known, good, prints[i].sha256, i) : NOWHERE;
    }
    free(known);
    free(prints);
    return status;
}

/* Files ---------------------------------------------------------------------------------------------------------- */

/* What a file of this task is made with; `layers` as given. */
static lc_store_options store_options(const task *t, const lc_store_layer *layers, size_t count, const char *model_path)
{
    return (lc_store_options){
        .manifest = t->manifest,
        .recipe = t->recipe,
        .model_name = t->net->name,
        .model_sha256 = t->net->sha256,
        .model_path = model_path,
        .command = t->command,
        .layers = layers,
        .layer_count = count,
        .half = t->options.half,
    };
}

/* A file of these layers takes the place of the task's: rows map[i] of `old`, and what these lack from `beside`. */
static lc_status replace_file(const task *t, const lc_store_layer *layers, size_t count, lc_store *old, lc_store *beside,
                              const size_t *map)
{
    lc_store *to;
    char *model_path = realpath(t->net->path, NULL);
    const lc_store_options options = store_options(t, layers, count, model_path ? model_path : t->net->path);
    lc_status status = lc_store_begin(&to, t->path, &options, true);
    free(model_path);
    LC_TRY(status);
    for (size_t i = 0, n; status == LC_OK && i < t->manifest->rows; i += n) {
        size_t from = map ? map[i] : i;
        n = 1;
        while (i + n < t->manifest->rows && (map ? map[i + n] : i + n) == (from == NOWHERE ? NOWHERE : from + n)) {
            n++;
        }
        if (from != NOWHERE) {
            status = lc_store_copy(to, i, old, beside, from, n);
        }
    }
    if (status != LC_OK) {
        lc_store_free(to);
        return status;
    }
    return lc_store_finish(to);
}

/* Whether the file's rows are the manifest's already, each with its picture. */
static bool is_current(const task *t, const lc_store *old, const size_t *map)
{
    const lc_manifest *a = t->manifest, *b = lc_store_manifest(old);
    if (a->rows != b->rows || a->classes != b->classes || a->parts != b->parts || strcmp(a->root, b->root) != 0 ||
        lc_store_layout_of(old) != LC_STORE_PLAIN) {
        return false;
    }
    for (size_t i = 0; i < a->classes; i++) {
        if (strcmp(a->class_names[i], b->class_names[i]) != 0) {
            return false;
        }
    }
    for (size_t i = 0; i < a->rows; i++) {
        bool kept = map[i] == i || (map[i] == NOWHERE && lc_store_status(old)[i] != LC_ROW_OK);
        if (!kept || strcmp(a->paths[i], b->paths[i]) != 0 || !lc_manifest_same_labels(a, i, b, i) || a->splits[i] != b->splits[i]) {
            return false;
        }
    }
    return true;
}

lc_status lc_layers_selector(const lc_store *old, const char *others, char **out)
{
    lc_text text;
    LC_TRY(lc_text_open(&text));
    for (size_t l = 0; l < lc_store_layer_count(old); l++) {
        fprintf(text.stream, "%s%s", l ? "," : "", lc_store_layer_at(old, l)->name);
    }
    fprintf(text.stream, "%s%s", others ? "," : "", others ? others : "");
    LC_TRY(lc_text_close(&text));
    *out = text.text;
    return LC_OK;
}

/* Steps ---------------------------------------------------------------------------------------------------------- */

/* That the file is of this network, preprocessing, pooling and type of numbers. */
static lc_status check_job(const task *t, const lc_store *old, const lc_extract_plan *asked)
{
    const lc_store_options wanted = store_options(t, asked->layer, asked->layers, NULL);
    LC_TRY(lc_store_compare_recipe(old, &wanted));
    const char *ours = asked->layer[0].pool, *theirs = lc_store_layer_at(old, 0)->pool;
    if (strcmp(ours, theirs) != 0) {
        return lc_fail(LC_ERR_STALE, "pooling differs: %s (this run), %s (%s)", ours, theirs, t->path);
    }
    return LC_OK;
}

/* Steps 1 and 2; `names`: the layers that the file has. */
static lc_status refresh_rows(const task *t, lc_store *old, const char *names, lc_extract_report *report)
{
    size_t *map = NULL;
    lc_extract_plan plan = {0};
    lc_extract_options o = t->options;
    o.layers = names;
    lc_status status = lc_alloc_array(&map, t->manifest->rows, sizeof *map);
    if (status == LC_OK) {
        status = match_rows(t, old, map);
    }
    if (status == LC_OK) {
        status = lc_extract_plan_new(t->net, t->manifest, &o, &plan);
    }
    if (status == LC_OK && !is_current(t, old, map)) {
        status = replace_file(t, plan.layer, plan.layers, old, NULL, map);
    }
    lc_extract_plan_free(&plan);
    free(map);
    lc_store_free(old);
    return status == LC_OK ? lc_extract_rows(t->net, t->manifest, &o, t->path, t->command, true, report) : status;
}

/* The names of `all` that the file lacks, as a selector; NULL when it lacks none. */
static lc_status missing_layers(const lc_store *old, const lc_extract_plan *all, char **out)
{
    lc_text text;
    size_t missing = 0, count = lc_store_layer_count(old);
    LC_TRY(lc_text_open(&text));
    for (size_t i = 0; i < all->layers; i++) {
        bool there = false;
        for (size_t l = 0; l < count && !there; l++) {
            there = strcmp(lc_store_layer_at(old, l)->name, all->layer[i].name) == 0;
        }
        if (!there) {
            fprintf(text.stream, "%s%s", missing++ ? "," : "", all->layer[i].name);
        }
    }
    LC_TRY(lc_text_close(&text));
    if (missing + count != all->layers) {
        free(text.text);
        return lc_fail(LC_ERR_ARG, "a layer is asked for under another name than the one it has in the file; say that one");
    }
    *out = missing ? text.text : NULL;
    if (!missing) {
        free(text.text);
    }
    return LC_OK;
}

/* Computes `names` for all rows into `beside`, going on with what a killed run left there if it is of the same job. */
static lc_status compute_beside(const task *t, const char *names, const char *beside, lc_extract_report *report)
{
    lc_extract_options o = t->options;
    o.layers = names;
    lc_status status = lc_extract_rows(t->net, t->manifest, &o, beside, t->command, false, report);
    if (status == LC_ERR_STALE && unlink(beside) == 0) {
        status = lc_extract_rows(t->net, t->manifest, &o, beside, t->command, false, report);
    }
    return status;
}

/* Step 3. */
static lc_status add_layers(const task *t, lc_extract_report *report)
{
    lc_store *old = NULL, *more = NULL;
    lc_extract_plan all = {0};
    lc_extract_options o = t->options;
    char *names = NULL, *missing = NULL, *beside = NULL;
    lc_extract_report added = {0};
    lc_status status = lc_store_open_locked(&old, t->path);
    if (status == LC_OK) {
        status = lc_layers_selector(old, t->options.layers, &names);
    }
    if (status == LC_OK) {
        o.layers = names;
        status = lc_extract_plan_new(t->net, t->manifest, &o, &all);
    }
    if (status == LC_OK) {
        status = missing_layers(old, &all, &missing);
    }
    if (status != LC_OK || !missing) {
        goto done;
    }
    status = lc_sprintf(&beside, "%s.layers", t->path);
    if (status == LC_OK) {
        lc_log(LC_LOG_INFO, "adding    %s", missing);
        status = compute_beside(t, missing, beside, &added);
        report->computed = added.computed > report->computed ? added.computed : report->computed;
        report->seconds += added.seconds;
        report->decode_seconds += added.decode_seconds;
        report->forward_seconds += added.forward_seconds;
        report->write_seconds += added.write_seconds;
    }
    if (status == LC_OK) {
        report->kept = report->rows - report->computed;
        status = lc_store_open(&more, beside);
    }
    if (status == LC_OK) {
        status = replace_file(t, all.layer, all.layers, old, more, NULL);
    }
    if (status == LC_OK && unlink(beside) != 0) {
        status = lc_fail_errno("cannot remove %s", beside);
    }
done:
    lc_store_free(more);
    lc_store_free(old);
    lc_extract_plan_free(&all);
    free(names);
    free(missing);
    free(beside);
    return status;
}

static lc_status refresh(task *t, lc_extract_report *report)
{
    lc_store *old = NULL;
    lc_extract_plan asked = {0};
    char *names = NULL;
    lc_status status = lc_extract_recipe(t->net, &t->options, &t->recipe);
    if (status == LC_OK) {
        status = lc_extract_plan_new(t->net, t->manifest, &t->options, &asked);
    }
    if (status == LC_OK) {
        status = lc_store_open_locked(&old, t->path);
    }
    if (status == LC_OK) {
        status = check_job(t, old, &asked);
    }
    if (status == LC_OK) {
        status = lc_layers_selector(old, NULL, &names);
    }
    if (status == LC_OK) {
        status = refresh_rows(t, old, names, report);
        old = NULL; /* closed there */
    }
    if (status == LC_OK && t->options.layers) {
        status = add_layers(t, report);
    }
    lc_store_free(old);
    lc_extract_plan_free(&asked);
    free(names);
    free(t->recipe);
    return status;
}

lc_status lc_extract(lc_network *net, const lc_manifest *manifest, const lc_extract_options *options, const char *path,
                     const char *command, lc_extract_report *report)
{
    task t = {.net = net, .manifest = manifest, .options = *options, .path = path, .command = command};
    *report = (lc_extract_report){.rows = manifest->rows};
    LC_TRY(options->refresh && access(path, F_OK) == 0
               ? refresh(&t, report)
               : lc_extract_rows(net, manifest, options, path, command, false, report));
    return options->pack ? lc_store_pack(path, &report->bytes, &report->packed_bytes) : LC_OK;
}
