/* SPDX-License-Identifier: Apache-2.0 */
#include "cr_status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Control bytes become '?'; a UTF-8 sequence cut by the end of the buffer is dropped whole. */
static void tidy(char *text)
{
    size_t n = strlen(text), i;

    for (i = 0; i < n; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
    }
    for (i = n; i > 0 && ((unsigned char)text[i - 1] & 0xc0) == 0x80; i--)
        continue;
    if (i > 0 && (unsigned char)text[i - 1] >= 0xc0) {
        unsigned char lead = (unsigned char)text[i - 1];
        size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

        if (n - (i - 1) < want)
            text[i - 1] = '\0';
    }
}

static cr_status fail_v(struct cr_err *err, enum cr_code code, const char *fmt, va_list ap)
{
    if (err != NULL) {
        err->code = code;
        (void)vsnprintf(err->text, sizeof err->text, fmt, ap);
        tidy(err->text);
    }
    return (cr_status){code};
}

cr_status cr_fail(struct cr_err *err, enum cr_code code, const char *fmt, ...)
{
    cr_status st;
    va_list ap;

    va_start(ap, fmt);
    st = fail_v(err, code, fmt, ap);
    va_end(ap);
    return st;
}

cr_status cr_prefix(struct cr_err *err, cr_status st, const char *fmt, ...)
{
    char old[sizeof err->text];
    size_t n;
    va_list ap;

    if (err == NULL)
        return st;
    memcpy(old, err->text, sizeof old);
    va_start(ap, fmt);
    (void)vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    n = strlen(err->text);
    (void)snprintf(err->text + n, sizeof err->text - n, ": %s", old);
    tidy(err->text);
    return st;
}

cr_status cr_fail_errno(struct cr_err *err, enum cr_code code, int errnum, const char *fmt, ...)
{
    char reason[128];
    size_t n;
    va_list ap;

    if (err == NULL)
        return (cr_status){code};
    va_start(ap, fmt);
    cr_ignore(fail_v(err, code, fmt, ap));
    va_end(ap);
    n = strlen(err->text);
    /* The GNU strerror_r: returns the text, which may not be in @reason. */
    (void)snprintf(err->text + n, sizeof err->text - n, ": %s", strerror_r(errnum, reason, sizeof reason));
    tidy(err->text);
    return (cr_status){code};
}

const char *cr_err_text(const struct cr_err *err)
{
    return err != NULL ? err->text : "";
}
