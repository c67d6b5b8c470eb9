#include "extractor/models/models.h"

#include <stdlib.h>

#define LC_MODEL_FORMAT(name) &lc_model_format_##name,
static const lc_model_format *const formats[] = {
#include "extractor/models/model_list.inc"
};
#undef LC_MODEL_FORMAT

lc_status lc_model_open(lc_model *out, const char **format, const char *name, const lc_mapping *file)
{
    *out = (lc_model){0};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (formats[i]->sniff(name, file)) {
            *format = formats[i]->name;
            lc_status status = formats[i]->open(out, name, file);
            return status == LC_OK ? LC_OK : lc_fail_in(status, "%s", name);
        }
    }
    return lc_fail(LC_ERR_FORMAT, "%s: not a network file that is known (ONNX)", name);
}

void lc_model_free(lc_model *m)
{
    lc_graph_free(m->graph);
    for (size_t i = 0; i < m->classes; i++) {
        free(m->class_names[i]);
    }
    free(m->class_names);
    *m = (lc_model){0};
}
