/*
 * Definitions follow scikit-learn's, so that the numbers can be checked there.
 *
 * - Precision, recall, F1: a ratio of nothing by nothing is 0; means run over the classes that occur in truth or
 *   prediction.
 * - Balanced accuracy: mean recall of the classes that occur in truth.
 * - Interval of the accuracy: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
 * - ROC AUC: the probability that a row of the class outscores one of the others, ties counting half; from the ranks, as
 *   in Hanley and McNeil, "The meaning and use of the area under a ROC curve", 1982.
 * - Average precision: sum over thresholds of (recall gained) x precision, without interpolation; and the 11-point form, the
 *   mean over recalls 0, 0.1, ... 1 of the best precision at that recall or more (Everingham et al., "The PASCAL visual object
 *   classes challenge", IJCV 2010, 3.4.1).
 * - Cohen's kappa (1960): agreement beyond what the two marginals give by chance. Matthews' correlation of several classes:
 *   Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", 2004.
 * - Expected calibration error: Guo et al., "On calibration of modern neural networks", ICML 2017; bin b holds confidences in
 *   (b / bins, (b + 1) / bins].
 * - Log loss: probabilities clipped to [eps, 1 - eps], eps of float64, then divided by their sum.
 */
#include "classifier/metrics.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { TOP = 5 };

