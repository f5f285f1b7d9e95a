/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/cert_key.h"
#include "relink.h"
#include "tool_cert.h"
#include "tool_progress.h"

void relink_clear(struct relink *r)
{
    for (size_t i = 0; i < r->nkeys; i++) {
        role_cert_unref(&r->keys[i].cert);
        store_names_free(&r->keys[i].old, r->keys[i].nold);
        store_names_free(&r->keys[i].after, r->keys[i].nafter);
        cr_buf_clear(&r->keys[i].id);
    }
    free(r->keys);
    free(r->failures);
    tool_inventory_clear(&r->inv);
    tool_requests_clear(&r->requests);
    tool_roles_free(&r->roles, r->nroles);
}

/* ---- what there is ---- */

static bool looked_at(const struct relink *r, size_t token)
{
    return (r->only == SIZE_MAX || r->only == token) && r->failures[token].code == CR_OK;
}

/* A token that does not answer keeps its locations; one that was named must answer. */
static cr_status tokens_read(struct relink *r, struct cr_err *err)
{
    size_t wanted = 0, last = 0;
    cr_status st;

    if (cr_failed(st = tool_conf(r->tool, &r->conf, err)) || cr_failed(st = tool_tokens(r->tool, &r->tokens, err)))
        return st;
    r->failures = calloc(r->conf->ntokens + 1, sizeof(*r->failures));
    r->inv.tokens = calloc(r->conf->ntokens + 1, sizeof(*r->inv.tokens));
    if (!r->failures || !r->inv.tokens)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    r->inv.ntokens = r->conf->ntokens;
    for (size_t i = 0; i < r->conf->ntokens; i++) {
        struct tool_token_items *items = &r->inv.tokens[i];
        if (r->only != SIZE_MAX && r->only != i)
            continue;
        wanted++;
        r->failures[i].code = tok_list(r->tokens, i, &items->items, &items->n, &r->failures[i]).code;
        if (r->failures[i].code != CR_OK) {
            r->nfailed++;
            last = i;
        }
    }
    if (wanted && r->nfailed < wanted)
        return st;
    if (!wanted)
        return cr_fail(err, CR_E_REFUSED, "%s names no token", r->conf->path);
    return cr_fail(err, r->failures[last].code, "%s", r->failures[last].text);
}

static cr_status old_add(struct relink_key *key, const char *location, struct cr_err *err)
{
    char **more;
    cr_status st;

    for (size_t i = 0; i < key->nold; i++)
        if (!strcmp(key->old[i], location))
            return cr_ok();
    if (!(more = realloc(key->old, (key->nold + 2) * sizeof(*more))))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    key->old = more;
    if (!cr_failed(st = cr_strdup(location, &more[key->nold], err)))
        key->nold++;
    return st;
}

/* An interrupted relink leaves an entry that says more than a record: what any of them says is looked at. */
static cr_status cert_read(struct relink *r, struct role_cert *cert, struct cr_err *err)
{
    struct relink_key *key = &r->keys[r->nkeys++];
    cr_status st = cr_ok();

    key->cert = role_cert_ref(cert);
    for (size_t i = 0; i < cert->nlocations && !cr_failed(st); i++)
        st = old_add(key, cert->locations[i], err);
    for (size_t i = 0; i < r->nroles; i++) {
        for (int s = ROLE_CURRENT; s <= ROLE_NEXT; s++) {
            const struct role_cert *held = role_view_slot(&r->roles[i].view, (enum role_slot)s);
            for (size_t k = 0; held && role_cert_same(held, cert) && k < held->nlocations && !cr_failed(st); k++)
                st = old_add(key, held->locations[k], err);
        }
    }
    return st;
}

static cr_status keys_read(struct relink *r, struct cr_err *err)
{
    struct role_cert **certs = NULL;
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = tool_roles_all(r->tool, &r->roles, &r->nroles, &r->nbad, err)) ||
        cr_failed(st = tool_requests_read(r->tool, &r->requests, err)) ||
        cr_failed(st = tool_certs_known(r->tool, &certs, &n, err)))
        return st;
    if (!(r->keys = calloc(n + r->requests.n + 1, sizeof(*r->keys))))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n && !cr_failed(st); i++)
        st = cert_read(r, certs[i], err);
    for (size_t i = 0; i < r->requests.n && !cr_failed(st); i++) {
        struct relink_key *key = &r->keys[r->nkeys++];
        key->request = &r->requests.list[i];
        st = old_add(key, key->request->location, err);
    }
    tool_certs_free(&certs, n);
    return st;
}

/* ---- one key ---- */

static cr_status public_read(const struct relink_key *key, struct tok_key *out, struct cr_err *err)
{
    struct cert_facts facts = {0};
    const unsigned char *p;
    X509_REQ *req = NULL;
    EVP_PKEY *pkey;
    cr_status st;

    if (key->cert) {
        if (!cr_failed(st = cert_facts_read(NULL, cr_buf_bytes(&key->cert->leaf), &facts, err)))
            st = tok_key_copy_public(&facts.key, out, err);
        cert_facts_clear(&facts);
        return st;
    }
    p = key->request->csr.p;
    req = d2i_X509_REQ(NULL, &p, (long)key->request->csr.n);
    pkey = req ? X509_REQ_get0_pubkey(req) : NULL;
    st = pkey ? cert_key_from_pkey(pkey, out, err)
              : cr_fail(err, CR_E_INVALID, "the request %.16s has no public key", key->request->spki);
    if (!cr_failed(st))
        st = cert_key_set_id(out, err);
    X509_REQ_free(req);
    return st;
}

