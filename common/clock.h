/*
 * Time: seconds for reports of how long a step took, and the date that files carry.
 */
#ifndef LC_COMMON_CLOCK_H
#define LC_COMMON_CLOCK_H

/* Seconds of a clock that only goes forward. */
double lc_clock(void);

/* Now, as "2026-08-21T10:00:00Z" (ISO 8601). SOURCE_DATE_EPOCH is the clock of reproducible runs
 * (reproducible-builds.org). */
void lc_clock_utc(char text[static 32]);

#endif
