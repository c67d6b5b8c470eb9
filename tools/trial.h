/*
 * A network judged by its own last layer on pictures in class folders: what `evaluate` and `finetune` share.
 */
#ifndef LC_TOOLS_TRIAL_H
#define LC_TOOLS_TRIAL_H

#include "tools/inputs.h"

typedef struct {
    const char *model, *images;
    const char *split;   /* "train" "val" "test" "all"; NULL: test, else val, else all */
    const char *classes; /* file of names of the outputs; NULL: the network's, else the folders' */
    const lc_picture_arguments *pictures;
    bool rows;           /* puts what was said of every picture into the result, for compare */
} lc_trial_arguments;

/* Prints the metrics and puts model, images, split, metrics, seconds and the number of failed pictures into `result`. */
LC_CHECKED lc_status lc_trial_network(lc_cli *cli, const lc_trial_arguments *arguments, lc_json *result);

/* {path, truth, prediction}: arrays (rows) of names, as compare reads them; the caller's. truth, predicted (rows) index names. */
lc_json *lc_predictions_json(size_t rows, char *const *paths, const char *const *names, const int32_t *truth, const int32_t *predicted);

/* Prints metrics with their rows and split, and puts them into `result`. */
LC_CHECKED lc_status lc_report_metrics(const lc_cli *cli, const lc_metrics *metrics, const char *split, lc_json *result);

#endif
