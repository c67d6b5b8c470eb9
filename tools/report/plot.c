#include "tools/report/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "common/text.h"

extern char **environ;

enum { NOT_FOUND = 127, MAX_PLOT_BYTES = 64 << 20, SERIES_COLOURS = 6 };

/* Black is kept for what was chosen. */
static const char *const colours[SERIES_COLOURS] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"};
#define GREY "#777777"

static bool ends_with(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);
    return n > m && strcmp(path + n - m, ending) == 0;
}

lc_status lc_plot_check(const char *path)
{
    return ends_with(path, ".svg") || ends_with(path, ".png")
               ? LC_OK
               : lc_fail(LC_ERR_ARG, "a plot is a .svg or a .png, not '%s'", path);
}

/* Text from files between double quotes of a script: what means something there becomes '_'. */
static void put_text(FILE *f, const char *text)
{
    fputc('"', f);
    for (const char *p = text; *p; p++) {
        fputc((unsigned char)*p < 32 || strchr("\"\\`$%@{}^~&", *p) ? '_' : *p, f);
    }
    fputc('"', f);
}

/* Runs gnuplot on a script file; what it draws goes to `out`. */
static lc_status run_gnuplot(const char *script, int out)
{
    char *const arguments[] = {(char[]){"gnuplot"}, (char *)(uintptr_t)script, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = 0;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return lc_fail(LC_ERR_NOMEM, "gnuplot cannot be started");
    }
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int failed = posix_spawnp(&child, "gnuplot", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed == ENOENT) {
        return lc_fail(LC_ERR_NOTFOUND, "there is no gnuplot; plots come with it (Debian: apt-get install gnuplot-nox)");
    }
    if (failed) {
        errno = failed;
        return lc_fail_errno("gnuplot");
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND) {
        return lc_fail(LC_ERR_NOTFOUND, "there is no gnuplot; plots come with it (Debian: apt-get install gnuplot-nox)");
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? LC_OK : lc_fail(LC_ERR_IO, "gnuplot failed on a plot's script");
}

/* Takes the script's text. The plot gets its name when it is whole. */
static lc_status draw(const char *path, lc_text *script)
{
    char script_path[] = "/tmp/layercut-plot-XXXXXX", drawn_path[] = "/tmp/layercut-plot-XXXXXX";
    unsigned char *bytes = NULL;
    size_t size;
    int in = -1, out = -1;
    lc_status status = lc_text_close(script);
    if (status != LC_OK) {
        goto done;
    }
    in = mkstemp(script_path);
    out = in < 0 ? -1 : mkstemp(drawn_path);
    if (out < 0 || write(in, script->text, script->size) != (ssize_t)script->size) {
        status = lc_fail_errno("%s", script_path);
        goto done;
    }
    if ((status = run_gnuplot(script_path, out)) == LC_OK &&
        (status = lc_read_file(&bytes, &size, drawn_path, MAX_PLOT_BYTES)) == LC_OK) {
        status = lc_write_file(path, bytes, size);
    }
done:
    if (in >= 0) {
        close(in);
        unlink(script_path);
    }
    if (out >= 0) {
        close(out);
        unlink(drawn_path);
    }
    free(bytes);
    free(script->text);
    return status;
}

/* In points for gnuplot's PNG, in pixels for its SVG: the same on the screen. */
static int font_size(const char *path, bool small)
{
    return ends_with(path, ".svg") ? (small ? 12 : 14) : (small ? 9 : 11);
}

static lc_status begin(lc_text *script, const char *path, size_t width, size_t height)
{
    LC_TRY(lc_plot_check(path));
    LC_TRY(lc_text_open(script));
    if (ends_with(path, ".svg")) {
        fprintf(script->stream, "set terminal svg size %zu,%zu font 'Helvetica,Arial,sans-serif,%d' background '#ffffff'\n",
                width, height, font_size(path, false));
    } else {
        fprintf(script->stream, "set terminal pngcairo size %zu,%zu font 'Sans,%d' background '#ffffff'\n", width, height,
                font_size(path, false));
    }
    fprintf(script->stream, "set encoding utf8\nset border 3 lc rgb '#444444'\nset tics nomirror\nset grid lc rgb '#dddddd' lt 1\n");
    return LC_OK;
}

/* The panels of a figure stand on one line: below them is room for names of layers and `rows` of a legend. */
static void align(FILE *f, size_t height, size_t rows)
{
    fprintf(f, "set tmargin at screen %.4f\nset bmargin at screen %.4f\n", 1 - 80.0 / (double)height,
            (90.0 + 20.0 * (double)rows) / (double)height);
}

/* A number, or what gnuplot takes for a missing one. */
static void put_number(FILE *f, double value)
{
    if (isfinite(value)) {
        fprintf(f, " %.9g", value);
    } else {
        fputs(" NaN", f);
    }
}

/* Whether no other point is at least as accurate and costs less, or as cheap and more accurate. */
static bool unbeaten(const lc_plot_sweep *s, size_t i)
{
    const lc_plot_point *a = &s->points[i];
    bool beaten = !isfinite(a->cost) || !isfinite(a->accuracy);
    for (size_t j = 0; j < s->count && !beaten; j++) {
        const lc_plot_point *b = &s->points[j];
        beaten = (b->cost <= a->cost && b->accuracy > a->accuracy) || (b->cost < a->cost && b->accuracy >= a->accuracy);
    }
    return !beaten;
}

static int by_cost(const void *a, const void *b)
{
    const lc_plot_point *x = a, *y = b;
    return (x->cost > y->cost) - (x->cost < y->cost);
}

/* $s<k>: the points of series k, at their depth; $front: the unbeaten ones; $chosen. Columns: depth, accuracy, error, test, floor,
 * floor's error, cost. */
static lc_status put_data(FILE *f, const lc_plot_sweep *s)
{
    for (size_t k = 0; k < s->series_count; k++) {
        fprintf(f, "$s%zu << END\n", k);
        for (size_t i = 0, depth = 0; i < s->count; i++) {
            const lc_plot_point *p = &s->points[i];
            if (p->series != k) {
                continue;
            }
            fprintf(f, "%zu", ++depth);
            const double numbers[] = {p->accuracy, p->error, p->test, p->floor, p->floor_error, p->cost};
            for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
                put_number(f, numbers[n]);
            }
            fputc('\n', f);
        }
        fputs("END\n", f);
    }
    lc_plot_point *front;
    size_t count = 0;
    LC_TRY(lc_alloc_array(&front, s->count, sizeof *front));
    for (size_t i = 0; i < s->count; i++) {
        if (unbeaten(s, i)) {
            front[count++] = s->points[i];
        }
    }
    qsort(front, count, sizeof *front, by_cost);
    fputs("$front << END\n", f);
    for (size_t i = 0; i < count; i++) {
        fprintf(f, "%.9g %.9g\n", front[i].cost, front[i].accuracy);
    }
    fputs("END\n$chosen << END\n", f);
    free(front);
    size_t depth[2] = {0, s->series_count};
    for (size_t i = 0; i < s->count; i++) {
        depth[0] = s->points[i].series == depth[1] ? depth[0] + 1 : 1;
        depth[1] = s->points[i].series;
        if (s->points[i].chosen) {
            fprintf(f, "%zu %.9g", depth[0], s->points[i].accuracy);
            put_number(f, s->points[i].cost);
            fputc('\n', f);
        }
    }
    fputs("END\n", f);
    return LC_OK;
}

