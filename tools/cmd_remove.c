/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tool_cert.h"
#include "tool_softhsm.h"
#include "tool_token.h"

enum { OPT_THUMBPRINT = 1 };

static const struct tool_option options[] = {
    {"thumbprint", OPT_THUMBPRINT, "T", "SHA-256 or SHA-1, or a prefix of 8 digits"},
    {NULL, 0, NULL, NULL},
};

/* Refused while any slot holds it, as stored or as effective now: the record must be able to answer from its own key. */
static cr_status unused_check(struct tool *tool, const struct role_cert *cert, struct cr_err *err)
{
    struct store *store;
    char **names = NULL;
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = store_roles(store, &names, &n, err)))
        return st;
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        struct role_record *rec = NULL;
        struct cr_stamp stamp;
        st = store_load(store, names[i], &rec, &stamp, err); /* an unreadable record may use it: refused as well */
        for (int s = ROLE_CURRENT; s <= ROLE_NEXT && !cr_failed(st); s++) {
            const struct role_cert *held = role_record_slot(rec, (enum role_slot)s);
            if (held && !strcmp(held->thumbprint, cert->thumbprint))
                st = cr_fail(err, CR_E_REFUSED,
                             "certificate %.16s is %s of role %s: 'certroll unassign %s --slot %s' first",
                             cert->thumbprint, role_slot_text((enum role_slot)s), names[i], names[i],
                             role_slot_text((enum role_slot)s));
        }
        role_record_unref(&rec);
    }
    store_names_free(&names, n);
    return st;
}

/* Another known certificate, or one on a token, with the same public key. */
static cr_status key_shared(struct tool *tool, const struct tool_inventory *inv, const struct role_cert *cert,
                            bool *shared, struct cr_err *err)
{
    struct role_cert **known = NULL;
    size_t n = 0;
    cr_status st;

    *shared = false;
    if (cr_failed(st = tool_certs_known(tool, &known, &n, err)))
        return st;
    for (size_t i = 0; i < n; i++)
        *shared |= !strcmp(known[i]->spki, cert->spki) && strcmp(known[i]->thumbprint, cert->thumbprint);
    tool_certs_free(&known, n);
    for (size_t t = 0; t < inv->ntokens; t++) {
        for (size_t i = 0; i < inv->tokens[t].n; i++) {
            const struct tok_item *item = &inv->tokens[t].items[i];
            struct cert_facts facts = {0};
            if (item->cls == TOK_CLASS_CERT &&
                !cr_failed(cert_facts_read(NULL, cr_buf_bytes(&item->cert), &facts, NULL)))
                *shared |= !strcmp(facts.spki, cert->spki) && strcmp(facts.thumbprint, cert->thumbprint);
            cert_facts_clear(&facts);
        }
    }
    return st;
}

struct removal {
    const struct role_cert *cert;
    struct tool_inventory inv;
    bool keep_key;
    unsigned keys, certs; /* objects found */
};

static cr_status remove_object(struct tool *tool, size_t token, struct cr_bytes id, struct cr_bytes cert,
                               struct cr_err *err)
{
    struct tok_local *tokens;
    cr_status st;

    if (tool->dry_run)
        return cr_ok();
    if (cr_failed(st = tool_tokens(tool, &tokens, err)))
        return st;
    st = tok_remove(tokens, token, id, cert, err);
    return st.code == CR_E_NOT_FOUND ? cr_ok() : st;
}

/* The certificate's objects first: a key without certificate is listed and can be dealt with, the reverse only confuses. */
static cr_status objects_remove(struct tool *tool, struct removal *r, struct cr_err *err)
{
    struct tool_key_hit hits[TOOL_HITS_MAX];
    struct cert_facts facts = {0};
    struct cr_bytes leaf = cr_buf_bytes(&r->cert->leaf), none = {0};
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = cert_facts_read(NULL, leaf, &facts, err)) ||
        cr_failed(st = tool_key_hits(tool, &r->inv, &facts.key, hits, &n, err)))
        goto out;
    for (size_t t = 0; t < r->inv.ntokens; t++) {
        for (size_t i = 0; i < r->inv.tokens[t].n && !cr_failed(st); i++) {
            const struct tok_item *item = &r->inv.tokens[t].items[i];
            if (item->cls != TOK_CLASS_CERT || !cr_bytes_equal(cr_buf_bytes(&item->cert), leaf))
                continue;
            r->certs++;
            st = remove_object(tool, t, none, leaf, err);
        }
    }
    for (size_t i = 0; i < n && !r->keep_key && !cr_failed(st); i++) {
        if (!hits[i].item->id.n) {
            st = cr_fail(err, CR_E_UNSUPPORTED, "the private key at %s has no id: remove it with the token's own tools",
                         hits[i].item->location);
            break;
        }
        r->keys++;
        st = remove_object(tool, hits[i].token, cr_buf_bytes(&hits[i].item->id), none, err);
    }
out:
    cert_facts_clear(&facts);
    return st;
}

static cr_status forget(struct tool *tool, const struct role_cert *cert, struct cr_err *err)
{
    struct store *store;
    cr_status st;

    tool_result_changed(tool);
    if (tool->dry_run)
        return cr_ok();
    if (cr_failed(st = tool_store(tool, &store, err)))
        return st;
    st = store_cert_remove(store, cert->thumbprint, err);
    if (cr_failed(st) && st.code != CR_E_NOT_FOUND)
        return st;
    return tool_history(tool, "remove", NULL, NULL, NULL, cert->thumbprint, NULL, err);
}

static void report(struct tool *tool, const struct removal *r)
{
    json_t *result = tool_result(tool);
    const char *would = tool->dry_run ? "would be " : "";

    tool_say(tool, "%.16s %sremoved: %s", r->cert->thumbprint, would, r->cert->subject);
    if (r->keep_key)
        tool_say(tool, "  its key stays: another certificate uses it");
    else if (!r->keys)
        tool_say(tool, "  its key was on no configured token");
    json_object_set_new(result, "thumbprint_sha256", json_string(r->cert->thumbprint));
    json_object_set_new(result, "key_removed", json_boolean(r->keys > 0));
    json_object_set_new(result, "key_kept", json_boolean(r->keep_key));
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    const char *thumbprint = tool_opt(tool, OPT_THUMBPRINT);
    struct role_cert *cert = NULL;
    struct removal r = {0};
    cr_status st;

    if (!thumbprint)
        return cr_fail(err, CR_E_USAGE, "remove: --thumbprint is needed");
    if (cr_failed(st = tool_lock(tool, err)) || cr_failed(st = tool_cert_find(tool, thumbprint, true, &cert, err)) ||
        cr_failed(st = unused_check(tool, cert, err)) || cr_failed(st = tool_inventory_read(tool, &r.inv, err)) ||
        cr_failed(st = key_shared(tool, &r.inv, cert, &r.keep_key, err)))
        goto out;
    r.cert = cert;
    if (cr_failed(st = objects_remove(tool, &r, err)) || cr_failed(st = forget(tool, cert, err)))
        goto out;
    report(tool, &r);
    if (!tool->dry_run)
        st = tool_softhsm_open(tool, err);
out:
    tool_inventory_clear(&r.inv);
    role_cert_unref(&cert);
    return st;
}

const struct tool_cmd tool_cmd_remove = {
    .name = "remove",
    .args = "",
    .summary = "remove a certificate and its key from the token",
    .doc = "Refused while a role uses the certificate. A key that another certificate uses\n"
           "stays.",
    .flags = TOOL_HAS_DRY_RUN | TOOL_ASKS,
    .options = options,
    .max_args = 0,
    .run = run,
};
