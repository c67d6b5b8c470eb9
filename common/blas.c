#include "common/blas.h"

#include <cblas.h>
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

/* LAPACK, as Fortran has it. */
void dsyevd_(const char *job, const char *triangle, const blasint *n, double *a, const blasint *lda, double *values,
             double *work, const blasint *work_size, blasint *iwork, const blasint *iwork_size, blasint *info);
void dposv_(const char *triangle, const blasint *n, const blasint *columns, double *a, const blasint *lda, double *b,
            const blasint *ldb, blasint *info);

/* Of OpenBLAS: the functions used, found by name once the library is loaded. */
#define BLAS_FUNCTIONS(X)       \
    X(cblas_sgemm)              \
    X(cblas_ssyrk)              \
    X(cblas_dgemm)              \
    X(dsyevd_)                  \
    X(dposv_)                   \
    X(openblas_get_config)      \
    X(openblas_get_corename)    \
    X(openblas_get_num_threads) \
    X(openblas_set_num_threads)

static struct {
#define X(name) __typeof__(&name) name;
    BLAS_FUNCTIONS(X)
#undef X
} blas;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char description[256], failure[256];

/*
 * The core type that this CPU's features allow, or NULL for the library's own choice. OpenBLAS knows CPUs by model
 * number, so a model younger than the library falls to an AVX2 or even SSE2 core; SkylakeX asks for nothing but
 * AVX-512 F, CD, BW, DQ and VL. Its AVX2 guess is never wrong by more than a few per cent, so only AVX-512 is forced.
 */
static const char *capable_core(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
        return "SkylakeX";
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return "Haswell";
    }
#endif
    return NULL;
}

static void load(void)
{
    const char *user = getenv("OPENBLAS_CORETYPE"), *core = capable_core();
    if (!user && core) {
        setenv("OPENBLAS_CORETYPE", core, 1);
    }
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(failure, sizeof failure, "cannot load OpenBLAS (%s); install libopenblas0", dlerror());
        return;
    }
#define X(name)                                                                                      \
    {                                                                                                \
        void *symbol = dlsym(library, #name);                                                        \
        if (!symbol) {                                                                               \
            snprintf(failure, sizeof failure, "the OpenBLAS of this system has no function " #name); \
            return;                                                                                  \
        }                                                                                            \
        memcpy(&blas.name, &symbol, sizeof symbol);                                                  \
    }
    BLAS_FUNCTIONS(X)
#undef X
    blas.openblas_set_num_threads(1);
    char version[32] = "";
    sscanf(blas.openblas_get_config(), "OpenBLAS %31s", version);
    snprintf(description, sizeof description, "OpenBLAS %s, core %s (%s), %d thread per call", version,
             blas.openblas_get_corename(),
             user ? "OPENBLAS_CORETYPE" : core ? "chosen from the CPU's features" : "its own choice",
             blas.openblas_get_num_threads());
}

lc_status lc_blas_open(void)
{
    pthread_once(&once, load);
    return failure[0] ? lc_fail(LC_ERR_UNSUPPORTED, "%s", failure) : LC_OK;
}

const char *lc_blas_description(void)
{
    return description;
}

int lc_blas_threads(void)
{
    return blas.openblas_get_num_threads();
}

void lc_blas_gemm(bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                  float *c, size_t ldc)
{
    blas.cblas_sgemm(CblasRowMajor, CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n,
                     (blasint)k, 1.0f, a, (blasint)lda, b, (blasint)ldb, 0.0f, c, (blasint)ldc);
}

void lc_blas_syrk(size_t n, size_t k, const float *a, size_t lda, float *c, size_t ldc)
{
    blas.cblas_ssyrk(CblasRowMajor, CblasLower, CblasNoTrans, (blasint)n, (blasint)k, 1.0f, a, (blasint)lda, 0.0f, c,
                     (blasint)ldc);
}

void lc_blas_gemm_tn(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c,
                     size_t ldc)
{
    blas.cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, 1.0f, a, (blasint)lda, b,
                     (blasint)ldb, 1.0f, c, (blasint)ldc);
}

void lc_blas_gemm_tn_f64(size_t m, size_t n, size_t k, const double *a, size_t lda, const double *b, size_t ldb, double *c,
                         size_t ldc)
{
    blas.cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, 1.0, a, (blasint)lda, b,
                     (blasint)ldb, 1.0, c, (blasint)ldc);
}

void lc_blas_gemm_f64(bool transpose_b, size_t m, size_t n, size_t k, const double *a, size_t lda, const double *b,
                      size_t ldb, double *c, size_t ldc)
{
    blas.cblas_dgemm(CblasRowMajor, CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n,
                     (blasint)k, 1.0, a, (blasint)lda, b, (blasint)ldb, 0.0, c, (blasint)ldc);
}

/* An eigenvector is one up to its sign. */
static void fix_sign(double *v, size_t n)
{
    size_t largest = 0;
    for (size_t i = 1; i < n; i++) {
        largest = fabs(v[i]) > fabs(v[largest]) ? i : largest;
    }
    double sign = v[largest] < 0 ? -1 : 1;
    for (size_t i = 0; i < n; i++) {
        v[i] *= sign;
    }
}

lc_status lc_blas_eigen(size_t n, double *a, double *values)
{
    blasint order = (blasint)n, ask = -1, info = 0, iwork_size;
    double wanted;
    double *work = NULL;
    blasint *iwork = NULL;
    LC_TRY(lc_blas_open());
    blas.dsyevd_("V", "L", &order, a, &order, values, &wanted, &ask, &iwork_size, &ask, &info);
    blasint work_size = (blasint)wanted;
    lc_status status = lc_alloc_raw(&work, (size_t)work_size, sizeof *work);
    if (status == LC_OK) {
        status = lc_alloc_raw(&iwork, (size_t)iwork_size, sizeof *iwork);
    }
    if (status == LC_OK) {
        blas.dsyevd_("V", "L", &order, a, &order, values, work, &work_size, iwork, &iwork_size, &info);
        status = info ? lc_fail(LC_ERR_ARG, "the eigenvalues of a matrix of %zu rows do not converge", n) : LC_OK;
    }
    for (size_t i = 0; status == LC_OK && i < n; i++) {
        fix_sign(a + i * n, n);
    }
    free(work);
    free(iwork);
    return status;
}

double lc_blas_eigen_bytes(size_t n)
{
    return (2 * (double)n * (double)n + 11 * (double)n) * sizeof(double);
}

lc_status lc_blas_solve_spd(size_t n, double *a, double *b)
{
    blasint order = (blasint)n, one = 1, info = 0;
    LC_TRY(lc_blas_open());
    blas.dposv_("L", &order, &one, a, &order, b, &order, &info);
    return info ? lc_fail(LC_ERR_ARG, "a matrix of %zu rows is not positive definite (row %ld)", n, (long)info) : LC_OK;
}
