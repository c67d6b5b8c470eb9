/*
 * What a classifier is to the rest of the room: a constant that names its parameters and its functions. It sees rows
 * that are already transformed, never files or pictures.
 *
 *   prepare   what all fits with one kernel share (the SVM: its kernel matrix)       search and final fit
 *   validate  one fit on some of the rows, judged on others; nothing is kept         one point of the search, one fold
 *   train     one fit, kept as a model that stands on its own                        the final fit
 *   scores    a block of rows -> labels and scores
 *
 * A new classifier is one file clf_x.c with an lc_clf constant, one row in clf_list.inc, and its cases in
 * tests/test_classifier.c.
 */
#ifndef LC_CLASSIFIER_CLF_H
#define LC_CLASSIFIER_CLF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/h5.h"
#include "common/threads.h"

enum {
    LC_CLF_MAX_PARAMS = 4,
    LC_CLF_BLOCK = 16, /* rows that scores() sees at once, always */
};

/* One hyperparameter. The same row serves the command line, the search and the classifier file. */
typedef struct {
    const char *name;      /* NAME=value or list; log2NAME=begin,end,step */
    const char *kernel;    /* exists with this kernel only; NULL: with all */
    const char *log2_grid; /* searched when the user gives nothing */
    bool data_scale;       /* that grid is in units of 1 / (dim * variance of all values of the transformed rows) */
    bool in_kernel;        /* decides the kernel matrix, so that prepare() wants it */
    const char *help;
} lc_clf_param;

/* What every fit works on. */
typedef struct {
    size_t rows, dim, classes;
    const float *x;             /* (rows, dim), transformed */
    const int32_t *y;           /* (rows) 0..classes-1; a class may have no row */
    const double *class_weight; /* (classes) factor of the cost of an error */
    const char *kernel;
    const double *centre; /* (dim) mean of x */
    const float *gram;    /* (rows, rows) inner products of x - centre; NULL unless pair_bytes */
} lc_clf_task;

typedef struct {
    const char *name, *summary;
    const char *const *kernels; /* ends with NULL; the first is the default */
    const lc_clf_param *params; /* ends with {0} */
    size_t pair_bytes;          /* memory of prepare() per pair of rows; 0: this classifier needs no Gram matrix */

    /* params: the values in the order of the table. *work is released with release(). */
    lc_status (*prepare)(void **work, const lc_clf_task *task, const double *params, lc_threads *threads);
    void (*release)(void *work);

    /* Both may run on several threads at once over one work. rows are indices into the task's rows, ascending. */
    lc_status (*validate)(const void *work, const double *params, const size_t *rows, size_t count, const size_t *judged,
                          size_t judged_count, int32_t *labels);
    lc_status (*train)(void **model, const void *work, const double *params, const size_t *rows, size_t count);

    /*
     * x (LC_CLF_BLOCK, dim), rows that are missing filled with zeros, so that no number depends on how many rows come
     * together. labels (LC_CLF_BLOCK), scores (LC_CLF_BLOCK, classes): the largest score is the label's.
     */
    lc_status (*scores)(const void *model, const float *x, int32_t *labels, float *scores);

    /* Named arrays under /model of a classifier file. load() trusts nothing but dim, classes and params. */
    lc_status (*save)(const void *model, lc_h5 *file);
    lc_status (*load)(void **model, lc_h5 *file, const char *kernel, size_t dim, size_t classes, const double *params);
    void (*free)(void *model);

    /* The model as the text file that the classifier's own programs read; *text is the caller's. NULL: there is none. */
    lc_status (*export_text)(const void *model, char **text, size_t *size);
    size_t (*support_vectors)(const void *model); /* NULL: the word has no meaning here */
    const char *(*version)(void);                 /* of the library behind it: "LIBSVM 3.24"; NULL: ours */
} lc_clf;

#define LC_CLF(name) extern const lc_clf lc_clf_##name;
#include "classifier/clf_list.inc"
#undef LC_CLF

/* All classifiers, in the order of clf_list.inc. */
extern const lc_clf *const lc_clf_table[];
extern const size_t lc_clf_count;

/* By name; NULL means the first. LC_ERR_NOTFOUND lists the names. */
LC_CHECKED lc_status lc_clf_find(const char *name, const lc_clf **out);
/* The classifier's own word for a kernel; NULL means its first. LC_ERR_ARG lists the kernels. */
LC_CHECKED lc_status lc_clf_kernel(const lc_clf *clf, const char *name, const char **out);
/* Number of parameters in the table. */
size_t lc_clf_param_count(const lc_clf *clf);
/* The value that params (in the order of the table) gives the parameter `name`; 0 when the table has none. */
double lc_clf_param_value(const lc_clf *clf, const double *params, const char *name);
/* Whether this parameter exists with this kernel. */
bool lc_clf_param_used(const lc_clf_param *param, const char *kernel);

#endif
