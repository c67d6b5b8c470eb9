#include "extractor/network.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/json.h"
#include "common/memory.h"
#include "common/recipe.h"
#include "common/threads.h"

/* Opening ------------------------------------------------------------------------------------------------------- */

/* The file of a known name in $LAYERCUT_HOME; NULL in *out when there is none. */
static lc_status find_known(char **out, const char *name)
{
    static const char *const endings[] = {".onnx", ".safetensors", ".pth", ".pt", ".th", ".bin", ""};
    const char *home = getenv("LAYERCUT_HOME"), *user = getenv("HOME");
    struct stat st;
    *out = NULL;
    if (strchr(name, '/')) {
        return LC_OK;
    }
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char *path;
        if (home && *home) {
            LC_TRY(lc_sprintf(&path, "%s/%s%s", home, name, endings[i]));
        } else {
            LC_TRY(lc_sprintf(&path, "%s/.cache/layercut/%s%s", user ? user : "", name, endings[i]));
        }
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
            *out = path;
            return LC_OK;
        }
        free(path);
    }
    return LC_OK;
}

/* "resnet18" of "dir/resnet18.onnx" */
static lc_status short_name(char **out, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    return lc_sprintf(out, "%.*s", (int)(dot && dot > base ? (size_t)(dot - base) : strlen(base)), base);
}

void lc_network_shape(const lc_tensor *t, size_t shape[3])
{
    if (t->rank == 4 && t->dims[0] == 1) {
        shape[0] = t->dims[3];
        shape[1] = t->dims[1];
        shape[2] = t->dims[2];
    } else {
        shape[0] = lc_tensor_count(t);
        shape[1] = shape[2] = 1;
    }
}

lc_status lc_network_show_taps(lc_network *net)
{
    const lc_graph *g = net->model.graph;
    lc_taps_free(&net->taps);
    LC_TRY(lc_taps_new(&net->taps, g));
    free(net->public_taps);
    LC_TRY(lc_alloc_array(&net->public_taps, net->taps.count, sizeof *net->public_taps));
    net->info.parameters = net->info.macs = 0;
    for (size_t i = 0; i < net->taps.count; i++) {
        const lc_tap_entry *e = &net->taps.taps[i];
        lc_tap *t = &net->public_taps[i];
        *t = (lc_tap){.name = e->name, .op = g->nodes[e->node].op->name, .parameters = e->parameters, .macs = e->macs};
        lc_network_shape(&g->values[e->value].t, t->shape);
        t->flat = t->shape[0] * t->shape[1] * t->shape[2];
        t->pooled = t->shape[0];
        for (size_t a = 0; a < e->alias_count && a < LC_TAP_MAX_ALIASES; a++) {
            t->aliases[a] = e->aliases[a];
        }
        if (e->value == g->output) {
            net->info.parameters = e->parameters;
            net->info.macs = e->macs;
        }
    }
    const size_t *d = g->values[g->input].t.dims;
    net->info.input[0] = d[3];
    net->info.input[1] = d[1];
    net->info.input[2] = d[2];
    net->info.tap_count = net->taps.count;
    return LC_OK;
}

/* What a file of lc_network_write says. Where it was cut is a name of the tap, whatever it is called without what was behind. */
static lc_status follow_metadata(lc_network *net)
{
    const lc_json *said = net->model.metadata;
    const char *note = lc_json_string(said, "note");
    if (!lc_json_string(said, LC_MODEL_MARK)) {
        return LC_OK;
    }
    net->info.source_sha256 = lc_json_string(said, "source_sha256");
    net->info.layers = lc_json_string(said, "layers");
    net->info.note = net->info.note ? net->info.note : note;
    if (net->info.layers) {
        char *deepest;
        LC_TRY(lc_sprintf(&deepest, "%.*s", (int)strcspn(net->info.layers, ","), net->info.layers));
        lc_status status = lc_graph_alias(net->model.graph, net->model.graph->output, deepest);
        free(deepest);
        LC_TRY(status);
    }
    return LC_OK;
}

lc_status lc_network_replace(lc_network *net, size_t value, size_t count, float **out)
{
    LC_TRY(lc_grow(&net->owned, &net->owned_capacity, net->owned_count + 1, sizeof *net->owned));
    LC_TRY(lc_alloc_array(out, count, sizeof **out));
    net->owned[net->owned_count++] = *out;
    net->model.graph->values[value].t.data = *out;
    return LC_OK;
}

