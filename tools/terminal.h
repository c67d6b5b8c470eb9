/*
 * Standard error: talk, warnings and progress of the libraries and the commands (common/log.h comes here).
 * On a terminal progress is one line that is drawn over; elsewhere a line after two seconds, then every ten. It says what is
 * done, how fast, and the time left at that speed.
 */
#ifndef LC_TOOLS_TERMINAL_H
#define LC_TOOLS_TERMINAL_H

#include "common/log.h"

/* From now on what is logged is printed, up to LC_LOG_INFO; `who` (kept) stands before warnings and errors. */
void lc_terminal_open(const char *who);

/* What is logged up to `level` is printed; below LC_LOG_INFO there is no progress either. */
void lc_terminal_set_level(lc_log_level level);

/* For commands whose results are lines that a progress line would disturb. */
void lc_terminal_hide_progress(void);

/* Takes the progress line away, before anything else is printed there; the next progress draws it again. */
void lc_terminal_clear(void);

#endif
