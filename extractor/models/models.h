/*
 * Where networks come from. A format is a row in model_list.inc: how to recognise it and how to read it.
 *
 * What a reader makes is a lc_model: a graph whose constants point into memory that the graph owns, and what the file
 * says about its input and its outputs.
 */
#ifndef LC_EXTRACTOR_MODELS_MODELS_H
#define LC_EXTRACTOR_MODELS_MODELS_H

#include "common/file.h"
#include "common/json.h"
#include "extractor/graph/graph.h"

/* The key of metadata that only files of lc_network_write have: the others mean what extractor.h says. */
#define LC_MODEL_MARK "layercut"

typedef enum { LC_MODEL_BILINEAR, LC_MODEL_BICUBIC } lc_model_filter;

/* How the network's pictures were made when it was trained. */
typedef struct {
    size_t input;  /* height and width; 0: nothing is known */
    size_t resize; /* shorter side before the crop */
    lc_model_filter interpolation;
    float mean[3], std[3];
} lc_model_preprocess;

/* Published weights that want other pictures than the architecture's row says; one row each in published_list.inc. */
typedef struct {
    const char *digits;       /* the file's SHA-256 begins with these */
    const char *architecture;
    const char *weights;      /* as torchvision calls them: "IMAGENET1K_V1" */
    lc_model_preprocess preprocess;
} lc_published;

/* The row of a file by its SHA-256 in hexadecimal; NULL: the architecture's preprocessing is right, or nothing is known. */
const lc_published *lc_published_find(const char *architecture, const char *sha256);

typedef struct {
    lc_graph *graph;
    bool uses_file;           /* the graph reads from the file's bytes: they must outlive it */
    const char *format;       /* the file's own format, where a row reads several; static, or NULL */
    const char *architecture; /* of state dicts: the name of its row in arch_list.inc; static */
    lc_model_preprocess preprocess;
    char *preprocessing;   /* JSON as lc_preprocess_to_json writes it, where the file has it; or NULL */
    const char *note;      /* static text, or NULL */
    const void *identity;  /* what is hashed to tell this network from others: of built-in ones; else the file is */
    size_t identity_size;
    lc_json *metadata;     /* an object of the strings that the file has beside the weights; NULL: none */
    char **class_names;    /* (classes), when the metadata name the outputs */
    size_t classes;
    struct lc_onnx_source *source; /* of ONNX files: what the graph was read from (onnx_proto.h); the graph's */
} lc_model;

typedef struct {
    const char *name;
    bool takes_architecture;
    /* Does the file (or, for built-in networks, the name alone: file->data NULL) look like one of ours? */
    bool (*sniff)(const char *name, const lc_mapping *file);
    /* Reads it. arch: the architecture of a state dict, where the user says it, or NULL. On failure nothing is left. */
    lc_status (*open)(lc_model *out, const char *name, const lc_mapping *file, const char *arch);
} lc_model_format;

#define LC_MODEL_FORMAT(name) extern const lc_model_format lc_model_format_##name;
#include "extractor/models/model_list.inc"
#undef LC_MODEL_FORMAT

/* Finds the format and reads. `name` is what the user typed; file->data is NULL when no such file exists. The mapping may
 * be released afterwards unless out->uses_file. */
LC_CHECKED lc_status lc_model_open(lc_model *out, const char **format, const char *name, const lc_mapping *file);

/* The same, a state dict taken for the architecture `arch`; NULL: recognised by its tensors. Other formats refuse it. */
LC_CHECKED lc_status lc_model_open_as(lc_model *out, const char **format, const char *name, const lc_mapping *file,
                                      const char *arch);
void lc_model_free(lc_model *model);

/* What is written of a model: the graph up to some values, which become the outputs, with the weights it has now. */
typedef struct {
    const size_t *values;     /* (count) activations, the deepest first */
    const char *const *names; /* (count) what the file calls them */
    size_t count;
    const lc_json *metadata;  /* an object of strings for the file */
} lc_model_part;

/*
 * Writes it as ONNX (onnx_write.c), or as safetensors of a known architecture (state_dict.c; LC_ERR_UNSUPPORTED: it has
 * none). `path` appears complete or not at all.
 */
LC_CHECKED lc_status lc_onnx_write(const lc_model *model, const lc_model_part *part, const char *path);
LC_CHECKED lc_status lc_state_dict_write(const lc_model *model, const lc_model_part *part, const char *path);

#endif
