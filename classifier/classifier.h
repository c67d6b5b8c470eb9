/*
 * The classifier's door: features in, labels and numbers out. Reads features files, never pictures or networks.
 *
 *   lc_dataset *d;     lc_dataset_read(&d, "F.h5", layers, n, LC_ROWS_TRAIN);
 *   lc_classifier *c;  lc_classifier_train(&c, d, &options, &report);      hyperparameters by cross-validation
 *                      lc_classifier_save(c, "C.h5", command);  lc_classifier_open(&c, "C.h5");
 *                      lc_classifier_match(c, d);                         the same recipe, layers, classes?
 *                      lc_classifier_scores(c, x, rows, dim, labels, scores, threads);
 *   lc_metrics *m;     lc_metrics_compute(&m, ...);  lc_metrics_text(m, ...);  lc_metrics_json(m)
 */
#ifndef LC_CLASSIFIER_H
#define LC_CLASSIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/json.h"
#include "common/threads.h"

/* Rows of a features file -------------------------------------------------------------------------------------- */

/*
 * Which rows: those of one split, or all. LC_ROWS_TRAIN: split train, or all rows when the file has no splits.
 * LC_ROWS_JUDGE: split test, else val, else LC_ERR_ARG. Rows that are not ok or have no label are left out and counted;
 * with `| LC_ROWS_UNLABELLED` those without a label stay.
 */
typedef enum {
    LC_ROWS_TRAIN,
    LC_ROWS_VAL,
    LC_ROWS_TEST,
    LC_ROWS_JUDGE,
    LC_ROWS_ALL,
    LC_ROWS_UNLABELLED = 8, /* a flag beside one of the above */
} lc_rows;

typedef struct {
    size_t rows, dim; /* dim: sum over the layers read */
    float *x;         /* (rows, dim): the layers side by side */
    int32_t *labels;  /* (rows) 0..classes-1; -1: none, with LC_ROWS_UNLABELLED only; of several the first */
    uint8_t *indicator; /* (rows, classes) 1: the row has this label; NULL: a store whose rows have one each */
    char **paths;     /* (rows) */
    size_t classes;
    char **class_names; /* (classes) */
    size_t layers;
    char **layer_names, **pools;              /* (layers) */
    size_t *layer_dims;                       /* (layers) */
    char *recipe;                             /* base recipe of the store */
    char *model_name, *model_sha256, *source; /* source: the store's path */
    const char *split_name;                   /* what was read: "train", "val", "test", "all" */
    size_t failed, unlabelled;                /* rows left out */
} lc_dataset;

/* layers NULL: the store's deepest layer. NaN or Inf is LC_ERR_STALE. *out is the caller's. */
LC_CHECKED lc_status lc_dataset_read(lc_dataset **out, const char *store, const char *const *layers, size_t layer_count,
                                     lc_rows which);
void lc_dataset_free(lc_dataset *dataset);
/* Leaves the rows i with keep[i], keep (rows), in their order. */
void lc_dataset_keep(lc_dataset *dataset, const bool *keep);
/* The names of row i's labels, or with scores (rows, classes) of the classes above 0 there, parted by ';'. *out is the caller's. */
LC_CHECKED lc_status lc_join_labels(const lc_dataset *dataset, size_t i, const float *scores, char **out);
/* LC_ERR_UNSUPPORTED naming `what`, which takes one label per row, when rows have several. */
LC_CHECKED lc_status lc_dataset_one_label(const lc_dataset *dataset, const char *what);

/* Training ------------------------------------------------------------------------------------------------------ */

enum { LC_MAX_PARAMS = 4 }; /* of one classifier */

/* One hyperparameter as the user gave it. Names are svm-train's letters or a classifier's own: "c" "g" "k" take a value or
 * a list "0.1,1,10"; "log2c" takes grid.py's "begin,end,step", "log10l" the same in powers of 10. */
typedef struct {
    const char *name, *value;
} lc_hyper;

