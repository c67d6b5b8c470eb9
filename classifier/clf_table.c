#include <stdio.h>
#include <string.h>

#include "classifier/clf.h"

enum { KNOWN = 256 }; /* bytes of a list of names */

#define LC_CLF(name) &lc_clf_##name,
const lc_clf *const lc_clf_table[] = {
#include "classifier/clf_list.inc"
};
#undef LC_CLF

const size_t lc_clf_count = sizeof lc_clf_table / sizeof lc_clf_table[0];

/* Adds a word to the list "a, b" in `text`. */
static void list(char text[static KNOWN], const char *word)
{
    size_t at = strlen(text);
    snprintf(text + at, KNOWN - at, "%s%s", at ? ", " : "", word);
}

lc_status lc_clf_find(const char *name, const lc_clf **out)
{
    char known[KNOWN] = "";
    for (size_t i = 0; i < lc_clf_count; i++) {
        if (!name || strcmp(name, lc_clf_table[i]->name) == 0) {
            *out = lc_clf_table[i];
            return LC_OK;
        }
        list(known, lc_clf_table[i]->name);
    }
    return lc_fail(LC_ERR_NOTFOUND, "no classifier '%s'; there are: %s", name, known);
}

lc_status lc_clf_kernel(const lc_clf *clf, const char *name, const char **out)
{
    char known[KNOWN] = "";
    for (size_t i = 0; clf->kernels[i]; i++) {
        if (!name || strcmp(name, clf->kernels[i]) == 0) {
            *out = clf->kernels[i];
            return LC_OK;
        }
        list(known, clf->kernels[i]);
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

double lc_clf_param_value(const lc_clf *clf, const double *params, const char *name)
{
    for (size_t i = 0; clf->params[i].name; i++) {
        if (strcmp(clf->params[i].name, name) == 0) {
            return params[i];
        }
    }
    return 0;
}

bool lc_clf_param_used(const lc_clf_param *param, const char *kernel)
{
    return !param->kernel || strcmp(param->kernel, kernel) == 0;
}
