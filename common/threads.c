#include "common/threads.h"

#include <pthread.h>
#include <pthreadpool.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/memory.h"

/*
 * The thread sanitizer does not see inside libpthreadpool, so it is told where work is handed over and taken back.
 * Two marks, one for each way: items of one loop must not seem ordered among themselves.
 */
#ifdef __has_feature /* clang's way to ask; gcc defines the macro itself */
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define HAND_OVER(mark) __tsan_release(mark)
#define TAKE_OVER(mark) __tsan_acquire(mark)
#else
#define HAND_OVER(mark) ((void)(mark))
#define TAKE_OVER(mark) ((void)(mark))
#endif

struct lc_threads {
    pthreadpool_t pool;
    _Atomic unsigned loops; /* run so far */
    _Atomic long switches;  /* times that a thread had lost its CPU when that was asked last */
    _Atomic uint32_t flags; /* of libpthreadpool's loops, until it is asked again */
};

enum { LOOPS_BETWEEN = 32 };

/*
 * libpthreadpool's threads wait for the next loop by spinning, for a time much longer than most loops. That is the fastest where
 * they have the CPUs for themselves. Beside other work they take those from each other, and two threads train a small network
 * many times slower than one. So when threads have lost their CPU against their will since that was last asked, they sleep
 * between loops; always sleeping would make single pictures of small networks slower.
 */
static uint32_t loop_flags(lc_threads *pool)
{
    if (atomic_fetch_add(&pool->loops, 1) % LOOPS_BETWEEN == 0) {
        struct rusage use;
        long switches = getrusage(RUSAGE_SELF, &use) == 0 ? use.ru_nivcsw : 0;
        pool->flags = atomic_exchange(&pool->switches, switches) != switches ? PTHREADPOOL_FLAG_YIELD_WORKERS : 0;
    }
    return pool->flags;
}

size_t lc_threads_available(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1;
    }
    int n = CPU_COUNT(&set);
    return n > 0 ? (size_t)n : 1;
}

