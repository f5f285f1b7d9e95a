/* SPDX-License-Identifier: Apache-2.0 */
#include "cert_make.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

#include "cert_err.h"

#define SIG_MAX 2048 /* RSA up to 16384 bits */

/* DigestInfo without the digest (RFC 8017 section 9.2, note 1). */
static const unsigned char sha256_info[] = {0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1,
                                            0x65, 3,    4,    2,    1, 5, 0,    4,    0x20};

struct sig_kind {
    int nid;
    const char *md; /* NULL: the message itself */
};

static struct sig_kind sig_kind_of(const struct tok_key *key)
{
    if (key->type == TOK_KEY_RSA)
        return (struct sig_kind){NID_sha256WithRSAEncryption, "SHA256"};
    if (key->type == TOK_KEY_ED25519)
        return (struct sig_kind){NID_ED25519, NULL};
    return key->bits == 256   ? (struct sig_kind){NID_ecdsa_with_SHA256, "SHA256"}
           : key->bits == 384 ? (struct sig_kind){NID_ecdsa_with_SHA384, "SHA384"}
                              : (struct sig_kind){NID_ecdsa_with_SHA512, "SHA512"};
}

/* ---- extensions ---- */

static int ext_push(STACK_OF(X509_EXTENSION) * *exts, int nid, void *value, int critical)
{
    return value == NULL || X509V3_add1_i2d(exts, nid, value, critical, X509V3_ADD_APPEND) == 1;
}

static int usage_push(STACK_OF(X509_EXTENSION) * *exts, const struct tok_key *key)
{
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    int good = bits != NULL && ASN1_BIT_STRING_set_bit(bits, 0, 1) == 1 &&               /* digitalSignature */
               (key->type != TOK_KEY_RSA || ASN1_BIT_STRING_set_bit(bits, 2, 1) == 1) && /* keyEncipherment */
               ext_push(exts, NID_key_usage, bits, 1);

    ASN1_BIT_STRING_free(bits);
    return good;
}

/* Not a CA. */
static int basic_push(STACK_OF(X509_EXTENSION) * *exts)
{
    BASIC_CONSTRAINTS *basic = BASIC_CONSTRAINTS_new();
    int good = basic != NULL && ext_push(exts, NID_basic_constraints, basic, 1);

    BASIC_CONSTRAINTS_free(basic);
    return good;
}

static int key_id_push(STACK_OF(X509_EXTENSION) * *exts, const struct tok_key *key)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    int good = id != NULL && ASN1_OCTET_STRING_set(id, key->id.p, (int)key->id.n) == 1 &&
               ext_push(exts, NID_subject_key_identifier, id, 0);

    ASN1_OCTET_STRING_free(id);
    return good;
}

/* A CA sets basicConstraints and the key identifier itself. */
static cr_status extensions_make(const struct cert_make *what, bool own, STACK_OF(X509_EXTENSION) * *out,
                                 struct cr_err *err)
{
    STACK_OF(X509_EXTENSION) *exts = NULL;
    int san_critical = X509_NAME_entry_count(what->subject) == 0; /* RFC 5280 section 4.2.1.6 */

    if ((!own || basic_push(&exts)) && usage_push(&exts, what->key) &&
        ext_push(&exts, NID_ext_key_usage, what->eku, 0) &&
        ext_push(&exts, NID_subject_alt_name, what->san, san_critical) && (!own || key_id_push(&exts, what->key))) {
        *out = exts;
        return cr_ok();
    }
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    return cert_fail(err, CR_E_INTERNAL, "the extensions could not be made");
}

/* ---- the signature ---- */

static cr_status digest_of(const char *name, struct cr_bytes in, struct cr_buf *out, struct cr_err *err)
{
    EVP_MD *md = EVP_MD_fetch(NULL, name, CERT_PROPQ);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    int good = md != NULL && EVP_Digest(in.p, in.n, digest, &n, md, NULL) == 1;

    EVP_MD_free(md);
    return good ? cr_buf_append(out, digest, n, err) : cert_fail(err, CR_E_INTERNAL, "%s failed", name);
}

