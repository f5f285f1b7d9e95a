/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_codec.h"

#include <stdlib.h>
#include <string.h>

#include "roles/role_cert_json.h"
#include "roles/role_json.h"
#include "roles/role_resolve.h"

#define RSA_BITS_MAX 65536
#define WHO_MAX      1024

static const char *const known[] = {
    "format",         "role",           "use",        "scope",          "binding",         "kid_format",
    "max_rsa_bits",   "generation",     "current",    "current_since",  "current_revoked", "previous",
    "previous_until", "next",           "next_since", "next_effective", "retain_previous", "retain_own",
    "minimum_lead",   "token_lifetime", "revoked",    "changed_by",     "changed_at",      NULL};

/* ---- reading ---- */

static cr_status no_word(const char *name, struct cr_err *err)
{
    return cr_fail(err, CR_E_INVALID, "\"%s\" is no word we know", name);
}

static cr_status read_words(const json_t *obj, struct role_record *rec, struct cr_err *err)
{
    const char *use = NULL, *scope = NULL, *binding = NULL, *kid_format = NULL;
    cr_status st;

    if (cr_failed(st = role_json_text(obj, "use", &use, err)))
        return st;
    if (cr_failed(st = role_json_text(obj, "scope", &scope, err)))
        return st;
    if (cr_failed(st = role_json_text(obj, "binding", &binding, err)))
        return st;
    if (cr_failed(st = role_json_text(obj, "kid_format", &kid_format, err)))
        return st;
    if (cr_failed(role_use_parse(use, &rec->use, NULL)))
        return no_word("use", err);
    if (cr_failed(role_scope_parse(scope, &rec->scope, NULL)))
        return no_word("scope", err);
    if (cr_failed(role_binding_parse(binding, &rec->binding, NULL)))
        return no_word("binding", err);
    if (cr_failed(role_kid_format_parse(kid_format, &rec->kid_format, NULL)))
        return no_word("kid_format", err);
    return cr_ok();
}

/* Seconds, or -1 for null: configuration's default. */
static cr_status read_seconds(const json_t *obj, const char *name, int64_t *out, struct cr_err *err)
{
    if (!role_json_absent(obj, name))
        return role_json_int(obj, name, 0, ROLE_SECONDS_MAX, out, err);
    *out = -1;
    return cr_ok();
}

static cr_status read_policy(const json_t *obj, struct role_record *rec, struct cr_err *err)
{
    int64_t bits = 0, generation = 0;
    const json_t *own = json_object_get(obj, "retain_own");
    cr_status st;

    if (cr_failed(st = role_json_int(obj, "max_rsa_bits", 512, RSA_BITS_MAX, &bits, err)))
        return st;
    if (cr_failed(st = role_json_int(obj, "generation", 1, INT64_MAX, &generation, err)))
        return st;
    if (cr_failed(st = role_json_int(obj, "retain_previous", 0, ROLE_SECONDS_MAX, &rec->retain_previous, err)))
        return st;
    if (own != NULL && !json_is_boolean(own))
        return cr_fail(err, CR_E_INVALID, "\"retain_own\" is not true or false");
    rec->max_rsa_bits = (unsigned)bits;
    rec->generation = (uint64_t)generation;
    rec->retain_own = json_is_true(own);
    if (cr_failed(st = read_seconds(obj, "minimum_lead", &rec->minimum_lead, err)))
        return st;
    return read_seconds(obj, "token_lifetime", &rec->token_lifetime, err);
}

/* The entry under @name and its times; an empty slot has no times. */
static cr_status read_slot(json_t *obj, const char *name, struct role_cert **cert, const char *const times[2],
                           int64_t *const out[2], struct cr_err *err)
{
    bool empty = role_json_absent(obj, name);
    cr_status st;

    for (size_t i = 0; i < 2 && times[i] != NULL; i++) {
        if (empty && !role_json_absent(obj, times[i]))
            return cr_fail(err, CR_E_INVALID, "\"%s\" without \"%s\"", times[i], name);
        if (!empty && cr_failed(st = role_json_time(obj, times[i], out[i], err)))
            return st;
    }
    if (empty)
        return cr_ok();
    if (cr_failed(st = role_cert_from_json(json_object_get(obj, name), cert, err)))
        return cr_prefix(err, st, "\"%s\"", name);
    if ((*cert)->nlocations == 0)
        return cr_fail(err, CR_E_INVALID, "\"%s\" has no key location", name);
    return cr_ok();
}

