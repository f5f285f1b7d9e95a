/* SPDX-License-Identifier: Apache-2.0 */
/* The store's directories, kept open, and what to do when the host has closed one. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_file.h"

cr_status store_dir_open(int at, const char *name, bool make, struct store_dir *out, struct cr_err *err)
{
    bool made = make && mkdirat(at, name, 0755) == 0;
    struct stat is;
    cr_status st;
    int fd;

    if (make && !made && errno != EEXIST)
        return cr_fail_errno(err, CR_E_IO, errno, "cannot make the directory %s", name);
    fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (at == AT_FDCWD ? 0 : O_NOFOLLOW));
    if (fd < 0)
        return cr_fail_errno(err, CR_E_IO, errno, "cannot open the state directory %s", name);
    st = cr_file_trusted(fd, name, err);
    /* Readers are other users, whatever the umask of who made it. */
    if (!cr_failed(st) && made && (fchmod(fd, 0755) != 0 || fsync(at) != 0))
        st = cr_fail_errno(err, CR_E_IO, errno, "cannot make the directory %s", name);
    if (!cr_failed(st) && fstat(fd, &is) != 0)
        st = cr_fail_errno(err, CR_E_IO, errno, "%s", name);
    if (cr_failed(st)) {
        (void)close(fd);
        return st;
    }
    *out = (struct store_dir){fd, is.st_dev, is.st_ino, NULL};
    return cr_ok();
}

static bool still_ours(const struct store_dir *d)
{
    struct stat is;

    return fstat(d->fd, &is) == 0 && is.st_dev == d->dev && is.st_ino == d->ino;
}

void store_dir_close(struct store_dir *d)
{
    if (d->fd >= 0 && still_ours(d))
        (void)close(d->fd);
    d->fd = -1;
}

cr_status store_roles_open(const struct store_dir *top, bool make, struct store_dir **out, struct cr_err *err)
{
    struct store_dir *roles = calloc(1, sizeof *roles);
    cr_status st = roles != NULL ? cr_ok() : cr_fail(err, CR_E_NOMEM, "out of memory");

    if (!cr_failed(st))
        st = store_dir_open(top->fd, "roles", make, roles, err);
    if (cr_failed(st))
        free(roles);
    else
        *out = roles;
    return st;
}

/* Of two threads that do so at the same time the first one's counts. */
static cr_status open_roles_again(struct store *store, struct store_dir *gone, int *fd, struct cr_err *err)
{
    struct store_dir top, *fresh = NULL;
    cr_status st = store_dir_open(AT_FDCWD, store->dir, false, &top, err);

    if (cr_failed(st))
        return cr_prefix(err, st, "this program has closed certroll's files");
    st = store_roles_open(&top, false, &fresh, err);
    (void)close(top.fd);
    if (cr_failed(st))
        return cr_prefix(err, st, "%s", store->dir);
    fresh->older = gone;
    if (!__atomic_compare_exchange_n(&store->roles, &gone, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        store_dir_close(fresh);
        free(fresh);
        fresh = gone;
    }
    *fd = fresh->fd;
    return st;
}

cr_status store_roles_fd(struct store *store, int *fd, struct cr_err *err)
{
    struct store_dir *roles = __atomic_load_n(&store->roles, __ATOMIC_ACQUIRE);

    if (!still_ours(roles))
        return open_roles_again(store, roles, fd, err);
    *fd = roles->fd;
    return cr_ok();
}

void store_roles_close(struct store_dir *roles)
{
    for (struct store_dir *older; roles != NULL; roles = older) {
        older = roles->older;
        store_dir_close(roles);
        free(roles);
    }
}
