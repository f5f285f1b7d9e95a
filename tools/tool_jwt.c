/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_jwt.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

#include "certs/cert_key.h"
#include "roles/role_json.h"
#include "tool_jwks.h"

static const struct tool_jwt_alg algs[] = {
    {"RS256", "rsa", "SHA256", false, 0},       {"PS256", "rsa", "SHA256", true, 0},
    {"ES256", "ec:P-256", "SHA256", false, 32}, {"ES384", "ec:P-384", "SHA384", false, 48},
    {"ES512", "ec:P-521", "SHA512", false, 66}, {"EdDSA", "ed25519", NULL, false, 0},
};

/* "rsa" is any "rsa:BITS". */
static bool fits(const struct tool_jwt_alg *alg, const char *key)
{
    size_t n = strlen(alg->key);

    return !strncmp(alg->key, key, n) && (key[n] == '\0' || key[n] == ':');
}

cr_status tool_jwt_alg(const char *key, const char *name, const struct tool_jwt_alg **out, struct cr_err *err)
{
    for (size_t i = 0; i < CR_COUNT(algs); i++) {
        if (name ? strcmp(algs[i].name, name) != 0 : !fits(&algs[i], key))
            continue;
        if (!fits(&algs[i], key))
            return cr_fail(err, CR_E_REFUSED, "a key of kind %s does not sign by %s", key, name);
        *out = &algs[i];
        return cr_ok();
    }
    if (!name)
        return cr_fail(err, CR_E_UNSUPPORTED, "no JWT algorithm signs with a key of kind %s", key);
    return cr_fail(err, CR_E_USAGE, "'%s' is none of RS256, PS256, ES256, ES384, ES512 and EdDSA", name);
}

/* ---- claims ---- */

static cr_status claims_check(const json_t *claims, struct cr_err *err)
{
    static const char *const times[] = {"iat", "nbf", "exp"}, *const texts[] = {"jti", "iss", "sub"};

    for (size_t i = 0; i < CR_COUNT(times); i++) {
        const json_t *t = json_object_get(claims, times[i]), *x = json_object_get(claims, texts[i]);
        if (t && (!json_is_number(t) || json_number_value(t) < 0 || json_number_value(t) > (double)ROLE_TIME_MAX))
            return cr_fail(err, CR_E_INVALID, "\"%s\" is not a number of seconds since 1970", times[i]);
        if (x && !json_is_string(x))
            return cr_fail(err, CR_E_INVALID, "\"%s\" is not text", texts[i]);
    }
    return cr_ok();
}

static cr_status jti_new(struct cr_buf *out, struct cr_err *err)
{
    unsigned char raw[16];

    if (RAND_bytes(raw, sizeof(raw)) != 1)
        return cr_fail(err, CR_E_INTERNAL, "no random bytes");
    return cr_base64url(cr_bytes(raw, sizeof(raw)), out, err);
}

/* exp counts from the claims' own iat, where they have one. */
static cr_status claims_complete(json_t *claims, int64_t now, struct cr_err *err)
{
    struct cr_buf jti = {0};
    const json_t *iat;
    bool good = true;
    cr_status st = cr_ok();

    if (!json_object_get(claims, "iat"))
        good = !json_object_set_new(claims, "iat", json_integer(now));
    iat = json_object_get(claims, "iat");
    if (!json_object_get(claims, "exp"))
        good &=
            !json_object_set_new(claims, "exp", json_integer((json_int_t)json_number_value(iat) + TOOL_JWT_LIFETIME));
    if (!json_object_get(claims, "jti") && !cr_failed(st = jti_new(&jti, err)))
        good &= !json_object_set_new(claims, "jti", json_stringn((const char *)jti.p, jti.n));
    cr_buf_clear(&jti);
    return good || cr_failed(st) ? st : cr_fail(err, CR_E_NOMEM, "out of memory");
}

