#include <math.h>
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

const char *lc_classifier_name(size_t i)
{
    return i < lc_clf_count ? lc_clf_table[i]->name : NULL;
}

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
    size_t length = strlen(kernel);
    const char *at = param->kernels;
    while (at && (strncmp(at, kernel, length) != 0 || (at[length] && at[length] != ','))) {
        at = strchr(at, ',');
        if (!at) {
            return false;
        }
        at++;
    }
    return true;
}

bool lc_clf_param_valid(const lc_clf_param *param, double value)
{
    switch (param->kind) {
    case LC_PARAM_POSITIVE:
        return isfinite(value) && value > 0;
    case LC_PARAM_NOT_NEGATIVE:
        return isfinite(value) && value >= 0;
    case LC_PARAM_WHOLE:
        return value >= 1 && value <= 0x1p31 && value == floor(value);
    case LC_PARAM_FRACTION:
        return value >= 0 && value <= 1;
    default:
        return isfinite(value);
    }
}

const char *lc_clf_param_range(const lc_clf_param *param)
{
    static const char *const words[] = {
        [LC_PARAM_POSITIVE] = "a positive number",       [LC_PARAM_ANY] = "a number",
        [LC_PARAM_NOT_NEGATIVE] = "a number of at least 0", [LC_PARAM_WHOLE] = "a whole number of at least 1",
        [LC_PARAM_FRACTION] = "a number from 0 to 1",
    };
    return words[param->kind];
}