/* Published weights may want other pictures than their architecture's newest ones. */
static lc_status know_weights(lc_network *net)
{
    lc_model *m = &net->model;
    const lc_published *p = m->architecture ? lc_published_find(m->architecture, net->sha256) : NULL;
    if (!p) {
        return LC_OK;
    }
    net->info.weights = p->weights;
    m->preprocess = p->preprocess;
    return lc_graph_resize(m->graph, p->preprocess.input, p->preprocess.input);
}

/* The network's input has the size that the file's own preprocessing says. */
static lc_status take_input_size(lc_network *net)
{
    lc_json *json;
    if (!net->model.preprocessing) {
        return LC_OK;
    }
    LC_TRY(lc_json_parse(&json, net->model.preprocessing, strlen(net->model.preprocessing)));
    lc_preprocess p = LC_PREPROCESS_IMAGENET;
    lc_status status = lc_preprocess_from_json(&p, json);
    lc_json_free(json);
    size_t channels = net->model.graph->values[net->model.graph->input].t.dims[3];
    if (status == LC_OK && p.channels != channels) {
        status = lc_fail(LC_ERR_FORMAT, "it is for %zu channels, the network takes %zu", p.channels, channels);
    }
    return status == LC_OK ? lc_graph_resize(net->model.graph, p.height, p.width)
                           : lc_fail_in(status, "%s: its preprocessing", net->path);
}

typedef struct {
    lc_network *net;
    const char *arch;
    uint8_t digest[LC_SHA256_SIZE]; /* of the file */
} opening;

static lc_status read_or_hash(void *context, size_t hash)
{
    opening *o = context;
    lc_network *net = o->net;
    return hash ? lc_sha256(net->file.data, net->file.size, o->digest)
                : lc_model_open_as(&net->model, &net->info.format, net->path, &net->file, o->arch);
}

/* Hashing a large file takes as long as reading it: both at once. Where no thread starts, one after the other. */
static lc_status read_and_hash(opening *o)
{
    enum { LARGE = 1 << 20 };
    lc_threads *pool = NULL;
    if (o->net->file.size > LARGE && lc_threads_available() > 1 && lc_threads_new(&pool, 2) != LC_OK) {
        pool = NULL;
    }
    lc_status status = lc_parallel_for(pool, 2, read_or_hash, o);
    lc_threads_free(pool);
    return status;
}

static lc_status read_network(lc_network *net, const char *arch)
{
    opening o = {.net = net, .arch = arch};
    const lc_mapping *file = &net->file;
    LC_TRY(read_and_hash(&o));
    const lc_model *m = &net->model;
    if (m->identity) {
        LC_TRY(lc_sha256(m->identity, m->identity_size, o.digest));
    }
    lc_sha256_hex(o.digest, net->sha256);
    if (m->uses_file) { /* hashing has touched every page; what is needed comes back from the page cache */
        lc_unload_file(file, file->data, file->size);
    }
    LC_TRY(short_name(&net->name, net->path));
    net->info.name = net->name;
    net->info.path = net->path;
    net->info.sha256 = net->sha256;
    net->info.architecture = m->architecture;
    net->info.note = m->note;
    net->info.class_names = (const char *const *)m->class_names;
    net->info.classes = m->classes;
    LC_TRY(know_weights(net));
    LC_TRY(follow_metadata(net));
    LC_TRY(take_input_size(net));
    LC_TRY(lc_network_show_taps(net));
    memcpy(net->own_input, net->info.input, sizeof net->own_input);
    return LC_OK;
}

lc_status lc_network_open(lc_network **out, const char *model)
{
    return lc_network_open_as(out, model, NULL);
}

/* The last part of opening, when the file is mapped, or could not be. */
static lc_status finish_open(lc_network **out, lc_network *net, lc_status status, const char *arch)
{
    if (status == LC_OK) {
        status = read_network(net, arch);
    }
    if (!net->model.uses_file) {
        lc_unmap_file(&net->file);
    }
    if (status != LC_OK) {
        lc_network_free(net);
        return status;
    }
    *out = net;
    return LC_OK;
}

