/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_crypto.h"

#include <string.h>

#include "tok_attr.h"
#include "tok_login.h"

struct params {
    CK_MECHANISM mech;
    CK_RSA_PKCS_PSS_PARAMS pss;
    CK_RSA_PKCS_OAEP_PARAMS oaep;
};

static const struct {
    CK_MECHANISM_TYPE hash;
    unsigned long mgf;
} hashes[] = {
    [TOK_SHA1] = {CKM_SHA_1, CKG_MGF1_SHA1},      [TOK_SHA224] = {CKM_SHA224, CKG_MGF1_SHA224},
    [TOK_SHA256] = {CKM_SHA256, CKG_MGF1_SHA256}, [TOK_SHA384] = {CKM_SHA384, CKG_MGF1_SHA384},
    [TOK_SHA512] = {CKM_SHA512, CKG_MGF1_SHA512},
};

static const struct {
    CK_MECHANISM_TYPE type;
    enum tok_key_type key;
} ops[] = {
    [TOK_SIGN_RSA_PKCS1] = {CKM_RSA_PKCS, TOK_KEY_RSA},   [TOK_SIGN_RSA_RAW] = {CKM_RSA_X_509, TOK_KEY_RSA},
    [TOK_SIGN_RSA_PSS] = {CKM_RSA_PKCS_PSS, TOK_KEY_RSA}, [TOK_SIGN_ECDSA] = {CKM_ECDSA, TOK_KEY_EC},
    [TOK_SIGN_EDDSA] = {CKM_EDDSA, TOK_KEY_ED25519},      [TOK_DECRYPT_RSA_PKCS1] = {CKM_RSA_PKCS, TOK_KEY_RSA},
    [TOK_DECRYPT_RSA_RAW] = {CKM_RSA_X_509, TOK_KEY_RSA}, [TOK_DECRYPT_RSA_OAEP] = {CKM_RSA_PKCS_OAEP, TOK_KEY_RSA},
};

size_t tok_crypto_size(const struct tok_key *pub, enum tok_op op)
{
    if ((size_t)op >= CR_COUNT(ops) || ops[op].key != pub->type)
        return 0;
    switch (pub->type) {
    case TOK_KEY_RSA:
        return (pub->bits + 7) / 8;
    case TOK_KEY_EC: /* orders of the curves we know are as long as their fields */
        return (size_t)(pub->bits + 7) / 8 * 2;
    case TOK_KEY_ED25519:
        return 64;
    }
    return 0;
}

/* SoftHSM wants no parameters for CKM_EDDSA. Members by position, in the standard's order: p11-kit 0.24 and 0.25 name them
 * differently. */
static cr_status params_fill(const struct tok_mech *mech, struct params *p, struct cr_err *err)
{
    *p = (struct params){.mech = {ops[mech->op].type, NULL, 0}};
    if ((size_t)mech->hash >= CR_COUNT(hashes) || (size_t)mech->mgf >= CR_COUNT(hashes))
        return cr_fail(err, CR_E_UNSUPPORTED, "unknown digest");
    if (mech->op == TOK_SIGN_RSA_PSS) {
        p->pss = (CK_RSA_PKCS_PSS_PARAMS){hashes[mech->hash].hash, hashes[mech->mgf].mgf, mech->salt_len};
        p->mech.pParameter = &p->pss;
        p->mech.ulParameterLen = sizeof(p->pss);
    } else if (mech->op == TOK_DECRYPT_RSA_OAEP) {
        p->oaep = (CK_RSA_PKCS_OAEP_PARAMS){hashes[mech->hash].hash, hashes[mech->mgf].mgf, CKZ_DATA_SPECIFIED,
                                            mech->label.n > 0 ? (void *)mech->label.p : NULL, mech->label.n};
        p->mech.pParameter = &p->oaep;
        p->mech.ulParameterLen = sizeof(p->oaep);
    }
    return cr_ok();
}

/* The calls pass the gate as one: a fork waits for all of them. */
static cr_status sign_calls(struct tok_session *ses, CK_OBJECT_HANDLE obj, CK_MECHANISM *mech, struct cr_bytes in,
                            unsigned char *sig, CK_ULONG *n, struct cr_err *err)
{
    const char *function = "C_SignInit";
    struct tok_context own;
    CK_RV rv, login = CKR_OK;
    cr_status st;

    if (cr_failed(st = tok_context_ask(ses, &own, err)) || cr_failed(st = tok_session_enter(ses, err)))
        goto out;
    if ((rv = ses->p11->C_SignInit(ses->handle, mech, obj)) == CKR_OK &&
        (rv = login = tok_context_login(ses, &own)) == CKR_OK) {
        function = "C_Sign";
        rv = ses->p11->C_Sign(ses->handle, (unsigned char *)in.p, (CK_ULONG)in.n, sig, n);
    }
    tok_session_leave(ses);
    if (login != CKR_OK)
        st = tok_context_refused(ses, &own, login, err);
    else if (rv != CKR_OK)
        st = tok_session_fail(ses, function, rv, err);
out:
    tok_context_end(ses, &own, !cr_failed(st));
    return st;
}

