/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS#12 (RFC 7292) by OpenSSL's own parser, bag by bag, so that several keys are seen rather than the first taken. */
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cert_err.h"
#include "cert_pile.h"

#define ITERATIONS_MAX 10000000 /* more is an attack on our time: OpenSSL's default is 2048, Windows' 2000 */

static PKCS12 *parse(struct cr_bytes file, OSSL_LIB_CTX *ctx)
{
    const unsigned char *p = file.p;
    PKCS12 *p12 = PKCS12_init_ex(NID_pkcs7_data, ctx, NULL);

    /* On failure d2i frees what it was given. */
    return p12 != NULL ? d2i_PKCS12(&p12, &p, (long)file.n) : NULL;
}

bool cert_is_p12(struct cr_bytes file)
{
    PKCS12 *p12;

    if (file.n < 2 || file.p[0] != 0x30)
        return false;
    (void)ERR_set_mark();
    p12 = parse(file, NULL);
    (void)ERR_pop_to_mark();
    PKCS12_free(p12);
    return p12 != NULL;
}

static cr_status add_key_bag(struct cert_pile *pile, const PKCS12_SAFEBAG *bag, const PKCS8_PRIV_KEY_INFO *p8,
                             struct cr_err *err)
{
    EVP_PKEY *key = EVP_PKCS82PKEY_ex(p8, pile->ctx, NULL);
    char *name;

    if (key == NULL)
        return cert_fail(err, CR_E_UNSUPPORTED, "a private key in the PFX cannot be read");
    if (pile->friendly_name == NULL && (name = PKCS12_get_friendlyname((PKCS12_SAFEBAG *)(uintptr_t)bag)) != NULL) {
        pile->friendly_name = strdup(name);
        OPENSSL_free(name);
    }
    return cert_pile_add_key(pile, key, err);
}

static cr_status add_bags(struct cert_pile *pile, const STACK_OF(PKCS12_SAFEBAG) * bags, const char *pass, int n,
                          int depth, struct cr_err *err);

static cr_status add_bag(struct cert_pile *pile, const PKCS12_SAFEBAG *bag, const char *pass, int n, int depth,
                         struct cr_err *err)
{
    PKCS8_PRIV_KEY_INFO *p8;
    cr_status st;
    X509 *x;

    switch (PKCS12_SAFEBAG_get_nid(bag)) {
    case NID_keyBag:
        return add_key_bag(pile, bag, PKCS12_SAFEBAG_get0_p8inf(bag), err);
    case NID_pkcs8ShroudedKeyBag:
        p8 = PKCS12_decrypt_skey_ex(bag, pass, n, pile->ctx, NULL);
        if (p8 == NULL)
            return cert_fail(err, CR_E_PIN, "the passphrase does not open the private key");
        st = add_key_bag(pile, bag, p8, err);
        PKCS8_PRIV_KEY_INFO_free(p8);
        return st;
    case NID_certBag:
        if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
            return cr_ok();
        x = PKCS12_SAFEBAG_get1_cert(bag);
        return x != NULL ? cert_pile_add_cert(pile, x, err)
                         : cert_fail(err, CR_E_INVALID, "a certificate cannot be read");
    case NID_safeContentsBag:
        if (depth > 4)
            return cr_fail(err, CR_E_INVALID, "the PFX nests its bags too deep");
        return add_bags(pile, PKCS12_SAFEBAG_get0_safes(bag), pass, n, depth + 1, err);
    default:
        return cr_ok();
    }
}

static cr_status add_bags(struct cert_pile *pile, const STACK_OF(PKCS12_SAFEBAG) * bags, const char *pass, int n,
                          int depth, struct cr_err *err)
{
    cr_status st = cr_ok();

    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags) && !cr_failed(st); i++)
        st = add_bag(pile, sk_PKCS12_SAFEBAG_value(bags, i), pass, n, depth, err);
    return st;
}

static cr_status add_safe(struct cert_pile *pile, PKCS7 *p7, const char *pass, int n, struct cr_err *err)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    cr_status st;

    if (PKCS7_type_is_data(p7))
        bags = PKCS12_unpack_p7data(p7);
    else if (PKCS7_type_is_encrypted(p7))
        bags = PKCS12_unpack_p7encdata(p7, pass, n);
    else
        return cr_fail(err, CR_E_UNSUPPORTED,
                       "a part of the PFX is encrypted to a certificate instead of a passphrase");
    if (bags == NULL)
        return cert_fail(err, pile->legacy != NULL ? CR_E_PIN : CR_E_UNSUPPORTED,
                         pile->legacy != NULL
                             ? "a part of the PFX cannot be decrypted"
                             : "a part of the PFX cannot be decrypted; OpenSSL's legacy provider is missing");
    st = add_bags(pile, bags, pass, n, 0, err);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    return st;
}

