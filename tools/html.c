/* SPDX-License-Identifier: Apache-2.0 */
#include "html.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

/* RFC 3629: the character at @p, and its length; 0 for what is none. */
static unsigned long character(const unsigned char *p, size_t *len)
{
    static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned long u;

    *len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    u = *len == 1 ? p[0] : p[0] & (0xffU >> (*len + 1));
    for (size_t i = 1; i < *len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            *len = i;
            return 0;
        }
        u = u << 6 | (p[i] & 0x3f);
    }
    return *len > 1 && (p[0] < 0xc2 || p[0] > 0xf4 || u < least[*len] || u > 0x10ffff) ? 0 : u;
}

static bool shown(unsigned long u)
{
    bool control = u < 0x20 ? u != '\n' && u != '\t' : u >= 0x7f && u < 0xa0;
    bool surrogate = u >= 0xd800 && u <= 0xdfff, none = (u & 0xfffe) == 0xfffe || (u >= 0xfdd0 && u <= 0xfdef);
    bool turns =
        u == 0x61c || u == 0x200e || u == 0x200f || (u >= 0x202a && u <= 0x202e) || (u >= 0x2066 && u <= 0x2069);

    return !control && !surrogate && !none && !turns;
}

static const char *entity(unsigned long u)
{
    switch (u) {
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
        return shown(u) ? NULL : "\xef\xbf\xbd";
    }
}

void html_text(struct html *h, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t len;

    while (p && *p && !cr_failed(h->st)) {
        const char *instead = entity(character(p, &len));

        h->st = instead ? cr_buf_append_str(h->out, instead, h->err) : cr_buf_append(h->out, p, len, h->err);
        p += len;
    }
}

void html_cell(struct html *h, const char *text)
{
    html_put(h, "<td>");
    html_text(h, text);
    html_put(h, "</td>");
}
