/* SPDX-License-Identifier: Apache-2.0 */
/* The hex and base64 codecs of cr_bytes.h. */
#include "cr_bytes.h"

void cr_hex(struct cr_bytes in, char *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < in.n; i++) {
        *out++ = digits[in.p[i] >> 4];
        *out++ = digits[in.p[i] & 15];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

cr_status cr_unhex(const char *text, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf got = {0};
    cr_status st = cr_buf_set(&got, NULL, 0, err);

    while (!cr_failed(st) && *text != '\0') {
        int hi, lo;
        unsigned char byte;

        if (*text == ':' && got.n > 0)
            text++;
        hi = hex_digit(text[0]);
        lo = hi < 0 ? -1 : hex_digit(text[1]);
        if (lo < 0) {
            st = cr_fail(err, CR_E_INVALID, "not pairs of hexadecimal digits");
            break;
        }
        byte = (unsigned char)(hi << 4 | lo);
        st = cr_buf_append(&got, &byte, 1, err);
        text += 2;
    }
    if (cr_failed(st)) {
        cr_buf_clear(&got);
        return st;
    }
    cr_buf_clear(out);
    *out = got;
    return cr_ok();
}

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static cr_status encode(struct cr_bytes in, const char *alphabet, bool pad, struct cr_buf *out, struct cr_err *err)
{
    size_t before = out->n, i;
    cr_status st = cr_ok();

    for (i = 0; i < in.n && !cr_failed(st); i += 3) {
        size_t left = in.n - i < 3 ? in.n - i : 3;
        unsigned v = (unsigned)in.p[i] << 16;
        char q[4];

        if (left > 1)
            v |= (unsigned)in.p[i + 1] << 8;
        if (left > 2)
            v |= in.p[i + 2];
        q[0] = alphabet[v >> 18];
        q[1] = alphabet[v >> 12 & 63];
        q[2] = left > 1 ? alphabet[v >> 6 & 63] : '=';
        q[3] = left > 2 ? alphabet[v & 63] : '=';
        st = cr_buf_append(out, q, pad ? 4 : left + 1, err);
    }
    if (cr_failed(st) && out->p != NULL)
        out->p[out->n = before] = 0;
    return st;
}

cr_status cr_base64(struct cr_bytes in, struct cr_buf *out, struct cr_err *err)
{
    return encode(in, standard, true, out, err);
}

cr_status cr_base64url(struct cr_bytes in, struct cr_buf *out, struct cr_err *err)
{
    return encode(in, url, false, out, err);
}

static int value(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* One group of four; the number of bytes it stands for, or 0 when it is none. Padding only in the last group. */
static size_t decode_group(const unsigned char *q, bool last, unsigned char out[3])
{
    int v[4];
    size_t n = 3, i;

    if (last && q[3] == '=')
        n = q[2] == '=' ? 1 : 2;
    for (i = 0; i < 4; i++) {
        v[i] = i <= n ? value(q[i]) : 0;
        if (v[i] < 0)
            return 0;
    }
    if ((n == 1 && (v[1] & 15) != 0) || (n == 2 && (v[2] & 3) != 0))
        return 0;
    out[0] = (unsigned char)(v[0] << 2 | v[1] >> 4);
    out[1] = (unsigned char)(v[1] << 4 | v[2] >> 2);
    out[2] = (unsigned char)(v[2] << 6 | v[3]);
    return n;
}

cr_status cr_unbase64(struct cr_bytes text, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf got = {0};
    cr_status st = cr_buf_set(&got, NULL, 0, err);
    size_t i;

    if (!cr_failed(st) && text.n % 4 != 0)
        st = cr_fail(err, CR_E_INVALID, "base64 text is not a multiple of four characters");
    for (i = 0; i < text.n && !cr_failed(st); i += 4) {
        unsigned char bytes[3];
        size_t n = decode_group(text.p + i, i + 4 == text.n, bytes);

        st = n == 0 ? cr_fail(err, CR_E_INVALID, "bad base64 at character %zu", i + 1)
                    : cr_buf_append(&got, bytes, n, err);
    }
    if (cr_failed(st)) {
        cr_buf_clear(&got);
        return st;
    }
    cr_buf_clear(out);
    *out = got;
    return cr_ok();
}

cr_status cr_unbase64url(struct cr_bytes text, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf padded = {0};
    cr_status st = cr_buf_append(&padded, text.p, text.n, err);

    for (size_t i = 0; i < padded.n && !cr_failed(st); i++) {
        unsigned char *c = &padded.p[i];
        if (*c == '+' || *c == '/' || *c == '=')
            st = cr_fail(err, CR_E_INVALID, "bad base64url at character %zu", i + 1);
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    }
    if (!cr_failed(st))
        st = cr_buf_append(&padded, "==", (4 - text.n % 4) % 4 % 3, err); /* one character over is no group */
    if (!cr_failed(st))
        st = cr_unbase64(cr_buf_bytes(&padded), out, err);
    cr_buf_clear(&padded);
    return st;
}