static cr_status add_safes(struct cert_pile *pile, const PKCS12 *p12, const char *pass, int n, struct cr_err *err)
{
    STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);
    cr_status st = cr_ok();

    if (safes == NULL)
        return cert_fail(err, CR_E_INVALID, "the PFX cannot be read");
    for (int i = 0; i < sk_PKCS7_num(safes) && !cr_failed(st); i++)
        st = add_safe(pile, sk_PKCS7_value(safes, i), pass, n, err);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    return st;
}

/* Latin-1 of UTF-8 text; false when it has other characters or nothing would change. */
static bool to_latin1(const struct cr_buf *utf8, struct cr_buf *out)
{
    bool changed = false;

    for (size_t i = 0; i < utf8->n; i++) {
        unsigned char c = utf8->p[i];

        if (c >= 0x80) {
            if ((c & 0xfe) != 0xc2 || i + 1 >= utf8->n)
                return false;
            c = (unsigned char)((c & 3) << 6 | (utf8->p[++i] & 0x3f));
            changed = true;
        }
        if (cr_failed(cr_buf_append(out, &c, 1, NULL)))
            return false;
    }
    return changed;
}

static cr_status check_iterations(const PKCS12 *p12, struct cr_err *err)
{
    const ASN1_INTEGER *iterations = NULL;

    PKCS12_get0_mac(NULL, NULL, NULL, &iterations, p12);
    if (iterations != NULL && (ASN1_INTEGER_get(iterations) < 0 || ASN1_INTEGER_get(iterations) > ITERATIONS_MAX))
        return cr_fail(err, CR_E_REFUSED, "the PFX asks for %ld iterations of its key derivation",
                       ASN1_INTEGER_get(iterations));
    return cr_ok();
}

/* Which form of the passphrase the MAC agrees to: as given, none at all, in Latin-1. *n -1: none. */
static bool find_pass(PKCS12 *p12, struct cr_buf *pass, struct cr_buf *latin1, const char **text, int *n)
{
    *text = pass->p != NULL ? (const char *)pass->p : "";
    *n = (int)pass->n;
    if (PKCS12_verify_mac(p12, *text, *n) == 1)
        return true;
    if (pass->n == 0) {
        *text = NULL;
        *n = 0;
        return PKCS12_verify_mac(p12, NULL, 0) == 1;
    }
    if (!to_latin1(pass, latin1))
        return false;
    *text = (const char *)latin1->p;
    *n = (int)latin1->n;
    return PKCS12_verify_mac(p12, *text, *n) == 1;
}

static cr_status open_p12(PKCS12 *p12, struct cr_buf *pass, struct cert_pile *pile, struct cr_err *err)
{
    struct cr_buf latin1 = {0};
    const char *text = NULL;
    cr_status st;
    int n = 0;

    if (PKCS12_mac_present(p12) && !find_pass(p12, pass, &latin1, &text, &n)) {
        st = cr_fail(err, CR_E_PIN, "the passphrase does not open the PFX");
    } else {
        if (!PKCS12_mac_present(p12)) {
            text = pass->p != NULL ? (const char *)pass->p : "";
            n = (int)pass->n;
        }
        st = add_safes(pile, p12, text, n, err);
    }
    cr_buf_clear(&latin1);
    return st;
}

cr_status cert_pile_p12(struct cr_bytes file, cert_pass_fn *pass, void *pass_arg, struct cert_pile *pile,
                        struct cr_err *err)
{
    PKCS12 *p12 = parse(file, pile->ctx);
    struct cr_buf text = {0};
    cr_status st = cr_ok();

    if (p12 == NULL)
        return cert_fail(err, CR_E_INVALID, "the PFX cannot be read");
    if (cr_failed(st = check_iterations(p12, err)))
        goto out;
    if (pass != NULL && cr_failed(st = pass(pass_arg, "the PFX", &text, err)))
        goto out;
    st = open_p12(p12, &text, pile, err);
out:
    cr_buf_clear(&text);
    PKCS12_free(p12);
    return st;
}
