/*
 * "embedded": a small residual network that needs no file, trained by this program's own `finetune`; how, on what, and what it is
 * good for: datasets/embedded/README.md. Its state dict, embedded.safetensors, is part of the program (embedded_file.S).
 */
#include <string.h>

#include "extractor/models/models.h"

extern const unsigned char lc_embedded_file[], lc_embedded_file_end[];

static bool sniff(const char *name, const lc_mapping *file)
{
    return !file->data && strcmp(name, "embedded") == 0;
}

static lc_status open_embedded(lc_model *out, const char *name, const lc_mapping *file, const char *arch)
{
    (void)file;
    (void)arch;
    const lc_mapping weights = {.data = lc_embedded_file, .size = (size_t)(lc_embedded_file_end - lc_embedded_file)};
    LC_TRY(lc_model_format_state_dict.open(out, name, &weights, NULL));
    out->format = NULL;
    out->uses_file = false; /* nobody's to release */
    out->identity = weights.data;
    out->identity_size = weights.size;
    out->note = "trained on the 32x32 pictures of CIFAR-10: good to try the commands; larger networks know more";
    return LC_OK;
}

const lc_model_format lc_model_format_embedded = {.name = "embedded", .sniff = sniff, .open = open_embedded};
