/*
 * Residual networks: He et al., arXiv:1512.03385 (stride in the 3x3 convolution, as torchvision has it); ResNeXt: Xie et
 * al., arXiv:1611.05431; wide: Zagoruyko and Komodakis, arXiv:1605.07146. And the paper's own networks for CIFAR-10.
 */
#include "extractor/models/arch.h"

static size_t conv_bn(lc_arch_builder *b, size_t x, size_t i, size_t out, size_t kernel, size_t stride, size_t groups)
{
    x = lc_arch_conv(b, x, lc_arch_text(b, "conv%zu", i), out, kernel, stride, kernel / 2, groups);
    return lc_arch_batchnorm(b, x, lc_arch_text(b, "bn%zu", i));
}

static size_t shortcut(lc_arch_builder *b, size_t x, size_t out, size_t stride)
{
    if (stride == 1 && lc_arch_channels(b, x) == out) {
        return x;
    }
    x = lc_arch_conv(b, x, "downsample.0", out, 1, stride, 0, 1);
    return lc_arch_batchnorm(b, x, "downsample.1");
}

static size_t basic(lc_arch_builder *b, size_t x, size_t width, size_t stride)
{
    size_t y = lc_arch_relu(b, conv_bn(b, x, 1, width, 3, stride, 1), "relu");
    y = conv_bn(b, y, 2, width, 3, 1, 1);
    y = lc_arch_add(b, y, shortcut(b, x, width, stride), "add");
    return lc_arch_relu(b, y, "relu_1");
}

static size_t bottleneck(lc_arch_builder *b, size_t x, size_t width, size_t out, size_t stride, size_t groups)
{
    size_t y = lc_arch_relu(b, conv_bn(b, x, 1, width, 1, 1, 1), "relu");
    y = lc_arch_relu(b, conv_bn(b, y, 2, width, 3, stride, groups), "relu_1");
    y = conv_bn(b, y, 3, out, 1, 1, 1);
    y = lc_arch_add(b, y, shortcut(b, x, out, stride), "add");
    return lc_arch_relu(b, y, "relu_2");
}

void lc_arch_resnet(lc_arch_builder *b, const int *numbers)
{
    bool deep = numbers[4] != 0;
    size_t groups = (size_t)numbers[5], per_group = (size_t)numbers[6];
    size_t x = conv_bn(b, lc_arch_input(b, "conv1"), 1, 64, 7, 2, 1);
    x = lc_arch_relu(b, x, "relu");
    x = lc_arch_maxpool(b, x, "maxpool", 3, 2, 1, false);
    for (size_t stage = 0; stage < 4; stage++) {
        for (int i = 0; i < numbers[stage]; i++) {
            size_t stride = i == 0 && stage > 0 ? 2 : 1, mark = lc_arch_enter(b, "layer%zu.%d", stage + 1, i);
            x = deep ? bottleneck(b, x, (groups * per_group) << stage, (size_t)256 << stage, stride, groups)
                     : basic(b, x, (size_t)64 << stage, stride);
            lc_arch_leave(b, mark);
        }
    }
    x = lc_arch_adaptive(b, x, "avgpool", 1);
    lc_arch_classes(b, lc_arch_flatten(b, x, "flatten"), "fc");
}

/* The paper's shortcut A: every second pixel, the new channels zero. */
static size_t cifar_block(lc_arch_builder *b, size_t x, size_t width)
{
    size_t in = lc_arch_channels(b, x), stride = in == width ? 1 : 2;
    size_t y = lc_arch_relu(b, conv_bn(b, x, 1, width, 3, stride, 1), "relu");
    y = conv_bn(b, y, 2, width, 3, 1, 1);
    if (stride != 1) {
        x = lc_arch_every_second(b, x, "shortcut.getitem");
        x = lc_arch_pad_channels(b, x, "shortcut.pad", (width - in) / 2);
    }
    return lc_arch_relu(b, lc_arch_add(b, y, x, "add"), "relu_1");
}

void lc_arch_cifar_resnet(lc_arch_builder *b, const int *numbers)
{
    size_t x = lc_arch_relu(b, conv_bn(b, lc_arch_input(b, "conv1"), 1, (size_t)numbers[1], 3, 1, 1), "relu");
    for (size_t stage = 0; stage < 3; stage++) {
        for (int i = 0; i < numbers[0]; i++) {
            size_t mark = lc_arch_enter(b, "layer%zu.%d", stage + 1, i);
            x = cifar_block(b, x, (size_t)numbers[1 + stage]);
            lc_arch_leave(b, mark);
        }
    }
    x = lc_arch_adaptive(b, x, "avg_pool2d", 1);
    x = lc_arch_flatten(b, x, "view");
    lc_arch_alias(b, x, "flatten");
    lc_arch_classes(b, x, "linear");
}
