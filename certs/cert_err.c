/* SPDX-License-Identifier: Apache-2.0 */
#include "cert_err.h"

#include <stdarg.h>
#include <stdio.h>

cr_status cert_fail(struct cr_err *err, enum cr_code code, const char *fmt, ...)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return reason != NULL ? cr_fail(err, code, "%s (%s)", text, reason) : cr_fail(err, code, "%s", text);
}
