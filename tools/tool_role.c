/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_role.h"

#include <stdlib.h>
#include <string.h>

static bool holds(const struct role_record *rec, const char *spki)
{
    for (int slot = ROLE_CURRENT; slot <= ROLE_NEXT; slot++) {
        const struct role_cert *cert = role_record_slot(rec, (enum role_slot)slot);
        if (cert && !strcmp(cert->spki, spki))
            return true;
    }
    return false;
}

/* Marks the keys of revoked.json in a copy of the record, so that role_resolve leaves them out as it always does. */
static cr_status mark_revoked(struct store *store, struct tool_role *role, struct cr_err *err)
{
    struct store_revocation *list = NULL;
    struct role_record *copy;
    size_t n = 0;
    cr_status st = store_revocations(store, &list, &n, err);

    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        if (!holds(role->rec, list[i].spki) || role_record_revoked(role->rec, list[i].spki))
            continue;
        if (cr_failed(st = role_record_dup(role->rec, &copy, err)))
            break;
        role_record_unref(&role->rec);
        role->rec = copy;
        role->pending = true;
        st = role_record_add_revoked(copy, list[i].spki, err);
    }
    store_revocations_free(&list, n);
    return st;
}

static cr_status not_found(struct store *store, const char *name, struct cr_err *err)
{
    char other[ROLE_NAME_MAX + 1];

    if (store_case_clash(store, name, other))
        return cr_fail(err, CR_E_NOT_FOUND, "there is no role %s; did you mean %s?", name, other);
    return cr_fail(err, CR_E_NOT_FOUND, "there is no role %s: 'certroll show' lists the roles", name);
}

cr_status tool_role_read(struct tool *tool, const char *name, struct tool_role *out, struct cr_err *err)
{
    struct tool_role role = {0};
    struct cr_stamp stamp;
    struct cr_err why;
    struct store *store;
    cr_status st;

    if (cr_failed(role_name_check(name, &why)))
        return cr_fail(err, CR_E_USAGE, "%s", why.text);
    if (cr_failed(st = tool_store(tool, &store, err)))
        return st;
    st = store_load(store, name, &role.rec, &stamp, err);
    if (st.code == CR_E_NOT_FOUND)
        return not_found(store, name, err);
    if (cr_failed(st) || cr_failed(st = mark_revoked(store, &role, err))) {
        role_record_unref(&role.rec);
        return st;
    }
    role_resolve(role.rec, tool->now, NULL, &role.view);
    *out = role;
    return cr_ok();
}

void tool_role_clear(struct tool_role *role)
{
    role_record_unref(&role->rec);
    *role = (struct tool_role){0};
}

static bool named_before(char *const *names, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(names[k], names[i]))
            return true;
    return false;
}

cr_status tool_roles_read(struct tool *tool, char *const *names, size_t n, struct tool_role **roles, size_t *nroles,
                          struct cr_err *err)
{
    struct tool_role *list = calloc(n ? n : 1, sizeof(*list));
    cr_status st = cr_ok();
    size_t got = 0;

    if (!list)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n && !cr_failed(st); i++)
        if (!named_before(names, i) && !cr_failed(st = tool_role_read(tool, names[i], &list[got], err)))
            got++;
    if (cr_failed(st)) {
        tool_roles_free(&list, got);
        return st;
    }
    *roles = list;
    *nroles = got;
    return st;
}

cr_status tool_roles_all(struct tool *tool, struct tool_role **roles, size_t *nroles, size_t *nbad, struct cr_err *err)
{
    struct tool_role *list = NULL;
    struct store *store;
    struct cr_err why;
    char **names = NULL;
    size_t n = 0, got = 0;
    cr_status st;

    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = store_roles(store, &names, &n, err)))
        return st;
    if ((list = calloc(n ? n : 1, sizeof(*list)))) {
        for (size_t i = 0; i < n; i++) {
            if (cr_failed(tool_role_read(tool, names[i], &list[got], &why)))
                tool_warn("%s", why.text);
            else
                got++;
        }
        *roles = list;
        *nroles = got;
        *nbad = n - got;
    } else {
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    store_names_free(&names, n);
    return st;
}

void tool_roles_free(struct tool_role **roles, size_t n)
{
    for (size_t i = 0; *roles && i < n; i++)
        tool_role_clear(&(*roles)[i]);
    free(*roles);
    *roles = NULL;
}

cr_status tool_role_slot(const struct tool_role *role, enum role_slot slot, struct role_cert **out, struct cr_err *err)
{
    struct role_cert *cert = role_view_slot(&role->view, slot);

    if (!cert && slot == ROLE_CURRENT)
        return role_view_why_empty(role->rec, &role->view, err);
    if (!cert)
        return cr_fail(err, CR_E_EMPTY, "role %s has no %s certificate: 'certroll show %s' shows what it has",
                       role->rec->name, role_slot_text(slot), role->rec->name);
    *out = cert;
    return cr_ok();
}