/* @sig is replaced by what stands in the certificate. */
static cr_status sign(const struct cert_make *what, struct cr_bytes tbs, struct cr_buf *sig, struct cr_err *err)
{
    struct sig_kind kind = sig_kind_of(what->key);
    struct tok_mech mech = {.op = what->key->type == TOK_KEY_RSA  ? TOK_SIGN_RSA_PKCS1
                                  : what->key->type == TOK_KEY_EC ? TOK_SIGN_ECDSA
                                                                  : TOK_SIGN_EDDSA};
    unsigned char raw[SIG_MAX], der[160];
    struct cr_buf in = {0};
    size_t n = 0, nder = 0;
    cr_status st = cr_ok();

    if (what->key->type == TOK_KEY_RSA)
        st = cr_buf_set(&in, sha256_info, sizeof sha256_info, err);
    if (!cr_failed(st) && kind.md != NULL)
        st = digest_of(kind.md, tbs, &in, err);
    if (!cr_failed(st))
        st = what->sign(what->sign_arg, &mech, kind.md != NULL ? cr_buf_bytes(&in) : tbs, raw, sizeof raw, &n, err);
    if (!cr_failed(st) && what->key->type != TOK_KEY_EC)
        st = cr_buf_set(sig, raw, n, err);
    else if (!cr_failed(st) && !cr_failed(st = cert_ecdsa_to_der(cr_bytes(raw, n), der, sizeof der, &nder, err)))
        st = cr_buf_set(sig, der, nder, err);
    cr_buf_clear(&in);
    return st;
}

/* NULL parameters with RSA (RFC 4055 section 5), none with the others (RFC 5758, RFC 8410). */
static int algorithm_set(const X509_ALGOR *alg, const struct tok_key *key)
{
    return X509_ALGOR_set0((X509_ALGOR *)alg, OBJ_nid2obj(sig_kind_of(key).nid),
                           key->type == TOK_KEY_RSA ? V_ASN1_NULL : V_ASN1_UNDEF, NULL);
}

static int signature_set(const ASN1_BIT_STRING *at, const struct cr_buf *sig)
{
    ASN1_BIT_STRING *to = (ASN1_BIT_STRING *)at; /* OpenSSL has no other way for what it did not sign itself */

    if (ASN1_STRING_set(to, sig->p, (int)sig->n) != 1)
        return 0;
    to->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07L);
    to->flags |= ASN1_STRING_FLAG_BITS_LEFT; /* no unused bits */
    return 1;
}

/* Takes what an i2d function gave. */
static cr_status encoded(int n, unsigned char *p, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = n > 0 ? cr_buf_set(out, p, (size_t)n, err) : cert_fail(err, CR_E_INTERNAL, "cannot be encoded");

    OPENSSL_free(p);
    return st;
}

/* ---- certificates ---- */

static int serial_set(X509 *x)
{
    unsigned char bytes[20];
    BIGNUM *bn = NULL;
    int good = RAND_bytes(bytes, sizeof bytes) == 1;

    bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, 20 bytes (RFC 5280 section 4.1.2.2) */
    good = good && (bn = BN_bin2bn(bytes, sizeof bytes, NULL)) != NULL &&
           BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL;
    BN_free(bn);
    return good;
}

static cr_status x509_fill(const struct cert_make *what, EVP_PKEY *pkey, int64_t from, int64_t until, X509 *x,
                           struct cr_err *err)
{
    STACK_OF(X509_EXTENSION) *exts = NULL;
    cr_status st = extensions_make(what, true, &exts, err);
    int good = !cr_failed(st) && X509_set_version(x, X509_VERSION_3) == 1 && serial_set(x) &&
               X509_set_subject_name(x, what->subject) == 1 && X509_set_issuer_name(x, what->subject) == 1 &&
               ASN1_TIME_adj(X509_getm_notBefore(x), (time_t)from, 0, 0) != NULL &&
               ASN1_TIME_adj(X509_getm_notAfter(x), (time_t)until, 0, 0) != NULL && X509_set_pubkey(x, pkey) == 1;

    for (int i = 0; good && i < sk_X509_EXTENSION_num(exts); i++)
        good = X509_add_ext(x, sk_X509_EXTENSION_value(exts, i), -1) == 1;
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    return cr_failed(st) || good ? st : cert_fail(err, CR_E_INTERNAL, "the certificate could not be made");
}

