/* RegNet: Radosavovic et al., arXiv:2003.13678; Y has squeeze-and-excitation gates, X has none. */
#include "extractor/models/arch.h"

enum { STAGES = 4, STEM = 32 };

static size_t block(lc_arch_builder *b, size_t x, size_t out, size_t stride, size_t group_width, bool gated)
{
    size_t in = lc_arch_channels(b, x), y, mark;
    size_t shortcut = in != out || stride != 1 ? lc_arch_conv_norm(b, x, "proj", out, 1, stride, 1, NULL) : x;
    mark = lc_arch_enter(b, "f");
    y = lc_arch_conv_norm(b, x, "a", out, 1, 1, 1, lc_arch_relu);
    y = lc_arch_conv_norm(b, y, "b", out, 3, stride, out / group_width, lc_arch_relu);
    if (gated) { /* a quarter of the block's input; in / 4.0 rounds halves to even, and widths are multiples of 8 */
        y = lc_arch_squeeze_excite(b, y, "se", in / 4, lc_arch_relu, lc_arch_sigmoid);
    }
    y = lc_arch_conv_norm(b, y, "c", out, 1, 1, 1, NULL);
    lc_arch_leave(b, mark);
    return lc_arch_relu(b, lc_arch_add(b, shortcut, y, "add"), "activation");
}

void lc_arch_regnet(lc_arch_builder *b, const int *numbers)
{
    const int *depths = numbers, *widths = numbers + STAGES;
    size_t x = lc_arch_conv_norm(b, lc_arch_input(b, "stem.0"), "stem", STEM, 3, 2, 1, lc_arch_relu);
    size_t trunk = lc_arch_enter(b, "trunk_output");
    for (int s = 0; s < STAGES; s++) {
        for (int i = 0; i < depths[s]; i++) {
            size_t mark = lc_arch_enter(b, "block%d.block%d-%d", s + 1, s + 1, i), width = (size_t)widths[s];
            size_t group = (size_t)numbers[8] < width ? (size_t)numbers[8] : width;
            x = block(b, x, width, i == 0 ? 2 : 1, group, numbers[9] != 0);
            lc_arch_leave(b, mark);
        }
    }
    lc_arch_leave(b, trunk);
    x = lc_arch_adaptive(b, x, "avgpool", 1);
    lc_arch_classes(b, lc_arch_flatten(b, x, "flatten"), "fc");
}
