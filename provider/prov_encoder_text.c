/* SPDX-License-Identifier: Apache-2.0 */
/* What "openssl pkey -text" prints: whose key it is, and its public half. */
#include <openssl/core_dispatch.h>
#include <openssl/evp.h>

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

static int write_text(BIO *bio, struct prov_key *key, const struct prov_pub *pub)
{
    print_role(bio, key);
    return EVP_PKEY_print_public(bio, pub->pkey, 0, NULL) == 1;
}

static int any(void *provctx, int selection)
{
    (void)provctx;
    return selection != 0;
}

static int encode(void *vctx, OSSL_CORE_BIO *out, const void *key, const OSSL_PARAM abstract[], int selection,
                  OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    (void)selection;
    (void)pw;
    (void)pw_arg;
    return abstract == NULL && prov_encoder_write(vctx, out, key, write_text);
}

const OSSL_DISPATCH prov_encoder_text[] = {
    {OSSL_FUNC_ENCODER_NEWCTX, (void (*)(void))prov_encoder_new},
    {OSSL_FUNC_ENCODER_FREECTX, (void (*)(void))prov_encoder_free},
    {OSSL_FUNC_ENCODER_DOES_SELECTION, (void (*)(void))any},
    {OSSL_FUNC_ENCODER_ENCODE, (void (*)(void))encode},
    {0, NULL},
};
