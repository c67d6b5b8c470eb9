/*
 * The ONNX reader, and what its graphs lead to: names, a plan, and a run of two pictures when the graph is small. Two,
 * because what a graph makes of one may have no room for a second.
 */
#include <stddef.h>
#include <stdint.h>

#include "extractor/models/models.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SMALL = 1 << 22, BATCH = 2 }; /* SMALL: floats in all activations together */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lc_model m;
    lc_taps taps;
    lc_plan *plan;
    lc_exec *exec;
    const lc_kernels *kernels;
    const char *format;
    lc_mapping file = {.data = data, .size = size};
    if (lc_kernels_get(&kernels) != LC_OK || lc_model_open(&m, &format, "fuzz.onnx", &file) != LC_OK) {
        return 0;
    }
    size_t floats = 0;
    for (size_t i = 0; i < m.graph->value_count && floats < SMALL; i++) {
        floats += lc_tensor_count(&m.graph->values[i].t);
    }
    if (lc_taps_new(&taps, m.graph) == LC_OK) {
        if (lc_plan_new(&plan, m.graph, &m.graph->output, 1, BATCH, LC_FLOAT32, kernels, NULL) == LC_OK) {
            uint64_t macs = 0;
            for (size_t i = 0; i < taps.count; i++) {
                macs = taps.taps[i].value == m.graph->output ? taps.taps[i].macs : macs;
            }
            if (floats < SMALL && macs < SMALL && lc_exec_new(&exec, plan, 1) == LC_OK) {
                for (size_t i = 0; i < BATCH * lc_tensor_count(&m.graph->values[m.graph->input].t); i++) {
                    lc_exec_input(exec)[i] = (float)(i % 7) - 3;
                }
                if (lc_exec_run(exec, BATCH, NULL) != LC_OK) {
                    __builtin_trap(); /* what was planned must run */
                }
                lc_exec_free(exec);
            }
            lc_plan_free(plan);
        }
        lc_taps_free(&taps);
    }
    lc_model_free(&m);
    return 0;
}
