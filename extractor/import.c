/* Sets in a folder -> pictures in folders of classes. */
#include "extractor/import.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/interrupt.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "extractor/models/zip.h"

enum { NAMES_LIMIT = 16 << 20 };
static const size_t INFLATED_LIMIT = (size_t)4 << 30;

/* Names of classes --------------------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Two labels of one name would become one class. */
static lc_status check_different(char *const *names, size_t count)
{
    char **sorted;
    LC_TRY(lc_alloc_array(&sorted, count, sizeof *sorted));
    memcpy(sorted, names, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_names);
    lc_status st = LC_OK;
    for (size_t i = 1; st == LC_OK && i < count; i++) {
        if (strcmp(sorted[i - 1], sorted[i]) == 0) {
            st = lc_fail(LC_ERR_FORMAT, "two classes are called '%s': give them different names", sorted[i]);
        }
    }
    free(sorted);
    return st;
}

lc_status lc_names_read(const char *path, char ***names, size_t *count)
{
    unsigned char *text;
    size_t size;
    *names = NULL;
    *count = 0;
    if (!path) {
        return LC_OK;
    }
    LC_TRY(lc_read_file(&text, &size, path, NAMES_LIMIT));
    lc_status st = lc_names_parse((const char *)text, size, names, count);
    free(text);
    if (st == LC_OK) {
        st = check_different(*names, *count);
        if (st != LC_OK) {
            lc_free_strings(*names, *count);
            *names = NULL;
            *count = 0;
        }
    }
    return st == LC_OK ? st : lc_fail_in(st, "%s", path);
}

lc_status lc_label_name(char **out, char *const *names, size_t count, size_t label, int digits)
{
    if (!names) {
        return lc_sprintf(out, "%0*zu", digits, label);
    }
    if (label >= count) {
        return lc_fail(LC_ERR_FORMAT, "label %zu, but the classes have %zu names (numbered from 0)", label, count);
    }
    return lc_strdup(out, names[label]);
}

/* Files of a set ------------------------------------------------------------------------------------------------- */

typedef struct {
    lc_mapping map;
    void *inflated; /* of a .gz; the bytes are its own */
    const unsigned char *data;
    size_t size;
} file_bytes;

static void close_bytes(file_bytes *f)
{
    lc_unmap_file(&f->map);
    free(f->inflated);
}

/* A file's bytes, inflated when they are gzip's. */
static lc_status open_bytes(file_bytes *out, const char *path)
{
    LC_TRY(lc_map_file(&out->map, path));
    out->data = out->map.data;
    out->size = out->map.size;
    if (out->size >= 2 && out->data[0] == 0x1f && out->data[1] == 0x8b) {
        lc_status st = lc_gunzip(out->map.data, out->map.size, INFLATED_LIMIT, &out->inflated, &out->size);
        if (st != LC_OK) {
            return lc_fail_in(st, "%s", path);
        }
        out->data = out->inflated;
    }
    return LC_OK;
}

typedef struct {
    file_bytes pictures, labels;
    lc_picture_block block;
    unsigned split;
} part;

typedef struct {
    part *parts;
    size_t count, capacity;
    size_t last_label;
    const char *format;
    char **names;
    size_t name_count;
} picture_set;

static void free_set(picture_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        close_bytes(&set->parts[i].pictures);
        close_bytes(&set->parts[i].labels);
    }
    free(set->parts);
    lc_free_strings(set->names, set->name_count);
}

/* By the words that MNIST, CIFAR and their like put into names of files. */
static lc_status split_of(const char *name, const lc_import_options *options, unsigned *split)
{
    static const struct {
        const char *word;
        unsigned split;
    } words[] = {{"train", LC_SPLIT_TRAIN}, {"data_batch", LC_SPLIT_TRAIN}, {"val", LC_SPLIT_VAL}, {"t10k", LC_SPLIT_TEST},
                 {"test", LC_SPLIT_TEST}};
    if (options->split) {
        return lc_split_parse(options->split, split);
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strstr(name, words[i].word)) {
            *split = words[i].split;
            return LC_OK;
        }
    }
    return lc_fail(LC_ERR_ARG, "%s: its name tells no split: say --split train, val, test or none", name);
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* The labels' file that belongs to a file of pictures, "images-idx3" -> "labels-idx1"; one may be packed, the other not. */
static lc_status labels_beside(char **out, const char *folder, const char *name)
{
    const char *at = strstr(name, "images"), *after = at + strlen("images");
    LC_TRY(lc_sprintf(out, "%s/%.*slabels%s%s", folder, (int)(at - name), name, after, ends_with(name, ".gz") ? "" : ".gz"));
    strstr(*out + strlen(folder), "idx3")[3] = '1';
    if (access(*out, F_OK) != 0) {
        (*out)[strlen(*out) - strlen(".gz")] = '\0';
    }
    return LC_OK;
}

