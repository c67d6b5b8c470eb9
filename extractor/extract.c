/*
 * Pictures -> rows.
 *
 *   read, hash, decode, resize  -\
 *   forward to the deepest tap    > a worker, on its own memory, for one batch of neighbouring rows
 *   pool every tap into rows    -/
 *   write the rows, in order        the calling thread
 *
 * Workers share nothing but the plan, so there is no barrier between the layers of a network: all cores are busy as
 * long as there are batches. lc_pipeline_run bounds how many are in flight and hands them over in order. When there is
 * only one batch (predict on a picture), its layers are split over a pool instead.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/interrupt.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/recipe.h"
#include "common/threads.h"
#include "extractor/network.h"

enum { DEFAULT_BATCH = 4, MAX_BATCH = 4096, SLOTS_BESIDE_WORKERS = 2, MEASURED_PICTURES = 4096 };
enum { STORE_BUFFER_BYTES = 32 << 20 }; /* what feature_store.c lets wait */
static const size_t MAX_FILE = (size_t)1 << 31; /* bytes of one picture file */

/* Rows of one batch on their way to the writer. */
typedef struct {
    lc_store_row *rows; /* (batch) */
    bool *computed;     /* (batch) false: was there already */
    float **values;     /* values[l] (batch, dim) */
} slot;

typedef struct {
    lc_exec *exec;
    float *scratch;     /* of pooling */
    size_t *place;      /* (batch) row of the batch that lies at this place of the input */
    double decode_seconds, forward_seconds;
} worker;

/* Where rows go: a store, or memory. rows[0..count) are neighbours from `first` on. */
typedef lc_status (*sink_fn)(void *sink, size_t first, size_t count, const lc_store_row *rows, const float *const *values);

typedef struct {
    lc_network *net;
    const lc_manifest *manifest;
    const lc_kernels *kernels;
    lc_preprocess pre;
    char *recipe;
    lc_pooling pooling;
    lc_choice *choices;
    size_t layer_count;
    lc_store_layer *layers;
    bool owns_layers;
    lc_plan *plan;
    size_t batch, workers, slots;
    lc_arithmetic arithmetic;
    size_t threads;
    lc_threads *pool;         /* of a single worker, else NULL */
    double started;           /* lc_clock() */
    worker *worker;
    slot *slot;
    const lc_store_row *kept; /* (rows) what the store holds already, or NULL */
    bool trusted;             /* kept rows are of the pictures as they are: not to be read again */
    bool frozen;              /* the store takes no more rows: failed ones stay as they are */
    double deadline;          /* lc_clock() at which to stop as if it was the end; 0: none */
    sink_fn write;
    void *sink;
    const float **offset_values; /* (layer_count) */
    lc_extract_report report;
} job;

/* Setting up ----------------------------------------------------------------------------------------------------- */

static lc_status describe_layers(job *j, const char *pool)
{
    LC_TRY(lc_alloc_array(&j->layers, j->layer_count, sizeof *j->layers));
    j->owns_layers = true;
    for (size_t l = 0; l < j->layer_count; l++) {
        const lc_tap *t = &j->net->public_taps[j->choices[l].tap];
        lc_store_layer *s = &j->layers[l];
        memcpy(s->shape, t->shape, sizeof s->shape);
        s->macs = t->macs;
        s->parameters = t->parameters;
        LC_TRY(lc_pooling_dim(&j->pooling, t->shape, &s->dim));
        LC_TRY(lc_strdup(&s->name, j->choices[l].name));
        LC_TRY(lc_strdup(&s->op, t->op));
        LC_TRY(lc_strdup(&s->pool, pool));
    }
    return LC_OK;
}

static void free_layers(lc_store_layer *layers, size_t count)
{
    for (size_t l = 0; layers && l < count; l++) {
        free(layers[l].name);
        free(layers[l].id);
        free(layers[l].op);
        free(layers[l].pool);
    }
    free(layers);
}

