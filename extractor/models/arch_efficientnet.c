/*
 * Inverted residuals with squeeze-and-excitation gates. MobileNetV3: Howard et al., arXiv:1905.02244. EfficientNet: Tan
 * and Le, arXiv:1905.11946; V2: arXiv:2104.00298. Squeeze and excitation: Hu et al., arXiv:1709.01507.
 */
#include "extractor/models/arch.h"

#include <math.h>

/* torchvision's _make_divisible by 8: to the nearest multiple, but never below 90 %. */
static size_t rounded(double channels)
{
    size_t v = (size_t)(channels + 4) / 8 * 8;
    v = v < 8 ? 8 : v;
    return (double)v < 0.9 * channels ? v + 8 : v;
}

/* MobileNetV3 ------------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t kernel, expanded, out;
    bool gated, swish;
    size_t stride;
} v3_block;

static size_t block_v3(lc_arch_builder *b, size_t x, const v3_block *p)
{
    lc_arch_activation *activation = p->swish ? lc_arch_hardswish : lc_arch_relu;
    size_t in = lc_arch_channels(b, x), part = 0, y = x, mark = lc_arch_enter(b, "block");
    if (p->expanded != in) {
        y = lc_arch_conv_norm(b, y, lc_arch_text(b, "%zu", part++), p->expanded, 1, 1, 1, activation);
    }
    y = lc_arch_conv_norm(b, y, lc_arch_text(b, "%zu", part++), p->expanded, p->kernel, p->stride, p->expanded, activation);
    if (p->gated) {
        size_t squeezed = rounded((double)(p->expanded / 4));
        y = lc_arch_squeeze_excite(b, y, lc_arch_text(b, "%zu", part++), squeezed, lc_arch_relu, lc_arch_hardsigmoid);
    }
    y = lc_arch_conv_norm(b, y, lc_arch_text(b, "%zu", part), p->out, 1, 1, 1, NULL);
    lc_arch_leave(b, mark);
    return p->stride == 1 && in == p->out ? lc_arch_add(b, y, x, "add") : y;
}

void lc_arch_mobilenet_v3(lc_arch_builder *b, const int *numbers)
{
    static const v3_block large[] = {
        {3, 16, 16, false, false, 1}, {3, 64, 24, false, false, 2}, {3, 72, 24, false, false, 1},
        {5, 72, 40, true, false, 2},  {5, 120, 40, true, false, 1}, {5, 120, 40, true, false, 1},
        {3, 240, 80, false, true, 2}, {3, 200, 80, false, true, 1}, {3, 184, 80, false, true, 1},
        {3, 184, 80, false, true, 1}, {3, 480, 112, true, true, 1}, {3, 672, 112, true, true, 1},
        {5, 672, 160, true, true, 2}, {5, 960, 160, true, true, 1}, {5, 960, 160, true, true, 1},
    };
    static const v3_block small[] = {
        {3, 16, 16, true, false, 2}, {3, 72, 24, false, false, 2}, {3, 88, 24, false, false, 1},
        {5, 96, 40, true, true, 2},  {5, 240, 40, true, true, 1},  {5, 240, 40, true, true, 1},
        {5, 120, 48, true, true, 1}, {5, 144, 48, true, true, 1},  {5, 288, 96, true, true, 2},
        {5, 576, 96, true, true, 1}, {5, 576, 96, true, true, 1},
    };
    const v3_block *blocks = numbers[0] ? large : small;
    size_t count = numbers[0] ? sizeof large / sizeof *large : sizeof small / sizeof *small;
    b->epsilon = 1e-3f;
    size_t x = lc_arch_conv_norm(b, lc_arch_input(b, "features.0.0"), "features.0", 16, 3, 2, 1, lc_arch_hardswish);
    for (size_t i = 0; i < count; i++) {
        size_t mark = lc_arch_enter(b, "features.%zu", i + 1);
        x = block_v3(b, x, &blocks[i]);
        lc_arch_leave(b, mark);
    }
    x = lc_arch_conv_norm(b, x, lc_arch_text(b, "features.%zu", count + 1), 6 * blocks[count - 1].out, 1, 1, 1,
                          lc_arch_hardswish);
    x = lc_arch_adaptive(b, x, "avgpool", 1);
    x = lc_arch_flatten(b, x, "flatten");
    if (lc_arch_has(b, "classifier.0")) {
        x = lc_arch_linear(b, x, "classifier.0", numbers[0] ? 1280 : 1024);
        x = lc_arch_hardswish(b, x, "classifier.1");
        x = lc_arch_dropout(b, x, "classifier.2", 0.2);
        lc_arch_classes(b, x, "classifier.3");
    }
}

/* EfficientNet ------------------------------------------------------------------------------------------------------ */

typedef struct {
    bool fused;
    size_t expand, kernel, stride, out, blocks;
} stage;

