/*
 * What is done to a feature row before a classifier sees it: steps in the order given, "l2,zscore,pca:64".
 *
 *   none           nothing
 *   l2             divided by its Euclidean length (a row of zeros stays)                                    row-wise
 *   power          signed square root, sign(x) sqrt|x| (Perronnin, Sanchez and Mensink, ECCV 2010)           row-wise
 *   zscore         (x - mean) / deviation per feature, population deviation, constant features only centred  fitted
 *   minmax         (x - min) / (max - min) per feature, constant features only moved to 0                    fitted
 *   pca:D          the D directions of largest variance of centred rows                                      fitted
 *   whiten:D       the same, each direction scaled to variance 1                                             fitted
 *   nystroem:M[:G] K(x, landmarks) K(landmarks, landmarks)^(-1/2), M rows drawn by the seed as landmarks and the kernel
 *                  exp(-G |a - b|^2); G: 1 / (dim * variance of the rows). Williams and Seeger, NIPS 2000    fitted
 *
 * A fitted step is learned from training rows only; when all steps are row-wise one kernel matrix serves every fold. One
 * more kind of step is one more row in transform.c's table.
 */
#ifndef LC_CLASSIFIER_TRANSFORM_H
#define LC_CLASSIFIER_TRANSFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/h5.h"
#include "common/threads.h"

enum { LC_MAX_STEPS = 8 };

typedef struct {
    size_t kind;     /* row of transform.c's table */
    size_t in, out;  /* numbers per row */
    double gamma;    /* nystroem; 0: not fitted yet */
    double *shift, *scale; /* (in) of zscore, minmax, pca: (x - shift) / scale; scale > 0, NULL for pca */
    float *matrix;    /* pca: (out, in); nystroem: (out, out) */
    float *landmarks; /* nystroem: (out, in) */
} lc_step;

typedef struct {
    char *name; /* the steps as text */
    bool fitted;
    size_t in, out; /* numbers per row before and behind */
    uint64_t seed;
    size_t count;
    lc_step steps[LC_MAX_STEPS];
} lc_transform;

/* By name (NULL: "l2"), not fitted yet. LC_ERR_ARG lists the names. Release with lc_transform_free, also after a failure. */
LC_CHECKED lc_status lc_transform_init(lc_transform *out, const char *name, size_t dim, uint64_t seed);
/* Learns from rows[0..count) of x (.., in). Does nothing when all steps are row-wise. */
LC_CHECKED lc_status lc_transform_fit(lc_transform *t, const float *x, const size_t *rows, size_t count,
                                      lc_threads *threads);
/* x (rows, in) -> out (rows, t->out), not x. A row's result does not depend on the others. */
LC_CHECKED lc_status lc_transform_apply(const lc_transform *t, const float *x, size_t rows, float *out, lc_threads *threads);
void lc_transform_free(lc_transform *t);
/* Memory at its peak while it is fitted on so many rows; *kept: of what it has learned. */
double lc_transform_bytes(const lc_transform *t, size_t rows, double *kept);

/* What was learned, as datasets under /transform of a classifier file. Reading trusts nothing but name and dim. */
LC_CHECKED lc_status lc_transform_save(const lc_transform *t, lc_h5 *file);
LC_CHECKED lc_status lc_transform_load(lc_transform *t, lc_h5 *file);

#endif
