/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_jwks.h"

#include <stdlib.h>
#include <string.h>

#include "certs/cert_key.h"

struct entry {
    const struct role_cert *newest;
    const char *role; /* that named it first */
    char kid[128];
};

cr_status tool_x5t(const char *hex, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf raw = {0};
    cr_status st = cr_unhex(hex, &raw, err);

    if (!cr_failed(st))
        st = cr_base64url(cr_buf_bytes(&raw), out, err);
    cr_buf_clear(&raw);
    return st;
}

static bool newer(const struct role_cert *a, const struct role_cert *b)
{
    if (a->not_before != b->not_before)
        return a->not_before > b->not_before;
    if (a->not_after != b->not_after)
        return a->not_after > b->not_after;
    return strcmp(a->thumbprint, b->thumbprint) > 0;
}

static cr_status add(struct entry *entries, size_t *n, const struct role_record *rec, const struct role_cert *cert,
                     struct cr_err *err)
{
    char kid[128];

    role_kid(rec->kid_format, cert, kid);
    for (size_t i = 0; i < *n; i++) {
        bool same_key = !strcmp(entries[i].newest->spki, cert->spki), same_kid = !strcmp(entries[i].kid, kid);
        if (!same_key && same_kid)
            return cr_fail(err, CR_E_REFUSED,
                           "certificates %.16s (role %s) and %.16s (role %s) have different keys but one kid '%s': "
                           "import one of them again with another --kid",
                           entries[i].newest->thumbprint, entries[i].role, cert->thumbprint, rec->name, kid);
        if (!same_key)
            continue;
        if (!same_kid)
            tool_warn("role %s: certificates of one key have the kids '%s' and '%s'; the set has the first", rec->name,
                      entries[i].kid, kid);
        if (newer(cert, entries[i].newest))
            entries[i].newest = cert;
        return cr_ok();
    }
    entries[*n] = (struct entry){.newest = cert, .role = rec->name};
    memcpy(entries[*n].kid, kid, sizeof(kid));
    (*n)++;
    return cr_ok();
}

static cr_status collect(const struct tool_role *roles, size_t nroles, struct entry *entries, size_t *n,
                         struct cr_err *err)
{
    static const enum role_slot order[] = {ROLE_CURRENT, ROLE_NEXT, ROLE_PREVIOUS};
    cr_status st = cr_ok();

    for (size_t k = 0; k < CR_COUNT(order); k++) {
        for (size_t i = 0; i < nroles && !cr_failed(st); i++) {
            const struct role_cert *cert = role_view_slot(&roles[i].view, order[k]);
            if (cert)
                st = add(entries, n, roles[i].rec, cert, err);
        }
    }
    return st;
}

/* Takes @value; a NULL one is out of memory. */
static bool put(json_t *jwk, const char *name, json_t *value)
{
    return json_object_set_new(jwk, name, value) == 0;
}

static bool put_some(json_t *jwk, const char *name, const char *value)
{
    return !value || put(jwk, name, json_string(value));
}

static cr_status put_key(const struct tok_key *key, const char *kid, json_t *jwk, struct cr_err *err)
{
    struct cert_jwk members = {0};
    cr_status st = cert_jwk_members(key, &members, err);

    if (cr_failed(st))
        return st;
    if (!put_some(jwk, "kty", members.kty) || !put_some(jwk, "use", "sig") || !put_some(jwk, "alg", members.alg) ||
        !put_some(jwk, "kid", kid) || !put_some(jwk, "crv", members.crv) || !put_some(jwk, "n", members.n) ||
        !put_some(jwk, "e", members.e) || !put_some(jwk, "x", members.x) || !put_some(jwk, "y", members.y))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    cert_jwk_clear(&members);
    return st;
}

static cr_status put_digest(json_t *jwk, const char *name, const char *hex, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st = tool_x5t(hex, &text, err);

    if (!cr_failed(st) && !put(jwk, name, json_stringn((const char *)text.p, text.n)))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    cr_buf_clear(&text);
    return st;
}

/* RFC 7517 section 4.7: base64 (not base64url) of the DER. */
static cr_status append_cert(json_t *x5c, const struct cr_buf *der, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st = cr_base64(cr_buf_bytes(der), &text, err);

    if (!cr_failed(st) && json_array_append_new(x5c, json_stringn((const char *)text.p, text.n)))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    cr_buf_clear(&text);
    return st;
}

static cr_status put_chain(json_t *jwk, const struct role_cert *cert, struct cr_err *err)
{
    json_t *x5c = json_array();
    cr_status st;

    if (!put(jwk, "x5c", x5c)) /* borrowed from here on */
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    st = append_cert(x5c, &cert->leaf, err);
    for (size_t i = 0; i < cert->nchain && !cr_failed(st); i++)
        st = append_cert(x5c, &cert->chain[i], err);
    return st;
}

static cr_status entry_json(const struct entry *entry, json_t *keys, struct cr_err *err)
{
    const struct role_cert *cert = entry->newest;
    struct cert_facts facts = {0};
    json_t *jwk = json_object();
    cr_status st = cert_facts_read(NULL, cr_buf_bytes(&cert->leaf), &facts, err);

    if (!cr_failed(st) && !cr_failed(st = put_key(&facts.key, entry->kid, jwk, err)) &&
        !cr_failed(st = put_digest(jwk, "x5t", cert->sha1, err)) &&
        !cr_failed(st = put_digest(jwk, "x5t#S256", cert->thumbprint, err)))
        st = put_chain(jwk, cert, err);
    cert_facts_clear(&facts);
    if (!cr_failed(st) && json_array_append(keys, jwk))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    json_decref(jwk);
    return st;
}

cr_status tool_jwks(const struct tool_role *roles, size_t n, json_t **out, struct cr_err *err)
{
    struct entry *entries = calloc(n ? n * 3 : 1, sizeof(*entries));
    json_t *keys = json_array(), *set = NULL;
    size_t nentries = 0;
    cr_status st;

    if (!entries || !keys) {
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
        goto out;
    }
    st = collect(roles, n, entries, &nentries, err);
    for (size_t i = 0; i < nentries && !cr_failed(st); i++)
        st = entry_json(&entries[i], keys, err);
    if (cr_failed(st))
        goto out;
    if (!(set = json_pack("{s:O}", "keys", keys)))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    else
        *out = set;
out:
    json_decref(keys);
    free(entries);
    return st;
}
