#include "classifier/model_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "classifier/attachment.h"
#include "classifier/trained.h"
#include "common/clock.h"
#include "common/h5.h"
#include "common/json.h"
#include "common/memory.h"

/* Writing ------------------------------------------------------------------------------------------------------- */

static lc_status write_attributes(lc_h5 *f, const lc_classifier *c, const char *command)
{
    const lc_classifier_info *info = &c->info;
    char created[32];
    lc_clock_utc(created);
    const char *const texts[][2] = {
        {"format", LC_CLASSIFIER_FORMAT},
        {"tool_version", LC_VERSION},
        {"created_utc", created},
        {"command", command ? command : ""},
        {"classifier", info->classifier},
        {"kernel", info->kernel},
        {"norm", info->norm},
        {"probability", info->probability},
        {"recipe", info->recipe},
        {"model_name", info->model_name},
        {"model_sha256", info->model_sha256},
        {"model_path", info->model_path},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        LC_TRY(lc_h5_set_text(f, "/", texts[i][0], texts[i][1]));
    }
    int64_t version = LC_CLASSIFIER_FORMAT_VERSION, rows = (int64_t)info->train_rows, seed;
    memcpy(&seed, &info->seed, sizeof seed);
    LC_TRY(lc_h5_set_ints(f, "/", "format_version", &version, 1));
    LC_TRY(lc_h5_set_ints(f, "/", "train_rows", &rows, 1));
    return lc_h5_set_ints(f, "/", "seed", &seed, 1);
}

static lc_status write_layers(lc_h5 *f, const lc_classifier *c)
{
    const lc_classifier_info *info = &c->info;
    LC_TRY(lc_h5_group(f, "/layers"));
    LC_TRY(lc_h5_write_strings(f, "/layers/names", info->layer_names, info->layers));
    LC_TRY(lc_h5_write_strings(f, "/layers/pools", info->pools, info->layers));
    LC_TRY(lc_h5_make(f, "/layers/dims", &(lc_h5_shape){.type = LC_H5_I64, .rank = 1, .dims = {info->layers}}));
    for (size_t l = 0; l < info->layers; l++) {
        int64_t dim = (int64_t)c->layer_dims[l];
        LC_TRY(lc_h5_write(f, "/layers/dims", LC_H5_I64, l, 1, &dim));
    }
    return LC_OK;
}

static lc_status parameter_path(char path[static 64], const lc_clf_param *p)
{
    int n = snprintf(path, 64, "/parameters/%s", p->name);
    return n > 0 && n < 64 ? LC_OK : lc_fail(LC_ERR_ARG, "parameter '%s' has too long a name", p->name);
}

static lc_status write_all(lc_h5 *f, const lc_classifier *c, const char *command)
{
    const lc_classifier_info *info = &c->info;
    char path[64];
    LC_TRY(write_attributes(f, c, command));
    LC_TRY(lc_h5_write_strings(f, "/classes", info->class_names, info->classes));
    LC_TRY(write_layers(f, c));
    LC_TRY(lc_h5_group(f, "/parameters"));
    for (size_t p = 0; c->clf->params[p].name; p++) {
        if (lc_clf_param_used(&c->clf->params[p], info->kernel)) {
            LC_TRY(parameter_path(path, &c->clf->params[p]));
            LC_TRY(lc_h5_put(f, path, LC_H5_F64, 1, 0, &c->params[p]));
        }
    }
    if (c->class_values) {
        LC_TRY(lc_h5_put(f, "/class_values", LC_H5_F64, info->classes, 0, c->class_values));
    }
    LC_TRY(lc_h5_put(f, "/cv_accuracy", LC_H5_F64, 1, 0, &info->cv_accuracy));
    if (c->transform.fitted) {
        LC_TRY(lc_transform_save(&c->transform, f));
    }
    if (c->calibration.kind != LC_CALIBRATE_NONE) {
        LC_TRY(lc_h5_put(f, "/calibration", LC_H5_F64, 2, 0, (double[]){c->calibration.a, c->calibration.b}));
    }
    if (c->repeats > 0) {
        LC_TRY(lc_h5_put(f, "/folds", LC_H5_I32, c->repeats, info->train_rows, c->fold_of));
    }
    LC_TRY(lc_attachment_save(c, f));
    LC_TRY(lc_h5_group(f, "/model"));
    return c->clf->save(c->model, f);
}