typedef struct {
    const char *classifier; /* NULL: "svm"; lc_classifier_help lists them with their kernels and parameters */
    const char *kernel;     /* NULL: the classifier's first */
    const char *norm;       /* NULL: "l2"; steps like "l2,zscore,pca:64", see transform.h */
    const char *multiclass; /* "ovo" (NULL) or "ovr", of an SVM: one-vs-one, one-vs-rest */
    const lc_hyper *hyper;
    size_t hyper_count;
    size_t folds;             /* 0: 5, or leave-one-out where the classifier has it in closed form */
    size_t repeats;           /* 0: 1; of the whole cross-validation, each with other folds */
    bool validate;            /* cross-validate even when one value is given for everything */
    const char *const *groups; /* (rows of the dataset) rows of one group stay in one fold; NULL: stratified by class alone */
    uint64_t seed;            /* of the folds: 0 keeps rows in order, as scikit-learn's StratifiedKFold */
    const char *class_weight; /* NULL, "balanced", or "name:weight,name:weight" */
    const char *probability;  /* NULL: none; "platt", "temperature": fitted on scores of rows held out by the folds */
    const char *journal;      /* file that remembers what a search has done, to go on from there; NULL: none */
    size_t threads;           /* 0: the CPUs this process may use */
    size_t jobs;              /* fits side by side, of classifiers whose fits have memory of their own (svm); 0: as many as threads.
                                 Changes memory and time, no number */
} lc_train_options;

#define LC_TRAIN_OPTIONS_INIT {0}

/* One point of the search. Where rows have several labels, accuracy is everywhere the mean over classes of average precision. */
typedef struct {
    double values[LC_MAX_PARAMS]; /* in the order of lc_train_report's labels; 0 where the kernel has no such parameter */
    double accuracy, deviation;   /* mean and standard deviation over folds */
} lc_search_point;

typedef struct {
    size_t params;
    const char *labels[LC_MAX_PARAMS]; /* "C", "gamma" */
    const char *names[LC_MAX_PARAMS];  /* "c", "g" */
    bool searched[LC_MAX_PARAMS];      /* has more than one value */
    lc_search_point *points; /* (point_count); none when one value was given for everything */
    size_t point_count, best, folds, repeats; /* folds 0: leave-one-out */
    bool several_labels; /* then accuracies are means of average precision, and each class has the first parameter's value that is
                            best for it: lc_classifier_info's class_values */
    size_t resumed;                           /* fits that a journal spared */
    bool grouped;
    bool at_edge; /* the best lies at an end of the grid */
    double train_accuracy;
    double gram_seconds, search_seconds, fit_seconds;
} lc_train_report;

/* What a training would take, told before it starts. */
typedef struct {
    size_t rows, dim, classes, points, folds, repeats; /* dim: behind the norm; folds 0: leave-one-out */
    double bytes, available; /* of memory at its peak; 0: unknown */
} lc_train_plan;

typedef struct lc_classifier lc_classifier;

/* *out and report->points (lc_train_report_free) are the caller's. */
LC_CHECKED lc_status lc_classifier_train(lc_classifier **out, const lc_dataset *data, const lc_train_options *options,
                                         lc_train_report *report);
void lc_train_report_free(lc_train_report *report);
/* Checks everything that training checks first and says what it would take; no fit is made. */
LC_CHECKED lc_status lc_classifier_plan(lc_train_plan *out, const lc_dataset *data, const lc_train_options *options);

/* A named protocol: what of lc_train_options it sets, and draws (below); NULL and 0: as without it. */
typedef struct {
    const char *name, *summary, *classifier, *kernel, *norm, *class_weight;
    lc_hyper hyper[LC_MAX_PARAMS]; /* ends with a name of NULL, or full */
    size_t folds, repeats;
    const char *per_class; /* "30", or several sizes: "1,2,4" */
} lc_preset;

/* LC_ERR_ARG names the nearest. */
LC_CHECKED lc_status lc_preset_find(const char *name, const lc_preset **out);
/* NULL behind the last. */
const lc_preset *lc_preset_at(size_t i);

/* One draw of few training rows per class, judged on all other rows. */
typedef struct {
    size_t train_rows, rows;
    double accuracy, balanced_accuracy;
} lc_draw;

/*
 * draws (count): the i-th takes per_class rows of every class by seed + i, trains on them alone (search included) and judges
 * the others. options->repeats and journal are not used. LC_ERR_ARG with groups, or where a class would have no row left to judge.
 * *first: the classifier of the first draw, the caller's.
 */
LC_CHECKED lc_status lc_draws_run(const lc_dataset *data, const lc_train_options *options, size_t per_class, size_t count,
                                  lc_draw *draws, lc_classifier **first);

/* What one such draw would take, as lc_classifier_plan. */
LC_CHECKED lc_status lc_draws_plan(lc_train_plan *out, const lc_dataset *data, const lc_train_options *options, size_t per_class);

/*
 * Nested cross-validation: draws (folds), each a training with its own search on the other outer folds (those of
 * options->groups and seed), judged on one that it has not seen. options->journal is not used.
 */
LC_CHECKED lc_status lc_nested_run(const lc_dataset *data, const lc_train_options *options, size_t folds, lc_draw *draws);

