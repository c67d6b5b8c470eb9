#include "extractor/models/arch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"

#define LC_IMAGENET .mean = {0.485f, 0.456f, 0.406f}, .std = {0.229f, 0.224f, 0.225f}
#define LC_HALVES .mean = {0.5f, 0.5f, 0.5f}, .std = {0.5f, 0.5f, 0.5f}
#define LC_CAFFE .mean = {0.48235f, 0.45882f, 0.40784f}, .std = {1 / 255.f, 1 / 255.f, 1 / 255.f}
#define LC_ARCH(row, kin, size, shorter, filter, colours, ...)                                                             \
    {#row, lc_arch_##kin, {size, shorter, LC_MODEL_##filter, colours}, {__VA_ARGS__}},
const lc_arch lc_archs[] = {
#include "extractor/models/arch_list.inc"
};
#undef LC_ARCH

const size_t lc_arch_count = sizeof lc_archs / sizeof *lc_archs;

#define LC_PUBLISHED(digits, row, name, size, shorter, filter, colours)                                                     \
    {#digits, #row, #name, {size, shorter, LC_MODEL_##filter, colours}},
static const lc_published published[] = {
#include "extractor/models/published_list.inc"
};
#undef LC_PUBLISHED

const lc_published *lc_published_find(const char *architecture, const char *sha256)
{
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        const lc_published *p = &published[i];
        if (strcmp(p->architecture, architecture) == 0 && strncmp(p->digits, sha256, strlen(p->digits)) == 0) {
            return p;
        }
    }
    return NULL;
}

/* Tensors that no forward pass of a trained network reads. */
static bool is_idle(const char *name)
{
    static const char *const starts[] = {"aux1.", "aux2.", "AuxLogits."};
    static const char *const ends[] = {"num_batches_tracked"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        if (strncmp(name, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (length >= n && strcmp(name + length - n, ends[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The first tensor that the row did not ask for; NULL: none. */
static const char *left_over(const lc_arch_builder *b)
{
    for (size_t i = 0; i < lc_weights_count(b->weights); i++) {
        const char *name = lc_weights_at(b->weights, i)->name;
        if (!b->used[i] && !is_idle(name)) {
            return name;
        }
    }
    return NULL;
}

static void close_builder(lc_arch_builder *b)
{
    lc_graph_free(b->graph);
    free(b->used);
    b->graph = NULL;
    b->used = NULL;
}

typedef enum { BUILD_WHOLE, BUILD_SURVEY, BUILD_CUT } build_mode;

/* Builds row `arch`; b->status and b->misfit say how well it went. close_builder, also after a failure. */
static void build(lc_arch_builder *b, const lc_arch *arch, lc_weights *weights, build_mode mode)
{
    *b = (lc_arch_builder){.weights = weights,
                           .epsilon = 1e-5f,
                           .input_size = arch->preprocess.input,
                           .survey = mode == BUILD_SURVEY,
                           .cut = mode == BUILD_CUT};
    b->status = lc_alloc_array(&b->used, lc_weights_count(weights), 1);
    if (b->status == LC_OK) {
        b->status = lc_graph_new(&b->graph, NULL, NULL);
    }
    if (b->status == LC_OK) {
        arch->build(b, arch->numbers);
    }
    if (b->status == LC_OK) {
        const lc_node *last = &b->graph->nodes[b->graph->node_count - 1];
        b->graph->output = last->hidden ? last->in[0] : last->out; /* a dropout before a head that the file has not */
    }
}

lc_status lc_arch_tensors(const lc_arch *arch, size_t classes,
                          void (*list)(void *context, const char *name, size_t rank, const size_t *dims), void *context)
{
    lc_arch_builder b = {
        .epsilon = 1e-5f, .input_size = arch->preprocess.input, .list = list, .context = context, .classes = classes};
    LC_TRY(lc_graph_new(&b.graph, NULL, NULL));
    arch->build(&b, arch->numbers);
    close_builder(&b);
    return b.status;
}

static void release(void *weights)
{
    lc_weights_free(weights);
}

static void hand_over(lc_graph **graph, lc_arch_builder *b)
{
    *graph = b->graph;
    (*graph)->owned = b->weights;
    (*graph)->release = release;
    b->graph = NULL;
}

/*
 * LC_ERR_UNSUPPORTED, with the row that shares most tensors with the file: those that fit, of all that either has
 * (Jaccard's index).
 */
static lc_status refuse(lc_weights *weights)
{
    double best = 0;
    char *why = NULL;
    size_t tensors = 0;
    for (size_t i = 0; i < lc_weights_count(weights); i++) {
        tensors += !is_idle(lc_weights_at(weights, i)->name);
    }
    for (size_t i = 0; i < lc_arch_count; i++) {
        lc_arch_builder b;
        build(&b, &lc_archs[i], weights, BUILD_SURVEY);
        lc_status status = b.status;
        size_t all = b.wanted + tensors - b.fitted;
        double shared = all ? (double)b.fitted / (double)all : 0;
        const char *extra = status == LC_OK ? left_over(&b) : NULL;
        if (status == LC_OK && shared > best) {
            best = shared;
            free(why);
            status = b.misfit[0] ? lc_sprintf(&why, "looks like %s, but %s", lc_archs[i].name, b.misfit)
                                 : lc_sprintf(&why,
                                              "looks like %s, but has a tensor %s, which %s has not; "
                                              "--arch %s passes over it",
                                              lc_archs[i].name, extra ? extra : "", lc_archs[i].name, lc_archs[i].name);
        }
        close_builder(&b);
        if (status == LC_ERR_NOMEM) {
            free(why);
            return status;
        }
    }
    lc_status status = why ? lc_fail(LC_ERR_UNSUPPORTED, "%s", why)
                           : lc_fail(LC_ERR_UNSUPPORTED, "its %zu tensors are of no architecture that is known", tensors);
    free(why);
    return status;
}

const lc_arch *lc_arch_find(const char *name)
{
    for (size_t i = 0; i < lc_arch_count; i++) {
        if (strcmp(lc_archs[i].name, name) == 0) {
            return &lc_archs[i];
        }
    }
    return NULL;
}

static lc_status find_row(const lc_arch **arch, const char *name)
{
    const char *names[sizeof lc_archs / sizeof *lc_archs];
    char nearest[512];
    *arch = lc_arch_find(name);
    if (*arch) {
        return LC_OK;
    }
    for (size_t i = 0; i < lc_arch_count; i++) {
        names[i] = lc_archs[i].name;
    }
    lc_text_nearest(nearest, sizeof nearest, name, names, lc_arch_count);
    return lc_fail(LC_ERR_NOTFOUND, "no architecture is called '%s'; nearest: %s", name, nearest);
}

static lc_status open_as(lc_graph **graph, const lc_arch **arch, lc_weights *weights, const char *name)
{
    lc_arch_builder b;
    LC_TRY(find_row(arch, name));
    build(&b, *arch, weights, BUILD_WHOLE);
    lc_status status = b.status;
    if (status == LC_OK) {
        hand_over(graph, &b);
    } else if (b.misfit[0]) {
        status = lc_fail(status, "is no %s: %s", name, b.misfit);
    }
    close_builder(&b);
    return status;
}

/* Everything that the nodes read must be there. */
static lc_status check_tensors(const lc_graph *g, const char *layers)
{
    for (size_t n = 0; n < g->node_count; n++) {
        for (size_t i = 0; i < g->nodes[n].inputs; i++) {
            size_t v = g->nodes[n].in[i];
            if (v != LC_NO_VALUE && g->values[v].t.data == &lc_arch_nothing) {
                return lc_fail(LC_ERR_FORMAT, "it has no %s, which its layers %s need", g->values[v].name, layers);
            }
        }
    }
    return LC_OK;
}

/* Leaves what the taps need, the deepest of which becomes the output. */
static lc_status cut_at(lc_graph *g, const char *layers)
{
    lc_taps taps;
    lc_choice *choices = NULL;
    size_t count = 0, *values = NULL;
    LC_TRY(lc_taps_new(&taps, g));
    lc_status status = lc_taps_select(&taps, g, layers, &choices, &count);
    if (status == LC_OK) {
        status = lc_alloc_array(&values, count, sizeof *values);
    }
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        values[i] = taps.taps[choices[count - 1 - i].tap].value;
    }
    if (status == LC_OK) {
        status = lc_graph_keep(g, values, count);
    }
    if (status == LC_OK) {
        status = check_tensors(g, layers);
    }
    free(values);
    lc_choices_free(choices, count);
    lc_taps_free(&taps);
    return status;
}

lc_status lc_arch_open_cut(lc_graph **graph, const lc_arch **arch, lc_weights *weights, const char *name, const char *layers)
{
    lc_arch_builder b;
    *graph = NULL;
    LC_TRY(find_row(arch, name));
    build(&b, *arch, weights, BUILD_CUT);
    lc_status status = b.status == LC_OK ? cut_at(b.graph, layers) : b.status;
    if (status == LC_OK) {
        hand_over(graph, &b);
    } else {
        status = lc_fail_in(status, "as %s cut at %s", name, layers);
    }
    close_builder(&b);
    return status;
}

/* What lc_arch_tensors lists. */
typedef struct {
    char **names;
    lc_tensor *tensors;
    size_t count, name_capacity, tensor_capacity, floats;
    lc_status status;
} tensor_list;

static void list_tensor(void *context, const char *name, size_t rank, const size_t *dims)
{
    tensor_list *l = context;
    if (l->status != LC_OK) {
        return;
    }
    l->status = lc_grow(&l->names, &l->name_capacity, l->count + 1, sizeof *l->names);
    if (l->status == LC_OK) {
        l->status = lc_grow(&l->tensors, &l->tensor_capacity, l->count + 1, sizeof *l->tensors);
    }
    if (l->status == LC_OK) {
        l->status = lc_strdup(&l->names[l->count], name);
    }
    if (l->status == LC_OK) {
        lc_tensor *t = &l->tensors[l->count++];
        *t = (lc_tensor){.rank = rank};
        memcpy(t->dims, dims, rank * sizeof *dims);
        l->floats += lc_tensor_count(t);
    }
}

lc_status lc_arch_new(lc_graph **graph, const lc_arch *arch, size_t classes)
{
    tensor_list list = {0};
    float *block = NULL;
    lc_weights *weights = NULL;
    const lc_arch *row;
    *graph = NULL;
    lc_status status = lc_arch_tensors(arch, classes, list_tensor, &list);
    status = status == LC_OK ? list.status : status;
    if (status == LC_OK) {
        status = lc_alloc_array(&block, list.floats, sizeof *block);
    }
    if (status == LC_OK) {
        float *at = block;
        for (size_t i = 0; i < list.count; i++) {
            list.tensors[i].data = at;
            at += lc_tensor_count(&list.tensors[i]);
        }
        status = lc_weights_make(&weights, list.count, (const char *const *)list.names, list.tensors, block);
    }
    if (status == LC_OK) {
        status = lc_arch_open(graph, &row, weights, arch->name);
    }
    if (status != LC_OK) {
        lc_weights_free(weights);
    }
    lc_free_strings(list.names, list.count);
    free(list.tensors);
    return status;
}

lc_status lc_arch_open(lc_graph **graph, const lc_arch **arch, lc_weights *weights, const char *name)
{
    *graph = NULL;
    if (name) {
        return open_as(graph, arch, weights, name);
    }
    for (size_t i = 0; i < lc_arch_count; i++) {
        lc_arch_builder b;
        build(&b, &lc_archs[i], weights, BUILD_WHOLE);
        bool fits = b.status == LC_OK && !left_over(&b);
        bool failed = b.status != LC_OK && !b.misfit[0];
        lc_status status = b.status;
        if (fits) {
            hand_over(graph, &b);
            *arch = &lc_archs[i];
        }
        close_builder(&b);
        if (fits || failed) {
            return status;
        }
    }
    return refuse(weights);
}
