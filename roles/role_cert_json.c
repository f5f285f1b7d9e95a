/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_cert_json.h"

#include <stdlib.h>
#include <string.h>

#include "roles/role_codec.h"
#include "roles/role_json.h"

#define CHAIN_MAX     32
#define LOCATIONS_MAX 32

static const char *const known[] = {"format", "thumbprint", "sha1",      "spki", "jkt",  "kid",   "subject",   "issuer",
                                    "serial", "not_before", "not_after", "key",  "leaf", "chain", "locations", NULL};

bool role_key_valid(const char *key)
{
    static const char *const others[] = {"ec:P-256", "ec:P-384", "ec:P-521", "ed25519"};
    size_t digits = 0;

    for (size_t i = 0; i < CR_COUNT(others); i++)
        if (strcmp(key, others[i]) == 0)
            return true;
    if (strncmp(key, "rsa:", 4) != 0)
        return false;
    digits = strspn(key + 4, "0123456789");
    return digits >= 3 && digits <= 5 && key[4] != '0' && key[4 + digits] == '\0';
}

/* 32 bytes in base64url are 43 characters. */
static bool jkt_valid(const char *jkt)
{
    return strlen(jkt) == 43 && strspn(jkt, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == 43;
}

static cr_status text_dup(const json_t *obj, const char *name, char **out, struct cr_err *err)
{
    const char *text = NULL;
    cr_status st;

    if (cr_failed(st = role_json_text(obj, name, &text, err)))
        return st;
    return cr_strdup(text, out, err);
}

static cr_status read_names(const json_t *obj, struct role_cert *cert, struct cr_err *err)
{
    const char *text = NULL;
    cr_status st;

    if (cr_failed(st = role_json_text(obj, "jkt", &text, err)))
        return st;
    if (!jkt_valid(text))
        return cr_fail(err, CR_E_INVALID, "\"jkt\" is not an RFC 7638 thumbprint");
    memcpy(cert->jkt, text, sizeof cert->jkt);
    if (cr_failed(st = role_json_text(obj, "key", &text, err)))
        return st;
    if (!role_key_valid(text))
        return cr_fail(err, CR_E_INVALID, "\"key\" is of no kind we know");
    memcpy(cert->key, text, strlen(text) + 1);
    if (!role_json_absent(obj, "kid")) {
        if (cr_failed(st = role_json_text(obj, "kid", &text, err)))
            return st;
        if (!role_kid_valid(text))
            return cr_fail(err, CR_E_INVALID, "\"kid\" is not 1 to %d printable characters", ROLE_KID_MAX);
        if (cr_failed(st = cr_strdup(text, &cert->own_kid, err)))
            return st;
    }
    if (cr_failed(st = text_dup(obj, "subject", &cert->subject, err)))
        return st;
    if (cr_failed(st = text_dup(obj, "issuer", &cert->issuer, err)))
        return st;
    return text_dup(obj, "serial", &cert->serial, err);
}

static cr_status read_numbers(const json_t *obj, struct role_cert *cert, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = role_json_hex(obj, "thumbprint", 64, cert->thumbprint, err)))
        return st;
    if (cr_failed(st = role_json_hex(obj, "sha1", 40, cert->sha1, err)))
        return st;
    if (cr_failed(st = role_json_hex(obj, "spki", 64, cert->spki, err)))
        return st;
    if (cr_failed(st = role_json_time(obj, "not_before", &cert->not_before, err)))
        return st;
    return role_json_time(obj, "not_after", &cert->not_after, err);
}

