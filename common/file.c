#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
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
            *out = (lc_mapping){.data = data, .size = size};
        }
    }
    close(fd);
    return status;
}

lc_status lc_map_bytes(lc_mapping *out, const void *data, size_t size)
{
    *out = (lc_mapping){0};
    FILE *file = tmpfile();
    if (!file) {
        return lc_fail_errno("cannot create a temporary file");
    }
    lc_status status = LC_OK;
    void *map = MAP_FAILED;
    if (fwrite(data, 1, size, file) == size && fflush(file) == 0) {
        map = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fileno(file), 0) : NULL;
    }
    if (map == MAP_FAILED) {
        status = lc_fail_errno("cannot keep %zu bytes in a temporary file", size);
    } else {
        *out = (lc_mapping){.data = map, .size = size, .nameless = true};
    }
    fclose(file);
    return status;
}

void lc_unmap_file(lc_mapping *mapping)
{
    if (mapping->data) {
        munmap((void *)mapping->data, mapping->size);
    }
    *mapping = (lc_mapping){0};
}

void lc_unload_file(const lc_mapping *mapping, const void *from, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t begin = (size_t)((const unsigned char *)from - mapping->data), end = begin + size;
    begin = (begin + page - 1) / page * page;
    end = end == mapping->size ? end : end / page * page; /* the mapping begins at a page */
    if (begin < end) {
        madvise((void *)(mapping->data + begin), end - begin, MADV_DONTNEED); /* advice: it may be declined */
    }
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

struct lc_file_writer {
    char *path, *name; /* name: the temporary one; NULL for what cannot be renamed (/dev/stdout, a pipe) */
    int fd;
};

static void free_writer(lc_file_writer *w)
{
    free(w->path);
    free(w->name);
    free(w);
}

lc_status lc_file_create(lc_file_writer **out, const char *path)
{
    struct stat info;
    lc_file_writer *w;
    *out = NULL;
    LC_TRY(lc_alloc_array(&w, 1, sizeof *w));
    lc_status status = lc_strdup(&w->path, path);
    if (status != LC_OK) {
        goto done;
    }
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        w->fd = open(path, O_WRONLY | O_CLOEXEC);
        status = w->fd < 0 ? lc_fail_errno("cannot write %s", path) : LC_OK;
    } else {
        status = open_beside(&w->fd, &w->name, path);
    }
done:
    if (status != LC_OK) {
        free_writer(w);
        return status;
    }
    *out = w;
    return LC_OK;
}

lc_status lc_file_append(lc_file_writer *w, const void *data, size_t size)
{
    return write_all(w->fd, w->path, data, size);
}

lc_status lc_file_finish(lc_file_writer *w)
{
    lc_status status = LC_OK;
    if (w->name && fsync(w->fd) != 0) {
        status = lc_fail_errno("cannot write %s", w->path);
    }
    if (close(w->fd) != 0 && status == LC_OK) {
        status = lc_fail_errno("cannot write %s", w->path);
    }
    if (status == LC_OK && w->name && rename(w->name, w->path) != 0) {
        status = lc_fail_errno("cannot rename %s to %s", w->name, w->path);
    }
    if (status != LC_OK && w->name) {
        unlink(w->name);
    }
    free_writer(w);
    return status;
}

void lc_file_discard(lc_file_writer *w)
{
    if (!w) {
        return;
    }
    close(w->fd);
    if (w->name) {
        unlink(w->name);
    }
    free_writer(w);
}

lc_status lc_write_file(const char *path, const void *data, size_t size)
{
    lc_file_writer *w;
    LC_TRY(lc_file_create(&w, path));
    lc_status status = lc_file_append(w, data, size);
    if (status != LC_OK) {
        lc_file_discard(w);
        return status;
    }
    return lc_file_finish(w);
}

lc_status lc_disk_room(const char *path, uint64_t *room, uint64_t *taken)
{
    const char *slash = strrchr(path, '/');
    struct stat info;
    struct statvfs disk;
    char *folder;
    *taken = stat(path, &info) == 0 ? (uint64_t)info.st_blocks * 512 : 0;
    LC_TRY(lc_sprintf(&folder, "%.*s", slash ? (int)(slash + 1 - path) : 1, slash ? path : "."));
    lc_status status = statvfs(folder, &disk) == 0 ? LC_OK : lc_fail_errno("%s", path);
    free(folder);
    if (status == LC_OK) {
        *room = disk.f_blocks ? (uint64_t)disk.f_bavail * disk.f_frsize : UINT64_MAX;
    }
    return status;
}
