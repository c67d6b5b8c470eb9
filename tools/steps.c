#include "tools/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/interrupt.h"
#include "common/memory.h"

extern char **environ;

enum { EXIT_SKIPPED = 3, EXIT_STALE = 4, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

static void add(lc_step *s, char *word)
{
    if (s->status == LC_OK && s->count == LC_STEP_MAX_WORDS) {
        s->status = lc_fail(LC_ERR_ARG, "a step of more than %d words", LC_STEP_MAX_WORDS);
    }
    if (s->status == LC_OK) {
        s->words[s->count++] = word;
    } else {
        free(word);
    }
}

void lc_step_word(lc_step *s, const char *fmt, ...)
{
    char *word = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&word, fmt, args) < 0) {
        word = NULL;
        s->status = lc_fail(LC_ERR_NOMEM, "out of memory");
    }
    va_end(args);
    add(s, word);
}

void lc_step_words(lc_step *s, const char *text)
{
    while (text && *text) {
        text += strspn(text, " ");
        size_t length = strcspn(text, " ");
        if (length) {
            lc_step_word(s, "%.*s", (int)length, text);
        }
        text += length;
    }
}

void lc_step_begin(lc_step *s, const lc_cli *cli, const char *command)
{
    *s = (lc_step){.status = LC_OK};
    lc_step_word(s, "layercut");
    lc_step_word(s, "%s", command);
    if (cli->threads) {
        lc_step_word(s, "--threads=%zu", cli->threads);
    }
    if (cli->quiet || cli->verbose) {
        lc_step_word(s, cli->quiet ? "--quiet" : "--verbose");
    }
}

/* The library's key of a setting as the option's name. */
static void setting(lc_step *s, const lc_cli_pair *pair)
{
    char name[LC_CLI_NAME_SIZE];
    snprintf(name, sizeof name, "%s", pair->key);
    for (char *c = name; *c; c++) {
        *c = *c == '_' ? '-' : *c;
    }
    if (strcmp(name, "exif") == 0) {
        lc_step_word(s, "--exif");
    } else {
        lc_step_word(s, "--%s=%s", name, pair->value);
    }
}

void lc_step_pictures(lc_step *s, const lc_picture_arguments *p)
{
    if (p->arch) {
        lc_step_word(s, "--arch=%s", p->arch);
    }
    if (p->precision) {
        lc_step_word(s, "--precision=%s", p->precision);
    }
    if (p->batch) {
        lc_step_word(s, "--batch=%zu", p->batch);
    }
    if (p->strict) {
        lc_step_word(s, "--strict");
    }
    if (p->exact) {
        lc_step_word(s, "--exact");
    }
    for (size_t i = 0; i < p->settings.count; i++) {
        setting(s, &p->settings.items[i]);
    }
}

static lc_status start(const lc_step *s, const char *log, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return lc_fail(LC_ERR_NOMEM, "out of memory");
    }
    int error = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (error == 0) {
        error = posix_spawn(pid, "/proc/self/exe", &actions, NULL, s->words, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        errno = error;
        return lc_fail_errno("starting layercut %s", s->words[1]);
    }
    return LC_OK;
}

/* Waits; a stop that was asked for is passed on once, and the step left to end by itself. */
static int await(pid_t pid)
{
    const struct timespec moment = {.tv_nsec = 20000000};
    bool told = false;
    int status = 0;
    for (pid_t done = 0; done != pid;) {
        done = waitpid(pid, &status, WNOHANG);
        if (done < 0 && errno != EINTR) {
            return -1;
        }
        if (!told && lc_interrupt_check() != LC_OK) {
            kill(pid, SIGTERM);
            told = true;
        }
        if (done != pid) {
            nanosleep(&moment, NULL);
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Its exit code as a status; the message is on standard error already. */
static lc_status outcome(const lc_step *s, lc_cli *cli, int code)
{
    const char *command = s->words[1];
    switch (code) {
    case EXIT_SKIPPED:
        cli->skipped++;
        return LC_OK;
    case 0:
        return LC_OK;
    case EXIT_INTERRUPTED:
        return lc_fail(LC_ERR_INTERRUPTED, "interrupted; the same command goes on from there");
    case EXIT_USAGE:
        return lc_fail(LC_ERR_ARG, "step %s was refused, see above", command);
    case EXIT_STALE:
        return lc_fail(LC_ERR_STALE, "step %s refused a file, see above", command);
    case -1:
        return lc_fail(LC_ERR_IO, "step %s was killed", command);
    default:
        return lc_fail(LC_ERR_IO, "step %s failed, see above", command);
    }
}

lc_status lc_step_run(lc_step *s, lc_cli *cli, const char *done, const char *log)
{
    lc_status st = s->status;
    if (st == LC_OK && access(done, F_OK) != 0 && (st = lc_interrupt_check()) == LC_OK) {
        pid_t pid;
        st = start(s, log, &pid);
        if (st == LC_OK) {
            st = outcome(s, cli, await(pid));
        }
    }
    for (size_t i = 0; i < s->count; i++) {
        free(s->words[i]);
    }
    s->count = 0;
    return st;
}
