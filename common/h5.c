#include "common/h5.h"

#include <errno.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"

struct lc_h5 {
    hid_t id;
    char *path;
    lc_status failed; /* of the first write that failed */
};

/*
 * Called before anything else of HDF5. Its stack of errors prints itself unless told otherwise (a thread-safe build
 * has one stack per thread). At exit it would close once more what could not be closed on a full disk, and crash
 * (1.10.8); every file here is closed by its owner.
 */
static void silence(void)
{
    static _Thread_local bool silent;
    if (!silent) {
        H5dont_atexit();
        H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
        silent = true;
    }
}

/* Keeps the innermost description that says anything. */
static herr_t keep_description(unsigned n, const H5E_error2_t *error, void *text)
{
    (void)n;
    char *kept = text;
    if (!kept[0] && error->desc) {
        snprintf(kept, 256, "%s", error->desc);
    }
    return 0;
}

/* "<path>: cannot <verb> <object>: <why>". HDF5 reports a refusal of the system as "..., errno = 28, ...". */
static lc_status h5_fail(const char *path, const char *verb, const char *object)
{
    char why[256] = "";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_description, why);
    H5Eclear2(H5E_DEFAULT);
    const char *system = strstr(why, "errno = ");
    int number = system ? atoi(system + strlen("errno = ")) : 0;
    if (number == EAGAIN) {
        return lc_fail(LC_ERR_IO, "%s: another process has this file open for writing", path);
    }
    if (number) {
        return lc_fail(LC_ERR_IO, "%s: cannot %s %s: %s", path, verb, object, strerror(number));
    }
    return lc_fail(LC_ERR_STALE, "%s: cannot %s %s: %s", path, verb, object, why[0] ? why : "HDF5 does not say why");
}

/* The same for whatever changes the file. */
static lc_status write_fail(lc_h5 *file, const char *verb, const char *object)
{
    lc_status status = h5_fail(file->path, verb, object);
    file->failed = file->failed == LC_OK ? status : file->failed;
    return status;
}

/* Files ------------------------------------------------------------------------------------------------------ */

static lc_status new_file(lc_h5 **out, const char *path)
{
    *out = NULL;
    silence();
    lc_h5 *file;
    LC_TRY(lc_alloc_array(&file, 1, sizeof *file));
    file->id = H5I_INVALID_HID;
    lc_status status = lc_strdup(&file->path, path);
    if (status != LC_OK) {
        free(file);
        return status;
    }
    *out = file;
    return LC_OK;
}

static void free_file(lc_h5 *file)
{
    free(file->path);
    free(file);
}

/* The file's descriptor, which is HDF5's; negative when it has none. */
static int descriptor(const lc_h5 *file)
{
    int *fd = NULL;
    return H5Fget_vfd_handle(file->id, H5P_DEFAULT, (void **)&fd) < 0 || !fd ? -1 : *fd;
}

/*
 * HDF5 locks what it writes too, unless HDF5_USE_FILE_LOCKING says not to, which many clusters do. On a file system
 * without locks there is none.
 */
static lc_status lock(lc_h5 *file)
{
    int fd = descriptor(file);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return lc_fail(LC_ERR_IO, "%s: another process has this file open for writing", file->path);
    }
    return LC_OK;
}

static lc_status lock_or_close(lc_h5 **out, lc_h5 *file)
{
    lc_status status = lock(file);
    if (status != LC_OK) {
        lc_h5_close(file);
        return status;
    }
    *out = file;
    return LC_OK;
}

lc_status lc_h5_create(lc_h5 **out, const char *path)
{
    lc_h5 *file;
    *out = NULL;
    LC_TRY(new_file(&file, path));
    file->id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    if (file->id < 0) {
        free_file(file);
        return h5_fail(path, "create", "it");
    }
    return lock_or_close(out, file);
}

