#include "tools/picture_lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/subset.h"
#include "common/text.h"

enum { MAX_LIST_BYTES = 1 << 30, MAX_PATH_BYTES = 4096 };
static const double TEST_SHARE = 0.2;

static lc_status draw_test(lc_manifest *m, uint64_t seed)
{
    double *place;
    uint8_t *all;
    LC_TRY(lc_alloc_array(&all, m->rows, sizeof *all));
    lc_status st = lc_alloc_array(&place, m->rows, sizeof *place);
    if (st == LC_OK) {
        memset(all, 1, m->rows);
        st = lc_subset_places(place, m->rows, m->labels, all, m->classes, seed);
        for (size_t i = 0; st == LC_OK && i < m->rows; i++) {
            m->splits[i] = place[i] < TEST_SHARE ? LC_SPLIT_TEST : LC_SPLIT_TRAIN;
        }
        free(place);
    }
    free(all);
    return st;
}

lc_status lc_split_pictures(lc_manifest **out, const char *source, uint64_t seed)
{
    lc_manifest *m;
    size_t counts[LC_SPLIT_COUNT] = {0};
    LC_TRY(lc_manifest_read(&m, source));
    lc_status st = m->indicator ? lc_fail(LC_ERR_UNSUPPORTED, "%s: pictures have several labels; fine-tuning takes one", source) : LC_OK;
    for (size_t i = 0; i < m->rows; i++) {
        counts[m->splits[i]] += m->labels[i] >= 0;
    }
    if (st == LC_OK && counts[LC_SPLIT_TRAIN] + counts[LC_SPLIT_NONE] == 0) {
        st = lc_fail(LC_ERR_ARG, "%s has no labelled pictures to train on; put them into folders of their classes", source);
    }
    if (st == LC_OK && counts[LC_SPLIT_TEST] + counts[LC_SPLIT_VAL] == 0) {
        lc_log(LC_LOG_INFO, "%s has no split to judge by: a fifth of each class, drawn by the seed, is held back", source);
        st = draw_test(m, seed);
    }
    if (st != LC_OK) {
        lc_manifest_free(m);
        return st;
    }
    *out = m;
    return LC_OK;
}

/* Writes a file, or finds it there with this text. */
static lc_status keep_text(const char *path, const char *text, size_t size)
{
    unsigned char *there;
    size_t there_size;
    if (access(path, F_OK) != 0) {
        return lc_write_file(path, text, size);
    }
    LC_TRY(lc_read_file(&there, &there_size, path, MAX_LIST_BYTES));
    bool same = there_size == size && memcmp(there, text, size) == 0;
    free(there);
    return same ? LC_OK : lc_fail(LC_ERR_ARG, "%s is of another work: other pictures or options; choose another -o", path);
}

lc_status lc_write_list(const char *path, const lc_manifest *m, const uint8_t *keep)
{
    lc_text t;
    char here[MAX_PATH_BYTES], *picture;
    if (!getcwd(here, sizeof here)) {
        return lc_fail_errno("the current folder");
    }
    LC_TRY(lc_text_open(&t));
    lc_status st = LC_OK;
    fputs("path,label,split\n", t.stream);
    for (size_t i = 0; i < m->rows && st == LC_OK; i++) {
        if (!keep[i] || m->labels[i] < 0 || m->splits[i] == LC_SPLIT_NONE || (st = lc_manifest_path(m, i, &picture)) != LC_OK) {
            continue;
        }
        char *absolute = NULL;
        st = picture[0] == '/' ? lc_strdup(&absolute, picture) : lc_sprintf(&absolute, "%s/%s", here, picture);
        if (st == LC_OK) {
            lc_text_put_quoted(t.stream, absolute);
            fputc(',', t.stream);
            lc_text_put_quoted(t.stream, m->class_names[m->labels[i]]);
            fprintf(t.stream, ",%s\n", lc_split_name(m->splits[i]));
        }
        free(absolute);
        free(picture);
    }
    lc_status closed = lc_text_close(&t);
    st = st == LC_OK ? closed : st;
    if (st == LC_OK) {
        st = keep_text(path, t.text, t.size);
    }
    free(t.text);
    return st;
}

lc_status lc_keep_settings(const char *folder, const char *text, const lc_picture_arguments *pictures)
{
    char *path;
    lc_text t;
    LC_TRY(lc_text_open(&t));
    fprintf(t.stream, "%sarch %s\nprecision %s\n", text, pictures->arch ? pictures->arch : "",
            pictures->exact ? "f32-exact" : pictures->precision ? pictures->precision : "");
    for (size_t i = 0; i < pictures->settings.count; i++) {
        fprintf(t.stream, "%s %s\n", pictures->settings.items[i].key, pictures->settings.items[i].value);
    }
    lc_status st = lc_text_close(&t);
    if (st == LC_OK && (st = lc_sprintf(&path, "%s/settings.txt", folder)) == LC_OK) {
        st = keep_text(path, t.text, t.size);
        free(path);
    }
    free(t.text);
    return st;
}