static cr_status read_slots(json_t *obj, struct role_record *rec, struct cr_err *err)
{
    static const char *const current[2] = {"current_since"}, *const previous[2] = {"previous_until"};
    static const char *const next[2] = {"next_since", "next_effective"};
    int64_t *const current_out[2] = {&rec->current_since}, *const previous_out[2] = {&rec->previous_until};
    int64_t *const next_out[2] = {&rec->next_since, &rec->next_effective};
    cr_status st;

    if (cr_failed(st = read_slot(obj, "current", &rec->current, current, current_out, err)))
        return st;
    if (cr_failed(st = read_slot(obj, "previous", &rec->previous, previous, previous_out, err)))
        return st;
    if (cr_failed(st = read_slot(obj, "next", &rec->next, next, next_out, err)))
        return st;
    if (role_cert_same(rec->current, rec->previous))
        return cr_fail(err, CR_E_INVALID, "one certificate is current and previous");
    if (role_cert_same(rec->current, rec->next))
        return cr_fail(err, CR_E_INVALID, "one certificate is current and next");
    if (rec->next != NULL && rec->next_effective == CR_TIME_NEVER)
        return cr_fail(err, CR_E_INVALID, "next never takes over");
    return cr_ok();
}

static cr_status read_revoked(const json_t *obj, struct role_record *rec, struct cr_err *err)
{
    json_t *list = NULL, *item;
    cr_status st;
    size_t i;

    if (cr_failed(st = role_json_array(obj, "revoked", ROLE_JSON_MAX / 64, &list, err)))
        return st;
    if (json_array_size(list) > 0 && (rec->revoked = calloc(json_array_size(list), sizeof *rec->revoked)) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item) || !role_hex_valid(json_string_value(item), 64))
            return cr_fail(err, CR_E_INVALID, "\"revoked\" holds what is not 64 lower-case hex digits");
        if (cr_failed(st = cr_strdup(json_string_value(item), &rec->revoked[i], err)))
            return st;
        rec->nrevoked = i + 1;
    }
    if (role_json_absent(obj, "current_revoked"))
        return cr_ok();
    if (rec->current != NULL)
        return cr_fail(err, CR_E_INVALID, "\"current_revoked\" beside a current certificate");
    return role_json_hex(obj, "current_revoked", 64, rec->current_revoked, err);
}

static cr_status read_changed(const json_t *obj, struct role_record *rec, struct cr_err *err)
{
    const char *who = NULL;
    cr_status st;

    if (cr_failed(st = role_json_time(obj, "changed_at", &rec->changed.when, err)))
        return st;
    if (role_json_absent(obj, "changed_by"))
        return cr_ok();
    if (cr_failed(st = role_json_text(obj, "changed_by", &who, err)))
        return st;
    if (strlen(who) > WHO_MAX)
        return cr_fail(err, CR_E_INVALID, "\"changed_by\" is over %d bytes", WHO_MAX);
    return cr_strdup(who, &rec->changed.who, err);
}

static cr_status record_from_json(json_t *obj, const char *name, struct role_record **out, struct cr_err *err)
{
    struct role_record *rec = NULL;
    const char *own_name = NULL;
    cr_status st;

    if (cr_failed(st = role_json_format(obj, ROLE_FORMAT, err)))
        return st;
    if (cr_failed(st = role_json_text(obj, "role", &own_name, err)))
        return st;
    if (!role_name_valid(own_name, strlen(own_name)))
        return cr_fail(err, CR_E_INVALID, "\"role\" is not a role name");
    if (name != NULL && strcmp(name, own_name) != 0)
        return cr_fail(err, CR_E_INVALID, "it is the record of role %s", own_name);
    if (cr_failed(st = role_record_new(own_name, &rec, err)))
        return st;
    if (cr_failed(st = read_words(obj, rec, err)))
        goto out;
    if (cr_failed(st = read_policy(obj, rec, err)))
        goto out;
    if (cr_failed(st = read_slots(obj, rec, err)))
        goto out;
    if (cr_failed(st = read_revoked(obj, rec, err)))
        goto out;
    if (cr_failed(st = read_changed(obj, rec, err)))
        goto out;
    if (cr_failed(st = role_json_extra(obj, known, &rec->extra, err)))
        goto out;
    *out = rec;
    rec = NULL;
out:
    role_record_unref(&rec);
    return st;
}

