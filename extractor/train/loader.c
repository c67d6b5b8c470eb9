#include "extractor/train/loader.h"

#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/interrupt.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/rng.h"
#include "common/threads.h"
#include "extractor/image/edit.h"

enum { SLOTS_BESIDE_WORKERS = 2 };
static const size_t MAX_FILE = (size_t)1 << 31;                    /* bytes of one picture file */
static const uint64_t ORDER_STREAM = UINT64_C(0x6f72646572000000); /* apart from the pictures' */

/* What a picture's input is made of: the whole picture, or its crop. */
typedef struct {
    size_t row;
    lc_image image; /* empty: not kept, read again */
    bool whole;
} source;

typedef struct {
    size_t *rows;
    int32_t *labels;
    float *input, *targets; /* targets NULL: nothing is mixed */
} slot;

struct lc_loader {
    lc_loader_options options; /* rows is not kept */
    source *sources;           /* (count) */
    size_t count, failed, kept_bytes;
    size_t workers, slots;
    bool mixing;
    slot *slot;
    size_t *order; /* (count) of the epoch */
    uint64_t epoch;
    lc_batch_fn fn;
    void *context;
};

static lc_status decode(const lc_loader *l, size_t row, lc_image *out)
{
    char *path;
    unsigned char *bytes = NULL;
    size_t size;
    LC_TRY(lc_manifest_path(l->options.manifest, row, &path));
    lc_status status = lc_read_file(&bytes, &size, path, MAX_FILE);
    if (status == LC_OK) {
        status = lc_image_decode(out, bytes, size, l->options.preprocess.exif);
        status = status == LC_OK ? LC_OK : lc_fail_in(status, "%s", path);
    }
    free(bytes);
    free(path);
    if (status == LC_OK && l->options.preprocess.channels == 1) {
        lc_image_make_grey(out);
    }
    return status;
}

/* Reads row s->row into s->image. */
static lc_status load(const lc_loader *l, source *s)
{
    lc_image picture;
    LC_TRY(decode(l, s->row, &picture));
    s->whole = lc_augment_wants_whole(&l->options.augment, &l->options.preprocess, &picture);
    if (s->whole) {
        s->image = picture;
        return LC_OK;
    }
    lc_status status = lc_preprocess_crop(&l->options.preprocess, &picture, &s->image);
    lc_image_free(&picture);
    return status;
}

/* Every picture once ------------------------------------------------------------------------------------------------ */

typedef struct {
    source source;
    lc_status status;
    char message[512];
} first_look;

typedef struct {
    lc_loader *loader;
    const size_t *rows;
    first_look *looks; /* by slot */
} reading;

static lc_status read_one(void *context, size_t worker, size_t item, size_t slot_index)
{
    reading *r = context;
    first_look *look = &r->looks[slot_index];
    (void)worker;
    *look = (first_look){.source.row = r->rows[item]};
    look->status = load(r->loader, &look->source);
    if (look->status != LC_OK) {
        strncpy(look->message, lc_error_message(), sizeof look->message - 1);
    }
    return look->status == LC_ERR_NOMEM ? look->status : LC_OK;
}

static lc_status keep_one(void *context, size_t item, size_t slot_index)
{
    reading *r = context;
    lc_loader *l = r->loader;
    first_look *look = &r->looks[slot_index];
    if (look->status != LC_OK) {
        lc_log(LC_LOG_WARNING, "left out: %s", look->message);
        l->failed++;
    } else {
        size_t bytes = look->source.image.width * look->source.image.height * 3;
        if (bytes <= l->options.keep_bytes - l->kept_bytes) {
            l->kept_bytes += bytes;
        } else {
            lc_image_free(&look->source.image);
        }
        l->sources[l->count++] = look->source;
    }
    look->source.image = (lc_image){0};
    lc_progress("pictures read", item + 1, l->options.count);
    return lc_interrupt_check();
}

static lc_status read_all(lc_loader *l, const size_t *rows)
{
    reading r = {.loader = l, .rows = rows};
    LC_TRY(lc_alloc_array(&r.looks, l->slots, sizeof *r.looks));
    lc_pipeline p = {.items = l->options.count, .workers = l->workers, .slots = l->slots, .context = &r, .produce = read_one,
                     .consume = keep_one};
    lc_status status = lc_pipeline_run(&p);
    for (size_t i = 0; i < l->slots; i++) {
        lc_image_free(&r.looks[i].source.image);
    }
    free(r.looks);
    return status;
}

static lc_status make_slot(const lc_loader *l, slot *s)
{
    const lc_preprocess *p = &l->options.preprocess;
    size_t floats;
    if (!lc_mul(l->options.batch, p->height * p->width * p->channels, &floats)) {
        return lc_fail(LC_ERR_NOMEM, "a batch of %zu pictures is too large", l->options.batch);
    }
    LC_TRY(lc_alloc_array(&s->rows, l->options.batch, sizeof *s->rows));
    LC_TRY(lc_alloc_array(&s->labels, l->options.batch, sizeof *s->labels));
    LC_TRY(lc_alloc_raw(&s->input, floats, sizeof *s->input));
    return l->mixing ? lc_alloc_raw(&s->targets, l->options.batch * l->options.classes, sizeof *s->targets) : LC_OK;
}

