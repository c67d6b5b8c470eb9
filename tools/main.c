/*
 * layercut COMMAND ...: finds the command, parses its options, runs it, turns its status into the exit code.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/classifier.h"
#include "common/interrupt.h"
#include "common/memory.h"
#include "extractor/extractor.h"
#include "tools/cli.h"
#include "tools/inputs.h"
#include "tools/terminal.h"

enum { EXIT_SKIPPED = 3 };

static void print_version(void)
{
    const char *lines[32];
#ifdef __clang__
    printf("layercut %s\ncompiled by %s\n", LC_VERSION, __VERSION__);
#else
    printf("layercut %s\ncompiled by gcc %s\n", LC_VERSION, __VERSION__);
#endif
    size_t n = lc_extractor_versions(lines, 32);
    for (size_t i = 0; i < n; i++) {
        puts(lines[i]);
    }
    n = lc_classifier_versions(lines, 32);
    for (size_t i = 0; i < n; i++) {
        puts(lines[i]);
    }
}

/* The second signal finds the default action (SA_RESETHAND) and kills. */
static void on_signal(int number)
{
    (void)number;
    lc_interrupt_request();
}

static void set_signals(void)
{
    struct sigaction stop = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigemptyset(&stop.sa_mask);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    signal(SIGPIPE, SIG_DFL);
}

/* argv as one line that a shell takes back: words with other than harmless characters in single quotes. */
static lc_status join_command_line(char **out, int argc, char **argv)
{
    static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@%+#";
    size_t size = sizeof "layercut";
    for (int i = 1; i < argc; i++) {
        size += 4 * strlen(argv[i]) + 3;
    }
    LC_TRY(lc_alloc_array(out, size, 1));
    char *p = stpcpy(*out, "layercut");
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        *p++ = ' ';
        if (*word && strspn(word, harmless) == strlen(word)) {
            p = stpcpy(p, word);
            continue;
        }
        *p++ = '\'';
        for (; *word; word++) {
            p = *word == '\'' ? stpcpy(p, "'\\''") : (*p = *word, p + 1);
        }
        *p++ = '\'';
    }
    *p = '\0';
    return LC_OK;
}

static lc_status run_command(lc_cli *cli, int argc, char **argv)
{
    void *arguments = NULL;
    const char **operands = NULL;
    char *command_line = NULL;
    lc_status st = lc_alloc_array(&arguments, cli->command->arguments_size, 1);
    if (st == LC_OK) {
        st = lc_alloc_array(&operands, (size_t)argc, sizeof *operands);
    }
    if (st == LC_OK) {
        st = join_command_line(&command_line, argc, argv);
    }
    if (st == LC_OK) {
        cli->command_line = command_line;
        st = lc_cli_parse(cli, arguments, operands, argc - 2, argv + 2);
    }
    if (st != LC_OK) {
        goto done;
    }
    if (cli->help) {
        lc_cli_help(cli->command);
        goto done;
    }
    st = lc_check_outputs(cli, arguments);
    if (st != LC_OK) {
        goto done;
    }
    lc_terminal_set_level(cli->quiet ? LC_LOG_WARNING : cli->verbose ? LC_LOG_VERBOSE : LC_LOG_INFO);
    st = cli->command->run(cli, arguments);
done:
    free(arguments);
    free(operands);
    free(command_line);
    return st;
}

int main(int argc, char **argv)
{
    set_signals();
    lc_cli cli = {0};
    char who[64] = "layercut";
    lc_terminal_open(who);
    lc_status st = LC_OK;
    const char *word = argc > 1 ? argv[1] : "--help";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        lc_cli_list();
    } else if (strcmp(word, "--version") == 0) {
        print_version();
    } else {
        st = lc_cli_find(&cli.command, word);
    }
    if (st == LC_OK && cli.command) {
        snprintf(who, sizeof who, "layercut %s", word);
        st = run_command(&cli, argc, argv);
    }
    lc_terminal_clear();
    if (st == LC_OK && (fflush(stdout) != 0 || ferror(stdout) || fclose(stdout) != 0)) {
        st = lc_fail_errno("standard output");
    }
    if (st != LC_OK) {
        lc_log(LC_LOG_ERROR, "%s", lc_error_message());
        return lc_cli_exit_code(st);
    }
    return cli.skipped ? EXIT_SKIPPED : EXIT_SUCCESS;
}
