/* SPDX-License-Identifier: Apache-2.0 */
#include "role_request.h"

#include <stdlib.h>
#include <string.h>

#include "role_cert_json.h"
#include "role_json.h"

static const char *const members[] = {"format", "spki", "id",      "key", "location", "subject",
                                      "roles",  "use",  "created", "who", "csr",      NULL};

void role_request_clear(struct role_request *r)
{
    free(r->location);
    free(r->subject);
    for (size_t i = 0; i < r->nroles; i++)
        free(r->roles[i]);
    free(r->roles);
    free(r->who);
    cr_buf_clear(&r->csr);
    json_decref(r->extra);
    *r = (struct role_request){0};
}

static cr_status read_text(const json_t *obj, const char *name, char **out, struct cr_err *err)
{
    const char *text;
    cr_status st = role_json_text(obj, name, &text, err);

    return cr_failed(st) ? st : cr_strdup(text, out, err);
}

static cr_status read_id(const json_t *obj, char out[65], struct cr_err *err)
{
    const char *text;
    cr_status st = role_json_text(obj, "id", &text, err);
    size_t n = cr_failed(st) ? 0 : strlen(text);

    if (cr_failed(st))
        return st;
    if (n < 2 || n > 64 || n % 2 != 0 || !role_hex_valid(text, n))
        return cr_fail(err, CR_E_INVALID, "\"id\" is not 1 to 32 bytes in hex");
    memcpy(out, text, n + 1);
    return st;
}

static cr_status read_key(const json_t *obj, struct role_request *out, struct cr_err *err)
{
    const char *text;
    cr_status st = role_json_text(obj, "key", &text, err);

    if (cr_failed(st))
        return st;
    if (!role_key_valid(text) || strlen(text) >= sizeof(out->key))
        return cr_fail(err, CR_E_INVALID, "\"key\" is no kind of key");
    memcpy(out->key, text, strlen(text) + 1);
    return st;
}

static cr_status read_roles(const json_t *obj, struct role_request *out, struct cr_err *err)
{
    json_t *roles = NULL;
    cr_status st = role_json_array(obj, "roles", ROLE_REQUEST_ROLES, &roles, err);

    if (cr_failed(st))
        return st;
    if (json_array_size(roles) == 0)
        return cr_fail(err, CR_E_INVALID, "\"roles\" is empty");
    if ((out->roles = calloc(json_array_size(roles), sizeof(char *))) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < json_array_size(roles) && !cr_failed(st); i++) {
        const char *name = json_string_value(json_array_get(roles, i));

        if (name == NULL)
            st = cr_fail(err, CR_E_INVALID, "\"roles\" has an entry that is no text");
        else if (!cr_failed(st = role_name_check(name, err)) && !cr_failed(st = cr_strdup(name, &out->roles[i], err)))
            out->nroles++;
    }
    return st;
}

static cr_status read_use(const json_t *obj, struct role_request *out, struct cr_err *err)
{
    const char *text;
    cr_status st;

    out->has_use = !role_json_absent(obj, "use");
    if (!out->has_use)
        return cr_ok();
    if (cr_failed(st = role_json_text(obj, "use", &text, err)))
        return st;
    return role_use_parse(text, &out->use, err);
}

static cr_status read_all(json_t *obj, struct role_request *out, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = role_json_format(obj, ROLE_REQUEST_FORMAT, err)) ||
        cr_failed(st = role_json_hex(obj, "spki", 64, out->spki, err)) || cr_failed(st = read_id(obj, out->id, err)) ||
        cr_failed(st = read_key(obj, out, err)) || cr_failed(st = read_text(obj, "location", &out->location, err)) ||
        cr_failed(st = read_text(obj, "subject", &out->subject, err)) || cr_failed(st = read_roles(obj, out, err)) ||
        cr_failed(st = read_use(obj, out, err)) || cr_failed(st = role_json_time(obj, "created", &out->created, err)) ||
        cr_failed(st = read_text(obj, "who", &out->who, err)) ||
        cr_failed(st = role_json_base64(json_object_get(obj, "csr"), "csr", &out->csr, err)))
        return st;
    if (strncmp(out->location, "pkcs11:", 7) != 0)
        return cr_fail(err, CR_E_INVALID, "\"location\" is no pkcs11: URI");
    return role_json_extra(obj, members, &out->extra, err);
}

cr_status role_request_read(struct cr_bytes json, struct role_request *out, struct cr_err *err)
{
    json_t *obj = NULL;
    cr_status st = role_json_load(json, ROLE_REQUEST_MAX, &obj, err);

    if (!cr_failed(st))
        st = read_all(obj, out, err);
    if (cr_failed(st))
        role_request_clear(out);
    json_decref(obj);
    if (st.code == CR_E_USAGE) /* of a word that a person did not type */
        st = cr_prefix(err, (cr_status){CR_E_INVALID}, "a request");
    return st;
}

static cr_status to_json(const struct role_request *r, json_t **out, struct cr_err *err)
{
    struct role_json_out o = {.obj = json_object()};
    json_t *roles = json_array();

    for (size_t i = 0; i < r->nroles; i++)
        json_array_append_new(roles, json_string(r->roles[i]));
    role_json_put(&o, "format", json_integer(ROLE_REQUEST_FORMAT));
    role_json_put_text(&o, "spki", r->spki);
    role_json_put_text(&o, "id", r->id);
    role_json_put_text(&o, "key", r->key);
    role_json_put_text(&o, "location", r->location);
    role_json_put_foreign(&o, "subject", r->subject);
    role_json_put(&o, "roles", roles);
    role_json_put_text(&o, "use", r->has_use ? role_use_text(r->use) : NULL);
    role_json_put_time(&o, "created", r->created);
    role_json_put_foreign(&o, "who", r->who);
    role_json_put_base64(&o, "csr", cr_buf_bytes(&r->csr));
    role_json_put_extra(&o, r->extra);
    return role_json_done(&o, out, err);
}

cr_status role_request_write(const struct role_request *request, struct cr_buf *out, struct cr_err *err)
{
    struct role_request again = {0};
    struct cr_buf text = {0};
    json_t *obj = NULL;
    cr_status st;

    if (cr_failed(st = to_json(request, &obj, err)) ||
        cr_failed(st = role_json_dump(obj, JSON_INDENT(2), &text, err)) ||
        cr_failed(st = cr_buf_append_str(&text, "\n", err)) ||
        cr_failed(st = role_request_read(cr_buf_bytes(&text), &again, err)))
        goto out;
    cr_buf_clear(out);
    *out = text;
    text = (struct cr_buf){0};
out:
    role_request_clear(&again);
    cr_buf_clear(&text);
    json_decref(obj);
    return st;
}