/* Layers of the series that has most. */
static size_t deepest(const lc_plot_sweep *s)
{
    size_t most = 0;
    for (size_t k = 0; k < s->series_count; k++) {
        size_t n = 0;
        for (size_t i = 0; i < s->count; i++) {
            n += s->points[i].series == k;
        }
        most = n > most ? n : most;
    }
    return most;
}

#define KEY "set key below left vertical maxrows 12 Left reverse noenhanced samplen 2\n"

/* Keeps the legend off the axis's name. */
#define BLANK_ENTRY "keyentry with lines lc rgb '#ffffff' title ' ', "

static void put_depth_panel(FILE *f, const lc_plot_sweep *s, int small)
{
    bool test = false, floor_known = false;
    for (size_t i = 0; i < s->count; i++) {
        test = test || (isfinite(s->points[i].test) && s->series_count == 1);
        floor_known = floor_known || isfinite(s->points[i].floor);
    }
    fputs("set title 'accuracy by depth'\nset xlabel ''\nset ylabel 'accuracy'\nunset logscale x\n", f);
    if (s->series_count == 1) {
        size_t step = (s->count + 13) / 14; /* so that names do not touch */
        fprintf(f, "set xtics rotate by 45 right noenhanced font ',%d' (", small);
        for (size_t i = 0; i < s->count; i += step) {
            fputs(i ? ", " : "", f);
            put_text(f, s->points[i].name);
            fprintf(f, " %zu", i + 1);
        }
        fputs(")\n", f);
    } else {
        fprintf(f, "set xtics auto norotate font ',%d'\nset xlabel 'layer'\n", small);
    }
    fprintf(f, "set xrange [0.5:%zu.5]\n" KEY "plot %s\\\n", deepest(s), s->series_count > 1 ? BLANK_ENTRY : "");
    for (size_t k = 0; k < s->series_count; k++) {
        fprintf(f, "  $s%zu using 1:2:3 with yerrorbars lc rgb '%s' lw 1.5 pt 7 ps 0.6 notitle, \\\n", k, colours[k % SERIES_COLOURS]);
        fprintf(f, "  $s%zu using 1:2 with lines lc rgb '%s' lw 2 title ", k, colours[k % SERIES_COLOURS]);
        put_text(f, s->series_count == 1 ? "cross-validation, one standard error" : s->series[k]);
        fputs(", \\\n", f);
    }
    if (test) {
        fprintf(f, "  $s0 using 1:4 with linespoints lc rgb '%s' dt 2 pt 6 ps 0.6 title 'split %s, opened afterwards', \\\n", colours[1],
                s->split);
    }
    if (floor_known) {
        fprintf(f, "  $s0 using 1:5:6 with yerrorbars lc rgb '%s' pt 5 ps 0.5 notitle, \\\n", GREY);
        fprintf(f, "  $s0 using 1:5 with lines lc rgb '%s' lw 2 title 'the same with random filters', \\\n", GREY);
    }
    fputs("  $chosen using 1:2 with points lc rgb '#000000' lw 2 pt 6 ps 1.8 title 'chosen'\n", f);
}

