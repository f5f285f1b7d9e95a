/* SPDX-License-Identifier: Apache-2.0 */
#include "cr_held.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define HELD_MAX 64

struct cr_held {
    unsigned refs; /* atomic */
    int fd;
    struct cr_stamp stamp;
};

static unsigned count; /* atomic */

/* Where an open file's inode is the one its name leads to, and unlinking it shows. */
static bool tells(int fd)
{
    static const long known[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,  BTRFS_SUPER_MAGIC,
                                 TMPFS_MAGIC,      F2FS_SUPER_MAGIC, 0x2fc12fc1 /* ZFS */};
    struct statfs fs;
    bool good = false;

    if (fstatfs(fd, &fs) != 0)
        return false;
    for (size_t i = 0; i < CR_COUNT(known); i++)
        good = good || (long)fs.f_type == known[i];
    return good;
}

static bool same(int fd, const struct cr_stamp *stamp)
{
    struct cr_stamp now;
    unsigned long names = 0;

    return cr_stamp_of(fd, &now, &names) && names == 1 && cr_stamp_equal(&now, stamp);
}

static struct cr_held *hold(int fd, const struct cr_stamp *stamp)
{
    struct cr_held *held = NULL;

    if (__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) <= HELD_MAX && tells(fd) && same(fd, stamp))
        held = calloc(1, sizeof *held);
    if (held == NULL) {
        __atomic_sub_fetch(&count, 1, __ATOMIC_RELAXED);
        return NULL;
    }
    *held = (struct cr_held){1, fd, *stamp};
    return held;
}

struct cr_held *cr_held_new(int dirfd, const char *name, const struct cr_stamp *stamp)
{
    struct cr_held *held = NULL;
    int saved = errno, fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0 && (held = hold(fd, stamp)) == NULL)
        (void)close(fd);
    errno = saved;
    return held;
}

struct cr_held *cr_held_ref(struct cr_held *held)
{
    if (held != NULL)
        __atomic_add_fetch(&held->refs, 1, __ATOMIC_RELAXED);
    return held;
}

void cr_held_unref(struct cr_held **pheld)
{
    struct cr_held *held = *pheld;
    struct cr_stamp now;
    unsigned long names;
    int saved = errno;

    *pheld = NULL;
    if (held == NULL || __atomic_sub_fetch(&held->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (cr_stamp_of(held->fd, &now, &names) && now.dev == held->stamp.dev && now.ino == held->stamp.ino)
        (void)close(held->fd);
    __atomic_sub_fetch(&count, 1, __ATOMIC_RELAXED);
    free(held);
    errno = saved;
}

bool cr_held_same(const struct cr_held *held)
{
    int saved = errno;
    bool good = same(held->fd, &held->stamp);

    errno = saved;
    return good;
}