cr_status tool_jwt_claims(struct cr_bytes text, const char *role, int64_t now, json_t **out, struct cr_err *err)
{
    json_t *claims = NULL;
    cr_status st = cr_ok();

    if (text.n)
        st = role_json_load(text, TOOL_JWT_CLAIMS_MAX, &claims, err);
    else if (!(claims = json_pack("{s:s, s:s}", "iss", role, "sub", "certroll token-test")))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    if (cr_failed(st) || cr_failed(st = claims_check(claims, err)) || cr_failed(st = claims_complete(claims, now, err)))
        json_decref(claims);
    else
        *out = claims;
    return st;
}

/* ---- writing ---- */

static cr_status put_json(const json_t *json, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st = role_json_dump(json, JSON_COMPACT | JSON_REAL_PRECISION(17), &text, err);

    if (!cr_failed(st))
        st = cr_base64url(cr_buf_bytes(&text), out, err);
    cr_buf_clear(&text);
    return st;
}

cr_status tool_jwt_input(const struct tool_jwt_alg *alg, const char *kid, const struct role_cert *cert,
                         const json_t *claims, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf sha1 = {0}, sha256 = {0}, made = {0};
    json_t *header = NULL;
    cr_status st;

    if (cr_failed(st = tool_x5t(cert->sha1, &sha1, err)) || cr_failed(st = tool_x5t(cert->thumbprint, &sha256, err)))
        goto out;
    header = json_pack("{s:s, s:s, s:s, s:s, s:s}", "alg", alg->name, "typ", "JWT", "kid", kid, "x5t", (char *)sha1.p,
                       "x5t#S256", (char *)sha256.p);
    if (!header)
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    else if (!cr_failed(st = put_json(header, &made, err)) && !cr_failed(st = cr_buf_append_str(&made, ".", err)))
        st = put_json(claims, &made, err);
    if (!cr_failed(st))
        st = cr_buf_set(out, made.p, made.n, err);
out:
    json_decref(header);
    cr_buf_clear(&sha1);
    cr_buf_clear(&sha256);
    cr_buf_clear(&made);
    return st;
}

cr_status tool_jwt_append(const struct tool_jwt_alg *alg, struct cr_bytes sig, struct cr_buf *token, struct cr_err *err)
{
    struct cr_buf plain = {0};
    cr_status st = cr_ok();

    if (alg->field && !cr_failed(st = cert_ecdsa_from_der(sig, alg->field, &plain, err)))
        sig = cr_buf_bytes(&plain);
    if (!cr_failed(st) && !cr_failed(st = cr_buf_append_str(token, ".", err)))
        st = cr_base64url(sig, token, err);
    cr_buf_clear(&plain);
    return st;
}

/* ---- verifying ---- */

static cr_status bad(struct cr_err *err, const char *what)
{
    return cr_fail(err, CR_E_INVALID, "the token does not verify: %s", what);
}

/* The three parts; the last one may be empty only by mistake. */
static bool split(struct cr_bytes token, struct cr_bytes part[3])
{
    const unsigned char *one = token.n ? memchr(token.p, '.', token.n) : NULL;
    const unsigned char *end = token.p + token.n, *two = one ? memchr(one + 1, '.', (size_t)(end - one - 1)) : NULL;

    if (!two || memchr(two + 1, '.', (size_t)(end - two - 1)))
        return false;
    part[0] = cr_bytes(token.p, (size_t)(one - token.p));
    part[1] = cr_bytes(one + 1, (size_t)(two - one - 1));
    part[2] = cr_bytes(two + 1, (size_t)(end - two - 1));
    return part[0].n && part[1].n && part[2].n;
}

static cr_status part_read(struct cr_bytes part, json_t **out, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st = cr_unbase64url(part, &text, err);

    if (!cr_failed(st))
        st = role_json_load(cr_buf_bytes(&text), TOOL_JWT_MAX, out, err);
    cr_buf_clear(&text);
    return st;
}

static const char *member(const json_t *obj, const char *name)
{
    return json_string_value(json_object_get(obj, name));
}

/* Exactly one key of the set has this kid. */
static const json_t *jwk_find(const json_t *set, const char *kid)
{
    const json_t *hit = NULL, *jwk;
    size_t i;

    json_array_foreach(json_object_get(set, "keys"), i, jwk)
    {
        const char *have = member(jwk, "kid");
        if (!have || !kid || strcmp(have, kid))
            continue;
        if (hit)
            return NULL;
        hit = jwk;
    }
    return hit;
}