static void job_free(job *j)
{
    for (size_t i = 0; j->worker && i < j->workers; i++) {
        lc_exec_free(j->worker[i].exec);
        free(j->worker[i].scratch);
        free(j->worker[i].place);
    }
    for (size_t i = 0; j->slot && i < j->slots; i++) {
        for (size_t l = 0; j->slot[i].values && l < j->layer_count; l++) {
            free(j->slot[i].values[l]);
        }
        free(j->slot[i].values);
        free(j->slot[i].rows);
        free(j->slot[i].computed);
    }
    free(j->worker);
    free(j->slot);
    lc_threads_free(j->pool);
    lc_plan_free(j->plan);
    if (j->owns_layers) {
        free_layers(j->layers, j->layer_count);
    }
    lc_choices_free(j->choices, j->layer_count);
    free(j->offset_values);
    free(j->recipe);
}

/* What is to be computed; nothing big is allocated yet. */
static lc_status job_new(job *j, lc_network *net, const lc_manifest *manifest, const lc_extract_options *o)
{
    const char *pool = o->pool ? o->pool : "avg";
    const char *layers = o->layers ? o->layers : net->info.layers ? net->info.layers : "penultimate";
    *j = (job){.net = net, .manifest = manifest, .report = {.rows = manifest->rows}};
    LC_TRY(lc_kernels_get(&j->kernels));
    LC_TRY(lc_pooling_parse(pool, &j->pooling));
    if (o->batch > MAX_BATCH) {
        return lc_fail(LC_ERR_ARG, "a batch of %zu pictures; %d are the most", o->batch, MAX_BATCH);
    }
    LC_TRY(lc_network_preprocess(net, o, &j->pre));
    LC_TRY(lc_network_recipe(net, o, &j->pre, &j->arithmetic, &j->recipe));
    if (o->recipe) {
        LC_TRY(lc_recipe_check(j->recipe, net->path, o->recipe, "the recipe asked for"));
    }
    LC_TRY(lc_taps_select(&net->taps, net->model.graph, layers, &j->choices, &j->layer_count));
    j->batch = o->batch ? o->batch : DEFAULT_BATCH;
    j->threads = o->threads ? o->threads : lc_threads_available();
    size_t batches = (manifest->rows + j->batch - 1) / j->batch;
    j->workers = batches && batches < j->threads ? batches : j->threads;
    return describe_layers(j, pool);
}

/* Bytes of the features of all rows. */
static uint64_t value_bytes(const job *j, bool half)
{
    uint64_t bytes = 0;
    for (size_t l = 0; l < j->layer_count; l++) {
        bytes += (uint64_t)j->manifest->rows * j->layers[l].dim * (half ? 2 : 4);
    }
    return bytes;
}

lc_status lc_extract_plan_new(lc_network *net, const lc_manifest *manifest, const lc_extract_options *options, lc_extract_plan *out)
{
    job j;
    *out = (lc_extract_plan){0};
    lc_status status = job_new(&j, net, manifest, options);
    if (status == LC_OK) {
        *out = (lc_extract_plan){.layers = j.layer_count, .layer = j.layers, .bytes = value_bytes(&j, options->half)};
        j.owns_layers = false;
    }
    job_free(&j);
    return status;
}

void lc_extract_plan_free(lc_extract_plan *plan)
{
    free_layers(plan->layer, plan->layers);
    *plan = (lc_extract_plan){0};
}

static lc_status make_slot(job *j, slot *s)
{
    LC_TRY(lc_alloc_array(&s->rows, j->batch, sizeof *s->rows));
    LC_TRY(lc_alloc_array(&s->computed, j->batch, sizeof *s->computed));
    LC_TRY(lc_alloc_array(&s->values, j->layer_count, sizeof *s->values));
    for (size_t l = 0; l < j->layer_count; l++) {
        size_t floats;
        if (!lc_mul(j->batch, j->layers[l].dim, &floats)) {
            return lc_fail(LC_ERR_NOMEM, "a batch of %zu rows of %zu numbers is too large", j->batch, j->layers[l].dim);
        }
        LC_TRY(lc_alloc_raw(&s->values[l], floats, sizeof(float)));
    }
    return LC_OK;
}

static lc_status make_worker(job *j, worker *w)
{
    size_t channels = 1;
    for (size_t l = 0; l < j->layer_count; l++) {
        channels = j->layers[l].shape[0] > channels ? j->layers[l].shape[0] : channels;
    }
    LC_TRY(lc_exec_new(&w->exec, j->plan, j->pool ? j->threads : 1));
    LC_TRY(lc_alloc_array(&w->scratch, 2 * channels, sizeof(float)));
    return lc_alloc_array(&w->place, j->batch, sizeof *w->place);
}

