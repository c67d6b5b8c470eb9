/*
 * A disk that fails, for the command-line tests: LD_PRELOAD=fail_io.so LC_FAIL="WHAT N [once]" makes the Nth call that
 * changes a file called *.h5* fail, and all that follow unless `once`. WHAT is EIO, ENOSPC, or SHORT: half of that write
 * lands, then ENOSPC. Calls that count: pwrite, write, fdatasync, ftruncate, rename, link.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* What <unistd.h> and <stdio.h> declare, under the names that programs with 64-bit offsets link. */
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at);
int ftruncate64(int fd, off64_t size);

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static bool is_store(int fd)
{
    char link_name[64], path[4096];
    snprintf(link_name, sizeof link_name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link_name, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    return strstr(path, ".h5") != NULL;
}

/* Counts a call; whether it is to fail. HDF5 is used by one thread at a time. */
static bool fails(int *error, bool *half)
{
    static long calls;
    char what[16] = "", once[16] = "";
    long first = 0;
    const char *plan = getenv("LC_FAIL");
    if (!plan || sscanf(plan, "%15s %ld %15s", what, &first, once) < 2) {
        return false;
    }
    calls++;
    *error = strcmp(what, "EIO") == 0 ? EIO : ENOSPC;
    *half = strcmp(what, "SHORT") == 0 && calls == first;
    return once[0] ? calls == first : calls >= first;
}

static bool fd_fails(int fd, bool *half)
{
    int error;
    if (!is_store(fd) || !fails(&error, half)) {
        return false;
    }
    errno = error;
    return true;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    ssize_t (*real)(int, const void *, size_t, off64_t) = next("pwrite64");
    bool half;
    if (fd_fails(fd, &half)) {
        int error = errno;
        ssize_t landed = half ? real(fd, data, size / 2, at) : -1;
        errno = error;
        return landed > 0 ? landed : -1;
    }
    return real(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    return pwrite64(fd, data, size, at);
}

ssize_t write(int fd, const void *data, size_t size)
{
    ssize_t (*real)(int, const void *, size_t) = next("write");
    bool half;
    return fd_fails(fd, &half) ? -1 : real(fd, data, size);
}

int fdatasync(int fd)
{
    int (*real)(int) = next("fdatasync");
    bool half;
    return fd_fails(fd, &half) ? -1 : real(fd);
}

int ftruncate64(int fd, off64_t size)
{
    int (*real)(int, off64_t) = next("ftruncate64");
    bool half;
    return fd_fails(fd, &half) ? -1 : real(fd, size);
}

int ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}

static bool name_fails(const char *path)
{
    int error;
    bool half;
    if (!strstr(path, ".h5") || !fails(&error, &half)) {
        return false;
    }
    errno = error;
    return true;
}

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *) = next("rename");
    return name_fails(to) ? -1 : real(from, to);
}

int link(const char *from, const char *to)
{
    int (*real)(const char *, const char *) = next("link");
    return name_fails(to) ? -1 : real(from, to);
}