lc_status lc_network_new(lc_network **out, const char *arch, size_t classes, uint64_t seed)
{
    lc_network *net;
    char text[160];
    uint8_t digest[LC_SHA256_SIZE];
    const lc_arch *row = lc_arch_find(arch);
    *out = NULL;
    if (!row) {
        return lc_fail(LC_ERR_NOTFOUND, "no architecture is called '%s'", arch);
    }
    LC_TRY(lc_alloc_array(&net, 1, sizeof *net));
    lc_status status = lc_strdup(&net->path, arch);
    if (status == LC_OK) {
        status = lc_strdup(&net->name, arch);
    }
    if (status == LC_OK) {
        status = lc_arch_new(&net->model.graph, row, classes);
    }
    if (status == LC_OK) {
        int length = snprintf(text, sizeof text, "new %s of %zu classes, seed %llu", arch, classes, (unsigned long long)seed);
        status = lc_sha256(text, (size_t)length, digest);
    }
    if (status == LC_OK) {
        lc_sha256_hex(digest, net->sha256);
        net->model.architecture = row->name;
        net->model.preprocess = row->preprocess;
        net->info = (lc_network_info){.name = net->name, .path = net->path, .format = "architecture", .sha256 = net->sha256,
                                      .architecture = row->name, .note = "weights that nobody trained"};
        status = lc_network_begin(net, 0, seed);
    }
    if (status == LC_OK) {
        status = lc_network_show_taps(net);
        memcpy(net->own_input, net->info.input, sizeof net->own_input);
    }
    if (status != LC_OK) {
        lc_network_free(net);
        return status;
    }
    *out = net;
    return LC_OK;
}

lc_status lc_network_open_as(lc_network **out, const char *model, const char *arch)
{
    lc_network *net = NULL;
    struct stat st;
    *out = NULL;
    LC_TRY(lc_alloc_array(&net, 1, sizeof *net));
    bool exists = stat(model, &st) == 0;
    int why = errno;
    lc_status status = exists ? lc_strdup(&net->path, model) : find_known(&net->path, model);
    if (status == LC_OK && !net->path) {
        bool built_in = strcmp(model, "embedded") == 0;
        status = lc_strdup(&net->path, model);
        if (status == LC_OK && !built_in) {
            errno = why;
            status = strpbrk(model, "/.") ? lc_fail_errno("%s", model)
                                          : lc_fail(LC_ERR_NOTFOUND,
                                                    "no network is called '%s': give a file, 'embedded', or put the file "
                                                    "into $LAYERCUT_HOME (default ~/.cache/layercut), as datasets/fetch.sh "
                                                    "does", model);
        }
    } else if (status == LC_OK) {
        status = lc_map_file(&net->file, net->path);
        if (status == LC_OK && net->file.size == 0) {
            status = lc_fail(LC_ERR_FORMAT, "%s: the file is empty", net->path);
        }
    }
    return finish_open(out, net, status, arch);
}

lc_status lc_network_open_bytes(lc_network **out, const char *name, const void *bytes, size_t size)
{
    lc_network *net = NULL;
    *out = NULL;
    LC_TRY(lc_alloc_array(&net, 1, sizeof *net));
    lc_status status = lc_strdup(&net->path, name);
    if (status == LC_OK) {
        status = lc_map_bytes(&net->file, bytes, size);
    }
    return finish_open(out, net, status, NULL);
}

void lc_network_free(lc_network *net)
{
    if (net) {
        lc_taps_free(&net->taps);
        lc_model_free(&net->model);
        lc_unmap_file(&net->file);
        for (size_t i = 0; i < net->owned_count; i++) {
            free(net->owned[i]);
        }
        free(net->owned);
        free(net->public_taps);
        free(net->name);
        free(net->path);
        free(net);
    }
}

const lc_network_info *lc_network_describe(const lc_network *net)
{
    return &net->info;
}

const lc_tap *lc_network_tap(const lc_network *net, size_t i)
{
    return i < net->taps.count ? &net->public_taps[i] : NULL;
}

lc_status lc_network_select(const lc_network *net, const char *selector, size_t **taps, size_t *count)
{
    lc_choice *choices;
    *taps = NULL;
    LC_TRY(lc_taps_select(&net->taps, net->model.graph, selector, &choices, count));
    lc_status status = lc_alloc_array(taps, *count, sizeof **taps);
    for (size_t i = 0; status == LC_OK && i < *count; i++) {
        (*taps)[i] = choices[i].tap;
    }
    lc_choices_free(choices, *count);
    return status;
}

/* Preprocessing -------------------------------------------------------------------------------------------------- */

/*
 * Networks for small pictures (CIFAR, MNIST) are trained on the whole picture; from this size on, ImageNet's habit of
 * resizing to 256 for a crop of 224 is the default.
 */
enum { WHOLE_PICTURE_BELOW = 128 };

