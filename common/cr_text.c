/* SPDX-License-Identifier: Apache-2.0 */
#include "cr_text.h"

size_t cr_text_char(const char *text, long *code)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
    static const long least[] = {0, 0, 0x80, 0x800, 0x10000};
    long c;

    *code = *p;
    if (*p < 0x80)
        return 1;
    *code = -1;
    if (*p < 0xc2 || *p > 0xf4)
        return 1;
    c = *p & (0x7f >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 1;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 1;
    *code = c;
    return n;
}

bool cr_text_shown(long code)
{
    bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    bool hidden = (code >= 0x2000 && code <= 0x200d) || code == 0x2028 || code == 0x2029;
    bool turns = code == 0x61c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
                 (code >= 0x2066 && code <= 0x2069);

    return !control && !hidden && !turns;
}

cr_status cr_text_plain(const char *text, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cr_ok();
    long code;

    for (size_t n; *text && !cr_failed(st); text += n) {
        n = cr_text_char(text, &code);
        st = cr_text_shown(code) ? cr_buf_append(out, text, n, err) : cr_buf_append_str(out, "?", err);
    }
    return st;
}