cr_status role_record_read(struct cr_bytes json, const char *name, struct role_record **out, struct cr_err *err)
{
    json_t *obj = NULL;
    cr_status st;

    if (!cr_failed(st = role_json_load(json, ROLE_JSON_MAX, &obj, err)))
        st = record_from_json(obj, name, out, err);
    json_decref(obj);
    return cr_failed(st) ? cr_prefix(err, st, "record%s%s", name != NULL ? " of role " : "", name != NULL ? name : "")
                         : st;
}

cr_status role_cert_read(struct cr_bytes json, struct role_cert **out, struct cr_err *err)
{
    json_t *obj = NULL;
    cr_status st;

    if (!cr_failed(st = role_json_load(json, ROLE_JSON_MAX, &obj, err)))
        st = role_cert_from_json(obj, out, err);
    json_decref(obj);
    return st;
}

/* ---- writing ---- */

static cr_status put_slot(struct role_json_out *o, const char *name, const struct role_cert *cert, struct cr_err *err)
{
    json_t *obj = NULL;
    cr_status st = cr_ok();

    if (cert != NULL && cr_failed(st = role_cert_to_json(cert, &obj, err)))
        return st;
    role_json_put(o, name, obj != NULL ? obj : json_null());
    return cr_ok();
}

static cr_status put_slots(struct role_json_out *o, const struct role_record *rec, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = put_slot(o, "current", rec->current, err)))
        return st;
    if (rec->current != NULL)
        role_json_put_time(o, "current_since", rec->current_since);
    else if (rec->current_revoked[0] != '\0')
        role_json_put_text(o, "current_revoked", rec->current_revoked);
    if (cr_failed(st = put_slot(o, "previous", rec->previous, err)))
        return st;
    if (rec->previous != NULL)
        role_json_put_time(o, "previous_until", rec->previous_until);
    if (cr_failed(st = put_slot(o, "next", rec->next, err)))
        return st;
    if (rec->next != NULL) {
        role_json_put_time(o, "next_since", rec->next_since);
        role_json_put_time(o, "next_effective", rec->next_effective);
    }
    return cr_ok();
}

static json_t *seconds_json(int64_t seconds)
{
    return seconds < 0 ? json_null() : json_integer(seconds);
}