cr_status tok_crypto_sign(struct tok_session *ses, CK_OBJECT_HANDLE obj, const struct tok_key *pub,
                          const struct tok_mech *mech, struct cr_bytes in, unsigned char *out, size_t size, size_t *n,
                          struct cr_err *err)
{
    unsigned char sig[TOK_OUT_MAX];
    size_t want = mech->op <= TOK_SIGN_EDDSA ? tok_crypto_size(pub, mech->op) : 0;
    CK_ULONG got = sizeof(sig);
    struct params p;
    cr_status st;

    if (want == 0 || want > sizeof(sig))
        return cr_fail(err, CR_E_UNSUPPORTED, "token %s: not an operation of this key", ses->m->name);
    if (size < want)
        return cr_fail(err, CR_E_SIZE, "room for %zu bytes, the signature has %zu", size, want);
    if (cr_failed(st = params_fill(mech, &p, err)))
        return st;
    if (mech->op == TOK_SIGN_ECDSA && in.n > want / 2)
        in.n = want / 2;
    if (cr_failed(st = sign_calls(ses, obj, &p.mech, in, sig, &got, err)))
        return st;
    if (got != want)
        return cr_fail(err, CR_E_TOKEN, "token %s: C_Sign gave %lu bytes instead of %zu", ses->m->name, got, want);
    memcpy(out, sig, want);
    *n = want;
    return st;
}

/* What tokens say of a text that does not decrypt (SoftHSM: CKR_GENERAL_ERROR). Whoever sent it must not learn that by a
 * repair, and not make the module start anew by sending it: no call follows, and the session stays in the pool. */
static bool text_refused(CK_RV rv)
{
    return rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_ENCRYPTED_DATA_INVALID ||
           rv == CKR_ENCRYPTED_DATA_LEN_RANGE || rv == CKR_DATA_INVALID || rv == CKR_DATA_LEN_RANGE ||
           rv == CKR_ARGUMENTS_BAD || (rv & CKR_VENDOR_DEFINED) != 0;
}

static cr_status decrypt_failed(struct tok_session *ses, const char *function, const CK_MECHANISM *mech, CK_RV rv,
                                struct cr_err *err)
{
    bool begun = strcmp(function, "C_Decrypt") == 0;

    /* Digests the token has not got: it says so in one of several ways (SoftHSM: CKR_ARGUMENTS_BAD). */
    if (rv == CKR_ARGUMENTS_BAD && mech->mechanism == CKM_RSA_PKCS_OAEP) {
        ses->rv = rv;
        return cr_fail(err, CR_E_UNSUPPORTED, "token %s: %s: OAEP with this digest or label: %s", ses->m->name,
                       function, tok_ckr_name(rv));
    }
    if (!begun || !text_refused(rv))
        return tok_session_fail(ses, function, rv, err);
    ses->sound = true;
    return cr_fail(err, CR_E_INVALID, "token %s: %s: %s (0x%lx)", ses->m->name, function, tok_ckr_name(rv), rv);
}

static cr_status decrypt_calls(struct tok_session *ses, CK_OBJECT_HANDLE obj, CK_MECHANISM *mech, struct cr_bytes in,
                               unsigned char *plain, CK_ULONG *n, struct cr_err *err)
{
    const char *function = "C_DecryptInit";
    struct tok_context own;
    CK_RV rv, login = CKR_OK;
    cr_status st;

    if (cr_failed(st = tok_context_ask(ses, &own, err)) || cr_failed(st = tok_session_enter(ses, err)))
        goto out;
    if ((rv = ses->p11->C_DecryptInit(ses->handle, mech, obj)) == CKR_OK &&
        (rv = login = tok_context_login(ses, &own)) == CKR_OK) {
        function = "C_Decrypt";
        rv = ses->p11->C_Decrypt(ses->handle, (unsigned char *)in.p, (CK_ULONG)in.n, plain, n);
    }
    tok_session_leave(ses);
    if (login != CKR_OK)
        st = tok_context_refused(ses, &own, login, err);
    else if (rv != CKR_OK)
        st = decrypt_failed(ses, function, mech, rv, err);
out:
    tok_context_end(ses, &own, !cr_failed(st));
    return st;
}

