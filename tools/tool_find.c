/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates by thumbprint: the known ones first, then those that stand on a token alone. */
#include "tool_cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool_confirm.h"
#include "tool_token.h"

cr_status tool_thumbprint_clean(const char *text, char out[65], struct cr_err *err)
{
    static const char mark[] = "\xe2\x80\x8e"; /* U+200E */
    size_t n = 0;

    for (const char *p = text; *p; p++) {
        char c = *p;
        if (!strncmp(p, mark, 3)) {
            p += 2;
            continue;
        }
        if (c == ':' || c == ' ')
            continue;
        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        if (n == 64 || !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return cr_fail(err, CR_E_USAGE, "'%s' is not a thumbprint: up to 64 hex digits, colons allowed", text);
        out[n++] = c;
    }
    if (n < TOOL_THUMB_MIN)
        return cr_fail(err, CR_E_USAGE, "thumbprint '%s' is too short: give at least %d digits", text, TOOL_THUMB_MIN);
    out[n] = '\0';
    return cr_ok();
}

bool tool_thumbprint_match(const char *hex, const char *sha256, const char *sha1)
{
    size_t n = strlen(hex);

    return !strncmp(sha256, hex, n) || (n <= 40 && !strncmp(sha1, hex, n));
}

/* Adds a reference to @cert unless its certificate is there already. */
static cr_status list_add(struct role_cert ***list, size_t *n, struct role_cert *cert, struct cr_err *err)
{
    struct role_cert **grown;

    for (size_t i = 0; i < *n; i++)
        if (!strcmp((*list)[i]->thumbprint, cert->thumbprint))
            return cr_ok();
    grown = realloc(*list, (*n + 1) * sizeof(*grown));
    if (!grown)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    *list = grown;
    grown[(*n)++] = role_cert_ref(cert);
    return cr_ok();
}

void tool_certs_free(struct role_cert ***certs, size_t n)
{
    for (size_t i = 0; *certs && i < n; i++)
        role_cert_unref(&(*certs)[i]);
    free(*certs);
    *certs = NULL;
}

static cr_status add_entries(struct store *store, struct role_cert ***list, size_t *n, struct cr_err *err)
{
    char **names = NULL;
    size_t nnames = 0;
    cr_status st = store_certs(store, &names, &nnames, err);

    for (size_t i = 0; i < nnames && !cr_failed(st); i++) {
        struct role_cert *cert = NULL;
        if (cr_failed(store_cert_load(store, names[i], &cert, err)))
            tool_warn("%s", err->text);
        else
            st = list_add(list, n, cert, err);
        role_cert_unref(&cert);
    }
    store_names_free(&names, nnames);
    return st;
}

static cr_status add_slots(struct store *store, struct role_cert ***list, size_t *n, struct cr_err *err)
{
    char **names = NULL;
    size_t nnames = 0;
    cr_status st = store_roles(store, &names, &nnames, err);

    for (size_t i = 0; i < nnames && !cr_failed(st); i++) {
        struct role_record *rec = NULL;
        if (cr_failed(store_load(store, names[i], &rec, NULL, err)))
            tool_warn("%s", err->text);
        for (int slot = ROLE_CURRENT; rec && slot <= ROLE_NEXT && !cr_failed(st); slot++) {
            struct role_cert *cert = role_record_slot(rec, (enum role_slot)slot);
            if (cert)
                st = list_add(list, n, cert, err);
        }
        role_record_unref(&rec);
    }
    store_names_free(&names, nnames);
    return st;
}

cr_status tool_certs_known(struct tool *tool, struct role_cert ***certs, size_t *n, struct cr_err *err)
{
    struct role_cert **list = NULL;
    size_t nlist = 0;
    struct store *store;
    cr_status st;

    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = add_entries(store, &list, &nlist, err)) ||
        cr_failed(st = add_slots(store, &list, &nlist, err))) {
        tool_certs_free(&list, nlist);
        return st;
    }
    *certs = list;
    *n = nlist;
    return st;
}

/* The one of @list that @hex names. */
static cr_status pick(struct role_cert **list, size_t n, const char *hex, const char *where, struct role_cert **out,
                      struct cr_err *err)
{
    struct role_cert *hit = NULL;

    for (size_t i = 0; i < n; i++) {
        if (!tool_thumbprint_match(hex, list[i]->thumbprint, list[i]->sha1))
            continue;
        if (hit)
            return cr_fail(err, CR_E_AMBIGUOUS,
                           "thumbprint %s names two certificates, %s (%s) and %s (%s): give more digits", hex,
                           hit->thumbprint, hit->subject, list[i]->thumbprint, list[i]->subject);
        hit = list[i];
    }
    if (!hit)
        return cr_fail(err, CR_E_NOT_FOUND,
                       "no certificate with thumbprint %s is known%s ('certroll certs' lists them)", hex, where);
    *out = role_cert_ref(hit);
    return cr_ok();
}

static cr_status cert_find(struct tool *tool, const char *text, bool tokens, struct role_cert **out, struct cr_err *err)
{
    struct role_cert **list = NULL;
    size_t n = 0;
    char hex[65];
    cr_status st;

    if (cr_failed(st = tool_thumbprint_clean(text, hex, err)) || cr_failed(st = tool_certs_known(tool, &list, &n, err)))
        return st;
    st = pick(list, n, hex, "", out, err);
    tool_certs_free(&list, n);
    if (st.code != CR_E_NOT_FOUND || !tokens)
        return st;
    if (!cr_failed(st = tool_token_certs(tool, hex, &list, &n, err)))
        st = pick(list, n, hex, " or on a token with its key", out, err);
    tool_certs_free(&list, n);
    return st;
}

cr_status tool_cert_find(struct tool *tool, const char *text, bool tokens, struct role_cert **out, struct cr_err *err)
{
    struct role_cert *cert = NULL;
    cr_status st = cert_find(tool, text, tokens, &cert, err);

    if (!cr_failed(st) && !cr_failed(st = tool_shown_cert(tool, text, cert->thumbprint, err))) {
        *out = cert;
        cert = NULL;
    }
    role_cert_unref(&cert);
    return st;
}
