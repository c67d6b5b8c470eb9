/*
 * A trained support vector machine of several classes: deciding, files, LIBSVM's text. Made by clf_svm.c and clf_nusvm.c.
 */
#ifndef LC_CLASSIFIER_SVM_MACHINE_H
#define LC_CLASSIFIER_SVM_MACHINE_H

#include "classifier/clf.h"
#include "classifier/kernel.h"

typedef struct {
    size_t classes, present, dim, count; /* present: classes that had rows; count: support vectors */
    bool one_vs_rest;
    size_t machines; /* one-vs-one: present (present - 1) / 2, the pairs (0,1), (0,2), ...; one-vs-rest: present */
    const char *type; /* LIBSVM's word: "c_svc", "nu_svc" */
    lc_kernel kernel;
    int32_t *labels, *counts; /* (present) class, and its number of support vectors, which stand together */
    double *rho;              /* (machines), for rows less the centre */
    double *coef;             /* one-vs-one: (present - 1, count), LIBSVM's sv_coef; one-vs-rest: (present, count) */
    float *sv;                /* (count, dim) transformed */
    double *centre;           /* (dim) */
    /* Made from the above: */
    float *w;        /* linear and machines <= count: (machines, dim), else NULL and the next two: */
    float *centred;  /* (count, dim) sv - centre */
    double *squares; /* (count) their squared lengths */
} lc_svm_machine;

/* The kernel that parameters called g, r and d make. */
lc_kernel lc_svm_kernel(const lc_clf *clf, const char *kernel, const double *params);

/* Arrays of these sizes, zeroed. *out is the caller's. */
LC_CHECKED lc_status lc_svm_machine_new(lc_svm_machine **out, size_t classes, size_t present, size_t count, size_t dim,
                                        bool one_vs_rest);
/* Call when labels, counts, rho, coef, sv and centre are filled. */
LC_CHECKED lc_status lc_svm_machine_ready(lc_svm_machine *m);

/* One made by `clf` with these parameters; type: see lc_svm_machine. *model is the caller's. */
LC_CHECKED lc_status lc_svm_machine_load(void **model, const lc_clf *clf, const char *type, lc_h5 *file, const char *kernel,
                                         size_t dim, size_t classes, const double *params);

/* Rows of a parameter table: those of the kernels. */
#define LC_SVM_KERNEL_PARAMS                                                                                          \
    {.name = "g",                                                                                                     \
     .label = "gamma",                                                                                                \
     .kernels = "rbf,poly,chi2",                                                                                      \
     .grid = "log2 -2,2,2",                                                                                           \
     .data_scale = true,                                                                                              \
     .in_kernel = true,                                                                                               \
     .help = "of the kernel, defaults in units of 1 / (dim * variance)"},                                             \
        {.name = "r", .kernels = "poly", .grid = "1", .kind = LC_PARAM_ANY, .in_kernel = true, .help = "(g <a, b> + r)^d"}, \
    {                                                                                                                 \
        .name = "d", .kernels = "poly", .grid = "3", .kind = LC_PARAM_WHOLE, .in_kernel = true, .help = "degree"      \
    }

/* The functions of lc_clf (clf.h) for a model that is a machine. */
void lc_svm_machine_free(void *model);
lc_status lc_svm_machine_scores(const void *model, const float *x, int32_t *labels, float *scores);
lc_status lc_svm_machine_save(const void *model, lc_h5 *file);
lc_status lc_svm_machine_export(const void *model, char **text, size_t *size);
size_t lc_svm_machine_support_vectors(const void *model);

#endif