/* Every classifier with its kernels and parameters, and every preset, from their tables. *text is the caller's. */
LC_CHECKED lc_status lc_classifier_help(char **text);
/* NULL behind the last. */
const char *lc_classifier_name(size_t i);
void lc_classifier_free(lc_classifier *classifier);

/* Which layer to cut at ------------------------------------------------------------------------------------------ */

enum { LC_SCREENS = 3, LC_MAX_FUSED = 4 };

/* "logme" "hscore" "ridge" (its exact leave-one-out accuracy): judgements of a layer that take one decomposition. */
extern const char *const lc_screen_names[LC_SCREENS];

typedef struct {
    const char *const *stores; /* (store_count) features of the same pictures */
    size_t store_count;
    const char *floor;         /* features of the same layers by a network of random weights; NULL: none */
    const char *const *layers; /* (layer_count) only these; 0: all */
    size_t layer_count;
    lc_train_options train;    /* its journal is not used; groups are of split train */
    const char *rule;          /* "one-se" (NULL): the cheapest layer within one standard error of the best; "best"; "cost:MS": the
                                  best of those that take at most MS milliseconds per picture */
    const char *screen;        /* of lc_screen_names, with commas between; the first decides. NULL: every layer is validated */
    size_t keep;               /* layers that the screen leaves; 0: a third, at least 3 */
    const char *fuse;          /* NULL; "greedy"; or "a+b,a+c+d": layers side by side, every part of length 1 */
    bool similarity;           /* of all pairs of layers */
} lc_sweep_options;

#define LC_SWEEP_OPTIONS_INIT {0}

/* One candidate: a layer of a store, or several side by side. */
typedef struct {
    char *name;                /* of the layer, behind "network:" when there are several stores; "a + b" */
    char *layer;               /* in its store; of several the deepest */
    char *network, *pool;
    const char *store;
    size_t store_number, members[LC_MAX_FUSED], member_count; /* rows side by side; member_count 0: one layer */
    size_t dim;
    uint64_t macs, parameters; /* per picture, and of the network, up to the cut; 0: unknown */
    double milliseconds;       /* the caller's to say between lc_sweep_open and lc_sweep_run; NaN: unknown */
    double screens[LC_SCREENS]; /* NaN: not asked for */
    bool left_out;             /* by the screen: what follows is unknown */
    double accuracy, error;    /* in cross-validation; standard error over folds */
    bool at_edge;              /* of the grid */
    size_t params;             /* chosen hyperparameters */
    const char *labels[LC_MAX_PARAMS], *names[LC_MAX_PARAMS];
    double values[LC_MAX_PARAMS];
    double floor, floor_error; /* accuracy of random weights; NaN without */
    size_t test_correct;       /* of test_rows */
} lc_sweep_row;

typedef struct {
    lc_sweep_row *rows; /* (count) layers in network order, store by store; then fused ones, which are never chosen */
    size_t count, layers; /* layers: of the rows, those that are not fused */
    size_t best, chosen;
    size_t train_rows, classes, folds, repeats; /* folds 0: leave-one-out */
    const char *split;  /* what was held back: "test", else "val"; NULL: nothing */
    size_t test_rows;
    size_t test_best;   /* of all layers on that split; what choosing by it would have said */
    double optimism;    /* by how much that is too high on average: bootstrap over its rows */
    double tau[LC_SCREENS]; /* weighted rank correlation of a screen with the cross-validation; NaN: unknown */
    size_t similarity_rows;
    double *similarity; /* (layers, layers) linear CKA; NULL: not asked for */
} lc_sweep;

/* Lists the layers and checks that stores and options make sense; trains nothing. *out is the caller's; what the options
 * point to must live as long. LC_ERR_STALE: stores of other pictures. */
LC_CHECKED lc_status lc_sweep_open(lc_sweep **out, const lc_sweep_options *options);
/* Judges every layer by cross-validation on split train, chooses, then judges all on the split held back. */
LC_CHECKED lc_status lc_sweep_run(lc_sweep *sweep, const lc_sweep_options *options);
void lc_sweep_free(lc_sweep *sweep);

/* Classifier files ---------------------------------------------------------------------------------------------- */

/* Written under a temporary name and renamed when whole. */
LC_CHECKED lc_status lc_classifier_save(const lc_classifier *classifier, const char *path, const char *command);
/* Damage, another version: LC_ERR_STALE. */
LC_CHECKED lc_status lc_classifier_open(lc_classifier **out, const char *path);
/* Whether the file says it is a classifier file (false for anything else, readable or not). */
bool lc_classifier_sniff(const char *path);

