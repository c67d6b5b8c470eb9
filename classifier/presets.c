/*
 * Protocols of published work under one name. What a preset leaves open is train's default; what the user gives wins.
 */
#include <string.h>

#include "classifier/classifier.h"
#include "common/text.h"

static const lc_preset presets[] = {
    {.name = "voc07-svm",
     .summary = "linear, l2, 11 C 0.01..1000, 3 folds, weight 2: VISSL's VOC07 protocol. Rows of several labels: a C per class by "
                "average precision; of one label: one C by accuracy",
     .classifier = "linear",
     .norm = "l2",
     .class_weight = "*:2",
     .hyper = {{"c", "0.01,0.1,1,2,5,10,15,20,50,100,1000"}},
     .folds = 3},
    {.name = "kornblith-lr",
     .summary = "logreg, no norm, 45 penalties 1e-6..1e5: Kornblith et al., Do better ImageNet models transfer better?, 2019, but chosen "
                "by 5 folds, not on a validation set",
     .classifier = "logreg",
     .norm = "none",
     .hyper = {{"log10lambda", "-6,5,0.25"}}},
    {.name = "dino-knn",
     .summary = "knn, l2, cosine, k 10 20 100 200, T 0.07: Caron et al., Emerging properties in self-supervised ViTs, 2021, who "
                "report every k; here folds choose one",
     .classifier = "knn",
     .kernel = "cosine",
     .norm = "l2",
     .hyper = {{"k", "10,20,100,200"}, {"t", "0.07"}}},
    {.name = "caltech-30",
     .summary = "linear svm, l2, C 1, 30 rows per class drawn 10 times: the protocol of Caltech-101, whose number is the balanced accuracy",
     .classifier = "svm",
     .kernel = "linear",
     .norm = "l2",
     .hyper = {{"c", "1"}},
     .repeats = 10,
     .per_class = "30"},
    {.name = "libsvm-easy",
     .summary = "rbf svm, features to 0..1, C 2^-5..2^15, gamma 2^-13..2^5: LIBSVM's easy.py, which scales to -1..1, where the same gammas "
                "are 2^-15..2^3",
     .classifier = "svm",
     .kernel = "rbf",
     .norm = "minmax",
     .hyper = {{"log2c", "-5,15,2"}, {"log2g", "-13,5,2"}}},
    {.name = "low-shot",
     .summary = "linear svm, l2, C 1, 1 2 4 8 16 32 64 96 rows per class, each drawn 5 times: the sizes of VISSL's low-shot protocol",
     .classifier = "svm",
     .kernel = "linear",
     .norm = "l2",
     .hyper = {{"c", "1"}},
     .repeats = 5,
     .per_class = "1,2,4,8,16,32,64,96"},
};

enum { PRESETS = sizeof presets / sizeof presets[0] };

lc_status lc_preset_find(const char *name, const lc_preset **out)
{
    const char *names[PRESETS];
    char nearest[256];
    for (size_t i = 0; i < PRESETS; i++) {
        names[i] = presets[i].name;
        if (strcmp(name, names[i]) == 0) {
            *out = &presets[i];
            return LC_OK;
        }
    }
    return lc_fail(LC_ERR_ARG, "no preset '%s'; nearest: %s", name,
                   lc_text_nearest(nearest, sizeof nearest, name, names, PRESETS));
}

const lc_preset *lc_preset_at(size_t i)
{
    return i < PRESETS ? &presets[i] : NULL;
}
