#include "extractor/train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"
#include "extractor/models/weights.h"

enum { ARRAYS = 3 + LC_OPTIMIZER_SLOTS, NAME = 40 };

/* The arrays of a parameter; NULL: not kept. */
static void arrays_of(const lc_parameter *p, float *out[ARRAYS])
{
    out[0] = p->data;
    out[1] = p->average;
    out[2] = p->best;
    for (size_t i = 0; i < LC_OPTIMIZER_SLOTS; i++) {
        out[3 + i] = p->slot[i];
    }
}

static void name_array(char text[NAME], size_t parameter, size_t array)
{
    static const char *const kinds[] = {"weight", "average", "best"};
    if (array < 3) {
        snprintf(text, NAME, "%zu.%s", parameter, kinds[array]);
    } else {
        snprintf(text, NAME, "%zu.slot%zu", parameter, array - 3);
    }
}

static lc_status state_text(const lc_training_state *s, char **out)
{
    lc_json *o = lc_json_object(), *epochs = lc_json_array();
    lc_json_set_int(o, "epoch", (int64_t)s->epoch);
    lc_json_set_int(o, "batch", (int64_t)s->batch);
    lc_json_set_int(o, "step", (int64_t)s->step);
    lc_json_set_real(o, "loss", s->loss);
    lc_json_set_real(o, "penalty", s->penalty);
    lc_json_set_int(o, "correct", (int64_t)s->correct);
    lc_json_set_int(o, "pictures", (int64_t)s->pictures);
    lc_json_set_real(o, "seconds", s->seconds);
    lc_json_set_real(o, "best", s->best);
    lc_json_set_int(o, "best_epoch", (int64_t)s->best_epoch);
    for (size_t i = 0; i < s->epoch; i++) {
        const lc_epoch *e = &s->history[i];
        lc_json *line = lc_json_array();
        lc_json_add_real(line, e->loss);
        lc_json_add_real(line, e->penalty);
        lc_json_add_real(line, e->accuracy);
        lc_json_add_real(line, e->rate);
        lc_json_add_real(line, e->seconds);
        lc_json_add_real(line, e->score);
        lc_json_add_real(line, e->val_loss);
        lc_json_add_int(line, (int64_t)e->pictures);
        lc_json_add(epochs, line);
    }
    lc_json_set(o, "history", epochs);
    lc_status status = lc_json_text(o, 0, out);
    lc_json_free(o);
    return status;
}

static size_t count_of(const lc_json *o, const char *key)
{
    double v = lc_json_number(o, key, 0);
    return v > 0 && v < 9e15 ? (size_t)v : 0;
}

static lc_status read_state(lc_training_state *s, const char *text)
{
    lc_json *o;
    LC_TRY(lc_json_parse(&o, text, strlen(text)));
    const lc_json *epochs = lc_json_get(o, "history");
    s->epoch = count_of(o, "epoch");
    s->batch = count_of(o, "batch");
    s->step = count_of(o, "step");
    s->loss = lc_json_number(o, "loss", 0);
    s->penalty = lc_json_number(o, "penalty", 0);
    s->correct = count_of(o, "correct");
    s->pictures = count_of(o, "pictures");
    s->seconds = lc_json_number(o, "seconds", 0);
    s->best = lc_json_number(o, "best", NAN);
    s->best_epoch = count_of(o, "best_epoch");
    lc_status status = epochs && lc_json_size(epochs) == s->epoch ? LC_OK : lc_fail(LC_ERR_STALE, "its history is damaged");
    if (status == LC_OK) {
        status = lc_grow(&s->history, &s->history_capacity, s->epoch + 1, sizeof *s->history);
    }
    for (size_t i = 0; status == LC_OK && i < s->epoch; i++) {
        const lc_json *e = lc_json_at(epochs, i);
        s->history[i] = (lc_epoch){
            .epoch = i + 1,
            .loss = lc_json_number_at(e, 0, NAN),
            .penalty = lc_json_number_at(e, 1, NAN),
            .accuracy = lc_json_number_at(e, 2, NAN),
            .rate = lc_json_number_at(e, 3, NAN),
            .seconds = lc_json_number_at(e, 4, NAN),
            .score = lc_json_number_at(e, 5, NAN),
            .val_loss = lc_json_number_at(e, 6, NAN),
            .pictures = (size_t)lc_json_number_at(e, 7, 0),
        };
    }
    lc_json_free(o);
    return status;
}

