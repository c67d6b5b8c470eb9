#include "tools/manual.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *term, *text;
} definition;

static const definition operands[] = {
    {"MODEL", "A network: an ONNX file; a state dict of PyTorch (.pth .pt .th .bin) or a .safetensors file, whose architecture is "
              "recognised by its tensors or named by --arch; a name found in $LAYERCUT_HOME; or 'embedded'."},
    {"IMAGES", "A folder of class/picture, of train|val|test/class/picture, or of pictures; or a .csv or .tsv list with columns "
               "path,label,split ('-': from standard input). Order is byte order of the path."},
    {"F.h5", "A features file: HDF5, one row of numbers per picture and layer."},
    {"C.h5", "A classifier file: classifier, classes, and the recipe of the features it was trained on."},
};

static const definition exit_codes[] = {
    {"0", "Done."},
    {"1", "Failed."},
    {"2", "Wrong usage: an option, an operand, or a name that is not there."},
    {"3", "Done, but some pictures failed; with --strict this is 1."},
    {"4", "A file that is damaged, or of another recipe, was refused."},
    {"130", "Interrupted; what was done is kept, and the same command goes on."},
};

static const definition environment[] = {
    {"LAYERCUT_HOME", "Where networks are found by name (default: ~/.cache/layercut)."},
    {"LC_ISA", "generic, avx2 or avx512: kernels of that instruction set in place of the best one this CPU has."},
    {"NO_COLOR", "Not empty: no colours."},
    {"SOURCE_DATE_EPOCH", "Seconds since 1970 that files get as their date, in place of the clock's."},
};

/* One character as roff takes it; a quote or a minus must come out so that it can be pasted. */
static void put(char c)
{
    switch (c) {
    case '\\':
        fputs("\\e", stdout);
        break;
    case '-':
        fputs("\\-", stdout);
        break;
    case '\'':
        fputs("\\(aq", stdout);
        break;
    case '`':
        fputs("\\(ga", stdout);
        break;
    case '^':
        fputs("\\(ha", stdout);
        break;
    case '~':
        fputs("\\(ti", stdout);
        break;
    default:
        putchar(c);
    }
}

static void put_text(const char *text, size_t length)
{
    if (length && text[0] == '.') {
        fputs("\\&", stdout); /* no macro */
    }
    for (size_t i = 0; i < length; i++) {
        put(text[i]);
    }
}

static void put_line(const char *text)
{
    put_text(text, strlen(text));
    putchar('\n');
}

/* As it stands, line by line, from the left margin, since it is as wide as --help is. */
static void put_lines(const char *text)
{
    puts(".in 0\n.nf");
    while (*text) {
        size_t length = strcspn(text, "\n");
        put_text(text, length);
        putchar('\n');
        text += length + (text[length] == '\n');
    }
    puts(".fi\n.in");
}

/* A line of usage: options bold, and what begins with a capital stands for something else: italic. */
static void put_usage(const char *line, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t word = strspn(line + i, "-./_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
        word = word < length - i ? word : length - i;
        const char *font = !word ? NULL : line[i] == '-' ? "\\fB" : isupper((unsigned char)line[i]) ? "\\fI" : NULL;
        word = word ? word : 1;
        fputs(font ? font : "", stdout);
        put_text(line + i, word);
        fputs(font ? "\\fR" : "", stdout);
        i += word;
    }
    putchar('\n');
}

static void put_definitions(const char *title, const definition *list, size_t count)
{
    printf(".SH %s\n", title);
    for (size_t i = 0; i < count; i++) {
        printf(".TP\n.B ");
        put_line(list[i].term);
        put_line(list[i].text);
    }
}

/* Those of `options` that `own` has no other meaning for. */
static void put_options(const char *title, const lc_cli_option *options, const lc_cli_option *own)
{
    printf(".SH %s\n", title);
    for (const lc_cli_option *o = options; o->name; o++) {
        char name[LC_CLI_NAME_SIZE];
        if (lc_cli_has_option(own, o->name)) {
            continue;
        }
        fputs(".TP\n", stdout);
        if (o->letter) {
            printf("\\fB\\-%c\\fR, ", o->letter);
        }
        fputs("\\fB", stdout);
        lc_cli_written(name, o);
        put_text(name, strlen(name));
        fputs("\\fR", stdout);
        if (o->argument) {
            fputs(" \\fI", stdout);
            put_text(o->argument, strlen(o->argument));
            fputs("\\fR", stdout);
        }
        putchar('\n');
        put_line(o->help);
    }
}

