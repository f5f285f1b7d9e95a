/* SPDX-License-Identifier: Apache-2.0 */
#include "issue.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "pkcs11/tok_generate.h"
#include "tool_cert.h"
#include "tool_confirm.h"
#include "tool_softhsm.h"
#include "tool_token.h"
#include "tool_progress.h"

#define KIND_DEFAULT "rsa:3072"
#define INTERIM      20 /* bytes of CKA_ID until the key is known */

void issue_clear(struct issue *issue)
{
    tok_key_clear(&issue->kind);
    tok_key_clear(&issue->key);
    X509_NAME_free(issue->subject);
    GENERAL_NAMES_free(issue->san);
    EXTENDED_KEY_USAGE_free(issue->eku);
    cr_free_str(&issue->location);
    *issue = (struct issue){0};
}

static cr_status subject_default(const char *name, X509_NAME **out, struct cr_err *err)
{
    X509_NAME *subject = X509_NAME_new();

    if (!subject ||
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) != 1) {
        X509_NAME_free(subject);
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    *out = subject;
    return cr_ok();
}

cr_status issue_read(struct tool *tool, const char *name, struct issue *out, struct cr_err *err)
{
    const char *kind = tool_opt(tool, ISSUE_KEY), *subject = tool_opt(tool, ISSUE_SUBJECT);
    const char *san = tool_opt(tool, ISSUE_SAN), *eku = tool_opt(tool, ISSUE_EKU);
    bool named;
    cr_status st;

    if (cr_failed(st = cert_kind_parse(kind ? kind : KIND_DEFAULT, &out->kind, err)) ||
        (san && cr_failed(st = cert_san_parse(san, &out->san, err))) ||
        (eku && cr_failed(st = cert_eku_parse(eku, &out->eku, err))))
        return st;
    if (subject)
        st = cert_subject_parse(subject, &out->subject, err);
    else if (name)
        st = subject_default(name, &out->subject, err);
    else
        st = cr_fail(err, CR_E_USAGE, "%s: --subject is needed", tool->cmd->name);
    return cr_failed(st) ? st : tool_token_target(tool, tool_opt(tool, ISSUE_TOKEN), &out->token, &named, err);
}

/* ---- a stand-in ---- */

/* Numbers of the right size that are nobody's: OpenSSL would take seconds for a true RSA key. */
static cr_status rsa_stand_in(const struct tok_key *kind, struct tok_key *out, struct cr_err *err)
{
    static const unsigned char e[] = {1, 0, 1};
    unsigned char n[2048] = {0};
    size_t len = kind->bits / 8;
    cr_status st;

    if (RAND_bytes(n, (int)len) != 1)
        return cr_fail(err, CR_E_INTERNAL, "no random numbers");
    n[0] |= 0x80;
    n[len - 1] |= 1;
    out->type = TOK_KEY_RSA;
    out->bits = kind->bits;
    if (cr_failed(st = cr_buf_set(&out->n, n, len, err)) || cr_failed(st = cr_buf_set(&out->e, e, sizeof(e), err)))
        return st;
    return cert_key_set_id(out, err);
}

static cr_status stand_in(const struct tok_key *kind, struct tok_key *out, struct cr_err *err)
{
    const char *curve = kind->bits == 256 ? "P-256" : kind->bits == 384 ? "P-384" : "P-521";
    struct tok_key whole = {0};
    EVP_PKEY *pkey;
    cr_status st;

    if (kind->type == TOK_KEY_RSA)
        return rsa_stand_in(kind, out, err);
    pkey = kind->type == TOK_KEY_EC ? EVP_PKEY_Q_keygen(NULL, "provider!=certroll", "EC", curve)
                                    : EVP_PKEY_Q_keygen(NULL, "provider!=certroll", "ED25519");
    if (!pkey)
        return cr_fail(err, CR_E_INTERNAL, "a sample key could not be generated");
    if (!cr_failed(st = cert_key_from_pkey(pkey, &whole, err)))
        st = tok_key_copy_public(&whole, out, err);
    EVP_PKEY_free(pkey);
    tok_key_clear(&whole);
    return st;
}

static cr_status no_signature(void *arg, const struct tok_mech *mech, struct cr_bytes in, unsigned char *out,
                              size_t size, size_t *n, struct cr_err *err)
{
    (void)arg;
    (void)mech;
    (void)in;
    if (size < 64)
        return cr_fail(err, CR_E_SIZE, "no room");
    memset(out, 1, 64);
    *n = 64;
    return cr_ok();
}

