#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/metrics.h"
#include "common/text.h"

enum {
    WIDTH = 80,
    NUMBERS = 41, /* a blank, then four columns of a blank and nine characters */
    MAX_NAME = WIDTH - NUMBERS,
    MATRIX_CLASSES = 20, /* more are listed by their worst confusions */
    MATRIX_NAME = 20,
    WORST = 10,
    CONFUSED_NAME = 30,
};

/* The byte where character `n` begins. */
static size_t byte_of(const char *text, size_t n)
{
    size_t at = 0;
    while (text[at] && n > 0) {
        at++;
        while (((unsigned char)text[at] & 0xC0) == 0x80) {
            at++;
        }
        n--;
    }
    return at;
}

/* text in exactly `width` characters; what is too long is cut in the middle, since names tend to differ at both ends. */
static void put_name(FILE *f, const char *text, size_t width, bool right)
{
    size_t length = lc_text_length(text);
    if (length > width) {
        size_t head = (width - 2) / 2, tail = width - 2 - head;
        fprintf(f, "%.*s..%s", (int)byte_of(text, head), text, text + byte_of(text, length - tail));
        return;
    }
    int padding = (int)(width - length);
    fprintf(f, "%*s%s%*s", right ? padding : 0, "", text, right ? 0 : padding, "");
}

static void put_row(FILE *f, const char *name, size_t width, const double numbers[3], size_t support)
{
    put_name(f, name, width, true);
    fprintf(f, "  %9.4f %9.4f %9.4f %9zu\n", numbers[0], numbers[1], numbers[2], support);
}

/* classification_report(digits=4), line by line. */
static void put_report(FILE *f, const lc_metrics *m)
{
    const lc_metrics_summary *s = &m->summary;
    size_t width = strlen("weighted avg");
    for (size_t k = 0; k < m->classes; k++) {
        bool occurs = m->per_class[k].support + m->per_class[k].predicted > 0;
        size_t length = occurs ? lc_text_length(m->names[k]) : 0;
        width = length > width ? length : width;
    }
    width = width > MAX_NAME ? MAX_NAME : width;
    fprintf(f, "%*s  precision    recall  f1-score   support\n\n", (int)width, "");
    for (size_t k = 0; k < m->classes; k++) {
        const lc_class_metrics *c = &m->per_class[k];
        if (c->support + c->predicted > 0) {
            put_row(f, m->names[k], width, (double[]){c->precision, c->recall, c->f1}, c->support);
        }
    }
    fputc('\n', f);
    fprintf(f, "%*s  %9s %9s %9.4f %9zu\n", (int)width, "accuracy", "", "", s->accuracy, s->rows);
    put_row(f, "macro avg", width, (double[]){s->macro_precision, s->macro_recall, s->macro_f1}, s->rows);
    put_row(f, "weighted avg", width, (double[]){s->weighted_precision, s->weighted_recall, s->weighted_f1}, s->rows);
}

static void put_summary(FILE *f, const lc_metrics_summary *s)
{
    fprintf(f, "\naccuracy %.4f (%zu of %zu; 95 %% interval %.4f to %.4f)\nbalanced accuracy %.4f", s->accuracy, s->correct,
            s->rows, s->accuracy_low, s->accuracy_high, s->balanced_accuracy);
    const struct {
        const char *name;
        double value;
    } optional[] = {{"top-5", s->top5}, {"ROC AUC", s->roc_auc}, {"log loss", s->log_loss}, {"calibration error", s->calibration_error}};
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++) {
        if (isfinite(optional[i].value)) { /* what probabilities give goes on a line of its own */
            fprintf(f, "%s%s %.4f", i == 2 ? "\n" : ", ", optional[i].name, optional[i].value);
        }
    }
    fputc('\n', f);
}

/* How often the predicted class was right, by the probability it was given. */
static void put_reliability(FILE *f, const lc_metrics *m)
{
    fprintf(f, "\nreliability\n%13s  %9s %10s %9s\n", "probability", "rows", "confidence", "accuracy");
    for (size_t b = 0; b < LC_RELIABILITY_BINS; b++) {
        if (m->bins[b].rows > 0) {
            fprintf(f, "%6.2f - %4.2f  %9zu %10.4f %9.4f\n", (double)b / LC_RELIABILITY_BINS,
                    (double)(b + 1) / LC_RELIABILITY_BINS, m->bins[b].rows, m->bins[b].confidence,
                    (double)m->bins[b].correct / (double)m->bins[b].rows);
        }
    }
}

static int digits(size_t n)
{
    int d = 1;
    for (; n > 9; n /= 10) {
        d++;
    }
    return d;
}

/* The columns of a matrix that is too wide for a line come in several parts, as R prints them. */
static void put_matrix(FILE *f, const lc_metrics *m)
{
    size_t most = m->classes - 1, name = 0;
    for (size_t i = 0; i < m->classes * m->classes; i++) {
        most = m->confusion[i] > most ? m->confusion[i] : most;
    }
    for (size_t k = 0; k < m->classes; k++) {
        size_t length = lc_text_length(m->names[k]);
        name = length > name ? length : name;
    }
    name = name > MATRIX_NAME ? MATRIX_NAME : name;
    int cell = digits(most) + 1, number = digits(m->classes - 1);
    size_t fit = (WIDTH - (size_t)number - 1 - name) / (size_t)cell;
    fprintf(f, "\nconfusion matrix (rows: truth, columns: predicted)\n");
    for (size_t first = 0; first < m->classes; first += fit) {
        size_t end = first + fit < m->classes ? first + fit : m->classes;
        fprintf(f, "%*s", number + 1 + (int)name, "");
        for (size_t k = first; k < end; k++) {
            fprintf(f, "%*zu", cell, k);
        }
        fputc('\n', f);
        for (size_t t = 0; t < m->classes; t++) {
            fprintf(f, "%*zu ", number, t);
            put_name(f, m->names[t], name, false);
            for (size_t k = first; k < end; k++) {
                fprintf(f, "%*zu", cell, m->confusion[t * m->classes + k]);
            }
            fputc('\n', f);
        }
    }
}

