/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a: spread, not strength. */
static uint64_t fnv(const void *p, size_t n, uint64_t h)
{
    const unsigned char *b = p;

    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * UINT64_C(1099511628211);
    return h;
}

static void hex_of(const void *p, size_t n, size_t digits, char *out)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < digits; i++) {
        h = fnv(p, n, h + i);
        out[i] = "0123456789abcdef"[h >> 40 & 15];
    }
    out[digits] = '\0';
}

void fake_hex(const char *seed, size_t digits, char *out)
{
    hex_of(seed, strlen(seed), digits, out);
}

void fake_spki(const char *key, char out[65])
{
    char seed[128];

    snprintf(seed, sizeof seed, "key %s", key);
    fake_hex(seed, 64, out);
}

cr_status fake_hash(struct cr_bytes in, char out[65], struct cr_err *err)
{
    (void)err;
    hex_of(in.p, in.n, 64, out);
    return cr_ok();
}

static void must(cr_status st)
{
    if (cr_failed(st))
        abort();
}

struct role_cert *fake_cert(const char *name, const char *key)
{
    char text[160], *location = text;
    struct role_cert *c = NULL;

    must(role_cert_new(&c, NULL));
    fake_hex(name, 64, c->thumbprint);
    fake_hex(name, 40, c->sha1);
    fake_spki(key != NULL ? key : name, c->spki);
    memcpy(c->jkt, c->spki, 43);
    c->jkt[43] = '\0';
    snprintf(text, sizeof text, "CN=%s", name);
    must(cr_strdup(text, &c->subject, NULL));
    must(cr_strdup("CN=Fake CA", &c->issuer, NULL));
    must(cr_strdup("01", &c->serial, NULL));
    c->not_before = FAKE_FROM;
    c->not_after = FAKE_UNTIL;
    snprintf(c->key, sizeof c->key, "rsa:2048");
    must(cr_buf_set(&c->leaf, name, strlen(name), NULL));
    snprintf(text, sizeof text, "pkcs11:token=fake;id=%%01;object=%s", name);
    must(role_cert_set_locations(c, &location, 1, NULL));
    return c;
}
