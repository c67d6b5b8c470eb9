/* DenseNet: Huang et al., arXiv:1608.06993. */
#include "extractor/models/arch.h"

#include <stdio.h>
#include <string.h>

enum { BLOCKS = 4, MOST_LAYERS = 48, BOTTLENECK = 4 };

/* Published files are older than torchvision's present names: "denselayer1.norm.1.weight" is "denselayer1.norm1.weight"
 * now. */
static bool respell(char old[2 * LC_ARCH_NAME], const char *name)
{
    const char *part = strrchr(name, '.');
    if (!strstr(name, "denselayer") || !part || part == name) {
        return false;
    }
    return snprintf(old, 2 * LC_ARCH_NAME, "%.*s.%s", (int)(part - 1 - name), name, part - 1) < 2 * LC_ARCH_NAME;
}

static size_t norm_relu_conv(lc_arch_builder *b, size_t x, int i, size_t out, size_t kernel)
{
    x = lc_arch_batchnorm(b, x, lc_arch_text(b, "norm%d", i));
    x = lc_arch_relu(b, x, lc_arch_text(b, "relu%d", i));
    return lc_arch_conv(b, x, lc_arch_text(b, "conv%d", i), out, kernel, 1, kernel / 2, 1);
}

static size_t block(lc_arch_builder *b, size_t x, int layers, size_t growth)
{
    size_t parts[MOST_LAYERS + 1] = {x};
    for (int i = 1; i <= layers; i++) {
        size_t mark = lc_arch_enter(b, "denselayer%d", i);
        if (i == 1) {
            lc_arch_alias(b, x, "cat"); /* of one */
        } else {
            x = lc_arch_concat(b, parts, (size_t)i, "cat");
        }
        x = norm_relu_conv(b, x, 1, BOTTLENECK * growth, 1);
        parts[i] = norm_relu_conv(b, x, 2, growth, 3);
        lc_arch_leave(b, mark);
    }
    return lc_arch_concat(b, parts, (size_t)layers + 1, "cat");
}

static size_t transition(lc_arch_builder *b, size_t x)
{
    size_t out = lc_arch_channels(b, x) / 2;
    x = lc_arch_batchnorm(b, x, "norm");
    x = lc_arch_relu(b, x, "relu");
    x = lc_arch_conv(b, x, "conv", out, 1, 1, 0, 1);
    return lc_arch_avgpool(b, x, "pool", 2, 2, 0);
}

void lc_arch_densenet(lc_arch_builder *b, const int *numbers)
{
    b->respell = respell;
    size_t features = lc_arch_enter(b, "features");
    size_t x = lc_arch_conv(b, lc_arch_input(b, "conv0"), "conv0", (size_t)numbers[1], 7, 2, 3, 1);
    x = lc_arch_batchnorm(b, x, "norm0");
    x = lc_arch_relu(b, x, "relu0");
    x = lc_arch_maxpool(b, x, "pool0", 3, 2, 1, false);
    for (int i = 0; i < BLOCKS; i++) {
        size_t mark = lc_arch_enter(b, "denseblock%d", i + 1);
        x = block(b, x, numbers[2 + i], (size_t)numbers[0]);
        lc_arch_leave(b, mark);
        if (i + 1 < BLOCKS) {
            mark = lc_arch_enter(b, "transition%d", i + 1);
            x = transition(b, x);
            lc_arch_leave(b, mark);
        }
    }
    x = lc_arch_batchnorm(b, x, "norm5");
    lc_arch_leave(b, features);
    x = lc_arch_relu(b, x, "relu");
    x = lc_arch_adaptive(b, x, "adaptive_avg_pool2d", 1);
    lc_arch_classes(b, lc_arch_flatten(b, x, "flatten"), "classifier");
}
