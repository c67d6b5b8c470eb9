/* lc_verify: whether a features file still is what it says. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/half.h"
#include "common/interrupt.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/rng.h"
#include "extractor/network.h"

enum { SHOWN = 20, BLOCK_BYTES = 8 << 20 };
static const double CLOSE = 1e-5;

typedef struct {
    lc_store *store;
    lc_manifest manifest; /* the store's, with the root where the pictures are now; owns nothing */
    const lc_verify_options *options;
    lc_verify_report *report;
} check;

/* One more of `count` problems of a kind; the thread's message says which. */
static void note(check *c, size_t *count)
{
    if (++*count <= SHOWN) {
        lc_log(LC_LOG_WARNING, "%s", lc_error_message());
    }
    c->report->problems++;
}

static lc_status check_rows(check *c)
{
    lc_verify_report *r = c->report;
    const uint8_t *status = lc_store_status(c->store);
    r->rows = c->manifest.rows;
    for (size_t i = 0; i < r->rows; i++) {
        lc_store_row row;
        r->ok += status[i] == LC_ROW_OK;
        r->pending += status[i] == LC_ROW_PENDING;
        if (status[i] == LC_ROW_FAILED) {
            r->failed++;
            LC_TRY(lc_store_read_row(c->store, i, &row));
            if (!row.error[0]) {
                lc_status failed = lc_fail(LC_ERR_STALE, "row %zu (%s) failed without a reason", i, c->manifest.paths[i]);
                (void)failed;
                note(c, &r->damaged);
            }
        }
    }
    if (r->pending || !lc_store_complete(c->store)) {
        lc_log(LC_LOG_WARNING, "unfinished: %zu of %zu pictures pending", r->pending, r->rows);
        r->problems++;
    }
    if (lc_store_check_links(c->store) != LC_OK) {
        note(c, &r->damaged);
    }
    return LC_OK;
}

/* Every number of every good row is finite: lc_store_read looks. The first that is not stands for its layer. */
static lc_status check_layer(check *c, size_t layer)
{
    size_t dim = lc_store_layer_at(c->store, layer)->dim, rows = c->manifest.rows;
    size_t block = BLOCK_BYTES / (dim * sizeof(float)) + 1;
    float *values;
    LC_TRY(lc_alloc_raw(&values, block, dim * sizeof *values));
    lc_status status = LC_OK;
    for (size_t i = 0; status == LC_OK && i < rows; i += block) {
        status = lc_store_read(c->store, layer, i, rows - i < block ? rows - i : block, values);
        if (status == LC_OK) {
            lc_progress("rows read", i + block < rows ? i + block : rows, rows);
            status = lc_interrupt_check();
        }
    }
    free(values);
    if (status == LC_ERR_STALE) {
        note(c, &c->report->damaged);
        return LC_OK;
    }
    return status;
}

static lc_status check_pictures(check *c)
{
    lc_fingerprint *prints;
    lc_verify_report *r = c->report;
    LC_TRY(lc_alloc_array(&prints, c->manifest.rows, sizeof *prints));
    lc_status status = lc_pictures_hash(&c->manifest, c->options->threads, prints);
    for (size_t i = 0; status == LC_OK && i < c->manifest.rows; i++) {
        lc_store_row row;
        if (lc_store_status(c->store)[i] != LC_ROW_OK) {
            continue;
        }
        status = lc_store_read_row(c->store, i, &row);
        bool same = prints[i].known && memcmp(prints[i].sha256, row.sha256, sizeof row.sha256) == 0;
        if (status == LC_OK && !same) {
            lc_status failed = lc_fail(LC_ERR_STALE, "picture '%s' %s", c->manifest.paths[i],
                                       prints[i].known ? "is another than its row was computed from" : "cannot be read");
            (void)failed;
            note(c, prints[i].known ? &r->changed : &r->unreadable);
        }
    }
    free(prints);
    return status;
}

/* Good rows, chosen by the seed without repetition: the first `count` of a shuffled list. *rows is the caller's. */
static lc_status choose_sample(const check *c, size_t **rows, size_t *count)
{
    size_t good = 0;
    lc_rng random = lc_rng_new(c->options->seed, 0);
    LC_TRY(lc_alloc_raw(rows, c->manifest.rows, sizeof **rows));
    for (size_t i = 0; i < c->manifest.rows; i++) {
        if (lc_store_status(c->store)[i] == LC_ROW_OK) {
            (*rows)[good++] = i;
        }
    }
    *count = good < c->options->sample ? good : c->options->sample;
    for (size_t i = 0; i < *count; i++) {
        size_t other = i + (size_t)lc_rng_below(&random, (uint32_t)(good - i)), row = (*rows)[i];
        (*rows)[i] = (*rows)[other];
        (*rows)[other] = row;
    }
    return LC_OK;
}

