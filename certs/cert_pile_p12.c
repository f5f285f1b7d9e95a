/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS#12 (RFC 7292) by OpenSSL's own parser, bag by bag, so that several keys are seen rather than the first taken. */
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <stdint.h>
#include <string.h>

#include "cert_err.h"
#include "cert_kdf.h"
#include "cert_pile.h"
#include "cert_x509.h"

/* A passphrase in one encoding; OpenSSL makes of text and n what the structure wants. NULL and "" differ in PKCS#12. */
struct form {
    const char *text;
    int n;
};

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

static cr_status not_decrypted(const struct cert_pile *pile, const char *what, struct cr_err *err)
{
    if (pile->legacy == NULL)
        return cert_fail(err, CR_E_UNSUPPORTED,
                         "%s cannot be decrypted, and OpenSSL's legacy provider is not installed", what);
    return cert_fail(err, CR_E_PIN, "the passphrase does not decrypt %s", what);
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

/* PKCS12_SAFEBAG_get1_cert makes one of the default library context; its bytes are read again in ours. */
static cr_status add_cert_bag(struct cert_pile *pile, const PKCS12_SAFEBAG *bag, struct cr_err *err)
{
    X509 *foreign = PKCS12_SAFEBAG_get1_cert(bag), *x = NULL;
    unsigned char *der = NULL;
    int n = foreign != NULL ? i2d_X509(foreign, &der) : 0;
    cr_status st = n > 0 ? cert_x509_read(pile->ctx, cr_bytes(der, (size_t)n), &x, err)
                         : cert_fail(err, CR_E_INVALID, "a certificate in the PFX cannot be read");

    OPENSSL_free(der);
    X509_free(foreign);
    return cr_failed(st) ? st : cert_pile_add_cert(pile, x, err);
}

static cr_status add_shrouded_bag(struct cert_pile *pile, const PKCS12_SAFEBAG *bag, struct form pass,
                                  struct cr_err *err)
{
    const X509_ALGOR *alg = NULL;
    PKCS8_PRIV_KEY_INFO *p8;
    cr_status st;

    X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &alg, NULL);
    if (cr_failed(st = cert_kdf_add(alg, &pile->iterations, err)))
        return st;
    if ((p8 = PKCS12_decrypt_skey_ex(bag, pass.text, pass.n, pile->ctx, NULL)) == NULL)
        return not_decrypted(pile, "the private key in the PFX", err);
    st = add_key_bag(pile, bag, p8, err);
    PKCS8_PRIV_KEY_INFO_free(p8);
    return st;
}

enum { DEPTH_MAX = 4 };

/* Bags in bags, as deep as anybody nests them. */
static cr_status add_bags(struct cert_pile *pile, const STACK_OF(PKCS12_SAFEBAG) * bags, struct form pass, int depth,
                          struct cr_err *err)
{
    cr_status st = cr_ok();

    if (depth > DEPTH_MAX)
        return cr_fail(err, CR_E_INVALID, "the PFX nests its bags too deep");
    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags) && !cr_failed(st); i++) {
        const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);

        switch (PKCS12_SAFEBAG_get_nid(bag)) {
        case NID_keyBag:
            st = add_key_bag(pile, bag, PKCS12_SAFEBAG_get0_p8inf(bag), err);
            break;
        case NID_pkcs8ShroudedKeyBag:
            st = add_shrouded_bag(pile, bag, pass, err);
            break;
        case NID_certBag:
            if (PKCS12_SAFEBAG_get_bag_nid(bag) == NID_x509Certificate)
                st = add_cert_bag(pile, bag, err);
            break;
        case NID_safeContentsBag:
            st = add_bags(pile, PKCS12_SAFEBAG_get0_safes(bag), pass, depth + 1, err);
            break;
        }
    }
    return st;
}

static cr_status unpack(struct cert_pile *pile, PKCS7 *p7, struct form pass, STACK_OF(PKCS12_SAFEBAG) * *out,
                        struct cr_err *err)
{
    cr_status st;

    if (PKCS7_type_is_data(p7)) {
        *out = PKCS12_unpack_p7data(p7);
        return *out != NULL ? cr_ok() : cert_fail(err, CR_E_INVALID, "a part of the PFX cannot be read");
    }
    if (!PKCS7_type_is_encrypted(p7) || p7->d.encrypted == NULL)
        return cr_fail(err, CR_E_UNSUPPORTED, "a part of the PFX is encrypted to a certificate, not to a passphrase");
    if (cr_failed(st = cert_kdf_add(p7->d.encrypted->enc_data->algorithm, &pile->iterations, err)))
        return st;
    *out = PKCS12_unpack_p7encdata(p7, pass.text, pass.n);
    return *out != NULL ? cr_ok() : not_decrypted(pile, "a part of the PFX", err);
}

static cr_status add_safes(struct cert_pile *pile, const PKCS12 *p12, struct form pass, struct cr_err *err)
{
    STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);
    cr_status st = cr_ok();

    if (safes == NULL)
        return cert_fail(err, CR_E_INVALID, "the PFX cannot be read");
    for (int i = 0; i < sk_PKCS7_num(safes) && !cr_failed(st); i++) {
        STACK_OF(PKCS12_SAFEBAG) *bags = NULL;

        if (!cr_failed(st = unpack(pile, sk_PKCS7_value(safes, i), pass, &bags, err)))
            st = add_bags(pile, bags, pass, 0, err);
        sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    }
    sk_PKCS7_pop_free(safes, PKCS7_free);
    return st;
}

