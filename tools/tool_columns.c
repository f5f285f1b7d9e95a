/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_columns.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LEAST 80 /* the lines of show that are not cut */
#define MOST  400

size_t tool_columns(void)
{
    const char *text = getenv("COLUMNS");
    struct winsize size;
    char *end = NULL;
    unsigned long n = text && *text >= '1' && *text <= '9' ? strtoul(text, &end, 10) : 0;

    if (n && *end)
        n = 0;
    if (!n && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        n = size.ws_col;
    if (!n)
        return TOOL_COLUMNS_DEFAULT;
    return n < LEAST ? LEAST : n > MOST ? MOST : n;
}

/* Columns of the UTF-8 character at @p and its length: two for East Asian wide ones, none for combining marks. Near
 * enough for names; bytes that are not UTF-8 count one each. */
static size_t columns(const char *p, size_t *len)
{
    unsigned char c = (unsigned char)*p;
    unsigned long u;

    *len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
    u = *len == 1 ? c : c & (0xffU >> (*len + 1));
    for (size_t i = 1; i < *len; i++) {
        if (((unsigned char)p[i] & 0xc0) != 0x80) {
            *len = 1;
            return 1;
        }
        u = u << 6 | ((unsigned char)p[i] & 0x3f);
    }
    if (u >= 0x300 && u <= 0x36f)
        return 0;
    return (u >= 0x1100 && u <= 0x115f) || (u >= 0x2e80 && u <= 0xa4cf) || (u >= 0xac00 && u <= 0xd7a3) ||
                   (u >= 0xf900 && u <= 0xfaff) || (u >= 0xfe30 && u <= 0xfe6f) || (u >= 0xff00 && u <= 0xff60) ||
                   (u >= 0x1f300 && u <= 0x3fffd)
               ? 2
               : 1;
}

size_t tool_columns_fit(const char *text, size_t room, size_t *used)
{
    size_t n = 0, len;

    *used = 0;
    while (text[n]) {
        size_t w = columns(text + n, &len);
        if (*used + w > room)
            break;
        *used += w;
        n += len;
    }
    return n;
}
