/* SPDX-License-Identifier: Apache-2.0 */
#include "cert_key.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "cert_curves.h"
#include "cert_err.h"
#include "cert_hash.h"
#include "cert_spki.h"

enum { RSA_BITS_MAX = 16384 }; /* OpenSSL's own limit for public operations */

/* @width 0: as many bytes as the number has. */
static cr_status get_bn(const EVP_PKEY *pkey, const char *name, size_t width, struct cr_buf *out, struct cr_err *err)
{
    unsigned char bytes[2048];
    BIGNUM *bn = NULL;
    cr_status st;
    int n;

    if (EVP_PKEY_get_bn_param(pkey, name, &bn) != 1)
        return cert_fail(err, CR_E_INVALID, "the key has no number '%s'", name);
    n = BN_num_bytes(bn);
    if (width > 0)
        n = BN_bn2binpad(bn, bytes, (int)width);
    else if (n <= (int)sizeof bytes)
        n = BN_bn2bin(bn, bytes);
    else
        n = -1;
    BN_clear_free(bn);
    st = n <= 0 ? cr_fail(err, CR_E_INVALID, "the key's number '%s' is out of range", name)
                : cr_buf_set(out, bytes, (size_t)n, err);
    cr_cleanse(bytes, sizeof bytes);
    return st;
}

static bool has_private(const EVP_PKEY *pkey, const char *param)
{
    BIGNUM *bn = NULL;
    bool has;

    (void)ERR_set_mark();
    has = EVP_PKEY_get_bn_param(pkey, param, &bn) == 1;
    (void)ERR_pop_to_mark();
    BN_clear_free(bn);
    return has;
}

static cr_status rsa_numbers(const EVP_PKEY *pkey, struct tok_key *out, struct cr_err *err)
{
    const struct {
        const char *name;
        struct cr_buf *to;
    } parts[] = {{OSSL_PKEY_PARAM_RSA_N, &out->n},          {OSSL_PKEY_PARAM_RSA_E, &out->e},
                 {OSSL_PKEY_PARAM_RSA_D, &out->d},          {OSSL_PKEY_PARAM_RSA_FACTOR1, &out->p},
                 {OSSL_PKEY_PARAM_RSA_FACTOR2, &out->q},    {OSSL_PKEY_PARAM_RSA_EXPONENT1, &out->dp},
                 {OSSL_PKEY_PARAM_RSA_EXPONENT2, &out->dq}, {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, &out->qi}};
    cr_status st = cr_ok();

    out->type = TOK_KEY_RSA;
    out->bits = (unsigned)EVP_PKEY_get_bits(pkey);
    if (out->bits > RSA_BITS_MAX)
        return cr_fail(err, CR_E_UNSUPPORTED, "an RSA key of %u bits: at most %d are supported", out->bits,
                       RSA_BITS_MAX);
    if (has_private(pkey, OSSL_PKEY_PARAM_RSA_FACTOR3))
        return cr_fail(err, CR_E_UNSUPPORTED, "an RSA key of more than two primes");
    out->has_private = has_private(pkey, OSSL_PKEY_PARAM_RSA_D);
    for (size_t i = 0; i < (out->has_private ? CR_COUNT(parts) : 2) && !cr_failed(st); i++)
        st = get_bn(pkey, parts[i].name, 0, parts[i].to, err);
    return st;
}

static cr_status ec_numbers(const EVP_PKEY *pkey, struct tok_key *out, struct cr_err *err)
{
    const struct cert_curve *curve;
    unsigned char point[1 + 2 * 66];
    char group[64] = "";
    struct cr_buf x = {0}, y = {0};
    int explicit_curve = 0;
    cr_status st;

    /* RFC 5480 section 2.1.1 forbids explicit parameters; a name found for them would change the key's encoding. */
    (void)EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_curve);
    if (explicit_curve == 1)
        return cr_fail(err, CR_E_UNSUPPORTED, "an EC key with explicit curve parameters");
    if (EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) != 1 || (curve = cert_curve_by_group(group)) == NULL)
        return cr_fail(err, CR_E_UNSUPPORTED, "an EC key on the curve '%s': P-256, P-384 and P-521 are supported",
                       group[0] != '\0' ? group : "without a name");
    out->type = TOK_KEY_EC;
    out->bits = curve->bits;
    if (cr_failed(st = cr_buf_set(&out->ec_params, curve->oid.p, curve->oid.n, err)) ||
        cr_failed(st = get_bn(pkey, OSSL_PKEY_PARAM_EC_PUB_X, curve->bytes, &x, err)) ||
        cr_failed(st = get_bn(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, curve->bytes, &y, err)))
        goto out;
    point[0] = 4;
    memcpy(point + 1, x.p, curve->bytes);
    memcpy(point + 1 + curve->bytes, y.p, curve->bytes);
    if (cr_failed(st = cr_buf_set(&out->point, point, 1 + 2 * curve->bytes, err)))
        goto out;
    out->has_private = has_private(pkey, OSSL_PKEY_PARAM_PRIV_KEY);
    if (out->has_private)
        st = get_bn(pkey, OSSL_PKEY_PARAM_PRIV_KEY, curve->bytes, &out->d, err);
out:
    cr_buf_clear(&x);
    cr_buf_clear(&y);
    return st;
}

