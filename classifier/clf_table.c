#include <stdio.h>
#include <string.h>

#include "classifier/clf.h"

#define LC_CLF(name) &lc_clf_##name,
const lc_clf *const lc_clf_table[] = {
#include "classifier/clf_list.inc"
};
#undef LC_CLF

const size_t lc_clf_count = sizeof lc_clf_table / sizeof lc_clf_table[0];

lc_status lc_clf_find(const char *name, const lc_clf **out)
{
    char known[256] = "";
    for (size_t i = 0, at = 0; i < lc_clf_count; i++) {
        if (!name || strcmp(name, lc_clf_table[i]->name) == 0) {
            *out = lc_clf_table[i];
            return LC_OK;
        }
        int n = snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", lc_clf_table[i]->name);
        at = n < 0 || at + (size_t)n >= sizeof known ? sizeof known - 1 : at + (size_t)n;
    }
    return lc_fail(LC_ERR_NOTFOUND, "no classifier '%s'; there are: %s", name, known);
}

lc_status lc_clf_kernel(const lc_clf *clf, const char *name, const char **out)
{
    char known[256] = "";
    for (size_t i = 0, at = 0; clf->kernels[i]; i++) {
        if (!name || strcmp(name, clf->kernels[i]) == 0) {
            *out = clf->kernels[i];
            return LC_OK;
        }
        int n = snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", clf->kernels[i]);
        at = n < 0 || at + (size_t)n >= sizeof known ? sizeof known - 1 : at + (size_t)n;
    }
    return lc_fail(LC_ERR_ARG, "classifier '%s' has no kernel '%s'; it has: %s", clf->name, name, known);
}

size_t lc_clf_param_count(const lc_clf *clf)
{
    size_t n = 0;
    while (clf->params[n].name) {
        n++;
    }
    return n;
}

bool lc_clf_param_used(const lc_clf_param *param, const char *kernel)
{
    return !param->kernel || strcmp(param->kernel, kernel) == 0;
}