/* Largest difference in parts of the largest computed value; 0 only when all bits (of a half, in such a file) are equal. */
static double row_difference(const float *computed, const float *stored, size_t dim, bool half)
{
    double largest = 0, difference = 0;
    bool equal = true;
    for (size_t i = 0; i < dim; i++) {
        equal &= half ? lc_half(computed[i]) == lc_half(stored[i]) : memcmp(&computed[i], &stored[i], sizeof *stored) == 0;
        largest = fmax(largest, fabs((double)computed[i]));
        difference = fmax(difference, fabs((double)computed[i] - (double)stored[i]));
    }
    if (equal) {
        return 0;
    }
    difference = largest > 0 ? difference / largest : INFINITY;
    /* Zeros of the other sign differ by nothing, and halves are no closer than a half's last bit. */
    return half ? difference / 128 : fmax(difference, 1e-30);
}

static lc_status compare_row(check *c, const lc_features *f, size_t at, size_t row, double *worst)
{
    *worst = 0;
    if (f->row[at].status != LC_ROW_OK) {
        *worst = INFINITY;
        return LC_OK;
    }
    for (size_t l = 0; l < f->layers; l++) {
        size_t layer, dim = f->layer[l].dim;
        float *stored;
        LC_TRY(lc_store_find_layer(c->store, f->layer[l].name, &layer));
        LC_TRY(lc_alloc_raw(&stored, dim, sizeof *stored));
        lc_status status = lc_store_read(c->store, layer, row, 1, stored);
        if (status == LC_OK) {
            double difference = row_difference(f->values[l] + at * dim, stored, dim, lc_store_half(c->store));
            *worst = fmax(*worst, difference);
        }
        free(stored);
        if (status == LC_ERR_STALE) {
            *worst = INFINITY; /* not finite: check_layer has said so */
        } else if (status != LC_OK) {
            return status;
        }
    }
    return LC_OK;
}

static lc_status compare_sample(check *c, const lc_features *f, const size_t *rows)
{
    lc_verify_report *r = c->report;
    size_t different = 0;
    for (size_t i = 0; i < f->rows; i++) {
        double worst;
        LC_TRY(compare_row(c, f, i, rows[i], &worst));
        r->sampled++;
        r->equal += worst == 0;
        r->worst = fmax(r->worst, worst);
        if (worst > 0 && worst <= CLOSE) {
            r->close++;
        } else if (worst > 0) {
            lc_status failed = lc_fail(LC_ERR_STALE, "row %zu (%s) computed again differs by %.2g of its largest value", rows[i],
                                       c->manifest.paths[rows[i]], worst);
            (void)failed;
            note(c, &different);
        }
    }
    return LC_OK;
}

static lc_status open_network(const check *c, lc_network **out)
{
    const lc_verify_options *o = c->options;
    const char *wanted = lc_store_attribute(c->store, "model_sha256");
    lc_status status = lc_network_open_as(out, o->model ? o->model : lc_store_attribute(c->store, "model_path"), o->arch);
    if (status != LC_OK) {
        return lc_fail_in(status, "rows cannot be computed again (--model says where the network is, --sample 0 leaves it out)");
    }
    const char *found = lc_network_describe(*out)->sha256;
    return strcmp(found, wanted) == 0
               ? LC_OK
               : lc_fail(LC_ERR_STALE, "%s has the hash %.12s..., the file was made with %.12s...", (*out)->path, found, wanted);
}

static lc_status check_sample(check *c)
{
    lc_network *net = NULL;
    lc_features f = {0};
    size_t *rows = NULL;
    char *layers = NULL;
    lc_manifest some = {.root = c->manifest.root};
    lc_status status = open_network(c, &net);
    if (status == LC_OK) {
        status = choose_sample(c, &rows, &some.rows);
    }
    if (status == LC_OK) {
        status = lc_layers_selector(c->store, NULL, &layers);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&some.paths, some.rows, sizeof *some.paths);
    }
    for (size_t i = 0; status == LC_OK && i < some.rows; i++) {
        some.paths[i] = c->manifest.paths[rows[i]];
    }
    if (status == LC_OK && some.rows > 0) {
        const lc_extract_options o = {.layers = layers,
                                      .pool = lc_store_layer_at(c->store, 0)->pool,
                                      .recipe = lc_store_recipe(c->store),
                                      .threads = c->options->threads};
        status = lc_features_compute(net, &some, &o, &f);
    }
    if (status == LC_OK) {
        status = compare_sample(c, &f, rows);
    }
    lc_features_free(&f);
    lc_network_free(net);
    free(some.paths);
    free(layers);
    free(rows);
    return status;
}

lc_status lc_verify(const char *path, const lc_verify_options *options, lc_verify_report *report)
{
    check c = {.options = options, .report = report};
    *report = (lc_verify_report){0};
    if (options->without_pictures && options->sample) {
        return lc_fail(LC_ERR_ARG, "rows cannot be computed again without their pictures");
    }
    LC_TRY(lc_store_open(&c.store, path));
    c.manifest = *lc_store_manifest(c.store);
    c.manifest.root = options->root ? (char *)options->root : c.manifest.root;
    lc_status status = check_rows(&c);
    for (size_t l = 0; status == LC_OK && l < lc_store_layer_count(c.store); l++) {
        status = check_layer(&c, l);
    }
    if (status == LC_OK && !options->without_pictures) {
        status = check_pictures(&c);
    }
    if (status == LC_OK && options->sample) {
        status = check_sample(&c);
    }
    lc_store_free(c.store);
    return status;
}
