/*
 * What a classifier is to the rest of the room: a constant that names its parameters and its functions. It sees rows
 * that are already transformed, never files or pictures.
 *
 *   prepare   what all fits with one kernel share (the SVM: its kernel matrix)       search and final fit
 *   validate  fits on some of the rows, judged on others; nothing is kept            points of the search, folds
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

#include "classifier/classifier.h"
#include "common/error.h"
#include "common/h5.h"
#include "common/threads.h"

enum {
    LC_CLF_MAX_PARAMS = LC_MAX_PARAMS,
    LC_CLF_BLOCK = 16, /* rows that scores() sees at once, always */
};

typedef enum {
    LC_PARAM_POSITIVE, /* above 0 */
    LC_PARAM_ANY,
    LC_PARAM_NOT_NEGATIVE,
    LC_PARAM_WHOLE,    /* 1, 2, 3, ... */
    LC_PARAM_FRACTION, /* 0 to 1, ends included */
} lc_param_kind;

/* One hyperparameter. The same row serves the command line, the search and the classifier file. */
typedef struct {
    const char *name;    /* NAME=value or list; log2NAME=begin,end,step, log10NAME */
    const char *label;   /* what reports call it; NULL: the name */
    const char *kernels; /* exists with these kernels only, "rbf,poly"; NULL: with all */
    const char *grid;    /* searched when the user gives nothing: "log2 -5,15,2", "log10 -6,5,1", or a list */
    bool data_scale;     /* that grid is in units of 1 / (dim * variance of all values of the transformed rows) */
    bool in_kernel;      /* decides the kernel matrix, so that prepare() wants it */
    bool simple_is_large; /* of equal accuracies the larger value wins, not the smaller */
    lc_param_kind kind;
    const char *help;
} lc_clf_param;

/* What every fit works on. */
typedef struct {
    size_t rows, dim, classes;
    const float *x;             /* (rows, dim), transformed */
    const int32_t *y;           /* (rows) 0..classes-1; a class may have no row */
    const uint8_t *indicator;   /* (rows, classes) 1: the row is of this class; NULL: y says it, one class per row */
    const double *class_weight; /* (classes) factor of the cost of an error */
    const char *kernel;
    bool one_vs_rest;
    const double *centre; /* (dim) mean of x; 0 where a kernel must not be centred */
    float *base;          /* (rows, rows) of kernel.h; NULL unless pairs */
    const struct lc_clf_point *own_points; /* (classes) what train() takes for each class in place of its params; NULL: params */
    bool last;            /* no other fit comes: prepare() may keep what it makes in base's place */
} lc_clf_task;

/* Values of the parameters, in the order of the table. */
typedef struct lc_clf_point {
    double values[LC_CLF_MAX_PARAMS];
} lc_clf_point;

/* Whether a row is of a class. */
static inline bool lc_clf_is(const lc_clf_task *t, size_t row, int32_t k)
{
    return t->indicator ? t->indicator[row * t->classes + (size_t)k] != 0 : t->y[row] == k;
}

/* Which rows a fit sees, and which it is judged on: ascending indices into the task's rows. */
typedef struct {
    const size_t *rows, *judged;
    size_t count, judged_count;
} lc_clf_fold;

/*
 * A fold is judged: labels (points, judged_count), or, where rows have several, decisions (points, judged_count, classes) with 0
 * for classes without a machine. The other is NULL. May come from any thread of the pool, several at once.
 */
typedef lc_status (*lc_clf_judged)(void *context, size_t fold, const int32_t *labels, const double *decisions);

/* How large a training is, to say what it takes of memory. */
typedef struct {
    size_t rows, dim, classes; /* classes: those that get a machine */
    size_t pair_rows;          /* of the largest two-class machine: the two largest classes; all where a class stands against the rest */
    size_t points, folds;      /* folds: those that validate() gets at once; 0: leave_one_out() */
    size_t judged, most_judged; /* rows that they hold out together, and the largest of them alone */
    size_t threads;
    bool several_labels, one_vs_rest;
} lc_clf_extent;

typedef struct {
    const char *name, *summary;
    const char *const *kernels; /* ends with NULL; the first is the default */
    const lc_clf_param *params; /* ends with {0} */
    bool pairs;                 /* wants the matrix of pairs */
    bool judges_own;            /* train() knows the labels of its rows for less than scores() would take */
    bool schemes;               /* can be one-vs-one and one-vs-rest */
    bool several_labels;        /* fits rows of several labels (task.indicator), one machine per class, above 0 for the class */
    bool fits_apart;            /* fits have memory of their own, so that fewer at a time take less */
    /* Memory at its peak, in bytes: of prepare() per pair of rows; beside that and the rows, of validate() or leave_one_out(), and of
     * train() with its model. NULL: none. */
    size_t (*pair_bytes)(const char *kernel, bool last);
    double (*search_bytes)(const lc_clf_extent *e), (*fit_bytes)(const lc_clf_extent *e);

    /* params: the values in the order of the table. *work is released with release(). */
    lc_status (*prepare)(void **work, const lc_clf_task *task, const double *params, lc_threads *threads);
    void (*release)(void *work);

    /* points (count), ascending along the first parameter, over one work. Calls judged once per fold, or fails. */
    lc_status (*validate)(const void *work, const lc_clf_point *points, size_t count, const lc_clf_fold *folds,
                          size_t fold_count, lc_threads *threads, lc_clf_judged judged, void *context);
    /* Every row judged by the fit without it: labels (points, rows). NULL: only by folds. */
    lc_status (*leave_one_out)(const void *work, const lc_clf_point *points, size_t count, lc_threads *threads,
                               int32_t *labels);
    /* labels (count), may be NULL: what the model says of these rows, if judges_own. */
    lc_status (*train)(void **model, const void *work, const double *params, const size_t *rows, size_t count,
                       lc_threads *threads, int32_t *labels);

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
    /* Weights of a linear model: weights (classes, dim), bias (classes), class by class; NULL: there are none. */
    lc_status (*export_weights)(const void *model, size_t classes, float *weights, double *bias);
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
/* Whether this parameter may have this value. */
bool lc_clf_param_valid(const lc_clf_param *param, double value);
/* What values it may have: "a number above 0". */
const char *lc_clf_param_range(const lc_clf_param *param);

#endif
