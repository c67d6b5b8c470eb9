/* The readers of other people's picture sets: gzip, idx, CIFAR, lists and names; what they accept must be whole. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "extractor/import.h"
#include "extractor/models/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_block(const lc_picture_block *b)
{
    size_t step = b->count / 4 + 1, n;
    unsigned char *picture;
    for (size_t i = 0; i < b->count; i += step) {
        assert(b->labels[i * b->label_stride] <= 255);
        if (b->stride <= 1 << 20 && lc_block_picture(b, i, &picture, &n) == LC_OK) {
            assert(n > b->channels * b->width * b->height);
            free(picture);
        }
    }
}

static void read_bytes(const unsigned char *data, size_t size)
{
    lc_picture_block block;
    /* The last quarter is the labels: 16 + 4 n bytes of 2 x 2 pictures are three times 8 + n when n is 8. */
    if (lc_idx_block(&block, data, size - size / 4, data + size - size / 4, size / 4) == LC_OK) {
        read_block(&block);
    }
    for (size_t labels = 1; labels <= 2; labels++) {
        if (lc_cifar_block(&block, data, size, labels) == LC_OK) {
            read_block(&block);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lc_list_line *lines;
    char **names;
    void *inflated;
    size_t count;
    read_bytes(data, size);
    if (lc_gunzip(data, size, 1 << 20, &inflated, &count) == LC_OK) {
        assert(count <= 2 << 20);
        read_bytes(inflated, count);
        free(inflated);
    }
    if (lc_list_parse((const char *)data, size, &lines, &count) == LC_OK) {
        for (size_t i = 0; i < count; i++) {
            assert(lines[i].label < LC_IMPORT_MAX_LABELS);
            assert(!lines[i].path || (lines[i].path_size && !memchr(lines[i].path, 0, lines[i].path_size)));
        }
        free(lines);
    }
    if (lc_names_parse((const char *)data, size, &names, &count) == LC_OK) {
        for (size_t i = 0; i < count; i++) {
            assert(names[i][0] && names[i][0] != '.' && !strchr(names[i], '/'));
        }
        lc_free_strings(names, count);
    }
    return 0;
}
