/* SPDX-License-Identifier: Apache-2.0 */
/* A key management that only lends its name: OpenSSL uses a decoder for keys only if a key type has the decoder's name.
 * No key of this type exists; the decoder returns references of the type RSA, EC or ED25519. */
#include <openssl/core_dispatch.h>

#include "prov_algs.h"
#include "prov_keymgmt.h"

const OSSL_DISPATCH prov_keymgmt_ref[] = {
    {OSSL_FUNC_KEYMGMT_LOAD, (void (*)(void))prov_keymgmt_load},
    {OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))prov_keymgmt_free},
    {OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))prov_keymgmt_has},
    {0, NULL},
};
