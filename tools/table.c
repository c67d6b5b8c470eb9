#include "tools/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 80, MAX_COLUMNS = 11 };

/* How the table is laid out. */
typedef struct {
    const char *const *titles;
    size_t columns, width[MAX_COLUMNS];
    size_t gap;      /* blanks between columns */
    size_t elastic;  /* the column that gives way */
    size_t left_out; /* the '?' column, where it finds no room; else `columns` */
} layout;

/* A cell ends with a zero byte. */
void lc_table_cell(lc_text *cells, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vfprintf(cells->stream, fmt, args);
    va_end(args);
    fputc('\0', cells->stream);
}

static void set_widths(layout *l, const lc_text *cells)
{
    size_t column = 0, total = 0, gaps = l->columns - 1;
    for (size_t c = 0; c < l->columns; c++) {
        l->width[c] = lc_text_length(l->titles[c] + 1);
    }
    for (const char *cell = cells->text; cell < cells->text + cells->size; cell += strlen(cell) + 1) {
        size_t length = lc_text_length(cell);
        l->width[column] = length > l->width[column] ? length : l->width[column];
        column = (column + 1) % l->columns;
    }
    for (size_t c = l->columns; c-- > 0;) {
        total += l->width[c];
        l->elastic = l->titles[c][0] == '<' ? c : l->elastic;
    }
    l->left_out = l->columns;
    for (size_t c = 0; c < l->columns && total + gaps > WIDTH; c++) {
        if (l->titles[c][0] == '?') {
            l->left_out = c;
            total -= l->width[c];
            gaps--;
            break;
        }
    }
    l->gap = total + 2 * gaps <= WIDTH ? 2 : 1;
    total += l->gap * gaps;
    size_t *width = &l->width[l->elastic], excess = total > WIDTH ? total - WIDTH : 0;
    size_t least = lc_text_length(l->titles[l->elastic] + 1);
    *width = *width > least + excess ? *width - excess : least;
}

static void print_cell(const lc_cli *cli, const layout *l, size_t column, const char *cell)
{
    if (column == l->left_out) {
        return;
    }
    size_t length = lc_text_length(cell), width = l->width[column], before = 0;
    int padding = length < width ? (int)(width - length) : 0;
    bool left = l->titles[column][0] == '<';
    lc_cli_print(cli, "%*s%s", left ? 0 : padding, "", cell);
    if (column + 1 == l->columns) {
        lc_cli_print(cli, "\n");
    } else if (length <= width) {
        lc_cli_print(cli, "%*s", (int)l->gap + (left ? padding : 0), "");
    } else {
        for (size_t c = 0; c <= column; c++) {
            before += l->width[c] + l->gap;
        }
        lc_cli_print(cli, "\n%*s", (int)before, "");
    }
}

lc_status lc_table_print(const lc_cli *cli, const char *const *titles, size_t columns, lc_text *cells)
{
    assert(columns > 0 && columns <= MAX_COLUMNS);
    LC_TRY(lc_text_close(cells));
    layout l = {.titles = titles, .columns = columns};
    set_widths(&l, cells);
    for (size_t c = 0; c < columns; c++) {
        print_cell(cli, &l, c, titles[c] + 1);
    }
    size_t column = 0;
    for (const char *cell = cells->text; cell < cells->text + cells->size; cell += strlen(cell) + 1) {
        print_cell(cli, &l, column, cell);
        column = (column + 1) % columns;
    }
    free(cells->text);
    return LC_OK;
}
