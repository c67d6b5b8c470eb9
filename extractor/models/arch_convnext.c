/*
 * ConvNeXt: Liu et al., arXiv:2201.03545.
 *
 * PyTorch turns the maps into channels-last and back around layer norms and linear layers. Here maps are channels-last
 * already: those permutations are aliases, the linear layers 1x1 convolutions, and all taps show maps as (C,H,W).
 */
#include "extractor/models/arch.h"

/* torchvision's LayerNorm2d */
static size_t norm2d(lc_arch_builder *b, size_t x, const char *name)
{
    lc_arch_alias(b, x, "%s.permute", name);
    x = lc_arch_layernorm(b, x, name, "layer_norm");
    lc_arch_alias(b, x, "%s.permute_1", name);
    return x;
}

static size_t block(lc_arch_builder *b, size_t x)
{
    size_t channels = lc_arch_channels(b, x);
    size_t y = lc_arch_conv(b, x, "block.0", channels, 7, 1, 3, channels);
    lc_arch_alias(b, y, "block.1");
    lc_arch_alias(b, y, "block.1.permute");
    y = lc_arch_layernorm(b, y, "block.2", NULL);
    y = lc_arch_linear_map(b, y, "block.3", 4 * channels);
    y = lc_arch_op(b, &lc_op_gelu, y, "block.4");
    y = lc_arch_linear_map(b, y, "block.5", channels);
    lc_arch_alias(b, y, "block.6");
    lc_arch_alias(b, y, "block.6.permute");
    y = lc_arch_scale(b, y, "layer_scale", "mul");
    lc_arch_alias(b, y, "stochastic_depth");
    lc_arch_alias(b, y, "stochastic_depth.stochastic_depth");
    return lc_arch_add(b, y, x, "add");
}

void lc_arch_convnext(lc_arch_builder *b, const int *numbers)
{
    const int *depths = numbers, *widths = numbers + 4;
    b->epsilon = 1e-6f;
    b->biased = true;
    size_t x = lc_arch_conv(b, lc_arch_input(b, "features.0.0"), "features.0.0", (size_t)widths[0], 4, 4, 0, 1);
    x = norm2d(b, x, "features.0.1");
    for (int s = 0; s < 4; s++) {
        if (s > 0) {
            x = norm2d(b, x, lc_arch_text(b, "features.%d.0", 2 * s));
            x = lc_arch_conv(b, x, lc_arch_text(b, "features.%d.1", 2 * s), (size_t)widths[s], 2, 2, 0, 1);
        }
        for (int i = 0; i < depths[s]; i++) {
            size_t mark = lc_arch_enter(b, "features.%d.%d", 2 * s + 1, i);
            x = block(b, x);
            lc_arch_leave(b, mark);
        }
    }
    x = lc_arch_adaptive(b, x, "avgpool", 1);
    if (lc_arch_has(b, "classifier.0")) {
        x = norm2d(b, x, "classifier.0");
        x = lc_arch_flatten(b, x, "classifier.1");
        lc_arch_classes(b, x, "classifier.2");
    }
}