/* Adds the pictures of folder/name; label_bytes 0: an idx file, else CIFAR's. */
static lc_status add_part(picture_set *set, const char *folder, const char *name, size_t label_bytes,
                          const lc_import_options *options)
{
    char *path = NULL, *labels = NULL;
    LC_TRY(lc_grow(&set->parts, &set->capacity, set->count + 1, sizeof *set->parts));
    part *p = &set->parts[set->count++];
    *p = (part){0};
    lc_status st = split_of(name, options, &p->split);
    if (st != LC_OK) {
        goto done;
    }
    st = lc_sprintf(&path, "%s/%s", folder, name);
    if (st == LC_OK) {
        st = open_bytes(&p->pictures, path);
    }
    if (st != LC_OK) {
        goto done;
    }
    if (label_bytes) {
        st = lc_cifar_block(&p->block, p->pictures.data, p->pictures.size, label_bytes);
    } else {
        st = labels_beside(&labels, folder, name);
        if (st == LC_OK) {
            st = open_bytes(&p->labels, labels);
        }
        if (st != LC_OK) {
            goto done;
        }
        st = lc_idx_block(&p->block, p->pictures.data, p->pictures.size, p->labels.data, p->labels.size);
    }
    if (st != LC_OK) {
        st = lc_fail_in(st, "%s", path);
        goto done;
    }
    for (size_t i = 0; i < p->block.count; i++) {
        size_t label = p->block.labels[i * p->block.label_stride];
        set->last_label = label > set->last_label ? label : set->last_label;
    }
done:
    free(path);
    free(labels);
    return st;
}

/* What a file of a set is by its name: its names of classes, pictures, or nothing known. */
static lc_status add_file(picture_set *set, const char *folder, const char *name, const lc_import_options *options,
                          char **names_path)
{
    if (strstr(name, "images") && strstr(name, "idx3")) {
        set->format = "idx";
        return add_part(set, folder, name, 0, options);
    }
    if (ends_with(name, ".bin") && (strncmp(name, "data_batch", 10) == 0 || strncmp(name, "test_batch", 10) == 0)) {
        set->format = "CIFAR-10";
        return add_part(set, folder, name, 1, options);
    }
    if (strcmp(name, "train.bin") == 0 || strcmp(name, "test.bin") == 0) {
        set->format = "CIFAR-100";
        return add_part(set, folder, name, 2, options);
    }
    if (strcmp(name, "batches.meta.txt") == 0 || strcmp(name, "fine_label_names.txt") == 0) {
        free(*names_path);
        *names_path = NULL;
        return lc_sprintf(names_path, "%s/%s", folder, name);
    }
    if (strcmp(name, "batches.meta") == 0 || strcmp(name, "meta") == 0) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%s holds CIFAR's Python version (pickles); fetch the binary version, %s-binary.tar.gz",
                       folder, strcmp(name, "meta") == 0 ? "cifar-100" : "cifar-10");
    }
    return LC_OK;
}

static lc_status read_set(picture_set *set, const char *folder, const lc_import_options *options)
{
    struct dirent **entries;
    char *names_path = NULL;
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0) {
        return lc_fail_errno("%s", folder);
    }
    lc_status st = LC_OK;
    for (int i = 0; i < n; i++) {
        if (st == LC_OK) {
            st = add_file(set, folder, entries[i]->d_name, options, &names_path);
        }
        free(entries[i]);
    }
    free(entries);
    if (st == LC_OK && set->count == 0) {
        st = lc_fail(LC_ERR_ARG, "%s holds no set that is known: *images-idx3-ubyte[.gz] with labels, data_batch_*.bin and "
                                 "test_batch.bin, or train.bin and test.bin",
                     folder);
    }
    if (st == LC_OK) {
        st = lc_names_read(options->classes ? options->classes : names_path, &set->names, &set->name_count);
    }
    free(names_path);
    if (st == LC_OK && set->names && set->last_label >= set->name_count) {
        st = lc_fail(LC_ERR_FORMAT, "%s: label %zu, but the classes have %zu names (numbered from 0)", folder, set->last_label,
                     set->name_count);
    }
    return st;
}

/* Writing ----------------------------------------------------------------------------------------------------------- */

static lc_status make_folder(const char *path)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST ? LC_OK : lc_fail_errno("%s", path);
}

/* Not lc_write_file: tens of thousands of files wait for no disk, and appear together under the folder's final name. */
static lc_status write_picture(const char *path, const lc_picture_block *block, size_t i)
{
    unsigned char *bytes;
    size_t size;
    LC_TRY(lc_block_picture(block, i, &bytes, &size));
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(bytes, 1, size, f) == size;
    ok = f && fclose(f) == 0 && ok;
    free(bytes);
    return ok ? LC_OK : lc_fail_errno("%s", path);
}

/* Where pictures of each split and label go; made when the first one comes. */
typedef struct {
    char **folders; /* (LC_SPLIT_COUNT, labels) */
    size_t *written;
    size_t labels;
} shelves;