static lc_status job_start(job *j)
{
    size_t *values;
    j->started = lc_clock();
    LC_TRY(lc_alloc_array(&values, j->layer_count, sizeof *values));
    for (size_t l = 0; l < j->layer_count; l++) {
        values[l] = j->net->taps.taps[j->choices[l].tap].value;
    }
    lc_status status = j->threads > 1 ? lc_threads_new(&j->pool, j->threads) : LC_OK;
    if (status == LC_OK) {
        status = lc_plan_new(&j->plan, j->net->model.graph, values, j->layer_count, j->batch, j->arithmetic, j->kernels, j->pool);
    }
    free(values);
    LC_TRY(status);
    if (j->workers > 1) { /* each thread is one of them */
        lc_threads_free(j->pool);
        j->pool = NULL;
    }
    if (j->net->model.uses_file) { /* the plan has its weights packed */
        lc_unload_file(&j->net->file, j->net->file.data, j->net->file.size);
    }
    LC_TRY(lc_alloc_array(&j->offset_values, j->layer_count, sizeof *j->offset_values));
    LC_TRY(lc_alloc_array(&j->worker, j->workers, sizeof *j->worker));
    for (size_t i = 0; i < j->workers; i++) {
        LC_TRY(make_worker(j, &j->worker[i]));
    }
    j->slots = j->workers + SLOTS_BESIDE_WORKERS;
    LC_TRY(lc_alloc_array(&j->slot, j->slots, sizeof *j->slot));
    for (size_t i = 0; i < j->slots; i++) {
        LC_TRY(make_slot(j, &j->slot[i]));
    }
    return LC_OK;
}

/* Computing ------------------------------------------------------------------------------------------------------- */

lc_status lc_picture_read(const lc_manifest *manifest, size_t row, unsigned char **bytes, size_t *size,
                          uint8_t sha256[static LC_SHA256_SIZE])
{
    char *path;
    LC_TRY(lc_manifest_path(manifest, row, &path));
    lc_status status = lc_read_file(bytes, size, path, MAX_FILE);
    free(path);
    LC_TRY(status);
    return lc_sha256(*bytes, *size, sha256);
}

/* Decodes row `row` into the network's input at `in`. */
static lc_status load_picture(const job *j, size_t row, lc_store_row *out, float *in)
{
    unsigned char *bytes = NULL;
    size_t size;
    lc_image image = {0};
    lc_status status = lc_picture_read(j->manifest, row, &bytes, &size, out->sha256);
    if (status == LC_OK) {
        status = lc_image_decode(&image, bytes, size, j->pre.exif);
    }
    if (status == LC_OK) {
        out->width = (int32_t)image.width;
        out->height = (int32_t)image.height;
        status = lc_preprocess_apply(&j->pre, &image, in);
    }
    lc_image_free(&image);
    free(bytes);
    return status;
}

/* The message without what stands in the row already: its path. */
static void note_failure(const job *j, size_t row, lc_store_row *out)
{
    const char *message = lc_error_message(), *path = j->manifest->paths[row], *at = strstr(message, path);
    if (at && strncmp(at + strlen(path), ": ", 2) == 0) {
        message = at + strlen(path) + 2;
    }
    out->status = LC_ROW_FAILED;
    size_t n = strlen(message), most = sizeof out->error - 1;
    n = n < most ? n : most;
    while (n > 0 && n == most && ((unsigned char)message[n] & 0xC0) == 0x80) {
        n--; /* not through the middle of a UTF-8 character */
    }
    memcpy(out->error, message, n);
    out->error[n] = '\0';
}

/* A row that the store holds: is the picture still the one it was made of? */
static lc_status check_kept(const job *j, size_t row)
{
    unsigned char *bytes = NULL;
    size_t size;
    uint8_t now[LC_SHA256_SIZE];
    if (j->trusted || j->kept[row].status != LC_ROW_OK) {
        return LC_OK;
    }
    lc_status status = lc_picture_read(j->manifest, row, &bytes, &size, now);
    free(bytes);
    if (status == LC_OK && memcmp(now, j->kept[row].sha256, sizeof now) == 0) {
        return LC_OK;
    }
    return lc_fail(LC_ERR_STALE, "picture '%s' has changed since its row was computed; --refresh computes it again",
                   j->manifest->paths[row]);
}

