/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/roles/fake_cert.h"

struct scenario s;

void die(const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s:%u: ", s.path, s.line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

void must(cr_status st, const struct cr_err *err)
{
    if (cr_failed(st))
        die("%s", err->text);
}

/* Splits @text in place: words, "quoted words", # comment. */
void split(char *text)
{
    s.nwords = 0;
    for (char *p = text;;) {
        p += strspn(p, " \t\r\n");
        if (*p == '\0' || *p == '#')
            return;
        if (s.nwords == WORDS_MAX)
            die("too many words");
        if (*p == '"') {
            s.words[s.nwords++] = ++p;
            p = strchr(p, '"');
            if (p == NULL)
                die("a quote does not end");
        } else {
            s.words[s.nwords++] = p;
            p += strcspn(p, " \t\r\n");
        }
        if (*p != '\0')
            *p++ = '\0';
    }
}

const char *word(unsigned i)
{
    if (i >= s.nwords)
        die("a word is missing behind \"%s\"", s.words[s.nwords - 1]);
    return s.words[i];
}

/* The text behind "@key=" when word @i is that, else NULL. */
const char *value(unsigned i, const char *key)
{
    size_t n = strlen(key);

    return strncmp(s.words[i], key, n) == 0 && s.words[i][n] == '=' ? s.words[i] + n + 1 : NULL;
}

int64_t duration(const char *text)
{
    struct cr_err err;
    int64_t d = 0;

    must(cr_duration_parse(text, &d, &err), &err);
    return d;
}

/* RFC 3339, "now", "never", +DURATION or -DURATION. */
int64_t when(const char *text)
{
    struct cr_err err;
    int64_t t = s.now;

    if (strcmp(text, "never") == 0)
        return CR_TIME_NEVER;
    if (text[0] == '+')
        return s.now + duration(text + 1);
    if (text[0] == '-')
        return s.now - duration(text + 1);
    if (strcmp(text, "now") != 0)
        must(cr_time_parse(text, &t, &err), &err);
    return t;
}

struct role_cert *cert_named(const char *name)
{
    for (unsigned i = 0; i < s.ncerts; i++)
        if (strcmp(s.certs[i].name, name) == 0)
            return s.certs[i].cert;
    if (s.ncerts == CERTS_MAX || strlen(name) >= sizeof s.certs[0].name ||
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != strlen(name))
        die("\"%s\" is no certificate: capitals and digits", name);
    strcpy(s.certs[s.ncerts].name, name);
    s.certs[s.ncerts].cert = fake_cert(name, NULL);
    return s.certs[s.ncerts++].cert;
}

const char *name_of(const struct role_cert *cert)
{
    if (cert == NULL)
        return "-";
    for (unsigned i = 0; i < s.ncerts; i++)
        if (role_cert_same(s.certs[i].cert, cert))
            return s.certs[i].name;
    return "?";
}
