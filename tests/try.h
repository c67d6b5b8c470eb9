/*
 * TRY(call): what must succeed, else the test fails with the library's message. After cmocka.h. Only for tests.
 */
#ifndef LC_TESTS_TRY_H
#define LC_TESTS_TRY_H

#include "common/error.h"

#define TRY(expression)                                          \
    do {                                                         \
        if ((expression) != LC_OK) {                             \
            fail_msg("%s: %s", #expression, lc_error_message()); \
        }                                                        \
    } while (0)

#endif
