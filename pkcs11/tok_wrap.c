/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_wrap.h"

#include "tok_attr.h"
#include "tok_create.h"
#include "tok_member.h"

#define WRAPPED_MAX 16384 /* an RSA key of 16384 bits takes 9.5 KiB */

/* By PKCS#11 3.0, and by 2.40 drafts that SoftHSM follows; NSS means something else by the second. */
static const CK_MECHANISM_TYPE mechanisms[] = {0x210bUL, 0x210aUL};

struct wrapping {
    struct cr_bytes id, kek;
    struct cr_buf out;
};

static cr_status key_find(struct tok_session *ses, struct cr_bytes id, CK_OBJECT_HANDLE *out, struct cr_err *err)
{
    CK_OBJECT_CLASS cls = CKO_PRIVATE_KEY;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE tmpl[] = {
        {CKA_CLASS, &cls, sizeof(cls)}, {CKA_TOKEN, &yes, sizeof(yes)}, {CKA_ID, (void *)id.p, id.n}};
    CK_OBJECT_HANDLE hits[2]; /* room for the duplicate we refuse */
    size_t n = 0;
    cr_status st = tok_attr_find(ses, tmpl, CR_COUNT(tmpl), hits, CR_COUNT(hits), &n, err);

    if (cr_failed(st))
        return st;
    if (n > 1)
        return cr_fail(err, CR_E_AMBIGUOUS, "token %s: more than one private key has this CKA_ID", ses->m->name);
    if (n == 0)
        return cr_failed(st = tok_session_unseen(ses, err))
                   ? st
                   : cr_fail(err, CR_E_NOT_FOUND, "token %s has not got the private key", ses->m->name);
    *out = hits[0];
    return st;
}

static cr_status extractable_check(struct tok_session *ses, CK_OBJECT_HANDLE key, struct cr_err *err)
{
    bool extractable = false;
    cr_status st = tok_attr_bool(ses, key, CKA_EXTRACTABLE, false, &extractable, err);

    if (cr_failed(st) || extractable)
        return st;
    return cr_fail(err, CR_E_REFUSED,
                   "token %s never gives this private key away: it was not made exportable (CKA_EXTRACTABLE is false), "
                   "which cannot be changed",
                   ses->m->name);
}

static cr_status kek_create(struct tok_session *ses, struct cr_bytes kek, CK_OBJECT_HANDLE *out, struct cr_err *err)
{
    CK_OBJECT_CLASS cls = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ATTRIBUTE tmpl[] = {
        {CKA_CLASS, &cls, sizeof(cls)}, {CKA_KEY_TYPE, &type, sizeof(type)}, {CKA_TOKEN, &no, sizeof(no)},
        {CKA_WRAP, &yes, sizeof(yes)},  {CKA_VALUE, (void *)kek.p, kek.n},
    };
    cr_status st = tok_session_enter(ses, err);
    CK_RV rv;

    if (cr_failed(st))
        return st;
    rv = ses->p11->C_CreateObject(ses->handle, tmpl, CR_COUNT(tmpl), out);
    tok_session_leave(ses);
    return rv == CKR_OK ? st : tok_session_fail(ses, "C_CreateObject", rv, err);
}

static bool cannot(CK_RV rv)
{
    return rv == CKR_MECHANISM_INVALID || rv == CKR_FUNCTION_NOT_SUPPORTED || rv == CKR_KEY_NOT_WRAPPABLE ||
           rv == CKR_KEY_UNEXTRACTABLE || rv == CKR_KEY_TYPE_INCONSISTENT || rv == CKR_WRAPPING_KEY_TYPE_INCONSISTENT ||
           rv == CKR_KEY_SIZE_RANGE;
}

static cr_status wrap(struct tok_session *ses, CK_OBJECT_HANDLE kek, CK_OBJECT_HANDLE key, struct cr_buf *out,
                      struct cr_err *err)
{
    unsigned char bytes[WRAPPED_MAX];
    CK_ULONG n = 0;
    CK_RV rv = CKR_MECHANISM_INVALID;
    cr_status st = tok_session_enter(ses, err);

    if (cr_failed(st))
        return st;
    for (size_t i = 0; i < CR_COUNT(mechanisms) && rv == CKR_MECHANISM_INVALID; i++) {
        CK_MECHANISM mech = {mechanisms[i], NULL, 0};
        n = sizeof(bytes);
        rv = ses->p11->C_WrapKey(ses->handle, &mech, kek, key, bytes, &n);
    }
    tok_session_leave(ses);
    if (rv == CKR_OK && n <= sizeof(bytes))
        return cr_buf_set(out, bytes, n, err);
    if (rv == CKR_OK)
        return cr_fail(err, CR_E_TOKEN, "token %s: C_WrapKey: %lu bytes", ses->m->name, n);
    st = tok_session_fail(ses, "C_WrapKey", rv, err);
    return cannot(rv) ? cr_prefix(err, (cr_status){CR_E_UNSUPPORTED}, "the token cannot export this kind of key") : st;
}

static cr_status wrap_all(struct tok_session *ses, void *arg, struct cr_err *err)
{
    struct wrapping *w = arg;
    CK_OBJECT_HANDLE key = 0, kek = 0;
    cr_status st;
    CK_RV rv;

    if (cr_failed(st = key_find(ses, w->id, &key, err)) || cr_failed(st = extractable_check(ses, key, err)) ||
        cr_failed(st = kek_create(ses, w->kek, &kek, err)))
        return st;
    st = wrap(ses, kek, key, &w->out, err);
    if (!cr_failed(st))
        return tok_destroy(ses, kek, err);
    rv = ses->rv; /* of the failure, not of the clean-up */
    cr_ignore(tok_destroy(ses, kek, NULL));
    ses->rv = rv;
    return st;
}

cr_status tok_wrap(struct tok_local *loc, size_t token, struct cr_bytes id, struct cr_bytes kek, struct cr_buf *out,
                   struct cr_err *err)
{
    struct wrapping w = {.id = id, .kek = kek};
    struct tok_member *m = NULL;
    cr_status st;

    if (id.n == 0 || kek.n != TOK_KEK)
        return cr_fail(err, CR_E_INVALID, "a key without CKA_ID cannot be exported");
    if (cr_failed(st = tok_member_at(loc, token, &m, err)) ||
        cr_failed(st = tok_session_run(m, false, wrap_all, &w, err))) {
        cr_buf_clear(&w.out);
        return st;
    }
    cr_buf_clear(out);
    *out = w.out;
    return st;
}
