/*
 * State dicts - files of weights without a graph: the architecture is recognised by their tensors (arch.h), or, where the
 * network was cut (lc_network_write), said by the file. Constants of the graph lie in the file's bytes wherever those are
 * float32 and contiguous.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/graph/names.h"
#include "extractor/models/arch.h"

static bool sniff(const char *name, const lc_mapping *file)
{
    (void)name;
    return file->data && lc_weights_sniff(file);
}

static lc_json *metadata_of(const lc_weights *weights)
{
    const char *key;
    size_t count = lc_weights_metadata_count(weights);
    lc_json *object = count ? lc_json_object() : NULL;
    for (size_t i = 0; i < count; i++) {
        const char *text = lc_weights_metadata_at(weights, i, &key);
        lc_json_set_string(object, key, text);
    }
    return object;
}

static lc_status open_state_dict(lc_model *out, const char *name, const lc_mapping *file, const char *arch)
{
    (void)name;
    lc_weights *weights;
    const lc_arch *row;
    LC_TRY(lc_weights_open(&weights, file));
    const char *said = lc_weights_metadata(weights, "architecture"), *layers = lc_weights_metadata(weights, "layers");
    bool cut = lc_weights_metadata(weights, LC_MODEL_MARK) && said && layers;
    lc_status status = cut ? lc_arch_open_cut(&out->graph, &row, weights, arch ? arch : said, layers)
                           : lc_arch_open(&out->graph, &row, weights, !arch && said && lc_arch_find(said) ? said : arch);
    if (status != LC_OK) {
        lc_weights_free(weights);
        return status;
    }
    out->format = lc_weights_format(weights);
    out->uses_file = true;
    out->architecture = row->name;
    out->preprocess = row->preprocess;
    out->metadata = metadata_of(weights);
    return LC_OK;
}

/* Writing ---------------------------------------------------------------------------------------------------- */

/* The tensors that an architecture asks for, as far as the graph has them. */
typedef struct {
    const lc_graph *graph;
    const bool *used;  /* by value */
    lc_names constants; /* names to values */
    char **names;      /* (count) */
    lc_tensor *tensors;
    size_t count, name_capacity, tensor_capacity;
    lc_status status;
} listing;

static lc_status list_tensor(listing *l, const char *name, size_t rank, const size_t *dims)
{
    const size_t *value = lc_names_get(&l->constants, name, strlen(name));
    if (!value || !l->used[*value]) {
        return LC_OK;
    }
    lc_tensor own = l->graph->values[*value].t, t = {.rank = rank, .data = own.data};
    memcpy(t.dims, dims, rank * sizeof *dims);
    if (lc_tensor_count(&t) != lc_tensor_count(&own)) { /* a first layer of grey pictures */
        t = own;
    }
    LC_TRY(lc_grow(&l->names, &l->name_capacity, l->count + 1, sizeof *l->names));
    LC_TRY(lc_grow(&l->tensors, &l->tensor_capacity, l->count + 1, sizeof *l->tensors));
    LC_TRY(lc_strdup(&l->names[l->count], name));
    l->tensors[l->count++] = t;
    return LC_OK;
}

static void list(void *context, const char *name, size_t rank, const size_t *dims)
{
    listing *l = context;
    l->status = l->status == LC_OK ? list_tensor(l, name, rank, dims) : l->status;
}

/* used[v]: a node that the part needs reads constant v, which gets its place in l->constants. */
static lc_status find_constants(listing *l, const lc_graph *g, const lc_model_part *part, bool *used)
{
    bool *needed;
    lc_status status = lc_alloc_array(&needed, g->node_count, sizeof *needed);
    if (status == LC_OK) {
        lc_graph_needed(g, part->values, part->count, needed);
    }
    for (size_t n = 0; n < g->node_count && status == LC_OK; n++) {
        for (size_t i = 0; i < g->nodes[n].inputs && needed[n]; i++) {
            size_t v = g->nodes[n].in[i], *number;
            if (v != LC_NO_VALUE && g->values[v].t.data && !used[v] && status == LC_OK) {
                used[v] = true;
                status = lc_names_put(&l->constants, g->values[v].name, strlen(g->values[v].name), v, &number);
            }
        }
    }
    free(needed);
    return status;
}

lc_status lc_state_dict_write(const lc_model *m, const lc_model_part *part, const char *path)
{
    const lc_graph *g = m->graph;
    const lc_arch *row = m->architecture ? lc_arch_find(m->architecture) : NULL;
    bool *used = NULL;
    if (!row) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%s: safetensors have no place for a graph, and this network is of no "
                       "architecture that is known; write .onnx", path);
    }
    LC_TRY(lc_alloc_array(&used, g->value_count, sizeof *used));
    listing l = {.graph = g, .used = used};
    lc_status status = find_constants(&l, g, part, used);
    if (status == LC_OK) {
        /* Of a head; where there is none, nobody asks. */
        status = lc_arch_tensors(row, lc_tensor_count(&g->values[g->output].t), list, &l);
        status = status == LC_OK ? l.status : status;
    }
    if (status == LC_OK) {
        status = lc_safetensors_write(path, l.count, (const char *const *)l.names, l.tensors, part->metadata);
    }
    for (size_t i = 0; i < l.count; i++) {
        free(l.names[i]);
    }
    free(l.names);
    free(l.tensors);
    lc_names_free(&l.constants);
    free(used);
    return status;
}

const lc_model_format lc_model_format_state_dict = {
    .name = "state dict",
    .takes_architecture = true,
    .sniff = sniff,
    .open = open_state_dict,
};
