/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdint.h>

#include "prov_algs.h"
#include "prov_keymgmt.h"
#include "prov_params.h"

static void *new_key(void *provctx)
{
    struct prov_key *key = NULL;

    return cr_failed(prov_key_new(provctx, TOK_KEY_EC, &key, NULL)) ? NULL : key;
}

static const char *operation_name(int operation)
{
    switch (operation) {
    case OSSL_OP_SIGNATURE:
        return PROV_SIG_ECDSA;
    case OSSL_OP_KEYEXCH:
        return PROV_EXCH_ECDH;
    default:
        return "EC";
    }
}

static const OSSL_PARAM *gettable(void *provctx)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_FIELD_TYPE, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_P, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_A, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_B, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_EC_GENERATOR, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_ORDER, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_COFACTOR, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_EC_SEED, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_X, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_Y, NULL, 0),
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
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_END,
    };

    if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0)
        return known;
    return (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0 ? known + 1 : NULL;
}

static int import_key(void *vkey, int selection, const OSSL_PARAM params[])
{
    return prov_keymgmt_import(vkey, "EC", selection, params);
}

/* CMS gives a bare curve the sender's point; nothing else can be set. */
static int set_params(void *vkey, const OSSL_PARAM params[])
{
    struct prov_key *key = vkey;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY);
    OSSL_PARAM full[3];

    if (p == NULL)
        return 1;
    if (key->pub != NULL || key->group == NULL || p->data_type != OSSL_PARAM_OCTET_STRING)
        return 0;
    full[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)key->group, 0);
    full[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, p->data, p->data_size);
    full[2] = OSSL_PARAM_construct_end();
    return prov_keymgmt_import(key, "EC", OSSL_KEYMGMT_SELECT_PUBLIC_KEY, full);
}

static const OSSL_PARAM *settable(void *provctx)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return known;
}

const OSSL_DISPATCH prov_keymgmt_ec[] = {
    {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))new_key},
    {OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))prov_keymgmt_free},
    {OSSL_FUNC_KEYMGMT_DUP, (void (*)(void))prov_keymgmt_dup},
    {OSSL_FUNC_KEYMGMT_LOAD, (void (*)(void))prov_keymgmt_load},
    {OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))prov_keymgmt_has},
    {OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))prov_keymgmt_match},
    {OSSL_FUNC_KEYMGMT_VALIDATE, (void (*)(void))prov_keymgmt_validate},
    {OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))prov_keymgmt_get_params},
    {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))gettable},
    {OSSL_FUNC_KEYMGMT_SET_PARAMS, (void (*)(void))set_params},
    {OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, (void (*)(void))settable},
    {OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))import_key},
    {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))types},
    {OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))prov_keymgmt_export},
    {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))types},
    {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))operation_name},
    {0, NULL},
};
