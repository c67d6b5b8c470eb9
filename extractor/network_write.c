/* Networks as files: what is written of one, and what the file says beside the weights. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"
#include "extractor/network.h"

/* What the source's file said, but what was about it as it was. */
static void keep_metadata(const lc_network *net, lc_json *out)
{
    static const char *const ours[] = {LC_MODEL_MARK, "preprocessing", "source_sha256", "tuned_from", "layers", "architecture", "classes", "note"};
    const char *key;
    const lc_json *value;
    for (void *at = NULL; net->model.metadata && lc_json_each(net->model.metadata, &at, &key, &value);) {
        bool known = false;
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
            known = known || strcmp(key, ours[i]) == 0;
        }
        const char *text = lc_json_string(net->model.metadata, key);
        if (!known && text) {
            lc_json_set_string(out, key, text);
        }
    }
}

static lc_status set_json(lc_json *out, const char *key, const lc_json *value)
{
    char *text;
    LC_TRY(lc_json_text(value, 0, &text));
    lc_json_set_string(out, key, text);
    free(text);
    return LC_OK;
}

static lc_status set_preprocessing(lc_network *net, const lc_write_options *o, lc_json *out)
{
    const lc_extract_options how = {.settings = o->settings, .setting_count = o->setting_count, .recipe = o->recipe};
    lc_preprocess p;
    LC_TRY(lc_network_preprocess(net, &how, &p));
    lc_json *words = lc_json_object();
    lc_preprocess_to_json(&p, words);
    lc_status status = set_json(out, "preprocessing", words);
    lc_json_free(words);
    return status;
}

static lc_status set_classes(const char *const *names, size_t count, lc_json *out)
{
    lc_json *list = lc_json_array();
    for (size_t i = 0; i < count; i++) {
        lc_json_add_string(list, names[i]);
    }
    lc_status status = count ? set_json(out, "classes", list) : LC_OK;
    lc_json_free(list);
    return status;
}

/* Names in the order of the part, with commas between. */
static lc_status set_layers(const lc_model_part *part, lc_json *out)
{
    size_t size = 1;
    char *text;
    for (size_t i = 0; i < part->count; i++) {
        size += strlen(part->names[i]) + 1;
    }
    LC_TRY(lc_alloc_array(&text, size, 1));
    for (size_t i = 0; i < part->count; i++) {
        strcat(strcat(text, i ? "," : ""), part->names[i]);
    }
    lc_json_set_string(out, "layers", text);
    free(text);
    return LC_OK;
}

static lc_status make_metadata(lc_network *net, const lc_write_options *o, const lc_model_part *part, lc_json *out)
{
    bool whole = !o->layers && !net->info.layers;
    keep_metadata(net, out);
    lc_json_set_string(out, LC_MODEL_MARK, "1");
    LC_TRY(set_preprocessing(net, o, out));
    lc_json_set_string(out, o->tuned ? "tuned_from" : "source_sha256", net->sha256);
    if (!whole) {
        LC_TRY(set_layers(part, out));
    }
    if (net->info.architecture) {
        lc_json_set_string(out, "architecture", net->info.architecture);
    }
    if (net->info.note && !o->tuned) {
        lc_json_set_string(out, "note", net->info.note);
    }
    if (o->class_names || whole) {
        LC_TRY(set_classes(o->class_names ? o->class_names : net->info.class_names,
                           o->class_names ? o->classes : net->info.classes, out));
    }
    const char *key;
    const lc_json *value;
    for (void *at = NULL; o->metadata && lc_json_each(o->metadata, &at, &key, &value);) {
        lc_json_set_string(out, key, lc_json_string(o->metadata, key));
    }
    return LC_OK;
}

/* The output of a whole network, called as its tap. */
static lc_status choose_output(const lc_network *net, lc_choice **choices, size_t *count)
{
    LC_TRY(lc_alloc_array(choices, 1, sizeof **choices));
    *count = 1;
    for (size_t i = 0; i < net->taps.count; i++) {
        if (net->taps.taps[i].value == net->model.graph->output) {
            (*choices)[0].tap = i;
            return lc_strdup(&(*choices)[0].name, net->taps.taps[i].name);
        }
    }
    return lc_fail(LC_ERR_UNSUPPORTED, "%s: its output is no layer", net->path);
}

static lc_status write_part(lc_network *net, const char *path, const lc_write_options *o, const lc_choice *choices, size_t count)
{
    const char *dot = strrchr(path, '.');
    bool onnx = dot && strcmp(dot, ".onnx") == 0;
    size_t *values = NULL;
    const char **names = NULL;
    lc_json *metadata = lc_json_object();
    lc_status status = lc_alloc_array(&values, count, sizeof *values);
    if (status == LC_OK) {
        status = lc_alloc_array(&names, count, sizeof *names);
    }
    for (size_t i = 0; status == LC_OK && i < count; i++) { /* the deepest first */
        values[i] = net->taps.taps[choices[count - 1 - i].tap].value;
        names[i] = choices[count - 1 - i].name;
    }
    const lc_model_part part = {.values = values, .names = names, .count = count, .metadata = metadata};
    if (status == LC_OK) {
        status = make_metadata(net, o, &part, metadata);
    }
    if (status == LC_OK) {
        status = (onnx ? lc_onnx_write : lc_state_dict_write)(&net->model, &part, path);
    }
    lc_json_free(metadata);
    free(names);
    free(values);
    return status;
}

lc_status lc_network_write(lc_network *net, const char *path, const lc_write_options *o)
{
    const char *dot = strrchr(path, '.'), *layers = o->layers ? o->layers : net->info.layers;
    lc_choice *choices = NULL;
    size_t count = 0;
    if (!dot || (strcmp(dot, ".onnx") != 0 && strcmp(dot, ".safetensors") != 0)) {
        return lc_fail(LC_ERR_ARG, "%s: a network is written as .onnx or .safetensors", path);
    }
    lc_status status = layers ? lc_taps_select(&net->taps, net->model.graph, layers, &choices, &count)
                              : choose_output(net, &choices, &count);
    if (status == LC_OK) {
        status = write_part(net, path, o, choices, count);
    }
    lc_choices_free(choices, count);
    return status;
}

lc_status lc_network_can_save(const lc_network *net, const char *path)
{
    const char *dot = strrchr(path, '.'), *ending = dot ? dot : "";
    if (strcmp(ending, ".safetensors") == 0 && !net->model.architecture) {
        return lc_fail(LC_ERR_UNSUPPORTED, "%s is no state dict of a known architecture; it can be written as .onnx", net->path);
    }
    if (strcmp(ending, ".safetensors") != 0 && strcmp(ending, ".onnx") != 0) {
        return lc_fail(LC_ERR_ARG, "%s: a network is written as .safetensors or .onnx", path);
    }
    return LC_OK;
}

lc_status lc_network_save(lc_network *net, const char *path, const char *command)
{
    lc_json *more = lc_json_object();
    lc_json_set_string(more, "format", "pt");
    lc_json_set_string(more, "made_by", command);
    lc_status status = lc_network_write(net, path, &(lc_write_options){.tuned = true, .metadata = more});
    lc_json_free(more);
    return status;
}
