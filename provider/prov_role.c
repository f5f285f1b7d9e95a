/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_role.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cr_log.h"
#include "prov_lock.h"

struct prov_role { /* all but the name under prov_lock */
    struct prov_role *next;
    char name[ROLE_NAME_MAX + 1];
    struct prov_snap *snap;
    struct role_seen seen;
    bool reloading; /* by a thread of the process with this fork epoch */
    unsigned reload_epoch;
    bool reported; /* that the record cannot be read */
    char next_known[65];
};

const char *prov_role_name(const struct prov_role *role)
{
    return role->name;
}

struct prov_snap *prov_snap_ref(struct prov_snap *snap)
{
    if (snap != NULL)
        __atomic_add_fetch(&snap->refs, 1, __ATOMIC_RELAXED);
    return snap;
}

void prov_snap_unref(struct prov_snap **psnap)
{
    struct prov_snap *snap = *psnap;

    *psnap = NULL;
    if (snap == NULL || __atomic_sub_fetch(&snap->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    role_record_unref(&snap->rec);
    cr_held_unref(&snap->held);
    free(snap);
}

/* Takes the caller's reference to @rec, also on failure. */
static cr_status snap_new(struct role_record *rec, const struct cr_stamp *stamp, struct prov_snap **out,
                          struct cr_err *err)
{
    struct prov_snap *snap = calloc(1, sizeof *snap);

    if (snap == NULL) {
        role_record_unref(&rec);
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    snap->refs = 1;
    snap->rec = rec;
    snap->stamp = *stamp;
    *out = snap;
    return cr_ok();
}

static cr_status read_role(struct prov_ctx *ctx, const char *name, struct prov_snap **out, struct cr_err *err)
{
    struct role_record *rec = NULL;
    struct cr_stamp stamp;
    int saved = errno;
    cr_status st = store_load(ctx->store, name, &rec, &stamp, err);

    errno = saved;
    if (!cr_failed(st) && !cr_failed(st = snap_new(rec, &stamp, out, err)))
        (*out)->held = store_hold(ctx->store, name, &stamp);
    return st;
}

/* Under the lock: @snap (whose reference goes to the role) is what the role is from now on. */
static void publish(struct prov_role *role, struct prov_snap *snap, int64_t now, struct prov_snap **old)
{
    snap->from = now;
    role_resolve(snap->rec, now, &role->seen, &snap->view);
    *old = role->snap;
    role->snap = snap;
}

static struct prov_role *find_locked(const struct prov_ctx *ctx, const char *name)
{
    struct prov_role *role = ctx->roles;

    while (role != NULL && strcmp(role->name, name) != 0)
        role = role->next;
    return role;
}

cr_status prov_role_open(struct prov_ctx *ctx, const char *name, struct prov_role **out, struct cr_err *err)
{
    struct prov_snap *snap = NULL, *old = NULL;
    struct prov_role *role, *fresh;
    cr_status st;

    prov_lock();
    role = find_locked(ctx, name);
    prov_unlock();
    if (role != NULL) {
        *out = role;
        return cr_ok();
    }
    if (cr_failed(st = read_role(ctx, name, &snap, err)))
        return st;
    fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        prov_snap_unref(&snap);
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    (void)snprintf(fresh->name, sizeof fresh->name, "%s", name);
    prov_lock();
    role = find_locked(ctx, name);
    if (role == NULL) {
        role = fresh;
        fresh = NULL;
        publish(role, snap, prov_now(), &old);
        snap = NULL;
        role->next = ctx->roles;
        ctx->roles = role;
    }
    prov_unlock();
    free(fresh);
    prov_snap_unref(&snap);
    *out = role;
    return cr_ok();
}

void prov_roles_free(struct prov_role **roles)
{
    struct prov_role *role;

    while ((role = *roles) != NULL) {
        *roles = role->next;
        prov_snap_unref(&role->snap);
        free(role);
    }
}

/* Under the lock; the same record with its answer for @now. */
static cr_status resolve_again(struct prov_role *role, struct prov_snap *from, int64_t now, struct prov_snap **old,
                               struct cr_err *err)
{
    struct prov_snap *snap = NULL;
    cr_status st = snap_new(role_record_ref(from->rec), &from->stamp, &snap, err);

    if (cr_failed(st))
        return st;
    snap->held = cr_held_ref(from->held);
    publish(role, snap, now, old);
    return st;
}

static void report_once(struct prov_role *role, const struct cr_err *why)
{
    bool first;

    prov_lock();
    first = !role->reported;
    role->reported = true;
    prov_unlock();
    if (first)
        cr_log(CR_LOG_ERROR, "role %s: the last good record goes on answering: %s", role->name, why->text);
}

/* The one reloader's work. What it read, or the last good record, is published. */
static cr_status reload(struct prov_ctx *ctx, struct prov_role *role, struct prov_snap *last, struct cr_err *err)
{
    struct prov_snap *snap = NULL, *old = NULL;
    struct cr_err why = {0};
    cr_status st = read_role(ctx, role->name, &snap, &why);
    int64_t now = prov_now();
    bool mended = false;

    if (cr_failed(st))
        report_once(role, &why);
    prov_lock();
    if (!cr_failed(st)) {
        publish(role, snap, now, &old);
        mended = role->reported;
        role->reported = false;
    } else {
        st = resolve_again(role, last, now, &old, err);
    }
    role->reloading = false;
    prov_wake();
    prov_unlock();
    prov_snap_unref(&old);
    if (mended)
        cr_log(CR_LOG_INFO, "role %s: its record can be read again", role->name);
    return st;
}

/* @snap no longer answers. Brings the role up to date, or waits for the thread that does; *done says that what now
 * stands there may be used without asking the store again. */
static cr_status refresh(struct prov_ctx *ctx, struct prov_role *role, struct prov_snap *snap, bool changed, bool *done,
                         struct cr_err *err)
{
    struct prov_snap *old = NULL;
    cr_status st = cr_ok();

    *done = false;
    prov_lock();
    if (role->snap != snap) { /* another thread was faster */
        prov_unlock();
        return st;
    }
    if (!changed) {
        st = resolve_again(role, snap, prov_now(), &old, err);
        *done = true;
    } else if (role->reloading && role->reload_epoch == prov_fork_epoch()) {
        prov_wait();
    } else {
        role->reloading = true;
        role->reload_epoch = prov_fork_epoch();
        prov_unlock();
        *done = true;
        return reload(ctx, role, snap, err);
    }
    prov_unlock();
    prov_snap_unref(&old);
    return st;
}

static struct prov_snap *standing(struct prov_role *role)
{
    struct prov_snap *snap;

    prov_lock();
    snap = prov_snap_ref(role->snap);
    prov_unlock();
    return snap;
}

/* By name once a second all the same, for what no open file shows (something mounted over it). */
static bool changed_since(struct prov_ctx *ctx, const struct prov_role *role, struct prov_snap *snap, int64_t now)
{
    if (snap->held != NULL && __atomic_load_n(&snap->looked, __ATOMIC_RELAXED) == now && cr_held_same(snap->held))
        return false;
    __atomic_store_n(&snap->looked, now, __ATOMIC_RELAXED);
    return store_changed(ctx->store, role->name, &snap->stamp);
}

cr_status prov_role_take(struct prov_ctx *ctx, struct prov_role *role, struct prov_snap **out, struct cr_err *err)
{
    for (bool done = false;;) {
        struct prov_snap *snap = standing(role);
        int64_t now = prov_now_before(snap->view.good_until);
        bool changed = !done && changed_since(ctx, role, snap, now);
        cr_status st;

        if (done || (!changed && now >= snap->from && now < snap->view.good_until)) {
            *out = snap;
            return cr_ok();
        }
        st = refresh(ctx, role, snap, changed, &done, err);
        prov_snap_unref(&snap);
        if (cr_failed(st))
            return st;
    }
}

bool prov_role_first_sight(struct prov_role *role, const struct prov_snap *snap)
{
    const struct role_cert *next = snap->view.next;
    bool first;

    if (next == NULL)
        return false;
    prov_lock();
    first = strcmp(role->next_known, next->thumbprint) != 0;
    if (first)
        memcpy(role->next_known, next->thumbprint, sizeof role->next_known);
    prov_unlock();
    return first;
}