static void pool_rows(const job *j, const worker *w, const slot *s, size_t n)
{
    for (size_t l = 0; l < j->layer_count; l++) {
        lc_tensor t = lc_exec_tap(w->exec, l);
        size_t map = lc_tensor_count(&t) / t.dims[0], dim = j->layers[l].dim;
        for (size_t i = 0; i < n; i++) {
            lc_pooling_apply(&j->pooling, j->kernels, j->layers[l].shape, t.data + i * map, w->scratch, s->values[l] + w->place[i] * dim);
        }
    }
}

static lc_status produce(void *context, size_t worker_index, size_t item, size_t slot_index)
{
    job *j = context;
    worker *w = &j->worker[worker_index];
    slot *s = &j->slot[slot_index];
    size_t first = item * j->batch, count = j->manifest->rows - first, n = 0;
    const lc_preprocess *p = &j->pre;
    count = count < j->batch ? count : j->batch;
    double start = lc_clock();
    for (size_t i = 0; i < count; i++) {
        s->computed[i] = !j->kept || (j->kept[first + i].status != LC_ROW_OK && !j->frozen);
        if (!s->computed[i]) {
            LC_TRY(check_kept(j, first + i));
            continue;
        }
        s->rows[i] = (lc_store_row){.status = LC_ROW_OK};
        lc_status status = load_picture(j, first + i, &s->rows[i], lc_exec_input(w->exec) + n * p->height * p->width * p->channels);
        if (status == LC_ERR_NOMEM) {
            return status;
        }
        if (status != LC_OK) {
            note_failure(j, first + i, &s->rows[i]);
            for (size_t l = 0; l < j->layer_count; l++) {
                memset(s->values[l] + i * j->layers[l].dim, 0, j->layers[l].dim * sizeof(float));
            }
        } else {
            w->place[n++] = i;
        }
    }
    double loaded = lc_clock();
    if (n) {
        LC_TRY(lc_exec_run(w->exec, n, j->pool));
        pool_rows(j, w, s, n);
    }
    w->decode_seconds += loaded - start;
    w->forward_seconds += lc_clock() - loaded;
    return LC_OK;
}

static lc_status consume(void *context, size_t item, size_t slot_index)
{
    job *j = context;
    const slot *s = &j->slot[slot_index];
    size_t first = item * j->batch, count = j->manifest->rows - first;
    count = count < j->batch ? count : j->batch;
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && s->computed[end] == s->computed[i]) {
            end++;
        }
        if (s->computed[i]) {
            for (size_t l = 0; l < j->layer_count; l++) {
                j->offset_values[l] = s->values[l] + i * j->layers[l].dim;
            }
            double start = lc_clock();
            LC_TRY(j->write(j->sink, first + i, end - i, s->rows + i, j->offset_values));
            j->report.write_seconds += lc_clock() - start;
            j->report.computed += end - i;
        } else {
            j->report.kept += end - i;
        }
        for (; i < end; i++) {
            j->report.failed += (s->computed[i] ? s->rows[i].status : j->kept[first + i].status) == LC_ROW_FAILED;
        }
    }
    if (j->deadline > 0) {
        return lc_clock() < j->deadline ? lc_interrupt_check() : lc_fail(LC_ERR_INTERRUPTED, "measured long enough");
    }
    lc_progress("pictures", first + count, j->manifest->rows);
    return lc_interrupt_check();
}

static lc_status job_run(job *j)
{
    lc_pipeline p = {
        .items = (j->manifest->rows + j->batch - 1) / j->batch,
        .workers = j->workers,
        .slots = j->slots,
        .context = j,
        .produce = produce,
        .consume = consume,
    };
    lc_status status = lc_pipeline_run(&p);
    for (size_t i = 0; i < j->workers; i++) {
        j->report.decode_seconds += j->worker[i].decode_seconds;
        j->report.forward_seconds += j->worker[i].forward_seconds;
    }
    j->report.seconds = lc_clock() - j->started;
    return status;
}

/* Into a store ---------------------------------------------------------------------------------------------------- */

static lc_status write_store(void *sink, size_t first, size_t count, const lc_store_row *rows, const float *const *values)
{
    return lc_store_write(sink, first, count, rows, values);
}