static lc_status loader_start(lc_loader *l, const size_t *rows)
{
    LC_TRY(lc_alloc_array(&l->sources, l->options.count, sizeof *l->sources));
    LC_TRY(read_all(l, rows));
    if (l->count == 0) {
        return lc_fail(LC_ERR_ARG, "none of %zu pictures can be read", l->options.count);
    }
    LC_TRY(lc_alloc_array(&l->order, l->count, sizeof *l->order));
    LC_TRY(lc_alloc_array(&l->slot, l->slots, sizeof *l->slot));
    for (size_t i = 0; i < l->slots; i++) {
        LC_TRY(make_slot(l, &l->slot[i]));
    }
    return LC_OK;
}

lc_status lc_loader_new(lc_loader **out, const lc_loader_options *options)
{
    lc_loader *l;
    *out = NULL;
    LC_TRY(lc_preprocess_check(&options->preprocess));
    if (options->count == 0 || options->batch == 0) {
        return lc_fail(LC_ERR_ARG, "nothing to load: %zu pictures in batches of %zu", options->count, options->batch);
    }
    bool mixing = options->augment.mixup > 0.0 || options->augment.cutmix > 0.0;
    for (size_t i = 0; i < options->count && mixing; i++) {
        int32_t label = options->manifest->labels[options->rows[i]];
        if (label < 0 || (size_t)label >= options->classes) {
            return lc_fail(LC_ERR_ARG, "%s has no label: mixup and cutmix need one", options->manifest->paths[options->rows[i]]);
        }
    }
    LC_TRY(lc_alloc_array(&l, 1, sizeof *l));
    l->options = *options;
    l->mixing = mixing;
    l->options.rows = NULL;
    l->options.keep_bytes = options->keep_bytes ? options->keep_bytes : LC_LOADER_KEEP_BYTES;
    l->workers = options->threads ? options->threads : lc_threads_available();
    l->slots = l->workers + SLOTS_BESIDE_WORKERS;
    lc_status status = loader_start(l, options->rows);
    if (status != LC_OK) {
        lc_loader_free(l);
        return status;
    }
    *out = l;
    return LC_OK;
}

void lc_loader_free(lc_loader *l)
{
    if (!l) {
        return;
    }
    for (size_t i = 0; i < l->count; i++) {
        lc_image_free(&l->sources[i].image);
    }
    for (size_t i = 0; l->slot && i < l->slots; i++) {
        free(l->slot[i].rows);
        free(l->slot[i].labels);
        free(l->slot[i].input);
        free(l->slot[i].targets);
    }
    free(l->slot);
    free(l->sources);
    free(l->order);
    free(l);
}

size_t lc_loader_count(const lc_loader *l)
{
    return l->count;
}

size_t lc_loader_failed(const lc_loader *l)
{
    return l->failed;
}

size_t lc_loader_batches(const lc_loader *l)
{
    size_t full = l->count / l->options.batch, rest = l->count % l->options.batch;
    return full + (rest && (!l->options.drop_last || full == 0));
}

/* An epoch ---------------------------------------------------------------------------------------------------------- */

static size_t batch_count(const lc_loader *l, size_t batch)
{
    size_t left = l->count - batch * l->options.batch;
    return left < l->options.batch ? left : l->options.batch;
}

static lc_status make_input(const lc_loader *l, const source *kept, float *input)
{
    source s = *kept;
    if (!s.image.pixels) {
        LC_TRY(load(l, &s));
    }
    lc_status status = lc_augment_picture(&l->options.augment, &l->options.preprocess, l->options.seed, l->epoch, s.row,
                                          &s.image, s.whole, input);
    if (!kept->image.pixels) {
        lc_image_free(&s.image);
    }
    return status;
}

static lc_status make_batch(void *context, size_t worker, size_t item, size_t slot_index)
{
    const lc_loader *l = context;
    const lc_loader_options *o = &l->options;
    const slot *s = &l->slot[slot_index];
    size_t n = batch_count(l, item), floats = o->preprocess.height * o->preprocess.width * o->preprocess.channels;
    (void)worker;
    for (size_t i = 0; i < n; i++) {
        const source *from = &l->sources[l->order[item * o->batch + i]];
        LC_TRY(make_input(l, from, s->input + i * floats));
        s->rows[i] = from->row;
        s->labels[i] = o->manifest->labels[from->row];
    }
    if (!s->targets) {
        return LC_OK;
    }
    memset(s->targets, 0, n * o->classes * sizeof *s->targets);
    for (size_t i = 0; i < n; i++) {
        s->targets[i * o->classes + (size_t)s->labels[i]] = 1.0f;
    }
    return lc_augment_mix(&o->augment, &o->preprocess, o->seed, l->epoch, item, n, o->classes, s->input, s->targets);
}

static lc_status hand_over(void *context, size_t item, size_t slot_index)
{
    const lc_loader *l = context;
    const slot *s = &l->slot[slot_index];
    lc_batch batch = {item, batch_count(l, item), s->rows, s->labels, s->input, s->targets};
    return l->fn(l->context, &batch);
}

lc_status lc_loader_epoch(lc_loader *l, uint64_t epoch, lc_batch_fn fn, void *context)
{
    for (size_t i = 0; i < l->count; i++) {
        l->order[i] = i;
    }
    if (l->options.shuffle) {
        lc_rng r = lc_rng_new(l->options.seed ^ ORDER_STREAM, epoch);
        lc_rng_shuffle(&r, l->order, l->count);
    }
    l->epoch = epoch;
    l->fn = fn;
    l->context = context;
    lc_pipeline p = {.items = lc_loader_batches(l), .workers = l->workers, .slots = l->slots, .context = l,
                     .produce = make_batch, .consume = hand_over};
    return lc_pipeline_run(&p);
}
