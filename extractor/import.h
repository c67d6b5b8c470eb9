/*
 * Files that other people publish picture sets in: how they are laid out, read from memory with every number checked.
 *
 *   idx (MNIST and its like): 0 0 type rank, sizes as big-endian uint32, values. http://yann.lecun.com/exdb/mnist/
 *   CIFAR binary: records of 1 (CIFAR-10) or 2 (CIFAR-100: coarse, fine) label bytes and 3 x 32 x 32 bytes, colour by
 *   colour. https://www.cs.toronto.edu/~kriz/cifar.html
 *   ImageNet lists: lines of "path number" from 0, or (ILSVRC development kit) of a number from 1 alone
 */
#ifndef LC_EXTRACTOR_IMPORT_H
#define LC_EXTRACTOR_IMPORT_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "extractor/extractor.h"

enum { LC_IMPORT_MAX_LABELS = 65536, LC_CIFAR_SIDE = 32 };

/* Pictures of one file, all of one size: picture i begins at pixels + i * stride; labels lie beside them. */
typedef struct {
    size_t count, width, height;
    size_t channels;             /* 1, or 3: channel by channel */
    const unsigned char *pixels; /* in the file's bytes */
    const unsigned char *labels; /* label i is labels[i * label_stride] */
    size_t stride, label_stride;
} lc_picture_block;

/* An idx file of unsigned bytes of `rank` 1 to 3: sizes (rank), the values in the file's bytes. */
LC_CHECKED lc_status lc_idx_parse(const unsigned char *data, size_t size, size_t rank, size_t *sizes,
                                  const unsigned char **values);

/* Two idx files, pictures and their labels. */
LC_CHECKED lc_status lc_idx_block(lc_picture_block *out, const unsigned char *pictures, size_t pictures_size,
                                  const unsigned char *labels, size_t labels_size);

/* A CIFAR file with `label_bytes` labels per record, of which the last counts. */
LC_CHECKED lc_status lc_cifar_block(lc_picture_block *out, const unsigned char *data, size_t size, size_t label_bytes);

/* Picture i as a PGM or PPM file: *bytes (*size) is the caller's. */
LC_CHECKED lc_status lc_block_picture(const lc_picture_block *block, size_t i, unsigned char **bytes, size_t *size);

/* One line of a list: path (in the text, path_size bytes; none in the development kit's form) and label, from 0. */
typedef struct {
    const char *path;
    size_t path_size;
    size_t label;
} lc_list_line;

/* All lines that are not blank, in one form; *lines (*count) is the caller's, pointing into the text. LC_ERR_FORMAT names the line. */
LC_CHECKED lc_status lc_list_parse(const char *text, size_t size, lc_list_line **lines, size_t *count);

/* Names, one per line, in the order of labels, for folders or a list: *names (*count) is the caller's, lc_free_strings. */
LC_CHECKED lc_status lc_names_parse(const char *text, size_t size, char ***names, size_t *count);

/* The sets above, from a folder. Names and splits as lc_import says. */
LC_CHECKED lc_status lc_import_folder(const char *folder, const char *output, const lc_import_options *options,
                                      lc_import_report *report);
LC_CHECKED lc_status lc_import_lists(const char *const *lists, size_t count, const char *output,
                                     const lc_import_options *options, lc_import_report *report);

/* Reads a file of names as `path` says; NULL: none, *count 0. */
LC_CHECKED lc_status lc_names_read(const char *path, char ***names, size_t *count);

/* The name of a label: from the list, or its number, as wide as `digits`. LC_ERR_FORMAT when there are fewer names. */
LC_CHECKED lc_status lc_label_name(char **out, char *const *names, size_t count, size_t label, int digits);

#endif
