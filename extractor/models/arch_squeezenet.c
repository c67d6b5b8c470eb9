/* SqueezeNet: Iandola et al., arXiv:1602.07360; version 1.1 is the authors' own, with the pools earlier. */
#include "extractor/models/arch.h"

static size_t fire(lc_arch_builder *b, size_t x, size_t squeeze, size_t expand)
{
    size_t parts[2];
    x = lc_arch_conv(b, x, "squeeze", squeeze, 1, 1, 0, 1);
    x = lc_arch_relu(b, x, "squeeze_activation");
    parts[0] = lc_arch_conv(b, x, "expand1x1", expand, 1, 1, 0, 1);
    parts[0] = lc_arch_relu(b, parts[0], "expand1x1_activation");
    parts[1] = lc_arch_conv(b, x, "expand3x3", expand, 3, 1, 1, 1);
    parts[1] = lc_arch_relu(b, parts[1], "expand3x3_activation");
    return lc_arch_concat(b, parts, 2, "cat");
}

void lc_arch_squeezenet(lc_arch_builder *b, const int *numbers)
{
    /* Squeezed channels of features.3 to .12; 0: a pool. Each of the two expansions has four times as many. */
    static const size_t squeezed[2][10] = {{16, 16, 32, 0, 32, 48, 48, 64, 0, 64}, {16, 16, 0, 32, 32, 0, 48, 48, 64, 64}};
    b->biased = true;
    size_t x = lc_arch_input(b, "features.0");
    x = numbers[0] ? lc_arch_conv(b, x, "features.0", 64, 3, 2, 0, 1) : lc_arch_conv(b, x, "features.0", 96, 7, 2, 0, 1);
    x = lc_arch_relu(b, x, "features.1");
    x = lc_arch_maxpool(b, x, "features.2", 3, 2, 0, true);
    for (size_t i = 0; i < 10; i++) {
        size_t squeeze = squeezed[numbers[0]][i];
        if (squeeze == 0) {
            x = lc_arch_maxpool(b, x, lc_arch_text(b, "features.%zu", i + 3), 3, 2, 0, true);
            continue;
        }
        size_t mark = lc_arch_enter(b, "features.%zu", i + 3);
        x = fire(b, x, squeeze, 4 * squeeze);
        lc_arch_leave(b, mark);
    }
    if (!lc_arch_has(b, "classifier.1")) {
        return;
    }
    x = lc_arch_dropout(b, x, "classifier.0", 0.5);
    x = lc_arch_conv(b, x, "classifier.1", lc_arch_rows(b, "classifier.1"), 1, 1, 0, 1);
    x = lc_arch_relu(b, x, "classifier.2");
    x = lc_arch_adaptive(b, x, "classifier.3", 1);
    lc_arch_flatten(b, x, "flatten");
}
