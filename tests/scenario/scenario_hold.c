/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include <string.h>

#include "roles/role_codec.h"

struct role_view view_at(int64_t now, struct role_seen *seen)
{
    struct role_view v = {0};

    if (s.rec == NULL)
        die("there is no role yet");
    role_resolve(s.rec, now, seen, &v);
    return v;
}

static bool same_answer(const struct role_view *a, const struct role_view *b)
{
    return strcmp(name_of(a->current), name_of(b->current)) == 0 &&
           strcmp(name_of(a->previous), name_of(b->previous)) == 0 && strcmp(name_of(a->next), name_of(b->next)) == 0 &&
           a->current_since == b->current_since && a->previous_until == b->previous_until &&
           a->next_since == b->next_since && a->next_effective == b->next_effective && a->good_until == b->good_until &&
           a->current_revoked == b->current_revoked;
}

static void check_view(const struct role_view *v, int64_t now)
{
    struct role_view last;

    if (role_cert_same(v->current, v->previous) || role_cert_same(v->current, v->next))
        die("one certificate stands in two slots");
    if (v->good_until <= now)
        die("the answer is stale when it is given");
    last = view_at(v->good_until - 1, NULL);
    if (!same_answer(v, &last))
        die("the answer does not hold until good_until");
}

void check_settling(void)
{
    struct role_intent intent = {.verb = ROLE_SETTLE, .who = "scenario"};
    struct role_record *before = s.rec, *after = NULL;
    struct role_outcome outcome;
    struct cr_err err;

    must(role_change(s.role, before, &intent, s.now, &after, &outcome, &err), &err);
    for (int64_t t = s.now;;) {
        struct role_view a, b;

        s.rec = before;
        a = view_at(t, NULL);
        check_view(&a, t);
        s.rec = after;
        b = view_at(t, NULL);
        if (!same_answer(&a, &b))
            die("settling changes an answer");
        if (a.good_until == CR_TIME_NEVER)
            break;
        t = a.good_until;
    }
    s.rec = before;
    role_record_unref(&after);
}

void check_codec(void)
{
    struct cr_buf one = {0}, two = {0};
    struct role_record *copy = NULL;
    struct cr_err err;

    must(role_record_write(s.rec, &one, &err), &err);
    must(role_record_read(cr_buf_bytes(&one), s.role, &copy, &err), &err);
    must(role_record_write(copy, &two, &err), &err);
    if (!cr_bytes_equal(cr_buf_bytes(&one), cr_buf_bytes(&two)))
        die("what was written does not read back");
    role_record_unref(&copy);
    cr_buf_clear(&one);
    cr_buf_clear(&two);
}
