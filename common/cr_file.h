/* SPDX-License-Identifier: Apache-2.0 */
/* Files that other processes read while we write them: whole or not at all, durable, with a modification time that
 * strictly grows (readers compare stamps), and an exclusive lock among writers.
 * Every call works relative to a directory descriptor, so it goes on working after chroot and setuid. */
#ifndef CR_FILE_H
#define CR_FILE_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "cr_bytes.h"

/* What fstatat says of a file; equal stamps mean an unchanged file. All zero: no file. */
struct cr_stamp {
    dev_t dev;
    ino_t ino;
    int64_t mtime_ns, ctime_ns;
    off_t size;
};

/* One fstatat(AT_SYMLINK_NOFOLLOW), nothing else. errno is preserved for the host. A missing file gives a zero stamp
 * and CR_E_NOT_FOUND. */
cr_status cr_stamp_get(int dirfd, const char *name, struct cr_stamp *out, struct cr_err *err);
/* The same of an open file, and how many names it has. errno is as fstat leaves it. */
bool cr_stamp_of(int fd, struct cr_stamp *out, unsigned long *names);
bool cr_stamp_equal(const struct cr_stamp *a, const struct cr_stamp *b);

/* Reads a regular file (O_NOFOLLOW|O_CLOEXEC|O_NOCTTY|O_NONBLOCK) of at most @max bytes into @out and its stamp (may be
 * NULL). Refuses a file that is not owned by root or our effective uid or that group or others can write, when @trusted.
 * CR_E_NOT_FOUND for ENOENT, CR_E_INVALID over @max, CR_E_REFUSED when not trusted, else CR_E_IO. */
cr_status cr_file_read(int dirfd, const char *name, size_t max, bool trusted, struct cr_buf *out,
                       struct cr_stamp *stamp, struct cr_err *err);

/* CR_E_REFUSED unless the directory or file behind @fd is owned by root or our effective uid and not writable by group
 * or others. @what names it in the sentence. */
cr_status cr_file_trusted(int fd, const char *what, struct cr_err *err);

/* Replaces @name by @data: temporary file beside it, fsync, mtime later than that of the file it replaces, rename, fsync
 * of the directory. @gid (gid_t)-1 leaves the group. A kill at any system call leaves the old or the new content; the
 * temporary file of a killed writer (".NAME.tmp") is overwritten by the next, or swept (cr_temp.h). Call it under the lock, or on a name only
 * one process writes. */
cr_status cr_file_replace(int dirfd, const char *name, mode_t mode, gid_t gid, struct cr_bytes data,
                          struct cr_err *err);

/* cr_file_replace for a path as the user typed it ("-" is the caller's business), unique temporary name; removes
 * those of killed writers of this file; follows an
 * existing symbolic link's directory but replaces the link itself. A device or pipe, and a link to one or into /proc
 * (/dev/stdout), is written instead and stays. */
cr_status cr_path_replace(const char *path, mode_t mode, struct cr_bytes data, struct cr_err *err);
/* The same, and the new file has owner, group and mode of @as from the first moment on. CR_E_IO and nothing is replaced
 * where this user cannot give them. */
cr_status cr_path_replace_as(const char *path, const struct stat *as, struct cr_bytes data, struct cr_err *err);

/* Opens (creating 0600, close-on-exec) and locks @name exclusively (flock), waiting at most @timeout_ms. *fd is the
 * caller's: cr_lock_give closes it and sets -1. */
cr_status cr_lock_take(int dirfd, const char *name, int timeout_ms, int *fd, struct cr_err *err);
/* The same for a file that the caller opened, in whatever mode; @name is for the error. */
cr_status cr_lock_wait(int fd, const char *name, int timeout_ms, struct cr_err *err);
void cr_lock_give(int *fd);

#endif
