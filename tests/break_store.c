/*
 * Damages features files for the command-line tests:
 *   break_store FILE nan LAYER_ID ROW    the row's first number becomes NaN
 *   break_store FILE version N           format_version becomes N
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/h5.h"
#include "common/memory.h"

static lc_status put_nan(lc_h5 *file, const char *id, size_t row)
{
    char path[512];
    float *values = NULL;
    lc_h5_shape shape;
    snprintf(path, sizeof path, "/layers/%s", id);
    LC_TRY(lc_h5_shape_of(file, path, &shape));
    LC_TRY(lc_alloc_array(&values, shape.dims[1], sizeof *values));
    lc_status st = lc_h5_read(file, path, LC_H5_F32, row, 1, values);
    if (st == LC_OK) {
        values[0] = NAN;
        st = lc_h5_write(file, path, LC_H5_F32, row, 1, values);
    }
    free(values);
    return st;
}

int main(int argc, char **argv)
{
    lc_h5 *file = NULL;
    lc_status st = LC_ERR_ARG;
    if (argc < 4) {
        fputs("usage: break_store FILE nan LAYER_ID ROW | version N\n", stderr);
        return 2;
    }
    st = lc_h5_open(&file, argv[1], true);
    if (st == LC_OK && strcmp(argv[2], "nan") == 0 && argc == 5) {
        st = put_nan(file, argv[3], strtoul(argv[4], NULL, 10));
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
