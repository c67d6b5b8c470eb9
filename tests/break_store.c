/*
 * Damages features files for the command-line tests:
 *   break_store FILE nan LAYER_ID ROW    the row's first number becomes NaN
 *   break_store FILE value LAYER_ID ROW  ... a little larger
 *   break_store FILE pending ROW         the row is pending again
 *   break_store FILE link NAME           the link is gone
 *   break_store FILE version N           format_version becomes N
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/h5.h"
#include "common/memory.h"

static lc_status change_value(lc_h5 *file, const char *id, size_t row, bool nan)
{
    char path[512];
    float *values = NULL;
    lc_h5_shape shape;
    snprintf(path, sizeof path, "/layers/%s", id);
    LC_TRY(lc_h5_shape_of(file, path, &shape));
    LC_TRY(lc_alloc_array(&values, shape.dims[1], sizeof *values));
    lc_status st = lc_h5_read(file, path, LC_H5_F32, row, 1, values);
    if (st == LC_OK) {
        values[0] = nan ? NAN : values[0] + 0.01f;
        st = lc_h5_write(file, path, LC_H5_F32, row, 1, values);
    }
    free(values);
    return st;
}

static lc_status make_pending(lc_h5 *file, size_t row)
{
    LC_TRY(lc_h5_write(file, "/images/status", LC_H5_U8, row, 1, (uint8_t[]){0}));
    return lc_h5_set_ints(file, "/", "complete", (int64_t[]){0}, 1);
}

int main(int argc, char **argv)
{
    lc_h5 *file = NULL;
    lc_status st = LC_ERR_ARG;
    if (argc < 4) {
        fputs("usage: break_store FILE nan|value LAYER_ID ROW | pending ROW | link NAME | version N\n", stderr);
        return 2;
    }
    st = lc_h5_open(&file, argv[1], true);
    const char *what = argv[2];
    if (st == LC_OK && argc == 5 && (strcmp(what, "nan") == 0 || strcmp(what, "value") == 0)) {
        st = change_value(file, argv[3], strtoul(argv[4], NULL, 10), what[0] == 'n');
    } else if (st == LC_OK && strcmp(what, "pending") == 0) {
        st = make_pending(file, strtoul(argv[3], NULL, 10));
    } else if (st == LC_OK && strcmp(what, "link") == 0) {
        st = lc_h5_unlink(file, argv[3]);
    } else if (st == LC_OK) {
        int64_t version = strtol(argv[3], NULL, 10);
        st = lc_h5_set_ints(file, "/", "format_version", &version, 1);
    }
    lc_status closed = lc_h5_close(file);
    if (st != LC_OK || closed != LC_OK) {
        fprintf(stderr, "break_store: %s\n", lc_error_message());
        return 1;
    }
    return 0;
}
