#include "common/h5_file.h"

#include <math.h>
#include <stdlib.h>

#include "common/memory.h"

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
    hid_t type = shape->type == LC_H5_TEXT ? lc_h5_text_type(shape->text_size) : disk_type(shape->type);
    if (shape->type == LC_H5_TEXT) {
        H5Tset_strpad(type, H5T_STR_NULLPAD);
    }
    hid_t space = H5Screate_simple((int)shape->rank, dims, NULL);
    hid_t links = lc_h5_link_properties();
    hid_t set = H5Dcreate2(file->id, path, type, space, links, layout, H5P_DEFAULT);
    lc_status status = set < 0 || H5Dclose(set) < 0 ? lc_h5_write_fail(file, "make dataset", path) : LC_OK;
    H5Pclose(layout);
    H5Pclose(links);
    H5Sclose(space);
    H5Tclose(type);
    return status;
}

lc_status lc_h5_make(lc_h5 *file, const char *path, const lc_h5_shape *shape)
{
    lc_h5_silence();
    hid_t layout = dataset_properties();
    H5Pset_layout(layout, H5D_CONTIGUOUS);
    /* The space is a hole in the file until written, and holes read as zeros: filling would write everything twice. */
    H5Pset_alloc_time(layout, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(layout, H5D_FILL_TIME_NEVER);
    return make_dataset(file, path, shape, layout);
}

lc_status lc_h5_make_packed(lc_h5 *file, const char *path, const lc_h5_shape *shape, size_t chunk_rows)
{
    lc_h5_silence();
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

lc_status lc_h5_make_virtual(lc_h5 *file, const char *path, const lc_h5_shape *shape, const lc_h5_source *sources,
                             size_t count)
{
    lc_h5_silence();
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
        return lc_h5_write_fail(file, "make dataset", path);
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
    lc_h5_silence();
    hid_t set = H5Dopen2(file->id, path, H5P_DEFAULT);
    if (set < 0) {
        lc_status status = lc_h5_fail(file->path, "open dataset", path);
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
    lc_status status =
        H5Pget_virtual_count(properties, &sources) < 0 ? lc_h5_fail(file->path, "read sources of", path) : LC_OK;
    if (status == LC_OK) {
        status = lc_alloc_array(files, sources, sizeof **files);
    }
    for (size_t i = 0; status == LC_OK && i < sources; i++) {
        ssize_t size = H5Pget_virtual_filename(properties, i, NULL, 0);
        status =
            size < 0 ? lc_h5_fail(file->path, "read sources of", path) : lc_alloc_array(&(*files)[i], (size_t)size + 1, 1);
        *count += status == LC_OK;
        if (status == LC_OK && H5Pget_virtual_filename(properties, i, (*files)[i], (size_t)size + 1) < 0) {
            status = lc_h5_fail(file->path, "read sources of", path);
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
        status = in ? lc_h5_fail(file->path, "read", path) : lc_h5_write_fail(file, "write", path);
    }
    if (H5Dclose(set) < 0 && !failed) {
        status = lc_h5_write_fail(file, "write", path);
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
    lc_h5_silence();
    hsize_t dim = count;
    hid_t type = lc_h5_text_type(H5T_VARIABLE), space = H5Screate_simple(1, &dim, NULL);
    hid_t links = lc_h5_link_properties(), layout = dataset_properties();
    hid_t set = H5Dcreate2(file->id, path, type, space, links, layout, H5P_DEFAULT);
    bool failed = set < 0 || (count > 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, strings) < 0);
    lc_status status = failed ? lc_h5_write_fail(file, "write", path) : LC_OK;
    if (H5Dclose(set) < 0 && !failed) {
        status = lc_h5_write_fail(file, "write", path);
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
        status = lc_h5_fail(file->path, "read", path);
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
