#include "classifier/calibrate.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static const char *const names[] = {"", "temperature", "platt"};

lc_status lc_calibration_parse(lc_calibration *out, const char *name)
{
    *out = (lc_calibration){.a = 1};
    for (int k = LC_CALIBRATE_NONE; k <= LC_CALIBRATE_PLATT; k++) {
        if (strcmp(name ? name : "", names[k]) == 0) {
            out->kind = (lc_calibration_kind)k;
            return LC_OK;
        }
    }
    return lc_fail(LC_ERR_ARG, "no probabilities by '%s'; there are: temperature, platt", name);
}

const char *lc_calibration_name(const lc_calibration *c)
{
    return names[c->kind];
}

/* Mean negative log likelihood of softmax(a scores). */
static double loss_at(double a, const float *scores, const int32_t *truth, size_t rows, size_t classes)
{
    double loss = 0;
    for (size_t i = 0; i < rows; i++) {
        const float *s = scores + i * classes;
        double top = -INFINITY, sum = 0;
        for (size_t k = 0; k < classes; k++) {
            top = fmax(top, a * (double)s[k]);
        }
        for (size_t k = 0; k < classes; k++) {
            sum += exp(a * (double)s[k] - top);
        }
        loss += log(sum) + top - a * (double)s[truth[i]];
    }
    return loss / (double)rows;
}

/* The loss is convex in a, so a search by golden section over log a ends at its minimum. */
static void fit_temperature(lc_calibration *c, const float *scores, const int32_t *truth, size_t rows, size_t classes)
{
    const double golden = 0.6180339887498949;
    double low = -10, high = 10, left = high - golden * (high - low), right = low + golden * (high - low);
    double at_left = loss_at(exp(left), scores, truth, rows, classes);
    double at_right = loss_at(exp(right), scores, truth, rows, classes);
    while (high - low > 1e-7) {
        if (at_left < at_right) {
            high = right;
            right = left;
            at_right = at_left;
            left = high - golden * (high - low);
            at_left = loss_at(exp(left), scores, truth, rows, classes);
        } else {
            low = left;
            left = right;
            at_left = at_right;
            right = low + golden * (high - low);
            at_right = loss_at(exp(right), scores, truth, rows, classes);
        }
    }
    c->a = exp((low + high) / 2);
}

/* What Platt's sigmoid sees: two classes give one number per row, more give one per row and class. */
typedef struct {
    const float *scores;
    const int32_t *truth;
    size_t rows, classes, count;
    double positive, negative; /* smoothed targets */
} platt_data;

static double platt_value(const platt_data *d, size_t i, double *target)
{
    bool two = d->classes == 2;
    size_t row = two ? i : i / d->classes, k = two ? 1 : i % d->classes;
    const float *s = d->scores + row * d->classes;
    *target = (size_t)d->truth[row] == k ? d->positive : d->negative;
    return two ? (double)s[1] - (double)s[0] : (double)s[k];
}

/* Negative log likelihood, and its first and second derivatives by a and b. */
static double platt_loss(const platt_data *d, double a, double b, double g[2], double h[3])
{
    double loss = 0;
    g[0] = g[1] = 0;
    h[0] = h[2] = 1e-12;
    h[1] = 0;
    for (size_t i = 0; i < d->count; i++) {
        double target, f = platt_value(d, i, &target), z = a * f + b, e = exp(-fabs(z));
        double p = z >= 0 ? 1 / (1 + e) : e / (1 + e), off = p - target, curve = p * (1 - p);
        loss += log1p(e) + (z >= 0 ? (1 - target) * z : -target * z);
        g[0] += off * f;
        g[1] += off;
        h[0] += curve * f * f;
        h[1] += curve * f;
        h[2] += curve;
    }
    return loss;
}

static void fit_platt(lc_calibration *c, const float *scores, const int32_t *truth, size_t rows, size_t classes)
{
    platt_data d = {scores, truth, rows, classes, classes == 2 ? rows : rows * classes, 0, 0};
    double positives = 0;
    for (size_t i = 0; i < rows; i++) {
        positives += classes > 2 || truth[i] == 1;
    }
    double negatives = (double)d.count - positives, g[2], h[3], next_g[2], next_h[3];
    d.positive = (positives + 1) / (positives + 2);
    d.negative = 1 / (negatives + 2);
    double a = 0, b = log((positives + 1) / (negatives + 1)), loss = platt_loss(&d, a, b, g, h);
    for (int step = 0; step < 100 && fabs(g[0]) + fabs(g[1]) > 1e-7 * (double)d.count; step++) {
        double det = h[0] * h[2] - h[1] * h[1];
        double da = -(h[2] * g[0] - h[1] * g[1]) / det, db = -(h[0] * g[1] - h[1] * g[0]) / det, size = 1, next = loss;
        bool better = false;
        for (; !better && size > 1e-10; size /= 2) {
            next = platt_loss(&d, a + size * da, b + size * db, next_g, next_h);
            if (next < loss + 1e-4 * size * (g[0] * da + g[1] * db)) {
                better = true;
                a += size * da;
                b += size * db;
            }
        }
        if (!better) {
            break;
        }
        loss = next;
        memcpy(g, next_g, sizeof g);
        memcpy(h, next_h, sizeof h);
    }
    c->a = fmax(a, 1e-12); /* a larger score must not mean less */
    c->b = b;
}

void lc_calibration_fit(lc_calibration *c, const float *scores, const int32_t *truth, size_t rows, size_t classes)
{
    if (c->kind == LC_CALIBRATE_TEMPERATURE) {
        fit_temperature(c, scores, truth, rows, classes);
    } else if (c->kind == LC_CALIBRATE_PLATT) {
        fit_platt(c, scores, truth, rows, classes);
    }
}

static double sigmoid(double z)
{
    return z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z));
}

void lc_calibration_apply(const lc_calibration *c, const int32_t *labels, float *scores, size_t rows, size_t classes)
{
    for (size_t i = 0; i < rows && c->kind != LC_CALIBRATE_NONE; i++) {
        float *s = scores + i * classes;
        double top = c->a * (double)s[labels[i]], sum = 0;
        bool two = c->kind == LC_CALIBRATE_PLATT && classes == 2;
        double one = two ? sigmoid(c->a * ((double)s[1] - (double)s[0]) + c->b) : 0;
        for (size_t k = 0; k < classes; k++) {
            double value = c->a * (double)s[k];
            value = two ? (k ? one : 1 - one) : c->kind == LC_CALIBRATE_PLATT ? sigmoid(value + c->b) : exp(value - top);
            s[k] = (float)value;
            sum += value;
        }
        float highest = 0;
        for (size_t k = 0; k < classes; k++) {
            s[k] = (float)((double)s[k] / sum);
            highest = k != (size_t)labels[i] ? fmaxf(highest, s[k]) : highest;
        }
        float *won = &s[labels[i]];
        *won = *won > highest ? *won : nextafterf(highest, INFINITY);
    }
}