lc_status lc_classifier_save(const lc_classifier *c, const char *path, const char *command)
{
    char *temporary = NULL;
    lc_h5 *f = NULL;
    LC_TRY(lc_sprintf(&temporary, "%s.%ld.tmp", path, (long)getpid()));
    lc_status status = lc_h5_create(&f, temporary);
    if (status == LC_OK) {
        status = write_all(f, c, command);
        lc_status closed = lc_h5_close(f);
        status = status == LC_OK ? closed : status;
        if (status == LC_OK && rename(temporary, path) != 0) {
            status = lc_fail_errno("cannot rename %s to %s", temporary, path);
        }
        if (status != LC_OK) {
            unlink(temporary);
        }
    }
    free(temporary);
    return status;
}

/* Reading: nothing is allocated from a size that the file could not hold ---------------------------------------- */

static const struct {
    lc_h5_type type;
    size_t bytes;
} type_sizes[] = {{LC_H5_F32, 4}, {LC_H5_F64, 8}, {LC_H5_I32, 4}, {LC_H5_I64, 8}, {LC_H5_U8, 1}};

/* A dataset that claims more bytes than the file has is a hole, or a lie. */
static lc_status check_size(lc_h5 *f, const char *path, size_t file_size)
{
    lc_h5_shape s;
    LC_TRY(lc_h5_shape_of(f, path, &s));
    size_t bytes = s.type == LC_H5_TEXT ? 1 : 0;
    for (size_t i = 0; i < sizeof type_sizes / sizeof type_sizes[0]; i++) {
        bytes = type_sizes[i].type == s.type ? type_sizes[i].bytes : bytes;
    }
    for (size_t i = 0; i < s.rank; i++) {
        if (!lc_mul(bytes, s.dims[i], &bytes) || bytes > file_size) {
            return lc_fail(LC_ERR_STALE, "%s claims more bytes than the file's %zu", path, file_size);
        }
    }
    return LC_OK;
}

static lc_status check_group(lc_h5 *f, const char *group, size_t file_size)
{
    char **names, *path = NULL;
    size_t count;
    LC_TRY(lc_h5_list(f, group, &names, &count));
    lc_status status = LC_OK;
    for (size_t i = 0; i < count && status == LC_OK; i++) {
        status = lc_sprintf(&path, "%s/%s", group, names[i]);
        if (status == LC_OK) {
            status = check_size(f, path, file_size);
        }
        free(path);
        path = NULL;
    }
    lc_free_strings(names, count);
    return status;
}

static lc_status check_sizes(lc_h5 *f, const char *path)
{
    static const char *const optional[] = {"/calibration", "/class_values"};
    static const char *const groups[] = {"/layers", "/parameters", "/transform", "/model", "/attachment"};
    struct stat info;
    if (stat(path, &info) != 0) {
        return lc_fail_errno("cannot read %s", path);
    }
    LC_TRY(check_size(f, "/classes", (size_t)info.st_size));
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++) {
        if (lc_h5_exists(f, optional[i])) {
            LC_TRY(check_size(f, optional[i], (size_t)info.st_size));
        }
    }
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (lc_h5_exists(f, groups[i])) {
            LC_TRY(check_group(f, groups[i], (size_t)info.st_size));
        }
    }
    return LC_OK;
}

static lc_status read_doubles(lc_h5 *f, const char *path, size_t count, double *out)
{
    LC_TRY(lc_h5_expect(f, path, LC_H5_F64, count, 0));
    return lc_h5_read(f, path, LC_H5_F64, 0, count, out);
}

