/* SPDX-License-Identifier: Apache-2.0 */
/* The two forms of an ECDSA signature (cert_key.h), by hand: this stands on the signing path and must not allocate. */
#include "cert_key.h"

#include <string.h>

enum { HALF_MAX = 66 }; /* of P-521 */

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
    unsigned char body[2 * (2 + 1 + HALF_MAX)];
    size_t half = rs.n / 2, len, head;

    if (rs.n == 0 || rs.n % 2 != 0 || half > HALF_MAX)
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
    static const unsigned char zeros[HALF_MAX];
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
    if (field_len == 0 || field_len > HALF_MAX || der.n < head || der.p[0] != 0x30 || (head == 2 && der.p[1] > 127) ||
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