static void put_head(const char *command)
{
    char name[64] = "layercut";
    if (command) {
        snprintf(name, sizeof name, "layercut-%s", command);
    }
    fputs(".TH ", stdout);
    for (const char *c = name; *c; c++) {
        put((char)toupper((unsigned char)*c));
    }
    printf(" 1 \"\" \"layercut %s\" \"User Commands\"\n.ad l\n.nh\n.SH NAME\n", LC_VERSION);
    put_text(name, strlen(name));
    fputs(" \\- ", stdout);
}

/* "layercut-x(1)," in bold and roman. */
static void put_reference(const char *command, bool last)
{
    printf(".BR layercut%s%s (1)%s\n", command ? "\\-" : "", command ? command : "", last ? "" : ",");
}

lc_status lc_manual_command(const lc_cli_command *command)
{
    put_head(command->name);
    put_line(command->summary);
    puts(".SH SYNOPSIS");
    for (const char *line = command->usage; *line;) {
        size_t length = strcspn(line, "\n");
        printf(".B layercut %s\n", command->name);
        put_usage(line, length);
        line += length + (line[length] == '\n');
        fputs(*line ? ".br\n" : "", stdout);
    }
    puts(".SH DESCRIPTION");
    put_line(command->description);
    if (command->options->name) {
        put_options("OPTIONS", command->options, NULL);
    }
    put_options("COMMON OPTIONS", lc_cli_common_options, command->options);
    if (command->more_help) {
        char *text;
        LC_TRY(command->more_help(&text));
        fputs(".SH ", stdout);
        for (const char *c = command->more_title; *c && *c != ':'; c++) {
            put((char)toupper((unsigned char)*c));
        }
        putchar('\n');
        put_lines(text);
        free(text);
    }
    puts(".SH EXAMPLE\n.nf");
    for (const char *line = command->example; *line;) {
        size_t length = strcspn(line, "\n");
        put_text(line, length);
        putchar('\n');
        line += length + (line[length] == '\n');
        line += strncmp(line, "  ", 2) == 0 ? 2 : 0; /* as --help indents it */
    }
    puts(".fi\n.SH SEE ALSO");
    size_t others = 0;
    for (const lc_cli_command *const *c = lc_cli_commands; *c; c++) {
        others += *c != command && strcmp((*c)->group, command->group) == 0;
    }
    put_reference(NULL, others == 0);
    for (const lc_cli_command *const *c = lc_cli_commands; *c; c++) {
        if (*c != command && strcmp((*c)->group, command->group) == 0) {
            put_reference((*c)->name, --others == 0);
        }
    }
    return LC_OK;
}

void lc_manual_program(void)
{
    put_head(NULL);
    put_line("deep features and classical classifiers");
    puts(".SH SYNOPSIS\n.B layercut\n.I COMMAND\n[operands and options]\n.br\n.B layercut\n.I COMMAND\n.B \\-\\-help\n.br\n"
         ".B layercut \\-\\-version\n.SH DESCRIPTION");
    put_line("A frozen pretrained network runs over folders of pictures, the activations of the layers that are chosen land in one "
             "HDF5 file, and classical classifiers are trained and judged on them; a sweep tells which layer to cut at. Results "
             "go to standard output, talk and progress to standard error.");
    puts(".SH COMMANDS");
    const char *group = "";
    for (const lc_cli_command *const *c = lc_cli_commands; *c; c++) {
        if (strcmp(group, (*c)->group) != 0) {
            group = (*c)->group;
            printf(".SS %s\n", group);
        }
        puts(".TP");
        put_reference((*c)->name, true);
        put_line((*c)->summary);
    }
    put_definitions("OPERANDS", operands, sizeof operands / sizeof operands[0]);
    static const lc_cli_option none[] = {{0}};
    put_options("COMMON OPTIONS", lc_cli_common_options, none);
    put_definitions("EXIT STATUS", exit_codes, sizeof exit_codes / sizeof exit_codes[0]);
    put_definitions("ENVIRONMENT", environment, sizeof environment / sizeof environment[0]);
}
