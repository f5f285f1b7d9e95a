/* SPDX-License-Identifier: Apache-2.0 */
/* From the pile of keys and certificates in a file to one key, its certificate and its chain. */
#include "cert_bundle.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "cert_err.h"
#include "cert_key.h"
#include "cert_pile.h"
#include "cert_x509.h"

static X509 *at(const struct cert_pile *pile, int i)
{
    return sk_X509_value(pile->certs, i);
}

/* Index of the first certificate with @pkey's public key at or behind @from; -1 when none. */
static int matching(const struct cert_pile *pile, const EVP_PKEY *pkey, int from)
{
    for (int i = from; i < sk_X509_num(pile->certs); i++) {
        EVP_PKEY *pub = X509_get0_pubkey(at(pile, i));

        if (pub != NULL && EVP_PKEY_eq(pub, pkey) == 1)
            return i;
    }
    return -1;
}

static bool issued_another(const struct cert_pile *pile, int i)
{
    for (int j = 0; j < sk_X509_num(pile->certs); j++) {
        if (j != i && X509_NAME_cmp(X509_get_subject_name(at(pile, i)), X509_get_issuer_name(at(pile, j))) == 0 &&
            X509_check_issued(at(pile, i), at(pile, j)) == X509_V_OK)
            return true;
    }
    return false;
}

static cr_status two_leaves(const struct cert_pile *pile, int a, int b, struct cr_err *err)
{
    char *one = NULL, *two = NULL;
    cr_status st;

    if (!cr_failed(st = cert_name_text(X509_get_subject_name(at(pile, a)), &one, err)) &&
        !cr_failed(st = cert_name_text(X509_get_subject_name(at(pile, b)), &two, err)))
        st = cr_fail(err, CR_E_REFUSED,
                     "the file has two certificates that could be meant, %s and %s: import one at a time", one, two);
    free(one);
    free(two);
    return st;
}

/* Without a key: the one certificate that issued no other. */
static cr_status choose_leaf(const struct cert_pile *pile, int *leaf, struct cr_err *err)
{
    *leaf = -1;
    for (int i = 0; i < sk_X509_num(pile->certs); i++) {
        if (issued_another(pile, i))
            continue;
        if (*leaf >= 0)
            return two_leaves(pile, *leaf, i, err);
        *leaf = i;
    }
    if (*leaf < 0)
        return cr_fail(err, CR_E_REFUSED,
                       "the certificates in the file issued each other: no end certificate stands out");
    return cr_ok();
}

static cr_status several_keys(const struct cert_pile *pile, struct cr_err *err)
{
    struct cr_buf names = {0};
    cr_status st = cr_ok();

    for (size_t k = 0; k < pile->nkeys && !cr_failed(st); k++) {
        int i = matching(pile, pile->keys[k], 0);
        char *name = NULL;

        if (i >= 0)
            st = cert_name_text(X509_get_subject_name(at(pile, i)), &name, err);
        if (!cr_failed(st))
            st = cr_buf_printf(&names, err, "%s%s", k > 0 ? "; " : "",
                               name != NULL ? name : "a key without certificate");
        free(name);
    }
    if (!cr_failed(st))
        st = cr_fail(err, CR_E_REFUSED, "the file holds %zu private keys (%s): export one at a time", pile->nkeys,
                     (const char *)names.p);
    cr_buf_clear(&names);
    return st;
}

static cr_status put_der(X509 *x, struct cr_buf *out, struct cr_err *err)
{
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der);
    cr_status st =
        n > 0 ? cr_buf_set(out, der, (size_t)n, err) : cert_fail(err, CR_E_INVALID, "a certificate cannot be encoded");

    OPENSSL_free(der);
    return st;
}

/* The issuer of @i among those not used yet, by name and by signature: a renewed CA keeps its name. -1 when none, or when
 * @i is its own. No trust is decided here. */
