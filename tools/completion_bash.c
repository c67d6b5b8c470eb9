#include <stdio.h>

#include "tools/completion.h"

/* Nothing in it needs the package bash-completion. */
static const char head[] =
    "# bash completion of layercut, made by 'layercut help --completion bash'.\n"
    "# Where no package reads it from share/bash-completion/completions: source it in ~/.bashrc.\n"
    "_layercut()\n"
    "{\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} words= line\n"
    "    COMPREPLY=()\n"
    "    # The = of --name=VALUE is a word of its own.\n"
    "    if [ \"$word\" = = ]; then\n"
    "        word=\n"
    "    elif [ \"$option\" = = ]; then\n"
    "        option=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n";

/* With no answer bash completes files, as `-o default` says. */
static const char tail[] =
    "    while IFS= read -r line; do COMPREPLY+=(\"$line\"); done < <(compgen -W \"$words\" -- \"$word\")\n"
    "}\n"
    "complete -o default -F _layercut layercut\n";

static const char models[] =
    "            # A network: its file, or one that has a name.\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            words=embedded\n"
    "            for line in \"${LAYERCUT_HOME:-$HOME/.cache/layercut}\"/*.*; do\n"
    "                line=${line##*/}\n"
    "                [ \"$line\" = '*.*' ] || words+=\" ${line%.*}\"\n"
    "            done\n"
    "            while IFS= read -r line; do COMPREPLY+=(\"$line\"); done < <(compgen -f -- \"$word\")\n";

typedef enum { WORDS, FILES, OTHER } value_kind;

static value_kind kind_of(const lc_cli_option *option)
{
    return lc_completion_has_words(option) ? WORDS : option->file ? FILES : OTHER;
}

/* The patterns of `case` for the values of one kind; how many there are so far. */
static size_t print_patterns(const lc_cli_command *command, const lc_cli_option *options, const lc_cli_option *own,
                             value_kind kind, size_t count)
{
    for (const lc_cli_option *o = options; o->name; o++) {
        char name[LC_CLI_NAME_SIZE];
        if (!o->argument || kind_of(o) != kind || lc_cli_has_option(own, o->name)) {
            continue;
        }
        printf("%s'%s %s'", count++ ? " | " : "    ", command->name, lc_cli_written(name, o));
        if (o->letter) {
            printf(" | '%s -%c'", command->name, o->letter);
        }
        if (kind == WORDS) {
            fputs(")\n        words='", stdout);
            lc_completion_print_words(o);
            puts("'\n        ;;");
            count = 0;
        }
    }
    return count;
}

/* What completes the values of the command's options. */
static void print_values(const lc_cli_command *command)
{
    static const char *const answers[] = {[FILES] = "return", [OTHER] = "compopt +o default 2>/dev/null\n        return"};
    print_patterns(command, command->options, NULL, WORDS, 0);
    for (value_kind kind = FILES; kind <= OTHER; kind++) {
        size_t count = print_patterns(command, command->options, NULL, kind, 0);
        if (print_patterns(command, lc_cli_common_options, command->options, kind, count)) {
            printf(")\n        %s\n        ;;\n", answers[kind]);
        }
    }
}

static void print_names(const lc_cli_option *options, const lc_cli_option *own)
{
    for (const lc_cli_option *o = options; o->name; o++) {
        char name[LC_CLI_NAME_SIZE];
        if (!lc_cli_has_option(own, o->name)) {
            printf(" %s", lc_cli_written(name, o));
        }
    }
}

void lc_completion_bash(void)
{
    fputs(head, stdout);
    puts("    case \"${COMP_WORDS[1]} $option\" in");
    for (const lc_cli_command *const *c = lc_cli_commands; *c; c++) {
        print_values(*c);
    }
    puts("    *)\n        case \"$COMP_CWORD ${COMP_WORDS[1]} $word\" in");
    puts("        '1 '*)");
    fputs("            words='", stdout);
    for (const lc_cli_command *const *c = lc_cli_commands; *c; c++) {
        printf("%s ", (*c)->name);
    }
    puts("--help --version'\n            ;;");
    for (const lc_cli_command *const *c = lc_cli_commands; *c; c++) {
        printf("        *' %s -'*)\n            words='", (*c)->name);
        print_names((*c)->options, NULL);
        print_names(lc_cli_common_options, (*c)->options);
        puts("'\n            ;;");
        if (lc_completion_wants_model(*c)) {
            printf("        '2 %s '*)\n%s            ;;\n", (*c)->name, models);
        }
    }
    fputs("        '2 help '*)\n            words='", stdout);
    for (const lc_cli_command *const *c = lc_cli_commands; *c; c++) {
        printf(" %s", (*c)->name);
    }
    puts("'\n            ;;\n        *)\n            return\n            ;;\n        esac\n        ;;\n    esac");
    fputs(tail, stdout);
}
