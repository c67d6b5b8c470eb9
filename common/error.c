#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_SIZE = 1024 };

static _Thread_local char message[MESSAGE_SIZE];

/* text[0..at) = text ": " tail, cut where the message ends. */
static void append(char text[static MESSAGE_SIZE], size_t at, const char *tail)
{
    const char *parts[] = {": ", tail};
    for (int i = 0; i < 2; i++) {
        for (const char *p = parts[i]; *p && at < MESSAGE_SIZE - 1; p++) {
            text[at++] = *p;
        }
    }
    text[at] = '\0';
}

/* Names in a message come from files: none of them may end the line or talk to the terminal. */
static void keep(const char text[static MESSAGE_SIZE])
{
    for (size_t i = 0; i < MESSAGE_SIZE; i++) {
        unsigned char c = (unsigned char)text[i];
        message[i] = c && (c < ' ' || c == 0x7F) ? '?' : text[i];
        if (!c) {
            break;
        }
    }
}

lc_status lc_fail(lc_status code, const char *fmt, ...)
{
    /* The arguments may point into the old message, so the new one is built beside it. */
    char text[MESSAGE_SIZE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    keep(text);
    return code;
}

/* The message becomes what is formatted, ": " and `tail`, which may be the old message. */
static void keep_before(const char *tail, const char *fmt, va_list args)
{
    char text[MESSAGE_SIZE];
    int n = vsnprintf(text, sizeof text, fmt, args);
    if (n >= 0 && (size_t)n < sizeof text) {
        append(text, (size_t)n, tail);
    }
    keep(text);
}

lc_status lc_fail_in(lc_status code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    keep_before(message, fmt, args);
    va_end(args);
    return code;
}

lc_status lc_fail_errno(const char *fmt, ...)
{
    const char *why = strerror(errno);
    va_list args;
    va_start(args, fmt);
    keep_before(why, fmt, args);
    va_end(args);
    return LC_ERR_IO;
}

const char *lc_error_message(void)
{
    return message;
}

const char *lc_status_name(lc_status code)
{
    static const char *const names[] = {
        [LC_OK] = "ok",
        [LC_ERR_ARG] = "argument",
        [LC_ERR_NOTFOUND] = "not found",
        [LC_ERR_IO] = "io",
        [LC_ERR_FORMAT] = "format",
        [LC_ERR_UNSUPPORTED] = "unsupported",
        [LC_ERR_SHAPE] = "shape",
        [LC_ERR_NOMEM] = "no memory",
        [LC_ERR_STALE] = "stale",
        [LC_ERR_INTERRUPTED] = "interrupted",
        [LC_ERR_DIVERGED] = "diverged",
    };
    return names[code];
}
