/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_uri.h"

#include <string.h>
#include <strings.h>

#define SCHEME "certroll:"

#define SEEN_SLOT       1u
#define SEEN_THUMBPRINT 2u
#define SEEN_BIND       4u
#define SEEN_OBJECT     8u

static const char *const object_words[] = {
    [ROLE_OBJECT_ALL] = "all", [ROLE_OBJECT_CERT] = "cert", [ROLE_OBJECT_KEY] = "key"};

static cr_status set_slot(struct role_uri *uri, const char *value, struct cr_err *err)
{
    uri->has_slot = true;
    return role_slot_parse(value, &uri->slot, err);
}

static cr_status set_bind(struct role_uri *uri, const char *value, struct cr_err *err)
{
    uri->has_bind = true;
    return role_binding_parse(value, &uri->bind, err);
}

static cr_status set_object(struct role_uri *uri, const char *value, struct cr_err *err)
{
    for (size_t i = 0; i < CR_COUNT(object_words); i++)
        if (strcmp(value, object_words[i]) == 0) {
            uri->object = (enum role_object)i;
            return cr_ok();
        }
    return cr_fail(err, CR_E_INVALID, "an object is cert, key or all, not \"%.40s\"", value);
}

static cr_status set_thumbprint(struct role_uri *uri, const char *value, struct cr_err *err)
{
    size_t n = strlen(value);

    if (n != 40 && n != 64)
        return cr_fail(err, CR_E_INVALID, "a thumbprint has 64 hex digits (SHA-256) or 40 (SHA-1)");
    for (size_t i = 0; i <= n; i++)
        uri->thumbprint[i] = (char)(value[i] >= 'A' && value[i] <= 'F' ? value[i] - 'A' + 'a' : value[i]);
    if (!role_hex_valid(uri->thumbprint, n))
        return cr_fail(err, CR_E_INVALID, "a thumbprint has hex digits alone");
    return cr_ok();
}

static const struct {
    const char *name;
    unsigned seen;
    cr_status (*set)(struct role_uri *uri, const char *value, struct cr_err *err);
} attributes[] = {
    {"slot", SEEN_SLOT, set_slot},
    {"thumbprint", SEEN_THUMBPRINT, set_thumbprint},
    {"bind", SEEN_BIND, set_bind},
    {"object", SEEN_OBJECT, set_object},
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Percent-decodes into a C string (RFC 3986 section 2.1); @out has room for @len + 1. */
static cr_status value_decode(const char *text, size_t len, char *out, struct cr_err *err)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        int c = (unsigned char)text[i];

        if (c == '%') {
            int hi = len - i > 2 ? hex_value(text[i + 1]) : -1;
            int lo = len - i > 2 ? hex_value(text[i + 2]) : -1;

            if (hi < 0 || lo < 0)
                return cr_fail(err, CR_E_INVALID, "percent sign without two hex digits");
            c = hi * 16 + lo;
            i += 2;
        }
        if (c == '\0')
            return cr_fail(err, CR_E_INVALID, "zero byte");
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return cr_ok();
}

/* One "name=value". */
static cr_status attribute_parse(const char *text, size_t len, struct role_uri *uri, unsigned *seen, struct cr_err *err)
{
    const char *eq = memchr(text, '=', len);
    char value[ROLE_URI_MAX + 1];
    size_t name_len = eq != NULL ? (size_t)(eq - text) : len;
    cr_status st;

    for (size_t i = 0; i < CR_COUNT(attributes); i++) {
        if (strlen(attributes[i].name) != name_len || memcmp(text, attributes[i].name, name_len) != 0)
            continue;
        if (eq == NULL)
            return cr_fail(err, CR_E_INVALID, "attribute %s has no value", attributes[i].name);
        if (*seen & attributes[i].seen)
            return cr_fail(err, CR_E_INVALID, "attribute %s stands twice", attributes[i].name);
        *seen |= attributes[i].seen;
        if (cr_failed(st = value_decode(eq + 1, len - name_len - 1, value, err)))
            return st;
        return attributes[i].set(uri, value, err);
    }
    return cr_fail(err, CR_E_INVALID, "unknown attribute \"%.*s\"", (int)(name_len < 40 ? name_len : 40), text);
}