lc_status lc_h5_open(lc_h5 **out, const char *path, bool writable)
{
    lc_h5 *file;
    struct stat info;
    *out = NULL;
    if (stat(path, &info) != 0) {
        return lc_fail_errno("%s", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return lc_fail(LC_ERR_STALE, "%s: %s, not a file", path, S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe");
    }
    LC_TRY(new_file(&file, path));
    file->id = H5Fopen(path, writable ? H5F_ACC_RDWR : H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file->id < 0) {
        free_file(file);
        return h5_fail(path, "open", "as HDF5");
    }
    if (writable) {
        return lock_or_close(out, file);
    }
    *out = file;
    return LC_OK;
}

lc_status lc_h5_flush(lc_h5 *file)
{
    silence();
    return H5Fflush(file->id, H5F_SCOPE_LOCAL) < 0 ? write_fail(file, "flush", "it") : LC_OK;
}

lc_status lc_h5_sync(lc_h5 *file)
{
    LC_TRY(lc_h5_flush(file));
    int fd = descriptor(file);
    if (fd >= 0 && fdatasync(fd) != 0 && errno != EINVAL && errno != ENOSYS) {
        file->failed = file->failed == LC_OK ? LC_ERR_IO : file->failed;
        return lc_fail_errno("%s: cannot write it to the disk", file->path);
    }
    return LC_OK;
}

lc_status lc_h5_close(lc_h5 *file)
{
    if (!file) {
        return LC_OK;
    }
    silence();
    lc_status status = file->failed;
    if (H5Fclose(file->id) < 0 && status == LC_OK) {
        status = h5_fail(file->path, "close", "it");
    }
    free_file(file);
    return status;
}

/* Gives the file a second name and takes the first away; a file system without hard links has only rename(). */
static bool move(const char *from, const char *to, bool replace)
{
    if (!replace && link(from, to) == 0) {
        unlink(from);
        return true;
    }
    return (replace || (errno != EEXIST && access(to, F_OK) != 0)) && rename(from, to) == 0;
}

lc_status lc_h5_rename(lc_h5 *file, const char *path, bool replace)
{
    char *copy;
    LC_TRY(lc_strdup(&copy, path));
    if (!move(file->path, path, replace)) {
        free(copy);
        return lc_fail_errno("cannot rename %s to %s", file->path, path);
    }
    free(file->path);
    file->path = copy;
    return LC_OK;
}

/* Groups and links ------------------------------------------------------------------------------------------- */

bool lc_h5_exists(lc_h5 *file, const char *object)
{
    silence();
    if (strcmp(object, "/") == 0) {
        return true;
    }
    bool there = H5Lexists(file->id, object, H5P_DEFAULT) > 0 && H5Oexists_by_name(file->id, object, H5P_DEFAULT) > 0;
    H5Eclear2(H5E_DEFAULT);
    return there;
}

/* Names are UTF-8, and the groups on the way to a name are made with it. */
static hid_t link_properties(void)
{
    hid_t properties = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(properties, 1);
    H5Pset_char_encoding(properties, H5T_CSET_UTF8);
    return properties;
}

lc_status lc_h5_group(lc_h5 *file, const char *path)
{
    silence();
    hid_t links = link_properties();
    hid_t group = H5Gcreate2(file->id, path, links, H5P_DEFAULT, H5P_DEFAULT);
    lc_status status = group < 0 ? write_fail(file, "make group", path) : LC_OK;
    H5Gclose(group);
    H5Pclose(links);
    return status;
}

lc_status lc_h5_soft_link(lc_h5 *file, const char *target, const char *link)
{
    silence();
    hid_t links = link_properties();
    lc_status status =
        H5Lcreate_soft(target, file->id, link, links, H5P_DEFAULT) < 0 ? write_fail(file, "make link", link) : LC_OK;
    H5Pclose(links);
    return status;
}

lc_status lc_h5_unlink(lc_h5 *file, const char *link_name)
{
    silence();
    return H5Ldelete(file->id, link_name, H5P_DEFAULT) < 0 ? write_fail(file, "remove link", link_name) : LC_OK;
}

lc_status lc_h5_link_target(lc_h5 *file, const char *link_name, char **target)
{
    silence();
    H5L_info_t info;
    *target = NULL;
    if (H5Lexists(file->id, link_name, H5P_DEFAULT) <= 0 || H5Lget_info(file->id, link_name, &info, H5P_DEFAULT) < 0 ||
        info.type != H5L_TYPE_SOFT) {
        H5Eclear2(H5E_DEFAULT);
        return lc_fail(LC_ERR_STALE, "%s: %s is not a soft link", file->path, link_name);
    }
    LC_TRY(lc_alloc_array(target, info.u.val_size + 1, 1));
    if (H5Lget_val(file->id, link_name, *target, info.u.val_size, H5P_DEFAULT) < 0) {
        free(*target);
        *target = NULL;
        return h5_fail(file->path, "read link", link_name);
    }
    return LC_OK;
}

typedef struct {
    char **names;
    size_t count, capacity;
    lc_status status;
} name_list;

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    (void)group, (void)info;
    name_list *list = context;
    list->status = lc_grow(&list->names, &list->capacity, list->count + 1, sizeof *list->names);
    if (list->status == LC_OK) {
        list->status = lc_strdup(&list->names[list->count], name);
    }
    list->count += list->status == LC_OK;
    return list->status == LC_OK ? 0 : -1;
}

lc_status lc_h5_list(lc_h5 *file, const char *group, char ***names, size_t *count)
{
    silence();
    name_list list = {0};
    *names = NULL;
    *count = 0;
    herr_t result = H5Literate_by_name(file->id, group, H5_INDEX_NAME, H5_ITER_INC, NULL, add_name, &list, H5P_DEFAULT);
    if (result < 0) {
        lc_free_strings(list.names, list.count);
        return list.status != LC_OK ? list.status : h5_fail(file->path, "list", group);
    }
    *names = list.names;
    *count = list.count;
    return LC_OK;
}

/* Attributes ------------------------------------------------------------------------------------------------- */

static hid_t text_type(size_t size)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

/* The object is opened first: in 1.10.8 an attribute that H5Aopen_by_name gave cannot be written in a reopened file. */
static lc_status open_object(lc_h5 *file, const char *object, hid_t *out)
{
    silence();
    *out = H5Oopen(file->id, object, H5P_DEFAULT);
    return *out < 0 ? h5_fail(file->path, "open", object) : LC_OK;
}

/* Makes or remakes an attribute; negative when HDF5 refuses. */
static hid_t make_attribute(hid_t object, const char *name, hid_t type, hid_t space)
{
    if (H5Aexists(object, name) > 0 && H5Adelete(object, name) < 0) {
        return H5I_INVALID_HID;
    }
    return H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
}

/* Variable-length, which h5py reads as str; its bytes lie in the file's heap, so no limit of 64 KiB applies. */
lc_status lc_h5_set_text(lc_h5 *file, const char *object, const char *name, const char *value)
{
    hid_t owner;
    LC_TRY(open_object(file, object, &owner));
    hid_t type = text_type(H5T_VARIABLE), space = H5Screate(H5S_SCALAR);
    hid_t attribute = make_attribute(owner, name, type, space);
    lc_status status =
        attribute < 0 || H5Awrite(attribute, type, &value) < 0 ? write_fail(file, "write attribute", name) : LC_OK;
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
    H5Oclose(owner);
    return status;
}

/* Opens an attribute for reading; *count is how many values it holds. */
static lc_status open_attribute(lc_h5 *file, const char *object, const char *name, hid_t *out, hssize_t *count)
{
    hid_t owner;
    LC_TRY(open_object(file, object, &owner));
    *out = H5Aopen(owner, name, H5P_DEFAULT);
    H5Oclose(owner);
    if (*out < 0) {
        return lc_fail(LC_ERR_STALE, "%s: %s has no attribute '%s'", file->path, object, name);
    }
    hid_t space = H5Aget_space(*out);
    *count = H5Sget_simple_extent_npoints(space);
    H5Sclose(space);
    return LC_OK;
}

lc_status lc_h5_get_text(lc_h5 *file, const char *object, const char *name, char **value)
{
    hid_t attribute, type;
    hssize_t count = 0;
    lc_status status = LC_OK;
    *value = NULL;
    LC_TRY(open_attribute(file, object, name, &attribute, &count));
    type = H5Aget_type(attribute);
    if (H5Tget_class(type) != H5T_STRING || count != 1) {
        status = lc_fail(LC_ERR_STALE, "%s: attribute '%s' of %s is not one string", file->path, name, object);
        goto done;
    }
    if (H5Tis_variable_str(type) > 0) {
        /* HDF5 allocates with malloc() unless told otherwise, so the string is ours to free(). */
        if (H5Aread(attribute, type, value) < 0) {
            *value = NULL;
            status = h5_fail(file->path, "read attribute", name);
        } else if (!*value) {
            status = lc_strdup(value, "");
        }
    } else {
        status = lc_alloc_array(value, H5Tget_size(type) + 1, 1);
        if (status == LC_OK && H5Aread(attribute, type, *value) < 0) {
            status = h5_fail(file->path, "read attribute", name);
            free(*value);
            *value = NULL;
        }
    }
done:
    H5Tclose(type);
    H5Aclose(attribute);
    return status;
}

/* The attribute, when it is there as exactly n 64-bit integers and can be rewritten in place; else negative. */
static hid_t same_ints(hid_t object, const char *name, size_t n)
{
    if (H5Aexists(object, name) <= 0) {
        return H5I_INVALID_HID;
    }
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    bool same = H5Tequal(type, H5T_STD_I64LE) > 0 && H5Sget_simple_extent_npoints(space) == (hssize_t)n;
    H5Sclose(space);
    H5Tclose(type);
    if (!same) {
        H5Aclose(attribute);
    }
    return same ? attribute : H5I_INVALID_HID;
}

lc_status lc_h5_set_ints(lc_h5 *file, const char *object, const char *name, const int64_t *values, size_t n)
{
    hid_t owner;
    hsize_t dim = n;
    LC_TRY(open_object(file, object, &owner));
    hid_t space = n == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &dim, NULL);
    hid_t attribute = same_ints(owner, name, n);
    if (attribute < 0) {
        attribute = make_attribute(owner, name, H5T_STD_I64LE, space);
    }
    lc_status status = attribute < 0 || H5Awrite(attribute, H5T_NATIVE_INT64, values) < 0
                           ? write_fail(file, "write attribute", name)
                           : LC_OK;
    H5Aclose(attribute);
    H5Sclose(space);
    H5Oclose(owner);
    return status;
}

