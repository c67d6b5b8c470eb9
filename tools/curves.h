/*
 * How a training went, epoch by epoch: as JSON lines, as curves in text, and as a picture.
 */
#ifndef LC_TOOLS_CURVES_H
#define LC_TOOLS_CURVES_H

#include "extractor/extractor.h"
#include "tools/cli.h"

/* A JSON line per epoch, whole at any time. */
LC_CHECKED lc_status lc_curves_write(const char *path, const lc_finetune_epoch *epochs, size_t count);

/* Loss and accuracy by epoch side by side, in 80 columns of ASCII, and what the learning rate did; nothing for one epoch. */
void lc_curves_print(const lc_cli *cli, const lc_finetune_epoch *epochs, size_t count);

/* The same as .svg or .png, with the learning rate; best: the epoch whose weights were kept, from 1. Without gnuplot a warning. */
LC_CHECKED lc_status lc_curves_draw(const char *path, const char *title, const lc_finetune_epoch *epochs, size_t count, size_t best);

#endif
