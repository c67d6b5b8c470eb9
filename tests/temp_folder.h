/*
 * A folder of a test's own: made before its first test, gone after its last. Only for tests.
 */
#ifndef LC_TESTS_TEMP_FOLDER_H
#define LC_TESTS_TEMP_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char temp_folder[256];

static int temp_folder_make(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(temp_folder, sizeof temp_folder, "%s/layercut-XXXXXX", base ? base : "/tmp");
    return mkdtemp(temp_folder) ? 0 : -1;
}

/* The same, and what is written there has a date that does not change. */
static inline int temp_folder_make_dated(void **state)
{
    setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    return temp_folder_make(state);
}

static int temp_folder_remove_one(const char *path, const struct stat *info, int flag, struct FTW *where)
{
    (void)info, (void)flag, (void)where;
    return remove(path);
}

static int temp_folder_remove(void **state)
{
    (void)state;
    return nftw(temp_folder, temp_folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A path inside, valid until the fourth call after. */
static const char *temp_path(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, 512, "%s/%s", temp_folder, name);
    return path;
}

#endif
