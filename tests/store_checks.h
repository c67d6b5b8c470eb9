/*
 * What test_manifest.c and test_store.c share. Only for tests; include after cmocka.h.
 */
#ifndef LC_TESTS_STORE_CHECKS_H
#define LC_TESTS_STORE_CHECKS_H

#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/manifest.h"

#define OK(expression)                                                                                                     \
    do {                                                                                                                   \
        lc_status ok_status = (expression);                                                                                \
        if (ok_status != LC_OK) {                                                                                          \
            fail_msg("%s: %s: %s", #expression, lc_status_name(ok_status), lc_error_message());                            \
        }                                                                                                                  \
    } while (0)

static inline void says(const char *part)
{
    if (!strstr(lc_error_message(), part)) {
        fail_msg("message '%s' lacks '%s'", lc_error_message(), part);
    }
}

/* "path:class:split " for every row. */
static inline const char *rows_text(const lc_manifest *m)
{
    static char text[2048];
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < m->rows && at < sizeof text; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s:%s:%s ", m->paths[i],
                               m->labels[i] < 0 ? "-" : m->class_names[m->labels[i]], lc_split_name(m->splits[i]));
    }
    return text;
}

#endif
