/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_json.h"

#include <stdlib.h>
#include <string.h>

#include "roles/role_record.h"

cr_status role_json_load(struct cr_bytes text, size_t max, json_t **out, struct cr_err *err)
{
    json_error_t why;
    json_t *json;

    if (text.n > max)
        return cr_fail(err, CR_E_INVALID, "over %zu bytes", max);
    json = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &why);
    if (json == NULL && json_error_code(&why) == json_error_out_of_memory)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (json == NULL)
        return cr_fail(err, CR_E_INVALID, "line %d: %s", why.line, why.text);
    if (!json_is_object(json)) {
        json_decref(json);
        return cr_fail(err, CR_E_INVALID, "not a JSON object");
    }
    *out = json;
    return cr_ok();
}

static int dump_some(const char *text, size_t n, void *arg)
{
    return cr_failed(cr_buf_append(arg, text, n, NULL)) ? -1 : 0;
}

cr_status role_json_dump(const json_t *json, size_t flags, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st;

    if (json_dump_callback(json, dump_some, &text, flags) != 0)
        st = cr_fail(err, CR_E_NOMEM, "cannot write JSON");
    else
        st = cr_buf_set(out, text.p, text.n, err);
    cr_buf_clear(&text);
    return st;
}

static cr_status wrong(const char *name, const char *what, struct cr_err *err)
{
    return cr_fail(err, CR_E_INVALID, "\"%s\" is not %s", name, what);
}

cr_status role_json_text(const json_t *obj, const char *name, const char **out, struct cr_err *err)
{
    const json_t *v = json_object_get(obj, name);

    if (!json_is_string(v))
        return wrong(name, "a string", err);
    *out = json_string_value(v);
    return cr_ok();
}

cr_status role_json_int(const json_t *obj, const char *name, int64_t min, int64_t max, int64_t *out, struct cr_err *err)
{
    const json_t *v = json_object_get(obj, name);

    if (!json_is_integer(v))
        return wrong(name, "an integer", err);
    if (json_integer_value(v) < min || json_integer_value(v) > max)
        return wrong(name, "in range", err);
    *out = json_integer_value(v);
    return cr_ok();
}

cr_status role_json_time(const json_t *obj, const char *name, int64_t *out, struct cr_err *err)
{
    const char *text = NULL;
    int64_t t = 0;
    cr_status st;

    if (cr_failed(st = role_json_text(obj, name, &text, err)))
        return st;
    if (strcmp(text, "never") == 0) {
        *out = CR_TIME_NEVER;
        return cr_ok();
    }
    /* Second 60 and zones reach beyond what can be written back. */
    if (cr_failed(cr_time_parse(text, &t, NULL)) || t < 0 || t > ROLE_TIME_MAX)
        return wrong(name, "an RFC 3339 time", err);
    *out = t;
    return cr_ok();
}

cr_status role_json_hex(const json_t *obj, const char *name, size_t digits, char *out, struct cr_err *err)
{
    const char *text = NULL;
    cr_status st;

    if (cr_failed(st = role_json_text(obj, name, &text, err)))
        return st;
    if (!role_hex_valid(text, digits))
        return cr_fail(err, CR_E_INVALID, "\"%s\" is not %zu lower-case hex digits", name, digits);
    memcpy(out, text, digits + 1);
    return cr_ok();
}

cr_status role_json_base64(const json_t *value, const char *name, struct cr_buf *out, struct cr_err *err)
{
    struct cr_bytes text;

    if (!json_is_string(value))
        return wrong(name, "a string", err);
    text = cr_bytes(json_string_value(value), json_string_length(value));
    if (text.n == 0 || cr_failed(cr_unbase64(text, out, NULL)))
        return wrong(name, "base64", err);
    return cr_ok();
}

