/* SPDX-License-Identifier: Apache-2.0 */
#include "cr_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cr_temp.h"

#define NS         INT64_C(1000000000)
#define PID_LIMIT  4194304L /* PID_MAX_LIMIT of Linux */
#define TEMP_NAMES 8

static int64_t ns_of(struct timespec t)
{
    return (int64_t)t.tv_sec * NS + t.tv_nsec;
}

static void stamp_of(const struct stat *sb, struct cr_stamp *out)
{
    *out = (struct cr_stamp){.dev = sb->st_dev,
                             .ino = sb->st_ino,
                             .mtime_ns = ns_of(sb->st_mtim),
                             .ctime_ns = ns_of(sb->st_ctim),
                             .size = sb->st_size};
}

cr_status cr_stamp_get(int dirfd, const char *name, struct cr_stamp *out, struct cr_err *err)
{
    int saved = errno;
    struct stat sb;
    cr_status st = cr_ok();

    if (fstatat(dirfd, name, &sb, AT_SYMLINK_NOFOLLOW) == 0) {
        stamp_of(&sb, out);
    } else {
        st = cr_fail_errno(err, errno == ENOENT ? CR_E_NOT_FOUND : CR_E_IO, errno, "%s", name);
        if (st.code == CR_E_NOT_FOUND)
            *out = (struct cr_stamp){0};
    }
    errno = saved;
    return st;
}

/* A signature's only system call. glibc's fstat makes it newfstatat, which takes a tenth longer; both fill the same struct. */
static int stat_open(int fd, struct stat *out)
{
#if defined(__x86_64__) && defined(__LP64__)
    return (int)syscall(SYS_fstat, fd, out);
#else
    return fstat(fd, out);
#endif
}

bool cr_stamp_of(int fd, struct cr_stamp *out, unsigned long *names)
{
    struct stat sb;

    if (stat_open(fd, &sb) != 0)
        return false;
    stamp_of(&sb, out);
    *names = (unsigned long)sb.st_nlink;
    return true;
}

bool cr_stamp_equal(const struct cr_stamp *a, const struct cr_stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
           a->size == b->size;
}

