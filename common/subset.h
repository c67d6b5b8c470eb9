/*
 * Nested random subsets of labelled rows, stratified by class: each row gets a place in its class, and a subset of a share f
 * is those below f. So a smaller subset lies in every larger one, every class keeps its share, and one row at least.
 */
#ifndef LC_COMMON_SUBSET_H
#define LC_COMMON_SUBSET_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/*
 * place (rows): (position in a shuffle of the row's class) / (rows of that class), in [0, 1), of rows i with member[i]; 1 for others.
 * labels (rows): -1, or 0..classes-1; rows of label -1 are no members.
 */
LC_CHECKED lc_status lc_subset_places(double *place, size_t rows, const int32_t *labels, const uint8_t *member, size_t classes,
                                      uint64_t seed);

#endif
