/*
 * "Please stop": a signal handler asks, long loops look. Whoever sees it flushes what is done and returns
 * LC_ERR_INTERRUPTED, which the command line turns into exit code 130.
 */
#ifndef LC_COMMON_INTERRUPT_H
#define LC_COMMON_INTERRUPT_H

#include "common/error.h"

/* Async-signal-safe. */
void lc_interrupt_request(void);

/* LC_OK, or LC_ERR_INTERRUPTED once a stop was requested. */
LC_CHECKED lc_status lc_interrupt_check(void);

#endif
