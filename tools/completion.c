#include "tools/completion.h"

#include <stdio.h>
#include <string.h>

lc_status lc_completion_print(const char *shell)
{
    if (strcmp(shell, "bash") == 0) {
        lc_completion_bash();
    } else if (strcmp(shell, "zsh") == 0) {
        lc_completion_zsh();
    } else {
        return lc_fail(LC_ERR_ARG, "no completion for '%s'; there is one for bash and zsh", shell);
    }
    return LC_OK;
}

bool lc_completion_has_words(const lc_cli_option *option)
{
    return option->words || option->list;
}

void lc_completion_print_words(const lc_cli_option *option)
{
    if (option->words) {
        fputs(option->words, stdout);
    }
    for (size_t i = 0; option->list && option->list(i); i++) {
        printf("%s%s", i ? " " : "", option->list(i));
    }
}

bool lc_completion_wants_model(const lc_cli_command *command)
{
    for (const char *line = command->usage; *line; line += *line == '\n') {
        if (strncmp(line, "MODEL", 5) == 0 || strncmp(line, "[MODEL", 6) == 0) {
            return true;
        }
        line += strcspn(line, "\n");
    }
    return false;
}