lc_status lc_checkpoint_write(const char *path, const char *run, const lc_training_state *state, const lc_parameter *parameters,
                              size_t count)
{
    char **names = NULL, *text = NULL, *block = NULL;
    lc_tensor *tensors = NULL;
    size_t used = 0;
    lc_json *metadata = lc_json_object();
    lc_status status = lc_alloc_array(&names, count * ARRAYS, sizeof *names);
    if (status == LC_OK) {
        status = lc_alloc_array(&block, count * ARRAYS, NAME);
    }
    if (status == LC_OK) {
        status = lc_alloc_array(&tensors, count * ARRAYS, sizeof *tensors);
    }
    if (status == LC_OK) {
        status = state_text(state, &text);
    }
    for (size_t i = 0; status == LC_OK && i < count; i++) {
        float *arrays[ARRAYS];
        arrays_of(&parameters[i], arrays);
        for (size_t a = 0; a < ARRAYS; a++) {
            if (arrays[a]) {
                names[used] = block + used * NAME;
                name_array(names[used], i, a);
                tensors[used++] = (lc_tensor){.rank = 1, .dims = {parameters[i].count}, .data = arrays[a]};
            }
        }
    }
    if (status == LC_OK) {
        lc_json_set_string(metadata, "run", run);
        lc_json_set_string(metadata, "state", text);
        status = lc_safetensors_write(path, used, (const char *const *)names, tensors, metadata);
    }
    lc_json_free(metadata);
    free(names);
    free(block);
    free(tensors);
    free(text);
    return status;
}

static lc_status read_arrays(lc_weights *w, const lc_parameter *parameters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float *arrays[ARRAYS];
        arrays_of(&parameters[i], arrays);
        for (size_t a = 0; a < ARRAYS; a++) {
            char name[NAME];
            size_t at;
            const float *data;
            name_array(name, i, a);
            if (!arrays[a]) {
                continue;
            }
            if (!lc_weights_find(w, name, &at) || lc_weights_at(w, at)->count != parameters[i].count) {
                return lc_fail(LC_ERR_STALE, "has no tensor %s of %zu numbers", name, parameters[i].count);
            }
            LC_TRY(lc_weights_f32(w, at, &data));
            memcpy(arrays[a], data, parameters[i].count * sizeof *data);
        }
    }
    return LC_OK;
}

/* Says by what one run is not the other; JSON objects. */
static lc_status fail_other(const char *of, const char *run)
{
    lc_json *a = NULL, *b = NULL;
    void *at = NULL;
    const char *key;
    const lc_json *value;
    char *theirs = NULL, *ours = NULL;
    lc_status status = lc_json_parse(&a, of, strlen(of));
    status = status == LC_OK ? lc_json_parse(&b, run, strlen(run)) : status;
    while (status == LC_OK && lc_json_each(b, &at, &key, &value)) {
        const lc_json *other = lc_json_get(a, key);
        free(theirs);
        free(ours);
        theirs = ours = NULL;
        status = other ? lc_json_text(other, 0, &theirs) : lc_strdup(&theirs, "not said");
        status = status == LC_OK ? lc_json_text(value, 0, &ours) : status;
        if (status == LC_OK && strcmp(theirs, ours) != 0) {
            status = lc_fail(LC_ERR_STALE, "is of another run: its %s is %s, this one's %s; without --resume it begins anew", key, theirs, ours);
        }
    }
    free(theirs);
    free(ours);
    lc_json_free(a);
    lc_json_free(b);
    return status == LC_OK ? lc_fail(LC_ERR_STALE, "is of another run; without --resume it begins anew") : status;
}

lc_status lc_checkpoint_read(const char *path, const char *run, lc_training_state *state, const lc_parameter *parameters, size_t count)
{
    lc_mapping file;
    lc_weights *w = NULL;
    LC_TRY(lc_map_file(&file, path));
    lc_status status = lc_weights_open(&w, &file);
    if (status == LC_OK) {
        const char *of = lc_weights_metadata(w, "run"), *text = lc_weights_metadata(w, "state");
        if (!of || !text) {
            status = lc_fail(LC_ERR_STALE, "is no checkpoint of a training run");
        } else if (strcmp(of, run) != 0) {
            status = fail_other(of, run);
        } else {
            status = read_state(state, text);
        }
    }
    if (status == LC_OK) {
        status = read_arrays(w, parameters, count);
    }
    lc_weights_free(w);
    lc_unmap_file(&file);
    return status == LC_OK ? LC_OK : lc_fail_in(status, "%s", path);
}
