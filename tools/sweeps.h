/*
 * A sweep as the commands `sweep` and `run` have it: options, the measured milliseconds, table, bars, JSON, plots.
 */
#ifndef LC_TOOLS_SWEEPS_H
#define LC_TOOLS_SWEEPS_H

#include "classifier/classifier.h"
#include "tools/cli.h"
#include "tools/groups.h"

typedef struct {
    const char *rule, *screen, *fuse, *classifier, *kernel, *norm, *multiclass, *class_weight, *group_by, *plot;
    size_t keep, folds, repeats;
    bool similarity, random_baseline;
    lc_cli_pairs hyper;
} lc_sweep_arguments;

#define LC_SWEEP_OPTIONS(type, field)                                                                                      \
    {LC_CLI_OPTION(type, field.rule, LC_CLI_STRING, "rule", 0, "R",                                                        \
                   "one-se (default): the cheapest layer within one standard error of the best; best; cost:MS: the "       \
                   "best within MS milliseconds per picture"),                                                             \
     .words = "one-se best"},                                                                                              \
        {LC_CLI_OPTION(type, field.screen, LC_CLI_STRING, "screen", 0, "S[,S2]",                                           \
                       "first judge by logme, hscore or ridge (leave-one-out); the first word decides"),                   \
         .words = "logme hscore ridge"},                                                                                   \
        {LC_CLI_OPTION(type, field.keep, LC_CLI_SIZE, "keep", 0, "N",                                                      \
                       "layers that a screen leaves (default: a third, at least 3)")},                                     \
        {LC_CLI_OPTION(type, field.fuse, LC_CLI_STRING, "fuse", 0, "F",                                                    \
                       "layers side by side too: greedy, or a list A+B,A+C+D")},                                           \
        {LC_CLI_OPTION(type, field.similarity, LC_CLI_FLAG, "cka", 0, NULL, "similarity of all layers (linear CKA)")},     \
        {LC_CLI_OPTION(type, field.random_baseline, LC_CLI_FLAG, "random-baseline", 0, NULL,                               \
                       "beside it the same network with random weights: what training it has given")},                     \
        {LC_CLI_OPTION(type, field.classifier, LC_CLI_STRING, "classifier", 0, "K",                                        \
                       "as 'layercut train --help' lists them (default: svm)"),                                            \
         .list = lc_classifier_name},                                                                                      \
        {LC_CLI_OPTION(type, field.kernel, LC_CLI_STRING, "kernel", 0, "K", "its kernel or distance"),                     \
         .words = LC_KERNEL_WORDS},                                                                                        \
        {LC_CLI_OPTION(type, field.norm, LC_CLI_STRING, "norm", 0, "N[,N2...]", "as in train (default: l2)"),              \
         .words = LC_NORM_WORDS},                                                                                          \
        LC_SWEEP_HYPER(type, field, "c", "C[,C2...]", "cost"), LC_SWEEP_HYPER(type, field, "g", "G[,G2...]", "gamma"),     \
        LC_SWEEP_HYPER(type, field, "log2c", "B,E,S", "grid of C: from 2^B to 2^E, exponent step S"),                      \
        LC_SWEEP_HYPER(type, field, "log2g", "B,E,S", "the same for gamma"),                                               \
        LC_SWEEP_HYPER(type, field, "lambda", "L[,L2...]", "penalty of logreg and ridge"),                                 \
        LC_SWEEP_HYPER(type, field, "log10lambda", "B,E,S", "its grid in powers of 10"),                                   \
        LC_SWEEP_HYPER(type, field, "k", "K[,K2...]", "neighbours of knn"),                                                \
        {LC_CLI_OPTION(type, field.multiclass, LC_CLI_STRING, "multiclass", 0, "M", "of an svm: ovo (default) or ovr"),    \
         .words = "ovo ovr"},                                                                                              \
        {LC_CLI_OPTION(type, field.folds, LC_CLI_SIZE, "folds", 'v', "N", "of the cross-validation (default: 5)")},        \
        {LC_CLI_OPTION(type, field.repeats, LC_CLI_SIZE, "repeats", 0, "N", "of it, with other folds")},                   \
        {LC_CLI_OPTION(type, field.group_by, LC_CLI_STRING, "group-by", 0, "G",                                            \
                       "folder, or LIST.csv:COLUMN: rows with the same one stay in one fold")},                            \
    {                                                                                                                      \
        LC_CLI_OPTION(type, field.class_weight, LC_CLI_STRING, "class-weight", 'w', "W",                                   \
                      "balanced, or NAME:WEIGHT,NAME:WEIGHT")                                                              \
    }

#define LC_SWEEP_HYPER(type, field, word, value, text)                                                                     \
    {                                                                                                                      \
        LC_CLI_OPTION(type, field.hyper, LC_CLI_PAIR, word, 0, value, text)                                                \
    }

/* What a sweep is made of; sweeping needs it all as long as the sweep is used. Release with lc_sweep_job_free. */
typedef struct {
    lc_sweep_options options;
    lc_hyper hyper[LC_CLI_MAX_PAIRS];
    lc_groups groups;
    lc_sweep *sweep;
} lc_sweep_job;

/*
 * Sweeps over the features files stores[0..count), prints and fills `result`. layers may be NULL. `timed`: measures the
 * networks where the files say they are. floor: features by random weights, or NULL.
 */
LC_CHECKED lc_status lc_sweep_job_run(lc_sweep_job *job, const lc_cli *cli, const lc_sweep_arguments *arguments,
                                      const char *const *stores, size_t count, const char *const *layers, size_t layer_count,
                                      const char *floor, bool timed, lc_json *result);
void lc_sweep_job_free(lc_sweep_job *job);

/* "dir/a.svg" -> "dir/a.cka.svg"; *out is the caller's. */
LC_CHECKED lc_status lc_name_beside(char **out, const char *path, const char *word);

/*
 * Features of a store's pictures by its network with random weights, beside it as <store>.random.h5 (*out, the caller's); goes
 * on with what is there.
 */
LC_CHECKED lc_status lc_extract_floor(const lc_cli *cli, const char *store, char **out);

#endif
