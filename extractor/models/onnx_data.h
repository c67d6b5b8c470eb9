/*
 * The values of an ONNX tensor, wherever the file keeps them: raw bytes, lists of numbers, or a file beside the model.
 */
#ifndef LC_EXTRACTOR_MODELS_ONNX_DATA_H
#define LC_EXTRACTOR_MODELS_ONNX_DATA_H

#include "common/file.h"
#include "extractor/models/onnx_fold.h"

/* TensorProto.DataType */
enum {
    LC_ONNX_FLOAT = 1,
    LC_ONNX_UINT8,
    LC_ONNX_INT8,
    LC_ONNX_UINT16,
    LC_ONNX_INT16,
    LC_ONNX_INT32,
    LC_ONNX_INT64,
    LC_ONNX_STRING,
    LC_ONNX_BOOL,
    LC_ONNX_FLOAT16,
    LC_ONNX_DOUBLE,
    LC_ONNX_UINT32,
    LC_ONNX_UINT64,
    LC_ONNX_BFLOAT16 = 16,
};

/* How numbers are listed where they are no raw bytes; types of up to 32 bits are listed as int32. */
typedef enum { LC_LISTED_NOT, LC_LISTED_FLOAT, LC_LISTED_DOUBLE, LC_LISTED_INT32, LC_LISTED_INT64 } lc_listed;

typedef struct {
    const char *name;
    int type;
    size_t rank;
    const int64_t *dims;
    const void *data;
    size_t bytes;
    lc_listed listed;
    bool beside; /* data may go on behind the tensor */
} lc_raw_tensor;

/* The values of a tensor as float32; those that are float32 already, and aligned, stay where they are. */
LC_CHECKED lc_status lc_constant_read(lc_constants *owner, const lc_raw_tensor *t, lc_constant *out);

/* Files beside a model, mapped when a tensor first lies in them. */
typedef struct {
    struct lc_external_file *files;
    size_t count, capacity;
} lc_external;

/*
 * Sets data, bytes and beside of t to what `location` holds from `offset` on (NULL: 0), `length` bytes of it (NULL: all).
 * Only files in the folder of the model at `path`, and below it, are opened. `owner` may make as many numbers more.
 */
LC_CHECKED lc_status lc_external_find(lc_external *files, lc_constants *owner, const char *path, const char *location,
                                      const char *offset, const char *length, lc_raw_tensor *t);
void lc_external_free(lc_external *files);

#endif
