/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_resolve.h"

#include <string.h>

int64_t role_time_add(int64_t t, int64_t seconds)
{
    int64_t sum;

    if (__builtin_add_overflow(t, seconds, &sum))
        return seconds > 0 ? CR_TIME_NEVER : INT64_MIN;
    return sum;
}

int64_t role_previous_until(const struct role_record *rec, int64_t flip)
{
    int64_t keep = rec->retain_previous;

    if (rec->token_lifetime >= 0 && role_time_add(rec->token_lifetime, ROLE_SKEW) > keep)
        keep = role_time_add(rec->token_lifetime, ROLE_SKEW);
    flip = role_time_add(flip, keep);
    return flip > ROLE_TIME_MAX ? CR_TIME_NEVER : flip;
}

/* The entry, unless its key is revoked. */
static struct role_cert *usable(const struct role_record *rec, struct role_cert *cert)
{
    return cert != NULL && !role_record_revoked(rec, cert->spki) ? cert : NULL;
}

/* Has the roll to @next happened, by the clock or by what this process saw before? */
static bool rolled(const struct role_record *rec, const struct role_cert *next, int64_t now, struct role_seen *seen)
{
    bool known = seen != NULL && next != NULL && strcmp(seen->thumbprint, next->thumbprint) == 0 &&
                 seen->effective == rec->next_effective && seen->since == rec->next_since;
    bool due = next != NULL && now >= rec->next_effective;

    if (seen != NULL && !known)
        memset(seen, 0, sizeof *seen);
    if (seen != NULL && due && !known) {
        memcpy(seen->thumbprint, next->thumbprint, sizeof seen->thumbprint);
        seen->effective = rec->next_effective;
        seen->since = rec->next_since;
    }
    return due || known;
}

/* After the flip: next is current and what was current is previous. An empty or revoked current leaves a good previous
 * where it is. */
static void view_after(const struct role_record *rec, struct role_cert *next, struct role_view *v)
{
    struct role_cert *old = usable(rec, rec->current);

    v->current = next;
    v->current_since = rec->next_effective;
    v->previous = old != NULL ? old : usable(rec, rec->previous);
    v->previous_until = old != NULL ? role_previous_until(rec, rec->next_effective) : rec->previous_until;
    v->rolled = true;
    if (role_cert_same(v->previous, v->current))
        v->previous = NULL;
}

static void view_before(const struct role_record *rec, struct role_cert *next, struct role_view *v)
{
    v->current = usable(rec, rec->current);
    v->current_since = v->current != NULL ? rec->current_since : 0;
    v->current_revoked = v->current == NULL && (rec->current != NULL || rec->current_revoked[0] != '\0');
    v->previous = usable(rec, rec->previous);
    v->previous_until = rec->previous_until;
    v->next = next;
    if (next != NULL) {
        v->next_since = rec->next_since;
        v->next_effective = rec->next_effective;
    }
}

void role_resolve(const struct role_record *rec, int64_t now, struct role_seen *seen, struct role_view *out)
{
    struct role_cert *next = usable(rec, rec->next);
    struct role_view v = {.good_until = CR_TIME_NEVER};

    if (rolled(rec, next, now, seen))
        view_after(rec, next, &v);
    else
        view_before(rec, next, &v);
    if (v.previous != NULL && now >= v.previous_until)
        v.previous = NULL;
    if (v.previous == NULL)
        v.previous_until = 0;
    if (v.next != NULL)
        v.good_until = v.next_effective;
    if (v.previous != NULL && v.previous_until < v.good_until)
        v.good_until = v.previous_until;
    *out = v;
}

struct role_cert *role_view_slot(const struct role_view *view, enum role_slot slot)
{
    switch (slot) {
    case ROLE_CURRENT:
        return view->current;
    case ROLE_PREVIOUS:
        return view->previous;
    case ROLE_NEXT:
        return view->next;
    }
    return NULL;
}

struct role_cert *role_view_find(const struct role_view *view, const char *thumbprint)
{
    struct role_cert *const slots[] = {view->current, view->previous, view->next};

    for (size_t i = 0; i < CR_COUNT(slots); i++)
        if (slots[i] != NULL && strcmp(slots[i]->thumbprint, thumbprint) == 0)
            return slots[i];
    return NULL;
}

cr_status role_view_why_empty(const struct role_record *rec, const struct role_view *view, struct cr_err *err)
{
    const char *what =
        view->current_revoked ? "the key of its current certificate is revoked" : "no current certificate";
    enum cr_code code = view->current_revoked ? CR_E_REVOKED : CR_E_EMPTY;
    char at[CR_TIME_TEXT];

    if (view->next == NULL)
        return cr_fail(err, code, "role %s: %s and no next is scheduled", rec->name, what);
    return cr_fail(err, code, "role %s: %s; next (%.8s) takes over at %s", rec->name, what, view->next->thumbprint,
                   cr_time_text(view->next_effective, at));
}
