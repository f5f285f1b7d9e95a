/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_uri.h"

#include <stdlib.h>
#include <string.h>

#define SCHEME  "pkcs11:"
#define URI_MAX 1024 /* bytes; a token label, a serial and an id percent-encoded stay far below */

static const char *const object_names[] = {"token", "manufacturer", "serial", "model", "id", "object", "type"};
static const char *const token_names[] = {"token", "manufacturer", "serial", "model", "slot-id"};

static cr_status name_check(const char *p, size_t n, const char *const *names, size_t nnames, unsigned *seen,
                            struct cr_err *err)
{
    for (size_t i = 0; i < nnames; i++) {
        if (strlen(names[i]) != n || memcmp(names[i], p, n))
            continue;
        if (*seen & 1U << i)
            return cr_fail(err, CR_E_INVALID, "pkcs11: URI has '%s' twice", names[i]);
        *seen |= 1U << i;
        return cr_ok();
    }
    return cr_fail(err, CR_E_INVALID, "pkcs11: URI may not have '%.*s' here", (int)(n > 40 ? 40 : n), p);
}

/* RFC 7512 section 2.3 path characters and the delimiter ';'. p11-kit skips white space and takes raw bytes. */
static bool char_ok(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~:[]@!$'()*+,=&%;", c) != NULL);
}

static cr_status chars_check(const char *text, struct cr_err *err)
{
    if (strlen(text) > URI_MAX)
        return cr_fail(err, CR_E_INVALID, "pkcs11: URI is longer than %d bytes", URI_MAX);
    if (strchr(text, '?') != NULL)
        return cr_fail(err, CR_E_INVALID, "pkcs11: URI may have no query part (PINs and modules are configuration)");
    for (const char *c = text; *c != '\0'; c++)
        if (!char_ok(*c))
            return cr_fail(err, CR_E_INVALID, "pkcs11: URI has a character that must be percent-encoded");
    return cr_ok();
}

static cr_status scan(const char *text, const char *const *names, size_t nnames, struct cr_err *err)
{
    const char *p = text + strlen(SCHEME);
    unsigned seen = 0;
    cr_status st = chars_check(text, err);

    while (!cr_failed(st) && *p != '\0') {
        size_t n = strcspn(p, ";"), name = strcspn(p, "=;");
        if (name == n)
            return cr_fail(err, CR_E_INVALID, "pkcs11: URI has an attribute without a value");
        st = name_check(p, name, names, nnames, &seen, err);
        p += n;
        if (*p == ';' && *++p == '\0')
            return cr_fail(err, CR_E_INVALID, "pkcs11: URI ends in ';'");
    }
    return st;
}

static cr_status parse(const char *text, const char *const *names, size_t nnames, P11KitUri **out, struct cr_err *err)
{
    P11KitUri *uri = NULL;
    cr_status st;
    int r;

    if (text == NULL || strncmp(text, SCHEME, strlen(SCHEME)))
        return cr_fail(err, CR_E_INVALID, "not a pkcs11: URI");
    if (cr_failed(st = scan(text, names, nnames, err)))
        return st;
    if ((uri = p11_kit_uri_new()) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    r = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
    if (r == P11_KIT_URI_OK && !p11_kit_uri_any_unrecognized(uri)) {
        *out = uri;
        return st;
    }
    p11_kit_uri_free(uri);
    return cr_fail(err, CR_E_INVALID, "pkcs11: URI: %s",
                   r == P11_KIT_URI_OK ? "unknown attribute" : p11_kit_uri_message(r));
}

static bool names_private_key(P11KitUri *uri)
{
    CK_ATTRIBUTE *cls = p11_kit_uri_get_attribute(uri, CKA_CLASS);
    CK_OBJECT_CLASS value;

    if (cls == NULL)
        return true;
    if (cls->pValue == NULL || cls->ulValueLen != sizeof(value))
        return false;
    memcpy(&value, cls->pValue, sizeof(value));
    return value == CKO_PRIVATE_KEY;
}

cr_status tok_uri_location(const char *text, P11KitUri **out, struct cr_err *err)
{
    P11KitUri *uri = NULL;
    CK_ATTRIBUTE *id, *label;
    cr_status st = parse(text, object_names, CR_COUNT(object_names), &uri, err);

    if (cr_failed(st))
        return st;
    id = p11_kit_uri_get_attribute(uri, CKA_ID);
    label = p11_kit_uri_get_attribute(uri, CKA_LABEL);
    if (!names_private_key(uri))
        st = cr_fail(err, CR_E_INVALID, "pkcs11: URI is not of a private key (type=private)");
    else if ((id == NULL || id->ulValueLen == 0) && (label == NULL || label->ulValueLen == 0))
        st = cr_fail(err, CR_E_INVALID, "pkcs11: URI has neither id nor object");
    else
        *out = uri;
    if (cr_failed(st))
        p11_kit_uri_free(uri);
    return st;
}

cr_status tok_uri_token(const char *text, P11KitUri **out, struct cr_err *err)
{
    return parse(text == NULL || *text == '\0' ? SCHEME : text, token_names, CR_COUNT(token_names), out, err);
}

/* CK_TOKEN_INFO fields are padded with spaces and not terminated; some modules terminate them all the same. */
static void field_copy(unsigned char *to, const unsigned char *from, size_t n)
{
    const unsigned char *end = memchr(from, 0, n);

    memset(to, ' ', n);
    memcpy(to, from, end != NULL ? (size_t)(end - from) : n);
}

bool tok_uri_selects(P11KitUri *uri, const CK_TOKEN_INFO *info)
{
    CK_TOKEN_INFO padded = *info; /* p11-kit compares whole fields */

    field_copy(padded.label, info->label, sizeof(padded.label));
    field_copy(padded.manufacturerID, info->manufacturerID, sizeof(padded.manufacturerID));
    field_copy(padded.model, info->model, sizeof(padded.model));
    field_copy(padded.serialNumber, info->serialNumber, sizeof(padded.serialNumber));
    return p11_kit_uri_match_token_info(uri, &padded) == 1;
}

cr_status tok_uri_make(const CK_TOKEN_INFO *info, CK_OBJECT_CLASS type, struct cr_bytes id, struct cr_bytes label,
                       char **out, struct cr_err *err)
{
    CK_ATTRIBUTE attr[2] = {{CKA_CLASS, &type, sizeof(type)}, {CKA_ID, (void *)id.p, id.n}};
    P11KitUri *uri = p11_kit_uri_new();
    CK_TOKEN_INFO *to;
    char *made = NULL;
    cr_status st;

    if (uri == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (id.n == 0)
        attr[1] = (CK_ATTRIBUTE){CKA_LABEL, (void *)label.p, label.n};
    to = p11_kit_uri_get_token_info(uri);
    field_copy(to->label, info->label, sizeof(to->label));
    field_copy(to->serialNumber, info->serialNumber, sizeof(to->serialNumber));
    if (p11_kit_uri_set_attributes(uri, attr, attr[1].ulValueLen > 0 ? 2 : 1) == P11_KIT_URI_OK &&
        p11_kit_uri_format(uri, P11_KIT_URI_FOR_OBJECT_ON_TOKEN, &made) == P11_KIT_URI_OK)
        st = cr_strdup(made, out, err);
    else
        st = cr_fail(err, CR_E_NOMEM, "a pkcs11: URI cannot be made");
    free(made);
    p11_kit_uri_free(uri);
    return st;
}