lc_status lc_h5_get_ints(lc_h5 *file, const char *object, const char *name, int64_t *values, size_t n)
{
    hid_t attribute;
    hssize_t count = 0;
    LC_TRY(open_attribute(file, object, name, &attribute, &count));
    hid_t type = H5Aget_type(attribute);
    lc_status status = LC_OK;
    if (H5Tget_class(type) != H5T_INTEGER || count < 0 || (size_t)count != n) {
        status = lc_fail(LC_ERR_STALE, "%s: attribute '%s' of %s is not %zu integer%s", file->path, name, object, n,
                         n == 1 ? "" : "s");
    } else if (H5Aread(attribute, H5T_NATIVE_INT64, values) < 0) {
        status = h5_fail(file->path, "read attribute", name);
    }
    H5Tclose(type);
    H5Aclose(attribute);
    return status;
}

/* Datasets --------------------------------------------------------------------------------------------------- */

/* HDF5 1.10 has no name for binary16: sign, 5 bits of exponent (bias 15), 10 of mantissa, as h5py and numpy have it. */
static hid_t half_type(hid_t like)
{
    hid_t type = H5Tcopy(like);
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
}

/* On disk little-endian everywhere, so that a file has the same bytes whoever wrote it. To be closed. */
static hid_t disk_type(lc_h5_type type)
{
    switch (type) {
    case LC_H5_F16:
        return half_type(H5T_IEEE_F32LE);
    case LC_H5_F32:
        return H5Tcopy(H5T_IEEE_F32LE);
    case LC_H5_F64:
        return H5Tcopy(H5T_IEEE_F64LE);
    case LC_H5_I32:
        return H5Tcopy(H5T_STD_I32LE);
    case LC_H5_I64:
        return H5Tcopy(H5T_STD_I64LE);
    default:
        return H5Tcopy(H5T_STD_U8LE);
    }
}

