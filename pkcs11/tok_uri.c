/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_uri.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tok_kit.h"

#define SCHEME  "pkcs11:"
#define URI_MAX 1024 /* bytes; a token label, a serial and an id percent-encoded stay far below */

#define ANY SIZE_MAX

/* What may stand in a URI, and the bytes that fit its field of CK_TOKEN_INFO. */
struct attribute {
    const char *name;
    size_t max;
};
static const struct attribute object_attributes[] = {
    {"token", 32}, {"manufacturer", 32}, {"serial", 16}, {"model", 16},
    {"id", ANY},   {"object", ANY},      {"type", ANY},  {NULL, 0},
};
static const struct attribute token_attributes[] = {
    {"token", 32}, {"manufacturer", 32}, {"serial", 16}, {"model", 16}, {"slot-id", ANY}, {NULL, 0},
};

static cr_status name_check(const char *p, size_t n, const struct attribute *known, unsigned *seen,
                            const struct attribute **out, struct cr_err *err)
{
    for (size_t i = 0; known[i].name != NULL; i++) {
        if (strlen(known[i].name) != n || memcmp(known[i].name, p, n))
            continue;
        if (*seen & 1U << i)
            return cr_fail(err, CR_E_INVALID, "pkcs11: URI has '%s' twice", known[i].name);
        *seen |= 1U << i;
        *out = &known[i];
        return cr_ok();
    }
    return cr_fail(err, CR_E_INVALID, "pkcs11: URI may not have '%.*s' here", (int)(n > 40 ? 40 : n), p);
}

static bool hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static cr_status value_check(const char *p, size_t n, const struct attribute *attribute, struct cr_err *err)
{
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++, bytes++) {
        if (p[i] != '%')
            continue;
        if (i + 2 >= n || !hex(p[i + 1]) || !hex(p[i + 2]))
            return cr_fail(err, CR_E_INVALID, "pkcs11: URI: a '%%' in '%s' is not followed by two hexadecimal digits",
                           attribute->name);
        i += 2;
    }
    if (bytes > attribute->max)
        return cr_fail(err, CR_E_INVALID, "pkcs11: URI: '%s' is longer than %zu bytes", attribute->name,
                       attribute->max);
    if (strcmp(attribute->name, "slot-id") == 0 && (n == 0 || n > 9 || strspn(p, "0123456789") < n))
        return cr_fail(err, CR_E_INVALID, "pkcs11: URI: 'slot-id' is not a number");
    return cr_ok();
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

static cr_status scan(const char *text, const struct attribute *known, struct cr_err *err)
{
    const struct attribute *attribute = NULL;
    const char *p;
    unsigned seen = 0;
    cr_status st;

    if (text == NULL || strncmp(text, SCHEME, strlen(SCHEME)))
        return cr_fail(err, CR_E_INVALID, "not a pkcs11: URI");
    p = text + strlen(SCHEME);
    st = chars_check(text, err);
    while (!cr_failed(st) && *p != '\0') {
        size_t n = strcspn(p, ";"), name = strcspn(p, "=;");
        if (name == n)
            return cr_fail(err, CR_E_INVALID, "pkcs11: URI has an attribute without a value");
        if (!cr_failed(st = name_check(p, name, known, &seen, &attribute, err)))
            st = value_check(p + name + 1, n - name - 1, attribute, err);
        p += n;
        if (*p == ';' && *++p == '\0')
            return cr_fail(err, CR_E_INVALID, "pkcs11: URI ends in ';'");
    }
    return st;
}

