/*
 * One binary support vector machine on a kernel matrix that others share: sequential minimal optimisation with LIBSVM's
 * second-order working set (Fan, Chen and Lin, "Working set selection using second order information for training
 * support vector machines", JMLR 2005), its clipping and its stopping rule.
 *
 *   lc_smo *s;  lc_smo_new(&s, &problem);  lc_smo_solve(s, cost_positive, cost_negative);   as often as there are costs
 *               lc_smo_coefficients(s), lc_smo_rho(s);  lc_smo_free(s);
 */
#ifndef LC_CLASSIFIER_SMO_H
#define LC_CLASSIFIER_SMO_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

typedef struct {
    const float *kernel;   /* (.., stride) symmetric; lives as long as the machine */
    size_t stride;
    const uint32_t *index; /* (rows) which rows of the kernel, the first `positive` of class +1; lives as long */
    size_t rows, positive;
    double eps; /* stops within this of the optimum, LIBSVM's -e */
} lc_smo_problem;

typedef struct lc_smo lc_smo;

/* Bytes of kernel rows that one machine keeps beside the shared matrix at most. */
enum { LC_SMO_CACHE = 512 << 20 };

/* Starts at 0. *out is the caller's. */
LC_CHECKED lc_status lc_smo_new(lc_smo **out, const lc_smo_problem *problem);
void lc_smo_free(lc_smo *s);

/*
 * Solves for these costs of an error, from where the last solution left off: a cost at least as large as the one before
 * keeps that solution feasible. LC_ERR_INTERRUPTED when asked to stop. After LIBSVM's number of steps (the larger of 10
 * million and 100 per row) it stops with a warning to the log.
 */
LC_CHECKED lc_status lc_smo_solve(lc_smo *s, double cost_positive, double cost_negative);

/* coefficients[i] = y_i alpha_i of row index[i]: decision(x) = sum coefficients[i] K(i, x) - rho. */
void lc_smo_coefficients(const lc_smo *s, double *coefficients);
double lc_smo_rho(const lc_smo *s);

#endif
