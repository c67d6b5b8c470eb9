/*
 * The parsed message of an ONNX file, shared by who reads and who writes it: the only file that includes what protoc-c
 * makes of onnx.proto.
 */
#ifndef LC_EXTRACTOR_MODELS_ONNX_PROTO_H
#define LC_EXTRACTOR_MODELS_ONNX_PROTO_H

#include "extractor/models/models.h"
#include "extractor/models/onnx.pb-c.h"
#include "extractor/models/onnx_data.h"

/* What the graph of a file points into; the graph's, released with it. */
typedef struct lc_onnx_source {
    Onnx__ModelProto *proto;
    char *path;                /* of the file; NULL: it has none beside it */
    Onnx__TensorProto **given; /* of lc_onnx_open_plain */
    size_t given_count;
    lc_constants made;
    lc_external files;
    const float **constants;   /* by value: where the constant lay when it was read */
    size_t constant_count;
} lc_onnx_source;

/* Releases it; for lc_graph_new. */
void lc_onnx_release(void *source);

/* Remembers where the constants of the graph lie, so that those which were replaced since can be told. */
LC_CHECKED lc_status lc_onnx_note_constants(lc_onnx_source *source, const lc_graph *graph);

/* A tensor of the file as onnx_data.c wants it, read from the file beside it if it lies there. */
LC_CHECKED lc_status lc_onnx_raw(lc_onnx_source *source, const Onnx__TensorProto *tensor, lc_raw_tensor *out);

/* Making messages ------------------------------------------------------------------------------------------------ */

/* Owns the pieces of a message that is being made. */
typedef struct {
    void **blocks;
    size_t count, capacity;
} lc_onnx_pieces;

/* count * size zeroed bytes; the owner's. */
LC_CHECKED lc_status lc_onnx_piece(lc_onnx_pieces *owner, size_t count, size_t size, void *out);
/* A block from malloc() becomes the owner's, even where that fails. */
LC_CHECKED lc_status lc_onnx_own(lc_onnx_pieces *owner, void *block);
LC_CHECKED lc_status lc_onnx_text(lc_onnx_pieces *owner, const char *text, char **out);
void lc_onnx_pieces_free(lc_onnx_pieces *owner);

/* A tensor of that name over `data`, which is not copied; bytes: of all of it. */
LC_CHECKED lc_status lc_onnx_tensor(lc_onnx_pieces *owner, const char *name, int type, size_t rank, const size_t *dims,
                                    const void *data, size_t bytes, Onnx__TensorProto **out);

/* A float32 value of that name and shape; batch: the first dimension (NULL: as in dims). */
LC_CHECKED lc_status lc_onnx_value(lc_onnx_pieces *owner, const char *name, int type, size_t rank, const size_t *dims,
                                   Onnx__TensorShapeProto__Dimension *batch, Onnx__ValueInfoProto **out);

/*
 * The graph up to the part as a message of opset 17, operator by operator: of networks that were not ONNX. Outputs and
 * metadata are left to the caller.
 */
LC_CHECKED lc_status lc_onnx_export(const lc_graph *graph, const lc_model_part *part, lc_onnx_pieces *owner,
                                    Onnx__ModelProto **out);

#endif
