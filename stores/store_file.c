/* SPDX-License-Identifier: Apache-2.0 */
/* The file store: opening, the lock, and records. Certificates, revocations and history stand in files of their own. */
#include "store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cr_temp.h"
#include "roles/role_codec.h"

cr_status store_file_open(const char *dir, bool writer, struct store **out, struct cr_err *err)
{
    int saved = errno;
    struct store *s = calloc(1, sizeof *s);
    cr_status st;

    if (s == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    s->ops = &store_file_ops;
    s->top.fd = s->certs.fd = s->lockfd = -1;
    s->writer = writer;
    if (cr_failed(st = cr_strdup(dir, &s->dir, err)) ||
        cr_failed(st = store_dir_open(AT_FDCWD, dir, false, &s->top, err)) ||
        cr_failed(st = store_roles_open(&s->top, writer, &s->roles, err)) ||
        cr_failed(st = store_dir_open(s->top.fd, "certs", writer, &s->certs, err))) {
        store_close(&s);
    } else {
        *out = s;
    }
    errno = saved;
    return st;
}

void store_close(struct store **store)
{
    struct store *s = store != NULL ? *store : NULL;

    if (s == NULL)
        return;
    store_dir_close(&s->top);
    store_dir_close(&s->certs);
    store_roles_close(s->roles);
    cr_lock_give(&s->lockfd);
    free(s->dir);
    free(s);
    *store = NULL;
}

int store_dirfd(const struct store *store)
{
    return store->top.fd;
}

cr_status store_lock(struct store *store, int timeout_ms, struct cr_err *err)
{
    cr_status st;

    if (!store->writer)
        return cr_fail(err, CR_E_INTERNAL, "the store %s was opened for reading", store->dir);
    if (cr_failed(st = cr_lock_take(store->top.fd, ".lock", timeout_ms, &store->lockfd, err)))
        return st;
    cr_temp_sweep(store->top.fd, NULL);
    cr_temp_sweep(store->roles->fd, NULL);
    cr_temp_sweep(store->certs.fd, NULL);
    return st;
}

void store_unlock(struct store *store)
{
    cr_lock_give(&store->lockfd);
}

cr_status store_lock_unless_held(struct store *store, bool *mine, struct cr_err *err)
{
    cr_status st = cr_ok();

    *mine = false;
    if (store->lockfd < 0) {
        st = store_lock(store, STORE_LOCK_MS, err);
        *mine = !cr_failed(st);
    }
    return st;
}

cr_status store_json_name(const char *stem, char out[STORE_NAME_ROOM], struct cr_err *err)
{
    if (snprintf(out, STORE_NAME_ROOM, "%s.json", stem) >= STORE_NAME_ROOM || strchr(stem, '/') != NULL ||
        stem[0] == '.')
        return cr_fail(err, CR_E_INVALID, "'%.80s' is not the name of a file of the store", stem);
    return cr_ok();
}

static cr_status load_record(struct store *store, const char *role, struct role_record **out, struct cr_stamp *stamp,
                             struct cr_err *err)
{
    char name[STORE_NAME_ROOM];
    struct cr_buf json = {0};
    struct cr_stamp seen;
    cr_status st;
    int fd;

    if (cr_failed(st = role_name_check(role, err)) || cr_failed(st = store_json_name(role, name, err)) ||
        cr_failed(st = store_roles_fd(store, &fd, err)))
        return st;
    st = cr_file_read(fd, name, ROLE_JSON_MAX, true, &json, &seen, err);
    if (st.code == CR_E_NOT_FOUND)
        st = cr_fail(err, CR_E_NOT_FOUND, "there is no role %s in %s", role, store->dir);
    else if (cr_failed(st))
        st = cr_prefix(err, st, "%s/roles", store->dir);
    else
        st = role_record_read(cr_buf_bytes(&json), role, out, err);
    if (!cr_failed(st) && stamp != NULL)
        *stamp = seen;
    cr_buf_clear(&json);
    return st;
}

/* For those whose answer, were it another file's descriptor by now, would not match a stamp. */
static int roles_fd(const struct store *store)
{
    return __atomic_load_n(&store->roles, __ATOMIC_ACQUIRE)->fd;
}

static struct cr_held *record_hold(struct store *store, const char *role, const struct cr_stamp *stamp)
{
    char name[STORE_NAME_ROOM];

    return cr_failed(store_json_name(role, name, NULL)) ? NULL : cr_held_new(roles_fd(store), name, stamp);
}

static bool record_changed(struct store *store, const char *role, const struct cr_stamp *stamp)
{
    char name[STORE_NAME_ROOM];
    struct cr_stamp now;

    if (cr_failed(store_json_name(role, name, NULL)) || cr_failed(cr_stamp_get(roles_fd(store), name, &now, NULL)))
        return true;
    return !cr_stamp_equal(&now, stamp);
}

static cr_status swap_refused(const struct role_record *rec, const struct role_record *found, uint64_t expected,
                              struct cr_err *err)
{
    char when[CR_TIME_TEXT];

    if (found == NULL)
        return cr_fail(err, CR_E_CHANGED,
                       "the role %s is gone, though generation %llu of it was to be changed: look at 'certroll show'",
                       rec->name, (unsigned long long)expected);
    return cr_fail(err, CR_E_CHANGED, "the role %s was changed meanwhile: generation %llu was made by %s at %s",
                   rec->name, (unsigned long long)found->generation,
                   found->changed.who != NULL ? found->changed.who : "somebody",
                   cr_time_text(found->changed.when, when));
}

/* Is @found what the change to @rec was made from? A first record must not differ from another in case alone. */
static cr_status may_replace(struct store *store, const struct role_record *rec, const struct role_record *found,
                             uint64_t expected, struct cr_err *err)
{
    char other[ROLE_NAME_MAX + 1];

    if ((found != NULL ? found->generation : 0) != expected)
        return swap_refused(rec, found, expected, err);
    if (rec->generation <= expected)
        return cr_fail(err, CR_E_INTERNAL, "the role %s: generation %llu does not follow %llu", rec->name,
                       (unsigned long long)rec->generation, (unsigned long long)expected);
    if (found == NULL && store_case_clash(store, rec->name, other))
        return cr_fail(err, CR_E_REFUSED, "the role %s differs from the role %s only in case: use that name", rec->name,
                       other);
    return cr_ok();
}

static cr_status save_record(struct store *store, const struct role_record *rec, uint64_t expected, struct cr_err *err)
{
    char name[STORE_NAME_ROOM];
    struct role_record *found = NULL;
    struct cr_buf json = {0};
    bool mine = false;
    cr_status st;

    if (cr_failed(st = store_json_name(rec->name, name, err)) || cr_failed(st = role_record_write(rec, &json, err)) ||
        cr_failed(st = store_lock_unless_held(store, &mine, err)))
        goto out;
    st = load_record(store, rec->name, &found, NULL, err);
    if (cr_failed(st) && st.code != CR_E_NOT_FOUND)
        goto out;
    if (!cr_failed(st = may_replace(store, rec, found, expected, err)))
        st = cr_file_replace(roles_fd(store), name, 0644, (gid_t)-1, cr_buf_bytes(&json), err);
out:
    if (mine)
        store_unlock(store);
    role_record_unref(&found);
    cr_buf_clear(&json);
    return st;
}

const struct store_ops store_file_ops = {load_record, save_record, record_changed, record_hold};

cr_status store_load(struct store *store, const char *role, struct role_record **out, struct cr_stamp *stamp,
                     struct cr_err *err)
{
    return store->ops->load(store, role, out, stamp, err);
}

cr_status store_save(struct store *store, const struct role_record *rec, uint64_t expected, struct cr_err *err)
{
    return store->ops->save(store, rec, expected, err);
}

bool store_changed(struct store *store, const char *role, const struct cr_stamp *stamp)
{
    return store->ops->changed(store, role, stamp);
}

struct cr_held *store_hold(struct store *store, const char *role, const struct cr_stamp *stamp)
{
    return store->ops->hold != NULL ? store->ops->hold(store, role, stamp) : NULL;
}

bool store_case_clash(struct store *store, const char *role, char other[ROLE_NAME_MAX + 1])
{
    char **names = NULL;
    size_t n = 0, i;
    bool clash = false;

    if (cr_failed(store_roles(store, &names, &n, NULL)))
        return false;
    for (i = 0; i < n && !clash; i++) {
        clash = strcasecmp(names[i], role) == 0 && strcmp(names[i], role) != 0;
        if (clash)
            memcpy(other, names[i], strlen(names[i]) + 1);
    }
    store_names_free(&names, n);
    return clash;
}
