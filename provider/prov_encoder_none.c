/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked to write a private key says why it cannot. Without these, the default provider's encoders would try with the
 * public half that they get of us, and say "malloc failure". */
#include <openssl/core_dispatch.h>

#include "prov_algs.h"
#include "prov_encoder.h"

static int private_key(void *provctx, int selection)
{
    (void)provctx;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

static int encode(void *vctx, OSSL_CORE_BIO *out, const void *vkey, const OSSL_PARAM abstract[], int selection,
                  OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    const struct prov_key *key = vkey;
    const struct prov_ctx *ctx = vctx;
    struct cr_err err = {0};

    (void)out;
    (void)abstract;
    (void)selection;
    (void)pw;
    (void)pw_arg;
    if (key == NULL || key->role == NULL)
        return 0;
    cr_ignore(cr_fail(&err, CR_E_UNSUPPORTED, "role %s: the private key stays in its token and cannot be written",
                      prov_role_name(key->role)));
    return prov_raise(&ctx->core, &err);
}

const OSSL_DISPATCH prov_encoder_none[] = {
    {OSSL_FUNC_ENCODER_NEWCTX, (void (*)(void))prov_encoder_new},
    {OSSL_FUNC_ENCODER_FREECTX, (void (*)(void))prov_encoder_free},
    {OSSL_FUNC_ENCODER_DOES_SELECTION, (void (*)(void))private_key},
    {OSSL_FUNC_ENCODER_ENCODE, (void (*)(void))encode},
    {0, NULL},
};