static json_t *revoked_json(const struct role_record *rec)
{
    json_t *list = json_array();

    for (size_t i = 0; i < rec->nrevoked; i++)
        if (json_array_append_new(list, json_string(rec->revoked[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static cr_status record_to_json(const struct role_record *rec, json_t **out, struct cr_err *err)
{
    struct role_json_out o = {.obj = json_object()};
    cr_status st;

    role_json_put(&o, "format", json_integer(ROLE_FORMAT));
    role_json_put_text(&o, "role", rec->name);
    role_json_put_text(&o, "use", role_use_text(rec->use));
    role_json_put_text(&o, "scope", role_scope_text(rec->scope));
    role_json_put_text(&o, "binding", role_binding_text(rec->binding));
    role_json_put_text(&o, "kid_format", role_kid_format_text(rec->kid_format));
    role_json_put(&o, "max_rsa_bits", json_integer(rec->max_rsa_bits));
    role_json_put(&o, "generation", json_integer((json_int_t)rec->generation));
    if (cr_failed(st = put_slots(&o, rec, err))) {
        json_decref(o.obj);
        return st;
    }
    role_json_put(&o, "retain_previous", json_integer(rec->retain_previous));
    role_json_put(&o, "retain_own", json_boolean(rec->retain_own));
    role_json_put(&o, "minimum_lead", seconds_json(rec->minimum_lead));
    role_json_put(&o, "token_lifetime", seconds_json(rec->token_lifetime));
    role_json_put(&o, "revoked", revoked_json(rec));
    role_json_put_foreign(&o, "changed_by", rec->changed.who);
    role_json_put_time(&o, "changed_at", rec->changed.when);
    role_json_put_extra(&o, rec->extra);
    return role_json_done(&o, out, err);
}

static cr_status dump_line(const json_t *json, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st;

    if (cr_failed(st = role_json_dump(json, JSON_INDENT(2), &text, err)))
        goto out;
    if (cr_failed(st = cr_buf_append_str(&text, "\n", err)))
        goto out;
    st = cr_buf_set(out, text.p, text.n, err);
out:
    cr_buf_clear(&text);
    return st;
}

cr_status role_record_write(const struct role_record *rec, struct cr_buf *out, struct cr_err *err)
{
    struct role_record *check = NULL;
    struct cr_buf text = {0};
    json_t *json = NULL;
    cr_status st;

    if (cr_failed(st = record_to_json(rec, &json, err)))
        goto out;
    if (cr_failed(st = dump_line(json, &text, err)))
        goto out;
    /* What a reader would refuse must never reach the disk: every server would keep the record before it for ever. */
    if (cr_failed(st = role_record_read(cr_buf_bytes(&text), rec->name, &check, err)))
        goto out;
    st = cr_buf_set(out, text.p, text.n, err);
out:
    role_record_unref(&check);
    cr_buf_clear(&text);
    json_decref(json);
    return cr_failed(st) ? cr_prefix(err, st, "role %s cannot be written", rec->name) : st;
}

cr_status role_cert_write(const struct role_cert *cert, struct cr_buf *out, struct cr_err *err)
{
    struct role_cert *check = NULL;
    struct cr_buf text = {0};
    json_t *json = NULL;
    cr_status st;

    if (cr_failed(st = role_cert_to_json(cert, &json, err)))
        goto out;
    if (cr_failed(st = dump_line(json, &text, err)))
        goto out;
    if (cr_failed(st = role_cert_read(cr_buf_bytes(&text), &check, err)))
        goto out;
    st = cr_buf_set(out, text.p, text.n, err);
out:
    role_cert_unref(&check);
    cr_buf_clear(&text);
    json_decref(json);
    return st;
}

/* ---- show --json ---- */

static cr_status view_slot_json(const struct role_record *rec, const struct role_view *view, enum role_slot slot,
                                json_t **out, struct cr_err *err)
{
    const struct role_cert *cert = role_view_slot(view, slot);
    struct role_json_out o = {0};
    json_t *list = NULL;
    char kid[128];

    if (cert == NULL) {
        *out = json_null();
        return cr_ok();
    }
    o.obj = json_object();
    role_kid(rec->kid_format, cert, kid);
    role_json_put_text(&o, "thumbprint_sha256", cert->thumbprint);
    role_json_put_text(&o, "thumbprint_sha1", cert->sha1);
    role_json_put_text(&o, "kid", kid);
    role_json_put_text(&o, "subject", cert->subject);
    role_json_put_text(&o, "issuer", cert->issuer);
    role_json_put_text(&o, "serial", cert->serial);
    role_json_put_time(&o, "not_before", cert->not_before);
    role_json_put_time(&o, "not_after", cert->not_after);
    role_json_put_text(&o, "key", cert->key);
    list = json_array();
    for (size_t i = 0; i < cert->nlocations; i++)
        if (json_array_append_new(list, json_string(cert->locations[i])) != 0)
            o.failed = "locations";
    role_json_put(&o, "locations", list);
    if (slot == ROLE_CURRENT)
        role_json_put_time(&o, "since", view->current_since);
    if (slot == ROLE_PREVIOUS)
        role_json_put_time(&o, "until", view->previous_until);
    if (slot == ROLE_NEXT) {
        role_json_put_time(&o, "effective_date", view->next_effective);
        role_json_put_time(&o, "since", view->next_since);
    }
    return role_json_done(&o, out, err);
}

cr_status role_view_json(const struct role_record *rec, const struct role_view *view, json_t **out, struct cr_err *err)
{
    static const enum role_slot slots[] = {ROLE_CURRENT, ROLE_PREVIOUS, ROLE_NEXT};
    struct role_json_out o = {.obj = json_object()};
    cr_status st;

    role_json_put_text(&o, "role", rec->name);
    role_json_put_text(&o, "scope", role_scope_text(rec->scope));
    role_json_put_text(&o, "use", role_use_text(rec->use));
    role_json_put_text(&o, "binding", role_binding_text(rec->binding));
    role_json_put(&o, "generation", json_integer((json_int_t)rec->generation));
    for (size_t i = 0; i < CR_COUNT(slots); i++) {
        json_t *slot = NULL;

        if (cr_failed(st = view_slot_json(rec, view, slots[i], &slot, err))) {
            json_decref(o.obj);
            return st;
        }
        role_json_put(&o, role_slot_text(slots[i]), slot);
    }
    return role_json_done(&o, out, err);
}
