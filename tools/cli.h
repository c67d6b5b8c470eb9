/*
 * The command line as data: one constant per command, one table of options per command. Parsing, `--help`, the manual
 * pages (manual.c) and the completions of shells (completion.c) are made from the same tables.
 *
 * Written forms: --name VALUE, --name=VALUE, -n VALUE, and -name VALUE as svm-train's grid.py does. A value may be a
 * negative number; one that looks like an option needs the form with '='. "--" ends the options.
 */
#ifndef LC_TOOLS_CLI_H
#define LC_TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"
#include "common/json.h"

typedef enum {
    LC_CLI_FLAG,   /* bool, no value */
    LC_CLI_STRING, /* const char * */
    LC_CLI_SIZE,   /* size_t */
    LC_CLI_UINT64, /* uint64_t */
    LC_CLI_PAIR,   /* lc_cli_pairs: may be repeated, each adds {key, value}; {key, "1"} without an argument */
} lc_cli_kind;

/* Whether a value is a file or folder, and what becomes of it: shells complete it, lc_check_outputs guards what is read. */
typedef enum {
    LC_CLI_NO_FILE,
    LC_CLI_FILE_READ,
    LC_CLI_FILE_WRITTEN,  /* neither what is read nor a features file */
    LC_CLI_STORE_WRITTEN, /* a features file */
} lc_cli_file;

typedef struct {
    const char *name;     /* --name; a name of one letter is written -n */
    char letter;          /* its short form, or 0 */
    const char *argument; /* what the help calls its value; NULL: takes none */
    const char *help;
    lc_cli_kind kind;
    size_t offset;    /* of the target in the command's arguments */
    const char *key;  /* LC_CLI_PAIR: what the library calls it */
    bool required;    /* LC_CLI_STRING */
    lc_cli_file file; /* LC_CLI_STRING */
    /* For completion, the values it takes: with blanks between, or the i-th one, NULL behind the last. */
    const char *words, *(*list)(size_t i);
} lc_cli_option;

/* The usual fields of a row: { LC_CLI_OPTION(struct x_arguments, field, LC_CLI_STRING, "name", 'n', "VALUE", "help") }. */
#define LC_CLI_OPTION(type, field, how, word, short_form, value, text)                                                     \
    .name = word, .letter = short_form, .argument = value, .help = text, .kind = how, .offset = offsetof(type, field)

enum { LC_CLI_MAX_PAIRS = 16 };

typedef struct {
    const char *key, *value;
} lc_cli_pair;

typedef struct {
    lc_cli_pair items[LC_CLI_MAX_PAIRS];
    size_t count;
} lc_cli_pairs;

typedef struct lc_cli lc_cli;

typedef struct lc_cli_command lc_cli_command;

struct lc_cli_command {
    const char *name;
    const char *group;            /* its heading in `layercut --help` */
    const char *summary;          /* one line there */
    const char *usage;            /* operands and options; a second form after a newline */
    const char *description;      /* two sentences */
    const char *example;          /* can be pasted */
    const lc_cli_option *options; /* ends with {0} */
    size_t arguments_size;        /* of the struct that `options` fills; starts zeroed */
    size_t min_operands, max_operands;
    lc_status (*run)(lc_cli *cli, const void *arguments);
    const char *more_title;               /* what the help ends with, behind the options: a title and */
    lc_status (*more_help)(char **text);  /* lines of text, the caller's; NULL: nothing */
};

/* One run of one command. */
struct lc_cli {
    const lc_cli_command *command;
    const char *const *operands; /* (operand_count) */
    size_t operand_count;
    const char *command_line; /* as a shell would take it; kept in the files that are written */
    FILE *copy;               /* what lc_cli_print prints goes there too; NULL: nowhere */
    size_t skipped;           /* set by the command: inputs left out, exit code 3 */
    /* common options */
    const char *json;
    bool quiet, verbose, help;
    size_t threads;
    uint64_t seed;
};

#define LC_COMMAND(name) extern const lc_cli_command lc_command_##name;
#include "tools/command_list.inc"
#undef LC_COMMAND

/* All of command_list.inc, in its order; NULL behind the last. */
extern const lc_cli_command *const lc_cli_commands[];

/* The command of this name; LC_ERR_ARG with the nearest names. */
LC_CHECKED lc_status lc_cli_find(const lc_cli_command **out, const char *name);

/* argv[0..argc) behind the command's name -> *cli and *arguments (zeroed before). operands (argc) is the caller's. */
LC_CHECKED lc_status lc_cli_parse(lc_cli *cli, void *arguments, const char **operands, int argc, char **argv);

/* Help of one command, and the list of all, on standard output. */
void lc_cli_help(const lc_cli_command *command);
void lc_cli_list(void);

/* What help, manual pages and completions need to know of the tables --------------------------------------------- */

/* Options that every command has, unless its own table has one of that name; ends with {0}. */
extern const lc_cli_option lc_cli_common_options[];

enum { LC_CLI_NAME_SIZE = 32 };

/* "--name", or "-n" for a name of one letter. */
const char *lc_cli_written(char text[static LC_CLI_NAME_SIZE], const lc_cli_option *option);

bool lc_cli_has_option(const lc_cli_option *options, const char *name);

/* 0 done, 1 failed, 2 usage, 4 stale, 130 interrupted. 3 (done, some inputs skipped) is main's, from cli->skipped. */
int lc_cli_exit_code(lc_status status);

/* Results ------------------------------------------------------------------------------------------------------- */

/* Text for standard output; silent when JSON goes there. */
void lc_cli_print(const lc_cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Words from column `at` on, wrapped at 79 columns, further lines indented by `indent`; then the line ends. */
void lc_cli_print_wrapped(const lc_cli *cli, const char *text, size_t at, size_t indent);

/* A new object that begins with "schema": "layercut.<command>/1"; the caller's. */
lc_json *lc_cli_json(const lc_cli *cli);

/* Writes the result where --json says, if it was given. */
LC_CHECKED lc_status lc_cli_write_json(const lc_cli *cli, const lc_json *result);

#endif
