/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/cert_key.h"
#include "tool_cert.h"
#include "tool_columns.h"
#include "tool_request.h"
#include "tool_token.h"

struct listing {
    struct role_cert **certs; /* known ones, then those that stand on a token alone */
    size_t ncerts, nknown;
    bool *present; /* is the private key of certs[i] on a token? */
    struct tool_inventory inv;
    struct tool_requests requests;
    struct role_record **records;
    size_t nrecords;
    size_t columns;
    struct cr_buf text; /* what is printed */
};

static void listing_clear(struct listing *l)
{
    tool_certs_free(&l->certs, l->ncerts);
    free(l->present);
    tool_inventory_clear(&l->inv);
    tool_requests_clear(&l->requests);
    for (size_t i = 0; i < l->nrecords; i++)
        role_record_unref(&l->records[i]);
    free(l->records);
    cr_buf_clear(&l->text);
}

static cr_status records_load(struct tool *tool, struct listing *l, struct cr_err *err)
{
    struct store *store;
    char **names = NULL;
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = store_roles(store, &names, &n, err)))
        return st;
    if (!(l->records = calloc(n ? n : 1, sizeof(struct role_record *))))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        struct cr_stamp stamp;
        if (cr_failed(store_load(store, names[i], &l->records[l->nrecords], &stamp, err)))
            tool_warn("%s", err->text);
        else
            l->nrecords++;
    }
    store_names_free(&names, n);
    return st;
}

/* Known certificates and those of the tokens in one list, each once. */
static cr_status certs_load(struct tool *tool, struct listing *l, struct cr_err *err)
{
    struct role_cert **more = NULL, **grown;
    size_t nmore = 0;
    cr_status st;

    if (cr_failed(st = tool_certs_known(tool, &l->certs, &l->ncerts, err)) ||
        cr_failed(st = tool_token_certs(tool, "", &more, &nmore, err)))
        return st;
    l->nknown = l->ncerts;
    if (!(grown = realloc(l->certs, (l->ncerts + nmore + 1) * sizeof(*grown)))) {
        tool_certs_free(&more, nmore);
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    l->certs = grown;
    for (size_t i = 0; i < nmore; i++) {
        bool known = false;
        for (size_t k = 0; k < l->nknown; k++)
            known |= !strcmp(l->certs[k]->thumbprint, more[i]->thumbprint);
        if (!known)
            l->certs[l->ncerts++] = role_cert_ref(more[i]);
    }
    tool_certs_free(&more, nmore);
    return st;
}

/* Which private keys belong to a certificate of the list, into claimed[token][item]. */
static cr_status keys_match(struct tool *tool, struct listing *l, bool **claimed, struct cr_err *err)
{
    struct tool_key_hit hits[TOOL_HITS_MAX];
    cr_status st = cr_ok();

    if (!(l->present = calloc(l->ncerts + 1, sizeof(*l->present))))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < l->ncerts && !cr_failed(st); i++) {
        struct cert_facts facts = {0};
        size_t n = 0;
        if (!cr_failed(st = cert_facts_read(NULL, cr_buf_bytes(&l->certs[i]->leaf), &facts, err)))
            st = tool_key_hits(tool, &l->inv, &facts.key, hits, &n, err);
        l->present[i] = n > 0;
        for (size_t h = 0; h < n; h++)
            claimed[hits[h].token][hits[h].item - l->inv.tokens[hits[h].token].items] = true;
        cert_facts_clear(&facts);
    }
    return st;
}

static void claimed_free(bool **claimed, size_t n)
{
    for (size_t t = 0; claimed && t < n; t++)
        free(claimed[t]);
    free(claimed);
}

static bool **claimed_new(const struct tool_inventory *inv)
{
    bool **claimed = calloc(inv->ntokens + 1, sizeof(*claimed));

    for (size_t t = 0; claimed && t < inv->ntokens; t++) {
        if (!(claimed[t] = calloc(inv->tokens[t].n + 1, sizeof(bool)))) {
            claimed_free(claimed, inv->ntokens);
            return NULL;
        }
    }
    return claimed;
}

