/*
 * The program's own commands as steps of a longer work, each a process of its own: so memory is measured per step, and what
 * a step does is what its command does.
 */
#ifndef LC_TOOLS_STEPS_H
#define LC_TOOLS_STEPS_H

#include "tools/cli.h"
#include "tools/inputs.h"

enum { LC_STEP_MAX_WORDS = 96 };

/* A command line that is being written; a lack of memory or room is remembered until it is run. */
typedef struct {
    char *words[LC_STEP_MAX_WORDS + 1]; /* NULL behind the last */
    size_t count;
    lc_status status;
} lc_step;

/* "layercut COMMAND" with the common options of `cli`, but the seed. */
void lc_step_begin(lc_step *step, const lc_cli *cli, const char *command);
/* One more word. */
void lc_step_word(lc_step *step, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The words of a text, parted by blanks; NULL: none. */
void lc_step_words(lc_step *step, const char *text);
/* The options of a command that reads pictures, as they were given. */
void lc_step_pictures(lc_step *step, const lc_picture_arguments *pictures);

/*
 * Runs it unless the file `done`, which it writes last, is there, and frees it. Its standard output goes to the file `log`. What it
 * skipped (exit code 3) is counted in cli->skipped. LC_ERR_INTERRUPTED: it was stopped, after it saved what it had.
 */
LC_CHECKED lc_status lc_step_run(lc_step *step, lc_cli *cli, const char *done, const char *log);

#endif