/* Latin-1 of UTF-8 text; nothing when it has other characters or none that differ. */
static void to_latin1(const struct cr_buf *utf8, struct cr_buf *out)
{
    bool good = true, changed = false;

    for (size_t i = 0; i < utf8->n && good; i++) {
        unsigned char c = utf8->p[i];

        if (c >= 0x80) {
            good = (c & 0xfe) == 0xc2 && i + 1 < utf8->n && (utf8->p[i + 1] & 0xc0) == 0x80;
            if (good)
                c = (unsigned char)((c & 3) << 6 | (utf8->p[++i] & 0x3f));
            changed = true;
        }
        good = good && !cr_failed(cr_buf_append(out, &c, 1, NULL));
    }
    if (!good || !changed)
        cr_buf_clear(out);
}

/* Each byte taken for a Latin-1 character, as OpenSSL before 1.1 made BMPStrings of UTF-8 passphrases. */
static void widen(const struct cr_buf *utf8, struct cr_buf *out)
{
    bool good = true, changed = false;

    for (size_t i = 0; i < utf8->n && good; i++) {
        unsigned char c = utf8->p[i], two[2] = {(unsigned char)(0xc0 | c >> 6), (unsigned char)(0x80 | (c & 0x3f))};

        changed = changed || c >= 0x80;
        good = !cr_failed(c < 0x80 ? cr_buf_append(out, &c, 1, NULL) : cr_buf_append(out, two, 2, NULL));
    }
    if (!good || !changed)
        cr_buf_clear(out);
}

static cr_status check_mac(const PKCS12 *p12, struct cert_pile *pile, struct cr_err *err)
{
    const ASN1_INTEGER *count = NULL;

    if (!PKCS12_mac_present(p12))
        return cr_ok();
    PKCS12_get0_mac(NULL, NULL, NULL, &count, p12);
    return cert_kdf_add_count(count, &pile->iterations, err);
}

static bool mac_unknown(void)
{
    unsigned long e = ERR_peek_last_error();

    return ERR_GET_LIB(e) == ERR_LIB_PKCS12 && ERR_GET_REASON(e) != PKCS12_R_MAC_VERIFY_FAILURE;
}

/* The MAC alone does not choose the form: it sees a BMPString where PBES2 sees the bytes (RFC 7292 appendix B). */
static cr_status open_with(PKCS12 *p12, const struct form *forms, size_t nforms, struct cert_pile *pile,
                           struct cr_err *err)
{
    const bool mac = PKCS12_mac_present(p12);
    const uint64_t spent = pile->iterations;
    cr_status st = cr_fail(err, CR_E_PIN, "the passphrase does not open the PFX");

    for (size_t i = 0; i < nforms; i++) {
        if (mac && PKCS12_verify_mac(p12, forms[i].text, forms[i].n) != 1) {
            if (mac_unknown())
                return cert_fail(err, CR_E_UNSUPPORTED, "the PFX is authenticated in a way OpenSSL does not know");
            continue;
        }
        cert_pile_empty(pile);
        pile->iterations = spent;
        st = add_safes(pile, p12, forms[i], err);
        if (st.code != CR_E_PIN)
            return st;
    }
    return st;
}

static cr_status open_p12(PKCS12 *p12, const struct cr_buf *pass, struct cert_pile *pile, struct cr_err *err)
{
    struct cr_buf latin1 = {0}, wide = {0};
    struct form forms[3];
    size_t n = 0;
    cr_status st;

    forms[n++] = (struct form){pass->p != NULL ? (const char *)pass->p : "", (int)pass->n};
    to_latin1(pass, &latin1);
    widen(pass, &wide);
    if (pass->n == 0)
        forms[n++] = (struct form){NULL, 0};
    if (latin1.n > 0)
        forms[n++] = (struct form){(const char *)latin1.p, (int)latin1.n};
    if (wide.n > 0)
        forms[n++] = (struct form){(const char *)wide.p, (int)wide.n};
    st = open_with(p12, forms, n, pile, err);
    cr_buf_clear(&latin1);
    cr_buf_clear(&wide);
    return st;
}

cr_status cert_pile_p12(struct cr_bytes file, cert_pass_fn *pass, void *pass_arg, struct cert_pile *pile,
                        struct cr_err *err)
{
    PKCS12 *p12 = parse(file, pile->ctx);
    struct cr_buf text = {0};
    cr_status st;

    if (p12 == NULL)
        return cert_fail(err, CR_E_INVALID, "the PFX cannot be read");
    if (cr_failed(st = check_mac(p12, pile, err)))
        goto out;
    if (pass != NULL && cr_failed(st = pass(pass_arg, "the PFX", &text, err)))
        goto out;
    if (text.n > CERT_PILE_PASS)
        st = cr_fail(err, CR_E_PIN, "the passphrase is longer than %d bytes", CERT_PILE_PASS);
    else
        st = open_p12(p12, &text, pile, err);
out:
    cr_buf_clear(&text);
    PKCS12_free(p12);
    return st;
}
