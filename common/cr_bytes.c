/* SPDX-License-Identifier: Apache-2.0 */
#include "cr_bytes.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cr_bytes cr_bytes_str(const char *s)
{
    return cr_bytes(s, s != NULL ? strlen(s) : 0);
}

bool cr_bytes_equal(struct cr_bytes a, struct cr_bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Room for @n more bytes and the zero behind. realloc would leave a copy of a secret behind, so it is not used. */
static cr_status reserve(struct cr_buf *b, size_t n, struct cr_err *err)
{
    unsigned char *p;
    size_t cap;

    if (n > SIZE_MAX / 4 || b->n > SIZE_MAX / 4)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (b->p != NULL && b->n + n + 1 <= b->cap)
        return cr_ok();
    cap = b->cap * 2;
    if (cap < b->n + n + 1)
        cap = b->n + n + 1;
    if (cap < 32)
        cap = 32;
    p = malloc(cap);
    if (p == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (b->p != NULL) {
        memcpy(p, b->p, b->n);
        cr_cleanse(b->p, b->cap);
        free(b->p);
    }
    p[b->n] = 0;
    b->p = p;
    b->cap = cap;
    return cr_ok();
}

cr_status cr_buf_append(struct cr_buf *b, const void *p, size_t n, struct cr_err *err)
{
    cr_status st = reserve(b, n, err);

    if (cr_failed(st))
        return st;
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = 0;
    return cr_ok();
}

cr_status cr_buf_append_str(struct cr_buf *b, const char *s, struct cr_err *err)
{
    return cr_buf_append(b, s, s != NULL ? strlen(s) : 0, err);
}

cr_status cr_buf_printf(struct cr_buf *b, struct cr_err *err, const char *fmt, ...)
{
    cr_status st;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return cr_fail(err, CR_E_INTERNAL, "text cannot be formatted");
    st = reserve(b, (size_t)n, err);
    if (cr_failed(st))
        return st;
    va_start(ap, fmt);
    (void)vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
    return cr_ok();
}

cr_status cr_buf_set(struct cr_buf *b, const void *p, size_t n, struct cr_err *err)
{
    struct cr_buf fresh = {0};
    cr_status st = cr_buf_append(&fresh, p, n, err);

    if (cr_failed(st))
        return st;
    cr_buf_clear(b);
    *b = fresh;
    return cr_ok();
}

void cr_buf_clear(struct cr_buf *b)
{
    if (b == NULL)
        return;
    if (b->p != NULL) {
        cr_cleanse(b->p, b->cap);
        free(b->p);
    }
    *b = (struct cr_buf){0};
}

void cr_cleanse(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}

cr_status cr_strdup(const char *s, char **out, struct cr_err *err)
{
    char *copy = NULL;

    if (s != NULL && (copy = strdup(s)) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    *out = copy;
    return cr_ok();
}

void cr_free_str(char **s)
{
    if (s == NULL)
        return;
    free(*s);
    *s = NULL;
}