static cr_status ed25519_numbers(const EVP_PKEY *pkey, struct tok_key *out, struct cr_err *err)
{
    unsigned char raw[32];
    size_t n = sizeof raw;
    cr_status st;

    out->type = TOK_KEY_ED25519;
    out->bits = 256;
    if (EVP_PKEY_get_raw_public_key(pkey, raw, &n) != 1)
        return cert_fail(err, CR_E_INVALID, "the Ed25519 key has no public part");
    if (cr_failed(st = cr_buf_set(&out->point, raw, n, err)))
        return st;
    n = sizeof raw;
    (void)ERR_set_mark();
    out->has_private = EVP_PKEY_get_raw_private_key(pkey, raw, &n) == 1;
    (void)ERR_pop_to_mark();
    if (out->has_private)
        st = cr_buf_set(&out->d, raw, n, err);
    cr_cleanse(raw, sizeof raw);
    return st;
}

cr_status cert_key_set_id(struct tok_key *key, struct cr_err *err)
{
    unsigned char digest[20];
    struct cr_buf bits = {0};
    cr_status st = cert_spki_bits(key, &bits, err);

    if (!cr_failed(st)) {
        cert_sha1(cr_buf_bytes(&bits), digest);
        st = cr_buf_set(&key->id, digest, sizeof digest, err);
    }
    cr_buf_clear(&bits);
    return st;
}

cr_status cert_key_from_pkey(const EVP_PKEY *pkey, struct tok_key *out, struct cr_err *err)
{
    struct tok_key key = {0};
    cr_status st;

    (void)ERR_set_mark();
    if (EVP_PKEY_is_a(pkey, "RSA"))
        st = rsa_numbers(pkey, &key, err);
    else if (EVP_PKEY_is_a(pkey, "EC"))
        st = ec_numbers(pkey, &key, err);
    else if (EVP_PKEY_is_a(pkey, "ED25519"))
        st = ed25519_numbers(pkey, &key, err);
    else
        st = cr_fail(err, CR_E_UNSUPPORTED, "a key of the kind %s: RSA, EC and Ed25519 are supported",
                     EVP_PKEY_get0_type_name(pkey) != NULL ? EVP_PKEY_get0_type_name(pkey) : "unknown");
    if (!cr_failed(st))
        st = cert_key_set_id(&key, err);
    (void)ERR_pop_to_mark();
    if (cr_failed(st))
        tok_key_clear(&key);
    else
        *out = key;
    return st;
}

static int push_bn(OSSL_PARAM_BLD *bld, const char *name, const struct cr_buf *b, BIGNUM **bn)
{
    *bn = BN_bin2bn(b->p, (int)b->n, NULL);
    return *bn != NULL && OSSL_PARAM_BLD_push_BN(bld, name, *bn) == 1;
}

static OSSL_PARAM *public_params(const struct tok_key *key, BIGNUM *bns[2])
{
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    const struct cert_curve *curve;
    OSSL_PARAM *params = NULL;
    int good = 0;

    if (bld == NULL)
        return NULL;
    switch (key->type) {
    case TOK_KEY_RSA:
        good = key->n.n > 0 && key->n.n <= RSA_BITS_MAX / 8 && key->e.n > 0 && key->e.n <= key->n.n &&
               push_bn(bld, OSSL_PKEY_PARAM_RSA_N, &key->n, &bns[0]) &&
               push_bn(bld, OSSL_PKEY_PARAM_RSA_E, &key->e, &bns[1]);
        break;
    case TOK_KEY_EC:
        curve = cert_curve_of(key);
        good = curve != NULL &&
               OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) == 1 &&
               OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, key->point.p, key->point.n) == 1;
        break;
    case TOK_KEY_ED25519:
        good = OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, key->point.p, key->point.n) == 1;
        break;
    }
    if (good)
        params = OSSL_PARAM_BLD_to_param(bld);
    OSSL_PARAM_BLD_free(bld);
    return params;
}

cr_status cert_key_to_pkey(OSSL_LIB_CTX *ctx, const struct tok_key *key, EVP_PKEY **out, struct cr_err *err)
{
    static const char *const names[] = {"RSA", "EC", "ED25519"};
    BIGNUM *bns[2] = {NULL, NULL};
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *pctx = NULL;
    EVP_PKEY *pkey = NULL;
    cr_status st = cr_ok();

    (void)ERR_set_mark();
    params = public_params(key, bns);
    pctx = EVP_PKEY_CTX_new_from_name(ctx, names[key->type], CERT_PROPQ);
    if (params == NULL || pctx == NULL || EVP_PKEY_fromdata_init(pctx) != 1 ||
        EVP_PKEY_fromdata(pctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        st = cert_fail(err, CR_E_INVALID, "not a public key");
    else
        *out = pkey;
    (void)ERR_pop_to_mark();
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(pctx);
    BN_free(bns[0]);
    BN_free(bns[1]);
    return st;
}

cr_status cert_key_spki(OSSL_LIB_CTX *ctx, const struct tok_key *key, struct cr_buf *out, struct cr_err *err)
{
    (void)ctx; /* nothing of OpenSSL is needed; callers pass theirs all the same */
    return cert_spki_der(key, out, err);
}

void cert_key_text(const struct tok_key *key, char out[32])
{
    const struct cert_curve *curve = key->type == TOK_KEY_EC ? cert_curve_of(key) : NULL;

    if (key->type == TOK_KEY_RSA)
        (void)snprintf(out, 32, "rsa:%u", key->bits);
    else if (key->type == TOK_KEY_EC)
        (void)snprintf(out, 32, "ec:%s", curve != NULL ? curve->name : "?");
    else
        (void)snprintf(out, 32, "ed25519");
}