static lc_status read_layers(lc_h5 *f, lc_classifier *c)
{
    lc_classifier_info *info = &c->info;
    lc_h5_shape s;
    size_t pools = 0;
    LC_TRY(lc_h5_read_strings(f, "/layers/names", &c->layer_names, &info->layers));
    LC_TRY(lc_h5_read_strings(f, "/layers/pools", &c->pools, &pools));
    LC_TRY(lc_h5_shape_of(f, "/layers/dims", &s));
    if (info->layers == 0 || pools != info->layers || s.type != LC_H5_I64 || s.rank != 1 || s.dims[0] != info->layers) {
        /* The caller frees as many pools as there are layers. */
        lc_free_strings(c->pools, pools);
        c->pools = NULL;
        return lc_fail(LC_ERR_STALE, "/layers: %zu names, %zu poolings and %zu sizes", info->layers, pools,
                       s.rank ? s.dims[0] : 0);
    }
    LC_TRY(lc_alloc_array(&c->layer_dims, info->layers, sizeof *c->layer_dims));
    for (size_t l = 0; l < info->layers; l++) {
        int64_t dim;
        LC_TRY(lc_h5_read(f, "/layers/dims", LC_H5_I64, l, 1, &dim));
        if (dim < 1 || dim > INT32_MAX || !lc_add(info->dim, (size_t)dim, &info->dim)) {
            return lc_fail(LC_ERR_STALE, "/layers/dims: %lld is no size of a layer", (long long)dim);
        }
        c->layer_dims[l] = (size_t)dim;
    }
    return LC_OK;
}

static lc_status read_transform(lc_h5 *f, lc_classifier *c, const char *norm)
{
    if (lc_transform_init(&c->transform, norm, c->info.dim, c->info.seed) != LC_OK) {
        return lc_fail_in(LC_ERR_STALE, "attribute norm");
    }
    return c->transform.fitted ? lc_transform_load(&c->transform, f) : LC_OK;
}

static lc_status read_calibration(lc_h5 *f, lc_classifier *c, const char *name)
{
    double ab[2];
    if (lc_calibration_parse(&c->calibration, name) != LC_OK) {
        return lc_fail_in(LC_ERR_STALE, "attribute probability");
    }
    if (c->calibration.kind == LC_CALIBRATE_NONE) {
        return LC_OK;
    }
    LC_TRY(read_doubles(f, "/calibration", 2, ab));
    if (!isfinite(ab[0]) || ab[0] <= 0 || !isfinite(ab[1])) {
        return lc_fail(LC_ERR_STALE, "/calibration is %g, %g", ab[0], ab[1]);
    }
    c->calibration.a = ab[0];
    c->calibration.b = ab[1];
    return LC_OK;
}

static lc_status read_parameters(lc_h5 *f, lc_classifier *c, const char *kernel)
{
    char path[64];
    for (size_t p = 0; c->clf->params[p].name; p++) {
        if (lc_clf_param_used(&c->clf->params[p], kernel)) {
            LC_TRY(parameter_path(path, &c->clf->params[p]));
            LC_TRY(read_doubles(f, path, 1, &c->params[p]));
            if (!lc_clf_param_valid(&c->clf->params[p], c->params[p])) {
                return lc_fail(LC_ERR_STALE, "%s is %g", path, c->params[p]);
            }
        }
    }
    return read_doubles(f, "/cv_accuracy", 1, &c->info.cv_accuracy);
}

static lc_status read_class_values(lc_h5 *f, lc_classifier *c)
{
    if (!lc_h5_exists(f, "/class_values")) {
        return LC_OK;
    }
    LC_TRY(lc_alloc_array(&c->class_values, c->info.classes, sizeof *c->class_values));
    LC_TRY(read_doubles(f, "/class_values", c->info.classes, c->class_values));
    for (size_t k = 0; k < c->info.classes; k++) {
        if (!c->clf->several_labels || !lc_clf_param_valid(&c->clf->params[0], c->class_values[k])) {
            return lc_fail(LC_ERR_STALE, "/class_values: %g of class %zu is no value of '%s'", c->class_values[k], k, c->clf->name);
        }
    }
    return LC_OK;
}

/* Others take it apart later, and must not be the first to see that it is damaged. */
static lc_status check_recipe(const char *recipe)
{
    lc_json *json;
    if (lc_json_parse(&json, recipe, strlen(recipe)) != LC_OK) {
        return lc_fail_in(LC_ERR_STALE, "attribute recipe");
    }
    lc_json_free(json);
    return LC_OK;
}

