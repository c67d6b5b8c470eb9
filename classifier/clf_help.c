#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifier/clf.h"
#include "common/memory.h"
#include "common/text.h"

enum { INDENT = 16, WIDTH = 79 };

/* Words from column INDENT on. */
static void put_wrapped(FILE *f, const char *text)
{
    while (*text) {
        size_t length = lc_text_line(text, WIDTH - INDENT);
        fprintf(f, "%.*s\n", (int)length, text);
        text += length;
        text += strspn(text, " ");
        fprintf(f, "%*s", *text ? INDENT : 0, "");
    }
}

static lc_status put_param(FILE *f, const lc_clf_param *p)
{
    char *text;
    LC_TRY(lc_sprintf(&text, "%s: %s%s%s%s; default %s", p->help, lc_clf_param_range(p), p->kernels ? " (" : "",
                      p->kernels ? p->kernels : "", p->kernels ? ")" : "", p->data_scale ? "1/4, 1, 4" : p->grid));
    fprintf(f, "    %-*s", INDENT - 4, p->name);
    put_wrapped(f, text);
    free(text);
    return LC_OK;
}

lc_status lc_classifier_help(char **text)
{
    lc_text t;
    lc_status status = LC_OK;
    *text = NULL;
    LC_TRY(lc_text_open(&t));
    for (size_t i = 0; i < lc_clf_count && status == LC_OK; i++) {
        const lc_clf *clf = lc_clf_table[i];
        fprintf(t.stream, "  %-*s%s\n", INDENT - 2, clf->name, clf->summary);
        if (clf->kernels[1]) {
            fprintf(t.stream, "    %-*s", INDENT - 4, "--kernel");
            for (size_t k = 0; clf->kernels[k]; k++) {
                fprintf(t.stream, "%s%s", k ? " " : "", clf->kernels[k]);
            }
            fputc('\n', t.stream);
        }
        for (size_t p = 0; clf->params[p].name && status == LC_OK; p++) {
            status = put_param(t.stream, &clf->params[p]);
        }
    }
    fprintf(t.stream, "\npresets:\n");
    for (size_t i = 0; lc_preset_at(i); i++) {
        fprintf(t.stream, "  %-*s", INDENT - 2, lc_preset_at(i)->name);
        put_wrapped(t.stream, lc_preset_at(i)->summary);
    }
    lc_status closed = lc_text_close(&t);
    if (status == LC_OK && closed == LC_OK) {
        *text = t.text;
    } else {
        free(t.text);
    }
    return status == LC_OK ? closed : status;
}