static void put_worst(FILE *f, const lc_metrics *m)
{
    size_t worst[WORST], found = 0;
    for (size_t i = 0; i < m->classes * m->classes; i++) {
        if (m->confusion[i] == 0 || i / m->classes == i % m->classes) {
            continue;
        }
        size_t at = found < WORST ? found++ : WORST;
        while (at > 0 && m->confusion[worst[at - 1]] < m->confusion[i]) {
            if (at < WORST) {
                worst[at] = worst[at - 1];
            }
            at--;
        }
        if (at < WORST) {
            worst[at] = i;
        }
    }
    if (found > 0) {
        fprintf(f, "\nmost frequent confusions\n%9s  %-*s  predicted\n", "rows", CONFUSED_NAME, "truth");
    }
    for (size_t i = 0; i < found; i++) {
        fprintf(f, "%9zu  ", m->confusion[worst[i]]);
        put_name(f, m->names[worst[i] / m->classes], CONFUSED_NAME, false);
        fputs("  ", f);
        const char *predicted = m->names[worst[i] % m->classes];
        size_t length = lc_text_length(predicted);
        put_name(f, predicted, length < CONFUSED_NAME ? length : CONFUSED_NAME, false);
        fputc('\n', f);
    }
}

lc_status lc_metrics_text(const lc_metrics *m, char **out)
{
    lc_text t;
    LC_TRY(lc_text_open(&t));
    put_report(t.stream, m);
    put_summary(t.stream, &m->summary);
    if (isfinite(m->summary.calibration_error)) {
        put_reliability(t.stream, m);
    }
    if (m->classes <= MATRIX_CLASSES) {
        put_matrix(t.stream, m);
    } else {
        put_worst(t.stream, m);
    }
    lc_status status = lc_text_close(&t);
    *out = t.text;
    return status;
}

lc_json *lc_metrics_json(const lc_metrics *m)
{
    const lc_metrics_summary *s = &m->summary;
    lc_json *object = lc_json_object();
    lc_json_set_int(object, "rows", (int64_t)s->rows);
    lc_json_set_int(object, "correct", (int64_t)s->correct);
    const struct {
        const char *key;
        double value;
    } reals[] = {
        {"accuracy", s->accuracy},
        {"accuracy_low", s->accuracy_low},
        {"accuracy_high", s->accuracy_high},
        {"balanced_accuracy", s->balanced_accuracy},
        {"balanced_accuracy_low", s->balanced_low},
        {"balanced_accuracy_high", s->balanced_high},
        {"macro_precision", s->macro_precision},
        {"macro_recall", s->macro_recall},
        {"macro_f1", s->macro_f1},
        {"macro_f1_low", s->macro_f1_low},
        {"macro_f1_high", s->macro_f1_high},
        {"weighted_precision", s->weighted_precision},
        {"weighted_recall", s->weighted_recall},
        {"weighted_f1", s->weighted_f1},
        {"top5", s->top5},
        {"roc_auc", s->roc_auc},
        {"mean_average_precision", s->mean_ap},
        {"mean_average_precision_11_point", s->mean_ap11},
        {"log_loss", s->log_loss},
        {"calibration_error", s->calibration_error},
        {"kappa", s->kappa},
        {"matthews", s->matthews},
    };
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        lc_json_set_real(object, reals[i].key, reals[i].value);
    }
    lc_json *classes = lc_json_array(), *confusion = lc_json_array();
    for (size_t k = 0; k < m->classes; k++) {
        lc_json *c = lc_json_object(), *row = lc_json_array();
        lc_json_set_string(c, "name", m->names[k]);
        lc_json_set_real(c, "precision", m->per_class[k].precision);
        lc_json_set_real(c, "recall", m->per_class[k].recall);
        lc_json_set_real(c, "f1", m->per_class[k].f1);
        lc_json_set_real(c, "average_precision", m->per_class[k].ap);
        lc_json_set_real(c, "average_precision_11_point", m->per_class[k].ap11);
        lc_json_set_int(c, "support", (int64_t)m->per_class[k].support);
        lc_json_add(classes, c);
        for (size_t p = 0; p < m->classes; p++) {
            lc_json_add_int(row, (int64_t)m->confusion[k * m->classes + p]);
        }
        lc_json_add(confusion, row);
    }
    lc_json *bins = lc_json_array();
    for (size_t b = 0; b < LC_RELIABILITY_BINS && isfinite(s->calibration_error); b++) {
        lc_json *bin = lc_json_object();
        lc_json_set_int(bin, "rows", (int64_t)m->bins[b].rows);
        lc_json_set_real(bin, "confidence", m->bins[b].rows ? m->bins[b].confidence : NAN);
        lc_json_set_real(bin, "accuracy", m->bins[b].rows ? (double)m->bins[b].correct / (double)m->bins[b].rows : NAN);
        lc_json_add(bins, bin);
    }
    lc_json_set(object, "reliability", bins);
    lc_json_set(object, "classes", classes);
    lc_json_set(object, "confusion", confusion);
    return object;
}
