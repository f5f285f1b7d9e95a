/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_token.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "certs/cert_key.h"
#include "tool_cert.h"
#include "tool_progress.h"

#define CHAIN_MAX 16

cr_status tool_token_target(struct tool *tool, const char *name, size_t *out, bool *named, struct cr_err *err)
{
    const struct conf *conf;
    cr_status st;

    if (cr_failed(st = tool_conf(tool, &conf, err)))
        return st;
    *named = name != NULL;
    *out = 0;
    if (!conf->ntokens)
        return cr_fail(err, CR_E_REFUSED, "%s names no token: add one to 'tokens =', see certroll.conf(5)", conf->path);
    for (size_t i = 0; name && i < conf->ntokens; i++) {
        if (!strcmp(conf->tokens[i].name, name)) {
            *out = i;
            return cr_ok();
        }
    }
    return name ? cr_fail(err, CR_E_USAGE, "%s names no token '%s': 'certroll token list' lists them", conf->path, name)
                : cr_ok();
}

cr_status tool_inventory_read(struct tool *tool, struct tool_inventory *out, struct cr_err *err)
{
    struct tool_inventory inv = {0};
    const struct conf *conf;
    struct tok_local *tokens;
    cr_status st;

    if (cr_failed(st = tool_conf(tool, &conf, err)) || cr_failed(st = tool_tokens(tool, &tokens, err)))
        return st;
    if (!(inv.tokens = calloc(conf->ntokens ? conf->ntokens : 1, sizeof(*inv.tokens))))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    tool_progress_begin("reading what is on the tokens");
    for (; inv.ntokens < conf->ntokens && !cr_failed(st); inv.ntokens++)
        st = tok_list(tokens, inv.ntokens, &inv.tokens[inv.ntokens].items, &inv.tokens[inv.ntokens].n, err);
    tool_progress_end();
    if (cr_failed(st))
        tool_inventory_clear(&inv);
    else
        *out = inv;
    return st;
}

void tool_inventory_clear(struct tool_inventory *inv)
{
    for (size_t i = 0; i < inv->ntokens; i++)
        tok_items_free(&inv->tokens[i].items, inv->tokens[i].n);
    free(inv->tokens);
    *inv = (struct tool_inventory){0};
}

cr_status tool_key_prove(struct tok_local *tokens, const char *location, const struct tok_key *pub, struct cr_err *err)
{
    struct tok_signer *signer = tok_local_signer(tokens);
    static const unsigned char digest[] = "certroll probe, 32 bytes of text";
    struct tok_mech mech = {.op = pub->type == TOK_KEY_RSA  ? TOK_SIGN_RSA_PKCS1
                                  : pub->type == TOK_KEY_EC ? TOK_SIGN_ECDSA
                                                            : TOK_SIGN_EDDSA};
    struct tok_object *obj = NULL;
    unsigned char sig[2048];
    EVP_PKEY *pkey = NULL;
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = cert_key_to_pkey(NULL, pub, &pkey, err)) ||
        cr_failed(st = signer->ops->find(signer, &location, 1, pub, cert_verify_probe, pkey, &obj, err)) ||
        cr_failed(st = signer->ops->sign(obj, &mech, cr_bytes(digest, 32), sig, sizeof(sig), &n, err)))
        goto out;
    st = cert_verify_probe(pkey, &mech, cr_bytes(digest, 32), cr_bytes(sig, n), err);
out:
    signer->ops->object_unref(&obj);
    EVP_PKEY_free(pkey);
    return st;
}

/* Could @item be the private half of @pub? -1: certainly not; 1: its numbers say so; 0: only a signature can tell. */
static int key_guess(const struct tok_item *item, const struct tok_key *pub)
{
    if (item->cls != TOK_CLASS_PRIVATE || item->key.type != pub->type)
        return -1;
    if (pub->type == TOK_KEY_RSA ? item->key.n.n : item->key.point.n)
        return tok_key_same_public(&item->key, pub) ? 1 : -1;
    if (pub->type == TOK_KEY_EC && item->key.ec_params.n &&
        !cr_bytes_equal(cr_buf_bytes(&item->key.ec_params), cr_buf_bytes(&pub->ec_params)))
        return -1;
    return 0;
}

/* A match by numbers a public object gave, or none at all, is no proof: the key signs. */
static cr_status hit_prove(struct tok_local *tokens, const struct tok_item *item, int guess, const struct tok_key *pub,
                           bool *hit, struct cr_err *err)
{
    cr_status st;

    if (guess > 0 && pub->type == TOK_KEY_RSA) {
        *hit = true;
        return cr_ok();
    }
    st = tool_key_prove(tokens, item->location, pub, err);
    *hit = !cr_failed(st) || (st.code == CR_E_AMBIGUOUS &&
                              (guess > 0 || cr_bytes_equal(cr_buf_bytes(&item->id), cr_buf_bytes(&pub->id))));
    /* The token is there and the key is another one, or cannot sign: not a hit, not a failure either. */
    return st.code == CR_E_TOKEN || st.code == CR_E_PIN || st.code == CR_E_BUSY ? st : cr_ok();
}

cr_status tool_key_hits(struct tool *tool, const struct tool_inventory *inv, const struct tok_key *pub,
                        struct tool_key_hit hits[TOOL_HITS_MAX], size_t *n, struct cr_err *err)
{
    struct tok_local *tokens;
    cr_status st;