static hid_t memory_type(lc_h5_type type)
{
    switch (type) {
    case LC_H5_F16:
        return half_type(H5T_NATIVE_FLOAT);
    case LC_H5_F32:
        return H5Tcopy(H5T_NATIVE_FLOAT);
    case LC_H5_F64:
        return H5Tcopy(H5T_NATIVE_DOUBLE);
    case LC_H5_I32:
        return H5Tcopy(H5T_NATIVE_INT32);
    case LC_H5_I64:
        return H5Tcopy(H5T_NATIVE_INT64);
    default:
        return H5Tcopy(H5T_NATIVE_UINT8);
    }
}

/* No modification times: the same job gives the same file. */
static hid_t dataset_properties(void)
{
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(properties, false);
    return properties;
}

/* Makes a dataset of the given layout, which it releases. */
static lc_status make_dataset(lc_h5 *file, const char *path, const lc_h5_shape *shape, hid_t layout)
{
    hsize_t dims[LC_H5_MAX_RANK] = {0};
    for (size_t i = 0; i < shape->rank; i++) {
        dims[i] = shape->dims[i];
    }
    hid_t type = shape->type == LC_H5_TEXT ? text_type(shape->text_size) : disk_type(shape->type);
    if (shape->type == LC_H5_TEXT) {
        H5Tset_strpad(type, H5T_STR_NULLPAD);
    }
    hid_t space = H5Screate_simple((int)shape->rank, dims, NULL);
    hid_t links = link_properties();
    hid_t set = H5Dcreate2(file->id, path, type, space, links, layout, H5P_DEFAULT);
    lc_status status = set < 0 || H5Dclose(set) < 0 ? write_fail(file, "make dataset", path) : LC_OK;
    H5Pclose(layout);
    H5Pclose(links);
    H5Sclose(space);
    H5Tclose(type);
    return status;
}