static void put_cost_panel(FILE *f, const lc_plot_sweep *s, int small)
{
    fputs("set title 'accuracy against cost'\nset xlabel ", f);
    put_text(f, s->cost);
    fprintf(f,
            "\nset ylabel 'accuracy'\nunset xtics\nset xtics auto nomirror norotate font ',%d'\nset xrange [0:*]\n"
            "set offsets 0, graph 0.05, graph 0.05, graph 0.05\n" KEY "plot " BLANK_ENTRY "\\\n",
            small);
    for (size_t k = 0; k < s->series_count; k++) {
        fprintf(f, "  $s%zu using 7:2 with points lc rgb '%s' pt 7 ps 0.8 title ", k, colours[k % SERIES_COLOURS]);
        put_text(f, s->series_count == 1 ? "layers, cross-validation" : s->series[k]);
        fputs(", \\\n", f);
    }
    fprintf(f, "  $front using 1:2 with steps lc rgb '%s' lw 1.5 title 'no layer is cheaper and better', \\\n", GREY);
    fputs("  $chosen using 3:2 with points lc rgb '#000000' lw 2 pt 6 ps 1.8 title 'chosen'\n", f);
}

lc_status lc_plot_draw_sweep(const char *path, const lc_plot_sweep *s)
{
    lc_text script;
    bool costs = false;
    for (size_t i = 0; i < s->count; i++) {
        costs = costs || isfinite(s->points[i].cost);
    }
    size_t legend = s->series_count + 3, height = 450 + 20 * legend;
    LC_TRY(begin(&script, path, costs ? 1000 : 560, height));
    lc_status status = put_data(script.stream, s);
    fprintf(script.stream, "set multiplot layout 1,%d title ", costs ? 2 : 1);
    put_text(script.stream, s->title);
    fputs(" noenhanced\n", script.stream);
    align(script.stream, height, legend);
    fprintf(script.stream, "set ytics font ',%d'\n", font_size(path, true));
    put_depth_panel(script.stream, s, font_size(path, true));
    if (costs) {
        put_cost_panel(script.stream, s, font_size(path, true));
    }
    fputs("unset multiplot\n", script.stream);
    lc_status drawn = draw(path, &script);
    return status == LC_OK ? drawn : status;
}

