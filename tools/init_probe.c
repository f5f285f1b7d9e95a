/* SPDX-License-Identifier: Apache-2.0 */
/* The end of `certroll init`: a signature, made the way servers will make theirs. */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "certs/cert_key.h"
#include "init_plan.h"
#include "tool_member.h"
#include "tool_softhsm.h"
#include "tool_token.h"

#define PROBE_LABEL "certroll probe"

static cr_status probe_key(struct tok_key *out, struct cr_err *err)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    cr_status st;

    if (!pkey)
        return cr_fail(err, CR_E_INTERNAL, "a probe key could not be generated");
    st = cert_key_from_pkey(pkey, out, err);
    EVP_PKEY_free(pkey);
    return st;
}

/* Removes probe keys, also those an interrupted init left. */
static cr_status probes_remove(struct tok_local *tokens, struct cr_err *err)
{
    struct tok_item *items = NULL;
    size_t n = 0;
    cr_status st = tok_list(tokens, 0, &items, &n, err);

    for (size_t i = 0; i < n && !cr_failed(st); i++)
        if (items[i].cls == TOK_CLASS_PRIVATE && items[i].label && !strcmp(items[i].label, PROBE_LABEL))
            st = tok_remove(tokens, 0, cr_buf_bytes(&items[i].id), cr_bytes(NULL, 0), err);
    tok_items_free(&items, n);
    return st;
}

static cr_status prove(struct tool *tool, const struct init_plan *plan, const char *location, const struct tok_key *pub,
                       const char *what, struct cr_err *err)
{
    struct tok_local *tokens;
    bool member = false;
    cr_status st;

    if (cr_failed(st = tool_tokens(tool, &tokens, err)) || cr_failed(st = tool_key_prove(tokens, location, pub, err)))
        return cr_prefix(err, st, "signing with %s", what);
    st = tool_member_prove(tool, location, pub, &member, err);
    if (cr_failed(st) && !plan->own_token) {
        /* Access of an existing token is its administrator's business. */
        tool_warn("%s", err->text);
        return cr_ok();
    }
    if (!cr_failed(st))
        tool_say(tool, "signed with %s%s%s", what, member ? ", also as a member of group " : "",
                 member ? plan->group : "");
    return st;
}

static cr_status probe_own(struct tool *tool, const struct init_plan *plan, struct cr_err *err)
{
    struct tok_import what = {.label = PROBE_LABEL};
    struct tok_local *tokens;
    struct tok_key key = {0};
    struct cr_err clean = {0};
    char *location = NULL;
    bool created = false;
    cr_status st;

    if (cr_failed(st = tool_tokens(tool, &tokens, err)) || cr_failed(st = probes_remove(tokens, err)) ||
        cr_failed(st = probe_key(&key, err)))
        goto out;
    what.key = &key;
    if (cr_failed(st = tok_import(tokens, 0, &what, &location, &created, err)))
        goto out;
    if (!cr_failed(st = tool_softhsm_open(tool, err)))
        st = prove(tool, plan, location, &key, "a probe key", err);
    if (cr_failed(probes_remove(tokens, &clean)))
        tool_warn("the probe key could not be removed: %s", clean.text);
out:
    free(location);
    tok_key_clear(&key);
    return st;
}

/* A private key whose public half is known: of a certificate on the token, else an RSA key's own numbers. */
static cr_status key_pick(struct tool *tool, const struct tool_inventory *inv, const struct tok_item **out,
                          struct cert_facts *facts, struct cr_err *err)
{
    struct tool_key_hit hits[TOOL_HITS_MAX];
    size_t n = 0;
    cr_status st = cr_ok();

    *out = NULL;
    for (size_t i = 0; i < inv->tokens[0].n && !*out && !cr_failed(st); i++) {
        const struct tok_item *item = &inv->tokens[0].items[i];
        if (item->cls != TOK_CLASS_CERT || cr_failed(cert_facts_read(NULL, cr_buf_bytes(&item->cert), facts, NULL)))
            continue;
        if (!cr_failed(st = tool_key_hits(tool, inv, &facts->key, hits, &n, err)) && n)
            *out = hits[0].item;
        else
            cert_facts_clear(facts);
    }
    for (size_t i = 0; i < inv->tokens[0].n && !*out && !cr_failed(st); i++) {
        const struct tok_item *item = &inv->tokens[0].items[i];
        if (item->cls == TOK_CLASS_PRIVATE && item->key.type == TOK_KEY_RSA && item->key.n.n && item->key.e.n)
            *out = item;
    }
    return st;
}

static cr_status probe_existing(struct tool *tool, const struct init_plan *plan, struct cr_err *err)
{
    const struct tok_item *item = NULL;
    struct tool_inventory inv = {0};
    struct cert_facts facts = {0};
    cr_status st;

    if (cr_failed(st = tool_inventory_read(tool, &inv, err)))
        return st;
    if (cr_failed(st = key_pick(tool, &inv, &item, &facts, err)))
        goto out;
    if (item)
        st = prove(tool, plan, item->location, facts.key.id.n ? &facts.key : &item->key, "a key of the token", err);
    else
        tool_say(tool, "nothing was signed: the token has no key whose public half is known; import a certificate");
out:
    cert_facts_clear(&facts);
    tool_inventory_clear(&inv);
    return st;
}

cr_status init_probe(struct tool *tool, const struct init_plan *plan, struct cr_err *err)
{
    return plan->own_token ? probe_own(tool, plan, err) : probe_existing(tool, plan, err);
}
