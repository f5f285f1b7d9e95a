/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed byte ranges, growing buffers that wipe themselves, and the hex and base64 codecs.
 * A struct cr_buf is the caller's storage: zero-initialise it, clear it when done. Every byte it ever held is
 * cleansed (OPENSSL_cleanse) before its memory is given back, so secrets may live in it. */
#ifndef CR_BYTES_H
#define CR_BYTES_H

#include "cr_status.h"

struct cr_bytes {
    const unsigned char *p;
    size_t n;
};

struct cr_buf {
    unsigned char *p; /* always followed by one zero byte when not NULL */
    size_t n, cap;
};

static inline struct cr_bytes cr_bytes(const void *p, size_t n)
{
    return (struct cr_bytes){(const unsigned char *)p, n};
}

static inline struct cr_bytes cr_buf_bytes(const struct cr_buf *b)
{
    return (struct cr_bytes){b->p, b->n};
}

struct cr_bytes cr_bytes_str(const char *s); /* without the terminator; NULL gives an empty range */
bool cr_bytes_equal(struct cr_bytes a, struct cr_bytes b);

/* Append; on CR_E_NOMEM the buffer is unchanged. A NULL source of length 0 is fine. */
cr_status cr_buf_append(struct cr_buf *b, const void *p, size_t n, struct cr_err *err);
cr_status cr_buf_append_str(struct cr_buf *b, const char *s, struct cr_err *err);
cr_status cr_buf_printf(struct cr_buf *b, struct cr_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Replaces the content. */
cr_status cr_buf_set(struct cr_buf *b, const void *p, size_t n, struct cr_err *err);
/* Wipes, frees, zeroes. NULL is fine. */
void cr_buf_clear(struct cr_buf *b);

/* Wipes @n bytes; the one use of libcrypto in common. */
void cr_cleanse(void *p, size_t n);
/* strdup that reports CR_E_NOMEM; *out is the caller's (free). @s NULL gives NULL. */
cr_status cr_strdup(const char *s, char **out, struct cr_err *err);
/* Frees and nulls. */
void cr_free_str(char **s);

/* Lower-case hex; @out has room for 2*n+1. */
void cr_hex(struct cr_bytes in, char *out);
/* Hex, either case, optional single colons between bytes. CR_E_INVALID otherwise. *out is replaced. */
cr_status cr_unhex(const char *text, struct cr_buf *out, struct cr_err *err);

/* RFC 4648 section 4 (padded) and section 5 (url, no padding), appended to @out. */
cr_status cr_base64(struct cr_bytes in, struct cr_buf *out, struct cr_err *err);
cr_status cr_base64url(struct cr_bytes in, struct cr_buf *out, struct cr_err *err);
/* Strict RFC 4648 section 4 decoding: padding required, no white space, zero trailing bits. *out is replaced. */
cr_status cr_unbase64(struct cr_bytes text, struct cr_buf *out, struct cr_err *err);
/* The same of section 5: no padding. */
cr_status cr_unbase64url(struct cr_bytes text, struct cr_buf *out, struct cr_err *err);

#endif