/* Contradictions, and what a thumbprint implies. */
static cr_status uri_check(struct role_uri *uri, struct cr_err *err)
{
    if (uri->thumbprint[0] == '\0')
        return cr_ok();
    if (uri->has_slot)
        return cr_fail(err, CR_E_INVALID, "slot and thumbprint exclude each other");
    if (uri->has_bind && uri->bind == ROLE_BIND_LIVE)
        return cr_fail(err, CR_E_INVALID, "a thumbprint pins: bind=live contradicts it");
    uri->has_bind = true;
    uri->bind = ROLE_BIND_PINNED;
    return cr_ok();
}

static cr_status uri_parse(const char *text, size_t len, struct role_uri *uri, struct cr_err *err)
{
    const char *end = text + len, *p, *stop;
    unsigned seen = 0;
    cr_status st;

    if (len > ROLE_URI_MAX)
        return cr_fail(err, CR_E_INVALID, "over %d bytes", ROLE_URI_MAX);
    if (len < strlen(SCHEME) || strncasecmp(text, SCHEME, strlen(SCHEME)) != 0)
        return cr_fail(err, CR_E_INVALID, "does not begin with certroll:");
    if (memchr(text, '?', len) != NULL || memchr(text, '#', len) != NULL)
        return cr_fail(err, CR_E_INVALID, "a certroll URI has no query and no fragment");
    p = text + strlen(SCHEME);
    if (end - p >= 2 && p[0] == '/' && p[1] == '/')
        p += 2;
    if ((stop = memchr(p, ';', (size_t)(end - p))) == NULL)
        stop = end;
    if (!role_name_valid(p, (size_t)(stop - p)))
        return cr_fail(err, CR_E_INVALID, "no valid role name behind certroll://");
    memcpy(uri->role, p, (size_t)(stop - p));
    while (stop < end) {
        p = stop + 1;
        if ((stop = memchr(p, ';', (size_t)(end - p))) == NULL)
            stop = end;
        if (cr_failed(st = attribute_parse(p, (size_t)(stop - p), uri, &seen, err)))
            return st;
    }
    return uri_check(uri, err);
}

cr_status role_uri_parse(const char *text, size_t len, struct role_uri *out, struct cr_err *err)
{
    struct role_uri uri = {.slot = ROLE_CURRENT};
    int shown = (int)(len < 160 ? len : 160);
    struct cr_err why;

    if (cr_failed(uri_parse(text, len, &uri, &why)))
        return cr_fail(err, CR_E_INVALID, "URI \"%.*s\": %s", shown, text, cr_err_text(&why));
    *out = uri;
    return cr_ok();
}

cr_status role_uri_write(const struct role_uri *uri, struct cr_buf *out, struct cr_err *err)
{
    bool pinned_anyway = uri->thumbprint[0] != '\0';
    struct cr_buf text = {0};
    cr_status st;

    if (cr_failed(st = cr_buf_printf(&text, err, SCHEME "//%s", uri->role)))
        goto out;
    if (uri->has_slot && cr_failed(st = cr_buf_printf(&text, err, ";slot=%s", role_slot_text(uri->slot))))
        goto out;
    if (pinned_anyway && cr_failed(st = cr_buf_printf(&text, err, ";thumbprint=%s", uri->thumbprint)))
        goto out;
    if (uri->has_bind && !pinned_anyway &&
        cr_failed(st = cr_buf_printf(&text, err, ";bind=%s", role_binding_text(uri->bind))))
        goto out;
    if (uri->object != ROLE_OBJECT_ALL &&
        cr_failed(st = cr_buf_printf(&text, err, ";object=%s", object_words[uri->object])))
        goto out;
    st = cr_buf_set(out, text.p, text.n, err);
out:
    cr_buf_clear(&text);
    return st;
}

/* ---- the reference payload ---- */

/* X.690: the three types we use. */
#define TAG_INTEGER  0x02
#define TAG_UTF8     0x0c
#define TAG_SEQUENCE 0x30

