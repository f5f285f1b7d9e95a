/* SPDX-License-Identifier: Apache-2.0 */
/* Records: what is read can be written, reads back to the same bytes, and every answer from it keeps its promises. */
#include <stdint.h>
#include <stdlib.h>

#include "roles/role_codec.h"
#include "roles/role_resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static bool same_answer(const struct role_view *a, const struct role_view *b)
{
    return a->current == b->current && a->previous == b->previous && a->next == b->next &&
           a->good_until == b->good_until;
}

/* Walks from answer to answer until one holds for ever. */
static void resolve_all(const struct role_record *rec)
{
    struct role_seen seen = {0};
    struct role_view v, last, behind;
    int64_t now = 0;

    for (int i = 0; i < 4 && now != CR_TIME_NEVER; i++, now = v.good_until) {
        role_resolve(rec, now, NULL, &v);
        role_resolve(rec, now, &seen, &last);
        check(same_answer(&v, &last));
        check(v.good_until > now);
        check(!role_cert_same(v.current, v.previous) && !role_cert_same(v.current, v.next));
        role_resolve(rec, v.good_until - 1, NULL, &last);
        check(same_answer(&v, &last));
        role_resolve(rec, 0, &seen, &behind); /* the clock steps back: a roll that was seen stays */
        check(v.rolled == behind.rolled && v.current == behind.current);
    }
    check(now == CR_TIME_NEVER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct role_record *rec = NULL, *again = NULL;
    struct cr_buf one = {0}, two = {0};
    struct role_view view;
    json_t *json = NULL;
    struct cr_err err = {0};

    if (cr_failed(role_record_read(cr_bytes(data, size), NULL, &rec, &err))) {
        check(rec == NULL && err.text[0] != '\0');
        return 0;
    }
    check(!cr_failed(role_record_write(rec, &one, &err)));
    check(!cr_failed(role_record_read(cr_buf_bytes(&one), rec->name, &again, &err)));
    check(!cr_failed(role_record_write(again, &two, &err)));
    check(cr_bytes_equal(cr_buf_bytes(&one), cr_buf_bytes(&two)));
    resolve_all(rec);
    role_resolve(rec, 0, NULL, &view);
    check(!cr_failed(role_view_json(rec, &view, &json, &err)));
    json_decref(json);
    role_record_unref(&rec);
    role_record_unref(&again);
    cr_buf_clear(&one);
    cr_buf_clear(&two);
    return 0;
}
