#include "classifier/class_means.h"

#include <stdlib.h>

#include "classifier/linear_machine.h"
#include "common/memory.h"

void lc_class_means_free(lc_class_means *m)
{
    void *const arrays[] = {m->labels, m->index, m->means, m->shares};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        free(arrays[i]);
    }
}

lc_status lc_class_means_init(lc_class_means *b, const lc_clf_task *t, const size_t *rows, size_t count)
{
    *b = (lc_class_means){0};
    LC_TRY(lc_alloc_raw(&b->labels, t->classes, sizeof *b->labels));
    LC_TRY(lc_alloc_raw(&b->index, t->classes, sizeof *b->index));
    b->present = lc_present_classes(t, rows, count, b->labels, b->index);
    LC_TRY(lc_alloc_array(&b->means, t->classes * t->dim, sizeof *b->means));
    LC_TRY(lc_alloc_array(&b->shares, b->present, sizeof *b->shares));
    for (size_t i = 0; i < count; i++) {
        double *mean = b->means + (size_t)t->y[rows[i]] * t->dim;
        for (size_t d = 0; d < t->dim; d++) {
            mean[d] += (double)t->x[rows[i] * t->dim + d];
        }
        b->shares[b->index[t->y[rows[i]]]]++;
    }
    for (size_t k = 0; k < b->present; k++) {
        for (size_t d = 0; d < t->dim; d++) {
            b->means[(size_t)b->labels[k] * t->dim + d] /= b->shares[k];
        }
        b->shares[k] /= (double)count;
    }
    return LC_OK;
}
