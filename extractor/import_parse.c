/* Bytes of foreign sets -> where their pictures, labels and names lie. */
#include "extractor/import.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/memory.h"
#include "common/text.h"

lc_status lc_idx_parse(const unsigned char *data, size_t size, size_t rank, size_t *sizes, const unsigned char **values)
{
    lc_bytes b = {.data = data, .size = size};
    const unsigned char *head = lc_bytes_take(&b, 4);
    if (!head || head[0] || head[1]) {
        return lc_fail(LC_ERR_FORMAT, "no idx file: it does not begin with two zero bytes");
    }
    if (head[2] != 8 || head[3] != rank) {
        return lc_fail(LC_ERR_UNSUPPORTED, "idx file of type 0x%02x with %u dimensions; wanted unsigned bytes (0x08) with %zu",
                       head[2], head[3], rank);
    }
    size_t total = 1;
    for (size_t i = 0; i < rank; i++) {
        const unsigned char *n = lc_bytes_take(&b, 4);
        sizes[i] = n ? (size_t)n[0] << 24 | (size_t)n[1] << 16 | (size_t)n[2] << 8 | n[3] : 0;
        if (!n || !lc_mul(total, sizes[i], &total)) {
            return lc_fail(LC_ERR_FORMAT, "idx file of %zu bytes: its sizes are missing or beyond counting", size);
        }
    }
    if (total != b.size - b.at) {
        return lc_fail(LC_ERR_FORMAT, "idx file: its sizes say %zu values, %zu bytes follow", total, b.size - b.at);
    }
    *values = data + b.at;
    return LC_OK;
}

lc_status lc_idx_block(lc_picture_block *out, const unsigned char *pictures, size_t pictures_size,
                       const unsigned char *labels, size_t labels_size)
{
    size_t sizes[3], labelled;
    *out = (lc_picture_block){.channels = 1, .label_stride = 1};
    LC_TRY(lc_idx_parse(pictures, pictures_size, 3, sizes, &out->pixels));
    lc_status st = lc_idx_parse(labels, labels_size, 1, &labelled, &out->labels);
    if (st != LC_OK) {
        return lc_fail_in(st, "labels");
    }
    out->count = sizes[0];
    out->height = sizes[1];
    out->width = sizes[2];
    out->stride = sizes[1] * sizes[2];
    if (out->stride == 0) {
        return lc_fail(LC_ERR_FORMAT, "idx file of pictures of %zu x %zu", out->width, out->height);
    }
    if (out->count != labelled) {
        return lc_fail(LC_ERR_FORMAT, "%zu pictures, %zu labels", out->count, labelled);
    }
    return LC_OK;
}

lc_status lc_cifar_block(lc_picture_block *out, const unsigned char *data, size_t size, size_t label_bytes)
{
    size_t record = label_bytes + 3 * LC_CIFAR_SIDE * LC_CIFAR_SIDE;
    if (size == 0 || size % record) {
        return lc_fail(LC_ERR_FORMAT, "CIFAR file of %zu bytes: records have %zu", size, record);
    }
    *out = (lc_picture_block){.count = size / record,
                              .width = LC_CIFAR_SIDE,
                              .height = LC_CIFAR_SIDE,
                              .channels = 3,
                              .pixels = data + label_bytes,
                              .labels = data + label_bytes - 1,
                              .stride = record,
                              .label_stride = record};
    return LC_OK;
}

lc_status lc_block_picture(const lc_picture_block *block, size_t i, unsigned char **bytes, size_t *size)
{
    char head[64];
    size_t plane = block->width * block->height, channels = block->channels;
    size_t head_size = (size_t)snprintf(head, sizeof head, "P%c\n%zu %zu\n255\n", channels == 1 ? '5' : '6', block->width,
                                        block->height);
    *size = head_size + channels * plane;
    LC_TRY(lc_alloc_raw(bytes, *size, 1));
    memcpy(*bytes, head, head_size);
    const unsigned char *pixels = block->pixels + i * block->stride;
    unsigned char *out = *bytes + head_size;
    for (size_t p = 0; p < plane; p++) {
        for (size_t c = 0; c < channels; c++) {
            *out++ = pixels[c * plane + p];
        }
    }
    return LC_OK;
}

/* Digits at the end of [begin, end) -> *number, and where they begin; NULL when there are none or too many. */
static const char *number_at_end(const char *begin, const char *end, size_t *number)
{
    const char *at = end;
    while (at > begin && isdigit((unsigned char)at[-1])) {
        at--;
    }
    if (at == end || end - at > 9) {
        return NULL;
    }
    *number = 0;
    for (const char *p = at; p < end; p++) {
        *number = *number * 10 + (size_t)(*p - '0');
    }
    return at;
}