static cr_status x509_sign(const struct cert_make *what, EVP_PKEY *pkey, X509 *x, struct cr_err *err)
{
    const ASN1_BIT_STRING *at = NULL;
    const X509_ALGOR *outer = NULL;
    struct cr_buf tbs = {0}, sig = {0};
    unsigned char *p = NULL;
    cr_status st;
    int n;

    X509_get0_signature(&at, &outer, x);
    if (!algorithm_set(outer, what->key) || !algorithm_set(X509_get0_tbs_sigalg(x), what->key))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    n = i2d_re_X509_tbs(x, &p);
    if (!cr_failed(st = encoded(n, p, &tbs, err)) && !cr_failed(st = sign(what, cr_buf_bytes(&tbs), &sig, err)) &&
        !signature_set(at, &sig))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    if (!cr_failed(st) && !what->unchecked && X509_verify(x, pkey) != 1)
        st = cert_fail(err, CR_E_INVALID, "the token's signature in the certificate is not right");
    cr_buf_clear(&tbs);
    cr_buf_clear(&sig);
    return st;
}

cr_status cert_make_self_signed(const struct cert_make *what, int64_t from, int64_t until, struct cr_buf *der,
                                struct cr_err *err)
{
    EVP_PKEY *pkey = NULL;
    unsigned char *p = NULL;
    X509 *x = NULL;
    cr_status st;
    int n;

    (void)ERR_set_mark();
    if (cr_failed(st = cert_key_to_pkey(NULL, what->key, &pkey, err)))
        goto out;
    if ((x = X509_new_ex(NULL, CERT_PROPQ)) == NULL) {
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
        goto out;
    }
    if (cr_failed(st = x509_fill(what, pkey, from, until, x, err)) || cr_failed(st = x509_sign(what, pkey, x, err)))
        goto out;
    n = i2d_X509(x, &p);
    st = encoded(n, p, der, err);
out:
    (void)ERR_pop_to_mark();
    X509_free(x);
    EVP_PKEY_free(pkey);
    return st;
}

/* ---- requests ---- */

static cr_status req_fill(const struct cert_make *what, EVP_PKEY *pkey, X509_REQ *req, struct cr_err *err)
{
    STACK_OF(X509_EXTENSION) *exts = NULL;
    cr_status st = extensions_make(what, false, &exts, err);
    int good = !cr_failed(st) && X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
               X509_REQ_set_subject_name(req, what->subject) == 1 && X509_REQ_set_pubkey(req, pkey) == 1 &&
               X509_REQ_add_extensions(req, exts) == 1;

    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    return cr_failed(st) || good ? st : cert_fail(err, CR_E_INTERNAL, "the request could not be made");
}

static cr_status req_sign(const struct cert_make *what, EVP_PKEY *pkey, X509_REQ *req, struct cr_err *err)
{
    const ASN1_BIT_STRING *at = NULL;
    const X509_ALGOR *alg = NULL;
    struct cr_buf tbs = {0}, sig = {0};
    unsigned char *p = NULL;
    cr_status st;
    int n;

    X509_REQ_get0_signature(req, &at, &alg);
    if (!algorithm_set(alg, what->key))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    n = i2d_re_X509_REQ_tbs(req, &p);
    if (!cr_failed(st = encoded(n, p, &tbs, err)) && !cr_failed(st = sign(what, cr_buf_bytes(&tbs), &sig, err)) &&
        !signature_set(at, &sig))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    if (!cr_failed(st) && !what->unchecked && X509_REQ_verify_ex(req, pkey, NULL, CERT_PROPQ) != 1)
        st = cert_fail(err, CR_E_INVALID, "the token's signature in the request is not right");
    cr_buf_clear(&tbs);
    cr_buf_clear(&sig);
    return st;
}

cr_status cert_make_request(const struct cert_make *what, struct cr_buf *der, struct cr_err *err)
{
    EVP_PKEY *pkey = NULL;
    unsigned char *p = NULL;
    X509_REQ *req = NULL;
    cr_status st;
    int n;

    (void)ERR_set_mark();
    if (cr_failed(st = cert_key_to_pkey(NULL, what->key, &pkey, err)))
        goto out;
    if ((req = X509_REQ_new_ex(NULL, CERT_PROPQ)) == NULL) {
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
        goto out;
    }
    if (cr_failed(st = req_fill(what, pkey, req, err)) || cr_failed(st = req_sign(what, pkey, req, err)))
        goto out;
    n = i2d_X509_REQ(req, &p);
    st = encoded(n, p, der, err);
out:
    (void)ERR_pop_to_mark();
    X509_REQ_free(req);
    EVP_PKEY_free(pkey);
    return st;
}
