/*
 * Networks of parallel branches. GoogLeNet with batch norms: Szegedy et al., arXiv:1409.4842 (its 5x5 convolutions are
 * 3x3, as in torchvision and its weights). Inception v3: Szegedy et al., arXiv:1512.00567.
 *
 * torchvision's option transform_input, which a state dict cannot tell, is left out of the graph; see arch_list.inc.
 * The heads that only train (aux1, aux2, AuxLogits) are left out too.
 */
#include "extractor/models/arch.h"

/* <name>.conv, <name>.bn, <name>.relu */
static size_t basic(lc_arch_builder *b, size_t x, const char *name, size_t out, size_t kernel, size_t stride, size_t pad)
{
    size_t mark = lc_arch_enter(b, "%s", name);
    x = lc_arch_conv(b, x, "conv", out, kernel, stride, pad, 1);
    x = lc_arch_batchnorm(b, x, "bn");
    x = lc_arch_relu(b, x, "relu");
    lc_arch_leave(b, mark);
    return x;
}

static size_t basic_wide(lc_arch_builder *b, size_t x, const char *name, size_t out, size_t height, size_t width)
{
    size_t mark = lc_arch_enter(b, "%s", name);
    x = lc_arch_conv_wide(b, x, "conv", out, height, width);
    x = lc_arch_batchnorm(b, x, "bn");
    x = lc_arch_relu(b, x, "relu");
    lc_arch_leave(b, mark);
    return x;
}

/* GoogLeNet ------------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    size_t one, three_reduced, three, five_reduced, five, pooled;
} inception;

static size_t googlenet_block(lc_arch_builder *b, size_t x, const inception *i)
{
    size_t parts[4], mark = lc_arch_enter(b, "%s", i->name);
    parts[0] = basic(b, x, "branch1", i->one, 1, 1, 0);
    parts[1] = basic(b, x, "branch2.0", i->three_reduced, 1, 1, 0);
    parts[1] = basic(b, parts[1], "branch2.1", i->three, 3, 1, 1);
    parts[2] = basic(b, x, "branch3.0", i->five_reduced, 1, 1, 0);
    parts[2] = basic(b, parts[2], "branch3.1", i->five, 3, 1, 1);
    parts[3] = lc_arch_maxpool(b, x, "branch4.0", 3, 1, 1, true);
    parts[3] = basic(b, parts[3], "branch4.1", i->pooled, 1, 1, 0);
    x = lc_arch_concat(b, parts, 4, "cat");
    lc_arch_leave(b, mark);
    return x;
}

void lc_arch_googlenet(lc_arch_builder *b, const int *numbers)
{
    (void)numbers;
    static const inception blocks[] = {
        {"inception3a", 64, 96, 128, 16, 32, 32},     {"inception3b", 128, 128, 192, 32, 96, 64},
        {"inception4a", 192, 96, 208, 16, 48, 64},    {"inception4b", 160, 112, 224, 24, 64, 64},
        {"inception4c", 128, 128, 256, 24, 64, 64},   {"inception4d", 112, 144, 288, 32, 64, 64},
        {"inception4e", 256, 160, 320, 32, 128, 128}, {"inception5a", 256, 160, 320, 32, 128, 128},
        {"inception5b", 384, 192, 384, 48, 128, 128},
    };
    b->epsilon = 1e-3f;
    size_t x = basic(b, lc_arch_input(b, "conv1.conv"), "conv1", 64, 7, 2, 3);
    x = lc_arch_maxpool(b, x, "maxpool1", 3, 2, 0, true);
    x = basic(b, x, "conv2", 64, 1, 1, 0);
    x = basic(b, x, "conv3", 192, 3, 1, 1);
    x = lc_arch_maxpool(b, x, "maxpool2", 3, 2, 0, true);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        x = googlenet_block(b, x, &blocks[i]);
        if (i == 1) {
            x = lc_arch_maxpool(b, x, "maxpool3", 3, 2, 0, true);
        } else if (i == 6) {
            x = lc_arch_maxpool(b, x, "maxpool4", 2, 2, 0, true);
        }
    }
    x = lc_arch_adaptive(b, x, "avgpool", 1);
    x = lc_arch_flatten(b, x, "flatten");
    x = lc_arch_dropout(b, x, "dropout", 0.2);
    lc_arch_classes(b, x, "fc");
}

/* Inception v3 ------------------------------------------------------------------------------------------------------ */

static size_t pooled(lc_arch_builder *b, size_t x, size_t out)
{
    return basic(b, lc_arch_avgpool(b, x, "avg_pool2d", 3, 1, 1), "branch_pool", out, 1, 1, 0);
}

static size_t block_a(lc_arch_builder *b, size_t x, size_t out)
{
    size_t parts[4];
    parts[0] = basic(b, x, "branch1x1", 64, 1, 1, 0);
    parts[1] = basic(b, x, "branch5x5_1", 48, 1, 1, 0);
    parts[1] = basic(b, parts[1], "branch5x5_2", 64, 5, 1, 2);
    parts[2] = basic(b, x, "branch3x3dbl_1", 64, 1, 1, 0);
    parts[2] = basic(b, parts[2], "branch3x3dbl_2", 96, 3, 1, 1);
    parts[2] = basic(b, parts[2], "branch3x3dbl_3", 96, 3, 1, 1);
    parts[3] = pooled(b, x, out);
    return lc_arch_concat(b, parts, 4, "cat");
}

