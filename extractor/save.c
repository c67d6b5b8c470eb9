/* A network's weights as a state dict of their own: safetensors, with what the file does not say by itself as metadata. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"
#include "extractor/network.h"

lc_status lc_network_can_save(const lc_network *net, const char *path)
{
    const char *dot = strrchr(path, '.'), *ending = dot ? dot : "";
    if (!net->model.architecture) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%s is no state dict of a known architecture; networks from ONNX cannot be written yet", net->path);
    }
    if (strcmp(ending, ".safetensors") != 0) {
        return lc_fail(LC_ERR_ARG, "%s: a state dict is written as .safetensors", path);
    }
    return LC_OK;
}

typedef struct {
    const lc_graph *graph;
    const char **names;
    lc_tensor *tensors;
    size_t count, capacity_names, capacity_tensors;
    lc_status status;
} list;

/* The file's tensor, from the constant of that name. */
static void add(void *context, const char *name, size_t rank, const size_t *dims)
{
    list *l = context;
    if (l->status != LC_OK) {
        return;
    }
    lc_tensor t = {.rank = rank};
    memcpy(t.dims, dims, rank * sizeof *dims);
    l->status = lc_grow(&l->names, &l->capacity_names, l->count + 1, sizeof *l->names);
    if (l->status == LC_OK) {
        l->status = lc_grow(&l->tensors, &l->capacity_tensors, l->count + 1, sizeof *l->tensors);
    }
    for (size_t v = 0; l->status == LC_OK && v < l->graph->value_count; v++) {
        const lc_value *c = &l->graph->values[v];
        if (c->t.data && strcmp(c->name, name) == 0 && lc_tensor_count(&c->t) == lc_tensor_count(&t)) {
            t.data = c->t.data;
            l->names[l->count] = c->name;
            l->tensors[l->count++] = t;
            return;
        }
    }
    l->status = l->status == LC_OK ? lc_fail(LC_ERR_UNSUPPORTED, "it has no tensor %s", name) : l->status;
}

lc_status lc_network_save(const lc_network *net, const char *path, const char *command)
{
    list l = {.graph = net->model.graph};
    lc_json *metadata = lc_json_object(), *classes = lc_json_array();
    char *text = NULL;
    const lc_graph *g = net->model.graph;
    LC_TRY(lc_network_can_save(net, path));
    lc_status status = lc_arch_tensors(lc_arch_find(net->model.architecture), lc_tensor_count(&g->values[g->output].t), add, &l);
    status = status == LC_OK ? l.status : status;
    for (size_t i = 0; i < net->model.classes; i++) {
        lc_json_add_string(classes, net->model.class_names[i]);
    }
    if (status == LC_OK) {
        status = lc_json_text(classes, 0, &text);
    }
    if (status == LC_OK) {
        lc_json_set_string(metadata, "format", "pt");
        lc_json_set_string(metadata, "architecture", net->model.architecture);
        lc_json_set_string(metadata, "made_by", command);
        if (net->model.classes) {
            lc_json_set_string(metadata, "classes", text);
        }
        if (net->model.preprocessing) {
            lc_json_set_string(metadata, "preprocessing", net->model.preprocessing);
        }
        status = lc_safetensors_write(path, l.count, l.names, l.tensors, metadata);
    }
    lc_json_free(metadata);
    lc_json_free(classes);
    free(l.names);
    free(l.tensors);
    free(text);
    return status == LC_OK ? LC_OK : lc_fail_in(status, "%s", path);
}
