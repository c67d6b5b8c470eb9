/*
 * State dicts - files of weights without a graph: the architecture is recognised by their tensors (arch.h). Constants of
 * the graph lie in the file's bytes wherever those are float32 and contiguous.
 */
#include "extractor/models/arch.h"

static bool sniff(const char *name, const lc_mapping *file)
{
    (void)name;
    return file->data && lc_weights_sniff(file);
}

static lc_status open_state_dict(lc_model *out, const char *name, const lc_mapping *file, const char *arch)
{
    (void)name;
    lc_weights *weights;
    const lc_arch *row;
    LC_TRY(lc_weights_open(&weights, file));
    lc_status status = lc_arch_open(&out->graph, &row, weights, arch);
    if (status != LC_OK) {
        lc_weights_free(weights);
        return status;
    }
    out->format = lc_weights_format(weights);
    out->uses_file = true;
    out->architecture = row->name;
    out->preprocess = row->preprocess;
    return LC_OK;
}

const lc_model_format lc_model_format_state_dict = {
    .name = "state dict",
    .takes_architecture = true,
    .sniff = sniff,
    .open = open_state_dict,
};
