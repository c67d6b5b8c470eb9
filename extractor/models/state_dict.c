/*
 * State dicts - files of weights without a graph: the architecture is recognised by their tensors (arch.h), or said by the
 * file's metadata, as `finetune` writes it: "architecture", a name; "classes", a JSON array of names; "preprocessing", a
 * JSON object. Constants of the graph lie in the file's bytes wherever those are float32 and contiguous.
 */
#include <string.h>

#include "common/json.h"
#include "common/memory.h"
#include "extractor/models/arch.h"

static bool sniff(const char *name, const lc_mapping *file)
{
    (void)name;
    return file->data && lc_weights_sniff(file);
}

/* Names of the outputs and how pictures are made, where the metadata says so. */
static lc_status read_metadata(lc_model *out, const lc_weights *weights)
{
    const char *classes = lc_weights_metadata(weights, "classes"), *preprocessing = lc_weights_metadata(weights, "preprocessing");
    lc_json *json = NULL;
    if (preprocessing) {
        LC_TRY(lc_strdup(&out->preprocessing, preprocessing));
    }
    if (!classes) {
        return LC_OK;
    }
    LC_TRY(lc_json_parse(&json, classes, strlen(classes)));
    size_t count = lc_json_is_array(json) ? lc_json_size(json) : 0;
    lc_status status = lc_alloc_array(&out->class_names, count, sizeof *out->class_names);
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        const char *name = lc_json_string_at(json, i);
        status = name ? lc_strdup(&out->class_names[out->classes++], name) : lc_fail(LC_ERR_FORMAT, "its metadata 'classes' is no list of names");
    }
    lc_json_free(json);
    return status;
}

static lc_status open_state_dict(lc_model *out, const char *name, const lc_mapping *file, const char *arch)
{
    (void)name;
    lc_weights *weights;
    const lc_arch *row;
    LC_TRY(lc_weights_open(&weights, file));
    const char *said = lc_weights_metadata(weights, "architecture");
    lc_status status = lc_arch_open(&out->graph, &row, weights, !arch && said && lc_arch_find(said) ? said : arch);
    if (status != LC_OK) {
        lc_weights_free(weights);
        return status;
    }
    out->format = lc_weights_format(weights);
    out->uses_file = true;
    out->architecture = row->name;
    out->preprocess = row->preprocess;
    status = read_metadata(out, weights);
    if (status != LC_OK) {
        lc_model_free(out);
    }
    return status;
}

const lc_model_format lc_model_format_state_dict = {
    .name = "state dict",
    .takes_architecture = true,
    .sniff = sniff,
    .open = open_state_dict,
};
