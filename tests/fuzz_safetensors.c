/*
 * The reader of safetensors.
 */
#include "tests/fuzz_weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lc_mapping file = {.data = data, .size = size};
    if (lc_weights_reader_safetensors.sniff(&file)) {
        look_at_weights(&file);
    }
    return 0;
}
