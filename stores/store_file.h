/* SPDX-License-Identifier: Apache-2.0 */
/* Private to stores/: the handle, the table that another kind of store would fill, and what the files share. */
#ifndef STORE_FILE_H
#define STORE_FILE_H

#include <sys/types.h>

#include "store.h"

#define STORE_NAME_ROOM 256
#define STORE_LOCK_MS   10000

struct store_ops {
    cr_status (*load)(struct store *store, const char *role, struct role_record **out, struct cr_stamp *stamp,
                      struct cr_err *err);
    cr_status (*save)(struct store *store, const struct role_record *rec, uint64_t expected, struct cr_err *err);
    bool (*changed)(struct store *store, const char *role, const struct cr_stamp *stamp);
    struct cr_held *(*hold)(struct store *store, const char *role, const struct cr_stamp *stamp); /* may be NULL */
};

/* A directory kept open. Daemons close descriptors they do not know, and the number may be another file's then. */
struct store_dir {
    int fd;
    dev_t dev;
    ino_t ino;
    struct store_dir *older; /* what it was opened again after */
};

struct store {
    const struct store_ops *ops;
    char *dir;
    struct store_dir top, certs; /* held from open to close */
    struct store_dir *roles;     /* atomic */
    int lockfd;                  /* -1: not held */
    bool writer;
};

extern const struct store_ops store_file_ops;

cr_status store_dir_open(int at, const char *name, bool make, struct store_dir *out, struct cr_err *err);
/* A number that is another file's by now is left alone. */
void store_dir_close(struct store_dir *dir);
cr_status store_roles_open(const struct store_dir *top, bool make, struct store_dir **out, struct cr_err *err);
void store_roles_close(struct store_dir *roles);
/* The directory of the records, opened again by its path if the host has closed it meanwhile. */
cr_status store_roles_fd(struct store *store, int *fd, struct cr_err *err);
/* *mine says whether the caller must unlock. */
cr_status store_lock_unless_held(struct store *store, bool *mine, struct cr_err *err);
/* "STEM.json", refusing what would leave the directory. */
cr_status store_json_name(const char *stem, char out[STORE_NAME_ROOM], struct cr_err *err);
/* The stems of all NAME.json in the directory @fd that @accept takes, sorted. */
cr_status store_list(int fd, bool (*accept)(const char *stem, size_t len), char ***names, size_t *n,
                     struct cr_err *err);

#endif
