/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_history.h"

#include <string.h>

#include "roles/role_json.h"

#define LINE_MAX_BYTES (256 * 1024)
#define HASH_HEAD      ",\"hash\":\""
#define HASH_TAIL      "\"}"
#define HASH_DIGITS    64

/* Generation and thumbprints: enough to tell what a role answered. */
static json_t *slots_json(const struct role_record *rec)
{
    static const enum role_slot slots[] = {ROLE_CURRENT, ROLE_PREVIOUS, ROLE_NEXT};
    struct role_json_out o = {0};
    json_t *json = NULL;

    if (rec == NULL)
        return json_null();
    o.obj = json_object();
    role_json_put(&o, "generation", json_integer((json_int_t)rec->generation));
    for (size_t i = 0; i < CR_COUNT(slots); i++) {
        const struct role_cert *cert = role_record_slot(rec, slots[i]);

        role_json_put_text(&o, role_slot_text(slots[i]), cert != NULL ? cert->thumbprint : NULL);
    }
    if (rec->previous != NULL)
        role_json_put_time(&o, "previous_until", rec->previous_until);
    if (rec->next != NULL)
        role_json_put_time(&o, "next_effective", rec->next_effective);
    return cr_failed(role_json_done(&o, &json, NULL)) ? NULL : json;
}

/* The line up to where the hash goes in front of the last brace. */
static cr_status line_text(const struct role_history_entry *e, const char *prev, struct cr_buf *out, struct cr_err *err)
{
    struct role_json_out o = {.obj = json_object()};
    json_t *json = NULL;
    cr_status st;

    role_json_put_time(&o, "when", e->when);
    role_json_put_foreign(&o, "login", e->login);
    role_json_put_foreign(&o, "sudo_user", e->sudo_user);
    role_json_put(&o, "uid", json_integer(e->uid));
    role_json_put_foreign(&o, "host", e->host);
    role_json_put_foreign(&o, "verb", e->verb);
    role_json_put_foreign(&o, "role", e->role);
    role_json_put_foreign(&o, "reason", e->reason);
    role_json_put_foreign(&o, "overridden", e->overridden);
    role_json_put_foreign(&o, "note", e->note);
    role_json_put(&o, "before", slots_json(e->before));
    role_json_put(&o, "after", slots_json(e->after));
    role_json_put_text(&o, "prev", prev != NULL ? prev : "");
    if (cr_failed(st = role_json_done(&o, &json, err)))
        return st;
    st = role_json_dump(json, JSON_COMPACT, out, err);
    json_decref(json);
    return st;
}

cr_status role_history_write(const struct role_history_entry *e, const char *prev, role_hash_fn *fn, struct cr_buf *out,
                             char hash[65], struct cr_err *err)
{
    struct cr_buf line = {0};
    char own[HASH_DIGITS + 1];
    cr_status st;

    if (cr_failed(st = line_text(e, prev, &line, err)))
        goto out;
    if (line.n > LINE_MAX_BYTES - 128) {
        st = cr_fail(err, CR_E_INVALID, "history: an entry over %d bytes", LINE_MAX_BYTES);
        goto out;
    }
    if (cr_failed(st = fn(cr_buf_bytes(&line), own, err)))
        goto out;
    line.n--; /* the brace */
    if (cr_failed(st = cr_buf_printf(&line, err, HASH_HEAD "%s" HASH_TAIL "\n", own)))
        goto out;
    if (cr_failed(st = cr_buf_append(out, line.p, line.n, err)))
        goto out;
    memcpy(hash, own, sizeof own);
out:
    cr_buf_clear(&line);
    return st;
}

/* Splits a line into what was hashed (without its last brace) and the hash. The bytes are compared, not their meaning:
 * a line that somebody reformatted is broken too. */
static bool line_split(struct cr_bytes line, struct cr_bytes *body, char own[HASH_DIGITS + 1])
{
    const size_t head = strlen(HASH_HEAD), tail = strlen(HASH_TAIL), all = head + HASH_DIGITS + tail;
    const unsigned char *p;

    if (line.n < all + 2)
        return false;
    p = line.p + line.n - all;
    if (memcmp(p, HASH_HEAD, head) != 0 || memcmp(p + head + HASH_DIGITS, HASH_TAIL, tail) != 0)
        return false;
    memcpy(own, p + head, HASH_DIGITS);
    own[HASH_DIGITS] = '\0';
    *body = cr_bytes(line.p, line.n - all);
    return role_hex_valid(own, HASH_DIGITS);
}

/* The line is JSON that we would have written, and stands behind the line whose hash is @prev. */
static cr_status line_check(struct cr_bytes line, const char *prev, struct cr_err *err)
{
    json_t *json = NULL;
    const char *before = NULL;
    cr_status st;

    if (cr_failed(st = role_json_load(line, LINE_MAX_BYTES, &json, err)))
        goto out;
    if (cr_failed(st = role_json_text(json, "prev", &before, err)))
        goto out;
    if (before[0] != '\0' && !role_hex_valid(before, HASH_DIGITS))
        st = cr_fail(err, CR_E_INVALID, "\"prev\" is not a hash");
    else if (prev != NULL && strcmp(prev, before) != 0)
        st = cr_fail(err, CR_E_INVALID, "it does not follow the line before it");
out:
    json_decref(json);
    return st;
}

static cr_status hash_check(struct cr_bytes body, const char *own, role_hash_fn *fn, struct cr_err *err)
{
    struct cr_buf hashed = {0};
    char real[HASH_DIGITS + 1];
    cr_status st;

    if (cr_failed(st = cr_buf_append(&hashed, body.p, body.n, err)))
        goto out;
    if (cr_failed(st = cr_buf_append_str(&hashed, "}", err)))
        goto out;
    if (cr_failed(st = fn(cr_buf_bytes(&hashed), real, err)))
        goto out;
    if (strcmp(real, own) != 0)
        st = cr_fail(err, CR_E_INVALID, "its content was changed: its hash is %s", real);
out:
    cr_buf_clear(&hashed);
    return st;
}

cr_status role_history_check(struct cr_bytes line, const char *prev, role_hash_fn *fn, char hash[65],
                             struct cr_err *err)
{
    struct cr_bytes body = {0};
    char own[HASH_DIGITS + 1];
    cr_status st;

    if (line.n > 0 && line.p[line.n - 1] == '\n')
        line.n--;
    if (memchr(line.n > 0 ? line.p : (const unsigned char *)"", '\n', line.n) != NULL || !line_split(line, &body, own))
        return cr_fail(err, CR_E_INVALID, "history: a line does not end with its hash");
    if (cr_failed(st = line_check(line, prev, err)))
        goto out;
    if (cr_failed(st = hash_check(body, own, fn, err)))
        goto out;
    memcpy(hash, own, sizeof own);
out:
    return cr_failed(st) ? cr_prefix(err, st, "history") : st;
}
