/*
 * Manual pages, made from the tables of the commands, as roff with man(7)'s macros on standard output: the same for
 * groff and mandoc, and without a date, so that equal programs have equal pages.
 */
#ifndef LC_TOOLS_MANUAL_H
#define LC_TOOLS_MANUAL_H

#include "tools/cli.h"

/* layercut(1): the commands, and what they have in common. */
void lc_manual_program(void);

/* layercut-<command>(1). */
LC_CHECKED lc_status lc_manual_command(const lc_cli_command *command);

#endif
