/*
 * What is done to a feature row before a classifier sees it.
 *
 *   none     nothing
 *   l2       divided by its Euclidean length (a row of zeros stays)                                   row-wise
 *   zscore   (x - mean) / deviation per feature, population deviation, constant features only centred  fitted
 *
 * A fitted transform is learned from training rows only; a row-wise one needs no rows, so that one Gram matrix serves
 * every fold. One more transform is one more row in transform.c's table.
 */
#ifndef LC_CLASSIFIER_TRANSFORM_H
#define LC_CLASSIFIER_TRANSFORM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

typedef struct {
    const char *name;
    bool fitted;
    size_t dim;
    double *mean, *scale; /* (dim) of a fitted transform, else NULL; scale > 0 */
} lc_transform;

/* By name (NULL: "l2"), not fitted yet. LC_ERR_ARG lists the names. Owns nothing until fitted or made ready. */
LC_CHECKED lc_status lc_transform_init(lc_transform *out, const char *name, size_t dim);
/* Allocates mean and scale of a fitted transform, to be filled by the caller (a classifier file). */
LC_CHECKED lc_status lc_transform_make_ready(lc_transform *t);
/* Learns from rows[0..count) of x (.., dim). Does nothing for a row-wise transform. */
LC_CHECKED lc_status lc_transform_fit(lc_transform *t, const float *x, const size_t *rows, size_t count);
/* x (rows, dim) -> out (rows, dim), which may be x. */
void lc_transform_apply(const lc_transform *t, const float *x, size_t rows, float *out);
void lc_transform_free(lc_transform *t);

#endif