cr_status issue_sample(const struct issue *issue, int64_t from, int64_t until, struct role_cert **out,
                       struct cr_err *err)
{
    struct tok_key key = {0};
    struct cert_make what = {.key = &key,
                             .subject = issue->subject,
                             .san = issue->san,
                             .eku = issue->eku,
                             .sign = no_signature,
                             .unchecked = true};
    struct role_cert *cert = NULL;
    struct cr_buf der = {0};
    cr_status st;

    if (cr_failed(st = stand_in(&issue->kind, &key, err)) ||
        cr_failed(st = cert_make_self_signed(&what, from, until, &der, err)) ||
        cr_failed(st = tool_cert_new(cr_buf_bytes(&der), NULL, 0, &cert, err)))
        goto out;
    if (cr_failed(st = tool_cert_add_location(cert, TOOL_SHOWN_UNPLACED, err)))
        role_cert_unref(&cert);
    else
        *out = cert;
out:
    cr_buf_clear(&der);
    tok_key_clear(&key);
    return st;
}

/* ---- the key ---- */

cr_status issue_key(struct tool *tool, const char *label, struct issue *issue, struct cr_err *err)
{
    unsigned char interim[INTERIM];
    struct tok_generate what = {
        .type = issue->kind.type,
        .bits = issue->kind.bits,
        .ec_params = cr_buf_bytes(&issue->kind.ec_params),
        .point = cert_kind_point(&issue->kind),
        .label = label,
        .interim = cr_bytes(interim, sizeof(interim)),
        .id = cert_key_set_id,
    };
    struct tok_local *tokens;
    cr_status st;

    if (RAND_bytes(interim, sizeof(interim)) != 1)
        return cr_fail(err, CR_E_INTERNAL, "no random numbers");
    if (cr_failed(st = tool_tokens(tool, &tokens, err)))
        return st;
    tool_progress_begin("the token makes a key");
    st = tok_generate(tokens, issue->token, &what, &issue->key, &issue->location, err);
    tool_progress_end();
    if (!cr_failed(st) && cr_failed(st = tool_softhsm_open(tool, err)))
        issue_drop(tool, issue, cr_bytes(NULL, 0));
    return st;
}

void issue_drop(struct tool *tool, const struct issue *issue, struct cr_bytes cert)
{
    struct tok_local *tokens;
    struct cr_err why = {0};

    if (!issue->location)
        return;
    if (cr_failed(tool_tokens(tool, &tokens, &why)) ||
        cr_failed(tok_remove(tokens, issue->token, cr_buf_bytes(&issue->key.id), cert, &why)))
        tool_warn("the key at %s could not be removed again: %s", issue->location, why.text);
}

/* ---- what it signs ---- */

struct by_token {
    struct tok_signer *signer;
    struct tok_object *obj;
};

static cr_status token_sign(void *arg, const struct tok_mech *mech, struct cr_bytes in, unsigned char *out, size_t size,
                            size_t *n, struct cr_err *err)
{
    const struct by_token *by = arg;

    return by->signer->ops->sign(by->obj, mech, in, out, size, n, err);
}

/* @until 0: a request. */
static cr_status make(struct tool *tool, const struct issue *issue, int64_t from, int64_t until, struct cr_buf *der,
                      struct cr_err *err)
{
    struct by_token by = {0};
    struct cert_make what = {.key = &issue->key,
                             .subject = issue->subject,
                             .san = issue->san,
                             .eku = issue->eku,
                             .sign = token_sign,
                             .sign_arg = &by};
    const char *location = issue->location;
    struct tok_local *tokens;
    EVP_PKEY *pkey = NULL;
    cr_status st;

    if (cr_failed(st = tool_tokens(tool, &tokens, err)) ||
        cr_failed(st = cert_key_to_pkey(NULL, &issue->key, &pkey, err)))
        return st;
    by.signer = tok_local_signer(tokens);
    st = by.signer->ops->find(by.signer, &location, 1, &issue->key, cert_verify_probe, pkey, &by.obj, err);
    if (!cr_failed(st))
        st = until ? cert_make_self_signed(&what, from, until, der, err) : cert_make_request(&what, der, err);
    by.signer->ops->object_unref(&by.obj);
    EVP_PKEY_free(pkey);
    return st;
}

cr_status issue_self_signed(struct tool *tool, const struct issue *issue, int64_t from, int64_t until,
                            struct cr_buf *der, struct cr_err *err)
{
    return make(tool, issue, from, until, der, err);
}

cr_status issue_request(struct tool *tool, const struct issue *issue, struct cr_buf *der, struct cr_err *err)
{
    return make(tool, issue, 0, 0, der, err);
}
