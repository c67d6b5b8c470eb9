/*
 * State dicts of architectures in memory, with weights that tests/golden/make_golden_arch.py computes too, and networks of
 * them that keep every tap. Only for tests; include after cmocka.h.
 */
#ifndef LC_TESTS_STATE_DICTS_H
#define LC_TESTS_STATE_DICTS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/memory.h"
#include "common/rng.h"
#include "extractor/models/arch.h"
#include "tests/try.h"

static inline uint64_t fnv(const char *text)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (const char *p = text; *p; p++) {
        h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
    }
    return h;
}

typedef struct {
    char *name;
    size_t rank, dims[LC_MAX_RANK], count;
} entry;

typedef struct {
    entry *entries;
    size_t count, capacity;
    unsigned char *file;
    lc_mapping map;
} dict;

static inline void add(dict *d, const char *name, size_t rank, const size_t *dims)
{
    TRY(lc_grow(&d->entries, &d->capacity, d->count + 1, sizeof *d->entries));
    entry *e = &d->entries[d->count++];
    *e = (entry){.rank = rank, .count = 1};
    TRY(lc_strdup(&e->name, name));
    for (size_t i = 0; i < rank; i++) {
        e->dims[i] = dims[i];
        e->count *= dims[i];
    }
}

static inline void list(void *context, const char *name, size_t rank, const size_t *dims)
{
    add(context, name, rank, dims);
}

static inline const lc_arch *row_of(const char *name)
{
    for (size_t i = 0; i < lc_arch_count; i++) {
        if (strcmp(lc_archs[i].name, name) == 0) {
            return &lc_archs[i];
        }
    }
    fail_msg("no row %s", name);
    return NULL;
}

static inline dict dict_of(const char *arch, size_t classes)
{
    dict d = {0};
    TRY(lc_arch_tensors(row_of(arch), classes, list, &d));
    return d;
}

/* The values of one tensor: make_golden_arch.py's weights(). */
static inline void fill(const entry *e, float *out)
{
    const char *dot = strrchr(e->name, '.'), *last = dot ? dot + 1 : e->name;
    uint64_t seed = fnv(e->name);
    double low = -0.1, range = 0.2;
    if (strcmp(last, "layer_scale") == 0 ||
        (e->rank == 1 && strcmp(last, "bias") != 0 && strcmp(last, "running_mean") != 0)) {
        low = 0.75;
        range = 0.5;
    } else if (e->rank > 1) {
        range = 2 * sqrt((e->rank == 4 ? 3.0 : 6.0) / (double)(e->count / e->dims[0]));
        low = -range / 2;
    }
    for (size_t i = 0; i < e->count; i++) {
        double u = (double)(lc_rng_mix(seed + i) >> 11) * 0x1p-53;
        out[i] = (float)(e->rank > 1 && low < 0 ? (2 * u - 1) * -low : range * u + low);
    }
}

/* The state dict as a safetensors file in d->map: its values by the formula, or only room for them. */
static inline void finish(dict *d, bool values)
{
    size_t bytes = 0, used = 0, room = 16;
    for (size_t i = 0; i < d->count; i++) {
        bytes += d->entries[i].count * sizeof(float);
        room += strlen(d->entries[i].name) + 200;
    }
    char *header;
    TRY(lc_alloc_array(&header, room, 1));
    header[used++] = '{';
    for (size_t i = 0, at = 0; i < d->count; i++) {
        const entry *e = &d->entries[i];
        used +=
            (size_t)snprintf(header + used, room - used, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", i ? "," : "", e->name);
        for (size_t k = 0; k < e->rank; k++) {
            used += (size_t)snprintf(header + used, room - used, "%s%zu", k ? "," : "", e->dims[k]);
        }
        used += (size_t)snprintf(header + used, room - used, "],\"data_offsets\":[%zu,%zu]}", at,
                                 at + e->count * sizeof(float));
        at += e->count * sizeof(float);
    }
    header[used++] = '}';
    while (used % 8) {
        header[used++] = ' ';
    }
    TRY(lc_alloc_raw(&d->file, 8 + used + bytes, 1));
    for (size_t i = 0; i < 8; i++) {
        d->file[i] = (unsigned char)(used >> 8 * i);
    }
    memcpy(d->file + 8, header, used);
    free(header);
    float *data = (float *)(void *)(d->file + 8 + used);
    for (size_t i = 0; i < d->count; i++) {
        if (values) {
            fill(&d->entries[i], data);
        }
        data += d->entries[i].count;
    }
    d->map = (lc_mapping){.data = d->file, .size = 8 + used + bytes};
}

static inline void drop(dict *d)
{
    for (size_t i = 0; i < d->count; i++) {
        free(d->entries[i].name);
    }
    free(d->entries);
    free(d->file);
    *d = (dict){0};
}

typedef struct {
    lc_model model;
    lc_taps taps;
    lc_plan *plan;
    lc_exec *exec;
} network;

/* All taps of the network in n->model. */
static inline void watch(network *n)
{
    const lc_kernels *kernels;
    TRY(lc_kernels_get(&kernels));
    TRY(lc_taps_new(&n->taps, n->model.graph));
    size_t *values;
    TRY(lc_alloc_array(&values, n->taps.count, sizeof *values));
    for (size_t i = 0; i < n->taps.count; i++) {
        values[i] = n->taps.taps[i].value;
    }
    TRY(lc_plan_new(&n->plan, n->model.graph, values, n->taps.count, 1, LC_FLOAT32, kernels, NULL));
    free(values);
    TRY(lc_exec_new(&n->exec, n->plan, 1));
}

/* The same of a file, for a picture of this size. */
static inline void start(network *n, const lc_mapping *map, size_t height, size_t width)
{
    const char *format;
    TRY(lc_model_open(&n->model, &format, "test", map));
    TRY(lc_graph_resize(n->model.graph, height, width));
    watch(n);
}

static inline void stop(network *n)
{
    lc_exec_free(n->exec);
    lc_plan_free(n->plan);
    lc_taps_free(&n->taps);
    lc_model_free(&n->model);
}

#endif
