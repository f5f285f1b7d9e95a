/* SPDX-License-Identifier: Apache-2.0 */
/* Checks in software what a token signed, and the two forms of an ECDSA signature (cert_key.h). */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "cert_err.h"
#include "cert_key.h"

static const EVP_MD *hash_md(enum tok_hash hash)
{
    switch (hash) {
    case TOK_SHA1:
        return EVP_sha1();
    case TOK_SHA224:
        return EVP_sha224();
    case TOK_SHA256:
        return EVP_sha256();
    case TOK_SHA384:
        return EVP_sha384();
    case TOK_SHA512:
        return EVP_sha512();
    }
    return NULL;
}

static int set_padding(EVP_PKEY_CTX *ctx, const struct tok_mech *mech)
{
    switch (mech->op) {
    case TOK_SIGN_RSA_PKCS1:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING);
    case TOK_SIGN_RSA_RAW:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING);
    case TOK_SIGN_RSA_PSS:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_signature_md(ctx, hash_md(mech->hash)) == 1 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, hash_md(mech->mgf)) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)mech->salt_len) == 1;
    default:
        return 1;
    }
}

/* Without a digest set, PKCS#1 recovers the DigestInfo itself and raw the whole block: both are compared byte by byte. */
static int verify_rsa(EVP_PKEY_CTX *ctx, const struct tok_mech *mech, struct cr_bytes msg, struct cr_bytes sig)
{
    unsigned char got[2048];
    size_t n = sizeof got;

    if (mech->op == TOK_SIGN_RSA_PSS)
        return EVP_PKEY_verify_init(ctx) == 1 && set_padding(ctx, mech) == 1 &&
               EVP_PKEY_verify(ctx, sig.p, sig.n, msg.p, msg.n) == 1;
    return sig.n <= sizeof got && EVP_PKEY_verify_recover_init(ctx) == 1 && set_padding(ctx, mech) == 1 &&
           EVP_PKEY_verify_recover(ctx, got, &n, sig.p, sig.n) == 1 && cr_bytes_equal(cr_bytes(got, n), msg);
}

static int verify_ecdsa(EVP_PKEY_CTX *ctx, struct cr_bytes msg, struct cr_bytes sig)
{
    unsigned char der[160];
    size_t n = 0;

    return !cr_failed(cert_ecdsa_to_der(sig, der, sizeof der, &n, NULL)) && EVP_PKEY_verify_init(ctx) == 1 &&
           EVP_PKEY_verify(ctx, der, n, msg.p, msg.n) == 1;
}

static int verify_eddsa(EVP_PKEY *pkey, struct cr_bytes msg, struct cr_bytes sig)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int good = md != NULL && EVP_DigestVerifyInit(md, NULL, NULL, NULL, pkey) == 1 &&
               EVP_DigestVerify(md, sig.p, sig.n, msg.p, msg.n) == 1;

    EVP_MD_CTX_free(md);
    return good;
}

cr_status cert_verify_probe(void *arg, const struct tok_mech *mech, struct cr_bytes msg, struct cr_bytes sig,
                            struct cr_err *err)
{
    EVP_PKEY *pkey = arg;
    EVP_PKEY_CTX *ctx = NULL;
    int good;

    (void)ERR_set_mark();
    if (mech->op == TOK_SIGN_EDDSA) {
        good = verify_eddsa(pkey, msg, sig);
    } else {
        ctx = EVP_PKEY_CTX_new(pkey, NULL);
        good =
            ctx != NULL && (mech->op == TOK_SIGN_ECDSA ? verify_ecdsa(ctx, msg, sig) : verify_rsa(ctx, mech, msg, sig));
    }
    EVP_PKEY_CTX_free(ctx);
    (void)ERR_pop_to_mark();
    return good == 1 ? cr_ok() : cr_fail(err, CR_E_INVALID, "the key on the token is not the certificate's");
}

/* One DER INTEGER at @out from big-endian @n bytes; its length. */
static size_t put_integer(const unsigned char *p, size_t n, unsigned char *out)
{
    size_t pad;

    while (n > 1 && p[0] == 0) {
        p++;
        n--;
    }
    pad = p[0] >> 7;
    out[0] = 2;
    out[1] = (unsigned char)(n + pad);
    out[2] = 0;
    memcpy(out + 2 + pad, p, n);
    return 2 + pad + n;
}

cr_status cert_ecdsa_to_der(struct cr_bytes rs, unsigned char *out, size_t size, size_t *n, struct cr_err *err)
{
    unsigned char body[2 * (2 + 1 + 66)];
    size_t half = rs.n / 2, len, head;

    if (rs.n == 0 || rs.n % 2 != 0 || half > 66)
        return cr_fail(err, CR_E_INVALID, "an ECDSA signature of %zu bytes", rs.n);
    len = put_integer(rs.p, half, body);
    len += put_integer(rs.p + half, half, body + len);
    head = len < 128 ? 2 : 3;
    if (head + len > size)
        return cr_fail(err, CR_E_SIZE, "the signature needs %zu bytes, the buffer has %zu", head + len, size);
    out[0] = 0x30;
    if (head == 3)
        out[1] = 0x81;
    out[head - 1] = (unsigned char)len;
    memcpy(out + head, body, len);
    *n = head + len;
    return cr_ok();
}

/* Takes one minimal, positive INTEGER off @in and appends it padded to @len. */
static bool take_integer(struct cr_bytes *in, size_t len, struct cr_buf *out)
{
    static const unsigned char zeros[66];
    size_t n;
    const unsigned char *p;

    if (in->n < 3 || in->p[0] != 2 || in->p[1] == 0 || in->p[1] > 127 || (size_t)in->p[1] + 2 > in->n)
        return false;
    n = in->p[1];
    p = in->p + 2;
    *in = cr_bytes(p + n, in->n - 2 - n);
    if ((p[0] & 0x80) != 0 || (n > 1 && p[0] == 0 && (p[1] & 0x80) == 0))
        return false;
    if (n > 1 && p[0] == 0) {
        p++;
        n--;
    }
    return n <= len && !cr_failed(cr_buf_append(out, zeros, len - n, NULL)) &&
           !cr_failed(cr_buf_append(out, p, n, NULL));
}

cr_status cert_ecdsa_from_der(struct cr_bytes der, size_t field_len, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf rs = {0};
    size_t head = 2;
    struct cr_bytes in;

    if (der.n > 2 && der.p[1] == 0x81 && der.p[2] >= 128)
        head = 3;
    if (field_len == 0 || field_len > 66 || der.n < head || der.p[0] != 0x30 || (head == 2 && der.p[1] > 127) ||
        der.p[head - 1] != der.n - head)
        return cr_fail(err, CR_E_INVALID, "not an ECDSA-Sig-Value (RFC 3279 section 2.2.3)");
    in = cr_bytes(der.p + head, der.n - head);
    if (!take_integer(&in, field_len, &rs) || !take_integer(&in, field_len, &rs) || in.n != 0) {
        cr_buf_clear(&rs);
        return cr_fail(err, CR_E_INVALID, "not an ECDSA-Sig-Value (RFC 3279 section 2.2.3)");
    }
    cr_buf_clear(out);
    *out = rs;
    return cr_ok();
}
