/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_lines.h"

#include <stdlib.h>
#include <string.h>

struct scan {
    const char *path;
    unsigned line;
    struct cr_buf section; /* the current one's name */
    struct cr_buf seen;    /* "section\0key\0" of every key so far; "section\0\0" of every section */
};

static cr_status remember(struct scan *s, struct cr_bytes key, struct cr_err *err)
{
    struct cr_buf entry = {0};
    cr_status st = cr_ok();
    size_t at = 0;

    if (cr_failed(st = cr_buf_append(&entry, s->section.p, s->section.n, err)) ||
        cr_failed(st = cr_buf_append(&entry, "", 1, err)) || cr_failed(st = cr_buf_append(&entry, key.p, key.n, err)) ||
        cr_failed(st = cr_buf_append(&entry, "", 1, err)))
        goto out;
    while (at < s->seen.n) {
        const char *sec = (const char *)s->seen.p + at, *name = sec + strlen(sec) + 1;
        size_t len = (size_t)(name - sec) + strlen(name) + 1;

        if (len == entry.n && memcmp(sec, entry.p, len) == 0) {
            st = key.n > 0
                     ? cr_fail(err, CR_E_INVALID, "%s line %u: the key '%s' stands twice in [%s]", s->path, s->line,
                               name, sec)
                     : cr_fail(err, CR_E_INVALID, "%s line %u: the section [%s] stands twice", s->path, s->line, sec);
            goto out;
        }
        at += len;
    }
    st = cr_buf_append(&s->seen, entry.p, entry.n, err);
out:
    cr_buf_clear(&entry);
    return st;
}

static struct cr_bytes trim(struct cr_bytes b)
{
    while (b.n > 0 && (b.p[0] == ' ' || b.p[0] == '\t'))
        b = cr_bytes(b.p + 1, b.n - 1);
    while (b.n > 0 && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
        b.n--;
    return b;
}

/* Letters of names: anything else OpenSSL's reader would unescape, expand or cut, and two spellings would be one name. */
static bool plain_name(struct cr_bytes name)
{
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = name.p[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' && c != '-' &&
            c != '.')
            return false;
    }
    return name.n > 0;
}

bool conf_name_valid(const char *name)
{
    struct cr_bytes b = cr_bytes_str(name);

    return plain_name(b) && b.n <= 64 && ((b.p[0] | 0x20) >= 'a' && (b.p[0] | 0x20) <= 'z');
}

static cr_status bad_line(const struct scan *s, const char *what, struct cr_err *err)
{
    return cr_fail(err, CR_E_INVALID, "%s line %u: %s", s->path, s->line, what);
}

/* What would cut the value, open another file's or the environment's content, or swallow a quote, without a word. */
static cr_status check_value(const struct scan *s, struct cr_bytes value, struct cr_err *err)
{
    unsigned char quote = 0;

    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = value.p[i];

        if (c == '\\') {
            i++;
        } else if (quote != 0) {
            quote = c == quote ? 0 : quote;
        } else if (c == '"' || c == '\'' || c == '`') {
            quote = c;
        } else if (c == '$') {
            return bad_line(s, "a '$' is written \\$: variables have no place here", err);
        } else if (c == '#') {
            if (i > 0 && value.p[i - 1] != ' ' && value.p[i - 1] != '\t')
                return bad_line(s, "the '#' would cut the value: write \\#, or %23 in a URI", err);
            break;
        }
    }
    return quote != 0
               ? bad_line(s, "a quote is not closed: a quote that belongs to the value is written \\' or \\\"", err)
               : cr_ok();
}

static cr_status check_section(struct scan *s, struct cr_bytes line, struct cr_err *err)
{
    const unsigned char *end = memchr(line.p, ']', line.n);
    struct cr_bytes name, rest;
    cr_status st;

    if (end == NULL)
        return bad_line(s, "the section's name has no ']'", err);
    name = trim(cr_bytes(line.p + 1, (size_t)(end - line.p) - 1));
    if (!plain_name(name))
        return bad_line(s, "a section's name has only letters, digits, '_', '-' and '.'", err);
    rest = trim(cr_bytes(end + 1, line.n - (size_t)(end - line.p) - 1));
    if (rest.n > 0 && rest.p[0] != '#')
        return bad_line(s, "text behind the ']' would be lost", err);
    if (cr_failed(st = cr_buf_set(&s->section, name.p, name.n, err)))
        return st;
    return remember(s, cr_bytes(NULL, 0), err);
}