lc_status lc_h5_make(lc_h5 *file, const char *path, const lc_h5_shape *shape)
{
    silence();
    hid_t layout = dataset_properties();
    H5Pset_layout(layout, H5D_CONTIGUOUS);
    /* The space is a hole in the file until written, and holes read as zeros: filling would write everything twice. */
    H5Pset_alloc_time(layout, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(layout, H5D_FILL_TIME_NEVER);
    return make_dataset(file, path, shape, layout);
}

lc_status lc_h5_make_packed(lc_h5 *file, const char *path, const lc_h5_shape *shape, size_t chunk_rows)
{
    silence();
    hsize_t chunk[LC_H5_MAX_RANK] = {chunk_rows < shape->dims[0] ? chunk_rows : shape->dims[0]};
    for (size_t i = 1; i < shape->rank; i++) {
        chunk[i] = shape->dims[i];
    }
    hid_t layout = dataset_properties();
    H5Pset_chunk(layout, (int)shape->rank, chunk);
    H5Pset_shuffle(layout);
    H5Pset_deflate(layout, 1);
    return make_dataset(file, path, shape, layout);
}

lc_status lc_h5_make_virtual(lc_h5 *file, const char *path, const lc_h5_shape *shape, const lc_h5_source *sources, size_t count)
{
    silence();
    hsize_t dims[2] = {shape->dims[0], shape->dims[1]}, start[2] = {0, 0}, block[2] = {0, shape->dims[1]};
    hid_t layout = dataset_properties(), space = H5Screate_simple(2, dims, NULL);
    const float missing = NAN;
    bool failed = H5Pset_fill_value(layout, H5T_NATIVE_FLOAT, &missing) < 0;
    for (size_t i = 0; i < count && !failed; start[0] += sources[i++].count) {
        block[0] = sources[i].count;
        hid_t source = H5Screate_simple(2, block, NULL);
        failed = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, block, NULL) < 0 ||
                 H5Pset_virtual(layout, space, sources[i].file, sources[i].dataset, source) < 0;
        H5Sclose(source);
    }
    H5Sclose(space);
    if (failed) {
        H5Pclose(layout);
        return write_fail(file, "make dataset", path);
    }
    return make_dataset(file, path, shape, layout);
}