lc_status lc_plot_draw_similarity(const char *path, const char *title, const char *const *names, size_t count,
                                  const double *similarity)
{
    lc_text script;
    size_t side = count <= 12 ? 560 : 700, step = (count + 29) / 30;
    LC_TRY(begin(&script, path, side + 80, side));
    FILE *f = script.stream;
    fputs("$map << END\n", f);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            fprintf(f, "%zu %zu %.6g\n", j, i, similarity[i * count + j]);
        }
    }
    fputs("END\nset title ", f);
    put_text(f, title);
    fputs(" noenhanced\nunset grid\nunset key\nset size square\nset border 0\nset cbrange [0:1]\nset cblabel 'linear CKA'\n", f);
    /* viridis at six points: even steps of lightness, for every eye */
    fputs("set palette defined (0 '#440154', 0.2 '#414487', 0.4 '#2a788e', 0.6 '#22a884', 0.8 '#7ad151', 1 '#fde725')\n", f);
    for (const char *axis = "xy"; *axis; axis++) {
        fprintf(f, "set %ctics noenhanced out nomirror font ',%d'%s (", *axis, font_size(path, true), *axis == 'x' ? " rotate by 45 right" : "");
        for (size_t i = 0; i < count; i += step) {
            fputs(i ? ", " : "", f);
            put_text(f, names[i]);
            fprintf(f, " %zu", i);
        }
        fputs(")\n", f);
    }
    fprintf(f, "set xrange [-0.5:%zu.5]\nset yrange [-0.5:%zu.5]\nplot $map using 1:2:3 with image pixels\n", count - 1, count - 1);
    return draw(path, &script);
}

lc_status lc_plot_draw_transfer(const char *path, const lc_plot_transfer *p)
{
    lc_text script;
    LC_TRY(begin(&script, path, 760, 440));
    FILE *f = script.stream;
    for (size_t k = 0; k < p->series_count; k++) {
        fprintf(f, "$s%zu << END\n", k);
        for (size_t i = 0; i < p->cut_count; i++) {
            fprintf(f, "%zu", i + 1);
            put_number(f, p->accuracy[k * p->cut_count + i]);
            fputc('\n', f);
        }
        fputs("END\n", f);
    }
    fputs("set title ", f);
    put_text(f, p->title);
    fprintf(f, " noenhanced\nset xlabel 'first layer that begins anew'\nset ylabel 'accuracy on half B'\n"
               "set xtics rotate by 45 right noenhanced font ',%d' (", font_size(path, true));
    for (size_t i = 0; i < p->cut_count; i++) {
        fputs(i ? ", " : "", f);
        put_text(f, p->cuts[i]);
        fprintf(f, " %zu", i + 1);
    }
    fprintf(f, ")\nset xrange [0.5:%zu.5]\nset key outside right top noenhanced samplen 2\nplot %.9g with lines lc rgb '#000000' dt 2 title 'base B', \\\n", p->cut_count, p->base);
    for (size_t k = 0; k < p->series_count; k++) {
        fprintf(f, "  $s%zu using 1:2 with linespoints lc rgb '%s' lw 2 pt 7 ps 0.6 title ", k, colours[k % SERIES_COLOURS]);
        put_text(f, p->series[k]);
        fputs(k + 1 < p->series_count ? ", \\\n" : "\n", f);
    }
    return draw(path, &script);
}