cr_status role_json_array(const json_t *obj, const char *name, size_t max, json_t **out, struct cr_err *err)
{
    json_t *v = json_object_get(obj, name);

    if (!json_is_array(v))
        return wrong(name, "an array", err);
    if (json_array_size(v) > max)
        return cr_fail(err, CR_E_INVALID, "\"%s\" has more than %zu items", name, max);
    *out = v;
    return cr_ok();
}

bool role_json_absent(const json_t *obj, const char *name)
{
    const json_t *v = json_object_get(obj, name);

    return v == NULL || json_is_null(v);
}

cr_status role_json_format(const json_t *obj, int newest, struct cr_err *err)
{
    int64_t format = 0;
    cr_status st;

    if (cr_failed(st = role_json_int(obj, "format", 1, INT64_MAX, &format, err)))
        return st;
    if (format > newest)
        return cr_fail(err, CR_E_UNSUPPORTED, "format %lld: written by a newer certroll, update this one",
                       (long long)format);
    return cr_ok();
}

cr_status role_json_extra(json_t *obj, const char *const *known, json_t **out, struct cr_err *err)
{
    json_t *extra = NULL, *value;
    const char *name;

    json_object_foreach(obj, name, value)
    {
        const char *const *k = known;

        while (*k != NULL && strcmp(*k, name) != 0)
            k++;
        if (*k != NULL)
            continue;
        if ((extra == NULL && (extra = json_object()) == NULL) || json_object_set(extra, name, value) != 0) {
            json_decref(extra);
            return cr_fail(err, CR_E_NOMEM, "out of memory");
        }
    }
    *out = extra;
    return cr_ok();
}

void role_json_put(struct role_json_out *o, const char *name, json_t *value)
{
    if (json_object_set_new(o->obj, name, value) != 0 && o->failed == NULL)
        o->failed = name;
}

void role_json_put_text(struct role_json_out *o, const char *name, const char *text)
{
    role_json_put(o, name, text != NULL ? json_string(text) : json_null());
}

static json_t *foreign(const char *text)
{
    json_t *v = json_string(text);
    char *copy = NULL;

    if (v != NULL || cr_failed(cr_strdup(text, &copy, NULL)))
        return v;
    for (char *p = copy; *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    v = json_string(copy);
    free(copy);
    return v;
}

void role_json_put_foreign(struct role_json_out *o, const char *name, const char *text)
{
    role_json_put(o, name, text != NULL ? foreign(text) : json_null());
}

void role_json_put_time(struct role_json_out *o, const char *name, int64_t t)
{
    char text[CR_TIME_TEXT];
    bool sayable = t == CR_TIME_NEVER || (t >= 0 && t <= ROLE_TIME_MAX);

    role_json_put(o, name, sayable ? json_string(cr_time_text(t, text)) : NULL);
}

json_t *role_json_base64_new(struct cr_bytes bytes)
{
    struct cr_buf text = {0};
    json_t *v = NULL;

    if (!cr_failed(cr_base64(bytes, &text, NULL)))
        v = json_stringn((const char *)text.p, text.n);
    cr_buf_clear(&text);
    return v;
}

void role_json_put_base64(struct role_json_out *o, const char *name, struct cr_bytes bytes)
{
    role_json_put(o, name, role_json_base64_new(bytes));
}

void role_json_put_extra(struct role_json_out *o, json_t *extra)
{
    const char *name;
    json_t *value;

    /* Not json_object_update_missing: it reports success when memory ends. */
    json_object_foreach(extra, name, value) if (json_object_get(o->obj, name) == NULL &&
                                                json_object_set(o->obj, name, value) != 0 && o->failed == NULL)
        o->failed = "an unknown member";
}

cr_status role_json_done(struct role_json_out *o, json_t **out, struct cr_err *err)
{
    if (o->obj == NULL || o->failed != NULL) {
        json_decref(o->obj);
        o->obj = NULL;
        return cr_fail(err, CR_E_INVALID, "cannot write \"%s\": not UTF-8, out of range or out of memory",
                       o->failed != NULL ? o->failed : "object");
    }
    *out = o->obj;
    o->obj = NULL;
    return cr_ok();
}
