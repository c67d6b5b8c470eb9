/*
 * What several commands share: which kind of file an operand is, lists of words, the options of commands that read
 * pictures, and how networks and failed pictures are shown.
 */
#ifndef LC_TOOLS_INPUTS_H
#define LC_TOOLS_INPUTS_H

#include "classifier/classifier.h"
#include "extractor/extractor.h"
#include "tools/cli.h"

typedef enum { LC_FILE_NETWORK, LC_FILE_STORE, LC_FILE_CLASSIFIER } lc_file_kind;

/* By the first bytes; what is neither a classifier nor HDF5 is taken for a network (a file or a known name). */
lc_file_kind lc_file_kind_of(const char *path);

/* LC_ERR_ARG "<path> is a features file; <cure>", or what is wrong with it when it does not even open. */
LC_CHECKED lc_status lc_refuse_store(const char *path, const char *cure);

/*
 * LC_ERR_ARG where the command would write over what it reads, over a features file with something else, or one result over
 * another: the operands, and the options by their .file.
 * `arguments`: the command's, parsed.
 */
LC_CHECKED lc_status lc_check_outputs(const lc_cli *cli, const void *arguments);

/* Words, each pointing into `text`; both the list's. */
typedef struct {
    char *text;
    const char **items;
    size_t count;
} lc_words;

/* The non-empty parts of `text` between separators. */
LC_CHECKED lc_status lc_words_split(lc_words *out, const char *text, char separator);
/* The non-empty lines of a file. */
LC_CHECKED lc_status lc_words_read(lc_words *out, const char *path);
void lc_words_free(lc_words *words);

enum { LC_MAX_SIZES = 16 };

typedef struct {
    size_t items[LC_MAX_SIZES], count;
} lc_sizes;

/* "1,16": whole numbers from 1 on; LC_ERR_ARG names the option. */
LC_CHECKED lc_status lc_sizes_split(lc_sizes *out, const char *text, const char *option);

/* "train" "val" "test" "all"; NULL: what lc_rows calls the rows to judge by. */
LC_CHECKED lc_status lc_rows_parse(const char *word, lc_rows fallback, lc_rows *out);

/*
 * The rows of a features file that a classifier is to judge: its layers, labels in its numbers (lc_classifier_match).
 * What is left out is said. *out is the caller's.
 */
LC_CHECKED lc_status lc_read_rows_for(const lc_classifier *classifier, const char *features, lc_rows which,
                                      lc_dataset **out);

/* What a classifier says of rows of a features file, and how well: predicted (rows), scores (rows, classes). */
typedef struct {
    lc_dataset *data;
    int32_t *predicted;
    float *scores;
    lc_metrics *metrics;             /* NULL where rows have several labels: */
    lc_label_metrics *label_metrics; /* else NULL */
} lc_judgement;

/* Of the rows that lc_read_rows_for gives. lc_judgement_free, also after a failure. */
LC_CHECKED lc_status lc_judge(lc_judgement *out, const lc_cli *cli, const lc_classifier *classifier, const char *features,
                              lc_rows which);
void lc_judgement_free(lc_judgement *judgement);

/* Says which rows of a features file were left out, if any. */
void lc_say_left_out(const lc_dataset *data);

/* Outputs of a network's last layer. */
typedef struct {
    size_t count;
    const char *const *names; /* (count); NULL: nobody says */
    lc_words words;           /* of the file they were read from */
} lc_outputs;

/* Names come from `file` (one per line) if it is given, else from the network's own file. LC_ERR_ARG for another number. */
LC_CHECKED lc_status lc_outputs_read(lc_outputs *out, const lc_network *network, const char *file);
void lc_outputs_free(lc_outputs *outputs);

/* Values of options that several commands have, for completion; what takes a number behind it (grid:K) is left out. */
#define LC_POOL_WORDS "avg max avgmax flat"
#define LC_SPLIT_WORDS "train val test all"
#define LC_KERNEL_WORDS "linear rbf poly chi2 intersection cosine euclidean"
#define LC_NORM_WORDS "l2 none power zscore minmax"

/* Options of commands that run a network over pictures. */
typedef struct {
    const char *arch, *precision;
    size_t batch;
    bool strict, exact;
    lc_cli_pairs settings;
} lc_picture_arguments;

/* Their rows for the option table of a command whose arguments are `type` with `field` of lc_picture_arguments. */
#define LC_PICTURE_OPTIONS(type, field)                                                                                    \
    LC_ARCH_OPTION(type, field.arch),                                                                                      \
    {LC_CLI_OPTION(type, field.batch, LC_CLI_SIZE, "batch", 0, "N", "pictures per forward pass; changes speed only")},     \
        {LC_CLI_OPTION(type, field.strict, LC_CLI_FLAG, "strict", 0, NULL,                                                 \
                       "a failed picture makes the exit code 1 instead of 3")},                                            \
        LC_PRECISION_OPTIONS(type, field.precision, field.exact),                                                          \
        LC_SETTING_OPTIONS(type, field.settings)

