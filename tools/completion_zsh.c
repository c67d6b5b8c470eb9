#include <stdio.h>
#include <string.h>

#include "tools/completion.h"

/* Text inside single quotes; in a description of _arguments and _describe brackets and colons have a meaning. */
static void put(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'') {
            fputs("'\\''", stdout);
        } else {
            printf(strchr("[]:\\", *text) ? "\\%c" : "%c", *text);
        }
    }
}

/* '(-o --output)'{-o,--output=}'[features file]:F.h5:_files' */
static void print_option(const lc_cli_option *o)
{
    char name[LC_CLI_NAME_SIZE];
    const char *assign = o->argument && o->name[1] ? "=" : "", *many = o->kind == LC_CLI_PAIR ? "*" : "";
    lc_cli_written(name, o);
    if (o->letter) {
        printf(" \\\n            '(-%c %s)'{-%c,%s%s}'", o->letter, name, o->letter, name, assign);
    } else {
        printf(" \\\n            '%s%s%s", many, name, assign);
    }
    putchar('[');
    put(o->help);
    putchar(']');
    if (o->argument) {
        putchar(':');
        put(o->argument);
        if (lc_completion_has_words(o)) {
            fputs(":(", stdout);
            lc_completion_print_words(o);
            putchar(')');
        } else {
            fputs(o->file ? ":_files" : ": ", stdout);
        }
    }
    putchar('\'');
}

static void print_options(const lc_cli_option *options, const lc_cli_option *own)
{
    for (const lc_cli_option *o = options; o->name; o++) {
        if (!lc_cli_has_option(own, o->name)) {
            print_option(o);
        }
    }
}

void lc_completion_zsh(void)
{
    puts("#compdef layercut\n"
         "# zsh completion of layercut, made by 'layercut help --completion zsh'.\n"
         "_layercut_commands()\n"
         "{\n"
         "    local -a commands\n"
         "    commands=(");
    for (const lc_cli_command *const *c = lc_cli_commands; *c; c++) {
        printf("        '%s:", (*c)->name);
        put((*c)->summary);
        puts("'");
    }
    puts("    )\n"
         "    _describe -t commands command commands\n"
         "}\n"
         "\n"
         "# A network: its file, or one that has a name.\n"
         "_layercut_models()\n"
         "{\n"
         "    local -a named\n"
         "    named=(embedded ${LAYERCUT_HOME:-$HOME/.cache/layercut}/*.*(N:t:r))\n"
         "    _alternative 'named:network:compadd -a named' 'files:file:_files'\n"
         "}\n"
         "\n"
         "_layercut()\n"
         "{\n"
         "    if (( CURRENT == 2 )); then\n"
         "        _layercut_commands\n"
         "        return\n"
         "    fi\n"
         "    shift words\n"
         "    (( CURRENT-- ))\n"
         "    case $words[1] in");
    for (const lc_cli_command *const *c = lc_cli_commands; *c; c++) {
        printf("    %s)\n        _arguments", (*c)->name);
        print_options((*c)->options, NULL);
        print_options(lc_cli_common_options, (*c)->options);
        if (strcmp((*c)->name, "help") == 0) {
            fputs(" \\\n            '1:command:_layercut_commands'", stdout);
        } else {
            printf(" \\\n            '1:%s", lc_completion_wants_model(*c) ? "network:_layercut_models'" : "file:_files'");
            fputs(" \\\n            '*:file:_files'", stdout);
        }
        puts("\n        ;;");
    }
    puts("    esac\n"
         "}\n"
         "\n"
         "if [ \"$funcstack[1]\" = _layercut ]; then\n"
         "    _layercut \"$@\"\n"
         "else\n"
         "    compdef _layercut layercut\n"
         "fi");
}
