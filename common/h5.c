#include "common/h5_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"

void lc_h5_silence(void)
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

/* HDF5 reports a refusal of the system as "..., errno = 28, ...". */
lc_status lc_h5_fail(const char *path, const char *verb, const char *object)
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

lc_status lc_h5_write_fail(lc_h5 *file, const char *verb, const char *object)
{
    lc_status status = lc_h5_fail(file->path, verb, object);
    file->failed = file->failed == LC_OK ? status : file->failed;
    return status;
}

/* Files ------------------------------------------------------------------------------------------------------ */

static lc_status new_file(lc_h5 **out, const char *path)
{
    *out = NULL;
    lc_h5_silence();
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
        return lc_h5_fail(path, "create", "it");
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
        return lc_h5_fail(path, "open", "as HDF5");
    }
    if (writable) {
        return lock_or_close(out, file);
    }
    *out = file;
    return LC_OK;
}

lc_status lc_h5_flush(lc_h5 *file)
{
    lc_h5_silence();
    return H5Fflush(file->id, H5F_SCOPE_LOCAL) < 0 ? lc_h5_write_fail(file, "flush", "it") : LC_OK;
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
    lc_h5_silence();
    lc_status status = file->failed;
    if (H5Fclose(file->id) < 0 && status == LC_OK) {
        status = lc_h5_fail(file->path, "close", "it");
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
    lc_h5_silence();
    if (strcmp(object, "/") == 0) {
        return true;
    }
    bool there = H5Lexists(file->id, object, H5P_DEFAULT) > 0 && H5Oexists_by_name(file->id, object, H5P_DEFAULT) > 0;
    H5Eclear2(H5E_DEFAULT);
    return there;
}

hid_t lc_h5_link_properties(void)
{
    hid_t properties = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(properties, 1);
    H5Pset_char_encoding(properties, H5T_CSET_UTF8);
    return properties;
}

lc_status lc_h5_group(lc_h5 *file, const char *path)
{
    lc_h5_silence();
    hid_t links = lc_h5_link_properties();
    hid_t group = H5Gcreate2(file->id, path, links, H5P_DEFAULT, H5P_DEFAULT);
    lc_status status = group < 0 ? lc_h5_write_fail(file, "make group", path) : LC_OK;
    H5Gclose(group);
    H5Pclose(links);
    return status;
}

lc_status lc_h5_soft_link(lc_h5 *file, const char *target, const char *link)
{
    lc_h5_silence();
    hid_t links = lc_h5_link_properties();
    lc_status status =
        H5Lcreate_soft(target, file->id, link, links, H5P_DEFAULT) < 0 ? lc_h5_write_fail(file, "make link", link) : LC_OK;
    H5Pclose(links);
    return status;
}

lc_status lc_h5_unlink(lc_h5 *file, const char *link_name)
{
    lc_h5_silence();
    return H5Ldelete(file->id, link_name, H5P_DEFAULT) < 0 ? lc_h5_write_fail(file, "remove link", link_name) : LC_OK;
}

lc_status lc_h5_link_target(lc_h5 *file, const char *link_name, char **target)
{
    lc_h5_silence();
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
        return lc_h5_fail(file->path, "read link", link_name);
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
    lc_h5_silence();
    name_list list = {0};
    *names = NULL;
    *count = 0;
    herr_t result = H5Literate_by_name(file->id, group, H5_INDEX_NAME, H5_ITER_INC, NULL, add_name, &list, H5P_DEFAULT);
    if (result < 0) {
        lc_free_strings(list.names, list.count);
        return list.status != LC_OK ? list.status : lc_h5_fail(file->path, "list", group);
    }
    *names = list.names;
    *count = list.count;
    return LC_OK;
}

/* Attributes ------------------------------------------------------------------------------------------------- */

hid_t lc_h5_text_type(size_t size)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

/* The object is opened first: in 1.10.8 an attribute that H5Aopen_by_name gave cannot be written in a reopened file. */
static lc_status open_object(lc_h5 *file, const char *object, hid_t *out)
{
    lc_h5_silence();
    *out = H5Oopen(file->id, object, H5P_DEFAULT);
    return *out < 0 ? lc_h5_fail(file->path, "open", object) : LC_OK;
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
    hid_t type = lc_h5_text_type(H5T_VARIABLE), space = H5Screate(H5S_SCALAR);
    hid_t attribute = make_attribute(owner, name, type, space);
    lc_status status =
        attribute < 0 || H5Awrite(attribute, type, &value) < 0 ? lc_h5_write_fail(file, "write attribute", name) : LC_OK;
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
            status = lc_h5_fail(file->path, "read attribute", name);
        } else if (!*value) {
            status = lc_strdup(value, "");
        }
    } else {
        status = lc_alloc_array(value, H5Tget_size(type) + 1, 1);
        if (status == LC_OK && H5Aread(attribute, type, *value) < 0) {
            status = lc_h5_fail(file->path, "read attribute", name);
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
                           ? lc_h5_write_fail(file, "write attribute", name)
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
        status = lc_h5_fail(file->path, "read attribute", name);
    }
    H5Tclose(type);
    H5Aclose(attribute);
    return status;
}
