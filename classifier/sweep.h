/*
 * The parts of a sweep that are mathematics alone: choosing, and what choosing by the test split would pretend.
 */
#ifndef LC_CLASSIFIER_SWEEP_H
#define LC_CLASSIFIER_SWEEP_H

#include "classifier/classifier.h"

typedef enum { LC_RULE_ONE_SE, LC_RULE_BEST, LC_RULE_COST } lc_rule_kind;

typedef struct {
    lc_rule_kind kind;
    double milliseconds; /* of LC_RULE_COST */
} lc_rule;

LC_CHECKED lc_status lc_rule_parse(const char *text, lc_rule *out);

/*
 * Among rows[0..count) that are not left out. best: the most accurate in cross-validation, of equals the cheapest.
 * chosen, LC_RULE_ONE_SE: the cheapest whose accuracy is at least the best's less the best's standard error (Breiman,
 * Friedman, Olshen and Stone, 1984; Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 7.10). Cheap is
 * what takes few multiply-adds, or where those are unknown stands early; then what has few dimensions. LC_ERR_ARG when no
 * row is known to be within the cost.
 */
LC_CHECKED lc_status lc_sweep_choose(const lc_sweep_row *rows, size_t count, const lc_rule *rule, size_t *best, size_t *chosen);

/*
 * The optimism of taking the best of `count` candidates on the same rows that it is then reported on: mean over bootstrap
 * draws of the rows of (accuracy of the draw's best on the draw) - (its accuracy on all rows). correct (rows, count): 0 or
 * 1. Efron and Tibshirani, An Introduction to the Bootstrap, 17.6.
 */
LC_CHECKED lc_status lc_sweep_optimism(const uint8_t *correct, size_t rows, size_t count, uint64_t seed, double *out);

#endif
