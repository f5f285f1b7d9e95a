/* SPDX-License-Identifier: Apache-2.0 */
#include "cr_temp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 8

cr_status cr_temp_open(int dirfd, const char *temp, int *fd, struct cr_err *err)
{
    struct stat sb;

    for (int i = 0; i < TRIES; i++) {
        int got = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (got < 0)
            return cr_fail_errno(err, CR_E_IO, errno, "cannot create %s", temp);
        (void)flock(got, LOCK_EX); /* a file system that has none leaves its killed writers' files, too */
        if (fstat(got, &sb) == 0 && sb.st_nlink > 0) {
            *fd = got;
            return cr_ok();
        }
        (void)close(got); /* a sweep was faster than the lock */
    }
    return cr_fail(err, CR_E_IO, "cannot create %s: it is removed again and again", temp);
}

static bool ours(const char *entry, const char *name)
{
    size_t len = strlen(entry), n = name != NULL ? strlen(name) : 0;

    if (entry[0] != '.' || len < sizeof ".x.tmp" - 1 || strcmp(entry + len - 4, ".tmp") != 0)
        return false;
    if (name == NULL)
        return true;
    if (strncmp(entry + 1, name, n) != 0 || entry[n + 1] != '.')
        return false;
    entry += n + 2;
    n = strspn(entry, "0123456789");
    return n > 0 && strcmp(entry + n, ".tmp") == 0;
}

/* The lock is held until the file is gone, so that its writer, if it has just made it, sees that. */
static void remove_stale(int dirfd, const char *entry)
{
    int fd = openat(dirfd, entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    struct stat sb, named;

    if (fd < 0)
        return;
    if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
        fstatat(dirfd, entry, &named, AT_SYMLINK_NOFOLLOW) == 0 && named.st_dev == sb.st_dev &&
        named.st_ino == sb.st_ino)
        (void)unlinkat(dirfd, entry, 0);
    (void)close(fd);
}

void cr_temp_sweep(int dirfd, const char *name)
{
    int saved = errno, fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;

    if (dir == NULL && fd >= 0)
        (void)close(fd);
    while (dir != NULL && (e = readdir(dir)) != NULL)
        if (ours(e->d_name, name))
            remove_stale(dirfd, e->d_name);
    if (dir != NULL)
        (void)closedir(dir);
    errno = saved;
}