/* `line` without blanks at its end, `number` of the form that `alone` says. */
static lc_status parse_line(lc_list_line *out, const char *line, const char *end, int alone, size_t number)
{
    const char *at = number_at_end(line, end, &out->label);
    if (!at || out->label >= LC_IMPORT_MAX_LABELS) {
        return lc_fail(LC_ERR_FORMAT, "line %zu, '%s', does not end with a label, a number below %d", number,
                       lc_text_show(line, (size_t)(end - line)), LC_IMPORT_MAX_LABELS);
    }
    const char *path_end = at;
    while (path_end > line && isspace((unsigned char)path_end[-1])) {
        path_end--;
    }
    if (alone != (at == line) || (!alone && path_end == at)) {
        return lc_fail(LC_ERR_FORMAT, "line %zu, '%s': %s", number, lc_text_show(line, (size_t)(end - line)),
                       alone ? "the lines before it had no path" : "wanted a path, a blank and a label");
    }
    if (alone && out->label == 0) {
        return lc_fail(LC_ERR_FORMAT, "line %zu: labels without paths count from 1 (ILSVRC's development kit)", number);
    }
    out->label -= alone ? 1 : 0;
    out->path = alone ? NULL : line;
    out->path_size = (size_t)(path_end - line);
    return memchr(line, 0, (size_t)(end - line)) ? lc_fail(LC_ERR_FORMAT, "line %zu holds a zero byte", number) : LC_OK;
}

/* The next line from *at on, blanks around it left out; NULL behind the last. */
static const char *next_line(const char **at, const char *end, const char **line_end, size_t *number)
{
    while (*at < end) {
        const char *line = *at, *stop = memchr(line, '\n', (size_t)(end - line));
        *line_end = stop ? stop : end;
        *at = stop ? stop + 1 : end;
        ++*number;
        while (line < *line_end && isspace((unsigned char)*line)) {
            line++;
        }
        while (*line_end > line && isspace((unsigned char)(*line_end)[-1])) {
            --*line_end;
        }
        if (line < *line_end) {
            return line;
        }
    }
    return NULL;
}

lc_status lc_list_parse(const char *text, size_t size, lc_list_line **lines, size_t *count)
{
    const char *at = text, *end = text + size, *line_end, *line;
    size_t number = 0, capacity = 0, first;
    int alone = 0;
    lc_status st = LC_OK;
    *lines = NULL;
    *count = 0;
    while ((line = next_line(&at, end, &line_end, &number))) {
        if (*count == 0) {
            alone = number_at_end(line, line_end, &first) == line;
        }
        st = lc_grow(lines, &capacity, *count + 1, sizeof **lines);
        if (st == LC_OK) {
            st = parse_line(&(*lines)[*count], line, line_end, alone, number);
        }
        if (st != LC_OK) {
            goto done;
        }
        ++*count;
    }
    if (*count == 0) {
        st = lc_fail(LC_ERR_FORMAT, "a list without lines");
    }
done:
    if (st != LC_OK) {
        free(*lines);
        *lines = NULL;
        *count = 0;
    }
    return st;
}

/* Names become folders: one part of a path, and none that a manifest passes over. */
static lc_status check_name(const char *name, size_t size, size_t number)
{
    if (name[0] == '.' || size > 200 || memchr(name, '/', size) || memchr(name, 0, size)) {
        return lc_fail(LC_ERR_FORMAT, "line %zu, '%s', cannot be the name of a class: it begins with '.', holds '/' or is long",
                       number, lc_text_show(name, size));
    }
    return LC_OK;
}

lc_status lc_names_parse(const char *text, size_t size, char ***names, size_t *count)
{
    const char *at = text, *end = text + size, *line_end, *line;
    size_t number = 0, capacity = 0;
    lc_status st = LC_OK;
    *names = NULL;
    *count = 0;
    while (st == LC_OK && (line = next_line(&at, end, &line_end, &number))) {
        size_t length = (size_t)(line_end - line);
        st = check_name(line, length, number);
        if (st == LC_OK && *count == LC_IMPORT_MAX_LABELS) {
            st = lc_fail(LC_ERR_FORMAT, "more than %d names", LC_IMPORT_MAX_LABELS);
        }
        if (st == LC_OK) {
            st = lc_grow(names, &capacity, *count + 1, sizeof **names);
        }
        if (st == LC_OK) {
            st = lc_sprintf(&(*names)[*count], "%.*s", (int)length, line);
            *count += st == LC_OK;
        }
    }
    if (st == LC_OK && *count == 0) {
        st = lc_fail(LC_ERR_FORMAT, "no names in it");
    }
    if (st != LC_OK) {
        lc_free_strings(*names, *count);
        *names = NULL;
        *count = 0;
    }
    return st;
}
