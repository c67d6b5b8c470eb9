/*
 * Augmentation: what a training picture goes through before it becomes input, drawn anew every epoch.
 *
 *   lc_augment a;
 *   lc_augment_parse("light,rotate=10", &a);
 *   lc_augment_picture(&a, &preprocess, seed, epoch, row, ...);   one picture -> (H,W,C) floats
 *   lc_augment_mix(&a, &preprocess, seed, epoch, index, ...);     mixup and cutmix, on a batch
 *
 * In this order: the crop, mirroring, rotation, colours (on 8-bit pixels, as torchvision does on PIL pictures), then mean and
 * deviation, then erasing, then mixing. Every number is a function of (seed, epoch, row), of (seed, epoch, batch) for mixing: threads
 * change nothing.
 */
#ifndef LC_EXTRACTOR_TRAIN_AUGMENT_H
#define LC_EXTRACTOR_TRAIN_AUGMENT_H

#include "extractor/image/image.h"

/* All zero: nothing is changed, the picture is preprocessed as for extraction. */
typedef struct {
    double scale;                              /* of the crop: smallest part of a larger picture's area; 0: no crop */
    double pad;                                /* of a picture no larger than the input: border, as part of its side */
    double flip;                               /* chance of mirroring */
    double rotate;                             /* degrees, at most, either way; bilinear */
    double brightness, contrast, saturation;   /* factor 1 - x .. 1 + x, not below 0 */
    double hue;                                /* part of a turn, at most, either way; up to 0.5 */
    double erase;                              /* chance of random erasing */
    double mixup, cutmix;                      /* alpha of the Beta(alpha, alpha) that shares are drawn from; 0: not done */
} lc_augment;

/*
 * A list, parted by commas: a set, which begins anew, and single words, each of which changes what stands before it.
 *
 *   none
 *   light          crop,flip
 *   strong         crop,flip,jitter=0.4,erase=0.25,mixup=0.2
 *   crop[=S]       a picture larger than the input: torchvision's RandomResizedCrop, area S..1 [0.08], shape 3/4..4/3 (10 tries, then the
 *                  centre); one that is not: preprocessed, then RandomCrop with a border of black
 *   pad=P          that border as part of the input's side [0.125: 4 of 32]
 *   flip[=P] rotate=DEGREES brightness=X contrast=X saturation=X hue=X
 *   jitter=X       brightness, contrast and saturation X, hue X / 4; the four in random order (ColorJitter)
 *   erase[=P]      torchvision's RandomErasing: area 0.02..0.33, shape 0.3..3.3, to the mean [0.25]
 *   mixup[=A] cutmix[=A]     Zhang et al. (arXiv:1710.09412) [0.2], Yun et al. (arXiv:1905.04899) [1]; both: one of them per batch
 *
 * LC_ERR_ARG names the word, or the number and its range.
 */
LC_CHECKED lc_status lc_augment_parse(const char *text, lc_augment *out);

/* The same as text that lc_augment_parse reads back. *out is the caller's, free(). */
LC_CHECKED lc_status lc_augment_text(const lc_augment *a, char **out);

/*
 * Whether every epoch begins from the whole picture (crop, and the picture is larger than the input); else it begins from
 * the picture's preprocessed crop (lc_preprocess_crop), which can be kept in its place.
 */
bool lc_augment_wants_whole(const lc_augment *a, const lc_preprocess *p, const lc_image *picture);

/*
 * One picture -> input (height, width, channels) of `p`. `image` is the whole picture or its preprocessed crop, as `whole` says;
 * grey where the network has one channel. `row`: the picture's, in the manifest. Without augmentation this is lc_preprocess_apply.
 */
LC_CHECKED lc_status lc_augment_picture(const lc_augment *a, const lc_preprocess *p, uint64_t seed, uint64_t epoch, uint64_t row,
                                        const lc_image *image, bool whole, float *input);

/*
 * Mixes picture i of a batch with its neighbour i - 1 (the first with the last), as torchvision's RandomMixup and RandomCutmix
 * do: one share for the batch. input (n, height, width, channels) and targets (n, classes) in place; targets come one-hot.
 * `index`: which batch of the epoch. Needs mixup or cutmix above 0.
 */
LC_CHECKED lc_status lc_augment_mix(const lc_augment *a, const lc_preprocess *p, uint64_t seed, uint64_t epoch, uint64_t index,
                                    size_t n, size_t classes, float *input, float *targets);

#endif
