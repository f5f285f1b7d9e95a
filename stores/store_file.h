/* SPDX-License-Identifier: Apache-2.0 */
/* Private to stores/: the handle, the table that another kind of store would fill, and what the files share. */
#ifndef STORE_FILE_H
#define STORE_FILE_H

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

struct store {
    const struct store_ops *ops;
    char *dir;
    int dirfd, rolesfd, certsfd; /* held from open to close */
    int lockfd;                  /* -1: not held */
    bool writer;
};

extern const struct store_ops store_file_ops;

/* *mine says whether the caller must unlock. */
cr_status store_lock_unless_held(struct store *store, bool *mine, struct cr_err *err);
/* "STEM.json", refusing what would leave the directory. */
cr_status store_json_name(const char *stem, char out[STORE_NAME_ROOM], struct cr_err *err);
/* The stems of all NAME.json in the directory @fd that @accept takes, sorted. */
cr_status store_list(int fd, bool (*accept)(const char *stem, size_t len), char ***names, size_t *n,
                     struct cr_err *err);

#endif
