#include "tools/terminal.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/clock.h"

enum { BAR_WIDTH = 24, NARROWEST_BAR = 4, USUAL_COLUMNS = 80 };

static struct {
    const char *who;
    lc_log_level level;
    bool is_terminal, colour, progress_hidden;
    bool drawn;              /* the cursor stands behind a progress line */
    char warned[512];        /* the latest warning */
    const char *what;        /* of the run of progress calls going on */
    size_t first, last;      /* done at its first and latest call */
    double started, printed; /* seconds */
} terminal;

void lc_terminal_clear(void)
{
    if (terminal.drawn) {
        fputs("\r\033[K", stderr);
        terminal.drawn = false;
    }
}

static void on_log(void *payload, lc_log_level level, const char *line)
{
    (void)payload;
    static const char *const kinds[] = {"", "warning: "};
    if (level > terminal.level) {
        return;
    }
    if (level == LC_LOG_WARNING) {
        if (strcmp(line, terminal.warned) == 0) {
            return; /* of each layer, fold or draw the same */
        }
        snprintf(terminal.warned, sizeof terminal.warned, "%s", line);
    }
    /* Where both streams go to one place, lines keep the order in which they were said. */
    fflush(stdout);
    lc_terminal_clear();
    if (level <= LC_LOG_WARNING) {
        const char *on = !terminal.colour ? "" : level == LC_LOG_ERROR ? "\033[1;31m" : "\033[1;33m";
        fprintf(stderr, "%s%s: %s%s%s\n", on, terminal.who, kinds[level], terminal.colour ? "\033[0m" : "", line);
    } else {
        fprintf(stderr, "%s\n", line);
    }
}

/* "1:05", "2:00:07" */
static void clock_text(char *text, size_t size, double seconds)
{
    unsigned long s = (unsigned long)(seconds + 0.5);
    if (s >= 3600) {
        snprintf(text, size, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
    } else {
        snprintf(text, size, "%lu:%02lu", s / 60, s % 60);
    }
}

/* Columns that a line may take without being wrapped. */
static size_t columns(void)
{
    struct winsize size;
    return (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : USUAL_COLUMNS) - 1;
}

/* A line that would be wrapped could not be drawn over: first the bar becomes shorter, then the text is cut. */
static void draw(const char *text, double share)
{
    size_t wide = columns(), length = strlen(text), room = wide > length + 3 ? wide - length - 3 : 0;
    fputs("\r\033[K", stderr);
    if (room >= NARROWEST_BAR) {
        char bar[BAR_WIDTH + 1] = "";
        size_t width = room < BAR_WIDTH ? room : BAR_WIDTH;
        memset(bar, '.', width);
        memset(bar, '#', (size_t)(share * (double)width));
        fprintf(stderr, "[%s] ", bar);
    }
    fprintf(stderr, "%.*s", (int)wide, text);
    terminal.drawn = true;
}

static void on_progress(void *payload, const char *what, size_t done, size_t total)
{
    (void)payload;
    if (terminal.progress_hidden || terminal.level < LC_LOG_INFO) {
        return;
    }
    double t = lc_clock();
    if (!terminal.what || strcmp(terminal.what, what) != 0 || done < terminal.last) {
        terminal.what = what;
        terminal.first = done;
        terminal.started = t;
        terminal.printed = t;
    }
    terminal.last = done;
    bool first_line = terminal.printed == terminal.started;
    if (t - terminal.printed < (terminal.is_terminal ? 0.1 : first_line ? 2.0 : 10.0)) {
        return;
    }
    terminal.printed = t;
    double rate = (double)(done - terminal.first) / (t - terminal.started);
    char counts[64], left[32] = "?", text[256];
    double share = total && done < total ? (double)done / (double)total : total ? 1 : 0;
    if (total) {
        snprintf(counts, sizeof counts, "%zu/%zu %s", done, total, what);
        if (rate > 0 && done <= total) {
            clock_text(left, sizeof left, (double)(total - done) / rate);
        }
    } else {
        snprintf(counts, sizeof counts, "%zu %s", done, what);
    }
    const char *note = lc_progress_noted(), *space = *note ? "  " : "";
    if (terminal.is_terminal) {
        snprintf(text, sizeof text, "%s%s%s  %.1f/s  %s left", note, space, counts, rate, left);
        draw(text, share);
    } else {
        fprintf(stderr, "%s%s%s, %.1f/s, %s left\n", note, space, counts, rate, left);
    }
}

void lc_terminal_open(const char *who)
{
    const char *no_colour = getenv("NO_COLOR");
    terminal.who = who;
    terminal.level = LC_LOG_INFO;
    terminal.is_terminal = isatty(STDERR_FILENO);
    terminal.colour = terminal.is_terminal && !(no_colour && *no_colour);
    lc_log_set(on_log, on_progress, NULL);
}

void lc_terminal_set_level(lc_log_level level)
{
    terminal.level = level;
}

void lc_terminal_hide_progress(void)
{
    terminal.progress_hidden = true;
}
