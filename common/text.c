#include "common/text.h"

#include <stdlib.h>
#include <string.h>

enum { NEAREST = 3, LONGEST = 255, SHOWN = 100 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Levenshtein's distance between the first LONGEST characters, one row of his table at a time. */
static size_t distance(const char *a, const char *b)
{
    size_t row[LONGEST + 1], n = strnlen(b, LONGEST);
    for (size_t j = 0; j <= n; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] && i < LONGEST; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t best = diagonal + (lower(a[i]) != lower(b[j]));
            best = row[j] + 1 < best ? row[j] + 1 : best;
            diagonal = row[j + 1];
            row[j + 1] = diagonal + 1 < best ? diagonal + 1 : best;
        }
    }
    return row[n];
}

const char *lc_text_nearest(char *text, size_t size, const char *wanted, const char *const *names, size_t count)
{
    size_t nearest[NEAREST], score[NEAREST], found = 0;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(wanted, names[i]), at = found;
        while (at > 0 && d < score[at - 1]) {
            at--;
        }
        if (at == NEAREST) {
            continue;
        }
        found += found < NEAREST;
        for (size_t j = found - 1; j > at; j--) {
            nearest[j] = nearest[j - 1];
            score[j] = score[j - 1];
        }
        nearest[at] = i;
        score[at] = d;
    }
    text[0] = '\0';
    for (size_t i = 0, at = 0; i < found && at < size; i++) {
        const char *before = i == 0 ? "" : i + 1 == found ? " or " : ", ";
        at += (size_t)snprintf(text + at, size - at, "%s%s", before, names[nearest[i]]);
    }
    return text;
}

/* Bytes of the UTF-8 character at p (Unicode 15, table 3-7), 0 when it is none. The zero that ends the text stops it. */
static size_t character(const unsigned char *p)
{
    if (p[0] < 0x80) {
        return 1;
    }
    size_t n = p[0] >= 0xC2 && p[0] <= 0xDF ? 2 : (p[0] & 0xF0) == 0xE0 ? 3 : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4 : 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xED && p[1] >= 0xA0, beyond = p[0] == 0xF4 && p[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : n;
}

bool lc_text_make_utf8(char *text)
{
    bool changed = false;
    for (unsigned char *p = (unsigned char *)text; *p;) {
        size_t n = character(p);
        if (n == 0) {
            *p = '?';
            changed = true;
        }
        p += n ? n : 1;
    }
    return changed;
}

/* All bytes but the continuation bytes of UTF-8. */
static size_t count_characters(const char *text, size_t bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++) {
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    return n;
}

size_t lc_text_length(const char *text)
{
    return count_characters(text, strlen(text));
}

size_t lc_text_line(const char *text, size_t width)
{
    size_t end = strcspn(text, " ");
    while (text[end]) {
        size_t next = end + 1 + strcspn(text + end + 1, " ");
        if (count_characters(text, next) > width) {
            break;
        }
        end = next;
    }
    return end;
}

void lc_text_put_quoted(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++) {
        fputs(*text == '"' ? "\"\"" : (char[]){*text, '\0'}, f);
    }
    fputc('"', f);
}

void lc_text_put_field(FILE *f, const char *text)
{
    if (strpbrk(text, ",\"\r\n")) {
        lc_text_put_quoted(f, text);
    } else {
        fputs(text, f);
    }
}

lc_status lc_text_open(lc_text *out)
{
    *out = (lc_text){0};
    out->stream = open_memstream(&out->text, &out->size);
    return out->stream ? LC_OK : lc_fail(LC_ERR_NOMEM, "no memory for a text");
}

lc_status lc_text_close(lc_text *t)
{
    bool failed = ferror(t->stream) != 0;
    failed = fclose(t->stream) != 0 || failed;
    t->stream = NULL;
    if (failed) {
        free(t->text);
        t->text = NULL;
        return lc_fail(LC_ERR_NOMEM, "no memory for a text");
    }
    return LC_OK;
}

const char *lc_text_show(const char *bytes, size_t size)
{
    static _Thread_local char text[SHOWN + 3];
    size_t n = size < SHOWN ? size : SHOWN;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)bytes[i];
        text[i] = c < ' ' || c == 0x7f ? '?' : (char)c;
    }
    strcpy(text + n, size > n ? ".." : "");
    lc_text_make_utf8(text);
    return text;
}
