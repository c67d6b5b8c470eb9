/*
 * Completion of commands, options and values in shells, made from the tables of the commands (tools/cli.h).
 *
 * A value completes to the option's `words` or `list`, to files where it is one, else to nothing; an operand to
 * files, and a MODEL also to the networks that have names.
 */
#ifndef LC_TOOLS_COMPLETION_H
#define LC_TOOLS_COMPLETION_H

#include "tools/cli.h"

/* What `shell` ("bash", "zsh") reads, on standard output; LC_ERR_ARG for another. */
LC_CHECKED lc_status lc_completion_print(const char *shell);

/* Whether a network may be the first operand of the command. */
bool lc_completion_wants_model(const lc_cli_command *command);

/* Whether the values of an option can be listed; prints them with blanks between. */
bool lc_completion_has_words(const lc_cli_option *option);
void lc_completion_print_words(const lc_cli_option *option);

void lc_completion_bash(void);
void lc_completion_zsh(void);

#endif