/* Preprocessing alone, into lc_cli_pairs. */
#define LC_SETTING_OPTIONS(type, pairs)                                                                                    \
    LC_SETTING(type, pairs, "input", "input", "SIZE", "input of the network, 224 or 3x224x224"),                       \
        LC_SETTING(type, pairs, "resize", "resize", "N", "shorter side before the crop"),                                  \
        LC_SETTING(type, pairs, "crop-pct", "crop_pct", "P", "the same as a fraction: input / resize"),                    \
        {LC_CLI_OPTION(type, pairs, LC_CLI_PAIR, "crop-mode", 0, "MODE",                                          \
                       "center, or squash (aspect ratio not kept)"),                                                       \
         .key = "crop_mode",                                                                                               \
         .words = "center squash"},                                                                                        \
        {LC_CLI_OPTION(type, pairs, LC_CLI_PAIR, "interpolation", 0, "KIND", "bilinear, bicubic or nearest"),     \
         .words = "bilinear bicubic nearest"},                                                                             \
        LC_SETTING(type, pairs, "mean", "mean", "M", "per channel: 0.485,0.456,0.406 or 128/255"),                         \
        LC_SETTING(type, pairs, "std", "std", "S", "per channel, like --mean"),                                            \
        LC_SETTING(type, pairs, "exif", "exif", NULL, "turn pictures as their EXIF tag says")

#define LC_ARCH_OPTION(type, field)                                                                                        \
    {                                                                                                                      \
        LC_CLI_OPTION(type, field, LC_CLI_STRING, "arch", 0, "NAME",                                                       \
                      "architecture of a state dict (resnet18); default: recognised by its tensors")                       \
    }

#define LC_PRECISION_OPTIONS(type, precision, exact)                                                                       \
    {LC_CLI_OPTION(type, precision, LC_CLI_STRING, "precision", 0, "P",                                                    \
                   "f32 (default), f32-exact or bf16: products of bfloat16 numbers in layers of 1x1 and full "             \
                   "connections, where the CPU has them"),                                                                 \
     .words = "f32 f32-exact bf16"},                                                                                       \
    {                                                                                                                      \
        LC_CLI_OPTION(type, exact, LC_CLI_FLAG, "exact", 0, NULL, "the same as --precision f32-exact: no Winograd")        \
    }

#define LC_SETTING(type, pairs, word, timm_key, value, text)                                                               \
    {                                                                                                                      \
        LC_CLI_OPTION(type, pairs, LC_CLI_PAIR, word, 0, value, text), .key = timm_key                            \
    }

/* The library's options; `settings` (LC_CLI_MAX_PAIRS) must live as long as they are used. */
lc_extract_options lc_picture_options(const lc_cli *cli, const lc_picture_arguments *arguments, lc_setting *settings);

/* Notes the failed pictures for the exit code; LC_ERR_FORMAT with --strict. */
LC_CHECKED lc_status lc_count_failed(lc_cli *cli, const lc_picture_arguments *arguments, size_t failed, size_t rows);

/* Pictures that failed, and why. Owns its strings. */
typedef struct {
    struct {
        char *path, *reason;
    } * items;
    size_t count, capacity;
} lc_failures;

LC_CHECKED lc_status lc_failures_add(lc_failures *failures, const char *path, const char *reason);
/* Adds the failed rows of a features file. */
LC_CHECKED lc_status lc_failures_read(lc_failures *failures, lc_store *store);
void lc_failures_free(lc_failures *failures);
/* [{path, error}]; the caller's. */
lc_json *lc_failures_json(const lc_failures *failures);
/* Lists them on standard error, if any, grouped by reason; of more than 20 only the first, then `where` all are. */
LC_CHECKED lc_status lc_failures_say(const lc_failures *failures, size_t rows, const char *where);

/* Index of each of wanted[0..count) among names, into out (count). LC_ERR_NOTFOUND, with the nearest, when it is not there;
 * LC_ERR_ARG when it is there twice. */
LC_CHECKED lc_status lc_match_names(const char *what, const char *const *wanted, size_t count, const char *where,
                                    const char *const *names, size_t name_count, int32_t *out);

/* 1234567 -> "1.23M"; powers of 1000. */
const char *lc_human(char text[static 16], uint64_t number);

/* "64x16x16", "1000" for a vector. */
const char *lc_map_text(char text[static 96], const size_t shape[static 3]);

/* "onnx", "resnet18 in safetensors": where the graph is from. */
const char *lc_network_kind(char text[static 96], const lc_network_info *network);
/* "layer4.1" of the block that ends in tap "layer4.1.relu_1": its longest alias that begins the name, else the name. */
const char *lc_module_name(const lc_tap *tap);
/* Network as JSON: name, path, format, architecture, sha256, input, parameters, macs, note. The caller's. */
lc_json *lc_network_json(const lc_network_info *network);
/* (C,H,W) as a JSON array; the caller's. */
lc_json *lc_shape_json(const size_t shape[static 3]);
/* Layers of a features file: name, id, op, shape, pool, dim of each. The caller's. */
lc_json *lc_layers_json(const lc_store *store);
/* A classifier's layers as a selector; *out is the caller's, free(). */
LC_CHECKED lc_status lc_layers_of(const lc_classifier_info *info, char **out);
/* "C 1, gamma 0.5"; of several labels the first one's range over the classes. */
void lc_print_parameters(const lc_cli *cli, const lc_classifier_info *info);
/* What a classifier is and was trained on, as fields of `object`. */
void lc_put_classifier_json(lc_json *object, const lc_classifier_info *info);
/* Strings as a JSON array; the caller's. */
lc_json *lc_strings_json(const char *const *strings, size_t count);

#endif
