/*
 * What h5.c (files, links, attributes) and h5_dataset.c (values) share: the open file, and how a call that HDF5
 * refused becomes an error of ours. Nobody else includes this, so nobody else sees hdf5.h.
 */
#ifndef LC_COMMON_H5_FILE_H
#define LC_COMMON_H5_FILE_H

#include <hdf5.h>

#include "common/h5.h"

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
void lc_h5_silence(void);

/* "<path>: cannot <verb> <object>: <why>", from HDF5's stack of errors, which is emptied. */
LC_CHECKED lc_status lc_h5_fail(const char *path, const char *verb, const char *object);
/* The same for whatever changes the file; lc_h5_close remembers the first. */
LC_CHECKED lc_status lc_h5_write_fail(lc_h5 *file, const char *verb, const char *object);

/* UTF-8 text of `size` bytes, or H5T_VARIABLE. The caller's, H5Tclose. */
hid_t lc_h5_text_type(size_t size);
/* Names are UTF-8, and the groups on the way to a name are made with it. The caller's, H5Pclose. */
hid_t lc_h5_link_properties(void);

#endif