static lc_status shelf_of(shelves *s, const picture_set *set, const char *output, unsigned split, size_t label, char **folder)
{
    size_t at = split * s->labels + label;
    if (!s->folders[at]) {
        char *name, *above = NULL;
        int digits = snprintf(NULL, 0, "%zu", set->last_label);
        LC_TRY(lc_label_name(&name, set->names, set->name_count, label, digits));
        lc_status st = lc_sprintf(&above, "%s%s%s", output, split ? "/" : "", split ? lc_split_name(split) : "");
        if (st == LC_OK) {
            st = make_folder(above);
        }
        if (st == LC_OK) {
            st = lc_sprintf(&s->folders[at], "%s/%s", above, name);
        }
        if (st == LC_OK) {
            st = make_folder(s->folders[at]);
        }
        free(name);
        free(above);
        LC_TRY(st);
    }
    *folder = s->folders[at];
    return LC_OK;
}

static lc_status write_set(const picture_set *set, const char *output, const lc_import_options *options, lc_import_report *report)
{
    shelves s = {.labels = set->last_label + 1};
    size_t numbers[LC_SPLIT_COUNT] = {0}, total = 0, done = 0;
    char *folder, *path = NULL;
    LC_TRY(lc_alloc_array(&s.folders, LC_SPLIT_COUNT * s.labels, sizeof *s.folders));
    lc_status st = lc_alloc_array(&s.written, LC_SPLIT_COUNT * s.labels, sizeof *s.written);
    for (size_t p = 0; p < set->count; p++) {
        total += set->parts[p].block.count;
    }
    for (size_t p = 0; st == LC_OK && p < set->count; p++) {
        const lc_picture_block *block = &set->parts[p].block;
        unsigned split = set->parts[p].split;
        for (size_t i = 0; st == LC_OK && i < block->count; i++, done++) {
            size_t label = block->labels[i * block->label_stride], number = numbers[split]++;
            size_t *written = &s.written[split * s.labels + label];
            if (options->per_class && *written == options->per_class) {
                continue;
            }
            st = shelf_of(&s, set, output, split, label, &folder);
            if (st == LC_OK) {
                st = lc_sprintf(&path, "%s/%05zu.%s", folder, number, block->channels == 1 ? "pgm" : "ppm");
            }
            if (st == LC_OK) {
                st = write_picture(path, block, i);
            }
            free(path);
            path = NULL;
            ++*written;
            report->pictures[split]++;
            if (st == LC_OK && done % 256 == 0) {
                lc_progress("pictures", done, total);
                st = lc_interrupt_check();
            }
        }
    }
    for (size_t label = 0; label < s.labels; label++) {
        bool there = false;
        for (size_t split = 0; split < LC_SPLIT_COUNT; split++) {
            there |= s.written && s.written[split * s.labels + label] > 0;
        }
        report->classes += there;
    }
    lc_free_strings(s.folders, LC_SPLIT_COUNT * s.labels);
    free(s.written);
    return st;
}

lc_status lc_import_folder(const char *folder, const char *output, const lc_import_options *options, lc_import_report *report)
{
    picture_set set = {0};
    char *unfinished = NULL;
    struct stat there;
    if (lstat(output, &there) == 0) {
        return lc_fail(LC_ERR_ARG, "%s is there already: name a new folder, or remove it", output);
    }
    lc_status st = read_set(&set, folder, options);
    if (st != LC_OK) {
        goto done;
    }
    st = lc_sprintf(&unfinished, "%s.part", output);
    if (st != LC_OK) {
        goto done;
    }
    if (mkdir(unfinished, 0777) != 0) {
        st = errno == EEXIST ? lc_fail(LC_ERR_ARG, "%s is there, left by an import that did not end: remove it", unfinished)
                             : lc_fail_errno("%s", unfinished);
        goto done;
    }
    report->format = set.format;
    report->width = set.parts[0].block.width;
    report->height = set.parts[0].block.height;
    st = write_set(&set, unfinished, options, report);
    if (st != LC_OK) {
        st = lc_fail_in(st, "unfinished, in %s", unfinished);
        goto done;
    }
    if (rename(unfinished, output) != 0) {
        st = lc_fail_errno("%s", output);
    }
done:
    free(unfinished);
    free_set(&set);
    return st;
}

lc_status lc_import(const char *const *sources, size_t count, const char *output, const lc_import_options *options,
                    lc_import_report *report)
{
    struct stat kind;
    *report = (lc_import_report){0};
    if (stat(sources[0], &kind) != 0) {
        return lc_fail_errno("%s", sources[0]);
    }
    if (!S_ISDIR(kind.st_mode)) {
        return lc_import_lists(sources, count, output, options, report);
    }
    return count == 1 ? lc_import_folder(sources[0], output, options, report)
                      : lc_fail(LC_ERR_ARG, "%s is a folder: one at a time", sources[0]);
}
