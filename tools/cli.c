#include "tools/cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/memory.h"
#include "common/text.h"
#include "tools/terminal.h"

enum { WIDTH = 79, OPTION_COLUMN = 26, MAX_OPTIONS = 64 };

const lc_cli_command *const lc_cli_commands[] = {
#define LC_COMMAND(name) &lc_command_##name,
#include "tools/command_list.inc"
#undef LC_COMMAND
    NULL,
};

enum { COMMAND_COUNT = sizeof lc_cli_commands / sizeof lc_cli_commands[0] - 1 };

const lc_cli_option lc_cli_common_options[] = {
    {LC_CLI_OPTION(lc_cli, json, LC_CLI_STRING, "json", 0, "FILE",
                   "write the result as one JSON object; - prints it in place of the text"),
     .file = LC_CLI_FILE_WRITTEN},
    {LC_CLI_OPTION(lc_cli, threads, LC_CLI_SIZE, "threads", 0, "N", "threads (default: the CPUs this process may use)")},
    {LC_CLI_OPTION(lc_cli, seed, LC_CLI_UINT64, "seed", 0, "N", "seed of everything random (default: 0)")},
    {LC_CLI_OPTION(lc_cli, quiet, LC_CLI_FLAG, "quiet", 'q', NULL,
                   "no talk and no progress, only results, warnings and errors")},
    {LC_CLI_OPTION(lc_cli, verbose, LC_CLI_FLAG, "verbose", 0, NULL, "say what was chosen on the way")},
    {LC_CLI_OPTION(lc_cli, help, LC_CLI_FLAG, "help", 'h', NULL, "this text")},
    {0},
};

/* Parsing ------------------------------------------------------------------------------------------------------- */

lc_status lc_cli_find(const lc_cli_command **out, const char *name)
{
    const char *names[COMMAND_COUNT + 2] = {[COMMAND_COUNT] = "--help", "--version"};
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i] = lc_cli_commands[i]->name;
        if (strcmp(names[i], name) == 0) {
            *out = lc_cli_commands[i];
            return LC_OK;
        }
    }
#ifdef LC_NO_TRAIN
    if (strcmp(name, "finetune") == 0 || strcmp(name, "transfer-matrix") == 0) {
        return lc_fail(LC_ERR_ARG, "this program was built without fine-tuning (make TRAIN=0), and so without '%s'", name);
    }
#endif
    char nearest[128];
    return lc_fail(LC_ERR_ARG, "no command '%s'; nearest: %s (see 'layercut --help')", name,
                   lc_text_nearest(nearest, sizeof nearest, name, names, sizeof names / sizeof names[0]));
}

const char *lc_cli_written(char text[static LC_CLI_NAME_SIZE], const lc_cli_option *option)
{
    snprintf(text, LC_CLI_NAME_SIZE, "%s%s", option->name[1] ? "--" : "-", option->name);
    return text;
}