typedef struct {
    const char *classifier, *kernel, *norm;
    const char *probability; /* "platt", "temperature" or "" */
    size_t params;           /* hyperparameters that the kernel has */
    const char *param_names[LC_MAX_PARAMS], *param_labels[LC_MAX_PARAMS];
    double param_values[LC_MAX_PARAMS];
    size_t classes;
    const char *const *class_names; /* (classes), the order of scores */
    size_t layers;
    const char *const *layer_names, *const *pools;
    size_t trained_parameters; /* numbers that deciding takes, behind the norm */
    size_t dim, train_rows, support_vectors; /* support_vectors 0: the classifier has none */
    const char *recipe;                    /* base recipe of the features */
    const char *model_name, *model_sha256; /* the network; model_path: where train found it, or "" */
    const char *model_path;
    const char *attachment; /* name of what the file carries along (lc_classifier_attach); "": nothing */
    size_t attachment_size; /* bytes of it */
    double cv_accuracy; /* NaN when there was no search; of several labels the mean over classes of average precision */
    uint64_t seed;
    bool several_labels;        /* one machine per class: a row has every class whose score is above 0 */
    const double *class_values; /* (classes) of several labels: the first hyperparameter as chosen for each class */
} lc_classifier_info;

/* Belongs to the classifier. */
const lc_classifier_info *lc_classifier_describe(const lc_classifier *classifier);
/* Where predict will look for the network. */
LC_CHECKED lc_status lc_classifier_set_model_path(lc_classifier *classifier, const char *path);

/*
 * A block that the file is to carry along - the network, in a bundle - under a name; saved with its hash. The bytes must
 * live until the classifier is saved.
 */
LC_CHECKED lc_status lc_classifier_attach(lc_classifier *classifier, const char *name, const void *bytes, size_t size);
/* The block of the file at `path` that the classifier was opened from: info's attachment_size bytes, the caller's, free().
 * LC_ERR_NOTFOUND: there is none; LC_ERR_STALE: it is damaged. */
LC_CHECKED lc_status lc_classifier_attachment(const lc_classifier *classifier, const char *path, unsigned char **bytes);

/*
 * Makes rows ready to be judged: their labels become the classifier's, class by class of the same name, and so do the
 * dataset's class names. LC_ERR_STALE naming the word that differs, with the dataset as it was, unless the rows were made
 * by the recipe, layers and pooling trained on and the classifier knows every class that has a row.
 */
LC_CHECKED lc_status lc_classifier_match(const lc_classifier *classifier, lc_dataset *data);

/* Using ----------------------------------------------------------------------------------------------------------- */

/*
 * x (rows, dim) raw features, as stored. labels (rows): the predicted class. scores (rows, classes), may be NULL: one
 * number per class, the larger the likelier; for one-vs-one SVMs the votes plus a fraction of the summed decision values
 * (so that the largest score is the predicted class).
 */
LC_CHECKED lc_status lc_classifier_scores(const lc_classifier *classifier, const float *x, size_t rows, size_t dim,
                                          int32_t *labels, float *scores, lc_threads *threads);

/*
 * Stock LIBSVM files: PREFIX.model, the class names in PREFIX.classes.txt, and PREFIX.<split>.libsvm of a dataset
 * transformed as the classifier transforms, so that `svm-predict` gives the same labels. Values have 9 digits,
 * float32-exact. data (lc_classifier_match) may be NULL: only the model.
 */
LC_CHECKED lc_status lc_classifier_export_libsvm(const lc_classifier *classifier, const lc_dataset *data,
                                                 const char *prefix);

/*
 * Weights of a linear model (linear, logreg, ridge, lda, centroid): PREFIX.weights.npy (classes, dim) float32 and
 * PREFIX.bias.npy (classes) float64, -inf for a class that had no rows, in the order of PREFIX.classes.txt;
 * score = weights x + bias of a row x behind the norm. LC_ERR_UNSUPPORTED for others.
 */
LC_CHECKED lc_status lc_classifier_export_npy(const lc_classifier *classifier, const char *prefix);

/*
 * A dataset as files: "csv", "npy" (PATH, and the class numbers in PATH with .labels.npy for its .npy) or "libsvm" (PATH,
 * and the class names in PATH.classes.txt). A row without a label has an empty field in csv, the number -1 elsewhere. Several
 * labels: "cat;dog" in csv, (rows, classes) of 0 and 1 in npy; LC_ERR_UNSUPPORTED as libsvm.
 */
LC_CHECKED lc_status lc_dataset_export(const lc_dataset *data, const char *format, const char *path);

