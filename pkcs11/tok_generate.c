/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_generate.h"

#include <string.h>

#include "tok_attr.h"
#include "tok_create.h"
#include "tok_member.h"
#include "tok_uri.h"

#ifndef CKM_EC_EDWARDS_KEY_PAIR_GEN
#define CKM_EC_EDWARDS_KEY_PAIR_GEN 0x1055UL /* PKCS#11 3.0 */
#endif

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static const unsigned char exponent[] = {1, 0, 1};
static const unsigned char ed25519_oid[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
static const unsigned char ed25519_name[] = {0x13, 0x0c, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9'};

struct pair {
    CK_OBJECT_HANDLE pub, priv; /* 0: none */
};

struct generation {
    const struct tok_generate *what;
    struct tok_key key;
    char *location;
    bool tried; /* something may be there by a try whose end was not seen */
};

/* ---- the call ---- */

static CK_MECHANISM_TYPE mechanism(enum tok_key_type type)
{
    static const CK_MECHANISM_TYPE types[] = {[TOK_KEY_RSA] = CKM_RSA_PKCS_KEY_PAIR_GEN,
                                              [TOK_KEY_EC] = CKM_EC_KEY_PAIR_GEN,
                                              [TOK_KEY_ED25519] = CKM_EC_EDWARDS_KEY_PAIR_GEN};

    return types[type];
}

static CK_RV pair_call(struct tok_session *ses, const struct tok_generate *what, struct cr_bytes params,
                       struct pair *pair)
{
    CK_MECHANISM mech = {mechanism(what->type), NULL, 0};
    CK_ULONG bits = what->bits;
    CK_ATTRIBUTE id = {CKA_ID, (void *)what->interim.p, what->interim.n};
    CK_ATTRIBUTE label = {CKA_LABEL, (void *)what->label, strlen(what->label)};
    CK_ATTRIBUTE token = {CKA_TOKEN, &yes, sizeof(yes)};
    bool rsa = what->type == TOK_KEY_RSA;
    CK_ATTRIBUTE pub[] = {
        id,
        label,
        token,
        {CKA_PRIVATE, &no, sizeof(no)},
        {CKA_VERIFY, &yes, sizeof(yes)},
        rsa ? (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof(bits)}
            : (CK_ATTRIBUTE){CKA_EC_PARAMS, (void *)params.p, params.n},
        {CKA_PUBLIC_EXPONENT, (void *)exponent, sizeof(exponent)},
        {CKA_ENCRYPT, &yes, sizeof(yes)},
    };
    CK_ATTRIBUTE priv[] = {
        id,
        label,
        token,
        {CKA_PRIVATE, &yes, sizeof(yes)},
        {CKA_SENSITIVE, &yes, sizeof(yes)},
        {CKA_EXTRACTABLE, &no, sizeof(no)},
        {CKA_SIGN, &yes, sizeof(yes)},
        rsa ? (CK_ATTRIBUTE){CKA_DECRYPT, &yes, sizeof(yes)} : (CK_ATTRIBUTE){CKA_DERIVE, &yes, sizeof(yes)},
    };
    CK_ULONG npub = CR_COUNT(pub) - (rsa ? 0 : 2), npriv = CR_COUNT(priv) - (what->type == TOK_KEY_ED25519);

    return ses->p11->C_GenerateKeyPair(ses->handle, &mech, pub, npub, priv, npriv, &pair->pub, &pair->priv);
}

static bool params_refused(CK_RV rv)
{
    return rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_DOMAIN_PARAMS_INVALID || rv == CKR_CURVE_NOT_SUPPORTED ||
           rv == CKR_TEMPLATE_INCONSISTENT;
}

static cr_status pair_make(struct tok_session *ses, const struct tok_generate *what, struct pair *pair,
                           struct cr_err *err)
{
    struct cr_bytes params =
        what->type == TOK_KEY_ED25519 ? cr_bytes(ed25519_oid, sizeof(ed25519_oid)) : what->ec_params;
    cr_status st = tok_session_enter(ses, err);
    CK_RV rv;

    if (cr_failed(st))
        return st;
    rv = pair_call(ses, what, params, pair);
    /* RFC 8410's OID or PKCS#11 3.0's name: tokens take one or the other. */
    if (what->type == TOK_KEY_ED25519 && params_refused(rv))
        rv = pair_call(ses, what, cr_bytes(ed25519_name, sizeof(ed25519_name)), pair);
    tok_session_leave(ses);
    if (rv == CKR_OK)
        return st;
    *pair = (struct pair){0};
    st = tok_session_fail(ses, "C_GenerateKeyPair", rv, err);
    if (rv == CKR_MECHANISM_INVALID || rv == CKR_FUNCTION_NOT_SUPPORTED || rv == CKR_KEY_SIZE_RANGE ||
        params_refused(rv))
        st = cr_prefix(err, (cr_status){CR_E_UNSUPPORTED}, "a key of this kind cannot be generated");
    return st;
}

/* ---- what came out ---- */

/* @out is replaced by the object's big number, which must be there. */
static cr_status number_read(struct tok_session *ses, CK_OBJECT_HANDLE obj, CK_ATTRIBUTE_TYPE type, struct cr_buf *out,
                             struct cr_err *err)
{
    struct cr_buf value = {0};
    cr_status st = tok_attr_get(ses, obj, type, &value, err);
    struct cr_bytes number = tok_attr_trim(cr_buf_bytes(&value));

    if (!cr_failed(st))
        st = number.n > 0 ? cr_buf_set(out, number.p, number.n, err)
                          : cr_fail(err, CR_E_TOKEN, "token %s does not show the public half of the key it generated",
                                    ses->m->name);
    cr_buf_clear(&value);
    return st;
}

static cr_status point_read(struct tok_session *ses, CK_OBJECT_HANDLE obj, size_t size, struct cr_buf *out,
                            struct cr_err *err)
{
    struct cr_buf value = {0};
    cr_status st = tok_attr_get(ses, obj, CKA_EC_POINT, &value, err);
    struct cr_bytes point = cr_buf_bytes(&value);

    if (point.n != size)
        point = tok_attr_point(point);
    if (!cr_failed(st))
        st = point.n == size ? cr_buf_set(out, point.p, point.n, err)
                             : cr_fail(err, CR_E_TOKEN,
                                       "token %s shows a public point of %zu bytes for the key it generated, not %zu",
                                       ses->m->name, point.n, size);
    cr_buf_clear(&value);
    return st;
}

static unsigned bit_length(const struct cr_buf *n)
{
    unsigned bits = (unsigned)n->n * 8;

    for (unsigned mask = 0x80; mask > 0 && !(n->p[0] & mask); mask >>= 1)
        bits--;
    return bits;
}

static cr_status public_read(struct tok_session *ses, CK_OBJECT_HANDLE obj, const struct tok_generate *what,
                             struct tok_key *key, struct cr_err *err)
{
    cr_status st;

    tok_key_clear(key);
    key->type = what->type;
    key->bits = what->bits;
    if (what->type != TOK_KEY_RSA) {
        if (what->type == TOK_KEY_EC &&
            cr_failed(st = cr_buf_set(&key->ec_params, what->ec_params.p, what->ec_params.n, err)))
            return st;
        return point_read(ses, obj, what->point, &key->point, err);
    }
    if (cr_failed(st = number_read(ses, obj, CKA_MODULUS, &key->n, err)) ||
        cr_failed(st = number_read(ses, obj, CKA_PUBLIC_EXPONENT, &key->e, err)))
        return st;
    return bit_length(&key->n) == what->bits
               ? st
               : cr_fail(err, CR_E_TOKEN, "token %s generated an RSA key of %u bits, not %u", ses->m->name,
                         bit_length(&key->n), what->bits);
}

static cr_status id_set(struct tok_session *ses, CK_OBJECT_HANDLE obj, const struct cr_buf *id, struct cr_err *err)
{
    CK_ATTRIBUTE attr = {CKA_ID, id->p, id->n};
    struct cr_buf seen = {0};
    cr_status st = tok_session_enter(ses, err);
    CK_RV rv;

    if (cr_failed(st))
        return st;
    rv = ses->p11->C_SetAttributeValue(ses->handle, obj, &attr, 1);
    tok_session_leave(ses);
    if (rv != CKR_OK)
        return tok_session_fail(ses, "C_SetAttributeValue", rv, err);
    st = tok_attr_get(ses, obj, CKA_ID, &seen, err);
    if (!cr_failed(st) && !cr_bytes_equal(cr_buf_bytes(&seen), cr_buf_bytes(id)))
        st = cr_fail(err, CR_E_TOKEN, "token %s did not keep the CKA_ID of the key it generated", ses->m->name);
    cr_buf_clear(&seen);
    return st;
}

/* ---- all of it ---- */

static cr_status ids_destroy(struct tok_session *ses, struct cr_bytes id, struct cr_err *err)
{
    CK_ATTRIBUTE tmpl[] = {{CKA_TOKEN, &yes, sizeof(yes)}, {CKA_ID, (void *)id.p, id.n}};
    CK_OBJECT_HANDLE hits[4];
    size_t n = 0;
    cr_status st = tok_attr_find(ses, tmpl, CR_COUNT(tmpl), hits, CR_COUNT(hits), &n, err);

    for (size_t i = 0; i < n && !cr_failed(st); i++)
        st = tok_destroy(ses, hits[i], err);
    return st;
}

/* Of an earlier try that ended with the token. The key's own id is a hash of it: nobody else's. */
static cr_status earlier_destroy(struct tok_session *ses, struct generation *g, struct cr_err *err)
{
    cr_status st = cr_ok();

    if (g->tried && !cr_failed(st = ids_destroy(ses, g->what->interim, err)) && g->key.id.n > 0)
        st = ids_destroy(ses, cr_buf_bytes(&g->key.id), err);
    return st;
}

static cr_status pair_finish(struct tok_session *ses, struct generation *g, const struct pair *pair, struct cr_err *err)
{
    CK_TOKEN_INFO info;
    cr_status st;

    if (cr_failed(st = tok_create_check(ses, pair->priv, false, err)) ||
        cr_failed(st = public_read(ses, pair->pub, g->what, &g->key, err)) ||
        cr_failed(st = g->what->id(&g->key, err)) || cr_failed(st = id_set(ses, pair->pub, &g->key.id, err)) ||
        cr_failed(st = id_set(ses, pair->priv, &g->key.id, err)))
        return st;
    tok_member_info(ses->m, &info);
    return tok_uri_make(&info, CKO_PRIVATE_KEY, cr_buf_bytes(&g->key.id), cr_bytes(NULL, 0), &g->location, err);
}

static cr_status generate_all(struct tok_session *ses, void *arg, struct cr_err *err)
{
    struct generation *g = arg;
    struct pair pair = {0};
    cr_status st;
    CK_RV rv;

    if (cr_failed(st = earlier_destroy(ses, g, err)))
        return st;
    g->tried = true;
    if (cr_failed(st = pair_make(ses, g->what, &pair, err)) || !cr_failed(st = pair_finish(ses, g, &pair, err)))
        return st;
    rv = ses->rv; /* of the failure, not of the clean-up */
    cr_ignore(tok_destroy(ses, pair.priv, NULL));
    cr_ignore(tok_destroy(ses, pair.pub, NULL));
    ses->rv = rv;
    return st;
}

cr_status tok_generate(struct tok_local *loc, size_t token, const struct tok_generate *what, struct tok_key *pub,
                       char **location, struct cr_err *err)
{
    struct generation g = {.what = what};
    struct tok_member *m = NULL;
    cr_status st;

    if (cr_failed(st = tok_member_at(loc, token, &m, err)) ||
        cr_failed(st = tok_session_run(m, true, generate_all, &g, err))) {
        tok_key_clear(&g.key);
        cr_free_str(&g.location);
        return st;
    }
    *pub = g.key;
    *location = g.location;
    return st;
}