    if (cr_failed(st = tool_tokens(tool, &tokens, err)))
        return st;
    *n = 0;
    for (size_t t = 0; t < inv->ntokens; t++) {
        for (size_t i = 0; i < inv->tokens[t].n && *n < TOOL_HITS_MAX; i++) {
            const struct tok_item *item = &inv->tokens[t].items[i];
            int guess = key_guess(item, pub);
            bool hit = false;
            if (guess < 0)
                continue;
            if (cr_failed(st = hit_prove(tokens, item, guess, pub, &hit, err)))
                return st;
            if (hit)
                hits[(*n)++] = (struct tool_key_hit){t, item};
        }
    }
    return cr_ok();
}

/* The certificate on any token whose subject is @issuer, by DER. */
static const struct tok_item *issuer_find(const struct tool_inventory *inv, struct cr_bytes issuer)
{
    for (size_t t = 0; t < inv->ntokens; t++) {
        for (size_t i = 0; i < inv->tokens[t].n; i++) {
            const struct tok_item *item = &inv->tokens[t].items[i];
            struct cert_facts facts = {0};
            bool hit = item->cls == TOK_CLASS_CERT &&
                       !cr_failed(cert_facts_read(NULL, cr_buf_bytes(&item->cert), &facts, NULL)) &&
                       cr_bytes_equal(cr_buf_bytes(&facts.subject_der), issuer);
            cert_facts_clear(&facts);
            if (hit)
                return item;
        }
    }
    return NULL;
}

/* Issuers upwards from @leaf until a self-issued one, which stays out. */
static cr_status chain_build(const struct tool_inventory *inv, const struct cert_facts *leaf, struct role_cert *cert,
                             struct cr_err *err)
{
    struct cr_buf chain[CHAIN_MAX] = {0}, issuer = {0};
    size_t n = 0;
    cr_status st = cr_buf_set(&issuer, leaf->issuer_der.p, leaf->issuer_der.n, err);

    if (cr_bytes_equal(cr_buf_bytes(&leaf->issuer_der), cr_buf_bytes(&leaf->subject_der)))
        goto out;
    while (!cr_failed(st) && n < CHAIN_MAX) {
        const struct tok_item *item = issuer_find(inv, cr_buf_bytes(&issuer));
        struct cert_facts facts = {0};
        bool top = true;
        if (item && !cr_failed(st = cert_facts_read(NULL, cr_buf_bytes(&item->cert), &facts, err))) {
            top = cr_bytes_equal(cr_buf_bytes(&facts.issuer_der), cr_buf_bytes(&facts.subject_der));
            if (!top && !cr_failed(st = cr_buf_set(&chain[n], item->cert.p, item->cert.n, err))) {
                n++;
                st = cr_buf_set(&issuer, facts.issuer_der.p, facts.issuer_der.n, err);
            }
        }
        cert_facts_clear(&facts);
        if (top)
            break;
    }
    if (!cr_failed(st))
        st = role_cert_set_chain(cert, chain, n, err);
out:
    for (size_t i = 0; i < n; i++)
        cr_buf_clear(&chain[i]);
    cr_buf_clear(&issuer);
    return st;
}

/* *out stays NULL when @item is not one @hex names or its key is on no token. */
static cr_status token_cert(struct tool *tool, const struct tool_inventory *inv, const struct tok_item *item,
                            const char *hex, struct role_cert **out, struct cr_err *err)
{
    struct tool_key_hit hits[TOOL_HITS_MAX];
    struct cert_facts facts = {0};
    struct role_cert *cert = NULL;
    size_t n = 0;
    cr_status st = cr_ok();

    if (item->cls != TOK_CLASS_CERT || cr_failed(cert_facts_read(NULL, cr_buf_bytes(&item->cert), &facts, NULL)) ||
        !tool_thumbprint_match(hex, facts.thumbprint, facts.sha1))
        goto out;
    if (cr_failed(st = tool_key_hits(tool, inv, &facts.key, hits, &n, err)) || !n)
        goto out;
    if (cr_failed(st = tool_cert_new(cr_buf_bytes(&item->cert), NULL, 0, &cert, err)) ||
        cr_failed(st = chain_build(inv, &facts, cert, err)))
        goto out;
    for (size_t i = 0; i < n && !cr_failed(st); i++)
        st = tool_cert_add_location(cert, hits[i].item->location, err);
    if (!cr_failed(st)) {
        *out = cert;
        cert = NULL;
    }
out:
    role_cert_unref(&cert);
    cert_facts_clear(&facts);
    return st;
}

cr_status tool_token_certs(struct tool *tool, const char *hex, struct role_cert ***certs, size_t *n, struct cr_err *err)
{
    struct tool_inventory inv = {0};
    struct role_cert **list = NULL;
    size_t nlist = 0, room = 0;
    cr_status st;

    if (cr_failed(st = tool_inventory_read(tool, &inv, err)))
        return st;
    for (size_t t = 0; t < inv.ntokens; t++)
        room += inv.tokens[t].n;
    if (!(list = calloc(room ? room : 1, sizeof(struct role_cert *))))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t t = 0; t < inv.ntokens; t++) {
        for (size_t i = 0; i < inv.tokens[t].n && !cr_failed(st); i++) {
            struct role_cert *cert = NULL;
            bool twice = false;
            st = token_cert(tool, &inv, &inv.tokens[t].items[i], hex, &cert, err);
            for (size_t k = 0; cert && k < nlist; k++)
                twice |= !strcmp(list[k]->thumbprint, cert->thumbprint);
            if (cert && !twice)
                list[nlist++] = role_cert_ref(cert);
            role_cert_unref(&cert);
        }
    }
    tool_inventory_clear(&inv);
    if (cr_failed(st)) {
        tool_certs_free(&list, nlist);
    } else {
        *certs = list;
        *n = nlist;
    }
    return st;
}