static size_t block_b(lc_arch_builder *b, size_t x)
{
    size_t parts[3];
    parts[0] = basic(b, x, "branch3x3", 384, 3, 2, 0);
    parts[1] = basic(b, x, "branch3x3dbl_1", 64, 1, 1, 0);
    parts[1] = basic(b, parts[1], "branch3x3dbl_2", 96, 3, 1, 1);
    parts[1] = basic(b, parts[1], "branch3x3dbl_3", 96, 3, 2, 0);
    parts[2] = lc_arch_maxpool(b, x, "max_pool2d", 3, 2, 0, false);
    return lc_arch_concat(b, parts, 3, "cat");
}

static size_t block_c(lc_arch_builder *b, size_t x, size_t hidden)
{
    size_t parts[4];
    parts[0] = basic(b, x, "branch1x1", 192, 1, 1, 0);
    parts[1] = basic(b, x, "branch7x7_1", hidden, 1, 1, 0);
    parts[1] = basic_wide(b, parts[1], "branch7x7_2", hidden, 1, 7);
    parts[1] = basic_wide(b, parts[1], "branch7x7_3", 192, 7, 1);
    parts[2] = basic(b, x, "branch7x7dbl_1", hidden, 1, 1, 0);
    parts[2] = basic_wide(b, parts[2], "branch7x7dbl_2", hidden, 7, 1);
    parts[2] = basic_wide(b, parts[2], "branch7x7dbl_3", hidden, 1, 7);
    parts[2] = basic_wide(b, parts[2], "branch7x7dbl_4", hidden, 7, 1);
    parts[2] = basic_wide(b, parts[2], "branch7x7dbl_5", 192, 1, 7);
    parts[3] = pooled(b, x, 192);
    return lc_arch_concat(b, parts, 4, "cat");
}

static size_t block_d(lc_arch_builder *b, size_t x)
{
    size_t parts[3];
    parts[0] = basic(b, x, "branch3x3_1", 192, 1, 1, 0);
    parts[0] = basic(b, parts[0], "branch3x3_2", 320, 3, 2, 0);
    parts[1] = basic(b, x, "branch7x7x3_1", 192, 1, 1, 0);
    parts[1] = basic_wide(b, parts[1], "branch7x7x3_2", 192, 1, 7);
    parts[1] = basic_wide(b, parts[1], "branch7x7x3_3", 192, 7, 1);
    parts[1] = basic(b, parts[1], "branch7x7x3_4", 192, 3, 2, 0);
    parts[2] = lc_arch_maxpool(b, x, "max_pool2d", 3, 2, 0, false);
    return lc_arch_concat(b, parts, 3, "cat");
}

static size_t block_e(lc_arch_builder *b, size_t x)
{
    size_t parts[4], halves[2];
    parts[0] = basic(b, x, "branch1x1", 320, 1, 1, 0);
    parts[1] = basic(b, x, "branch3x3_1", 384, 1, 1, 0);
    halves[0] = basic_wide(b, parts[1], "branch3x3_2a", 384, 1, 3);
    halves[1] = basic_wide(b, parts[1], "branch3x3_2b", 384, 3, 1);
    parts[1] = lc_arch_concat(b, halves, 2, "cat");
    parts[2] = basic(b, x, "branch3x3dbl_1", 448, 1, 1, 0);
    parts[2] = basic(b, parts[2], "branch3x3dbl_2", 384, 3, 1, 1);
    halves[0] = basic_wide(b, parts[2], "branch3x3dbl_3a", 384, 1, 3);
    halves[1] = basic_wide(b, parts[2], "branch3x3dbl_3b", 384, 3, 1);
    parts[2] = lc_arch_concat(b, halves, 2, "cat_1");
    parts[3] = pooled(b, x, 192);
    return lc_arch_concat(b, parts, 4, "cat_2");
}

void lc_arch_inception_v3(lc_arch_builder *b, const int *numbers)
{
    (void)numbers;
    static const struct {
        const char *name;
        char kind;
        size_t width; /* of the pooled branch (A), of the hidden layers (C) */
    } blocks[] = {
        {"Mixed_5b", 'A', 32},  {"Mixed_5c", 'A', 64},  {"Mixed_5d", 'A', 64},  {"Mixed_6a", 'B', 0},
        {"Mixed_6b", 'C', 128}, {"Mixed_6c", 'C', 160}, {"Mixed_6d", 'C', 160}, {"Mixed_6e", 'C', 192},
        {"Mixed_7a", 'D', 0},   {"Mixed_7b", 'E', 0},   {"Mixed_7c", 'E', 0},
    };
    b->epsilon = 1e-3f;
    size_t x = basic(b, lc_arch_input(b, "Conv2d_1a_3x3.conv"), "Conv2d_1a_3x3", 32, 3, 2, 0);
    x = basic(b, x, "Conv2d_2a_3x3", 32, 3, 1, 0);
    x = basic(b, x, "Conv2d_2b_3x3", 64, 3, 1, 1);
    x = lc_arch_maxpool(b, x, "maxpool1", 3, 2, 0, false);
    x = basic(b, x, "Conv2d_3b_1x1", 80, 1, 1, 0);
    x = basic(b, x, "Conv2d_4a_3x3", 192, 3, 1, 0);
    x = lc_arch_maxpool(b, x, "maxpool2", 3, 2, 0, false);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        size_t mark = lc_arch_enter(b, "%s", blocks[i].name);
        switch (blocks[i].kind) {
        case 'A':
            x = block_a(b, x, blocks[i].width);
            break;
        case 'B':
            x = block_b(b, x);
            break;
        case 'C':
            x = block_c(b, x, blocks[i].width);
            break;
        case 'D':
            x = block_d(b, x);
            break;
        default:
            x = block_e(b, x);
        }
        lc_arch_leave(b, mark);
    }
    x = lc_arch_adaptive(b, x, "avgpool", 1);
    x = lc_arch_dropout(b, x, "dropout", 0.5);
    lc_arch_classes(b, lc_arch_flatten(b, x, "flatten"), "fc");
}