/* Header of at most 65535 bytes in the shortest form (X.690 section 10.1). */
static cr_status header_write(unsigned char tag, size_t len, struct cr_buf *out, struct cr_err *err)
{
    unsigned char h[4] = {tag};
    size_t n;

    if (len < 0x80) {
        h[1] = (unsigned char)len;
        n = 2;
    } else if (len < 0x100) {
        h[1] = 0x81;
        h[2] = (unsigned char)len;
        n = 3;
    } else {
        h[1] = 0x82;
        h[2] = (unsigned char)(len >> 8);
        h[3] = (unsigned char)(len & 0xff);
        n = 4;
    }
    return cr_buf_append(out, h, n, err);
}

/* Takes one element with @tag from the front of @in; its content goes into @out. */
static cr_status element_read(struct cr_bytes *in, unsigned char tag, struct cr_bytes *out, struct cr_err *err)
{
    size_t head = 2, len;

    if (in->n < 2 || in->p[0] != tag)
        return cr_fail(err, CR_E_INVALID, "key reference: not the DER expected");
    len = in->p[1];
    if (len >= 0x80) {
        size_t octets = len & 0x7f;

        if (octets < 1 || octets > 2 || in->n < 2 + octets)
            return cr_fail(err, CR_E_INVALID, "key reference: bad DER length");
        len = octets == 1 ? in->p[2] : (size_t)in->p[2] << 8 | in->p[3];
        if (len < (octets == 1 ? 0x80u : 0x100u))
            return cr_fail(err, CR_E_INVALID, "key reference: DER length not minimal");
        head += octets;
    }
    if (in->n - head < len)
        return cr_fail(err, CR_E_INVALID, "key reference: DER cut short");
    *out = cr_bytes(in->p + head, len);
    *in = cr_bytes(in->p + head + len, in->n - head - len);
    return cr_ok();
}

static cr_status format_check(struct cr_bytes n, struct cr_err *err)
{
    bool minimal = n.n > 0 && !(n.n > 1 && n.p[0] == 0 && n.p[1] < 0x80);

    if (!minimal || n.p[0] >= 0x80 || (n.n == 1 && n.p[0] == 0))
        return cr_fail(err, CR_E_INVALID, "key reference: bad format number");
    if (n.n > 1 || n.p[0] > ROLE_REF_FORMAT)
        return cr_fail(err, CR_E_UNSUPPORTED, "key reference: written by a newer certroll");
    return cr_ok();
}

cr_status role_ref_write(const char *uri, struct cr_buf *out, struct cr_err *err)
{
    static const unsigned char format[] = {TAG_INTEGER, 1, ROLE_REF_FORMAT};
    struct cr_buf body = {0}, der = {0};
    struct role_uri parsed;
    cr_status st;

    if (cr_failed(st = role_uri_parse(uri, strlen(uri), &parsed, err)))
        goto out;
    if (cr_failed(st = cr_buf_append(&body, format, sizeof format, err)))
        goto out;
    if (cr_failed(st = header_write(TAG_UTF8, strlen(uri), &body, err)))
        goto out;
    if (cr_failed(st = cr_buf_append_str(&body, uri, err)))
        goto out;
    if (cr_failed(st = header_write(TAG_SEQUENCE, body.n, &der, err)))
        goto out;
    if (cr_failed(st = cr_buf_append(&der, body.p, body.n, err)))
        goto out;
    st = cr_buf_set(out, der.p, der.n, err);
out:
    cr_buf_clear(&body);
    cr_buf_clear(&der);
    return st;
}

cr_status role_ref_read(struct cr_bytes der, struct role_uri *out, struct cr_err *err)
{
    struct cr_bytes body = {0}, format = {0}, uri = {0};
    cr_status st;

    if (cr_failed(st = element_read(&der, TAG_SEQUENCE, &body, err)))
        return st;
    if (der.n != 0)
        return cr_fail(err, CR_E_INVALID, "key reference: bytes behind its end");
    if (cr_failed(st = element_read(&body, TAG_INTEGER, &format, err)))
        return st;
    if (cr_failed(st = format_check(format, err)))
        return st;
    if (cr_failed(st = element_read(&body, TAG_UTF8, &uri, err)))
        return st;
    if (body.n != 0)
        return cr_fail(err, CR_E_INVALID, "key reference: bytes behind the URI");
    return role_uri_parse((const char *)uri.p, uri.n, out, err);
}
