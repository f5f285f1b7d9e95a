/* SPDX-License-Identifier: Apache-2.0 */
#include "cert_spki.h"

static const unsigned char rsa_oid[] = {6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0}; /* and NULL */
static const unsigned char ec_oid[] = {6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1};
static const unsigned char ed25519_oid[] = {6, 3, 0x2b, 0x65, 0x70};

enum { TAG_INTEGER = 2, TAG_BIT_STRING = 3, TAG_SEQUENCE = 0x30 };

/* Tag, length and one optional byte in front of the content (0 of a positive number, unused bits of a bit string). */
static cr_status put(struct cr_buf *out, unsigned char tag, bool zero, struct cr_bytes content, struct cr_err *err)
{
    static const unsigned char nothing = 0;
    size_t len = content.n + (zero ? 1 : 0), shift;
    unsigned char head[6] = {tag};
    size_t n = 1;
    cr_status st;

    if (len < 128) {
        head[n++] = (unsigned char)len;
    } else {
        for (shift = 3; shift > 0 && len >> (8 * shift) == 0; shift--)
            continue;
        head[n++] = (unsigned char)(0x81 + shift);
        do
            head[n++] = (unsigned char)(len >> (8 * shift));
        while (shift-- > 0);
    }
    if (cr_failed(st = cr_buf_append(out, head, n, err)) || cr_failed(st = cr_buf_append(out, &nothing, zero, err)))
        return st;
    return cr_buf_append(out, content.p, content.n, err);
}

static cr_status put_number(struct cr_buf *out, const struct cr_buf *number, struct cr_err *err)
{
    return put(out, TAG_INTEGER, number->p[0] >> 7 != 0, cr_buf_bytes(number), err);
}

cr_status cert_spki_bits(const struct tok_key *key, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf body = {0}, bits = {0};
    cr_status st;

    if (key->type != TOK_KEY_RSA)
        return key->point.n > 0 ? cr_buf_set(out, key->point.p, key->point.n, err)
                                : cr_fail(err, CR_E_INVALID, "a key without its public point");
    if (key->n.n == 0 || key->e.n == 0)
        return cr_fail(err, CR_E_INVALID, "an RSA key without modulus or exponent");
    if (!cr_failed(st = put_number(&body, &key->n, err)) && !cr_failed(st = put_number(&body, &key->e, err)) &&
        !cr_failed(st = put(&bits, TAG_SEQUENCE, false, cr_buf_bytes(&body), err))) {
        cr_buf_clear(out);
        *out = bits;
        bits = (struct cr_buf){0};
    }
    cr_buf_clear(&body);
    cr_buf_clear(&bits);
    return st;
}

static cr_status algorithm(const struct tok_key *key, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf body = {0};
    cr_status st = cr_ok();

    switch (key->type) {
    case TOK_KEY_RSA:
        st = cr_buf_append(&body, rsa_oid, sizeof rsa_oid, err);
        break;
    case TOK_KEY_EC:
        if (!cr_failed(st = cr_buf_append(&body, ec_oid, sizeof ec_oid, err)))
            st = cr_buf_append(&body, key->ec_params.p, key->ec_params.n, err);
        break;
    case TOK_KEY_ED25519:
        st = cr_buf_append(&body, ed25519_oid, sizeof ed25519_oid, err);
        break;
    }
    if (!cr_failed(st))
        st = put(out, TAG_SEQUENCE, false, cr_buf_bytes(&body), err);
    cr_buf_clear(&body);
    return st;
}

cr_status cert_spki_der(const struct tok_key *key, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf bits = {0}, body = {0}, der = {0};
    cr_status st;

    if (!cr_failed(st = cert_spki_bits(key, &bits, err)) && !cr_failed(st = algorithm(key, &body, err)) &&
        !cr_failed(st = put(&body, TAG_BIT_STRING, true, cr_buf_bytes(&bits), err)) &&
        !cr_failed(st = put(&der, TAG_SEQUENCE, false, cr_buf_bytes(&body), err))) {
        cr_buf_clear(out);
        *out = der;
        der = (struct cr_buf){0};
    }
    cr_buf_clear(&bits);
    cr_buf_clear(&body);
    cr_buf_clear(&der);
    return st;
}
