/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_columns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cr_text.h"

#define LEAST 40 /* below it a date or a thumbprint would be cut */
#define MOST  400
#define BELOW 4 /* indent of what goes on below a long label */

size_t tool_columns(void)
{
    const char *text = getenv("COLUMNS");
    struct winsize size;
    char *end = NULL;
    unsigned long n = text && *text >= '1' && *text <= '9' ? strtoul(text, &end, 10) : 0;

    if (n && *end)
        n = 0;
    if (!n && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        n = size.ws_col ? size.ws_col : TOOL_COLUMNS_DEFAULT;
    if (!n)
        return TOOL_COLUMNS_WHOLE;
    return n < LEAST ? LEAST : n > MOST ? MOST : n;
}

/* Columns of a character: two for East Asian wide ones, none for combining marks. Near enough for names; bytes that are not
 * UTF-8 count one each. */
static size_t columns_of(long u)
{
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
    size_t n = 0;
    long code;

    *used = 0;
    while (text[n]) {
        size_t len = cr_text_char(text + n, &code), w = columns_of(code);
        if (*used + w > room)
            break;
        *used += w;
        n += len;
    }
    return n;
}

/* What is left of @columns behind @taken. */
static size_t room_for(size_t columns, size_t taken)
{
    if (columns == TOOL_COLUMNS_WHOLE)
        return columns;
    return columns > taken + BELOW ? columns - taken : BELOW;
}

static cr_status blanks(struct cr_buf *out, size_t n, struct cr_err *err)
{
    return cr_buf_printf(out, err, "%*s", (int)n, "");
}

static const char *text_of(const struct cr_buf *plain)
{
    return plain->p ? (const char *)plain->p : "";
}

/* @text, cut to @room. */
static cr_status append_cut(struct cr_buf *out, size_t room, const char *text, struct cr_err *err)
{
    size_t used, n = tool_columns_fit(text, room, &used);

    if (!text[n])
        return cr_buf_append_str(out, text, err);
    n = tool_columns_fit(text, room - 3, &used);
    return cr_buf_printf(out, err, "%.*s...", (int)n, text);
}

cr_status tool_columns_line(struct cr_buf *out, size_t columns, size_t indent, const char *label, const char *text,
                            struct cr_err *err)
{
    struct cr_buf plain = {0};
    cr_status st = cr_text_plain(text, &plain, err);

    if (!cr_failed(st) && !cr_failed(st = blanks(out, indent, err)) &&
        !cr_failed(st = cr_buf_append_str(out, label, err)) &&
        !cr_failed(st = append_cut(out, room_for(columns, indent + strlen(label)), text_of(&plain), err)))
        st = cr_buf_append_str(out, "\n", err);
    cr_buf_clear(&plain);
    return st;
}

/* How much of @text goes on a line: up to a blank or a ';' if there is one. */
static size_t line_break(const char *text, size_t room)
{
    size_t used, n = tool_columns_fit(text, room, &used), at = n;

    while (text[n] && at > 0 && text[at] != ' ' && text[at - 1] != ';')
        at--;
    return at > 0 ? at : n;
}

static cr_status append_wrapped(struct cr_buf *out, size_t columns, size_t taken, const char *text, struct cr_err *err)
{
    size_t hang = columns != TOOL_COLUMNS_WHOLE && taken > columns / 2 ? BELOW : taken;
    size_t n = line_break(text, room_for(columns, taken));
    cr_status st = cr_buf_append(out, text, n, err);

    for (text += n; *text && !cr_failed(st); text += n) {
        text += *text == ' ';
        n = line_break(text, room_for(columns, hang));
        if (!cr_failed(st = cr_buf_append_str(out, "\n", err)) && !cr_failed(st = blanks(out, hang, err)))
            st = cr_buf_append(out, text, n, err);
    }
    return st;
}

cr_status tool_columns_wrap(struct cr_buf *out, size_t columns, size_t indent, const char *label, const char *text,
                            struct cr_err *err)
{
    struct cr_buf plain = {0};
    cr_status st = cr_text_plain(text, &plain, err);

    if (!cr_failed(st) && !cr_failed(st = blanks(out, indent, err)) &&
        !cr_failed(st = cr_buf_append_str(out, label, err)) &&
        !cr_failed(st = append_wrapped(out, columns, indent + strlen(label), text_of(&plain), err)))
        st = cr_buf_append_str(out, "\n", err);
    cr_buf_clear(&plain);
    return st;
}

/* One cell of a row; *at is the column behind it. */
static cr_status append_cell(struct cr_buf *out, size_t columns, size_t indent, size_t hang, const char *cell,
                             size_t *at, struct cr_err *err)
{
    size_t used = 0, gap = *at ? 2 : indent;
    cr_status st = cr_ok();

    (void)tool_columns_fit(cell, TOOL_COLUMNS_WHOLE, &used);
    if (*at && columns != TOOL_COLUMNS_WHOLE && *at + gap + used > columns) {
        while (out->n && out->p[out->n - 1] == ' ')
            out->p[--out->n] = '\0';
        st = cr_buf_append_str(out, "\n", err);
        *at = 0;
        gap = hang;
    }
    *at += gap + used;
    if (!cr_failed(st) && !cr_failed(st = blanks(out, gap, err)))
        st = append_cut(out, room_for(columns, *at - used), cell, err);
    return st;
}

cr_status tool_columns_row(struct cr_buf *out, size_t columns, size_t indent, size_t hang, const char *const *cells,
                           size_t n, struct cr_err *err)
{
    struct cr_buf plain = {0};
    cr_status st = cr_ok();
    size_t at = 0;

    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        if (!*cells[i])
            continue;
        cr_buf_clear(&plain);
        if (!cr_failed(st = cr_text_plain(cells[i], &plain, err)))
            st = append_cell(out, columns, indent, hang, text_of(&plain), &at, err);
    }
    cr_buf_clear(&plain);
    return cr_failed(st) ? st : cr_buf_append_str(out, "\n", err);
}