bool lc_plot_logarithmic(double low, double high)
{
    return low > 0 && high > 10 * low;
}

/* One panel of the curves: a column of $e in training and one on split val. */
static void put_curve_panel(FILE *f, const char *title, int train, int val, bool watched, bool marked)
{
    fprintf(f, "set title '%s'\nplot " BLANK_ENTRY "$e using 1:%d with linespoints lc rgb '%s' lw 2 pt 7 ps 0.5 title 'training'", title, train, colours[0]);
    if (watched) {
        fprintf(f, ", $e using 1:%d with linespoints lc rgb '%s' lw 2 pt 7 ps 0.5 title 'split val'", val, colours[1]);
    }
    if (marked) {
        fprintf(f, ", $kept using 1:%d with points lc rgb '#000000' lw 2 pt 6 ps 1.6 title 'weights kept'", watched ? val : train);
    }
    fputc('\n', f);
}

/* Columns: epoch, loss, its split val's, accuracy, its split val's, learning rate. */
static void put_epoch(FILE *f, const lc_finetune_epoch *e)
{
    const double numbers[] = {e->loss, e->val_loss, e->accuracy, e->val_accuracy, e->rate};
    fprintf(f, "%zu", e->epoch);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        put_number(f, numbers[i]);
    }
    fputc('\n', f);
}

lc_status lc_plot_draw_curves(const char *path, const lc_plot_curves *c)
{
    lc_text script;
    bool watched = false, marked = c->best > 0 && c->best < c->count;
    double low = INFINITY, high = -INFINITY;
    enum { HEIGHT = 400, LEGEND = 3 };
    LC_TRY(begin(&script, path, 1000, HEIGHT));
    FILE *f = script.stream;
    fputs("$e << END\n", f);
    for (size_t i = 0; i < c->count; i++) {
        put_epoch(f, &c->epochs[i]);
        watched = watched || isfinite(c->epochs[i].val_loss);
        low = fmin(low, fmin(c->epochs[i].loss, c->epochs[i].val_loss)); /* fmin and fmax pass over NaN */
        high = fmax(high, fmax(c->epochs[i].loss, c->epochs[i].val_loss));
    }
    fputs("END\n", f);
    if (marked) {
        fputs("$kept << END\n", f);
        put_epoch(f, &c->epochs[c->best - 1]);
        fputs("END\n", f);
    }
    fputs("set multiplot layout 1,3 title ", f);
    put_text(f, c->title);
    fprintf(f, " noenhanced\nset xlabel 'epoch'\nset xtics %zu font ',%d'\nset ytics font ',%d'\n", (c->count + 7) / 8,
            font_size(path, true), font_size(path, true));
    align(f, HEIGHT, LEGEND);
    fprintf(f, "set xrange [0.5:%zu.5]\n" KEY, c->count);
    fputs(lc_plot_logarithmic(low, high) ? "set logscale y\n" : "", f);
    put_curve_panel(f, "loss", 2, 3, watched, marked);
    fputs("unset logscale y\n", f);
    put_curve_panel(f, "accuracy", 4, 5, watched, marked);
    fprintf(f, "set title 'learning rate'\nset yrange [0:*]\nplot " BLANK_ENTRY "$e using 1:6 with linespoints lc rgb '%s' lw 2 pt 7 ps 0.5 "
               "title 'at the end of the epoch'\nunset multiplot\n", colours[2]);
    return draw(path, &script);
}
