/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "request.h"
#include "stores/store_requests.h"
#include "tool_cert.h"
#include "tool_request.h"
#include "tool_softhsm.h"

/* Refused, unless forced, where the key is in use: a role holds it, or a certificate of it is known. */
static cr_status unused_check(struct tool *tool, const struct role_request *r, char overridden[128], struct cr_err *err)
{
    struct role_cert **certs = NULL;
    struct store *store;
    char **names = NULL;
    size_t n = 0, ncerts = 0;
    cr_status st;

    overridden[0] = '\0';
    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = store_roles(store, &names, &n, err)))
        return st;
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        struct role_record *rec = NULL;
        struct cr_stamp stamp;
        st = store_load(store, names[i], &rec, &stamp, err); /* an unreadable record may hold it: refused as well */
        if (!cr_failed(st) && tool_record_holds(rec, r->spki))
            snprintf(overridden, 128, "role %s holds the key", names[i]);
        role_record_unref(&rec);
    }
    store_names_free(&names, n);
    if (cr_failed(st) || cr_failed(st = tool_certs_known(tool, &certs, &ncerts, err)))
        return st;
    for (size_t i = 0; i < ncerts && !*overridden; i++)
        if (!strcmp(certs[i]->spki, r->spki))
            snprintf(overridden, 128, "certificate %.16s has the key", certs[i]->thumbprint);
    tool_certs_free(&certs, ncerts);
    if (*overridden && !tool->force)
        return cr_fail(err, CR_E_REFUSED, "%s: --force destroys it all the same", overridden);
    return st;
}

static cr_status key_destroy(struct tool *tool, size_t token, struct cr_bytes id, struct cr_err *err)
{
    struct tok_local *tokens;
    cr_status st;

    if (cr_failed(st = tool_tokens(tool, &tokens, err)))
        return st;
    st = tok_remove(tokens, token, id, cr_bytes(NULL, 0), err);
    if (cr_failed(st) && st.code != CR_E_NOT_FOUND)
        return st;
    return tool_softhsm_open(tool, err);
}

static void report(struct tool *tool, const char *what, const char *name)
{
    tool_result_changed(tool);
    tool_say(tool, "%s %s %scancelled, its key %sdestroyed", what, name, tool->dry_run ? "would be " : "",
             tool->dry_run ? "would be " : "");
    json_object_set_new(tool_result(tool), "cancelled", json_string(name));
}

/* The key first: an entry without key is listed and can be cancelled again. */
static cr_status entry_cancel(struct tool *tool, const struct role_request *r, struct cr_err *err)
{
    char overridden[128], name[TOOL_REQUEST_ID + 1];
    struct tok_local *tokens;
    struct cr_buf id = {0};
    struct store *store;
    size_t token = 0;
    cr_status st;

    if (cr_failed(st = unused_check(tool, r, overridden, err)) || cr_failed(st = tool_tokens(tool, &tokens, err)) ||
        cr_failed(st = tok_locate(tokens, r->location, &token, err)))
        return st;
    snprintf(name, sizeof(name), "%.16s", r->spki);
    report(tool, "request", name);
    if (tool->dry_run)
        return st;
    if (!cr_failed(st = cr_unhex(r->id, &id, err)) &&
        !cr_failed(st = key_destroy(tool, token, cr_buf_bytes(&id), err)) &&
        !cr_failed(st = tool_store(tool, &store, err)) && !cr_failed(st = store_request_remove(store, r->spki, err)))
        st = tool_history(tool, "request cancel", r->nroles == 1 ? r->roles[0] : NULL, NULL, NULL, r->spki, overridden,
                          err);
    cr_buf_clear(&id);
    return st;
}

/* ---- the key of a killed run ---- */

