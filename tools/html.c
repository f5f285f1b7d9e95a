/* SPDX-License-Identifier: Apache-2.0 */
#include "html.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cr_text.h"

void html_put(struct html *h, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    int n;

    if (cr_failed(h->st))
        return;
    va_start(ap, fmt);
    n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        h->st = cr_fail(h->err, CR_E_NOMEM, "out of memory");
    else
        h->st = cr_buf_append(h->out, text, (size_t)n, h->err);
    if (n >= 0)
        free(text);
}

static bool shown(long code)
{
    bool none = (code & 0xfffe) == 0xfffe || (code >= 0xfdd0 && code <= 0xfdef);

    return code == '\n' || code == '\t' || (cr_text_shown(code) && !none);
}

static const char *entity(long code)
{
    switch (code) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return shown(code) ? NULL : "\xef\xbf\xbd";
    }
}

void html_text(struct html *h, const char *text)
{
    long code;

    for (size_t n; text && *text && !cr_failed(h->st); text += n) {
        const char *instead;

        n = cr_text_char(text, &code);
        while (code < 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
            n++; /* one U+FFFD for what belonged together */
        instead = entity(code);
        h->st = instead ? cr_buf_append_str(h->out, instead, h->err) : cr_buf_append(h->out, text, n, h->err);
    }
}

void html_cell(struct html *h, const char *text)
{
    html_put(h, "<td>");
    html_text(h, text);
    html_put(h, "</td>");
}
