/* SPDX-License-Identifier: Apache-2.0 */
/* Roles as this process knows them. A snapshot is an immutable record with its answer for a span of time, shared by
 * reference; taking one costs an fstat of the open file, and the first time in each second an fstatat. A changed record is
 * read outside the lock by one thread, while others wait for it; a record that cannot be read leaves the last good one in
 * place, reported once. An entry lives as long as its provider instance. */
#ifndef PROV_ROLE_H
#define PROV_ROLE_H

#include "prov_ctx.h"
#include "roles/role_resolve.h"

struct prov_snap {
    unsigned refs; /* atomic */
    struct role_record *rec;
    struct role_view view; /* holds from @from until view.good_until */
    int64_t from;
    struct cr_stamp stamp; /* of the file @rec came from */
    struct cr_held *held;  /* it, or NULL */
    int64_t looked;        /* atomic: the second in which it was looked at by name */
};

/* Finds or reads the role for the first time. Borrowed from @ctx. */
cr_status prov_role_open(struct prov_ctx *ctx, const char *name, struct prov_role **out, struct cr_err *err);
/* What the role is at this moment. The caller owns *out (prov_snap_unref). */
cr_status prov_role_take(struct prov_ctx *ctx, struct prov_role *role, struct prov_snap **out, struct cr_err *err);
const char *prov_role_name(const struct prov_role *role);
/* True once for each new next: the caller then looks for its key. */
bool prov_role_first_sight(struct prov_role *role, const struct prov_snap *snap);

struct prov_snap *prov_snap_ref(struct prov_snap *snap);
void prov_snap_unref(struct prov_snap **snap);
void prov_roles_free(struct prov_role **roles);

#endif
