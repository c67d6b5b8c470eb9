/*
 * The inner loops of this room, compiled once per instruction set from loops.inc. Chosen once, by what the CPU can do;
 * LC_ISA=generic|avx2|avx512 forces one that it can. A table's results do not depend on the number of threads.
 */
#ifndef LC_CLASSIFIER_LOOPS_H
#define LC_CLASSIFIER_LOOPS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *name;

    /* SMO (smo.c): f[t] -= delta (a[t] - b[t]), then the largest f + up: its value, its first place in *at. */
    double (*step)(size_t n, double *f, const float *up, const float *a, const float *b, double delta, size_t *at);
    /*
     * The t with the largest (top - f)^2 / (own + diagonal - 2 row), of those with f + low < top: *at, n when there is none.
     * Returns the smallest f + low of all.
     */
    double (*choose)(size_t n, const double *f, const float *low, const float *row, const float *diagonal, float own,
                     double top, size_t *at);
    /* out[i] = row[index[i]] */
    void (*gather)(size_t n, const float *row, const uint32_t *index, float *out);
    /* sum[i] += factor row[index[i]] */
    void (*add_gathered)(size_t n, double factor, const float *row, const uint32_t *index, double *sum);

    /* row = max(own + squares - 2 row, 0): products become squared distances */
    void (*distances)(size_t n, float own, const float *squares, float *row);
    /* out, which may be base, = exp(-gamma base), to 1 ulp of float32 */
    void (*gaussians)(size_t n, double gamma, const float *base, float *out);
    /* sum (a - b)^2 / (a + b), 0/0 being 0; a, b >= 0 */
    double (*chi2)(size_t n, const float *a, const float *b);
    /* sum min(a, b) */
    double (*intersection)(size_t n, const float *a, const float *b);
    double (*dot)(size_t n, const float *a, const float *b);
    double (*dot_f64)(size_t n, const float *a, const double *b);
} lc_loops;

/* The table of this machine. */
const lc_loops *lc_loops_get(void);

#endif