/* What an existing store holds of each row. */
static lc_status read_kept(lc_store *store, size_t rows, lc_store_row **out)
{
    LC_TRY(lc_alloc_array(out, rows, sizeof **out));
    for (size_t i = 0; i < rows; i++) {
        LC_TRY(lc_store_read_row(store, i, &(*out)[i]));
    }
    return LC_OK;
}

/*
 * At most what this process takes: what it took so far, and what the job has yet to touch of its own - every worker's
 * activations, rows on their way, rows that wait for the disk. Pictures while they are decoded come on top.
 */
static uint64_t memory_of(const job *j)
{
    struct rusage used = {0};
    getrusage(RUSAGE_SELF, &used);
    uint64_t row = 0, rows = j->manifest->rows, in_flight = (uint64_t)j->slots * j->batch;
    for (size_t l = 0; l < j->layer_count; l++) {
        row += j->layers[l].dim * sizeof(float);
    }
    uint64_t buffer = row * (STORE_BUFFER_BYTES / (row + 1) + 1);
    buffer = buffer < row * rows ? buffer : row * rows;
    return (uint64_t)used.ru_maxrss * 1024 + j->workers * (uint64_t)lc_plan_bytes(j->plan, j->pool ? j->threads : 1) + in_flight * row + buffer;
}

lc_status lc_extract_check_room(const char *path, uint64_t bytes, uint64_t *room)
{
    uint64_t taken;
    LC_TRY(lc_disk_room(path, room, &taken));
    if (*room != UINT64_MAX && bytes > taken && bytes - taken > *room) {
        return lc_fail(LC_ERR_IO, "%s: the features take %.3g GB, its disk has %.3g GB left; fewer layers, another --pool or --dtype f16",
                       path, (double)bytes / 1e9, (double)*room / 1e9);
    }
    return LC_OK;
}

lc_status lc_extract_rows(lc_network *net, const lc_manifest *manifest, const lc_extract_options *options, const char *path,
                          const char *command, bool trusted, lc_extract_report *report)
{
    job j;
    lc_store *store = NULL;
    lc_store_row *kept = NULL;
    uint64_t room;
    char *model_path = realpath(net->path, NULL); /* NULL: a known name, the same from everywhere */
    lc_status status = job_new(&j, net, manifest, options);
    if (status == LC_OK) {
        status = lc_extract_check_room(path, value_bytes(&j, options->half), &room);
    }
    if (status == LC_OK) {
        status = job_start(&j); /* before the store: a network that cannot run leaves no file behind */
    }
    if (status == LC_OK) {
        lc_store_options so = {
            .manifest = manifest,
            .recipe = j.recipe,
            .model_name = net->name,
            .model_sha256 = net->sha256,
            .model_path = model_path ? model_path : net->path,
            .command = command,
            .layers = j.layers,
            .layer_count = j.layer_count,
            .half = options->half,
        };
        bool exists = access(path, F_OK) == 0;
        status = exists ? lc_store_resume(&store, path, &so) : lc_store_begin(&store, path, &so, false);
        if (status == LC_OK) {
            /* From here on a killed run leaves its rows under the final name. */
            status = exists ? read_kept(store, manifest->rows, &kept) : lc_store_publish(store);
        }
    }
    if (status == LC_OK) {
        lc_log(LC_LOG_INFO, "memory    at most %.0f MB, and pictures while they are decoded", (double)memory_of(&j) / 1e6);
        j.kept = kept;
        j.trusted = trusted;
        j.frozen = lc_store_layout_of(store) != LC_STORE_PLAIN;
        if (options->flush_seconds > 0) {
            lc_store_flush_every(store, options->flush_seconds);
        }
        j.write = write_store;
        j.sink = store;
        status = job_run(&j);
        /* Whatever stopped the run, what was computed is kept. */
        char *why = NULL;
        if (status != LC_OK && lc_strdup(&why, lc_error_message()) == LC_OK) {
            status = lc_store_flush(store) == LC_OK ? lc_fail(status, "%s", why) : status;
        }
        free(why);
    }
    if (status == LC_OK) {
        double start = lc_clock();
        status = lc_store_finish(store);
        j.report.write_seconds += lc_clock() - start;
    } else {
        lc_store_free(store);
    }
    *report = j.report;
    free(model_path);
    free(kept);
    job_free(&j);
    return status;
}

/* For a moment --------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t good, bad;
    char reason[LC_ROW_ERROR_SIZE]; /* of the last bad one */
} measured;