bool lc_cli_has_option(const lc_cli_option *options, const char *name)
{
    for (const lc_cli_option *o = options; o && o->name; o++) {
        if (strcmp(o->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the `length` characters at `name` are how `option` is called; a letter is a name of length 1. */
static bool answers_to(const lc_cli_option *option, const char *name, size_t length)
{
    return (length == 1 && option->letter == name[0]) ||
           (strncmp(option->name, name, length) == 0 && option->name[length] == '\0');
}

static lc_status fail_unknown(const lc_cli_command *command, const char *arg)
{
    char names[MAX_OPTIONS][LC_CLI_NAME_SIZE];
    const char *list[MAX_OPTIONS];
    const lc_cli_option *tables[] = {command->options, lc_cli_common_options};
    size_t count = 0;
    for (size_t t = 0; t < 2; t++) {
        for (const lc_cli_option *o = tables[t]; o->name && count < MAX_OPTIONS; o++) {
            list[count] = lc_cli_written(names[count], o);
            count++;
        }
    }
    char nearest[3 * LC_CLI_NAME_SIZE + 16];
    size_t length = strcspn(arg, "=");
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%.*s", (int)(length < sizeof wanted ? length : sizeof wanted - 1), arg);
    lc_text_nearest(nearest, sizeof nearest, wanted, list, count);
    return lc_fail(LC_ERR_ARG, "unknown option '%s'; nearest: %s (see 'layercut %s --help')", wanted, nearest,
                   command->name);
}

static lc_status parse_number(const char *text, const char *option, uint64_t limit, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end || errno || v > limit) {
        return lc_fail(LC_ERR_ARG, "%s wants a whole number from 0 on, not '%s'", option, text);
    }
    *out = v;
    return LC_OK;
}

static lc_status set_option(const lc_cli_option *option, void *base, const char *value)
{
    char *target = (char *)base + option->offset, name[LC_CLI_NAME_SIZE];
    uint64_t number = 0;
    switch (option->kind) {
    case LC_CLI_FLAG:
        *(bool *)(void *)target = true;
        break;
    case LC_CLI_STRING:
        *(const char **)(void *)target = value;
        break;
    case LC_CLI_SIZE:
        LC_TRY(parse_number(value, lc_cli_written(name, option), SIZE_MAX, &number));
        *(size_t *)(void *)target = (size_t)number;
        break;
    case LC_CLI_UINT64:
        LC_TRY(parse_number(value, lc_cli_written(name, option), UINT64_MAX, &number));
        *(uint64_t *)(void *)target = number;
        break;
    case LC_CLI_PAIR: {
        lc_cli_pairs *pairs = (lc_cli_pairs *)(void *)target;
        if (pairs->count == LC_CLI_MAX_PAIRS) {
            return lc_fail(LC_ERR_ARG, "%s: more than %d of its kind", lc_cli_written(name, option), LC_CLI_MAX_PAIRS);
        }
        pairs->items[pairs->count++] = (lc_cli_pair){option->key ? option->key : option->name, value ? value : "1"};
        break;
    }
    }
    return LC_OK;
}

/* A minus with something other than a number behind it. */
static bool looks_like_option(const char *text)
{
    return text[0] == '-' && text[1] && !isdigit((unsigned char)text[1]) && text[1] != '.';
}

/* Takes the option at argv[*i] and its value, if it has one; leaves *i on the last one used. */
static lc_status parse_option(lc_cli *cli, void *arguments, int argc, char **argv, int *i)
{
    const char *arg = argv[*i];
    bool two_dashes = arg[1] == '-';
    const char *name = arg + 1 + two_dashes;
    size_t length = strcspn(name, "=");
    const lc_cli_option *tables[] = {cli->command->options, lc_cli_common_options};
    void *bases[] = {arguments, cli};
    for (size_t t = 0; t < 2; t++) {
        for (const lc_cli_option *o = tables[t]; o->name; o++) {
            if (!answers_to(o, name, length) || (two_dashes && length == 1 && o->name[1])) {
                continue;
            }
            char text[LC_CLI_NAME_SIZE];
            const char *value = name[length] ? name + length + 1 : NULL;
            if (!o->argument) {
                if (value) {
                    return lc_fail(LC_ERR_ARG, "%s takes no value", lc_cli_written(text, o));
                }
            } else if (!value) {
                if (*i + 1 >= argc || looks_like_option(argv[*i + 1])) {
                    return lc_fail(LC_ERR_ARG, "%s wants a value (%s)", lc_cli_written(text, o), o->argument);
                }
                value = argv[++*i];
            }
            return set_option(o, bases[t], value);
        }
    }
    return fail_unknown(cli->command, arg);
}

static lc_status check_required(const lc_cli_command *command, const void *arguments)
{
    for (const lc_cli_option *o = command->options; o->name; o++) {
        char text[LC_CLI_NAME_SIZE];
        if (o->required && !*(const char *const *)(const void *)((const char *)arguments + o->offset)) {
            return lc_fail(LC_ERR_ARG, "%s %s is missing (see 'layercut %s --help')", lc_cli_written(text, o), o->argument,
                           command->name);
        }
    }
    return LC_OK;
}

lc_status lc_cli_parse(lc_cli *cli, void *arguments, const char **operands, int argc, char **argv)
{
    const lc_cli_command *command = cli->command;
    cli->operands = operands;
    bool options_end = false;
    for (int i = 0; i < argc; i++) {
        if (!options_end && strcmp(argv[i], "--") == 0) {
            options_end = true;
        } else if (!options_end && argv[i][0] == '-' && argv[i][1]) {
            LC_TRY(parse_option(cli, arguments, argc, argv, &i));
        } else {
            operands[cli->operand_count++] = argv[i];
        }
    }
    if (cli->help) {
        return LC_OK;
    }
    if (cli->operand_count < command->min_operands || cli->operand_count > command->max_operands) {
        return lc_fail(LC_ERR_ARG, "%s operands; usage: layercut %s %.*s",
                       cli->operand_count < command->min_operands ? "too few" : "too many", command->name,
                       (int)strcspn(command->usage, "\n"), command->usage);
    }
    return check_required(command, arguments);
}

/* Help ---------------------------------------------------------------------------------------------------------- */

/* `text` from column `at` on, words kept whole, further lines indented by `indent`. */
static void print_wrapped(const char *text, size_t at, size_t indent)
{
    size_t line = lc_text_line(text, WIDTH - at);
    printf("%.*s\n", (int)line, text);
    while (*(text += line + (text[line] == ' '))) {
        line = lc_text_line(text, WIDTH - indent);
        printf("%*s%.*s\n", (int)indent, "", (int)line, text);
    }
}

/* Those of `options` that `own` has no other meaning for. */
static void print_options(const lc_cli_option *options, const lc_cli_option *own)
{
    for (const lc_cli_option *o = options; o->name; o++) {
        if (lc_cli_has_option(own, o->name)) {
            continue;
        }
        char left[80], letter[8] = "    ", name[LC_CLI_NAME_SIZE];
        if (o->letter) {
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        }
        int n = o->name[1] ? snprintf(left, sizeof left, "  %s%s", letter, lc_cli_written(name, o))
                           : snprintf(left, sizeof left, "  -%s", o->name);
        if (o->argument) {
            n += snprintf(left + n, sizeof left - (size_t)n, " %s", o->argument);
        }
        if (n + 2 > OPTION_COLUMN) {
            printf("%s\n%*s", left, OPTION_COLUMN, "");
        } else {
            printf("%-*s", OPTION_COLUMN, left);
        }
        print_wrapped(o->help, OPTION_COLUMN, OPTION_COLUMN);
    }
}

void lc_cli_help(const lc_cli_command *command)
{
    const char *head = "usage:";
    for (const char *line = command->usage; *line; head = "      ") {
        size_t length = strcspn(line, "\n");
        printf("%s layercut %s %.*s\n", head, command->name, (int)length, line);
        line += length + (line[length] == '\n');
    }
    putchar('\n');
    print_wrapped(command->description, 0, 0);
    if (command->options->name) {
        puts("\noptions:");
        print_options(command->options, NULL);
    }
    puts("\ncommon options:");
    print_options(lc_cli_common_options, command->options);
    char *text;
    if (command->more_help && command->more_help(&text) == LC_OK) {
        printf("\n%s\n%s", command->more_title, text);
        free(text);
    }
    printf("\nexample:\n  %s\n", command->example);
}

void lc_cli_list(void)
{
    puts("layercut: deep features + classical classifiers\n\nusage: layercut COMMAND [operands and options]");
    const char *group = "";
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(group, lc_cli_commands[i]->group) != 0) {
            group = lc_cli_commands[i]->group;
            printf("\n%s\n", group);
        }
        printf("  %-16s", lc_cli_commands[i]->name);
        print_wrapped(lc_cli_commands[i]->summary, 18, 18);
    }
    puts("\n'layercut COMMAND --help' explains one command, 'layercut --version' says\n"
         "what this program is made of.");
}

int lc_cli_exit_code(lc_status status)
{
    switch (status) {
    case LC_OK:
        return 0;
    case LC_ERR_ARG:
    case LC_ERR_NOTFOUND:
        return 2;
    case LC_ERR_STALE:
        return 4;
    case LC_ERR_INTERRUPTED:
        return 130;
    default:
        return 1;
    }
}

/* Results ------------------------------------------------------------------------------------------------------- */

static bool json_on_stdout(const lc_cli *cli)
{
    return cli->json && strcmp(cli->json, "-") == 0;
}

void lc_cli_print(const lc_cli *cli, const char *fmt, ...)
{
    va_list args;
    if (cli->copy) {
        va_start(args, fmt);
        vfprintf(cli->copy, fmt, args);
        va_end(args);
    }
    if (json_on_stdout(cli)) {
        return;
    }
    lc_terminal_clear();
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
}

void lc_cli_print_wrapped(const lc_cli *cli, const char *text, size_t at, size_t indent)
{
    if (!json_on_stdout(cli)) {
        lc_terminal_clear();
        print_wrapped(text, at, indent);
    }
}

lc_json *lc_cli_json(const lc_cli *cli)
{
    lc_json *result = lc_json_object();
    char schema[64];
    snprintf(schema, sizeof schema, "layercut.%s/1", cli->command->name);
    lc_json_set_string(result, "schema", schema);
    return result;
}

lc_status lc_cli_write_json(const lc_cli *cli, const lc_json *result)
{
    if (!cli->json) {
        return LC_OK;
    }
    char *text = NULL, *line = NULL;
    lc_status st = lc_json_text(result, 2, &text);
    if (st != LC_OK) {
        goto done;
    }
    if (json_on_stdout(cli)) {
        lc_terminal_clear();
        puts(text);
        goto done;
    }
    st = lc_sprintf(&line, "%s\n", text);
    if (st == LC_OK) {
        st = lc_write_file(cli->json, line, strlen(line));
    }
done:
    free(text);
    free(line);
    return st;
}
