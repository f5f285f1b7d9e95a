/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "prov_algs.h"
#include "prov_keymgmt.h"
#include "prov_params.h"

static void *new_key(void *provctx)
{
    struct prov_key *key = NULL;

    return cr_failed(prov_key_new(provctx, TOK_KEY_ED25519, &key, NULL)) ? NULL : key;
}

static const char *operation_name(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? PROV_SIG_ED25519 : "ED25519";
}

static const OSSL_PARAM *gettable(void *provctx)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        OSSL_PARAM_utf8_string(PROV_PARAM_KID, NULL, 0),
        OSSL_PARAM_utf8_string(PROV_PARAM_THUMBPRINT, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return known;
}

static const OSSL_PARAM *types(int selection)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_END,
    };

    return (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 ? known : NULL;
}

static int import_key(void *vkey, int selection, const OSSL_PARAM params[])
{
    return prov_keymgmt_import(vkey, "ED25519", selection, params);
}

const OSSL_DISPATCH prov_keymgmt_ed25519[] = {
    {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))new_key},
    {OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))prov_keymgmt_free},
    {OSSL_FUNC_KEYMGMT_DUP, (void (*)(void))prov_keymgmt_dup},
    {OSSL_FUNC_KEYMGMT_LOAD, (void (*)(void))prov_keymgmt_load},
    {OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))prov_keymgmt_has},
    {OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))prov_keymgmt_match},
    {OSSL_FUNC_KEYMGMT_VALIDATE, (void (*)(void))prov_keymgmt_validate},
    {OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))prov_keymgmt_get_params},
    {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))gettable},
    {OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))import_key},
    {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))types},
    {OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))prov_keymgmt_export},
    {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))types},
    {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))operation_name},
    {0, NULL},
};
