/*
 * Networks of inverted residuals without gates. MobileNetV2: Sandler et al., arXiv:1801.04381. MnasNet (the B1 variant
 * that torchvision has): Tan et al., arXiv:1807.11626.
 */
#include "extractor/models/arch.h"

/* MobileNetV2's block: conv.0 expands (unless by 1), depthwise, then a convolution without activation. */
static size_t inverted_v2(lc_arch_builder *b, size_t x, size_t out, size_t stride, size_t expand)
{
    size_t in = lc_arch_channels(b, x), part = 0, hidden = in * expand, y = x, mark = lc_arch_enter(b, "conv");
    if (expand != 1) {
        y = lc_arch_conv_norm(b, y, lc_arch_text(b, "%zu", part++), hidden, 1, 1, 1, lc_arch_relu6);
    }
    y = lc_arch_conv_norm(b, y, lc_arch_text(b, "%zu", part++), hidden, 3, stride, hidden, lc_arch_relu6);
    y = lc_arch_conv(b, y, lc_arch_text(b, "%zu", part++), out, 1, 1, 0, 1);
    y = lc_arch_batchnorm(b, y, lc_arch_text(b, "%zu", part));
    lc_arch_leave(b, mark);
    return stride == 1 && in == out ? lc_arch_add(b, x, y, "add") : y;
}

void lc_arch_mobilenet_v2(lc_arch_builder *b, const int *numbers)
{
    (void)numbers;
    static const struct {
        size_t expand, out, blocks, stride;
    } stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                  {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    size_t index = 1, x = lc_arch_conv_norm(b, lc_arch_input(b, "features.0.0"), "features.0", 32, 3, 2, 1, lc_arch_relu6);
    for (size_t s = 0; s < sizeof stages / sizeof *stages; s++) {
        for (size_t i = 0; i < stages[s].blocks; i++) {
            size_t mark = lc_arch_enter(b, "features.%zu", index++);
            x = inverted_v2(b, x, stages[s].out, i == 0 ? stages[s].stride : 1, stages[s].expand);
            lc_arch_leave(b, mark);
        }
    }
    x = lc_arch_conv_norm(b, x, lc_arch_text(b, "features.%zu", index), 1280, 1, 1, 1, lc_arch_relu6);
    x = lc_arch_adaptive(b, x, "adaptive_avg_pool2d", 1);
    x = lc_arch_flatten(b, x, "flatten");
    x = lc_arch_dropout(b, x, "classifier.0", 0.2);
    lc_arch_classes(b, x, "classifier.1");
}

/* layers.<i> and layers.<i + 1>: a convolution padded to keep the size, and its batch norm */
static size_t conv_bn(lc_arch_builder *b, size_t x, size_t i, size_t out, size_t kernel, size_t stride, size_t groups)
{
    x = lc_arch_conv(b, x, lc_arch_text(b, "layers.%zu", i), out, kernel, stride, kernel / 2, groups);
    return lc_arch_batchnorm(b, x, lc_arch_text(b, "layers.%zu", i + 1));
}

static size_t conv_bn_relu(lc_arch_builder *b, size_t x, size_t i, size_t out, size_t kernel, size_t stride, size_t groups)
{
    return lc_arch_relu(b, conv_bn(b, x, i, out, kernel, stride, groups), lc_arch_text(b, "layers.%zu", i + 2));
}

static size_t inverted_mnasnet(lc_arch_builder *b, size_t x, size_t out, size_t kernel, size_t stride, size_t expand)
{
    size_t in = lc_arch_channels(b, x), hidden = in * expand;
    size_t y = conv_bn_relu(b, x, 0, hidden, 1, 1, 1);
    y = conv_bn_relu(b, y, 3, hidden, kernel, stride, hidden);
    y = conv_bn(b, y, 6, out, 1, 1, 1);
    return stride == 1 && in == out ? lc_arch_add(b, y, x, "add") : y;
}

/* A multiple of 8, rounded up unless the smaller one is within 10 %. */
static size_t rounded(size_t channels, double scale)
{
    double wanted = (double)channels * scale;
    size_t v = (size_t)(wanted + 4) / 8 * 8;
    v = v < 8 ? 8 : v;
    return (double)v >= 0.9 * wanted ? v : v + 8;
}

void lc_arch_mnasnet(lc_arch_builder *b, const int *numbers)
{
    static const struct {
        size_t out, kernel, stride, expand, blocks;
    } stacks[] = {{24, 3, 2, 3, 3}, {40, 5, 2, 3, 3},  {80, 5, 2, 6, 3},
                  {96, 3, 1, 6, 2}, {192, 5, 2, 6, 4}, {320, 3, 1, 6, 1}};
    double scale = numbers[0] / 100.0;
    size_t stem = rounded(32, scale), x = conv_bn_relu(b, lc_arch_input(b, "layers.0"), 0, stem, 3, 2, 1);
    x = conv_bn_relu(b, x, 3, stem, 3, 1, stem);
    x = conv_bn(b, x, 6, rounded(16, scale), 1, 1, 1);
    for (size_t s = 0; s < sizeof stacks / sizeof *stacks; s++) {
        for (size_t i = 0; i < stacks[s].blocks; i++) {
            size_t mark = lc_arch_enter(b, "layers.%zu.%zu", s + 8, i);
            x = inverted_mnasnet(b, x, rounded(stacks[s].out, scale), stacks[s].kernel, i == 0 ? stacks[s].stride : 1,
                                 stacks[s].expand);
            lc_arch_leave(b, mark);
        }
    }
    x = conv_bn_relu(b, x, 14, 1280, 1, 1, 1);
    x = lc_arch_adaptive(b, x, "mean", 1);
    x = lc_arch_flatten(b, x, "flatten");
    x = lc_arch_dropout(b, x, "classifier.0", 0.2);
    lc_arch_classes(b, x, "classifier.1");
}