cr_status tok_crypto_decrypt(struct tok_session *ses, CK_OBJECT_HANDLE obj, const struct tok_key *pub,
                             const struct tok_mech *mech, struct cr_bytes in, unsigned char *out, size_t size,
                             size_t *n, struct cr_err *err)
{
    unsigned char plain[TOK_OUT_MAX];
    size_t k = mech->op > TOK_SIGN_EDDSA ? tok_crypto_size(pub, mech->op) : 0;
    CK_ULONG got = sizeof(plain);
    struct params p;
    cr_status st;

    if (k == 0 || k > sizeof(plain))
        return cr_fail(err, CR_E_UNSUPPORTED, "token %s: not an operation of this key", ses->m->name);
    if (in.n != k)
        return cr_fail(err, CR_E_INVALID, "%zu bytes to decrypt, the key takes %zu", in.n, k);
    if (cr_failed(st = params_fill(mech, &p, err)))
        return st;
    st = decrypt_calls(ses, obj, &p.mech, in, plain, &got, err);
    ses->sound = ses->sound || !cr_failed(st);
    if (!cr_failed(st) && got > k)
        st = cr_fail(err, CR_E_TOKEN, "token %s: C_Decrypt gave %lu bytes", ses->m->name, got);
    else if (!cr_failed(st) && got > size)
        st = cr_fail(err, CR_E_SIZE, "room for %zu bytes, %lu decrypted", size, got);
    if (!cr_failed(st)) {
        memcpy(out, plain, got);
        *n = got;
    }
    cr_cleanse(plain, sizeof(plain));
    return st;
}

static cr_status derive_calls(struct tok_session *ses, CK_OBJECT_HANDLE obj, struct cr_bytes point, CK_ULONG field,
                              CK_OBJECT_HANDLE *secret, struct cr_err *err)
{
    CK_ECDH1_DERIVE_PARAMS params = {CKD_NULL, 0, NULL, point.n, (unsigned char *)point.p};
    CK_MECHANISM mech = {CKM_ECDH1_DERIVE, &params, sizeof(params)};
    CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ATTRIBUTE tmpl[] = {{CKA_CLASS, &cls, sizeof(cls)},       {CKA_KEY_TYPE, &type, sizeof(type)},
                           {CKA_TOKEN, &no, sizeof(no)},         {CKA_SENSITIVE, &no, sizeof(no)},
                           {CKA_EXTRACTABLE, &yes, sizeof(yes)}, {CKA_VALUE_LEN, &field, sizeof(field)}};
    cr_status st = tok_session_enter(ses, err);
    CK_RV rv;

    if (cr_failed(st))
        return st;
    rv = ses->p11->C_DeriveKey(ses->handle, &mech, obj, tmpl, CR_COUNT(tmpl), secret);
    tok_session_leave(ses);
    return rv == CKR_OK ? st : tok_session_fail(ses, "C_DeriveKey", rv, err);
}

static cr_status secret_take(struct tok_session *ses, CK_OBJECT_HANDLE secret, size_t field, unsigned char *out,
                             struct cr_err *err)
{
    struct cr_buf value = {0};
    cr_status st = tok_attr_get(ses, secret, CKA_VALUE, &value, err);
    CK_RV rv;

    if (!cr_failed(tok_session_enter(ses, NULL))) {
        rv = ses->p11->C_DestroyObject(ses->handle, secret);
        tok_session_leave(ses);
        /* A session that keeps a secret is not given back to the pool. */
        if (rv != CKR_OK && !cr_failed(st))
            st = tok_session_fail(ses, "C_DestroyObject", rv, err);
    }
    if (!cr_failed(st) && (value.n == 0 || value.n > field))
        st = cr_fail(err, CR_E_TOKEN, "token %s: C_DeriveKey gave %zu bytes instead of %zu", ses->m->name, value.n,
                     field);
    if (!cr_failed(st)) {
        memset(out, 0, field - value.n); /* some tokens cut leading zeros */
        memcpy(out + field - value.n, value.p, value.n);
    }
    cr_buf_clear(&value);
    return st;
}

cr_status tok_crypto_derive(struct tok_session *ses, CK_OBJECT_HANDLE obj, const struct tok_key *pub,
                            struct cr_bytes point, unsigned char *out, size_t size, size_t *n, struct cr_err *err)
{
    size_t field = (pub->bits + 7) / 8;
    CK_OBJECT_HANDLE secret = 0;
    cr_status st;

    if (pub->type != TOK_KEY_EC)
        return cr_fail(err, CR_E_UNSUPPORTED, "token %s: not an operation of this key", ses->m->name);
    if (point.n != 2 * field + 1 || point.p[0] != 0x04)
        return cr_fail(err, CR_E_INVALID, "the peer's point is not an uncompressed point of the key's curve");
    if (size < field)
        return cr_fail(err, CR_E_SIZE, "room for %zu bytes, the secret has %zu", size, field);
    if (cr_failed(st = derive_calls(ses, obj, point, (CK_ULONG)field, &secret, err)) ||
        cr_failed(st = secret_take(ses, secret, field, out, err)))
        return st;
    *n = field;
    return st;
}
