/*
 * Batch spectral shrinkage (Chen, Wang, Fu, Long and Wang, NeurIPS 2019, section 4): directions in which the features of a batch hardly
 * vary do not transfer, and are made smaller still. F (n, D) holds the features of the batch, of maps the means over positions;
 * s_1 >= s_2 >= ... are its singular values. The penalty is that of the smallest,
 *
 *   penalty = a s_m^2,  m = min(n, D),  a = 0.001 and one singular value as in the paper.
 *
 * s_m^2 is the smallest eigenvalue of F F' (n <= D), with eigenvector u, or of F' F, with eigenvector v; where it is simple its
 * derivative by F is 2 u u' F, or 2 F v v'. So no decomposition of F itself is needed, and its square is what the penalty asks for: the
 * small end loses no digits that matter. The gradient of a map's positions is that of their mean, divided.
 */
#include <stdlib.h>

#include "common/blas.h"
#include "common/memory.h"
#include "extractor/train/regularizer.h"

/* Means over positions: (n, P, D) -> (n, D) in double. */
static void mean_features(const lc_tensor *v, size_t n, size_t width, double *f)
{
    size_t positions = lc_tensor_count(v) / n / width;
    const float *x = v->data;
    for (size_t i = 0; i < n; i++) {
        double *row = f + i * width;
        for (size_t p = 0; p < positions; p++, x += width) {
            for (size_t d = 0; d < width; d++) {
                row[d] += (double)x[d] / (double)positions;
            }
        }
    }
}

/* Adds a * 2 u u' F, or a * 2 F v v' (`e` is u or v). f is F. */
static void add_gradient(const lc_tensor *now, size_t n, size_t width, const double *f, const double *e, bool rows, double strength, double *product,
                         float *gradient)
{
    size_t positions = lc_tensor_count(now) / n / width;
    for (size_t i = 0; i < n; i++) {
        for (size_t d = 0; d < width; d++) {
            product[rows ? d : i] += e[rows ? i : d] * f[i * width + d]; /* u' F, or F v */
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t p = 0; p < positions; p++, gradient += width) {
            for (size_t d = 0; d < width; d++) {
                gradient[d] += (float)(strength * 2 / (double)positions * e[rows ? i : d] * product[rows ? d : i]);
            }
        }
    }
}

static lc_status on_values(void *state, double strength, const lc_regularizer_setup *s, const lc_regularizer_values *v, double *penalty)
{
    const lc_tensor *now = &v->now[0];
    size_t n = v->n, width = now->dims[now->rank - 1], m = n < width ? n : width;
    bool rows = n <= width;
    double *f = NULL, *gram = NULL, *values = NULL, *product = NULL;
    (void)state;
    (void)s;
    lc_status status = lc_alloc_array(&f, n * width, sizeof *f);
    if (status == LC_OK) {
        status = lc_alloc_array(&gram, m * m, sizeof *gram);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&values, m, sizeof *values);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&product, n + width, sizeof *product);
    }
    if (status != LC_OK) {
        goto done;
    }
    mean_features(now, n, width, f);
    if (rows) {
        lc_blas_gemm_f64(true, n, n, width, f, width, f, width, gram, n);
    } else {
        lc_blas_gemm_tn_f64(width, width, n, f, width, f, width, gram, width);
    }
    status = lc_blas_eigen(m, gram, values);
    if (status == LC_OK) {
        *penalty = strength * (values[0] > 0 ? values[0] : 0);
        add_gradient(now, n, width, f, gram, rows, strength, product, v->gradient[0]);
    }
done:
    free(f);
    free(gram);
    free(values);
    free(product);
    return status;
}

const lc_regularizer lc_regularizer_bss = {
    .name = "bss",
    .summary = "the batch's smallest singular value of features shrinks (batch spectral shrinkage)",
    .strength = 0.001,
    .wants = LC_WANTS_FEATURES,
    .on_values = on_values,
};
