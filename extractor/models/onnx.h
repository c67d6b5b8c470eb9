/*
 * The ONNX reader's second entry: graphs that are not networks, for the tests of single operators.
 */
#ifndef LC_EXTRACTOR_MODELS_ONNX_H
#define LC_EXTRACTOR_MODELS_ONNX_H

#include "extractor/models/models.h"

/*
 * Like lc_model_open for an ONNX file of any inputs: each keeps its shape in the file (which must be fixed) and is found
 * as a value of its name, but input i is a constant, with the value of the serialised TensorProto given[i], where that
 * has data. The pictures of a run are 1.
 */
LC_CHECKED lc_status lc_onnx_open_plain(lc_model *out, const lc_mapping *file, const lc_mapping *given, size_t given_count);

#endif