/* Made by `generate` or `request`, and no certificate is known of it. */
static bool is_orphan(const struct tool_inventory *inv, struct role_cert *const *certs, size_t n,
                      const struct tok_item *item)
{
    bool orphan = item->cls == TOK_CLASS_PRIVATE && item->id.n && item->label && !strncmp(item->label, "certroll ", 9);

    for (size_t t = 0; orphan && t < inv->ntokens; t++)
        for (size_t i = 0; i < inv->tokens[t].n; i++)
            orphan &= inv->tokens[t].items[i].cls != TOK_CLASS_CERT ||
                      !cr_bytes_equal(cr_buf_bytes(&inv->tokens[t].items[i].id), cr_buf_bytes(&item->id));
    for (size_t i = 0; orphan && i < n; i++) {
        struct cert_facts facts = {0};
        orphan = !cr_failed(cert_facts_read(NULL, cr_buf_bytes(&certs[i]->leaf), &facts, NULL)) &&
                 !cr_bytes_equal(cr_buf_bytes(&facts.key.id), cr_buf_bytes(&item->id));
        cert_facts_clear(&facts);
    }
    return orphan;
}

static bool id_begins(const struct tok_item *item, const char *hex)
{
    char id[65];

    if (item->id.n > 32)
        return false;
    cr_hex(cr_buf_bytes(&item->id), id);
    return !strncmp(id, hex, strlen(hex));
}

static cr_status orphan_find(struct tool *tool, const struct tool_inventory *inv, const char *hex,
                             const struct tok_item **out, size_t *token, struct cr_err *err)
{
    struct role_cert **certs = NULL;
    size_t n = 0, hits = 0;
    cr_status st = tool_certs_known(tool, &certs, &n, err);

    for (size_t t = 0; t < inv->ntokens && !cr_failed(st); t++) {
        for (size_t i = 0; i < inv->tokens[t].n; i++) {
            const struct tok_item *item = &inv->tokens[t].items[i];
            if (!id_begins(item, hex) || !is_orphan(inv, certs, n, item))
                continue;
            *out = item;
            *token = t;
            hits++;
        }
    }
    tool_certs_free(&certs, n);
    if (cr_failed(st) || hits == 1)
        return st;
    return cr_fail(err, hits ? CR_E_AMBIGUOUS : CR_E_NOT_FOUND,
                   "'%s' names %s request and key without certificate: 'certroll certs' lists them", hex,
                   hits ? "more than one" : "no pending");
}

static cr_status orphan_cancel(struct tool *tool, const char *text, struct cr_err *err)
{
    struct tool_inventory inv = {0};
    const struct tok_item *item = NULL;
    size_t token = 0;
    char hex[65];
    cr_status st;

    if (cr_failed(st = tool_thumbprint_clean(text, hex, err)) || cr_failed(st = tool_inventory_read(tool, &inv, err)))
        return st;
    if (cr_failed(st = orphan_find(tool, &inv, hex, &item, &token, err)))
        goto out;
    if (!tool->force) {
        st = cr_fail(err, CR_E_REFUSED,
                     "the key %s has no request, certroll was killed while it made it: --force destroys it", hex);
        goto out;
    }
    report(tool, "key", hex);
    if (!tool->dry_run && !cr_failed(st = key_destroy(tool, token, cr_buf_bytes(&item->id), err)))
        st = tool_history(tool, "request cancel", NULL, NULL, NULL, hex, NULL, err);
out:
    tool_inventory_clear(&inv);
    return st;
}

cr_status request_cancel(struct tool *tool, const char *text, struct cr_err *err)
{
    const struct role_request *r = NULL;
    struct tool_requests requests = {0};
    struct cr_err why = {0};
    cr_status st;

    if (cr_failed(st = tool_lock(tool, err)) || cr_failed(st = tool_requests_read(tool, &requests, err)))
        return st;
    st = tool_request_find(&requests, text, &r, &why);
    if (!cr_failed(st))
        st = entry_cancel(tool, r, err);
    else if (st.code == CR_E_NOT_FOUND && !cr_failed(tool_thumbprint_clean(text, (char[65]){0}, NULL)))
        st = orphan_cancel(tool, text, err);
    else
        st = cr_fail(err, st.code, "%s", why.text);
    tool_requests_clear(&requests);
    return st;
}