static cr_status parse(const char *text, const struct attribute *known, P11KitUri **out, struct cr_err *err)
{
    P11KitUri *uri = NULL;
    cr_status st;
    int r;

    if (cr_failed(st = scan(text, known, err)) || cr_failed(st = tok_kit_load(err)))
        return st;
    if ((uri = tok_kit()->uri_new()) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    r = tok_kit()->uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
    if (r == P11_KIT_URI_OK && !tok_kit()->uri_any_unrecognized(uri)) {
        *out = uri;
        return st;
    }
    tok_uri_free(uri);
    return cr_fail(err, CR_E_INVALID, "pkcs11: URI: %s",
                   r == P11_KIT_URI_OK ? "unknown attribute" : tok_kit()->uri_message(r));
}

void tok_uri_free(P11KitUri *uri)
{
    if (uri != NULL)
        tok_kit()->uri_free(uri);
}

CK_TOKEN_INFO *tok_uri_info(P11KitUri *uri)
{
    return tok_kit()->uri_get_token_info(uri);
}

CK_SLOT_ID tok_uri_slot(P11KitUri *uri)
{
    return tok_kit()->uri_get_slot_id(uri);
}

CK_ATTRIBUTE *tok_uri_attribute(P11KitUri *uri, CK_ATTRIBUTE_TYPE type)
{
    return tok_kit()->uri_get_attribute(uri, type);
}

static bool names_private_key(P11KitUri *uri)
{
    CK_ATTRIBUTE *cls = tok_uri_attribute(uri, CKA_CLASS);
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
    cr_status st = parse(text, object_attributes, &uri, err);

    if (cr_failed(st))
        return st;
    id = tok_uri_attribute(uri, CKA_ID);
    label = tok_uri_attribute(uri, CKA_LABEL);
    if (!names_private_key(uri))
        st = cr_fail(err, CR_E_INVALID, "pkcs11: URI is not of a private key (type=private)");
    else if ((id == NULL || id->ulValueLen == 0) && (label == NULL || label->ulValueLen == 0))
        st = cr_fail(err, CR_E_INVALID, "pkcs11: URI has neither id nor object");
    else
        *out = uri;
    if (cr_failed(st))
        tok_uri_free(uri);
    return st;
}

static const char *or_any(const char *text)
{
    return text == NULL || *text == '\0' ? SCHEME : text;
}

cr_status tok_uri_token(const char *text, P11KitUri **out, struct cr_err *err)
{
    return parse(or_any(text), token_attributes, out, err);
}

cr_status tok_uri_token_check(const char *text, struct cr_err *err)
{
    return scan(or_any(text), token_attributes, err);
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
    return tok_kit()->uri_match_token_info(uri, &padded) == 1;
}

static cr_status make(const CK_TOKEN_INFO *info, CK_ATTRIBUTE *attr, CK_ULONG n, P11KitUriType type, char **out,
                      struct cr_err *err)
{
    P11KitUri *uri = NULL;
    CK_TOKEN_INFO *to;
    char *made = NULL;
    cr_status st = tok_kit_load(err);

    if (cr_failed(st))
        return st;
    if ((uri = tok_kit()->uri_new()) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    to = tok_uri_info(uri);
    field_copy(to->label, info->label, sizeof(to->label));
    field_copy(to->serialNumber, info->serialNumber, sizeof(to->serialNumber));
    if (tok_kit()->uri_set_attributes(uri, attr, n) == P11_KIT_URI_OK &&
        tok_kit()->uri_format(uri, type, &made) == P11_KIT_URI_OK)
        st = cr_strdup(made, out, err);
    else
        st = cr_fail(err, CR_E_NOMEM, "a pkcs11: URI cannot be made");
    free(made);
    tok_uri_free(uri);
    return st;
}

cr_status tok_uri_make(const CK_TOKEN_INFO *info, CK_OBJECT_CLASS type, struct cr_bytes id, struct cr_bytes label,
                       char **out, struct cr_err *err)
{
    CK_ATTRIBUTE attr[2] = {{CKA_CLASS, &type, sizeof(type)}, {CKA_ID, (void *)id.p, id.n}};

    if (id.n == 0)
        attr[1] = (CK_ATTRIBUTE){CKA_LABEL, (void *)label.p, label.n};
    return make(info, attr, attr[1].ulValueLen > 0 ? 2 : 1, P11_KIT_URI_FOR_OBJECT_ON_TOKEN, out, err);
}

cr_status tok_uri_make_token(const CK_TOKEN_INFO *info, char **out, struct cr_err *err)
{
    CK_ATTRIBUTE none;

    return make(info, &none, 0, P11_KIT_URI_FOR_TOKEN, out, err);
}
