/*
 * Results that evaluate, finetune, train and extract wrote with --json, read back and put beside each other.
 */
#ifndef LC_TOOLS_RESULTS_H
#define LC_TOOLS_RESULTS_H

#include "common/json.h"
#include "common/text.h"
#include "tools/cli.h"

/* One judged classifier or network; NaN: not in the files. What it points to belongs to the files. */
typedef struct {
    const char *name;
    const lc_json *metrics, *rows;     /* rows: its predictions, NULL: none */
    double accuracy, low, high, macro_f1;
    double parameters;                 /* that were trained */
    double seconds;                    /* of training; with the extraction of the training rows, where that is known */
    double seen;                       /* pictures that went through the network in training */
    double bytes;                      /* of memory at its peak */
} lc_result;

/* A file of --json; *out is the caller's. */
LC_CHECKED lc_status lc_result_read(const char *path, lc_json **out);

/*
 * What a step wrote that ended with status `step`: finetune writes its file also where the training diverged, and then *diverged says why;
 * else it is NULL. *out is the caller's.
 */
LC_CHECKED lc_status lc_result_of_step(lc_status step, const char *path, lc_json **out, const char **diverged);

/*
 * What files[i] judged, false if it judged nothing. files (count): among them, where they were kept, the results of the training and
 * the extraction that it rests on, known by their outputs.
 */
bool lc_result_of(lc_result *out, const char *name, lc_json *const *files, size_t count, size_t i);

/* McNemar's test of two results. */
typedef struct {
    size_t only_first, only_second; /* rows that only one of them has right */
    double p;
} lc_result_test;

/* false: one of them has no predictions. *same: they are of the same pictures; without that there is no test. */
bool lc_results_test(const lc_result *a, const lc_result *b, bool *same, lc_result_test *out);

/* accuracy ... seconds as fields of `object`. */
void lc_result_put_json(lc_json *object, const lc_result *result);

/* Cells from accuracy to memory, see LC_RESULT_TITLES. */
void lc_result_cells(lc_text *cells, const lc_result *result);

#define LC_RESULT_TITLES ">accuracy", ">low", ">high", ">macro F1", ">trained", ">seconds", ">seen", ">MB"

#endif
