/*
 * Plain stacks of convolutions with a fully connected head. AlexNet in torchvision's form: Krizhevsky, "One weird trick
 * for parallelizing convolutional neural networks", arXiv:1404.5997. VGG: Simonyan and Zisserman, arXiv:1409.1556.
 *
 * Aliases are the names of the papers and of Caffe: conv5_3 is the convolution itself, relu5_3 what follows it.
 */
#include "extractor/models/arch.h"

/* Linear layers 6 to 8 at these modules of classifier, a ReLU behind all but the last, then a dropout where there is room for one. */
static void head(lc_arch_builder *b, size_t x, const size_t linear[3])
{
    for (size_t i = 0; i < 3 && lc_arch_has(b, lc_arch_text(b, "classifier.%zu", linear[i])); i++) {
        const char *name = lc_arch_text(b, "classifier.%zu", linear[i]);
        x = lc_arch_linear(b, x, name, i < 2 ? 4096 : lc_arch_rows(b, name));
        lc_arch_alias(b, x, "fc%zu", 6 + i);
        if (i < 2) {
            x = lc_arch_relu(b, x, lc_arch_text(b, "classifier.%zu", linear[i] + 1));
            lc_arch_alias(b, x, "relu%zu", 6 + i);
        }
        if (i < 2 && linear[i] + 2 < linear[i + 1]) {
            x = lc_arch_dropout(b, x, lc_arch_text(b, "classifier.%zu", linear[i] + 2), 0.5);
        }
    }
}

void lc_arch_alexnet(lc_arch_builder *b, const int *numbers)
{
    (void)numbers;
    static const struct {
        size_t out, kernel, stride, pad;
        bool pooled;
    } stage[] = {
        {64, 11, 4, 2, true}, {192, 5, 1, 2, true}, {384, 3, 1, 1, false}, {256, 3, 1, 1, false}, {256, 3, 1, 1, true}};
    b->biased = true;
    size_t index = 0, x = lc_arch_input(b, "features.0");
    for (size_t i = 0; i < sizeof stage / sizeof *stage; i++) {
        x = lc_arch_conv(b, x, lc_arch_text(b, "features.%zu", index++), stage[i].out, stage[i].kernel, stage[i].stride,
                         stage[i].pad, 1);
        lc_arch_alias(b, x, "conv%zu", i + 1);
        x = lc_arch_relu(b, x, lc_arch_text(b, "features.%zu", index++));
        lc_arch_alias(b, x, "relu%zu", i + 1);
        if (stage[i].pooled) {
            x = lc_arch_maxpool(b, x, lc_arch_text(b, "features.%zu", index++), 3, 2, 0, false);
            lc_arch_alias(b, x, "pool%zu", i + 1);
        }
    }
    x = lc_arch_adaptive(b, x, "avgpool", 6);
    x = lc_arch_flatten(b, x, "flatten");
    x = lc_arch_dropout(b, x, "classifier.0", 0.5);
    head(b, x, (const size_t[]){1, 4, 6});
}

void lc_arch_vgg(lc_arch_builder *b, const int *numbers)
{
    static const size_t channels[] = {64, 128, 256, 512, 512};
    b->biased = true;
    size_t index = 0, x = lc_arch_input(b, "features.0");
    for (size_t stage = 0; stage < 5; stage++) {
        for (int i = 1; i <= numbers[stage]; i++) {
            x = lc_arch_conv(b, x, lc_arch_text(b, "features.%zu", index++), channels[stage], 3, 1, 1, 1);
            lc_arch_alias(b, x, "conv%zu_%d", stage + 1, i);
            if (numbers[5]) {
                x = lc_arch_batchnorm(b, x, lc_arch_text(b, "features.%zu", index++));
            }
            x = lc_arch_relu(b, x, lc_arch_text(b, "features.%zu", index++));
            lc_arch_alias(b, x, "relu%zu_%d", stage + 1, i);
        }
        x = lc_arch_maxpool(b, x, lc_arch_text(b, "features.%zu", index++), 2, 2, 0, false);
        lc_arch_alias(b, x, "pool%zu", stage + 1);
    }
    x = lc_arch_adaptive(b, x, "avgpool", 7);
    x = lc_arch_flatten(b, x, "flatten");
    head(b, x, (const size_t[]){0, 3, 6});
}