static lc_status default_preprocess(const lc_network *net, lc_preprocess *out)
{
    lc_preprocess p = LC_PREPROCESS_IMAGENET;
    p.channels = net->own_input[0];
    p.height = net->own_input[1];
    p.width = net->own_input[2];
    size_t side = p.height < p.width ? p.height : p.width;
    p.resize = side < WHOLE_PICTURE_BELOW ? side : (size_t)floor((double)side * 256 / 224);
    const lc_model_preprocess *known = &net->model.preprocess;
    if (known->input) {
        p.resize = known->resize;
        p.interpolation = known->interpolation == LC_MODEL_BICUBIC ? LC_FILTER_BICUBIC : LC_FILTER_BILINEAR;
        memcpy(p.mean, known->mean, sizeof p.mean);
        memcpy(p.std, known->std, sizeof p.std);
    }
    if (p.channels == 1) { /* the means of ImageNet's three, as timm does */
        p.mean[0] = 0.449f;
        p.std[0] = 0.226f;
    }
    if (net->model.preprocessing) {
        lc_json *json;
        LC_TRY(lc_json_parse(&json, net->model.preprocessing, strlen(net->model.preprocessing)));
        lc_status status = lc_preprocess_from_json(&p, json);
        lc_json_free(json);
        LC_TRY(status);
    }
    *out = p;
    return LC_OK;
}

static lc_status bad_value(const lc_setting *s, const char *wanted)
{
    return lc_fail(LC_ERR_ARG, "--%s %s: wants %s", s->key, s->value, wanted);
}

/* "0.485" or "128/255"; *end is behind it. */
static bool parse_number(const char *text, char **end, double *out)
{
    *out = strtod(text, end);
    if (*end == text) {
        return false;
    }
    if (**end == '/') {
        const char *below = *end + 1;
        double d = strtod(below, end);
        if (*end == below || d == 0) {
            return false;
        }
        *out /= d;
    }
    return isfinite(*out);
}

/* One number for all channels, or one for each. */
static lc_status parse_channels(const lc_setting *s, size_t channels, float out[3])
{
    size_t n = 0;
    double v;
    char *end = (char *)(uintptr_t)s->value;
    for (const char *p = s->value; n < 3; p = end + 1) {
        if (!parse_number(p, &end, &v)) {
            break;
        }
        out[n++] = (float)v;
        if (*end != ',') {
            break;
        }
    }
    if (n == 0 || *end || (n != 1 && n != channels)) {
        return bad_value(s, channels == 3 ? "one number, or three with commas between (fractions as 128/255)" : "one number");
    }
    for (size_t i = n; i < channels; i++) {
        out[i] = out[0];
    }
    return LC_OK;
}

static bool parse_size(const char *text, char **end, size_t *out)
{
    unsigned long v = strtoul(text, end, 10);
    *out = v;
    return *end != text && v >= 1 && v <= 1 << 16;
}

/* "224", "224x320" or "3x224x224" */
static lc_status parse_input(const lc_setting *s, lc_preprocess *p)
{
    size_t v[3], n = 0;
    char *end = NULL;
    bool whole = false;
    for (const char *at = s->value; n < 3 && !whole && parse_size(at, &end, &v[n]); at = end + 1) {
        n++;
        whole = *end == '\0';
        if (!whole && *end != 'x') {
            break;
        }
    }
    if (!whole || (n == 3 && v[0] != p->channels)) {
        return bad_value(s, "a size such as 224, 224x320 or 3x224x224, with the network's channels");
    }
    size_t side = p->height < p->width ? p->height : p->width;
    p->height = v[n == 1 ? 0 : n - 2];
    p->width = v[n - 1];
    size_t now = p->height < p->width ? p->height : p->width;
    p->resize = (size_t)llround((double)p->resize * (double)now / (double)side);
    return LC_OK;
}

static lc_status apply_setting(const lc_setting *s, lc_preprocess *p)
{
    char *end;
    double pct;
    size_t side = p->height < p->width ? p->height : p->width;
    if (strcmp(s->key, "resize") == 0) {
        return parse_size(s->value, &end, &p->resize) && !*end ? LC_OK : bad_value(s, "a number of pixels");
    }
    if (strcmp(s->key, "crop_pct") == 0) {
        if (!parse_number(s->value, &end, &pct) || *end || pct <= 0 || pct > 1) {
            return bad_value(s, "a number over 0 and up to 1");
        }
        p->resize = (size_t)floor((double)side / pct);
        return LC_OK;
    }
    if (strcmp(s->key, "crop_mode") == 0) {
        return lc_crop_mode_parse(s->value, &p->crop_mode);
    }
    if (strcmp(s->key, "interpolation") == 0) {
        return lc_filter_parse(s->value, &p->interpolation);
    }
    if (strcmp(s->key, "mean") == 0) {
        return parse_channels(s, p->channels, p->mean);
    }
    if (strcmp(s->key, "std") == 0) {
        return parse_channels(s, p->channels, p->std);
    }
    if (strcmp(s->key, "exif") == 0) {
        p->exif = strcmp(s->value, "0") != 0;
        return LC_OK;
    }
    return lc_fail(LC_ERR_ARG, "no preprocessing setting is called '%s'", s->key);
}

