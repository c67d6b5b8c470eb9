/*
 * The whole comparison, for `compare MODEL IMAGES -o DIR`: frozen features + a classifier against training the network itself, each
 * row of it made by the command a user would type, on the same pictures, splits and seeds.
 */
#ifndef LC_TOOLS_COMPARISON_H
#define LC_TOOLS_COMPARISON_H

#include "tools/cli.h"
#include "tools/inputs.h"

typedef struct {
    const char *output, *modes, *from, *layer, *fractions, *finetune, *scratch, *train;
    size_t epochs, seeds;
    bool keep;
    lc_picture_arguments pictures;
} lc_comparison_arguments;

#define LC_COMPARISON_OPTIONS(type, field)                                                                                 \
    {LC_CLI_OPTION(type, field.output, LC_CLI_STRING, "output", 'o', "DIR",                                                \
                   "folder for the results; rows that are there already are kept"),                                        \
     .file = LC_CLI_FILE_WRITTEN},                                                                                         \
        {LC_CLI_OPTION(type, field.modes, LC_CLI_STRING, "modes", 'm', "LIST",                                             \
                       "rows, tested against the first: svm (frozen features and a classifier) and modes of finetune "     \
                       "(default: svm,head,from:LAST_BLOCK,full,scratch)")},                                               \
        {LC_CLI_OPTION(type, field.from, LC_CLI_STRING, "from", 0, "LAYER", "in place of the last block")},                \
        {LC_CLI_OPTION(type, field.layer, LC_CLI_STRING, "layer", 'l', "L", "of the frozen features (default: penultimate)")}, \
        {LC_CLI_OPTION(type, field.epochs, LC_CLI_SIZE, "epochs", 'e', "N", "of every training (default: 10)")},           \
        {LC_CLI_OPTION(type, field.seeds, LC_CLI_SIZE, "seeds", 0, "N",                                                    \
                       "everything N times, by --seed and the numbers behind it; the table has means (default: 1)")},      \
        {LC_CLI_OPTION(type, field.fractions, LC_CLI_STRING, "label-fractions", 0, "LIST",                                 \
                       "of the training pictures, drawn class by class, the small ones parts of the large: 0.15,0.3,0.5,1 " \
                       "(default: 1)")},                                                                                   \
        {LC_CLI_OPTION(type, field.finetune, LC_CLI_STRING, "finetune", 0, "'OPTIONS'",                                    \
                       "further options of every finetune: --finetune='--lr 0.005 --augment none'")},                                 \
        {LC_CLI_OPTION(type, field.scratch, LC_CLI_STRING, "scratch", 0, "'OPTIONS'",                                      \
                       "further options of finetune --mode scratch alone: --scratch='--lr 0.1 --epochs 100'")},                      \
        {LC_CLI_OPTION(type, field.train, LC_CLI_STRING, "train", 0, "'OPTIONS'",                                          \
                       "further options of train: --train='--classifier logreg'")},                                                \
    {                                                                                                                      \
        LC_CLI_OPTION(type, field.keep, LC_CLI_FLAG, "keep", 0, NULL, "keep the trained networks")                         \
    }

/* operands: MODEL, IMAGES. */
LC_CHECKED lc_status lc_comparison_run(lc_cli *cli, const lc_comparison_arguments *arguments);

#endif
