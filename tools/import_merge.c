/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "import.h"
#include "tool_cert.h"

void import_clear(struct import *im)
{
    cert_bundle_clear(&im->bundle);
    cert_facts_clear(&im->facts);
    role_request_clear(&im->request);
    role_cert_unref(&im->known);
    role_cert_unref(&im->cert);
    store_names_free(&im->holders, im->nholders);
    *im = (struct import){0};
}

/* In an effective slot: what a role dropped by now it need not learn about. */
static bool holds(const struct tool *tool, const struct role_record *rec, const char *thumbprint)
{
    struct role_view view;

    role_resolve(rec, tool->now, NULL, &view);
    return role_view_find(&view, thumbprint) != NULL;
}

/* Keeps of all role names those that hold the certificate. */
static cr_status holders_find(struct tool *tool, struct store *store, struct import *im, struct cr_err *err)
{
    char **names = NULL;
    size_t n = 0, kept = 0;
    cr_status st = store_roles(store, &names, &n, err);

    if (!cr_failed(st) && !(im->holders = calloc(n ? n : 1, sizeof(*im->holders))))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        struct role_record *rec = NULL;
        struct cr_stamp stamp;
        if (cr_failed(store_load(store, names[i], &rec, &stamp, err)))
            tool_warn("%s", err->text);
        else if (holds(tool, rec, im->facts.thumbprint)) {
            st = cr_strdup(names[i], &im->holders[kept], err);
            kept += !cr_failed(st);
        }
        role_record_unref(&rec);
    }
    im->nholders = kept;
    store_names_free(&names, n);
    return st;
}

static cr_status kid_merge(struct import *im, struct cr_err *err)
{
    cr_status st;

    if (!im->kid || (im->cert->own_kid && !strcmp(im->cert->own_kid, im->kid)))
        return cr_ok();
    if (im->nholders)
        return cr_fail(err, CR_E_REFUSED,
                       "certificate %.16s stands in role %s under another kid, which verifiers know: unassign it first",
                       im->cert->thumbprint, im->holders[0]);
    cr_free_str(&im->cert->own_kid);
    st = cr_strdup(im->kid, &im->cert->own_kid, err);
    im->kid_set = !cr_failed(st);
    return st;
}

/* A file without a chain says nothing about the chain. */
static cr_status chain_merge(struct import *im, struct cr_err *err)
{
    cr_status st;

    if (!im->bundle.nchain || tool_cert_same_chain(im->cert, im->bundle.chain, im->bundle.nchain))
        return cr_ok();
    st = role_cert_set_chain(im->cert, im->bundle.chain, im->bundle.nchain, err);
    im->chain_updated = !cr_failed(st) && im->known;
    return st;
}

static cr_status revoked_check(struct store *store, const struct role_cert *cert, struct cr_err *err)
{
    struct store_revocation *list = NULL;
    size_t n = 0;
    cr_status st = store_revocations(store, &list, &n, err);

    for (size_t i = 0; i < n && !cr_failed(st); i++)
        if (!strcmp(list[i].spki, cert->spki))
            st = cr_fail(err, CR_E_REVOKED,
                         "the key of certificate %.16s is revoked on this server: import one with a new key",
                         cert->thumbprint);
    store_revocations_free(&list, n);
    return st;
}

/* Without a role: what could never be assigned. With roles the change itself judges the dates. */
static cr_status dates_check(struct tool *tool, const struct import *im, struct cr_err *err)
{
    char text[CR_TIME_TEXT];

    if (im->nroles || tool->force || im->cert->not_after > tool->now)
        return cr_ok();
    return cr_fail(err, CR_E_REFUSED, "certificate %.16s expired at %s (--force overrides)", im->cert->thumbprint,
                   cr_time_text(im->cert->not_after, text));
}

cr_status import_merge(struct tool *tool, struct import *im, struct cr_err *err)
{
    struct store *store;
    cr_status st;

    if (cr_failed(st = tool_store(tool, &store, err)))
        return st;
    st = store_cert_load(store, im->facts.thumbprint, &im->known, err);
    if (cr_failed(st) && st.code != CR_E_NOT_FOUND)
        return st;
    if (im->known)
        st = role_cert_dup(im->known, &im->cert, err);
    else
        st = tool_cert_new(cr_buf_bytes(&im->bundle.leaf), NULL, 0, &im->cert, err);
    if (cr_failed(st) || cr_failed(st = revoked_check(store, im->cert, err)) ||
        cr_failed(st = tool_cert_policy(tool, im->cert, err)) || cr_failed(st = dates_check(tool, im, err)) ||
        cr_failed(st = holders_find(tool, store, im, err)) || cr_failed(st = kid_merge(im, err)))
        return st;
    return chain_merge(im, err);
}