/* The nearest of our types; false for what this program never writes or reads. */
static bool type_of(hid_t type, lc_h5_shape *out)
{
    size_t size = H5Tget_size(type);
    out->text_size = 0;
    switch (H5Tget_class(type)) {
    case H5T_FLOAT:
        out->type = size == 2 ? LC_H5_F16 : size <= 4 ? LC_H5_F32 : LC_H5_F64;
        return true;
    case H5T_INTEGER:
        out->type = size == 1 && H5Tget_sign(type) == H5T_SGN_NONE ? LC_H5_U8 : size <= 4 ? LC_H5_I32 : LC_H5_I64;
        return true;
    case H5T_STRING:
        out->type = LC_H5_TEXT;
        out->text_size = H5Tis_variable_str(type) > 0 ? 0 : size;
        return true;
    default:
        return false;
    }
}

/*
 * A damaged header can claim any size. Contiguous values lie in the file as they are; HDF5's own filters cannot
 * shrink by more than about 1000:1 (deflate's limit is 1032).
 */
static bool size_is_possible(lc_h5 *file, hid_t set, hid_t type, const lc_h5_shape *shape)
{
    hid_t layout = H5Dget_create_plist(set);
    H5D_layout_t kind = H5Pget_layout(layout);
    H5Pclose(layout);
    hsize_t file_size = 0;
    size_t bytes = H5Tget_size(type);
    for (size_t i = 0; i < shape->rank; i++) {
        if (!lc_mul(bytes, shape->dims[i], &bytes)) {
            return false;
        }
    }
    if (bytes > PTRDIFF_MAX || H5Fget_filesize(file->id, &file_size) < 0) {
        return false;
    }
    return kind == H5D_VIRTUAL || (kind == H5D_CHUNKED ? bytes / 2048 : bytes) <= file_size;
}

static lc_status open_dataset(lc_h5 *file, const char *path, hid_t *out, lc_h5_shape *shape)
{
    silence();
    hid_t set = H5Dopen2(file->id, path, H5P_DEFAULT);
    if (set < 0) {
        lc_status status = h5_fail(file->path, "open dataset", path);
        return lc_h5_exists(file, path) ? status : lc_fail(LC_ERR_STALE, "%s: there is no dataset %s", file->path, path);
    }
    hid_t type = H5Dget_type(set), space = H5Dget_space(set);
    int rank = H5Sget_simple_extent_ndims(space);
    hsize_t dims[LC_H5_MAX_RANK] = {0};
    lc_status status = LC_OK;
    if (rank < 0 || rank > LC_H5_MAX_RANK || H5Sget_simple_extent_dims(space, dims, NULL) < 0 || !type_of(type, shape)) {
        status = lc_fail(LC_ERR_STALE, "%s: %s has a type or shape that this program does not read", file->path, path);
        goto done;
    }
    shape->rank = (size_t)rank;
    for (size_t i = 0; i < LC_H5_MAX_RANK; i++) {
        shape->dims[i] = dims[i];
    }
    if (!size_is_possible(file, set, type, shape)) {
        status = lc_fail(LC_ERR_STALE, "%s: %s claims more values than the file can hold", file->path, path);
    }
done:
    H5Sclose(space);
    H5Tclose(type);
    if (status == LC_OK) {
        *out = set;
    } else {
        H5Dclose(set);
    }
    return status;
}

