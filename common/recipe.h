/*
 * The recipe: everything that decides the value of a feature, as one comparable text.
 *
 * A base recipe is a flat JSON object, one line, keys in this order:
 *   {"network":"<sha256 of the file>","input_size":[3,224,224],"resize":256,"crop_mode":"center",
 *    "interpolation":"bilinear","mean":[...],"std":[...],"exif":false,"precision":"f32"}
 * Together with a tap's name and a pooling it identifies one feature vector. Two recipes are equal when their texts
 * are; when they are not, lc_recipe_check names the words that differ.
 */
#ifndef LC_COMMON_RECIPE_H
#define LC_COMMON_RECIPE_H

#include "common/error.h"

/*
 * LC_ERR_STALE unless the texts agree: "recipe differs: resize 256 (this run), 232 (features.h5); mean ...".
 * `ours` and `theirs` name the two sides in the message ("this run", "features.h5").
 */
LC_CHECKED lc_status lc_recipe_check(const char *our_text, const char *ours, const char *their_text, const char *theirs);

#endif
