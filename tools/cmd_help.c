/* help [COMMAND]: the tables of the commands as help, as manual pages, and for the completion of shells. */
#include <string.h>

#include "tools/cli.h"
#include "tools/completion.h"
#include "tools/manual.h"

typedef struct {
    const char *completion;
    bool manual;
} help_arguments;

static const lc_cli_option options[] = {
    {LC_CLI_OPTION(help_arguments, manual, LC_CLI_FLAG, "man", 'm', NULL,
                   "print the manual page as roff; 'make install' puts all where man finds them")},
    {LC_CLI_OPTION(help_arguments, completion, LC_CLI_STRING, "completion", 'c', "SHELL",
                   "print what teaches a shell to complete: bash or zsh"),
     .words = "bash zsh"},
    {0},
};

static lc_status run(lc_cli *cli, const void *arguments)
{
    const help_arguments *a = arguments;
    const lc_cli_command *command = NULL;
    if (a->completion) {
        if (cli->operand_count || a->manual) {
            return lc_fail(LC_ERR_ARG, "--completion stands alone: it is of all commands");
        }
        return lc_completion_print(a->completion);
    }
    if (cli->operand_count) {
        LC_TRY(lc_cli_find(&command, cli->operands[0]));
    }
    if (a->manual) {
        if (command) {
            return lc_manual_command(command);
        }
        lc_manual_program();
    } else if (command) {
        lc_cli_help(command);
    } else {
        lc_cli_list();
    }
    return LC_OK;
}

const lc_cli_command lc_command_help = {
    .name = "help",
    .group = "This program",
    .summary = "one command explained; manual pages; completion for bash and zsh",
    .usage = "[COMMAND] [--man]\n--completion SHELL",
    .description = "Explains a command, as its --help does; without one, lists all. With --man the text is a manual page. "
                   "--completion prints a file that a shell reads at its start.",
    .example = "layercut help --completion bash >layercut.bash\n  layercut help --man extract >layercut-extract.1",
    .options = options,
    .arguments_size = sizeof(help_arguments),
    .max_operands = 1,
    .run = run,
};
