/*
 * Two ways to use several cores.
 *
 *   lc_parallel_for   one loop over independent items (libpthreadpool behind it)
 *   lc_pipeline_run   items are produced in any order by several threads and consumed in item order by the caller,
 *                     with a bounded number in flight: "decode and compute anywhere, write rows in order"
 *
 * The pool is a parameter; NULL means "on this thread". Work is split by output, so the number of threads never
 * changes a result. A failing item stops the rest; its status and message come back on the calling thread.
 */
#ifndef LC_COMMON_THREADS_H
#define LC_COMMON_THREADS_H

#include <stddef.h>

#include "common/error.h"

typedef struct lc_threads lc_threads;

/* The CPUs this process may use (its affinity mask), at least 1. */
size_t lc_threads_available(void);

/* A pool of n threads, the caller's included. *out is the caller's. */
LC_CHECKED lc_status lc_threads_new(lc_threads **out, size_t n);
void lc_threads_free(lc_threads *pool);

/* Number of threads in the pool; 1 for NULL. */
size_t lc_threads_count(const lc_threads *pool);

typedef lc_status (*lc_item_fn)(void *context, size_t item);

/* fn(context, i) for every i in 0..n-1, each once, in any order. */
LC_CHECKED lc_status lc_parallel_for(lc_threads *pool, size_t n, lc_item_fn fn, void *context);

typedef struct {
    size_t items;   /* 0..items-1 */
    size_t workers; /* producing threads, >= 1 */
    size_t slots;   /* items in flight at most, >= 1; slot s is never used by two items at once */
    void *context;
    /* Fills slot `slot` with item `item`; runs on worker `worker`. */
    lc_status (*produce)(void *context, size_t worker, size_t item, size_t slot);
    /* Takes item `item` out of its slot; runs on the calling thread, in item order. */
    lc_status (*consume)(void *context, size_t item, size_t slot);
} lc_pipeline;

/* Runs until every item is consumed or one function fails; items consumed before the failure stay consumed. */
LC_CHECKED lc_status lc_pipeline_run(const lc_pipeline *pipeline);

#endif
