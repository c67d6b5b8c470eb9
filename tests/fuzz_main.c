/*
 * Runs a fuzz target without libFuzzer: once for every file named on the command line, and for every file below a
 * folder named there. So the seeds and the findings of the past stay tests for any compiler.
 */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t inputs;

static int run_file(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)place;
    if (kind != FTW_F) {
        return kind == FTW_D ? 0 : -1;
    }
    unsigned char *data;
    size_t size;
    if (lc_read_file(&data, &size, path, SIZE_MAX / 2) != LC_OK) {
        fprintf(stderr, "%s\n", lc_error_message());
        return -1;
    }
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    inputs++;
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (nftw(argv[i], run_file, 16, FTW_PHYS) != 0) {
            fprintf(stderr, "cannot run over %s\n", argv[i]);
            return 1;
        }
    }
    printf("%zu inputs\n", inputs);
    return 0;
}
