/*
 * What a function says when it could not do its work: one status code and one line of text per thread.
 *
 * lc_fail() is the only way to make an error, lc_fail_in() the only way to add where it happened; everything
 * else passes the code on. Messages are one line: the thing's name, the numbers that disagree, the cure.
 * Programming errors are asserted; whatever a user, a file or the system can cause comes back as a status.
 */
#ifndef LC_COMMON_ERROR_H
#define LC_COMMON_ERROR_H

typedef enum {
    LC_OK = 0,
    LC_ERR_ARG,         /* the user asked for something that makes no sense */
    LC_ERR_NOTFOUND,    /* no layer, class, option or known network of that name */
    LC_ERR_IO,          /* the system refused: errno is in the message */
    LC_ERR_FORMAT,      /* a network, picture or list file is damaged, or not what it says it is */
    LC_ERR_UNSUPPORTED, /* the file is fine; this program cannot do it */
    LC_ERR_SHAPE,       /* sizes that do not fit each other */
    LC_ERR_NOMEM,       /* the system has not the memory */
    LC_ERR_STALE,       /* a store or classifier file that is damaged, unfinished or of another recipe: refused */
    LC_ERR_INTERRUPTED, /* a signal asked to stop; what was done is safe */
    LC_ERR_DIVERGED,    /* a training whose numbers are no longer finite */
} lc_status;

#define LC_CHECKED __attribute__((warn_unused_result))

/* Sets this thread's message and returns `code`. */
lc_status lc_fail(lc_status code, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* Puts "<fmt>: " before this thread's message; returns `code` unchanged. */
lc_status lc_fail_in(lc_status code, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* lc_fail(LC_ERR_IO, ...) with ": <strerror(errno)>" behind it. */
lc_status lc_fail_errno(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));

/* The message of this thread's last failure; belongs to the thread, valid until its next failure. */
const char *lc_error_message(void);

/* "argument", "not found", ...: the code as a word, for logs and JSON. */
const char *lc_status_name(lc_status code);

/* Passes a failure on from the middle of a function that has nothing to release. */
#define LC_TRY(expression)                         \
    do {                                           \
        lc_status lc_try_status = (expression);    \
        if (lc_try_status != LC_OK) {              \
            return lc_try_status;                  \
        }                                          \
    } while (0)

#endif
