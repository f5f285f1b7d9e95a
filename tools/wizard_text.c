/* SPDX-License-Identifier: Apache-2.0 */
/* Text that fits a screen, counted in columns. Widths are the locale's (wcwidth). */
#include "wizard.h"

#include <string.h>
#include <wchar.h>

#include "common/cr_text.h"

/* Columns of one character; what the locale cannot show takes one, for the '?' in its place. */
static size_t columns(long code)
{
    int n = code < 0 ? 1 : wcwidth((wchar_t)code);

    return n < 0 ? 1 : (size_t)n;
}

cr_status wizard_plain(const char *text, bool utf8, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cr_ok();
    long code;

    for (size_t n; *text && !cr_failed(st); text += n) {
        n = cr_text_char(text, &code);
        if (code == '\n' || (cr_text_shown(code) && (code < 0x7f || (utf8 && wcwidth((wchar_t)code) >= 0))))
            st = cr_buf_append(out, text, n, err);
        else
            st = cr_buf_append_str(out, "?", err);
    }
    return st;
}

static size_t width_of(const char *text)
{
    size_t sum = 0, n;
    long code;

    for (; *text; text += n) {
        n = cr_text_char(text, &code);
        sum += columns(code);
    }
    return sum;
}

cr_status wizard_fit(const char *text, size_t width, bool pad, struct cr_buf *out, struct cr_err *err)
{
    bool cut = width_of(text) > width;
    size_t room = cut && width > 3 ? width - 3 : width, used = 0, n;
    cr_status st = cr_ok();
    long code;

    for (; *text && !cr_failed(st); text += n) {
        n = cr_text_char(text, &code);
        if (used + columns(code) > room)
            break;
        used += columns(code);
        st = cr_buf_append(out, text, n, err);
    }
    if (cut && width > 3 && !cr_failed(st)) {
        st = cr_buf_append_str(out, "...", err);
        used += 3;
    }
    for (; pad && used < width && !cr_failed(st); used++)
        st = cr_buf_append_str(out, " ", err);
    return st;
}

/* How many bytes of @line, which ends at @n, go on a line of @width columns: up to a blank if there is one. */
static size_t line_break(const char *line, size_t n, size_t width)
{
    size_t used = 0, last = 0, i = 0, step;
    bool text = false;
    long code;

    for (; i < n; i += step) {
        step = cr_text_char(line + i, &code);
        if (used + columns(code) > width)
            return last ? last : i ? i : step;
        used += columns(code);
        text |= code != ' ';
        if (code == ' ' && text)
            last = i + 1;
    }
    return n;
}

static cr_status wrap_line(const char *line, size_t n, size_t width, struct cr_buf *out, struct cr_err *err)
{
    size_t indent = strspn(line, " "), hang;
    cr_status st = cr_ok();

    hang = indent && indent + 2 < width / 2 ? indent + 2 : 0;
    for (bool first = true; !cr_failed(st); first = false) {
        size_t part = line_break(line, n, first ? width : width - hang);
        for (size_t i = 0; !first && i < hang && !cr_failed(st); i++)
            st = cr_buf_append_str(out, " ", err);
        if (!cr_failed(st))
            st = cr_buf_append(out, line, part, err);
        line += part;
        n -= part;
        if (!n)
            break;
        while (out->n && out->p[out->n - 1] == ' ')
            out->p[--out->n] = '\0';
        if (!cr_failed(st))
            st = cr_buf_append_str(out, "\n", err);
    }
    return st;
}

cr_status wizard_wrap(const char *text, size_t width, struct cr_buf *out, struct cr_err *err)
{
    cr_status st = cr_ok();

    while (!cr_failed(st) && *text) {
        size_t n = strcspn(text, "\n");
        st = wrap_line(text, n, width ? width : 1, out, err);
        text += n;
        if (*text == '\n' && !cr_failed(st)) {
            st = cr_buf_append_str(out, "\n", err);
            text++;
        }
    }
    return st;
}

cr_status wizard_common_name(const char *subject, struct cr_buf *out, struct cr_err *err)
{
    const char *p = subject, *end;

    for (;;) {
        for (end = p; *end && *end != ',' && *end != '+'; end++)
            end += *end == '\\' && end[1];
        if (!strncmp(p, "CN=", 3) && end > p + 3)
            return cr_buf_append(out, p + 3, (size_t)(end - p) - 3, err);
        if (!*end)
            return cr_buf_append_str(out, subject, err);
        p = end + 1;
    }
}