static size_t gated(lc_arch_builder *b, size_t x, const stage *s, size_t stride, size_t expanded)
{
    size_t in = lc_arch_channels(b, x), part = 0;
    if (expanded != in) {
        x = lc_arch_conv_norm(b, x, lc_arch_text(b, "%zu", part++), expanded, 1, 1, 1, lc_arch_silu);
    }
    x = lc_arch_conv_norm(b, x, lc_arch_text(b, "%zu", part++), expanded, s->kernel, stride, expanded, lc_arch_silu);
    x = lc_arch_squeeze_excite(b, x, lc_arch_text(b, "%zu", part++), in / 4, lc_arch_silu, lc_arch_sigmoid);
    return lc_arch_conv_norm(b, x, lc_arch_text(b, "%zu", part), s->out, 1, 1, 1, NULL);
}

static size_t fused(lc_arch_builder *b, size_t x, const stage *s, size_t stride, size_t expanded)
{
    if (expanded == lc_arch_channels(b, x)) {
        return lc_arch_conv_norm(b, x, "0", s->out, s->kernel, stride, 1, lc_arch_silu);
    }
    x = lc_arch_conv_norm(b, x, "0", expanded, s->kernel, stride, 1, lc_arch_silu);
    return lc_arch_conv_norm(b, x, "1", s->out, 1, 1, 1, NULL);
}

static size_t block(lc_arch_builder *b, size_t x, const stage *s, size_t stride)
{
    size_t in = lc_arch_channels(b, x), expanded = rounded((double)(in * s->expand)), mark = lc_arch_enter(b, "block");
    size_t y = s->fused ? fused(b, x, s, stride, expanded) : gated(b, x, s, stride, expanded);
    lc_arch_leave(b, mark);
    if (stride == 1 && in == s->out) {
        lc_arch_alias(b, y, "stochastic_depth");
        lc_arch_alias(b, y, "stochastic_depth.stochastic_depth");
        y = lc_arch_add(b, y, x, "add");
    }
    return y;
}

/* last: channels behind the last stage. */
static void build(lc_arch_builder *b, const stage *stages, size_t count, size_t stem, size_t last, double dropout)
{
    size_t x = lc_arch_conv_norm(b, lc_arch_input(b, "features.0.0"), "features.0", stem, 3, 2, 1, lc_arch_silu);
    for (size_t s = 0; s < count; s++) {
        for (size_t i = 0; i < stages[s].blocks; i++) {
            size_t mark = lc_arch_enter(b, "features.%zu.%zu", s + 1, i);
            x = block(b, x, &stages[s], i == 0 ? stages[s].stride : 1);
            lc_arch_leave(b, mark);
        }
    }
    x = lc_arch_conv_norm(b, x, lc_arch_text(b, "features.%zu", count + 1), last, 1, 1, 1, lc_arch_silu);
    x = lc_arch_adaptive(b, x, "avgpool", 1);
    x = lc_arch_flatten(b, x, "flatten");
    x = lc_arch_dropout(b, x, "classifier.0", dropout);
    lc_arch_classes(b, x, "classifier.1");
}

void lc_arch_efficientnet(lc_arch_builder *b, const int *numbers)
{
    static const stage base[] = {{false, 1, 3, 1, 16, 1}, {false, 6, 3, 2, 24, 2},  {false, 6, 5, 2, 40, 2},
                                 {false, 6, 3, 2, 80, 3}, {false, 6, 5, 1, 112, 3}, {false, 6, 5, 2, 192, 4},
                                 {false, 6, 3, 1, 320, 1}};
    enum { STAGES = sizeof base / sizeof *base };
    double width = numbers[0] / 10.0, depth = numbers[1] / 10.0;
    stage stages[STAGES];
    for (size_t s = 0; s < STAGES; s++) {
        stages[s] = base[s];
        stages[s].out = rounded((double)base[s].out * width);
        stages[s].blocks = (size_t)ceil((double)base[s].blocks * depth);
    }
    b->epsilon = numbers[2] ? 1e-3f : 1e-5f;
    build(b, stages, STAGES, rounded(32 * width), 4 * stages[STAGES - 1].out, numbers[3] / 10.0);
}

void lc_arch_efficientnet_v2(lc_arch_builder *b, const int *numbers)
{
    static const stage variants[3][7] = {
        {{true, 1, 3, 1, 24, 2},
         {true, 4, 3, 2, 48, 4},
         {true, 4, 3, 2, 64, 4},
         {false, 4, 3, 2, 128, 6},
         {false, 6, 3, 1, 160, 9},
         {false, 6, 3, 2, 256, 15}},
        {{true, 1, 3, 1, 24, 3},
         {true, 4, 3, 2, 48, 5},
         {true, 4, 3, 2, 80, 5},
         {false, 4, 3, 2, 160, 7},
         {false, 6, 3, 1, 176, 14},
         {false, 6, 3, 2, 304, 18},
         {false, 6, 3, 1, 512, 5}},
        {{true, 1, 3, 1, 32, 4},
         {true, 4, 3, 2, 64, 7},
         {true, 4, 3, 2, 96, 7},
         {false, 4, 3, 2, 192, 10},
         {false, 6, 3, 1, 224, 19},
         {false, 6, 3, 2, 384, 25},
         {false, 6, 3, 1, 640, 7}},
    };
    const stage *stages = variants[numbers[0]];
    b->epsilon = 1e-3f;
    build(b, stages, numbers[0] == 0 ? 6 : 7, stages[0].out, 1280, numbers[1] / 10.0);
}
