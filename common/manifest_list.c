#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/file.h"
#include "common/manifest_rows.h"
#include "common/memory.h"
#include "common/text.h"

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
static lc_status take_labels(lc_manifest_rows *c, const list_reader *r, lc_manifest_row *row, size_t line)
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
        LC_TRY(lc_manifest_rows_label(c, row, name));
    }
    return LC_OK;
}

/* One field of the row `row`, in column `column`. */
static lc_status take_field(lc_manifest_rows *c, list_reader *r, const list_header *h, size_t column, lc_manifest_row *row,
                            size_t line)
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

static lc_status read_list_row(lc_manifest_rows *c, list_reader *r, const list_header *h)
{
    lc_manifest_row row = {0};
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
        lc_manifest_row_free(&row);
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

static lc_status read_list(lc_manifest_rows *c, const char *text, size_t size, char delimiter, const char *source)
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
    lc_manifest_rows c = {0};
    *out = NULL;
    lc_status status = read_list(&c, text, size, delimiter, source);
    if (status == LC_OK) {
        status = lc_manifest_rows_finish(out, &c, root, source);
    }
    lc_manifest_rows_free(&c);
    return status;
}

lc_status lc_manifest_read_list_file(lc_manifest **out, const char *source, const char *root, char delimiter)
{
    lc_mapping file;
    LC_TRY(lc_map_file(&file, source));
    lc_status status = lc_manifest_parse_list(out, (const char *)file.data, file.size, delimiter, root, source);
    lc_unmap_file(&file);
    return status;
}

lc_status lc_manifest_read_standard_input(lc_manifest **out)
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