/* "NAME:slot" for every effective slot that holds @cert, as JSON objects. */
static json_t *uses(const struct tool *tool, const struct listing *l, const struct role_cert *cert)
{
    json_t *list = json_array();

    for (size_t i = 0; i < l->nrecords; i++) {
        struct role_view view;
        role_resolve(l->records[i], tool->now, NULL, &view);
        for (int s = ROLE_CURRENT; s <= ROLE_NEXT; s++) {
            const struct role_cert *held = role_view_slot(&view, (enum role_slot)s);
            if (held && !strcmp(held->thumbprint, cert->thumbprint))
                json_array_append_new(list, json_pack("{s:s, s:s}", "role", l->records[i]->name, "slot",
                                                      role_slot_text((enum role_slot)s)));
        }
    }
    return list;
}

static json_t *cert_json(const struct tool *tool, const struct listing *l, size_t i)
{
    const struct role_cert *c = l->certs[i];
    char before[CR_TIME_TEXT], after[CR_TIME_TEXT];
    json_t *locations = json_array();

    for (size_t k = 0; k < c->nlocations; k++)
        json_array_append_new(locations, json_string(c->locations[k]));
    return json_pack("{s:s, s:s, s:s?, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:b, s:o}", "thumbprint_sha256",
                     c->thumbprint, "thumbprint_sha1", c->sha1, "kid", c->own_kid ? c->own_kid : c->jkt, "subject",
                     c->subject, "issuer", c->issuer, "serial", c->serial, "not_before",
                     cr_time_text(c->not_before, before), "not_after", cr_time_text(c->not_after, after), "key", c->key,
                     "locations", locations, "known", i < l->nknown, "key_present", (bool)l->present[i], "roles",
                     uses(tool, l, c));
}

/* A key's kind as far as the token tells. */
static const char *key_kind(const struct tok_item *item, char text[32])
{
    static const char *const kinds[] = {[TOK_KEY_RSA] = "rsa", [TOK_KEY_EC] = "ec", [TOK_KEY_ED25519] = "ed25519"};

    if (item->key.type == TOK_KEY_RSA ? item->key.n.n : item->key.ec_params.n)
        cert_key_text(&item->key, text);
    else
        snprintf(text, 32, "%s", kinds[item->key.type]);
    return text;
}

static cr_status cert_text(const struct tool *tool, struct listing *l, size_t i, struct cr_err *err)
{
    const struct role_cert *c = l->certs[i];
    char at[CR_TIME_TEXT], distance[CR_TIME_TEXT], name[64], until[2 * CR_TIME_TEXT];
    const char *const cells[] = {name, until, l->present[i] ? "" : "KEY MISSING"};
    json_t *list = uses(tool, l, c), *use;
    size_t k;
    cr_status st;

    snprintf(name, sizeof(name), "%.16s  %-9s", c->thumbprint, c->key);
    snprintf(until, sizeof(until), "until %.10s (%s)", cr_time_text(c->not_after, at),
             cr_time_distance(c->not_after, tool->now, distance));
    if (!cr_failed(st = tool_columns_row(&l->text, l->columns, 0, 4, cells, CR_COUNT(cells), err)))
        st = tool_columns_line(&l->text, l->columns, 4, "", c->subject, err);
    json_array_foreach(list, k, use)
    {
        char text[ROLE_NAME_MAX + 16];

        snprintf(text, sizeof(text), "%s %s", json_string_value(json_object_get(use, "slot")),
                 json_string_value(json_object_get(use, "role")));
        if (!cr_failed(st))
            st = tool_columns_line(&l->text, l->columns, 4, "", text, err);
    }
    json_decref(list);
    return st;
}

static cr_status key_text(struct listing *l, const char *token, const struct tok_item *item, const char *id,
                          struct cr_err *err)
{
    char kind[32], name[64];
    const char *label = item->label ? item->label : "";
    struct cr_buf where = {0};
    const char *cells[] = {name, NULL};
    cr_status st = cr_buf_printf(&where, err, "on %s: id %s%s%s", token, *id ? id : "none", *label ? ", " : "", label);