static double ratio(size_t part, size_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static void count(lc_metrics *m, size_t rows, const int32_t *truth, const int32_t *predicted)
{
    lc_metrics_summary *s = &m->summary;
    s->rows = rows;
    for (size_t i = 0; i < rows; i++) {
        size_t t = (size_t)truth[i], p = (size_t)predicted[i];
        m->confusion[t * m->classes + p]++;
        m->per_class[t].support++;
        m->per_class[p].predicted++;
        s->correct += t == p;
    }
}

/*
 * The interval holds every rate p at which the observed rate q lies within z standard errors, |q - p| <= z sqrt(p(1-p)/n):
 * a quadratic in p. It stays inside [0, 1] and keeps its promise for few rows and for rates near 1.
 */
static void interval(lc_metrics_summary *s)
{
    const double z = 1.959963984540054; /* 97.5 % quantile of the normal distribution */
    double n = (double)s->rows, q = (double)s->correct / n;
    double middle = q + z * z / (2 * n), half = z * sqrt(q * (1 - q) / n + z * z / (4 * n * n)), scale = 1 + z * z / n;
    s->accuracy = q;
    s->accuracy_low = fmax(0, (middle - half) / scale);
    s->accuracy_high = fmin(1, (middle + half) / scale);
}

static void average(lc_metrics *m)
{
    lc_metrics_summary *s = &m->summary;
    size_t present = 0, in_truth = 0;
    for (size_t k = 0; k < m->classes; k++) {
        lc_class_metrics *c = &m->per_class[k];
        size_t hits = m->confusion[k * m->classes + k];
        c->precision = ratio(hits, c->predicted);
        c->recall = ratio(hits, c->support);
        c->f1 = ratio(2 * hits, c->predicted + c->support);
        double weight = ratio(c->support, s->rows);
        s->weighted_precision += weight * c->precision;
        s->weighted_recall += weight * c->recall;
        s->weighted_f1 += weight * c->f1;
        s->macro_precision += c->precision;
        s->macro_recall += c->recall;
        s->macro_f1 += c->f1;
        present += c->support + c->predicted > 0;
        in_truth += c->support > 0;
    }
    s->balanced_accuracy = s->macro_recall / (double)in_truth;
    s->macro_precision /= (double)present;
    s->macro_recall /= (double)present;
    s->macro_f1 /= (double)present;
}

/* Of equal scores the later class comes first, as in scikit-learn's top_k_accuracy_score. */
static double top_accuracy(const lc_metrics *m, size_t rows, const int32_t *truth, const float *scores)
{
    size_t hits = 0;
    for (size_t i = 0; i < rows; i++) {
        const float *row = scores + i * m->classes;
        size_t t = (size_t)truth[i], before = 0;
        for (size_t k = 0; k < m->classes; k++) {
            before += row[k] > row[t] || (row[k] == row[t] && k > t);
        }
        hits += before < TOP;
    }
    return ratio(hits, rows);
}

typedef struct {
    double score;
    bool positive;
} scored;

static int by_score(const void *a, const void *b)
{
    double x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return (x > y) - (x < y);
}

/* U / (P N), where U is the sum of the positives' ranks less its least value P (P + 1) / 2; equal scores share their mean
 * rank. */
static double auc(scored *items, size_t n)
{
    double rank_sum = 0;
    size_t positives = 0;
    qsort(items, n, sizeof *items, by_score);
    for (size_t i = 0, end; i < n; i = end) {
        size_t here = 0;
        for (end = i; end < n && items[end].score == items[i].score; end++) {
            here += items[end].positive;
        }
        rank_sum += (double)here * ((double)(i + 1 + end) / 2);
        positives += here;
    }
    double p = (double)positives, q = (double)(n - positives);
    return positives == 0 || positives == n ? NAN : (rank_sum - p * (p + 1) / 2) / (p * q);
}

/* items (n), ascending by score; walked from the last, equal scores together. */
static void average_precision(const scored *items, size_t n, double *ap, double *ap11)
{
    double best[11] = {0}, area = 0, positives = 0, found = 0;
    for (size_t i = 0; i < n; i++) {
        positives += items[i].positive;
    }
    for (size_t end = n, begin; end > 0; end = begin) {
        double here = 0;
        for (begin = end; begin > 0 && items[begin - 1].score == items[end - 1].score; begin--) {
            here += items[begin - 1].positive;
        }
        found += here;
        double precision = found / (double)(n - begin);
        area += here / positives * precision;
        for (int t = 0; t <= 10; t++) {
            bool reached = 10 * found >= t * positives;
            best[t] = reached && precision > best[t] ? precision : best[t];
        }
    }
    *ap = positives > 0 ? area : NAN;
    *ap11 = positives > 0 ? 0 : NAN;
    for (int t = 0; t <= 10; t++) {
        *ap11 += best[t] / 11;
    }
}

lc_status lc_average_precision(const double *scores, const uint8_t *positive, size_t stride, size_t n, double *ap, double *ap11)
{
    scored *items;
    LC_TRY(lc_alloc_raw(&items, n, sizeof *items));
    for (size_t i = 0; i < n; i++) {
        items[i] = (scored){scores[i], positive[i * stride] != 0};
    }
    qsort(items, n, sizeof *items, by_score);
    average_precision(items, n, ap, ap11);
    free(items);
    return LC_OK;
}

static lc_status roc_auc(lc_metrics *m, size_t rows, const int32_t *truth, const float *scores)
{
    scored *items;
    double sum = 0;
    LC_TRY(lc_alloc_raw(&items, rows, sizeof *items));
    size_t first = m->classes == 2 ? 1 : 0;
    m->summary.mean_ap = m->summary.mean_ap11 = 0;
    for (size_t k = 0; k < m->classes; k++) {
        for (size_t i = 0; i < rows; i++) {
            items[i] = (scored){(double)scores[i * m->classes + k], (size_t)truth[i] == k};
        }
        double area = auc(items, rows);
        sum += k >= first ? area : 0;
        average_precision(items, rows, &m->per_class[k].ap, &m->per_class[k].ap11);
        m->summary.mean_ap += m->per_class[k].ap / (double)m->classes;
        m->summary.mean_ap11 += m->per_class[k].ap11 / (double)m->classes;
    }
    m->summary.roc_auc = sum / (double)(m->classes - first);
    free(items);
    return LC_OK;
}

static double log_loss(const lc_metrics *m, size_t rows, const int32_t *truth, const float *scores)
{
    double loss = 0;
    for (size_t i = 0; i < rows; i++) {
        double sum = 0, own = 0;
        for (size_t k = 0; k < m->classes; k++) {
            double p = fmin(fmax((double)scores[i * m->classes + k], DBL_EPSILON), 1 - DBL_EPSILON);
            sum += p;
            own = k == (size_t)truth[i] ? p : own;
        }
        loss -= log(own / sum);
    }
    return loss / (double)rows;
}

/* Both from the same sums: hits, and products of the marginals. 0 / 0 is 0, as when all is one class. */
static void agreement(lc_metrics *m)
{
    double n = (double)m->summary.rows, hits = (double)m->summary.correct, both = 0, truth = 0, predicted = 0;
    for (size_t k = 0; k < m->classes; k++) {
        double t = (double)m->per_class[k].support, p = (double)m->per_class[k].predicted;
        both += t * p;
        truth += t * t;
        predicted += p * p;
    }
    double spread = (n * n - truth) * (n * n - predicted);
    m->summary.matthews = spread > 0 ? (hits * n - both) / sqrt(spread) : 0;
    m->summary.kappa = n * n > both ? (hits * n - both) / (n * n - both) : NAN;
}

static void reliability(lc_metrics *m, size_t rows, const int32_t *truth, const int32_t *predicted, const float *scores)
{
    for (size_t i = 0; i < rows; i++) {
        double confidence = (double)scores[i * m->classes + (size_t)predicted[i]];
        double place = ceil(confidence * LC_RELIABILITY_BINS) - 1;
        size_t b = place < 0 ? 0 : place >= LC_RELIABILITY_BINS ? LC_RELIABILITY_BINS - 1 : (size_t)place;
        m->bins[b].rows++;
        m->bins[b].correct += truth[i] == predicted[i];
        m->bins[b].confidence += confidence;
    }
    m->summary.calibration_error = 0;
    for (size_t b = 0; b < LC_RELIABILITY_BINS; b++) {
        m->summary.calibration_error += fabs((double)m->bins[b].correct - m->bins[b].confidence) / (double)rows;
        m->bins[b].confidence /= m->bins[b].rows ? (double)m->bins[b].rows : 1;
    }
}

static lc_status check(size_t rows, size_t classes, const int32_t *truth, const int32_t *predicted, const float *scores)
{
    size_t values;
    if (rows == 0 || classes == 0 || !lc_mul(rows, classes, &values)) {
        return lc_fail(LC_ERR_ARG, "nothing to judge: %zu rows, %zu classes", rows, classes);
    }
    for (size_t i = 0; i < rows; i++) {
        if (truth[i] < 0 || (size_t)truth[i] >= classes || predicted[i] < 0 || (size_t)predicted[i] >= classes) {
            return lc_fail(LC_ERR_ARG, "row %zu: class %d predicted as %d, but there are %zu classes", i, truth[i],
                           predicted[i], classes);
        }
    }
    for (size_t i = 0; scores && i < values; i++) {
        if (!isfinite(scores[i])) {
            return lc_fail(LC_ERR_ARG, "row %zu has a score that is NaN or Inf", i / classes);
        }
    }
    return LC_OK;
}

lc_status lc_metrics_compute(lc_metrics **out, size_t rows, size_t classes, const char *const *class_names,
                             const int32_t *truth, const int32_t *predicted, const float *scores, bool probabilities)
{
    lc_metrics *m;
    size_t cells;
    *out = NULL;
    LC_TRY(check(rows, classes, truth, predicted, scores));
    if (!lc_mul(classes, classes, &cells)) {
        return lc_fail(LC_ERR_NOMEM, "%zu classes are too many for a confusion matrix", classes);
    }
    LC_TRY(lc_alloc_array(&m, 1, sizeof *m));
    m->classes = classes;
    lc_status status;
    if ((status = lc_copy_strings(&m->names, class_names, classes)) != LC_OK ||
        (status = lc_alloc_array(&m->per_class, classes, sizeof *m->per_class)) != LC_OK ||
        (status = lc_alloc_array(&m->confusion, cells, sizeof *m->confusion)) != LC_OK) {
        goto done;
    }
    count(m, rows, truth, predicted);
    interval(&m->summary);
    average(m);
    if ((status = lc_bootstrap(&m->summary, rows, classes, truth, predicted)) != LC_OK) {
        goto done;
    }
    m->summary.top5 = scores && classes > TOP ? top_accuracy(m, rows, truth, scores) : NAN;
    m->summary.log_loss = scores && probabilities && classes > 1 ? log_loss(m, rows, truth, scores) : NAN;
    agreement(m);
    m->summary.calibration_error = NAN;
    if (scores && probabilities) {
        reliability(m, rows, truth, predicted, scores);
    }
    m->summary.roc_auc = m->summary.mean_ap = m->summary.mean_ap11 = NAN;
    for (size_t k = 0; k < classes; k++) {
        m->per_class[k].ap = m->per_class[k].ap11 = NAN;
    }
    if (scores && classes > 1) {
        status = roc_auc(m, rows, truth, scores);
    }
done:
    if (status == LC_OK) {
        *out = m;
    } else {
        lc_metrics_free(m);
    }
    return status;
}

void lc_metrics_free(lc_metrics *m)
{
    if (m) {
        lc_free_strings(m->names, m->classes);
        free(m->per_class);
        free(m->confusion);
        free(m);
    }
}

const lc_metrics_summary *lc_metrics_describe(const lc_metrics *m)
{
    return &m->summary;
}

void lc_softmax_rows(const float *logits, size_t rows, size_t classes, int32_t *predicted, float *probabilities)
{
    for (size_t i = 0; i < rows; i++) {
        const float *in = logits + i * classes;
        float *out = probabilities + i * classes;
        size_t best = 0;
        for (size_t k = 1; k < classes; k++) {
            best = in[k] > in[best] ? k : best;
        }
        double highest = (double)in[best], sum = 0;
        for (size_t k = 0; k < classes; k++) {
            sum += exp((double)in[k] - highest);
        }
        for (size_t k = 0; k < classes; k++) {
            out[k] = (float)(exp((double)in[k] - highest) / sum);
        }
        predicted[i] = (int32_t)best;
    }
}
