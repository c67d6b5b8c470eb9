#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"

/* Opens a regular file; O_NONBLOCK, because opening a pipe would wait for its other end. */
static lc_status open_regular(int *fd, size_t *size, const char *path)
{
    struct stat info;
    *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0) {
        return lc_fail_errno("%s", path);
    }
    if (fstat(*fd, &info) != 0) {
        lc_status status = lc_fail_errno("%s", path);
        close(*fd);
        return status;
    }
    if (!S_ISREG(info.st_mode)) {
        close(*fd);
        return lc_fail(LC_ERR_IO, "%s: %s, not a file", path, S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe");
    }
    *size = (size_t)info.st_size;
    return LC_OK;
}

lc_status lc_map_file(lc_mapping *out, const char *path)
{
    int fd;
    size_t size = 0;
    *out = (lc_mapping){0};
    LC_TRY(open_regular(&fd, &size, path));
    lc_status status = LC_OK;
    if (size > 0) {
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            status = lc_fail_errno("%s: cannot map %zu bytes", path, size);
        } else {
            *out = (lc_mapping){data, size};
        }
    }
    close(fd);
    return status;
}

void lc_unmap_file(lc_mapping *mapping)
{
    if (mapping->data) {
        munmap((void *)mapping->data, mapping->size);
    }
    *mapping = (lc_mapping){0};
}

lc_status lc_read_file(unsigned char **data, size_t *size, const char *path, size_t limit)
{
    int fd;
    size_t wanted = 0, at = 0;
    unsigned char *block = NULL;
    *data = NULL;
    *size = 0;
    LC_TRY(open_regular(&fd, &wanted, path));
    lc_status status;
    if (wanted > limit) {
        status = lc_fail(LC_ERR_UNSUPPORTED, "%s: %zu bytes, more than the %zu that are read", path, wanted, limit);
        goto done;
    }
    status = lc_alloc_raw(&block, wanted + 1, 1);
    while (status == LC_OK && at < wanted) {
        ssize_t n = read(fd, block + at, wanted - at);
        if (n > 0) {
            at += (size_t)n;
        } else if (n == 0) {
            status = lc_fail(LC_ERR_IO, "%s: shrank from %zu to %zu bytes while it was read", path, wanted, at);
        } else if (errno != EINTR) {
            status = lc_fail_errno("%s", path);
        }
    }
done:
    close(fd);
    if (status != LC_OK) {
        free(block);
        return status;
    }
    block[wanted] = 0;
    *data = block;
    *size = wanted;
    return LC_OK;
}

static lc_status write_all(int fd, const char *path, const unsigned char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n >= 0) {
            data += n;
            size -= (size_t)n;
        } else if (errno != EINTR) {
            return lc_fail_errno("cannot write %s", path);
        }
    }
    return LC_OK;
}

/* A new file beside `path`; another process's, or a killed one's, is left alone. */
static lc_status open_beside(int *fd, char **name, const char *path)
{
    static atomic_uint serial;
    for (;;) {
        LC_TRY(lc_sprintf(name, "%s.%ld-%u.tmp", path, (long)getpid(), atomic_fetch_add(&serial, 1)));
        *fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*fd >= 0) {
            return LC_OK;
        }
        free(*name);
        *name = NULL;
        if (errno != EEXIST) {
            return lc_fail_errno("cannot create %s", path);
        }
    }
}

lc_status lc_write_file(const char *path, const void *data, size_t size)
{
    struct stat info;
    char *name = NULL;
    int fd;
    /* /dev/stdout, a pipe: nothing to rename. */
    bool direct = stat(path, &info) == 0 && !S_ISREG(info.st_mode);
    if (direct) {
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0) {
            return lc_fail_errno("cannot write %s", path);
        }
    } else {
        LC_TRY(open_beside(&fd, &name, path));
    }
    lc_status status = write_all(fd, path, data, size);
    if (status == LC_OK && !direct && fsync(fd) != 0) {
        status = lc_fail_errno("cannot write %s", path);
    }
    if (close(fd) != 0 && status == LC_OK) {
        status = lc_fail_errno("cannot write %s", path);
    }
    if (status == LC_OK && !direct && rename(name, path) != 0) {
        status = lc_fail_errno("cannot rename %s to %s", name, path);
    }
    if (status != LC_OK && name) {
        unlink(name);
    }
    free(name);
    return status;
}