/* Judging ------------------------------------------------------------------------------------------------------- */

typedef struct lc_metrics lc_metrics;

enum { LC_RELIABILITY_BINS = 10 };

/*
 * Equal to scikit-learn's on the same predictions. truth, predicted (rows) 0..classes-1; scores (rows, classes) or NULL;
 * probabilities: scores are probabilities (rows sum to 1), so log loss makes sense.
 */
LC_CHECKED lc_status lc_metrics_compute(lc_metrics **out, size_t rows, size_t classes, const char *const *class_names,
                                        const int32_t *truth, const int32_t *predicted, const float *scores,
                                        bool probabilities);
void lc_metrics_free(lc_metrics *metrics);

typedef struct {
    size_t rows, correct;
    double accuracy, accuracy_low, accuracy_high; /* Wilson 95 % */
    double balanced_accuracy, macro_precision, macro_recall, macro_f1, weighted_precision, weighted_recall, weighted_f1;
    double top5;     /* NaN with 5 classes or fewer, or no scores */
    double roc_auc;  /* two classes: of class 1; more: one-vs-rest macro mean; NaN without scores or where undefined */
    double mean_ap;  /* mean over classes of average precision as the area under its curve; NaN as roc_auc */
    double mean_ap11; /* the same by PASCAL VOC 2007's 11 points */
    double log_loss; /* NaN without probabilities, as: */
    double calibration_error; /* expected calibration error over LC_RELIABILITY_BINS bins of equal width */
    /* 95 % of 1000 bootstrap draws of the rows, always the same draws. */
    double balanced_low, balanced_high, macro_f1_low, macro_f1_high;
    double kappa, matthews;   /* Cohen's kappa and Matthews' correlation, of several classes */
} lc_metrics_summary;

const lc_metrics_summary *lc_metrics_describe(const lc_metrics *metrics);
/* Reads like scikit-learn's classification_report, then the confusion matrix (up to 20 classes). *out is the caller's. */
LC_CHECKED lc_status lc_metrics_text(const lc_metrics *metrics, char **out);
/* The caller's, lc_json_free. */
lc_json *lc_metrics_json(const lc_metrics *metrics);

/* Rows of several labels: a row is said to have the classes whose score is above 0. */
typedef struct {
    const char *name;
    size_t support, predicted; /* rows of this class; rows said to be */
    double precision, recall, f1;
    double ap, ap11; /* average precision as the area under its curve; PASCAL VOC 2007's 11 points. NaN without rows */
} lc_label_class;

typedef struct {
    size_t rows, classes;
    double mean_ap, mean_ap11; /* over classes that have rows */
    double macro_precision, macro_recall, macro_f1, micro_f1;
    double exact;              /* rows whose set of labels is right */
    double hamming_loss;       /* share of rows x classes that are wrong */
    lc_label_class *per_class; /* (classes) */
} lc_label_metrics;

/*
 * Equal to scikit-learn's average_precision_score and, at 0, its precision, recall, F1, accuracy_score and hamming_loss.
 * indicator, scores (rows, classes). names (classes) must live as long. *out is the caller's.
 */
LC_CHECKED lc_status lc_label_metrics_compute(lc_label_metrics **out, size_t rows, size_t classes, const char *const *names,
                                              const uint8_t *indicator, const float *scores);
void lc_label_metrics_free(lc_label_metrics *metrics);
/* A table, a line per class. *text is the caller's. */
LC_CHECKED lc_status lc_label_metrics_text(const lc_label_metrics *metrics, char **text);
/* The caller's, lc_json_free. */
lc_json *lc_label_metrics_json(const lc_label_metrics *metrics);

/*
 * The probability that two equally good classifiers differ as much, when only_a rows are right by the first alone and only_b by
 * the second: McNemar's test, exact, both sides.
 */
double lc_mcnemar(size_t only_a, size_t only_b);

/*
 * From which cost on b beats a: x (count) ascending, above 0; a, b (count) what both reach there. The x where the line between
 * the last point at which b does not beat a and the next one crosses, on a logarithmic scale; x[0] where b always does, NaN where it
 * does not at the last point.
 */
double lc_break_even(size_t count, const double *x, const double *a, const double *b);

/* Judges a network's own outputs: logits (rows, classes) -> predicted class and softmax probabilities (may be the same
 * memory). */
void lc_softmax_rows(const float *logits, size_t rows, size_t classes, int32_t *predicted, float *probabilities);

/* "LIBSVM 3.24", "OpenBLAS ...": one line each, for --version. */
size_t lc_classifier_versions(const char *lines[], size_t capacity);

#endif
