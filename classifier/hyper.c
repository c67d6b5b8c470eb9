#include "classifier/hyper.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Reads "v,v,v" of at most `capacity` finite numbers; 0 when the text is anything else. */
static size_t read_numbers(const char *text, double *out, size_t capacity)
{
    for (size_t n = 0; n < capacity; text++) {
        char *end;
        out[n] = strtod(text, &end);
        if (end == text || !isfinite(out[n])) {
            return 0;
        }
        n++;
        text = end;
        if (*text == '\0') {
            return n;
        }
        if (*text != ',') {
            return 0;
        }
    }
    return 0;
}

static lc_status parse_list(const lc_clf_param *p, const char *text, double *values, size_t *count)
{
    *count = read_numbers(text, values, LC_HYPER_MAX_VALUES);
    bool valid = *count > 0;
    for (size_t i = 0; i < *count; i++) {
        valid = valid && lc_clf_param_valid(p, values[i]);
    }
    if (!valid) {
        return lc_fail(LC_ERR_ARG, "%s=%s: wants %s, or a list like 1,10,100 of at most %d", p->name, text,
                       lc_clf_param_range(p), LC_HYPER_MAX_VALUES);
    }
    return LC_OK;
}

/* base^begin, base^(begin + step), ... up to base^end, each times `unit`. */
static lc_status parse_powers(const lc_clf_param *p, int base, const char *text, double unit, double *values, size_t *count)
{
    double range[4];
    double steps = read_numbers(text, range, 4) == 3 ? floor((range[1] - range[0]) / range[2] + 1e-9) : -1;
    if (!(steps >= 0 && steps < LC_HYPER_MAX_VALUES)) {
        return lc_fail(LC_ERR_ARG, "log%d%s=%s: wants begin,end,step like -5,15,2, at most %d values", base, p->name, text,
                       LC_HYPER_MAX_VALUES);
    }
    *count = (size_t)steps + 1;
    for (size_t i = 0; i < *count; i++) {
        double exponent = range[0] + (double)i * range[2];
        values[i] = (base == 2 ? exp2(exponent) : pow(10, exponent)) * unit;
        if (values[i] <= 0 || !lc_clf_param_valid(p, values[i])) {
            return lc_fail(LC_ERR_ARG, "log%d%s=%s: %d^%g is no usable number", base, p->name, text, base, exponent);
        }
    }
    return LC_OK;
}

/* The parameter that a name means, "c" of "log2c", and the base of its powers; 0: a list. */
static const char *bare(const char *name, int *base)
{
    *base = strncmp(name, "log2", 4) == 0 ? 2 : strncmp(name, "log10", 5) == 0 ? 10 : 0;
    return name + (*base == 10 ? 5 : *base == 2 ? 4 : 0);
}

static bool means(const char *name, const char *parameter)
{
    int base;
    return strcmp(bare(name, &base), parameter) == 0;
}

static lc_status check_names(const lc_clf *clf, const char *kernel, const lc_hyper *hyper, size_t count)
{
    for (size_t h = 0; h < count; h++) {
        int base;
        const char *name = bare(hyper[h].name, &base);
        const lc_clf_param *p = clf->params;
        while (p->name && strcmp(p->name, name) != 0) {
            p++;
        }
        if (!p->name) {
            return lc_fail(LC_ERR_ARG, "classifier '%s' has no parameter '%s'", clf->name, hyper[h].name);
        }
        if (!lc_clf_param_used(p, kernel)) {
            return lc_fail(LC_ERR_ARG, "parameter '%s' belongs to kernel '%s', not to '%s'", name, p->kernels, kernel);
        }
        for (size_t i = 0; i < h; i++) {
            if (means(hyper[i].name, name)) {
                return lc_fail(LC_ERR_ARG, "parameter '%s' is given twice", name);
            }
        }
    }
    return LC_OK;
}

static lc_status parse_values(const lc_clf_param *p, const lc_hyper *given, double data_scale, double *values,
                              size_t *count)
{
    int base;
    const char *text = p->grid;
    if (given) {
        bare(given->name, &base);
        return base ? parse_powers(p, base, given->value, 1, values, count) : parse_list(p, given->value, values, count);
    }
    bare(text, &base);
    return base ? parse_powers(p, base, strchr(text, ' ') + 1, p->data_scale ? data_scale : 1, values, count)
                : parse_list(p, text, values, count);
}

/* Ascending, each value once. */
static void sort_values(double *values, size_t *count)
{
    size_t kept = 1;
    qsort(values, *count, sizeof *values, compare);
    for (size_t i = 1; i < *count; i++) {
        if (values[i] > values[kept - 1]) {
            values[kept++] = values[i];
        }
    }
    *count = kept;
}

lc_status lc_grid_parse(lc_grid *out, const lc_clf *clf, const char *kernel, const lc_hyper *hyper, size_t count,
                        double data_scale)
{
    LC_TRY(check_names(clf, kernel, hyper, count));
    *out = (lc_grid){.axes = lc_clf_param_count(clf)};
    for (size_t a = 0; a < out->axes; a++) {
        const lc_clf_param *p = &clf->params[a];
        const lc_hyper *given = NULL;
        out->counts[a] = 1;
        if (!lc_clf_param_used(p, kernel)) {
            continue;
        }
        for (size_t h = 0; h < count; h++) {
            given = means(hyper[h].name, p->name) ? &hyper[h] : given;
        }
        LC_TRY(parse_values(p, given, data_scale, out->values[a], &out->counts[a]));
        sort_values(out->values[a], &out->counts[a]);
    }
    return LC_OK;
}

size_t lc_grid_points(const lc_grid *grid)
{
    size_t n = 1;
    for (size_t a = 0; a < grid->axes; a++) {
        n *= grid->counts[a];
    }
    return n;
}

void lc_grid_point(const lc_grid *grid, const lc_clf *clf, size_t i, double params[LC_CLF_MAX_PARAMS])
{
    for (int in_kernel = 0; in_kernel < 2; in_kernel++) {
        for (size_t a = 0; a < grid->axes; a++) {
            if (clf->params[a].in_kernel == (in_kernel == 1)) {
                params[a] = grid->values[a][i % grid->counts[a]];
                i /= grid->counts[a];
            }
        }
    }
}

bool lc_grid_at_edge(const lc_grid *grid, const double params[LC_CLF_MAX_PARAMS])
{
    bool edge = false;
    for (size_t a = 0; a < grid->axes; a++) {
        size_t n = grid->counts[a];
        edge = edge || (n > 1 && (params[a] <= grid->values[a][0] || params[a] >= grid->values[a][n - 1]));
    }
    return edge;
}