static cr_status jwk_read(const json_t *jwk, struct tok_key *out, struct cr_err *err)
{
    const struct cert_jwk members = {
        .kty = member(jwk, "kty"),
        .crv = member(jwk, "crv"),
        .n = (char *)member(jwk, "n"),
        .e = (char *)member(jwk, "e"),
        .x = (char *)member(jwk, "x"),
        .y = (char *)member(jwk, "y"),
    };

    return cert_jwk_key(&members, out, err);
}

static bool sig_good(OSSL_LIB_CTX *ctx, EVP_PKEY *pkey, const struct tool_jwt_alg *alg, struct cr_bytes input,
                     struct cr_bytes sig)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL; /* md owns it */
    bool good = md && EVP_DigestVerifyInit_ex(md, &pctx, alg->digest, ctx, NULL, pkey, NULL) == 1 &&
                (!alg->pss || (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                               EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
                EVP_DigestVerify(md, sig.p, sig.n, input.p, input.n) == 1;

    EVP_MD_CTX_free(md);
    return good;
}

/* In a context that no configuration reaches: OpenSSL's own default provider. */
static cr_status sig_verify(const struct tok_key *key, const struct tool_jwt_alg *alg, struct cr_bytes input,
                            struct cr_bytes sig, struct cr_err *err)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    unsigned char der[160];
    EVP_PKEY *pkey = NULL;
    size_t n = 0;
    cr_status st;

    if (!ctx)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    (void)ERR_set_mark();
    if (alg->field) {
        if (sig.n != 2 * alg->field || cr_failed(cert_ecdsa_to_der(sig, der, sizeof(der), &n, NULL)))
            sig.n = 0;
        else
            sig = cr_bytes(der, n);
    }
    st = cert_key_to_pkey(ctx, key, &pkey, err);
    if (!cr_failed(st) && (!sig.n || !sig_good(ctx, pkey, alg, input, sig)))
        st = bad(err, "its signature is not of the published key");
    (void)ERR_pop_to_mark();
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(ctx);
    return st;
}

static cr_status verify(struct cr_bytes token, const json_t *set, struct tool_jwt *jwt, struct cr_err *err)
{
    const struct tool_jwt_alg *alg = NULL;
    struct cr_buf sig = {0};
    struct tok_key key = {0};
    struct cr_bytes part[3];
    const char *name;
    char kind[32];
    cr_status st;

    if (!split(token, part) || cr_failed(part_read(part[0], &jwt->header, err)) ||
        cr_failed(part_read(part[1], &jwt->claims, err)) || cr_failed(cr_unbase64url(part[2], &sig, err))) {
        st = bad(err, "it is not of the compact form HEADER.CLAIMS.SIGNATURE");
        goto out;
    }
    if (!(jwt->jwk = jwk_find(set, member(jwt->header, "kid")))) {
        st = bad(err, "its kid is not that of one key of the set");
        goto out;
    }
    if (cr_failed(st = jwk_read(jwt->jwk, &key, err)))
        goto out;
    cert_key_text(&key, kind);
    name = member(jwt->header, "alg");
    st = name && !cr_failed(tool_jwt_alg(kind, name, &alg, NULL))
             ? sig_verify(&key, alg, cr_bytes(token.p, part[0].n + 1 + part[1].n), cr_buf_bytes(&sig), err)
             : bad(err, "its alg is not one of the published key");
out:
    tok_key_clear(&key);
    cr_buf_clear(&sig);
    return st;
}

cr_status tool_jwt_verify(struct cr_bytes token, const json_t *set, struct tool_jwt *out, struct cr_err *err)
{
    struct tool_jwt jwt = {0};
    cr_status st = token.n <= TOOL_JWT_MAX ? verify(token, set, &jwt, err) : bad(err, "it is too long");

    if (cr_failed(st))
        tool_jwt_clear(&jwt);
    else
        *out = jwt;
    return st;
}

void tool_jwt_clear(struct tool_jwt *jwt)
{
    json_decref(jwt->header);
    json_decref(jwt->claims);
    *jwt = (struct tool_jwt){0};
}
