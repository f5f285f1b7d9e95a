/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_create.h"

#include <string.h>

#include "tok_attr.h"

/* A template that grows; the values are borrowed. */
struct tmpl {
    CK_ATTRIBUTE attr[24];
    CK_ULONG n;
    CK_OBJECT_CLASS cls;
    CK_KEY_TYPE type;
};

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static const unsigned char ed25519_oid[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
static const unsigned char ed25519_name[] = {0x13, 0x0c, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9'};

static void put(struct tmpl *t, CK_ATTRIBUTE_TYPE type, const void *value, size_t n)
{
    if (t->n < CR_COUNT(t->attr))
        t->attr[t->n++] = (CK_ATTRIBUTE){type, (void *)value, n};
}

static void put_bool(struct tmpl *t, CK_ATTRIBUTE_TYPE type, bool value)
{
    put(t, type, value ? &yes : &no, sizeof(yes));
}

static void put_buf(struct tmpl *t, CK_ATTRIBUTE_TYPE type, const struct cr_buf *value)
{
    put(t, type, value->p, value->n);
}

static void put_common(struct tmpl *t, CK_OBJECT_CLASS cls, const struct tok_import *what)
{
    t->cls = cls;
    put(t, CKA_CLASS, &t->cls, sizeof(t->cls));
    put_bool(t, CKA_TOKEN, true);
    put_bool(t, CKA_PRIVATE, cls == CKO_PRIVATE_KEY);
    if (what->key != NULL)
        put_buf(t, CKA_ID, &what->key->id);
    if (what->label != NULL)
        put(t, CKA_LABEL, what->label, strlen(what->label));
}

static void put_key_type(struct tmpl *t, enum tok_key_type type)
{
    static const CK_KEY_TYPE types[] = {
        [TOK_KEY_RSA] = CKK_RSA, [TOK_KEY_EC] = CKK_EC, [TOK_KEY_ED25519] = CKK_EC_EDWARDS};

    t->type = types[type];
    put(t, CKA_KEY_TYPE, &t->type, sizeof(t->type));
}

static cr_status object_create(struct tok_session *ses, struct tmpl *t, struct tok_made *made, struct cr_err *err)
{
    CK_OBJECT_HANDLE obj = 0;
    cr_status st = tok_session_enter(ses, err);
    CK_RV rv;

    if (cr_failed(st))
        return st;
    rv = ses->p11->C_CreateObject(ses->handle, t->attr, t->n, &obj);
    tok_session_leave(ses);
    if (rv != CKR_OK)
        return tok_session_fail(ses, "C_CreateObject", rv, err);
    if (made->n < CR_COUNT(made->handle))
        made->handle[made->n++] = obj;
    return st;
}

cr_status tok_destroy(struct tok_session *ses, CK_OBJECT_HANDLE obj, struct cr_err *err)
{
    cr_status st = tok_session_enter(ses, err);
    CK_RV rv;

    if (cr_failed(st))
        return st;
    rv = ses->p11->C_DestroyObject(ses->handle, obj);
    tok_session_leave(ses);
    return rv == CKR_OK ? st : tok_session_fail(ses, "C_DestroyObject", rv, err);
}

/* RFC 8410's OID or PKCS#11 3.0's name: tokens take one or the other. */
static cr_status create_any_params(struct tok_session *ses, struct tmpl *t, enum tok_key_type type,
                                   struct tok_made *made, struct cr_err *err)
{
    CK_ATTRIBUTE *params = NULL;
    cr_status st;

    for (CK_ULONG i = 0; i < t->n; i++)
        if (t->attr[i].type == CKA_EC_PARAMS)
            params = &t->attr[i];
    st = object_create(ses, t, made, err);
    if (!cr_failed(st) || type != TOK_KEY_ED25519 || params == NULL)
        return st;
    switch (ses->rv) {
    case CKR_ATTRIBUTE_VALUE_INVALID:
    case CKR_DOMAIN_PARAMS_INVALID:
    case CKR_CURVE_NOT_SUPPORTED:
    case CKR_TEMPLATE_INCONSISTENT:
        ses->rv = CKR_OK;
        params->pValue = (void *)ed25519_name;
        params->ulValueLen = sizeof(ed25519_name);
        return object_create(ses, t, made, err);
    default:
        return st;
    }
}

static void put_ec_params(struct tmpl *t, const struct tok_key *key)
{
    if (key->type == TOK_KEY_EC)
        put_buf(t, CKA_EC_PARAMS, &key->ec_params);
    else if (key->type == TOK_KEY_ED25519)
        put(t, CKA_EC_PARAMS, ed25519_oid, sizeof(ed25519_oid));
}

static void put_private(struct tmpl *t, const struct tok_import *what)
{
    const struct tok_key *key = what->key;

    put_key_type(t, key->type);
    put_bool(t, CKA_SENSITIVE, true);
    put_bool(t, CKA_EXTRACTABLE, what->exportable);
    put_bool(t, CKA_SIGN, true);
    if (key->type == TOK_KEY_RSA) {
        put_bool(t, CKA_DECRYPT, true);
        put_buf(t, CKA_MODULUS, &key->n);
        put_buf(t, CKA_PUBLIC_EXPONENT, &key->e);
        put_buf(t, CKA_PRIVATE_EXPONENT, &key->d);
        put_buf(t, CKA_PRIME_1, &key->p);
        put_buf(t, CKA_PRIME_2, &key->q);
        put_buf(t, CKA_EXPONENT_1, &key->dp);
        put_buf(t, CKA_EXPONENT_2, &key->dq);
        put_buf(t, CKA_COEFFICIENT, &key->qi);
        return;
    }
    put_bool(t, CKA_DERIVE, key->type == TOK_KEY_EC);
    put_ec_params(t, key);
    put_buf(t, CKA_VALUE, &key->d);
}

/* openCryptoki and others have ignored what was asked for. */
cr_status tok_create_check(struct tok_session *ses, CK_OBJECT_HANDLE obj, bool exportable, struct cr_err *err)
{
    bool sensitive = false, extractable = true;
    cr_status st;

    if (cr_failed(st = tok_attr_bool(ses, obj, CKA_SENSITIVE, false, &sensitive, err)) ||
        cr_failed(st = tok_attr_bool(ses, obj, CKA_EXTRACTABLE, true, &extractable, err)))
        return st;
    if (!sensitive || (extractable && !exportable))
        return cr_fail(err, CR_E_REFUSED, "token %s made the private key %s; it was destroyed again", ses->m->name,
                       sensitive ? "extractable" : "readable");
    return st;
}

cr_status tok_create_private(struct tok_session *ses, const struct tok_import *what, struct tok_made *made,
                             struct cr_err *err)
{
    struct tmpl t = {0};
    cr_status st;

    put_common(&t, CKO_PRIVATE_KEY, what);
    put_private(&t, what);
    if (cr_failed(st = create_any_params(ses, &t, what->key->type, made, err)))
        return st;
    return tok_create_check(ses, made->handle[made->n - 1], what->exportable, err);
}

/* CKA_EC_POINT is a DER OCTET STRING. */
static cr_status point_wrap(const struct cr_buf *point, struct cr_buf *out, struct cr_err *err)
{
    unsigned char head[3] = {0x04, (unsigned char)point->n, 0};
    size_t nhead = 2;
    cr_status st;

    if (point->n > 0xff)
        return cr_fail(err, CR_E_INVALID, "a point of %zu bytes", point->n);
    if (point->n > 0x7f) {
        head[1] = 0x81;
        head[2] = (unsigned char)point->n;
        nhead = 3;
    }
    if (cr_failed(st = cr_buf_append(out, head, nhead, err)))
        return st;
    return cr_buf_append(out, point->p, point->n, err);
}

cr_status tok_create_public(struct tok_session *ses, const struct tok_import *what, struct tok_made *made,
                            struct cr_err *err)
{
    const struct tok_key *key = what->key;
    struct cr_buf point = {0};
    struct tmpl t = {0};
    cr_status st = cr_ok();

    put_common(&t, CKO_PUBLIC_KEY, what);
    put_key_type(&t, key->type);
    put_bool(&t, CKA_VERIFY, true);
    if (key->type == TOK_KEY_RSA) {
        put_bool(&t, CKA_ENCRYPT, true);
        put_buf(&t, CKA_MODULUS, &key->n);
        put_buf(&t, CKA_PUBLIC_EXPONENT, &key->e);
    } else if (!cr_failed(st = point_wrap(&key->point, &point, err))) {
        put_ec_params(&t, key);
        put_buf(&t, CKA_EC_POINT, &point);
    }
    if (!cr_failed(st))
        st = create_any_params(ses, &t, key->type, made, err);
    cr_buf_clear(&point);
    return st;
}

cr_status tok_create_cert(struct tok_session *ses, const struct tok_import *what, struct tok_made *made,
                          struct cr_err *err)
{
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    struct tmpl t = {0};

    put_common(&t, CKO_CERTIFICATE, what);
    put(&t, CKA_CERTIFICATE_TYPE, &type, sizeof(type));
    put(&t, CKA_SUBJECT, what->subject.p, what->subject.n);
    put(&t, CKA_ISSUER, what->issuer.p, what->issuer.n);
    put(&t, CKA_SERIAL_NUMBER, what->serial.p, what->serial.n);
    put(&t, CKA_VALUE, what->cert.p, what->cert.n);
    return object_create(ses, &t, made, err);
}
