/*
 * Talk and progress of the libraries: one callback for each, set by whoever owns the terminal.
 *
 * Libraries never print. They hand lines to lc_log() and counts to lc_progress_*(); without a callback both are
 * silent. Callbacks may come from any thread, one at a time.
 */
#ifndef LC_COMMON_LOG_H
#define LC_COMMON_LOG_H

#include <stddef.h>

typedef enum {
    LC_LOG_ERROR,   /* the work stops */
    LC_LOG_WARNING, /* the work goes on, but the result may not be what was meant */
    LC_LOG_INFO,    /* what a person wants to know of a run */
    LC_LOG_VERBOSE, /* choices made on the way: kernels, fusions, plans */
    LC_LOG_DEBUG,   /* for whoever mends this program */
} lc_log_level;

typedef void (*lc_log_fn)(void *payload, lc_log_level level, const char *line);
typedef void (*lc_progress_fn)(void *payload, const char *what, size_t done, size_t total);

/* Sets the callbacks; NULL silences. Call before any work starts. */
void lc_log_set(lc_log_fn log, lc_progress_fn progress, void *payload);

void lc_log(lc_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* `done` of `total` (0: unknown) units of `what` ("pictures", "fits") are finished. */
void lc_progress(const char *what, size_t done, size_t total);

/* What stands beside the counts of the present progress line ("loss 0.41"), until the next note; "" : nothing. */
void lc_progress_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The note; for the progress callback. */
const char *lc_progress_noted(void);

#endif
