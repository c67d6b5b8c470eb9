/*
 * Rows of several labels: every class is a question of its own, answered by its score; above 0 means yes. Average precision needs
 * no threshold (metrics.c); its mean runs over the classes that have rows. A ratio of nothing by nothing is 0, as in scikit-learn.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "classifier/metrics.h"
#include "common/memory.h"
#include "common/text.h"

static double ratio(size_t part, size_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

/* One class; *hits: rows rightly said to be of it. */
static lc_status judge_class(lc_label_class *c, size_t rows, size_t classes, const uint8_t *indicator, const float *scores,
                             size_t *hits)
{
    double *own;
    LC_TRY(lc_alloc_raw(&own, rows, sizeof *own));
    *hits = 0;
    for (size_t i = 0; i < rows; i++) {
        bool is = indicator[i * classes] != 0, said = scores[i * classes] > 0;
        own[i] = (double)scores[i * classes];
        c->support += is;
        c->predicted += said;
        *hits += is && said;
    }
    lc_status status = lc_average_precision(own, indicator, classes, rows, &c->ap, &c->ap11);
    c->precision = ratio(*hits, c->predicted);
    c->recall = ratio(*hits, c->support);
    c->f1 = ratio(2 * *hits, c->predicted + c->support);
    free(own);
    return status;
}

static void count_sets(lc_label_metrics *m, const uint8_t *indicator, const float *scores)
{
    size_t exact = 0, wrong = 0;
    for (size_t i = 0; i < m->rows; i++) {
        size_t off = 0;
        for (size_t k = 0; k < m->classes; k++) {
            off += (indicator[i * m->classes + k] != 0) != (scores[i * m->classes + k] > 0);
        }
        exact += off == 0;
        wrong += off;
    }
    m->exact = ratio(exact, m->rows);
    m->hamming_loss = ratio(wrong, m->rows * m->classes);
}

lc_status lc_label_metrics_compute(lc_label_metrics **out, size_t rows, size_t classes, const char *const *names,
                                   const uint8_t *indicator, const float *scores)
{
    lc_label_metrics *m;
    size_t cells, with_rows = 0, hits = 0, said = 0, support = 0;
    *out = NULL;
    if (rows == 0 || classes == 0 || !lc_mul(rows, classes, &cells)) {
        return lc_fail(LC_ERR_ARG, "nothing to judge: %zu rows, %zu classes", rows, classes);
    }
    for (size_t i = 0; i < cells; i++) {
        if (!isfinite(scores[i])) {
            return lc_fail(LC_ERR_ARG, "row %zu has a score that is NaN or Inf", i / classes);
        }
    }
    LC_TRY(lc_alloc_array(&m, 1, sizeof *m));
    *m = (lc_label_metrics){.rows = rows, .classes = classes};
    lc_status status = lc_alloc_array(&m->per_class, classes, sizeof *m->per_class);
    for (size_t k = 0; status == LC_OK && k < classes; k++) {
        lc_label_class *c = &m->per_class[k];
        size_t own = 0;
        c->name = names[k];
        status = judge_class(c, rows, classes, indicator + k, scores + k, &own);
        hits += own;
        said += c->predicted;
        support += c->support;
        with_rows += c->support > 0;
        m->mean_ap += c->support ? c->ap : 0;
        m->mean_ap11 += c->support ? c->ap11 : 0;
        m->macro_precision += c->precision / (double)classes;
        m->macro_recall += c->recall / (double)classes;
        m->macro_f1 += c->f1 / (double)classes;
    }
    if (status != LC_OK) {
        lc_label_metrics_free(m);
        return status;
    }
    m->mean_ap = with_rows ? m->mean_ap / (double)with_rows : NAN;
    m->mean_ap11 = with_rows ? m->mean_ap11 / (double)with_rows : NAN;
    m->micro_f1 = ratio(2 * hits, said + support);
    count_sets(m, indicator, scores);
    *out = m;
    return LC_OK;
}

void lc_label_metrics_free(lc_label_metrics *m)
{
    if (m) {
        free(m->per_class);
        free(m);
    }
}

lc_status lc_label_metrics_text(const lc_label_metrics *m, char **out)
{
    size_t width = 0;
    lc_text t;
    LC_TRY(lc_text_open(&t));
    for (size_t k = 0; k < m->classes; k++) {
        size_t length = lc_text_length(m->per_class[k].name);
        width = length > width ? length : width;
    }
    fprintf(t.stream, "%*s         AP  AP 11-pt  precision    recall  f1-score   support\n\n", (int)width, "");
    for (size_t k = 0; k < m->classes; k++) {
        const lc_label_class *c = &m->per_class[k];
        fprintf(t.stream, "%*s%s ", (int)(width - lc_text_length(c->name)), "", c->name);
        if (c->support > 0) {
            fprintf(t.stream, " %9.4f %9.4f", c->ap, c->ap11);
        } else {
            fprintf(t.stream, " %9s %9s", "-", "-");
        }
        fprintf(t.stream, "  %9.4f %9.4f %9.4f %9zu\n", c->precision, c->recall, c->f1, c->support);
    }
    fprintf(t.stream,
            "\nmean average precision %.4f (area), %.4f (11 points, VOC2007)\n"
            "labels said where the score is above 0: macro F1 %.4f, micro F1 %.4f, all of a row's right %.4f, Hamming loss %.4f\n",
            m->mean_ap, m->mean_ap11, m->macro_f1, m->micro_f1, m->exact, m->hamming_loss);
    lc_status status = lc_text_close(&t);
    *out = t.text;
    return status;
}

lc_json *lc_label_metrics_json(const lc_label_metrics *m)
{
    lc_json *object = lc_json_object(), *classes = lc_json_array();
    lc_json_set_int(object, "rows", (int64_t)m->rows);
    lc_json_set_real(object, "mean_average_precision", m->mean_ap);
    lc_json_set_real(object, "mean_average_precision_11_point", m->mean_ap11);
    lc_json_set_real(object, "macro_precision", m->macro_precision);
    lc_json_set_real(object, "macro_recall", m->macro_recall);
    lc_json_set_real(object, "macro_f1", m->macro_f1);
    lc_json_set_real(object, "micro_f1", m->micro_f1);
    lc_json_set_real(object, "exact_match", m->exact);
    lc_json_set_real(object, "hamming_loss", m->hamming_loss);
    for (size_t k = 0; k < m->classes; k++) {
        const lc_label_class *c = &m->per_class[k];
        lc_json *one = lc_json_object();
        lc_json_set_string(one, "name", c->name);
        lc_json_set_real(one, "average_precision", c->ap);
        lc_json_set_real(one, "average_precision_11_point", c->ap11);
        lc_json_set_real(one, "precision", c->precision);
        lc_json_set_real(one, "recall", c->recall);
        lc_json_set_real(one, "f1", c->f1);
        lc_json_set_int(one, "support", (int64_t)c->support);
        lc_json_add(classes, one);
    }
    lc_json_set(object, "classes", classes);
    return object;
}