lc_status lc_h5_layout_of(lc_h5 *file, const char *path, lc_h5_layout *out)
{
    hid_t set;
    lc_h5_shape shape;
    LC_TRY(open_dataset(file, path, &set, &shape));
    hid_t properties = H5Dget_create_plist(set);
    H5D_layout_t kind = H5Pget_layout(properties);
    *out = kind == H5D_VIRTUAL ? LC_H5_VIRTUAL : kind == H5D_CHUNKED ? LC_H5_PACKED : LC_H5_PLAIN;
    H5Pclose(properties);
    H5Dclose(set);
    return LC_OK;
}

lc_status lc_h5_sources(lc_h5 *file, const char *path, char ***files, size_t *count)
{
    hid_t set;
    lc_h5_shape shape;
    size_t sources = 0;
    *files = NULL;
    *count = 0;
    LC_TRY(open_dataset(file, path, &set, &shape));
    hid_t properties = H5Dget_create_plist(set);
    lc_status status = H5Pget_virtual_count(properties, &sources) < 0 ? h5_fail(file->path, "read sources of", path) : LC_OK;
    if (status == LC_OK) {
        status = lc_alloc_array(files, sources, sizeof **files);
    }
    for (size_t i = 0; status == LC_OK && i < sources; i++) {
        ssize_t size = H5Pget_virtual_filename(properties, i, NULL, 0);
        status = size < 0 ? h5_fail(file->path, "read sources of", path) : lc_alloc_array(&(*files)[i], (size_t)size + 1, 1);
        *count += status == LC_OK;
        if (status == LC_OK && H5Pget_virtual_filename(properties, i, (*files)[i], (size_t)size + 1) < 0) {
            status = h5_fail(file->path, "read sources of", path);
        }
    }
    H5Pclose(properties);
    H5Dclose(set);
    if (status != LC_OK) {
        lc_free_strings(*files, *count);
        *files = NULL;
        *count = 0;
    }
    return status;
}

lc_status lc_h5_shape_of(lc_h5 *file, const char *path, lc_h5_shape *out)
{
    hid_t set;
    LC_TRY(open_dataset(file, path, &set, out));
    H5Dclose(set);
    return LC_OK;
}

/* Selects rows first..first+count-1 of the dataset and a memory space of the same size, then reads or writes. */
static lc_status transfer(lc_h5 *file, const char *path, lc_h5_type type, size_t first, size_t count, void *in,
                          const void *from)
{
    hid_t set, memory, space, rows;
    lc_h5_shape shape;
    lc_status status = LC_OK;
    LC_TRY(open_dataset(file, path, &set, &shape));
    if (shape.rank == 0 || first > shape.dims[0] || count > shape.dims[0] - first) {
        status = lc_fail(LC_ERR_SHAPE, "%s: %zu rows from %zu of %s, which has %zu", file->path, count, first, path,
                         shape.rank ? shape.dims[0] : 0);
    } else if ((type == LC_H5_TEXT) != (shape.type == LC_H5_TEXT) || (type == LC_H5_TEXT && shape.text_size == 0)) {
        status = lc_fail(LC_ERR_STALE, "%s: %s has another type than expected", file->path, path);
    }
    if (status != LC_OK || count == 0) {
        H5Dclose(set);
        return status;
    }
    hsize_t start[LC_H5_MAX_RANK] = {first}, block[LC_H5_MAX_RANK] = {count};
    for (size_t i = 1; i < shape.rank; i++) {
        block[i] = shape.dims[i];
    }
    memory = type == LC_H5_TEXT ? H5Dget_type(set) : memory_type(type);
    space = H5Dget_space(set);
    rows = H5Screate_simple((int)shape.rank, block, NULL);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, block, NULL);
    herr_t result =
        in ? H5Dread(set, memory, rows, space, H5P_DEFAULT, in) : H5Dwrite(set, memory, rows, space, H5P_DEFAULT, from);
    /* Closing writes HDF5's small buffer of raw data, so it can fail as a write does. */
    bool failed = result < 0;
    if (failed) {
        status = in ? h5_fail(file->path, "read", path) : write_fail(file, "write", path);
    }
    if (H5Dclose(set) < 0 && !failed) {
        status = write_fail(file, "write", path);
    }
    H5Sclose(rows);
    H5Sclose(space);
    H5Tclose(memory);
    return status;
}

