#include "common/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

static lc_log_fn log_fn;
static lc_progress_fn progress_fn;
static void *log_payload;
static char progress_note[160];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void lc_log_set(lc_log_fn log, lc_progress_fn progress, void *payload)
{
    log_fn = log;
    progress_fn = progress;
    log_payload = payload;
}

void lc_log(lc_log_level level, const char *fmt, ...)
{
    if (!log_fn) {
        return;
    }
    char line[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    pthread_mutex_lock(&lock);
    log_fn(log_payload, level, line);
    pthread_mutex_unlock(&lock);
}

void lc_progress(const char *what, size_t done, size_t total)
{
    if (!progress_fn) {
        return;
    }
    pthread_mutex_lock(&lock);
    progress_fn(log_payload, what, done, total);
    pthread_mutex_unlock(&lock);
}

void lc_progress_note(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    pthread_mutex_lock(&lock);
    vsnprintf(progress_note, sizeof progress_note, fmt, args);
    pthread_mutex_unlock(&lock);
    va_end(args);
}

const char *lc_progress_noted(void)
{
    return progress_note;
}