static cr_status trusted_stat(const struct stat *sb, const char *what, struct cr_err *err)
{
    if (sb->st_uid != 0 && sb->st_uid != geteuid())
        return cr_fail(err, CR_E_REFUSED, "%s belongs to uid %u: it must belong to root or to this process's user",
                       what, (unsigned)sb->st_uid);
    if ((sb->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return cr_fail(err, CR_E_REFUSED, "%s is writable by others (mode %04o): chmod go-w it", what,
                       (unsigned)(sb->st_mode & 07777));
    return cr_ok();
}

cr_status cr_file_trusted(int fd, const char *what, struct cr_err *err)
{
    struct stat sb;

    if (fstat(fd, &sb) != 0)
        return cr_fail_errno(err, CR_E_IO, errno, "%s", what);
    return trusted_stat(&sb, what, err);
}

static cr_status read_all(int fd, const char *name, size_t max, struct cr_buf *out, struct cr_err *err)
{
    unsigned char piece[8192];
    cr_status st = cr_ok();
    ssize_t n;

    while (!cr_failed(st)) {
        n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            st = cr_fail_errno(err, CR_E_IO, errno, "cannot read %s", name);
        else if (n == 0)
            break;
        else if (out->n + (size_t)n > max)
            st = cr_fail(err, CR_E_INVALID, "%s is larger than %zu bytes", name, max);
        else
            st = cr_buf_append(out, piece, (size_t)n, err);
    }
    cr_cleanse(piece, sizeof piece);
    return st;
}

cr_status cr_file_read(int dirfd, const char *name, size_t max, bool trusted, struct cr_buf *out,
                       struct cr_stamp *stamp, struct cr_err *err)
{
    int saved = errno, fd;
    struct cr_buf got = {0};
    struct stat sb;
    cr_status st;

    fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        st = errno == ELOOP ? cr_fail(err, CR_E_REFUSED, "%s is a symbolic link", name)
                            : cr_fail_errno(err, errno == ENOENT ? CR_E_NOT_FOUND : CR_E_IO, errno, "%s", name);
        errno = saved;
        return st;
    }
    if (fstat(fd, &sb) != 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "%s", name);
    else if (!S_ISREG(sb.st_mode))
        st = cr_fail(err, CR_E_IO, "%s is not a regular file", name);
    else
        st = trusted ? trusted_stat(&sb, name, err) : cr_ok();
    if (!cr_failed(st))
        st = cr_buf_append(&got, NULL, 0, err);
    if (!cr_failed(st))
        st = read_all(fd, name, max, &got, err);
    (void)close(fd);
    if (cr_failed(st)) {
        cr_buf_clear(&got);
    } else {
        cr_buf_clear(out);
        *out = got;
        if (stamp != NULL)
            stamp_of(&sb, stamp);
    }
    errno = saved;
    return st;
}

static cr_status write_all(int fd, const char *name, struct cr_bytes data, struct cr_err *err)
{
    while (data.n > 0) {
        ssize_t n = write(fd, data.p, data.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cr_fail_errno(err, CR_E_IO, errno, "cannot write %s", name);
        data.p += n;
        data.n -= (size_t)n;
    }
    return cr_ok();
}

/* Half of fast renames keep the previous time, and inodes repeat: the new time is later than the old file's. Some file
 * systems keep whole seconds, or even ones: what was set is read back. */
static cr_status set_later_mtime(int dirfd, const char *name, int fd, struct cr_err *err)
{
    static const int64_t steps[] = {1, NS, 2 * NS};
    struct timespec now, times[2];
    struct stat old, set;
    int64_t t, before = INT64_MIN;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return cr_fail_errno(err, CR_E_IO, errno, "no clock");
    if (fstatat(dirfd, name, &old, AT_SYMLINK_NOFOLLOW) == 0)
        before = ns_of(old.st_mtim);
    times[0] = now;
    for (size_t i = 0; i < CR_COUNT(steps); i++) {
        t = ns_of(now) > before ? ns_of(now) : before + steps[i];
        if (i > 0 && t < before + steps[i])
            t = before + steps[i];
        times[1] = (struct timespec){.tv_sec = (time_t)(t / NS), .tv_nsec = (long)(t % NS)};
        if (futimens(fd, times) != 0 || fstat(fd, &set) != 0)
            return cr_fail_errno(err, CR_E_IO, errno, "cannot set the time of %s", name);
        if (ns_of(set.st_mtim) > before)
            return cr_ok();
    }
    return cr_fail(err, CR_E_IO, "the file system does not let the time of %s grow", name);
}

struct look {
    mode_t mode;
    uid_t uid; /* -1, both: as it comes */
    gid_t gid;
};

static bool belongs(int fd, const struct look *look)
{
    struct stat sb;

    return look->gid == (gid_t)-1 ||
           (fstat(fd, &sb) == 0 && sb.st_gid == look->gid && (look->uid == (uid_t)-1 || sb.st_uid == look->uid));
}

static cr_status fill_temp(int dirfd, const char *name, int fd, const struct look *look, struct cr_bytes data,
                           struct cr_err *err)
{
    cr_status st = write_all(fd, name, data, err);

    if (cr_failed(st))
        return st;
    /* Owner before mode: chown clears set-id bits. */
    if (!belongs(fd, look) && fchown(fd, look->uid, look->gid) != 0)
        return cr_fail_errno(err, CR_E_IO, errno, "cannot give %s to user %d and group %d", name, (int)look->uid,
                             (int)look->gid);
    if (fchmod(fd, look->mode) != 0)
        return cr_fail_errno(err, CR_E_IO, errno, "cannot set the mode of %s", name);
    if (cr_failed(st = set_later_mtime(dirfd, name, fd, err)))
        return st;
    if (fsync(fd) != 0)
        return cr_fail_errno(err, CR_E_IO, errno, "cannot write %s", name);
    return cr_ok();
}

static cr_status replace_by(int dirfd, const char *temp, const char *name, const struct look *look,
                            struct cr_bytes data, struct cr_err *err)
{
    cr_status st;
    int fd;

    if (cr_failed(st = cr_temp_open(dirfd, temp, &fd, err)))
        return st;
    st = fill_temp(dirfd, name, fd, look, data, err);
    if (!cr_failed(st) && renameat(dirfd, temp, dirfd, name) != 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot replace %s", name);
    if (cr_failed(st))
        (void)unlinkat(dirfd, temp, 0);
    (void)close(fd); /* not before the rename: it ends the lock; fsync has told of what close would */
    if (cr_failed(st))
        return st;
    if (fsync(dirfd) != 0)
        return cr_fail_errno(err, CR_E_IO, errno, "%s is replaced, but its directory cannot be synced", name);
    return cr_ok();
}

cr_status cr_file_replace(int dirfd, const char *name, mode_t mode, gid_t gid, struct cr_bytes data, struct cr_err *err)
{
    char temp[NAME_MAX + 1];

    if (snprintf(temp, sizeof temp, ".%s.tmp", name) >= (int)sizeof temp)
        return cr_fail(err, CR_E_INVALID, "the name %.40s... is too long", name);
    if (unlinkat(dirfd, temp, 0) != 0 && errno != ENOENT)
        return cr_fail_errno(err, CR_E_IO, errno, "cannot remove %s", temp);
    return replace_by(dirfd, temp, name, &(struct look){mode, (uid_t)-1, gid}, data, err);
}

/* A device, pipe or terminal is written, never replaced: also behind a link such as /dev/stdout, which must stay. */
static bool written_in_place(int dirfd, const char *name)
{
    char target[PATH_MAX];
    struct stat sb;
    ssize_t n;

    if (fstatat(dirfd, name, &sb, 0) == 0 && !S_ISREG(sb.st_mode))
        return true;
    n = readlinkat(dirfd, name, target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    return strncmp(target, "/proc/", 6) == 0;
}

static cr_status write_in_place(int dirfd, const char *name, const char *path, struct cr_bytes data, struct cr_err *err)
{
    int fd = openat(dirfd, name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
    cr_status st;

    if (fd < 0)
        return cr_fail_errno(err, CR_E_IO, errno, "cannot open %s", path);
    st = write_all(fd, path, data, err);
    if (close(fd) != 0 && !cr_failed(st))
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot write %s", path);
    return st;
}

/* Another process may have this one's number, in another container. */
static cr_status replace_path(int dirfd, const char *name, const struct look *look, struct cr_bytes data,
                              struct cr_err *err)
{
    char temp[NAME_MAX + 1];
    struct stat sb;

    for (long i = 0; i < TEMP_NAMES; i++) {
        if (snprintf(temp, sizeof temp, ".%s.%ld.tmp", name, (long)getpid() + i * PID_LIMIT) >= (int)sizeof temp)
            return cr_fail(err, CR_E_INVALID, "the name %.40s... is too long", name);
        if (fstatat(dirfd, temp, &sb, AT_SYMLINK_NOFOLLOW) != 0)
            break;
    }
    return replace_by(dirfd, temp, name, look, data, err);
}

static cr_status path_replace(const char *path, const struct look *look, struct cr_bytes data, struct cr_err *err)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    char *dir = NULL;
    cr_status st;
    int fd;

    if (*name == '\0')
        return cr_fail(err, CR_E_USAGE, "'%s' is not the name of a file", path);
    dir = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (dir == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot open the directory %s", dir);
    } else if (written_in_place(fd, name)) {
        st = write_in_place(fd, name, path, data, err);
    } else {
        cr_temp_sweep(fd, name);
        st = replace_path(fd, name, look, data, err);
    }
    if (fd >= 0)
        (void)close(fd);
    free(dir);
    return st;
}

cr_status cr_path_replace(const char *path, mode_t mode, struct cr_bytes data, struct cr_err *err)
{
    return path_replace(path, &(struct look){mode, (uid_t)-1, (gid_t)-1}, data, err);
}

cr_status cr_path_replace_as(const char *path, const struct stat *as, struct cr_bytes data, struct cr_err *err)
{
    return path_replace(path, &(struct look){as->st_mode & 07777, as->st_uid, as->st_gid}, data, err);
}

cr_status cr_lock_wait(int fd, const char *name, int timeout_ms, struct cr_err *err)
{
    struct timespec pause = {0, 10 * 1000 * 1000}, start, now;

    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int why = errno;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        if (why != EWOULDBLOCK && why != EINTR)
            return cr_fail_errno(err, CR_E_IO, why, "cannot lock %s", name);
        if ((ns_of(now) - ns_of(start)) / 1000000 >= timeout_ms)
            return cr_fail(err, CR_E_BUSY, "another certroll holds the lock %s: try again when it has ended", name);
        (void)nanosleep(&pause, NULL);
    }
    return cr_ok();
}

cr_status cr_lock_take(int dirfd, const char *name, int timeout_ms, int *fd, struct cr_err *err)
{
    int got = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    cr_status st;

    if (got < 0)
        return cr_fail_errno(err, CR_E_IO, errno, "cannot open the lock file %s", name);
    st = cr_lock_wait(got, name, timeout_ms, err);
    if (cr_failed(st))
        (void)close(got);
    else
        *fd = got;
    return st;
}

void cr_lock_give(int *fd)
{
    if (*fd >= 0) {
        (void)flock(*fd, LOCK_UN); /* a child that was forked meanwhile has it open, too */
        (void)close(*fd);
    }
    *fd = -1;
}