static cr_status check_line(struct scan *s, struct cr_bytes text, struct cr_err *err)
{
    struct cr_bytes line = trim(text), key;
    const unsigned char *end;
    cr_status st;

    if (line.n == 0 || line.p[0] == '#')
        return cr_ok();
    if (line.p[0] == '.')
        return bad_line(s, "directives such as .include have no place here", err);
    if (line.p[0] == '[')
        return check_section(s, line, err);
    end = memchr(line.p, '=', line.n);
    if (end == NULL)
        return bad_line(s, "neither [section] nor key = value; a comment begins with '#'", err);
    key = trim(cr_bytes(line.p, (size_t)(end - line.p)));
    if (!plain_name(key))
        return bad_line(s, "not the name of a key before '='", err);
    if (cr_failed(st = remember(s, key, err)))
        return st;
    return check_value(s, cr_bytes(end + 1, line.n - (size_t)(end - line.p) - 1), err);
}

/* Properties of the raw line. OpenSSL reads in pieces of about 510 bytes and takes a backslash at the end of a piece for
 * a continuation; continued lines would also hide directives from us. */
static cr_status check_raw(const struct scan *s, struct cr_bytes line, struct cr_err *err)
{
    struct cr_bytes end;
    size_t slashes = 0;

    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] < 0x20 && line.p[i] != '\t')
            return bad_line(s, "a control byte", err);
    }
    end = trim(line);
    while (slashes < end.n && end.p[end.n - 1 - slashes] == '\\')
        slashes++;
    if (slashes % 2 != 0)
        return bad_line(s, "a line cannot be continued: a backslash at its end is written \\\\", err);
    if (line.n > CONF_LINE_MAX && memchr(line.p, '\\', line.n) != NULL)
        return cr_fail(err, CR_E_INVALID, "%s line %u: a line with a backslash has more than %d bytes", s->path,
                       s->line, CONF_LINE_MAX);
    return cr_ok();
}

cr_status conf_lines_check(const char *path, struct cr_bytes text, struct cr_err *err)
{
    struct scan s = {.path = path};
    cr_status st = cr_buf_set(&s.section, "default", 7, err); /* OpenSSL's name for what stands before any section */

    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) /* OpenSSL skips the mark too */
        text = cr_bytes(text.p + 3, text.n - 3);
    while (text.n > 0 && !cr_failed(st)) {
        const unsigned char *nl = memchr(text.p, '\n', text.n);
        size_t len = nl != NULL ? (size_t)(nl - text.p) : text.n, step = nl != NULL ? len + 1 : len;

        s.line++;
        if (nl != NULL && len > 0 && text.p[len - 1] == '\r')
            len--;
        st = check_raw(&s, cr_bytes(text.p, len), err);
        if (!cr_failed(st))
            st = check_line(&s, cr_bytes(text.p, len), err);
        text = cr_bytes(text.p + step, text.n - step);
    }
    cr_buf_clear(&s.section);
    cr_buf_clear(&s.seen);
    return st;
}

cr_status conf_words(const char *value, const char *separators, char ***words, size_t *n, struct cr_err *err)
{
    char **list = calloc(strlen(value) / 2 + 2, sizeof *list);
    size_t count = 0;

    if (list == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (;;) {
        size_t len;

        value += strspn(value, separators);
        len = strcspn(value, separators);
        if (len == 0)
            break;
        if ((list[count] = strndup(value, len)) == NULL) {
            conf_words_free(&list, count);
            return cr_fail(err, CR_E_NOMEM, "out of memory");
        }
        count++;
        value += len;
    }
    *words = list;
    *n = count;
    return cr_ok();
}

void conf_words_free(char ***words, size_t n)
{
    if (words == NULL || *words == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        free((*words)[i]);
    free(*words);
    *words = NULL;
}
