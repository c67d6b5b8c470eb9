/* ShuffleNet V2: Ma et al., arXiv:1807.11164. */
#include "extractor/models/arch.h"

/* <name>.<i> and <i + 1>: a convolution and its batch norm */
static size_t conv_bn(lc_arch_builder *b, size_t x, const char *name, size_t i, size_t out, size_t kernel, size_t stride,
                      size_t groups)
{
    x = lc_arch_conv(b, x, lc_arch_text(b, "%s.%zu", name, i), out, kernel, stride, kernel / 2, groups);
    return lc_arch_batchnorm(b, x, lc_arch_text(b, "%s.%zu", name, i + 1));
}

static size_t conv_bn_relu(lc_arch_builder *b, size_t x, const char *name, size_t i, size_t out, size_t kernel,
                           size_t stride)
{
    return lc_arch_relu(b, conv_bn(b, x, name, i, out, kernel, stride, 1), lc_arch_text(b, "%s.%zu", name, i + 2));
}

/* Half of the channels passes by, half goes through branch2; with stride 2 both branches see all. */
static size_t unit(lc_arch_builder *b, size_t x, size_t out, size_t stride)
{
    size_t half = out / 2, in = lc_arch_channels(b, x), parts[2], y = x;
    if (stride > 1) {
        parts[0] = conv_bn(b, x, "branch1", 0, in, 3, stride, in);
        parts[0] = conv_bn_relu(b, parts[0], "branch1", 2, half, 1, 1);
    } else {
        parts[0] = lc_arch_slice_channels(b, x, "getitem", 0, half);
        y = lc_arch_slice_channels(b, x, "getitem_1", half, out);
    }
    y = conv_bn_relu(b, y, "branch2", 0, half, 1, 1);
    y = conv_bn(b, y, "branch2", 3, half, 3, stride, half);
    parts[1] = conv_bn_relu(b, y, "branch2", 5, half, 1, 1);
    return lc_arch_channel_shuffle(b, lc_arch_concat(b, parts, 2, "cat"), "channel_shuffle", 2);
}

void lc_arch_shufflenet_v2(lc_arch_builder *b, const int *numbers)
{
    static const size_t units[] = {4, 8, 4};
    size_t x = conv_bn_relu(b, lc_arch_input(b, "conv1.0"), "conv1", 0, 24, 3, 2);
    x = lc_arch_maxpool(b, x, "maxpool", 3, 2, 1, false);
    for (size_t s = 0; s < 3; s++) {
        for (size_t i = 0; i < units[s]; i++) {
            size_t mark = lc_arch_enter(b, "stage%zu.%zu", s + 2, i);
            x = unit(b, x, (size_t)numbers[s], i == 0 ? 2 : 1);
            lc_arch_leave(b, mark);
        }
    }
    x = conv_bn_relu(b, x, "conv5", 0, (size_t)numbers[3], 1, 1);
    x = lc_arch_adaptive(b, x, "mean", 1);
    lc_arch_classes(b, lc_arch_flatten(b, x, "flatten"), "fc");
}
