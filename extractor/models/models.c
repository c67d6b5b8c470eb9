#include "extractor/models/models.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

#define LC_MODEL_FORMAT(name) &lc_model_format_##name,
static const lc_model_format *const formats[] = {
#include "extractor/models/model_list.inc"
};
#undef LC_MODEL_FORMAT

/* Class names from the file's metadata, "classes", when there are as many as outputs: a JSON array, or the words between
 * commas. */
static lc_status name_classes(lc_model *m)
{
    const char *text = lc_json_string(m->metadata, "classes");
    size_t outputs = lc_tensor_count(&m->graph->values[m->graph->output].t), words = 1;
    lc_json *list = NULL;
    if (!text) {
        return LC_OK;
    }
    if (text[0] != '[' || lc_json_parse(&list, text, strlen(text)) != LC_OK) {
        list = NULL;
    }
    for (const char *p = text; *p; p++) {
        words += *p == ',';
    }
    words = list ? lc_json_size(list) : words;
    bool fits = words == outputs && words > 1;
    lc_status status = fits ? lc_alloc_array(&m->class_names, words, sizeof *m->class_names) : LC_OK;
    for (const char *p = text; fits && status == LC_OK && m->classes < words; m->classes += status == LC_OK) {
        const char *word = list ? lc_json_string_at(list, m->classes) : p;
        size_t n = list ? strlen(word ? word : "") : strcspn(p, ",");
        status = lc_sprintf(&m->class_names[m->classes], "%.*s", (int)n, word ? word : "");
        p += list ? 0 : n + 1;
    }
    lc_json_free(list);
    return status;
}

/* What lc_network_write put beside the weights. */
static lc_status follow_metadata(lc_model *m)
{
    const char *preprocessing = lc_json_string(m->metadata, "preprocessing");
    LC_TRY(name_classes(m));
    return preprocessing && lc_json_string(m->metadata, LC_MODEL_MARK) ? lc_strdup(&m->preprocessing, preprocessing) : LC_OK;
}

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
            if (status == LC_OK && (status = follow_metadata(out)) != LC_OK) {
                lc_model_free(out);
            }
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
    lc_json_free(m->metadata);
    free(m->preprocessing);
    *m = (lc_model){0};
}
