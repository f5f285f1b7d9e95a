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
    while (b.n > 0 && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t' || b.p[b.n - 1] == '\r'))
        b.n--;
    return b;
}

/* A comment sign in the middle of a word would cut the value without a word. */
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
        } else if (c == '#') {
            if (i > 0 && value.p[i - 1] != ' ' && value.p[i - 1] != '\t')
                return cr_fail(err, CR_E_INVALID,
                               "%s line %u: the '#' would cut the value: write \\#, or %%23 in a URI", s->path,
                               s->line);
            break;
        }
    }
    return cr_ok();
}

static cr_status check_line(struct scan *s, struct cr_bytes text, struct cr_err *err)
{
    struct cr_bytes line = trim(text), key;
    const unsigned char *end;
    cr_status st;

    if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';')
        return cr_ok();
    if (line.p[0] == '.')
        return cr_fail(err, CR_E_INVALID, "%s line %u: directives such as .include have no place here", s->path,
                       s->line);
    if (line.p[0] == '[') {
        end = memchr(line.p, ']', line.n);
        if (end == NULL)
            return cr_fail(err, CR_E_INVALID, "%s line %u: the section's name has no ']'", s->path, s->line);
        key = trim(cr_bytes(line.p + 1, (size_t)(end - line.p) - 1));
        if (cr_failed(st = cr_buf_set(&s->section, key.p, key.n, err)))
            return st;
        return remember(s, cr_bytes(NULL, 0), err);
    }
    end = memchr(line.p, '=', line.n);
    if (end == NULL)
        return cr_fail(err, CR_E_INVALID, "%s line %u: neither [section] nor key = value", s->path, s->line);
    key = trim(cr_bytes(line.p, (size_t)(end - line.p)));
    if (key.n == 0 || memchr(key.p, ':', key.n) != NULL)
        return cr_fail(err, CR_E_INVALID, "%s line %u: not the name of a key before '='", s->path, s->line);
    if (cr_failed(st = remember(s, key, err)))
        return st;
    return check_value(s, cr_bytes(end + 1, line.n - (size_t)(end - line.p) - 1), err);
}

cr_status conf_lines_check(const char *path, struct cr_bytes text, struct cr_err *err)
{
    struct scan s = {.path = path};
    cr_status st = cr_buf_set(&s.section, "", 0, err);
    bool continued = false;

    while (text.n > 0 && !cr_failed(st)) {
        const unsigned char *nl = memchr(text.p, '\n', text.n);
        size_t len = nl != NULL ? (size_t)(nl - text.p) : text.n, step = nl != NULL ? len + 1 : len;

        s.line++;
        for (size_t i = 0; i < len && !cr_failed(st); i++) {
            if (text.p[i] < 0x20 && text.p[i] != '\t' && !(text.p[i] == '\r' && i + 1 == len))
                st = cr_fail(err, CR_E_INVALID, "%s line %u: a control byte", path, s.line);
        }
        if (!cr_failed(st))
            st = continued ? check_value(&s, cr_bytes(text.p, len), err) : check_line(&s, cr_bytes(text.p, len), err);
        continued = len > 0 && text.p[len - 1] == '\\';
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