static int issuer_of(const struct cert_pile *pile, int i, const bool *used)
{
    if (X509_self_signed(at(pile, i), 0) == 1)
        return -1;
    for (int j = 0; j < sk_X509_num(pile->certs); j++) {
        if (!used[j] && X509_check_issued(at(pile, j), at(pile, i)) == X509_V_OK && X509_get0_pubkey(at(pile, j)) &&
            X509_verify(at(pile, i), X509_get0_pubkey(at(pile, j))) == 1)
            return j;
    }
    return -1;
}

static cr_status order_chain(const struct cert_pile *pile, int leaf, struct cert_bundle *b, struct cr_err *err)
{
    bool used[CERT_PILE_CERTS] = {false};
    int n = sk_X509_num(pile->certs), i = leaf;
    cr_status st = put_der(at(pile, leaf), &b->leaf, err);

    if (cr_failed(st))
        return st;
    if ((b->chain = calloc((size_t)n, sizeof *b->chain)) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    used[leaf] = true;
    while (!cr_failed(st) && (i = issuer_of(pile, i, used)) >= 0) {
        used[i] = true;
        st = put_der(at(pile, i), &b->chain[b->nchain++], err);
    }
    for (i = 0; i < n; i++) {
        if (!used[i])
            b->dropped++;
    }
    return st;
}

static cr_status sort_out(const struct cert_pile *pile, struct cert_bundle *b, struct cr_err *err)
{
    int leaf = -1;
    cr_status st;

    if (sk_X509_num(pile->certs) == 0)
        return cr_fail(err, CR_E_REFUSED, "the file has no certificate");
    if (pile->nkeys > 1)
        return several_keys(pile, err);
    if (pile->nkeys == 1) {
        leaf = matching(pile, pile->keys[0], 0);
        if (leaf < 0)
            return cr_fail(err, CR_E_REFUSED, "the private key in the file belongs to none of its certificates");
        if (matching(pile, pile->keys[0], leaf + 1) >= 0)
            return two_leaves(pile, leaf, matching(pile, pile->keys[0], leaf + 1), err);
        if (cr_failed(st = cert_key_from_pkey(pile->keys[0], &b->key, err)))
            return st;
        b->has_key = true;
    } else if (cr_failed(st = choose_leaf(pile, &leaf, err))) {
        return st;
    }
    if (pile->friendly_name != NULL && cr_failed(st = cr_strdup(pile->friendly_name, &b->friendly_name, err)))
        return st;
    return order_chain(pile, leaf, b, err);
}

cr_status cert_bundle_read(struct cr_bytes file, cert_pass_fn *pass, void *pass_arg, struct cert_bundle *out,
                           struct cr_err *err)
{
    struct cert_bundle bundle = {0};
    struct cert_pile pile = {0};
    cr_status st;

    (void)ERR_set_mark();
    st = cert_pile_read(file, pass, pass_arg, &pile, err);
    if (!cr_failed(st))
        st = sort_out(&pile, &bundle, err);
    cert_pile_clear(&pile);
    (void)ERR_pop_to_mark();
    if (cr_failed(st))
        cert_bundle_clear(&bundle);
    else
        *out = bundle;
    return st;
}

void cert_bundle_clear(struct cert_bundle *b)
{
    if (b == NULL)
        return;
    tok_key_clear(&b->key);
    cr_buf_clear(&b->leaf);
    for (size_t i = 0; i < b->nchain; i++)
        cr_buf_clear(&b->chain[i]);
    free(b->chain);
    cr_free_str(&b->friendly_name);
    *b = (struct cert_bundle){0};
}

cr_status cert_pem_append(const char *label, struct cr_bytes der, struct cr_buf *out, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st;
    size_t i;

    if (cr_failed(st = cr_base64(der, &text, err)))
        return st;
    st = cr_buf_printf(out, err, "-----BEGIN %s-----\n", label);
    for (i = 0; i < text.n && !cr_failed(st); i += 64)
        st = cr_buf_printf(out, err, "%.64s\n", (const char *)text.p + i);
    if (!cr_failed(st))
        st = cr_buf_printf(out, err, "-----END %s-----\n", label);
    cr_buf_clear(&text);
    return st;
}
