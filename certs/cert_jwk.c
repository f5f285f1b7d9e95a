/* SPDX-License-Identifier: Apache-2.0 */
/* JWK members, both ways, and thumbprint (cert_key.h): RFC 7518 section 6, RFC 8037 section 2, RFC 7638. */
#include <stdlib.h>
#include <string.h>

#include "cert_curves.h"
#include "cert_hash.h"
#include "cert_key.h"

static cr_status url_text(struct cr_bytes bytes, char **out, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st = cr_base64url(bytes, &text, err);

    if (!cr_failed(st))
        st = cr_strdup(text.p != NULL ? (const char *)text.p : "", out, err);
    cr_buf_clear(&text);
    return st;
}

static cr_status ec_members(const struct tok_key *key, struct cert_jwk *jwk, struct cr_err *err)
{
    const struct cert_curve *curve = cert_curve_of(key);
    cr_status st;

    if (curve == NULL || key->point.n != 1 + 2 * curve->bytes)
        return cr_fail(err, CR_E_UNSUPPORTED, "an EC key on a curve that no JWK names");
    jwk->kty = "EC";
    jwk->crv = curve->name;
    jwk->alg = curve->alg;
    st = url_text(cr_bytes(key->point.p + 1, curve->bytes), &jwk->x, err);
    return cr_failed(st) ? st : url_text(cr_bytes(key->point.p + 1 + curve->bytes, curve->bytes), &jwk->y, err);
}

cr_status cert_jwk_members(const struct tok_key *key, struct cert_jwk *out, struct cr_err *err)
{
    struct cert_jwk jwk = {0};
    cr_status st = cr_ok();

    switch (key->type) {
    case TOK_KEY_RSA:
        jwk.kty = "RSA";
        jwk.alg = "RS256";
        if (!cr_failed(st = url_text(cr_buf_bytes(&key->n), &jwk.n, err)))
            st = url_text(cr_buf_bytes(&key->e), &jwk.e, err);
        break;
    case TOK_KEY_EC:
        st = ec_members(key, &jwk, err);
        break;
    case TOK_KEY_ED25519:
        jwk.kty = "OKP";
        jwk.crv = "Ed25519";
        jwk.alg = "EdDSA";
        st = url_text(cr_buf_bytes(&key->point), &jwk.x, err);
        break;
    }
    if (cr_failed(st))
        cert_jwk_clear(&jwk);
    else
        *out = jwk;
    return st;
}

void cert_jwk_clear(struct cert_jwk *jwk)
{
    if (jwk == NULL)
        return;
    cr_free_str(&jwk->n);
    cr_free_str(&jwk->e);
    cr_free_str(&jwk->x);
    cr_free_str(&jwk->y);
    *jwk = (struct cert_jwk){0};
}

cr_status cert_jwk_thumbprint(const struct tok_key *key, char out[44], struct cr_err *err)
{
    unsigned char digest[32];
    struct cr_buf text = {0}, b64 = {0};
    struct cert_jwk jwk = {0};
    cr_status st = cert_jwk_members(key, &jwk, err);

    /* RFC 7638 section 3: the required members alone, in lexicographic order, without white space. */
    if (cr_failed(st))
        return st;
    if (jwk.n != NULL)
        st = cr_buf_printf(&text, err, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", jwk.e, jwk.n);
    else if (jwk.y != NULL)
        st = cr_buf_printf(&text, err, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", jwk.crv, jwk.x,
                           jwk.y);
    else
        st = cr_buf_printf(&text, err, "{\"crv\":\"%s\",\"kty\":\"OKP\",\"x\":\"%s\"}", jwk.crv, jwk.x);
    if (!cr_failed(st)) {
        cert_sha256(cr_buf_bytes(&text), digest);
        st = cr_base64url(cr_bytes(digest, sizeof digest), &b64, err);
    }
    if (!cr_failed(st))
        memcpy(out, b64.p, 44); /* with its zero */
    cr_buf_clear(&text);
    cr_buf_clear(&b64);
    cert_jwk_clear(&jwk);
    return st;
}

/* RFC 7518 section 6.3.1: a number without leading zeros; one that has them is none. */
static cr_status number(const char *text, const char *name, struct cr_buf *out, struct cr_err *err)
{
    if (text == NULL || cr_failed(cr_unbase64url(cr_bytes_str(text), out, NULL)) || out->n == 0 || out->p[0] == 0)
        return cr_fail(err, CR_E_INVALID, "the key has no valid '%s'", name);
    return cr_ok();
}

/* Section 6.2.1: exactly as many bytes as a coordinate has. */
static cr_status coordinate(const char *text, const char *name, size_t bytes, struct cr_buf *point, struct cr_err *err)
{
    struct cr_buf raw = {0};
    cr_status st;

    if (text == NULL || cr_failed(cr_unbase64url(cr_bytes_str(text), &raw, NULL)) || raw.n != bytes)
        st = cr_fail(err, CR_E_INVALID, "the key has no valid '%s'", name);
    else
        st = cr_buf_append(point, raw.p, raw.n, err);
    cr_buf_clear(&raw);
    return st;
}

static cr_status ec_key(const struct cert_jwk *jwk, struct tok_key *key, struct cr_err *err)
{
    const struct cert_curve *curve = jwk->crv != NULL ? cert_curve_by_group(jwk->crv) : NULL;
    cr_status st;

    if (curve == NULL || strcmp(curve->name, jwk->crv) != 0)
        return cr_fail(err, CR_E_UNSUPPORTED, "a key on a curve that is none of P-256, P-384, P-521");
    key->type = TOK_KEY_EC;
    key->bits = curve->bits;
    if (cr_failed(st = cr_buf_set(&key->ec_params, curve->oid.p, curve->oid.n, err)) ||
        cr_failed(st = cr_buf_set(&key->point, "\4", 1, err)) ||
        cr_failed(st = coordinate(jwk->x, "x", curve->bytes, &key->point, err)))
        return st;
    return coordinate(jwk->y, "y", curve->bytes, &key->point, err);
}

static cr_status rsa_key(const struct cert_jwk *jwk, struct tok_key *key, struct cr_err *err)
{
    cr_status st;

    key->type = TOK_KEY_RSA;
    if (cr_failed(st = number(jwk->n, "n", &key->n, err)) || cr_failed(st = number(jwk->e, "e", &key->e, err)))
        return st;
    key->bits = (unsigned)key->n.n * 8;
    for (unsigned top = key->n.p[0]; top < 0x80; top <<= 1)
        key->bits--;
    return st;
}

cr_status cert_jwk_key(const struct cert_jwk *jwk, struct tok_key *out, struct cr_err *err)
{
    struct tok_key key = {0};
    cr_status st;

    if (jwk->kty != NULL && strcmp(jwk->kty, "RSA") == 0) {
        st = rsa_key(jwk, &key, err);
    } else if (jwk->kty != NULL && strcmp(jwk->kty, "EC") == 0) {
        st = ec_key(jwk, &key, err);
    } else if (jwk->kty != NULL && strcmp(jwk->kty, "OKP") == 0 && jwk->crv != NULL &&
               strcmp(jwk->crv, "Ed25519") == 0) {
        key.type = TOK_KEY_ED25519;
        key.bits = 256;
        st = coordinate(jwk->x, "x", 32, &key.point, err);
    } else {
        st = cr_fail(err, CR_E_UNSUPPORTED, "a key that is neither RSA, EC nor Ed25519");
    }
    if (cr_failed(st))
        tok_key_clear(&key);
    else
        *out = key;
    return st;
}