static lc_status write_nowhere(void *sink, size_t first, size_t count, const lc_store_row *rows, const float *const *values)
{
    measured *m = sink;
    (void)first, (void)values;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].status == LC_ROW_OK) {
            m->good++;
        } else {
            m->bad++;
            memcpy(m->reason, rows[i].error, sizeof m->reason);
        }
    }
    return LC_OK;
}

lc_status lc_extract_measure(lc_network *net, const lc_manifest *manifest, const lc_extract_options *options, double seconds,
                             lc_extract_cost *out)
{
    job j;
    measured m = {0};
    size_t most = manifest->rows < MEASURED_PICTURES ? manifest->rows : MEASURED_PICTURES;
    lc_manifest some = {.root = manifest->root, .rows = most};
    *out = (lc_extract_cost){0};
    LC_TRY(lc_alloc_array(&some.paths, most, sizeof *some.paths));
    for (size_t i = 0; i < most; i++) {
        some.paths[i] = manifest->paths[i * manifest->rows / most];
    }
    lc_status status = job_new(&j, net, &some, options);
    if (status == LC_OK) {
        status = job_start(&j);
    }
    if (status == LC_OK) {
        double start = lc_clock();
        j.write = write_nowhere;
        j.sink = &m;
        j.deadline = start + seconds;
        status = job_run(&j);
        if (status == LC_ERR_INTERRUPTED && lc_interrupt_check() == LC_OK) {
            status = LC_OK; /* the deadline */
        }
        out->pictures = m.good + m.bad;
        out->seconds = (lc_clock() - start) * (double)manifest->rows / (double)(out->pictures ? out->pictures : 1);
        some.rows = manifest->rows; /* for the rows that will wait */
        out->memory = memory_of(&j);
    }
    if (status == LC_OK && !m.good) {
        status = lc_fail(LC_ERR_FORMAT, "none of the %zu pictures that were tried can be read: %s", m.bad, m.reason);
    }
    job_free(&j);
    free(some.paths);
    return status;
}

/* Into memory ----------------------------------------------------------------------------------------------------- */

static lc_status write_memory(void *sink, size_t first, size_t count, const lc_store_row *rows, const float *const *values)
{
    lc_features *f = sink;
    memcpy(f->row + first, rows, count * sizeof *rows);
    for (size_t l = 0; l < f->layers; l++) {
        size_t dim = f->layer[l].dim;
        memcpy(f->values[l] + first * dim, values[l], count * dim * sizeof(float));
    }
    return LC_OK;
}

/* Room for all rows; the job's descriptions of layers move over. */
static lc_status make_features(lc_features *f, job *j)
{
    f->rows = j->manifest->rows;
    LC_TRY(lc_alloc_array(&f->row, f->rows, sizeof *f->row));
    LC_TRY(lc_alloc_array(&f->values, j->layer_count, sizeof *f->values));
    f->layers = j->layer_count;
    f->layer = j->layers;
    j->owns_layers = false;
    for (size_t l = 0; l < f->layers; l++) {
        size_t floats;
        if (!lc_mul(f->rows, f->layer[l].dim, &floats)) {
            return lc_fail(LC_ERR_NOMEM, "%zu rows of %zu numbers are too many", f->rows, f->layer[l].dim);
        }
        LC_TRY(lc_alloc_raw(&f->values[l], floats, sizeof(float)));
    }
    return LC_OK;
}

lc_status lc_features_compute(lc_network *net, const lc_manifest *manifest, const lc_extract_options *options, lc_features *out)
{
    job j;
    *out = (lc_features){0};
    lc_status status = job_new(&j, net, manifest, options);
    if (status == LC_OK) {
        status = make_features(out, &j);
    }
    if (status == LC_OK) {
        status = job_start(&j);
    }
    if (status == LC_OK) {
        j.write = write_memory;
        j.sink = out;
        status = job_run(&j);
    }
    out->report = j.report;
    job_free(&j);
    if (status != LC_OK) {
        lc_features_free(out);
    }
    return status;
}

void lc_features_free(lc_features *f)
{
    free_layers(f->layer, f->layers);
    for (size_t l = 0; f->values && l < f->layers; l++) {
        free(f->values[l]);
    }
    free(f->values);
    free(f->row);
    *f = (lc_features){0};
}