/* Is the key where @old says? A token that was not looked at may have it: nobody takes that away. */
static cr_status old_judge(struct relink *r, struct relink_key *key, const struct tok_key *pub,
                           struct tool_relink_old *old, struct cr_err *err)
{
    struct cr_err why = {0};
    cr_status st;

    old->token = TOOL_RELINK_NOWHERE;
    for (size_t t = 0; t < r->conf->ntokens; t++)
        if (!looked_at(r, t) && tok_may_hold(r->tokens, t, old->location))
            old->stays = key->elsewhere = true;
    if (old->stays)
        return cr_ok();
    st = tool_key_prove(r->tokens, old->location, pub, &why);
    if (st.code == CR_E_TOKEN || st.code == CR_E_PIN || st.code == CR_E_BUSY)
        return cr_fail(err, st.code, "%s", why.text);
    old->stays = !cr_failed(st);
    return old->stays ? tok_locate(r->tokens, old->location, &old->token, err) : cr_ok();
}

/* Two sections of the configuration may name one token. */
static bool found_before(const struct tool_relink_found *found, size_t n, const struct tool_key_hit *hit)
{
    for (size_t i = 0; i < n; i++)
        if (found[i].token != hit->token && !strcmp(found[i].location, hit->item->location))
            return true;
    return false;
}

static cr_status found_read(struct relink *r, struct relink_key *key, const struct tok_key *pub,
                            struct tool_relink_found found[TOOL_HITS_MAX], size_t *n, struct cr_err *err)
{
    struct tool_key_hit hits[TOOL_HITS_MAX];
    size_t nhits = 0;
    cr_status st = tool_key_hits(r->tool, &r->inv, pub, hits, &nhits, err);

    for (size_t i = 0; i < nhits && !cr_failed(st); i++) {
        if (found_before(found, *n, &hits[i]))
            continue;
        found[(*n)++] = (struct tool_relink_found){hits[i].item->location, hits[i].token};
        if (!key->id.n)
            st = cr_buf_set(&key->id, hits[i].item->id.p, hits[i].item->id.n, err);
    }
    return st;
}

/* A new location is proven by a signature, however it was found. */
static cr_status after_set(struct relink *r, struct relink_key *key, const struct tok_key *pub,
                           const char *const *locations, size_t n, struct cr_err *err)
{
    cr_status st = cr_ok();

    if (!(key->after = calloc(n, sizeof(*key->after))))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        bool known = false;

        for (size_t k = 0; k < key->nold; k++)
            known |= !strcmp(key->old[k], locations[i]);
        if ((known || !cr_failed(st = tool_key_prove(r->tokens, locations[i], pub, err))) &&
            !cr_failed(st = cr_strdup(locations[i], &key->after[i], err)))
            key->nafter++;
    }
    return st;
}

static void twice_say(const struct relink *r, struct relink_key *key, const struct tool_relink_found *found, size_t n,
                      const char *const twice[2])
{
    const char *name = "?";

    for (size_t i = 0; i < n; i++)
        if (found[i].location == twice[0])
            name = r->conf->tokens[found[i].token].name;
    if (!strcmp(twice[0], twice[1]))
        snprintf(key->why, sizeof(key->why), "its private key stands twice on token %s, both at %s: remove one of them",
                 name, twice[0]);
    else
        snprintf(key->why, sizeof(key->why), "its private key stands twice on token %s: remove %s or %s", name,
                 twice[0], twice[1]);
}

static cr_status key_judge(struct relink *r, struct relink_key *key, struct cr_err *err)
{
    struct tool_relink_old *old = calloc(key->nold + 1, sizeof(*old));
    struct tool_relink_found found[TOOL_HITS_MAX];
    const char *after[TOOL_RELINK_MAX], *twice[2];
    struct tok_key pub = {0};
    size_t nfound = 0, nafter = 0;
    cr_status st;

    if (!old)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (cr_failed(st = public_read(key, &pub, err)) || cr_failed(st = found_read(r, key, &pub, found, &nfound, err)))
        goto out;
    for (size_t i = 0; i < key->nold && !cr_failed(st); i++) {
        old[i].location = key->old[i];
        st = old_judge(r, key, &pub, &old[i], err);
    }
    if (cr_failed(st))
        goto out;
    key->state = tool_relink(old, key->nold, found, nfound, after, &nafter, twice);
    if (key->state == TOOL_RELINK_TWICE)
        twice_say(r, key, found, nfound, twice);
    else if (key->state == TOOL_RELINK_CHANGED)
        st = after_set(r, key, &pub, after, nafter, err);
out:
    tok_key_clear(&pub);
    free(old);
    return st;
}

cr_status relink_find(struct relink *r, struct cr_err *err)
{
    cr_status st;

    tool_progress_begin("finding keys on the tokens");
    if (!cr_failed(st = tokens_read(r, err)) && !cr_failed(st = keys_read(r, err)))
        for (size_t i = 0; i < r->nkeys && !cr_failed(st); i++)
            st = key_judge(r, &r->keys[i], err);
    tool_progress_end();
    return st;
}
