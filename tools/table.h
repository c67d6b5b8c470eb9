/*
 * Tables on standard output: columns as wide as their cells, lines of at most 80 columns, every name in full.
 *
 *   lc_text cells;
 *   lc_text_open(&cells);
 *   for each row: for each column: lc_table_cell(&cells, "%zu", ...);
 *   lc_table_print(cli, titles, columns, &cells);
 */
#ifndef LC_TOOLS_TABLE_H
#define LC_TOOLS_TABLE_H

#include "common/text.h"
#include "tools/cli.h"

/* Writes one cell, row by row from left to right. */
void lc_table_cell(lc_text *cells, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Closes, prints and frees the cells. titles (columns): a word behind '<' or '>', which says to what side the column
 * leans. When lines would be too long, a column with '?' in place of '>' is left out (not the last one, and one at most);
 * then the first '<' column gives way: what does not fit there stands on a line of its own.
 */
LC_CHECKED lc_status lc_table_print(const lc_cli *cli, const char *const *titles, size_t columns, lc_text *cells);

#endif
