#include "classifier/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"

#define HEADER "layercut-search 1 "
enum { LIMIT = 1 << 28 };

struct lc_journal {
    char *path;
    FILE *file;
    size_t capacity, count;
    bool *known;    /* (capacity) */
    size_t *values; /* (capacity) */
};

void lc_journal_close(lc_journal *j, bool done)
{
    if (!j) {
        return;
    }
    if (j->file) {
        fclose(j->file);
    }
    if (done) {
        unlink(j->path);
    }
    free(j->path);
    free(j->known);
    free(j->values);
    free(j);
}

/* Takes over the lines of a file of the same job; whether it was one. */
static bool take_over(lc_journal *j, char *text, const char *fingerprint, size_t most)
{
    char *line_end = strchr(text, '\n');
    size_t prefix = strlen(HEADER);
    if (!line_end || strncmp(text, HEADER, prefix) != 0 || (size_t)(line_end - text) != prefix + strlen(fingerprint) ||
        strncmp(text + prefix, fingerprint, strlen(fingerprint)) != 0) {
        return false;
    }
    for (char *line = line_end + 1; (line_end = strchr(line, '\n')) != NULL; line = line_end + 1) {
        size_t number, value;
        if (sscanf(line, "%zu %zu", &number, &value) == 2 && number < j->capacity && value <= most && !j->known[number]) {
            j->known[number] = true;
            j->values[number] = value;
            j->count++;
        }
    }
    return true;
}

/* Written anew, so that half a line at the end is gone. */
static lc_status rewrite(lc_journal *j, const char *fingerprint)
{
    j->file = fopen(j->path, "w");
    if (!j->file) {
        return lc_fail_errno("cannot write %s", j->path);
    }
    fprintf(j->file, HEADER "%s\n", fingerprint);
    for (size_t i = 0; i < j->capacity; i++) {
        if (j->known[i]) {
            fprintf(j->file, "%zu %zu\n", i, j->values[i]);
        }
    }
    return lc_journal_flush(j);
}

lc_status lc_journal_open(lc_journal **out, const char *path, const char *fingerprint, size_t capacity, size_t most)
{
    lc_journal *j;
    unsigned char *text = NULL;
    size_t size;
    *out = NULL;
    LC_TRY(lc_alloc_array(&j, 1, sizeof *j));
    j->capacity = capacity;
    lc_status status;
    if ((status = lc_strdup(&j->path, path)) != LC_OK ||
        (status = lc_alloc_array(&j->known, capacity, sizeof *j->known)) != LC_OK ||
        (status = lc_alloc_array(&j->values, capacity, sizeof *j->values)) != LC_OK) {
        goto done;
    }
    if (access(path, F_OK) == 0) {
        if ((status = lc_read_file(&text, &size, path, LIMIT)) != LC_OK) {
            goto done;
        }
        if (!take_over(j, (char *)text, fingerprint, most)) {
            lc_log(LC_LOG_WARNING, "%s belongs to another search (other rows, grid, folds or options); starting over", path);
        }
    }
    status = rewrite(j, fingerprint);
done:
    free(text);
    if (status == LC_OK) {
        *out = j;
    } else {
        lc_journal_close(j, false);
    }
    return status;
}

size_t lc_journal_count(const lc_journal *j)
{
    return j->count;
}

bool lc_journal_find(const lc_journal *j, size_t number, size_t *value)
{
    if (number >= j->capacity || !j->known[number]) {
        return false;
    }
    *value = j->values[number];
    return true;
}

lc_status lc_journal_add(lc_journal *j, size_t number, size_t value)
{
    if (fprintf(j->file, "%zu %zu\n", number, value) < 0) {
        return lc_fail_errno("cannot write %s", j->path);
    }
    j->known[number] = true;
    j->values[number] = value;
    j->count++;
    return LC_OK;
}

lc_status lc_journal_flush(lc_journal *j)
{
    return fflush(j->file) == 0 ? LC_OK : lc_fail_errno("cannot write %s", j->path);
}