static cr_status read_chain(const json_t *obj, struct role_cert *cert, struct cr_err *err)
{
    json_t *list = NULL, *item;
    cr_status st;
    size_t i;

    if (cr_failed(st = role_json_base64(json_object_get(obj, "leaf"), "leaf", &cert->leaf, err)))
        return st;
    if (cr_failed(st = role_json_array(obj, "chain", CHAIN_MAX, &list, err)))
        return st;
    if (json_array_size(list) == 0)
        return cr_ok();
    if ((cert->chain = calloc(json_array_size(list), sizeof *cert->chain)) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    json_array_foreach(list, i, item)
    {
        if (cr_failed(st = role_json_base64(item, "chain", &cert->chain[i], err)))
            return st;
        cert->nchain = i + 1;
    }
    return cr_ok();
}

static bool location_valid(const json_t *item)
{
    const char *text = json_string_value(item);

    if (text == NULL || strncmp(text, "pkcs11:", 7) != 0)
        return false;
    for (const char *p = text; *p != '\0'; p++)
        if (*p <= 0x20 || *p > 0x7e)
            return false;
    /* A PIN has no business in a record that everybody may read. */
    return strstr(text, "pin-value") == NULL && strstr(text, "pin-source") == NULL;
}

static cr_status read_locations(const json_t *obj, struct role_cert *cert, struct cr_err *err)
{
    json_t *list = NULL, *item;
    cr_status st;
    size_t i;

    if (cr_failed(st = role_json_array(obj, "locations", LOCATIONS_MAX, &list, err)))
        return st;
    if (json_array_size(list) == 0)
        return cr_ok();
    if ((cert->locations = calloc(json_array_size(list), sizeof *cert->locations)) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    json_array_foreach(list, i, item)
    {
        if (!location_valid(item))
            return cr_fail(err, CR_E_INVALID, "\"locations\" holds what is not a pkcs11: URI without a PIN");
        if (cr_failed(st = cr_strdup(json_string_value(item), &cert->locations[i], err)))
            return st;
        cert->nlocations = i + 1;
    }
    return cr_ok();
}

cr_status role_cert_from_json(json_t *obj, struct role_cert **out, struct cr_err *err)
{
    struct role_cert *cert = NULL;
    cr_status st;

    if (!json_is_object(obj))
        return cr_fail(err, CR_E_INVALID, "certificate entry: not an object");
    if (cr_failed(st = role_cert_new(&cert, err)))
        return st;
    if (cr_failed(st = role_json_format(obj, ROLE_FORMAT, err)))
        goto out;
    if (cr_failed(st = read_numbers(obj, cert, err)))
        goto out;
    if (cr_failed(st = read_names(obj, cert, err)))
        goto out;
    if (cr_failed(st = read_chain(obj, cert, err)))
        goto out;
    if (cr_failed(st = read_locations(obj, cert, err)))
        goto out;
    if (cr_failed(st = role_json_extra(obj, known, &cert->extra, err)))
        goto out;
    *out = cert;
    cert = NULL;
out:
    role_cert_unref(&cert);
    return cr_failed(st) ? cr_prefix(err, st, "certificate entry") : st;
}

static json_t *chain_json(const struct role_cert *cert)
{
    json_t *list = json_array();

    for (size_t i = 0; i < cert->nchain; i++)
        if (json_array_append_new(list, role_json_base64_new(cr_buf_bytes(&cert->chain[i]))) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *locations_json(const struct role_cert *cert)
{
    json_t *list = json_array();

    for (size_t i = 0; i < cert->nlocations; i++)
        if (json_array_append_new(list, json_string(cert->locations[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

cr_status role_cert_to_json(const struct role_cert *cert, json_t **out, struct cr_err *err)
{
    struct role_json_out o = {.obj = json_object()};
    cr_status st;

    role_json_put(&o, "format", json_integer(ROLE_FORMAT));
    role_json_put_text(&o, "thumbprint", cert->thumbprint);
    role_json_put_text(&o, "sha1", cert->sha1);
    role_json_put_text(&o, "spki", cert->spki);
    role_json_put_text(&o, "jkt", cert->jkt);
    if (cert->own_kid != NULL)
        role_json_put_text(&o, "kid", cert->own_kid);
    role_json_put_text(&o, "subject", cert->subject);
    role_json_put_text(&o, "issuer", cert->issuer);
    role_json_put_text(&o, "serial", cert->serial);
    role_json_put_time(&o, "not_before", cert->not_before);
    role_json_put_time(&o, "not_after", cert->not_after);
    role_json_put_text(&o, "key", cert->key);
    role_json_put_base64(&o, "leaf", cr_buf_bytes(&cert->leaf));
    role_json_put(&o, "chain", chain_json(cert));
    role_json_put(&o, "locations", locations_json(cert));
    role_json_put_extra(&o, cert->extra);
    st = role_json_done(&o, out, err);
    return cr_failed(st) ? cr_prefix(err, st, "certificate %.8s", cert->thumbprint) : st;
}
