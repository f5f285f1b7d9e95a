/* SPDX-License-Identifier: Apache-2.0 */
#include "wizard_state.h"

#include <stdlib.h>
#include <string.h>

#include "tool_cert.h"

static int by_expiry(const void *a, const void *b)
{
    const struct role_cert *const *x = a, *const *y = b;

    if ((*x)->not_after != (*y)->not_after)
        return (*x)->not_after > (*y)->not_after ? -1 : 1;
    return strcmp((*x)->thumbprint, (*y)->thumbprint);
}

static void lists_clear(struct wizard_state *s)
{
    tool_roles_free(&s->roles, s->nroles);
    tool_certs_free(&s->certs, s->ncerts);
    free(s->names);
    s->names = NULL;
    s->nroles = s->ncerts = 0;
}

cr_status wizard_state_read(struct wizard_state *s, struct cr_err *err)
{
    size_t bad = 0;
    cr_status st;

    lists_clear(s);
    if (cr_failed(st = tool_roles_all(s->tool, &s->roles, &s->nroles, &bad, err)) ||
        cr_failed(st = tool_certs_known(s->tool, &s->certs, &s->ncerts, err)))
        return st;
    if (!(s->names = calloc(s->nroles + 1, sizeof(*s->names))))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < s->nroles; i++)
        s->names[i] = s->roles[i].rec->name;
    if (s->ncerts)
        qsort(s->certs, s->ncerts, sizeof(struct role_cert *), by_expiry);
    return st;
}

void wizard_state_clear(struct wizard_state *s)
{
    lists_clear(s);
    wizard_clear(&s->w);
    role_request_clear(&s->request);
    cr_buf_clear(&s->preview);
    cr_buf_clear(&s->result);
    cr_buf_clear(&s->said);
}

const struct tool_role *wizard_state_role(const struct wizard_state *s)
{
    for (size_t i = 0; s->w.role_kind == WIZARD_ROLE_OLD && i < s->nroles; i++)
        if (!strcmp(s->names[i], s->w.role))
            return &s->roles[i];
    return NULL;
}
