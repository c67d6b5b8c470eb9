#include <stdio.h>

#include "classifier/clf.h"
#include "common/text.h"

static void put_param(FILE *f, const lc_clf_param *p)
{
    fprintf(f, "    %-2s %s, %s", p->name, p->help, lc_clf_param_range(p));
    if (p->kernels) {
        fprintf(f, " (%s)", p->kernels);
    }
    fprintf(f, "; default %s\n", p->grid);
}

lc_status lc_classifier_help(char **text)
{
    lc_text t;
    LC_TRY(lc_text_open(&t));
    for (size_t i = 0; i < lc_clf_count; i++) {
        const lc_clf *clf = lc_clf_table[i];
        fprintf(t.stream, "  %-9s %s\n", clf->name, clf->summary);
        if (clf->kernels[1]) {
            fprintf(t.stream, "    --kernel");
            for (size_t k = 0; clf->kernels[k]; k++) {
                fprintf(t.stream, " %s", clf->kernels[k]);
            }
            fputc('\n', t.stream);
        }
        for (size_t p = 0; clf->params[p].name; p++) {
            put_param(t.stream, &clf->params[p]);
        }
    }
    lc_status status = lc_text_close(&t);
    *text = t.text;
    return status;
}