lc_status lc_h5_write(lc_h5 *file, const char *path, lc_h5_type type, size_t first, size_t count, const void *data)
{
    return transfer(file, path, type, first, count, NULL, data);
}

lc_status lc_h5_read(lc_h5 *file, const char *path, lc_h5_type type, size_t first, size_t count, void *data)
{
    return transfer(file, path, type, first, count, data, NULL);
}

lc_status lc_h5_put(lc_h5 *file, const char *path, lc_h5_type type, size_t rows, size_t columns, const void *data)
{
    lc_h5_shape shape = {.type = type, .rank = columns ? 2 : 1, .dims = {rows, columns}};
    LC_TRY(lc_h5_make(file, path, &shape));
    return lc_h5_write(file, path, type, 0, rows, data);
}

lc_status lc_h5_expect(lc_h5 *file, const char *path, lc_h5_type type, size_t rows, size_t columns)
{
    lc_h5_shape s;
    LC_TRY(lc_h5_shape_of(file, path, &s));
    if (s.type != type || s.rank != (columns ? 2u : 1u) || s.dims[0] != rows || (columns && s.dims[1] != columns)) {
        return lc_fail(LC_ERR_STALE, "%s is not %zu x %zu as it ought to be", path, rows, columns ? columns : 1);
    }
    return LC_OK;
}

lc_status lc_h5_write_strings(lc_h5 *file, const char *path, const char *const *strings, size_t count)
{
    silence();
    hsize_t dim = count;
    hid_t type = text_type(H5T_VARIABLE), space = H5Screate_simple(1, &dim, NULL);
    hid_t links = link_properties(), layout = dataset_properties();
    hid_t set = H5Dcreate2(file->id, path, type, space, links, layout, H5P_DEFAULT);
    bool failed = set < 0 || (count > 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, strings) < 0);
    lc_status status = failed ? write_fail(file, "write", path) : LC_OK;
    if (H5Dclose(set) < 0 && !failed) {
        status = write_fail(file, "write", path);
    }
    H5Pclose(layout);
    H5Pclose(links);
    H5Sclose(space);
    H5Tclose(type);
    return status;
}

lc_status lc_h5_read_strings(lc_h5 *file, const char *path, char ***strings, size_t *count)
{
    hid_t set, type = H5I_INVALID_HID;
    lc_h5_shape shape;
    char **list = NULL;
    *strings = NULL;
    *count = 0;
    LC_TRY(open_dataset(file, path, &set, &shape));
    lc_status status;
    if (shape.type != LC_H5_TEXT || shape.text_size != 0 || shape.rank != 1) {
        status = lc_fail(LC_ERR_STALE, "%s: %s is not a list of strings", file->path, path);
        goto done;
    }
    status = lc_alloc_array(&list, shape.dims[0], sizeof *list);
    if (status != LC_OK) {
        goto done;
    }
    type = H5Dget_type(set);
    if (shape.dims[0] > 0 && H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, list) < 0) {
        status = h5_fail(file->path, "read", path);
        goto done;
    }
    for (size_t i = 0; status == LC_OK && i < shape.dims[0]; i++) {
        if (!list[i]) {
            status = lc_strdup(&list[i], "");
        }
    }
done:
    H5Tclose(type);
    H5Dclose(set);
    if (status == LC_OK) {
        *strings = list;
        *count = shape.dims[0];
    } else {
        lc_free_strings(list, shape.dims[0]);
    }
    return status;
}
