/*
 * A trained classifier, as train.c makes it, model_file.c writes and reads it, and classifier.c uses it.
 */
#ifndef LC_CLASSIFIER_TRAINED_H
#define LC_CLASSIFIER_TRAINED_H

#include "classifier/classifier.h"
#include "classifier/calibrate.h"
#include "classifier/clf.h"
#include "classifier/transform.h"
#include "common/sha256.h"

struct lc_classifier {
    const lc_clf *clf;
    void *model;
    lc_transform transform;
    lc_calibration calibration;
    size_t repeats;
    int32_t *fold_of; /* (repeats, info.train_rows) the search's folds; repeats 0: none */
    double params[LC_CLF_MAX_PARAMS]; /* in the order of clf->params; 0: without meaning here */
    double *class_values; /* (classes) of several labels: the first parameter as each class has it; NULL: one label per row */
    char **class_names, **layer_names, **pools;
    size_t *layer_dims;
    char *recipe, *model_name, *model_sha256, *model_path;
    char *attachment_name, attachment_sha256[LC_SHA256_HEX_SIZE];
    const void *attachment; /* the caller's, to be saved; NULL: none, or it stays in the file */
    lc_classifier_info info; /* its counts and numbers are set by the maker, its pointers by lc_classifier_publish */
};

/* Lets info point to what the classifier owns, and fills in what follows from it. Call when all else is in place. */
void lc_classifier_publish(lc_classifier *c, const char *kernel);

#endif
