/* SPDX-License-Identifier: Apache-2.0 */
/* Distinguished names as people write them (cert_words.h). */
#include <ctype.h>
#include <string.h>

#include "cert_err.h"
#include "cert_words.h"
#include "cert_x509.h"

#define PARTS_MAX 32

struct part {
    char *type;
    struct cr_buf value;
    bool joined; /* to the part before it by + */
};

struct subject {
    struct part parts[PARTS_MAX];
    size_t n;
    bool slashes; /* OpenSSL's form: the most general first */
};

static void subject_clear(struct subject *s)
{
    for (size_t i = 0; i < s->n; i++) {
        cr_free_str(&s->parts[i].type);
        cr_buf_clear(&s->parts[i].value);
    }
}

static bool ends_value(const struct subject *s, char c)
{
    return c == '\0' || c == '+' || (s->slashes ? c == '/' : c == ',' || c == ';');
}

/* RFC 4514 section 3: \ before a special character, or before two hex digits. */
static cr_status escape_read(const char **p, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf byte = {0};
    const char *at = *p + 1;
    cr_status st;

    if (isxdigit((unsigned char)at[0]) && isxdigit((unsigned char)at[1])) {
        const char hex[3] = {at[0], at[1], '\0'};
        if (!cr_failed(st = cr_unhex(hex, &byte, err)))
            st = cr_buf_append(out, byte.p, byte.n, err);
        cr_buf_clear(&byte);
        *p = at + 2;
        return st;
    }
    if (*at == '\0' || strchr(" \"#+,;<=>\\/", *at) == NULL)
        return cr_fail(err, CR_E_USAGE, "--subject: \\ stands before neither a special character nor two hex digits");
    *p = at + 1;
    return cr_buf_append(out, at, 1, err);
}

static cr_status value_read(const struct subject *s, const char **p, struct cr_buf *out, struct cr_err *err)
{
    size_t solid = 0; /* bytes that are not unescaped spaces at the end */
    cr_status st = cr_ok();

    while (**p == ' ')
        ++*p;
    if (**p == '#' || **p == '"')
        return cr_fail(err, CR_E_USAGE, "--subject: a value that begins with %c is not supported: write \\%c", **p,
                       **p);
    while (!cr_failed(st) && !ends_value(s, **p)) {
        bool space = **p == ' ';
        if (**p == '\\') {
            st = escape_read(p, out, err);
        } else {
            st = cr_buf_append(out, *p, 1, err);
            ++*p;
        }
        if (!space)
            solid = out->n;
    }
    out->n = solid;
    return cr_failed(st) || out->n > 0 ? st : cr_fail(err, CR_E_USAGE, "--subject: an empty value");
}

static cr_status part_read(struct subject *s, const char **p, bool joined, struct cr_err *err)
{
    struct part *part;
    const char *type;
    size_t n;
    cr_status st;

    while (**p == ' ')
        ++*p;
    type = *p;
    n = strcspn(type, "=");
    if (type[n] == '\0' || n == 0 || n > 80 || strcspn(type, ",;+/\\") < n)
        return cr_fail(err, CR_E_USAGE, "--subject wants 'CN=NAME,O=NAME' or '/O=NAME/CN=NAME'");
    if (s->n == PARTS_MAX)
        return cr_fail(err, CR_E_USAGE, "--subject has more than %d parts", PARTS_MAX);
    *p = type + n + 1;
    while (n > 0 && type[n - 1] == ' ')
        n--;
    part = &s->parts[s->n];
    part->joined = joined;
    if ((part->type = strndup(type, n)) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    s->n++;
    st = value_read(s, p, &part->value, err);
    return st;
}

static cr_status parts_read(struct subject *s, const char *text, struct cr_err *err)
{
    const char *p = text;
    bool joined = false;
    cr_status st;

    s->slashes = *p == '/';
    p += s->slashes;
    for (;;) {
        if (cr_failed(st = part_read(s, &p, joined, err)) || *p == '\0')
            return st;
        joined = *p++ == '+';
    }
}

static cr_status part_add(const struct part *part, int set, X509_NAME *name, struct cr_err *err)
{
    ASN1_OBJECT *obj;
    cr_status st = cr_ok();

    (void)ERR_set_mark();
    obj = OBJ_txt2obj(part->type, 0);
    if (obj == NULL)
        st = cr_fail(err, CR_E_USAGE, "--subject: '%s' is no kind of name like CN, O, OU, L, ST, C or DC, and no OID",
                     part->type);
    else if (X509_NAME_add_entry_by_OBJ(name, obj, MBSTRING_UTF8, part->value.p, (int)part->value.n, -1, set) != 1)
        st = cert_fail(err, CR_E_USAGE, "--subject: '%s' cannot be '%.64s'", part->type, (const char *)part->value.p);
    (void)ERR_pop_to_mark();
    ASN1_OBJECT_free(obj);
    return st;
}

/* The first of the parts that @i is joined to. */
static size_t first_of(const struct subject *s, size_t i)
{
    while (i > 0 && s->parts[i].joined)
        i--;
    return i;
}

/* The most general first. */
static cr_status name_make(const struct subject *s, X509_NAME *name, struct cr_err *err)
{
    cr_status st = cr_ok();

    if (s->slashes) {
        for (size_t i = 0; i < s->n && !cr_failed(st); i++)
            st = part_add(&s->parts[i], s->parts[i].joined ? -1 : 0, name, err);
        return st;
    }
    for (size_t end = s->n; end > 0 && !cr_failed(st); end = first_of(s, end - 1))
        for (size_t i = first_of(s, end - 1); i < end && !cr_failed(st); i++)
            st = part_add(&s->parts[i], s->parts[i].joined ? -1 : 0, name, err);
    return st;
}

cr_status cert_subject_parse(const char *text, X509_NAME **out, struct cr_err *err)
{
    struct subject s = {0};
    X509_NAME *name = X509_NAME_new();
    cr_status st;

    if (name == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (cr_failed(st = parts_read(&s, text, err)) || cr_failed(st = name_make(&s, name, err)))
        X509_NAME_free(name);
    else
        *out = name;
    subject_clear(&s);
    return st;
}

cr_status cert_subject_text(const X509_NAME *name, char **out, struct cr_err *err)
{
    cr_status st;

    (void)ERR_set_mark();
    st = cert_name_text(name, out, err);
    (void)ERR_pop_to_mark();
    return st;
}
