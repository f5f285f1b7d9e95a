/* SPDX-License-Identifier: Apache-2.0 */
/* What "openssl pkey -text" prints: whose key it is, and its public half; of a private key with the words that OpenSSL has
 * for private keys, since scripts look for them (ACME clients: "publicExponent:"). */
#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <string.h>

#include "prov_algs.h"
#include "prov_encoder.h"

static void print_role(BIO *bio, struct prov_key *key)
{
    struct prov_bound b = {0};
    char kid[128];

    if (key->role == NULL || cr_failed(prov_key_bind(key, &b, NULL)))
        return;
    prov_bound_kid(&b, kid);
    (void)BIO_printf(bio, "%s key of the role %s, %s%s\n", key->priv ? "Private" : "Public", prov_role_name(key->role),
                     key->live ? "live" : "pinned", key->priv ? ", kept by a token" : "");
    (void)BIO_printf(bio, "    certificate: %s\n    subject: %s\n    kid: %s\n", b.cert->thumbprint,
                     b.cert->subject != NULL ? b.cert->subject : "", kid);
    prov_bound_clear(&b);
}

/* The line of a public key as that of a private one. */
static int print_line(BIO *bio, const char *line, bool rsa)
{
    const char *label = strstr(line, "Public-Key:"), *end = rsa ? strstr(line, " bit)") : NULL;

    if (label != NULL && end != NULL)
        return BIO_printf(bio, "Private-Key:%.*s bit, 2 primes)\n", (int)(end - label) - 11, label + 11);
    if (label != NULL)
        return BIO_printf(bio, "%.*sPrivate-Key:%s", (int)(label - line), line, label + 11);
    if (strncmp(line, "Modulus:", 8) == 0)
        return BIO_printf(bio, "m%s", line + 1);
    return strncmp(line, "Exponent:", 9) == 0 ? BIO_printf(bio, "publicE%s", line + 1) : BIO_puts(bio, line);
}

static int write_public(BIO *bio, struct prov_key *key, const struct prov_pub *pub)
{
    print_role(bio, key);
    return EVP_PKEY_print_public(bio, pub->pkey, 0, NULL) == 1;
}

static int write_private(BIO *bio, struct prov_key *key, const struct prov_pub *pub)
{
    BIO *text = key->priv ? BIO_new(BIO_s_mem()) : NULL;
    char line[256];
    int good = text != NULL && EVP_PKEY_print_public(text, pub->pkey, 0, NULL) == 1;

    if (!key->priv)
        return write_public(bio, key, pub);
    print_role(bio, key);
    while (good && BIO_gets(text, line, sizeof line) > 0)
        good = print_line(bio, line, key->type == TOK_KEY_RSA) > 0;
    BIO_free(text);
    return good;
}

static int any(void *provctx, int selection)
{
    (void)provctx;
    return selection != 0;
}

static int encode(void *vctx, OSSL_CORE_BIO *out, const void *key, const OSSL_PARAM abstract[], int selection,
                  OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    bool whole = (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;

    (void)pw;
    (void)pw_arg;
    return abstract == NULL && prov_encoder_write(vctx, out, key, whole ? write_private : write_public);
}

const OSSL_DISPATCH prov_encoder_text[] = {
    {OSSL_FUNC_ENCODER_NEWCTX, (void (*)(void))prov_encoder_new},
    {OSSL_FUNC_ENCODER_FREECTX, (void (*)(void))prov_encoder_free},
    {OSSL_FUNC_ENCODER_DOES_SELECTION, (void (*)(void))any},
    {OSSL_FUNC_ENCODER_ENCODE, (void (*)(void))encode},
    {0, NULL},
};
