#include "tools/curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/log.h"
#include "common/text.h"
#include "tools/report/plot.h"

enum { PANEL_HEIGHT = 9, PANEL_WIDTH = 30, LABEL = 6 }; /* two panels in 78 columns */

/* JSON lines ------------------------------------------------------------------------------------------------------ */

static lc_json *epoch_json(const lc_finetune_epoch *e)
{
    lc_json *o = lc_json_object();
    lc_json_set_int(o, "epoch", (int64_t)e->epoch);
    lc_json_set_real(o, "loss", e->loss);
    lc_json_set_real(o, "penalty", e->penalty);
    lc_json_set_real(o, "accuracy", e->accuracy);
    lc_json_set_real(o, "val_loss", e->val_loss);
    lc_json_set_real(o, "val_accuracy", e->val_accuracy);
    lc_json_set_real(o, "lr", e->rate);
    lc_json_set_int(o, "pictures", (int64_t)e->pictures);
    lc_json_set_real(o, "seconds", e->seconds);
    return o;
}

lc_status lc_curves_write(const char *path, const lc_finetune_epoch *epochs, size_t count)
{
    lc_text t;
    LC_TRY(lc_text_open(&t));
    lc_status st = LC_OK;
    for (size_t i = 0; st == LC_OK && i < count; i++) {
        lc_json *line = epoch_json(&epochs[i]);
        char *text;
        st = lc_json_text(line, 0, &text);
        lc_json_free(line);
        if (st == LC_OK) {
            fprintf(t.stream, "%s\n", text);
            free(text);
        }
    }
    lc_status closed = lc_text_close(&t);
    st = st == LC_OK ? closed : st;
    if (st == LC_OK) {
        st = lc_write_file(path, t.text, t.size);
    }
    free(t.text);
    return st;
}

/* Text ------------------------------------------------------------------------------------------------------------ */

enum { LOSS, VAL_LOSS, ACCURACY, VAL_ACCURACY };

typedef struct {
    double low, high;
    bool logarithmic;
    char cells[PANEL_HEIGHT][PANEL_WIDTH + 1];
} panel;

static double number_of(const lc_finetune_epoch *e, int which)
{
    const double numbers[] = {e->loss, e->val_loss, e->accuracy, e->val_accuracy};
    return numbers[which];
}

/* Where a share of 0 to 1 falls among cells 0..size-1. */
static size_t cell_of(double share, size_t size)
{
    return (size_t)lround(share * (double)(size - 1));
}

static void put_marks(panel *p, const lc_finetune_epoch *epochs, size_t count, int which, char mark)
{
    for (size_t i = 0; i < count; i++) {
        double value = number_of(&epochs[i], which);
        if (isfinite(value)) {
            double share = p->logarithmic ? log(p->high / value) / log(p->high / p->low) : (p->high - value) / (p->high - p->low);
            size_t row = cell_of(share, PANEL_HEIGHT);
            char *cell = &p->cells[row][cell_of((double)i / (double)(count - 1), PANEL_WIDTH)];
            *cell = *cell == ' ' || *cell == mark ? mark : '*';
        }
    }
}

static void fill_panel(panel *p, const lc_finetune_epoch *epochs, size_t count, int train, int val)
{
    p->low = INFINITY;
    p->high = -INFINITY;
    for (size_t i = 0; i < count; i++) { /* fmin and fmax pass over NaN */
        p->low = fmin(p->low, fmin(number_of(&epochs[i], train), number_of(&epochs[i], val)));
        p->high = fmax(p->high, fmax(number_of(&epochs[i], train), number_of(&epochs[i], val)));
    }
    if (!(p->high > p->low)) {
        p->low -= 0.5;
        p->high += 0.5;
    }
    p->logarithmic = train == LOSS && lc_plot_logarithmic(p->low, p->high);
    for (size_t row = 0; row < PANEL_HEIGHT; row++) {
        memset(p->cells[row], ' ', PANEL_WIDTH);
        p->cells[row][PANEL_WIDTH] = '\0';
    }
    put_marks(p, epochs, count, train, 't');
    put_marks(p, epochs, count, val, 'v');
}

/* The value that a row stands for. */
static double value_at(const panel *p, size_t row)
{
    double share = (double)row / (PANEL_HEIGHT - 1);
    return p->logarithmic ? p->high * pow(p->low / p->high, share) : p->high - (p->high - p->low) * share;
}

/* One row: the number at its height where it is the top, the middle or the bottom, and its cells. */
static void print_row(const lc_cli *cli, const panel *p, size_t row)
{
    if (row == 0 || row == PANEL_HEIGHT / 2 || row == PANEL_HEIGHT - 1) {
        lc_cli_print(cli, "%*.3g", LABEL, value_at(p, row));
    } else {
        lc_cli_print(cli, "%*s", LABEL, "");
    }
    lc_cli_print(cli, " |%s", p->cells[row]);
}

void lc_curves_print(const lc_cli *cli, const lc_finetune_epoch *epochs, size_t count)
{
    if (count < 2) {
        return;
    }
    panel loss, accuracy;
    size_t top = 0;
    bool val = false;
    for (size_t i = 0; i < count; i++) {
        top = epochs[i].rate > epochs[top].rate ? i : top;
        val = val || isfinite(epochs[i].val_accuracy);
    }
    fill_panel(&loss, epochs, count, LOSS, VAL_LOSS);
    fill_panel(&accuracy, epochs, count, ACCURACY, VAL_ACCURACY);
    lc_cli_print(cli, "\n%*s loss%*s accuracy\n", LABEL, "", PANEL_WIDTH + LABEL - 2, "");
    for (size_t row = 0; row < PANEL_HEIGHT; row++) {
        print_row(cli, &loss, row);
        lc_cli_print(cli, " ");
        print_row(cli, &accuracy, row);
        lc_cli_print(cli, "\n");
    }
    for (size_t side = 0; side < 2; side++) {
        lc_cli_print(cli, "%*s1%*zu", side ? LABEL + 3 : LABEL + 2, "", PANEL_WIDTH - 1, count);
    }
    lc_cli_print(cli, "\nby epoch; t: training%s; learning rate %.3g", val ? ", v: split val, *: both" : "", epochs[0].rate);
    if (top > 0 && top < count - 1) {
        lc_cli_print(cli, ", %.3g in epoch %zu", epochs[top].rate, epochs[top].epoch);
    }
    lc_cli_print(cli, ", %.3g at last\n", epochs[count - 1].rate);
}

/* Picture --------------------------------------------------------------------------------------------------------- */

lc_status lc_curves_draw(const char *path, const char *title, const lc_finetune_epoch *epochs, size_t count, size_t best)
{
    const lc_plot_curves curves = {title, epochs, count, best};
    lc_status st = lc_plot_draw_curves(path, &curves);
    if (st == LC_ERR_NOTFOUND) {
        lc_log(LC_LOG_WARNING, "%s was not drawn: %s", path, lc_error_message());
        return LC_OK;
    }
    return st;
}
