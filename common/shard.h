/*
 * Parts of a manifest, for the jobs of a cluster: part I of N holds rows rows*(I-1)/N .. rows*I/N - 1 of the whole.
 * Every part knows the whole by its hash, so that parts of another job, doubled and missing ones are noticed.
 */
#ifndef LC_COMMON_SHARD_H
#define LC_COMMON_SHARD_H

#include "common/manifest.h"

/* "I/N", 1 <= I <= N; LC_ERR_ARG otherwise. */
LC_CHECKED lc_status lc_shard_parse(const char *text, size_t *part, size_t *parts);

/*
 * Leaves of the manifest only part `part` of `parts`; classes stay those of the whole. A part without rows (more parts
 * than pictures) is LC_ERR_ARG.
 */
LC_CHECKED lc_status lc_shard_take(lc_manifest *manifest, size_t part, size_t parts);

/* Hash of all that decides rows: paths, classes, splits and their order; not of the root. *out is the caller's, free(). */
LC_CHECKED lc_status lc_shard_hash(const lc_manifest *manifest, char **out);

/* First row of a part. */
size_t lc_shard_first(size_t rows, size_t part, size_t parts);

#endif
