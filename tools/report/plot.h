/*
 * Pictures of a sweep, of a training and of a transfer matrix, drawn by gnuplot when it is there; the program needs it for nothing else. What a file is, its
 * ending says: .svg or .png. Colours are those of Okabe and Ito (2008), which colour-blind eyes tell apart.
 */
#ifndef LC_TOOLS_REPORT_PLOT_H
#define LC_TOOLS_REPORT_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "extractor/extractor.h"

/* LC_ERR_ARG for another ending. */
LC_CHECKED lc_status lc_plot_check(const char *path);

typedef struct {
    const char *name;
    size_t series;            /* the network it is of */
    double accuracy, error;   /* in cross-validation */
    double test;              /* NaN: unknown */
    double floor, floor_error; /* of random weights; NaN: unknown */
    double cost;              /* NaN: unknown */
    bool chosen;
} lc_plot_point;

typedef struct {
    const char *title, *split, *cost; /* split: of `test`; cost: what it is, with its unit */
    const char *const *series;        /* (series_count) names */
    size_t series_count;
    const lc_plot_point *points; /* (count) in order of depth, series by series */
    size_t count;
} lc_plot_sweep;

/*
 * Accuracy by depth with error bars, and beside it accuracy against cost with the points that no other one beats in both.
 * LC_ERR_NOTFOUND: there is no gnuplot.
 */
LC_CHECKED lc_status lc_plot_draw_sweep(const char *path, const lc_plot_sweep *sweep);

/* similarity (count, count), 0 to 1, as a map. */
LC_CHECKED lc_status lc_plot_draw_similarity(const char *path, const char *title, const char *const *names, size_t count,
                                             const double *similarity);

typedef struct {
    const char *title;
    const char *const *cuts, *const *series; /* names (cut_count), (series_count) */
    size_t cut_count, series_count;
    const double *accuracy;                  /* (series_count, cut_count) */
    double base;                             /* of the network that was trained on this task alone */
} lc_plot_transfer;

/* Accuracy by the cut, a line per kind of network (Yosinski et al. 2014, figure 2). */
LC_CHECKED lc_status lc_plot_draw_transfer(const char *path, const lc_plot_transfer *transfer);

typedef struct {
    const char *title;
    const lc_finetune_epoch *epochs; /* (count) */
    size_t count, best;              /* best: the epoch whose weights were kept, from 1 */
} lc_plot_curves;

/* Whether losses from `low` to `high` need a logarithmic axis: one epoch that went astray would flatten all others. */
bool lc_plot_logarithmic(double low, double high);

/* Loss, accuracy and learning rate by epoch, of training and, where it was watched, of split val. */
LC_CHECKED lc_status lc_plot_draw_curves(const char *path, const lc_plot_curves *curves);

#endif