static lc_status read_all(lc_h5 *f, lc_classifier *c)
{
    char *name = NULL, *kernel_name = NULL, *norm = NULL, *probability = NULL;
    const char *kernel = NULL;
    lc_classifier_info *info = &c->info;
    int64_t rows, seed;
    lc_status status;
    if ((status = lc_h5_get_text(f, "/", "classifier", &name)) != LC_OK ||
        (status = lc_h5_get_text(f, "/", "kernel", &kernel_name)) != LC_OK ||
        (status = lc_h5_get_text(f, "/", "norm", &norm)) != LC_OK ||
        (status = lc_h5_get_text(f, "/", "probability", &probability)) != LC_OK ||
        (status = lc_h5_get_text(f, "/", "recipe", &c->recipe)) != LC_OK ||
        (status = check_recipe(c->recipe)) != LC_OK ||
        (status = lc_h5_get_text(f, "/", "model_name", &c->model_name)) != LC_OK ||
        (status = lc_h5_get_text(f, "/", "model_sha256", &c->model_sha256)) != LC_OK ||
        (status = lc_h5_get_text(f, "/", "model_path", &c->model_path)) != LC_OK ||
        (status = lc_h5_get_ints(f, "/", "train_rows", &rows, 1)) != LC_OK ||
        (status = lc_h5_get_ints(f, "/", "seed", &seed, 1)) != LC_OK ||
        (status = lc_h5_read_strings(f, "/classes", &c->class_names, &info->classes)) != LC_OK) {
        goto done;
    }
    const lc_clf *clf;
    if (lc_clf_find(name, &clf) != LC_OK || lc_clf_kernel(clf, kernel_name, &kernel) != LC_OK) {
        status = lc_fail_in(LC_ERR_STALE, "attributes classifier and kernel");
        goto done;
    }
    c->clf = clf;
    if (rows < 0 || info->classes < 2 || info->classes > INT32_MAX) {
        status = lc_fail(LC_ERR_STALE, "%lld training rows, %zu classes", (long long)rows, info->classes);
        goto done;
    }
    info->train_rows = (size_t)rows;
    memcpy(&info->seed, &seed, sizeof seed);
    if ((status = read_layers(f, c)) != LC_OK || (status = read_transform(f, c, norm)) != LC_OK ||
        (status = read_parameters(f, c, kernel)) != LC_OK || (status = read_class_values(f, c)) != LC_OK ||
        (status = read_calibration(f, c, probability)) != LC_OK || (status = lc_attachment_load(c, f)) != LC_OK) {
        goto done;
    }
    status = clf->load(&c->model, f, kernel, c->transform.out, info->classes, c->params);
done:
    if (status == LC_OK) {
        lc_classifier_publish(c, kernel);
    }
    free(name);
    free(kernel_name);
    free(norm);
    free(probability);
    return status;
}

static lc_status check_format(lc_h5 *f)
{
    char *format;
    int64_t version;
    LC_TRY(lc_h5_get_text(f, "/", "format", &format));
    bool ours = strcmp(format, LC_CLASSIFIER_FORMAT) == 0;
    lc_status status = ours ? LC_OK : lc_fail(LC_ERR_STALE, "its format is '%s', not a classifier", format);
    free(format);
    LC_TRY(status);
    LC_TRY(lc_h5_get_ints(f, "/", "format_version", &version, 1));
    return version == LC_CLASSIFIER_FORMAT_VERSION ? LC_OK
                                                   : lc_fail(LC_ERR_STALE, "format_version %lld; this program reads %d",
                                                             (long long)version, LC_CLASSIFIER_FORMAT_VERSION);
}

lc_status lc_classifier_open(lc_classifier **out, const char *path)
{
    lc_h5 *f = NULL;
    lc_classifier *c = NULL;
    *out = NULL;
    LC_TRY(lc_h5_open(&f, path, false));
    lc_status status;
    if ((status = check_format(f)) != LC_OK || (status = check_sizes(f, path)) != LC_OK ||
        (status = lc_alloc_array(&c, 1, sizeof *c)) != LC_OK || (status = read_all(f, c)) != LC_OK) {
        /* HDF5's own messages begin with the path. */
        bool named = strncmp(lc_error_message(), path, strlen(path)) == 0;
        status = named ? status : lc_fail_in(status, "%s", path);
    }
    lc_h5_close(f);
    if (status == LC_OK) {
        *out = c;
    } else {
        lc_classifier_free(c);
    }
    return status;
}

bool lc_classifier_sniff(const char *path)
{
    lc_h5 *f = NULL;
    char *format = NULL;
    bool ours = lc_h5_open(&f, path, false) == LC_OK && lc_h5_get_text(f, "/", "format", &format) == LC_OK &&
                strcmp(format, LC_CLASSIFIER_FORMAT) == 0;
    free(format);
    lc_h5_close(f);
    return ours;
}
