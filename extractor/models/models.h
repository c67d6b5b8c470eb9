/*
 * Where networks come from. A format is a row in model_list.inc: how to recognise it and how to read it.
 *
 * What a reader makes is a lc_model: a graph whose constants point into memory that the graph owns, and what the file
 * says about its input and its outputs.
 */
#ifndef LC_EXTRACTOR_MODELS_MODELS_H
#define LC_EXTRACTOR_MODELS_MODELS_H

#include "common/file.h"
#include "extractor/graph/graph.h"

typedef struct {
    lc_graph *graph;
    const char *note;      /* static text, or NULL */
    const void *identity;  /* what is hashed to tell this network from others: of built-in ones; else the file is */
    size_t identity_size;
    char **class_names;    /* (classes), when the file names its outputs */
    size_t classes;
} lc_model;

typedef struct {
    const char *name;
    /* Does the file (or, for built-in networks, the name alone: file->data NULL) look like one of ours? */
    bool (*sniff)(const char *name, const lc_mapping *file);
    /* Reads it. The mapping may be released afterwards. On failure nothing is left behind. */
    lc_status (*open)(lc_model *out, const char *name, const lc_mapping *file);
} lc_model_format;

#define LC_MODEL_FORMAT(name) extern const lc_model_format lc_model_format_##name;
#include "extractor/models/model_list.inc"
#undef LC_MODEL_FORMAT

/* Finds the format and reads. `name` is what the user typed; file->data is NULL when no such file exists. */
LC_CHECKED lc_status lc_model_open(lc_model *out, const char **format, const char *name, const lc_mapping *file);
void lc_model_free(lc_model *model);

#endif