static void *pass(void *gate)
{
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

/*
 * libpthreadpool takes it for granted that its threads start, and waits for ever for one that did not. So as many are
 * started here first, all at once, and sent home.
 */
static lc_status check_startable(size_t n)
{
    pthread_t *threads;
    size_t started = 0;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    LC_TRY(lc_alloc_raw(&threads, n, sizeof *threads));
    pthread_mutex_lock(&gate);
    while (started < n && pthread_create(&threads[started], NULL, pass, &gate) == 0) {
        started++;
    }
    pthread_mutex_unlock(&gate);
    for (size_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_mutex_destroy(&gate);
    free(threads);
    return started == n ? LC_OK : lc_fail(LC_ERR_NOMEM, "the system starts %zu threads, not %zu", started + 1, n + 1);
}

lc_status lc_threads_new(lc_threads **out, size_t n)
{
    *out = NULL;
    lc_threads *pool;
    if (n > 1) {
        LC_TRY(check_startable(n - 1)); /* the caller is one of them */
    }
    LC_TRY(lc_alloc_array(&pool, 1, sizeof *pool));
    pool->pool = pthreadpool_create(n);
    if (!pool->pool) {
        free(pool);
        return lc_fail(LC_ERR_NOMEM, "cannot start %zu threads", n);
    }
    *out = pool;
    return LC_OK;
}

void lc_threads_free(lc_threads *pool)
{
    if (pool) {
        pthreadpool_destroy(pool->pool);
        free(pool);
    }
}

size_t lc_threads_count(const lc_threads *pool)
{
    return pool ? pthreadpool_get_threads_count(pool->pool) : 1;
}

/* The first failure of a group of threads: the code and a copy of the failing thread's message. */
typedef struct {
    pthread_mutex_t lock;
    _Atomic(lc_status) status; /* asked before every item, so without the lock */
    char message[1024];
} failure;

static void failure_set(failure *f, lc_status status)
{
    pthread_mutex_lock(&f->lock);
    if (f->status == LC_OK) {
        f->status = status;
        strncpy(f->message, lc_error_message(), sizeof f->message - 1);
    }
    pthread_mutex_unlock(&f->lock);
}

/* Hands the collected failure to the calling thread. */
static lc_status failure_finish(failure *f)
{
    lc_status status = f->status;
    pthread_mutex_destroy(&f->lock);
    return status == LC_OK ? LC_OK : lc_fail(status, "%s", f->message);
}

typedef struct {
    lc_item_fn fn;
    void *context;
    failure failed;
    char begun, ended; /* marks for the thread sanitizer */
} loop;

static void run_item(void *argument, size_t item)
{
    loop *l = argument;
    TAKE_OVER(&l->begun);
    lc_status status = l->failed.status == LC_OK ? l->fn(l->context, item) : LC_OK;
    if (status != LC_OK) {
        failure_set(&l->failed, status);
    }
    HAND_OVER(&l->ended);
}

lc_status lc_parallel_for(lc_threads *pool, size_t n, lc_item_fn fn, void *context)
{
    if (!pool || n < 2) {
        for (size_t i = 0; i < n; i++) {
            LC_TRY(fn(context, i));
        }
        return LC_OK;
    }
    loop l = {.fn = fn, .context = context, .failed = {.lock = PTHREAD_MUTEX_INITIALIZER}};
    HAND_OVER(&l.begun);
    pthreadpool_parallelize_1d(pool->pool, run_item, &l, n, loop_flags(pool));
    TAKE_OVER(&l.ended);
    return failure_finish(&l.failed);
}

/*
 * Slots are handed out in item order: item i waits until item i - slots is consumed and then takes its slot,
 * i % slots. Workers take items in ascending order, so the oldest item is always in work and the pipeline cannot
 * lock up.
 */
typedef struct {
    const lc_pipeline *p;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t next, consumed;
    unsigned char *ready; /* by slot */
    failure failed;
} pipeline_state;

typedef struct {
    pipeline_state *state;
    size_t worker;
} worker_argument;

static void *pipeline_worker(void *argument)
{
    const worker_argument *a = argument;
    pipeline_state *s = a->state;
    const lc_pipeline *p = s->p;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (s->next < p->items && s->next >= s->consumed + p->slots && s->failed.status == LC_OK) {
            pthread_cond_wait(&s->changed, &s->lock);
        }
        if (s->next >= p->items || s->failed.status != LC_OK) {
            break;
        }
        size_t item = s->next++;
        pthread_mutex_unlock(&s->lock);
        lc_status status = p->produce(p->context, a->worker, item, item % p->slots);
        pthread_mutex_lock(&s->lock);
        if (status != LC_OK) {
            failure_set(&s->failed, status);
        } else {
            s->ready[item % p->slots] = 1;
        }
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void pipeline_consume(pipeline_state *s)
{
    const lc_pipeline *p = s->p;
    pthread_mutex_lock(&s->lock);
    for (size_t item = 0; item < p->items; item++) {
        size_t slot = item % p->slots;
        while (!s->ready[slot] && s->failed.status == LC_OK) {
            pthread_cond_wait(&s->changed, &s->lock);
        }
        if (!s->ready[slot]) {
            break;
        }
        pthread_mutex_unlock(&s->lock);
        lc_status status = p->consume(p->context, item, slot);
        pthread_mutex_lock(&s->lock);
        s->ready[slot] = 0;
        s->consumed = item + 1;
        if (status != LC_OK) {
            failure_set(&s->failed, status);
        }
        pthread_cond_broadcast(&s->changed);
        if (status != LC_OK) {
            break;
        }
    }
    pthread_mutex_unlock(&s->lock);
}

lc_status lc_pipeline_run(const lc_pipeline *p)
{
    pipeline_state s = {.p = p, .failed = {.lock = PTHREAD_MUTEX_INITIALIZER}};
    pthread_t *threads = NULL;
    worker_argument *arguments = NULL;
    size_t started = 0;
    lc_status status = lc_alloc_array(&s.ready, p->slots, 1);
    if (status == LC_OK) {
        status = lc_alloc_array(&threads, p->workers, sizeof *threads);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&arguments, p->workers, sizeof *arguments);
    }
    if (status != LC_OK) {
        goto done;
    }
    pthread_mutex_init(&s.lock, NULL);
    pthread_cond_init(&s.changed, NULL);
    for (; started < p->workers; started++) {
        arguments[started] = (worker_argument){&s, started};
        if (pthread_create(&threads[started], NULL, pipeline_worker, &arguments[started]) != 0) {
            break;
        }
    }
    if (started == 0) {
        status = lc_fail(LC_ERR_NOMEM, "cannot start a thread");
    } else {
        pipeline_consume(&s);
    }
    for (size_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_cond_destroy(&s.changed);
    pthread_mutex_destroy(&s.lock);
    if (status == LC_OK) {
        status = failure_finish(&s.failed);
    }
done:
    free(s.ready);
    free(threads);
    free(arguments);
    return status;
}