    snprintf(name, sizeof(name), "no certificate    %-9s", key_kind(item, kind));
    cells[1] = (const char *)where.p;
    if (!cr_failed(st))
        st = tool_columns_row(&l->text, l->columns, 0, 4, cells, CR_COUNT(cells), err);
    cr_buf_clear(&where);
    return st;
}

/* One private key without certificate, as text or into @keys. */
static cr_status key_out(const struct tool *tool, struct listing *l, const char *token, const struct tok_item *item,
                         json_t *keys, struct cr_err *err)
{
    char *id = malloc(2 * item->id.n + 1), kind[32];
    cr_status st = cr_ok();

    if (!id)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    cr_hex(cr_buf_bytes(&item->id), id);
    if (tool->json)
        json_array_append_new(keys,
                              json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "token", token, "key", key_kind(item, kind),
                                        "id", id, "label", item->label, "location", item->location));
    else
        st = key_text(l, token, item, id, err);
    free(id);
    return st;
}

/* Pending ones, as text or into @list; their keys are not without certificate for ever. */
static cr_status requests_out(const struct tool *tool, struct listing *l, bool **claimed, json_t *list,
                              struct cr_err *err)
{
    cr_status st = cr_ok();

    for (size_t r = 0; r < l->requests.n && !cr_failed(st); r++) {
        bool present = false;
        for (size_t t = 0; t < l->inv.ntokens; t++) {
            for (size_t i = 0; i < l->inv.tokens[t].n; i++) {
                if (!tool_request_key(&l->requests.list[r], &l->inv.tokens[t].items[i]))
                    continue;
                claimed[t][i] = present = true;
            }
        }
        if (tool->json)
            json_array_append_new(list, tool_request_json(&l->requests.list[r], present));
        else
            st = tool_request_text(&l->requests.list[r], present, l->columns, &l->text, err);
    }
    return st;
}

static cr_status listing_out(struct tool *tool, struct listing *l, bool **claimed, struct cr_err *err)
{
    json_t *certs = json_array(), *keys = json_array(), *requests = json_array();
    const struct conf *conf;
    cr_status st = tool_conf(tool, &conf, err);

    for (size_t i = 0; i < l->ncerts && !cr_failed(st); i++) {
        if (tool->json)
            json_array_append_new(certs, cert_json(tool, l, i));
        else
            st = cert_text(tool, l, i, err);
    }
    if (!cr_failed(st))
        st = requests_out(tool, l, claimed, requests, err);
    for (size_t t = 0; t < l->inv.ntokens && !cr_failed(st); t++)
        for (size_t i = 0; i < l->inv.tokens[t].n && !cr_failed(st); i++)
            if (l->inv.tokens[t].items[i].cls == TOK_CLASS_PRIVATE && !claimed[t][i])
                st = key_out(tool, l, conf->tokens[t].name, &l->inv.tokens[t].items[i], keys, err);
    if (!tool->json || cr_failed(st)) {
        json_decref(certs);
        json_decref(keys);
        json_decref(requests);
        return cr_failed(st) ? st : tool_output(NULL, 0, cr_buf_bytes(&l->text), err);
    }
    return tool_print_json(json_pack("{s:o, s:o, s:o}", "certs", certs, "requests", requests, "keys", keys), err);
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct listing l = {.columns = tool_columns()};
    bool **claimed = NULL;
    cr_status st;

    if (cr_failed(st = records_load(tool, &l, err)) || cr_failed(st = certs_load(tool, &l, err)) ||
        cr_failed(st = tool_requests_read(tool, &l.requests, err)) ||
        cr_failed(st = tool_inventory_read(tool, &l.inv, err)))
        goto out;
    if (!(claimed = claimed_new(&l.inv)))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    else if (!cr_failed(st = keys_match(tool, &l, claimed, err)))
        st = listing_out(tool, &l, claimed, err);
out:
    claimed_free(claimed, l.inv.ntokens);
    listing_clear(&l);
    return st;
}

const struct tool_cmd tool_cmd_certs = {
    .name = "certs",
    .args = "",
    .summary = "list what could be assigned",
    .doc = "Every known certificate, those that stand on a token with their key, pending\n"
           "requests, and keys without certificate; with the roles that use them.",
    .flags = TOOL_JSON,
    .run = run,
};