lc_status lc_network_preprocess(lc_network *net, const lc_extract_options *o, lc_preprocess *out)
{
    lc_preprocess p;
    LC_TRY(default_preprocess(net, &p));
    if (o->recipe) {
        lc_json *json;
        LC_TRY(lc_json_parse(&json, o->recipe, strlen(o->recipe)));
        lc_status status = lc_preprocess_from_json(&p, json);
        lc_json_free(json);
        LC_TRY(status);
    } else {
        /* The size first, whatever the order on the command line: the others are told in its terms. */
        for (size_t i = 0; i < o->setting_count; i++) {
            if (strcmp(o->settings[i].key, "input") == 0) {
                LC_TRY(parse_input(&o->settings[i], &p));
            }
        }
        for (size_t i = 0; i < o->setting_count; i++) {
            if (strcmp(o->settings[i].key, "input") != 0) {
                LC_TRY(apply_setting(&o->settings[i], &p));
            }
        }
    }
    LC_TRY(lc_preprocess_check(&p));
    if (p.channels != net->info.input[0]) {
        return lc_fail(LC_ERR_STALE, "the recipe is for %zu channels, network %s takes %zu", p.channels, net->name,
                       net->info.input[0]);
    }
    if (p.height != net->info.input[1] || p.width != net->info.input[2]) {
        lc_status status = lc_graph_resize(net->model.graph, p.height, p.width);
        if (status != LC_OK) {
            return status == LC_ERR_SHAPE ? lc_fail(LC_ERR_ARG, "%s", lc_error_message()) : status;
        }
        LC_TRY(lc_network_show_taps(net));
    }
    *out = p;
    return LC_OK;
}

static const char *const precision_names[] = {[LC_FLOAT32] = "f32", [LC_EXACT] = "f32-exact", [LC_BF16] = "bf16"};

lc_status lc_network_precision(const char *text, lc_arithmetic *out)
{
    for (size_t i = 0; i < sizeof precision_names / sizeof *precision_names; i++) {
        if (strcmp(text ? text : "f32", precision_names[i]) == 0) {
            *out = (lc_arithmetic)i;
            return LC_OK;
        }
    }
    return lc_fail(LC_ERR_ARG, "no precision '%s'; there are f32, f32-exact and bf16", text);
}

lc_status lc_network_recipe(const lc_network *net, const lc_extract_options *o, const lc_preprocess *p, lc_arithmetic *arithmetic,
                            char **out)
{
    lc_json *given = NULL, *json = lc_json_object();
    lc_status status = o->recipe ? lc_json_parse(&given, o->recipe, strlen(o->recipe)) : LC_OK;
    if (status == LC_OK) {
        status = lc_network_precision(given ? lc_json_string(given, "precision") : o->precision, arithmetic);
    }
    if (status == LC_OK) {
        /* What was cut off another network makes the same features. */
        const char *asked = lc_json_string(given, "network"), *source = net->info.source_sha256;
        lc_json_set_string(json, "network", asked && source && strcmp(asked, source) == 0 ? asked : net->sha256);
        lc_preprocess_to_json(p, json);
        lc_json_set_string(json, "precision", precision_names[*arithmetic]);
        status = lc_json_text(json, 0, out);
    }
    lc_json_free(given);
    lc_json_free(json);
    return status;
}

lc_status lc_extract_recipe(lc_network *net, const lc_extract_options *o, char **out)
{
    lc_preprocess p;
    lc_arithmetic arithmetic;
    LC_TRY(lc_network_preprocess(net, o, &p));
    return lc_network_recipe(net, o, &p, &arithmetic, out);
}

size_t lc_extractor_versions(const char *lines[], size_t capacity)
{
    static char kernels[192];
    char list[LC_KERNELS_LIST];
    const lc_kernels *k;
    if (lc_kernels_get(&k) == LC_OK) {
        snprintf(kernels, sizeof kernels, "kernels %s (LC_ISA=%s forces one)", k->name, lc_kernels_list(list));
    } else {
        snprintf(kernels, sizeof kernels, "kernels: %s", lc_error_message());
    }
    if (capacity) {
        lines[0] = kernels;
    }
    return capacity ? 1 : 0;
}
