#include "extractor/models/models.h"

#include <stdlib.h>

#define LC_MODEL_FORMAT(name) &lc_model_format_##name,
static const lc_model_format *const formats[] = {
#include "extractor/models/model_list.inc"
};
#undef LC_MODEL_FORMAT

lc_status lc_model_open(lc_model *out, const char **format, const char *name, const lc_mapping *file)
{
    return lc_model_open_as(out, format, name, file, NULL);
}

lc_status lc_model_open_as(lc_model *out, const char **format, const char *name, const lc_mapping *file,
                           const char *arch)
{
    *out = (lc_model){0};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (formats[i]->sniff(name, file)) {
            *format = formats[i]->name;
            if (arch && !formats[i]->takes_architecture) {
                return lc_fail(LC_ERR_ARG, "%s: --arch is for state dicts; this network (%s) has its own architecture",
                               name, *format);
            }
            lc_status status = formats[i]->open(out, name, file, arch);
            *format = status == LC_OK && out->format ? out->format : *format;
            return status == LC_OK ? LC_OK : lc_fail_in(status, "%s", name);
        }
    }
    return lc_fail(LC_ERR_FORMAT, "%s: not a network file that is known (ONNX, PyTorch, safetensors)", name);
}

void lc_model_free(lc_model *m)
{
    lc_graph_free(m->graph);
    for (size_t i = 0; i < m->classes; i++) {
        free(m->class_names[i]);
    }
    free(m->class_names);
    free(m->preprocessing);
    *m = (lc_model){0};
}
